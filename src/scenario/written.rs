//! A scenario file as it is written: the keys that each table may have, and what they mean.
//!
//! These types are also the source of the JSON Schema; their docs are its descriptions. The tables of designs and
//! expectations are not here, for their keys depend on protocols and metrics: see `design.rs` and `expect.rs`. Next:
//! `read.rs`.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::clock::{Clock, ClockDrift, ClockLeap, ClockStep, ClockStrobe};
use super::disk::{RollingRestart, SlowDisks};
use super::retry::RetryPolicy;
use super::service::{MoreLoad, SlowNodes};
use super::units::{At, BitRate, Factor, Keys, Percent, Rate, Span, Table};
use crate::time::Duration;

/// Names, each with its place.
pub(super) type Names = At<Vec<At<String>>>;
/// Lists of names.
pub(super) type Lists = At<Vec<Names>>;

/// The keys at the top of the file that are no tables of their own.
#[derive(Debug, Deserialize)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub(super) struct Head {
    /// Where the JSON Schema of this file is, for editors; nothing else reads it.
    #[serde(rename = "schema")]
    pub _schema: Option<String>,
    /// The scenario's title.
    pub name: String,
    /// What the scenario teaches, in a sentence or two.
    pub lesson: Option<String>,
    /// The event or paper that the scenario re-enacts.
    pub source: Option<String>,
    /// What the scenario had to assume, one thing a line.
    #[serde(default)]
    pub assumed: Vec<String>,
    /// How long clients ask. At the end every fault is healed.
    pub duration: At<Duration>,
    /// How long the run goes on after that, without new operations, before replicas are compared. Default: "30s".
    pub settle: Option<Duration>,
}

/// Where things are: the regions, and how long messages take between them.
#[derive(Debug, Deserialize)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub(super) struct Topology {
    /// The measured matrix that delays come from; `riftzone latency` lists them. Without one, every link is a `link`.
    pub matrix: Option<At<String>>,
    /// The regions; with a matrix, by its names.
    pub regions: Names,
    /// Whether messages scatter as they were measured to. Default: "measured"; constant where the matrix has no
    /// dispersion.
    pub jitter: Option<At<Jitter>>,
    /// Whether both directions of a measured link get their mean. Default: true.
    pub symmetric: Option<At<bool>>,
    /// The round trip inside a region, which no matrix measures well: an assumption. Default: "0.5ms".
    pub local_rtt: Option<Duration>,
    /// How many zones each region has, called by letters from `a` on; its nodes are put into them in turn. Default: 1.
    pub zones: Option<At<u8>>,
    /// The round trip from one zone to another of a region. Default: as inside the region.
    pub zone_rtt: Option<At<Duration>>,
    /// What each link between two regions carries in a second, in each direction; messages queue for it. Default: whatever is
    /// sent.
    pub bandwidth: Option<BitRate>,
    /// The bound on its clock's error that every node is told. Default: none.
    pub clock_uncertainty: Option<Duration>,
    /// Links with delays of their own, in place of the matrix's.
    #[serde(default)]
    pub link: Vec<Table<Link>>,
    /// Clocks that are wrong. All others are perfect.
    #[serde(default)]
    pub clock: Vec<Table<Clock>>,
}

/// Whether messages scatter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub(super) enum Jitter {
    /// Each message draws its delay from a distribution with the matrix's own percentiles.
    Measured,
    /// Every message takes half of the median round trip.
    None,
}

/// A link with a delay of its own, one of `one_way` and `rtt`, or a `bandwidth` of its own, or both. From a region to itself, it
/// is the delay inside.
#[derive(Debug, Deserialize)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub(super) struct Link {
    /// The region that sends.
    pub from: At<String>,
    /// The region that receives.
    pub to: At<String>,
    /// How long a message takes; two durations are the ends of a uniform distribution.
    pub one_way: Option<At<Span>>,
    /// Twice how long a message takes; two durations are twice the ends of a uniform distribution.
    pub rtt: Option<At<Span>>,
    /// How delays scatter. Default: "uniform", between the two durations.
    pub distribution: Option<Scatter>,
    /// What it carries in a second, in place of the topology's `bandwidth`; between two regions alone.
    pub bandwidth: Option<At<BitRate>>,
    /// Whether all this is so in the other direction, too. Default: true.
    pub both: Option<bool>,
}

/// How the delays of a link scatter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub(super) enum Scatter {
    /// Every delay between two is as likely; one duration is every delay.
    Uniform,
    /// From nothing upwards, with this mean: for comparisons with closed forms, not for a real network.
    Exponential,
}

