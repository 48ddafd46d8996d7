//! Designs: a protocol by name, where it runs, and its own options.

use std::ops::Range;

use toml::de::{DeTable, DeValue, ValueDeserializer};

use super::budget::EVERY;
use super::error::Problem;
use super::place;
use super::read::{Entries, Value, decode, entries};
use super::units::{At, Table};
use super::{Budgets, Design};
use super::{disk, network, retry, routing, service, stonith};
use crate::check::level::SINGLE;
use crate::explore::metric::METRICS;
use crate::id::{RegionId, Role};
use crate::model::topology::Topology;
use crate::op::Object;
use crate::protocol::{Guarantee, OptionsError};
use crate::registry::{self, PRESETS, PROTOCOLS, Preset};
use crate::sim::Placement;
use crate::time::Duration;

/// The keys of every design, whatever its protocol.
pub(super) const COMMON: [&str; 9] =
    ["protocol", "replicas", "groups", "disk", "service", "transport", "retry", "routing", "stonith"];

/// A run has at most so many nodes: their ids are 16 bits.
const NODES_MAX: usize = 65_535;

/// Whether a design may be called so; a name stands in tables, on command lines and in file names.
pub(super) fn check_name(name: &str, span: &Range<usize>) -> Result<(), Problem> {
    let fits = |c: char| c.is_alphanumeric() || matches!(c, '-' | '_' | '.' | '+');
    if name.is_empty() || !name.chars().all(fits) {
        let help = "a name is letters, digits, `-`, `_`, `.` and `+`";
        return Err(Problem::new(span, format!("`{}` cannot be a design's name", name.escape_debug())).help(help));
    }
    let word = name.replace('_', "-");
    let is_judged = Guarantee::from_name(&word).is_some() || SINGLE.contains(&&*word);
    if is_judged || name == EVERY || METRICS.iter().any(|metric| metric.name == name) {
        return Err(Problem::new(span, format!("`{name}` is what is measured, and cannot be a design's name")));
    }
    Ok(())
}

/// Reads `[design.NAME]`, without its expectations.
pub(super) fn read(
    name: &str,
    value: Value<'_>,
    topology: &Topology,
    end: Option<Duration>,
) -> Result<Design, Problem> {
    let header = value.span();
    let mut table = entries(value, "a design is a table with a `protocol`")?;
    let protocol = take(&mut table, "protocol").ok_or_else(|| {
        Problem::new(&header, "`protocol` is missing").help(format!("the protocols are {}", quoted(&protocols())))
    })?;
    let protocol: At<String> = decode(protocol)?;
    let preset = registry::preset(&protocol.value);
    let entry = registry::find(preset.map_or(&*protocol.value, |preset| preset.protocol)).map_err(|_| {
        let message = format!("no protocol is called `{}`", protocol.value);
        let names = protocols().into_iter().chain(PRESETS.iter().map(|preset| preset.name));
        Problem::unknown(&protocol.span, message, &protocol.value, "protocols", names)
    })?;
    let replicas = take(&mut table, "replicas").map(decode::<At<Vec<At<String>>>>).transpose()?;
    let groups = take(&mut table, "groups").map(decode::<At<u16>>).transpose()?;
    if let Some(groups) = groups.as_ref().filter(|groups| groups.value == 0) {
        return Err(Problem::new(&groups.span, "a design has at least one group"));
    }
    let placement = Placement {
        regions: regions(replicas.as_ref(), topology)?,
        groups: groups.as_ref().map_or(1, |groups| groups.value),
    };
    let own = take(&mut table, "routing").map(decode::<Table<routing::Written>>).transpose()?;
    let routing = own.map(|own| routing::read(&own, topology, end)).transpose()?;
    let own = take(&mut table, "stonith").map(decode::<Table<stonith::Written>>).transpose()?;
    let stonith = own.map(|own| stonith::read(&own, topology)).transpose()?;
    let disk = take(&mut table, "disk").map(decode::<Table<disk::Disk>>).transpose()?;
    let disk = disk.map(|table| disk::read(&table.value)).transpose()?;
    let service = take(&mut table, "service").map(decode).transpose()?;
    let service = service.map(|table| service::read(&table, topology)).transpose()?;
    let transport = take(&mut table, "transport").map(decode).transpose()?;
    let transport = transport.map(|table| network::read(&table)).transpose()?;
    let retry = take(&mut table, "retry").map(decode).transpose()?;
    let retry = retry.map(|table| retry::read(&table, None)).transpose()?;
    let mut options: DeTable<'_> = preset.map(Preset::table).unwrap_or_default();
    registry::lay(table.iter().cloned().collect(), &mut options);
    let options = toml::Spanned::new(header.clone(), DeValue::Table(options));
    let configured = entry.read(ValueDeserializer::from(options)).map_err(|error| with_common(&error, &header))?;
    let names: Vec<&str> = placement.regions.iter().map(|region| &*topology.regions()[region.index()]).collect();
    let seats = configured.seats(&names).map_err(|error| misfit(error, &table, &header))?;
    if !seats.iter().any(|seat| seat.role == Role::Replica) {
        return Err(Problem::new(&header, "the design has no replica"));
    }
    if seats.len() * usize::from(placement.groups) > NODES_MAX {
        let span = groups.as_ref().map_or(&header, |groups| &groups.span);
        let message = format!("{} groups of {} nodes are more than {NODES_MAX} nodes", placement.groups, seats.len());
        return Err(Problem::new(span, message));
    }
    Ok(Design {
        name: name.to_string(),
        protocol: entry.about.name,
        configured,
        placement,
        routing,
        stonith,
        disk,
        service,
        transport,
        retry,
        expectations: Vec::new(),
        budgets: Budgets::default(),
    })
}

