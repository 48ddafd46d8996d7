//! One node's copy of the data: what it has taken, the rule that picks the winner, and what a lost write is.
//!
//! # What is counted as lost
//!
//! A write *knows* another if that is in its past. When a copy takes a write to a key while it holds one that does not
//! know it, and that it does not know, the two are concurrent, and the lower stamp is told to be lost.
//!
//! - **Nothing else is told.** Writes are taken after all that they know, so a write that meets a held one is either made in
//!   the knowledge of it or concurrent.
//! - **Nothing escapes.** Stamps grow along the past, so that a write always beats what its origin held. Whatever is not in
//!   the copies at the end was replaced at a node by a higher write: by one that knew it, or by a concurrent one, which is told.
//!
//! Next: `log.rs`, what is kept for those who lack it.

use std::cmp::Ordering;
use std::sync::Arc;

use super::Clock;
use super::{Stamp, Table};
use crate::id::{ClientId, Key, NodeId, RequestId, Value};

/// One write.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Write {
    /// The key written.
    pub key: Key,
    /// The value.
    pub value: Value,
    /// When it was made, and by which node: of two writes the one with the higher stamp wins.
    pub stamp: Stamp,
    /// Who asked for it.
    pub client: ClientId,
    /// The client's number for the request.
    pub sequence: u32,
    /// Its past and itself: all that its node had taken when it made it.
    pub clock: Clock,
}

impl Write {
    /// The node that made it.
    pub fn origin(&self) -> NodeId {
        self.stamp.node
    }

    /// Its number among those of its origin, from 1.
    pub fn number(&self) -> u64 {
        self.clock.of(self.origin())
    }

    fn knows(&self, other: &Write) -> bool {
        self.clock.of(other.origin()) >= other.number()
    }

    /// Its size on the wire: a key, a value, a stamp, a client's request, and the clock.
    pub(super) fn bytes(&self) -> usize {
        4 + 8 + 14 + 8 + self.clock.bytes()
    }
}

/// Everything that a copy is made of, without the writes that were replaced.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Snapshot {
    /// What the copy has taken.
    pub clock: Clock,
    /// What it holds, in the order of keys.
    pub copy: Vec<Arc<Write>>,
    /// The last write that each client is known to have asked for.
    pub asked: Vec<(ClientId, u32)>,
}

impl Snapshot {
    pub(super) fn bytes(&self) -> usize {
        self.clock.bytes() + self.copy.iter().map(|write| write.bytes()).sum::<usize>() + 8 * self.asked.len()
    }
}

/// What taking a write did.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Taken {
    /// The copy has changed.
    pub changed: bool,
    /// The write lost and the write kept, where they were concurrent.
    pub conflict: Option<(Value, Value)>,
}

/// What one node has taken.
#[derive(Clone, Debug, Default, Hash)]
pub(super) struct Store {
    clock: Clock,
    copy: Table<Key, Arc<Write>>,
    asked: Table<ClientId, u32>,
}

impl Store {
    /// What it has taken.
    pub fn clock(&self) -> &Clock {
        &self.clock
    }

    /// What it holds of a key.
    pub fn get(&self, key: Key) -> Option<&Arc<Write>> {
        self.copy.get(key)
    }

    /// How many keys it holds.
    pub fn len(&self) -> usize {
        self.copy.len()
    }

    /// What it holds, in the order of keys.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<Write>> {
        self.copy.iter().map(|(_, write)| write)
    }

    /// Whether it has taken this write.
    pub fn has(&self, write: &Write) -> bool {
        self.clock.of(write.origin()) >= write.number()
    }

    /// Whether it has taken all that this write comes after, and not the write.
    pub fn is_next(&self, write: &Write) -> bool {
        write.clock.iter().all(|(node, number)| {
            let has = self.clock.of(node);
            if node == write.origin() { number == has + 1 } else { number <= has }
        })
    }

    /// How a write that is asked for stands to the last one of its client that is here: `Greater` is new, `Equal` is that one,
    /// and of one that is `Less` the client does not wait for an answer any more.
    pub fn compare(&self, id: RequestId) -> Ordering {
        id.sequence.cmp(&self.asked.get(id.client).copied().unwrap_or(0))
    }

    /// Takes a write. Of what it holds and this, the higher stamp stays.
    pub fn take(&mut self, write: &Arc<Write>) -> Taken {
        self.clock.raise(write.origin(), write.number());
        self.heard(write.client, write.sequence);
        let Some(held) = self.copy.get(write.key) else {
            self.copy.insert(write.key, write.clone());
            return Taken { changed: true, conflict: None };
        };
        let changed = write.stamp > held.stamp;
        let (lost, kept) = if changed { (held, write) } else { (write, held) };
        // Equal values are one write, made by two nodes because its client sent it to both.
        let conflict = (lost.value != kept.value && !kept.knows(lost)).then_some((lost.value, kept.value));
        if changed {
            self.copy.insert(write.key, write.clone());
        }
        Taken { changed, conflict }
    }

    /// Takes all that another copy has taken; gives what changed here by that, and what each did.
    pub fn take_all(&mut self, snapshot: &Snapshot) -> Vec<(Arc<Write>, Taken)> {
        let took: Vec<_> = snapshot.copy.iter().map(|write| (write.clone(), self.take(write))).collect();
        snapshot.asked.iter().for_each(|(client, sequence)| self.heard(*client, *sequence));
        self.clock.merge(&snapshot.clock);
        took
    }

    fn heard(&mut self, client: ClientId, sequence: u32) {
        match self.asked.get_mut(client) {
            Some(last) => *last = (*last).max(sequence),
            None => drop(self.asked.insert(client, sequence)),
        }
    }

    /// Everything, for a disk or for a node that lacks what nobody keeps.
    pub fn snapshot(&self) -> Snapshot {
        Snapshot {
            clock: self.clock.clone(),
            copy: self.iter().cloned().collect(),
            asked: self.asked.iter().map(|(client, sequence)| (client, *sequence)).collect(),
        }
    }
}
