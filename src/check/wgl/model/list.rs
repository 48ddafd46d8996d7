//! A list to which is only appended. Next: `mutex.rs`.

use crate::check::wgl::{CallOf, Model};

/// A list, empty at first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct List;

/// What a list is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ListInput {
    /// Which elements, in order?
    Read,
    /// One more at the end.
    Append(u64),
}

/// What a list answers.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ListOutput {
    /// These.
    Elements(Vec<u64>),
    /// Appended.
    Done,
}

impl Model for List {
    type State = Vec<u64>;
    type Input = ListInput;
    type Output = ListOutput;

    fn initial(&self) -> Vec<u64> {
        Vec::new()
    }

    fn step(&self, state: &Vec<u64>, input: &ListInput, output: Option<&ListOutput>) -> Option<Vec<u64>> {
        match (*input, output) {
            (ListInput::Read, None) => Some(state.clone()),
            (ListInput::Read, Some(ListOutput::Elements(seen))) => (seen == state).then(|| state.clone()),
            (ListInput::Append(element), None | Some(ListOutput::Done)) => {
                let mut next = state.clone();
                next.push(element);
                Some(next)
            }
            _ => None,
        }
    }

    fn observes(&self, input: &ListInput, _: Option<&ListOutput>) -> bool {
        matches!(input, ListInput::Read)
    }

    fn can_answer(&self, state: &Vec<u64>, input: &ListInput, output: Option<&ListOutput>) -> bool {
        match (input, output) {
            (_, None) => true,
            (ListInput::Read, Some(ListOutput::Elements(seen))) => seen == state,
            (ListInput::Append(_), Some(output)) => *output == ListOutput::Done,
            (ListInput::Read, Some(ListOutput::Done)) => false,
        }
    }

    /// An element can go, from everything: the others keep their order.
    fn without(&self, calls: &[CallOf<Self>], index: usize) -> Option<Vec<CallOf<Self>>> {
        let call = &calls[index];
        let ListInput::Append(element) = call.input else {
            return Some(calls.iter().filter(|other| other.id != call.id).cloned().collect());
        };
        let mut left = Vec::with_capacity(calls.len());
        for other in calls.iter().filter(|other| other.input != ListInput::Append(element)) {
            let mut other = other.clone();
            if let Some(ListOutput::Elements(seen)) = &mut other.output {
                seen.retain(|other| *other != element);
            }
            left.push(other);
        }
        Some(left)
    }
}
