//! Exports, read back: traces by the rules of the Trace Event Format, tables by the `csv` crate, metrics by the grammar of
//! Prometheus's text format, histories by the judge.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::process::{Command, Output};

use serde_json::Value;
use tempfile::TempDir;

const SCENARIO: &str = r#"name = "a \"cut\", and\\or a crash"
duration = "20s"
settle = "5s"

[topology]
matrix = "aws-2025-07"
regions = ["us-east-1", "eu-west-1", "ap-northeast-1"]

[workload]
clients_per_region = 3
rate = "10/s"
keys = 10
mix = { read = 2, write = 2, compare_and_set = 1 }
timeout = "1s"
warm_up = "2s"

[[fault]]
at = "8s"
isolate = ["us-east-1"]
for = "6s"

[design.active-active]
protocol = "last-writer-wins"

[design.active-passive]
protocol = "primary-backup"
primary = "us-east-1"
acknowledge = "local"
failover = { detect = "3s", promote = "1s" }

[design.consensus]
protocol = "raft"

[expect.consensus]
linearizable = "pass"
"#;

/// A folder with the scenario, in which the program runs.
struct Desk(TempDir);

impl Desk {
    fn new() -> Desk {
        let desk = Desk(tempfile::tempdir().unwrap());
        fs::write(desk.0.path().join("s.toml"), SCENARIO).unwrap();
        desk
    }

    fn output(&self, line: &str) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_riftzone"));
        command.args(line.split_whitespace()).current_dir(self.0.path()).output().unwrap()
    }

    fn json(&self, line: &str) -> Value {
        let output = self.output(&format!("{line} --format json"));
        serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{output:?}"))
    }

    fn read(&self, name: &str) -> String {
        fs::read_to_string(self.0.path().join(name)).unwrap()
    }
}

/// A nanosecond count of an instant in microseconds.
fn nanos(value: &Value) -> u64 {
    (value.as_f64().unwrap() * 1e3).round() as u64
}

/// Where an event is shown.
fn track(event: &Value) -> (u64, u64) {
    (event["pid"].as_u64().unwrap(), event["tid"].as_u64().unwrap())
}

/// The slices of a thread by when they begin: how long each is, and its event.
type Slices<'a> = BTreeMap<u64, (u64, &'a Value)>;

fn of_phase<'a>(trace: &'a Value, phase: &str) -> Vec<&'a Value> {
    let events = trace["traceEvents"].as_array().unwrap();
    events.iter().filter(|event| event["ph"] == phase).collect()
}

#[test]
fn a_trace_keeps_the_rules_of_its_format() {
    let desk = Desk::new();
    let report = desk.json("run s.toml --design active-passive --export perfetto t.json");
    let trace: Value = serde_json::from_str(&desk.read("t.json")).unwrap();
    assert_eq!((&trace["otherData"]["digest"], &trace["otherData"]["replay"]), (&report["digest"], &report["replay"]));
    let events = trace["traceEvents"].as_array().unwrap();
    for event in events {
        assert!(event["name"].is_string() && event["ts"].as_f64() >= Some(0.0), "{event}");
        assert!(["M", "X", "s", "f", "i", "b", "e", "C"].contains(&event["ph"].as_str().unwrap()), "{event}");
    }

    // Slices of one thread follow each other, and every thread that has any is named.
    let named: BTreeSet<_> =
        of_phase(&trace, "M").iter().filter(|event| event["name"] == "thread_name").map(|event| track(event)).collect();
    let processes = of_phase(&trace, "M").into_iter().filter(|event| event["name"] == "process_name");
    let processes: BTreeMap<u64, &str> =
        processes.map(|event| (track(event).0, event["args"]["name"].as_str().unwrap())).collect();
    assert_eq!(processes.len(), 1 + 2 * 3);
    let mut slices: BTreeMap<(u64, u64), Slices> = BTreeMap::new();
    for event in of_phase(&trace, "X") {
        let (from, takes) = (nanos(&event["ts"]), nanos(&event["dur"]));
        assert!(named.contains(&track(event)), "{event}");
        assert!(slices.entry(track(event)).or_default().insert(from, (takes, event)).is_none(), "{event}");
    }
    for of_thread in slices.values() {
        for ((from, (takes, _)), (next, (_, other))) in of_thread.iter().zip(of_thread.iter().skip(1)) {
            assert!(from + takes <= *next, "{other}");
        }
    }

    // An arrow has two ends, the later of which is where it points, and both hold on to a slice.
    let ends = |phase: &str| -> BTreeMap<u64, &Value> {
        of_phase(&trace, phase).into_iter().map(|event| (event["id"].as_u64().unwrap(), event)).collect()
    };
    let (sent, taken) = (ends("s"), ends("f"));
    assert_eq!(sent.len(), of_phase(&trace, "s").len());
    assert!(sent.keys().eq(taken.keys()) && sent.len() > 1000, "{}", sent.len());
    for (from, to) in sent.values().zip(taken.values()) {
        assert_eq!((&from["cat"], &from["name"], &to["bp"]), (&to["cat"], &to["name"], &"e".into()));
        assert!(nanos(&from["ts"]) <= nanos(&to["ts"]) && track(from) != track(to), "{from} {to}");
        for end in [from, to] {
            assert!(slices[&track(end)].contains_key(&nanos(&end["ts"])), "{end}");
        }
    }
    // Messages of forwarded requests are no messages of the protocol.
    let lost = of_phase(&trace, "i").iter().filter(|event| event["cat"] == "lost").count();
    assert!(lost > 10 && (sent.len() + lost) as u64 <= report["network"]["messages"].as_u64().unwrap());

    // Spans end, and tell of the fault and of both leaders.
    let begun: BTreeMap<&str, &Value> =
        of_phase(&trace, "b").into_iter().map(|event| (event["id"].as_str().unwrap(), event)).collect();
    let ended = of_phase(&trace, "e");
    assert_eq!((begun.len(), ended.len()), (of_phase(&trace, "b").len(), begun.len()));
    for end in ended {
        let begin = begun[end["id"].as_str().unwrap()];
        assert!((&begin["name"], &begin["cat"], track(begin)) == (&end["name"], &end["cat"], track(end)));
        assert!(nanos(&begin["ts"]) <= nanos(&end["ts"]));
    }
    let spans: Vec<&str> = begun.values().map(|event| event["name"].as_str().unwrap()).collect();
    for told in ["isolate us-east-1 for 6s", "us-east-1 leads epoch 1", "ap-northeast-1 leads epoch 2"] {
        assert!(spans.contains(&told), "{told}: {spans:?}");
    }

    // Every operation is a slice of a client.
    let operations = of_phase(&trace, "X").iter().filter(|event| event["cat"] == "operation").count() as u64;
    let total: u64 = ["ok", "fail", "unknown"].iter().map(|key| report["operations"][*key].as_u64().unwrap()).sum();
    assert!(operations >= total && total > 300, "{operations} of {total}");
}

