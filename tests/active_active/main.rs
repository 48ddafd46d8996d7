//! Active-active: every design form that there is, in worlds in which anything breaks after which disks have what they said.
//!
//! Once everything is whole and quiet, copies are equal, whatever the form. One command looks at ten thousand random runs of each:
//!
//! ```text
//! RUNS=10000 cargo test --release --test active_active copies_are_equal -- --nocapture
//! ```
//!
//! It prints a line a form as it goes; `FORMS=crdt,causal` takes those whose names begin so. What fails is made
//! small and printed as a scenario.

mod convergence;
mod forms;
#[path = "../support/size.rs"]
mod size;
mod stronger;

use forms::Form;
use riftzone::explore::hunt::{Care, Effort, Hunted, Watcher, hunt, trophies};
use riftzone::scenario::{Document, Scenario};

/// So many runs may be spent on making a failure small.
const SHRINK_RUNS: u64 = 1_000;

/// Runs a form so often, each time with faults of its own; on after something broke if so wanted.
fn hunted(text: &str, runs: u64, goes_on: bool) -> (Scenario, Hunted) {
    let scenario = Scenario::parse(text, "form").unwrap_or_else(|error| panic!("{error}\n{text}"));
    let effort = Effort { runs, goes_on, ..Effort::default() };
    let hunted = hunt(&scenario, &scenario.designs[0], effort, &Watcher::default());
    (scenario, hunted)
}

/// What failed, made small.
fn story(text: &str, scenario: &Scenario, hunted: &Hunted) -> String {
    let document = Document::parse(text, "form").expect("it was read as a scenario");
    let care = Care { of_a_property: 1, runs: SHRINK_RUNS };
    let small = trophies(hunted, &document, scenario, care, &Watcher::default());
    let tell = |trophy: &riftzone::explore::hunt::Trophy| {
        let (failure, shrunk) = (&trophy.failure, trophy.shrunk.as_ref());
        let text = shrunk.map_or("as it was found".into(), |shrunk| shrunk.case.document.text());
        format!("seed {}: {}: {}\n{text}", failure.seed, failure.broken.property, failure.broken.why)
    };
    small.iter().map(tell).collect::<Vec<_>>().join("\n")
}

/// The forms that `FORMS` picks, or all.
fn picked() -> impl Iterator<Item = Form> {
    let picked = std::env::var("FORMS").ok();
    let is_picked = move |form: &Form| {
        picked.as_ref().is_none_or(|begins| begins.split(',').any(|begin| form.name.starts_with(begin)))
    };
    forms::all().into_iter().filter(is_picked)
}
