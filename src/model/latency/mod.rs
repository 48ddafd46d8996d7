//! How long a message takes from region to region: measured round trips, and delays fitted to them.
//!
//! A [`Matrix`] holds measured **round trips** with their dispersion. A [`Delay`] is what a link of the simulation
//! draws from: the **one-way** time of one message. Between the two stands a fit, with one convention: a message takes
//! one draw, a round trip two independent ones, and it is the *sum of two draws* that has the statistics of the matrix.
//!
//! ```
//! use riftzone::model::latency::Matrix;
//! use riftzone::rng::Stream;
//!
//! let matrix = Matrix::load("aws-2025-07").expect("a bundled matrix").symmetrised();
//! let round_trip = matrix.round_trip("us-east-1", "us-west-2").expect("a measured link");
//! assert_eq!(round_trip.to_string(), "64.225ms");
//!
//! let delay = matrix.delay("us-east-1", "us-west-2").expect("a measured link");
//! let mut stream = Stream::new(1, "link us-east-1 us-west-2");
//! assert!(delay.sample(&mut stream) >= delay.floor());
//! ```
//!
//! In order: `delay.rs` (what a link draws), `fit.rs` (from statistics to delays), `table.rs` (the quantile and the
//! power behind it), `matrix.rs`, `csv.rs`, `catalogue.rs` (what is bundled). The data are in `data/latency/`. Next:
//! `delay.rs`.

mod catalogue;
mod csv;
mod delay;
mod fit;
mod matrix;
mod table;

use crate::time::Duration;

pub use catalogue::{MatrixInfo, Statistics, UnknownMatrix, bundled};
pub use csv::{CsvError, CsvProblem};
pub use delay::Delay;
pub use matrix::Matrix;

/// What was measured of the round trips of one link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RoundTrip {
    /// The central statistic: the median where the matrix has percentiles, and the average elsewhere.
    pub central: Duration,
    /// How the round trips scatter; `None` where the source gives a single figure.
    pub spread: Option<Spread>,
}

/// How the round trips of one link scatter, in the terms of the source.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Spread {
    /// The 90th percentile, beside a median.
    P90(Duration),
    /// The 95th percentile, beside a median.
    P95(Duration),
    /// What ping prints, beside an average.
    Ping {
        /// The shortest round trip.
        min: Duration,
        /// The longest round trip.
        max: Duration,
        /// The standard deviation, which ping calls mdev.
        deviation: Duration,
    },
}

impl RoundTrip {
    /// A link known by one figure.
    pub const fn constant(central: Duration) -> RoundTrip {
        RoundTrip { central, spread: None }
    }

    /// The mean of both directions, statistic by statistic, to the nanosecond below.
    ///
    /// Where one direction alone has a spread, that spread is kept at its distance from the centre.
    pub fn symmetrised(self, back: RoundTrip) -> RoundTrip {
        let central = mean(self.central, back.central);
        let moved = |value: Duration, from: Duration| (central + value) - from;
        let spread = match (self.spread, back.spread) {
            (Some(there), Some(back)) => there.mean(back),
            (Some(only), None) => Some(only.map(|value| moved(value, self.central))),
            (None, Some(only)) => Some(only.map(|value| moved(value, back.central))),
            (None, None) => None,
        };
        RoundTrip { central, spread }
    }
}

impl Spread {
    /// The mean with a spread of the same kind; `None` where the kinds differ, for they have no mean.
    fn mean(self, other: Spread) -> Option<Spread> {
        match (self, other) {
            (Spread::P90(a), Spread::P90(b)) => Some(Spread::P90(mean(a, b))),
            (Spread::P95(a), Spread::P95(b)) => Some(Spread::P95(mean(a, b))),
            (Spread::Ping { min, max, deviation }, Spread::Ping { min: min_b, max: max_b, deviation: deviation_b }) => {
                Some(Spread::Ping {
                    min: mean(min, min_b),
                    max: mean(max, max_b),
                    deviation: mean(deviation, deviation_b),
                })
            }
            _ => None,
        }
    }

    /// Moves every statistic that is a position; a deviation is a distance and stays.
    fn map(self, shift: impl Fn(Duration) -> Duration) -> Spread {
        match self {
            Spread::P90(value) => Spread::P90(shift(value)),
            Spread::P95(value) => Spread::P95(shift(value)),
            Spread::Ping { min, max, deviation } => Spread::Ping { min: shift(min), max: shift(max), deviation },
        }
    }
}

/// The mean of two spans, to the nanosecond below.
fn mean(a: Duration, b: Duration) -> Duration {
    Duration::nanos(u64::midpoint(a.as_nanos(), b.as_nanos()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_directions_have_one_mean() {
        let millis = Duration::millis;
        let there = RoundTrip { central: millis(10), spread: Some(Spread::P90(millis(14))) };
        let back = RoundTrip { central: millis(20), spread: Some(Spread::P90(millis(22))) };
        let both = RoundTrip { central: millis(15), spread: Some(Spread::P90(millis(18))) };
        assert_eq!(there.symmetrised(back), both);
        assert_eq!(back.symmetrised(there), both);
    }

    #[test]
    fn a_spread_known_one_way_keeps_its_distance() {
        let millis = Duration::millis;
        let there = RoundTrip { central: millis(10), spread: Some(Spread::P95(millis(14))) };
        let back = RoundTrip::constant(millis(20));
        let both = RoundTrip { central: millis(15), spread: Some(Spread::P95(millis(19))) };
        assert_eq!(there.symmetrised(back), both);
        assert_eq!(back.symmetrised(there), both);
    }
}
