//! What clients saw: [`History`], one row an operation, kept in columns.
//!
//! Call and return are *true* simulated time, never a node's clock: skew must not look like a violation. An operation
//! whose answer did not come in time stays [`Outcome::Unknown`] forever, with [`Time::NEVER`] as its completion: it may
//! take effect at any later moment (Jepsen's `:info`). Checkers take histories from anywhere; this file knows no
//! protocol. Next: `trace/mod.rs`, what really happened.

use std::collections::BTreeMap;

use crate::id::{ClientId, Key, NodeId, Value};
use crate::op::{Op, OpKind, Reply};
use crate::time::Time;

/// How an operation ended, as far as its client can know.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Outcome {
    /// It took effect.
    Ok,
    /// It did not, and never will.
    Fail,
    /// Nobody told: it may have taken effect, or may yet.
    Unknown,
}

/// An operation of a run: its number in the order of invocation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct OpId(pub u32);

/// One operation, as read from a [`History`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Operation {
    /// Its row.
    pub id: OpId,
    /// Who asked.
    pub client: ClientId,
    /// What was asked.
    pub op: Op,
    /// When the client asked.
    pub invoked: Time,
    /// When the client knew; [`Time::NEVER`] where the outcome is unknown.
    pub completed: Time,
    /// How it ended.
    pub outcome: Outcome,
    /// The answer; present where the outcome is ok.
    pub reply: Option<Reply>,
    /// The node that decided the answer, where one did.
    pub server: Option<NodeId>,
}

impl Operation {
    /// The value this operation is known to have written: its outcome is ok and it was a write that took effect.
    pub fn acknowledged_write(&self) -> Option<Value> {
        match self.reply {
            Some(Reply::Written) => self.op.written(),
            _ => None,
        }
    }
}

const NO_VALUE: u64 = u64::MAX;
const NO_NODE: u16 = u16::MAX;

/// The operations of a run, in the order in which they were invoked.
///
/// Columns: 36 bytes an operation, and 24 more for a compare-and-set; what is not of registers is kept as it is. Operations may be left out:
/// those that are there keep their numbers, for 4 bytes more.
#[derive(Clone, Debug, Default)]
pub struct History {
    invoked: Vec<u64>,
    completed: Vec<u64>,
    client: Vec<u32>,
    key: Vec<u32>,
    /// The value written, or for a read the value seen.
    value: Vec<u64>,
    server: Vec<u16>,
    tag: Vec<Tag>,
    /// What compare-and-sets expected and, where they failed, saw: `(row, expected, seen)`, by row.
    compared: Vec<(u32, u64, u64)>,
    /// Operations that no register has, by row.
    others: BTreeMap<u32, Op>,
    /// Answers that no register gives, by row.
    other_replies: BTreeMap<u32, Reply>,
    /// The number of each row's operation; empty where no operation was left out.
    ids: Vec<u32>,
}

/// Kind and outcome of a row.
#[derive(Clone, Copy, Debug)]
struct Tag {
    kind: OpKind,
    outcome: Outcome,
    mismatch: bool,
}

fn pack(value: Option<Value>) -> u64 {
    value.map_or(NO_VALUE, |v| v.0)
}

fn unpack(bits: u64) -> Option<Value> {
    (bits != NO_VALUE).then_some(Value(bits))
}

impl History {
    /// An empty history.
    pub fn new() -> History {
        History::default()
    }

    /// How many operations there are.
    pub fn len(&self) -> usize {
        self.tag.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.tag.is_empty()
    }

    /// Records that `client` asks for `op`. Until [`complete`](History::complete) its outcome is unknown.
    ///
    /// # Panics
    /// Where `at` is earlier than the row before it, or the value written is `u64::MAX`.
    pub fn invoke(&mut self, client: ClientId, op: Op, at: Time) -> OpId {
        let id = OpId(self.last().map_or(0, |last| last.0 + 1));
        self.invoke_as(id, client, op, at);
        id
    }

    /// As [`invoke`](History::invoke), for the operation of this number: those between the one before and this one are
    /// left out.
    ///
    /// # Panics
    /// As `invoke`, and where the number is not greater than the one before.
    pub fn invoke_as(&mut self, id: OpId, client: ClientId, op: Op, at: Time) {
        assert!(self.last().is_none_or(|last| last < id), "operations are numbered in the order of invocation");
        assert!(
            self.invoked.last().is_none_or(|last| *last <= at.as_nanos()),
            "invocations are recorded in time order"
        );
        assert!(op.written() != Some(Value(NO_VALUE)), "the value {NO_VALUE} stands for no value");
        let row = u32::try_from(self.len()).expect("a history holds at most 2^32 operations");
        if self.ids.is_empty() && id.0 != row {
            self.ids.extend(0..row);
        }
        if id.0 != row {
            self.ids.push(id.0);
        }
        self.invoked.push(at.as_nanos());
        self.completed.push(Time::NEVER.as_nanos());
        self.client.push(client.0);
        self.key.push(op.key().0);
        self.value.push(pack(op.written()));
        self.server.push(NO_NODE);
        self.tag.push(Tag { kind: op.kind(), outcome: Outcome::Unknown, mismatch: false });
        if let Op::CompareAndSet { expected, .. } = op {
            self.compared.push((row, pack(expected), NO_VALUE));
        }
        if !matches!(op, Op::Read(_) | Op::Write(..) | Op::CompareAndSet { .. }) {
            self.others.insert(row, op);
        }
    }

