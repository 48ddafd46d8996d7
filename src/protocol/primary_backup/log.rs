//! The log, and the copy of the data that it makes.

use std::collections::{BTreeMap, BTreeSet};

use crate::id::{ClientId, Key, Value};
use crate::op::{Columns, Op, Row};
use crate::trace::EntryName;

use super::super::{Entries, Table};
use super::aside::Kept;

/// How many entries one message carries at most when a replica catches up.
const BATCH: usize = 1024;

/// A place in a log. Two logs that have an entry at equal positions are equal up to it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Position {
    /// The epoch in which the entry was made; zero before the first.
    pub epoch: u64,
    /// The entry's number, from 1; zero before the first.
    pub index: u64,
}

/// What an entry of the log does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Change {
    /// Nothing: a new primary's first entry. What is before it counts as held once this is.
    Open,
    /// The key gets the value: a write, or a compare-and-set that found what it expected.
    Set(Key, Value),
    /// Columns of a row get a value each: see [`Op::writes`].
    Put(Key, Columns, Value),
    /// A client gets the next number of a sequence, and the sequence who got the last.
    Next(Key, Value, u32),
    /// Nothing: a compare-and-set found this instead. It is in the log so that a retry is told the same.
    Found(Option<Value>),
}

/// One entry of the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Entry {
    /// The epoch of the primary that made it.
    pub epoch: u64,
    /// Who asked for it.
    pub client: ClientId,
    /// The client's number for the operation; zero where no client asked.
    pub sequence: u32,
    /// What it does.
    pub change: Change,
}

impl Change {
    /// What it writes, and where: to a key, or to a row's cells.
    pub(super) fn writes(self) -> impl Iterator<Item = (Key, Value)> {
        let one = match self {
            Change::Set(key, value) | Change::Next(key, value, _) => Some((key, value)),
            Change::Open | Change::Found(_) | Change::Put(..) => None,
        };
        let cells = match self {
            Change::Put(key, columns, name) => Some(Op::Put { key, columns, name }),
            Change::Open | Change::Found(_) | Change::Set(..) | Change::Next(..) => None,
        };
        one.into_iter().chain(cells.into_iter().flat_map(|put| put.writes()))
    }
}

impl Entry {
    /// What tells it from every other entry.
    pub(super) fn name(&self) -> EntryName {
        match self.change {
            Change::Open => EntryName::other(0),
            Change::Set(_, value) | Change::Next(_, value, _) => EntryName::write(value),
            Change::Put(..) => {
                self.change.writes().next().map_or(EntryName::other(0), |(_, value)| EntryName::write(value))
            }
            Change::Found(_) => EntryName::other(u64::from(self.client.0) << 32 | u64::from(self.sequence)),
        }
    }
}

/// A piece of a log: what one node lets another append.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Stretch {
    /// The position before the first entry.
    pub after: Position,
    /// The entries; none where the position alone is offered.
    pub entries: Entries<Entry>,
    /// How long the sender's log is.
    pub length: u64,
}

/// A node's log; its copy of the data, which holds the entries up to `applied`; and who asked last.
#[derive(Clone, Debug, Default, Hash)]
pub(super) struct Log {
    entries: Vec<Entry>,
    applied: u64,
    /// With F20: an entry up to `applied` that the copy does not show yet.
    late: Option<Entry>,
    copy: Table<Key, Value>,
    /// For each key that an entry beyond `applied` sets: the last such entry, and its value.
    ahead: Table<Key, (u64, Value)>,
    /// For each sequence, the last number in the log.
    numbers: Table<Key, u32>,
    /// For each client, its latest operation in the log: its number, and where it is.
    latest: Table<ClientId, (u32, u64)>,
}

impl Log {
    pub fn len(&self) -> u64 {
        self.entries.len() as u64
    }

    pub fn copy(&self) -> &Table<Key, Value> {
        &self.copy
    }

    /// The number after the last of a sequence, from 1.
    pub fn next_number(&self, key: Key) -> u32 {
        self.numbers.get(key).map_or(1, |last| last + 1)
    }

