//! Histories made by hand: one that breaks each level, and the ones that tell the causal levels apart.

use riftzone::check::convergence::{Replica, Snapshot, eventual, strong_eventual};
use riftzone::check::level::{Level, judge};
use riftzone::check::order::VersionOrder;
use riftzone::check::{Verdict, causal, sequential};
use riftzone::history::History;
use riftzone::id::{ClientId, Key, NodeId, Value};
use riftzone::op::{Op, Reply};
use riftzone::time::{Duration, Time};

use crate::random::{LITMUS, lay_out, parse};

/// The history of a text, one session after another.
fn sessions_of(text: &str) -> History {
    lay_out(&parse(text), |open| open[0])
}

#[test]
fn five_histories_tell_the_causal_levels_apart() {
    let verdicts = |text: &str| {
        let history = sessions_of(text);
        let levels = [Level::Causal, Level::CausalConvergence, Level::CausalMemory, Level::Sequential];
        levels.map(|level| judge(&history, level, None).unwrap().verdict.is_pass())
    };
    //                    CC     CCv    CM     SC
    let expected = [
        [true, false, true, false],
        [true, true, false, false],
        [true, false, false, false],
        [true, true, true, false],
        [false, false, false, false],
    ];
    assert_eq!(LITMUS.map(verdicts), expected);
}

/// A history, the level that it breaks, how its counterexample begins, and of how many operations that is.
struct Row(&'static str, Level, &'static str, usize);

const BLACK_BOX: &[Row] = &[
    Row("w x1 / r x0", Level::Linearizable, "k0: ", 2),
    Row("w x1 r y0 w y1 r x1 / w x2 r y0 w y2 r x2", Level::Sequential, "NotSequential: ", 8),
    Row("w x1 r x2 / w x2 r x1", Level::Sequential, "Incoherent: ", 4),
    Row("w x1 r y0 / w y1 r x0", Level::Sequential, "NotSequential: ", 4),
    Row("w x1 r x2 / w x2 r x1", Level::CausalConvergence, "CyclicCF: ", 4),
    Row("w z1 w x1 w y1 / w x2 r z0 r y1 r x2", Level::CausalMemory, "WriteHBInitRead: ", 7),
    Row("w x1 / w x2 r x1 r x2", Level::CausalMemory, "CyclicHB: ", 4),
    Row("w x1 w y1 / r y1 w x2 / r x2 r x1", Level::Causal, "WriteCORead: ", 6),
    Row("w x1 r x0", Level::Causal, "WriteCOInitRead: ", 2),
    Row("r x1 w x1", Level::Causal, "CyclicCO: ", 2),
    Row("r x1 w y1 / r y1 w x1", Level::Causal, "CyclicCO: ", 4),
    Row("r x7", Level::Causal, "ThinAirRead: ", 1),
    Row("w x1 w y1 / r y1 r x0", Level::Pram, "WriteHBInitRead: ", 4),
    Row("w x1 w x2 / r x2 r x1", Level::Pram, "CyclicHB: ", 4),
    Row("r x7", Level::Pram, "ThinAirRead: ", 1),
    Row("w x1 r x0", Level::ReadYourWrites, "read-your-writes: ", 2),
    Row("w x1 / r x1 r x0", Level::MonotonicReads, "monotonic-reads: ", 3),
    Row("w x1 / w x2 / r x1 r x2 / r x2 r x1", Level::MonotonicReads, "monotonic-reads: ", 6),
    Row("w x1 w y1 / r y1 r x0", Level::MonotonicWrites, "monotonic-writes: ", 4),
    Row("w x1 / r x1 w y1 / r y1 r x0", Level::WritesFollowReads, "writes-follow-reads: ", 5),
    Row("r x1 w x1", Level::WritesFollowReads, "writes-follow-reads: ", 2),
    Row("w x1 / r x0", Level::BoundedStaleness(Duration::ZERO), "even if reads may begin ", 2),
    Row("w x1 / r z0 r z0 r z0 r x0", Level::BoundedStaleness(Duration::nanos(6)), "even if reads may begin ", 2),
    Row("r x7", Level::BoundedStaleness(Duration::MAX), "even if reads may begin ", 1),
    Row("w x1 / r x0", Level::KAtomic(1), "k0: ", 2),
    Row("w x1 w x2 w x3 / r x1", Level::KAtomic(2), "2 versions certainly came between ", 4),
];

/// The level must fail with this counterexample, and what is left must pass when any operation is taken out.
fn breaks(Row(text, level, begins, size): &Row, order: Option<&VersionOrder>) {
    let history = sessions_of(text);
    let Verdict::Fail(found) = judge(&history, *level, order).unwrap().verdict else { panic!("{text} meets {level}") };
    assert!(found.why.starts_with(begins), "{text}, {level}: {}", found.why);
    assert_eq!(found.operations.len(), *size, "{text}, {level}: {}", found.why);
}