#[test]
fn a_trace_of_a_part_has_that_part_of_the_whole() {
    let desk = Desk::new();
    let line = "run s.toml --design consensus --export perfetto whole.json";
    desk.output(line);
    desk.output("run s.toml --design consensus --export perfetto part.json --between 15s..15.5s");
    let read = |name: &str| serde_json::from_str::<Value>(&desk.read(name)).unwrap();
    let (whole, part) = (read("whole.json"), read("part.json"));
    let sent = |trace: &Value| -> Vec<u64> { of_phase(trace, "s").iter().map(|event| nanos(&event["ts"])).collect() };
    let of_part: Vec<u64> =
        sent(&whole).into_iter().filter(|at| (15_000_000_000..=15_500_000_000).contains(at)).collect();
    assert!(of_part == sent(&part) && of_part.len() > 10, "{}", of_part.len());
    for event in of_phase(&part, "X").iter().filter(|event| event["cat"] == "operation") {
        let (from, takes) = (nanos(&event["ts"]), nanos(&event["dur"]));
        assert!(from <= 15_500_000_000 && from + takes >= 15_000_000_000, "{event}");
    }
    let same = desk.read("whole.json");
    desk.output(line);
    assert!(desk.read("whole.json") == same, "equal runs are equal bytes");
}

#[test]
fn rows_of_operations_are_the_historys() {
    let desk = Desk::new();
    desk.output("run s.toml --design consensus --history h.jsonl --export operations-csv o.csv --export json-lines l");
    let history = desk.read("h.jsonl");
    assert_eq!(history, desk.read("l"));
    let text = desk.read("o.csv");
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    let rows: Vec<BTreeMap<String, String>> = reader.deserialize().map(Result::unwrap).collect();
    let lines: Vec<Value> = history.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(rows.len(), lines.len());
    for (row, line) in rows.iter().zip(&lines) {
        for (name, cell) in row.iter().filter(|(name, _)| *name != "latency_ms") {
            let told = match &line[name] {
                Value::Null => String::new(),
                Value::String(text) => text.clone(),
                other => other.to_string(),
            };
            assert_eq!(*cell, told, "{name} of {line}");
        }
        assert!(line.as_object().unwrap().keys().all(|name| row.contains_key(name)));
        let latency = row["latency_ms"].parse::<f64>().ok();
        let told = line["completed_ns"].as_u64().map(|end| (end - line["invoked_ns"].as_u64().unwrap()) as f64 / 1e6);
        assert_eq!(latency, told);
    }
    assert!(rows.iter().any(|row| row["matched"] == "false") && rows.iter().any(|row| row["matched"] == "true"));
}

