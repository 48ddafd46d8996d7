//! The checker of transactions against the definitions: random small histories, every level, and every commit order of
//! each.
//!
//! The reference below knows nothing of graphs. It plays every commit order of the transactions that committed, with
//! and without those whose outcome is unknown, and holds each against the axioms of Biswas & Enea. Counterexamples and
//! anomalies are held to what they promise in the same way.
//!
//! `HISTORIES=10000000 cargo test --release --test transactions_brute_force` looks at ten million, for minutes.

#[path = "support/size.rs"]
mod size;

use std::sync::atomic::{AtomicU64, Ordering};

use riftzone::check::transactions::{
    AnomalyKind, Level, MicroOp, Options, SessionId, Status, TransactionId, TransactionJudgement, TransactionVerdict,
    Transactions, excerpt, judge,
};
use riftzone::id::{Key, Value};
use riftzone::rng::Stream;
use riftzone::time::Time;

const KEYS: usize = 3;

/// Whether a transaction sees another one at a read, counted from its first.
type Sees<'a> = &'a dyn Fn(usize, usize, usize) -> bool;
type Sources = Vec<Vec<(usize, Option<usize>)>>;

/// One choice of who has committed, in one order.
struct World<'h> {
    history: &'h Transactions,
    /// By transaction and key: what it wrote.
    written: &'h [Vec<Vec<Value>>],
    /// Transactions, in the commit order.
    order: &'h [usize],
    /// By transaction: its place in the order.
    place: [usize; 8],
}

fn status(history: &Transactions, one: usize) -> Status {
    history.status(TransactionId(one as u32))
}

fn ops(history: &Transactions, one: usize) -> Vec<MicroOp<'_>> {
    history.ops(TransactionId(one as u32)).collect()
}

fn written(history: &Transactions, one: usize, key: usize) -> Vec<Value> {
    let write = |op| match op {
        MicroOp::Write(at, value) | MicroOp::Append(at, value) if at.index() == key => Some(value),
        _ => None,
    };
    ops(history, one).into_iter().filter_map(write).collect()
}

