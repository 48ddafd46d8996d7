//! Linearizability of reads, writes and compare-and-sets, in `O(n log n)`: no search, and no budget to run out of.
//!
//! A history is linearizable if its operations can be put in one order in which each does what it reported, and which
//! respects real time: an operation that ended strictly before another began comes first. Operations whose times touch
//! are concurrent, also where one client made both. It is judged key by key, for it holds iff it holds for every key
//! (Herlihy & Wing, *Linearizability*, 1990). Testing one register is NP-complete, but not where every value names its
//! write (Gibbons & Korach, *Testing Shared Memories*, SIAM J. Comput. 26(4), 1997). This is their method of zones,
//! extended to compare-and-sets and to operations without an answer.
//!
//! # The method
//!
//! **Normal form.** Failed operations did nothing: they are deleted, and so are reads without an answer. A refused
//! compare-and-set is a read of the value that it reports; if that is the very value it expected, it lies. An unknown
//! write or compare-and-set is kept iff its value is *needed*: seen by an acknowledged operation, or expected by a
//! compare-and-set that is kept. One that is kept took effect at some time after its call; it returns never. One that
//! is not needed can be left out: in a linearization that has it, nothing that is kept sees its value, so nothing
//! changes when it goes. A value that is needed and that nobody wrote is *thin air*; two kept compare-and-sets from the
//! same value are a *double spend*.
//!
//! **Blocks.** In every linearization the reads of a value follow its write with no other write in between, and a
//! compare-and-set follows the reads of the value that it replaces. So the clusters (a write and its reads) that
//! compare-and-sets link form *blocks*, each contiguous and with the order of its places forced: write, reads,
//! compare-and-set, reads, and so on. Links that close a cycle are a violation; so is a place with an operation that
//! ended before one at an earlier place began. The block of the initial value comes first.
//!
//! **Across blocks.** Let `f` be the earliest return in a block and `s` its latest call. `B` must follow `A` iff
//! `f(A) < s(B)`. If these edges have a cycle, let `A` on it have the least `f`, and let `P` be its predecessor: from
//! some `C` on the cycle an edge enters `P`, so `f(A) <= f(C) < s(P)`, hence `P` must follow `A` as well as precede it.
//! So there is a linearization iff no *two* blocks must follow each other. Call a block forward if `f < s`, with the
//! interval from `f` to `s`, else backward, from `s` to `f`. Two blocks conflict iff both are forward and overlap, or
//! one is backward and strictly inside the other, which is forward. So one sort by the lower end (backward first where
//! they tie) and one scan decide, and that same order is the linearization.
//!
//! # Certificates
//!
//! A pass is given only after the linearization was replayed, operation by operation, against a register. A violation
//! comes with a [`Counterexample`]: at most six operations where there are only reads and writes, else these and the
//! compare-and-sets that tie them together.
//!
//! To be able to show a piece of a history, this is what it means to take an operation out. If it wrote a value, the
//! reads of that value go too, for without it they would be out of thin air; a compare-and-set that replaced that value
//! stays as a plain write. Both only loosen: what is left of a linearizable history is linearizable. A counterexample
//! is rejected on its own (as [`excerpt`] shows it), and taking out any one of its operations leaves a linearizable
//! rest. Only where it is a chain of more than some two thousand compare-and-sets may the search for a smaller one be
//! given up, and then the counterexample says so.
//!
//! Next: `items.rs`, the normal form.

mod certificate;
mod counterexample;
mod items;
mod online;
#[cfg(test)]
mod tests;
pub(in crate::check) mod words;
mod zones;

use super::{Counterexample, NOT_REGISTERS, Verdict};
use crate::history::{History, OpId, Outcome};
use crate::id::{Key, Value};
use crate::op::{Op, Reply};
use certificate::Replay;
use items::{Item, Items};
pub use online::{Findings, Online, Violation};
use zones::Obstacle;

/// How many operations the reduction of one counterexample may examine: enough for chains of two thousand.
const REDUCTION_STEPS: u64 = 4_000_000;

