//! What clients ask and what they are told: [`Op`], [`Reply`], [`Refusal`].
//!
//! Both enums are open: counters, sets, lists and multi-key transactions join them as further variants. A protocol
//! refuses what it does not know. Next: `history.rs`, what clients saw.

use crate::id::{Key, NodeId, Value};

/// One operation of a client.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Op {
    /// Tell the key's value.
    Read(Key),
    /// Set the key to a value that nobody wrote before.
    Write(Key, Value),
    /// Set the key to `new` if its value is `expected` (`None`: if it was never written).
    CompareAndSet {
        /// The key to change.
        key: Key,
        /// The value it must have.
        expected: Option<Value>,
        /// The value it gets, which nobody wrote before.
        new: Value,
    },
}

impl Op {
    /// The key that this operation touches.
    pub const fn key(&self) -> Key {
        match *self {
            Op::Read(key) | Op::Write(key, _) | Op::CompareAndSet { key, .. } => key,
        }
    }

    /// The value that this operation would write.
    pub const fn written(&self) -> Option<Value> {
        match *self {
            Op::Read(_) => None,
            Op::Write(_, value) | Op::CompareAndSet { new: value, .. } => Some(value),
        }
    }

    /// What kind of operation this is.
    pub const fn kind(&self) -> OpKind {
        match self {
            Op::Read(_) => OpKind::Read,
            Op::Write(..) => OpKind::Write,
            Op::CompareAndSet { .. } => OpKind::CompareAndSet,
        }
    }
}

/// The kinds of operation, for routing and for reports.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum OpKind {
    /// [`Op::Read`].
    Read,
    /// [`Op::Write`].
    Write,
    /// [`Op::CompareAndSet`].
    CompareAndSet,
}

impl OpKind {
    /// Every kind, in the order of reports.
    pub const ALL: [OpKind; 3] = [OpKind::Read, OpKind::Write, OpKind::CompareAndSet];

    /// The name in reports and JSON.
    pub const fn name(self) -> &'static str {
        match self {
            OpKind::Read => "read",
            OpKind::Write => "write",
            OpKind::CompareAndSet => "compare_and_set",
        }
    }

    /// Whether the operation may change data.
    pub const fn writes(self) -> bool {
        !matches!(self, OpKind::Read)
    }
}

/// An answer: the operation took effect, and this is what it saw.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Reply {
    /// The value read; `None` where the key was never written.
    Read(Option<Value>),
    /// The write took effect. For a compare-and-set: the value was as expected and is now the new one.
    Written,
    /// The compare-and-set found another value, which it reports, and changed nothing.
    Mismatch(Option<Value>),
}

/// A definite no: the operation did not and will not take effect by this request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Refusal {
    /// This node does not serve it; the node named does, as far as this one knows.
    Redirect(NodeId),
    /// This node cannot serve it now, and knows nobody who can.
    Unavailable,
    /// This protocol does not have such an operation.
    Unsupported,
}
