//! What a run came to, in Prometheus's text exposition format: for a textfile collector, or a push gateway.
//!
//! Base units (seconds, bytes, ratios), as its naming asks for. Every sample is labelled with the scenario, the design and the
//! seed. Next: `mod.rs` again.

use std::fmt::Write;

use crate::explore::metric::{METRICS, Metric, staleness};
use crate::id::RegionId;
use crate::metrics::Latencies;
use crate::op::OpKind;
use crate::time::Duration;

use super::super::json::VERSION;
use super::super::subject::RunReport;

/// The quantiles of summaries.
const QUANTILES: [f64; 4] = [0.5, 0.9, 0.99, 0.999];

/// A family of samples, of one name.
struct Family {
    text: String,
    common: String,
}

impl Family {
    fn new(report: &RunReport, name: &str, kind: &str, help: &str) -> Family {
        let labels = [
            ("scenario", report.scenario.name.as_str()),
            ("design", &report.design.name),
            ("protocol", report.design.protocol),
        ];
        let labels: String = labels.iter().map(|(name, value)| format!("{name}=\"{}\",", label(value))).collect();
        let help = help.replace('\\', "\\\\").replace('\n', " ");
        Family {
            text: format!("# HELP riftzone_{name} {help}\n# TYPE riftzone_{name} {kind}\n"),
            common: format!("{labels}seed=\"{}\"", report.run.seed),
        }
    }

    /// A sample; `name` is the family's, with the ending of a summary's parts.
    fn sample(&mut self, name: &str, labels: &[(&str, &str)], value: f64) {
        let more: String = labels.iter().map(|(name, value)| format!(",{name}=\"{}\"", label(value))).collect();
        // Writing to a string does not fail.
        let _ = writeln!(self.text, "riftzone_{name}{{{}{more}}} {value}", self.common);
    }
}

/// A label's value.
fn label(value: &str) -> String {
    value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

/// Every family of a run.
pub fn text(report: &RunReport) -> String {
    let run = report.run;
    let regions: Vec<(RegionId, &str)> = run
        .regions
        .iter()
        .enumerate()
        .filter(|(place, _)| run.has_clients[*place])
        .map(|(place, name)| (RegionId(place as u16), &**name))
        .collect();
    let mut families = vec![info(report), operations(report, &regions)];
    families.push(latency(report, &regions));
    families.push(stale(report));
    for metric in METRICS.iter().filter(|metric| metric.unit != "ms") {
        families.push(gauge(report, metric, &regions));
    }
    families.push(verdicts(report));
    if !report.judgements.is_empty() {
        let mut family =
            Family::new(report, "expectation_held", "gauge", "1 where what the scenario expects held, else 0.");
        for judgement in &report.judgements {
            family.sample(
                "expectation_held",
                &[("name", &judgement.expectation.name)],
                f64::from(u8::from(judgement.held)),
            );
        }
        families.push(family);
    }
    families.iter().map(|family| family.text.as_str()).collect()
}

fn info(report: &RunReport) -> Family {
    let mut family = Family::new(report, "run_info", "gauge", "1; the labels say which run this is.");
    let digest = report.run.digest.to_string();
    let labels = [("digest", digest.as_str()), ("version", VERSION), ("conclusion", report.conclusion().name())];
    family.sample("run_info", &labels, 1.0);
    family
}

fn operations(report: &RunReport, regions: &[(RegionId, &str)]) -> Family {
    let mut family = Family::new(report, "operations_total", "counter", "Operations of clients, by how they ended.");
    for (id, region) in regions {
        let of = report.run.measures.outcomes(Some(*id));
        for (outcome, count) in [("ok", of.ok), ("fail", of.fail), ("unknown", of.unknown)] {
            family.sample("operations_total", &[("region", region), ("outcome", outcome)], count as f64);
        }
    }
    family
}

fn latency(report: &RunReport, regions: &[(RegionId, &str)]) -> Family {
    let name = "operation_latency_seconds";
    let help = "From a client's question to its answer, of operations that took effect.";
    let mut family = Family::new(report, name, "summary", help);
    for (id, region) in regions {
        for kind in OpKind::ALL {
            let of = report.run.measures.latency(*id, kind);
            if of.count() > 0 {
                let labels = [("region", *region), ("op", kind.name())];
                summary(&mut family, name, &labels, of, of.count(), |quantile| of.quantile(quantile));
            }
        }
    }
    family
}

/// Over all reads, of which those of what is current count as zero.
fn stale(report: &RunReport) -> Family {
    let name = "read_staleness_seconds";
    let help = "Over all reads, how long the value read had been overwritten; 0 for a fresh one.";
    let mut family = Family::new(report, name, "summary", help);
    let run = report.run;
    summary(&mut family, name, &[], &run.stale_reads, run.reads, |quantile| staleness(run, quantile));
    family
}

fn summary(
    family: &mut Family,
    name: &str,
    labels: &[(&str, &str)],
    of: &Latencies,
    count: u64,
    quantile: impl Fn(f64) -> Duration,
) {
    for q in QUANTILES {
        let at = q.to_string();
        let labels: Vec<(&str, &str)> = labels.iter().copied().chain([("quantile", at.as_str())]).collect();
        family.sample(name, &labels, quantile(q).as_secs_f64());
    }
    let sum = of.mean().as_secs_f64() * of.count() as f64;
    family.sample(&format!("{name}_sum"), labels, sum);
    family.sample(&format!("{name}_count"), labels, count as f64);
}

/// A metric as a gauge, and each region's where it has them: as in the report, but with units as words.
fn gauge(report: &RunReport, metric: &Metric, regions: &[(RegionId, &str)]) -> Family {
    let name = match (metric.unit, metric.name) {
        ("s", name) => format!("{}_seconds", name.trim_end_matches("_s")),
        (_, "availability") => "availability_ratio".to_string(),
        (_, name) => name.to_string(),
    };
    let mut family = Family::new(report, &name, "gauge", metric.about);
    family.sample(&name, &[], metric.of(report.run, None));
    if metric.is_regional() {
        for (id, region) in regions {
            family.sample(&name, &[("region", region)], metric.of(report.run, Some(*id)));
        }
    }
    family
}

fn verdicts(report: &RunReport) -> Family {
    let mut family = Family::new(report, "verdict", "gauge", "1 for the verdict on each level of consistency, else 0.");
    let guarantees = report.run.verdicts.iter().map(|judged| (judged.guarantee.name().to_string(), &judged.verdict));
    let levels = report.expected_levels.iter().map(|judged| (judged.level.to_string(), &judged.verdict));
    for (level, found) in guarantees.chain(levels) {
        for verdict in ["pass", "fail", "inconclusive"] {
            let is = f64::from(u8::from(found.name() == verdict));
            family.sample("verdict", &[("level", &level), ("verdict", verdict)], is);
        }
    }
    family
}
