//! Where things lie while their numbers travel: slots that are used again, the one freed last first.

/// A slot's number has so many bits.
pub(crate) const SLOT_BITS: u32 = 23;

/// Makes room for so many more by an eighth of what there is: where a million events are pending, half of a doubled table
/// would be the larger part of what an event takes.
pub(crate) fn grow<T>(table: &mut Vec<T>, more: usize) {
    if table.capacity() - table.len() < more {
        table.reserve_exact(more.max(table.len() / 8));
    }
}

/// Things by slot.
#[derive(Debug)]
pub(crate) struct Slab<T> {
    slots: Vec<Option<T>>,
    free: Vec<u32>,
}

impl<T> Default for Slab<T> {
    fn default() -> Slab<T> {
        Slab { slots: Vec::new(), free: Vec::new() }
    }
}

impl<T> Slab<T> {
    #[inline(always)]
    pub(crate) fn insert(&mut self, thing: T) -> u32 {
        let slot = match self.free.pop() {
            Some(slot) => slot,
            None => self.add(),
        };
        // It was empty, and so need not be looked at to be dropped.
        std::mem::forget(self.slots[slot as usize].replace(thing));
        slot
    }

    #[inline(never)]
    fn add(&mut self) -> u32 {
        let slot = self.slots.len() as u32;
        assert!(slot >> SLOT_BITS == 0, "at most 2^{SLOT_BITS} things are under way");
        grow(&mut self.slots, 1);
        self.slots.push(None);
        slot
    }

    /// # Panics
    /// Where the slot is free.
    pub(crate) fn get(&self, slot: u32) -> &T {
        self.slots[slot as usize].as_ref().expect("a full slot is asked for")
    }

    /// # Panics
    /// Where the slot is free.
    pub(crate) fn get_mut(&mut self, slot: u32) -> &mut T {
        self.slots[slot as usize].as_mut().expect("a full slot is asked for")
    }

    /// # Panics
    /// Where the slot is free.
    #[inline]
    pub(crate) fn remove(&mut self, slot: u32) -> T {
        self.free.push(slot);
        self.slots[slot as usize].take().expect("a full slot is emptied")
    }

    /// Looks at both ends of a slot, so that a processor has it at hand soon; what it sees is of no importance.
    pub(crate) fn look(&self, slot: u32) -> bool {
        let next = self.slots.get(slot as usize + 1);
        self.slots[slot as usize].is_some() & next.is_none_or(Option::is_some)
    }

    pub(crate) fn len(&self) -> usize {
        self.slots.len() - self.free.len()
    }

    pub(crate) fn clear(&mut self) {
        self.slots.clear();
        self.free.clear();
    }
}
