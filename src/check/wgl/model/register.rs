//! A register with compare-and-set, in which values may be written more than once. Next: `text.rs`.

use crate::check::wgl::{Call, CallOf, Model};
use crate::history::{History, Outcome};
use crate::id::{Key, Value};
use crate::op::{Op, Reply};

/// A register that nobody has written at first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Register;

/// What a register is asked. `None` is the value before any write.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RegisterInput {
    /// What do you hold?
    Read,
    /// Hold this.
    Write(Option<u64>),
    /// Hold the second if you hold the first.
    CompareAndSet(Option<u64>, Option<u64>),
}

/// What a register answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RegisterOutput {
    /// This is what it holds.
    Read(Option<u64>),
    /// It holds the new value now.
    Written,
    /// It held something else than was expected.
    Refused,
    /// It held this, which is not what was expected.
    RefusedFor(Option<u64>),
}

impl Register {
    /// What a history has of one key, without the operations that failed, and those of no register.
    pub fn calls(history: &History, key: Key) -> Vec<CallOf<Register>> {
        let bare = |value: Option<Value>| value.map(|value| value.0);
        let call = |operation: crate::history::Operation| {
            let input = match operation.op {
                Op::Add { .. }
                | Op::Insert { .. }
                | Op::Remove { .. }
                | Op::ReadRow { .. }
                | Op::Put { .. }
                | Op::Next { .. } => {
                    return None;
                }
                Op::Read(_) => Read,
                Op::Write(_, value) => Write(Some(value.0)),
                Op::CompareAndSet { expected, new, .. } => CompareAndSet(bare(expected), Some(new.0)),
            };
            let output = match operation.reply {
                None => None,
                Some(Reply::Read(seen)) => Some(RegisterOutput::Read(bare(seen))),
                Some(Reply::Written) => Some(Written),
                Some(Reply::Mismatch(seen)) => Some(RefusedFor(bare(seen))),
                Some(_) => return None,
            };
            Some(Call { id: operation.id, input, output, invoked: operation.invoked, completed: operation.completed })
        };
        let is_there =
            |operation: &crate::history::Operation| operation.op.key() == key && operation.outcome != Outcome::Fail;
        history.iter().filter(is_there).filter_map(call).collect()
    }
}

use RegisterInput::{CompareAndSet, Read, Write};
use RegisterOutput::{Refused, RefusedFor, Written};

impl Model for Register {
    type State = Option<u64>;
    type Input = RegisterInput;
    type Output = RegisterOutput;

    fn initial(&self) -> Option<u64> {
        None
    }

    fn step(&self, state: &Option<u64>, input: &RegisterInput, output: Option<&RegisterOutput>) -> Option<Option<u64>> {
        match (*input, output) {
            (Read, None) => Some(*state),
            (Read, Some(RegisterOutput::Read(seen))) => (seen == state).then_some(*state),
            (Write(value), None | Some(Written)) => Some(value),
            (CompareAndSet(expected, new), None) => Some(if expected == *state { new } else { *state }),
            (CompareAndSet(expected, new), Some(Written)) => (expected == *state).then_some(new),
            (CompareAndSet(expected, _), Some(Refused)) => (expected != *state).then_some(*state),
            (CompareAndSet(expected, _), Some(RefusedFor(seen))) => {
                (seen == state && expected != *state).then_some(*state)
            }
            _ => None,
        }
    }

    fn observes(&self, input: &RegisterInput, output: Option<&RegisterOutput>) -> bool {
        matches!(input, Read) || matches!(output, Some(Refused | RefusedFor(_)))
    }

    /// A write goes together with its value: all other writes of it and all that saw it. A compare-and-set that
    /// replaced it stays as a plain write. Where the value was held, the one before it is now held longer; as that may
    /// be what a refused compare-and-set expected that does not say what it saw, all these go too.
    fn without(&self, calls: &[CallOf<Self>], index: usize) -> Option<Vec<CallOf<Self>>> {
        let call = &calls[index];
        let value = match (call.input, call.output) {
            _ if self.observes(&call.input, call.output.as_ref()) => {
                return Some(calls.iter().filter(|other| other.id != call.id).cloned().collect());
            }
            (Write(value) | CompareAndSet(_, value), _) => value,
            _ => return None,
        };
        let mut left = Vec::with_capacity(calls.len());
        for other in calls {
            let mut other = other.clone();
            match (other.input, other.output) {
                (Write(new) | CompareAndSet(_, new), None | Some(Written)) if new == value => continue,
                (_, Some(RegisterOutput::Read(seen) | RefusedFor(seen))) if seen == value => continue,
                (_, Some(Refused)) => continue,
                (CompareAndSet(expected, new), None | Some(Written)) if expected == value => other.input = Write(new),
                _ => {}
            }
            left.push(other);
        }
        Some(left)
    }
}
