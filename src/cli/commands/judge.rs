//! `riftzone judge`: histories made elsewhere.
//!
//! Next: `zoo.rs`.

use std::io::Read;

use crate::check::level::{Level, SINGLE, named};
use crate::check::transactions as isolation;
use crate::check::wgl::Effort;
use crate::cli::args::{HistoryFormat, Judge};
use crate::cli::exit::{Exit, Failure};
use crate::cli::load;
use crate::cli::output::Output;
use crate::judge::{self, Elsewhere, Finding, Foreign, ForeignTransactions};
use crate::report::counterexample::{Picture, svg};
use crate::report::judge::{self as page, Judged};

/// Reads, judges at every level asked for, exports, and says how it went.
pub fn judge(asked: &Judge, output: &Output) -> Result<Exit, Failure> {
    let makes_a_file = !asked.export.is_empty() || asked.svg.is_some();
    if makes_a_file && asked.files.len() > 1 {
        let help = Some("judge one history at a time with `--export` or `--svg`".to_string());
        return Err(Failure::Usage { message: "several histories cannot go into one file".into(), help });
    }
    let mut judged: Vec<Judged> = Vec::with_capacity(asked.files.len());
    for file in &asked.files {
        judged.push(match elsewhere(file, asked.as_format)? {
            Elsewhere::Operations(foreign) => operations(file, foreign, asked)?,
            Elsewhere::Transactions(foreign) => transactions(file, foreign, asked)?,
        });
    }
    if let ([Judged::Operations { foreign, findings, .. }], [format, path]) = (&judged[..], &asked.export[..]) {
        write(foreign, &findings.all, format, path)?;
    }
    if let ([only], Some(path)) = (&judged[..], &asked.svg) {
        draw(only, path, output)?;
    }
    output.report(asked.format, |paint| page::text(&judged, paint), || page::json(&judged))?;
    Ok(page::conclusion(&judged).into())
}

fn operations(file: &str, foreign: Foreign, asked: &Judge) -> Result<Judged, Failure> {
    let levels: Vec<Level> = asked.level.iter().map(|name| level(name.trim())).collect::<Result<_, _>>()?;
    let findings = foreign.judge(&levels, Effort { steps: asked.steps, ..Effort::default() });
    Ok(Judged::Operations { file: file.to_string(), foreign, findings })
}

fn level(name: &str) -> Result<Level, Failure> {
    match named(name) {
        Some(level) => level.map_err(|message| Failure::Usage { message, help: None }),
        None => Err(Failure::unknown("level", name, &SINGLE)),
    }
}

fn transactions(file: &str, foreign: ForeignTransactions, asked: &Judge) -> Result<Judged, Failure> {
    if !asked.export.is_empty() {
        let message = format!("{file} holds transactions, which `--export` cannot write");
        return Err(Failure::Usage { message, help: None });
    }
    let names = isolation::Level::ALL.map(isolation::Level::name);
    let level = |name: &String| {
        let level = isolation::Level::from_name(name.trim());
        level.ok_or_else(|| Failure::unknown("level of transactions", name.trim(), &names))
    };
    let levels: Vec<isolation::Level> = asked.level.iter().map(level).collect::<Result<_, _>>()?;
    let options = isolation::Options { search_steps: asked.steps, ..isolation::Options::default() };
    let judgement = isolation::judge(&foreign.history, &options);
    Ok(Judged::Transactions { file: file.to_string(), foreign: Box::new(foreign), judgement, levels })
}

fn elsewhere(file: &str, format: Option<HistoryFormat>) -> Result<Elsewhere, Failure> {
    let text = if file == "-" {
        let mut text = String::new();
        let read = std::io::stdin().read_to_string(&mut text);
        read.map_err(|error| Failure::File { action: "read", path: "standard input".into(), error })?;
        text
    } else {
        load::read(file)?
    };
    judge::read_any(&text, format.map(Into::into)).map_err(|error| {
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
fn draw(judged: &Judged, path: &str, output: &Output) -> Result<(), Failure> {
    let picture = match judged {
        Judged::Operations { foreign, findings, .. } => {
            findings.all.iter().find_map(|finding| Picture::of(foreign, finding))
        }
        Judged::Transactions { foreign, judgement, levels, .. } => {
            page::weakest_failure(judgement, levels).map(|found| Picture::of_transactions(foreign, found))
        }
    };
    match picture {
        Some(picture) => load::write(path, &svg(&picture)),
        None => {
            output.note(&format!("there is no counterexample to draw: {path} is not written"));
            Ok(())
        }
    }
}
