//! What breaks, and when. Next: `fault_page.rs`, what each stands for.

use crate::id::{RegionId, Role};
use crate::time::{Duration, Time};
use crate::trace::{FaultKind, Passage};

use super::service::Load;
use super::transport::Bandwidth;

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
    /// As a crash, amid a sync: of the records that it was to take, a prefix of any length is there, and the next is torn,
    /// which a restart sees and drops. Touches: each node that was up, each record that a sync was about to take, and each
    /// message that reached a node while down.
    TornCrash(Vec<Target>),
    /// Places one after the other: the nodes of one stop as they were asked to, with all that they wrote synced, and start
    /// again after a while. Touches: each node stopped, and each message that reached it while down.
    RollingRestart {
        /// The places, in their order.
        places: Vec<Target>,
        /// How long each is down.
        down: Duration,
        /// How long from the return of one to the stop of the next.
        gap: Duration,
    },
    /// As a crash, and what their disks had is gone, too: they start again with nothing. Touches: each node that was up or
    /// lost its disk, and each message that reached it while down.
    Wipe(Vec<Target>),
    /// Disks say that they have synced what they keep in a cache; a crash while this lasts loses all of that, and at the end it
    /// is written out. Touches: each record lost that was said to be synced.
    LyingDisk(Vec<Target>),
    /// Every sync of a disk that these nodes begin takes longer. Touches: each sync begun.
    SlowDisk {
        /// The nodes.
        nodes: Vec<Target>,
        /// How much longer.
        slow: SlowDisk,
    },
    /// Every message between these regions and all others is lost, both ways; inside a region nothing changes. Touches:
    /// each message lost.
    Isolate(Vec<Target>),
    /// The gateway is down through which the nodes of a region reach those of others: every message between them is lost, both
    /// ways. Clients reach all nodes as before, and nodes each other inside the region. Touches: each message lost.
    GatewayDown(Vec<Target>),
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
    /// Every message between two places is lost but these: what chance did, written out message by message, so that less of it can
    /// be tried. Touches: each message lost.
    LossBut(Vec<Passage>),
    /// Every message between some of these places is lost, both ways; which, the shape says. Touches: each message lost.
    Shape {
        /// Who still hears whom.
        shape: Shape,
        /// The places, in the order that the shape goes by.
        places: Vec<Target>,
    },
    /// These links lose every message while they are down, and none while they are up: down first, then in turn for as
    /// long as the fault lasts. Touches: each message lost.
    Flap {
        /// The links, as (from, to).
        links: Vec<(Target, Target)>,
        /// How long they are whole.
        up: Duration,
        /// How long they are cut.
        down: Duration,
        /// How far each of these times may be off, either way, as `parts / whole` of itself, drawn uniformly.
        jitter: Option<(u32, u32)>,
    },
    /// Each message on these links is damaged with probability `parts / whole`, which its checksum tells: it is dropped.
    /// Traffic counts it apart from what is lost. Touches: each message damaged.
    Corrupt {
        /// The links, as (from, to); none means every link between two places.
        links: Vec<(Target, Target)>,
        /// How many in `whole` are damaged.
        parts: u32,
        /// Of how many.
        whole: u32,
    },
    /// Each message on these links that is not lost arrives a second time with probability `parts / whole`, after a delay of
    /// its own. Clients' requests and answers too. Touches: each message that arrives again.
    Duplicate {
        /// The links, as (from, to); none means every link between two places.
        links: Vec<(Target, Target)>,
        /// How many in `whole` come again.
        parts: u32,
        /// Of how many.
        whole: u32,
    },
    /// Each message on these links takes longer with probability `parts / whole`, by up to `extra`, drawn uniformly: others,
    /// sent later, overtake it. Touches: each message held up.
    Reorder {
        /// The links, as (from, to); none means every link between two places.
        links: Vec<(Target, Target)>,
        /// How many in `whole` are held up.
        parts: u32,
        /// Of how many.
        whole: u32,
        /// By how much at most.
        extra: Duration,
    },
    /// Every message on these links takes longer, as over another route. Touches: each message sent.
    Delay {
        /// The links, as (from, to); none means every link between two places.
        links: Vec<(Target, Target)>,
        /// How much longer.
        slow: Slow,
        /// How long it takes until it is so much, in a straight line.
        ramp: Duration,
    },
    /// Only so much leaves over these lines in a second, where they carried more: what is sent waits for what was sent before, and
    /// is lost where the queue is full. Touches: each message sent over such a line, also one that is lost.
    Throttle {
        /// The links, as (from, to); none means every link between two regions.
        links: Vec<(Target, Target)>,
        /// What each line carries, in each direction.
        bandwidth: Bandwidth,
        /// How long a message waits at most before it begins to leave; one that would wait longer is lost.
        patience: Duration,
    },
    /// Every piece of work that these nodes begin takes longer; it is for worlds with service times. Touches: each piece of
    /// work begun.
    Slow {
        /// The nodes.
        nodes: Vec<Target>,
        /// How much longer.
        slow: Slow,
    },
    /// These nodes take no request of a client, whether it comes from there or is handed on by a node, and tell nobody;
    /// messages between nodes and timers are handled as ever. Touches: each request that reaches one.
    Gray(Vec<Target>),
    /// Clocks are set, once, and set right at the end. Timers, which go by how fast a clock runs, are what they were. Touches: each
    /// clock set wrong.
    ClockStep {
        /// The nodes.
        nodes: Vec<Target>,
        /// How far forward, in nanoseconds; back if negative.
        by_ns: i64,
    },
    /// Clocks run fast or slow, their nodes' timers with them, and are set right at the end. Touches: each clock disturbed.
    ClockDrift {
        /// The nodes.
        nodes: Vec<Target>,
        /// How many nanoseconds they gain in a second; lose if negative.
        ns_per_s: i64,
    },
    /// Clocks are wrong and right in turn, wrong first, and right at the end. Touches: each time that one is set.
    ClockStrobe {
        /// The nodes.
        nodes: Vec<Target>,
        /// How far forward they are while they are wrong, in nanoseconds; back if negative.
        by_ns: i64,
        /// How long each turn is.
        every: Duration,
    },
    /// Clocks take a leap second, which the others take at the end: until then they are a second behind. Touches: each clock that
    /// leaps, and when it is wholly smeared once more.
    ClockLeap {
        /// The nodes.
        nodes: Vec<Target>,
        /// Over how long they lose the second, longer than one; `None`: at once, by going back.
        smear: Option<Duration>,
    },
    /// More operations begin than the workload says; it is for open loops. Touches: each operation that begins.
    Load {
        /// In these regions; none means all.
        regions: Vec<RegionId>,
        /// How many more.
        load: Load,
    },
    /// No operation begins in these regions; those under way go on, and clients of a closed loop go on at the end of the fault.
    /// Touches: each operation that does not begin, or begins later.
    Quiesce(Vec<RegionId>),
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
            Action::TornCrash(_) => FaultKind::TornCrash,
            Action::RollingRestart { .. } => FaultKind::RollingRestart,
            Action::Wipe(_) => FaultKind::Wipe,
            Action::LyingDisk(_) => FaultKind::LyingDisk,
            Action::SlowDisk { .. } => FaultKind::SlowDisk,
            Action::Isolate(_) => FaultKind::Isolate,
            Action::GatewayDown(_) => FaultKind::GatewayDown,
            Action::Cut { one_way: false, .. } => FaultKind::Partition,
            Action::Cut { one_way: true, .. } => FaultKind::OneWayPartition,
            Action::Shape { shape: Shape::Bridge, .. } => FaultKind::Bridge,
            Action::Shape { shape: Shape::Ring, .. } => FaultKind::Ring,
            Action::Shape { shape: Shape::MajorityMinority, .. } => FaultKind::MajorityMinority,
            Action::Flap { .. } => FaultKind::Flap,
            Action::Loss { .. } | Action::LossBut(_) => FaultKind::Loss,
            Action::Corrupt { .. } => FaultKind::Corrupt,
            Action::Duplicate { .. } => FaultKind::Duplicate,
            Action::Reorder { .. } => FaultKind::Reorder,
            Action::Delay { .. } => FaultKind::Delay,
            Action::Throttle { .. } => FaultKind::Throttle,
            Action::Slow { .. } => FaultKind::Slow,
            Action::Gray(_) => FaultKind::Gray,
            Action::ClockStep { .. } => FaultKind::ClockStep,
            Action::ClockDrift { .. } => FaultKind::ClockDrift,
            Action::ClockStrobe { .. } => FaultKind::ClockStrobe,
            Action::ClockLeap { .. } => FaultKind::ClockLeap,
            Action::Load { .. } => FaultKind::Load,
            Action::Quiesce(_) => FaultKind::Quiesce,
            Action::Heal => FaultKind::Heal,
        }
    }
}

