//! A copy: an object for each key, and which updates it has seen.
//!
//! Three things come to a copy, and each may come again: an [`Update`], which is one operation; and a [`Fragment`], the state of some
//! keys, which is a whole state if it has all of them and a delta if it has those that changed lately. Next: `rights.rs`.

use super::counter::Counter;
use super::dots::{Dots, Entry};
use super::list;
use super::{Dot, Table, Type, VersionVector};
use crate::id::{ClientId, Key, NodeId, Value};
use crate::protocol::Content;

/// One operation, as its node carried it out.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Update {
    /// Which one.
    pub dot: Dot,
    /// The updates that its node had seen.
    pub past: VersionVector,
    /// Of which object.
    pub key: Key,
    /// What it does.
    pub change: Change,
    /// Whose request it was, and that request's number, if anybody's.
    pub asked: Option<(ClientId, u32)>,
}

/// What an update does.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Change {
    /// Adds to a counter.
    Add(i64),
    /// Gives another node the right to take so much from a counter.
    Give(NodeId, i64),
    /// Puts an entry there in place of those.
    Put(Entry, Vec<Dot>),
    /// Takes entries out.
    Take(Vec<Dot>),
    /// Makes an element of a list a tombstone.
    Bury(Dot),
}

impl Update {
    /// Its size on the wire.
    pub fn bytes(&self) -> usize {
        let change = match &self.change {
            Change::Add(_) => 8,
            Change::Give(..) => 10,
            Change::Put(_, replaced) => 36 + Dot::BYTES * replaced.len(),
            Change::Take(dots) => Dot::BYTES * dots.len(),
            Change::Bury(_) => Dot::BYTES,
        };
        Dot::BYTES + self.past.bytes() + 4 + change
    }
}

/// An object.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Object {
    /// A counter.
    Counter(Counter),
    /// A set, a register or a list.
    Dots(Dots),
}

/// An object, and the last update of each node that touched it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Held {
    /// The object.
    pub object: Object,
    /// Those updates.
    pub touched: VersionVector,
}

/// The state of some keys.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Fragment {
    /// The updates whose effects are not in it, unless later ones touched the same keys.
    pub since: VersionVector,
    /// The updates that its copy has seen.
    pub seen: VersionVector,
    /// The objects, in the order of keys.
    pub objects: Vec<(Key, Held)>,
}

impl Fragment {
    /// Its size on the wire.
    pub fn bytes(&self) -> usize {
        let of = |held: &Held| match &held.object {
            Object::Counter(counter) => counter.bytes(),
            Object::Dots(dots) => dots.bytes(),
        };
        let objects = self.objects.iter().map(|(_, held)| 4 + held.touched.bytes() + of(held));
        self.since.bytes() + self.seen.bytes() + objects.sum::<usize>()
    }
}

/// A write that a concurrent one discarded, by rule: of which key, and which one was kept.
pub(super) type Lost = (Key, Value, Value);

/// One node's copy.
#[derive(Clone, Debug, Hash)]
pub(super) struct Store {
    what: Type,
    objects: Table<Key, Held>,
    seen: VersionVector,
}

impl Store {
    /// An empty copy of objects of this type.
    pub fn new(what: Type) -> Store {
        Store { what, objects: Table::default(), seen: VersionVector::default() }
    }

    /// The updates that it has seen.
    pub fn seen(&self) -> &VersionVector {
        &self.seen
    }

    /// How many objects there are.
    pub fn len(&self) -> usize {
        self.objects.len()
    }

    /// A counter, if somebody added to it.
    pub fn counter(&self, key: Key) -> Option<&Counter> {
        match &self.objects.get(key)?.object {
            Object::Counter(counter) => Some(counter),
            Object::Dots(_) => None,
        }
    }

    /// A set, register or list, if there is anything.
    pub fn dots(&self, key: Key) -> Option<&Dots> {
        match &self.objects.get(key)?.object {
            Object::Dots(dots) => Some(dots),
            Object::Counter(_) => None,
        }
    }

    /// Carries an update out that it has not seen, and whose past it has. Tells what a concurrent write discarded.
    pub fn apply(&mut self, update: &Update) -> Vec<Lost> {
        let (dot, key) = (update.dot, update.key);
        let held = self.held(key);
        held.touched.add(dot);
        match (&mut held.object, &update.change) {
            (Object::Counter(counter), Change::Add(amount)) => counter.add(dot, *amount),
            (Object::Counter(counter), Change::Give(to, amount)) => counter.give(dot, *to, *amount),
            (Object::Dots(dots), Change::Put(entry, replaced)) => {
                replaced.iter().for_each(|replaced| dots.take(*replaced));
                dots.put(dot, *entry);
            }
            (Object::Dots(dots), Change::Take(taken)) => taken.iter().for_each(|taken| dots.take(*taken)),
            (Object::Dots(dots), Change::Bury(element)) => dots.bury(*element, dot),
            (object, change) => unreachable!("all copies are of one type: {change:?} of {object:?}"),
        }
        self.seen.add(dot);
        self.settle(key)
    }

