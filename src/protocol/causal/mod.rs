//! # Causal
//!
//! **Idea.** Every region writes to its own copy at once, and ships each write with all that it comes after; elsewhere a write
//! is shown only once its past is there. A client carries a token, what it has seen, and a region that has less lets it wait.
//!
//! ```text
//! client       eu-central-1                us-east-1                    ap-northeast-1
//!    │──write─────►│ number, stamp, persist     │                              │
//!    │◄──ok, token─│─────────── Write ─────────►│ its past is here: taken      │
//!    │             │─────────── Write ──────────┼──────────── late ──────────► │
//!    │──read, token──────────────────────────►  │───── a later Write ─────────►│ early: waits for the first
//!                  │                            │◄──────── Summary ────────────│ after ask-after: what it has
//!                  │                            │───────── Writes ────────────►│ all that it lacks, in order
//! ```
//!
//! **Claims.** Causal consistency with convergence (CCv), in the words of the judges *causal-convergence*, and with it the four
//! session guarantees, also for a client that moves with its token: as long as no write is carried out by two nodes, as below.
//! Each copy takes writes in causal order, which is watched as it happens. Convergence, once the network is whole and the
//! clocks have caught up. No acknowledged write is lost but to a concurrent one, and that loss is counted, where no
//! request comes late or twice, as below. All this under any fault after which disks have what they said they had, the last two where
//! no fault sets clocks apart.
//!
//! **Does not claim.** Linearizability: a read tells what has arrived. That an acknowledged write survives a concurrent one:
//! it is discarded, and [`Observation::Conflict`] says so. That a client which moves without its token finds what it wrote. A
//! compare-and-set is refused. A client that was not answered and asks another node may have its write carried out twice, each
//! with a past of its own, and the later may win over what it wrote itself in between; a node that has taken the first knows
//! the second by its request's number, and does nothing. With several groups all this holds within each.
//!
//! **Assumes.** Disks that keep what they synced: a node that forgot would number its writes anew. Clocks that differ by
//! less than `max-offset`: what is stamped further ahead waits, with all that comes after it, until the receiver's clock is there.
//!
//! **Cost.** No one-way delay to read or write, n-1 messages a write with 10 bytes for each node in its past. A client that has
//! just moved waits until what it has seen arrives: one one-way delay at most, where nothing is lost. With `ship = "after-previous"`
//! a write is on every disk after one to two round trips to the farthest. A node keeps a write
//! until every other is known to have it; so a region that is cut off costs memory everywhere.
//!
//! **Source.** Lloyd, Freedman, Kaminsky, Andersen, *Don't Settle for Eventual*, SOSP 2011 (causal+: causal consistency and
//! convergent conflict handling); Ladin, Liskov, Shrira, Ghemawat, *Providing High Availability Using Lazy Replication*, TOCS
//! 10(4), 1992 (vectors, gossip, and clients that carry them); Petersen et al., *Flexible Update Propagation for Weakly Consistent
//! Replication*, SOSP 1997 (anti-entropy by vectors, logs that are cut, state sent where they are); Terry et al., *Session
//! Guarantees for Weakly Consistent Replicated Data*, PDIS 1994; Kulkarni et al., OPODIS 2014 (the clock).
//!
//! **Departures.** COPS ships the few writes that each depends on and checks them key by key, since a datacenter there is many
//! servers; here a region is one node, and a vector says the same of all keys at once. It says more than the client has seen:
//! a write comes after all that its node had taken, and may wait for what nobody looked at. Multi-key reads are not there.
//!
//! **At its worst.** `scenarios/roaming-session.toml`: clients that move as soon as they have written.
//!
//! Next: `store.rs`, the copy.

mod batch;
mod log;
mod store;
#[cfg(test)]
mod tests;
mod waiting;

use std::cmp::Ordering;
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use serde::Deserialize;

use crate::id::{Key, NodeId, RegionId, Value};
use crate::op::{Op, Refusal, Reply};
use crate::time::{Duration, Time};
use crate::trace::{FaultKind, Observation, Promise};

use super::patient::Patient;
use super::{
    About, Claim, Context, Guarantee, HybridClock, OptionsError, Payload, Protocol, Request, Role, Seat, Stamp, State,
    Table,
};
use log::Log;
use store::Store;

pub use super::VersionVector as Clock;
pub use batch::Ship;
pub use store::{Snapshot, Write};

