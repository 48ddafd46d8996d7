//! What a counterexample says. Next: `certificate.rs`, what a pass carries.

use std::fmt::Write as _;

use super::items::{Item, Kind};
use super::zones::{Ends, Reason};
use crate::history::{History, OpId, Outcome};
use crate::id::{Key, Value};
use crate::op::{Op, Reply};

/// An operation, with who, what and when: `c2's read of v7 (operation 4, 1s for 500ms)`.
pub(in crate::check) fn tell(history: &History, id: OpId) -> String {
    let operation = history.get(id);
    let value = |value: Option<Value>| value.map_or("the initial value".to_string(), |value| value.to_string());
    let what = match (operation.op, operation.reply) {
        (Op::Read(_), Some(Reply::Read(seen))) => format!("read of {}", value(seen)),
        (Op::Read(_), _) => "read".to_string(),
        (Op::Write(_, new), _) => format!("write of {new}"),
        (Op::CompareAndSet { expected, .. }, Some(Reply::Mismatch(seen))) => {
            format!("compare-and-set of {}, refused for {}", value(expected), value(seen))
        }
        (Op::CompareAndSet { expected, new, .. }, _) => format!("compare-and-set of {} to {new}", value(expected)),
        (Op::Add { amount, .. }, _) => format!("addition of {amount}"),
        (Op::Insert { item, .. }, _) => format!("insertion of {item}"),
        (Op::Remove { item, .. }, _) => format!("removal of {item}"),
        (Op::ReadRow { columns, .. }, _) => format!("read of {columns}"),
        (Op::Next { .. }, _) => "taking of a number".to_string(),
        (Op::Put { columns, .. }, _) => format!("put of {columns}"),
    };
    let mut text = format!("{}'s {what} (operation {}, ", operation.client, id.0);
    let _ = match operation.outcome {
        Outcome::Unknown => write!(text, "from {}, never answered)", operation.invoked),
        _ => write!(text, "{} for {})", operation.invoked, operation.completed.since(operation.invoked)),
    };
    text
}

/// Why these items, all on one key, cannot all be right.
pub(super) fn why(history: &History, items: &[Item], reason: &Reason) -> String {
    let item = |index: &u32| &items[*index as usize];
    let tell = |index: &u32| tell(history, item(index).row);
    let key = items[0].key;
    let text = match reason {
        Reason::ThinAir { reader } => {
            format!("{} saw a value that {}", tell(reader), nobody(history, key, item(reader).sees))
        }
        Reason::ThinAirSwap { swap } => {
            let nobody = nobody(history, key, item(swap).sees);
            format!(
                "{} must have taken effect, since its value was seen, but it expected a value that {nobody}",
                tell(swap)
            )
        }
        Reason::DoubleSpend { first, second } => {
            format!("{} and {} cannot both have found the value that they replaced", tell(first), tell(second))
        }
        Reason::Cycle { swaps } => {
            let all: Vec<String> = swaps.iter().map(tell).collect();
            format!(
                "each of these needs the one before it to have taken effect, and the first the last: {}",
                all.join(", ")
            )
        }
        Reason::Chain { earlier, later } => chain(history, item(earlier), item(later)),
        Reason::Initial { late, ended } => {
            format!("{} began after {} had ended, yet needs the time before any write", tell(late), tell(ended))
        }
        Reason::Blocks { first, second } => blocks(history, items, first, second),
    };
    format!("{key}: {text}")
}

/// Who did not write a value: nobody, or one who failed.
fn nobody(history: &History, key: Key, value: u64) -> String {
    let failed = |operation: &crate::history::Operation| {
        operation.outcome == Outcome::Fail && operation.op.key() == key && operation.op.written() == Some(Value(value))
    };
    match history.iter().find(failed) {
        Some(operation) => format!("was never written: {} failed", tell(history, operation.id)),
        None => "nobody wrote".to_string(),
    }
}

fn chain(history: &History, earlier: &Item, later: &Item) -> String {
    let (first, second) = (tell(history, earlier.row), tell(history, later.row));
    if earlier.kind != Kind::Read && later.reads(earlier.sets) {
        format!("{second} had ended before {first}, whose value it saw, began")
    } else if later.kind == Kind::Swap && earlier.reads(later.sees) {
        format!("{first} saw a value that {second} had already replaced when it began")
    } else {
        format!("the values show that {first} comes before {second}, which had ended before it began")
    }
}

fn blocks(history: &History, items: &[Item], first: &Ends, second: &Ends) -> String {
    let tell = |index: u32| tell(history, items[index as usize].row);
    let pair = |ended: u32, began: u32| format!("{} ended before {} began", tell(ended), tell(began));
    format!(
        "{}, and {}: the second value would have to come after the first and before it, and each was written once",
        pair(first.ended, second.began),
        pair(second.ended, first.began),
    )
}

/// Why a lie is one.
pub(super) fn lie(history: &History, key: Key, id: OpId) -> String {
    format!("{key}: {} found what it expected", tell(history, id))
}

/// Why two writes of one value cannot be judged.
pub(super) fn duplicate(history: &History, first: &Item, second: &Item) -> String {
    format!(
        "{}: {} and {} may both have written this value, and a value must name its write here",
        first.key,
        tell(history, first.row),
        tell(history, second.row),
    )
}
