//! Sequential consistency: one order of all operations that respects every session and in which each does what it
//! reported.
//!
//! Lamport, *How to Make a Multiprocessor Computer That Correctly Executes Multiprocess Programs*, 1979. Unlike
//! linearizability it is not local: every key may be right and the whole wrong. To test it is NP-complete even where
//! every value names its write (Gibbons & Korach, *Testing Shared Memories*, SIAM J. Comput. 26(4), 1997).
//!
//! **With the version order** it is a matter of cycles: session order, reads-from, version order and anti-dependency (a
//! read comes before the version that replaced what it saw) together have none. `O(n)` but for the normal form. A
//! compare-and-set is one event with the edges of both, so nothing can come between its two halves: what replaced the
//! version that it saw is either itself or comes after it and before its own.
//!
//! **Without it**, in this order, and the first that decides ends it:
//!
//! 1. Each key by itself, exactly: writes with their reads, linked by compare-and-sets, are blocks that nothing can come
//!    between, as for linearizability; session order must not make a cycle of blocks, nor run backwards inside one. If
//!    there is but one key this is the answer (`blocks.rs`).
//! 2. A guess: the order of blocks that linearizability would have. Every order of versions that has no cycle as above is
//!    a proof, so a history of any size that is linearizable passes here.
//! 3. Causal convergence, which sequential consistency implies; its arbitration is the second guess. Then causal memory.
//! 4. Saturation (Zennou, Bouajjani, Enea & Erradi, *Gradual Consistency Checking*, CAV 2019): whatever comes before a read comes before what it saw or is it, and
//!    whatever comes after a version comes after its reads, until nothing changes (`saturation.rs`).
//! 5. A search over frontiers (Biswas & Enea, *On the Complexity of Checking Transactional Consistency*, OOPSLA 2019):
//!    `O(n^k)` for `k` sessions, with memory, under a budget of steps (`search.rs`).
//!
//! # Certificates
//!
//! A pass is given after the order was replayed: each session in its order, each read the last write. A counterexample is
//! rejected on its own, and none of its operations can be spared unless it says that the search was given up.
//!
//! Next: `blocks.rs`.

pub(super) mod blocks;
mod graph;
mod saturation;
mod search;

use super::causal::saturation::{Base, judge as saturated};
use super::causal::{Found, Judgement, arbitration, patterns};
use super::execution::witness::Violation;
use super::execution::{Execution, INITIAL, NONE, Unfit};
use super::order::VersionOrder;
use crate::history::{History, OpId};
use saturation::Saturation;

/// How many steps the parts that are not near-linear may take.
pub const BUDGET: u64 = 200_000_000;

/// Judges within [`BUDGET`] steps. See [`judge_within`].
///
/// ```
/// use riftzone::check::sequential::judge;
/// use riftzone::history::History;
/// use riftzone::id::{ClientId, Key, NodeId, Value};
/// use riftzone::op::{Op, Reply};
/// use riftzone::time::Time;
///
/// // Two clients write one key each and then miss the other's write, at any distance of time.
/// let (at, node) = (Time::from_nanos, NodeId(0));
/// let mut history = History::new();
/// for client in [0, 1] {
///     let write = history.invoke(ClientId(client), Op::Write(Key(client), Value(1)), at(0));
///     history.complete(write, Reply::Written, node, at(1));
/// }
/// for client in [0, 1] {
///     let read = history.invoke(ClientId(client), Op::Read(Key(1 - client)), at(2));
///     history.complete(read, Reply::Read(None), node, at(3));
/// }
/// assert!(judge(&history, None).verdict.is_fail());
/// ```
pub fn judge(history: &History, order: Option<&VersionOrder>) -> Judgement {
    judge_within(history, order, BUDGET)
}

/// Judges sequential consistency: by the store's version order where it is given, in `O(n log n)`; else as the module
/// says. Inconclusive after `budget` steps of the parts that may take long.
pub fn judge_within(history: &History, order: Option<&VersionOrder>, budget: u64) -> Judgement {
    let execution = match Execution::new(history, order) {
        Ok(execution) => execution,
        Err(Unfit(why)) => return Judgement::inconclusive(why),
    };
    let mut steps = 0;
    let found = find(&execution, &mut steps, budget);
    let again = |piece: &Execution, steps: &mut u64| find(piece, steps, budget).violation();
    let mut judgement = found.judgement(&execution, steps, again);
    if let (true, true, Some(why)) = (judgement.verdict.is_pass(), execution.is_ordered(), &execution.lacking) {
        let outside = judge_within(history, None, budget);
        judgement.steps += outside.steps;
        judgement.verdict = outside.verdict.or_lacking(why);
    } else if let Some(why) = &execution.lacking {
        judgement.verdict = judgement.verdict.or_lacking(why);
    }
    judgement
}

