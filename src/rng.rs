//! Where chance comes from: one named ChaCha stream for every component.
//!
//! A [`Stream`] is keyed by the run's seed and the component's *name* (`"link us-east-1 eu-west-1"`), never by its
//! index, so that a new client or an idle node moves nobody else's dice, and every design of a comparison sees the
//! same clients, faults and link weather. Every draw is made of integers. Next: `op/mod.rs`, what clients ask.

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::time::Duration;

/// A source of chance for one component.
#[derive(Clone, Debug)]
pub struct Stream(ChaCha8Rng);

impl Stream {
    /// The stream that `seed` gives to the component called `name`.
    pub fn new(seed: u64, name: &str) -> Stream {
        let mut key = [0; 32];
        key[..8].copy_from_slice(&seed.to_le_bytes());
        key[8..16].copy_from_slice(&name_hash(name).to_le_bytes());
        key[16..].copy_from_slice(b"riftzone stream\0");
        Stream(ChaCha8Rng::from_seed(key))
    }

    /// 64 random bits.
    #[inline]
    pub fn bits(&mut self) -> u64 {
        self.0.next_u64()
    }

    /// A uniform draw from `0..n`, without bias (Lemire, *Fast Random Integer Generation in an Interval*, 2019).
    ///
    /// # Panics
    /// Where `n` is zero.
    #[inline]
    pub fn below(&mut self, n: u64) -> u64 {
        assert!(n > 0, "no number is below zero");
        let mut wide = u128::from(self.bits()) * u128::from(n);
        if (wide as u64) < n {
            let threshold = n.wrapping_neg() % n;
            while (wide as u64) < threshold {
                wide = u128::from(self.bits()) * u128::from(n);
            }
        }
        (wide >> 64) as u64
    }

    /// A uniform draw from `low..=high`; `low` where the range is empty.
    #[inline]
    pub fn between(&mut self, low: Duration, high: Duration) -> Duration {
        let width = (high - low).as_nanos();
        low + Duration::nanos(if width == u64::MAX { self.bits() } else { self.below(width + 1) })
    }

    /// True `parts` times in `whole`.
    ///
    /// # Panics
    /// Where `whole` is zero.
    pub fn chance(&mut self, parts: u64, whole: u64) -> bool {
        self.below(whole) < parts
    }

    /// A draw from the exponential distribution: the gap between arrivals that come `1/mean` of the time.
    ///
    /// `-ln(u) · mean` in 32.32 fixed point, exact to about one part in a million; the longest draw is 44 means.
    pub fn exponential(&mut self, mean: Duration) -> Duration {
        Duration::nanos(((u128::from(mean.as_nanos()) * u128::from(negative_ln(self.bits()))) >> 32) as u64)
    }
}

/// A stable 64-bit hash of a name (FNV-1a, then a finaliser): the same on every platform and in every version.
pub fn name_hash(name: &str) -> u64 {
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    for byte in name.bytes() {
        hash = (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    }
    hash ^= hash >> 32;
    hash = hash.wrapping_mul(0xd6e8_feb8_6659_fd93);
    hash ^ (hash >> 32)
}

/// ln 2 in 0.32 fixed point.
const LN_2: u64 = 2_977_044_472;

/// log2(1 + i/256) in 0.32 fixed point, for i = 0..=256.
const LOG2: [u64; 257] = log2_table();

const fn log2_table() -> [u64; 257] {
    let mut table = [0; 257];
    let mut i = 1;
    while i < 256 {
        table[i] = log2_fraction(256 + i as u64);
        i += 1;
    }
    table[256] = 1 << 32;
    table
}

/// log2(x/256) in 0.32 fixed point for x in 256..512, one bit at a time: square, and halve where it passes two.
const fn log2_fraction(x: u64) -> u64 {
    let mut mantissa = x << 54; // 2.62 fixed point
    let mut bits = 0;
    let mut i = 0;
    while i < 32 {
        let square = (mantissa as u128 * mantissa as u128) >> 62;
        bits <<= 1;
        mantissa = if square >> 63 != 0 {
            bits |= 1;
            (square >> 1) as u64
        } else {
            square as u64
        };
        i += 1;
    }
    bits
}

/// `-ln((u + 1) / 2^64)` in 32.32 fixed point.
fn negative_ln(u: u64) -> u64 {
    let Some(u) = u.checked_add(1) else { return 0 };
    let shift = u.leading_zeros();
    let mantissa = u << shift; // the leading one at bit 63
    let (index, rest) = ((mantissa >> 55) & 0xff, (mantissa >> 23) & 0xffff_ffff);
    let (low, high) = (LOG2[index as usize], LOG2[index as usize + 1]);
    let log2_mantissa = low + (((high - low) * rest) >> 32);
    let minus_log2 = (u64::from(shift + 1) << 32) - log2_mantissa;
    ((u128::from(minus_log2) * u128::from(LN_2)) >> 32) as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stream_is_named_by_seed_and_name() {
        let draws = |seed, name| {
            let mut stream = Stream::new(seed, name);
            [stream.bits(), stream.bits()]
        };
        assert_eq!(draws(1, "a"), draws(1, "a"));
        assert_ne!(draws(1, "a"), draws(2, "a"));
        assert_ne!(draws(1, "a"), draws(1, "b"));
    }

    #[test]
    fn the_first_bits_never_change() {
        // A change here changes the digest of every run ever recorded.
        assert_eq!(Stream::new(1, "golden").bits(), 9_493_954_289_695_074_006);
    }

    #[test]
    fn below_is_fair_at_the_edges() {
        let mut stream = Stream::new(7, "below");
        let mut counts = [0; 3];
        for _ in 0..30_000 {
            counts[stream.below(3) as usize] += 1;
        }
        assert!(counts.iter().all(|n| (9_500..10_500).contains(n)), "{counts:?}");
        assert_eq!(stream.below(1), 0);
    }

    #[test]
    fn the_logarithm_is_right_to_a_millionth() {
        for u in [1, 2, 1 << 20, u64::MAX / 3, u64::MAX / 2, u64::MAX - 5] {
            let exact = -libm::log((u as f64 + 1.0) / 18_446_744_073_709_551_616.0);
            let ours = negative_ln(u) as f64 / 4_294_967_296.0;
            assert!((exact - ours).abs() <= 2e-6 * exact.max(1.0), "{u}: {ours} for {exact}");
        }
    }

    #[test]
    fn exponential_gaps_have_their_mean() {
        let mut stream = Stream::new(3, "gaps");
        let n = 200_000;
        let sum: u64 = (0..n).map(|_| stream.exponential(Duration::millis(20)).as_nanos()).sum();
        let mean_ms = sum as f64 / n as f64 / 1e6;
        assert!((mean_ms - 20.0).abs() < 0.15, "{mean_ms}");
    }
}
