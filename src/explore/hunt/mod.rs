//! The hunt: seeds whose random faults break what a design claims.
//!
//! Every run has a number, which is its seed. Its faults are those that the scenario plans, and others that are drawn from
//! the seed, or that are made by changing the faults of an earlier run which was like none before it. What is run is settled
//! a batch at a time, from the results of the batches before: threads make it faster and change nothing.
//!
//! In order: `draw.rs` (faults), `coverage.rs` (what a run was like), `../property.rs` (what it broke), `trophy.rs` (what is
//! found, made small). Next: `draw.rs`.

mod coverage;
mod draw;
mod trophy;

pub use coverage::{Coverage, features};
use draw::bearable;
pub use draw::{mutated, usual};
pub use trophy::{Care, Trophy, trophies};

use std::sync::atomic::{AtomicBool, Ordering};

use rayon::prelude::*;

use crate::model::chaos::Chaos;
use crate::model::fault::Fault;
use crate::rng::Stream;
use crate::scenario::{Design, Scenario};
use crate::sim::{Judging, Setup};
use crate::trace::{Digest, FaultKinds, Trace};

use super::property::{Broken, Finding, Watch};

/// How many runs are settled at once: enough for all cores, and few enough to learn from.
const BATCH: u64 = 64;
/// How many failures of one design are kept: one of each property and set of faults.
const FAILURES_MAX: usize = 32;
/// Every so many runs draw all their faults, and the others change an earlier run's.
const DRAW_EVERY: u64 = 2;

/// When a hunt ends: after so many runs, or so many events, or at what it looks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Effort {
    /// So many runs of each design at most.
    pub runs: u64,
    /// No batch of runs of a design begins after so many events.
    pub steps: u64,
    /// Whether it goes on after the first batch in which something broke.
    pub goes_on: bool,
}

impl Default for Effort {
    fn default() -> Effort {
        Effort { runs: 1_000, steps: u64::MAX, goes_on: false }
    }
}

/// A run that broke something.
#[derive(Clone, Debug)]
pub struct Failure {
    /// Its seed, which is its number.
    pub seed: u64,
    /// What it broke first.
    pub broken: Broken,
    /// Every fault of it, planned and drawn.
    pub faults: Vec<Fault>,
    /// The kinds of those that began.
    pub kinds: FaultKinds,
    /// Its digest.
    pub digest: Digest,
}

/// What a hunt for one design's failures came to.
#[derive(Clone, Debug)]
pub struct Hunted {
    /// The design.
    pub design: String,
    /// How many runs there were.
    pub runs: u64,
    /// How many events they had.
    pub steps: u64,
    /// How many features their observations had.
    pub features: usize,
    /// How many of them were like none before.
    pub novel: usize,
    /// How many broke something.
    pub failing: u64,
    /// In how many a verdict could not be reached.
    pub inconclusive: u64,
    /// The first failure of each property and set of faults.
    pub failures: Vec<Failure>,
}

/// How far a hunt is.
#[derive(Clone, Copy, Debug, Default)]
pub struct Sight {
    /// How many runs are done.
    pub runs: u64,
    /// How many features were seen.
    pub features: usize,
    /// How many runs broke something.
    pub failing: u64,
}

/// Watches a hunt, and can end it.
#[derive(Default)]
pub struct Watcher<'a> {
    /// Called after each batch.
    pub sight: Option<&'a (dyn Fn(Sight) + Sync)>,
    /// When set, no further batch begins.
    pub stop: Option<&'a AtomicBool>,
}

impl std::fmt::Debug for Watcher<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Watcher")
    }
}

impl Watcher<'_> {
    /// Whether somebody wants it to end.
    pub fn is_stopped(&self) -> bool {
        self.stop.is_some_and(|stop| stop.load(Ordering::Relaxed))
    }
}

/// A run that is settled.
struct Job {
    seed: u64,
    drawn: Vec<Fault>,
}

