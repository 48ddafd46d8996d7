//! Clients: from what is written to a [`Workload`].

use super::error::{Problem, Problems};
use super::place::{self, Place};
use super::retry;
use super::units::{At, Percent, Rate, Table};
use super::written::{self, Popularity};
use crate::id::RegionId;
use crate::model::retry::Retry;
use crate::model::topology::Topology;
use crate::model::workload::{Arrivals, KeyChooser, Mix, Objects, Workload};
use crate::op::{COLUMNS_MAX, ITEMS_MAX};
use crate::time::Duration;

/// A run keeps state for every client.
const CLIENTS_MAX: u32 = 1_000_000;
/// A run keeps a table of all keys.
const KEYS_MAX: u32 = 10_000_000;

const CLIENTS: u32 = 8;
const KEYS: u32 = 1_000;
const ITEMS: u8 = 16;
const COLUMNS: u8 = 2;
const MIX: Mix = Mix { read: 8, write: 2, compare_and_set: 0 };
const TIMEOUT: Duration = Duration::secs(2);
const BACKOFF: Duration = Duration::millis(100);
const WARM_UP: Duration = Duration::secs(5);

/// Reads `[workload]`, for a run in which clients ask until `end`.
pub(super) fn read(
    table: &Table<written::Workload>,
    place: &Place,
    end: Duration,
    problems: &mut Problems,
) -> Option<Workload> {
    let Table { value: written, span: header } = table;
    let clients = problems.keep(clients(written, &place.topology));
    let arrivals = problems.keep(arrivals(written, header));
    let keys = problems.keep(keys(written, place.topology.regions().len()));
    let mix = problems.keep(mix(written, header));
    let timeout = problems.keep(positive("timeout", written.timeout.as_ref(), TIMEOUT));
    let backoff = problems.keep(positive("backoff", written.backoff.as_ref(), BACKOFF));
    let retry_after = problems.keep(retry_after(written, timeout));
    let policy = problems.keep(policy(written, timeout));
    let warm_up = problems.keep(warm_up(written.warm_up.as_ref(), end));
    let operations_per_client = problems.keep(operations(written));
    if let (Some(Arrivals::Closed(Duration::ZERO)), Some(think)) = (arrivals, &written.think) {
        let regions = (0..place.topology.regions().len()).map(|nth| RegionId(nth as u16));
        if regions.into_iter().any(|region| place.topology.delay(region, region).floor().is_zero()) {
            let why = "with no time to think and none on the way, a client would ask without end at one instant";
            problems.add(Problem::new(&think.span, why));
        }
    }
    Some(Workload {
        clients: clients?,
        arrivals: arrivals?,
        keys: keys?,
        mix: mix?.0,
        objects: mix?.1,
        timeout: timeout?,
        retry_after: retry_after?,
        backoff: backoff?,
        warm_up: warm_up?,
        operations_per_client: operations_per_client?,
        retry: policy?,
        idempotency: written.idempotency.unwrap_or(true),
    })
}

fn clients(written: &written::Workload, topology: &Topology) -> Result<Vec<u32>, Problem> {
    let count = topology.regions().len();
    let (clients, span) = match (&written.clients_per_region, &written.clients) {
        (None, None) => return Ok(vec![CLIENTS; count]),
        (Some(each), None) => (vec![each.value; count], &each.span),
        (None, Some(table)) => {
            let mut clients = vec![0; count];
            for (name, number) in &table.value {
                clients[place::find(topology, name.get_ref(), &name.span())?.index()] = *number;
            }
            (clients, &table.span)
        }
        (Some(_), Some(table)) => {
            return Err(Problem::new(&table.span, "a workload has `clients_per_region` or `clients`, not both"));
        }
    };
    match clients.iter().max() {
        None | Some(0) => Err(Problem::new(span, "no region has a client")),
        Some(most) if *most > CLIENTS_MAX => {
            Err(Problem::new(span, format!("a region has at most {CLIENTS_MAX} clients")))
        }
        Some(_) => Ok(clients),
    }
}

