//! From a scenario that breaks a property to the smallest one like it.
//!
//! A step is a whole scenario with something left out or said more simply; it is taken where it is one that can be read, is
//! [smaller](Size), and breaks the same property when it is run. Nothing is guessed: what comes out was run, as it will be
//! written. When no step can be taken any more, leaving out any one thing that is left breaks the property no longer: the
//! result is 1-minimal (Zeller, Hildebrandt, *Simplifying and Isolating Failure-Inducing Input*, TSE 28(2), 2002).
//!
//! In order: `places.rs` (where things are in a document), `size.rs`, `edits.rs` (steps). Next: `places.rs`.

mod edits;
mod places;
mod size;

pub use edits::{Edit, removals};
pub use size::Size;

use crate::check::Verdict;
use crate::scenario::{Document, Scenario};
use crate::sim::{Run, explained};
use crate::time::Time;
use crate::trace::{Digest, Trace};

use super::hunt::{Failure, Watcher};
use super::levels;
use super::property::{Broken, Property, Watch};

/// Other seeds with which a large step is tried, where it fails with its own.
const SEEDS: [u64; 3] = [1, 2, 3];

/// A scenario of one design, and a seed with which it breaks something.
#[derive(Clone, Debug)]
pub struct Case {
    /// The scenario.
    pub document: Document,
    /// The seed.
    pub seed: u64,
    /// What it breaks.
    pub property: Property,
    /// Whether the scenario that it comes from drew faults itself; see [`Watch::new`].
    pub is_planned_so: bool,
}

/// Runs a scenario's only design, or what is tested in its place: with this seed, keeping what the trace asks for.
pub type Runs<'r> = dyn Fn(&Scenario, u64, Trace) -> Run + 'r;

/// Runs the design that the scenario says.
pub fn as_written(scenario: &Scenario, seed: u64, trace: Trace) -> Run {
    scenario.designs[0].run(&scenario.setup, seed, trace)
}

/// What became of a case.
#[derive(Clone, Debug)]
pub struct Shrunk {
    /// The scenario, with which [`Case::seed`] or another seed breaks the property.
    pub case: Case,
    /// How it breaks it.
    pub broken: Broken,
    /// The digest of that run.
    pub digest: Digest,
    /// How much there was, with all faults planned.
    pub before: Size,
    /// How much there is.
    pub after: Size,
    /// How many runs it took.
    pub steps: u64,
    /// Whether it ended because nothing more can go, and not because the steps were spent.
    pub is_minimal: bool,
}

impl Case {
    /// A failure of a design in this scenario, with every fault planned. `document` holds that design alone.
    pub fn of(failure: &Failure, document: &Document, scenario: &Scenario) -> Case {
        let mut document = document.clone();
        document.plan(&failure.faults, &scenario.setup.topology);
        let is_planned_so = scenario.setup.chaos.is_some();
        Case { document, seed: failure.seed, property: failure.broken.property.clone(), is_planned_so }
    }

    /// Runs it: the scenario and its run, which keeps what `trace` asks for. `None` where the document is no scenario.
    pub fn run(&self, runs: &Runs, trace: Trace) -> Option<(Scenario, Run)> {
        let scenario = Scenario::parse(&self.document.text(), "").ok()?;
        let run = runs(&scenario, self.seed, trace);
        Some((scenario, run))
    }

    /// When it was broken: the event that did it, or the end of the last operation that shows it.
    pub fn instant(&self, runs: &Runs, broken: &Broken) -> Option<Time> {
        if broken.at.is_some() {
            return broken.at;
        }
        let scenario = Scenario::parse(&self.document.text(), "").ok()?;
        let design = scenario.designs.first()?;
        let trace = Trace::off().keeping(levels::rows(design));
        let run = explained(trace, |trace| runs(&scenario, self.seed, trace));
        let levels = levels::judge_expected(design, &run);
        let verdict = match &self.property {
            Property::Guarantee(guarantee) => Some(&run.verdict(*guarantee).verdict),
            property => levels.iter().find(|judged| judged.level.to_string() == property.name()).map(|j| &j.verdict),
        };
        let Some(Verdict::Fail(counterexample)) = verdict else { return None };
        let ends = counterexample.operations.iter().map(|id| run.history.get(*id).completed);
        ends.filter(|at| *at != Time::NEVER).max()
    }

