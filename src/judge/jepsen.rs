//! Jepsen's histories, in EDN and in JSON.
//!
//! An event is a map with `:process`, `:type` (`:invoke`, `:ok`, `:fail` or `:info`), `:f` and `:value`, perhaps with
//! `:time` in nanoseconds, `:key` (Porcupine's `kv`) and others, which are skipped. The events are in one vector or list,
//! or bare, one after another; maps may be tagged, as `#jepsen.history.Op{...}`. JSON has the same names as strings, in
//! an array or an object a line.
//!
//! A value `[k v]` in every event means that there are keys, each an object of its own (`jepsen.independent`).
//!
//! A refused compare-and-set that ends as `:fail` tells nothing and is dropped, as Jepsen does it. Where it has
//! `:error :mismatch` it is known that the value was not the expected one, and with `:error [:mismatch v]` that it was
//! `v`: so this library writes what it knows. Next: `log.rs`.

use serde_json::Value as Json;

use super::datum::Datum;
use super::edn::Reader;
use super::error::Malformed;
use super::recording::{Event, Phase, Recording, refused};

/// What a refused compare-and-set has as its error.
pub(super) const MISMATCH: &str = "mismatch";

/// Reads EDN.
///
/// # Errors
/// Where it is not EDN, or not a history.
pub fn read_edn(text: &str) -> Result<Recording, Malformed> {
    let mut reader = Reader::new(text);
    let mut events = Vec::new();
    let mut closing = None;
    loop {
        if let Some(bracket) = closing
            && reader.leave(bracket)?
        {
            closing = None;
            continue;
        }
        if closing.is_none() {
            closing = reader.enter()?;
            if closing.is_some() {
                continue;
            }
        }
        let at = reader.position()?;
        let Some(datum) = reader.read()? else { break };
        events.extend(event(text, at, &datum)?);
    }
    match closing {
        Some(bracket) => {
            Err(Malformed::at(text, text.len(), format!("the history is not closed: `{bracket}` is missing")))
        }
        None => Ok(with_keys(Recording::from_events(text, events)?)),
    }
}

/// Reads JSON: an array of objects, or objects one after another.
///
/// # Errors
/// Where it is not JSON, or not a history.
pub fn read_json(text: &str) -> Result<Recording, Malformed> {
    let mut events = Vec::new();
    for (at, json) in json_values(text)? {
        events.extend(event(text, at, &Datum::from_json(&json))?);
    }
    Ok(with_keys(Recording::from_events(text, events)?))
}

/// The values of an array, or of a text that has one after another, each with its place.
pub(super) fn json_values(text: &str) -> Result<Vec<(usize, Json)>, Malformed> {
    let mut values = Vec::new();
    let blanks = |at: usize| at + (text[at..].len() - text[at..].trim_start().len());
    let mut at = blanks(if text.starts_with('\u{feff}') { '\u{feff}'.len_utf8() } else { 0 });
    let is_array = text[at..].starts_with('[');
    if is_array {
        at = blanks(at + 1);
    }
    loop {
        if text[at..].is_empty() && !is_array {
            return Ok(values);
        }
        if is_array && text[at..].starts_with(']') {
            let rest = blanks(at + 1);
            let is_end = text[rest..].is_empty();
            return if is_end { Ok(values) } else { Err(Malformed::at(text, rest, "nothing comes after the array")) };
        }
        let mut stream = serde_json::Deserializer::from_str(&text[at..]).into_iter::<Json>();
        match stream.next() {
            Some(Ok(value)) => values.push((at, value)),
            Some(Err(error)) => return Err(json_error(text, at, &error)),
            None => return Err(Malformed::at(text, at, "the array is not closed: `]` is missing")),
        }
        at = blanks(at + stream.byte_offset());
        if is_array && text[at..].starts_with(',') {
            at = blanks(at + 1);
        } else if is_array && !text[at..].starts_with(']') {
            return Err(Malformed::at(text, at, "`,` or `]` is missing"));
        }
    }
}

fn json_error(text: &str, from: usize, error: &serde_json::Error) -> Malformed {
    // The error's place counts from where this value began.
    let lines_before: usize =
        text[from..].split_inclusive('\n').take(error.line().saturating_sub(1)).map(str::len).sum();
    let why = error.to_string();
    let why = why.split(" at line ").next().unwrap_or(&why);
    Malformed::at(text, from + lines_before + error.column().saturating_sub(1), why)
}

