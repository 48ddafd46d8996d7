//! From the text of a file to a [`Scenario`]: the file's tables one by one, so that each can tell what is wrong.
//! Next: `place.rs`.

use std::ops::Range;

use serde::de::DeserializeOwned;
use toml::de::{DeString, DeTable, DeValue, ValueDeserializer};

use super::error::{Problem, Problems, nearest};

use super::place::Place;
use super::units::{Keys, Table};
use super::written::{self, Head};
use super::{
    Budget, Design, Expectation, Fingerprint, Scenario, ScenarioError, budget, chaos, clients, design, disk, expect,
    faults, network, place, routing, service,
};
use crate::model::disk::{DiskModel, OwnDisk};
use crate::model::fault::Fault;
use crate::model::workload::Arrivals;
use crate::op::Object;
use crate::sim::Setup;
use crate::time::Duration;

/// A value of the file, with its place.
pub(super) type Value<'i> = toml::Spanned<DeValue<'i>>;

/// Keys and values of a table, in the file's order.
pub(super) type Entries<'i> = Vec<(toml::Spanned<DeString<'i>>, Value<'i>)>;

/// The keys at the top of the file.
pub(super) const TOP: [&str; 18] = [
    "schema",
    "name",
    "lesson",
    "source",
    "assumed",
    "duration",
    "settle",
    "topology",
    "disk",
    "service",
    "transport",
    "workload",
    "fault",
    "chaos",
    "routing",
    "design",
    "expect",
    "budget",
];

const SETTLE: Duration = Duration::secs(30);

/// Reads a whole file.
pub(super) fn read(text: &str, file: &str) -> Result<Scenario, ScenarioError> {
    let mut problems = Problems::default();
    let scenario = match DeTable::parse(text) {
        Ok(root) => scenario(root.into_inner(), &mut problems),
        Err(error) => {
            problems.add(Problem::from_toml(&error, &(text.len()..text.len())));
            None
        }
    };
    match (problems.into_error(text, file), scenario) {
        (Some(error), _) => Err(error),
        (None, Some(scenario)) => Ok(scenario),
        (None, None) => unreachable!("what is not read is told"),
    }
}

/// The tables of a file, taken apart.
#[derive(Default)]
struct Tables<'i> {
    head: DeTable<'i>,
    /// The keys that unknown ones were probably meant to be.
    meant: Vec<&'static str>,
    topology: Option<Value<'i>>,
    disk: Option<Value<'i>>,
    service: Option<Value<'i>>,
    transport: Option<Value<'i>>,
    workload: Option<Value<'i>>,
    fault: Option<Value<'i>>,
    chaos: Option<Value<'i>>,
    routing: Option<Value<'i>>,
    design: Option<Value<'i>>,
    expect: Option<Value<'i>>,
    budget: Option<Value<'i>>,
}

