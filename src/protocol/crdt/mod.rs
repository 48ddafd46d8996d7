//! # Conflict-free replicated data types
//!
//! **Idea.** Every region changes its own copy of an object at once, and what regions tell each other is joined by a rule for which
//! order, repetition and grouping do not matter. Counters add up, sets keep what was added, and nobody waits.
//!
//! ```text
//! client       eu-west-1                  us-east-1
//!    │──add───────►│ number, apply, persist     │
//!    │◄────ok──────│                            │
//!                  │───────── Update ──────────►│ ship = "operation": at once, in causal order
//!                  │──────── Fragment ─────────►│ "delta": the keys that changed since the last; "state": all, every ship-every
//!                  │◄────────── Has ────────────│ what it has seen: an acknowledgement, or that it lacks what came before
//!
//!    bounded counter, when the rights here are used up:
//!    │──subtract──►│─────────── Ask ───────────►│ has rights that it does not use
//!    │             │◄─── Update or Fragment ────│ gives half of them away, on disk first
//!    │◄────ok──────│
//! ```
//!
//! **Claims.** Convergence, whatever the transport, under any fault after which disks have what they said they had. No acknowledged
//! operation is lost: counters add up to what clients were told, where no addition is asked of two nodes; an insertion is lost to no
//! removal that had not seen it; and of registers, `"lww-register"` discards what is concurrent with a later stamp, and
//! counts it. A bounded counter is never below zero, in no copy and no answer, and that is watched as it happens.
//!
//! **Does not claim.** Linearizability. That a counter adds up where a client that was not answered asks a second node: both add. That
//! a counter without rights stays above any bound: each side of a cut subtracts from what it knows. That a bounded counter can
//! always be taken from: who has no rights left asks those who have, and refuses while they are away.
//!
//! **Assumes.** Disks that keep what they synced: a node that forgot would number its updates anew.
//!
//! **Cost.** No one-way delay to read or write, but for rights that run out: one round trip. n-1 messages an update by operation; by
//! delta as many every `ship-every`, and as many answers; by state the same, with everything in each.
//!
//! **Source.** Shapiro, Preguiça, Baquero, Zawirski, *A comprehensive study of Convergent and Commutative Replicated Data Types*,
//! INRIA RR-7506, 2011 (the types); Almeida, Shoker, Baquero, *Delta State Replicated Data Types*, JPDC 111, 2018 (deltas, and
//! when one may be joined); Roh et al., JPDC 71(3), 2011 (RGA); Balegas et al., SRDS 2015 (the bounded counter); Baquero,
//! Almeida, Shoker, *Making Operation-Based CRDTs Operation-Based*, DAIS 2014 (causal stability).
//!
//! **Departures.** One vector of what a copy has seen serves all its objects, so that nothing has to be kept of what was removed. A delta is
//! the state of the keys that changed, not of their parts. Tombstones are kept by lists alone, for others insert behind them, and are
//! dropped when their removal is causally stable.
//!
//! **At its worst.** `scenarios/counter-escrow.toml`: a cut, and a counter that must not go below zero.
//!
//! Next: `options.rs`, then `counter.rs`.

mod carry;
mod counter;
mod dots;
mod list;
mod options;
mod rights;
mod store;
#[cfg(test)]
mod tests;

use std::cmp::Ordering;
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use crate::id::{ClientId, Key, NodeId, RegionId, Value};
use crate::op::{self, Item, Op, Refusal, Reply, Several};
use crate::time::{Duration, Time};
use crate::trace::{FaultKind, Observation, Promise};

use super::mutant::Mutant;
use super::{
    About, Claim, Content, Context, Dot, Flaw, Guarantee, HybridClock, OptionsError, Payload, Protocol, Request, Seat,
    Stamp, State, Table, VersionVector,
};
use store::{Lost, Store};

pub use counter::Counter;
pub use dots::{Dots, Element, Entry};
pub use options::{Options, Transport, Type};
pub use store::{Change, Fragment, Held, Object, Update};

