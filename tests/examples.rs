//! The examples do what they say.

#[path = "../examples/own_protocol.rs"]
#[allow(dead_code, reason = "its main prints; the test asks for itself")]
mod own_protocol;

use own_protocol::WriteAll;
use riftzone::protocol::Guarantee;
use riftzone::scenario::Scenario;
use riftzone::sim::{Placement, simulate};
use riftzone::trace::Trace;

#[test]
fn a_protocol_of_ones_own_is_a_file_under_eighty_lines() {
    assert!(include_str!("../examples/own_protocol.rs").lines().count() < 80);
}

#[test]
fn it_keeps_what_it_acknowledged_and_stops_in_a_cut() {
    own_protocol::main();
    let hello = Scenario::parse(include_str!("../scenarios/hello.toml"), "hello.toml").unwrap();
    let everywhere = Placement::everywhere(&hello.setup.topology);
    for seed in 1..=5 {
        let run = simulate::<WriteAll>(&hello.setup, &everywhere, &(), seed, Trace::off()).unwrap();
        assert!(run.verdict(Guarantee::NoAcknowledgedWriteLost).verdict.is_pass());
        assert!(run.broken_claims().next().is_none());
        let writes_stopped = run.outage.as_secs_f64();
        assert!((18.0..24.0).contains(&writes_stopped), "{writes_stopped}");
    }
}
