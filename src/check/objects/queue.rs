//! A first-in-first-out queue to which each value is enqueued once.
//!
//! Let the enqueue of `v` be from `ec` to `er`, and its dequeue from `dc` to `dr`; never, where nobody dequeued it. The
//! enqueue comes before the dequeue, so it took effect by `er' = min(er, dr)`, and the dequeue not before
//! `dc' = max(dc, ec)`. Values pass the queue in one order; `a` must be before `b` in it iff `er'(a) < ec(b)` (an *E*
//! edge) or `dr(a) < dc'(b)` (a *D* edge).
//!
//! **Two values suffice.** Let no value be dequeued before its enqueue began, so that `ec <= er'` and `dc' <= dr`. In a
//! shortest cycle of edges no two of one kind follow each other, for such two make one. Where it alternates,
//! `a E b D c E d D ...`: from `er'(a) < ec(b)` and `er'(c) < ec(d)` follows `er'(a) < ec(d)` or `er'(c) < ec(b)`, the
//! lesser of `er'(a)`, `er'(c)` being below both; either is a shorter cycle. So there is a cycle iff some
//! `a E b D a`. (Henzinger, Sezgin & Vafeiadis, *Aspect-Oriented Linearizability Proofs*, CONCUR 2013; Bouajjani et al.,
//! ICALP 2015, have the same as four patterns: a fresh value, a repeated one, one out of order, a wrong empty.)
//!
//! **Order.** Without a cycle, take any order of values that respects the edges, and let each operation take effect as
//! early as the ones before it in that order and its own call allow: enqueues at `max ec`, dequeues at `max(ec, dc)`
//! over all values up to theirs. That is within every operation's times just because the edges are respected.
//!
//! **Empty answers.** `v` is in the queue for certain strictly between `er'` and `dc'`. An empty answer can be at any
//! instant of its own times that no value covers so. At that instant all `v` with `dc' <= t` are passed, and the others
//! still to come: where `dc'(a) > t`, and so `er'(a) >= t`, no edge leads from `a` to a `b` with `dc'(b) <= t`. So the
//! instants of empty answers cut the order of values into pieces.
//!
//! A dequeue without an answer may have taken any value: such histories go to the search. An enqueue without an answer
//! is kept iff its value was dequeued. `O(n log n)`. Next: `scan.rs`.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};

use super::{Proposal, certified};
use crate::check::wgl::model::{Queue, QueueInput, QueueOutput};
use crate::check::wgl::{CallOf, Effort, Judgement};
use crate::history::OpId;
use crate::time::Time;

/// Whether the operations on one queue are linearizable.
pub fn judge(calls: &[CallOf<Queue>], effort: Effort) -> Judgement<Queue> {
    certified(&Queue, calls, propose(calls), effort)
}

/// A value's way through the queue.
struct Passage<'a> {
    enqueue: &'a CallOf<Queue>,
    dequeue: Option<&'a CallOf<Queue>>,
    /// `ec`, `er'`, `dc'`, `dr` of above.
    call: Time,
    entered: Time,
    leaves: Time,
    end: Time,
}

impl<'a> Passage<'a> {
    fn new(enqueue: &'a CallOf<Queue>, dequeue: Option<&'a CallOf<Queue>>) -> Passage<'a> {
        let end = dequeue.map_or(Time::NEVER, |dequeue| dequeue.completed);
        let leaves = dequeue.map_or(Time::NEVER, |dequeue| dequeue.invoked.max(enqueue.invoked));
        Passage { enqueue, dequeue, call: enqueue.invoked, entered: enqueue.completed.min(end), leaves, end }
    }

    fn calls(&self) -> impl Iterator<Item = CallOf<Queue>> {
        [Some(self.enqueue), self.dequeue].into_iter().flatten().cloned()
    }
}

