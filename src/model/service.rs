//! What a node can do in a second: cores, how long each piece of work takes, and how much of it may wait.
//!
//! A node takes work in the order in which it comes, on each of its cores one piece at a time; what a piece of work does
//! (the change of state, what is sent) is done when its time is over. Next: `retry.rs`, what clients do about it.

use crate::id::RegionId;
use crate::time::Duration;

use super::fault::Slow;

/// What the nodes of each region can do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServiceModel {
    /// By region.
    pub regions: Vec<Capacity>,
    /// How much slower a node is that was just promoted, or that just came back; `None`: not at all.
    pub cold: Option<Cold>,
}

impl ServiceModel {
    /// The same in each of so many regions.
    pub fn everywhere(capacity: Capacity, regions: usize) -> ServiceModel {
        ServiceModel { regions: vec![capacity; regions], cold: None }
    }

    /// What a node of this region can do.
    ///
    /// # Panics
    /// Where the region is beyond the end of the list.
    pub fn of(&self, region: RegionId) -> Capacity {
        self.regions[region.index()]
    }
}

/// What one node can do. Work that takes no time still waits its turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Capacity {
    /// How many pieces of work it does at once.
    pub cores: u32,
    /// How long a client's read takes, wherever it was asked first.
    pub read: Duration,
    /// How long a client's write or compare-and-set takes.
    pub write: Duration,
    /// How long a message from another node takes. What a node sends to itself goes on at once.
    pub message: Duration,
    /// How long a timer takes.
    pub timer: Duration,
    /// Whether these are the means of exponential distributions; otherwise every piece takes exactly so long.
    pub is_exponential: bool,
    /// How many clients' requests may wait, beside those in service; `None`: any number. Messages and timers always may.
    pub queue: Option<u32>,
    /// What becomes of a request that may not.
    pub when_full: WhenFull,
    /// Where its nodes stand by until they are promoted; `None`: they have all of their capacity from the start.
    pub standby: Option<Standby>,
}

impl Default for Capacity {
    fn default() -> Capacity {
        Capacity {
            cores: 1,
            read: Duration::ZERO,
            write: Duration::ZERO,
            message: Duration::ZERO,
            timer: Duration::ZERO,
            is_exponential: false,
            queue: None,
            when_full: WhenFull::Refuse,
            standby: None,
        }
    }
}

/// A node that stands by with a part of its capacity, and gets the rest when it takes office as leader: the warm standby, and
/// the pilot light. It keeps what it got.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Standby {
    /// How much of its capacity is there before, as `parts / whole`.
    pub parts: u32,
    /// Of the fraction.
    pub whole: u32,
    /// How long until all of it is; it grows in a straight line.
    pub scales_in: Duration,
}

impl Standby {
    /// How long work takes that would take `usual` with all of the capacity, so long after the office was taken; `None`
    /// where it was not.
    pub fn of(&self, usual: Duration, since: Option<Duration>) -> Duration {
        let nanos = u128::from(usual.as_nanos()) * UNIT / self.part(since).max(1);
        Duration::nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
    }

    /// How much of this span of time's full capacity is there, where the office was taken so long before its end.
    pub fn kept(&self, span: Duration, since: Option<Duration>) -> Duration {
        let since = since.unwrap_or_default().min(span);
        let scaling = since.min(self.scales_in);
        let (low, high) = (self.part(None), self.part(Some(scaling)));
        let of = |span: Duration, part: u128| u128::from(span.as_nanos()) * part / UNIT;
        let nanos = of(span - since, low) + of(scaling, (low + high) / 2) + of(since - scaling, UNIT);
        Duration::nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
    }

    /// How much of the capacity is there, in millionths.
    fn part(&self, since: Option<Duration>) -> u128 {
        let low = (u128::from(self.parts) * UNIT / u128::from(self.whole.max(1))).min(UNIT);
        let Some(since) = since else { return low };
        if since >= self.scales_in {
            return UNIT;
        }
        low + (UNIT - low) * u128::from(since.as_nanos()) / u128::from(self.scales_in.as_nanos().max(1))
    }
}

/// What becomes of a request for which a queue has no room. Either way it takes none of the node's time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum WhenFull {
    /// Its client is told that the node is not available.
    #[default]
    Refuse,
    /// Nobody is told.
    Drop,
}

