//! The acceptor: what a replica has promised and accepted of each key, on disk before it says so. Next: `proposer.rs`.

use crate::id::{Key, NodeId};
use crate::time::Time;
use crate::trace::Observation;

use super::super::Context;
use super::super::mutant::Mutant;
use super::{Ballot, CasPaxos, Message, Record, Register};

/// What an acceptor knows of a key.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Slot {
    /// It takes nothing of a ballot less than this.
    pub promised: Ballot,
    /// The ballot of what it accepted last.
    pub accepted: Ballot,
    /// What that was.
    pub register: Register,
    /// Whether the change that the promise was given for is accepted, or was given up: as far as this acceptor knows no other is under
    /// way.
    pub is_idle: bool,
    /// Until when the promise is not overtaken, where a change is under way. Not on disk.
    held_until: Time,
}

impl CasPaxos {
    fn slot(&mut self, key: Key) -> &mut Slot {
        if self.slots.get(key).is_none() {
            self.slots.insert(key, Slot { is_idle: true, ..Slot::default() });
        }
        self.slots.get_mut(key).expect("it was just made")
    }

    /// A proposer wants to change the key: the paper's prepare.
    pub(super) fn asked_to_promise(&mut self, from: NodeId, key: Key, ballot: Ballot, cx: &mut Context<Self>) {
        let (now, hold) = (cx.now(), self.options.hold);
        let forgets = self.options.mutant.is(Mutant::P1);
        let slot = self.slot(key);
        let is_held = !slot.is_idle && slot.promised.node != ballot.node && now < slot.held_until;
        if ballot < slot.promised || (is_held && ballot > slot.promised) {
            return self.refuse_ballot(from, key, ballot, cx);
        }
        if ballot > slot.promised {
            (slot.promised, slot.is_idle, slot.held_until) = (ballot, false, now + hold);
            if !forgets {
                self.put_down(Record::Promised { key, ballot }, cx);
            }
        }
        let Slot { accepted, register, .. } = self.slot(key).clone();
        cx.send(from, Message::Promised { key, ballot, accepted, register });
    }

    /// A proposer has the promises of a majority, and this is what the key is to be. What it has accepted already it takes again, whatever
    /// it has promised since: that is in nobody's way.
    pub(super) fn asked_to_accept(
        &mut self,
        from: NodeId,
        (key, ballot): (Key, Ballot),
        register: Register,
        reserve: bool,
        cx: &mut Context<Self>,
    ) {
        let slot = self.slot(key);
        if ballot >= slot.promised {
            self.accept(key, ballot, register, reserve, cx);
        } else if slot.accepted != ballot {
            return self.refuse_ballot(from, key, ballot, cx);
        }
        let reserved = reserve && self.slot(key).promised == ballot.next();
        cx.send(from, Message::Accepted { key, ballot, reserved });
    }

    fn accept(&mut self, key: Key, ballot: Ballot, register: Register, reserve: bool, cx: &mut Context<Self>) {
        let promised = if reserve { ballot.next() } else { ballot };
        let value = register.value;
        let slot = Slot { promised, accepted: ballot, register, is_idle: true, held_until: Time::ZERO };
        self.slots.insert(key, slot.clone());
        self.put_down(Record::Slot { key, slot }, cx);
        value.into_iter().for_each(|value| cx.observe(Observation::Stored { value }));
        self.doubt(key, ballot, cx);
    }

    /// A reader wants to know what this acceptor holds; and may offer what another one does, which is the same as if that one's
    /// proposer sent it again.
    pub(super) fn asked(
        &mut self,
        from: NodeId,
        (key, ticket): (Key, u64),
        offer: Option<(Ballot, Register)>,
        cx: &mut Context<Self>,
    ) {
        if let Some((ballot, register)) = offer {
            let slot = self.slot(key);
            if ballot >= slot.promised && ballot > slot.accepted {
                self.accept(key, ballot, register, false, cx);
            }
        }
        let (accepted, register) =
            self.slots.get(key).map(|slot| (slot.accepted, slot.register.clone())).unwrap_or_default();
        cx.send(from, Message::Held { key, ticket, accepted, register });
    }

    /// A proposer has given its change up: nobody is kept waiting for it.
    pub(super) fn released(&mut self, key: Key, ballot: Ballot) {
        let slot = self.slot(key);
        slot.is_idle |= slot.promised == ballot;
    }

    /// Tells a proposer that its ballot is too low, or that another's change is under way.
    fn refuse_ballot(&mut self, to: NodeId, key: Key, ballot: Ballot, cx: &mut Context<Self>) {
        let &mut Slot { promised, is_idle, .. } = self.slot(key);
        cx.send_unsynced(to, Message::Refused { key, ballot, promised, is_idle });
    }

    /// Appends a record; replaces the log by what it comes to where it has grown much longer than that.
    pub(super) fn put_down(&mut self, record: Record, cx: &mut Context<Self>) {
        cx.persist(record);
        self.logged += 1;
        if self.logged > 64.max(4 * self.slots.len()) {
            let slots = self.slots.iter().map(|(key, slot)| Record::Slot { key, slot: slot.clone() });
            let records: Vec<Record> = [Record::Life(self.life)].into_iter().chain(slots).collect();
            self.logged = records.len();
            cx.compact(records);
        }
    }

    /// What the disk kept.
    pub(super) fn recover(&mut self, records: Vec<Record>) {
        for record in records {
            match record {
                Record::Life(life) => self.life = self.life.max(life),
                Record::Promised { key, ballot } => {
                    let slot = self.slot(key);
                    (slot.promised, slot.is_idle) = (ballot, false);
                }
                Record::Slot { key, slot } => drop(self.slots.insert(key, slot)),
            }
        }
    }
}
