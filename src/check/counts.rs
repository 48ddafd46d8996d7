//! Counters as they happen: what a read may show, and what a copy may hold when all is quiet. From what clients are told alone.
//!
//! Additions commute, so a store that keeps every copy of a counter has no order to be judged by; what is left is arithmetic. **At
//! any time** a copy has some of the additions that were asked for, so that it shows no less than all subtractions come
//! to, and no more than all additions; one that a second node was asked for too may be in it twice. **At the end** it has all that
//! was acknowledged, once, and of what was never answered some. What failed for certain, and what was [`Short`](Reply::Short),
//! counts nowhere. Next: `sets.rs`.

use std::ops::RangeInclusive;

use crate::id::Key;
use crate::op::{Op, Reply};

/// Every counter of a run.
#[derive(Clone, Debug, Default)]
pub struct Counts {
    /// By key.
    counters: Vec<Counter>,
    below_zero: u64,
}

#[derive(Clone, Copy, Debug, Default)]
struct Counter {
    /// What all additions come to that clients know to have taken effect.
    acknowledged: i64,
    /// What those come to of which nobody told: those below zero, and those above.
    open: [i64; 2],
    /// What all come to that may have taken effect: those below zero, and those above.
    asked: [i64; 2],
}

/// Which of two sums an addition belongs to.
fn sign(amount: i64) -> usize {
    usize::from(amount > 0)
}

impl Counts {
    /// Forgets everything, and begins anew with the memory it has.
    pub fn clear(&mut self) {
        self.counters.clear();
        self.below_zero = 0;
    }

    fn counter(&mut self, key: Key) -> &mut Counter {
        if key.index() >= self.counters.len() {
            self.counters.resize(key.index() + 1, Counter::default());
        }
        &mut self.counters[key.index()]
    }

    /// A client asks for `op`. Whatever is no addition is passed over, here as below.
    pub fn invoked(&mut self, op: Op) {
        if let Op::Add { key, amount, .. } = op {
            let counter = self.counter(key);
            counter.asked[sign(amount)] += amount;
            counter.open[sign(amount)] += amount;
        }
    }

    /// A client asks for `op` once more, while what it asked before may yet take effect: at another node it may do so as well.
    pub fn asked_again(&mut self, op: Op) {
        if let Op::Add { key, amount, .. } = op {
            self.counter(key).asked[sign(amount)] += amount;
        }
    }

    /// An operation took effect, or was [`Short`](Reply::Short) and took none.
    pub fn completed(&mut self, op: Op, reply: Reply) {
        match (op, reply) {
            (Op::Add { key, amount, .. }, Reply::Written) => {
                let counter = self.counter(key);
                counter.open[sign(amount)] -= amount;
                counter.acknowledged += amount;
            }
            (Op::Add { .. }, _) => self.failed(op),
            (_, Reply::Amount(amount)) => self.below_zero += u64::from(amount < 0),
            _ => {}
        }
    }

    /// An operation did not and will not take effect.
    pub fn failed(&mut self, op: Op) {
        if let Op::Add { key, amount, .. } = op {
            let counter = self.counter(key);
            counter.open[sign(amount)] -= amount;
            counter.asked[sign(amount)] -= amount;
        }
    }

    fn get(&self, key: Key) -> Counter {
        self.counters.get(key.index()).copied().unwrap_or_default()
    }

    /// What a copy may show of a counter now.
    pub fn possible(&self, key: Key) -> RangeInclusive<i64> {
        let Counter { asked: [less, more], .. } = self.get(key);
        less..=more
    }

    /// What a copy may hold of a counter when all is quiet and whole.
    pub fn settled(&self, key: Key) -> RangeInclusive<i64> {
        let Counter { acknowledged, open: [less, more], .. } = self.get(key);
        acknowledged + less..=acknowledged + more
    }

    /// The counters that were added to, or may have been.
    pub fn keys(&self) -> impl Iterator<Item = Key> + '_ {
        (0..self.counters.len()).map(|place| Key(place as u32))
    }

    /// How many reads showed less than zero.
    pub fn below_zero(&self) -> u64 {
        self.below_zero
    }
}

/// How far a number is from a range; 0 where it is in it.
pub fn distance(number: i64, range: &RangeInclusive<i64>) -> u64 {
    let (low, high) = (*range.start(), *range.end());
    number.abs_diff(number.clamp(low, high))
}

#[cfg(test)]
mod tests {
    use super::*;

    use crate::id::Value;

    const KEY: Key = Key(2);

    fn add(amount: i64) -> Op {
        Op::Add { key: KEY, amount, name: Value(0) }
    }

    #[test]
    fn what_is_not_known_widens_what_may_be() {
        let mut counts = Counts::default();
        for amount in [5, 3, -2, -4, 7] {
            counts.invoked(add(amount));
        }
        assert_eq!((counts.possible(KEY), counts.settled(KEY)), (-6..=15, -6..=15));
        counts.completed(add(5), Reply::Written);
        counts.completed(add(-4), Reply::Short(1));
        counts.failed(add(7));
        assert_eq!((counts.possible(KEY), counts.settled(KEY)), (-2..=8, 3..=8));
        counts.completed(add(-2), Reply::Written);
        assert_eq!((counts.possible(KEY), counts.settled(KEY)), (-2..=8, 3..=6));
        assert_eq!((counts.possible(Key(9)), counts.settled(Key(9))), (0..=0, 0..=0));
    }

    #[test]
    fn what_two_nodes_were_asked_for_may_show_twice_and_is_settled_once() {
        let mut counts = Counts::default();
        counts.invoked(add(5));
        counts.asked_again(add(5));
        counts.completed(add(5), Reply::Written);
        assert_eq!((counts.possible(KEY), counts.settled(KEY)), (0..=10, 5..=5));
    }

    #[test]
    fn reads_below_zero_are_counted_and_distances_measured() {
        let mut counts = Counts::default();
        for amount in [-1, 0, 4, -9] {
            counts.completed(Op::Read(KEY), Reply::Amount(amount));
        }
        assert_eq!(counts.below_zero(), 2);
        assert_eq!([2, 3, 5, 9].map(|number| distance(number, &(3..=5))), [1, 0, 0, 4]);
    }
}
