//! What really happened: the rolling [`Digest`] of every event, the [`Observation`]s that protocols report, and the
//! [`Trace`] of lines kept when somebody wants to look.
//!
//! Checkers judge the history; monitors watch observations. Next: `protocol/mod.rs`, the contract.

mod fault_kind;
mod film;

pub use fault_kind::{FaultKind, FaultKinds};
pub use film::{Film, Flight, Passage, Sighting};

use std::fmt;

use crate::id::{Key, NodeId, Value};
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
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
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
    /// What the new leader of `epoch` runs on was provisioned: machines that were not there before. Told only where there was
    /// something to wait for.
    Provisioned {
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
    /// This node's own copy now holds this write. A node that tells it while it handles the write's own request has
    /// ordered it after what its copy held. What became of every acknowledged write is known from this; where a protocol
    /// never tells it, only the copies at the end are judged. A restart tells again of what it recovers, in order; unless the copy is kept aside, for what was
    /// ordered anew meanwhile would seem to come back in it.
    Applied {
        /// The key written.
        key: Key,
        /// The value, which names the write.
        value: Value,
    },
    /// This node's own copy now holds this write, beside whatever else it holds of the key: what [`Applied`](Observation::Applied) is to a single value.
    Added {
        /// The key written.
        key: Key,
        /// The write's name.
        value: Value,
    },
    /// This node made a write in the knowledge of another, which the copy no longer holds for that. Told after
    /// [`Added`](Observation::Added), by the node that was asked.
    Replaced {
        /// The key written.
        key: Key,
        /// The write that was known.
        value: Value,
        /// The one in its place.
        by: Value,
    },
    /// This node removed a write that its copy had, as it was asked to.
    Removed {
        /// The key.
        key: Key,
        /// The write that was removed.
        value: Value,
        /// The name of the operation that asked for it.
        by: Value,
    },
    /// This node took this write, which it had applied, out of its copy again. Of several, the latest first.
    RolledBack {
        /// The key written.
        key: Key,
        /// The value, which names the write.
        value: Value,
        /// What the copy holds of the key without it: another node may have had another write there.
        now: Option<Value>,
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
    /// What the design promises of this group, told when a node starts: what the invariants hold it to.
    Promised(Promise),
    /// This node is in this epoch (term) from now on, and its disk has that. Told again by a restart.
    Entered {
        /// The epoch.
        epoch: u64,
    },
    /// This node gave its vote in an epoch, which it thereby entered, and its disk has that.
    Voted {
        /// The epoch.
        epoch: u64,
        /// For whom.
        candidate: NodeId,
    },
    /// This node takes office as [`Leader`](Observation::Leader) with a log that ends there. Told just before.
    Elected {
        /// Its epoch.
        epoch: u64,
        /// The index of the last entry; 0 where there is none.
        index: u64,
        /// The epoch of that entry; 0 where there is none.
        last: u64,
    },
    /// This node's log has an entry, and its disk has that.
    Logged {
        /// The epoch of the leader that it came from, which may be later than the entry's.
        by: u64,
        /// The entry's index, from 1.
        index: u64,
        /// The entry's epoch.
        epoch: u64,
        /// The epoch of the entry before it; 0 where it is the first.
        before: u64,
        /// What it does.
        what: EntryName,
    },
    /// This node knows the entries up to this one to be committed, and applies them.
    Committed {
        /// The index of the last of them.
        index: u64,
        /// The epoch of that entry.
        epoch: u64,
    },
    /// This node's disk holds this write. Where there is a log, [`Logged`](Observation::Logged) says so.
    Stored {
        /// The value, which names the write.
        value: Value,
    },
    /// From now on, and for so long by its own clock, this node may serve in its epoch without asking anybody.
    Leased {
        /// Its epoch.
        epoch: u64,
        /// How long.
        lasts: Duration,
    },
    /// This node merged a write into its copy by a rule that does not depend on the order of merges, whether or not the copy
    /// changed by that ([`Applied`](Observation::Applied) was told before if so). Told again of what a restart recovers.
    Merged {
        /// The key written.
        key: Key,
        /// A number that names the write, other than that of a retry with another stamp.
        update: u64,
    },
    /// This node took a write into its copy in an order that it promises to be causal, and its disk has that. The origin
    /// tells it first; a restart tells it again of what it recovers, in order, or that it [`Recovered`](Observation::Recovered).
    Delivered {
        /// The node that made the write.
        origin: NodeId,
        /// The write's number among those of its origin, from 1.
        number: u64,
    },
    /// This node goes on with a copy that has the writes of this origin up to there: its disk, or another node's copy, has no
    /// more of each than what it came to.
    Recovered {
        /// The node that made the writes.
        origin: NodeId,
        /// How many of its writes.
        number: u64,
    },
    /// This node is about to apply a write for which it was asked, now or earlier: it orders the write after what its copy
    /// holds. Needed only where a request had to wait.
    Ordered {
        /// The value, which names the write.
        value: Value,
    },
}

impl Observation {
    /// Whether only the invariants want to know: then it is no part of what happens, and of no digest.
    #[inline]
    pub const fn is_aside(&self) -> bool {
        match self {
            Observation::Suspected
            | Observation::Decided { .. }
            | Observation::Fenced { .. }
            | Observation::Provisioned { .. }
            | Observation::Leader { .. }
            | Observation::Ready { .. }
            | Observation::SteppedDown { .. }
            | Observation::Applied { .. }
            | Observation::Added { .. }
            | Observation::Replaced { .. }
            | Observation::Removed { .. }
            | Observation::RolledBack { .. }
            | Observation::Conflict { .. } => false,
            Observation::Promised(_)
            | Observation::Entered { .. }
            | Observation::Voted { .. }
            | Observation::Elected { .. }
            | Observation::Logged { .. }
            | Observation::Committed { .. }
            | Observation::Stored { .. }
            | Observation::Leased { .. }
            | Observation::Merged { .. }
            | Observation::Delivered { .. }
            | Observation::Recovered { .. }
            | Observation::Ordered { .. } => true,
        }
    }

    /// Whether this says that the disk has something: then it is told once the disk has, and never where a crash comes
    /// before that.
    #[inline]
    pub const fn is_durable(&self) -> bool {
        matches!(
            self,
            Observation::Entered { .. }
                | Observation::Voted { .. }
                | Observation::Logged { .. }
                | Observation::Stored { .. }
                | Observation::Delivered { .. }
                | Observation::Recovered { .. }
        )
    }
}

/// What a design promises to the monitors. A promise is kept under whatever faults the world has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Promise {
    /// When a write is acknowledged, at least so many nodes have it on disk.
    Copies(u16),
    /// A copy takes each write once, however often it is asked for, and never goes back to what it had replaced (but by
    /// [`RolledBack`](Observation::RolledBack)).
    Once,
    /// Once nothing is broken, a write that is asked for after so long is acknowledged.
    WritesWithin(Duration),
    /// No counter is ever below this.
    AtLeast(i64),
    /// No read shows what was overwritten, and that acknowledged, longer than this before it was asked for.
    FreshWithin(Duration),
    /// No read shows some part of a put without the rest.
    WholePuts,
    /// No two reads of a row show two puts in opposite orders.
    OneOrder,
}

