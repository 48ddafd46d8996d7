//! One direction of a connection: what was sent and not acknowledged, at its sender; what arrived before something that is
//! missing, at its receiver. It knows no network: `mod.rs` sends what it says.

use std::collections::{BTreeSet, VecDeque};

use crate::model::transport::StreamTransport;
use crate::time::{Duration, Time};

use super::rto::Rto;

/// One direction.
#[derive(Debug)]
pub(super) struct Half<T> {
    /// What is not acknowledged, in order, and the number of the first of it.
    parcels: VecDeque<Parcel<T>>,
    first: u32,
    /// How many of them, from the first on, are under way, and their bytes.
    flying: usize,
    flying_bytes: u64,
    /// Nothing came back in time: until something does, the first alone is sent again.
    recovers: bool,
    pub(super) rto: Rto,
    /// When the first is sent again, and when the next event for that comes.
    deadline: Option<Time>,
    queued: Option<Time>,
    /// Since when something is under way and nothing was acknowledged.
    silent_since: Time,
    /// The receiver: what it waits for, and what came before that.
    expected: u32,
    early: BTreeSet<u32>,
}

#[derive(Debug)]
struct Parcel<T> {
    /// `None` where the receiver has it.
    thing: Option<T>,
    bytes: u32,
    pushed: Time,
    sent: Time,
    tries: u32,
}

/// What to send now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Dispatch {
    pub(super) number: u32,
    pub(super) bytes: u32,
    /// Whether it was sent before.
    pub(super) again: bool,
}

/// What a timer's event means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Alarm {
    /// Nothing: it was set anew, or something was acknowledged.
    Stale,
    /// Nothing came back in time: the first is to be sent again.
    Again,
    /// Nothing came back for so long that the connection is broken.
    Broken,
}

impl<T> Half<T> {
    pub(super) fn new(transport: &StreamTransport) -> Half<T> {
        Half {
            parcels: VecDeque::new(),
            first: 0,
            flying: 0,
            flying_bytes: 0,
            recovers: false,
            rto: Rto::new(transport),
            deadline: None,
            queued: None,
            silent_since: Time::ZERO,
            expected: 0,
            early: BTreeSet::new(),
        }
    }

    /// Something is to be sent, after everything before it.
    pub(super) fn push(&mut self, thing: T, bytes: u32, now: Time) {
        self.parcels.push_back(Parcel { thing: Some(thing), bytes, pushed: now, sent: now, tries: 0 });
    }

    /// How much has not been acknowledged.
    pub(super) fn len(&self) -> usize {
        self.parcels.len()
    }

    /// The next that may be sent now: within the window, and one at a time after a time in vain.
    pub(super) fn next(&mut self, window: Option<u64>, now: Time) -> Option<Dispatch> {
        let is_first = self.flying == 0;
        let place = self.flying;
        let parcel = self.parcels.get_mut(place)?;
        let fits = window.is_none_or(|window| self.flying_bytes + u64::from(parcel.bytes) <= window);
        if !is_first && (self.recovers || !fits) {
            return None;
        }
        (parcel.sent, parcel.tries) = (now, parcel.tries + 1);
        let (bytes, again) = (parcel.bytes, parcel.tries > 1);
        self.flying += 1;
        self.flying_bytes += u64::from(bytes);
        if self.deadline.is_none() {
            self.deadline = Some(now + self.rto.now());
        }
        if is_first && !self.recovers {
            self.silent_since = now;
        }
        Some(Dispatch { number: self.first.wrapping_add(place as u32), bytes, again })
    }

    /// Something arrives; returns what the receiver can take now, in order, with when it was to be sent. What it has already it
    /// drops.
    pub(super) fn arrived(&mut self, number: u32) -> Vec<(Time, T)> {
        let mut taken = Vec::new();
        if number < self.expected {
            return taken;
        }
        self.early.insert(number);
        while self.early.remove(&self.expected) {
            let place = (self.expected - self.first) as usize;
            let parcel = &mut self.parcels[place];
            taken.extend(parcel.thing.take().map(|thing| (parcel.pushed, thing)));
            self.expected += 1;
        }
        taken
    }

    /// What the receiver waits for: everything before it has arrived.
    pub(super) fn expected(&self) -> u32 {
        self.expected
    }

