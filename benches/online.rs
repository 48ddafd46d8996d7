//! What judging on line costs, by the operation: one hot key, and a thousand keys of which few are hot.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::hint::black_box;

use criterion::{Criterion, SamplingMode, Throughput, criterion_group, criterion_main};
use riftzone::check::linearizable::{self, judge};
use riftzone::check::staleness::{self, staleness};
use riftzone::history::{History, OpId};
use riftzone::id::{ClientId, Key, NodeId, Value};
use riftzone::op::{Op, Reply};
use riftzone::rng::Stream;
use riftzone::time::Time;

/// An event of a run, as its judges are told of it.
#[derive(Clone, Copy)]
enum Event {
    Call { id: OpId, op: Op, at: Time },
    End { id: OpId, op: Op, invoked: Time, reply: Reply, at: Time },
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Step {
    Ask,
    TakeEffect,
    Hear,
}

/// What a client waits for.
#[derive(Clone, Copy)]
struct Waiting {
    id: OpId,
    op: Op,
    invoked: Time,
    reply: Reply,
}

/// Registers that clients use at random times: 80 % reads, 10 % writes, 10 % compare-and-sets of what held when they
/// were asked for. Keys are drawn with a chance of one over their rank.
fn run(operations: usize, clients: u32, keys: usize) -> (History, Vec<Event>) {
    let mut stream = Stream::new(1, "bench");
    let mut ranks: Vec<u64> = Vec::with_capacity(keys);
    for rank in 1..=keys as u64 {
        ranks.push(ranks.last().copied().unwrap_or(0) + 1_000_000_000 / rank);
    }
    let (mut history, mut events) = (History::new(), Vec::new());
    let mut held: Vec<Option<Value>> = vec![None; keys];
    let mut waiting: Vec<Option<Waiting>> = vec![None; clients as usize];
    let mut queue: BinaryHeap<Reverse<(u64, u32, Step)>> = BinaryHeap::new();
    (0..clients).for_each(|client| queue.push(Reverse((stream.below(1_000), client, Step::Ask))));
    let mut written = 0;
    while let Some(Reverse((nanos, client, step))) = queue.pop() {
        let now = Time::from_nanos(nanos);
        let waiting = &mut waiting[client as usize];
        let next = match (step, waiting.as_mut()) {
            (Step::Ask, _) if history.len() == operations => continue,
            (Step::Ask, _) => {
                let draw = stream.below(ranks[keys - 1]);
                let key = Key(ranks.partition_point(|rank| *rank <= draw) as u32);
                let mut fresh = || {
                    written += 1;
                    Value(written)
                };
                let op = match stream.below(10) {
                    0..8 => Op::Read(key),
                    8 => Op::CompareAndSet { key, expected: held[key.index()], new: fresh() },
                    _ => Op::Write(key, fresh()),
                };
                let id = history.invoke(ClientId(client), op, now);
                *waiting = Some(Waiting { id, op, invoked: now, reply: Reply::Written });
                events.push(Event::Call { id, op, at: now });
                Step::TakeEffect
            }
            (Step::TakeEffect, Some(waiting)) => {
                let held = &mut held[waiting.op.key().index()];
                waiting.reply = match waiting.op {
                    Op::CompareAndSet { expected, .. } if expected != *held => Reply::Mismatch(*held),
                    Op::Read(_) => Reply::Read(*held),
                    op => {
                        *held = op.written();
                        Reply::Written
                    }
                };
                Step::Hear
            }
            (Step::Hear, Some(&mut Waiting { id, op, invoked, reply })) => {
                history.complete(id, reply, NodeId(0), now);
                events.push(Event::End { id, op, invoked, reply, at: now });
                Step::Ask
            }
            (_, None) => unreachable!("only a client that has asked waits"),
        };
        queue.push(Reverse((nanos + 1 + stream.below(1_000), client, next)));
    }
    (history, events)
}

fn linearizable_online(events: &[Event]) {
    let mut judge = linearizable::Online::new(1);
    for event in events {
        match *event {
            Event::Call { id, op, at } => judge.invoked(id, op, at),
            Event::End { id, op, invoked, reply, at } => judge.completed(id, op, invoked, reply, at),
        }
    }
    assert!(judge.finish().first.is_none());
}

fn staleness_online(events: &[Event]) {
    let mut judge = staleness::Online::new(1);
    for event in events {
        match *event {
            Event::Call { op, .. } => judge.invoked(op),
            Event::End { op, invoked, reply, at, .. } => drop(judge.completed(op, invoked, reply, at)),
        }
    }
    assert_eq!(judge.stale(), 0);
}

fn bench(criterion: &mut Criterion) {
    const OPERATIONS: usize = 1_000_000;
    for (name, clients, keys) in [("one key, 16 clients", 16, 1), ("1000 keys, 64 clients", 64, 1_000)] {
        let (history, events) = run(OPERATIONS, clients, keys);
        let mut group = criterion.benchmark_group(name);
        group.sampling_mode(SamplingMode::Flat).sample_size(10).throughput(Throughput::Elements(OPERATIONS as u64));
        group.bench_function("linearizable on line", |b| b.iter(|| linearizable_online(black_box(&events))));
        group.bench_function("linearizable", |b| b.iter(|| assert!(judge(black_box(&history)).verdict.is_pass())));
        group.bench_function("staleness on line", |b| b.iter(|| staleness_online(black_box(&events))));
        group.bench_function("staleness", |b| b.iter(|| assert!(staleness(black_box(&history)).stale.is_empty())));
        group.finish();
    }
}

criterion_group!(benches, bench);
criterion_main!(benches);