pub(super) fn propose(calls: &[CallOf<Queue>]) -> Proposal<Queue> {
    let mut enqueues: BTreeMap<u64, &CallOf<Queue>> = BTreeMap::new();
    let mut dequeues: BTreeMap<u64, &CallOf<Queue>> = BTreeMap::new();
    let mut empties: Vec<&CallOf<Queue>> = Vec::new();
    let mut repeated = None;
    for call in calls {
        match (call.input, call.output) {
            (QueueInput::Enqueue(value), _) => {
                if enqueues.insert(value, call).is_some() {
                    return Proposal::Outside;
                }
            }
            (QueueInput::Dequeue, Some(QueueOutput::Dequeued(Some(value)))) => {
                if let Some(other) = dequeues.insert(value, call) {
                    repeated = Some((value, other, call));
                }
            }
            (QueueInput::Dequeue, Some(QueueOutput::Dequeued(None))) => empties.push(call),
            (QueueInput::Dequeue, _) => return Proposal::Outside,
        }
    }
    if let Some((value, one, other)) = repeated {
        let enqueue = enqueues.get(&value).copied();
        return Proposal::Core([enqueue, Some(one), Some(other)].into_iter().flatten().cloned().collect());
    }
    if let Some((_, dequeue)) = dequeues.iter().find(|(value, _)| !enqueues.contains_key(value)) {
        return Proposal::Core(vec![(*dequeue).clone()]);
    }
    let is_kept = |(value, call): &(&u64, &&CallOf<Queue>)| call.output.is_some() || dequeues.contains_key(value);
    let mut passages: Vec<Passage> = enqueues
        .iter()
        .filter(is_kept)
        .map(|(value, enqueue)| Passage::new(enqueue, dequeues.get(value).copied()))
        .collect();
    passages.sort_by_key(|passage| (passage.call, passage.enqueue.id));
    if let Some(early) = passages.iter().find(|passage| passage.end < passage.call) {
        return Proposal::Core(early.calls().collect());
    }
    if let Some((one, other)) = out_of_order(&passages) {
        return Proposal::Core(one.calls().chain(other.calls()).collect());
    }
    match instants(&passages, &empties) {
        Ok(instants) => order(&passages, &instants).map_or(Proposal::Outside, Proposal::Order),
        Err(core) => Proposal::Core(core),
    }
}

/// Two values `a E b D a`. `passages` are by `ec`.
fn out_of_order<'a, 'b>(passages: &'b [Passage<'a>]) -> Option<(&'b Passage<'a>, &'b Passage<'a>)> {
    let mut by_entered: Vec<&Passage> = passages.iter().collect();
    by_entered.sort_by_key(|passage| passage.entered);
    let mut entered = by_entered.into_iter().peekable();
    // Of all that must be before the value looked at, the one that leaves last.
    let mut last: Option<&Passage> = None;
    for passage in passages {
        while let Some(next) = entered.next_if(|next| next.entered < passage.call) {
            if last.is_none_or(|last| last.leaves < next.leaves) {
                last = Some(next);
            }
        }
        if let Some(last) = last.filter(|last| passage.end < last.leaves) {
            return Some((last, passage));
        }
    }
    None
}

/// An empty answer and an instant at which it can be.
type Empty<'a> = (Time, &'a CallOf<Queue>);

/// For every empty answer the first instant at which it can be, in the order of these; or an answer with the values
/// that cover it.
fn instants<'a>(passages: &[Passage], empties: &[&'a CallOf<Queue>]) -> Result<Vec<Empty<'a>>, Vec<CallOf<Queue>>> {
    let mut by_entered: Vec<&Passage> = passages.iter().filter(|passage| passage.entered < passage.leaves).collect();
    by_entered.sort_by_key(|passage| passage.entered);
    // Up to each, the one that leaves last: it covers the most of what comes after.
    let mut last: Vec<&Passage> = Vec::with_capacity(by_entered.len());
    for passage in &by_entered {
        let before = last.last().filter(|before| before.leaves >= passage.leaves);
        last.push(before.unwrap_or(passage));
    }
    let cover = |at: Time| {
        let entered = by_entered.partition_point(|passage| passage.entered < at);
        entered.checked_sub(1).map(|place| last[place]).filter(|passage| at < passage.leaves)
    };
    // The end of the cover of an instant is sought in what other answers have found, so that covers are walked once.
    let mut found: BTreeMap<Time, Time> = BTreeMap::new();
    let mut instants = Vec::with_capacity(empties.len());
    for empty in empties {
        let (mut at, mut walked) = (empty.invoked, Vec::new());
        while at <= empty.completed {
            let Some(passage) = cover(at) else { break };
            walked.push(at);
            at = found.get(&passage.leaves).copied().unwrap_or(passage.leaves);
        }
        if at > empty.completed {
            return Err(covered(empty, cover));
        }
        found.extend(walked.into_iter().map(|walked| (walked, at)));
        instants.push((at, *empty));
    }
    instants.sort_by_key(|(at, empty)| (*at, empty.id));
    Ok(instants)
}

