//! The order in which the store had the versions of each key, where lineage knows it: [`Versions`].
//!
//! A key's versions are in one order where the links of all its writes that were applied are one chain: one replaced
//! nothing, every other replaced the one before it, none was put in at two places, taken out again or discarded, and
//! what clients were told fits. Wherever that is not so, some copies had the versions in one order and some in another,
//! or what they had is not all known; then no order is claimed.

use std::collections::BTreeMap;

use super::{ABSENT, DISCARDED, FIRST, Lineage, OVER, ROLLED_BACK};
use crate::check::order::VersionOrder;
use crate::history::{History, Operation, Outcome};
use crate::id::{Key, Value};
use crate::op::Reply;

/// The order of the versions of each key, as far as it is known.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Versions {
    /// Of the keys whose versions are in one order.
    pub order: VersionOrder,
    /// The other keys that were written, in order: their versions branch, or are not all known.
    pub branched: Vec<Key>,
}

/// What clients know of the versions of one key.
#[derive(Default)]
struct Told {
    /// What may have been written, whether it was for certain, and whether it was not for certain.
    written: Vec<(u32, bool, bool)>,
    seen: Vec<u32>,
}

impl Lineage {
    /// The order of the versions of every key that this history writes: all rows of the run must be in it.
    /// `O(n log n)`.
    ///
    /// # Panics
    /// Where a value is near `2^32` or greater.
    pub fn versions(&self, history: &History) -> Versions {
        let mut ordered_twice: Vec<u32> = self.replaced_too.iter().map(|(value, _)| *value).collect();
        ordered_twice.sort_unstable();
        let mut versions = Versions::default();
        for (key, told) in told(history) {
            match self.chain(&told, &ordered_twice) {
                Some(chain) => chain.into_iter().for_each(|value| versions.order.push(key, Value(value.into()))),
                None => versions.branched.push(key),
            }
        }
        versions
    }

    /// The applied writes of a key from the oldest to the newest, if they are one chain.
    fn chain(&self, told: &Told, ordered_twice: &[u32]) -> Option<Vec<u32>> {
        let link = |value: u32| self.links.at(value as usize);
        let mut applied = Vec::with_capacity(told.written.len());
        for (value, is_done, is_failed) in &told.written {
            let is_applied = link(*value) != ABSENT;
            if (*is_done && !is_applied) || (*is_failed && is_applied) {
                return None;
            }
            if is_applied {
                applied.push(*value);
            }
        }
        let mut next: Vec<(u32, u32)> = Vec::with_capacity(applied.len());
        let mut newest = None;
        for value in &applied {
            let notes = self.notes.at(*value as usize);
            if notes & (ROLLED_BACK | DISCARDED) != 0 || ordered_twice.binary_search(value).is_ok() {
                return None;
            }
            match link(*value) {
                FIRST if newest.is_none() => newest = Some(*value),
                FIRST => return None,
                over => next.push((over - OVER, *value)),
            }
        }
        next.sort_unstable();
        let mut chain = Vec::with_capacity(applied.len());
        // A write that two others replaced leaves one of them out, and then the chain is too short.
        while let Some(value) = newest.filter(|_| chain.len() < applied.len()) {
            chain.push(value);
            newest = next.binary_search_by_key(&value, |pair| pair.0).ok().map(|at| next[at].1);
        }
        let is_whole = chain.len() == applied.len();
        let are_known = told.seen.iter().all(|value| link(*value) != ABSENT);
        (is_whole && are_known).then_some(chain)
    }
}

/// What this history tells of every key that it writes.
fn told(history: &History) -> BTreeMap<Key, Told> {
    let mut keys: BTreeMap<Key, Told> = BTreeMap::new();
    let small = |value: Value| super::small(value);
    for operation in history.iter() {
        let Operation { op, outcome, reply, .. } = operation;
        if let Some(value) = op.written() {
            let is_failed = outcome == Outcome::Fail || matches!(reply, Some(Reply::Mismatch(_)));
            let is_done = operation.acknowledged_write().is_some();
            keys.entry(op.key()).or_default().written.push((small(value), is_done, is_failed));
        }
        if let Some(Reply::Read(Some(value)) | Reply::Mismatch(Some(value))) = reply {
            keys.entry(op.key()).or_default().seen.push(small(value));
        }
    }
    keys
}

#[cfg(test)]
mod tests {
    use super::*;

    use crate::id::{ClientId, NodeId};
    use crate::op::Op;
    use crate::rng::Stream;
    use crate::time::Time;

    const KEY: Key = Key(3);
    const A: NodeId = NodeId(0);
    const B: NodeId = NodeId(1);

    /// Acknowledged writes of these values, then reads that see these.
    fn history(written: &[u64], seen: &[u64]) -> History {
        let mut history = History::new();
        for (at, value) in (0..).step_by(2).zip(written) {
            let id = history.invoke(ClientId(0), Op::Write(KEY, Value(*value)), Time::from_nanos(at));
            history.complete(id, Reply::Written, A, Time::from_nanos(at + 1));
        }
        for (at, value) in (1_000..).step_by(2).zip(seen) {
            let id = history.invoke(ClientId(1), Op::Read(KEY), Time::from_nanos(at));
            history.complete(id, Reply::Read(Some(Value(*value))), A, Time::from_nanos(at + 1));
        }
        history
    }

