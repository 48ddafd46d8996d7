//! `riftzone diff`: what changed since the baseline.
//!
//! Next: `replay.rs`.

use serde_json::Value;

use crate::cli::args::{Diff as Asked, Format};
use crate::cli::exit::{Exit, Failure};
use crate::cli::load::{self, Loaded};
use crate::cli::output::Output;
use crate::cli::sweep::Sweeper;
use crate::explore::baseline::{Baseline, Diff};
use crate::report::diff::{self as page, DiffReport};
use crate::report::{Conclusion, json};

/// A scenario with its baseline, as files.
struct Pair {
    loaded: Loaded,
    path: String,
    baseline: Baseline,
}

/// Runs each scenario on the seeds of its baseline and compares. Every file is read before the first run.
pub fn diff(asked: &Asked, output: &Output) -> Result<Exit, Failure> {
    let files = load::scenario_files(&asked.files)?;
    if asked.baseline.is_some() && files.len() > 1 {
        let help = Some("`--baseline` is of one scenario; others have theirs beside them".to_string());
        return Err(Failure::Usage { message: "several scenarios do not have one baseline".into(), help });
    }
    let pairs: Vec<Pair> = files.iter().map(|file| pair(file, asked.baseline.as_deref())).collect::<Result<_, _>>()?;
    let sweeper = Sweeper::new(asked.threads)?;
    let (mut conclusion, mut documents) = (Conclusion::Held, Vec::new());
    for (place, Pair { loaded, path, baseline }) in pairs.iter().enumerate() {
        let comparison = sweeper.sweep(&loaded.scenario, &loaded.designs(&[])?, &baseline.seeds);
        let now = Baseline::of(&loaded.scenario, &comparison, json::VERSION);
        let found = Diff::new(&loaded.scenario, baseline, &now);
        let asked_seeds = baseline.seeds.len();
        let report = DiffReport {
            file: &loaded.file,
            baseline: path,
            scenario: &loaded.scenario,
            diff: &found,
            asked: asked_seeds,
        };
        let gap = if place == 0 { "" } else { "\n" };
        match asked.format {
            _ if asked.markdown => output.print(&format!("{gap}{}", page::markdown(&report)))?,
            Format::Text => output.print(&format!("{gap}{}", page::text(&report, output.paint)))?,
            Format::Json => documents.push(page::json(&report)),
        }
        conclusion = conclusion.max(report.conclusion());
        if sweeper.is_interrupted() {
            break;
        }
    }
    if asked.format == Format::Json && !asked.markdown {
        let whole = if files.len() == 1 { documents.pop().unwrap_or(Value::Null) } else { documents.into() };
        output.print(&format!("{whole:#}\n"))?;
    }
    Ok(if sweeper.is_interrupted() { Exit::Interrupted } else { conclusion.into() })
}

/// Reads a scenario and its baseline, which must be of the same world.
fn pair(file: &str, baseline: Option<&str>) -> Result<Pair, Failure> {
    let loaded = Loaded::read(file)?;
    let path = baseline.map_or_else(|| load::baseline_path(file), str::to_string);
    let usage = |message: String, help: String| Failure::Usage { message, help: Some(help) };
    let bless = format!("`riftzone bless {file}`");
    let text = match load::read(&path) {
        Err(Failure::File { error, .. }) if error.kind() == std::io::ErrorKind::NotFound => {
            let help = format!("{bless} makes one; commit it beside the scenario");
            return Err(usage(format!("{file} has no baseline: there is no file {path}"), help));
        }
        other => other?,
    };
    let baseline = Baseline::from_json(&text)
        .map_err(|error| usage(format!("{path}:{error}"), format!("{bless} makes the baseline anew")))?;
    let changed = Diff::of_another_world(&baseline, &loaded.scenario);
    if !changed.is_empty() {
        let tables: Vec<String> = changed.iter().map(|table| format!("`{table}`")).collect();
        let message = format!("{path} is the baseline of another world: {} of {file} changed since", tables.join(", "));
        let help = format!("compare on the scenario as it was, then {bless} makes a baseline of this one");
        return Err(usage(message, help));
    }
    Ok(Pair { loaded, path, baseline })
}
