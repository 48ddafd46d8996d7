//! Small histories by hand: the anomalies of Elle's own tests, the patterns of Plume, and what the budgets promise.

use super::*;
use crate::id::{Key, Value};
use crate::time::Time;

/// A history, a transaction a line: `1: rx12 ay3 @5-7`. Before the colon its session, else it has one of its own. `a`
/// appends and `r` reads a list; `w` writes and `g` reads a register; a key is one of `x y z t u`, a value one digit. `!` is
/// aborted, `?` unknown, and the times come after `@`.
fn history(lines: &[&str]) -> Transactions {
    let mut history = Transactions::new();
    for (place, line) in lines.iter().enumerate() {
        let (session, words) = match line.split_once(':') {
            Some((session, words)) => (session.parse().unwrap(), words),
            None => (100 + place as u32, *line),
        };
        let id = history.begin(SessionId(session), Status::Committed);
        for word in words.split_whitespace() {
            let key = |word: &str| Key("xyztu".find(&word[1..2]).unwrap() as u32);
            let values = |word: &str| -> Vec<Value> { word[2..].bytes().map(|b| Value(u64::from(b - b'0'))).collect() };
            match word.as_bytes()[0] {
                b'!' => history.set_status(id, Status::Aborted),
                b'?' => history.set_status(id, Status::Unknown),
                b'@' => {
                    let (from, to) = word[1..].split_once('-').unwrap();
                    let time = |text: &str| Time::from_nanos(text.parse().unwrap());
                    history.set_times(id, time(from), time(to));
                }
                b'a' => history.append(key(word), values(word)[0]),
                b'w' => history.write(key(word), values(word)[0]),
                b'r' => history.read_list(key(word), &values(word)),
                _ => history.read(key(word), values(word).first().copied()),
            }
        }
    }
    history
}

fn names(judgement: &TransactionJudgement) -> Vec<String> {
    judgement.anomalies.iter().map(Anomaly::name).collect()
}

/// The anomalies of a history, and the strongest levels that it meets, are these.
#[track_caller]
fn is(lines: &[&str], anomalies: &[&str], strongest: &[Level]) {
    let judgement = judge(&history(lines), &Options::default());
    assert_eq!(
        (names(&judgement), judgement.strongest()),
        (anomalies.iter().map(|a| a.to_string()).collect(), strongest.to_vec())
    );
}

use Level::*;

#[test]
fn cycles_of_lists_have_the_names_that_elle_gives_them() {
    is(&["ax1 ay1", "ax2 ay2", "rx12 ry21"], &["G0"], &[]);
    is(&["ax1 ry1", "ax2 ay1", "rx12 ry1"], &["G1c"], &[ReadUncommitted]);
    is(&["ax1 ay1", "ax2 ry", "rx12"], &["G-single"], &[Prefix]);
    is(&["ax1 ry", "ay1 rx"], &["G2-item"], &[SessionSnapshotIsolation]);
    is(&["rx ry1", "ax1", "rx1 ry", "ay1"], &["G-nonadjacent"], &[Causal]);
    is(&["ax1 ay1", "rx1 ry1", "ax2 rx12 ry1"], &[], &[SessionSerializable]);
    // What nobody read comes after what somebody did.
    is(&["ax1 ay1", "ax2 ay2", "ax3 ay3", "rx12", "ry2"], &["G0", "G-single"], &[]);
    // The two rw are neighbours, or all edges lead away from one.
    is(&["rx ry1", "ax1 rz", "az1 ay1"], &["G2-item"], &[SessionSnapshotIsolation]);
    is(&["rx5 ay1", "ry az2", "rz at3", "rt3 au4", "ru ax5"], &[], &[SessionSerializable]);
}

