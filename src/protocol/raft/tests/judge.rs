//! What must hold in every schedule: one leader a term, one committed log, and answers that this log explains.

use std::collections::BTreeMap;

use crate::id::{ClientId, Key, NodeId, Value};
use crate::op::{Op, Reply};
use crate::trace::Observation;

use super::super::{Command, Entry, Raft};

/// Sees every node after every handler, and every answer.
#[derive(Default)]
pub(super) struct Judge {
    /// Who took office in each term.
    pub(super) leaders: BTreeMap<u64, NodeId>,
    committed: Vec<Entry>,
    /// The value of each key after each write that took effect.
    versions: BTreeMap<Key, Vec<Value>>,
    /// What each operation did: its answer, and the version of its key after it.
    effects: BTreeMap<(ClientId, u32), (Reply, usize)>,
    latest: BTreeMap<ClientId, u32>,
    /// The version of each key that some client knows of.
    known: BTreeMap<Key, usize>,
}

impl Judge {
    pub(super) fn observe(&mut self, node: NodeId, observation: Observation) {
        if let Observation::Leader { epoch } = observation {
            let first = *self.leaders.entry(epoch).or_insert(node);
            assert_eq!(first, node, "two leaders in term {epoch}");
        }
    }

    /// Compares what a node has committed since `checked` with what was committed before. Tells how far it went.
    pub(super) fn look(&mut self, node: NodeId, raft: &Raft, checked: u64) -> u64 {
        for index in checked + 1..=raft.commit {
            let place = index as usize - 1;
            match (raft.log.get(index), self.committed.get(place)) {
                (Some(entry), None) => {
                    assert_eq!(place, self.committed.len(), "{node} committed out of order");
                    self.commit(*entry);
                }
                (Some(entry), Some(known)) => assert_eq!(entry, known, "{node} differs at committed index {index}"),
                (None, known) => assert!(known.is_some(), "{node} compacted {index} before it was committed"),
            }
        }
        assert_eq!(raft.applied, raft.commit, "{node} applies at once");
        raft.commit
    }

    /// A second state machine, simple-minded and independent of the one under test.
    fn commit(&mut self, entry: Entry) {
        self.committed.push(entry);
        let Command::Client { client, sequence, op } = entry.command else { return };
        if self.latest.get(&client).is_some_and(|latest| *latest >= sequence) {
            return;
        }
        self.latest.insert(client, sequence);
        let versions = self.versions.entry(op.key()).or_default();
        let reply = match op {
            Op::CompareAndSet { expected, .. } if versions.last().copied() != expected => {
                Reply::Mismatch(versions.last().copied())
            }
            _ => Reply::Written,
        };
        if reply == Reply::Written {
            versions.extend(op.written());
        }
        self.effects.insert((client, sequence), (reply, versions.len()));
    }

    /// How much of `key` some client knows when an operation begins: no less may that operation see.
    pub(super) fn known(&self, key: Key) -> usize {
        self.known.get(&key).copied().unwrap_or(0)
    }

    /// An answer must be what the committed log gives, and no older than what was known when its operation began.
    pub(super) fn answer(&mut self, client: ClientId, sequence: u32, op: Op, floor: usize, reply: Reply) {
        let versions = self.versions.entry(op.key()).or_default();
        let version = match (op, reply) {
            (Op::Read(_), Reply::Read(None)) => 0,
            (Op::Read(_), Reply::Read(Some(value))) => {
                1 + versions.iter().position(|v| *v == value).expect("a value that was read is committed")
            }
            _ => {
                let (expected, version) = self.effects.get(&(client, sequence)).expect("acknowledged, so committed");
                assert_eq!(*expected, reply, "{client} {sequence} {op:?}");
                if reply == Reply::Written {
                    assert!(*version > floor, "{client} {sequence} took effect before it was asked");
                }
                *version
            }
        };
        assert!(
            version >= floor,
            "{client} {sequence} {op:?} saw version {version} when {floor} was known: {versions:?}"
        );
        let known = self.known.entry(op.key()).or_default();
        *known = version.max(*known);
    }

    /// The copy that every node must hold in the end.
    pub(super) fn copy(&self) -> BTreeMap<Key, Value> {
        self.versions.iter().filter_map(|(key, versions)| Some((*key, *versions.last()?))).collect()
    }

    /// How many entries were committed.
    pub(super) fn committed(&self) -> usize {
        self.committed.len()
    }
}
