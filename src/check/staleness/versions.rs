//! k-atomicity: the least `k` such that every read finds one of the last `k` versions.
//!
//! Aiyer, Alvisi & Bazzi, *On the Availability of Non-strict Quorum Systems*, DISC 2005; Golab, Hurwitz & Li, *On the
//! k-Atomicity-Verification Problem*, ICDCS 2013 (arXiv 1309.5522). A history is k-atomic if its operations can be put in
//! an order that respects real time and in which every read finds one of the last `k` versions written before it. It is
//! 1-atomic iff it is linearizable. A compare-and-set that took effect reads and writes in one place.
//!
//! # For an order of the versions: exact
//!
//! A read must come after the version that it found, after every version whose write had ended before it began, and not
//! before any read that had ended before it began. The least place that satisfies all is found in one sweep over time
//! that keeps the furthest place of what has ended; each read's least place makes it the least stale, and binds those
//! after it the least. A write must come after everything that had ended before it began: if the furthest place is not
//! before its own, the order cannot be. `O(n log n)`.
//!
//! # Without: bounds
//!
//! There are two bounds, and where they meet they are exact. *At least*: 1, or 2 if the history is not linearizable, or 3
//! if it is not 2-atomic (`two.rs`), or one more than the greatest number of writes that certainly came between a read and
//! what it found ([`StaleRead::versions`](super::StaleRead)). *At most*: the exact value for three orders: that which
//! linearizability would have, that of the invocations, and that which shows 2-atomicity. So `k` is told exactly up to 2,
//! but for compare-and-sets that took effect; nothing fast is known beyond.

use super::{staleness, two};
use crate::check::causal::{Found, Judgement, patterns};
use crate::check::execution::witness::{Edge, Label, Violation};
use crate::check::execution::{Execution, INITIAL, NONE, THIN_AIR, UNPLACED, Unfit};
use crate::check::linearizable;
use crate::check::linearizable::words::tell;
use crate::check::order::VersionOrder;
use crate::check::sequential::blocks::Blocks;
use crate::check::{Counterexample, Verdict};
use crate::history::{History, OpId, Operation, Outcome};
use crate::op::{OpKind, Reply};

/// How many versions back the reads of a history looked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Versions {
    /// No smaller `k` is enough.
    pub at_least: u64,
    /// This `k` is enough; none where no order that was tried is possible.
    pub at_most: Option<u64>,
    /// How many operations were examined.
    pub steps: u64,
}

impl Versions {
    /// The least `k`, where it is known exactly.
    pub fn exact(&self) -> Option<u64> {
        self.at_most.filter(|most| *most == self.at_least)
    }
}

/// Why an order of versions cannot be, or how far back it makes the reads look.
struct Sweep {
    /// The greatest `k`, and the read that needs it.
    most: (u64, u32),
    /// A write that had to come before something that had ended before it began, and that.
    impossible: Option<(u32, u32)>,
    /// The place of every read.
    places: Vec<u32>,
    /// What each read's place is due to: an event that ended before, or [`NONE`] where it is what it saw.
    because: Vec<u32>,
}

/// The sweep over all keys, by these places of the versions; writes without one are left out.
fn sweep(execution: &Execution, rank: &[u32]) -> Sweep {
    let mut moments: Vec<(u32, u64, bool, u32)> = Vec::with_capacity(execution.events.len() * 2);
    for number in execution.numbers() {
        let event = execution.event(number);
        if event.writes && rank[number as usize] == UNPLACED {
            continue;
        }
        let operation = execution.history.get(event.row);
        // At one time calls come before returns: what touches is concurrent.
        moments.push((event.key, operation.invoked.as_nanos(), false, number));
        if event.known {
            moments.push((event.key, operation.completed.as_nanos(), true, number));
        }
    }
    moments.sort_unstable();
    let n = execution.events.len();
    let mut sweep = Sweep { most: (1, NONE), impossible: None, places: vec![0; n], because: vec![NONE; n] };
    let rank_seen = |number: u32| match execution.event(number).sees {
        INITIAL => Some(0),
        source if source < THIN_AIR => Some(rank[source as usize]).filter(|rank| *rank != UNPLACED),
        _ => None,
    };
    let (mut key, mut furthest) = (NONE, (0, NONE));
    for (of, _, ended, number) in moments {
        if key != of {
            (key, furthest) = (of, (0, NONE));
        }
        let event = execution.event(number);
        let place = &mut sweep.places[number as usize];
        if ended {
            if *place > furthest.0 {
                furthest = (*place, number);
            }
            continue;
        }
        let seen = rank_seen(number);
        if event.writes {
            *place = rank[number as usize];
            let against = if furthest.0 >= *place { Some(furthest.1) } else { None };
            let backwards = event.source().filter(|_| seen.is_some_and(|seen| seen >= *place));
            if let Some(culprit) = against.or(backwards) {
                sweep.impossible.get_or_insert((number, culprit));
                continue;
            }
        } else {
            let Some(seen) = seen else { continue };
            *place = seen.max(furthest.0);
            if furthest.0 > seen {
                sweep.because[number as usize] = furthest.1;
            }
        }
        let last = if event.writes { *place - 1 } else { *place };
        if let (true, Some(seen)) = (event.reads(), seen) {
            let k = u64::from(last - seen) + 1;
            if k > sweep.most.0 {
                sweep.most = (k, number);
            }
        }
    }
    sweep
}

