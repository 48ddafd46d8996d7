//! JUnit XML, which every CI reads: a suite a scenario, a test case for each thing that a design must hold.
//!
//! Times are left out: simulated time is not the time that a test took. Next: `github.rs`.

use std::fmt::Write;

use crate::explore::compare::DesignSummary;

use super::fault::describe;
use super::subject::SweepReport;
use super::text::first_why;

/// The document for these scenarios.
pub fn document(reports: &[SweepReport]) -> String {
    let suites: Vec<(&SweepReport, Vec<Case>)> = reports.iter().map(|report| (report, cases(report))).collect();
    let count = |problem: fn(&Problem) -> bool| {
        suites.iter().flat_map(|(_, cases)| cases).filter(|case| case.problem.as_ref().is_some_and(problem)).count()
    };
    let (failures, errors) = (count(|p| !p.is_undecided), count(|p| p.is_undecided));
    let tests: usize = suites.iter().map(|(_, cases)| cases.len()).sum();
    let mut xml = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    let totals = format!("tests=\"{tests}\" failures=\"{failures}\" errors=\"{errors}\"");
    writeln!(xml, "<testsuites name=\"riftzone\" {totals}>").expect(IN_MEMORY);
    suites.iter().for_each(|(report, cases)| suite(&mut xml, report, cases));
    xml.push_str("</testsuites>\n");
    xml
}

const IN_MEMORY: &str = "a string takes all";

struct Case {
    design: String,
    name: String,
    problem: Option<Problem>,
}

struct Problem {
    message: String,
    /// Inconclusive is never green; nor is it a failure of the design.
    is_undecided: bool,
    replay: Option<String>,
}

fn cases(report: &SweepReport) -> Vec<Case> {
    report.comparison.designs.iter().flat_map(|design| cases_of(report, design)).collect()
}

fn cases_of(report: &SweepReport, design: &DesignSummary) -> Vec<Case> {
    let case = |name: String, message: Option<String>, is_undecided: bool| {
        let problem = message.map(|message| Problem { message, is_undecided, replay: report.replay(design) });
        Case { design: design.name.clone(), name, problem }
    };
    let mut cases = Vec::new();
    for judgement in &design.judgements {
        let (expectation, measured) = (&judgement.expectation, &judgement.measured);
        let undecided = design.is_undecided(&expectation.name);
        let name = format!("expects {} {}", expectation.name, expectation.bound);
        cases.push(case(
            name,
            (!judgement.held).then(|| format!("measured {measured}{}", first_why(design, expectation))),
            undecided,
        ));
    }
    for guarantee in report.claims(design) {
        let broken = design.broken_claims.iter().find(|(of, ..)| *of == guarantee);
        let message = broken.map(|(_, seeds, why)| format!("does not hold in {seeds} of the seeds: {why}"));
        cases.push(case(format!("claims {}", guarantee.name()), message, design.is_undecided(guarantee.name())));
    }
    for (invariant, seeds, why) in &design.breaches {
        let message = format!("is broken in {seeds} of the seeds: {why}");
        cases.push(case(format!("keeps {}", invariant.name()), Some(message), false));
    }
    let void = report.void_faults(design);
    for (place, fault) in report.scenario.setup.faults.iter().enumerate() {
        let first = void.iter().find(|(of, _)| *of == place);
        let message = first.map(|(_, seed)| format!("touched nothing, first in seed {seed}"));
        let words = describe(fault, &report.scenario.setup.topology);
        cases.push(case(format!("fault touches something: {words} at {}", fault.at), message, false));
    }
    cases
}

fn suite(xml: &mut String, report: &SweepReport, cases: &[Case]) {
    let count =
        |undecided| cases.iter().filter(|c| c.problem.as_ref().is_some_and(|p| p.is_undecided == undecided)).count();
    let (name, file) = (escaped(&report.scenario.name), escaped(report.file));
    let totals = format!("tests=\"{}\" failures=\"{}\" errors=\"{}\"", cases.len(), count(false), count(true));
    writeln!(xml, "  <testsuite name=\"{name}\" file=\"{file}\" {totals}>").expect(IN_MEMORY);
    for case in cases {
        let (design, name) = (escaped(&case.design), escaped(&case.name));
        let head = format!("    <testcase classname=\"{file}: {design}\" name=\"{name}\"");
        let Some(problem) = &case.problem else {
            writeln!(xml, "{head}/>").expect(IN_MEMORY);
            continue;
        };
        let element = if problem.is_undecided { "error" } else { "failure" };
        let replay = escaped(problem.replay.as_deref().unwrap_or(""));
        let message = escaped(&problem.message);
        writeln!(xml, "{head}>\n      <{element} message=\"{message}\">{replay}</{element}>\n    </testcase>")
            .expect(IN_MEMORY);
    }
    xml.push_str("  </testsuite>\n");
}

/// Text for an attribute or an element. What XML 1.0 cannot hold, even escaped, becomes a replacement character.
fn escaped(text: &str) -> String {
    let mut xml = String::new();
    for c in text.chars() {
        match c {
            '&' => xml.push_str("&amp;"),
            '<' => xml.push_str("&lt;"),
            '>' => xml.push_str("&gt;"),
            '"' => xml.push_str("&quot;"),
            '\'' => xml.push_str("&apos;"),
            '\n' => xml.push_str("&#10;"),
            '\t' => xml.push_str("&#9;"),
            '\r' => xml.push_str("&#13;"),
            c if c.is_control() || matches!(c, '\u{fffe}' | '\u{ffff}') => xml.push('\u{fffd}'),
            c => xml.push(c),
        }
    }
    xml
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_text_breaks_the_document() {
        assert_eq!(escaped("a < \"b\" & 'c'\n\u{1}"), "a &lt; &quot;b&quot; &amp; &apos;c&apos;&#10;\u{fffd}");
        let empty = document(&[]);
        assert!(empty.contains("tests=\"0\" failures=\"0\" errors=\"0\"") && empty.ends_with("</testsuites>\n"));
    }
}
