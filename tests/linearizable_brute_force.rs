//! The linearizability checker against the definition: a million random small histories, and every order of each.
//!
//! The reference below knows nothing of zones. It plays every order that real time allows, with and without the
//! operations whose outcome is unknown. Counterexamples are held to what they promise in the same way.

use std::sync::atomic::{AtomicU64, Ordering};

use riftzone::check::linearizable::{excerpt, judge, linearizable};
use riftzone::check::{Counterexample, Verdict};
use riftzone::history::{History, OpId, Operation, Outcome};
use riftzone::id::{ClientId, Key, NodeId, Value};
use riftzone::op::{Op, Reply};
use riftzone::rng::Stream;
use riftzone::time::Time;

const HISTORIES: u64 = 1_000_000;
const KEYS: usize = 2;
type State = [Option<Value>; KEYS];

/// Whether there is an order of all acknowledged and some unknown operations in which each does what it reported, and
/// none comes after one that began when it had ended.
fn by_definition(operations: &[Operation]) -> bool {
    let left: Vec<Operation> = operations.iter().copied().filter(|one| one.outcome != Outcome::Fail).collect();
    search(&left, (1 << left.len()) - 1, [None; KEYS])
}

fn search(all: &[Operation], left: u32, state: State) -> bool {
    let members = || (0..all.len()).filter(|place| left & (1 << place) != 0);
    if members().all(|place| all[place].outcome == Outcome::Unknown) {
        return true;
    }
    let first_end = members().map(|place| all[place].completed).min().expect("some are left");
    members().filter(|place| all[*place].invoked <= first_end).any(|place| {
        let next = play(&all[place], state);
        next.is_some_and(|next| search(all, left & !(1 << place), next))
    })
}

/// The state after an operation that takes effect; none where it cannot do what it reported.
fn play(operation: &Operation, state: State) -> Option<State> {
    let is = state[operation.op.key().index()];
    let set = |value| {
        let mut next = state;
        next[operation.op.key().index()] = Some(value);
        Some(next)
    };
    match (operation.op, operation.reply) {
        (Op::Read(_), Some(Reply::Read(seen))) if seen == is => Some(state),
        (Op::Write(_, value), _) => set(value),
        (Op::CompareAndSet { expected, .. }, Some(Reply::Mismatch(seen))) if seen == is && seen != expected => {
            Some(state)
        }
        (Op::CompareAndSet { .. }, Some(Reply::Mismatch(_))) => None,
        (Op::CompareAndSet { expected, new, .. }, _) if expected == is => set(new),
        _ => None,
    }
}

/// A random history: clients that wait for their answers, short times with many ties, and answers of a register. In
/// half of the histories some operations take effect outside their time, in a quarter some answers are drawn blindly.
fn random_history(seed: u64) -> History {
    let mut stream = Stream::new(seed, "brute force");
    let clients = 2 + stream.below(3);
    let keys = 1 + u64::from(stream.chance(1, 8));
    let (shifted, noise) =
        [(0, 0), (30, 0), (60, 0), (0, [5, 20, 60][stream.below(3) as usize])][stream.below(4) as usize];
    let with_compare = stream.chance(3, 4);
    let mut free = vec![0; clients as usize];
    let mut drafts: Vec<(u64, u64, u64, u32)> = Vec::new(); // begin, effect, end, client
    for _ in 0..1 + stream.below(7).max(stream.below(7)) {
        let client = stream.below(clients);
        let begin = free[client as usize] + stream.below(4);
        let end = begin + stream.below(6);
        let shifted = stream.chance(shifted, 100);
        let effect = if shifted { stream.below(16) } else { begin + stream.below(end - begin + 1) };
        drafts.push((begin, effect, end, client as u32));
        free[client as usize] = end + stream.below(2);
    }
    drafts.sort_unstable();

    let mut history = History::new();
    let pool = drafts.len() as u64 + 2; // one value more than writes, and none
    for (place, (begin, .., client)) in drafts.iter().enumerate() {
        let (key, new) = (Key(stream.below(keys) as u32), Value(place as u64 + 1));
        let op = match stream.below(if with_compare { 10 } else { 7 }) {
            0..4 => Op::Read(key),
            4..7 => Op::Write(key, new),
            _ => {
                let expected = stream.below(place as u64 + 2);
                Op::CompareAndSet { key, expected: (expected > 0).then_some(Value(expected)), new }
            }
        };
        history.invoke(ClientId(*client), op, Time::from_nanos(*begin));
    }
    let mut in_effect: Vec<usize> = (0..drafts.len()).collect();
    in_effect.sort_by_key(|place| drafts[*place].1);
    let mut state: State = [None; KEYS];
    for place in in_effect {
        let end = drafts[place].2;
        let id = OpId(place as u32);
        let op = history.get(id).op;
        let holder = &mut state[op.key().index()];
        let blind = stream.chance(noise, 100);
        let drawn = Some(Value(stream.below(pool))).filter(|value| value.0 > 0);
        let fate = stream.below(12);
        if fate == 0 && !blind {
            history.fail(id, Time::from_nanos(end));
            continue;
        }
        let (reply, next) = match op {
            Op::Read(_) => (Reply::Read(if blind { drawn } else { *holder }), *holder),
            Op::Write(_, value) => (Reply::Written, Some(value)),
            Op::CompareAndSet { expected, new, .. } if (expected == *holder) != blind => (Reply::Written, Some(new)),
            _ => (Reply::Mismatch(if blind { drawn } else { *holder }), *holder),
        };
        let answered = fate > 2;
        if answered || fate == 2 {
            *holder = next;
        }
        if answered {
            history.complete(id, reply, NodeId(0), Time::from_nanos(end));
        } else if fate == 1 && blind {
            history.fail(id, Time::from_nanos(end));
        }
    }
    history
}

