//! The named numbers of a run: what tables, expectations and baselines are made of.

use crate::id::RegionId;
use crate::op::OpKind;
use crate::sim::Run;
use crate::time::Duration;

/// A named number.
#[derive(Clone, Copy, Debug)]
pub struct Metric {
    /// Its name; units and percentiles are part of it.
    pub name: &'static str,
    /// Its unit.
    pub unit: &'static str,
    /// Whether less or more of it is better; `None`: it is not part of a comparison's Pareto set.
    pub better: Option<Better>,
    /// What it is, in a sentence.
    pub about: &'static str,
    value: fn(&Run) -> f64,
    by_region: Option<fn(&Run, RegionId) -> f64>,
}

/// Which way is better.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Better {
    /// Less.
    Less,
    /// More.
    More,
}

use Better::{Less, More};

/// Every metric, in the order of tables.
pub static METRICS: [Metric; 30] = [
    Metric {
        name: "availability",
        unit: "",
        better: Some(More),
        about: "The part of all operations that took effect in time, from 0 to 1.",
        value: |run| run.measures.outcomes(None).availability(),
        by_region: Some(|run, region| run.measures.outcomes(Some(region)).availability()),
    },
    latency("write_latency_ms_p50", None, |run| overall(run, true, 0.5), |run, r| regional(run, r, true, 0.5)),
    latency("write_latency_ms_p99", Some(Less), |run| overall(run, true, 0.99), |run, r| regional(run, r, true, 0.99)),
    latency("read_latency_ms_p50", None, |run| overall(run, false, 0.5), |run, r| regional(run, r, false, 0.5)),
    latency("read_latency_ms_p99", Some(Less), |run| overall(run, false, 0.99), |run, r| regional(run, r, false, 0.99)),
    Metric {
        name: "rto_s",
        unit: "s",
        better: Some(Less),
        about: "Recovery time: the longest failover, from the fault to the new leader's first acknowledged write; or the \
                longest time in which no region's clients could write, if that is longer. A region's own: the longest time \
                in which its clients could not.",
        value: |run| run.recovery().as_secs_f64(),
        by_region: Some(|run, region| run.outage_by_region[region.index()].as_secs_f64()),
    },
    Metric {
        name: "recovery_after_heal_s",
        unit: "s",
        better: None,
        about: "From the end of the last fault, the longest time until the clients of every region could write again.",
        value: |run| run.recovery_after_heal.as_secs_f64(),
        by_region: None,
    },
    Metric {
        name: "degraded_s",
        unit: "s",
        better: Some(Less),
        about: "The longest stretch, in whole seconds, in which less than 99 % of what clients began took effect in time, ended by \
                five good seconds: with a failover in it, the time to full service.",
        value: |run| run.measures.degraded().as_secs_f64(),
        by_region: None,
    },
    Metric {
        name: "rpo_s",
        unit: "s",
        better: Some(Less),
        about: "From the first to the last lost write that one node acknowledged.",
        value: |run| run.rpo.as_secs_f64(),
        by_region: None,
    },
    count("lost_acknowledged_writes", "Acknowledged writes that are gone at the end.", |run| {
        run.durability.lost.len() as f64
    }),
    count("diverged_writes", "Those of them that were left or rolled back on a branch that does not serve.", |run| {
        run.durability.diverged.len() as f64
    }),
    Metric {
        name: "dual_writer_s",
        unit: "s",
        better: Some(Less),
        about: "How long two leaders both acknowledged writes.",
        value: |run| run.dual_writer.as_secs_f64(),
        by_region: None,
    },
    count("stale_reads", "Reads of a value that had been overwritten before they began.", |run| {
        run.stale_reads.count() as f64
    }),
    Metric {
        name: "staleness_ms_p99",
        unit: "ms",
        better: Some(Less),
        about: "Over all reads, how long the value read had been overwritten; 0 for a fresh one.",
        value: |run| staleness(run, 0.99).as_millis_f64(),
        by_region: None,
    },
    count("conflicts", "Acknowledged writes that were discarded, by rule, for a concurrent one.", |run| {
        run.durability.conflicts.len() as f64
    }),
    Metric {
        name: "replica_cores",
        unit: "",
        better: Some(Less),
        about: "The mean number of cores kept running for nodes with a copy, at work or not; one for each where work takes no time.",
        value: |run| run.replica_cores,
        by_region: None,
    },
    Metric {
        name: "cross_region_bytes",
        unit: "B",
        better: Some(Less),
        about: "Bytes that nodes sent to nodes of another region.",
        value: |run| run.traffic.cross_region_bytes as f64,
        by_region: None,
    },
    Metric {
        name: "messages",
        unit: "",
        better: None,
        about: "Messages between nodes.",
        value: |run| run.traffic.messages as f64,
        by_region: None,
    },
    Metric {
        name: "unanswered_writes",
        unit: "",
        better: None,
        about: "Writes whose clients never heard.",
        value: |run| run.unanswered_writes as f64,
        by_region: None,
    },
    Metric {
        name: "unanswered_but_applied",
        unit: "",
        better: None,
        about: "Those of them that took effect all the same.",
        value: |run| run.unanswered_but_applied as f64,
        by_region: None,
    },
    Metric {
        name: "leader_changes",
        unit: "",
        better: None,
        about: "Changes of leader after the first.",
        value: |run| run.failovers.len() as f64,
        by_region: None,
    },
    Metric {
        name: "retries_per_operation",
        unit: "",
        better: None,
        about: "Retries and hedges that clients sent by a policy, for each operation.",
        value: |run| run.retries as f64 / (run.measures.outcomes(None).total().max(1)) as f64,
        by_region: None,
    },
    count("duplicate_effects", "Effects of writes beyond the first of each, where clients retry by a policy.", |run| {
        run.duplicate_effects as f64
    }),
    count("miscounted", "How far the counters are, at the end, from what clients were told of them.", |run| {
        run.miscounted as f64
    }),
    count("reads_below_zero", "Reads of counters that showed less than zero.", |run| run.reads_below_zero as f64),
    count("fractured_reads", "Reads of rows that showed some part of a put without the rest.", |run| {
        run.fractured_reads as f64
    }),
    count("long_forks", "Reads of rows that showed two puts in another order than an earlier read.", |run| {
        run.long_forks as f64
    }),
    count("numbers_given_twice", "Numbers of sequences that were given to a client and that another had.", |run| {
        run.numbers_given_twice as f64
    }),
    Metric {
        name: "siblings_max",
        unit: "",
        better: None,
        about: "The most values that one read of a register showed, where some showed several.",
        value: |run| f64::from(run.siblings_max),
        by_region: None,
    },
    Metric {
        name: "turned_away",
        unit: "",
        better: None,
        about: "Requests for which a node's queue had no room.",
        value: |run| run.loads.iter().map(|load| load.turned_away).sum::<u64>() as f64,
        by_region: None,
    },
];

