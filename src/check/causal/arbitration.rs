//! CC and CCv together: the arbitration that reads demand, and whether it has a cycle. Next: `replay.rs`.
//!
//! For a read of `w1` every other write of the key in its past must be arbitrated before `w1`. Of each chain the last one
//! is enough, for those before it are before it in session order. What is in the past of `w1` anyway needs no edge. So
//! for each write that was read one number a chain is kept: the last write of the key there that must come before.
//!
//! CC is broken iff such an edge contradicts `co`, and then CCv is broken too: so CC is looked at only where CCv fails.

use super::Found;
use super::past::{Pasts, Visit, holds};
use super::patterns;
use super::replay::{self, Finds};
use crate::check::execution::witness::{Label, Violation};
use crate::check::execution::{Event, Execution, INITIAL, NONE, UNPLACED};

/// The writes of one chain to one key, with their places on it.
struct Chain {
    chain: u32,
    writes: Vec<(u32, u32)>,
}

/// What is found while the events are met.
struct Demands {
    /// By key.
    chains: Vec<Vec<Chain>>,
    /// For each session and key, for each chain of the key: how many of its writes are in the past.
    pointers: Vec<Vec<u32>>,
    group: Vec<u32>,
    /// Which chain of its key each group writes to.
    own: Vec<u32>,
    /// For each write that was read, for each chain of its key: how many of its writes must come before.
    rows: Vec<Vec<u32>>,
    /// A write in the past of a read of the initial value.
    init_read: Option<(u32, u32)>,
    steps: u64,
}

impl Demands {
    fn new(execution: &Execution) -> Demands {
        let (group, groups) = execution.groups();
        Demands {
            chains: execution.keys.iter().map(|_| Vec::new()).collect(),
            pointers: vec![Vec::new(); groups],
            group,
            own: vec![NONE; groups],
            rows: vec![Vec::new(); execution.events.len()],
            init_read: None,
            steps: 0,
        }
    }

    fn read(&mut self, number: u32, event: &Event, past: &[u32], pasts: &Pasts) {
        let chains = &self.chains[event.key as usize];
        let kept = &mut self.pointers[self.group[number as usize] as usize];
        // The past of an unanswered one does not go on in its session.
        let mut lost = if event.known { Vec::new() } else { kept.clone() };
        let pointers = if event.known { kept } else { &mut lost };
        pointers.resize(chains.len(), 0);
        self.steps += chains.len() as u64;
        let source = event.source();
        let seen_past = source.map_or(&[][..], |source| pasts.of(source));
        for (slot, (chain, pointer)) in chains.iter().zip(pointers).enumerate() {
            let count = past.get(chain.chain as usize).copied().unwrap_or(0);
            // Nothing of the chain is in this past that is not in that of what it saw: the pointer may wait.
            if seen_past.get(chain.chain as usize).is_some_and(|seen| *seen >= count) {
                continue;
            }
            while chain.writes.get(*pointer as usize).is_some_and(|write| write.0 <= count) {
                *pointer += 1;
            }
            let Some((place, write)) = pointer.checked_sub(1).map(|last| chain.writes[last as usize]) else { continue };
            match source {
                None => {
                    self.init_read.get_or_insert((write, number));
                }
                Some(source) if source == write => {}
                Some(source) => {
                    if seen_past.get(chain.chain as usize).is_some_and(|count| *count >= place) {
                        continue;
                    }
                    let row = &mut self.rows[source as usize];
                    if row.len() <= slot {
                        row.resize(chains.len(), 0);
                    }
                    row[slot] = row[slot].max(*pointer);
                }
            }
        }
    }

    fn write(&mut self, number: u32, event: &Event, pasts: &Pasts) {
        let at = pasts.places[number as usize];
        let chains = &mut self.chains[event.key as usize];
        let own = &mut self.own[self.group[number as usize] as usize];
        let slot = if event.known && *own != NONE {
            *own as usize
        } else if let Some(slot) = chains.iter().position(|chain| chain.chain == at.chain) {
            slot
        } else {
            chains.push(Chain { chain: at.chain, writes: Vec::new() });
            chains.len() - 1
        };
        if event.known {
            *own = slot as u32;
        }
        chains[slot].writes.push((at.place, number));
    }

    /// What must be arbitrated before this write beside its past.
    fn before(&self, execution: &Execution, write: u32) -> impl Iterator<Item = u32> + '_ {
        let chains = &self.chains[execution.event(write).key as usize];
        let row = self.rows[write as usize].iter().zip(chains);
        row.filter(|(count, _)| **count > 0).map(|(count, chain)| chain.writes[*count as usize - 1].1)
    }
}

