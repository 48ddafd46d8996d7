//! Heaps: the standard library's, with whole events and with keys, and one with four children a node.

use std::cmp::{Ordering, Reverse};
use std::collections::BinaryHeap;

use super::{Pending, Slab, key, slot_of, time_of};

/// An event that is moved with its key; the order is that of the key alone.
struct Entry<E> {
    at: u64,
    sequence: u64,
    event: E,
}

impl<E> PartialEq for Entry<E> {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl<E> Eq for Entry<E> {}

impl<E> PartialOrd for Entry<E> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl<E> Ord for Entry<E> {
    #[inline]
    fn cmp(&self, other: &Self) -> Ordering {
        (self.at, self.sequence).cmp(&(other.at, other.sequence))
    }
}

/// `BinaryHeap` of whole events: what a first simulator has.
pub struct StdInline<E> {
    heap: BinaryHeap<Reverse<Entry<E>>>,
    sequence: u64,
}

impl<E> Pending<E> for StdInline<E> {
    fn with_capacity(events: usize) -> Self {
        StdInline { heap: BinaryHeap::with_capacity(events + 1), sequence: 0 }
    }

    #[inline]
    fn push(&mut self, at: u64, event: E) {
        self.sequence += 1;
        self.heap.push(Reverse(Entry { at, sequence: self.sequence, event }));
    }

    #[inline]
    fn pop(&mut self) -> (u64, E) {
        let Reverse(Entry { at, event, .. }) = self.heap.pop().expect("an event is pending");
        (at, event)
    }
}

/// `BinaryHeap` of keys.
pub struct StdSlab<E> {
    heap: BinaryHeap<Reverse<u128>>,
    slab: Slab<E>,
    sequence: u64,
}

impl<E: Copy> Pending<E> for StdSlab<E> {
    fn with_capacity(events: usize) -> Self {
        StdSlab { heap: BinaryHeap::with_capacity(events + 1), slab: Slab::with_capacity(events), sequence: 0 }
    }

    #[inline]
    fn push(&mut self, at: u64, event: E) {
        self.sequence += 1;
        self.heap.push(Reverse(key(at, self.sequence, self.slab.put(event))));
    }

    #[inline]
    fn pop(&mut self) -> (u64, E) {
        let Reverse(key) = self.heap.pop().expect("an event is pending");
        (time_of(key), self.slab.take(slot_of(key)))
    }
}

/// A heap of keys with four children a node.
#[derive(Default)]
pub(super) struct Quad(Vec<u128>);

impl Quad {
    pub(super) fn with_capacity(keys: usize) -> Quad {
        Quad(Vec::with_capacity(keys))
    }

    #[inline]
    pub(super) fn peek(&self) -> Option<u128> {
        self.0.first().copied()
    }

    #[inline]
    pub(super) fn push(&mut self, key: u128) {
        let heap = &mut self.0;
        heap.push(key);
        let mut place = heap.len() - 1;
        while place > 0 {
            let parent = (place - 1) / 4;
            if heap[parent] <= key {
                break;
            }
            heap[place] = heap[parent];
            place = parent;
        }
        heap[place] = key;
    }

    #[inline]
    pub(super) fn pop(&mut self) -> Option<u128> {
        let last = self.0.pop()?;
        let heap = &mut self.0[..];
        let Some(least) = heap.first().copied() else { return Some(last) };
        let mut place = 0;
        loop {
            let first = 4 * place + 1;
            let child = match heap.get(first..first + 4) {
                Some(&[a, b, c, d]) => {
                    // Two pairs, then their winners, by arithmetic: no branch depends on the order of keys.
                    let left = first + usize::from(b < a);
                    let right = first + 2 + usize::from(d < c);
                    if heap[right] < heap[left] { right } else { left }
                }
                _ => match (first..heap.len()).min_by_key(|child| heap[*child]) {
                    Some(child) => child,
                    None => break,
                },
            };
            let key = heap[child];
            if key >= last {
                break;
            }
            heap[place] = key;
            place = child;
        }
        heap[place] = last;
        Some(least)
    }
}

/// A heap of keys with four children a node.
pub struct QuadSlab<E> {
    heap: Quad,
    slab: Slab<E>,
    sequence: u64,
}

impl<E: Copy> Pending<E> for QuadSlab<E> {
    fn with_capacity(events: usize) -> Self {
        QuadSlab { heap: Quad::with_capacity(events + 1), slab: Slab::with_capacity(events), sequence: 0 }
    }

    #[inline]
    fn push(&mut self, at: u64, event: E) {
        self.sequence += 1;
        self.heap.push(key(at, self.sequence, self.slab.put(event)));
    }

    #[inline]
    fn pop(&mut self) -> (u64, E) {
        let key = self.heap.pop().expect("an event is pending");
        (time_of(key), self.slab.take(slot_of(key)))
    }
}
