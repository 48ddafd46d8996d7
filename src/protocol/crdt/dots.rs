//! What sets, registers and lists are made of: entries, each under the name of the update that put it there.
//!
//! A copy knows which updates it has seen, all in one vector. So of two copies, an entry that one lacks although it has seen the update
//! was taken out there, and one whose update it has not seen is news to it: nothing has to be kept of what was taken out. Sources:
//! Shapiro et al., RR-7506, specification 15 (OR-set); Bieniusa et al., *An Optimized Conflict-free Replicated Set*, 2012 (without
//! tombstones); Almeida, Shoker, Baquero, *Delta State Replicated Data Types*, JPDC 111, 2018, section 7 (causal CRDTs: stores of
//! dots with one context). Next: `list.rs`.

use std::collections::BTreeMap;

use super::{Dot, Stamp, VersionVector};
use crate::id::Value;
use crate::op::Item;

/// The entries of one key.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Dots {
    entries: BTreeMap<Dot, Entry>,
}

/// What an update put there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Entry {
    /// An item of a set, and the name of its insertion.
    Item(Item, Value),
    /// A version of a register, and when it was made.
    Version(Value, Stamp),
    /// An element of a list.
    Element(Element),
}

/// An element of a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Element {
    /// The name of its insertion.
    pub name: Value,
    /// The element that it was inserted behind; `None`: it was the first then.
    pub after: Option<Dot>,
    /// Higher than that of every element that its node knew.
    pub turn: u64,
    /// The update that removed it: from then on it only keeps the place of those behind it, and is a tombstone.
    pub gone: Option<Dot>,
}

impl Entry {
    /// The name of the operation that put it there.
    pub fn name(&self) -> Value {
        match self {
            Entry::Item(_, name) | Entry::Version(name, _) => *name,
            Entry::Element(element) => element.name,
        }
    }

    const fn bytes(&self) -> usize {
        match self {
            Entry::Item(..) => 9,
            Entry::Version(..) => 22,
            Entry::Element(_) => 36,
        }
    }
}

impl Dots {
    /// Every entry, by who put it there.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = (Dot, &Entry)> {
        self.entries.iter().map(|(dot, entry)| (*dot, entry))
    }

    /// The elements of a list.
    pub fn elements(&self) -> impl Iterator<Item = (Dot, &Element)> {
        self.iter().filter_map(|(dot, entry)| match entry {
            Entry::Element(element) => Some((dot, element)),
            _ => None,
        })
    }

    /// The entry of this update, if it is still there.
    pub fn get(&self, dot: Dot) -> Option<&Entry> {
        self.entries.get(&dot)
    }

    /// Puts an entry there.
    pub fn put(&mut self, dot: Dot, entry: Entry) {
        self.entries.insert(dot, entry);
    }

    /// Takes an entry out, if it is there.
    pub fn take(&mut self, dot: Dot) {
        self.entries.remove(&dot);
    }

    /// An element of a list is a tombstone from now on.
    pub fn bury(&mut self, dot: Dot, by: Dot) {
        if let Some(Entry::Element(element)) = self.entries.get_mut(&dot) {
            element.gone = Some(element.gone.map_or(by, |earlier| earlier.min(by)));
        }
    }

    /// Has what either has, and not what either has taken out. `seen` and `theirs_seen` are the updates that the two copies have
    /// seen. Whether anything changed.
    pub fn join(&mut self, seen: &VersionVector, theirs: &Dots, theirs_seen: &VersionVector) -> bool {
        let before = self.entries.len();
        self.entries.retain(|dot, _| theirs.entries.contains_key(dot) || !theirs_seen.has(*dot));
        let mut is_new = self.entries.len() != before;
        for (dot, entry) in &theirs.entries {
            match (self.entries.get(dot), entry) {
                (Some(Entry::Element(mine)), Entry::Element(element)) => {
                    if let Some(by) = element.gone.filter(|by| mine.gone.is_none_or(|mine| *by < mine)) {
                        self.bury(*dot, by);
                        is_new = true;
                    }
                }
                (None, entry) if !seen.has(*dot) => {
                    self.put(*dot, *entry);
                    is_new = true;
                }
                _ => {}
            }
        }
        is_new
    }

    /// Of a register's versions keeps the one with the highest stamp, and tells the others with it: the name of each that is lost, and
    /// of the one that is kept.
    pub fn settle(&mut self) -> Vec<(Value, Value)> {
        let stamp = |entry: &Entry| match entry {
            Entry::Version(value, stamp) => Some((*stamp, *value)),
            _ => None,
        };
        let Some((highest, kept)) = self.entries.values().filter_map(stamp).max() else { return Vec::new() };
        let lost = self.entries.values().filter_map(stamp).filter(|(stamp, _)| *stamp != highest);
        let lost: Vec<(Value, Value)> =
            lost.map(|(_, value)| (value, kept)).filter(|(lost, kept)| lost != kept).collect();
        self.entries.retain(|_, entry| stamp(entry).is_none_or(|(stamp, _)| stamp == highest));
        lost
    }

    /// Its size on the wire.
    pub fn bytes(&self) -> usize {
        self.entries.values().map(|entry| Dot::BYTES + entry.bytes()).sum()
    }
}
