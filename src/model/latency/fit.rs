//! From the statistics of round trips to a one-way [`Delay`]: two independent draws add up to what was measured.
//!
//! This runs once a link, before the first event, and is the only place of this folder that computes in floats: with
//! `libm` by name, so that a link has the same integers on every platform. Next: `matrix.rs`, where statistics come
//! from.

use crate::time::Duration;

use super::{Delay, RoundTrip, Spread};

/// The standard deviation of logarithms assumed where two percentiles are all that is known.
const SIGMA: f64 = 0.86;

/// The median, P90 and P95 of the sum of two independent lognormals with median 1 and [`SIGMA`], by numerical
/// integration; a test integrates them again.
const SUM_P50: f64 = 2.333_450;
const SUM_P90: f64 = 5.349_635;
const SUM_P95: f64 = 6.812_366;

/// See [`Delay::fitted`], which documents what is fitted to what.
pub(super) fn fit(round_trip: RoundTrip) -> Delay {
    let constant = Delay::constant(round_trip.central / 2);
    match round_trip.spread {
        None => constant,
        Some(Spread::P90(p90)) => percentiles(round_trip.central, p90, SUM_P90).unwrap_or(constant),
        Some(Spread::P95(p95)) => percentiles(round_trip.central, p95, SUM_P95).unwrap_or(constant),
        Some(Spread::Ping { min, max, deviation }) => {
            moments(round_trip.central, min, max, deviation).unwrap_or(constant)
        }
    }
}

/// The delay of which two draws have the median `p50` and the percentile `high`, which is `sum_high` where the excess
/// has median 1; `None` where they do not scatter.
fn percentiles(p50: Duration, high: Duration, sum_high: f64) -> Option<Delay> {
    let (centre, distance) = (nanos(p50), nanos(high - p50));
    if p50.is_zero() || distance == 0.0 {
        return None;
    }
    // A floor is never below zero: a link with so long a tail keeps its median, and loses some tail.
    let scale = (distance / (sum_high - SUM_P50)).min(centre / SUM_P50);
    Some(Delay::lognormal(duration((centre - scale * SUM_P50) / 2.0), scale, SIGMA))
}

/// The delay with floor `min / 2` of which two draws have the mean `average` and the standard deviation `deviation`;
/// `None` where they do not scatter.
fn moments(average: Duration, min: Duration, max: Duration, deviation: Duration) -> Option<Delay> {
    let (above_min, below_max) = (nanos(average - min), nanos(max - average));
    // No set of numbers from min to max scatters more than this around its mean (Bhatia and Davis, 2000); the mdev of
    // half of the AWS links of 2020 claims to.
    let deviation = nanos(deviation).min(libm::sqrt(above_min * below_max));
    if above_min == 0.0 || deviation == 0.0 {
        return None;
    }
    let mean = above_min / 2.0;
    let variance = deviation * deviation / 2.0;
    let ratio = 1.0 + variance / (mean * mean);
    Some(Delay::lognormal(min / 2, mean / libm::sqrt(ratio), libm::sqrt(libm::log(ratio))))
}

fn nanos(span: Duration) -> f64 {
    span.as_nanos() as f64
}

