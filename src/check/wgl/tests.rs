//! The search against all orders of small histories, and what it must not get wrong.

use super::model::*;
use super::*;
use crate::rng::Stream;

/// Every order, one operation after another, without any of the search's means.
fn brute_force<M: Model>(model: &M, calls: &[CallOf<M>], placed: &mut Vec<usize>, state: &M::State) -> bool {
    let left: Vec<usize> = (0..calls.len()).filter(|i| !placed.contains(i)).collect();
    if left.iter().all(|i| calls[*i].output.is_none()) {
        return true;
    }
    left.iter().any(|i| {
        let call = &calls[*i];
        let is_late = left.iter().any(|other| calls[*other].completed < call.invoked);
        let Some(next) = model.step(state, &call.input, call.output.as_ref()).filter(|_| !is_late) else {
            return false;
        };
        placed.push(*i);
        let found = brute_force(model, calls, placed, &next);
        placed.pop();
        found
    })
}

/// A small history with random times: answers that can be right, some of them not.
fn random<M: Model>(
    stream: &mut Stream,
    n: u64,
    mut ask: impl FnMut(&mut Stream) -> M::Input,
    mut answer: impl FnMut(&mut Stream, &M::Input) -> M::Output,
) -> Vec<CallOf<M>> {
    let span = 2 + stream.below(12);
    let mut calls = Vec::new();
    for id in 0..n {
        let input = ask(stream);
        let (from, length) = (stream.below(span), stream.below(span));
        let (id, from) = (OpId(id as u32), Time::from_nanos(from));
        calls.push(if stream.chance(1, 6) {
            Call::unknown(id, input, from)
        } else {
            let output = answer(stream, &input);
            Call::answered(id, input, output, from, Time::from_nanos(from.as_nanos() + length))
        });
    }
    calls
}

/// Agrees with brute force, certifies, refutes with what is wrong alone and cannot be made smaller.
fn differential<M: Model + PartialEq + Debug>(
    model: &M,
    name: &str,
    ask: impl Fn(&mut Stream) -> M::Input,
    answer: impl Fn(&mut Stream, &M::Input) -> M::Output,
) {
    let mut stream = Stream::new(5, name);
    let mut wrong = 0;
    let rounds = 4_000;
    for round in 0..rounds {
        let n = 1 + stream.below(7);
        let calls = random::<M>(&mut stream, n, &ask, &answer);
        let expected = brute_force(model, &calls, &mut Vec::new(), &model.initial());
        for memory in [Memory::Hashed, Memory::Exact] {
            let judged = judge(model, &calls, Effort { memory, ..Effort::default() });
            match judged.ruling {
                Ruling::Linearizable(order) => {
                    assert!(expected, "{name} {round}: {calls:#?}");
                    assert_eq!(replay(model, &calls, &order), Ok(()));
                }
                Ruling::Violation(refutation) => {
                    assert!(!expected, "{name} {round}: {calls:#?}");
                    is_one_minimal(model, &refutation);
                }
                other => panic!("{name} {round}: {other:?}"),
            }
        }
        for index in (0..calls.len()).filter(|_| expected) {
            let loosened = model.without(&calls, index);
            let holds = |calls: &Vec<_>| brute_force(model, calls, &mut Vec::new(), &model.initial());
            assert!(loosened.as_ref().is_none_or(holds), "{name} {round}: without {index} it fails: {calls:#?}");
        }
        wrong += u32::from(!expected);
    }
    assert!(wrong > rounds / 20 && wrong < rounds - rounds / 20, "{name}: {wrong} of {rounds} are violations");
}

fn is_one_minimal<M: Model>(model: &M, refutation: &Refutation<M>) {
    let calls = &refutation.calls;
    assert!(!brute_force(model, calls, &mut Vec::new(), &model.initial()), "a refutation is a violation: {calls:#?}");
    assert!(refutation.minimal && !refutation.stuck.is_empty());
    for index in 0..calls.len() {
        if let Some(fewer) = model.without(calls, index) {
            let holds = brute_force(model, &fewer, &mut Vec::new(), &model.initial());
            assert!(holds, "without {:?} it is still one: {calls:#?}", calls[index].id);
        }
    }
}

