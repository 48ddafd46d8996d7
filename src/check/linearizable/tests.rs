//! Histories made by hand: one for every reason to reject, and the ones that look wrong and are not.

use super::*;
use crate::id::{ClientId, NodeId};
use crate::time::Time;

const K: Key = Key(0);

/// What became of an operation, and when.
#[derive(Clone, Copy)]
enum End {
    Ok(Reply, u64),
    Fail(u64),
    Never,
}

/// A history of `(op, begin, end)`, in the order of begin, each by its own client.
fn history(rows: &[(Op, u64, End)]) -> History {
    let mut history = History::new();
    let at = |ms: u64| Time::from_nanos(ms * 1_000_000);
    for (client, (op, begin, end)) in rows.iter().enumerate() {
        let id = history.invoke(ClientId(client as u32), *op, at(*begin));
        match *end {
            End::Ok(reply, end) => history.complete(id, reply, NodeId(0), at(end)),
            End::Fail(end) => history.fail(id, at(end)),
            End::Never => {}
        }
    }
    history
}

fn write(value: u64, begin: u64, end: u64) -> (Op, u64, End) {
    (Op::Write(K, Value(value)), begin, End::Ok(Reply::Written, end))
}

/// A read; 0 stands for the initial value.
fn read(value: u64, begin: u64, end: u64) -> (Op, u64, End) {
    (Op::Read(K), begin, End::Ok(Reply::Read(seen(value)), end))
}

fn cas_op(expected: u64, new: u64) -> Op {
    Op::CompareAndSet { key: K, expected: seen(expected), new: Value(new) }
}

fn cas(expected: u64, new: u64, begin: u64, end: u64) -> (Op, u64, End) {
    (cas_op(expected, new), begin, End::Ok(Reply::Written, end))
}

fn refused(expected: u64, saw: u64, begin: u64, end: u64) -> (Op, u64, End) {
    (cas_op(expected, 1_000 + begin), begin, End::Ok(Reply::Mismatch(seen(saw)), end))
}

fn lost((op, begin, _): (Op, u64, End)) -> (Op, u64, End) {
    (op, begin, End::Never)
}

fn seen(value: u64) -> Option<Value> {
    (value > 0).then_some(Value(value))
}

#[track_caller]
fn accepted(rows: &[(Op, u64, End)]) {
    assert_eq!(linearizable(&history(rows)), Verdict::Pass);
}

/// Rejected, with these rows as the counterexample and these words in the sentence.
#[track_caller]
fn rejected(rows: &[(Op, u64, End)], operations: &[u32], words: &str) {
    let history = history(rows);
    let Verdict::Fail(counterexample) = linearizable(&history) else {
        panic!("{:?}", linearizable(&history));
    };
    assert_eq!(counterexample.operations, operations.iter().copied().map(OpId).collect::<Vec<_>>());
    assert!(counterexample.why.contains(words), "{}", counterexample.why);
    assert!(linearizable(&excerpt(&history, &counterexample.operations)).is_fail());
}

#[test]
fn nothing_and_concurrent_writes_are_fine() {
    accepted(&[]);
    accepted(&[read(0, 0, 1)]);
    accepted(&[write(1, 0, 10), write(2, 0, 10), read(2, 0, 10), read(1, 11, 12), read(1, 13, 14)]);
    accepted(&[cas(0, 1, 0, 10), cas(1, 2, 0, 10), refused(1, 2, 0, 10), cas(2, 3, 0, 10)]);
}

#[test]
fn touching_times_are_concurrent() {
    accepted(&[write(1, 0, 10), read(0, 10, 20)]);
    accepted(&[write(1, 0, 5), write(2, 5, 10), read(1, 10, 20)]);
    rejected(&[write(1, 0, 10), read(0, 11, 20)], &[0, 1], "the time before any write");
}

