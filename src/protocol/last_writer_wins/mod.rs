//! # Last writer wins
//!
//! **Idea.** Every node answers from its own copy and stamps each write with a hybrid logical clock. Nodes tell each
//! other what they wrote, and for each key the highest stamp wins everywhere.
//!
//! ```text
//! client        eu-west-1                  us-east-1
//!    │──write──────►│ stamp, persist           │
//!    │◄─────ok──────│───────── Update ────────►│ keep the higher stamp, count the loser
//!                   │                          │
//!                   │◄──────── Summary ────────│ every gossip-every, to one random peer: 64 digests
//!                   │───────── Stamps ────────►│ only of the buckets that differ; silence where none does
//!                   │◄──────── Repair ─────────│ what is newer here, and the keys wanted from there
//!                   │───────── Repair ────────►│ those
//! ```
//!
//! **Claims.** Convergence, under any fault after which disks have what they said they had, once the network is whole and the clocks have caught up. No acknowledged
//! write is lost but to a concurrent one, and that loss is counted: the write is on its origin's disk before the client
//! hears of it, and gossip offers it again for as long as somebody lacks it, also after a crash of the origin; but only
//! where no request comes late or twice, as below. A client that stays with one node reads its own writes and never reads
//! backwards.
//!
//! With `clock = "wall"`, as many products have it, only convergence: a node whose clock is behind writes over what it has read
//! with a lower stamp, is thanked for it, and the write is gone; and a clock ahead eats what others write for as long as it is.
//!
//! With `stamps = "client"` a write carries what its client's clock showed when the operation began, in every retry. So a request that
//! comes late, twice or to another node is the same write as before, and brings nothing back over what has a later stamp. But
//! a node does not stamp above its copy: what loses against that is thanked, and gone. So it is where a client is behind, which neither
//! reads what it writes nor overwrites what it reads, or has moved to a region whose clients are; and with every clock right where
//! a write that began later was quicker. Therefore again only convergence. What is read at one node goes up in stamps, and
//! with clocks that differ that is no order in which anything happened: no session can be held to it. A node refuses what is
//! stamped further ahead of its own clock than `max-offset`, and the client may ask until it is not; with `clock = "wall"` all is believed.
//!
//! Of a row each column has its own winner, and what was put together is written to disk, sent, repaired and taken together, so that nobody
//! sees a part of a put without the rest. Not so where equal times are decided by values, which a row mixes that two writers have put;
//! nor with `ship = "item-by-item"`, where what one region changed in one step others see piece by piece. With `granularity = "row"` the
//! row has one winner: of two regions that change different columns at once one has written in vain, and what
//! a third had put into that column before may be there again.
//!
//! `tie` decides between equal times. Clients' clocks show them often, for nobody counts on: two clients begin at once. By the `node`,
//! who wins depends on the way a request took, and who asks again elsewhere has a second try; by the `value`, what clients sent
//! decides alone, and a write is one write wherever it was taken. But a larger value is no later one, and it is always the smaller that loses.
//!
//! **Does not claim.** Linearizability: a read tells what has arrived. That an acknowledged write survives a concurrent
//! one: it is discarded, and [`Observation::Conflict`] says so. A compare-and-set holds of one region's copy, and of no more: its
//! node compares with what it has and writes as if it had been told to, so that two regions may both find what they
//! expect, both be thanked, and one of the two writes be discarded like any other. That it found another value is said of
//! the request, not of the operation: sent again, to another node or after somebody overwrote it, it may be told so of what it
//! has itself begun. A write that a client sends again to another node is stamped anew, and may win
//! over what came in between. So may a request that comes after its client gave it up, or a second time: its node has
//! seen what came in between and stamps above it, which is no conflict, and an older write stands where an acknowledged
//! one stood. Therefore no write is claimed to be kept where the network repeats, reorders or delays.
//!
//! **Assumes.** Disks that keep what they synced: the copy is where a restart learns which stamps it gave, and a node that
//! forgot may give one twice, to two writes between which nothing decides. Clocks that differ by less than `max-offset`. What a node further ahead writes reaches the others only
//! once their clocks get there, and then beats what they wrote in between, later in true time. Even that loss is not
//! silent: a node stamps above everything in its copy, so that what beats its write it had not seen, and is concurrent.
//!
//! **Cost.** No one-way delay to read or write; n-1 messages a write; 0.5 kB a node each `gossip-every` where nothing
//! differs, and four one-way delays from the timer to the last repair where something does.
//!
//! **Source.** Thomas, *A Majority Consensus Approach to Concurrency Control*, TODS 4(2), 1979 (the rule for replaying
//! updates by timestamp); Kulkarni et al., *Logical Physical Clocks*, OPODIS 2014 (the clock); Demers et al., *Epidemic
//! Algorithms for Replicated Database Maintenance*, PODC 1987 (direct mail, then anti-entropy). Clients' stamps and the larger value:
//! DataStax, *Query timestamps in Cassandra drivers* (client timestamps since version 3 of the native protocol).
//!
//! **Departures.** Each write also carries its [past](Version::past): what products with this rule leave out,
//! and why they cannot tell which acknowledged writes they dropped. It costs 14 bytes for each node that ever wrote the
//! key; `copy.rs` says what is counted, and why nothing escapes. Demers' push-pull compares one checksum of everything;
//! here 64 digests keep one hot key from listing them all. Thomas has no compare-and-set: here it is a write that looks before it.
//!
//! **At its worst.** `scenarios/asia-cut-off.toml`: both sides of a cut write the same keys, and one side's work is
//! gone.
//!
//! Next: `sim/mod.rs`, the world that carries the effects out.

