//! A calendar (Brown, 1988) of keys: buckets of about sixteen events each, sorted when their turn comes.
//!
//! The width of a bucket is fixed from the number of events that the caller announces; what is further away than the
//! buckets reach waits in a heap.

use std::collections::VecDeque;

use super::heaps::Quad;
use super::{Pending, Slab, key, slot_of, time_of};

/// How many events a bucket is meant to hold.
const PER_BUCKET: usize = 16;

/// How long the announced events are spread over, and how far the buckets must reach, in nanoseconds.
const SPREAD: usize = 65_000_000;
const REACH: u64 = 1 << 27;

struct Buckets {
    /// A bucket is `2^shift` nanoseconds wide.
    shift: u32,
    /// A power of two of them; a bucket's number is its time modulo that.
    buckets: Vec<Vec<u128>>,
    /// Which buckets hold something.
    full: Vec<u64>,
    /// The bucket whose turn it is, by its time, and its keys: latest first.
    day: u64,
    open: Vec<u128>,
    /// Keys in buckets.
    near: usize,
    far: Quad,
}

impl Buckets {
    fn with_capacity(events: usize) -> Buckets {
        let width = (SPREAD * PER_BUCKET / events.max(1)).max(64);
        let shift = width.ilog2().min(24);
        let count = ((REACH >> shift).next_power_of_two() * 2).max(64) as usize;
        Buckets {
            shift,
            buckets: vec![Vec::new(); count],
            full: vec![0; count / 64],
            day: 0,
            open: Vec::new(),
            near: 0,
            far: Quad::default(),
        }
    }

    #[inline]
    fn push(&mut self, key: u128) {
        let day = time_of(key) >> self.shift;
        if day <= self.day {
            let place = self.open.partition_point(|other| *other > key);
            self.open.insert(place, key);
        } else if day - self.day < self.buckets.len() as u64 {
            self.put(day, key);
        } else {
            self.far.push(key);
        }
    }

    #[inline]
    fn put(&mut self, day: u64, key: u128) {
        let place = day as usize & (self.buckets.len() - 1);
        self.buckets[place].push(key);
        self.full[place / 64] |= 1 << (place % 64);
        self.near += 1;
    }

    #[inline]
    fn pop(&mut self) -> u128 {
        if let Some(key) = self.open.pop() {
            return key;
        }
        self.open_next();
        self.open.pop().expect("an event is pending")
    }

    #[inline(never)]
    fn open_next(&mut self) {
        if self.near == 0 {
            self.day = (time_of(self.far.peek().expect("an event is pending")) >> self.shift) - 1;
        }
        while let Some(key) = self.far.peek()
            && (time_of(key) >> self.shift) - self.day < self.buckets.len() as u64
        {
            self.far.pop();
            self.put(time_of(key) >> self.shift, key);
        }
        let mask = self.buckets.len() - 1;
        let begin = (self.day + 1) as usize & mask;
        let mut word = begin / 64;
        let mut bits = self.full[word] & (!0 << (begin % 64));
        while bits == 0 {
            word = (word + 1) & (self.full.len() - 1);
            bits = self.full[word];
        }
        let place = word * 64 + bits.trailing_zeros() as usize;
        self.full[word] &= !(1 << (place % 64));
        self.day += (place.wrapping_sub(self.day as usize) & mask) as u64;
        std::mem::swap(&mut self.open, &mut self.buckets[place]);
        self.near -= self.open.len();
        self.open.sort_unstable_by(|a, b| b.cmp(a));
    }
}

/// A calendar of keys.
pub struct Calendar<E> {
    buckets: Buckets,
    slab: Slab<E>,
    sequence: u64,
}

impl<E: Copy> Pending<E> for Calendar<E> {
    fn with_capacity(events: usize) -> Self {
        Calendar { buckets: Buckets::with_capacity(events), slab: Slab::with_capacity(events), sequence: 0 }
    }

    #[inline]
    fn push(&mut self, at: u64, event: E) {
        self.sequence += 1;
        self.buckets.push(key(at, self.sequence, self.slab.put(event)));
    }

    #[inline]
    fn pop(&mut self) -> (u64, E) {
        let key = self.buckets.pop();
        (time_of(key), self.slab.take(slot_of(key)))
    }
}

/// A calendar of keys, and a line for what is pushed for the very instant that was popped last: it needs no sorting.
pub struct CalendarInstant<E> {
    calendar: Calendar<E>,
    instant: VecDeque<E>,
    now: u64,
}

impl<E: Copy> Pending<E> for CalendarInstant<E> {
    fn with_capacity(events: usize) -> Self {
        CalendarInstant { calendar: Calendar::with_capacity(events), instant: VecDeque::new(), now: 0 }
    }

    #[inline]
    fn push(&mut self, at: u64, event: E) {
        if at == self.now {
            self.instant.push_back(event);
        } else {
            self.calendar.push(at, event);
        }
    }

    #[inline]
    fn pop(&mut self) -> (u64, E) {
        if !self.instant.is_empty() {
            // What was sorted for this instant was pushed before it came.
            let is_sorted = self.calendar.buckets.open.last().is_some_and(|key| time_of(*key) == self.now);
            if !is_sorted && let Some(event) = self.instant.pop_front() {
                return (self.now, event);
            }
        }
        let (at, event) = self.calendar.pop();
        self.now = at;
        (at, event)
    }
}
