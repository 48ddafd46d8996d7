//! Convergence: whether replicas that were told the same end up the same. Plain data, from any store.
//!
//! **Eventual** (Vogels, *Eventually Consistent*, CACM 2009): when writes have stopped, faults are healed and time has
//! passed, all replicas hold the same copy. **Strong eventual** (Shapiro, Preguiça, Baquero & Zawirski, *Conflict-free
//! Replicated Data Types*, SSS 2011): that, and at any time replicas that have applied the same set of updates hold the
//! same copy, in whatever order they applied them. Next: `level/mod.rs`.

use std::collections::BTreeMap;

use super::{Counterexample, Verdict};
use crate::history::{History, Outcome};
use crate::id::{Key, NodeId, Value};
use crate::time::Time;

/// What a replica holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Replica {
    /// Whose copy it is.
    pub node: NodeId,
    /// Every key that has a value, and the value.
    pub copy: BTreeMap<Key, Value>,
}

/// What a replica held at some time, and because of which updates.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Snapshot {
    /// When.
    pub at: Time,
    /// The updates that it had applied, in any order; one that was applied twice counts once.
    pub applied: Vec<u64>,
    /// What it held.
    pub replica: Replica,
}

/// A key on which two replicas differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Difference {
    /// The key.
    pub key: Key,
    /// Two nodes, and what each holds.
    pub held: [(NodeId, Option<Value>); 2],
}

/// The first key on which two copies differ. `O(keys)`.
pub fn difference(one: &Replica, other: &Replica) -> Option<Difference> {
    let keys = one.copy.keys().chain(other.copy.keys());
    let differs = |key: &&Key| one.copy.get(key) != other.copy.get(key);
    let key = *keys.filter(differs).min()?;
    let held = |replica: &Replica| (replica.node, replica.copy.get(&key).copied());
    Some(Difference { key, held: [held(one), held(other)] })
}

/// Whether all replicas hold the same copy. A failure names the first key on which one differs from the first replica,
/// and the operations of the history that wrote what they hold. `O(replicas · keys)`.
pub fn eventual(replicas: &[Replica], history: &History) -> Verdict {
    let Some((first, others)) = replicas.split_first() else { return Verdict::Pass };
    match others.iter().find_map(|other| difference(first, other)) {
        Some(found) => Verdict::Fail(tell(&found, history, "at the end")),
        None => Verdict::Pass,
    }
}

/// Whether any two snapshots with the same updates are the same. `O(n log n)` comparisons of sets.
pub fn strong(snapshots: &[Snapshot], history: &History) -> Verdict {
    let set = |snapshot: &Snapshot| {
        let mut applied = snapshot.applied.clone();
        applied.sort_unstable();
        applied.dedup();
        applied
    };
    let mut sets: Vec<(Vec<u64>, usize)> = snapshots.iter().enumerate().map(|(at, one)| (set(one), at)).collect();
    sets.sort_unstable();
    let mut found: Option<(usize, Difference)> = None;
    for same in sets.chunk_by(|one, other| one.0 == other.0) {
        let first = &snapshots[same[0].1];
        let differs = |at: usize| Some((at, difference(&first.replica, &snapshots[at].replica)?));
        let here = same[1..].iter().find_map(|(_, at)| differs(*at));
        if here.is_some_and(|(at, _)| found.is_none_or(|(best, _)| at < best)) {
            found = here;
        }
    }
    match found {
        Some((at, difference)) => {
            let when = format!("at {}, with the same updates applied", snapshots[at].at);
            Verdict::Fail(tell(&difference, history, &when))
        }
        None => Verdict::Pass,
    }
}

/// Whether both hold: strong eventual consistency.
pub fn strong_eventual(snapshots: &[Snapshot], last: &[Replica], history: &History) -> Verdict {
    match strong(snapshots, history) {
        Verdict::Pass => eventual(last, history),
        verdict => verdict,
    }
}

fn tell(difference: &Difference, history: &History, when: &str) -> Counterexample {
    let shown = |value: Option<Value>| value.map_or("nothing".to_string(), |value| value.to_string());
    let [(one, held), (other, held_there)] = difference.held;
    let (here, there) = (shown(held), shown(held_there));
    let why = format!("{when}, {} holds {here} in {one} and {there} in {other}", difference.key);
    let wrote = |operation: &crate::history::Operation| {
        let value = operation.op.written().filter(|_| operation.outcome != Outcome::Fail);
        operation.op.key() == difference.key && value.is_some() && [held, held_there].contains(&value)
    };
    Counterexample { why, operations: history.iter().filter(wrote).map(|operation| operation.id).collect() }
}

