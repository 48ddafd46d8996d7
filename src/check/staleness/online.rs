//! Staleness while the history is made: 8 bytes a write and less when it is old, and nothing for a read.
//!
//! A write that is acknowledged *supersedes* every value of its key whose write had ended when it began. Acknowledgements
//! come in the order of time, so the first one to do so is the earliest, and decides for ever since when that value is
//! stale. A read that ends now began before now, and what had superseded its value by then has ended before now: so how
//! stale it was is known when it ends. Of a value one number is needed: since when it is superseded, if it is. It is
//! needed to the end, for a copy that was cut off may show any value at any later time. Next: `linearizable/mod.rs`.

use smallvec::SmallVec;

use crate::by_key::ByKey;
use crate::column::Column;
use crate::id::{Key, Value};
use crate::op::{Op, Reply};
use crate::time::{Duration, Time};

/// The mark of a value that nobody wrote, or whose write failed. A lesser mark than [`FRESH`] is one more than the time
/// since when the value is superseded.
const NOBODYS: u64 = 0;
/// Not superseded, and perhaps it never will be.
const FRESH: u64 = 1 << 62;
/// Its write has not ended: this, and one for each read that saw it.
const PENDING: u64 = 1 << 63;

/// Tells of each read how stale it was.
///
/// The results are those of [`staleness`](super::staleness) but for the number of versions, where each value is written
/// once, to one key, and begun before it is seen. Every operation is announced by [`invoked`](Online::invoked) and ends
/// at most once, by one of the other three, and times never go back.
///
/// ```
/// use riftzone::check::staleness::Online;
/// use riftzone::id::{Key, Value};
/// use riftzone::op::{Op, Reply};
/// use riftzone::time::{Duration, Time};
///
/// let (at, write, read) = (Time::from_nanos, Op::Write(Key(0), Value(1)), Op::Read(Key(0)));
/// let mut judge = Online::new(1);
/// judge.invoked(write);
/// judge.completed(write, at(0), Reply::Written, at(10));
/// let stale = judge.completed(read, at(25), Reply::Read(None), at(30));
/// assert_eq!(stale, Some(Duration::nanos(15)));
/// ```
#[derive(Clone, Debug, Default)]
pub struct Online {
    /// By value.
    marks: Column<u64>,
    keys: ByKey<OfKey>,
    reads: u64,
    unattributed: u64,
    stale: u64,
    worst: Duration,
}

#[derive(Clone, Debug, Default)]
struct OfKey {
    /// When the first write was acknowledged.
    first: Option<Time>,
    /// Values that are not superseded, and when their writes ended, in that order.
    fresh: SmallVec<[(Time, u32); 2]>,
}

/// Where a value's mark is, if it has one.
fn place(value: Value) -> usize {
    usize::try_from(value.0).unwrap_or(usize::MAX)
}

impl Online {
    /// For a run that begins with this many keys. More are added as they are met.
    pub fn new(keys_hint: usize) -> Online {
        Online { keys: ByKey::with_capacity(keys_hint), ..Online::default() }
    }

    /// Forgets everything, and begins anew with the memory it has.
    pub fn clear(&mut self) {
        self.marks.clear();
        self.keys.clear(|of_key| {
            of_key.first = None;
            of_key.fresh.clear();
        });
        (self.reads, self.unattributed, self.stale, self.worst) = (0, 0, 0, Duration::ZERO);
    }

    /// A client asks for `op`.
    ///
    /// # Panics
    /// Where its value is `2^32` or more: values are small dense numbers.
    pub fn invoked(&mut self, op: Op) {
        let Some(value) = op.written() else { return };
        let place = u32::try_from(value.0).expect("values are less than 2^32") as usize;
        self.marks.set(place, PENDING);
    }