#[test]
fn metrics_of_every_seed_have_the_means_of_the_table() {
    let desk = Desk::new();
    let report = desk.json("compare s.toml --seeds 3 --export metrics-csv m.csv");
    let text = desk.read("m.csv");
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    let mut sums: BTreeMap<(String, String), Vec<f64>> = BTreeMap::new();
    for row in reader.deserialize::<BTreeMap<String, String>>().map(Result::unwrap) {
        assert_eq!(row["scenario"], "a \"cut\", and\\or a crash");
        let region = if row["region"].is_empty() { String::new() } else { format!("/{}", row["region"]) };
        let name = format!("{}{region}", row["metric"]);
        sums.entry((row["design"].clone(), name)).or_default().push(row["value"].parse().unwrap());
    }
    let metrics: usize = report["designs"]
        .as_object()
        .unwrap()
        .values()
        .map(|design| design["metrics"].as_object().unwrap().len())
        .sum();
    assert_eq!(sums.len(), metrics);
    for ((design, name), values) in sums {
        let mean = report["designs"][&design]["metrics"][&name]["mean"].as_f64().unwrap();
        assert_eq!(values.len(), 3);
        let ours = values.iter().sum::<f64>() / 3.0;
        assert!((mean - ours).abs() <= 1e-12 * mean.abs(), "{design} {name}: {ours} or {mean}");
    }
}

/// A sample of Prometheus's text format: its name, its labels, its value.
fn sample(line: &str) -> (String, BTreeMap<String, String>, f64) {
    let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let (name, mut rest) = line.split_at(line.find('{').unwrap());
    assert!(name.chars().all(is_name) && !name.starts_with(|c: char| c.is_ascii_digit()), "{line}");
    let mut labels = BTreeMap::new();
    while !rest.starts_with('}') {
        let (label, value) = rest[1..].split_once("=\"").unwrap();
        assert!(label.chars().all(is_name), "{line}");
        let (mut text, mut letters) = (String::new(), value.char_indices());
        let end = loop {
            match letters.next().unwrap() {
                (at, '"') => break at,
                (_, '\\') => match letters.next().unwrap().1 {
                    'n' => text.push('\n'),
                    c @ ('\\' | '"') => text.push(c),
                    c => panic!("\\{c} in {line}"),
                },
                (_, c) => text.push(c),
            }
        };
        assert!(labels.insert(label.to_string(), text).is_none(), "{line}");
        rest = &value[end + 1..];
    }
    (name.to_string(), labels, rest.strip_prefix("} ").unwrap().parse().unwrap())
}

#[test]
fn metrics_for_prometheus_are_those_of_the_report() {
    let desk = Desk::new();
    let report = desk.json("run s.toml --design consensus --export prometheus p.prom");
    let text = desk.read("p.prom");
    assert!(text.ends_with('\n'));
    let (mut family, mut kind) = (String::new(), String::new());
    let mut families = BTreeSet::new();
    let mut samples: BTreeMap<(String, BTreeMap<String, String>), f64> = BTreeMap::new();
    for line in text.lines() {
        if let Some(help) = line.strip_prefix("# HELP ") {
            let (name, words) = help.split_once(' ').unwrap();
            assert!(families.insert(name.to_string()) && !words.is_empty(), "{line}");
            family = name.to_string();
        } else if let Some(typed) = line.strip_prefix("# TYPE ") {
            let (name, of) = typed.split_once(' ').unwrap();
            assert!(name == family && ["gauge", "counter", "summary"].contains(&of), "{line}");
            kind = of.to_string();
        } else {
            let (name, mut labels, value) = sample(line);
            let is_part = kind == "summary" && ["_sum", "_count"].iter().any(|end| name == format!("{family}{end}"));
            assert!(name == family || is_part, "{line}");
            assert_eq!(kind == "counter", name.ends_with("_total"), "{line}");
            assert_eq!(labels.remove("scenario").unwrap(), "a \"cut\", and\\or a crash");
            assert_eq!(
                (labels.remove("design").unwrap(), labels.remove("seed").unwrap()),
                ("consensus".into(), "1".into())
            );
            labels.remove("protocol").unwrap();
            assert!(samples.insert((name, labels), value).is_none(), "{line}");
        }
    }
    let value = |name: &str, labels: &[(&str, &str)]| {
        let labels = labels.iter().map(|(name, value)| (name.to_string(), value.to_string())).collect();
        samples[&(format!("riftzone_{name}"), labels)]
    };
    let told = |pointer: &str| report.pointer(pointer).unwrap().as_f64().unwrap();
    let unknown: f64 = ["us-east-1", "eu-west-1", "ap-northeast-1"]
        .map(|region| value("operations_total", &[("region", region), ("outcome", "unknown")]))
        .iter()
        .sum();
    assert!(unknown > 0.0 && unknown == told("/operations/unknown"));
    assert_eq!(value("availability_ratio", &[("region", "us-east-1")]), told("/availability/us-east-1"));
    let labels = [("region", "eu-west-1"), ("op", "write"), ("quantile", "0.99")];
    let p99 = value("operation_latency_seconds", &labels);
    assert!((p99 * 1e3 - told("/latency_ms/write/eu-west-1/p99")).abs() < 1e-9);
    assert_eq!(value("operation_latency_seconds_count", &labels[..2]), told("/latency_ms/write/eu-west-1/count"));
    assert_eq!(value("read_staleness_seconds_count", &[]), told("/staleness_ms/reads"));
    assert_eq!(value("rto_seconds", &[]), told("/recovery/rto_s"));
    assert_eq!(value("cross_region_bytes", &[]), told("/network/cross_region_bytes"));
    assert_eq!(value("verdict", &[("level", "linearizable"), ("verdict", "pass")]), 1.0);
    assert_eq!(value("expectation_held", &[("name", "linearizable")]), 1.0);
}

