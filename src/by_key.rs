//! What a judge keeps of each key: [`ByKey`], in which keys that were met lie side by side, and others cost four bytes.
//!
//! Keys are numbers up to how many there are, of which a run may touch few, and what is kept of one fills lines of a cache.

use crate::id::Key;

/// A thing for each key that was met, in the order of their meeting.
#[derive(Clone, Debug, Default)]
pub(crate) struct ByKey<T> {
    /// By key: one more than its place; 0 where it was not met.
    places: Vec<u32>,
    /// Those of keys that were met, and behind them what earlier runs left, as new.
    things: Vec<T>,
    met: usize,
}

impl<T: Default> ByKey<T> {
    /// With room for this many keys.
    pub(crate) fn with_capacity(keys: usize) -> ByKey<T> {
        ByKey { places: Vec::with_capacity(keys), ..ByKey::default() }
    }

    /// Forgets every key. What was kept of it is made as new by `renew`, and its memory used again.
    pub(crate) fn clear(&mut self, renew: impl FnMut(&mut T)) {
        self.places.clear();
        self.things[..self.met].iter_mut().for_each(renew);
        self.met = 0;
    }

    /// What is kept of a key, if it was met.
    #[inline]
    pub(crate) fn get(&self, key: Key) -> Option<&T> {
        let place = self.places.get(key.index())?.checked_sub(1)?;
        Some(&self.things[place as usize])
    }

    /// What is kept of a key, which is met by this. `O(1)`, amortised.
    #[inline]
    pub(crate) fn meet(&mut self, key: Key) -> &mut T {
        let place = match self.places.get(key.index()) {
            Some(place) if *place > 0 => *place as usize - 1,
            _ => self.add(key),
        };
        &mut self.things[place]
    }

    #[inline(never)]
    fn add(&mut self, key: Key) -> usize {
        if key.index() >= self.places.len() {
            self.places.resize(key.index() + 1, 0);
        }
        if self.met == self.things.len() {
            self.things.push(T::default());
        }
        self.met += 1;
        self.places[key.index()] = u32::try_from(self.met).expect("keys are fewer than 2^32");
        self.met - 1
    }

    /// All that is kept, in the order in which keys were met.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &T> {
        self.things[..self.met].iter()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    use std::collections::BTreeMap;

    use crate::rng::Stream;

    #[test]
    fn it_keeps_what_a_tree_does_and_as_much_as_was_met() {
        let (mut things, mut stream) = (ByKey::<u64>::with_capacity(4), Stream::new(1, "by key"));
        for _ in 0..3 {
            let mut tree = BTreeMap::new();
            for step in 1..2_000 {
                let key = Key(stream.below(500) as u32 * 1_000);
                assert_eq!(things.get(key), tree.get(&key), "step {step}");
                *things.meet(key) += step;
                *tree.entry(key).or_insert(0) += step;
            }
            assert_eq!(things.iter().sum::<u64>(), tree.values().sum::<u64>());
            assert_eq!(things.iter().count(), tree.len());
            things.clear(|thing| *thing = 0);
            assert_eq!((things.iter().count(), things.get(Key(0))), (0, None));
        }
        assert!(things.things.len() <= 500, "no more than the most that were met at once");
    }
}
