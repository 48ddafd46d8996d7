//! Simulated time: [`Time`] is an instant, [`Duration`] a span, both in whole nanoseconds.
//!
//! Nothing here reads a wall clock. Durations are written with a unit (`"1.5s"`, `"30ms"`, `"2min"`) and parsed with
//! integer arithmetic, so the same text is the same number on every platform. Next: `id.rs`, the names of things.

use std::fmt;
use std::ops::{Add, AddAssign, Div, Mul, Sub};
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

const NANOS_PER_SECOND: u64 = 1_000_000_000;

/// An instant of simulated time, in nanoseconds since the run began.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Time(u64);

impl Time {
    /// The first instant of a run.
    pub const ZERO: Time = Time(0);
    /// Later than every instant: the completion of an operation that never completes.
    pub const NEVER: Time = Time(u64::MAX);

    /// The instant `nanos` nanoseconds after the start.
    pub const fn from_nanos(nanos: u64) -> Time {
        Time(nanos)
    }

    /// Nanoseconds since the start.
    pub const fn as_nanos(self) -> u64 {
        self.0
    }

    /// Seconds since the start, for reports only: no decision in a run is made on a float.
    pub fn as_secs_f64(self) -> f64 {
        self.0 as f64 / NANOS_PER_SECOND as f64
    }

    /// The span from `earlier` to this instant; zero where `earlier` is later.
    pub const fn since(self, earlier: Time) -> Duration {
        Duration(self.0.saturating_sub(earlier.0))
    }
}

impl Add<Duration> for Time {
    type Output = Time;
    fn add(self, span: Duration) -> Time {
        Time(self.0.saturating_add(span.0))
    }
}

impl AddAssign<Duration> for Time {
    fn add_assign(&mut self, span: Duration) {
        *self = *self + span;
    }
}

impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if *self == Time::NEVER { f.write_str("never") } else { Duration(self.0).fmt(f) }
    }
}

impl fmt::Debug for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A span of simulated time, in nanoseconds.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Duration(u64);

impl Duration {
    /// What is asked for again and again comes no more often than this: a world of more events than messages is a slip of a
    /// unit.
    pub const SHORTEST_PERIOD: Duration = Duration::millis(1);
    /// No time at all.
    pub const ZERO: Duration = Duration(0);
    /// The longest span; a timer set this far away never fires.
    pub const MAX: Duration = Duration(u64::MAX);

    /// A span of `n` nanoseconds.
    pub const fn nanos(n: u64) -> Duration {
        Duration(n)
    }

    /// A span of `n` microseconds.
    pub const fn micros(n: u64) -> Duration {
        Duration(n * 1_000)
    }

    /// A span of `n` milliseconds.
    pub const fn millis(n: u64) -> Duration {
        Duration(n * 1_000_000)
    }

    /// A span of `n` seconds.
    pub const fn secs(n: u64) -> Duration {
        Duration(n * NANOS_PER_SECOND)
    }

    /// Whole nanoseconds.
    pub const fn as_nanos(self) -> u64 {
        self.0
    }

    /// Milliseconds, for reports only.
    pub fn as_millis_f64(self) -> f64 {
        self.0 as f64 / 1e6
    }

    /// Seconds, for reports only.
    pub fn as_secs_f64(self) -> f64 {
        self.0 as f64 / NANOS_PER_SECOND as f64
    }

    /// Whether this is no time at all.
    pub const fn is_zero(self) -> bool {
        self.0 == 0
    }
}

impl Add for Duration {
    type Output = Duration;
    fn add(self, other: Duration) -> Duration {
        Duration(self.0.saturating_add(other.0))
    }
}

impl AddAssign for Duration {
    fn add_assign(&mut self, other: Duration) {
        *self = *self + other;
    }
}

impl Sub for Duration {
    type Output = Duration;
    /// Stops at zero: a span is never negative.
    fn sub(self, other: Duration) -> Duration {
        Duration(self.0.saturating_sub(other.0))
    }
}

impl Mul<u64> for Duration {
    type Output = Duration;
    fn mul(self, factor: u64) -> Duration {
        Duration(self.0.saturating_mul(factor))
    }
}

impl Div<u64> for Duration {
    type Output = Duration;
    fn div(self, divisor: u64) -> Duration {
        Duration(self.0 / divisor)
    }
}

/// Units from the longest to the shortest, each with its nanoseconds.
const UNITS: [(&str, u64); 7] = [
    ("d", 86_400 * NANOS_PER_SECOND),
    ("h", 3_600 * NANOS_PER_SECOND),
    ("min", 60 * NANOS_PER_SECOND),
    ("s", NANOS_PER_SECOND),
    ("ms", 1_000_000),
    ("us", 1_000),
    ("ns", 1),
];

