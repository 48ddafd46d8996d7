//! What must hold while a run goes on: each invariant's name, what it says, and where it comes from.
//!
//! Next: `breaches.rs`.

/// Something that must hold at every event of a run. Broken, it is a bug of the protocol (or of the world), whatever
/// the scenario expects.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Invariant {
    /// See [`Invariant::meaning`], as for all of them.
    ElectionSafety,
    /// Equal places, equal entries.
    LogMatching,
    /// Later leaders have what is committed.
    LeaderCompleteness,
    /// One entry an index.
    StateMachineSafety,
    /// Epochs grow, and a vote is given once.
    VoteMonotone,
    /// Nothing is taken from an old leader.
    Fencing,
    /// Leases do not overlap.
    LeaseExclusivity,
    /// One leader acknowledges at a time.
    DualServing,
    /// Acknowledged writes follow one another.
    ConflictingAcks,
    /// No acknowledged write is on a branch alone.
    DivergentBranches,
    /// No acknowledged write is gone.
    AckedWriteLost,
    /// As many copies as promised.
    DurabilityContract,
    /// What was overwritten stays so.
    NoResurrection,
    /// A retry changes nothing.
    ExactlyOnce,
    /// Nobody reads what nobody wrote.
    ThinAir,
    /// A client does not go back.
    Session,
    /// Causes come first.
    CausalDelivery,
    /// Equal writes, equal copies.
    StrongConvergence,
    /// No counter below its bound.
    CounterBound,
    /// No read too old.
    BoundedStaleness,
    /// All of a put, or nothing.
    AtomicVisibility,
    /// Puts are seen in one order.
    NoLongFork,
    /// Healed, it works again.
    LivenessAfterHeal,
    /// No message vanishes or is made of nothing.
    MessageConservation,
    /// Time goes forward, and no message outruns its link.
    TimeCausality,
}

/// What an invariant may rest on: where it gives way, nobody is held to that invariant any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ground {
    /// Disks have what they said they have.
    Disks,
    /// Clocks go as the deployment says that they do.
    Clocks,
}

