//! The command line, from outside: exit codes, streams, and the keys that others rely on.

use std::fs;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

use serde_json::Value;
use tempfile::TempDir;

/// Twenty seconds of last-writer-wins in two regions, one of which is cut off for five; `more` is added at the end.
fn scenario(more: &str) -> String {
    format!(
        r#"name = "a short cut"
duration = "20s"
settle = "5s"

[topology]
matrix = "aws-2025-07"
regions = ["us-east-1", "eu-west-1"]
jitter = "none"

[workload]
clients_per_region = 2
rate = "10/s"
keys = 10
mix = {{ read = 1, write = 1 }}
timeout = "1s"
warm_up = "1s"

[[fault]]
at = "8s"
isolate = ["us-east-1"]
for = "5s"

[design.active-active]
protocol = "last-writer-wins"

[design.slow-gossip]
protocol = "last-writer-wins"
gossip-every = "3s"
{more}"#
    )
}

const HOLDS: &str = "\n[expect]\nconvergence = \"pass\"\navailability = \">= 99%\"\n";
const BREAKS: &str = "\n[expect.slow-gossip]\nstale_reads = 0\n";

/// A folder with scenarios, in which the program runs.
struct Desk(TempDir);

impl Desk {
    fn new() -> Desk {
        let desk = Desk(tempfile::tempdir().unwrap());
        desk.put("good.toml", &scenario(HOLDS));
        desk.put("bad.toml", &scenario(BREAKS));
        desk
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn put(&self, name: &str, text: &str) {
        fs::write(self.path(name), text).unwrap();
    }

    fn command(&self, line: &str) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_riftzone"));
        command
            .args(line.split_whitespace())
            .current_dir(self.0.path())
            .env_remove("NO_COLOR")
            .env_remove("RUST_BACKTRACE");
        command
    }

    fn run(&self, line: &str) -> Ran {
        Ran::of(self.command(line).output().unwrap())
    }
}

/// What a run of the program gave.
#[derive(Debug)]
struct Ran {
    code: i32,
    out: String,
    err: String,
}

impl Ran {
    fn of(output: Output) -> Ran {
        let text = |bytes| String::from_utf8(bytes).unwrap();
        Ran { code: output.status.code().unwrap(), out: text(output.stdout), err: text(output.stderr) }
    }

    #[track_caller]
    fn exits(self, code: i32) -> Ran {
        assert_eq!(self.code, code, "{self:#?}");
        self
    }

    /// Data on stdout, and nothing beside it.
    #[track_caller]
    fn reports(self, code: i32) -> Ran {
        let ran = self.exits(code);
        assert!(ran.err.is_empty() && !ran.out.is_empty(), "{ran:#?}");
        ran
    }

    /// A diagnostic on stderr that has these words, and no data.
    #[track_caller]
    fn complains(self, code: i32, words: &[&str]) -> Ran {
        let ran = self.exits(code);
        assert!(ran.out.is_empty(), "{ran:#?}");
        words.iter().for_each(|word| assert!(ran.err.contains(word), "`{word}` is not in {}", ran.err));
        ran
    }

    #[track_caller]
    fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap()
    }
}

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

