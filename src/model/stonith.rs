//! Fencing by power: cluster managers that shoot the machine of a peer they miss (STONITH: shoot the other node in the head).
//! Next: `workload.rs`.

use crate::id::RegionId;
use crate::time::Duration;

/// Managers beside every replica. Each tells its peers that it is there; one that misses a peer for `detect` has that machine's
/// power switched off, and asks again every `heartbeat` until that is done: a peer that is back by then is shot all the same, for
/// what it did meanwhile is not known.
///
/// Where a group has three replicas or more, a manager shoots only while it hears more than half of them, itself among them. Two
/// have no such majority: without an arbiter each shoots the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stonith {
    /// How often a manager says that it is there, and asks again for what is not done.
    pub heartbeat: Duration,
    /// How long a manager misses a peer before it has it shot.
    pub detect: Duration,
    /// From the arrival of a shot at a machine to the end of its power. A shot that is on its way by then still hits.
    pub takes: Duration,
    /// The region of somebody who lets one of each two peers shoot, the first to ask; beside its clients. `None`: nobody.
    pub arbiter: Option<RegionId>,
    /// How long after that a person switches the machine on again; `None`: not before the end of the clients' time.
    pub power_on: Option<Duration>,
}
