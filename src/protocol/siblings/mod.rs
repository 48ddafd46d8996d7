//! # Version vectors with siblings
//!
//! **Idea.** Any region takes a write at once, and each write says what its client had seen. A write that had seen another replaces it; two that
//! had not seen each other are both kept, as siblings, until a client that reads both writes over them.
//!
//! ```text
//! client        eu-west-1                  us-east-1
//!    │──read──────►│                           │
//!    │◄─ v1, seen ─│                           │  what was seen is the client's to carry
//!    │──v2, seen──►│ dot, persist, drop v1     │
//!    │◄─────ok─────│───────── Update ─────────►│ keeps v3 beside v2, whose client had not seen it
//!                  │                           │
//!                  │◄──────── Summary ─────────│ every gossip-every, to one random peer: 64 digests
//!                  │──────── Versions ────────►│ of the buckets that differ; and back what is more here
//! ```
//!
//! **Claims.** Convergence, under any fault after which disks have what they said they had. No acknowledged write is lost: it is there
//! until a write replaces it whose client had seen it. With `resolver = "last-writer"` it may be discarded for a concurrent one, and
//! that is counted. Not where requests come late or twice: who was not answered and asks again may bring back what was
//! replaced meanwhile.
//!
//! With `vectors = "server"`, as products had it before dots, only convergence: of two concurrent writes at one server the second seems to
//! have seen the first, which is gone, and nobody is told.
//!
//! **Does not claim.** Linearizability. That there is one value: a client that writes without having read leaves a sibling each time.
//!
//! **Assumes.** Disks that keep what they synced: a node that forgot would give a dot twice.
//!
//! **Cost.** No one-way delay to read or write, or as long as it takes to hear from a majority or from all, as `reads` and `acknowledge` say;
//! n-1 messages a write, and as many answers where somebody waits for them.
//!
//! **Source.** Parker et al., IEEE TSE 9(3), 1983 (version vectors); DeCandia et al., *Dynamo*, SOSP 2007 (siblings, and clients that settle
//! them); Preguiça, Baquero, Almeida, Fonte, Gonçalves, *Dotted Version Vectors: Logical Clocks for Optimistic Replication*, 2010.
//!
//! **Departures.** Every replica has every key, and a write goes to all, whoever must answer. There are no hints.
//!
//! **At its worst.** `scenarios/riak-lww.toml`: of what is kept as siblings, last-writer-wins discards a part.
//!
//! Next: `store.rs`, which version replaces which.

mod quorum;
mod store;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::Deserialize;

use crate::id::{Key, NodeId, RegionId, Value};
use crate::op::{Op, Refusal, Reply, Several};
use crate::time::Duration;
use crate::trace::{Observation, Promise};

use super::mutant::Mutant;
use super::{
    About, Buckets, Claim, Content, Context, Digests, Dot, Flaw, Guarantee, HybridClock, OptionsError, Payload,
    Protocol, Request, Role, Seat, Stamp, State, Table, VersionVector,
};
use quorum::Pending;
use store::Store;

pub use store::Version;

/// The page in the zoo.
pub const ABOUT: About = About {
    name: "siblings",
    idea: "Active-active: each write says what its client had seen, and replaces that; writes that had not seen each other are kept side \
           by side until a client has read and replaced them, or the last of them wins.",
    does_not_claim: "Linearizability, or that there is one value. With vectors of servers alone, that concurrent writes at one server are \
                     both kept.",
    cost: "No one-way delay a read or write, or a round trip to a majority or to all. n-1 messages a write.",
    source: "Parker et al., IEEE TSE 9(3), 1983; DeCandia et al., SOSP 2007; Preguiça et al., Dotted Version Vectors, 2010.",
    worst: "scenarios/riak-lww.toml",
};

/// One node.
#[derive(Clone, Debug, Hash)]
pub struct Siblings {
    options: Options,
    /// Never behind a stamp that it has seen.
    hybrid: HybridClock,
    store: Store,
    /// How many writes this node made. Not to be had from the copy: the last writer wins over some without having seen them.
    made: u64,
    /// Requests that wait for other nodes, by ticket.
    pending: BTreeMap<u64, Pending>,
    /// How many tickets were given.
    tickets: u64,
    /// Records in the log on disk.
    logged: usize,
}

