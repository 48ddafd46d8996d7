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
use crate::id::NodeId;
use crate::model::fault::{Action, Fault};
use crate::protocol::Role;
use crate::scenario::{Document, Scenario, written_fault};
use crate::sim::{Run, explained};
use crate::time::Time;
use crate::trace::{Digest, Flight, Observation, Trace};

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

    /// How many messages had arrived at one replica from another when it was broken: what a space-time diagram of it draws.
    /// What the network loses does not count, nor what monitors and other helpers send and get. A write that is lost is not lost before
    /// the last copy gives it up; where nothing tells the instant, all of the run counts.
    pub fn messages(&self, runs: &Runs, broken: &Broken) -> Option<u64> {
        let (_, run) = self.run(runs, filmed())?;
        let gives_up = |observation: &Observation| {
            matches!(observation, Observation::RolledBack { .. } | Observation::Conflict { .. })
        };
        let sightings = run.trace.film().into_iter().flat_map(|film| &film.sightings);
        let lost = sightings.filter(|sighting| gives_up(&sighting.observation)).map(|sighting| sighting.at).max();
        let at = broken.at.or_else(|| self.instant(runs, broken).max(lost));
        Some(arrived(&run, at.unwrap_or(Time::NEVER)))
    }

    /// The same, with a list of the messages that get through where chance lets some get lost. `None` where it does not, or not on
    /// all links, or a list would be no scenario.
    fn spelled_out(&self, runs: &Runs) -> Option<Document> {
        let (scenario, run) = self.run(runs, filmed())?;
        let passages = &run.trace.film()?.passages;
        let mut document = self.document.clone();
        let faults = places::faults_mut(&mut document).filter(|faults| faults.len() == scenario.setup.faults.len())?;
        let mut is_other = false;
        for (place, (table, fault)) in faults.iter_mut().zip(&scenario.setup.faults).enumerate() {
            if matches!(&fault.action, Action::Loss { links, .. } if links.is_empty()) {
                let these = passages.iter().filter(|(of, _)| *of == place).map(|(_, passage)| *passage);
                let fault = Fault { action: Action::LossBut(these.collect()), ..fault.clone() };
                *table = written_fault(&fault, &scenario.setup.topology).into();
                is_other = true;
            }
        }
        is_other.then_some(document)
    }

    /// Runs it, if it is a scenario and breaks the property.
    fn broken(&self, runs: &Runs) -> Option<Tried> {
        let scenario = Scenario::parse(&self.document.text(), "").ok()?;
        let design = scenario.designs.first()?;
        let watch = Watch::new(design, self.is_planned_so);
        let run = runs(&scenario, self.seed, filmed().keeping(watch.rows().clone()));
        let broken = watch.look(&run).of(&self.property)?.clone();
        let operations = run.measures.outcomes(None).total();
        let at = broken.at.or_else(|| self.instant(runs, &broken));
        let messages = arrived(&run, at.unwrap_or(Time::NEVER));
        let size = Size::of(&self.document, self.seed, operations, messages);
        Some(Tried { case: self.clone(), broken, digest: run.digest, size })
    }
}

/// A trace with every message.
fn filmed() -> Trace {
    Trace::off().filmed_between(Time::ZERO, Time::NEVER)
}

/// How many messages between replicas had arrived by then.
fn arrived(run: &Run, by: Time) -> u64 {
    let is_replica = |node: NodeId| run.nodes[node.index()].role == Role::Replica;
    let flights = run.trace.film().into_iter().flat_map(|film| &film.flights);
    let counts = |flight: &&Flight| {
        flight.arrives.is_some_and(|at| at <= by) && is_replica(flight.from) && is_replica(flight.to)
    };
    flights.filter(counts).count() as u64
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
    let settle = case.document.root.get("settle").cloned();
    let mut shrinker = Shrinker { best: first, settle, runs, steps: 1, budget: steps.max(1), watcher };
    shrinker.strip();
    shrinker.passes();
    shrinker.spell_out();
    let is_minimal = !shrinker.is_over();
    let Shrinker { best: Tried { case, broken, digest, size }, steps, .. } = shrinker;
    Some(Shrunk { case, broken, digest, before, after: size, steps, is_minimal })
}