impl World<'_> {
    fn writes(&self, one: usize, key: usize) -> bool {
        !self.written[one][key].is_empty()
    }

    fn is_before(&self, one: usize, other: usize) -> bool {
        self.place[one] < self.place[other]
    }

    /// From whom each external read reads: a version that was committed, last of its transaction, or the initial one.
    /// None where a read shows something else.
    fn sources(&self) -> Option<Sources> {
        (0..self.history.len()).map(|one| self.sources_of(one)).collect()
    }

    fn sources_of(&self, one: usize) -> Option<Vec<(usize, Option<usize>)>> {
        let mut found = Vec::new();
        let mut own: Vec<Vec<Value>> = vec![Vec::new(); KEYS];
        if status(self.history, one) != Status::Committed {
            return Some(found);
        }
        for op in ops(self.history, one) {
            let key = op.key().index();
            match op {
                MicroOp::Write(_, value) | MicroOp::Append(_, value) => own[key].push(value),
                MicroOp::Read(_, seen) if !own[key].is_empty() => {
                    (own[key].last().copied() == seen).then_some(())?;
                }
                MicroOp::Read(_, None) => found.push((key, None)),
                MicroOp::Read(_, Some(value)) => {
                    let wrote = |other: &usize| self.written[*other][key].last() == Some(&value);
                    found.push((key, Some(self.order.iter().copied().filter(|other| *other != one).find(wrote)?)));
                }
                MicroOp::ReadList(_, seen) => {
                    let others = seen.strip_suffix(&own[key][..])?;
                    let (mut list, mut from, mut writers) = (Vec::<Value>::new(), None, self.order.iter());
                    while list.len() < others.len() {
                        let writer = *writers.next()?;
                        list.extend(&self.written[writer][key]);
                        from = if self.writes(writer, key) { Some(writer) } else { from };
                        (writer != one || !self.writes(writer, key)).then_some(())?;
                    }
                    (list == others).then_some(())?;
                    found.push((key, from));
                }
            }
        }
        Some(found)
    }

    fn sessions(&self, one: usize, other: usize) -> bool {
        let session = |id: usize| self.history.session(TransactionId(id as u32));
        one < other && session(one) == session(other)
    }

    fn real_time(&self, one: usize, other: usize) -> bool {
        let (one, other) = (TransactionId(one as u32), TransactionId(other as u32));
        self.history.completed(one) < self.history.invoked(other)
    }

    /// The version orders that are given or declared are part of the commit order. What the longest list shows, if it
    /// shows no element twice, is in order, and what it does not show comes after.
    fn versions_agree(&self) -> bool {
        (0..KEYS).all(|key| {
            let given = self.history.version_order(Key(key as u32)).map(<[Value]>::to_vec);
            let order = given.unwrap_or_else(|| self.longest(key));
            let writer = |value: &Value| self.order.iter().copied().find(|one| self.written[*one][key].contains(value));
            let places: Vec<usize> = order.iter().filter_map(writer).map(|one| self.place[one]).collect();
            let last = places.iter().max().copied();
            let unseen = |one: &usize| {
                let mine = &self.written[*one][key];
                let is_list =
                    ops(self.history, *one).iter().any(|op| matches!(op, MicroOp::Append(at, _) if at.index() == key));
                is_list && mine.iter().any(|value| !order.contains(value))
            };
            let tail = self.order.iter().filter(|one| unseen(one)).all(|one| Some(self.place[*one]) >= last);
            let twice = |list: &[Value]| (1..list.len()).any(|at| list[..at].contains(&list[at]));
            let lists = self.lists(key);
            places.is_sorted() && tail && !lists.iter().any(|list| twice(list))
        })
    }

    /// The external parts of every list that was read.
    fn lists(&self, key: usize) -> Vec<Vec<Value>> {
        let mut lists = Vec::new();
        for one in (0..self.history.len()).filter(|one| status(self.history, *one) == Status::Committed) {
            let mut own = Vec::new();
            for op in ops(self.history, one).into_iter().filter(|op| op.key().index() == key) {
                match op {
                    MicroOp::Append(_, value) => own.push(value),
                    MicroOp::ReadList(_, seen) => lists.extend(seen.strip_suffix(&own[..]).map(<[Value]>::to_vec)),
                    _ => {}
                }
            }
        }
        lists
    }

    fn longest(&self, key: usize) -> Vec<Value> {
        let lists = self.lists(key);
        lists.iter().rev().max_by_key(|list| list.len()).cloned().unwrap_or_default()
    }

    /// The axiom that all levels share: of the writers of `x` that `sees` says `t` sees, none is newer than the one it
    /// reads from.
    fn newest(&self, sources: &Sources, sees: Sees) -> bool {
        self.order.iter().all(|&reader| {
            sources[reader].iter().enumerate().all(|(at, (key, from))| {
                let others = self.order.iter().filter(|other| Some(**other) != *from && **other != reader);
                let mut seen = others.filter(|other| self.writes(**other, *key) && sees(**other, reader, at));
                seen.all(|other| from.is_some_and(|from| self.is_before(*other, from)))
            })
        })
    }

    /// The levels that this order shows to hold.
    fn levels(&self) -> Vec<Level> {
        let mut held = Vec::new();
        if !self.versions_agree() {
            return held;
        }
        if self.follows_reads() {
            held.push(Level::ReadUncommitted);
        }
        let Some(sources) = self.sources() else { return held };
        let pairs = || self.order.iter().flat_map(|one| self.order.iter().map(move |other| (*one, *other)));
        let reads_from = |one: usize, other: usize| sources[other].iter().any(|read| read.1 == Some(one));
        let within = |relation: &dyn Fn(usize, usize) -> bool| {
            pairs().all(|(one, other)| !relation(one, other) || self.is_before(one, other))
        };
        if !within(&reads_from) {
            return held;
        }
        held.push(Level::ReadCommitted);
        let (sessions, real_time) = (|a, b| self.sessions(a, b), |a, b| self.sessions(a, b) || self.real_time(a, b));
        let none = |_: usize, _: usize| false;
        self.snapshots(&sources, &none, Level::SnapshotIsolation, Level::Serializable, &mut held);
        if held.contains(&Level::Serializable) {
            held.push(Level::RepeatableRead);
        }
        if within(&sessions) {
            let direct = |one: usize, other: usize| sessions(one, other) || reads_from(one, other);
            let mut past = [[false; 8]; 8];
            for &other in self.order {
                for &middle in self.order.iter().filter(|middle| direct(**middle, other)) {
                    past[middle][other] = true;
                    (0..8).for_each(|one| past[one][other] |= past[one][middle]);
                }
            }
            let earlier =
                |one: usize, reader: usize, at: usize| sources[reader][..at].iter().any(|read| read.1 == Some(one));
            let levels: [(Level, Sees); 3] = [
                (Level::SessionReadCommitted, &earlier),
                (Level::ReadAtomic, &|one, reader, _| direct(one, reader)),
                (Level::Causal, &|one, reader, _| past[one][reader]),
            ];
            held.extend(levels.iter().filter(|(_, sees)| self.newest(&sources, sees)).map(|level| level.0));
            self.snapshots(&sources, &sessions, Level::SessionSnapshotIsolation, Level::SessionSerializable, &mut held);
        }
        if within(&real_time) {
            self.snapshots(&sources, &real_time, Level::StrongSnapshotIsolation, Level::StrictSerializable, &mut held);
        }
        held
    }

    /// Prefix consistency, snapshot isolation and serializability, where a snapshot has all that `relation` says.
    fn snapshots(
        &self,
        sources: &Sources,
        relation: &dyn Fn(usize, usize) -> bool,
        snapshot: Level,
        serial: Level,
        held: &mut Vec<Level>,
    ) {
        let reads_from = |one: usize, other: usize| sources[other].iter().any(|read| read.1 == Some(one));
        let upto = |one: usize, other: usize| self.place[one] <= self.place[other];
        let prefix = |one: usize, reader: usize| {
            let mut seen = self.order.iter().filter(|seen| reads_from(**seen, reader) || relation(**seen, reader));
            seen.any(|seen| upto(one, *seen))
        };
        let conflict = |one: usize, reader: usize| {
            let rivals = self.order.iter().filter(|rival| self.is_before(**rival, reader) && upto(one, **rival));
            let both = |rival: usize| (0..KEYS).any(|key| self.writes(rival, key) && self.writes(reader, key));
            rivals.into_iter().any(|rival| both(*rival))
        };
        if self.newest(sources, &|one, reader, _| prefix(one, reader)) && snapshot == Level::SessionSnapshotIsolation {
            held.push(Level::Prefix);
        }
        if self.newest(sources, &|one, reader, _| prefix(one, reader) || conflict(one, reader)) {
            held.push(snapshot);
        }
        if self.newest(sources, &|one, reader, _| self.is_before(one, reader)) {
            held.push(serial);
        }
    }

    /// What a transaction read from a register that it then wrote is older: declared of registers by default.
    fn follows_reads(&self) -> bool {
        self.order.iter().all(|&one| {
            let mut own = [false; KEYS];
            status(self.history, one) != Status::Committed
                || ops(self.history, one).iter().all(|op| match *op {
                    MicroOp::Write(key, _) => {
                        own[key.index()] = true;
                        true
                    }
                    MicroOp::Read(key, Some(value)) if !own[key.index()] && self.writes(one, key.index()) => {
                        let is_given = self.history.version_order(key).is_some();
                        let mut others = self.order.iter().filter(|other| **other != one);
                        let from = others.find(|other| self.written[**other][key.index()].contains(&value));
                        is_given || from.is_none_or(|from| self.is_before(*from, one))
                    }
                    _ => true,
                })
        })
    }
}