/// The knobs of siblings.
#[derive(Clone, Debug, Hash, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
pub struct Options {
    /// How a version tells what its client had seen: `"dotted"` (exactly) or `"server"` (by one number for each server, with the
    /// version's own among them). Default: `"dotted"`.
    pub vectors: Vectors,
    /// Who settles concurrent writes: `"client"` (whoever reads them) or `"last-writer"` (the highest stamp wins, at once).
    /// Default: `"client"`.
    pub resolver: Resolver,
    /// Whose disks have a write before it is acknowledged: `"one"` node's, a `"majority"`'s or `"all"`. Default: `"one"`.
    pub acknowledge: Quorum,
    /// Whose copies a read is of: `"one"` node's, a `"majority"`'s or `"all"`. Default: `"one"`.
    pub reads: Quorum,
    /// How long a request waits for other nodes. Default: `"1s"`.
    pub patience: Duration,
    /// How often a node sends the summary of its copy to one random peer, 1ms or longer: bounds how long a lost update stays lost.
    /// Default: `"1s"`.
    pub gossip_every: Duration,
    /// A flaw on purpose, by its id in the bank. Only in builds with the feature `mutants`. Default: none.
    #[cfg_attr(not(feature = "mutants"), serde(skip))]
    pub mutant: Flaw,
}

impl Default for Options {
    fn default() -> Options {
        Options {
            vectors: Vectors::default(),
            resolver: Resolver::default(),
            acknowledge: Quorum::default(),
            reads: Quorum::default(),
            patience: Duration::secs(1),
            gossip_every: Duration::secs(1),
            mutant: Flaw::default(),
        }
    }
}

/// How a version tells what its client had seen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
pub enum Vectors {
    /// By a vector, and the version itself apart from it.
    #[default]
    Dotted,
    /// By a vector with the version in it.
    Server,
}

/// Who settles concurrent writes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
pub enum Resolver {
    /// Whoever reads them.
    #[default]
    Client,
    /// The highest stamp.
    LastWriter,
}

/// How many nodes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
pub enum Quorum {
    /// The one that was asked.
    #[default]
    One,
    /// More than half.
    Majority,
    /// All.
    All,
}

/// What a client carries: what it read last.
#[derive(Clone, Debug, Default, Hash)]
pub struct Seen {
    /// The key that it read, and its writes that were seen.
    of: Option<(Key, VersionVector)>,
    /// The latest stamp among them: a write in their knowledge has a later one, wherever it is made, or the last writer could be one
    /// whom another has written over.
    latest: Option<Stamp>,
    /// The values that were shown, for the monitors: what is replaced in the knowledge of it.
    shown: Arc<[Value]>,
}

/// What nodes send each other.
#[derive(Clone, Debug, Hash)]
pub enum Message {
    /// What a node has of a key after a write.
    Update {
        /// The key.
        key: Key,
        /// Its versions.
        versions: Arc<[Version]>,
        /// What the sender wants to have back once the receiver's disk has them, if anything.
        ticket: Option<u64>,
    },
    /// The sender wants to know what the receiver has of a key.
    Get {
        /// The key.
        key: Key,
        /// What comes back with the answer.
        ticket: u64,
    },
    /// The answer to an update or a question.
    Heard(u64, Option<Found>),
    /// Gossip begins: a digest of each bucket of keys.
    Summary(Arc<Digests>),
    /// The answer to a summary that differs, and to such an answer.
    Versions {
        /// Every key of the buckets that differ, with its versions; in the answer to that, those that the sender has more of.
        held: Vec<(Key, Arc<[Version]>)>,
        /// The buckets, where an answer is wanted.
        buckets: Option<Buckets>,
    },
}

/// What a node has of a key.
#[derive(Clone, Debug, Hash)]
pub struct Found {
    /// The key.
    key: Key,
    /// Its versions.
    versions: Arc<[Version]>,
}

const HEADER_BYTES: usize = 16;
const KEY_BYTES: usize = 4;
const TICKET_BYTES: usize = 8;

impl Payload for Message {
    fn bytes(&self) -> u32 {
        let entry = |versions: &[Version]| KEY_BYTES + versions.iter().map(Version::bytes).sum::<usize>();
        let body = match self {
            Message::Update { versions, ticket, .. } => entry(versions) + ticket.map_or(0, |_| TICKET_BYTES),
            Message::Get { .. } => KEY_BYTES + TICKET_BYTES,
            Message::Heard(_, found) => TICKET_BYTES + found.as_ref().map_or(0, |found| entry(&found.versions)),
            Message::Summary(digests) => size_of_val(&**digests),
            Message::Versions { held, .. } => 8 + held.iter().map(|(_, versions)| entry(versions)).sum::<usize>(),
        };
        (HEADER_BYTES + body) as u32
    }
}

