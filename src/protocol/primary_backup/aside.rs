//! Writes that a replica had and the new primary has not, kept aside and offered to it: each takes effect if its key is as it was
//! when the write was made, and is a conflict else.
//!
//! They are on disk until the primary has settled them. Next: `monitor.rs`.

use crate::id::{ClientId, Key, NodeId, Value};
use crate::protocol::Context;
use crate::trace::Observation;

use super::log::{Change, Entry};
use super::replica::{Duty, Replica};
use super::{Message, PrimaryBackup, Record, Timer};

/// A write that was taken out of a copy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Kept {
    /// Who asked for it, and as which of its operations.
    pub client: ClientId,
    /// The client's number for it.
    pub sequence: u32,
    /// Its key.
    pub key: Key,
    /// What the key had before; `None`: nothing.
    pub before: Option<Value>,
    /// What it wrote.
    pub value: Value,
    /// The number that its client got, where the key is a sequence.
    pub number: Option<u32>,
}

impl Replica {
    /// Keeps what is about to be taken out of the copy: the writes beyond `length`, in their order.
    pub(super) fn keep_aside(&mut self, length: u64, cx: &mut Context<PrimaryBackup>) {
        for kept in self.log.applied_beyond(length) {
            cx.persist(Record::Aside(kept));
            self.aside.push(kept);
        }
        if !self.aside.is_empty() {
            cx.set_timer(Timer::Offer, self.plan.repair);
        }
    }

    /// Offers what is kept aside to the primary: again, until it has answered.
    pub(super) fn offer_aside(&mut self, cx: &mut Context<PrimaryBackup>) {
        if self.aside.is_empty() {
            return;
        }
        match &self.duty {
            Duty::Leading(primary) if primary.serves => {
                let own = std::mem::take(&mut self.aside);
                self.merge(&own, cx);
                cx.persist(Record::Settled);
            }
            Duty::Backup if self.promised == self.office.epoch && self.office.primary != cx.me() => {
                let (epoch, writes) = (self.office.epoch, self.aside.clone());
                cx.send(self.office.primary, Message::Offer { epoch, writes });
            }
            _ => {}
        }
        cx.set_timer(Timer::Offer, self.plan.repair);
    }

    /// A replica that was primary offers what it had acknowledged.
    pub(super) fn on_offer(&mut self, from: NodeId, epoch: u64, writes: &[Kept], cx: &mut Context<PrimaryBackup>) {
        let serves = matches!(&self.duty, Duty::Leading(primary) if primary.serves && primary.handing.is_none());
        if serves && epoch == self.office.epoch {
            self.merge(writes, cx);
            cx.send(from, Message::Settle { epoch, writes: writes.len() as u32 });
        }
    }

    /// Takes each write whose key is as the write found it; the others are conflicts, which the rule decides for what is there.
    fn merge(&mut self, writes: &[Kept], cx: &mut Context<PrimaryBackup>) {
        for write in writes.iter().filter(|write| !self.log.sets(write.value)).copied().collect::<Vec<Kept>>() {
            match self.log.newest(write.key) {
                found if found == write.before => self.append(self.entry_of(&write), cx),
                Some(kept) => cx.observe(Observation::Conflict { key: write.key, lost: write.value, kept }),
                None => {} // what it followed was a conflict itself, with nothing: there is no such write
            }
        }
    }

    /// The entry keeps the client's number, by which a retry is known, unless the client has gone on meanwhile.
    fn entry_of(&self, write: &Kept) -> Entry {
        let is_latest = self.log.latest_of(write.client).is_none_or(|(sequence, _)| sequence < write.sequence);
        let (client, sequence) = if is_latest { (write.client, write.sequence) } else { (ClientId(0), 0) };
        let change = match write.number {
            Some(number) => Change::Next(write.key, write.value, number),
            None => Change::Set(write.key, write.value),
        };
        Entry { epoch: self.office.epoch, client, sequence, change }
    }

    /// The primary has settled that many of them.
    pub(super) fn on_settle(&mut self, epoch: u64, writes: u32, cx: &mut Context<PrimaryBackup>) {
        if epoch == self.office.epoch && writes as usize == self.aside.len() {
            self.aside.clear();
            cx.persist(Record::Settled);
            cx.cancel_timer(Timer::Offer);
        }
    }
}
