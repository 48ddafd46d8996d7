//! Δ, k and the chances of a fresh read against their definitions.

use riftzone::check::Verdict;
use riftzone::check::linearizable::linearizable;
use riftzone::check::order::VersionOrder;
use riftzone::check::staleness::{
    delta, delta_atomic, k_atomic, staleness, versions_behind, versions_behind_in, visibility,
};
use riftzone::history::{History, Operation, Outcome};
use riftzone::id::{ClientId, Key, NodeId, RegionId, Value};
use riftzone::op::{Op, Reply};
use riftzone::time::{Duration, Time};

use crate::brute_force::{TO_SPARE, check, restricted};
use crate::random::{KEYS, histories, on_many, random_history, random_order, sees, writes};

fn happened(history: &History) -> Vec<Operation> {
    told(&history.iter().collect::<Vec<_>>())
}

/// Those that took effect or may have.
fn told(operations: &[Operation]) -> Vec<Operation> {
    let told = |one: &&Operation| one.outcome == Outcome::Ok || one.op.written().is_some();
    operations.iter().filter(|one| one.outcome != Outcome::Fail).filter(told).copied().collect()
}

/// Whether there is an order of all answered and some other operations that respects real time, if reads may begin `delta`
/// earlier, and in which each sees one of the last `k` versions; with the writes in the order of `versions`, if given.
fn by_definition(all: &[Operation], delta: i64, k: usize, versions: Option<&VersionOrder>) -> bool {
    fn search(
        all: &[Operation],
        left: u32,
        delta: i64,
        k: usize,
        versions: Option<&VersionOrder>,
        wrote: &mut [Vec<Value>; KEYS],
    ) -> bool {
        let members = || (0..all.len()).filter(|i| left & (1 << i) != 0);
        let unknown = |one: &Operation| one.outcome == Outcome::Unknown;
        if members().all(|i| unknown(&all[i]) && versions.is_none()) {
            return true;
        }
        let end = |one: &Operation| if unknown(one) { i64::MAX } else { one.completed.as_nanos() as i64 };
        let call = |one: &Operation| one.invoked.as_nanos() as i64 - if writes(one).is_none() { delta } else { 0 };
        let first_end = members().map(|i| end(&all[i])).min().expect("some are left");
        members().filter(|i| call(&all[*i]) <= first_end).any(|i| {
            let key = all[i].op.key();
            let list = &mut wrote[key.index()];
            if sees(&all[i]).is_some_and(|seen| {
                let newer = seen.map_or(Some(list.len()), |v| list.iter().rev().position(|other| *other == v));
                newer.is_none_or(|newer| newer >= k)
            }) {
                return false;
            }
            if matches!((all[i].op, all[i].reply), (Op::CompareAndSet { expected, .. }, Some(Reply::Mismatch(seen))) if seen == expected)
            {
                return false;
            }
            let value = writes(&all[i]);
            if let (Some(value), Some(versions)) = (value, versions)
                && versions.of(key).get(list.len()) != Some(&value)
            {
                return false;
            }
            list.extend(value);
            let found = search(all, left & !(1 << i), delta, k, versions, wrote);
            wrote[key.index()].truncate(wrote[key.index()].len() - usize::from(value.is_some()));
            found
        })
    }
    search(all, (1 << all.len()) - 1, delta, k, versions, &mut [const { Vec::new() }; KEYS])
}

fn least_delta(seed: u64) -> Result<u64, String> {
    let history = random_history(seed, 7);
    let all = happened(&history);
    let last = all.iter().map(|one| one.invoked.as_nanos()).max().unwrap_or(0) as i64;
    let expected = (0..=last + 1).find(|delta| by_definition(&all, *delta, 1, None));
    let found = delta(&history)?.least.map(|least| least.as_nanos() as i64);
    if found != expected {
        return Err(format!("{found:?}, not {expected:?}\n{all:#?}"));
    }
    if (found == Some(0)) != linearizable(&history).is_pass() {
        return Err(format!("zero iff linearizable\n{all:#?}"));
    }
    // The last one that is too little; where there is none that is enough, any.
    let too_little = found.map_or(Some(last), |least| (least > 0).then_some(least - 1));
    if let Some(too_little) = too_little {
        let Verdict::Fail(counterexample) = delta_atomic(&history, Duration::nanos(too_little as u64)).0 else {
            return Err(format!("{too_little} is enough\n{all:#?}"));
        };
        check(&history, &counterexample, |piece| by_definition(&told(piece), too_little, 1, None))?;
    }
    if let Some(least) = found {
        if !delta_atomic(&history, Duration::nanos(least as u64)).0.is_pass() {
            return Err(format!("{least} is not enough\n{all:#?}"));
        }
        if staleness(&history).worst() > Duration::nanos(least as u64) {
            return Err("a read is staler than Δ".to_string());
        }
    }
    Ok(u64::from(found.is_some_and(|least| least > 0)))
}

