//! Worlds for property tests, as [proptest] strategies: regions and links, clients, faults, clocks, disks.
//!
//! What a strategy shrinks towards is what a reader wants: fewer regions, fewer faults, fewer operations, earlier and rounder
//! times, clocks that are right and disks that take no time. No part of a world depends on another part's draw, so that each
//! shrinks by itself; a fault names a region by a number that is taken modulo how many there are.
//!
//! [proptest]: https://docs.rs/proptest

use std::ops::RangeInclusive;

use proptest::prelude::*;
use toml::{Table, Value};

use crate::id::RegionId;
use crate::model::fault::{Action, Fault, Shape, Slow, Target};
use crate::model::topology::Topology;
use crate::scenario::{Document, Scenario, exact};
use crate::sim::Setup;
use crate::time::{Duration, Time};

/// The names of regions, in order.
const NAMES: [&str; 7] = ["a", "b", "c", "d", "e", "f", "g"];
/// In the place of a protocol that no scenario file can name.
const STAND_IN: &str = "last-writer-wins";

/// Which worlds there are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Worlds {
    /// How many regions: up to 7.
    pub regions: RangeInclusive<usize>,
    /// How many faults.
    pub faults: RangeInclusive<usize>,
    /// How long clients ask.
    pub duration: Duration,
    /// How long it is quiet after that.
    pub settle: Duration,
    /// How far clocks may be off, either way.
    pub clock_offset: Duration,
    /// How long the sync of a disk may take.
    pub disk_sync: Duration,
    /// Whether operations write only, read only, or compare and set as well.
    pub compare_and_set: bool,
}

impl Default for Worlds {
    /// Three to five regions, up to four faults in 30 seconds, clocks within 50 ms, disks within 5 ms.
    fn default() -> Worlds {
        Worlds {
            regions: 3..=5,
            faults: 0..=4,
            duration: Duration::secs(30),
            settle: Duration::secs(20),
            clock_offset: Duration::millis(50),
            disk_sync: Duration::millis(5),
            compare_and_set: false,
        }
    }
}

/// A world and the seed of all chance in it.
#[derive(Clone, Debug)]
pub struct World {
    /// The world as a scenario file, with one design that stands for what is tested.
    pub document: Document,
    /// The seed.
    pub seed: u64,
}

impl World {
    /// The world as a run meets it.
    ///
    /// # Panics
    /// Where the document was changed to something that is no scenario.
    pub fn setup(&self) -> Setup {
        self.scenario().setup
    }

    /// The world as a scenario. Its only design is a stand-in.
    ///
    /// # Panics
    /// As [`setup`](World::setup).
    pub fn scenario(&self) -> Scenario {
        Scenario::parse(&self.document.text(), "world").unwrap_or_else(|error| panic!("{error}"))
    }
}

impl Worlds {
    /// The worlds, for a test of this name.
    pub fn strategy(&self, name: &str) -> impl Strategy<Value = World> + use<> {
        let name = name.to_string();
        let head = (spans(self.duration), self.settle);
        let parts = (
            topologies(self.regions.clone()),
            workloads(self.compare_and_set),
            schedules(self.faults.clone(), self.duration),
            clocks(self.clock_offset),
            disks(self.disk_sync),
            0..1_000_u64,
        );
        parts.prop_map(move |(mut topology, workload, faults, mut clocks, disk, seed)| {
            let regions = topology["regions"].as_array().map_or(0, Vec::len);
            let is_here = |clock: &Value| NAMES[..regions].iter().any(|name| clock["region"].as_str() == Some(name));
            clocks.retain(is_here);
            if !clocks.is_empty() {
                topology.insert("clock".into(), clocks.into());
            }
            let mut document = Document::default();
            let root = &mut document.root;
            root.insert("name".into(), name.as_str().into());
            root.insert("duration".into(), head.0.clone());
            root.insert("settle".into(), exact(head.1).into());
            root.insert("topology".into(), topology.into());
            root.insert("workload".into(), workload.into());
            root.extend((!disk.is_empty()).then(|| ("disk".to_string(), Value::Table(disk))));
            document.table("design").insert(name.clone(), stand_in().into());
            let names = Topology::new(&NAMES[..regions]);
            document.plan(&faults.iter().filter_map(|fault| within(fault, regions as u16)).collect::<Vec<_>>(), &names);
            World { document, seed }
        })
    }
}

fn stand_in() -> Table {
    [("protocol".to_string(), Value::from(STAND_IN))].into_iter().collect()
}

fn spans(span: Duration) -> Value {
    exact(span).into()
}

