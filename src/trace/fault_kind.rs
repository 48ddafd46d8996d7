//! The kinds of fault, and sets of them.

/// What can be done to a world. The ledger of a run counts each.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum FaultKind {
    /// A node stops and loses all but its disk's synced records.
    Crash,
    /// A node stops and loses nothing; its clock runs on.
    Pause,
    /// A node stops amid a sync, of which its disk has a part.
    TornCrash,
    /// Nodes stop and start again, one after the other, and their disks lose nothing.
    RollingRestart,
    /// A node stops and loses its disk.
    Wipe,
    /// A disk says that it has synced what the next crash takes.
    LyingDisk,
    /// Every sync of a disk takes longer.
    SlowDisk,
    /// A region is cut off from every other, both ways.
    Isolate,
    /// The nodes of a region are cut off from those of others, and clients from none.
    GatewayDown,
    /// Links between two sides are cut, both ways.
    Partition,
    /// Links from one side to another are cut, one way.
    OneWayPartition,
    /// The two halves of a list of regions are cut from each other, and one region hears both.
    Bridge,
    /// Each region of a list hears its two neighbours in it and no other.
    Ring,
    /// More than half of a list of regions are cut from the rest of it.
    MajorityMinority,
    /// Links are cut and whole in turn.
    Flap,
    /// Messages are lost at random.
    Loss,
    /// Messages arrive damaged, are found to be, and are dropped.
    Corrupt,
    /// Messages arrive twice.
    Duplicate,
    /// Some messages take longer than others sent after them.
    Reorder,
    /// Every message takes longer.
    Delay,
    /// Only so much leaves over a line in a second.
    Throttle,
    /// Everything that a node does takes longer.
    Slow,
    /// A node answers nodes and no client.
    Gray,
    /// A clock is set, once.
    ClockStep,
    /// A clock runs fast or slow.
    ClockDrift,
    /// A clock is wrong and right in turn.
    ClockStrobe,
    /// A clock takes a leap second before others do.
    ClockLeap,
    /// Clients ask more.
    Load,
    /// Clients ask nothing new.
    Quiesce,
    /// Everything above ends.
    Heal,
}

impl FaultKind {
    /// Those of clocks.
    pub const OF_CLOCKS: [FaultKind; 4] =
        [FaultKind::ClockStep, FaultKind::ClockDrift, FaultKind::ClockStrobe, FaultKind::ClockLeap];

    /// Every kind, in the order of reports.
    pub const ALL: [FaultKind; 30] = [
        FaultKind::Crash,
        FaultKind::Pause,
        FaultKind::TornCrash,
        FaultKind::RollingRestart,
        FaultKind::Wipe,
        FaultKind::LyingDisk,
        FaultKind::SlowDisk,
        FaultKind::Isolate,
        FaultKind::GatewayDown,
        FaultKind::Partition,
        FaultKind::OneWayPartition,
        FaultKind::Bridge,
        FaultKind::Ring,
        FaultKind::MajorityMinority,
        FaultKind::Flap,
        FaultKind::Loss,
        FaultKind::Corrupt,
        FaultKind::Duplicate,
        FaultKind::Reorder,
        FaultKind::Delay,
        FaultKind::Throttle,
        FaultKind::Slow,
        FaultKind::Gray,
        FaultKind::ClockStep,
        FaultKind::ClockDrift,
        FaultKind::ClockStrobe,
        FaultKind::ClockLeap,
        FaultKind::Load,
        FaultKind::Quiesce,
        FaultKind::Heal,
    ];

    /// The name in scenario files, reports and JSON.
    pub const fn name(self) -> &'static str {
        match self {
            FaultKind::Crash => "crash",
            FaultKind::Pause => "pause",
            FaultKind::TornCrash => "torn-crash",
            FaultKind::RollingRestart => "rolling-restart",
            FaultKind::Wipe => "wipe",
            FaultKind::LyingDisk => "lying-disk",
            FaultKind::SlowDisk => "slow-disk",
            FaultKind::Isolate => "isolate",
            FaultKind::GatewayDown => "gateway-down",
            FaultKind::Partition => "partition",
            FaultKind::OneWayPartition => "one-way-partition",
            FaultKind::Bridge => "bridge",
            FaultKind::Ring => "ring",
            FaultKind::MajorityMinority => "majority-minority",
            FaultKind::Flap => "flap",
            FaultKind::Loss => "loss",
            FaultKind::Corrupt => "corrupt",
            FaultKind::Duplicate => "duplicate",
            FaultKind::Reorder => "reorder",
            FaultKind::Delay => "delay",
            FaultKind::Throttle => "throttle",
            FaultKind::Slow => "slow",
            FaultKind::Gray => "gray",
            FaultKind::ClockStep => "clock-step",
            FaultKind::ClockDrift => "clock-drift",
            FaultKind::ClockStrobe => "clock-strobe",
            FaultKind::ClockLeap => "clock-leap",
            FaultKind::Load => "load",
            FaultKind::Quiesce => "quiesce",
            FaultKind::Heal => "heal",
        }
    }
}

/// A set of kinds of fault.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct FaultKinds(u64);

impl FaultKinds {
    /// Every kind.
    pub const ALL: FaultKinds = FaultKinds::of(&FaultKind::ALL);

    /// No kind.
    pub const NONE: FaultKinds = FaultKinds(0);

    /// These kinds and no other.
    pub const fn of(kinds: &[FaultKind]) -> FaultKinds {
        let (mut bits, mut place) = (0, 0);
        while place < kinds.len() {
            bits |= 1 << kinds[place] as u64;
            place += 1;
        }
        FaultKinds(bits)
    }

    /// The same, without these.
    pub const fn without(self, kinds: &[FaultKind]) -> FaultKinds {
        FaultKinds(self.0 & !FaultKinds::of(kinds).0)
    }

    /// Whether a kind is among them.
    pub const fn contains(self, kind: FaultKind) -> bool {
        self.0 >> kind as u64 & 1 == 1
    }

    /// Those among them, in the order of [`FaultKind::ALL`].
    pub fn iter(self) -> impl Iterator<Item = FaultKind> {
        FaultKind::ALL.into_iter().filter(move |kind| self.contains(*kind))
    }
}

impl std::fmt::Debug for FaultKinds {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_set().entries(self.iter()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_set_holds_what_it_was_made_of() {
        assert!(FaultKinds::ALL.iter().eq(FaultKind::ALL));
        assert_eq!(FaultKinds::NONE.iter().count(), 0);
        let few = FaultKinds::ALL.without(&[FaultKind::Crash, FaultKind::Heal]);
        assert!(!few.contains(FaultKind::Crash) && !few.contains(FaultKind::Heal) && few.contains(FaultKind::Load));
        assert_eq!(few.iter().count(), FaultKind::ALL.len() - 2);
        assert_eq!(
            FaultKinds::of(&[FaultKind::Crash, FaultKind::Heal]),
            FaultKinds::ALL.without(&few.iter().collect::<Vec<_>>())
        );
    }
}
