//! The whole engine at its least work: tokens round a ring of five nodes, with jitter, digest, monitors and judges.
//!
//! One unit is a hop: one message sent, delayed, delivered and handled. `benches/peers` runs the same on other simulators.

#[allow(dead_code, reason = "each bench uses its own part")]
#[path = "workloads/mod.rs"]
mod workloads;

use std::hint::black_box;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use riftzone::time::Duration;
use workloads::{DELAY_MAX, ring};

/// Hops in one iteration, of all tokens together.
const HOPS: u32 = 300_000;

fn bench(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("ring");
    group.throughput(Throughput::Elements(HOPS.into())).sample_size(10);
    group.warm_up_time(std::time::Duration::from_millis(500)).measurement_time(std::time::Duration::from_secs(2));
    for tokens in [5, 1_000, 100_000] {
        let hops = HOPS / tokens;
        let simulated: Duration = DELAY_MAX * u64::from(hops);
        let messages = ring::run(tokens, hops, simulated).traffic.messages;
        assert_eq!(messages, u64::from(HOPS), "every token makes its hops");
        let id = BenchmarkId::new("tokens", tokens);
        group.bench_function(id, |bencher| bencher.iter(|| black_box(ring::run(tokens, hops, simulated))));
    }
    group.finish();
}

criterion_group!(benches, bench);
criterion_main!(benches);
