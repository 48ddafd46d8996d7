//! How it was: latency, availability and what they are summed up to.
//!
//! Next: `statistics.rs`, many runs put together.

pub mod statistics;

use hdrhistogram::Histogram;

use crate::history::Outcome;
use crate::id::RegionId;
use crate::op::OpKind;
use crate::time::{Duration, Time};

/// So many latencies are kept as they are; a histogram takes a hundred times their room, which most runs of a hunt never fill.
const FEW: usize = 1024;

/// Latencies of one kind of operation: log-linear buckets a thousandth wide; smallest, largest and mean are exact.
#[derive(Clone, Debug)]
pub struct Latencies {
    /// In nanoseconds, while there are few and `buckets` are not needed.
    few: Vec<u64>,
    buckets: Option<Box<Histogram<u64>>>,
    min: Duration,
    max: Duration,
    sum: u128,
}

impl Default for Latencies {
    fn default() -> Latencies {
        Latencies { few: Vec::new(), buckets: None, min: Duration::MAX, max: Duration::ZERO, sum: 0 }
    }
}

impl Latencies {
    /// Adds one latency.
    pub fn record(&mut self, latency: Duration) {
        match &mut self.buckets {
            Some(buckets) => buckets.record(latency.as_nanos()).expect("the histogram grows as needed"),
            None if self.few.len() < FEW => self.few.push(latency.as_nanos()),
            None => self.sort_into_buckets().record(latency.as_nanos()).expect("the histogram grows as needed"),
        }
        (self.min, self.max) = (self.min.min(latency), self.max.max(latency));
        self.sum += u128::from(latency.as_nanos());
    }

    #[cold]
    fn sort_into_buckets(&mut self) -> &mut Histogram<u64> {
        let few = std::mem::take(&mut self.few);
        self.buckets.insert(Box::new(histogram(&few)))
    }

    /// Adds all of another's.
    pub fn merge(&mut self, other: &Latencies) {
        if self.buckets.is_none() && self.few.len() + other.few.len() <= FEW && other.buckets.is_none() {
            self.few.extend_from_slice(&other.few);
        } else {
            if self.buckets.is_none() {
                self.sort_into_buckets();
            }
            let buckets = self.buckets.as_mut().expect("they were just made");
            other.few.iter().for_each(|nanos| buckets.record(*nanos).expect("the histogram grows as needed"));
            if let Some(theirs) = &other.buckets {
                buckets.add(&**theirs).expect("the histogram grows as needed");
            }
        }
        (self.min, self.max) = (self.min.min(other.min), self.max.max(other.max));
        self.sum += other.sum;
    }

    /// How many there are.
    pub fn count(&self) -> u64 {
        self.buckets.as_ref().map_or(self.few.len() as u64, |buckets| buckets.len())
    }

    /// The latency that `quantile` (0 to 1) of them do not exceed, within a thousandth; zero where there are none.
    pub fn quantile(&self, quantile: f64) -> Duration {
        if self.count() == 0 {
            return Duration::ZERO;
        }
        let nanos = match &self.buckets {
            Some(buckets) => buckets.value_at_quantile(quantile),
            None => histogram(&self.few).value_at_quantile(quantile),
        };
        Duration::nanos(nanos).clamp(self.min, self.max)
    }

    /// The longest, exactly; zero where there are none.
    pub fn max(&self) -> Duration {
        self.max
    }

    /// The mean, to the nanosecond; zero where there are none.
    pub fn mean(&self) -> Duration {
        Duration::nanos((self.sum / u128::from(self.count().max(1))) as u64)
    }
}

fn histogram(nanos: &[u64]) -> Histogram<u64> {
    let mut buckets = Histogram::new(3).expect("three significant digits are within its range");
    nanos.iter().for_each(|nanos| buckets.record(*nanos).expect("the histogram grows as needed"));
    buckets
}

