//! The network of a run: how far it is from region to region, and which links were cut or impaired, and when.
//!
//! Next: `lanes.rs`.

use std::collections::{BTreeMap, BTreeSet};

use super::draw::{card, escaped};
use super::strips::Strip;
use crate::id::RegionId;
use crate::model::fault::{Action, Fault, Target};
use crate::sim::Setup;
use crate::time::{Duration, Time};

use super::super::fault::{describe, end};
use super::super::number::{millis, seconds};
use super::super::subject::RunReport;

/// What was wrong with a link: from when until when, how it is drawn, and the fault in words.
type Trouble = (Time, Time, &'static str, String);

/// The network: distances, and troubles over time.
pub fn network(report: &RunReport) -> String {
    let setup = &report.scenario.setup;
    if setup.topology.regions().len() < 2 {
        return String::new();
    }
    card("Network", &(matrix(setup) + &troubles(report)))
}

/// A row for each region that sends, a column for each that receives. The darker, the further; a link that was cut has a bar of the
/// run's time below its delay, red where nothing passed.
fn matrix(setup: &Setup) -> String {
    let regions = setup.topology.regions();
    let ids = || (0..regions.len()).map(|place| RegionId(place as u16));
    let median = |from, to| setup.topology.delay(from, to).median();
    let furthest = ids().flat_map(|from| ids().map(move |to| median(from, to))).max().unwrap_or_default();
    let between = between(setup);
    let cell = |from: RegionId, to: RegionId| {
        let delay = median(from, to);
        let part = if furthest.is_zero() { 0.0 } else { delay.as_secs_f64() / furthest.as_secs_f64() };
        let empty = Vec::new();
        let wrong = between.get(&(from, to)).unwrap_or(&empty);
        let said: String = wrong.iter().map(|trouble| format!("; {}", trouble.3)).collect();
        let hint = format!(
            "{} to {}: half of all messages take at most {} ms one way{said}",
            regions[from.index()],
            regions[to.index()],
            millis(delay)
        );
        format!(
            "<td class=\"far\" style=\"--far:{}%\" title=\"{}\">{}{}</td>",
            (part * 50.0).round(),
            escaped(&hint),
            millis(delay),
            timeline(wrong, setup.duration)
        )
    };
    let heads: String =
        regions.iter().map(|name| format!("<th scope=\"col\" class=\"num\">{}</th>", escaped(name))).collect();
    let row = |from: RegionId| {
        let cells: String = ids().map(|to| cell(from, to)).collect();
        format!("<tr><th scope=\"row\">{}</th>{cells}</tr>\n", escaped(&regions[from.index()]))
    };
    let rows: String = ids().map(row).collect();
    format!(
        "<div class=\"scroll\" tabindex=\"0\" role=\"group\" aria-label=\"delays between regions\"><table class=\"matrix\"><thead><tr>\
         <th scope=\"col\">ms one way, from ↓ to →</th>{heads}</tr></thead><tbody>{rows}</tbody></table></div>\
         <p class=\"hint\">Medians. Below a delay: the run's time, red while the link was cut, dashed while it was impaired.</p>"
    )
}

/// The troubles of a link on a line as wide as its cell.
fn timeline(troubles: &[Trouble], total: Duration) -> String {
    if troubles.is_empty() {
        return String::new();
    }
    let part = |at: Time| (at.as_secs_f64() / total.as_secs_f64()).min(1.0) * 100.0;
    let bar = |(from, until, class, _): &Trouble| {
        let (from, until) = (part(*from), part(*until));
        format!("<i class=\"{class}\" style=\"left:{from:.1}%;width:{:.1}%\"></i>", (until - from).max(2.0))
    };
    let words: Vec<String> = troubles
        .iter()
        .map(|(from, until, ..)| format!("{} to {}", seconds(from.since(Time::ZERO)), seconds(until.since(Time::ZERO))))
        .collect();
    format!(
        "<span class=\"when\" role=\"img\" aria-label=\"{}\">{}</span>",
        words.join(", "),
        troubles.iter().map(bar).collect::<String>()
    )
}

/// What was wrong between whole regions, by (from, to).
fn between(setup: &Setup) -> BTreeMap<(RegionId, RegionId), Vec<Trouble>> {
    let mut found: BTreeMap<_, Vec<Trouble>> = BTreeMap::new();
    for fault in &setup.faults {
        let until = end(fault, &setup.faults, setup.duration);
        let (links, class) = links(fault, setup.topology.regions().len());
        let regions: BTreeSet<_> = links.iter().filter_map(|(from, to)| Some((region(from)?, region(to)?))).collect();
        for link in regions {
            found.entry(link).or_default().push((fault.at, until, class, describe(fault, &setup.topology)));
        }
    }
    found
}

fn region(target: &Target) -> Option<RegionId> {
    match target {
        Target::Region(region) => Some(*region),
        _ => None,
    }
}

/// A row for each pair of places between which something was wrong, and when.
fn troubles(report: &RunReport) -> String {
    let setup = &report.scenario.setup;
    let mut rows: BTreeMap<String, Vec<Trouble>> = BTreeMap::new();
    for fault in &setup.faults {
        let until = end(fault, &setup.faults, setup.duration);
        let (links, class) = links(fault, setup.topology.regions().len());
        let name = |target: &Target| match target {
            Target::Region(region) | Target::Role(region, _) | Target::Zone(region, _) => {
                setup.topology.regions()[region.index()].to_string()
            }
            Target::Leader => "the leader".into(),
        };
        for (a, b) in &links {
            let both = links.contains(&(*b, *a));
            let (from, to) = (name(a), name(b));
            if both && from > to {
                continue; // the other direction tells it
            }
            let row = format!("{from} {} {to}", if both { "↔" } else { "→" });
            rows.entry(row).or_default().push((fault.at, until, class, describe(fault, &setup.topology)));
        }
    }
    if rows.is_empty() {
        return String::new();
    }
    let mut strip = Strip::new(report, rows.len(), "links between regions that were cut or impaired, over time");
    for (row, (name, spans)) in rows.iter().enumerate() {
        strip.name(row, name);
        for (from, to, class, hint) in spans {
            strip.bar(row, class, (*from, *to), hint);
        }
    }
    let legend = "<p class=\"hint\">Full: cut. Dashed: some messages are lost, late, damaged or repeated.</p>";
    strip.finish() + legend
}

/// The links that a fault touches, as (from, to), and how they are drawn.
fn links(fault: &Fault, regions: usize) -> (Vec<(Target, Target)>, &'static str) {
    let region = |place: usize| Target::Region(RegionId(place as u16));
    let around = |targets: &[Target]| -> Vec<(Target, Target)> {
        let others = |target: &Target| {
            let target = *target;
            let others = (0..regions).map(region).filter(move |other| *other != target);
            others.flat_map(move |other| [(target, other), (other, target)]).collect::<Vec<_>>()
        };
        targets.iter().flat_map(others).collect()
    };
    match &fault.action {
        Action::Isolate(targets) => (around(targets), "cut"),
        // Clients still pass.
        Action::GatewayDown(targets) => (around(targets), "hollow"),
        Action::Cut { links, .. } => (links.clone(), "cut"),
        Action::Shape { shape, places } => (shape.links(places), "cut"),
        Action::Flap { links, .. }
        | Action::Loss { links, .. }
        | Action::Corrupt { links, .. }
        | Action::Duplicate { links, .. }
        | Action::Reorder { links, .. }
        | Action::Delay { links, .. }
        | Action::Throttle { links, .. } => (links.clone(), "hollow"),
        _ => (Vec::new(), ""),
    }
}
