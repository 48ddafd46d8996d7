//! How much there is in a scenario: what shrinking makes less of, the most important first. Next: `edits.rs`.

use toml::{Table, Value};

use crate::scenario::Document;
use crate::time::Duration;

use super::places::{clients, faults, flat_spans, regions};

/// How much there is. Of two, the less in the first thing that differs is the smaller; so shrinking comes to an end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Size {
    /// Faults.
    pub faults: usize,
    /// Regions.
    pub regions: usize,
    /// Regions with clients, and clients in all.
    pub clients: (usize, u64),
    /// Whatever else could be left out: what faults are aimed at, tables, keys, kinds of operation.
    pub items: usize,
    /// Operations that the run had.
    pub operations: u64,
    /// Messages that replicas got from each other until it was broken: in tens, and twenty are as good as none, so that times do not get
    /// ragged for a few.
    pub messages: u64,
    /// How many keys, by the number of digits.
    pub keys: u64,
    /// Decimals of seconds, in all times.
    pub decimals: u32,
    /// All times together.
    pub time: Duration,
    /// The seed.
    pub seed: u64,
}

/// Keys of `[workload]` that are there in one form or another.
const ALWAYS: [&str; 10] = [
    "clients_per_region",
    "clients",
    "rate",
    "think",
    "arrivals",
    "operations_per_client",
    "mix",
    "keys",
    "timeout",
    "warm_up",
];

impl Size {
    /// In tens, what counts as none.
    pub const FEW_MESSAGES: u64 = 2;

    /// The size of a scenario whose run with this seed had so many operations and messages.
    pub fn of(document: &Document, seed: u64, operations: u64, messages: u64) -> Size {
        let each = clients(document);
        let spans = flat_spans(document);
        Size {
            faults: faults(document).len(),
            regions: regions(document).len(),
            clients: (each.iter().filter(|(_, count)| *count > 0).count(), each.iter().map(|(_, count)| count).sum()),
            items: items(&document.root),
            operations,
            messages: messages.div_ceil(10).max(Size::FEW_MESSAGES),
            keys: document
                .root
                .get("workload")
                .and_then(|w| w.get("keys"))
                .and_then(Value::as_integer)
                .map_or(1_000, |k| k as u64),
            decimals: spans.iter().map(|span| decimals(*span)).sum(),
            time: spans.iter().fold(Duration::ZERO, |sum, span| sum + *span),
            seed,
        }
    }
}

fn items(root: &Table) -> usize {
    // Messages that scatter are one thing more than messages that do not, which the file has to say.
    let topology = root.get("topology").and_then(Value::as_table);
    let is_calm = topology.is_some_and(|it| it.get("jitter").and_then(Value::as_str) == Some("none"));
    let scatters = topology.is_some_and(|it| it.contains_key("matrix") && !it.contains_key("jitter"));
    let of_faults = root.get("fault").and_then(Value::as_array).into_iter().flatten().map(leaves).sum::<usize>();
    let others = root.iter().filter(|(key, _)| !matches!(key.as_str(), "fault" | "workload" | "design" | "expect"));
    let of_others = others.map(|(_, value)| leaves(value)).sum::<usize>();
    let workload = root.get("workload").and_then(Value::as_table);
    let of_workload = workload.into_iter().flatten().map(|(key, value)| match (key.as_str(), value.as_table()) {
        ("mix", Some(mix)) => mix.values().filter(|share| share.as_integer() != Some(0)).count(),
        (key, _) if ALWAYS.contains(&key) => 0,
        _ => 1,
    });
    of_faults + of_others + usize::from(scatters) + of_workload.sum::<usize>() - usize::from(is_calm)
}

fn leaves(value: &Value) -> usize {
    match value {
        Value::Array(items) => items.iter().map(leaves).sum(),
        Value::Table(table) => table.values().map(leaves).sum(),
        _ => 1,
    }
}

/// How many decimals of a second a span has.
fn decimals(span: Duration) -> u32 {
    let mut nanos = span.as_nanos() % 1_000_000_000;
    let mut digits = if nanos == 0 { 0 } else { 9 };
    while digits > 0 && nanos.is_multiple_of(10) {
        (nanos, digits) = (nanos / 10, digits - 1);
    }
    digits
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_seconds_have_no_decimals() {
        assert_eq!(decimals(Duration::secs(13)), 0);
        assert_eq!(decimals(Duration::millis(200)), 1);
        assert_eq!(decimals(Duration::nanos(1_000_000_007)), 9);
    }
}
