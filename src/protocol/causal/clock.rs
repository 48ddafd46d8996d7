//! How much of whose writes: [`Clock`], a number for each node.
//!
//! Source: Fidge, 1988; Mattern, 1989 (vector time). A node's own writes are numbered from 1 and taken in that order, so
//! that one number stands for all up to it. Next: `store.rs`.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use crate::id::NodeId;

/// How many writes of each node: those that a copy has taken, that a write comes after, or that a client has seen.
///
/// Clones share their memory until one of them changes.
#[derive(Clone, Default)]
pub struct Clock(Arc<[u64]>);

/// A node and a number on the wire.
const ENTRY_BYTES: usize = 10;

impl Clock {
    /// How many writes of this node.
    pub fn of(&self, node: NodeId) -> u64 {
        self.0.get(node.index()).copied().unwrap_or(0)
    }

    /// The nodes of which it has some writes, in order, and how many.
    pub fn iter(&self) -> impl Iterator<Item = (NodeId, u64)> + '_ {
        let all = (0_u16..).map(NodeId).zip(self.0.iter().copied());
        all.filter(|(_, number)| *number > 0)
    }

    /// Whether it has all writes that the other has.
    pub fn covers(&self, other: &Clock) -> bool {
        other.iter().all(|(node, number)| number <= self.of(node))
    }

    /// Has this node's writes up to there, if it had fewer.
    pub(super) fn raise(&mut self, node: NodeId, number: u64) {
        if number <= self.of(node) {
            return;
        }
        if node.index() >= self.0.len() {
            let of = |place: usize| self.0.get(place).copied().unwrap_or(0);
            self.0 = (0..=node.index()).map(of).collect();
        }
        Arc::make_mut(&mut self.0)[node.index()] = number;
    }

    /// Has what either has.
    pub(super) fn merge(&mut self, other: &Clock) {
        if self.covers(other) {
            return;
        }
        if other.covers(self) {
            *self = other.clone();
        } else {
            other.iter().for_each(|(node, number)| self.raise(node, number));
        }
    }

    /// Its size on the wire.
    pub(super) fn bytes(&self) -> usize {
        ENTRY_BYTES * self.iter().count()
    }
}

impl PartialEq for Clock {
    fn eq(&self, other: &Clock) -> bool {
        self.iter().eq(other.iter())
    }
}

impl Eq for Clock {}

impl Hash for Clock {
    /// Equal clocks alike, however long.
    fn hash<H: Hasher>(&self, into: &mut H) {
        self.iter().for_each(|entry| entry.hash(into));
    }
}

impl fmt::Debug for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.iter()).finish()
    }
}

impl FromIterator<(NodeId, u64)> for Clock {
    fn from_iter<I: IntoIterator<Item = (NodeId, u64)>>(numbers: I) -> Clock {
        let mut clock = Clock::default();
        numbers.into_iter().for_each(|(node, number)| clock.raise(node, number));
        clock
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    use super::*;

    fn numbers() -> impl Strategy<Value = BTreeMap<u16, u64>> {
        prop::collection::btree_map(0..6_u16, 1..4_u64, 0..6)
    }

    fn clock(numbers: &BTreeMap<u16, u64>) -> Clock {
        numbers.iter().map(|(node, number)| (NodeId(*node), *number)).collect()
    }

    proptest! {
        #[test]
        fn it_is_a_lattice(one in numbers(), other in numbers()) {
            let (a, b) = (clock(&one), clock(&other));
            let mut joined = a.clone();
            joined.merge(&b);
            prop_assert_eq!(&a, &clock(&one), "a clone changes alone");
            let most = |node: u16| one.get(&node).max(other.get(&node)).copied().unwrap_or(0);
            prop_assert!((0..6).all(|node| joined.of(NodeId(node)) == most(node)));
            prop_assert!(joined.covers(&a) && joined.covers(&b));
            prop_assert_eq!(a.covers(&b), joined == a);
            prop_assert_eq!(joined.bytes(), 10 * joined.iter().count());
            let mut raised = a.clone();
            raised.raise(NodeId(5), 2);
            prop_assert_eq!(raised.of(NodeId(5)), a.of(NodeId(5)).max(2));
        }
    }
}
