//! The event queue: ordered by (time, sequence), so that equal times come out in the order in which they went in.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use crate::time::Time;

/// Events to come. Keys are small and sorted in a heap; the events themselves lie still in a slab.
#[derive(Debug)]
pub struct Queue<E> {
    heap: BinaryHeap<Reverse<(Time, u64, u32)>>,
    slab: Vec<Option<E>>,
    free: Vec<u32>,
    sequence: u64,
}

impl<E> Default for Queue<E> {
    fn default() -> Queue<E> {
        Queue { heap: BinaryHeap::new(), slab: Vec::new(), free: Vec::new(), sequence: 0 }
    }
}

impl<E> Queue<E> {
    /// Adds an event. O(log n), without allocation once the queue has been as long before.
    ///
    /// # Panics
    /// Where 2^32 events are pending.
    pub fn push(&mut self, at: Time, event: E) {
        let slot = match self.free.pop() {
            Some(slot) => {
                self.slab[slot as usize] = Some(event);
                slot
            }
            None => {
                self.slab.push(Some(event));
                u32::try_from(self.slab.len() - 1).expect("at most 2^32 events are pending")
            }
        };
        self.sequence += 1;
        self.heap.push(Reverse((at, self.sequence, slot)));
    }

    /// The earliest event, and when it happens.
    pub fn pop(&mut self) -> Option<(Time, E)> {
        let Reverse((at, _, slot)) = self.heap.pop()?;
        self.free.push(slot);
        Some((at, self.slab[slot as usize].take().expect("a slot in the heap is full")))
    }

    /// How many events are pending.
    pub fn len(&self) -> usize {
        self.heap.len()
    }

    /// Whether none is.
    pub fn is_empty(&self) -> bool {
        self.heap.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::Duration;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    #[test]
    fn equal_times_come_out_in_the_order_they_went_in() {
        let mut queue = Queue::default();
        for event in 0..100 {
            queue.push(Time::ZERO + Duration::millis(7), event);
        }
        let popped: Vec<i32> = std::iter::from_fn(|| queue.pop()).map(|(_, event)| event).collect();
        assert_eq!(popped, (0..100).collect::<Vec<_>>());
    }

    proptest! {
        /// Against a plain ordered map: pushes and pops in any mixture, many ties.
        #[test]
        fn it_is_an_ordered_map(steps in prop::collection::vec(prop::option::weighted(0.6, 0_u64..8), 0..400)) {
            let (mut queue, mut map) = (Queue::default(), BTreeMap::new());
            let mut now = 0;
            for (sequence, step) in steps.into_iter().enumerate() {
                match step {
                    Some(delay) => {
                        queue.push(Time::from_nanos(now + delay), sequence);
                        map.insert((now + delay, sequence), sequence);
                    }
                    None => {
                        let expected = map.pop_first().map(|((at, _), event)| (Time::from_nanos(at), event));
                        now = expected.map_or(now, |(at, _)| at.as_nanos());
                        prop_assert_eq!(queue.pop(), expected);
                    }
                }
                prop_assert_eq!(queue.len(), map.len());
            }
        }
    }
}
