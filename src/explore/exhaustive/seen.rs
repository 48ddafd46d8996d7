//! Fingerprints of states, and the set of those that were seen.
//!
//! A state is known by 64 bits. That two of `n` states have the same is a chance of at most `n² / 2^65`: one in 3,000 for a
//! hundred million, one in thirty million for a million; and then one state too few is looked at. Next: `../hunt/mod.rs`.

use std::hash::{Hash, Hasher};

/// Hashes by a folded multiplication a word, without a secret: the same in every run on one platform.
#[derive(Clone, Copy, Debug)]
pub(super) struct Print(u64);

impl Default for Print {
    fn default() -> Print {
        Print(0x7269_6674_7a6f_6e65)
    }
}

impl Print {
    /// The fingerprint of a thing.
    pub fn of(thing: &impl Hash) -> u64 {
        let mut print = Print::default();
        thing.hash(&mut print);
        print.finish()
    }

    #[inline]
    fn word(&mut self, word: u64) {
        let wide = u128::from(self.0 ^ word) * u128::from(0x9e37_79b9_7f4a_7c15_u64);
        self.0 = (wide as u64) ^ (wide >> 64) as u64 ^ word.rotate_left(32);
    }
}

impl Hasher for Print {
    fn finish(&self) -> u64 {
        let word = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        word ^ (word >> 31)
    }

    fn write(&mut self, bytes: &[u8]) {
        for eight in bytes.chunks(8) {
            let mut word = [0; 8];
            word[..eight.len()].copy_from_slice(eight);
            self.word(u64::from_le_bytes(word) ^ (eight.len() as u64) << 56);
        }
    }

    fn write_u8(&mut self, n: u8) {
        self.word(n.into());
    }
    fn write_u16(&mut self, n: u16) {
        self.word(n.into());
    }
    fn write_u32(&mut self, n: u32) {
        self.word(n.into());
    }
    fn write_u64(&mut self, n: u64) {
        self.word(n);
    }
    fn write_usize(&mut self, n: usize) {
        self.word(n as u64);
    }
    fn write_isize(&mut self, n: isize) {
        self.word(n as u64);
    }
}

/// A set of fingerprints that only grows: 8 bytes each, and as many free.
#[derive(Debug, Default)]
pub(super) struct Seen {
    /// A power of two of them, at most half of them full; 0 is empty.
    slots: Vec<u64>,
    len: usize,
}

impl Seen {
    /// Whether a fingerprint is not there.
    #[inline]
    pub fn is_new(&self, print: u64) -> bool {
        self.slots.is_empty() || self.slots[self.place(print.max(1))] == 0
    }

    /// Adds a fingerprint. Whether it is new.
    pub fn add(&mut self, print: u64) -> bool {
        if 2 * self.len >= self.slots.len() {
            self.grow();
        }
        let place = self.place(print.max(1));
        let is_new = self.slots[place] == 0;
        self.slots[place] = print.max(1);
        self.len += usize::from(is_new);
        is_new
    }

    /// The slot of a fingerprint, or the empty one where it would be.
    #[inline]
    fn place(&self, print: u64) -> usize {
        let mask = self.slots.len() - 1;
        let mut place = print as usize & mask;
        while self.slots[place] != 0 && self.slots[place] != print {
            place = (place + 1) & mask;
        }
        place
    }

    #[cold]
    fn grow(&mut self) {
        let larger = vec![0; (2 * self.slots.len()).max(1 << 10)];
        for print in std::mem::replace(&mut self.slots, larger) {
            if print != 0 {
                let place = self.place(print);
                self.slots[place] = print;
            }
        }
    }
}

/// Numbers by fingerprint, or by any other key of 64 bits. Nobody sees their order.
#[derive(Debug, Default)]
pub(super) struct Index {
    /// A power of two of them, at most half of them full, which is where the number is not [`EMPTY`].
    slots: Vec<(u64, u32)>,
    len: usize,
}

const EMPTY: u32 = u32::MAX;

impl Index {
    /// The number of this key.
    #[inline]
    pub fn get(&self, key: u64) -> Option<u32> {
        if self.slots.is_empty() {
            return None;
        }
        let (_, number) = self.slots[self.place(key)];
        (number != EMPTY).then_some(number)
    }

    /// Gives a number to a key that has none.
    ///
    /// # Panics
    /// Where the number is the greatest there is.
    pub fn put(&mut self, key: u64, number: u32) {
        assert!(number != EMPTY, "memory ends before so many");
        if 2 * self.len >= self.slots.len() {
            let larger = vec![(0, EMPTY); (2 * self.slots.len()).max(1 << 8)];
            for (key, number) in std::mem::replace(&mut self.slots, larger) {
                if number != EMPTY {
                    let place = self.place(key);
                    self.slots[place] = (key, number);
                }
            }
        }
        let place = self.place(key);
        self.slots[place] = (key, number);
        self.len += 1;
    }

    #[inline]
    fn place(&self, key: u64) -> usize {
        let mask = self.slots.len() - 1;
        let mut place = (key.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32) as usize & mask;
        while self.slots[place].1 != EMPTY && self.slots[place].0 != key {
            place = (place + 1) & mask;
        }
        place
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    use crate::rng::Stream;

    #[test]
    fn it_is_a_set() {
        let (mut seen, mut set, mut stream) = (Seen::default(), BTreeSet::new(), Stream::new(1, "seen"));
        for _ in 0..20_000 {
            let print = 1 + stream.below(9_000);
            let is_new = seen.is_new(print);
            assert_eq!((is_new, seen.add(print)), (set.insert(print), is_new));
        }
        assert_eq!(seen.len, set.len());
    }

    #[test]
    fn numbers_are_found_by_their_keys() {
        let mut index = Index::default();
        assert_eq!(index.get(0), None);
        (0..5_000).for_each(|n| index.put(u64::from(n) << 32 | 7, n));
        (0..5_000).for_each(|n| assert_eq!(index.get(u64::from(n) << 32 | 7), Some(n)));
        assert_eq!(index.get(7 << 33 | 6), None);
    }

    #[test]
    fn small_things_that_differ_have_fingerprints_that_differ() {
        let mut prints = BTreeSet::new();
        for a in 0..300_u64 {
            for b in 0..300_u64 {
                prints.insert(Print::of(&(a, b)));
            }
        }
        assert_eq!(prints.len(), 90_000);
        assert_ne!(Print::of(&[1_u8, 2].as_slice()), Print::of(&[1_u8, 2, 0].as_slice()));
        assert_ne!(Print::of(&(0_u64, [0_u64; 2])), Print::of(&(0_u64, [0_u64; 3])));
    }
}
