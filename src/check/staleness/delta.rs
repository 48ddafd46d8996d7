//! Δ-atomicity: the least Δ such that a history becomes linearizable when every read may begin Δ earlier.
//!
//! Golab, Li & Shah, *Analyzing Consistency Properties for Fun and Profit*, PODC 2011. Zero iff the history is
//! linearizable. There may be no such Δ: where a value comes from nowhere, or writes alone contradict real time, the fault
//! is not staleness.
//!
//! # The method
//!
//! With the blocks of [`linearizable`](crate::check::linearizable): for a block let `f` be the earliest return in it and
//! `s` its latest call. To shift reads does not move `f`, and makes `s` the greater of `w`, the latest call of a write or
//! compare-and-set, and `r - Δ`, for the latest call `r` of a read. A history is linearizable iff
//!
//! 1. inside every block nothing returns before something at a strictly earlier place is called. If that is a write, no
//!    Δ helps; if it is a read, Δ must be at least the difference;
//! 2. nothing in another block returns before something in the initial block is called: likewise;
//! 3. no two other blocks have `f(A) < s(B)` and `f(B) < s(A)`.
//!
//! All of them only become easier as Δ grows, so the least Δ is the greatest of those of the three. For the third, given
//! Δ, go through the blocks by `f`: a block `B` conflicts with an earlier one iff among those with `f(A) < s(B)` some has
//! `s(A) > f(B)`, so a prefix maximum of `s` and, for the blocks with `s(B) <= f(B)`, one binary search decide. What is
//! needed is a difference of two times of the history, so a binary search over Δ takes the logarithm of the longest time
//! in it. `O(n log n + b log b log T)` for `b` blocks.

use crate::check::execution::{Execution, INITIAL, THIN_AIR, Unfit};
use crate::check::linearizable::{self, words::tell};
use crate::check::sequential::blocks::Blocks;
use crate::check::{Counterexample, Verdict};
use crate::history::{History, OpId, Outcome};
use crate::id::Key;
use crate::op::{OpKind, Reply};
use crate::time::{Duration, Time};

/// The least Δ of a history.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Deltas {
    /// The least Δ for all keys; none where no Δ is enough.
    pub least: Option<Duration>,
    /// The same of each key, in the order of keys.
    pub by_key: Vec<(Key, Option<Duration>)>,
    /// How many operations and blocks were examined.
    pub steps: u64,
}

/// The least Δ. `O(n log n log T)` at worst.
///
/// # Errors
/// Where two operations may both have written a value of a key: why, in words.
///
/// ```
/// use riftzone::check::staleness::delta;
/// use riftzone::history::History;
/// use riftzone::id::{ClientId, Key, NodeId, Value};
/// use riftzone::op::{Op, Reply};
/// use riftzone::time::{Duration, Time};
///
/// let (at, node, key) = (Time::from_nanos, NodeId(0), Key(0));
/// let mut history = History::new();
/// let write = history.invoke(ClientId(0), Op::Write(key, Value(1)), at(0));
/// history.complete(write, Reply::Written, node, at(10));
/// let stale = history.invoke(ClientId(1), Op::Read(key), at(25));
/// history.complete(stale, Reply::Read(None), node, at(30));
/// assert_eq!(delta(&history)?.least, Some(Duration::nanos(15)));
/// # Ok::<(), String>(())
/// ```
pub fn delta(history: &History) -> Result<Deltas, String> {
    let execution = Execution::new(history, None).map_err(|Unfit(why)| why)?;
    let mut steps = execution.events.len() as u64;
    let mut hopeless = vec![false; execution.keys.len()];
    let thin = execution.events.iter().filter(|event| event.sees == THIN_AIR).map(|event| event.key);
    let lies = execution.lies.iter().map(|lie| execution.event(*lie).key);
    thin.chain(lies).for_each(|key| hopeless[key as usize] = true);
    let found = match Blocks::new(&execution) {
        Ok(blocks) => zones(&execution, &blocks, &mut hopeless, &mut steps),
        // Two swaps of one value, or a cycle of swaps: judge the keys apart, to tell which.
        Err(_) => return apart(history, &execution, &hopeless, steps),
    };
    let by_key = execution
        .keys
        .iter()
        .enumerate()
        .map(|(key, name)| (*name, (!hopeless[key]).then(|| Duration::nanos(found[key]))));
    let by_key: Vec<(Key, Option<Duration>)> = by_key.collect();
    let least = by_key.iter().map(|key| key.1).try_fold(Duration::ZERO, |most, one| one.map(|one| most.max(one)));
    Ok(Deltas { least, by_key, steps })
}

fn apart(history: &History, execution: &Execution, hopeless: &[bool], steps: u64) -> Result<Deltas, String> {
    let mut deltas = Deltas { least: None, by_key: Vec::new(), steps };
    if let [key] = execution.keys[..] {
        deltas.by_key.push((key, None));
        return Ok(deltas);
    }
    for (place, key) in execution.keys.iter().enumerate() {
        let ids: Vec<OpId> = history.ids().filter(|id| history.get(*id).op.key() == *key).collect();
        let of_key = delta(&linearizable::excerpt(history, &ids))?;
        deltas.steps += of_key.steps;
        deltas.by_key.push((*key, of_key.least.filter(|_| !hopeless[place])));
    }
    Ok(deltas)
}

/// A block by what binds it: all in nanoseconds.
#[derive(Clone, Copy)]
struct Zone {
    key: u32,
    first_return: u64,
    last_write_call: u64,
    last_read_call: u64,
}

impl Zone {
    fn last_call(&self, delta: u64) -> u64 {
        self.last_write_call.max(self.last_read_call.saturating_sub(delta))
    }
}

