//! Invariants, each checked at the event that breaks it, from what protocols observe and what the world sees.
//!
//! [`Invariants`] is told everything, in the order of events and in true time, and changes nothing. It takes `O(1)` for
//! an observation, amortised, and keeps some bytes for each write and each entry of a log. Of whom an invariant is
//! asked: of every design that tells what it is about, except for those that need a promise ([`Observation::Promised`])
//! or a claim, which the world [asks](Invariants::ask) for. The first [`Breach`] of each is kept.
//!
//! | file | invariants |
//! |---|---|
//! | `logs.rs` | log matching, leader completeness, state-machine safety |
//! | `epochs.rs` | term and vote monotone, fencing |
//! | `leases.rs` | lease exclusivity |
//! | `versions.rs`, `sessions.rs` | exactly once, no resurrection, conflicting acknowledgements, sessions |
//! | `copies.rs` | durability contract, divergent branches |
//! | `deliveries.rs` | causal delivery |
//! | `merges.rs` | strong eventual consistency |
//! | `liveness.rs` | liveness after heal |
//! | here | election safety, dual serving, acknowledged writes lost (`leaders.rs`, `writers.rs` and `lineage/` tell), thin air, and the world's own: messages and time |
//!
//! Next: `kinds.rs`.

mod breaches;
mod copies;
mod deliveries;
mod epochs;
mod kinds;
mod leases;
mod liveness;
mod logs;
mod merges;
mod sessions;
mod versions;

pub use breaches::Breach;
pub use kinds::{Ground, Invariant};

use std::hash::{Hash, Hasher};
use std::ops::RangeInclusive;
use std::sync::Arc;

use crate::check::rows::Fracture;
use crate::id::{ClientId, GroupId, Key, NodeId, Renaming, Value};
use crate::op::{Item, Row};
use crate::time::{Duration, Time};
use crate::trace::{Observation, Promise};

use breaches::Breaches;
use copies::Copies;
use deliveries::Deliveries;
use epochs::Epochs;
use leases::Lease;
use liveness::Liveness;
use logs::Logs;
use merges::Merges;
use versions::{Order, Taker, Versions};

/// Who saw something, and when. Two numbers, so that it travels in registers: it is told of everything that is observed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seen {
    /// True time.
    pub at: Time,
    /// The node, its group, and whether it leads.
    by: u64,
}

impl Seen {
    /// This node of this group sees it, and whether that leads, as it said itself.
    #[inline]
    pub fn new(at: Time, node: NodeId, group: GroupId, leads: bool) -> Seen {
        Seen { at, by: u64::from(node.0) | u64::from(group.0) << 16 | u64::from(leads) << 32 }
    }

    /// The node.
    #[inline]
    pub fn node(self) -> NodeId {
        NodeId(self.by as u16)
    }

    /// Its group.
    #[inline]
    pub fn group(self) -> GroupId {
        GroupId((self.by >> 16) as u16)
    }

    /// Whether it leads.
    #[inline]
    pub fn leads(self) -> bool {
        self.by >> 32 != 0
    }
}

/// A node, as the invariants know it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Watched {
    /// Its name.
    pub name: Arc<str>,
    /// Its group.
    pub group: GroupId,
    /// Its place in the group.
    pub seat: usize,
}

/// A node's place in its group, as a bit of a set.
#[derive(Clone, Copy, Debug)]
struct Seat {
    bit: u64,
}

/// A group has at most so many nodes, or the invariants that need sets of them are not asked.
const SEATS_MAX: usize = 63;

/// What the messages of a run came to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Mail {
    /// Sent, those to oneself included.
    pub sent: u64,
    /// Handled.
    pub delivered: u64,
    /// Lost to cuts, loss, and nodes that are down.
    pub lost: u64,
    /// Under way or waiting at the end.
    pub left: u64,
}

/// Where a value that was read came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// Somebody asked for it to be written to that key, or it is no value at all.
    Asked,
    /// Somebody did, and was told that it had failed.
    Failed,
    /// Somebody did, in place of another value, and was told that it was not there.
    Denied,
    /// Nobody did.
    Nowhere,
}

