//! Lineage: which write each write replaced, and so which acknowledged writes are gone.
//!
//! Every applied write points at the write that it replaced in the copy of the node that applied it first, which is the
//! node that ordered it. A client's retry may get one write ordered at two nodes, and then it points at both. At the end, a
//! write is *accounted for* if it is in the copy of a serving node, or was replaced, directly or by others, by one that
//! is; or if it lost to a concurrent write by the design's rule (a conflict, which is counted), or was replaced by one
//! that did. An acknowledged write that is not accounted for is **lost**. One that was rolled back, or that only a
//! stranded copy descends from, is **diverged** as well: it exists, on the wrong branch.
//!
//! Values and keys are small dense numbers: a write costs 5 bytes here, and less when it is old, and a key 4 bytes in every
//! copy.
//! Next: `versions.rs`, the order that the links are.

#[cfg(test)]
mod reference;
mod versions;

use std::collections::BTreeSet;

use crate::column::Column;
use crate::id::{Key, NodeId, Value};
pub use versions::Versions;

/// The writes of a run, linked.
#[derive(Clone, Debug, Default)]
pub struct Lineage {
    /// By value: what it replaced. [`ABSENT`], [`FIRST`], or the value that it replaced and [`OVER`].
    links: Column<u32>,
    /// By value: [`ACKNOWLEDGED`], [`DISCARDED`], [`ROLLED_BACK`].
    notes: Column<u8>,
    /// What a write replaced at further nodes that ordered it: rare.
    replaced_too: Vec<(u32, u32)>,
    /// By node and key: one more than the value that is held there; 0 where there is none.
    copies: Vec<Vec<u32>>,
    /// Writes that others knew and put an end to: those, these, and whose copies told.
    ended: Vec<(Value, Value, NodeId)>,
}

/// Nobody applied this write.
const ABSENT: u32 = 0;
/// It was the key's first.
const FIRST: u32 = 1;
/// Added to the value that a write replaced.
const OVER: u32 = 2;

/// A client was told that it is done.
const ACKNOWLEDGED: u8 = 1;
/// It was discarded in favour of a concurrent write.
const DISCARDED: u8 = 2;
/// Some node took it out of its copy again.
const ROLLED_BACK: u8 = 4;
/// A client asked to remove it.
const REMOVED: u8 = 8;
/// It was carried out twice.
const TWICE: u8 = 16;

/// Of a write, at the end: it is in a serving copy, or one that descends from it is.
const ACCOUNTED: u8 = 1;
/// A discarded write descends from it, or it was discarded.
const EXCUSED: u8 = 2;
/// A stranded copy or one that was rolled back descends from it.
const BRANCHED: u8 = 4;

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

/// A value as it is kept here.
fn small(value: Value) -> u32 {
    let small = u32::try_from(value.0).ok().filter(|small| *small < u32::MAX - OVER);
    small.expect("values are small dense numbers, less than 2^32 - 3")
}

/// The entry in this place of a table, which is made long enough.
fn entry<T: Clone + Default>(table: &mut Vec<T>, place: u32) -> &mut T {
    let place = place as usize;
    if place >= table.len() {
        table.resize(place + 1, T::default());
    }
    &mut table[place]
}

impl Lineage {
    /// For a run with this many nodes.
    pub fn new(nodes: usize) -> Lineage {
        Lineage { copies: vec![Vec::new(); nodes], ..Lineage::default() }
    }

    /// Forgets everything, and begins anew with the memory it has, for a run with this many nodes.
    pub fn begin_anew(&mut self, nodes: usize) {
        self.links.clear();
        self.notes.clear();
        self.replaced_too.clear();
        self.ended.clear();
        self.copies.resize_with(nodes, Vec::new);
        self.copies.iter_mut().for_each(Vec::clear);
    }

