//! Reports as JSON: one document, keys that stay, units in the names.
//!
//! Nothing is rounded beyond what was measured: spans are whole nanoseconds. Next: `junit.rs`.

use serde_json::{Map, Value, json};

use crate::check::{Counterexample, Verdict, level};
use crate::explore::compare::{DesignSummary, Tally};
use crate::explore::expect::Judgement;
use crate::explore::levels::{BRANCHED, BY_ORDER};
use crate::explore::metric::{METRICS, staleness};
use crate::history::OpId;
use crate::id::RegionId;
use crate::metrics::Latencies;
use crate::metrics::statistics::Estimate;
use crate::op::OpKind;
use crate::protocol::Guarantee;
use crate::scenario::Scenario;
use crate::sim::{Judged, Run};
use crate::time::{Duration, Time};

use super::actors;
use super::fault::describe;
use super::history;
use super::invariants;
use super::subject::{RunReport, SweepReport, conclusion_of};

/// The version of the program, without which a digest means nothing.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");

/// One run.
pub fn run(report: &RunReport) -> Value {
    let RunReport { scenario, design, run, judgements, .. } = report;
    let outcomes = run.measures.outcomes(None);
    json!({
        "scenario": scenario.name,
        "design": design.name,
        "protocol": design.protocol,
        "seed": run.seed,
        "digest": run.digest.to_string(),
        "version": VERSION,
        "conclusion": report.conclusion().name(),
        "simulated_s": run.simulated.as_secs_f64(),
        "events": run.events,
        "operations": { "ok": outcomes.ok, "fail": outcomes.fail, "unknown": outcomes.unknown },
        "availability": availability(run),
        "availability_timeline": timeline(run),
        "latency_ms": latency(run),
        "durability": {
            "lost_acknowledged_writes": run.durability.lost.len(),
            "diverged_writes": run.durability.diverged.len(),
            "rpo_s": run.rpo.as_secs_f64(),
        },
        "unanswered": { "writes": run.unanswered_writes, "took_effect": run.unanswered_but_applied },
        "first_leader_s": run.first_leader.map(Time::as_secs_f64),
        "recovery": { "rto_s": run.recovery().as_secs_f64(), "outage_s": run.outage.as_secs_f64() },
        "failovers": failovers(run),
        "leader_changes": run.failovers.len(),
        "health_changes": actors::health(run),
        "powered_off": actors::powered_off(run),
        "split_brain": {
            "dual_writer_s": run.dual_writer.as_secs_f64(),
            "leaders_per_epoch_max": run.leaders_per_epoch_max,
        },
        "staleness_ms": {
            "p50": staleness(run, 0.5).as_millis_f64(),
            "p99": staleness(run, 0.99).as_millis_f64(),
            "max": run.stale_reads.max().as_millis_f64(),
            "stale_reads": run.stale_reads.count(),
            "reads": run.reads,
        },
        "conflicts": run.durability.conflicts.len(),
        "network": {
            "messages": run.traffic.messages,
            "bytes": run.traffic.bytes,
            "cross_region_bytes": run.traffic.cross_region_bytes,
            "lost": run.traffic.lost,
            "corrupted": run.traffic.corrupted,
            "duplicated": run.traffic.duplicated,
            "retransmitted": run.traffic.retransmitted,
            "connections": run.traffic.connections,
            "queued_max_ms": run.traffic.queued_max.as_millis_f64(),
        },
        "faults": faults(run, scenario),
        "claims": claims(report),
        "verdicts": run.verdicts.iter().map(|judged| verdict(judged, report)).chain(expected_levels(report)).collect::<Value>(),
        "invariants": invariants::document(run),
        "levels": levels(report),
        "expectations": judgements.iter().map(expectation).collect::<Value>(),
        "replay": report.replay(),
    })
}

/// Designs over many seeds: of `compare`, and of `check` for each scenario.
pub fn sweep(report: &SweepReport) -> Value {
    let comparison = report.comparison;
    let designs = comparison.designs.iter().map(|of| (of.name.clone(), design(report, of)));
    json!({
        "scenario": comparison.scenario,
        "file": report.file,
        "version": VERSION,
        "conclusion": report.conclusion().name(),
        "interrupted": report.is_cut_short(),
        "interval": "95 % Student t interval of the mean over paired seeds",
        "seeds": comparison.seeds,
        "designs": designs.collect::<Map<String, Value>>(),
        "pareto": comparison.front.designs,
        "pareto_objectives": comparison.front.objectives.iter().map(|metric| metric.name).collect::<Value>(),
        "beaten": comparison.front.beaten.iter().map(|beaten| (beaten.design.clone(), json!({
            "by": beaten.by, "better_in": beaten.better_in,
        }))).collect::<Map<String, Value>>(),
    })
}

