//! `riftzone judge`: histories made elsewhere.
//!
//! Next: `zoo.rs`.

use std::io::Read;

use crate::check::level::{Level, SINGLE, named};
use crate::check::wgl::Effort;
use crate::cli::args::{HistoryFormat, Judge};
use crate::cli::exit::{Exit, Failure};
use crate::cli::load;
use crate::cli::output::Output;
use crate::judge::{self, Finding, Foreign};
use crate::report::counterexample::{Picture, svg};
use crate::report::judge::{self as page, Judged};

/// Reads, judges at every level asked for, exports, and says how it went.
pub fn judge(asked: &Judge, output: &Output) -> Result<Exit, Failure> {
    let levels: Vec<Level> = asked.level.iter().map(|name| level(name.trim())).collect::<Result<_, _>>()?;
    let makes_a_file = !asked.export.is_empty() || asked.svg.is_some();
    if makes_a_file && asked.files.len() > 1 {
        let help = Some("judge one history at a time with `--export` or `--svg`".to_string());
        return Err(Failure::Usage { message: "several histories cannot go into one file".into(), help });
    }
    let effort = Effort { steps: asked.steps, ..Effort::default() };
    let mut judged: Vec<Judged> = Vec::with_capacity(asked.files.len());
    for file in &asked.files {
        let foreign = foreign(file, asked.as_format)?;
        let findings = foreign.judge(&levels, effort);
        judged.push(Judged { file: file.clone(), foreign, findings });
    }
    if let ([format, path], [only]) = (asked.export.as_slice(), judged.as_slice()) {
        write(&only.foreign, &only.findings.all, format, path)?;
    }
    if let (Some(path), [only]) = (&asked.svg, judged.as_slice()) {
        draw(&only.foreign, &only.findings.all, path, output)?;
    }
    output.report(asked.format, |paint| page::text(&judged, paint), || page::json(&judged))?;
    Ok(page::conclusion(&judged).into())
}

fn level(name: &str) -> Result<Level, Failure> {
    match named(name) {
        Some(level) => level.map_err(|message| Failure::Usage { message, help: None }),
        None => Err(Failure::unknown("level", name, &SINGLE)),
    }
}

fn foreign(file: &str, format: Option<HistoryFormat>) -> Result<Foreign, Failure> {
    let text = if file == "-" {
        let mut text = String::new();
        let read = std::io::stdin().read_to_string(&mut text);
        read.map_err(|error| Failure::File { action: "read", path: "standard input".into(), error })?;
        text
    } else {
        load::read(file)?
    };
    judge::read(&text, format.map(Into::into)).map_err(|error| {
        let help = "`--as` says which format it is, where its content does not".to_string();
        Failure::Usage { message: format!("{file}:{error}"), help: Some(help) }
    })
}

fn write(foreign: &Foreign, findings: &[Finding], format: &str, path: &str) -> Result<(), Failure> {
    let names: Vec<&str> = judge::Export::ALL.iter().map(|format| format.name()).collect();
    let known = judge::Export::ALL.into_iter().find(|known| known.name() == format);
    let format = known.ok_or_else(|| Failure::unknown("format to export", format, &names))?;
    let finding = findings.iter().find(|finding| finding.level == Level::Linearizable);
    let text = judge::export(foreign, finding, format).map_err(|message| Failure::Usage { message, help: None })?;
    load::write(path, &text)
}

/// The first counterexample; where there is none, nothing is written, and a note says so.
fn draw(foreign: &Foreign, findings: &[Finding], path: &str, output: &Output) -> Result<(), Failure> {
    match findings.iter().find_map(|finding| Picture::of(foreign, finding)) {
        Some(picture) => load::write(path, &svg(&picture)),
        None => {
            output.note(&format!("there is no counterexample to draw: {path} is not written"));
            Ok(())
        }
    }
}