/// What clients do. Either `rate` or `think` says how often they ask.
#[derive(Debug, Deserialize)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub(super) struct Workload {
    /// How many clients each region has; with `rate`, more join when all are busy. Default: 8.
    pub clients_per_region: Option<At<u32>>,
    /// How many clients each region has, by region, in place of `clients_per_region`; a region left out has none.
    #[cfg_attr(feature = "cli", schemars(with = "Option<BTreeMap<String, u32>>"))]
    pub clients: Option<At<BTreeMap<toml::Spanned<String>, u32>>>,
    /// Open loop: how many operations begin in each region that has clients, whatever the answers do.
    pub rate: Option<At<Rate>>,
    /// Closed loop: how long each client thinks after an answer before it asks again.
    pub think: Option<At<Duration>>,
    /// How the operations of a `rate` come. Default: "poisson".
    pub arrivals: Option<At<Arrivals>>,
    /// How many keys there are. Default: 1000.
    pub keys: Option<At<u32>>,
    /// How often each key is asked for. Default: "uniform".
    pub popularity: Option<Popularity>,
    /// How many of a region's operations are on keys of its own: of n regions the (k mod n)-th has key k. Default: all regions ask
    /// for all keys alike.
    pub affinity: Option<At<Percent>>,
    /// How often each kind of operation is asked, relative to the others. Default: { read = 8, write = 2 }.
    pub mix: Option<Table<Mix>>,
    /// What the keys are. Default: what the mix is of; sets, where it inserts or removes.
    pub objects: Option<At<Objects>>,
    /// Of sets: how many items clients know, from 1 to 64. Default: 16.
    pub items: Option<At<u8>>,
    /// Of rows: how many columns, from 1 to 4. Default: 2.
    pub columns: Option<At<u8>>,
    /// How long a client waits for an operation, retries included. Default: "2s".
    pub timeout: Option<At<Duration>>,
    /// How long a client waits for one node before it asks another. Default: as long as `timeout`.
    pub retry_after: Option<At<Duration>>,
    /// How long a client waits after a node said that it cannot serve. Default: "100ms".
    pub backoff: Option<At<Duration>>,
    /// When the first operation may begin: the designs have time to elect their leaders. Default: "5s".
    pub warm_up: Option<At<Duration>>,
    /// With `think`: how many operations each client makes before it stops. Default: no limit.
    pub operations_per_client: Option<At<u32>>,
    /// How clients ask again, in place of `retry_after` and `backoff`.
    pub retry: Option<Table<RetryPolicy>>,
    /// Whether all attempts of an operation carry one request id, by which a design can tell a retry from a new write.
    /// Default: true.
    pub idempotency: Option<bool>,
}

/// What keys are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub(super) enum Objects {
    /// Registers, which hold one value.
    Registers,
    /// Counters.
    Counters,
    /// Sets.
    Sets,
    /// Lists.
    Lists,
    /// Rows, which hold a value in each of some columns, read and written together.
    Rows,
    /// Sequences, which give each number once.
    Sequences,
}

/// How operations of a rate come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub(super) enum Arrivals {
    /// At random: a Poisson process.
    #[default]
    Poisson,
    /// At equal gaps.
    Paced,
}

/// How often each key is asked for.
#[derive(Debug, Deserialize)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub(super) enum Popularity {
    /// All alike.
    Uniform,
    /// The i-th key with weight 1 / i^exponent; YCSB uses 0.99.
    Zipf(At<f64>),
}

/// Kinds of operation, relative to each other; a kind left out is never asked.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default)]
pub(super) struct Mix {
    /// Reads.
    pub read: u32,
    /// Writes.
    pub write: u32,
    /// Compare-and-sets, which expect the value that the client's region last saw.
    pub compare_and_set: u32,
    /// Reads that the same client follows up at once by a write of the key.
    pub read_modify_write: u32,
    /// Of counters: additions of 1.
    pub add: u32,
    /// Of counters: subtractions of 1.
    pub subtract: u32,
    /// Of sets and lists: insertions.
    pub insert: u32,
    /// Of sets and lists: removals.
    pub remove: u32,
    /// Of rows: puts of all columns at once.
    pub put: u32,
    /// Of rows: puts of one column.
    pub put_column: u32,
    /// Of sequences: takings of the next number.
    pub next: u32,
}

