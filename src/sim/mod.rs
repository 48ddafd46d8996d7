//! The world: it carries protocols' effects out, over links, disks and clocks that fail as planned.
//!
//! [`simulate`] is one run of one design with one seed, from which a [`Run`] comes. The same setup, design, options and
//! seed give the same bits. Next: `world.rs`, the loop.

mod answers;
mod aside;
mod burdens;
mod checkers;
mod clients;
mod clocks;
mod dice;
mod disk;
mod docket;
mod duplicates;
mod effects;
mod faults;
mod future;
mod impairment;
mod in_flight;
mod invariants;
mod judges;
mod line;
mod network;
mod node;
mod objects;
mod outages;
mod outcome;
mod queue;
mod record;
mod retries;
mod roaming;
mod routing;
mod rows;
mod service;
mod setup;
mod stonith;
mod stops;
mod stream;
mod world;

pub use checkers::HealthChange;
pub use docket::Judging;
pub use network::Traffic;
pub use outcome::{Judged, LedgerEntry, NodeInfo, Run};
pub use queue::Queue;
pub use service::NodeLoad;
pub use setup::{Placement, Setup};
pub use stonith::PowerOff;

use crate::protocol::{OptionsError, Protocol};
use crate::trace::{Rows, Trace};

/// Runs a design once and judges it.
///
/// `trace` decides what is kept for a reader: lines, and rows of the history ([`Trace::off`] for neither). It changes no
/// verdict; but where a guarantee failed, only kept rows can show by which operations: see [`explained`].
///
/// # Errors
/// Where the protocol's options do not fit the regions.
pub fn simulate<P: Protocol>(
    setup: &Setup,
    placement: &Placement,
    options: &P::Options,
    seed: u64,
    trace: Trace,
) -> Result<Run, OptionsError> {
    Simulator::<P>::default().run(setup, placement, options, seed, trace)
}

/// Runs one after another, each in the memory of the one before. Nothing else passes from run to run: what comes out is
/// what [`simulate`] gives.
pub struct Simulator<P: Protocol> {
    arena: world::Arena<P>,
    judging: Judging,
}

impl<P: Protocol> Default for Simulator<P> {
    fn default() -> Simulator<P> {
        Simulator::new(Judging::AtOnce)
    }
}

impl<P: Protocol> std::fmt::Debug for Simulator<P> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Simulator")
    }
}

impl<P: Protocol> Simulator<P> {
    /// One whose runs are judged by whom and when this says. What comes out is the same.
    pub fn new(judging: Judging) -> Simulator<P> {
        Simulator { arena: world::Arena::default(), judging }
    }

    /// As [`simulate`].
    ///
    /// # Errors
    /// Where the protocol's options do not fit the regions.
    pub fn run(
        &mut self,
        setup: &Setup,
        placement: &Placement,
        options: &P::Options,
        seed: u64,
        trace: Trace,
    ) -> Result<Run, OptionsError> {
        let drawn = setup.chaos.as_ref().map(|_| setup.settled(seed));
        let setup = drawn.as_ref().unwrap_or(setup);
        let arena = std::mem::take(&mut self.arena);
        let mut world = world::World::<P>::new(setup, placement, options, seed, trace, self.judging, arena)?;
        world.run();
        let (run, arena) = world.judge();
        self.arena = arena;
        Ok(run)
    }
}

/// Runs, and where something failed runs again and keeps the rows that show it.
///
/// `run` gets the trace that it is to run with, and `trace` is what is wanted beside those rows.
pub fn explained(trace: Trace, run: impl Fn(Trace) -> Run) -> Run {
    let mut first = run(trace.clone());
    if first.suspects.iter().all(|key| trace.rows().keeps(*key)) {
        return first;
    }
    let (suspects, digest) = (std::mem::take(&mut first.suspects), first.digest);
    drop(first); // of a long run it may be large, and the second needs the room
    let second = run(trace.keeping(Rows::Of(suspects)));
    assert_eq!(digest, second.digest, "the same run again");
    second
}
