//! A run in the formats of other tools: traces for Perfetto, tables for spreadsheets and data frames, metrics for Prometheus,
//! histories for Jepsen's checkers.
//!
//! Nothing here is rounded, and equal runs give equal bytes. In order: `columns.rs` (tables), `csv.rs` and `parquet.rs` (how
//! they are written), `perfetto.rs`, `prometheus.rs`. Next: `columns.rs`.

mod columns;
mod csv;
#[cfg(feature = "parquet")]
mod parquet;
mod perfetto;
mod prometheus;

use crate::judge;
use crate::time::Time;

use super::history;
use super::subject::{RunReport, SweepReport};

/// A format to write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Export {
    /// The Trace Event Format, for <https://ui.perfetto.dev> and `chrome://tracing`: nodes as tracks, messages as arrows.
    Perfetto,
    /// What clients saw, an operation a row.
    OperationsCsv,
    /// The same in Parquet.
    OperationsParquet,
    /// Every metric, a row each; of a sweep, for each design and seed.
    MetricsCsv,
    /// The same in Parquet.
    MetricsParquet,
    /// Prometheus's text format, as the run ended.
    Prometheus,
    /// What clients saw, as Jepsen's `history.edn`.
    JepsenEdn,
    /// What clients saw, as JSON lines.
    JsonLines,
}

impl Export {
    /// All of them.
    pub const ALL: [Export; 8] = [
        Export::Perfetto,
        Export::OperationsCsv,
        Export::OperationsParquet,
        Export::MetricsCsv,
        Export::MetricsParquet,
        Export::Prometheus,
        Export::JepsenEdn,
        Export::JsonLines,
    ];

    /// Those that many runs can be written in.
    pub const OF_SWEEPS: [Export; 2] = [Export::MetricsCsv, Export::MetricsParquet];

    /// The name on the command line.
    pub const fn name(self) -> &'static str {
        match self {
            Export::Perfetto => "perfetto",
            Export::OperationsCsv => "operations-csv",
            Export::OperationsParquet => "operations-parquet",
            Export::MetricsCsv => "metrics-csv",
            Export::MetricsParquet => "metrics-parquet",
            Export::Prometheus => "prometheus",
            Export::JepsenEdn => "jepsen-edn",
            Export::JsonLines => "json-lines",
        }
    }

    /// Whether the run must have kept every row of its history.
    pub const fn needs_rows(self) -> bool {
        !matches!(self, Export::MetricsCsv | Export::MetricsParquet | Export::Prometheus)
    }

    /// Whether the run must have been [filmed](crate::trace::Trace::filmed_between).
    pub const fn needs_film(self) -> bool {
        matches!(self, Export::Perfetto)
    }
}

/// The run in this format. Of a trace, only what happens between these two instants; of the rest, all.
///
/// # Errors
/// Where it cannot be written in it, and why.
pub fn of_run(report: &RunReport, format: Export, between: (Time, Time)) -> Result<Vec<u8>, String> {
    match format {
        Export::Perfetto => Ok(perfetto::trace(report, between).into_bytes()),
        Export::OperationsCsv => Ok(csv::text(&columns::operations(report.run)).into_bytes()),
        Export::OperationsParquet => parquet_of(&columns::operations(report.run)),
        Export::MetricsCsv => Ok(csv::text(&columns::metrics_of_run(report)).into_bytes()),
        Export::MetricsParquet => parquet_of(&columns::metrics_of_run(report)),
        Export::Prometheus => Ok(prometheus::text(report).into_bytes()),
        Export::JepsenEdn => {
            let lines = history::lines(report.run);
            let foreign = judge::read(&lines, Some(judge::Format::JsonLines)).map_err(|error| error.to_string())?;
            judge::export(&foreign, None, judge::Export::JepsenEdn).map(String::into_bytes)
        }
        Export::JsonLines => Ok(history::lines(report.run).into_bytes()),
    }
}

/// The runs of a sweep in this format.
///
/// # Errors
/// Where they cannot be written in it, and why.
pub fn of_sweep(report: &SweepReport, format: Export) -> Result<Vec<u8>, String> {
    match format {
        Export::MetricsCsv => Ok(csv::text(&columns::metrics_of_sweep(report)).into_bytes()),
        Export::MetricsParquet => parquet_of(&columns::metrics_of_sweep(report)),
        other => Err(format!("`{}` is of one run: `riftzone run` writes it", other.name())),
    }
}

#[cfg(feature = "parquet")]
fn parquet_of(table: &columns::Columns) -> Result<Vec<u8>, String> {
    parquet::bytes(table).map_err(|error| error.to_string())
}

#[cfg(not(feature = "parquet"))]
fn parquet_of(_: &columns::Columns) -> Result<Vec<u8>, String> {
    Err("this riftzone was built without Parquet: build it with `--features parquet`, or write CSV".into())
}
