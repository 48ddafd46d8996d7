//! What breaks, and when.

use crate::id::{RegionId, Role};
use crate::time::{Duration, Time};
use crate::trace::FaultKind;

/// One planned fault.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// When it begins.
    pub at: Time,
    /// How long it lasts; `None` until a heal, or the end of the run.
    pub lasts: Option<Duration>,
    /// What it does.
    pub action: Action,
    /// Whether the run is still good where this fault hit nothing.
    pub may_touch_nothing: bool,
}

/// What a fault does. What each touches is what the ledger counts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// Nodes stop, and lose all but their synced records; at the end of the fault they start again. Touches: each node
    /// that was up, and each message that reached it while down.
    Crash(Vec<Target>),
    /// Nodes stop between two events and go on at the end of the fault; messages and timers wait for them. Touches: each
    /// event that had to wait.
    Pause(Vec<Target>),
    /// Every message between these regions and all others is lost, both ways; inside a region nothing changes. Touches:
    /// each message lost.
    Isolate(Vec<Target>),
    /// Every message on these links is lost, in this direction only. Touches: each message lost.
    Cut {
        /// The links, as (from, to).
        links: Vec<(Target, Target)>,
        /// What this is in the ledger: a partition lists both directions.
        one_way: bool,
    },
    /// Each message on these links is lost with probability `parts / whole`. Touches: each message lost.
    Loss {
        /// The links, as (from, to); none means every link between two places.
        links: Vec<(Target, Target)>,
        /// How many in `whole` are lost.
        parts: u32,
        /// Of how many.
        whole: u32,
    },
    /// Every fault under way ends now: links work, paused nodes go on, crashed nodes start again. Touches: each fault
    /// that it ended.
    Heal,
}

impl Action {
    /// Its kind, for the ledger.
    pub fn kind(&self) -> FaultKind {
        match self {
            Action::Crash(_) => FaultKind::Crash,
            Action::Pause(_) => FaultKind::Pause,
            Action::Isolate(_) => FaultKind::Isolate,
            Action::Cut { one_way: false, .. } => FaultKind::Partition,
            Action::Cut { one_way: true, .. } => FaultKind::OneWayPartition,
            Action::Loss { .. } => FaultKind::Loss,
            Action::Heal => FaultKind::Heal,
        }
    }
}

/// What a fault is aimed at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target {
    /// All nodes of a region; for links, its clients too.
    Region(RegionId),
    /// The nodes of one role in a region.
    Role(RegionId, Role),
    /// The node that leads when the fault begins (the highest epoch's). For links and isolation: its region.
    Leader,
}
