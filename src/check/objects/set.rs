//! A set: without reads of the whole, or one that only grows and to which each element is added once.
//!
//! **Without reads of the whole** every operation is about one element, so the set is as many objects as it has elements,
//! and each is judged alone (Herlihy & Wing 1990, theorem 1): a search over two states. An order of all is had from the
//! orders of each by giving every operation the earliest instant that its order and its call allow, and sorting.
//!
//! **Where it only grows**, of any two reads one includes the other; so reads are in levels, by the number of elements.
//! An element was added between the last level without it and the first with it; a completed addition that no read shows
//! comes after all reads. So every operation has its place, and a history is linearizable iff nothing ended before
//! something at an earlier place began. Whether an element is in the set ([`SetInput::Contains`]) would tie the
//! places of one element only, and is left to the search, as removals are beside whole reads.
//!
//! `O(n log n)` and once over what was read. Next: `counter.rs`.

use std::collections::BTreeMap;

use super::scan::{Placed, in_order};
use super::{Proposal, certified};
use crate::check::wgl::model::{Set, SetInput, SetOutput};
use crate::check::wgl::{self, CallOf, Effort, Judgement, Ruling};
use crate::history::OpId;
use crate::time::Time;

/// Whether the operations on one set are linearizable.
pub fn judge(calls: &[CallOf<Set>], effort: Effort) -> Judgement<Set> {
    let has = |wanted: fn(&SetInput) -> bool| calls.iter().any(|call| wanted(&call.input));
    if !has(|input| matches!(input, SetInput::Read)) {
        return match by_element(calls, effort) {
            Ok((order, steps)) => {
                let judged = certified(&Set, calls, Proposal::Order(order), effort);
                Judgement { steps: steps + judged.steps, ..judged }
            }
            Err(judged) => judged,
        };
    }
    if has(|input| matches!(input, SetInput::Remove(_) | SetInput::Contains(_))) {
        return wgl::judge(&Set, calls, effort);
    }
    certified(&Set, calls, propose(calls), effort)
}

/// An order of all operations, and the steps; or the judgement of one element that says why there is none.
pub(super) fn by_element(calls: &[CallOf<Set>], effort: Effort) -> Result<(Vec<OpId>, u64), Judgement<Set>> {
    let mut elements: BTreeMap<u64, Vec<CallOf<Set>>> = BTreeMap::new();
    for call in calls {
        if let SetInput::Add(element) | SetInput::Remove(element) | SetInput::Contains(element) = call.input {
            elements.entry(element).or_default().push(call.clone());
        }
    }
    let invoked: BTreeMap<OpId, Time> = calls.iter().map(|call| (call.id, call.invoked)).collect();
    let mut points: Vec<(Time, usize, OpId)> = Vec::new();
    let (mut steps, mut open) = (0, None);
    for calls in elements.values() {
        let judged = wgl::judge(&Set, calls, effort);
        steps += judged.steps;
        match judged.ruling {
            Ruling::Violation(_) => return Err(Judgement { ruling: judged.ruling, steps }),
            Ruling::Inconclusive { .. } => open = Some(judged.ruling),
            Ruling::Linearizable(order) => {
                let mut point = Time::ZERO;
                for id in order {
                    point = point.max(invoked.get(&id).copied().unwrap_or_default());
                    points.push((point, points.len(), id));
                }
            }
        }
    }
    if let Some(ruling) = open {
        return Err(Judgement { ruling, steps });
    }
    points.sort_unstable();
    Ok((points.into_iter().map(|point| point.2).collect(), steps))
}

/// What a call says: the elements that it read.
fn read(call: &CallOf<Set>) -> Option<&[u64]> {
    match &call.output {
        Some(SetOutput::Elements(seen)) => Some(seen),
        _ => None,
    }
}

