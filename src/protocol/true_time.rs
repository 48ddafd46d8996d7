//! TrueTime: a clock that says how wrong it may be, and the wait that makes timestamps agree with real time.
//!
//! A reading is an [`Interval`] that contains true time, as long as the clock keeps within its uncertainty. A transaction takes the
//! latest end for its timestamp and is told to be done only when the earliest end has passed it ([`CommitWait`]): whatever begins
//! after that, anywhere, gets a later timestamp. This is external consistency, and the whole price of it is the wait.
//!
//! ```
//! use riftzone::protocol::{CommitWait, Interval};
//! use riftzone::time::{Duration, Time};
//!
//! let ms = Duration::millis;
//! let read = |at| Interval::around(Time::ZERO + at, ms(4));
//! let commit = CommitWait::begin(read(ms(100)));
//! assert_eq!(commit.timestamp(), Time::ZERO + ms(104));
//! assert!(!commit.is_over(read(ms(108))) && commit.is_over(read(ms(108) + Duration::nanos(1))));
//! ```
//!
//! Source: Corbett et al., *Spanner: Google's Globally-Distributed Database*, OSDI 2012, sections 3 (TrueTime) and 4.1.2 and 4.2.1
//! (start, commit wait).

use crate::time::{Duration, Time};

/// What a clock says: true time is in it, both ends included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Interval {
    /// It is no earlier than this.
    pub earliest: Time,
    /// It is no later than this.
    pub latest: Time,
}

impl Interval {
    /// A reading, and how far it may be off either way.
    pub fn around(reading: Time, uncertainty: Duration) -> Interval {
        let earliest = Time::from_nanos(reading.as_nanos().saturating_sub(uncertainty.as_nanos()));
        Interval { earliest, latest: reading + uncertainty }
    }

    /// Whether this instant has passed for certain: the paper's TT.after.
    pub fn is_after(&self, instant: Time) -> bool {
        self.earliest > instant
    }

    /// Whether this instant is to come for certain: the paper's TT.before.
    pub fn is_before(&self, instant: Time) -> bool {
        self.latest < instant
    }
}

/// An uncertainty that grows between two visits to a time master, and falls back at each: a sawtooth.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sawtooth {
    /// What is left right after a visit: the way to the master and back.
    pub least: Duration,
    /// How much it grows in a second, in nanoseconds: the worst drift that clocks are trusted to have.
    pub drift_ns_per_s: u64,
    /// From one visit to the next.
    pub every: Duration,
}

impl Sawtooth {
    /// As the paper has it: from 1 ms to 7 ms, by 200 µs in each of the 30 s between two visits; 4 ms in the mean.
    pub const SPANNER: Sawtooth =
        Sawtooth { least: Duration::millis(1), drift_ns_per_s: 200_000, every: Duration::secs(30) };

    /// The uncertainty so long after a visit; the visits go on, each `every`.
    ///
    /// # Panics
    /// Where `every` is zero.
    pub fn at(&self, since_a_visit: Duration) -> Duration {
        let since = since_a_visit.as_nanos() % self.every.as_nanos();
        let grown = u128::from(since) * u128::from(self.drift_ns_per_s) / 1_000_000_000;
        self.least + Duration::nanos(u64::try_from(grown).unwrap_or(u64::MAX))
    }

    /// The greatest that it comes to.
    pub fn most(&self) -> Duration {
        let grown = u128::from(self.every.as_nanos()) * u128::from(self.drift_ns_per_s) / 1_000_000_000;
        self.least + Duration::nanos(u64::try_from(grown).unwrap_or(u64::MAX))
    }
}

/// The wait of one transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CommitWait {
    timestamp: Time,
}

impl CommitWait {
    /// A transaction commits: its timestamp is the latest that it can be now.
    pub fn begin(now: Interval) -> CommitWait {
        CommitWait { timestamp: now.latest }
    }

    /// The same with a timestamp chosen before, such as one above all that the group has given; the wait is until it has passed.
    pub fn until(timestamp: Time) -> CommitWait {
        CommitWait { timestamp }
    }

    /// The transaction's timestamp.
    pub fn timestamp(&self) -> Time {
        self.timestamp
    }

    /// Whether the timestamp has passed for certain: its clients may be told, and its locks let go.
    pub fn is_over(&self, now: Interval) -> bool {
        now.is_after(self.timestamp)
    }

