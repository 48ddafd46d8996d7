//! One run, for a person: what clients had, what the data went through, what broke and what that proves.
//!
//! Next: `timeline.rs`.

use std::fmt::Write;

use crate::check::Verdict;
use crate::check::monitor::Failover;
use crate::explore::metric::staleness;
use crate::id::RegionId;
use crate::metrics::Latencies;
use crate::op::OpKind;
use crate::protocol::Guarantee;
use crate::sim::Traffic;
use crate::time::Duration;

use super::super::actors;
use super::super::fault::describe;
use super::super::invariants;
use super::super::number::{bytes, counted, grouped, millis, seconds, trimmed};
use super::super::paint::{Paint, Style};
use super::super::subject::{Conclusion, RunReport};
use super::super::table::{Align, Cell, Table, wrap};
use super::levels::levels;
use super::{COLUMNS, story, timeline};

/// The report of one run.
pub fn run(report: &RunReport, paint: Paint) -> String {
    let mut text = header(report, paint);
    let sections = [
        timeline::availability(report, paint),
        latency(report, paint),
        facts(report, paint),
        faults(report, paint),
        actors::section(report, paint),
        verdicts(report, paint),
        invariants::section(report.run, paint),
        levels(report, paint),
        expectations(report, paint),
        ending(report, paint),
    ];
    for section in sections.iter().filter(|section| !section.is_empty()) {
        text.push('\n');
        text.push_str(section);
    }
    text
}

fn header(report: &RunReport, paint: Paint) -> String {
    let (run, design) = (report.run, report.design);
    let mut text = format!("{}\n", paint.paint(Style::Strong, &report.scenario.name));
    if let Some(lesson) = &report.scenario.lesson {
        text.push_str(&wrap(lesson, "", COLUMNS));
    }
    let mut table = Table::new(2, [Align::Left, Align::Left]);
    let mut row = |name: &str, value: String| table.row([Cell::new(Style::Faint, name), value.into()]);
    row("design", format!("{}, by {}", design.name, design.protocol));
    row("seed", format!("{}   digest {}", run.seed, run.digest));
    row("simulated", format!("{}, {} events", run.simulated, grouped(run.events)));
    let outcomes = run.measures.outcomes(None);
    let [ok, fail, unknown] = [outcomes.ok, outcomes.fail, outcomes.unknown].map(grouped);
    row("operations", format!("{ok} ok, {fail} failed, {unknown} without an answer"));
    if run.unanswered_writes > 0 {
        let [writes, applied] = [run.unanswered_writes, run.unanswered_but_applied].map(grouped);
        row("", format!("of {writes} writes without an answer, {applied} took effect"));
    }
    text.push_str(&table.render(paint));
    text
}

fn latency(report: &RunReport, paint: Paint) -> String {
    let run = report.run;
    let mut columns = vec![Align::Left, Align::Left];
    columns.extend([Align::Right; 7]);
    let mut table = Table::new(0, columns);
    let head = ["latency, ms", "", "count", "mean", "p50", "p90", "p99", "p99.9", "max"];
    table.row(head.map(|name| Cell::new(if name == head[0] { Style::Strong } else { Style::Faint }, name)));
    for (place, region) in run.regions.iter().enumerate().filter(|(place, _)| run.has_clients[*place]) {
        let of = |kind: &OpKind| (*kind, run.measures.latency(RegionId(place as u16), *kind));
        let asked = OpKind::ALL.iter().map(of).filter(|(_, latencies)| latencies.count() > 0);
        for (line, (kind, latencies)) in asked.enumerate() {
            let name = if line == 0 { format!("  {region}") } else { String::new() };
            table.row([name.into(), kind.name().replace('_', "-").into()].into_iter().chain(figures(latencies)));
        }
    }
    table.render(paint)
}

fn figures(latencies: &Latencies) -> impl Iterator<Item = Cell> {
    let quantile = |q| millis(latencies.quantile(q));
    let figures = [
        grouped(latencies.count()),
        millis(latencies.mean()),
        quantile(0.5),
        quantile(0.9),
        quantile(0.99),
        quantile(0.999),
        millis(latencies.max()),
    ];
    figures.into_iter().map(Cell::from)
}

