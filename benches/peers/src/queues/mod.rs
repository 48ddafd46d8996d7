//! Event queues, as ceilings: the same order, five ways to keep it.
//!
//! Every one gives equal times out in the order in which they went in. The keyed ones hold one integer an event, `time:
//! 64 | sequence: 40 | slot: 24`, and the event lies in a [`Slab`]; the inline ones move the event itself. They have what
//! the measured pattern needs and no more: no growth of the calendar, no check of any limit, no way to clear. That is why
//! they are ceilings.

mod calendar;
mod heaps;
mod radix;

pub use calendar::{Calendar, CalendarInstant};
pub use heaps::{QuadSlab, StdInline, StdSlab};
pub use radix::Radix;

use riftzone::time::Time;

/// A queue of events of one type, by time.
pub trait Pending<E> {
    /// An empty queue at time zero, with room for about so many events, of which most are less than 130 ms away.
    fn with_capacity(events: usize) -> Self;
    /// Adds an event; `at` is not before the last one popped.
    fn push(&mut self, at: u64, event: E);
    /// The earliest event, of equal ones the one pushed first.
    ///
    /// # Panics
    /// Where there is none.
    fn pop(&mut self) -> (u64, E);
}

/// The queue of the product.
pub type Riftzone<E> = riftzone::sim::Queue<E>;

impl<E> Pending<E> for Riftzone<E> {
    fn with_capacity(_: usize) -> Self {
        Riftzone::default()
    }

    #[inline]
    fn push(&mut self, at: u64, event: E) {
        Riftzone::push(self, Time::from_nanos(at), event);
    }

    #[inline]
    fn pop(&mut self) -> (u64, E) {
        let (at, event) = Riftzone::pop(self).expect("an event is pending");
        (at.as_nanos(), event)
    }
}

/// Events by slot.
struct Slab<E> {
    slots: Vec<E>,
    free: Vec<u32>,
}

impl<E: Copy> Slab<E> {
    fn with_capacity(events: usize) -> Slab<E> {
        Slab { slots: Vec::with_capacity(events + 1), free: Vec::new() }
    }

    #[inline]
    fn put(&mut self, event: E) -> u32 {
        if let Some(slot) = self.free.pop() {
            self.slots[slot as usize] = event;
            return slot;
        }
        self.slots.push(event);
        self.slots.len() as u32 - 1
    }

    #[inline]
    fn take(&mut self, slot: u32) -> E {
        self.free.push(slot);
        self.slots[slot as usize]
    }
}

#[inline]
fn key(at: u64, sequence: u64, slot: u32) -> u128 {
    u128::from(at) << 64 | u128::from(sequence) << 24 | u128::from(slot)
}

#[inline]
fn time_of(key: u128) -> u64 {
    (key >> 64) as u64
}

#[inline]
fn slot_of(key: u128) -> u32 {
    key as u32 & 0xff_ffff
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chance::Chance;

    /// Pops and pushes of every size of delay, ties and zero among them, as text for comparison.
    fn order<Q: Pending<u64>>(unit: u64) -> Vec<(u64, u64)> {
        let mut chance = Chance::new(5);
        let mut queue = Q::with_capacity(500);
        (0..500).for_each(|event| queue.push(chance.below(100) * unit, event));
        let popped = (0..20_000).map(|_| {
            let (at, event) = queue.pop();
            let delay = match chance.below(8) {
                0 => 0,
                1 => chance.below(3),
                2 => 5_000 * unit,
                _ => chance.between(30, 100) * unit,
            };
            queue.push(at + delay, event);
            (at, event)
        });
        popped.collect()
    }

    #[test]
    fn all_give_one_order() {
        for unit in [1_000_000, 1_000_003, 17] {
            let expected = order::<StdInline<u64>>(unit);
            assert!(expected.is_sorted_by_key(|(at, _)| *at));
            assert_eq!(order::<StdSlab<u64>>(unit), expected);
            assert_eq!(order::<QuadSlab<u64>>(unit), expected);
            assert_eq!(order::<Calendar<u64>>(unit), expected);
            assert_eq!(order::<CalendarInstant<u64>>(unit), expected);
            assert_eq!(order::<Radix<u64>>(unit), expected);
            assert_eq!(order::<Riftzone<u64>>(unit), expected);
        }
    }
}