    /// What these columns of a row hold in the copy.
    pub fn row(&self, key: Key, columns: Columns) -> Row {
        let held = columns.iter().filter_map(|column| Some((column, *self.copy.get(key.cell(column))?)));
        held.fold(Row::default(), |row, (column, value)| row.with(column, value))
    }

    pub fn last(&self) -> Position {
        self.position(self.len())
    }

    /// The position of the entry with this number, or of the start.
    pub fn position(&self, index: u64) -> Position {
        Position { epoch: self.get(index).map_or(0, |entry| entry.epoch), index }
    }

    pub fn get(&self, index: u64) -> Option<&Entry> {
        self.entries.get(usize::try_from(index.checked_sub(1)?).ok()?)
    }

    /// Whether this log has that position.
    pub fn has(&self, position: Position) -> bool {
        position.index <= self.len() && self.position(position.index) == position
    }

    /// The key's value once every entry is applied: what a compare-and-set must look at.
    pub fn newest(&self, key: Key) -> Option<Value> {
        self.ahead.get(key).map(|(_, value)| *value).or_else(|| self.copy.get(key).copied())
    }

    /// The client's latest operation in the log: its number, and where it is.
    pub fn latest_of(&self, client: ClientId) -> Option<(u32, u64)> {
        self.latest.get(client).copied()
    }

    pub fn push(&mut self, entry: Entry) {
        self.entries.push(entry);
        let index = self.len();
        for (key, value) in entry.change.writes() {
            self.ahead.insert(key, (index, value));
        }
        if let Change::Next(key, _, number) = entry.change {
            self.numbers.insert(key, number);
        }
        if entry.sequence > 0 {
            self.latest.insert(entry.client, (entry.sequence, index));
        }
    }

    /// The flaw F20: as [`apply`](Log::apply), but what writes this column alone is not shown before the next that does.
    pub fn apply_late(&mut self, until: u64, column: u8, mut tell: impl FnMut(Key, Value)) {
        while self.applied < until {
            self.applied += 1;
            let entry = self.entries[self.applied as usize - 1];
            let is_late = matches!(entry.change, Change::Put(_, columns, _) if columns == Columns::only(column));
            let touches =
                |late: &Entry| late.change.writes().any(|(key, _)| entry.change.writes().any(|(at, _)| at == key));
            let before = if is_late { self.late.take() } else { self.late.take_if(|late| touches(late)) };
            for shown in before.into_iter().chain((!is_late).then_some(entry)) {
                shown.change.writes().for_each(|(key, value)| {
                    self.copy.insert(key, value);
                    tell(key, value);
                });
            }
            self.late = if is_late { Some(entry) } else { self.late };
        }
    }

    /// What is still to be shown of what was taken: nothing, without the flaw.
    pub fn late(&self) -> impl Iterator<Item = (Key, Value)> {
        self.late.iter().flat_map(|entry| entry.change.writes())
    }

    /// Takes the entries up to `until` into the copy, and tells of each write.
    pub fn apply(&mut self, until: u64, mut tell: impl FnMut(Key, Value)) {
        while self.applied < until {
            self.applied += 1;
            let entry = self.entries[self.applied as usize - 1];
            for (key, value) in entry.change.writes() {
                self.copy.insert(key, value);
                if self.ahead.get(key).is_some_and(|(index, _)| *index <= self.applied) {
                    self.ahead.remove(key);
                }
                tell(key, value);
            }
        }
    }

    /// Whether an entry sets a key to this value.
    pub fn sets(&self, value: Value) -> bool {
        self.entries.iter().any(|entry| entry.change.writes().any(|(_, set)| set == value))
    }

    /// How many keys the entries beyond `length` set.
    pub fn keys_beyond(&self, length: u64) -> u64 {
        let set = self.entries[length as usize..].iter().flat_map(|entry| entry.change.writes().map(|(key, _)| key));
        set.collect::<BTreeSet<Key>>().len() as u64
    }