mod copy;
mod options;
mod rows;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use crate::id::{Key, NodeId, RegionId, Value};
use crate::op::{Object, Op, Refusal, Reply};
use crate::time::{Duration, Time};
use crate::trace::{FaultKind, Observation, Promise};

use super::mutant::Mutant;
use super::{
    About, Buckets, Claim, Context, Digests, Entries, Guarantee, HybridClock, OptionsError, Payload, Protocol, Request,
    Role, Seat, Stamp, State, Table,
};
use copy::Store;

pub use copy::{Rank, Version};
pub use options::{Granularity, Options, Ship, StampClock, Stamps, Tie};

/// The page in the zoo.
pub const ABOUT: About = About {
    name: "last-writer-wins",
    idea: "Active-active: every region reads and writes its own copy; copies are exchanged in the background, and for \
           each key the highest timestamp wins everywhere.",
    does_not_claim: "Linearizability, or that an acknowledged write survives a concurrent one: the loser is discarded, \
                     and counted as a conflict. A compare-and-set holds of one region's copy. A clock that runs ahead wins over later writes, and so does a request that comes late or \
                     twice. Where clients stamp it does not, but one whose clock is behind writes in vain.",
    cost: "No one-way delay a read or write. n-1 messages a write, and one 0.5 kB summary a node every gossip-every.",
    source: "Thomas, TODS 4(2), 1979; Kulkarni et al., OPODIS 2014; Demers et al., PODC 1987.",
    worst: "scenarios/asia-cut-off.toml",
};

/// One node.
#[derive(Clone, Debug, Hash)]
pub struct LastWriterWins {
    options: Options,
    /// Never behind a stamp in the copy: that is why the copy's stamps are all that a restart needs to go on from.
    clock: HybridClock,
    /// How many writes were stamped by the wall clock: no two get the same stamp, even where that clock goes back.
    stamped: u32,
    copy: Store,
    /// Records in the log on disk.
    logged: usize,
}

/// What nodes send each other.
#[derive(Clone, Debug, Hash)]
pub enum Message {
    /// A write, sent to everybody as soon as it is on disk.
    Update {
        /// The key written.
        key: Key,
        /// The write.
        version: Version,
    },
    /// Columns of a row that were put together, sent likewise.
    Put(Arc<[(Key, Version)]>),
    /// Gossip begins: a digest of each bucket of keys.
    Summary(Arc<Digests>),
    /// The answer to a summary that differs.
    Stamps {
        /// The buckets that differ.
        buckets: Buckets,
        /// Every key of theirs that the sender holds, with what its write is ranked by, in the order of keys.
        held: Vec<(Key, Rank)>,
    },
    /// The answer to stamps, and then to what was wanted.
    Repair {
        /// Writes that the receiver lacks.
        newer: Vec<(Key, Version)>,
        /// Keys of which the receiver holds the newer write.
        wanted: Vec<Key>,
    },
}

const HEADER_BYTES: usize = 16;
const KEY_BYTES: usize = 4;
const STAMP_BYTES: usize = 14;
const VALUE_BYTES: usize = 8;