    /// A node's copy took a write. `ordered` says that it did so while it was asked to write it: it put this write after
    /// what it held, whatever others did. Otherwise, only the first to apply a write counts: later ones may have skipped
    /// what lies between. Tells what the copy held before, unless that is the same write. `O(1)`, amortised.
    ///
    /// # Panics
    /// Where the value is near `2^32` or greater.
    #[inline]
    pub fn applied(&mut self, node: NodeId, key: Key, value: Value, ordered: bool) -> Option<Value> {
        let value = small(value);
        let before = std::mem::replace(entry(&mut self.copies[node.index()], key.0), value + 1);
        let before = before.checked_sub(1).filter(|before| *before != value);
        let mine = before.map_or(FIRST, |before| before + OVER);
        let known = self.links.change(value as usize, |link| match *link {
            ABSENT => std::mem::replace(link, mine),
            known => known,
        });
        if let Some(before) = before
            && ordered
            && known != ABSENT
            && known != mine
        {
            self.replaced_too.push((value, before));
        }
        before.map(|before| Value(before.into()))
    }

    /// A node carried a write out, and has it beside whatever it held of the key.
    ///
    /// # Panics
    /// Where the value is near `2^32` or greater.
    pub fn added(&mut self, value: Value) {
        let known = self.links.change(small(value) as usize, |link| std::mem::replace(link, FIRST.max(*link)));
        if known != ABSENT {
            self.note(small(value), TWICE);
        }
    }

    /// A write was made at a node in the knowledge of another, which it replaces.
    ///
    /// # Panics
    /// Where a value is near `2^32` or greater.
    pub fn replaced(&mut self, node: NodeId, value: Value, by: Value) {
        self.replaced_too.push((small(by), small(value)));
        self.ended.push((value, by, node));
    }

    /// A removal was made at a node in the knowledge of a write, which it takes out.
    ///
    /// # Panics
    /// Where the value is near `2^32` or greater.
    pub fn removed(&mut self, node: NodeId, value: Value, by: Value) {
        self.note(small(value), REMOVED);
        self.ended.push((value, by, node));
    }

    /// Whether any write was put an end to by another that knew it: else nothing can be [undone](Lineage::undone).
    pub fn has_ended(&self) -> bool {
        !self.ended.is_empty()
    }

    /// Writes that are in the serving copies, and what had put an end to each. Not those that a retry got carried out twice, for one of the
    /// two may have come after that.
    pub fn undone<'a>(&'a self, serving: &'a BTreeSet<Value>) -> impl Iterator<Item = (Value, Value)> + 'a {
        let is_once = |value: &Value| self.notes.at(value.index()) & TWICE == 0;
        let ended = self.ended.iter().map(|(value, by, _)| (*value, *by));
        ended.filter(move |(value, _)| serving.contains(value) && is_once(value))
    }

    /// What a node's copy holds of a key, as it was told.
    pub fn held(&self, node: NodeId, key: Key) -> Option<Value> {
        let held = self.copies[node.index()].get(key.index())?.checked_sub(1)?;
        Some(Value(held.into()))
    }

    /// A node took a write out of its copy again, which holds `now` without it.
    ///
    /// # Panics
    /// Where the value is near `2^32` or greater.
    pub fn rolled_back(&mut self, node: NodeId, key: Key, value: Value, now: Option<Value>) {
        let value = small(value);
        self.note(value, ROLLED_BACK);
        let held = entry(&mut self.copies[node.index()], key.0);
        if *held == value + 1 {
            *held = now.map_or(0, |now| small(now) + 1);
        }
    }

    /// A write was discarded in favour of a concurrent one. Told twice, it counts once.
    ///
    /// # Panics
    /// Where the value is near `2^32` or greater.
    pub fn conflict(&mut self, lost: Value) {
        self.links.change(small(lost) as usize, |_| ()); // it may have been discarded before any copy took it
        self.note(small(lost), DISCARDED);
    }

    /// A client was told that this write took effect.
    ///
    /// # Panics
    /// Where the value is near `2^32` or greater.
    pub fn acknowledged(&mut self, value: Value) {
        self.note(small(value), ACKNOWLEDGED);
    }

