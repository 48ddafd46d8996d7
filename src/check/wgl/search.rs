//! The search in one stretch of a history. Next: `windows.rs`, which cuts the history into stretches.
//!
//! Operations are numbered in the order of invocation. Those not yet placed are in two linked lists: calls and returns
//! of answered operations in the order of time, and calls of unknown ones. What can be next is then found from the heads
//! of the lists, without looking at anything that is placed.

use std::collections::BTreeMap;

use super::memory::{Memory, Seen, zobrist};
use super::states::States;
use super::{CallOf, Model};
use crate::time::Time;

/// Operations are told apart from states in the keys of the memory.
const OPERATION: u64 = 1;
const STATE: u64 = 2;

const NONE: u32 = u32::MAX;

/// What a search is for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Goal {
    /// One order of all answered operations.
    First,
    /// Every state that can hold after all of them, each with one order.
    EveryExit,
}

/// An order of all answered operations of the stretch.
pub(super) struct Way<S> {
    /// From which of the states that were given.
    pub entry: usize,
    /// To which state.
    pub exit: S,
    /// The operations, by their numbers in the stretch.
    pub order: Vec<u32>,
}

/// The longest order that led nowhere.
#[derive(Default)]
pub(super) struct Longest {
    /// How many answered operations it has.
    pub placed: usize,
    /// The operations.
    pub order: Vec<u32>,
}

/// How a search ended.
pub(super) struct Searched<S> {
    /// The ways through: one or, where every exit was asked for, one to each.
    pub ways: Vec<Way<S>>,
    /// The longest order that led nowhere.
    pub longest: Longest,
    /// Whether the budget was spent before all was known.
    pub spent: bool,
    /// How many operations were tried.
    pub steps: u64,
}

/// A point of the search: an operation was placed, and these can be next.
struct Point {
    /// The operation; [`NONE`] at the root.
    placed: u32,
    state: u32,
    /// The exclusive-or of the numbers of what is placed.
    key: u128,
    /// Where its candidates begin in the common stack; they end where those of the next point begin.
    from: u32,
    /// The next candidate to try.
    next: u32,
    /// Whether the one candidate is an observer that can go first without loss.
    forced: bool,
}

struct Search<'a, M: Model> {
    model: &'a M,
    calls: &'a [CallOf<M>],
    states: States<M::State>,
    seen: Seen,
    /// Linked lists over nodes: `2i` is the call of operation `i`, `2i + 1` its return.
    after: Vec<u32>,
    before: Vec<u32>,
    /// An equal operation that goes first.
    twin: Vec<u32>,
    placed: Vec<u64>,
    candidates: Vec<u32>,
    points: Vec<Point>,
    /// How many answered operations are placed.
    depth: usize,
    longest: Longest,
    steps: u64,
}

/// Searches `calls`, which are in the order of invocation, from each of `entries`.
pub(super) fn search<M: Model>(
    model: &M,
    calls: &[CallOf<M>],
    entries: &[M::State],
    goal: Goal,
    budget: u64,
    memory: Memory,
) -> Searched<M::State> {
    let mut search = Search::new(model, calls, memory);
    let answered = calls.iter().filter(|call| call.output.is_some()).count();
    let mut ways: Vec<Way<M::State>> = Vec::new();
    let mut exits: Vec<u32> = Vec::new();
    let mut spent = false;
    for (entry, state) in entries.iter().enumerate() {
        let state = search.states.number(state.clone());
        if answered == 0 {
            ways.push(Way { entry, exit: search.states.get(state).clone(), order: Vec::new() });
            continue;
        }
        search.begin(state);
        while let Some(exit) = search.next_exit(answered, budget) {
            if !exits.contains(&exit) {
                exits.push(exit);
                ways.push(Way { entry, exit: search.states.get(exit).clone(), order: search.order() });
            }
            if goal == Goal::First {
                return search.ended(ways, false);
            }
        }
        spent = search.steps >= budget;
        if spent {
            break;
        }
    }
    search.ended(ways, spent)
}

