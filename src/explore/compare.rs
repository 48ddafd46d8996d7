//! Designs side by side on the same seeds: means with intervals, verdicts counted, the Pareto set.

use crate::check::level::Level;
use crate::check::monitor::Invariant;
use crate::metrics::statistics::Estimate;
use crate::protocol::Guarantee;
use crate::scenario::{Design, Scenario};
use crate::trace::Digest;

use super::expect::{Judgement, Measured};
use super::metric::{METRICS, Metric, regional_metrics};
use super::pareto::Front;
use super::seeds::{LevelResult, Progress, SeedResult, sweep};

/// What a comparison found.
#[derive(Clone, Debug)]
pub struct Comparison {
    /// The scenario's name.
    pub scenario: String,
    /// The seeds that were finished by every design.
    pub seeds: Vec<u64>,
    /// The designs, in the order asked for.
    pub designs: Vec<DesignSummary>,
    /// Which of them no other beats.
    pub front: Front,
}

/// One design over all seeds.
#[derive(Clone, Debug)]
pub struct DesignSummary {
    /// Its name.
    pub name: String,
    /// Its protocol's name.
    pub protocol: &'static str,
    /// Each metric of [`METRICS`], in that order.
    pub metrics: Vec<Estimate>,
    /// Whether each of those could be measured on every seed: see [`Metric::is_measured`].
    pub is_measured: Vec<bool>,
    /// What regions that have clients see, metric by metric.
    pub regional: Vec<Regional>,
    /// Each guarantee, with how many seeds got which verdict.
    pub verdicts: Vec<(Guarantee, Tally)>,
    /// Each level that is expected of it, with how many seeds got which verdict.
    pub levels: Vec<(Level, Tally)>,
    /// The claims that did not hold: the guarantee, on how many seeds, and why on the first.
    pub broken_claims: Vec<(Guarantee, usize, String)>,
    /// The invariants that were broken: which, on how many seeds, and why on the first.
    pub breaches: Vec<(Invariant, usize, String)>,
    /// The first seed that shows something wrong, with its digest.
    pub first_failure: Option<(u64, Digest)>,
    /// What was expected, judged over all seeds.
    pub judgements: Vec<Judgement>,
    /// Seeds in which a planned fault hit nothing.
    pub void_seeds: Vec<u64>,
    /// Every seed's own.
    pub results: Vec<SeedResult>,
}

/// One region's value of a metric.
#[derive(Clone, Debug)]
pub struct Regional {
    /// What is measured.
    pub metric: &'static Metric,
    /// The region.
    pub region: String,
    /// Over all seeds.
    pub estimate: Estimate,
    /// Where a seed's result has it: the region, and the metric among the regional ones.
    place: (usize, usize),
}

impl Regional {
    /// The metric's name with the region's: `availability/eu-west-1`.
    pub fn name(&self) -> String {
        format!("{}/{}", self.metric.name, self.region)
    }

    /// Its value on one seed.
    pub fn of(&self, result: &SeedResult) -> f64 {
        regional_value(result, self.place)
    }
}

/// Verdicts, counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// How many passed.
    pub pass: usize,
    /// How many failed.
    pub fail: usize,
    /// How many could not be decided.
    pub inconclusive: usize,
}

impl DesignSummary {
    /// A design of which nothing is known.
    #[cfg(test)]
    pub(crate) fn empty(name: &str) -> DesignSummary {
        DesignSummary {
            name: name.into(),
            protocol: "none",
            metrics: vec![Estimate { mean: 0.0, low: 0.0, high: 0.0 }; METRICS.len()],
            is_measured: vec![true; METRICS.len()],
            regional: Vec::new(),
            verdicts: Vec::new(),
            levels: Vec::new(),
            broken_claims: Vec::new(),
            breaches: Vec::new(),
            first_failure: None,
            judgements: Vec::new(),
            void_seeds: Vec::new(),
            results: Vec::new(),
        }
    }

    /// Whether everything expected held, every claim and every invariant too, and every fault hit something.
    pub fn is_good(&self) -> bool {
        self.judgements.iter().all(|judgement| judgement.held)
            && self.broken_claims.is_empty()
            && self.breaches.is_empty()
            && self.void_seeds.is_empty()
    }

    /// Whether what is not good is only that a verdict could not be reached.
    pub fn is_inconclusive(&self) -> bool {
        let broken = self.judgements.iter().filter(|judgement| !judgement.held);
        !self.is_good()
            && self.void_seeds.is_empty()
            && self.breaches.is_empty()
            && self.broken_claims.iter().all(|(guarantee, ..)| self.is_undecided(guarantee.name()))
            && broken.into_iter().all(|judgement| self.is_undecided(&judgement.expectation.name))
    }

    /// Whether this guarantee or level fails on no seed and could not be decided on some.
    pub fn is_undecided(&self, name: &str) -> bool {
        self.tally(name).is_some_and(|tally| tally.inconclusive > 0 && tally.fail == 0)
    }

