//! The on-line form against the off-line one: random small histories, at every event; and long ones, for memory.

use super::*;
use crate::check::linearizable::{judge, judge_key};
use crate::history::{History, Operation, Outcome};
use crate::id::{ClientId, NodeId};
use crate::rng::Stream;

/// What happens to an operation of a history.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Step {
    Call,
    End,
    /// The client of an unknown operation gives up.
    GiveUp,
}

/// The events of a history, in order. Those who give up do so some time after their call, drawn from `stream`, or never.
/// At one time calls come first; or, if `ends_first`, those only whose value is seen or expected by somebody, and those
/// that end at once.
fn events(history: &History, stream: &mut Stream, patience: u64, ends_first: bool) -> Vec<(u64, Step, OpId)> {
    let mut wanted: Vec<Option<Value>> = Vec::new();
    for operation in history.iter() {
        if let Some(Reply::Read(seen) | Reply::Mismatch(seen)) = operation.reply {
            wanted.push(seen);
        }
        if let Op::CompareAndSet { expected, .. } = operation.op {
            wanted.push(expected);
        }
    }
    let mut events = Vec::new();
    let mut early = None; // the latest call that is not put behind the ends of its time, and that time
    for operation in history.iter().collect::<Vec<_>>().into_iter().rev() {
        let (call, end) = (operation.invoked.as_nanos(), operation.completed.as_nanos());
        let value = operation.op.written();
        let is_early =
            !ends_first || end == call || (value.is_some() && wanted.contains(&value)) || early == Some(call);
        early = if is_early { Some(call) } else { early };
        // By the time, then 0 for calls that are early, 1 for ends, 2 for other calls.
        events.push((call, if is_early { 0 } else { 2 }, Step::Call, operation.id));
        if operation.outcome != Outcome::Unknown {
            events.push((end, 1, Step::End, operation.id));
        } else if stream.chance(3, 4) {
            events.push((call + 1 + stream.below(patience), 1, Step::GiveUp, operation.id));
        }
    }
    events.sort_unstable();
    events.into_iter().map(|(at, _, step, id)| (at, step, id)).collect()
}

fn tell(judge: &mut Online, operation: &Operation, at: u64, step: Step) {
    let Operation { id, op, invoked, outcome, reply, .. } = *operation;
    let at = Time::from_nanos(at);
    match (step, outcome, reply) {
        (Step::Call, ..) => judge.invoked(id, op, at),
        (Step::GiveUp, ..) => judge.gave_up(id, op, invoked, at),
        (Step::End, Outcome::Fail, _) => judge.failed(id, op, invoked, at),
        (Step::End, _, reply) => judge.completed(id, op, invoked, reply.expect("it was answered"), at),
    }
}