#[test]
fn sessions_and_real_time_make_variants() {
    let stale = ["ax1 @0-1", "ax2 @2-3", "rx1 @4-5", "rx12 @6-7"];
    is(&stale, &["G-single-realtime"], &[SessionSerializable]);
    is(&["0: ax1", "1: ax2", "1: rx1", "2: rx12"], &["G-single-process"], &[SessionReadCommitted, Serializable]);
    is(&["0: rx rz1", "1: ax1", "1: rz", "2: az1"], &["G-nonadjacent-process"], &[Causal, Serializable]);
    is(&["1: rx1 ay1", "2: ry1", "2: ax1"], &["G1c-process"], &[Serializable]);
    is(&["ax1 @0-9", "ax2 @2-9", "rx1 @4-9", "rx12 @6-9"], &[], &[StrictSerializable]);
    // Times that touch are concurrent.
    is(&["ax1 @0-5", "rx @5-9"], &[], &[StrictSerializable]);
    is(&["ax1 @0-5", "rx @6-9"], &["G-single-realtime"], &[SessionSerializable]);
}

#[test]
fn reads_that_are_wrong_by_themselves_have_names() {
    is(&["ax1 !", "rx1"], &["G1a"], &[ReadUncommitted]);
    is(&["ax1 ax2", "rx1"], &["G1b"], &[ReadUncommitted]);
    is(&["wx1 wx2", "gx1"], &["G1b"], &[ReadUncommitted]);
    is(&["ax1 rx1 ax2", "rx12"], &[], &[SessionSerializable]);
    is(&["rx1"], &["thin-air"], &[ReadUncommitted]);
    is(&["gx1"], &["thin-air"], &[ReadUncommitted]);
    is(&["ax3 rx"], &["internal"], &[ReadUncommitted]);
    is(&["wx1 gx"], &["internal"], &[ReadUncommitted]);
    is(&["ax0", "ax2", "rx012 ax1"], &["future-read"], &[ReadUncommitted]);
    is(&["gx1 wx1"], &["future-read"], &[ReadUncommitted]);
    is(&["ax1 !", "ax2", "rx12"], &["G1a", "dirty-update"], &[ReadUncommitted]);
    is(&["ax1 !", "ax2 ?", "ax3", "rx123"], &["G1a", "dirty-update"], &[ReadUncommitted]);
    is(&["ax1", "rx11"], &["duplicate-elements"], &[]);
    is(&["ax1 ry1", "ax2 ay1", "rx121"], &["duplicate-elements", "G1c"], &[]);
    is(&["ax1", "ax2", "rx1", "rx2"], &["incompatible-order"], &[ReadUncommitted]);
    is(&["ax1 ry1", "ax2", "ax3 ay1", "rx13", "rx123"], &["incompatible-order", "G1c"], &[ReadUncommitted]);
}

#[test]
fn weak_levels_are_told_apart() {
    is(&["ax1 ay1", "rx1 ry"], &["G-single"], &[ReadCommitted]);
    is(&["ax1 ay1", "ry rx1"], &["G-single"], &[SessionReadCommitted]);
    is(&["0: wx1", "0: gx2", "0: gx1", "1: wx2"], &[], &[ReadAtomic, Serializable]);
    is(&["wx0 wy0", "1: wx1", "1: gx1 gy0", "2: wy1", "2: gy1 gx0"], &[], &[Causal]);
    is(&["gx wx1", "gx wx2"], &["lost-update", "G2-item"], &[Prefix]);
    is(&["ax0", "rx0 ax1", "rx0 ax2"], &["lost-update", "G2-item"], &[Prefix]);
    is(&["rx ax1 ax2", "rx12"], &[], &[SessionSerializable]);
    is(&["rx ax1", "rx ax2", "rx12"], &["lost-update", "G-single"], &[Prefix]);
    is(&["wx1 gy1", "wy1 gx1"], &["G1c"], &[ReadUncommitted]);
    is(&["wx1", "wx2", "gx1 gx2"], &["non-repeatable"], &[SessionReadCommitted]);
}

