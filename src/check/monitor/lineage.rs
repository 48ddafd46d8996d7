//! Lineage: which write each write replaced, and so which acknowledged writes are gone.
//!
//! Every applied write points at the write that it replaced in the copy of the node that applied it first, which is the
//! node that ordered it. A client's retry may get one write ordered at two nodes, and then it points at both. At the end, a
//! write is *accounted for* if it is in the copy of a serving node, or was replaced, directly or by others, by one that
//! is; or if it lost to a concurrent write by the design's rule (a conflict, which is counted), or was replaced by one
//! that did. An acknowledged write that is not accounted for is **lost**. One that was rolled back, or that only a
//! stranded copy descends from, is **diverged** as well: it exists, on the wrong branch.

use std::collections::{BTreeMap, BTreeSet};

use crate::id::{Key, NodeId, Value};

/// The writes of a run, linked.
#[derive(Clone, Debug, Default)]
pub struct Lineage {
    /// By value: the write that it replaced. Values are small dense numbers.
    replaced: Vec<Link>,
    /// What a write replaced at further nodes that ordered it: rare.
    replaced_too: BTreeMap<Value, Vec<Value>>,
    /// By node: what each key holds there.
    copies: Vec<BTreeMap<Key, Value>>,
    conflicts: BTreeSet<Value>,
    rolled_back: BTreeSet<Value>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Link {
    /// Nobody applied this write.
    #[default]
    Absent,
    /// It was the key's first.
    First,
    /// It replaced this one.
    Over(Value),
}

/// What became of the acknowledged writes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Durability {
    /// Acknowledged, and gone.
    pub lost: BTreeSet<Value>,
    /// Acknowledged, and left on a branch that does not serve.
    pub diverged: BTreeSet<Value>,
    /// Acknowledged, and discarded in favour of a concurrent write, by rule.
    pub conflicts: BTreeSet<Value>,
}

impl Lineage {
    /// For a run with this many nodes.
    pub fn new(nodes: usize) -> Lineage {
        Lineage { copies: vec![BTreeMap::new(); nodes], ..Lineage::default() }
    }

    fn link(&mut self, value: Value) -> &mut Link {
        let place = value.0 as usize;
        if place >= self.replaced.len() {
            self.replaced.resize(place + 1, Link::Absent);
        }
        &mut self.replaced[place]
    }

    /// A node's copy took a write. `ordered` says that it did so while it was asked to write it: it put this write after
    /// what it held, whatever others did. Otherwise, only the first to apply a write counts: later ones may have skipped
    /// what lies between.
    pub fn applied(&mut self, node: NodeId, key: Key, value: Value, ordered: bool) {
        let before = self.copies[node.index()].insert(key, value).filter(|before| *before != value);
        let link = self.link(value);
        match (*link, before) {
            (Link::Absent, Some(before)) => *link = Link::Over(before),
            (Link::Absent, None) => *link = Link::First,
            (known, Some(before)) if ordered && known != Link::Over(before) => {
                self.replaced_too.entry(value).or_default().push(before);
            }
            _ => {}
        }
    }

    /// A node took a write out of its copy again.
    pub fn rolled_back(&mut self, node: NodeId, key: Key, value: Value) {
        self.rolled_back.insert(value);
        let before = *self.link(value);
        let copy = &mut self.copies[node.index()];
        if copy.get(&key) == Some(&value) {
            match before {
                Link::Over(before) => copy.insert(key, before),
                _ => copy.remove(&key),
            };
        }
    }

    /// A write was discarded in favour of a concurrent one. Told twice, it counts once.
    pub fn conflict(&mut self, lost: Value) {
        self.conflicts.insert(lost);
    }

    /// Whether any node ever took this write into its copy.
    pub fn is_applied(&self, value: Value) -> bool {
        self.replaced.get(value.0 as usize).is_some_and(|link| *link != Link::Absent)
    }

    /// A node lost its memory: what it holds from now on, it will tell again.
    pub fn crashed(&mut self, node: NodeId) {
        self.copies[node.index()].clear();
    }

    /// Judges the acknowledged writes, given the copies at the end.
    ///
    /// `serving` and `stranded` are the values in those copies. A write that failed for certain, or whose client never
    /// heard, is in none of the three sets. `overtaken` are writes that the copies themselves show to be gone, whatever was
    /// observed: they are lost unless a conflict, by rule, explains it.
    pub fn judge(
        &self,
        acknowledged: &BTreeSet<Value>,
        serving: impl IntoIterator<Item = Value>,
        stranded: impl IntoIterator<Item = Value>,
        overtaken: impl IntoIterator<Item = Value>,
    ) -> Durability {
        let is = |marks: &[bool], value: &Value| marks.get(value.0 as usize).copied().unwrap_or(false);
        let mut accounted = vec![false; self.replaced.len()];
        let serving: BTreeSet<Value> = serving.into_iter().collect();
        serving.iter().for_each(|value| self.trace_back(*value, &mut accounted));
        // A retry may get a write in twice, and one of the two may lose: what is still there was not discarded.
        let conflicts: BTreeSet<Value> =
            self.conflicts.iter().filter(|value| !is(&accounted, value)).copied().collect();
        let mut excused = vec![false; self.replaced.len()];
        conflicts.iter().for_each(|value| self.trace_back(*value, &mut excused));
        let mut branch = vec![false; self.replaced.len()];
        stranded
            .into_iter()
            .chain(self.rolled_back.iter().copied())
            .for_each(|value| self.trace_back(value, &mut branch));
        // A protocol that tells nothing is judged by its copies alone.
        let is_told = !self.replaced.is_empty();
        let is_lost = |value: &Value| is_told && !is(&accounted, value) && !is(&excused, value);
        let mut lost: BTreeSet<Value> = acknowledged.iter().copied().filter(is_lost).collect();
        lost.extend(overtaken.into_iter().filter(|value| !is(&excused, value)));
        let diverged = lost.iter().filter(|value| is(&branch, value)).copied().collect();
        Durability { lost, diverged, conflicts: conflicts.intersection(acknowledged).copied().collect() }
    }

