//! What can be tried to make a scenario smaller: things to leave out, and things to say more simply.
//!
//! An edit is a whole new document. Whether it is a scenario at all, and breaks the same thing, is for the shrinker to
//! find out. Next: `size.rs`.

use std::collections::BTreeMap;

use toml::{Table, Value};

use crate::scenario::{Document, exact};
use crate::time::{Duration, Time};

use super::places::{Step, clients, faults, faults_mut, regions, set, span_at, spans};

/// A document with one thing left out, and what that was.
pub type Edit = (String, Document);

/// Keys of a fault that are no thing of their own.
const OF_A_FAULT: [&str; 3] = ["at", "for", "every"];

/// Keys that say that a table is aimed at something, or is about it: without that it says nothing.
const AIMED: [&str; 13] =
    ["at", "from", "ratio", "up", "factor", "slow", "add", "by", "down", "ppm", "smear", "offset", "drift_ppm"];

/// Everything that can be left out, one at a time. Of a document that shrinking has come to an end with, none of these
/// breaks the property any more.
pub fn removals(document: &Document) -> Vec<Edit> {
    let mut edits = Vec::new();
    for place in 0..faults(document).len() {
        edits.push((format!("fault {place}"), without_faults(document, &[place])));
    }
    for region in regions(document) {
        edits.push((format!("region {region}"), without_region(document, &region)));
    }
    edits.extend(fewer_clients(document));
    edits.extend(parts_of_faults(document));
    edits.extend(optional(document));
    edits
}

/// The document without the faults in these places.
pub fn without_faults(document: &Document, places: &[usize]) -> Document {
    let mut less = document.clone();
    if let Some(faults) = faults_mut(&mut less) {
        let mut place = 0;
        faults.retain(|_| {
            place += 1;
            !places.contains(&(place - 1))
        });
        if faults.is_empty() {
            less.root.remove("fault");
        }
    }
    less
}

/// How many messages get through in spite of the fault in this place; `None` where no list says which.
pub fn passages(document: &Document, fault: usize) -> Option<usize> {
    faults(document).get(fault)?.get("loss_but")?.as_array().map(Vec::len)
}

/// The document without some of the messages that get through in spite of the fault in this place.
pub fn without_passages(document: &Document, fault: usize, gone: std::ops::Range<usize>) -> Document {
    let mut less = document.clone();
    let faults = faults_mut(&mut less).and_then(|faults| faults.get_mut(fault));
    let list = faults.and_then(|fault| fault.get_mut("loss_but")).and_then(Value::as_array_mut);
    list.into_iter().for_each(|list| drop(list.drain(gone.clone())));
    less
}

/// The document without a region: nothing names it any more, and what was only about it is gone.
pub fn without_region(document: &Document, region: &str) -> Document {
    let mut less = document.clone();
    let is_it = |name: &str| name == region || name.strip_prefix(region).is_some_and(|rest| rest.starts_with('/'));
    less.root.retain(|key, value| forget(key, value, &is_it));
    less
}

/// Takes a name out of the value of a key; whether anything is left of it.
fn forget(key: &str, value: &mut Value, is_it: &impl Fn(&str) -> bool) -> bool {
    match value {
        Value::String(text) => !is_it(text),
        // A link with one end is none, nor is such a message.
        Value::Array(items) if matches!(key, "cut" | "cut_one_way" | "links" | "loss_but") => {
            let has = |link: &Value| link.as_array().into_iter().flatten().filter_map(Value::as_str).any(is_it);
            items.retain(|link| !has(link));
            !items.is_empty()
        }
        Value::Array(items) => {
            let before = items.len();
            items.retain_mut(|item| forget("", item, is_it));
            before == 0 || !items.is_empty()
        }
        Value::Table(table) => {
            // What loses an end, or what it is aimed at, is gone; a design only says less.
            let is_aimed = AIMED.iter().any(|key| table.contains_key(*key));
            let before = table.len();
            table.retain(|key, value| !is_it(key) && forget(key, value, is_it));
            let lost = before - table.len();
            lost == 0 || !(is_aimed || table.is_empty())
        }
        _ => true,
    }
}

/// A region's clients gone, or one of several.
fn fewer_clients(document: &Document) -> Vec<Edit> {
    let each: BTreeMap<String, u64> = clients(document).into_iter().filter(|(_, count)| *count > 0).collect();
    let mut edits = Vec::new();
    for (region, count) in &each {
        let mut less = each.clone();
        less.remove(region);
        edits.push((format!("the clients of {region}"), with_clients(document, &less)));
        if *count > 1 {
            less.insert(region.clone(), count - 1);
            edits.push((format!("a client of {region}"), with_clients(document, &less)));
        }
    }
    edits
}

