//! Baselines from outside: what `bless` writes, what `diff` says about it, and with which exit code.

use std::fs;
use std::process::Command;

use serde_json::Value;
use tempfile::TempDir;

const SCENARIO: &str = r#"name = "a short cut"
duration = "20s"
settle = "5s"

[topology]
matrix = "aws-2025-07"
regions = ["us-east-1", "eu-west-1"]

[workload]
clients_per_region = 2
rate = "10/s"
keys = 10
mix = { read = 1, write = 1 }
timeout = "1s"
warm_up = "1s"

[[fault]]
at = "8s"
isolate = ["us-east-1"]
for = "5s"

[design.active-active]
protocol = "last-writer-wins"
gossip-every = "500ms"

[design.active-passive]
protocol = "primary-backup"

[expect.active-active]
availability = "= 100%"
"#;

struct Ran {
    code: i32,
    out: String,
    err: String,
}

/// A folder with one scenario and, by then, its baseline of six seeds.
struct Desk(TempDir);

impl Desk {
    fn new() -> Desk {
        let desk = Desk(tempfile::tempdir().unwrap());
        desk.put("s.toml", SCENARIO);
        assert_eq!(desk.run("bless s.toml --seeds 6").code, 0);
        desk
    }

    fn put(&self, name: &str, text: &str) {
        fs::write(self.0.path().join(name), text).unwrap();
    }

    fn read(&self, name: &str) -> String {
        fs::read_to_string(self.0.path().join(name)).unwrap()
    }

    fn run(&self, line: &str) -> Ran {
        let mut command = Command::new(env!("CARGO_BIN_EXE_riftzone"));
        let output = command.args(line.split_whitespace()).current_dir(self.0.path()).output().unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        Ran { code: output.status.code().unwrap(), out: text(output.stdout), err: text(output.stderr) }
    }
}

#[track_caller]
fn has(text: &str, words: &[&str]) {
    words.iter().for_each(|word| assert!(text.contains(word), "`{word}` is not in\n{text}"));
}

#[test]
fn the_same_scenario_is_unchanged_and_green() {
    let desk = Desk::new();
    let ran = desk.run("diff s.toml");
    assert_eq!((ran.code, &*ran.err), (0, ""), "{}", ran.out);
    has(&ran.out, &["active-active: unchanged: the same digest on all 6 seeds", "pass: nothing changed"]);
    let one = desk.run("diff s.toml --threads 1 --format json");
    let two = desk.run("diff s.toml --threads 2 --format json");
    assert_eq!(one.out, two.out, "threads do not show");
    let document: Value = serde_json::from_str(&one.out).unwrap();
    assert_eq!(document["designs"]["active-passive"]["change"], "unchanged");
    assert_eq!((document["conclusion"].as_str(), document["seeds"].as_array().unwrap().len()), (Some("pass"), 6));
    let before = desk.read("s.baseline.json");
    let again = desk.run("bless s.toml --seeds 6");
    has(&again.out, &["wrote s.baseline.json: 2 designs on 6 seeds", "active-active: unchanged"]);
    assert_eq!(desk.read("s.baseline.json"), before);
}

