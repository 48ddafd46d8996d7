//! Clocks: from what is written to a [`ClockModel`], and the faults that disturb them.

use std::fmt;
use std::marker::PhantomData;

use serde::de::{SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};

use super::error::{Problem, Problems};
use super::faults::{ROLES, target, targets};
use super::place;
use super::units::{At, Keys, Offset, Table};
use super::written::{self, Names};
use crate::id::{RegionId, Role};
use crate::model::clock::{ClockModel, Whose, WrongClocks};
use crate::model::fault::{Action, Target};
use crate::model::topology::Topology;
use crate::time::Duration;

/// Clocks that are wrong.
#[derive(Debug, Deserialize)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub(super) struct Clock {
    /// The region's nodes, those of one role (`us-east-1/monitor`), or its clients, who share a clock (`us-east-1/client`).
    pub region: At<String>,
    /// How far ahead its clocks are at the start, or behind if negative; of two, each node draws its own between them.
    /// Default: "0s".
    pub offset: Option<At<OneOrTwo<Offset>>>,
    /// Microseconds that they gain in a second, or lose if negative; of two, each node draws its own between them. Default: 0.
    pub drift_ppm: Option<At<OneOrTwo<f64>>>,
}

/// Clocks that are set once.
#[derive(Debug, Deserialize)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub(super) struct ClockStep {
    /// Which nodes.
    pub nodes: Names,
    /// How far forward, or back if negative.
    pub by: At<Offset>,
}

/// Clocks that run fast or slow.
#[derive(Debug, Deserialize)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub(super) struct ClockDrift {
    /// Which nodes.
    pub nodes: Names,
    /// Microseconds more in a second, or less if negative.
    pub ppm: At<f64>,
}

/// Clocks that are wrong and right in turn: wrong first.
#[derive(Debug, Deserialize)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub(super) struct ClockStrobe {
    /// Which nodes.
    pub nodes: Names,
    /// How far forward they are while they are wrong, or back if negative.
    pub by: At<Offset>,
    /// How long each turn is.
    pub every: At<Duration>,
}

/// Clocks that take a leap second.
#[derive(Debug, Deserialize)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub(super) struct ClockLeap {
    /// Which nodes.
    pub nodes: Names,
    /// Over how long they lose the second. Default: at once.
    pub smear: Option<At<Duration>>,
}

/// One value, or the two ends of a uniform distribution.
#[derive(Clone, Copy, Debug)]
pub(super) struct OneOrTwo<T> {
    pub low: T,
    pub high: T,
}

impl Keys for Clock {
    const EXPECTED: &'static str = "a table such as { region = \"a\", offset = \"-500ms\" }";
}
impl Keys for ClockStep {
    const EXPECTED: &'static str = "a table such as { nodes = [\"a\"], by = \"5s\" }";
}
impl Keys for ClockDrift {
    const EXPECTED: &'static str = "a table such as { nodes = [\"a\"], ppm = 500 }";
}
impl Keys for ClockStrobe {
    const EXPECTED: &'static str = "a table such as { nodes = [\"a\"], by = \"200ms\", every = \"50ms\" }";
}
impl Keys for ClockLeap {
    const EXPECTED: &'static str = "a table such as { nodes = [\"a\"], smear = \"20s\" }";
}

impl<'de, T: Deserialize<'de> + Copy> Deserialize<'de> for OneOrTwo<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<OneOrTwo<T>, D::Error> {
        struct Either<T>(PhantomData<T>);

        impl<'de, T: Deserialize<'de> + Copy> Visitor<'de> for Either<T> {
            type Value = OneOrTwo<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a value, or two between which each node draws its own")
            }

            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<OneOrTwo<T>, E> {
                one(T::deserialize(serde::de::value::StrDeserializer::new(text)))
            }

            fn visit_f64<E: serde::de::Error>(self, number: f64) -> Result<OneOrTwo<T>, E> {
                one(T::deserialize(serde::de::value::F64Deserializer::new(number)))
            }

            fn visit_i64<E: serde::de::Error>(self, number: i64) -> Result<OneOrTwo<T>, E> {
                one(T::deserialize(serde::de::value::I64Deserializer::new(number)))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<OneOrTwo<T>, A::Error> {
                let mut ends = Vec::new();
                while let Some(end) = seq.next_element::<T>()? {
                    ends.push(end);
                }
                match ends[..] {
                    [low, high] => Ok(OneOrTwo { low, high }),
                    _ => Err(serde::de::Error::invalid_length(ends.len(), &self)),
                }
            }
        }

        fn one<T: Copy, E>(value: Result<T, E>) -> Result<OneOrTwo<T>, E> {
            value.map(|value| OneOrTwo { low: value, high: value })
        }

        deserializer.deserialize_any(Either(PhantomData))
    }
}

#[cfg(feature = "cli")]
impl<T: schemars::JsonSchema> schemars::JsonSchema for OneOrTwo<T> {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        format!("OneOrTwo_{}", T::schema_name()).into()
    }
    fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        let one = generator.subschema_for::<T>();
        schemars::json_schema!({
            "description": "A value; or two, between which each node draws its own.",
            "anyOf": [one, { "type": "array", "items": one, "minItems": 2, "maxItems": 2 }]
        })
    }
}