/// The metrics whose regional values a comparison shows: where the whole looks well, they tell who is out.
pub static REGIONAL: [&str; 2] = ["availability", "rto_s"];

/// The metrics that tables leave out where they are zero for every design: most worlds have nothing of the kind.
pub static OCCASIONAL: [&str; 10] = [
    "recovery_after_heal_s",
    "retries_per_operation",
    "duplicate_effects",
    "miscounted",
    "reads_below_zero",
    "fractured_reads",
    "long_forks",
    "numbers_given_twice",
    "siblings_max",
    "turned_away",
];

/// The metrics that tables leave out where every design has the same: they tell designs apart, or nothing.
pub static TELLING_APART: [&str; 1] = ["replica_cores"];

/// The metrics of [`REGIONAL`].
pub fn regional_metrics() -> impl Iterator<Item = &'static Metric> {
    METRICS.iter().filter(|metric| REGIONAL.contains(&metric.name))
}

const fn latency(
    name: &'static str,
    better: Option<Better>,
    value: fn(&Run) -> f64,
    by_region: fn(&Run, RegionId) -> f64,
) -> Metric {
    let about = "From a client's question to its answer, of operations that took effect.";
    Metric { name, unit: "ms", better, about, value, by_region: Some(by_region) }
}

const fn count(name: &'static str, about: &'static str, value: fn(&Run) -> f64) -> Metric {
    Metric { name, unit: "", better: Some(Less), about, value, by_region: None }
}

