//! Flaws that real systems had, put into protocols that are right without them: each must be caught, and the same search must
//! find nothing in the protocol without it.
//!
//! ```text
//! cargo test --release --features mutants --test mutants -- --nocapture
//! ```
//!
//! prints a table as it goes, and fails where a row is not caught, or what chance found does not come out small; `MUTANTS=R1,F2`
//! picks rows. Without the feature there are the rows whose flaw is an option.

mod bank;
mod worlds;

use bank::{BANK, How, Row};

use riftzone::explore::hunt::{Effort, Failure, Watcher, hunt, usual};
use riftzone::explore::property::{Property, Watch};
use riftzone::explore::shrink::{Case, Shrunk, Size, as_written, shrink};
use riftzone::scenario::{Design, Document, Scenario};
use riftzone::sim::Setup;
use riftzone::trace::{FaultKinds, Trace};

/// A flaw that so many runs do not show is not caught.
const RUNS_MAX: u64 = 10_000;
/// Where a flaw is found sooner, the right design is searched for so long all the same.
const RUNS_MIN: u64 = 256;
/// So many runs may be spent on making a failure small.
const SHRINK_RUNS: u64 = 10_000;
/// Where the first failure does not come out small, so many others are tried.
const FAILURES_MORE: usize = 32;
/// A flaw that chance finds must come out no larger: so many nodes, faults, and messages until it shows.
const SMALL: (usize, usize, u64) = (5, 4, 20);

/// A row's scenario, read.
struct Read {
    document: Document,
    scenario: Scenario,
}

impl Read {
    fn of(row: &Row) -> Read {
        let text = row.text();
        let wrong = |error| -> ! { panic!("{}: {error}\n{text}", row.id) };
        Read {
            document: Document::parse(&text, row.id).unwrap_or_else(|error| wrong(error)),
            scenario: Scenario::parse(&text, row.id).unwrap_or_else(|error| wrong(error)),
        }
    }

    fn design(&self, name: &str) -> &Design {
        self.scenario.designs.iter().find(|design| design.name == name).expect("both designs are there")
    }

    /// The document with this design alone, and the scenario that it is.
    fn alone(&self, name: &str) -> (Document, Scenario) {
        let mut document = self.document.clone();
        document.keep_design(name);
        let scenario = Scenario::parse(&document.text(), name).expect("it was one before");
        (document, scenario)
    }
}

/// How a flaw was caught.
struct Caught {
    /// The first seed that showed it.
    seed: u64,
    /// What it broke.
    property: String,
    /// What is left of the run, and how many messages replicas got from each other in it until it broke something.
    shrunk: Option<(Shrunk, u64)>,
}

impl Caught {
    fn is_small(&self) -> bool {
        let (nodes, faults, messages) = SMALL;
        self.shrunk.as_ref().is_some_and(|(shrunk, count)| {
            shrunk.after.regions <= nodes && shrunk.after.faults <= faults && *count <= messages
        })
    }
}

/// Failures of the same property that chance alone draws, those first in which it takes the fewest messages.
fn fewest(read: &Read, property: &Property) -> Vec<Failure> {
    let (design, setup) = (read.design("wrong"), &read.scenario.setup);
    let chaos = setup.chaos.clone().unwrap_or_else(|| usual(&design.setup(setup)));
    let watch = Watch::new(design, setup.chaos.is_some());
    let run = |seed| {
        let faults: Vec<_> = setup.faults.iter().cloned().chain(chaos.draw(&setup.topology, seed)).collect();
        let world = Setup { chaos: None, faults: faults.clone(), ..setup.clone() };
        let run = design.run(&world, seed, Trace::off().keeping(watch.rows().clone()));
        let broken = watch.look(&run).of(property)?.clone();
        Some(Failure { seed, broken, faults, kinds: FaultKinds::NONE, digest: run.digest })
    };
    let mut failures: Vec<Failure> = (1..=RUNS_MAX).filter_map(run).collect();
    let (document, scenario) = read.alone("wrong");
    failures
        .sort_by_cached_key(|failure| Case::of(failure, &document, &scenario).messages(&as_written, &failure.broken));
    failures.truncate(FAILURES_MORE);
    failures
}

/// Not too many faults first, then few messages.
fn size((shrunk, messages): &(Shrunk, u64)) -> (bool, u64, Size) {
    (shrunk.after.faults > SMALL.1, *messages, shrunk.after)
}

fn with_messages(shrunk: Shrunk) -> (Shrunk, u64) {
    let messages = shrunk.case.messages(&as_written, &shrunk.broken).expect("it was run just now");
    (shrunk, messages)
}

