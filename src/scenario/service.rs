//! What nodes can do in a second, and the faults that burden them: from what is written to a [`ServiceModel`] and actions.

use serde::Deserialize;

use super::error::Problem;
use super::faults::{region_targets, targets};
use super::place;
use super::units::{At, Factor, Keys, Percent, Table};
use super::written::{self, Names};
use crate::id::RegionId;
use crate::model::fault::{Action, Slow};
use crate::model::service::{Capacity, Cold, Load, ServiceModel, Standby, WhenFull};
use crate::model::topology::Topology;
use crate::time::Duration;

/// More cores than this are no bound at all.
const CORES_MAX: u32 = 1_024;

/// What nodes can do in a second. Without this table work takes no time.
#[derive(Debug, Deserialize)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub(super) struct Service {
    /// How many pieces of work a node does at once. Default: 1.
    pub cores: Option<At<u32>>,
    /// How long a client's read takes. Default: "0s".
    pub read: Option<At<Duration>>,
    /// How long a client's write or compare-and-set takes. Default: "0s".
    pub write: Option<At<Duration>>,
    /// How long a message from another node takes. Default: "0s".
    pub message: Option<At<Duration>>,
    /// How long a timer takes. Default: "0s".
    pub timer: Option<At<Duration>>,
    /// Whether each piece of work takes exactly so long, or so long in the mean. Default: "constant".
    pub distribution: Option<Distribution>,
    /// How many clients' requests may wait, beside those in service; messages and timers always may. Default: any number.
    pub queue: Option<u32>,
    /// What becomes of a request that may not wait. Default: "refuse".
    pub when_full: Option<At<WhenFullWord>>,
    /// How much slower a node is that just became leader in another's place, or that just came back. Default: not at all.
    pub cold: Option<Table<ColdCache>>,
    /// Regions whose nodes can do more or less; what is left out is as above.
    #[serde(default)]
    pub region: Vec<Table<RegionService>>,
}

/// What the nodes of one region can do.
#[derive(Debug, Deserialize)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub(super) struct RegionService {
    /// The region.
    pub name: At<String>,
    /// How many pieces of work a node does at once.
    pub cores: Option<At<u32>>,
    /// How long a client's read takes.
    pub read: Option<Duration>,
    /// How long a client's write or compare-and-set takes.
    pub write: Option<Duration>,
    /// How long a message from another node takes.
    pub message: Option<Duration>,
    /// How long a timer takes.
    pub timer: Option<Duration>,
    /// How many clients' requests may wait.
    pub queue: Option<u32>,
    /// Its nodes have but a part of their capacity until they take office as leaders: a warm standby, or a pilot light.
    pub standby: Option<Table<StandBy>>,
}

/// A node with a part of its capacity, which gets the rest when it is promoted.
#[derive(Debug, Deserialize)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub(super) struct StandBy {
    /// How much of its capacity is there before that.
    pub capacity: At<Percent>,
    /// How long after that until all of it is; it grows in a straight line. Default: "0s".
    pub scales_in: Option<Duration>,
}

/// How long each piece of work takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub(super) enum Distribution {
    /// Exactly so long.
    Constant,
    /// So long in the mean, by an exponential distribution.
    Exponential,
}

/// What becomes of a request that may not wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub(super) enum WhenFullWord {
    /// Its client is told at once.
    Refuse,
    /// Nobody is told.
    Drop,
}

/// A cache that is filled anew.
#[derive(Debug, Deserialize)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub(super) struct ColdCache {
    /// How many times as long work takes at first.
    pub factor: Factor,
    /// How long until it takes as long as before; the factor falls in a straight line.
    pub warms_in: At<Duration>,
}

/// Nodes that take longer for everything.
#[derive(Debug, Deserialize)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub(super) struct SlowNodes {
    /// How many times as long.
    pub factor: Factor,
    /// Which nodes.
    pub nodes: Names,
}

/// Clients that ask more often.
#[derive(Debug, Deserialize)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub(super) struct MoreLoad {
    /// How many times as often.
    pub factor: Factor,
    /// How long it takes to become so many, in a straight line. Default: "0s".
    pub ramp: Option<Duration>,
    /// In which regions. Default: all.
    pub regions: Option<Names>,
}

impl Keys for Service {
    const EXPECTED: &'static str = "a table such as { cores = 2, read = \"1ms\", write = \"2ms\" }";
}
impl Keys for RegionService {
    const EXPECTED: &'static str = "a table such as { name = \"a\", cores = 1 }";
}
impl Keys for StandBy {
    const EXPECTED: &'static str = "a table such as { capacity = \"25%\", scales_in = \"5min\" }";
}
impl Keys for ColdCache {
    const EXPECTED: &'static str = "a table such as { factor = \"x8\", warms_in = \"60s\" }";
}
impl Keys for SlowNodes {
    const EXPECTED: &'static str = "a table such as { factor = \"x5\", nodes = [\"a\"] }";
}
impl Keys for MoreLoad {
    const EXPECTED: &'static str = "a table such as { factor = \"x4\" }";
}