/// The page in the zoo.
pub const ABOUT: About = About {
    name: "causal",
    idea: "Active-active: every region reads and writes its own copy, and shows a write of another only after all that the \
           write comes after. A client's token lets it move without going back; concurrent writes are settled by the highest \
           timestamp.",
    does_not_claim: "Linearizability, or that an acknowledged write survives a concurrent one: the loser is discarded, and \
                     counted as a conflict. A client that moves without its token may not find what it wrote, and one that asks \
                     a second node may write twice.",
    cost: "No one-way delay a read or write, n-1 messages a write; a client that moved waits for at most one one-way delay.",
    source: "Lloyd et al., SOSP 2011; Ladin et al., TOCS 10(4), 1992; Petersen et al., SOSP 1997; Terry et al., PDIS 1994.",
    worst: "scenarios/roaming-session.toml",
};

/// One node.
#[derive(Clone, Debug, Hash)]
pub struct Causal {
    options: Options,
    /// Never behind a stamp that was taken.
    hybrid: HybridClock,
    store: Store,
    log: Log,
    batches: batch::Batches,
    /// Writes that came before their past, by origin and number.
    early: BTreeMap<(NodeId, u64), Arc<Write>>,
    /// Requests of clients who have seen more than this copy has, and until when they wait.
    waiting: VecDeque<(Time, Request<Causal>)>,
    /// Whether the timer is set that asks for what is missing.
    asks: bool,
    /// Records in the log on disk.
    logged: usize,
}

/// The knobs of causal.
#[derive(Clone, Debug, Hash, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
pub struct Options {
    /// How often a node tells one random peer what it has, and both then exchange what the other lacks, 1ms or longer: bounds
    /// how long a lost write stays lost. Default: `"1s"`.
    pub gossip_every: Duration,
    /// How long a node waits for what is missing before a write or a token that came, 1ms or longer, before it asks for it.
    /// Default: `"250ms"`.
    pub ask_after: Duration,
    /// How long a request waits, at a node that lacks what its client has seen, before the client is sent to a node that has it.
    /// `"0s"` sends it there at once. Default: `"500ms"`.
    pub patience: Duration,
    /// When a write is sent to the others: `"at-once"`, or `"after-previous"` (with all that was made meanwhile, when everybody has
    /// acknowledged the batch before, or `gossip-every` has passed). Default: `"at-once"`.
    pub ship: Ship,
    /// How far ahead of a node's own clock the stamp of another node's write may be, as a duration. A write further ahead waits
    /// until the clock has caught up. Default: `"500ms"`.
    pub max_offset: Duration,
}

impl Default for Options {
    fn default() -> Options {
        Options {
            gossip_every: Duration::secs(1),
            ask_after: Duration::millis(250),
            patience: Duration::millis(500),
            ship: Ship::default(),
            max_offset: Duration::millis(500),
        }
    }
}

/// What nodes send each other.
#[derive(Clone, Debug, Hash)]
pub enum Message {
    /// A write, sent to everybody as soon as it is on disk.
    Write(Arc<Write>),
    /// Writes of the sender's own, in order, sent to everybody once the batch before is everywhere.
    Batch {
        /// Its number among the sender's.
        number: u64,
        /// The writes.
        writes: Vec<Arc<Write>>,
    },
    /// The sender has that batch of the receiver's on disk.
    Got(u64),
    /// What the sender has, for the receiver to send the rest.
    Summary {
        /// What it has.
        has: Clock,
        /// Whether the sender has more to give, if the receiver says what it has itself.
        offers: bool,
    },
    /// Writes that the receiver lacks, each after all that it comes after.
    Writes {
        /// The writes.
        writes: Vec<Arc<Write>>,
        /// Whether there are more than fit.
        are_more: bool,
    },
    /// The sender's copy, for one that lacks what is not kept any more: a disk forgot it.
    Snapshot(Arc<Snapshot>),
}

/// At most so many writes in a message.
const WRITES_MAX: usize = 500;

const HEADER_BYTES: usize = 16;

impl Payload for Message {
    fn bytes(&self) -> u32 {
        let body = match self {
            Message::Write(write) => write.bytes(),
            Message::Batch { writes, .. } => 8 + writes.iter().map(|write| write.bytes()).sum::<usize>(),
            Message::Got(_) => 8,
            Message::Summary { has, .. } => has.bytes(),
            Message::Writes { writes, .. } => writes.iter().map(|write| write.bytes()).sum(),
            Message::Snapshot(snapshot) => snapshot.bytes(),
        };
        (HEADER_BYTES + body) as u32
    }
}

