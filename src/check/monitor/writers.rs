//! Dual writers: for how long two nodes, each as the leader of its own epoch, both acknowledged writes.

use std::collections::BTreeMap;

use crate::id::{GroupId, NodeId};
use crate::time::{Duration, Time};

/// Stints of acknowledging: for each (group, epoch, node), the first and the last acknowledged write.
///
/// A design whose nodes observe no leaders has no stints: every node may write, and that is no split brain.
#[derive(Clone, Debug, Default)]
pub struct Writers {
    /// In the order of their first write.
    stints: Vec<Stint>,
    places: BTreeMap<(GroupId, u64, NodeId), usize>,
    /// By group: the stint of the latest write. Nearly always the next one belongs to it too.
    latest: Vec<Option<usize>>,
}

/// From the first to the last write that a leader acknowledged in its epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stint {
    /// Whose leader.
    pub group: GroupId,
    /// Its epoch.
    pub epoch: u64,
    /// The leader.
    pub node: NodeId,
    /// When it acknowledged the first.
    pub first: Time,
    /// When it acknowledged the last.
    pub last: Time,
}

impl Writers {
    /// The leader `node` of `epoch` acknowledged a write at `at` (when it decided to, not when the client heard). `O(1)`
    /// where it acknowledged the group's latest one too; tells whether it did not.
    pub fn acknowledged(&mut self, group: GroupId, epoch: u64, node: NodeId, at: Time) -> bool {
        let latest = self.latest.get(group.index()).copied().flatten();
        let latest = latest.filter(|place| (self.stints[*place].epoch, self.stints[*place].node) == (epoch, node));
        let place = latest.unwrap_or_else(|| self.change(group, epoch, node, at));
        let stint = &mut self.stints[place];
        stint.last = stint.last.max(at);
        latest.is_none()
    }

    /// The place of another stint than the group's latest, which may be new.
    fn change(&mut self, group: GroupId, epoch: u64, node: NodeId, at: Time) -> usize {
        let place = *self.places.entry((group, epoch, node)).or_insert(self.stints.len());
        if place == self.stints.len() {
            self.stints.push(Stint { group, epoch, node, first: at, last: at });
        }
        if group.index() >= self.latest.len() {
            self.latest.resize(group.index() + 1, None);
        }
        self.latest[group.index()] = Some(place);
        place
    }

    /// The total time in which at least two different nodes of one group were between their first and last
    /// acknowledgement.
    pub fn overlap(&self) -> Duration {
        let mut total = Duration::ZERO;
        let mut groups: BTreeMap<GroupId, Vec<(Time, Time, NodeId)>> = BTreeMap::new();
        for Stint { group, node, first, last, .. } in &self.stints {
            groups.entry(*group).or_default().push((*first, *last, *node));
        }
        for stints in groups.values() {
            total += group_overlap(stints);
        }
        total
    }

    /// Every stint, in the order of their first writes.
    pub fn stints(&self) -> &[Stint] {
        &self.stints
    }

    /// The last acknowledgement of a leader's stint.
    pub fn last_of(&self, group: GroupId, epoch: u64, node: NodeId) -> Option<Time> {
        self.places.get(&(group, epoch, node)).map(|place| self.stints[*place].last)
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
        writers.acknowledged(group, 1, NodeId(0), at(260));
        writers.acknowledged(group, 2, NodeId(1), at(290));
        assert_eq!(writers.last_of(group, 1, NodeId(0)), Some(at(260)), "a leader may be heard of late");
        assert_eq!(writers.last_of(group, 2, NodeId(1)), Some(at(300)), "what was decided earlier ends no later");
        assert_eq!(writers.overlap(), Duration::millis(60));
    }
}
