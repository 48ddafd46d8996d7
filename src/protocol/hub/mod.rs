//! # Hub
//!
//! **Idea.** Every region takes writes at once, *tentatively*, and sends them to one region, the hub. The hub settles what is
//! concurrent, gives each write its place in one order, and every region gets that order: a region shows what is confirmed as far as
//! it has it, and its own tentative writes on top.
//!
//! ```text
//! client        eu-west-1                    us-east-1, the hub              ap-northeast-1
//!    │──write──────►│ number, stamp, persist       │                               │
//!    │◄──ok, token──│────────── Tentative ────────►│ the next place, who wins      │
//!    │              │◄─────────── Order ───────────│──────────── Order ───────────►│ the same, in the same order
//!    │   (or ok only now: acknowledge = "confirmed")                               │
//!                   │─────────── Report ──────────►│ each report-every             │
//!                   │◄─────────── Order ───────────│ what was lost on the way, or nothing: a sign of life
//! ```
//!
//! **Claims.** Convergence, whatever clocks do: who wins is decided once. No acknowledged write is lost but to a concurrent one, and that
//! loss is counted. Both under any fault after which disks have what they said they had; the second, with `acknowledge = "tentative"`, where no
//! request comes late or twice, as below. What clients see, also those who move with their
//! tokens: with `acknowledge = "tentative"` it is causal, in the words of the judges *causal-convergence*, as long as no write is carried
//! out by two regions, as below; with `"confirmed"` it is *sequential*, and all of a region's clients see a prefix of the order. What is acknowledged as
//! confirmed is on the hub's disk and on that of the region that was asked: a region that loses its disk takes nothing with it that
//! was confirmed.
//!
//! **Does not claim.** Linearizability: a read tells what has arrived. That an acknowledged write survives a concurrent one: the lower
//! stamp is discarded, and [`Observation::Conflict`] says so; where it was confirmed, it was in the order, and overwritten at once. That a
//! tentative write survives the loss of its region: nobody else has it. That anything survives the loss of the hub's disk: the hub's own
//! writes are nowhere else when they are acknowledged, and nobody takes the hub's place. While the hub is away nothing is confirmed:
//! tentative writes go on, and confirmed ones wait, or are refused once it is silent. A client that was not answered and asks
//! another region may have its write made twice. Where clients wait for confirmation, the hub knows the second by its request's number, and it
//! changes nothing. Where they do not, it is a write like any other, and may win over what came in between. A compare-and-set is refused.
//!
//! **Assumes.** Disks that keep what they synced, the hub's above all. A clock that is ahead wins over what others write at the same time.
//!
//! **Cost.** A tentative write, and a read: no one-way delay. A confirmed write: a round trip to the hub, none in its region. A write of the
//! hub is n-1 messages, any other n; and 2(n-1) small ones each `report-every`. The hub keeps a write until every region is known to have it, so
//! a region that is cut off costs memory at the hub, and at itself for what it writes.
//!
//! **Source.** Microsoft, *Multi-region writes in Azure Cosmos DB* (hub and satellites; a write is committed in its region, and tentative until
//! the hub has settled its conflicts; what the hub itself takes is confirmed at once) and *Conflict types and resolution policies* (last write
//! wins by a timestamp, all regions converge to one winner); Terry et al., *Managing Update Conflicts in Bayou*, SOSP 1995 (tentative and
//! committed writes, a primary that commits); Burckhardt et al., *Global Sequence Protocol*, ECOOP 2015 (a known prefix, and what is pending on
//! top); Kulkarni et al., OPODIS 2014 (the clock).
//!
//! **Departures.** How the product sends and numbers writes is not published: that, and stamps by hybrid clocks, are of this house. A region is one node
//! that commits by itself, not a quorum of replicas. Of a tentative write that will lose nobody sees more once its winner is here. The
//! clients' tokens say one number and one write, for a region serves nobody who has seen more than it shows.
//!
//! **At its worst.** `scenarios/hub-lost-satellite.toml`: a region is lost with what it had acknowledged.
//!
//! Next: `options.rs`.

mod inbox;
mod options;
mod order;
mod store;
mod tentative;
#[cfg(test)]
mod tests;
mod waiting;
mod write;

use std::cmp::Ordering;
use std::collections::VecDeque;
use std::sync::Arc;

use crate::id::{Key, NodeId, Value};
use crate::op::{Op, Refusal, Reply};
use crate::time::{Duration, Time};
use crate::trace::{EntryName, Observation, Promise};