/// Judges each key by itself, exactly: coherence, also called cache consistency, which sequential consistency implies.
/// `O(n log n)`.
pub fn judge_coherence(history: &History) -> Judgement {
    let execution = match Execution::new(history, None) {
        Ok(execution) => execution,
        Err(Unfit(why)) => return Judgement::inconclusive(why),
    };
    let coherent = |execution: &Execution| match patterns::alone(execution) {
        Some(violation) => Err(violation),
        None => blocks::Blocks::new(execution).and_then(|blocks| blocks.orders(execution)).map(|_| ()),
    };
    let found = coherent(&execution).map_or_else(Found::Violation, |()| Found::Nothing);
    let steps = execution.events.len() as u64;
    found.judgement(&execution, steps, |piece, _| coherent(piece).err())
}

fn find(execution: &Execution, steps: &mut u64, budget: u64) -> Found {
    *steps += execution.events.len() as u64;
    if let Some(violation) = patterns::alone(execution) {
        return Found::Violation(violation);
    }
    if execution.is_ordered() {
        return match graph::ordered(execution, &execution.rank) {
            Err(violation) => Found::Violation(violation),
            Ok(_) if execution.lacking.is_some() => Found::Nothing,
            Ok(order) => certified(execution, &order),
        };
    }
    let blocks = match blocks::Blocks::new(execution) {
        Ok(blocks) => blocks,
        Err(violation) => return Found::Violation(violation),
    };
    let orders = match blocks.orders(execution) {
        Ok(orders) => orders,
        Err(violation) => return Found::Violation(violation),
    };
    if execution.keys.len() <= 1 {
        return certified(execution, &blocks.events(execution, &orders));
    }
    for order in [blocks.by_time(execution), orders] {
        let rank = blocks.rank(execution, &order);
        if let Ok(order) = graph::ordered(execution, &rank)
            && replay(execution, &order).is_ok()
        {
            return Found::Nothing;
        }
    }
    search(execution, steps, budget)
}

/// What is left to try where no guess was right.
fn search(execution: &Execution, steps: &mut u64, budget: u64) -> Found {
    if let (_, Found::Violation(violation)) = arbitration::judge(execution, steps) {
        return Found::Violation(violation);
    }
    if let Some(order) = arbitration::order(execution, steps) {
        let rank = execution.ranks(&order);
        if let Ok(order) = graph::ordered(execution, &rank)
            && replay(execution, &order).is_ok()
        {
            return Found::Nothing;
        }
    }
    let until = steps.saturating_add(budget);
    // Its failure would be one here; it may have a part of the steps to find it.
    let part = steps.saturating_add(budget / 4);
    if let Found::Violation(violation) = saturated(execution, Base::Causal, steps, part) {
        return Found::Violation(violation);
    }
    let everything = |meaning| {
        let core = execution.events.iter().map(|event| event.row).collect();
        Found::Violation(Violation { pattern: "NotSequential", meaning, edges: Vec::new(), core })
    };
    let saturated = match saturation::saturate(execution, steps, until) {
        Saturation::Done(saturated) => saturated,
        Saturation::Cycle => return everything("what sessions and reads force upon the writes has a cycle"),
        Saturation::Spent => return Found::Spent("before what sessions and reads force was known".to_string()),
    };
    match search::search(execution, &saturated, steps, until) {
        search::Outcome::Order(order) => certified(execution, &order),
        search::Outcome::None => everything("no order of these operations explains every read"),
        search::Outcome::Spent { placed } => {
            let all = execution.events.len();
            Found::Spent(format!("with at most {placed} of {all} operations in an order that explains their reads"))
        }
    }
}

fn certified(execution: &Execution, order: &[u32]) -> Found {
    match replay(execution, order) {
        Ok(()) => Found::Nothing,
        Err((id, what)) => Found::Broken(format!("operation {} {what}", id.0)),
    }
}

/// Whether the order has every event once, each after the one before it in its session, and every read finds the last
/// write of its key. `O(n)`.
fn replay(execution: &Execution, order: &[u32]) -> Result<(), (OpId, &'static str)> {
    let mut placed = vec![false; execution.events.len()];
    let mut state = vec![INITIAL; execution.keys.len()];
    for number in order {
        let event = execution.event(*number);
        if std::mem::replace(&mut placed[*number as usize], true) {
            return Err((event.row, "is placed twice"));
        }
        if event.before != NONE && !placed[event.before as usize] {
            return Err((event.row, "comes before one of its session that was before it"));
        }
        let state = &mut state[event.key as usize];
        if event.reads() && *state != event.sees {
            return Err((event.row, "does not find what it saw"));
        }
        if event.writes {
            *state = *number;
        }
    }
    match placed.iter().position(|placed| !placed) {
        None => Ok(()),
        Some(number) => Err((execution.events[number].row, "is not placed")),
    }
}
