//! What is kept of broken invariants: the first of each, and how many there were.

use std::sync::Arc;

use crate::id::{GroupId, NodeId};
use crate::time::Time;

use super::{Ground, Invariant};

/// An invariant that did not hold: the first time, and how often in all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Breach {
    /// Which.
    pub invariant: Invariant,
    /// The event that broke it first.
    pub at: Time,
    /// The nodes concerned.
    pub nodes: Vec<NodeId>,
    /// How, in words.
    pub why: String,
    /// How many events broke it.
    pub count: u64,
}

/// The breaches of a run, and which invariants are asked for.
#[derive(Clone, Debug, Default)]
pub(super) struct Breaches {
    /// By node: its name and its group.
    nodes: Vec<(Arc<str>, GroupId)>,
    /// Groups that lost what some invariants rest on.
    excused: Vec<(GroupId, Ground)>,
    asked: u32,
    found: Vec<Breach>,
}

impl Breaches {
    pub fn begin_anew(&mut self, nodes: Vec<(Arc<str>, GroupId)>) {
        (self.nodes, self.asked) = (nodes, 0);
        self.excused.clear();
        self.found.clear();
    }

    /// This group lost this ground: what rests on it is not noted of the group any more.
    pub fn excuse(&mut self, group: GroupId, ground: Ground) {
        if !self.excused.contains(&(group, ground)) {
            self.excused.push((group, ground));
        }
    }

    /// Whether an invariant was broken where its ground is gone. Where no node is named, any group's may be.
    fn is_excused(&self, invariant: Invariant, nodes: &[NodeId]) -> bool {
        let is_of = |group: GroupId| {
            let is_in = |node: &NodeId| self.nodes.get(node.index()).is_some_and(|(_, of)| *of == group);
            nodes.is_empty() || nodes.iter().any(is_in)
        };
        self.excused.iter().any(|(group, ground)| invariant.rests_on(*ground) && is_of(*group))
    }

    #[inline]
    pub fn ask(&mut self, invariant: Invariant) {
        self.asked |= invariant.bit();
    }

    /// Whether anything is broken.
    #[inline]
    pub const fn is_empty(&self) -> bool {
        self.found.is_empty()
    }

    /// The invariants that are asked for, as bits.
    pub const fn bits(&self) -> u32 {
        self.asked
    }

    #[inline]
    pub const fn asks(&self, invariant: Invariant) -> bool {
        self.asked & invariant.bit() != 0
    }

    pub fn has(&self, invariant: Invariant) -> bool {
        self.found.iter().any(|breach| breach.invariant == invariant)
    }

    /// The name of a node.
    pub fn name(&self, node: NodeId) -> Arc<str> {
        self.nodes.get(node.index()).map_or_else(|| node.to_string().into(), |(name, _)| name.clone())
    }

    /// Notes that an invariant was broken. Not where it is not asked for.
    #[cold]
    pub fn note(&mut self, invariant: Invariant, at: Time, nodes: &[NodeId], why: impl FnOnce(&Breaches) -> String) {
        if !self.asks(invariant) || self.is_excused(invariant, nodes) {
            return;
        }
        match self.found.iter_mut().find(|breach| breach.invariant == invariant) {
            Some(breach) => breach.count += 1,
            None => {
                let why = why(self);
                self.found.push(Breach { invariant, at, nodes: nodes.to_vec(), why, count: 1 });
            }
        }
    }

    /// What was found, in the order of [`Invariant::ALL`].
    pub fn found(&self) -> Vec<Breach> {
        let mut found = self.found.clone();
        found.sort_by_key(|breach| breach.invariant);
        found
    }

    pub fn asked(&self) -> impl Iterator<Item = Invariant> + '_ {
        Invariant::ALL.into_iter().filter(|invariant| self.asks(*invariant))
    }
}