impl Payload for Message {
    fn bytes(&self) -> u32 {
        let entry = |version: &Version| match version.is_nothing() {
            true => 0, // it goes without saying
            false => KEY_BYTES + VALUE_BYTES + STAMP_BYTES * (1 + version.past.len()),
        };
        let body = match self {
            Message::Update { version, .. } => entry(version),
            Message::Put(cells) => cells.iter().map(|(_, version)| entry(version)).sum(),
            Message::Summary(digests) => size_of_val(&**digests),
            Message::Stamps { buckets, held } => {
                let value = |(_, rank): &(Key, Rank)| if rank.has_value() { VALUE_BYTES } else { 0 };
                let values: usize = held.iter().map(value).sum();
                size_of_val(buckets) + held.len() * (KEY_BYTES + STAMP_BYTES) + values
            }
            Message::Repair { newer, wanted } => {
                newer.iter().map(|(_, version)| entry(version)).sum::<usize>() + wanted.len() * KEY_BYTES
            }
        };
        (HEADER_BYTES + body) as u32
    }
}

/// A node that is up answers at once: clients need as long to find one again.
const ANSWERS_WITHIN: Duration = Duration::secs(5);

/// What a node waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Timer {
    /// The next summary is due.
    Gossip,
}

/// Faults of clocks that make them differ by more than a leap second: what is further ahead would reach the others long after the run.
const CLOCKS_DIFFER: [FaultKind; 3] = [FaultKind::ClockStep, FaultKind::ClockDrift, FaultKind::ClockStrobe];

impl Protocol for LastWriterWins {
    type Message = Message;
    type Timer = Timer;
    /// Writes that are on disk together or not at all.
    type Record = Entries<(Key, Version)>;
    type Session = Time;
    type Options = Options;

