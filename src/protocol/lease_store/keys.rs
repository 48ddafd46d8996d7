//! What the store holds: a few keys, each value a number into which a small structure is packed.
//!
//! The store is a register of numbers with compare-and-set ([`Raft`](super::super::raft::Raft)'s own machine), so that whoever
//! changes a key says what he takes it to be. No value comes back once it was replaced: each has a part that only grows.
//! Next: `store.rs`.

use crate::id::{Key, NodeId, Value};

/// Who is to be the primary.
pub(super) const LEADER: Key = Key(0);

const EPOCH_BITS: u32 = 24;
const RENEWALS_BITS: u32 = 23;
const NODE_BITS: u32 = 16;

/// The leader key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct LeaderKey {
    /// How many times it was taken: the epoch of who has it, or had it last.
    pub epoch: u64,
    /// How many times it was renewed since.
    pub renewals: u64,
    /// Who has it; nobody, where it ran out.
    pub holder: Option<NodeId>,
}

impl LeaderKey {
    /// The key of a group that was set up before the run: its first primary has it.
    pub const fn first(primary: NodeId) -> LeaderKey {
        LeaderKey { epoch: 1, renewals: 0, holder: Some(primary) }
    }

    /// The key by its value in the store, which has none until it is first renewed.
    pub fn read(value: Option<Value>, first_primary: NodeId) -> LeaderKey {
        let Some(Value(bits)) = value else { return LeaderKey::first(first_primary) };
        let take = |from: u32, bits_wide: u32| bits >> from & ((1 << bits_wide) - 1);
        LeaderKey {
            epoch: take(NODE_BITS + 1 + RENEWALS_BITS, EPOCH_BITS),
            renewals: take(NODE_BITS + 1, RENEWALS_BITS),
            holder: (take(NODE_BITS, 1) == 1).then_some(NodeId(take(0, NODE_BITS) as u16)),
        }
    }

    /// Its value in the store.
    pub fn value(self) -> Value {
        let holder = self.holder.map_or(0, |node| 1 << NODE_BITS | u64::from(node.0));
        let renewals = self.renewals % (1 << RENEWALS_BITS);
        Value((self.epoch << RENEWALS_BITS | renewals) << (NODE_BITS + 1) | holder)
    }

    /// What the store has while the key is this; see [`LeaderKey::read`].
    pub fn stored(self, first_primary: NodeId) -> Option<Value> {
        (self != LeaderKey::first(first_primary)).then_some(self.value())
    }

    /// The same, renewed once more.
    pub const fn renewed(self) -> LeaderKey {
        LeaderKey { renewals: (self.renewals + 1) % (1 << RENEWALS_BITS), ..self }
    }

    /// The same, with nobody who has it.
    pub const fn vacated(self) -> LeaderKey {
        LeaderKey { holder: None, ..self }
    }

    /// Taken by `node`, in the next epoch.
    pub const fn taken(self, node: NodeId) -> LeaderKey {
        LeaderKey { epoch: self.epoch + 1, renewals: 0, holder: Some(node) }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_key_is_its_value(epoch in 1..1_u64 << EPOCH_BITS, renewals in 0..1_u64 << RENEWALS_BITS, holder: Option<u16>) {
            let key = LeaderKey { epoch, renewals, holder: holder.map(NodeId) };
            prop_assert_eq!(LeaderKey::read(key.stored(NodeId(7)), NodeId(7)), key);
        }
    }

    #[test]
    fn no_value_comes_back() {
        let first = LeaderKey::first(NodeId(0));
        let life = [
            first,
            first.renewed(),
            first.renewed().vacated(),
            first.vacated().taken(NodeId(2)),
            first.taken(NodeId(0)),
        ];
        let values = life.map(LeaderKey::value);
        assert!(values.iter().enumerate().all(|(place, value)| !values[..place].contains(value)), "{values:?}");
        assert_eq!(first.stored(NodeId(0)), None, "nobody wrote it");
    }
}