/// A verdict, and what was done to reach it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Judgement {
    /// Fails where any key fails, with the smallest counterexample of any; else inconclusive where any key is.
    pub verdict: Verdict,
    /// How many keys were judged: all that the history has.
    pub keys: u64,
    /// How many of them are not linearizable.
    pub keys_failed: u64,
    /// How many of them could not be judged.
    pub keys_inconclusive: u64,
    /// How many operations were examined, in all passes: the cost of the verdict, the same on every machine.
    pub steps: u64,
}

/// Whether the history is linearizable. See [`judge`].
pub fn linearizable(history: &History) -> Verdict {
    judge(history).verdict
}

/// Whether the history is linearizable: every key of it, in `O(n log n)` time and `O(n)` memory.
///
/// The history must be unambiguous: on no key may two operations that took effect, or may have, write the same value.
/// Where they do, the key is [`Verdict::Inconclusive`]. So it is if a certificate does not hold, which would be an
/// error of this checker.
///
/// ```
/// use riftzone::check::linearizable::linearizable;
/// use riftzone::history::History;
/// use riftzone::id::{ClientId, Key, NodeId, Value};
/// use riftzone::op::{Op, Reply};
/// use riftzone::time::Time;
///
/// let (at, node) = (Time::from_nanos, NodeId(0));
/// let mut history = History::new();
/// let write = history.invoke(ClientId(0), Op::Write(Key(0), Value(1)), at(0));
/// history.complete(write, Reply::Written, node, at(10));
/// let stale = history.invoke(ClientId(1), Op::Read(Key(0)), at(20));
/// history.complete(stale, Reply::Read(None), node, at(30));
/// assert!(linearizable(&history).is_fail());
/// ```
pub fn judge(history: &History) -> Judgement {
    if !history.is_of_registers() {
        let verdict = Verdict::Inconclusive { why: NOT_REGISTERS.to_string() };
        return Judgement { verdict, keys: 0, keys_failed: 0, keys_inconclusive: 0, steps: 0 };
    }
    judge_where(history, |_| true)
}

/// Whether the operations on one key are linearizable. See [`judge`].
pub fn judge_key(history: &History, key: Key) -> Judgement {
    judge_where(history, |other| other == key)
}

/// An order in which the operations on `key` can have taken effect, checked by replay. Unknown operations whose effect
/// nobody saw are left out. `O(n log n)`.
///
/// # Errors
/// Where there is none, the verdict that says so: a failure or inconclusive.
pub fn linearization(history: &History, key: Key) -> Result<Vec<OpId>, Verdict> {
    let Items { items, lies } = items::normalise(history, |other| other == key);
    let mut steps = 0;
    judge_items(&mut Replay::new(history), history, key, &items, lies.first().map(|lie| lie.1), &mut steps)
}

/// These operations as a history of their own, in the order of invocation: what a [`Counterexample`] is judged by.
///
/// A compare-and-set whose expected value was, or may have been, written in the whole history, but by none of these
/// operations, becomes a write of its new value. Everything else is as it was. `O(n log n)`.
///
/// # Panics
/// Where an operation is not in the history.
pub fn excerpt(history: &History, operations: &[OpId]) -> History {
    let mut rows = operations.to_vec();
    rows.sort_unstable();
    rows.dedup();
    let writes = |id: OpId| {
        let operation = history.get(id);
        let effect = match operation.outcome {
            Outcome::Ok => operation.acknowledged_write(),
            Outcome::Unknown => operation.op.written(),
            Outcome::Fail => None,
        };
        effect.map(|value| (operation.op.key(), value))
    };
    let sorted = |ids: &mut dyn Iterator<Item = OpId>| {
        let mut written: Vec<(Key, Value)> = ids.filter_map(writes).collect();
        written.sort_unstable();
        written
    };
    let all = sorted(&mut history.ids());
    let here = sorted(&mut rows.iter().copied());
    let mut excerpt = History::new();
    for id in rows {
        let operation = history.get(id);
        let op = match operation.op {
            Op::CompareAndSet { key, expected: Some(value), new }
                if all.binary_search(&(key, value)).is_ok()
                    && here.binary_search(&(key, value)).is_err()
                    && !matches!(operation.reply, Some(Reply::Mismatch(_))) =>
            {
                Op::Write(key, new)
            }
            op => op,
        };
        let row = excerpt.invoke(operation.client, op, operation.invoked);
        match (operation.outcome, operation.reply) {
            (Outcome::Ok, Some(reply)) => {
                excerpt.complete(row, reply, operation.server.unwrap_or_default(), operation.completed);
            }
            (Outcome::Fail, _) => excerpt.fail(row, operation.completed),
            _ => {}
        }
    }
    excerpt
}

