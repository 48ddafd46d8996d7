//! `riftzone check`: do scenarios hold? For CI.
//!
//! Next: `diff.rs`.

use serde_json::Value;

use crate::cli::args::{Check, Format};
use crate::cli::exit::{Exit, Failure};
use crate::cli::load::{self, Loaded};
use crate::cli::output::Output;
use crate::cli::pages;
use crate::cli::sweep::Sweeper;
use crate::explore::compare::Comparison;
use crate::report::{Conclusion, SweepReport, github, json, junit, text};

/// Checks every file; each is read before the first run, so that a typing error costs no time.
pub fn check(asked: &Check, output: &Output) -> Result<Exit, Failure> {
    let names = load::scenario_files(&asked.files)?;
    let files: Vec<Loaded> = names.iter().map(|file| Loaded::read(file)).collect::<Result<_, _>>()?;
    let seeds = seeds(asked)?;
    let sweeper = Sweeper::new(asked.sweep.threads)?;
    let mut comparisons: Vec<Comparison> = Vec::new();
    for (place, loaded) in files.iter().enumerate() {
        let comparison = sweeper.sweep(&loaded.scenario, &loaded.designs(&[])?, &seeds);
        let report = report(loaded, &comparison, seeds.len());
        if asked.format == Format::Text {
            let gap = if place == 0 { "" } else { "\n" };
            output.print(&format!("{gap}{}", text::check(&report, output.paint)))?;
        }
        comparisons.push(comparison);
        if sweeper.is_interrupted() {
            break;
        }
    }
    let reports: Vec<SweepReport> =
        files.iter().zip(&comparisons).map(|(loaded, comparison)| report(loaded, comparison, seeds.len())).collect();
    if asked.format == Format::Text && files.len() > 1 {
        output.print(&text::summary(&reports, output.paint))?;
    }
    if asked.format == Format::Json {
        output.print(&format!("{:#}\n", document(&reports, files.len())))?;
    }
    if let Some(path) = &asked.junit {
        load::write(path, &junit::document(&reports))?;
    }
    if asked.github {
        annotate(&reports, &files, asked.format, output)?;
        if let Some(path) = std::env::var_os(STEP_SUMMARY).filter(|path| !path.is_empty()) {
            load::append(&path.to_string_lossy(), &github::summary(&reports))?;
        }
    }
    if let Some(path) = &asked.html {
        let runs = reports.iter().map(|of| pages::runs(of)).collect::<Result<Vec<_>, _>>()?;
        let parts: Vec<_> = runs.iter().zip(&reports).map(|(runs, of)| runs.part(of)).collect();
        pages::write(path, &parts, asked.open)?;
    }
    let conclusion = reports.iter().map(SweepReport::conclusion).max().unwrap_or(Conclusion::Held);
    Ok(if sweeper.is_interrupted() { Exit::Interrupted } else { conclusion.into() })
}

/// The variable in which GitHub Actions names the file of a step's summary.
const STEP_SUMMARY: &str = "GITHUB_STEP_SUMMARY";

/// The seeds that were asked for, or a part of them.
fn seeds(asked: &Check) -> Result<Vec<u64>, Failure> {
    let all = asked.sweep.seeds.list(asked.sweep.first_seed);
    let Some(shard) = asked.shard else { return Ok(all) };
    let count = all.len();
    let seeds = shard.take(all);
    if seeds.is_empty() {
        let message = format!("there is no seed in part {} of {}: there are {count} seeds", shard.part, shard.of);
        return Err(Failure::Usage { message, help: Some("ask for more seeds, or for fewer parts".into()) });
    }
    Ok(seeds)
}

fn report<'a>(loaded: &'a Loaded, comparison: &'a Comparison, asked: usize) -> SweepReport<'a> {
    SweepReport { file: &loaded.file, scenario: &loaded.scenario, comparison, asked }
}

/// One scenario's object where one was asked for; else an array, also where an interrupt left only one.
fn document(reports: &[SweepReport], asked: usize) -> Value {
    match reports {
        [only] if asked == 1 => json::sweep(only),
        all => all.iter().map(json::sweep).collect(),
    }
}

/// GitHub reads annotations from both streams; beside JSON they must not be in the document.
fn annotate(reports: &[SweepReport], files: &[Loaded], format: Format, output: &Output) -> Result<(), Failure> {
    let of = |(report, loaded): (&SweepReport, &Loaded)| github::annotations(report, &loaded.text);
    let annotations: String = reports.iter().zip(files).map(of).collect();
    match format {
        Format::Text => output.print(&annotations)?,
        Format::Json if annotations.is_empty() => {}
        Format::Json => output.note(annotations.trim_end()),
    }
    Ok(())
}