use super::mutant::Mutant;
use super::patient::Patient;
use super::{About, Claim, Context, HybridClock, OptionsError, Protocol, Request, Role, Seat, State};
use inbox::Inbox;
use order::Confirming;
use store::{Standing, Store};
use tentative::Tentative;

pub use options::{Acknowledge, Options};
pub use store::Snapshot;
pub use write::{Message, Record, Token, Write};

/// The page in the zoo.
pub const ABOUT: About = About {
    name: "hub",
    idea: "Active-active with a hub: every region takes writes at once, tentatively; one region, the hub, settles what is concurrent and \
           confirms each write in one order, which every region gets.",
    does_not_claim: "Linearizability, or that an acknowledged write survives a concurrent one: the lower timestamp is discarded, and counted \
                     as a conflict. What is only tentative is lost with its region's disk, and everything hangs on the hub's.",
    cost: "No one-way delay a read or a tentative write; a confirmed write: a round trip to the hub. n messages a write, 2(n-1) small ones \
           every report-every.",
    source: "Microsoft, Multi-region writes in Azure Cosmos DB; Terry et al. (Bayou), SOSP 1995; Burckhardt et al., ECOOP 2015.",
    worst: "scenarios/hub-lost-satellite.toml",
};

/// One node.
#[derive(Clone, Debug, Hash)]
pub struct Hub {
    options: Options,
    /// Who confirms.
    hub: NodeId,
    /// Never behind a stamp that was taken.
    hybrid: HybridClock,
    /// What the confirmed order came to, as far as this node has it.
    store: Store,
    /// What comes next in the order, and came early.
    inbox: Inbox<Write>,
    /// What this node has made and the hub has not confirmed.
    tentative: Tentative,
    /// At the hub: what it knows of the others.
    confirming: Confirming,
    /// Requests of clients who have seen more than this node shows, and until when they wait.
    waiting: VecDeque<(Time, Request<Hub>)>,
    /// When the hub was heard last.
    heard: Time,
    /// Records in the log on disk.
    logged: usize,
}

/// What a node waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Timer {
    /// The next report is due.
    Report,
    /// A request has waited for long enough.
    Patience,
}

/// At most so many writes in a message.
const WRITES_MAX: usize = 500;

/// A log on disk that is no longer than this is left alone.
const LOG_MIN: usize = 1 << 14;

/// The confirmed order has one epoch: nobody takes the hub's place.
const EPOCH: u64 = 1;

/// A node that is up answers at once, or sends the client on: clients need as long to find one again.
const ANSWERS_WITHIN: Duration = Duration::secs(5);

/// How many reports it takes at most until the hub and a region have sent each other again what was lost, and what came meanwhile.
const REPORTS: u64 = 6;

impl Protocol for Hub {
    type Message = Message;
    type Timer = Timer;
    type Record = Record;
    type Session = Token;
    type Options = Options;

    fn seats(options: &Options, regions: &[&str]) -> Result<Vec<Seat>, OptionsError> {
        options.seats(regions)
    }

    fn claims(options: &Options) -> Vec<Claim> {
        options.claims()
    }

    fn start(options: &Options, recovered: Vec<Record>, cx: &mut Context<Self>) -> Self {
        let named = options.hub.as_ref().and_then(|region| cx.member_in(region, Role::Replica));
        let mut node = Hub {
            options: options.clone(),
            hub: named.unwrap_or(cx.members()[0].node),
            hybrid: HybridClock::default(),
            store: Store::default(),
            inbox: Inbox::after(0),
            tentative: Tentative::default(),
            confirming: Confirming::default(),
            waiting: VecDeque::new(),
            heard: cx.now(),
            logged: recovered.len(),
        };
        if recovered.is_empty() {
            node.tentative.life = cx.random(u64::from(u32::MAX)) as u32 + 1;
            node.put(Record::Life(node.tentative.life), cx);
        }
        recovered.into_iter().for_each(|record| node.recover(record, cx));
        node.inbox = Inbox::after(node.store.index());
        node.tell_all(cx);
        if node.is_hub(cx) {
            node.confirming.begin(cx.peers().map(|peer| peer.node), node.store.index());
        } else {
            node.begin_to_report(cx);
        }
        node
    }

    fn on_request(&mut self, request: Request<Self>, cx: &mut Context<Self>) {
        match request.op {
            Op::Read(_) | Op::Write(..) if self.lacked(&request.session, cx).is_some() => self.wait(request, cx),
            _ => self.serve(request, cx),
        }
    }

