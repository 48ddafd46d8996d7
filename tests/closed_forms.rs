//! Published numbers and closed forms, met to a microsecond: no jitter, no service time.

mod support;

use riftzone::id::RegionId;
use riftzone::model::latency::{Delay, Matrix};
use riftzone::model::topology::Topology;
use riftzone::model::workload::Mix;
use riftzone::op::OpKind;
use riftzone::protocol::primary_backup::{self, PrimaryBackup};
use riftzone::protocol::raft::{self, Raft};
use riftzone::sim::{Placement, Run, Setup, simulate};
use riftzone::time::Duration;
use riftzone::trace::Trace;

use support::{measured_world, setup};

const AWS3: [&str; 3] = ["us-east-1", "us-west-2", "eu-west-1"];
const AWS5: [&str; 5] = ["us-east-1", "us-west-2", "eu-west-1", "ap-northeast-1", "ap-southeast-1"];
const AZURE5: [&str; 5] = ["eastus", "westus2", "northeurope", "southeastasia", "japaneast"];
const GRYFF: [&str; 3] = ["california", "virginia", "ireland"];
const TEMPO: [&str; 5] = ["EU", "US", "AP", "CA", "SA"];
const EUROPE: [&str; 5] = ["europe-west1", "europe-west2", "europe-west3", "europe-west4", "europe-west6"];

/// One client a region that writes one thing at a time, so that nothing waits for anything but the network.
fn alone(mut world: Setup) -> Setup {
    world.workload.mix = Mix { read: 0, write: 1, compare_and_set: 0 };
    world.workload.arrivals = riftzone::model::workload::Arrivals::Closed(Duration::millis(37));
    world
}

fn raft(world: &Setup, leader: &str) -> Run {
    let options = raft::Options { leader: Some(leader.to_string()), ..raft::Options::default() };
    simulate::<Raft>(world, &Placement::everywhere(&world.topology), &options, 1, Trace::off()).unwrap()
}

fn primary_backup(world: &Setup, replicas: usize, primary: &str, acknowledge: &str) -> Run {
    let text = format!("primary = '{primary}'\nacknowledge = {acknowledge}");
    let options: primary_backup::Options = toml::from_str(&text).unwrap();
    let placement = Placement { regions: (0..replicas as u16).map(RegionId).collect(), groups: 1 };
    simulate::<PrimaryBackup>(world, &placement, &options, 1, Trace::off()).unwrap()
}

/// What every write of every client took, by region; asserts that all of one region took the same.
fn latencies(run: &Run) -> Vec<f64> {
    (0..run.regions.len())
        .map(|region| {
            let latency = run.measures.latency(RegionId(region as u16), OpKind::Write);
            assert!(latency.count() > 10, "{}: {} writes", run.regions[region], latency.count());
            let (least, most) = (latency.quantile(0.0), latency.max());
            assert!((most - least).as_nanos() < 1_000, "{}: {least} to {most}", run.regions[region]);
            most.as_millis_f64()
        })
        .collect()
}

fn assert_close(what: &str, measured: &[f64], expected: &[f64]) {
    assert_eq!(measured.len(), expected.len(), "{what}");
    for (place, (measured, expected)) in measured.iter().zip(expected).enumerate() {
        assert!((measured - expected).abs() <= 1e-3, "{what}, region {place}: {measured} ms, expected {expected} ms");
    }
}

/// What a client beside the leader sees, with the leader in each region in turn.
fn at_each_leader(world: &Setup, regions: &[&str]) -> Vec<f64> {
    regions.iter().enumerate().map(|(place, leader)| latencies(&raft(world, leader))[place]).collect()
}

