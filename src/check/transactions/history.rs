//! What clients of a transactional store saw: [`Transactions`], kept in columns.
//!
//! A transaction is a list of micro-operations in one session. Transactions of one session are in session order: the
//! order in which they were begun here. A write of a register replaces the value; an append adds an element to a list;
//! a read reports a value, a list, or the initial state. Next: `facts.rs`, who read what from whom.

use std::fmt;

use crate::id::{Key, Value};
use crate::time::Time;

/// A transaction of a history: its number in the order in which transactions were begun.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TransactionId(pub u32);

impl TransactionId {
    /// This id as an array index.
    pub const fn index(self) -> usize {
        self.0 as usize
    }
}

impl fmt::Display for TransactionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "t{}", self.0)
    }
}

impl fmt::Debug for TransactionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A session: transactions that one client made one after the other.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SessionId(pub u32);

/// How a transaction ended, as far as its client can know.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Status {
    /// It committed.
    Committed,
    /// It did not, and never will. What it wrote must not be seen; what it read counts for nothing.
    Aborted,
    /// Nobody told: it may have committed, or may yet. It has committed iff somebody saw it. Its reads were never
    /// reported: any that are recorded count for nothing.
    Unknown,
}

/// One micro-operation, as read from a history.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MicroOp<'a> {
    /// The register was set to this value.
    Write(Key, Value),
    /// This element was added to the end of the list.
    Append(Key, Value),
    /// The register had this value, or its initial one where none.
    Read(Key, Option<Value>),
    /// The list had these elements.
    ReadList(Key, &'a [Value]),
}

