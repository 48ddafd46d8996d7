//! What each client was last told of each key: for the session guarantees.
//!
//! Asked once for every operation, so a table with open addressing and not a tree. It is only ever looked into at one
//! place at a time, so that the order of its slots is seen by nobody.

use crate::id::{ClientId, Key, Value};

/// The latest version that each client read or wrote, by client and key.
#[derive(Clone, Debug, Default)]
pub(super) struct Sessions {
    /// A power of two of them, at most half of them full; none before the first.
    slots: Vec<Slot>,
    full: usize,
}

#[derive(Clone, Copy, Debug, Default)]
struct Slot {
    /// Client and key.
    who: u64,
    /// One more than the value; 0 where the slot is empty.
    value: u64,
}

/// So many slots there are at first.
const SLOTS_MIN: usize = 1 << 6;

impl Sessions {
    pub fn begin_anew(&mut self) {
        self.slots.fill(Slot::default());
        self.full = 0;
    }

    /// The slot of this client and key: theirs, or the empty one where they would be.
    #[inline]
    fn place(&self, who: u64) -> usize {
        let mask = self.slots.len() - 1;
        let hash = who.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let mut place = (hash >> 32) as usize & mask;
        while self.slots[place].value != 0 && self.slots[place].who != who {
            place = (place + 1) & mask;
        }
        place
    }

    /// What this client was last told of this key, to be replaced. `O(1)`, amortised.
    #[inline]
    pub fn last(&mut self, client: ClientId, key: Key) -> Last<'_> {
        if 2 * self.full >= self.slots.len() {
            self.grow();
        }
        let who = u64::from(client.0) << 32 | u64::from(key.0);
        let place = self.place(who);
        Last { who, slot: &mut self.slots[place], full: &mut self.full }
    }

    #[cold]
    fn grow(&mut self) {
        let larger = (2 * self.slots.len()).max(SLOTS_MIN);
        let before = std::mem::replace(&mut self.slots, vec![Slot::default(); larger]);
        for slot in before.into_iter().filter(|slot| slot.value != 0) {
            let place = self.place(slot.who);
            self.slots[place] = slot;
        }
    }
}

/// What a client was last told of a key.
pub(super) struct Last<'a> {
    who: u64,
    slot: &'a mut Slot,
    full: &'a mut usize,
}

impl Last<'_> {
    #[inline]
    pub fn get(&self) -> Option<Value> {
        self.slot.value.checked_sub(1).map(Value)
    }

    #[inline]
    pub fn set(self, value: Value) {
        *self.full += usize::from(self.slot.value == 0);
        *self.slot = Slot { who: self.who, value: value.0 + 1 };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    use crate::rng::Stream;

    #[test]
    fn it_remembers_what_a_tree_does() {
        let (mut sessions, mut tree) = (Sessions::default(), std::collections::BTreeMap::new());
        let mut stream = Stream::new(1, "sessions");
        for round in 0..2 {
            for step in 0..20_000 {
                let (client, key) = (ClientId(stream.below(100) as u32), Key(stream.below(50) as u32));
                let last = sessions.last(client, key);
                assert_eq!(last.get(), tree.get(&(client, key)).copied(), "step {step} of round {round}");
                last.set(Value(step));
                tree.insert((client, key), Value(step));
            }
            assert_eq!(sessions.full, tree.len());
            sessions.begin_anew();
            tree.clear();
        }
    }
}
