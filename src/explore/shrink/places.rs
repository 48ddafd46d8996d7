//! Where the parts of a scenario's document are. Next: `edits.rs`.

use toml::{Table, Value};

use crate::scenario::Document;
use crate::time::Duration;

/// How many clients a region has where the file does not say.
const CLIENTS: u64 = 8;

/// The names of the regions.
pub fn regions(document: &Document) -> Vec<String> {
    let names = document.root.get("topology").and_then(|topology| topology.get("regions")).and_then(Value::as_array);
    names.into_iter().flatten().filter_map(Value::as_str).map(str::to_string).collect()
}

/// The tables of the faults.
pub fn faults(document: &Document) -> &[Value] {
    document.root.get("fault").and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

/// The tables of the faults, to be changed.
pub fn faults_mut(document: &mut Document) -> Option<&mut Vec<Value>> {
    document.root.get_mut("fault").and_then(Value::as_array_mut)
}

/// How many clients each region has.
pub fn clients(document: &Document) -> Vec<(String, u64)> {
    let workload = document.root.get("workload").and_then(Value::as_table);
    let own = workload.and_then(|workload| workload.get("clients")).and_then(Value::as_table);
    let each = workload.and_then(|workload| workload.get("clients_per_region")).and_then(Value::as_integer);
    let of = |region: &String| match own {
        Some(own) => own.get(region).and_then(Value::as_integer).unwrap_or(0) as u64,
        None => each.map_or(CLIENTS, |each| each as u64),
    };
    let counted = |region: String| {
        let count = of(&region);
        (region, count)
    };
    regions(document).into_iter().map(counted).collect()
}

/// Where a span of time stands: keys, and places in lists.
pub type Path = Vec<Step>;

/// A step on the way to a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// The value of a key.
    Key(String),
    /// The value at a place.
    Place(usize),
}

/// Every span of time that is the world's and not a design's, and where it is: of faults, clients, clocks and disks, and how
/// long it all takes.
pub fn spans(document: &Document) -> Vec<(Path, Duration)> {
    let mut found = Vec::new();
    for (key, value) in &document.root {
        if matches!(
            key.as_str(),
            "duration" | "settle" | "fault" | "workload" | "disk" | "service" | "transport" | "routing"
        ) {
            walk(value, &mut vec![Step::Key(key.clone())], &mut found);
        }
    }
    found
}

fn walk(value: &Value, path: &mut Path, found: &mut Vec<(Path, Duration)>) {
    let mut into = |step: Step, value: &Value, path: &mut Path| {
        path.push(step);
        walk(value, path, found);
        path.pop();
    };
    match value {
        Value::Table(table) => table.iter().for_each(|(key, value)| into(Step::Key(key.clone()), value, path)),
        Value::Array(items) => {
            items.iter().enumerate().for_each(|(place, value)| into(Step::Place(place), value, path));
        }
        Value::String(text) => {
            if let Ok(span) = text.parse() {
                found.push((path.clone(), span));
            }
        }
        _ => {}
    }
}

/// The spans alone.
pub fn flat_spans(document: &Document) -> Vec<Duration> {
    spans(document).into_iter().map(|(_, span)| span).collect()
}

/// The span of this path; `None` where there is none.
pub fn span_at(document: &Document, path: &[&str]) -> Option<Duration> {
    let mut value = document.root.get(path[0])?;
    for key in &path[1..] {
        value = value.get(*key)?;
    }
    value.as_str()?.parse().ok()
}

/// Sets what is at the end of a path.
pub fn set(document: &mut Document, path: &Path, to: Value) -> Option<()> {
    let (last, before) = path.split_last()?;
    let mut table: Option<&mut Table> = Some(&mut document.root);
    let mut value: Option<&mut Value> = None;
    for step in before {
        let next = match (step, table.take(), value.take()) {
            (Step::Key(key), Some(table), _) => table.get_mut(key)?,
            (Step::Key(key), None, Some(value)) => value.get_mut(key.as_str())?,
            (Step::Place(place), _, Some(value)) => value.get_mut(*place)?,
            _ => return None,
        };
        value = Some(next);
    }
    match (last, table, value) {
        (Step::Key(key), Some(table), _) => drop(table.insert(key.clone(), to)),
        (Step::Key(key), None, Some(value)) => drop(value.as_table_mut()?.insert(key.clone(), to)),
        (Step::Place(place), _, Some(value)) => *value.get_mut(*place)? = to,
        _ => return None,
    }
    Some(())
}
