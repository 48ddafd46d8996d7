//! Tables in columns, each of one type: the operations of a run, and metrics in the long form that data frames like.
//!
//! Next: `csv.rs`.

use crate::explore::metric::{METRICS, Metric, regional_metrics};
use crate::history::{Operation, Outcome};
use crate::id::RegionId;
use crate::op::{Op, Reply};
use crate::sim::Run;
use crate::time::Time;
use crate::trace::Digest;

use super::super::subject::{RunReport, SweepReport};

/// A table.
#[derive(Debug, Default)]
pub struct Columns {
    /// Its columns, which are equally long.
    pub columns: Vec<Column>,
}

/// A column.
#[derive(Debug)]
pub struct Column {
    /// Its name; units are part of it.
    pub name: &'static str,
    /// What stands in it.
    pub cells: Cells,
}

/// What stands in a column; `None` where there is nothing to say.
#[derive(Debug)]
pub enum Cells {
    /// Words.
    Text(Vec<Option<String>>),
    /// Whole numbers.
    Whole(Vec<Option<u64>>),
    /// Other numbers.
    Real(Vec<Option<f64>>),
    /// Yes or no.
    Truth(Vec<Option<bool>>),
}

impl Cells {
    /// How many there are.
    pub fn len(&self) -> usize {
        match self {
            Cells::Text(cells) => cells.len(),
            Cells::Whole(cells) => cells.len(),
            Cells::Real(cells) => cells.len(),
            Cells::Truth(cells) => cells.len(),
        }
    }
}

impl Columns {
    /// How many rows there are.
    pub fn rows(&self) -> usize {
        self.columns.first().map_or(0, |column| column.cells.len())
    }

    fn add(&mut self, name: &'static str, cells: Cells) {
        debug_assert!(self.columns.is_empty() || cells.len() == self.rows(), "columns are equally long");
        self.columns.push(Column { name, cells });
    }
}

/// What clients saw, an operation a row, with the names that `judge/lines.rs` documents; and `latency_ms`, until the client
/// knew.
pub fn operations(run: &Run) -> Columns {
    let operations: Vec<Operation> = run.history.iter().collect();
    let text = |of: &dyn Fn(&Operation) -> Option<String>| Cells::Text(operations.iter().map(of).collect());
    let whole = |of: &dyn Fn(&Operation) -> Option<u64>| Cells::Whole(operations.iter().map(of).collect());
    let ended = |op: &Operation| (op.completed != Time::NEVER).then_some(op.completed);
    let mut table = Columns::default();
    table.add("id", whole(&|op| Some(op.id.0.into())));
    table.add("client", whole(&|op| Some(op.client.0.into())));
    table.add("region", text(&|op| Some(run.regions[run.client_regions[op.client.index()].index()].to_string())));
    table.add("op", text(&|op| Some(op.op.kind().name().to_string())));
    table.add("key", whole(&|op| Some(op.op.key().0.into())));
    table.add("invoked_ns", whole(&|op| Some(op.invoked.as_nanos())));
    table.add("completed_ns", whole(&|op| ended(op).map(Time::as_nanos)));
    let latency = |op: &Operation| ended(op).map(|end| end.since(op.invoked).as_millis_f64());
    table.add("latency_ms", Cells::Real(operations.iter().map(latency).collect()));
    table.add("outcome", text(&|op| Some(outcome(op.outcome).to_string())));
    table.add("server", text(&|op| op.server.map(|server| run.nodes[server.index()].name.to_string())));
    table.add("value", whole(&|op| op.op.name().map(|value| value.0)));
    let expected = |op: &Operation| match op.op {
        Op::CompareAndSet { expected, .. } => expected.map(|value| value.0),
        _ => None,
    };
    table.add("expected", whole(&expected));
    let seen = |op: &Operation| match op.reply {
        Some(Reply::Read(seen) | Reply::Mismatch(seen)) => seen.map(|value| value.0),
        Some(Reply::Amount(number)) if matches!(op.op, Op::Next { .. }) => u64::try_from(number).ok(),
        _ => None,
    };
    table.add("seen", whole(&seen));
    let matched = |op: &Operation| match (op.op, op.reply) {
        (Op::CompareAndSet { .. }, Some(reply)) => Some(reply == Reply::Written),
        _ => None,
    };
    table.add("matched", Cells::Truth(operations.iter().map(matched).collect()));
    table
}

/// The word for an outcome.
pub fn outcome(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Ok => "ok",
        Outcome::Fail => "fail",
        Outcome::Unknown => "unknown",
    }
}

/// A metric's value.
struct Row<'a> {
    design: &'a str,
    protocol: &'a str,
    seed: u64,
    digest: Digest,
    metric: &'static Metric,
    region: Option<&'a str>,
    value: f64,
}

/// Every metric of one run, and of each region that has clients where it has values of regions' own.
pub fn metrics_of_run(report: &RunReport) -> Columns {
    let (run, design) = (report.run, report.design);
    let row = |metric, region: Option<usize>| Row {
        design: &design.name,
        protocol: design.protocol,
        seed: run.seed,
        digest: run.digest,
        metric,
        region: region.map(|place| &*run.regions[place]),
        value: Metric::of(metric, run, region.map(|place| RegionId(place as u16))),
    };
    let places: Vec<usize> = (0..run.regions.len()).filter(|place| run.has_clients[*place]).collect();
    let regional = METRICS.iter().filter(|metric| metric.is_regional());
    let regional = regional.flat_map(|metric| places.iter().map(move |place| (metric, Some(*place))));
    let all = METRICS.iter().map(|metric| (metric, None)).chain(regional);
    metrics(&report.scenario.name, &all.map(|(metric, region)| row(metric, region)).collect::<Vec<_>>())
}

/// The metrics of every design on every seed, and what a comparison shows of regions.
pub fn metrics_of_sweep(report: &SweepReport) -> Columns {
    let regions = report.scenario.setup.topology.regions();
    let mut rows = Vec::new();
    for design in &report.comparison.designs {
        for result in &design.results {
            let row = |metric, region, value| Row {
                design: &design.name,
                protocol: design.protocol,
                seed: result.seed,
                digest: result.digest,
                metric,
                region,
                value,
            };
            rows.extend(METRICS.iter().zip(&result.metrics).map(|(metric, value)| row(metric, None, *value)));
            for (region, values) in regions.iter().zip(&result.regional) {
                let values = regional_metrics().zip(values.iter().flatten());
                rows.extend(values.map(|(metric, value)| row(metric, Some(&**region), *value)));
            }
        }
    }
    metrics(&report.scenario.name, &rows)
}

fn metrics(scenario: &str, rows: &[Row]) -> Columns {
    let text = |of: &dyn Fn(&Row) -> Option<String>| Cells::Text(rows.iter().map(of).collect());
    let mut table = Columns::default();
    table.add("scenario", text(&|_| Some(scenario.to_string())));
    table.add("design", text(&|row| Some(row.design.to_string())));
    table.add("protocol", text(&|row| Some(row.protocol.to_string())));
    table.add("seed", Cells::Whole(rows.iter().map(|row| Some(row.seed)).collect()));
    table.add("digest", text(&|row| Some(row.digest.to_string())));
    table.add("metric", text(&|row| Some(row.metric.name.to_string())));
    table.add("region", text(&|row| row.region.map(str::to_string)));
    table.add("value", Cells::Real(rows.iter().map(|row| Some(row.value)).collect()));
    table.add("unit", text(&|row| Some(row.metric.unit.to_string()).filter(|unit| !unit.is_empty())));
    table
}