/// All invariants of a run.
#[derive(Clone, Debug, Default)]
pub struct Invariants {
    breaches: Breaches,
    seats: Vec<Seat>,
    /// By node.
    epochs: Vec<Epochs>,
    /// By group.
    logs: Vec<Logs>,
    leases: Vec<Lease>,
    copies_promised: Vec<u16>,
    copies: Copies,
    versions: Versions,
    deliveries: Deliveries,
    merges: Merges,
    liveness: Liveness,
    /// What no counter is to be below.
    bound: Option<i64>,
    /// For how long at most what a read shows was overwritten.
    fresh_within: Option<Duration>,
}

impl Invariants {
    /// For a run with these nodes.
    pub fn new(nodes: &[Watched]) -> Invariants {
        let mut invariants = Invariants::default();
        invariants.begin_anew(nodes);
        invariants
    }

    /// Forgets everything, and begins anew with the memory it has, for a run with these nodes.
    pub fn begin_anew(&mut self, nodes: &[Watched]) {
        let groups = nodes.iter().map(|node| node.group.index() + 1).max().unwrap_or(0);
        self.breaches.begin_anew(nodes.iter().map(|node| (node.name.clone(), node.group)).collect());
        self.seats.clear();
        self.seats.extend(nodes.iter().map(|node| Seat { bit: 1 << (node.seat % SEATS_MAX) }));
        self.epochs.clear();
        self.epochs.resize(nodes.len(), Epochs::default());
        self.logs.resize(groups, Logs::default());
        self.logs.iter_mut().for_each(Logs::begin_anew);
        self.leases.clear();
        self.leases.resize(groups, Lease::default());
        self.copies_promised.clear();
        self.copies_promised.resize(groups, 0);
        self.copies.begin_anew();
        self.versions.begin_anew();
        self.deliveries.begin_anew(nodes.len());
        self.merges.begin_anew(nodes.len());
        self.liveness = Liveness::default();
        (self.bound, self.fresh_within) = (None, None);
        for always in [Invariant::ThinAir, Invariant::MessageConservation, Invariant::TimeCausality] {
            self.breaches.ask(always);
        }
    }

    /// The design claims what this invariant says.
    pub fn ask(&mut self, invariant: Invariant) {
        self.breaches.ask(invariant);
    }

    /// Whether this invariant is asked of the run.
    pub fn asks(&self, invariant: Invariant) -> bool {
        self.breaches.asks(invariant)
    }

    /// Whether this invariant is asked of the run, and was not broken so far.
    pub fn is_whole(&self, invariant: Invariant) -> bool {
        self.breaches.asks(invariant) && !self.breaches.has(invariant)
    }

    /// Whether anything was broken.
    pub fn is_broken(&self) -> bool {
        !self.breaches.is_empty()
    }

    /// Hashes all that later breaches depend on, but for true time: leases and liveness.
    pub fn hash_memory(&self, into: &mut impl Hasher) {
        (self.breaches.bits(), &self.epochs, &self.logs, &self.copies_promised).hash(into);
        (&self.copies, &self.versions, &self.deliveries, &self.merges).hash(into);
    }

    /// Calls the nodes of its only group, each of which has the seat of its number, otherwise. In words they keep their names.
    pub fn rename(&mut self, renaming: &Renaming) {
        renaming.reorder(&mut self.epochs);
        self.epochs.iter_mut().for_each(|epochs| epochs.rename(renaming));
        self.logs.iter_mut().for_each(|logs| logs.rename(renaming));
        self.copies.rename(renaming);
        self.versions.rename(renaming);
        self.deliveries.rename(renaming);
        self.merges.rename(renaming);
    }

    /// The invariants that were asked of the run, in the order of [`Invariant::ALL`].
    pub fn asked(&self) -> Vec<Invariant> {
        self.breaches.asked().collect()
    }

    /// What was broken, in the order of [`Invariant::ALL`].
    pub fn breaches(&self) -> Vec<Breach> {
        self.breaches.found()
    }

    /// A node observed something that is no write to its copy: for that see [`applied`](Invariants::applied),
    /// [`merged`](Invariants::merged) and [`rolled_back`](Invariants::rolled_back). A lease's span is one of true time
    /// here.
    #[inline]
    pub fn observed(&mut self, seen: Seen, observation: &Observation) {
        let (into, node, group) = (&mut self.breaches, seen.node().index(), seen.group().index());
        match *observation {
            Observation::Logged { by, index, epoch, before, what } => {
                into.ask(Invariant::LogMatching);
                into.ask(Invariant::Fencing);
                self.epochs[node].took(seen, by, index, into);
                self.logs[group].logged(seen, index, epoch, before, what, into);
                if let Some(value) = what.written() {
                    self.copies.stored(self.seats[node], value);
                }
            }
            Observation::Committed { index, epoch } => {
                into.ask(Invariant::StateMachineSafety);
                self.logs[group].committed(seen, index, epoch, into);
            }
            Observation::Stored { value } => self.copies.stored(self.seats[node], value),
            _ => self.observed_rarely(seen, observation),
        }
    }

