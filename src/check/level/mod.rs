//! The levels of consistency that are judged, by their names in the field, and which implies which.
//!
//! ```text
//!                        strict-serializable
//!                       /                   \
//!              linearizable               serializable
//!             /     |      \               /        \
//!     k-atomic  sequential  bounded-  snapshot-   repeatable-
//!               /        \  staleness isolation   read
//!  causal-convergence  causal-memory       \        /
//!    /    |       \     /       \          read-atomic
//!  RYW  MR MW WFR  causal       PRAM            |
//!                                          read-committed
//!  strong-eventual -- eventual                  |
//!                                          read-uncommitted
//! ```
//!
//! Each edge is justified at [`Level::weaker`]. Two that one might expect are not there: causal memory does not imply the
//! session guarantees, for these demand one order of the versions of a key for all sessions, and under it each session
//! may have its own. And sequential consistency implies no bound of staleness, since it knows no time. Next: `named.rs`.

use std::fmt;

mod judge;
mod named;

use super::session::Guarantee;
use crate::time::Duration;
pub use judge::{Judged, SWAPS_UNCHECKED, judge, judge_all, strongest};
pub use named::{COPIES, SINGLE, named, named_of_run};

/// A level of consistency.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Level {
    /// Transactions in one order that respects real time.
    StrictSerializable,
    /// Every operation takes effect at one instant between its call and its return.
    Linearizable,
    /// All operations in one order that respects every session.
    Sequential,
    /// Causal convergence (CCv): causal, and all agree on one order of conflicting writes.
    CausalConvergence,
    /// Causal memory (CM): causal, and each session sees all writes in one order of its own.
    CausalMemory,
    /// Causal consistency (CC): every read is explained by what is in its causal past.
    Causal,
    /// Each session sees the writes of every other in the order in which they were made.
    Pram,
    /// A session guarantee.
    ReadYourWrites,
    /// A session guarantee.
    MonotonicReads,
    /// A session guarantee.
    MonotonicWrites,
    /// A session guarantee.
    WritesFollowReads,
    /// Linearizable if every read may begin this much earlier.
    BoundedStaleness(Duration),
    /// Every read finds one of the last so many versions.
    KAtomic(u64),
    /// Strong eventual consistency: copies made of the same updates are the same, and in the end all are.
    StrongEventual,
    /// After quiet all copies are the same.
    Eventual,
    /// Transactions in one order.
    Serializable,
    /// Transactions that read from a snapshot and do not write what another wrote meanwhile.
    SnapshotIsolation,
    /// PL-2.99: serializable but for predicates.
    RepeatableRead,
    /// Transactions whose writes are seen all or none.
    ReadAtomic,
    /// PL-2: no read of what was aborted or was not final, and no circular information flow.
    ReadCommitted,
    /// PL-1: no cycle of overwriting.
    ReadUncommitted,
}

impl Level {
    /// Every level, from the strongest to the weakest of each family; the two with a bound stand with the tightest one.
    pub const ALL: [Level; 21] = [
        Level::StrictSerializable,
        Level::Linearizable,
        Level::Sequential,
        Level::CausalConvergence,
        Level::CausalMemory,
        Level::Causal,
        Level::Pram,
        Level::ReadYourWrites,
        Level::MonotonicReads,
        Level::MonotonicWrites,
        Level::WritesFollowReads,
        Level::BoundedStaleness(Duration::ZERO),
        Level::KAtomic(1),
        Level::StrongEventual,
        Level::Eventual,
        Level::Serializable,
        Level::SnapshotIsolation,
        Level::RepeatableRead,
        Level::ReadAtomic,
        Level::ReadCommitted,
        Level::ReadUncommitted,
    ];

