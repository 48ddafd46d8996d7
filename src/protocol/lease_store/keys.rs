//! What the store holds: a few keys, each value a number into which a small structure is packed.
//!
//! The store is a register of numbers with compare-and-set ([`Raft`](super::super::raft::Raft)'s own machine), so that whoever
//! changes a key says what he takes it to be. No value comes back once it was replaced: each has a part that only grows.
//! Next: `store.rs`.

use crate::id::{Key, NodeId, Value};

/// Who is to be the primary.
pub(super) const LEADER: Key = Key(0);

/// How far the primary's log went when it last renewed its key: the number of entries.
pub(super) const STATUS: Key = Key(1);

/// Who may be promoted, in synchronous mode.
pub(super) const SYNC: Key = Key(2);

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

    /// Taken back by `node`, which had it last and is still the primary: the same epoch.
    pub const fn resumed(self, node: NodeId) -> LeaderKey {
        LeaderKey { holder: Some(node), ..self.renewed() }
    }

    /// Taken by `node`, in the next epoch.
    pub const fn taken(self, node: NodeId) -> LeaderKey {
        LeaderKey { epoch: self.epoch + 1, renewals: 0, holder: Some(node) }
    }
}

/// The sync key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct SyncKey {
    /// How many times it was written.
    revision: u64,
    /// The primary that wrote it.
    pub primary: NodeId,
    /// The backup that its writes wait for.
    pub backup: Option<NodeId>,
}

impl SyncKey {
    const fn first(primary: NodeId) -> SyncKey {
        SyncKey { revision: 0, primary, backup: None }
    }

    /// The key by its value in the store, which has none until it is first written.
    pub fn read(value: Option<Value>, first_primary: NodeId) -> SyncKey {
        let Some(Value(bits)) = value else { return SyncKey::first(first_primary) };
        let backup = (bits >> NODE_BITS & 1 == 1).then_some(NodeId(bits as u16));
        let primary = NodeId((bits >> (NODE_BITS + 1)) as u16);
        SyncKey { revision: bits >> (2 * NODE_BITS + 1), primary, backup }
    }

    /// Its value in the store.
    pub fn value(self) -> Value {
        let backup = self.backup.map_or(0, |node| 1 << NODE_BITS | u64::from(node.0));
        Value((self.revision << NODE_BITS | u64::from(self.primary.0)) << (NODE_BITS + 1) | backup)
    }

    /// What the store has while the key is this; see [`SyncKey::read`].
    pub fn stored(self, first_primary: NodeId) -> Option<Value> {
        (self != SyncKey::first(first_primary)).then_some(self.value())
    }

    /// Whether `node` may be promoted.
    pub fn names(self, node: NodeId) -> bool {
        self.primary == node || self.backup == Some(node)
    }

    /// The same primary, with this backup or none.
    pub const fn with(self, backup: Option<NodeId>) -> SyncKey {
        SyncKey { revision: self.revision + 1, backup, ..self }
    }

    /// Another primary, alone.
    pub const fn led_by(self, primary: NodeId) -> SyncKey {
        SyncKey { revision: self.revision + 1, primary, backup: None }
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
    fn a_sync_key_is_its_value() {
        let first = SyncKey::first(NodeId(3));
        for key in [
            first,
            first.with(Some(NodeId(65_535))),
            first.led_by(NodeId(65_535)),
            first.with(None).with(Some(NodeId(0))),
        ] {
            assert_eq!(SyncKey::read(key.stored(NodeId(3)), NodeId(3)), key);
            assert!(
                key.names(key.primary) && !key.names(NodeId(9)) && key.backup.is_none_or(|backup| key.names(backup))
            );
        }
        assert_ne!(first.value(), first.with(Some(NodeId(1))).with(None).value(), "no value comes back");
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
