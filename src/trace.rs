//! What really happened: the rolling [`Digest`] of every event, the [`Observation`]s that protocols report, and the
//! [`Trace`] of lines kept when somebody wants to look.
//!
//! Checkers judge the history; monitors watch observations. Next: `protocol/mod.rs`, the contract.

use std::fmt;

use crate::id::{Key, Value};
use crate::time::{Duration, Time};

/// A 64-bit rolling digest of everything that happened in a run: equal digests, equal runs.
///
/// It is an identity, not a signature: nobody is trying to forge it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Digest(pub u64);

impl Digest {
    /// The digest of nothing.
    pub const EMPTY: Digest = Digest(0x7269_6674_7a6f_6e65);

    /// Takes one more word into the digest. One multiplication; every earlier bit moves every later one.
    #[inline]
    pub fn mix(&mut self, word: u64) {
        let mixed = (self.0 ^ word).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        self.0 = mixed ^ (mixed >> 29);
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl std::str::FromStr for Digest {
    type Err = std::num::ParseIntError;

    fn from_str(text: &str) -> Result<Digest, Self::Err> {
        u64::from_str_radix(text, 16).map(Digest)
    }
}

/// What a protocol tells the monitors while it runs. Observations change nothing: they are how an invariant is checked
/// at the event that breaks it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Observation {
    /// This node believes that the leader is gone, and says so for the first time.
    Suspected,
    /// This node, or the body it speaks for, settled on a new leader for `epoch`.
    Decided {
        /// The epoch (term, view) that the new leader will have.
        epoch: u64,
    },
    /// The leader of every epoch before `epoch` can no longer acknowledge (or nobody will wait for that).
    Fenced {
        /// The epoch about to begin.
        epoch: u64,
    },
    /// This node takes office as leader (primary) of its group: the instant that election safety is about.
    Leader {
        /// Its epoch (term, view).
        epoch: u64,
    },
    /// The leader can answer clients from now on (raft: its first entry is committed; a primary: it is promoted).
    Ready {
        /// Its epoch (term, view).
        epoch: u64,
    },
    /// This node no longer serves as leader.
    SteppedDown {
        /// The epoch it had.
        epoch: u64,
    },
    /// This node's own copy now holds this write. A restarting node tells this again of what it recovered, in order.
    /// A node that tells it while it handles the write's own request has ordered it after what its copy held.
    /// What became of every acknowledged write is known from this; where a protocol never tells it, only the copies at
    /// the end are judged.
    Applied {
        /// The key written.
        key: Key,
        /// The value, which names the write.
        value: Value,
    },
    /// This node took this write, which it had applied, out of its copy again.
    RolledBack {
        /// The key written.
        key: Key,
        /// The value, which names the write.
        value: Value,
    },
    /// Two writes to a key were concurrent, and one was discarded by rule. Every node that sees it may tell: a lost
    /// write is counted once.
    Conflict {
        /// The key written twice.
        key: Key,
        /// The write that was discarded.
        lost: Value,
        /// The write that was kept.
        kept: Value,
    },
}

/// What can be done to a world. The ledger of a run counts each.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum FaultKind {
    /// A node stops and loses all but its disk's synced records.
    Crash,
    /// A node stops and loses nothing; its clock runs on.
    Pause,
    /// A region is cut off from every other, both ways.
    Isolate,
    /// Links between two sides are cut, both ways.
    Partition,
    /// Links from one side to another are cut, one way.
    OneWayPartition,
    /// Messages are lost at random.
    Loss,
    /// Everything above ends.
    Heal,
}

impl FaultKind {
    /// The name in scenario files, reports and JSON.
    pub const fn name(self) -> &'static str {
        match self {
            FaultKind::Crash => "crash",
            FaultKind::Pause => "pause",
            FaultKind::Isolate => "isolate",
            FaultKind::Partition => "partition",
            FaultKind::OneWayPartition => "one-way-partition",
            FaultKind::Loss => "loss",
            FaultKind::Heal => "heal",
        }
    }
}

/// Which operations of a run are kept as rows of its history. The verdicts do not depend on it; how much they tell does.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Rows {
    /// None: the judges see every operation as it happens, and a run takes no memory for its reads.
    #[default]
    None,
    /// Those on these keys.
    Of(Vec<Key>),
    /// Every one: 36 bytes each.
    All,
}

impl Rows {
    /// Whether operations on this key are kept.
    pub fn keeps(&self, key: Key) -> bool {
        match self {
            Rows::None => false,
            Rows::Of(keys) => keys.contains(&key),
            Rows::All => true,
        }
    }
}

/// What is kept of a run for a reader: the lines around an instant, and rows of the history. Neither unless asked for.
#[derive(Clone, Debug, Default)]
pub struct Trace {
    window: Option<(Time, Time)>,
    lines: Vec<(Time, String)>,
    rows: Rows,
}

impl Trace {
    /// A trace that keeps nothing.
    pub fn off() -> Trace {
        Trace::default()
    }

    /// A trace that keeps the lines of the `before` that lead up to `until`, inclusive.
    pub fn up_to(until: Time, before: Duration) -> Trace {
        let from = Time::from_nanos(until.as_nanos().saturating_sub(before.as_nanos()));
        Trace { window: Some((from, until)), ..Trace::default() }
    }

    /// The same, with these rows of the history.
    pub fn keeping(self, rows: Rows) -> Trace {
        Trace { rows, ..self }
    }

    /// Which rows of the history are kept.
    pub fn rows(&self) -> &Rows {
        &self.rows
    }

    /// Whether a line at this instant would be kept. Ask before making one.
    #[inline]
    pub fn wants(&self, at: Time) -> bool {
        self.window.is_some_and(|(from, until)| from <= at && at <= until)
    }

    /// Keeps a line, if it is [wanted](Trace::wants).
    pub fn line(&mut self, at: Time, line: String) {
        if self.wants(at) {
            self.lines.push((at, line));
        }
    }

    /// The lines kept, in the order in which they happened.
    pub fn lines(&self) -> &[(Time, String)] {
        &self.lines
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_digest_keeps_order_and_every_bit() {
        let digest = |words: &[u64]| {
            let mut digest = Digest::EMPTY;
            words.iter().for_each(|word| digest.mix(*word));
            digest
        };
        assert_ne!(digest(&[1, 2]), digest(&[2, 1]));
        assert_ne!(digest(&[0]), digest(&[0, 0]));
        assert_ne!(digest(&[1 << 63, 5]), digest(&[0, 5]));
        let shown = digest(&[1, 2]).to_string();
        assert_eq!(shown.parse::<Digest>().unwrap(), digest(&[1, 2]));
    }

    #[test]
    fn a_trace_keeps_only_its_window() {
        let at = |s| Time::ZERO + Duration::secs(s);
        let mut trace = Trace::up_to(at(10), Duration::secs(2));
        for second in 0..20 {
            trace.line(at(second), format!("{second}"));
        }
        assert_eq!(trace.lines().iter().map(|(_, l)| l.as_str()).collect::<Vec<_>>(), ["8", "9", "10"]);
        assert!(!Trace::off().wants(at(0)));
    }
}