    /// Whether any node ever took this write into its copy.
    pub fn is_applied(&self, value: Value) -> bool {
        usize::try_from(value.0).is_ok_and(|place| self.links.at(place) != ABSENT)
    }

    /// A node lost its memory: what it holds from now on, it will tell again. What was made there, is on no disk and had put an end to another
    /// never was: asked for again it may be made where nobody knows that other. `O(n)` in what was put an end to.
    pub fn crashed(&mut self, node: NodeId, is_on_a_disk: impl Fn(Value) -> bool) {
        self.copies[node.index()].clear();
        self.ended.retain(|(_, by, told_by)| *told_by != node || is_on_a_disk(*by));
    }

    /// Judges these acknowledged writes, beside those that were [told](Lineage::acknowledged). See
    /// [`durability`](Lineage::durability).
    pub fn judge(
        &self,
        acknowledged: &BTreeSet<Value>,
        serving: impl IntoIterator<Item = Value>,
        stranded: impl IntoIterator<Item = Value>,
        overtaken: impl IntoIterator<Item = Value>,
    ) -> Durability {
        let mut told = self.clone();
        acknowledged.iter().for_each(|value| told.acknowledged(*value));
        told.durability(serving, stranded, overtaken)
    }

    /// Judges the acknowledged writes, given the copies at the end. `O(writes)` time, and a byte a write.
    ///
    /// `serving` and `stranded` are the values in those copies. A write that failed for certain, or whose client never
    /// heard, is in none of the three sets. `overtaken` are acknowledged writes that the copies themselves show to be gone,
    /// whatever was observed: they are lost unless a conflict, by rule, explains it.
    pub fn durability(
        &self,
        serving: impl IntoIterator<Item = Value>,
        stranded: impl IntoIterator<Item = Value>,
        overtaken: impl IntoIterator<Item = Value>,
    ) -> Durability {
        let mut fates = Fates::new(self);
        // Of most writes it is known only that they were acknowledged.
        let ended: Vec<(Value, u8)> = self.noted(REMOVED | DISCARDED | ROLLED_BACK).collect();
        let noted = |note: u8| ended.iter().filter(move |(_, notes)| notes & note != 0).map(|(value, _)| *value);
        serving.into_iter().chain(noted(REMOVED)).for_each(|value| fates.trace_back(value, ACCOUNTED));
        // A retry may get a write in twice, and one of the two may lose: what is still there was not discarded.
        let discarded: Vec<Value> = noted(DISCARDED).filter(|value| !fates.is(*value, ACCOUNTED)).collect();
        discarded.iter().for_each(|value| fates.trace_back(*value, EXCUSED));
        stranded.into_iter().chain(noted(ROLLED_BACK)).for_each(|value| fates.trace_back(value, BRANCHED));
        // A protocol that tells nothing is judged by its copies alone.
        let is_told = !self.links.is_empty();
        let is_lost = |value: &Value| is_told && !fates.is(*value, ACCOUNTED | EXCUSED);
        let acknowledged = self.noted(ACKNOWLEDGED).map(|(value, _)| value);
        let mut lost: BTreeSet<Value> = acknowledged.filter(is_lost).collect();
        lost.extend(overtaken.into_iter().filter(|value| !fates.is(*value, EXCUSED)));
        let diverged = lost.iter().copied().filter(|value| fates.is(*value, BRANCHED)).collect();
        let is_acknowledged = |value: &Value| self.notes.at(value.index()) & ACKNOWLEDGED != 0;
        Durability { lost, diverged, conflicts: discarded.into_iter().filter(is_acknowledged).collect() }
    }

    /// The values with one of these notes, in order, and all the notes of each.
    fn noted(&self, some: u8) -> impl Iterator<Item = (Value, u8)> + '_ {
        (0..).map(Value).zip(self.notes.iter()).filter(move |(_, notes)| notes & some != 0)
    }

    fn note(&mut self, value: u32, note: u8) {
        self.notes.change(value as usize, |notes| *notes |= note);
    }
}