#[test]
fn a1_three_aws_regions() {
    let world = alone(measured_world("aws-2025-07", &AWS3, 10));
    assert_close("majority", &at_each_leader(&world, &AWS3), &[64.225, 64.225, 69.679]);
    assert_close("leader us-east-1", &latencies(&raft(&world, "us-east-1")), &[64.225, 128.450, 133.904]);
    let all: Vec<f64> = AWS3
        .iter()
        .enumerate()
        .map(|(place, primary)| latencies(&primary_backup(&world, 3, primary, "'all'"))[place])
        .collect();
    assert_close("all synchronous", &all, &[69.679, 118.421, 118.421]);
}

#[test]
fn a2_five_aws_regions() {
    let world = alone(measured_world("aws-2025-07", &AWS5, 12));
    assert_close("majority", &at_each_leader(&world, &AWS5), &[69.679, 98.401, 118.421, 98.401, 160.565]);
    let from_virginia = latencies(&raft(&world, "us-east-1"));
    assert_close("leader us-east-1", &from_virginia, &[69.679, 133.904, 139.358, 219.290, 289.000]);
    let mean = |leader: &str| latencies(&raft(&world, leader)).iter().sum::<f64>() / 5.0;
    let best = AWS5.iter().map(|leader| (mean(leader), *leader)).min_by(|a, b| a.0.total_cmp(&b.0)).unwrap();
    assert_eq!(best.1, "us-east-1");
    assert_close("the best leader's mean", &[best.0], &[170.246]);
}

#[test]
fn a5_five_azure_regions() {
    let world = alone(measured_world("azure-2026-07", &AZURE5, 12));
    assert_close("majority", &at_each_leader(&world, &AZURE5), &[72.0, 100.5, 129.5, 162.0, 100.5]);
    assert_close("leader eastus", &latencies(&raft(&world, "eastus")), &[72.0, 144.0, 144.0, 296.0, 234.0]);
}

#[test]
fn g1_the_sites_of_gryff() {
    let world = alone(measured_world("gryff-nsdi20", &GRYFF, 10));
    assert_close("majority", &at_each_leader(&world, &GRYFF), &[72.0, 72.0, 88.0]);
    assert_close("leader California", &latencies(&raft(&world, "california")), &[72.0, 144.0, 223.0]);
}

#[test]
fn t2_the_sites_of_tempo_with_one_acknowledgement() {
    let world = alone(measured_world("tempo-aws", &TEMPO, 12));
    let with_leader_eu = latencies(&primary_backup(&world, 5, "EU", "1"));
    assert_close("f = 1, leader EU", &with_leader_eu, &[73.0, 209.0, 253.0, 146.0, 250.0]);
    let mean = with_leader_eu.iter().sum::<f64>() / 5.0;
    assert_close("mean", &[mean], &[186.2]);
}

/// A world as fantoch sees one: round trips floored to whole milliseconds, and halved as it does.
fn floored(regions: &[&str], one_way_floored: bool) -> Setup {
    let matrix = Matrix::load("gcp-2020-06").unwrap();
    let mut topology = Topology::new(regions);
    for (from, a) in regions.iter().enumerate() {
        for (to, b) in regions.iter().enumerate().filter(|(to, _)| *to != from) {
            let whole = matrix.round_trip(a, b).unwrap().as_nanos() / 1_000_000;
            let one_way = if one_way_floored { Duration::millis(whole / 2) } else { Duration::millis(whole) / 2 };
            topology.set_delay(RegionId(from as u16), RegionId(to as u16), Delay::constant(one_way));
        }
    }
    alone(setup(topology, 12))
}

#[test]
fn q1_quorums_of_european_sites() {
    let world = floored(&EUROPE, false);
    for (quorum, expected) in [(2, [7.0, 9.0, 7.0, 7.0, 7.0]), (3, [8.0, 10.0, 7.0, 7.0, 14.0])] {
        let measured: Vec<f64> = EUROPE
            .iter()
            .enumerate()
            .map(|(place, primary)| latencies(&primary_backup(&world, 5, primary, &(quorum - 1).to_string()))[place])
            .collect();
        assert_close(&format!("quorum {quorum}"), &measured, &expected);
    }
}

