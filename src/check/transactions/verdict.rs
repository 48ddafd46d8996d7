//! What a checker of transactions found: a verdict, and a counterexample made of transactions.

use std::fmt;

use super::history::TransactionId;
use super::level::Level;
use crate::id::Key;

/// What the check of one level found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TransactionVerdict {
    /// It holds; the checker has replayed its own certificate.
    Pass,
    /// It does not hold, and this shows why.
    Fail(TransactionCounterexample),
    /// The budget was spent, or the history is outside what the checker can judge.
    Inconclusive {
        /// What stopped it, in words.
        why: String,
    },
}

impl TransactionVerdict {
    /// Whether it is [`TransactionVerdict::Pass`].
    pub const fn is_pass(&self) -> bool {
        matches!(self, TransactionVerdict::Pass)
    }

    /// Whether it is [`TransactionVerdict::Fail`].
    pub const fn is_fail(&self) -> bool {
        matches!(self, TransactionVerdict::Fail(_))
    }

    /// The name in reports and JSON: `pass`, `fail` or `inconclusive`.
    pub const fn name(&self) -> &'static str {
        match self {
            TransactionVerdict::Pass => "pass",
            TransactionVerdict::Fail(_) => "fail",
            TransactionVerdict::Inconclusive { .. } => "inconclusive",
        }
    }
}

/// Transactions that cannot all be right.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TransactionCounterexample {
    /// The level that they break: the one that was judged, or a weaker one that it implies.
    pub level: Level,
    /// Why they cannot, in words.
    pub why: String,
    /// The transactions, by number. On their own ([`excerpt`](super::excerpt)) they break that level, and without any
    /// one of them they do not, unless `why` says that reducing them was given up.
    pub transactions: Vec<TransactionId>,
    /// The dependencies that make a cycle, in order: the last leads back to the first. Empty where the violation is no
    /// cycle.
    pub steps: Vec<Step>,
}

/// One dependency of a cycle: `from` comes before `to`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// Who comes first.
    pub from: TransactionId,
    /// Who comes after it.
    pub to: TransactionId,
    /// What kind of dependency it is.
    pub dependency: Dependency,
    /// The key that it is about, where there is one.
    pub key: Option<Key>,
    /// Why, in one sentence.
    pub because: String,
}

/// The kinds of dependency between transactions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Dependency {
    /// Write, write: the second's version of a key comes after the first's.
    WriteWrite,
    /// Write, read: the second read what the first wrote.
    WriteRead,
    /// Read, write: the second's version comes after the one that the first read (an anti-dependency).
    ReadWrite,
    /// The first comes before the second in their session.
    Session,
    /// The first was completed before the second was asked for.
    RealTime,
    /// A third transaction saw both writes, and read the second: so the first must be the older one.
    Visibility,
}

impl Dependency {
    /// The short name: `ww`, `wr`, `rw`, `session`, `realtime` or `visibility`.
    pub const fn name(self) -> &'static str {
        match self {
            Dependency::WriteWrite => "ww",
            Dependency::WriteRead => "wr",
            Dependency::ReadWrite => "rw",
            Dependency::Session => "session",
            Dependency::RealTime => "realtime",
            Dependency::Visibility => "visibility",
        }
    }
}

impl fmt::Display for Dependency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
