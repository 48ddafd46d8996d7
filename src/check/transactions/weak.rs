//! Read committed, read atomic and causal with sessions, by saturating the commit order.
//!
//! Each of these levels says: where a transaction reads `x` from `t1`, and another writer `t2` of `x` is *visible* to
//! it, then `t2` comes before `t1` in the commit order. What is visible does not depend on the commit order, so it is
//! enough to draw these edges and to look for a cycle (Møldrup & Pavlogiannis, *AWDIT: An Optimal Weak Database
//! Isolation Tester*, PLDI 2025). Few of the edges are needed: of the writers of `x` in one session the last one that
//! is visible speaks for the others; of two sets of keys the smaller one is gone through.
//!
//! | level | visible to a read of `t` | time |
//! |---|---|---|
//! | session read committed | whom `t` has read from before | `O(n^1.5)` |
//! | read atomic | whom `t` reads from, and its session's past | `O(n^1.5)` |
//! | causal | whoever leads to `t` by sessions and reads | `O(n k)` for `k` sessions |
//!
//! (with a factor of `log n` for looking up whether a transaction wrote a key). Clocks are kept for 32 sessions at a
//! time, so the memory of causal is `O(n)`.

use super::facts::{Facts, INITIAL};
use super::graph::{ALL, Edge, Graph, Kind, SESSION, WR, WW};
use super::level::Level;
use super::search::Meter;
use super::versions::Grouped;
use super::{Case, Obstacle, certificate};

/// Sessions whose clocks are kept at a time.
const BLOCK: usize = 32;

/// Whether the level holds.
pub(super) fn decide(case: &Case, level: Level, meter: &mut Meter) -> Result<(), Obstacle> {
    let facts = &case.facts;
    let base = SESSION | WR | WW;
    let Some(mut past) = case.graph.order(SESSION | WR, u64::from) else {
        return Err(Obstacle::cycle(&case.graph, SESSION | WR, meter));
    };
    past.retain(|node| (*node as usize) < facts.history.len());
    let mut edges: Vec<Edge> = case.dependencies.edges.iter().copied().filter(|e| e.kind.bit() & base != 0).collect();
    let mut stale = None;
    obligations(facts, level, &past, meter, &mut |older, place| {
        let newer = facts.reads[place as usize].from;
        if newer == INITIAL {
            stale = stale.or(Some((older, place)));
        } else {
            edges.push(Edge { from: older, to: newer, kind: Kind::Visibility, about: place });
        }
    });
    if let Some((writer, read)) = stale {
        return Err(Obstacle::Stale { writer, read });
    }
    let graph = Graph::new(facts.history.len(), &edges);
    let Some(order) = graph.order(ALL, u64::from) else {
        return Err(Obstacle::cycle(&graph, ALL, meter));
    };
    certify(case, level, &past, &order, meter)
}

/// Replays the commit order: all that must be in it, and every obligation, is.
fn certify(case: &Case, level: Level, past: &[u32], order: &[u32], meter: &mut Meter) -> Result<(), Obstacle> {
    let facts = &case.facts;
    let place_of = certificate::follow(case, level, order).map_err(Obstacle::error)?;
    let mut right = true;
    obligations(facts, level, past, meter, &mut |older, place| {
        let newer = facts.reads[place as usize].from;
        right &= newer != INITIAL && place_of[older as usize] < place_of[newer as usize];
    });
    if right { Ok(()) } else { Err(Obstacle::error("its commit order is wrong".to_string())) }
}

/// For each read and each other visible writer of its key that is not spoken for: that writer, and the read's place.
fn obligations(facts: &Facts, level: Level, past: &[u32], meter: &mut Meter, sink: &mut dyn FnMut(u32, u32)) {
    match level {
        Level::SessionReadCommitted => read_committed(facts, meter, sink),
        Level::ReadAtomic => read_atomic(facts, meter, sink),
        _ => causal(facts, past, meter, sink),
    }
}

/// By key, for one transaction at a time: a value that is stale once another transaction's turn has come.
struct Stamped<T> {
    of: Vec<(u32, T)>,
}

