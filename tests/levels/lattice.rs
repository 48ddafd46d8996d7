//! The levels against each other, and what clients see against what the store knows.

use riftzone::check::level::{Judged, Level, judge, judge_all, strongest};
use riftzone::check::linearizable::linearizable;
use riftzone::check::order::VersionOrder;
use riftzone::history::History;
use riftzone::id::{ClientId, Key, NodeId, Value};
use riftzone::op::{Op, Reply};
use riftzone::time::{Duration, Time};

use crate::random::{histories, on_many, random_history, random_order};

fn against_the_lattice(all: &[Judged]) -> Result<(), String> {
    for strong in all.iter().filter(|judged| judged.verdict.is_pass()) {
        let broken = |weak: &&Judged| strong.level.implies(weak.level) && weak.verdict.is_fail();
        if let Some(weak) = all.iter().find(broken) {
            return Err(format!("{} passes and {} fails: {:?}", strong.level, weak.level, weak.verdict));
        }
    }
    Ok(())
}

/// Every level by itself, so that none can lean on another.
fn each(history: &History, order: Option<&VersionOrder>) -> Vec<Judged> {
    let bounds = [Level::KAtomic(2), Level::KAtomic(3), Level::BoundedStaleness(Duration::nanos(5))];
    Level::ALL.into_iter().chain(bounds).filter_map(|level| judge(history, level, order)).collect()
}

#[test]
fn no_level_passes_while_an_implied_one_fails() {
    let mixed = on_many(histories() / 4, |seed| {
        let history = random_history(seed, 12);
        let order = random_order(&history, seed);
        let mut mixed = 0;
        for order in [None, Some(&order)] {
            let all = each(&history, order);
            against_the_lattice(&all).map_err(|wrong| format!("{wrong}\n{history:?}"))?;
            let passed = all.iter().filter(|judged| judged.verdict.is_pass()).count();
            mixed += u64::from(passed > 0 && passed < all.len());
        }
        Ok(mixed)
    });
    assert!(mixed * 4 > histories() / 4, "{mixed}");
}

#[test]
fn judging_all_is_judging_each() {
    on_many(histories() / 10, |seed| {
        let history = random_history(seed, 9);
        let order = random_order(&history, seed);
        for order in [None, Some(&order)] {
            let all = judge_all(&history, order);
            for one in &all {
                let alone = judge(&history, one.level, order).ok_or("it is judged")?;
                let settled = alone.verdict.name() == "inconclusive" || alone.verdict.name() == one.verdict.name();
                if !settled {
                    return Err(format!("{}: {:?} alone, {:?} among all\n{history:?}", one.level, alone, one.verdict));
                }
            }
            let met = strongest(&all);
            let implied = |level: Level| met.iter().any(|strong| strong.implies(level));
            if all.iter().any(|one| one.verdict.is_pass() != implied(one.level)) {
                return Err(format!("the strongest are not {met:?}\n{history:?}"));
            }
        }
        Ok(0)
    });
}

#[test]
fn what_is_rejected_from_outside_is_rejected_within() {
    let rejected = on_many(histories() / 4, |seed| {
        let history = random_history(seed, 10);
        let mut order = random_order(&history, seed);
        match seed % 8 {
            // A store that lost the last version of each key.
            0 | 4 => {
                let mut shorter = VersionOrder::new();
                for (key, values) in order.iter() {
                    values[..values.len() - 1].iter().for_each(|value| shorter.push(key, *value));
                }
                order = shorter;
            }
            // One that tells of a version that nobody wrote.
            1 => order.push(Key(0), Value(77)),
            // One that tells of a version twice.
            2 => {
                if let Some(value) = order.of(Key(0)).first().copied() {
                    order.push(Key(0), value);
                }
            }
            _ => {}
        }
        let (outside, within) = (each(&history, None), each(&history, Some(&order)));
        let mut rejected = 0;
        for (outside, within) in outside.iter().zip(&within) {
            if outside.verdict.is_fail() && !within.verdict.is_fail() {
                return Err(format!("{}: {:?}, but {:?}\n{history:?}", outside.level, outside.verdict, within.verdict));
            }
            rejected += u64::from(outside.verdict.is_fail());
        }
        Ok(rejected)
    });
    assert!(rejected > histories() / 4, "{rejected}");
}

#[test]
fn operations_of_a_client_whose_times_touch_are_a_session() {
    let (mut history, at, key) = (History::new(), Time::from_nanos, Key(0));
    let write = history.invoke(ClientId(0), Op::Write(key, Value(1)), at(0));
    history.complete(write, Reply::Written, NodeId(0), at(10));
    let read = history.invoke(ClientId(0), Op::Read(key), at(10));
    history.complete(read, Reply::Read(None), NodeId(0), at(20));
    assert!(linearizable(&history).is_pass(), "by time alone the two are concurrent");
    let all = judge_all(&history, None);
    assert!(all.iter().any(|one| one.level == Level::Linearizable && one.verdict.is_fail()));
    against_the_lattice(&all).unwrap();
}