/// Reads a `[service]`.
pub(super) fn read(table: &Table<Service>, topology: &Topology) -> Result<ServiceModel, Problem> {
    let Table { value: written, span } = table;
    let times = [&written.read, &written.write, &written.message, &written.timer];
    let own = |region: &Table<RegionService>| {
        let RegionService { read, write, message, timer, .. } = &region.value;
        [read, write, message, timer].into_iter().flatten().any(|time| !time.is_zero())
    };
    let takes_time = times.into_iter().flatten().any(|time| !time.value.is_zero()) || written.region.iter().any(own);
    if !takes_time {
        let help = "give one of `read`, `write`, `message` and `timer`";
        return Err(Problem::new(span, "nothing takes any time").help(help));
    }
    if let (Some(when_full), None) = (&written.when_full, written.queue)
        && written.region.iter().all(|region| region.value.queue.is_none())
    {
        return Err(Problem::new(
            &when_full.span,
            "`when_full` says what becomes of a `queue`'s rest, and there is none",
        ));
    }
    let time = |at: &Option<At<Duration>>| at.as_ref().map_or(Duration::ZERO, |at| at.value);
    let usual = Capacity {
        cores: cores(written.cores.as_ref(), 1)?,
        read: time(&written.read),
        write: time(&written.write),
        message: time(&written.message),
        timer: time(&written.timer),
        is_exponential: written.distribution == Some(Distribution::Exponential),
        queue: written.queue,
        when_full: match &written.when_full {
            Some(At { value: WhenFullWord::Drop, .. }) => WhenFull::Drop,
            _ => WhenFull::Refuse,
        },
        standby: None,
    };
    let mut regions = vec![usual; topology.regions().len()];
    let mut seen: Vec<RegionId> = Vec::new();
    for Table { value: region, .. } in &written.region {
        let id = place::find(topology, &region.name.value, &region.name.span)?;
        if seen.contains(&id) {
            return Err(Problem::new(&region.name.span, format!("`{}` is named twice", region.name.value)));
        }
        seen.push(id);
        regions[id.index()] = Capacity {
            cores: cores(region.cores.as_ref(), usual.cores)?,
            read: region.read.unwrap_or(usual.read),
            write: region.write.unwrap_or(usual.write),
            message: region.message.unwrap_or(usual.message),
            timer: region.timer.unwrap_or(usual.timer),
            queue: region.queue.or(usual.queue),
            standby: region.standby.as_ref().map(standby).transpose()?,
            ..usual
        };
    }
    Ok(ServiceModel { regions, cold: written.cold.as_ref().map(cold).transpose()? })
}

fn cores(written: Option<&At<u32>>, default: u32) -> Result<u32, Problem> {
    match written {
        None => Ok(default),
        Some(at) if (1..=CORES_MAX).contains(&at.value) => Ok(at.value),
        Some(at) => Err(Problem::new(&at.span, format!("a node has 1 to {CORES_MAX} cores"))),
    }
}

fn standby(written: &Table<StandBy>) -> Result<Standby, Problem> {
    let StandBy { capacity: At { value: Percent { parts, whole }, span }, scales_in } = &written.value;
    if *parts == 0 || parts >= whole {
        let help = "a node without any could not even take what is replicated to it: a few per cent are a pilot light";
        return Err(
            Problem::new(span, "a standby has a part of its capacity: more than 0 %, less than 100 %").help(help)
        );
    }
    Ok(Standby { parts: *parts, whole: *whole, scales_in: scales_in.unwrap_or_default() })
}

fn cold(written: &Table<ColdCache>) -> Result<Cold, Problem> {
    let ColdCache { factor: Factor { parts, whole }, warms_in } = &written.value;
    if warms_in.value.is_zero() {
        return Err(Problem::new(&warms_in.span, "a cache that warms at once is never cold"));
    }
    Ok(Cold { parts: *parts, whole: *whole, warms_in: warms_in.value })
}

/// The action of a `slow`.
pub(super) fn slow(topology: &Topology, written: &SlowNodes) -> Result<Action, Problem> {
    let Factor { parts, whole } = written.factor;
    Ok(Action::Slow { nodes: targets(topology, &written.nodes)?, slow: Slow::Times { parts, whole } })
}

/// The action of a `load`.
pub(super) fn load(topology: &Topology, written: &MoreLoad) -> Result<Action, Problem> {
    let Factor { parts, whole } = written.factor;
    let regions = written.regions.as_ref().map_or(Ok(Vec::new()), |names| region_targets(topology, names))?;
    Ok(Action::Load { regions, load: Load { parts, whole, ramp: written.ramp.unwrap_or(Duration::ZERO) } })
}

/// Whether this fault can touch anything in such a world.
pub(super) fn fits(fault: &written::Fault, takes_time: bool, is_open: bool) -> Result<(), Problem> {
    if let Some(slow) = fault.slow.as_ref().filter(|_| !takes_time) {
        let help = "add for example `[service]` with `read = \"1ms\"` and `write = \"1ms\"`";
        return Err(Problem::new(&slow.span, "without `[service]` nothing takes a node's time").help(help));
    }
    match fault.load.as_ref().filter(|_| !is_open) {
        Some(load) => {
            Err(Problem::new(&load.span, "clients that `think` wait for their answers: `load` is for a `rate`"))
        }
        None => Ok(()),
    }
}
