//! One node's copy of the data: the rule that picks the winner, what a lost write is, and what two copies are
//! compared by.
//!
//! # What is counted as lost
//!
//! Each write replaces, at the node that takes it, what that node held: that is its parent. A write *knows* its parent
//! and the parent's parents; two writes to a key of which neither knows the other are concurrent. When a node merges
//! two concurrent writes, it tells that the lower one is lost.
//!
//! - **Nothing else is told.** Whatever is told to be lost met a higher write that did not know it. It may have had a
//!   child of its own elsewhere that wins in the end: it was discarded all the same, at this node, for a while.
//! - **Nothing escapes.** A write W that nobody replaced knowingly, and that is not the one kept in the end, is told at
//!   least by its origin. There, W gives way to some write T from elsewhere, because W has no child. T cannot know W,
//!   and its past cannot cover W by a later write of that origin either: the origin wrote none to this key since W.
//!   This also holds where W was beaten by a write that its origin never got to see, and T is a child of that one: a
//!   single stamp of T's parent would not tell the two apart (it is above W in both), and that is why a past has a
//!   stamp for each origin. This is so by hybrid clocks, which stamp above what they have seen: by a wall clock W may lose
//!   against what it replaced, and nobody tells. So it may by its client's, which no node orders: then an origin's writes need not even
//!   grow, a past may cover what it never saw, and what is told is the least that was lost. What is lost with a crash before it is synced is told again when it is merged again.

use std::sync::Arc;

use super::{Buckets, Digests, Stamp, Table};
use crate::id::{Key, NodeId, Value};
use crate::op::{COLUMNS_MAX, Columns};
use crate::time::Time;

/// One write, and what it takes to rank it against another.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Version {
    /// When it was made, and by which node: the higher wins.
    pub stamp: Stamp,
    /// The value written.
    pub value: Value,
    /// The latest write of each origin among those that this write replaced, directly or through one another.
    pub past: Arc<[Stamp]>,
    /// Of a row's cell: the columns that were put with it and that nobody is to see without each other, itself among them. Else none.
    pub together: Columns,
}

/// What the cells hold of a column that was put back as its writer knew it, and that knew of no value.
pub(super) const NOTHING: Value = Value(0);

impl Version {
    /// A write at a node that holds `parent`.
    pub(super) fn replacing(parent: Option<&Version>, stamp: Stamp, value: Value) -> Version {
        let Some(parent) = parent else { return Version::first(stamp, value, Arc::new([])) };
        let others = parent.past.iter().copied().filter(|seen| seen.node != parent.stamp.node);
        Version::first(stamp, value, others.chain([parent.stamp]).collect())
    }

    fn first(stamp: Stamp, value: Value, past: Arc<[Stamp]>) -> Version {
        Version { stamp, value, past, together: Columns::default() }
    }

    /// The same, put together with these columns.
    pub(super) fn with(self, together: Columns) -> Version {
        Version { together, ..self }
    }

    /// Whether it is a column of a row that holds no value.
    pub(super) fn is_nothing(&self) -> bool {
        self.value == NOTHING && self.together.count() > 0
    }

    /// What decides where times are equal. By the name of a put all its columns would win or lose together; but in each column there is
    /// something else, and which is larger in one says nothing of the next.
    fn ranked_value(&self, order: Order) -> Value {
        match order {
            Order::Value if self.together.count() > 0 => Value(scattered(self.value.0)),
            _ => self.value,
        }
    }

    /// Whether this write was made in the knowledge of that one, or of a later one of the same origin.
    fn knows(&self, stamp: Stamp) -> bool {
        self.past.iter().any(|seen| seen.node == stamp.node && *seen >= stamp)
    }
}

/// The finaliser of splitmix64.
fn scattered(x: u64) -> u64 {
    let x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ (x >> 31)
}

/// By what two writes are ranked whose times are equal, to the last count.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(super) enum Order {
    /// By the node that stamped them, which gives no stamp twice.
    #[default]
    Node,
    /// By the node that took them, and what they write: a client's stamp is no node's, and two may be equal at one node.
    NodeThenValue,
    /// By what they write, wherever they were taken.
    Value,
}

/// What a write is ranked by: the higher wins, and equal ranks are the same write.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Rank {
    physical: Time,
    logical: u32,
    node: Option<NodeId>,
    value: Option<Value>,
}

impl Rank {
    fn of(version: &Version, order: Order) -> Rank {
        let Stamp { physical, logical, node } = version.stamp;
        Rank {
            physical,
            logical,
            node: (order != Order::Value).then_some(node),
            value: (order != Order::Node).then_some(version.ranked_value(order)),
        }
    }