/// How operations ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Outcomes {
    /// Took effect.
    pub ok: u64,
    /// Definitely did not.
    pub fail: u64,
    /// Nobody knows.
    pub unknown: u64,
}

impl Outcomes {
    /// All of them.
    pub fn total(&self) -> u64 {
        self.ok + self.fail + self.unknown
    }

    /// The part that is ok, from 0 to 1; 1 where nothing was asked.
    pub fn availability(&self) -> f64 {
        if self.total() == 0 { 1.0 } else { self.ok as f64 / self.total() as f64 }
    }

    fn add(&mut self, outcome: Outcome) {
        match outcome {
            Outcome::Ok => self.ok += 1,
            Outcome::Fail => self.fail += 1,
            Outcome::Unknown => self.unknown += 1,
        }
    }

    fn merge(&mut self, other: &Outcomes) {
        self.ok += other.ok;
        self.fail += other.fail;
        self.unknown += other.unknown;
    }
}

/// So many good buckets of a timeline in a row end a stretch of bad ones.
const GOOD_IN_A_ROW: usize = 5;

/// What clients went through, by the region they are in.
#[derive(Clone, Debug, Default)]
pub struct Measures {
    regions: Vec<RegionMeasures>,
    bucket: Duration,
}

/// One region's clients.
#[derive(Clone, Debug, Default)]
pub struct RegionMeasures {
    latency: [Latencies; OpKind::ALL.len()],
    outcomes: [Outcomes; OpKind::ALL.len()],
    timeline: Vec<Outcomes>,
}

impl Measures {
    /// For clients in this many regions; the timeline has a point for each `bucket`.
    pub fn new(regions: usize, bucket: Duration) -> Measures {
        Measures { regions: vec![RegionMeasures::default(); regions], bucket }
    }

    /// An operation ended. It counts where and when it was invoked.
    pub fn record(&mut self, region: RegionId, kind: OpKind, outcome: Outcome, invoked: Time, latency: Duration) {
        let measures = &mut self.regions[region.index()];
        measures.outcomes[kind as usize].add(outcome);
        if outcome == Outcome::Ok {
            measures.latency[kind as usize].record(latency);
        }
        let bucket = (invoked.as_nanos() / self.bucket.as_nanos()) as usize;
        if measures.timeline.len() <= bucket {
            measures.timeline.resize(bucket + 1, Outcomes::default());
        }
        measures.timeline[bucket].add(outcome);
    }

    /// The latencies of one kind of operation in one region.
    pub fn latency(&self, region: RegionId, kind: OpKind) -> &Latencies {
        &self.regions[region.index()].latency[kind as usize]
    }

    /// The latencies of reads, or of everything that writes, over all regions.
    pub fn latency_overall(&self, writes: bool) -> Latencies {
        let mut all = Latencies::default();
        for region in &self.regions {
            OpKind::ALL.iter().filter(|k| k.writes() == writes).for_each(|k| all.merge(&region.latency[*k as usize]));
        }
        all
    }

    /// How operations ended in one region; `None`: in all.
    pub fn outcomes(&self, region: Option<RegionId>) -> Outcomes {
        let mut sum = Outcomes::default();
        for (place, measures) in self.regions.iter().enumerate() {
            if region.is_none_or(|region| region.index() == place) {
                measures.outcomes.iter().for_each(|outcomes| sum.merge(outcomes));
            }
        }
        sum
    }

    /// The longest stretch of time in which less than 99 % of what clients began took effect, all regions together, in whole
    /// [buckets](Measures::bucket). A stretch ends where five of them are better.
    pub fn degraded(&self) -> Duration {
        let length = self.regions.iter().map(|region| region.timeline.len()).max().unwrap_or(0);
        let (mut longest, mut begun, mut last) = (0, None, 0);
        for place in 0..length {
            let mut all = Outcomes::default();
            self.regions.iter().filter_map(|region| region.timeline.get(place)).for_each(|of| all.merge(of));
            if all.ok * 100 >= all.total() * 99 {
                continue;
            }
            if begun.is_none() || place - last > GOOD_IN_A_ROW {
                begun = Some(place);
            }
            last = place;
            longest = longest.max(place + 1 - begun.unwrap_or(place));
        }
        self.bucket * longest as u64
    }

