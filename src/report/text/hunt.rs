//! A hunt, for a person: how far it went in each design, and what it brought home.
//!
//! Next: `../json.rs`.

use super::super::hunt::{DesignHunt, HuntReport, Written, size_in_words};
use super::super::number::{counted, grouped};
use super::super::paint::{Paint, Style};
use super::super::table::{Align, Cell, Table, wrap};
use super::COLUMNS;

/// The report of a hunt.
pub fn hunt(report: &HuntReport, paint: Paint) -> String {
    let title = paint.paint(Style::Strong, &report.scenario.name);
    let mut text = format!("{title}   {}\n", paint.paint(Style::Faint, report.file));
    let mut table = Table::new(2, [Align::Left, Align::Left, Align::Left]);
    for DesignHunt { hunted, found } in &report.designs {
        let what = match (hunted.failing, hunted.inconclusive) {
            (0, 0) => Cell::new(Style::Good, "nothing found"),
            (0, runs) => Cell::new(Style::Doubt, format!("{} without a verdict", counted(runs as usize, "run"))),
            _ => Cell::new(Style::Bad, format!("{} found", grouped(found.len() as u64))),
        };
        let failing =
            if hunted.failing == 0 { String::new() } else { format!(", {} of them failing", grouped(hunted.failing)) };
        let far = format!(
            "{}{failing}; {} events, {} features, {} unlike any before",
            counted(hunted.runs as usize, "run"),
            grouped(hunted.steps),
            grouped(hunted.features as u64),
            counted(hunted.novel, "run"),
        );
        table.row([hunted.design.as_str().into(), what, Cell::new(Style::Faint, far)]);
    }
    text.push_str(&table.render(paint));
    for design in &report.designs {
        for found in &design.found {
            text.push_str(&finding(design, found, paint));
        }
    }
    text
}

fn finding(design: &DesignHunt, found: &Written, paint: Paint) -> String {
    let failure = &found.trophy.failure;
    let property = &failure.broken.property;
    let name = paint.paint(Style::Bad, format_args!("{} breaks {property}", design.hunted.design));
    let mut text = format!("\n{name}\n{}", wrap(&property.meaning(), "  ", COLUMNS));
    let Some(shrunk) = &found.trophy.shrunk else {
        let lost = "it does not fail again with every fault planned, and was not made small";
        let run = format!("in run {}, digest {}: {}; {lost}", failure.seed, failure.digest, failure.broken.why);
        return text + &wrap(&run, "  ", COLUMNS);
    };
    text.push('\n');
    text.push_str(&found.told);
    text.push('\n');
    let end = if shrunk.is_minimal { "" } else { "; it may get smaller with more --shrink-runs" };
    let alike = match found.trophy.alike {
        1 => String::new(),
        more => format!("; {more} failures came to this"),
    };
    let small = format!(
        "found in run {}; from {} to {} in {}{alike}{end}",
        failure.seed,
        size_in_words(&shrunk.before),
        size_in_words(&shrunk.after),
        counted(shrunk.steps as usize, "run"),
    );
    text.push_str(&paint.paint(Style::Faint, wrap(&small, "  ", COLUMNS).trim_end()));
    let replay = found.replay(&design.hunted.design).expect("it was made small");
    text + &format!("\n  {}\n", paint.paint(Style::Strong, replay))
}