    fn observed_rarely(&mut self, seen: Seen, observation: &Observation) {
        let (into, node, group) = (&mut self.breaches, seen.node().index(), seen.group().index());
        match *observation {
            Observation::Promised(promise) => self.promised(seen, promise),
            Observation::Entered { epoch } => {
                into.ask(Invariant::VoteMonotone);
                self.epochs[node].entered(seen, epoch, into);
            }
            Observation::Voted { epoch, candidate } => {
                into.ask(Invariant::VoteMonotone);
                self.epochs[node].voted(seen, epoch, candidate, into);
            }
            Observation::Elected { epoch, index, last } => {
                into.ask(Invariant::LeaderCompleteness);
                self.logs[group].elected(seen, epoch, index, last, into);
            }
            Observation::Leased { lasts, .. } => {
                into.ask(Invariant::LeaseExclusivity);
                self.leases[group].granted(seen, seen.at + lasts, into);
            }
            Observation::SteppedDown { .. } => self.leases[group].ended(seen.node()),
            Observation::Delivered { origin, number } => {
                into.ask(Invariant::CausalDelivery);
                self.deliveries.delivered(seen, origin, number, into);
            }
            Observation::Recovered { origin, number } => self.deliveries.recovered(seen.node(), origin, number),
            _ => {}
        }
    }

    fn promised(&mut self, seen: Seen, promise: Promise) {
        let fits = self.seats.len() <= SEATS_MAX * self.logs.len();
        match promise {
            Promise::Copies(copies) if fits => {
                self.breaches.ask(Invariant::DurabilityContract);
                let promised = &mut self.copies_promised[seen.group().index()];
                *promised = copies.max(*promised);
            }
            Promise::Once if fits => {
                self.breaches.ask(Invariant::ExactlyOnce);
                self.breaches.ask(Invariant::NoResurrection);
            }
            Promise::AtLeast(bound) => {
                self.breaches.ask(Invariant::CounterBound);
                self.bound = Some(bound);
            }
            Promise::FreshWithin(span) => {
                self.breaches.ask(Invariant::BoundedStaleness);
                self.fresh_within = Some(span);
            }
            Promise::OneOrder => self.breaches.ask(Invariant::NoLongFork),
            Promise::WholePuts => self.breaches.ask(Invariant::AtomicVisibility),
            Promise::WritesWithin(span) => {
                self.breaches.ask(Invariant::LivenessAfterHeal);
                self.liveness.promise(span);
            }
            _ => {}
        }
    }

    /// A copy that held `before` took a write to `key`.
    #[inline]
    pub fn applied(&mut self, seen: Seen, key: Key, value: Value, before: Option<Value>) {
        let order = [Invariant::ExactlyOnce, Invariant::ConflictingAcks, Invariant::Session];
        if order.iter().any(|invariant| self.breaches.asks(*invariant)) {
            let node = seen.node().index();
            let order = Order::of(self.epochs[node].followed(), seen.leads());
            let by = Taker { seen, seat: self.seats[node], order };
            self.versions.applied(&by, key, value, before, &mut self.breaches);
        }
    }

    /// A copy took a write out again.
    pub fn rolled_back(&mut self, seen: Seen, value: Value) {
        let seat = self.seats[seen.node().index()];
        self.versions.rolled_back(seat, value);
        self.copies.rolled_back(seen, seat, value, &mut self.breaches);
    }

    /// A copy merged a write, and holds this now.
    pub fn merged(&mut self, seen: Seen, key: Key, update: u64, held: Option<Value>) {
        self.breaches.ask(Invariant::StrongConvergence);
        self.merges.merged(seen, key, update, held, &mut self.breaches);
    }

