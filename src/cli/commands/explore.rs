//! `riftzone explore`: a design in a world so small that every order of what may happen can be seen.
//!
//! Next: `replay.rs`.

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::cli::args::Explore;
use crate::cli::exit::{Exit, Failure};
use crate::cli::load::Loaded;
use crate::cli::output::{Output, shows_progress};
use crate::explore::exhaustive::{Bounds, Reduction, Sight, Tiny};
use crate::id::{Key, Value};
use crate::op::Op;
use crate::report::exploration::ExplorationReport;

/// Explores one design of the file, in its regions.
pub fn explore(asked: &Explore, output: &Output) -> Result<Exit, Failure> {
    let loaded = Loaded::read(&asked.file)?;
    let design = loaded.design(asked.design.as_deref())?;
    let names = loaded.scenario.setup.topology.regions();
    let regions: Vec<&str> = design.placement.regions.iter().map(|region| &*names[region.index()]).collect();
    let writes = (0..asked.writes).map(|nth| Op::Write(Key(0), Value(u64::from(nth))));
    let reads = (0..asked.reads).map(|_| Op::Read(Key(0)));
    let tiny = Tiny {
        operations: writes.chain(reads).collect(),
        slow_disks: asked.slow_disks,
        bounds: Bounds {
            timeouts: asked.timeouts,
            crashes: asked.crashes,
            duplicates: asked.duplicates,
            retries: asked.retries,
            depth: asked.depth.unwrap_or(u32::MAX),
            states: asked.states,
        },
        reduction: if asked.full { Reduction::NONE } else { Reduction::ALL },
    };
    let bar = spinner();
    let mut sight = |Sight { states, depth, frontier }| {
        bar.set_message(format!("{}: {states} states, {depth} deep, {frontier} there", design.name));
        bar.tick();
    };
    let explored = design.configured.explore(&tiny, &regions, &mut sight);
    bar.finish_and_clear();
    let unexplorable = || Failure::Usage {
        message: format!("`{}` cannot be explored: its states cannot be copied and told apart", design.protocol),
        help: Some("its type must be `Explorable`, and stand in the registry as such".into()),
    };
    let explored = explored.ok_or_else(unexplorable)?.map_err(|error| Failure::Usage {
        message: format!("the options of `{}` do not fit its regions: {error}", design.name),
        help: None,
    })?;
    let report = ExplorationReport {
        file: &loaded.file,
        scenario: &loaded.scenario.name,
        design: &design.name,
        regions,
        tiny: &tiny,
        explored: &explored,
    };
    output.report(asked.format, |paint| report.text(paint), || report.json())?;
    Ok(report.conclusion().into())
}

fn spinner() -> ProgressBar {
    if !shows_progress() {
        return ProgressBar::hidden();
    }
    let style = ProgressStyle::with_template("{spinner} {msg}").expect("the template is fixed");
    ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr()).with_style(style)
}
