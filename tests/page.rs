//! The page: whole in one file, its numbers those of the JSON. `browser.rs` opens it.

use std::fs;
use std::process::Command;

use serde_json::Value;
use tempfile::TempDir;

const SCENARIO: &str = r#"name = "<a> & \"b\" </script>"
lesson = "What is written stays text: <b>bold</b>."
duration = "30s"
settle = "5s"

[topology]
matrix = "aws-2025-07"
regions = ["us-east-1", "eu-west-1", "ap-northeast-1"]

[workload]
clients_per_region = 4
rate = "20/s"
keys = 20
mix = { read = 1, write = 1 }
timeout = "1s"
warm_up = "2s"

[[fault]]
at = "10s"
isolate = ["us-east-1"]
for = "10s"

[design.active-active]
protocol = "last-writer-wins"

[design.active-passive]
protocol = "primary-backup"
primary = "us-east-1"
acknowledge = "local"
failover = { detect = "3s", promote = "1s" }

[design.consensus]
protocol = "raft"

[expect.active-active]
linearizable = "fail"
stale_reads = 0
"#;

fn desk() -> TempDir {
    let desk = tempfile::tempdir().unwrap();
    fs::write(desk.path().join("s.toml"), SCENARIO).unwrap();
    desk
}

fn run(desk: &TempDir, line: &str) -> (i32, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_riftzone"));
    let output = command.args(line.split_whitespace()).current_dir(desk.path()).output().unwrap();
    (output.status.code().unwrap(), String::from_utf8(output.stdout).unwrap())
}

fn page(desk: &TempDir) -> String {
    fs::read_to_string(desk.path().join("p.html")).unwrap()
}

/// The JSON in a script element of the page.
fn embedded(page: &str, id: &str) -> Value {
    let start = format!("<script type=\"application/json\" id=\"{id}\">");
    let (_, rest) = page.split_once(&start).unwrap();
    serde_json::from_str(rest.split_once("</script>").unwrap().0).unwrap()
}

/// What stands in an attribute, for each element that has it: with the rest of the page behind it.
fn attributes<'a>(page: &'a str, name: &str) -> Vec<(&'a str, &'a str)> {
    let start = format!(" {name}=\"");
    page.match_indices(&start).filter_map(|(at, _)| page[at + start.len()..].split_once('"')).collect()
}

#[test]
fn every_number_of_the_table_is_the_jsons() {
    let desk = desk();
    let (code, json) = run(&desk, "compare s.toml --seeds 5 --format json --html p.html");
    assert_eq!(code, 1, "something expected is broken");
    let page = page(&desk);
    let report = embedded(&page, "report");
    let sweep: Value = serde_json::from_str(&json).unwrap();
    assert_eq!(report[0]["sweep"], sweep);
    let places = attributes(&page, "data-json");
    assert!(places.len() > 3 * 20, "{}", places.len());
    for (pointer, rest) in places {
        let (tag, _) = rest.split_once('>').unwrap();
        let value: f64 = attributes(tag, "data-value")[0].0.parse().unwrap();
        assert_eq!(report.pointer(pointer).and_then(Value::as_f64), Some(value), "{pointer}");
    }
    for run in report[0]["runs"].as_array().unwrap() {
        let digest = run["digest"].as_str().unwrap();
        assert!(
            page.contains(&format!("digest <code>{digest}</code>")) && page.contains(run["replay"].as_str().unwrap())
        );
    }
    assert_eq!(report[0]["runs"].as_array().unwrap().len(), 3);
}

#[test]
fn charts_say_what_the_run_says() {
    let desk = desk();
    run(&desk, "run s.toml --design active-passive --html p.html");
    let page = page(&desk);
    let (report, charts) = (embedded(&page, "report"), embedded(&page, "charts"));
    let run = &report[0]["runs"][0];
    let lines = |chart: usize| charts[chart]["lines"].as_array().unwrap();
    let sum = |chart: usize| {
        let values = lines(chart).iter().flat_map(|line| line["values"].as_array().unwrap());
        values.filter_map(Value::as_f64).sum::<f64>()
    };
    let seconds = charts[1]["at"][1].as_f64().unwrap();
    let total: f64 = ["ok", "fail", "unknown"].iter().map(|key| run["operations"][*key].as_f64().unwrap()).sum();
    assert!((sum(1) * seconds - total).abs() < 1e-6, "{} of {total}", sum(1) * seconds);
    assert_eq!((sum(2) * seconds).round(), run["staleness_ms"]["stale_reads"].as_f64().unwrap());
    let last = lines(3)[0]["values"].as_array().unwrap().last().unwrap();
    assert_eq!(last.as_f64(), run["durability"]["lost_acknowledged_writes"].as_f64());
    assert!(last.as_f64() > Some(0.0));
    // One bar for each leader, and two that acknowledge at once.
    assert_eq!(page.matches(" took office for epoch ").count(), 2);
    assert!(page.contains("Two leaders both acknowledged writes for "));
}