/// A fault: when, for how long, and exactly one thing that it does.
///
/// What it is aimed at is a region, the nodes of one role in a region (`us-east-1/monitor`) or in one of its zones
/// (`us-east-1/b`), or `leader`: the node that
/// leads when the fault begins; where links are meant, its region.
#[derive(Debug, Deserialize)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub(super) struct Fault {
    /// When it begins.
    pub at: At<Duration>,
    /// How long it lasts. Default: until a heal, or the end.
    #[serde(rename = "for")]
    pub lasts: Option<At<Duration>>,
    /// How long after each beginning it begins again, until the end; in the ledger each time is a fault of its own. With `for`,
    /// which is shorter, or of a heal. Default: it begins once.
    pub every: Option<At<Duration>>,
    /// Whether the run is still good where this fault hit nothing. Default: false.
    #[serde(default)]
    pub may_touch_nothing: bool,
    /// Nodes stop, and lose all but their synced records; afterwards they start again.
    pub crash: Option<Names>,
    /// Nodes stop between two events, and afterwards go on without knowing.
    pub pause: Option<Names>,
    /// Nodes stop amid a sync, of which their disks have a part; afterwards they start again.
    pub torn_crash: Option<Names>,
    /// Nodes of one place after the other stop in order, and start again.
    pub rolling_restart: Option<Table<RollingRestart>>,
    /// Nodes stop and lose their disks; afterwards they start again with nothing.
    pub wipe: Option<Names>,
    /// Nodes whose disks say that they have synced what a crash takes.
    pub lying_disk: Option<Names>,
    /// Nodes whose disks take longer to sync.
    pub slow_disk: Option<Table<SlowDisks>>,
    /// Regions lose every message to and from all others.
    pub isolate: Option<Names>,
    /// Regions whose nodes lose every message to and from the nodes of all others, and clients none.
    pub gateway_down: Option<Names>,
    /// Sides that lose every message between them; who is on no side hears all of them.
    pub partition: Option<Lists>,
    /// Links that lose every message, both ways.
    #[cfg_attr(feature = "cli", schemars(with = "Option<Vec<(String, String)>>"))]
    pub cut: Option<Lists>,
    /// Links that lose every message from the first to the second.
    #[cfg_attr(feature = "cli", schemars(with = "Option<Vec<(String, String)>>"))]
    pub cut_one_way: Option<Lists>,
    /// Three or more regions: those before the middle one are cut from those after it, and the middle one hears all.
    pub bridge: Option<Names>,
    /// Four or more regions: each hears its two neighbours in the list, which goes around, and no other.
    pub ring: Option<Names>,
    /// Three or more regions: the first of them, more than half, are cut from the rest.
    pub majority_minority: Option<Names>,
    /// Links that are cut and whole in turn.
    pub flap: Option<Table<Flap>>,
    /// Links that lose some of their messages.
    pub loss: Option<Table<Loss>>,
    /// Every message is lost but those in this list: by when each was sent, from which region to which, and where that is not the first at
    /// that instant, the how manieth it is. A hunt writes it, to try less.
    #[cfg_attr(feature = "cli", schemars(with = "Option<Vec<Vec<String>>>"))]
    pub loss_but: Option<Lists>,
    /// Links that damage some of their messages, which is seen: they are dropped.
    pub corrupt: Option<Table<Loss>>,
    /// Links that deliver some of their messages twice, the second time after a delay of its own.
    pub duplicate: Option<Table<Loss>>,
    /// Links that hold some of their messages up, so that others overtake them.
    pub reorder: Option<Table<Reorder>>,
    /// Links whose messages all take longer.
    pub delay: Option<Table<Delay>>,
    /// Links that carry only so much a second.
    pub throttle: Option<Table<Throttle>>,
    /// Nodes that take longer for everything; where `[service]` says how long things take.
    pub slow: Option<Table<SlowNodes>>,
    /// Nodes that answer nodes and drop clients' requests.
    pub gray: Option<Names>,
    /// Nodes whose clocks are set forward or back.
    pub clock_step: Option<Table<ClockStep>>,
    /// Nodes whose clocks run fast or slow, and their timers with them.
    pub clock_drift: Option<Table<ClockDrift>>,
    /// Nodes whose clocks are wrong and right in turn.
    pub clock_strobe: Option<Table<ClockStrobe>>,
    /// Nodes that take a leap second, which the others take at the end.
    pub clock_leap: Option<Table<ClockLeap>>,
    /// Clients ask more often than `rate` says.
    pub load: Option<Table<MoreLoad>>,
    /// Clients that ask nothing new, in these regions; `[]` is everywhere.
    pub quiesce: Option<Names>,
    /// Every fault under way ends now.
    pub heal: Option<At<bool>>,
}

/// Links that are cut and whole in turn: cut first.
#[derive(Debug, Deserialize)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub(super) struct Flap {
    /// Which links, both ways.
    #[cfg_attr(feature = "cli", schemars(with = "Vec<(String, String)>"))]
    pub links: Lists,
    /// How long they are whole.
    pub up: At<Duration>,
    /// How long they are cut.
    pub down: At<Duration>,
    /// How far each of these times may be off, either way, drawn uniformly. Default: not at all.
    pub jitter: Option<Percent>,
}