#[test]
fn a_read_of_what_nobody_wrote() {
    rejected(
        &[write(1, 0, 1), read(7, 2, 3)],
        &[1],
        "c1's read of v7 (operation 1, 2ms for 1ms) saw a value that nobody",
    );
    rejected(&[(Op::Write(K, Value(7)), 0, End::Fail(9)), read(7, 2, 3)], &[1], "operation 0, 0s for 9ms) failed");
    rejected(&[cas(7, 8, 0, 1)], &[0], "nobody wrote");
    rejected(&[refused(1, 7, 0, 1)], &[0], "nobody wrote");
    rejected(&[lost(cas(7, 8, 0, 0)), read(8, 1, 2)], &[0, 1], "since its value was seen");
}

#[test]
fn a_stale_read() {
    let rows = [write(1, 0, 1), write(2, 2, 3), write(3, 2, 9), read(1, 4, 5), read(2, 5, 6)];
    rejected(&rows, &[0, 1, 3], "each was written once");
}

#[test]
fn a_read_before_its_write_began() {
    rejected(&[read(1, 0, 1), write(1, 2, 3)], &[0, 1], "had ended before c1's write of v1");
}

#[test]
fn new_then_old() {
    let rows = [write(1, 0, 1), write(2, 2, 20), read(2, 3, 4), read(1, 5, 6), read(2, 7, 8)];
    rejected(&rows, &[0, 1, 2, 3], "v2");
}

#[test]
fn two_readers_in_opposite_orders() {
    let rows = [write(1, 0, 100), write(2, 0, 100), read(1, 1, 2), read(2, 3, 4), read(2, 5, 6), read(1, 7, 8)];
    rejected(&rows, &[0, 1, 2, 4, 5], "ended before");
    let rows = [write(1, 0, 100), write(2, 0, 100), read(1, 1, 4), read(2, 2, 5), read(2, 5, 6), read(1, 6, 7)];
    rejected(&rows, &[0, 1, 2, 3, 4, 5], "ended before");
}

#[test]
fn a_lost_update() {
    let rows = [write(1, 0, 1), cas(1, 2, 2, 9), cas(1, 3, 2, 9), read(3, 10, 11)];
    rejected(&rows, &[0, 1, 2], "cannot both have found");
    rejected(&[cas(0, 2, 2, 9), cas(0, 3, 2, 9)], &[0, 1], "cannot both have found");
}

#[test]
fn a_cycle_of_compare_and_sets() {
    let rows = [cas(3, 1, 0, 9), cas(1, 2, 0, 9), cas(2, 3, 0, 9)];
    rejected(&rows, &[0, 1, 2], "and the first the last");
    rejected(&[cas(1, 1, 0, 1)], &[0], "the first the last");
    // Nobody knows whether these took effect, and nobody needs it; then somebody does.
    let unknown = [lost(cas(2, 1, 0, 0)), lost(cas(1, 2, 0, 0))];
    accepted(&unknown);
    rejected(&[unknown[0], unknown[1], read(2, 1, 2)], &[0, 1, 2], "the first the last");
}

#[test]
fn a_read_of_what_was_replaced() {
    let rows = [write(1, 0, 1), cas(1, 2, 2, 3), read(1, 4, 5)];
    rejected(&rows, &[0, 1, 2], "had already replaced");
    let rows = [write(1, 0, 100), cas(1, 2, 2, 30), cas(2, 3, 3, 4), read(1, 5, 6)];
    rejected(&rows, &[0, 1, 2, 3], "the values show");
    let rows = [cas(0, 1, 0, 5), cas(1, 2, 6, 9), read(1, 10, 11)];
    rejected(&rows, &[0, 1, 2], "had already replaced");
}

#[test]
fn a_long_chain_gives_a_short_counterexample() {
    let mut rows: Vec<_> = (0..1_000).map(|n| cas(n, n + 1, 10 * n, 10 * n + 5)).collect();
    accepted(&rows);
    rows.push(read(500, 20_000, 20_001));
    rejected(&rows, &[499, 500, 1_000], "had already replaced");
    rows.pop();
    rows.insert(700, cas(300, 5_000, 7_000, 7_004));
    rejected(&rows, &[299, 300, 700], "cannot both have found");
}

