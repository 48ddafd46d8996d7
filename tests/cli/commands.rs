//! Everything else: replays, wrong input, the zoo, latencies, files for others, and signals.

use std::fs;
use std::process::{Command, Stdio};

use super::{Desk, Ran, scenario};

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
