//! Zones share the fate of their nodes and no other's, and a region without its gateway is up for everybody but its peers.

mod support;

use riftzone::id::RegionId;
use riftzone::model::fault::{Action, Fault, Slow, Target};
use riftzone::model::latency::Delay;
use riftzone::model::workload::{Arrivals, Mix};
use riftzone::op::OpKind;
use riftzone::protocol::last_writer_wins::LastWriterWins;
use riftzone::protocol::raft::{self, Raft};
use riftzone::sim::{Placement, Run, Setup, simulate};
use riftzone::time::Duration;
use riftzone::trace::{FaultKind, Trace};

use support::{after, constant_world};

fn fault(at_ms: u64, lasts_ms: u64, action: Action) -> Fault {
    Fault { at: after(at_ms), lasts: Some(Duration::millis(lasts_ms)), action, may_touch_nothing: false }
}

/// Two regions far from each other, and three replicas in the zones of the first, 2 ms apart.
fn three_zones() -> (Setup, Placement) {
    let mut setup = constant_world(&["near", "far"], 100, 30);
    setup.topology.set_delay(RegionId(0), RegionId(0), Delay::constant(Duration::micros(100)));
    setup.topology.set_zones(3, Delay::constant(Duration::millis(1)));
    setup.workload.clients = vec![1, 0];
    setup.workload.arrivals = Arrivals::Closed(Duration::millis(50));
    setup.workload.mix = Mix { read: 0, write: 1, compare_and_set: 0 };
    setup.workload.retry_after = Some(Duration::millis(300));
    (setup, Placement { regions: vec![RegionId(0); 3], groups: 1 })
}

fn raft(setup: &Setup, placement: &Placement, seed: u64) -> Run {
    let options = raft::Options {
        election_timeout: Duration::millis(500),
        heartbeat: Duration::millis(50),
        leader: Some("near".into()),
        ..raft::Options::default()
    };
    let run = simulate::<Raft>(setup, placement, &options, seed, Trace::off()).unwrap();
    assert!(run.breaches.is_empty() && run.broken_claims().next().is_none(), "{:?}", run.breaches);
    run
}

/// A majority of three zones is one round trip between two of them; a client is beside all.
#[test]
fn a_write_costs_a_round_trip_between_zones() {
    let (setup, placement) = three_zones();
    let run = raft(&setup, &placement, 1);
    let latency = run.measures.latency(RegionId(0), OpKind::Write);
    assert!(latency.count() > 300);
    let expected = Duration::micros(2 * 100 + 2 * 1_000);
    let median = latency.quantile(0.5).as_nanos();
    assert!(median.abs_diff(expected.as_nanos()) < 1_000, "{median}");
}

/// Each zone alone is a minority; the region is everything.
#[test]
fn a_zone_that_crashes_takes_one_replica_of_three_and_a_region_all() {
    for zone in 0..3 {
        let (mut setup, placement) = three_zones();
        setup.faults = vec![fault(10_000, 10_000, Action::Crash(vec![Target::Zone(RegionId(0), zone)]))];
        let run = raft(&setup, &placement, 1);
        assert!(run.ledger[0].touched > 0);
        assert!(run.outage < Duration::secs(4), "zone {zone}: {}", run.outage);
    }
    let (mut setup, placement) = three_zones();
    setup.faults = vec![fault(10_000, 10_000, Action::Crash(vec![Target::Region(RegionId(0))]))];
    assert!(raft(&setup, &placement, 1).outage >= Duration::secs(10));
}

/// Two zones are a majority, and are isolated from the third and from the clients, which are in no zone.
#[test]
fn isolated_zones_hear_each_other_and_no_client() {
    let (mut setup, placement) = three_zones();
    let zones = vec![Target::Zone(RegionId(0), 0), Target::Zone(RegionId(0), 1)];
    setup.faults = vec![fault(10_000, 10_000, Action::Isolate(zones))];
    let run = raft(&setup, &placement, 1);
    assert!(run.outage >= Duration::secs(10) && run.ledger[0].touched > 0, "{}", run.outage);
    let (mut setup, placement) = three_zones();
    setup.faults = vec![fault(10_000, 10_000, Action::Isolate(vec![Target::Zone(RegionId(0), 2)]))];
    assert!(raft(&setup, &placement, 1).outage < Duration::secs(4));
}

/// Groups put their replicas of a region into its zones in turn.
#[test]
fn groups_are_spread_over_zones() {
    let mut setup = constant_world(&["a", "b"], 30, 20);
    setup.topology.set_zones(2, Delay::constant(Duration::ZERO));
    setup.workload.clients = vec![1, 0];
    setup.faults = vec![fault(5_000, 10_000, Action::Crash(vec![Target::Zone(RegionId(0), 1)]))];
    let placement = Placement { groups: 2, ..Placement::everywhere(&setup.topology) };
    let run = simulate::<LastWriterWins>(&setup, &placement, &Default::default(), 1, Trace::off()).unwrap();
    let whole = run.measures.outcomes(None);
    assert!(whole.unknown > 20 && whole.ok > whole.unknown, "half of the keys, for half of the time: {whole:?}");
}

