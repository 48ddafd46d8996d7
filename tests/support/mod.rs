//! Worlds for tests.
#![allow(dead_code, reason = "each test file uses a part")]

use riftzone::id::RegionId;
use riftzone::model::clock::ClockModel;
use riftzone::model::disk::DiskModel;
use riftzone::model::latency::{Delay, Matrix};
use riftzone::model::retry::Retry;
use riftzone::model::topology::{MatrixUse, Topology};
use riftzone::model::workload::{Arrivals, KeyChooser, Mix, Objects, Workload};
use riftzone::sim::Setup;
use riftzone::time::{Duration, Time};

/// A client who asks once, and takes what comes of that.
pub fn asks_once() -> Retry {
    Retry {
        attempts: Some(1),
        attempt_timeout: None,
        backoff: Duration::millis(100),
        backoff_max: Duration::secs(1),
        has_jitter: true,
        budget: None,
        hedge_after: None,
        hides_errors: false,
    }
}

/// The instant this many milliseconds after the start.
pub fn after(ms: u64) -> Time {
    Time::ZERO + Duration::millis(ms)
}

/// Regions with the same round trip between any two and none inside, without jitter.
pub fn constant_world(regions: &[&str], round_trip_ms: u64, seconds: u64) -> Setup {
    let mut topology = Topology::new(regions);
    let n = regions.len() as u16;
    for from in 0..n {
        for to in (0..n).filter(|to| *to != from) {
            topology.set_delay(RegionId(from), RegionId(to), Delay::constant(Duration::millis(round_trip_ms) / 2));
        }
    }
    setup(topology, seconds)
}

/// Regions of a bundled matrix, both directions averaged, no jitter, no delay inside a region.
pub fn measured_world(matrix: &str, regions: &[&str], seconds: u64) -> Setup {
    let how = MatrixUse { symmetric: true, jitter: false, local_round_trip: Duration::ZERO };
    let topology = Topology::from_matrix(regions, &Matrix::load(matrix).unwrap(), how).unwrap();
    setup(topology, seconds)
}

/// A client a region that asks ten times a second, half reads and half writes, after one second.
pub fn setup(topology: Topology, seconds: u64) -> Setup {
    let regions = topology.regions().len();
    Setup {
        chaos: None,
        topology,
        workload: Workload {
            clients: vec![1; regions],
            arrivals: Arrivals::Paced(Duration::millis(100)),
            keys: KeyChooser::uniform(100),
            mix: Mix { read: 1, write: 1, compare_and_set: 0 },
            objects: Objects::default(),
            timeout: Duration::secs(2),
            retry_after: None,
            backoff: Duration::millis(100),
            warm_up: Duration::secs(1),
            operations_per_client: None,
            retry: None,
            idempotency: true,
        },
        faults: Vec::new(),
        duration: Duration::secs(seconds),
        settle: Duration::secs(10),
        disk: DiskModel::default(),
        transport: None,
        clocks: ClockModel::default(),
        routing: None,
        stonith: None,
        service: None,
    }
}