fn design(report: &SweepReport, design: &DesignSummary) -> Value {
    let named = METRICS.iter().zip(&design.metrics).zip(&design.is_measured);
    let overall = named.map(|((metric, of), is_measured)| {
        let told = if *is_measured {
            estimate(of, metric.unit)
        } else {
            json!({ "mean": null, "low": null, "high": null, "unit": metric.unit })
        };
        (metric.name.to_string(), told)
    });
    let regional = design.regional.iter().map(|of| (of.name(), estimate(&of.estimate, of.metric.unit)));
    let guarantees = design.verdicts.iter().map(|(guarantee, tally)| (guarantee.name().to_string(), tally));
    let levels = design.levels.iter().map(|(level, tally)| (*level, tally));
    let counts = |tally: &Tally| json!({ "pass": tally.pass, "fail": tally.fail, "inconclusive": tally.inconclusive });
    let guarantees = guarantees.map(|(name, tally)| (name, counts(tally)));
    let levels = levels.map(|(level, tally)| {
        let notes: Vec<_> = design.results.iter().flat_map(|r| &r.levels).filter(|r| r.level == level).collect();
        let noted = |note| notes.iter().filter(|result| result.note == Some(note)).count();
        let mut told = counts(tally);
        told["by_clients_alone"] = noted(BRANCHED).into();
        told["by_order"] = noted(BY_ORDER).into();
        (level.to_string(), told)
    });
    let verdicts = guarantees.chain(levels);
    let broken = design.broken_claims.iter();
    let faults = &report.scenario.setup.faults;
    json!({
        "protocol": design.protocol,
        "conclusion": conclusion_of(design).name(),
        "metrics": overall.chain(regional).collect::<Map<String, Value>>(),
        "verdicts": verdicts.collect::<Map<String, Value>>(),
        "claims": report.claims(design).iter().map(|guarantee| guarantee.name()).collect::<Value>(),
        "broken_claims": broken.map(|(guarantee, seeds, why)| json!({
            "level": guarantee.name(), "seeds": seeds, "why": why,
        })).collect::<Value>(),
        "broken_invariants": design.breaches.iter().map(|(invariant, seeds, why)| json!({
            "name": invariant.name(), "seeds": seeds, "why": why,
        })).collect::<Value>(),
        "expectations": design.judgements.iter().map(expectation).collect::<Value>(),
        "void_faults": report.void_faults(design).into_iter().map(|(place, seed)| json!({
            "fault": describe(&faults[place], &report.scenario.setup.topology),
            "at_s": faults[place].at.as_secs_f64(),
            "first_seed": seed,
        })).collect::<Value>(),
        "first_failure": design.first_failure.map(|(seed, digest)| format!("{seed}:{digest}")),
        "replay": report.replay(design),
    })
}

fn estimate(of: &Estimate, unit: &str) -> Value {
    json!({ "mean": of.mean, "low": of.low, "high": of.high, "unit": unit })
}

/// The regions that have clients: id and name.
fn regions(run: &Run) -> impl Iterator<Item = (RegionId, String)> + '_ {
    let named = run.regions.iter().enumerate().filter(|(place, _)| run.has_clients[*place]);
    named.map(|(place, name)| (RegionId(place as u16), name.to_string()))
}

fn availability(run: &Run) -> Value {
    let mut parts = Map::new();
    parts.insert("overall".into(), run.measures.outcomes(None).availability().into());
    parts.extend(regions(run).map(|(id, name)| (name, run.measures.outcomes(Some(id)).availability().into())));
    parts.into()
}

/// The availability of each stretch of time, `null` where nothing was asked.
fn timeline(run: &Run) -> Value {
    let of = |id| {
        let buckets = run.measures.timeline(id).iter();
        buckets.map(|outcomes| (outcomes.total() > 0).then(|| outcomes.availability())).collect::<Vec<Option<f64>>>()
    };
    let regions: Map<String, Value> = regions(run).map(|(id, name)| (name, json!(of(id)))).collect();
    json!({ "bucket_s": run.measures.bucket().as_secs_f64(), "regions": regions })
}

/// By kind of operation, then by region. Reads and writes are always there, and others where they were asked.
fn latency(run: &Run) -> Value {
    let mut kinds = Map::new();
    for kind in OpKind::ALL {
        let of: Map<String, Value> =
            regions(run).map(|(id, name)| (name, latencies(run.measures.latency(id, kind)))).collect();
        let was_asked = regions(run).any(|(id, _)| run.measures.latency(id, kind).count() > 0);
        if was_asked || kind != OpKind::CompareAndSet {
            kinds.insert(kind.name().into(), of.into());
        }
    }
    kinds.into()
}

fn latencies(of: &Latencies) -> Value {
    let quantile = |q| of.quantile(q).as_millis_f64();
    json!({
        "p50": quantile(0.5), "p90": quantile(0.9), "p99": quantile(0.99), "p999": quantile(0.999),
        "max": of.max().as_millis_f64(), "mean": of.mean().as_millis_f64(), "count": of.count(),
    })
}