fn duration(nanos: f64) -> Duration {
    Duration::nanos(libm::round(nanos) as u64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::latency::Matrix;
    use crate::model::latency::table::{QUANTILE_BITS, normal_quantile};
    use crate::rng::Stream;

    /// Round trips in milliseconds, shortest first: each the sum of two draws, there and back.
    fn round_trips(delay: Delay, name: &str) -> Vec<f64> {
        let (mut there, mut back) = (Stream::new(11, name), Stream::new(12, name));
        let mut sums: Vec<f64> = (0..200_000)
            .map(|_| {
                let (out, home) = (delay.sample(&mut there), delay.sample(&mut back));
                assert!(out >= delay.floor() && home >= delay.floor());
                (out + home).as_millis_f64()
            })
            .collect();
        sums.sort_unstable_by(f64::total_cmp);
        sums
    }

    fn percentile(sorted: &[f64], per_mille: usize) -> f64 {
        sorted[sorted.len() * per_mille / 1000]
    }

    fn near(ours: f64, measured: f64, tolerance: f64) -> bool {
        (ours / measured - 1.0).abs() <= tolerance
    }

    #[test]
    fn the_sum_of_two_lognormals_has_these_percentiles() {
        // P(X + Y <= s) is the mean of P(Y <= s - x) over the quantiles x of X.
        let n = 20_000_u64;
        let excess: Vec<f64> = (0..n)
            .map(|i| normal_quantile((u64::MAX / n) * i + u64::MAX / n / 2) as f64)
            .map(|z| libm::exp(SIGMA * z / f64::from(1_u32 << QUANTILE_BITS)))
            .collect();
        for (s, p) in [(SUM_P50, 0.5), (SUM_P90, 0.9), (SUM_P95, 0.95)] {
            let below = |x: &f64| 0.5 * libm::erfc(-libm::log(s - x) / SIGMA * std::f64::consts::FRAC_1_SQRT_2);
            let sum: f64 = excess.iter().filter(|x| **x < s).map(below).sum();
            assert!((sum / n as f64 - p).abs() < 2e-5, "{s}: {} for {p}", sum / n as f64);
        }
    }

    #[test]
    fn fitted_links_have_the_percentiles_of_the_matrix() {
        for (id, per_mille, links) in [
            (
                "aws-2025-07",
                900,
                &[
                    ("us-east-1", "us-west-2"),
                    ("us-east-1", "eu-west-1"),
                    ("us-east-1", "us-east-2"),
                    ("ap-east-1", "ap-east-2"), // the longest tail of the matrix
                    ("eu-west-1", "ap-southeast-2"),
                ][..],
            ),
            ("azure-2026-07", 950, &[("eastus", "westeurope"), ("eastasia", "francecentral")][..]),
        ] {
            let matrix = Matrix::load(id).unwrap().symmetrised();
            for (from, to) in links {
                let measured = matrix.link(from, to).unwrap();
                let Some(Spread::P90(high) | Spread::P95(high)) = measured.spread else { panic!("{from} {to}") };
                let (p50, high) = (measured.central.as_millis_f64(), high.as_millis_f64());
                let ours = round_trips(Delay::fitted(measured), from);
                let (our_p50, our_high, our_p999) =
                    (percentile(&ours, 500), percentile(&ours, per_mille), percentile(&ours, 999));
                assert!(near(our_p50, p50, 0.01), "{from} {to}: p50 {our_p50} for {p50}");
                assert!(near(our_high, high, 0.01), "{from} {to}: p{per_mille} {our_high} for {high}");
                // The tail itself, not only its sum with the floor.
                assert!(near(our_high - our_p50, high - p50, 0.02), "{from} {to}: {our_p50} {our_high}");
                assert!(our_p999 > high && our_p999 - p50 < 8.0 * (high - p50), "{from} {to}: p99.9 {our_p999}");
            }
        }
    }

    #[test]
    fn fitted_links_have_the_moments_of_the_matrix() {
        let matrix = Matrix::load("gcp-2020-06").unwrap().symmetrised();
        for (from, to) in [("europe-west1", "us-east1"), ("europe-west1", "asia-east1"), ("us-west1", "asia-east1")] {
            let measured = matrix.link(from, to).unwrap();
            let Some(Spread::Ping { min, deviation, .. }) = measured.spread else { panic!("{from} {to}") };
            let ours = round_trips(Delay::fitted(measured), from);
            let n = ours.len() as f64;
            let mean = ours.iter().sum::<f64>() / n;
            let spread = libm::sqrt(ours.iter().map(|x| (x - mean) * (x - mean)).sum::<f64>() / n);
            assert!(near(mean, measured.central.as_millis_f64(), 1e-4), "{from} {to}: mean {mean}");
            assert!(near(spread, deviation.as_millis_f64(), 0.05), "{from} {to}: sd {spread} for {deviation}");
            assert!(ours[0] >= min.as_millis_f64() - 1e-6, "{from} {to}: {} below {min}", ours[0]);
            assert!(percentile(&ours, 999) < mean + 12.0 * deviation.as_millis_f64(), "{from} {to}");
        }
    }

    #[test]
    fn what_does_not_scatter_is_constant() {
        let central = Duration::nanos(64_225_000);
        let ping = |min, max, deviation| Some(Spread::Ping { min, max, deviation });
        let (less, more, one) = (Duration::millis(60), Duration::millis(70), Duration::millis(1));
        for spread in [
            None,
            Some(Spread::P90(central)),
            Some(Spread::P95(less)),
            ping(central, more, one),
            ping(more, more, one),
            ping(less, central, one),
            ping(less, more, Duration::ZERO),
        ] {
            let delay = Delay::fitted(RoundTrip { central, spread });
            assert_eq!(delay, Delay::constant(Duration::nanos(32_112_500)), "{spread:?}");
        }
        let zero = RoundTrip { central: Duration::ZERO, spread: Some(Spread::P90(one)) };
        assert_eq!(Delay::fitted(zero), Delay::constant(Duration::ZERO));
    }

    #[test]
    fn a_tail_too_long_for_its_median_keeps_the_median() {
        let spread = Some(Spread::P90(Duration::millis(500)));
        let delay = Delay::fitted(RoundTrip { central: Duration::millis(100), spread });
        assert_eq!(delay.floor(), Duration::ZERO);
        let ours = round_trips(delay, "long tail");
        assert!(near(percentile(&ours, 500), 100.0, 0.01), "{}", percentile(&ours, 500));
        // 229 ms is the longest P90 that a floor of zero leaves to a median of 100 ms.
        assert!(near(percentile(&ours, 900), 229.26, 0.01), "{}", percentile(&ours, 900));
    }

    #[test]
    fn an_impossible_deviation_is_reduced_to_the_greatest_possible() {
        let millis = Duration::millis;
        let ping = |deviation| RoundTrip {
            central: millis(104),
            spread: Some(Spread::Ping { min: millis(100), max: millis(120), deviation }),
        };
        assert_eq!(Delay::fitted(ping(millis(50))), Delay::fitted(ping(millis(8))));
        assert_ne!(Delay::fitted(ping(millis(7))), Delay::fitted(ping(millis(8))));
    }
}