impl MicroOp<'_> {
    /// The key that it reads or writes.
    pub const fn key(&self) -> Key {
        match *self {
            MicroOp::Write(key, _) | MicroOp::Append(key, _) | MicroOp::Read(key, _) | MicroOp::ReadList(key, _) => key,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tag {
    Write,
    Append,
    Read,
    ReadInitial,
    ReadList,
}

/// A history of transactions over registers and append-only lists.
///
/// Columns: 21 bytes a transaction, 13 bytes a micro-operation, 8 bytes an element of a list that was read. At most
/// 2^31 micro-operations and 2^32 elements. Keys and sessions are array indexes: number them without gaps, for judging
/// takes memory for each number up to the largest.
///
/// ```
/// use riftzone::check::transactions::{SessionId, Status, Transactions};
/// use riftzone::id::{Key, Value};
///
/// let mut history = Transactions::new();
/// history.begin(SessionId(0), Status::Committed);
/// history.append(Key(0), Value(1));
/// history.begin(SessionId(1), Status::Committed);
/// history.read_list(Key(0), &[Value(1)]);
/// assert_eq!((history.len(), history.micro_ops()), (2, 2));
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Transactions {
    session: Vec<u32>,
    status: Vec<Status>,
    invoked: Vec<u64>,
    completed: Vec<u64>,
    first: Vec<u32>,
    tag: Vec<Tag>,
    key: Vec<u32>,
    /// The value; for a list, `start << 32 | length` in `elements`.
    value: Vec<u64>,
    elements: Vec<Value>,
    keys: usize,
    sessions: usize,
    timed: bool,
    orders: Vec<(Key, Vec<Value>)>,
}

impl Transactions {
    /// A history of nothing.
    pub fn new() -> Transactions {
        Transactions::default()
    }

    /// Begins a transaction; the micro-operations that follow are its own, until the next one is begun.
    ///
    /// # Panics
    /// At the 2^32nd.
    pub fn begin(&mut self, session: SessionId, status: Status) -> TransactionId {
        let id = TransactionId(u32::try_from(self.session.len()).expect("fewer than 2^32 transactions"));
        self.session.push(session.0);
        self.status.push(status);
        self.invoked.push(0);
        self.completed.push(u64::MAX);
        self.first.push(self.tag.len() as u32);
        self.sessions = self.sessions.max(session.0 as usize + 1);
        id
    }

    /// When it was asked for and when its client knew, in true time. A transaction without times, and the end of one
    /// whose outcome is unknown, is concurrent with everything.
    ///
    /// # Panics
    /// Where it was not begun here.
    pub fn set_times(&mut self, id: TransactionId, invoked: Time, completed: Time) {
        self.timed = true;
        self.invoked[id.index()] = invoked.as_nanos();
        self.completed[id.index()] = completed.as_nanos().max(invoked.as_nanos());
    }

    /// What became of it after all.
    ///
    /// # Panics
    /// Where it was not begun here.
    pub fn set_status(&mut self, id: TransactionId, status: Status) {
        self.status[id.index()] = status;
    }

    /// The open transaction sets a register.
    ///
    /// # Panics
    /// Where no transaction was begun, or the columns are full (see [`Transactions`]).
    pub fn write(&mut self, key: Key, value: Value) {
        self.push(Tag::Write, key, value.0);
    }

    /// The open transaction adds an element to a list.
    ///
    /// # Panics
    /// Where no transaction was begun, or the columns are full (see [`Transactions`]).
    pub fn append(&mut self, key: Key, element: Value) {
        self.push(Tag::Append, key, element.0);
    }

    /// The open transaction read a register: its initial state where `seen` is none.
    ///
    /// # Panics
    /// Where no transaction was begun, or the columns are full (see [`Transactions`]).
    pub fn read(&mut self, key: Key, seen: Option<Value>) {
        match seen {
            Some(value) => self.push(Tag::Read, key, value.0),
            None => self.push(Tag::ReadInitial, key, 0),
        }
    }

    /// The open transaction read a list.
    ///
    /// # Panics
    /// Where no transaction was begun, or the columns are full (see [`Transactions`]).
    pub fn read_list(&mut self, key: Key, seen: &[Value]) {
        let start = self.elements.len() as u64;
        assert!(start + (seen.len() as u64) < 1 << 32, "fewer than 2^32 elements");
        self.elements.extend_from_slice(seen);
        self.push(Tag::ReadList, key, start << 32 | seen.len() as u64);
    }

    fn push(&mut self, tag: Tag, key: Key, value: u64) {
        assert!(!self.first.is_empty(), "a transaction is open");
        assert!(self.tag.len() < 1 << 31, "fewer than 2^31 micro-operations");
        self.tag.push(tag);
        self.key.push(key.0);
        self.value.push(value);
        self.keys = self.keys.max(key.index() + 1);
    }

    /// The order in which the versions of a key were installed, oldest first, as the store itself knows it: with it the
    /// history is judged white box. A transaction of unknown outcome that is in it has committed.
    pub fn set_version_order(&mut self, key: Key, order: &[Value]) {
        self.keys = self.keys.max(key.index() + 1);
        self.orders.retain(|(other, _)| *other != key);
        self.orders.push((key, order.to_vec()));
        self.orders.sort_by_key(|(key, _)| *key);
    }

    /// How many transactions there are.
    pub fn len(&self) -> usize {
        self.session.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.session.is_empty()
    }

    /// How many micro-operations there are.
    pub fn micro_ops(&self) -> usize {
        self.tag.len()
    }

    /// One more than the largest key.
    pub fn keys(&self) -> usize {
        self.keys
    }

    /// One more than the largest session.
    pub fn sessions(&self) -> usize {
        self.sessions
    }

    /// Whether any transaction has times.
    pub fn is_timed(&self) -> bool {
        self.timed
    }

    /// Every transaction, in the order of their numbers.
    pub fn ids(&self) -> impl Iterator<Item = TransactionId> + use<> {
        (0..self.session.len() as u32).map(TransactionId)
    }

    /// Whose it is.
    pub fn session(&self, id: TransactionId) -> SessionId {
        SessionId(self.session[id.index()])
    }

    /// How it ended.
    pub fn status(&self, id: TransactionId) -> Status {
        self.status[id.index()]
    }

    /// When it was asked for.
    pub fn invoked(&self, id: TransactionId) -> Time {
        Time::from_nanos(self.invoked[id.index()])
    }

    /// When its client knew; [`Time::NEVER`] where it never did.
    pub fn completed(&self, id: TransactionId) -> Time {
        match self.status(id) {
            Status::Unknown => Time::NEVER,
            _ => Time::from_nanos(self.completed[id.index()]),
        }
    }

    /// Its micro-operations, in their order.
    pub fn ops(&self, id: TransactionId) -> impl Iterator<Item = MicroOp<'_>> {
        self.rows(id.index()).map(|row| self.op(row))
    }

    /// The version order of a key, where it was given.
    pub fn version_order(&self, key: Key) -> Option<&[Value]> {
        let place = self.orders.binary_search_by_key(&key, |(key, _)| *key).ok()?;
        Some(&self.orders[place].1)
    }

    pub(super) fn rows(&self, transaction: usize) -> std::ops::Range<usize> {
        let end = self.first.get(transaction + 1).map_or(self.tag.len(), |end| *end as usize);
        self.first[transaction] as usize..end
    }

    /// The transaction of a micro-operation.
    pub(super) fn owner(&self, row: usize) -> usize {
        self.first.partition_point(|first| *first as usize <= row) - 1
    }

    pub(super) fn tag(&self, row: usize) -> Tag {
        self.tag[row]
    }

    pub(super) fn key_at(&self, row: usize) -> usize {
        self.key[row] as usize
    }

    pub(super) fn value_at(&self, row: usize) -> Value {
        Value(self.value[row])
    }

    pub(super) fn list_at(&self, row: usize) -> &[Value] {
        let (start, length) = (self.value[row] >> 32, self.value[row] & 0xffff_ffff);
        &self.elements[start as usize..(start + length) as usize]
    }

    pub(super) fn orders(&self) -> &[(Key, Vec<Value>)] {
        &self.orders
    }

    /// One micro-operation by its row.
    pub(super) fn op(&self, row: usize) -> MicroOp<'_> {
        let (key, value) = (Key(self.key[row]), Value(self.value[row]));
        match self.tag[row] {
            Tag::Write => MicroOp::Write(key, value),
            Tag::Append => MicroOp::Append(key, value),
            Tag::Read => MicroOp::Read(key, Some(value)),
            Tag::ReadInitial => MicroOp::Read(key, None),
            Tag::ReadList => MicroOp::ReadList(key, self.list_at(row)),
        }
    }
}
