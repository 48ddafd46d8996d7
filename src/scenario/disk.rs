//! Disks and what befalls them: from what is written to a [`DiskModel`](crate::model::disk::DiskModel) and actions.

use std::fmt;

use serde::de::value::{MapAccessDeserializer, SeqAccessDeserializer, StrDeserializer};
use serde::de::{Error, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};

use super::error::Problem;
use super::faults::targets;
use super::units::{At, Factor, Keys, Span, Table};
use super::written::{self, Names};
use crate::model::disk::{OwnDisk, SyncPolicy};
use crate::model::fault::{Action, Slow, SlowDisk};
use crate::model::latency::Delay;
use crate::model::topology::Topology;
use crate::time::Duration;

/// The nodes' disks. In a design: where its own are other than the scenario's.
#[derive(Debug, Default, Deserialize)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub(super) struct Disk {
    /// How long a sync takes. Default: "0s".
    pub sync: Option<At<SyncTime>>,
    /// When there is one. Default: "always".
    pub policy: Option<At<Policy>>,
}

/// How long a sync takes.
#[derive(Clone, Copy, Debug)]
pub(super) enum SyncTime {
    /// So long; two durations are the ends of a uniform distribution.
    Span(Span),
    /// Scattered without a longest time.
    Scattered(Scattered),
}

/// A scattered time: `exponential`, or `median` and `p99` of a lognormal distribution.
#[derive(Clone, Copy, Debug, Deserialize)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub(super) struct Scattered {
    /// The mean of an exponential distribution.
    pub exponential: Option<Duration>,
    /// Half of the syncs take longer.
    pub median: Option<Duration>,
    /// One in a hundred takes longer.
    pub p99: Option<Duration>,
}

/// When a node has its disk sync what it wrote.
#[derive(Clone, Debug, Deserialize)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub(super) enum Policy {
    /// At once, and what is sent after a record waits for its sync.
    Always,
    /// So long after the first write that is not synced, and nobody waits for it.
    Interval(At<Duration>),
    /// Never: a crash loses everything.
    Never,
}

/// Disks whose syncs take longer: one of `factor` and `add`.
#[derive(Debug, Deserialize)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub(super) struct SlowDisks {
    /// Which nodes.
    pub nodes: Names,
    /// How many times as long as before.
    pub factor: Option<At<Factor>>,
    /// How much longer than before.
    pub add: Option<At<Duration>>,
    /// How long it takes to become so much, in a straight line. Default: "0s".
    pub ramp: Option<Duration>,
}

/// Nodes that restart, those of one place after those of another.
#[derive(Debug, Deserialize)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub(super) struct RollingRestart {
    /// Which, in their order.
    pub nodes: Names,
    /// How long each is down.
    pub down: At<Duration>,
    /// How long from the return of one to the stop of the next.
    pub gap: At<Duration>,
}

impl Keys for Disk {
    const EXPECTED: &'static str = "a table such as { sync = \"1ms\" } or { policy = \"never\" }";
}
impl Keys for RollingRestart {
    const EXPECTED: &'static str = "a table such as { nodes = [\"a\", \"b\"], down = \"2s\", gap = \"10s\" }";
}
impl Keys for SlowDisks {
    const EXPECTED: &'static str =
        "a table such as { nodes = [\"a\"], factor = \"x50\" } or { nodes = [\"a\"], add = \"1s\" }";
}

impl<'de> Deserialize<'de> for SyncTime {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<SyncTime, D::Error> {
        struct AnyOfThem;

        impl<'de> Visitor<'de> for AnyOfThem {
            type Value = SyncTime;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(
                    "a duration such as \"1ms\", two of them, or a table such as { median = \"1ms\", p99 = \"9ms\" }",
                )
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<SyncTime, E> {
                Span::deserialize(StrDeserializer::new(text)).map(SyncTime::Span)
            }

            fn visit_seq<A: SeqAccess<'de>>(self, seq: A) -> Result<SyncTime, A::Error> {
                Span::deserialize(SeqAccessDeserializer::new(seq)).map(SyncTime::Span)
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<SyncTime, A::Error> {
                Scattered::deserialize(MapAccessDeserializer::new(map)).map(SyncTime::Scattered)
            }
        }

        deserializer.deserialize_any(AnyOfThem)
    }
}

