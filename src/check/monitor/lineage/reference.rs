//! Lineage kept in maps and sets: what the dense form is compared with.

use std::collections::{BTreeMap, BTreeSet};

use super::Durability;
use crate::id::{Key, NodeId, Value};

/// The writes of a run, linked.
#[derive(Clone, Debug, Default)]
pub(super) struct Lineage {
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

    /// A node took a write out of its copy again, which holds `now` without it.
    pub fn rolled_back(&mut self, node: NodeId, key: Key, value: Value, now: Option<Value>) {
        self.rolled_back.insert(value);
        let copy = &mut self.copies[node.index()];
        if copy.get(&key) == Some(&value) {
            match now {
                Some(now) => copy.insert(key, now),
                None => copy.remove(&key),
            };
        }
    }

    /// A write was discarded in favour of a concurrent one. Told twice, it counts once.
    pub fn conflict(&mut self, lost: Value) {
        self.link(lost);
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