/// What is kept of a run.
struct Seen {
    finding: Finding,
    features: Vec<u64>,
    steps: u64,
    digest: Digest,
    kinds: FaultKinds,
}

/// Hunts for failures of one design of a scenario. The result does not depend on the number of threads of the rayon pool
/// that this is called in.
///
/// Where the scenario has its own `[chaos]`, faults are drawn by that, else [as usual](usual).
pub fn hunt(scenario: &Scenario, design: &Design, effort: Effort, watcher: &Watcher) -> Hunted {
    let setup = &scenario.setup;
    let chaos = setup.chaos.clone().unwrap_or_else(|| usual(&design.setup(setup)));
    let watch = Watch::new(design, setup.chaos.is_some());
    let mut pack = Pack { setup, chaos, coverage: Coverage::default(), novel: Vec::new() };
    let mut hunted = Hunted {
        design: design.name.clone(),
        runs: 0,
        steps: 0,
        features: 0,
        novel: 0,
        failing: 0,
        inconclusive: 0,
        failures: Vec::new(),
    };
    while hunted.runs < effort.runs && hunted.steps < effort.steps && !watcher.is_stopped() {
        let until = (hunted.runs + BATCH).min(effort.runs);
        let jobs: Vec<Job> = (hunted.runs + 1..=until).map(|seed| pack.settle(seed)).collect();
        let seen = run_all(setup, design, &watch, &jobs);
        for (job, seen) in jobs.into_iter().zip(seen) {
            hunted.add(&job, &seen, setup);
            if pack.coverage.add(&seen.features) > 0 {
                pack.novel.push(job.drawn);
            }
        }
        (hunted.features, hunted.novel) = (pack.coverage.len(), pack.novel.len());
        if let Some(sight) = watcher.sight {
            sight(Sight { runs: hunted.runs, features: hunted.features, failing: hunted.failing });
        }
        if hunted.failing > 0 && !effort.goes_on {
            break;
        }
    }
    hunted
}

impl Hunted {
    fn add(&mut self, job: &Job, seen: &Seen, setup: &Setup) {
        self.runs += 1;
        self.steps += seen.steps;
        self.inconclusive += u64::from(seen.finding.is_inconclusive);
        let Some(broken) = seen.finding.broken.first() else { return };
        self.failing += 1;
        let is_like_it = |failure: &Failure| failure.kinds == seen.kinds && failure.broken.property == broken.property;
        if self.failures.len() < FAILURES_MAX && !self.failures.iter().any(is_like_it) {
            self.failures.push(Failure {
                seed: job.seed,
                broken: broken.clone(),
                faults: setup.faults.iter().chain(&job.drawn).cloned().collect(),
                kinds: seen.kinds,
                digest: seen.digest,
            });
        }
    }
}

/// What the next runs are made from.
struct Pack<'s> {
    setup: &'s Setup,
    chaos: Chaos,
    coverage: Coverage,
    /// The drawn faults of runs that were like none before.
    novel: Vec<Vec<Fault>>,
}

impl Pack<'_> {
    fn settle(&self, seed: u64) -> Job {
        let topology = &self.setup.topology;
        if self.novel.is_empty() || seed.is_multiple_of(DRAW_EVERY) {
            return Job { seed, drawn: bearable(self.chaos.draw(topology, seed)) };
        }
        let mut stream = Stream::new(seed, "hunt");
        let mut any = || &self.novel[stream.below(self.novel.len() as u64) as usize];
        let (one, other) = (any(), any());
        Job { seed, drawn: mutated(one, other, &self.chaos, topology, &mut stream) }
    }
}

