//! JUnit XML, which every CI reads: a suite a scenario, a test case for each thing that a design must hold.
//!
//! Times are left out: simulated time is not the time that a test took. Next: `github.rs`.

use quick_junit::{NonSuccessKind, Report, TestCase, TestCaseStatus, TestSuite};

use crate::explore::compare::DesignSummary;

use super::fault::describe;
use super::subject::SweepReport;
use super::text::first_why;

/// The document for these scenarios.
pub fn document(reports: &[SweepReport]) -> String {
    let mut document = Report::new("riftzone");
    document.add_test_suites(reports.iter().map(suite));
    let text = document.to_string().expect("text in memory is XML");
    // Jenkins' schema, junit-10.xsd, counts what was skipped in suites alone, and nothing is here.
    text.replacen(" skipped=\"0\"", "", 1)
}

/// A scenario. Its name is the file's too: two scenarios may have one title.
fn suite(report: &SweepReport) -> TestSuite {
    let mut suite = TestSuite::new(format!("{}: {}", report.file, report.scenario.name));
    suite.extra.insert("file".into(), report.file.into());
    for design in &report.comparison.designs {
        suite.add_test_cases(cases(report, design));
    }
    suite
}

struct Problem {
    message: String,
    /// Inconclusive is never green; nor is it a failure of the design.
    is_undecided: bool,
}

impl Problem {
    fn failed(message: String) -> Problem {
        Problem { message, is_undecided: false }
    }
}

fn cases(report: &SweepReport, design: &DesignSummary) -> Vec<TestCase> {
    let case = |name: String, problem: Option<Problem>| case(report, design, name, problem);
    let mut cases = Vec::new();
    for judgement in &design.judgements {
        let (expectation, measured) = (&judgement.expectation, &judgement.measured);
        let problem = (!judgement.held).then(|| Problem {
            message: format!("measured {measured}{}", first_why(design, expectation)),
            is_undecided: design.is_undecided(&expectation.name),
        });
        cases.push(case(format!("expects {expectation}"), problem));
    }
    for guarantee in report.claims(design) {
        let broken = design.broken_claims.iter().find(|(of, ..)| *of == guarantee);
        let problem = broken.map(|(_, seeds, why)| Problem {
            message: format!("does not hold in {seeds} of the seeds: {why}"),
            is_undecided: design.is_undecided(guarantee.name()),
        });
        cases.push(case(format!("claims {}", guarantee.name()), problem));
    }
    for (invariant, seeds, why) in &design.breaches {
        let problem = Problem::failed(format!("is broken in {seeds} of the seeds: {why}"));
        cases.push(case(format!("keeps {}", invariant.name()), Some(problem)));
    }
    let void = report.void_faults(design);
    for (place, fault) in report.scenario.setup.faults.iter().enumerate() {
        let first = void.iter().find(|(of, _)| *of == place);
        let problem = first.map(|(_, seed)| Problem::failed(format!("touched nothing, first in seed {seed}")));
        let words = describe(fault, &report.scenario.setup.topology);
        cases.push(case(format!("fault touches something: {words} at {}", fault.at), problem));
    }
    cases
}

fn case(report: &SweepReport, design: &DesignSummary, name: String, problem: Option<Problem>) -> TestCase {
    let status = match problem {
        None => TestCaseStatus::success(),
        Some(Problem { message, is_undecided }) => {
            let kind = if is_undecided { NonSuccessKind::Error } else { NonSuccessKind::Failure };
            let mut status = TestCaseStatus::non_success(kind);
            status.set_type(if is_undecided { "inconclusive" } else { "broken" }).set_message(message.clone());
            status.set_description(format!("{message}\n{}", seen_in(report, design)));
            status
        }
    };
    let mut case = TestCase::new(name, status);
    case.set_classname(format!("{}: {}", report.file, design.name));
    case
}

/// Where it was seen first, and how to see it again; over all seeds only, where no seed alone is wrong.
fn seen_in(report: &SweepReport, design: &DesignSummary) -> String {
    match (design.first_failure, report.replay(design)) {
        (Some((seed, digest)), Some(replay)) => format!("seed {seed}\ndigest {digest}\n{replay}"),
        _ => format!("no seed alone: over {} seeds", report.comparison.seeds.len()),
    }
}
