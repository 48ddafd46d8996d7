//! [`Delay`]: how long one message takes one way over one link.
//!
//! Sampling is integers from end to end and allocates nothing: one 64-bit word becomes a normal quantile by a table,
//! and the quantile a power of two by another. Next: `table.rs`, those two tables.

use crate::rng::Stream;
use crate::time::Duration;

use super::RoundTrip;
use super::fit::fit;
use super::table::{QUANTILE_BITS, normal_quantile, power_of_two};

/// Fraction bits of [`Lognormal::sigma`]. With at most 2^6 octaves and a quantile below 8, the product fits an `i64`.
const SIGMA_BITS: u32 = 24;

/// The distribution of the one-way delay of a message over a link. Every message draws its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Delay(Kind);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Constant(Duration),
    Uniform { low: Duration, high: Duration },
    Exponential { mean: Duration },
    Lognormal { floor: Duration, excess: Lognormal },
}

/// `2^(log_scale + sigma * z)` nanoseconds, for a standard normal `z`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Lognormal {
    /// The binary logarithm of the median in nanoseconds, with 32 fraction bits.
    log_scale: i64,
    /// Octaves a standard deviation, with [`SIGMA_BITS`] fraction bits.
    sigma: i64,
}

impl Delay {
    /// Every message takes `delay`. Draws nothing.
    pub const fn constant(delay: Duration) -> Delay {
        Delay(Kind::Constant(delay))
    }

    /// Any delay from `low` to `high`, both included, is as likely; `low` where the range is empty.
    ///
    /// Draws one word, and more only where [`Stream::between`] must reject one for fairness.
    pub const fn uniform(low: Duration, high: Duration) -> Delay {
        Delay(Kind::Uniform { low, high })
    }

    /// Exponential delays, from nothing upwards: a link for comparisons with closed forms, not for a real network.
    /// Draws one word.
    pub const fn exponential(mean: Duration) -> Delay {
        Delay(Kind::Exponential { mean })
    }

    /// The one-way delay of which two independent draws add up to the measured `round_trip`. Draws one word, or none
    /// where the measurement has no dispersion: then every message takes half the central round trip.
    ///
    /// The delay is a floor, which is the path, and a lognormal excess, which is queues and routes.
    ///
    /// - Median and P90 (or P95): the excess has the standard deviation of logarithms 0.86, an *assumption*, for two
    ///   percentiles cannot tell skewness (the distance of P99 from the median is then 2.8 times that of P90). Floor
    ///   and scale are such that the sum of two draws has the two percentiles. Where that asks for a negative floor (a
    ///   P90 beyond 2.29 medians, a P95 beyond 2.92), the floor is zero and the tail shorter than measured.
    /// - Ping: the floor is half of `min`, and the sum of two draws has the average and the deviation. A deviation
    ///   greater than `min`, average and `max` allow is reduced to the greatest that they do: `sqrt((max - avg) (avg -
    ///   min))`. An hour of pings whose deviation comes from a few spikes gets rare draws beyond its `max`: the moments
    ///   are matched, and nothing is cut off.
    /// - A percentile not above the median, an average not above `min`, or a deviation of zero: constant.
    ///
    /// The longest draw stands 6.34 standard deviations out, which two messages in 2^34 reach.
    pub fn fitted(round_trip: RoundTrip) -> Delay {
        fit(round_trip)
    }

    /// Lognormal delays, from nothing upwards, of which half are longer than `median` and one in a hundred is longer than
    /// `p99`; constant where `p99` is not above the median, or the median is zero. Draws one word, or none.
    pub fn lognormal_with(median: Duration, p99: Duration) -> Delay {
        /// Above which lies one in a hundred of a standard normal.
        const QUANTILE_P99: f64 = 2.326_347_874_040_841;
        if median.is_zero() || p99 <= median {
            return Delay::constant(median);
        }
        let [median_nanos, p99_nanos] = [median, p99].map(|span| span.as_nanos() as f64);
        Delay::lognormal(Duration::ZERO, median_nanos, libm::log(p99_nanos / median_nanos) / QUANTILE_P99)
    }

    /// `floor` and a lognormal excess with median `scale_nanos` and standard deviation of natural logarithms `sigma`.
    pub(super) fn lognormal(floor: Duration, scale_nanos: f64, sigma: f64) -> Delay {
        let octaves = sigma / std::f64::consts::LN_2;
        let log_scale = libm::round(libm::ldexp(libm::log2(scale_nanos), 32)) as i64;
        let sigma = libm::round(libm::ldexp(octaves.min(63.0), SIGMA_BITS as i32)) as i64;
        Delay(Kind::Lognormal { floor, excess: Lognormal { log_scale, sigma } })
    }

    /// How long the next message takes.
    #[inline(always)]
    pub fn sample(&self, stream: &mut Stream) -> Duration {
        match self.0 {
            Kind::Constant(delay) => delay,
            Kind::Uniform { low, high } => stream.between(low, high),
            Kind::Exponential { mean } => stream.exponential(mean),
            Kind::Lognormal { floor, excess } => floor + excess.at(normal_quantile(stream.bits())),
        }
    }

    /// No message is faster than this.
    pub fn floor(&self) -> Duration {
        match self.0 {
            Kind::Constant(delay) => delay,
            Kind::Uniform { low, .. } => low,
            Kind::Exponential { .. } => Duration::ZERO,
            Kind::Lognormal { floor, .. } => floor,
        }
    }

