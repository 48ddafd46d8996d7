//! The replicated state machine: keys, values, and one session a client, so that a retry is applied once.

use crate::id::{ClientId, Key, Value};
use crate::op::{Op, Reply};

use super::super::Table;

/// What the log makes of its entries: the same on every node that has applied the same prefix.
///
/// Sessions are part of it (section 6.3 of the dissertation): whether an entry is a retry is decided by the entries
/// before it and nothing else. Sessions never expire; a client is a few bytes here.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Machine {
    copy: Table<Key, Value>,
    /// The last operation of each client, and what it was told.
    sessions: Table<ClientId, (u32, Reply)>,
}

/// What the machine remembers of an operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Known {
    /// It was not applied, as far as this node knows.
    New,
    /// It was applied, and this was the answer.
    Done(Reply),
    /// Its client has moved on, and nobody waits for an answer.
    Superseded,
}

impl Machine {
    /// The value of `key`.
    pub(super) fn read(&self, key: Key) -> Option<Value> {
        self.copy.get(key).copied()
    }

    /// Every key that was ever written, with its value.
    pub(super) fn copy(&self) -> &Table<Key, Value> {
        &self.copy
    }

    /// How many clients it remembers.
    pub(super) fn clients(&self) -> usize {
        self.sessions.len()
    }

    /// Whether this operation was applied before.
    pub(super) fn recall(&self, client: ClientId, sequence: u32) -> Known {
        match self.sessions.get(client) {
            Some((last, reply)) if *last == sequence => Known::Done(*reply),
            Some((last, _)) if *last > sequence => Known::Superseded,
            _ => Known::New,
        }
    }

    /// Applies a client's operation unless it was applied before. Tells what to answer, if anybody still waits, and
    /// whether the copy changed.
    pub(super) fn apply(&mut self, client: ClientId, sequence: u32, op: Op) -> (Option<Reply>, bool) {
        match self.recall(client, sequence) {
            Known::Done(reply) => (Some(reply), false),
            Known::Superseded => (None, false),
            Known::New => self.apply_anyway(client, sequence, op),
        }
    }

    /// Applies a client's operation, whether or not it was applied before.
    pub(super) fn apply_anyway(&mut self, client: ClientId, sequence: u32, op: Op) -> (Option<Reply>, bool) {
        let reply = self.execute(op);
        self.sessions.insert(client, (sequence, reply));
        (Some(reply), reply == Reply::Written)
    }

    fn execute(&mut self, op: Op) -> Reply {
        match op {
            Op::Write(key, value) => {
                self.copy.insert(key, value);
                Reply::Written
            }
            Op::CompareAndSet { key, expected, new } => {
                let found = self.read(key);
                if found != expected {
                    return Reply::Mismatch(found);
                }
                self.copy.insert(key, new);
                Reply::Written
            }
            _ => unreachable!("{op:?} never enters the log"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const C: ClientId = ClientId(1);

    #[test]
    fn a_retry_gets_the_first_answer_and_changes_nothing() {
        let mut machine = Machine::default();
        let swap = Op::CompareAndSet { key: Key(0), expected: None, new: Value(1) };
        assert_eq!(machine.apply(C, 1, swap), (Some(Reply::Written), true));
        assert_eq!(machine.apply(ClientId(2), 1, Op::Write(Key(0), Value(2))), (Some(Reply::Written), true));
        assert_eq!(machine.apply(C, 1, swap), (Some(Reply::Written), false), "and not a mismatch");
        assert_eq!(machine.read(Key(0)), Some(Value(2)));
    }

    #[test]
    fn an_operation_older_than_the_last_is_dropped() {
        let mut machine = Machine::default();
        machine.apply(C, 2, Op::Write(Key(0), Value(2)));
        assert_eq!(machine.apply(C, 1, Op::Write(Key(0), Value(1))), (None, false));
        assert_eq!(machine.read(Key(0)), Some(Value(2)));
    }

    #[test]
    fn a_mismatch_tells_what_was_found_and_is_remembered() {
        let mut machine = Machine::default();
        machine.apply(C, 1, Op::Write(Key(0), Value(1)));
        let swap = Op::CompareAndSet { key: Key(0), expected: Some(Value(9)), new: Value(2) };
        assert_eq!(machine.apply(C, 2, swap), (Some(Reply::Mismatch(Some(Value(1)))), false));
        assert_eq!(machine.recall(C, 2), Known::Done(Reply::Mismatch(Some(Value(1)))));
    }
}
