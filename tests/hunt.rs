//! `riftzone hunt`, from outside: what is found, what is written, and that it happens again.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Command;

use riftzone::explore::hunt::{Effort, Watcher, hunt};
use riftzone::scenario::Scenario;
use riftzone::sim::Setup;
use riftzone::trace::Trace;
use serde_json::Value;
use tempfile::TempDir;

const OPEN_SEASON: &str = include_str!("../scenarios/hunt/open-season.toml");

struct Ran {
    code: i32,
    out: String,
    err: String,
}

/// Runs the program in a folder that has `open-season.toml`.
fn riftzone(folder: &TempDir, line: &str) -> Ran {
    let path = folder.path().join("open-season.toml");
    if !path.exists() {
        fs::write(path, OPEN_SEASON).unwrap();
    }
    let mut command = Command::new(env!("CARGO_BIN_EXE_riftzone"));
    let output = command.args(line.split_whitespace()).current_dir(folder.path()).output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    Ran { code: output.status.code().unwrap(), out: text(output.stdout), err: text(output.stderr) }
}

fn hunted(folder: &TempDir, line: &str, code: i32) -> Value {
    let ran = riftzone(folder, &format!("hunt open-season.toml --format json {line}"));
    assert_eq!(ran.code, code, "{}{}", ran.out, ran.err);
    serde_json::from_str(&ran.out).unwrap()
}

/// What was found is written to a file that breaks the same, by every command that reads scenarios.
#[track_caller]
fn happens_again(folder: &TempDir, finding: &Value) {
    let text = |value: &Value| value.as_str().unwrap().to_string();
    let (property, shrunk) = (text(&finding["property"]), &finding["shrunk"]);
    let (file, seed, digest) = (text(&shrunk["file"]), shrunk["seed"].as_u64().unwrap(), text(&shrunk["digest"]));
    let written = fs::read_to_string(folder.path().join(&file)).unwrap();
    assert!(written.contains(&property) && written.contains(&digest), "{written}");
    assert!(written.contains(&format!("riftzone replay {file} {seed}:{digest}")), "{written}");
    let replayed = riftzone(folder, &format!("replay {file} {seed}:{digest}"));
    assert_eq!(replayed.code, 0, "{}", replayed.err);
    let checked = riftzone(folder, &format!("check {file} --seeds {seed}..={seed}"));
    assert!(checked.code == 1 && checked.out.contains(&property), "{written}\n{}", checked.out);
    assert!(!checked.out.contains("touched nothing"), "every fault that is left does something:\n{}", checked.out);
    assert!(shrunk["faults"].as_u64() <= Some(4) && shrunk["regions"].as_u64() <= Some(5), "{written}");
}

#[test]
fn known_flaws_are_found_without_being_told_where_and_made_small() {
    let folder = tempfile::tempdir().unwrap();
    for (design, property) in [
        ("unfenced", "single-writer"),
        ("acknowledges-early", "no-acknowledged-write-lost"),
        ("local-reads", "monotonic-reads"),
    ] {
        let report = hunted(&folder, &format!("--design {design} --runs 300 --shrink-runs 3000"), 1);
        assert_eq!(report["conclusion"], "fail");
        let findings = report["findings"].as_array().unwrap();
        let finding = findings.iter().find(|finding| finding["property"] == property);
        happens_again(&folder, finding.unwrap_or_else(|| panic!("{design}: {report:#}")));
    }
}

