//! Small random histories, and running many of them.

use std::sync::atomic::{AtomicU64, Ordering};

use riftzone::check::order::VersionOrder;
use riftzone::history::{History, Operation, Outcome};
use riftzone::id::{ClientId, Key, NodeId, Value};
use riftzone::op::{Op, Reply};
use riftzone::rng::Stream;
use riftzone::time::Time;

use crate::size::size;

/// How many histories a property is tried on: as many as `HISTORIES` says.
pub fn histories() -> u64 {
    size("HISTORIES", 100_000)
}

/// How many keys a history has at most.
pub const KEYS: usize = 3;

/// A property of the history of a seed: a number to be added up, or what is wrong.
pub type Property = fn(u64) -> Result<u64, String>;

/// What an operation saw, if it saw anything.
pub fn sees(operation: &Operation) -> Option<Option<Value>> {
    match (operation.op, operation.reply) {
        (_, Some(Reply::Read(seen) | Reply::Mismatch(seen))) => Some(seen),
        (Op::CompareAndSet { expected, .. }, _) => Some(expected),
        _ => None,
    }
}

/// What it wrote, if it did.
pub fn writes(operation: &Operation) -> Option<Value> {
    if matches!(operation.reply, Some(Reply::Mismatch(_))) { None } else { operation.op.written() }
}

/// Bouajjani et al., POPL 2017, figure 3: they tell the causal levels apart.
pub const LITMUS: [&str; 5] = [
    "w x1 r x2 / w x2 r x1",
    "w z1 w x1 w y1 / w x2 r z0 r y1 r x2",
    "w x1 / w x2 r x1 r x2",
    "w x1 r y0 w y1 r x1 / w x2 r y0 w y2 r x2",
    "w x1 w y1 / r y1 w x2 / r x2 r x1",
];

/// Others in whose neighbourhood levels part: PRAM and the session guarantees across keys, and reads of two sessions that
/// order writes for a third.
const PARTING: [&str; 5] = [
    "w x1 w y1 / r y1 r x0",
    "w x1 / r x1 w y1 / r y1 r x0",
    "w x1 / w x2 / r x1 r x2 / r x2 r x1",
    "w x1 / w x2 r x1 w y1 / r y1 r x1",
    "w x1 r y0 / w y1 r x0",
];

/// An operation of a session: a write or a read of a key and a value; 0 is the initial one.
#[derive(Clone, Copy)]
pub struct Step {
    writes: bool,
    key: Key,
    value: u64,
}

/// The sessions of a text such as `w x1 r y0 / r x1`.
pub fn parse(text: &str) -> Vec<Vec<Step>> {
    let step = |pair: &[&str]| Step {
        writes: pair[0] == "w",
        key: Key(u32::from(pair[1].as_bytes()[0] - b'x')),
        value: pair[1][1..].parse().expect("a value is a number"),
    };
    text.split('/')
        .map(|session| session.split_whitespace().collect::<Vec<_>>().chunks(2).map(step).collect())
        .collect()
}

/// The sessions as a history: one operation after another, each time of the session that `next` chooses of those that
/// go on.
pub fn lay_out(sessions: &[Vec<Step>], mut next: impl FnMut(&[usize]) -> usize) -> History {
    let mut history = History::new();
    let mut done = vec![0; sessions.len()];
    for now in 1.. {
        let open: Vec<usize> = (0..sessions.len()).filter(|at| done[*at] < sessions[*at].len()).collect();
        if open.is_empty() {
            break;
        }
        let client = next(&open);
        let Step { writes, key, value } = sessions[client][done[client]];
        done[client] += 1;
        let (op, reply) = match writes {
            true => (Op::Write(key, Value(value)), Reply::Written),
            false => (Op::Read(key), Reply::Read(Some(Value(value)).filter(|value| value.0 > 0))),
        };
        let id = history.invoke(ClientId(client as u32), op, Time::from_nanos(now * 2));
        history.complete(id, reply, NodeId(0), Time::from_nanos(now * 2 + 1));
    }
    history
}

/// One of these with a few things changed.
fn near_litmus(stream: &mut Stream) -> History {
    let at = stream.below(10) as usize;
    let mut sessions = parse(if at < 5 { LITMUS[at] } else { PARTING[at - 5] });
    for _ in 0..stream.below(4) {
        let session = stream.below(sessions.len() as u64) as usize;
        if sessions[session].is_empty() {
            continue;
        }
        let at = stream.below(sessions[session].len() as u64) as usize;
        let step = sessions[session][at];
        match (stream.below(3), step.writes) {
            // Another value is read.
            (0, false) => {
                let written = sessions.iter().flatten().filter(|one| one.writes && one.key == step.key);
                let values: Vec<u64> = written.map(|one| one.value).chain([0]).collect();
                sessions[session][at].value = values[stream.below(values.len() as u64) as usize];
            }
            // A read is not there.
            (1, false) => drop(sessions[session].remove(at)),
            // Two change places.
            _ => {
                let with = (at + 1) % sessions[session].len();
                sessions[session].swap(at, with);
            }
        }
    }
    lay_out(&sessions, |open| open[stream.below(open.len() as u64) as usize])
}

