//! The certificate of a pass: an order of the operations, and its replay. Next: `tests.rs`.
//!
//! The replay takes nothing from the method: it reads the history again, plays the order against a register, and looks
//! whether the order respects real time.

use super::items::Kind;
use super::zones::Zones;
use crate::history::{History, OpId, Outcome};
use crate::id::{Key, Value};
use crate::op::{Op, Reply};

impl Zones<'_> {
    /// The linearization: the initial block, then the others in order; in a block the write of each value and then its
    /// reads, in the order of their calls. `O(n)`.
    pub(super) fn linearization(&self) -> Vec<OpId> {
        let is_read = |index: &usize| self.items[*index].kind == Kind::Read;
        // Reads by value, in buckets: `from[v]..from[v + 1]`.
        let mut from = vec![0_u32; self.writers.len() + 1];
        for index in (0..self.items.len()).filter(is_read) {
            from[self.sees[index] as usize + 1] += 1;
        }
        for value in 1..from.len() {
            from[value] += from[value - 1];
        }
        let mut reads = vec![OpId(0); from[self.writers.len()] as usize];
        let mut next = from.clone();
        for index in (0..self.items.len()).filter(is_read) {
            let place = &mut next[self.sees[index] as usize];
            reads[*place as usize] = self.items[index].row;
            *place += 1;
        }

        let mut order = Vec::with_capacity(self.items.len());
        for head in std::iter::once(0).chain(self.blocks.iter().map(|block| block.head)) {
            for value in self.chain(head) {
                if value != 0 {
                    order.push(self.writer(value).row);
                }
                let bucket = from[value as usize]..from[value as usize + 1];
                order.extend_from_slice(&reads[bucket.start as usize..bucket.end as usize]);
            }
        }
        order
    }
}

/// Replays linearizations against a history. One of these serves every key: no operation may be placed twice.
pub(super) struct Replay<'a> {
    history: &'a History,
    placed: Vec<bool>,
}

impl<'a> Replay<'a> {
    pub fn new(history: &'a History) -> Replay<'a> {
        Replay { history, placed: vec![false; history.len()] }
    }

    /// Whether `order` is a linearization of the operations on `key`, of which `acknowledged` have the outcome ok.
    ///
    /// It is one where every operation is on the key and placed once, none has failed, all that were acknowledged are
    /// there, each does what it reported, and none ended before an earlier one began.
    ///
    /// # Errors
    /// Where it is not, in words.
    pub fn check(&mut self, key: Key, order: &[OpId], acknowledged: u64) -> Result<(), String> {
        let mut state: Option<Value> = None;
        let mut last_call = crate::time::Time::ZERO;
        let mut found = 0;
        for id in order {
            let operation = self.history.get(*id);
            let wrong = |what: &str| Err(format!("operation {} {what}", id.0));
            if operation.op.key() != key {
                return wrong("is on another key");
            }
            if std::mem::replace(&mut self.placed[self.history.row(*id)], true) {
                return wrong("is placed twice");
            }
            if operation.completed < last_call {
                return wrong("ended before an earlier one began");
            }
            last_call = last_call.max(operation.invoked);
            found += u64::from(operation.outcome == Outcome::Ok);
            let right = match (operation.outcome, operation.op, operation.reply) {
                (Outcome::Fail, ..) | (Outcome::Unknown, Op::Read(_), _) => false,
                (Outcome::Ok, _, Some(Reply::Read(seen))) => seen == state,
                (Outcome::Ok, Op::CompareAndSet { expected, .. }, Some(Reply::Mismatch(seen))) => {
                    seen == state && expected != state
                }
                (_, Op::Write(_, value), _) => {
                    state = Some(value);
                    true
                }
                (_, Op::CompareAndSet { expected, new, .. }, _) => {
                    let matched = expected == state;
                    state = Some(new);
                    matched
                }
                _ => false,
            };
            if !right {
                return wrong("does not do what it reported");
            }
        }
        if found == acknowledged { Ok(()) } else { Err(format!("{found} of {acknowledged} operations are placed")) }
    }
}