    /// Whether there is nothing but single values in it, read and written: what most checkers judge.
    pub fn is_of_registers(&self) -> bool {
        self.others.is_empty() && self.other_replies.is_empty()
    }

    /// The last operation's number.
    fn last(&self) -> Option<OpId> {
        let row = self.len().checked_sub(1)?;
        Some(OpId(self.ids.get(row).map_or(row as u32, |id| *id)))
    }

    /// The row of this operation.
    pub(crate) fn row(&self, id: OpId) -> usize {
        if self.ids.is_empty() {
            return id.0 as usize;
        }
        self.ids.binary_search(&id.0).expect("this operation was not left out")
    }

    /// The number of every operation that is there, in the order of invocation.
    pub fn ids(&self) -> impl ExactSizeIterator<Item = OpId> + '_ {
        (0..self.len()).map(|row| OpId(self.ids.get(row).map_or(row as u32, |id| *id)))
    }

    /// Records that the operation took effect with this answer.
    ///
    /// # Panics
    /// Where the operation is not open, or the answer is to another kind of question.
    pub fn complete(&mut self, id: OpId, reply: Reply, server: NodeId, at: Time) {
        let row = self.close(id, Outcome::Ok, at);
        self.server[row] = server.0;
        match (self.tag[row].kind, reply) {
            (OpKind::Read, Reply::Read(value)) => self.value[row] = pack(value),
            (kind, Reply::Written) if kind.writes() => {}
            (OpKind::Read, Reply::Amount(_) | Reply::Items(_) | Reply::Several(_) | Reply::Row(_))
            | (OpKind::Add, Reply::Short(_))
            | (OpKind::Next, Reply::Amount(_)) => {
                self.other_replies.insert(row as u32, reply);
            }
            (OpKind::CompareAndSet, Reply::Mismatch(seen)) => {
                self.tag[row].mismatch = true;
                let place = self.compared_place(row as u32);
                self.compared[place].2 = pack(seen);
            }
            (kind, reply) => panic!("{reply:?} answers no {}", kind.name()),
        }
    }

    /// Records that the operation did not and will not take effect.
    ///
    /// # Panics
    /// Where the operation is not open.
    pub fn fail(&mut self, id: OpId, at: Time) {
        self.close(id, Outcome::Fail, at);
    }

    fn close(&mut self, id: OpId, outcome: Outcome, at: Time) -> usize {
        let row = self.row(id);
        assert!(self.tag[row].outcome == Outcome::Unknown, "an operation ends once");
        self.tag[row].outcome = outcome;
        self.completed[row] = at.as_nanos();
        row
    }

    fn compared_place(&self, row: u32) -> usize {
        self.compared.binary_search_by_key(&row, |c| c.0).expect("every compare-and-set has its comparison")
    }

    /// The operation in this row.
    ///
    /// # Panics
    /// Where there is no such row.
    pub fn get(&self, id: OpId) -> Operation {
        let row = self.row(id);
        let Tag { kind, outcome, mismatch } = self.tag[row];
        let key = Key(self.key[row]);
        let value = unpack(self.value[row]);
        let written = || value.expect("a write has a value");
        let compared = || self.compared[self.compared_place(row as u32)];
        let other = || self.others[&(row as u32)];
        let op = match kind {
            OpKind::Read => self.others.get(&(row as u32)).copied().unwrap_or(Op::Read(key)),
            OpKind::Write => Op::Write(key, written()),
            OpKind::CompareAndSet => Op::CompareAndSet { key, expected: unpack(compared().1), new: written() },
            OpKind::Add | OpKind::Insert | OpKind::Remove | OpKind::Put | OpKind::Next => other(),
        };
        let other = || self.other_replies.get(&(row as u32)).copied();
        let reply = (outcome == Outcome::Ok).then(|| match kind {
            OpKind::Read => other().unwrap_or(Reply::Read(value)),
            OpKind::CompareAndSet if mismatch => Reply::Mismatch(unpack(compared().2)),
            OpKind::Add | OpKind::Next => other().unwrap_or(Reply::Written),
            OpKind::Write | OpKind::CompareAndSet | OpKind::Insert | OpKind::Remove | OpKind::Put => Reply::Written,
        });
        Operation {
            id,
            client: ClientId(self.client[row]),
            op,
            invoked: Time::from_nanos(self.invoked[row]),
            completed: Time::from_nanos(self.completed[row]),
            outcome,
            reply,
            server: (self.server[row] != NO_NODE).then_some(NodeId(self.server[row])),
        }
    }

    /// Every operation, in the order of invocation.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = Operation> + '_ {
        self.ids().map(|id| self.get(id))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(ms: u64) -> Time {
        Time::from_nanos(ms * 1_000_000)
    }

    #[test]
    fn a_row_reads_back_as_it_was_written() {
        let mut history = History::new();
        let (key, client) = (Key(3), ClientId(1));
        let cas = Op::CompareAndSet { key, expected: None, new: Value(9) };
        let read = history.invoke(client, Op::Read(key), at(1));
        let write = history.invoke(client, Op::Write(key, Value(8)), at(2));
        let lost = history.invoke(client, cas, at(3));
        let missed = history.invoke(client, Op::CompareAndSet { key, expected: Some(Value(8)), new: Value(10) }, at(4));
        history.complete(read, Reply::Read(None), NodeId(2), at(5));
        history.fail(write, at(6));
        history.complete(missed, Reply::Mismatch(Some(Value(9))), NodeId(0), at(7));

        assert_eq!(history.get(read).reply, Some(Reply::Read(None)));
        assert_eq!(history.get(read).server, Some(NodeId(2)));
        assert_eq!(history.get(write).outcome, Outcome::Fail);
        assert_eq!(history.get(write).reply, None);
        assert_eq!(history.get(lost).op, cas);
        assert_eq!((history.get(lost).outcome, history.get(lost).completed), (Outcome::Unknown, Time::NEVER));
        assert_eq!(history.get(missed).reply, Some(Reply::Mismatch(Some(Value(9)))));
        assert_eq!(history.get(missed).acknowledged_write(), None);
        assert_eq!(history.iter().len(), 4);
    }

    #[test]
    fn what_is_left_out_moves_no_number() {
        let mut history = History::new();
        let swap = Op::CompareAndSet { key: Key(1), expected: Some(Value(1)), new: Value(2) };
        history.invoke_as(OpId(0), ClientId(0), Op::Write(Key(1), Value(1)), at(0));
        history.invoke_as(OpId(7), ClientId(1), swap, at(1));
        history.invoke_as(OpId(8), ClientId(0), Op::Read(Key(1)), at(2));
        history.complete(OpId(7), Reply::Mismatch(None), NodeId(1), at(3));
        assert_eq!(history.ids().collect::<Vec<_>>(), [OpId(0), OpId(7), OpId(8)]);
        assert_eq!(history.get(OpId(7)).reply, Some(Reply::Mismatch(None)));
        assert_eq!((history.get(OpId(7)).op, history.get(OpId(8)).client), (swap, ClientId(0)));
        assert_eq!(history.invoke(ClientId(2), Op::Read(Key(1)), at(4)), OpId(9));
    }

    #[test]
    fn what_no_register_has_reads_back_as_it_was_told() {
        use crate::op::{Columns, Item, Items, Row, Several};
        let (mut history, key, client, node) = (History::new(), Key(1), ClientId(0), NodeId(0));
        let first = history.invoke(client, Op::Read(key), at(0));
        history.complete(first, Reply::Read(None), node, at(1));
        assert!(history.is_of_registers());
        let told = [
            (Op::Add { key, amount: -2, name: Value(1) }, Reply::Short(1)),
            (Op::Add { key, amount: 5, name: Value(2) }, Reply::Written),
            (Op::Insert { key, item: Item(3), name: Value(3) }, Reply::Written),
            (Op::Remove { key, item: Item(3), name: Value(4) }, Reply::Written),
            (Op::Read(key), Reply::Amount(-7)),
            (Op::Read(key), Reply::Items(Items::from_bits(9))),
            (Op::Read(key), Reply::Several(Several::of([Value(3), Value(4)]))),
            (Op::Put { key, columns: Columns::first(2), name: Value(5) }, Reply::Written),
            (Op::Next { key, name: Value(9) }, Reply::Amount(3)),
            (Op::ReadRow { key, columns: Columns::first(2) }, Reply::Row(Row::default().with(1, Value(6)))),
        ];
        for (op, reply) in told {
            let id = history.invoke(client, op, at(2));
            assert_eq!((history.get(id).op, history.get(id).reply), (op, None));
            history.complete(id, reply, node, at(2));
            assert_eq!((history.get(id).op, history.get(id).reply), (op, Some(reply)));
        }
        assert!(!history.is_of_registers());
    }

    #[test]
    #[should_panic(expected = "an operation ends once")]
    fn an_operation_does_not_end_twice() {
        let mut history = History::new();
        let id = history.invoke(ClientId(0), Op::Read(Key(0)), at(0));
        history.fail(id, at(1));
        history.fail(id, at(2));
    }

    #[test]
    #[should_panic(expected = "answers no read")]
    fn an_answer_belongs_to_its_question() {
        let mut history = History::new();
        let id = history.invoke(ClientId(0), Op::Read(Key(0)), at(0));
        history.complete(id, Reply::Written, NodeId(0), at(1));
    }
}