/// The levels that a history meets: those that some order of the committed and some unknown transactions shows.
fn by_definition(history: &Transactions) -> Vec<Level> {
    let written: Vec<Vec<Vec<Value>>> =
        (0..history.len()).map(|one| (0..KEYS).map(|key| written(history, one, key)).collect()).collect();
    let unknown: Vec<usize> = (0..history.len()).filter(|one| status(history, *one) == Status::Unknown).collect();
    let listed = |one: usize| {
        let mut keys = (0..KEYS).filter_map(|key| Some((key, history.version_order(Key(key as u32))?)));
        keys.any(|(key, order)| written[one][key].iter().any(|value| order.contains(value)))
    };
    // Who was seen has committed, whatever the reader's level.
    let is_seen = |one: usize| {
        let readers =
            (0..history.len()).filter(|reader| *reader != one && status(history, *reader) == Status::Committed);
        let mut reads = readers.flat_map(|reader| ops(history, reader));
        reads.any(|op| match op {
            MicroOp::Read(key, Some(value)) => written[one][key.index()].contains(&value),
            MicroOp::ReadList(key, list) => written[one][key.index()].iter().any(|value| list.contains(value)),
            _ => false,
        })
    };
    let must: Vec<usize> = unknown.iter().copied().filter(|one| listed(*one) || is_seen(*one)).collect();
    let mut held = Vec::new();
    for subset in 0..1_usize << unknown.len() {
        let chosen =
            |one: usize| unknown.iter().position(|other| *other == one).is_some_and(|at| subset >> at & 1 == 1);
        if must.iter().any(|one| !chosen(*one)) {
            continue;
        }
        let mut members: Vec<usize> =
            (0..history.len()).filter(|one| status(history, *one) == Status::Committed || chosen(*one)).collect();
        permute(&mut members, 0, &mut |order| {
            if held.len() == Level::ALL.len() {
                return;
            }
            let mut place = [usize::MAX; 8];
            order.iter().enumerate().for_each(|(at, one)| place[*one] = at);
            held.extend(World { history, written: &written, order, place }.levels());
            held.sort_unstable();
            held.dedup();
        });
    }
    held
}

