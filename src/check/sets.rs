//! Sets as they happen: which items a read may show, and which a copy must hold when all is quiet. From what clients are told
//! alone.
//!
//! **At any time** a copy shows only items that somebody asked to insert. **At the end** an item is there if its last
//! acknowledged insertion began after every removal of it had ended: no removal can have seen that insertion, whatever each
//! node knew. Where a removal was concurrent, clients alone cannot tell; what a removal had seen is told by the store, and judged
//! by its lineage. Next: `numbers.rs`.

use std::collections::BTreeMap;

use crate::id::{Key, Value};
use crate::op::{Item, Items, Op, Reply};
use crate::time::Time;

/// Every set of a run.
#[derive(Clone, Debug, Default)]
pub struct Sets {
    items: BTreeMap<(Key, Item), Known>,
    /// The item of each insertion, by its name.
    names: BTreeMap<Value, Item>,
}

/// What is known of an item of a set.
#[derive(Clone, Copy, Debug, Default)]
struct Known {
    /// When the last acknowledged insertion began, and its name.
    inserted: Option<(Time, Value)>,
    /// How many insertions were asked for.
    asked: u32,
    /// When the last removal ended, and how many have not.
    removed: Time,
    removing: u32,
}

impl Sets {
    /// Forgets everything.
    pub fn clear(&mut self) {
        self.items.clear();
        self.names.clear();
    }

    /// A client asks for `op`. Whatever is of no set is passed over, here as below.
    pub fn invoked(&mut self, op: Op) {
        match op {
            Op::Insert { key, item, name } => {
                self.items.entry((key, item)).or_default().asked += 1;
                self.names.insert(name, item);
            }
            Op::Remove { key, item, .. } => self.items.entry((key, item)).or_default().removing += 1,
            _ => {}
        }
    }

    /// An operation, `invoked` then, took effect.
    pub fn completed(&mut self, op: Op, invoked: Time, reply: Reply, at: Time) {
        match (op, reply) {
            (Op::Insert { key, item, name }, Reply::Written) => {
                let known = self.items.entry((key, item)).or_default();
                known.inserted = known.inserted.max(Some((invoked, name)));
            }
            (Op::Remove { .. }, _) => self.removal_ended(op, at),
            _ => {}
        }
    }

    /// An operation did not and will not take effect.
    pub fn failed(&mut self, op: Op) {
        self.removal_ended(op, Time::ZERO);
    }

    fn removal_ended(&mut self, op: Op, at: Time) {
        if let Op::Remove { key, item, .. } = op {
            let known = self.items.entry((key, item)).or_default();
            known.removing -= 1;
            known.removed = known.removed.max(at);
        }
    }

    /// The first item in an answer that nobody has asked to insert.
    pub fn out_of_thin_air(&self, key: Key, seen: Items) -> Option<Item> {
        seen.iter().find(|item| self.items.get(&(key, *item)).is_none_or(|known| known.asked == 0))
    }

    /// The insertions that are gone from a copy which has these, by their names, of each key.
    pub fn vanished<'a>(&self, copy: impl Iterator<Item = (Key, &'a [Value])>) -> Vec<Value> {
        let mut held: BTreeMap<Key, Items> = BTreeMap::new();
        for (key, names) in copy {
            held.insert(key, names.iter().filter_map(|name| self.names.get(name).copied()).collect());
        }
        let must_be = |known: &Known| known.removing == 0 && known.inserted.is_some_and(|(at, _)| at > known.removed);
        let is_gone = |(key, item): &(Key, Item)| !held.get(key).is_some_and(|items| items.contains(*item));
        let gone = self.items.iter().filter(|(place, known)| must_be(known) && is_gone(place));
        gone.filter_map(|(_, known)| Some(known.inserted?.1)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: Key = Key(1);

    fn at(ms: u64) -> Time {
        Time::from_nanos(ms)
    }

    fn insert(item: u8, name: u64) -> Op {
        Op::Insert { key: KEY, item: Item(item), name: Value(name) }
    }

    fn remove(item: u8) -> Op {
        Op::Remove { key: KEY, item: Item(item), name: Value(99) }
    }

    fn gone(sets: &Sets, names: &[u64]) -> Vec<u64> {
        let names: Vec<Value> = names.iter().map(|name| Value(*name)).collect();
        sets.vanished([(KEY, &names[..])].into_iter()).into_iter().map(|name| name.0).collect()
    }

    #[test]
    fn what_no_removal_can_have_seen_must_be_there() {
        let mut sets = Sets::default();
        for op in [insert(1, 1), insert(2, 2), insert(3, 3), remove(2), remove(3)] {
            sets.invoked(op);
        }
        sets.completed(remove(3), at(0), Reply::Written, at(5));
        sets.completed(insert(1, 1), at(1), Reply::Written, at(2));
        sets.completed(insert(2, 2), at(1), Reply::Written, at(2));
        sets.completed(insert(3, 3), at(1), Reply::Written, at(2));
        assert!(gone(&sets, &[1, 2, 3]).is_empty());
        assert_eq!(gone(&sets, &[]), [1], "a removal of 2 is open, and one of 3 was concurrent");
        sets.failed(remove(2));
        sets.invoked(insert(3, 4));
        sets.completed(insert(3, 4), at(6), Reply::Written, at(7));
        assert_eq!(gone(&sets, &[1]), [2, 4]);
        assert!(gone(&sets, &[1, 2, 3]).is_empty(), "whichever insertion it is, the item is there");
    }

    #[test]
    fn what_nobody_inserted_is_out_of_thin_air() {
        let mut sets = Sets::default();
        sets.invoked(insert(1, 1));
        sets.invoked(remove(2));
        assert_eq!(sets.out_of_thin_air(KEY, Items::from_bits(0b10)), None);
        assert_eq!(sets.out_of_thin_air(KEY, Items::from_bits(0b110)), Some(Item(2)));
        assert_eq!(sets.out_of_thin_air(Key(0), Items::from_bits(0b10)), Some(Item(1)));
    }
}
