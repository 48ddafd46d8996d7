//! Where things lie while their numbers travel: slots that are used again, the one freed last first.

/// A slot's number has so many bits.
pub(super) const SLOT_BITS: u32 = 24;

/// Things by slot.
#[derive(Debug)]
pub(super) struct Slab<T> {
    slots: Vec<Option<T>>,
    free: Vec<u32>,
}

impl<T> Default for Slab<T> {
    fn default() -> Slab<T> {
        Slab { slots: Vec::new(), free: Vec::new() }
    }
}

impl<T> Slab<T> {
    #[inline]
    pub(super) fn insert(&mut self, thing: T) -> u32 {
        if let Some(slot) = self.free.pop() {
            self.slots[slot as usize] = Some(thing);
            return slot;
        }
        self.add(thing)
    }

    #[inline(never)]
    fn add(&mut self, thing: T) -> u32 {
        let slot = self.slots.len() as u32;
        assert!(slot >> SLOT_BITS == 0, "at most 2^{SLOT_BITS} things are under way");
        self.slots.push(Some(thing));
        slot
    }

    /// # Panics
    /// Where the slot is free.
    pub(super) fn get(&self, slot: u32) -> &T {
        self.slots[slot as usize].as_ref().expect("a full slot is asked for")
    }

    /// # Panics
    /// Where the slot is free.
    #[inline]
    pub(super) fn remove(&mut self, slot: u32) -> T {
        self.free.push(slot);
        self.slots[slot as usize].take().expect("a full slot is emptied")
    }

    pub(super) fn len(&self) -> usize {
        self.slots.len() - self.free.len()
    }

    pub(super) fn clear(&mut self) {
        self.slots.clear();
        self.free.clear();
    }
}
