//! What a file says is what a scenario is.

mod mistakes;
#[cfg(feature = "cli")]
mod routing;
mod schema;

use std::path::Path;

use proptest::prelude::*;

use super::*;
use crate::id::{RegionId, Role};
use crate::model::clock::{ClockModel, Whose, WrongClocks};
use crate::model::disk::{DiskModel, OwnDisk, SyncPolicy};
use crate::model::fault::{Action, Fault, Shape, Slow, SlowDisk, Target};
use crate::model::latency::Delay;
use crate::model::transport::{Bandwidth, StreamTransport};
use crate::model::workload::{Arrivals, Mix};
use crate::time::{Duration, Time};

/// A scenario that says everything that can be said.
const WHOLE: &str = r#"
schema = "scenario.json"
name = "everything"
lesson = "One of each."
source = "nowhere"
assumed = ["this", "that"]
duration = "2min"
settle = "20s"

[topology]
matrix = "aws-2025-07"
regions = ["us-east-1", "eu-west-1", "moon"]
jitter = "none"
symmetric = false
local_rtt = "1ms"
clock_uncertainty = "7ms"
bandwidth = "10Gbit/s"
zones = 3
zone_rtt = "2ms"

[[topology.link]]
from = "us-east-1"
to = "moon"
one_way = ["1.2s", "1.4s"]

[[topology.link]]
from = "eu-west-1"
to = "moon"
rtt = "2.6s"
both = false

[[topology.link]]
from = "moon"
to = "eu-west-1"
rtt = ["2s", "4s"]
bandwidth = "9600bit/s"
both = false

[[topology.link]]
from = "us-east-1"
to = "eu-west-1"
bandwidth = "1Gbit/s"

[[topology.clock]]
region = "moon/monitor"
offset = ["-5ms", "5ms"]
drift_ppm = [-20, 20]

[[topology.clock]]
region = "moon/client"
offset = "3s"

[[topology.clock]]
region = "moon"
offset = "-500ms"
drift_ppm = 12.5

[disk]
sync = { median = "1ms", p99 = "9ms" }
policy = { interval = "200ms" }

[transport]
kind = "stream"
window = "64KiB"
rto_min = "100ms"
rto_max = "1min"
give_up = "30s"
dial = "5s"
buffer = 100

[workload]
clients = { us-east-1 = 4, moon = 1 }
think = "10ms"
keys = 10
popularity = { zipf = 0.99 }
mix = { read = 1, write = 2, compare_and_set = 3 }
timeout = "3s"
retry_after = "1s"
backoff = "50ms"
warm_up = "2s"
operations_per_client = 100

[[fault]]
at = "10s"
crash = ["leader"]

[[fault]]
at = "11s"
for = "1s"
pause = ["moon/witness", "eu-west-1"]

[[fault]]
at = "12s"
isolate = ["moon"]
may_touch_nothing = true

[[fault]]
at = "13s"
partition = [["moon"], ["us-east-1", "eu-west-1"]]

[[fault]]
at = "14s"
cut = [["moon", "leader"]]

[[fault]]
at = "15s"
cut_one_way = [["moon", "us-east-1/monitor"]]

[[fault]]
at = "16s"
loss = { ratio = "0.5%", links = [["moon", "us-east-1"]] }

[[fault]]
at = "17s"
loss = { ratio = "1%" }

[[fault]]
at = "18s"
heal = true

[[fault]]
at = "19s"
bridge = ["moon", "us-east-1/monitor", "eu-west-1"]

[[fault]]
at = "20s"
ring = ["moon", "us-east-1", "eu-west-1", "moon/witness"]

[[fault]]
at = "21s"
majority_minority = ["moon", "us-east-1", "eu-west-1"]

[[fault]]
at = "22s"
flap = { links = [["moon", "us-east-1"]], up = "20s", down = "5s", jitter = "20%" }

[[fault]]
at = "23s"
corrupt = { ratio = "1%", links = [["moon", "us-east-1"]] }

[[fault]]
at = "24s"
duplicate = { ratio = "5%" }

[[fault]]
at = "25s"
reorder = { ratio = "10%", extra = "80ms" }