    fn on_message(&mut self, from: NodeId, message: Message, cx: &mut Context<Self>) {
        match message {
            Message::Tentative(write) => self.confirm_all(&[write], cx),
            Message::Report { confirmed, late } => self.reported(from, confirmed, &late, cx),
            Message::More(confirmed) => self.asked_for_more(from, confirmed, cx),
            Message::Order { first, writes, are_more } => {
                self.heard = cx.now();
                (first..).zip(writes.iter()).for_each(|(index, write)| self.inbox.put(index, *write));
                while let Some(write) = self.inbox.take() {
                    self.take(write, cx);
                }
                self.send_on_late(cx);
                if are_more {
                    cx.send(self.hub, Message::More(self.store.index()));
                }
                self.serve_waiting(cx);
            }
            Message::Snapshot(snapshot) => {
                self.heard = cx.now();
                self.adopt(&snapshot, cx);
                self.serve_waiting(cx);
            }
        }
    }

    fn on_timer(&mut self, timer: Timer, cx: &mut Context<Self>) {
        match timer {
            Timer::Report => self.report(cx),
            Timer::Patience => self.send_on(cx),
        }
    }

    fn state(&self) -> State {
        let keys = self.store.iter().chain(self.tentative.iter()).map(|write| write.key);
        State::serving(keys.filter_map(|key| Some((key, self.shown(key)?))))
    }
}

impl Hub {
    fn is_hub(&self, cx: &Context<Self>) -> bool {
        self.hub == cx.me()
    }

    /// What this node shows of a key: what is confirmed; or its own last tentative write, unless that will lose.
    fn shown(&self, key: Key) -> Option<Value> {
        let held = self.store.get(key);
        let own = if self.options.waits() { None } else { self.tentative.newest(key) };
        let own = own.filter(|own| held.is_none_or(|held| held.stamp < own.stamp));
        own.or(held).map(|write| write.value)
    }

    /// Makes a write, unless it was made before.
    fn write(&mut self, key: Key, value: Value, request: Request<Self>, cx: &mut Context<Self>) {
        let (id, confirmed) = (request.id, self.store.asked(request.id.client));
        let (made, number) = self.tentative.asked(id.client);
        match id.sequence.cmp(&confirmed.max(made)) {
            Ordering::Less => cx.refuse(id, Refusal::Unavailable), // its client has moved on
            Ordering::Equal if self.options.waits() && id.sequence > confirmed => {
                self.tentative.await_confirmation(number, id);
            }
            Ordering::Equal => cx.reply_with(id, Reply::Written, self.token(cx)),
            Ordering::Greater if self.options.waits() && self.is_hub_silent(cx) => cx.refuse(id, Refusal::Unavailable),
            Ordering::Greater => self.make(key, value, request, cx),
        }
    }

    /// Whether nothing was heard of the hub for so long that what is asked now would not be confirmed soon.
    fn is_hub_silent(&self, cx: &Context<Self>) -> bool {
        !self.is_hub(cx) && cx.now().since(self.heard) >= self.options.silent_after
    }

    /// Numbers a write and stamps it above all that was taken. At the hub it is confirmed by that; elsewhere it is tentative.
    fn make(&mut self, key: Key, value: Value, request: Request<Self>, cx: &mut Context<Self>) {
        let id = request.id;
        let write = Write {
            key,
            value,
            stamp: self.hybrid.tick(cx.now(), cx.me()),
            client: id.client,
            sequence: id.sequence,
            number: self.tentative.made + 1,
            life: self.tentative.life,
            seen: self.store.index(),
        };
        if self.is_hub(cx) {
            self.take(write, cx);
            self.ship(write.seen, cx);
            return cx.reply_with(id, Reply::Written, self.token(cx));
        }
        let before = self.shown(key);
        self.tentative.push(write);
        if !self.options.waits() {
            cx.observe(Observation::Ordered { value });
        }
        self.tell(key, before, cx);
        self.put(Record::Made(write), cx);
        cx.observe(Observation::Stored { value });
        cx.send(self.hub, Message::Tentative(write));
        if self.options.mutant.is(Mutant::S3) {
            self.tentative.drop_to(write.number); // confirmed, it believes
            return cx.reply_with(id, Reply::Written, self.token(cx));
        }
        match self.options.acknowledge {
            Acknowledge::Tentative => cx.reply_with(id, Reply::Written, self.token(cx)),
            Acknowledge::Confirmed => self.tentative.await_confirmation(write.number, id),
        }
    }

