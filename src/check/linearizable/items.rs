//! A history in normal form: one [`Item`] for every operation that can matter, grouped by key.
//!
//! Deleted here: operations that failed, and reads without an answer. A compare-and-set that was answered with a
//! mismatch is a read of the value it saw. Next: `zones.rs`, the method.

use crate::history::{History, OpId, Operation, Outcome};
use crate::id::{Key, Value};
use crate::op::{Op, Reply};

/// What an item sees where it finds the key never written. No write has this value: [`History`] sees to that.
pub(super) const INITIAL: u64 = u64::MAX;

/// What an item does to the register.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Sees a value and changes nothing.
    Read,
    /// Sets a value, whatever was there.
    Write,
    /// Sees one value and sets another, at once: a compare-and-set that takes effect.
    Swap,
}

/// An operation in normal form.
#[derive(Clone, Copy, Debug)]
pub(super) struct Item {
    pub key: Key,
    pub row: OpId,
    pub kind: Kind,
    /// Whether it is known to have taken effect.
    pub known: bool,
    pub call: u64,
    /// `u64::MAX` where the outcome is unknown.
    pub ret: u64,
    /// The value seen, for reads and swaps; [`INITIAL`] where there was none.
    pub sees: u64,
    /// The value set, for writes and swaps.
    pub sets: u64,
}

impl Item {
    /// Whether this sees `value`.
    pub fn reads(&self, value: u64) -> bool {
        self.kind != Kind::Write && self.sees == value
    }
}

/// A history in normal form.
pub(super) struct Items {
    /// By key, and within a key in the order of invocation.
    pub items: Vec<Item>,
    /// Compare-and-sets that were refused because of the very value that they expected.
    pub lies: Vec<(Key, OpId)>,
}

fn bits(value: Option<Value>) -> u64 {
    value.map_or(INITIAL, |value| value.0)
}

/// The normal form of the operations that `wanted` picks. `O(n)` for one key, `O(n log n)` for several.
pub(super) fn normalise(history: &History, wanted: impl Fn(Key) -> bool) -> Items {
    let mut items = Vec::with_capacity(history.len());
    let mut lies = Vec::new();
    for operation in history.iter().filter(|operation| wanted(operation.op.key())) {
        match item(&operation) {
            Normal::Item(item) => items.push(item),
            Normal::Lie => lies.push((operation.op.key(), operation.id)),
            Normal::Nothing => {}
        }
    }
    if !items.is_sorted_by_key(|item| item.key) {
        items.sort_by_key(|item| item.key); // stable: the order of invocation stays
    }
    lies.sort_unstable();
    Items { items, lies }
}

enum Normal {
    Item(Item),
    Lie,
    Nothing,
}

#[inline]
fn item(operation: &Operation) -> Normal {
    let (kind, sees, sets) = match (operation.outcome, operation.op, operation.reply) {
        (Outcome::Fail, ..) | (Outcome::Unknown, Op::Read(_), _) => return Normal::Nothing,
        (Outcome::Ok, Op::CompareAndSet { expected, .. }, Some(Reply::Mismatch(seen))) if seen == expected => {
            return Normal::Lie;
        }
        (Outcome::Ok, _, Some(Reply::Read(seen) | Reply::Mismatch(seen))) => (Kind::Read, bits(seen), INITIAL),
        (_, Op::Write(_, value), _) => (Kind::Write, INITIAL, value.0),
        (_, Op::CompareAndSet { expected, new, .. }, _) => (Kind::Swap, bits(expected), new.0),
        _ => return Normal::Nothing, // of no register
    };
    Normal::Item(Item {
        key: operation.op.key(),
        row: operation.id,
        kind,
        known: operation.outcome == Outcome::Ok,
        call: operation.invoked.as_nanos(),
        ret: operation.completed.as_nanos(),
        sees,
        sets,
    })
}