/// What a node waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Timer {
    /// The next summary is due.
    Gossip,
    /// What is missing has been missing for long enough.
    Ask,
    /// A request has waited for long enough.
    Patience,
    /// A batch has waited for its acknowledgements for long enough.
    Batch,
}

/// What is on disk.
#[derive(Clone, Debug, Hash)]
pub enum Record {
    /// A write that was taken; or, after a snapshot that has it, one that somebody may lack.
    Taken(Arc<Write>),
    /// The copy, with all that was taken.
    Snapshot(Arc<Snapshot>),
}

/// A node that is up answers at once, or sends the client on: clients need as long to find one again.
const ANSWERS_WITHIN: Duration = Duration::secs(5);

/// Faults of clocks that make them differ by more than a leap second: a write further ahead would reach the others long after the run.
const CLOCKS_DIFFER: [FaultKind; 3] = [FaultKind::ClockStep, FaultKind::ClockDrift, FaultKind::ClockStrobe];

impl Protocol for Causal {
    type Message = Message;
    type Timer = Timer;
    type Record = Record;
    type Session = Clock;
    type Options = Options;

    fn seats(options: &Options, regions: &[&str]) -> Result<Vec<Seat>, OptionsError> {
        for (option, period) in [("gossip-every", options.gossip_every), ("ask-after", options.ask_after)] {
            if period < Duration::SHORTEST_PERIOD {
                let why = "nodes cannot ask all the time; write 1ms or longer, for example \"1s\"".into();
                return Err(OptionsError { option, why });
            }
        }
        Ok((0..regions.len()).map(|region| Seat::replica(RegionId(region as u16))).collect())
    }

    fn claims(_: &Options) -> Vec<Claim> {
        vec![
            Claim { guarantee: Guarantee::Convergence, under: Claim::DISKS_KEEP.without(&CLOCKS_DIFFER) },
            Claim {
                guarantee: Guarantee::NoAcknowledgedWriteLost,
                under: Claim::NO_REQUEST_COMES_LATE.without(&CLOCKS_DIFFER),
            },
        ]
    }

    fn start(options: &Options, recovered: Vec<Record>, cx: &mut Context<Self>) -> Self {
        let mut node = Causal {
            options: options.clone(),
            hybrid: HybridClock::default(),
            store: Store::default(),
            log: Log::default(),
            batches: batch::Batches::default(),
            early: BTreeMap::new(),
            waiting: VecDeque::new(),
            asks: false,
            logged: recovered.len(),
        };
        recovered.into_iter().for_each(|record| node.recover(record));
        for (origin, number) in node.store.clock().iter() {
            cx.observe(Observation::Recovered { origin, number });
        }
        for held in node.store.iter() {
            cx.observe(Observation::Applied { key: held.key, value: held.value });
            cx.observe(Observation::Merged { key: held.key, update: held.stamp.number() });
        }
        cx.observe(Observation::Promised(Promise::Copies(1)));
        cx.observe(Observation::Promised(Promise::WritesWithin(ANSWERS_WITHIN)));
        // The first gossip comes at a random moment, so that nodes that start together do not gossip together.
        let first = cx.random_between(Duration::ZERO, options.gossip_every);
        cx.set_timer(Timer::Gossip, first);
        node
    }

    fn on_request(&mut self, request: Request<Self>, cx: &mut Context<Self>) {
        match request.op {
            Op::Read(_) | Op::Write(..) if self.lacked(&request.session, cx).is_some() => {
                self.wait(request, cx);
                self.ask_later(cx);
            }
            Op::Read(key) => self.read(key, request, cx),
            Op::Write(key, value) => self.write(key, value, request, cx),
            _ => cx.refuse(request.id, Refusal::Unsupported),
        }
    }

