//! What clients ask and what they are told: [`Op`], [`Reply`], [`Refusal`].
//!
//! Both enums are open: multi-key transactions may join them as further variants. A protocol refuses what it does not
//! know. Each key is one [`Object`]: a register, a counter, a set or a list. Next: `history.rs`, what clients saw.

use std::fmt;

use crate::id::{Key, NodeId, Value};

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
}

impl Object {
    /// Every kind of object.
    pub const ALL: [Object; 4] = [Object::Register, Object::Counter, Object::Set, Object::List];

    /// The word in scenario files and messages.
    pub const fn name(self) -> &'static str {
        match self {
            Object::Register => "registers",
            Object::Counter => "counters",
            Object::Set => "sets",
            Object::List => "lists",
        }
    }
}

/// How many items a set can have.
pub const ITEMS_MAX: u8 = 64;

/// An item of a set, less than [`ITEMS_MAX`]; for a list a place in it, counted from its first value.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Item(pub u8);

impl fmt::Display for Item {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "i{}", self.0)
    }
}

impl fmt::Debug for Item {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
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
            | Op::Remove { key, .. } => key,
        }
    }

    /// The value that this operation would write to a register.
    #[inline]
    pub const fn written(&self) -> Option<Value> {
        match *self {
            Op::Write(_, value) | Op::CompareAndSet { new: value, .. } => Some(value),
            Op::Read(_) | Op::Add { .. } | Op::Insert { .. } | Op::Remove { .. } => None,
        }
    }

    /// What names this operation if it may change data: the value that it would write, or a number like that.
    #[inline]
    pub const fn name(&self) -> Option<Value> {
        match *self {
            Op::Read(_) => None,
            Op::Write(_, name)
            | Op::CompareAndSet { new: name, .. }
            | Op::Add { name, .. }
            | Op::Insert { name, .. }
            | Op::Remove { name, .. } => Some(name),
        }
    }

    /// What kind of operation this is.
    pub const fn kind(&self) -> OpKind {
        match self {
            Op::Read(_) => OpKind::Read,
            Op::Write(..) => OpKind::Write,
            Op::CompareAndSet { .. } => OpKind::CompareAndSet,
            Op::Add { .. } => OpKind::Add,
            Op::Insert { .. } => OpKind::Insert,
            Op::Remove { .. } => OpKind::Remove,
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
    /// [`Op::Add`].
    Add,
    /// [`Op::Insert`].
    Insert,
    /// [`Op::Remove`].
    Remove,
}

impl OpKind {
    /// Every kind, in the order of reports.
    pub const ALL: [OpKind; 6] =
        [OpKind::Read, OpKind::Write, OpKind::CompareAndSet, OpKind::Add, OpKind::Insert, OpKind::Remove];

    /// The name in reports and JSON.
    pub const fn name(self) -> &'static str {
        match self {
            OpKind::Read => "read",
            OpKind::Write => "write",
            OpKind::CompareAndSet => "compare_and_set",
            OpKind::Add => "add",
            OpKind::Insert => "insert",
            OpKind::Remove => "remove",
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
    /// What a counter came to.
    Amount(i64),
    /// So much could not be taken from a counter, which comes to this: nothing was changed.
    Short(i64),
    /// What was in a set.
    Items(Items),
    /// A register held more than one value, or a list none, one or more.
    Several(Several),
}

/// Items of a set, as many as there are.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Items(u64);

impl Items {
    /// Puts one in.
    ///
    /// # Panics
    /// Where it is [`ITEMS_MAX`] or more.
    pub fn insert(&mut self, item: Item) {
        assert!(item.0 < ITEMS_MAX, "an item is less than {ITEMS_MAX}");
        self.0 |= 1 << item.0;
    }

    /// Whether this one is there.
    pub const fn contains(self, item: Item) -> bool {
        item.0 < ITEMS_MAX && self.0 >> item.0 & 1 == 1
    }

    /// Each, in order.
    pub fn iter(self) -> impl Iterator<Item = Item> {
        (0..ITEMS_MAX).map(Item).filter(move |item| self.contains(*item))
    }

    /// A bit for each.
    pub const fn bits(self) -> u64 {
        self.0
    }

    /// Those whose bits are set.
    pub const fn from_bits(bits: u64) -> Items {
        Items(bits)
    }
}

impl FromIterator<Item> for Items {
    fn from_iter<I: IntoIterator<Item = Item>>(items: I) -> Items {
        let mut all = Items::default();
        items.into_iter().for_each(|item| all.insert(item));
        all
    }
}

impl fmt::Display for Items {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<String> = self.iter().map(|item| item.to_string()).collect();
        write!(f, "{{{}}}", names.join(", "))
    }
}

impl fmt::Debug for Items {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Several values: how many, and the first of them by name. An answer is of one size, and copied often.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Several {
    count: u32,
    first: [u32; Several::NAMED],
}

impl Several {
    /// How many are named.
    pub const NAMED: usize = 3;

    /// These, in this order.
    ///
    /// # Panics
    /// Where there are `2^32` or more, or the value of one of the first is.
    pub fn of(values: impl IntoIterator<Item = Value>) -> Several {
        let mut several = Several::default();
        for value in values {
            if let Some(place) = several.first.get_mut(several.count as usize) {
                *place = u32::try_from(value.0).expect("values are small dense numbers");
            }
            several.count = several.count.checked_add(1).expect("fewer than 2^32 values");
        }
        several
    }

    /// How many there are.
    pub const fn count(self) -> u32 {
        self.count
    }

    /// The first of them.
    pub fn named(self) -> impl Iterator<Item = Value> {
        self.first.into_iter().take(self.count as usize).map(|value| Value(value.into()))
    }
}

impl fmt::Display for Several {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut names: Vec<String> = self.named().map(|value| value.to_string()).collect();
        let more = (self.count as usize).saturating_sub(Several::NAMED);
        names.extend((more > 0).then(|| format!("{more} more")));
        write!(f, "[{}]", names.join(", "))
    }
}

impl fmt::Debug for Several {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
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
    fn items_and_several_values_tell_what_was_put_in() {
        let items: Items = [Item(63), Item(0), Item(7), Item(0)].into_iter().collect();
        assert_eq!(items.iter().collect::<Vec<_>>(), [Item(0), Item(7), Item(63)]);
        assert_eq!((items.to_string(), items.contains(Item(1))), ("{i0, i7, i63}".into(), false));
        let several = |values: &[u64]| Several::of(values.iter().map(|value| Value(*value)));
        assert_eq!(several(&[]).to_string(), "[]");
        assert_eq!(several(&[9, 4]).to_string(), "[v9, v4]");
        assert_eq!(several(&[9, 4, 5, 6, 1]).to_string(), "[v9, v4, v5, 2 more]");
        assert_eq!((several(&[9, 4, 5, 6]).count(), several(&[9, 4, 5, 6]).named().count()), (4, 3));
    }
}