fn caught(row: &Row, read: &Read) -> Option<Caught> {
    match row.how {
        How::Hunt => {
            let effort = Effort { runs: RUNS_MAX, ..Effort::default() };
            let hunted = hunt(&read.scenario, read.design("wrong"), effort, &Watcher::default());
            let first = hunted.failures.first()?;
            let property = &first.broken.property;
            let (document, scenario) = read.alone("wrong");
            let small = |failure: &Failure| {
                let case = Case::of(failure, &document, &scenario);
                shrink(&case, &as_written, SHRINK_RUNS, &Watcher::default()).map(with_messages)
            };
            let mut caught = Caught { seed: first.seed, property: property.to_string(), shrunk: small(first) };
            let others = if caught.is_small() { Vec::new() } else { fewest(read, property) };
            for failure in &others {
                caught.shrunk = caught.shrunk.into_iter().chain(small(failure)).min_by_key(size);
                if caught.is_small() {
                    break;
                }
            }
            Some(caught)
        }
        How::Planned(seeds) => {
            let failure = planned(read, "wrong", seeds).next()?;
            let (document, scenario) = read.alone("wrong");
            let case = Case { is_planned_so: true, ..Case::of(&failure, &document, &scenario) };
            let shrunk = shrink(&case, &as_written, SHRINK_RUNS / 100, &Watcher::default());
            let property = failure.broken.property.to_string();
            Some(Caught { seed: failure.seed, property, shrunk: shrunk.map(with_messages) })
        }
    }
}

/// The failures of a design under the planned faults alone.
fn planned<'r>(read: &'r Read, design: &str, seeds: u64) -> impl Iterator<Item = Failure> + use<'r> {
    let (design, setup): (_, &Setup) = (read.design(design), &read.scenario.setup);
    let watch = Watch::new(design, true);
    let run = move |seed| {
        let run = design.run(setup, seed, Trace::off().keeping(watch.rows().clone()));
        let finding = watch.look(&run);
        assert!(!finding.is_inconclusive, "{}, seed {seed}", design.name);
        let broken = finding.broken.first()?.clone();
        Some(Failure { seed, broken, faults: setup.faults.clone(), kinds: FaultKinds::NONE, digest: run.digest })
    };
    (1..=seeds).filter_map(run)
}

/// How many runs of the right design were looked at. All of them must be good.
fn spared(row: &Row, read: &Read, caught: Option<&Caught>) -> u64 {
    match row.how {
        How::Hunt => {
            let runs = caught.map_or(RUNS_MIN, |caught| caught.seed.next_multiple_of(64).max(RUNS_MIN));
            let effort = Effort { runs, goes_on: true, ..Effort::default() };
            let hunted = hunt(&read.scenario, read.design("right"), effort, &Watcher::default());
            assert!(hunted.failing == 0 && hunted.inconclusive == 0, "{} without its flaw: {hunted:#?}", row.id);
            hunted.runs
        }
        How::Planned(seeds) => {
            let seeds = seeds.min(caught.map_or(0, |caught| caught.seed).max(20));
            let failures: Vec<Failure> = planned(read, "right", seeds).collect();
            assert!(failures.is_empty(), "{} without its flaw: {failures:#?}", row.id);
            seeds
        }
    }
}

/// A line of the table.
fn line(row: &Row, caught: Option<&Caught>, spared: u64) -> String {
    let Some(Caught { seed, property, shrunk }) = caught else {
        return format!("| {} | {} | NOT CAUGHT in {RUNS_MAX} runs | | | | | | {spared} |", row.id, row.what);
    };
    let small = shrunk.as_ref().map_or("as it was found | | |".into(), |(shrunk, messages)| {
        let (size, rest) = (&shrunk.after, if shrunk.is_minimal { "" } else { " or fewer" });
        format!("{} | {} | {messages} | {}{rest}", size.regions, size.faults, size.operations)
    });
    format!("| {} | {} | {property} | {seed} | {small} | {spared} |", row.id, row.what)
}

#[test]
fn every_flaw_is_caught_and_nothing_else_is() {
    let picked = std::env::var("MUTANTS").ok();
    let is_picked = |row: &&Row| picked.as_ref().is_none_or(|ids| ids.split(',').any(|id| id == row.id));
    let (mut missed, mut large) = (Vec::new(), Vec::new());
    println!("| row | flaw | caught by | seed | regions | faults | messages | operations | right in |");
    println!("|---|---|---|---:|---:|---:|---:|---:|---:|");
    for row in BANK.iter().filter(|row| cfg!(feature = "mutants") || !row.is_mutant()).filter(is_picked) {
        let read = Read::of(row);
        let caught = caught(row, &read);
        let spared = spared(row, &read, caught.as_ref());
        println!("{}", line(row, caught.as_ref(), spared));
        match caught {
            None => missed.push(row.id),
            Some(caught) if row.how == How::Hunt && !caught.is_small() => large.push(row.id),
            Some(_) => {}
        }
    }
    assert!(missed.is_empty() && large.is_empty(), "not caught: {missed:?}; not made small: {large:?}");
}

#[test]
fn rows_are_told_apart() {
    for (place, row) in BANK.iter().enumerate() {
        assert!(BANK[..place].iter().all(|other| other.id != row.id), "{}", row.id);
        assert_ne!(row.wrong, row.right, "{}", row.id);
    }
}
