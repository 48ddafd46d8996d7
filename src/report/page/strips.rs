//! One run over its time, drawn: who led and who acknowledged writes, how each failover went.
//!
//! Next: `network.rs`.

use super::draw::{Svg, card, escaped, table};
use crate::model::fault::Fault;
use crate::time::{Duration, Time};

use super::super::fault::{describe, end};
use super::super::number::{grouped, seconds};
use super::super::subject::RunReport;

const LEFT: f64 = 210.0;
const PLOT: f64 = 660.0;
const ROW: f64 = 24.0;
/// Longer lists of epochs are cut short.
const ROWS: usize = 32;

/// A drawing with time from left to right.
pub(super) struct Strip {
    svg: Svg,
    total: Duration,
    rows: usize,
}

impl Strip {
    /// With so many rows; faults are bands behind them.
    pub(super) fn new(report: &RunReport, rows: usize, label: &str) -> Strip {
        let total = report.scenario.setup.duration;
        let height = rows as f64 * ROW + 26.0;
        let mut strip = Strip { svg: Svg::new((LEFT + PLOT + 24.0) as u32, height as u32, label), total, rows };
        let setup = &report.scenario.setup;
        for fault in &setup.faults {
            let (from, to) = (strip.x(fault.at), strip.x(end(fault, &setup.faults, setup.duration)));
            let hint = describe(fault, &setup.topology);
            strip.svg.rect("fault", (from, 0.0), ((to - from).max(2.0), rows as f64 * ROW), &hint);
        }
        strip
    }

    fn x(&self, at: Time) -> f64 {
        LEFT + PLOT * (at.as_secs_f64() / self.total.as_secs_f64()).min(1.0)
    }

    fn y(row: usize) -> f64 {
        row as f64 * ROW + 4.0
    }

    pub(super) fn name(&mut self, row: usize, name: &str) {
        self.svg.text("", (0.0, Strip::y(row) + 12.0), "start", name);
        self.svg.line("grid-line", (LEFT, Strip::y(row) + 18.0), (LEFT + PLOT, Strip::y(row) + 18.0));
    }

    pub(super) fn bar(&mut self, row: usize, class: &str, (from, to): (Time, Time), hint: &str) {
        let (x, to) = (self.x(from), self.x(to));
        self.svg.rect(class, (x, Strip::y(row)), ((to - x).max(2.0), 15.0), hint);
    }

    /// A scale of heights beside all rows: each from 0, at the top, to 1.
    pub(super) fn scale(&mut self, marks: &[(f64, String)]) {
        for (height, name) in marks {
            let y = self.height(*height);
            self.svg.text("t-soft", (LEFT - 10.0, y + 4.0), "end", name);
            self.svg.line("grid-line", (LEFT, y), (LEFT + PLOT, y));
        }
    }

    /// Dots over all rows, at heights from 0, at the top, to 1.
    pub(super) fn dots(&mut self, class: &str, dots: &[(Time, f64)]) {
        let places: Vec<(f64, f64)> = dots.iter().map(|(at, height)| (self.x(*at), self.height(*height))).collect();
        self.svg.dots(class, &places);
    }

    fn height(&self, part: f64) -> f64 {
        6.0 + (self.rows as f64 * ROW - 12.0) * part
    }

    pub(super) fn finish(mut self) -> String {
        let y = self.rows as f64 * ROW + 18.0;
        for step in 0..=6_u32 {
            let at = Time::ZERO + Duration::nanos(self.total.as_nanos() / 6 * u64::from(step));
            let x = self.x(at);
            let anchor = if step == 6 { "end" } else { "middle" };
            self.svg.text("t-soft", (x, y), anchor, &seconds(at.since(Time::ZERO)));
        }
        self.svg.finish()
    }
}

