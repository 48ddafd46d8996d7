//! A radix heap with whole events (Ahuja, Mehlhorn, Orlin and Tarjan, 1990): time never goes back, so an event need only
//! be as well sorted as its highest bit that differs from now.
//!
//! Equal times are in one bucket, whenever they were pushed, for a bucket's number depends on the time and on the bits of
//! now above that bucket, which do not change while it is full. So they stay in the order in which they were pushed.

use std::collections::VecDeque;

use super::Pending;

/// Events by the highest bit in which their time differs from now.
pub struct Radix<E> {
    buckets: [Vec<(u64, E)>; 64],
    /// Which buckets hold something.
    full: u64,
    /// What happens now.
    instant: VecDeque<E>,
    now: u64,
}

impl<E> Radix<E> {
    #[inline]
    fn sort(&mut self, at: u64, event: E) {
        let differs = at ^ self.now;
        if differs == 0 {
            return self.instant.push_back(event);
        }
        let bucket = differs.ilog2() as usize;
        self.full |= 1 << bucket;
        self.buckets[bucket].push((at, event));
    }
}

impl<E> Pending<E> for Radix<E> {
    fn with_capacity(_: usize) -> Self {
        Radix { buckets: std::array::from_fn(|_| Vec::new()), full: 0, instant: VecDeque::new(), now: 0 }
    }

    #[inline]
    fn push(&mut self, at: u64, event: E) {
        self.sort(at, event);
    }

    #[inline]
    fn pop(&mut self) -> (u64, E) {
        loop {
            if let Some(event) = self.instant.pop_front() {
                return (self.now, event);
            }
            let least = self.full.trailing_zeros() as usize;
            assert!(least < 64, "an event is pending");
            self.full &= self.full - 1;
            let mut bucket = std::mem::take(&mut self.buckets[least]);
            self.now = bucket.iter().map(|(at, _)| *at).min().expect("a full bucket has an event");
            bucket.drain(..).for_each(|(at, event)| self.sort(at, event));
            self.buckets[least] = bucket;
        }
    }
}