/// What a node waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Timer {
    /// The next summary is due.
    Gossip,
    /// A request has waited for long enough.
    Patience,
}

/// What is on disk.
#[derive(Clone, Debug, Hash)]
pub struct Record {
    /// A key.
    key: Key,
    /// What the node had of it after a merge.
    versions: Arc<[Version]>,
    /// How many writes the node had made.
    made: u64,
}

/// A node that is up answers at once or not at all: clients need as long to find one again.
const ANSWERS_WITHIN: Duration = Duration::secs(5);

impl Protocol for Siblings {
    type Message = Message;
    type Timer = Timer;
    type Record = Record;
    type Session = Seen;
    type Options = Options;

    fn seats(options: &Options, regions: &[&str]) -> Result<Vec<Seat>, OptionsError> {
        if options.gossip_every < Duration::SHORTEST_PERIOD {
            let why = "nodes cannot gossip all the time; write 1ms or longer, for example \"1s\"".into();
            return Err(OptionsError { option: "gossip-every", why });
        }
        if options.patience.is_zero() {
            let why = "no answer comes in no time; write how long a request waits, for example \"1s\"".into();
            return Err(OptionsError { option: "patience", why });
        }
        Ok((0..regions.len()).map(|region| Seat::replica(RegionId(region as u16))).collect())
    }

    fn claims(options: &Options) -> Vec<Claim> {
        let convergence = Claim { guarantee: Guarantee::Convergence, under: Claim::DISKS_KEEP };
        let kept = Claim { guarantee: Guarantee::NoAcknowledgedWriteLost, under: Claim::NO_REQUEST_COMES_LATE };
        [convergence].into_iter().chain((options.vectors == Vectors::Dotted).then_some(kept)).collect()
    }

    fn start(options: &Options, recovered: Vec<Record>, cx: &mut Context<Self>) -> Self {
        let mut node = Siblings {
            options: options.clone(),
            hybrid: HybridClock::default(),
            store: Store::default(),
            made: 0,
            pending: BTreeMap::new(),
            tickets: 0,
            logged: recovered.len(),
        };
        for Record { key, versions, made } in recovered {
            node.made = node.made.max(made);
            versions.iter().for_each(|version| node.hybrid.witness(version.stamp));
            node.store.merge(key, &versions, options.vectors, options.resolver);
        }
        cx.observe(Observation::Promised(Promise::Copies(1)));
        if options.acknowledge == Quorum::One {
            cx.observe(Observation::Promised(Promise::WritesWithin(ANSWERS_WITHIN)));
        }
        // The first gossip comes at a random moment, so that nodes that start together do not gossip together.
        let first = cx.random_between(Duration::ZERO, options.gossip_every);
        cx.set_timer(Timer::Gossip, first);
        node
    }

    fn on_request(&mut self, request: Request<Self>, cx: &mut Context<Self>) {
        match request.op {
            Op::Read(key) => self.consult(request.id, key, true, cx),
            Op::Write(key, value) => {
                // A retry that finds its write in place is not made again.
                if self.store.get(key).iter().all(|version| version.value != value) {
                    self.write(key, value, &request.session, cx);
                }
                self.consult(request.id, key, false, cx);
            }
            _ => cx.refuse(request.id, Refusal::Unsupported),
        }
    }

    fn on_message(&mut self, from: NodeId, message: Message, cx: &mut Context<Self>) {
        match message {
            Message::Update { key, versions, ticket } => {
                self.merge(key, &versions, cx);
                if let Some(ticket) = ticket {
                    cx.send(from, Message::Heard(ticket, None));
                }
            }
            Message::Get { key, ticket } => {
                let found = Found { key, versions: self.store.get(key).into() };
                cx.send(from, Message::Heard(ticket, Some(found)));
            }
            Message::Heard(ticket, found) => self.heard(from, ticket, found, cx),
            Message::Summary(theirs) => {
                let buckets = self.store.digests().differing(&theirs);
                if !buckets.is_empty() {
                    let held = self.store.within(buckets).map(|(key, versions)| (key, versions.into())).collect();
                    cx.send(from, Message::Versions { held, buckets: Some(buckets) });
                }
            }
            Message::Versions { held, buckets } => self.exchange(from, &held, buckets, cx),
        }
    }