[[fault]]
at = "26s"
delay = { slow = "x1.5", links = [["moon", "us-east-1"]] }

[[fault]]
at = "27s"
delay = { add = "40ms" }

[[fault]]
at = "28s"
throttle = { bandwidth = "64kbit/s", queue = "2s", links = [["moon", "us-east-1"]] }

[[fault]]
at = "29s"
throttle = { bandwidth = "1.5Mbit/s" }

[[fault]]
at = "30s"
gateway_down = ["moon", "leader"]

[[fault]]
at = "31s"
crash = ["moon/b"]

[[fault]]
at = "32s"
delay = { slow = "x2", ramp = "10s" }

[[fault]]
at = "33s"
slow_disk = { nodes = ["leader", "moon"], factor = "x50", ramp = "3s" }

[[fault]]
at = "34s"
torn_crash = ["moon"]

[[fault]]
at = "35s"
rolling_restart = { nodes = ["moon", "us-east-1/monitor"], down = "2s", gap = "0s" }

[[fault]]
at = "36s"
wipe = ["leader"]

[[fault]]
at = "37s"
lying_disk = ["moon", "eu-west-1"]

[[fault]]
at = "38s"
clock_step = { nodes = ["moon"], by = "-5s" }

[[fault]]
at = "39s"
clock_drift = { nodes = ["leader"], ppm = -500.5 }

[[fault]]
at = "40s"
clock_strobe = { nodes = ["moon"], by = "+200ms", every = "50ms" }

[[fault]]
at = "41s"
clock_leap = { nodes = ["moon"] }

[[fault]]
at = "42s"
clock_leap = { nodes = ["moon"], smear = "20s" }

[[fault]]
at = "100s"
for = "1s"
every = "10s"
pause = ["moon"]

[design.z]
protocol = "last-writer-wins"
replicas = ["moon", "us-east-1"]
groups = 3
transport = { kind = "datagram" }
gossip-every = "250ms"
clock = "wall"
disk = { policy = "never" }

[design.a]
protocol = "last-writer-wins"

[expect.a]
rto_s = { median = "3.3s..4.1s", max = "< 8s" }
linearizable = { some = "fail" }

[expect]
single_writer = "fail"
"availability/moon" = ">= 99%"
conflicts = 0
convergence = "pass"
[budget.a]
rto_s = "0.5s"
"availability/moon" = 0.01

[budget]
worse_than_baseline = "2%"
rto_s = "10%"
availability = "0.5%"
messages = 100
"#;

/// The smallest scenario: line 4 begins the topology, 8 the workload, 11 the design.
const SMALL: &str = r#"name = "small"
duration = "1min"

[topology]
regions = ["a", "b"]
link = [{ from = "a", to = "b", rtt = "30ms" }]

[workload]
rate = "10/s"

[design.x]
protocol = "last-writer-wins"
"#;

const MOON: RegionId = RegionId(2);

fn whole() -> Scenario {
    Scenario::parse(WHOLE, "whole.toml").unwrap_or_else(|error| panic!("{error}"))
}