/// What becomes of every write that is linked: [`ACCOUNTED`], [`EXCUSED`], [`BRANCHED`].
struct Fates<'a> {
    links: &'a Column<u32>,
    /// By value.
    replaced_too: Vec<(u32, u32)>,
    marks: Vec<u8>,
    open: Vec<u32>,
}

impl Fates<'_> {
    fn new(lineage: &Lineage) -> Fates<'_> {
        let mut replaced_too = lineage.replaced_too.clone();
        replaced_too.sort_unstable();
        Fates { links: &lineage.links, replaced_too, marks: vec![0; lineage.links.len()], open: Vec::new() }
    }

    fn is(&self, value: Value, any: u8) -> bool {
        usize::try_from(value.0).ok().and_then(|place| self.marks.get(place)).is_some_and(|marks| marks & any != 0)
    }

    /// Marks this write and all that it replaced, directly or by others.
    fn trace_back(&mut self, from: Value, mark: u8) {
        self.open.extend(u32::try_from(from.0));
        while let Some(mut value) = self.open.pop() {
            // What it replaced, and what that replaced, and so on.
            while let Some(marks) = self.marks.get_mut(value as usize).filter(|marks| **marks & mark == 0) {
                *marks |= mark;
                if !self.replaced_too.is_empty() {
                    let more = self.replaced_too.partition_point(|(other, _)| *other < value);
                    let more = self.replaced_too[more..].iter().take_while(|(other, _)| *other == value);
                    self.open.extend(more.map(|(_, before)| *before));
                }
                let Some(before) = self.links.at(value as usize).checked_sub(OVER) else { break };
                value = before;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    use crate::rng::Stream;

    const KEY: Key = Key(0);

    fn values(numbers: &[u64]) -> BTreeSet<Value> {
        numbers.iter().map(|n| Value(*n)).collect()
    }

    #[test]
    fn what_was_kept_beside_others_is_lost_unless_it_is_there_or_was_known_to_what_came_after() {
        let mut lineage = Lineage::new(2);
        (1..=5).for_each(|value| lineage.added(Value(value)));
        lineage.replaced(NodeId(0), Value(1), Value(3));
        lineage.replaced(NodeId(0), Value(3), Value(4));
        lineage.removed(NodeId(1), Value(5), Value(9));
        let lost = |serving: &[u64]| lineage.judge(&values(&[1, 2, 3, 4, 5]), values(serving), [], []).lost;
        assert_eq!(lost(&[4, 2]), values(&[]));
        assert_eq!(lost(&[4]), values(&[2]), "4 did not know it");
        assert_eq!(lost(&[2]), values(&[1, 3, 4]), "what replaced them is gone itself");
        let undone = |lineage: &Lineage, serving: &[u64]| lineage.undone(&values(serving)).collect::<Vec<_>>();
        assert_eq!(undone(&lineage, &[2, 4]), []);
        assert_eq!(undone(&lineage, &[1, 5]), [(Value(1), Value(3)), (Value(5), Value(9))], "they came back");
        lineage.crashed(NodeId(1), |value| value == Value(9));
        assert_eq!(undone(&lineage, &[5]), [(Value(5), Value(9))], "the disk knows");
        lineage.crashed(NodeId(1), |_| false);
        assert_eq!(undone(&lineage, &[1, 5]), [(Value(1), Value(3))], "nobody removes it");
        lineage.added(Value(1));
        assert_eq!(undone(&lineage, &[1]), [], "a retry brought it");
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
    fn what_lost_before_any_copy_took_it_is_a_conflict() {
        let mut lineage = Lineage::new(1);
        lineage.applied(NodeId(0), KEY, Value(1), false);
        lineage.conflict(Value(2));
        let judged = lineage.judge(&values(&[1, 2]), [Value(1)], [], [Value(2)]);
        assert_eq!(judged, Durability { conflicts: values(&[2]), ..Durability::default() });
        assert!(!lineage.is_applied(Value(2)));
    }

    #[test]
    fn a_branch_that_was_rolled_back_is_lost_and_diverged() {
        let mut lineage = Lineage::new(2);
        lineage.applied(NodeId(0), KEY, Value(1), false);
        lineage.applied(NodeId(1), KEY, Value(1), false);
        lineage.applied(NodeId(0), KEY, Value(2), false);
        lineage.applied(NodeId(0), KEY, Value(3), false);
        lineage.applied(NodeId(1), KEY, Value(4), false);
        lineage.rolled_back(NodeId(0), KEY, Value(3), Some(Value(2)));
        lineage.rolled_back(NodeId(0), KEY, Value(2), Some(Value(1)));
        lineage.applied(NodeId(0), KEY, Value(4), false);
        let judged = lineage.judge(&values(&[1, 2, 3, 4]), [Value(4), Value(4)], [], []);
        assert_eq!(judged.lost, values(&[2, 3]));
        assert_eq!(judged.diverged, values(&[2, 3]));
    }

    #[test]
    fn a_copy_goes_back_to_what_it_held_itself() {
        let mut lineage = Lineage::new(2);
        lineage.applied(NodeId(0), KEY, Value(1), true);
        lineage.applied(NodeId(0), KEY, Value(3), true);
        lineage.applied(NodeId(1), KEY, Value(2), true);
        lineage.applied(NodeId(1), KEY, Value(3), true);
        lineage.rolled_back(NodeId(1), KEY, Value(3), Some(Value(2)));
        assert_eq!(lineage.held(NodeId(1), KEY), Some(Value(2)), "and not to what the other node held");
    }

    #[test]
    fn a_write_that_died_with_its_node_is_lost_but_not_diverged() {
        let mut lineage = Lineage::new(2);
        lineage.applied(NodeId(0), KEY, Value(1), false);
        lineage.crashed(NodeId(0), |_| false);
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

    #[test]
    fn it_finds_what_maps_and_sets_find() {
        let mut lost = 0;
        for seed in 0..20_000 {
            let mut stream = Stream::new(seed, "lineage");
            let (mut dense, mut maps) = (Lineage::new(3), reference::Lineage::new(3));
            let mut acknowledged = BTreeSet::new();
            let writes = 1 + stream.below(20);
            for _ in 0..stream.below(60) {
                let (node, key) = (NodeId(stream.below(3) as u16), Key(stream.below(2) as u32));
                let value = Value(stream.below(writes));
                match stream.below(20) {
                    0 => {
                        dense.crashed(node, |_| false);
                        maps.crashed(node);
                    }
                    1 => {
                        dense.conflict(value);
                        maps.conflict(value);
                    }
                    2 | 3 => {
                        let now = Some(Value(stream.below(writes))).filter(|now| *now != value);
                        dense.rolled_back(node, key, value, now);
                        maps.rolled_back(node, key, value, now);
                    }
                    4..9 => {
                        dense.acknowledged(value);
                        acknowledged.insert(value);
                    }
                    draw => {
                        dense.applied(node, key, value, draw < 13);
                        maps.applied(node, key, value, draw < 13);
                    }
                }
            }
            let mut some = || (0..stream.below(3)).map(|_| Value(stream.below(writes + 2))).collect::<Vec<_>>();
            let (serving, stranded, mut overtaken) = (some(), some(), some());
            overtaken.retain(|value| acknowledged.contains(value));
            let expected = maps.judge(&acknowledged, serving.clone(), stranded.clone(), overtaken.clone());
            assert_eq!(dense.durability(serving, stranded, overtaken), expected, "seed {seed}");
            assert!((0..writes).all(|value| dense.is_applied(Value(value)) == maps.is_applied(Value(value))));
            lost += expected.lost.len();
        }
        assert!(lost > 20_000, "{lost}");
    }
}