/// Name, meaning, source.
type Page = (&'static str, &'static str, &'static str);

impl Invariant {
    /// Every invariant, in the order of reports.
    pub const ALL: [Invariant; 25] = [
        Invariant::ElectionSafety,
        Invariant::LogMatching,
        Invariant::LeaderCompleteness,
        Invariant::StateMachineSafety,
        Invariant::VoteMonotone,
        Invariant::Fencing,
        Invariant::LeaseExclusivity,
        Invariant::DualServing,
        Invariant::ConflictingAcks,
        Invariant::DivergentBranches,
        Invariant::AckedWriteLost,
        Invariant::DurabilityContract,
        Invariant::NoResurrection,
        Invariant::ExactlyOnce,
        Invariant::ThinAir,
        Invariant::Session,
        Invariant::CausalDelivery,
        Invariant::StrongConvergence,
        Invariant::CounterBound,
        Invariant::BoundedStaleness,
        Invariant::AtomicVisibility,
        Invariant::NoLongFork,
        Invariant::LivenessAfterHeal,
        Invariant::MessageConservation,
        Invariant::TimeCausality,
    ];

    /// The name in reports and JSON.
    pub const fn name(self) -> &'static str {
        self.page().0
    }

    /// What it says.
    pub const fn meaning(self) -> &'static str {
        self.page().1
    }

    /// Where it comes from: paper and section.
    pub const fn source(self) -> &'static str {
        self.page().2
    }

    /// The invariant of this name.
    pub fn from_name(name: &str) -> Option<Invariant> {
        Invariant::ALL.into_iter().find(|invariant| invariant.name() == name)
    }

    /// Whether it holds only as long as this does.
    ///
    /// **Disks.** A node that forgot its vote, its log, its promise, or the numbers that it gave, does what it must not do
    /// twice, and no protocol that trusts its own disk can tell: two leaders, two entries in one place, two leases, two writes
    /// with one stamp; and who stays out after that may leave too few for an answer. **Clocks.** A lease is counted by two
    /// clocks, and an appointment noted by one that was ahead is kept that much later once it is set right. What was read
    /// and sent was still written and sent, and what a design claims is judged by its claim.
    pub const fn rests_on(self, ground: Ground) -> bool {
        match self {
            Invariant::LeaseExclusivity | Invariant::BoundedStaleness | Invariant::LivenessAfterHeal => true,
            Invariant::ElectionSafety
            | Invariant::LogMatching
            | Invariant::LeaderCompleteness
            | Invariant::StateMachineSafety
            | Invariant::VoteMonotone
            | Invariant::Fencing
            | Invariant::DurabilityContract
            | Invariant::NoResurrection
            | Invariant::ExactlyOnce
            | Invariant::CausalDelivery
            | Invariant::StrongConvergence
            | Invariant::CounterBound
            | Invariant::AtomicVisibility
            | Invariant::NoLongFork => matches!(ground, Ground::Disks),
            Invariant::DualServing
            | Invariant::ConflictingAcks
            | Invariant::DivergentBranches
            | Invariant::AckedWriteLost
            | Invariant::ThinAir
            | Invariant::Session
            | Invariant::MessageConservation
            | Invariant::TimeCausality => false,
        }
    }

    pub(super) const fn bit(self) -> u32 {
        1 << self as u32
    }

    const fn page(self) -> Page {
        match self {
            Invariant::ElectionSafety => (
                "election-safety",
                "at most one leader in an epoch, ever",
                "Ongaro, Ousterhout, USENIX ATC 2014, figure 3",
            ),
            Invariant::LogMatching => (
                "log-matching",
                "entries of one epoch at one index are the same entry after the same one, in whatever logs they are",
                "Ongaro, Ousterhout, USENIX ATC 2014, figure 3",
            ),
            Invariant::LeaderCompleteness => (
                "leader-completeness",
                "what is committed is in the log of every leader of a later epoch",
                "Ongaro, Ousterhout, USENIX ATC 2014, figure 3",
            ),
            Invariant::StateMachineSafety => (
                "state-machine-safety",
                "no two nodes apply different entries at one index",
                "Ongaro, Ousterhout, USENIX ATC 2014, figure 3",
            ),
            Invariant::VoteMonotone => (
                "vote-monotone",
                "a node's epoch never goes back, not by a restart either, and it votes for one candidate in each",
                "Ongaro, dissertation, 2014, 3.8",
            ),
            Invariant::Fencing => (
                "fencing",
                "no node takes an entry from a leader of an earlier epoch than it has entered",
                "Gray, Cheriton, SOSP 1989; Burrows, OSDI 2006, 2.4 (sequencers)",
            ),
            Invariant::LeaseExclusivity => (
                "lease-exclusivity",
                "in true time, no two nodes of a group hold a lease at once",
                "Gray, Cheriton, SOSP 1989",
            ),
            Invariant::DualServing => (
                "dual-serving",
                "no two leaders both acknowledge writes in the same stretch of time",
                "Alquraan et al., OSDI 2018",
            ),
            Invariant::ConflictingAcks => (
                "conflicting-acks",
                "no two acknowledged writes replaced the same version of a key",
                "Herlihy, Wing, TOPLAS 12(3), 1990",
            ),
            Invariant::DivergentBranches => (
                "divergent-branches",
                "no acknowledged write is rolled back by the last node that has it",
                "Alquraan et al., OSDI 2018",
            ),
            Invariant::AckedWriteLost => (
                "acked-write-lost",
                "at the end an acknowledged write is in a copy, or was replaced by one that is",
                "Kingsbury, Jepsen (2013 and later)",
            ),
            Invariant::DurabilityContract => (
                "durability-contract",
                "when a write is acknowledged, as many disks hold it as the design promises",
                "Ongaro, dissertation, 2014, 3.8 and 10.2.1",
            ),
            Invariant::NoResurrection => (
                "no-resurrection",
                "a copy that held a later version of a key does not take an earlier one",
                "Apache Cassandra documentation, tombstones; Saito, Shapiro, Optimistic Replication, 2005",
            ),
            Invariant::ExactlyOnce => (
                "exactly-once",
                "a copy takes each write once, however often its client asks",
                "Ongaro, dissertation, 2014, 6.3",
            ),
            Invariant::ThinAir => (
                "thin-air",
                "what is read was asked to be written to that key before, by a write that did not fail",
                "Bouajjani et al., POPL 2017 (ThinAirRead); Adya, 1999 (G1a)",
            ),
            Invariant::Session => (
                "session",
                "a client never gets or makes an earlier version of a key than it has read or written",
                "Terry et al., PDIS 1994",
            ),
            Invariant::CausalDelivery => (
                "causal-delivery",
                "a node takes a write only after every write that its origin had taken when it made it",
                "Birman, Schiper, Stephenson, TOCS 9(3), 1991",
            ),
            Invariant::StrongConvergence => (
                "strong-eventual-consistency",
                "copies that have merged the same writes to a key hold the same value",
                "Shapiro et al., SSS 2011",
            ),
            Invariant::CounterBound => (
                "counter-bound",
                "no answer and no copy shows a counter below the bound that the design promises",
                "O'Neil, TODS 11(4), 1986; Balegas et al., SRDS 2015",
            ),
            Invariant::BoundedStaleness => (
                "bounded-staleness",
                "no read shows what was overwritten for longer than the design promises, when it was asked for",
                "Golab, Li, Shah, PODC 2011 (Delta-atomicity)",
            ),
            Invariant::AtomicVisibility => (
                "atomic-visibility",
                "no read of a row shows some part of a put without the rest",
                "Bailis et al., SIGMOD 2014 (RAMP), 3.1 (fractured reads)",
            ),
            Invariant::NoLongFork => (
                "no-long-fork",
                "no two reads of a row show two puts in opposite orders",
                "Sovran et al., SOSP 2011 (Walter), 3",
            ),
            Invariant::LivenessAfterHeal => (
                "liveness-after-heal",
                "once nothing is broken, a write is acknowledged within the span that the design promises",
                "TigerBeetle's simulator (VOPR), liveness mode",
            ),
            Invariant::MessageConservation => (
                "message-conservation",
                "every message sent was delivered, was lost, or is under way at the end",
                "the world's own",
            ),
            Invariant::TimeCausality => (
                "time-causality",
                "no event is before the one before it, and no message is faster than its link",
                "Lamport, CACM 21(7), 1978; the world's own",
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_distinct_and_found_and_places_are_bits() {
        for (place, invariant) in Invariant::ALL.into_iter().enumerate() {
            assert_eq!(Invariant::from_name(invariant.name()), Some(invariant));
            assert_eq!(invariant.bit(), 1 << place, "{invariant:?} is in the order of ALL");
        }
    }
}