#[test]
fn everything_that_can_be_said_is_understood() {
    let Scenario { name, lesson, source, assumed, setup, designs, .. } = whole();
    assert_eq!(
        (name.as_str(), lesson.as_deref(), source.as_deref()),
        ("everything", Some("One of each."), Some("nowhere"))
    );
    assert_eq!(assumed, ["this", "that"]);
    assert_eq!((setup.duration, setup.settle), (Duration::secs(120), Duration::secs(20)));
    let sync = Delay::lognormal_with(Duration::millis(1), Duration::millis(9));
    assert_eq!(setup.disk, DiskModel { sync, policy: SyncPolicy::Interval(Duration::millis(200)) });
    let streams = StreamTransport {
        window: Some(65_536),
        rto_min: Duration::millis(100),
        rto_max: Duration::secs(60),
        give_up: Duration::secs(30),
        dial: Duration::secs(5),
        buffer: 100,
    };
    assert_eq!(setup.transport, Some(streams));
    assert_eq!((designs[0].transport, designs[1].transport), (Some(None), None));
    assert_eq!((designs[0].setup(&setup).transport, designs[1].setup(&setup).transport), (None, Some(streams)));
    assert_eq!((setup.topology.zones(), *setup.topology.zone_delay()), (3, Delay::constant(Duration::millis(1))));
    let workload = &setup.workload;
    assert_eq!(workload.clients, [4, 0, 1]);
    assert_eq!(workload.arrivals, Arrivals::Closed(Duration::millis(10)));
    assert_eq!(workload.mix, Mix { read: 1, write: 2, compare_and_set: 3 });
    assert_eq!(workload.keys.keys(), 10);
    assert_eq!((workload.timeout, workload.retry_after), (Duration::secs(3), Some(Duration::secs(1))));
    assert_eq!((workload.backoff, workload.warm_up), (Duration::millis(50), Duration::secs(2)));
    assert_eq!(workload.operations_per_client, Some(100));
    let places: Vec<_> = designs.iter().map(|design| (&*design.name, &design.placement.regions[..])).collect();
    assert_eq!(places, [("z", &[MOON, RegionId(0)][..]), ("a", &[RegionId(0), RegionId(1), MOON])]);
    assert_eq!((designs[0].placement.groups, designs[1].placement.groups), (3, 1));
    assert!(format!("{:?}", designs[0].configured).contains("gossip_every: 250ms"));
    assert_eq!(designs[0].disk, Some(OwnDisk { sync: None, policy: Some(SyncPolicy::Never) }));
    assert_eq!(designs[0].setup(&setup).disk, DiskModel { sync, policy: SyncPolicy::Never });
    assert_eq!((designs[1].disk, designs[1].setup(&setup).disk), (None, setup.disk));
}

#[test]
fn links_of_ones_own_replace_the_matrix() {
    let setup = whole().setup;
    let (us, eu) = (RegionId(0), RegionId(1));
    let delay = |from, to| *setup.topology.delay(from, to);
    let lunar = Delay::uniform(Duration::millis(1_200), Duration::millis(1_400));
    assert_eq!((delay(us, MOON), delay(MOON, us)), (lunar, lunar));
    assert_eq!(delay(eu, MOON), Delay::constant(Duration::millis(1_300)));
    assert_eq!(delay(MOON, eu), Delay::uniform(Duration::secs(1), Duration::secs(2)));
    assert_eq!(delay(MOON, MOON), Delay::constant(Duration::micros(500)));
    assert_eq!(delay(eu, us), Delay::constant("34.868ms".parse().unwrap()), "half of 69.736 ms, this way");
    assert!(delay(us, eu) != delay(eu, us), "not made symmetric");
    let bits = |from, to| setup.topology.bandwidth(from, to).map(Bandwidth::as_bits_per_second);
    assert_eq!(
        (bits(us, MOON), bits(MOON, us), bits(eu, MOON)),
        (Some(10_000_000_000), Some(10_000_000_000), Some(10_000_000_000))
    );
    assert_eq!((bits(MOON, eu), bits(us, eu), bits(eu, us)), (Some(9_600), Some(1_000_000_000), Some(1_000_000_000)));
    assert_eq!((bits(us, us), bits(MOON, MOON)), (None, None), "nothing inside a region waits");
    let wrong = |whose, offset_ns, drift_ns_per_s| WrongClocks { region: MOON, whose, offset_ns, drift_ns_per_s };
    let wrong = vec![
        wrong(Whose::Nodes, (-500_000_000, -500_000_000), (12_500, 12_500)),
        wrong(Whose::Role(Role::Monitor), (-5_000_000, 5_000_000), (-20_000, 20_000)),
        wrong(Whose::Clients, (3_000_000_000, 3_000_000_000), (0, 0)),
    ];
    assert_eq!(setup.clocks, ClockModel { uncertainty: Duration::millis(7), wrong });
}

