//! What is numbered and arrives in any order, and is taken in order. Next: `tentative.rs`.

use std::collections::VecDeque;

/// What is further ahead than this is not kept: it will be sent again.
const AHEAD_MAX: u64 = 1 << 14;

/// Things that came before those that they come after.
#[derive(Clone, Debug, Hash)]
pub(super) struct Inbox<T> {
    /// How many were taken.
    taken: u64,
    /// What came after them, by place.
    early: VecDeque<Option<T>>,
}

impl<T> Inbox<T> {
    /// Where so many were taken.
    pub fn after(taken: u64) -> Inbox<T> {
        Inbox { taken, early: VecDeque::new() }
    }

    /// Keeps a thing, by its number from 1, until it is its turn. One that was taken is dropped.
    pub fn put(&mut self, number: u64, thing: T) {
        let Some(place) = number.checked_sub(self.taken + 1).filter(|place| *place < AHEAD_MAX) else { return };
        let place = place as usize;
        if place >= self.early.len() {
            self.early.resize_with(place + 1, || None);
        }
        self.early[place] = Some(thing);
    }

    /// Takes the next thing, if it is there.
    pub fn take(&mut self) -> Option<T> {
        let next = self.early.front_mut()?.take()?;
        self.early.pop_front();
        self.taken += 1;
        Some(next)
    }

    /// So many count as taken, if that is more.
    pub fn skip_to(&mut self, taken: u64) {
        while self.taken < taken {
            self.early.pop_front();
            self.taken += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn things_are_taken_in_order_however_they_come() {
        let mut inbox = Inbox::after(3);
        [6, 5, 3, 6, 4].into_iter().for_each(|number| inbox.put(number, number));
        let all = |inbox: &mut Inbox<u64>| std::iter::from_fn(|| inbox.take()).collect::<Vec<_>>();
        assert_eq!(all(&mut inbox), [4, 5, 6]);
        [9, 10, 5].into_iter().for_each(|number| inbox.put(number, number));
        assert!(all(&mut inbox).is_empty(), "7 and 8 are missing");
        inbox.skip_to(9);
        assert_eq!(all(&mut inbox), [10]);
        inbox.put(u64::MAX, 1);
        assert!(all(&mut inbox).is_empty(), "too far ahead to be kept");
    }
}
