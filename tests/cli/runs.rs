//! What `run` tells of one run, and the levels that are expected of it.

use std::fs;

use serde_json::Value;

use super::{Desk, scenario};

#[test]
fn a_run_has_every_key_and_its_numbers_add_up() {
    let desk = Desk::new();
    let run = desk.run("run good.toml --seed 7 --format json").reports(0).json();
    let keys = "scenario design protocol seed digest version simulated_s events operations availability latency_ms \
                durability failovers split_brain staleness_ms conflicts network faults verdicts expectations";
    for key in keys.split_whitespace() {
        assert!(!run[key].is_null(), "{key}");
    }
    assert_eq!((run["design"].as_str(), run["seed"].as_u64()), (Some("active-active"), Some(7)));
    assert_eq!(run["digest"].as_str().unwrap().len(), 16);
    for key in ["p50", "p90", "p99", "p999", "max", "mean", "count"] {
        assert!(run["latency_ms"]["read"]["eu-west-1"][key].is_number(), "{key}");
    }
    for key in ["p50", "p99", "max", "stale_reads"] {
        assert!(run["staleness_ms"][key].is_number(), "{key}");
    }
    let counts = ["read", "write"].iter().flat_map(|kind| run["latency_ms"][kind].as_object().unwrap().values());
    let answered: u64 = counts.map(|region| region["count"].as_u64().unwrap()).sum();
    assert_eq!(Some(answered), run["operations"]["ok"].as_u64());
    let fault = &run["faults"][0];
    assert_eq!(
        (fault["kind"].as_str(), fault["at_s"].as_f64(), fault["fired"].as_bool()),
        (Some("isolate"), Some(8.0), Some(true))
    );
    assert!(fault["touched"].as_u64() > Some(0));
    let verdict = |level: &str| {
        let verdicts = run["verdicts"].as_array().unwrap();
        verdicts.iter().find(|verdict| verdict["level"] == level).unwrap().clone()
    };
    assert_eq!(
        (verdict("convergence")["verdict"].as_str(), verdict("convergence")["expected"].as_str()),
        (Some("pass"), Some("pass"))
    );
    assert_eq!(verdict("linearizable")["verdict"], "fail");
    assert!(!verdict("linearizable")["witness"]["operations"].as_array().unwrap().is_empty());
    assert!(run["expectations"].as_array().unwrap().iter().all(|expectation| expectation["held"] == true));
}

#[test]
fn a_run_tells_a_person_the_same() {
    let desk = Desk::new();
    let text = desk.run("run bad.toml --design slow-gossip").reports(1).out;
    for words in ["a short cut", "isolate us-east-1 for 5s", "stale_reads", "broken", "fail: something expected"] {
        assert!(text.contains(words), "`{words}` is not in\n{text}");
    }
    let replay = text.lines().last().unwrap();
    assert!(replay.starts_with("riftzone replay bad.toml 1:") && replay.ends_with(" --design slow-gossip"), "{replay}");
    let widest = text.lines().map(|line| line.chars().count()).max();
    assert!(widest <= Some(120), "{widest:?} columns:\n{text}");
}

#[test]
fn staleness_is_told_only_where_something_was_read_that_can_be_stale() {
    let desk = Desk::new();
    let staleness = |mix: &str, design: &str| {
        let text = scenario("").replace("mix = { read = 1, write = 1 }", mix);
        desk.put("reads.toml", &text.replace("protocol = \"last-writer-wins\"", design));
        let text = desk.run("run reads.toml --design active-active").reports(0).out;
        text.lines().find_map(|line| line.strip_prefix("staleness")).unwrap().trim().to_string()
    };
    let lww = "protocol = \"last-writer-wins\"";
    assert!(staleness("mix = { read = 1, write = 1 }", lww).contains(" reads stale; over all reads p50 "));
    assert_eq!(staleness("mix = { write = 1 }", lww), "no read was answered");
    let counters = staleness("mix = { read = 1, add = 1 }", "protocol = \"crdt\"\ntype = \"pn-counter\"");
    assert_eq!(counters, "not asked: it is that of single values and of rows");
}

#[test]
fn a_run_names_the_strongest_levels_that_it_met() {
    let desk = Desk::new();
    let run = desk.run("run good.toml --format json").reports(0).json();
    assert!(run["levels"].is_null(), "nobody asked");
    let run = desk.run("run good.toml --levels --format json").reports(0).json();
    let (strongest, all) =
        (run["levels"]["strongest"].as_array().unwrap(), run["levels"]["verdicts"].as_array().unwrap());
    assert_eq!(all.len(), 14);
    let verdict = |name: &Value| all.iter().find(|of| of["level"] == *name).unwrap()["verdict"].as_str();
    assert!(strongest.iter().all(|name| verdict(name) == Some("pass")), "{strongest:?}");
    assert_eq!(verdict(&"linearizable".into()), Some("fail"));
    let text = desk.run("run good.toml --levels").reports(0).out;
    assert!(text.contains(&format!("strongest met: {}", strongest[0].as_str().unwrap())), "{text}");
}

/// Expectations of levels, all of which hold: a mean store that never stops, and one that waits.
const LEVELS: &str = r#"
[design.one-copy]
protocol = "primary-backup"

[expect.active-active]
linearizable = "fail"
monotonic-reads = "pass"

[expect.one-copy]
causal = "pass"
"bounded-staleness:1ms" = "pass"
"k-atomic:2" = "pass"
"#;