#[test]
fn nothing_fits_between_a_compare_and_set_and_what_it_replaced() {
    let rows = [write(1, 0, 1), write(2, 2, 3), cas(1, 3, 4, 5)];
    rejected(&rows, &[0, 1, 2], "each was written once");
    accepted(&[write(1, 0, 1), write(2, 2, 4), cas(1, 3, 4, 5)]);
}

#[test]
fn a_refusal_must_be_true() {
    accepted(&[write(1, 0, 1), refused(2, 1, 2, 3)]);
    accepted(&[refused(2, 0, 2, 3)]);
    rejected(&[write(1, 0, 1), refused(1, 1, 2, 3)], &[1], "found what it expected");
    rejected(&[write(1, 0, 1), refused(1, 0, 2, 3)], &[0, 1], "the time before any write");
}

#[test]
fn an_unknown_write_may_be_seen_late_or_never() {
    let late = [write(1, 0, 1), lost(write(2, 2, 0)), read(1, 1_000, 1_001), read(2, 1_002, 1_003)];
    accepted(&late);
    accepted(&late[..3]);
    rejected(&[late[0], late[1], late[3], read(1, 1_004, 1_005)], &[0, 1, 2, 3], "ended before");
    rejected(&[read(2, 0, 1), lost(write(2, 2, 0))], &[0, 1], "had ended before");
}

#[test]
fn an_unknown_compare_and_set_counts_iff_its_value_is_needed() {
    // A rival of an acknowledged one, never seen: it did nothing.
    let rows = [write(1, 0, 1), lost(cas(1, 2, 2, 0)), cas(1, 3, 2, 3), read(3, 4, 5)];
    accepted(&rows);
    // Seen: both must have found v1.
    let rows = [rows[0], rows[1], rows[2], read(2, 4, 5)];
    rejected(&rows, &[0, 1, 2, 3], "cannot both have found");
    // Seen through another unknown one.
    let rows = [write(1, 0, 1), lost(cas(1, 2, 2, 0)), lost(cas(2, 3, 2, 0)), read(1, 4, 5), read(3, 6, 7)];
    accepted(&rows);
    let rows = [write(1, 0, 100), rows[1], rows[2], read(3, 4, 5), read(1, 6, 7)];
    rejected(&rows, &[0, 1, 2, 3, 4], "the values show");
    // Both unknown, and both seen.
    let rows = [lost(cas(0, 1, 0, 0)), lost(cas(0, 2, 0, 0)), read(1, 1, 2), read(2, 3, 4)];
    rejected(&rows, &[0, 1, 2, 3], "cannot both have found");
}

#[test]
fn what_failed_did_nothing() {
    let failed = (cas_op(0, 1), 0, End::Fail(1));
    accepted(&[failed, read(0, 2, 3), write(1, 4, 5), read(1, 6, 7)]);
    rejected(&[failed, read(1, 2, 3)], &[1], "failed");
}

#[test]
fn a_value_written_twice_is_not_judged() {
    let verdict = linearizable(&history(&[write(1, 0, 1), lost(write(1, 2, 3))]));
    let Verdict::Inconclusive { why } = verdict else { panic!("{verdict:?}") };
    assert!(why.contains("k0: c0's write of v1 (operation 0, 0s for 1ms) and c1's write of v1"), "{why}");
}

#[test]
fn keys_are_judged_apart_and_the_smallest_counterexample_is_shown() {
    let on = |key: u32, (op, begin, end): (Op, u64, End)| match op {
        Op::Read(_) => (Op::Read(Key(key)), begin, end),
        Op::Write(_, value) => (Op::Write(Key(key), value), begin, end),
        op => (op, begin, end),
    };
    let rows = [
        on(5, write(1, 0, 1)),
        on(9, write(1, 0, 1)),
        on(9, write(1, 0, 1)),
        on(5, read(0, 2, 3)),
        on(7, read(3, 4, 5)),
        on(6, read(0, 6, 7)),
    ];
    let history = history(&rows);
    let judgement = judge(&history);
    let Verdict::Fail(counterexample) = &judgement.verdict else { panic!("{judgement:?}") };
    assert_eq!(counterexample.operations, [OpId(4)]);
    assert_eq!((judgement.keys, judgement.keys_failed, judgement.keys_inconclusive), (4, 2, 1));
    assert!(judgement.steps >= 6);
    assert!(judge_key(&history, Key(6)).verdict.is_pass());
    assert!(judge_key(&history, Key(5)).verdict.is_fail());
    assert_eq!(judge_key(&history, Key(9)).verdict.name(), "inconclusive");
    assert_eq!(judge_key(&history, Key(1)).keys, 0);
}

