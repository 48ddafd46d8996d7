//! Random faults: what a seed breaks, beside what the scenario plans.
//!
//! What is drawn leans towards what broke real systems (Alquraan et al., OSDI 2018): one place alone (88 of 100
//! failures), partial cuts (29 of 100), few events, and a heal after which lasting damage shows (21 of 100). With a
//! *swarm*, each seed leaves out a random half of the kinds: runs without heals or without loss reach states that runs
//! with a little of everything do not (Groce et al., Swarm Testing, ISSTA 2012). Next: `clock.rs`.

use super::fault::{Action, Fault, Shape, Slow, SlowDisk, Target};
use super::service::Load;
use super::topology::Topology;
use super::transport::Bandwidth;
use crate::id::RegionId;
use crate::rng::Stream;
use crate::time::{Duration, Time};
use crate::trace::FaultKind;

/// A process that draws faults.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chaos {
    /// The first may begin here.
    pub from: Time,
    /// None begins from here on.
    pub until: Time,
    /// The mean gap between two: a Poisson process.
    pub gap: Duration,
    /// The shortest and the longest that one lasts, drawn uniformly.
    pub lasts: (Duration, Duration),
    /// So many are under way at once at most; what comes on top is left out.
    pub at_once: u32,
    /// So many in all at most.
    pub budget: u32,
    /// Which kinds.
    pub kinds: Vec<Kind>,
    /// Whether each seed leaves out a random half of the kinds.
    pub swarm: bool,
}

/// How often a kind of fault is drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Kind {
    /// The kind.
    pub kind: FaultKind,
    /// Relative to the others.
    pub weight: u32,
    /// So many in a run at most.
    pub budget: u32,
}

impl Kind {
    /// The kinds that are drawn where none is named, each with its usual weight.
    pub const USUAL: [(FaultKind, u32); 20] = [
        (FaultKind::Crash, 8),
        (FaultKind::Pause, 6),
        (FaultKind::Isolate, 12),
        (FaultKind::GatewayDown, 2),
        (FaultKind::Partition, 10),
        (FaultKind::OneWayPartition, 3),
        (FaultKind::Bridge, 3),
        (FaultKind::Ring, 1),
        (FaultKind::MajorityMinority, 3),
        (FaultKind::Flap, 2),
        (FaultKind::Loss, 3),
        (FaultKind::Corrupt, 1),
        (FaultKind::Duplicate, 2),
        (FaultKind::Reorder, 2),
        (FaultKind::Delay, 3),
        (FaultKind::Throttle, 2),
        (FaultKind::Slow, 2),
        (FaultKind::Gray, 2),
        (FaultKind::Load, 2),
        (FaultKind::Heal, 2),
    ];

    /// The kinds that are drawn only where they are named: of forgetful disks and of clocks few designs promise anything, and
    /// where syncs take no time the first are nothing but a crash, or nothing. Each with the weight that it has then.
    pub const BY_NAME: [(FaultKind, u32); 9] = [
        (FaultKind::TornCrash, 4),
        (FaultKind::RollingRestart, 2),
        (FaultKind::SlowDisk, 3),
        (FaultKind::LyingDisk, 2),
        (FaultKind::Wipe, 2),
        (FaultKind::ClockStep, 3),
        (FaultKind::ClockDrift, 2),
        (FaultKind::ClockStrobe, 2),
        (FaultKind::ClockLeap, 1),
    ];

    /// Every kind that can be drawn.
    pub fn all() -> impl Iterator<Item = (FaultKind, u32)> {
        Kind::USUAL.into_iter().chain(Kind::BY_NAME)
    }

    /// Whether faults of a kind can be drawn among so many regions; none of a kind that is not among these.
    pub fn fits(kind: FaultKind, regions: usize) -> bool {
        match kind {
            FaultKind::Bridge => regions >= Shape::Bridge.places_min(),
            FaultKind::MajorityMinority => regions >= Shape::MajorityMinority.places_min(),
            FaultKind::Ring => regions >= Shape::Ring.places_min(),
            FaultKind::Crash
            | FaultKind::Pause
            | FaultKind::Slow
            | FaultKind::Gray
            | FaultKind::Load
            | FaultKind::Heal => true,
            named if Kind::BY_NAME.iter().any(|(kind, _)| *kind == named) => true,
            other => regions >= 2 && Kind::USUAL.iter().any(|(kind, _)| *kind == other),
        }
    }
}

