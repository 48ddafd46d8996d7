//! A baseline held against the same sweep made again: what changed, and whether that is worse.

use std::collections::BTreeSet;

use super::behaviour::{BehaviourChange, changes};
use super::paired::Paired;
use super::{Baseline, DesignBaseline};
use crate::explore::metric::{Better, METRICS, Metric};
use crate::scenario::{Allowance, Scenario};
use crate::trace::Digest;

/// What changed since a baseline.
#[derive(Clone, Debug)]
pub struct Diff {
    /// The version that made the baseline.
    pub version_before: String,
    /// The version that ran now.
    pub version_now: String,
    /// The seeds that both have.
    pub seeds: Vec<u64>,
    /// The designs that both have, in the scenario's order.
    pub designs: Vec<DesignDiff>,
    /// The designs that only the baseline has.
    pub gone: Vec<String>,
    /// The designs that only the scenario has.
    pub new: Vec<String>,
}

/// What changed in one design.
#[derive(Clone, Debug)]
pub struct DesignDiff {
    /// Its name.
    pub name: String,
    /// Whether its options were others.
    pub is_rewritten: bool,
    /// The most that changed.
    pub change: Change,
    /// What it comes to.
    pub standing: Standing,
    /// On how many seeds the digest is another.
    pub moved: usize,
    /// The first seed whose digest is another: with that of the baseline, and that of now.
    pub first_moved: Option<(u64, Digest, Digest)>,
    /// What holds on other seeds than it did.
    pub behaviour: Vec<BehaviourChange>,
    /// The metrics that changed on some seed: those beyond their budgets first, then others that are worse, then the rest.
    pub numbers: Vec<NumberChange>,
}

/// How deep a change goes. Each is more than the one before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Change {
    /// Every digest is the same: the same runs, to the bit.
    Unchanged,
    /// The runs are others, and every number and verdict is the same.
    DigestOnly,
    /// Some number is another, and what holds is the same.
    Numbers,
    /// Something holds on other seeds than it did.
    Behaviour,
}

impl Change {
    /// The word in reports.
    pub const fn name(self) -> &'static str {
        match self {
            Change::Unchanged => "unchanged",
            Change::DigestOnly => "digest-only",
            Change::Numbers => "numbers",
            Change::Behaviour => "behaviour",
        }
    }
}

/// What a change comes to. Each is worse than the one before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Standing {
    /// Nothing is worse than it may be.
    Good,
    /// A verdict that there was could not be reached, and nothing else is worse.
    Undecided,
    /// Something is worse.
    Worse,
}

/// How a metric changed.
#[derive(Clone, Debug)]
pub struct NumberChange {
    /// Its name, with a region's where it is of one.
    pub name: String,
    /// The metric.
    pub metric: &'static Metric,
    /// The pairs.
    pub paired: Paired,
    /// By how much its mean is worse, in its unit; below zero where it is better.
    pub worse_by: f64,
    /// How much worse it may be, if the scenario says so.
    pub allowance: Option<Allowance>,
    /// Whether it is worse than it may be: by more than its budget; where there is none, by anything that is told from
    /// chance.
    pub is_regressed: bool,
}

impl NumberChange {
    /// The change as a part of the baseline's mean, 0.02 for 2 %; `None` where that was zero.
    pub fn share(&self) -> Option<f64> {
        (self.paired.before != 0.0).then(|| self.paired.mean / self.paired.before.abs())
    }
}

impl Metric {
    /// Which way is better, also of those that no comparison is decided by: they all count trouble, or time.
    pub fn direction(&self) -> Better {
        self.better.unwrap_or(Better::Less)
    }
}

impl Diff {
    /// Holds `now`, made of the same world, against a baseline. The budgets are the scenario's.
    pub fn new(scenario: &Scenario, before: &Baseline, now: &Baseline) -> Diff {
        let seeds: Vec<u64> = now.seeds.iter().copied().filter(|seed| before.seeds.contains(seed)).collect();
        let both = now.designs.iter().filter_map(|design| Some((before.design(&design.name)?, design)));
        let rewritten = |name: &String| before.fingerprint.designs.get(name) != now.fingerprint.designs.get(name);
        let designs = both.map(|(was, is)| {
            let columns = (columns(&before.seeds, &seeds), columns(&now.seeds, &seeds));
            design(scenario, was, is, &seeds, columns, rewritten(&is.name))
        });
        let only = |a: &Baseline, b: &Baseline| {
            a.designs.iter().filter(|d| b.design(&d.name).is_none()).map(|d| d.name.clone()).collect()
        };
        Diff {
            version_before: before.version.clone(),
            version_now: now.version.clone(),
            designs: designs.collect(),
            gone: only(before, now),
            new: only(now, before),
            seeds,
        }
    }

