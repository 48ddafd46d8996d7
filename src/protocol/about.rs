//! What a protocol says of itself: its claims, and its page in the zoo.

use crate::trace::{FaultKind, FaultKinds};

/// Something that holds in every run, or the protocol is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Guarantee {
    /// Each key behaves like one copy that changes at one instant between call and return.
    Linearizable,
    /// After heal and quiet, every serving replica holds the same copy.
    Convergence,
    /// What was acknowledged is still there, or was overwritten by a later write.
    NoAcknowledgedWriteLost,
    /// At most one leader in each epoch.
    OneLeaderPerEpoch,
    /// No two nodes acknowledge writes at the same time.
    SingleWriter,
}

impl Guarantee {
    /// Every guarantee, in the order of reports.
    pub const ALL: [Guarantee; 5] = [
        Guarantee::Linearizable,
        Guarantee::Convergence,
        Guarantee::NoAcknowledgedWriteLost,
        Guarantee::OneLeaderPerEpoch,
        Guarantee::SingleWriter,
    ];

    /// The name in scenario files, reports and JSON.
    pub const fn name(self) -> &'static str {
        match self {
            Guarantee::Linearizable => "linearizable",
            Guarantee::Convergence => "convergence",
            Guarantee::NoAcknowledgedWriteLost => "no-acknowledged-write-lost",
            Guarantee::OneLeaderPerEpoch => "one-leader-per-epoch",
            Guarantee::SingleWriter => "single-writer",
        }
    }

    /// The guarantee of this name.
    pub fn from_name(name: &str) -> Option<Guarantee> {
        Guarantee::ALL.into_iter().find(|guarantee| guarantee.name() == name)
    }
}

/// A guarantee, and the faults under which it is claimed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Claim {
    /// What holds.
    pub guarantee: Guarantee,
    /// The kinds of fault that do not break it. [`FaultKind::Heal`] is always among them and need not be named.
    pub under: FaultKinds,
}

impl Claim {
    /// Every kind of fault that a world has.
    pub const ANY_FAULT: FaultKinds = FaultKinds::ALL;

    /// The kinds of fault that it names: all under which it is made but heals, which break nothing.
    pub fn faults(&self) -> impl Iterator<Item = FaultKind> {
        self.under.iter().filter(|kind| *kind != FaultKind::Heal)
    }

    /// Every kind of fault after which disks have what they said they have: all that a protocol can survive which trusts
    /// its own disk.
    pub const DISKS_KEEP: FaultKinds = FaultKinds::ALL.without(&[FaultKind::LyingDisk, FaultKind::Wipe]);

    /// Those of them under which no request comes to a node that has seen what came after it, or comes twice. What is late need not be
    /// the request: a client that hears an answer late has asked another node before, which may carry that out when it is long over.
    pub const NO_REQUEST_COMES_LATE: FaultKinds = Claim::DISKS_KEEP.without(&[
        FaultKind::Pause,
        FaultKind::SlowDisk,
        FaultKind::Duplicate,
        FaultKind::Reorder,
        FaultKind::Delay,
        FaultKind::Throttle,
        FaultKind::Slow,
        FaultKind::Gray,
        FaultKind::Load,
    ]);

    /// Whether the claim is made for a run that has faults of this kind.
    pub fn covers(&self, kind: FaultKind) -> bool {
        kind == FaultKind::Heal || self.under.contains(kind)
    }
}

/// A protocol's page in the zoo: plain words, for `riftzone zoo`.
#[derive(Clone, Copy, Debug)]
pub struct About {
    /// The name that scenario files use.
    pub name: &'static str,
    /// The idea, in one or two sentences.
    pub idea: &'static str,
    /// What it does not promise, and where it hurts.
    pub does_not_claim: &'static str,
    /// Messages, and one-way delays a read and a write.
    pub cost: &'static str,
    /// Where it comes from: paper and section.
    pub source: &'static str,
    /// A scenario that shows it at its worst.
    pub worst: &'static str,
}