    fn objects(_: &Options) -> &'static [Object] {
        &[Object::Register, Object::Row]
    }

    fn seats(options: &Options, regions: &[&str]) -> Result<Vec<Seat>, OptionsError> {
        if options.granularity == Granularity::Row && options.ship == Ship::ItemByItem {
            let why =
                "a row that goes by one stamp goes whole: leave `ship` out, or write `granularity = \"column\"`".into();
            return Err(OptionsError { option: "ship", why });
        }
        if options.gossip_every < Duration::SHORTEST_PERIOD {
            let why = "nodes cannot gossip all the time; write 1ms or longer, for example \"1s\"".into();
            return Err(OptionsError { option: "gossip-every", why });
        }
        Ok((0..regions.len()).map(|region| Seat::replica(RegionId(region as u16))).collect())
    }

    fn claims(options: &Options) -> Vec<Claim> {
        // Where who is ahead is believed, no clock keeps copies apart.
        let clocks: &[FaultKind] = if options.bounds_stamps() { &CLOCKS_DIFFER } else { &[] };
        let mut claims = vec![Claim { guarantee: Guarantee::Convergence, under: Claim::DISKS_KEEP.without(clocks) }];
        if options.stamps_above_its_copy() {
            claims.push(Claim {
                guarantee: Guarantee::NoAcknowledgedWriteLost,
                under: Claim::NO_REQUEST_COMES_LATE.without(&CLOCKS_DIFFER),
            });
        }
        claims
    }

    fn begins(options: &Options, session: &mut Time, shown: Time) {
        if options.stamps == Stamps::Client {
            *session = shown;
        }
    }

    fn start(options: &Options, recovered: Vec<Entries<(Key, Version)>>, cx: &mut Context<Self>) -> Self {
        let mut clock = HybridClock::default();
        let mut copy = Store::ordered_by(options.order());
        let recovered = || recovered.iter().flat_map(|entries| entries.iter());
        let (logged, me) = (recovered().count(), cx.me());
        let own = recovered().map(|(_, version)| version.stamp).filter(|stamp| stamp.node == me);
        let stamped = own.map(|stamp| stamp.logical).max().unwrap_or(0);
        for (key, version) in recovered() {
            clock.witness(version.stamp);
            copy.merge(*key, version.clone());
        }
        for (key, held) in copy.iter() {
            cx.observe(Observation::Applied { key, value: held.value });
            cx.observe(Observation::Merged { key, update: copy.rank(held).number() });
        }
        if options.stamps_above_its_copy() {
            cx.observe(Observation::Promised(Promise::Copies(1)));
        }
        if options.takes_every_write() {
            cx.observe(Observation::Promised(Promise::WritesWithin(ANSWERS_WITHIN)));
        }
        if options.shows_whole_puts() {
            cx.observe(Observation::Promised(Promise::WholePuts));
        }
        // The first gossip comes at a random moment, so that nodes that start together do not gossip together.
        let first = cx.random_between(Duration::ZERO, options.gossip_every);
        cx.set_timer(Timer::Gossip, first);
        LastWriterWins { options: options.clone(), clock, stamped, copy, logged }
    }

    fn on_request(&mut self, request: Request<Self>, cx: &mut Context<Self>) {
        match request.op {
            Op::Read(key) => cx.reply(request.id, Reply::Read(self.copy.get(key).map(|held| held.value))),
            Op::Write(key, value) => self.write(&request, key, value, self.options.clock, cx),
            Op::CompareAndSet { key, expected, new } => {
                let held = self.copy.get(key).map(|held| held.value);
                if held != expected && held != Some(new) {
                    return cx.reply(request.id, Reply::Mismatch(held));
                }
                let by = if self.options.mutant.is(Mutant::L3) { StampClock::Wall } else { self.options.clock };
                self.write(&request, key, new, by, cx);
            }
            Op::ReadRow { key, columns } => cx.reply(request.id, Reply::Row(self.row(key, columns))),
            Op::Put { key, columns, name } => self.put(&request, key, columns, name, cx),
            _ => cx.refuse(request.id, Refusal::Unsupported),
        }
    }

    fn on_message(&mut self, from: NodeId, message: Message, cx: &mut Context<Self>) {
        match message {
            Message::Update { key, version } => self.receive(key, version, cx),
            Message::Put(cells) => self.receive_all(&cells, cx),
            Message::Summary(theirs) => {
                let buckets = self.copy.digests().differing(&theirs);
                if !buckets.is_empty() {
                    let held = self.copy.within(buckets).map(|(key, version)| (key, self.copy.rank(version))).collect();
                    cx.send(from, Message::Stamps { buckets, held });
                }
            }
            Message::Stamps { buckets, held } => self.repair(from, buckets, &held, cx),
            Message::Repair { newer, wanted } => {
                self.receive_all(&newer, cx);
                let newer = self.copy.whole(wanted);
                if !newer.is_empty() {
                    cx.send(from, Message::Repair { newer, wanted: Vec::new() });
                }
            }
        }
    }

    fn on_timer(&mut self, Timer::Gossip: Timer, cx: &mut Context<Self>) {
        let peers: Vec<NodeId> = cx.peers().filter(|peer| peer.role == Role::Replica).map(|peer| peer.node).collect();
        if !peers.is_empty() {
            let peer = peers[cx.random(peers.len() as u64) as usize];
            cx.send(peer, Message::Summary(Arc::new(self.copy.digests())));
        }
        cx.set_timer(Timer::Gossip, self.options.gossip_every);
    }

    fn state(&self) -> State {
        let held = self.copy.iter().filter(|(_, version)| !version.is_nothing());
        State::serving(held.map(|(key, version)| (key, version.value)))
    }
}

impl LastWriterWins {
    /// Writes to this node's copy, tells the others, and thanks the client. A retry that finds its write in place is not
    /// stamped again.
    fn write(&mut self, request: &Request<Self>, key: Key, value: Value, by: StampClock, cx: &mut Context<Self>) {
        let id = request.id;
        if self.copy.get(key).is_some_and(|held| held.value == value) {
            return cx.reply(id, Reply::Written);
        }
        let Some(stamp) = self.stamp_for(request, by, cx) else { return cx.refuse(id, Refusal::Unavailable) };
        let version = Version::replacing(self.copy.get(key), stamp, value);
        if self.merge(key, version.clone(), cx) {
            cx.observe(Observation::Stored { value });
        }
        cx.broadcast(Message::Update { key, version });
        cx.reply(id, Reply::Written);
    }

    /// A stamp for what is asked; none where its client's clock is too far ahead.
    fn stamp_for(&mut self, request: &Request<Self>, by: StampClock, cx: &Context<Self>) -> Option<Stamp> {
        match self.options.stamps {
            Stamps::Coordinator => Some(self.stamp(by, cx)),
            Stamps::Client if self.accepts(request.session, cx.now()) => Some(Stamp::reading(request.session, cx.me())),
            Stamps::Client => None,
        }
    }