#[test]
fn a_register_from_elsewhere_is_judged_at_every_level() {
    let desk = Desk::new();
    let event = |process: u32, kind: &str, f: &str, value: &str| {
        format!("{{:process {process}, :type :{kind}, :f :{f}, :value {value}}}\n")
    };
    let write = |process, value| event(process, "invoke", "write", value) + &event(process, "ok", "write", value);
    let read = |process, seen| event(process, "invoke", "read", "nil") + &event(process, "ok", "read", seen);
    // One process sees what another wrote, then no longer, then again.
    desk.put("back.edn", &(write(0, "1") + &write(0, "2") + &read(1, "2") + &read(1, "1") + &read(1, "2")));
    let judged = desk.run("judge back.edn --format json").reports(1).json();
    let verdicts = judged["verdicts"].as_array().unwrap();
    let verdict =
        |level: &str| verdicts.iter().find(|verdict| verdict["level"] == level).map(|of| of["verdict"].clone());
    for (level, expected) in [
        ("linearizable", "fail"),
        ("causal", "fail"),
        ("monotonic-reads", "fail"),
        ("read-your-writes", "pass"),
        ("monotonic-writes", "pass"),
        ("k-atomic:2", "pass"),
    ] {
        assert_eq!(verdict(level), Some(expected.into()), "{level} in {verdicts:#?}");
    }
    assert_eq!(verdict("bounded-staleness:0s"), None, "there are no times in it");
    let strongest = judged["strongest"].as_array().unwrap();
    assert!(strongest.contains(&"k-atomic:2".into()) && !strongest.contains(&"monotonic-reads".into()));
    let text = desk.run("judge back.edn").reports(1).out;
    for words in ["strongest met: ", "as monotonic-reads does", "├ read ⇒ 2 ┤", "bounded-staleness is not judged"]
    {
        assert!(text.contains(words), "`{words}` is not in\n{text}");
    }
    desk.run("judge back.edn --level monotonic-writes,k-atomic:2").reports(0);
    desk.run("judge back.edn --level monotonic_reads --svg why.svg").reports(1);
    assert!(fs::read_to_string(desk.path("why.svg")).unwrap().contains("not monotonic-reads"));
    desk.run("judge back.edn --level bounded-staleness:1s").reports(3);
    desk.run("judge back.edn --level causl").complains(2, &["did you mean `causal`?"]);
    desk.run("judge back.edn --level k-atomic:0").complains(2, &["a whole number from 1"]);
    // The same in words of the file, where its values are no numbers.
    let seen = ["\"b\"", "\"a\"", "\"b\""].map(|seen| read(1, seen)).concat();
    desk.put("words.edn", &(write(0, "\"a\"") + &write(0, "\"b\"") + &seen));
    let text = desk.run("judge words.edn --level monotonic-reads").reports(1).out;
    assert!(text.contains("under monotonic-reads these cannot all be") && text.contains("`1 read ⇒ \"a\"`"), "{text}");
    // Where a value does not name its write, linearizability alone is judged.
    desk.put("twice.edn", &(write(0, "1") + &write(0, "1") + &read(1, "1")));
    let judged = desk.run("judge twice.edn --format json").reports(0).json();
    assert_eq!(judged["verdicts"].as_array().unwrap().len(), 1);
    assert!(judged["left_out"].as_str().unwrap().contains("a value is written twice"), "{judged}");
    let text = desk.run("judge twice.edn --level causal").reports(3).out;
    assert!(text.contains("inconclusive") && text.contains("is written twice"), "{text}");
}

#[test]
fn a_history_is_written_line_by_line() {
    let desk = Desk::new();
    let run = desk.run("run good.toml --format json --history h.jsonl").reports(0).json();
    let lines = fs::read_to_string(desk.path("h.jsonl")).unwrap();
    let operations: Vec<Value> = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let counts = run["operations"].as_object().unwrap().values().map(|count| count.as_u64().unwrap());
    assert_eq!(operations.len() as u64, counts.sum::<u64>());
    assert!(operations.is_sorted_by_key(|operation| operation["invoked_ns"].as_u64()));
}

#[test]
fn transactions_from_elsewhere_are_judged_at_every_level_of_isolation() {
    let desk = Desk::new();
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/transactions/write-skew.edn");
    let judged = desk.run(&format!("judge {file} --format json")).reports(1).json();
    let verdict = |level: &str| {
        let all = judged["verdicts"].as_array().unwrap();
        all.iter().find(|one| one["level"] == level).unwrap()["verdict"].as_str().unwrap().to_string()
    };
    assert_eq!((verdict("strong-snapshot-isolation"), verdict("serializable")), ("pass".into(), "fail".into()));
    assert_eq!(judged["anomalies"][0], "G2-item");
    let text = desk.run(&format!("judge {file} --level snapshot-isolation,serializable")).reports(1).out;
    let readme = include_str!("../README.md");
    let shown = text.split_once('\n').unwrap().1;
    assert!(readme.contains(shown), "the README shows something else than:\n{shown}");
    desk.run(&format!("judge {file} --level snapshot-isolation")).reports(0);
    desk.run(&format!("judge {file} --level serialisable")).complains(2, &["did you mean `serializable`?"]);
    desk.run(&format!("judge {file} --export json-lines f")).complains(2, &["holds transactions"]);
    desk.run(&format!("judge {file} --svg why.svg")).reports(1);
    let drawn = fs::read_to_string(desk.path("why.svg")).unwrap();
    let count = |what| drawn.matches(what).count();
    assert!(drawn.contains("not repeatable-read") && drawn.contains("t0: "), "{drawn}");
    assert_eq!((count("class=\"bar\""), count("class=\"edge\""), count(">rw ")), (2, 2, 2), "{drawn}");
    desk.run(&format!("judge {file} --as awdit")).complains(2, &["write-skew.edn:"]);
}

