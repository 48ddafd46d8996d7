//! Flaws that real systems had, each as one switch in a protocol that is right without it: they show that what watches a
//! protocol sees them. `docs/mutants.md` says what each does; `tests/mutants/` hunts them all.
//!
//! Without the feature `mutants` there is no switch: [`Flaw::is`] is the constant `false`, and no branch is left of it.

/// A flaw. The letters are those of the bank: R for raft, F for failover and what comes with it, L for last-writer-wins, H for hybrid clocks, W for
/// version vectors, K for CRDTs, P for Paxos, S for sessions and levels.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "mutants", derive(serde::Deserialize))]
#[cfg_attr(all(feature = "mutants", feature = "cli"), derive(schemars::JsonSchema))]
pub enum Mutant {
    /// A leader commits an entry of an earlier term because a majority has it (Ongaro, dissertation, 3.6.2, figure 8).
    R1,
    /// A vote is not on disk when it is given (dissertation, 3.8).
    R2,
    /// A follower answers an append before its disk has it (RaftFsync.tla).
    R4,
    /// A leader counts itself before its own disk has the entry (RaftFsync.tla).
    R5,
    /// A leader answers reads without asking whether it still leads (dissertation, 6.4).
    R10,
    /// A new leader takes its commit index for a read index before it has committed an entry of its term (6.4, step 1).
    R11,
    /// Election timeouts are all the same (dissertation, 9.2).
    R21,
    /// A success is taken to mean all that the leader has, and not what was sent.
    R23,
    /// A retry is applied again (dissertation, 6.3).
    R25,
    /// The disk has how far the state machine was, and not the state (errata of chapter 3).
    R30,
    /// A read joins a question for a read index that was asked before the read came (dissertation, 6.4, step 1).
    R32,
    /// A paused primary goes on after its lease, and backups do not look at its epoch (etcd locks, 3.4.3).
    F2,
    /// The last replica in the list is promoted, whatever it has (Alquraan et al., OSDI 2018, finding 4).
    F5,
    /// A primary goes on for as long again as its lease lasts (Patroni without a watchdog).
    F9,
    /// A primary without its store goes on if most replicas agree (Patroni, failsafe mode, asks all of them).
    F10,
    /// One monitor is enough for an election (Elasticsearch, `minimum_master_nodes = 1`).
    F16,
    /// A client's driver reports as done what has no answer (Kingsbury, MongoDB, aphyr 286).
    F18,
    /// A backup shows commits in another order than the primary's (Jepsen, Amazon RDS for PostgreSQL 17.4).
    F20,
    /// Copies are acknowledged before disks have them.
    F22,
    /// A backup takes its lag for that behind what it was sent, and not behind what the primary has (MySQL, `Seconds_Behind_Source`).
    F24,
    /// A compare-and-set is stamped by the node's own clock, and a write by another (Cassandra, lightweight transactions).
    L3,
    /// The items of a transaction are sent one by one (DynamoDB global tables).
    L5,
    /// The logical part of a hybrid clock has so few bits that it begins again.
    H2,
    /// A version's past is pruned to one entry.
    W1,
    /// A write without a context is taken to have seen everything.
    W3,
    /// A removal takes out insertions that it has not seen, too.
    K3,
    /// A delta is joined although what comes before it is missing.
    K5,
    /// Tombstones are dropped as soon as they are there.
    K6,
    /// Rights are given away before it is on disk that they were.
    K7,
    /// Elements of a list at one place are in the order in which they came.
    K8,
    /// A region takes a write for confirmed that is only tentative.
    S3,
    /// An acceptor's promise is not on disk when it is given.
    P1,
    /// A proposer does not go on from what the highest ballot has accepted, but from what it knows itself.
    P2,
    /// A read tells the highest that it heard of, and does not see to it that a majority has it.
    P5,
    /// A write is refused although its value was sent.
    P6,
}

/// The flaw that a design has, if any.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "mutants", derive(serde::Deserialize))]
#[cfg_attr(feature = "mutants", serde(transparent))]
#[cfg_attr(all(feature = "mutants", feature = "cli"), derive(schemars::JsonSchema))]
#[cfg_attr(all(feature = "mutants", feature = "cli"), schemars(transparent))]
pub struct Flaw(#[cfg(feature = "mutants")] Option<Mutant>);

impl Flaw {
    /// This one.
    #[cfg(feature = "mutants")]
    pub const fn of(mutant: Mutant) -> Flaw {
        Flaw(Some(mutant))
    }

    /// Whether it is this one.
    #[cfg(feature = "mutants")]
    #[inline]
    pub(super) fn is(self, mutant: Mutant) -> bool {
        self.0 == Some(mutant)
    }

    /// Whether clients have a flaw of their own: they take what has no answer for done.
    pub(crate) fn hides_errors(self) -> bool {
        self.is(Mutant::F18)
    }

    /// Whether it is this one: never, in a build that has none.
    #[cfg(not(feature = "mutants"))]
    #[inline(always)]
    pub(super) const fn is(self, _: Mutant) -> bool {
        false
    }
}