impl fmt::Display for Duration {
    /// The longest unit that leaves at least one whole, with up to three decimals: `1.5s`, `45s`, `2min`, `30.125ms`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0 == 0 {
            return f.write_str("0s");
        }
        let exact = UNITS.iter().find(|(_, nanos)| self.0.is_multiple_of(*nanos) && self.0 / nanos < 1_000);
        if let Some((unit, nanos)) = exact {
            return write!(f, "{}{unit}", self.0 / nanos);
        }
        let (unit, nanos) = UNITS[3..].iter().find(|(_, nanos)| self.0 >= *nanos).copied().unwrap_or(("ns", 1));
        let whole = self.0 / nanos;
        let thousandths = (self.0 % nanos) * 1_000 / nanos;
        if thousandths == 0 {
            return write!(f, "{whole}{unit}");
        }
        let decimals = format!("{thousandths:03}");
        write!(f, "{whole}.{}{unit}", decimals.trim_end_matches('0'))
    }
}

impl fmt::Debug for Duration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Why a text is not a duration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParseDurationError(String);

impl fmt::Display for ParseDurationError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for ParseDurationError {}

impl FromStr for Duration {
    type Err = ParseDurationError;

    /// Reads a decimal number and a unit: `ns`, `us`, `ms`, `s`, `min`, `h` or `d`.
    ///
    /// # Errors
    /// Where the number or the unit is missing or unknown, where it is finer than a nanosecond, or longer than 584 years.
    fn from_str(text: &str) -> Result<Duration, ParseDurationError> {
        let fail = |why: &str| {
            Err(ParseDurationError(format!(
                "`{text}` is not a duration: {why} (write for example \"30ms\", \"1.5s\" or \"2min\")"
            )))
        };
        if text.trim_start().starts_with('-') {
            return fail("it is negative");
        }
        let split = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
        let (number, unit) = (&text[..split], text[split..].trim_start());
        if unit.is_empty() {
            return fail("its unit is missing");
        }
        let Some((_, nanos)) = UNITS.iter().find(|(name, _)| *name == unit || (unit == "µs" && *name == "us")) else {
            return fail("its unit must be ns, us, ms, s, min, h or d");
        };
        let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
        if whole.is_empty() || number.ends_with('.') || fraction.contains('.') {
            return fail("its number is missing or malformed");
        }
        let Ok(whole) = whole.parse::<u64>() else { return fail("its number is too large") };
        let Some(mut total) = whole.checked_mul(*nanos) else { return fail("it is longer than 584 years") };
        let mut digit_nanos = *nanos;
        for digit in fraction.bytes() {
            if !digit_nanos.is_multiple_of(10) && digit != b'0' {
                return fail("it is finer than a nanosecond");
            }
            digit_nanos /= 10;
            total = match total.checked_add(u64::from(digit - b'0') * digit_nanos) {
                Some(sum) => sum,
                None => return fail("it is longer than 584 years"),
            };
        }
        Ok(Duration(total))
    }
}

impl<'de> Deserialize<'de> for Duration {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

impl Serialize for Duration {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(feature = "cli")]
impl schemars::JsonSchema for Duration {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Duration".into()
    }
    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({
            "type": "string",
            "description": "A number and a unit: ns, us, ms, s, min, h or d. For example \"30ms\", \"1.5s\", \"2min\".",
            "pattern": r"^[0-9]+(\.[0-9]+)? ?(ns|us|µs|ms|s|min|h|d)$"
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_read_back_as_written() {
        for (text, nanos) in [
            ("1.5s", 1_500_000_000),
            ("2min", 120_000_000_000),
            ("30ms", 30_000_000),
            ("32.1125ms", 32_112_500),
            ("7us", 7_000),
            ("1h", 3_600_000_000_000),
            ("0.000000001s", 1),
        ] {
            assert_eq!(text.parse::<Duration>().unwrap().as_nanos(), nanos, "{text}");
        }
        for span in
            [Duration::ZERO, Duration::millis(1500), Duration::secs(45), Duration::secs(120), Duration::nanos(999)]
        {
            assert_eq!(span.to_string().parse::<Duration>().unwrap(), span);
        }
        assert_eq!(Duration::millis(1500).to_string(), "1.5s");
        assert_eq!(Duration::secs(120).to_string(), "2min");
    }

    #[test]
    fn what_is_no_duration_says_why() {
        for (text, why) in [
            ("30", "unit is missing"),
            ("", "unit is missing"),
            ("ms", "number is missing"),
            ("3 parsecs", "must be ns"),
            ("1.2.3s", "malformed"),
            ("0.5ns", "finer than a nanosecond"),
            ("99999999999h", "584 years"),
            ("-3s", "negative"),
        ] {
            let error = text.parse::<Duration>().unwrap_err().to_string();
            assert!(error.contains(why), "{text}: {error}");
        }
    }

    #[test]
    fn time_does_not_wrap() {
        assert_eq!(Time::NEVER + Duration::secs(1), Time::NEVER);
        assert_eq!(Time::ZERO.since(Time::from_nanos(5)), Duration::ZERO);
    }
}
