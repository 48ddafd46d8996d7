//! An append-only list to which each element is appended once.
//!
//! **Places.** The list only grows, so of any two reads one is a prefix of the other, and the longest read shows the
//! order of the elements that anybody saw. Between the append of the `i`-th of them and that of the next are the reads
//! of length `i`. A completed append that nobody saw comes after all of these: the longest read was made without it, and
//! with all of them. So every operation has its place, up to reads of one length and unseen appends, which may be in any
//! order among themselves; by their calls is one. The history is linearizable iff nothing ended before something at an
//! earlier place began. An unknown append is kept iff it was seen.
//!
//! This is the forced order of version chains as in Elle (Kingsbury & Alvaro, VLDB 2020, section 4.2), made complete for
//! one list by the place of unseen appends. `O(n log n)` and once over what was read. Next: `set.rs`.

use std::collections::BTreeMap;

use super::scan::{Placed, in_order};
use super::{Proposal, certified};
use crate::check::wgl::model::{List, ListInput, ListOutput};
use crate::check::wgl::{CallOf, Effort, Judgement};
use crate::history::OpId;

/// Whether the operations on one list are linearizable.
pub fn judge(calls: &[CallOf<List>], effort: Effort) -> Judgement<List> {
    certified(&List, calls, propose(calls), effort)
}

/// What a call says: the list that it read.
fn read(call: &CallOf<List>) -> Option<&[u64]> {
    match &call.output {
        Some(ListOutput::Elements(seen)) => Some(seen),
        _ => None,
    }
}

pub(super) fn propose(calls: &[CallOf<List>]) -> Proposal<List> {
    let mut appends: BTreeMap<u64, &CallOf<List>> = BTreeMap::new();
    for call in calls {
        if let ListInput::Append(element) = call.input
            && appends.insert(element, call).is_some()
        {
            return Proposal::Outside;
        }
    }
    let reads = || calls.iter().filter_map(|call| read(call).map(|seen| (call, seen)));
    let longest = reads().max_by_key(|(_, seen)| seen.len());
    let elements = longest.map_or(&[] as &[u64], |(_, seen)| seen);
    let witness = longest.map(|(call, _)| call.id);
    for (call, seen) in reads() {
        if let Some(place) = (0..seen.len()).find(|place| seen[*place] != elements[*place]) {
            return core(calls, &[seen[place], elements[place]], &[Some(call.id), witness]);
        }
    }
    let mut place_of: BTreeMap<u64, usize> = BTreeMap::new();
    for (place, element) in elements.iter().enumerate() {
        if place_of.insert(*element, place).is_some() || !appends.contains_key(element) {
            return core(calls, &[*element], &[witness]);
        }
    }
    let place = |call: &CallOf<List>| match (call.input, read(call)) {
        (_, Some(seen)) => Some(2 * seen.len()),
        (ListInput::Append(element), _) => match place_of.get(&element) {
            Some(place) => Some(2 * place + 1),
            None => call.output.as_ref().map(|_| 2 * elements.len() + 1),
        },
        (ListInput::Read, None) => None,
    };
    let placed = calls.iter().filter_map(|call| place(call).map(|place| Placed { call, place })).collect();
    match in_order(placed) {
        Ok(order) => Proposal::Order(order),
        Err((earlier, later)) => {
            let mut kept = Vec::new();
            for call in [earlier.call, later.call] {
                if let ListInput::Append(element) = call.input {
                    kept.push(element);
                }
            }
            // Two reads: the later place saw what the earlier did not.
            if let (true, Some(seen)) = (kept.is_empty(), read(earlier.call)) {
                kept.push(elements[seen.len()]);
            }
            core(calls, &kept, &[Some(earlier.call.id), Some(later.call.id), witness])
        }
    }
}

/// These reads, with what they saw of these elements, and the appends of these.
fn core(calls: &[CallOf<List>], elements: &[u64], reads: &[Option<OpId>]) -> Proposal<List> {
    let cut = |call: &CallOf<List>| {
        let is_kept = match call.input {
            ListInput::Append(element) => elements.contains(&element),
            ListInput::Read => reads.contains(&Some(call.id)),
        };
        let mut call = is_kept.then(|| call.clone())?;
        if let Some(ListOutput::Elements(seen)) = &mut call.output {
            seen.retain(|element| elements.contains(element));
        }
        Some(call)
    };
    Proposal::Core(calls.iter().filter_map(cut).collect())
}
