use std::path::Path;

use proptest::prelude::*;

use super::*;
use crate::id::{RegionId, Role};
use crate::model::fault::{Action, Fault, Target};
use crate::model::latency::Delay;
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

[[topology.clock]]
region = "moon"
offset = "-500ms"
drift_ppm = 12.5

[disk]
sync = "1ms"

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

[design.z]
protocol = "last-writer-wins"
replicas = ["moon", "us-east-1"]
groups = 3
gossip-every = "250ms"

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
"#;

const MOON: RegionId = RegionId(2);

fn whole() -> Scenario {
    Scenario::parse(WHOLE, "whole.toml").unwrap_or_else(|error| panic!("{error}"))
}

#[test]
fn everything_that_can_be_said_is_understood() {
    let Scenario { name, lesson, source, assumed, setup, designs } = whole();
    assert_eq!(
        (name.as_str(), lesson.as_deref(), source.as_deref()),
        ("everything", Some("One of each."), Some("nowhere"))
    );
    assert_eq!(assumed, ["this", "that"]);
    assert_eq!((setup.duration, setup.settle), (Duration::secs(120), Duration::secs(20)));
    assert_eq!(setup.disk.sync, Duration::millis(1));
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
    assert_eq!((setup.clocks[2].offset_ns, setup.clocks[2].drift_ns_per_s), (-500_000_000, 12_500));
    assert!(setup.clocks.iter().all(|clock| clock.uncertainty == Duration::millis(7)));
}

#[test]
fn every_kind_of_fault_is_read() {
    let (us, eu) = (Target::Region(RegionId(0)), Target::Region(RegionId(1)));
    let moon = Target::Region(MOON);
    let monitor = Target::Role(RegionId(0), Role::Monitor);
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
            fault(11, Some(1), Action::Pause(vec![Target::Role(MOON, Role::Witness), eu])),
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
        ]
    );
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
    assert_eq!((setup.settle, setup.disk.sync), (Duration::secs(30), Duration::ZERO));
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

