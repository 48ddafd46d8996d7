//! A register of its own for each key: what a write and a read take, who is served while a region is away, and what becomes of two
//! regions that write one item.

mod support;

use riftzone::id::RegionId;
use riftzone::model::fault::{Action, Fault, Target};
use riftzone::model::workload::{Arrivals, KeyChooser, Mix};
use riftzone::op::OpKind;
use riftzone::protocol::caspaxos::{CasPaxos, Conflict, Options};
use riftzone::scenario::Scenario;
use riftzone::sim::{Placement, Run, Setup, simulate};
use riftzone::time::Duration;
use riftzone::trace::Trace;

use support::{after, measured_world};

const AWS3: [&str; 3] = ["us-east-1", "us-west-2", "eu-west-1"];
/// The round trips from each of them to the nearest other, in milliseconds.
const NEAREST: [f64; 3] = [64.225, 64.225, 69.679];

/// One client in one region that does one thing at a time.
fn alone(region: usize, mix: Mix, keys: u32) -> Setup {
    let mut world = measured_world("aws-2025-07", &AWS3, 12);
    world.workload.clients = vec![0; 3];
    world.workload.clients[region] = 1;
    world.workload.arrivals = Arrivals::Closed(Duration::millis(37));
    world.workload.mix = mix;
    world.workload.keys = KeyChooser::uniform(keys);
    world
}

const WRITES: Mix = Mix { read: 0, write: 1, compare_and_set: 0 };
const READS: Mix = Mix { read: 1, write: 0, compare_and_set: 0 };

fn run(world: &Setup, options: &Options, seed: u64) -> Run {
    let run =
        simulate::<CasPaxos>(world, &Placement::everywhere(&world.topology), options, seed, Trace::off()).unwrap();
    let broken: Vec<_> = run.broken_claims().collect();
    assert!(run.breaches.is_empty() && broken.is_empty(), "{:?} {broken:?}", run.breaches);
    run
}

/// What operations of a kind took in a region, and what the first of them did, which nobody had promised anything.
fn took(run: &Run, region: usize, kind: OpKind) -> (f64, f64) {
    let latency = run.measures.latency(RegionId(region as u16), kind);
    assert!(latency.count() > 30, "{}", latency.count());
    let (least, most) = (latency.quantile(0.0), latency.quantile(0.96));
    assert!(most.as_nanos() < least.as_nanos() / 1_000 * 1_001, "but for the width of a bucket: {least} to {most}");
    (least.as_millis_f64(), latency.max().as_millis_f64())
}

fn assert_close(what: &str, measured: (f64, f64), expected: (f64, f64)) {
    let is_close = (measured.0 - expected.0).abs() < 1e-3 && (measured.1 - expected.1).abs() < 1e-3;
    assert!(is_close, "{what}: {measured:?} ms, expected {expected:?} ms");
}

#[test]
fn a_write_takes_one_round_trip_where_the_region_wrote_last_and_two_elsewhere() {
    for (region, nearest) in NEAREST.into_iter().enumerate() {
        for (piggyback, round_trips) in [(true, 1.0), (false, 2.0)] {
            let options = Options { piggyback, ..Options::default() };
            let writes = took(&run(&alone(region, WRITES, 1), &options, 1), region, OpKind::Write);
            assert_close(AWS3[region], writes, (round_trips * nearest, 2.0 * nearest));
        }
        let reads = took(&run(&alone(region, READS, 1), &Options::default(), 1), region, OpKind::Read);
        assert_close(AWS3[region], reads, (nearest, nearest));
    }
}

/// Where the last write was another region's, its promise has to be asked for: two round trips, also for who wrote the key before.
#[test]
fn who_takes_a_key_over_pays_a_round_trip_more() {
    let mut world = alone(0, WRITES, 1);
    world.workload.clients = vec![1, 1, 0];
    world.workload.arrivals = Arrivals::Poisson(Duration::secs(2));
    world.duration = Duration::secs(120);
    let run = run(&world, &Options::default(), 1);
    for (region, name) in AWS3.iter().enumerate().take(2) {
        let writes = run.measures.latency(RegionId(region as u16), OpKind::Write);
        // Half of the time it wrote the key last itself.
        let (least, most) = (writes.quantile(0.1).as_millis_f64(), writes.quantile(0.8).as_millis_f64());
        assert!(writes.count() > 30 && (least - NEAREST[region]).abs() < 1e-3, "{name}: {least} ms");
        assert!((most - 2.0 * NEAREST[region]).abs() < 1e-3, "{name}: {most} ms");
    }
}

