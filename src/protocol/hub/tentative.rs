//! What a region has made and the hub has not confirmed, as far as the region knows. Next: `order.rs`, what the hub does.

use std::collections::VecDeque;

use super::super::{Entries, Table};
use super::write::{Made, Message, Record, Write};
use super::{Context, Hub, Timer, WRITES_MAX};
use crate::id::{ClientId, Key, NodeId, RequestId};
use crate::op::Reply;
use crate::time::Duration;

/// A region's own writes.
#[derive(Clone, Debug, Default, Hash)]
pub(super) struct Tentative {
    /// The life of this disk.
    pub life: u32,
    /// How many were made in it.
    pub made: u64,
    /// Those that are not confirmed, in order and without a gap.
    log: VecDeque<Write>,
    /// The number of the last one that wrote a key. It may be confirmed by now.
    newest: Table<Key, u64>,
    /// Of each client the last request that was made here, and its write's number.
    asked: Table<ClientId, (u32, u64)>,
    /// Who waits for which to be confirmed.
    waiting: VecDeque<(u64, RequestId)>,
    /// The last that was made before the last report: it is late when the next one is due.
    due: u64,
    /// The last that was late at the last report.
    late: u64,
    /// The last that was sent again; 0 where none was late.
    again: u64,
}

impl Tentative {
    /// The last tentative write of a key.
    pub fn newest(&self, key: Key) -> Option<&Write> {
        let first = self.log.front()?.number;
        self.log.get(usize::try_from(self.newest.get(key)?.checked_sub(first)?).ok()?)
    }

    /// The last request of this client that was made here, and the number of its write.
    pub fn asked(&self, client: ClientId) -> (u32, u64) {
        self.asked.get(client).copied().unwrap_or_default()
    }

    /// Those that are not confirmed, in order.
    pub fn iter(&self) -> impl Iterator<Item = &Write> {
        self.log.iter()
    }

    /// How many are not confirmed.
    pub fn len(&self) -> usize {
        self.log.len()
    }

    /// What whoever sees this region's copy has seen of it, beside what is confirmed.
    pub fn seen(&self, me: NodeId) -> Option<Made> {
        self.log.back().map(|last| Made { node: me, life: self.life, number: last.number })
    }

    /// One more was made.
    pub fn push(&mut self, write: Write) {
        self.made = write.number;
        self.newest.insert(write.key, write.number);
        self.asked.insert(write.client, (write.sequence, write.number));
        self.log.push_back(write);
    }

    /// Somebody waits until this one is confirmed.
    pub fn await_confirmation(&mut self, number: u64, id: RequestId) {
        self.waiting.push_back((number, id));
    }

    /// All up to this one are confirmed.
    pub fn drop_to(&mut self, number: u64) {
        while self.log.front().is_some_and(|write| write.number <= number) {
            self.log.pop_front();
        }
        self.made = self.made.max(number);
    }

    /// Who waited for those up to this one.
    fn served(&mut self, number: u64) -> Option<RequestId> {
        let place = self.waiting.iter().position(|(waits_for, _)| *waits_for <= number)?;
        self.waiting.remove(place).map(|(_, id)| id)
    }

    /// Of those that are late, the first that the hub has not confirmed.
    fn next_late(&mut self) -> Entries<Write> {
        let late = self.log.iter().take_while(|write| write.number <= self.late).take(WRITES_MAX);
        let late: Vec<Write> = late.copied().collect();
        self.again = late.last().map_or(0, |last| last.number);
        Entries::from(&late[..])
    }
}

impl Hub {
    /// The hub has confirmed this region's writes of its present life up to there: who waited for them is told.
    pub(super) fn serve_confirmed(&mut self, number: u64, cx: &mut Context<Self>) {
        while let Some(id) = self.tentative.served(number) {
            // Of an older request the client does not wait for an answer any more.
            if self.store.asked(id.client) == id.sequence {
                cx.reply_with(id, Reply::Written, self.token(cx));
            }
        }
    }

    /// Reports at once, and then first at a random moment, so that nodes that start together do not report together.
    pub(super) fn begin_to_report(&mut self, cx: &mut Context<Self>) {
        self.tentative.due = self.tentative.made;
        self.report(cx);
        let first = cx.random_between(Duration::ZERO, self.options.report_every);
        cx.set_timer(Timer::Report, first);
    }

    /// Tells the hub what this region has, and sends again what is late.
    pub(super) fn report(&mut self, cx: &mut Context<Self>) {
        (self.tentative.late, self.tentative.due) = (self.tentative.due, self.tentative.made);
        let late = self.tentative.next_late();
        cx.send(self.hub, Message::Report { confirmed: self.store.index(), late });
        cx.set_timer(Timer::Report, self.options.report_every);
    }

    /// Where more was late than fitted, and the hub has that: the next.
    pub(super) fn send_on_late(&mut self, cx: &mut Context<Self>) {
        let Tentative { log, late, again, .. } = &self.tentative;
        let is_next = |first: &Write| *again > 0 && first.number == again + 1 && first.number <= *late;
        if log.front().is_some_and(is_next) {
            let late = self.tentative.next_late();
            cx.send(self.hub, Message::Report { confirmed: self.store.index(), late });
        }
    }

    /// What must be on disk of them.
    pub(super) fn tentative_records(&self) -> impl Iterator<Item = Record> + '_ {
        [Record::Life(self.tentative.life)].into_iter().chain(self.tentative.iter().copied().map(Record::Made))
    }
}
