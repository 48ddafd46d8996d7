//! A comparison in Markdown, for a page of a wiki, a decision record or a pull request.
//!
//! Next: `json.rs`.

use std::fmt::Write;

use crate::explore::pareto::Beaten;
use crate::protocol::Guarantee;

use super::github::escaped;
use super::number::counted;
use super::rows::numbers;
use super::subject::SweepReport;

const IN_MEMORY: &str = "a string takes all";

/// The table of a comparison, a row a metric, and under it which designs are on the Pareto front and what beats the others.
pub fn markdown(report: &SweepReport) -> String {
    let comparison = report.comparison;
    let (designs, front) = (&comparison.designs, &comparison.front);
    let mut text = format!("### {}\n\n", escaped(&report.scenario.name));
    if designs.is_empty() {
        return text + "No seed was finished by every design.\n";
    }
    let mut row = |label: &str, cells: Vec<String>| {
        writeln!(text, "| {} | {} |", escaped(label.trim()), cells.join(" | ")).expect(IN_MEMORY);
    };
    let mark = |name: &str| if front.has(name) { " ★" } else { "" };
    row("", designs.iter().map(|design| format!("**{}**{}", escaped(&design.name), mark(&design.name))).collect());
    row("---", vec!["---:".into(); designs.len()]);
    row("protocol", designs.iter().map(|design| design.protocol.into()).collect());
    for of in numbers(designs) {
        let cell = |place| {
            let (mean, half) = of.parts(place);
            let half = if half.is_empty() { half } else { format!(" ± {half}") };
            if of.is_best(place) { format!("**{mean}**{half}") } else { format!("{mean}{half}") }
        };
        row(&of.label, (0..designs.len()).map(cell).collect());
    }
    for (place, guarantee) in Guarantee::ALL.iter().enumerate() {
        let of = |design: &crate::explore::compare::DesignSummary| {
            let tally = design.verdicts[place].1;
            format!("{}/{}", tally.pass, tally.pass + tally.fail + tally.inconclusive)
        };
        row(guarantee.name(), designs.iter().map(of).collect());
    }
    let objectives: Vec<String> = front.objectives.iter().map(|of| format!("`{}`", of.name)).collect();
    let on_it: Vec<String> = front.designs.iter().map(|name| format!("**{}**", escaped(name))).collect();
    let seeds = counted(comparison.seeds.len(), "paired seed");
    writeln!(text, "\n★ on the Pareto front of {}: {}.", objectives.join(", "), on_it.join(", ")).expect(IN_MEMORY);
    for Beaten { design, by, better_in } in &front.beaten {
        let better: Vec<String> = better_in.iter().map(|name| format!("`{name}`")).collect();
        let (design, by, better) = (escaped(design), escaped(by), better.join(", "));
        writeln!(text, "- {design} is not: {by} is at least as good in all, and better in {better}.").expect(IN_MEMORY);
    }
    writeln!(text, "\nMeans over {seeds}, ± half of the 95 % t interval; –: nothing to measure.").expect(IN_MEMORY);
    text
}