#[test]
fn q2_a_leader_in_europe_west1() {
    let latencies = latencies(&primary_backup(&floored(&EUROPE, false), 5, "europe-west1", "1"));
    assert_close("quorum 2", &latencies, &[7.0, 17.0, 15.0, 14.0, 21.0]);
    assert_close("mean", &[latencies.iter().sum::<f64>() / 5.0], &[14.8]);
}

#[test]
fn q5_three_sites_and_two_clients() {
    // us-west2 has a client and no replica.
    let sites = ["us-west1", "us-central1", "asia-east1", "us-west2"];
    let measure = |world: &mut Setup, acknowledge: &str| {
        world.workload.clients = vec![1, 0, 0, 1];
        world.workload.operations_per_client = Some(1_000);
        world.duration = Duration::secs(120);
        let run = primary_backup(world, 3, "us-west1", acknowledge);
        assert_eq!(run.measures.outcomes(None).ok, 2_000);
        [0, 3].map(|region| run.measures.latency(RegionId(region), OpKind::Write).mean().as_millis_f64())
    };
    let mut whole = floored(&sites, true);
    assert_close("f = 0", &measure(&mut whole, "'local'"), &[0.0, 24.0]);
    assert_close("f = 1", &measure(&mut whole, "1"), &[34.0, 58.0]);
    let mut exact = alone(measured_world("gcp-2020-06", &sites, 120));
    let matrix = Matrix::load("gcp-2020-06").unwrap().symmetrised();
    let [near, far] =
        ["us-central1", "us-west2"].map(|site| matrix.round_trip("us-west1", site).unwrap().as_millis_f64());
    assert!((near - 34.96).abs() < 0.1 && (far - 25.0).abs() < 0.1, "{near} and {far} ms");
    assert_close("f = 0, not floored", &measure(&mut exact, "'local'"), &[0.0, far]);
    assert_close("f = 1, not floored", &measure(&mut exact, "1"), &[near, near + far]);
}

#[test]
fn f2_a_leader_write_waits_for_the_majority_and_a_forwarded_one_for_the_leader_as_well() {
    let world = alone(measured_world("aws-2020-06", &AWS5, 12));
    let matrix = Matrix::load("aws-2020-06").unwrap().symmetrised();
    let rtt = |a: &str, b: &str| if a == b { 0.0 } else { matrix.round_trip(a, b).unwrap().as_millis_f64() };
    for leader in AWS5 {
        let mut to_leader: Vec<f64> = AWS5.iter().map(|site| rtt(leader, site)).collect();
        to_leader.sort_unstable_by(f64::total_cmp);
        let expected: Vec<f64> = AWS5.iter().map(|client| rtt(client, leader) + to_leader[2]).collect();
        assert_close(leader, &latencies(&raft(&world, leader)), &expected);
    }
}

#[test]
fn f2_a_linearizable_read_costs_what_a_write_costs() {
    let mut world = alone(measured_world("aws-2025-07", &AWS5, 12));
    let writes = latencies(&raft(&world, "us-east-1"));
    world.workload.mix = Mix { read: 1, write: 0, compare_and_set: 0 };
    let run = raft(&world, "us-east-1");
    let reads: Vec<f64> =
        (0..5).map(|r| run.measures.latency(RegionId(r), OpKind::Read).max().as_millis_f64()).collect();
    assert_close("reads", &reads, &writes);
}

#[test]
fn f4_a_primary_waits_for_as_many_backups_as_it_is_told_to() {
    let world = alone(measured_world("aws-2025-07", &AWS5, 12));
    let matrix = Matrix::load("aws-2025-07").unwrap().symmetrised();
    for (place, primary) in AWS5.iter().enumerate() {
        let others = AWS5.iter().filter(|site| *site != primary);
        let mut waits: Vec<f64> = others.map(|b| matrix.round_trip(primary, b).unwrap().as_millis_f64()).collect();
        waits.sort_unstable_by(f64::total_cmp);
        let measure = |acknowledge: &str| latencies(&primary_backup(&world, 5, primary, acknowledge))[place];
        assert_close("asynchronous", &[measure("'local'")], &[0.0]);
        assert_close("any one", &[measure("'one'")], &[waits[0]]);
        for k in 1..=4 {
            assert_close(&format!("{k} backups"), &[measure(&k.to_string())], &[waits[k - 1]]);
        }
        assert_close("all", &[measure("'all'")], &[waits[3]]);
    }
}

