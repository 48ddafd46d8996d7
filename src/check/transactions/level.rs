//! The levels of isolation, and which implies which.

use std::fmt;

use super::anomaly::{AnomalyKind, Variant};

/// A level of isolation.
///
/// All but the first are about the existence of a *commit order*: a total order of the transactions that have
/// committed, of which every per-key version order is a part, in which a transaction comes after those that it read
/// from, and, where a level has sessions, after the earlier ones of its session. The levels differ in what a reader
/// must have seen (Biswas & Enea, *On the Complexity of Checking Transactional Consistency*, OOPSLA 2019; Cerone,
/// Bernardi & Gotsman, *A Framework for Transactional Consistency Models*, CONCUR 2015).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Level {
    /// Adya's PL-1: there is a version order of every key without G0. It says nothing of reads.
    ReadUncommitted,
    /// Adya's PL-2: no G0, no G1. No sessions.
    ReadCommitted,
    /// Read committed of Biswas & Enea, Plume and AWDIT: sessions hold, and inside one transaction no read is older
    /// than what an earlier one has shown.
    SessionReadCommitted,
    /// Read atomic: who sees one write of a transaction, or follows it in its session, sees all of them or newer ones.
    ReadAtomic,
    /// Transactional causal consistency, convergent: so does who follows it by any chain of sessions and reads.
    Causal,
    /// Prefix consistency: each transaction reads from a prefix of the commit order. Lost updates are possible.
    Prefix,
    /// Adya's PL-2.99: no G1, no G2-item. With micro-operations on single items only, as here, that is
    /// [`Level::Serializable`].
    RepeatableRead,
    /// Snapshot isolation: prefix consistency, and of two concurrent writers of a key at most one commits. No sessions.
    SnapshotIsolation,
    /// Snapshot isolation where a snapshot has all that came before in the session.
    SessionSnapshotIsolation,
    /// Snapshot isolation where a snapshot has all that was completed before the transaction was asked for.
    StrongSnapshotIsolation,
    /// Serializable, Adya's PL-3: each transaction reads what the commit order alone would have shown it. No sessions.
    Serializable,
    /// Serializable in an order that respects sessions.
    SessionSerializable,
    /// Serializable in an order that respects sessions and real time.
    StrictSerializable,
}

use Level::*;

impl Level {
    /// Every level; none comes before one that it implies.
    pub const ALL: [Level; 13] = [
        ReadUncommitted,
        ReadCommitted,
        SessionReadCommitted,
        ReadAtomic,
        Causal,
        Prefix,
        SnapshotIsolation,
        SessionSnapshotIsolation,
        StrongSnapshotIsolation,
        RepeatableRead,
        Serializable,
        SessionSerializable,
        StrictSerializable,
    ];

    /// The level of this name, with `_` for `-` too.
    pub fn from_name(name: &str) -> Option<Level> {
        let name = name.replace('_', "-");
        Level::ALL.into_iter().find(|level| level.name() == name)
    }

    /// The levels that it implies at once.
    pub const fn weaker(self) -> &'static [Level] {
        match self {
            ReadUncommitted => &[],
            ReadCommitted => &[ReadUncommitted],
            SessionReadCommitted => &[ReadCommitted],
            ReadAtomic => &[SessionReadCommitted],
            Causal => &[ReadAtomic],
            Prefix => &[Causal],
            RepeatableRead => &[SnapshotIsolation],
            SnapshotIsolation => &[ReadCommitted],
            SessionSnapshotIsolation => &[SnapshotIsolation, Prefix],
            StrongSnapshotIsolation => &[SessionSnapshotIsolation],
            Serializable => &[RepeatableRead],
            SessionSerializable => &[Serializable, SessionSnapshotIsolation],
            StrictSerializable => &[SessionSerializable, StrongSnapshotIsolation],
        }
    }

    /// Whether every history that meets this level meets `other`.
    pub fn implies(self, other: Level) -> bool {
        self == other || self.weaker().iter().any(|weaker| weaker.implies(other))
    }

    /// Whether an anomaly of this name means that the level is not met. The `-process` and `-realtime` variants rule
    /// out the levels that have sessions, or real time.
    pub fn is_ruled_out_by(self, kind: AnomalyKind, variant: Variant) -> bool {
        use AnomalyKind as K;
        let weakest: &[Level] = match (kind, variant) {
            (K::G0 | K::DuplicateElements | K::CyclicVersions, Variant::Plain) => &[ReadUncommitted],
            (K::G1a | K::G1b | K::G1c | K::Internal, Variant::Plain) => &[ReadCommitted],
            (K::DirtyUpdate | K::IncompatibleOrder | K::FutureRead | K::ThinAir, Variant::Plain) => &[ReadCommitted],
            (K::G0 | K::G1c, Variant::Process) => &[SessionReadCommitted, SessionSnapshotIsolation],
            (K::NonRepeatable, _) => &[ReadAtomic, SnapshotIsolation],
            (K::GSingle | K::GNonadjacent | K::LostUpdate, Variant::Plain) => &[SnapshotIsolation],
            (K::GSingle | K::GNonadjacent, Variant::Process) => &[SessionSnapshotIsolation],
            (K::G2Item, Variant::Plain) => &[RepeatableRead],
            (K::G2Item, Variant::Process) => &[SessionSerializable],
            (K::G2Item, Variant::Realtime) => &[StrictSerializable],
            (_, Variant::Realtime) => &[StrongSnapshotIsolation],
            (_, Variant::Process) => &[SessionSnapshotIsolation],
        };
        weakest.iter().any(|weakest| self.implies(*weakest))
    }

    pub(super) const fn has_sessions(self) -> bool {
        !matches!(self, ReadUncommitted | ReadCommitted | SnapshotIsolation | RepeatableRead | Serializable)
    }

    pub(super) const fn has_real_time(self) -> bool {
        matches!(self, StrongSnapshotIsolation | StrictSerializable)
    }

    pub(super) const fn is_serial(self) -> bool {
        matches!(self, RepeatableRead | Serializable | SessionSerializable | StrictSerializable)
    }

    /// The name in reports and JSON.
    pub const fn name(self) -> &'static str {
        match self {
            ReadUncommitted => "read-uncommitted",
            ReadCommitted => "read-committed",
            SessionReadCommitted => "session-read-committed",
            ReadAtomic => "read-atomic",
            Causal => "causal",
            Prefix => "prefix",
            RepeatableRead => "repeatable-read",
            SnapshotIsolation => "snapshot-isolation",
            SessionSnapshotIsolation => "strong-session-snapshot-isolation",
            StrongSnapshotIsolation => "strong-snapshot-isolation",
            Serializable => "serializable",
            SessionSerializable => "strong-session-serializable",
            StrictSerializable => "strict-serializable",
        }
    }
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_level_comes_before_one_that_it_implies() {
        for (place, level) in Level::ALL.iter().enumerate() {
            assert!(level.weaker().iter().all(|weaker| Level::ALL[..place].contains(weaker)), "{level}");
        }
        assert!(StrictSerializable.implies(Causal) && !Causal.implies(Prefix));
    }
}