#[test]
fn what_is_declared_of_registers_counts() {
    let lines = history(&["0: wx1", "0: gx2", "0: gx1", "1: wx2"]);
    let declared = Assumptions { session_keys: true, ..Assumptions::default() };
    let judgement = judge(&lines, &Options { assumptions: declared, ..Options::default() });
    assert_eq!((names(&judgement), judgement.strongest()), (vec!["cyclic-versions".to_string()], vec![]));
    let lines = history(&["wx1 @0-1", "gx2 @2-3", "gx1 @4-5", "wx2 @0-9"]);
    let declared = Assumptions { linearizable_keys: true, ..Assumptions::default() };
    let judgement = judge(&lines, &Options { assumptions: declared, ..Options::default() });
    assert_eq!(names(&judgement), ["cyclic-versions"]);
    // Reading y, then writing it, says which version is the older; without that, nobody knows.
    let lines = history(&["wy1", "gy1 wx1 wy2", "gx1 gy1"]);
    let undeclared = Assumptions { writes_follow_reads: false, ..Assumptions::default() };
    assert_eq!(names(&judge(&lines, &Options { assumptions: undeclared, ..Options::default() })), [""; 0]);
    assert_eq!(names(&judge(&lines, &Options::default())), ["G-single"]);
}

#[test]
fn the_order_of_the_store_makes_the_judgement_exact() {
    let mut lines = history(&["wx1", "wx2", "gx1 wy1", "gy1 gx2"]);
    assert_eq!(judge(&lines, &Options::default()).strongest(), [SessionSerializable]);
    lines.set_version_order(Key(0), &[Value(2), Value(1)]);
    let judgement = judge(&lines, &Options::default());
    assert_eq!((names(&judgement), judgement.strongest()), (vec!["G-single".to_string()], vec![ReadAtomic]));
    for order in [&[1, 1][..], &[1], &[1, 2, 2], &[1, 2, 3]] {
        let order: Vec<Value> = order.iter().copied().map(Value).collect();
        lines.set_version_order(Key(0), &order);
        let judgement = judge(&lines, &Options::default());
        assert!(judgement.levels.iter().all(|(_, verdict)| verdict.name() == "inconclusive"), "{order:?}");
    }
}

#[test]
fn outcomes_that_nobody_knows() {
    is(&["wx1 ?", "gx1"], &[], &[SessionSerializable]);
    is(&["wx1 gy7 ?", "gx1"], &[], &[SessionSerializable]);
    is(&["ax1 ay1 ?", "rx1 ry"], &["G-single"], &[ReadCommitted]);
    is(&["ax1 ay1 ?", "rx ry"], &[], &[SessionSerializable]);
    is(&["wx1 @0-2 ?", "gx @3-4", "gx1 @5-6"], &[], &[StrictSerializable]);
}

#[test]
fn what_cannot_be_judged_is_inconclusive() {
    for lines in [&["wx1", "wx1", "gx1"][..], &["ax1", "ax1", "rx1"], &["ax1", "wx2"]] {
        let judgement = judge(&history(lines), &Options::default());
        assert!(judgement.levels.iter().all(|(_, verdict)| verdict.name() == "inconclusive"), "{lines:?}");
    }
    // What nobody read may be ambiguous.
    assert!(judge(&history(&["wx1", "wx1"]), &Options::default()).verdict(SessionSerializable).is_pass());
}

#[test]
fn a_cycle_is_told_in_words() {
    let judgement = judge(&history(&["ax1 ay1", "rx12", "ax2 ry"]), &Options::default());
    let TransactionVerdict::Fail(counterexample) = judgement.verdict(Serializable) else { panic!("{judgement:?}") };
    assert_eq!(counterexample.level, Serializable);
    assert_eq!(counterexample.transactions, [0, 1, 2].map(TransactionId));
    let told: Vec<String> =
        counterexample.steps.iter().map(|step| format!("{} {}", step.dependency, step.because)).collect();
    assert_eq!(
        told,
        [
            "ww t2 wrote k0 += v2 after t0 wrote k0 += v1",
            "rw t2 read k1 = [], and t0 wrote k1 += v1 after that version"
        ]
    );
}

