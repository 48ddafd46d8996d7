//! What can be written of routing and of shooting, and every mistake in it.

use super::SMALL;
use crate::id::RegionId;
use crate::model::routing::{Check, Depth, Dns, IgnoreTtl, Keep, Outlier, Policy, Roam, Routing};
use crate::model::stonith::Stonith;
use crate::scenario::Scenario;
use crate::time::{Duration, Time};

/// What is put behind [`SMALL`], whose last table is a design, and what is said to it.
const MISTAKES: &[(&str, &str)] = &[
    (
        "[routing]\npolicy = \"dnss\"",
        "14:10: unknown word `dnss`\n  help: did you mean `dns`? the words are `home`, `nearest`, `nearest-healthy`, `dns`, `balancer`, `anycast`",
    ),
    ("[routing]\npolicy = \"dns\"", "13:1: a name needs `ttl`\n  help: how long answers are kept"),
    ("[routing]\npolicy = \"anycast\"\ncheck = { interval = \"1s\" }", "13:1: anycast needs `convergence`"),
    (
        "[routing]\npolicy = \"nearest-healthy\"",
        "13:1: nobody would know what is healthy\n  help: give `check`, `outlier` or both",
    ),
    ("[routing]\npolicy = \"balancer\"", "13:1: nobody would know what is healthy\n  help: give `check`"),
    (
        "[routing]\npolicy = \"home\"\nttl = \"60s\"",
        "15:7: `ttl` does nothing with the policy \"home\"\n  help: it belongs to \"dns\"",
    ),
    (
        "[routing]\nconnections = \"long-lived\"",
        "14:15: `connections` does nothing with the policy \"nearest\"\n  help: it belongs to \"home\", \"nearest-healthy\", \"dns\", \"balancer\" or \"anycast\"",
    ),
    ("[routing]\npolicy = \"dns\"\nttl = \"0s\"", "15:7: `ttl` is longer than no time at all"),
    ("[routing]\npolicy = \"dns\"\nttl = \"60s\"\nignore_ttl = { ratio = \"0%\" }", "16:24: no client would ignore it"),
    (
        "[routing]\npolicy = \"dns\"\nttl = \"60s\"\nignore_ttl = { ratio = \"5%\", for = \"1s\", until = \"broken\" }",
        "16:50: an answer is kept `for` or `until`, not both",
    ),
    (
        "[routing]\npolicy = \"dns\"\nttl = \"60s\"\ncheck = { interval = \"1s\", timeout = \"2s\" }",
        "16:38: `timeout` is longer than `interval`",
    ),
    ("[routing]\npolicy = \"dns\"\nttl = \"60s\"\ncheck = { interval = \"0s\" }", "16:22: `interval` is 1ms or longer"),
    (
        "[routing]\npolicy = \"dns\"\nttl = \"60s\"\ncheck = { interval = \"1s\", from = \"bb\" }",
        "16:35: no region is called `bb`",
    ),
    (
        "[routing]\npolicy = \"dns\"\nttl = \"60s\"\ncheck = { interval = \"1s\", fall = 0 }",
        "16:35: `fall` is at least one",
    ),
    (
        "[routing]\npolicy = \"dns\"\nttl = \"60s\"\ncheck = { interval = \"1s\", agree = 3 }",
        "16:36: there would be 2 checkers",
    ),
    (
        "[routing]\npolicy = \"dns\"\nttl = \"60s\"\ncheck = { interval = \"1s\", agree = 0 }",
        "16:36: `agree` is at least one",
    ),
    (
        "[routing]\npolicy = \"dns\"\nttl = \"60s\"\ncheck = { interval = \"1s\", depth = \"deeep\" }",
        "16:36: unknown word `deeep`\n  help: did you mean `deep`?",
    ),
    ("[routing]\npolicy = \"dns\"\nttl = \"60s\"\ncheck = { }", "16:9: `interval` is missing"),
    (
        "[routing]\npolicy = \"nearest-healthy\"\ncheck = { interval = \"1s\" }\nfailover = [[\"a\", \"b\"]]",
        "16:12: without `outlier` no region is ever left for another",
    ),
    ("[routing]\npolicy = \"nearest-healthy\"\noutlier = {}\nfailover = [[\"a\"]]", "16:13: a failover is two regions"),
    (
        "[routing]\npolicy = \"nearest-healthy\"\noutlier = {}\nfailover = [[\"a\", \"a\"]]",
        "16:19: a region does not fail over to itself",
    ),
    (
        "[routing]\npolicy = \"nearest-healthy\"\noutlier = {}\nfailover = [[\"a\", \"b\"], [\"a\", \"b\"]]",
        "16:26: `a` fails over to one region",
    ),
    (
        "[routing]\npolicy = \"nearest-healthy\"\noutlier = { base = \"1min\", longest = \"1s\" }",
        "15:38: `longest` is shorter than `base`, which is 1min",
    ),
    ("[routing]\nroam = { ratio = \"10%\", to = \"b\", at = \"1min\" }", "14:40: clients would move after the end"),
    ("[routing]\nroam = { ratio = \"0%\", to = \"b\", at = \"1s\" }", "14:18: no client would move"),
    ("[routing]\nroam = { ratio = \"10%\", to = \"c\", at = \"1s\" }", "14:30: no region is called `c`"),
    ("routing = { policy = \"dns\" }", "13:11: a name needs `ttl`"),
    ("stonith = { heartbeat = \"0s\" }", "13:25: `heartbeat` is 1ms or longer"),
    ("stonith = { detect = \"2s\" }", "13:22: 2s is not longer than two heartbeats of 1s"),
    ("stonith = { arbiter = \"c\" }", "13:23: no region is called `c`"),
    (
        "stonith = \"yes\"",
        "13:11: expected a table such as { detect = \"10s\", arbiter = \"us-west-2\" }, found string \"yes\"",
    ),
];

