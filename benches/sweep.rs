//! Many seeds on one thread and on two, beside two threads that only spin: what a second core gives, and what the machine
//! itself gives.
//!
//! Seeds share nothing, so a sweep on two threads should take half the time; but two cores of one machine share caches,
//! clock and power. *Efficiency* is the time on one thread over twice the time on two; that of a sweep, over that of loops
//! that touch no memory, is what the sweep itself loses. The four are taken in turns, and the median over rounds printed.
//! Results must be the same on one thread and on two.

#![allow(clippy::disallowed_types, reason = "a bench reads a clock")]

use std::hint::black_box;
use std::thread;
use std::time::{Duration, Instant};

use criterion::{BenchmarkId, Criterion, Throughput};
use rayon::{ThreadPool, ThreadPoolBuilder};
use riftzone::explore::seeds::{Progress, SeedResult, sweep};
use riftzone::scenario::{Design, Scenario};

/// Enough that the last run of a thread, for which the other waits, is a hundredth of its work.
const SEEDS: u64 = 60;
const ROUNDS: usize = 7;
/// About as long as the sweep.
const SPINS: u64 = 400_000_000;

struct Sweep {
    scenario: Scenario,
    seeds: Vec<u64>,
}

impl Sweep {
    fn run(&self, pool: &ThreadPool) -> Vec<Vec<SeedResult>> {
        let designs: Vec<&Design> = self.scenario.designs.iter().collect();
        pool.install(|| sweep(&self.scenario, &designs, &self.seeds, &Progress::default()))
    }

    fn runs(&self) -> u64 {
        (self.scenario.designs.len() * self.seeds.len()) as u64
    }
}

/// So many steps, each of which needs the one before, in registers.
fn spin(steps: u64) -> u64 {
    (0..steps).fold(black_box(1), |word: u64, _| word.wrapping_mul(0x5851_f42d_4c95_7f2d).rotate_left(17))
}

fn spin_on_two(steps: u64) {
    thread::scope(|scope| {
        let other = scope.spawn(|| black_box(spin(steps / 2)));
        black_box(spin(steps / 2));
        other.join().expect("it only counts");
    });
}

fn seconds(work: impl FnOnce()) -> f64 {
    let begun = Instant::now();
    work();
    begun.elapsed().as_secs_f64()
}

fn median(mut figures: Vec<f64>) -> f64 {
    figures.sort_by(f64::total_cmp);
    figures[figures.len() / 2]
}

/// Prints the efficiency of a sweep and of spinning.
fn efficiency(work: &Sweep, [one, two]: [&ThreadPool; 2]) {
    let (mut spins, mut sweeps, mut parts) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        let spin_one = seconds(|| _ = black_box(spin(SPINS)));
        let spin_two = seconds(|| spin_on_two(SPINS));
        let sweep_one = seconds(|| drop(black_box(work.run(one))));
        let sweep_two = seconds(|| drop(black_box(work.run(two))));
        spins.push(spin_one / (2.0 * spin_two));
        sweeps.push(sweep_one / (2.0 * sweep_two));
        parts.push((sweep_one / sweep_two) / (spin_one / spin_two));
    }
    println!(
        "efficiency of two threads, median of {ROUNDS} rounds: spinning {:.3}, sweep {:.3}, sweep over spinning {:.3}\n",
        median(spins),
        median(sweeps),
        median(parts)
    );
}

fn main() {
    let text = include_str!("../scenarios/region-loss.toml");
    let scenario = Scenario::parse(text, "region-loss.toml").expect("it is a scenario");
    let work = Sweep { scenario, seeds: (1..=SEEDS).collect() };
    let pool = |threads| ThreadPoolBuilder::new().num_threads(threads).build().expect("threads can be had");
    let (one, two) = (pool(1), pool(2));
    assert_eq!(format!("{:?}", work.run(&one)), format!("{:?}", work.run(&two)), "the same on any number of threads");
    efficiency(&work, [&one, &two]);

    let mut criterion = Criterion::default().configure_from_args();
    let mut group = criterion.benchmark_group("sweep");
    group.throughput(Throughput::Elements(work.runs())).sample_size(10);
    group.warm_up_time(Duration::from_millis(500)).measurement_time(Duration::from_secs(2));
    for (threads, pool) in [(1, &one), (2, &two)] {
        let id = BenchmarkId::new("threads", threads);
        group.bench_function(id, |bencher| bencher.iter(|| black_box(work.run(pool))));
    }
    group.finish();
    criterion.final_summary();
}
