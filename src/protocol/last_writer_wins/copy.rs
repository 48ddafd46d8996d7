//! One node's copy of the data: the rule that picks the winner, what a lost write is, and the digests by which two
//! copies are compared.
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
//!   against what it replaced, and nobody tells. What is lost with a crash before it is synced is told again when it is merged again.

use std::sync::Arc;

use super::{Stamp, Table};
use crate::id::{Key, Value};

/// One write, and what it takes to rank it against another.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Version {
    /// When it was made: the higher wins. Equal stamps are the same write.
    pub stamp: Stamp,
    /// The value written.
    pub value: Value,
    /// The latest write of each origin among those that this write replaced, directly or through one another.
    pub past: Arc<[Stamp]>,
}

impl Version {
    /// A write at a node that holds `parent`.
    pub(super) fn replacing(parent: Option<&Version>, stamp: Stamp, value: Value) -> Version {
        let Some(parent) = parent else { return Version { stamp, value, past: Arc::new([]) } };
        let others = parent.past.iter().copied().filter(|seen| seen.node != parent.stamp.node);
        Version { stamp, value, past: others.chain([parent.stamp]).collect() }
    }

    /// Whether this write was made in the knowledge of that one, or of a later one of the same origin.
    fn knows(&self, stamp: Stamp) -> bool {
        self.past.iter().any(|seen| seen.node == stamp.node && *seen >= stamp)
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

/// How many buckets the keys are spread over.
pub(super) const BUCKETS: usize = 64;

/// A digest of each bucket.
pub type Digests = [u64; BUCKETS];

/// A set of buckets, a bit for each.
pub type Buckets = u64;

/// The highest version of every key, with a digest of each bucket kept up to date.
#[derive(Clone, Debug, Hash)]
pub(super) struct Store {
    versions: Table<Key, Version>,
    digests: Digests,
}

impl Default for Store {
    fn default() -> Store {
        Store { versions: Table::default(), digests: [0; BUCKETS] }
    }
}

impl Store {
    /// Keeps the higher of two versions of a key.
    pub fn merge(&mut self, key: Key, theirs: Version) -> Merged {
        let Some(mine) = self.versions.get(key) else {
            self.digests[bucket(key)] ^= word(key, theirs.stamp);
            self.versions.insert(key, theirs);
            return Merged { taken: true, conflict: None };
        };
        let taken = theirs.stamp > mine.stamp;
        let (lower, higher) = if taken { (mine, &theirs) } else { (&theirs, mine) };
        // Equal values are one write, stamped by two nodes because its client sent it twice.
        // By a wall clock the lower one may have known the higher, and lost against it all the same: that is no conflict.
        let is_unknown = !higher.knows(lower.stamp) && !lower.knows(higher.stamp);
        let concurrent = lower.value != higher.value && lower.stamp != higher.stamp && is_unknown;
        let conflict = concurrent.then_some((lower.value, higher.value));
        if taken {
            self.digests[bucket(key)] ^= word(key, mine.stamp) ^ word(key, theirs.stamp);
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
        self.iter().filter(move |(key, _)| buckets >> bucket(*key) & 1 == 1)
    }

    /// A digest of each bucket. Copies that hold the same stamps have the same digests, and copies that do not differ
    /// in some digest but for a chance of one in 2^64.
    pub fn digests(&self) -> Digests {
        self.digests
    }

    /// The buckets in which this copy is not the one with these digests.
    pub fn differing(&self, theirs: &Digests) -> Buckets {
        (0..BUCKETS).filter(|place| self.digests[*place] != theirs[*place]).fold(0, |set, place| set | 1 << place)
    }
}

fn bucket(key: Key) -> usize {
    key.index() % BUCKETS
}

/// What one key adds to its bucket's digest. A digest is the exclusive or of its keys' words, so that a key can be
/// taken out again; therefore each word has to look random by itself (two rounds of the finaliser of splitmix64).
fn word(key: Key, stamp: Stamp) -> u64 {
    let mix = |mut x: u64| {
        x = x.wrapping_add(0x9e37_79b9_7f4a_7c15);
        x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        x ^ (x >> 31)
    };
    let who = mix(mix(u64::from(key.0)) ^ (u64::from(stamp.logical) | u64::from(stamp.node.0) << 32));
    mix(who ^ stamp.physical.as_nanos())
}
