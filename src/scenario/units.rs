//! Values that are written with a unit: rates, percentages, offsets, and a delay or a range of delays.

use std::marker::PhantomData;
use std::ops::Range;

use serde::de::value::MapAccessDeserializer;
use serde::de::{Error, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};

use crate::model::transport::Bandwidth;
use crate::time::Duration;

/// A value, and where it stands in the text.
#[derive(Clone, Debug)]
pub(super) struct At<T> {
    pub value: T,
    pub span: Range<usize>,
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for At<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<At<T>, D::Error> {
        let spanned = toml::Spanned::<T>::deserialize(deserializer)?;
        Ok(At { span: spanned.span(), value: spanned.into_inner() })
    }
}

/// A table of keys, and where it stands in the text. The readers that serde derives take an array for a table, by the
/// order of its fields; this one does not.
#[derive(Clone, Debug)]
pub(super) struct Table<T> {
    pub value: T,
    pub span: Range<usize>,
}

/// A table that a scenario file may have.
pub(super) trait Keys {
    /// What is told to whoever writes something else in its place.
    const EXPECTED: &'static str;
}

impl<'de, T: Deserialize<'de> + Keys> Deserialize<'de> for Table<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Table<T>, D::Error> {
        let spanned = toml::Spanned::<TableOnly<T>>::deserialize(deserializer)?;
        Ok(Table { span: spanned.span(), value: spanned.into_inner().0 })
    }
}

struct TableOnly<T>(T);

impl<'de, T: Deserialize<'de> + Keys> Deserialize<'de> for TableOnly<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<TableOnly<T>, D::Error> {
        struct Map<T>(PhantomData<T>);

        impl<'de, T: Deserialize<'de> + Keys> Visitor<'de> for Map<T> {
            type Value = TableOnly<T>;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(T::EXPECTED)
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<TableOnly<T>, A::Error> {
                T::deserialize(MapAccessDeserializer::new(map)).map(TableOnly)
            }
        }

        deserializer.deserialize_any(Map(PhantomData))
    }
}

/// The mean gap between operations that come at a rate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Rate(pub Duration);

/// A probability as a ratio of integers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Percent {
    pub parts: u32,
    pub whole: u32,
}

/// How many times as much, as a ratio of integers; more than once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Factor {
    pub parts: u32,
    pub whole: u32,
}

/// So many bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Bytes(pub u64);

/// How much passes a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct BitRate(pub Bandwidth);

/// A span that may be negative, in nanoseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Offset(pub i64);

/// One delay, or the two ends of a uniform distribution.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Span {
    pub low: Duration,
    pub high: Duration,
}

/// A decimal number as an integer and how many of its digits are decimals.
fn decimal(text: &str) -> Option<(u64, u32)> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
    let digits = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
    if !digits(whole) || !digits(fraction) || fraction.len() > 9 {
        return None;
    }
    Some((format!("{whole}{fraction}").parse().ok()?, fraction.len() as u32))
}

impl std::str::FromStr for Rate {
    type Err = String;

    fn from_str(text: &str) -> Result<Rate, String> {
        let wrong = || format!("`{text}` is not a rate: write for example \"50/s\", \"0.5/s\", \"30/min\" or \"10/h\"");
        let (number, unit) = text.split_once('/').ok_or_else(wrong)?;
        let seconds = match unit {
            "s" => 1,
            "min" => 60,
            "h" => 3_600,
            _ => return Err(wrong()),
        };
        let (count, decimals) = decimal(number).ok_or_else(wrong)?;
        if count == 0 {
            return Err(format!("`{text}` is no rate: nothing would ever be asked"));
        }
        let nanos = u128::from(Duration::secs(seconds).as_nanos()) * 10_u128.pow(decimals) / u128::from(count);
        match u64::try_from(nanos) {
            Ok(nanos) if nanos > 0 => Ok(Rate(Duration::nanos(nanos))),
            _ => Err(format!("`{text}` is more than one a nanosecond")),
        }
    }
}