/// What the data, the leaders and the network went through, a line each.
fn facts(report: &RunReport, paint: Paint) -> String {
    let run = report.run;
    let mut table = Table::new(0, [Align::Left, Align::Left]);
    let mut fact = |name: &str, is_bad: bool, value: String| {
        table.row([Cell::new(Style::Strong, name), Cell::new(if is_bad { Style::Bad } else { Style::Plain }, value)]);
    };
    let (lost, diverged) = (run.durability.lost.len(), run.durability.diverged.len());
    let losses = if lost == 0 {
        "no acknowledged write lost".into()
    } else {
        let lost = counted(lost, "acknowledged write");
        format!("{lost} lost, {} of them left on a branch; RPO {}", grouped(diverged as u64), seconds(run.rpo))
    };
    fact("durability", lost > 0, losses);
    let conflicts = match run.durability.conflicts.len() {
        0 => "none".into(),
        conflicts => format!("{} discarded by rule for a concurrent one", counted(conflicts, "acknowledged write")),
    };
    fact("conflicts", false, conflicts);
    fact("staleness", false, stale_reads(report));
    if run.leaders_per_epoch_max > 0 {
        let is_split = run.leaders_per_epoch_max > 1 || !run.dual_writer.is_zero();
        let leaders = format!("at most {} in one epoch", counted(run.leaders_per_epoch_max, "leader"));
        let overlap = match run.dual_writer {
            Duration::ZERO => "no two leaders acknowledged writes at the same time".into(),
            overlap => format!("two leaders acknowledged writes for {}", seconds(overlap)),
        };
        fact("split brain", is_split, format!("{overlap}; {leaders}"));
        fact("recovery", false, format!("RTO {}", seconds(run.recovery())));
    } else {
        fact("recovery", false, format!("{} without any acknowledged write while writes failed", seconds(run.outage)));
    }
    let traffic = &run.traffic;
    let across = bytes(traffic.cross_region_bytes);
    fact(
        "network",
        false,
        format!(
            "{} messages, {}, of which {across} between regions{}",
            grouped(traffic.messages),
            bytes(traffic.bytes),
            streams(traffic)
        ),
    );
    let busiest = run.loads.iter().zip(&run.nodes).max_by(|(a, _), (b, _)| a.busy.cmp(&b.busy));
    if let Some((load, node)) = busiest {
        let percent = trimmed(load.utilization(report.scenario.setup.duration) * 100.0, 1);
        let away: u64 = run.loads.iter().map(|load| load.turned_away).sum();
        let away = if away == 0 { String::new() } else { format!("; {} requests turned away", grouped(away)) };
        let queue = grouped(run.loads.iter().map(|load| load.queue_max).max().unwrap_or(0));
        fact(
            "work",
            false,
            format!("{} was busiest, at {percent} %; at most {queue} waited at a node{away}", node.name),
        );
    }
    if run.retries > 0 {
        fact("retries", false, format!("{} retries and hedges", grouped(run.retries)));
    }
    if run.duplicate_effects > 0 {
        fact("duplicates", true, counted(run.duplicate_effects as usize, "write effect") + " beyond the first");
    }
    let of_reads = |count: u64, what: &str| format!("{} of {} reads {what}", grouped(count), grouped(run.reads));
    if run.fractured_reads > 0 {
        fact("fractured", true, of_reads(run.fractured_reads, "showed some part of a put without the rest"));
    }
    if run.long_forks > 0 {
        fact("long forks", true, of_reads(run.long_forks, "showed two puts in another order than an earlier read"));
    }
    if run.numbers_given_twice > 0 {
        fact(
            "numbers",
            true,
            counted(run.numbers_given_twice as usize, "number") + " given to a client that another had",
        );
    }
    let failovers = run.failovers.iter().map(|failover| story::bullet(&failover_line(report, failover)));
    let text = table.render(paint);
    if run.failovers.is_empty() {
        return text;
    }
    let heading = paint.paint(Style::Strong, "failovers");
    text + "\n" + &heading + "\n" + &failovers.collect::<String>()
}

fn stale_reads(report: &RunReport) -> String {
    let run = report.run;
    let stale = run.stale_reads.count();
    if run.reads == 0 {
        let are_answered = run.measures.latency_overall(false).count() > 0;
        let why =
            if are_answered { "not asked: it is that of single values and of rows" } else { "no read was answered" };
        return why.into();
    }
    if stale == 0 {
        return format!("no stale read among {}", grouped(run.reads));
    }
    let [p50, p99] = [0.5, 0.99].map(|quantile| millis(staleness(run, quantile)));
    let worst = millis(run.stale_reads.max());
    format!(
        "{} of {} reads stale; over all reads p50 {p50} ms, p99 {p99} ms, max {worst} ms",
        grouped(stale),
        grouped(run.reads)
    )
}

fn failover_line(report: &RunReport, failover: &Failover) -> String {
    let node = &report.run.nodes[failover.leader.index()];
    let total = failover.total().map_or("it never acknowledged a write".into(), seconds);
    let serve = failover.serve.map_or("never".into(), seconds);
    let Failover { detect, decide, fence, provision, promote, .. } = failover;
    let provision = if provision.is_zero() { String::new() } else { format!("provision {} → ", seconds(*provision)) };
    let [detect, decide, fence, promote] = [*detect, *decide, *fence, *promote].map(seconds);
    let phases =
        format!("detect {detect} → decide {decide} → fence {fence} → {provision}promote {promote} → serve {serve}");
    format!("from {} to {} in epoch {}: {total}\n  {phases}", failover.at, node.name, failover.epoch)
}