/// Bounds of the least `k` from the clients' view. `O(n log n)`.
///
/// # Errors
/// Where no `k` is enough, or the history is ambiguous: the verdict that says so.
pub fn versions_behind(history: &History) -> Result<Versions, Verdict> {
    let execution = Execution::new(history, None).map_err(|Unfit(why)| Verdict::Inconclusive { why })?;
    sane(&execution)?;
    let by_call = by_call(&execution);
    let mut orders = vec![by_call];
    if let Ok(blocks) = Blocks::new(&execution) {
        orders.push(blocks.rank(&execution, &blocks.by_time(&execution)));
    }
    let least_of = |orders: &[Vec<u32>]| {
        let tried = orders.iter().map(|rank| sweep(&execution, rank)).filter(|sweep| sweep.impossible.is_none());
        tried.map(|sweep| sweep.most.0).min()
    };
    let mut at_most = least_of(&orders);
    let mut steps = 4 * execution.events.len() as u64;
    if at_most == Some(1) {
        return Ok(Versions { at_least: 1, at_most, steps });
    }
    let judged = linearizable::judge(history);
    steps += judged.steps;
    let behind = staleness(history).stale.iter().map(|stale| u64::from(stale.versions) + 1).max();
    let mut at_least = behind.unwrap_or(1).max(1 + u64::from(judged.verdict.is_fail()));
    if at_least <= 2 && at_most != Some(at_least) {
        let two = two::orders(&execution, &mut steps);
        if two.refused.is_some() {
            at_least = 3;
        } else {
            let with_two = |rank: &Vec<u32>| with_order(&execution, rank, &two);
            at_most = at_most.into_iter().chain(least_of(&orders.iter().map(with_two).collect::<Vec<_>>())).min();
        }
    }
    Ok(Versions { at_least, at_most, steps })
}

/// These places of the versions, but for keys of which an order was found that shows 2-atomicity: that order.
fn with_order(execution: &Execution, rank: &[u32], two: &two::Two) -> Vec<u32> {
    let found = execution.ranks(&two.order);
    let is_unknown = |number: &u32| two.unknown.binary_search(&execution.event(*number).key).is_ok();
    execution.numbers().map(|number| if is_unknown(&number) { rank } else { &found }[number as usize]).collect()
}

/// Whether no operation is wrong on its own.
fn sane(execution: &Execution) -> Result<(), Verdict> {
    let Some(violation) = patterns::alone(execution) else { return Ok(()) };
    let wrong = |piece: &Execution| patterns::alone(piece).or_else(|| from_the_future(piece));
    Err(Found::Violation(violation).judgement(execution, 0, |piece, _| wrong(piece)).verdict)
}

/// An operation that ended before another began whose value it saw, or what was made of that by compare-and-sets: no
/// `k` allows it. The nearest two of all, with what is between. `O(n)` times the length of the chains.
fn from_the_future(execution: &Execution) -> Option<Violation> {
    let operation = |event: u32| execution.history.get(execution.event(event).row);
    let mut nearest: Option<Vec<u32>> = None;
    for reader in execution.numbers().filter(|event| execution.event(*event).known) {
        let mut chain = vec![reader];
        while let Some(source) = execution.event(chain[chain.len() - 1]).source() {
            chain.push(source);
            if nearest.as_ref().is_some_and(|nearest| chain.len() >= nearest.len()) {
                break;
            }
            if operation(reader).completed < operation(source).invoked {
                nearest = Some(chain);
                break;
            }
            if chain.len() > execution.events.len() {
                break;
            }
        }
    }
    Some(Violation {
        pattern: "FutureRead",
        meaning: "what was seen was written after it had been seen",
        edges: Vec::new(),
        core: nearest?.into_iter().map(|event| execution.event(event).row).collect(),
    })
}

