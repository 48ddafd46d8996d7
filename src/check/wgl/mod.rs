//! Linearizability of any object that has a sequential [`Model`], by search: Wing & Gong, *Testing and Verifying
//! Concurrent Objects*, 1993, with the memory of Lowe, *Testing for Linearizability*, 2017.
//!
//! The problem is NP-complete, so this search has a budget in steps, and where that is spent the ruling is
//! inconclusive. It is for histories that no near-linear method takes: values that are written twice, and objects that
//! are not in [`objects`](super::objects). Give it one object at a time: linearizability holds for a history iff it
//! holds for each of its objects (Herlihy & Wing, 1990).
//!
//! # The method
//!
//! The search puts one operation after another into an order, and takes back what leads nowhere. Next can be any
//! operation that no other has to precede: it began no later than the earliest return of those not yet placed. Times
//! that touch are concurrent. Four things make it fast.
//!
//! - **Memory.** What can follow depends on the *set* of operations placed and on the state alone. Each pair is
//!   explored once, and known again by 128 bits that are kept up to date with one exclusive-or per step: every operation
//!   has its own random number, and so has every state (Zobrist, 1970). Two of `n` pairs collide with a probability of
//!   about `n^2 / 2^129`: 10^-26 at a million. A collision could only hide a linearization, so a *violation* rests on
//!   that; [`Memory::Exact`] keeps the sets themselves and rests on nothing.
//! - **Eager observers.** An operation that changes no state and can be next with the answer that it had is placed at
//!   once and without alternative: moving it forward harms no linearization.
//! - **Twins.** Of two equal operations (same question, same answer), one of which began and ended no later than the
//!   other, the first is placed first: where a linearization has them the other way round, they can be swapped.
//!   An operation without an answer returns never; it may be left out, so the search ends when every acknowledged
//!   operation is placed, and it is tried after them.
//! - **Windows.** Where no operation is pending, everything before precedes everything after. Such a window is explored
//!   to its end: the *set* of states that it can leave is all that is carried on, and its memory is given back. A window
//!   that costs too much for that is searched together with all that follows, for the first way through.
//!
//! # Certificates
//!
//! A linearization is replayed against the model before it is given ([`replay`]). A violation is reduced to a
//! [`Refutation`]: first to the shortest beginning of the history that is one, then by delta-debugging over what the
//! model can do without ([`Model::without`]).
//!
//! Next: `search.rs`.

mod memory;
pub mod model;
mod reduce;
mod replay;
mod search;
mod states;
#[cfg(test)]
mod tests;
mod windows;

use std::fmt::Debug;
use std::hash::Hash;

use crate::history::OpId;
use crate::time::Time;

pub use memory::Memory;
pub use replay::replay;

/// How an object behaves that is used by one client at a time.
pub trait Model {
    /// What the object holds.
    type State: Clone + Eq + Hash + Debug;
    /// What it is asked.
    type Input: Clone + Ord + Debug;
    /// What it answers.
    type Output: Clone + Ord + Debug;

    /// What it holds before the first operation.
    fn initial(&self) -> Self::State;

    /// What it holds after this operation, if it can answer so in this state; any answer will do where there is none.
    fn step(&self, state: &Self::State, input: &Self::Input, output: Option<&Self::Output>) -> Option<Self::State>;

    /// Whether this operation, with this answer, leaves every state as it is in which it can give that answer.
    fn observes(&self, input: &Self::Input, output: Option<&Self::Output>) -> bool;

    /// Whether it can answer so in this state: whether [`step`](Model::step) gives a state. Cheaper where a state is
    /// dear to copy.
    fn can_answer(&self, state: &Self::State, input: &Self::Input, output: Option<&Self::Output>) -> bool {
        self.step(state, input, output).is_some()
    }

    /// The history without the operation at `index` and without all that cannot be right without it, such that this
    /// *only loosens*: what is left of a linearizable history is linearizable. `None` where the model knows no way.
    ///
    /// By default it takes out observers, which is right for every model.
    fn without(&self, calls: &[CallOf<Self>], index: usize) -> Option<Vec<CallOf<Self>>> {
        let call = &calls[index];
        let others = || calls.iter().enumerate().filter(|(place, _)| *place != index);
        self.observes(&call.input, call.output.as_ref()).then(|| others().map(|(_, call)| call.clone()).collect())
    }
}

/// One operation on the object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call<I, O> {
    /// Its name, for counterexamples and certificates.
    pub id: OpId,
    /// What was asked.
    pub input: I,
    /// What was answered; `None` iff nobody knows, so that it may have taken effect at any time since.
    pub output: Option<O>,
    /// When it was asked.
    pub invoked: Time,
    /// When the answer came; [`Time::NEVER`] where there is none.
    pub completed: Time,
}

/// The operations of a model.
pub type CallOf<M> = Call<<M as Model>::Input, <M as Model>::Output>;

impl<I, O> Call<I, O> {
    /// An operation that was answered.
    pub fn answered(id: OpId, input: I, output: O, invoked: Time, completed: Time) -> Self {
        Call { id, input, output: Some(output), invoked, completed }
    }

    /// An operation of which nobody knows.
    pub fn unknown(id: OpId, input: I, invoked: Time) -> Self {
        Call { id, input, output: None, invoked, completed: Time::NEVER }
    }
}

