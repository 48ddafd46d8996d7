//! # Home region
//!
//! **Idea.** Each key is owned by one region, and written there and nowhere else: every other region sends its clients' writes
//! to the owner, and has a copy that follows. A key may move to the region that writes it.
//!
//! ```text
//! client        eu-west-1                  us-east-1, the owner             ap-northeast-1
//!    │──write──────►│────── the request ──────►│ number, persist                │
//!    │              │                          │──────────── Update ───────────►│ a copy, later
//!    │◄──────ok─────│◄─────────────────────────│                                │
//!                   │                          │ the third from eu-west-1: the key is given away, on disk
//!                   │◄───────── Grant ─────────│ requests for it wait here
//!                   │ persist: the owner now   │
//!                   │───────── Update ────────►│ and to everybody: who waits is sent on
//! ```
//!
//! **Claims.** No acknowledged write is lost, a request is carried out once, and copies converge. With `reads = "owner"` each key is
//! linearizable, compare-and-sets included. All this under any fault after which disks have what they said they had, and with
//! keys that move: at every instant a key has one owner or is on its way to one.
//!
//! **Does not claim.** That a key can be written while its owner is away: what the owner has not shipped nobody else has, so
//! nobody takes over, unless `owner-unreachable = "take-over"`: then another region does, by the votes of most, the old owner serves no
//! more by then, and what it had not shipped is lost where the new one writes over it. Then convergence is all that is claimed. A region refuses requests for the keys of one that it has not heard for `silent-after`; cut off itself, it
//! goes on with its own. With `reads = "nearest"` reads are stale by the time that updates take.
//!
//! **Assumes.** Disks that keep what they synced. No clock but for timeouts.
//!
//! With `bound` copies are bounded in how stale they are: a read shows nothing that was overwritten for longer than `time`, and a copy
//! lacks at most `operations` acknowledged writes. Who cannot know that waits: reads, behind a cut for longer than that, and writes of
//! which others lack too many already. It takes no clock but one that runs as fast as true time.
//!
//! **Cost.** A write, and a read with `reads = "owner"`: a round trip to the owner, which is none where the owner is near. n-1
//! messages a write, n-1 small ones a node each `heartbeat`, 0.5 kB a node each `gossip-every`. A move: two one-way delays, in which
//! the key waits. With `bound` a question and an answer
//! between any two nodes each `probe-every`, with what was written in the last round trip once more.
//!
//! **Source.** Cooper et al., *PNUTS: Yahoo!'s Hosted Data Serving Platform*, PVLDB 1(2), 2008 (a master for each record, which
//! moves to where it is written; versions in one order a record); Demers et al., PODC 1987 (anti-entropy).
//!
//! **Departures.** PNUTS publishes updates by a message broker that is itself replicated, and can move the masters of a region that
//! is lost without losing anything; here the owner's own disk is all there is, and gossip repairs what is lost on the way. Who takes
//! over is voted for as a leader of Raft is, and serves as long as most support it.
//!
//! **At its worst.** `scenarios/home-region.toml`: a region that nobody hears, and what it owns.
//!
//! Next: `entry.rs`, what a node knows of each key.

mod bound;
mod entry;
mod owning;
mod succession;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::Deserialize;

use crate::id::{Key, NodeId, RegionId, Value};
use crate::op::{Op, Refusal, Reply};
use crate::time::{Duration, Time};
use crate::trace::{Observation, Promise};

use super::{
    About, Buckets, Claim, Context, Digests, Guarantee, OptionsError, Payload, Protocol, Request, Role, Seat, State,
    Table,
};
use entry::Entries;

pub use bound::Bound;
pub use entry::{Asked, Entry, Place, Version};
pub use succession::{Home, Homes, OwnerUnreachable};