#[test]
fn every_mistake_is_told_at_its_place() {
    let mut wrong = Vec::new();
    for (more, expected) in MISTAKES {
        match Scenario::parse(&format!("{SMALL}{more}\n"), "f.toml") {
            Ok(_) => wrong.push(format!("accepted: {more}")),
            Err(error) if error.to_string().starts_with(&format!("f.toml:{expected}")) => {}
            Err(error) => wrong.push(format!("{more}\n  expected {expected}\n  got      {error}")),
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

fn routing(text: &str) -> Option<Routing> {
    Scenario::parse(&format!("{SMALL}[routing]\n{text}\n"), "f.toml")
        .unwrap_or_else(|error| panic!("{error}"))
        .setup
        .routing
}

#[test]
fn what_is_written_is_understood() {
    assert_eq!(routing("policy = \"nearest\""), None, "as without it");
    assert_eq!(routing("policy = \"home\""), Some(Routing::new(Policy::Home)));
    let second = Duration::secs(1);
    let text = "policy = \"dns\"\nttl = \"60s\"\nignore_ttl = { ratio = \"5%\", for = \"10min\" }\nconnections = \"long-lived\"\n\
                check = { interval = \"10s\", from = \"b\", depth = \"shallow\" }\n\
                roam = { ratio = \"10%\", to = \"b\", at = \"30s\", token = \"lost\" }";
    let ignore = IgnoreTtl { parts: 50, whole: 1_000, keep: Keep::For(Duration::secs(600)) };
    let check = Check {
        from: Some(RegionId(1)),
        interval: second * 10,
        timeout: second,
        rise: 3,
        fall: 3,
        depth: Depth::Shallow,
        agree: None,
    };
    let at = Time::ZERO + Duration::secs(30);
    let roam = Roam { parts: 100, whole: 1_000, to: RegionId(1), at, token_kept: false };
    let expected = Routing {
        policy: Policy::Dns(Dns { ttl: second * 60, publish: Duration::ZERO, ignore: Some(ignore) }),
        check: Some(check),
        long_lived: true,
        roam: Some(roam),
        ..Routing::new(Policy::Home)
    };
    assert_eq!(routing(text), Some(expected));
    let local = routing("policy = \"nearest-healthy\"\noutlier = {}\nfailover = [[\"a\", \"b\"]]").unwrap();
    assert_eq!(local.outlier, Some(Outlier { failures: 5, base: second * 30, longest: second * 300 }));
    assert_eq!(local.failover, [(RegionId(0), RegionId(1))]);
    let balancer = routing("policy = \"balancer\"\nat = \"b\"\ncheck = { interval = \"1s\" }").unwrap();
    assert_eq!(balancer.policy, Policy::Balancer { at: Some(RegionId(1)) });
}

/// A design's own routing is in place of the scenario's, also where it is none.
#[test]
fn a_design_has_its_own() {
    let text = format!(
        "{SMALL}routing = {{ policy = \"home\" }}\nstonith = {{ arbiter = \"b\", power_on = \"1min\" }}\n\
         [design.y]\nprotocol = \"last-writer-wins\"\nrouting = {{}}\n[design.z]\nprotocol = \"last-writer-wins\"\n\
         [routing]\npolicy = \"dns\"\nttl = \"1min\"\n"
    );
    let Scenario { setup, designs, .. } = Scenario::parse(&text, "f.toml").unwrap_or_else(|error| panic!("{error}"));
    assert!(matches!(setup.routing, Some(Routing { policy: Policy::Dns(_), .. })));
    let own: Vec<_> = designs.iter().map(|design| design.routing.clone()).collect();
    assert_eq!(own, [Some(Some(Routing::new(Policy::Home))), Some(None), None]);
    let second = Duration::secs(1);
    let expected = Stonith {
        heartbeat: second,
        detect: second * 10,
        takes: second * 2,
        arbiter: Some(RegionId(1)),
        power_on: Some(second * 60),
    };
    assert_eq!((designs[0].stonith, designs[1].stonith), (Some(expected), None));
}
