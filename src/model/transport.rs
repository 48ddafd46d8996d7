//! How bytes get from place to place: how many pass a line in a second, and by which transport.

use crate::time::Duration;

/// How many bits leave over a line in a second. Never zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Bandwidth {
    bits_per_second: u64,
}

impl Bandwidth {
    /// So many bits a second; at least one.
    pub const fn bits_per_second(bits: u64) -> Bandwidth {
        Bandwidth { bits_per_second: if bits == 0 { 1 } else { bits } }
    }

    /// How many bits leave in a second.
    pub const fn as_bits_per_second(self) -> u64 {
        self.bits_per_second
    }

    /// How long so many bytes take to leave, rounded up: no rounding makes a line faster than it is. At most
    /// [`Duration::MAX`].
    pub fn time_of(self, bytes: u64) -> Duration {
        const NANOS: u128 = 1_000_000_000;
        let nanos = (u128::from(bytes) * 8 * NANOS).div_ceil(u128::from(self.bits_per_second));
        Duration::nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
    }
}

impl std::fmt::Display for Bandwidth {
    /// In the largest unit of which it is a whole number: `10Gbit/s`, `1500kbit/s`.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let units = [("Gbit/s", 1_000_000_000), ("Mbit/s", 1_000_000), ("kbit/s", 1_000), ("bit/s", 1)];
        let fits = |(_, size): &(&str, u64)| self.bits_per_second.is_multiple_of(*size);
        let (unit, size) = units.into_iter().find(fits).expect("every number is a multiple of one");
        write!(f, "{}{unit}", self.bits_per_second / size)
    }
}

/// Streams: connections that deliver everything once and in order, in place of datagrams, each of which arrives by itself or not.
///
/// A timeout is the smoothed round trip and four mean deviations, as RFC 6298 has it, and doubles each time that it passes in
/// vain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StreamTransport {
    /// How many bytes may be under way in each direction, not acknowledged: what passes in a second is so many a round trip.
    /// `None`: as many as are sent.
    pub window: Option<u64>,
    /// The least that a timeout is longer than a round trip.
    pub rto_min: Duration,
    /// The longest timeout.
    pub rto_max: Duration,
    /// A connection over which nothing was acknowledged for so long, though something was under way, is broken.
    pub give_up: Duration,
    /// Whoever opens a connection tries for so long; then what waits for it is lost.
    pub dial: Duration,
    /// How many messages may wait or be under way in each direction; what is sent beyond that is lost.
    pub buffer: u32,
}

impl Default for StreamTransport {
    /// No window, timeouts from 0.2 s to 2 min, 15 min until a connection breaks, 10 s until nobody opens one, 4096 messages.
    fn default() -> StreamTransport {
        StreamTransport {
            window: None,
            rto_min: Duration::millis(200),
            rto_max: Duration::secs(120),
            give_up: Duration::secs(900),
            dial: Duration::secs(10),
            buffer: 4_096,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_take_their_time() {
        let gigabit = Bandwidth::bits_per_second(1_000_000_000);
        assert_eq!(gigabit.time_of(125), Duration::micros(1));
        assert_eq!(gigabit.time_of(0), Duration::ZERO);
        assert_eq!(Bandwidth::bits_per_second(3).time_of(1), Duration::nanos(2_666_666_667), "rounded up");
        assert_eq!(Bandwidth::bits_per_second(0).time_of(u64::MAX), Duration::MAX);
    }

    #[test]
    fn a_bandwidth_is_told_in_its_largest_whole_unit() {
        for (bits, told) in [(10_000_000_000, "10Gbit/s"), (1_500_000, "1500kbit/s"), (9_601, "9601bit/s")] {
            assert_eq!(Bandwidth::bits_per_second(bits).to_string(), told);
        }
    }
}