/// The page in the zoo.
pub const ABOUT: About = About {
    name: "home-region",
    idea: "Each key has one region that owns it: writes go there, wherever they are asked for, and the other regions have copies \
           that follow. A key may move to the region that writes it.",
    does_not_claim: "That a key can be written while its owner is away: requests for it are refused, unless another region may take over, \
                     and then what the owner had not shipped is lost. Reads of the nearest copy are stale, but no more than a bound says.",
    cost: "A write, and a read at the owner: a round trip to the owner, none where it is near. n-1 messages a write, n-1 small ones a \
           node every heartbeat. A move: two one-way delays.",
    source: "Cooper et al. (PNUTS), PVLDB 1(2), 2008; Demers et al., PODC 1987.",
    worst: "scenarios/home-region.toml",
};

/// One node.
#[derive(Clone, Debug, Hash)]
pub struct HomeRegion {
    options: Options,
    entries: Entries,
    /// Of keys that this node owns: from where the last writes came, and how many in a row.
    streaks: Table<Key, (NodeId, u32)>,
    /// Requests for keys that are on their way to another node.
    held: BTreeMap<Key, Vec<Request<HomeRegion>>>,
    /// Whether the timer is set that says again what is given to whom.
    grants: bool,
    /// How stale copies are, where that is bounded.
    lacks: bound::Lacks,
    /// Who owns what, where regions take over from each other.
    succession: succession::Succession,
    /// When each other node was heard last.
    heard: BTreeMap<NodeId, Time>,
    /// Records in the log on disk.
    logged: usize,
}

/// The knobs of home-region.
#[derive(Clone, Debug, Hash, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
pub struct Options {
    /// Where reads are answered. Default: `"owner"`.
    pub reads: Reads,
    /// Whether a key moves to the region that writes it. At first key k is owned by the (k mod n)-th of n regions.
    /// Default: `"never"`.
    pub moves: Moves,
    /// With `moves = "on-use"`: after how many writes in a row that were asked for in one other region, at least 1. Default: 3.
    pub threshold: u32,
    /// How often each node tells all others that it is there, 1ms or longer. Default: `"500ms"`.
    pub heartbeat: Duration,
    /// For how long a node may be silent before requests for its keys are refused, longer than two heartbeats. Default: `"2s"`.
    pub silent_after: Duration,
    /// How often a node sends the summary of its copy to one random peer, 1ms or longer: bounds how long a lost update stays
    /// lost. Default: `"1s"`.
    pub gossip_every: Duration,
    /// How long a node that gives a key away waits before it says so again, 1ms or longer. Default: `"500ms"`.
    pub grant_again: Duration,
    /// What becomes of the keys of a region that is not heard: `"refuse"` (requests for them are refused until it is back) or
    /// `"take-over"` (another region owns them from then on, by the votes of most regions; keys do not move else). Default: `"refuse"`.
    pub owner_unreachable: OwnerUnreachable,
    /// With `owner-unreachable = "take-over"`: for how long an owner is not heard before another region asks for votes; longer than
    /// `silent-after`, for which an owner serves that is not heard. Default: `"10s"`.
    pub take_over_after: Duration,
    /// With `reads = "nearest"`: how stale a copy may be that is read, in writes and in time. Default: not bounded.
    pub bound: Option<Bound>,
}

impl Default for Options {
    fn default() -> Options {
        Options {
            reads: Reads::Owner,
            moves: Moves::Never,
            threshold: 3,
            heartbeat: Duration::millis(500),
            silent_after: Duration::secs(2),
            gossip_every: Duration::secs(1),
            grant_again: Duration::millis(500),
            bound: None,
            owner_unreachable: OwnerUnreachable::Refuse,
            take_over_after: succession::TAKE_OVER_AFTER,
        }
    }
}

/// Where reads are answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
pub enum Reads {
    /// By the owner: never stale.
    Owner,
    /// By the node that is asked, from its copy.
    Nearest,
}

/// Whether keys move.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
pub enum Moves {
    /// A key stays where it is.
    Never,
    /// A key moves to the region that writes it.
    OnUse,
}