    /// How operations ended in one region, by when they were invoked: one entry for each [`bucket`](Measures::bucket).
    pub fn timeline(&self, region: RegionId) -> &[Outcomes] {
        &self.regions[region.index()].timeline
    }

    /// The width of a timeline's entry.
    pub fn bucket(&self) -> Duration {
        self.bucket
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_of_one_value_are_that_value() {
        let mut latencies = Latencies::default();
        latencies.record(Duration::nanos(64_225_001));
        assert_eq!(latencies.quantile(0.5), Duration::nanos(64_225_001));
        assert_eq!(latencies.mean(), latencies.max());
        assert_eq!(Latencies::default().quantile(0.99), Duration::ZERO);
    }

    #[test]
    fn few_and_many_have_the_same_quantiles() {
        let (mut few, mut many) = (Latencies::default(), Latencies::default());
        many.sort_into_buckets();
        for n in 0..FEW as u64 + 10 {
            let latency = Duration::nanos(n * n * 977 % 90_000_001);
            few.record(latency);
            many.record(latency);
            assert_eq!(few.count(), many.count());
            if n % 100 == 99 || n + 2 > FEW as u64 {
                for quantile in [0.0, 0.5, 0.9, 0.99, 0.999, 1.0] {
                    assert_eq!(few.quantile(quantile), many.quantile(quantile), "{n} {quantile}");
                }
                let (mut one, mut other) = (few.clone(), many.clone());
                one.merge(&few);
                other.merge(&many);
                assert_eq!((one.count(), one.quantile(0.99)), (other.count(), other.quantile(0.99)));
            }
        }
        assert!(few.buckets.is_some() && few.few.is_empty());
    }

    #[test]
    fn a_stretch_of_degraded_service_ends_with_five_good_seconds() {
        let mut measures = Measures::new(2, Duration::secs(1));
        let mut second = |second: u64, ok: u64, lost: u64| {
            let at = Time::ZERO + Duration::secs(second);
            let mut record = |outcome, count| {
                (0..count).for_each(|nth| {
                    measures.record(RegionId((nth % 2) as u16), OpKind::Write, outcome, at, Duration::millis(1))
                })
            };
            record(Outcome::Ok, ok);
            record(Outcome::Fail, lost);
        };
        (0..60).for_each(|at| second(at, 99, u64::from(at % 10 == 0))); // one of a hundred is no matter
        [(10, 1), (13, 2), (18, 2), (24, 5), (40, 9)].into_iter().for_each(|(at, lost)| second(at, 0, lost));
        assert_eq!(measures.degraded(), Duration::secs(9), "from 10 to the end of 18");
        assert_eq!(Measures::new(1, Duration::secs(1)).degraded(), Duration::ZERO);
    }

    #[test]
    fn unknown_is_not_available() {
        let mut measures = Measures::new(2, Duration::secs(1));
        let at = Time::ZERO + Duration::millis(1500);
        measures.record(RegionId(0), OpKind::Read, Outcome::Ok, at, Duration::millis(1));
        measures.record(RegionId(0), OpKind::Write, Outcome::Unknown, at, Duration::ZERO);
        measures.record(RegionId(1), OpKind::Write, Outcome::Ok, at, Duration::millis(3));
        assert_eq!(measures.outcomes(Some(RegionId(0))).availability(), 0.5);
        assert_eq!(measures.outcomes(None).total(), 3);
        assert_eq!(measures.latency_overall(true).count(), 1);
        assert_eq!(measures.timeline(RegionId(0))[1].total(), 2);
    }
}
