//! `riftzone latency`: the bundled matrices, and one's own.
//!
//! Next: `files.rs`.

use crate::cli::args::Format;
use crate::cli::args::{Latency, LatencyCommand};
use crate::cli::exit::{Exit, Failure};
use crate::cli::load;
use crate::cli::output::Output;
use crate::model::latency::{Matrix, bundled};
use crate::report::latency as page;

/// Shows the list or a matrix, or imports one.
pub fn latency(asked: &Latency, output: &Output) -> Result<Exit, Failure> {
    match (&asked.command, &asked.matrix) {
        (Some(LatencyCommand::Import { file, format }), _) => import(file, *format, output)?,
        (None, Some(id)) => show(id, asked, output)?,
        (None, None) => {
            output.report(asked.format, |paint| page::list(bundled(), paint), || page::list_json(bundled()))?;
        }
    }
    Ok(Exit::Held)
}

fn show(id: &str, asked: &Latency, output: &Output) -> Result<(), Failure> {
    let ids: Vec<&str> = bundled().iter().map(|info| info.id).collect();
    let matrix = Matrix::load(id).map_err(|_| Failure::unknown("latency matrix", id, &ids))?;
    let known: Vec<&str> = matrix.regions().iter().map(String::as_str).collect();
    let mut regions: Vec<&str> = asked.regions.iter().map(|name| name.trim()).collect();
    if let Some(unknown) = regions.iter().find(|name| !known.contains(name)) {
        return Err(Failure::unknown("region of this matrix", unknown, &known));
    }
    if regions.is_empty() {
        regions = known;
    }
    output.report(asked.format, |paint| page::matrix(&matrix, &regions, paint), || page::matrix_json(&matrix, &regions))
}

fn import(file: &str, format: Format, output: &Output) -> Result<(), Failure> {
    let text = load::read(file)?;
    let matrix = Matrix::parse_csv(&text).map_err(|error| {
        let message = format!("{file}:{}:{}: {}", error.line, error.column, error.problem);
        Failure::Usage { message, help: None }
    })?;
    let regions: Vec<&str> = matrix.regions().iter().map(String::as_str).collect();
    output.report(format, |_| page::import(&matrix, file), || page::matrix_json(&matrix, &regions))?;
    if format == Format::Text {
        output.note("put this in place of the [topology] of a scenario; `riftzone new NAME` writes one to begin with");
    }
    Ok(())
}