/// What nodes send each other.
#[derive(Clone, Debug, Hash)]
pub enum Message {
    /// The sender is there.
    Beat,
    /// A version, from its owner to everybody.
    Update(Key, Version),
    /// A key is the receiver's from now on, with all that its owner must know.
    Grant(Key, Version, Asked),
    /// The sender owns these homes, by their seats, in these terms.
    Signal {
        /// When it says so, by its own clock.
        at: Time,
        /// The homes.
        owns: Vec<(u16, u64)>,
    },
    /// The sender supports the receiver, but for homes in whose votes it took part later.
    Support {
        /// The signal's time.
        at: Time,
        /// The last term in which the sender voted, for each home.
        voted: Vec<u64>,
    },
    /// The sender wants to own these homes in this term.
    Campaign {
        /// The term.
        term: u64,
        /// The homes.
        homes: Homes,
    },
    /// The sender votes for the receiver, in this term and for these homes.
    Vote {
        /// The term.
        term: u64,
        /// The homes.
        homes: Homes,
    },
    /// The sender wants all of the receiver's writes that it may lack.
    Probe {
        /// When it asks, by its own clock.
        at: Time,
        /// The receiver's life, as far as the sender knows.
        life: u64,
        /// So many of the receiver's writes in that life it has on disk.
        got: u64,
    },
    /// The answer to a probe.
    Whole {
        /// The probe's time.
        at: Time,
        /// The sender's life.
        life: u64,
        /// How many writes it has made in it.
        made: u64,
        /// Those of them that the receiver is not known to have.
        newer: Vec<(Key, Version)>,
    },
    /// Gossip begins: a digest of each bucket of keys.
    Summary(Arc<Digests>),
    /// The answer to a summary that differs.
    Places {
        /// The buckets that differ.
        buckets: Buckets,
        /// Every key of theirs that the sender knows, and its place, in the order of keys.
        known: Vec<(Key, Place)>,
    },
    /// The answer to places, and then to what was wanted.
    Repair {
        /// Versions that the receiver lacks.
        newer: Vec<(Key, Version)>,
        /// Keys of which the receiver has the newer version.
        wanted: Vec<Key>,
    },
}

const HEADER_BYTES: usize = 16;
const KEY_BYTES: usize = 4;
const PLACE_BYTES: usize = 16;
/// A key, a place, an owner and a value.
const VERSION_BYTES: usize = KEY_BYTES + PLACE_BYTES + 2 + 8;

impl Payload for Message {
    fn bytes(&self) -> u32 {
        let body = match self {
            Message::Beat => 0,
            Message::Signal { owns, .. } => 8 + 10 * owns.len(),
            Message::Support { voted, .. } => 8 + 8 * voted.len(),
            Message::Campaign { .. } | Message::Vote { .. } => 16,
            Message::Probe { .. } => 24,
            Message::Whole { newer, .. } => 24 + newer.len() * VERSION_BYTES,
            Message::Update(..) => VERSION_BYTES,
            Message::Grant(_, _, asked) => VERSION_BYTES + 8 * asked.len(),
            Message::Summary(digests) => size_of_val(&**digests),
            Message::Places { buckets, known } => size_of_val(buckets) + known.len() * (KEY_BYTES + PLACE_BYTES),
            Message::Repair { newer, wanted } => newer.len() * VERSION_BYTES + wanted.len() * KEY_BYTES,
        };
        (HEADER_BYTES + body) as u32
    }
}

/// What a node waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Timer {
    /// The next heartbeat is due.
    Beat,
    /// The next summary is due.
    Gossip,
    /// Grants that were not answered are due again.
    Grant,
    /// It is time to ask for what may be lacking.
    Probe,
    /// A request has waited for long enough.
    Patience,
}

