//! Digests of a copy, by buckets of keys: two nodes that compare them learn where their copies differ, and list no other keys.
//!
//! Anti-entropy: Demers et al., *Epidemic Algorithms for Replicated Database Maintenance*, PODC 1987, section 1.3 (checksums).

use crate::id::Key;

const BUCKETS: usize = 64;

/// A digest of each bucket. Equal where the same versions of the same keys are held, and else different in some bucket but for a chance
/// of one in 2^64. 512 bytes on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Digests([u64; BUCKETS]);

impl Default for Digests {
    fn default() -> Digests {
        Digests([0; BUCKETS])
    }
}

impl Digests {
    /// A key's version is another from now on. A version goes by two numbers that tell it from every other of its key.
    pub fn replace(&mut self, key: Key, before: Option<[u64; 2]>, after: [u64; 2]) {
        let before = before.map_or(0, |version| word(key, version));
        self.0[bucket(key)] ^= before ^ word(key, after);
    }

    /// The buckets that are not equal in both.
    pub fn differing(&self, theirs: &Digests) -> Buckets {
        let differ = (0..BUCKETS).filter(|place| self.0[*place] != theirs.0[*place]);
        Buckets(differ.fold(0, |set, place| set | 1 << place))
    }
}

/// A set of buckets, a bit for each. 8 bytes on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Buckets(u64);

impl Buckets {
    /// Whether there is none.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Whether this key is in one of them.
    pub fn contains(self, key: Key) -> bool {
        self.0 >> bucket(key) & 1 == 1
    }
}

fn bucket(key: Key) -> usize {
    key.index() % BUCKETS
}

/// What one key adds to its bucket's digest. A digest is the exclusive or of its keys' words, so that a key can be taken out
/// again; therefore each word has to look random by itself (the finaliser of splitmix64, each time).
fn word(key: Key, [first, second]: [u64; 2]) -> u64 {
    let mix = |mut x: u64| {
        x = x.wrapping_add(0x9e37_79b9_7f4a_7c15);
        x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        x ^ (x >> 31)
    };
    mix(mix(mix(u64::from(key.0)) ^ first) ^ second)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn they_are_those_of_what_is_held_whatever_was_before() {
        let (mut one, mut other) = (Digests::default(), Digests::default());
        one.replace(Key(1), None, [0, 1]);
        one.replace(Key(2), None, [0, 1]);
        one.replace(Key(1), Some([0, 1]), [0, 2]);
        other.replace(Key(1), None, [0, 2]);
        other.replace(Key(2), None, [0, 1]);
        assert!(one == other && one.differing(&other).is_empty());
        other.replace(Key(65), None, [1, 1]);
        let differ = one.differing(&other);
        assert!(differ.contains(Key(1)) && differ.contains(Key(65)) && !differ.contains(Key(2)));
    }

    #[test]
    fn numbers_are_not_swapped_unseen() {
        let (mut one, mut other) = (Digests::default(), Digests::default());
        one.replace(Key(1), None, [3, 5]);
        other.replace(Key(1), None, [5, 3]);
        assert_ne!(one, other);
    }
}