pub(super) fn propose(calls: &[CallOf<Set>]) -> Proposal<Set> {
    let mut adds: BTreeMap<u64, &CallOf<Set>> = BTreeMap::new();
    for call in calls {
        if let SetInput::Add(element) = call.input
            && adds.insert(element, call).is_some()
        {
            return Proposal::Outside;
        }
    }
    let mut reads: Vec<(&CallOf<Set>, &[u64])> =
        calls.iter().filter_map(|call| read(call).map(|seen| (call, seen))).collect();
    reads.sort_by_key(|(call, seen)| (seen.len(), call.id));
    // For every element the first read that shows it.
    let mut first: BTreeMap<u64, usize> = BTreeMap::new();
    for (level, (call, seen)) in reads.iter().enumerate() {
        let fresh: Vec<u64> = seen.iter().copied().filter(|element| !first.contains_key(element)).collect();
        if let Some(element) = fresh.iter().find(|element| !adds.contains_key(element)) {
            return core(calls, &[*element], &[call.id]);
        }
        if seen.len() - fresh.len() < first.len() {
            return not_included(calls, &reads[..level], call, seen, fresh.first().copied());
        }
        first.extend(fresh.into_iter().map(|element| (element, seen.len())));
    }
    let last = reads.last().map_or(0, |(_, seen)| seen.len());
    let place = |call: &CallOf<Set>| match (call.input, read(call)) {
        (_, Some(seen)) => Some(2 * seen.len()),
        (SetInput::Add(element), _) => match first.get(&element) {
            Some(size) => Some(2 * size - 1),
            None => call.output.as_ref().map(|_| 2 * last + 1),
        },
        _ => None,
    };
    let placed = calls.iter().filter_map(|call| place(call).map(|place| Placed { call, place })).collect();
    match in_order(placed) {
        Ok(order) => Proposal::Order(order),
        Err((earlier, later)) => misplaced(calls, earlier.call, later.call, &reads, &first),
    }
}

/// A read that lacks an element that a smaller one, or one of the same size, has.
fn not_included(
    calls: &[CallOf<Set>],
    smaller: &[(&CallOf<Set>, &[u64])],
    call: &CallOf<Set>,
    seen: &[u64],
    fresh: Option<u64>,
) -> Proposal<Set> {
    for (other, elements) in smaller {
        if let Some(lacking) = elements.iter().find(|element| seen.binary_search(element).is_err()) {
            let only_here = seen.iter().copied().find(|element| elements.binary_search(element).is_err());
            let kept: Vec<u64> = [Some(*lacking), only_here.or(fresh)].into_iter().flatten().collect();
            return core(calls, &kept, &[call.id, other.id]);
        }
    }
    Proposal::Outside
}

/// Two that real time has against their places: what shows the places.
fn misplaced(
    calls: &[CallOf<Set>],
    earlier: &CallOf<Set>,
    later: &CallOf<Set>,
    reads: &[(&CallOf<Set>, &[u64])],
    first: &BTreeMap<u64, usize>,
) -> Proposal<Set> {
    let mut elements = Vec::new();
    let mut shown = vec![earlier.id, later.id];
    for call in [earlier, later] {
        if let SetInput::Add(element) = call.input {
            elements.push(element);
        }
    }
    match (read(earlier), read(later)) {
        // Two reads: the later place saw what the earlier did not.
        (Some(before), Some(after)) => {
            elements.extend(after.iter().copied().find(|element| before.binary_search(element).is_err()));
        }
        // Two additions: the smallest read that has the one has not the other.
        (None, None) => {
            let size = elements.first().and_then(|element| first.get(element));
            let witness = reads.iter().find(|(_, seen)| Some(&seen.len()) == size);
            shown.extend(witness.map(|(call, _)| call.id));
        }
        _ => {}
    }
    core(calls, &elements, &shown)
}

/// These reads, with what they saw of these elements, and the additions of these.
fn core(calls: &[CallOf<Set>], elements: &[u64], reads: &[OpId]) -> Proposal<Set> {
    let cut = |call: &CallOf<Set>| {
        let is_kept = match call.input {
            SetInput::Add(element) | SetInput::Remove(element) | SetInput::Contains(element) => {
                elements.contains(&element)
            }
            SetInput::Read => reads.contains(&call.id),
        };
        let mut call = is_kept.then(|| call.clone())?;
        if let Some(SetOutput::Elements(seen)) = &mut call.output {
            seen.retain(|element| elements.contains(element));
        }
        Some(call)
    };
    Proposal::Core(calls.iter().filter_map(cut).collect())
}
