//! The hold model: the earliest event is taken and one is added a delay later, with so many always pending. Ours beside the
//! standard library's heap, whose entries hold time, sequence and payload.
//!
//! 27 of 32 delays are messages' (30 to 100 ms), three are timers of 10 ms, two of 500 ms; to the nanosecond, or in whole
//! milliseconds, where thousands of events share an instant. Both queues must pop in the same order, which is checked.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::hint::black_box;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use riftzone::rng::Stream;
use riftzone::sim::Queue;
use riftzone::time::{Duration, Time};

const MILLISECOND: u64 = 1_000_000;
/// Holds in one iteration.
const HOLDS: u64 = 100_000;

type Payload = [u64; 4];

/// What both queues can do.
trait Pending {
    fn push(&mut self, at: Time, event: Payload);
    fn pop(&mut self) -> (Time, Payload);
}

impl Pending for Queue<Payload> {
    fn push(&mut self, at: Time, event: Payload) {
        Queue::push(self, at, event);
    }

    fn pop(&mut self) -> (Time, Payload) {
        Queue::pop(self).expect("there are always as many")
    }
}

/// The standard heap, with a sequence that keeps equal times in order.
#[derive(Default)]
struct Standard {
    heap: BinaryHeap<Reverse<(Time, u64, Payload)>>,
    added: u64,
}

impl Pending for Standard {
    fn push(&mut self, at: Time, event: Payload) {
        self.added += 1;
        self.heap.push(Reverse((at, self.added, event)));
    }

    fn pop(&mut self) -> (Time, Payload) {
        let Reverse((at, _, event)) = self.heap.pop().expect("there are always as many");
        (at, event)
    }
}

/// A table of delays: drawing them must cost next to nothing.
fn delays(whole_milliseconds: bool) -> Vec<Duration> {
    let mut stream = Stream::new(1, "delays");
    let draw = |_| match stream.below(32) {
        0..27 if whole_milliseconds => Duration::millis(30 + stream.below(71)),
        0..27 => Duration::nanos(30 * MILLISECOND + stream.below(70 * MILLISECOND)),
        27..30 => Duration::millis(10),
        _ => Duration::millis(500),
    };
    (0..4096).map(draw).collect()
}

/// A queue with `pending` events, and the steps that it takes.
struct Hold<Q> {
    queue: Q,
    delays: Vec<Duration>,
    steps: usize,
}

impl<Q: Pending + Default> Hold<Q> {
    fn new(pending: u64, whole_milliseconds: bool) -> Hold<Q> {
        let mut hold = Hold { queue: Q::default(), delays: delays(whole_milliseconds), steps: 0 };
        let mut stream = Stream::new(2, "begin");
        for event in 0..pending {
            let nanos = stream.below(100 * MILLISECOND);
            let nanos = if whole_milliseconds { nanos / MILLISECOND * MILLISECOND } else { nanos };
            hold.queue.push(Time::from_nanos(nanos), [event; 4]);
        }
        hold.run(2 * pending);
        hold
    }

    /// So many holds; returns what tells one order from another.
    fn run(&mut self, holds: u64) -> u64 {
        let mut order = 0_u64;
        for _ in 0..holds {
            let (at, mut event) = self.queue.pop();
            self.steps = (self.steps + 1) % self.delays.len();
            event[0] = event[0].wrapping_add(at.as_nanos());
            order = order.rotate_left(5) ^ event[0] ^ at.as_nanos();
            self.queue.push(at + self.delays[self.steps], event);
        }
        order
    }
}

fn bench(criterion: &mut Criterion) {
    for (name, whole) in [("hold, to the nanosecond", false), ("hold, whole milliseconds", true)] {
        let mut group = criterion.benchmark_group(name);
        group.throughput(Throughput::Elements(HOLDS)).sample_size(20);
        for pending in [100, 10_000, 1_000_000] {
            let mut ours = Hold::<Queue<Payload>>::new(pending, whole);
            let mut standard = Hold::<Standard>::new(pending, whole);
            assert_eq!(ours.run(HOLDS), standard.run(HOLDS), "both pop in the same order");
            group.bench_function(BenchmarkId::new("ours", pending), |b| b.iter(|| black_box(ours.run(HOLDS))));
            group.bench_function(BenchmarkId::new("standard", pending), |b| b.iter(|| black_box(standard.run(HOLDS))));
        }
        group.finish();
    }
}

criterion_group!(benches, bench);
criterion_main!(benches);