    fn ordered(values: &[u64]) -> Versions {
        let mut versions = Versions::default();
        values.iter().for_each(|value| versions.order.push(KEY, Value(*value)));
        versions
    }

    fn branched() -> Versions {
        Versions { branched: vec![KEY], ..Versions::default() }
    }

    #[test]
    fn a_chain_is_an_order_whatever_other_copies_skipped() {
        let mut lineage = Lineage::new(2);
        for value in [5, 2, 9] {
            lineage.applied(A, KEY, Value(value), true);
        }
        lineage.applied(B, KEY, Value(5), false);
        lineage.applied(B, KEY, Value(9), false);
        assert_eq!(lineage.versions(&history(&[2, 5, 9], &[9, 5])), ordered(&[5, 2, 9]));
    }

    #[test]
    fn branches_have_no_order() {
        let mut two_firsts = Lineage::new(2);
        two_firsts.applied(A, KEY, Value(1), true);
        two_firsts.applied(B, KEY, Value(2), true);
        assert_eq!(two_firsts.versions(&history(&[1, 2], &[])), branched());

        let mut fork = Lineage::new(2);
        fork.applied(A, KEY, Value(1), true);
        fork.applied(B, KEY, Value(1), false);
        fork.applied(A, KEY, Value(2), true);
        assert_eq!(fork.versions(&history(&[1, 2], &[])), ordered(&[1, 2]));
        fork.applied(B, KEY, Value(3), true);
        assert_eq!(fork.versions(&history(&[1, 2, 3], &[])), branched());

        let mut twice = Lineage::new(2);
        twice.applied(A, KEY, Value(1), true);
        twice.applied(A, KEY, Value(2), true);
        twice.applied(B, KEY, Value(1), false);
        twice.applied(A, KEY, Value(3), true);
        twice.applied(B, KEY, Value(3), true);
        assert_eq!(twice.versions(&history(&[1, 2, 3], &[])), branched(), "3 came after 2, and after 1 alone");
    }

    #[test]
    fn what_was_taken_out_or_discarded_has_no_place() {
        let chain = || {
            let mut lineage = Lineage::new(1);
            lineage.applied(A, KEY, Value(1), true);
            lineage.applied(A, KEY, Value(2), true);
            lineage
        };
        let history = history(&[1, 2], &[]);
        assert_eq!(chain().versions(&history), ordered(&[1, 2]));
        let mut rolled_back = chain();
        rolled_back.rolled_back(A, KEY, Value(2), Some(Value(1)));
        assert_eq!(rolled_back.versions(&history), branched());
        let mut discarded = chain();
        discarded.conflict(Value(2));
        assert_eq!(discarded.versions(&history), branched());
    }

    #[test]
    fn what_clients_were_told_must_fit() {
        let mut lineage = Lineage::new(1);
        lineage.applied(A, KEY, Value(1), true);
        assert_eq!(lineage.versions(&history(&[1], &[1])), ordered(&[1]));
        assert_eq!(lineage.versions(&history(&[1, 2], &[])), branched(), "2 was acknowledged, and nobody applied it");
        assert_eq!(lineage.versions(&history(&[1], &[7])), branched(), "7 was seen, and nobody applied it");
        let mut failed = History::new();
        let id = failed.invoke(ClientId(0), Op::Write(KEY, Value(1)), Time::from_nanos(0));
        let open = failed.clone();
        failed.fail(id, Time::from_nanos(1));
        assert_eq!(lineage.versions(&failed), branched(), "1 failed, and was applied");
        assert_eq!(lineage.versions(&open), ordered(&[1]), "1 was not answered, and took effect");
    }

    #[test]
    fn one_copy_that_takes_all_writes_is_always_known_and_two_seldom() {
        let (mut known, mut unknown) = (0, 0);
        for seed in 0..500 {
            let mut stream = Stream::new(seed, "versions");
            let mut lineage = Lineage::new(2);
            let nodes = 1 + stream.below(2);
            let mut order: Vec<u64> = (0..2 + stream.below(6)).collect();
            order.sort_by_cached_key(|_| stream.bits());
            for value in &order {
                let node = NodeId(stream.below(nodes) as u16);
                lineage.applied(node, KEY, Value(*value), true);
            }
            let mut sorted = order.clone();
            sorted.sort_unstable();
            let versions = lineage.versions(&history(&sorted, &[]));
            if nodes == 1 {
                assert_eq!(versions, ordered(&order), "seed {seed}");
            } else if versions == branched() {
                unknown += 1;
            } else {
                known += 1;
            }
        }
        assert!(unknown > 100 && known > 5, "{known} {unknown}");
    }
}