    /// The time of its stamp.
    pub fn physical(&self) -> Time {
        self.physical
    }

    /// Whether what is written is a part of it: then it is as much longer on the wire.
    pub fn has_value(&self) -> bool {
        self.value.is_some()
    }

    /// A number that names the write: two of a run are never equal but by a chance of one in 2^64.
    pub fn number(&self) -> u64 {
        let stamp = Stamp { physical: self.physical, logical: self.logical, node: self.node.unwrap_or_default() };
        stamp.number() ^ self.value_word()
    }

    /// What tells a version from every other of its key.
    fn words(&self) -> [u64; 2] {
        let node = u64::from(self.node.unwrap_or_default().0) << 32;
        [(u64::from(self.logical) | node) ^ self.value_word(), self.physical.as_nanos()]
    }

    fn value_word(&self) -> u64 {
        self.value.map_or(0, |value| value.0.wrapping_mul(0xd6e8_feb8_6659_fd93))
    }
}

/// What a merge did.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Merged {
    /// The copy has changed.
    pub taken: bool,
    /// The write lost and the write kept, where they were concurrent.
    pub conflict: Option<(Value, Value)>,
}

/// The highest version of every key, with a digest of each bucket kept up to date.
#[derive(Clone, Debug, Default, Hash)]
pub(super) struct Store {
    order: Order,
    versions: Table<Key, Version>,
    digests: Digests,
}

impl Store {
    /// An empty copy whose writes are ranked so.
    pub fn ordered_by(order: Order) -> Store {
        Store { order, ..Store::default() }
    }

    /// What a version is ranked by here.
    pub fn rank(&self, version: &Version) -> Rank {
        Rank::of(version, self.order)
    }

    /// Keeps the higher of two versions of a key.
    pub fn merge(&mut self, key: Key, theirs: Version) -> Merged {
        let rank = self.rank(&theirs);
        let Some(mine) = self.versions.get(key) else {
            self.digests.replace(key, None, rank.words());
            self.versions.insert(key, theirs);
            return Merged { taken: true, conflict: None };
        };
        let before = self.rank(mine);
        let taken = rank > before;
        let (lower, higher) = if taken { (mine, &theirs) } else { (&theirs, mine) };
        // Equal values are one write, stamped by two nodes because its client sent it twice.
        // By a wall clock the lower one may have known the higher, and lost against it all the same: that is no conflict.
        let is_unknown = !higher.knows(lower.stamp) && !lower.knows(higher.stamp);
        let concurrent = lower.value != higher.value && rank != before && is_unknown;
        let conflict = concurrent.then_some((lower.value, higher.value));
        if taken {
            self.digests.replace(key, Some(before.words()), rank.words());
            self.versions.insert(key, theirs);
        }
        Merged { taken, conflict }
    }

    /// The version held of this key.
    pub fn get(&self, key: Key) -> Option<&Version> {
        self.versions.get(key)
    }

    /// How many keys it holds.
    pub fn len(&self) -> usize {
        self.versions.len()
    }

    /// Everything, in the order of keys.
    pub fn iter(&self) -> impl Iterator<Item = (Key, &Version)> {
        self.versions.iter()
    }

    /// What is in these buckets, in the order of keys.
    pub fn within(&self, buckets: Buckets) -> impl Iterator<Item = (Key, &Version)> {
        self.iter().filter(move |(key, _)| buckets.contains(*key))
    }

    /// What it holds of these, in their order; of a row of which several columns were put together all that it holds, once. Keys ascend.
    pub fn whole(&self, keys: impl IntoIterator<Item = Key>) -> Vec<(Key, Version)> {
        let mut found: Vec<(Key, Version)> = Vec::new();
        for key in keys {
            let Some(version) = self.versions.get(key) else { continue };
            if version.together.count() < 2 {
                if found.last().is_none_or(|(last, _)| *last < key) {
                    found.push((key, version.clone()));
                }
                continue;
            }
            let (row, _) = key.of_cell();
            while found.last().is_some_and(|(last, _)| last.of_cell().0 == row) {
                found.pop();
            }
            let cells = (0..COLUMNS_MAX).map(|column| row.cell(column));
            found.extend(cells.filter_map(|cell| Some((cell, self.versions.get(cell)?.clone()))));
        }
        found
    }

    /// The digests of the stamps that it holds.
    pub fn digests(&self) -> Digests {
        self.digests
    }
}
