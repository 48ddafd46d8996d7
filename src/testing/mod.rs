//! Property tests of a protocol, one's own too: a world is drawn, the protocol runs in it, and what it claims, what is required
//! and every invariant must hold. What fails is made small, told as a story, and written as a scenario.
//!
//! ```
//! use riftzone::explore::strategies::Worlds;
//! use riftzone::protocol::Guarantee;
//! use riftzone::protocol::raft::Raft;
//! use riftzone::testing::PropertyTest;
//!
//! PropertyTest::<Raft>::new("raft")
//!     .worlds(Worlds { faults: 1..=3, ..Worlds::default() })
//!     .cases(8)
//!     .require(Guarantee::NoAcknowledgedWriteLost)
//!     .must_have("a change of leader", 1, |run| !run.failovers.is_empty())
//!     .check();
//! ```

mod failed;

pub use failed::Failed;

use std::cell::{Cell, RefCell};
use std::fmt;
use std::path::PathBuf;

use proptest::test_runner::{Config, TestCaseError, TestError, TestRng, TestRunner};

use crate::explore::property::{Property, Watch};
use crate::explore::shrink::Runs;
use crate::explore::strategies::{World, Worlds};
use crate::protocol::{Guarantee, Protocol};
use crate::scenario::Scenario;
use crate::sim::{Placement, Run, simulate};
use crate::trace::Trace;

/// How many runs may be spent on making a failure small.
const SHRINK_RUNS: u64 = 5_000;

/// Something that some runs of a test must have.
struct MustHave {
    what: String,
    runs: u32,
    has: Box<dyn Fn(&Run) -> bool>,
}

/// A property test of a protocol.
pub struct PropertyTest<P: Protocol> {
    name: String,
    options: P::Options,
    worlds: Worlds,
    cases: Option<u32>,
    required: Vec<(String, String)>,
    must_have: Vec<MustHave>,
    folder: Option<PathBuf>,
}

impl<P: Protocol> fmt::Debug for PropertyTest<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PropertyTest").field("name", &self.name).field("worlds", &self.worlds).finish_non_exhaustive()
    }
}

/// What a test went through in which nothing failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Passed {
    /// How many runs there were.
    pub runs: u32,
    /// How many events they had.
    pub steps: u64,
    /// How many of them had each thing that the test [must have](PropertyTest::must_have).
    pub had: Vec<(String, u32)>,
}

impl<P: Protocol> PropertyTest<P> {
    /// A test of this name, which also stands for the design: letters, digits, `-`, `_`, `.` and `+`.
    pub fn new(name: &str) -> PropertyTest<P> {
        PropertyTest {
            name: name.into(),
            options: P::Options::default(),
            worlds: Worlds::default(),
            cases: None,
            required: Vec::new(),
            must_have: Vec::new(),
            folder: None,
        }
    }

    /// The protocol's options; the defaults if left out.
    #[must_use]
    pub fn options(self, options: P::Options) -> Self {
        PropertyTest { options, ..self }
    }

    /// The worlds that it meets.
    #[must_use]
    pub fn worlds(self, worlds: Worlds) -> Self {
        PropertyTest { worlds, ..self }
    }

    /// How many worlds; as many as proptest takes (256, or `PROPTEST_CASES`) if left out.
    #[must_use]
    pub fn cases(self, cases: u32) -> Self {
        PropertyTest { cases: Some(cases), ..self }
    }

    /// A guarantee that must hold whether or not the protocol claims it.
    #[must_use]
    pub fn require(self, guarantee: Guarantee) -> Self {
        self.expect(guarantee.name(), "pass")
    }

    /// Something that must hold in every run, as in `[expect]`: `("read-your-writes", "pass")`, `("stale_reads", "= 0")`,
    /// `("recovery_after_heal_s", "<= 10s")`.
    #[must_use]
    pub fn expect(mut self, name: &str, bound: &str) -> Self {
        self.required.push((name.into(), bound.into()));
        self
    }

    /// Something that at least so many runs must have, or the test fails: what never happened was not tested.
    #[must_use]
    pub fn must_have(mut self, what: &str, runs: u32, has: impl Fn(&Run) -> bool + 'static) -> Self {
        self.must_have.push(MustHave { what: what.into(), runs, has: Box::new(has) });
        self
    }

    /// Where a failure's scenario, story and picture are written; not at all if left out.
    #[must_use]
    pub fn write_to(self, folder: impl Into<PathBuf>) -> Self {
        PropertyTest { folder: Some(folder.into()), ..self }
    }

    /// Runs the test.
    ///
    /// # Panics
    /// Where something fails, with the story; where something that a run must have was too rare; where what is required makes
    /// no sense.
    pub fn check(&self) -> Passed {
        self.run().unwrap_or_else(|failed| panic!("{failed}"))
    }