#[test]
fn a_history_is_judged_as_the_run_that_wrote_it() {
    let desk = Desk::new();
    let run = desk.run("run good.toml --format json --history h.jsonl").reports(0).json();
    let counts = run["operations"].as_object().unwrap().values().map(|count| count.as_u64().unwrap());
    let judged = desk.run("judge h.jsonl --format json").reports(1).json();
    assert_eq!(judged["operations"].as_u64(), Some(counts.sum::<u64>()));
    assert_eq!(judged["keys"], 10);
    let of_run = run["verdicts"].as_array().unwrap().iter().find(|one| one["level"] == "linearizable").unwrap();
    let verdict = &judged["verdicts"][0];
    assert_eq!((&verdict["level"], &verdict["verdict"]), (&of_run["level"], &of_run["verdict"]));
    assert!(verdict["steps"].as_u64() > Some(0));
    let operations = |witness: &Value| witness["operations"].as_array().unwrap().len();
    assert_eq!(operations(&verdict["witness"]), operations(&of_run["witness"]));
    // Written for others and read again, it is the same.
    desk.run("judge h.jsonl --export jepsen-edn h.edn").reports(1);
    desk.run("judge h.edn --export json-lines again.jsonl --svg why.svg").reports(1);
    let lines = |name: &str| -> Vec<Value> {
        let text = fs::read_to_string(desk.path(name)).unwrap();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    };
    let sorted = |name: &str| {
        let mut lines = lines(name);
        // A client that goes on beside an open operation is a new process to Jepsen.
        lines.iter_mut().for_each(|line| (line["id"], line["client"]) = (Value::Null, Value::Null));
        lines.sort_by_key(|line| (line["invoked_ns"].as_u64(), line.to_string()));
        lines
    };
    assert_eq!(sorted("h.jsonl"), sorted("again.jsonl"));
    assert!(fs::read_to_string(desk.path("why.svg")).unwrap().starts_with("<svg"));
    desk.run("judge h.jsonl --export porcupine-json page.json").reports(1);
    let page: Value = serde_json::from_str(&fs::read_to_string(desk.path("page.json")).unwrap()).unwrap();
    assert_eq!(page["Partitions"].as_array().unwrap().len(), 10);
}

#[test]
fn the_exit_code_of_a_judgement_is_the_worst_verdict() {
    let desk = Desk::new();
    let event = |process: u32, kind: &str, f: &str, value: &str| {
        format!("{{:process {process}, :type :{kind}, :f :{f}, :value {value}}}\n")
    };
    let write = event(0, "invoke", "write", "1") + &event(0, "ok", "write", "1");
    let read = |seen| event(1, "invoke", "read", "nil") + &event(1, "ok", "read", seen);
    desk.put("right.edn", &(write.clone() + &read("1")));
    desk.put("wrong.edn", &(write.clone() + &read("nil")));
    // Twice the same value: a search, which is not given the steps.
    desk.put("hard.edn", &(write.clone() + &write + &read("1")));
    desk.run("judge right.edn").reports(0);
    desk.run("judge wrong.edn").reports(1);
    desk.run("judge hard.edn").reports(0);
    desk.run("judge hard.edn --steps 1").reports(3);
    desk.run("judge right.edn hard.edn --steps 1").reports(3);
    desk.run("judge wrong.edn hard.edn --steps 1").reports(1);
    let several = desk.run("judge right.edn wrong.edn --format json").reports(1).json();
    let verdicts: Vec<&Value> =
        several["histories"].as_array().unwrap().iter().map(|one| &one["verdicts"][0]["verdict"]).collect();
    assert_eq!(verdicts, ["pass", "fail"]);
    desk.put("broken.edn", "{:process 0 :type :invoke");
    desk.run("judge broken.edn").complains(2, &["broken.edn:1:1", "not closed"]);
    desk.run("judge missing.edn").complains(2, &["missing.edn"]);
    desk.run("judge right.edn --level linearisable").complains(2, &["linearizable"]);
    desk.run("judge right.edn wrong.edn --svg f.svg").complains(2, &["one history at a time"]);
    desk.run("judge right.edn --export svg f").complains(2, &["porcupine-json"]);
}

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

