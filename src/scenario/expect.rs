//! What is expected: names of metrics, guarantees and levels of consistency, and the bounds that they must keep.

use std::ops::Range;

use toml::de::DeValue;

use super::bounds::{self, Unit};
use super::error::Problem;
use super::read::{Value, entries};
use super::{Bound, Expectation, Over};
use crate::check::level::{COPIES, SINGLE, named_of_run};
use crate::explore::metric::{METRICS, Metric};
use crate::model::topology::Topology;
use crate::protocol::Guarantee;

/// Which of several seeds' values a table is about.
const NUMBERS: [Over; 6] = [Over::Every, Over::Mean, Over::Median, Over::Min, Over::Max, Over::Some];
const VERDICTS: [Over; 2] = [Over::Every, Over::Some];

/// What an expectation can be about.
enum Subject {
    Metric(&'static Metric),
    /// A guarantee or a level.
    Judged,
}

/// Reads the value of one name in `[expect]`: one expectation, or one for each key of a table. `others` are more words
/// that may stand in the name's place.
pub(super) fn read(
    name: &str,
    span: &Range<usize>,
    value: Value<'_>,
    topology: &Topology,
    others: &[&str],
) -> Result<Vec<Expectation>, Problem> {
    let (subject, name) = subject(name, span, topology, others)?;
    let overs = if matches!(subject, Subject::Judged) { &VERDICTS[..] } else { &NUMBERS[..] };
    if !value.get_ref().is_table() {
        return Ok(vec![Expectation { name, bound: bound(&subject, &value)?, over: Over::Every }]);
    }
    let at = value.span();
    let table = entries(value, "an expectation")?;
    if table.is_empty() {
        return Err(Problem::new(&at, "nothing is expected").help(format!("for example {}", example(&subject))));
    }
    let each = table.iter().map(|(key, value)| {
        let word: &str = key.get_ref();
        let over = overs.iter().find(|over| over.name() == word).ok_or_else(|| {
            let words = overs.iter().map(|over| over.name());
            Problem::unknown(&key.span(), format!("unknown key `{word}`"), word, "keys", words)
        })?;
        Ok(Expectation { name: name.clone(), bound: bound(&subject, value)?, over: *over })
    });
    each.collect()
}

/// What a name stands for, and the name as expectations spell it.
fn subject(
    name: &str,
    span: &Range<usize>,
    topology: &Topology,
    others: &[&str],
) -> Result<(Subject, String), Problem> {
    if let Some(guarantee) = Guarantee::from_name(&name.replace('_', "-")) {
        return Ok((Subject::Judged, guarantee.name().to_string()));
    }
    if let Some(level) = named_of_run(name) {
        let level = level.map_err(|why| Problem::new(span, format!("nothing can be expected of `{name}`: {why}")))?;
        return Ok((Subject::Judged, level.to_string()));
    }
    let levels = SINGLE.into_iter().chain(COPIES).filter(|name| Guarantee::from_name(name).is_none());
    let judged = Guarantee::ALL.map(Guarantee::name).into_iter().chain(levels);
    let words: Vec<&str> = judged.chain(others.iter().copied()).collect();
    find_metric(name, span, topology, &words).map(|metric| (Subject::Metric(metric), name.to_string()))
}

/// The metric of this name, which may have a region's. `others` are more words that may stand in its place.
pub(super) fn find_metric(
    name: &str,
    span: &Range<usize>,
    topology: &Topology,
    others: &[&str],
) -> Result<&'static Metric, Problem> {
    let why = match Metric::find(name, topology.regions()) {
        Ok((metric, _)) => return Ok(metric),
        Err(why) => why,
    };
    let (base, region) = name.split_once('/').map_or((name, None), |(base, region)| (base, Some(region)));
    let known = METRICS.iter().any(|metric| metric.name == base);
    let regions = topology.regions().iter().map(|name| &**name);
    Err(match region {
        Some(region) if known && topology.find(region).is_none() && !why.contains("whole run") => {
            Problem::unknown(span, format!("no region is called `{region}`"), region, "regions", regions)
        }
        _ if known => Problem::new(span, why),
        _ => {
            let is_judged = others.iter().any(|word| Guarantee::from_name(word).is_some());
            let kinds =
                if is_judged { "no metric, no guarantee, no level and no design" } else { "no metric and no design" };
            let words = METRICS.iter().map(|metric| metric.name).chain(others.iter().copied());
            Problem::unknown(span, format!("`{base}` is {kinds}"), base, "names", words)
        }
    })
}