    /// A stamp for a write of this node.
    fn stamp(&mut self, by: StampClock, cx: &Context<Self>) -> Stamp {
        match by {
            StampClock::Hybrid if self.options.mutant.is(Mutant::H2) => self.clock.tick_narrow(cx.now(), cx.me()),
            StampClock::Hybrid => self.clock.tick(cx.now(), cx.me()),
            StampClock::Wall if self.options.tie == Tie::Value => Stamp::reading(cx.now(), cx.me()),
            StampClock::Wall => {
                self.stamped = self.stamped.checked_add(1).expect("a node makes fewer than 2^32 writes");
                Stamp { physical: cx.now(), logical: self.stamped, node: cx.me() }
            }
        }
    }

    /// Merges another node's write, unless its stamp is too far ahead: adopting it would drag this node's clock along,
    /// and through its own writes everybody's.
    fn receive(&mut self, key: Key, version: Version, cx: &mut Context<Self>) {
        if self.accepts(version.stamp.physical, cx.now()) {
            self.merge(key, version, cx);
        }
    }

    fn accepts(&self, stamped: Time, now: Time) -> bool {
        !self.options.bounds_stamps() || stamped.since(now) <= self.options.max_offset
    }

    /// Keeps the higher of the two, on disk too, and tells the monitors which write a concurrent one discarded. Returns
    /// whether it is the one told of.
    fn merge(&mut self, key: Key, version: Version, cx: &mut Context<Self>) -> bool {
        let told = (key, self.copy.rank(&version));
        let taken = self.take(key, &version, cx);
        if taken {
            self.log(Entries::One((key, version)), cx);
        }
        self.tell_merged(told, taken, cx);
        taken
    }

    /// Takes it into the copy, where it is the higher, and tells what came of that.
    fn take(&mut self, key: Key, version: &Version, cx: &mut Context<Self>) -> bool {
        let merged = self.copy.merge(key, version.clone());
        if let Some((lost, kept)) = merged.conflict {
            cx.observe(Observation::Conflict { key, lost, kept });
        }
        if merged.taken {
            self.clock.witness(version.stamp);
            cx.observe(Observation::Applied { key, value: version.value });
        }
        merged.taken
    }

    fn log(&mut self, taken: Entries<(Key, Version)>, cx: &mut Context<Self>) {
        self.logged += taken.len();
        cx.persist(taken);
        self.compact_when_long(cx);
    }

    fn tell_merged(&self, (key, rank): (Key, Rank), taken: bool, cx: &mut Context<Self>) {
        if taken || self.copy.get(key).is_some_and(|held| self.copy.rank(held) != rank) {
            cx.observe(Observation::Merged { key, update: rank.number() });
        }
    }

    /// The log grows with every write, and the copy only with every key. Rewriting the log once it is four times as
    /// long adds a third to what is written; a short log is left alone.
    fn compact_when_long(&mut self, cx: &mut Context<Self>) {
        if self.logged > 64.max(4 * self.copy.len()) {
            cx.compact(self.copy.iter().map(|(key, version)| Entries::One((key, version.clone()))).collect());
            self.logged = self.copy.len();
        }
    }

    /// Sends what is newer here than what `from` holds in these buckets, and asks for what is newer there.
    fn repair(&self, from: NodeId, buckets: Buckets, held: &[(Key, Rank)], cx: &mut Context<Self>) {
        // Keys ascend in both.
        let mut later = held;
        let mut theirs = |key| {
            later = &later[later.iter().take_while(|(other, _)| *other < key).count()..];
            later.first().filter(|(other, _)| *other == key).map(|(_, rank)| *rank)
        };
        let mine = self.copy.within(buckets);
        let newer = mine.filter(|(key, mine)| theirs(*key) < Some(self.copy.rank(mine))).map(|(key, _)| key);
        let newer = self.copy.whole(newer);
        let now = cx.now();
        let wanted: Vec<Key> = held
            .iter()
            .filter(|(key, theirs)| self.copy.get(*key).map(|mine| self.copy.rank(mine)) < Some(*theirs))
            .filter(|(_, theirs)| self.accepts(theirs.physical(), now)) // do not ask for what would be refused
            .map(|(key, _)| *key)
            .collect();
        if !newer.is_empty() || !wanted.is_empty() {
            cx.send(from, Message::Repair { newer, wanted });
        }
    }
}
