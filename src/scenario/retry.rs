//! How clients ask again: from what is written to a [`Retry`].

use serde::Deserialize;

use super::error::Problem;
use super::units::{At, Keys, Percent, Table};
use crate::model::retry::{Budget, Retry};
use crate::protocol::Flaw;
use crate::time::Duration;

const BACKOFF: Duration = Duration::millis(100);
const BACKOFF_MAX: Duration = Duration::secs(2);
const BURST: u32 = 10;

/// How clients ask again, in place of `retry_after` and `backoff`. A redirect is followed at once and is no retry.
#[derive(Debug, Deserialize)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub(super) struct RetryPolicy {
    /// How many attempts an operation makes, the first among them. Default: as many as `timeout` allows.
    pub attempts: Option<At<u32>>,
    /// How long one attempt is waited for before the next. Default: as long as `timeout`.
    pub attempt_timeout: Option<At<Duration>>,
    /// How long to wait before the first retry; before each further one twice as long. Default: "100ms".
    pub backoff: Option<Duration>,
    /// The longest such wait. Default: "2s".
    pub backoff_max: Option<At<Duration>>,
    /// Whether the wait is drawn from zero to that long, or is exactly that long. Default: "full".
    pub jitter: Option<Jitter>,
    /// How many retries the clients of a region have together. Default: any number.
    pub budget: Option<Table<RetryBudget>>,
    /// How long after an attempt without an answer the next nearest replica is asked beside the first. Default: never.
    pub hedge_after: Option<At<Duration>>,
    /// A flaw on purpose, by its id in the bank. Only in builds with the feature `mutants`. Default: none.
    #[serde(default)]
    #[cfg_attr(not(feature = "mutants"), serde(skip))]
    pub mutant: Flaw,
}

/// How a wait is drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub(super) enum Jitter {
    /// Uniformly, from zero to the whole of it.
    Full,
    /// It is exactly that long.
    None,
}

/// A token bucket: a retry or a hedge takes one token, or is not made.
#[derive(Debug, Deserialize)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub(super) struct RetryBudget {
    /// How much of a token each operation puts in: so many of all operations may be retries, in the long run.
    pub ratio: Percent,
    /// How many tokens there are at the start, and at most. Default: 10.
    pub burst: Option<At<u32>>,
}

impl Keys for RetryPolicy {
    const EXPECTED: &'static str = "a table such as { attempts = 3, attempt_timeout = \"300ms\" }";
}
impl Keys for RetryBudget {
    const EXPECTED: &'static str = "a table such as { ratio = \"20%\" }";
}

/// Reads a `retry`, of operations that take at most `timeout` where that is known.
pub(super) fn read(table: &Table<RetryPolicy>, timeout: Option<Duration>) -> Result<Retry, Problem> {
    let written = &table.value;
    if let Some(attempts) = written.attempts.as_ref().filter(|at| at.value == 0) {
        return Err(Problem::new(&attempts.span, "an operation makes at least one attempt"));
    }
    for (key, at) in [("attempt_timeout", &written.attempt_timeout), ("hedge_after", &written.hedge_after)] {
        let Some(at) = at else { continue };
        if at.value.is_zero() {
            return Err(Problem::new(&at.span, format!("`{key}` is longer than no time at all")));
        }
        if timeout.is_some_and(|timeout| at.value >= timeout) {
            return Err(Problem::new(
                &at.span,
                format!("`{key}` is shorter than `timeout`, or nothing is ever asked again"),
            ));
        }
    }
    let backoff = written.backoff.unwrap_or(BACKOFF);
    let backoff_max = written.backoff_max.as_ref().map_or(BACKOFF_MAX.max(backoff), |at| at.value);
    if let Some(at) = written.backoff_max.as_ref().filter(|at| at.value < backoff) {
        return Err(Problem::new(&at.span, format!("`backoff_max` is at least `backoff`, which is {backoff}")));
    }
    Ok(Retry {
        attempts: written.attempts.as_ref().map(|at| at.value),
        attempt_timeout: written.attempt_timeout.as_ref().map(|at| at.value),
        backoff,
        backoff_max,
        has_jitter: written.jitter != Some(Jitter::None),
        budget: written.budget.as_ref().map(|table| budget(&table.value)).transpose()?,
        hedge_after: written.hedge_after.as_ref().map(|at| at.value),
        hides_errors: written.mutant.hides_errors(),
    })
}

fn budget(written: &RetryBudget) -> Result<Budget, Problem> {
    let Percent { parts, whole } = written.ratio;
    match &written.burst {
        Some(at) if at.value == 0 => Err(Problem::new(&at.span, "a bucket that holds no token gives none")),
        burst => Ok(Budget { parts, whole, burst: burst.as_ref().map_or(BURST, |at| at.value) }),
    }
}