impl<'i> Tables<'i> {
    fn of(root: DeTable<'i>, problems: &mut Problems) -> Tables<'i> {
        let mut tables = Tables::default();
        for (key, value) in root {
            let word: &str = key.get_ref();
            match word {
                "topology" => tables.topology = Some(value),
                "disk" => tables.disk = Some(value),
                "service" => tables.service = Some(value),
                "transport" => tables.transport = Some(value),
                "workload" => tables.workload = Some(value),
                "fault" => tables.fault = Some(value),
                "chaos" => tables.chaos = Some(value),
                "routing" => tables.routing = Some(value),
                "design" => tables.design = Some(value),
                "expect" => tables.expect = Some(value),
                "budget" => tables.budget = Some(value),
                _ if TOP.contains(&word) => {
                    tables.head.insert(key, value);
                }
                _ => {
                    tables.meant.extend(nearest(word, TOP));
                    problems.add(Problem::unknown(&key.span(), format!("unknown key `{word}`"), word, "keys", TOP));
                }
            }
        }
        tables
    }
}

fn scenario(root: DeTable<'_>, problems: &mut Problems) -> Option<Scenario> {
    let fingerprint = Fingerprint::of(&root);
    let tables = Tables::of(root, problems);
    let meant = tables.meant;
    let head = match decode::<Table<Head>>(toml::Spanned::new(0..0, DeValue::Table(tables.head))) {
        Ok(head) => Some(head.value),
        // A key that is missing because its name is misspelt is no second mistake.
        Err(problem) if meant.iter().any(|key| problem.message == missing(key)) => None,
        Err(problem) => problems.keep(Err(problem)),
    };
    if let Some(head) = head.as_ref().filter(|head| head.duration.value.is_zero()) {
        problems.add(Problem::new(&head.duration.span, "clients ask for longer than no time at all"));
    }
    let end = head.as_ref().map(|head| head.duration.value);
    let mut required = |key, value: Option<&Value<'_>>| {
        if value.is_none() && !meant.contains(&key) {
            problems.add(Problem::new(&(0..0), missing(&format!("[{key}]"))));
        }
    };
    required("topology", tables.topology.as_ref());
    required("workload", tables.workload.as_ref());
    required("design", tables.design.as_ref());
    let disk = match tables.disk.map(|value| table::<disk::Disk>(value, problems)) {
        None => Some(OwnDisk::default()),
        Some(table) => table.and_then(|table| problems.keep(disk::read(&table.value))),
    };
    let disk = disk.map(|disk| disk.over(DiskModel::default()));
    let topology = tables.topology.and_then(|value| table(value, problems));
    let workload = tables.workload.and_then(|value| table(value, problems));
    let says_service = tables.service.is_some();
    let service = tables.service.and_then(|value| table(value, problems));
    // Everything that follows names regions.
    let place = place::read(&topology?.value, problems)?;
    let workload = workload.and_then(|table| clients::read(&table, &place, end.unwrap_or(Duration::MAX), problems));
    let chaos = tables.chaos.and_then(|value| table::<written::Chaos>(value, problems));
    let routing = tables.routing.and_then(|value| table(value, problems));
    let routing = routing.and_then(|table| problems.keep(routing::read(&table, &place.topology, end)));
    let service = service.and_then(|table| problems.keep(service::read(&table, &place.topology)));
    let transport = tables.transport.and_then(|value| table(value, problems));
    let transport = transport.and_then(|table| problems.keep(network::read(&table)));
    let objects = workload.as_ref().map(|workload| workload.objects.object());
    let designs = designs(tables.design, (tables.expect, tables.budget), &place, (end, objects), problems);
    let takes_time = says_service || designs.iter().any(|design| design.service.is_some());
    let is_open = workload.as_ref().is_none_or(|workload| !matches!(workload.arrivals, Arrivals::Closed(_)));
    let disks = designs.iter().map(|design| design.disk.unwrap_or_default().over(disk.unwrap_or_default()));
    // A disk that could not be read is no second mistake.
    let syncs = disk.is_none() || disks.into_iter().any(|disk| disk.takes_time());
    let world = chaos::World { regions: place.topology.regions().len(), takes_time, is_open };
    let chaos = chaos.and_then(|table| problems.keep(chaos::read(&table, &world, end.unwrap_or(Duration::MAX))));
    let world = World { takes_time, is_open, syncs };
    let faults = faults_of(tables.fault, &place, end, &world, problems);
    let head = head?;
    Some(Scenario {
        name: head.name,
        lesson: head.lesson,
        source: head.source,
        assumed: head.assumed,
        setup: Setup {
            topology: place.topology,
            workload: workload?,
            faults,
            chaos,
            duration: head.duration.value,
            settle: head.settle.unwrap_or(SETTLE),
            disk: disk?,
            clocks: place.clocks,
            transport: transport.flatten(),
            routing: routing.flatten(),
            stonith: None,
            service,
        },
        designs,
        fingerprint,
    })
}

fn missing(key: &str) -> String {
    format!("`{key}` is missing")
}

fn table<T: DeserializeOwned + Keys>(value: Value<'_>, problems: &mut Problems) -> Option<Table<T>> {
    problems.keep(decode(value))
}

/// What a world must have, or some faults touch nothing.
struct World {
    /// Work takes time.
    takes_time: bool,
    /// Clients do not wait for answers.
    is_open: bool,
    /// Syncs take time.
    syncs: bool,
}

/// The faults, for such a world.
fn faults_of(
    written: Option<Value<'_>>,
    place: &Place,
    end: Option<Duration>,
    world: &World,
    problems: &mut Problems,
) -> Vec<Fault> {
    let Some(written) = written else { return Vec::new() };
    let span = written.span();
    let DeValue::Array(tables) = written.into_inner() else {
        problems.add(Problem::new(&span, "faults are a list: write `[[fault]]`"));
        return Vec::new();
    };
    let read = |table| {
        let table: Table<written::Fault> = decode(table)?;
        service::fits(&table.value, world.takes_time, world.is_open)?;
        disk::fits(&table.value, world.syncs)?;
        faults::read(&table, &place.topology, end)
    };
    tables.into_iter().filter_map(|table| problems.keep(read(table))).flatten().collect()
}

