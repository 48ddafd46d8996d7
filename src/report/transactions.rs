//! What `riftzone judge` found of transactions. Next: `latency.rs`.

use serde_json::{Value, json};

use crate::check::transactions::{
    Level, Status, Step, TransactionCounterexample, TransactionId, TransactionJudgement, TransactionVerdict,
};
use crate::judge::ForeignTransactions;

use super::number::{counted, grouped};
use super::paint::{Paint, Style};
use super::subject::Conclusion;
use super::table::wrap;

const COLUMNS: usize = 110;

/// The levels to show with their verdicts, from the strongest.
fn shown<'a>(judgement: &'a TransactionJudgement, levels: &[Level]) -> Vec<(Level, &'a TransactionVerdict)> {
    let wanted = |level: &Level| levels.is_empty() || levels.contains(level);
    let all = judgement.levels.iter().rev().filter(|(level, _)| wanted(level));
    all.map(|(level, verdict)| (*level, verdict)).collect()
}

/// How it went, over the levels shown.
pub(super) fn conclusion(judgement: &TransactionJudgement, levels: &[Level]) -> Conclusion {
    let of = |verdict: &TransactionVerdict| match verdict {
        TransactionVerdict::Pass => Conclusion::Held,
        TransactionVerdict::Fail(_) => Conclusion::Broken,
        TransactionVerdict::Inconclusive { .. } => Conclusion::Inconclusive,
    };
    shown(judgement, levels).into_iter().map(|(_, verdict)| of(verdict)).max().unwrap_or(Conclusion::Held)
}

fn strongest(judgement: &TransactionJudgement) -> Vec<&'static str> {
    judgement.strongest().into_iter().map(Level::name).collect()
}

/// For people.
pub(super) fn page(
    file: &str,
    foreign: &ForeignTransactions,
    judgement: &TransactionJudgement,
    levels: &[Level],
    paint: Paint,
) -> String {
    let history = &foreign.history;
    let count = |status| grouped(history.ids().filter(|id| history.status(*id) == status).count() as u64);
    let [committed, aborted, unknown] = [Status::Committed, Status::Aborted, Status::Unknown].map(count);
    let mut text = format!(
        "{}\n  {} on {}: {committed} committed, {aborted} aborted, {unknown} unknown\n\n{}\n",
        paint.paint(Style::Strong, file),
        counted(history.len(), "transaction"),
        counted(history.keys(), "key"),
        paint.paint(Style::Strong, "verdicts"),
    );
    let met = strongest(judgement);
    let met = if met.is_empty() { "none".to_string() } else { met.join(", ") };
    text.push_str(&wrap(&format!("strongest met: {met}"), "  ", COLUMNS));
    let all = shown(judgement, levels);
    let widest = all.iter().map(|(level, _)| level.name().len()).max().unwrap_or(0);
    let told = reasons(&all);
    for (level, verdict) in &all {
        let style = match verdict {
            TransactionVerdict::Pass => Style::Good,
            TransactionVerdict::Fail(_) => Style::Bad,
            TransactionVerdict::Inconclusive { .. } => Style::Doubt,
        };
        let aside = match verdict {
            TransactionVerdict::Fail(found) => match told.iter().find(|(_, told)| is_same(found, told)) {
                Some((weakest, _)) if weakest != level => format!("as {weakest} does"),
                _ => String::new(),
            },
            _ => String::new(),
        };
        let aside = paint.paint(Style::Faint, aside);
        let line = format!("  {:<widest$}   {}   {aside}", level.name(), paint.paint(style, verdict.name()));
        text.push_str(&format!("{}\n", line.trim_end()));
        if let TransactionVerdict::Inconclusive { why } = verdict {
            text.push_str(&wrap(why, "    ", COLUMNS));
        }
    }
    for (level, found) in told {
        text.push_str(&format!("\n{}\n", paint.paint(Style::Strong, format_args!("why not {level}"))));
        if found.steps.is_empty() {
            text.push_str(&wrap(&found.why, "  ", COLUMNS));
        }
        for step in &found.steps {
            text.push_str(&wrap(&format!("{} before {}: {}", step.from, step.to, step.because), "  ", COLUMNS));
        }
        text.push_str(&wrap(&keys(foreign, found), "  ", COLUMNS));
    }
    if !judgement.anomalies.is_empty() {
        let names: Vec<String> = judgement.anomalies.iter().map(|anomaly| anomaly.name()).collect();
        text.push_str(&format!("\n{}\n", paint.paint(Style::Strong, "anomalies")));
        text.push_str(&wrap(&names.join(", "), "  ", COLUMNS));
    }
    text
}