    /// The writes beyond `length` that the copy holds, in their order, each with what its key had before.
    pub fn applied_beyond(&self, length: u64) -> Vec<Kept> {
        let mut copy = BTreeMap::new();
        let mut kept = Vec::new();
        for (place, entry) in self.entries[..self.applied as usize].iter().enumerate() {
            let number = match entry.change {
                Change::Next(_, _, number) => Some(number),
                _ => None,
            };
            for (key, value) in entry.change.writes() {
                let before = copy.insert(key, value);
                if place as u64 >= length {
                    kept.push(Kept { client: entry.client, sequence: entry.sequence, key, before, value, number });
                }
            }
        }
        kept
    }

    /// Whether an entry beyond `length` sets a key.
    pub fn sets_beyond(&self, length: u64) -> bool {
        self.entries[length as usize..].iter().any(|entry| entry.change.writes().next().is_some())
    }

    /// Removes the entries beyond `length`, and tells of each write that this takes out of the copy, the latest first, with
    /// what the copy holds of its key then.
    ///
    /// The copy is made anew from what is left: cutting is rare, and a log without undo records is smaller.
    pub fn cut(&mut self, length: u64, mut tell: impl FnMut(Key, Value, Option<Value>)) {
        let (mut entries, applied) = (std::mem::take(&mut self.entries), self.applied);
        let gone = entries.split_off(length as usize);
        *self = Log::default();
        entries.into_iter().for_each(|entry| self.push(entry));
        self.apply(applied.min(length), |_, _| ());
        let (mut copy, mut undo) = (self.copy.clone(), Vec::new());
        for entry in &gone[..applied.saturating_sub(length) as usize] {
            for (key, value) in entry.change.writes() {
                undo.push((key, value, copy.get(key).copied()));
                copy.insert(key, value);
            }
        }
        undo.into_iter().rev().for_each(|(key, value, before)| tell(key, value, before));
    }

    /// The last position at which another log that ends at `last` may still be equal to this one.
    pub fn may_share(&self, last: Position) -> u64 {
        let not_later = self.entries.partition_point(|entry| entry.epoch <= last.epoch) as u64;
        not_later.min(last.index)
    }

    /// The entries that follow `index`, as many as one message carries.
    pub fn stretch_after(&self, index: u64) -> Stretch {
        let later = &self.entries[index as usize..];
        let entries = later[..later.len().min(BATCH)].into();
        Stretch { after: self.position(index), entries, length: self.len() }
    }

