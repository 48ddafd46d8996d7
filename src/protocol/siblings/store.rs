//! The versions that a node holds of each key, and which of two replaces the other.
//!
//! A version has a *dot*, the write that it is, and a *past*, the writes that its client had seen. With dotted vectors it replaces
//! another iff that one's dot is in its past: iff its client had seen it. A vector of servers alone cannot say that: the write's own number
//! has to be put into the vector with the past, and with it come all lower numbers of that server, which other clients
//! wrote meanwhile. So the second of two concurrent writes at one server seems to have seen the first, and replaces it
//! (Preguiça et al., 2010, section 3). Next: `quorum.rs`.

use super::{Buckets, Digests, Dot, Resolver, Stamp, Table, Vectors, VersionVector};
use crate::id::{Key, Value};

/// A write that nobody is known to have overwritten.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Version {
    /// Which one: the node that was asked, and its number among that node's writes.
    pub dot: Dot,
    /// The writes of the key that its client had seen.
    pub past: VersionVector,
    /// When it was made.
    pub stamp: Stamp,
    /// The value written.
    pub value: Value,
}

impl Version {
    /// What a client has seen that has seen this.
    pub fn seen(&self) -> VersionVector {
        let mut seen = self.past.clone();
        seen.add(self.dot);
        seen
    }

    /// Its size on the wire.
    pub fn bytes(&self) -> usize {
        Dot::BYTES + self.past.bytes() + 14 + 8
    }
}

/// What a merge did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Merged {
    /// The copy has changed.
    pub changed: bool,
    /// Writes that were discarded for concurrent ones, each with the one that was kept.
    pub lost: Vec<(Value, Value)>,
}

/// One node's copy.
#[derive(Clone, Debug, Default, Hash)]
pub(super) struct Store {
    versions: Table<Key, Vec<Version>>,
    digests: Digests,
}

impl Store {
    /// What is held of a key, in the order of dots.
    pub fn get(&self, key: Key) -> &[Version] {
        self.versions.get(key).map_or(&[], |versions| &versions[..])
    }

    /// How many keys there are.
    pub fn len(&self) -> usize {
        self.versions.len()
    }

    /// Every key, with what is held of it.
    pub fn iter(&self) -> impl Iterator<Item = (Key, &[Version])> {
        self.versions.iter().map(|(key, versions)| (key, &versions[..]))
    }

    /// What is in these buckets.
    pub fn within(&self, buckets: Buckets) -> impl Iterator<Item = (Key, &[Version])> {
        self.iter().filter(move |(key, _)| buckets.contains(*key))
    }

    /// The digests of what is held.
    pub fn digests(&self) -> Digests {
        self.digests
    }

    /// What a client has seen that is shown all that is held of a key.
    pub fn context(&self, key: Key) -> VersionVector {
        let mut context = VersionVector::default();
        self.get(key).iter().for_each(|version| context.merge(&version.seen()));
        context
    }

    /// Has the versions of both, but for those that others replace; and by `resolver`, but for those that lose.
    pub fn merge(&mut self, key: Key, theirs: &[Version], vectors: Vectors, resolver: Resolver) -> Merged {
        let before = self.get(key).to_vec();
        let mut all = before.clone();
        let is_new = |version: &&Version| before.binary_search_by_key(&version.dot, |held| held.dot).is_err();
        all.extend(theirs.iter().filter(is_new).cloned());
        let mut kept = unreplaced(all, vectors);
        let mut lost = Vec::new();
        if resolver == Resolver::LastWriter
            && let Some(winner) = kept.iter().max_by_key(|version| (version.stamp, version.dot)).cloned()
        {
            let losers = kept.iter().filter(|version| version.value != winner.value);
            lost = losers.map(|version| (version.value, winner.value)).collect();
            kept = vec![winner];
        }
        kept.sort_unstable_by_key(|version| version.dot);
        let changed = kept != before;
        if changed {
            self.digests.replace(key, words(&before), words(&kept).unwrap_or_default());
            self.versions.insert(key, kept);
        }
        Merged { changed, lost }
    }
}

/// Those of some versions of a key that no other of them replaces. Of dotted ones it is enough to look at all pasts together.
fn unreplaced(mut all: Vec<Version>, vectors: Vectors) -> Vec<Version> {
    match vectors {
        Vectors::Dotted => {
            let mut past = VersionVector::default();
            all.iter().for_each(|version| past.merge(&version.past));
            all.retain(|version| !past.has(version.dot));
        }
        Vectors::Server => {
            let seen: Vec<(Dot, VersionVector)> = all.iter().map(|version| (version.dot, version.seen())).collect();
            let replaces = |dot: Dot, own: &VersionVector| seen.iter().any(|(of, seen)| *of != dot && seen.covers(own));
            all.retain(|version| !replaces(version.dot, &version.seen()));
        }
    }
    all
}

/// What tells these versions of a key from any others; nothing where there are none.
fn words(versions: &[Version]) -> Option<[u64; 2]> {
    let mix = |word: u64, dot: Dot, by: u64| {
        (word ^ u64::from(dot.node.0) << 48 ^ dot.number).wrapping_mul(by).rotate_left(29)
    };
    let fold = |[one, two]: [u64; 2], version: &Version| {
        [mix(one, version.dot, 0x9e37_79b9_7f4a_7c15), mix(two, version.dot, 0xc2b2_ae3d_27d4_eb4f)]
    };
    (!versions.is_empty()).then(|| versions.iter().fold([1, 2], fold))
}
