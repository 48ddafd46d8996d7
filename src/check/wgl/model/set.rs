//! A set with add and remove. Next: `queue.rs`.

use crate::check::wgl::{CallOf, Model};

/// A set, empty at first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Set;

/// What a set is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SetInput {
    /// Which elements?
    Read,
    /// Is this one in it?
    Contains(u64),
    /// With this one.
    Add(u64),
    /// Without this one.
    Remove(u64),
}

/// What a set answers.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SetOutput {
    /// These, in ascending order.
    Elements(Vec<u64>),
    /// Whether it is in it.
    Is(bool),
    /// As asked.
    Done,
}

impl Model for Set {
    /// In ascending order.
    type State = Vec<u64>;
    type Input = SetInput;
    type Output = SetOutput;

    fn initial(&self) -> Vec<u64> {
        Vec::new()
    }

    fn step(&self, state: &Vec<u64>, input: &SetInput, output: Option<&SetOutput>) -> Option<Vec<u64>> {
        if !self.can_answer(state, input, output) {
            return None;
        }
        let mut next = state.clone();
        match *input {
            SetInput::Add(element) => {
                if let Err(place) = next.binary_search(&element) {
                    next.insert(place, element);
                }
            }
            SetInput::Remove(element) => next.retain(|other| *other != element),
            SetInput::Read | SetInput::Contains(_) => {}
        }
        Some(next)
    }

    fn observes(&self, input: &SetInput, _: Option<&SetOutput>) -> bool {
        matches!(input, SetInput::Read | SetInput::Contains(_))
    }

    fn can_answer(&self, state: &Vec<u64>, input: &SetInput, output: Option<&SetOutput>) -> bool {
        match (input, output) {
            (_, None) => true,
            (SetInput::Read, Some(SetOutput::Elements(seen))) => seen == state,
            (SetInput::Contains(element), Some(SetOutput::Is(is))) => state.binary_search(element).is_ok() == *is,
            (SetInput::Add(_) | SetInput::Remove(_), Some(SetOutput::Done)) => true,
            _ => false,
        }
    }

    /// Elements do not touch each other: one can go, from everything.
    fn without(&self, calls: &[CallOf<Self>], index: usize) -> Option<Vec<CallOf<Self>>> {
        let call = &calls[index];
        let (SetInput::Add(element) | SetInput::Remove(element)) = call.input else {
            return Some(calls.iter().filter(|other| other.id != call.id).cloned().collect());
        };
        let mut left = Vec::with_capacity(calls.len());
        for other in calls {
            match other.input {
                SetInput::Add(same) | SetInput::Remove(same) | SetInput::Contains(same) if same == element => continue,
                _ => {}
            }
            let mut other = other.clone();
            if let Some(SetOutput::Elements(seen)) = &mut other.output {
                seen.retain(|other| *other != element);
            }
            left.push(other);
        }
        Some(left)
    }
}