    fn on_message(&mut self, from: NodeId, message: Message, cx: &mut Context<Self>) {
        match message {
            Message::Write(write) => self.receive([write], cx),
            Message::Batch { number, writes } => self.take_batch(from, number, writes, cx),
            Message::Got(number) => self.got_batch(from, number, cx),
            Message::Summary { has, offers } => {
                self.log.learn(from, &has, cx.peers().count());
                self.fill(from, &has, cx);
                if offers && !self.store.clock().covers(&has) {
                    self.ask(from, cx);
                }
            }
            Message::Writes { writes, are_more } => {
                self.receive(writes, cx);
                if are_more {
                    self.ask(from, cx);
                }
            }
            Message::Snapshot(snapshot) => self.adopt(snapshot, cx),
        }
    }

    fn on_timer(&mut self, timer: Timer, cx: &mut Context<Self>) {
        match timer {
            Timer::Gossip => {
                if let Some(peer) = random_peer(cx) {
                    cx.send(peer, Message::Summary { has: self.store.clock().clone(), offers: true });
                }
                cx.set_timer(Timer::Gossip, self.options.gossip_every);
            }
            Timer::Ask => self.ask_for_missing(cx),
            Timer::Patience => self.send_on(cx),
            Timer::Batch => self.leave_batch(cx),
        }
    }

    fn state(&self) -> State {
        State::serving(self.store.iter().map(|held| (held.key, held.value)))
    }
}

fn random_peer(cx: &mut Context<Causal>) -> Option<NodeId> {
    let peers: Vec<NodeId> = cx.peers().filter(|peer| peer.role == Role::Replica).map(|peer| peer.node).collect();
    (!peers.is_empty()).then(|| peers[cx.random(peers.len() as u64) as usize])
}

impl Causal {
    fn recover(&mut self, record: Record) {
        match record {
            Record::Taken(write) => {
                if !self.store.has(&write) {
                    self.store.take(&write);
                }
                self.hybrid.witness(write.stamp);
                self.log.push(write);
            }
            Record::Snapshot(snapshot) => {
                self.store.take_all(&snapshot);
                self.log.skip_to(&snapshot.clock);
                snapshot.copy.iter().for_each(|write| self.hybrid.witness(write.stamp));
            }
        }
    }

    fn read(&mut self, key: Key, request: Request<Self>, cx: &mut Context<Self>) {
        let mut token = request.session;
        let held = self.store.get(key);
        if let Some(held) = held {
            token.merge(&held.clock);
        }
        cx.reply_with(request.id, Reply::Read(held.map(|held| held.value)), token);
    }

    /// Numbers a write, stamps it above all that was taken, and ships it. One that was asked for before is not made again.
    fn write(&mut self, key: Key, value: Value, request: Request<Self>, cx: &mut Context<Self>) {
        let mut token = request.session;
        match self.store.compare(request.id) {
            Ordering::Less => return cx.refuse(request.id, Refusal::Unavailable),
            Ordering::Equal => token.merge(self.store.clock()),
            Ordering::Greater => {
                let stamp = self.hybrid.tick(cx.now(), cx.me());
                let mut clock = self.store.clock().clone();
                clock.raise(stamp.node, clock.of(stamp.node) + 1);
                token.merge(&clock);
                let (client, sequence) = (request.id.client, request.id.sequence);
                let write = Arc::new(Write { key, value, stamp, client, sequence, clock });
                cx.observe(Observation::Ordered { value });
                self.take(write.clone(), cx);
                cx.observe(Observation::Stored { value });
                self.ship(write, cx);
            }
        }
        cx.reply_with(request.id, Reply::Written, token);
    }

    /// Writes came, perhaps before their past, and perhaps again.
    fn receive(&mut self, writes: impl IntoIterator<Item = Arc<Write>>, cx: &mut Context<Self>) {
        for write in writes {
            if !self.store.has(&write) {
                self.early.insert((write.origin(), write.number()), write);
            }
        }
        self.take_ready(cx);
        self.ask_later(cx);
    }

    /// Takes, of what came, all whose past is here.
    fn take_ready(&mut self, cx: &mut Context<Self>) {
        let mut took = false;
        while let Some(write) = self.ready(cx) {
            self.early.remove(&(write.origin(), write.number()));
            self.take(write, cx);
            took = true;
        }
        if took {
            self.serve_waiting(cx);
        }
    }

    fn ready(&self, cx: &Context<Self>) -> Option<Arc<Write>> {
        if self.early.is_empty() {
            return None;
        }
        let next = cx
            .members()
            .iter()
            .filter_map(|member| self.early.get(&(member.node, self.store.clock().of(member.node) + 1)));
        let is_near = |write: &Write| HybridClock::ahead(write.stamp, cx.now()) <= self.options.max_offset;
        next.into_iter().find(|write| self.store.is_next(write) && is_near(write)).cloned()
    }

