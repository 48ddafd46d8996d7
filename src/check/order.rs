//! The order in which a store has the versions of each key: what makes a check *white box*.
//!
//! Clients cannot see it, but a simulator can, and so can a store that numbers its versions. With it every level that is
//! hard to judge from outside becomes a matter of cycles, and every level becomes stricter: a history may be right for
//! some order of the versions and wrong for the one that the store has. So whatever is rejected without the order is
//! rejected with it. Next: `execution/mod.rs`.

use std::collections::BTreeMap;
use std::fmt;

use crate::history::{History, OpId, Outcome};
use crate::id::{Key, Value};
use crate::op::Reply;

/// For each key its values, from the oldest to the newest. The initial value comes before all of them and is not named.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct VersionOrder {
    keys: BTreeMap<Key, Vec<Value>>,
}

/// Why an order cannot be that of a history.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OrderError {
    /// A value has two places.
    Twice {
        /// The key.
        key: Key,
        /// The value.
        value: Value,
    },
    /// Nobody wrote the value, or whoever tried failed.
    NeverWritten {
        /// The key.
        key: Key,
        /// The value.
        value: Value,
    },
}

impl fmt::Display for OrderError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            OrderError::Twice { key, value } => write!(f, "the version order of {key} has {value} twice"),
            OrderError::NeverWritten { key, value } => {
                write!(f, "the version order of {key} has {value}, which nobody wrote there")
            }
        }
    }
}

impl std::error::Error for OrderError {}

impl VersionOrder {
    /// An order without versions.
    pub fn new() -> VersionOrder {
        VersionOrder::default()
    }

    /// Adds the newest version of a key.
    pub fn push(&mut self, key: Key, value: Value) {
        self.keys.entry(key).or_default().push(value);
    }

    /// The values of a key, from the oldest to the newest.
    pub fn of(&self, key: Key) -> &[Value] {
        self.keys.get(&key).map_or(&[], Vec::as_slice)
    }

    /// Every key that has versions, with its values from the oldest to the newest, in the order of keys.
    pub fn iter(&self) -> impl Iterator<Item = (Key, &[Value])> {
        self.keys.iter().map(|(key, values)| (*key, values.as_slice()))
    }

    /// How many versions there are.
    pub fn len(&self) -> usize {
        self.keys.values().map(Vec::len).sum()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.keys.values().all(Vec::is_empty)
    }

    /// The same order, of only those versions that this history wrote or may have written. `O(n log n)`.
    pub fn restricted(&self, history: &History) -> VersionOrder {
        let written = written(history);
        let mut restricted = VersionOrder::new();
        for (key, values) in self.iter() {
            let there = |value: &&Value| written.binary_search(&(key, **value)).is_ok();
            values.iter().filter(there).for_each(|value| restricted.push(key, *value));
        }
        restricted
    }

    /// Whether every version has one place, and was written or may have been. Returns the acknowledged writes whose
    /// value has no place, in the order of invocation: the store lost them, or does not tell. `O(n log n)`.
    ///
    /// # Errors
    /// Where the order cannot be that of the history.
    pub fn validate(&self, history: &History) -> Result<Vec<OpId>, OrderError> {
        let written = written(history);
        let mut placed = Vec::with_capacity(self.len());
        for (key, values) in self.iter() {
            for value in values {
                if written.binary_search(&(key, *value)).is_err() {
                    return Err(OrderError::NeverWritten { key, value: *value });
                }
                placed.push((key, *value));
            }
        }
        placed.sort_unstable();
        if let Some(pair) = placed.windows(2).find(|pair| pair[0] == pair[1]) {
            return Err(OrderError::Twice { key: pair[0].0, value: pair[0].1 });
        }
        let lacks = |key, value| placed.binary_search(&(key, value)).is_err();
        let unplaced = history
            .iter()
            .filter(|operation| operation.acknowledged_write().is_some_and(|value| lacks(operation.op.key(), value)));
        Ok(unplaced.map(|operation| operation.id).collect())
    }
}

/// Every value that was written or may have been, sorted.
fn written(history: &History) -> Vec<(Key, Value)> {
    let effect = |operation: crate::history::Operation| match (operation.outcome, operation.reply) {
        (Outcome::Fail, _) | (_, Some(Reply::Mismatch(_))) => None,
        _ => operation.op.written().map(|value| (operation.op.key(), value)),
    };
    let mut written: Vec<(Key, Value)> = history.iter().filter_map(effect).collect();
    written.sort_unstable();
    written
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::{ClientId, NodeId};
    use crate::op::Op;
    use crate::time::Time;

    #[test]
    fn an_order_is_held_to_its_history() {
        let (mut history, at) = (History::new(), Time::from_nanos);
        let (k, l) = (Key(0), Key(1));
        let done = history.invoke(ClientId(0), Op::Write(k, Value(1)), at(0));
        let _open = history.invoke(ClientId(1), Op::Write(k, Value(2)), at(0));
        let failed = history.invoke(ClientId(2), Op::Write(l, Value(3)), at(0));
        history.complete(done, Reply::Written, NodeId(0), at(1));
        history.fail(failed, at(1));

        let order = |values: &[(Key, u64)]| {
            let mut order = VersionOrder::new();
            values.iter().for_each(|(key, value)| order.push(*key, Value(*value)));
            order
        };
        assert_eq!(order(&[(k, 2), (k, 1)]).validate(&history), Ok(vec![]));
        assert_eq!(order(&[(k, 2)]).validate(&history), Ok(vec![done]));
        let twice = OrderError::Twice { key: k, value: Value(1) };
        assert_eq!(order(&[(k, 1), (k, 2), (k, 1)]).validate(&history), Err(twice));
        let never = |key, value| Err(OrderError::NeverWritten { key, value: Value(value) });
        assert_eq!(order(&[(k, 1), (l, 3)]).validate(&history), never(l, 3));
        assert_eq!(order(&[(l, 1)]).validate(&history), never(l, 1));
        let all = order(&[(l, 3), (k, 2), (k, 1)]);
        assert_eq!(all.restricted(&history), order(&[(k, 2), (k, 1)]));
        assert_eq!((all.len(), all.is_empty(), all.of(k)), (3, false, &[Value(2), Value(1)][..]));
    }
}
