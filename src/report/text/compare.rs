//! Designs side by side: one table to decide from, what it leaves out beneath. Where they are more than fit side by side,
//! they stand below each other, and the numbers go on in further panels.
//!
//! Next: `check.rs`.

use crate::check::level::Level;
use crate::explore::compare::{DesignSummary, Tally};
use crate::explore::pareto::{Beaten, Front};
use crate::protocol::Guarantee;

use super::super::number::counted;
use super::super::paint::{Paint, Style};
use super::super::rows::{Group, Numbers, numbers};
use super::super::subject::{Conclusion, SweepReport, conclusion_of};
use super::super::table::{Align, Cell, Table, width, wrap};
use super::panel::Panel;
use super::{COLUMNS, check};

/// The widest that the table gets while it still tells the metrics' names in scenario files.
const WIDEST: usize = 120;

/// The report of a comparison.
pub fn compare(report: &SweepReport, paint: Paint) -> String {
    let designs = &report.comparison.designs;
    let title = paint.paint(Style::Strong, &report.scenario.name);
    if designs.is_empty() {
        return format!("{title}\nno seed was finished by every design\n");
    }
    let fits = |table: &Table| table.width() <= WIDEST;
    let side_by_side = Some(table(report, true)).filter(fits).or_else(|| Some(table(report, false)).filter(fits));
    let tables = side_by_side.map_or_else(|| panels(report), |table| vec![table]);
    let tables: Vec<String> = tables.iter().map(|table| table.render(paint)).collect();
    let mut text = format!("{title}\n{}\n\n{}\n", seeds(report), tables.join("\n"));
    text.push_str(&legend(report));
    text.push_str(&beaten(report, paint));
    text.push_str(&check::problems(report, paint));
    text
}

fn seeds(report: &SweepReport) -> String {
    let seeds = &report.comparison.seeds;
    let range = match (seeds.first(), seeds.last()) {
        (Some(first), Some(last)) if first != last => format!(" ({first} to {last})"),
        _ => String::new(),
    };
    let designs = counted(report.comparison.designs.len(), "design");
    let asked =
        if report.is_cut_short() { format!(", interrupted: {} were asked for", report.asked) } else { String::new() };
    format!("{designs}, the same {}{range} each{asked}", counted(seeds.len(), "seed"))
}

fn table(report: &SweepReport, with_names: bool) -> Table {
    let designs = &report.comparison.designs;
    let mut columns = vec![Align::Left];
    columns.extend(designs.iter().map(|_| Align::Left));
    columns.extend(with_names.then_some(Align::Left));
    let mut table = Table::new(0, columns);
    let names = designs.iter().map(|design| heading(report, design));
    table.row([Cell::default()].into_iter().chain(names));
    let protocols = designs.iter().map(|design| Cell::new(Style::Faint, design.protocol));
    table.row([Cell::default()].into_iter().chain(protocols));

    let rows = numbers(designs);
    let bodies = align(&rows);
    let mut group = Group::Metric;
    for (row, cells) in rows.into_iter().zip(bodies) {
        if row.group != group {
            table.gap();
            group = row.group;
        }
        let name = with_names.then(|| Cell::new(Style::Faint, row.name));
        table.row([Cell::from(row.label)].into_iter().chain(cells).chain(name));
    }
    table.gap();
    for (name, cells) in judged(report) {
        table.row([Cell::from(name)].into_iter().chain(cells));
    }
    table
}

/// A design's name, marked where it is on the front.
fn heading(report: &SweepReport, design: &DesignSummary) -> Cell {
    let mark = if report.comparison.front.has(&design.name) { " *" } else { "" };
    Cell::new(Style::Strong, format!("{}{mark}", design.name))
}

/// What is judged: the name, and each design's cell.
fn judged(report: &SweepReport) -> Vec<(String, Vec<Cell>)> {
    let designs = &report.comparison.designs;
    let guarantees = Guarantee::ALL.iter().enumerate().map(|(place, guarantee)| {
        let of = |design: &DesignSummary| {
            let is_claimed = report.claims(design).contains(guarantee);
            verdict(design, guarantee.name(), is_claimed, design.verdicts[place].1)
        };
        (guarantee.name().to_string(), designs.iter().map(of).collect())
    });
    let levels = levels(designs).into_iter().map(|level| {
        let name = level.to_string();
        let of = |design: &DesignSummary| match design.tally(&name) {
            Some(tally) => verdict(design, &name, true, tally),
            None => Cell::new(Style::Faint, "–"),
        };
        let cells = designs.iter().map(of).collect();
        (name, cells)
    });
    let is_expected = designs.iter().any(|design| !design.judgements.is_empty());
    let held = is_expected.then(|| ("expectations held".to_string(), designs.iter().map(expectations).collect()));
    guarantees.chain(levels).chain(held).collect()
}

/// The same the other way round, a design a row, as many columns at a time as fit: first what the front is about.
fn panels(report: &SweepReport) -> Vec<Table> {
    let designs = &report.comparison.designs;
    let mut rows = numbers(designs);
    rows.sort_by_key(|row| !report.comparison.front.objectives.iter().any(|objective| objective.name == row.name));
    let bodies = align(&rows);
    let columns = rows.into_iter().map(|row| row.label).zip(bodies).chain(judged(report));
    let names: Vec<Cell> = designs.iter().map(|design| heading(report, design)).collect();
    Panel::fill(&names, columns, COLUMNS)
}