    /// Takes a write whose past is here, on disk too, and tells the monitors which write a concurrent one discarded.
    fn take(&mut self, write: Arc<Write>, cx: &mut Context<Self>) {
        let taken = self.store.take(&write);
        self.hybrid.witness(write.stamp);
        tell(&write, taken, cx);
        cx.persist(Record::Taken(write.clone()));
        cx.observe(Observation::Delivered { origin: write.origin(), number: write.number() });
        self.logged += 1;
        if cx.peers().next().is_some() {
            self.log.push(write);
        }
        self.compact_when_long(cx);
    }

    /// Takes all that another copy has. The stamps in it count as near: this node had forgotten them.
    fn adopt(&mut self, snapshot: Arc<Snapshot>, cx: &mut Context<Self>) {
        if self.store.clock().covers(&snapshot.clock) {
            return;
        }
        for (write, taken) in self.store.take_all(&snapshot) {
            self.hybrid.witness(write.stamp);
            tell(&write, taken, cx);
        }
        for (origin, number) in snapshot.clock.iter() {
            cx.observe(Observation::Recovered { origin, number });
        }
        self.log.skip_to(&snapshot.clock);
        let store = &self.store;
        self.early.retain(|_, write| !store.has(write));
        cx.persist(Record::Snapshot(snapshot));
        self.logged += 1;
        self.serve_waiting(cx);
        self.take_ready(cx);
    }

    /// The log on disk grows with every write. Rewriting it once it is four times as long as what must be in it adds a third to
    /// what is written; a short log is left alone.
    fn compact_when_long(&mut self, cx: &mut Context<Self>) {
        let needed = self.store.len() + self.log.len();
        if self.logged > 64.max(4 * needed) {
            let snapshot = Record::Snapshot(Arc::new(self.store.snapshot()));
            let kept = self.log.iter().cloned().map(Record::Taken);
            let records: Vec<Record> = std::iter::once(snapshot).chain(kept).collect();
            self.logged = records.len();
            cx.compact(records);
        }
    }

    /// Sends what one lacks who has this.
    fn fill(&self, to: NodeId, has: &Clock, cx: &mut Context<Self>) {
        if has.covers(self.store.clock()) {
            return;
        }
        match self.log.after(has, WRITES_MAX) {
            Some((writes, are_more)) => cx.send(to, Message::Writes { writes, are_more }),
            None => cx.send(to, Message::Snapshot(Arc::new(self.store.snapshot()))),
        }
    }

    fn ask(&self, whom: NodeId, cx: &mut Context<Self>) {
        cx.send(whom, Message::Summary { has: self.store.clock().clone(), offers: false });
    }

    /// Asks in a while, if something is missing by then: most of what is late comes by itself.
    fn ask_later(&mut self, cx: &mut Context<Self>) {
        if !(self.asks || self.early.is_empty() && self.waiting.is_empty()) {
            self.asks = true;
            cx.set_timer(Timer::Ask, self.options.ask_after);
        }
    }

    /// Asks who must have what is missing: the origin of a write that came early, or of one that a client has seen.
    fn ask_for_missing(&mut self, cx: &mut Context<Self>) {
        self.asks = false;
        self.take_ready(cx); // the clock may have caught up
        let early = self.early.values().find(|write| !self.store.is_next(write)).map(|write| write.origin());
        let seen = || self.waiting.front().and_then(|(_, request)| self.lacked(&request.session, cx));
        let me = cx.me();
        match early.or_else(seen).filter(|origin| *origin != me).or_else(|| random_peer(cx)) {
            Some(whom) if !(self.early.is_empty() && self.waiting.is_empty()) => self.ask(whom, cx),
            _ => {}
        }
        self.ask_later(cx);
    }
}

/// Tells the monitors what taking a write did.
fn tell(write: &Write, taken: store::Taken, cx: &mut Context<Causal>) {
    let key = write.key;
    if let Some((lost, kept)) = taken.conflict {
        cx.observe(Observation::Conflict { key, lost, kept });
    }
    if taken.changed {
        cx.observe(Observation::Applied { key, value: write.value });
    }
    cx.observe(Observation::Merged { key, update: write.stamp.number() });
}