/// `[topology]` with so many regions, and round trips from 10 to 200 ms.
pub fn topologies(regions: RangeInclusive<usize>) -> impl Strategy<Value = Table> {
    let most = (*regions.end()).min(NAMES.len());
    let pairs = most * (most - 1) / 2;
    let round_trips = proptest::collection::vec(1..=20_u64, pairs);
    (*regions.start()..=most, round_trips).prop_map(|(regions, round_trips)| {
        let names: Vec<Value> = NAMES[..regions].iter().map(|name| Value::from(*name)).collect();
        let pairs = (0..regions).flat_map(|from| (from + 1..regions).map(move |to| (from, to)));
        let link = |((from, to), tens): ((usize, usize), u64)| {
            let ends = [("from", NAMES[from].into()), ("to", NAMES[to].into())];
            let rtt = ("rtt", exact(Duration::millis(10 * tens)).into());
            Value::Table(ends.into_iter().chain([rtt]).map(|(key, value)| (key.to_string(), value)).collect())
        };
        let links: Vec<Value> = pairs.zip(round_trips).map(link).collect();
        let mut topology = Table::new();
        topology.insert("regions".into(), names.into());
        topology.extend((!links.is_empty()).then(|| ("link".to_string(), links.into())));
        topology
    })
}

/// `[workload]`: a few clients a region that ask 1 to 20 times a second, for 1 to 20 keys, from the third second on.
pub fn workloads(compare_and_set: bool) -> impl Strategy<Value = Table> {
    let sets = if compare_and_set { 0..=2_i64 } else { 0..=0 };
    (1..=3_i64, 1..=20_u32, 1..=20_i64, 0..=4_i64, sets).prop_map(|(clients, rate, keys, read, compare_and_set)| {
        let mut mix = Table::new();
        mix.insert("write".into(), 2.into());
        mix.extend(
            [("read", read), ("compare_and_set", compare_and_set)]
                .into_iter()
                .filter(|(_, share)| *share > 0)
                .map(|(kind, share)| (kind.to_string(), Value::Integer(share))),
        );
        [
            ("clients_per_region", Value::Integer(clients)),
            ("rate", format!("{rate}/s").into()),
            ("keys", keys.into()),
            ("mix", mix.into()),
            ("warm_up", "3s".into()),
        ]
        .into_iter()
        .map(|(key, value)| (key.to_string(), value))
        .collect()
    })
}

/// Clocks that are wrong, region by region; none is as far off as it may be at the start of shrinking, and all are right at
/// its end.
pub fn clocks(offset: Duration) -> impl Strategy<Value = Vec<Value>> {
    let millis = (offset.as_nanos() / 1_000_000) as i64;
    proptest::collection::vec((0..=millis, any::<bool>()), 0..=NAMES.len()).prop_map(|offsets| {
        let clock = |(place, (millis, behind)): (usize, (i64, bool))| {
            let sign = if behind { "-" } else { "" };
            let entries = [("region", Value::from(NAMES[place])), ("offset", format!("{sign}{millis}ms").into())];
            Value::Table(entries.into_iter().map(|(key, value)| (key.to_string(), value)).collect())
        };
        offsets.into_iter().enumerate().filter(|(_, (millis, _))| *millis > 0).map(clock).collect()
    })
}

/// `[disk]`: how long a sync takes; empty where it takes no time.
pub fn disks(most: Duration) -> impl Strategy<Value = Table> {
    (0..=most.as_nanos() / 1_000_000).prop_map(|millis| {
        let sync = (millis > 0).then(|| ("sync".to_string(), exact(Duration::millis(millis)).into()));
        sync.into_iter().collect()
    })
}

/// Faults, in order of time, that begin within `span` and last up to a third of it: what is aimed at one place first, then cuts,
/// then what links do short of that. Their regions are numbers below 7; see [`within`].
pub fn schedules(count: RangeInclusive<usize>, span: Duration) -> impl Strategy<Value = Vec<Fault>> {
    let tenths = (span.as_nanos() / 100_000_000).max(3);
    let fault = (10..tenths.max(11), 1..=tenths / 3, actions()).prop_map(|(at, lasts, action)| Fault {
        at: Time::ZERO + Duration::millis(100 * at),
        lasts: Some(Duration::millis(100 * lasts)),
        action,
        may_touch_nothing: true,
    });
    proptest::collection::vec(fault, count).prop_map(|mut faults| {
        faults.sort_by_key(|fault| fault.at);
        faults
    })
}

