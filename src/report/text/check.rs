//! Whether scenarios hold: a line a design, and under it what broke and how to see it again.
//!
//! Next: `../json.rs`.

use crate::check::level::Level;
use crate::explore::compare::DesignSummary;
use crate::scenario::{Bound, Expectation};

use super::super::fault::describe;
use super::super::number::counted;
use super::super::paint::{Paint, Style};
use super::super::subject::{Conclusion, SweepReport, conclusion_of, good_seeds};
use super::super::table::{Align, Cell, Table, width, wrap};
use super::COLUMNS;

/// The report of one checked scenario.
pub fn check(report: &SweepReport, paint: Paint) -> String {
    let comparison = report.comparison;
    let title = paint.paint(Style::Strong, &report.scenario.name);
    let file = paint.paint(Style::Faint, report.file);
    let mut text = format!("{title}   {file}\n");
    if comparison.designs.is_empty() {
        return text + "  no seed was finished by every design\n";
    }
    if report.is_cut_short() {
        text.push_str(&format!("  interrupted: {} of {} seeds were finished\n", comparison.seeds.len(), report.asked));
    }
    let mut table = Table::new(2, [Align::Left, Align::Left, Align::Right, Align::Left]);
    for design in &comparison.designs {
        let conclusion = conclusion_of(design);
        let good = good_seeds(report.scenario, design);
        let expectations = design.judgements.len();
        let claims = report.claims(design).len();
        table.row([
            design.name.as_str().into(),
            Cell::new(style(conclusion), conclusion.name()),
            format!("{good}/{} seeds", comparison.seeds.len()).into(),
            Cell::new(Style::Faint, format!("{}, {}", counted(expectations, "expectation"), counted(claims, "claim"))),
        ]);
    }
    text.push_str(&table.render(paint));
    text.push_str(&problems(report, paint));
    text
}

/// What many checked scenarios come to, in a few lines: how many hold, and which do not.
pub fn summary(reports: &[SweepReport], paint: Paint) -> String {
    let worst = |report: &&SweepReport, conclusion| report.conclusion() == conclusion;
    let count = |conclusion| reports.iter().filter(|report| worst(report, conclusion)).count();
    let counts: Vec<String> = [Conclusion::Held, Conclusion::Broken, Conclusion::Inconclusive]
        .into_iter()
        .filter(|conclusion| count(*conclusion) > 0)
        .map(|conclusion| paint.paint(style(conclusion), format_args!("{} {}", count(conclusion), conclusion.name())))
        .collect();
    let designs = reports.iter().map(|report| report.comparison.designs.len()).sum();
    let scenarios = counted(reports.len(), "scenario");
    let mut text = format!("\n{scenarios}, {}: {}\n", counted(designs, "design"), counts.join(", "));
    for report in reports.iter().filter(|report| report.conclusion() != Conclusion::Held) {
        let broken = report.comparison.designs.iter().filter(|design| conclusion_of(design) != Conclusion::Held);
        let names: Vec<&str> = broken.map(|design| design.name.as_str()).collect();
        text.push_str(&format!("  {}: {}\n", report.file, names.join(", ")));
    }
    text
}

/// What broke in each design, with the command line that shows it; nothing where nothing did.
pub fn problems(report: &SweepReport, paint: Paint) -> String {
    let broken = report.comparison.designs.iter().filter(|design| !design.is_good() || design.first_failure.is_some());
    broken.map(|design| problems_of(report, design, paint)).collect()
}

fn problems_of(report: &SweepReport, design: &DesignSummary, paint: Paint) -> String {
    let name = paint.paint(style(conclusion_of(design)), &design.name);
    let mut text = format!("\n{name}\n");
    for problem in problems_in_words(report, design) {
        text.push_str(&hanging(&problem.words));
    }
    if let Some((seed, _)) = design.first_failure {
        let replay = report.replay(design).expect("there is a failure");
        text.push_str(&format!("  first seen in seed {seed}: {}\n", paint.paint(Style::Strong, replay)));
    }
    text
}

/// Something that broke.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// A sentence.
    pub words: String,
    /// What in the scenario's file it is about.
    pub about: About,
}

/// What in a scenario's file a problem is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum About {
    /// The expectation of this name.
    Expectation(String),
    /// The fault in this place.
    Fault(usize),
    /// The design.
    Design,
}

/// Each broken expectation, claim and invariant and each void fault of a design, in a sentence.
pub fn problems_in_words(report: &SweepReport, design: &DesignSummary) -> Vec<Problem> {
    let setup = &report.scenario.setup;
    let seeds = report.comparison.seeds.len();
    let expectations = design.judgements.iter().filter(|judgement| !judgement.held).map(|judgement| {
        let (expectation, measured) = (&judgement.expectation, &judgement.measured);
        let why = first_why(design, expectation);
        let words = format!("expected {} {}, measured {measured}{why}", expectation.name, expectation.bound);
        Problem { words, about: About::Expectation(expectation.name.clone()) }
    });
    let of_design = |words: String| Problem { words, about: About::Design };
    let claims = design.broken_claims.iter().map(|(guarantee, broken, why)| {
        let of = counted(seeds, "seed");
        of_design(format!("claims {}, which does not hold in {broken} of {of}: {why}", guarantee.name()))
    });
    let faults = report.void_faults(design).into_iter().map(|(place, first)| {
        let (fault, seeds) = (&setup.faults[place], counted(design.void_seeds.len(), "seed"));
        let words = describe(fault, &setup.topology);
        let words = format!("the fault `{words}` at {} touched nothing in {seeds}, first in seed {first}", fault.at);
        Problem { words, about: About::Fault(place) }
    });
    let invariants = design.breaches.iter().map(|(invariant, broken, why)| {
        of_design(format!("breaks {} in {broken} of {}: {why}", invariant.name(), counted(seeds, "seed")))
    });
    expectations.chain(claims).chain(invariants).chain(faults).collect()
}

/// Why a level that is expected to pass does not, in the first seed in which it does not; nothing for what is no level.
pub fn first_why(design: &DesignSummary, expectation: &Expectation) -> String {
    let level = Level::from_name(&expectation.name).filter(|_| expectation.bound == Bound::Verdict("pass"));
    let found = |verdict| design.first_of(level?, verdict);
    let Some((seed, found)) = found("fail").or_else(|| found("inconclusive")) else { return String::new() };
    let note = found.note.map_or(String::new(), |note| format!(", {note}"));
    format!("; in seed {seed}{note}: {}", found.why)
}

/// A problem with its first line at the margin of the list and the others moved in.
fn hanging(problem: &str) -> String {
    if width(problem) + 2 <= COLUMNS {
        return format!("  {problem}\n");
    }
    let wrapped = wrap(problem, "    ", COLUMNS);
    format!("  {}", wrapped.trim_start())
}

const fn style(conclusion: Conclusion) -> Style {
    match conclusion {
        Conclusion::Held => Style::Good,
        Conclusion::Inconclusive => Style::Doubt,
        Conclusion::Broken => Style::Bad,
    }
}