/// Some of the messages, in percent.
const SHARES: [u32; 5] = [1, 5, 10, 20, 50];
/// How many times as long a message takes.
const FACTORS: [u32; 4] = [2, 3, 5, 10];
/// What a line carries that is throttled, in kilobits a second: from a queue now and then to one that only grows.
const KILOBITS: [u64; 4] = [10, 50, 200, 1_000];

impl Chaos {
    /// What this seed breaks, in order of time. The same for every design, and for the same regions.
    ///
    /// What is drawn may touch nothing, as a crash of a region without nodes does: the ledger tells, and the run is good.
    pub fn draw(&self, topology: &Topology, seed: u64) -> Vec<Fault> {
        let regions = topology.regions().len();
        let mut dice = Dice { stream: Stream::new(seed, "chaos"), regions: regions as u64 };
        let mut left: Vec<Kind> = self.kinds.iter().copied().filter(|k| Kind::fits(k.kind, regions)).collect();
        if self.swarm {
            dice.leave_out_half(&mut left);
        }
        let (mut faults, mut ends): (Vec<Fault>, Vec<Time>) = (Vec::new(), Vec::new());
        let mut at = self.from;
        while faults.len() < self.budget as usize {
            at += dice.stream.exponential(self.gap).max(Duration::millis(1));
            left.retain(|kind| kind.weight > 0 && kind.budget > 0);
            if at >= self.until || left.is_empty() {
                break;
            }
            let lasts = whole_millis(dice.stream.between(self.lasts.0, self.lasts.1));
            let kind = dice.kind(&left);
            let action = dice.action(left[kind].kind);
            ends.retain(|end| *end > at);
            if action == Action::Heal {
                if ends.is_empty() {
                    continue; // there is nothing to heal
                }
                ends.clear();
            } else if ends.len() >= self.at_once as usize {
                continue;
            } else {
                ends.push(at + lasts);
            }
            left[kind].budget -= 1;
            let lasts = (action != Action::Heal).then_some(lasts);
            faults.push(Fault { at, lasts, action, may_touch_nothing: true });
        }
        faults
    }
}

fn whole_millis(span: Duration) -> Duration {
    Duration::millis((span.as_nanos() / 1_000_000).max(1))
}

/// What draws.
struct Dice {
    stream: Stream,
    regions: u64,
}

impl Dice {
    /// Each kind goes with a chance of one half; one stays at least.
    fn leave_out_half(&mut self, kinds: &mut Vec<Kind>) {
        if kinds.is_empty() {
            return;
        }
        let kept = self.stream.below(kinds.len() as u64) as usize;
        let mut place = 0;
        kinds.retain(|_| {
            let stays = self.stream.chance(1, 2) || place == kept;
            place += 1;
            stays
        });
    }

    /// The place of one of these kinds, by weight.
    fn kind(&mut self, kinds: &[Kind]) -> usize {
        let mut draw = self.stream.below(kinds.iter().map(|kind| u64::from(kind.weight)).sum());
        let is_it = |kind: &Kind| {
            let weight = u64::from(kind.weight);
            let hit = draw < weight;
            draw = draw.saturating_sub(weight);
            hit
        };
        kinds.iter().position(is_it).expect("the draw is below the sum of the weights")
    }

    fn one_of<T: Copy>(&mut self, of: &[T]) -> T {
        of[self.stream.below(of.len() as u64) as usize]
    }

    /// All regions in a random order.
    fn shuffled(&mut self) -> Vec<Target> {
        let mut all: Vec<Target> = (0..self.regions).map(|region| Target::Region(RegionId(region as u16))).collect();
        for last in (1..all.len()).rev() {
            let other = self.stream.below(last as u64 + 1) as usize;
            all.swap(last, other);
        }
        all
    }

    /// One place: three times in four a region, else the leader. Of five regions or more, two of them once in eight.
    fn places(&mut self) -> Vec<Target> {
        if self.stream.chance(1, 4) {
            return vec![Target::Leader];
        }
        let several = if self.regions >= 5 && self.stream.chance(1, 8) { 2 } else { 1 };
        self.shuffled().into_iter().take(several).collect()
    }

    /// How far a clock is set: up to five seconds either way, and small steps as often as great ones.
    fn error_ns(&mut self) -> i64 {
        let most = [1_000_000, 100_000_000, 5_000_000_000][self.stream.below(3) as usize];
        let by_ns = 1 + self.stream.below(most) as i64;
        if self.stream.chance(1, 2) { by_ns } else { -by_ns }
    }

    fn link(&mut self) -> (Target, Target) {
        let ends = self.shuffled();
        (ends[0], ends[1])
    }

