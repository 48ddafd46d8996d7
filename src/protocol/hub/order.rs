//! What the hub does: it gives each write its place in one order, and sees to it that every region gets that, in order and without a
//! gap. Next: `waiting.rs`.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::super::patient::Patient;
use super::super::{Entries, Table};
use super::inbox::Inbox;
use super::store::Standing;
use super::write::{Message, Record, Write};
use super::{Context, Hub, WRITES_MAX};
use crate::id::NodeId;

/// So few are sent each by itself, which takes no memory of its own.
const FEW: u64 = 4;

/// What the hub knows of the others, and keeps for them.
#[derive(Clone, Debug, Default, Hash)]
pub(super) struct Confirming {
    /// Writes that came, by region.
    inboxes: Table<NodeId, (u32, Inbox<Write>)>,
    /// The end of the order: from the first write that some region may lack.
    kept: Vec<Write>,
    /// How many were before those.
    dropped: u64,
    regions: BTreeMap<NodeId, Region>,
}

/// A region, as the hub knows it.
#[derive(Clone, Debug, Default, Hash)]
struct Region {
    /// How much of the order it has on disk, as it said itself.
    has: u64,
    /// How much was sent to it, one after the other.
    sent: u64,
    /// How much was sent before it reported last: what it lacks of that when it reports again was lost.
    due: u64,
}

impl Confirming {
    /// Keeps a confirmed write for those who may lack it, if there are others.
    pub fn keep(&mut self, index: u64, write: Write) {
        if !self.regions.is_empty() {
            self.keep_again(index, write);
        }
    }

    /// The same, of one that was on disk.
    pub fn keep_again(&mut self, index: u64, write: Write) {
        if self.kept.is_empty() {
            self.dropped = index - 1;
        }
        if index == self.dropped + self.kept.len() as u64 + 1 {
            self.kept.push(write);
        }
    }

    /// Those that are kept, with their places.
    pub fn kept(&self) -> impl Iterator<Item = (u64, &Write)> {
        (self.dropped + 1..).zip(&self.kept)
    }

    /// How many are kept.
    pub fn len(&self) -> usize {
        self.kept.len()
    }

    /// How much of the order is not kept any more.
    #[cfg(test)]
    pub fn dropped(&self) -> u64 {
        self.dropped
    }

    /// The hub begins, or begins again, with so much of the order. What each region has it will say.
    pub fn begin(&mut self, regions: impl Iterator<Item = NodeId>, index: u64) {
        let region = Region { has: 0, sent: index, due: index };
        self.regions = regions.map(|node| (node, region.clone())).collect();
        if self.kept.is_empty() {
            self.dropped = index;
        }
    }

    /// Drops what every region has: seldom, so that what moves up is little.
    fn trim(&mut self) {
        let everywhere = self.regions.values().map(|region| region.has).min().unwrap_or(0);
        let droppable = everywhere.saturating_sub(self.dropped).min(self.kept.len() as u64);
        if droppable >= 64 && droppable as usize * 2 >= self.kept.len() {
            self.kept.drain(..droppable as usize);
            self.dropped += droppable;
        }
    }
}

/// What comes after so much of the order, of which these are kept and so many were dropped; `None` where some of that is not kept.
fn after(kept: &[Write], dropped: u64, index: u64) -> Option<&[Write]> {
    kept.get(usize::try_from(index.checked_sub(dropped)?).ok()?..)
}

impl Hub {
    /// Writes of a region came: those whose turn it is are confirmed.
    pub(super) fn confirm_all(&mut self, writes: &[Write], cx: &mut Context<Self>) {
        let since = self.store.index();
        for write in writes {
            let Standing::After(taken) = self.store.standing(write.origin(), write.life) else { continue };
            let origin = write.origin();
            match self.confirming.inboxes.get_mut(origin) {
                Some((life, inbox)) if *life == write.life => inbox.put(write.number, *write),
                _ => {
                    let mut inbox = Inbox::after(taken);
                    inbox.put(write.number, *write);
                    self.confirming.inboxes.insert(origin, (write.life, inbox));
                }
            }
            while let Some(next) = self.confirming.inboxes.get_mut(origin).and_then(|(_, inbox)| inbox.take()) {
                self.take(next, cx);
            }
        }
        self.ship(since, cx);
        self.serve_waiting(cx);
    }

    /// Sends what was confirmed since then to the regions that were sent all before it.
    pub(super) fn ship(&mut self, since: u64, cx: &mut Context<Self>) {
        let index = self.store.index();
        let Confirming { kept, dropped, regions, .. } = &mut self.confirming;
        let new = after(kept, *dropped, since).unwrap_or_default();
        let step = if index - since <= FEW { 1 } else { WRITES_MAX };
        for (node, region) in regions.iter_mut().filter(|(_, region)| region.sent == since) {
            for (first, writes) in (since + 1..).step_by(step).zip(new.chunks(step)) {
                cx.send(*node, Message::Order { first, writes: Entries::from(writes), are_more: false });
            }
            region.sent = index;
        }
    }

    /// A region says how much of the order it has.
    pub(super) fn reported(&mut self, from: NodeId, confirmed: u64, late: &[Write], cx: &mut Context<Self>) {
        self.confirm_all(late, cx);
        let Some(region) = self.confirming.regions.get_mut(&from) else { return };
        region.has = confirmed;
        if confirmed < region.due {
            region.sent = confirmed;
        }
        self.fill(from, cx);
        if let Some(region) = self.confirming.regions.get_mut(&from) {
            region.due = region.sent;
        }
        self.confirming.trim();
    }

    /// A region has taken all that was sent to it, and there is more.
    pub(super) fn asked_for_more(&mut self, from: NodeId, confirmed: u64, cx: &mut Context<Self>) {
        // It may have more than it was sent in turn: what came early.
        let Some(region) = self.confirming.regions.get_mut(&from).filter(|region| region.sent <= confirmed) else {
            return;
        };
        region.sent = confirmed;
        self.fill(from, cx);
    }

    /// Sends a region what comes after all that it was sent, or that there is nothing.
    fn fill(&mut self, to: NodeId, cx: &mut Context<Self>) {
        let (index, confirming) = (self.store.index(), &mut self.confirming);
        let Some(sent) = confirming.regions.get(&to).map(|region| region.sent) else { return };
        let now_sent = match after(&confirming.kept, confirming.dropped, sent) {
            Some(rest) => {
                let writes = &rest[..rest.len().min(WRITES_MAX)];
                let end = sent + writes.len() as u64;
                cx.send(to, Message::Order { first: sent + 1, writes: Entries::from(writes), are_more: end < index });
                end
            }
            None => {
                cx.send(to, Message::Snapshot(Arc::new(self.store.snapshot())));
                index
            }
        };
        confirming.regions.entry(to).and_modify(|region| region.sent = now_sent);
    }

    /// What must be on disk of the order: what it came to, and what is kept.
    pub(super) fn order_records(&self) -> impl Iterator<Item = Record> + '_ {
        let kept = self.confirming.kept().map(|(index, write)| Record::Confirmed(index, *write));
        kept.chain([Record::Snapshot(Arc::new(self.store.snapshot()))])
    }
}