    /// The sender hears that everything before this number has arrived.
    pub(super) fn acknowledged(&mut self, upto: u32, now: Time) {
        if upto <= self.first {
            return;
        }
        let mut round_trip = None;
        let mut is_clear = true;
        while self.first < upto {
            let Some(parcel) = self.parcels.pop_front() else { break };
            self.first += 1;
            if self.flying > 0 {
                self.flying -= 1;
                self.flying_bytes -= u64::from(parcel.bytes);
            }
            // Of what was sent twice nobody knows which of the two is acknowledged (Karn).
            is_clear &= parcel.tries == 1;
            round_trip = Some(now.since(parcel.sent));
        }
        if let Some(round_trip) = round_trip.filter(|_| is_clear) {
            self.rto.saw(round_trip);
        }
        self.rto.calm();
        self.recovers = false;
        self.silent_since = now;
        self.deadline = (self.flying > 0).then(|| now + self.rto.now());
    }

    /// When an event must come that is not queued yet, if there is one: to send again, or to give up.
    /// A time that has passed, because nobody could be armed then, is now.
    pub(super) fn arm(&mut self, give_up: Duration, now: Time) -> Option<Time> {
        let deadline = self.deadline?.min(self.silent_since + give_up).max(now);
        if self.queued.is_some_and(|queued| queued <= deadline) {
            return None;
        }
        self.queued = Some(deadline);
        self.queued
    }

    /// The timer's event comes.
    pub(super) fn alarm(&mut self, give_up: Duration, now: Time) -> Alarm {
        if self.queued != Some(now) {
            return Alarm::Stale;
        }
        self.queued = None;
        let Some(deadline) = self.deadline else { return Alarm::Stale };
        if now.since(self.silent_since) >= give_up {
            return Alarm::Broken;
        }
        if deadline > now {
            return Alarm::Stale;
        }
        self.rto.double();
        (self.flying, self.flying_bytes, self.deadline) = (0, 0, None);
        self.recovers = true;
        Alarm::Again
    }

    /// What waits is sent again at once, and not when its timer comes.
    pub(super) fn hurry(&mut self, now: Time) {
        self.rto.calm();
        self.silent_since = now;
        if self.deadline.is_some() {
            self.deadline = Some(now);
        }
    }

    /// What the receiver has not had.
    pub(super) fn undelivered(&self) -> impl Iterator<Item = &T> {
        self.parcels.iter().filter_map(|parcel| parcel.thing.as_ref())
    }

