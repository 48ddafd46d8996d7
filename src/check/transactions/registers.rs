//! The order of the versions of registers, from what is declared about the store.
//!
//! The constraints of one key make a graph of its versions. Where they have a cycle there is no version order
//! (*cyclic-versions*), and the key gives none.

use super::Assumptions;
use super::anomaly::AnomalyKind;
use super::facts::{Facts, INITIAL, Problem};
use super::history::TransactionId;
use super::versions::{Grouped, Versions, given};
use crate::id::Key;

/// Adds what is known of the order of the versions of every register.
pub(super) fn order(facts: &mut Facts, versions: &mut Versions, assumptions: Assumptions) {
    let is_given = |facts: &Facts, key: usize| facts.history.version_order(Key(key as u32)).is_some();
    let orders: Vec<usize> = facts.history.orders().iter().map(|(key, _)| key.index()).collect();
    for key in orders {
        if !facts.is_list[key] {
            given(facts, versions, key);
        }
    }
    let mut pairs: Vec<(u32, u32)> = Vec::new();
    if assumptions.writes_follow_reads {
        writes_follow_reads(facts, versions, &mut pairs);
    }
    if assumptions.session_keys {
        session_keys(facts, versions, &mut pairs);
    }
    if assumptions.linearizable_keys && facts.history.is_timed() {
        linearizable_keys(facts, versions, &mut pairs);
    }
    pairs.sort_unstable();
    pairs.dedup();
    let mut start = 0;
    for key in 0..facts.history.keys() {
        let range = versions.of_key(key);
        let mine = pairs[start..].partition_point(|pair| (pair.0 as usize) < range.end);
        let mine = &pairs[start..start + mine];
        start += mine.len();
        if facts.is_list[key] || is_given(facts, key) || range.len() < 2 {
            continue;
        }
        partial(facts, versions, key, mine);
    }
}

/// What a transaction read from a key that it then wrote is older than what it wrote.
fn writes_follow_reads(facts: &Facts, versions: &Versions, pairs: &mut Vec<(u32, u32)>) {
    for transaction in 0..facts.history.len() {
        for read in facts.reads(transaction).iter().filter(|read| !facts.is_list[read.key as usize]) {
            if let Some(version) = versions.of_register(read.key as usize, transaction as u32) {
                pairs.push((read.version, version));
            }
        }
    }
}

/// What a transaction saw and made of its registers, in its order: each key and version.
fn touches(facts: &Facts, versions: &Versions, transaction: usize) -> Vec<(u32, u32)> {
    let reads = facts.reads(transaction).iter().map(|read| (read.key, read.version));
    let writes = facts.writes(transaction).iter().map(|(key, _)| *key);
    let writes = writes.filter_map(|key| Some((key, versions.of_register(key as usize, transaction as u32)?)));
    reads.chain(writes).filter(|(key, _)| !facts.is_list[*key as usize]).collect()
}

/// Each session sees each key move forward only.
fn session_keys(facts: &Facts, versions: &Versions, pairs: &mut Vec<(u32, u32)>) {
    let history = facts.history;
    let sessions = Grouped::new(history.sessions(), || history.ids().map(|id| (history.session(id).0, id.0)));
    let mut last = vec![(u32::MAX, 0); history.keys()];
    for session in 0..history.sessions() {
        for transaction in sessions.of(session).iter().filter(|transaction| facts.alive[**transaction as usize]) {
            for (key, version) in touches(facts, versions, *transaction as usize) {
                let before = std::mem::replace(&mut last[key as usize], (session as u32, version));
                if before.0 == session as u32 && before.1 != version {
                    pairs.push((before.1, version));
                }
            }
        }
    }
}

/// Each key moves forward in real time. `O(n log n + n p)` where at most `p` transactions on a key are concurrent.
fn linearizable_keys(facts: &Facts, versions: &Versions, pairs: &mut Vec<(u32, u32)>) {
    let history = facts.history;
    let mut all: Vec<(u32, u32, u32)> = Vec::new();
    for transaction in (0..history.len()).filter(|transaction| facts.alive[*transaction]) {
        let touched = touches(facts, versions, transaction);
        all.extend(touched.into_iter().map(|(key, version)| (key, transaction as u32, version)));
    }
    all.sort_by_key(|touch| touch.0);
    for touches in all.chunk_by(|one, other| one.0 == other.0) {
        let mut events: Vec<(u64, bool, u32)> = Vec::new();
        for (place, (_, transaction, _)) in touches.iter().enumerate() {
            let id = TransactionId(*transaction);
            events.push((history.invoked(id).as_nanos(), false, place as u32));
            events.push((history.completed(id).as_nanos(), true, place as u32));
        }
        events.sort_unstable();
        let mut latest: Vec<u32> = Vec::new(); // completed, and not yet followed by one that is completed too
        let mut followed: Vec<Vec<u32>> = vec![Vec::new(); touches.len()];
        for (_, is_end, place) in events {
            if is_end {
                let gone = std::mem::take(&mut followed[place as usize]);
                latest.retain(|other| gone.binary_search(other).is_err());
                let at = latest.partition_point(|other| *other < place);
                latest.insert(at, place);
            } else {
                let version = touches[place as usize].2;
                let before = latest.iter().map(|other| touches[*other as usize].2);
                pairs.extend(before.filter(|before| *before != version).map(|before| (before, version)));
                followed[place as usize] = latest.clone();
            }
        }
    }
}

/// Checks the constraints of one key for a cycle, puts the initial version first, and sees whether the order is total.
fn partial(facts: &mut Facts, versions: &mut Versions, key: usize, pairs: &[(u32, u32)]) {
    let range = versions.of_key(key);
    let base = range.start;
    let mut before = vec![0_u32; range.len()];
    pairs.iter().for_each(|(_, later)| before[*later as usize - base] += 1);
    let initial_is_first = before[0] == 0;
    let mut edges = pairs.to_vec();
    for (place, before) in before.iter_mut().enumerate().skip(1).filter(|(_, before)| **before == 0) {
        edges.push((base as u32, (base + place) as u32));
        *before += 1;
    }
    edges.sort_unstable();
    let mut ready = if initial_is_first { vec![base as u32] } else { Vec::new() };
    let (mut done, mut total) = (0, true);
    while let Some(version) = ready.pop() {
        total &= ready.is_empty();
        done += 1;
        let from = edges.partition_point(|edge| edge.0 < version);
        for (_, later) in edges[from..].iter().take_while(|edge| edge.0 == version) {
            before[*later as usize - base] -= 1;
            if before[*later as usize - base] == 0 {
                ready.push(*later);
            }
        }
    }
    if done == range.len() {
        versions.total[key] = total;
        versions.edges.extend(edges);
        return;
    }
    versions.total[key] = false;
    let stuck = (0..range.len()).find(|place| before[*place] > 0 && versions.writer[base + place] != INITIAL);
    let version = base + stuck.unwrap_or(1);
    let (transaction, row) = (versions.writer[version], versions.row[version]);
    facts.problems.push(Problem { kind: AnomalyKind::CyclicVersions, transaction, row, other: None });
    versions.edges.extend((1..range.len()).map(|place| (base as u32, (base + place) as u32)));
}
