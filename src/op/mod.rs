//! What clients ask and what they are told: [`Op`], [`Reply`], [`Refusal`].
//!
//! Both enums are open, and a protocol refuses what it does not know. Each key is one [`Object`]: a register, a counter, a set, a
//! list, or a row, which is what several values are that one operation reads or writes together. Next: `history.rs`, what clients saw.

mod contents;

use crate::id::{Key, NodeId, Value};
pub use contents::{COLUMNS_MAX, Columns, ITEMS_MAX, Item, Items, Row, Several};

/// What a key is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Object {
    /// One value, which a write replaces.
    #[default]
    Register,
    /// A number, to which others are added.
    Counter,
    /// A set of some of 64 items.
    Set,
    /// Values in an order.
    List,
    /// A value in each of some columns: of a table's row, or the items of a transaction.
    Row,
    /// A sequence of numbers, each given to one who asks.
    Sequence,
}

impl Object {
    /// Every kind of object.
    pub const ALL: [Object; 6] =
        [Object::Register, Object::Counter, Object::Set, Object::List, Object::Row, Object::Sequence];

    /// The word in scenario files and messages.
    pub const fn name(self) -> &'static str {
        match self {
            Object::Register => "registers",
            Object::Counter => "counters",
            Object::Set => "sets",
            Object::List => "lists",
            Object::Row => "rows",
            Object::Sequence => "sequences",
        }
    }
}

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
    /// Add to a counter.
    Add {
        /// The counter.
        key: Key,
        /// How much; less than zero to take away.
        amount: i64,
        /// What names this operation: no other has it.
        name: Value,
    },
    /// Put an item into a set; or into a list, at a place, the value that is the operation's name.
    Insert {
        /// The set or list.
        key: Key,
        /// Which item. Of a list, the place: behind the last where it is no longer.
        item: Item,
        /// What names this operation: no other has it.
        name: Value,
    },
    /// Take an item out of a set; or out of a list, what is at a place.
    Remove {
        /// The set or list.
        key: Key,
        /// Which item. Of a list, the place: the last where it is no longer.
        item: Item,
        /// What names this operation: no other has it.
        name: Value,
    },
    /// Tell what these columns of a row hold, all at one moment.
    ReadRow {
        /// The row.
        key: Key,
        /// Which columns.
        columns: Columns,
    },
    /// Set these columns of a row, at once: each to a value of its own, see [`Op::writes`].
    Put {
        /// The row.
        key: Key,
        /// Which columns.
        columns: Columns,
        /// What names this operation. The numbers from it on, as many as a row can have columns, are of no other.
        name: Value,
    },
    /// Take the next number of a sequence, which nobody else is to get.
    Next {
        /// The sequence.
        key: Key,
        /// What names this operation: no other has it.
        name: Value,
    },
}

impl Op {
    /// The key that this operation touches.
    pub const fn key(&self) -> Key {
        match *self {
            Op::Read(key)
            | Op::Write(key, _)
            | Op::CompareAndSet { key, .. }
            | Op::Add { key, .. }
            | Op::Insert { key, .. }
            | Op::Remove { key, .. }
            | Op::ReadRow { key, .. }
            | Op::Put { key, .. }
            | Op::Next { key, .. } => key,
        }
    }

    /// The value that this operation would write to a register.
    #[inline]
    pub const fn written(&self) -> Option<Value> {
        match *self {
            Op::Write(_, value) | Op::CompareAndSet { new: value, .. } => Some(value),
            Op::Read(_)
            | Op::Add { .. }
            | Op::Insert { .. }
            | Op::Remove { .. }
            | Op::ReadRow { .. }
            | Op::Put { .. }
            | Op::Next { .. } => None,
        }
    }

    /// The values that this operation would write, each with where: a register's key, or a row's [cell](Key::cell).
    pub fn writes(&self) -> impl Iterator<Item = (Key, Value)> + use<> {
        let (key, columns, name) = match *self {
            Op::Put { key, columns, name } => (key, columns, Some(name)),
            _ => (self.key(), Columns::default(), None),
        };
        let cells =
            name.into_iter().flat_map(move |name| columns.iter().map(move |c| (key.cell(c), name.of_column(c))));
        self.written().map(|value| (key, value)).into_iter().chain(cells)
    }

