//! What a run was like, in a few numbers: where a schedule makes a run like no other before, it is worth changing.
//!
//! Features are read from a run when it is over; nothing is asked of its events. Next: `../property.rs`.

use std::collections::BTreeSet;

use crate::id::RegionId;
use crate::rng::name_hash;
use crate::sim::Run;

/// The features that were seen so far.
#[derive(Clone, Debug, Default)]
pub struct Coverage(BTreeSet<u64>);

impl Coverage {
    /// How many features were seen.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether nothing was seen yet.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Adds a run's features; how many were new.
    pub fn add(&mut self, features: &[u64]) -> usize {
        features.iter().filter(|feature| self.0.insert(**feature)).count()
    }
}

/// What a run was like: who led in which order, how much of which damage there was, how the kinds of fault that hit
/// something followed each other, and where clients were out.
pub fn features(run: &Run) -> Vec<u64> {
    let mut features = Vec::new();
    let mut feature = |name: &str, numbers: &[u64]| {
        let mixed = numbers.iter().fold(name_hash(name), |hash, number| (hash ^ number).wrapping_mul(0x0100_0000_01b3));
        features.push(mixed);
    };
    feature("failovers", &[size(run.failovers.len() as u64)]);
    feature("leaders in one epoch", &[run.leaders_per_epoch_max as u64]);
    feature("nobody led", &[u64::from(run.first_leader.is_none())]);
    for pair in run.failovers.windows(2) {
        // The same one again, or another; by a step of one epoch, or many; before it served, or after.
        let [before, after] = [&pair[0], &pair[1]];
        feature("leaders", &[u64::from(before.leader.0), u64::from(after.leader.0)]);
        feature("epochs", &[size(after.epoch.saturating_sub(before.epoch)), u64::from(before.serve.is_some())]);
    }
    for failover in &run.failovers {
        let phases = [failover.detect, failover.decide, failover.fence, failover.promote];
        feature("phases", &phases.map(|phase| size(phase.as_nanos() / 100_000_000)));
    }
    feature("dual writers", &[size(run.dual_writer.as_nanos() / 1_000_000)]);
    feature("lost", &[size(run.durability.lost.len() as u64)]);
    feature("diverged", &[size(run.durability.diverged.len() as u64)]);
    feature("conflicts", &[size(run.durability.conflicts.len() as u64)]);
    feature("applied unanswered", &[size(run.unanswered_but_applied), size(run.unanswered_writes)]);
    feature("stale reads", &[size(run.stale_reads.count())]);
    feature("duplicates", &[size(run.duplicate_effects)]);
    for (place, outage) in run.outage_by_region.iter().enumerate() {
        let outcomes = run.measures.outcomes(Some(RegionId(place as u16)));
        let (out, eighths) = (size(outage.as_nanos() / 1_000_000_000), (outcomes.availability() * 8.0) as u64);
        feature("region", &[place as u64, out, eighths]);
    }
    let hit: Vec<_> = run.ledger.iter().filter(|entry| entry.touched > 0).map(|entry| entry.kind as u64).collect();
    hit.windows(2).for_each(|pair| feature("faults", pair));
    features
}

/// The number of binary digits: orders of magnitude are told apart, and no more.
fn size(number: u64) -> u64 {
    u64::from(u64::BITS - number.leading_zeros())
}
