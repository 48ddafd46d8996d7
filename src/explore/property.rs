//! What a run must not break: the invariants that it is held to, what its design claims under such faults, and what the
//! scenario expects of every seed, whatever breaks. Next: `hunt/mod.rs`, who looks for a seed that does.

use std::fmt;

use crate::check::Verdict;
use crate::check::level::{Judged, Level};
use crate::check::monitor::Invariant;
use crate::protocol::Guarantee;
use crate::scenario::{Bound, Design, Expectation, Over};
use crate::sim::Run;
use crate::time::Time;
use crate::trace::Rows;

use super::levels;

/// The metrics of which a bound is about safety, or about what comes after all faults: random faults excuse nothing. What
/// is expected of any other metric is meant for the faults that the file plans.
const WHATEVER_BREAKS: [&str; 5] =
    ["lost_acknowledged_writes", "diverged_writes", "dual_writer_s", "duplicate_effects", "recovery_after_heal_s"];

/// Something that a run can break.
#[derive(Clone, Debug, PartialEq)]
pub enum Property {
    /// An invariant, watched at every event.
    Invariant(Invariant),
    /// A guarantee that the design claims under such faults, or that the scenario expects.
    Guarantee(Guarantee),
    /// A level of consistency or a bound of a metric, which the scenario expects.
    Expectation(Expectation),
}

impl Property {
    /// Whether it is judged by what copies hold at the end, when all is to be quiet.
    pub fn is_of_the_end(&self) -> bool {
        match self {
            Property::Invariant(invariant) => *invariant == Invariant::AckedWriteLost,
            Property::Guarantee(guarantee) => {
                matches!(guarantee, Guarantee::Convergence | Guarantee::NoAcknowledgedWriteLost)
            }
            Property::Expectation(_) => false,
        }
    }

    /// The name in reports, in JSON and in file names.
    pub fn name(&self) -> &str {
        match self {
            Property::Invariant(invariant) => invariant.name(),
            Property::Guarantee(guarantee) => guarantee.name(),
            Property::Expectation(expectation) => &expectation.name,
        }
    }

    /// What it says, in a clause.
    pub fn meaning(&self) -> String {
        match self {
            Property::Invariant(invariant) => invariant.meaning().into(),
            Property::Guarantee(guarantee) => guarantee_meaning(*guarantee).into(),
            Property::Expectation(Expectation { name, bound: Bound::Verdict(_), .. }) => {
                format!("what clients see meets {name}")
            }
            Property::Expectation(Expectation { name, bound, .. }) => format!("{name} is {bound}"),
        }
    }
}

const fn guarantee_meaning(guarantee: Guarantee) -> &'static str {
    match guarantee {
        Guarantee::Linearizable => "each key behaves like one copy that changes at one instant between call and return",
        Guarantee::Convergence => "after heal and quiet, every serving replica holds the same copy",
        Guarantee::NoAcknowledgedWriteLost => {
            "what was acknowledged is still there, or was overwritten by a later write"
        }
        Guarantee::OneLeaderPerEpoch => "at most one leader in each epoch",
        Guarantee::SingleWriter => "no two nodes acknowledge writes at the same time",
    }
}

impl fmt::Display for Property {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A property that a run broke.
#[derive(Clone, Debug, PartialEq)]
pub struct Broken {
    /// Which.
    pub property: Property,
    /// The event that broke it, where it was one.
    pub at: Option<Time>,
    /// How, in words.
    pub why: String,
}

/// What a run came to.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Finding {
    /// What it broke: what an event broke in order of time, then what shows at the end.
    pub broken: Vec<Broken>,
    /// Whether a verdict that was asked for could not be reached.
    pub is_inconclusive: bool,
}

/// Knows what is asked of a design's runs.
#[derive(Debug)]
pub struct Watch<'d> {
    design: &'d Design,
    expected: Vec<&'d Expectation>,
    rows: Rows,
}

impl<'d> Watch<'d> {
    /// What is asked of this design when faults are drawn at random. `is_planned_so`: the scenario itself draws faults, so
    /// that its bounds on metrics are meant for them.
    pub fn new(design: &'d Design, is_planned_so: bool) -> Watch<'d> {
        let counts = |expectation: &&Expectation| {
            let base = expectation.name.split('/').next().unwrap_or_default();
            expectation.over == Over::Every
                && match expectation.bound {
                    Bound::Verdict(verdict) => verdict == "pass",
                    Bound::Range { .. } => {
                        is_planned_so || (WHATEVER_BREAKS.contains(&base) && expectation.bound.allows(0.0))
                    }
                }
        };
        let expected = design.expectations.iter().filter(counts).collect();
        Watch { design, expected, rows: levels::rows(design) }
    }

    /// The rows of the history that a run must keep to be looked at.
    pub fn rows(&self) -> &Rows {
        &self.rows
    }

    /// What the run broke.
    pub fn look(&self, run: &Run) -> Finding {
        let mut finding = Finding::default();
        let mut breaches: Vec<_> = run.breaches.iter().collect();
        breaches.sort_by_key(|breach| (breach.at, breach.invariant));
        finding.broken.extend(breaches.into_iter().map(|breach| Broken {
            property: Property::Invariant(breach.invariant),
            at: Some(breach.at),
            why: breach.why.clone(),
        }));
        for judged in run.broken_claims() {
            finding.judge(Property::Guarantee(judged.guarantee), &judged.verdict);
        }
        let judged = levels::judge_expected(self.design, run);
        for expectation in &self.expected {
            finding.expect(expectation, run, &judged);
        }
        finding
    }
}

impl Finding {
    /// How it broke this property, if it did.
    pub fn of(&self, property: &Property) -> Option<&Broken> {
        self.broken.iter().find(|broken| broken.property == *property)
    }

    fn judge(&mut self, property: Property, verdict: &Verdict) {
        match verdict {
            Verdict::Pass => {}
            Verdict::Inconclusive { .. } => self.is_inconclusive = true,
            Verdict::Fail(counterexample) => {
                if self.of(&property).is_none() {
                    self.broken.push(Broken { property, at: None, why: counterexample.why.clone() });
                }
            }
        }
    }

    fn expect(&mut self, expectation: &Expectation, run: &Run, judged: &[Judged]) {
        if let Some(guarantee) = Guarantee::from_name(&expectation.name) {
            return self.judge(Property::Guarantee(guarantee), &run.verdict(guarantee).verdict);
        }
        let property = || Property::Expectation(expectation.clone());
        let level = Level::from_name(&expectation.name);
        if let Some(judged) = level.and_then(|level| judged.iter().find(|judged| judged.level == level)) {
            return self.judge(property(), &judged.verdict);
        }
        let judgement = expectation.judge(&[expectation.measure(run, judged)]);
        if !judgement.held {
            let why = format!("{} is {}; expected {}", expectation.name, judgement.measured, expectation.bound);
            self.broken.push(Broken { property: property(), at: None, why });
        }
    }
}
