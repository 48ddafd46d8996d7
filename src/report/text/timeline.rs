//! Availability over time, region by region, above the faults that explain it.
//!
//! Next: `story.rs`.

use crate::id::RegionId;
use crate::metrics::Outcomes;
use crate::time::{Duration, Time};

use super::super::fault::{describe, end};
use super::super::number::percent;
use super::super::paint::{Paint, Style};
use super::super::subject::RunReport;
use super::super::table::width;

/// How many columns the whole run takes.
const CHART: usize = 60;
/// From nothing to nearly all; a full block is all, and nothing less.
const LEVELS: [char; 7] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇'];

/// The section of a run's report.
pub fn availability(report: &RunReport, paint: Paint) -> String {
    let (run, setup) = (report.run, &report.scenario.setup);
    let mut rows: Vec<(String, String, String)> = Vec::new();
    for (place, region) in run.regions.iter().enumerate().filter(|(place, _)| run.has_clients[*place]) {
        let id = RegionId(place as u16);
        let part = percent(run.measures.outcomes(Some(id)).availability());
        let columns = columns(run.measures.timeline(id), run.measures.bucket(), setup.duration);
        rows.push((region.to_string(), part, chart(&columns, paint)));
    }
    for fault in &setup.faults {
        let span = span(fault.at, end(fault, &setup.faults, setup.duration), setup.duration);
        rows.push((describe(fault, &setup.topology), String::new(), paint.paint(Style::Faint, span)));
    }
    let overall = percent(run.measures.outcomes(None).availability());
    let names = rows.iter().map(|(name, ..)| width(name)).max().unwrap_or(0).clamp(16, 40);
    let scale = format!("0s{:>blank$}", setup.duration.to_string(), blank = CHART - 2);
    let heading = paint.paint(Style::Strong, format_args!("{:<names$}", "availability, %"));
    let mut text = format!("{heading}     {overall:>7}   {}\n", paint.paint(Style::Faint, scale));
    for (name, part, chart) in rows {
        // A longer name has its own line, so that the charts stay in one column.
        if width(&name) > names {
            text.push_str(&format!("  {name}\n  {:names$}   {part:>7}   {chart}\n", ""));
        } else {
            text.push_str(&format!("  {name:<names$}   {part:>7}   {chart}\n"));
        }
    }
    text
}

/// The outcomes of each column of the chart: whole buckets, counted where they begin.
fn columns(timeline: &[Outcomes], bucket: Duration, duration: Duration) -> Vec<Outcomes> {
    let mut columns = vec![Outcomes::default(); CHART];
    for (place, outcomes) in timeline.iter().enumerate() {
        let at = Time::ZERO + bucket * place as u64;
        let column = &mut columns[column_of(at, duration)];
        column.ok += outcomes.ok;
        column.fail += outcomes.fail;
        column.unknown += outcomes.unknown;
    }
    columns
}

fn column_of(at: Time, duration: Duration) -> usize {
    let nanos = u128::from(at.as_nanos()) * CHART as u128 / u128::from(duration.as_nanos().max(1));
    (nanos as usize).min(CHART - 1)
}

fn chart(columns: &[Outcomes], paint: Paint) -> String {
    let mut text = String::new();
    // Runs of columns that are alike are painted together, which keeps the text short.
    for columns in columns.chunk_by(|a, b| style(a) == style(b)) {
        text.push_str(&paint.paint(style(&columns[0]), columns.iter().map(block).collect::<String>()));
    }
    text
}

fn style(outcomes: &Outcomes) -> Style {
    if outcomes.ok == outcomes.total() { Style::Faint } else { Style::Bad }
}

fn block(outcomes: &Outcomes) -> char {
    match (outcomes.ok, outcomes.total()) {
        (_, 0) => ' ',
        (ok, total) if ok == total => '█',
        (ok, total) => LEVELS[(ok * LEVELS.len() as u64 / total) as usize],
    }
}

fn span(from: Time, to: Time, duration: Duration) -> String {
    let (first, last) = (column_of(from, duration), column_of(to, duration));
    let blank = " ".repeat(first);
    match last.saturating_sub(first) {
        0 => format!("{blank}│"),
        wide => format!("{blank}├{}┤", "─".repeat(wide - 1)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_block_is_all_and_nothing_less() {
        let block = |ok, fail| block(&Outcomes { ok, fail, unknown: 0 });
        assert_eq!([block(0, 0), block(9, 0), block(999, 1), block(1, 1), block(0, 5)], [' ', '█', '▇', '▄', '▁']);
    }

    #[test]
    fn a_fault_is_drawn_where_it_was() {
        let at = |s| Time::ZERO + Duration::secs(s);
        let minute = Duration::secs(60);
        assert_eq!(span(at(10), at(13), minute), format!("{}├──┤", " ".repeat(10)));
        assert_eq!(span(at(10), at(10), minute), format!("{}│", " ".repeat(10)));
        assert_eq!(column_of(at(75), minute), CHART - 1, "what is late stays inside");
    }
}
