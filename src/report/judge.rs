//! What `riftzone judge` found, for people and for programs.
//!
//! Next: `transactions.rs`.

use serde_json::{Value, json};

use crate::check::Verdict;
use crate::check::level::Level;
use crate::check::transactions::{self as isolation, TransactionJudgement};
use crate::history::{OpId, Outcome};
use crate::judge::{Finding, Findings, Foreign, ForeignTransactions};
use crate::time::{Duration, Time};

use super::counterexample::{Picture, lanes};
use super::number::{counted, grouped};
use super::paint::{Paint, Style};
use super::subject::Conclusion;
use super::table::wrap;
use super::transactions;

const COLUMNS: usize = 110;

/// How many keys are named.
const NAMED: usize = 8;

/// A history, and what was found.
#[derive(Clone, Debug)]
pub enum Judged {
    /// Of operations on one object each.
    Operations {
        /// The file, as the user named it.
        file: String,
        /// What it holds.
        foreign: Foreign,
        /// One for each level.
        findings: Findings,
    },
    /// Of transactions.
    Transactions {
        /// The file, as the user named it.
        file: String,
        /// What it holds.
        foreign: Box<ForeignTransactions>,
        /// Every level, and the anomalies.
        judgement: TransactionJudgement,
        /// The levels to show; all where none is named.
        levels: Vec<isolation::Level>,
    },
}

/// How it went, over all histories and levels: broken where one fails, else inconclusive where one is.
pub fn conclusion(judged: &[Judged]) -> Conclusion {
    let of = |finding: &Finding| match finding.verdict {
        Verdict::Pass => Conclusion::Held,
        Verdict::Fail(_) => Conclusion::Broken,
        Verdict::Inconclusive { .. } => Conclusion::Inconclusive,
    };
    let of_one = |one: &Judged| match one {
        Judged::Operations { findings, .. } => findings.all.iter().map(of).max(),
        Judged::Transactions { judgement, levels, .. } => Some(transactions::conclusion(judgement, levels)),
    };
    judged.iter().filter_map(of_one).max().unwrap_or(Conclusion::Held)
}

/// The counterexample of the weakest of these levels (all, where none is named) that transactions fail.
pub fn weakest_failure<'a>(
    judgement: &'a TransactionJudgement,
    levels: &[isolation::Level],
) -> Option<&'a isolation::TransactionCounterexample> {
    transactions::weakest_failure(judgement, levels)
}

/// For people: one history after another.
pub fn text(judged: &[Judged], paint: Paint) -> String {
    let page = |one: &Judged| match one {
        Judged::Operations { file, foreign, findings } => page(file, foreign, findings, paint),
        Judged::Transactions { file, foreign, judgement, levels } => {
            transactions::page(file, foreign, judgement, levels, paint)
        }
    };
    judged.iter().map(page).collect::<Vec<_>>().join("\n")
}

fn page(file: &str, foreign: &Foreign, findings: &Findings, paint: Paint) -> String {
    let (operations, keys) = (foreign.recording.operations.len() as u64, foreign.keys().len() as u64);
    let count = |outcome| foreign.recording.operations.iter().filter(|one| one.outcome == outcome).count() as u64;
    let [ok, fail, unknown] = [Outcome::Ok, Outcome::Fail, Outcome::Unknown].map(|outcome| grouped(count(outcome)));
    let mut text = format!("{}\n", paint.paint(Style::Strong, file));
    text.push_str(&format!(
        "  {} on {}: {ok} ok, {fail} failed, {unknown} unknown\n\n{}\n",
        counted(operations as usize, "operation"),
        counted(keys as usize, foreign.kind()),
        paint.paint(Style::Strong, "verdicts"),
    ));
    if findings.all.len() > 1 {
        text.push_str(&wrap(&format!("strongest met: {}", strongest(findings)), "  ", COLUMNS));
    }
    let widest = findings.all.iter().map(|finding| name(finding).chars().count()).max().unwrap_or(0);
    for finding in &findings.all {
        let style = match finding.verdict {
            Verdict::Pass => Style::Good,
            Verdict::Fail(_) => Style::Bad,
            Verdict::Inconclusive { .. } => Style::Doubt,
        };
        let verdict = paint.paint(style, format_args!("{:<12}", finding.verdict.name()));
        let steps = paint.paint(Style::Faint, format_args!("{} steps", grouped(finding.steps)));
        let weaker = findings.weaker(finding).filter(|_| finding.level != Level::Linearizable);
        let aside = match weaker {
            Some(weaker) => paint.paint(Style::Faint, format_args!("as {} does", weaker.level.name())),
            None => steps,
        };
        text.push_str(&format!("  {:<widest$}   {verdict}   {aside}\n", name(finding)));
        match &finding.verdict {
            _ if weaker.is_some() => {}
            Verdict::Pass => text.extend(finding.note.map(|note| wrap(note, "    ", COLUMNS))),
            Verdict::Inconclusive { why } => text.push_str(&wrap(why, "    ", COLUMNS)),
            Verdict::Fail(counterexample) => {
                text.push_str(&wrap(&counterexample.why, "    ", COLUMNS));
                if let Some(picture) = Picture::of(foreign, finding) {
                    text.push('\n');
                    text.push_str(&lanes(&picture, 4, COLUMNS, paint));
                }
                text.push_str(&others(finding, keys));
            }
        }
    }
    if let Some(why) = &findings.left_out {
        text.push_str(&format!("\n{}", wrap(why, "  ", COLUMNS)));
    }
    text
}

