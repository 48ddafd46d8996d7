//! What was explored: pairs of a set of operations and a state, in one open-addressing table.
//!
//! Next: `search.rs`.

/// How explored configurations are remembered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Memory {
    /// By 128 bits each: a violation rests on there being no collision, see the module above. The table is at most two
    /// thirds full and doubles, so it takes 24 to 48 bytes for each configuration explored, and half as much again while
    /// it grows; there are no more configurations than steps.
    #[default]
    Hashed,
    /// By the configuration itself, a bit for every operation: for who wants no chance at all.
    Exact,
}

/// A random-looking 128-bit number for each `(kind, index)`.
pub(super) fn zobrist(kind: u64, index: u32) -> u128 {
    let seed = (kind << 32 | u64::from(index)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    u128::from(mix(seed ^ 0x6a09_e667_f3bc_c908)) << 64 | u128::from(mix(seed ^ 0xbb67_ae85_84ca_a73b))
}

/// A bijection of 64 bits that spreads every bit over all (Stafford's thirteenth variant of the Murmur3 finaliser).
pub(super) const fn mix(mut word: u64) -> u64 {
    word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    word ^ (word >> 31)
}

/// The configurations that were seen.
pub(super) struct Seen {
    memory: Memory,
    /// Linear probing; zero is an empty slot. Hashed: keys. Exact: one more than the place in `configurations`.
    slots: Vec<u128>,
    count: usize,
    /// Exact: the words of every configuration, each with its state first.
    configurations: Vec<u64>,
    width: usize,
}

impl Seen {
    /// Nothing yet, of `operations` operations.
    pub fn new(memory: Memory, operations: usize) -> Seen {
        let width = 1 + operations.div_ceil(64);
        Seen { memory, slots: vec![0; 1 << 10], count: 0, configurations: Vec::new(), width }
    }

    /// Whether this configuration is new; from now on it is not. `placed` has a bit for every operation, and is looked
    /// at only where memory is exact.
    pub fn insert(&mut self, key: u128, state: u32, placed: &[u64]) -> bool {
        match self.memory {
            Memory::Hashed => self.insert_hashed(key | 1),
            Memory::Exact => self.insert_exact(key, state, placed),
        }
    }

    fn insert_hashed(&mut self, key: u128) -> bool {
        let mask = self.slots.len() - 1;
        let mut slot = (key >> 64) as usize & mask;
        while self.slots[slot] != 0 {
            if self.slots[slot] == key {
                return false;
            }
            slot = (slot + 1) & mask;
        }
        self.slots[slot] = key;
        self.count += 1;
        if self.count * 3 > self.slots.len() * 2 {
            self.grow();
        }
        true
    }

    fn insert_exact(&mut self, key: u128, state: u32, placed: &[u64]) -> bool {
        let mask = self.slots.len() - 1;
        // The upper bits of a slot are those of the key, to compare few configurations and to grow without them.
        let tag = key >> 64 << 64;
        let mut slot = (key >> 64) as usize & mask;
        while self.slots[slot] != 0 {
            let found = self.slots[slot];
            if found >> 64 == tag >> 64 {
                let from = (found as u64 - 1) as usize * self.width;
                let there = &self.configurations[from..from + self.width];
                if there[0] == u64::from(state) && there[1..] == *placed {
                    return false;
                }
            }
            slot = (slot + 1) & mask;
        }
        self.configurations.push(u64::from(state));
        self.configurations.extend_from_slice(placed);
        self.count += 1;
        self.slots[slot] = tag | self.count as u128;
        if self.count * 3 > self.slots.len() * 2 {
            self.grow();
        }
        true
    }

    fn grow(&mut self) {
        let mask = self.slots.len() * 2 - 1;
        let old = std::mem::replace(&mut self.slots, vec![0; mask + 1]);
        for key in old.into_iter().filter(|key| *key != 0) {
            let mut slot = (key >> 64) as usize & mask;
            while self.slots[slot] != 0 {
                slot = (slot + 1) & mask;
            }
            self.slots[slot] = key;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_seen_is_not_new() {
        for memory in [Memory::Hashed, Memory::Exact] {
            let mut seen = Seen::new(memory, 128);
            for round in 0..2 {
                for index in 0..5_000_u32 {
                    let placed = [u64::from(index), 1];
                    assert_eq!(seen.insert(zobrist(1, index), index % 7, &placed), round == 0, "{memory:?} {index}");
                }
            }
        }
    }

    #[test]
    fn exact_memory_tells_apart_what_has_one_hash() {
        let mut seen = Seen::new(Memory::Exact, 64);
        assert!(seen.insert(5, 0, &[1]));
        assert!(seen.insert(5, 0, &[2]) && seen.insert(5, 1, &[1]));
        assert!(!seen.insert(5, 0, &[1]));
    }
}