/// A small random history of clients that wait: of a register, of copies that are told of writes late, of clients that
/// see anything, or one that is near those which tell the causal levels apart. Each client begins after its last
/// operation has ended. At most `max` operations, but eight near those.
pub fn random_history(seed: u64, max: u64) -> History {
    let mut stream = Stream::new(seed, "levels");
    let kind = stream.below(7);
    if kind == 6 {
        return near_litmus(&mut stream);
    }
    let clients = 2 + stream.below(2);
    let keys = 1 + stream.below(KEYS as u64);
    let (unknown, swaps) = (stream.below(4) == 0, stream.below(3) == 0);
    let count = 2 + stream.below(max - 1);
    let mut history = History::new();
    let mut ends = vec![0; clients as usize];
    // For every client its copy of every key; the first is the register.
    let mut copies = vec![[None::<Value>; KEYS]; clients as usize];
    let mut sent: Vec<(usize, usize, Value)> = Vec::new();
    let mut now = 0;
    let mut blank = Vec::new();
    for value in 1..=count {
        let client = stream.below(clients) as usize;
        now = now.max(ends[client] + 1) + stream.below(2);
        let (key, value) = (stream.below(keys) as usize, Value(value));
        let copy = if kind < 2 { 0 } else { client };
        while !sent.is_empty() && stream.chance(1, 2) {
            let (to, key, value) = sent.remove(if kind == 2 { 0 } else { stream.below(sent.len() as u64) as usize });
            if kind == 2 || copies[to][key] < Some(value) || stream.chance(1, 4) {
                copies[to][key] = Some(value);
            }
        }
        let held = copies[copy][key];
        let op = match stream.below(8) {
            0..3 => Op::Write(Key(key as u32), value),
            3 if swaps => Op::CompareAndSet { key: Key(key as u32), expected: held, new: value },
            4 if swaps => {
                let expected = Some(Value(stream.below(value.0))).filter(|value| value.0 > 0);
                Op::CompareAndSet { key: Key(key as u32), expected, new: value }
            }
            _ => Op::Read(Key(key as u32)),
        };
        let id = history.invoke(ClientId(client as u32), op, Time::from_nanos(now));
        ends[client] = now + stream.below(6);
        let end = Time::from_nanos(ends[client]);
        let fate = if unknown { stream.below(8) } else { 7 };
        if let (1 | 2, Op::Read(_)) = (fate, op) {
            continue;
        }
        let matched = !matches!(op, Op::CompareAndSet { expected, .. } if expected != held);
        if op.written().is_some() && fate != 2 && matched {
            copies[copy][key] = Some(value);
            sent.extend((0..clients as usize).filter(|to| *to != client).map(|to| (to, key, value)));
        }
        match (fate, op) {
            (0, _) => history.fail(id, end),
            (1 | 2, _) => {}
            (_, Op::Read(_)) if kind > 3 => blank.push((id, key, end)),
            (_, Op::Read(_)) => history.complete(id, Reply::Read(held), NodeId(0), end),
            _ if matched => history.complete(id, Reply::Written, NodeId(0), end),
            _ => history.complete(id, Reply::Mismatch(held), NodeId(0), end),
        }
    }
    for (id, key, end) in blank {
        let wrote = |one: &Operation| one.op.key() == Key(key as u32) && one.outcome != Outcome::Fail;
        let mut values: Vec<Option<Value>> =
            history.iter().filter(wrote).filter_map(|one| writes(&one)).map(Some).collect();
        values.push(None);
        if stream.chance(1, 40) {
            values.push(Some(Value(99)));
        }
        let seen = values[stream.below(values.len() as u64) as usize];
        history.complete(id, Reply::Read(seen), NodeId(0), end);
    }
    history
}

/// An order of all writes that happened or may have: as they were invoked but for a few that are exchanged.
pub fn random_order(history: &History, seed: u64) -> VersionOrder {
    let mut stream = Stream::new(seed, "order");
    let mut all: Vec<(Key, Value)> = history
        .iter()
        .filter(|one| one.outcome != Outcome::Fail)
        .filter_map(|one| writes(&one).map(|value| (one.op.key(), value)))
        .collect();
    for _ in 0..if all.is_empty() { 0 } else { stream.below(4) } {
        let (a, b) = (stream.below(all.len() as u64) as usize, stream.below(all.len() as u64) as usize);
        all.swap(a, b);
    }
    let mut order = VersionOrder::new();
    all.into_iter().for_each(|(key, value)| order.push(key, value));
    order
}

/// Runs a test on many histories and all processors; each returns a number to be added up, or what is wrong.
pub fn on_many(count: u64, one: impl Fn(u64) -> Result<u64, String> + Sync) -> u64 {
    let threads = std::thread::available_parallelism().map_or(1, |n| n.get()) as u64;
    let total = AtomicU64::new(0);
    std::thread::scope(|scope| {
        for thread in 0..threads {
            let (one, total) = (&one, &total);
            scope.spawn(move || {
                for seed in (thread..count).step_by(threads as usize) {
                    match one(seed) {
                        Ok(number) => total.fetch_add(number, Ordering::Relaxed),
                        Err(wrong) => panic!("seed {seed}: {wrong}"),
                    };
                }
            });
        }
    });
    total.into_inner()
}