    /// Only the end of the log, for another to compare.
    pub fn tip(&self) -> Stretch {
        Stretch { after: self.last(), entries: Entries::None, length: self.len() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(epoch: u64, key: u32, value: u64) -> Entry {
        Entry { epoch, client: ClientId(key), sequence: value as u32, change: Change::Set(Key(key), Value(value)) }
    }

    fn log(entries: &[Entry]) -> Log {
        let mut log = Log::default();
        entries.iter().for_each(|entry| log.push(*entry));
        log
    }

    #[test]
    fn a_compare_and_set_looks_ahead_of_the_copy() {
        let mut log = log(&[set(1, 7, 1), set(1, 7, 2)]);
        assert_eq!((log.copy().get(Key(7)), log.newest(Key(7))), (None, Some(Value(2))));
        log.apply(1, |_, _| ());
        assert_eq!((log.copy().get(Key(7)), log.newest(Key(7))), (Some(&Value(1)), Some(Value(2))));
        log.apply(2, |_, _| ());
        assert_eq!((log.copy().get(Key(7)), log.newest(Key(7))), (Some(&Value(2)), Some(Value(2))));
    }

    #[test]
    fn a_cut_log_is_as_if_the_rest_had_never_been() {
        let entries = [set(1, 7, 1), set(1, 8, 2), set(1, 7, 3), set(2, 8, 4), set(2, 9, 5)];
        let mut long = log(&entries);
        long.apply(4, |_, _| ());
        let mut gone = Vec::new();
        long.cut(1, |key, value, now| gone.push((key, value, now)));
        assert_eq!(
            gone,
            [(Key(8), Value(4), Some(Value(2))), (Key(7), Value(3), Some(Value(1))), (Key(8), Value(2), None),],
            "what was not applied is not told"
        );
        let mut short = log(&entries[..1]);
        short.apply(1, |_, _| ());
        assert_eq!(format!("{long:?}"), format!("{short:?}"));
    }

    #[test]
    fn a_put_is_taken_and_taken_out_with_all_its_columns() {
        let (row, both) = (Key(3), Columns::first(2));
        let put = |columns, name| Entry { change: Change::Put(row, columns, Value(name)), ..set(1, 3, name) };
        let mut log = log(&[put(both, 4), put(Columns::only(1), 8), put(both, 12)]);
        log.apply(2, |_, _| ());
        assert_eq!(log.row(row, both), Row::default().with(0, Value(4)).with(1, Value(9)));
        assert_eq!(log.newest(row.cell(1)), Some(Value(13)));
        log.apply(3, |_, _| ());
        assert_eq!((log.keys_beyond(2), log.sets(Value(13)), log.sets(Value(8))), (2, true, false));
        let mut gone = Vec::new();
        log.cut(1, |key, value, now| gone.push((key.of_cell().1, value.0, now.map(|now| now.0))));
        assert_eq!(gone, [(1, 13, Some(9)), (0, 12, Some(4)), (1, 9, Some(5))]);
        assert_eq!(log.row(row, both), Row::default().with(0, Value(4)).with(1, Value(5)));
    }

    #[test]
    fn a_sequence_goes_on_from_the_last_number_in_the_log_and_what_is_cut_off_keeps_its_own() {
        let next = |value, number| Entry { change: Change::Next(Key(3), Value(value), number), ..set(1, 3, value) };
        let mut log = log(&[next(1, 1), next(2, 2), next(3, 3)]);
        assert_eq!((log.next_number(Key(3)), log.next_number(Key(4))), (4, 1));
        log.apply(3, |_, _| ());
        let kept: Vec<_> = log.applied_beyond(1).iter().map(|kept| (kept.value, kept.before, kept.number)).collect();
        assert_eq!(kept, [(Value(2), Some(Value(1)), Some(2)), (Value(3), Some(Value(2)), Some(3))]);
        log.cut(1, |_, _, _| ());
        assert_eq!(log.next_number(Key(3)), 2);
    }

    #[test]
    fn what_is_cut_off_is_known_with_what_it_replaced() {
        let mut log = log(&[set(1, 7, 1), set(1, 8, 2), set(1, 7, 3), set(1, 7, 4), set(1, 9, 5)]);
        log.apply(4, |_, _| ());
        let kept: Vec<_> = log.applied_beyond(2).iter().map(|kept| (kept.key, kept.before, kept.value)).collect();
        assert_eq!(kept, [(Key(7), Some(Value(1)), Value(3)), (Key(7), Some(Value(3)), Value(4))]);
        assert_eq!((log.keys_beyond(2), log.keys_beyond(0)), (2, 3));
        assert!(log.sets(Value(5)) && !log.sets(Value(6)));
    }

    #[test]
    fn two_logs_find_where_they_part() {
        let primary = log(&[set(1, 1, 1), set(1, 1, 2), set(3, 1, 3), set(3, 1, 4)]);
        assert_eq!(primary.may_share(Position { epoch: 1, index: 9 }), 2);
        assert_eq!(primary.may_share(Position { epoch: 2, index: 9 }), 2);
        assert_eq!(primary.may_share(Position { epoch: 3, index: 3 }), 3);
        assert_eq!(primary.may_share(Position::default()), 0);
        assert!(primary.has(Position { epoch: 3, index: 3 }) && primary.has(Position::default()));
        assert!(!primary.has(Position { epoch: 2, index: 3 }) && !primary.has(Position { epoch: 3, index: 5 }));
    }
}
