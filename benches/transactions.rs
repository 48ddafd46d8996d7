//! How long the levels of transactions take, by the length of the history: serializable histories of 20 sessions.

use std::hint::black_box;

use criterion::{BenchmarkId, Criterion, SamplingMode, Throughput, criterion_group, criterion_main};
use riftzone::check::transactions::{Level, Options, SessionId, Status, Transactions, anomalies, check, judge};
use riftzone::id::{Key, Value};
use riftzone::rng::Stream;
use riftzone::time::Time;

const SESSIONS: u64 = 20;
/// A list lives for as many appends: each is read whole.
const LIST_LENGTH: u64 = 32;

/// What the micro-operations are about.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Lists,
    /// Registers whose writes follow reads: the order of versions is known.
    Registers,
}

/// Transactions of four micro-operations on two keys, each at one instant, with calls and answers around it.
fn serializable(kind: Kind, transactions: u64) -> Transactions {
    let mut stream = Stream::new(1, "bench");
    let mut history = Transactions::new();
    let mut lists: Vec<Vec<Value>> = vec![Vec::new(); 64];
    let mut names: Vec<u32> = (0..64).collect();
    let mut used = 64;
    for one in 0..transactions {
        let session = SessionId((one % SESSIONS) as u32);
        let id = history.begin(session, Status::Committed);
        let now = one * 10 + SESSIONS * 5;
        history.set_times(
            id,
            Time::from_nanos(now - stream.below(SESSIONS * 5)),
            Time::from_nanos(now + stream.below(SESSIONS * 5)),
        );
        let first = stream.below(64);
        for slot in [first, (first + 1 + stream.below(63)) % 64] {
            let slot = slot as usize;
            if lists[slot].len() as u64 == LIST_LENGTH {
                lists[slot].clear();
                names[slot] = used;
                used += 1;
            }
            let (key, writes) = (Key(names[slot]), stream.chance(1, 2));
            match kind {
                Kind::Lists => history.read_list(key, &lists[slot]),
                Kind::Registers => history.read(key, lists[slot].last().copied()),
            }
            if writes {
                lists[slot].push(Value(one));
                if kind == Kind::Lists { history.append(key, Value(one)) } else { history.write(key, Value(one)) }
            }
        }
    }
    history
}

fn levels(c: &mut Criterion) {
    let mut group = c.benchmark_group("transactions");
    group.sample_size(10).sampling_mode(SamplingMode::Flat);
    for transactions in [100_000, 1_000_000] {
        for (name, kind) in [("lists", Kind::Lists), ("registers", Kind::Registers)] {
            let history = serializable(kind, transactions);
            group.throughput(Throughput::Elements(transactions));
            for level in [
                Level::ReadCommitted,
                Level::SessionReadCommitted,
                Level::ReadAtomic,
                Level::Causal,
                Level::SnapshotIsolation,
                Level::Serializable,
                Level::StrictSerializable,
            ] {
                let id = BenchmarkId::new(format!("{name}/{level}"), transactions);
                group.bench_with_input(id, &history, |b, history| {
                    b.iter(|| assert!(check(black_box(history), level, &Options::default()).is_pass()));
                });
            }
            group.bench_with_input(
                BenchmarkId::new(format!("{name}/anomalies"), transactions),
                &history,
                |b, history| {
                    b.iter(|| assert!(anomalies(black_box(history), &Options::default()).is_empty()));
                },
            );
            group.bench_with_input(
                BenchmarkId::new(format!("{name}/every-level"), transactions),
                &history,
                |b, history| {
                    let all = |history| judge(history, &Options::default());
                    b.iter(|| assert_eq!(all(black_box(history)).strongest(), [Level::StrictSerializable]));
                },
            );
        }
    }
    group.finish();
}

criterion_group!(benches, levels);
criterion_main!(benches);
