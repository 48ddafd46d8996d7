//! Flaws that real systems had, put into protocols that are right without them: each must be caught, and the same search must
//! find nothing in the protocol without it.
//!
//! ```text
//! cargo test --release --features mutants --test mutants -- --nocapture
//! ```
//!
//! prints a table as it goes; `MUTANTS=R1,F2` picks rows. Without the feature there are the rows whose flaw is an option.

mod bank;
mod worlds;

use bank::{BANK, How, Row};

use riftzone::explore::hunt::{Care, Effort, Failure, Watcher, hunt, trophies};
use riftzone::explore::property::Watch;
use riftzone::explore::shrink::{Case, Shrunk, as_written, shrink};
use riftzone::scenario::{Design, Document, Scenario};
use riftzone::sim::Setup;
use riftzone::trace::{FaultKinds, Trace};

/// A flaw that so many runs do not show is not caught.
const RUNS_MAX: u64 = 10_000;
/// Where a flaw is found sooner, the right design is searched for so long all the same.
const RUNS_MIN: u64 = 256;
/// So many runs may be spent on making a failure small.
const SHRINK_RUNS: u64 = 500;

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
    /// What is left of the run.
    shrunk: Option<Shrunk>,
}

fn caught(row: &Row, read: &Read) -> Option<Caught> {
    match row.how {
        How::Hunt => {
            let effort = Effort { runs: RUNS_MAX, ..Effort::default() };
            let hunted = hunt(&read.scenario, read.design("wrong"), effort, &Watcher::default());
            let first = hunted.failures.first()?;
            let (seed, property) = (first.seed, first.broken.property.to_string());
            let (document, scenario) = read.alone("wrong");
            let care = Care { of_a_property: 1, runs: SHRINK_RUNS };
            let trophies = trophies(&hunted, &document, &scenario, care, &Watcher::default());
            let same = trophies.into_iter().find(|trophy| trophy.failure.broken.property == first.broken.property);
            Some(Caught { seed, property, shrunk: same.and_then(|trophy| trophy.shrunk) })
        }
        How::Planned(seeds) => {
            let failure = planned(read, "wrong", seeds).next()?;
            let (document, scenario) = read.alone("wrong");
            let case = Case { is_planned_so: true, ..Case::of(&failure, &document, &scenario) };
            let shrunk = shrink(&case, &as_written, SHRINK_RUNS / 5, &Watcher::default());
            Some(Caught { seed: failure.seed, property: failure.broken.property.to_string(), shrunk })
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
        return format!("| {} | {} | NOT CAUGHT in {RUNS_MAX} runs | | | {spared} |", row.id, row.what);
    };
    let small = shrunk.as_ref().map_or("as it was found".into(), |shrunk| {
        let (size, rest) = (&shrunk.after, if shrunk.is_minimal { "" } else { " or fewer" });
        format!("{} faults, {} operations{rest}", size.faults, size.operations)
    });
    format!("| {} | {} | {property} | {seed} | {small} | {spared} |", row.id, row.what)
}

#[test]
fn every_flaw_is_caught_and_nothing_else_is() {
    let picked = std::env::var("MUTANTS").ok();
    let is_picked = |row: &&Row| picked.as_ref().is_none_or(|ids| ids.split(',').any(|id| id == row.id));
    let mut missed = Vec::new();
    println!("| row | flaw | caught by | seed | made small | right in |\n|---|---|---|---:|---|---:|");
    for row in BANK.iter().filter(|row| cfg!(feature = "mutants") || !row.is_mutant()).filter(is_picked) {
        let read = Read::of(row);
        let caught = caught(row, &read);
        let spared = spared(row, &read, caught.as_ref());
        println!("{}", line(row, caught.as_ref(), spared));
        if caught.is_none() {
            missed.push(row.id);
        }
    }
    assert!(missed.is_empty(), "not caught: {missed:?}");
}

#[test]
fn rows_are_told_apart() {
    for (place, row) in BANK.iter().enumerate() {
        assert!(BANK[..place].iter().all(|other| other.id != row.id), "{}", row.id);
        assert_ne!(row.wrong, row.right, "{}", row.id);
    }
}