/// Three regions, a client in each; last-writer-wins answers beside its clients.
fn three_regions(action: Option<Action>) -> Run {
    let mut setup = constant_world(&["a", "b", "c"], 80, 40);
    setup.workload.arrivals = Arrivals::Paced(Duration::millis(50));
    setup.faults = action.into_iter().map(|action| fault(10_000, 10_000, action)).collect();
    simulate::<LastWriterWins>(&setup, &Placement::everywhere(&setup.topology), &Default::default(), 1, Trace::off())
        .unwrap()
}

/// F22: an asynchronous design diverges for as long as the gateway is down and a one-way delay; nobody is refused.
#[test]
fn f22_without_a_gateway_reads_are_stale_for_as_long_as_that_and_a_one_way_delay() {
    let whole = three_regions(None);
    assert!(whole.stale_reads.max() <= Duration::millis(40), "{}", whole.stale_reads.max());
    let run = three_regions(Some(Action::GatewayDown(vec![Target::Region(RegionId(0))])));
    assert_eq!((run.ledger[0].kind, run.measures.outcomes(None).unknown), (FaultKind::GatewayDown, 0));
    assert!(run.ledger[0].touched > 0 && run.ledger[0].touched == run.traffic.lost);
    // What was overwritten just before or at the beginning is told by the first gossip after the end.
    let gossip = Duration::millis(1_000);
    let (least, most) = (Duration::secs(9), Duration::secs(10) + Duration::millis(80) + gossip);
    let stale = run.stale_reads.max();
    assert!(stale >= least && stale <= most, "{stale}");
}

/// F22: a minority commits nothing and a majority goes on after an election; clients of the region without a gateway find the
/// others, which they would not if it were isolated.
#[test]
fn f22_without_its_gateway_a_leader_commits_nothing_and_its_clients_go_elsewhere() {
    let outage = |action| {
        let mut setup = constant_world(&["a", "b", "c"], 80, 60);
        setup.workload.mix = Mix { read: 0, write: 1, compare_and_set: 0 };
        setup.workload.retry_after = Some(Duration::millis(500));
        setup.workload.timeout = Duration::secs(1);
        setup.faults = vec![fault(10_000, 40_000, action)];
        let options = raft::Options { leader: Some("a".into()), ..raft::Options::default() };
        let placement = Placement::everywhere(&setup.topology);
        let run = simulate::<Raft>(&setup, &placement, &options, 1, Trace::off()).unwrap();
        assert!(run.breaches.is_empty() && run.ledger[0].touched > 0, "{:?}", run.breaches);
        run.outage_by_region.clone()
    };
    let without_gateway = outage(Action::GatewayDown(vec![Target::Leader]));
    assert!(
        without_gateway.iter().all(|out| *out > Duration::millis(500) && *out < Duration::secs(8)),
        "{without_gateway:?}"
    );
    let isolated = outage(Action::Isolate(vec![Target::Leader]));
    assert!(isolated[0] >= Duration::secs(39) && isolated[1] < Duration::secs(8), "{isolated:?}");
}

/// A regime that shifts by and by: three times as long after a second, and twice as long halfway.
#[test]
fn a_delay_may_grow() {
    let latencies = |ramp| {
        let mut setup = constant_world(&["a", "b"], 80, 20);
        setup.workload.clients = vec![0, 1];
        setup.workload.arrivals = Arrivals::Closed(Duration::millis(10));
        setup.workload.mix = Mix { read: 0, write: 1, compare_and_set: 0 };
        let slow = Slow::Times { parts: 3, whole: 1 };
        setup.faults = vec![fault(5_000, 10_000, Action::Delay { links: Vec::new(), slow, ramp })];
        let options = raft::Options { leader: Some("a".into()), ..raft::Options::default() };
        let run = simulate::<Raft>(&setup, &Placement::everywhere(&setup.topology), &options, 1, Trace::off()).unwrap();
        let latency = run.measures.latency(RegionId(1), OpKind::Write);
        [0.5, 0.8, 1.0].map(|q| latency.quantile(q).as_millis_f64())
    };
    let at_once = latencies(Duration::ZERO);
    let by_and_by = latencies(Duration::secs(10));
    assert!((at_once[2] - 480.0).abs() < 1.0, "160 ms, three times: {at_once:?}");
    assert!(by_and_by[2] > 400.0 && by_and_by[2] < 480.0, "almost three times at the end: {by_and_by:?}");
    assert!(by_and_by[1] < at_once[1], "{by_and_by:?}, {at_once:?}");
}