#[test]
fn a_history_for_jepsen_is_judged_as_the_run_is() {
    let desk = Desk::new();
    for design in ["active-active", "consensus"] {
        let report = desk.json(&format!("run s.toml --design {design} --export jepsen-edn h.edn"));
        let judged = desk.json("judge h.edn --level linearizable");
        let of_run = &report["verdicts"][0];
        assert_eq!(of_run["level"], "linearizable");
        assert_eq!(judged["verdicts"][0]["verdict"], of_run["verdict"]);
        let operations = judged["operations"].as_u64().unwrap();
        assert!(operations >= report["operations"]["ok"].as_u64().unwrap());
    }
}

#[test]
fn what_cannot_be_exported_is_said_before_anything_runs() {
    let desk = Desk::new();
    let fails = |line: &str, words: &str| {
        let output = desk.output(line);
        let said = String::from_utf8(output.stderr).unwrap();
        assert!(output.status.code() == Some(2) && said.contains(words) && output.stdout.is_empty(), "{said}");
    };
    fails("run s.toml --export perfeto t", "did you mean `perfetto`?");
    fails("compare s.toml --export perfetto t", "there are metrics-csv, metrics-parquet");
    fails("run s.toml --export prometheus", "2 values required");
    fails("run s.toml --between 1s..2s", "--export");
    fails("run s.toml --export perfetto t --between 2s..1s", "ends before it begins");
    fails("run s.toml --export perfetto t --between 200s..", "a run of this scenario ends at");
    if !cfg!(feature = "parquet") {
        fails("run s.toml --export metrics-parquet t", "--features parquet");
    }
    assert_eq!(desk.output("run s.toml --export prometheus no-folder/p").status.code(), Some(2));
}

#[cfg(feature = "parquet")]
#[test]
fn parquet_has_the_rows_of_csv() {
    use parquet::file::reader::{FileReader, SerializedFileReader};
    use parquet::record::Field;

    let desk = Desk::new();
    let mut gaps = 0;
    for table in ["operations", "metrics"] {
        let (csv, columns) = (format!("{table}.csv"), format!("{table}.parquet"));
        let ran = desk.output(&format!("run s.toml --export {table}-parquet {columns} --export {table}-csv {csv}"));
        assert!(ran.stderr.is_empty(), "{ran:?}");
        let mut csv = csv::Reader::from_path(desk.0.path().join(csv)).unwrap();
        let names: Vec<_> = csv.headers().unwrap().iter().map(str::to_string).collect();
        let reader = SerializedFileReader::new(fs::File::open(desk.0.path().join(columns)).unwrap()).unwrap();
        let mut rows = reader.get_row_iter(None).unwrap();
        for (line, record) in csv.records().enumerate() {
            let (record, row) = (record.unwrap(), rows.next().unwrap().unwrap());
            assert!(row.get_column_iter().map(|(name, _)| name).eq(&names), "{table}");
            for (text, (name, field)) in record.iter().zip(row.get_column_iter()) {
                let same = match field {
                    Field::Null => text.is_empty(),
                    Field::Str(word) => text == word,
                    Field::Long(count) => text.parse() == Ok(*count),
                    Field::Double(part) => text.parse() == Ok(*part),
                    Field::Bool(is) => text.parse() == Ok(*is),
                    _ => false,
                };
                assert!(same, "{table}, row {line}, {name}: {text} and {field}");
                gaps += usize::from(*field == Field::Null);
            }
        }
        assert!(rows.next().is_none(), "{table}");
    }
    assert!(gaps > 0, "every cell had something in it");
}
