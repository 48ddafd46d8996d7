//! Many runs put together: a mean, and how sure it is.

use serde::{Deserialize, Serialize};

/// A mean over seeds with its 95 % interval.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Estimate {
    /// The mean.
    pub mean: f64,
    /// The lower end of the interval.
    pub low: f64,
    /// The upper end.
    pub high: f64,
}

impl Estimate {
    /// The mean of `samples` with Student's t interval for it, which assumes that runs are independent and that their
    /// mean is near enough to normal. With one sample, the interval is that sample. `None` where there are none.
    pub fn of(samples: &[f64]) -> Option<Estimate> {
        if samples.is_empty() {
            return None;
        }
        let n = samples.len() as f64;
        let mean = samples.iter().sum::<f64>() / n;
        let squares: f64 = samples.iter().map(|sample| (sample - mean) * (sample - mean)).sum();
        let half = if samples.len() < 2 {
            0.0
        } else {
            student_t_975(samples.len() - 1) * libm::sqrt(squares / (n - 1.0)) / libm::sqrt(n)
        };
        Some(Estimate { mean, low: mean - half, high: mean + half })
    }
}

/// The 97.5 % quantile of Student's t with this many degrees of freedom.
///
/// Exact to three decimals up to 30; beyond, Fisher's expansion around the normal quantile, good to the same.
fn student_t_975(degrees: usize) -> f64 {
    const TABLE: [f64; 30] = [
        12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.160, 2.145, 2.131,
        2.120, 2.110, 2.101, 2.093, 2.086, 2.080, 2.074, 2.069, 2.064, 2.060, 2.056, 2.052, 2.048, 2.045, 2.042,
    ];
    if let Some(value) = TABLE.get(degrees - 1) {
        return *value;
    }
    let (z, v) = (1.959_964, degrees as f64);
    let z3 = z * z * z;
    z + (z3 + z) / (4.0 * v) + (5.0 * z3 * z * z + 16.0 * z3 + 3.0 * z) / (96.0 * v * v)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_interval_is_students() {
        // 1..=5: mean 3, standard error sqrt(2.5/5), t(4) = 2.776
        let estimate = Estimate::of(&[1.0, 2.0, 3.0, 4.0, 5.0]).unwrap();
        assert!((estimate.mean - 3.0).abs() < 1e-12);
        assert!((estimate.high - 3.0 - 2.776 * 0.5_f64.sqrt()).abs() < 1e-9);
        assert!((estimate.low + estimate.high - 6.0).abs() < 1e-12);
        assert_eq!(Estimate::of(&[7.0]), Some(Estimate { mean: 7.0, low: 7.0, high: 7.0 }));
        assert_eq!(Estimate::of(&[]), None);
    }

    #[test]
    fn beyond_the_table_t_goes_on_smoothly() {
        assert!((student_t_975(31) - 2.0395).abs() < 2e-3);
        assert!((student_t_975(100) - 1.984).abs() < 1e-3);
        assert!((student_t_975(1_000_000) - 1.96).abs() < 1e-3);
    }
}