#[test]
fn every_kind_of_fault_is_read() {
    let (us, eu) = (Target::Region(RegionId(0)), Target::Region(RegionId(1)));
    let moon = Target::Region(MOON);
    let monitor = Target::Role(RegionId(0), Role::Monitor);
    let witness = Target::Role(MOON, Role::Witness);
    let (to_moon, sec) = (|| vec![(moon, us), (us, moon)], Duration::secs);
    let fault = |at, lasts: Option<u64>, action| Fault {
        at: Time::ZERO + Duration::secs(at),
        lasts: lasts.map(Duration::secs),
        action,
        may_touch_nothing: at == 12,
    };
    let both_ways = vec![(moon, us), (us, moon), (moon, eu), (eu, moon)];
    assert_eq!(
        whole().setup.faults,
        [
            fault(10, None, Action::Crash(vec![Target::Leader])),
            fault(11, Some(1), Action::Pause(vec![witness, eu])),
            fault(12, None, Action::Isolate(vec![moon])),
            fault(13, None, Action::Cut { links: both_ways, one_way: false }),
            fault(
                14,
                None,
                Action::Cut { links: vec![(moon, Target::Leader), (Target::Leader, moon)], one_way: false }
            ),
            fault(15, None, Action::Cut { links: vec![(moon, monitor)], one_way: true }),
            fault(16, None, Action::Loss { links: vec![(moon, us), (us, moon)], parts: 5, whole: 1_000 }),
            fault(17, None, Action::Loss { links: Vec::new(), parts: 10, whole: 1_000 }),
            fault(18, None, Action::Heal),
            fault(19, None, Action::Shape { shape: Shape::Bridge, places: vec![moon, monitor, eu] }),
            fault(20, None, Action::Shape { shape: Shape::Ring, places: vec![moon, us, eu, witness] }),
            fault(21, None, Action::Shape { shape: Shape::MajorityMinority, places: vec![moon, us, eu] }),
            fault(22, None, Action::Flap { links: to_moon(), up: sec(20), down: sec(5), jitter: Some((200, 1_000)) }),
            fault(23, None, Action::Corrupt { links: to_moon(), parts: 10, whole: 1_000 }),
            fault(24, None, Action::Duplicate { links: Vec::new(), parts: 50, whole: 1_000 }),
            fault(
                25,
                None,
                Action::Reorder { links: Vec::new(), parts: 100, whole: 1_000, extra: Duration::millis(80) }
            ),
            fault(
                26,
                None,
                Action::Delay { links: to_moon(), slow: Slow::Times { parts: 15, whole: 10 }, ramp: Duration::ZERO }
            ),
            fault(
                27,
                None,
                Action::Delay { links: Vec::new(), slow: Slow::Add(Duration::millis(40)), ramp: Duration::ZERO }
            ),
            fault(
                28,
                None,
                Action::Throttle { links: to_moon(), bandwidth: Bandwidth::bits_per_second(64_000), patience: sec(2) }
            ),
            fault(
                29,
                None,
                Action::Throttle {
                    links: Vec::new(),
                    bandwidth: Bandwidth::bits_per_second(1_500_000),
                    patience: sec(1)
                }
            ),
            fault(30, None, Action::GatewayDown(vec![moon, Target::Leader])),
            fault(31, None, Action::Crash(vec![Target::Zone(MOON, 1)])),
            fault(
                32,
                None,
                Action::Delay { links: Vec::new(), slow: Slow::Times { parts: 20, whole: 10 }, ramp: sec(10) }
            ),
            fault(
                33,
                None,
                Action::SlowDisk {
                    nodes: vec![Target::Leader, moon],
                    slow: SlowDisk { slow: Slow::Times { parts: 500, whole: 10 }, ramp: sec(3) },
                }
            ),
            fault(34, None, Action::TornCrash(vec![moon])),
            fault(35, None, Action::RollingRestart { places: vec![moon, monitor], down: sec(2), gap: Duration::ZERO }),
            fault(36, None, Action::Wipe(vec![Target::Leader])),
            fault(37, None, Action::LyingDisk(vec![moon, eu])),
            fault(38, None, Action::ClockStep { nodes: vec![moon], by_ns: -5_000_000_000 }),
            fault(39, None, Action::ClockDrift { nodes: vec![Target::Leader], ns_per_s: -500_500 }),
            fault(40, None, Action::ClockStrobe { nodes: vec![moon], by_ns: 200_000_000, every: Duration::millis(50) }),
            fault(41, None, Action::ClockLeap { nodes: vec![moon], smear: None }),
            fault(42, None, Action::ClockLeap { nodes: vec![moon], smear: Some(sec(20)) }),
            // Every ten seconds, while clients ask: until two minutes.
            fault(100, Some(1), Action::Pause(vec![moon])),
            fault(110, Some(1), Action::Pause(vec![moon])),
        ]
    );
}

