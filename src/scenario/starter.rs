//! The scenario that `riftzone new` begins with.

const REST: &str = r#"
lesson = "What each design gives up while a region cannot be reached."
assumed = ["the rates, and that no region is busier than another"]
duration = "2min"                           # how long clients ask; then everything heals

[topology]
matrix = "aws-2025-07"                      # measured round trips; `riftzone latency` lists the matrices
regions = ["us-east-1", "eu-west-1", "ap-northeast-1"]
jitter = "measured"                         # or "none": every message takes half of the median round trip

# A link of one's own, in place of the matrix's:
# [[topology.link]]
# from = "us-east-1"
# to = "eu-west-1"
# one_way = "40ms"                          # or `rtt`; ["35ms", "45ms"] is a uniform distribution

[workload]
clients_per_region = 8
rate = "50/s"                               # in each region, whatever the answers do; `think = "10ms"` waits for them
keys = 1000
popularity = { zipf = 0.99 }                # or "uniform"
mix = { read = 8, write = 2 }
timeout = "2s"                              # retries included

[[fault]]                                   # `riftzone zoo --faults` lists what else can break
at = "30s"
for = "45s"
isolate = ["us-east-1"]

[design.active-passive]                     # one region takes every write, and ships it to the others afterwards
protocol = "primary-backup"                 # `riftzone zoo` lists the protocols and their options
primary = "us-east-1"
acknowledge = "local"
failover = { detect = "5s", promote = "10s" }

[design.active-active]                      # every region answers from its own copy; the last timestamp wins
protocol = "last-writer-wins"

[design.consensus]                          # a majority agrees on every write
protocol = "raft"
leader = "us-east-1"
# replicas = ["us-east-1", "eu-west-1"]     # some of the regions; by default all

[expect]                                    # of every design; `riftzone check` says whether it holds
convergence = "pass"
# availability = ">= 99%"                   # for every seed; { mean = ">= 99%" } for their mean
# "write_latency_ms_p99/eu-west-1" = "< 250ms"

[expect.active-passive]                     # of this design alone
lost_acknowledged_writes = "> 0"            # what it gives up
rto_s = "10s..30s"

[expect.active-active]
availability = "= 100%"
linearizable = "fail"                       # what it gives up

[expect.consensus]
linearizable = "pass"
lost_acknowledged_writes = 0
"#;

/// A commented scenario to begin with.
///
/// ```
/// use riftzone::scenario::{Scenario, starter};
///
/// let scenario = Scenario::parse(&starter("a bad day"), "a-bad-day.toml").expect("it can be read");
/// assert_eq!(scenario.name, "a bad day");
/// assert!(scenario.designs.len() == 3);
/// ```
pub fn starter(name: &str) -> String {
    format!("name = {}{REST}", toml::Value::from(name))
}
