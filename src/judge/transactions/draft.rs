//! What the readers of registers in text fill: transactions in sessions, with keys by name.

use std::collections::{BTreeMap, BTreeSet};

use super::ForeignTransactions;
use crate::check::transactions::{SessionId, Status, Transactions};
use crate::id::{Key, Value};

/// A micro-operation on a register.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Access {
    Write(u64),
    /// None is the initial state.
    Read(Option<u64>),
}

struct Transaction {
    session: u32,
    status: Status,
    accesses: Vec<(u32, Access)>,
}

/// Transactions as a file has them, each with its micro-operations in order.
#[derive(Default)]
pub(super) struct Draft {
    names: BTreeMap<String, u32>,
    sessions: BTreeMap<u64, u32>,
    transactions: Vec<Transaction>,
}

impl Draft {
    /// Begins a transaction of a session, and gives its place.
    pub(super) fn begin(&mut self, session: u64, status: Status) -> usize {
        let next = self.sessions.len() as u32;
        let session = *self.sessions.entry(session).or_insert(next);
        self.transactions.push(Transaction { session, status, accesses: Vec::new() });
        self.transactions.len() - 1
    }

    /// Adds to the transaction at a place.
    pub(super) fn push(&mut self, transaction: usize, key: &str, access: Access) {
        let key = match self.names.get(key) {
            Some(key) => *key,
            None => {
                let next = self.names.len() as u32;
                self.names.insert(key.to_string(), next);
                next
            }
        };
        self.transactions[transaction].accesses.push((key, access));
    }

    /// Sets how the transaction at a place ended.
    pub(super) fn end(&mut self, transaction: usize, status: Status) {
        self.transactions[transaction].status = status;
    }

    /// The history. Where zero stands for the initial state, it does so for every key to which nobody wrote it.
    pub(super) fn finish(self, zero_is_initial: bool) -> ForeignTransactions {
        let accesses = || self.transactions.iter().flat_map(|transaction| &transaction.accesses);
        let zeros: BTreeSet<u32> =
            accesses().filter(|(_, access)| *access == Access::Write(0)).map(|(key, _)| *key).collect();
        let mut history = Transactions::new();
        for transaction in &self.transactions {
            history.begin(SessionId(transaction.session), transaction.status);
            for (key, access) in &transaction.accesses {
                match *access {
                    Access::Write(value) => history.write(Key(*key), Value(value)),
                    Access::Read(Some(0)) if zero_is_initial && !zeros.contains(key) => history.read(Key(*key), None),
                    Access::Read(seen) => history.read(Key(*key), seen.map(Value)),
                }
            }
        }
        let mut keys = vec![String::new(); self.names.len()];
        self.names.into_iter().for_each(|(name, key)| keys[key as usize] = name);
        ForeignTransactions { history, keys }
    }
}

/// The lines of a text that have content, each trimmed and with the byte at which it begins.
pub(super) fn lines(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut end = 0;
    text.split_inclusive('\n').filter_map(move |line| {
        let at = end + (line.len() - line.trim_start_matches(is_blank).len());
        end += line.len();
        let line = line.trim_matches(is_blank);
        (!line.is_empty()).then_some((at, line))
    })
}

fn is_blank(c: char) -> bool {
    c.is_whitespace() || c == '\u{feff}'
}