#[test]
fn every_level_of_single_operations_is_broken_by_a_history() {
    BLACK_BOX.iter().for_each(|row| breaks(row, None));
    for level in Level::ALL {
        let of_single_operations = judge(&History::new(), level, None).is_some();
        let broken = BLACK_BOX.iter().any(|row| row.1.name() == level.name());
        assert_eq!(of_single_operations, broken, "{level}");
    }
}

/// The reads of the second session put its own write before that of the first one, for the third session too: not by the
/// causal past of that write, but because it is what the third one reads.
#[test]
fn causal_memory_places_a_write_after_what_its_reads_put_before_it() {
    let history = sessions_of("w x1 / w x2 r x1 w y1 / r y1 r x1");
    for level in [Level::CausalMemory, Level::Pram, Level::Sequential] {
        assert_eq!(judge(&history, level, None).unwrap().verdict, Verdict::Pass, "{level}");
    }
}

#[test]
fn the_bounds_of_staleness_are_tight() {
    let passes = |text: &str, level| judge(&sessions_of(text), level, None).unwrap().verdict.is_pass();
    assert!(passes("w x1 / r z0 r z0 r z0 r x0", Level::BoundedStaleness(Duration::nanos(7))));
    assert!(passes("w x1 w x2 w x3 / r x1", Level::KAtomic(3)));
}

#[test]
fn the_stores_order_breaks_what_clients_cannot_see() {
    let order = |values: &[u64]| {
        let mut order = VersionOrder::new();
        values.iter().for_each(|value| order.push(Key(0), Value(*value)));
        order
    };
    let rows = [
        (Row("w x1 / w x2", Level::Linearizable, "OrderAgainstTime: ", 2), order(&[2, 1])),
        (Row("w x1 w x2", Level::Sequential, "NotSequential: ", 2), order(&[2, 1])),
        (Row("w x1 / r x1 w x2", Level::Sequential, "NotSequential: ", 3), order(&[2, 1])),
        (Row("w x1 w x2", Level::CausalConvergence, "CyclicVO: ", 2), order(&[2, 1])),
        (Row("w x1 / w x2 r x1", Level::ReadYourWrites, "read-your-writes: ", 3), order(&[1, 2])),
        (Row("w x1 / w x2 / r x1 r x2", Level::MonotonicReads, "monotonic-reads: ", 4), order(&[2, 1])),
        (Row("w x1 w x2", Level::MonotonicWrites, "monotonic-writes: ", 2), order(&[2, 1])),
        (Row("w x1 / r x1 w x2", Level::WritesFollowReads, "writes-follow-reads: ", 3), order(&[2, 1])),
        (Row("w x1 / w x2 / w x3 / r x1", Level::KAtomic(2), "StaleVersion: ", 4), order(&[1, 2, 3])),
    ];
    for (row, order) in rows {
        breaks(&row, Some(&order));
        let free = if row.1 == Level::KAtomic(2) { "w x3 / w x2 / w x1 / r x1" } else { row.0 };
        assert!(judge(&sessions_of(free), row.1, None).unwrap().verdict.is_pass(), "{}: {}", row.0, row.1);
    }
}

#[test]
fn an_order_that_cannot_be_or_lacks_a_write_proves_nothing() {
    let history = sessions_of("w x1 / r x1 w x2");
    let wrong = |values: &[u64], tells: &str| {
        let mut order = VersionOrder::new();
        values.iter().for_each(|value| order.push(Key(0), Value(*value)));
        for level in Level::ALL {
            let Some(judged) = judge(&history, level, Some(&order)) else { continue };
            let knows_no_order =
                matches!(level, Level::Causal | Level::CausalMemory | Level::Pram | Level::BoundedStaleness(_));
            match judged.verdict {
                Verdict::Pass => assert!(knows_no_order, "{level} passes"),
                Verdict::Fail(found) => panic!("{level}: {}", found.why),
                Verdict::Inconclusive { why } => assert!(!knows_no_order && why.contains(tells), "{level}: {why}"),
            }
        }
    };
    wrong(&[1], "has no place for c1's write of v2");
    wrong(&[1, 2, 1], "has v1 twice");
    wrong(&[1, 2, 9], "has v9, which nobody wrote there");
}

#[test]
fn copies_that_differ_break_convergence() {
    let copy = |node, value| Replica { node: NodeId(node), copy: [(Key(0), Value(value))].into() };
    let snapshot = |at, replica| Snapshot { at: Time::from_nanos(at), applied: vec![1, 2], replica };
    let history = sessions_of("w x1 / w x2");
    let [one, other] = [copy(0, 1), copy(1, 2)];
    let met = [snapshot(1, one.clone()), snapshot(2, other.clone())];
    let Verdict::Fail(found) = strong_eventual(&met, &[], &history) else { panic!("they applied the same") };
    assert_eq!(found.operations.len(), 2);
    let Verdict::Fail(found) = eventual(&[one, other], &history) else { panic!("they differ at the end") };
    assert_eq!(found.operations.len(), 2);
}

