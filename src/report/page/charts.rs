//! The lines of a page's charts, as data: what clients went through over time, and how their latencies are distributed.
//!
//! Next: `mod.rs` again.

use serde_json::{Value, json};

use crate::check::staleness;
use crate::explore::metric::staleness as staleness_of_reads;
use crate::history::{Operation, Outcome};
use crate::id::RegionId;
use crate::metrics::{Latencies, Outcomes};
use crate::op::OpKind;
use crate::sim::Run;
use crate::time::{Duration, Time};

use super::super::fault::end;
use super::super::subject::RunReport;

/// A chart has about so many points over a run's time.
const POINTS: u64 = 120;
/// Percentiles over time are drawn where so many operations ended well.
const ENOUGH: u64 = 3;

/// A line of a chart.
struct Line {
    name: String,
    colour: usize,
    dash: bool,
    values: Vec<Option<f64>>,
}

/// A chart: its heading, and its data.
pub struct Chart {
    /// What it shows.
    pub title: &'static str,
    /// What `page.js` draws it from.
    pub data: Value,
}

/// Which axes a chart has.
#[derive(Clone, Copy, Default)]
struct Axes {
    unit: &'static str,
    is_log: bool,
    top: Option<f64>,
}

/// Buckets of time.
struct Clock {
    width: Duration,
    count: usize,
}

impl Clock {
    fn of(report: &RunReport) -> Clock {
        let total = report.scenario.setup.duration.as_nanos();
        let bucket = report.run.measures.bucket().as_nanos();
        let width = (total / POINTS).div_ceil(bucket).max(1) * bucket;
        Clock { width: Duration::nanos(width), count: total.div_ceil(width) as usize }
    }

    fn place(&self, at: Time) -> Option<usize> {
        Some((at.as_nanos() / self.width.as_nanos()) as usize).filter(|place| *place < self.count)
    }

    fn seconds(&self) -> Vec<f64> {
        (0..self.count as u64).map(|place| (self.width * place).as_secs_f64()).collect()
    }
}

/// The charts of one run, which must have kept every row of its history.
pub fn of_run(report: &RunReport, sync: &str) -> Vec<Chart> {
    let clock = Clock::of(report);
    let regions = with_clients(report.run);
    let time = |title, axes, lines| over_time(report, &clock, sync, title, axes, lines);
    let ms = Axes { unit: "ms", is_log: true, ..Axes::default() };
    let mut charts = vec![
        time("Operations that took effect, by region", Axes { unit: "%", top: Some(100.0), ..Axes::default() }, {
            regions.iter().map(|(id, name)| line(name, id.index(), availability(report.run, &clock, &[*id]))).collect()
        }),
        time("Outcomes of operations", Axes { unit: "per second", ..Axes::default() }, outcomes(report.run, &clock)),
    ];
    let stale = stale_reads(report.run, &clock);
    let stale_line = |(id, name): &(RegionId, String)| line(name, id.index(), stale[id.index()].clone());
    charts.push(time(
        "Stale reads, by region",
        Axes { unit: "per second", ..Axes::default() },
        regions.iter().map(stale_line).collect(),
    ));
    charts.push(time(
        "Writes that are gone in the end",
        Axes { unit: "writes so far", ..Axes::default() },
        gone(report.run, &clock),
    ));
    for (title, writes) in [("Write latency, by region", true), ("Read latency, by region", false)] {
        charts.push(time(title, ms, latencies(report.run, &clock, &regions, writes)));
    }
    let distribution = |writes: bool| {
        let of = |(id, name): &(RegionId, String)| line(name, id.index(), quantiles(&latency(report.run, *id, writes)));
        regions.iter().map(of).collect::<Vec<_>>()
    };
    charts.push(by_share("Write latency that a share of operations did not exceed", ms, distribution(true)));
    charts.push(by_share("Read latency that a share of operations did not exceed", ms, distribution(false)));
    let staleness = shares().iter().map(|share| Some(staleness_of_reads(report.run, *share).as_millis_f64())).collect();
    let linear = Axes { unit: "ms", ..Axes::default() };
    charts.push(by_share(
        "Staleness that a share of reads did not exceed",
        linear,
        vec![line("all reads", 0, staleness)],
    ));
    charts
}

