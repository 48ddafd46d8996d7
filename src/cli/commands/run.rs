//! `riftzone run`: one design, one seed.
//!
//! Next: `compare.rs`.

use crate::cli::args::Run;
use crate::cli::exit::{Exit, Failure};
use crate::cli::exports;
use crate::cli::load::{self, Loaded};
use crate::cli::output::Output;
use crate::cli::pages;
use crate::explore::levels;
use crate::report::{RunReport, history, json, page, text};
use crate::sim::explained;
use crate::time::Time;
use crate::trace::{Rows, Trace};

/// Runs, reports, and says whether it held.
pub fn run(asked: &Run, output: &Output) -> Result<Exit, Failure> {
    let loaded = Loaded::read_for(&asked.file, asked.seed)?;
    let design = loaded.design(asked.design.as_deref())?;
    let exports = exports::of_run(&asked.export)?;
    let between = asked.between.unwrap_or_default();
    let end = loaded.scenario.setup.duration + loaded.scenario.setup.settle;
    if between.from >= Time::ZERO + end {
        return Err(Failure::Usage {
            message: format!("nothing happens from {} on: a run of this scenario ends at {end}", between.from),
            help: None,
        });
    }
    let needs_rows = asked.history.is_some() || asked.levels || asked.html.is_some();
    let rows = if needs_rows || exports.needs_rows() { Rows::All } else { levels::rows(design) };
    let trace =
        if exports.needs_film() { Trace::off().filmed_between(between.from, between.until) } else { Trace::off() };
    let run = explained(trace.keeping(rows), |trace| design.run_alone(&loaded.scenario.setup, asked.seed, trace));
    if let Some(path) = &asked.history {
        load::write(path, &history::lines(&run))?;
    }
    let mut report = RunReport::new(&loaded.file, &loaded.scenario, design, &run);
    if asked.levels {
        report.levels = levels::judge_all(&run);
    }
    output.report(asked.format, |paint| text::run(&report, paint), || json::run(&report))?;
    exports.write_run(&report, (between.from, between.until))?;
    let conclusion = report.conclusion();
    if let Some(path) = &asked.html {
        let levels = report.levels;
        let run = pages::filmed(run, &loaded.scenario, design);
        let report = RunReport { levels, ..RunReport::new(&loaded.file, &loaded.scenario, design, &run) };
        pages::write(path, &[page::Part { sweep: None, runs: vec![report], story: None }], asked.open)?;
    }
    Ok(conclusion.into())
}
