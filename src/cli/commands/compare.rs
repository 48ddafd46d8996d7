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
use crate::explore::metric::Metric;
use crate::explore::pareto::Front;
use crate::report::{SweepReport, json, side_by_side, text};

/// Runs every design on every seed, and puts them side by side.
pub fn compare(asked: &Compare, output: &Output) -> Result<Exit, Failure> {
    let loaded = Loaded::read(&asked.file)?;
    let designs = loaded.designs(&asked.designs)?;
    let seeds = asked.sweep.seeds.list(asked.sweep.first_seed);
    let exports = exports::of_sweep(&asked.export)?;
    let sweeper = Sweeper::new(asked.sweep.threads)?;
    let objectives = objectives(&asked.objectives)?;
    let mut comparison = sweeper.sweep(&loaded.scenario, &designs, &seeds);
    comparison.front = Front::of(&comparison.designs, objectives);
    let report =
        SweepReport { file: &loaded.file, scenario: &loaded.scenario, comparison: &comparison, asked: seeds.len() };
    if asked.markdown {
        output.print(&side_by_side::markdown(&report))?;
    } else {
        output.report(asked.format, |paint| text::compare(&report, paint), || json::sweep(&report))?;
    }
    exports.write_sweep(&report)?;
    if let Some(path) = &asked.html {
        let runs = pages::runs(&report)?;
        pages::write(path, &[runs.part(&report)], asked.open)?;
    }
    Ok(if sweeper.is_interrupted() { Exit::Interrupted } else { report.conclusion().into() })
}

/// What the front is about: the metrics of these names, or every one that has a better way.
fn objectives(names: &[String]) -> Result<Vec<&'static Metric>, Failure> {
    let every = Front::every_objective();
    if names.is_empty() {
        return Ok(every);
    }
    let of = |name: &String| {
        let usage = |message: String| Failure::Usage {
            message: format!("--objectives: {message}"),
            help: Some(format!("the front is about {}", every.iter().map(|of| of.name).collect::<Vec<_>>().join(", "))),
        };
        let (metric, region) = Metric::find(name.trim(), &[] as &[&str]).map_err(usage)?;
        match (metric.better, region) {
            (Some(_), None) => Ok(metric),
            _ => Err(usage(format!("neither less nor more of `{name}` is better"))),
        }
    };
    names.iter().map(of).collect()
}