/// The counterexample of the weakest level shown that fails.
pub(super) fn weakest_failure<'a>(
    judgement: &'a TransactionJudgement,
    levels: &[Level],
) -> Option<&'a TransactionCounterexample> {
    let failed = |(_, verdict): (Level, &'a TransactionVerdict)| match verdict {
        TransactionVerdict::Fail(found) => Some(found),
        _ => None,
    };
    shown(judgement, levels).into_iter().rev().find_map(failed)
}

/// Each reason for which levels fail, once, with the weakest level of those shown that it fails.
fn reasons<'a>(all: &[(Level, &'a TransactionVerdict)]) -> Vec<(Level, &'a TransactionCounterexample)> {
    let mut told: Vec<(Level, &TransactionCounterexample)> = Vec::new();
    for (level, verdict) in all.iter().rev() {
        if let TransactionVerdict::Fail(found) = verdict
            && !told.iter().any(|(_, other)| is_same(found, other))
        {
            told.push((*level, found));
        }
    }
    told
}

fn is_same(one: &TransactionCounterexample, other: &TransactionCounterexample) -> bool {
    (&one.transactions, &one.steps, &one.why) == (&other.transactions, &other.steps, &other.why)
}

/// What the keys of a counterexample are called in the file.
pub(super) fn keys(foreign: &ForeignTransactions, found: &TransactionCounterexample) -> String {
    let mut keys: Vec<_> = found.steps.iter().filter_map(|step| step.key).collect();
    keys.sort_unstable();
    keys.dedup();
    let named = keys.into_iter().map(|key| (key, foreign.key_name(key)));
    let names = named.filter(|(key, name)| !name.is_empty() && *name != key.0.to_string());
    let names: Vec<String> = names.map(|(key, name)| format!("{key} is {name}")).collect();
    if names.is_empty() { String::new() } else { format!("({})", names.join(", ")) }
}

/// For programs.
pub(super) fn json(
    file: &str,
    foreign: &ForeignTransactions,
    judgement: &TransactionJudgement,
    levels: &[Level],
) -> Value {
    let numbers = |ids: &[TransactionId]| ids.iter().map(|id| id.0).collect::<Value>();
    let step = |step: &Step| {
        json!({
            "from": step.from.0,
            "to": step.to.0,
            "dependency": step.dependency.name(),
            "key": step.key.map(|key| foreign.key_name(key)),
            "because": step.because,
        })
    };
    let verdict = |(level, verdict): (Level, &TransactionVerdict)| {
        let (why, witness) = match verdict {
            TransactionVerdict::Pass => (None, None),
            TransactionVerdict::Inconclusive { why } => (Some(why.clone()), None),
            TransactionVerdict::Fail(found) => {
                let witness = json!({
                    "level": found.level.name(),
                    "transactions": numbers(&found.transactions),
                    "steps": found.steps.iter().map(step).collect::<Value>(),
                });
                (Some(found.why.clone()), Some(witness))
            }
        };
        json!({ "level": level.name(), "verdict": verdict.name(), "why": why, "witness": witness })
    };
    json!({
        "history": file,
        "operations": foreign.history.micro_ops(),
        "transactions": foreign.history.len(),
        "keys": foreign.history.keys(),
        "strongest": strongest(judgement),
        "steps": judgement.steps,
        "anomalies": judgement.anomalies.iter().map(|anomaly| anomaly.name()).collect::<Value>(),
        "verdicts": shown(judgement, levels).into_iter().map(verdict).collect::<Value>(),
    })
}
