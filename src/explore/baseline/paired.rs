//! Pairs of numbers, one of each seed: by how much they differ, and whether that could be chance.
//!
//! The same seed gives both runs the same clients, faults and link weather, so that only the difference within a pair
//! counts. Nothing here is assumed to be normal. Next: `behaviour.rs`.

use crate::rng::Stream;

/// How often the pairs are drawn anew for an interval.
const RESAMPLES: usize = 2_000;

/// How a number changed over pairs.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Paired {
    /// The mean before.
    pub before: f64,
    /// The mean after.
    pub after: f64,
    /// The mean of the differences, after less before.
    pub mean: f64,
    /// The lower end of the 95 % percentile bootstrap interval of that mean.
    pub low: f64,
    /// The upper end.
    pub high: f64,
    /// On how many pairs it rose.
    pub rose: usize,
    /// On how many it fell.
    pub fell: usize,
    /// On how many it is the same number.
    pub same: usize,
    /// The probability of rises and falls at least so unequal if both were equally likely: the two-sided exact sign test.
    pub sign_test_p: f64,
}

impl Paired {
    /// Of these pairs (before, after); `name` decides what the bootstrap draws: the same name, the same interval. `None` where
    /// there is no pair.
    pub fn of(pairs: &[(f64, f64)], name: &str) -> Option<Paired> {
        if pairs.is_empty() {
            return None;
        }
        let mean = |of: &dyn Fn(&(f64, f64)) -> f64| pairs.iter().map(of).sum::<f64>() / pairs.len() as f64;
        let differences: Vec<f64> = pairs.iter().map(|(before, after)| after - before).collect();
        let rose = differences.iter().filter(|difference| **difference > 0.0).count();
        let fell = differences.iter().filter(|difference| **difference < 0.0).count();
        let (low, high) = bootstrap(&differences, name);
        Some(Paired {
            before: mean(&|pair| pair.0),
            after: mean(&|pair| pair.1),
            mean: mean(&|pair| pair.1 - pair.0),
            low,
            high,
            rose,
            fell,
            same: pairs.len() - rose - fell,
            sign_test_p: sign_test(rose, fell),
        })
    }

    /// Whether any pair differs.
    pub fn changed(&self) -> bool {
        self.rose + self.fell > 0
    }

    /// Whether the interval is on one side of zero: on other seeds it would go the same way.
    pub fn is_told_from_chance(&self) -> bool {
        self.low > 0.0 || self.high < 0.0
    }
}

/// The middle 95 % of the means of as many differences, drawn from these with replacement.
fn bootstrap(differences: &[f64], name: &str) -> (f64, f64) {
    let first = differences[0];
    if differences.iter().all(|difference| *difference == first) {
        return (first, first);
    }
    let n = differences.len();
    let mut stream = Stream::new(0, &format!("bootstrap {name}"));
    let mut draw = || (0..n).map(|_| differences[stream.below(n as u64) as usize]).sum::<f64>() / n as f64;
    let mut means: Vec<f64> = (0..RESAMPLES).map(|_| draw()).collect();
    means.sort_unstable_by(f64::total_cmp);
    let tail = RESAMPLES / 40;
    (means[tail], means[RESAMPLES - 1 - tail])
}

/// The two-sided exact sign test, which leaves out pairs without a difference: twice the smaller tail of a fair coin.
///
/// The tail is summed up from ratios of neighbouring terms, each of which is exact to the last bit or two; its first term
/// is by logarithm, so that no number of pairs is too large.
pub(super) fn sign_test(rose: usize, fell: usize) -> f64 {
    let (n, least) = (rose + fell, rose.min(fell));
    if rose == fell {
        return 1.0;
    }
    let ln_choose = |k: usize| (0..k).map(|i| libm::log((n - i) as f64 / (i + 1) as f64)).sum::<f64>();
    let mut term = libm::exp(ln_choose(least) - n as f64 * std::f64::consts::LN_2);
    let mut tail = 0.0;
    for k in (0..=least).rev() {
        tail += term;
        term *= k as f64 / (n - k + 1) as f64;
    }
    (2.0 * tail).min(1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sign_test_is_the_binomials_tails() {
        let close = |a: f64, b: f64| (a - b).abs() <= 1e-12 * b;
        assert!(close(sign_test(20, 0), 2.0 / 1_048_576.0), "{}", sign_test(20, 0));
        assert!(close(sign_test(1, 9), 2.0 * 11.0 / 1_024.0));
        assert!(close(sign_test(3, 7), 2.0 * (1.0 + 10.0 + 45.0 + 120.0) / 1_024.0));
        assert!(close(sign_test(1, 0), 1.0), "one pair tells nothing");
        assert_eq!((sign_test(0, 0), sign_test(5, 5)), (1.0, 1.0));
        assert_eq!(sign_test(2, 9), sign_test(9, 2));
        assert!(sign_test(2_000, 0) < 1e-300 && sign_test(4_900, 5_100) > 0.04 && sign_test(4_900, 5_100) < 0.05);
    }

    #[test]
    fn pairs_are_counted_and_an_interval_holds_their_mean() {
        let pairs: Vec<(f64, f64)> = (0..20).map(|i| (f64::from(i), f64::from(i) + f64::from(i % 4))).collect();
        let paired = Paired::of(&pairs, "x").unwrap();
        assert_eq!((paired.rose, paired.fell, paired.same), (15, 0, 5));
        assert_eq!((paired.before, paired.after, paired.mean), (9.5, 11.0, 1.5));
        assert!(paired.low > 0.9 && paired.low < 1.5 && paired.high > 1.5 && paired.high < 2.1, "{paired:?}");
        assert!(paired.is_told_from_chance());
        assert_eq!(Paired::of(&pairs, "x").unwrap(), paired, "the same name draws the same");
        assert_eq!(Paired::of(&[], "x"), None);
    }

    #[test]
    fn what_goes_both_ways_is_not_told_from_chance() {
        let pairs: Vec<(f64, f64)> = (0..20).map(|i| (5.0, if i % 2 == 0 { 4.0 } else { 6.01 })).collect();
        let paired = Paired::of(&pairs, "x").unwrap();
        assert!(paired.changed() && !paired.is_told_from_chance() && paired.sign_test_p == 1.0);
        let same = Paired::of(&[(5.0, 5.0); 3], "x").unwrap();
        assert!(!same.changed() && !same.is_told_from_chance());
        assert_eq!((same.low, same.high), (0.0, 0.0));
    }
}