/// Whether a design has what clients ask of it.
pub(super) fn serves(design: &Design, object: Object, header: &Range<usize>) -> Result<(), Problem> {
    let has = design.configured.objects();
    if has.contains(&object) {
        return Ok(());
    }
    let has: Vec<&str> = has.iter().map(|object| object.name()).collect();
    let (name, asked) = (&design.name, object.name());
    let message = format!("the workload is of {asked}, and `{name}` has {} only", has.join(" and "));
    Err(Problem::new(header, message)
        .help("`mix` in [workload] says what clients ask; a design of `crdt` has what its `type` is"))
}

fn protocols() -> Vec<&'static str> {
    PROTOCOLS.iter().map(|entry| entry.about.name).collect()
}

fn quoted(words: &[&str]) -> String {
    words.iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(", ")
}

/// Takes a key out of a table.
fn take<'i>(table: &mut Entries<'i>, key: &str) -> Option<Value<'i>> {
    let place = table.iter().position(|(name, _)| name.get_ref() == key)?;
    Some(table.remove(place).1)
}

/// The protocol's reader knows its own options alone; the common keys may stand here, too.
fn with_common(error: &toml::de::Error, header: &Range<usize>) -> Problem {
    let problem = Problem::from_toml(error, header);
    let unknown = error.message().strip_prefix("unknown field `").and_then(|rest| rest.split_once("`, "));
    let Some((word, expected)) = unknown else { return problem };
    let own = expected.split('`').skip(1).step_by(2);
    Problem::unknown(&problem.span, problem.message, word, "keys", own.chain(COMMON))
}

/// The design's regions, in its order: each once for every zone at most.
fn regions(replicas: Option<&At<Vec<At<String>>>>, topology: &Topology) -> Result<Vec<RegionId>, Problem> {
    let Some(At { value: names, span }) = replicas else { return Ok(Placement::everywhere(topology).regions) };
    if names.is_empty() {
        return Err(Problem::new(span, "a design has at least one region"));
    }
    let mut regions = Vec::new();
    for name in names {
        let region = place::find(topology, &name.value, &name.span)?;
        let (times, zones) = (regions.iter().filter(|other| **other == region).count(), topology.zones());
        if times == usize::from(zones) {
            let message = match zones {
                1 => format!("`{}` is named twice", name.value),
                zones => format!("`{}` is named more often than it has zones, which is {zones}", name.value),
            };
            return Err(Problem::new(&name.span, message));
        }
        regions.push(region);
    }
    Ok(regions)
}

/// An option that does not fit the others or the regions, at its place.
fn misfit(error: OptionsError, options: &Entries<'_>, header: &Range<usize>) -> Problem {
    let OptionsError { option, why } = error;
    let (why, help) = match why.split_once("; did you mean") {
        Some((why, rest)) => (why, Some(format!("did you mean{rest}"))),
        None => (why.as_str(), None),
    };
    let span = place_of(option, options).unwrap_or_else(|| header.clone());
    Problem { span, message: format!("`{option}`: {why}"), help }
}

/// Where the value of an option stands, or of the nearest table around it: `failover.detect` may be left to its
/// default.
fn place_of(option: &str, options: &Entries<'_>) -> Option<Range<usize>> {
    let mut path = option.split('.');
    let first = path.next()?;
    let mut found = &options.iter().find(|(key, _)| key.get_ref() == first)?.1;
    for key in path {
        match found.get_ref().as_table().and_then(|table| table.get(key)) {
            Some(value) => found = value,
            None => break,
        }
    }
    Some(found.span())
}