    /// Takes the next write of the confirmed order, on disk too, and tells the monitors which write a concurrent one discarded.
    fn take(&mut self, write: Write, cx: &mut Context<Self>) {
        let (key, value) = (write.key, write.value);
        let before = self.shown(key);
        let decided = self.store.confirm(&write, self.options.waits());
        let index = self.store.index();
        self.hybrid.witness(write.stamp);
        if let Some((lost, kept)) = decided.conflict {
            cx.observe(Observation::Conflict { key, lost, kept });
        }
        let is_own = write.origin() == cx.me() && write.life == self.tentative.life;
        // Where nobody shows what is tentative, the hub puts each write after what it holds.
        if self.is_hub(cx) && (is_own || self.options.waits()) {
            cx.observe(Observation::Ordered { value });
        }
        if self.is_hub(cx) {
            self.confirming.keep(index, write);
        }
        self.put(Record::Confirmed(index, write), cx);
        if is_own {
            self.tentative.drop_to(write.number);
        }
        self.tell(key, before, cx);
        if is_own {
            self.serve_confirmed(write.number, cx);
        }
        let what = if decided.is_new { EntryName::write(value) } else { EntryName::other(index) };
        let before = if index == 1 { 0 } else { EPOCH };
        cx.observe(Observation::Logged { by: EPOCH, index, epoch: EPOCH, before, what });
        cx.observe(Observation::Committed { index, epoch: EPOCH });
    }

    /// Takes what the order came to elsewhere, if that is more than is here.
    fn adopt(&mut self, snapshot: &Arc<Snapshot>, cx: &mut Context<Self>) {
        if snapshot.index <= self.store.index() {
            return;
        }
        let before: Vec<_> = snapshot.copy.iter().map(|(_, write)| (write.key, self.shown(write.key))).collect();
        self.recover(Record::Snapshot(snapshot.clone()), cx);
        self.inbox.skip_to(snapshot.index);
        self.put(Record::Snapshot(snapshot.clone()), cx);
        if let Standing::After(number) = self.store.standing(cx.me(), self.tentative.life) {
            self.serve_confirmed(number, cx);
        }
        before.into_iter().for_each(|(key, before)| self.tell(key, before, cx));
        cx.observe(Observation::Committed { index: snapshot.index, epoch: EPOCH });
        while let Some(write) = self.inbox.take() {
            self.take(write, cx);
        }
    }

    /// Takes up a record from disk.
    fn recover(&mut self, record: Record, cx: &Context<Self>) {
        match record {
            Record::Life(life) => self.tentative.life = life,
            Record::Made(write) => {
                self.hybrid.witness(write.stamp);
                self.tentative.push(write);
            }
            Record::Confirmed(index, write) => {
                if index == self.store.index() + 1 {
                    self.store.confirm(&write, self.options.waits());
                }
                self.hybrid.witness(write.stamp);
                if self.is_hub(cx) {
                    self.confirming.keep_again(index, write);
                }
            }
            Record::Snapshot(snapshot) => {
                self.store = Store::from(&*snapshot);
                snapshot.copy.iter().for_each(|(_, write)| self.hybrid.witness(write.stamp));
            }
        }
        if let Standing::After(number) = self.store.standing(cx.me(), self.tentative.life) {
            self.tentative.drop_to(number);
        }
    }

    /// Puts a record on disk. The log there grows with every write. Rewriting it once it is four times as long as what must be in it adds a
    /// third to what is written.
    fn put(&mut self, record: Record, cx: &mut Context<Self>) {
        cx.persist(record);
        self.logged += 1;
        let needed = self.store.len() + self.tentative.len() + self.confirming.len();
        if self.logged > LOG_MIN.max(4 * needed) {
            let records: Vec<Record> = self.order_records().chain(self.tentative_records()).collect();
            self.logged = records.len();
            cx.compact(records);
        }
    }

    /// Tells the monitors of a key of which this node showed something else before.
    fn tell(&self, key: Key, before: Option<Value>, cx: &mut Context<Self>) {
        match self.shown(key) {
            Some(value) if before != Some(value) => cx.observe(Observation::Applied { key, value }),
            _ => {}
        }
    }

    /// Tells the monitors what this node begins with, and what the design promises.
    fn tell_all(&self, cx: &mut Context<Self>) {
        for (key, value) in self.state().copy {
            cx.observe(Observation::Applied { key, value });
        }
        cx.observe(Observation::Promised(Promise::Copies(1)));
        let confirms = if self.options.waits() { self.options.report_every * REPORTS } else { Duration::ZERO };
        cx.observe(Observation::Promised(Promise::WritesWithin(ANSWERS_WITHIN + confirms)));
    }
}
