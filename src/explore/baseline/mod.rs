//! Baselines: what a scenario gave once, kept beside it, and held against what it gives now.
//!
//! [`Baseline`] is what is kept of a sweep: for every design the digest of each seed, each metric's value on each seed, and
//! the seeds on which something did not hold. [`Diff`] runs nothing: it takes a baseline and the same sweep made again.
//! Virtual time has no noise, so equal digests are equal runs, and any difference is a change of the program or of the
//! scenario. In order: `file.rs` (the file), `paired.rs` (statistics of pairs), `behaviour.rs` and `diff.rs` (what
//! changed). Next: `file.rs`.

mod behaviour;
mod diff;
mod file;
mod paired;

pub use behaviour::{BehaviourChange, Kind};
pub use diff::{Change, DesignDiff, Diff, NumberChange, Standing};
pub use file::{BaselineError, SCHEMA};
pub use paired::Paired;

use crate::scenario::{Fingerprint, Scenario};
use crate::trace::Digest;

use super::compare::{Comparison, DesignSummary};
use super::metric::METRICS;

/// What is kept of a sweep.
#[derive(Clone, Debug, PartialEq)]
pub struct Baseline {
    /// The version of the program that made it: digests are equal within a version alone.
    pub version: String,
    /// The scenario's name.
    pub scenario: String,
    /// What the scenario's file said.
    pub fingerprint: Fingerprint,
    /// The seeds, in order.
    pub seeds: Vec<u64>,
    /// The designs, in the scenario's order.
    pub designs: Vec<DesignBaseline>,
}

/// What is kept of one design.
#[derive(Clone, Debug, PartialEq)]
pub struct DesignBaseline {
    /// Its name.
    pub name: String,
    /// Its protocol's name.
    pub protocol: String,
    /// The digest of each seed.
    pub digests: Vec<Digest>,
    /// Each metric by name, those of regions too: its value on each seed.
    pub metrics: Vec<(String, Vec<f64>)>,
    /// Each guarantee and expected level by name: the seeds that did not pass.
    pub verdicts: Vec<(String, Misses)>,
    /// Each expectation in words, and whether it held.
    pub expectations: Vec<(String, bool)>,
    /// Each claim that did not hold: on which seeds.
    pub broken_claims: Vec<(String, Vec<u64>)>,
    /// Each invariant that was broken: on which seeds.
    pub breaches: Vec<(String, Vec<u64>)>,
    /// The seeds in which a planned fault hit nothing.
    pub void_seeds: Vec<u64>,
}

/// The seeds on which a verdict was no pass.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Misses {
    /// Where it was a fail.
    pub fail: Vec<u64>,
    /// Where there was none.
    pub inconclusive: Vec<u64>,
}

impl Baseline {
    /// What is kept of this sweep of a scenario.
    pub fn of(scenario: &Scenario, comparison: &Comparison, version: &str) -> Baseline {
        Baseline {
            version: version.to_string(),
            scenario: scenario.name.clone(),
            fingerprint: scenario.fingerprint.clone(),
            seeds: comparison.seeds.clone(),
            designs: comparison.designs.iter().map(DesignBaseline::of).collect(),
        }
    }

    /// The design of this name.
    pub fn design(&self, name: &str) -> Option<&DesignBaseline> {
        self.designs.iter().find(|design| design.name == name)
    }
}

impl DesignBaseline {
    fn of(design: &DesignSummary) -> DesignBaseline {
        DesignBaseline {
            name: design.name.clone(),
            protocol: design.protocol.to_string(),
            digests: design.results.iter().map(|result| result.digest).collect(),
            metrics: metrics(design),
            verdicts: verdicts(design),
            expectations: expectations(design),
            broken_claims: broken_claims(design),
            breaches: breaches(design),
            void_seeds: design.void_seeds.clone(),
        }
    }
}

fn metrics(design: &DesignSummary) -> Vec<(String, Vec<f64>)> {
    let values = |of: &dyn Fn(&super::seeds::SeedResult) -> f64| design.results.iter().map(of).collect::<Vec<_>>();
    let overall = METRICS.iter().enumerate();
    let overall = overall.map(|(place, metric)| (metric.name.to_string(), values(&|result| result.metrics[place])));
    let regional = design.regional.iter().map(|of| (of.name(), values(&|result| of.of(result))));
    overall.chain(regional).collect()
}

fn verdicts(design: &DesignSummary) -> Vec<(String, Misses)> {
    let misses = |verdict: &dyn Fn(&super::seeds::SeedResult) -> &'static str| {
        let of = |wanted: &str| design.results.iter().filter(|r| verdict(r) == wanted).map(|r| r.seed).collect();
        Misses { fail: of("fail"), inconclusive: of("inconclusive") }
    };
    let guarantees = design.verdicts.iter().enumerate();
    let guarantees =
        guarantees.map(|(place, (of, _))| (of.name().to_string(), misses(&|result| result.verdicts[place])));
    let levels = design.levels.iter().enumerate();
    let levels = levels.map(|(place, (level, _))| (level.to_string(), misses(&|result| result.levels[place].verdict)));
    // A level may be a guarantee as well: it is told once.
    let mut all: Vec<(String, Misses)> = guarantees.collect();
    for (name, misses) in levels {
        if all.iter().all(|(known, _)| *known != name) {
            all.push((name, misses));
        }
    }
    all
}

fn expectations(design: &DesignSummary) -> Vec<(String, bool)> {
    let mut all: Vec<(String, bool)> = Vec::new();
    for judgement in &design.judgements {
        let words = judgement.expectation.to_string();
        // What is expected twice in the same words holds twice or not at all.
        if all.iter().all(|(known, _)| *known != words) {
            all.push((words, judgement.held));
        }
    }
    all
}

fn broken_claims(design: &DesignSummary) -> Vec<(String, Vec<u64>)> {
    let seeds = |name: &str| {
        let broken = |r: &&super::seeds::SeedResult| r.broken_claims.iter().any(|(of, ..)| of.name() == name);
        design.results.iter().filter(broken).map(|result| result.seed).collect()
    };
    design.broken_claims.iter().map(|(of, ..)| (of.name().to_string(), seeds(of.name()))).collect()
}

fn breaches(design: &DesignSummary) -> Vec<(String, Vec<u64>)> {
    let seeds = |name: &str| {
        let broken = |r: &&super::seeds::SeedResult| r.breaches.iter().any(|(of, _)| of.name() == name);
        design.results.iter().filter(broken).map(|result| result.seed).collect()
    };
    design.breaches.iter().map(|(of, ..)| (of.name().to_string(), seeds(of.name()))).collect()
}

#[cfg(test)]
mod tests;
