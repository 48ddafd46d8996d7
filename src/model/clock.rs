//! Nodes' clocks: how far off, and how fast they run.

use crate::time::{Duration, Time};

/// A clock with a fixed offset and a fixed rate error.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Clock {
    /// Nanoseconds ahead (positive) or behind true time at the start.
    pub offset_ns: i64,
    /// Nanoseconds gained (positive) or lost in a second.
    pub drift_ns_per_s: i64,
    /// The bound on its error that the deployment declares.
    pub uncertainty: Duration,
}

const SECOND: i128 = 1_000_000_000;

impl Clock {
    /// What this clock shows at true time `at`; never below zero.
    pub fn reading(&self, at: Time) -> Time {
        if self.offset_ns == 0 && self.drift_ns_per_s == 0 {
            return at;
        }
        let truth = i128::from(at.as_nanos());
        let shown = truth + i128::from(self.offset_ns) + truth * i128::from(self.drift_ns_per_s) / SECOND;
        Time::from_nanos(shown.clamp(0, i128::from(u64::MAX)) as u64)
    }

    /// How long in true time until this clock has gone on by `span`, at least: a timer that was early by its own clock would be
    /// set again for no time at all, for ever.
    pub fn true_span(&self, span: Duration) -> Duration {
        if self.drift_ns_per_s == 0 {
            return span;
        }
        let rate = (SECOND + i128::from(self.drift_ns_per_s)).max(1);
        let nanos = (i128::from(span.as_nanos()) * SECOND + rate - 1) / rate;
        Duration::nanos(nanos.min(i128::from(u64::MAX)) as u64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fast_clock_is_ahead_and_its_timers_are_early() {
        let clock = Clock { offset_ns: 5_000_000, drift_ns_per_s: 1_000_000, uncertainty: Duration::ZERO };
        let ten_s = Time::ZERO + Duration::secs(10);
        assert_eq!(clock.reading(ten_s).since(ten_s), Duration::millis(15));
        let timer = clock.true_span(Duration::secs(1001));
        assert_eq!(timer, Duration::secs(1000));
    }

    #[test]
    fn a_timer_is_never_early_by_its_own_clock() {
        for drift_ns_per_s in [400_000_000, 12_345, -12_345, -400_000_000] {
            let clock = Clock { drift_ns_per_s, ..Clock::default() };
            for (at, span) in (0..200).flat_map(|at| (0..20).map(move |span| (at * 977, span * 131 + 1))) {
                let (at, span) = (Time::from_nanos(at), Duration::nanos(span));
                let shown = clock.reading(at + clock.true_span(span)).since(clock.reading(at));
                assert!(shown >= span, "{drift_ns_per_s}: {shown} for {span}");
            }
        }
    }

    #[test]
    fn a_slow_clock_does_not_go_below_zero() {
        let clock = Clock { offset_ns: -1_000, ..Clock::default() };
        assert_eq!(clock.reading(Time::ZERO), Time::ZERO);
        assert_eq!(Clock::default().reading(Time::from_nanos(7)), Time::from_nanos(7));
    }
}
