//! One design over many seeds, on all cores, with results that do not depend on how many there are.

use std::sync::atomic::{AtomicBool, Ordering};

use rayon::prelude::*;

use crate::check::Verdict;
use crate::check::level::{Judged, Level};
use crate::check::monitor::Invariant;
use crate::protocol::Guarantee;
use crate::scenario::{Design, Over, Scenario};
use crate::sim::{Judging, LedgerEntry, Run};
use crate::trace::{Digest, Rows, Trace};

use super::expect::{Judgement, Measured};
use super::levels;
use super::metric::{METRICS, regional_metrics};

/// What is kept of one run when there are many.
#[derive(Clone, Debug)]
pub struct SeedResult {
    /// The seed.
    pub seed: u64,
    /// The digest, with which it replays.
    pub digest: Digest,
    /// Each metric of [`METRICS`], in that order.
    pub metrics: Vec<f64>,
    /// The places in that of what could not be measured: see [`is_measured`](super::metric::Metric::is_measured).
    pub unmeasured: Vec<usize>,
    /// Each metric of [`REGIONAL`](super::metric::REGIONAL), in that order, for those regions that have clients.
    pub regional: Vec<Option<Vec<f64>>>,
    /// Each guarantee of [`Guarantee::ALL`], in that order: `pass`, `fail` or `inconclusive`.
    pub verdicts: Vec<&'static str>,
    /// Each level that is expected of the design.
    pub levels: Vec<LevelResult>,
    /// Claims that were made for such faults and did not hold: the guarantee, the verdict, why.
    pub broken_claims: Vec<(Guarantee, &'static str, String)>,
    /// Invariants that were broken, and why the first time.
    pub breaches: Vec<(Invariant, String)>,
    /// What each expectation of the design is about, in its order.
    pub measured: Vec<Measured>,
    /// Faults that were planned and hit nothing.
    pub void_faults: Vec<LedgerEntry>,
}

/// What is kept of the verdict on a level.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LevelResult {
    /// The level.
    pub level: Level,
    /// `pass`, `fail` or `inconclusive`.
    pub verdict: &'static str,
    /// What the verdict rests on or leaves open, in words.
    pub note: Option<&'static str>,
    /// Why it is no pass; empty where it is.
    pub why: String,
}

impl LevelResult {
    fn of(judged: &Judged) -> LevelResult {
        LevelResult {
            level: judged.level,
            verdict: judged.verdict.name(),
            note: judged.note,
            why: why(&judged.verdict),
        }
    }
}

fn why(verdict: &Verdict) -> String {
    match verdict {
        Verdict::Pass => String::new(),
        Verdict::Fail(counterexample) => counterexample.why.clone(),
        Verdict::Inconclusive { why } => why.clone(),
    }
}

impl SeedResult {
    /// Takes from a run what many-run reports need. The levels that are expected of its design are judged here: it must
    /// have kept [the rows](levels::rows) for that.
    pub fn of(design: &Design, run: &Run) -> SeedResult {
        let regional = |(place, has): (usize, &bool)| {
            let region = crate::id::RegionId(place as u16);
            has.then(|| regional_metrics().map(|metric| metric.of(run, Some(region))).collect())
        };
        let levels = levels::judge_expected(design, run);
        SeedResult {
            seed: run.seed,
            digest: run.digest,
            metrics: METRICS.iter().map(|metric| metric.of(run, None)).collect(),
            unmeasured: (0..METRICS.len()).filter(|place| !METRICS[*place].is_measured(run, None)).collect(),
            regional: run.has_clients.iter().enumerate().map(regional).collect(),
            verdicts: run.verdicts.iter().map(|judged| judged.verdict.name()).collect(),
            broken_claims: run
                .broken_claims()
                .map(|judged| (judged.guarantee, judged.verdict.name(), why(&judged.verdict)))
                .collect(),
            breaches: run.breaches.iter().map(|breach| (breach.invariant, breach.why.clone())).collect(),
            measured: design.expectations.iter().map(|expectation| expectation.measure(run, &levels)).collect(),
            levels: levels.iter().map(LevelResult::of).collect(),
            void_faults: run.ledger.iter().filter(|entry| entry.is_void()).copied().collect(),
        }
    }

    /// The expectations that one seed decides, judged on this one.
    pub fn judgements(&self, design: &Design) -> Vec<Judgement> {
        let judged = design.expectations.iter().zip(&self.measured).filter(|(e, _)| e.over == Over::Every);
        judged.map(|(expectation, measured)| expectation.judge(std::slice::from_ref(measured))).collect()
    }

    /// Whether this seed alone shows something wrong.
    pub fn is_bad(&self, design: &Design) -> bool {
        !self.void_faults.is_empty()
            || !self.broken_claims.is_empty()
            || !self.breaches.is_empty()
            || self.judgements(design).iter().any(|judgement| !judgement.held)
    }
}

/// Watches a long piece of work, and can end it.
#[derive(Default)]
pub struct Progress<'a> {
    /// Called after each run, from any thread.
    pub tick: Option<&'a (dyn Fn() + Sync)>,
    /// When set, no further run begins; what is finished is still reported.
    pub stop: Option<&'a AtomicBool>,
}

impl std::fmt::Debug for Progress<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Progress")
    }
}

impl Progress<'_> {
    fn is_stopped(&self) -> bool {
        self.stop.is_some_and(|stop| stop.load(Ordering::Relaxed))
    }
}

/// Runs each of these designs on each of these seeds. The results are by design, then by seed, whatever the number of
/// threads of the rayon pool that this is called in; seeds left out by a stop are absent.
pub fn sweep(scenario: &Scenario, designs: &[&Design], seeds: &[u64], progress: &Progress) -> Vec<Vec<SeedResult>> {
    let jobs: Vec<(usize, u64)> =
        seeds.iter().flat_map(|seed| (0..designs.len()).map(move |design| (design, *seed))).collect();
    let rows: Vec<Rows> = designs.iter().map(|design| levels::rows(design)).collect();
    let judging = Judging::of(jobs.len(), rayon::current_num_threads());
    let runners = || designs.iter().map(|design| design.configured.runner(judging)).collect::<Vec<_>>();
    let done: Vec<Option<(usize, SeedResult)>> = jobs
        .par_iter()
        .map_init(runners, |runners, (design, seed)| {
            if progress.is_stopped() {
                return None;
            }
            let trace = Trace::off().keeping(rows[*design].clone());
            let run = designs[*design].run_with(&mut *runners[*design], &scenario.setup, *seed, trace);
            let result = SeedResult::of(designs[*design], &run);
            if let Some(tick) = progress.tick {
                tick();
            }
            Some((*design, result))
        })
        .collect();
    let mut by_design = vec![Vec::new(); designs.len()];
    done.into_iter().flatten().for_each(|(design, result)| by_design[design].push(result));
    by_design
}