impl Action {
    /// How long it takes by itself, unless a heal comes first or it is given less.
    pub fn takes(&self) -> Option<Duration> {
        match self {
            Action::RollingRestart { places, down, gap } => {
                let turns = places.len() as u64;
                Some(*down * turns + *gap * turns.saturating_sub(1))
            }
            _ => None,
        }
    }
}

/// How much longer the syncs of a disk take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SlowDisk {
    /// How much longer in the end.
    pub slow: Slow,
    /// How long until it is so much; the excess grows in a straight line.
    pub ramp: Duration,
}

impl SlowDisk {
    /// How long a sync takes that would have taken `usual`, so long after the disk began to grow slow.
    pub fn of(&self, usual: Duration, since: Duration) -> Duration {
        self.slow.grown(usual, since, self.ramp)
    }
}

/// How much longer a message takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Slow {
    /// Its own delay times `parts / whole`.
    Times {
        /// Of the factor.
        parts: u32,
        /// Of the factor.
        whole: u32,
    },
    /// This much more.
    Add(Duration),
}

impl Slow {
    /// How long a message takes that would have taken `delay`; never longer than [`Duration::MAX`].
    pub fn of(self, delay: Duration) -> Duration {
        let nanos = match self {
            Slow::Times { parts, whole } => u128::from(delay.as_nanos()) * u128::from(parts) / u128::from(whole.max(1)),
            Slow::Add(more) => u128::from(delay.as_nanos()) + u128::from(more.as_nanos()),
        };
        Duration::nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
    }