fn arrivals(written: &written::Workload, header: &std::ops::Range<usize>) -> Result<Arrivals, Problem> {
    match (&written.rate, &written.think) {
        (Some(At { value: Rate(gap), .. }), None) => Ok(match written.arrivals.as_ref().map(|at| at.value) {
            None | Some(written::Arrivals::Poisson) => Arrivals::Poisson(*gap),
            Some(written::Arrivals::Paced) => Arrivals::Paced(*gap),
        }),
        (None, Some(think)) => match &written.arrivals {
            None => Ok(Arrivals::Closed(think.value)),
            Some(at) => {
                Err(Problem::new(&at.span, "`arrivals` says how the operations of a `rate` come, and there is none"))
            }
        },
        (Some(_), Some(think)) => Err(Problem::new(&think.span, "a workload has `rate` or `think`, not both")
            .help("`rate = \"50/s\"` asks whatever the answers do; `think = \"10ms\"` waits for each answer")),
        (None, None) => Err(Problem::new(header, "a workload needs `rate` or `think`")
            .help("`rate = \"50/s\"` asks whatever the answers do; `think = \"10ms\"` waits for each answer")),
    }
}

fn keys(written: &written::Workload, regions: usize) -> Result<KeyChooser, Problem> {
    let chooser = popular_keys(written)?;
    let Some(At { value: Percent { parts, whole }, span }) = &written.affinity else { return Ok(chooser) };
    match u32::try_from(regions) {
        Ok(regions) if regions <= chooser.keys() => Ok(chooser.with_affinity(*parts, *whole, regions)),
        _ => {
            let keys = chooser.keys();
            Err(Problem::new(span, format!("{keys} keys are too few for each of {regions} regions to have its own")))
        }
    }
}

fn popular_keys(written: &written::Workload) -> Result<KeyChooser, Problem> {
    let keys = match &written.keys {
        None => KEYS,
        Some(keys) if (1..=KEYS_MAX).contains(&keys.value) => keys.value,
        Some(keys) => return Err(Problem::new(&keys.span, format!("a workload has 1 to {KEYS_MAX} keys"))),
    };
    match &written.popularity {
        None | Some(Popularity::Uniform) => Ok(KeyChooser::uniform(keys)),
        Some(Popularity::Zipf(exponent)) if exponent.value >= 0.0 && exponent.value.is_finite() => {
            Ok(KeyChooser::zipf(keys, exponent.value))
        }
        Some(Popularity::Zipf(exponent)) => Err(Problem::new(&exponent.span, "a Zipf exponent is at least zero")),
    }
}

/// The operations, and what they are on. All keys are alike, so what is asked must be of one kind of object.
fn mix(written: &written::Workload, header: &std::ops::Range<usize>) -> Result<(Mix, Objects), Problem> {
    let default = written::Mix { read: MIX.read, write: MIX.write, ..written::Mix::default() };
    let (of, span) = written.mix.as_ref().map_or((default, header), |table| (table.value, &table.span));
    let groups = [
        (written::Objects::Registers, &[("write", of.write), ("compare_and_set", of.compare_and_set)][..]),
        (written::Objects::Registers, &[("read_modify_write", of.read_modify_write)]),
        (written::Objects::Counters, &[("add", of.add), ("subtract", of.subtract)]),
        (written::Objects::Sets, &[("insert", of.insert), ("remove", of.remove)]),
        (written::Objects::Rows, &[("put", of.put), ("put_column", of.put_column)]),
        (written::Objects::Sequences, &[("next", of.next)]),
    ];
    let asked = groups.iter().flat_map(|(of, kinds)| kinds.iter().map(move |(kind, parts)| (*of, *kind, *parts)));
    let asked: Vec<_> = asked.filter(|(_, _, parts)| *parts > 0).collect();
    if asked.is_empty() && of.read == 0 {
        return Err(Problem::new(span, "the mix has no operation"));
    }
    let said = written.objects.as_ref().map(|at| at.value);
    let objects = said.or_else(|| Some(asked.first()?.0)).unwrap_or(written::Objects::Registers);
    let fits = |of: written::Objects| match of {
        written::Objects::Sets => matches!(objects, written::Objects::Sets | written::Objects::Lists),
        of => of == objects,
    };
    if let Some((_, kind, _)) = asked.iter().find(|(of, ..)| !fits(*of)) {
        let objects = objects_of(objects, &of, (ITEMS, COLUMNS)).object().name();
        let message = format!("`{kind}` is not asked of {objects}, and all keys are alike");
        let help = "registers have `write`, `compare_and_set` and `read_modify_write`, counters `add` and `subtract`, sets and \
                    lists `insert` and `remove`, rows `put` and `put_column`, sequences `next`, and all have `read`";
        return Err(Problem::new(span, message).help(help));
    }
    let items = match &written.items {
        None => ITEMS,
        Some(at) if objects != written::Objects::Sets => {
            return Err(Problem::new(&at.span, "`items` are what sets are of, and there are none"));
        }
        Some(At { value: items, .. }) if (1..=ITEMS_MAX).contains(items) => *items,
        Some(at) => return Err(Problem::new(&at.span, format!("a set has 1 to {ITEMS_MAX} items"))),
    };
    let columns = match &written.columns {
        None => COLUMNS,
        Some(at) if objects != written::Objects::Rows => {
            return Err(Problem::new(&at.span, "`columns` are what rows are of, and there are none"));
        }
        Some(At { value: columns, .. }) if (1..=COLUMNS_MAX).contains(columns) => *columns,
        Some(at) => return Err(Problem::new(&at.span, format!("a row has 1 to {COLUMNS_MAX} columns"))),
    };
    let mix = Mix { read: of.read, write: of.write, compare_and_set: of.compare_and_set };
    Ok((mix, objects_of(objects, &of, (items, columns))))
}

