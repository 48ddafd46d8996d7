//! Dual writers: for how long two nodes, each as the leader of its own epoch, both acknowledged writes.

use std::collections::BTreeMap;

use crate::id::{GroupId, NodeId};
use crate::time::{Duration, Time};

/// Stints of acknowledging: for each (group, epoch, node), the first and the last acknowledged write.
///
/// A design whose nodes observe no leaders has no stints: every node may write, and that is no split brain.
#[derive(Clone, Debug, Default)]
pub struct Writers {
    stints: BTreeMap<(GroupId, u64, NodeId), (Time, Time)>,
}

impl Writers {
    /// The leader `node` of `epoch` acknowledged a write at `at` (when it decided to, not when the client heard).
    pub fn acknowledged(&mut self, group: GroupId, epoch: u64, node: NodeId, at: Time) {
        let stint = self.stints.entry((group, epoch, node)).or_insert((at, at));
        stint.1 = stint.1.max(at);
    }

    /// The total time in which at least two different nodes of one group were between their first and last
    /// acknowledgement.
    pub fn overlap(&self) -> Duration {
        let mut total = Duration::ZERO;
        let mut groups: BTreeMap<GroupId, Vec<(Time, Time, NodeId)>> = BTreeMap::new();
        for ((group, _, node), (first, last)) in &self.stints {
            groups.entry(*group).or_default().push((*first, *last, *node));
        }
        for stints in groups.values() {
            total += group_overlap(stints);
        }
        total
    }

    /// The last acknowledgement of a leader's stint.
    pub fn last_of(&self, group: GroupId, epoch: u64, node: NodeId) -> Option<Time> {
        self.stints.get(&(group, epoch, node)).map(|(_, last)| *last)
    }
}

/// The time covered by the stints of two or more nodes. Stints are few (one a leadership), so quadratic is well enough.
fn group_overlap(stints: &[(Time, Time, NodeId)]) -> Duration {
    let mut shared: Vec<(Time, Time)> = Vec::new();
    for (place, (first, last, node)) in stints.iter().enumerate() {
        for (other_first, other_last, other) in &stints[place + 1..] {
            let (from, to) = (*first.max(other_first), *last.min(other_last));
            if node != other && from < to {
                shared.push((from, to));
            }
        }
    }
    shared.sort_unstable();
    let mut total = Duration::ZERO;
    let mut covered = Time::ZERO;
    for (from, to) in shared {
        total += to.since(from.max(covered));
        covered = covered.max(to);
    }
    total
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(ms: u64) -> Time {
        Time::ZERO + Duration::millis(ms)
    }

    #[test]
    fn only_what_two_leaders_share_counts() {
        let mut writers = Writers::default();
        let group = GroupId(0);
        for ms in [0, 100, 250] {
            writers.acknowledged(group, 1, NodeId(0), at(ms));
        }
        for ms in [200, 300] {
            writers.acknowledged(group, 2, NodeId(1), at(ms));
        }
        assert_eq!(writers.overlap(), Duration::millis(50));
        writers.acknowledged(group, 3, NodeId(0), at(400));
        assert_eq!(writers.overlap(), Duration::millis(50), "failing back in turn is no overlap");
        writers.acknowledged(GroupId(1), 1, NodeId(2), at(0));
        writers.acknowledged(GroupId(1), 1, NodeId(2), at(900));
        assert_eq!(writers.overlap(), Duration::millis(50), "another group's leader is no rival");
    }
}
