//! Writing a recording in the formats of others.
//!
//! Jepsen EDN is read back as it was written: `:invoke` and its end at their times, refused compare-and-sets with their
//! `:error`, as `jepsen.rs` says. JSON lines are as in `lines.rs`, for registers of numbers. Porcupine's is the document
//! that its HTML page shows (`visualization.go`): partitions with their operations and the orders found.

use std::collections::BTreeMap;

use serde_json::{Value as Json, json};

use super::datum::Datum;
use super::jepsen::MISMATCH;
use super::recording::{Recorded, refusal};
use super::verdict::Finding;
use super::{Foreign, Format};
use crate::history::{OpId, Outcome};
use crate::id::ClientId;
use crate::time::Time;

/// A format to write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Export {
    /// Jepsen's `history.edn`, an event a line.
    JepsenEdn,
    /// Our own JSON lines.
    JsonLines,
    /// What Porcupine's page shows.
    Porcupine,
}

impl Export {
    /// All of them.
    pub const ALL: [Export; 3] = [Export::JepsenEdn, Export::JsonLines, Export::Porcupine];

    /// The name on the command line.
    pub const fn name(self) -> &'static str {
        match self {
            Export::JepsenEdn => Format::JepsenEdn.name(),
            Export::JsonLines => Format::JsonLines.name(),
            Export::Porcupine => "porcupine-json",
        }
    }
}

/// The recording in this format. `finding` gives the orders that Porcupine's page shows.
///
/// # Errors
/// Where the format has no words for it.
pub fn export(foreign: &Foreign, finding: Option<&Finding>, format: Export) -> Result<String, String> {
    match format {
        Export::JepsenEdn => Ok(edn(foreign)),
        Export::JsonLines => {
            let lines = foreign.recording.operations.iter().enumerate().map(|(id, operation)| line(id, operation));
            lines.collect::<Option<String>>().ok_or_else(|| {
                "JSON lines hold reads, writes and compare-and-sets of numbers that tell what they saw".to_string()
            })
        }
        Export::Porcupine => Ok(format!("{}\n", porcupine(foreign, finding))),
    }
}

fn edn(foreign: &Foreign) -> String {
    let mut events: Vec<(Time, bool, usize)> = Vec::new();
    for (id, operation) in foreign.recording.operations.iter().enumerate() {
        events.push((operation.invoked, false, id));
        if operation.completed != Time::NEVER {
            events.push((operation.completed, true, id));
        }
    }
    // Calls before answers of the same time: times that touch are concurrent.
    events.sort_unstable();
    let processes = processes(&foreign.recording.operations);
    let event = |(index, (at, is_end, id)): (usize, &(Time, bool, usize))| {
        let operation = &foreign.recording.operations[*id];
        let time = foreign.recording.is_timed.then_some(*at);
        format!("{}\n", edn_event(index, time, *is_end, processes[*id], operation))
    };
    events.iter().enumerate().map(event).collect()
}

/// The process of every operation: its client, or, as a process has one operation open at most, a new one for a client
/// that goes on beside an open operation or at the very instant of an end. As in Jepsen, new numbers are the old one and
/// a multiple of the number of clients.
fn processes(operations: &[Recorded]) -> Vec<u64> {
    let clients = operations.iter().map(|one| u64::from(one.client.0) + 1).max().unwrap_or(0);
    // For every client, when the last operation of each of its processes ended.
    let mut ends: BTreeMap<ClientId, Vec<Time>> = BTreeMap::new();
    let process = |operation: &Recorded| {
        let ends = ends.entry(operation.client).or_default();
        let place = ends.iter().position(|end| *end < operation.invoked).unwrap_or(ends.len());
        ends.resize((place + 1).max(ends.len()), Time::NEVER);
        ends[place] = operation.completed;
        u64::from(operation.client.0) + place as u64 * clients
    };
    operations.iter().map(process).collect()
}

fn edn_event(index: usize, time: Option<Time>, is_end: bool, process: u64, operation: &Recorded) -> Datum {
    let keyword = |name: &str| Datum::Keyword(name.to_string());
    let is_refused = is_end && operation.output.as_ref().is_some_and(|output| refusal(output).is_some());
    let phase = match (is_end, operation.outcome) {
        (false, _) => "invoke",
        (true, Outcome::Ok) if !is_refused => "ok",
        (true, _) => "fail",
    };
    let value = match &operation.output {
        Some(output) if is_end && !is_refused => output,
        _ => &operation.input,
    };
    let mut entries = vec![(keyword("index"), Datum::Int(index as i128))];
    let mut tell = |name: &str, datum: Datum| entries.push((keyword(name), datum));
    if let Some(time) = time {
        tell("time", Datum::Int(time.as_nanos().into()));
    }
    tell("process", Datum::Int(process.into()));
    tell("type", keyword(phase));
    tell("f", keyword(&operation.f));
    if let Some(key) = &operation.key {
        tell("key", key.clone());
    }
    tell("value", value.clone());
    if let Some(seen) = operation.output.as_ref().filter(|_| is_refused).and_then(refusal) {
        tell("error", seen.map_or(keyword(MISMATCH), |seen| Datum::Vector(vec![keyword(MISMATCH), seen.clone()])));
    }
    if let (false, Some(region)) = (is_end, &operation.region) {
        tell("region", Datum::Text(region.clone()));
    }
    if let (true, Some(server)) = (is_end, &operation.server) {
        tell("server", Datum::Text(server.clone()));
    }
    Datum::Map(entries)
}