/// Clients that wait for their answers, short times with many ties, and the answers of a register. In some histories
/// operations take effect outside their time, or some answers are drawn blindly.
fn random_history(stream: &mut Stream, operations: u64, keys: u64) -> History {
    let clients = 2 + stream.below(4) as usize;
    let kind = stream.below(5);
    let shifted = [0, 30, 60, 90, 0][kind as usize];
    let blind = if kind == 4 { [3, 10, 50][stream.below(3) as usize] } else { 0 };
    let writes = 3 + stream.below(3);
    let mut free = vec![0; clients];
    let mut drafts: Vec<(u64, u64, u64, usize)> = Vec::new(); // begin, effect, end, client
    for _ in 0..operations {
        let client = stream.below(clients as u64) as usize;
        let begin = free[client] + stream.below(4);
        let end = begin + stream.below(6);
        let effect = if stream.chance(shifted, 100) {
            (begin + stream.below(20)).saturating_sub(10)
        } else {
            begin + stream.below(end - begin + 1)
        };
        drafts.push((begin, effect, end, client));
        free[client] = end + stream.below(2);
    }
    drafts.sort_unstable();
    let mut history = History::new();
    for (place, (begin, .., client)) in drafts.iter().enumerate() {
        let (key, new) = (Key(stream.below(keys) as u32), Value(place as u64));
        let op = match stream.below(10) {
            draw if draw < writes => Op::Write(key, new),
            draw if draw < 7 => Op::Read(key),
            _ => {
                // Of what was asked for shortly before, or will be next.
                let expected = (place as u64 + 1).checked_sub(stream.below(5));
                let expected = expected.map(Value).filter(|_| stream.chance(9, 10));
                Op::CompareAndSet { key, expected, new }
            }
        };
        history.invoke(ClientId(*client as u32), op, Time::from_nanos(*begin));
    }
    let mut in_effect: Vec<usize> = (0..drafts.len()).collect();
    in_effect.sort_by_key(|place| drafts[*place].1);
    let mut state = vec![None; keys as usize];
    for place in in_effect {
        let (id, end) = (OpId(place as u32), Time::from_nanos(drafts[place].2));
        let op = history.get(id).op;
        let held = &mut state[op.key().index()];
        let blind = stream.chance(blind, 100);
        let drawn = stream.below(operations + 2).checked_sub(1).map(Value);
        let fate = stream.below(12);
        let (reply, next) = match op {
            Op::Read(_) => (Reply::Read(if blind { drawn } else { *held }), *held),
            Op::Write(_, value) => (Reply::Written, Some(value)),
            Op::CompareAndSet { expected, new, .. } if (expected == *held) != blind => (Reply::Written, Some(new)),
            _ => (Reply::Mismatch(if blind { drawn } else { *held }), *held),
        };
        // 0: fails and did nothing, 1: fails, or is lost, and did nothing, 2: is lost, and took effect.
        if fate >= 2 || (fate == 0 && blind) {
            *held = next;
        }
        match fate {
            0 => history.fail(id, end),
            1 if blind => history.fail(id, end),
            1 | 2 => {}
            _ => history.complete(id, reply, NodeId(0), end),
        }
    }
    history
}

/// What was known at an event: operations that end later are unknown, those that begin later are not there.
fn so_far(history: &History, events: &[(u64, Step, OpId)]) -> History {
    let mut part = History::new();
    for (at, step, id) in events {
        let Operation { client, op, outcome, reply, .. } = history.get(*id);
        let at = Time::from_nanos(*at);
        match (step, outcome, reply) {
            (Step::Call, ..) => assert_eq!(part.invoke(client, op, at), *id),
            (Step::End, Outcome::Ok, Some(reply)) => part.complete(*id, reply, NodeId(0), at),
            (Step::End, Outcome::Fail, _) => part.fail(*id, at),
            _ => {}
        }
    }
    part
}

fn judged(history: &History, events: &[(u64, Step, OpId)]) -> Online {
    let mut judge = Online::new(0);
    events.iter().for_each(|(at, step, id)| tell(&mut judge, &history.get(*id), *at, *step));
    judge
}

#[test]
fn the_verdict_is_that_of_the_whole_history_key_by_key() {
    let mut failed = [0; 2];
    for seed in 0..300_000 {
        let mut stream = Stream::new(seed, "online");
        let keys = 1 + u64::from(stream.chance(1, 8));
        let size = [6, 9, 14, 30][stream.below(4) as usize];
        let operations = 1 + stream.below(size);
        let history = random_history(&mut stream, operations, keys);
        let found = judged(&history, &events(&history, &mut stream, 12, seed % 2 == 1));
        let (found_all, expected) = (found.finish(), judge(&history));
        assert_eq!(
            (found_all.keys, found_all.keys_failed, found_all.keys_inconclusive),
            (expected.keys, expected.keys_failed, expected.keys_inconclusive),
            "seed {seed}: {:?}: {:#?}",
            expected.verdict,
            history.iter().collect::<Vec<_>>()
        );
        for key in (0..keys as u32).map(Key) {
            assert_eq!(found.is_failed(key), judge_key(&history, key).verdict.is_fail(), "seed {seed}, {key}");
        }
        failed[usize::from(found_all.keys_failed > 0)] += 1;
    }
    assert!(failed.iter().all(|count| *count > 50_000), "{failed:?}");
}

