//! A run around the moment that tells most: a lane for each node, time from left to right, messages as slanted lines.
//!
//! The data of it: `page.js` draws it, in a chart like others, with the same zoom. Next: `keys.rs`.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::charts::Chart;
use super::draw::escaped;
use crate::id::NodeId;
use crate::sim::{Run, Setup};
use crate::time::{Duration, Time};
use crate::trace::{Flight, Sighting};

use super::super::fault::end;
use super::super::number::instant;
use super::super::observation::{is_told, words};
use super::super::subject::RunReport;

/// How long before and after that moment something can be seen.
const BEFORE: Duration = Duration::millis(1500);
const AFTER: Duration = Duration::millis(2500);
/// So many messages are drawn at most: the nearest to the moment.
const FLIGHTS: usize = 900;
/// So many lines are told in words at most.
const TOLD: usize = 40;

/// The moment that tells most, and what it is.
fn moment(run: &Run, setup: &Setup) -> Option<(Time, &'static str)> {
    let breach = run.breaches.iter().map(|breach| breach.at).min().map(|at| (at, "when an invariant breaks"));
    let two = || {
        let both = run.stints.iter().enumerate().flat_map(|(place, one)| {
            let others = run.stints[..place].iter().filter(move |other| other.group == one.group);
            others.map(move |other| (one.first.max(other.first), one.last.min(other.last)))
        });
        both.filter(|(from, to)| from < to)
            .map(|(from, _)| (from, "when two leaders begin to acknowledge writes"))
            .min()
    };
    let failover = || {
        let epochs = run.failovers.iter().map(|failover| (failover.group, failover.epoch));
        let office = |of| run.offices.iter().find(|office| (office.group, office.epoch) == of);
        epochs.filter_map(office).map(|office| (office.at, "when another leader takes office")).min()
    };
    let fault = || setup.faults.iter().map(|fault| (fault.at, "when the first fault begins")).min();
    breach.or_else(two).or_else(failover).or_else(fault)
}

/// The time that the chart of lanes shows, which the run must have been filmed in; `None` where there is nothing to show.
pub fn window(run: &Run, setup: &Setup) -> Option<(Time, Time)> {
    let (at, _) = moment(run, setup)?;
    Some((Time::from_nanos(at.as_nanos().saturating_sub(BEFORE.as_nanos())), at + AFTER))
}

/// The chart, and beside it what is marked in it, in words. `None` where the run was not filmed there.
pub fn lanes(report: &RunReport) -> Option<(Chart, String)> {
    let (run, setup) = (report.run, &report.scenario.setup);
    let film = run.trace.film()?;
    let (at, what) = moment(run, setup)?;
    let (from, until) = window(run, setup)?;
    let (from, until, flights) = nearest(&film.flights, at, (from, until));
    let is_shown = |time: Time| from <= time && time <= until;
    let mut kinds: BTreeMap<&str, usize> = BTreeMap::new();
    flights.iter().for_each(|flight| *kinds.entry(&flight.what).or_default() += 1);
    let names: Vec<&str> = kinds.keys().copied().collect();
    let micros = |at: Time| at.since(from).as_nanos() / 1000;
    let drawn = flights.iter().map(|flight| {
        let kind = names.binary_search(&flight.what.as_str()).expect("every kind is counted");
        let arrives = flight.arrives.map(micros);
        json!([flight.from.0, flight.to.0, micros(flight.sent), arrives, kind])
    });
    let sightings = film.sightings.iter();
    let sightings: Vec<&Sighting> =
        sightings.filter(|sighting| is_shown(sighting.at) && is_told(&sighting.observation)).collect();
    let mark = |of: &&Sighting| json!([of.node.0, micros(of.at), words(&of.observation, run)]);
    let data = json!({
        "kind": "lanes", "x": "time", "unit": "", "log": false, "lines": [],
        "at": [from.as_secs_f64(), until.as_secs_f64()],
        "moment": at.as_secs_f64(),
        "lanes": run.nodes.iter().map(|node| json!([&*node.name, node.region.index()])).collect::<Value>(),
        "kinds": names,
        "flights": drawn.collect::<Value>(),
        "marks": sightings.iter().map(mark).collect::<Value>(),
        "reigns": reigns(run, from, until),
        "faults": setup.faults.iter().map(|fault| {
            json!([fault.at.as_secs_f64(), end(fault, &setup.faults, setup.duration).as_secs_f64()])
        }).collect::<Value>(),
    });
    let told = in_words(run, &sightings);
    let hint = format!(
        "<p class=\"hint said\" aria-live=\"polite\">Around {}, {what}: {} messages; dashed red: lost. Pale: in office, full: \
         acknowledging writes. Point at a message to read it.</p>{told}",
        instant(at),
        flights.len(),
    );
    Some((Chart { title: "Space and time: messages between nodes", data }, hint))
}

/// Messages sent in this time; where there are too many, a shorter time around the moment in which there are not.
fn nearest(flights: &[Flight], at: Time, (from, until): (Time, Time)) -> (Time, Time, Vec<&Flight>) {
    let shown = flights.iter().filter(|flight| from <= flight.sent && flight.sent <= until);
    let mut shown: Vec<&Flight> = shown.collect();
    let far = |flight: &Flight| flight.sent.since(at).max(at.since(flight.sent));
    if shown.len() <= FLIGHTS {
        return (from, until, shown);
    }
    let mut spans: Vec<Duration> = shown.iter().map(|flight| far(flight)).collect();
    spans.sort_unstable();
    let most = spans[FLIGHTS - 1];
    shown.retain(|flight| far(flight) <= most);
    let before = at.since(Time::ZERO).min(most);
    (
        from.max(Time::ZERO + Duration::nanos((at.since(Time::ZERO)).as_nanos() - before.as_nanos())),
        until.min(at + most),
        shown,
    )
}

/// Who was in office, and who acknowledged writes, in this time: `[lane, from, until, whether it acknowledged]`.
fn reigns(run: &Run, from: Time, until: Time) -> Value {
    let span = |node: NodeId, (begins, ends): (Time, Time), writes: bool| {
        let (begins, ends) = (begins.max(from), ends.min(until));
        (begins < ends).then(|| json!([node.0, begins.as_secs_f64(), ends.as_secs_f64(), writes]))
    };
    let offices = run.offices.iter().map(|office| {
        let later = run.offices.iter().filter(|other| other.group == office.group && other.at > office.at);
        (office.node, (office.at, later.map(|other| other.at).min().unwrap_or(Time::NEVER)), false)
    });
    let stints = run.stints.iter().map(|stint| (stint.node, (stint.first, stint.last), true));
    offices.chain(stints).filter_map(|(node, times, writes)| span(node, times, writes)).collect()
}

/// What is marked, for who does not see it.
fn in_words(run: &Run, sightings: &[&Sighting]) -> String {
    let line = |of: &&Sighting| {
        let name = &run.nodes[of.node.index()].name;
        format!(
            "<li><code>{}</code> {}</li>",
            instant(of.at),
            escaped(&format!("{name} {}", words(&of.observation, run)))
        )
    };
    let lines: String = sightings.iter().take(TOLD).map(line).collect();
    if lines.is_empty() {
        return lines;
    }
    let more = sightings.len().saturating_sub(TOLD);
    let more = if more > 0 { format!("<li>… {more} more</li>") } else { String::new() };
    format!("<details class=\"soft\"><summary>The same in words</summary><ul>{lines}{more}</ul></details>")
}
