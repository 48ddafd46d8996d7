//! `riftzone explore`, from outside: what it says it saw, and how it ends.

use std::process::Command;

use serde_json::Value;
use tempfile::TempDir;

const TEXT: &str = r#"
name = "three sites"
duration = "10s"
[topology]
regions = ["a", "b", "c"]
link = [
    { from = "a", to = "b", rtt = "30ms" },
    { from = "a", to = "c", rtt = "30ms" },
    { from = "b", to = "c", rtt = "30ms" },
]
[workload]
rate = "1/s"
mix = { read = 1, write = 1 }
[design.plain]
protocol = "raft"
pre-vote = false
check-quorum = false
[design.pair]
protocol = "primary-backup"
primary = "a"
backups = ["b"]
"#;

fn explored(line: &str, code: i32) -> String {
    let folder = TempDir::new().unwrap();
    std::fs::write(folder.path().join("three.toml"), TEXT).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_riftzone"));
    let output = command.args(line.split_whitespace()).current_dir(folder.path()).output().unwrap();
    let [out, err] = [output.stdout, output.stderr].map(|bytes| String::from_utf8(bytes).unwrap());
    assert_eq!(output.status.code(), Some(code), "{line}\n{out}{err}");
    out + &err
}

#[test]
fn what_was_seen_is_counted_and_all_of_it_is_good() {
    let text = explored("explore three.toml --timeouts 1 --writes 0", 0);
    assert!(text.contains("all of them, and nothing is broken"), "{text}");
    let json: Value =
        serde_json::from_str(&explored("explore three.toml --timeouts 1 --writes 0 --format json", 0)).unwrap();
    assert_eq!((json["complete"].as_bool(), json["broken"].is_null()), (Some(true), true));
    assert!(json["states"].as_u64() > Some(20) && json["transitions"].as_u64() > json["states"].as_u64(), "{json}");
    let pair = explored("explore three.toml --design pair --timeouts 2 --writes 2 --crashes 1", 0);
    assert!(pair.contains("pair in a, b, c: 2 operations, 2 timeouts, 1 crash, 0 duplicates, 0 retries"), "{pair}");
}

#[test]
fn what_need_not_be_looked_at_is_counted_and_changes_no_verdict() {
    let line = "explore three.toml --timeouts 1 --format json";
    let [less, all] = [line.into(), format!("{line} --full")]
        .map(|line: String| serde_json::from_str::<Value>(&explored(&line, 0)).unwrap());
    assert_eq!(less["left_out"]["names_of_one_state_max"], 6);
    assert!(less["left_out"]["steps_in_another_order"].as_u64() > Some(100), "{less}");
    assert!(less["left_out"]["messages_without_effect"].as_u64() > Some(100), "{less}");
    assert_eq!(all["left_out"]["names_of_one_state_max"], 1);
    assert!(less["states"].as_u64().map(|states| 6 * states) < all["states"].as_u64(), "{less} {all}");
    let text = explored("explore three.toml --timeouts 1", 0);
    assert!(text.contains("states that differ in names alone, of which up to 6 count as one"), "{text}");
}

/// Nothing is asked, no timer may fire and nobody may crash: no message was ever sent.
#[test]
fn a_world_in_which_nothing_can_happen_shows_nothing() {
    let text = explored("explore three.toml --timeouts 0 --writes 0", 3);
    assert!(text.contains("nothing can happen in this world, which shows nothing"), "{text}");
    let json: Value =
        serde_json::from_str(&explored("explore three.toml --timeouts 0 --writes 0 --format json", 3)).unwrap();
    assert_eq!((json["vacuous"].as_bool(), json["complete"].as_bool()), (Some(true), Some(true)));
}

#[test]
fn what_was_left_out_is_no_verdict() {
    let text = explored("explore three.toml --timeouts 2 --depth 3", 3);
    assert!(text.contains("cut off: ways go on after 3 steps"), "{text}");
    assert!(explored("explore three.toml --states 50", 3).contains("cut off: there are more states"));
}

#[test]
fn a_mistake_is_told() {
    assert!(explored("explore three.toml --design plan", 2).contains("did you mean `plain`?"));
}