/// What is put in place of what in [`SMALL`] (or behind it, where nothing is replaced), and what is said to it.
const MISTAKES: &[(&str, &str, &str)] = &[
    // The file itself.
    ("duration = \"1min\"", "duration = 1min", "2:12: "),
    ("name = \"small\"", "name = \"small\"\nname = \"big\"", "2:1: duplicate key"),
    ("duration", "durration", "2:1: unknown key `durration`\n  help: did you mean `duration`?"),
    ("name = \"small\"\n", "", "1:1: `name` is missing"),
    ("\"small\"", "7", "1:8: expected a string, found integer `7`\n  help: write it in quotes"),
    (
        "\"1min\"",
        "60",
        "2:12: expected a string, found integer `60`\n  help: write it in quotes, and a duration with its unit",
    ),
    ("\"1min\"", "\"60\"", "2:12: `60` is not a duration: its unit is missing"),
    ("\"1min\"", "\"0s\"", "2:12: clients ask for longer than no time at all"),
    ("[workload]\nrate = \"10/s\"\n", "", "1:1: `[workload]` is missing"),
    ("[workload]", "[[workload]]", "8:1: expected a table with `rate` or `think`, found an array"),
    // Topology.
    ("regions = [\"a\", \"b\"]\n", "", "4:1: `regions` is missing"),
    ("[\"a\", \"b\"]", "[]", "5:11: a topology has 1 to 256 regions"),
    ("[\"a\", \"b\"]", "\"a\"", "5:11: expected an array, found string \"a\""),
    ("[\"a\", \"b\"]", "[\"a\", \"b\", \"a\"]", "5:22: `a` is named twice"),
    ("[\"a\", \"b\"]", "[\"a\", \"leader\"]", "5:17: `leader` cannot be a region's name"),
    (
        "[\"a\", \"b\"]",
        "[\"a\", \"b\", \"c\"]",
        "5:11: no delay is given from `a` to `c`\n  help: add `[[topology.link]]`",
    ),
    ("to = \"b\"", "to = \"bb\"", "6:27: no region is called `bb`\n  help: did you mean `b`? the regions are `a`, `b`"),
    (
        "rtt =",
        "rt =",
        "6:33: unknown key `rt`\n  help: did you mean `rtt`? the keys are `from`, `to`, `one_way`, `rtt`, `both`",
    ),
    (", rtt = \"30ms\"", "", "6:9: a link needs `one_way` or `rtt`"),
    ("\"30ms\"", "\"30ms\", one_way = \"15ms\"", "6:39: a link has `one_way` or `rtt`, not both"),
    ("\"30ms\"", "[\"30ms\"]", "6:39: expected a duration such as \"30ms\", or two: [\"30ms\", \"40ms\"], found 1"),
    ("\"30ms\"", "[\"3ms\", \"2ms\"]", "6:39: the longer delay comes first"),
    ("\"30ms\"", "30", "6:39: expected a duration such as \"30ms\", or two"),
    (" }]", " }, { from = \"b\", to = \"a\", rtt = \"9ms\" }]", "6:49: the link from `b` to `a` has a delay already"),
    (" }]", ", both = false }]", "5:11: no delay is given from `b` to `a`"),
    (
        "[topology]",
        "[topology]\nmatrix = \"aws-2025\"",
        "5:10: there is no latency matrix `aws-2025`\n  help: did you mean `aws-2025-07`?",
    ),
    (
        "regions = [\"a\", \"b\"]\nlink",
        "matrix = \"aws-2025-07\"\nregions = [\"us-east-1\", \"eu-wets-1\"]\n#",
        "6:25: the matrix has no region `eu-wets-1`\n  help: did you mean `eu-west-1`?",
    ),
    (
        "[topology]",
        "[topology]\njitter = \"measured\"",
        "5:10: `jitter` says how a matrix is used, and there is no `matrix`",
    ),
    (
        "[topology]",
        "[topology]\njitter = \"meaured\"",
        "5:10: unknown word `meaured`\n  help: did you mean `measured`? the words are `measured`, `none`",
    ),
    ("[topology]", "[topology]\nclock = [{ region = \"a\", drift_ppm = 1e6 }]", "5:38: a clock drifts by less"),
    (
        "[topology]",
        "[topology]\nclock = [{ region = \"a\", offset = \"-5\" }]",
        "5:35: `5` is not a duration: its unit is missing",
    ),
    (
        "[topology]",
        "[topology]\nclock = [{ region = \"a\" }, { region = \"a\" }]",
        "5:39: the clock of `a` is set twice",
    ),
    // Workload.
    ("rate = \"10/s\"", "", "8:1: a workload needs `rate` or `think`"),
    ("rate", "ratio", "9:1: unknown key `ratio`\n  help: did you mean `rate`?"),
    ("\"10/s\"", "\"10\"", "9:8: `10` is not a rate: write for example \"50/s\""),
    ("\"10/s\"", "\"10/s\"\nthink = \"1s\"", "10:9: a workload has `rate` or `think`, not both"),
    (
        "rate = \"10/s\"",
        "think = \"1s\"\narrivals = \"paced\"",
        "10:12: `arrivals` says how the operations of a `rate` come",
    ),
    ("\"10/s\"", "\"10/s\"\narrivals = \"fast\"", "10:12: unknown word `fast`"),
    ("\"10/s\"", "\"10/s\"\nclients = { c = 1 }", "10:13: no region is called `c`\n  help: the regions are `a`, `b`"),
    ("\"10/s\"", "\"10/s\"\nclients = { a = 0 }", "10:11: no region has a client"),
    (
        "\"10/s\"",
        "\"10/s\"\nclients = { a = -1 }",
        "10:17: expected a whole number from 0 to 4294967295, found integer `-1`",
    ),
    (
        "\"10/s\"",
        "\"10/s\"\nclients = { a = 1 }\nclients_per_region = 1",
        "10:11: a workload has `clients_per_region` or `clients`, not both",
    ),
    ("\"10/s\"", "\"10/s\"\nkeys = 0", "10:8: a workload has 1 to 10000000 keys"),
    ("\"10/s\"", "\"10/s\"\npopularity = \"zipf\"", "10:"),
    ("\"10/s\"", "\"10/s\"\npopularity = { zipff = 1 }", "10:16: unknown word `zipff`\n  help: did you mean `zipf`?"),
    ("\"10/s\"", "\"10/s\"\npopularity = { zipf = nan }", "10:23: a Zipf exponent is at least zero"),
    ("\"10/s\"", "\"10/s\"\nmix = { read = 0 }", "10:7: the mix has no operation"),
    ("\"10/s\"", "\"10/s\"\nmix = { reads = 1 }", "10:9: unknown key `reads`\n  help: did you mean `read`?"),
    ("\"10/s\"", "\"10/s\"\nmix = 8", "10:7: expected a table such as { read = 8, write = 2 }, found integer `8`"),
    ("\"10/s\"", "\"10/s\"\ntimeout = \"0s\"", "10:11: `timeout` is longer than no time at all"),
    ("\"10/s\"", "\"10/s\"\nretry_after = \"2s\"", "10:15: `retry_after` is shorter than `timeout`"),
    ("\"10/s\"", "\"10/s\"\nwarm_up = \"1min\"", "10:11: nothing would be asked"),
    ("\"10/s\"", "\"10/s\"\noperations_per_client = 5", "10:25: `operations_per_client` is for a closed loop"),
    ("rate = \"10/s\"\n", "think = \"0s\"\n[topology]\nlocal_rtt = \"0s\"\n#", "10:1: duplicate key"),
    (
        "[topology]",
        "[disk]\nsink = \"1ms\"\n[topology]",
        "5:1: unknown key `sink`\n  help: did you mean `sync`? the keys are `sync`",
    ),
    // Faults.
    ("", "[[fault]]\nheal = true", "13:1: `at` is missing"),
    ("", "[[fault]]\nat = \"1s\"", "13:1: the fault does not say what it does\n  help: give one of `crash`"),
    ("", "[[fault]]\nat = \"1s\"\nisolated = [\"a\"]", "15:1: unknown key `isolated`\n  help: did you mean `isolate`?"),
    (
        "",
        "[[fault]]\nat = \"1s\"\nheal = true\ncrash = [\"a\"]",
        "16:9: a fault does one thing, and this one has `heal` and `crash`",
    ),
    (
        "",
        "[[fault]]\nat = \"1min\"\nheal = true",
        "14:6: the fault would begin after the end\n  help: `duration` is 1min",
    ),
    ("", "[[fault]]\nat = \"1s\"\nfor = \"0s\"\ncrash = [\"a\"]", "15:7: a fault lasts longer than no time at all"),
    ("", "[[fault]]\nat = \"1s\"\nfor = \"1s\"\nheal = true", "15:7: a heal is over at once"),
    ("", "[[fault]]\nat = \"1s\"\nheal = false", "15:8: a heal is `heal = true`"),
    ("", "[[fault]]\nat = \"1s\"\ncrash = []", "15:9: the fault is aimed at nothing"),
    ("", "[[fault]]\nat = \"1s\"\ncrash = [\"a\", \"a\"]", "15:15: `a` is named twice"),
    (
        "",
        "[[fault]]\nat = \"1s\"\ncrash = [\"laeder\"]",
        "15:10: no region is called `laeder`\n  help: did you mean `leader`? the targets are `a`, `b`, `leader`",
    ),
    (
        "",
        "[[fault]]\nat = \"1s\"\ncrash = [\"a/montior\"]",
        "15:10: no role is called `montior`\n  help: did you mean `monitor`? the roles are `replica`, `witness`, `monitor`",
    ),
    ("", "[[fault]]\nat = \"1s\"\npartition = [[\"a\", \"b\"]]", "15:13: a partition has at least two sides"),
    ("", "[[fault]]\nat = \"1s\"\npartition = [[\"a\"], [\"b\", \"a\"]]", "15:27: `a` is on two sides"),
    ("", "[[fault]]\nat = \"1s\"\ncut = [[\"a\", \"b\", \"a\"]]", "15:8: a link is two names"),
    ("", "[[fault]]\nat = \"1s\"\ncut = [[\"a\", \"a\"]]", "15:14: a link has two ends"),
    ("", "[[fault]]\nat = \"1s\"\ncut_one_way = []", "15:15: the fault is aimed at no link"),
    ("", "[[fault]]\nat = \"1s\"\nloss = { ratio = \"101%\" }", "15:18: `101%` is more than everything"),
    ("", "[[fault]]\nat = \"1s\"\nloss = { ratio = 0.1 }", "15:18: expected a string, found floating point `0.1`"),
    ("", "[[fault]]\nat = \"1s\"\nloss = { ratio = \"0%\" }", "15:18: nothing would be lost"),
    ("", "[fault]\nat = \"1s\"", "13:1: faults are a list: write `[[fault]]`"),
    // Designs.
    ("[design.x]\nprotocol = \"last-writer-wins\"\n", "", "1:1: a scenario has at least one `[design.NAME]`"),
    ("protocol", "protocl", "11:1: `protocol` is missing\n  help: the protocols are"),
    (
        "\"last-writer-wins\"",
        "\"last-write-wins\"",
        "12:12: no protocol is called `last-write-wins`\n  help: did you mean `last-writer-wins`?",
    ),
    (
        "wins\"",
        "wins\"\ngossip-evry = \"1s\"",
        "13:1: unknown key `gossip-evry`\n  help: did you mean `gossip-every`? the keys are `gossip-every`",
    ),
    ("wins\"", "wins\"\nreplica = [\"a\"]", "13:1: unknown key `replica`\n  help: did you mean `replicas`?"),
    ("wins\"", "wins\"\ngossip-every = 1", "13:16: expected a string, found integer `1`"),
    ("wins\"", "wins\"\ngossip-every = \"0s\"", "13:16: `gossip-every`: "),
    ("wins\"", "wins\"\nreplicas = [\"c\"]", "13:13: no region is called `c`"),
    ("wins\"", "wins\"\nreplicas = [\"b\", \"b\"]", "13:18: `b` is named twice"),
    ("wins\"", "wins\"\nreplicas = []", "13:12: a design has at least one region"),
    ("wins\"", "wins\"\ngroups = 0", "13:10: a design has at least one group"),
    ("wins\"", "wins\"\ngroups = 40000", "13:10: 40000 groups of 2 nodes are more than 65535 nodes"),
    ("design.x]", "design.\"x y\"]", "11:9: `x y` cannot be a design's name"),
    ("design.x]", "design.rto_s]", "11:9: `rto_s` is what is measured, and cannot be a design's name"),
    ("[design.x]", "[design]\ny = 1\n[design.x]", "12:5: a design is a table with a `protocol`"),
    // Expectations.
    (
        "",
        "[expect]\navailabilty = 1",
        "14:1: `availabilty` is no metric, no guarantee and no design\n  help: did you mean `availability`?",
    ),
    (
        "",
        "[expect]\nlinearisable = \"pass\"",
        "14:1: `linearisable` is no metric, no guarantee and no design\n  help: did you mean `linearizable`?",
    ),
    (
        "",
        "[expect.xx]\nconflicts = 0",
        "13:9: `xx` is no metric, no guarantee and no design\n  help: did you mean `x`?",
    ),
    ("", "[expect]\nx = 1", "14:5: `x` is a design: what is expected of it is a table, `[expect.x]`"),
    ("", "[expect]\n\"availability/c\" = 1", "14:1: no region is called `c`\n  help: the regions are `a`, `b`"),
    ("", "[expect]\n\"rpo_s/a\" = 1", "14:1: `rpo_s` is of the whole run"),
    ("", "[expect]\navailability = \">= 99\"", "14:16: 99 is not from 0 to 1: write 99% or 0.99"),
    ("", "[expect]\navailability = 99", "14:16: 99 is not from 0 to 1"),
    ("", "[expect]\nrto_s = \"fast\"", "14:9: `fast` is not a number with a unit\n  help: for example \"<= 30s\""),
    ("", "[expect]\nrto_s = true", "14:9: expected a number or a bound, found a boolean"),
    ("", "[expect]\nrto_s = inf", "14:9: the number is out of range"),
    ("", "[expect]\nconflicts = -1", "14:13: -1 is below zero"),
    ("", "[expect]\nrto_s = { medain = \"1s\" }", "14:11: unknown key `medain`\n  help: did you mean `median`?"),
    ("", "[expect]\nrto_s = {}", "14:9: nothing is expected"),
    (
        "",
        "[expect]\nconvergence = \"passes\"",
        "14:15: unknown verdict `passes`\n  help: did you mean `pass`? the verdicts are `pass`, `fail`",
    ),
    (
        "",
        "[expect]\nconvergence = { max = \"pass\" }",
        "14:17: unknown key `max`\n  help: the keys are `every`, `some`",
    ),
    ("", "[expect]\nconvergence = 1", "14:15: expected a verdict, found a number"),
];

