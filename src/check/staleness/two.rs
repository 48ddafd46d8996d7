//! 2-atomicity, exactly: whether the writes of a key can be put in an order in which every read finds one of the last two.
//!
//! LBT, *limited backtracking*, of Golab, Hurwitz & Li, *On the k-Atomicity-Verification Problem*, ICDCS 2013 (arXiv
//! 1309.5522), section 3. The order is made from its end. A write that nothing remaining must follow is tried as the last
//! one. Reads that began after it had ended come after it: they found it, or the write just before it. If they found
//! another, that write must be next, and so on; where two of them found different ones, or a write began after it, it was
//! the wrong one, and what was done since the first guess is undone. A chain that comes to its end without a demand is
//! never undone again: what is left of the history does not know of it. `O(n log n + c n)`, of `c` writes at once at most.
//!
//! Compare-and-sets that took effect read and write in one place, of which the method does not know.

use crate::check::execution::witness::Violation;
use crate::check::execution::{Execution, INITIAL};

/// What was found out about the keys of a history.
pub(super) struct Two {
    /// The writes of keys without compare-and-sets, from the oldest to the newest, key by key; empty where one is refused.
    pub order: Vec<u32>,
    /// The keys with compare-and-sets, by dense number: nothing is known of them.
    pub unknown: Vec<u32>,
    /// A key for which there is no order, by dense number.
    pub refused: Option<u32>,
}

/// Looks for an order of each key.
pub(super) fn orders(execution: &Execution, steps: &mut u64) -> Two {
    let mut by_key: Vec<Vec<u32>> = vec![Vec::new(); execution.keys.len()];
    execution.numbers().for_each(|number| by_key[execution.event(number).key as usize].push(number));
    let mut two = Two { order: Vec::new(), unknown: Vec::new(), refused: None };
    for (key, events) in by_key.iter().enumerate() {
        let swaps = |number: &u32| execution.event(*number).writes && execution.event(*number).reads();
        if events.iter().any(swaps) {
            two.unknown.push(key as u32);
            continue;
        }
        match Backwards::new(execution, events).and_then(|backwards| backwards.order(steps)) {
            Some(order) => two.order.extend(order.into_iter().map(|place| events[place as usize])),
            None => return Two { order: Vec::new(), refused: Some(key as u32), ..two },
        }
    }
    two
}

/// Why a history is not 2-atomic, as far as the method tells: every operation of a key that is refused.
pub(super) fn violation(execution: &Execution, steps: &mut u64) -> Option<Violation> {
    let key = orders(execution, steps).refused?;
    let of_key = |number: &u32| execution.event(*number).key == key;
    Some(Violation {
        pattern: "NotTwoAtomic",
        meaning: "whichever way the writes are ordered, some read finds neither of the last two versions",
        edges: Vec::new(),
        core: execution.numbers().filter(of_key).map(|number| execution.event(number).row).collect(),
    })
}

/// One operation of a key.
#[derive(Clone, Copy, Debug)]
struct Item {
    /// When it began, from 1: the initial value is written at 0.
    start: u64,
    /// When it ended; of a write, at the latest when the first read that found it did, for it comes before that.
    end: u64,
    /// What a read found; a write has itself here.
    source: u32,
}

/// The operations of a key that have no place in the order yet.
struct Backwards {
    items: Vec<Item>,
    /// The reads of every write.
    reads: Vec<Vec<u32>>,
    /// All, in the order in which they began.
    all: Ring,
    /// The writes, in the order in which they began.
    begun: Ring,
    /// The writes, the latest to end first.
    ended: Ring,
    /// What was taken away, in that order.
    taken: Vec<u32>,
}

impl Backwards {
    /// `None` where a read ended before the write of what it found began.
    fn new(execution: &Execution, events: &[u32]) -> Option<Backwards> {
        let initial = events.len() as u32;
        let mut items: Vec<Item> = Vec::with_capacity(events.len() + 1);
        for (place, number) in (0..).zip(events) {
            let event = execution.event(*number);
            let operation = execution.history.get(event.row);
            let source = match event.sees {
                INITIAL => initial,
                _ => event.source().map_or(place, |source| events.partition_point(|other| *other < source) as u32),
            };
            let end = if event.known { operation.completed.as_nanos().saturating_add(1) } else { u64::MAX };
            items.push(Item { start: operation.invoked.as_nanos().saturating_add(1), end, source });
        }
        items.push(Item { start: 0, end: 0, source: initial });
        let mut reads = vec![Vec::new(); items.len()];
        for place in 0..initial {
            let Item { end, source, .. } = items[place as usize];
            if source != place {
                reads[source as usize].push(place);
                let write = &mut items[source as usize];
                write.end = write.end.min(end);
                if write.end < write.start {
                    return None;
                }
            }
        }
        let mut order: Vec<u32> = (0..=initial).collect();
        order.sort_by_key(|place| (items[*place as usize].start, *place));
        let is_write = |place: &u32| items[*place as usize].source == *place;
        let mut writes: Vec<u32> = order.iter().copied().filter(is_write).collect();
        let (all, begun) = (Ring::new(&order, items.len()), Ring::new(&writes, items.len()));
        writes.sort_by_key(|place| (std::cmp::Reverse(items[*place as usize].end), *place));
        let ended = Ring::new(&writes, items.len());
        Some(Backwards { items, reads, all, begun, ended, taken: Vec::new() })
    }

