//! Outcomes as text: one table of ratios in Markdown, and everything else as columns.

use std::fmt::Write;

use crate::contest::{Outcome, Spread};

/// The ratios that a reader wants, as one Markdown table with notes below.
pub fn markdown(outcomes: &[Outcome], rounds: usize) -> String {
    let mut text = format!(
        "Rivals in turns in one process, on one thread where nothing else is said, every rival the same number of units; \
         medians of {rounds} rounds, ratios [least-greatest] within rounds. Above 1 riftzone is faster.\n\n\
         | Contest | Work | Unit | riftzone, units/s | Rival | Rival, units/s | riftzone is, times |\n\
         |---|---|---|---:|---|---:|---:|\n"
    );
    for outcome in outcomes {
        let own = rate(outcome.of(outcome.subject).per_second.median);
        for (place, name) in outcome.shown.iter().enumerate() {
            let [contest, what, unit, own] = match place {
                0 => [&outcome.contest, &outcome.what, outcome.unit, &own],
                _ => [""; 4],
            };
            let rival = outcome.of(name);
            let (theirs, times) = (rate(rival.per_second.median), spread(rival.subject_is, three));
            writeln!(text, "| {contest} | {what} | {unit} | {own} | {name} | {theirs} | {times} |").expect("a string");
        }
    }
    let mut notes = outcomes.iter().flat_map(|outcome| &outcome.notes).peekable();
    if notes.peek().is_some() {
        text.push('\n');
    }
    notes.for_each(|note| writeln!(text, "- {note}").expect("a string takes everything"));
    text
}

/// All figures of one outcome, in columns.
pub fn details(outcome: &Outcome) -> String {
    let mut text = String::new();
    let Outcome { contest, what, unit, subject, rounds, contestants, .. } = outcome;
    let rows = contestants.iter().map(|figures| {
        let times = figures.subject_is;
        let ratio = if figures.name == *subject { String::from("1") } else { spread(times, three) };
        let nanos = three(1e9 / figures.per_second.median);
        [figures.name.to_string(), spread(figures.per_second, rate), nanos, ratio, figures.note.clone()]
    });
    let titles = ["", &format!("{unit}s/s"), &format!("ns/{unit}"), &format!("{subject} is, times"), ""];
    let rows: Vec<[String; 5]> = std::iter::once(titles.map(String::from)).chain(rows).collect();
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
    let widths: [usize; 5] = std::array::from_fn(width);
    writeln!(text, "{contest}: {what}; median [min-max] of {rounds} rounds").expect("a string takes everything");
    for [name, rate, nanos, ratio, note] in &rows {
        let [first, second, third, fourth, _] = widths;
        let line = format!("  {name:<first$}  {rate:>second$}  {nanos:>third$}  {ratio:>fourth$}  {note}");
        writeln!(text, "{}", line.trim_end()).expect("a string takes everything");
    }
    text
}

fn spread(Spread { median, min, max }: Spread, show: impl Fn(f64) -> String) -> String {
    format!("{} [{}-{}]", show(median), show(min), show(max))
}

/// Three significant digits and a unit: `1.68 M`.
pub fn rate(figure: f64) -> String {
    match figure {
        1e6.. => format!("{} M", three(figure / 1e6)),
        1e3.. => format!("{} k", three(figure / 1e3)),
        _ => three(figure),
    }
}

/// Three significant digits.
pub fn three(figure: f64) -> String {
    match figure {
        99.95.. => format!("{figure:.0}"),
        9.995.. => format!("{figure:.1}"),
        _ => format!("{figure:.2}"),
    }
}
