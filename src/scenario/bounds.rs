//! Bounds: `>= 99%`, `< 30s`, `= 0`, `10..20`, `3.3s..4.1s`.
//!
//! A bound is compared with a metric in the metric's own unit, so what is written with another unit is converted here.

use super::Bound;
use crate::time::Duration;

/// What a metric is measured in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unit {
    /// A part of a whole, from 0 to 1.
    Ratio,
    /// Milliseconds.
    Millis,
    /// Seconds.
    Seconds,
    /// Bytes.
    Bytes,
    /// How many.
    Count,
}

/// Units of bytes, with the power of ten of each.
const BYTES: [(&str, u32); 5] = [("B", 0), ("kB", 3), ("MB", 6), ("GB", 9), ("TB", 12)];

/// A bound that one number alone keeps.
pub(super) fn exactly(number: f64) -> Bound {
    Bound::Range { low: Some((number, true)), high: Some((number, true)) }
}

/// Reads a bound.
pub(super) fn parse(text: &str, unit: Unit) -> Result<Bound, String> {
    let text = text.trim();
    if let Some((low, high)) = text.split_once("..") {
        let (low_text, high_text) = (low.trim(), high.trim());
        if suffix(low_text).is_empty() != suffix(high_text).is_empty() {
            return Err(format!("`{text}` has a unit on one of its ends alone"));
        }
        let (low, high) = (quantity(low_text, unit)?, quantity(high_text, unit)?);
        if low > high {
            return Err(format!("`{text}` is empty: the greater end comes first"));
        }
        return Ok(Bound::Range { low: Some((low, true)), high: Some((high, true)) });
    }
    let operator_end = text.find(|c| !matches!(c, '<' | '>' | '=')).unwrap_or(text.len());
    let (operator, number) = text.split_at(operator_end);
    let number = || quantity(number.trim_start(), unit);
    Ok(match operator {
        ">=" => Bound::Range { low: Some((number()?, true)), high: None },
        ">" => Bound::Range { low: Some((number()?, false)), high: None },
        "<=" => Bound::Range { low: None, high: Some((number()?, true)) },
        "<" => Bound::Range { low: None, high: Some((number()?, false)) },
        "=" | "" => exactly(number()?),
        other => return Err(format!("`{other}` compares nothing: write `>=`, `>`, `<=`, `<` or `=`")),
    })
}

/// Whether a number can be a value of this unit at all.
pub(super) fn within(number: f64, unit: Unit) -> Result<(), String> {
    match unit {
        Unit::Ratio if !(0.0..=1.0).contains(&number) => {
            Err(format!("{number} is not from 0 to 1: write 99% or 0.99 for ninety-nine in a hundred"))
        }
        _ if number < 0.0 => Err(format!("{number} is below zero, and nothing measured is")),
        _ => Ok(()),
    }
}

/// What follows the digits of a quantity.
fn suffix(text: &str) -> &str {
    text.trim_start_matches(|c: char| c.is_ascii_digit() || c == '.').trim_start()
}

/// A number with or without a unit, in the metric's own.
pub(super) fn quantity(text: &str, unit: Unit) -> Result<f64, String> {
    let suffix = suffix(text);
    let number = text[..text.len() - suffix.len()].trim_end();
    let digits = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
    let (whole, fraction) = number.split_once('.').unwrap_or((number, "0"));
    if !digits(whole) || !digits(fraction) {
        return Err(format!("`{text}` is not a number with a unit"));
    }
    // By text, so that 99.9% is the same number as 0.999.
    let shifted = |exponent: i32| format!("{number}e{exponent}").parse::<f64>().unwrap_or(f64::INFINITY);
    let duration = || text.parse::<Duration>().map_err(|error| error.to_string());
    let value = match (suffix, unit) {
        ("", _) => shifted(0),
        ("%", Unit::Ratio) => shifted(-2),
        ("%", _) => return Err(format!("`{text}`: a percentage is of a metric from 0 to 1, and this one is not")),
        (_, Unit::Millis) => duration()?.as_millis_f64(),
        (_, Unit::Seconds) => duration()?.as_secs_f64(),
        (_, Unit::Bytes) => match BYTES.iter().find(|(name, _)| *name == suffix) {
            Some((_, power)) => shifted(*power as i32),
            None => return Err(format!("`{text}`: the unit must be B, kB, MB, GB or TB")),
        },
        (_, Unit::Ratio) => return Err(format!("`{text}`: the unit must be %")),
        (_, Unit::Count) => return Err(format!("`{text}`: a count has no unit")),
    };
    if !value.is_finite() {
        return Err(format!("`{text}` is out of range"));
    }
    within(value, unit).map(|()| value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bounds_are_read_in_the_unit_of_the_metric() {
        for (text, unit, shown) in [
            (">= 99%", Unit::Ratio, ">= 0.99"),
            ("=100%", Unit::Ratio, "1"),
            ("99.9%..1", Unit::Ratio, ""),
            ("0.9..0.95", Unit::Ratio, "0.9..0.95"),
            ("<= 30s", Unit::Seconds, "<= 30"),
            ("<= 1.5min", Unit::Seconds, "<= 90"),
            ("< 2s", Unit::Millis, "< 2000"),
            ("3.3s..4.1s", Unit::Seconds, "3.3..4.1"),
            ("800ms .. 1s", Unit::Millis, "800..1000"),
            ("10..20", Unit::Count, "10..20"),
            ("= 0", Unit::Count, "0"),
            ("7", Unit::Count, "7"),
            ("> 0", Unit::Count, "> 0"),
            ("< 1.5MB", Unit::Bytes, "< 1500000"),
            ("< 20 kB", Unit::Bytes, "< 20000"),
        ] {
            match parse(text, unit) {
                Ok(bound) => assert_eq!(bound.to_string(), shown, "{text}"),
                Err(why) => assert!(shown.is_empty() && why.contains("on one of its ends"), "{text}: {why}"),
            }
        }
    }

    #[test]
    fn a_percentage_is_the_number_that_it_says() {
        assert_eq!(parse("99.9%", Unit::Ratio).unwrap(), exactly(0.999));
        assert_eq!(parse("0.7%", Unit::Ratio).unwrap(), exactly(0.007));
    }

    #[test]
    fn what_is_no_bound_says_why() {
        for (text, unit, why) in [
            ("", Unit::Count, "not a number"),
            ("5..", Unit::Count, "not a number"),
            ("1...2", Unit::Count, "not a number"),
            ("=> 5", Unit::Count, "compares nothing"),
            ("== 5", Unit::Count, "compares nothing"),
            ("5s", Unit::Count, "has no unit"),
            ("5%", Unit::Seconds, "percentage"),
            ("5 parsecs", Unit::Seconds, "must be ns"),
            ("99", Unit::Ratio, "from 0 to 1"),
            ("101%", Unit::Ratio, "from 0 to 1"),
            ("-1", Unit::Count, "not a number"),
            ("1e3", Unit::Count, "has no unit"),
            ("20..10", Unit::Count, "greater end"),
            ("1MiB", Unit::Bytes, "must be B"),
        ] {
            let found = parse(text, unit).unwrap_err();
            assert!(found.contains(why), "{text}: {found}");
        }
        assert!(parse(&"9".repeat(400), Unit::Count).is_err());
    }
}