/// The writes of each key in the order of invocation, but a compare-and-set after what it saw.
fn by_call(execution: &Execution) -> Vec<u32> {
    let mut depths = vec![(0_u64, 0_u32); execution.events.len()];
    for number in execution.numbers().filter(|number| execution.event(*number).writes) {
        // Back to a write that saw nothing, or one whose place is known.
        let mut chain = vec![number];
        while let Some(source) = execution.event(chain[chain.len() - 1]).source() {
            if depths[source as usize] != (0, 0) || chain.len() > execution.events.len() {
                break;
            }
            chain.push(source);
        }
        while let Some(event) = chain.pop() {
            let call = execution.history.get(execution.event(event).row).invoked.as_nanos();
            let after = execution.event(event).source().map(|source| depths[source as usize]);
            depths[event as usize] = match after {
                Some((late, depth)) if late >= call => (late, depth + 1),
                _ => (call, 1),
            };
        }
    }
    let mut writes: Vec<u32> = execution.numbers().filter(|number| execution.event(*number).writes).collect();
    writes.sort_by_key(|number| (depths[*number as usize], *number));
    execution.ranks(&writes)
}

/// The least `k` for the store's order of versions, exactly; [`Versions::at_most`] is none where that order contradicts
/// real time. `O(n log n)`.
///
/// # Errors
/// Where no `k` is enough whatever the order, or the order is not that of the history or lacks a write, or the history
/// is ambiguous: the verdict that says so.
pub fn versions_behind_in(history: &History, order: &VersionOrder) -> Result<Versions, Verdict> {
    let execution = Execution::new(history, Some(order)).map_err(|Unfit(why)| Verdict::Inconclusive { why })?;
    sane(&execution)?;
    if let Some(why) = execution.lacking {
        return Err(Verdict::Inconclusive { why });
    }
    let sweep = sweep(&execution, &execution.rank);
    let steps = execution.events.len() as u64;
    let possible = sweep.impossible.is_none();
    let k = if possible { sweep.most.0 } else { u64::MAX };
    Ok(Versions { at_least: k, at_most: possible.then_some(k), steps })
}

/// Whether the history is k-atomic: for the store's order of versions where it is given, exactly, else as far as the
/// bounds tell. No operation of a counterexample can be spared, unless it says that some may be: without the order, where
/// compare-and-sets are among them and `k` is greater than 1.
pub fn k_atomic(history: &History, k: u64, order: Option<&VersionOrder>) -> Judgement {
    match order {
        Some(order) => k_atomic_in(history, k, order),
        None => k_atomic_outside(history, k),
    }
}

fn k_atomic_outside(history: &History, k: u64) -> Judgement {
    let found = match versions_behind(history) {
        Ok(found) => found,
        Err(verdict) => return Judgement { verdict, steps: history.len() as u64 },
    };
    let steps = found.steps;
    if found.at_most.is_some_and(|most| most <= k) {
        return Judgement { verdict: Verdict::Pass, steps };
    }
    if found.at_least <= k {
        let most = found.at_most.map_or("unknown".to_string(), |most| most.to_string());
        let why = format!("the least k is at least {} and at most {most}", found.at_least);
        return Judgement { verdict: Verdict::Inconclusive { why }, steps };
    }
    // For one version linearizability has the smaller counterexample.
    let stale = staleness(history).stale.into_iter().find(|stale| k > 1 && u64::from(stale.versions) >= k);
    let verdict = match stale {
        Some(stale) => Verdict::Fail(between(history, stale.read, k)),
        None if k == 2 => return not_two_atomic(history, steps),
        None => linearizable::linearizable(history),
    };
    Judgement { verdict, steps }
}

