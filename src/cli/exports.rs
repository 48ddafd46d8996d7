//! Exports: which formats were asked for, and the files that they go to.
//!
//! Next: `commands/mod.rs`.

use crate::report::export::{self, Export};
use crate::report::{RunReport, SweepReport};
use crate::time::Time;

use super::exit::Failure;
use super::load;

/// What was asked for: formats, each with its file.
#[derive(Debug)]
pub struct Exports<'a> {
    all: Vec<(Export, &'a str)>,
}

/// Of one run; `asked` is formats and files in turn.
pub fn of_run(asked: &[String]) -> Result<Exports<'_>, Failure> {
    exports(asked, &Export::ALL)
}

/// Of many.
pub fn of_sweep(asked: &[String]) -> Result<Exports<'_>, Failure> {
    exports(asked, &Export::OF_SWEEPS)
}

fn exports<'a>(asked: &'a [String], known: &[Export]) -> Result<Exports<'a>, Failure> {
    let mut all = Vec::new();
    for pair in asked.chunks_exact(2) {
        let (name, path) = (pair[0].as_str(), pair[1].as_str());
        let format = known.iter().find(|format| format.name() == name);
        let names: Vec<&str> = known.iter().map(|format| format.name()).collect();
        let format = format.ok_or_else(|| Failure::unknown("format to export", name, &names))?;
        let is_built = cfg!(feature = "parquet");
        if !is_built && matches!(format, Export::OperationsParquet | Export::MetricsParquet) {
            return Err(Failure::Usage {
                message: format!("this riftzone was built without Parquet, which `{name}` needs"),
                help: Some(format!("build it with `--features parquet`, or take {}", name.replace("parquet", "csv"))),
            });
        }
        all.push((*format, path));
    }
    Ok(Exports { all })
}

impl Exports<'_> {
    /// Whether every row of the history must be kept.
    pub fn needs_rows(&self) -> bool {
        self.all.iter().any(|(format, _)| format.needs_rows())
    }

    /// Whether messages must be kept.
    pub fn needs_film(&self) -> bool {
        self.all.iter().any(|(format, _)| format.needs_film())
    }

    /// Writes a run, of which a trace shows what happens between these instants.
    pub fn write_run(&self, report: &RunReport, between: (Time, Time)) -> Result<(), Failure> {
        self.write(|format| export::of_run(report, format, between))
    }

    /// Writes a sweep.
    pub fn write_sweep(&self, report: &SweepReport) -> Result<(), Failure> {
        self.write(|format| export::of_sweep(report, format))
    }

    fn write(&self, make: impl Fn(Export) -> Result<Vec<u8>, String>) -> Result<(), Failure> {
        for (format, path) in &self.all {
            let content = make(*format).map_err(|message| Failure::Usage { message, help: None })?;
            load::write_bytes(path, &content)?;
        }
        Ok(())
    }
}