#[test]
fn registers() {
    let value = |stream: &mut Stream| Some(stream.below(3)).filter(|v| *v > 0);
    let ask = |stream: &mut Stream| match stream.below(3) {
        0 => RegisterInput::Read,
        1 => RegisterInput::Write(value(stream)),
        _ => RegisterInput::CompareAndSet(value(stream), value(stream)),
    };
    differential(&Register, "registers", ask, |stream, input| match input {
        RegisterInput::Read => RegisterOutput::Read(value(stream)),
        RegisterInput::Write(_) => RegisterOutput::Written,
        RegisterInput::CompareAndSet(..) => match stream.below(3) {
            0 => RegisterOutput::Refused,
            1 => RegisterOutput::RefusedFor(value(stream)),
            _ => RegisterOutput::Written,
        },
    });
}

#[test]
fn texts() {
    let piece = |stream: &mut Stream| ["a", "b"][stream.below(2) as usize].to_string();
    let ask = |stream: &mut Stream| match stream.below(4) {
        0 => TextInput::Put(piece(stream)),
        1 => TextInput::Append(piece(stream)),
        _ => TextInput::Get,
    };
    differential(&Text, "texts", ask, |stream, input| match input {
        TextInput::Get => TextOutput::Got(["", "a", "b", "ab", "ba"][stream.below(5) as usize].into()),
        _ => TextOutput::Done,
    });
}

#[test]
fn counters() {
    let ask = |stream: &mut Stream| match stream.below(2) {
        0 => CounterInput::Read,
        _ => CounterInput::Add(stream.below(4) as i64 - 1),
    };
    differential(&Counter, "counters", ask, |stream, input| match input {
        CounterInput::Read => CounterOutput::Read(stream.below(4) as i64),
        CounterInput::Add(_) => CounterOutput::Done,
    });
}

#[test]
fn sets() {
    let ask = |stream: &mut Stream| match stream.below(5) {
        0 => SetInput::Read,
        1 => SetInput::Contains(stream.below(2)),
        2 => SetInput::Remove(stream.below(2)),
        _ => SetInput::Add(stream.below(2)),
    };
    differential(&Set, "sets", ask, |stream, input| match input {
        SetInput::Read => SetOutput::Elements([vec![], vec![0], vec![1], vec![0, 1]][stream.below(4) as usize].clone()),
        SetInput::Contains(_) => SetOutput::Is(stream.chance(1, 2)),
        _ => SetOutput::Done,
    });
}

#[test]
fn queues() {
    let ask = |stream: &mut Stream| match stream.below(2) {
        0 => QueueInput::Dequeue,
        _ => QueueInput::Enqueue(stream.below(3)),
    };
    differential(&Queue, "queues", ask, |stream, input| match input {
        QueueInput::Dequeue => QueueOutput::Dequeued(Some(stream.below(4)).filter(|v| *v < 3)),
        QueueInput::Enqueue(_) => QueueOutput::Done,
    });
}

#[test]
fn lists() {
    let ask = |stream: &mut Stream| match stream.below(2) {
        0 => ListInput::Read,
        _ => ListInput::Append(stream.below(2)),
    };
    let reads = [vec![], vec![0], vec![1], vec![0, 1], vec![1, 0], vec![1, 1]];
    differential(&List, "lists", ask, |stream, input| match input {
        ListInput::Read => ListOutput::Elements(reads[stream.below(6) as usize].clone()),
        ListInput::Append(_) => ListOutput::Done,
    });
}

#[test]
fn mutexes() {
    let ask = |stream: &mut Stream| match stream.below(2) {
        0 => MutexInput::Release(stream.below(2)),
        _ => MutexInput::Acquire(stream.below(2)),
    };
    differential(&Mutex, "mutexes", ask, |stream, input| match input {
        MutexInput::Acquire(_) if stream.chance(1, 2) => MutexOutput::Token(stream.below(4)),
        _ => MutexOutput::Done,
    });
}

/// Operations one after another, so that there is a window after each, on a register of few values.
#[test]
fn windows_carry_every_state() {
    let (mut calls, mut at, mut id) = (Vec::new(), 0, 0);
    let mut call = |input, output, from: u64, to: u64| {
        calls.push(Call::answered(OpId(id), input, output, Time::from_nanos(from), Time::from_nanos(to)));
        id += 1;
    };
    for round in 0..200_u64 {
        // Two writes at once, and then a read that tells which was last: the carried set has both.
        for value in [1, 2] {
            call(RegisterInput::Write(Some(value)), RegisterOutput::Written, at, at + 5);
        }
        if round % 3 == 0 {
            call(RegisterInput::Read, RegisterOutput::Read(Some(1 + round % 2)), at + 10, at + 15);
        }
        at += 20;
    }
    let judged = judge(&Register, &calls, Effort::default());
    assert!(matches!(judged.ruling, Ruling::Linearizable(_)), "{judged:?}");
    assert!(judged.steps < 4_000, "{}", judged.steps);
    let mut broken = calls.clone();
    broken[420].output = Some(match broken[420].input {
        RegisterInput::Read => RegisterOutput::Read(Some(3)),
        _ => RegisterOutput::Read(None),
    });
    let Ruling::Violation(refutation) = judge(&Register, &broken, Effort::default()).ruling else { panic!() };
    assert!(refutation.calls.len() <= 2, "{refutation:?}");
}