fn permute(all: &mut Vec<usize>, from: usize, each: &mut dyn FnMut(&[usize])) {
    if from == all.len() {
        return each(all);
    }
    for at in from..all.len() {
        all.swap(from, at);
        permute(all, from + 1, each);
        all.swap(from, at);
    }
}

/// A random history: transactions that take a snapshot and commit later, or at once; some of their reads are drawn
/// blindly. Registers and lists, with and without times and the store's own version orders.
fn random_history(seed: u64) -> Transactions {
    let mut stream = Stream::new(seed, "brute force");
    let count = 2 + stream.below(4) as usize;
    let keys = 1 + stream.below(KEYS as u64) as usize;
    let sessions = 1 + stream.below(3);
    let lists = stream.below(3); // none, all, every other key
    let is_list = |key: usize| lists == 1 || (lists == 2 && key.is_multiple_of(2));
    let noise = [0, 0, 10, 40][stream.below(4) as usize];
    let overlap = stream.below(3);
    let (timed, white) = (stream.chance(3, 4), stream.chance(1, 3));
    let mut moments: Vec<(u64, u64, usize)> = Vec::new(); // begin, commit
    for one in 0..count {
        let begin = stream.below(20);
        moments.push((begin, begin + overlap * stream.below(8), one));
    }
    moments.sort_unstable();
    let plans: Vec<(Status, Vec<(usize, bool)>)> = (0..count)
        .map(|_| {
            let status = match stream.below(16) {
                0 => Status::Aborted,
                1 => Status::Unknown,
                _ => Status::Committed,
            };
            (
                status,
                (0..1 + stream.below(3)).map(|_| (stream.below(keys as u64) as usize, stream.chance(1, 2))).collect(),
            )
        })
        .collect();
    let mut next = 0;
    let values: Vec<Vec<u64>> = plans
        .iter()
        .map(|(_, ops)| {
            ops.iter()
                .map(|_| {
                    next += 1;
                    next
                })
                .collect()
        })
        .collect();
    let mut by_commit: Vec<usize> = (0..count).collect();
    by_commit.sort_by_key(|at| (moments[*at].1, *at));
    // All versions of a key that were committed by a time, each with the last value of its transaction.
    let upto = |key: usize, time: u64, me: usize| -> Vec<u64> {
        let mut versions = Vec::new();
        for at in by_commit.iter().filter(|at| **at != me && moments[**at].1 < time && plans[**at].0 != Status::Aborted)
        {
            let mine =
                plans[*at].1.iter().zip(&values[*at]).filter(|((other, is_write), _)| *is_write && *other == key);
            let mine: Vec<u64> = mine.map(|(_, value)| *value).collect();
            if is_list(key) { versions.extend(mine) } else { versions.extend(mine.last()) }
        }
        versions
    };
    let mut history = Transactions::new();
    for at in 0..count {
        let id = history.begin(SessionId(stream.below(sessions) as u32), plans[at].0);
        if timed {
            let early =
                if stream.chance(noise, 60) { moments[at].1 } else { moments[at].0.saturating_sub(stream.below(4)) };
            history.set_times(id, Time::from_nanos(early), Time::from_nanos(moments[at].1 + stream.below(4)));
        }
        let mut own: Vec<(usize, u64)> = Vec::new();
        for ((key, is_write), value) in plans[at].1.iter().zip(&values[at]) {
            let blind = stream.chance(noise, 100);
            let (key, name) = (*key, Key(*key as u32));
            if *is_write {
                own.push((key, *value));
                if is_list(key) {
                    history.append(name, Value(*value))
                } else {
                    history.write(name, Value(*value))
                }
                continue;
            }
            let time = if blind { stream.below(30) } else { moments[at].0 };
            let mut seen = upto(key, time, at);
            if blind && stream.chance(1, 3) {
                let drawn = 1 + stream.below(next + 1);
                if stream.chance(1, 2) {
                    seen.push(drawn)
                } else {
                    seen.insert(stream.below(seen.len() as u64 + 1) as usize, drawn)
                }
            }
            let mine = own.iter().filter(|(other, _)| *other == key).map(|(_, value)| *value);
            if !(blind && stream.chance(1, 4)) {
                seen.extend(mine);
            }
            if is_list(key) {
                let seen: Vec<Value> = seen.into_iter().map(Value).collect();
                history.read_list(name, &seen);
            } else {
                history.read(name, seen.last().copied().map(Value));
            }
        }
    }
    for key in (0..keys).filter(|_| white) {
        let order: Vec<Value> = upto(key, u64::MAX, usize::MAX).into_iter().map(Value).collect();
        let used = (0..count).any(|at| plans[at].1.iter().any(|op| op.0 == key));
        if used {
            history.set_version_order(Key(key as u32), &order);
        }
    }
    history
}

