//! What the replicas agree on, key by key: a [`Register`], its state after each change; and [`Ballot`]s, by which changes are ordered.
//!
//! Next: `acceptor.rs`.

use std::sync::Arc;

use crate::id::{ClientId, NodeId, RequestId, Value};
use crate::op::{Op, Reply};

/// The number of an attempt to change a key. No two attempts have the same, and whoever has accepted one takes none that is less.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ballot {
    /// Higher than what its proposer had seen of the key; 0 only in [`Ballot::NONE`].
    pub counter: u64,
    /// Who made it.
    pub node: NodeId,
    /// How often that node had started: what it made before a crash it does not remember, and never makes again.
    pub life: u32,
}

impl Ballot {
    /// Less than any that is made.
    pub const NONE: Ballot = Ballot { counter: 0, node: NodeId(0), life: 0 };

    /// Its size on the wire.
    pub const BYTES: usize = 14;

    /// The one after it of the same proposer: what is promised together with an acceptance.
    pub const fn next(self) -> Ballot {
        Ballot { counter: self.counter + 1, ..self }
    }

    /// What tells it from every other of its key.
    pub(super) fn words(self) -> [u64; 2] {
        [self.counter, u64::from(self.node.0) << 32 | u64::from(self.life)]
    }
}

/// The state of a key.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Register {
    /// Its value; `None` where it was never written.
    pub value: Option<Value>,
    /// The value that this one replaced. A change is made to what is chosen and to nothing else, so that one was chosen.
    pub over: Option<Value>,
    /// The last operation of each client that changed it or would have, in the order of clients.
    pub done: Arc<[Done]>,
}

/// An operation that was carried out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Done {
    /// Whose.
    pub client: ClientId,
    /// Its number among those of the client.
    pub sequence: u32,
    /// What the client was to be told.
    pub reply: Reply,
}

/// What a register knows of an operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Known {
    /// It was not carried out in this state or any before.
    New,
    /// It was, with this answer.
    Done(Reply),
    /// A later one of its client was, so nobody waits for an answer.
    Superseded,
}

impl Register {
    /// What is known of this request's operation.
    pub(super) fn recall(&self, id: RequestId) -> Known {
        let place = self.done.binary_search_by_key(&id.client, |done| done.client);
        match place.map(|place| self.done[place]) {
            Ok(done) if done.sequence == id.sequence => Known::Done(done.reply),
            Ok(done) if done.sequence > id.sequence => Known::Superseded,
            _ => Known::New,
        }
    }

    /// The state after this operation, a write or a compare-and-set that was not carried out before. One that finds another value than
    /// it expects leaves that, but it is not tried again either.
    pub(super) fn after(&self, id: RequestId, op: Op) -> Register {
        let mismatches = matches!(op, Op::CompareAndSet { expected, .. } if expected != self.value);
        let reply = if mismatches { Reply::Mismatch(self.value) } else { Reply::Written };
        let done = self.done_with(Done { client: id.client, sequence: id.sequence, reply });
        if mismatches {
            return Register { done, ..self.clone() };
        }
        Register { value: op.written(), over: self.value, done }
    }

    fn done_with(&self, done: Done) -> Arc<[Done]> {
        let place = self.done.partition_point(|other| other.client < done.client);
        let (before, after) = self.done.split_at(place);
        let is_same = after.first().is_some_and(|other| other.client == done.client);
        let after = &after[usize::from(is_same)..];
        before.iter().copied().chain([done]).chain(after.iter().copied()).collect()
    }

    /// Its size on the wire: two values, and for each client its number, that of the operation, and what it was told.
    pub(super) fn bytes(&self) -> usize {
        let found = |done: &Done| if matches!(done.reply, Reply::Mismatch(_)) { 8 } else { 0 };
        16 + self.done.iter().map(|done| 9 + found(done)).sum::<usize>()
    }
}

/// A set of the group's members, by their places in it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Seats(u64);

impl Seats {
    /// Puts one in; tells whether it was not there.
    pub fn insert(&mut self, seat: usize) -> bool {
        let before = self.0;
        self.0 |= 1 << seat;
        self.0 != before
    }

    pub fn contains(self, seat: usize) -> bool {
        self.0 >> seat & 1 == 1
    }

    pub fn len(self) -> usize {
        self.0.count_ones() as usize
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::Key;

    fn id(client: u32, sequence: u32) -> RequestId {
        RequestId { client: ClientId(client), sequence, entry: NodeId(0) }
    }

    fn write(value: u64) -> Op {
        Op::Write(Key(0), Value(value))
    }

    fn swap(expected: Option<u64>, new: u64) -> Op {
        Op::CompareAndSet { key: Key(0), expected: expected.map(Value), new: Value(new) }
    }

    #[test]
    fn a_change_knows_what_it_replaced_and_who_asked_for_it() {
        let first = Register::default().after(id(5, 1), write(1));
        let second = first.after(id(2, 7), swap(Some(1), 2));
        assert_eq!((second.value, second.over), (Some(Value(2)), Some(Value(1))));
        assert_eq!(second.recall(id(5, 1)), Known::Done(Reply::Written));
        assert_eq!(second.recall(id(5, 2)), Known::New);
        let third = second.after(id(2, 8), write(3)).after(id(9, 1), write(4));
        assert_eq!(third.recall(id(2, 7)), Known::Superseded);
        let clients: Vec<u32> = third.done.iter().map(|done| done.client.0).collect();
        assert_eq!(clients, [2, 5, 9]);
    }

    #[test]
    fn a_mismatch_changes_nothing_and_is_not_tried_again() {
        let written = Register::default().after(id(1, 1), write(1));
        let denied = written.after(id(2, 1), swap(None, 2));
        assert_eq!((denied.value, denied.over), (Some(Value(1)), None));
        assert_eq!(denied.recall(id(2, 1)), Known::Done(Reply::Mismatch(Some(Value(1)))));
        assert!(denied.bytes() > written.bytes());
    }

    #[test]
    fn ballots_are_ordered_by_counter_first_and_never_alike() {
        let of = |counter, node, life| Ballot { counter, node: NodeId(node), life };
        assert!(Ballot::NONE < of(1, 0, 1) && of(1, 2, 1) < of(2, 0, 1) && of(1, 0, 9) < of(1, 1, 1));
        assert_ne!(of(1, 0, 1), of(1, 0, 2));
        assert_ne!(of(1, 0, 1).words(), of(1, 1, 0).words());
    }

    #[test]
    fn seats_are_counted_once() {
        let mut seats = Seats::default();
        assert!(seats.insert(3) && !seats.insert(3) && seats.insert(63));
        assert_eq!((seats.len(), seats.contains(3), seats.contains(4)), (2, true, false));
    }
}