    fn on_timer(&mut self, timer: Timer, cx: &mut Context<Self>) {
        match timer {
            Timer::Gossip => {
                let replicas = cx.peers().filter(|peer| peer.role == Role::Replica);
                let peers: Vec<NodeId> = replicas.map(|peer| peer.node).collect();
                if !peers.is_empty() {
                    let peer = peers[cx.random(peers.len() as u64) as usize];
                    cx.send(peer, Message::Summary(Arc::new(self.store.digests())));
                }
                cx.set_timer(Timer::Gossip, self.options.gossip_every);
            }
            Timer::Patience => self.give_up(cx),
        }
    }

    fn state(&self) -> State {
        let values = |versions: &[Version]| {
            let mut values: Vec<Value> = versions.iter().map(|version| version.value).collect();
            values.sort_unstable();
            values.dedup(); // a retry may have been carried out by two nodes
            Content::Values(values)
        };
        State::serving([]).with(self.store.iter().map(|(key, versions)| (key, values(versions))))
    }
}

impl Siblings {
    /// What a client is shown of a key, and carries from then on.
    fn shown(&self, key: Key) -> (Reply, Seen) {
        let mut values: Vec<Value> = self.store.get(key).iter().map(|version| version.value).collect();
        values.sort_unstable();
        values.dedup();
        let reply = match values[..] {
            [] => Reply::Read(None),
            [value] => Reply::Read(Some(value)),
            _ => Reply::Several(Several::of(values.iter().copied())),
        };
        let latest = self.store.get(key).iter().map(|version| version.stamp).max();
        (reply, Seen { of: Some((key, self.store.context(key))), latest, shown: values.into() })
    }

    /// Takes a write of a client that has seen this.
    fn write(&mut self, key: Key, value: Value, session: &Seen, cx: &mut Context<Self>) {
        let seen = session.of.as_ref().filter(|(of, _)| *of == key).map(|(_, seen)| seen.clone());
        cx.observe(Observation::Added { key, value });
        if seen.is_some() {
            for replaced in session.shown.iter().filter(|shown| **shown != value) {
                cx.observe(Observation::Replaced { key, value: *replaced, by: value });
            }
        }
        let seen_it = seen.is_some();
        let past = match seen {
            None if self.options.mutant.is(Mutant::W3) => self.store.context(key),
            seen => seen.unwrap_or_default(),
        };
        if let Some(latest) = session.latest.filter(|_| seen_it) {
            self.hybrid.witness(latest);
        }
        let stamp = self.hybrid.tick(cx.now(), cx.me());
        self.made = 1 + self.made.max(past.of(cx.me()));
        let version = Version { dot: Dot { node: cx.me(), number: self.made }, past, stamp, value };
        let version = self.pruned(version);
        self.merge(key, &[version], cx);
        cx.observe(Observation::Stored { value });
    }

    /// Merges versions of a key into the copy, and keeps what changed by that.
    fn merge(&mut self, key: Key, versions: &[Version], cx: &mut Context<Self>) {
        versions.iter().for_each(|version| self.hybrid.witness(version.stamp));
        let merged = self.store.merge(key, versions, self.options.vectors, self.options.resolver);
        for (lost, kept) in merged.lost {
            cx.observe(Observation::Conflict { key, lost, kept });
        }
        if merged.changed {
            let made = self.made;
            cx.persist(Record { key, versions: self.store.get(key).into(), made });
            self.logged += 1;
            // The log grows with every merge, and the copy only with every key.
            if self.logged > 64.max(4 * self.store.len()) {
                let record = |(key, versions): (Key, &[Version])| Record { key, versions: versions.into(), made };
                cx.compact(self.store.iter().map(record).collect());
                self.logged = self.store.len();
            }
        }
    }

    /// Takes what a peer has of the keys in which the copies differ, and sends back what is more here.
    fn exchange(
        &mut self,
        from: NodeId,
        held: &[(Key, Arc<[Version]>)],
        buckets: Option<Buckets>,
        cx: &mut Context<Self>,
    ) {
        held.iter().for_each(|(key, versions)| self.merge(*key, versions, cx));
        let Some(buckets) = buckets else { return };
        let theirs = |key| held.binary_search_by_key(&key, |(key, _)| *key).map_or(&[][..], |at| &held[at].1[..]);
        let more = self.store.within(buckets).filter(|(key, versions)| *versions != theirs(*key));
        let more: Vec<_> = more.map(|(key, versions)| (key, versions.into())).collect();
        if !more.is_empty() {
            cx.send(from, Message::Versions { held: more, buckets: None });
        }
    }
}
