//! Whether what a scenario expects was so.

use crate::check::level::{Judged, Level};
use crate::protocol::Guarantee;
use crate::scenario::{Bound, Expectation, Over};
use crate::sim::Run;

use super::metric::Metric;

/// An expectation, and what was measured.
#[derive(Clone, Debug, PartialEq)]
pub struct Judgement {
    /// What was expected.
    pub expectation: Expectation,
    /// Whether it held.
    pub held: bool,
    /// What was measured, in words.
    pub measured: String,
}

/// A value to judge: a number, or a verdict.
#[derive(Clone, Debug, PartialEq)]
pub enum Measured {
    /// A metric's.
    Number(f64),
    /// A guarantee's or a level's: `pass`, `fail` or `inconclusive`.
    Verdict(&'static str),
}

impl Expectation {
    /// What this expectation is about, in one run whose [expected levels](super::levels::judge_expected) are these.
    ///
    /// # Panics
    /// Where its name is neither a metric nor a guarantee nor one of the levels; reading a scenario has checked that.
    pub fn measure(&self, run: &Run, levels: &[Judged]) -> Measured {
        if let Some(guarantee) = Guarantee::from_name(&self.name) {
            return Measured::Verdict(run.verdict(guarantee).verdict.name());
        }
        if let Some(judged) = Level::from_name(&self.name).and_then(|level| levels.iter().find(|of| of.level == level))
        {
            return Measured::Verdict(judged.verdict.name());
        }
        let (metric, region) = Metric::find(&self.name, &run.regions).expect("a scenario's expectations were checked");
        // What was never answered was not fast: it is no number, which no bound allows.
        Measured::Number(if metric.is_measured(run, region) { metric.of(run, region) } else { f64::NAN })
    }

    /// Judges what was measured over some seeds.
    ///
    /// # Panics
    /// Where nothing was measured.
    pub fn judge(&self, measured: &[Measured]) -> Judgement {
        assert!(!measured.is_empty(), "an expectation is judged on at least one run");
        let (held, measured) = match (&self.bound, measured) {
            (Bound::Verdict(expected), verdicts) => self.judge_verdicts(expected, verdicts),
            (Bound::Range { .. }, numbers) => {
                let numbers: Vec<f64> =
                    numbers.iter().map(|m| if let Measured::Number(n) = m { *n } else { f64::NAN }).collect();
                self.judge_numbers(numbers)
            }
        };
        Judgement { expectation: self.clone(), held, measured }
    }

    fn judge_verdicts(&self, expected: &str, verdicts: &[Measured]) -> (bool, String) {
        let right = verdicts.iter().filter(|m| matches!(m, Measured::Verdict(v) if *v == expected)).count();
        let held = if self.over == Over::Some { right > 0 } else { right == verdicts.len() };
        let measured = match verdicts {
            [Measured::Verdict(only)] => (*only).to_string(),
            _ => format!("{expected} in {right} of {}", verdicts.len()),
        };
        (held, measured)
    }

    fn judge_numbers(&self, mut numbers: Vec<f64>) -> (bool, String) {
        numbers.sort_unstable_by(f64::total_cmp);
        let n = numbers.len();
        let value = match self.over {
            Over::Mean => numbers.iter().sum::<f64>() / n as f64,
            Over::Median => (numbers[(n - 1) / 2] + numbers[n / 2]) / 2.0,
            Over::Min => numbers[0],
            Over::Max => numbers[n - 1],
            Over::Every | Over::Some => {
                let inside = numbers.iter().filter(|number| self.bound.allows(**number)).count();
                let held = if self.over == Over::Some { inside > 0 } else { inside == n };
                let measured = match &numbers[..] {
                    [only] => show(*only),
                    [first, .., last] => format!("{} to {} over {n} seeds", show(*first), show(*last)),
                    [] => unreachable!("there is at least one"),
                };
                return (held, measured);
            }
        };
        (self.bound.allows(value), format!("{} {}", self.over.name(), show(value)))
    }
}

impl std::fmt::Display for Expectation {
    /// `availability >= 0.99`, or with which seeds' value is meant, where that is not every seed's: `mean rto_s < 8`.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.over != Over::Every {
            write!(f, "{} ", self.over.name())?;
        }
        write!(f, "{} {}", self.name, self.bound)
    }
}

