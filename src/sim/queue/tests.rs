//! The queue against a plain ordered map: ties, far futures, and as many events as a run may have.

use super::*;
use crate::rng::Stream;
use crate::time::Duration;
use proptest::prelude::*;
use std::collections::BTreeMap;

/// The plainest queue there is: what the other must equal.
#[derive(Default)]
struct Reference {
    map: BTreeMap<(u64, u64), u64>,
    added: u64,
}

impl Reference {
    fn push(&mut self, at: u64, event: u64) {
        self.added += 1;
        self.map.insert((at, self.added), event);
    }

    fn pop(&mut self) -> Option<(Time, u64)> {
        self.map.pop_first().map(|((at, _), event)| (Time::from_nanos(at), event))
    }
}

#[test]
fn equal_times_come_out_in_the_order_they_went_in() {
    let mut queue = Queue::default();
    for event in 0..100 {
        queue.push(Time::ZERO + Duration::millis(7), event);
    }
    let popped: Vec<i32> = std::iter::from_fn(|| queue.pop()).map(|(_, event)| event).collect();
    assert_eq!(popped, (0..100).collect::<Vec<_>>());
}

#[test]
#[should_panic(expected = "time does not go back")]
fn the_past_is_refused() {
    let mut queue = Queue::default();
    queue.push(Time::from_nanos(9), ());
    queue.pop();
    queue.push(Time::from_nanos(8), ());
}

#[test]
fn a_cleared_queue_begins_anew() {
    let mut queue = Queue::default();
    for round in 0..3 {
        for nth in 0..1000 {
            queue.push(Time::from_nanos(nth * 1_000_003 % 77_777), nth);
        }
        assert_eq!(queue.len(), 1000);
        for _ in 0..round * 300 {
            queue.pop();
        }
        queue.clear();
        assert!(queue.is_empty() && queue.pop().is_none());
    }
    queue.push(Time::from_nanos(5), 5);
    assert_eq!(queue.pop(), Some((Time::from_nanos(5), 5)));
}

/// Delays of every size that a world has: none at all, ties, microseconds, round trips, timeouts, days, for ever.
fn delay(stream: &mut Stream) -> u64 {
    match stream.below(16) {
        0 | 1 => 0,
        2 => stream.below(3),
        3 => stream.below(1_000),
        4 => 1_000_000 * stream.below(5),
        5..=11 => 30_000_000 + stream.below(70_000_000),
        12 => 2_000_000_000,
        13 => stream.below(1 << 33),
        14 => stream.below(1 << 47),
        _ => stream.below(1 << 62),
    }
}

/// As many pending events as a run may have: the length of a day is measured often, and buckets are fetched.
#[test]
fn it_is_an_ordered_map_of_any_length() {
    for (seed, most) in [(1, 3), (2, 100), (3, 5_000), (4, 2 * FETCH_FROM as u64)] {
        let mut stream = Stream::new(seed, "queue");
        let (mut queue, mut reference) = (Queue::default(), Reference::default());
        let mut now = 0;
        for event in 0..most * 4 + 40_000 {
            let filling = event < most || stream.below(2) == 0;
            if filling && (queue.len() as u64) < most {
                let at = now + delay(&mut stream).min(u64::MAX - now);
                queue.push(Time::from_nanos(at), event);
                reference.push(at, event);
            } else {
                let popped = queue.pop();
                assert_eq!(popped, reference.pop(), "event {event} of seed {seed}");
                now = popped.map_or(now, |(at, _)| at.as_nanos());
            }
            assert_eq!(queue.len(), reference.map.len());
        }
        while let Some(expected) = reference.pop() {
            assert_eq!(queue.pop(), Some(expected));
        }
        assert!(queue.is_empty() && queue.pop().is_none());
    }
}

proptest! {
    /// Against a plain ordered map: pushes and pops in any mixture, many ties.
    #[test]
    fn it_is_an_ordered_map(
        steps in prop::collection::vec(
            prop::option::weighted(0.6, prop_oneof![0_u64..8, 0_u64..1 << 20, 0_u64..1 << 40]),
            0..400,
        ),
    ) {
        let (mut queue, mut reference) = (Queue::default(), Reference::default());
        let mut now = 0;
        for (event, step) in steps.into_iter().enumerate() {
            match step {
                Some(delay) => {
                    queue.push(Time::from_nanos(now + delay), event as u64);
                    reference.push(now + delay, event as u64);
                }
                None => {
                    let expected = reference.pop();
                    now = expected.map_or(now, |(at, _)| at.as_nanos());
                    prop_assert_eq!(queue.pop(), expected);
                }
            }
        }
    }
}