#[test]
fn a_key_fails_at_the_first_event_that_no_linearization_allows() {
    let mut failed = 0;
    for seed in 0..20_000 {
        let mut stream = Stream::new(seed, "online at every event");
        let operations = 3 + stream.below(8);
        let history = random_history(&mut stream, operations, 1);
        let events = events(&history, &mut stream, 12, seed % 2 == 1);
        let mut online = Online::new(1);
        for (place, (at, step, id)) in events.iter().enumerate() {
            tell(&mut online, &history.get(*id), *at, *step);
            let expected = judge(&so_far(&history, &events[..=place])).verdict.is_fail();
            assert_eq!(online.is_failed(Key(0)), expected, "seed {seed}, event {place} of {events:?}: {history:?}");
            if expected {
                let first = Violation { key: Key(0), operation: *id, at: Time::from_nanos(*at) };
                assert_eq!(online.finish().first, Some(first));
                failed += 1;
                break;
            }
        }
    }
    assert!(failed > 2_500, "{failed}");
}

/// A register that clients use at random times: half reads, a fifth compare-and-sets of what they last saw. One of
/// `rare` operations gets no answer, and one of `rare` fails; `stale` is answered with what was there long before.
fn long_history(seed: u64, operations: usize, clients: u32, rare: u64, stale: Option<usize>) -> History {
    #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
    enum Next {
        Ask,
        TakeEffect(OpId),
        Hear(OpId),
    }
    let mut stream = Stream::new(seed, "long");
    let mut history = History::new();
    let mut queue: std::collections::BTreeSet<(u64, u32, Next)> =
        (0..clients).map(|client| (stream.below(1_000), client, Next::Ask)).collect();
    let (mut held, mut seen) = (None, vec![None; clients as usize]);
    let mut replies: Vec<Option<Reply>> = Vec::new();
    let mut recent = std::collections::VecDeque::from(vec![None; 200]);
    while let Some((now, client, next)) = queue.pop_first() {
        let seen = &mut seen[client as usize];
        let next = match next {
            Next::Ask if history.len() == operations => continue,
            Next::Ask => {
                let value = Value(history.len() as u64);
                let op = match stream.below(10) {
                    0..5 => Op::Read(Key(0)),
                    5..7 => Op::CompareAndSet { key: Key(0), expected: *seen, new: value },
                    _ => Op::Write(Key(0), value),
                };
                replies.push(None);
                Next::TakeEffect(history.invoke(ClientId(client), op, Time::from_nanos(now)))
            }
            Next::TakeEffect(id) => {
                let next = Next::Hear(id);
                let fate = stream.below(rare);
                let (reply, after) = match history.get(id).op {
                    Op::CompareAndSet { expected, .. } if expected != held => (Reply::Mismatch(held), held),
                    Op::Read(_) => (Reply::Read(held), held),
                    op => (Reply::Written, op.written()),
                };
                if fate != 0 {
                    held = after;
                    recent.push_back(held);
                    recent.pop_front();
                }
                replies[id.0 as usize] = (fate > 1).then_some(reply);
                if fate == 0 {
                    history.fail(id, Time::from_nanos(now));
                    Next::Ask
                } else if fate == 1 {
                    Next::Ask
                } else {
                    next
                }
            }
            Next::Hear(id) => {
                let mut reply = replies[id.0 as usize].expect("it took effect");
                if let (Reply::Read(value), Some(true)) = (&mut reply, stale.map(|stale| id.0 as usize >= stale)) {
                    *value = recent[0];
                }
                *seen = match reply {
                    Reply::Read(value) | Reply::Mismatch(value) => value,
                    Reply::Written => history.get(id).op.written(),
                    other => panic!("{other:?} is no answer of a register"),
                };
                history.complete(id, reply, NodeId(0), Time::from_nanos(now));
                Next::Ask
            }
        };
        queue.insert((now + 1 + stream.below(1_000), client, next));
    }
    history
}

#[test]
fn the_memory_of_a_long_history_is_that_of_what_is_pending() {
    for (clients, values_max) in [(1, 4), (4, 24), (16, 96)] {
        let history = long_history(7, 100_000, clients, 1_000_000_000, None);
        let mut judge = Online::new(1);
        let mut most = [0; 3];
        let mut allocated = Vec::new();
        for (at, step, id) in events(&history, &mut Stream::new(0, "none gives up"), 1, false) {
            tell(&mut judge, &history.get(id), at, step);
            let [values, blocks, lost] = judge.keys.get(Key(0)).expect("it was met").register.size();
            most = [most[0].max(values), most[1].max(blocks), most[2].max(lost)];
            assert!(judge.pending.len() <= 64 * clients as usize);
            allocated.push((
                judge.keys.get(Key(0)).expect("it was met").register.capacity(),
                judge.pending.capacity(),
                judge.path.capacity(),
            ));
        }
        assert_eq!((judge.finish().first, judge.finish().steps), (None, 100_000));
        assert!(most[0] <= values_max && most[1] <= values_max && most[2] == 0, "{clients} clients: {most:?}");
        allocated.dedup();
        assert!(allocated.len() < 20, "something is allocated only where a table is fuller than ever: {allocated:?}");
    }
}

