//! The world: it carries protocols' effects out, over links, disks and clocks that fail as planned.
//!
//! [`simulate`] is one run of one design with one seed, from which a [`Run`] comes. The same setup, design, options and
//! seed give the same bits. Next: `world.rs`, the loop.

mod clients;
mod disk;
mod faults;
mod network;
mod outages;
mod outcome;
mod queue;
mod record;
mod setup;
mod world;

pub use network::Traffic;
pub use outcome::{Judged, LedgerEntry, NodeInfo, Run};
pub use queue::Queue;
pub use setup::{Placement, Setup};

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
    let mut world = world::World::<P>::new(setup, placement, options, seed, trace)?;
    world.run();
    Ok(world.judge())
}

/// Runs, and where something failed runs again and keeps the rows that show it.
///
/// `run` gets the trace that it is to run with, and `trace` is what is wanted beside those rows.
pub fn explained(trace: Trace, run: impl Fn(Trace) -> Run) -> Run {
    let first = run(trace.clone());
    if first.suspects.iter().all(|key| trace.rows().keeps(*key)) {
        return first;
    }
    let second = run(trace.keeping(Rows::Of(first.suspects)));
    assert_eq!(first.digest, second.digest, "the same run again");
    second
}