    /// A node takes office in an epoch which `rival` leads, too, if anybody does.
    pub fn took_office(&mut self, seen: Seen, epoch: u64, rival: Option<NodeId>) {
        self.breaches.ask(Invariant::ElectionSafety);
        if let Some(rival) = rival {
            self.breaches.note(Invariant::ElectionSafety, seen.at, &[rival, seen.node()], |names| {
                let [rival, node] = [rival, seen.node()].map(|node| names.name(node));
                format!("{node} leads epoch {epoch}, and so does {rival}")
            });
        }
    }

    /// A node answers that a write is done. When it answers: its client hears later.
    pub fn acknowledged(&mut self, seen: Seen, key: Key, value: Value) {
        let promised = self.copies_promised[seen.group().index()];
        self.copies.acknowledged(seen, value, promised, &mut self.breaches);
        if self.breaches.asks(Invariant::ConflictingAcks) {
            self.versions.acknowledged(seen, key, value, &mut self.breaches);
        }
    }

    /// For so long two leaders have both acknowledged writes, now that this one did. Told while that
    /// [is whole](Invariants::is_whole): what overlaps once goes on to.
    pub fn overlapped(&mut self, at: Time, node: Option<NodeId>, overlap: Duration) {
        if !overlap.is_zero() {
            self.breaches.note(Invariant::DualServing, at, node.as_slice(), |names| match node {
                Some(node) => format!("{} and another leader both acknowledged writes for {overlap}", names.name(node)),
                None => format!("two leaders both acknowledged writes for {overlap}"),
            });
        }
    }

    /// A client heard what a key holds, from this node, and where that came from. Where there may be two leaders, or a disk may
    /// forget, one may have done what the other denied: only designs whose reads and writes are as if of one are asked.
    pub fn read(&mut self, at: Time, node: NodeId, client: ClientId, key: Key, value: Option<Value>, origin: Origin) {
        let why = match origin {
            Origin::Asked => None,
            Origin::Denied if !self.breaches.asks(Invariant::ConflictingAcks) => None,
            Origin::Failed | Origin::Denied => Some("whose write had failed"),
            Origin::Nowhere => Some("which nobody wrote there"),
        };
        if let (Some(why), Some(value)) = (why, value) {
            self.breaches.note(Invariant::ThinAir, at, &[node], |names| {
                format!("{} tells {client} of {value} for {key}, {why}", names.name(node))
            });
        }
        self.told(at, node, client, key, value);
    }

    /// A client heard that this value is one of several.
    pub fn showed(&mut self, at: Time, node: NodeId, client: ClientId, key: Key, value: Value, origin: Origin) {
        if origin == Origin::Nowhere {
            self.breaches.note(Invariant::ThinAir, at, &[node], |names| {
                format!("{} tells {client} of {value} for {key}, which nobody wrote there", names.name(node))
            });
        }
    }

    /// A client heard what a counter comes to, which is one of these if nothing is wrong.
    pub fn counted(
        &mut self,
        at: Time,
        node: NodeId,
        client: ClientId,
        key: Key,
        amount: i64,
        possible: &RangeInclusive<i64>,
    ) {
        if !possible.contains(&amount) {
            let (low, high) = (possible.start(), possible.end());
            self.breaches.note(Invariant::ThinAir, at, &[node], |names| {
                let node = names.name(node);
                format!(
                    "{node} tells {client} that {key} comes to {amount}, and all that was asked to {low} up to {high}"
                )
            });
        }
        self.held(at, node, key, amount);
    }

    /// A node holds a counter, which comes to this.
    pub fn held(&mut self, at: Time, node: NodeId, key: Key, amount: i64) {
        if let Some(bound) = self.bound.filter(|bound| amount < *bound) {
            self.breaches.note(Invariant::CounterBound, at, &[node], |names| {
                format!("{key} comes to {amount} in {}, and is never to be below {bound}", names.name(node))
            });
        }
    }

    /// A client was shown some part of a put without the rest.
    pub fn fractured(&mut self, at: Time, node: NodeId, client: ClientId, row: Row, fracture: Fracture) {
        self.breaches.note(Invariant::AtomicVisibility, at, &[node], |names| {
            let ((key, column), (_, other)) = (fracture.shown.0.of_cell(), fracture.beside.0.of_cell());
            let beside = fracture.beside.1.map_or("nothing".to_string(), |value| value.to_string());
            let (node, value) = (names.name(node), fracture.shown.1);
            format!("{node} shows {client} {row} for {key}: {value} in c{column}, and {beside} in c{other}, where the same put wrote too")
        });
    }

