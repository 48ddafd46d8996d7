//! The confirmed order, as far as a region has it: what it came to, and who wins in it.
//!
//! Every region takes the same writes in the same order and decides in the same way, so that the hub need not say how it decided.
//!
//! # What is counted as lost
//!
//! A write *knows* what its region had of the confirmed order when it made it, and what it had made itself. When a write is
//! confirmed while the copy holds one that it does not know, the two are concurrent, and the lower stamp is told to be lost.
//!
//! - **Nothing else is told.** The one that is held cannot know the one that comes: it was confirmed before, and a region's writes
//!   are confirmed in the order in which it made them.
//! - **Nothing escapes.** A region stamps above all that it has seen, so that a write has the higher stamp of all that it knows; what is
//!   not in the copy was replaced by a write that knew it, or by a concurrent one, which is told.
//!
//! Next: `inbox.rs`, what comes in order however it arrives.

use crate::id::{ClientId, Key, NodeId, Value};

use super::super::Table;
use super::write::Write;

/// What the order came to.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Snapshot {
    /// After so many writes.
    pub index: u64,
    /// What it holds, in the order of keys: each write with its place in the order.
    pub copy: Vec<(u64, Write)>,
    /// Of each region: its disk's lives, the present one last, and how many writes of each were confirmed.
    pub origins: Vec<(NodeId, Lives)>,
    /// The last request of each client that was confirmed.
    pub asked: Vec<(ClientId, u32)>,
}

impl Snapshot {
    /// Its size on the wire, where a write has so many bytes.
    pub(super) fn bytes(&self, write: usize) -> usize {
        let lives: usize = self.origins.iter().map(|(_, lives)| 2 + 12 * lives.len()).sum();
        8 + self.copy.len() * (8 + write) + lives + 8 * self.asked.len()
    }
}

/// The lives of a region's disk, the present one last: each with how many of its writes were confirmed.
type Lives = Vec<(u32, u64)>;

/// What became of a write when it was confirmed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Decided {
    /// Whether it counts as a write of its own: it was not confirmed before, and its client had not moved on.
    pub is_new: bool,
    /// The write lost and the write kept, where they were concurrent.
    pub conflict: Option<(Value, Value)>,
}

/// Where a write stands to those of its region that were confirmed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Standing {
    /// So many of its life were confirmed before it came.
    After(u64),
    /// It is of a life that has ended.
    Ended,
}

/// What the order came to, so far.
#[derive(Clone, Debug, Default, Hash)]
pub(super) struct Store {
    index: u64,
    copy: Table<Key, (u64, Write)>,
    origins: Table<NodeId, Lives>,
    asked: Table<ClientId, u32>,
}

impl Store {
    /// How many writes were confirmed.
    pub fn index(&self) -> u64 {
        self.index
    }

    /// The write that the key holds.
    pub fn get(&self, key: Key) -> Option<&Write> {
        self.copy.get(key).map(|(_, write)| write)
    }

    /// How many keys hold something.
    pub fn len(&self) -> usize {
        self.copy.len()
    }

    /// What it holds, in the order of keys.
    pub fn iter(&self) -> impl Iterator<Item = &Write> {
        self.copy.iter().map(|(_, (_, write))| write)
    }

    /// The last request of this client that was confirmed; 0 where there is none.
    pub fn asked(&self, client: ClientId) -> u32 {
        self.asked.get(client).copied().unwrap_or(0)
    }

    /// How a region's writes of this life stand.
    pub fn standing(&self, origin: NodeId, life: u32) -> Standing {
        let Some(lives) = self.origins.get(origin) else { return Standing::After(0) };
        match lives.iter().position(|(known, _)| *known == life) {
            Some(place) if place + 1 < lives.len() => Standing::Ended,
            Some(place) => Standing::After(lives[place].1),
            None => Standing::After(0),
        }
    }

    /// Confirms the next write. Of what the key holds and this, the higher stamp stays. Where `waits` says that clients wait for
    /// confirmation, a request that was confirmed before changes nothing, nor does one whose client has moved on. Elsewhere it may be
    /// acknowledged already, and what its region made after it stands on it: it counts like any other.
    pub fn confirm(&mut self, write: &Write, waits: bool) -> Decided {
        self.index += 1;
        self.count(write);
        let last = self.asked(write.client);
        if write.sequence > last {
            self.asked.insert(write.client, write.sequence);
        } else if waits {
            return Decided { is_new: false, conflict: None };
        }
        let entry = (self.index, *write);
        let Some((index, held)) = self.copy.get_mut(write.key) else {
            self.copy.insert(write.key, entry);
            return Decided { is_new: true, conflict: None };
        };
        let (lost, kept) = if write.stamp > held.stamp { (*held, write) } else { (*write, &*held) };
        // Equal values are one write, made in two regions because its client sent it to both.
        let is_concurrent = lost.value != kept.value && !write.knows(held, *index);
        let conflict = is_concurrent.then_some((lost.value, kept.value));
        if write.stamp > held.stamp {
            (*index, *held) = entry;
        }
        Decided { is_new: true, conflict }
    }

    fn count(&mut self, write: &Write) {
        let origin = write.origin();
        match self.origins.get_mut(origin) {
            Some(lives) => match lives.iter_mut().find(|(life, _)| *life == write.life) {
                Some((_, number)) => *number = write.number,
                None => lives.push((write.life, write.number)),
            },
            None => drop(self.origins.insert(origin, vec![(write.life, write.number)])),
        }
    }

    /// Everything, for a disk or for a region that lacks what nobody keeps.
    pub fn snapshot(&self) -> Snapshot {
        Snapshot {
            index: self.index,
            copy: self.copy.iter().map(|(_, entry)| *entry).collect(),
            origins: self.origins.iter().map(|(origin, lives)| (origin, lives.clone())).collect(),
            asked: self.asked.iter().map(|(client, sequence)| (client, *sequence)).collect(),
        }
    }
}

impl From<&Snapshot> for Store {
    fn from(snapshot: &Snapshot) -> Store {
        Store {
            index: snapshot.index,
            copy: snapshot.copy.iter().map(|(index, write)| (write.key, (*index, *write))).collect(),
            origins: snapshot.origins.iter().cloned().collect(),
            asked: snapshot.asked.iter().copied().collect(),
        }
    }
}
