//! The replicated log: entries, where a log ends, and the snapshot that stands for its beginning.

use crate::id::ClientId;
use crate::op::Op;
use crate::trace::EntryName;

use super::machine::Machine;

/// One entry of the replicated log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Entry {
    /// The term of the leader that made it.
    pub term: u64,
    /// What it does to the state machine.
    pub command: Command,
}

/// What an entry does to the state machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Command {
    /// Nothing: the first entry of a term, which lets the leader commit what earlier terms left behind.
    NoOp,
    /// A client's write, with what is needed to recognise its retries.
    Client {
        /// Who asks.
        client: ClientId,
        /// The client's running number for this operation.
        sequence: u32,
        /// A write or a compare-and-set.
        op: Op,
    },
}

impl Entry {
    /// What tells it from every other entry.
    pub(super) fn name(&self) -> EntryName {
        match self.command {
            Command::NoOp => EntryName::other(0),
            Command::Client { client, sequence, op } => match op.written() {
                Some(value) => EntryName::write(value),
                None => EntryName::other(u64::from(client.0) << 32 | u64::from(sequence)),
            },
        }
    }
}

/// Entries that follow one another.
pub type Entries = crate::protocol::Entries<Entry>;

/// A place in the log. Ordered by term, then index: which of two logs is more up to date is which last position is
/// greater (section 5.4.1 of the paper).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Position {
    /// The term of the entry there; 0 before the first.
    pub term: u64,
    /// The index of the entry; the first is 1.
    pub index: u64,
}

/// The state machine as it stood after one entry; it replaces the log up to there.
#[derive(Clone, Debug, Hash)]
pub struct Snapshot {
    /// The last entry that is in it.
    pub last: Position,
    /// The data and the clients' sessions.
    pub machine: Machine,
}

/// The entries that a node has in memory: those after `base`, which a snapshot covers.
#[derive(Clone, Debug, Default, Hash)]
pub(super) struct Log {
    base: Position,
    entries: Vec<Entry>,
}

impl Log {
    /// A log without entries, as if everything up to `base` had been compacted.
    pub(super) fn after(base: Position) -> Log {
        Log { base, entries: Vec::new() }
    }

    /// The place of the last compacted entry.
    pub(super) fn base(&self) -> Position {
        self.base
    }

    /// The place of the last entry.
    pub(super) fn last(&self) -> Position {
        match self.entries.last() {
            Some(entry) => Position { term: entry.term, index: self.base.index + self.entries.len() as u64 },
            None => self.base,
        }
    }

    /// The entry at `index`, unless it is compacted or beyond the end.
    pub(super) fn get(&self, index: u64) -> Option<&Entry> {
        self.entries.get(self.offset(index)?)
    }

    /// The term of the entry at `index`; known for the base, too.
    pub(super) fn term_at(&self, index: u64) -> Option<u64> {
        if index == self.base.index { Some(self.base.term) } else { self.get(index).map(|entry| entry.term) }
    }

    /// The place at `index`, if its term is known.
    pub(super) fn position(&self, index: u64) -> Option<Position> {
        self.term_at(index).map(|term| Position { term, index })
    }

    /// Up to `most` entries from `first` on. `first` is not compacted.
    pub(super) fn entries_from(&self, first: u64, most: usize) -> Entries {
        let start = self.offset(first).expect("entries are asked for after the base only");
        let end = self.entries.len().min(start.saturating_add(most));
        self.entries.get(start..end).unwrap_or_default().into()
    }

    /// Appends one entry and tells its index.
    pub(super) fn push(&mut self, entry: Entry) -> u64 {
        self.entries.push(entry);
        self.last().index
    }

    /// Cuts the log before `first` and continues it with `entries`.
    pub(super) fn replace_from(&mut self, first: u64, entries: &[Entry]) {
        let keep = self.offset(first).expect("what is compacted is committed and never replaced");
        assert!(keep <= self.entries.len(), "a log has no gaps");
        self.entries.truncate(keep);
        self.entries.extend_from_slice(entries);
    }

    /// The last place at or before `bound.index` whose term is not above `bound.term`: where two logs that differ at
    /// `bound` can agree at the latest. Whole terms are skipped, so that few round trips find where they part.
    pub(super) fn latest_not_above(&self, bound: Position) -> Position {
        let mut at = bound.index.min(self.last().index);
        while at > self.base.index && self.term_at(at).is_some_and(|term| term > bound.term) {
            at -= 1;
        }
        self.position(at).unwrap_or(Position { term: 0, index: at })
    }

    /// Forgets the entries up to `index`, which is in the log.
    pub(super) fn forget_to(&mut self, index: u64) {
        let base = self.position(index).expect("only what is in the log is compacted");
        self.entries.drain(..(index - self.base.index) as usize);
        self.base = base;
    }

    fn offset(&self, index: u64) -> Option<usize> {
        index.checked_sub(self.base.index + 1).map(|offset| offset as usize)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn log(base: Position, terms: &[u64]) -> Log {
        let mut log = Log::after(base);
        terms.iter().for_each(|term| {
            log.push(Entry { term: *term, command: Command::NoOp });
        });
        log
    }

    #[test]
    fn a_position_is_more_up_to_date_by_term_first() {
        let at = |term, index| Position { term, index };
        assert!(at(3, 1) > at(2, 9) && at(2, 9) > at(2, 8));
    }

    #[test]
    fn indices_count_on_after_compaction() {
        let mut log = log(Position::default(), &[1, 1, 2, 2, 3]);
        log.forget_to(3);
        assert_eq!((log.base(), log.last()), (Position { term: 2, index: 3 }, Position { term: 3, index: 5 }));
        assert_eq!([2, 3, 4, 5, 6].map(|index| log.term_at(index)), [None, Some(2), Some(2), Some(3), None]);
        assert_eq!(log.entries_from(4, 1).len(), 1);
        assert_eq!(log.entries_from(6, 9).len(), 0);
    }

    #[test]
    fn a_conflict_hint_skips_whole_terms_and_stops_at_the_base() {
        let log = log(Position { term: 2, index: 10 }, &[4, 4, 4, 6, 6]);
        let hint = |term, index| log.latest_not_above(Position { term, index }).index;
        assert_eq!(hint(5, 15), 13, "terms above 5 are skipped");
        assert_eq!(hint(6, 99), 15, "a bound beyond the end begins at the end");
        assert_eq!(hint(3, 15), 10);
        assert_eq!(hint(1, 7), 7, "what is compacted is answered as it was asked");
    }
}