#[test]
fn a_slower_design_is_red_with_a_reason_and_a_way_to_see_it() {
    let desk = Desk::new();
    desk.put("s.toml", &SCENARIO.replace("500ms", "4s"));
    let ran = desk.run("diff s.toml");
    assert_eq!(ran.code, 1, "{}", ran.out);
    has(
        &ran.out,
        &[
            "active-active has other options than it had in the baseline",
            "active-active: numbers changed, behaviour did not: ",
            "stale_reads",
            "worse",
            "first other run: seed 1, ",
            "riftzone replay s.toml 1:",
            "active-passive: unchanged",
            "fail: something is worse than the baseline",
            "`riftzone bless s.toml` makes it the baseline",
        ],
    );
    let document: Value = serde_json::from_str(&desk.run("diff s.toml --format json").out).unwrap();
    let design = &document["designs"]["active-active"];
    let stale = &design["metrics"]["stale_reads"];
    assert_eq!((design["conclusion"].as_str(), stale["regressed"].as_bool()), (Some("fail"), Some(true)));
    let difference = stale["now"].as_f64().unwrap() - stale["before"].as_f64().unwrap();
    assert!((difference - stale["difference"].as_f64().unwrap()).abs() < 1e-9 && difference > 0.0);
    let pairs: u64 = ["seeds_up", "seeds_down", "seeds_same"].iter().map(|key| stale[*key].as_u64().unwrap()).sum();
    assert_eq!(pairs, 6);
    let replay = design["replay"].as_str().unwrap().strip_prefix("riftzone ").unwrap();
    assert_eq!(desk.run(replay).code, 0, "what is named replays");

    let comment = desk.run("diff s.toml --markdown");
    assert_eq!(comment.code, 1);
    assert!(comment.out.starts_with("<!-- riftzone diff s.toml -->\n### ❌ a short cut\n"), "{}", comment.out);
    has(
        &comment.out,
        &["🔴 **active-active**: numbers changed", "| stale reads |", "🔴 worse", "<details>", "</details>"],
    );

    // A budget allows it, another does not.
    let budget = "\n[budget.active-active]\nworse_than_baseline = \"100000%\"\nstale_reads = 100000\nrpo_s = 99\n";
    let zero = "staleness_ms_p99 = \"1min\"\nconflicts = 10000\n";
    desk.put("s.toml", &format!("{}{budget}{zero}", SCENARIO.replace("500ms", "4s")));
    let ran = desk.run("diff s.toml");
    assert_eq!(ran.code, 0, "{}", ran.out);
    has(&ran.out, &["within budget", "pass: nothing is worse than it may be"]);
    desk.put("s.toml", &format!("{}{budget}{zero}", SCENARIO.replace("500ms", "4s")).replace("= 100000\n", "= 1\n"));
    let ran = desk.run("diff s.toml");
    assert_eq!(ran.code, 1, "{}", ran.out);
    has(&ran.out, &["beyond its budget of 1"]);
}

#[test]
fn broken_behaviour_is_told_first() {
    let desk = Desk::new();
    let failover = "failover = { detect = \"3s\", promote = \"0s\", monitors = [\"eu-west-1\"] }";
    let lost = format!("protocol = \"primary-backup\"\n{failover}");
    desk.put("s.toml", &SCENARIO.replace("protocol = \"primary-backup\"", &lost));
    let ran = desk.run("diff s.toml");
    assert_eq!(ran.code, 1, "{}", ran.out);
    has(&ran.out, &["active-passive: behaviour changed: ", "fails on all 6 seeds, where it passed on all 6 seeds"]);
    let blessed = desk.run("bless s.toml --seeds 6");
    has(&blessed.out, &["active-passive: behaviour changed: "]);
    assert_eq!(desk.run("diff s.toml").code, 0, "what is blessed is the baseline");
}

#[test]
fn what_cannot_be_compared_says_what_to_do_next() {
    let desk = Desk::new();
    let good = desk.read("s.baseline.json");
    let fails = |words: &[&str]| {
        let ran = desk.run("diff s.toml");
        assert_eq!((ran.code, &*ran.out), (2, ""), "{}", ran.err);
        has(&ran.err, words);
    };
    desk.put("s.toml", &SCENARIO.replace("keys = 10", "keys = 11"));
    fails(&[
        "s.baseline.json is the baseline of another world: `workload` of s.toml changed",
        "`riftzone bless s.toml`",
    ]);
    desk.put("s.toml", &SCENARIO.replace("rate =", "rat ="));
    fails(&["s.toml:11:1: unknown key `rat`"]);
    desk.put("s.toml", &SCENARIO.replace("name = \"a short cut\"", "# told otherwise\nname = \"a cut\""));
    assert_eq!(desk.run("diff s.toml").code, 0, "a name and a comment are no other world");
    desk.put("s.baseline.json", &good.replacen("\"schema\": 1", "\"schema\": 9", 1));
    fails(&["s.baseline.json:2:2: this baseline has the form 9", "makes the baseline anew"]);
    desk.put("s.baseline.json", &good[..good.len() / 2]);
    fails(&["s.baseline.json:", "EOF while parsing"]);
    desk.put("s.baseline.json", &good.replacen("\"version\": \"", "\"version\": \"0.0.", 1));
    let ran = desk.run("diff s.toml");
    assert_eq!(ran.code, 0);
    has(&ran.out, &["the baseline is of riftzone 0.0."]);
    fs::remove_file(desk.0.path().join("s.baseline.json")).unwrap();
    fails(&["s.toml has no baseline: there is no file s.baseline.json", "`riftzone bless s.toml` makes one"]);
}