    /// What names this operation if it may change data: the value that it would write, or a number like that.
    #[inline]
    pub const fn name(&self) -> Option<Value> {
        match *self {
            Op::Read(_) | Op::ReadRow { .. } => None,
            Op::Write(_, name)
            | Op::CompareAndSet { new: name, .. }
            | Op::Add { name, .. }
            | Op::Insert { name, .. }
            | Op::Remove { name, .. }
            | Op::Put { name, .. }
            | Op::Next { name, .. } => Some(name),
        }
    }

    /// What kind of operation this is.
    pub const fn kind(&self) -> OpKind {
        match self {
            Op::Read(_) | Op::ReadRow { .. } => OpKind::Read,
            Op::Write(..) => OpKind::Write,
            Op::CompareAndSet { .. } => OpKind::CompareAndSet,
            Op::Add { .. } => OpKind::Add,
            Op::Insert { .. } => OpKind::Insert,
            Op::Remove { .. } => OpKind::Remove,
            Op::Put { .. } => OpKind::Put,
            Op::Next { .. } => OpKind::Next,
        }
    }
}

/// The kinds of operation, for routing and for reports.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum OpKind {
    /// [`Op::Read`] and [`Op::ReadRow`].
    Read,
    /// [`Op::Write`].
    Write,
    /// [`Op::CompareAndSet`].
    CompareAndSet,
    /// [`Op::Add`].
    Add,
    /// [`Op::Insert`].
    Insert,
    /// [`Op::Remove`].
    Remove,
    /// [`Op::Put`].
    Put,
    /// [`Op::Next`].
    Next,
}

impl OpKind {
    /// Every kind, in the order of reports.
    pub const ALL: [OpKind; 8] = [
        OpKind::Read,
        OpKind::Write,
        OpKind::CompareAndSet,
        OpKind::Add,
        OpKind::Insert,
        OpKind::Remove,
        OpKind::Put,
        OpKind::Next,
    ];

    /// The name in reports and JSON.
    pub const fn name(self) -> &'static str {
        match self {
            OpKind::Read => "read",
            OpKind::Write => "write",
            OpKind::CompareAndSet => "compare_and_set",
            OpKind::Add => "add",
            OpKind::Insert => "insert",
            OpKind::Remove => "remove",
            OpKind::Put => "put",
            OpKind::Next => "next",
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
    /// The operation took effect. For a compare-and-set: the value was as expected and is now the new one.
    Written,
    /// The compare-and-set found another value, which it reports, and changed nothing.
    Mismatch(Option<Value>),
    /// What a counter came to; or the number that was next in a sequence.
    Amount(i64),
    /// So much could not be taken from a counter, which comes to this: nothing was changed.
    Short(i64),
    /// What was in a set.
    Items(Items),
    /// A register held more than one value, or a list none, one or more.
    Several(Several),
    /// What the columns of a row held.
    Row(Row),
}

impl Reply {
    /// Whether this answer to `op`, which may change data, says that it did.
    #[inline]
    pub const fn is_done(&self, op: &Op) -> bool {
        matches!((self, op), (Reply::Written, _) | (Reply::Amount(_), Op::Next { .. }))
    }
}

/// A definite no: the operation did not and will not take effect by this request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Refusal {
    /// This node does not serve it; the node named does, as far as this one knows.
    Redirect(NodeId),
    /// This node cannot serve it now, and knows nobody who can.
    Unavailable,
    /// Another change of the same data is under way elsewhere: this node may be asked again.
    Conflict,
    /// This protocol does not have such an operation.
    Unsupported,
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every event carries one of these: what joins them must not make the others slower.
    #[test]
    fn operations_and_answers_stay_small() {
        assert_eq!((size_of::<Op>(), size_of::<Reply>()), (32, 24));
    }

    #[test]
    fn a_put_writes_a_value_of_its_own_into_each_column() {
        let put = Op::Put { key: Key(2), columns: Columns::only(1).with(Columns::only(3)), name: Value(9) };
        assert_eq!(put.writes().collect::<Vec<_>>(), [(Key(9), Value(10)), (Key(11), Value(12))]);
        assert_eq!((put.name(), put.written(), put.kind()), (Some(Value(9)), None, OpKind::Put));
        assert_eq!(Op::Write(Key(2), Value(9)).writes().collect::<Vec<_>>(), [(Key(2), Value(9))]);
        assert_eq!(Op::Read(Key(2)).writes().count(), 0);
        let row = Row::default().with(3, Value(12)).with(1, Value(10));
        assert_eq!((row.to_string(), row.get(0), row.get(3)), ("(c1: v10, c3: v12)".into(), None, Some(Value(12))));
        assert_eq!(Columns::first(3).to_string(), "{c0, c1, c2}");
    }
}
