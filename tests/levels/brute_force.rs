//! Every level against its definition, with and without the version order: verdicts, and whether each counterexample is
//! one, of which no operation can be spared.

use riftzone::check::order::VersionOrder;
use riftzone::check::session::sessions;
use riftzone::check::{Counterexample, Verdict, causal, sequential};
use riftzone::history::{History, Operation, Outcome};
use riftzone::id::{Key, Value};
use riftzone::op::Op;

use crate::definitions::{World, for_some};
use crate::random::{Property, histories, on_many, random_history, random_order, sees, writes};

/// These operations, without one of them and without the reads of what it wrote; swaps of that become writes.
fn without(operations: &[Operation], gone: Option<usize>) -> Vec<Operation> {
    let lost = gone.and_then(|gone| writes(&operations[gone]).map(|value| (operations[gone].op.key(), value)));
    let mut rest = Vec::new();
    for (place, one) in operations.iter().enumerate() {
        let orphan = lost.is_some() && sees(one).flatten().map(|value| (one.op.key(), value)) == lost;
        let op = match (orphan, one.op, writes(one)) {
            _ if Some(place) == gone => continue,
            (true, _, None) => continue,
            (true, op, Some(value)) => Op::Write(op.key(), value),
            (false, op, _) => op,
        };
        rest.push(Operation { op, ..*one });
    }
    rest
}

/// What is wrong with a counterexample that is not minimal.
pub const TO_SPARE: &str = "its counterexample has an operation to spare";

/// Whether a counterexample is one: wrong on its own, and right as soon as any operation goes.
pub fn check(
    history: &History,
    counterexample: &Counterexample,
    holds: impl Fn(&[Operation]) -> bool,
) -> Result<(), &'static str> {
    let ids = &counterexample.operations;
    if !ids.is_sorted() || ids.is_empty() || counterexample.why.is_empty() {
        return Err("its counterexample is out of order or empty");
    }
    let all: Vec<Operation> = history.iter().collect();
    let written = |key: Key, value: Value| {
        let wrote =
            |one: &&Operation| one.outcome != Outcome::Fail && one.op.key() == key && writes(one) == Some(value);
        all.iter().find(wrote).map(|one| one.id)
    };
    let mut piece: Vec<Operation> = ids.iter().map(|id| history.get(*id)).collect();
    for one in &mut piece {
        let source = sees(one).flatten().and_then(|value| written(one.op.key(), value));
        if let (Some(source), Some(value)) = (source, writes(one))
            && !ids.contains(&source)
        {
            one.op = Op::Write(one.op.key(), value);
        }
    }
    if holds(&piece) {
        return Err("its counterexample is right");
    }
    if (0..piece.len()).any(|gone| !holds(&without(&piece, Some(gone)))) {
        return Err(TO_SPARE);
    }
    Ok(())
}

/// Compares a verdict with what the definition says. Returns 1 where it failed.
fn agree(
    history: &History,
    name: &str,
    verdict: &Verdict,
    holds: impl Fn(&[Operation]) -> bool,
) -> Result<u64, String> {
    let operations: Vec<Operation> = history.iter().collect();
    let wrong = match (verdict, holds(&operations)) {
        (Verdict::Pass, true) => return Ok(0),
        (Verdict::Fail(counterexample), false) => match check(history, counterexample, holds) {
            Ok(()) => return Ok(1),
            Err(wrong) => wrong,
        },
        _ => "the definition disagrees",
    };
    Err(format!("{name}: {wrong}: {verdict:?}\n{operations:#?}"))
}

fn causal_and_convergence(seed: u64) -> Result<u64, String> {
    let history = random_history(seed, 6);
    let found = causal::convergence(&history, None);
    let cc = agree(&history, "CC", &found.causal.verdict, |piece| for_some(piece, false, World::causal))?;
    let ccv = |piece: &[Operation]| for_some(piece, false, |world| world.convergent(None));
    Ok(cc + agree(&history, "CCv", &found.convergence.verdict, ccv)?)
}

fn memory(seed: u64) -> Result<u64, String> {
    let history = random_history(seed, 7);
    let verdict = causal::memory(&history, None).verdict;
    agree(&history, "CM", &verdict, |piece| for_some(piece, false, World::memory))
}

fn pram(seed: u64) -> Result<u64, String> {
    let history = random_history(seed, 6);
    let verdict = causal::pram(&history, None).verdict;
    agree(&history, "PRAM", &verdict, |piece| for_some(piece, false, World::pram))
}

fn sequential(seed: u64) -> Result<u64, String> {
    let history = random_history(seed, 7);
    let verdict = sequential::judge(&history, None).verdict;
    agree(&history, "sequential", &verdict, |piece| for_some(piece, false, World::sequential))
}