    /// A client was shown a row of which an earlier read had shown two puts in the opposite order.
    pub fn forked(&mut self, at: Time, node: NodeId, client: ClientId, key: Key, row: Row) {
        self.breaches.note(Invariant::NoLongFork, at, &[node], |names| {
            let node = names.name(node);
            format!("{node} shows {client} {row} for {key}: one column later and one earlier than another read of it showed them")
        });
    }

    /// A client heard of a value that had been overwritten for so long when it asked.
    pub fn was_stale(&mut self, at: Time, node: NodeId, key: Key, behind: Duration) {
        if let Some(bound) = self.fresh_within.filter(|bound| behind > *bound) {
            self.breaches.note(Invariant::BoundedStaleness, at, &[node], |names| {
                let node = names.name(node);
                format!(
                    "{node} shows of {key} what was overwritten {behind} before it was asked for, and promises {bound}"
                )
            });
        }
    }

    /// A client heard that a set has an item which nobody asked to insert.
    pub fn made_up(&mut self, at: Time, node: NodeId, client: ClientId, key: Key, item: Item) {
        self.breaches.note(Invariant::ThinAir, at, &[node], |names| {
            format!("{} tells {client} of {item} in {key}, which nobody inserted", names.name(node))
        });
    }

    /// A client heard that its write is done.
    #[inline]
    pub fn told(&mut self, at: Time, node: NodeId, client: ClientId, key: Key, value: Option<Value>) {
        if self.breaches.asks(Invariant::Session) {
            self.versions.told(at, node, client, key, value, &mut self.breaches);
        }
    }

    /// A write that was begun then was answered.
    #[inline]
    pub fn answered(&mut self, begun: Time) {
        self.liveness.answered(begun);
    }

    /// A write that was begun then ended without an answer.
    pub fn unanswered(&mut self, begun: Time, at: Time) {
        self.liveness.unanswered(begun, at, &mut self.breaches);
    }

    /// Something is broken from now on.
    pub fn broke(&mut self) {
        self.liveness.broke();
    }

    /// Nothing is broken any more.
    pub fn healed(&mut self, at: Time) {
        self.liveness.healed(at);
    }

    /// Whether some disk holds this write, as nodes observed.
    pub fn is_on_a_disk(&self, value: Value) -> bool {
        self.copies.is_on_a_disk(value)
    }

    /// A node is down.
    pub fn crashed(&mut self, group: GroupId, node: NodeId) {
        self.leases[group.index()].ended(node);
        self.versions.crashed(self.seats[node.index()], |value| self.copies.is_on_a_disk(value));
        self.deliveries.crashed(node);
        self.merges.crashed(node);
    }

    /// A disk of this group lost what it had said it has: from here on the group is not held to what
    /// [rests](Invariant::rests_on) on disks.
    pub fn forgot(&mut self, group: GroupId) {
        self.breaches.excuse(group, Ground::Disks);
    }

    /// A fault set the clock of a node of this group: from here on the group is not held to what rests on clocks.
    pub fn lost_its_time(&mut self, group: GroupId) {
        self.breaches.excuse(group, Ground::Clocks);
    }

    /// At the end: an acknowledged write is gone, as `why` says.
    pub fn lost(&mut self, at: Time, why: impl FnOnce() -> String) {
        self.breaches.note(Invariant::AckedWriteLost, at, &[], |_| why());
    }

    /// At the end: what became of the messages.
    pub fn mail(&mut self, at: Time, mail: Mail) {
        let Mail { sent, delivered, lost, left } = mail;
        if sent != delivered + lost + left {
            self.breaches.note(Invariant::MessageConservation, at, &[], |_| {
                format!("{sent} messages were sent; {delivered} were delivered, {lost} lost, and {left} are left")
            });
        }
    }

    /// An event was popped that is before the present.
    #[cold]
    pub fn went_back(&mut self, now: Time, at: Time) {
        self.breaches.note(Invariant::TimeCausality, now, &[], |_| format!("an event of {at} happens after {now}"));
    }

    /// So many messages were faster than their links allow.
    pub fn outran(&mut self, at: Time, messages: u64) {
        if messages > 0 {
            let why = |_: &Breaches| format!("{messages} messages were faster than their links allow");
            self.breaches.note(Invariant::TimeCausality, at, &[], why);
        }
    }
}