    /// Half of the messages are faster than this. Twice the median one way is *not* the median round trip where delays
    /// are skewed.
    pub fn median(&self) -> Duration {
        match self.0 {
            Kind::Constant(delay) => delay,
            Kind::Uniform { low, high } => low + (high - low) / 2,
            // ln 2 to nine places.
            Kind::Exponential { mean } => {
                Duration::nanos((u128::from(mean.as_nanos()) * 693_147_181 / 1_000_000_000) as u64)
            }
            Kind::Lognormal { floor, excess } => floor + excess.at(0),
        }
    }

    /// Whether messages differ in their delay.
    pub fn has_dispersion(&self) -> bool {
        match self.0 {
            Kind::Constant(_) => false,
            Kind::Uniform { low, high } => low < high,
            Kind::Exponential { mean } => !mean.is_zero(),
            Kind::Lognormal { .. } => true,
        }
    }
}

impl Lognormal {
    /// The excess at `z` standard deviations, `z` with [`QUANTILE_BITS`] fraction bits.
    #[inline]
    fn at(self, z: i64) -> Duration {
        let exponent = self.log_scale.saturating_add((self.sigma * z) >> (SIGMA_BITS + QUANTILE_BITS - 32));
        Duration::nanos(power_of_two(exponent))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::latency::Spread;

    #[test]
    fn what_is_constant_draws_nothing() {
        let (mut drawn, mut fresh) = (Stream::new(1, "constant"), Stream::new(1, "constant"));
        let delay = Delay::constant(Duration::nanos(32_112_500));
        assert_eq!(delay.sample(&mut drawn), Duration::nanos(32_112_500));
        assert_eq!((delay.floor(), delay.median()), (Duration::nanos(32_112_500), Duration::nanos(32_112_500)));
        assert!(!delay.has_dispersion());
        assert_eq!(drawn.bits(), fresh.bits());
    }

    #[test]
    fn a_fitted_sample_draws_one_word() {
        let (mut drawn, mut fresh) = (Stream::new(1, "fitted"), Stream::new(1, "fitted"));
        let delay = Delay::lognormal(Duration::millis(30), 1e6, 0.86);
        for _ in 0..100 {
            delay.sample(&mut drawn);
            fresh.bits();
        }
        assert_eq!(drawn.bits(), fresh.bits());
    }

    #[test]
    fn uniform_and_exponential_have_their_median_and_floor() {
        let (low, high) = (Duration::millis(10), Duration::millis(30));
        for (delay, floor, median) in [
            (Delay::uniform(low, high), 10.0, 20.0),
            (Delay::exponential(high), 0.0, 20.794),
            (Delay::lognormal(low, 10e6, 1.0), 10.0, 20.0),
        ] {
            assert!((delay.floor().as_millis_f64() - floor).abs() < 1e-4, "{delay:?}");
            assert!((delay.median().as_millis_f64() - median).abs() < 1e-3, "{delay:?}");
            let mut stream = Stream::new(5, "median");
            let mut draws: Vec<Duration> = (0..100_001).map(|_| delay.sample(&mut stream)).collect();
            draws.sort_unstable();
            assert!(draws[0] >= delay.floor(), "{delay:?}");
            assert!((draws[50_000].as_millis_f64() - median).abs() < 0.15, "{delay:?}: {}", draws[50_000]);
        }
        assert_eq!(Delay::uniform(high, low).sample(&mut Stream::new(1, "empty")), high);
        assert!(!Delay::uniform(high, low).has_dispersion());
    }

    #[test]
    fn a_lognormal_has_its_two_percentiles() {
        let (median, p99) = (Duration::millis(2), Duration::millis(30));
        let delay = Delay::lognormal_with(median, p99);
        let mut stream = Stream::new(9, "percentiles");
        let mut draws: Vec<Duration> = (0..100_000).map(|_| delay.sample(&mut stream)).collect();
        draws.sort_unstable();
        let [half, most] = [draws[50_000], draws[99_000]].map(Duration::as_millis_f64);
        assert!((half - 2.0).abs() < 0.05 && (most - 30.0).abs() < 1.5, "{half} {most}");
        assert_eq!(Delay::lognormal_with(median, median), Delay::constant(median));
        assert_eq!(Delay::lognormal_with(Duration::ZERO, p99), Delay::constant(Duration::ZERO));
    }

    #[test]
    fn the_first_samples_never_change() {
        // A change here changes the digest of every run over a fitted link.
        let spread = Some(Spread::P90(Duration::nanos(67_935_500)));
        let delay = Delay::fitted(RoundTrip { central: Duration::nanos(64_225_000), spread });
        let mut stream = Stream::new(1, "golden link");
        let nanos: Vec<u64> = (0..6).map(|_| delay.sample(&mut stream).as_nanos()).collect();
        assert_eq!(nanos, [31_570_796, 31_211_343, 31_562_874, 31_165_379, 37_491_474, 35_233_191]);
        assert_eq!((delay.floor().as_nanos(), delay.median().as_nanos()), (30_677_199, 31_907_395));
    }

    #[test]
    fn no_parameter_makes_a_sample_wrap() {
        let mut stream = Stream::new(2, "extremes");
        for (floor, scale, sigma) in [
            (Duration::MAX, 1e18, 40.0),
            (Duration::ZERO, 1e-300, 1e300),
            (Duration::ZERO, 1e19, 0.0),
            (Duration::millis(1), 0.0, 1.0),
        ] {
            let delay = Delay::lognormal(floor, scale, sigma);
            for _ in 0..1000 {
                assert!(delay.sample(&mut stream) >= floor);
            }
        }
    }
}
