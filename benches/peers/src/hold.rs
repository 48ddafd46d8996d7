//! The hold model: pop the earliest event, push it again a delay later (Jones, 1986). What a queue costs by itself.
//!
//! Delays are those of replicas over regions: 27 of 32 a link's message of 30 to 100 ms, 3 a timer of 10 ms, 2 a timeout
//! of 500 ms. In one variant messages have nanoseconds, and timers a tenth of a millisecond of skew; in the other every
//! delay is whole milliseconds, so that about `n / 100` events are due at once. An event carries 32 bytes.
//!
//! Every queue must pop the same events at the same times, or the program stops. Timed is a stretch of a run that has
//! gone on for a while, without setting up. One hold is one pop, one draw and one push.

use std::time::Instant;

use crate::chance::Chance;
use crate::contest::{Contest, Contestant, Sample};
use crate::queues::{Calendar, CalendarInstant, Pending, QuadSlab, Radix, Riftzone, StdInline, StdSlab};

type Payload = [u64; 4];

const MS: u64 = 1_000_000;

/// A contest for each number of pending events and each kind of delay.
pub fn contests() -> Vec<Contest> {
    let mut contests = Vec::new();
    for (events, label, holds) in [(100, "100", 4_000_000), (10_000, "10k", 4_000_000), (1_000_000, "1M", 2_000_000)] {
        for (whole_ms, delays) in [(false, "jittered"), (true, "whole-ms")] {
            let contestants = vec![
                contestant::<Riftzone<Payload>>("riftzone queue", events, holds, whole_ms),
                contestant::<StdInline<Payload>>("std heap, inline", events, holds, whole_ms),
                contestant::<StdSlab<Payload>>("std heap, key+slab", events, holds, whole_ms),
                contestant::<QuadSlab<Payload>>("4-ary heap, key+slab", events, holds, whole_ms),
                contestant::<Calendar<Payload>>("calendar-16", events, holds, whole_ms),
                contestant::<CalendarInstant<Payload>>("calendar-16 + instant", events, holds, whole_ms),
                contestant::<Radix<Payload>>("radix heap, inline", events, holds, whole_ms),
            ];
            contests.push(Contest {
                name: format!("hold-{label}-{delays}"),
                what: format!("hold model, {events} events pending, {delays} delays, 32 B an event"),
                unit: "hold",
                subject: "riftzone queue",
                equal_work: contestants.iter().map(|contestant| contestant.name).collect(),
                contestants,
                shown: vec!["std heap, inline"],
                shows_best: true,
                notes: Vec::new(),
            });
        }
    }
    contests
}

fn contestant<Q: Pending<Payload>>(name: &'static str, events: usize, holds: u64, whole_ms: bool) -> Contestant {
    let run = if whole_ms { hold::<Q, true> } else { hold::<Q, false> };
    Contestant::new(name, move || run(events, holds))
}

#[inline(always)]
fn delay<const WHOLE_MS: bool>(chance: &mut Chance) -> u64 {
    let bits = chance.bits();
    let (class, rest) = (bits >> 59, bits & 0xffff_ffff);
    match (class, WHOLE_MS) {
        (0..27, false) => 30 * MS + ((rest * 70 * MS) >> 32),
        (0..27, true) => (30 + ((rest * 71) >> 32)) * MS,
        (27..30, false) => 10 * MS + ((rest * (MS / 10)) >> 32),
        (27..30, true) => 10 * MS,
        _ => 500 * MS,
    }
}

fn hold<Q: Pending<Payload>, const WHOLE_MS: bool>(events: usize, holds: u64) -> Sample {
    let mut queue = Q::with_capacity(events);
    let mut chance = Chance::new(12_345);
    for event in 0..events as u64 {
        let at = if WHOLE_MS { chance.below(100) * MS } else { chance.below(100 * MS) };
        queue.push(at, [event; 4]);
    }
    let mut sum = 0;
    go::<Q, WHOLE_MS>(&mut queue, &mut chance, &mut sum, 2 * events as u64);
    let begun = Instant::now();
    go::<Q, WHOLE_MS>(&mut queue, &mut chance, &mut sum, holds);
    Sample::of(holds, begun, sum)
}

#[inline(never)]
fn go<Q: Pending<Payload>, const WHOLE_MS: bool>(queue: &mut Q, chance: &mut Chance, sum: &mut u64, holds: u64) {
    for _ in 0..holds {
        let (at, mut event) = queue.pop();
        event[0] = event[0].wrapping_add(at);
        *sum = sum.rotate_left(5) ^ event[0] ^ at;
        queue.push(at + delay::<WHOLE_MS>(chance), event);
    }
}