    /// Runs it, if it is a scenario and breaks the property.
    fn broken(&self, runs: &Runs) -> Option<Tried> {
        let scenario = Scenario::parse(&self.document.text(), "").ok()?;
        let design = scenario.designs.first()?;
        let watch = Watch::new(design, self.is_planned_so);
        let run = runs(&scenario, self.seed, Trace::off().keeping(watch.rows().clone()));
        let broken = watch.look(&run).of(&self.property)?.clone();
        let operations = run.measures.outcomes(None).total();
        let size = Size::of(&self.document, self.seed, operations);
        Some(Tried { case: self.clone(), broken, digest: run.digest, size })
    }
}

/// A case that was run and breaks its property.
#[derive(Clone, Debug)]
struct Tried {
    case: Case,
    broken: Broken,
    digest: Digest,
    size: Size,
}

/// Makes a case as small as it gets in so many runs. `None` where it does not break its property in the first place, as when
/// a ratio cannot be written exactly.
pub fn shrink(case: &Case, runs: &Runs, steps: u64, watcher: &Watcher) -> Option<Shrunk> {
    let first = case.broken(runs)?;
    let before = first.size;
    let mut shrinker = Shrinker { best: first, runs, steps: 1, budget: steps.max(1), watcher };
    shrinker.strip();
    loop {
        let size = shrinker.best.size;
        shrinker.pass();
        if shrinker.is_over() || shrinker.best.size == size {
            break;
        }
    }
    let is_minimal = !shrinker.is_over();
    let Shrinker { best: Tried { case, broken, digest, size }, steps, .. } = shrinker;
    Some(Shrunk { case, broken, digest, before, after: size, steps, is_minimal })
}

struct Shrinker<'w> {
    best: Tried,
    runs: &'w Runs<'w>,
    steps: u64,
    budget: u64,
    watcher: &'w Watcher<'w>,
}