/// What is on disk.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Record {
    /// What the node knows of a key.
    Entry(Entry),
    /// What it knows of the homes, by seat.
    Homes(Vec<Home>),
}

/// Who asks for a key while it moves waits for two one-way delays, or until what was lost is sent again.
const ANSWERS_WITHIN: Duration = Duration::secs(8);

impl Protocol for HomeRegion {
    type Message = Message;
    type Timer = Timer;
    type Record = Record;
    type Session = ();
    type Options = Options;

    fn seats(options: &Options, regions: &[&str]) -> Result<Vec<Seat>, OptionsError> {
        let periods = [
            ("heartbeat", options.heartbeat),
            ("gossip-every", options.gossip_every),
            ("grant-again", options.grant_again),
        ];
        if let Some((option, _)) = periods.into_iter().find(|(_, period)| *period < Duration::SHORTEST_PERIOD) {
            let why = "nodes cannot tell it all the time; write 1ms or longer, for example \"500ms\"".into();
            return Err(OptionsError { option, why });
        }
        if options.silent_after <= options.heartbeat * 2 {
            let why = format!("one lost heartbeat is no silence; write more than two of {}", options.heartbeat);
            return Err(OptionsError { option: "silent-after", why });
        }
        if options.threshold == 0 {
            let why = "a key moves after one write or more; write 1 or more".into();
            return Err(OptionsError { option: "threshold", why });
        }
        if options.owner_unreachable == OwnerUnreachable::TakeOver {
            options.can_take_over(regions.len())?;
        }
        if let Some(bound) = options.bound {
            bound.fits(options.reads, regions.len())?;
        }
        Ok((0..regions.len()).map(|region| Seat::replica(RegionId(region as u16))).collect())
    }

    fn claims(options: &Options) -> Vec<Claim> {
        if options.owner_unreachable == OwnerUnreachable::TakeOver {
            return vec![Claim { guarantee: Guarantee::Convergence, under: Claim::DISKS_KEEP }];
        }
        let always = [Guarantee::Convergence, Guarantee::NoAcknowledgedWriteLost];
        let at_owner = (options.reads == Reads::Owner).then_some(Guarantee::Linearizable);
        let all = at_owner.into_iter().chain(always);
        all.map(|guarantee| Claim { guarantee, under: Claim::DISKS_KEEP }).collect()
    }

    fn start(options: &Options, recovered: Vec<Record>, cx: &mut Context<Self>) -> Self {
        let logged = recovered.len();
        let mut entries = Entries::default();
        let mut homes = None;
        for record in recovered {
            match record {
                Record::Entry(entry) => entries.put(entry),
                Record::Homes(known) => homes = Some(known),
            }
        }
        for entry in entries.iter() {
            cx.observe(Observation::Applied { key: entry.key, value: entry.version.value });
        }
        cx.observe(Observation::Promised(Promise::Copies(1)));
        let takes_over = options.owner_unreachable == OwnerUnreachable::TakeOver;
        if !takes_over {
            cx.observe(Observation::Promised(Promise::Once));
        }
        match options.bound {
            // Who writes faster than others can follow is made to wait.
            Some(bound) => cx.observe(Observation::Promised(Promise::FreshWithin(bound.time))),
            None => {
                // An owner that others have voted about must be voted for again.
                let votes = if takes_over { options.silent_after + options.heartbeat * 4 } else { Duration::ZERO };
                cx.observe(Observation::Promised(Promise::WritesWithin(ANSWERS_WITHIN + votes)));
            }
        }
        // Nobody is missed before it could be heard.
        let heard = cx.peers().map(|peer| (peer.node, cx.now())).collect();
        // First at random moments, so that nodes that start together do not speak together.
        for (timer, period) in [(Timer::Beat, options.heartbeat), (Timer::Gossip, options.gossip_every)] {
            let first = cx.random_between(Duration::ZERO, period);
            cx.set_timer(timer, first);
        }
        let (streaks, held, lacks, succession) = Default::default();
        let mut node = HomeRegion {
            options: options.clone(),
            entries,
            streaks,
            held,
            grants: false,
            lacks,
            succession,
            heard,
            logged,
        };
        node.grant_all(cx);
        node.begin_to_bound(cx);
        node.begin_to_succeed(homes, cx);
        node
    }