/// Nobody has to be elected: whoever has a majority is served as if nothing had happened.
#[test]
fn a_region_that_is_away_is_missed_by_nobody_else() {
    for action in [Action::Isolate(vec![Target::Region(RegionId(2))]), Action::Crash(vec![Target::Region(RegionId(2))])]
    {
        let mut world = measured_world("aws-2025-07", &AWS3, 60);
        world.workload.keys = KeyChooser::uniform(2_000);
        world.workload.clients = vec![2, 2, 0];
        world.faults =
            vec![Fault { at: after(20_000), lasts: Some(Duration::secs(20)), action, may_touch_nothing: false }];
        let run = run(&world, &Options::default(), 1);
        let outcomes = run.measures.outcomes(None);
        assert!(outcomes.ok > 1_000 && outcomes.total() == outcomes.ok, "{outcomes:?}");
        let slowest = run.measures.latency_overall(true).max().as_millis_f64();
        assert!(slowest < 2.5 * NEAREST[0], "{slowest} ms");
    }
}

/// Two regions write one item at once, by the preset: one is refused and asks again, and both writes are done in the end.
#[test]
fn of_two_regions_that_write_one_item_one_is_refused_and_asks_again() {
    const TEXT: &str = r#"
name = "one item"
duration = "2s"
[topology]
regions = ["near", "far", "third"]
link = [
    { from = "near", to = "far", rtt = "80ms" },
    { from = "near", to = "third", rtt = "40ms" },
    { from = "far", to = "third", rtt = "60ms" },
]
[workload]
clients = { near = 1, far = 1 }
think = "10s"
warm_up = "100ms"
keys = 1
mix = { write = 1 }
[design.strong]
protocol = "dynamodb-strong"
"#;
    let scenario = Scenario::parse(TEXT, "one-item").unwrap();
    let trace = Trace::up_to(after(2_000), Duration::secs(2));
    let run = scenario.designs[0].run(&scenario.setup, 1, trace);
    let lines: Vec<&str> = run.trace.lines().iter().map(|(_, line)| line.as_str()).collect();
    let refusals = lines.iter().filter(|line| line.contains("Err(Conflict)")).count();
    let written = lines.iter().filter(|line| line.contains("Ok(Written)")).count();
    assert!(refusals >= 1 && written == 2, "{lines:#?}");
    let outcomes = run.measures.outcomes(None);
    assert_eq!((outcomes.ok, outcomes.total()), (2, 2));
    assert!(run.breaches.is_empty() && run.broken_claims().count() == 0);
}

/// A world in which three regions write the same few items all the time.
fn crowded(keys: u32) -> Setup {
    let mut world = measured_world("aws-2025-07", &AWS3, 40);
    world.workload.clients = vec![2; 3];
    world.workload.keys = KeyChooser::uniform(keys);
    world.workload.mix = Mix { read: 1, write: 4, compare_and_set: 2 };
    world
}

/// Who asks once and is refused knows that the write failed; of those in a crowd no value is ever read, or it would be told as thin air.
#[test]
fn what_is_refused_in_a_crowd_never_takes_effect() {
    let mut world = crowded(3);
    world.workload.retry = Some(support::asks_once());
    for (hold, seed) in [(Duration::ZERO, 1), (Duration::millis(500), 2)] {
        let run = run(&world, &Options { conflict: Conflict::Reject, hold, ..Options::default() }, seed);
        let outcomes = run.measures.outcomes(None);
        println!("asked once, hold {hold}: {outcomes:?}");
        assert!(outcomes.fail > 50 && outcomes.ok > 100, "{outcomes:?}");
    }
}

/// Whether or not writes that meet are refused, what is refused for certain never takes effect (thin air would be seen), and all
/// that is acknowledged stays.
#[test]
fn in_a_crowd_everybody_gets_on_and_nothing_is_lost() {
    for conflict in [Conflict::Retry, Conflict::Reject] {
        for hold in [Duration::ZERO, Duration::millis(500)] {
            let options = Options { conflict, hold, ..Options::default() };
            let run = run(&crowded(8), &options, 3);
            let outcomes = run.measures.outcomes(None);
            println!("{conflict:?}, hold {hold}: {outcomes:?}");
            assert!(outcomes.ok * 2 > outcomes.total(), "{conflict:?}, hold {hold}: {outcomes:?}");
        }
    }
}