/// The page in the zoo.
pub const ABOUT: About = About {
    name: "crdt",
    idea: "Active-active: every region changes its own copy of a counter, set, register or list, and copies are joined by a rule for \
           which order does not matter. A bounded counter gives regions rights to take from it, so that it is never below zero.",
    does_not_claim: "Linearizability; that a counter adds up where a client asks two nodes for one addition; that a bounded counter can \
                     be taken from while those who have the rights are away.",
    cost: "No one-way delay a read or write; a round trip where the rights to take have run out. n-1 messages an update, or every \
           ship-every.",
    source: "Shapiro et al., INRIA RR-7506, 2011; Almeida et al., JPDC 111, 2018; Roh et al., JPDC 71(3), 2011; Balegas et al., SRDS \
             2015.",
    worst: "scenarios/counter-escrow.toml",
};

/// One node.
#[derive(Clone, Debug, Hash)]
pub struct Crdt {
    options: Options,
    store: Store,
    /// Never behind a stamp that it has seen. Of registers alone.
    hybrid: HybridClock,
    carry: carry::Carry,
    /// The last request of each client that was carried out here.
    answered: BTreeMap<ClientId, u32>,
    /// Requests that wait for rights, and until when.
    waiting: VecDeque<(Time, Request<Crdt>)>,
    /// Records in the log on disk.
    logged: usize,
}

/// What nodes send each other.
#[derive(Clone, Debug, Hash)]
pub enum Message {
    /// Updates, each after all that it comes after.
    Updates(Vec<Arc<Update>>),
    /// The state of some keys, or of all.
    Fragment(Arc<Fragment>),
    /// What the sender has seen, and its disk has.
    Has {
        /// That.
        seen: VersionVector,
        /// What it wants for it.
        wants: Wants,
    },
    /// The sender has no rights left to take from a counter, and wants some.
    Ask(Key),
}

/// What a node wants that tells what it has seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Wants {
    /// Nothing: it has what was sent.
    Nothing,
    /// What it has not.
    Rest,
    /// That, and to be told what the receiver has seen.
    Answer,
}

const HEADER_BYTES: usize = 16;

impl Payload for Message {
    fn bytes(&self) -> u32 {
        let body = match self {
            Message::Updates(updates) => updates.iter().map(|update| update.bytes()).sum(),
            Message::Fragment(fragment) => fragment.bytes(),
            Message::Has { seen, .. } => 1 + seen.bytes(),
            Message::Ask(_) => 4,
        };
        (HEADER_BYTES + body) as u32
    }
}

/// What a node waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Timer {
    /// What is new is sent to those who may lack it.
    Ship,
    /// One peer is told what this node has seen.
    Gossip,
    /// A request has waited for long enough.
    Patience,
}

/// What is on disk.
#[derive(Clone, Debug, Hash)]
pub enum Record {
    /// An update, this node's own or another's.
    Update(Arc<Update>),
    /// What was joined.
    Joined(Arc<Fragment>),
    /// The last request of each client that was carried out.
    Answered(BTreeMap<ClientId, u32>),
}

/// A node that is up answers within its patience: clients need as long to find one again.
const ANSWERS_WITHIN: Duration = Duration::secs(5);

impl Protocol for Crdt {
    type Message = Message;
    type Timer = Timer;
    type Record = Record;
    type Session = ();
    type Options = Options;

    fn seats(options: &Options, regions: &[&str]) -> Result<Vec<Seat>, OptionsError> {
        for (option, period) in [("ship-every", options.ship_every), ("gossip-every", options.gossip_every)] {
            if period < Duration::SHORTEST_PERIOD {
                let why = "nodes cannot tell it all the time; write 1ms or longer, for example \"100ms\"".into();
                return Err(OptionsError { option, why });
            }
        }
        Ok((0..regions.len()).map(|region| Seat::replica(RegionId(region as u16))).collect())
    }