#[test]
fn a_digest_replays_or_says_why_not() {
    let desk = Desk::new();
    let run = desk.run("run good.toml --design slow-gossip --seed 3 --format json").reports(0).json();
    let digest = run["digest"].as_str().unwrap();
    // Without a name, the design is whichever has the digest.
    let again = desk.run(&format!("replay good.toml 3:{digest} --format json")).reports(0).json();
    assert_eq!((again["design"].as_str(), again["digest"].as_str()), (Some("slow-gossip"), Some(digest)));
    let lines = desk.run(&format!("replay good.toml 3:{digest} --until 9s --before 1s")).reports(0).out;
    assert!(lines.lines().skip(2).all(|line| line.trim_start().starts_with(['8', '9'])), "{lines}");
    assert!(lines.lines().count() > 10, "{lines}");

    let wrong = "0123456789abcdef";
    let words = [wrong, digest, env!("CARGO_PKG_VERSION"), "slow-gossip"];
    desk.run(&format!("replay good.toml 3:{wrong}")).complains(4, &words);
    desk.run(&format!("replay good.toml 3:{digest} --design active-active")).complains(4, &[digest]);
    desk.run("replay good.toml 3").complains(2, &["SEED:DIGEST"]);
}

#[test]
fn what_is_wrong_is_told_on_stderr_with_a_hint() {
    let desk = Desk::new();
    desk.run("run missing.toml").complains(2, &["cannot read missing.toml"]);
    desk.run("run good.toml --design slow-gosip").complains(2, &["`slow-gosip`", "did you mean `slow-gossip`?"]);
    desk.run("compare good.toml --designs x").complains(2, &["active-active, slow-gossip"]);
    desk.run("compare good.toml --seeds 0").complains(2, &["no seed"]);
    desk.run("zoo last-writer-win").complains(2, &["did you mean `last-writer-wins`?"]);
    desk.run("zoo postgres-syn").complains(2, &["did you mean `postgres-sync`?"]);
    desk.run("latency aws-2025").complains(2, &["did you mean `aws-2025-07`?"]);
    desk.run("latency aws-2025-07 --regions us-est-1").complains(2, &["did you mean `us-east-1`?"]);
    desk.run("runn good.toml").complains(2, &["run"]);
    desk.put("typo.toml", &scenario("").replace("isolate =", "isolat ="));
    desk.run("run typo.toml").complains(2, &["typo.toml:20:1", "isolat"]);
}

#[test]
fn colors_are_a_choice() {
    let desk = Desk::new();
    let run = |line: &str, variable: Option<&str>| {
        let mut command = desk.command(line);
        variable.iter().for_each(|name| _ = command.env(name, "1"));
        Ran::of(command.output().unwrap()).exits(0).out
    };
    assert!(!run("zoo", None).contains('\x1b'), "a pipe has no colors");
    assert!(run("zoo --color always", None).contains('\x1b'));
    assert!(!run("zoo", Some("NO_COLOR")).contains('\x1b'));
    assert!(!run("zoo --color never", Some("CLICOLOR_FORCE")).contains('\x1b'));
    assert!(!run("run good.toml --format json --color always", None).contains('\x1b'), "JSON is JSON");
}

#[test]
fn the_zoo_has_a_page_for_each() {
    let desk = Desk::new();
    let zoo = desk.run("zoo --format json").reports(0).json();
    let (presets, protocols): (Vec<_>, Vec<_>) =
        zoo.as_array().unwrap().iter().partition(|one| one["protocol"].is_string());
    assert!(protocols.len() >= 3 && presets.len() >= 9);
    for preset in presets {
        let page = desk.run(&format!("zoo {}", preset["name"].as_str().unwrap())).reports(0).out;
        for section in ["protocol", "options", "source", "assumed"] {
            assert!(page.lines().any(|line| line == section), "{section}");
        }
    }
    for protocol in protocols {
        let name = protocol["name"].as_str().unwrap();
        assert!(desk.run("zoo").reports(0).out.contains(name));
        let page = desk.run(&format!("zoo {name}")).reports(0).out;
        for section in ["claims", "does not claim", "cost", "options", "source", "at its worst"] {
            assert!(page.lines().any(|line| line == section), "{section}");
        }
    }
    let page = desk.run("zoo last-writer-wins --format json").reports(0).json();
    assert_eq!(page["options"][0]["default"], "1s");
}

#[test]
fn the_zoo_has_a_page_for_each_fault() {
    let desk = Desk::new();
    let zoo = desk.run("zoo --faults --format json").reports(0).json();
    let list = desk.run("zoo --faults").reports(0).out;
    assert_eq!(zoo.as_array().unwrap().len(), list.lines().filter(|line| !line.starts_with(' ')).count());
    for fault in zoo.as_array().unwrap() {
        assert!(list.contains(fault["name"].as_str().unwrap()) && fault["touches"].is_string());
    }
    let page = desk.run("zoo --faults majority-minority").reports(0).out;
    for section in ["touches", "leaves alone", "stands for", "source", "in a scenario"] {
        assert!(page.lines().any(|line| line == section), "{section}");
    }
    assert_eq!(desk.run("zoo --faults flap --format json").reports(0).json()["name"], "flap");
    desk.run("zoo --faults duplicat").complains(2, &["did you mean `duplicate`?"]);
}

