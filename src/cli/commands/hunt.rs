//! `riftzone hunt`: a run that breaks something, made small.
//!
//! Next: `explore.rs`.

use std::path::{Path, PathBuf};

use crate::cli::args::{Format, Hunt};
use crate::cli::exit::{Exit, Failure};
use crate::cli::load::{self, Loaded};
use crate::cli::output::Output;
use crate::cli::pages;
use crate::cli::sweep::Sweeper;
use crate::explore::hunt::{Care, Effort, Trophy, trophies};
use crate::explore::property::Broken;
use crate::explore::shrink::as_written;
use crate::report::hunt::{DesignHunt, HuntReport, Written, beside, file_text, json, page as markdown};
use crate::report::page::Part;
use crate::report::story::{Plot, Story, space_time, told};
use crate::report::{Paint, RunReport, text};
use crate::scenario::{Document, Scenario};
use crate::sim::Run;
use crate::time::{Duration, Time};
use crate::trace::{Rows, Trace};

/// Of each property so many failures are made small, where all kinds are collected.
const OF_A_PROPERTY: usize = 3;

/// One design of the file, with what is asked of it.
struct Quarry {
    document: Document,
    scenario: Scenario,
}

/// Hunts in every design that was asked for, writes what it finds, and reports.
pub fn hunt(asked: &Hunt, output: &Output) -> Result<Exit, Failure> {
    let loaded = Loaded::read(&asked.file)?;
    let names: Vec<String> = asked.design.iter().cloned().collect();
    let names: Vec<String> = loaded.designs(&names)?.iter().map(|design| design.name.clone()).collect();
    let quarries: Vec<Quarry> = names.iter().map(|name| quarry(asked, &loaded, name)).collect::<Result<_, _>>()?;
    let folder = asked.out.as_ref().map(PathBuf::from);
    if let Some(folder) = &folder {
        let failed = |error| Failure::File { action: "make", path: folder.display().to_string(), error };
        std::fs::create_dir_all(folder).map_err(failed)?;
    }
    let sweeper = Sweeper::new(asked.threads)?;
    let effort = Effort { runs: asked.runs, steps: asked.steps.unwrap_or(u64::MAX), goes_on: asked.keep_going };
    let care = Care { of_a_property: if asked.keep_going { OF_A_PROPERTY } else { 1 }, runs: asked.shrink_runs };
    let mut designs = Vec::new();
    let mut kept = Vec::new();
    for Quarry { document, scenario } in &quarries {
        let hunted = sweeper.hunt(scenario, &scenario.designs[0], effort);
        let found = trophies(&hunted, document, scenario, care, &sweeper.watcher());
        let mut written = Vec::new();
        for trophy in found {
            let path = free_name(asked, &hunted.design, &trophy, folder.as_deref(), &written);
            written.push(write(asked, &hunted.design, trophy, path, &mut kept)?);
        }
        designs.push(DesignHunt { hunted, found: written });
        if sweeper.is_interrupted() {
            break;
        }
    }
    let report = HuntReport { file: &loaded.file, scenario: &loaded.scenario, asked: asked.runs, designs };
    match asked.format {
        Format::Text => output.print(&text::hunt(&report, output.paint))?,
        Format::Json => output.print(&format!("{:#}\n", json(&report)))?,
    }
    if let Some(path) = &asked.html {
        show(path, &kept, asked.open, output)?;
    }
    Ok(if sweeper.is_interrupted() { Exit::Interrupted } else { report.conclusion().into() })
}

/// A design of the file alone, with what is required of it added to what is expected.
fn quarry(asked: &Hunt, loaded: &Loaded, design: &str) -> Result<Quarry, Failure> {
    let wrong = |error| Failure::Scenario { error: Box::new(error), text: loaded.text.clone() };
    let mut document = Document::parse(&loaded.text, &loaded.file).map_err(wrong)?;
    document.keep_design(design);
    for what in &asked.require {
        let (name, bound) = requirement(what.trim());
        let mut alone = document.clone();
        alone.expect(design, name, &bound);
        if let Err(error) = Scenario::parse(&alone.text(), &loaded.file) {
            let message = format!("`--require {what}`: {}", error.message);
            return Err(Failure::Usage { message, help: error.help });
        }
        document = alone;
    }
    let text = document.text();
    let scenario = Scenario::parse(&text, &loaded.file);
    Ok(Quarry { scenario: scenario.map_err(|error| Failure::Scenario { error: Box::new(error), text })?, document })
}