#[test]
fn what_a_design_does_not_claim_can_be_required() {
    let folder = tempfile::tempdir().unwrap();
    let line = "--design consensus --runs 200 --require single-writer,no-lost-writes,recovery=20s";
    let report = hunted(&folder, &format!("{line} --out found"), 0);
    let design = &report["designs"]["consensus"];
    for key in ["runs", "events", "features", "novel_runs"] {
        assert!(design[key].as_u64() > Some(0), "{key}");
    }
    assert_eq!((design["failing_runs"].as_u64(), design["inconclusive_runs"].as_u64()), (Some(0), Some(0)));
    assert_eq!(fs::read_dir(folder.path().join("found")).unwrap().count(), 0);
    let report = hunted(&folder, "--design fenced --runs 64 --require recovery=1ms --shrink-runs 500 --out found", 1);
    let finding = &report["findings"][0];
    assert_eq!(finding["property"], "recovery_after_heal_s");
    assert!(Path::new(finding["shrunk"]["file"].as_str().unwrap()).starts_with("found"));
    happens_again(&folder, finding);
}

#[test]
fn a_mistake_is_told_with_the_nearest_word() {
    let folder = tempfile::tempdir().unwrap();
    for (line, word) in [
        ("--require single-writter", "single-writer"),
        ("--require recovery=soon", "recovery=soon"),
        ("--design unfensed", "unfenced"),
        ("--runs 0", "0"),
    ] {
        let ran = riftzone(&folder, &format!("hunt open-season.toml {line}"));
        assert!(ran.code == 2 && ran.out.is_empty() && ran.err.contains(word), "{line}: {}", ran.err);
    }
}

#[test]
fn the_report_does_not_depend_on_the_number_of_threads() {
    let folder = tempfile::tempdir().unwrap();
    let run = |threads: u16| {
        let line = format!(
            "hunt open-season.toml --design unfenced --runs 192 --keep-going --shrink-runs 50 --threads {threads}"
        );
        riftzone(&folder, &line).out
    };
    let one = run(1);
    assert_eq!(one, run(3));
    assert!(one.contains("unfenced breaks single-writer"), "{one}");
}

#[test]
fn with_no_fault_nothing_that_is_expected_breaks() {
    let scenario = Scenario::parse(OPEN_SEASON, "open-season.toml").unwrap();
    for design in &scenario.designs {
        let compared = riftzone::explore::compare::compare(&scenario, &[design], &[1, 2, 3], &Default::default());
        let summary = &compared.designs[0];
        assert!(summary.is_good(), "{}: {:?} {:?}", design.name, summary.judgements, summary.breaches);
    }
}

/// The first few of the hundred thousand runs that `docs/mutants.md` tells of; and the files are read, and every protocol is in them.
#[test]
fn nothing_is_found_where_there_is_nothing() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios/hunt");
    let mut protocols = BTreeSet::new();
    for name in ["", "-counters", "-growing", "-sets", "-lists", "-rows", "-sequences"] {
        let name = format!("nothing-to-find{name}.toml");
        let text = fs::read_to_string(folder.join(&name)).unwrap();
        let scenario = Scenario::parse(&text, &name).unwrap_or_else(|error| panic!("{error}"));
        for design in &scenario.designs {
            let found = hunt(&scenario, design, Effort { runs: 12, ..Effort::default() }, &Watcher::default());
            assert_eq!((found.runs, found.failing, found.inconclusive), (12, 0, 0), "{name}: {found:#?}");
            protocols.insert(design.protocol);
        }
    }
    let zoo: BTreeSet<&str> = riftzone::registry::PROTOCOLS.iter().map(|entry| entry.about.name).collect();
    assert_eq!(protocols, zoo);
}

/// The faults of a finding, planned, are the run that was found: digest and all.
#[test]
fn a_failure_is_the_run_that_it_names() {
    let scenario = Scenario::parse(OPEN_SEASON, "open-season.toml").unwrap();
    let design = scenario.designs.iter().find(|design| design.name == "unfenced").unwrap();
    let found = hunt(&scenario, design, Effort { runs: 192, steps: u64::MAX, goes_on: true }, &Watcher::default());
    assert!(found.failures.len() > 2, "{found:?}");
    for failure in &found.failures {
        let setup = Setup { faults: failure.faults.clone(), ..scenario.setup.clone() };
        let run = design.run(&setup, failure.seed, Trace::off());
        assert_eq!(run.digest, failure.digest);
    }
}