    fn on_request(&mut self, request: Request<Self>, cx: &mut Context<Self>) {
        self.attend(request, cx);
    }

    fn on_message(&mut self, from: NodeId, message: Message, cx: &mut Context<Self>) {
        self.heard.insert(from, cx.now());
        match message {
            Message::Beat => {}
            Message::Update(key, version) => self.learn(key, version, cx),
            Message::Signal { at, owns } => self.signalled(from, at, &owns, cx),
            Message::Support { at, voted } => self.supported(from, at, voted),
            Message::Campaign { term, homes } => self.asked_to_vote(from, term, homes, cx),
            Message::Vote { term, homes } => self.voted(from, term, homes, cx),
            Message::Probe { at, life, got } => self.probed(from, at, life, got, cx),
            Message::Whole { at, life, made, newer } => self.made_whole(from, (at, life, made), newer, cx),
            Message::Grant(key, version, asked) => self.granted(from, (key, version), asked, cx),
            Message::Summary(theirs) => {
                let buckets = self.entries.digests().differing(&theirs);
                if !buckets.is_empty() {
                    let known = self.entries.within(buckets).map(|entry| (entry.key, entry.version.place)).collect();
                    cx.send(from, Message::Places { buckets, known });
                }
            }
            Message::Places { buckets, known } => self.repair(from, buckets, &known, cx),
            Message::Repair { newer, wanted } => {
                newer.into_iter().for_each(|(key, version)| self.learn(key, version, cx));
                let version = |key| Some((key, self.entries.get(key)?.version));
                let newer: Vec<_> = wanted.into_iter().filter_map(version).collect();
                if !newer.is_empty() {
                    cx.send(from, Message::Repair { newer, wanted: Vec::new() });
                }
            }
        }
    }

    fn on_timer(&mut self, timer: Timer, cx: &mut Context<Self>) {
        match timer {
            Timer::Beat => {
                if self.takes_over() {
                    self.signal(cx);
                    self.campaign(cx);
                } else {
                    cx.broadcast(Message::Beat);
                }
                cx.set_timer(Timer::Beat, self.options.heartbeat);
            }
            Timer::Gossip => {
                let replicas = cx.peers().filter(|peer| peer.role == Role::Replica);
                let peers: Vec<NodeId> = replicas.map(|peer| peer.node).collect();
                if !peers.is_empty() {
                    let peer = peers[cx.random(peers.len() as u64) as usize];
                    cx.send(peer, Message::Summary(Arc::new(self.entries.digests())));
                }
                cx.set_timer(Timer::Gossip, self.options.gossip_every);
            }
            Timer::Grant => self.grant_all(cx),
            Timer::Probe => self.probe(cx),
            Timer::Patience => self.give_up(cx),
        }
    }

    fn state(&self) -> State {
        State::serving(self.entries.iter().map(|entry| (entry.key, entry.version.value)))
    }
}

impl HomeRegion {
    fn value(&self, key: Key) -> Option<Value> {
        self.entries.get(key).map(|entry| entry.version.value)
    }

    /// Reads the copy, where reads are answered there; else see [`dispatch`](HomeRegion::dispatch).
    fn attend(&mut self, request: Request<Self>, cx: &mut Context<Self>) {
        match (request.op, self.options.reads) {
            (Op::Read(key), Reads::Nearest) if self.may_be_stale(key, cx) => self.wait(request, cx),
            (Op::Read(key), Reads::Nearest) => cx.reply(request.id, Reply::Read(self.value(key))),
            _ => self.dispatch(request, cx),
        }
    }

