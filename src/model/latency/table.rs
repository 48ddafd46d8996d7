//! The normal quantile and the power of two, as integer tables: what a jittered delay is computed from.
//!
//! The tables are filled once, with `libm` by name, so that they hold the same integers on every platform; after that a
//! lookup is shifts, one multiplication and linear interpolation. Next: `fit.rs`, from statistics to delays.

use std::sync::LazyLock;

/// Steps in each halving of the tail probability.
const STEPS: usize = 32;
/// Halvings of the tail probability, from 1/2 down to 2^-33: the quantile stops at 6.34 standard deviations.
const HALVINGS: usize = 32;

/// Fraction bits of a normal quantile.
pub(super) const QUANTILE_BITS: u32 = 28;

static TABLES: LazyLock<Tables> = LazyLock::new(Tables::fill);

struct Tables {
    /// Distance from the centre of the normal distribution, by tail probability: entry `h * STEPS + s` stands at
    /// `2^-(HALVINGS + 1 - h) * (1 + s / STEPS)`. Each halving has its own steps, so the far tail is as fine as the
    /// centre.
    quantile: [u32; HALVINGS * STEPS + 1],
    /// `2^(i / 256)` in 32 fraction bits.
    power: [u64; 257],
}

impl Tables {
    fn fill() -> Tables {
        let mut quantile = [0; HALVINGS * STEPS + 1];
        let mut z = 0.0;
        for index in (0..HALVINGS * STEPS).rev() {
            let step = 1.0 + (index % STEPS) as f64 / STEPS as f64;
            let tail = libm::ldexp(step, (index / STEPS) as i32 - (HALVINGS as i32 + 1));
            z = upper_quantile(tail, z);
            quantile[index] = libm::round(libm::ldexp(z, QUANTILE_BITS as i32)) as u32;
        }
        let power = std::array::from_fn(|i| libm::round(libm::ldexp(libm::exp2(i as f64 / 256.0), 32)) as u64);
        Tables { quantile, power }
    }
}

/// The `z` above which lies `tail` of the normal distribution, by Newton's method from a `z` at most as far out.
///
/// The tail is convex and falling, so that the steps approach from below and never pass the root; the neighbouring
/// entry is so near that eight of them are more than enough.
fn upper_quantile(tail: f64, mut z: f64) -> f64 {
    const DENSITY_AT_ZERO: f64 = 0.398_942_280_401_432_7;
    for _ in 0..8 {
        let density = DENSITY_AT_ZERO * libm::exp(-z * z / 2.0);
        z += (0.5 * libm::erfc(z * std::f64::consts::FRAC_1_SQRT_2) - tail) / density;
    }
    z
}

/// The standard normal quantile of `(u + 1/2) / 2^64`, with [`QUANTILE_BITS`] fraction bits; at most 6.34 either way.
#[inline]
pub(super) fn normal_quantile(u: u64) -> i64 {
    let table = &TABLES.quantile;
    let upper = u >> 63 != 0;
    // Both halves fold onto the lower tail, whose top bit is clear. What is below the table reads as its first entry.
    let tail = if upper { !u } else { u }.max(1 << (63 - HALVINGS));
    let zeros = tail.leading_zeros();
    let mantissa = tail << zeros; // the leading one at bit 63
    let index = (HALVINGS - zeros as usize) * STEPS + ((mantissa >> 58) & (STEPS as u64 - 1)) as usize;
    let rest = ((mantissa >> 26) & 0xffff_ffff) as i64;
    let (far, near) = (i64::from(table[index]), i64::from(table[index + 1]));
    let z = far - (((far - near) * rest) >> 32);
    if upper { z } else { -z }
}

/// `2^x`, for `x` with 32 fraction bits, to the whole number below; the largest number where it does not fit.
#[inline]
pub(super) fn power_of_two(x: i64) -> u64 {
    let (whole, fraction) = (x >> 32, x as u32);
    let (index, rest) = ((fraction >> 24) as usize, u64::from(fraction & 0xff_ffff));
    let (low, high) = (TABLES.power[index], TABLES.power[index + 1]);
    let mantissa = low + (((high - low) * rest) >> 24); // 1 to 2, with 32 fraction bits
    match whole {
        63.. => u64::MAX,
        32..63 => mantissa << (whole - 32),
        0..32 => mantissa >> (32 - whole),
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn quantile(u: u64) -> f64 {
        normal_quantile(u) as f64 / f64::from(1_u32 << QUANTILE_BITS)
    }

    #[test]
    fn the_quantile_is_right_far_into_the_tail() {
        let of = |p: f64| quantile((p * 18_446_744_073_709_551_616.0) as u64);
        for (p, exact) in [
            (0.5, 0.0),
            (0.75, 0.674_489_750_2),
            (0.9, 1.281_551_565_5),
            (0.95, 1.644_853_627_0),
            (0.99, 2.326_347_874_0),
            (0.999, 3.090_232_306_2),
            (0.999_999, 4.753_424_308_8),
        ] {
            assert!((of(p) - exact).abs() < 1e-4, "{p}: {} for {exact}", of(p));
            assert!((of(1.0 - p) + exact).abs() < 1e-4, "{p}: {}", of(1.0 - p));
        }
    }

    #[test]
    fn the_quantile_rises_and_is_odd() {
        let mut last = i64::MIN;
        for u in (0..=4096_u64).map(|i| i.saturating_mul(1 << 52)).chain([u64::MAX]) {
            let z = normal_quantile(u);
            assert!(z >= last, "{u}");
            assert_eq!(normal_quantile(!u), -z, "{u}");
            last = z;
        }
        assert!((quantile(u64::MAX) - 6.339).abs() < 0.01, "{}", quantile(u64::MAX));
        assert_eq!(normal_quantile(u64::MAX), normal_quantile(u64::MAX - (1 << 30)));
    }

    #[test]
    fn powers_are_right_to_a_millionth() {
        for i in -500..4000_i64 {
            let x = (i << 32) / 64 + 12_345 * i;
            let exact = libm::exp2(x as f64 / 4_294_967_296.0);
            let ours = power_of_two(x) as f64;
            assert!((exact - ours).abs() <= 1.0 + 1e-6 * exact, "{x}: {ours} for {exact}");
        }
        assert_eq!(power_of_two(63 << 32), u64::MAX);
        assert_eq!(power_of_two(-1), 0);
        assert_eq!(power_of_two(i64::MIN), 0);
        assert_eq!(power_of_two(10 << 32), 1024);
    }

    #[test]
    fn the_tables_never_change() {
        // A change here changes the digest of every run over a fitted link.
        let hash = |words: &mut dyn Iterator<Item = u64>| {
            words.fold(0xcbf2_9ce4_8422_2325_u64, |hash, word| (hash ^ word).wrapping_mul(0x0100_0000_01b3))
        };
        assert_eq!(hash(&mut TABLES.quantile.iter().map(|&word| u64::from(word))), 4_312_932_097_839_466_907);
        assert_eq!(hash(&mut TABLES.power.iter().copied()), 4_120_396_718_175_736_540);
    }
}