fn judge_where(history: &History, wanted: impl Fn(Key) -> bool + Copy) -> Judgement {
    let Items { items, lies } = items::normalise(history, wanted);
    let mut judgement = Judgement { verdict: Verdict::Pass, keys: 0, keys_failed: 0, keys_inconclusive: 0, steps: 0 };
    let mut replay = Replay::new(history);
    for (key, items) in by_key(&items, &lies) {
        let lie = lies.get(lies.partition_point(|lie| lie.0 < key)).filter(|lie| lie.0 == key);
        judgement.keys += 1;
        let judged = judge_items(&mut replay, history, key, items, lie.map(|lie| lie.1), &mut judgement.steps);
        let Err(verdict) = judged else { continue };
        match &verdict {
            Verdict::Fail(_) => judgement.keys_failed += 1,
            _ => judgement.keys_inconclusive += 1,
        }
        let size = |verdict: &Verdict| match verdict {
            Verdict::Fail(counterexample) => counterexample.operations.len(),
            Verdict::Inconclusive { .. } => usize::MAX - 1,
            Verdict::Pass => usize::MAX,
        };
        if size(&verdict) < size(&judgement.verdict) {
            judgement.verdict = verdict;
        }
    }
    judgement
}

/// The items of every key that has items or lies, in the order of keys.
fn by_key<'a>(items: &'a [Item], lies: &[(Key, OpId)]) -> Vec<(Key, &'a [Item])> {
    let mut keys: Vec<(Key, &[Item])> =
        items.chunk_by(|one, other| one.key == other.key).map(|items| (items[0].key, items)).collect();
    let with_items = keys.len();
    for (key, _) in lies {
        if keys[..with_items].binary_search_by_key(key, |group| group.0).is_err() {
            keys.push((*key, &[]));
        }
    }
    keys.sort_by_key(|group| group.0);
    keys.dedup_by_key(|group| group.0);
    keys
}

/// The linearization of one key, replayed; or why there is none.
fn judge_items(
    replay: &mut Replay,
    history: &History,
    key: Key,
    items: &[Item],
    lie: Option<OpId>,
    steps: &mut u64,
) -> Result<Vec<OpId>, Verdict> {
    *steps += items.len() as u64;
    if let Some(id) = lie {
        let why = words::lie(history, key, id);
        return Err(Verdict::Fail(Counterexample { why, operations: vec![id] }));
    }
    let broken = |why: String| Verdict::Inconclusive { why: format!("{key}: an error of the checker: {why}") };
    match zones::analyse(items) {
        Ok(zones) => {
            let order = zones.linearization();
            let acknowledged = items.iter().filter(|item| item.known).count() as u64;
            replay.check(key, &order, acknowledged).map_err(broken)?;
            Ok(order)
        }
        Err(Obstacle::Duplicate { first, second }) => {
            let item = |index: u32| &items[index as usize];
            Err(Verdict::Inconclusive { why: words::duplicate(history, item(first), item(second)) })
        }
        Err(Obstacle::Violation { core, .. }) => {
            let Some(minimal) = counterexample::minimise(core, steps, REDUCTION_STEPS) else {
                return Err(broken("its counterexample is linearizable".to_string()));
            };
            let mut why = words::why(history, &minimal.items, &minimal.reason);
            if !minimal.minimal {
                why.push_str(" (perhaps fewer operations would do: reducing them further was given up)");
            }
            Err(Verdict::Fail(Counterexample { why, operations: minimal.items.iter().map(|item| item.row).collect() }))
        }
    }
}