    fn both_ways(&mut self) -> Vec<(Target, Target)> {
        let (a, b) = self.link();
        vec![(a, b), (b, a)]
    }

    /// One link, or once in two every one.
    fn links(&mut self) -> Vec<(Target, Target)> {
        if self.stream.chance(1, 2) { Vec::new() } else { self.both_ways() }
    }

    /// One link, or once in two two sides.
    fn partition(&mut self) -> Vec<(Target, Target)> {
        if self.stream.chance(1, 2) {
            return self.both_ways();
        }
        let all = self.shuffled();
        let first = 1 + self.stream.below(self.regions - 1) as usize;
        let (side, other) = all.split_at(first);
        side.iter().flat_map(|a| other.iter().flat_map(move |b| [(*a, *b), (*b, *a)])).collect()
    }

    /// More load on one region, or once in two on all.
    fn load(&mut self) -> Action {
        let one = self.stream.chance(1, 2).then(|| RegionId(self.stream.below(self.regions) as u16));
        let load = Load { parts: self.one_of(&FACTORS), whole: 1, ramp: Duration::ZERO };
        Action::Load { regions: one.into_iter().collect(), load }
    }

    fn action(&mut self, kind: FaultKind) -> Action {
        match kind {
            FaultKind::Crash => Action::Crash(self.places()),
            FaultKind::Pause => Action::Pause(self.places()),
            FaultKind::TornCrash => Action::TornCrash(self.places()),
            FaultKind::Wipe => Action::Wipe(self.places()),
            FaultKind::LyingDisk => Action::LyingDisk(self.places()),
            FaultKind::RollingRestart => {
                let [down, gap] = [500, 2_000].map(|most| Duration::millis(1 + self.stream.below(most)));
                Action::RollingRestart { places: self.shuffled(), down, gap }
            }
            FaultKind::SlowDisk => {
                let slow = Slow::Add(whole_millis(self.stream.between(Duration::millis(10), Duration::secs(1))));
                let ramp = whole_millis(self.stream.between(Duration::millis(1), Duration::secs(2)));
                Action::SlowDisk { nodes: self.places(), slow: SlowDisk { slow, ramp } }
            }
            FaultKind::Isolate => Action::Isolate(self.places()),
            FaultKind::GatewayDown => Action::GatewayDown(self.places()),
            FaultKind::Partition => Action::Cut { links: self.partition(), one_way: false },
            FaultKind::OneWayPartition => Action::Cut { links: vec![self.link()], one_way: true },
            FaultKind::Bridge => Action::Shape { shape: Shape::Bridge, places: self.shuffled() },
            FaultKind::Ring => Action::Shape { shape: Shape::Ring, places: self.shuffled() },
            FaultKind::MajorityMinority => Action::Shape { shape: Shape::MajorityMinority, places: self.shuffled() },
            FaultKind::Flap => {
                let turn =
                    |dice: &mut Dice| whole_millis(dice.stream.between(Duration::millis(100), Duration::secs(3)));
                Action::Flap { links: self.both_ways(), up: turn(self), down: turn(self), jitter: Some((1, 5)) }
            }
            FaultKind::Loss => Action::Loss { links: self.links(), parts: self.one_of(&SHARES), whole: 100 },
            FaultKind::Corrupt => Action::Corrupt { links: self.links(), parts: self.one_of(&SHARES), whole: 100 },
            FaultKind::Duplicate => Action::Duplicate { links: self.links(), parts: self.one_of(&SHARES), whole: 100 },
            FaultKind::Reorder => {
                let extra = whole_millis(self.stream.between(Duration::millis(10), Duration::secs(1)));
                Action::Reorder { links: self.links(), parts: self.one_of(&SHARES), whole: 100, extra }
            }
            FaultKind::Delay => {
                let (links, slow) = (self.links(), Slow::Times { parts: self.one_of(&FACTORS), whole: 1 });
                Action::Delay { links, slow, ramp: Duration::ZERO }
            }
            FaultKind::Throttle => {
                let bandwidth = Bandwidth::bits_per_second(1_000 * self.one_of(&KILOBITS));
                Action::Throttle { links: self.links(), bandwidth, patience: Duration::secs(1) }
            }
            FaultKind::Slow => {
                Action::Slow { nodes: self.places(), slow: Slow::Times { parts: self.one_of(&FACTORS), whole: 1 } }
            }
            FaultKind::Gray => Action::Gray(self.places()),
            FaultKind::Load => self.load(),
            FaultKind::ClockStep => Action::ClockStep { nodes: self.places(), by_ns: self.error_ns() },
            FaultKind::ClockStrobe => {
                let every = Duration::millis(10 + self.stream.below(2_000));
                Action::ClockStrobe { nodes: self.places(), by_ns: self.error_ns(), every }
            }
            FaultKind::ClockDrift => {
                // Up to five parts in a hundred: far worse than a crystal, and far better than a clock that stands.
                let ns_per_s = 1 + self.stream.below(50_000_000) as i64;
                let ns_per_s = if self.stream.chance(1, 2) { ns_per_s } else { -ns_per_s };
                Action::ClockDrift { nodes: self.places(), ns_per_s }
            }
            FaultKind::ClockLeap => {
                let smear = self.stream.chance(1, 2).then(|| Duration::secs(2));
                Action::ClockLeap { nodes: self.places(), smear }
            }
            FaultKind::Heal => Action::Heal,
            other => unreachable!("{other:?} does not fit, and is not drawn"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn topology(regions: usize) -> Topology {
        let names: Vec<String> = (0..regions).map(|region| format!("r{region}")).collect();
        Topology::new(&names)
    }

    fn chaos() -> Chaos {
        Chaos {
            from: Time::ZERO + Duration::secs(10),
            until: Time::ZERO + Duration::secs(100),
            gap: Duration::secs(2),
            lasts: (Duration::secs(1), Duration::secs(10)),
            at_once: 2,
            budget: 20,
            kinds: Kind::all().map(|(kind, weight)| Kind { kind, weight, budget: 4 }).collect(),
            swarm: false,
        }
    }

    #[test]
    fn what_is_drawn_keeps_to_its_bounds() {
        let (chaos, mut seen) = (chaos(), Vec::new());
        for seed in 0..2_000 {
            let regions = 1 + seed as usize % 6;
            let drawn = chaos.draw(&topology(regions), seed);
            assert!(drawn.len() <= 20);
            for (place, fault) in drawn.iter().enumerate() {
                let kind = fault.action.kind();
                assert!(chaos.from <= fault.at && fault.at < chaos.until);
                assert!(Kind::fits(kind, regions), "{kind:?} of {regions} regions");
                let healed = drawn[..place].iter().rposition(|other| other.action == Action::Heal).unwrap_or(0);
                let under_way = |other: &&Fault| other.lasts.is_some_and(|lasts| other.at + lasts > fault.at);
                let under_way = drawn[healed..place].iter().filter(under_way).count();
                assert!(under_way <= if kind == FaultKind::Heal { 2 } else { 1 }, "seed {seed}: {under_way}");
                assert_eq!(fault.lasts.is_none(), kind == FaultKind::Heal);
                assert!(fault.lasts.is_none_or(|lasts| lasts >= chaos.lasts.0 && lasts <= chaos.lasts.1));
                assert!(drawn.iter().filter(|other| other.action.kind() == kind).count() <= 4);
                if !seen.contains(&kind) {
                    seen.push(kind);
                }
            }
        }
        assert_eq!(seen.len(), Kind::all().count(), "{seen:?}");
    }

    #[test]
    fn a_swarm_leaves_kinds_out_and_one_stays() {
        let usual = Kind::USUAL.map(|(kind, weight)| Kind { kind, weight, budget: 4 }).to_vec();
        let until = Time::ZERO + Duration::secs(1_000);
        let chaos = Chaos { swarm: true, budget: 200, until, kinds: usual, ..chaos() };
        let kinds = |seed| {
            let mut kinds: Vec<_> = chaos.draw(&topology(5), seed).iter().map(|fault| fault.action.kind()).collect();
            kinds.sort_unstable();
            kinds.dedup();
            kinds.len()
        };
        let counts: Vec<usize> = (0..200).map(kinds).collect();
        let mean = counts.iter().sum::<usize>() as f64 / 200.0;
        assert!((7.0..11.0).contains(&mean), "{mean}: about half of 20");
        assert!(counts.iter().any(|count| *count <= 4) && counts.iter().any(|count| *count >= 11));
        let alone = Chaos { kinds: chaos.kinds[..1].to_vec(), ..chaos.clone() };
        assert!((0..50).all(|seed| !alone.draw(&topology(3), seed).is_empty()));
    }

    #[test]
    fn a_seed_draws_the_same_again() {
        let (chaos, five) = (chaos(), topology(5));
        assert_eq!(chaos.draw(&five, 7), chaos.draw(&five, 7));
        assert_ne!(chaos.draw(&five, 7), chaos.draw(&five, 8));
    }
}
