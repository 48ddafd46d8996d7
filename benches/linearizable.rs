//! How long a verdict takes, by the length of the history and the number of clients, on one key.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::hint::black_box;

use criterion::{BenchmarkId, Criterion, SamplingMode, Throughput, criterion_group, criterion_main};
use riftzone::check::linearizable::linearizable;
use riftzone::check::staleness::staleness;
use riftzone::history::{History, OpId};
use riftzone::id::{ClientId, Key, NodeId, Value};
use riftzone::op::{Op, Reply};
use riftzone::rng::Stream;
use riftzone::time::Time;

const KEY: Key = Key(0);

/// What a client does next.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Step {
    Ask,
    TakeEffect(OpId),
    Hear(OpId, Answer),
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Answer {
    Saw(Option<Value>),
    Written,
    Refused(Option<Value>),
}

/// A linearizable history: a register that clients use at random times. Half of the operations are reads, 20 %
/// compare-and-sets of the value that held when they were asked for, and the rest writes.
fn register_history(operations: usize, clients: u32) -> History {
    let mut stream = Stream::new(1, "bench");
    let mut history = History::new();
    let mut queue: BinaryHeap<Reverse<(u64, u32, Step)>> = BinaryHeap::new();
    for client in 0..clients {
        queue.push(Reverse((stream.below(1_000), client, Step::Ask)));
    }
    let (mut held, mut written) = (None, 0);
    while let Some(Reverse((now, client, step))) = queue.pop() {
        let next = match step {
            Step::Ask if history.len() == operations => continue,
            Step::Ask => {
                let mut fresh = || {
                    written += 1;
                    Value(written)
                };
                let op = match stream.below(10) {
                    0..5 => Op::Read(KEY),
                    5..7 => Op::CompareAndSet { key: KEY, expected: held, new: fresh() },
                    _ => Op::Write(KEY, fresh()),
                };
                Step::TakeEffect(history.invoke(ClientId(client), op, Time::from_nanos(now)))
            }
            Step::TakeEffect(id) => {
                let answer = match history.get(id).op {
                    Op::CompareAndSet { expected, .. } if expected != held => Answer::Refused(held),
                    Op::Read(_) => Answer::Saw(held),
                    op => {
                        held = op.written();
                        Answer::Written
                    }
                };
                Step::Hear(id, answer)
            }
            Step::Hear(id, answer) => {
                let reply = match answer {
                    Answer::Saw(value) => Reply::Read(value),
                    Answer::Written => Reply::Written,
                    Answer::Refused(value) => Reply::Mismatch(value),
                };
                history.complete(id, reply, NodeId(0), Time::from_nanos(now));
                Step::Ask
            }
        };
        queue.push(Reverse((now + stream.below(1_000), client, next)));
    }
    history
}

fn bench(criterion: &mut Criterion) {
    for (name, check) in [
        ("linearizable", (|history| assert!(linearizable(history).is_pass())) as fn(&History)),
        ("staleness", |history| assert!(staleness(history).stale.is_empty())),
    ] {
        let mut group = criterion.benchmark_group(name);
        group.sampling_mode(SamplingMode::Flat).sample_size(10);
        let sizes = [10_000, 100_000, 1_000_000].into_iter();
        let sizes = sizes.flat_map(|operations| [4, 16, 64].map(|clients| (operations, clients)));
        for (operations, clients) in sizes.chain([(10_000_000, 16)]) {
            let history = register_history(operations, clients);
            group.throughput(Throughput::Elements(operations as u64));
            let id = BenchmarkId::new(format!("{clients} clients"), operations);
            group.bench_function(id, |bencher| bencher.iter(|| check(black_box(&history))));
        }
        group.finish();
    }
}

criterion_group!(benches, bench);
criterion_main!(benches);