/// The level; without a bound where none is met.
fn name(finding: &Finding) -> String {
    match finding.level {
        Level::KAtomic(u64::MAX) | Level::BoundedStaleness(Duration::MAX) => finding.level.name().into(),
        level => level.to_string(),
    }
}

fn strongest(findings: &Findings) -> String {
    let names: Vec<String> = findings.strongest().iter().map(ToString::to_string).collect();
    if names.is_empty() { "none".into() } else { names.join(", ") }
}

/// Which keys fail, where there are several.
fn others(finding: &Finding, keys: u64) -> String {
    if keys < 2 || finding.keys_failed.is_empty() {
        return String::new();
    }
    let failed = &finding.keys_failed;
    let mut names: Vec<String> = failed.iter().take(NAMED).map(ToString::to_string).collect();
    if failed.len() > NAMED {
        names.push(format!("and {} more", failed.len() - NAMED));
    }
    let summary = format!("{} of {keys} keys fail: {}", failed.len(), names.join(", "));
    format!("\n{}", wrap(&summary, "    ", COLUMNS))
}

/// For programs: `{ "operations", "keys", "verdicts": [ { "level", "verdict", "steps", "witness" } ] }` and more; where
/// there are several histories, `{ "histories": [ these ] }`.
pub fn json(judged: &[Judged]) -> Value {
    let one = |one: &Judged| match one {
        Judged::Operations { file, foreign, findings } => json!({
            "history": file,
            "operations": foreign.recording.operations.len(),
            "keys": foreign.keys().len(),
            "objects": foreign.kind(),
            "strongest": findings.strongest().iter().map(ToString::to_string).collect::<Value>(),
            "left_out": findings.left_out,
            "verdicts": findings.all.iter().map(|finding| verdict(foreign, finding)).collect::<Value>(),
        }),
        Judged::Transactions { file, foreign, judgement, levels } => {
            transactions::json(file, foreign, judgement, levels)
        }
    };
    match judged {
        [only] => one(only),
        several => json!({ "histories": several.iter().map(one).collect::<Value>() }),
    }
}

fn verdict(foreign: &Foreign, finding: &Finding) -> Value {
    let (why, witness) = match &finding.verdict {
        Verdict::Pass => (None, None),
        Verdict::Inconclusive { why } => (Some(why), None),
        Verdict::Fail(counterexample) => {
            let operation = |id: &OpId| operation(foreign, *id);
            let witness = json!({
                "why": counterexample.why,
                "operations": counterexample.operations.iter().map(operation).collect::<Value>(),
                "order": finding.placed.iter().map(|id| id.0).collect::<Value>(),
                "stuck": finding.stuck.iter().map(|id| id.0).collect::<Value>(),
            });
            (Some(&counterexample.why), Some(witness))
        }
    };
    let keys = |keys: &[crate::judge::Datum]| keys.iter().map(crate::judge::Datum::to_json).collect::<Value>();
    json!({
        "level": name(finding),
        "verdict": finding.verdict.name(),
        "note": finding.note,
        "steps": finding.steps,
        "why": why,
        "keys_failed": keys(&finding.keys_failed),
        "keys_inconclusive": keys(&finding.keys_inconclusive),
        "witness": witness,
    })
}

fn operation(foreign: &Foreign, id: OpId) -> Value {
    let operation = &foreign.recording.operations[id.0 as usize];
    let at = |at: Time| (at != Time::NEVER).then(|| at.as_nanos());
    let unit = if foreign.recording.is_timed { "ns" } else { "event" };
    json!({
        "id": id.0,
        "process": operation.client.0,
        "f": operation.f,
        "key": operation.key.as_ref().map(crate::judge::Datum::to_json),
        "value": operation.input.to_json(),
        "result": operation.result(),
        format!("invoked_{unit}"): at(operation.invoked),
        format!("completed_{unit}"): at(operation.completed),
        "outcome": match operation.outcome {
            Outcome::Ok => "ok",
            Outcome::Fail => "fail",
            Outcome::Unknown => "unknown",
        },
    })
}
