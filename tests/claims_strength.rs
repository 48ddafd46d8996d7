//! Claims are as strong as they can be: whatever a form of a design does not claim at all, some run under random faults breaks. That
//! they are not too strong is in `claims.rs`.

use std::collections::BTreeSet;

use riftzone::model::chaos::Kind;
use riftzone::protocol::{Claim, Guarantee};
use riftzone::scenario::{Design, Scenario};
use riftzone::trace::{FaultKind, Trace};

/// Whatever is not broken in so many runs could be claimed.
const RUNS_MAX: u64 = 200;

/// Three regions, and faults of these kinds.
fn world(kinds: &[FaultKind]) -> String {
    let kinds: Vec<String> = kinds.iter().map(|kind| format!("{} = {{}}", kind.name())).collect();
    format!(
        r#"
name = "what is not claimed"
duration = "30s"
settle = "15s"
service = {{ read = "1ms", write = "2ms", message = "50us" }}
disk = {{ sync = ["1ms", "20ms"] }}
[topology]
regions = ["us", "eu", "ap"]
link = [
    {{ from = "us", to = "eu", rtt = "40ms" }},
    {{ from = "us", to = "ap", rtt = "60ms" }},
    {{ from = "eu", to = "ap", rtt = "80ms" }},
]
[workload]
clients_per_region = 2
rate = "10/s"
keys = 4
mix = {{ read = 1, write = 1 }}
timeout = "1s"
[chaos]
from = "1s"
until = "26s"
every = "1500ms"
for = ["500ms", "6s"]
at_once = 3
kinds = {{ {} }}
"#,
        kinds.join(", ")
    )
}

const FAILOVER: &str = "failover = { detect = \"1500ms\", heartbeat = \"400ms\", promote = \"200ms\" }";
const FENCED: &str = "failover = { detect = \"1500ms\", heartbeat = \"400ms\", promote = \"200ms\" }\nfencing = \"epoch\"\nlease = \"1s\"";
const LEASED: &str = "ttl = \"2s\"\nloop-wait = \"500ms\"\nretry-timeout = \"700ms\"\nsafety-margin = \"200ms\"\npoll = \"200ms\"\n\
                      store = { election-timeout = \"400ms\" }";
const WATCHED: &str =
    "detect = \"1500ms\"\nheartbeat = \"400ms\"\npromote = \"200ms\"\norchestrators = { election-timeout = \"400ms\" }";

/// The forms of designs in which an option changes what is claimed: protocol, what all of its forms have, and the rest.
const FORMS: &[(&str, &str, &[&str])] = &[
    ("primary-backup", "", &["", "acknowledge = \"one\"", "reads = \"nearest\"", "returning = \"refuse\""]),
    (
        "primary-backup",
        FAILOVER,
        &[
            "",
            "acknowledge = \"one\"",
            "acknowledge = \"all\"",
            "acknowledge = \"first\"\nsender-timeout = \"2s\"",
            "returning = \"refuse\"",
            "returning = \"merge\"",
            "returning = \"rewind\"",
            "returning = \"rebuild\"\ncopying = { size = \"20MB\" }",
        ],
    ),
    (
        "primary-backup",
        FENCED,
        &[
            "",
            "returning = \"merge\"",
            "acknowledge = \"one\"",
            "acknowledge = \"one\"\nreads = \"nearest\"",
            "acknowledge = \"one\"\nreturning = \"refuse\"",
            "acknowledge = \"one\"\ndegrade-after = \"300ms\"",
            "acknowledge = \"one\"\ncancel-wait-after = \"300ms\"",
        ],
    ),
    (
        "lease-store",
        LEASED,
        &[
            "",
            "failsafe = true",
            "watchdog = false",
            "returning = \"refuse\"",
            "acknowledge = \"one\"",
            "acknowledge = \"one\"\nwatchdog = false",
            "acknowledge = \"one\"\nreads = \"nearest\"",
            "synchronous = \"on\"",
            "synchronous = \"strict\"",
            "synchronous = \"strict\"\nwatchdog = false",
            "synchronous = \"on\"\nreads = \"nearest\"",
        ],
    ),
    (
        "orchestrated",
        WATCHED,
        &["", "returning = \"refuse\"", "acknowledge = \"one\"", "acknowledge = \"all\"", "reads = \"nearest\""],
    ),
];

/// What is not claimed though no run of this test breaks it: protocol, form, guarantee.
///
/// Unfenced, with one backup waited for: two primaries need an answer of one backup each, so an old one acknowledges beside its
/// successor only what was answered before the election and is under way for longer than that takes; under orchestrators it takes two
/// pairs among five replicas. With `merge`: every write comes back or is a conflict, as long as its old primary does, which is no
/// promise about the write.
const OPEN: &[(&str, &str, Guarantee)] = &[
    ("primary-backup", "acknowledge = \"one\"", Guarantee::SingleWriter),
    ("primary-backup", "acknowledge = \"first\"\nsender-timeout = \"2s\"", Guarantee::SingleWriter),
    ("primary-backup", "returning = \"merge\"", Guarantee::NoAcknowledgedWriteLost),
    ("orchestrated", "acknowledge = \"one\"", Guarantee::SingleWriter),
];

fn text(world: &str, protocol: &str, common: &str, form: &str) -> String {
    format!("{world}\n[design.form]\nprotocol = \"{protocol}\"\n{common}\n{form}\n")
}

/// The guarantees among these that no run with such faults breaks.
fn unbroken(scenario: &Scenario, design: &Design, among: &BTreeSet<Guarantee>) -> BTreeSet<Guarantee> {
    let mut left = among.clone();
    for seed in 1..=RUNS_MAX {
        if left.is_empty() {
            break;
        }
        let run = design.run(&scenario.setup, seed, Trace::off());
        assert_eq!(run.broken_claims().count(), 0, "{}, seed {seed}", design.protocol);
        left.retain(|guarantee| run.verdict(*guarantee).verdict.is_pass());
    }
    left
}

/// Those that are drawn in a world of three regions, and after which disks keep what they had.
fn kinds_but_of_disks() -> Vec<FaultKind> {
    let drawn = Kind::USUAL.into_iter().chain(Kind::BY_NAME).map(|(kind, _)| kind);
    drawn.filter(|kind| Claim::DISKS_KEEP.contains(*kind) && *kind != FaultKind::Ring).collect()
}

#[test]
fn what_is_not_claimed_is_broken_by_some_run() {
    let world = world(&kinds_but_of_disks());
    let forms =
        FORMS.iter().flat_map(|(protocol, common, forms)| forms.iter().map(move |form| (protocol, common, form)));
    for (protocol, common, form) in forms {
        let scenario = Scenario::parse(&text(&world, protocol, common, form), "form.toml").unwrap();
        let design = &scenario.designs[0];
        let claimed: BTreeSet<Guarantee> = design.configured.claims().iter().map(|claim| claim.guarantee).collect();
        let others = Guarantee::ALL.into_iter().filter(|guarantee| !claimed.contains(guarantee));
        let is_open = |guarantee: &Guarantee| OPEN.contains(&(*protocol, *form, *guarantee));
        let (open, others): (BTreeSet<Guarantee>, BTreeSet<Guarantee>) = others.partition(is_open);
        let left = unbroken(&scenario, design, &others);
        assert!(left.is_empty(), "{protocol}, {common}, {form}: no run breaks {left:?}, which could be claimed");
        assert_eq!(unbroken(&scenario, design, &open), open, "{protocol}, {common}, {form}: some run breaks the rest");
    }
}
