//! What was recorded, whatever the object: [`Recording`], and how events become operations.
//!
//! An event is the call or the end of an operation; a process has at most one operation open. Next: `format.rs`.

use std::collections::BTreeMap;
use std::fmt;

use super::datum::Datum;
use super::error::Malformed;
use crate::history::Outcome;
use crate::id::ClientId;
use crate::time::Time;

/// Operations as their file has them, in the order of invocation.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Recording {
    /// The operations. The place of one in this list is its number in verdicts.
    pub operations: Vec<Recorded>,
    /// Whether instants are nanoseconds of the file; else they are the numbers of the events.
    pub is_timed: bool,
}

/// One operation as its file has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recorded {
    /// Who asked: the number of the process, where processes have numbers.
    pub client: ClientId,
    /// What was asked: `read`, `write`, `cas`, `enqueue`, ...
    pub f: String,
    /// On which key, where there are several.
    pub key: Option<Datum>,
    /// What it was asked with.
    pub input: Datum,
    /// What was answered, where anything was.
    pub output: Option<Datum>,
    /// How it ended.
    pub outcome: Outcome,
    /// When it was asked. Nanoseconds where the file has them in order, else the number of the event.
    pub invoked: Time,
    /// When it ended; [`Time::NEVER`] where nobody knows.
    pub completed: Time,
    /// Where the client was, if the file says so.
    pub region: Option<String>,
    /// Which node decided, if the file says so.
    pub server: Option<String>,
}

/// The tag of the answer of a refused compare-and-set. No reader gives a tag with blanks, so no value is taken for one.
const REFUSED: &str = "compare-and-set refused";

/// The answer of a refused compare-and-set, which found this, if it says.
pub(super) fn refused(seen: Option<Datum>) -> Datum {
    Datum::Tagged(REFUSED.to_string(), Box::new(seen.map_or(Datum::Nil, |seen| Datum::Vector(vec![seen]))))
}

/// Whether this is such an answer, and what was found, if it says.
pub(super) fn refusal(output: &Datum) -> Option<Option<&Datum>> {
    match output {
        Datum::Tagged(tag, seen) if tag == REFUSED => Some(seen.parts().and_then(|seen| seen.first())),
        _ => None,
    }
}

/// What an event says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    /// It is asked for.
    Invoke,
    /// It took effect.
    Ok,
    /// It did not.
    Fail,
    /// Nobody knows.
    Info,
}

impl Phase {
    pub fn named(name: &str) -> Option<Phase> {
        match name {
            "invoke" => Some(Phase::Invoke),
            "ok" => Some(Phase::Ok),
            "fail" => Some(Phase::Fail),
            "info" => Some(Phase::Info),
            _ => None,
        }
    }
}

/// The call or the end of an operation.
#[derive(Clone, Debug)]
pub(super) struct Event {
    pub phase: Phase,
    pub process: Datum,
    pub f: String,
    pub key: Option<Datum>,
    pub value: Datum,
    pub time: Option<u64>,
    pub region: Option<String>,
    pub server: Option<String>,
    /// The byte of the text at which it begins.
    pub at: usize,
}

impl Recording {
    /// Events in the order of the text become operations. Processes without a number (a nemesis) are no clients.
    pub(super) fn from_events(text: &str, events: Vec<Event>) -> Result<Recording, Malformed> {
        let events: Vec<Event> = events.into_iter().filter(|event| matches!(event.process, Datum::Int(_))).collect();
        let is_timed = are_timed(&events);
        let numbers = Numbers::of(events.iter().map(|event| &event.process), u64::from(u32::MAX));
        let mut recording = Recording { operations: Vec::new(), is_timed };
        let mut open: BTreeMap<ClientId, usize> = BTreeMap::new();
        for (place, event) in events.into_iter().enumerate() {
            let now = Time::from_nanos(event.time.filter(|_| is_timed).unwrap_or(place as u64));
            let client = ClientId(numbers.of_datum(&event.process) as u32);
            let wrong = |why: String| Err(Malformed::at(text, event.at, why));
            if event.phase == Phase::Invoke {
                if open.insert(client, recording.operations.len()).is_some() {
                    return wrong(format!("process {} asks while its last operation is open", event.process));
                }
                recording.operations.push(Recorded {
                    client,
                    f: event.f,
                    key: event.key,
                    input: event.value,
                    output: None,
                    outcome: Outcome::Unknown,
                    invoked: now,
                    completed: Time::NEVER,
                    region: event.region,
                    server: None,
                });
                continue;
            }
            let Some(place) = open.remove(&client) else {
                // Processes tell all kinds of things as info.
                if event.phase == Phase::Info {
                    continue;
                }
                return wrong(format!("process {} has no operation open that could end", event.process));
            };
            let operation = &mut recording.operations[place];
            if operation.f != event.f {
                return wrong(format!("process {} asked {} and ends {}", event.process, operation.f, event.f));
            }
            operation.server = event.server;
            match event.phase {
                Phase::Ok => (operation.outcome, operation.output) = (Outcome::Ok, Some(event.value)),
                Phase::Fail => operation.outcome = Outcome::Fail,
                Phase::Invoke | Phase::Info => continue,
            }
            operation.completed = now;
        }
        Ok(recording)
    }

