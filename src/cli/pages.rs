//! Pages: the runs that one shows in full, and the file it is written to.
//!
//! Next: `commands/mod.rs`.

use std::process::{Command, Stdio};

use crate::report::page::{self, Part};
use crate::report::{RunReport, SweepReport};
use crate::scenario::{Design, Scenario};
use crate::sim::Run;
use crate::trace::{Rows, Trace};

use super::exit::Failure;
use super::load::{self, Loaded};

/// One run of each design of a sweep, with every row of its history.
#[derive(Debug)]
pub struct Runs {
    all: Vec<(Loaded, usize, Run)>,
}

/// Runs each design once more, in full: its first failure, or the first seed where there is none.
pub fn runs(report: &SweepReport) -> Result<Runs, Failure> {
    let mut all = Vec::new();
    for design in &report.comparison.designs {
        let first = report.comparison.seeds.first().copied().unwrap_or(1);
        let seed = design.first_failure.map_or(first, |(seed, _)| seed);
        let loaded = Loaded::read_for(report.file, seed)?;
        let place = loaded.scenario.designs.iter().position(|of| of.name == design.name);
        let Some(place) = place else { continue };
        let of = &loaded.scenario.designs[place];
        let run = of.run(&loaded.scenario.setup, seed, Trace::off().keeping(Rows::All));
        let run = filmed(run, &loaded.scenario, of);
        all.push((loaded, place, run));
    }
    Ok(Runs { all })
}

/// The same run again, filmed around the moment that its page shows.
pub fn filmed(run: Run, scenario: &Scenario, design: &Design) -> Run {
    let Some((from, until)) = page::window(&run, &scenario.setup) else { return run };
    let trace = Trace::off().keeping(Rows::All).filmed_between(from, until);
    let again = design.run(&scenario.setup, run.seed, trace);
    assert_eq!(run.digest, again.digest, "the same run again");
    again
}

impl Runs {
    /// The page's part of a sweep.
    pub fn part<'a>(&'a self, sweep: &SweepReport<'a>) -> Part<'a> {
        let report = |(loaded, place, run): &'a (Loaded, usize, Run)| {
            RunReport::new(&loaded.file, &loaded.scenario, &loaded.scenario.designs[*place], run)
        };
        Part { sweep: Some(*sweep), runs: self.all.iter().map(report).collect(), story: None }
    }
}

/// Writes the page, and opens it if asked to.
pub fn write(path: &str, parts: &[Part], open: bool) -> Result<(), Failure> {
    load::write(path, &page::html(parts))?;
    if open { show(path) } else { Ok(()) }
}

/// Hands a file to the program that the desktop opens it with.
fn show(path: &str) -> Result<(), Failure> {
    let (program, first): (&str, &[&str]) = match std::env::consts::OS {
        "macos" => ("open", &[]),
        "windows" => ("cmd", &["/C", "start", ""]),
        _ => ("xdg-open", &[]),
    };
    let started = Command::new(program)
        .args(first)
        .arg(path)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn();
    started.map(drop).map_err(|error| Failure::Usage {
        message: format!("{path} is written, and `{program}` cannot open it: {error}"),
        help: Some("open it by hand, in any browser".into()),
    })
}
