//! How long the levels take on a million operations of a hundred sessions, and how much memory: causal, sessions,
//! sequential, Δ and k.

use std::hint::black_box;
use std::time::Duration;

use criterion::{Criterion, SamplingMode, Throughput, criterion_group, criterion_main};
use riftzone::check::causal::convergence;
use riftzone::check::order::VersionOrder;
use riftzone::check::sequential;
use riftzone::check::session::sessions;
use riftzone::check::staleness::{delta, versions_behind, versions_behind_in};
use riftzone::history::{History, OpId};
use riftzone::id::{ClientId, Key, NodeId, Value};
use riftzone::op::{Op, Reply};
use riftzone::rng::Stream;
use riftzone::time::Time;

const OPERATIONS: usize = 1_000_000;
const SESSIONS: u64 = 100;
const REPLICAS: usize = 5;

/// A causally convergent history: clients of five replicas, each of which takes over what another has at random times, the
/// last writer winning. Half of the operations are reads. Also the order of the versions.
fn replicated(keys: u64, share: u64) -> (History, VersionOrder) {
    let mut stream = Stream::new(1, "bench");
    let (mut history, mut order) = (History::new(), VersionOrder::new());
    let mut copies = vec![vec![None::<Value>; keys as usize]; REPLICAS];
    let mut open: Vec<Option<(OpId, Reply)>> = vec![None; SESSIONS as usize];
    for now in 0..OPERATIONS as u64 {
        let client = stream.below(SESSIONS) as usize;
        if let Some((id, reply)) = open[client].take() {
            history.complete(id, reply, NodeId(0), Time::from_nanos(now * 2));
        }
        let replica = client % REPLICAS;
        if stream.chance(1, share) {
            let from = stream.below(REPLICAS as u64) as usize;
            let theirs = copies[from].clone();
            copies[replica].iter_mut().zip(theirs).for_each(|(ours, theirs)| *ours = (*ours).max(theirs));
        }
        let key = stream.below(keys);
        let held = &mut copies[replica][key as usize];
        let (op, reply) = if stream.chance(1, 2) {
            let value = Value(now + 1);
            *held = Some(value);
            order.push(Key(key as u32), value);
            (Op::Write(Key(key as u32), value), Reply::Written)
        } else {
            (Op::Read(Key(key as u32)), Reply::Read(*held))
        };
        let id = history.invoke(ClientId(client as u32), op, Time::from_nanos(now * 2 + 1));
        open[client] = Some((id, reply));
    }
    for (id, reply) in open.into_iter().flatten() {
        history.complete(id, reply, NodeId(0), Time::from_nanos(OPERATIONS as u64 * 2));
    }
    (history, order)
}

/// The same history, but one client reads once more what it had read long before.
fn spoiled(history: &History) -> History {
    let mut spoiled = History::new();
    let mut first = None;
    let mut done = false;
    for operation in history.iter() {
        let id = spoiled.invoke(operation.client, operation.op, operation.invoked);
        let mut reply = operation.reply.expect("every operation is answered");
        if let (Op::Read(_), Reply::Read(Some(_))) = (operation.op, reply) {
            match first {
                None => first = Some((operation.client, operation.op, reply)),
                Some((client, op, old)) if !done && (client, op) == (operation.client, operation.op) => {
                    if id.0 as usize > OPERATIONS / 10 * 9 {
                        (reply, done) = (old, true);
                    }
                }
                Some(_) => {}
            }
        }
        spoiled.complete(id, reply, NodeId(0), operation.completed);
    }
    assert!(done);
    spoiled
}

/// The most memory that this process has had, in megabytes, where the system tells.
fn peak_megabytes() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
    line.split_whitespace().nth(1)?.parse::<u64>().ok().map(|kilobytes| kilobytes / 1_024)
}

fn bench(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("levels, 1,000,000 operations, 100 sessions");
    group.sampling_mode(SamplingMode::Flat).sample_size(10).warm_up_time(Duration::from_millis(100));
    group.throughput(Throughput::Elements(OPERATIONS as u64));
    for (keys, share) in [(1, 10), (100, 10)] {
        let (history, order) = replicated(keys, share);
        let mut run = |name: &str, history: &History, check: &dyn Fn(&History)| {
            group.bench_function(format!("{name}, {keys} keys"), |bencher| bencher.iter(|| check(black_box(history))));
            if let Some(peak) = peak_megabytes() {
                println!("peak memory so far: {peak} MB");
            }
        };
        run("delta", &history, &|history| assert!(delta(history).is_ok_and(|found| found.least.is_some())));
        run("k, of the store's order", &history, &|history| assert!(versions_behind_in(history, &order).is_ok()));
        run("k, bounds", &history, &|history| assert!(versions_behind(history).is_ok()));
        let all_pass = |order| {
            move |history: &History| {
                assert!(sessions(history, order).tallies.iter().all(|tally| tally.verdict.is_pass()));
            }
        };
        run("four session guarantees, white box", &history, &all_pass(Some(&order)));
        run("four session guarantees, black box", &history, &all_pass(None));
        run("CC and CCv", &history, &|history| assert!(convergence(history, None).convergence.verdict.is_pass()));
        run("CC and CCv, white box", &history, &|history| {
            assert!(convergence(history, Some(&order)).convergence.verdict.is_pass());
        });
        run("sequential, white box", &history, &|history| {
            // With one key, sessions see versions in one order; with more, some are behind on one key and not on another.
            assert_eq!(sequential::judge(history, Some(&order)).verdict.is_pass(), keys == 1);
        });
        let spoiled = spoiled(&history);
        run("four session guarantees, black box, one broken", &spoiled, &|history| {
            assert!(sessions(history, None).tallies.iter().any(|tally| tally.verdict.is_fail()));
        });
        run("CC and CCv, both broken", &spoiled, &|history| {
            let found = convergence(history, None);
            assert!(found.causal.verdict.is_fail() && found.convergence.verdict.is_fail());
        });
    }
    group.finish();
}

criterion_group!(benches, bench);
criterion_main!(benches);