fn failovers(run: &Run) -> Value {
    let of = |failover: &crate::check::monitor::Failover| {
        let leader = &run.nodes[failover.leader.index()];
        json!({
            "at_s": failover.at.as_secs_f64(),
            "rto_s": failover.total().map(Duration::as_secs_f64),
            "detect_s": failover.detect.as_secs_f64(),
            "decide_s": failover.decide.as_secs_f64(),
            "fence_s": failover.fence.as_secs_f64(),
            "provision_s": failover.provision.as_secs_f64(),
            "promote_s": failover.promote.as_secs_f64(),
            "serve_s": failover.serve.map(Duration::as_secs_f64),
            "group": failover.group.0,
            "epoch": failover.epoch,
            "leader": &*leader.name,
            "region": &*run.regions[leader.region.index()],
        })
    };
    run.failovers.iter().map(of).collect()
}

fn faults(run: &Run, scenario: &Scenario) -> Value {
    let planned = run.ledger.iter().zip(&scenario.setup.faults);
    let of = |(entry, fault): (&crate::sim::LedgerEntry, &crate::model::fault::Fault)| {
        json!({
            "kind": entry.kind.name(),
            "what": describe(fault, &scenario.setup.topology),
            "at_s": entry.at.as_secs_f64(),
            "fired": entry.fired,
            "touched": entry.touched,
            "void": entry.is_void(),
        })
    };
    planned.map(of).collect()
}

fn claims(report: &RunReport) -> Value {
    let broken: Vec<Guarantee> = report.run.broken_claims().map(|judged| judged.guarantee).collect();
    let of = |claim: &crate::protocol::Claim| {
        json!({
            "level": claim.guarantee.name(),
            "under": claim.faults().map(|kind| kind.name()).collect::<Value>(),
            "made": report.claims(claim.guarantee),
            "held": !broken.contains(&claim.guarantee),
        })
    };
    report.run.claims.iter().map(of).collect()
}

fn verdict(judged: &Judged, report: &RunReport) -> Value {
    let (why, witness) = shown(&judged.verdict, report.run);
    json!({
        "level": judged.guarantee.name(),
        "verdict": judged.verdict.name(),
        "expected": report.expected(judged.guarantee),
        "claimed": report.claims(judged.guarantee),
        "steps": judged.steps,
        "why": why,
        "witness": witness,
    })
}

/// Every level of consistency and the strongest that were met; null where nobody asked.
fn levels(report: &RunReport) -> Value {
    if report.levels.is_empty() {
        return Value::Null;
    }
    let strongest = level::strongest(&report.levels).iter().map(ToString::to_string).collect::<Value>();
    let (ordered, branched) = match &report.run.versions {
        Some(versions) => (versions.order.iter().count(), versions.branched.len()),
        None => (0, 0),
    };
    let versions = json!({ "keys_ordered": ordered, "keys_branched": branched });
    json!({ "strongest": strongest, "versions": versions, "verdicts": report.levels.iter().map(|judged| level(judged, report)).collect::<Value>() })
}

/// The levels that are expected of the design, as [`verdict`] tells a guarantee.
fn expected_levels(report: &RunReport) -> impl Iterator<Item = Value> {
    report.expected_levels.iter().map(|judged| {
        let mut told = level(judged, report);
        told["expected"] = json!(report.said(&judged.level.to_string()));
        told["claimed"] = json!(false);
        told
    })
}

fn level(judged: &level::Judged, report: &RunReport) -> Value {
    let (why, witness) = shown(&judged.verdict, report.run);
    json!({
        "level": judged.level.to_string(),
        "verdict": judged.verdict.name(),
        "note": judged.note,
        "steps": judged.steps,
        "why": why,
        "witness": witness,
    })
}

/// Why it is so, and the operations that show it.
fn shown<'a>(verdict: &'a Verdict, run: &Run) -> (Option<&'a String>, Option<Value>) {
    match verdict {
        Verdict::Pass => (None, None),
        Verdict::Inconclusive { why } => (Some(why), None),
        Verdict::Fail(counterexample) => (Some(&counterexample.why), Some(witness(counterexample, run))),
    }
}

fn witness(of: &Counterexample, run: &Run) -> Value {
    let operation = |id: &OpId| history::operation(&run.history.get(*id), run);
    json!({ "why": of.why, "operations": of.operations.iter().map(operation).collect::<Value>() })
}

fn expectation(judgement: &Judgement) -> Value {
    json!({
        "name": judgement.expectation.name,
        "over": judgement.expectation.over.name(),
        "held": judgement.held,
        "measured": judgement.measured,
        "bound": judgement.expectation.bound.to_string(),
    })
}