    /// The operation, `invoked` then, took effect with this answer. For a read: how stale it was, if it was. `O(1)`,
    /// amortised.
    pub fn completed(&mut self, op: Op, invoked: Time, reply: Reply, at: Time) -> Option<Duration> {
        match (op, reply) {
            (Op::Read(key), Reply::Read(seen)) => self.saw(key, seen, invoked),
            (_, Reply::Written) => {
                if let Some(value) = op.written() {
                    self.wrote(op.key(), value, invoked, at);
                }
                None
            }
            _ => {
                self.failed(op);
                None
            }
        }
    }

    /// The operation did not and will not take effect.
    pub fn failed(&mut self, op: Op) {
        let Some((value, mark)) = op.written().and_then(|value| Some((value, self.marks.get(place(value))?))) else {
            return;
        };
        self.unattributed += mark.saturating_sub(PENDING);
        self.marks.set(place(value), NOBODYS);
    }

    /// Nobody will tell whether the operation took effect. What it may have written is never superseded, since it may
    /// take effect at any later time.
    pub fn gave_up(&mut self, op: Op) {
        if let Some(value) = op.written().filter(|value| place(*value) < self.marks.len()) {
            self.marks.set(place(value), FRESH);
        }
    }

    fn saw(&mut self, key: Key, seen: Option<Value>, invoked: Time) -> Option<Duration> {
        self.reads += 1;
        let since = match seen {
            None => self.keys.get(key)?.first?,
            Some(value) => match self.marks.at(place(value)) {
                NOBODYS => {
                    self.unattributed += 1;
                    return None;
                }
                PENDING.. => {
                    self.marks.change(place(value), |mark| *mark += 1);
                    return None;
                }
                mark => Time::from_nanos(mark - 1),
            },
        };
        if since >= invoked {
            return None;
        }
        let behind = invoked.since(since);
        self.stale += 1;
        self.worst = self.worst.max(behind);
        Some(behind)
    }

    fn wrote(&mut self, key: Key, value: Value, invoked: Time, at: Time) {
        let OfKey { first, fresh } = self.keys.meet(key);
        first.get_or_insert(at);
        let superseded = fresh.iter().take_while(|(end, _)| *end < invoked).count();
        for (_, value) in fresh.drain(..superseded) {
            self.marks.set(value as usize, at.as_nanos() + 1);
        }
        self.marks.set(place(value), FRESH);
        fresh.push((at, value.0 as u32));
    }

    /// Since when a value is superseded; none where it is not, or nobody wrote it. `None` stands for the initial value.
    pub fn superseded(&self, key: Key, value: Option<Value>) -> Option<Time> {
        match value {
            None => self.keys.get(key)?.first,
            Some(value) => {
                let mark = self.marks.get(place(value))?;
                (mark != NOBODYS && mark < FRESH).then(|| Time::from_nanos(mark - 1))
            }
        }
    }

    /// How many reads were answered.
    pub fn reads(&self) -> u64 {
        self.reads
    }

    /// How many of them saw a value that nobody wrote, or whose only write failed. They are not counted as stale.
    pub fn unattributed(&self) -> u64 {
        self.unattributed
    }

    /// How many of them were stale.
    pub fn stale(&self) -> u64 {
        self.stale
    }

    /// The greatest staleness of any read; zero where none was stale.
    pub fn worst(&self) -> Duration {
        self.worst
    }
}

#[cfg(test)]
mod tests {
    use super::super::staleness;
    use super::*;
    use crate::history::{History, OpId, Outcome};
    use crate::id::{ClientId, NodeId};
    use crate::rng::Stream;

    #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
    enum Step {
        Call,
        End,
        GiveUp,
    }