struct Shrinker<'w> {
    best: Tried,
    /// How long the first case had until all was quiet.
    settle: Option<toml::Value>,
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

    /// Tries everything until nothing makes it smaller.
    fn passes(&mut self) {
        loop {
            let size = self.best.size;
            self.pass();
            if self.is_over() || self.best.size == size {
                break;
            }
        }
    }

    /// Tries everything once, the largest steps first.
    fn pass(&mut self) {
        self.fewer_faults();
        self.fewer_passages();
        self.every(edits::removals, &SEEDS);
        self.every(edits::simpler, &SEEDS);
        let at = self.best.case.instant(self.runs, &self.best.broken);
        self.every(move |document| edits::calmer(document, at), &SEEDS);
        let at = self.best.case.instant(self.runs, &self.best.broken);
        self.every(move |document| edits::rounder(document, at), &[]);
        for seed in SEEDS {
            if seed < self.best.case.seed {
                self.attempt_with(self.best.case.document.clone(), seed);
            }
        }
    }

    /// Where a network loses messages by chance, and those that get through are too many to follow: which they are is written out, so that
    /// one after the other can be lost as well, and chance moves nothing else.
    fn spell_out(&mut self) {
        if self.best.size.messages <= Size::FEW_MESSAGES || self.is_over() {
            return;
        }
        let before = self.best.clone();
        let Some(document) = before.case.spelled_out(self.runs) else { return };
        self.steps += 2;
        let Some(tried) = (Case { document, ..before.case.clone() }).broken(self.runs) else { return };
        self.best = tried;
        self.passes();
        if self.best.size.messages > Size::FEW_MESSAGES {
            self.best = before;
        }
    }

    /// Lets halves of the messages get lost that get through, then quarters, and so on.
    fn fewer_passages(&mut self) {
        for fault in 0..places::faults(&self.best.case.document).len() {
            let mut chunk = edits::passages(&self.best.case.document, fault).unwrap_or(0).div_ceil(2);
            while chunk > 0 && !self.is_over() {
                let mut from = 0;
                while let Some(count) = edits::passages(&self.best.case.document, fault).filter(|count| from < *count) {
                    let less =
                        edits::without_passages(&self.best.case.document, fault, from..(from + chunk).min(count));
                    if !self.attempt(less, &[]) {
                        from += chunk;
                    }
                }
                chunk /= 2;
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
            Some(tried) if tried.size < self.best.size && self.is_for_good(&tried.case) => {
                self.best = tried;
                true
            }
            _ => false,
        }
    }

    /// Whether what is judged at the end is broken once all is quiet, too: an end that comes too early breaks it for a reason of its own.
    fn is_for_good(&mut self, case: &Case) -> bool {
        let settle = case.document.root.get("settle");
        if !case.property.is_of_the_end() || settle == self.settle.as_ref() {
            return true;
        }
        let mut longer = case.clone();
        match &self.settle {
            Some(settle) => longer.document.root.insert("settle".into(), settle.clone()),
            None => longer.document.root.remove("settle"),
        };
        self.steps += 1;
        longer.broken(self.runs).is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::explore::hunt::{Effort, hunt, tests::TEXT};
    use crate::protocol::Guarantee;

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
            let mut patient = shrunk.case.clone();
            patient.document.root.insert("settle".into(), case.document.root["settle"].clone());
            assert!(patient.broken(&as_written).is_some(), "only an early end breaks it:\n{text}");
            let all = removals(&shrunk.case.document);
            assert!(!all.is_empty());
            for (what, document) in all {
                let less = Case { document, ..shrunk.case.clone() };
                assert!(less.broken(&as_written).is_none(), "{what} is not needed:\n{text}");
            }
        }
    }

    /// Reads at whoever is asked, where most messages get lost by chance.
    fn by_chance() -> Case {
        let loss = "[[fault]]\nat = \"1s\"\nloss = { ratio = \"70%\" }\n";
        let text = format!("{TEXT}{loss}{}", DESIGNS[1]);
        let document = Document::parse(&text, "a.toml").unwrap();
        let property = Property::Guarantee(Guarantee::Linearizable);
        let of = |seed| Case { document: document.clone(), seed, property: property.clone(), is_planned_so: false };
        (1..100).map(of).find(|case| case.broken(&as_written).is_some()).expect("some seed breaks it")
    }

    #[test]
    fn what_chance_did_is_the_same_where_it_is_written_out_and_less_of_it_is_enough() {
        let case = by_chance();
        let whole = case.broken(&as_written).unwrap();
        let document = case.spelled_out(&as_written).expect("a network loses messages");
        let spelled = Case { document, ..case.clone() };
        let again = spelled.broken(&as_written).expect("it breaks the same");
        assert_eq!((again.digest, &again.broken), (whole.digest, &whole.broken));
        assert!(spelled.spelled_out(&as_written).is_none(), "nothing is left to chance");
        let all = edits::passages(&spelled.document, 0).unwrap();
        let (budget, watcher) = (20_000, Watcher::default());
        let mut shrinker =
            Shrinker { best: again, settle: None, runs: &as_written, steps: 0, budget, watcher: &watcher };
        shrinker.fewer_passages();
        let Tried { case, size, .. } = &shrinker.best;
        let left = edits::passages(&case.document, 0).unwrap();
        assert!(0 < left && left * 4 < all, "{left} of {all}\n{}", case.document.text());
        assert_eq!(size.messages, Size::FEW_MESSAGES);
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
