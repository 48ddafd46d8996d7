//! What is done with a text: all that `riftzone judge` does with it.

use riftzone::check::transactions::{Options, judge};
use riftzone::check::wgl::Effort;
use riftzone::judge::{AnyFormat, Elsewhere, Export, Foreign, ForeignTransactions, export, read, read_any};
use riftzone::report::counterexample::{Picture, svg};
use riftzone::report::judge::{Judged, conclusion, json, text as page};
use riftzone::report::paint::Paint;
use riftzone::scenario::Scenario;

use crate::Subject;

/// Every search of a checker gets so many steps.
const STEPS: u64 = 2_000;

/// Reads a text, and uses what could be read. Whether it could.
///
/// # Panics
/// Where there is an error in the library.
pub fn exercise(subject: Subject, text: &str) -> bool {
    let format = match subject {
        Subject::Operations(format) => Some(AnyFormat::Operations(format)),
        Subject::Transactions(format) => Some(AnyFormat::Transactions(format)),
        Subject::Any => None,
        Subject::Scenario => {
            return match Scenario::parse(text, "fuzzed.toml") {
                Ok(scenario) => !scenario.designs.is_empty(),
                Err(error) => error.to_string().is_empty(),
            };
        }
    };
    match read_any(text, format) {
        Ok(Elsewhere::Operations(foreign)) => operations(foreign),
        Ok(Elsewhere::Transactions(foreign)) => transactions(foreign),
        Err(malformed) => {
            assert!(malformed.line > 0 && malformed.column > 0 && !malformed.why.is_empty(), "{malformed:?}");
            return false;
        }
    }
    true
}

fn operations(foreign: Foreign) {
    let effort = Effort { steps: STEPS, reduction_steps: STEPS, ..Effort::default() };
    let findings = foreign.judge(&[], effort);
    for format in Export::ALL {
        let Ok(written) = export(&foreign, findings.all.first(), format) else { continue };
        if matches!(format, Export::JepsenEdn | Export::JsonLines) {
            let back = read(&written, None).unwrap_or_else(|error| panic!("{error}\n{written}"));
            assert_eq!(back.recording.operations.len(), foreign.recording.operations.len(), "{written}");
        }
    }
    for finding in &findings.all {
        let picture = Picture::of(&foreign, finding);
        assert!(picture.is_none_or(|picture| svg(&picture).ends_with("</svg>\n")));
    }
    told(Judged::Operations { file: "fuzzed".into(), foreign, findings });
}

fn transactions(foreign: ForeignTransactions) {
    let judgement = judge(&foreign.history, &Options { search_steps: STEPS, ..Options::default() });
    told(Judged::Transactions { file: "fuzzed".into(), foreign: Box::new(foreign), judgement, levels: Vec::new() });
}

fn told(judged: Judged) {
    let judged = [judged];
    let _ = conclusion(&judged);
    assert!(page(&judged, Paint::default()).starts_with("fuzzed"));
    assert!(json(&judged).is_object());
}