#[cfg(feature = "cli")]
impl schemars::JsonSchema for SyncTime {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "SyncTime".into()
    }
    fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        let (span, scattered) = (generator.subschema_for::<Span>(), generator.subschema_for::<Scattered>());
        schemars::json_schema!({ "description": "How long a sync takes.", "anyOf": [span, scattered] })
    }
}

/// Reads a `[disk]`, of the scenario or of a design.
pub(super) fn read(written: &Disk) -> Result<OwnDisk, Problem> {
    let policy = match &written.policy {
        None => None,
        Some(At { value: Policy::Always, .. }) => Some(SyncPolicy::Always),
        Some(At { value: Policy::Never, .. }) => Some(SyncPolicy::Never),
        Some(At { value: Policy::Interval(every), .. }) if every.value < Duration::SHORTEST_PERIOD => {
            let message = format!("a disk is synced every {} or less often", Duration::SHORTEST_PERIOD);
            return Err(Problem::new(&every.span, message).help("`policy = \"always\"` syncs at once"));
        }
        Some(At { value: Policy::Interval(every), .. }) => Some(SyncPolicy::Interval(every.value)),
    };
    Ok(OwnDisk { sync: written.sync.as_ref().map(sync).transpose()?, policy })
}

fn sync(At { value, span }: &At<SyncTime>) -> Result<Delay, Problem> {
    match *value {
        SyncTime::Span(Span { low, high }) if low == high => Ok(Delay::constant(low)),
        SyncTime::Span(Span { low, high }) => Ok(Delay::uniform(low, high)),
        SyncTime::Scattered(Scattered { exponential: Some(mean), median: None, p99: None }) => {
            Ok(Delay::exponential(mean))
        }
        SyncTime::Scattered(Scattered { exponential: None, median: Some(median), p99: Some(p99) }) => {
            if median.is_zero() || p99 <= median {
                return Err(Problem::new(span, "`median` is longer than no time, and `p99` longer than `median`"));
            }
            Ok(Delay::lognormal_with(median, p99))
        }
        SyncTime::Scattered(_) => {
            let help = "for example { exponential = \"2ms\" } or { median = \"1ms\", p99 = \"9ms\" }";
            Err(Problem::new(span, "a scattered time is `exponential` alone, or `median` and `p99`").help(help))
        }
    }
}

/// The action of a `rolling_restart`.
pub(super) fn rolling_restart(topology: &Topology, written: &RollingRestart) -> Result<Action, Problem> {
    let RollingRestart { nodes, down, gap } = written;
    let places = targets(topology, nodes)?;
    if down.value.is_zero() {
        return Err(Problem::new(&down.span, "a node that restarts is down for a while"));
    }
    Ok(Action::RollingRestart { places, down: down.value, gap: gap.value })
}

/// The action of a `slow_disk`.
pub(super) fn slow(topology: &Topology, table: &Table<SlowDisks>) -> Result<Action, Problem> {
    let Table { value: SlowDisks { nodes, factor, add, ramp }, span } = table;
    let slow = match (factor, add) {
        (Some(At { value: Factor { parts, whole }, .. }), None) => Slow::Times { parts: *parts, whole: *whole },
        (None, Some(add)) if add.value.is_zero() => return Err(Problem::new(&add.span, "no sync would take longer")),
        (None, Some(add)) => Slow::Add(add.value),
        (Some(_), Some(add)) => return Err(Problem::new(&add.span, "a slow disk has `factor` or `add`, not both")),
        (None, None) => return Err(Problem::new(span, "a slow disk needs `factor` or `add`")),
    };
    let slow = SlowDisk { slow, ramp: ramp.unwrap_or(Duration::ZERO) };
    Ok(Action::SlowDisk { nodes: targets(topology, nodes)?, slow })
}

/// Whether this fault can touch anything where syncs take time, or none does.
pub(super) fn fits(fault: &written::Fault, takes_time: bool) -> Result<(), Problem> {
    match fault.slow_disk.as_ref().and_then(|slow| slow.value.factor.as_ref()).filter(|_| !takes_time) {
        Some(factor) => {
            let help = "give `add`, or for example `[disk]` with `sync = \"1ms\"`";
            Err(Problem::new(&factor.span, "syncs take no time, and no factor makes them slow").help(help))
        }
        None => Ok(()),
    }
}