#[test]
fn delta_is_the_least_that_its_definition_allows() {
    let stale = on_many(histories(), least_delta);
    assert!(stale * 20 > histories(), "{stale}");
}

/// Returns whether `k` was told exactly without the order of the versions.
fn least_k(seed: u64) -> Result<u64, String> {
    let history = random_history(seed, 7);
    let all = happened(&history);
    let order = random_order(&history, seed);
    let in_order = (1..=8).find(|k| by_definition(&all, 0, *k, Some(&order))).map(|k| k as u64);
    let wrong = |what: String| Err(format!("{what}\n{order:?}\n{all:#?}"));
    let within = versions_behind_in(&history, &order);
    match &within {
        Ok(found) if found.exact() != in_order => return wrong(format!("{found:?}, not {in_order:?}")),
        Err(Verdict::Fail(_)) if in_order.is_none() => {}
        Err(verdict) => return wrong(format!("{verdict:?}, not {in_order:?}")),
        Ok(_) => {}
    }
    let expected = (1..=8).find(|k| by_definition(&all, 0, *k, None)).map(|k| k as u64);
    for k in 1..=4 {
        let inside = k_atomic(&history, k, Some(&order)).verdict;
        if inside.is_pass() != in_order.is_some_and(|least| least <= k) {
            return wrong(format!("k = {k} in order: {inside:?}, not {in_order:?}"));
        }
        let outside = k_atomic(&history, k, None).verdict;
        let right = expected.is_some_and(|least| least <= k);
        if (outside.is_pass() && !right) || (outside.is_fail() && right) {
            return wrong(format!("k = {k}: {outside:?}, not {expected:?}"));
        }
        for (verdict, in_order) in [(inside, true), (outside, false)] {
            let Verdict::Fail(counterexample) = verdict else { continue };
            let has_swaps = !in_order && k > 1 && counterexample.why.contains("perhaps fewer operations would do");
            let holds = |piece: &[Operation]| {
                let there = told(piece);
                let here = restricted(&order, &there);
                by_definition(&there, 0, k as usize, in_order.then_some(&here))
            };
            let checked = check(&history, &counterexample, holds);
            if let (Err(error), false) = (checked, has_swaps && checked == Err(TO_SPARE)) {
                return wrong(format!("k = {k}, in order {in_order}: {error}: {counterexample:?}"));
            }
        }
    }
    match versions_behind(&history) {
        Ok(found) => {
            let least = expected.unwrap_or(u64::MAX);
            if found.at_least > least || found.at_most.is_some_and(|most| most < least) {
                return wrong(format!("{found:?}, not {expected:?}"));
            }
            let swaps = |one: &Operation| writes(one).is_some() && matches!(one.op, Op::CompareAndSet { .. });
            let is_told = if least <= 2 { found.exact() == expected } else { found.at_least >= 3 };
            if !is_told && !all.iter().any(swaps) {
                return wrong(format!("{found:?}, and {expected:?} could be told"));
            }
            Ok(u64::from(found.exact() == expected))
        }
        Err(Verdict::Fail(_)) if expected.is_none() => Ok(1),
        Err(verdict) => wrong(format!("{verdict:?}")),
    }
}