/// What is left of a history that is not 2-atomic when nothing more can be spared.
fn not_two_atomic(history: &History, mut steps: u64) -> Judgement {
    let execution = match Execution::new(history, None) {
        Ok(execution) => execution,
        Err(Unfit(why)) => return Judgement::inconclusive(why),
    };
    let found = two::violation(&execution, &mut steps).map_or(Found::Nothing, Found::Violation);
    found.judgement(&execution, steps, two::violation)
}

/// A read, what it found, and `k` writes that certainly came between.
fn between(history: &History, read: OpId, k: u64) -> Counterexample {
    let stale = history.get(read);
    let seen = match stale.reply {
        Some(Reply::Read(seen)) => seen,
        _ => None,
    };
    let wrote = |operation: &Operation| {
        operation.op.key() == stale.op.key() && operation.op.written() == seen && operation.outcome != Outcome::Fail
    };
    let source = seen.and_then(|_| history.iter().find(wrote));
    let after = |operation: &Operation| {
        operation.op.key() == stale.op.key()
            && operation.acknowledged_write().is_some()
            && operation.completed < stale.invoked
            && source.is_none_or(|source| source.completed < operation.invoked)
    };
    // Plain writes first: a compare-and-set is bound by what it saw, too.
    let is_swap = |one: &Operation| one.op.kind() == OpKind::CompareAndSet;
    let mut between: Vec<Operation> = history.iter().filter(after).collect();
    between.sort_by_key(is_swap);
    between.truncate(usize::try_from(k).unwrap_or(usize::MAX));
    let has_swaps = between.iter().chain(&source).any(is_swap);
    let mut operations: Vec<OpId> = between.iter().chain(&source).map(|one| one.id).chain([read]).collect();
    operations.sort_unstable();
    let mut why = format!("{k} versions certainly came between {} and what it found", tell(history, read));
    if has_swaps {
        why.push_str(" (perhaps fewer operations would do, for some are compare-and-sets: no bound tells)");
    }
    Counterexample { why, operations }
}

fn k_atomic_in(history: &History, k: u64, order: &VersionOrder) -> Judgement {
    let execution = match Execution::new(history, Some(order)) {
        Ok(execution) => execution,
        Err(Unfit(why)) => return Judgement::inconclusive(why),
    };
    let find = |execution: &Execution| {
        let back = |execution: &Execution| violation(execution, &sweep(execution, &execution.rank), k);
        patterns::alone(execution).or_else(|| if execution.is_ordered() { back(execution) } else { None })
    };
    let found = find(&execution).map_or(Found::Nothing, Found::Violation);
    let mut judgement = found.judgement(&execution, execution.events.len() as u64, |piece, _| find(piece));
    if let (true, Some(why)) = (judgement.verdict.is_pass(), &execution.lacking) {
        let outside = k_atomic_outside(history, k);
        judgement.steps += outside.steps;
        judgement.verdict = outside.verdict.or_lacking(why);
    }
    judgement
}

fn violation(execution: &Execution, sweep: &Sweep, k: u64) -> Option<Violation> {
    let row = |event: u32| execution.event(event).row;
    let mut core = Vec::new();
    // Everything that an event's place is due to.
    let mut explain = |mut event: u32| {
        while event != NONE {
            core.push(event);
            core.extend(execution.event(event).source());
            event = sweep.because[event as usize];
        }
    };
    if let Some((write, culprit)) = sweep.impossible {
        explain(write);
        explain(culprit);
        return Some(Violation {
            pattern: "OrderAgainstTime",
            meaning: "the store has a version before one that was seen or ended when its write began",
            edges: vec![Edge { from: Some(row(culprit)), to: Some(row(write)), label: Label::Versions }],
            core: core.into_iter().map(row).collect(),
        });
    }
    let (most, read) = sweep.most;
    if most <= k {
        return None;
    }
    explain(read);
    let place = sweep.places[read as usize];
    let key = execution.event(read).key;
    let writes = |event: &u32| execution.event(*event).key == key && execution.event(*event).writes;
    let last = u64::from(place) - u64::from(execution.event(read).writes);
    let late = |event: &u32| {
        let rank = u64::from(execution.rank[*event as usize]);
        rank <= last && rank + k > last
    };
    core.extend(execution.numbers().filter(writes).filter(late));
    Some(Violation {
        pattern: "StaleVersion",
        meaning: "a read found a version that is too old",
        edges: Vec::new(),
        core: core.into_iter().map(row).collect(),
    })
}
