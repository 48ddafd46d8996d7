//! Designs side by side: one table to decide from, what it leaves out beneath.
//!
//! Next: `check.rs`.

use crate::check::level::Level;
use crate::explore::compare::{DesignSummary, Tally};
use crate::explore::metric::{Better, METRICS, OCCASIONAL};
use crate::metrics::statistics::Estimate;
use crate::protocol::Guarantee;

use super::super::label::{label, regional_label};
use super::super::number::{counted, estimate};
use super::super::paint::{Paint, Style};
use super::super::subject::{Conclusion, SweepReport, conclusion_of};
use super::super::table::{Align, Cell, Table, width, wrap};
use super::{COLUMNS, check};

/// The widest that the table gets while it still tells the metrics' names in scenario files.
const WIDEST: usize = 120;

/// The report of a comparison.
pub fn compare(report: &SweepReport, paint: Paint) -> String {
    let designs = &report.comparison.designs;
    let title = paint.paint(Style::Strong, &report.scenario.name);
    if designs.is_empty() {
        return format!("{title}\nno seed was finished by every design\n");
    }
    let with_names = table(report, true);
    let table = if with_names.width() > WIDEST { table(report, false) } else { with_names };
    let mut text = format!("{title}\n{}\n\n{}\n", seeds(report), table.render(paint));
    text.push_str(&legend(report));
    text.push_str(&check::problems(report, paint));
    text
}

fn seeds(report: &SweepReport) -> String {
    let seeds = &report.comparison.seeds;
    let range = match (seeds.first(), seeds.last()) {
        (Some(first), Some(last)) if first != last => format!(" ({first} to {last})"),
        _ => String::new(),
    };
    let designs = counted(report.comparison.designs.len(), "design");
    let asked =
        if report.is_cut_short() { format!(", interrupted: {} were asked for", report.asked) } else { String::new() };
    format!("{designs}, the same {}{range} each{asked}", counted(seeds.len(), "seed"))
}

fn table(report: &SweepReport, with_names: bool) -> Table {
    let designs = &report.comparison.designs;
    let mut columns = vec![Align::Left];
    columns.extend(designs.iter().map(|_| Align::Left));
    columns.extend(with_names.then_some(Align::Left));
    let mut table = Table::new(0, columns);
    let pareto = |name: &String| if report.comparison.pareto.contains(name) { " *" } else { "" };
    let names = designs.iter().map(|d| Cell::new(Style::Strong, format!("{}{}", d.name, pareto(&d.name))));
    table.row([Cell::default()].into_iter().chain(names));
    let protocols = designs.iter().map(|design| Cell::new(Style::Faint, design.protocol));
    table.row([Cell::default()].into_iter().chain(protocols));

    let rows = numbers(designs);
    let bodies = align(&rows);
    let mut group = Group::Metric;
    for (row, cells) in rows.into_iter().zip(bodies) {
        if row.group != group {
            table.gap();
            group = row.group;
        }
        let name = with_names.then(|| Cell::new(Style::Faint, row.name));
        table.row([Cell::from(row.label)].into_iter().chain(cells).chain(name));
    }
    table.gap();
    for (place, guarantee) in Guarantee::ALL.iter().enumerate() {
        let cells = designs.iter().map(|design| {
            let is_claimed = report.claims(design).contains(guarantee);
            verdict(design, guarantee.name(), is_claimed, design.verdicts[place].1)
        });
        table.row([Cell::from(guarantee.name())].into_iter().chain(cells));
    }
    for level in levels(designs) {
        let name = level.to_string();
        let cells = designs.iter().map(|design| match design.tally(&name) {
            Some(tally) => verdict(design, &name, true, tally),
            None => Cell::new(Style::Faint, "–"),
        });
        table.row([Cell::from(&*name)].into_iter().chain(cells.collect::<Vec<_>>()));
    }
    if designs.iter().any(|design| !design.judgements.is_empty()) {
        table.row([Cell::from("expectations held")].into_iter().chain(designs.iter().map(expectations)));
    }
    table
}

/// Which part of the table a row is in.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Group {
    Metric,
    Region(&'static str),
}

/// One row of numbers, a design each.
struct Numbers {
    group: Group,
    label: String,
    name: String,
    better: Option<Better>,
    scale: f64,
    estimates: Vec<Estimate>,
}

fn numbers(designs: &[DesignSummary]) -> Vec<Numbers> {
    let metrics = METRICS.iter().enumerate().map(|(place, metric)| {
        let estimates: Vec<Estimate> = designs.iter().map(|design| design.metrics[place]).collect();
        let largest = estimates.iter().map(|estimate| estimate.mean).fold(0.0, f64::max);
        let label = label(metric, largest);
        let name = metric.name.into();
        Numbers { group: Group::Metric, label: label.words, name, better: metric.better, scale: label.scale, estimates }
    });
    let regions = designs[0].regional.iter().enumerate().map(|(place, of)| {
        let label = regional_label(of.metric, &of.region);
        let estimates = designs.iter().map(|design| design.regional[place].estimate).collect();
        Numbers {
            group: Group::Region(of.metric.name),
            label: label.words,
            name: of.name(),
            better: of.metric.better,
            scale: label.scale,
            estimates,
        }
    });
    let occurs =
        |row: &Numbers| !OCCASIONAL.contains(&&*row.name) || row.estimates.iter().any(|estimate| estimate.mean > 0.0);
    metrics.filter(occurs).chain(regions).collect()
}

