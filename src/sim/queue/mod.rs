//! The event queue: ordered by (time, sequence), so that equal times come out in the order in which they went in.
//!
//! An event lies still in a slab; what is sorted is its key, one integer that holds time, sequence and place in the slab:
//! `time: 64 | sequence: 40 | slot: 24`. No two keys are equal, so there is one order and no tie to break. What happens
//! at the very instant that is being handled is not sorted at all: it waits in line. Next: `wheel.rs`, where keys wait.

mod heap;
mod wheel;

use std::collections::VecDeque;

use crate::time::Time;

use super::slab::{SLOT_BITS, Slab};
use wheel::Wheel;

const SEQUENCE_BITS: u32 = 40;

/// From this many pending events on, the events of a bucket are looked at together when its turn comes: their slots have
/// left the processor's caches, and the fetches overlap.
const FETCH_FROM: usize = 1 << 12;

/// Events to come.
///
/// Push and pop take constant time for any number of pending events, also where some of them are far in the future or
/// many at one instant, and allocate nothing once the queue has been as long before. A key takes 16 bytes.
#[derive(Debug)]
pub struct Queue<E> {
    /// The instant of the event popped last.
    now: Time,
    /// The slots of what was added for this very instant since.
    instant: VecDeque<u32>,
    wheel: Wheel,
    slab: Slab<E>,
    sequence: u64,
}

/// An event whose turn has come, and which still lies in its queue.
#[derive(Debug)]
pub(super) struct Due(u32);

impl<E> Default for Queue<E> {
    fn default() -> Queue<E> {
        Queue { now: Time::ZERO, instant: VecDeque::new(), wheel: Wheel::default(), slab: Slab::default(), sequence: 0 }
    }
}

fn key(at: Time, sequence: u64, slot: u32) -> u128 {
    u128::from(at.as_nanos()) << 64 | u128::from(sequence) << SLOT_BITS | u128::from(slot)
}

fn time_of(key: u128) -> u64 {
    (key >> 64) as u64
}

fn slot_of(key: u128) -> u32 {
    key as u32 & ((1 << SLOT_BITS) - 1)
}

impl<E> Queue<E> {
    /// Adds an event.
    ///
    /// # Panics
    /// Where `at` is before the event popped last; where 2^24 events are pending, or about 2^40 were ever added.
    #[inline(always)]
    pub fn push(&mut self, at: Time, event: E) {
        // The event is made where it will lie; the rest is the same for all.
        let slot = self.slab.insert(event);
        self.enqueue(at, slot);
    }

    #[inline(never)]
    fn enqueue(&mut self, at: Time, slot: u32) {
        if at == self.now {
            self.instant.push_back(slot);
            return;
        }
        assert!(at > self.now, "time does not go back");
        self.sequence += 1;
        self.wheel.push(key(at, self.sequence, slot));
    }

    /// The earliest event, and when it happens.
    #[inline]
    pub fn pop(&mut self) -> Option<(Time, E)> {
        let (at, Due(slot)) = self.next()?;
        Some((at, self.slab.remove(slot)))
    }

    /// The earliest event, and when it happens. It lies still until it is [over](Queue::over).
    #[inline]
    pub(super) fn next(&mut self) -> Option<(Time, Due)> {
        if !self.instant.is_empty() && self.wheel.next_time().is_none_or(|at| at > self.now.as_nanos()) {
            // What was sorted for this instant was added before it came, and is done.
            return self.instant.pop_front().map(|slot| (self.now, Due(slot)));
        }
        let key = match self.wheel.pop() {
            Some(key) => key,
            None => {
                self.open_bucket();
                self.wheel.pop()?
            }
        };
        self.now = Time::from_nanos(time_of(key));
        Some((self.now, Due(slot_of(key))))
    }

    /// An event that is due, where it lies.
    #[inline]
    pub(super) fn due(&mut self, due: &Due) -> &mut E {
        self.slab.get_mut(due.0)
    }

    /// An event that was due is over.
    #[inline]
    pub(super) fn over(&mut self, due: Due) {
        self.slab.forget(due.0);
    }

    #[inline(never)]
    fn open_bucket(&mut self) {
        assert!(self.sequence < (1 << SEQUENCE_BITS) - (1 << SLOT_BITS), "a run has at most 2^{SEQUENCE_BITS} events");
        self.wheel.open_bucket();
        if self.slab.len() >= FETCH_FROM {
            let fetched = self.wheel.bucket().iter().filter(|key| self.slab.is_full(slot_of(**key)));
            std::hint::black_box(fetched.count());
        }
    }

    /// How many events are pending.
    pub fn len(&self) -> usize {
        self.slab.len()
    }

    /// Whether none is.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Forgets every event and begins again at time zero, with the memory it has.
    pub fn clear(&mut self) {
        self.now = Time::ZERO;
        self.instant.clear();
        self.wheel.clear();
        self.slab.clear();
        self.sequence = 0;
    }
}

#[cfg(test)]
mod tests;
