//! What a node knows of each key: its version, who owns it, and what two nodes compare it by.
//!
//! Next: `owning.rs`, what an owner does.

use std::sync::Arc;

use super::{Buckets, Digests, Table};
use crate::id::{ClientId, Key, NodeId, RequestId, Value};

/// The place of a version in the order of its key: an owner's writes are numbered on, and each owner has an epoch of its own.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Place {
    /// How often the key has moved.
    pub epoch: u64,
    /// How often it was written.
    pub number: u64,
}

/// A version of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Version {
    /// Its place.
    pub place: Place,
    /// The owner of this epoch.
    pub owner: NodeId,
    /// The value.
    pub value: Value,
}

/// Of the clients who wrote a key, the last request of each that was carried out.
pub type Asked = Arc<[(ClientId, u32)]>;

/// What a node knows of a key, and has on disk.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Entry {
    /// The key.
    pub key: Key,
    /// The latest version that it knows of.
    pub version: Version,
    /// At the owner the requests that were carried out; elsewhere nothing.
    pub asked: Asked,
    /// To whom this node, the owner, has given the key; forgotten once that one is known to have it.
    pub gives: Option<NodeId>,
}

/// These requests, with this one as the last of its client.
pub(super) fn with(asked: &Asked, id: RequestId) -> Asked {
    let mut all = asked.to_vec();
    match all.binary_search_by_key(&id.client, |(client, _)| *client) {
        Ok(place) => all[place].1 = id.sequence,
        Err(place) => all.insert(place, (id.client, id.sequence)),
    }
    all.into()
}

/// The last request of this client among these; 0 where there is none.
pub(super) fn last(asked: &Asked, client: ClientId) -> u32 {
    asked.binary_search_by_key(&client, |(client, _)| *client).map_or(0, |place| asked[place].1)
}

/// Every key that was ever written, as far as a node knows.
#[derive(Clone, Debug, Default, Hash)]
pub(super) struct Entries {
    entries: Table<Key, Entry>,
    digests: Digests,
}

impl Entries {
    /// What is known of a key; `None` where it was never written.
    pub fn get(&self, key: Key) -> Option<&Entry> {
        self.entries.get(key)
    }

    /// The place of the latest version known of a key.
    pub fn place(&self, key: Key) -> Place {
        self.get(key).map_or(Place::default(), |entry| entry.version.place)
    }

    /// Puts down what is known of a key from now on.
    pub fn put(&mut self, entry: Entry) {
        let (key, place) = (entry.key, entry.version.place);
        let before = self.entries.insert(key, entry).map(|before| words(before.version.place));
        self.digests.replace(key, before, words(place));
    }

    /// How many keys are known.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Everything, in the order of keys.
    pub fn iter(&self) -> impl Iterator<Item = &Entry> {
        self.entries.iter().map(|(_, entry)| entry)
    }

    /// What is in these buckets, in the order of keys.
    pub fn within(&self, buckets: Buckets) -> impl Iterator<Item = &Entry> {
        self.iter().filter(move |entry| buckets.contains(entry.key))
    }

    /// The digests of the places that are known.
    pub fn digests(&self) -> Digests {
        self.digests
    }
}

/// What tells a version from every other of its key: its place.
fn words(place: Place) -> [u64; 2] {
    [place.epoch, place.number]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_request_of_each_client_is_remembered() {
        let id = |client, sequence| RequestId { client: ClientId(client), sequence, entry: NodeId(0) };
        let mut asked = Asked::default();
        for (client, sequence) in [(5, 1), (2, 7), (9, 3), (2, 8), (5, 4)] {
            asked = with(&asked, id(client, sequence));
        }
        assert_eq!(*asked, [(ClientId(2), 8), (ClientId(5), 4), (ClientId(9), 3)]);
        assert_eq!([2, 3, 9].map(|client| last(&asked, ClientId(client))), [8, 0, 3]);
    }

    #[test]
    fn digests_are_those_of_what_is_known() {
        let entry = |key, epoch, number| Entry {
            key: Key(key),
            version: Version { place: Place { epoch, number }, owner: NodeId(0), value: Value(number) },
            asked: Asked::default(),
            gives: None,
        };
        let (mut one, mut other) = (Entries::default(), Entries::default());
        for (key, number) in [(1, 1), (2, 1), (65, 1), (1, 2)] {
            one.put(entry(key, 0, number));
        }
        [(65, 1), (1, 2), (2, 1)].into_iter().for_each(|(key, number)| other.put(entry(key, 0, number)));
        assert_eq!(one.digests(), other.digests());
        other.put(entry(65, 1, 1));
        let differ = one.digests().differing(&other.digests());
        assert!(one.within(differ).map(|entry| entry.key).eq([Key(1), Key(65)]));
        assert_eq!((one.len(), one.place(Key(65)) < other.place(Key(65))), (3, true));
    }
}
