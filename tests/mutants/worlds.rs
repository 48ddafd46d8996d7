//! The worlds that the bank's designs run in, as the beginning of a scenario file.

/// Three regions at round trips of 80 to 200 ms, and what else is said of them.
macro_rules! three {
    ($more:literal) => {
        three!($more, "mix = { read = 1, write = 1 }")
    };
    ($more:literal, $mix:literal) => {
        concat!(
            $more,
            r#"
duration = "40s"
settle = "20s"
[topology]
regions = ["us", "eu", "ap"]
link = [
    { from = "us", to = "eu", rtt = "80ms" },
    { from = "us", to = "ap", rtt = "150ms" },
    { from = "eu", to = "ap", rtt = "200ms" },
]
[workload]
clients_per_region = 2
rate = "10/s"
keys = 5
timeout = "2s"
"#,
            $mix,
            "\n"
        )
    };
}

/// Three regions whose disks write at once.
pub const THREE: &str = three!("");

/// The same, where syncs of disks take their time.
pub const DISKS: &str = three!("disk = { sync = [\"1ms\", \"120ms\"] }");

/// Three regions whose clients read before they write, and sometimes do not.
pub const READ_FIRST: &str = three!("", "mix = { read = 1, write = 1, read_modify_write = 2 }");

/// Three regions with sets.
pub const SETS: &str = three!("", "mix = { read = 1, insert = 2, remove = 2 }\nitems = 4");

/// Three regions with lists.
pub const LISTS: &str = three!("", "mix = { read = 1, insert = 2, remove = 2 }\nobjects = \"lists\"");

/// Three regions with counters.
pub const COUNTERS: &str = three!("", "mix = { read = 1, add = 2, subtract = 2 }");

/// The same, where syncs of disks take their time.
pub const COUNTERS_ON_DISKS: &str =
    three!("disk = { sync = [\"1ms\", \"120ms\"] }", "mix = { read = 1, add = 2, subtract = 2 }");

/// A region that all clients leave at one instant, for one that hears late of what they did.
pub const ROAMING: &str = r#"
duration = "2700ms"
settle = "5s"
[topology]
regions = ["here", "there"]
link = [{ from = "here", to = "there", rtt = "90ms" }]
[workload]
clients = { here = 16 }
think = "10ms"
keys = 4
mix = { read = 1, write = 1 }
warm_up = "1s"
"#;

/// Three regions in which nothing stays as it is for a second: short crashes, cuts and isolation, one after the other.
pub const RESTLESS: &str = r#"
duration = "40s"
settle = "20s"
[disk]
sync = ["1ms", "20ms"]
[topology]
regions = ["us", "eu", "ap"]
link = [
    { from = "us", to = "eu", rtt = "40ms" },
    { from = "us", to = "ap", rtt = "40ms" },
    { from = "eu", to = "ap", rtt = "40ms" },
]
[workload]
clients_per_region = 2
rate = "10/s"
keys = 5
mix = { read = 1, write = 1 }
timeout = "1s"
[chaos]
from = "1s"
until = "35s"
every = "400ms"
for = ["50ms", "2s"]
at_once = 2
kinds = { crash = { weight = 4 }, isolate = {}, partition = {}, one-way-partition = {} }
"#;

/// Five sites, 30 ms apart, with clients at three of them. Faults that are planned follow.
pub const FIVE: &str = r#"
duration = "60s"
settle = "20s"
[topology]
regions = ["s1", "s2", "s3", "s4", "s5"]
link = [
    { from = "s1", to = "s2", rtt = "30ms" },
    { from = "s1", to = "s3", rtt = "30ms" },
    { from = "s1", to = "s4", rtt = "30ms" },
    { from = "s1", to = "s5", rtt = "30ms" },
    { from = "s2", to = "s3", rtt = "30ms" },
    { from = "s2", to = "s4", rtt = "30ms" },
    { from = "s2", to = "s5", rtt = "30ms" },
    { from = "s3", to = "s4", rtt = "30ms" },
    { from = "s3", to = "s5", rtt = "30ms" },
    { from = "s4", to = "s5", rtt = "30ms" },
]
[workload]
clients = { s1 = 1, s2 = 1, s3 = 1 }
rate = "5/s"
keys = 5
mix = { read = 1, write = 1 }
timeout = "2s"
"#;

/// A pair of servers on two switches, and their clients on a third.
pub const PAIR: &str = r#"
duration = "6min"
settle = "30s"
[topology]
regions = ["left", "right", "third"]
link = [
    { from = "left", to = "right", rtt = "0.5ms" },
    { from = "left", to = "third", rtt = "0.5ms" },
    { from = "right", to = "third", rtt = "0.5ms" },
]
[workload]
clients = { third = 2 }
rate = "5/s"
mix = { read = 1, write = 1 }
timeout = "2s"
"#;

/// Three sites, with clients at the first, who write much. Faults that are planned follow.
pub const ONE_SIDED: &str = r#"
duration = "12s"
settle = "10s"
[topology]
regions = ["s1", "s2", "s3"]
link = [
    { from = "s1", to = "s2", rtt = "40ms" },
    { from = "s1", to = "s3", rtt = "40ms" },
    { from = "s2", to = "s3", rtt = "40ms" },
]
[workload]
clients = { s1 = 8 }
rate = "60/s"
keys = 5
mix = { write = 1 }
timeout = "1s"
"#;