/// What no matrix has: one duration is the mean.
#[test]
fn a_link_may_be_exponential() {
    let link = "rtt = \"30ms\", distribution = \"exponential\" }";
    let setup = Scenario::parse(&SMALL.replace("rtt = \"30ms\" }", link), "small.toml").unwrap().setup;
    assert_eq!(*setup.topology.delay(RegionId(0), RegionId(1)), Delay::exponential(Duration::millis(15)));
}

#[test]
fn expectations_of_all_come_before_a_designs_own() {
    let expected = |design: &Design| -> Vec<String> {
        let each = design.expectations.iter();
        each.map(|expectation| format!("{} {} {}", expectation.over.name(), expectation.name, expectation.bound))
            .collect()
    };
    let Scenario { designs, .. } = whole();
    let of_all =
        ["every single-writer fail", "every availability/moon >= 0.99", "every conflicts 0", "every convergence pass"];
    assert_eq!(expected(&designs[0]), of_all);
    let own = ["median rto_s 3.3..4.1", "max rto_s < 8", "some linearizable fail"];
    assert_eq!(expected(&designs[1]), [&of_all[..], &own[..]].concat());
}

/// What the smallest scenario leaves out has its default.
#[test]
fn what_is_left_out_has_its_default() {
    let Scenario { setup, designs, .. } = Scenario::parse(SMALL, "small.toml").unwrap();
    let workload = &setup.workload;
    assert_eq!(workload.clients, [8, 8]);
    assert_eq!(workload.arrivals, Arrivals::Poisson(Duration::millis(100)));
    assert_eq!((workload.keys.keys(), workload.mix), (1_000, Mix { read: 8, write: 2, compare_and_set: 0 }));
    assert_eq!((workload.timeout, workload.retry_after), (Duration::secs(2), None));
    assert_eq!((workload.backoff, workload.warm_up), (Duration::millis(100), Duration::secs(5)));
    assert_eq!((setup.settle, setup.disk), (Duration::secs(30), DiskModel::default()));
    assert_eq!((setup.transport, setup.topology.zones(), setup.topology.has_bandwidth()), (None, 1, false));
    let delay = |from, to| *setup.topology.delay(RegionId(from), RegionId(to));
    assert_eq!(
        (delay(0, 1), delay(1, 0)),
        (Delay::constant(Duration::millis(15)), Delay::constant(Duration::millis(15)))
    );
    assert_eq!(delay(0, 0), Delay::constant(Duration::micros(250)));
    assert_eq!(designs[0].expectations, []);
    assert!(designs[0].run(&setup, 1, crate::trace::Trace::off()).measures.outcomes(None).ok > 0);
}

#[test]
fn a_matrix_is_symmetric_and_scattered_unless_told_otherwise() {
    let text = SMALL.replace("link = [{ from = \"a\", to = \"b\", rtt = \"30ms\" }]", "matrix = \"aws-2025-07\"");
    let text = text.replace("[\"a\", \"b\"]", "[\"us-east-1\", \"eu-west-1\"]");
    let setup = Scenario::parse(&text, "small.toml").unwrap().setup;
    let (there, back) =
        (setup.topology.delay(RegionId(0), RegionId(1)), setup.topology.delay(RegionId(1), RegionId(0)));
    assert_eq!(there, back);
    assert!(there.has_dispersion());
}

#[test]
fn the_catalogue_can_be_read() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios");
    let mut read = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|extension| extension == "toml") {
            let text = std::fs::read_to_string(&path).unwrap();
            if let Err(error) = Scenario::parse(&text, &path.display().to_string()) {
                panic!("{error}");
            }
            read += 1;
        }
    }
    assert!(read >= 9, "the catalogue was found");
}

