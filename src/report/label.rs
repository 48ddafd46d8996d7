//! Metrics in words, and the scale in which a row of them reads best.
//!
//! Next: `text/mod.rs`.

use crate::explore::metric::Metric;

use super::number::byte_unit;

/// A row's name for people, and what its numbers are divided by.
#[derive(Clone, Debug, PartialEq)]
pub struct Label {
    /// The name, with the unit: `write latency p99, ms`.
    pub words: String,
    /// How much one of that unit is.
    pub scale: f64,
}

/// Names for people, by the names of [`METRICS`](crate::explore::metric::METRICS).
const WORDS: &[(&str, &str)] = &[
    ("write_latency_ms_p50", "write latency p50"),
    ("write_latency_ms_p99", "write latency p99"),
    ("read_latency_ms_p50", "read latency p50"),
    ("read_latency_ms_p99", "read latency p99"),
    ("rto_s", "recovery time (RTO)"),
    ("degraded_s", "time to full service"),
    ("replica_cores", "cores kept running"),
    ("recovery_after_heal_s", "write outage after heal"),
    ("rpo_s", "lost writes span (RPO)"),
    ("lost_acknowledged_writes", "acknowledged writes lost"),
    ("diverged_writes", "writes diverged"),
    ("dual_writer_s", "two leaders writing"),
    ("staleness_ms_p99", "staleness of reads p99"),
    ("conflicts", "conflicting writes dropped"),
    ("unanswered_writes", "writes without an answer"),
    ("unanswered_but_applied", "  that took effect"),
    ("cross_region_bytes", "cross-region traffic"),
    ("retries_per_operation", "retries per operation"),
    ("duplicate_effects", "write effects repeated"),
    ("turned_away", "requests turned away"),
];

/// The label of a metric whose largest number in this table is `largest`.
pub fn label(metric: &Metric, largest: f64) -> Label {
    let known = WORDS.iter().find(|(name, _)| *name == metric.name).map(|(_, words)| (*words).to_string());
    let words = known.unwrap_or_else(|| metric.name.replace('_', " "));
    match metric.unit {
        "B" => {
            let (scale, unit) = byte_unit(largest);
            Label { words: format!("{words}, {unit}"), scale }
        }
        "" if metric.name == "availability" => Label { words: format!("{words}, %"), scale: 0.01 },
        "" => Label { words, scale: 1.0 },
        unit => Label { words: format!("{words}, {unit}"), scale: 1.0 },
    }
}

/// The label of a region's own value of a metric.
pub fn regional_label(metric: &Metric, region: &str) -> Label {
    let Label { words, scale } = label(metric, 0.0);
    // A region's recovery is the time that its clients saw, whoever led.
    let words = if metric.name == "rto_s" { "write outage, s" } else { &words };
    let (what, unit) = words.rsplit_once(", ").unwrap_or((words, ""));
    Label { words: format!("{what} in {region}, {unit}"), scale }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::explore::metric::METRICS;

    #[test]
    fn every_label_is_of_a_metric_and_has_its_unit() {
        for (name, _) in WORDS {
            assert!(METRICS.iter().any(|metric| metric.name == *name), "{name}");
        }
        let of = |name: &str, largest| label(METRICS.iter().find(|m| m.name == name).unwrap(), largest);
        assert_eq!(of("cross_region_bytes", 2.5e6), Label { words: "cross-region traffic, MB".into(), scale: 1e6 });
        assert_eq!(of("availability", 1.0).words, "availability, %");
        assert_eq!(of("leader_changes", 1.0).words, "leader changes");
        assert_eq!(of("rto_s", 1.0).words, "recovery time (RTO), s");
        let regional = |name: &str| regional_label(METRICS.iter().find(|m| m.name == name).unwrap(), "eu").words;
        assert_eq!(regional("availability"), "availability in eu, %");
        assert_eq!(regional("rto_s"), "write outage in eu, s");
    }
}