impl Shrinker<'_> {
    fn is_over(&self) -> bool {
        self.steps >= self.budget || self.watcher.is_stopped()
    }

    /// What tells about the scenario, and what else is expected, goes at once.
    fn strip(&mut self) {
        let mut document = self.best.case.document.clone();
        ["schema", "lesson", "source", "assumed", "budget"].iter().for_each(|key| drop(document.root.remove(*key)));
        let expected = match &self.best.case.property {
            Property::Expectation(_) | Property::Guarantee(_) => self.best.case.property.name().to_string(),
            Property::Invariant(_) => String::new(),
        };
        if let Some(expect) = document.root.get_mut("expect").and_then(toml::Value::as_table_mut) {
            let is_it = |key: &str| key.replace('_', "-") == expected.replace('_', "-");
            expect.retain(|key, value| match value.as_table_mut() {
                Some(own) => {
                    own.retain(|key, _| is_it(key));
                    !own.is_empty()
                }
                None => is_it(key),
            });
            if expect.is_empty() {
                document.root.remove("expect");
            }
        }
        self.attempt(document, &[]);
    }

    /// Tries everything once, the largest steps first.
    fn pass(&mut self) {
        self.fewer_faults();
        self.every(edits::removals, &SEEDS);
        self.every(edits::simpler, &SEEDS);
        let at = self.best.case.instant(self.runs, &self.best.broken);
        self.every(move |document| edits::calmer(document, at), &SEEDS);
        let at = self.best.case.instant(self.runs, &self.best.broken);
        self.every(move |document| edits::rounder(document, at), &[]);
        for seed in SEEDS {
            if seed < self.best.case.seed {
                let document = self.best.case.document.clone();
                self.attempt_with(document, seed);
            }
        }
    }

    /// Leaves out halves of the faults, then quarters, and so on.
    fn fewer_faults(&mut self) {
        let mut chunk = places::faults(&self.best.case.document).len() / 2;
        while chunk > 1 && !self.is_over() {
            let mut from = 0;
            loop {
                let count = places::faults(&self.best.case.document).len();
                if from >= count {
                    break;
                }
                let gone: Vec<usize> = (from..(from + chunk).min(count)).collect();
                if !self.attempt(edits::without_faults(&self.best.case.document, &gone), &[]) {
                    from += chunk;
                }
            }
            chunk /= 2;
        }
    }

    /// Takes every step of a kind that can be taken, until none can.
    fn every(&mut self, edits: impl Fn(&Document) -> Vec<Edit>, seeds: &[u64]) {
        let mut place = 0;
        loop {
            // After a step what can be tried is another list; what comes before this place was tried just now.
            let all = edits(&self.best.case.document);
            let mut taken = false;
            while place < all.len() && !self.is_over() {
                taken = self.attempt(all[place].1.clone(), seeds);
                if taken {
                    break;
                }
                place += 1;
            }
            if !taken {
                return;
            }
        }
    }

    fn attempt(&mut self, document: Document, seeds: &[u64]) -> bool {
        let seed = self.best.case.seed;
        let others = seeds.iter().copied().filter(|other| *other != seed);
        let mut all = std::iter::once(seed).chain(others);
        all.any(|seed| self.attempt_with(document.clone(), seed))
    }

    /// Takes this step, if it is one.
    fn attempt_with(&mut self, document: Document, seed: u64) -> bool {
        if self.is_over() || (document == self.best.case.document && seed == self.best.case.seed) {
            return false;
        }
        let case = Case { document, seed, ..self.best.case.clone() };
        self.steps += 1;
        match case.broken(self.runs) {
            Some(tried) if tried.size < self.best.size => {
                self.best = tried;
                true
            }
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::explore::hunt::{Effort, hunt, tests::TEXT};

    fn failing(design: &str) -> Case {
        let text = format!("{TEXT}{design}");
        let document = Document::parse(&text, "a.toml").unwrap();
        let scenario = Scenario::parse(&text, "a.toml").unwrap();
        let hunted = hunt(&scenario, &scenario.designs[0], Effort::default(), &Watcher::default());
        Case::of(hunted.failures.first().expect("it fails"), &document, &scenario)
    }

    const DESIGNS: [&str; 2] = [
        r#"
        [design.unfenced]
        protocol = "primary-backup"
        failover = { detect = "3s", promote = "1s" }
        [expect.unfenced]
        single-writer = "pass"
        convergence = "pass"
    "#,
        r#"
        [design.local-reads]
        protocol = "raft"
        reads = "local"
        [expect]
        linearizable = "pass"
    "#,
    ];

    #[test]
    fn what_is_left_is_needed() {
        for design in DESIGNS {
            let case = failing(design);
            let shrunk = shrink(&case, &as_written, 20_000, &Watcher::default()).expect("it still fails");
            let text = shrunk.case.document.text();
            assert!(shrunk.is_minimal, "{} steps\n{text}", shrunk.steps);
            assert!(shrunk.after.faults <= 2 && shrunk.after.regions <= 3, "{:?}\n{text}", shrunk.after);
            assert!(shrunk.after.operations <= 30, "{:?}\n{text}", shrunk.after);
            assert!(shrunk.after < shrunk.before);
            let again = shrunk.case.broken(&as_written).expect("it breaks the property");
            assert_eq!((again.digest, &again.broken), (shrunk.digest, &shrunk.broken));
            let all = removals(&shrunk.case.document);
            assert!(!all.is_empty());
            for (what, document) in all {
                let less = Case { document, ..shrunk.case.clone() };
                assert!(less.broken(&as_written).is_none(), "{what} is not needed:\n{text}");
            }
        }
    }

    #[test]
    fn a_spent_budget_is_told_and_what_it_has_still_breaks() {
        let shrunk = shrink(&failing(DESIGNS[0]), &as_written, 5, &Watcher::default()).expect("it still fails");
        assert!(!shrunk.is_minimal && shrunk.steps == 5);
        assert!(shrunk.case.broken(&as_written).is_some());
    }

    #[test]
    fn what_does_not_break_cannot_be_shrunk() {
        let mut case = failing(DESIGNS[0]);
        case.document.root.remove("fault");
        assert!(shrink(&case, &as_written, 100, &Watcher::default()).is_none());
    }
}