/// How hard to try.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Effort {
    /// How many steps the search may make: operations tried in states.
    pub steps: u64,
    /// How many steps may go into making a counterexample smaller.
    pub reduction_steps: u64,
    /// How explored configurations are remembered.
    pub memory: Memory,
}

impl Default for Effort {
    fn default() -> Effort {
        Effort { steps: 50_000_000, reduction_steps: 20_000_000, memory: Memory::Hashed }
    }
}

/// What the search found, and what it cost.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Judgement<M: Model> {
    /// What was found.
    pub ruling: Ruling<M>,
    /// How many operations were tried in states: the cost, the same on every machine.
    pub steps: u64,
}

/// What the search found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ruling<M: Model> {
    /// An order in which the operations can have taken effect, replayed. Operations without an answer that need not
    /// have taken effect are left out.
    Linearizable(Vec<OpId>),
    /// There is none.
    Violation(Refutation<M>),
    /// The budget was spent before it was known.
    Inconclusive {
        /// How many operations with an answer the best order had.
        placed: usize,
        /// Of how many.
        of: usize,
    },
}

/// Operations that cannot be put in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refutation<M: Model> {
    /// They, in the order of invocation. An operation that was answered after the violation was complete appears
    /// without its answer.
    pub calls: Vec<CallOf<M>>,
    /// The longest order of some of them; empty, as `stuck` is, where the search for it was given up.
    pub placed: Vec<OpId>,
    /// What the object holds after these.
    pub state: M::State,
    /// Those that would have to be next, one of them: none of them can be.
    pub stuck: Vec<OpId>,
    /// Whether taking out any one of them, as [`Model::without`] does, leaves a linearizable history. Where not, the
    /// budget for making it smaller was spent.
    pub minimal: bool,
}

/// Whether there is an order of `calls` in which each did what it reported, and which respects real time.
///
/// `calls` may be in any order; an operation without an answer must have [`Time::NEVER`] as its completion. The search
/// is exponential in the number of concurrent operations, and stops at the budget.
///
/// # Panics
/// Where an operation without an answer completed, or one with an answer did not.
///
/// ```
/// use riftzone::check::wgl::{Call, Effort, Ruling, judge};
/// use riftzone::check::wgl::model::{Queue, QueueInput, QueueOutput};
/// use riftzone::history::OpId;
/// use riftzone::time::Time;
///
/// let at = Time::from_nanos;
/// let calls = [
///     Call::answered(OpId(0), QueueInput::Enqueue(7), QueueOutput::Done, at(0), at(10)),
///     Call::answered(OpId(1), QueueInput::Dequeue, QueueOutput::Dequeued(None), at(20), at(30)),
/// ];
/// assert!(matches!(judge(&Queue, &calls, Effort::default()).ruling, Ruling::Violation(_)));
/// ```
pub fn judge<M: Model>(model: &M, calls: &[CallOf<M>], effort: Effort) -> Judgement<M> {
    let calls = ready(model, calls);
    let found = windows::search_windows(model, &calls, effort.steps, effort.memory);
    let mut steps = found.steps;
    let answered = calls.iter().filter(|call| call.output.is_some()).count();
    let ruling = match found.ended {
        windows::Ended::Through(order) => {
            let ids: Vec<OpId> = order.iter().map(|index| calls[*index as usize].id).collect();
            match replay(model, &calls, &ids) {
                Ok(()) => Ruling::Linearizable(ids),
                // An error of this search: it must not pass.
                Err(_) => Ruling::Inconclusive { placed: 0, of: answered },
            }
        }
        windows::Ended::Spent { placed } => Ruling::Inconclusive { placed, of: answered },
        windows::Ended::Nowhere { until } => {
            let by_search = reduce::by_search(model, effort.memory);
            match reduce::reduce(model, &calls, until, effort, &by_search) {
                Some((refutation, spent)) => {
                    steps += spent;
                    Ruling::Violation(refutation)
                }
                // An error of this search: it must not convict.
                None => Ruling::Inconclusive { placed: 0, of: answered },
            }
        }
    };
    Judgement { ruling, steps }
}

/// The violation in `calls` made small, where a method that is no search says what is one; and the steps that it took,
/// one for every operation of every question. `None` where the search finds an order of what is left, so that the
/// method is wrong.
pub(super) fn refute<M: Model>(
    model: &M,
    calls: &[CallOf<M>],
    effort: Effort,
    is_violation: impl Fn(&[CallOf<M>]) -> bool,
) -> Option<(Refutation<M>, u64)> {
    let calls = ready(model, calls);
    let ends = calls.iter().map(|call| call.completed).filter(|at| *at != Time::NEVER);
    let until = ends.max().unwrap_or(Time::ZERO);
    let judge = |calls: &[CallOf<M>], _| (Some(is_violation(calls)), calls.len() as u64);
    reduce::reduce(model, &calls, until, effort, &judge)
}

/// The operations in the order of invocation, without those that say nothing: observers without an answer.
fn ready<M: Model>(model: &M, calls: &[CallOf<M>]) -> Vec<CallOf<M>> {
    for call in calls {
        let is_unknown = call.completed == Time::NEVER;
        assert!(is_unknown == call.output.is_none(), "an operation is answered when it completes, and only then");
    }
    let says = |call: &&CallOf<M>| call.output.is_some() || !model.observes(&call.input, None);
    let mut ready: Vec<CallOf<M>> = calls.iter().filter(says).cloned().collect();
    ready.sort_by_key(|call| (call.invoked, call.id));
    ready
}
