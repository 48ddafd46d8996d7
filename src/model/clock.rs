//! Nodes' and clients' clocks: how far off, and how fast they run.

use crate::id::{RegionId, Role};
use crate::rng::Stream;
use crate::time::{Duration, Time};

/// A clock with an offset and a rate error.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Clock {
    /// Nanoseconds ahead (positive) or behind true time when it began to run so.
    pub offset_ns: i64,
    /// Nanoseconds gained (positive) or lost in a second since then. The clock still goes forward: more than minus a second.
    pub drift_ns_per_s: i64,
    /// The bound on its error that the deployment declares.
    pub uncertainty: Duration,
    /// When it began to run so.
    pub since: Time,
}

/// Every node's clock at the start, and every region's clients'.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ClockModel {
    /// The bound on its clock's error that every node is told.
    pub uncertainty: Duration,
    /// Clocks that are wrong; of two that fit, the later. All others are perfect.
    pub wrong: Vec<WrongClocks>,
}

/// Clocks that are wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WrongClocks {
    /// In this region.
    pub region: RegionId,
    /// Whose.
    pub whose: Whose,
    /// How far ahead they are at the start, in nanoseconds: each draws its own between these two.
    pub offset_ns: (i64, i64),
    /// How much they gain in a second, in nanoseconds: each draws its own between these two.
    pub drift_ns_per_s: (i64, i64),
}

/// Whose clocks of a region are wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Whose {
    /// All nodes'.
    Nodes,
    /// The nodes' in this role.
    Role(Role),
    /// The one that its clients share. No fault disturbs it.
    Clients,
}

impl Whose {
    /// What stands for the clients where roles are named.
    pub const CLIENTS: &'static str = "client";
}

const SECOND: i128 = 1_000_000_000;

impl ClockModel {
    /// The clock of a node. `dice` makes the stream from which it is drawn, where it is drawn.
    pub fn of(&self, region: RegionId, role: Role, dice: impl FnOnce() -> Stream) -> Clock {
        self.drawn(region, |whose| whose == Whose::Nodes || whose == Whose::Role(role), dice)
    }

    /// The clock of a region's clients, the same.
    pub fn of_clients(&self, region: RegionId, dice: impl FnOnce() -> Stream) -> Clock {
        self.drawn(region, |whose| whose == Whose::Clients, dice)
    }

    fn drawn(&self, region: RegionId, fits: impl Fn(Whose) -> bool, dice: impl FnOnce() -> Stream) -> Clock {
        let perfect = Clock { uncertainty: self.uncertainty, ..Clock::default() };
        let fits = |wrong: &&WrongClocks| wrong.region == region && fits(wrong.whose);
        let Some(wrong) = self.wrong.iter().rev().find(fits) else { return perfect };
        let (mut stream, mut dice) = (None, Some(dice));
        let mut draw = |(low, high): (i64, i64)| {
            if low == high {
                return low;
            }
            let stream: &mut Stream = stream.get_or_insert_with(|| dice.take().expect("it is made once")());
            let width = (i128::from(high) - i128::from(low)).unsigned_abs() as u64;
            low.wrapping_add_unsigned(if width == u64::MAX { stream.bits() } else { stream.below(width + 1) })
        };
        Clock { offset_ns: draw(wrong.offset_ns), drift_ns_per_s: draw(wrong.drift_ns_per_s), ..perfect }
    }
}

impl Clock {
    /// What this clock shows at true time `at`; never below zero.
    #[inline]
    pub fn reading(&self, at: Time) -> Time {
        if self.offset_ns == 0 && self.drift_ns_per_s == 0 {
            return at;
        }
        let shown = i128::from(at.as_nanos()) + self.error(at);
        Time::from_nanos(shown.clamp(0, i128::from(u64::MAX)) as u64)
    }

    /// How far ahead of true time it is then, in nanoseconds.
    fn error(&self, at: Time) -> i128 {
        let span = i128::from(at.since(self.since).as_nanos());
        i128::from(self.offset_ns) + span * i128::from(self.drift_ns_per_s) / SECOND
    }

    /// The same clock from `at` on, with so much more of both errors; it goes on from what it shows then.
    pub fn disturbed(&self, at: Time, offset_ns: i128, drift_ns_per_s: i128) -> Clock {
        let offset_ns = self.error(at) + offset_ns;
        let drift = i128::from(self.drift_ns_per_s) + drift_ns_per_s;
        Clock {
            offset_ns: offset_ns.clamp(i128::from(i64::MIN), i128::from(i64::MAX)) as i64,
            drift_ns_per_s: drift.clamp(1 - SECOND, i128::from(i64::MAX)) as i64,
            since: at,
            ..*self
        }
    }

