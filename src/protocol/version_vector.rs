//! How much of whose writes: [`VersionVector`], a number for each node; and one write of a node: [`Dot`].
//!
//! Source: Parker et al., *Detection of Mutual Inconsistency in Distributed Systems*, IEEE TSE 9(3), 1983 (version vectors); Fidge,
//! 1988, Mattern, 1989 (vector time); Preguiça, Baquero, Almeida, Fonte, Gonçalves, *Dotted Version Vectors*, 2010 (dots). A node's
//! own writes are numbered from 1 and taken in that order, so that one number stands for all up to it.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use crate::id::NodeId;

/// How many writes of each node: those that a copy has taken, that a write comes after, or that a client has seen.
///
/// Clones share their memory until one of them changes.
#[derive(Clone, Default)]
pub struct VersionVector(Arc<[u64]>);

/// A node and a number on the wire.
const ENTRY_BYTES: usize = 10;

impl VersionVector {
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
    pub fn covers(&self, other: &VersionVector) -> bool {
        other.iter().all(|(node, number)| number <= self.of(node))
    }

    /// Has this node's writes up to there, if it had fewer.
    pub fn raise(&mut self, node: NodeId, number: u64) {
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
    pub fn merge(&mut self, other: &VersionVector) {
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
    pub fn bytes(&self) -> usize {
        ENTRY_BYTES * self.iter().count()
    }
}

/// One write of a node, by its number among that node's.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Dot {
    /// Who made it.
    pub node: NodeId,
    /// Its number, from 1.
    pub number: u64,
}

impl Dot {
    /// Its size on the wire.
    pub const BYTES: usize = ENTRY_BYTES;
}

impl fmt::Debug for Dot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.node, self.number)
    }
}

impl VersionVector {
    /// Whether it has this write.
    pub fn has(&self, dot: Dot) -> bool {
        dot.number <= self.of(dot.node)
    }

    /// Has this write, and all of that node before it.
    pub fn add(&mut self, dot: Dot) {
        self.raise(dot.node, dot.number);
    }

    /// The write after the last that it has of this node.
    pub fn next(&self, node: NodeId) -> Dot {
        Dot { node, number: self.of(node) + 1 }
    }
}

impl PartialEq for VersionVector {
    fn eq(&self, other: &VersionVector) -> bool {
        self.iter().eq(other.iter())
    }
}

impl Eq for VersionVector {}

impl Hash for VersionVector {
    /// Equal clocks alike, however long.
    fn hash<H: Hasher>(&self, into: &mut H) {
        self.iter().for_each(|entry| entry.hash(into));
    }
}

impl fmt::Debug for VersionVector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.iter()).finish()
    }
}

impl FromIterator<(NodeId, u64)> for VersionVector {
    fn from_iter<I: IntoIterator<Item = (NodeId, u64)>>(numbers: I) -> VersionVector {
        let mut clock = VersionVector::default();
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

    fn clock(numbers: &BTreeMap<u16, u64>) -> VersionVector {
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