impl<T: Copy> Stamped<T> {
    fn new(size: usize, any: T) -> Stamped<T> {
        Stamped { of: vec![(u32::MAX, any); size] }
    }

    fn get(&self, key: u32, stamp: u32) -> Option<T> {
        let (when, value) = self.of[key as usize];
        (when == stamp).then_some(value)
    }

    fn set(&mut self, key: u32, stamp: u32, value: T) {
        self.of[key as usize] = (stamp, value);
    }
}

/// The keys that `writer` wrote and `keys` has, going through the smaller of both.
fn common(facts: &Facts, writer: u32, keys: &[u32], has: impl Fn(u32) -> bool, mut found: impl FnMut(u32)) -> u64 {
    let writes = facts.writes(writer as usize);
    if writes.len() <= keys.len() {
        writes.iter().map(|write| write.0).filter(|key| has(*key)).for_each(&mut found);
        return writes.len() as u64;
    }
    keys.iter().copied().filter(|key| facts.has_written(writer as usize, *key)).for_each(&mut found);
    keys.len() as u64
}

/// Goes through each transaction's reads backwards, knowing of each key the next read, and the next one that shows
/// another version than that. Only the first read from a writer counts: it sees all that the later ones would.
fn read_committed(facts: &Facts, meter: &mut Meter, sink: &mut dyn FnMut(u32, u32)) {
    const NONE: u32 = u32::MAX;
    let mut first = Stamped::new(facts.history.len(), 0);
    let mut next = Stamped::new(facts.history.keys(), (NONE, NONE));
    let mut keys = Vec::new();
    for transaction in 0..facts.history.len() {
        let (me, base) = (transaction as u32, facts.reads_first[transaction]);
        let reads = facts.reads(transaction);
        for (place, read) in reads.iter().enumerate().rev().filter(|(_, read)| read.from != INITIAL) {
            first.set(read.from, me, place);
        }
        keys.clear();
        for (place, read) in reads.iter().enumerate().rev() {
            if read.from != INITIAL && first.get(read.from, me) == Some(place) {
                let has = |key| next.get(key, me).is_some();
                meter.steps += common(facts, read.from, &keys, has, |key| {
                    let (soon, other) = next.get(key, me).unwrap_or((NONE, NONE));
                    let later = if facts.reads[soon as usize].from == read.from { other } else { soon };
                    if later != NONE {
                        sink(read.from, later);
                    }
                });
            }
            let here = base + place as u32;
            match next.get(read.key, me) {
                None => {
                    keys.push(read.key);
                    next.set(read.key, me, (here, NONE));
                }
                Some((soon, other)) => {
                    let same = facts.reads[soon as usize].from == read.from;
                    next.set(read.key, me, (here, if same { other } else { soon }));
                }
            }
        }
    }
}

/// Each transaction's reads against the last writer of the key in its session, and against all that it reads from.
/// Its reads are repeatable: that was checked before.
fn read_atomic(facts: &Facts, meter: &mut Meter, sink: &mut dyn FnMut(u32, u32)) {
    let history = facts.history;
    let sessions = Grouped::new(history.sessions(), || history.ids().map(|id| (history.session(id).0, id.0)));
    let mut last = Stamped::new(history.keys(), 0);
    let mut read_at = Stamped::new(history.keys(), 0);
    let mut done = Stamped::new(history.len(), ());
    let mut keys = Vec::new();
    for session in 0..history.sessions() {
        for &me in sessions.of(session) {
            let (reads, base) = (facts.reads(me as usize), facts.reads_first[me as usize]);
            keys.clear();
            for (place, read) in reads.iter().enumerate() {
                if read_at.get(read.key, me).is_some() {
                    continue;
                }
                read_at.set(read.key, me, base + place as u32);
                keys.push(read.key);
                if let Some(writer) = last.get(read.key, session as u32).filter(|writer| *writer != read.from) {
                    sink(writer, base + place as u32);
                }
            }
            for read in reads.iter().filter(|read| read.from != INITIAL) {
                if done.get(read.from, me).is_some() {
                    continue;
                }
                done.set(read.from, me, ());
                let has = |key| read_at.get(key, me).is_some();
                meter.steps += common(facts, read.from, &keys, has, |key| {
                    let place = read_at.get(key, me).unwrap_or(0);
                    if facts.reads[place as usize].from != read.from {
                        sink(read.from, place);
                    }
                });
            }
            facts.writes(me as usize).iter().for_each(|(key, _)| last.set(*key, session as u32, me));
        }
    }
}