    fn trace_back(&self, from: Value, marks: &mut [bool]) {
        let mut to_mark = vec![from];
        while let Some(value) = to_mark.pop() {
            match marks.get_mut(value.0 as usize) {
                Some(mark) if !*mark => *mark = true,
                _ => continue,
            }
            if let Link::Over(before) = self.replaced[value.0 as usize] {
                to_mark.push(before);
            }
            to_mark.extend(self.replaced_too.get(&value).into_iter().flatten());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: Key = Key(0);

    fn values(numbers: &[u64]) -> BTreeSet<Value> {
        numbers.iter().map(|n| Value(*n)).collect()
    }

    #[test]
    fn what_was_overwritten_in_turn_is_not_lost() {
        let mut lineage = Lineage::new(2);
        for value in [1, 2, 3] {
            lineage.applied(NodeId(0), KEY, Value(value), false);
        }
        lineage.applied(NodeId(1), KEY, Value(3), false);
        let judged = lineage.judge(&values(&[1, 2, 3]), [Value(3)], [], []);
        assert_eq!(judged, Durability::default());
    }

    #[test]
    fn a_branch_that_was_rolled_back_is_lost_and_diverged() {
        let mut lineage = Lineage::new(2);
        lineage.applied(NodeId(0), KEY, Value(1), false);
        lineage.applied(NodeId(1), KEY, Value(1), false);
        lineage.applied(NodeId(0), KEY, Value(2), false);
        lineage.applied(NodeId(0), KEY, Value(3), false);
        lineage.applied(NodeId(1), KEY, Value(4), false);
        lineage.rolled_back(NodeId(0), KEY, Value(3));
        lineage.rolled_back(NodeId(0), KEY, Value(2));
        lineage.applied(NodeId(0), KEY, Value(4), false);
        let judged = lineage.judge(&values(&[1, 2, 3, 4]), [Value(4), Value(4)], [], []);
        assert_eq!(judged.lost, values(&[2, 3]));
        assert_eq!(judged.diverged, values(&[2, 3]));
    }

    #[test]
    fn a_write_that_died_with_its_node_is_lost_but_not_diverged() {
        let mut lineage = Lineage::new(2);
        lineage.applied(NodeId(0), KEY, Value(1), false);
        lineage.crashed(NodeId(0));
        let judged = lineage.judge(&values(&[1]), [], [], []);
        assert_eq!((judged.lost.len(), judged.diverged.len()), (1, 0));
        let kept = lineage.judge(&values(&[1]), [], [Value(1)], []);
        assert_eq!((kept.lost.len(), kept.diverged.len()), (1, 1), "a stranded copy is not service");
    }

    #[test]
    fn a_conflict_is_no_loss_and_neither_is_what_it_had_replaced() {
        let mut lineage = Lineage::new(2);
        lineage.applied(NodeId(0), KEY, Value(1), false);
        lineage.applied(NodeId(0), KEY, Value(2), false);
        lineage.applied(NodeId(1), KEY, Value(3), false);
        lineage.conflict(Value(2));
        lineage.conflict(Value(2));
        lineage.applied(NodeId(0), KEY, Value(3), false);
        let judged = lineage.judge(&values(&[1, 2, 3]), [Value(3)], [], []);
        assert_eq!((judged.lost.len(), judged.conflicts), (0, values(&[2])));
    }

    #[test]
    fn an_acknowledged_write_that_nobody_applied_is_lost() {
        let mut lineage = Lineage::new(1);
        lineage.applied(NodeId(0), KEY, Value(6), false);
        assert_eq!(lineage.judge(&values(&[6, 7]), [Value(6)], [], []).lost, values(&[7]));
    }

    #[test]
    fn a_write_that_was_ordered_twice_replaced_two() {
        let mut lineage = Lineage::new(2);
        lineage.applied(NodeId(0), KEY, Value(1), true);
        lineage.applied(NodeId(1), KEY, Value(2), true);
        lineage.applied(NodeId(0), KEY, Value(3), true);
        lineage.applied(NodeId(1), KEY, Value(3), false);
        assert_eq!(
            lineage.judge(&values(&[1, 2, 3]), [Value(3)], [], []).lost,
            values(&[2]),
            "the other node only heard of it"
        );
        lineage.applied(NodeId(1), KEY, Value(2), false);
        lineage.applied(NodeId(1), KEY, Value(3), true);
        assert_eq!(lineage.judge(&values(&[1, 2, 3]), [Value(3)], [], []), Durability::default());
    }
}
