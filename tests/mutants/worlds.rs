//! The worlds that the bank's designs run in, as the beginning of a scenario file.

/// Three regions at round trips of 80 to 200 ms.
macro_rules! triangle {
    () => {
        r#"
[topology]
regions = ["us", "eu", "ap"]
link = [
    { from = "us", to = "eu", rtt = "80ms" },
    { from = "us", to = "ap", rtt = "150ms" },
    { from = "eu", to = "ap", rtt = "200ms" },
]
"#
    };
}

/// Those, and what else is said of them.
macro_rules! three {
    ($more:literal) => {
        three!($more, "mix = { read = 1, write = 1 }")
    };
    ($more:literal, $mix:literal) => {
        three!($more, $mix, "keys = 5")
    };
    ($more:literal, $mix:literal, $keys:literal) => {
        concat!(
            $more,
            r#"
duration = "40s"
settle = "20s"
"#,
            triangle!(),
            r#"[workload]
clients_per_region = 2
rate = "10/s"
timeout = "2s"
"#,
            $mix,
            "\n",
            $keys,
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

/// Three regions with so many counters that not each of them is added to at the end.
pub const COUNTERS: &str = three!("", "mix = { read = 1, add = 2, subtract = 2 }", "keys = 100");

/// Three regions for as short a time as it takes to change a leader, whose clients ask little, all of it of one key. What is said of disks
/// follows.
macro_rules! short {
    ($more:literal) => {
        concat!(
            $more,
            r#"
duration = "8s"
settle = "10s"
"#,
            triangle!(),
            r#"[workload]
clients_per_region = 1
rate = "5/s"
keys = 1
mix = { read = 1, write = 1 }
timeout = "2s"
warm_up = "0s"
"#
        )
    };
}

/// As short as that, with disks that write at once.
pub const SHORT: &str = short!("");

/// The same, where syncs of disks take their time.
pub const SHORT_ON_DISKS: &str = short!("disk = { sync = [\"1ms\", \"120ms\"] }");

/// A counter from which more is taken than is added, in three regions that crash all the time, before their disks have synced.
pub const CRASHING_COUNTER: &str = concat!(
    r#"
duration = "6s"
settle = "4s"
disk = { sync = ["1ms", "120ms"] }
"#,
    triangle!(),
    r#"[workload]
clients_per_region = 1
rate = "5/s"
keys = 1
mix = { add = 1, subtract = 2 }
timeout = "2s"
warm_up = "0s"
[chaos]
from = "0s"
until = "5s"
every = "500ms"
for = ["20ms", "500ms"]
at_once = 2
kinds = { crash = { weight = 4 }, isolate = {} }
"#
);

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

/// As short, with one clock ahead by less than designs allow for, and clients that also compare before they write.
pub const ONE_AHEAD: &str = concat!(
    r#"
duration = "8s"
settle = "10s"
"#,
    triangle!(),
    r#"[[topology.clock]]
region = "ap"
offset = "400ms"
[workload]
clients_per_region = 1
rate = "10/s"
keys = 1
mix = { read = 1, write = 1, compare_and_set = 1 }
timeout = "2s"
warm_up = "0s"
"#
);

/// One row of two columns for a few seconds, read and put in the nearest of three regions.
macro_rules! a_row {
    ($mix:literal) => {
        concat!(
            "duration = \"12s\"\nsettle = \"10s\"\n",
            triangle!(),
            "[workload]\nclients_per_region = 1\nrate = \"10/s\"\nkeys = 1\ntimeout = \"2s\"\nwarm_up = \"0s\"\n",
            $mix,
            "\n"
        )
    };
}

/// Transactions of both columns.
pub const ROWS: &str = a_row!("mix = { read = 4, put = 1 }");

/// Commits of one column or the other.
pub const ROWS_APART: &str = a_row!("mix = { read = 3, put_column = 1 }");

/// Clients who take numbers, and use them as names elsewhere.
pub const NUMBERS: &str = three!("", "mix = { next = 1 }", "keys = 1");

/// A region whose clients move to another, which has not heard of what they wrote; and a third that writes, too.
pub const MOVING: &str = r#"
duration = "11s"
settle = "5s"
[topology]
regions = ["here", "there", "third"]
link = [
    { from = "here", to = "there", rtt = "90ms" },
    { from = "here", to = "third", rtt = "40ms" },
    { from = "there", to = "third", rtt = "60ms" },
]
[workload]
clients = { here = 4, third = 1 }
think = "20ms"
keys = 4
mix = { read = 1, write = 1 }
warm_up = "0s"
"#;

/// Three sites whose network loses half of all messages or more for as long as anything happens, so that leaders come and go. What is said
/// of times and disks follows.
macro_rules! near {
    ($until:literal, $loss:literal, $disk:literal) => {
        concat!(
            "duration = \"",
            $until,
            "\"\nsettle = \"4s\"\n",
            $disk,
            r#"
[topology]
regions = ["s1", "s2", "s3"]
link = [
    { from = "s1", to = "s2", rtt = "40ms" },
    { from = "s1", to = "s3", rtt = "40ms" },
    { from = "s2", to = "s3", rtt = "40ms" },
]
[workload]
clients_per_region = 1
rate = "8/s"
keys = 2
mix = { write = 1 }
timeout = "1s"
warm_up = "0s"
[[fault]]
at = "0s"
for = ""#,
            $until,
            r#""
loss = { ratio = ""#,
            $loss,
            r#"" }
"#
        )
    };
}

/// Those, and a few short crashes, cuts and isolations at any time, of which the same is said.
macro_rules! lossy {
    ($until:literal, $loss:literal, $disk:literal, $chaos:literal) => {
        concat!(
            near!($until, $loss, $disk),
            r#"[chaos]
from = "0s"
until = ""#,
            $until,
            r#""
at_once = 2
kinds = { crash = { weight = 4 }, isolate = {}, one-way-partition = {} }
"#,
            $chaos
        )
    };
}

/// The messages of an entry go alone, and who leads is settled anew all the time.
pub const LOSSY: &str = lossy!("12s", "60%", "", "every = \"2s\"\nfor = [\"300ms\", \"2700ms\"]\nmost = 5\n");

/// For a shorter time, with shorter faults, and disks that take their time.
pub const LOSSY_DISKS: &str =
    lossy!("3s", "50%", "[disk]\nsync = [\"1ms\", \"20ms\"]", "every = \"300ms\"\nfor = [\"20ms\", \"200ms\"]\n");

/// The same without those. Faults that are planned follow.
pub const LOST_ON_DISKS: &str = near!("3s", "60%", "[disk]\nsync = [\"1ms\", \"20ms\"]");

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
