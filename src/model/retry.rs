//! How clients ask again: how often, after how long, and how much of it they allow themselves.
//!
//! Next: `fault.rs`, what breaks.

use crate::rng::Stream;
use crate::time::Duration;

/// How an operation is asked again. A redirect to a leader is followed at once and is no retry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retry {
    /// How many attempts an operation makes, the first among them; `None`: as many as its time allows.
    pub attempts: Option<u32>,
    /// How long one attempt is waited for; `None`: as long as the operation.
    pub attempt_timeout: Option<Duration>,
    /// How long to wait before the first retry; before each further one twice as long.
    pub backoff: Duration,
    /// The longest such wait.
    pub backoff_max: Duration,
    /// Whether the wait is drawn uniformly from zero to that long (full jitter); otherwise it is exactly that long.
    pub has_jitter: bool,
    /// How many retries the clients of one region have together; `None`: any number.
    pub budget: Option<Budget>,
    /// How long after an attempt, if it has no answer, a second node is asked beside the first; `None`: none is.
    pub hedge_after: Option<Duration>,
    /// Whether a write that was sent, and has no answer in the end, is reported as done: a driver that swallows what the network tells it.
    pub hides_errors: bool,
}

/// A token bucket: each operation puts a part of a token in, each retry and each hedge takes one out, or is not made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Budget {
    /// What an operation puts in, as `parts / whole` of a token.
    pub parts: u32,
    /// Of a token.
    pub whole: u32,
    /// How many tokens there are at the start and at most.
    pub burst: u32,
}

impl Retry {
    /// How long to wait before the nth retry, from 1.
    pub fn wait(&self, nth: u32, stream: &mut Stream) -> Duration {
        let doubled = u128::from(self.backoff.as_nanos()) << (nth.max(1) - 1).min(64);
        let longest = u64::try_from(doubled).unwrap_or(u64::MAX).min(self.backoff_max.as_nanos());
        let longest = Duration::nanos(longest);
        if self.has_jitter { stream.between(Duration::ZERO, longest) } else { longest }
    }
}

impl Budget {
    /// A full bucket, in parts of a token.
    pub fn full(&self) -> u64 {
        u64::from(self.burst) * u64::from(self.whole)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_the_longest() {
        let (backoff, backoff_max) = (Duration::millis(50), Duration::millis(300));
        let mut retry = Retry {
            attempts: None,
            attempt_timeout: None,
            backoff,
            backoff_max,
            has_jitter: false,
            budget: None,
            hedge_after: None,
            hides_errors: false,
        };
        let mut stream = Stream::new(1, "waits");
        let waits = [1, 2, 3, 4, 100, u32::MAX].map(|nth| retry.wait(nth, &mut stream).as_nanos() / 1_000_000);
        assert_eq!(waits, [50, 100, 200, 300, 300, 300]);
        retry.has_jitter = true;
        let drawn: Vec<Duration> = (0..1_000).map(|_| retry.wait(3, &mut stream)).collect();
        assert!(drawn.iter().all(|wait| *wait <= Duration::millis(200)));
        let mean = drawn.iter().map(|wait| wait.as_millis_f64()).sum::<f64>() / 1_000.0;
        assert!((90.0..110.0).contains(&mean), "{mean}");
    }
}
