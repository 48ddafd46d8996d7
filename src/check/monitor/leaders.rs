//! Election safety: at most one leader in an epoch, ever.

use std::collections::BTreeMap;

use crate::id::{GroupId, NodeId};
use crate::time::Time;

/// Who led in which epoch.
#[derive(Clone, Debug, Default)]
pub struct Leaders {
    by_epoch: BTreeMap<(GroupId, u64), Vec<(NodeId, Time)>>,
    current: BTreeMap<GroupId, (u64, NodeId)>,
    first: Option<Time>,
}

/// A leader's taking office.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Office {
    /// Whose leader.
    pub group: GroupId,
    /// Its epoch.
    pub epoch: u64,
    /// The leader.
    pub node: NodeId,
    /// When it took office for the first time in that epoch.
    pub at: Time,
}

impl Leaders {
    /// A node takes office. Tells who leads the epoch already, where another does.
    pub fn took_office(&mut self, group: GroupId, epoch: u64, node: NodeId, at: Time) -> Option<NodeId> {
        self.first.get_or_insert(at);
        let holders = self.by_epoch.entry((group, epoch)).or_default();
        let rival = holders.iter().map(|(holder, _)| *holder).find(|holder| *holder != node);
        if holders.iter().all(|(holder, _)| *holder != node) {
            holders.push((node, at));
        }
        let current = self.current.entry(group).or_insert((epoch, node));
        if epoch >= current.0 {
            *current = (epoch, node);
        }
        rival
    }

    /// The leader of the highest epoch so far, whether or not it is still up.
    pub fn current(&self, group: GroupId) -> Option<NodeId> {
        self.current.get(&group).map(|(_, node)| *node)
    }

    /// When anybody took office for the first time.
    pub fn first(&self) -> Option<Time> {
        self.first
    }

    /// The most leaders that any one epoch had; zero where nobody ever led.
    pub fn per_epoch_max(&self) -> usize {
        self.by_epoch.values().map(Vec::len).max().unwrap_or(0)
    }

    /// How often leadership began: the number of (epoch, leader) pairs.
    pub fn terms(&self) -> usize {
        self.by_epoch.values().map(Vec::len).sum()
    }

    /// Every leader of every epoch, by group, epoch and instant.
    pub fn offices(&self) -> impl Iterator<Item = Office> + '_ {
        self.by_epoch.iter().flat_map(|((group, epoch), holders)| {
            holders.iter().map(|(node, at)| Office { group: *group, epoch: *epoch, node: *node, at: *at })
        })
    }

    /// The first epoch with two leaders: the epoch, and who took office when.
    pub fn violation(&self) -> Option<(u64, &[(NodeId, Time)])> {
        self.by_epoch.iter().find(|(_, holders)| holders.len() > 1).map(|((_, epoch), holders)| (*epoch, &holders[..]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_leaders_in_one_epoch_are_caught_and_one_twice_is_not() {
        let mut leaders = Leaders::default();
        let group = GroupId(0);
        leaders.took_office(group, 1, NodeId(0), Time::ZERO);
        leaders.took_office(group, 1, NodeId(0), Time::ZERO);
        leaders.took_office(group, 2, NodeId(1), Time::ZERO);
        assert_eq!((leaders.per_epoch_max(), leaders.violation()), (1, None));
        assert_eq!(leaders.current(group), Some(NodeId(1)));
        leaders.took_office(group, 1, NodeId(2), Time::ZERO);
        assert_eq!(leaders.per_epoch_max(), 2);
        assert_eq!(leaders.violation().unwrap().0, 1);
        assert_eq!(leaders.current(group), Some(NodeId(1)), "an older epoch does not come back");
    }
}
