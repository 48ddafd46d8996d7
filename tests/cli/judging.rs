//! What `judge` says of histories, from here and from elsewhere.

use std::fs;

use serde_json::Value;

use super::Desk;

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
    let readme = include_str!("../../README.md");
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
