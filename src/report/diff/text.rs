//! What changed, for a terminal: a sentence a design, and under it the numbers and the way to see more.
//!
//! Next: `json.rs`.

use super::super::number::counted;
use super::super::paint::{Paint, Style};
use super::super::subject::Conclusion;
use super::super::table::{Align, Cell, Table, wrap};
use super::super::text::COLUMNS;
use super::{DiffReport, allowance_in_words, amount, conclusion, label_of, sentence, share, shown};
use crate::explore::baseline::{Change, DesignDiff, NumberChange};

/// Each design's table has so many rows, but for what is beyond its budget.
const ROWS: usize = 8;

/// The report.
pub fn text(report: &DiffReport, paint: Paint) -> String {
    let diff = report.diff;
    let title = paint.paint(Style::Strong, &report.scenario.name);
    let against = paint.paint(Style::Faint, report.baseline);
    let mut text = format!("{title}\nagainst {against}, {}\n", counted(diff.seeds.len(), "paired seed"));
    for note in report.notes() {
        text.push_str(&wrap(&note, "  ", COLUMNS));
    }
    if diff.seeds.is_empty() {
        return text + "  no seed was finished by every design\n";
    }
    for of in &diff.designs {
        text.push('\n');
        text.push_str(&design(report, of, paint));
    }
    text.push_str(&end(report, paint));
    text
}

fn design(report: &DiffReport, design: &DesignDiff, paint: Paint) -> String {
    let style = match conclusion(design.standing) {
        Conclusion::Held if design.change == Change::Unchanged => Style::Plain,
        Conclusion::Held => Style::Good,
        Conclusion::Inconclusive => Style::Doubt,
        Conclusion::Broken => Style::Bad,
    };
    let words = wrap(&format!("{}: {}", design.name, sentence(design, report.diff.seeds.len())), "  ", COLUMNS);
    // The name is painted last: wrapping has counted its characters.
    let mut text = words.trim_start().replacen(&design.name, &paint.paint(style, &design.name), 1);
    if !design.numbers.is_empty() {
        text.push_str(&numbers(design).render(paint));
    }
    let shown = shown_numbers(design).count();
    if shown < design.numbers.len() {
        text.push_str(&format!(
            "  and {} more: `--format json` has all\n",
            counted(design.numbers.len() - shown, "number")
        ));
    }
    if let Some((seed, before, now)) = design.first_moved {
        text.push_str(&format!("  first other run: seed {seed}, {before} then, {now} now\n"));
        let replay = report.replay(design).expect("there is a first");
        text.push_str(&format!("  {}\n", paint.paint(Style::Strong, replay)));
    }
    text
}

/// Everything beyond its budget, then others up to a number that can be read.
fn shown_numbers(design: &DesignDiff) -> impl Iterator<Item = &NumberChange> {
    let regressed = design.numbers.iter().filter(|number| number.is_regressed).count();
    design.numbers.iter().take(regressed.max(ROWS))
}

fn numbers(design: &DesignDiff) -> Table {
    let mut table =
        Table::new(2, [Align::Left, Align::Right, Align::Right, Align::Right, Align::Right, Align::Left, Align::Left]);
    let heads = ["", "before", "now", "change", "95 % interval", "seeds up/down", ""];
    table.row(heads.map(|head| Cell::new(Style::Faint, head)));
    for number in shown_numbers(design) {
        let paired = &number.paired;
        let label = label_of(number, paired.before.abs().max(paired.after.abs()));
        let scaled = |value: f64| shown(value / label.scale);
        let signed = |value: f64| format!("{}{}", if value > 0.0 { "+" } else { "" }, scaled(value));
        let change = share(number).unwrap_or_else(|| signed(paired.mean));
        let (style, word) = judged(number);
        table.row([
            label.words.trim_start().into(),
            scaled(paired.before).into(),
            scaled(paired.after).into(),
            Cell::new(style, change),
            format!("{} to {}", signed(paired.low), signed(paired.high)).into(),
            format!("{}/{}", paired.rose, paired.fell).into(),
            Cell::new(style, word),
        ]);
    }
    table
}

/// What a change comes to, in a few words.
fn judged(number: &NumberChange) -> (Style, String) {
    match (number.is_regressed, number.worse_by > 0.0, number.allowance) {
        (true, _, Some(allowance)) => (Style::Bad, format!("worse, beyond {}", allowance_in_words(number, allowance))),
        (true, _, None) => (Style::Bad, "worse".into()),
        (false, true, Some(allowance)) => {
            (Style::Plain, format!("worse, within {}", allowance_in_words(number, allowance)))
        }
        (false, true, None) => (Style::Plain, "worse, may be chance".into()),
        (false, false, _) if number.paired.mean == 0.0 => (Style::Plain, "the same mean".into()),
        (false, false, _) if number.paired.is_told_from_chance() => (Style::Good, "better".into()),
        (false, false, _) => (Style::Plain, "better, may be chance".into()),
    }
}

/// What it comes to, and what to do next.
fn end(report: &DiffReport, paint: Paint) -> String {
    let changed = report.diff.designs.iter().filter(|design| design.change != Change::Unchanged).count();
    let worst = report.conclusion();
    let words = match worst {
        Conclusion::Broken => paint.paint(Style::Bad, "fail: something is worse than the baseline"),
        Conclusion::Inconclusive => {
            paint.paint(Style::Doubt, "inconclusive: a verdict that there was could not be reached")
        }
        Conclusion::Held if changed == 0 => paint.paint(Style::Good, "pass: nothing changed"),
        Conclusion::Held => paint.paint(Style::Good, "pass: nothing is worse than it may be"),
    };
    let next = match (worst, changed) {
        (Conclusion::Held, 0) => String::new(),
        (Conclusion::Held, _) => format!("{} makes this the baseline\n", report.bless()),
        _ => format!(
            "if this is meant, {} makes it the baseline; a `[budget]` in the scenario allows some\n",
            report.bless()
        ),
    };
    format!("\n{words}\n{next}")
}

/// A number's allowance in words, for tables of other forms.
pub(super) fn allowed(number: &NumberChange) -> String {
    number.allowance.map_or_else(|| "chance".into(), |allowance| allowance_in_words(number, allowance))
}

/// By how much a mean changed, with its sign and unit.
pub(super) fn difference(number: &NumberChange) -> String {
    let sign = if number.paired.mean > 0.0 { "+" } else { "−" };
    format!("{sign}{}", amount(number, number.paired.mean.abs()))
}