    /// How long to wait from now, by this clock, as long as its uncertainty does not grow; where it does, there is a little left then,
    /// and one asks again.
    pub fn left(&self, now: Interval) -> Duration {
        if self.is_over(now) {
            return Duration::ZERO;
        }
        self.timestamp.since(now.earliest) + Duration::nanos(1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::Stream;

    const MS: fn(u64) -> Duration = Duration::millis;

    fn at(span: Duration) -> Time {
        Time::ZERO + span
    }

    #[test]
    fn an_interval_knows_what_it_cannot_know() {
        let now = Interval::around(at(MS(100)), MS(4));
        assert_eq!((now.earliest, now.latest), (at(MS(96)), at(MS(104))));
        for (instant, after, before) in [(95, true, false), (96, false, false), (104, false, false), (105, false, true)]
        {
            let instant = at(MS(instant));
            assert_eq!((now.is_after(instant), now.is_before(instant)), (after, before), "{instant}");
        }
        assert_eq!(Interval::around(at(MS(1)), MS(4)).earliest, Time::ZERO);
    }

    #[test]
    fn the_sawtooth_goes_from_one_to_seven_milliseconds() {
        let tooth = Sawtooth::SPANNER;
        assert_eq!([0, 15, 30, 45].map(|s| tooth.at(Duration::secs(s))), [1, 4, 1, 4].map(MS));
        assert!(tooth.at(Duration::secs(30) - Duration::nanos(1)) < MS(7));
        assert_eq!(tooth.most(), MS(7));
        let mean: f64 = (0..3_000).map(|n| tooth.at(MS(n * 10)).as_millis_f64()).sum::<f64>() / 3_000.0;
        assert!((mean - 4.0).abs() < 0.01, "{mean}");
    }

    /// Validation F8: with an uncertainty uniform in 1 to 7 ms the wait is 8 ms in the mean; overlapped with 9 ms of Paxos, a commit
    /// takes 10.0417 ms.
    #[test]
    fn the_wait_is_twice_the_uncertainty_and_overlaps_with_paxos() {
        const N: u64 = 600_000;
        let (mut alone, mut overlapped) = (0.0, 0.0);
        for n in 0..N {
            let uncertainty = MS(1) + Duration::nanos(n * 6_000_000 / N);
            let read = |span| Interval::around(at(Duration::secs(1) + span), uncertainty);
            let wait = CommitWait::begin(read(Duration::ZERO));
            alone += wait.left(read(Duration::ZERO)).as_millis_f64();
            let paxos = MS(9);
            overlapped += (paxos + wait.left(read(paxos))).as_millis_f64();
        }
        let [alone, overlapped] = [alone, overlapped].map(|sum| sum / N as f64);
        assert!((alone - 8.0).abs() < 1e-4, "{alone}");
        assert!((overlapped - 10.041_667).abs() < 1e-4, "{overlapped}");
    }

    /// On a clock whose uncertainty grows meanwhile a wait is asked for again, and comes to an end soon.
    #[test]
    fn a_wait_under_a_growing_uncertainty_ends() {
        for second in 0..30 {
            let read = |span: Duration| {
                let now = Duration::secs(second) + span;
                Interval::around(at(Duration::secs(100) + now), Sawtooth::SPANNER.at(now))
            };
            let wait = CommitWait::begin(read(Duration::ZERO));
            let (mut waited, mut times) = (Duration::ZERO, 0);
            while !wait.is_over(read(waited)) {
                waited += wait.left(read(waited));
                times += 1;
            }
            assert!(times <= 4 && waited <= Sawtooth::SPANNER.most() * 2 + MS(1), "{second}: {waited} in {times}");
        }
    }

    /// External consistency: what begins after another was told to be done has the later timestamp, whatever the clocks of both say
    /// within their uncertainty; and without the wait it has not.
    #[test]
    fn timestamps_agree_with_real_time_only_with_the_wait() {
        let mut stream = Stream::new(1, "true time");
        let mut wrong_without = 0;
        for _ in 0..20_000 {
            let uncertainty = MS(1) + stream.between(Duration::ZERO, MS(6));
            // Each clock is off by anything within the uncertainty, for the whole of this.
            let mut error = || stream.below(2 * uncertainty.as_nanos() + 1);
            let read = |true_time: Duration, error: u64| {
                let shown = Duration::secs(1) + true_time + Duration::nanos(error);
                Interval::around(at(shown - uncertainty), uncertainty)
            };
            let (one, other) = (error(), error());
            let first = CommitWait::begin(read(Duration::ZERO, one));
            let told = first.left(read(Duration::ZERO, one));
            assert!(first.is_over(read(told, one)));
            let second = CommitWait::begin(read(told, other));
            assert!(second.timestamp() > first.timestamp());
            let hasty = CommitWait::begin(read(Duration::nanos(1), other));
            wrong_without += u32::from(hasty.timestamp() <= first.timestamp());
        }
        assert!(wrong_without > 5_000, "{wrong_without}");
    }
}
