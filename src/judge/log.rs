//! The log lines of Jepsen, as Porcupine has them of etcd: one register with compare-and-set.
//!
//! ```text
//! INFO  jepsen.util - 3   :invoke :cas    [1 4]
//! INFO  jepsen.util - 3   :fail   :cas    [1 4]
//! ```
//!
//! Fields are separated by tabs or blanks: process, type, question, value. Lines without the mark are skipped, as those of
//! `:nemesis`. A compare-and-set that failed is one that found another value than the expected one; `:timed-out` says
//! that nobody knows. Next: `lines.rs`.

use super::datum::Datum;
use super::edn::Reader;
use super::error::Malformed;
use super::recording::{Event, Phase, Recording, refused};

/// What a line of the history has.
pub(super) const MARK: &str = "jepsen.util - ";

/// Reads a log.
///
/// # Errors
/// Where a line with the mark is not as above.
pub fn read(text: &str) -> Result<Recording, Malformed> {
    let mut events = Vec::new();
    let mut begin = 0;
    for line in text.split_inclusive('\n') {
        if let Some(mark) = line.find(MARK) {
            events.extend(event(text, begin + mark + MARK.len(), &line[mark + MARK.len()..])?);
        }
        begin += line.len();
    }
    Recording::from_events(text, events)
}

/// The event that this rest of a line tells; `None` where it is not a client's.
fn event(text: &str, at: usize, rest: &str) -> Result<Option<Event>, Malformed> {
    let wrong = |why: &str| Err(Malformed::at(text, at, why));
    let mut reader = Reader::new(rest);
    let mut next = || {
        let datum = reader.read();
        datum.map_err(|error| Malformed::at(text, at + error.column.saturating_sub(1), error.why))
    };
    let (Some(process), Some(kind)) = (next()?, next()?) else {
        return wrong("a line has a process, a type, a question and a value");
    };
    if !matches!(process, Datum::Int(_)) {
        return Ok(None);
    }
    let Some(phase) = kind.name().and_then(Phase::named) else {
        return wrong("the type is :invoke, :ok, :fail or :info");
    };
    let (Some(f), Some(value)) = (next()?, next()?) else {
        return wrong("a line has a process, a type, a question and a value");
    };
    let Some(f) = f.name() else { return wrong("the question is :read, :write or :cas") };
    let timed_out = value.name() == Some("timed-out");
    let (phase, value) = match phase {
        Phase::Fail if f == "cas" && !timed_out => (Phase::Ok, refused(None)),
        phase => (phase, value),
    };
    let f = f.to_string();
    Ok(Some(Event { phase, process, f, key: None, value, time: None, region: None, server: None, at }))
}
