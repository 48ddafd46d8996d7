//! Making a violation small. Next: `model/mod.rs`.
//!
//! Every step of the reduction only loosens, so that what it ends with proves the whole history wrong. First the
//! history is cut at a completion: what was asked later goes, and what was answered later loses its answer. If the
//! history had a linearization, its beginning up to the last operation that completed by then would be one of this.
//! Then operations are taken out, many at a time and then fewer (delta-debugging: Zeller & Hildebrandt, *Simplifying and
//! Isolating Failure-Inducing Input*, 2002), until none can be taken out alone.

use super::memory::Memory;
use super::search::{Goal, search};
use super::windows::{Ended, search_windows};
use super::{CallOf, Effort, Model, Refutation};
use crate::time::Time;

/// Who says whether operations have no linearization, at so many steps at most: the answer, if it is known, and the
/// steps that it took.
type Judge<'a, M> = &'a dyn Fn(&[CallOf<M>], u64) -> (Option<bool>, u64);

struct Reducer<'a, M: Model> {
    model: &'a M,
    effort: Effort,
    judge: Judge<'a, M>,
    steps: u64,
    /// Whether some question was left open for want of steps.
    gave_up: bool,
}

/// How many steps the longest order of a counterexample is worth.
const EXPLANATION_STEPS: u64 = 4_000_000;

/// The violation in `calls`, which is complete at `until`, made small; and the steps that this took. `None` where the
/// search finds an order of what is left, so that the judge is wrong.
pub(super) fn reduce<M: Model>(
    model: &M,
    calls: &[CallOf<M>],
    until: Time,
    effort: Effort,
    judge: Judge<M>,
) -> Option<(Refutation<M>, u64)> {
    let mut reducer = Reducer { model, effort, judge, steps: 0, gave_up: false };
    let beginning = reducer.shortest_beginning(calls, until);
    let small = reducer.take_out(beginning);
    let minimal = !reducer.gave_up;
    let refutation = reducer.explain(small, minimal)?;
    Some((refutation, reducer.steps))
}

/// The search as the judge.
pub(super) fn by_search<M: Model>(model: &M, memory: Memory) -> impl Fn(&[CallOf<M>], u64) -> (Option<bool>, u64) + '_ {
    move |calls, budget| {
        let found = search_windows(model, calls, budget, memory);
        let answer = match found.ended {
            Ended::Nowhere { .. } => Some(true),
            Ended::Through(_) => Some(false),
            Ended::Spent { .. } => None,
        };
        (answer, found.steps + calls.len() as u64 / 8)
    }
}

impl<M: Model> Reducer<'_, M> {
    /// Whether these have no linearization; where the budget does not suffice to tell, it is not said.
    fn is_violation(&mut self, calls: &[CallOf<M>]) -> bool {
        let left = self.effort.reduction_steps.saturating_sub(self.steps);
        // A question that cannot be answered soon is not worth all that is left.
        let budget = left.min((self.effort.reduction_steps / 16).max(1));
        let (answer, steps) = (self.judge)(calls, budget);
        self.steps += steps;
        self.gave_up |= answer.is_none();
        answer == Some(true)
    }

    /// The history up to the first completion by which it is a violation.
    fn shortest_beginning(&mut self, calls: &[CallOf<M>], until: Time) -> Vec<CallOf<M>> {
        let mut ends: Vec<Time> =
            calls.iter().map(|call| call.completed).filter(|at| *at <= until && *at != Time::NEVER).collect();
        ends.sort_unstable();
        ends.dedup();
        let (mut low, mut high) = (0, ends.len().saturating_sub(1));
        while low < high {
            let middle = low.midpoint(high);
            if self.is_violation(&beginning(self.model, calls, ends[middle])) {
                high = middle;
            } else {
                low = middle + 1;
            }
        }
        // A beginning that could not be decided makes this one longer than need be, not wrong.
        ends.get(high).map_or_else(|| calls.to_vec(), |end| beginning(self.model, calls, *end))
    }

    fn take_out(&mut self, mut calls: Vec<CallOf<M>>) -> Vec<CallOf<M>> {
        let mut size = (calls.len() / 2).max(1);
        loop {
            let before = calls.len();
            let mut end = calls.len();
            while end > 0 {
                if self.steps >= self.effort.reduction_steps {
                    self.gave_up = true;
                    return calls;
                }
                let from = end.saturating_sub(size);
                if let Some(fewer) = self.without(&calls, from, end)
                    && self.is_violation(&fewer)
                {
                    calls = fewer;
                }
                end = from.min(calls.len());
            }
            if size > 1 {
                size /= 2;
            } else if calls.len() == before {
                return calls;
            }
        }
    }

    /// The history without those of the operations in this range that the model can do without; `None` where it can do
    /// without none of them.
    fn without(&self, calls: &[CallOf<M>], from: usize, end: usize) -> Option<Vec<CallOf<M>>> {
        let mut left: Option<Vec<CallOf<M>>> = None;
        for call in calls[from..end].iter().rev() {
            let now = left.as_deref().unwrap_or(calls);
            let Some(index) = now.iter().position(|other| other.id == call.id) else { continue };
            if let Some(fewer) = self.model.without(now, index) {
                left = Some(fewer);
            }
        }
        left
    }

    /// How far an order of these can go; `None` where it can go all the way. Where the search for it is given up, no
    /// order is shown.
    fn explain(&mut self, calls: Vec<CallOf<M>>, minimal: bool) -> Option<Refutation<M>> {
        let initial = [self.model.initial()];
        let budget = self.effort.steps.min(EXPLANATION_STEPS);
        let searched = search(self.model, &calls, &initial, Goal::First, budget, self.effort.memory);
        self.steps += searched.steps;
        if !searched.ways.is_empty() {
            return None;
        }
        let mut state = self.model.initial();
        if searched.spent {
            return Some(Refutation { calls, placed: Vec::new(), state, stuck: Vec::new(), minimal });
        }
        let order = searched.longest.order;
        let mut is_placed = vec![false; calls.len()];
        for index in &order {
            let call = &calls[*index as usize];
            is_placed[*index as usize] = true;
            state = self.model.step(&state, &call.input, call.output.as_ref()).unwrap_or(state);
        }
        let left = |place: &usize| !is_placed[*place] && calls[*place].output.is_some();
        let deadline = (0..calls.len()).filter(left).map(|place| calls[place].completed).min();
        let is_next = |place: &usize| left(place) && deadline.is_some_and(|at| calls[*place].invoked <= at);
        let stuck = (0..calls.len()).filter(is_next).map(|place| calls[place].id).collect();
        let placed = order.iter().map(|index| calls[*index as usize].id).collect();
        Some(Refutation { calls, placed, state, stuck, minimal })
    }
}

/// What had been asked by `end`, with the answers that had come by then.
fn beginning<M: Model>(model: &M, calls: &[CallOf<M>], end: Time) -> Vec<CallOf<M>> {
    let mut beginning = Vec::new();
    for call in calls.iter().filter(|call| call.invoked <= end) {
        if call.completed <= end {
            beginning.push(call.clone());
        } else if !model.observes(&call.input, None) {
            beginning.push(CallOf::<M>::unknown(call.id, call.input.clone(), call.invoked));
        }
    }
    beginning
}