    /// What it comes to.
    pub fn standing(&self) -> Standing {
        self.designs.iter().map(|design| design.standing).max().unwrap_or(Standing::Good)
    }

    /// Tables at the top of the scenario's file that were others when the baseline was made, new and gone ones too. Where there
    /// are any, the two are of different worlds, and no difference means anything.
    pub fn of_another_world(before: &Baseline, scenario: &Scenario) -> Vec<String> {
        let (was, is) = (&before.fingerprint.world, &scenario.fingerprint.world);
        let keys: BTreeSet<&String> = was.keys().chain(is.keys()).collect();
        keys.into_iter().filter(|key| was.get(*key) != is.get(*key)).cloned().collect()
    }
}

/// Where each of these seeds stands.
fn columns(all: &[u64], seeds: &[u64]) -> Vec<usize> {
    seeds.iter().filter_map(|seed| all.iter().position(|of| of == seed)).collect()
}

fn design(
    scenario: &Scenario,
    was: &DesignBaseline,
    is: &DesignBaseline,
    seeds: &[u64],
    (before, after): (Vec<usize>, Vec<usize>),
    is_rewritten: bool,
) -> DesignDiff {
    let digests: Vec<(u64, Digest, Digest)> = (0..seeds.len())
        .map(|place| (seeds[place], was.digests[before[place]], is.digests[after[place]]))
        .filter(|(_, a, b)| a != b)
        .collect();
    let budget = |name: &str| scenario.designs.iter().find(|design| design.name == is.name)?.budget(name);
    let mut numbers: Vec<NumberChange> = is
        .metrics
        .iter()
        .filter_map(|(name, now)| {
            let (_, then) = was.metrics.iter().find(|(of, _)| of == name)?;
            let pairs: Vec<(f64, f64)> = before.iter().zip(&after).map(|(a, b)| (then[*a], now[*b])).collect();
            number(name, &pairs, budget(name))
        })
        .collect();
    numbers.sort_by_key(|number| (!number.is_regressed, number.worse_by <= 0.0));
    let behaviour = changes(was, is, seeds);
    let change = match (behaviour.is_empty(), numbers.is_empty(), digests.is_empty()) {
        (false, ..) => Change::Behaviour,
        (_, false, _) => Change::Numbers,
        (_, _, false) => Change::DigestOnly,
        _ => Change::Unchanged,
    };
    let worse = behaviour.iter().filter(|change| change.is_worse);
    let standing = worse.map(|c| if c.is_undecided() { Standing::Undecided } else { Standing::Worse });
    let regressed = numbers.iter().filter(|number| number.is_regressed).map(|_| Standing::Worse);
    DesignDiff {
        name: is.name.clone(),
        is_rewritten,
        change,
        standing: standing.chain(regressed).max().unwrap_or(Standing::Good),
        moved: digests.len(),
        first_moved: digests.first().copied(),
        behaviour,
        numbers,
    }
}

/// How a metric changed over these pairs; `None` where it did not, or is not known any more.
fn number(name: &str, pairs: &[(f64, f64)], allowance: Option<Allowance>) -> Option<NumberChange> {
    let base = name.split_once('/').map_or(name, |(base, _)| base);
    let metric = METRICS.iter().find(|metric| metric.name == base)?;
    let paired = Paired::of(pairs, name).filter(Paired::changed)?;
    let worse_by = if metric.direction() == Better::Less { paired.mean } else { -paired.mean };
    let is_regressed = match allowance {
        Some(allowance) => worse_by > allowance.of(paired.before),
        None => worse_by > 0.0 && paired.is_told_from_chance(),
    };
    Some(NumberChange { name: name.to_string(), metric, paired, worse_by, allowance, is_regressed })
}