/// Watches strong convergence on line: `O(log n)` an update, by hashes of sets.
///
/// The set of a replica's updates is kept as the exclusive or of a 128-bit hash of each, so the order does not matter.
/// Different sets with one hash are not to be expected before some 2^64 of them, and could only raise a false alarm,
/// which [`strong`] settles.
#[derive(Clone, Debug, Default)]
pub struct Strong {
    sets: BTreeMap<NodeId, u128>,
    /// For each set that was met the state, and who had it first.
    states: BTreeMap<u128, (u128, NodeId)>,
}

impl Strong {
    /// Before any update.
    pub fn new() -> Strong {
        Strong::default()
    }

    /// A node has applied an update, which it had not applied before, and its state now has this digest. Returns the node
    /// that had the same updates and another state, if any did.
    pub fn applied(&mut self, node: NodeId, update: u64, state: u128) -> Option<NodeId> {
        let set = self.sets.entry(node).or_default();
        *set ^= u128::from(mix(update)) << 64 | u128::from(mix(update ^ 0x9e37_79b9_7f4a_7c15));
        let (known, by) = *self.states.entry(*set).or_insert((state, node));
        (known != state).then_some(by)
    }

    /// A node begins again with nothing.
    pub fn reset(&mut self, node: NodeId) {
        self.sets.remove(&node);
    }
}

/// A finaliser of 64 bits (Stafford, *Better Bit Mixing*, variant 13).
fn mix(value: u64) -> u64 {
    let mut bits = value.wrapping_add(0x9e37_79b9_7f4a_7c15);
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    bits ^ (bits >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::ClientId;
    use crate::op::Op;

    fn replica(node: u16, copy: &[(u32, u64)]) -> Replica {
        Replica { node: NodeId(node), copy: copy.iter().map(|(key, value)| (Key(*key), Value(*value))).collect() }
    }

    fn snapshot(at: u64, applied: &[u64], replica: Replica) -> Snapshot {
        Snapshot { at: Time::from_nanos(at), applied: applied.to_vec(), replica }
    }

    #[test]
    fn the_first_key_that_differs_is_named_with_its_writers() {
        let mut history = History::new();
        let ids = [(0, 1), (0, 2), (1, 3)]
            .map(|(key, value)| history.invoke(ClientId(0), Op::Write(Key(key), Value(value)), Time::ZERO));
        let same = [replica(0, &[(0, 1), (1, 3)]), replica(1, &[(0, 1), (1, 3)])];
        assert!(eventual(&same, &history).is_pass() && eventual(&[], &history).is_pass());
        let Verdict::Fail(found) = eventual(&[replica(0, &[(0, 1)]), replica(1, &[(0, 2), (1, 3)])], &history) else {
            panic!("they differ");
        };
        assert_eq!(found.operations, ids[..2]);
        assert_eq!(found.why, "at the end, k0 holds v1 in n0 and v2 in n1");
        let Verdict::Fail(found) = eventual(&[replica(0, &[]), replica(1, &[(1, 3)])], &history) else {
            panic!("they differ");
        };
        assert_eq!(found.operations, [ids[2]]);
    }

    #[test]
    fn the_same_updates_make_the_same_copy() {
        let history = History::new();
        let (one, two) = (replica(0, &[(0, 1)]), replica(1, &[(0, 2)]));
        let apart = [snapshot(1, &[1], one.clone()), snapshot(2, &[2], two.clone())];
        assert!(strong(&apart, &history).is_pass());
        let met = [snapshot(1, &[1, 2], one.clone()), snapshot(2, &[2, 1, 1], two.clone())];
        assert!(strong(&met, &history).is_fail());
        assert!(strong_eventual(&apart, &[one.clone(), two], &history).is_fail());
        assert!(strong_eventual(&apart, &[one], &history).is_pass());
    }

    #[test]
    fn on_line_the_order_of_updates_does_not_matter() {
        let (mut strong, a, b) = (Strong::new(), NodeId(0), NodeId(1));
        assert_eq!(strong.applied(a, 1, 10), None);
        assert_eq!(strong.applied(a, 2, 12), None);
        assert_eq!(strong.applied(b, 2, 11), None);
        assert_eq!(strong.applied(b, 1, 13), Some(a), "it should hold what {a} holds");
        strong.reset(b);
        assert_eq!(strong.applied(b, 1, 10), None);
        assert_eq!(strong.applied(b, 2, 12), None);
    }
}