/// One event; `None` where it is not about an operation of a client.
fn event(text: &str, at: usize, datum: &Datum) -> Result<Option<Event>, Malformed> {
    let wrong = |why: String| Err(Malformed::at(text, at, why));
    let Datum::Map(_) = datum.untagged() else {
        return wrong("an event is a map, such as {:process 0, :type :invoke, :f :read, :value nil}".to_string());
    };
    let Some(process) = datum.get("process") else { return wrong("this event has no `process`".to_string()) };
    if !matches!(process, Datum::Int(_)) {
        return Ok(None);
    }
    let Some(name) = datum.get("type").and_then(Datum::name) else {
        return wrong("this event has no `type`: invoke, ok, fail or info".to_string());
    };
    let Some(mut phase) = Phase::named(name) else {
        return wrong(format!("the type of an event is invoke, ok, fail or info, not {name}"));
    };
    let Some(f) = datum.get("f").and_then(Datum::name) else {
        return wrong("this event has no `f`: what is asked".to_string());
    };
    let mut value = datum.get("value").cloned().unwrap_or(Datum::Nil);
    if let (Phase::Fail, Some(error)) = (phase, datum.get("error")) {
        let first = error.parts().and_then(|parts| parts.first());
        if first.unwrap_or(error).name() == Some(MISMATCH) {
            phase = Phase::Ok;
            value = keyed_refusal(error.pair().map(|(_, seen)| seen.clone()), &value);
        }
    }
    let name = |key: &str| datum.get(key).and_then(Datum::name).map(str::to_string);
    Ok(Some(Event {
        phase,
        process: process.clone(),
        f: f.to_string(),
        key: datum.get("key").filter(|key| **key != Datum::Nil).cloned(),
        value,
        time: datum.get("time").and_then(Datum::natural),
        region: name("region"),
        server: name("server"),
        at,
    }))
}

/// The answer of a refused compare-and-set that saw this value, if it says; with its key, where the question has one.
fn keyed_refusal(seen: Option<Datum>, value: &Datum) -> Datum {
    let answer = refused(seen);
    match value.pair() {
        Some((key, inner)) if inner.pair().is_some() => Datum::Vector(vec![key.clone(), answer]),
        _ => answer,
    }
}

/// Takes values `[k v]` apart, where all are such.
fn with_keys(mut recording: Recording) -> Recording {
    let is_keyed = |operation: &super::Recorded| {
        let Some((key, value)) = operation.input.pair() else { return false };
        let asks = match operation.f.as_str() {
            "read" => *value == Datum::Nil,
            _ if operation.is_compare_and_set() => value.pair().is_some(),
            _ => true,
        };
        let answers = match &operation.output {
            Some(output) => output.pair().is_some_and(|(of, _)| of == key),
            None => true,
        };
        asks && answers && operation.key.is_none()
    };
    let tells = |operation: &super::Recorded| operation.f == "read" || operation.is_compare_and_set();
    let is_transaction = |operation: &super::Recorded| operation.f == "txn";
    let operations = &recording.operations;
    if !operations.iter().all(is_keyed) || !operations.iter().any(tells) || operations.iter().any(is_transaction) {
        return recording;
    }
    for operation in &mut recording.operations {
        if let Some((key, value)) = operation.input.pair() {
            (operation.key, operation.input) = (Some(key.clone()), value.clone());
        }
        if let Some((_, value)) = operation.output.as_ref().and_then(Datum::pair) {
            operation.output = Some(value.clone());
        }
    }
    recording
}

#[cfg(test)]
mod tests {
    use crate::check::wgl::Effort;
    use crate::judge::read;

    /// A value may be called as the error is.
    #[test]
    fn a_value_is_not_taken_for_a_refusal() {
        let text = |last: &str| {
            format!(
                "{{:process 0 :type :invoke :f :write :value \"mismatch\"}} {{:process 0 :type :ok :f :write :value nil}}
                 {{:process 0 :type :invoke :f :cas :value [\"mismatch\" 5]}}
                 {{:process 0 :type :ok :f :cas :value [\"mismatch\" 5]}}
                 {{:process 0 :type :invoke :f :read :value nil}} {{:process 0 :type :ok :f :read :value {last}}}"
            )
        };
        for (last, passes) in [("5", true), ("\"mismatch\"", false)] {
            let foreign = read(&text(last), None).unwrap();
            assert_eq!(foreign.linearizable(Effort::default()).verdict.is_pass(), passes, "{last}");
        }
    }

    #[test]
    fn every_bracket_around_the_events_is_read() {
        let events = "{:process 0 :type :invoke :f :read :value nil} {:process 0 :type :ok :f :read :value 1}";
        let count = |text: &str| read(text, None).map(|foreign| foreign.recording.operations.len());
        for text in [events.to_string(), format!("[{events}]"), format!("({events})"), format!("; c\n[{events}] ; d")] {
            assert_eq!(count(&text), Ok(1), "{text}");
        }
        for text in [format!("[{events}"), format!("{events}]"), format!("[{events})")] {
            assert!(count(&text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_process_has_one_operation_open() {
        let twice = "{:process 0 :type :invoke :f :read :value nil}\n{:process 0 :type :invoke :f :read :value nil}";
        let error = read(twice, None).unwrap_err();
        assert_eq!((error.line, error.column), (2, 1), "{error}");
        let other = "{:process 0 :type :invoke :f :read :value nil} {:process 0 :type :ok :f :write :value 1}";
        assert!(read(other, None).unwrap_err().why.contains("asked read and ends write"));
        assert!(read("{:process 3 :type :ok :f :read :value 1}", None).is_err());
    }
}