impl<'a, M: Model> Search<'a, M> {
    fn new(model: &'a M, calls: &'a [CallOf<M>], memory: Memory) -> Search<'a, M> {
        let n = calls.len() as u32;
        let mut events: Vec<(Time, bool, u32)> = Vec::with_capacity(2 * calls.len());
        let mut unknown = Vec::new();
        for (index, call) in (0..n).zip(calls) {
            if call.output.is_some() {
                events.push((call.invoked, false, 2 * index));
                events.push((call.completed, true, 2 * index + 1));
            } else {
                unknown.push(2 * index);
            }
        }
        // Calls before returns of the same time: times that touch are concurrent.
        events.sort_unstable();
        let mut search = Search {
            model,
            calls,
            states: States::new(),
            seen: Seen::new(memory, calls.len()),
            after: vec![NONE; 2 * calls.len() + 4],
            before: vec![NONE; 2 * calls.len() + 4],
            twin: twins(model, calls),
            placed: vec![0; calls.len().div_ceil(64)],
            candidates: Vec::new(),
            points: Vec::new(),
            depth: 0,
            longest: Longest::default(),
            steps: 0,
        };
        search.chain(2 * n, events.into_iter().map(|event| event.2));
        search.chain(2 * n + 2, unknown.into_iter());
        search
    }

    /// Links these nodes between the sentinels `head` and `head + 1`.
    fn chain(&mut self, head: u32, nodes: impl Iterator<Item = u32>) {
        let mut last = head;
        for node in nodes.chain([head + 1]) {
            self.after[last as usize] = node;
            self.before[node as usize] = last;
            last = node;
        }
    }

    fn unlink(&mut self, node: u32) {
        let (before, after) = (self.before[node as usize], self.after[node as usize]);
        self.after[before as usize] = after;
        self.before[after as usize] = before;
    }

    fn relink(&mut self, node: u32) {
        let (before, after) = (self.before[node as usize], self.after[node as usize]);
        self.after[before as usize] = node;
        self.before[after as usize] = node;
    }

    fn is_placed(&self, index: u32) -> bool {
        self.placed[index as usize / 64] >> (index % 64) & 1 == 1
    }

    fn place(&mut self, index: u32) {
        self.placed[index as usize / 64] ^= 1 << (index % 64);
        self.unlink(2 * index);
        if self.calls[index as usize].output.is_some() {
            self.unlink(2 * index + 1);
            self.depth += 1;
        }
    }

    fn take_back(&mut self, index: u32) {
        if self.calls[index as usize].output.is_some() {
            self.relink(2 * index + 1);
            self.depth -= 1;
        }
        self.relink(2 * index);
        self.placed[index as usize / 64] ^= 1 << (index % 64);
    }

    fn begin(&mut self, state: u32) {
        self.points.clear();
        self.candidates.clear();
        self.seen.insert(zobrist(STATE, state), state, &self.placed);
        self.enter(NONE, state, 0);
    }

    /// Opens a point: looks what can be next.
    fn enter(&mut self, placed: u32, state: u32, key: u128) {
        let from = self.candidates.len() as u32;
        let end = 2 * self.calls.len() as u32 + 1;
        let mut forced = false;
        let mut node = self.after[end as usize - 1];
        while node != end && node & 1 == 0 {
            let index = node / 2;
            let call = &self.calls[index as usize];
            if self.model.observes(&call.input, call.output.as_ref()) {
                let held = self.states.get(state);
                if self.model.can_answer(held, &call.input, call.output.as_ref()) {
                    self.candidates.truncate(from as usize);
                    self.candidates.push(index);
                    forced = true;
                    break;
                }
            } else if self.twin[index as usize] == NONE || self.is_placed(self.twin[index as usize]) {
                self.candidates.push(index);
            }
            node = self.after[node as usize];
        }
        if !forced && node != end {
            self.unknown_candidates(self.calls[node as usize / 2].completed);
        }
        self.points.push(Point { placed, state, key, from, next: from, forced });
    }

    /// Unknown operations that began by then.
    fn unknown_candidates(&mut self, until: Time) {
        let end = 2 * self.calls.len() as u32 + 3;
        let mut node = self.after[end as usize - 1];
        while node != end {
            let index = node / 2;
            if self.calls[index as usize].invoked > until {
                break;
            }
            let twin = self.twin[index as usize];
            if twin == NONE || self.is_placed(twin) {
                self.candidates.push(index);
            }
            node = self.after[node as usize];
        }
    }

    /// The state at the next way through; the points then show the way. `None` where there is no further one, or the
    /// budget is spent.
    fn next_exit(&mut self, answered: usize, budget: u64) -> Option<u32> {
        if self.depth == answered {
            self.retreat();
        }
        while let Some(point) = self.points.last_mut() {
            if point.next as usize == self.candidates.len() {
                self.retreat();
                continue;
            }
            if self.steps >= budget {
                self.keep_longest();
                return None;
            }
            self.steps += 1;
            let index = self.candidates[point.next as usize];
            point.next += 1;
            let (from, key, forced) = (point.state, point.key ^ zobrist(OPERATION, index), point.forced);
            let call = &self.calls[index as usize];
            let mut state = from;
            if !forced {
                let held = self.states.get(from);
                let Some(next) = self.model.step(held, &call.input, call.output.as_ref()) else { continue };
                if call.output.is_none() && next == *held {
                    continue;
                }
                state = self.states.number(next);
                if !self.is_new(index, state, key) {
                    continue;
                }
            }
            self.place(index);
            if self.depth == answered {
                let from = self.candidates.len() as u32;
                self.points.push(Point { placed: index, state, key, from, next: from, forced: false });
                return Some(state);
            }
            self.enter(index, state, key);
        }
        None
    }

    /// Whether the configuration that placing `index` leads to was not seen before.
    fn is_new(&mut self, index: u32, state: u32, key: u128) -> bool {
        let (word, bit) = (index as usize / 64, 1 << (index % 64));
        self.placed[word] ^= bit;
        let is_new = self.seen.insert(key ^ zobrist(STATE, state), state, &self.placed);
        self.placed[word] ^= bit;
        is_new
    }

    /// Closes the last point, and takes its operation back.
    fn retreat(&mut self) {
        self.keep_longest();
        let Some(point) = self.points.pop() else { return };
        self.candidates.truncate(point.from as usize);
        if point.placed != NONE {
            self.take_back(point.placed);
        }
    }

    fn keep_longest(&mut self) {
        if self.depth > self.longest.placed || self.longest.order.is_empty() {
            self.longest = Longest { placed: self.depth, order: self.order() };
        }
    }

    fn order(&self) -> Vec<u32> {
        self.points.iter().map(|point| point.placed).filter(|placed| *placed != NONE).collect()
    }

    fn ended(self, ways: Vec<Way<M::State>>, spent: bool) -> Searched<M::State> {
        Searched { ways, longest: self.longest, spent, steps: self.steps }
    }
}

/// How many equal operations before one are looked at for its twin.
const TWINS_LOOKED_AT: usize = 8;

/// What makes operations equal: the question and the answer.
type Said<'a, M> = (&'a <M as Model>::Input, &'a Option<<M as Model>::Output>);

/// For every operation an equal one that began and ended no later, where one is near.
fn twins<M: Model>(model: &M, calls: &[CallOf<M>]) -> Vec<u32> {
    let mut same: BTreeMap<Said<M>, Vec<u32>> = BTreeMap::new();
    let mut twins = vec![NONE; calls.len()];
    for (index, call) in (0_u32..).zip(calls) {
        if model.observes(&call.input, call.output.as_ref()) {
            continue;
        }
        let earlier = same.entry((&call.input, &call.output)).or_default();
        let goes_first = |other: &&u32| calls[**other as usize].completed <= call.completed;
        twins[index as usize] = earlier.iter().rev().take(TWINS_LOOKED_AT).find(goes_first).map_or(NONE, |twin| *twin);
        earlier.push(index);
    }
    twins
}
