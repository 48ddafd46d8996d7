//! Exhaustive exploration: the same code of a protocol, a few nodes, one or two operations, and *every* order in which messages
//! arrive, timers fire, disks sync, nodes crash and clients ask.
//!
//! A hunt draws schedules and may miss one. Here a world is so small that all of them can be had: states are visited breadth
//! first, each once, until there are none left or a bound is met; [`Explored`] says which. What is broken is broken in as few steps as
//! possible, and told step by step.
//!
//! What may happen at any moment, within the [`Bounds`]:
//!
//! - **A message arrives**, in any order. One that never does is lost, so loss needs no step of its own; and so are cuts, of
//!   every shape. It may arrive twice, as often as [`Bounds::duplicates`] says. What a node sends itself arrives at once.
//! - **A timer fires.** Each node has its own clock, which stands still until the earliest of its timers fires and then shows that
//!   timer's time: clocks run at any speed beside each other, and a timeout may come before any message and after all. A node's own timers
//!   keep their order.
//! - **A disk syncs** its oldest record, where [`Tiny::slow_disks`] says so; else at once.
//! - **A node crashes**, and starts again with what its disk has.
//! - **A client asks** any replica that is up, once; it asks again if it is refused, and as often as [`Bounds::retries`] says without that.
//!   It hears as soon as it is answered: the least that an operation can take, so that what is broken then is broken.
//!
//! Chance is one fixed draw: other draws of [`Context::random`](crate::protocol::Context::random) are not explored, which the
//! lengths of timeouts do not need (their order between nodes is free) and a choice of peers would.
//!
//! Invariants are those of every run ([`Invariants`](crate::check::monitor::Invariants)), and linearizability where it is claimed; but for
//! what is about true time (leases, two writers at once, liveness), which nothing here has. What invariants remember is part of
//! a state, for of two ways to one place one may break what the other does not.
//!
//! States are known by a 64-bit fingerprint of everything that decides what comes next, so a protocol must be [`Explorable`]: it can be
//! copied, and its state be hashed. Deriving both is less to ask than an encoding of its own, cannot leave out a field by mistake, and
//! costs a run nothing.
//!
//! ```
//! use riftzone::explore::exhaustive::{Bounds, Tiny, explore};
//! use riftzone::protocol::raft::{Options, Raft};
//!
//! let options = Options { pre_vote: false, check_quorum: false, ..Options::default() };
//! let tiny = Tiny { bounds: Bounds { timeouts: 1, ..Bounds::default() }, ..Tiny::default() };
//! let explored = explore::<Raft>(&tiny, &options, &["a", "b", "c"], &mut |_| ())?;
//! assert!(explored.is_complete() && explored.broken.is_none());
//! # Ok::<(), riftzone::protocol::OptionsError>(())
//! ```
//!
//! After Holzmann, *The SPIN Model Checker*, 2003 (fingerprints), and stateright, whose `ActorModel` has the same steps; see
//! `benches/peers` for both on one protocol. In order: `world.rs` (states), `step.rs` (what may happen), `watch.rs`
//! (what must hold), `seen.rs`. Next: `world.rs`.

mod deed;
mod known;
mod ledger;
mod level;
mod renamed;
mod search;
mod seen;
mod step;
mod watch;
mod world;

use std::hash::Hash;

use crate::op::Op;
use crate::protocol::{OptionsError, Protocol};

use search::Search;
use world::Rules;

/// A protocol whose states can be copied and told apart.
pub trait Explorable: Protocol<Message: Hash, Timer: Hash, Record: Hash, Session: Hash> + Clone + Hash {}

impl<P> Explorable for P where P: Protocol<Message: Hash, Timer: Hash, Record: Hash, Session: Hash> + Clone + Hash {}

/// What there is in a world so small that all of it can be seen.
#[derive(Clone, Debug, Default)]
pub struct Tiny {
    /// What clients ask, each its own client.
    pub operations: Vec<Op>,
    /// Whether a disk syncs at any moment after it was written to, and not at once.
    pub slow_disks: bool,
    /// How much may happen.
    pub bounds: Bounds,
    /// What need not be looked at.
    pub reduction: Reduction,
}