impl std::str::FromStr for Percent {
    type Err = String;

    fn from_str(text: &str) -> Result<Percent, String> {
        let wrong = || format!("`{text}` is not a percentage: write for example \"1%\" or \"0.5%\"");
        let (number, decimals) =
            text.strip_suffix('%').and_then(|number| decimal(number.trim_end())).ok_or_else(wrong)?;
        let whole = 100 * 10_u64.pow(decimals);
        if number > whole {
            return Err(format!("`{text}` is more than everything"));
        }
        match (u32::try_from(number), u32::try_from(whole)) {
            (Ok(parts), Ok(whole)) => Ok(Percent { parts, whole }),
            _ => Err(format!("`{text}` has more than seven decimals")),
        }
    }
}

impl std::str::FromStr for Factor {
    type Err = String;

    fn from_str(text: &str) -> Result<Factor, String> {
        let wrong = || format!("`{text}` is not a factor: write for example \"x3\" or \"x1.5\"");
        let (number, decimals) = text.strip_prefix('x').and_then(decimal).ok_or_else(wrong)?;
        let whole = 10_u64.pow(decimals);
        if number <= whole {
            return Err(format!("`{text}` makes nothing longer"));
        }
        match (u32::try_from(number), u32::try_from(whole)) {
            (Ok(parts), Ok(whole)) => Ok(Factor { parts, whole }),
            _ => Err(format!("`{text}` has too many digits")),
        }
    }
}

impl std::str::FromStr for BitRate {
    type Err = String;

    fn from_str(text: &str) -> Result<BitRate, String> {
        let wrong =
            || format!("`{text}` is not a bandwidth: write for example \"1Gbit/s\", \"1.5Mbit/s\" or \"64kbit/s\"");
        let digits = text.find(|c: char| c.is_ascii_alphabetic()).ok_or_else(wrong)?;
        let (number, unit) = text.split_at(digits);
        let size = match unit {
            "bit/s" => 1,
            "kbit/s" => 1_000,
            "Mbit/s" => 1_000_000,
            "Gbit/s" => 1_000_000_000,
            "Tbit/s" => 1_000_000_000_000,
            _ => return Err(wrong()),
        };
        let (count, decimals) = decimal(number.trim_end()).ok_or_else(wrong)?;
        let bits = u128::from(count) * size / 10_u128.pow(decimals);
        match u64::try_from(bits) {
            Ok(0) => Err(format!("`{text}` is no bandwidth: nothing would ever leave")),
            Ok(bits) => Ok(BitRate(Bandwidth::bits_per_second(bits))),
            Err(_) => Err(format!("`{text}` is more than 18 million Tbit/s")),
        }
    }
}

impl std::str::FromStr for Bytes {
    type Err = String;

    fn from_str(text: &str) -> Result<Bytes, String> {
        let wrong = || format!("`{text}` is not a size: write for example \"64KiB\", \"1500B\" or \"1.5MB\"");
        let digits = text.find(|c: char| c.is_ascii_alphabetic()).ok_or_else(wrong)?;
        let (number, unit) = text.split_at(digits);
        let size: u128 = match unit {
            "B" => 1,
            "kB" => 1_000,
            "MB" => 1_000_000,
            "GB" => 1_000_000_000,
            "KiB" => 1 << 10,
            "MiB" => 1 << 20,
            "GiB" => 1 << 30,
            _ => return Err(wrong()),
        };
        let (count, decimals) = decimal(number.trim_end()).ok_or_else(wrong)?;
        let bytes = u128::from(count) * size / 10_u128.pow(decimals);
        u64::try_from(bytes).map(Bytes).map_err(|_| format!("`{text}` is more than 16 EiB"))
    }
}

impl std::str::FromStr for Offset {
    type Err = String;

