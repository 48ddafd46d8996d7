//! The examples do what they say.

#[path = "../examples/own_protocol.rs"]
#[allow(dead_code, reason = "its main prints; the test asks for itself")]
mod own_protocol;

#[path = "../examples/naive_failover.rs"]
#[allow(dead_code, reason = "its main prints; the test asks for itself")]
mod naive_failover;

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

#[test]
fn ten_lines_find_the_split_brain_of_a_naive_failover_and_tell_it() {
    let failed = naive_failover::split_brain().expect_err("it has two primaries in a cut");
    assert_eq!(failed.property.name(), "single-writer");
    assert!(failed.faults <= 1 && failed.operations <= 12, "{failed}");
    for words in ["leads epoch 1", "still believes to lead epoch 1", "acknowledged by", "✗"] {
        assert!(failed.story.contains(words), "`{words}` is not in\n{failed}");
    }
    let text = include_str!("../examples/naive_failover.rs");
    let test = text.split_once("pub fn split_brain").unwrap().1.split_once("\n}\n").unwrap().0;
    assert!(test.lines().count() <= 10, "{test}");
}