#[test]
fn counterexamples_label_their_edges() {
    let why = |text: &str, level: Level| {
        let Verdict::Fail(found) = judge(&sessions_of(text), level, None).unwrap().verdict else { panic!("{text}") };
        found.why
    };
    let text = why("w x1 w y1 / r y1 w x2 / r x2 r x1", Level::Causal);
    assert!(text.contains("--read by-->") && text.contains("--session order-->"), "{text}");
    let text = why("w x1 r x2 / w x2 r x1", Level::CausalConvergence);
    assert!(text.contains("--conflict, for it is in the past of c"), "{text}");
    let text = why("w x1 / r x1 r x0", Level::MonotonicReads);
    assert!(text.contains("a read is older than an earlier one of its client"), "{text}");
    assert!(text.contains("--for the sake of c1's read of the initial value"), "{text}");
}

#[test]
fn a_search_that_is_given_up_is_inconclusive_and_tells_how_far_it_came() {
    let history = sessions_of("w x1 r y0 w y1 r x1 / w x2 r y0 w y2 r x2");
    let gave_up = |verdict: Verdict, how_far: &str| match verdict {
        Verdict::Inconclusive { why } => assert!(why.contains("gave up after") && why.contains(how_far), "{why}"),
        verdict => panic!("{verdict:?}"),
    };
    gave_up(causal::memory_within(&history, None, 1).verdict, "with 0 of 2 sessions judged");
    gave_up(causal::pram_within(&history, None, 1).verdict, "of 2 sessions judged");
    gave_up(sequential::judge_within(&history, None, 1).verdict, "before what sessions and reads force was known");
    let enough = (0..2_000).find(|budget| sequential::judge_within(&history, None, *budget).verdict.is_fail());
    gave_up(sequential::judge_within(&history, None, enough.expect("it fails") - 1).verdict, "gave up");
}

#[test]
fn swaps_of_a_pass_are_said_to_be_unchecked() {
    let mut history = History::new();
    let at = Time::from_nanos;
    for (client, value) in [(0, 1), (1, 2)] {
        let swap = Op::CompareAndSet { key: Key(0), expected: None, new: Value(value) };
        let id = history.invoke(ClientId(client), swap, at(0));
        history.complete(id, Reply::Written, NodeId(0), at(5));
    }
    let found = causal::convergence(&history, None);
    assert!(found.convergence.verdict.is_pass() && found.swaps_unchecked);
    let mut order = VersionOrder::new();
    [1, 2].into_iter().for_each(|value| order.push(Key(0), Value(value)));
    let found = causal::convergence(&history, Some(&order));
    let Verdict::Fail(counterexample) = found.convergence.verdict else { panic!("both replaced the initial value") };
    assert!(counterexample.why.starts_with("NonAtomicSwap"), "{}", counterexample.why);
    assert!(judge(&history, Level::Sequential, None).unwrap().verdict.is_fail());
}

/// Two keys with two writes each: whatever the order of both, two sessions of readers contradict it, and no two orders
/// are forced. Beside them sessions that write what nobody reads, `noise` writes each.
fn two_orders_that_cannot_be(sessions: u32, noise: u32) -> History {
    let (x, y) = (Key(0), Key(1));
    let mut all: Vec<Vec<Op>> = Vec::new();
    let mut seen: Vec<Vec<(Key, u64)>> = Vec::new();
    for (key, value) in [(x, 1), (x, 2), (y, 1), (y, 2)] {
        all.push(vec![Op::Write(key, Value(value))]);
    }
    for session in 0..sessions {
        let key = |place| Key(2 + session * noise + place);
        all.push((0..noise).map(|place| Op::Write(key(place), Value(1))).collect());
    }
    for (of_x, of_y) in [(1, 1), (1, 2), (2, 1), (2, 2)] {
        seen.extend([vec![(x, of_x), (y, of_y)], vec![(y, of_y), (x, of_x)]]);
    }
    let (mut history, mut now, node) = (History::new(), 0, NodeId(0));
    let mut client = 0;
    for ops in all {
        for op in ops {
            let write = history.invoke(ClientId(client), op, Time::from_nanos(now));
            history.complete(write, Reply::Written, node, Time::from_nanos(now + 1));
            now += 2;
        }
        client += 1;
    }
    for reads in seen {
        for (key, value) in reads {
            let read = history.invoke(ClientId(client), Op::Read(key), Time::from_nanos(now));
            history.complete(read, Reply::Read(Some(Value(value))), node, Time::from_nanos(now + 1));
            now += 2;
        }
        client += 1;
    }
    history
}

#[test]
fn what_nobody_reads_is_not_tried_in_every_order() {
    const STEPS: u64 = 5_000_000;
    for (sessions, noise) in [(0, 0), (1, 30), (6, 10)] {
        let history = two_orders_that_cannot_be(sessions, noise);
        assert!(causal::convergence(&history, None).convergence.verdict.is_pass());
        assert!(causal::memory(&history, None).verdict.is_pass());
        let judged = sequential::judge_within(&history, None, STEPS);
        let Verdict::Fail(found) = judged.verdict else { panic!("{sessions} of {noise}: {:?}", judged.verdict) };
        assert_eq!(found.operations.len(), 20, "{}", found.why);
    }
}