fn actions() -> impl Strategy<Value = Action> {
    let region = || (0..NAMES.len() as u16).prop_map(|place| Target::Region(RegionId(place)));
    let place = move || prop_oneof![2 => region(), 1 => Just(Target::Leader)];
    let both = move || (region(), region()).prop_map(|(a, b)| vec![(a, b), (b, a)]);
    let share = || prop_oneof![Just(5_u32), Just(20), Just(50)];
    let order = || {
        Just((0..NAMES.len() as u16).map(|place| Target::Region(RegionId(place))).collect::<Vec<_>>()).prop_shuffle()
    };
    prop_oneof![
        8 => place().prop_map(|place| Action::Isolate(vec![place])),
        4 => place().prop_map(|place| Action::Crash(vec![place])),
        4 => place().prop_map(|place| Action::Pause(vec![place])),
        5 => both().prop_map(|links| Action::Cut { links, one_way: false }),
        1 => (region(), region()).prop_map(|link| Action::Cut { links: vec![link], one_way: true }),
        2 => order().prop_map(|places| Action::Shape { shape: Shape::MajorityMinority, places }),
        2 => order().prop_map(|places| Action::Shape { shape: Shape::Bridge, places }),
        1 => share().prop_map(|parts| Action::Loss { links: Vec::new(), parts, whole: 100 }),
        1 => share().prop_map(|parts| Action::Duplicate { links: Vec::new(), parts, whole: 100 }),
        1 => (share(), 1..=10_u64).prop_map(|(parts, tenths)| Action::Reorder {
            links: Vec::new(),
            parts,
            whole: 100,
            extra: Duration::millis(100 * tenths),
        }),
        1 => (both(), 2..=10_u32).prop_map(|(links, parts)| Action::Delay { links, slow: Slow::Times { parts, whole: 1 }, ramp: Duration::ZERO }),
    ]
}

/// The same fault in a world of so many regions; `None` where nothing is left of it, as of a link from a region to itself.
pub fn within(fault: &Fault, regions: u16) -> Option<Fault> {
    let here = |target: Target| match target {
        Target::Region(RegionId(place)) => Target::Region(RegionId(place % regions)),
        other => other,
    };
    let links = |links: &[(Target, Target)]| {
        let links = links.iter().map(|(a, b)| (here(*a), here(*b))).filter(|(a, b)| a != b);
        links.collect::<Vec<_>>()
    };
    let needed = |links: Vec<(Target, Target)>| (!links.is_empty()).then_some(links);
    let few = |places: &[Target], least: usize| {
        let places =
            places.iter().filter(|place| !matches!(place, Target::Region(RegionId(place)) if *place >= regions));
        let places: Vec<Target> = places.copied().collect();
        (places.len() >= least).then_some(places)
    };
    let action = match &fault.action {
        Action::Isolate(places) => Action::Isolate(places.iter().map(|place| here(*place)).collect()),
        Action::Crash(places) => Action::Crash(places.iter().map(|place| here(*place)).collect()),
        Action::Pause(places) => Action::Pause(places.iter().map(|place| here(*place)).collect()),
        Action::Cut { links: of, one_way } => Action::Cut { links: needed(links(of))?, one_way: *one_way },
        Action::Delay { links: of, slow, ramp } => {
            Action::Delay { links: needed(links(of))?, slow: *slow, ramp: *ramp }
        }
        Action::Shape { shape, places } => Action::Shape { shape: *shape, places: few(places, shape.places_min())? },
        other => other.clone(),
    };
    Some(Fault { action, ..fault.clone() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::strategy::ValueTree;
    use proptest::test_runner::TestRunner;

    fn worlds() -> Worlds {
        Worlds { compare_and_set: true, regions: 1..=7, ..Worlds::default() }
    }

    #[test]
    fn every_world_is_a_scenario_within_its_bounds() {
        let mut runner = TestRunner::deterministic();
        let strategy = worlds().strategy("any");
        let (mut kinds, mut regions) = (std::collections::BTreeSet::new(), std::collections::BTreeSet::new());
        for _ in 0..400 {
            let world = strategy.new_tree(&mut runner).unwrap().current();
            let setup = world.setup();
            assert!(setup.faults.len() <= 4 && setup.faults.is_sorted_by_key(|fault| fault.at));
            assert!(setup.clocks.wrong.iter().all(|clock| clock.offset_ns.1.abs() <= 50_000_000));
            kinds.extend(setup.faults.iter().map(|fault| fault.action.kind()));
            regions.insert(setup.topology.regions().len());
        }
        assert_eq!((kinds.len(), regions.len()), (11, 7), "{kinds:?}");
    }

    #[test]
    fn a_world_shrinks_to_almost_nothing() {
        let mut runner = TestRunner::deterministic();
        let mut tree = worlds().strategy("any").new_tree(&mut runner).unwrap();
        let mut steps = 0;
        while tree.simplify() {
            steps += 1;
            assert!(steps < 10_000, "it comes to an end");
        }
        let setup = tree.current().setup();
        assert_eq!((setup.topology.regions().len(), setup.faults.len()), (1, 0));
        assert_eq!((setup.workload.keys.keys(), setup.workload.mix.read), (1, 0));
        assert!(setup.clocks == Default::default(), "{:?}", setup.clocks);
    }

    #[test]
    fn faults_shrink_towards_the_start_and_whole_seconds() {
        let mut runner = TestRunner::deterministic();
        let mut tree = schedules(1..=1, Duration::secs(30)).new_tree(&mut runner).unwrap();
        while tree.simplify() {}
        let fault = tree.current().remove(0);
        assert_eq!((fault.at, fault.lasts), (Time::ZERO + Duration::secs(1), Some(Duration::millis(100))));
        assert!(matches!(fault.action, Action::Isolate(_)), "{fault:?}");
    }
}
