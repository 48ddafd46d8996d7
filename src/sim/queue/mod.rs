//! The event queue: ordered by (time, sequence), so that equal times come out in the order in which they went in.
//!
//! An event lies still in a slab; what is sorted is its key, one integer that holds time, sequence and the event's ticket,
//! which is its place in the slab: `time: 64 | sequence: 40 | ticket: 24`. No two keys are equal, so there is one order and no
//! tie to break. What happens at the very instant that is being handled is not sorted at all: it waits in line.
//!
//! [`Agenda`] orders tickets, [`Queue`] has the slab beside it; a world has several. Next: `wheel.rs`, where keys wait.

mod heap;
mod wheel;

use std::collections::VecDeque;

use crate::slab::{SLOT_BITS, Slab};
use crate::time::Time;

use wheel::Wheel;

const SEQUENCE_BITS: u32 = 40;
/// A slot, and one bit more, with which a world tells its slabs apart.
const TICKET_BITS: u32 = SLOT_BITS + 1;

/// From this many pending events on, events are looked at together, shortly before their turn.
const FETCH_FROM: usize = 1 << 12;
/// So many at a time: enough that their fetches overlap, few enough that none is forgotten before its turn.
const FETCH: usize = 64;

/// Tickets of events to come: who holds one knows what it is for.
///
/// Push and pop take constant time for any number of pending events, also where some of them are far in the future or
/// many at one instant, and allocate nothing once the agenda has been as long before. A key takes 16 bytes.
#[derive(Debug, Default)]
pub(super) struct Agenda {
    /// The instant of the ticket popped last.
    now: Time,
    /// What was added for this very instant since.
    instant: VecDeque<u32>,
    wheel: Wheel,
    sequence: u64,
    /// Looks ahead again when the open bucket is down to so many keys.
    look_at: usize,
}

fn key(at: Time, sequence: u64, ticket: u32) -> u128 {
    u128::from(at.as_nanos()) << 64 | u128::from(sequence << TICKET_BITS | u64::from(ticket))
}

fn time_of(key: u128) -> u64 {
    (key >> 64) as u64
}

fn ticket_of(key: u128) -> u32 {
    key as u32 & ((1 << TICKET_BITS) - 1)
}

impl Agenda {
    /// Adds a ticket, which is less than 2^24.
    ///
    /// # Panics
    /// Where `at` is before the ticket popped last; where about 2^40 were ever added.
    #[inline(never)]
    pub(super) fn push(&mut self, at: Time, ticket: u32) {
        self.put(at, ticket);
    }

    /// The same, for a caller that pushes in one place.
    #[inline(always)]
    fn put(&mut self, at: Time, ticket: u32) {
        debug_assert!(ticket >> TICKET_BITS == 0, "a ticket has {TICKET_BITS} bits");
        if at == self.now {
            self.instant.push_back(ticket);
            return;
        }
        assert!(at > self.now, "time does not go back");
        self.sequence += 1;
        self.wheel.push(key(at, self.sequence, ticket));
    }

    /// The earliest ticket, and when its turn is. Where many are pending, `look` is called for those whose turn comes soon:
    /// it looks at what they stand for, which has left the processor's caches, and the fetches overlap.
    #[inline]
    pub(super) fn pop(&mut self, mut look: impl FnMut(u32) -> bool) -> Option<(Time, u32)> {
        if !self.instant.is_empty() && self.wheel.next_time().is_none_or(|at| at > self.now.as_nanos()) {
            // What was sorted for this instant was added before it came, and is done.
            return self.instant.pop_front().map(|ticket| (self.now, ticket));
        }
        let key = match self.wheel.pop() {
            Some(key) => key,
            None => {
                self.open_bucket(&mut look);
                self.wheel.pop()?
            }
        };
        if self.look_at == self.wheel.bucket().len() {
            self.look_ahead(&mut look);
        }
        self.now = Time::from_nanos(time_of(key));
        Some((self.now, ticket_of(key)))
    }

    #[inline(never)]
    fn open_bucket(&mut self, look: &mut impl FnMut(u32) -> bool) {
        assert!(
            self.sequence < (1 << SEQUENCE_BITS) - (1 << TICKET_BITS),
            "a run has at most 2^{SEQUENCE_BITS} events"
        );
        self.wheel.open_bucket();
        self.look_at = usize::MAX;
        if self.wheel.len() >= FETCH_FROM {
            self.look_ahead(look);
        }
    }

    /// Looks at what comes next of the open bucket.
    #[inline(never)]
    fn look_ahead(&mut self, look: &mut impl FnMut(u32) -> bool) {
        let bucket = self.wheel.bucket();
        let later = bucket.len().saturating_sub(FETCH);
        let fetched = bucket[later..].iter().filter(|key| look(ticket_of(**key)));
        std::hint::black_box(fetched.count());
        self.look_at = if later > 0 { later } else { usize::MAX };
    }

    /// Forgets every ticket and begins again at time zero, with the memory it has.
    pub(super) fn clear(&mut self) {
        self.now = Time::ZERO;
        self.instant.clear();
        self.wheel.clear();
        self.sequence = 0;
        self.look_at = usize::MAX;
    }
}

/// Events to come, in order. See the file's doc and `Agenda`, which has the order.
#[derive(Debug)]
pub struct Queue<E> {
    agenda: Agenda,
    slab: Slab<E>,
}

impl<E> Default for Queue<E> {
    fn default() -> Queue<E> {
        Queue { agenda: Agenda::default(), slab: Slab::default() }
    }
}

impl<E> Queue<E> {
    /// Adds an event. Constant time, whatever else is pending.
    ///
    /// # Panics
    /// Where `at` is before the event popped last; where 2^23 events are pending, or about 2^40 were ever added.
    #[inline(always)]
    pub fn push(&mut self, at: Time, event: E) {
        let ticket = self.slab.insert(event);
        self.agenda.put(at, ticket);
    }

    /// The earliest event, and when it happens. Constant time, amortised.
    #[inline]
    pub fn pop(&mut self) -> Option<(Time, E)> {
        let (at, ticket) = self.agenda.pop(|ticket| self.slab.look(ticket))?;
        Some((at, self.slab.remove(ticket)))
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
        self.agenda.clear();
        self.slab.clear();
    }
}

#[cfg(test)]
mod tests;