/// The document with these clients.
pub fn with_clients(document: &Document, each: &BTreeMap<String, u64>) -> Document {
    let mut other = document.clone();
    let workload = other.table("workload");
    workload.remove("clients_per_region");
    let table: Table = each.iter().map(|(region, count)| (region.clone(), Value::Integer(*count as i64))).collect();
    workload.insert("clients".into(), Value::Table(table));
    other
}

/// What faults are aimed at, and what they could do without.
fn parts_of_faults(document: &Document) -> Vec<Edit> {
    let mut edits = Vec::new();
    for (nth, fault) in faults(document).iter().filter_map(Value::as_table).enumerate() {
        for (key, value) in fault.iter().filter(|(key, _)| !OF_A_FAULT.contains(&key.as_str())) {
            let whole = vec![Step::Key("fault".into()), Step::Place(nth), Step::Key(key.clone())];
            let mut without = |what: String, path: Vec<Step>, to: Value| {
                let mut less = document.clone();
                if set(&mut less, &path, to).is_some() {
                    edits.push((format!("{what} of fault {nth}"), less));
                }
            };
            for (place, items) in shorter_lists(value) {
                without(format!("{key}, part {place}"), whole.clone(), items);
            }
            for (inner, value) in value.as_table().into_iter().flatten() {
                let path = [whole.clone(), vec![Step::Key(inner.clone())]].concat();
                for (place, items) in shorter_lists(value) {
                    without(format!("{inner}, part {place}"), path.clone(), items);
                }
            }
        }
        for key in ["may_touch_nothing", "every"].into_iter().filter(|key| fault.contains_key(*key)) {
            let mut less = document.clone();
            let table = faults_mut(&mut less).and_then(|faults| faults[nth].as_table_mut());
            table.into_iter().for_each(|table| drop(table.remove(key)));
            edits.push((format!("{key} of fault {nth}"), less));
        }
        let jitter = fault.get("flap").and_then(Value::as_table).filter(|flap| flap.contains_key("jitter"));
        if let Some(flap) = jitter {
            let mut steady = flap.clone();
            steady.remove("jitter");
            let mut less = document.clone();
            set(&mut less, &vec![Step::Key("fault".into()), Step::Place(nth), Step::Key("flap".into())], steady.into());
            edits.push((format!("jitter of fault {nth}"), less));
        }
    }
    edits
}

/// Every list that is one shorter somewhere, to the depth of a list of lists.
fn shorter_lists(value: &Value) -> Vec<(usize, Value)> {
    let Some(items) = value.as_array() else { return Vec::new() };
    let mut shorter = Vec::new();
    for place in 0..items.len() {
        if items.len() > 1 && !is_link_or_message(items) {
            let mut less = items.clone();
            less.remove(place);
            shorter.push((place, Value::Array(less)));
        }
        for (_, inner) in shorter_lists(&items[place]) {
            let mut less = items.clone();
            less[place] = inner;
            shorter.push((place, Value::Array(less)));
        }
    }
    shorter
}

/// Whether these are the two ends of a link, or a message with when it was sent: less of that is nothing.
fn is_link_or_message(items: &[Value]) -> bool {
    let is_span = |item: &Value| item.as_str().is_some_and(|text| text.parse::<Duration>().is_ok());
    items.iter().all(Value::is_str) && (items.len() == 2 || is_span(&items[0]))
}

/// Tables and keys of the world that a scenario need not have, and kinds of operation.
fn optional(document: &Document) -> Vec<Edit> {
    let mut edits = Vec::new();
    for key in ["disk", "service", "transport", "routing", "schema", "lesson", "source", "assumed"] {
        if document.root.contains_key(key) {
            let mut less = document.clone();
            less.root.remove(key);
            edits.push((key.to_string(), less));
        }
    }
    for (table, always) in [
        ("topology", &["regions", "matrix", "link"][..]),
        ("disk", &[]),
        ("service", &[]),
        ("transport", &["kind"]),
        ("routing", &[]),
        (
            "workload",
            &[
                "rate",
                "think",
                "clients",
                "clients_per_region",
                "mix",
                "keys",
                "operations_per_client",
                "timeout",
                "warm_up",
            ],
        ),
    ] {
        let Some(entries) = document.root.get(table).and_then(Value::as_table) else { continue };
        for (key, value) in entries.iter().filter(|(key, _)| !always.contains(&key.as_str())) {
            if (table, key.as_str(), value.as_str()) == ("topology", "jitter", Some("none")) {
                continue; // it is the simpler
            }
            let mut less = document.clone();
            less.table(table).remove(key);
            edits.push((format!("{table}.{key}"), less));
        }
    }
    let mix = document.root.get("workload").and_then(|workload| workload.get("mix")).and_then(Value::as_table);
    let asked: Vec<(&String, i64)> =
        mix.into_iter().flatten().filter_map(|(kind, share)| Some((kind, share.as_integer()?))).collect();
    for (kind, _) in asked.iter().filter(|(_, share)| *share > 0) {
        let mut less = document.clone();
        let others = asked.iter().filter(|(other, share)| other != kind && *share > 0);
        let mix: Table = others.map(|(other, _)| ((*other).clone(), Value::Integer(1))).collect();
        less.table("workload").insert("mix".into(), mix.into());
        edits.push((format!("every {kind}"), less));
    }
    edits
}