#[test]
fn levels_are_expected_beside_metrics_and_guarantees() {
    let desk = Desk::new();
    desk.put("levels.toml", &scenario(LEVELS));
    let run = desk.run("run levels.toml --design one-copy --format json").reports(0).json();
    let verdicts = run["verdicts"].as_array().unwrap();
    let of = |level: &str| verdicts.iter().find(|verdict| verdict["level"] == level).unwrap();
    for level in ["causal", "bounded-staleness:1ms", "k-atomic:2"] {
        assert_eq!((of(level)["verdict"].as_str(), of(level)["expected"].as_str()), (Some("pass"), Some("pass")));
        assert!(of(level)["steps"].as_u64() > Some(0), "{level}");
    }
    assert!(run["levels"].is_null(), "only what is expected is judged");
    let replayed = desk.run(&format!("replay levels.toml 1:{} --format json", run["digest"].as_str().unwrap()));
    assert_eq!(replayed.reports(0).json()["verdicts"], run["verdicts"]);
    let text = desk.run("run levels.toml").reports(0).out;
    assert!(text.contains("the scenario expects pass; by what clients saw alone"), "{text}");

    let checked = desk.run("check levels.toml --seeds 3 --format json").reports(0).json();
    let tally = &checked["designs"]["one-copy"]["verdicts"]["causal"];
    assert_eq!((tally["pass"].as_u64(), tally["by_clients_alone"].as_u64()), (Some(3), Some(0)));
    let tally = &checked["designs"]["active-active"]["verdicts"]["monotonic-reads"];
    assert_eq!((tally["pass"].as_u64(), tally["by_clients_alone"].as_u64()), (Some(3), Some(3)));
    let table = desk.run("compare levels.toml --seeds 3").reports(0).out;
    let row = |name: &str| -> Vec<String> {
        let line = table.lines().find(|line| line.starts_with(name)).unwrap_or_else(|| panic!("{name} in\n{table}"));
        line.split_whitespace().skip(1).map(str::to_string).collect()
    };
    assert_eq!(row("monotonic-reads"), ["3/3", "–", "–"]);
    assert_eq!(row("bounded-staleness:1ms"), ["–", "–", "3/3"]);
    assert_eq!(row("k-atomic:2"), ["–", "–", "3/3"]);
    assert!(table.lines().all(|line| line.chars().count() <= 120), "{table}");
}

#[test]
fn a_level_that_is_not_met_breaks_an_expectation() {
    let desk = Desk::new();
    let wrong = LEVELS.replace("causal = \"pass\"", "causal = \"fail\"").replace("monotonic-reads", "k-atomic");
    desk.put("wrong.toml", &scenario(&wrong));
    let text = desk.run("check wrong.toml --seeds 2 --junit j.xml").reports(1).out;
    for words in ["expected causal fail, measured fail in 0 of 2", "expected k-atomic:1 pass", "in seed 1: "] {
        assert!(text.contains(words), "`{words}` is not in\n{text}");
    }
    let junit = fs::read_to_string(desk.path("j.xml")).unwrap();
    assert!(junit.contains("failures=\"2\" errors=\"0\"") && junit.contains("expects k-atomic:1 pass"), "{junit}");
    desk.run("run wrong.toml --design one-copy").reports(1);
    desk.run("run wrong.toml --design slow-gossip").reports(0);
    for (name, line, words) in [
        ("monotonic-read = \"pass\"", "31:1", "did you mean `monotonic-reads`?"),
        ("\"k-atomic:no\" = \"pass\"", "31:1", "a whole number from 1"),
        ("k-atomic:2 = \"pass\"", "31:9", "in quotes"),
        ("snapshot-isolation = \"pass\"", "31:1", "single keys"),
    ] {
        desk.put("typo.toml", &scenario(&format!("\n[expect]\n{name}\n")));
        desk.run("check typo.toml").complains(2, &[&format!("typo.toml:{line}"), words]);
    }
    let schema = desk.run("schema").reports(0).json();
    let expect = &schema["properties"]["expect"];
    assert!(expect["properties"]["read-your-writes"].is_object() && expect["properties"]["causal_memory"].is_object());
    assert!(
        expect["patternProperties"].as_object().unwrap().keys().any(|pattern| pattern.starts_with("^k[-_]atomic:"))
    );
}

#[test]
fn a_failover_takes_back_what_was_read_and_the_order_of_versions_shows_it() {
    let desk = Desk::new();
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/scenarios/github-2018-10-21.toml");
    let mut by_order = 0;
    for seed in 1..=6 {
        let run = desk.run(&format!("run {file} --seed {seed} --levels --format json")).reports(0).json();
        let levels = &run["levels"];
        let known = ["keys_ordered", "keys_branched"].map(|which| levels["versions"][which].as_u64().unwrap());
        assert!(known.iter().all(|keys| *keys > 0), "two primaries wrote, and not to every key: {known:?}");
        let noted =
            levels["verdicts"].as_array().unwrap().iter().filter(|of| of["note"] == "by the store's order of versions");
        for verdict in noted {
            assert_eq!(verdict["verdict"], "fail");
            assert!(verdict["witness"]["operations"].as_array().unwrap().len() > 1, "{verdict}");
            by_order += 1;
        }
    }
    assert!(by_order > 0, "on no seed did the order show more than clients saw");
}
