//! Transactions as Elle reads them: Jepsen's operations `:txn`, whose value is a sequence of micro-operations.
//!
//! `[:append k v]` and `[:w k v]` write; `[:r k v]` reads, with nil until it is answered. A key to which somebody appends,
//! or of which somebody read a sequence, is a list, and nil is the empty one. A process is a session; an answer that
//! never came (`:info`) leaves the outcome unknown, and then what it asked for is what counts.

use std::collections::{BTreeMap, BTreeSet};

use super::ForeignTransactions;
use crate::check::transactions::{SessionId, Status, Transactions};
use crate::history::Outcome;
use crate::id::{ClientId, Key, Value};
use crate::judge::Malformed;
use crate::judge::datum::Datum;
use crate::judge::recording::{Numbers, Recorded, Recording};

/// A micro-operation, as the file has it.
#[derive(Clone, Copy)]
enum Micro<'a> {
    Append(&'a Datum, &'a Datum),
    Write(&'a Datum, &'a Datum),
    Read(&'a Datum, &'a Datum),
}

/// Reads the operations of a recording as transactions.
///
/// # Errors
/// Where an operation is not a transaction, or a micro-operation is none of the above; in words.
pub(super) fn transactions(text: &str, recording: &Recording) -> Result<ForeignTransactions, Malformed> {
    let mut all: Vec<Vec<Micro>> = Vec::with_capacity(recording.operations.len());
    for (place, operation) in recording.operations.iter().enumerate() {
        let micro = micro_operations(operation);
        all.push(micro.map_err(|why| Malformed::at(text, 0, format!("operation {place}: {why}")))?);
    }
    let lists = lists(&all);
    for (place, micro) in all.iter().enumerate().flat_map(|(place, all)| all.iter().map(move |micro| (place, micro))) {
        if let Micro::Read(key, value) = micro
            && lists.contains(key)
            && !(**value == Datum::Nil || value.parts().is_some())
        {
            let why = format!("operation {place}: {key} is a list, and {value} is read of it");
            return Err(Malformed::at(text, 0, why));
        }
    }
    let values = Numbers::of(values(&all).into_iter(), u64::MAX);
    let mut keys: BTreeMap<&Datum, u32> = BTreeMap::new();
    let mut names = Vec::new();
    let mut sessions: BTreeMap<ClientId, u32> = BTreeMap::new();
    let mut history = Transactions::new();
    for (operation, micro) in recording.operations.iter().zip(&all) {
        let next = sessions.len() as u32;
        let session = *sessions.entry(operation.client).or_insert(next);
        let status = match operation.outcome {
            Outcome::Ok => Status::Committed,
            Outcome::Fail => Status::Aborted,
            Outcome::Unknown => Status::Unknown,
        };
        let id = history.begin(SessionId(session), status);
        history.set_times(id, operation.invoked, operation.completed);
        for micro in micro {
            let (Micro::Append(key, value) | Micro::Write(key, value) | Micro::Read(key, value)) = *micro;
            let number = *keys.entry(key).or_insert_with(|| {
                names.push(key.to_string());
                names.len() as u32 - 1
            });
            let of = |datum: &Datum| Value(values.of_datum(datum));
            match *micro {
                Micro::Append(..) => history.append(Key(number), of(value)),
                Micro::Write(..) => history.write(Key(number), of(value)),
                Micro::Read(..) if lists.contains(key) => {
                    let seen: Vec<Value> = value.parts().unwrap_or_default().iter().map(of).collect();
                    history.read_list(Key(number), &seen);
                }
                Micro::Read(..) => history.read(Key(number), (*value != Datum::Nil).then(|| of(value))),
            }
        }
    }
    Ok(ForeignTransactions { history, keys: names })
}

/// What an operation did: as it was answered, or else as it was asked.
fn micro_operations(operation: &Recorded) -> Result<Vec<Micro<'_>>, String> {
    let value = operation.output.as_ref().unwrap_or(&operation.input);
    if *value == Datum::Nil {
        return Ok(Vec::new());
    }
    let parts = value.parts().ok_or_else(|| format!("a transaction is a sequence of micro-operations, not {value}"))?;
    parts.iter().map(micro).collect()
}

fn micro(datum: &Datum) -> Result<Micro<'_>, String> {
    let known = || format!("{datum} is not [:append k v], [:w k v] or [:r k v]");
    let (kind, key, value) = match datum.parts() {
        Some([kind, key, value]) => (kind, key, value),
        // A read that is asked for may leave out what it does not know.
        Some([kind, key]) if matches!(kind.name(), Some("r" | "read")) => (kind, key, &Datum::Nil),
        _ => return Err(known()),
    };
    match kind.name() {
        Some("append") => Ok(Micro::Append(key, value)),
        Some("w" | "write") => Ok(Micro::Write(key, value)),
        Some("r" | "read") => Ok(Micro::Read(key, value)),
        _ => Err(known()),
    }
}

fn lists<'a>(all: &[Vec<Micro<'a>>]) -> BTreeSet<&'a Datum> {
    let is_list = |micro: &Micro<'a>| match *micro {
        Micro::Append(key, _) => Some(key),
        Micro::Read(key, value) => value.parts().map(|_| key),
        Micro::Write(..) => None,
    };
    all.iter().flatten().filter_map(is_list).collect()
}

/// Everything that was written or read, the parts of sequences one by one.
fn values<'a>(all: &[Vec<Micro<'a>>]) -> Vec<&'a Datum> {
    let mut found = Vec::new();
    for micro in all.iter().flatten() {
        match *micro {
            Micro::Append(_, value) | Micro::Write(_, value) => found.push(value),
            Micro::Read(_, value) => match value.parts() {
                Some(parts) => found.extend(parts),
                None if *value == Datum::Nil => {}
                None => found.push(value),
            },
        }
    }
    found
}