    /// The verdicts on this guarantee, or on this level if it is expected.
    pub fn tally(&self, name: &str) -> Option<Tally> {
        let guarantee = self.verdicts.iter().find(|(guarantee, _)| guarantee.name() == name);
        let level = || {
            let level = Level::from_name(name)?;
            self.levels.iter().find(|(of, _)| *of == level).map(|(_, tally)| *tally)
        };
        guarantee.map(|(_, tally)| *tally).or_else(level)
    }

    /// What the first seed found that got this verdict on this level.
    pub fn first_of(&self, level: Level, verdict: &str) -> Option<(u64, &LevelResult)> {
        let of = |result: &&LevelResult| result.level == level && result.verdict == verdict;
        self.results.iter().find_map(|result| Some((result.seed, result.levels.iter().find(of)?)))
    }
}

/// Runs these designs on these seeds and puts the results together.
pub fn compare(scenario: &Scenario, designs: &[&Design], seeds: &[u64], progress: &Progress) -> Comparison {
    let mut results = sweep(scenario, designs, seeds, progress);
    // A comparison is of pairs: a seed that one design did not finish counts for none.
    let finished: Vec<u64> = seeds
        .iter()
        .copied()
        .filter(|seed| results.iter().all(|design| design.iter().any(|result| result.seed == *seed)))
        .collect();
    results.iter_mut().for_each(|design| design.retain(|result| finished.contains(&result.seed)));
    let summaries: Vec<DesignSummary> = if finished.is_empty() {
        Vec::new()
    } else {
        designs.iter().zip(results).map(|(design, results)| summarise(scenario, design, results)).collect()
    };
    let front = Front::of(&summaries, Front::every_objective());
    Comparison { scenario: scenario.name.clone(), seeds: finished, designs: summaries, front }
}

fn summarise(scenario: &Scenario, design: &Design, results: Vec<SeedResult>) -> DesignSummary {
    let estimate = |sample: &dyn Fn(&SeedResult) -> f64| {
        Estimate::of(&results.iter().map(sample).collect::<Vec<_>>()).expect("there is at least one seed")
    };
    let regions = scenario.setup.topology.regions();
    let with_clients = || (0..regions.len()).filter(|place| results[0].regional[*place].is_some());
    let regional = regional_metrics()
        .enumerate()
        .flat_map(|(of, metric)| with_clients().map(move |place| (of, metric, place)).collect::<Vec<_>>());
    let measured = |place: usize| results.iter().map(|r| r.measured[place].clone()).collect::<Vec<Measured>>();
    DesignSummary {
        name: design.name.clone(),
        protocol: design.protocol,
        metrics: (0..METRICS.len()).map(|place| estimate(&|result| result.metrics[place])).collect(),
        is_measured: (0..METRICS.len()).map(|place| results.iter().all(|r| !r.unmeasured.contains(&place))).collect(),
        regional: regional
            .map(|(of, metric, place)| {
                let estimate = |place| estimate(&|result| regional_value(result, place));
                let region = regions[place].to_string();
                Regional { metric, region, estimate: estimate((place, of)), place: (place, of) }
            })
            .collect(),
        verdicts: Guarantee::ALL
            .iter()
            .enumerate()
            .map(|(place, g)| (*g, tally(&results, |r| r.verdicts[place])))
            .collect(),
        levels: results[0]
            .levels
            .iter()
            .enumerate()
            .map(|(place, of)| (of.level, tally(&results, |result| result.levels[place].verdict)))
            .collect(),
        broken_claims: broken_claims(&results),
        breaches: breaches(&results),
        first_failure: results.iter().find(|result| result.is_bad(design)).map(|result| (result.seed, result.digest)),
        judgements: design.expectations.iter().enumerate().map(|(place, e)| e.judge(&measured(place))).collect(),
        void_seeds: results.iter().filter(|result| !result.void_faults.is_empty()).map(|result| result.seed).collect(),
        results,
    }
}

fn regional_value(result: &SeedResult, (region, metric): (usize, usize)) -> f64 {
    result.regional[region].as_ref().expect("a region has clients on every seed or on none")[metric]
}

fn tally(results: &[SeedResult], verdict: impl Fn(&SeedResult) -> &'static str) -> Tally {
    let mut tally = Tally::default();
    for result in results {
        match verdict(result) {
            "pass" => tally.pass += 1,
            "fail" => tally.fail += 1,
            _ => tally.inconclusive += 1,
        }
    }
    tally
}

fn broken_claims(results: &[SeedResult]) -> Vec<(Guarantee, usize, String)> {
    let of = |guarantee: Guarantee| {
        let mut broken = results.iter().flat_map(|r| &r.broken_claims).filter(move |(g, ..)| *g == guarantee);
        let (_, _, why) = broken.next()?;
        Some((guarantee, 1 + broken.count(), why.clone()))
    };
    Guarantee::ALL.into_iter().filter_map(of).collect()
}

fn breaches(results: &[SeedResult]) -> Vec<(Invariant, usize, String)> {
    let of = |invariant: Invariant| {
        let mut broken = results.iter().flat_map(|r| &r.breaches).filter(move |(which, _)| *which == invariant);
        let (_, why) = broken.next()?;
        Some((invariant, 1 + broken.count(), why.clone()))
    };
    Invariant::ALL.into_iter().filter_map(of).collect()
}