impl Over {
    /// The word in scenario files and reports.
    pub const fn name(self) -> &'static str {
        match self {
            Over::Every => "every",
            Over::Mean => "mean",
            Over::Median => "median",
            Over::Min => "min",
            Over::Max => "max",
            Over::Some => "some",
        }
    }
}

impl Bound {
    /// Whether a number is within.
    pub fn allows(&self, number: f64) -> bool {
        match self {
            Bound::Verdict(_) => false,
            Bound::Range { .. } if number.is_nan() => false,
            Bound::Range { low, high } => {
                low.is_none_or(|(low, inclusive)| number > low || (inclusive && number == low))
                    && high.is_none_or(|(high, inclusive)| number < high || (inclusive && number == high))
            }
        }
    }
}

impl std::fmt::Display for Bound {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Bound::Verdict(verdict) => f.write_str(verdict),
            Bound::Range { low: Some((low, true)), high: Some((high, true)) } if low == high => {
                f.write_str(&show(*low))
            }
            Bound::Range { low: Some((low, _)), high: Some((high, _)) } => write!(f, "{}..{}", show(*low), show(*high)),
            Bound::Range { low: Some((low, inclusive)), high: None } => {
                write!(f, "{} {}", if *inclusive { ">=" } else { ">" }, show(*low))
            }
            Bound::Range { low: None, high: Some((high, inclusive)) } => {
                write!(f, "{} {}", if *inclusive { "<=" } else { "<" }, show(*high))
            }
            Bound::Range { low: None, high: None } => f.write_str("anything"),
        }
    }
}

/// A number with as many decimals as it needs, up to four.
pub fn show(number: f64) -> String {
    if number.is_nan() {
        return "nothing to measure".into();
    }
    let text = format!("{number:.4}");
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_string() } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn expectation(bound: Bound, over: Over) -> Expectation {
        Expectation { name: "rto_s".into(), bound, over }
    }

    #[test]
    fn each_way_of_looking_at_seeds() {
        let numbers: Vec<_> = [1.0, 2.0, 9.0].map(Measured::Number).into();
        let at_most =
            |high, over| expectation(Bound::Range { low: None, high: Some((high, true)) }, over).judge(&numbers);
        assert!(!at_most(5.0, Over::Every).held);
        assert!(at_most(9.0, Over::Every).held);
        assert!(at_most(2.0, Over::Median).held);
        assert!(at_most(4.0, Over::Mean).held && !at_most(3.9, Over::Mean).held);
        assert!(at_most(1.0, Over::Min).held && at_most(9.0, Over::Max).held);
        assert_eq!(at_most(5.0, Over::Every).measured, "1 to 9 over 3 seeds");
    }

    #[test]
    fn inconclusive_is_neither_pass_nor_fail() {
        let measured = [Measured::Verdict("pass"), Measured::Verdict("inconclusive")];
        for verdict in ["pass", "fail"] {
            assert!(!expectation(Bound::Verdict(verdict), Over::Every).judge(&measured).held);
        }
        assert!(expectation(Bound::Verdict("pass"), Over::Some).judge(&measured).held);
    }

    #[test]
    fn what_could_not_be_measured_is_within_no_bound() {
        let measured = [Measured::Number(1.0), Measured::Number(f64::NAN)];
        for over in [Over::Every, Over::Mean, Over::Max] {
            for bound in [Bound::Range { low: None, high: Some((9.0, true)) }, Bound::Range { low: None, high: None }] {
                let judged = expectation(bound.clone(), over).judge(&measured);
                assert!(!judged.held && judged.measured.contains("nothing to measure"), "{bound}: {judged:?}");
            }
        }
    }

    #[test]
    fn an_open_end_excludes_itself() {
        let above_zero = Bound::Range { low: Some((0.0, false)), high: None };
        assert!(!above_zero.allows(0.0) && above_zero.allows(0.1));
        assert_eq!(above_zero.to_string(), "> 0");
    }
}