/// Charts in which each design of a comparison is a line.
pub fn of_designs(reports: &[RunReport], sync: &str) -> Vec<Chart> {
    let Some(first) = reports.first() else { return Vec::new() };
    let clock = Clock::of(first);
    let time = |title, axes, lines| over_time(first, &clock, sync, title, axes, lines);
    let each = |values: &dyn Fn(&Run) -> Vec<Option<f64>>| {
        let of = |(place, report): (usize, &RunReport)| line(&report.design.name, place, values(report.run));
        reports.iter().enumerate().map(of).collect::<Vec<_>>()
    };
    let everywhere = |run: &Run| with_clients(run).into_iter().map(|(id, _)| id).collect::<Vec<_>>();
    let percent = Axes { unit: "%", top: Some(100.0), ..Axes::default() };
    let ms = Axes { unit: "ms", is_log: true, ..Axes::default() };
    vec![
        time("Operations that took effect", percent, each(&|run| availability(run, &clock, &everywhere(run)))),
        time(
            "Stale reads",
            Axes { unit: "per second", ..Axes::default() },
            each(&|run| {
                let by_region = stale_reads(run, &clock);
                (0..clock.count).map(|place| by_region.iter().filter_map(|of| of[place]).reduce(|a, b| a + b)).collect()
            }),
        ),
        by_share(
            "Write latency that a share of operations did not exceed",
            ms,
            each(&|run| quantiles(&run.measures.latency_overall(true))),
        ),
        by_share(
            "Read latency that a share of operations did not exceed",
            ms,
            each(&|run| quantiles(&run.measures.latency_overall(false))),
        ),
    ]
}

fn with_clients(run: &Run) -> Vec<(RegionId, String)> {
    let named = run.regions.iter().enumerate().filter(|(place, _)| run.has_clients[*place]);
    named.map(|(place, name)| (RegionId(place as u16), name.to_string())).collect()
}

fn line(name: &str, colour: usize, values: Vec<Option<f64>>) -> Line {
    Line { name: name.to_string(), colour, dash: false, values }
}

fn over_time(
    report: &RunReport,
    clock: &Clock,
    sync: &str,
    title: &'static str,
    axes: Axes,
    lines: Vec<Line>,
) -> Chart {
    let setup = &report.scenario.setup;
    let faults = setup.faults.iter();
    let faults = faults.map(|fault| [fault.at.as_secs_f64(), end(fault, &setup.faults, setup.duration).as_secs_f64()]);
    let mut data = chart("time", clock.seconds(), axes, lines);
    data["faults"] = faults.map(|span| json!(span)).collect();
    data["sync"] = sync.into();
    Chart { title, data }
}

fn by_share(title: &'static str, axes: Axes, lines: Vec<Line>) -> Chart {
    let nines = shares().iter().map(|share| -libm::log10(1.0 - share)).collect();
    Chart { title, data: chart("nines", nines, axes, lines) }
}

fn chart(x: &str, at: Vec<f64>, axes: Axes, lines: Vec<Line>) -> Value {
    let lines = lines.into_iter();
    let lines = lines.map(|of| json!({ "name": of.name, "color": of.colour, "dash": of.dash, "values": of.values }));
    json!({
        "x": x, "at": at, "unit": axes.unit, "log": axes.is_log, "top": axes.top, "lines": lines.collect::<Value>(),
    })
}

/// From none to all but one in ten thousand: evenly in the number of nines, so that the tail has room.
fn shares() -> Vec<f64> {
    (0..=40).map(|step| 1.0 - libm::pow(10.0, -f64::from(step) / 10.0)).collect()
}

/// Nothing is drawn where fewer operations stand behind a share than it leaves out.
fn quantiles(of: &Latencies) -> Vec<Option<f64>> {
    let count = of.count() as f64;
    let value =
        |share: &f64| (count > 0.0 && (1.0 - share) * count >= 0.5).then(|| of.quantile(*share).as_millis_f64());
    shares().iter().map(value).collect()
}

fn latency(run: &Run, region: RegionId, writes: bool) -> Latencies {
    let mut all = Latencies::default();
    let kinds = OpKind::ALL.iter().filter(|kind| kind.writes() == writes);
    kinds.for_each(|kind| all.merge(run.measures.latency(region, *kind)));
    all
}

/// The outcomes of these regions' operations by when they began.
fn buckets(run: &Run, clock: &Clock, regions: &[RegionId]) -> Vec<Outcomes> {
    let mut sums = vec![Outcomes::default(); clock.count];
    for (place, of) in regions.iter().flat_map(|region| run.measures.timeline(*region).iter().enumerate()) {
        if let Some(sum) = clock.place(Time::ZERO + run.measures.bucket() * place as u64).map(|place| &mut sums[place])
        {
            (sum.ok, sum.fail, sum.unknown) = (sum.ok + of.ok, sum.fail + of.fail, sum.unknown + of.unknown);
        }
    }
    sums
}

