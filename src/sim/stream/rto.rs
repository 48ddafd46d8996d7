//! How long a sender waits for an acknowledgement before it sends again: from the round trips that it saw, and longer each time
//! that it waited in vain (RFC 6298).

use crate::model::transport::StreamTransport;
use crate::time::Duration;

/// What is waited before a round trip was seen.
const FIRST: Duration = Duration::secs(1);

/// A retransmission timer's length.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Rto {
    /// The smoothed round trip and its mean deviation; `None` before the first.
    seen: Option<(Duration, Duration)>,
    least: Duration,
    most: Duration,
    /// How often it doubled since something was acknowledged.
    doublings: u32,
}

impl Rto {
    pub(super) fn new(transport: &StreamTransport) -> Rto {
        Rto { seen: None, least: transport.rto_min, most: transport.rto_max, doublings: 0 }
    }

    /// A round trip took so long.
    pub(super) fn saw(&mut self, round_trip: Duration) {
        self.seen = Some(match self.seen {
            None => (round_trip, round_trip / 2),
            Some((smoothed, deviation)) => {
                let off = (smoothed - round_trip) + (round_trip - smoothed); // of which one is zero
                (smoothed * 7 / 8 + round_trip / 8, deviation * 3 / 4 + off / 4)
            }
        });
    }

    /// How long is waited now.
    pub(super) fn now(&self) -> Duration {
        let base = self.seen.map_or(FIRST, |(smoothed, deviation)| smoothed + self.least.max(deviation * 4));
        (base * 2_u64.saturating_pow(self.doublings)).min(self.most)
    }

    /// It waited in vain.
    pub(super) fn double(&mut self) {
        self.doublings = (self.doublings + 1).min(63);
    }

    /// Something was acknowledged.
    pub(super) fn calm(&mut self) {
        self.doublings = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ms(n: u64) -> Duration {
        Duration::millis(n)
    }

    #[test]
    fn a_steady_round_trip_is_waited_for_and_two_tenths_of_a_second_more() {
        let mut rto = Rto::new(&StreamTransport::default());
        assert_eq!(rto.now(), Duration::secs(1), "before the first");
        rto.saw(ms(80));
        assert_eq!(rto.now(), ms(80 + 200), "four deviations of 40 ms are less than the least");
        rto.saw(ms(160));
        assert_eq!(rto.now(), ms(90 + 4 * 50));
        (0..200).for_each(|_| rto.saw(ms(80)));
        assert!(rto.now() >= ms(280) && rto.now() < ms(281), "{}", rto.now());
    }

    #[test]
    fn it_doubles_up_to_the_most() {
        let mut rto = Rto::new(&StreamTransport::default());
        rto.saw(ms(80));
        let waits: Vec<Duration> = (0..12)
            .map(|_| {
                let wait = rto.now();
                rto.double();
                wait
            })
            .collect();
        assert!(waits.windows(2).all(|pair| pair[1] == (pair[0] * 2).min(Duration::secs(120))), "{waits:?}");
        assert_eq!(waits[11], Duration::secs(120));
        rto.calm();
        assert_eq!(rto.now(), ms(280));
    }
}
