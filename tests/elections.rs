//! Raft's election times against the published ones.

mod support;

use rayon::prelude::*;
use riftzone::id::RegionId;
use riftzone::model::fault::{Action, Fault, Target};
use riftzone::model::latency::Delay;
use riftzone::model::topology::Topology;
use riftzone::protocol::raft::{Options, Raft};
use riftzone::sim::{Placement, Setup, simulate};
use riftzone::time::{Duration, Time};
use riftzone::trace::Trace;

/// Five servers, one way 30 to 40 ms, one of them dead from the start: AvailSim's wide-area setting.
fn five_servers_one_down() -> Setup {
    let mut topology = Topology::new(&["s1", "s2", "s3", "s4", "s5"]);
    for from in 0..5 {
        for to in (0..5).filter(|to| *to != from) {
            let delay = Delay::uniform(Duration::millis(30), Duration::millis(40));
            topology.set_delay(RegionId(from), RegionId(to), delay);
        }
    }
    let mut setup = support::setup(topology, 12);
    setup.workload.clients = vec![0; 5];
    setup.settle = Duration::ZERO;
    setup.faults = vec![Fault {
        at: Time::ZERO,
        lasts: None,
        action: Action::Crash(vec![Target::Region(RegionId(4))]),
        may_touch_nothing: false,
    }];
    setup
}

/// R4: Ongaro's dissertation, chapter 9 (AvailSim): timeouts of 300 to 600 ms, timers fresh at 0, no disk. The mean is
/// about 475 ms, and 99.9 % of elections end within about 1.5 s.
#[test]
fn r4_an_election_over_a_wide_area() {
    let setup = five_servers_one_down();
    let placement = Placement::everywhere(&setup.topology);
    let options = Options {
        heartbeat: Duration::millis(100),
        election_timeout: Duration::millis(300),
        pre_vote: false,
        check_quorum: false,
        ..Options::default()
    };
    let mut times: Vec<f64> = (1..=10_000_u64)
        .into_par_iter()
        .map(|seed| {
            let run = simulate::<Raft>(&setup, &placement, &options, seed, Trace::off()).unwrap();
            run.first_leader.expect("twelve seconds are enough").as_secs_f64() * 1e3
        })
        .collect();
    times.sort_unstable_by(f64::total_cmp);
    let mean = times.iter().sum::<f64>() / times.len() as f64;
    let p999 = times[times.len() * 999 / 1_000];
    println!("R4: mean {mean:.1} ms, p99.9 {p999:.0} ms, over {} elections", times.len());
    assert!((mean / 475.0 - 1.0).abs() < 0.05, "mean {mean:.1} ms");
    assert!((p999 / 1_475.0 - 1.0).abs() < 0.10, "p99.9 {p999:.0} ms");
}
