//! The contract between a replication protocol and the world: [`Protocol`], and the [`Context`] its handlers get.
//!
//! A protocol is a state machine with four handlers. It has no clock but its own node's (skewed) one, no chance but the
//! context's, no network and no disk: it writes [`Effect`]s, and the world carries them out. Four laws:
//!
//! - **Persist before send is the world's law.** What a node sends or replies after [`Context::persist`], in this handler
//!   or a later one, leaves only once the disk has synced that record. [`Context::send_unsynced`] and
//!   [`Context::reply_unsynced`] opt out where a paper allows the overlap. To learn that its own record is synced, a node
//!   sends itself a message: the law holds that back, too.
//! - **A crash loses every record that is not synced, and all memory.** Restart is [`Protocol::start`] with what the disk
//!   kept. There is no second code path.
//! - **A pause loses nothing.** The node stops between two events and goes on later without knowing.
//! - **Handlers do not fail.** An impossible state is a bug (`assert!`); a service that is not available is a refusal or
//!   silence.
//!
//! A protocol of one's own is one file: see `examples/` for one under 80 lines. Next: `last_writer_wins.rs`, the
//! smallest protocol of the zoo, then `sim/mod.rs`, the world that carries effects out.

mod about;
pub mod caspaxos;
pub mod causal;
mod context;
pub mod crdt;
mod digests;
mod embed;
mod entries;
mod harness;
pub mod home_region;
pub mod hub;
mod hybrid_clock;
pub mod last_writer_wins;
pub mod lease_store;
mod mutant;
pub mod orchestrated;
pub(crate) mod outbox;
mod patient;
pub mod primary_backup;
pub mod raft;
pub mod siblings;
mod symmetry;
mod table;
mod true_time;
mod version_vector;

pub use about::{About, Claim, Guarantee};
pub use context::{Context, Effect};
pub use digests::{Buckets, Digests};
pub use embed::Embedded;
pub use entries::Entries;
pub use harness::Harness;
pub use hybrid_clock::{HybridClock, Stamp};
pub use mutant::Flaw;
#[cfg(feature = "mutants")]
pub use mutant::Mutant;
pub use symmetry::Symmetry;
pub use table::Table;
pub use true_time::{CommitWait, Interval, Sawtooth};
pub use version_vector::{Dot, VersionVector};

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

pub use crate::id::Role;
use crate::id::{Key, NodeId, RegionId, RequestId, Value};
use crate::op::{Object, Op, OpKind};
use crate::time::Time;

/// A replication protocol: the code that one node runs.
///
/// One type plays every [`Role`]; [`Context::role`] tells which.
pub trait Protocol: Sized {
    /// What nodes send each other.
    type Message: Payload;
    /// A timer's tag. Setting a timer again replaces the earlier one with the same tag.
    type Timer: Copy + Eq + Debug;
    /// One durable log entry; survives a crash once synced.
    type Record: Clone + Debug;
    /// What a client carries from one request to the next (a token); `()` where nothing.
    type Session: Clone + Default + Debug;
    /// The knobs of a design.
    type Options: Clone + Debug + Default;

    /// How nodes that only their ids tell apart can be called by each other's. The default: none can, which is always right.
    const SYMMETRY: Option<Symmetry<Self>> = None;

    /// Which nodes the design needs, and where. The default: one replica in each region.
    ///
    /// # Errors
    /// Where an option names a region that is not there, or the options contradict each other.
    fn seats(options: &Self::Options, regions: &[&str]) -> Result<Vec<Seat>, OptionsError> {
        let _ = options;
        Ok((0..regions.len()).map(|region| Seat::replica(RegionId(region as u16))).collect())
    }

    /// Whom clients ask. The default: the nearest replica, for everything.
    fn serves(options: &Self::Options, kind: OpKind) -> Serves {
        let _ = (options, kind);
        Serves::AnyReplica
    }

    /// What keys can be. The default: registers.
    fn objects(options: &Self::Options) -> &'static [Object] {
        let _ = options;
        &[Object::Register]
    }

    /// What the design promises, and under which faults. The default: nothing.
    fn claims(options: &Self::Options) -> Vec<Claim> {
        let _ = options;
        Vec::new()
    }

    /// A client begins an operation, and its clock shows this: what it carries is for every request of that operation, retries
    /// too. Nothing begins for a health check, nor in an exhaustive search: these carry the default. The default: what it shows is not told.
    fn begins(options: &Self::Options, session: &mut Self::Session, shown: Time) {
        let _ = (options, session, shown);
    }

    /// The node begins, or begins again after a crash with what its disk kept.
    fn start(options: &Self::Options, recovered: Vec<Self::Record>, cx: &mut Context<Self>) -> Self;

    /// A client asks. Answer now or later, with [`Context::reply`], [`Context::refuse`] or [`Context::forward`]; or never,
    /// and the client will time out.
    fn on_request(&mut self, request: Request<Self>, cx: &mut Context<Self>);

    /// A node's message arrives. The network may lose, delay and reorder messages; it never invents or changes one.
    fn on_message(&mut self, from: NodeId, message: Self::Message, cx: &mut Context<Self>);

    /// A timer fires.
    fn on_timer(&mut self, timer: Self::Timer, cx: &mut Context<Self>);

    /// The node's copy of the data as it stands, for the checks at the end of a run.
    fn state(&self) -> State;
}

/// What a message must tell about itself.
pub trait Payload: Clone + Debug {
    /// Its size on the wire in bytes, headers of the protocol included: what bandwidth and transfer cost are counted by.
    fn bytes(&self) -> u32;
}

/// A client's request, as it reaches a node.
pub struct Request<P: Protocol> {
    /// Whose it is. Retries of one operation carry the same client and sequence.
    pub id: RequestId,
    /// What is asked.
    pub op: Op,
    /// What the client carries.
    pub session: P::Session,
}