/// Links that hold some of their messages up.
#[derive(Debug, Deserialize)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub(super) struct Reorder {
    /// How many of the messages are held up.
    pub ratio: At<Percent>,
    /// By how much at most; drawn uniformly.
    pub extra: At<Duration>,
    /// Which links, both ways. Default: all.
    #[cfg_attr(feature = "cli", schemars(with = "Option<Vec<(String, String)>>"))]
    pub links: Option<Lists>,
}

/// Links whose messages all take longer: one of `slow` and `add`.
#[derive(Debug, Deserialize)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub(super) struct Delay {
    /// How many times as long as before.
    pub slow: Option<At<Factor>>,
    /// How much longer than before.
    pub add: Option<At<Duration>>,
    /// How long it takes to become so much, in a straight line. Default: "0s".
    pub ramp: Option<Duration>,
    /// Which links, both ways. Default: all.
    #[cfg_attr(feature = "cli", schemars(with = "Option<Vec<(String, String)>>"))]
    pub links: Option<Lists>,
}

/// Links that carry only so much a second.
#[derive(Debug, Deserialize)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub(super) struct Throttle {
    /// How much, in each direction.
    pub bandwidth: BitRate,
    /// How long a message waits at most before it begins to leave; one that would wait longer is lost. Default: "1s".
    pub queue: Option<Duration>,
    /// Which links, both ways. Default: all between two regions.
    #[cfg_attr(feature = "cli", schemars(with = "Option<Vec<(String, String)>>"))]
    pub links: Option<Lists>,
}

/// Links that lose, damage or repeat some of their messages.
#[derive(Debug, Deserialize)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub(super) struct Loss {
    /// How many of the messages it happens to.
    pub ratio: At<Percent>,
    /// Which links, both ways. Default: all.
    #[cfg_attr(feature = "cli", schemars(with = "Option<Vec<(String, String)>>"))]
    pub links: Option<Lists>,
}

/// Faults that each seed draws for itself.
#[derive(Debug, Deserialize)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub(super) struct Chaos {
    /// When the first may begin. Default: "0s".
    pub from: Option<At<Duration>>,
    /// When none begins any more. Default: the end.
    pub until: Option<At<Duration>>,
    /// The mean time from one to the next. Default: "10s".
    pub every: Option<At<Duration>>,
    /// The shortest and the longest that one lasts. Default: ["1s", "10s"].
    #[serde(rename = "for")]
    pub lasts: Option<At<Span>>,
    /// How many are under way at once at most. Default: 2.
    pub at_once: Option<At<u32>>,
    /// How many there are in all at most. Default: 1000.
    pub most: Option<At<u32>>,
    /// Whether each seed leaves out a random half of the kinds. Default: false.
    #[serde(default)]
    pub swarm: bool,
    /// Which kinds, by the names that `riftzone zoo --faults` has. Default: crashes, pauses, heals, and all that befalls
    /// links, each with its usual weight.
    #[cfg_attr(feature = "cli", schemars(with = "Option<BTreeMap<String, Drawn>>"))]
    pub kinds: Option<At<BTreeMap<toml::Spanned<String>, Drawn>>>,
}

/// How often a kind of fault is drawn.
#[derive(Debug, Deserialize)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub(super) struct Drawn {
    /// Relative to the others. Default: as in the failures that were studied.
    pub weight: Option<u32>,
    /// How many in a run at most. Default: 1000.
    pub most: Option<u32>,
}

macro_rules! expected {
    ($($table:ty: $expected:literal;)*) => {$(
        impl Keys for $table {
            const EXPECTED: &'static str = $expected;
        }
    )*};
}

expected! {
    Head: "a table";
    Topology: "a table with `regions`";
    Link: "a table such as { from = \"a\", to = \"b\", rtt = \"30ms\" }";
    Workload: "a table with `rate` or `think`";
    Mix: "a table such as { read = 8, write = 2 }";
    Fault: "a table with `at` and what happens";
    Chaos: "a table such as { every = \"10s\", swarm = true }";
    Loss: "a table such as { ratio = \"1%\" }";
    Flap: "a table such as { links = [[\"a\", \"b\"]], up = \"20s\", down = \"5s\" }";
    Reorder: "a table such as { ratio = \"10%\", extra = \"50ms\" }";
    Throttle: "a table such as { bandwidth = \"1Mbit/s\" }";
    Delay: "a table such as { slow = \"x3\" } or { add = \"40ms\" }";
}
