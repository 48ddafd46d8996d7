//! Workloads that other tools do as well: a ring of tokens, an echo, Flexible Paxos, and a register's history to judge.
//!
//! The first three are each a [`Protocol`](riftzone::protocol::Protocol) and the world that it runs in, and go through the
//! whole engine: handlers that write effects, links with dice of their own, history judged on line, monitors, digest. The
//! benches of this package and `benches/peers`, a package of its own, include these files by path: both measure the same.

pub mod echo;
pub mod fpaxos;
pub mod register;
pub mod ring;

use riftzone::id::RegionId;
use riftzone::model::clock::ClockModel;
use riftzone::model::disk::DiskModel;
use riftzone::model::latency::Delay;
use riftzone::model::topology::Topology;
use riftzone::model::workload::{Arrivals, KeyChooser, Mix, Objects, Workload};
use riftzone::sim::Setup;
use riftzone::time::Duration;

/// How many nodes every workload has, each in a region of its own.
pub const NODES: u16 = 5;

/// The shortest one-way delay of the ring and the echo.
pub const DELAY_MIN: Duration = Duration::millis(30);

/// The longest one-way delay of the ring and the echo.
pub const DELAY_MAX: Duration = Duration::millis(100);

/// Five regions, any delay between [`DELAY_MIN`] and [`DELAY_MAX`] as likely, by the message and to the nanosecond.
///
/// There are no clients: nodes begin by themselves.
pub fn jittered_world(simulated: Duration) -> Setup {
    let mut topology = Topology::new(&["north", "east", "south", "west", "middle"]);
    for from in 0..NODES {
        for to in (0..NODES).filter(|to| *to != from) {
            topology.set_delay(RegionId(from), RegionId(to), Delay::uniform(DELAY_MIN, DELAY_MAX));
        }
    }
    let clients = Workload {
        clients: vec![0; usize::from(NODES)],
        arrivals: Arrivals::Closed(Duration::ZERO),
        keys: KeyChooser::uniform(1),
        mix: Mix { read: 1, write: 0, compare_and_set: 0 },
        objects: Objects::default(),
        timeout: Duration::secs(1),
        retry_after: None,
        backoff: Duration::secs(1),
        warm_up: Duration::ZERO,
        operations_per_client: None,
        retry: None,
        idempotency: true,
    };
    quiet_world(topology, clients, simulated)
}

/// A world in which nothing breaks: disks that take no time, clocks that are right.
fn quiet_world(topology: Topology, workload: Workload, duration: Duration) -> Setup {
    Setup {
        chaos: None,
        topology,
        workload,
        faults: Vec::new(),
        duration,
        settle: Duration::ZERO,
        disk: DiskModel::default(),
        transport: None,
        clocks: ClockModel::default(),
        routing: None,
        stonith: None,
        service: None,
    }
}