/// What an entry of a log does, in a number: equal entries, equal names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct EntryName(pub u64);

impl EntryName {
    const OTHER: u64 = 1 << 63;

    /// An entry that writes this value: no other does.
    #[inline]
    pub const fn write(value: Value) -> EntryName {
        EntryName(value.0 & !EntryName::OTHER)
    }

    /// An entry that writes nothing, by some number that tells it from others like it.
    #[inline]
    pub const fn other(number: u64) -> EntryName {
        EntryName(number | EntryName::OTHER)
    }

    /// The value that the entry writes.
    #[inline]
    pub const fn written(self) -> Option<Value> {
        if self.0 & EntryName::OTHER == 0 { Some(Value(self.0)) } else { None }
    }
}

impl fmt::Display for EntryName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.written() {
            Some(value) => write!(f, "the write of {value}"),
            None => write!(f, "no write ({:x})", self.0 & !EntryName::OTHER),
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
    filmed: Option<(Time, Time)>,
    film: Option<Box<Film>>,
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

    /// The same, with observations and messages, as far as lines are kept.
    pub fn filmed(self) -> Trace {
        Trace { film: Some(Box::default()), filmed: self.window, ..self }
    }

    /// The same, with the observations and messages from one instant to another, inclusive, and no lines for that.
    pub fn filmed_between(self, from: Time, until: Time) -> Trace {
        Trace { film: Some(Box::default()), filmed: Some((from, until)), ..self }
    }

    /// What was filmed, where that was asked for.
    pub fn film(&self) -> Option<&Film> {
        self.film.as_deref()
    }

    /// The same, with what got through in spite of losses on its film, if there is one.
    pub(crate) fn with_passages(mut self, passages: Vec<(usize, Passage)>) -> Trace {
        if let Some(film) = self.film.as_deref_mut() {
            film.passages = passages;
        }
        self
    }

    /// Whether there is a film.
    #[inline]
    pub fn has_film(&self) -> bool {
        self.film.is_some()
    }

    /// Keeps something for the film, where there is one of this instant.
    #[inline]
    pub fn shoot(&mut self, at: Time, take: impl FnOnce(&mut Film)) {
        if let Some(film) = self.film.as_deref_mut()
            && self.filmed.is_some_and(|(from, until)| from <= at && at <= until)
        {
            take(film);
        }
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
