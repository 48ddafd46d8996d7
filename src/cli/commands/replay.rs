//! `riftzone replay`: the same run again, or a clear word why it is not the same.
//!
//! Next: `zoo.rs`.

use serde_json::json;

use crate::cli::args::{Format, Replay};
use crate::cli::exit::{Exit, Failure};
use crate::cli::load::Loaded;
use crate::cli::output::Output;
use crate::explore::levels;
use crate::report::paint::{Paint, Style};
use crate::report::{RunReport, json as document, text};
use crate::scenario::Design;
use crate::sim::{Run, explained};
use crate::time::Time;
use crate::trace::Trace;

/// Runs again and verifies the digest. The exit code is about the replay: what the run itself came to is in its report.
pub fn replay(asked: &Replay, output: &Output) -> Result<Exit, Failure> {
    let loaded = Loaded::read_for(&asked.file, asked.of.seed)?;
    let (design, run) = find(asked, &loaded)?;
    let report = RunReport::new(&loaded.file, &loaded.scenario, design, &run);
    match asked.format {
        Format::Text => output.print(&in_words(asked, &report, output.paint))?,
        Format::Json => {
            let mut whole = document::run(&report);
            whole["replayed"] = true.into();
            whole["trace"] =
                run.trace.lines().iter().map(|(at, line)| json!({ "at_ns": at.as_nanos(), "line": line })).collect();
            output.print(&format!("{whole:#}\n"))?;
        }
    }
    Ok(Exit::Held)
}

fn in_words(asked: &Replay, report: &RunReport, paint: Paint) -> String {
    let run = report.run;
    let same = paint.paint(Style::Good, "the same run again");
    let first = format!("{same}: seed {}, digest {}, design {}\n\n", run.seed, run.digest, report.design.name);
    let Some(until) = asked.until else { return first + &text::run(report, paint) };
    let lines = text::trace(&run.trace, paint);
    if lines.is_empty() && until > run.simulated {
        format!("{first}the run had ended by {until}: it took {}\n", run.simulated)
    } else if lines.is_empty() {
        format!("{first}nothing happened in the {} before {until}\n", asked.before)
    } else {
        first + &lines
    }
}

/// The design whose run has the digest: the one asked for, or whichever it is.
fn find<'a>(asked: &Replay, loaded: &'a Loaded) -> Result<(&'a Design, Run), Failure> {
    let candidates = match &asked.design {
        Some(name) => vec![loaded.design(Some(name))?],
        None => loaded.designs(&[])?,
    };
    let run = |design: &Design| {
        let trace = asked.until.map_or_else(Trace::off, |until| Trace::up_to(Time::ZERO + until, asked.before));
        explained(trace.keeping(levels::rows(design)), |trace| {
            design.run_alone(&loaded.scenario.setup, asked.of.seed, trace)
        })
    };
    let mut others = Vec::new();
    for design in candidates {
        let run = run(design);
        if run.digest == asked.of.digest {
            return Ok((design, run));
        }
        others.push((design, run.digest));
    }
    // Either this is another scenario or version, or the simulator does not repeat itself: running again tells which.
    if let Some((design, first)) = others.iter().find(|(design, digest)| run(design).digest != *digest) {
        let message = format!(
            "the simulator is not deterministic: design `{}` with seed {} gave digest {first}, and then another",
            design.name, asked.of.seed
        );
        return Err(Failure::Replay {
            message,
            help: "this is a fault of riftzone: please report it with the scenario file".into(),
        });
    }
    let found: Vec<String> =
        others.iter().map(|(design, digest)| format!("{digest} of design `{}`", design.name)).collect();
    let version = document::VERSION;
    let message = format!(
        "seed {} does not give digest {} here: riftzone {version} gives {}",
        asked.of.seed,
        asked.of.digest,
        found.join(", "),
    );
    let help = "the scenario file was another one then, or the version of riftzone was; these runs repeat themselves";
    Err(Failure::Replay { message, help: help.into() })
}
