//! How much worse than its baseline a metric may become before `riftzone diff` is red.

use std::ops::Range;

use toml::de::DeValue;

use super::bounds::{self, Unit};
use super::error::Problem;
use super::expect::{find_metric, unit};
use super::read::Value;
use super::{Allowance, Budget, Design};
use crate::model::topology::Topology;

/// The key that stands for every metric.
pub(super) const EVERY: &str = "worse_than_baseline";

/// Reads one key of `[budget]`. `others` are more words that may stand in the key's place.
pub(super) fn read(
    name: &str,
    span: &Range<usize>,
    value: &Value<'_>,
    topology: &Topology,
    others: &[&str],
) -> Result<Budget, Problem> {
    if name == EVERY {
        let allowance = allowance(value, None)?;
        return Ok(Budget { metric: None, allowance });
    }
    let words: Vec<&str> = std::iter::once(EVERY).chain(others.iter().copied()).collect();
    let metric = find_metric(name, span, topology, &words)?;
    Ok(Budget { metric: Some(name.to_string()), allowance: allowance(value, Some(unit(metric)))? })
}

/// A share of the baseline (`2%`), or with a metric's unit an amount (`5ms`).
fn allowance(value: &Value<'_>, unit: Option<Unit>) -> Result<Allowance, Problem> {
    let span = value.span();
    let wrong = |why: String| Problem::new(&span, why).help(format!("for example {}", example(unit)));
    let amount = |unit: Option<Unit>, read: &dyn Fn(Unit) -> Result<f64, String>| {
        let unit =
            unit.ok_or_else(|| wrong(format!("`{EVERY}` is of metrics with many units: a percentage of each")))?;
        read(unit).map(Allowance::Amount).map_err(&wrong)
    };
    match value.get_ref() {
        DeValue::String(text) => match text.trim().strip_suffix('%') {
            Some(number) => share(number.trim_end())
                .map(Allowance::Share)
                .ok_or_else(|| wrong(format!("`{text}` is not a percentage"))),
            None => amount(unit, &|unit| bounds::quantity(text.trim(), unit)),
        },
        DeValue::Integer(number) => {
            let exact = i64::from_str_radix(number.as_str(), number.radix()).ok();
            amount(unit, &|unit| within(exact.map(|number| number as f64), unit))
        }
        DeValue::Float(number) => amount(unit, &|unit| within(number.as_str().parse().ok(), unit)),
        _ => Err(wrong("expected how much worse it may be: a percentage of the baseline, or an amount".into())),
    }
}

fn within(number: Option<f64>, unit: Unit) -> Result<f64, String> {
    let number = number.filter(|number| number.is_finite()).ok_or("the number is out of range")?;
    bounds::within(number, unit).map(|()| number)
}

/// By text, so that 0.1% is the same number as 0.001.
fn share(number: &str) -> Option<f64> {
    let (whole, fraction) = number.split_once('.').unwrap_or((number, "0"));
    let digits = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
    let is_number = digits(whole) && digits(fraction);
    let share = if is_number { format!("{number}e-2").parse::<f64>().ok() } else { None };
    share.filter(|share| share.is_finite())
}

fn example(unit: Option<Unit>) -> &'static str {
    match unit {
        None => "\"2%\"",
        Some(Unit::Ratio) => "\"1%\" of the baseline, or 0.005",
        Some(Unit::Millis) => "\"2%\" of the baseline, or \"5ms\"",
        Some(Unit::Seconds) => "\"2%\" of the baseline, or \"0.5s\"",
        Some(Unit::Bytes) => "\"2%\" of the baseline, or \"10kB\"",
        Some(Unit::Count) => "\"2%\" of the baseline, or 10",
    }
}

impl Allowance {
    /// How much worse than this baseline a metric may be, in the metric's unit.
    pub fn of(self, baseline: f64) -> f64 {
        match self {
            Allowance::Share(share) => share * baseline.abs(),
            Allowance::Amount(amount) => amount,
        }
    }
}

impl Design {
    /// How much worse a metric may become, `availability` or `availability/eu-west-1`: what the design's own table says
    /// before the common one's; in each of them a region's own, then the metric's, then that of every metric. `None` where
    /// nothing is said.
    pub fn budget(&self, metric: &str) -> Option<Allowance> {
        let base = metric.split_once('/').map_or(metric, |(base, _)| base);
        let names = [Some(metric), Some(base), None];
        let in_one = |table: &[Budget]| {
            let of = |name: &Option<&str>| table.iter().find(|budget| budget.metric.as_deref() == *name);
            names.iter().find_map(of).map(|budget| budget.allowance)
        };
        in_one(&self.budgets.own).or_else(|| in_one(&self.budgets.common))
    }
}
