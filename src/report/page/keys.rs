//! Writes that are gone in the end, over time and key.
//!
//! Next: `charts.rs`.

use std::collections::BTreeMap;

use super::draw::card;
use super::strips::Strip;
use crate::id::{Key, Value};
use crate::time::Time;

use super::super::number::{counted, grouped};
use super::super::subject::RunReport;

/// How tall the field of keys is, in rows of a strip.
const ROWS: usize = 8;
/// So many keys are named.
const NAMED: usize = 3;

/// A dot for each acknowledged write that is lost, diverged or discarded, at the time of its acknowledgement and the height of
/// its key. Nothing where there is none.
pub fn gone(report: &RunReport) -> String {
    let run = report.run;
    let durability = &run.durability;
    let fate = |value: &Value| {
        if durability.conflicts.contains(value) {
            Some(2)
        } else if durability.diverged.contains(value) {
            Some(1)
        } else {
            durability.lost.contains(value).then_some(0)
        }
    };
    let acknowledged = run.history.iter().filter_map(|op| Some((op.completed, op.op.key(), op.acknowledged_write()?)));
    let gone: Vec<(Time, Key, usize)> =
        acknowledged.filter_map(|(at, key, value)| Some((at, key, fate(&value)?))).collect();
    if gone.is_empty() {
        return String::new();
    }
    let last = gone.iter().map(|(_, key, _)| key.0).max().unwrap_or(0);
    let mut strip = Strip::new(report, ROWS, "acknowledged writes that are gone in the end, by time and key");
    strip.scale(&[(0.0, "k0".to_string()), (1.0, Key(last).to_string())]);
    for (kind, class) in ["s-fail", "k3", "k4"].into_iter().enumerate() {
        let of_kind = gone.iter().filter(|(.., of)| *of == kind);
        let dots: Vec<(Time, f64)> =
            of_kind.map(|(at, key, _)| (*at, f64::from(key.0) / f64::from(last.max(1)))).collect();
        strip.dots(class, &dots);
    }
    let mut by_key: BTreeMap<Key, usize> = BTreeMap::new();
    gone.iter().for_each(|(_, key, _)| *by_key.entry(*key).or_default() += 1);
    let mut most: Vec<(usize, Key)> = by_key.iter().map(|(key, count)| (*count, *key)).collect();
    most.sort_by_key(|(count, key)| (std::cmp::Reverse(*count), *key));
    let named: Vec<String> = most.iter().take(NAMED).map(|(count, key)| format!("{key} ({count})")).collect();
    let legend = format!(
        "<p class=\"hint\"><span class=\"dot s-fail\"></span>lost <span class=\"dot k3\"></span>lost and diverged <span class=\"dot \
         k4\"></span>discarded for others. {} writes to {}, most to {}.</p>",
        grouped(gone.len() as u64),
        counted(by_key.len(), "key"),
        named.join(", "),
    );
    card("Writes that are gone in the end, by key", &(strip.finish() + &legend))
}