/// Runs every job, each thread in the memory of its run before.
fn run_all(setup: &Setup, design: &Design, watch: &Watch, jobs: &[Job]) -> Vec<Seen> {
    let kit = || (design.configured.runner(Judging::AtOnce), Setup { chaos: None, ..setup.clone() });
    let run = |kit: &mut (_, Setup), job: &Job| {
        let (runner, world): &mut (Box<dyn crate::registry::Runner + '_>, Setup) = kit;
        world.faults.truncate(setup.faults.len());
        world.faults.extend_from_slice(&job.drawn);
        let trace = Trace::off().keeping(watch.rows().clone());
        let run = design.run_with(&mut **runner, world, job.seed, trace);
        let fired = run.ledger.iter().filter(|entry| entry.fired).map(|entry| entry.kind);
        Seen {
            finding: watch.look(&run),
            features: features(&run),
            steps: run.events,
            digest: run.digest,
            kinds: FaultKinds::of(&fired.collect::<Vec<_>>()),
        }
    };
    jobs.par_iter().map_init(kit, run).collect()
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// Three regions, a few clients, 40 seconds, and no design yet.
    pub const TEXT: &str = r#"
        name = "a world to hunt in"
        duration = "40s"
        settle = "20s"
        [topology]
        regions = ["us", "eu", "ap"]
        link = [
            { from = "us", to = "eu", rtt = "80ms" },
            { from = "us", to = "ap", rtt = "150ms" },
            { from = "eu", to = "ap", rtt = "200ms" },
        ]
        [workload]
        clients_per_region = 2
        rate = "10/s"
        keys = 5
        mix = { read = 1, write = 1 }
    "#;

    /// With these designs; with raft where there are none.
    pub fn scenario(designs: &str) -> Scenario {
        let designs = if designs.is_empty() { "[design.raft]\nprotocol = \"raft\"\n" } else { designs };
        Scenario::parse(&format!("{TEXT}{designs}"), "hunt.toml").unwrap_or_else(|error| panic!("{error}"))
    }

    const UNFENCED: &str = r#"
        [design.unfenced]
        protocol = "primary-backup"
        failover = { detect = "3s", promote = "1s" }
        [expect.unfenced]
        single-writer = "pass"
    "#;

    fn hunted(scenario: &Scenario, effort: Effort, threads: usize) -> Hunted {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| hunt(scenario, &scenario.designs[0], effort, &Watcher::default()))
    }

    #[test]
    fn failover_without_fencing_is_found_to_have_two_writers() {
        let scenario = scenario(UNFENCED);
        let found = hunted(&scenario, Effort::default(), 2);
        assert!(found.runs <= BATCH && found.failing > 0, "{found:?}");
        assert_eq!(found.failures[0].broken.property.name(), "single-writer");
    }

    #[test]
    fn a_hunt_is_the_same_on_any_number_of_threads() {
        let scenario = scenario(UNFENCED);
        let effort = Effort { runs: 200, goes_on: true, ..Effort::default() };
        let [one, three] = [1, 3].map(|threads| hunted(&scenario, effort, threads));
        assert_eq!(format!("{one:?}"), format!("{three:?}"));
        assert!(one.runs == 200 && one.features > 50 && one.novel > 20, "{one:?}");
        let digests: Vec<Digest> = one.failures.iter().map(|failure| failure.digest).collect();
        for (failure, digest) in one.failures.iter().zip(digests) {
            let setup = Setup { chaos: None, faults: failure.faults.clone(), ..scenario.setup.clone() };
            assert_eq!(scenario.designs[0].run(&setup, failure.seed, Trace::off()).digest, digest);
        }
    }

    #[test]
    fn a_hunt_ends_with_its_budget_and_finds_nothing_in_raft() {
        let scenario = scenario("");
        let all = hunted(&scenario, Effort { runs: 150, ..Effort::default() }, 2);
        assert_eq!((all.runs, all.failing, all.inconclusive), (150, 0, 0));
        let few = hunted(&scenario, Effort { steps: 1, ..Effort::default() }, 2);
        assert_eq!(few.runs, BATCH);
        let stop = AtomicBool::new(true);
        let watcher = Watcher { stop: Some(&stop), ..Watcher::default() };
        assert_eq!(hunt(&scenario, &scenario.designs[0], Effort::default(), &watcher).runs, 0);
    }
}