#[test]
fn a_spent_budget_is_no_verdict() {
    let calls: Vec<_> = (0..12)
        .map(|i| Call::answered(OpId(i), CounterInput::Add(1 << i), CounterOutput::Done, Time::ZERO, Time::ZERO))
        .chain([Call::answered(OpId(12), CounterInput::Read, CounterOutput::Read(-1), Time::ZERO, Time::ZERO)])
        .collect();
    let judged = judge(&Counter, &calls, Effort { steps: 100, ..Effort::default() });
    assert_eq!(judged.ruling, Ruling::Inconclusive { placed: 12, of: 13 });
    assert_eq!(judged.steps, 100);
    assert!(matches!(judge(&Counter, &calls, Effort::default()).ruling, Ruling::Violation(_)));
}

#[test]
fn equal_unknown_writes_are_tried_once() {
    let mut calls: Vec<_> =
        (0..60).map(|i| Call::unknown(OpId(i), RegisterInput::Write(Some(1)), Time::ZERO)).collect();
    let read = |id, seen, at| {
        let at = Time::from_nanos(at);
        Call::answered(OpId(id), RegisterInput::Read, RegisterOutput::Read(seen), at, at)
    };
    calls.extend([read(60, None, 1), read(61, Some(1), 2), read(62, Some(2), 3)]);
    let judged = judge(&Register, &calls, Effort::default());
    assert!(matches!(judged.ruling, Ruling::Violation(_)));
    assert!(judged.steps < 300, "{}", judged.steps);
}

/// Registers whose values name their writes are also judged by zones: both must say the same.
#[test]
fn the_search_and_the_zones_agree() {
    use crate::check::linearizable;
    use crate::history::History;
    use crate::id::{ClientId, Key, NodeId, Value};
    use crate::op::{Op, Reply};

    let mut stream = Stream::new(7, "zones");
    let (rounds, mut wrong) = (20_000, 0);
    for round in 0..rounds {
        let n = 1 + stream.below(12);
        let span = 4 + stream.below(40);
        let mut times: Vec<u64> = (0..n).map(|_| stream.below(span)).collect();
        times.sort_unstable();
        let mut history = History::new();
        let mut held = vec![None];
        for (value, from) in (1..).zip(times) {
            // What held a while ago, which is often right.
            let ago = stream.below(3).min(held.len() as u64 - 1) as usize;
            let seen = held[held.len() - 1 - ago];
            let new = Value(value);
            let op = match stream.below(3) {
                0 => Op::Read(Key(0)),
                1 => Op::Write(Key(0), new),
                _ => Op::CompareAndSet { key: Key(0), expected: seen, new },
            };
            let id = history.invoke(ClientId(value as u32), op, Time::from_nanos(from));
            let is_refused = stream.chance(1, 4);
            if op != Op::Read(Key(0)) && !is_refused {
                held.push(Some(new));
            }
            if stream.chance(1, 8) {
                continue;
            }
            let reply = match op {
                Op::Read(_) => Reply::Read(seen),
                Op::CompareAndSet { .. } if is_refused => Reply::Mismatch(held[0].or(Some(new))),
                _ => Reply::Written,
            };
            history.complete(id, reply, NodeId(0), Time::from_nanos(from + stream.below(12)));
        }
        let zones = linearizable::linearizable(&history);
        let searched = judge(&Register, &Register::calls(&history, Key(0)), Effort::default()).ruling;
        assert!(!matches!(zones, crate::check::Verdict::Inconclusive { .. }), "{round}: {zones:?}");
        assert_eq!(zones.is_pass(), matches!(searched, Ruling::Linearizable(_)), "{round}: {history:#?}");
        wrong += u64::from(zones.is_fail());
    }
    assert!(wrong > rounds / 20 && wrong < rounds / 20 * 19, "{wrong} of {rounds} are violations");
}