    /// The name in scenario files, reports and JSON, without the bound where it has one.
    pub const fn name(self) -> &'static str {
        match self {
            Level::StrictSerializable => "strict-serializable",
            Level::Linearizable => "linearizable",
            Level::Sequential => "sequential",
            Level::CausalConvergence => "causal-convergence",
            Level::CausalMemory => "causal-memory",
            Level::Causal => "causal",
            Level::Pram => "pram",
            Level::ReadYourWrites => "read-your-writes",
            Level::MonotonicReads => "monotonic-reads",
            Level::MonotonicWrites => "monotonic-writes",
            Level::WritesFollowReads => "writes-follow-reads",
            Level::BoundedStaleness(_) => "bounded-staleness",
            Level::KAtomic(_) => "k-atomic",
            Level::StrongEventual => "strong-eventual",
            Level::Eventual => "eventual",
            Level::Serializable => "serializable",
            Level::SnapshotIsolation => "snapshot-isolation",
            Level::RepeatableRead => "repeatable-read",
            Level::ReadAtomic => "read-atomic",
            Level::ReadCommitted => "read-committed",
            Level::ReadUncommitted => "read-uncommitted",
        }
    }

    /// The level of this name, as [`Display`](fmt::Display) writes it. A bound follows after a colon
    /// (`bounded-staleness:500ms`, `k-atomic:2`); without one the tightest is meant.
    pub fn from_name(name: &str) -> Option<Level> {
        let (name, bound) = name.split_once(':').map_or((name, None), |(name, bound)| (name, Some(bound)));
        let level = Level::ALL.into_iter().find(|level| level.name() == name)?;
        match (level, bound) {
            (level, None) => Some(level),
            (Level::BoundedStaleness(_), Some(bound)) => bound.parse().ok().map(Level::BoundedStaleness),
            (Level::KAtomic(_), Some(bound)) => bound.parse().ok().filter(|k| *k > 0).map(Level::KAtomic),
            _ => None,
        }
    }

    /// The level of a session guarantee.
    pub const fn of(guarantee: Guarantee) -> Level {
        match guarantee {
            Guarantee::ReadYourWrites => Level::ReadYourWrites,
            Guarantee::MonotonicReads => Level::MonotonicReads,
            Guarantee::MonotonicWrites => Level::MonotonicWrites,
            Guarantee::WritesFollowReads => Level::WritesFollowReads,
        }
    }

    /// Whether it is a level of copies: of what a store holds, not of what clients see.
    pub const fn is_of_copies(self) -> bool {
        matches!(self, Level::StrongEventual | Level::Eventual)
    }

    /// The levels that this one implies directly.
    ///
    /// - *strict serializable → serializable*: real time is only added. *→ linearizable*: if every transaction is one
    ///   operation, the definitions are the same.
    /// - *linearizable → sequential*: a session's operations follow one another in real time, if each begins after the
    ///   one before has ended. *→ bounded staleness* with no time at all, and *→ k-atomic* with `k = 1`: by definition,
    ///   and these also imply linearizability. A greater bound is implied by a smaller one.
    /// - *sequential → CCv*: the one order is an arbitration, in which every read finds the last write in its past since
    ///   it finds the last one of all. *→ CM*: for each session the one order, cut down to its past, will do.
    /// - *CCv → CC*: the past of a read, put in the order of arbitration, explains it. *→ the session guarantees*: take
    ///   the arbitration as the order of versions. It extends the causal past, in which own writes and what was read come
    ///   before what is written or read next, and a read finds the last version in its past.
    /// - *CM → CC*: that asks for one read at a time what this asks for all of a session. *→ PRAM*: of the order, what is
    ///   not in the past can be added at the end, and session order is part of causal order.
    /// - *strong eventual → eventual*: by definition.
    /// - *serializable → snapshot isolation*, *→ repeatable read*: each excludes some of the cycles that serializability
    ///   excludes all of (Adya, *Weak Consistency*, 1999). *Snapshot isolation → read atomic*, *repeatable read → read
    ///   atomic*: a fractured read is a cycle with one anti-dependency on an item, which both exclude. *Read atomic → read
    ///   committed → read uncommitted* (Bailis et al., *Scalable Atomic Visibility with RAMP Transactions*, 2014; Adya).
    pub const fn weaker(self) -> &'static [Level] {
        match self {
            Level::StrictSerializable => &[Level::Linearizable, Level::Serializable],
            Level::Linearizable => &[Level::Sequential, Level::BoundedStaleness(Duration::ZERO), Level::KAtomic(1)],
            Level::Sequential => &[Level::CausalConvergence, Level::CausalMemory],
            Level::CausalConvergence => &[
                Level::Causal,
                Level::ReadYourWrites,
                Level::MonotonicReads,
                Level::MonotonicWrites,
                Level::WritesFollowReads,
            ],
            Level::CausalMemory => &[Level::Causal, Level::Pram],
            Level::StrongEventual => &[Level::Eventual],
            Level::Serializable => &[Level::SnapshotIsolation, Level::RepeatableRead],
            Level::SnapshotIsolation | Level::RepeatableRead => &[Level::ReadAtomic],
            Level::ReadAtomic => &[Level::ReadCommitted],
            Level::ReadCommitted => &[Level::ReadUncommitted],
            _ => &[],
        }
    }

    /// Whether every history that meets this level meets the other, which may be the same.
    pub fn implies(self, other: Level) -> bool {
        match (self, other) {
            (Level::BoundedStaleness(tight), Level::BoundedStaleness(loose)) => tight <= loose,
            (Level::KAtomic(tight), Level::KAtomic(loose)) => tight <= loose,
            _ => self == other || self.weaker().iter().any(|weaker| weaker.implies(other)),
        }
    }

    /// Of these levels those that no other of them implies, in their order, each once.
    pub fn strongest(met: &[Level]) -> Vec<Level> {
        let mut strongest = Vec::new();
        for level in met {
            let beaten = met.iter().any(|other| other != level && other.implies(*level));
            if !beaten && !strongest.contains(level) {
                strongest.push(*level);
            }
        }
        strongest
    }
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Level::BoundedStaleness(bound) => write!(f, "{}:{bound}", self.name()),
            Level::KAtomic(k) => write!(f, "{}:{k}", self.name()),
            _ => f.write_str(self.name()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_read_back() {
        let bounded = [Level::BoundedStaleness(Duration::millis(1_500)), Level::KAtomic(7)];
        for level in Level::ALL.into_iter().chain(bounded) {
            assert_eq!(Level::from_name(&level.to_string()), Some(level), "{level}");
        }
        assert_eq!(Level::from_name("k-atomic"), Some(Level::KAtomic(1)));
        for name in ["", "causal:3", "k-atomic:0", "k-atomic:x", "bounded-staleness:3", "Linearizable"] {
            assert_eq!(Level::from_name(name), None, "{name}");
        }
    }

    #[test]
    fn implication_is_a_partial_order() {
        for one in Level::ALL {
            for other in Level::ALL {
                assert!(!(one != other && one.implies(other) && other.implies(one)), "{one} {other}");
                for third in Level::ALL {
                    let through = one.implies(other) && other.implies(third);
                    assert!(!through || one.implies(third), "{one} {other} {third}");
                }
            }
        }
        assert!(Level::Linearizable.implies(Level::WritesFollowReads));
        assert!(Level::Linearizable.implies(Level::KAtomic(3)));
        assert!(!Level::CausalMemory.implies(Level::MonotonicReads));
        assert!(!Level::Sequential.implies(Level::BoundedStaleness(Duration::MAX)));
        assert!(!Level::KAtomic(2).implies(Level::KAtomic(1)));
    }

    #[test]
    fn the_strongest_are_those_that_nothing_else_implies() {
        let met = [Level::Causal, Level::Pram, Level::CausalMemory, Level::MonotonicReads, Level::KAtomic(3)];
        let strongest = [Level::CausalMemory, Level::MonotonicReads, Level::KAtomic(3)];
        assert_eq!(Level::strongest(&met), strongest);
        assert_eq!(Level::strongest(&[]), []);
    }
}