    fn objects(options: &Options) -> &'static [op::Object] {
        options.what.objects()
    }

    fn claims(options: &Options) -> Vec<Claim> {
        let under = match options.what.objects() {
            [op::Object::Counter] => Claim::DISKS_KEEP.without(&[FaultKind::Duplicate]),
            _ => Claim::NO_REQUEST_COMES_LATE,
        };
        vec![
            Claim { guarantee: Guarantee::Convergence, under: Claim::DISKS_KEEP },
            Claim { guarantee: Guarantee::NoAcknowledgedWriteLost, under },
        ]
    }

    fn start(options: &Options, recovered: Vec<Record>, cx: &mut Context<Self>) -> Self {
        let mut node = Crdt {
            options: options.clone(),
            store: Store::new(options.what),
            hybrid: HybridClock::default(),
            carry: carry::Carry::default(),
            answered: BTreeMap::new(),
            waiting: VecDeque::new(),
            logged: recovered.len(),
        };
        recovered.into_iter().for_each(|record| node.recover(record, cx.me()));
        cx.observe(Observation::Promised(Promise::Copies(1)));
        if options.what == Type::BoundedCounter {
            cx.observe(Observation::Promised(Promise::AtLeast(0)));
        } else {
            cx.observe(Observation::Promised(Promise::WritesWithin(ANSWERS_WITHIN)));
        }
        // First at random moments, so that nodes that start together do not speak together.
        for (timer, period) in [(Timer::Ship, options.ship_every), (Timer::Gossip, options.gossip_every)] {
            if timer == Timer::Gossip || options.transport != Transport::Operation {
                let first = cx.random_between(Duration::ZERO, period);
                cx.set_timer(timer, first);
            }
        }
        node
    }

    fn on_request(&mut self, request: Request<Self>, cx: &mut Context<Self>) {
        let op = request.op;
        if let Op::Read(key) = op {
            return cx.reply(request.id, self.read(key));
        }
        if !self.does(&op) {
            return cx.refuse(request.id, Refusal::Unsupported);
        }
        let last = self.answered.get(&request.id.client).copied().unwrap_or(0);
        match request.id.sequence.cmp(&last) {
            Ordering::Less => cx.refuse(request.id, Refusal::Unavailable), // its client has moved on
            Ordering::Equal => cx.reply(request.id, Reply::Written),
            Ordering::Greater => self.carry_out(request, cx),
        }
    }

    fn on_message(&mut self, from: NodeId, message: Message, cx: &mut Context<Self>) {
        match message {
            Message::Updates(updates) => self.receive(from, updates, cx),
            Message::Fragment(fragment) => self.join(from, fragment, cx),
            Message::Has { seen, wants } => self.heard(from, seen, wants, cx),
            Message::Ask(key) => self.give(key, from, cx),
        }
    }

    fn on_timer(&mut self, timer: Timer, cx: &mut Context<Self>) {
        match timer {
            Timer::Ship => {
                self.ship_to_all(cx);
                cx.set_timer(Timer::Ship, self.options.ship_every);
            }
            Timer::Gossip => {
                self.gossip(cx);
                cx.set_timer(Timer::Gossip, self.options.gossip_every);
            }
            Timer::Patience => self.serve_waiting(cx),
        }
    }

    fn state(&self) -> State {
        let is_there = |(_, content): &(Key, Content)| *content != Content::Values(Vec::new());
        State::serving([]).with(self.store.contents().filter(is_there))
    }
}

impl Crdt {
    /// Whether it has this flaw: never, without the feature `mutants`.
    fn mutated(&self, mutant: Mutant) -> bool {
        self.options.mutant.is(mutant)
    }

    fn does(&self, op: &Op) -> bool {
        match (op, self.options.what) {
            (Op::Add { amount, .. }, Type::GCounter) => *amount >= 0,
            (Op::Add { .. }, Type::PnCounter | Type::BoundedCounter) => true,
            (Op::Insert { .. } | Op::Remove { .. }, Type::OrSet | Type::Rga) => true,
            (Op::Write(..), Type::LwwRegister | Type::MvRegister) => true,
            _ => false,
        }
    }