/// The least Δ of every key in nanoseconds, but for those that are found to be hopeless.
fn zones(execution: &Execution, blocks: &Blocks, hopeless: &mut [bool], steps: &mut u64) -> Vec<u64> {
    let mut order: Vec<(u64, u32)> = execution.numbers().map(|number| (blocks.at(number), number)).collect();
    order.sort_unstable();
    let mut least = vec![0; execution.keys.len()];
    let mut zones = Vec::new();
    let mut initial: Vec<Option<Zone>> = vec![None; execution.keys.len()];
    for of_block in order.chunk_by(|one, other| one.0 >> 32 == other.0 >> 32) {
        let key = execution.event(of_block[0].1).key;
        let mut zone = Zone { key, first_return: u64::MAX, last_write_call: 0, last_read_call: 0 };
        for of_place in of_block.chunk_by(|one, other| one.0 == other.0) {
            let (writes_before, reads_before) = (zone.last_write_call, zone.last_read_call);
            for (_, number) in of_place {
                let operation = execution.history.get(execution.event(*number).row);
                let (call, end) = (operation.invoked.as_nanos(), operation.completed.as_nanos());
                hopeless[key as usize] |= end < writes_before;
                least[key as usize] = least[key as usize].max(reads_before.saturating_sub(end));
                zone.first_return = zone.first_return.min(end);
                let last =
                    if execution.event(*number).writes { &mut zone.last_write_call } else { &mut zone.last_read_call };
                *last = call.max(*last);
            }
        }
        if blocks.head((of_block[0].0 >> 32) as u32) == INITIAL {
            initial[key as usize] = Some(zone);
        } else {
            zones.push(zone);
        }
    }
    zones.sort_unstable_by_key(|zone| (zone.key, zone.first_return));
    for zones in zones.chunk_by(|one, other| one.key == other.key) {
        let key = zones[0].key as usize;
        if let Some(initial) = initial[key] {
            hopeless[key] |= zones[0].first_return < initial.last_write_call;
            least[key] = least[key].max(initial.last_read_call.saturating_sub(zones[0].first_return));
        }
        least[key] = least[key].max(between(zones, &mut hopeless[key], steps));
    }
    least
}

/// The least Δ in nanoseconds such that no two of these blocks, by first return, conflict.
fn between(zones: &[Zone], hopeless: &mut bool, steps: &mut u64) -> u64 {
    let mut conflict = |delta: u64| {
        *steps += zones.len() as u64;
        conflict(zones, delta)
    };
    if !conflict(0) {
        return 0;
    }
    let last = zones.iter().map(|zone| zone.last_read_call).max().unwrap_or(0);
    if conflict(last) {
        *hopeless = true;
        return 0;
    }
    let (mut too_little, mut enough) = (0, last);
    while enough - too_little > 1 {
        let middle = too_little + (enough - too_little) / 2;
        if conflict(middle) { too_little = middle } else { enough = middle }
    }
    enough
}

/// Whether any two blocks must each come before the other.
fn conflict(zones: &[Zone], delta: u64) -> bool {
    let mut greatest = Vec::with_capacity(zones.len()); // of the blocks before each
    let mut so_far = 0;
    for zone in zones {
        greatest.push(so_far);
        // One with a last call so late that this block may have to come before it, too.
        if so_far > zone.first_return {
            let call = zone.last_call(delta);
            let before = zones[..greatest.len() - 1].partition_point(|other| other.first_return < call);
            if greatest[before] > zone.first_return {
                return true;
            }
        }
        so_far = so_far.max(zone.last_call(delta));
    }
    false
}

/// Whether the history is Δ-atomic for this Δ: judged by linearizability with all reads begun that much earlier, whose
/// certificate it has. The steps are those of that. `O(n log n)`.
pub fn delta_atomic(history: &History, delta: Duration) -> (Verdict, u64) {
    let (shifted, ids) = shifted(history, delta);
    let judgement = linearizable::judge(&shifted);
    let verdict = match judgement.verdict {
        Verdict::Fail(found) => {
            let mut operations: Vec<OpId> = found.operations.iter().map(|id| ids[id.0 as usize]).collect();
            operations.sort_unstable();
            let all: Vec<String> = operations.iter().map(|id| tell(history, *id)).collect();
            let why = format!("even if reads may begin {delta} earlier, no order fits: {}", all.join(", "));
            Verdict::Fail(Counterexample { why, operations })
        }
        verdict => verdict,
    };
    (verdict, judgement.steps)
}

/// The history with every read, and every refused compare-and-set, begun earlier; and the number that each operation had.
fn shifted(history: &History, delta: Duration) -> (History, Vec<OpId>) {
    let mut rows: Vec<(Time, OpId)> = Vec::with_capacity(history.len());
    for operation in history.iter() {
        let reads = operation.op.kind() == OpKind::Read || matches!(operation.reply, Some(Reply::Mismatch(_)));
        let back = if reads { delta } else { Duration::ZERO };
        rows.push((Time::from_nanos(operation.invoked.as_nanos().saturating_sub(back.as_nanos())), operation.id));
    }
    rows.sort_unstable();
    let mut shifted = History::new();
    for (invoked, id) in &rows {
        let operation = history.get(*id);
        let row = shifted.invoke(operation.client, operation.op, *invoked);
        match (operation.outcome, operation.reply) {
            (Outcome::Ok, Some(reply)) => {
                shifted.complete(row, reply, operation.server.unwrap_or_default(), operation.completed);
            }
            (Outcome::Fail, _) => shifted.fail(row, operation.completed),
            _ => {}
        }
    }
    (shifted, rows.into_iter().map(|(_, id)| id).collect())
}