impl Visit for Demands {
    fn visit(&mut self, number: u32, event: &Event, past: &[u32], pasts: &Pasts) {
        if event.source().is_some() || event.sees == INITIAL {
            self.read(number, event, past, pasts);
        }
        if event.writes {
            self.write(number, event, pasts);
        }
    }
}

/// Judges CC, and CCv by the version order where the execution has one.
pub(in crate::check) fn judge(execution: &Execution, steps: &mut u64) -> (Found, Found) {
    let both = |violation: Violation| (Found::Violation(violation.clone()), Found::Violation(violation));
    if let Some(violation) = patterns::alone(execution) {
        return both(violation);
    }
    let mut demands = Demands::new(execution);
    let pasts = Pasts::new(execution, &mut demands, steps);
    *steps += demands.steps;
    if pasts.spent {
        let (met, all) = (pasts.order.len(), execution.events.len());
        let spent =
            || Found::Spent(format!("with {met} of {all} operations met: the memory for their pasts was spent"));
        return (spent(), spent());
    }
    if pasts.order.len() < execution.events.len() {
        return both(own_past(execution, &pasts));
    }
    if let Some((write, read)) = demands.init_read {
        return both(patterns::init_read(execution, write, read));
    }
    let versions = Versions::new(execution);
    let convergence = match arbitrate(execution, &demands, &versions, &pasts.order) {
        Err(cycle) => Found::Violation(conflict(execution, &pasts, &demands, &versions, &cycle)),
        Ok(order) => match versions.swap_apart(execution) {
            Some(violation) => Found::Violation(violation),
            None => match replay::arbitration(execution, &pasts, &order, Finds::TheLast, steps) {
                Ok(()) => return (Found::Nothing, Found::Nothing),
                Err(why) => return (Found::Broken(why.clone()), Found::Broken(why)),
            },
        },
    };
    let causal = match overwritten(execution, &pasts, &demands, steps) {
        Some((old, new)) => {
            let read = reader(execution, &pasts, new, old);
            Found::Violation(patterns::read_over(execution, old, new, read))
        }
        None => match replay::arbitration(execution, &pasts, &pasts.order, Finds::NoneReplaced, steps) {
            Ok(()) => Found::Nothing,
            Err(why) => Found::Broken(why),
        },
    };
    (causal, convergence)
}

/// An arbitration, if CCv has one: an order of all events that respects `co` and what reads demand.
pub(in crate::check) fn order(execution: &Execution, steps: &mut u64) -> Option<Vec<u32>> {
    let mut demands = Demands::new(execution);
    let pasts = Pasts::new(execution, &mut demands, steps);
    *steps += demands.steps;
    let whole = pasts.order.len() == execution.events.len() && demands.init_read.is_none();
    whole.then(|| arbitrate(execution, &demands, &Versions { by_key: Vec::new() }, &pasts.order).ok())?
}

/// For each write the version before it.
struct Versions {
    by_key: Vec<Vec<u32>>,
}

impl Versions {
    fn new(execution: &Execution) -> Versions {
        Versions { by_key: if execution.rank.is_empty() { Vec::new() } else { execution.versions() } }
    }

    fn before(&self, execution: &Execution, event: u32) -> Option<u32> {
        if self.by_key.is_empty() {
            return None;
        }
        let rank = execution.rank.get(event as usize).filter(|rank| **rank != UNPLACED)?;
        let before = rank.checked_sub(2)?;
        Some(self.by_key[execution.event(event).key as usize][before as usize])
    }

    /// A compare-and-set whose version does not follow the one that it saw.
    fn swap_apart(&self, execution: &Execution) -> Option<Violation> {
        let apart = |swap: &u32| {
            let event = execution.event(*swap);
            let (rank, seen) = (execution.rank[*swap as usize], execution.rank_seen(*swap));
            event.writes && event.reads() && rank != UNPLACED && seen != UNPLACED && seen + 1 < rank
        };
        let swap = execution.numbers().take(execution.rank.len()).find(apart)?;
        let between = self.before(execution, swap)?;
        Some(patterns::swap_apart(execution, execution.event(swap).source(), between, swap))
    }
}

