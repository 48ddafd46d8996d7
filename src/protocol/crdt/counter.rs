//! A counter: of each node what it added and what it took away, and whom it gave the right to take away.
//!
//! Nobody but a node writes its row, so that of two states of a row the later has all that is in the earlier, and a join takes it.
//! Sources: Shapiro et al., RR-7506, specifications 6 and 7 (G-counter, PN-counter); Balegas et al., *Extending Eventually
//! Consistent Cloud Databases for Enforcing Numeric Invariants*, SRDS 2015 (the bounded counter: rights that are given on).
//! Next: `dots.rs`.

use std::collections::BTreeMap;

use super::Dot;
use crate::id::NodeId;

/// A counter, all rows of it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Counter {
    rows: BTreeMap<NodeId, Row>,
}

/// What one node did to a counter.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
struct Row {
    /// The number of its last update here, among all of its own: the later row has the higher.
    number: u64,
    added: i64,
    taken: i64,
    given: BTreeMap<NodeId, i64>,
}

impl Counter {
    /// The sum of everything.
    pub fn amount(&self) -> i64 {
        self.rows.values().map(|row| row.added - row.taken).sum()
    }

    /// How much this node may take away without asking anybody, if the counter is not to come below zero: what it added, and was
    /// given, less what it took away, and gave. The rights of all nodes together are what the counter comes to.
    pub fn rights(&self, node: NodeId) -> i64 {
        let received: i64 = self.rows.values().filter_map(|row| row.given.get(&node)).sum();
        let own = self.rows.get(&node).map_or(0, |row| row.added - row.taken - row.given.values().sum::<i64>());
        own + received
    }

    /// A node adds so much, or takes it away.
    pub fn add(&mut self, dot: Dot, amount: i64) {
        let row = self.row(dot);
        if amount >= 0 {
            row.added += amount;
        } else {
            row.taken -= amount;
        }
    }

    /// A node gives the right to take away so much.
    pub fn give(&mut self, dot: Dot, to: NodeId, amount: i64) {
        *self.row(dot).given.entry(to).or_default() += amount;
    }

    fn row(&mut self, dot: Dot) -> &mut Row {
        let row = self.rows.entry(dot.node).or_default();
        row.number = row.number.max(dot.number);
        row
    }

    /// Has what either has. Whether anything is new.
    pub fn join(&mut self, theirs: &Counter) -> bool {
        let mut is_new = false;
        for (node, row) in &theirs.rows {
            let mine = self.rows.entry(*node).or_default();
            if mine.number < row.number {
                mine.clone_from(row);
                is_new = true;
            }
        }
        is_new
    }

    /// Its size on the wire: of each row a node, a number and two sums, and whom it gave how much.
    pub fn bytes(&self) -> usize {
        self.rows.values().map(|row| 26 + 10 * row.given.len()).sum()
    }
}
