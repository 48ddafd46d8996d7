//! When a region's clients could not write: from each acknowledged write to the next, where a write between them failed
//! or went without an answer.
//!
//! A write that failed counts when it was begun, which is told late; so the present is looked at with the delay of one
//! timeout, after which all is known. Next: `outcome.rs`.

use std::collections::VecDeque;

use crate::time::{Duration, Time};

/// The outages of one region.
#[derive(Clone, Debug)]
pub(super) struct Outages {
    timeout: Duration,
    /// When writes were acknowledged and begun in vain, in order, that have not been looked at.
    acknowledged: VecDeque<Time>,
    in_vain: VecDeque<Time>,
    /// The last acknowledged write that was looked at, and whether one was begun in vain since.
    since: Time,
    is_out: bool,
    is_used: bool,
    found: Vec<(Time, Time)>,
}

impl Outages {
    /// Clients begin at `begin`, and give up after `timeout`.
    pub(super) fn new(begin: Time, timeout: Duration) -> Outages {
        Outages {
            timeout,
            acknowledged: VecDeque::new(),
            in_vain: VecDeque::new(),
            since: begin,
            is_out: false,
            is_used: false,
            found: Vec::new(),
        }
    }

    /// A write was acknowledged now.
    pub(super) fn wrote(&mut self, now: Time) {
        self.is_used = true;
        self.acknowledged.push_back(now);
        self.look(Time::from_nanos(now.as_nanos().saturating_sub(self.timeout.as_nanos())));
    }

    /// It is known now that a write that was begun then failed, or had no answer in time.
    pub(super) fn failed(&mut self, begun: Time, now: Time) {
        self.is_used = true;
        let place = self.in_vain.partition_point(|other| *other <= begun);
        self.in_vain.insert(place, begun);
        self.look(Time::from_nanos(now.as_nanos().saturating_sub(self.timeout.as_nanos())));
    }

    /// Looks at what happened before `until`.
    fn look(&mut self, until: Time) {
        loop {
            let vain = self.in_vain.front().filter(|at| **at < until).copied();
            let Some(at) = self.acknowledged.front().filter(|at| **at < until).copied() else {
                // Whatever is acknowledged next comes later than these.
                if vain.is_some() {
                    self.is_out = true;
                    self.in_vain.pop_front();
                    continue;
                }
                return;
            };
            if vain.is_some_and(|vain| vain <= at) {
                self.is_out = true;
                self.in_vain.pop_front();
                continue;
            }
            self.acknowledged.pop_front();
            if std::mem::take(&mut self.is_out) {
                self.found.push((self.since, at));
            }
            self.since = at;
        }
    }

    /// The outages, when clients stopped asking at `end`: an outage that lasts is one until then. Each counts from the
    /// first fault in it, where there is one.
    pub(super) fn finish(&self, end: Time, faults: &[Time]) -> Vec<(Time, Time)> {
        let mut all = self.clone();
        if all.is_used {
            let place = all.acknowledged.partition_point(|at| *at <= end);
            all.acknowledged.insert(place, end);
        }
        all.look(Time::NEVER);
        let from_fault = |(since, at): (Time, Time)| {
            let fault = faults.iter().filter(|fault| (since..at).contains(*fault)).min();
            (fault.copied().unwrap_or(since), at)
        };
        all.found.into_iter().map(from_fault).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn at(ms: u64) -> Time {
        Time::ZERO + Duration::millis(ms)
    }

    const TIMEOUT: Duration = Duration::millis(20);

    #[test]
    fn an_outage_is_from_the_last_good_write_or_the_fault_to_the_next_good_one() {
        let mut outages = Outages::new(at(0), TIMEOUT);
        outages.wrote(at(10));
        outages.failed(at(15), at(35));
        outages.failed(at(12), at(36));
        outages.wrote(at(50));
        outages.wrote(at(90));
        assert_eq!(outages.finish(at(100), &[]), [(at(10), at(50))]);
        assert_eq!(outages.finish(at(100), &[at(13), at(11), at(60)]), [(at(11), at(50))]);
    }

    #[test]
    fn an_outage_that_lasts_ends_with_the_clients() {
        let mut outages = Outages::new(at(5), TIMEOUT);
        outages.failed(at(30), at(50));
        assert_eq!(outages.finish(at(100), &[]), [(at(5), at(100))]);
        assert!(Outages::new(at(5), TIMEOUT).finish(at(100), &[]).is_empty(), "nobody asked");
    }

    proptest! {
        /// Against all marks sorted at the end. Clients ask before 150 ms.
        #[test]
        fn looking_late_is_looking_at_the_end(mut calls in prop::collection::vec((0_u64..150, 0_u64..=20, any::<bool>()), 0..60)) {
            calls.sort_by_key(|(begun, takes, _)| begun + takes);
            let mut outages = Outages::new(at(0), TIMEOUT);
            let mut marks = Vec::new();
            for (begun, takes, ok) in &calls {
                let (begun, now) = (at(*begun), at(begun + takes));
                if *ok { outages.wrote(now) } else { outages.failed(begun, now) }
                marks.push(if *ok { (now, true) } else { (begun, false) });
            }
            if !marks.is_empty() {
                marks.push((at(150), true));
            }
            marks.sort_unstable();
            let (mut expected, mut since, mut failed) = (Vec::new(), at(0), false);
            for (at, ok) in marks {
                failed |= !ok;
                if ok {
                    if failed {
                        expected.push((since, at));
                    }
                    (since, failed) = (at, false);
                }
            }
            prop_assert_eq!(outages.finish(at(150), &[]), expected);
        }
    }
}