#[test]
fn the_linearization_is_the_order_of_effect() {
    let rows = [write(1, 0, 9), read(2, 0, 9), cas(1, 2, 0, 9), lost(write(8, 0, 0)), refused(5, 0, 0, 9)];
    let order = linearization(&history(&rows), K).unwrap();
    assert_eq!(order, [4, 0, 2, 1].map(OpId));
    assert!(linearization(&history(&[read(3, 0, 1)]), K).unwrap_err().is_fail());
}

#[test]
fn a_certificate_that_is_wrong_is_not_believed() {
    let rows = [write(1, 0, 1), read(1, 2, 3), (Op::Write(Key(1), Value(1)), 4, End::Never)];
    let history = history(&rows);
    let check = |order: &[u32]| {
        let order: Vec<OpId> = order.iter().copied().map(OpId).collect();
        Replay::new(&history).check(K, &order, 2)
    };
    assert_eq!(check(&[0, 1]), Ok(()));
    for (order, why) in [
        (&[1, 0][..], "operation 1 does not do what it reported"),
        (&[0], "1 of 2 operations are placed"),
        (&[0, 0], "operation 0 is placed twice"),
        (&[0, 1, 2], "operation 2 is on another key"),
    ] {
        assert_eq!(check(order), Err(why.to_string()));
    }
    let rows = [write(1, 0, 1), write(2, 2, 3)];
    let swapped = Replay::new(&self::history(&rows)).check(K, &[OpId(1), OpId(0)], 2);
    assert_eq!(swapped, Err("operation 0 ended before an earlier one began".to_string()));
}

#[test]
fn a_write_inside_a_chain_needs_the_whole_chain_as_its_counterexample() {
    let mut rows = vec![write(1, 0, 5), write(9_999, 6, 496)];
    rows.extend((1..50).map(|n| cas(n, n + 1, 10 * n, 10 * n + 5)));
    rows.push(cas(50, 51, 500, 505));
    let all: Vec<u32> = (0..rows.len() as u32).collect();
    rejected(&rows, &all, "each was written once");
    accepted(&rows[..rows.len() - 1]);

    // A budget that does not suffice is admitted.
    let history = history(&rows);
    let Items { items, .. } = items::normalise(&history, |_| true);
    let Err(Obstacle::Violation { core, .. }) = zones::analyse(&items) else { panic!("linearizable") };
    let minimal = counterexample::minimise(core, &mut 0, 100).unwrap();
    assert!(!minimal.minimal && minimal.items.len() == rows.len());
}

#[test]
fn an_excerpt_keeps_what_it_can_explain() {
    let rows = [write(1, 0, 1), cas(1, 2, 2, 3), lost(cas(2, 3, 4, 0)), refused(5, 2, 5, 6), cas(7, 8, 7, 8)];
    let history = history(&rows);
    let ops = |ids: &[u32]| -> Vec<Op> {
        let ids: Vec<OpId> = ids.iter().copied().map(OpId).collect();
        excerpt(&history, &ids).iter().map(|operation| operation.op).collect()
    };
    assert_eq!(ops(&[0, 1, 2]), [rows[0].0, rows[1].0, rows[2].0]);
    assert_eq!(ops(&[3, 1]), [Op::Write(K, Value(2)), rows[3].0], "its expected value is cut off");
    assert_eq!(ops(&[2, 4]), [Op::Write(K, Value(3)), rows[4].0], "nobody ever wrote v7");
    let whole = excerpt(&history, &[0, 1, 2, 3, 4].map(OpId));
    assert_eq!(whole.iter().collect::<Vec<_>>(), history.iter().collect::<Vec<_>>());
}
