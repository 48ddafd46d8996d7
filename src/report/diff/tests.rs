//! The words for each kind of change.

use super::*;
use crate::explore::baseline::Paired;
use crate::explore::metric::METRICS;
use crate::trace::Digest;

fn number(name: &str, pairs: &[(f64, f64)], allowance: Option<Allowance>) -> NumberChange {
    let metric = METRICS.iter().find(|metric| Some(metric.name) == name.split('/').next()).unwrap();
    let paired = Paired::of(pairs, name).unwrap();
    let worse_by = if metric.direction() == crate::explore::metric::Better::Less { paired.mean } else { -paired.mean };
    let is_regressed = allowance.map_or(worse_by > 0.0, |allowance| worse_by > allowance.of(paired.before));
    NumberChange { name: name.into(), metric, paired, worse_by, allowance, is_regressed }
}

fn design(change: Change, behaviour: Vec<BehaviourChange>, numbers: Vec<NumberChange>) -> DesignDiff {
    DesignDiff {
        name: "consensus".into(),
        is_rewritten: false,
        change,
        standing: Standing::Worse,
        moved: 20,
        first_moved: Some((1, Digest(1), Digest(2))),
        behaviour,
        numbers,
    }
}

#[test]
fn a_sentence_says_how_deep_the_change_goes() {
    let of = |change, behaviour, numbers| sentence(&design(change, behaviour, numbers), 20);
    assert_eq!(of(Change::Unchanged, vec![], vec![]), "unchanged: the same digest on all 20 seeds");
    let only = "only the digest changed, on all 20 seeds; every number and verdict is as it was";
    assert_eq!(of(Change::DigestOnly, vec![], vec![]), only);
    let slower = || number("write_latency_ms_p99", &[(400.0, 480.0), (420.0, 510.0)], Some(Allowance::Share(0.02)));
    assert_eq!(
        of(Change::Numbers, vec![], vec![slower()]),
        "numbers changed, behaviour did not: write_latency_ms_p99 85 ms worse (+20.73 %), beyond its budget of 2 %"
    );
    let less = number("availability/eu", &[(0.99, 0.98), (0.99, 0.98)], Some(Allowance::Amount(0.005)));
    assert_eq!(number_in_words(&less), "availability/eu 1 points worse (−1.01 %), beyond its budget of 0.5 points");
    let better = number("messages", &[(1_000.0, 900.0), (1_000.0, 901.0)], None);
    assert_eq!(
        of(Change::Numbers, vec![], vec![better.clone()]),
        "numbers changed, behaviour did not: messages 99.5 better (−9.95 %)"
    );
    let within = number("rto_s", &[(0.0, 0.5), (0.0, 0.5)], Some(Allowance::Amount(1.0)));
    let both = of(Change::Numbers, vec![], vec![slower(), within, better]);
    assert!(both.ends_with("beyond its budget of 2 %; 1 more is worse within budget; 1 better"), "{both}");
}

#[test]
fn behaviour_is_told_before_numbers() {
    let change = |kind, what: &str, before, after| BehaviourChange {
        kind,
        what: what.into(),
        before,
        after,
        undecided: 0,
        seed: Some(1),
        is_worse: true,
    };
    let changes = vec![
        change(Kind::Verdict, "single-writer", 0, 20),
        change(Kind::Expectation, "lost_acknowledged_writes 0", 0, 1),
        change(Kind::Claim, "linearizable", 0, 7),
        change(Kind::Invariant, "fencing", 0, 3),
    ];
    let lost = number("lost_acknowledged_writes", &[(0.0, 5.0)], None);
    assert_eq!(
        sentence(&design(Change::Behaviour, changes, vec![lost]), 20),
        "behaviour changed: single-writer fails on all 20 seeds, where it passed on all 20 seeds, \
         `lost_acknowledged_writes 0` does not hold any more, the claim linearizable is broken on 7 of 20 seeds, before on \
         no seed and 1 more; numbers: lost_acknowledged_writes 5 worse"
    );
    let other = change(Kind::Verdict, "linearizable", 20, 0);
    assert_eq!(
        behaviour_in_words(&other, 20),
        "linearizable passes now on all 20 seeds, where it failed on all 20 seeds"
    );
}