/// What is simpler without anything being left out: another kind of fault, no jitter, every kind of operation as often.
pub fn simpler(document: &Document) -> Vec<Edit> {
    let mut edits = Vec::new();
    let jitter = document.root.get("topology").and_then(|topology| topology.get("jitter"));
    let has_matrix = document.root.get("topology").is_some_and(|topology| topology.get("matrix").is_some());
    if has_matrix && jitter.and_then(Value::as_str) != Some("none") {
        let mut other = document.clone();
        other.table("topology").insert("jitter".into(), "none".into());
        edits.push(("jitter".to_string(), other));
    }
    for (nth, fault) in faults(document).iter().filter_map(Value::as_table).enumerate() {
        let kind = fault.keys().find(|key| !OF_A_FAULT.contains(&key.as_str()) && *key != "may_touch_nothing");
        let Some(kind) = kind.filter(|kind| RANK.contains(&kind.as_str()) || kind.as_str() == "partition") else {
            continue;
        };
        for (word, value) in simpler_faults(document, kind) {
            let mut other = document.clone();
            let table = faults_mut(&mut other).and_then(|faults| faults[nth].as_table_mut());
            table.into_iter().for_each(|table| {
                table.remove(kind);
                table.insert(word.into(), value.clone());
            });
            edits.push((format!("{kind} as {word}"), other));
        }
    }
    edits
}

/// Kinds of fault that a cut or the loss of a region may stand for.
const RANK: [&str; 8] = ["bridge", "ring", "majority_minority", "flap", "loss", "corrupt", "cut_one_way", "delay"];

fn simpler_faults(document: &Document, kind: &str) -> Vec<(&'static str, Value)> {
    let regions = regions(document);
    let list = |names: &[&String]| Value::Array(names.iter().map(|name| Value::from(name.as_str())).collect());
    let mut faults: Vec<(&str, Value)> = regions.iter().map(|region| ("isolate", list(&[region]))).collect();
    if kind != "cut_one_way" {
        for (place, a) in regions.iter().enumerate() {
            faults.extend(regions[place + 1..].iter().map(|b| ("cut", Value::Array(vec![list(&[a, b])]))));
        }
    }
    faults
}

/// Fewer operations and keys: closed loops of a few, or a lower rate, from a later start.
pub fn calmer(document: &Document, broke: Option<Time>) -> Vec<Edit> {
    let mut edits = Vec::new();
    let Some(workload) = document.root.get("workload").and_then(Value::as_table) else { return edits };
    let mut with = |what: String, change: &dyn Fn(&mut Table)| {
        let mut other = document.clone();
        change(other.table("workload"));
        edits.push((what, other));
    };
    let keys = workload.get("keys").and_then(Value::as_integer).unwrap_or(1_000);
    for fewer in [1, 2, 5, 10, 100].into_iter().filter(|fewer| *fewer < keys) {
        with(format!("{fewer} keys"), &move |workload| {
            workload.remove("popularity");
            workload.insert("keys".into(), Value::Integer(fewer));
        });
    }
    for start in starts(document, broke) {
        with(format!("a start at {start}"), &move |workload| {
            drop(workload.insert("warm_up".into(), exact(start).into()))
        });
        for count in [1, 2, 3, 5, 8] {
            for think in ["10ms", "100ms", "1s"] {
                with(format!("{count} operations each {think} from {start}"), &move |workload| {
                    ["rate", "arrivals"].iter().for_each(|key| drop(workload.remove(*key)));
                    workload.insert("think".into(), think.into());
                    workload.insert("operations_per_client".into(), Value::Integer(count));
                    workload.insert("warm_up".into(), exact(start).into());
                });
            }
        }
    }
    if let Some(count) = workload.get("operations_per_client").and_then(Value::as_integer) {
        for fewer in [1, count / 2, count - 1].into_iter().filter(|fewer| (1..count).contains(fewer)) {
            with(format!("{fewer} operations"), &move |w| drop(w.insert("operations_per_client".into(), fewer.into())));
        }
    }
    if workload.contains_key("rate") {
        for rate in ["1/s", "2/s", "5/s", "10/s", "20/s"] {
            with(format!("{rate}, paced"), &move |workload| {
                workload.insert("rate".into(), rate.into());
                workload.insert("arrivals".into(), "paced".into());
            });
            with(rate.to_string(), &move |workload| drop(workload.insert("rate".into(), rate.into())));
        }
    }
    edits
}