fn bound(subject: &Subject, value: &Value<'_>) -> Result<Bound, Problem> {
    let span = value.span();
    let wrong = |found: &str| {
        Problem::new(&span, format!("expected {}, found {found}", what(subject)))
            .help(format!("for example {}", example(subject)))
    };
    match (subject, value.get_ref()) {
        (Subject::Judged, DeValue::String(text)) => match &**text {
            "pass" => Ok(Bound::Verdict("pass")),
            "fail" => Ok(Bound::Verdict("fail")),
            other => {
                Err(Problem::unknown(&span, format!("unknown verdict `{other}`"), other, "verdicts", ["pass", "fail"]))
            }
        },
        (Subject::Metric(metric), DeValue::String(text)) => bounds::parse(text, unit(metric))
            .map_err(|why| Problem::new(&span, why).help(format!("for example {}", example(subject)))),
        (Subject::Metric(metric), DeValue::Integer(number)) => {
            let exact = i64::from_str_radix(number.as_str(), number.radix()).ok();
            exactly(exact.map(|number| number as f64), metric, &span)
        }
        (Subject::Metric(metric), DeValue::Float(number)) => exactly(number.as_str().parse().ok(), metric, &span),
        (_, DeValue::Boolean(_)) => Err(wrong("a boolean")),
        (_, DeValue::Array(_)) => Err(wrong("an array")),
        (_, DeValue::Table(_)) => Err(wrong("a table")),
        (_, DeValue::Datetime(_)) => Err(wrong("a date or time")),
        (Subject::Judged, DeValue::Integer(_) | DeValue::Float(_)) => Err(wrong("a number")),
    }
}

fn exactly(number: Option<f64>, metric: &Metric, span: &Range<usize>) -> Result<Bound, Problem> {
    let number = number.filter(|number| number.is_finite());
    let number = number.ok_or_else(|| Problem::new(span, "the number is out of range"))?;
    bounds::within(number, unit(metric)).map_err(|why| Problem::new(span, why))?;
    Ok(bounds::exactly(number))
}

fn what(subject: &Subject) -> &'static str {
    match subject {
        Subject::Metric(_) => "a number or a bound",
        Subject::Judged => "a verdict",
    }
}

fn example(subject: &Subject) -> &'static str {
    match subject {
        Subject::Judged => "\"pass\", \"fail\" or { some = \"fail\" }",
        Subject::Metric(metric) => match unit(metric) {
            Unit::Ratio => "\">= 99%\", \"90%..95%\" or { mean = \"> 99%\" }",
            Unit::Millis => "\"< 250ms\", \"70..75\" or { median = \"3ms..4ms\" }",
            Unit::Seconds => "\"<= 30s\", \"3.3s..4.1s\" or { max = \"< 1min\" }",
            Unit::Bytes => "\"< 10MB\", 0 or { mean = \"1MB..2MB\" }",
            Unit::Count => "0, \"< 5\", \"10..20\" or { max = \"> 0\" }",
        },
    }
}

/// The unit that bounds of a metric may be written in. A metric without a unit is a count, but for the one that is a
/// part of a whole.
pub(super) fn unit(metric: &Metric) -> Unit {
    match (metric.unit, metric.name) {
        ("ms", _) => Unit::Millis,
        ("s", _) => Unit::Seconds,
        ("B", _) => Unit::Bytes,
        (_, "availability") => Unit::Ratio,
        _ => Unit::Count,
    }
}
