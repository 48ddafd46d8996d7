//! A counter. Next: `set.rs`.

use crate::check::wgl::{CallOf, Model};

/// A counter, zero at first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counter;

/// What a counter is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum CounterInput {
    /// How many?
    Read,
    /// So many more; fewer where it is negative.
    Add(i64),
}

/// What a counter answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum CounterOutput {
    /// So many.
    Read(i64),
    /// Counted.
    Done,
}

impl Model for Counter {
    type State = i64;
    type Input = CounterInput;
    type Output = CounterOutput;

    fn initial(&self) -> i64 {
        0
    }

    fn step(&self, state: &i64, input: &CounterInput, output: Option<&CounterOutput>) -> Option<i64> {
        match (*input, output) {
            (CounterInput::Read, None) => Some(*state),
            (CounterInput::Read, Some(CounterOutput::Read(seen))) => (seen == state).then_some(*state),
            (CounterInput::Add(more), None | Some(CounterOutput::Done)) => Some(state.wrapping_add(more)),
            _ => None,
        }
    }

    fn observes(&self, input: &CounterInput, _: Option<&CounterOutput>) -> bool {
        matches!(input, CounterInput::Read | CounterInput::Add(0))
    }

    /// A read can go, and an addition that was asked for when all reads had ended. No other addition: every read counts
    /// it, or may.
    fn without(&self, calls: &[CallOf<Self>], index: usize) -> Option<Vec<CallOf<Self>>> {
        let call = &calls[index];
        let is_read = |call: &&CallOf<Self>| call.input == CounterInput::Read && call.output.is_some();
        let is_after_all = || calls.iter().filter(is_read).all(|read| read.completed < call.invoked);
        let can_go = self.observes(&call.input, call.output.as_ref()) || is_after_all();
        can_go.then(|| calls.iter().filter(|other| other.id != call.id).cloned().collect())
    }
}
