//! Nodes' disks.

use crate::time::Duration;

/// How a disk behaves.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DiskModel {
    /// How long a sync takes. Everything persisted while one is under way goes into the next (group commit). With zero,
    /// a record is safe as soon as it is written.
    pub sync: Duration,
}