/// The cells of the rows: in each design's column, means end where the others end, and intervals begin together.
fn align(rows: &[Numbers]) -> Vec<Vec<Cell>> {
    let parts: Vec<Vec<(String, String)>> =
        rows.iter().map(|row| row.estimates.iter().map(|e| estimate(e, row.scale)).collect()).collect();
    let designs = rows.first().map_or(0, |row| row.estimates.len());
    let means: Vec<usize> =
        (0..designs).map(|place| parts.iter().map(|row| width(&row[place].0)).max().unwrap_or(0)).collect();
    let cell = |row: &Numbers, place: usize, (mean, half): &(String, String)| {
        let half = if half.is_empty() { String::new() } else { format!(" ± {half}") };
        let style = if is_best(row, place) { Style::Good } else { Style::Plain };
        Cell::new(style, format!("{mean:>wide$}{half}", wide = means[place]))
    };
    let line = |(row, parts): (&Numbers, &Vec<(String, String)>)| {
        parts.iter().enumerate().map(|(place, part)| cell(row, place, part)).collect()
    };
    rows.iter().zip(&parts).map(line).collect()
}

/// Whether no other design's mean is better, and some design's is worse.
fn is_best(row: &Numbers, place: usize) -> bool {
    let Some(better) = row.better else { return false };
    let mine = row.estimates[place].mean;
    let is_worse = |other: f64| if better == Better::Less { other > mine } else { other < mine };
    let others = || row.estimates.iter().map(|estimate| estimate.mean);
    others().all(|other| other == mine || is_worse(other)) && others().any(is_worse)
}

/// The levels of consistency that are expected of some design, from the strongest of each family to the weakest.
fn levels(designs: &[DesignSummary]) -> Vec<Level> {
    let mut levels: Vec<Level> = designs.iter().flat_map(|design| &design.levels).map(|(level, _)| *level).collect();
    levels.sort_unstable();
    levels.dedup();
    levels
}

/// How many seeds pass a guarantee or a level of this name.
fn verdict(design: &DesignSummary, name: &str, is_claimed: bool, tally: Tally) -> Cell {
    let total = tally.pass + tally.fail + tally.inconclusive;
    let mark = if tally.fail > 0 { " ✗" } else { "" };
    let undecided = if tally.inconclusive > 0 { format!(", {} undecided", tally.inconclusive) } else { String::new() };
    let is_broken = design.broken_claims.iter().any(|(broken, ..)| broken.name() == name)
        || design.judgements.iter().any(|judgement| !judgement.held && judgement.expectation.name == name);
    let is_promised = is_claimed || design.judgements.iter().any(|judgement| judgement.expectation.name == name);
    let style = match (is_broken, is_promised) {
        (true, _) if tally.fail == 0 => Style::Doubt,
        (true, _) => Style::Bad,
        (false, true) => Style::Plain,
        (false, false) => Style::Faint,
    };
    Cell::new(style, format!("{}/{total}{undecided}{mark}", tally.pass))
}

fn expectations(design: &DesignSummary) -> Cell {
    let held = design.judgements.iter().filter(|judgement| judgement.held).count();
    let style = match conclusion_of(design) {
        _ if held == design.judgements.len() => Style::Plain,
        Conclusion::Inconclusive => Style::Doubt,
        _ => Style::Bad,
    };
    Cell::new(style, format!("{held}/{}", design.judgements.len()))
}

fn legend(report: &SweepReport) -> String {
    let seeds = counted(report.comparison.seeds.len(), "paired seed");
    let lines = [
        "*    on the Pareto front: no other design is at least as good in every metric and better in one".to_string(),
        format!("±    half of the 95 % t interval of the mean over {seeds}; none where every seed gave the same"),
        "n/n  seeds that pass; ✗ some seed fails: what was claimed, or expected otherwise, is listed below".to_string(),
    ];
    let has_levels = report.comparison.designs.iter().any(|design| !design.levels.is_empty());
    let levels = "–    not judged: levels of consistency are, where expected, by what clients saw and by the order in which the \
                  store had the versions of each key that has one";
    let levels = has_levels.then_some(levels);
    lines.iter().map(String::as_str).chain(levels).map(wrap_legend).collect()
}

/// A legend's line as it is, unless a terminal would break it.
fn wrap_legend(line: &str) -> String {
    if width(line) <= COLUMNS { format!("{line}\n") } else { wrap(line, "", COLUMNS) }
}