/// An empty answer and the values that cover all its instants.
fn covered<'b, 'a: 'b>(empty: &CallOf<Queue>, cover: impl Fn(Time) -> Option<&'b Passage<'a>>) -> Vec<CallOf<Queue>> {
    let mut core = vec![empty.clone()];
    let mut at = empty.invoked;
    while let Some(passage) = cover(at).filter(|_| at <= empty.completed) {
        core.extend(passage.calls());
        at = passage.leaves;
    }
    core
}

/// The order of all operations. `None` where there is none, which cannot be.
fn order(passages: &[Passage], instants: &[Empty]) -> Option<Vec<OpId>> {
    // By the empty answers that come before: those with an instant before `dc'`.
    let mut pieces: Vec<Vec<&Passage>> = vec![Vec::new(); instants.len() + 1];
    for passage in passages {
        pieces[instants.partition_point(|(at, _)| *at < passage.leaves)].push(passage);
    }
    let mut order = Vec::new();
    let (mut enqueued, mut dequeued) = (Time::ZERO, Time::ZERO);
    for (piece, passages) in pieces.into_iter().enumerate() {
        let mut events: Vec<(Time, bool, usize, OpId)> = Vec::new();
        for (place, passage) in values_in_order(passages)?.into_iter().enumerate() {
            enqueued = enqueued.max(passage.call);
            events.push((enqueued, false, place, passage.enqueue.id));
            if let Some(dequeue) = passage.dequeue {
                dequeued = dequeued.max(enqueued).max(dequeue.invoked);
                events.push((dequeued, true, place, dequeue.id));
            }
        }
        events.sort_unstable();
        order.extend(events.into_iter().map(|event| event.3));
        if let Some((at, empty)) = instants.get(piece) {
            order.push(empty.id);
            (enqueued, dequeued) = (enqueued.max(*at), dequeued.max(*at));
        }
    }
    Some(order)
}

/// The values in an order that respects the edges: always one that begins and leaves before any other has to.
fn values_in_order<'a, 'b>(passages: Vec<&'b Passage<'a>>) -> Option<Vec<&'b Passage<'a>>> {
    let n = passages.len();
    let sorted = |key: &dyn Fn(&Passage) -> Time| {
        let mut places: Vec<usize> = (0..n).collect();
        places.sort_by_key(|place| (key(passages[*place]), *place));
        places
    };
    let (by_call, by_entered) = (sorted(&|passage| passage.call), sorted(&|passage| passage.entered));
    let by_end = sorted(&|passage| passage.end);
    let mut is_placed = vec![false; n];
    let (mut called, mut entered, mut ended) = (0, 0, 0);
    // Those that no E edge leads to, by `dc'`.
    let mut ready: BinaryHeap<Reverse<(Time, usize)>> = BinaryHeap::new();
    let mut order = Vec::with_capacity(n);
    while order.len() < n {
        while is_placed[by_entered[entered]] {
            entered += 1;
        }
        while is_placed[by_end[ended]] {
            ended += 1;
        }
        let deadline = passages[by_entered[entered]].entered;
        while called < n && passages[by_call[called]].call <= deadline {
            ready.push(Reverse((passages[by_call[called]].leaves, by_call[called])));
            called += 1;
        }
        let Reverse((leaves, place)) = ready.pop()?;
        if leaves > passages[by_end[ended]].end {
            return None;
        }
        is_placed[place] = true;
        order.push(passages[place]);
    }
    Some(order)
}