    fn is_write(&self, place: u32) -> bool {
        self.items[place as usize].source == place
    }

    /// The writes from the oldest to the newest, without the initial value's; `None` where there is no order.
    fn order(mut self, steps: &mut u64) -> Option<Vec<u32>> {
        while let Some(latest) = self.begun.last() {
            let begun = self.items[latest as usize].start;
            let mut guess = self.ended.first();
            loop {
                // The later ones end before a write begins that must follow them.
                let last = guess.filter(|last| self.items[*last as usize].end >= begun)?;
                if self.chain(last, steps) {
                    break;
                }
                guess = self.ended.after(last);
            }
        }
        let initial = self.items.len() as u32 - 1;
        let placed = self.taken.iter().rev().copied().filter(|place| self.is_write(*place) && *place != initial);
        Some(placed.collect())
    }

    /// Places this write last, and whatever must be just before it because of that; or leaves everything as it was.
    fn chain(&mut self, last: u32, steps: &mut u64) -> bool {
        let before = self.taken.len();
        let mut next = Some(last);
        while let Some(write) = next.take() {
            let end = self.items[write as usize].end;
            while let Some(late) = self.all.last().filter(|late| self.items[*late as usize].start > end) {
                *steps += 1;
                let source = self.items[late as usize].source;
                let asks_for = (source != write).then_some(source);
                if source == late || (next.is_some() && asks_for.is_some() && next != asks_for) {
                    self.undo(before);
                    return false;
                }
                next = next.or(asks_for);
                self.take(late);
            }
            for nth in 0..self.reads[write as usize].len() {
                *steps += 1;
                let read = self.reads[write as usize][nth];
                if self.all.has(read) {
                    self.take(read);
                }
            }
            self.take(write);
        }
        true
    }

    fn take(&mut self, place: u32) {
        self.all.take(place);
        if self.is_write(place) {
            self.begun.take(place);
            self.ended.take(place);
        }
        self.taken.push(place);
    }

    /// Puts back what was taken beyond so many.
    fn undo(&mut self, until: usize) {
        while self.taken.len() > until {
            let place = self.taken.pop().expect("there is more than that");
            self.all.put_back(place);
            if self.is_write(place) {
                self.begun.put_back(place);
                self.ended.put_back(place);
            }
        }
    }
}

/// A list from which places are taken, and put back in the opposite order: each remembers its neighbours.
struct Ring {
    /// The neighbours before and after; the last entry is the ring's own, before its first and after its last.
    links: Vec<(u32, u32)>,
    there: Vec<bool>,
}

impl Ring {
    fn new(order: &[u32], of: usize) -> Ring {
        let own = of as u32;
        let mut ring = Ring { links: vec![(own, own); of + 1], there: vec![false; of] };
        let mut before = own;
        for place in order {
            ring.links[before as usize].1 = *place;
            ring.links[*place as usize].0 = before;
            ring.there[*place as usize] = true;
            before = *place;
        }
        ring.links[before as usize].1 = own;
        ring.links[own as usize].0 = before;
        ring
    }

    fn some(&self, place: u32) -> Option<u32> {
        ((place as usize) < self.there.len()).then_some(place)
    }

    fn first(&self) -> Option<u32> {
        self.some(self.links[self.there.len()].1)
    }

    fn last(&self) -> Option<u32> {
        self.some(self.links[self.there.len()].0)
    }

    fn after(&self, place: u32) -> Option<u32> {
        self.some(self.links[place as usize].1)
    }

    fn has(&self, place: u32) -> bool {
        self.there[place as usize]
    }

    fn take(&mut self, place: u32) {
        let (before, after) = self.links[place as usize];
        self.links[before as usize].1 = after;
        self.links[after as usize].0 = before;
        self.there[place as usize] = false;
    }

    fn put_back(&mut self, place: u32) {
        let (before, after) = self.links[place as usize];
        self.links[before as usize].1 = place;
        self.links[after as usize].0 = place;
        self.there[place as usize] = true;
    }
}
