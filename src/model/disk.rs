//! Nodes' disks: how long a sync takes, and when there is one.

use super::latency::Delay;
use crate::time::Duration;

/// How a disk behaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DiskModel {
    /// How long a sync takes; each draws its own. Everything persisted while one is under way goes into the next (group
    /// commit). Where it takes no time, a record is safe as soon as it is written.
    pub sync: Delay,
    /// When there is one.
    pub policy: SyncPolicy,
}

/// When a node has its disk sync what it wrote. A crash is one of the whole machine, with what the disk had not synced.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SyncPolicy {
    /// At once, and what is sent after a record waits for its sync: nothing that anybody was told is lost by a crash.
    #[default]
    Always,
    /// So long after the first write that is not synced, and nobody waits for it: a crash loses what was written since the
    /// last sync began, at most so much and the time of a sync.
    Interval(Duration),
    /// Never: a crash loses everything.
    Never,
}

/// What is other than usual about the disks of one design.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct OwnDisk {
    /// How long a sync takes.
    pub sync: Option<Delay>,
    /// When there is one.
    pub policy: Option<SyncPolicy>,
}

impl DiskModel {
    /// Whether a record is safe as soon as it is written.
    pub fn is_instant(&self) -> bool {
        self.policy == SyncPolicy::Always && !self.takes_time()
    }

    /// Whether a sync takes any time.
    pub fn takes_time(&self) -> bool {
        self.sync.has_dispersion() || !self.sync.median().is_zero()
    }

    /// Whether a node may be sure of what its disk said it has: a crash that honest disks survive loses nothing of it.
    pub fn is_synced_first(&self) -> bool {
        self.policy == SyncPolicy::Always
    }
}

impl Default for DiskModel {
    /// One that takes no time, and is synced always.
    fn default() -> DiskModel {
        DiskModel { sync: Delay::constant(Duration::ZERO), policy: SyncPolicy::Always }
    }
}

impl OwnDisk {
    /// Such a disk, where the usual one is this.
    pub fn over(self, usual: DiskModel) -> DiskModel {
        DiskModel { sync: self.sync.unwrap_or(usual.sync), policy: self.policy.unwrap_or(usual.policy) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_disk_is_instant_where_nothing_is_waited_for_and_nothing_can_be_lost() {
        let disk = DiskModel::default();
        assert!(disk.is_instant() && !disk.takes_time());
        let lazy = OwnDisk { policy: Some(SyncPolicy::Never), ..OwnDisk::default() }.over(disk);
        assert!(!lazy.is_instant() && !lazy.takes_time() && !lazy.is_synced_first());
        for sync in [Delay::constant(Duration::millis(1)), Delay::exponential(Duration::millis(1))] {
            let slow = OwnDisk { sync: Some(sync), ..OwnDisk::default() }.over(disk);
            assert!(slow.takes_time() && !slow.is_instant() && slow.is_synced_first(), "{sync:?}");
        }
    }
}