/// `None` where the format has no words for it.
fn line(id: usize, operation: &Recorded) -> Option<String> {
    let number = |datum: &Datum| match datum {
        Datum::Nil => Some(Json::Null),
        datum => datum.natural().map(Json::from),
    };
    let key = operation.key.as_ref().map_or(Some(0), Datum::natural)?;
    let is_cas = operation.is_compare_and_set();
    let mut row = json!({
        "id": id,
        "client": operation.client.0,
        "region": operation.region,
        "op": if is_cas { "compare_and_set" } else { operation.f.as_str() },
        "key": key,
        "invoked_ns": operation.invoked.as_nanos(),
        "completed_ns": (operation.completed != Time::NEVER).then(|| operation.completed.as_nanos()),
        "outcome": match operation.outcome {
            Outcome::Ok => "ok",
            Outcome::Fail => "fail",
            Outcome::Unknown => "unknown",
        },
        "server": operation.server,
    });
    let mut tell = |name: &str, value: Json| row[name] = value;
    match operation.f.as_str() {
        "read" => {}
        "write" => tell("value", operation.input.natural()?.into()),
        _ if is_cas => {
            let (expected, new) = operation.input.pair()?;
            tell("expected", number(expected)?);
            tell("value", new.natural()?.into());
        }
        _ => return None,
    }
    if let Some(output) = &operation.output {
        match refusal(output) {
            Some(seen) => {
                tell("matched", false.into());
                tell("seen", number(seen?)?);
            }
            None if is_cas => tell("matched", true.into()),
            None if operation.f == "read" => tell("seen", number(output)?),
            None => {}
        }
    }
    Some(format!("{row}\n"))
}

/// One partition for each key, in the order of keys. Instants are ranks, with the originals beside them.
fn porcupine(foreign: &Foreign, finding: Option<&Finding>) -> Json {
    let operations = &foreign.recording.operations;
    let mut instants: Vec<Time> = operations.iter().flat_map(|one| [one.invoked, one.completed]).collect();
    instants.sort_unstable();
    instants.dedup();
    let rank = |at: Time| instants.partition_point(|other| *other < at);
    let partition = |(place, key): (usize, &Datum)| {
        let is_here = |operation: &Recorded| operation.key.as_ref().unwrap_or(&Datum::Nil) == key;
        let here: Vec<usize> = (0..operations.len()).filter(|id| is_here(&operations[*id])).collect();
        let history: Vec<Json> = here.iter().map(|id| interval(&operations[*id], &rank)).collect();
        let order = finding.map_or(&[] as &[OpId], |finding| order(finding, place, key));
        let index = |id: &OpId| here.binary_search(&(id.0 as usize)).ok();
        let linearization: Vec<Json> =
            order.iter().filter_map(index).map(|index| json!({ "Index": index, "StateDescription": "" })).collect();
        let largest: serde_json::Map<String, Json> =
            order.iter().filter_map(index).map(|index| (index.to_string(), 0.into())).collect();
        let partial = if linearization.is_empty() { json!([]) } else { json!([linearization]) };
        json!({ "History": history, "PartialLinearizations": partial, "Largest": largest })
    };
    let partitions: Vec<Json> = foreign.keys().into_iter().enumerate().map(partition).collect();
    json!({ "Partitions": partitions, "Annotations": [] })
}

/// The order found of one object: whole where it passed, and as long as could be where it is the counterexample.
fn order<'a>(finding: &'a Finding, place: usize, key: &Datum) -> &'a [OpId] {
    match finding.orders.iter().find(|(of, _)| *of == place) {
        Some((_, order)) => order,
        None if finding.keys_failed.contains(key) => &finding.placed,
        None => &[],
    }
}

fn interval(operation: &Recorded, rank: &impl Fn(Time) -> usize) -> Json {
    let answer = operation.answer();
    let arrow = if answer.is_empty() { "" } else { " -> " };
    let original = |at: Time| if at == Time::NEVER { "never".to_string() } else { at.as_nanos().to_string() };
    json!({
        "ClientId": operation.client.0,
        "Start": rank(operation.invoked),
        "OriginalStart": original(operation.invoked),
        "End": rank(operation.completed),
        "OriginalEnd": original(operation.completed),
        "Description": format!("{}{arrow}{answer}", operation.question()),
        "Metadata": null,
    })
}
