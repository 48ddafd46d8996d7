//! What changed, for programs: everything, in each metric's own unit.
//!
//! Next: `markdown.rs`.

use serde_json::{Map, Value, json};

use super::{DiffReport, conclusion, sentence};
use crate::explore::baseline::{BehaviourChange, DesignDiff, NumberChange};
use crate::explore::metric::Better;
use crate::scenario::Allowance;

/// The document.
pub fn json(report: &DiffReport) -> Value {
    let diff = report.diff;
    let designs = diff.designs.iter().map(|of| (of.name.clone(), design(report, of)));
    json!({
        "scenario": report.scenario.name,
        "file": report.file,
        "baseline": report.baseline,
        "version": diff.version_now,
        "baseline_version": diff.version_before,
        "conclusion": report.conclusion().name(),
        "interrupted": diff.seeds.len() < report.asked,
        "seeds": diff.seeds,
        "interval": "95 % percentile bootstrap interval of the mean of paired differences",
        "designs": designs.collect::<Map<String, Value>>(),
        "designs_new": diff.new,
        "designs_gone": diff.gone,
    })
}

fn design(report: &DiffReport, design: &DesignDiff) -> Value {
    let first = design
        .first_moved
        .map(|(seed, before, now)| json!({ "seed": seed, "before": before.to_string(), "now": now.to_string() }));
    json!({
        "conclusion": conclusion(design.standing).name(),
        "change": design.change.name(),
        "sentence": sentence(design, report.diff.seeds.len()),
        "options_changed": design.is_rewritten,
        "digests_changed": design.moved,
        "first_changed": first,
        "behaviour": design.behaviour.iter().map(behaviour).collect::<Value>(),
        "metrics": design.numbers.iter().map(|of| (of.name.clone(), number(of))).collect::<Map<String, Value>>(),
        "replay": report.replay(design),
    })
}

fn behaviour(change: &BehaviourChange) -> Value {
    json!({
        "kind": change.kind.name(),
        "what": change.what,
        "seeds_before": change.before,
        "seeds_now": change.after,
        "undecided": change.undecided,
        "first_seed": change.seed,
        "worse": change.is_worse,
    })
}

fn number(number: &NumberChange) -> Value {
    let paired = &number.paired;
    let allowed = match number.allowance {
        Some(Allowance::Share(share)) => json!({ "share": share, "amount": share * paired.before.abs() }),
        Some(Allowance::Amount(amount)) => json!({ "amount": amount }),
        None => Value::Null,
    };
    json!({
        "unit": number.metric.unit,
        "better": if number.metric.direction() == Better::Less { "less" } else { "more" },
        "before": paired.before,
        "now": paired.after,
        "difference": paired.mean,
        "low": paired.low,
        "high": paired.high,
        "share": number.share(),
        "seeds_up": paired.rose,
        "seeds_down": paired.fell,
        "seeds_same": paired.same,
        "sign_test_p": paired.sign_test_p,
        "worse_by": number.worse_by,
        "budget": allowed,
        "regressed": number.is_regressed,
    })
}