const WATCHED: &str =
    "primary = 'p'\nfailover = { detect = '5s', heartbeat = '1s', promote = '0s', monitors = ['m'], quorum = 1 }";

/// How long it took to suspect a primary that crashed at this moment; the one-way delay is 40 ms.
fn detection_ms(crash_ms: u64, seed: u64) -> f64 {
    use riftzone::model::fault::{Action, Fault, Target};
    let options: primary_backup::Options = toml::from_str(WATCHED).unwrap();
    let mut world = support::constant_world(&["p", "b", "m"], 80, 30);
    world.workload.mix = Mix { read: 0, write: 1, compare_and_set: 0 };
    world.faults = vec![Fault {
        at: support::after(crash_ms),
        lasts: None,
        action: Action::Crash(vec![Target::Region(RegionId(0))]),
        may_touch_nothing: false,
    }];
    let placement = Placement::everywhere(&world.topology);
    let run = simulate::<PrimaryBackup>(&world, &placement, &options, seed, Trace::off()).unwrap();
    assert_eq!(run.failovers.len(), 1, "seed {seed}");
    run.failovers[0].detect.as_millis_f64()
}

/// F19: with a timer of T that starts anew when a heartbeat's answer arrives, heartbeats each h and a one-way delay d, a
/// crash is suspected d + T - U(0, h) later.
#[test]
fn f19_a_crash_is_detected_within_the_timeout_and_a_heartbeat() {
    let (timeout, heartbeat, one_way) = (5_000.0, 1_000.0, 40.0);
    let within = one_way + timeout - heartbeat..=one_way + timeout;
    // The standard error of a uniform over one heartbeat: 1000 / sqrt(12 * 300) = 17 ms.
    let expected = one_way + timeout - heartbeat / 2.0;
    let at_any_time = |seed: u64| 10_000 + seed * 7919 % 1_000;
    // A fault at a round time must not meet every seed in the same phase of the heartbeat.
    let at_a_round_time = |_| 10_000;
    for crash_ms in [at_any_time as fn(u64) -> u64, at_a_round_time] {
        let detected: Vec<f64> = (1..=300).map(|seed| detection_ms(crash_ms(seed), seed)).collect();
        assert!(detected.iter().all(|ms| within.contains(ms)), "{detected:?}");
        let mean = detected.iter().sum::<f64>() / detected.len() as f64;
        assert!((mean - expected).abs() < 3.0 * 17.0, "mean {mean} ms");
    }
}

/// F19 to a microsecond: a crash one moment later is detected that moment sooner, down to the next heartbeat.
#[test]
fn f19_detection_counts_from_the_last_answer() {
    for seed in 1..=20 {
        let detected: Vec<f64> = (0..=20).map(|step| detection_ms(10_000 + step * 50, seed)).collect();
        let steps: Vec<f64> = detected.windows(2).map(|pair| pair[1] - pair[0]).collect();
        // One heartbeat falls into the second: there the last answer is one heartbeat later.
        let jumps = steps.iter().filter(|step| (*step - 950.0).abs() <= 1e-3).count();
        let falls = steps.iter().filter(|step| (*step + 50.0).abs() <= 1e-3).count();
        assert_eq!((jumps, falls), (1, 19), "seed {seed}: {detected:?}");
        assert!((detected[20] - detected[0]).abs() <= 1e-3, "seed {seed}: {detected:?}");
    }
}
