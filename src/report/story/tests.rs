//! A story of a run that is small enough to know by heart.

use super::*;
use crate::explore::property::Watch;
use crate::report::paint::Paint;
use crate::scenario::Scenario;
use crate::time::Duration;
use crate::trace::{Rows, Trace};

const UNFENCED: &str = r#"
name = "two primaries"
duration = "10s"
settle = "5s"
[topology]
regions = ["us", "eu", "ap"]
link = [
    { from = "us", to = "eu", rtt = "80ms" },
    { from = "us", to = "ap", rtt = "150ms" },
    { from = "eu", to = "ap", rtt = "200ms" },
]
[workload]
clients = { us = 1, eu = 1 }
think = "1s"
keys = 1
mix = { write = 1 }
operations_per_client = 2
timeout = "1s"
warm_up = "6s"
[[fault]]
at = "0s"
for = "8s"
isolate = ["us"]
[design.unfenced]
protocol = "primary-backup"
failover = { detect = "4s", heartbeat = "500ms", promote = "1s" }
[expect.unfenced]
single-writer = "pass"
"#;

const FLAPS: &str = r#"[[fault]]
at = "8.1s"
for = "1.9s"
flap = { links = [["us", "eu"]], up = "50ms", down = "50ms" }
"#;

fn with_story(text: &str, use_it: impl Fn(&Story)) {
    let scenario = Scenario::parse(text, "story.toml").unwrap();
    let design = &scenario.designs[0];
    let end = Time::ZERO + scenario.setup.duration + scenario.setup.settle;
    let trace = Trace::up_to(end, Duration::MAX).filmed().keeping(Rows::All);
    let run = design.run(&scenario.setup, 1, trace);
    let finding = Watch::new(design, false).look(&run);
    let plot = Plot {
        design: &design.name,
        topology: &scenario.setup.topology,
        faults: &scenario.setup.faults,
        run: &run,
        broken: finding.broken.first().expect("it is broken"),
        at: finding.broken[0].at,
    };
    use_it(&Story::of(&plot));
}

#[test]
fn it_tells_who_believed_what_and_who_was_told_what() {
    with_story(UNFENCED, |story| {
        let text = told(story, 2, Paint::Off);
        for words in [
            "us leads epoch 1",
            "fault: isolate us for 8s",
            "believes that the leader is gone",
            "leads epoch 2; us still believes to lead epoch 1",
            "in us writes v1 to k0: acknowledged by us",
            "and lost in the end",
            "the isolate ends",
            "us no longer leads epoch 1",
            "us takes v",
            "✗ two leaders both acknowledged writes for",
        ] {
            assert!(text.contains(words), "`{words}` is not in\n{text}");
        }
        assert!(text.lines().count() <= 42 && text.lines().all(|line| line.chars().count() <= 112), "{text}");
        let place = |words: &str| text.find(words).unwrap();
        assert!(place("fault: isolate") < place("leads epoch 2") && place("leads epoch 2") < place("isolate ends"));
    });
}

#[test]
fn pictures_are_the_same_bytes_each_time_and_have_every_lane() {
    with_story(UNFENCED, |story| {
        let svg = space_time(story);
        assert_eq!(svg, space_time(story));
        assert!(svg.starts_with("<svg ") && svg.ends_with("</svg>\n"));
        for words in ["clients in us", "clients in eu", "leads epoch 2", "isolate us for 8s", "class=\"broke\""] {
            assert!(svg.contains(words), "{words}");
        }
        for tag in ["g", "title", "text"] {
            assert_eq!(
                svg.matches(&format!("<{tag}>")).count() + svg.matches(&format!("<{tag} ")).count(),
                svg.matches(&format!("</{tag}>")).count()
            );
        }
        let drawn = |class: &str| svg.find(&format!("class=\"{class}\"")).expect("it is drawn");
        assert!(
            drawn("broke") < drawn("said") && drawn("message") < drawn("said"),
            "a line does not cross out what is said"
        );
        let diagram = mermaid(story).expect("it is short");
        assert!(diagram.starts_with("sequenceDiagram\n    participant L0 as us\n"), "{diagram}");
        assert!(diagram.contains("->>L0: c") && diagram.contains("-->>") && diagram.contains("Note over"), "{diagram}");
    });
}

#[test]
fn a_long_story_is_cut_to_a_page_and_says_so() {
    let busy = UNFENCED
        .replace("think = \"1s\"", "rate = \"20/s\"")
        .replace("operations_per_client = 2\n", "")
        .replace("[design.unfenced]", &format!("{FLAPS}[design.unfenced]"));
    with_story(&busy, |story| {
        let text = told(story, 0, Paint::Off);
        assert!(story.operations.len() <= OPERATIONS_MAX);
        assert!(text.lines().count() <= 60, "{text}");
        assert!(text.contains("✗"), "{text}");
    });
}
