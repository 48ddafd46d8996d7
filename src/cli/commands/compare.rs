//! `riftzone compare`: designs on the same seeds.
//!
//! Next: `bless.rs`.

use crate::cli::args::Compare;
use crate::cli::exit::{Exit, Failure};
use crate::cli::exports;
use crate::cli::load::Loaded;
use crate::cli::output::Output;
use crate::cli::pages;
use crate::cli::sweep::Sweeper;
use crate::report::{SweepReport, json, text};

/// Runs every design on every seed, and puts them side by side.
pub fn compare(asked: &Compare, output: &Output) -> Result<Exit, Failure> {
    let loaded = Loaded::read(&asked.file)?;
    let designs = loaded.designs(&asked.designs)?;
    let seeds = asked.sweep.seeds.list(asked.sweep.first_seed);
    let exports = exports::of_sweep(&asked.export)?;
    let sweeper = Sweeper::new(asked.sweep.threads)?;
    let comparison = sweeper.sweep(&loaded.scenario, &designs, &seeds);
    let report =
        SweepReport { file: &loaded.file, scenario: &loaded.scenario, comparison: &comparison, asked: seeds.len() };
    output.report(asked.format, |paint| text::compare(&report, paint), || json::sweep(&report))?;
    exports.write_sweep(&report)?;
    if let Some(path) = &asked.html {
        let runs = pages::runs(&report)?;
        pages::write(path, &[runs.part(&report)], asked.open)?;
    }
    Ok(if sweeper.is_interrupted() { Exit::Interrupted } else { report.conclusion().into() })
}