#[test]
fn what_was_given_up_is_kept_as_long_as_it_may_take_effect() {
    let history = long_history(8, 100_000, 8, 100, None);
    let mut judge = Online::new(1);
    let mut stream = Stream::new(0, "all give up");
    let mut most = [0; 3];
    let mut given_up = 0;
    let all = events(&history, &mut stream, 5_000, false);
    for (at, step, id) in &all {
        let operation = history.get(*id);
        tell(&mut judge, &operation, *at, *step);
        given_up += usize::from(*step == Step::GiveUp && matches!(operation.op, Op::Write(..)));
        let size = judge.keys.get(Key(0)).expect("it was met").register.size();
        most = [0, 1, 2].map(|place| most[place].max(size[place]));
    }
    assert!(judge.finish().first.is_none());
    // Every value was seen, or replaced unseen and kept; compare-and-sets that are too late are dropped.
    assert!(most[2] <= 2 * given_up + 16, "{most:?}, {given_up} writes were given up");
}

#[test]
fn a_stale_read_in_a_long_history_is_found_at_its_end() {
    for seed in 0..20 {
        let history = long_history(seed, 4_000, 8, 200, Some(3_000));
        let all = events(&history, &mut Stream::new(seed, "give up"), 5_000, false);
        let found = judged(&history, &all).finish().first.expect("it was stale");
        assert!(judge(&history).verdict.is_fail());
        let place = all.iter().position(|event| event.2 == found.operation && event.1 == Step::End).unwrap();
        assert!(judge(&so_far(&history, &all[..=place])).verdict.is_fail());
        assert!(judge(&so_far(&history, &all[..place])).verdict.is_pass());
    }
}

#[test]
fn a_lost_compare_and_set_may_find_a_value_that_is_written_later() {
    let (mut judge, at, key) = (Online::new(1), Time::from_nanos, Key(0));
    let lost = Op::CompareAndSet { key, expected: Some(Value(1)), new: Value(0) };
    judge.invoked(OpId(0), lost, at(0));
    judge.gave_up(OpId(0), lost, at(0), at(1));
    judge.invoked(OpId(1), Op::Write(key, Value(1)), at(2));
    judge.completed(OpId(1), Op::Write(key, Value(1)), at(2), Reply::Written, at(3));
    judge.invoked(OpId(2), Op::Read(key), at(4));
    judge.completed(OpId(2), Op::Read(key), at(4), Reply::Read(Some(Value(0))), at(5));
    assert_eq!(judge.finish().first, None);
}

#[test]
fn values_that_do_not_grow_are_inconclusive() {
    let mut judge = Online::new(1);
    let at = Time::from_nanos;
    for (id, value) in [(0, 5), (1, 5)] {
        judge.invoked(OpId(id), Op::Write(Key(3), Value(value)), at(id.into()));
    }
    judge.completed(OpId(0), Op::Write(Key(3), Value(5)), at(0), Reply::Written, at(9));
    judge.gave_up(OpId(1), Op::Write(Key(3), Value(5)), at(1), at(9));
    let found = judge.finish();
    assert_eq!((found.keys, found.keys_failed, found.keys_inconclusive), (1, 0, 1));
}

#[test]
#[should_panic(expected = "only a pending operation ends")]
fn an_operation_ends_once() {
    let mut judge = Online::new(1);
    judge.invoked(OpId(4), Op::Read(Key(0)), Time::ZERO);
    judge.gave_up(OpId(4), Op::Read(Key(0)), Time::ZERO, Time::ZERO);
    judge.gave_up(OpId(4), Op::Read(Key(0)), Time::ZERO, Time::ZERO);
}