    fn read(&self, key: Key) -> Reply {
        let content = self.store.content_of(key);
        match (self.options.what, content) {
            (Type::GCounter | Type::PnCounter | Type::BoundedCounter, content) => match content {
                Some(Content::Amount(amount)) => Reply::Amount(amount),
                _ => Reply::Amount(0),
            },
            (Type::OrSet, _) => Reply::Items(self.items(key).map(|(_, item, _)| item).collect()),
            (Type::LwwRegister | Type::MvRegister, Some(Content::Values(values))) if values.len() > 1 => {
                Reply::Several(Several::of(values))
            }
            (Type::LwwRegister | Type::MvRegister, Some(Content::Values(values))) => {
                Reply::Read(values.first().copied())
            }
            (Type::LwwRegister | Type::MvRegister, _) => Reply::Read(None),
            (Type::Rga, Some(Content::Values(values))) => Reply::Several(Several::of(values)),
            (Type::Rga, _) => Reply::Several(Several::default()),
        }
    }

    /// The entries of a set.
    fn items(&self, key: Key) -> impl Iterator<Item = (Dot, Item, Value)> + '_ {
        let entries = self.store.dots(key).into_iter().flat_map(Dots::iter);
        entries.filter_map(|(dot, entry)| match entry {
            Entry::Item(item, name) => Some((dot, *item, *name)),
            _ => None,
        })
    }

    /// Carries out an operation that this type has, and for which there are rights, if it needs some.
    fn carry_out(&mut self, request: Request<Self>, cx: &mut Context<Self>) {
        let key = request.op.key();
        let (change, name) = match request.op {
            Op::Add { amount, name, .. } => {
                if self.options.what == Type::BoundedCounter && amount < 0 && !self.has_rights(key, -amount, cx) {
                    return self.want_rights(request, -amount, cx);
                }
                let left = self.store.counter(key).map_or(0, Counter::amount);
                if self.options.look_first && left + amount < 0 {
                    return cx.reply(request.id, Reply::Short(left));
                }
                (Some(Change::Add(amount)), name)
            }
            Op::ReadRow { .. } | Op::Put { .. } | Op::Next { .. } => {
                return cx.refuse(request.id, Refusal::Unsupported);
            }
            Op::Write(_, value) => {
                let stamp = self.hybrid.tick(cx.now(), cx.me());
                let known = self.store.dots(key).into_iter().flat_map(Dots::iter);
                (Some(Change::Put(Entry::Version(value, stamp), known.map(|(dot, _)| dot).collect())), value)
            }
            Op::Insert { item, name, .. } if self.options.what == Type::OrSet => {
                let known = self.items(key).filter(|(_, other, _)| *other == item);
                (Some(Change::Put(Entry::Item(item, name), known.map(|(dot, ..)| dot).collect())), name)
            }
            Op::Remove { item, name, .. } if self.options.what == Type::OrSet => {
                let known = self.items(key).filter(|(_, other, _)| *other == item).map(|(dot, ..)| dot);
                let known: Vec<Dot> = known.collect();
                ((!known.is_empty()).then_some(Change::Take(known)), name)
            }
            Op::Insert { item, name, .. } => {
                let order = self.store.dots(key).map_or(Vec::new(), list::order);
                let before = usize::from(item.0).min(order.len()).checked_sub(1);
                let turn = self.store.dots(key).map_or(1, list::next_turn);
                let element = Element { name, after: before.map(|place| order[place].0), turn, gone: None };
                (Some(Change::Put(Entry::Element(element), Vec::new())), name)
            }
            Op::Remove { item, name, .. } => {
                let order = self.store.dots(key).map_or(Vec::new(), list::order);
                let place = order.get(usize::from(item.0)).or(order.last());
                (place.map(|(dot, _)| Change::Bury(*dot)), name)
            }
            Op::Read(_) | Op::CompareAndSet { .. } => unreachable!("this is asked of no such type"),
        };
        self.answered.insert(request.id.client, request.id.sequence);
        if let Some(change) = change {
            self.tell(key, name, &change, cx);
            self.make(key, change, Some((request.id.client, request.id.sequence)), cx);
        }
        cx.observe(Observation::Stored { value: name });
        cx.reply(request.id, Reply::Written);
    }

    /// Tells the monitors what an operation is about to do in the knowledge of what.
    fn tell(&self, key: Key, by: Value, change: &Change, cx: &mut Context<Self>) {
        let name = |dot: &Dot| self.store.dots(key).and_then(|dots| dots.get(*dot)).map(Entry::name);
        match change {
            Change::Add(_) | Change::Give(..) => cx.observe(Observation::Added { key, value: by }),
            Change::Put(_, replaced) => {
                cx.observe(Observation::Added { key, value: by });
                for value in replaced.iter().filter_map(name).filter(|value| *value != by) {
                    cx.observe(Observation::Replaced { key, value, by });
                }
            }
            Change::Take(_) | Change::Bury(_) => {
                let taken = if let Change::Take(taken) = change { &taken[..] } else { &[] };
                let buried = if let Change::Bury(buried) = change { std::slice::from_ref(buried) } else { &[] };
                for value in taken.iter().chain(buried).filter_map(name) {
                    cx.observe(Observation::Removed { key, value, by });
                }
            }
        }
    }

    /// Makes an update, keeps it, and sends it on.
    fn make(&mut self, key: Key, change: Change, asked: Option<(ClientId, u32)>, cx: &mut Context<Self>) {
        let past = self.store.seen().clone();
        let update = Arc::new(Update { dot: past.next(cx.me()), past, key, change, asked });
        self.take(&update, cx);
        self.send_on(&update, cx);
    }

    /// Carries an update out whose past is here, and keeps it.
    fn take(&mut self, update: &Arc<Update>, cx: &mut Context<Self>) {
        if let Change::Put(Entry::Version(_, stamp), _) = &update.change {
            self.hybrid.witness(*stamp);
        }
        let lost = self.store.apply(update);
        self.tell_lost(lost, cx);
        self.persist(Record::Update(update.clone()), cx);
        if self.options.transport == Transport::Operation {
            self.carry.keep(update.clone());
        }
    }

    fn tell_lost(&self, lost: Vec<Lost>, cx: &mut Context<Self>) {
        for (key, lost, kept) in lost {
            cx.observe(Observation::Conflict { key, lost, kept });
        }
    }

    fn recover(&mut self, record: Record, me: NodeId) {
        match record {
            Record::Update(update) => {
                if !self.store.seen().has(update.dot) {
                    self.store.apply(&update);
                }
                if let Change::Put(Entry::Version(_, stamp), _) = &update.change {
                    self.hybrid.witness(*stamp);
                }
                if let Some((client, sequence)) = update.asked.filter(|_| update.dot.node == me) {
                    self.answered.insert(client, sequence);
                }
                if self.options.transport == Transport::Operation {
                    self.carry.keep(update);
                }
            }
            Record::Joined(fragment) => {
                self.witness(&fragment);
                self.store.join(&fragment);
                self.carry.forget_updates();
            }
            Record::Answered(answered) => self.answered = answered,
        }
    }

    fn witness(&mut self, fragment: &Fragment) {
        for (_, held) in &fragment.objects {
            let Object::Dots(dots) = &held.object else { continue };
            for (_, entry) in dots.iter() {
                if let Entry::Version(_, stamp) = entry {
                    self.hybrid.witness(*stamp);
                }
            }
        }
    }

    /// Puts a record on disk. The log grows with every update, and the copy only with every key: rewriting it once it is four times
    /// as long adds a third to what is written; a short log is left alone.
    fn persist(&mut self, record: Record, cx: &mut Context<Self>) {
        cx.persist(record);
        self.logged += 1;
        if self.logged > 64.max(4 * (self.store.len() + self.carry.kept())) {
            let copy = Record::Joined(Arc::new(self.store.whole()));
            let kept = self.carry.updates().cloned().map(Record::Update);
            let records: Vec<Record> =
                [copy, Record::Answered(self.answered.clone())].into_iter().chain(kept).collect();
            self.logged = records.len();
            cx.compact(records);
        }
    }
}
