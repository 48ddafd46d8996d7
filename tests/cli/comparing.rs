//! What `compare` and `check` say of many runs.

use std::fs;

use super::{BREAKS, Desk, HOLDS, scenario};

#[test]
fn a_comparison_counts_every_seed_once() {
    let desk = Desk::new();
    let comparison = desk.run("compare bad.toml --seeds 5..=8 --format json").reports(1).json();
    assert_eq!(comparison["seeds"], serde_json::json!([5, 6, 7, 8]));
    let designs = comparison["designs"].as_object().unwrap();
    assert_eq!(designs.keys().collect::<Vec<_>>(), ["active-active", "slow-gossip"]);
    for design in designs.values() {
        for (level, tally) in design["verdicts"].as_object().unwrap() {
            let total: u64 = tally.as_object().unwrap().values().map(|count| count.as_u64().unwrap()).sum();
            assert_eq!(total, 4, "{level}: {tally}");
        }
        for name in ["availability", "write_latency_ms_p99", "rto_s", "availability/eu-west-1"] {
            let of = |key: &str| design["metrics"][name][key].as_f64().unwrap();
            assert!(of("low") <= of("mean") && of("mean") <= of("high"), "{name}");
            assert!(design["metrics"][name]["unit"].is_string(), "{name}");
        }
    }
    assert!(designs["active-active"]["first_failure"].is_null());
    assert!(designs["slow-gossip"]["first_failure"].as_str().unwrap().starts_with("5:"));
    assert!(!comparison["pareto"].as_array().unwrap().is_empty());
}

#[test]
fn many_designs_stand_below_each_other_and_fit_a_terminal() {
    let desk = Desk::new();
    let more: String = (0..10)
        .map(|nth| {
            format!(
                "\n[design.design-number-{nth}]\nprotocol = \"last-writer-wins\"\ngossip-every = \"{}s\"\n",
                nth + 1
            )
        })
        .collect();
    desk.put("many.toml", &scenario(&more));
    let text = desk.run("compare many.toml --seeds 2").reports(0).out;
    let widest = text.lines().map(|line| line.chars().count()).max().unwrap();
    assert!(widest <= 110, "{widest} columns:\n{text}");
    let rows = |name: &str| text.lines().filter(|line| line.starts_with(name)).count();
    assert_eq!(rows("design-number-0"), rows("design-number-9"), "{text}");
    assert!(rows("design-number-0") > 3, "{text}");
    for words in ["availability,", "eu-west-1, %", "linearizable", "on the Pareto front", "not on the front"] {
        assert!(text.contains(words), "`{words}` is not in\n{text}");
    }
}

#[test]
fn the_front_is_about_what_was_asked_and_says_what_beats_the_others() {
    let desk = Desk::new();
    let compare = |more: &str| desk.run(&format!("compare good.toml --seeds 3 {more}"));
    let one = compare("--objectives staleness_ms_p99,rto_s --format json").reports(0).json();
    assert_eq!(one["pareto_objectives"], serde_json::json!(["staleness_ms_p99", "rto_s"]));
    assert_eq!(one["pareto"], serde_json::json!(["active-active"]));
    assert_eq!(
        one["beaten"]["slow-gossip"],
        serde_json::json!({ "by": "active-active", "better_in": ["staleness_ms_p99"] })
    );
    let text = compare("--objectives staleness_ms_p99").reports(0).out;
    assert!(
        text.contains("slow-gossip   active-active is at least as good in all, and better in staleness_ms_p99"),
        "{text}"
    );
    let page = compare("--objectives staleness_ms_p99 --markdown").reports(0).out;
    for words in
        ["| **active-active** ★ | **slow-gossip** |", "| 3/3 |", "- slow-gossip is not: active-active is at least"]
    {
        assert!(page.contains(words), "`{words}` is not in\n{page}");
    }
    compare("--objectives staleness").complains(2, &["no metric is called `staleness`", "staleness_ms_p99"]);
    compare("--objectives messages").complains(2, &["neither less nor more of `messages` is better"]);
    compare("--markdown --format json").complains(2, &["cannot be used with"]);
}

#[test]
fn what_nobody_answered_is_no_number() {
    let desk = Desk::new();
    let text = scenario("\n[expect.active-active]\nread_latency_ms_p99 = \"< 1s\"\n");
    desk.put("mute.toml", &text.replace("read = 1, write = 1", "write = 1"));
    let mute = desk.run("compare mute.toml --seeds 2 --format json").reports(1).json();
    assert!(mute["designs"]["active-active"]["metrics"]["read_latency_ms_p99"]["mean"].is_null());
    assert!(mute["designs"]["active-active"]["metrics"]["write_latency_ms_p99"]["mean"].is_number());
    let text = desk.run("compare mute.toml --seeds 2").reports(1).out;
    assert!(text.contains("nothing to measure") && text.contains("–"), "{text}");
}

#[test]
fn a_comparison_is_one_table_whatever_the_threads() {
    let desk = Desk::new();
    let one = desk.run("compare good.toml --seeds 3 --threads 1").reports(0).out;
    assert_eq!(one, desk.run("compare good.toml --seeds 3 --threads 2").reports(0).out);
    for words in ["write_latency_ms_p99", "availability in eu-west-1, %", "95 % t interval", "3/3", "active-active"] {
        assert!(one.contains(words), "`{words}` is not in\n{one}");
    }
    let chosen =
        desk.run("compare good.toml --seeds 2 --designs slow-gossip,slow-gossip --format json").reports(0).json();
    assert_eq!(chosen["designs"].as_object().unwrap().len(), 1);
}

#[test]
fn a_check_is_for_machines_too() {
    let desk = Desk::new();
    let text = desk.run("check good.toml bad.toml --seeds 3 --github --junit out.xml").reports(1).out;
    assert!(
        text.contains("active-active   pass   3/3 seeds") && text.contains("slow-gossip     fail   0/3 seeds"),
        "{text}"
    );
    let annotation = text.lines().find(|line| line.starts_with("::error ")).unwrap();
    let at = 1 + scenario(BREAKS).lines().position(|line| line == "stale_reads = 0").unwrap();
    assert!(annotation.contains(&format!("file=bad.toml,line={at},")), "{annotation}");
    let junit = fs::read_to_string(desk.path("out.xml")).unwrap();
    assert!(junit.contains("failures=\"1\" errors=\"0\"") && junit.matches("<testsuite ").count() == 2, "{junit}");

    let both = desk.run("check good.toml bad.toml --seeds 2 --format json").reports(1).json();
    assert_eq!(both.as_array().unwrap().len(), 2);
    let one = desk.run("check good.toml --seeds 2 --format json").reports(0).json();
    assert_eq!(one["designs"]["active-active"]["verdicts"]["convergence"]["pass"], 2);
}

#[test]
fn a_fault_that_hits_nothing_is_an_error() {
    let desk = Desk::new();
    desk.put("void.toml", &scenario(HOLDS).replace("for = \"5s\"", "for = \"1ns\""));
    let text = desk.run("run void.toml").reports(1).out;
    assert!(text.contains("isolate us-east-1 for 1ns   error: it touched nothing"), "{text}");
    let text = desk.run("check void.toml --seeds 2").reports(1).out;
    assert!(text.contains("the fault `isolate us-east-1 for 1ns` at 8s touched nothing in 2 seeds"), "{text}");
}