/// A read of what a swap wrote later, and that swap expects a value of a chain out of thin air: the chain can be spared.
#[test]
fn a_read_from_the_future_needs_no_thin_air() {
    let (at, node, key) = (Time::from_nanos, NodeId(0), Key(1));
    let swap = |from: u64, to: u64| Op::CompareAndSet { key, expected: Some(Value(from)), new: Value(to) };
    let mut history = History::new();
    let read = history.invoke(ClientId(1), Op::Read(key), at(9));
    history.complete(read, Reply::Read(Some(Value(6))), node, at(14));
    history.invoke(ClientId(1), swap(4, 5), at(16));
    let later = history.invoke(ClientId(0), swap(5, 6), at(17));
    for k in [1, 2, 7] {
        let Verdict::Fail(found) = k_atomic(&history, k, None).verdict else { panic!("{k}") };
        assert_eq!(found.operations, [read, later], "{}", found.why);
    }
    for seed in [440_876, 1_417_849] {
        assert!(least_k(seed).is_ok(), "{:?}", least_k(seed));
    }
}

#[test]
fn k_is_what_its_definition_allows() {
    let exact = on_many(histories(), least_k);
    assert!(exact * 2 > histories(), "{exact}");
}

/// Counts again, by hand, how many reads there were some time after an acknowledgement, and how many of them were fresh;
/// when each acknowledged write was first seen in a region, and whether it was at all.
fn chances(seed: u64) -> Result<u64, String> {
    let history = random_history(seed, 12);
    let all: Vec<Operation> = history.iter().filter(|one| one.outcome != Outcome::Fail).collect();
    let bounds = [2, 5].map(Duration::nanos);
    let region = |one: &Operation| Some(RegionId(one.client.0 as u16));
    let mut fresh = 0;
    for found in visibility(&history, &bounds, region) {
        let reads: Vec<&Operation> = all
            .iter()
            .filter(|one| matches!(one.op, Op::Read(_)) && one.reply.is_some() && region(one) == Some(found.region))
            .collect();
        let on = |read: &Operation, write: &Operation| write.op.key() == read.op.key() && writes(write).is_some();
        let saw = |read: &Operation, write: &Operation| on(read, write) && sees(read).flatten() == writes(write);
        let in_span = |span: usize, time: u64| match span {
            0 => time < 2,
            1 => (2..5).contains(&time),
            _ => time >= 5,
        };
        for span in 0..3 {
            let last = |read: &Operation| {
                let before = |write: &&Operation| {
                    on(read, write) && write.outcome == Outcome::Ok && write.completed < read.invoked
                };
                all.iter().filter(before).max_by_key(|write| (write.completed, writes(write)))
            };
            let here = reads.iter().filter_map(|read| Some((*read, last(read)?)));
            let here: Vec<(&Operation, &Operation)> =
                here.filter(|(read, last)| in_span(span, read.invoked.since(last.completed).as_nanos())).collect();
            let is_fresh = |(read, last): &&(&Operation, &Operation)| {
                all.iter().any(|write| saw(read, write) && write.completed >= last.invoked)
            };
            let expected = (here.len() as u64, here.iter().filter(is_fresh).count() as u64);
            let counts = found.since_acknowledged[span];
            fresh += counts.fresh;
            let first = |write: &&Operation| {
                let seen = reads.iter().filter(|read| saw(read, write)).map(|read| read.completed).min();
                writes(write).is_some()
                    && write.outcome == Outcome::Ok
                    && seen.is_some_and(|seen| in_span(span, seen.since(write.completed).as_nanos()))
            };
            let first_seen = all.iter().filter(first).count() as u64;
            if (counts.reads, counts.fresh, found.first_seen[span]) != (expected.0, expected.1, first_seen) {
                return Err(format!("span {span}: {found:?}, not {expected:?} and {first_seen}\n{history:?}"));
            }
        }
        let acknowledged = all.iter().filter(|one| one.outcome == Outcome::Ok && writes(one).is_some()).count() as u64;
        if found.first_seen.iter().sum::<u64>() + found.never_seen != acknowledged {
            return Err(format!("{found:?} of {acknowledged} writes\n{history:?}"));
        }
    }
    Ok(fresh)
}

#[test]
fn the_chances_of_a_fresh_read_are_counted() {
    let fresh = on_many(histories(), chances);
    assert!(fresh > histories(), "{fresh}");
}