/// What is expected where somebody requires this.
fn requirement(what: &str) -> (&str, String) {
    match what.split_once('=') {
        Some(("recovery", within)) => ("recovery_after_heal_s", format!("<= {}", within.trim())),
        Some((metric, bound)) => (metric.trim(), bound.trim().to_string()),
        None if what == "no-lost-writes" => ("no-acknowledged-write-lost", "pass".into()),
        None => (what, "pass".into()),
    }
}

/// A name for the scenario of a finding: its own, and no file of this hunt's.
fn free_name(asked: &Hunt, design: &str, trophy: &Trophy, folder: Option<&Path>, written: &[Written]) -> PathBuf {
    let stem = Path::new(&asked.file).file_stem().map_or_else(|| "hunt".into(), |stem| stem.to_string_lossy());
    let property: String = trophy.failure.broken.property.name().replace([':', '/'], "-");
    let base = format!("{stem}.{design}.{property}");
    let named = |nth: usize| match nth {
        1 => format!("{base}.hunt.toml"),
        nth => format!("{base}-{nth}.hunt.toml"),
    };
    let paths = (1..).map(|nth| folder.map_or_else(|| named(nth).into(), |folder| folder.join(named(nth))));
    paths
        .into_iter()
        .find(|path: &PathBuf| written.iter().all(|other| other.path != path.display().to_string()))
        .expect("names do not end")
}

/// A finding's run, for its page.
struct Kept {
    path: String,
    scenario: Scenario,
    run: Run,
    broken: Broken,
    at: Option<Time>,
}

/// A page of every finding; where there is none, nothing is written, and a note says so.
fn show(path: &str, kept: &[Kept], open: bool, output: &Output) -> Result<(), Failure> {
    if kept.is_empty() {
        output.note(&format!("nothing was found: {path} is not written"));
        return Ok(());
    }
    pages::write(path, &kept.iter().map(part).collect::<Vec<_>>(), open)
}

fn part(Kept { path, scenario, run, broken, at }: &Kept) -> Part<'_> {
    let design = &scenario.designs[0];
    let story = Story::of(&plot(&design.name, scenario, run, broken, *at));
    Part { sweep: None, runs: vec![RunReport::new(path, scenario, design, run)], story: Some(story) }
}

fn plot<'a>(design: &'a str, scenario: &'a Scenario, run: &'a Run, broken: &'a Broken, at: Option<Time>) -> Plot<'a> {
    Plot { design, topology: &scenario.setup.topology, faults: &scenario.setup.faults, run, broken, at }
}

fn write(asked: &Hunt, design: &str, trophy: Trophy, path: PathBuf, kept: &mut Vec<Kept>) -> Result<Written, Failure> {
    let path = path.display().to_string();
    let mut written = Written { trophy, path, told: String::new() };
    let (Some(text), Some(command)) =
        (file_text(&asked.file, design, &written.trophy, &written.path), written.replay(design))
    else {
        return Ok(written);
    };
    load::write(&written.path, &text)?;
    let shrunk = written.trophy.shrunk.as_ref().expect("there is a text of it");
    let trace = Trace::up_to(Time::NEVER, Duration::MAX).filmed().keeping(Rows::All);
    let (mut scenario, run) = shrunk.case.run(&as_written, trace).expect("it was run when it was made small");
    scenario.name = format!("{design} breaks {}", shrunk.broken.property);
    let at = shrunk.case.instant(&as_written, &shrunk.broken);
    let plot = plot(design, &scenario, &run, &shrunk.broken, at);
    let story = Story::of(&plot);
    load::write(&beside(&written.path, "svg"), &space_time(&story))?;
    load::write(&beside(&written.path, "md"), &markdown(&story, &written.path, &command))?;
    let told = told(&story, 2, Paint::Off);
    if asked.html.is_some() {
        kept.push(Kept { path: written.path.clone(), broken: shrunk.broken.clone(), scenario, run, at });
    }
    written.told = told;
    Ok(written)
}