#[test]
fn latencies_are_listed_shown_and_imported() {
    let desk = Desk::new();
    let list = desk.run("latency --format json").reports(0).json();
    assert!(list.as_array().unwrap().iter().any(|matrix| matrix["id"] == "aws-2025-07"));
    let table = desk.run("latency aws-2025-07 --regions us-east-1,us-west-2").reports(0).out;
    assert!(table.contains("64.42"), "{table}");

    desk.put("own.csv", "from\\to,us,eu\nus,,81.25\neu,80.9,\n");
    let ran = desk.run("latency import own.csv").exits(0);
    let toml: toml::Table = ran.out.parse().unwrap();
    assert_eq!(toml["topology"]["link"][0]["rtt"].as_str(), Some("81.25ms"));
    let (start, rest) = scenario("").split_once("[topology]").map(|(a, b)| (a.to_string(), b.to_string())).unwrap();
    let rest = rest.split_once("\n\n").unwrap().1.replace("us-east-1", "us");
    desk.put("own.toml", &format!("{start}{}\n{rest}", ran.out));
    desk.run("run own.toml").reports(0);

    desk.put("broken.csv", "from\\to,us,eu\nus,,fast\neu,80.9,\n");
    desk.run("latency import broken.csv").complains(2, &["broken.csv:2:5", "`fast`"]);
}

#[test]
fn files_for_editors_shells_and_beginners() {
    let desk = Desk::new();
    assert!(desk.run("schema").reports(0).json()["properties"].is_object());
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        assert!(desk.run(&format!("completions {shell}")).reports(0).out.contains("riftzone"), "{shell}");
    }
    let said = desk.run("new first").reports(0).out;
    assert!(said.contains("first.toml") && said.contains("riftzone compare"), "{said}");
    desk.run("run first.toml").reports(0);
    let written = fs::read_to_string(desk.path("first.toml")).unwrap();
    desk.run("new first.toml").complains(2, &["first.toml is there already"]);
    assert_eq!(fs::read_to_string(desk.path("first.toml")).unwrap(), written);
    desk.run("new ../outside").complains(2, &["not a file name"]);
}

#[test]
fn a_file_that_is_no_text_is_told_where_it_stops_being_one() {
    let desk = Desk::new();
    for (name, command) in [("latin.toml", "run"), ("latin.csv", "latency import")] {
        fs::write(desk.path(name), b"a,b\nna\xc3\xafve \xe9\n").unwrap();
        desk.run(&format!("{command} {name}")).complains(2, &[&format!("{name}:2:7"), "UTF-8"]);
    }
}

#[test]
fn seeds_have_two_ends() {
    let desk = Desk::new();
    for seeds in ["1..", "..5", ".."] {
        desk.run(&format!("compare good.toml --seeds {seeds}")).complains(2, &[&format!("`{seeds}` has two ends")]);
    }
}

#[test]
fn a_replay_to_an_instant_after_the_end_says_so() {
    let desk = Desk::new();
    let digest = desk.run("run good.toml --format json").reports(0).json()["digest"].as_str().unwrap().to_string();
    let said = desk.run(&format!("replay good.toml 1:{digest} --until 30min")).exits(0).out;
    assert!(said.contains("the run had ended by 30min"), "{said}");
}

#[test]
fn a_reader_who_leaves_is_no_fault() {
    let desk = Desk::new();
    let mut child = desk.command("latency aws-2025-07").stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!((output.status.code(), output.stderr.len()), (Some(0), 0));
}

#[cfg(unix)]
#[test]
fn an_interrupt_still_reports_what_was_finished() {
    let desk = Desk::new();
    let line = "compare good.toml --seeds 100000 --threads 1 --format json";
    let child = desk.command(line).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    assert!(Command::new("sleep").arg("1").status().unwrap().success());
    assert!(Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap().success());
    let ran = Ran::of(child.wait_with_output().unwrap()).exits(130);
    let report = ran.json();
    assert_eq!(report["interrupted"], true);
    assert!(report["seeds"].as_array().unwrap().len() < 100_000);
}
