//! A heap of keys with four children a node: half as deep as a binary one, and children share a cache line.

/// The least key first.
#[derive(Debug, Default)]
pub(super) struct Heap(Vec<u128>);

impl Heap {
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
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    #[inline]
    pub(super) fn peek(&self) -> Option<u128> {
        self.0.first().copied()
    }

    #[inline]
    pub(super) fn pop(&mut self) -> Option<u128> {
        let last = self.0.pop()?;
        let heap = &mut self.0[..];
        let Some(least) = heap.first().copied() else { return Some(last) };
        let mut place = 0;
        loop {
            let first = 4 * place + 1;
            if first >= heap.len() {
                break;
            }
            let mut child = first;
            for other in first + 1..heap.len().min(first + 4) {
                if heap[other] < heap[child] {
                    child = other;
                }
            }
            if heap[child] >= last {
                break;
            }
            heap[place] = heap[child];
            place = child;
        }
        heap[place] = last;
        Some(least)
    }

    pub(super) fn clear(&mut self) {
        self.0.clear();
    }
}