/// Reads every `[[topology.clock]]`.
pub(super) fn read(written: &written::Topology, topology: &Topology, problems: &mut Problems) -> ClockModel {
    let uncertainty = written.clock_uncertainty.unwrap_or(Duration::ZERO);
    let mut wrong: Vec<WrongClocks> = Vec::new();
    for Table { value: clock, .. } in &written.clock {
        let Some(clocks) = problems.keep(wrong_clocks(clock, topology)) else { continue };
        if wrong.iter().any(|other| (other.region, other.whose) == (clocks.region, clocks.whose)) {
            let message = format!("the clock of `{}` is set twice", clock.region.value);
            problems.add(Problem::new(&clock.region.span, message));
        }
        wrong.push(clocks);
    }
    // Of two that fit a node the later counts: what is said of a role alone.
    wrong.sort_by_key(|clocks| clocks.whose != Whose::Nodes);
    ClockModel { uncertainty, wrong }
}

fn wrong_clocks(clock: &Clock, topology: &Topology) -> Result<WrongClocks, Problem> {
    let (region, whose) = whose(&clock.region, topology)?;
    let offset_ns = clock.offset.as_ref().map_or(Ok((0, 0)), |At { value: OneOrTwo { low, high }, span }| {
        if low.0 > high.0 {
            return Err(Problem::new(span, "the greater offset comes first"));
        }
        Ok((low.0, high.0))
    })?;
    let drift_ns_per_s =
        clock.drift_ppm.as_ref().map_or(Ok((0, 0)), |At { value: OneOrTwo { low, high }, span }| {
            if low > high {
                return Err(Problem::new(span, "the greater drift comes first"));
            }
            Ok((drift(*low, span)?, drift(*high, span)?))
        })?;
    Ok(WrongClocks { region, whose, offset_ns, drift_ns_per_s })
}

fn whose(written: &At<String>, topology: &Topology) -> Result<(RegionId, Whose), Problem> {
    let At { value: name, span } = written;
    if let Some((region, role)) = name.split_once('/')
        && role.len() > 1 // one letter is a zone
        && !ROLES.iter().any(|known| known.name() == role)
    {
        let region = place::find(topology, region, span)?;
        if role == Whose::CLIENTS {
            return Ok((region, Whose::Clients));
        }
        let names = ROLES.map(Role::name).into_iter().chain([Whose::CLIENTS]);
        return Err(Problem::unknown(span, format!("no role is called `{role}`"), role, "roles", names));
    }
    match target(topology, written)? {
        Target::Region(region) => Ok((region, Whose::Nodes)),
        Target::Role(region, role) => Ok((region, Whose::Role(role))),
        Target::Leader => Err(Problem::new(span, "a clock is a region's: who will lead is not known before")),
        Target::Zone(..) => Err(Problem::new(span, "clocks are those of a region, or of a role in it")),
    }
}

/// Parts in a million are thousands of nanoseconds a second.
fn drift(ppm: f64, span: &std::ops::Range<usize>) -> Result<i64, Problem> {
    if ppm.abs() < 1e6 {
        return Ok(libm::round(ppm * 1e3) as i64);
    }
    Err(Problem::new(span, "a clock drifts by less than a million parts in a million"))
}

/// The action of a `clock_step`.
pub(super) fn step(topology: &Topology, ClockStep { nodes, by }: &ClockStep) -> Result<Action, Problem> {
    Ok(Action::ClockStep { nodes: targets(topology, nodes)?, by_ns: some(by)? })
}

/// The action of a `clock_drift`.
pub(super) fn drifting(topology: &Topology, ClockDrift { nodes, ppm }: &ClockDrift) -> Result<Action, Problem> {
    let ns_per_s = drift(ppm.value, &ppm.span)?;
    if ns_per_s == 0 {
        return Err(Problem::new(&ppm.span, "the clocks would be as right as before"));
    }
    Ok(Action::ClockDrift { nodes: targets(topology, nodes)?, ns_per_s })
}

/// The action of a `clock_strobe`.
pub(super) fn strobe(topology: &Topology, written: &ClockStrobe) -> Result<Action, Problem> {
    let ClockStrobe { nodes, by, every } = written;
    Ok(Action::ClockStrobe { nodes: targets(topology, nodes)?, by_ns: some(by)?, every: turn(every)? })
}

/// The action of a `clock_leap`.
pub(super) fn leap(topology: &Topology, ClockLeap { nodes, smear }: &ClockLeap) -> Result<Action, Problem> {
    if let Some(At { span, .. }) = smear.as_ref().filter(|smear| smear.value <= Duration::secs(1)) {
        let message = "a second is smeared over longer than a second: no clock runs backwards";
        return Err(Problem::new(span, message));
    }
    let smear = smear.as_ref().map(|smear| smear.value);
    Ok(Action::ClockLeap { nodes: targets(topology, nodes)?, smear })
}

fn some(by: &At<Offset>) -> Result<i64, Problem> {
    match by.value {
        Offset(0) => Err(Problem::new(&by.span, "the clocks would be as right as before")),
        Offset(by_ns) => Ok(by_ns),
    }
}

fn turn(every: &At<Duration>) -> Result<Duration, Problem> {
    if every.value < Duration::SHORTEST_PERIOD {
        let message = format!("a turn of a strobe takes {} or longer", Duration::SHORTEST_PERIOD);
        return Err(Problem::new(&every.span, message));
    }
    Ok(every.value)
}