fn rows(history: &History) -> Vec<Operation> {
    history.iter().collect()
}

fn effect(operation: &Operation) -> Option<Value> {
    if operation.outcome == Outcome::Unknown { operation.op.written() } else { operation.acknowledged_write() }
}

fn sees(operation: &Operation) -> Option<Value> {
    match (operation.op, operation.reply) {
        (_, Some(Reply::Read(seen) | Reply::Mismatch(seen))) => seen,
        (Op::CompareAndSet { expected, .. }, _) => expected,
        _ => None,
    }
}

/// The operations without one, without the reads of what it wrote, and with compare-and-sets of that as writes.
fn without(operations: &[Operation], gone: usize) -> Vec<Operation> {
    let value = effect(&operations[gone]);
    let mut rest = Vec::new();
    for (place, operation) in operations.iter().enumerate() {
        let orphan = value.is_some() && sees(operation) == value && operation.op.key() == operations[gone].op.key();
        if place == gone || (orphan && effect(operation).is_none()) {
            continue;
        }
        let op = match operation.op {
            Op::CompareAndSet { key, new, .. } if orphan => Op::Write(key, new),
            op => op,
        };
        rest.push(Operation { op, ..*operation });
    }
    rest
}

fn check_counterexample(history: &History, counterexample: &Counterexample) -> Result<(), &'static str> {
    let ids = &counterexample.operations;
    if !ids.is_sorted() || ids.is_empty() || counterexample.why.is_empty() {
        return Err("it is out of order or empty");
    }
    let all = rows(history);
    let source = |read: &Operation| {
        let wrote = |one: &&Operation| effect(one) == sees(read) && one.op.key() == read.op.key();
        sees(read).and_then(|_| all.iter().find(wrote)).map(|write| write.id)
    };
    // A refusal for the very value that was expected is wrong by itself, whoever wrote that value.
    let lies = |one: &Operation| match (one.op, one.reply) {
        (Op::CompareAndSet { expected, .. }, Some(Reply::Mismatch(seen))) => seen == expected,
        _ => false,
    };
    let reads = ids.iter().map(|id| history.get(*id)).filter(|one| effect(one).is_none() && !lies(one));
    if reads.filter_map(|read| source(&read)).any(|id| !ids.contains(&id)) {
        return Err("it leaves out the write of a value that is read");
    }
    let piece = excerpt(history, ids);
    if by_definition(&rows(&piece)) || !linearizable(&piece).is_fail() {
        return Err("its excerpt is linearizable");
    }
    let literally: Vec<Operation> = ids.iter().map(|id| history.get(*id)).collect();
    if by_definition(&literally) {
        return Err("its operations are linearizable");
    }
    if ids.len() > 6 && literally.iter().all(|one| !matches!(one.op, Op::CompareAndSet { .. })) {
        return Err("it is larger than six");
    }
    if (0..piece.len()).any(|gone| !by_definition(&without(&rows(&piece), gone))) {
        return Err("an operation can be spared");
    }
    Ok(())
}

#[test]
fn a_million_histories_are_judged_by_their_definition() {
    let threads = std::thread::available_parallelism().map_or(1, |n| n.get()) as u64;
    let (passed, failed) = (AtomicU64::new(0), AtomicU64::new(0));
    let one = |seed: u64| {
        let history = random_history(seed);
        let verdict = judge(&history).verdict;
        let wrong = match (&verdict, by_definition(&rows(&history))) {
            (Verdict::Pass, true) => {
                passed.fetch_add(1, Ordering::Relaxed);
                None
            }
            (Verdict::Fail(counterexample), false) => {
                failed.fetch_add(1, Ordering::Relaxed);
                check_counterexample(&history, counterexample).err()
            }
            _ => Some("the definition disagrees"),
        };
        if let Some(wrong) = wrong {
            panic!("seed {seed}: {wrong}: {verdict:?}\n{:#?}", rows(&history));
        }
    };
    std::thread::scope(|scope| {
        for thread in 0..threads {
            let one = &one;
            scope.spawn(move || (thread..HISTORIES).step_by(threads as usize).for_each(one));
        }
    });
    let (passed, failed) = (passed.into_inner(), failed.into_inner());
    println!("{passed} are linearizable, {failed} are not");
    assert_eq!(passed + failed, HISTORIES);
    assert!(passed * 100 >= HISTORIES * 15 && failed * 100 >= HISTORIES * 15, "{passed} and {failed}");
}
