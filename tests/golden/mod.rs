//! The golden runs: digests recorded once, the same on every platform. Shared by the native test and the wasm32 one.

use std::borrow::Cow;

use riftzone::model::fault_page::pages;
use riftzone::scenario::Scenario;
use riftzone::sim::Run;
use riftzone::trace::Trace;

/// One recorded run.
#[derive(Debug)]
pub struct Golden {
    /// The scenario file's name, without its ending.
    pub file: &'static str,
    /// The design.
    pub design: &'static str,
    /// The seed.
    pub seed: u64,
    /// The digest that the run must have.
    pub digest: u64,
}

/// `file design seed digest`, a line each.
pub const RECORDED: &str = include_str!("digests.txt");

/// Every recorded run.
pub fn golden() -> Vec<Golden> {
    let lines = RECORDED.lines().filter(|line| !line.starts_with('#') && !line.is_empty());
    let read = |line: &'static str| {
        let mut words = line.split_whitespace();
        let mut next = || words.next().expect("a golden line has four words");
        Golden {
            file: next(),
            design: next(),
            seed: next().parse().expect("a seed is a number"),
            digest: u64::from_str_radix(next(), 16).expect("a digest is hexadecimal"),
        }
    };
    lines.map(read).collect()
}

/// The digest that this run has here.
pub fn digest_here(golden: &Golden) -> u64 {
    run_here(golden).digest.0
}

/// This run, here.
pub fn run_here(golden: &Golden) -> Run {
    let scenario = Scenario::parse(&text(golden.file), golden.file).expect("a golden scenario is right");
    let design =
        scenario.designs.iter().find(|design| design.name == golden.design).expect("the design is in the file");
    design.run(&scenario.setup, golden.seed, Trace::off())
}

/// A scenario of the catalogue; or `fault/KIND`, a world that the example of that fault's page happens to; or `stream/KIND`, the
/// same over connections.
fn text(file: &str) -> Cow<'static, str> {
    if let Some(kind) = file.strip_prefix("fault/") {
        let page = pages().find(|page| page.kind.name() == kind).expect("the fault has a page");
        let more = match kind {
            "slow" => SERVICE,
            "torn-crash" | "slow-disk" => DISK,
            "lying-disk" => FOUND_OUT,
            _ => "",
        };
        return format!("{WORLD}{more}\n[[fault]]\nat = \"10s\"\nfor = \"10s\"\n{}\n", page.example).into();
    }
    if let Some(kind) = file.strip_prefix("stream/") {
        let page = pages().find(|page| page.kind.name() == kind).expect("the fault has a page");
        let streams = "[transport]\nkind = \"stream\"\nwindow = \"64KiB\"\n";
        return format!("{WORLD}\n{streams}\n[[fault]]\nat = \"10s\"\nfor = \"10s\"\n{}\n", page.example).into();
    }
    match file {
        "anything-goes" => include_str!("../../scenarios/anything-goes.toml"),
        "dynamodb-strong" => include_str!("../../scenarios/dynamodb-strong.toml"),
        "home-region" => include_str!("../../scenarios/home-region.toml"),
        "counter-escrow" => include_str!("../../scenarios/counter-escrow.toml"),
        "cart-items" => include_str!("../../scenarios/cart-items.toml"),
        "cart-merge" => include_str!("../../scenarios/cart-merge.toml"),
        "order-in-pieces" => include_str!("../../scenarios/order-in-pieces.toml"),
        "read-replicas" => include_str!("../../scenarios/read-replicas.toml"),
        "numbers-given-twice" => include_str!("../../scenarios/numbers-given-twice.toml"),
        "roaming-session" => include_str!("../../scenarios/roaming-session.toml"),
        "patroni-dcs-lost" => include_str!("../../scenarios/patroni-dcs-lost.toml"),
        "hello" => include_str!("../../scenarios/hello.toml"),
        "region-loss" => include_str!("../../scenarios/region-loss.toml"),
        "github-2018-10-21" => include_str!("../../scenarios/github-2018-10-21.toml"),
        "retry-storm" => include_str!("../../scenarios/retry-storm.toml"),
        "etcd-lab" => include_str!("../../scenarios/etcd-lab.toml"),
        "raft-partial-partition" => include_str!("../../scenarios/raft-partial-partition.toml"),
        "dns-failover" => include_str!("../../scenarios/dns-failover.toml"),
        "cloudflare-2020-11-02" => include_str!("../../scenarios/cloudflare-2020-11-02.toml"),
        "redis-lab-hung-connections" => include_str!("../../scenarios/redis-lab-hung-connections.toml"),
        "github-2012-12" => include_str!("../../scenarios/github-2012-12.toml"),
        _ => panic!("no golden scenario is called {file}"),
    }
    .into()
}

/// A world in which a node can be slow.
const SERVICE: &str = "\n[service]\nread = \"2ms\"\nwrite = \"3ms\"\nmessage = \"100us\"\n";

/// A world in which a sync may be under way.
const DISK: &str = "\n[disk]\nsync = { median = \"20ms\", p99 = \"90ms\" }\n";

/// A crash that finds a lie out.
const FOUND_OUT: &str = "\n[[fault]]\nat = \"15s\"\nfor = \"1s\"\ncrash = [\"us-east-1\"]\n";

const WORLD: &str = r#"
name = "a fault for ten seconds"
duration = "30s"
settle = "10s"

[topology]
matrix = "aws-2025-07"
regions = ["us-east-1", "us-west-2", "eu-west-1", "ap-northeast-1", "sa-east-1"]

[workload]
clients_per_region = 2
rate = "10/s"
keys = 20
mix = { read = 1, write = 1 }
retry_after = "700ms"

[design.raft]
protocol = "raft"

[design.last-writer-wins]
protocol = "last-writer-wins"

[design.causal-plus]
protocol = "causal"

[design.home-region]
protocol = "home-region"
moves = "on-use"
threshold = 2

[design.caspaxos]
protocol = "caspaxos"

[design.caspaxos-reject]
protocol = "caspaxos"
conflict = "reject"
piggyback = false
hold = "0s"

[design.lease-store]
protocol = "lease-store"
ttl = "6s"
loop-wait = "1s"
retry-timeout = "2s"
safety-margin = "1s"
promote = "500ms"

[design.orchestrated]
protocol = "orchestrated"
detect = "3s"
promote = "1s"

[design.bounded]
protocol = "home-region"
reads = "nearest"
bound = { operations = 20, time = "2s" }

[design.take-over]
protocol = "home-region"
owner-unreachable = "take-over"
take-over-after = "3s"

[design.batches]
protocol = "causal"
ship = "after-previous"

[design.hub]
protocol = "hub"

[design.hub-confirmed]
protocol = "hub"
hub = "eu-west-1"
acknowledge = "confirmed"

[design.siblings]
protocol = "siblings"
acknowledge = "majority"

[design.mv-register]
protocol = "crdt"

[design.lww-register]
protocol = "crdt"
type = "lww-register"
ship = "operation"
"#;
