//! What is pending, on all keys: a ring of operations by id, and for every key a list through it, in the order of calls.
//!
//! The ring is as long as the oldest pending operation is old, in operations. Next: `tests.rs`.

use std::collections::VecDeque;

use crate::history::OpId;

const NOBODY: u32 = u32::MAX;

/// The ring.
#[derive(Clone, Debug, Default)]
pub(super) struct Pending {
    /// From the operation with the id `first` on.
    ring: VecDeque<Slot>,
    first: u32,
}

#[derive(Clone, Copy, Debug)]
struct Slot {
    call: u64,
    /// The neighbours on the same key.
    before: u32,
    after: u32,
    is_open: bool,
}

/// The operations that are pending on one key.
#[derive(Clone, Copy, Debug)]
pub(super) struct Queue {
    first: u32,
    last: u32,
}

impl Default for Queue {
    fn default() -> Queue {
        Queue { first: NOBODY, last: NOBODY }
    }
}

impl Pending {
    pub fn clear(&mut self) {
        self.ring.clear();
        self.first = 0;
    }

    fn slot(&mut self, id: u32) -> &mut Slot {
        &mut self.ring[(id - self.first) as usize]
    }

    /// Puts an operation at the end of its key's queue.
    pub fn push(&mut self, queue: &mut Queue, id: OpId, call: u64) {
        if self.ring.is_empty() {
            assert!(id.0 >= self.first, "ids grow in the order of invocation");
            self.first = id.0;
        }
        let next = self.first as usize + self.ring.len();
        assert!(id.0 as usize >= next, "ids grow in the order of invocation");
        for _ in next..id.0 as usize {
            self.ring.push_back(Slot { call: 0, before: NOBODY, after: NOBODY, is_open: false });
        }
        self.ring.push_back(Slot { call, before: queue.last, after: NOBODY, is_open: true });
        match queue.last {
            NOBODY => queue.first = id.0,
            last => self.slot(last).after = id.0,
        }
        queue.last = id.0;
    }

    /// Takes an operation out of its key's queue.
    pub fn remove(&mut self, queue: &mut Queue, id: OpId) {
        let place = id.0.checked_sub(self.first).map(|place| place as usize);
        let slot = place.and_then(|place| self.ring.get_mut(place)).filter(|slot| slot.is_open);
        let slot = slot.expect("only a pending operation ends");
        slot.is_open = false;
        let Slot { before, after, .. } = *slot;
        match before {
            NOBODY => queue.first = after,
            before => self.slot(before).after = after,
        }
        match after {
            NOBODY => queue.last = before,
            after => self.slot(after).before = before,
        }
        while self.ring.front().is_some_and(|slot| !slot.is_open) {
            self.ring.pop_front();
            self.first += 1;
        }
    }

    /// The earliest call of what is pending on the key.
    pub fn first(&self, queue: &Queue) -> Option<u64> {
        (queue.first != NOBODY).then(|| self.ring[(queue.first - self.first) as usize].call)
    }

    /// How long the ring is.
    #[cfg(test)]
    pub fn len(&self) -> usize {
        self.ring.len()
    }

    /// For how many operations there is room.
    #[cfg(test)]
    pub fn capacity(&self) -> usize {
        self.ring.capacity()
    }
}