    /// The operations with these numbers, in the order of their calls, one a line.
    pub fn listing(&self, ids: &[crate::history::OpId]) -> String {
        ids.iter().map(|id| format!("{}\n", self.operations[id.0 as usize])).collect()
    }
}

/// Whether the events have instants that tell the order of the file. An answer at the time of a call that comes after it
/// in the file would be another order: times that touch are concurrent.
fn are_timed(events: &[Event]) -> bool {
    let instant = |event: &Event| event.time.map(|time| (time, event.phase != Phase::Invoke));
    let is_in_order = events.windows(2).all(|pair| instant(&pair[0]) <= instant(&pair[1]));
    is_in_order && !events.is_empty() && events.iter().all(|event| event.time.is_some_and(|time| time < u64::MAX))
}

/// Numbers for data: their own where all are whole numbers below a limit, else by rank.
#[derive(Clone, Debug)]
pub(super) struct Numbers {
    /// Empty where each has its own.
    ranks: BTreeMap<Datum, u64>,
}

impl Numbers {
    pub fn of<'a>(data: impl Iterator<Item = &'a Datum> + Clone, limit: u64) -> Numbers {
        let is_plain = |datum: &Datum| datum.natural().is_some_and(|number| number < limit);
        if data.clone().all(is_plain) {
            return Numbers { ranks: BTreeMap::new() };
        }
        let mut ranks: BTreeMap<Datum, u64> = data.map(|datum| (datum.clone(), 0)).collect();
        for (rank, (_, number)) in (0..).zip(&mut ranks) {
            *number = rank;
        }
        Numbers { ranks }
    }

    /// Whether each has its own.
    pub fn are_own(&self) -> bool {
        self.ranks.is_empty()
    }

    /// The number of one of the data.
    pub fn of_datum(&self, datum: &Datum) -> u64 {
        match self.ranks.get(datum) {
            Some(number) => *number,
            None => datum.natural().unwrap_or(u64::MAX),
        }
    }
}

impl Recorded {
    /// What was asked, in words: `write 3`, `cas 1 → 2`, `k7: read`.
    pub fn question(&self) -> String {
        let key = self.key.as_ref().map_or(String::new(), |key| format!("{key}: "));
        match (&self.input, self.input.pair()) {
            (_, Some((old, new))) if self.is_compare_and_set() => format!("{key}cas {old} → {new}"),
            (Datum::Nil, _) => format!("{key}{}", self.f),
            (input, _) => format!("{key}{} {input}", self.f),
        }
    }

    /// What came of it, in words; nothing where it just took effect.
    pub fn answer(&self) -> String {
        match (self.outcome, &self.output) {
            (Outcome::Fail, _) => "failed".into(),
            (Outcome::Unknown, _) => "unknown".into(),
            (Outcome::Ok, Some(output)) if *output != self.input => match refusal(output) {
                Some(None) => "mismatch".into(),
                Some(Some(seen)) => format!("mismatch, found {seen}"),
                None => output.to_string(),
            },
            _ => String::new(),
        }
    }

    /// What was answered, as JSON: `"mismatch"`, or `["mismatch", found]`, where it is a refused compare-and-set.
    pub fn result(&self) -> Option<serde_json::Value> {
        self.output.as_ref().map(|output| match refusal(output) {
            Some(None) => "mismatch".into(),
            Some(Some(seen)) => serde_json::json!(["mismatch", seen.to_json()]),
            None => output.to_json(),
        })
    }

    /// Whether it is a compare-and-set, by its name.
    pub fn is_compare_and_set(&self) -> bool {
        matches!(self.f.as_str(), "cas" | "compare-and-set" | "compare_and_set")
    }
}

impl fmt::Display for Recorded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let answer = self.answer();
        write!(f, "{} {}{}{answer}", self.client.0, self.question(), if answer.is_empty() { "" } else { " ⇒ " })
    }
}