    fn from_str(text: &str) -> Result<Offset, String> {
        let (sign, span) = match text.strip_prefix('-') {
            Some(rest) => (-1, rest),
            None => (1, text.strip_prefix('+').unwrap_or(text)),
        };
        let span: Duration = span.parse().map_err(|error: crate::time::ParseDurationError| error.to_string())?;
        let nanos = i64::try_from(span.as_nanos()).map_err(|_| format!("`{text}` is longer than 292 years"))?;
        Ok(Offset(sign * nanos))
    }
}

macro_rules! deserialize_from_str {
    ($($type:ty),*) => {$(
        impl<'de> Deserialize<'de> for $type {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<$type, D::Error> {
                String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
            }
        }
    )*};
}

deserialize_from_str!(Rate, Percent, Factor, BitRate, Bytes, Offset);

impl<'de> Deserialize<'de> for Span {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Span, D::Error> {
        struct OneOrTwo;

        impl<'de> Visitor<'de> for OneOrTwo {
            type Value = Span;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a duration such as \"30ms\", or two: [\"30ms\", \"40ms\"]")
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<Span, E> {
                let one = text.parse().map_err(E::custom)?;
                Ok(Span { low: one, high: one })
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Span, A::Error> {
                let mut ends = Vec::new();
                while let Some(end) = seq.next_element::<Duration>()? {
                    ends.push(end);
                }
                match ends[..] {
                    [low, high] if low <= high => Ok(Span { low, high }),
                    [_, _] => Err(A::Error::custom("the longer delay comes first")),
                    _ => Err(A::Error::invalid_length(ends.len(), &self)),
                }
            }
        }

        deserializer.deserialize_any(OneOrTwo)
    }
}

#[cfg(feature = "cli")]
mod schema {
    use std::borrow::Cow;