#[test]
fn a_folder_is_compared_whole() {
    let desk = Desk::new();
    desk.put("t.toml", &SCENARIO.replace("a short cut", "another").replace("for = \"5s\"", "for = \"2s\""));
    desk.put("package.toml", "[package]\nname = \"x\"\n");
    let ran = desk.run("bless . --seeds 3");
    assert_eq!(ran.code, 0, "{}", ran.err);
    has(&ran.out, &["s.baseline.json: 2 designs on 3 seeds", "t.baseline.json: 2 designs on 3 seeds"]);
    let documents: Value = serde_json::from_str(&desk.run("diff . --format json").out).unwrap();
    let names: Vec<_> = documents.as_array().unwrap().iter().map(|of| of["scenario"].as_str().unwrap()).collect();
    assert_eq!(names, ["a short cut", "another"]);
    assert_eq!(desk.run("diff . --baseline x.json").code, 2);
    fs::create_dir(desk.0.path().join("empty")).unwrap();
    let ran = desk.run("check empty");
    assert_eq!(ran.code, 2, "{}", ran.err);
}

/// Three regions, 80 ms round trip from any to any; a primary in the first, and what more is said.
fn planted(more: &str) -> String {
    let pairs = [("a", "b"), ("a", "c"), ("b", "c")];
    let links: String = pairs
        .iter()
        .map(|(a, b)| format!("[[topology.link]]\nfrom = \"{a}\"\nto = \"{b}\"\nrtt = \"80ms\"\n\n"))
        .collect();
    format!(
        r#"name = "a change is planted"
duration = "30s"
settle = "10s"

[topology]
regions = ["a", "b", "c"]

{links}[workload]
clients_per_region = 2
rate = "10/s"
keys = 10
mix = {{ read = 1, write = 1 }}
timeout = "2s"
warm_up = "1s"

[design.store]
protocol = "primary-backup"
primary = "a"
{more}
"#
    )
}

/// Plants a change, and gives what `diff` says of the design.
fn diff_of(before: &str, after: &str) -> (String, Value) {
    let desk = Desk(tempfile::tempdir().unwrap());
    desk.put("s.toml", &planted(before));
    let blessed = desk.run("bless s.toml --seeds 6");
    assert_eq!(blessed.code, 0, "{}", blessed.err);
    desk.put("s.toml", &planted(after));
    let document = serde_json::from_str(&desk.run("diff s.toml --format json").out).unwrap();
    let ran = desk.run("diff s.toml");
    assert_eq!(ran.code, 1, "{}", ran.out);
    (ran.out.split_whitespace().collect::<Vec<_>>().join(" "), document)
}

#[test]
fn one_more_round_trip_is_told_as_so_many_milliseconds() {
    let (told, document) = diff_of("acknowledge = \"local\"", "acknowledge = \"one\"");
    let sentence = "store: numbers changed, behaviour did not: write_latency_ms_p50 80 ms worse (+100 %), \
                    write_latency_ms_p99 80 ms worse (+100 %) before";
    has(&told, &[sentence, "first other run: seed 1, "]);
    let change = &document["designs"]["store"]["metrics"]["write_latency_ms_p50"];
    // A histogram's median is within a thousandth.
    let more = change["difference"].as_f64().unwrap();
    assert!((more - 80.0).abs() < 0.1, "{change}");
    assert_eq!((&change["seeds_up"], &change["seeds_down"]), (&6.into(), &0.into()));
}

#[test]
fn a_lost_fence_is_told_as_two_writers() {
    let failover = "failover = { detect = \"4s\", heartbeat = \"500ms\", promote = \"1s\" }";
    let fault = "\n[[fault]]\nat = \"10s\"\nisolate = [\"a\"]\nfor = \"12s\"\n";
    let fenced = format!("{failover}\nfencing = \"epoch\"\nlease = \"3s\"\n{fault}");
    let (told, document) = diff_of(&fenced, &format!("{failover}\n{fault}"));
    let sentence =
        "store: behaviour changed: single-writer fails on all 6 seeds, where it passed on all 6 seeds; numbers: ";
    has(&told, &[sentence, "two leaders writing, s 0 6.", "riftzone replay s.toml 1:"]);
    assert_eq!(document["designs"]["store"]["change"], "behaviour");
}