fn faults(report: &RunReport, paint: Paint) -> String {
    let run = report.run;
    if run.ledger.is_empty() {
        return String::new();
    }
    let mut table = Table::new(2, [Align::Right, Align::Left, Align::Left]);
    for (entry, fault) in run.ledger.iter().zip(&report.scenario.setup.faults) {
        let touched = match (entry.fired, entry.is_void()) {
            (true, false) => Cell::from(format!("touched {}", grouped(entry.touched))),
            (true, true) => Cell::new(Style::Bad, "error: it touched nothing, so this run does not test it"),
            (false, true) => Cell::new(Style::Bad, "error: the run was over before it could begin"),
            (false, false) => Cell::new(Style::Faint, "did not begin"),
        };
        table.row([entry.at.to_string().into(), describe(fault, &report.scenario.setup.topology).into(), touched]);
    }
    format!("{}\n{}", paint.paint(Style::Strong, "faults"), table.render(paint))
}

fn verdicts(report: &RunReport, paint: Paint) -> String {
    let mut text = format!("{}\n", paint.paint(Style::Strong, "verdicts"));
    let levels = report.expected_levels.iter().map(|judged| judged.level.to_string().chars().count());
    let widest = Guarantee::ALL.iter().map(|guarantee| guarantee.name().len()).chain(levels).max().unwrap_or(0);
    for judged in &report.run.verdicts {
        let expected = report.expected(judged.guarantee);
        let verdict = judged.verdict.name();
        let style = match (&judged.verdict, expected) {
            (Verdict::Inconclusive { .. }, _) => Style::Doubt,
            (_, Some(expected)) if expected == verdict => Style::Good,
            (_, Some(_)) => Style::Bad,
            (_, None) => Style::Plain,
        };
        let why = match (report.claims(judged.guarantee), expected) {
            (true, Some("pass")) => "claimed".into(),
            (true, Some(expected)) => format!("claimed, and the scenario expects {expected}"),
            (false, Some(expected)) => format!("the scenario expects {expected}"),
            (_, None) => "not claimed".into(),
        };
        let name = judged.guarantee.name();
        let verdict = paint.paint(style, format_args!("{verdict:<12}"));
        writeln!(text, "  {name:<widest$}   {verdict}   {}", paint.paint(Style::Faint, why))
            .expect("a string takes all");
        text.push_str(&story::of(&judged.verdict, report.run, paint));
    }
    for judged in &report.expected_levels {
        let name = judged.level.to_string();
        let verdict = judged.verdict.name();
        let (style, expected) = match (&judged.verdict, report.said(&name)) {
            (Verdict::Inconclusive { .. }, expected) => (Style::Doubt, expected),
            (_, Some(expected)) if expected == verdict => (Style::Good, Some(expected)),
            (_, expected) => (Style::Bad, expected),
        };
        let verdict = paint.paint(style, format_args!("{verdict:<12}"));
        let mut aside = expected.map_or(String::new(), |expected| format!("the scenario expects {expected}"));
        if let Some(note) = judged.note {
            aside.push_str(&format!("; {note}"));
        }
        writeln!(text, "  {name:<widest$}   {verdict}   {}", paint.paint(Style::Faint, aside))
            .expect("a string takes all");
        text.push_str(&story::of(&judged.verdict, report.run, paint));
    }
    text
}

fn expectations(report: &RunReport, paint: Paint) -> String {
    if report.judgements.is_empty() {
        return String::new();
    }
    let mut table = Table::new(2, [Align::Left, Align::Left, Align::Left, Align::Left]);
    for judgement in &report.judgements {
        let (style, word) = if judgement.held { (Style::Good, "held") } else { (Style::Bad, "broken") };
        let expected = format!("expected {}", judgement.expectation.bound);
        let name = judgement.expectation.name.as_str();
        table.row([
            name.into(),
            Cell::new(style, word),
            judgement.measured.as_str().into(),
            Cell::new(Style::Faint, expected),
        ]);
    }
    format!("{}\n{}", paint.paint(Style::Strong, "expectations"), table.render(paint))
}

fn ending(report: &RunReport, paint: Paint) -> String {
    let (style, words) = match report.conclusion() {
        Conclusion::Held => (Style::Good, "pass: everything expected held"),
        Conclusion::Inconclusive => (Style::Doubt, "inconclusive: a verdict could not be reached"),
        Conclusion::Broken => (Style::Bad, "fail: something expected did not hold"),
    };
    format!("{}\n{}\n", paint.paint(style, words), paint.paint(Style::Faint, report.replay()))
}
/// What became of connections, where there were some.
fn streams(traffic: &Traffic) -> String {
    match traffic.connections {
        0 => String::new(),
        connections => {
            let again = grouped(traffic.retransmitted);
            format!("; {} opened, {again} sent again", counted(connections as usize, "connection"))
        }
    }
}
