//! Whether the delays of every simulator are those that were asked for: the mean that a count implies, by Little's law.
//!
//! In a contest the counts are fixed, and equal. Here loops run for a fixed time instead, so that a message lost, doubled,
//! late or free would show in the count.

use crate::queues::Riftzone;
use crate::workloads::{DELAY_MAX, DELAY_MIN, NODES};
use crate::{bare, ours, peers};

const FOR_EVER: u32 = u32::MAX;
const SECONDS: u64 = 20;

/// The mean time of a hop, in milliseconds, of tokens that made so many.
fn hop_ms(tokens: u32, hops: u64) -> f64 {
    let (low, high) = (DELAY_MIN.as_millis_f64(), DELAY_MAX.as_millis_f64());
    let (mean, variance) = ((low + high) / 2.0, (high - low) * (high - low) / 12.0);
    // The hop that is under way at the end counts for a part (the renewal theorem's second term).
    let part = f64::from(tokens) * (mean * mean - variance) / (2.0 * mean * mean);
    f64::from(tokens) * SECONDS as f64 * 1e3 / (hops as f64 + part)
}

#[test]
fn a_hop_takes_as_long_everywhere() {
    let tokens = 1_000;
    let sent = ours::ring(tokens, FOR_EVER, SECONDS).units;
    let made = [
        sent - u64::from(tokens), // every token is on its way when the run ends
        peers::nexosim::ring(tokens, FOR_EVER, SECONDS).units,
        bare::ring::ring::<Riftzone<_>>(tokens, FOR_EVER, SECONDS).units,
    ];
    for (who, hops) in ["riftzone", "nexosim", "the bare loop"].iter().zip(made) {
        let mean = hop_ms(tokens, hops);
        assert!((mean - 65.0).abs() < 0.2, "{who}: a hop takes 65 ms, not {mean}");
    }
}

#[test]
fn a_round_trip_takes_as_long_everywhere() {
    let clients = 100;
    let all = clients * u32::from(NODES);
    let sent = ours::echo(clients, FOR_EVER, SECONDS).units;
    let received = [
        ("riftzone", sent - u64::from(all), 0.0), // each client has one message on its way
        // madsim sleeps four times a round trip, which its timer makes a millisecond each.
        ("madsim", peers::madsim::echo(clients, FOR_EVER, SECONDS).units, 4.0),
        ("turmoil", peers::turmoil::echo(clients, FOR_EVER, SECONDS).units, 0.0),
    ];
    for (who, messages, late_ms) in received {
        let mean = 2.0 * hop_ms(all, messages);
        assert!((mean - 130.0 - late_ms).abs() < 0.8, "{who}: a round trip takes {} ms, not {mean}", 130.0 + late_ms);
    }
}
