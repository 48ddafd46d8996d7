//! Worlds that something breaks, and what is changed in them for a design. Next: `options.rs`.

use proptest::prelude::*;
use riftzone::id::RegionId;
use riftzone::model::clock::{Whose, WrongClocks};
use riftzone::model::fault::{Action, Fault, Shape, Slow, SlowDisk, Target};
use riftzone::model::latency::Delay;
use riftzone::model::routing::{Policy, Roam, Routing};
use riftzone::model::service::{Capacity, Load, ServiceModel};
use riftzone::model::topology::Topology;
use riftzone::model::transport::{Bandwidth, StreamTransport};
use riftzone::model::workload::{Arrivals, KeyChooser, Mix, Objects};
use riftzone::op::Object;
use riftzone::protocol::crdt::Type;
use riftzone::sim::Setup;
use riftzone::time::Duration;

use crate::support::{self, after};

pub const NAMES: [&str; 5] = ["a", "b", "c", "d", "e"];

/// A world that something breaks up to six times.
pub fn worlds(compare_and_set: u32, do_disks_keep: bool) -> impl Strategy<Value = Setup> {
    let regions = prop_oneof![3 => Just(3_u16), 1 => Just(5_u16)];
    (regions, 0..4_u64, 1..4_u64, 1..30_u32).prop_flat_map(move |(regions, sync_ms, spread, keys)| {
        prop::collection::vec(faults(regions, do_disks_keep), 0..6).prop_map(move |faults| {
            let mut setup = support::setup(topology(regions, spread), 40);
            setup.workload.clients = vec![2; regions.into()];
            setup.workload.arrivals = Arrivals::Poisson(Duration::millis(60));
            setup.workload.keys = KeyChooser::zipf(keys, 0.8);
            setup.workload.mix = Mix { read: 4, write: 4, compare_and_set };
            setup.workload.retry_after = Some(Duration::millis(700));
            setup.disk.sync = Delay::constant(Duration::millis(sync_ms));
            setup.settle = Duration::secs(30);
            // In some worlds work takes time, so that what is slow or asked for too often falls behind.
            let times = Capacity {
                read: Duration::micros(500),
                write: Duration::micros(800),
                message: Duration::micros(50),
                timer: Duration::micros(20),
                is_exponential: true,
                ..Capacity::default()
            };
            setup.service = (keys % 3 == 0).then(|| ServiceModel::everywhere(times, regions.into()));
            // In some, everything goes over connections.
            setup.transport = (keys % 4 == 1).then(StreamTransport::default);
            setup.faults = faults;
            setup
        })
    })
}

pub fn topology(regions: u16, spread: u64) -> Topology {
    let mut topology = Topology::new(&NAMES[..regions.into()]);
    for from in 0..regions {
        for to in (0..regions).filter(|to| *to != from) {
            let low = Duration::millis(10 + 5 * u64::from(from + to));
            topology.set_delay(RegionId(from), RegionId(to), Delay::uniform(low, low * spread));
        }
    }
    topology
}

pub fn faults(regions: u16, do_disks_keep: bool) -> impl Strategy<Value = Fault> {
    let region = move || (0..regions).prop_map(|r| Target::Region(RegionId(r)));
    let target = move || prop_oneof![2 => region(), 1 => Just(Target::Leader)];
    let link = move || (region(), region()).prop_map(|(a, b)| vec![(a, b), (b, a)]);
    let action = prop_oneof![
        2 => target().prop_map(|t| Action::Crash(vec![t])),
        2 => target().prop_map(|t| Action::Pause(vec![t])),
        2 => target().prop_map(|t| Action::TornCrash(vec![t])),
        1 => (target(), error_ns()).prop_map(|(t, by_ns)| Action::ClockStep { nodes: vec![t], by_ns }),
        1 => (target(), error_ns(), 1..3_000_u64).prop_map(|(t, by_ns, every)| Action::ClockStrobe {
            nodes: vec![t],
            by_ns,
            every: Duration::millis(every),
        }),
        1 => (target(), -900_000_000..2_000_000_000_i64)
            .prop_map(|(t, ns_per_s)| Action::ClockDrift { nodes: vec![t], ns_per_s }),
        1 => (target(), prop::option::of(1_001..5_000_u64)).prop_map(|(t, smear)| Action::ClockLeap {
            nodes: vec![t],
            smear: smear.map(Duration::millis),
        }),
        1 => (order(regions), 1..2_000_u64, 0..2_000_u64).prop_map(|(places, down, gap)| Action::RollingRestart {
            places,
            down: Duration::millis(down),
            gap: Duration::millis(gap),
        }),
        2 => (target(), slow(), 0..4_u64).prop_map(|(node, slow, ramp)| Action::SlowDisk {
            nodes: vec![node],
            slow: SlowDisk { slow, ramp: Duration::secs(ramp) },
        }),
        3 => target().prop_map(|t| Action::Isolate(vec![t])),
        3 => (region(), region()).prop_map(|(a, b)| Action::Cut { links: vec![(a, b), (b, a)], one_way: false }),
        2 => (region(), region()).prop_map(|(a, b)| Action::Cut { links: vec![(a, b)], one_way: true }),
        1 => (1..30_u32).prop_map(|parts| Action::Loss { links: Vec::new(), parts, whole: 100 }),
        1 => (1..30_u32).prop_map(|parts| Action::Corrupt { links: Vec::new(), parts, whole: 100 }),
        3 => (1..=100_u32).prop_map(|parts| Action::Duplicate { links: Vec::new(), parts, whole: 100 }),
        3 => (1..=100_u32, 1..3_000_u64).prop_map(|(parts, extra)| Action::Reorder {
            links: Vec::new(),
            parts,
            whole: 100,
            extra: Duration::millis(extra),
        }),
        2 => (link(), slow(), 0..5_u64).prop_map(|(links, slow, ramp)| Action::Delay {
            links,
            slow,
            ramp: Duration::secs(ramp),
        }),
        2 => target().prop_map(|t| Action::GatewayDown(vec![t])),
        2 => (link(), 5..2_000_u64).prop_map(|(links, kilobits)| Action::Throttle {
            links,
            bandwidth: Bandwidth::bits_per_second(1_000 * kilobits),
            patience: Duration::secs(1),
        }),
        2 => (link(), 50..3_000_u64, 50..3_000_u64, any::<bool>()).prop_map(|(links, up, down, jitter)| Action::Flap {
            links,
            up: Duration::millis(up),
            down: Duration::millis(down),
            jitter: jitter.then_some((1, 2)),
        }),
        2 => target().prop_map(|t| Action::Gray(vec![t])),
        2 => target().prop_map(|t| Action::Slow { nodes: vec![t], slow: Slow::Times { parts: 20, whole: 1 } }),
        1 => (2..6_u32, 0..4_u64).prop_map(|(parts, ramp)| Action::Load {
            regions: Vec::new(),
            load: Load { parts, whole: 1, ramp: Duration::secs(ramp) },
        }),
        2 => (shape(), order(regions)).prop_map(|(shape, places)| Action::Shape { shape, places }),
    ];
    let forgetful = prop_oneof![
        target().prop_map(|t| Action::LyingDisk(vec![t])),
        target().prop_map(|t| Action::Wipe(vec![t])),
        target().prop_map(|t| Action::Crash(vec![t])),
    ];
    let action = if do_disks_keep { action.boxed() } else { prop_oneof![action, forgetful].boxed() };
    (1_500..38_000_u64, 100..12_000_u64, action).prop_map(|(at, lasts, action)| Fault {
        at: after(at),
        lasts: Some(Duration::millis(lasts)),
        action,
        may_touch_nothing: true,
    })
}