    use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};

    use super::{At, BitRate, Bytes, Factor, Offset, Percent, Rate, Span, Table};
    use crate::time::Duration;

    macro_rules! with_the_schema_of_what_is_inside {
        ($($wrapper:ident),*) => {$(
            impl<T: JsonSchema> JsonSchema for $wrapper<T> {
                fn schema_name() -> Cow<'static, str> {
                    T::schema_name()
                }
                fn schema_id() -> Cow<'static, str> {
                    T::schema_id()
                }
                fn inline_schema() -> bool {
                    T::inline_schema()
                }
                fn json_schema(generator: &mut SchemaGenerator) -> Schema {
                    T::json_schema(generator)
                }
            }
        )*};
    }

    with_the_schema_of_what_is_inside!(At, Table);

    macro_rules! text {
        ($type:ident, $description:literal, $pattern:literal) => {
            impl JsonSchema for $type {
                fn schema_name() -> Cow<'static, str> {
                    stringify!($type).into()
                }
                fn json_schema(_: &mut SchemaGenerator) -> Schema {
                    json_schema!({ "type": "string", "description": $description, "pattern": $pattern })
                }
            }
        };
    }

    text!(
        Rate,
        "How many a second, minute or hour: \"50/s\", \"0.5/s\", \"30/min\", \"10/h\".",
        r"^[0-9]+(\.[0-9]+)?/(s|min|h)$"
    );
    text!(Percent, "A percentage: \"1%\", \"0.5%\".", r"^[0-9]+(\.[0-9]+)? ?%$");
    text!(Factor, "How many times as much, more than once: \"x3\", \"x1.5\".", r"^x[0-9]+(\.[0-9]+)?$");
    text!(
        BitRate,
        "How much passes in a second: \"1Gbit/s\", \"1.5Mbit/s\", \"64kbit/s\".",
        r"^[0-9]+(\.[0-9]+)? ?(bit|kbit|Mbit|Gbit|Tbit)/s$"
    );
    text!(Bytes, "A size: \"64KiB\", \"1500B\", \"1.5MB\".", r"^[0-9]+(\.[0-9]+)? ?(B|kB|MB|GB|KiB|MiB|GiB)$");
    text!(
        Offset,
        "A duration that may be negative: \"500ms\", \"-500ms\".",
        r"^[+-]?[0-9]+(\.[0-9]+)? ?(ns|us|µs|ms|s|min|h|d)$"
    );

    impl JsonSchema for Span {
        fn schema_name() -> Cow<'static, str> {
            "Span".into()
        }
        fn json_schema(generator: &mut SchemaGenerator) -> Schema {
            let one = generator.subschema_for::<Duration>();
            json_schema!({
                "description": "A duration; or two, between which every duration is as likely.",
                "anyOf": [one, { "type": "array", "items": one, "minItems": 2, "maxItems": 2 }]
            })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_are_gaps() {
        for (text, nanos) in [
            ("50/s", 20_000_000),
            ("0.5/s", 2_000_000_000),
            ("30/min", 2_000_000_000),
            ("1/h", 3_600_000_000_000),
            ("3/s", 333_333_333),
        ] {
            assert_eq!(text.parse::<Rate>().unwrap().0.as_nanos(), nanos, "{text}");
        }
        for text in
            ["50", "50/ms", "/s", "-1/s", "0/s", "0.0/s", "1./s", "2000000000/s", "99999999999999999999/s", "1e3/s"]
        {
            assert!(text.parse::<Rate>().is_err(), "{text}");
        }
    }

    #[test]
    fn percentages_are_ratios() {
        assert_eq!("1%".parse::<Percent>().unwrap(), Percent { parts: 10, whole: 1_000 });
        assert_eq!("0.05%".parse::<Percent>().unwrap(), Percent { parts: 5, whole: 10_000 });
        assert_eq!("100%".parse::<Percent>().unwrap(), Percent { parts: 1_000, whole: 1_000 });
        for text in ["1", "%", "101%", "0.00000001%", "-1%", "1.2.3%", "１%"] {
            assert!(text.parse::<Percent>().is_err(), "{text}");
        }
    }

    #[test]
    fn factors_are_more_than_one() {
        assert_eq!("x3".parse(), Ok(Factor { parts: 30, whole: 10 }));
        assert_eq!("x1.25".parse(), Ok(Factor { parts: 125, whole: 100 }));
        for text in ["3", "x", "x1", "x0.5", "x1.", "3x", "x-2", "x999999999999", "x1.0000000001"] {
            assert!(text.parse::<Factor>().is_err(), "{text}");
        }
    }

    #[test]
    fn bandwidths_are_bits_a_second() {
        let bits = |text: &str| text.parse::<BitRate>().map(|rate| rate.0.as_bits_per_second());
        assert_eq!(bits("1Gbit/s"), Ok(1_000_000_000));
        assert_eq!(bits("1.5 Mbit/s"), Ok(1_500_000));
        assert_eq!(bits("9601bit/s"), Ok(9_601));
        for text in
            ["1Gb/s", "1GB/s", "Gbit/s", "1", "", "0Mbit/s", "0.1bit/s", "-1bit/s", "99999999999Tbit/s", "１bit/s"]
        {
            assert!(bits(text).is_err(), "{text}");
        }
    }

    #[test]
    fn sizes_are_bytes() {
        for (text, bytes) in
            [("64KiB", 65_536), ("1500B", 1_500), ("1.5MB", 1_500_000), ("2 kB", 2_000), ("1GiB", 1 << 30)]
        {
            assert_eq!(text.parse(), Ok(Bytes(bytes)), "{text}");
        }
        for text in ["64", "KiB", "", "-1B", "1kb", "1TB", "99999999999999GB"] {
            assert!(text.parse::<Bytes>().is_err(), "{text}");
        }
    }

    #[test]
    fn offsets_have_a_sign() {
        assert_eq!("-500ms".parse(), Ok(Offset(-500_000_000)));
        assert_eq!("+1s".parse(), Ok(Offset(1_000_000_000)));
        for text in ["--1s", "-", "", "5", "200000d"] {
            assert!(text.parse::<Offset>().is_err(), "{text}");
        }
    }
}
