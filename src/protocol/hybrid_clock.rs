//! A hybrid logical clock: close to physical time, and never against causality.
//!
//! Source: Kulkarni, Demirbas, Madappa, Avva, Leone, *Logical Physical Clocks*, OPODIS 2014, figure 5.

use std::fmt;

use crate::id::NodeId;
use crate::time::{Duration, Time};

/// A hybrid timestamp. Ordered by physical part, then logical part, then node: no two are equal across nodes.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Stamp {
    /// The highest clock reading known when it was made.
    pub physical: Time,
    /// How many events share that reading so far.
    pub logical: u32,
    /// Who made it: the tie-break.
    pub node: NodeId,
}

impl Stamp {
    /// What a clock shows, and nothing to tell it from another such reading at this node.
    pub const fn reading(physical: Time, node: NodeId) -> Stamp {
        Stamp { physical, logical: 0, node }
    }

    /// A number that names this stamp: two of a run are never equal but by a chance of one in 2^64.
    pub const fn number(&self) -> u64 {
        let who = (self.logical as u64) << 16 | self.node.0 as u64;
        self.physical.as_nanos().wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ who.wrapping_mul(0xc2b2_ae3d_27d4_eb4f)
    }
}

impl fmt::Debug for Stamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}+{}@{}", self.physical, self.logical, self.node)
    }
}

/// One node's hybrid logical clock.
#[derive(Clone, Copy, Debug, Default, Hash)]
pub struct HybridClock {
    physical: Time,
    logical: u32,
}

impl HybridClock {
    /// A stamp for an event of this node, later than every stamp it has made or seen.
    ///
    /// # Panics
    /// Where 2^32 events share one clock reading.
    pub fn tick(&mut self, now: Time, node: NodeId) -> Stamp {
        if now > self.physical {
            (self.physical, self.logical) = (now, 0);
        } else {
            self.logical = self.logical.checked_add(1).expect("the logical part of a hybrid clock overflowed");
        }
        Stamp { physical: self.physical, logical: self.logical, node }
    }

    /// The same with a logical part that begins again at zero after a few events: a flaw on purpose.
    pub(super) fn tick_narrow(&mut self, now: Time, node: NodeId) -> Stamp {
        const WIDTH: u32 = 2;
        let stamp = self.tick(now, node);
        self.logical %= 1 << WIDTH;
        Stamp { logical: self.logical, ..stamp }
    }

    /// Takes note of another node's stamp: every later [`tick`](HybridClock::tick) is above it.
    pub fn witness(&mut self, seen: Stamp) {
        if (seen.physical, seen.logical) > (self.physical, self.logical) {
            (self.physical, self.logical) = (seen.physical, seen.logical);
        }
    }

    /// How far `seen` is ahead of this node's clock reading: what a bound on clock error is checked against.
    pub fn ahead(seen: Stamp, now: Time) -> Duration {
        seen.physical.since(now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stamps_only_grow_even_when_the_clock_stands_or_steps_back() {
        let mut clock = HybridClock::default();
        let at = |ms| Time::ZERO + Duration::millis(ms);
        let stamps = [5, 5, 3, 9].map(|ms| clock.tick(at(ms), NodeId(0)));
        assert!(stamps.is_sorted_by(|a, b| a < b), "{stamps:?}");
        assert_eq!(stamps[3], Stamp { physical: at(9), logical: 0, node: NodeId(0) });
    }

    #[test]
    fn what_was_witnessed_is_below_what_comes_next() {
        let mut clock = HybridClock::default();
        let seen = Stamp { physical: Time::ZERO + Duration::secs(9), logical: 4, node: NodeId(7) };
        clock.witness(seen);
        assert!(clock.tick(Time::ZERO, NodeId(0)) > seen);
        assert_eq!(HybridClock::ahead(seen, Time::ZERO + Duration::secs(8)), Duration::secs(1));
    }
}