    /// Has what either has. Tells which keys changed, and what concurrent writes discarded.
    ///
    /// It must have seen all that the fragment leaves out: what was taken out since then is told only by not being there.
    pub fn join(&mut self, fragment: &Fragment) -> (Vec<Key>, Vec<Lost>) {
        let (mut changed, mut lost) = (Vec::new(), Vec::new());
        let mine = self.seen.clone();
        for (key, theirs) in &fragment.objects {
            let held = self.held(*key);
            let is_new = match (&mut held.object, &theirs.object) {
                (Object::Counter(counter), Object::Counter(theirs)) => counter.join(theirs),
                (Object::Dots(dots), Object::Dots(theirs)) => dots.join(&mine, theirs, &fragment.seen),
                (object, theirs) => unreachable!("all copies are of one type: {theirs:?} for {object:?}"),
            };
            if is_new || !held.touched.covers(&theirs.touched) {
                held.touched.merge(&theirs.touched);
                changed.push(*key);
                lost.extend(self.settle(*key));
            }
        }
        self.seen.merge(&fragment.seen);
        (changed, lost)
    }

    fn settle(&mut self, key: Key) -> Vec<Lost> {
        match self.objects.get_mut(key).map(|held| &mut held.object) {
            Some(Object::Dots(dots)) if self.what == Type::LwwRegister => {
                dots.settle().into_iter().map(|(lost, kept)| (key, lost, kept)).collect()
            }
            _ => Vec::new(),
        }
    }

    fn held(&mut self, key: Key) -> &mut Held {
        if self.objects.get(key).is_none() {
            let object = match self.what {
                Type::GCounter | Type::PnCounter | Type::BoundedCounter => Object::Counter(Counter::default()),
                Type::LwwRegister | Type::MvRegister | Type::OrSet | Type::Rga => Object::Dots(Dots::default()),
            };
            self.objects.insert(key, Held { object, touched: VersionVector::default() });
        }
        self.objects.get_mut(key).expect("it was put there a line ago")
    }

    /// The state of every key that updates touched which one has not seen who has seen this.
    pub fn since(&self, since: &VersionVector) -> Fragment {
        let objects = self.objects.iter().filter(|(_, held)| !since.covers(&held.touched));
        let objects = objects.map(|(key, held)| (key, held.clone())).collect();
        Fragment { since: since.clone(), seen: self.seen.clone(), objects }
    }

    /// The state of these keys, for one that has seen this.
    pub fn part(&self, keys: &[Key], since: VersionVector) -> Fragment {
        let objects = keys.iter().filter_map(|key| Some((*key, self.objects.get(*key)?.clone()))).collect();
        Fragment { since, seen: self.seen.clone(), objects }
    }

    /// The state of every key.
    pub fn whole(&self) -> Fragment {
        self.since(&VersionVector::default())
    }

    /// Drops the tombstones that are in the way of nobody, when every copy is known to have seen this.
    pub fn collect(&mut self, seen_by_all: &VersionVector) {
        let keys: Vec<Key> = self.objects.iter().map(|(key, _)| key).collect();
        for key in keys {
            if let Some(Held { object: Object::Dots(dots), .. }) = self.objects.get_mut(key) {
                list::collectable(dots, seen_by_all).into_iter().for_each(|dot| dots.take(dot));
            }
        }
    }

    /// What each key shows.
    pub fn contents(&self) -> impl Iterator<Item = (Key, Content)> + '_ {
        self.objects.iter().map(|(key, held)| (key, self.content(&held.object)))
    }

    /// What a key shows, if anybody changed it.
    pub fn content_of(&self, key: Key) -> Option<Content> {
        self.objects.get(key).map(|held| self.content(&held.object))
    }

    fn content(&self, object: &Object) -> Content {
        match object {
            Object::Counter(counter) => Content::Amount(counter.amount()),
            Object::Dots(dots) if self.what == Type::Rga => {
                Content::Values(list::order(dots).into_iter().map(|(_, name)| name).collect())
            }
            Object::Dots(dots) => {
                let mut names: Vec<Value> = dots.iter().map(|(_, entry)| entry.name()).collect();
                names.sort_unstable();
                names.dedup(); // a retry may have been carried out by two nodes
                Content::Values(names)
            }
        }
    }
}