/// A row for each epoch of each leader: pale from when it took office until the next did, full while it acknowledged writes.
/// Two full bars at one instant are two writers.
pub fn leaders(report: &RunReport) -> String {
    let run = report.run;
    let title = "Leaders and writers";
    if run.offices.is_empty() {
        return card(title, "<p class=\"soft\">Nobody leads: every replica that clients ask takes their writes.</p>");
    }
    let shown = &run.offices[..run.offices.len().min(ROWS)];
    let mut strip = Strip::new(report, shown.len(), "who led, and who acknowledged writes, by epoch");
    let over = Time::ZERO + report.scenario.setup.duration;
    for (row, office) in shown.iter().enumerate() {
        let next = run.offices.iter().filter(|other| other.group == office.group && other.at > office.at);
        let until = next.map(|other| other.at).min().unwrap_or(over);
        let node = &run.nodes[office.node.index()];
        let class = format!("k{}", node.region.index() % 8);
        strip.name(row, &format!("epoch {}  {}", office.epoch, node.name));
        let hint = format!("{} took office for epoch {} at {}", node.name, office.epoch, office.at);
        strip.bar(row, &format!("{class} office"), (office.at, until), &hint);
        let is_its = |stint: &&crate::check::monitor::Stint| {
            (stint.group, stint.epoch, stint.node) == (office.group, office.epoch, office.node)
        };
        for stint in run.stints.iter().filter(is_its) {
            let hint = format!("{} acknowledged writes from {} to {}", node.name, stint.first, stint.last);
            strip.bar(row, &class, (stint.first, stint.last), &hint);
        }
    }
    let more = run.offices.len() - shown.len();
    let more = if more > 0 { format!(" {more} later ones are not drawn.") } else { String::new() };
    let split = if run.dual_writer.is_zero() {
        "At no time did two leaders both acknowledge writes.".to_string()
    } else {
        format!("Two leaders both acknowledged writes for {}.", seconds(run.dual_writer))
    };
    let legend =
        format!("<p class=\"hint\">Pale: in office. Full: acknowledging writes. Bands: faults. {split}{more}</p>");
    card(title, &(strip.finish() + &legend))
}

/// A bar for each failover, in its phases.
pub fn failovers(report: &RunReport) -> String {
    let run = report.run;
    if run.failovers.is_empty() {
        return String::new();
    }
    let longest = run.failovers.iter().filter_map(crate::check::monitor::Failover::total).max().unwrap_or_default();
    let scale = longest.as_secs_f64().max(1e-9);
    let shown = &run.failovers[..run.failovers.len().min(ROWS)];
    let height = shown.len() as f64 * ROW + 26.0;
    let mut svg = Svg::new((LEFT + PLOT + 90.0) as u32, height as u32, "the phases of each failover");
    for (row, failover) in shown.iter().enumerate() {
        let leader = &run.nodes[failover.leader.index()].name;
        let y = Strip::y(row);
        svg.text("", (0.0, y + 12.0), "start", &format!("at {}  {leader}", seconds(failover.at.since(Time::ZERO))));
        let phases = [
            ("detect", Some(failover.detect)),
            ("decide", Some(failover.decide)),
            ("fence", Some(failover.fence)),
            ("provision", Some(failover.provision)),
            ("promote", Some(failover.promote)),
            ("serve", failover.serve),
        ];
        let mut x = LEFT;
        for (colour, (phase, span)) in phases.iter().enumerate() {
            let Some(span) = span else { continue };
            let width = PLOT * (span.as_secs_f64() / scale).min(1.0);
            if width > 0.0 {
                svg.rect(&format!("k{colour}"), (x, y), (width, 15.0), &format!("{phase}: {}", seconds(*span)));
                if width > 52.0 {
                    svg.text("t-in", (x + 5.0, y + 11.5), "start", phase);
                }
            }
            x += width;
        }
        let total = failover.total().map_or("never served".into(), seconds);
        svg.text("", (x.min(LEFT + PLOT) + 6.0, y + 12.0), "start", &total);
    }
    let y = height - 8.0;
    for (colour, phase) in ["detect", "decide", "fence", "promote", "serve"].iter().enumerate() {
        let x = LEFT + colour as f64 * 90.0;
        svg.rect(&format!("k{colour}"), (x, y - 9.0), (10.0, 10.0), "");
        svg.text("t-soft", (x + 15.0, y), "start", phase);
    }
    card("Recovery, phase by phase", &svg.finish())
}

/// What each fault did.
pub fn ledger(report: &RunReport) -> String {
    let (run, setup) = (report.run, &report.scenario.setup);
    let row = |(entry, fault): (&crate::sim::LedgerEntry, &Fault)| {
        let touched = match (entry.fired, entry.is_void()) {
            (false, _) => "never began".to_string(),
            (_, true) => "touched nothing".to_string(),
            _ => grouped(entry.touched),
        };
        vec![escaped(&describe(fault, &setup.topology)), seconds(entry.at.since(Time::ZERO)), touched]
    };
    let rows: Vec<Vec<String>> = run.ledger.iter().zip(&setup.faults).map(row).collect();
    if rows.is_empty() {
        return String::new();
    }
    card("What broke", &table(&["fault", "at", "messages, nodes or events touched"], &rows))
}
