//! The world: it carries protocols' effects out, over links, disks and clocks that fail as planned.
//!
//! [`simulate`] is one run of one design with one seed, from which a [`Run`] comes. The same setup, design, options and
//! seed give the same bits. Next: `world.rs`, the loop.

mod clients;
mod disk;
mod faults;
mod network;
mod outcome;
mod queue;
mod setup;
mod world;

pub use network::Traffic;
pub use outcome::{Judged, LedgerEntry, NodeInfo, Run};
pub use queue::Queue;
pub use setup::{Placement, Setup};

use crate::protocol::{OptionsError, Protocol};
use crate::trace::Trace;

/// Runs a design once and judges it.
///
/// `trace` decides which lines are kept ([`Trace::off`] for none); it changes nothing else.
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
    let mut world = world::World::<P>::new(setup, placement, options, seed, trace)?;
    world.run();
    Ok(world.judge())
}