/// What is wrong with the judgement of a history, if anything is.
/// Its pieces are judged too, where it is taken apart.
fn examine(history: &Transactions, takes_apart: bool, counts: &[AtomicU64]) -> Result<(), String> {
    let judgement = judge(history, &Options::default());
    let held = by_definition(history);
    for (at, (level, verdict)) in judgement.levels.iter().enumerate() {
        match verdict {
            TransactionVerdict::Pass if held.contains(level) => {
                counts[at].fetch_add(1, Ordering::Relaxed);
            }
            TransactionVerdict::Fail(counterexample) if !held.contains(level) => {
                let broken = &counterexample.level;
                let piece = excerpt(history, &counterexample.transactions);
                if !level.implies(*broken) || by_definition(&piece).contains(broken) {
                    return Err(format!("{level}: the counterexample is none: {verdict:?}"));
                }
                for gone in &counterexample.transactions {
                    let rest: Vec<TransactionId> =
                        counterexample.transactions.iter().copied().filter(|id| id != gone).collect();
                    if !by_definition(&excerpt(history, &rest)).contains(broken) {
                        return Err(format!("{level}: {gone} can be spared: {verdict:?}"));
                    }
                }
            }
            // Without times nothing is known of real time: a failure is one, but a pass would not be.
            TransactionVerdict::Inconclusive { .. }
                if !history.is_timed()
                    && held.contains(level)
                    && matches!(level, Level::StrongSnapshotIsolation | Level::StrictSerializable) => {}
            _ => return Err(format!("{level}: the definition says {}: {verdict:?}", held.contains(level))),
        }
    }
    for (level, verdict) in &judgement.levels {
        let mut implied = Level::ALL.into_iter().filter(|weaker| verdict.is_pass() && level.implies(*weaker));
        if let Some(weaker) = implied.find(|weaker| !judgement.verdict(*weaker).is_pass()) {
            return Err(format!("{level} passes, and {weaker} does not"));
        }
    }
    anomalies_agree(history, &judgement)?;
    if takes_apart { pieces_are_looser(history, &judgement) } else { Ok(()) }
}