    fn rate(&self) -> i128 {
        (SECOND + i128::from(self.drift_ns_per_s)).max(1)
    }

    /// How long in true time until this clock has gone on by `span`, at least: a timer that was early by its own clock would be
    /// set again for no time at all, for ever.
    pub fn true_span(&self, span: Duration) -> Duration {
        if self.drift_ns_per_s == 0 {
            return span;
        }
        let nanos = (i128::from(span.as_nanos()) * SECOND + self.rate() - 1) / self.rate();
        Duration::nanos(nanos.min(i128::from(u64::MAX)) as u64)
    }

    /// By how much this clock goes on in so long a time, at most.
    pub fn shown_span(&self, span: Duration) -> Duration {
        if self.drift_ns_per_s == 0 {
            return span;
        }
        let nanos = (i128::from(span.as_nanos()) * self.rate() + SECOND - 1) / SECOND;
        Duration::nanos(nanos.min(i128::from(u64::MAX)) as u64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fast_clock_is_ahead_and_its_timers_are_early() {
        let clock = Clock { offset_ns: 5_000_000, drift_ns_per_s: 1_000_000, ..Clock::default() };
        let ten_s = Time::ZERO + Duration::secs(10);
        assert_eq!(clock.reading(ten_s).since(ten_s), Duration::millis(15));
        let timer = clock.true_span(Duration::secs(1001));
        assert_eq!(timer, Duration::secs(1000));
        assert_eq!(clock.shown_span(timer), Duration::secs(1001));
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

    #[test]
    fn a_clock_that_is_disturbed_goes_on_from_what_it_shows() {
        let at = |s| Time::ZERO + Duration::secs(s);
        let clock = Clock { offset_ns: 7, drift_ns_per_s: 1_000_000, ..Clock::default() };
        let faster = clock.disturbed(at(10), 0, 4_000_000);
        assert_eq!(faster.reading(at(10)), clock.reading(at(10)));
        assert_eq!(faster.reading(at(20)).since(clock.reading(at(20))), Duration::millis(40));
        let stepped = clock.disturbed(at(10), -2_000_000_000, 0);
        assert_eq!(clock.reading(at(30)).since(stepped.reading(at(30))), Duration::secs(2));
        let stopped = clock.disturbed(at(10), 0, i128::from(i64::MIN) * 2);
        assert!(stopped.reading(at(20)) >= stopped.reading(at(10)), "it never runs backwards");
        let far = clock.disturbed(at(10), i128::from(i64::MAX) * 4, 0);
        assert!(far.reading(at(11)) > at(1_000_000));
    }

    #[test]
    fn clocks_are_drawn_between_their_ends_and_the_later_entry_counts() {
        let (here, there) = (RegionId(0), RegionId(1));
        let wrong = |region, whose, offset_ns, drift_ns_per_s| WrongClocks { region, whose, offset_ns, drift_ns_per_s };
        let model = ClockModel {
            uncertainty: Duration::millis(7),
            wrong: vec![
                wrong(here, Whose::Nodes, (-5_000, 5_000), (3, 3)),
                wrong(here, Whose::Role(Role::Monitor), (1, 1), (i64::MIN, i64::MAX)),
                wrong(there, Whose::Clients, (-9, -9), (0, 0)),
            ],
        };
        let of = |region, role, seed| model.of(region, role, || Stream::new(seed, "clock"));
        let offsets: Vec<i64> = (0..200).map(|seed| of(here, Role::Replica, seed).offset_ns).collect();
        assert!(offsets.iter().all(|offset| (-5_000..=5_000).contains(offset)));
        assert!(offsets.iter().any(|offset| *offset < -3_000) && offsets.iter().any(|offset| *offset > 3_000));
        assert_eq!(of(here, Role::Replica, 1).drift_ns_per_s, 3);
        assert_eq!(of(here, Role::Monitor, 1).offset_ns, 1);
        let perfect = model.of(there, Role::Replica, || unreachable!("nothing is drawn"));
        assert_eq!(perfect, Clock { uncertainty: Duration::millis(7), ..Clock::default() });
        let of_clients = |region| model.of_clients(region, || unreachable!("nothing is drawn"));
        assert_eq!(
            (of_clients(here), of_clients(there).offset_ns),
            (perfect, -9),
            "nodes' and clients' clocks are apart"
        );
    }
}