    /// The same where it grows over `ramp` in a straight line, and has grown for so long.
    pub fn grown(self, delay: Duration, since: Duration, ramp: Duration) -> Duration {
        let more = self.of(delay) - delay;
        if since >= ramp {
            return delay + more;
        }
        let grown = u128::from(more.as_nanos()) * u128::from(since.as_nanos()) / u128::from(ramp.as_nanos());
        delay + Duration::nanos(grown as u64)
    }
}

/// A named shape of a cut among a list of places.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// The places before the middle one hear none of those after it; the middle one (of an even number, the later of the
    /// two) hears all.
    Bridge,
    /// Each place hears its two neighbours in the list, which goes around. With five, every place hears a majority and no
    /// two the same one.
    Ring,
    /// The first places, more than half of them, hear none of the rest.
    MajorityMinority,
}

impl Shape {
    /// The fewest places of which the shape cuts a link.
    pub const fn places_min(self) -> usize {
        match self {
            Shape::Bridge | Shape::MajorityMinority => 3,
            Shape::Ring => 4,
        }
    }

    /// The links among these places that are cut, in both directions. O(n²).
    pub fn links(self, places: &[Target]) -> Vec<(Target, Target)> {
        let n = places.len();
        let is_cut = |a: usize, b: usize| match self {
            Shape::Bridge => a < n / 2 && b > n / 2,
            Shape::Ring => b - a != 1 && b - a != n - 1,
            Shape::MajorityMinority => a <= n / 2 && b > n / 2,
        };
        let pairs = (0..n).flat_map(|a| (a + 1..n).map(move |b| (a, b)));
        pairs
            .filter(|(a, b)| is_cut(*a, *b))
            .flat_map(|(a, b)| [(places[a], places[b]), (places[b], places[a])])
            .collect()
    }
}