/// The designs with what is expected of them, and how much worse they may become.
fn designs(
    written: Option<Value<'_>>,
    (expect, budget): (Option<Value<'_>>, Option<Value<'_>>),
    place: &Place,
    (end, objects): (Option<Duration>, Option<Object>),
    problems: &mut Problems,
) -> Vec<Design> {
    let Some(written) = written else { return Vec::new() };
    let span = written.span();
    let tables = problems.keep(entries(written, "designs are tables: write `[design.NAME]`"));
    let Some(tables) = tables else { return Vec::new() };
    if tables.is_empty() {
        problems.add(Problem::new(&span, "a scenario has at least one `[design.NAME]`"));
    }
    // Names of designs that cannot be read are known all the same: what is expected of them is no second mistake.
    let names: Vec<String> = tables.iter().map(|(name, _)| name.get_ref().to_string()).collect();
    let mut designs = Vec::new();
    for (key, value) in tables {
        let name: &str = key.get_ref();
        problems.keep(design::check_name(name, &key.span()));
        let span = value.span();
        let design = problems.keep(design::read(name, value, &place.topology, end));
        if let (Some(design), Some(object)) = (&design, objects) {
            problems.keep(design::serves(design, object, &span));
        }
        designs.extend(design);
    }
    if let Some(expect) = expect {
        expectations(expect, &names, &mut designs, place, problems);
    }
    if let Some(budget) = budget {
        budgets(budget, &names, &mut designs, place, problems);
    }
    designs
}

/// Gives each design its budgets: those of every design, and its own.
fn budgets(written: Value<'_>, names: &[String], designs: &mut [Design], place: &Place, problems: &mut Problems) {
    let Some(table) = problems.keep(entries(written, "budgets are a table: write `[budget]`")) else { return };
    let (own, common): (Vec<_>, Vec<_>) =
        table.into_iter().partition(|(key, _)| names.iter().any(|name| name == key.get_ref()));
    let others: Vec<&str> = names.iter().map(String::as_str).collect();
    let mut wrong = Vec::new();
    let mut read = |table: Entries<'_>, others: &[&str]| -> Vec<Budget> {
        let one = |(key, value): (toml::Spanned<DeString<'_>>, Value<'_>)| {
            problems.keep(budget::read(key.get_ref(), &key.span(), &value, &place.topology, others))
        };
        table.into_iter().filter_map(one).collect()
    };
    let common = read(common, &others);
    designs.iter_mut().for_each(|design| design.budgets.common.clone_from(&common));
    for (key, value) in own {
        let name: &str = key.get_ref();
        let what = format!("`{name}` is a design: its budgets are a table, `[budget.{name}]`");
        match entries(value, &what) {
            Ok(table) => {
                let own = read(table, &[]);
                designs.iter_mut().filter(|design| design.name == name).for_each(|d| d.budgets.own.clone_from(&own));
            }
            Err(problem) => wrong.push(problem),
        }
    }
    wrong.into_iter().for_each(|problem| problems.add(problem));
}

/// Gives each design what is expected: of every design first, then of it alone.
fn expectations(written: Value<'_>, names: &[String], designs: &mut [Design], place: &Place, problems: &mut Problems) {
    let Some(table) = problems.keep(entries(written, "expectations are a table: write `[expect]`")) else { return };
    let (own, common): (Vec<_>, Vec<_>) =
        table.into_iter().partition(|(key, _)| names.iter().any(|name| name == key.get_ref()));
    let others: Vec<&str> = names.iter().map(String::as_str).collect();
    let common = expected(common, &others, place, problems);
    designs.iter_mut().for_each(|design| design.expectations.clone_from(&common));
    for (key, value) in own {
        let name: &str = key.get_ref();
        let what = format!("`{name}` is a design: what is expected of it is a table, `[expect.{name}]`");
        let Some(table) = problems.keep(entries(value, &what)) else { continue };
        let expected = expected(table, &[], place, problems);
        designs.iter_mut().filter(|design| design.name == name).for_each(|design| {
            design.expectations.extend(expected.iter().cloned());
        });
    }
}

fn expected(table: Entries<'_>, others: &[&str], place: &Place, problems: &mut Problems) -> Vec<Expectation> {
    let read = |(key, value): (toml::Spanned<DeString<'_>>, Value<'_>)| {
        problems.keep(expect::read(key.get_ref(), &key.span(), value, &place.topology, others))
    };
    table.into_iter().filter_map(read).flatten().collect()
}

/// Reads a value as a type; what is wrong with it has its place in the file.
pub(super) fn decode<T: DeserializeOwned>(value: Value<'_>) -> Result<T, Problem> {
    let span: Range<usize> = value.span();
    T::deserialize(ValueDeserializer::from(value)).map_err(|error| Problem::from_toml(&error, &span))
}

/// The entries of a table, in the file's order; `what` says what was expected in place of something else.
pub(super) fn entries<'i>(value: Value<'i>, what: &str) -> Result<Entries<'i>, Problem> {
    let span = value.span();
    let DeValue::Table(table) = value.into_inner() else { return Err(Problem::new(&span, what)) };
    let mut entries: Entries<'i> = table.into_iter().collect();
    entries.sort_by_key(|(key, _)| key.span().start);
    Ok(entries)
}
