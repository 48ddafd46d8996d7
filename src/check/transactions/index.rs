//! Who wrote a value: an open-addressing table from key and value to the row of the write.
//!
//! Only ever asked for one entry, never walked: its order is seen by nobody.

use super::history::{Tag, Transactions};
use crate::id::Value;

const EMPTY: u32 = u32::MAX;

/// The writes of a history, by what they wrote.
pub(super) struct WriteIndex {
    table: Vec<u32>,
    mask: usize,
    /// By row: two transactions wrote this.
    pub(super) ambiguous: Vec<bool>,
    /// By row: the last write of its transaction to its key.
    pub(super) is_final: Vec<bool>,
}

impl WriteIndex {
    /// Every write of every transaction, aborted ones too. `O(n)` expected.
    pub(super) fn new(history: &Transactions) -> WriteIndex {
        let rows = history.micro_ops();
        let writes = (0..rows).filter(|row| is_write(history.tag(*row))).count();
        let size = (writes * 2).next_power_of_two().max(2);
        let mut index = WriteIndex {
            table: vec![EMPTY; size],
            mask: size - 1,
            ambiguous: vec![false; rows],
            is_final: vec![false; rows],
        };
        let mut last: Vec<(u32, u32)> = vec![(u32::MAX, 0); history.keys()];
        for transaction in 0..history.len() {
            for row in history.rows(transaction).filter(|row| is_write(history.tag(*row))) {
                let key = history.key_at(row);
                if last[key].0 == transaction as u32 {
                    index.is_final[last[key].1 as usize] = false;
                }
                last[key] = (transaction as u32, row as u32);
                index.is_final[row] = true;
                index.insert(history, transaction, row);
            }
        }
        index
    }

    fn insert(&mut self, history: &Transactions, transaction: usize, row: usize) {
        let (key, value) = (history.key_at(row), history.value_at(row));
        let slot = self.slot(history, key, value);
        let there = self.table[slot];
        if there == EMPTY {
            self.table[slot] = row as u32;
        } else if history.rows(transaction).contains(&(there as usize)) {
            self.ambiguous[row] = self.ambiguous[there as usize] || history.tag(row) == Tag::Append;
            self.table[slot] = row as u32;
        } else {
            self.ambiguous[there as usize] = true;
            self.ambiguous[row] = true;
        }
    }

    /// The row that wrote `value` to `key`.
    pub(super) fn find(&self, history: &Transactions, key: usize, value: Value) -> Option<usize> {
        let row = self.table[self.slot(history, key, value)];
        (row != EMPTY).then_some(row as usize)
    }

    fn slot(&self, history: &Transactions, key: usize, value: Value) -> usize {
        let mut hash = value.0.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ (key as u64).wrapping_mul(0xd6e8_feb8_6659_fd93);
        hash = (hash ^ (hash >> 32)).wrapping_mul(0xd6e8_feb8_6659_fd93);
        let mut slot = (hash ^ (hash >> 32)) as usize & self.mask;
        loop {
            let row = self.table[slot];
            if row == EMPTY || (history.key_at(row as usize) == key && history.value_at(row as usize) == value) {
                return slot;
            }
            slot = (slot + 1) & self.mask;
        }
    }
}

/// Whether it is a write or an append.
pub(super) fn is_write(tag: Tag) -> bool {
    matches!(tag, Tag::Write | Tag::Append)
}