#[test]
fn every_mistake_is_told_at_its_place() {
    let mut wrong = Vec::new();
    for (written, instead, expected) in MISTAKES {
        assert!(SMALL.contains(written), "{written}");
        let text = if written.is_empty() { format!("{SMALL}{instead}") } else { SMALL.replacen(written, instead, 1) };
        let expected = format!("f.toml:{expected}");
        match Scenario::parse(&text, "f.toml") {
            Ok(_) => wrong.push(format!("accepted: {instead}")),
            Err(error) if error.to_string().starts_with(&expected) => {
                assert!(error.span.end <= text.len() && error.span.start <= error.span.end, "{error}");
            }
            Err(error) => wrong.push(format!("{instead}\n  expected {expected}\n  got      {error}")),
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_client_that_never_waits_would_stop_time() {
    let text =
        SMALL.replace("rate = \"10/s\"", "think = \"0s\"").replace("[topology]", "[topology]\nlocal_rtt = \"0s\"");
    let error = Scenario::parse(&text, "f.toml").unwrap_err().to_string();
    assert!(error.starts_with("f.toml:10:9: with no time to think"), "{error}");
    assert!(Scenario::parse(&text.replace("local_rtt = \"0s\"", ""), "f.toml").is_ok());
}

#[test]
fn several_mistakes_are_told_at_once() {
    let text =
        SMALL.replace("\"10/s\"", "\"10\"").replace("name =", "nam =") + "[expect]\nrto = 1\n[[fault]]\nat = 1\n";
    let error = Scenario::parse(&text, "f.toml").unwrap_err();
    let lines: Vec<usize> = std::iter::once(&error).chain(&error.also).map(|error| error.line).collect();
    assert_eq!(lines, [1, 1, 9, 14, 16], "{error}");
}

/// The catalogue needs every protocol; what this build cannot read of it is for the lack of one.
#[test]
fn the_catalogue_can_be_read() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios");
    let mut read = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|extension| extension != "toml") {
            continue;
        }
        read += 1;
        let text = std::fs::read_to_string(&path).unwrap();
        if let Err(error) = Scenario::parse(&text, &path.display().to_string()) {
            for error in std::iter::once(&error).chain(&error.also) {
                assert!(error.message.starts_with("no protocol is called"), "{error}");
            }
        }
    }
    assert!(read >= 9, "the catalogue was found");
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
            prop::sample::select(vec!["0", "-1", "nan", "18446744073709551616", "\"\"", "[]", "{}", "[[fault]]\n", "\"leader\"", "1979-05-27"])
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

#[cfg(feature = "cli")]
mod schema {
    use serde_json::Value;

    use super::super::{design, read};
    use super::{WHOLE, schema};
    use crate::registry::PROTOCOLS;

    /// The schema that a reference stands for.
    fn follow<'a>(root: &'a Value, schema: &'a Value) -> &'a Value {
        let options = schema.get("anyOf").and_then(Value::as_array);
        let inner = schema.get("$ref").and_then(Value::as_str).map(|path| root.pointer(&path[1..]).unwrap());
        inner.or_else(|| options.filter(|o| o.len() == 1).map(|o| &o[0])).map_or(schema, |inner| follow(root, inner))
    }

    /// Whether some schema that may stand here knows the table's keys, and those within.
    fn knows(root: &Value, schema: &Value, value: &toml::Value) -> bool {
        let schema = follow(root, schema);
        for several in ["anyOf", "oneOf"] {
            if let Some(options) = schema.get(several).and_then(Value::as_array) {
                return options.iter().any(|option| knows(root, option, value));
            }
        }
        match value {
            toml::Value::Table(table) => table.iter().all(|(key, value)| {
                let known = schema.get("properties").and_then(|properties| properties.get(key));
                let pattern = schema.get("patternProperties").and_then(Value::as_object);
                let pattern = pattern.filter(|_| key.contains('/')).and_then(|patterns| patterns.values().next());
                let other = schema.get("additionalProperties").filter(|other| other.is_object());
                known.or(pattern).or(other).is_some_and(|schema| knows(root, schema, value))
            }),
            toml::Value::Array(list) => match schema.get("items") {
                Some(items) if items.is_object() => list.iter().all(|value| knows(root, items, value)),
                _ => schema.get("type").is_some_and(|kind| kind == "array"),
            },
            _ => schema.get("type").is_none_or(|kind| kind != "object" && kind != "array"),
        }
    }

    #[test]
    fn it_has_every_key_that_the_reader_knows() {
        let schema = schema();
        assert_eq!(schema["$schema"], "https://json-schema.org/draft/2020-12/schema");
        assert_eq!(schema["additionalProperties"], false);
        let keys: Vec<&str> = schema["properties"].as_object().unwrap().keys().map(String::as_str).collect();
        assert_eq!(keys, read::TOP);
        let whole: toml::Value = toml::from_str(WHOLE).unwrap();
        for (key, value) in whole.as_table().unwrap() {
            assert!(knows(&schema, &schema["properties"][key], value), "{key}");
        }
        let wrong = toml::toml! { kys = 1 };
        assert!(!knows(&schema, &schema["properties"]["workload"], &toml::Value::Table(wrong)));
    }

    #[test]
    fn it_has_every_protocol_with_its_options() {
        let schema = schema();
        let designs = schema["properties"]["design"]["additionalProperties"]["oneOf"].as_array().unwrap();
        assert_eq!(designs.len(), PROTOCOLS.len());
        for (schema, entry) in designs.iter().zip(&PROTOCOLS) {
            assert_eq!(schema["properties"]["protocol"]["const"], entry.about.name);
            assert!(design::COMMON.iter().all(|key| schema["properties"].get(key).is_some()));
            assert_eq!(schema["additionalProperties"], false);
            for (option, schema) in schema["properties"].as_object().unwrap() {
                let is_told = schema.get("description").is_some() || schema.get("$ref").is_some();
                assert!(is_told, "{} says nothing of `{option}`", entry.about.name);
            }
        }
        assert_eq!(designs[0]["properties"]["gossip-every"]["$ref"], "#/$defs/Duration");
    }

    #[test]
    fn every_reference_leads_somewhere_and_nothing_is_null() {
        fn walk(root: &Value, value: &Value) {
            match value {
                Value::Object(object) => {
                    if let Some(path) = object.get("$ref").and_then(Value::as_str) {
                        assert!(root.pointer(&path[1..]).is_some(), "{path}");
                    }
                    object.values().for_each(|value| walk(root, value));
                }
                Value::Array(list) => list.iter().for_each(|value| walk(root, value)),
                other => assert!(*other != Value::Null && other != "null"),
            }
        }
        let schema = schema();
        walk(&schema, &schema);
    }
}