/// When clients could begin: at the faults, shortly before and after, and before what broke.
fn starts(document: &Document, broke: Option<Time>) -> Vec<Duration> {
    let now = span_at(document, &["workload", "warm_up"]).unwrap_or(Duration::secs(5));
    let mut starts = vec![now];
    let around = |at: Duration| [at - Duration::secs(1), at, at + Duration::millis(500), at + Duration::secs(1)];
    for fault in faults(document).iter().filter_map(Value::as_table) {
        let span = |key: &str| fault.get(key).and_then(Value::as_str).and_then(|text| text.parse::<Duration>().ok());
        let at = span("at").unwrap_or_default();
        starts.extend(around(at));
        starts.extend(span("for").into_iter().flat_map(|lasts| around(at + lasts)));
    }
    if let Some(broke) = broke {
        let broke = broke.since(Time::ZERO);
        starts.extend([1, 2, 5].map(|seconds| whole(broke - Duration::secs(seconds), Duration::secs(1))));
    }
    let end = span_at(document, &["duration"]).unwrap_or_default();
    starts.extend([1, 2, 3].map(|quarters| whole(now + (end - now) / 4 * quarters, Duration::secs(1))));
    starts.retain(|start| *start < end);
    starts.sort_unstable_by(|a, b| b.cmp(a));
    starts.dedup();
    starts.retain(|start| *start >= now);
    starts
}

/// Times that are rounder or shorter.
pub fn rounder(document: &Document, broke: Option<Time>) -> Vec<Edit> {
    let mut edits = Vec::new();
    let mut with = |what: String, changes: &[(Vec<Step>, Duration)]| {
        let mut other = document.clone();
        if changes.iter().all(|(path, span)| set(&mut other, path, exact(*span).into()).is_some()) {
            edits.push((what, other));
        }
    };
    if let Some(broke) = broke {
        let end = whole(broke.since(Time::ZERO), Duration::secs(1)) + Duration::secs(1);
        with(format!("an end at {end}"), &[(vec![Step::Key("duration".into())], end)]);
    }
    for step in [10_000, 5_000, 1_000, 200].map(Duration::millis) {
        let all = earlier(document, step);
        with(format!("all {step} earlier"), &all);
    }
    for (path, span) in spans(document) {
        let (second, tenth) = (Duration::secs(1), Duration::millis(100));
        let mut shorter = vec![span / 2, span / 4 * 3, span - Duration::secs(10), span - second, span - tenth];
        for unit in [Duration::secs(10), second, tenth, Duration::millis(10)] {
            shorter.extend([whole(span, unit), whole(span, unit) + unit]);
        }
        let finest = if span >= second { second } else { Duration::millis(1) };
        shorter.extend([whole(span / 2, finest), whole(span / 4 * 3, finest), Duration::ZERO]);
        shorter.retain(|other| *other != span);
        shorter.dedup();
        shorter.into_iter().for_each(|other| with(format!("{other} for {span}"), &[(path.clone(), other)]));
    }
    edits
}

/// The instants of everything that happens, so much earlier.
fn earlier(document: &Document, by: Duration) -> Vec<(Vec<Step>, Duration)> {
    let is_instant = |path: &[Step]| match path {
        [Step::Key(key)] => key == "duration",
        [Step::Key(table), Step::Key(key)] => table == "workload" && key == "warm_up",
        [Step::Key(table), Step::Place(_), Step::Key(key)] => table == "fault" && key == "at",
        _ => false,
    };
    let instants = spans(document).into_iter().filter(|(path, _)| is_instant(path));
    let moved: Vec<_> = instants.map(|(path, span)| (path, span, span - by)).collect();
    if moved.iter().any(|(_, span, _)| *span < by) {
        return Vec::new();
    }
    moved.into_iter().map(|(path, _, span)| (path, span)).collect()
}

/// As many whole units as fit into a span.
fn whole(span: Duration, unit: Duration) -> Duration {
    Duration::nanos(span.as_nanos() / unit.as_nanos() * unit.as_nanos())
}