/// What need not be looked at, for something else that is looked at tells as much. Nothing of this changes what is found, nor by how few
/// steps; see `search.rs`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reduction {
    /// Two steps that do not touch each other are taken in one order. As many states are visited as without.
    pub orders: bool,
    /// A message that changes nothing is not delivered.
    pub idle: bool,
    /// States are one that differ only in who is called what, where the protocol knows a [`Symmetry`](crate::protocol::Symmetry).
    pub symmetry: bool,
}

impl Reduction {
    /// Everything is looked at.
    pub const NONE: Reduction = Reduction { orders: false, idle: false, symmetry: false };
    /// As little is looked at as there can be.
    pub const ALL: Reduction = Reduction { orders: true, idle: true, symmetry: true };
}

impl Default for Reduction {
    fn default() -> Reduction {
        Reduction::ALL
    }
}

/// How much may happen. What is not bounded here is not bounded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// How many timers fire, in all nodes together.
    pub timeouts: u32,
    /// How many crashes there are.
    pub crashes: u32,
    /// How many messages arrive twice.
    pub duplicates: u32,
    /// How many times a client asks again that was not answered.
    pub retries: u32,
    /// How many steps a way has.
    pub depth: u32,
    /// How many states are visited.
    pub states: u64,
}

impl Default for Bounds {
    /// Two timeouts, nothing else that breaks, and no end before a million states.
    fn default() -> Bounds {
        Bounds { timeouts: 2, crashes: 0, duplicates: 0, retries: 0, depth: u32::MAX, states: 1_000_000 }
    }
}

/// Why an exploration ended before it had seen everything.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cut {
    /// Ways are longer than [`Bounds::depth`].
    Depth,
    /// There are more states than [`Bounds::states`].
    States,
    /// Something is broken, which is enough.
    Broken,
}

/// What an exploration came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Explored {
    /// How many states were visited, the first among them.
    pub states: u64,
    /// How many steps were taken between them.
    pub transitions: u64,
    /// How many steps the longest of the shortest ways has.
    pub depth: u32,
    /// What it left out; `None` where it has seen everything within its bounds.
    pub cut: Option<Cut>,
    /// What is broken, with one of the shortest ways to it.
    pub broken: Option<Found>,
    /// What was not looked at, for it would have told nothing more.
    pub spared: Spared,
}

/// What an exploration did not look at, for it would have told nothing more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Spared {
    /// So many steps, which are taken before the one they came after.
    pub orders: u64,
    /// So many messages that would have changed nothing.
    pub idle: u64,
    /// In so many ways nodes can be called without a difference: up to so many states count as one.
    pub symmetries: u32,
}

impl Explored {
    /// Whether every state within the bounds was seen.
    pub fn is_complete(&self) -> bool {
        self.cut.is_none()
    }

    /// Whether nothing at all could happen, which shows nothing.
    pub fn is_vacuous(&self) -> bool {
        self.is_complete() && self.transitions == 0
    }
}

/// Something broken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// The name of what is: an invariant, or a guarantee.
    pub property: String,
    /// How, in words.
    pub why: String,
    /// The steps, and what came of each.
    pub story: Vec<Told>,
}

/// A step of the way, and what nodes and clients said in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Told {
    /// What happened.
    pub step: String,
    /// What came of it.
    pub notes: Vec<String>,
}

/// How far an exploration is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sight {
    /// How many states were visited.
    pub states: u64,
    /// How many steps away from the first.
    pub depth: u32,
    /// How many of them are so far away, as far as is known.
    pub frontier: u64,
}

/// Visits every state of a protocol in these regions. `sight` is told of each level, and now and then within one.
///
/// # Errors
/// Where the options do not fit the regions.
///
/// # Panics
/// Where the protocol does: an impossible state is a bug of it. Where there are more than 2^32 states, or 2^28 different messages.
pub fn explore<P: Explorable>(
    tiny: &Tiny,
    options: &P::Options,
    regions: &[&str],
    sight: &mut dyn FnMut(Sight),
) -> Result<Explored, OptionsError> {
    let rules = Rules::<P>::new(tiny, options, regions)?;
    Ok(Search::new(&rules).all(sight))
}

#[cfg(test)]
mod tests;