fn session_guarantees(seed: u64) -> Result<u64, String> {
    let history = random_history(seed, 7);
    let mut failed = 0;
    for tally in sessions(&history, None).tallies {
        let holds = |piece: &[Operation]| for_some(piece, false, |world| world.session(tally.guarantee, None));
        failed += agree(&history, tally.guarantee.name(), &tally.verdict, holds)?;
    }
    Ok(failed)
}

/// The order, of the writes of these operations only.
pub fn restricted(order: &VersionOrder, operations: &[Operation]) -> VersionOrder {
    let mut here = VersionOrder::new();
    for (key, values) in order.iter() {
        let there = |value: &&Value| operations.iter().any(|one| one.op.key() == key && writes(one) == Some(**value));
        values.iter().filter(there).for_each(|value| here.push(key, *value));
    }
    here
}

fn session_guarantees_in_order(seed: u64) -> Result<u64, String> {
    let history = random_history(seed, 6);
    let order = random_order(&history, seed);
    let mut failed = 0;
    for tally in sessions(&history, Some(&order)).tallies {
        let holds = |world: &World| world.session(tally.guarantee, Some(&restricted(&order, &world.all)));
        failed += agree(&history, tally.guarantee.name(), &tally.verdict, |piece| for_some(piece, true, holds))?;
    }
    Ok(failed)
}

fn others_in_order(seed: u64) -> Result<u64, String> {
    let history = random_history(seed, 6);
    let order = random_order(&history, seed);
    let of_all = |name: &str, verdict: &Verdict, holds: &dyn Fn(&World) -> bool| {
        agree(&history, name, verdict, |piece| for_some(piece, true, holds))
    };
    let found = causal::convergence(&history, Some(&order));
    let convergent = |world: &World| world.convergent(Some(&restricted(&order, &world.all)));
    let mut failed = of_all("CCv in order", &found.convergence.verdict, &convergent)?;
    let verdict = sequential::judge(&history, Some(&order)).verdict;
    failed += of_all("sequential in order", &verdict, &|world| world.sequential_in(&restricted(&order, &world.all)))?;
    // These know no order of versions, but that all unknown writes which the store has did happen.
    failed += of_all("CC in order", &found.causal.verdict, &World::causal)?;
    failed += of_all("CM in order", &causal::memory(&history, Some(&order)).verdict, &World::memory)?;
    failed += of_all("PRAM in order", &causal::pram(&history, Some(&order)).verdict, &World::pram)?;
    Ok(failed)
}

/// Runs a property that judges so many levels; some verdicts must be failures, and some not.
fn mixed(property: Property, levels: u64) {
    let (failed, of) = (on_many(histories(), property), histories() * levels);
    assert!(failed * 50 > of && failed < of, "{failed} of {of}");
}

#[test]
fn causal_and_its_convergence_are_judged_by_their_definition() {
    mixed(causal_and_convergence, 2);
}

#[test]
fn causal_memory_is_judged_by_its_definition() {
    mixed(memory, 1);
}

#[test]
fn pram_is_judged_by_its_definition() {
    mixed(pram, 1);
}

#[test]
fn sequential_is_judged_by_its_definition() {
    mixed(sequential, 1);
}

#[test]
fn session_guarantees_are_judged_by_their_definition() {
    mixed(session_guarantees, 4);
}

#[test]
fn with_the_version_order_session_guarantees_are_judged_by_their_definition() {
    mixed(session_guarantees_in_order, 4);
}

#[test]
fn with_the_version_order_every_other_level_is_judged_by_its_definition() {
    mixed(others_in_order, 5);
}

/// What sets the causal levels apart takes histories of some size: they must be among those that are tried.
#[test]
fn the_random_histories_set_the_causal_levels_apart() {
    let counts = |apart: fn([bool; 4]) -> bool| {
        on_many(histories(), |seed| {
            let history = random_history(seed, 7);
            let found = causal::convergence(&history, None);
            let verdicts = [
                found.causal.verdict,
                found.convergence.verdict,
                causal::memory(&history, None).verdict,
                causal::pram(&history, None).verdict,
            ];
            Ok(u64::from(apart(verdicts.map(|verdict| verdict.is_pass()))))
        })
    };
    let apart = [
        ("CC and CM, not CCv", counts(|[cc, ccv, cm, _]| cc && cm && !ccv)),
        ("CC and CCv, not CM", counts(|[cc, ccv, cm, _]| cc && ccv && !cm)),
        ("CC only", counts(|[cc, ccv, cm, _]| cc && !ccv && !cm)),
        ("PRAM, not CC", counts(|[cc, _, _, pram]| pram && !cc)),
        ("CC, not PRAM", counts(|[cc, _, _, pram]| cc && !pram)),
    ];
    assert!(apart.iter().all(|(_, count)| *count >= 5), "{apart:?}");
}
