//! What a CI gets: JUnit, annotations, a summary of the step, parts of the seeds, and a script that runs anywhere.

use std::fs;
use std::path::Path;
use std::process::Command;

use quick_junit::{NonSuccessKind, Report, TestCaseStatus};
use tempfile::TempDir;

const WORLD: &str = r#"duration = "20s"
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

[design.a-a]
protocol = "last-writer-wins"

[design.a-p]
protocol = "primary-backup"

[expect]
convergence = "pass"
"#;

/// A folder with two scenarios, `scenarios/bad.toml` and `scenarios/good.toml`, the first of which expects what does not hold.
fn desk() -> TempDir {
    let desk = tempfile::tempdir().unwrap();
    let folder = desk.path().join("scenarios");
    fs::create_dir(&folder).unwrap();
    fs::write(folder.join("good.toml"), format!("name = \"good & well\"\n{WORLD}")).unwrap();
    let bad = format!("name = \"bad\"\n{WORLD}\n[expect.a-a]\navailability = \"= 100%\"\nstale_reads = 0\n");
    fs::write(folder.join("bad.toml"), bad).unwrap();
    desk
}

fn run(desk: &TempDir, line: &str) -> (i32, String, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_riftzone"));
    command.args(line.split_whitespace()).current_dir(desk.path());
    command.env("GITHUB_STEP_SUMMARY", desk.path().join("summary.md"));
    let output = command.output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

#[test]
fn a_folder_has_one_summary_and_a_case_for_each_property() {
    let desk = desk();
    let (code, out, err) = run(&desk, "check scenarios --seeds 6 --junit j.xml --github");
    assert_eq!((code, &*err), (1, ""), "{out}");
    let end = "2 scenarios, 4 designs: 1 pass, 1 fail\n  scenarios/bad.toml: a-a\n";
    assert!(out.contains(end), "{out}");

    let text = fs::read_to_string(desk.path().join("j.xml")).unwrap();
    let (root, rest) = text.split_once("<testsuites ").unwrap().1.split_once('>').unwrap();
    let attributes: Vec<_> = root.split('"').step_by(2).map(|word| word.trim_matches([' ', '='])).collect();
    assert_eq!(
        attributes,
        ["name", "tests", "failures", "errors", ""],
        "all that junit-10.xsd knows of the root, but for times"
    );
    assert!(!rest.contains("<testsuites"));
    let junit = Report::deserialize_from_str(&text).unwrap();
    let suites: Vec<_> = junit.test_suites.iter().map(|suite| suite.name.as_str()).collect();
    assert_eq!(suites, ["scenarios/bad.toml: bad", "scenarios/good.toml: good & well"]);
    assert_eq!((junit.failures, junit.errors), (1, 0));
    let cases = || junit.test_suites.iter().flat_map(|suite| &suite.test_cases);
    assert_eq!(cases().count(), junit.tests);
    let mut names: Vec<_> = junit.test_suites[0].test_cases.iter().map(|c| (c.classname.clone(), &c.name)).collect();
    names.sort();
    names.dedup();
    assert_eq!(names.len(), junit.test_suites[0].test_cases.len(), "no two cases have one name");
    let failed = cases().find(|case| !matches!(case.status, TestCaseStatus::Success { .. })).unwrap();
    assert_eq!(failed.name.as_str(), "expects stale_reads 0");
    assert_eq!(failed.classname.as_ref().unwrap().as_str(), "scenarios/bad.toml: a-a");
    let TestCaseStatus::NonSuccess { kind, description, .. } = &failed.status else { panic!("{failed:?}") };
    assert_eq!(*kind, NonSuccessKind::Failure);
    let description = description.as_ref().unwrap().as_str();
    let replay = description.lines().last().unwrap();
    assert!(description.contains("\nseed 1\ndigest ") && description.starts_with("measured "), "{description}");
    assert_eq!(run(&desk, replay.strip_prefix("riftzone ").unwrap()).0, 0, "what is named replays");

    // The annotation stands at the expectation, and the summary says the same.
    let source = fs::read_to_string(desk.path().join("scenarios/bad.toml")).unwrap();
    let line = source.lines().position(|line| line.starts_with("stale_reads")).unwrap() + 1;
    let annotations: Vec<&str> = out.lines().filter(|line| line.starts_with("::")).collect();
    let [only] = annotations[..] else { panic!("{annotations:?}") };
    assert!(only.starts_with(&format!("::error file=scenarios/bad.toml,line={line},title=bad%3A a-a::")), "{only}");
    let summary = fs::read_to_string(desk.path().join("summary.md")).unwrap();
    for words in
        ["### riftzone: ❌ fail", "| good &amp; well | a-p | ✅ pass | 6 of 6 |", "| bad | a-a | ❌ fail | 0 of 6 |"]
    {
        assert!(summary.contains(words), "{words}\n{summary}");
    }
    assert!(summary.contains(&format!("```sh\n{replay}\n```")), "{summary}");
}

#[test]
fn parts_of_the_seeds_are_dealt_out_in_turn() {
    let desk = desk();
    let seeds = |shard: &str| {
        let (code, out, _) = run(&desk, &format!("check scenarios/good.toml --seeds 5 --shard {shard} --format json"));
        assert_eq!(code, 0);
        serde_json::from_str::<serde_json::Value>(&out).unwrap()["seeds"].to_string()
    };
    assert_eq!([seeds("1/2"), seeds("2/2")], ["[1,3,5]", "[2,4]"]);
    let (code, out, err) = run(&desk, "check scenarios/good.toml --seeds 2 --shard 3/3");
    assert!(code == 2 && out.is_empty() && err.contains("there is no seed in part 3 of 3"), "{err}");
    assert_eq!(run(&desk, "check scenarios/good.toml --shard 3/2").0, 2);
}

#[test]
fn the_script_gives_one_exit_code_and_its_reports() {
    let desk = desk();
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/ci/check.sh");
    let check = |more: &[(&str, &str)]| {
        let mut command = Command::new("sh");
        command.arg(&script).current_dir(desk.path()).env("RIFTZONE", env!("CARGO_BIN_EXE_riftzone")).env("SEEDS", "4");
        command.envs(more.iter().copied()).output().unwrap().status.code().unwrap()
    };
    assert_eq!(check(&[]), 2, "there is no baseline");
    assert_eq!(run(&desk, "bless scenarios --seeds 4").0, 0);
    assert_eq!(check(&[]), 1, "bad.toml is broken");
    fs::remove_file(desk.path().join("scenarios/bad.toml")).unwrap();
    assert_eq!(check(&[("SHARD", "2/2")]), 0);
    let reports = desk.path().join("riftzone-reports");
    assert!(fs::read_to_string(reports.join("junit.xml")).unwrap().contains("good &amp; well"));
    assert!(fs::read_to_string(reports.join("diff.md")).unwrap().contains("unchanged"));
}