/// How far a clock is set: anything up to an hour.
pub fn error_ns() -> impl Strategy<Value = i64> {
    prop_oneof![-1_000_000_000..1_000_000_000_i64, -3_600_000_000_000..3_600_000_000_000_i64]
}

pub fn slow() -> impl Strategy<Value = Slow> {
    prop_oneof![
        (11..100_u32).prop_map(|parts| Slow::Times { parts, whole: 10 }),
        (1..3_000_u64).prop_map(|more| Slow::Add(Duration::millis(more))),
    ]
}

pub fn shape() -> impl Strategy<Value = Shape> {
    prop_oneof![Just(Shape::Bridge), Just(Shape::Ring), Just(Shape::MajorityMinority)]
}

/// All regions, in any order.
pub fn order(regions: u16) -> impl Strategy<Value = Vec<Target>> {
    Just((0..regions).map(|region| Target::Region(RegionId(region))).collect::<Vec<_>>()).prop_shuffle()
}

/// The same world, with clients that mostly read before they write.
pub fn read_first(mut setup: Setup) -> Setup {
    setup.workload.objects = Objects::Registers { read_modify_write: 4 };
    setup.workload.mix = Mix { read: 2, write: 1, compare_and_set: 0 };
    setup
}

/// The same world, with clients that read and put rows of three columns, whole and column by column.
pub fn of_rows(mut setup: Setup) -> Setup {
    setup.workload.objects = Objects::Rows { columns: 3, put: 3, put_column: 2 };
    setup.workload.mix = Mix { read: 4, write: 0, compare_and_set: 0 };
    setup
}

/// The same world, with clients that ask for what this type has.
pub fn of_type(mut setup: Setup, what: Type) -> Setup {
    let update = 4;
    setup.workload.objects = match what {
        Type::GCounter => Objects::Counters { add: update, subtract: 0 },
        Type::PnCounter | Type::BoundedCounter => Objects::Counters { add: update, subtract: update },
        Type::OrSet => Objects::Sets { insert: update, remove: update, items: 4 },
        Type::LwwRegister | Type::MvRegister => return setup,
        Type::Rga => Objects::Lists { insert: update, remove: update },
    };
    setup.workload.mix = Mix { read: 4, write: 0, compare_and_set: 0 };
    // Counters add up where nobody asks two nodes for one addition.
    if setup.workload.objects.object() == Object::Counter {
        setup.workload.retry_after = None;
    }
    setup
}

/// Half of the clients move to the first region after twenty seconds, and take their tokens with them.
pub fn half_move() -> Routing {
    let roam = Roam { parts: 1, whole: 2, to: RegionId(0), at: after(20_000), token_kept: true };
    Routing { roam: Some(roam), ..Routing::new(Policy::Nearest) }
}

/// A region's clients have a clock that is so far ahead.
pub fn clients_off(region: u16, by_ms: i64) -> WrongClocks {
    let by_ns = by_ms * 1_000_000;
    WrongClocks { region: RegionId(region), whose: Whose::Clients, offset_ns: (by_ns, by_ns), drift_ns_per_s: (0, 0) }
}

/// A region loses its disk.
pub fn wipe(region: u16, at: u64, lasts: u64) -> Fault {
    let action = Action::Wipe(vec![Target::Region(RegionId(region))]);
    Fault { at: after(at), lasts: Some(Duration::millis(lasts)), action, may_touch_nothing: true }
}
