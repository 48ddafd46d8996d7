//! States by number: each is kept once, and is compared whole.
//!
//! Numbers are given in the order in which states are first seen, so no result depends on the hash. Next: `memory.rs`.

use std::hash::{Hash, Hasher};

const EMPTY: u32 = u32::MAX;

/// A number for every state that was seen.
pub(super) struct States<S> {
    states: Vec<S>,
    hashes: Vec<u64>,
    /// Open addressing with linear probing: places in `states`.
    table: Vec<u32>,
}

impl<S: Eq + Hash> States<S> {
    pub fn new() -> States<S> {
        States { states: Vec::new(), hashes: Vec::new(), table: vec![EMPTY; 16] }
    }

    /// The state with this number.
    pub fn get(&self, number: u32) -> &S {
        &self.states[number as usize]
    }

    /// The number of this state.
    pub fn number(&mut self, state: S) -> u32 {
        let mut hasher = Mixer(0);
        state.hash(&mut hasher);
        let hash = hasher.finish();
        let mask = self.table.len() - 1;
        let mut slot = hash as usize & mask;
        while self.table[slot] != EMPTY {
            let number = self.table[slot];
            if self.hashes[number as usize] == hash && self.states[number as usize] == state {
                return number;
            }
            slot = (slot + 1) & mask;
        }
        let number = self.states.len() as u32;
        self.table[slot] = number;
        self.states.push(state);
        self.hashes.push(hash);
        if self.states.len() * 2 > self.table.len() {
            self.grow();
        }
        number
    }

    fn grow(&mut self) {
        let mask = self.table.len() * 2 - 1;
        self.table = vec![EMPTY; mask + 1];
        for (number, hash) in self.hashes.iter().enumerate() {
            let mut slot = *hash as usize & mask;
            while self.table[slot] != EMPTY {
                slot = (slot + 1) & mask;
            }
            self.table[slot] = number as u32;
        }
    }
}

/// A hasher without secrets: the same in every run.
struct Mixer(u64);

impl Mixer {
    fn add(&mut self, word: u64) {
        self.0 = super::memory::mix(self.0 ^ word.wrapping_mul(0x9e37_79b9_7f4a_7c15));
    }
}

impl Hasher for Mixer {
    fn write(&mut self, bytes: &[u8]) {
        for chunk in bytes.chunks(8) {
            let mut word = [0; 8];
            word[..chunk.len()].copy_from_slice(chunk);
            self.add(u64::from_le_bytes(word));
        }
    }

    fn write_u64(&mut self, word: u64) {
        self.add(word);
    }

    fn write_u32(&mut self, word: u32) {
        self.add(u64::from(word));
    }

    fn write_usize(&mut self, word: usize) {
        self.add(word as u64);
    }

    fn finish(&self) -> u64 {
        self.0 ^ (self.0 >> 32)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_state_keeps_its_number() {
        let mut states = States::new();
        let numbers: Vec<u32> = (0..1_000_u64).map(|n| states.number(n * 64)).collect();
        assert_eq!(numbers, (0..1_000).collect::<Vec<u32>>());
        assert!((0..1_000_u64).all(|n| states.number(n * 64) == n as u32));
        assert_eq!(*states.get(7), 7 * 64);
    }
}
