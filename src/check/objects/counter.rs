//! A counter to which all additions add the same number.
//!
//! **Slots.** Let that number be 1. A read of `k` is after exactly `k` additions. So the `j`-th addition takes effect no
//! earlier than the latest call of any read below `j`, and no later than the earliest return of any read of `j` or more:
//! its slot. Slots do not go backwards, at either end; where one ends before it begins, two reads contradict each other.
//! As many slots must be filled as the greatest read has. What is left over comes after all reads: that must be possible
//! for every addition that was answered, and one without an answer is then left out.
//!
//! **Filling.** Additions are all alike, so those slots that one can be in (their times touch its own) follow each
//! other. *Earliest deadline first* finds an assignment iff there is one: in the order of slots, each takes of the
//! additions that can be in it the one whose last slot is the earliest, and of these the one that returned first
//! (Glover, *Maximum Matching in a Convex Bipartite Graph*, 1967; an addition without an answer has no deadline). No
//! slot is left empty while anything can be in it, so those that must be filled are, if they can. The order also keeps
//! real time: had an addition ended before one in an earlier slot began, it could have been in that earlier slot itself,
//! and would have been preferred.
//!
//! Additions of different numbers go to the search: to tell whether some of them make up what was read is a subset sum.
//! A violation is made small with this method as the judge, since no few operations need be one. `O(n log n)`. Next:
//! `lock.rs`.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use crate::check::wgl::model::{Counter, CounterInput, CounterOutput};
use crate::check::wgl::{self, CallOf, Effort, Judgement, Ruling, refute, replay};
use crate::history::OpId;
use crate::time::Time;

/// Whether the operations on one counter are linearizable.
pub fn judge(calls: &[CallOf<Counter>], effort: Effort) -> Judgement<Counter> {
    let steps = calls.len() as u64;
    match order(calls) {
        Filled::Order(order) if replay(&Counter, calls, &order).is_ok() => {
            Judgement { ruling: Ruling::Linearizable(order), steps }
        }
        Filled::Nowhere => match refute(&Counter, calls, effort, |calls| order(calls) == Filled::Nowhere) {
            Some((refutation, spent)) => Judgement { ruling: Ruling::Violation(refutation), steps: steps + spent },
            None => wgl::judge(&Counter, calls, effort),
        },
        Filled::Order(_) | Filled::Outside => wgl::judge(&Counter, calls, effort),
    }
}

/// What the method finds.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Filled {
    /// An order of the operations.
    Order(Vec<OpId>),
    /// There is none.
    Nowhere,
    /// The method does not take these operations.
    Outside,
}

/// What was read, in additions, and by whom.
type Read<'a> = (usize, &'a CallOf<Counter>);

pub(super) fn order(calls: &[CallOf<Counter>]) -> Filled {
    let mut adds: Vec<&CallOf<Counter>> = Vec::new();
    let mut seen: Vec<(i64, &CallOf<Counter>)> = Vec::new();
    let mut step = None;
    for call in calls {
        match (call.input, call.output) {
            (CounterInput::Add(more), None | Some(CounterOutput::Done)) => {
                if more == 0 || *step.get_or_insert(more) != more {
                    return Filled::Outside;
                }
                adds.push(call);
            }
            (CounterInput::Read, Some(CounterOutput::Read(number))) => seen.push((number, call)),
            (CounterInput::Read, None) => {}
            _ => return Filled::Outside,
        }
    }
    let step = step.unwrap_or(1);
    // The model counts in 64 bits; where that could overflow, a number does not tell how many additions it is.
    if step.checked_mul(adds.len() as i64).is_none() {
        return Filled::Outside;
    }
    let mut reads: Vec<Read> = Vec::with_capacity(seen.len());
    for (number, call) in seen {
        let is_multiple = number.checked_rem(step) == Some(0);
        let level = number.checked_div(step).and_then(|level| usize::try_from(level).ok());
        match level.filter(|level| is_multiple && *level <= adds.len()) {
            Some(level) => reads.push((level, call)),
            None => return Filled::Nowhere,
        }
    }
    reads.sort_by_key(|(level, call)| (*level, call.invoked, call.id));
    fill(&adds, &reads).map_or(Filled::Nowhere, Filled::Order)
}

/// From when to when the addition in each slot can take effect; the last is the place after all reads.
fn slots(reads: &[Read]) -> Vec<(Time, Time)> {
    let top = reads.last().map_or(0, |read| read.0);
    let mut slots = vec![(Time::ZERO, Time::NEVER); top + 1];
    for (level, read) in reads {
        slots[*level].0 = slots[*level].0.max(read.invoked);
        if let Some(before) = level.checked_sub(1) {
            slots[before].1 = slots[before].1.min(read.completed);
        }
    }
    for slot in 1..=top {
        slots[slot].0 = slots[slot].0.max(slots[slot - 1].0);
    }
    for slot in (0..top).rev() {
        slots[slot].1 = slots[slot].1.min(slots[slot + 1].1);
    }
    slots
}

/// `reads` are by what they saw. `None` where there is no order.
fn fill(adds: &[&CallOf<Counter>], reads: &[Read]) -> Option<Vec<OpId>> {
    let slots = slots(reads);
    let top = slots.len() - 1;
    if slots.iter().any(|(first, last)| last < first) {
        return None;
    }
    // For each the first slot that it can be in, the one after its last, its return and its call.
    let mut jobs: Vec<(usize, usize, Time, Time, OpId)> = Vec::with_capacity(adds.len());
    for call in adds {
        let from = slots.partition_point(|(_, last)| *last < call.invoked);
        let until = slots.partition_point(|(first, _)| *first <= call.completed);
        jobs.push((from, until, call.completed, call.invoked, call.id));
    }
    jobs.sort_unstable();
    let mut jobs = jobs.into_iter().peekable();
    let mut ready: BinaryHeap<Reverse<(usize, Time, Time, OpId)>> = BinaryHeap::new();
    let mut order = Vec::with_capacity(adds.len() + reads.len());
    let mut reads = reads.iter().peekable();
    for slot in 0..=top {
        while let Some((_, read)) = reads.next_if(|(level, _)| *level == slot) {
            order.push(read.id);
        }
        while let Some((_, until, end, call, id)) = jobs.next_if(|job| job.0 <= slot) {
            ready.push(Reverse((until, end, call, id)));
        }
        if slot < top {
            let Reverse((until, _, _, id)) = ready.pop()?;
            if until <= slot {
                return None;
            }
            order.push(id);
        }
    }
    let mut rest: Vec<(Time, OpId)> = Vec::new();
    for Reverse((until, end, call, id)) in ready {
        if until <= top {
            return None;
        }
        if end != Time::NEVER {
            rest.push((call, id));
        }
    }
    rest.sort_unstable();
    order.extend(rest.into_iter().map(|(_, id)| id));
    Some(order)
}