    /// The same, with when it was to be sent; and nothing is left.
    pub(super) fn into_undelivered(self) -> impl Iterator<Item = (Time, T)> {
        self.parcels.into_iter().filter_map(|parcel| Some((parcel.pushed, parcel.thing?)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn at(ms: u64) -> Time {
        Time::ZERO + Duration::millis(ms)
    }

    const PATIENT: Duration = Duration::secs(900);

    fn half(things: u32) -> Half<u32> {
        let mut half = Half::new(&StreamTransport::default());
        (0..things).for_each(|thing| half.push(thing, 100, at(0)));
        half
    }

    /// What the receiver takes.
    fn arrived(half: &mut Half<u32>, number: u32) -> Vec<u32> {
        half.arrived(number).into_iter().map(|(_, thing)| thing).collect()
    }

    fn numbers(half: &mut Half<u32>, window: Option<u64>, now: Time) -> Vec<u32> {
        std::iter::from_fn(|| half.next(window, now)).map(|dispatch| dispatch.number).collect()
    }

    #[test]
    fn a_window_is_all_that_is_under_way() {
        let mut half = half(5);
        assert_eq!(numbers(&mut half, Some(250), at(0)), [0, 1]);
        assert_eq!(arrived(&mut half, 0), [0]);
        half.acknowledged(1, at(80));
        assert_eq!(numbers(&mut half, Some(250), at(80)), [2]);
        assert_eq!(numbers(&mut half, None, at(80)), [3, 4]);
        assert!(numbers(&mut self::half(0), None, at(0)).is_empty());
        let mut large = self::half(2);
        assert_eq!(numbers(&mut large, Some(10), at(0)), [0], "what is larger than the window goes alone");
    }

    #[test]
    fn what_comes_early_waits_for_what_is_missing_and_what_comes_again_is_dropped() {
        let mut half = half(3);
        numbers(&mut half, None, at(0));
        assert!(half.arrived(2).is_empty());
        assert_eq!(arrived(&mut half, 0), [0]);
        assert!(half.arrived(0).is_empty());
        assert_eq!((half.expected(), half.undelivered().count()), (1, 2));
        assert_eq!(arrived(&mut half, 1), [1, 2]);
        assert_eq!(half.expected(), 3);
    }

    #[test]
    fn after_a_time_in_vain_the_first_goes_alone_until_it_is_acknowledged() {
        let mut half = half(3);
        assert_eq!(numbers(&mut half, None, at(0)), [0, 1, 2]);
        assert_eq!(half.arm(PATIENT, at(0)), Some(at(1_000)), "no round trip was seen yet");
        assert_eq!(half.arm(PATIENT, at(0)), None, "once");
        assert_eq!(half.alarm(PATIENT, at(1_000)), Alarm::Again);
        assert_eq!(half.next(None, at(1_000)), Some(Dispatch { number: 0, bytes: 100, again: true }));
        assert_eq!(half.next(None, at(1_000)), None);
        assert_eq!(half.arm(PATIENT, at(0)), Some(at(3_000)), "twice as long");
        assert_eq!(half.alarm(PATIENT, at(3_000)), Alarm::Again);
        half.next(None, at(3_000));
        assert_eq!(half.arm(PATIENT, at(0)), Some(at(7_000)));
        half.arrived(0);
        half.acknowledged(1, at(3_080));
        assert_eq!(numbers(&mut half, None, at(3_080)), [1, 2]);
        assert_eq!(
            half.arm(PATIENT, at(0)),
            Some(at(4_080)),
            "earlier than the one that is queued, and no sample was taken"
        );
        assert_eq!(half.alarm(PATIENT, at(7_000)), Alarm::Stale);
    }

    #[test]
    fn a_connection_breaks_when_nothing_comes_back_for_too_long() {
        let mut half = half(1);
        half.next(None, at(0));
        let mut tries = 1;
        let now = loop {
            let now = half.arm(Duration::secs(60), at(0)).unwrap();
            if half.alarm(Duration::secs(60), now) == Alarm::Broken {
                break now;
            }
            tries += 1;
            half.next(None, now);
        };
        assert_eq!((now, tries), (at(60_000), 6), "after 1, 2, 4, 8, and 16 seconds; those after 32 are too many");
        assert_eq!(half.into_undelivered().collect::<Vec<_>>(), [(at(0), 0)]);
    }

    #[derive(Clone, Copy, Debug)]
    enum Fate {
        Arrives,
        Lost,
        AckLost,
    }

    fn fates() -> impl Strategy<Value = Vec<Fate>> {
        let fate = prop_oneof![3 => Just(Fate::Arrives), 2 => Just(Fate::Lost), 1 => Just(Fate::AckLost)];
        prop::collection::vec(fate, 0..60)
    }

    proptest! {
        /// Whatever is lost, everything is taken once and in order.
        #[test]
        fn everything_arrives_once_and_in_order(
            things in 1_u32..20,
            window in prop::option::of(100_u64..1_000),
            fates in fates(),
            backwards in any::<bool>(),
        ) {
            let mut half = half(things);
            let (mut now, mut taken, mut fates) = (at(0), Vec::new(), fates.into_iter());
            for _ in 0..400 {
                let mut sent: Vec<u32> = numbers(&mut half, window, now);
                if backwards {
                    sent.reverse();
                }
                let mut heard = 0;
                for number in sent {
                    match fates.next().unwrap_or(Fate::Arrives) {
                        Fate::Lost => {}
                        Fate::AckLost => taken.extend(arrived(&mut half, number)),
                        Fate::Arrives => {
                            taken.extend(arrived(&mut half, number));
                            heard = half.expected();
                        }
                    }
                }
                now += Duration::millis(50);
                half.acknowledged(heard, now);
                half.arm(PATIENT, now);
                if half.len() == 0 {
                    break;
                }
                if heard == 0 {
                    now = half.queued.expect("something is under way");
                    half.alarm(Duration::MAX, now);
                }
            }
            prop_assert_eq!(taken, (0..things).collect::<Vec<_>>());
        }
    }
}