#[test]
fn it_is_one_file_that_asks_for_nothing_and_is_the_same_again() {
    let desk = desk();
    run(&desk, "compare s.toml --seeds 20 --html p.html");
    let first = page(&desk);
    assert!(first.len() < 1_500_000, "{} bytes", first.len());
    for asks in ["src=\"http", "href=\"http", "@import", "url(", "fetch(", "XMLHttpRequest", "//cdn"] {
        assert!(!first.contains(asks), "{asks}");
    }
    assert!(!first.contains("<b>bold") && first.matches("</script>").count() == 4, "what is written stays text");
    run(&desk, "compare s.toml --seeds 20 --threads 1 --html p.html");
    assert!(page(&desk) == first, "equal reports are equal bytes");
    let (code, _) = run(&desk, "check s.toml s.toml --seeds 3 --html p.html");
    assert_eq!(code, 1);
    assert_eq!(embedded(&page(&desk), "report").as_array().unwrap().len(), 2);
    assert_eq!(run(&desk, "run s.toml --html no-folder/p.html").0, 2);
    assert_eq!(run(&desk, "run s.toml --open").0, 2, "there is nothing to open");
}

#[test]
fn the_moment_that_tells_most_is_drawn_and_told() {
    let desk = desk();
    run(&desk, "run s.toml --design active-passive --html p.html");
    let page = page(&desk);
    let (report, charts) = (embedded(&page, "report"), embedded(&page, "charts"));
    let charts: Vec<&Value> = charts.as_array().unwrap().iter().filter(|chart| chart["kind"] == "lanes").collect();
    let [lanes] = charts[..] else { panic!("one design, one such chart") };
    assert!(report[0]["runs"][0]["split_brain"]["dual_writer_s"].as_f64() > Some(0.0));
    assert!(page.contains("when two leaders begin to acknowledge writes"));
    let (from, until) = (lanes["at"][0].as_f64().unwrap(), lanes["at"][1].as_f64().unwrap());
    let moment = lanes["moment"].as_f64().unwrap();
    assert!(from < moment && moment < until && until - from < 4.001, "{from} {moment} {until}");
    let (nodes, flights) = (lanes["lanes"].as_array().unwrap().len() as u64, lanes["flights"].as_array().unwrap());
    assert!((10..=900).contains(&flights.len()), "{}", flights.len());
    for flight in flights {
        let [sender, receiver] = [0, 1].map(|end| flight[end].as_u64().unwrap());
        assert!(sender < nodes && receiver < nodes && sender != receiver, "{flight}");
        let sent = flight[2].as_u64().unwrap();
        assert!(sent as f64 / 1e6 <= until - from + 1e-6 && flight[3].as_u64().is_none_or(|at| at >= sent), "{flight}");
    }
    assert!(flights.iter().any(|flight| flight[3].is_null()), "the cut loses messages");
    let writers = lanes["reigns"].as_array().unwrap().iter().filter(|reign| reign[3] == true).count();
    assert_eq!(writers, 2, "two bars at once");

    // A dot for each write that is gone.
    let (_, keys) = page.split_once("Writes that are gone in the end, by key").unwrap();
    let dots = keys.split_once("</section>").unwrap().0.matches("h0").count() as u64;
    assert_eq!(Some(dots), report[0]["runs"][0]["durability"]["lost_acknowledged_writes"].as_u64());
}

#[test]
fn the_matrix_has_every_link_and_when_it_was_cut() {
    let desk = desk();
    run(&desk, "run s.toml --design consensus --html p.html");
    let page = page(&desk);
    let (_, matrix) = page.split_once("<table class=\"matrix\">").unwrap();
    let (matrix, _) = matrix.split_once("</table>").unwrap();
    let rows: Vec<Vec<&str>> = matrix
        .split("<th scope=\"row\">")
        .skip(1)
        .map(|row| row.split("<td class=\"far\"").skip(1).collect())
        .collect();
    assert_eq!(rows.iter().map(Vec::len).collect::<Vec<_>>(), [3, 3, 3]);
    for (from, row) in rows.iter().enumerate() {
        for (to, cell) in row.iter().enumerate() {
            let (_, shown) = cell.split_once('>').unwrap();
            let delay: f64 = shown.split('<').next().unwrap().parse().unwrap();
            assert_eq!(delay < 1.0, from == to, "{delay} ms from {from} to {to}");
            let is_cut = from != to && (from == 0 || to == 0);
            assert_eq!(cell.contains("<i class=\"cut\" style=\"left:33.3%;width:33.3%\">"), is_cut, "{cell}");
        }
    }
    // What the matrix says of a link is what the scenario's data says.
    let text = fs::read_to_string(desk.path().join("s.toml")).unwrap();
    let scenario = riftzone::scenario::Scenario::parse(&text, "s.toml").unwrap();
    let topology = &scenario.setup.topology;
    let [a, b] = ["us-east-1", "ap-northeast-1"].map(|name| topology.find(name).unwrap());
    let median = topology.delay(a, b).median().as_millis_f64();
    assert!(rows[0][2].contains(&format!(">{median:.2}<")), "{median}");
}
