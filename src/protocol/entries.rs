//! Entries of a log on their way: to other nodes, and to the disk.

use std::fmt::Debug;
use std::hash::{Hash, Hasher};
use std::ops::Deref;
use std::sync::Arc;

/// Entries that follow one another. A single one, as nearly every write is sent, needs no memory of its own; several are
/// shared by the copies for all others and the disk.
#[derive(Clone, Debug)]
pub enum Entries<E> {
    /// None.
    None,
    /// A single one.
    One(E),
    /// Any number.
    Many(Arc<[E]>),
}

impl<E: Hash> Hash for Entries<E> {
    /// However they are kept.
    fn hash<H: Hasher>(&self, into: &mut H) {
        (**self).hash(into);
    }
}

impl<E: PartialEq> PartialEq for Entries<E> {
    /// However they are kept.
    fn eq(&self, other: &Entries<E>) -> bool {
        **self == **other
    }
}

impl<E: Eq> Eq for Entries<E> {}

impl<E> Deref for Entries<E> {
    type Target = [E];

    fn deref(&self) -> &[E] {
        match self {
            Entries::None => &[],
            Entries::One(entry) => std::slice::from_ref(entry),
            Entries::Many(entries) => entries,
        }
    }
}

impl<E> From<Vec<E>> for Entries<E> {
    fn from(mut entries: Vec<E>) -> Entries<E> {
        match (entries.len(), entries.pop()) {
            (1, Some(entry)) => Entries::One(entry),
            (_, None) => Entries::None,
            (_, Some(last)) => {
                entries.push(last);
                Entries::Many(entries.into())
            }
        }
    }
}

impl<E: Copy> From<&[E]> for Entries<E> {
    fn from(entries: &[E]) -> Entries<E> {
        match entries {
            [] => Entries::None,
            [entry] => Entries::One(*entry),
            entries => Entries::Many(entries.into()),
        }
    }
}