/// The cells of the rows: in each design's column, means end where the others end, and intervals begin together.
fn align(rows: &[Numbers]) -> Vec<Vec<Cell>> {
    let parts: Vec<Vec<(String, String)>> =
        rows.iter().map(|row| (0..row.estimates.len()).map(|place| row.parts(place)).collect()).collect();
    let designs = rows.first().map_or(0, |row| row.estimates.len());
    let means: Vec<usize> =
        (0..designs).map(|place| parts.iter().map(|row| width(&row[place].0)).max().unwrap_or(0)).collect();
    let cell = |row: &Numbers, place: usize, (mean, half): &(String, String)| {
        let half = if half.is_empty() { String::new() } else { format!(" ± {half}") };
        let style = if row.is_best(place) { Style::Good } else { Style::Plain };
        Cell::new(style, format!("{mean:>wide$}{half}", wide = means[place]))
    };
    let line = |(row, parts): (&Numbers, &Vec<(String, String)>)| {
        parts.iter().enumerate().map(|(place, part)| cell(row, place, part)).collect()
    };
    rows.iter().zip(&parts).map(line).collect()
}

/// The levels of consistency that are expected of some design, from the strongest of each family to the weakest.
fn levels(designs: &[DesignSummary]) -> Vec<Level> {
    let mut levels: Vec<Level> = designs.iter().flat_map(|design| &design.levels).map(|(level, _)| *level).collect();
    levels.sort_unstable();
    levels.dedup();
    levels
}

/// How many seeds pass a guarantee or a level of this name.
fn verdict(design: &DesignSummary, name: &str, is_claimed: bool, tally: Tally) -> Cell {
    let total = tally.pass + tally.fail + tally.inconclusive;
    let mark = if tally.fail > 0 { " ✗" } else { "" };
    let undecided = if tally.inconclusive > 0 { format!(", {} undecided", tally.inconclusive) } else { String::new() };
    let is_broken = design.broken_claims.iter().any(|(broken, ..)| broken.name() == name)
        || design.judgements.iter().any(|judgement| !judgement.held && judgement.expectation.name == name);
    let is_promised = is_claimed || design.judgements.iter().any(|judgement| judgement.expectation.name == name);
    let style = match (is_broken, is_promised) {
        (true, _) if tally.fail == 0 => Style::Doubt,
        (true, _) => Style::Bad,
        (false, true) => Style::Plain,
        (false, false) => Style::Faint,
    };
    Cell::new(style, format!("{}/{total}{undecided}{mark}", tally.pass))
}

fn expectations(design: &DesignSummary) -> Cell {
    let held = design.judgements.iter().filter(|judgement| judgement.held).count();
    let style = match conclusion_of(design) {
        _ if held == design.judgements.len() => Style::Plain,
        Conclusion::Inconclusive => Style::Doubt,
        _ => Style::Bad,
    };
    Cell::new(style, format!("{held}/{}", design.judgements.len()))
}

fn legend(report: &SweepReport) -> String {
    let seeds = counted(report.comparison.seeds.len(), "paired seed");
    let lines = [
        front(report),
        format!("±    half of the 95 % t interval of the mean over {seeds}; none where every seed gave the same"),
        "n/n  seeds that pass; ✗ some seed fails: what was claimed, or expected otherwise, is listed below".to_string(),
    ];
    let has_levels = report.comparison.designs.iter().any(|design| !design.levels.is_empty());
    let levels = "–    not judged: levels of consistency are, where expected, by what clients saw and by the order in which the \
                  store had the versions of each key that has one";
    let levels = has_levels.then_some(levels);
    let is_void = |design: &DesignSummary| design.is_measured.contains(&false);
    let void =
        report.comparison.designs.iter().any(is_void).then_some(
            "–    nothing to measure: nobody was answered, which makes a design neither better nor worse in it",
        );
    lines.iter().map(String::as_str).chain(levels).chain(void).map(wrap_legend).collect()
}

fn front(report: &SweepReport) -> String {
    let objectives = &report.comparison.front.objectives;
    let of = match objectives.len() {
        all if all == Front::every_objective().len() => "every metric".to_string(),
        _ => objectives.iter().map(|objective| objective.name).collect::<Vec<_>>().join(", "),
    };
    match objectives.len() {
        1 => format!("*    on the Pareto front: no other design is better in {of}"),
        _ => format!("*    on the Pareto front: no other design is at least as good in {of} and better in one"),
    }
}

/// Of each design that is not on the front, what beats it.
fn beaten(report: &SweepReport, paint: Paint) -> String {
    let front = &report.comparison.front;
    if front.beaten.is_empty() {
        return String::new();
    }
    let widest = front.beaten.iter().map(|beaten| width(&beaten.design)).max().unwrap_or(0);
    let line = |Beaten { design, by, better_in }: &Beaten| {
        let better = better_in.join(", ");
        let margin = " ".repeat(widest + 5);
        let words = wrap(&format!("{by} is at least as good in all, and better in {better}"), &margin, COLUMNS);
        let name = paint.paint(Style::Strong, design);
        format!("  {name}{}   {}", " ".repeat(widest - width(design)), words.trim_start())
    };
    format!("\nnot on the front\n{}", front.beaten.iter().map(line).collect::<String>())
}

/// A legend's line as it is, unless a terminal would break it.
fn wrap_legend(line: &str) -> String {
    if width(line) <= COLUMNS { format!("{line}\n") } else { wrap(line, "", COLUMNS) }
}
