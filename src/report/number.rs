//! Numbers for people: as many digits as they are worth, and units always.
//!
//! Next: `subject.rs`, what reports are about.

use crate::metrics::statistics::Estimate;
use crate::time::{Duration, Time};

/// Digits in groups of three: `12,345`.
pub fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A part of one as a percentage: `99.25`. What is less than all never reads 100.
pub fn percent(part: f64) -> String {
    let show = |decimals: usize| format!("{:.decimals$}", part * 100.0);
    let decimals = (2..6).find(|decimals| part >= 1.0 || !show(*decimals).starts_with("100")).unwrap_or(6);
    show(decimals)
}

/// Milliseconds: two decimals, and three below one.
pub fn millis(span: Duration) -> String {
    let ms = span.as_millis_f64();
    if span.is_zero() {
        "0".into()
    } else if ms < 1.0 {
        format!("{ms:.3}")
    } else {
        with_groups(format!("{ms:.2}"))
    }
}

/// Seconds with three decimals, of which trailing zeros are left out: `15.3 s`.
pub fn seconds(span: Duration) -> String {
    format!("{} s", trimmed(span.as_secs_f64(), 3))
}

/// An instant in seconds, to the nanosecond: `12.345678901s`.
pub fn instant(at: Time) -> String {
    if at == Time::NEVER {
        return "never".into();
    }
    let nanos = at.as_nanos();
    format!("{}.{:09}s", nanos / 1_000_000_000, nanos % 1_000_000_000)
}

/// Bytes with a unit: `1.25 MB`.
pub fn bytes(number: u64) -> String {
    let (scale, unit) = byte_unit(number as f64);
    format!("{} {unit}", trimmed(number as f64 / scale, 2))
}

/// The decimal unit in which so many bytes read best: how many bytes it has, and its name.
pub fn byte_unit(number: f64) -> (f64, &'static str) {
    let units = [(1e9, "GB"), (1e6, "MB"), (1e3, "kB")];
    units.into_iter().find(|(scale, _)| number >= *scale).unwrap_or((1.0, "B"))
}

/// With up to so many decimals.
pub fn trimmed(number: f64, decimals: usize) -> String {
    let text = format!("{number:.decimals$}");
    let text = if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.') } else { &text };
    if text == "-0" { "0".into() } else { text.into() }
}

/// A mean and half its interval, the mean to the digit that the second of the interval is at: `("64.2", "0.15")`. The
/// second is empty where all samples were the same.
pub fn estimate(estimate: &Estimate, scale: f64) -> (String, String) {
    let (mean, half) = (estimate.mean / scale, (estimate.high - estimate.low) / 2.0 / scale);
    // All samples were the same, but for what summing them up lost.
    if half <= 1e-9 * mean.abs() {
        return (with_groups(trimmed(mean, 3)), String::new());
    }
    let decimals = (0..6).find(|decimals| half * scale_of(*decimals) >= 9.5).unwrap_or(6);
    (with_groups(format!("{mean:.decimals$}")), with_groups(format!("{half:.decimals$}")))
}

fn scale_of(decimals: usize) -> f64 {
    (0..decimals).fold(1.0, |scale, _| scale * 10.0)
}

/// Groups the digits of what is long enough to need it.
fn with_groups(number: String) -> String {
    let (whole, rest) = number.split_once('.').unwrap_or((&number, ""));
    match whole.parse::<u64>() {
        Ok(whole) if whole >= 1_000 && rest.is_empty() => grouped(whole),
        Ok(whole) if whole >= 1_000 => format!("{}.{rest}", grouped(whole)),
        _ => number,
    }
}

/// `1 seed`, `2 seeds`.
pub fn counted(number: usize, thing: &str) -> String {
    format!("{} {thing}{}", grouped(number as u64), if number == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn less_than_all_is_never_100_percent() {
        assert_eq!(percent(1.0), "100.00");
        assert_eq!(percent(0.99996), "99.996");
        assert_eq!(percent(0.9925), "99.25");
        assert_eq!(percent(0.0), "0.00");
    }

    #[test]
    fn digits_are_what_the_interval_is_worth() {
        let of = |mean: f64, half: f64| Estimate { mean, low: mean - half, high: mean + half };
        let both = |a: &str, b: &str| (a.to_string(), b.to_string());
        assert_eq!(estimate(&of(64.2251, 0.153), 1.0), both("64.23", "0.15"));
        assert_eq!(estimate(&of(7.0, 0.0), 1.0), both("7", ""));
        assert_eq!(estimate(&of(0.3, 1e-15), 1.0), both("0.3", ""));
        assert_eq!(estimate(&of(123_456.0, 789.0), 1.0), both("123,456", "789"));
        assert_eq!(estimate(&of(2_500_000.0, 31_000.0), 1e6), both("2.500", "0.031"));
    }

    #[test]
    fn an_instant_has_every_nanosecond() {
        assert_eq!(instant(Time::from_nanos(12_345_678_901)), "12.345678901s");
        assert_eq!(grouped(1_234_567), "1,234,567");
        assert_eq!((grouped(0), grouped(999)), ("0".into(), "999".into()));
        assert_eq!(bytes(1_250_000), "1.25 MB");
    }
}