// Derives would ask `Clone`, `Debug` and `Hash` of the protocol itself.
impl<P: Protocol> Clone for Request<P> {
    fn clone(&self) -> Request<P> {
        Request { id: self.id, op: self.op, session: self.session.clone() }
    }
}

impl<P: Protocol<Session: Hash>> Hash for Request<P> {
    fn hash<H: Hasher>(&self, into: &mut H) {
        (self.id, self.op).hash(into);
        self.session.hash(into);
    }
}

impl<P: Protocol> Debug for Request<P> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Request").field("id", &self.id).field("op", &self.op).field("session", &self.session).finish()
    }
}

/// A place for a node in a design.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seat {
    /// The region, by its place in the list that [`Protocol::seats`] was given.
    pub region: RegionId,
    /// What the node is for.
    pub role: Role,
}

impl Seat {
    /// A seat for a copy of the data.
    pub const fn replica(region: RegionId) -> Seat {
        Seat { region, role: Role::Replica }
    }
}

/// A member of a replication group, as its fellow members know it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    /// Its id.
    pub node: NodeId,
    /// Where it is.
    pub region: RegionId,
    /// That region's name.
    pub region_name: Arc<str>,
    /// What it is for.
    pub role: Role,
}

/// Whom clients ask for a kind of operation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Serves {
    /// The nearest replica; the next nearest where that one does not answer or refuses.
    AnyReplica,
    /// The one node that leads. A client begins with the replica in the named region (`None`: the nearest) and from then
    /// on asks the node it was last redirected to or answered by.
    Leader(Option<String>),
}

/// A node's copy of the data at one moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct State {
    /// Each key that was ever written, with its value.
    pub copy: BTreeMap<Key, Value>,
    /// Each key that holds something else than one value, and what.
    pub contents: BTreeMap<Key, Content>,
    /// Whether the copy counts.
    pub standing: Standing,
}

impl State {
    /// A copy that counts.
    pub fn serving(copy: impl IntoIterator<Item = (Key, Value)>) -> State {
        State { copy: copy.into_iter().collect(), ..State::no_data().standing(Standing::Serving) }
    }

    /// The same, with keys that hold something else than one value.
    pub fn with(mut self, contents: impl IntoIterator<Item = (Key, Content)>) -> State {
        self.contents.extend(contents);
        self
    }

    /// The names of all writes that it holds, each key's together.
    pub fn values(&self) -> impl Iterator<Item = (Key, &[Value])> {
        let single = self.copy.iter().map(|(key, value)| (*key, std::slice::from_ref(value)));
        let several = self.contents.iter().filter_map(|(key, content)| match content {
            Content::Values(values) => Some((*key, &values[..])),
            Content::Amount(_) => None,
        });
        single.chain(several)
    }

    fn standing(self, standing: Standing) -> State {
        State { standing, ..self }
    }

    /// A copy that is kept aside.
    pub fn stranded(copy: impl IntoIterator<Item = (Key, Value)>) -> State {
        State { copy: copy.into_iter().collect(), ..State::no_data().standing(Standing::Stranded) }
    }

    /// The state of a node that holds no data.
    pub fn no_data() -> State {
        State { copy: BTreeMap::new(), contents: BTreeMap::new(), standing: Standing::NoData }
    }
}

/// What a key holds that is not one value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Content {
    /// What a counter comes to.
    Amount(i64),
    /// Several: siblings and a set's insertions in ascending order, a list's in its own.
    Values(Vec<Value>),
}

impl std::fmt::Display for Content {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Content::Amount(amount) => write!(f, "{amount}"),
            Content::Values(values) => write!(f, "{values:?}"),
        }
    }
}

/// Whether a node's copy counts when replicas are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// It is part of the service: after heal and quiet it must equal the others, and what it holds is not lost.
    Serving,
    /// It is kept aside (an old primary that was refused): what only it holds is lost to clients, and diverged.
    Stranded,
    /// The node holds no data by design.
    NoData,
}

/// An option that cannot be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OptionsError {
    /// The option's name as written in a scenario.
    pub option: &'static str,
    /// What is wrong, and what was expected.
    pub why: String,
}

impl std::fmt::Display for OptionsError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "`{}`: {}", self.option, self.why)
    }
}

impl std::error::Error for OptionsError {}

impl OptionsError {
    /// Finds the region called `name`, for an option that names one.
    ///
    /// # Errors
    /// Where there is none; the message names the nearest.
    pub fn find_region(option: &'static str, name: &str, regions: &[&str]) -> Result<RegionId, OptionsError> {
        if let Some(place) = regions.iter().position(|region| *region == name) {
            return Ok(RegionId(place as u16));
        }
        let nearest = regions.iter().max_by(|a, b| {
            strsim::jaro_winkler(a, name).partial_cmp(&strsim::jaro_winkler(b, name)).expect("similarity is a number")
        });
        let hint = nearest.map_or(String::new(), |region| format!("; did you mean `{region}`?"));
        Err(OptionsError { option, why: format!("no region of this design is called `{name}`{hint}") })
    }

    /// Finds each region, in order, for an option that names several.
    ///
    /// # Errors
    /// Where there is none of that name, or one is named twice.
    pub fn find_regions(
        option: &'static str,
        names: &[String],
        regions: &[&str],
    ) -> Result<Vec<RegionId>, OptionsError> {
        let mut found = Vec::with_capacity(names.len());
        for name in names {
            let region = OptionsError::find_region(option, name, regions)?;
            if found.contains(&region) {
                return Err(OptionsError { option, why: format!("`{name}` is named twice") });
            }
            found.push(region);
        }
        Ok(found)
    }
}
