//! The anomalies by the names of Adya and Elle.

use std::fmt;

use super::history::TransactionId;
use super::verdict::Step;

/// What is wrong, by name (Adya, *Weak Consistency*, 1999; Kingsbury & Alvaro, *Elle*, VLDB 2020).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum AnomalyKind {
    /// A read of a value that nobody wrote (Elle: unseen, garbage).
    ThinAir,
    /// A read of what an aborted transaction wrote.
    G1a,
    /// A read of a version that its transaction itself overwrote: an intermediate read.
    G1b,
    /// A transaction read what it wrote only later.
    FutureRead,
    /// A read contradicts what its own transaction wrote before.
    Internal,
    /// Two reads of a key in one transaction, with no own write in between, saw different versions (Elle: internal).
    NonRepeatable,
    /// A committed transaction built on what an aborted one wrote.
    DirtyUpdate,
    /// A list has an element twice.
    DuplicateElements,
    /// Two reads of a list of which neither is a prefix of the other, or one that has a later append of a transaction
    /// without its earlier one.
    IncompatibleOrder,
    /// What is declared of the order of a register's versions has a cycle.
    CyclicVersions,
    /// Two transactions read the same version of a key and both wrote the key.
    LostUpdate,
    /// A cycle of ww.
    G0,
    /// A cycle of ww and wr with at least one wr.
    G1c,
    /// A cycle with exactly one rw.
    GSingle,
    /// A cycle with several rw, no two of them next to each other.
    GNonadjacent,
    /// A cycle with two rw next to each other, on items.
    G2Item,
}

impl AnomalyKind {
    /// The name in reports and JSON.
    pub const fn name(self) -> &'static str {
        match self {
            AnomalyKind::ThinAir => "thin-air",
            AnomalyKind::G1a => "G1a",
            AnomalyKind::G1b => "G1b",
            AnomalyKind::FutureRead => "future-read",
            AnomalyKind::Internal => "internal",
            AnomalyKind::NonRepeatable => "non-repeatable",
            AnomalyKind::DirtyUpdate => "dirty-update",
            AnomalyKind::DuplicateElements => "duplicate-elements",
            AnomalyKind::IncompatibleOrder => "incompatible-order",
            AnomalyKind::CyclicVersions => "cyclic-versions",
            AnomalyKind::LostUpdate => "lost-update",
            AnomalyKind::G0 => "G0",
            AnomalyKind::G1c => "G1c",
            AnomalyKind::GSingle => "G-single",
            AnomalyKind::GNonadjacent => "G-nonadjacent",
            AnomalyKind::G2Item => "G2-item",
        }
    }
}

/// Which edges besides the dependencies a cycle needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Variant {
    /// None.
    Plain,
    /// The order of a session.
    Process,
    /// Real time, and perhaps sessions.
    Realtime,
}

impl Variant {
    /// What is added to the name of the kind.
    pub const fn suffix(self) -> &'static str {
        match self {
            Variant::Plain => "",
            Variant::Process => "-process",
            Variant::Realtime => "-realtime",
        }
    }
}

/// Anomalies of one name, and an example.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Anomaly {
    /// The name.
    pub kind: AnomalyKind,
    /// And its variant.
    pub variant: Variant,
    /// How many there are: reads, keys, or strongly connected components of the graph of dependencies.
    pub count: u64,
    /// What is wrong in the example, in words.
    pub why: String,
    /// The transactions of the example.
    pub transactions: Vec<TransactionId>,
    /// Its cycle, where it is one.
    pub steps: Vec<Step>,
}

impl Anomaly {
    /// The name with its variant, as `G-single-realtime`.
    pub fn name(&self) -> String {
        format!("{}{}", self.kind.name(), self.variant.suffix())
    }
}

impl fmt::Display for Anomaly {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{} ({}): {}", self.kind.name(), self.variant.suffix(), self.count, self.why)
    }
}