/// Each read against the last writer of its key in each session, as far as the reader's clock goes.
fn causal(facts: &Facts, past: &[u32], meter: &mut Meter, sink: &mut dyn FnMut(u32, u32)) {
    let history = facts.history;
    let mut place_of = vec![0_u32; history.len()]; // from 1, among the alive of its session
    let mut lengths = vec![0_u32; history.sessions()];
    let mut before = vec![u32::MAX; history.len()];
    let mut last = vec![u32::MAX; history.sessions()];
    for id in history.ids().filter(|id| facts.alive[id.index()]) {
        let session = history.session(id).0 as usize;
        lengths[session] += 1;
        place_of[id.index()] = lengths[session];
        before[id.index()] = std::mem::replace(&mut last[session], id.0);
    }
    // Writers of each key, by session and then by their place in it.
    let mut writers: Vec<(u32, u32, u32)> = Vec::new();
    for transaction in 0..history.len() {
        let session = history.session(super::TransactionId(transaction as u32)).0;
        writers.extend(facts.writes(transaction).iter().map(|(key, _)| (*key, session, transaction as u32)));
    }
    writers.sort_unstable();
    let first = Grouped::new(history.keys(), || writers.iter().enumerate().map(|(at, writer)| (writer.0, at as u32)));
    let width = BLOCK.min(history.sessions());
    let mut clocks = vec![0_u32; history.len() * width];
    for block in (0..history.sessions()).step_by(BLOCK) {
        fill(facts, past, (block, width), &place_of, &before, &mut clocks);
        for &me in past.iter().filter(|me| facts.alive[**me as usize]) {
            let clock = &clocks[me as usize * width..][..width];
            for (place, read) in facts.reads(me as usize).iter().enumerate() {
                let Some(at) = first.of(read.key as usize).first() else { continue };
                let all = &writers[*at as usize..*at as usize + first.of(read.key as usize).len()];
                let mut at = all.partition_point(|writer| (writer.1 as usize) < block);
                while at < all.len() && (all[at].1 as usize) < block + width {
                    let session = all[at].1;
                    let end = at + all[at..].partition_point(|writer| writer.1 == session);
                    let seen = clock[session as usize - block];
                    let visible = all[at..end].partition_point(|writer| place_of[writer.2 as usize] <= seen);
                    meter.steps += 1;
                    if let Some(&(.., writer)) = visible.checked_sub(1).map(|last| &all[at + last]) {
                        let known = read.from != INITIAL
                            && clocks[read.from as usize * width + session as usize - block]
                                >= place_of[writer as usize];
                        if writer != read.from && !known {
                            sink(writer, facts.reads_first[me as usize] + place as u32);
                        }
                    }
                    at = end;
                }
            }
        }
    }
}

/// The clocks of all transactions for the sessions of one block: how many of each are in its past.
fn fill(
    facts: &Facts,
    past: &[u32],
    (block, width): (usize, usize),
    place_of: &[u32],
    before: &[u32],
    clocks: &mut [u32],
) {
    for &me in past {
        let mut clock = [0_u32; BLOCK];
        let mut follow = |other: u32| {
            let at = other as usize;
            let theirs = &clocks[at * width..][..width];
            clock.iter_mut().zip(theirs).for_each(|(mine, theirs)| *mine = (*mine).max(*theirs));
            let session = facts.history.session(super::TransactionId(other)).0 as usize;
            if (block..block + width).contains(&session) {
                clock[session - block] = clock[session - block].max(place_of[at]);
            }
        };
        if before[me as usize] != u32::MAX {
            follow(before[me as usize]);
        }
        facts.reads(me as usize).iter().filter(|read| read.from != INITIAL).for_each(|read| follow(read.from));
        clocks[me as usize * width..][..width].copy_from_slice(&clock[..width]);
    }
}
