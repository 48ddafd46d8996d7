//! Cuts where no operation is pending, and the set of states that is carried over them. Next: `replay.rs`.

use super::memory::Memory;
use super::search::{Goal, Searched, search};
use super::{CallOf, Model};
use crate::time::Time;

/// A window has at least so many operations, for its setting up to be worth it.
const WINDOW_MIN: usize = 32;

/// To explore a window to its end may cost so many steps an operation; what costs more is searched with all that
/// follows.
const STEPS_PER_OPERATION: u64 = 64;

/// How the search of a whole history ended.
pub(super) enum Ended {
    /// An order, by places in the history.
    Through(Vec<u32>),
    /// There is no order already of what was invoked by then.
    Nowhere {
        /// The last completion that is needed to see it, or later.
        until: Time,
    },
    /// The budget was spent.
    Spent {
        /// How many answered operations the longest order had.
        placed: usize,
    },
}

/// How it ended, and what it cost.
pub(super) struct Found {
    pub ended: Ended,
    pub steps: u64,
}

/// One exit of a window: how it was reached.
struct Exit {
    /// Which exit of the window before.
    entry: usize,
    /// In the order of this window, by places in the history.
    order: Vec<u32>,
}

/// Searches `calls`, which are in the order of invocation.
pub(super) fn search_windows<M: Model>(model: &M, calls: &[CallOf<M>], budget: u64, memory: Memory) -> Found {
    let mut entries = vec![model.initial()];
    let mut trail: Vec<Vec<Exit>> = Vec::new();
    let (mut from, mut steps, mut placed) = (0, 0, 0);
    for cut in cuts(calls) {
        let window = &calls[from..cut];
        let limit = (window.len() as u64 * STEPS_PER_OPERATION).min(budget - steps);
        let searched = search(model, window, &entries, Goal::EveryExit, limit, memory);
        steps += searched.steps;
        if searched.spent {
            break;
        }
        if searched.ways.is_empty() {
            return Found { ended: Ended::Nowhere { until: end(window) }, steps };
        }
        placed += window.len();
        entries = extend(&mut trail, searched, from);
        from = cut;
    }
    let rest = &calls[from..];
    let searched = search(model, rest, &entries, Goal::First, budget - steps, memory);
    steps += searched.steps;
    if searched.ways.is_empty() {
        let ended = match searched.spent {
            true => Ended::Spent { placed: placed + searched.longest.placed },
            false => Ended::Nowhere { until: end(rest) },
        };
        return Found { ended, steps };
    }
    extend(&mut trail, searched, from);
    Found { ended: Ended::Through(back(&trail)), steps }
}

/// Adds a window's exits to the trail, and gives their states.
fn extend<S>(trail: &mut Vec<Vec<Exit>>, searched: Searched<S>, from: usize) -> Vec<S> {
    let mut states = Vec::new();
    let mut exits = Vec::new();
    for way in searched.ways {
        let order = way.order.iter().map(|index| index + from as u32).collect();
        exits.push(Exit { entry: way.entry, order });
        states.push(way.exit);
    }
    trail.push(exits);
    states
}

/// The order that leads to the first exit of the last window.
fn back(trail: &[Vec<Exit>]) -> Vec<u32> {
    let mut parts = Vec::new();
    let mut exit = 0;
    for exits in trail.iter().rev() {
        parts.push(&exits[exit].order);
        exit = exits[exit].entry;
    }
    parts.into_iter().rev().flatten().copied().collect()
}

/// The last completion of a stretch.
fn end<I, O>(calls: &[super::Call<I, O>]) -> Time {
    calls.iter().map(|call| call.completed).filter(|at| *at != Time::NEVER).max().unwrap_or(Time::ZERO)
}

/// The places where a window ends: everything before has been answered before anything after begins. There is none
/// after an unknown operation, which is pending for ever.
fn cuts<I, O>(calls: &[super::Call<I, O>]) -> Vec<usize> {
    let mut cuts = Vec::new();
    let (mut latest, mut last) = (Time::ZERO, 0);
    for (place, call) in calls.iter().enumerate() {
        if place >= last + WINDOW_MIN && latest < call.invoked {
            cuts.push(place);
            last = place;
        }
        if call.output.is_none() {
            break;
        }
        latest = latest.max(call.completed);
    }
    cuts
}