impl Metric {
    /// The metric of this name, and of a region if the name ends in one: `availability/eu-west-1`.
    ///
    /// # Errors
    /// Why there is no such metric, with the name most like it.
    pub fn find(name: &str, regions: &[impl AsRef<str>]) -> Result<(&'static Metric, Option<RegionId>), String> {
        let (base, region) = name.split_once('/').map_or((name, None), |(base, region)| (base, Some(region)));
        let Some(metric) = METRICS.iter().find(|metric| metric.name == base) else {
            return Err(format!("no metric is called `{base}`{}", nearest(base, METRICS.iter().map(|m| m.name))));
        };
        let Some(region) = region else { return Ok((metric, None)) };
        if metric.by_region.is_none() {
            return Err(format!("`{base}` is of the whole run; it has no value of a region's own"));
        }
        let place = regions.iter().position(|name| name.as_ref() == region).ok_or_else(|| {
            format!("no region is called `{region}`{}", nearest(region, regions.iter().map(AsRef::as_ref)))
        })?;
        Ok((metric, Some(RegionId(place as u16))))
    }

    /// Whether it has a value of each region's own.
    pub const fn is_regional(&self) -> bool {
        self.by_region.is_some()
    }

    /// Whether a run, or one region's part of it, has anything to take this metric from: latencies are those of answered
    /// operations, and staleness is that of reads. Where there is nothing the value is zero, which is no praise.
    pub fn is_measured(&self, run: &Run, region: Option<RegionId>) -> bool {
        let answered = |writes| match region {
            None => run.measures.latency_overall(writes).count() > 0,
            Some(region) => latencies(run, region, writes).count() > 0,
        };
        match self.name {
            "write_latency_ms_p50" | "write_latency_ms_p99" => answered(true),
            "read_latency_ms_p50" | "read_latency_ms_p99" => answered(false),
            "stale_reads" | "staleness_ms_p99" => run.reads > 0,
            _ => true,
        }
    }

    /// Its value in a run, or its value of one region.
    ///
    /// # Panics
    /// Where a region is named and the metric has no value of a region's own.
    pub fn of(&self, run: &Run, region: Option<RegionId>) -> f64 {
        match region {
            None => (self.value)(run),
            Some(region) => (self.by_region.expect("find() gives a region only where there is one"))(run, region),
        }
    }
}

fn nearest<'a>(word: &str, candidates: impl Iterator<Item = &'a str>) -> String {
    let best = candidates.max_by(|a, b| strsim::jaro_winkler(a, word).total_cmp(&strsim::jaro_winkler(b, word)));
    best.map_or(String::new(), |best| format!("; did you mean `{best}`?"))
}

fn overall(run: &Run, writes: bool, quantile: f64) -> f64 {
    run.measures.latency_overall(writes).quantile(quantile).as_millis_f64()
}

fn regional(run: &Run, region: RegionId, writes: bool, quantile: f64) -> f64 {
    latencies(run, region, writes).quantile(quantile).as_millis_f64()
}

/// Those of a region's reads, or of everything in it that writes.
fn latencies(run: &Run, region: RegionId, writes: bool) -> crate::metrics::Latencies {
    let mut all = crate::metrics::Latencies::default();
    OpKind::ALL
        .iter()
        .filter(|kind| kind.writes() == writes)
        .for_each(|kind| all.merge(run.measures.latency(region, *kind)));
    all
}

/// The staleness that `quantile` of all reads do not exceed: most are fresh, at zero.
pub fn staleness(run: &Run, quantile: f64) -> Duration {
    let (reads, stale) = (run.reads as f64, run.stale_reads.count() as f64);
    let fresh = 1.0 - if reads > 0.0 { stale / reads } else { 0.0 };
    if quantile <= fresh { Duration::ZERO } else { run.stale_reads.quantile((quantile - fresh) / (1.0 - fresh)) }
}
