//! What each client was last told of each key: for the session guarantees.
//!
//! Asked once for every operation, so a table with open addressing and not a tree. It finds a *page*, some neighbouring keys
//! of one client, which is one line of a cache and says whose it is: a slot is then a number and a piece of a hash, and the
//! slots of a usual run stay near. It is only ever looked into at one place at a time, so that the order of its slots is seen by nobody.

use std::hash::{Hash, Hasher};

use crate::id::{ClientId, Key, Value};

/// The latest version that each client read or wrote, by client and key.
#[derive(Clone, Debug, Default)]
pub(super) struct Sessions {
    /// A power of two of them, at most half of them full; none before the first.
    slots: Vec<Slot>,
    pages: Vec<Page>,
}

/// Where a page is.
#[derive(Clone, Copy, Debug, Default)]
struct Slot {
    /// One more than the place of the page; 0 where the slot is empty.
    page: u32,
    /// Bits of its hash: almost no other page has them.
    tag: u32,
}

/// What a client was told of some keys.
#[derive(Clone, Copy, Debug, Hash)]
#[repr(align(64))]
struct Page {
    /// The client, and the keys together.
    who: u64,
    /// By key: one more than the value; 0 where nothing was told yet.
    told: [u32; KEYS],
}

impl Hash for Sessions {
    /// Where a page is found follows from what is on it.
    fn hash<H: Hasher>(&self, into: &mut H) {
        self.pages.hash(into);
    }
}

/// Where it is kept what a client was last told of a key; good until the next run.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place {
    page: u32,
    key: u32,
}

/// So many keys are on a page.
const KEYS: usize = 14;

/// So many slots there are at first.
const SLOTS_MIN: usize = 1 << 6;

impl Sessions {
    pub fn begin_anew(&mut self) {
        self.slots.fill(Slot::default());
        self.pages.clear();
    }

    /// The slot of this page: its own, or the empty one where it would be; and the tag that it has there.
    #[inline]
    fn place(&self, who: u64) -> (usize, u32) {
        let mask = self.slots.len() - 1;
        let hash = who.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let (mut place, tag) = ((hash >> 32) as usize & mask, (hash >> 16) as u32);
        loop {
            let slot = self.slots[place];
            if slot.page == 0 || slot.tag == tag && self.pages[slot.page as usize - 1].who == who {
                return (place, tag);
            }
            place = (place + 1) & mask;
        }
    }

    /// Where it is kept what this client was last told of this key. `O(1)`, amortised.
    #[inline]
    pub fn find(&mut self, client: ClientId, key: Key) -> Place {
        if 2 * self.pages.len() >= self.slots.len() {
            self.grow();
        }
        let who = u64::from(client.0) << 32 | u64::from(key.0 / KEYS as u32);
        let (place, tag) = self.place(who);
        if self.slots[place].page == 0 {
            self.pages.push(Page { who, told: [0; KEYS] });
            let page = u32::try_from(self.pages.len()).expect("memory ends before 2^32 pages");
            self.slots[place] = Slot { page, tag };
        }
        Place { page: self.slots[place].page - 1, key: key.0 % KEYS as u32 }
    }

    /// What was last told there.
    #[inline]
    pub fn told(&self, place: Place) -> Option<Value> {
        let told = self.pages[place.page as usize].told[place.key as usize % KEYS];
        told.checked_sub(1).map(|value| Value(value.into()))
    }

    /// This is told there now.
    ///
    /// # Panics
    /// Where the value is near `2^32` or greater.
    #[inline]
    pub fn tell(&mut self, place: Place, value: Value) {
        let small = u32::try_from(value.0).ok().and_then(|value| value.checked_add(1));
        self.pages[place.page as usize].told[place.key as usize % KEYS] =
            small.expect("values are small dense numbers, less than 2^32 - 1");
    }

    #[cold]
    fn grow(&mut self) {
        self.slots = vec![Slot::default(); (2 * self.slots.len()).max(SLOTS_MIN)];
        for (page, who) in (1..).zip(self.pages.iter().map(|page| page.who)) {
            let (place, tag) = self.place(who);
            self.slots[place] = Slot { page, tag };
        }
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
                let place = sessions.find(client, key);
                assert_eq!(sessions.told(place), tree.get(&(client, key)).copied(), "step {step} of round {round}");
                sessions.tell(place, Value(step));
                tree.insert((client, key), Value(step));
            }
            assert_eq!(sessions.pages.len(), 100 * 50_usize.div_ceil(KEYS));
            sessions.begin_anew();
            tree.clear();
        }
    }
}
