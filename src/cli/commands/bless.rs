//! `riftzone bless`: what a scenario gives now becomes its baseline.
//!
//! Next: `diff.rs`.

use std::path::Path;

use crate::cli::args::Bless;
use crate::cli::exit::{Exit, Failure};
use crate::cli::load::{self, Loaded};
use crate::cli::output::Output;
use crate::cli::sweep::Sweeper;
use crate::explore::baseline::{Baseline, Diff};
use crate::report::number::counted;
use crate::report::{Conclusion, SweepReport, diff, json};

/// Runs every design on every seed, writes the baselines, and says what is new in each. What is blessed may be broken: then it
/// says that too, and only `check` is red.
pub fn bless(asked: &Bless, output: &Output) -> Result<Exit, Failure> {
    let names = load::scenario_files(&asked.files)?;
    let files: Vec<Loaded> = names.iter().map(|file| Loaded::read(file)).collect::<Result<_, _>>()?;
    let seeds = asked.sweep.seeds.list(asked.sweep.first_seed);
    let sweeper = Sweeper::new(asked.sweep.threads)?;
    for loaded in &files {
        let comparison = sweeper.sweep(&loaded.scenario, &loaded.designs(&[])?, &seeds);
        if sweeper.is_interrupted() {
            output.note(&format!("interrupted: the baseline of {} is left as it was", loaded.file));
            return Ok(Exit::Interrupted);
        }
        let report =
            SweepReport { file: &loaded.file, scenario: &loaded.scenario, comparison: &comparison, asked: seeds.len() };
        let made = Baseline::of(&loaded.scenario, &comparison, json::VERSION);
        let path = load::baseline_path(&loaded.file);
        let told = since(&path, loaded, &made)?;
        load::write(&path, &made.to_json())?;
        let designs = counted(made.designs.len(), "design");
        output.print(&format!("wrote {path}: {designs} on {}\n{told}", counted(seeds.len(), "seed")))?;
        if report.conclusion() != Conclusion::Held {
            output.note(&format!(
                "note: what is blessed is not as the scenario expects or the protocols claim: `riftzone check {}` tells",
                loaded.file
            ));
        }
    }
    Ok(Exit::Held)
}

/// A line a design on what is new since the baseline that is written over; nothing where there is none that can be compared.
fn since(path: &str, loaded: &Loaded, made: &Baseline) -> Result<String, Failure> {
    if !Path::new(path).exists() {
        return Ok(String::new());
    }
    let Ok(before) = Baseline::from_json(&load::read(path)?) else {
        return Ok("  in place of a file that could not be read\n".into());
    };
    if !Diff::of_another_world(&before, &loaded.scenario).is_empty() {
        return Ok("  in place of the baseline of another world\n".into());
    }
    let found = Diff::new(&loaded.scenario, &before, made);
    let line = |of: &crate::explore::baseline::DesignDiff| {
        format!("  {}: {}\n", of.name, diff::sentence(of, found.seeds.len()))
    };
    Ok(if found.seeds.is_empty() { String::new() } else { found.designs.iter().map(line).collect() })
}