/// Who read the end of a list has not read from those whose elements come before it, also when the end is taken out.
#[test]
fn a_piece_of_a_list_is_not_read_from_somebody_else() {
    let whole = history(&["0: ax1 az3", "1: az6", "2: rz36 rx"]);
    assert!(judge(&whole, &Options::default()).verdict(Causal).is_pass());
    let piece = excerpt(&whole, &[TransactionId(0), TransactionId(2)]);
    assert!(judge(&piece, &Options::default()).verdict(Causal).is_pass());
    let ops: Vec<MicroOp> = piece.ops(TransactionId(1)).collect();
    assert_eq!(ops, [MicroOp::ReadList(Key(0), &[])]);
    let piece = excerpt(&whole, &[TransactionId(1), TransactionId(2)]);
    let ops: Vec<MicroOp> = piece.ops(TransactionId(1)).collect();
    assert_eq!(ops, [MicroOp::ReadList(Key(2), &[Value(6)]), MicroOp::ReadList(Key(0), &[])]);
}

/// `sessions` clients that never meet a key of another's.
fn calm(sessions: u32, each: u32) -> Transactions {
    let mut history = Transactions::new();
    for round in 0..each {
        for session in 0..sessions {
            history.begin(SessionId(session), Status::Committed);
            history.read(Key(session), round.checked_sub(1).map(|before| Value(u64::from(before))));
            history.write(Key(session), Value(u64::from(round)));
        }
    }
    history
}

#[test]
fn two_of_two_thousand_are_the_counterexample() {
    let mut history = calm(20, 100);
    let skew = [(Key(20), Key(21)), (Key(21), Key(20))].map(|(seen, written)| {
        let id = history.begin(SessionId(20 + seen.0), Status::Committed);
        history.read(seen, None);
        history.write(written, Value(1));
        id
    });
    let judgement = judge(&history, &Options::default());
    assert!(judgement.verdict(SessionSnapshotIsolation).is_pass());
    let TransactionVerdict::Fail(counterexample) = judgement.verdict(Serializable) else { panic!("not serializable") };
    assert_eq!(counterexample.transactions, skew);
    assert_eq!(counterexample.steps.len(), 2);
}

#[test]
fn a_spent_budget_is_inconclusive_and_says_how_far_it_came() {
    // Blind writes that readers saw in every order: the order of versions is anybody's guess.
    let mut history = Transactions::new();
    for one in 0..40_u32 {
        history.begin(SessionId(one), Status::Committed);
        (0..4).for_each(|key| history.write(Key((one + key) % 8), Value(u64::from(one))));
        history.begin(SessionId(100 + one), Status::Committed);
        (0..4).for_each(|key| history.read(Key((one + key) % 8), Some(Value(u64::from((one + 40 - key * 8) % 40)))));
    }
    let levels = judge(&history, &Options { search_steps: 2_000, ..Options::default() }).levels;
    let told = levels.iter().filter_map(|(_, verdict)| match verdict {
        TransactionVerdict::Inconclusive { why } => Some(why.as_str()),
        _ => None,
    });
    let spent: Vec<&str> = told.filter(|why| why.starts_with("the budget was spent when an order of ")).collect();
    assert!(!spent.is_empty(), "{levels:?}");
}

/// Everybody reads what the next one overwrites: one component, with one long cycle in it.
fn ring(size: u32) -> Transactions {
    let mut history = Transactions::new();
    for one in 0..size {
        history.begin(SessionId(one), Status::Committed);
        history.read_list(Key(one), &[]);
        history.append(Key((one + 1) % size), Value(0));
    }
    history
}

#[test]
fn a_component_of_everything_is_classified() {
    let judgement = judge(&ring(30), &Options::default());
    assert_eq!(
        (names(&judgement), judgement.strongest()),
        (vec!["G2-item".to_string()], vec![SessionSnapshotIsolation])
    );
    let TransactionVerdict::Fail(counterexample) = judgement.verdict(Serializable) else { panic!("a cycle of rw") };
    assert_eq!(counterexample.transactions.len(), 30);
    let found = anomalies(&ring(100_000), &Options::default());
    assert_eq!((found[0].name().as_str(), found[0].steps.len(), found.len()), ("G2-item", 100_000, 1));
}

#[test]
fn an_empty_history_meets_everything_but_what_needs_times() {
    assert_eq!(judge(&Transactions::new(), &Options::default()).strongest(), [SessionSerializable]);
    is(&["@0-1"], &[], &[StrictSerializable]);
}
