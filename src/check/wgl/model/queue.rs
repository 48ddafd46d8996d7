//! A first-in-first-out queue. Next: `list.rs`.

use std::collections::VecDeque;

use crate::check::wgl::{CallOf, Model};

/// A queue, empty at first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Queue;

/// What a queue is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum QueueInput {
    /// Take this.
    Enqueue(u64),
    /// Give the oldest.
    Dequeue,
}

/// What a queue answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum QueueOutput {
    /// Taken.
    Done,
    /// This was the oldest; `None` where there was none.
    Dequeued(Option<u64>),
}

impl Model for Queue {
    type State = VecDeque<u64>;
    type Input = QueueInput;
    type Output = QueueOutput;

    fn initial(&self) -> VecDeque<u64> {
        VecDeque::new()
    }

    fn step(&self, state: &VecDeque<u64>, input: &QueueInput, output: Option<&QueueOutput>) -> Option<VecDeque<u64>> {
        match (*input, output) {
            (QueueInput::Enqueue(value), None | Some(QueueOutput::Done)) => {
                let mut next = state.clone();
                next.push_back(value);
                Some(next)
            }
            (QueueInput::Dequeue, None) => {
                let mut next = state.clone();
                next.pop_front();
                Some(next)
            }
            (QueueInput::Dequeue, Some(QueueOutput::Dequeued(oldest))) if state.front() == oldest.as_ref() => {
                let mut next = state.clone();
                next.pop_front();
                Some(next)
            }
            _ => None,
        }
    }

    fn observes(&self, input: &QueueInput, output: Option<&QueueOutput>) -> bool {
        matches!(input, QueueInput::Dequeue) && matches!(output, Some(QueueOutput::Dequeued(None)))
    }

    /// A value can go, with all who enqueued and dequeued it: the others keep their order. Not so where a dequeue has
    /// no answer, which may have taken any value.
    fn without(&self, calls: &[CallOf<Self>], index: usize) -> Option<Vec<CallOf<Self>>> {
        let call = &calls[index];
        let others = |keep: &dyn Fn(&CallOf<Self>) -> bool| calls.iter().filter(|call| keep(call)).cloned().collect();
        let value = match (call.input, call.output) {
            (QueueInput::Dequeue, Some(QueueOutput::Dequeued(None))) => {
                return Some(others(&|other| other.id != call.id));
            }
            (QueueInput::Enqueue(value), _) | (_, Some(QueueOutput::Dequeued(Some(value)))) => value,
            _ => return None,
        };
        let is_open = |call: &CallOf<Self>| call.input == QueueInput::Dequeue && call.output.is_none();
        if calls.iter().any(is_open) {
            return None;
        }
        Some(others(&|other| {
            other.input != QueueInput::Enqueue(value) && other.output != Some(QueueOutput::Dequeued(Some(value)))
        }))
    }
}
