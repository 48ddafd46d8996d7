//! How long the search takes, by the number of clients, on one register: with values that name their write, and with
//! few values that are written over and over.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::hint::black_box;

use criterion::{BenchmarkId, Criterion, SamplingMode, Throughput, criterion_group, criterion_main};
use riftzone::check::wgl::model::{Register, RegisterInput, RegisterOutput};
use riftzone::check::wgl::{Call, CallOf, Effort, Ruling, judge};
use riftzone::history::OpId;
use riftzone::rng::Stream;
use riftzone::time::Time;

const OPERATIONS: usize = 10_000;

/// What a client does next.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Step {
    Ask,
    TakeEffect(usize),
    Hear(usize),
}

/// A linearizable history: half of the operations are reads, 20 % compare-and-sets of the value that held when they were
/// asked for, and the rest writes; values are below `values`.
fn register_calls(clients: u64, values: u64) -> Vec<CallOf<Register>> {
    let mut stream = Stream::new(1, "bench");
    let mut calls: Vec<CallOf<Register>> = Vec::new();
    let mut queue: BinaryHeap<Reverse<(u64, u64, Step)>> = BinaryHeap::new();
    for client in 0..clients {
        queue.push(Reverse((stream.below(1_000), client, Step::Ask)));
    }
    let (mut held, mut written) = (None, 0);
    while let Some(Reverse((now, client, step))) = queue.pop() {
        let next = match step {
            Step::Ask if calls.len() == OPERATIONS => continue,
            Step::Ask => {
                written += 1;
                let new = Some(written % values);
                let input = match stream.below(10) {
                    0..5 => RegisterInput::Read,
                    5..7 => RegisterInput::CompareAndSet(held, new),
                    _ => RegisterInput::Write(new),
                };
                calls.push(Call::unknown(OpId(calls.len() as u32), input, Time::from_nanos(now)));
                Step::TakeEffect(calls.len() - 1)
            }
            Step::TakeEffect(id) => {
                let answer = match calls[id].input {
                    RegisterInput::Read => RegisterOutput::Read(held),
                    RegisterInput::CompareAndSet(expected, _) if expected != held => RegisterOutput::RefusedFor(held),
                    RegisterInput::Write(new) | RegisterInput::CompareAndSet(_, new) => {
                        held = new;
                        RegisterOutput::Written
                    }
                };
                calls[id].output = Some(answer);
                Step::Hear(id)
            }
            Step::Hear(id) => {
                calls[id].completed = Time::from_nanos(now);
                Step::Ask
            }
        };
        queue.push(Reverse((now + 1 + stream.below(1_000), client, next)));
    }
    calls
}

fn ten_thousand_operations(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("wgl");
    group.sampling_mode(SamplingMode::Flat).sample_size(10).throughput(Throughput::Elements(OPERATIONS as u64));
    for (name, values) in [("unique values", u64::MAX), ("five values", 5)] {
        for clients in [4, 8, 16] {
            let calls = register_calls(clients, values);
            let judged = judge(&Register, &calls, Effort::default());
            assert!(matches!(judged.ruling, Ruling::Linearizable(_)), "{name}, {clients} clients");
            eprintln!("{name}, {clients} clients: {} steps", judged.steps);
            group.bench_with_input(BenchmarkId::new(name, clients), &calls, |bencher, calls| {
                bencher.iter(|| black_box(judge(&Register, calls, Effort::default()).steps));
            });
        }
    }
    group.finish();
}

criterion_group!(benches, ten_thousand_operations);
criterion_main!(benches);
