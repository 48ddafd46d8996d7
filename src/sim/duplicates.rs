//! Duplicate effects: writes that a copy took more than once, since two requests for one write looked like two.
//!
//! Counted where clients ask again by a policy, or without request ids; elsewhere nothing of this file is called.

use crate::column::Column;
use crate::id::{NodeId, Value};

use super::setup::Setup;

/// How often each copy took each write.
#[derive(Debug)]
pub(super) struct Duplicates {
    /// By node and value, since the node's last start: its log may be applied anew then.
    taken: Vec<Column<u32>>,
    /// By value: how often the copy took it that took it most often.
    most: Column<u32>,
}

impl Duplicates {
    /// `None` where every request for a write carries the same id, and is sent again only as ever.
    pub(super) fn new(setup: &Setup, nodes: usize) -> Option<Duplicates> {
        let may_be = setup.workload.retry.is_some() || !setup.workload.idempotency;
        may_be.then(|| Duplicates { taken: vec![Column::default(); nodes], most: Column::default() })
    }

    /// A node's copy took a write.
    pub(super) fn applied(&mut self, node: NodeId, value: Value) {
        let place = value.index();
        let taken = self.taken[node.index()].change(place, |taken| {
            *taken += 1;
            *taken
        });
        self.most.change(place, |most| *most = taken.max(*most));
    }

    /// It took the write back.
    pub(super) fn rolled_back(&mut self, node: NodeId, value: Value) {
        let taken = &mut self.taken[node.index()];
        if value.index() < taken.len() {
            taken.change(value.index(), |taken| *taken = taken.saturating_sub(1));
        }
    }

    /// The node is down.
    pub(super) fn crashed(&mut self, node: NodeId) {
        self.taken[node.index()].clear();
    }

    /// How many effects there were beyond the first of each write.
    pub(super) fn total(&self) -> u64 {
        self.most.iter().map(|times| u64::from(times.saturating_sub(1))).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_write_taken_again_by_one_copy_is_a_duplicate_and_by_each_of_three_is_not() {
        let mut duplicates = Duplicates { taken: vec![Column::default(); 3], most: Column::default() };
        (0..3).for_each(|node| duplicates.applied(NodeId(node), Value(7)));
        assert_eq!(duplicates.total(), 0);
        duplicates.crashed(NodeId(0));
        duplicates.applied(NodeId(0), Value(7));
        duplicates.rolled_back(NodeId(1), Value(7));
        duplicates.applied(NodeId(1), Value(7));
        assert_eq!(duplicates.total(), 0, "a log applied anew, a write taken back");
        duplicates.applied(NodeId(2), Value(7));
        duplicates.applied(NodeId(1), Value(7));
        assert_eq!(duplicates.total(), 1);
    }
}