    /// Reads of anything that was begun, or never will be, and writes with every outcome.
    fn history(stream: &mut Stream) -> History {
        let mut history = History::new();
        let mut ends = Vec::new();
        let mut now = 0;
        let mut begun: Vec<(Key, Value)> = Vec::new();
        for place in 0..4 + stream.below(40) {
            now += stream.below(3);
            let key = Key(stream.below(2) as u32);
            let op = match stream.below(8) {
                0..3 => Op::Write(key, Value(place)),
                3 => Op::CompareAndSet { key, expected: None, new: Value(place) },
                _ => Op::Read(key),
            };
            let id = history.invoke(ClientId(place as u32), op, Time::from_nanos(now));
            let of_key: Vec<Value> = begun.iter().filter(|(other, _)| *other == key).map(|(_, value)| *value).collect();
            let seen = match stream.below(12) {
                0 => None,
                1 => Some(Value(1_000)),
                _ if of_key.is_empty() => None,
                _ => Some(of_key[stream.below(of_key.len() as u64) as usize]),
            };
            begun.extend(op.written().map(|value| (key, value)));
            ends.push((id, op, seen, now + stream.below(9)));
        }
        for (id, op, seen, end) in ends {
            let end = Time::from_nanos(end);
            match (stream.below(10), op) {
                (0, _) => history.fail(id, end),
                (1 | 2, _) => {}
                (_, Op::Read(_)) => history.complete(id, Reply::Read(seen), NodeId(0), end),
                (3, Op::CompareAndSet { .. }) => history.complete(id, Reply::Mismatch(seen), NodeId(0), end),
                _ => history.complete(id, Reply::Written, NodeId(0), end),
            }
        }
        history
    }

    #[test]
    fn every_read_is_as_stale_as_the_whole_history_says() {
        let mut stale = 0;
        for seed in 0..40_000 {
            let mut stream = Stream::new(seed, "staleness on line");
            let history = history(&mut stream);
            let mut events: Vec<(Time, Step, OpId)> = Vec::new();
            for operation in history.iter() {
                events.push((operation.invoked, Step::Call, operation.id));
                if operation.outcome != Outcome::Unknown {
                    events.push((operation.completed, Step::End, operation.id));
                } else if stream.chance(1, 2) {
                    events.push((operation.invoked + Duration::nanos(stream.below(30)), Step::GiveUp, operation.id));
                }
            }
            events.sort_unstable();
            let mut judge = Online::new(0);
            let mut found = Vec::new();
            for (at, step, id) in events {
                let operation = history.get(id);
                match (step, operation.reply) {
                    (Step::Call, _) => judge.invoked(operation.op),
                    (Step::GiveUp, _) => judge.gave_up(operation.op),
                    (Step::End, None) => judge.failed(operation.op),
                    (Step::End, Some(reply)) => {
                        let behind = judge.completed(operation.op, operation.invoked, reply, at);
                        found.extend(behind.map(|behind| (id, behind)));
                    }
                }
            }
            found.sort_unstable();
            let expected = staleness(&history);
            let mut all: Vec<(OpId, Duration)> =
                expected.stale.iter().map(|stale| (stale.read, stale.behind)).collect();
            all.sort_unstable();
            assert_eq!(found, all, "seed {seed}: {:#?}", history.iter().collect::<Vec<_>>());
            assert_eq!((judge.reads(), judge.unattributed()), (expected.reads, expected.unattributed), "seed {seed}");
            assert_eq!((judge.stale(), judge.worst()), (all.len() as u64, expected.worst()), "seed {seed}");
            stale += all.len();
        }
        assert!(stale > 40_000, "{stale}");
    }

    #[test]
    fn a_copy_is_superseded_since_the_first_later_write() {
        let (mut judge, at, key) = (Online::new(1), Time::from_nanos, Key(0));
        for (value, begin, end) in [(1, 0, 10), (2, 5, 20), (3, 11, 30)] {
            judge.invoked(Op::Write(key, Value(value)));
            judge.completed(Op::Write(key, Value(value)), at(begin), Reply::Written, at(end));
        }
        let superseded = [None, Some(1), Some(2), Some(3), Some(4)].map(|v| judge.superseded(key, v.map(Value)));
        assert_eq!(superseded, [Some(at(10)), Some(at(30)), None, None, None]);
        assert_eq!(
            judge.keys.get(key).expect("it was met").fresh.len(),
            2,
            "only what is not superseded is kept by its end"
        );
    }
}