    /// Carries a request out, or sees to it that the owner gets it. A node that is not the owner and got it from another node does
    /// not forward it again, but tells the client: nothing goes around in circles.
    fn dispatch(&mut self, request: Request<Self>, cx: &mut Context<Self>) {
        let key = request.op.key();
        if let Some(next) = self.entries.get(key).and_then(|entry| entry.gives) {
            if self.is_silent(next, cx.now()) {
                return cx.refuse(request.id, Refusal::Unavailable);
            }
            return self.held.entry(key).or_default().push(request);
        }
        match self.owner(key, cx) {
            owner if owner == cx.me() && !self.is_supported(key, cx) => cx.refuse(request.id, Refusal::Unavailable),
            owner if owner == cx.me() && self.is_far_ahead() => self.wait(request, cx),
            owner if owner == cx.me() => self.carry_out(request, cx),
            owner if self.is_silent(owner, cx.now()) => cx.refuse(request.id, Refusal::Unavailable),
            owner if request.id.entry == cx.me() => cx.forward(owner, request),
            owner => cx.refuse(request.id, Refusal::Redirect(owner)),
        }
    }

    /// Who owns a key, as far as this node knows: that one does, or did and knows a later one.
    fn owner(&self, key: Key, cx: &Context<Self>) -> NodeId {
        if let Some((_, owner)) = self.successor(key, cx) {
            return owner;
        }
        let home = || cx.members()[HomeRegion::seat(key, cx)].node;
        self.entries.get(key).map_or_else(home, |entry| entry.version.owner)
    }

    fn is_silent(&self, node: NodeId, now: Time) -> bool {
        self.is_unheard(node, self.options.silent_after, now)
    }

    fn is_unheard(&self, node: NodeId, span: Duration, now: Time) -> bool {
        self.heard.get(&node).is_some_and(|heard| now.since(*heard) >= span)
    }

    /// A version is known from now on, on disk too, if it is later than what was known.
    fn learn(&mut self, key: Key, version: Version, cx: &mut Context<Self>) {
        if self.entries.place(key) < version.place {
            self.put(Entry { key, version, asked: Asked::default(), gives: None }, cx);
            self.send_on(key, cx); // if it was given away: the next owner has it
        }
    }

    /// Puts down what is known of a key, on disk too, and tells the monitors of a value that the copy did not hold.
    fn put(&mut self, entry: Entry, cx: &mut Context<Self>) {
        let (key, value) = (entry.key, entry.version.value);
        if self.value(key) != Some(value) {
            cx.observe(Observation::Applied { key, value });
        }
        self.entries.put(entry.clone());
        cx.persist(Record::Entry(entry));
        self.logged += 1;
        // The log grows with every write, and the copy only with every key.
        if self.logged > 64.max(4 * self.entries.len()) {
            let homes = self.takes_over().then(|| Record::Homes(self.on_disk()));
            cx.compact(self.entries.iter().cloned().map(Record::Entry).chain(homes).collect());
            self.logged = self.entries.len();
        }
    }

    /// Sends what is newer here than what `from` knows of these buckets, and asks for what is newer there.
    fn repair(&self, from: NodeId, buckets: Buckets, known: &[(Key, Place)], cx: &mut Context<Self>) {
        let theirs = |key| known.binary_search_by_key(&key, |(key, _)| *key).map_or(Place::default(), |at| known[at].1);
        let newer: Vec<_> = self
            .entries
            .within(buckets)
            .filter(|entry| theirs(entry.key) < entry.version.place)
            .map(|entry| (entry.key, entry.version))
            .collect();
        let wanted: Vec<Key> =
            known.iter().filter(|(key, place)| self.entries.place(*key) < *place).map(|(key, _)| *key).collect();
        if !newer.is_empty() || !wanted.is_empty() {
            cx.send(from, Message::Repair { newer, wanted });
        }
    }
}
