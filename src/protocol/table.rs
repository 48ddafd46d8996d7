//! What a node keeps by key or by client: a [`Table`], indexed and not searched, for ids are small and dense.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::marker::PhantomData;

use crate::id::Id;

/// A map from ids to things, in the order of ids. Looking up, setting and removing take constant time, and memory is by
/// the highest id: keys and clients are numbered from 0.
#[derive(Clone)]
pub struct Table<I, T> {
    places: Vec<Option<T>>,
    len: usize,
    by: PhantomData<I>,
}

impl<I, T> Default for Table<I, T> {
    fn default() -> Table<I, T> {
        Table { places: Vec::new(), len: 0, by: PhantomData }
    }
}

impl<I: Id, T> Table<I, T> {
    /// What is at `id`.
    #[inline]
    pub fn get(&self, id: I) -> Option<&T> {
        self.places.get(id.index())?.as_ref()
    }

    /// What is at `id`, to be changed.
    #[inline]
    pub fn get_mut(&mut self, id: I) -> Option<&mut T> {
        self.places.get_mut(id.index())?.as_mut()
    }

    /// Puts `thing` at `id`; returns what was there.
    #[inline]
    pub fn insert(&mut self, id: I, thing: T) -> Option<T> {
        if id.index() >= self.places.len() {
            self.places.resize_with(id.index() + 1, || None);
        }
        let before = self.places[id.index()].replace(thing);
        self.len += usize::from(before.is_none());
        before
    }

    /// Takes out what is at `id`.
    #[inline]
    pub fn remove(&mut self, id: I) -> Option<T> {
        let taken = self.places.get_mut(id.index())?.take();
        self.len -= usize::from(taken.is_some());
        taken
    }

    /// How many ids have something.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether none has.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Everything, in the order of ids. Passes over every id up to the highest.
    pub fn iter(&self) -> impl Iterator<Item = (I, &T)> {
        self.places.iter().enumerate().filter_map(|(place, thing)| Some((I::from_index(place), thing.as_ref()?)))
    }
}

impl<I: Id, T: PartialEq> PartialEq for Table<I, T> {
    fn eq(&self, other: &Table<I, T>) -> bool {
        self.len == other.len && self.iter().all(|(id, thing)| other.get(id) == Some(thing))
    }
}

impl<I: Id, T: Eq> Eq for Table<I, T> {}

impl<I: Id, T: Hash> Hash for Table<I, T> {
    /// Equal tables alike, whatever memory they have.
    fn hash<H: Hasher>(&self, into: &mut H) {
        self.len.hash(into);
        self.iter().for_each(|(id, thing)| (id.index(), thing).hash(into));
    }
}

impl<I: Id, T> FromIterator<(I, T)> for Table<I, T> {
    fn from_iter<S: IntoIterator<Item = (I, T)>>(things: S) -> Table<I, T> {
        let mut table = Table::default();
        things.into_iter().for_each(|(id, thing)| drop(table.insert(id, thing)));
        table
    }
}

impl<I: Id + fmt::Debug, T: fmt::Debug> fmt::Debug for Table<I, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.iter()).finish()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    use super::*;
    use crate::id::Key;

    proptest! {
        #[test]
        fn it_is_a_map(steps in prop::collection::vec((0..8_u32, any::<Option<u8>>()), 0..60)) {
            let (mut table, mut map) = (Table::default(), BTreeMap::new());
            for (id, thing) in steps {
                let key = Key(id);
                match thing {
                    Some(thing) => prop_assert_eq!(table.insert(key, thing), map.insert(key, thing)),
                    None => prop_assert_eq!(table.remove(key), map.remove(&key)),
                }
                prop_assert_eq!((table.len(), table.is_empty()), (map.len(), map.is_empty()));
                prop_assert_eq!(table.get(key), map.get(&key));
                prop_assert!(table.iter().map(|(key, thing)| (key, *thing)).eq(map.clone()));
            }
            let again: Table<Key, u8> = map.into_iter().collect();
            prop_assert_eq!(&table, &again);
            if let Some((key, _)) = again.iter().next() {
                *table.get_mut(key).unwrap() ^= 1;
                prop_assert_ne!(&table, &again);
            }
        }
    }
}