fn objects_of(objects: written::Objects, of: &written::Mix, (items, columns): (u8, u8)) -> Objects {
    let written::Mix { read_modify_write, add, subtract, insert, remove, put, put_column, next, .. } = *of;
    match objects {
        written::Objects::Registers => Objects::Registers { read_modify_write },
        written::Objects::Counters => Objects::Counters { add, subtract },
        written::Objects::Sets => Objects::Sets { insert, remove, items },
        written::Objects::Lists => Objects::Lists { insert, remove },
        written::Objects::Rows => Objects::Rows { columns, put, put_column },
        written::Objects::Sequences => Objects::Sequences { next },
    }
}

fn positive(key: &str, written: Option<&At<Duration>>, default: Duration) -> Result<Duration, Problem> {
    match written {
        None => Ok(default),
        Some(at) if at.value.is_zero() => Err(Problem::new(&at.span, format!("`{key}` is longer than no time at all"))),
        Some(at) => Ok(at.value),
    }
}

fn retry_after(written: &written::Workload, timeout: Option<Duration>) -> Result<Option<Duration>, Problem> {
    let Some(at) = &written.retry_after else { return Ok(None) };
    let span = positive("retry_after", Some(at), Duration::ZERO)?;
    if timeout.is_some_and(|timeout| span >= timeout) {
        return Err(Problem::new(&at.span, "`retry_after` is shorter than `timeout`, or no retry is ever made"));
    }
    Ok(Some(span))
}

fn policy(written: &written::Workload, timeout: Option<Duration>) -> Result<Option<Retry>, Problem> {
    let Some(table) = &written.retry else { return Ok(None) };
    for (key, at) in [("retry_after", &written.retry_after), ("backoff", &written.backoff)] {
        if let Some(at) = at {
            let help = "`retry` has `attempt_timeout` and `backoff` of its own";
            return Err(Problem::new(&at.span, format!("a workload has `{key}` or `retry`, not both")).help(help));
        }
    }
    retry::read(table, timeout).map(Some)
}

fn warm_up(written: Option<&At<Duration>>, end: Duration) -> Result<Duration, Problem> {
    let warm_up = written.map_or(WARM_UP, |at| at.value);
    match written {
        Some(at) if warm_up >= end => {
            Err(Problem::new(&at.span, "nothing would be asked: `warm_up` is not before the end"))
        }
        _ => Ok(warm_up),
    }
}

fn operations(written: &written::Workload) -> Result<Option<u32>, Problem> {
    match &written.operations_per_client {
        None => Ok(None),
        Some(at) if at.value == 0 => Err(Problem::new(&at.span, "each client makes at least one operation")),
        Some(at) if written.think.is_none() => {
            Err(Problem::new(&at.span, "`operations_per_client` is for a closed loop: give `think` in place of `rate`"))
        }
        Some(at) => Ok(Some(at.value)),
    }
}