/// What the page of a fault shows is what the reader reads, and is that fault.
#[test]
fn the_example_on_a_page_is_of_its_kind() {
    let names = ["us-east-1", "us-west-2", "eu-west-1", "ap-northeast-1", "sa-east-1"];
    for page in crate::model::fault_page::pages() {
        let text = SMALL.replace("link = [{ from = \"a\", to = \"b\", rtt = \"30ms\" }]", "matrix = \"aws-2025-07\"");
        let text = text.replace("[\"a\", \"b\"]", &format!("{names:?}"));
        let text = format!("{text}\n[service]\nread = \"1ms\"\n\n[[fault]]\nat = \"1s\"\n{}\n", page.example);
        let setup = Scenario::parse(&text, "page.toml").unwrap_or_else(|error| panic!("{error}")).setup;
        assert_eq!(setup.faults[0].action.kind(), page.kind);
    }
}

#[test]
fn the_starter_keeps_any_name() {
    for name in ["a bad day", "\"quoted\" \\ and\nlong", "", "ünï"] {
        assert_eq!(Scenario::parse(&starter(name), "new.toml").unwrap().name, name);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn no_text_makes_the_reader_panic(text in any::<String>(), near in "[\\[\\]a-c.=\"' \n{},0-9#-]{0,80}") {
        let _ = Scenario::parse(&text, "f.toml").map_err(|error| error.to_string());
        let _ = Scenario::parse(&near, "f.toml").map_err(|error| error.to_string());
        let _ = Scenario::parse(&format!("{SMALL}{near}"), "f.toml").map_err(|error| error.to_string());
    }

    #[test]
    fn no_change_makes_the_reader_panic(
        from in any::<prop::sample::Index>(),
        length in 0..12_usize,
        instead in prop_oneof![
            Just(String::new()),
            "[\\[\\]a-z.=\"' \n{},0-9#%/-]{1,6}",
            any::<String>(),
            prop::sample::select(vec!["0", "nan", "18446744073709551616", "\"\"", "[]", "1979-05-27", "[[fault]]\n"])
                .prop_map(str::to_string),
        ],
    ) {
        let start = from.index(WHOLE.len());
        let end = (start + length).min(WHOLE.len());
        let text = format!("{}{instead}{}", &WHOLE[..start], &WHOLE[end..]);
        if let Err(error) = Scenario::parse(&text, "f.toml") {
            prop_assert!(error.line >= 1 && error.column >= 1 && error.span.end <= text.len(), "{error:?}");
        }
    }
}

/// Where a change of single characters does not reach: whole values of the wrong kind.
#[test]
fn a_value_of_any_kind_in_any_place_is_no_panic() {
    let values = [
        "1",
        "-9223372036854775808",
        "1.5",
        "nan",
        "true",
        "\"x\"",
        "[]",
        "[[[]]]",
        "{}",
        "{ a = 1 }",
        "1979-05-27",
        "0x7f",
    ];
    for (place, _) in WHOLE.match_indices(" = ") {
        let start = place + 3;
        let end = start + WHOLE[start..].find('\n').unwrap();
        for value in values {
            let text = format!("{}{value}{}", &WHOLE[..start], &WHOLE[end..]);
            let _ = Scenario::parse(&text, "f.toml").map_err(|error| error.to_string());
        }
    }
}

#[test]
fn a_budget_is_found_from_the_nearest_to_the_widest() {
    let Scenario { designs, .. } = whole();
    let of = |name: &str| designs.iter().find(|design| design.name == name).unwrap();
    let (a, z) = (of("a"), of("z"));
    assert_eq!(a.budget("rto_s"), Some(Allowance::Amount(0.5)));
    assert_eq!(a.budget("rto_s/moon"), Some(Allowance::Amount(0.5)));
    assert_eq!(a.budget("availability/moon"), Some(Allowance::Amount(0.01)));
    assert_eq!(a.budget("availability/eu-west-1"), Some(Allowance::Share(0.005)));
    assert_eq!((a.budget("conflicts"), z.budget("rto_s")), (Some(Allowance::Share(0.02)), Some(Allowance::Share(0.1))));
    assert_eq!(z.budget("messages").unwrap().of(7.0), 100.0);
    assert_eq!(z.budget("conflicts").unwrap().of(200.0), 4.0);
    assert_eq!(Scenario::parse(SMALL, "small.toml").unwrap().designs[0].budget("rto_s"), None);
}