fn availability(run: &Run, clock: &Clock, regions: &[RegionId]) -> Vec<Option<f64>> {
    let part = |of: &Outcomes| (of.total() > 0).then(|| of.availability() * 100.0);
    buckets(run, clock, regions).iter().map(part).collect()
}

fn outcomes(run: &Run, clock: &Clock) -> Vec<Line> {
    let everywhere: Vec<RegionId> = with_clients(run).into_iter().map(|(id, _)| id).collect();
    let sums = buckets(run, clock, &everywhere);
    let rate = |count: &dyn Fn(&Outcomes) -> u64| {
        sums.iter().map(|of| Some(count(of) as f64 / clock.width.as_secs_f64())).collect::<Vec<_>>()
    };
    vec![
        line("ok", 2, rate(&|of| of.ok)),
        line("failed", 5, rate(&|of| of.fail)),
        line("unknown", 4, rate(&|of| of.unknown)),
    ]
}

/// The median and the 99th percentile of each region, by when operations began.
fn latencies(run: &Run, clock: &Clock, regions: &[(RegionId, String)], writes: bool) -> Vec<Line> {
    let mut all: Vec<Vec<Latencies>> = vec![vec![Latencies::default(); clock.count]; run.regions.len()];
    for op in run.history.iter().filter(|op| op.outcome == Outcome::Ok && op.op.kind().writes() == writes) {
        if let Some(place) = clock.place(op.invoked) {
            all[run.client_regions[op.client.index()].index()][place].record(op.completed.since(op.invoked));
        }
    }
    let quantile = |id: RegionId, quantile: f64| {
        let of = |all: &Latencies| (all.count() >= ENOUGH).then(|| all.quantile(quantile).as_millis_f64());
        all[id.index()].iter().map(of).collect::<Vec<_>>()
    };
    let both = |(id, name): &(RegionId, String)| {
        let slow = line(&format!("{name} p99"), id.index(), quantile(*id, 0.99));
        [line(&format!("{name} p50"), id.index(), quantile(*id, 0.5)), Line { dash: true, ..slow }]
    };
    regions.iter().flat_map(both).collect()
}

/// Stale reads per second by region, by when they ended: the history told again to the judge of staleness.
fn stale_reads(run: &Run, clock: &Clock) -> Vec<Vec<Option<f64>>> {
    let operations: Vec<Operation> = run.history.iter().collect();
    let mut moments: Vec<(Time, bool, usize)> = Vec::with_capacity(2 * operations.len());
    for (place, op) in operations.iter().enumerate() {
        moments.push((op.invoked, true, place));
        if op.completed != Time::NEVER {
            moments.push((op.completed, false, place));
        }
    }
    moments.sort_unstable();
    let mut counts = vec![vec![0_u64; clock.count]; run.regions.len()];
    let mut judge = staleness::Online::default();
    for (at, begins, place) in moments {
        let op = &operations[place];
        if begins {
            judge.invoked(op.op);
            continue;
        }
        match (op.outcome, op.reply) {
            (Outcome::Ok, Some(reply)) => {
                let stale = judge.completed(op.op, op.invoked, reply, at).is_some();
                if let Some(bucket) = clock.place(at).filter(|_| stale) {
                    counts[run.client_regions[op.client.index()].index()][bucket] += 1;
                }
            }
            (Outcome::Fail, _) => judge.failed(op.op),
            _ => {}
        }
    }
    let rate = |count: &u64| Some(*count as f64 / clock.width.as_secs_f64());
    counts.iter().map(|of| of.iter().map(rate).collect()).collect()
}

/// How many acknowledged writes up to each moment are lost, diverged, or discarded for others.
fn gone(run: &Run, clock: &Clock) -> Vec<Line> {
    let so_far = |is: &dyn Fn(crate::id::Value) -> bool| {
        let mut counts = vec![0_u64; clock.count];
        for op in run.history.iter() {
            let Some(value) = op.acknowledged_write() else { continue };
            if is(value) {
                counts[clock.place(op.completed).unwrap_or(clock.count - 1)] += 1;
            }
        }
        let mut sum = 0;
        let add = |count: u64| {
            sum += count;
            Some(sum as f64)
        };
        counts.into_iter().map(add).collect::<Vec<_>>()
    };
    let durability = &run.durability;
    vec![
        line("lost", 5, so_far(&|value| durability.lost.contains(&value))),
        Line { dash: true, ..line("of them diverged", 3, so_far(&|value| durability.diverged.contains(&value))) },
        line("discarded for others", 4, so_far(&|value| durability.conflicts.contains(&value))),
    ]
}