/// What meets a level meets it without any one transaction: else a piece would be no counterexample to the whole.
fn pieces_are_looser(history: &Transactions, judgement: &TransactionJudgement) -> Result<(), String> {
    for gone in history.ids() {
        let rest: Vec<TransactionId> = history.ids().filter(|id| *id != gone).collect();
        let piece = judge(&excerpt(history, &rest), &Options::default());
        for (level, verdict) in judgement.levels.iter().filter(|(level, _)| level.implies(Level::ReadCommitted)) {
            if verdict.is_pass() && piece.verdict(*level).is_fail() {
                return Err(format!("{level} passes, but not without {gone}: {:?}", piece.verdict(*level)));
            }
        }
    }
    Ok(())
}

/// An anomaly means that the levels that it rules out fail; where all version orders are known, and a level without
/// visibility of its own fails, some anomaly says so.
fn anomalies_agree(
    history: &Transactions,
    judgement: &riftzone::check::transactions::TransactionJudgement,
) -> Result<(), String> {
    let rules_out =
        |level: Level| judgement.anomalies.iter().find(|found| level.is_ruled_out_by(found.kind, found.variant));
    for (level, verdict) in &judgement.levels {
        if let (Some(anomaly), true) = (rules_out(*level), verdict.is_pass()) {
            return Err(format!("{level} passes with {anomaly}"));
        }
        let key_of = |key: usize| Key(key as u32);
        let known = (0..history.keys()).all(|key| history.version_order(key_of(key)).is_some());
        let own_axiom =
            matches!(level, Level::SessionReadCommitted | Level::ReadAtomic | Level::Causal | Level::Prefix);
        if known && !own_axiom && verdict.is_fail() && rules_out(*level).is_none() {
            return Err(format!("{level} fails without an anomaly: {verdict:?}"));
        }
    }
    if judgement.anomalies.iter().any(|found| found.kind == AnomalyKind::CyclicVersions)
        && history.version_order(Key(0)).is_some()
    {
        return Err("a given order is cyclic".to_string());
    }
    Ok(())
}

/// Of so many histories one is taken apart.
const TAKEN_APART: u64 = 16;
/// Histories that were once judged wrongly.
const REMEMBERED: [u64; 4] = [20_122, 93_889, 3_306_429, 3_559_810];

#[test]
fn random_histories_are_judged_by_their_definition() {
    let histories = size::size("HISTORIES", 100_000);
    let counts: Vec<AtomicU64> = Level::ALL.iter().map(|_| AtomicU64::new(0)).collect();
    for seed in REMEMBERED {
        assert_eq!(examine(&random_history(seed), true, &counts), Ok(()), "seed {seed}");
    }
    let threads = std::thread::available_parallelism().map_or(1, |n| n.get()) as u64;
    let counts: Vec<AtomicU64> = Level::ALL.iter().map(|_| AtomicU64::new(0)).collect();
    std::thread::scope(|scope| {
        for thread in 0..threads {
            let counts = &counts;
            scope.spawn(move || {
                for seed in (thread..histories).step_by(threads as usize) {
                    let history = random_history(seed);
                    if let Err(wrong) = examine(&history, seed.is_multiple_of(TAKEN_APART), counts) {
                        let rows: Vec<String> = history
                            .ids()
                            .map(|id| {
                                let ops: Vec<_> = history.ops(id).collect();
                                let times = (history.invoked(id), history.completed(id));
                                format!("{id} {:?} {:?} {times:?} {ops:?}", history.session(id), history.status(id))
                            })
                            .collect();
                        let orders: Vec<_> = (0..KEYS).map(|key| history.version_order(Key(key as u32))).collect();
                        panic!("seed {seed}: {wrong}\n{}\n{orders:?}", rows.join("\n"));
                    }
                }
            });
        }
    });
    for (level, count) in Level::ALL.iter().zip(&counts) {
        let passed = count.load(Ordering::Relaxed);
        println!("{level}: {passed} of {histories} pass");
        assert!(passed * 20 >= histories && passed * 200 <= histories * 199, "{level}: {passed}");
    }
}