/// A cache that is filled anew: every piece of work takes longer, at first by a factor, then ever less.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cold {
    /// How much longer at first, as `parts / whole`.
    pub parts: u32,
    /// Of the factor.
    pub whole: u32,
    /// How long until it is as fast as before; the factor falls to one in a straight line.
    pub warms_in: Duration,
}

/// One, as [`ramped`] counts.
const UNIT: u128 = 1_000_000;

impl Cold {
    /// How long work takes that would take `usual` of a warm node, so long after the node grew cold.
    pub fn of(&self, usual: Duration, since: Duration) -> Duration {
        let factor = ramped(self.parts, self.whole, self.warms_in - since.min(self.warms_in), self.warms_in);
        let nanos = u128::from(usual.as_nanos()) * factor / UNIT;
        Duration::nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
    }
}

/// How much load there is: a factor that grows from one in a straight line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Load {
    /// How many times as many operations begin, as `parts / whole`.
    pub parts: u32,
    /// Of the factor.
    pub whole: u32,
    /// How long until it is that many.
    pub ramp: Duration,
}

impl Load {
    /// The gap to the next operation where it would be `usual`, so long after the load began to grow.
    pub fn of(&self, usual: Duration, since: Duration) -> Duration {
        let factor = if self.ramp.is_zero() {
            Slow::Times { parts: self.parts, whole: self.whole }.of(Duration::nanos(UNIT as u64)).as_nanos().into()
        } else {
            ramped(self.parts, self.whole, since.min(self.ramp), self.ramp)
        };
        let nanos = u128::from(usual.as_nanos()) * UNIT / factor.max(1);
        Duration::nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
    }
}

/// `1 + (parts / whole - 1) · part / all`, in millionths.
fn ramped(parts: u32, whole: u32, part: Duration, all: Duration) -> u128 {
    let more = u128::from(parts.saturating_sub(whole)) * UNIT / u128::from(whole.max(1));
    UNIT + more * u128::from(part.as_nanos()) / u128::from(all.as_nanos().max(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cold_node_warms_in_a_straight_line() {
        let cold = Cold { parts: 80, whole: 10, warms_in: Duration::secs(60) };
        let of = |since| cold.of(Duration::millis(10), Duration::secs(since)).as_nanos() / 1_000_000;
        assert_eq!([0, 30, 60, 600].map(of), [80, 45, 10, 10]);
    }

    #[test]
    fn a_standby_grows_in_a_straight_line_and_costs_what_it_has() {
        let standby = Standby { parts: 25, whole: 100, scales_in: Duration::secs(60) };
        let of = |since: Option<u64>| standby.of(Duration::millis(10), since.map(Duration::secs)).as_nanos() / 1_000;
        assert_eq!([None, Some(0), Some(20), Some(60), Some(600)].map(of), [40_000, 40_000, 20_000, 10_000, 10_000]);
        let kept = |since: Option<u64>| standby.kept(Duration::secs(600), since.map(Duration::secs)).as_nanos();
        // 600 s by a quarter; 500 s by a quarter, 60 s by five eighths and 40 s whole; 570 s by a quarter, 30 s by 7/16.
        let millis = [None, Some(100), Some(30)].map(|since| kept(since) / 1_000_000);
        assert_eq!(millis, [150_000, 125_000 + 37_500 + 40_000, 142_500 + 13_125]);
        let at_once = Standby { scales_in: Duration::ZERO, ..standby };
        assert_eq!(at_once.of(Duration::millis(10), Some(Duration::ZERO)), Duration::millis(10));
        assert_eq!(at_once.kept(Duration::secs(8), Some(Duration::secs(4))), Duration::secs(5));
    }

    #[test]
    fn load_grows_in_a_straight_line() {
        let load = Load { parts: 40, whole: 10, ramp: Duration::secs(30) };
        let of = |load: Load, since| load.of(Duration::millis(100), Duration::secs(since)).as_nanos() / 1_000_000;
        assert_eq!([0, 10, 30, 300].map(|since| of(load, since)), [100, 50, 25, 25]);
        assert_eq!(of(Load { ramp: Duration::ZERO, ..load }, 0), 25);
    }

    #[test]
    fn the_greatest_figures_do_not_overflow() {
        let cold = Cold { parts: u32::MAX, whole: 1, warms_in: Duration::MAX };
        assert_eq!(cold.of(Duration::MAX, Duration::ZERO), Duration::MAX);
        let load = Load { parts: u32::MAX, whole: 1, ramp: Duration::MAX };
        assert!(load.of(Duration::MAX, Duration::MAX) < Duration::secs(5));
    }
}
