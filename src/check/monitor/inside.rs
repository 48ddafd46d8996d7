//! A group inside a design: the Raft that a store is, or deciders that agree. It has epochs, leaders and a log of its own, and the
//! invariants of those are held against it apart from the design's.
//!
//! What its log is about is the design's own business: no client is answered by it, so nothing is asked of its writes. Nothing is kept
//! where nobody tells of such a group. Next: `leaders.rs`.

use crate::id::{GroupId, NodeId};
use crate::trace::{EntryName, Observation};

use super::{Breach, Invariant, Invariants, Leaders, Seen, Watched};

/// What is known of the groups inside a design: one in each of the design's groups.
#[derive(Clone, Debug, Default)]
pub struct Inside {
    is_told: bool,
    leaders: Leaders,
    invariants: Invariants,
}

impl Inside {
    /// Forgets everything, and keeps the memory.
    pub fn begin_anew(&mut self) {
        self.is_told = false;
    }

    /// A node observed something of the group inside. The first time, `nodes` are those of the design.
    pub fn observed(&mut self, seen: Seen, observation: Observation, nodes: impl FnOnce() -> Vec<Watched>) {
        if !std::mem::replace(&mut self.is_told, true) {
            self.leaders = Leaders::default();
            self.invariants.begin_anew(&nodes());
        }
        match observation {
            Observation::Leader { epoch } => {
                let rival = self.leaders.took_office(seen.group(), epoch, seen.node(), seen.at);
                self.invariants.took_office(seen, epoch, rival);
            }
            Observation::Logged { by, index, epoch, before, what: EntryName(what) } => {
                let what = EntryName::other(what); // a value of its own, which is no client's
                self.invariants.observed(seen, &Observation::Logged { by, index, epoch, before, what });
            }
            Observation::Committed { .. }
            | Observation::Elected { .. }
            | Observation::Entered { .. }
            | Observation::Voted { .. } => self.invariants.observed(seen, &observation),
            _ => {}
        }
    }

    /// A node is down.
    pub fn crashed(&mut self, group: GroupId, node: NodeId) {
        if self.is_told {
            self.invariants.crashed(group, node);
        }
    }

    /// A disk of this group lost what it had said it has.
    pub fn forgot(&mut self, group: GroupId) {
        if self.is_told {
            self.invariants.forgot(group);
        }
    }

    /// Whether this invariant is asked of the groups inside.
    pub fn asks(&self, invariant: Invariant) -> bool {
        self.is_told && self.invariants.asks(invariant)
    }

    /// What was broken, in the order of [`Invariant::ALL`].
    pub fn breaches(&self) -> Vec<Breach> {
        let found = if self.is_told { self.invariants.breaches() } else { Vec::new() };
        let told = |breach: Breach| Breach { why: format!("in the group inside: {}", breach.why), ..breach };
        found.into_iter().map(told).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::Value;
    use crate::time::Time;

    const NODES: u16 = 3;

    fn seen(node: u16) -> Seen {
        Seen::new(Time::ZERO, NodeId(node), GroupId(0), false)
    }

    fn nodes() -> Vec<Watched> {
        let node = |seat: u16| Watched { name: format!("n{seat}").into(), group: GroupId(0), seat: seat.into() };
        (0..NODES).map(node).collect()
    }

    fn logged(epoch: u64, value: u64) -> Observation {
        Observation::Logged { by: epoch, index: 1, epoch, before: 0, what: EntryName::write(Value(value)) }
    }

    #[test]
    fn two_leaders_two_votes_and_two_entries_in_one_place_are_caught() {
        let broken = |told: &[(u16, Observation)]| {
            let mut inside = Inside::default();
            told.iter().for_each(|(node, observation)| inside.observed(seen(*node), *observation, nodes));
            inside.breaches().iter().map(|breach| breach.invariant).collect::<Vec<_>>()
        };
        let leads = |epoch| Observation::Leader { epoch };
        assert_eq!(broken(&[(0, leads(1)), (1, leads(1))]), [Invariant::ElectionSafety]);
        assert_eq!(broken(&[(0, leads(1)), (1, leads(2)), (0, leads(1))]), []);
        let votes = |candidate| Observation::Voted { epoch: 1, candidate: NodeId(candidate) };
        assert_eq!(broken(&[(0, votes(1)), (0, votes(2))]), [Invariant::VoteMonotone]);
        // A packed value of a store is a large number.
        assert_eq!(broken(&[(0, logged(1, 1 << 60)), (1, logged(1, 1 << 60 | 1))]), [Invariant::LogMatching]);
        assert_eq!(broken(&[(0, logged(1, 1 << 60)), (1, logged(1, 1 << 60))]), []);
    }

    #[test]
    fn what_was_told_of_one_run_is_not_held_against_the_next_and_forgetful_disks_excuse() {
        let mut inside = Inside::default();
        assert!(!inside.asks(Invariant::ElectionSafety) && inside.breaches().is_empty());
        inside.observed(seen(0), Observation::Leader { epoch: 1 }, nodes);
        inside.begin_anew();
        assert!(!inside.asks(Invariant::ElectionSafety));
        inside.observed(seen(1), Observation::Leader { epoch: 1 }, nodes);
        assert!(inside.asks(Invariant::ElectionSafety) && inside.breaches().is_empty());
        inside.forgot(GroupId(0));
        inside.observed(seen(2), Observation::Leader { epoch: 1 }, nodes);
        assert_eq!(inside.breaches(), []);
    }
}
