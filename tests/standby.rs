//! Standby tiers: machines that are started first, a part of the capacity that grows, and what both cost and give.

use riftzone::explore::metric::Metric;
use riftzone::scenario::{Design, Scenario};
use riftzone::sim::Run;
use riftzone::trace::Trace;

/// The primary's region `a` is lost after a minute; clients are in `c`, and ask for 40 a second of the 100 that a node can do.
fn scenario(standby: &str, failover: &str) -> Scenario {
    let text = format!(
        r#"
name = "a standby takes over"
duration = "10min"

[topology]
regions = ["a", "b", "c"]
link = [
    {{ from = "a", to = "b", rtt = "60ms" }},
    {{ from = "a", to = "c", rtt = "60ms" }},
    {{ from = "b", to = "c", rtt = "60ms" }},
]

[service]
read = "10ms"
write = "10ms"
queue = 20
region = [{{ name = "b"{standby} }}]

[workload]
clients = {{ c = 10 }}
rate = "40/s"
keys = 100
mix = {{ read = 1, write = 1 }}
timeout = "1s"
warm_up = "1s"

[[fault]]
at = "1min"
for = "20min"
crash = ["a"]

[design.d]
protocol = "primary-backup"
backups = ["b"]
failover = {{ detect = "5s", promote = "10s"{failover} }}
"#
    );
    Scenario::parse(&text, "standby.toml").unwrap_or_else(|error| panic!("{error}"))
}

fn run(standby: &str, failover: &str) -> Run {
    let scenario = scenario(standby, failover);
    let design: &Design = &scenario.designs[0];
    design.run(&scenario.setup, 1, Trace::off())
}

fn metric(run: &Run, name: &str) -> f64 {
    Metric::find(name, &run.regions).unwrap().0.of(run, None)
}

#[test]
fn machines_that_must_be_started_first_are_a_phase_of_their_own() {
    let (hot, pilot) = (run("", ""), run("", ", provision = '3min'"));
    let [hot_failover, pilot_failover] = [&hot, &pilot].map(|run| {
        let [failover] = run.failovers[..] else { panic!("{:?}", run.failovers) };
        failover
    });
    assert!(hot_failover.provision.is_zero());
    assert_eq!(pilot_failover.provision.as_secs_f64().round(), 180.0, "{pilot_failover:?}");
    assert_eq!(pilot_failover.promote.as_secs_f64().round(), 10.0, "{pilot_failover:?}");
    let more = metric(&pilot, "rto_s") - metric(&hot, "rto_s");
    assert!((more - 180.0).abs() < 1.0, "{more} s more");
}

#[test]
fn a_part_of_the_capacity_serves_at_once_and_in_full_when_it_has_grown() {
    let hot = run("", "");
    let warm = run(", standby = { capacity = '25%', scales_in = '2min' }", "");
    let cold = run(", standby = { capacity = '25%', scales_in = '100min' }", "");
    let rto = metric(&hot, "rto_s");
    assert!((metric(&warm, "rto_s") - rto).abs() < 1.0, "a quarter is enough for the first write");
    assert!((metric(&hot, "degraded_s") - rto).abs() < 2.0, "all of it is there at once");
    // 25 + 75 t / 120 a second are 40, as many as are asked for, after 24 s; what had to wait until then is served, or not.
    let grown = metric(&warm, "degraded_s") - rto;
    assert!((20.0..30.0).contains(&grown), "{grown} s");
    // And 25 a second of 40 for the rest of the ten minutes, where it hardly grows.
    let share = cold.measures.outcomes(None).ok as f64 / hot.measures.outcomes(None).ok as f64;
    assert!((0.64..0.74).contains(&share), "{share} of what a hot standby serves");
}

#[test]
fn cores_that_are_kept_running_are_counted() {
    let office = |run: &Run| run.offices.iter().map(|office| office.at.as_secs_f64()).fold(0.0, f64::max);
    for (standby, parts, scales_in) in [("", 1.0, 0.0), (", standby = { capacity = '10%' }", 0.1, 0.0)]
        .into_iter()
        .chain([(", standby = { capacity = '25%', scales_in = '2min' }", 0.25, 120.0)])
    {
        let run = run(standby, "");
        let since = office(&run);
        assert!((70.0..90.0).contains(&since), "in office since {since}");
        let kept = since * parts + scales_in * (1.0 + parts) / 2.0 + (600.0 - since - scales_in);
        let measured = metric(&run, "replica_cores");
        assert!((measured - 1.0 - kept / 600.0).abs() < 1e-4, "{standby}: {measured}, expected {}", 1.0 + kept / 600.0);
    }
}