/// An order of all events that respects `co`, the demands and the version order; or the events of a cycle. A search in
/// depth along what must come before, from each event in turn.
fn arbitrate(
    execution: &Execution,
    demands: &Demands,
    versions: &Versions,
    events: &[u32],
) -> Result<Vec<u32>, Vec<u32>> {
    const NEW: u8 = 0;
    const OPEN: u8 = 1;
    const DONE: u8 = 2;
    let mut color = vec![NEW; execution.events.len()];
    let mut order = Vec::with_capacity(events.len());
    let mut path: Vec<(u32, u32)> = Vec::new();
    for root in events {
        if color[*root as usize] != NEW {
            continue;
        }
        path.push((*root, 0));
        color[*root as usize] = OPEN;
        while let Some((event, next)) = path.last_mut() {
            let (event, place) = (*event, *next);
            *next += 1;
            let Some(before) = predecessor(execution, demands, versions, event, place) else {
                color[event as usize] = DONE;
                order.push(event);
                path.pop();
                continue;
            };
            if before == NONE {
                continue;
            }
            match color[before as usize] {
                NEW => {
                    color[before as usize] = OPEN;
                    path.push((before, 0));
                }
                OPEN => {
                    let from = path.iter().rposition(|(event, _)| *event == before).unwrap_or(0);
                    return Err(path[from..].iter().map(|(event, _)| *event).collect());
                }
                _ => {}
            }
        }
    }
    Ok(order)
}

/// What must come before an event, one after another: [`NONE`] where there is nothing in this place, nothing after the
/// last.
#[inline]
fn predecessor(execution: &Execution, demands: &Demands, versions: &Versions, event: u32, place: u32) -> Option<u32> {
    match place {
        0 => Some(execution.event(event).before),
        1 => Some(execution.event(event).source().unwrap_or(NONE)),
        2 => Some(versions.before(execution, event).unwrap_or(NONE)),
        _ => {
            let slot = place as usize - 3;
            let count = demands.rows[event as usize].get(slot)?;
            let chains = &demands.chains[execution.event(event).key as usize];
            Some(count.checked_sub(1).map_or(NONE, |last| chains[slot].writes[last as usize].1))
        }
    }
}

/// The reader of `old` in whose past `new` is.
fn reader(execution: &Execution, pasts: &Pasts, new: u32, old: u32) -> u32 {
    let sees = |event: &u32| execution.event(*event).sees == old;
    let after = |event: &u32| holds(&pasts.past(execution, *event), pasts.places[new as usize]);
    execution.numbers().filter(sees).find(after).unwrap_or(old)
}

/// The cycle as a violation.
fn conflict(execution: &Execution, pasts: &Pasts, demands: &Demands, versions: &Versions, cycle: &[u32]) -> Violation {
    let mut steps = patterns::shortest(cycle, |event| {
        let mut before = direct(execution, event);
        before.extend(versions.before(execution, event).map(|version| (version, Label::Versions)));
        // Whose read it is for is looked for in the few that are left.
        let unread = Label::Conflict(execution.event(event).row);
        before.extend(demands.before(execution, event).map(|write| (write, unread)));
        before
    });
    let mut support = Vec::new();
    for (from, to, label) in &mut steps {
        if let Label::Conflict(read) = label {
            let reader = reader(execution, pasts, *from, *to);
            *read = execution.event(reader).row;
            let path = patterns::path(execution, *from, reader, &patterns::Causal).unwrap_or_default();
            support.extend(path.iter().flat_map(|step| [step.0, step.1]).chain([reader]));
        }
    }
    patterns::cyclic(execution, &steps, &support)
}

/// What is just before an event in session order and reads-from.
fn direct(execution: &Execution, event: u32) -> Vec<(u32, Label)> {
    let of = execution.event(event);
    let session = (of.before != NONE).then_some((of.before, Label::Session));
    session.into_iter().chain(of.source().map(|source| (source, Label::ReadsFrom))).collect()
}

/// A write and one that must be arbitrated before it, but is after it in `co`.
fn overwritten(execution: &Execution, pasts: &Pasts, demands: &Demands, steps: &mut u64) -> Option<(u32, u32)> {
    execution.numbers().find_map(|old| {
        *steps += demands.rows[old as usize].len() as u64;
        demands.before(execution, old).find(|new| pasts.precedes(old, *new)).map(|new| (old, new))
    })
}

/// The cycle in `co` among the events that were not met.
fn own_past(execution: &Execution, pasts: &Pasts) -> Violation {
    let mut met = vec![false; execution.events.len()];
    pasts.order.iter().for_each(|event| met[*event as usize] = true);
    let waits_for = |event: u32| {
        let of = execution.event(event);
        let needs = [of.before, of.source().unwrap_or(NONE)];
        needs.into_iter().find(|need| *need != NONE && !met[*need as usize])
    };
    let mut walk: Vec<u32> = execution.numbers().filter(|event| !met[*event as usize]).take(1).collect();
    let mut seen = vec![false; execution.events.len()];
    while let Some(next) = walk.last().and_then(|last| waits_for(*last)) {
        if std::mem::replace(&mut seen[next as usize], true) {
            let from = walk.iter().position(|event| *event == next).unwrap_or(0);
            walk.drain(..from);
            break;
        }
        walk.push(next);
    }
    patterns::cyclic(execution, &patterns::shortest(&walk, |event| direct(execution, event)), &[])
}