/// What a fault is aimed at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target {
    /// All nodes of a region; for links, its clients too.
    Region(RegionId),
    /// The nodes of one role in a region.
    Role(RegionId, Role),
    /// The nodes in one zone of a region, by the zone's place; no clients.
    Zone(RegionId, u8),
    /// The node that leads when the fault begins (the highest epoch's). For links and isolation: its region.
    Leader,
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The pairs that a shape cuts among so many places, each once.
    fn cut(shape: Shape, n: u16) -> Vec<(u16, u16)> {
        let places: Vec<Target> = (0..n).map(|place| Target::Region(RegionId(place))).collect();
        let region = |target| match target {
            Target::Region(RegionId(place)) => place,
            other => panic!("{other:?} is no region"),
        };
        let links: Vec<_> = shape.links(&places).into_iter().map(|(a, b)| (region(a), region(b))).collect();
        assert!(links.iter().all(|(a, b)| links.contains(&(*b, *a))), "both ways");
        links.into_iter().filter(|(a, b)| a < b).collect()
    }

    #[test]
    fn shapes_cut_what_they_say() {
        assert_eq!(cut(Shape::Bridge, 3), [(0, 2)]);
        assert_eq!(cut(Shape::Bridge, 5), [(0, 3), (0, 4), (1, 3), (1, 4)]);
        assert_eq!(cut(Shape::Ring, 4), [(0, 2), (1, 3)]);
        assert_eq!(cut(Shape::Ring, 5), [(0, 2), (0, 3), (1, 3), (1, 4), (2, 4)]);
        assert_eq!(cut(Shape::MajorityMinority, 2), [], "of two, both are needed for more than half");
        assert_eq!(cut(Shape::MajorityMinority, 3), [(0, 2), (1, 2)]);
        assert_eq!(cut(Shape::MajorityMinority, 4), [(0, 3), (1, 3), (2, 3)]);
        assert_eq!(cut(Shape::MajorityMinority, 5), [(0, 3), (0, 4), (1, 3), (1, 4), (2, 3), (2, 4)]);
        for shape in [Shape::Bridge, Shape::Ring, Shape::MajorityMinority] {
            let least = shape.places_min() as u16;
            assert!(!cut(shape, least).is_empty() && cut(shape, least - 1).is_empty(), "{shape:?}");
        }
    }

    #[test]
    fn a_disk_grows_slow_in_a_straight_line() {
        let ms = Duration::millis;
        let by_factor = SlowDisk { slow: Slow::Times { parts: 50, whole: 1 }, ramp: Duration::secs(10) };
        let added = SlowDisk { slow: Slow::Add(ms(500)), ramp: Duration::secs(10) };
        let of = |disk: SlowDisk, since| disk.of(ms(2), Duration::secs(since));
        assert_eq!([0, 5, 10, 99].map(|since| of(by_factor, since)), [2, 51, 100, 100].map(ms));
        assert_eq!([0, 5, 10].map(|since| of(added, since)), [2, 252, 502].map(ms));
        assert_eq!(of(SlowDisk { ramp: Duration::ZERO, ..added }, 0), ms(502), "at once");
        let most = SlowDisk { slow: Slow::Add(Duration::MAX), ramp: Duration::MAX };
        assert!(most.of(Duration::ZERO, Duration::MAX - ms(1)) < Duration::MAX);
    }

    #[test]
    fn slow_is_longer_and_ends_at_the_longest() {
        let ms = Duration::millis;
        assert_eq!(Slow::Times { parts: 25, whole: 10 }.of(ms(30)), ms(75));
        assert_eq!(Slow::Add(ms(40)).of(ms(30)), ms(70));
        assert_eq!(Slow::Times { parts: u32::MAX, whole: 1 }.of(Duration::MAX), Duration::MAX);
        assert_eq!(Slow::Add(Duration::MAX).of(Duration::MAX), Duration::MAX);
        let grown = |since| Slow::Times { parts: 3, whole: 1 }.grown(ms(30), ms(since), ms(100));
        assert_eq!([0, 50, 100, 999].map(grown), [30, 60, 90, 90].map(ms));
        assert_eq!(Slow::Add(Duration::MAX).grown(ms(1), ms(1), ms(2)), ms(1) + (Duration::MAX - ms(1)) / 2);
        assert_eq!(Slow::Add(ms(5)).grown(ms(1), ms(0), ms(0)), ms(6), "at once");
    }
}