    /// Runs the test, and gives what failed.
    ///
    /// # Errors
    /// What failed, made small.
    ///
    /// # Panics
    /// Where something that a run must have was too rare, or what is required makes no sense.
    pub fn run(&self) -> Result<Passed, Box<Failed>> {
        let config = Config { failure_persistence: None, ..Config::default() };
        let config = Config { cases: self.cases.unwrap_or(config.cases), max_shrink_iters: 512, ..config };
        let rng = TestRng::deterministic_rng(config.rng_algorithm);
        let mut runner = TestRunner::new_with_rng(config, rng);
        let had: Vec<Cell<u32>> = self.must_have.iter().map(|_| Cell::new(0)).collect();
        let (runs, steps, broken) = (Cell::new(0), Cell::new(0), RefCell::new(None::<Property>));
        let result = runner.run(&self.worlds.strategy(&self.name), |mut world| {
            self.demand(&mut world);
            let scenario = world.scenario();
            let watch = Watch::new(&scenario.designs[0], false);
            let run = self.once(&scenario, world.seed, Trace::off().keeping(watch.rows().clone()));
            let finding = watch.look(&run);
            let first = broken.borrow().clone();
            if let Some(found) = first.as_ref().map_or(finding.broken.first(), |property| finding.of(property)) {
                // Whatever else a smaller world breaks is another failure.
                broken.borrow_mut().get_or_insert(found.property.clone());
                return Err(TestCaseError::fail(found.why.clone()));
            }
            if first.is_none() {
                runs.set(runs.get() + 1);
                steps.set(steps.get() + run.events);
                let with = self.must_have.iter().zip(&had).filter(|(must, _)| (must.has)(&run));
                with.for_each(|(_, count)| count.set(count.get() + 1));
            }
            Ok(())
        });
        match result {
            Ok(()) => Ok(self.passed(runs.get(), steps.get(), &had)),
            Err(TestError::Fail(why, mut world)) => {
                self.demand(&mut world);
                let property = broken.into_inner().unwrap_or_else(|| panic!("the test itself failed: {why}"));
                let runs: &Runs = &|scenario, seed, trace| self.once(scenario, seed, trace);
                Err(Box::new(Failed::of(&self.name, world, property, runs, SHRINK_RUNS, self.folder.as_deref())))
            }
            Err(TestError::Abort(why)) => panic!("the test was ended: {why}"),
        }
    }

    fn passed(&self, runs: u32, steps: u64, had: &[Cell<u32>]) -> Passed {
        for (must, had) in self.must_have.iter().zip(had) {
            let (what, least, had) = (&must.what, must.runs, had.get());
            assert!(had >= least, "only {had} of {runs} runs had {what}, and {least} must: this tests too little");
        }
        let had = self.must_have.iter().zip(had).map(|(must, had)| (must.what.clone(), had.get())).collect();
        Passed { runs, steps, had }
    }

    /// Adds what is required to what is expected of the design.
    fn demand(&self, world: &mut World) {
        self.required.iter().for_each(|(name, bound)| world.document.expect(&self.name, name, bound));
    }

    fn once(&self, scenario: &Scenario, seed: u64, trace: Trace) -> Run {
        let setup = &scenario.setup;
        simulate::<P>(setup, &Placement::everywhere(&setup.topology), &self.options, seed, trace).unwrap_or_else(
            |error| panic!("the options do not fit {} regions: {error}", setup.topology.regions().len()),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::last_writer_wins::LastWriterWins;
    use crate::protocol::raft::Raft;

    #[test]
    fn a_right_protocol_passes_and_what_it_went_through_is_told() {
        let test = PropertyTest::<Raft>::new("raft").cases(40).require(Guarantee::NoAcknowledgedWriteLost);
        let passed = test.must_have("a change of leader", 3, |run| !run.failovers.is_empty()).check();
        assert_eq!(passed.runs, 40);
        assert!(passed.had[0].1 >= 3 && passed.steps > 40_000, "{passed:?}");
    }

    #[test]
    fn what_is_not_claimed_fails_where_it_is_required_and_the_file_breaks_again() {
        let folder = tempfile::tempdir().unwrap();
        let test = PropertyTest::<LastWriterWins>::new("lww").require(Guarantee::Linearizable).write_to(folder.path());
        let failed = test.run().expect_err("it is not linearizable");
        assert_eq!(failed.property.name(), "linearizable");
        let text = std::fs::read_to_string(failed.file.as_ref().unwrap()).unwrap();
        // Here the stand-in is the protocol itself: the file is a scenario that breaks.
        let scenario = Scenario::parse(&text, "lww.toml").unwrap();
        let run = scenario.designs[0].run(&scenario.setup, failed.seed, Trace::off());
        assert!(run.digest == failed.digest && run.verdict(Guarantee::Linearizable).verdict.is_fail());
        assert!(failed.to_string().contains("lww breaks linearizable"), "{failed}");
        assert_eq!(failed.to_string(), test.run().unwrap_err().to_string(), "the same again");
    }

    #[test]
    #[should_panic(expected = "this tests too little")]
    fn what_never_happened_was_not_tested() {
        PropertyTest::<Raft>::new("raft").cases(3).must_have("a miracle", 1, |_| false).check();
    }
}
