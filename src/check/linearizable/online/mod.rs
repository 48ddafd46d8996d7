//! Linearizability judged while the history is made: `O(1)` memory a pending operation, and nothing for a past one.
//!
//! [`Online`] is told of every call and every end as it happens, and comes to the verdict of [`judge`](super::judge), key
//! by key. It is exact at every moment: a key fails at the first event after which its history so far has no
//! linearization, whatever is still to come. (What is pending counts as unknown. A linearization of the whole, cut off at
//! any moment, is one of what was there, so a failure never goes away.) It tells which key failed, at which operation;
//! the smallest counterexample is found by [`judge_key`](super::judge_key) on the rows of that key, and so is the
//! certificate of a pass, for which the whole history is needed.
//!
//! # The method
//!
//! It is that of [`mod.rs`](super), with its blocks, where `f` is a block's earliest return and `s` its latest call.
//! Events come in the order of time, and so a block only ever changes in these ways:
//!
//! - It begins when its first value is needed: when the write returns, or something that saw the value. That return is
//!   `f`, and stays so, for all later ones are later. So blocks begin in the order of their `f`.
//! - It grows at its end only. A compare-and-set becomes part of it when its new value is needed; until then that value
//!   has no readers and no successor. What it replaced is needed from then on too, so its own block is there already, or
//!   is made in the same step. A second successor of one value is a double spend, a chain of needed values that comes
//!   back to itself a cycle, and one that ends in a value that nobody has begun to write is out of thin air: a write that
//!   begins later cannot help, since something that needs it has returned.
//! - Its `s` rises, when an operation with a later call joins it.
//!
//! **Within a block** every return is later than every call so far. So the order of places is broken only where an
//! operation joins whose call is after a return at a later place. Of a value's later places the earliest return is kept,
//! `after`: it is the first one to happen.
//!
//! **Across blocks** `B` and `C` conflict iff `f(C) < s(B)` and `f(B) < s(C)`. Of every block its `limit` is kept: the
//! least `f(C)` of the others that have `f(B) < s(C)`. An operation with a call after the limit may not join. The limit
//! is made right whenever some `s(C)` rises, for the blocks whose `f` it rises above; a new block needs none, for
//! its `f` is later than every call. A conflict comes to be when `s(B)` or `s(C)` rises, and either way the one that
//! rises is above its own limit. The block of the initial value has an `f` before all time.
//!
//! # What is forgotten
//!
//! Let the *horizon* be the earliest call of what is pending on the key, or the present where nothing is. Whatever is
//! still to be answered has its call no earlier.
//!
//! - A block with its limit before the horizon is forgotten, with all its values: any operation that has yet to join it
//!   would break the limit. An unknown compare-and-set does not keep it, for that joins only with something that saw its
//!   value. Other blocks need it no more: it has lowered the limits of those that were there, and the `f` of those to come
//!   is after its last call.
//! - A value with its `after` before the horizon is forgotten: its readers would break the order, and it has a successor.
//! - What then needs a forgotten value needs what is not there, and fails, as it must.
//!
//! So a key has a few values and blocks for each operation pending on it, and the latest ones. What is kept longer are
//! writes that were given up and whose value nobody saw yet, as anybody may at any later time: 24 bytes each. A
//! compare-and-set among them goes once the value that it expects was forgotten.
//!
//! For this, values must grow: on a key, every write or compare-and-set must have a greater value than all that were
//! invoked before it. So a value that is not found was forgotten, failed, or is yet to be written, and wrong in each case.
//! Where they do not grow, the key is inconclusive.
//!
//! Next: `register.rs`, one key.

mod pending;
mod register;
#[cfg(test)]
mod tests;

use crate::by_key::ByKey;
use crate::history::{OpId, Outcome};
use crate::id::{Key, Value};
use crate::op::{Op, Reply};
use crate::time::Time;
use pending::{Pending, Queue};
use register::{Broken, NONE, Register};

/// The first operation of a run that had no place in a linearization.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Violation {
    /// Its key.
    pub key: Key,
    /// The operation whose end showed it. It need not be the one to blame.
    pub operation: OpId,
    /// When it ended.
    pub at: Time,
}

/// What was found so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Findings {
    /// How many keys were judged: all with an operation that took effect or may have.
    pub keys: u64,
    /// How many of them are not linearizable.
    pub keys_failed: u64,
    /// How many of them could not be judged, since the values written to them did not grow.
    pub keys_inconclusive: u64,
    /// How many operations were examined.
    pub steps: u64,
    /// The first violation of all.
    pub first: Option<Violation>,
}

/// A judge of linearizability that is told of events as they happen.
///
/// Every operation is announced by [`invoked`](Online::invoked) and ends at most once, by one of the other three. Ids
/// grow in the order of invocation, and times never go back. At equal times a value must be invoked before anything ends
/// that sees or expects it; else their order does not matter.
///
/// ```
/// use riftzone::check::linearizable::Online;
/// use riftzone::history::OpId;
/// use riftzone::id::{Key, Value};
/// use riftzone::op::{Op, Reply};
/// use riftzone::time::Time;
///
/// let (at, write, read) = (Time::from_nanos, Op::Write(Key(0), Value(1)), Op::Read(Key(0)));
/// let mut judge = Online::new(1);
/// judge.invoked(OpId(0), write, at(0));
/// judge.completed(OpId(0), write, at(0), Reply::Written, at(10));
/// judge.invoked(OpId(1), read, at(20));
/// judge.completed(OpId(1), read, at(20), Reply::Read(None), at(30));
/// assert_eq!(judge.finish().first.map(|violation| violation.operation), Some(OpId(1)));
/// ```
#[derive(Clone, Debug, Default)]
pub struct Online {
    keys: ByKey<OfKey>,
    pending: Pending,
    findings: Findings,
    /// Lent to [`Register::keep`].
    path: Vec<u64>,
}

#[derive(Clone, Debug, Default)]
struct OfKey {
    register: Register,
    pending: Queue,
    standing: Standing,
    is_judged: bool,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Standing {
    #[default]
    Sound,
    Failed,
    /// Its values did not grow.
    Unclear,
}

/// A time as registers have it: from 1, so that 0 is before all time.
fn tick(at: Time) -> u64 {
    at.as_nanos().saturating_add(1)
}

/// A value as registers have it: from 1, so that 0 is the initial one.
fn number(value: Option<Value>) -> u64 {
    value.map_or(0, |value| {
        assert!(value.0 < u64::MAX / 2, "values are less than 2^63");
        value.0 + 1
    })
}

impl Online {
    /// For a run that begins with this many keys. More are added as they are met.
    pub fn new(keys_hint: usize) -> Online {
        Online { keys: ByKey::with_capacity(keys_hint), ..Online::default() }
    }

    /// Forgets everything, and begins anew with the memory it has.
    pub fn clear(&mut self) {
        self.keys.clear(|of_key| {
            of_key.register.begin_anew();
            (of_key.pending, of_key.standing, of_key.is_judged) = (Queue::default(), Standing::Sound, false);
        });
        self.pending.clear();
        self.findings = Findings::default();
    }

    /// A client asks for `op`. `O(1)`, amortised.
    ///
    /// # Panics
    /// Where `id` is not greater than all before it, or the value is `2^63` or more.
    pub fn invoked(&mut self, id: OpId, op: Op, at: Time) {
        let of_key = self.keys.meet(op.key());
        self.pending.push(&mut of_key.pending, id, tick(at));
        if of_key.standing != Standing::Sound {
            return;
        }
        let from = match op {
            Op::Read(_) | Op::ReadRow { .. } | Op::Put { .. } | Op::Next { .. } => return,
            Op::Write(..) => NONE,
            Op::CompareAndSet { expected, .. } => number(expected),
            Op::Add { .. } | Op::Insert { .. } | Op::Remove { .. } => return,
        };
        if !of_key.register.begin(number(op.written()), from, tick(at)) {
            of_key.standing = Standing::Unclear;
            self.findings.keys_inconclusive += 1;
            of_key.register.clear();
        }
    }

    /// The operation, `invoked` then, took effect with this answer. `O(live)`, the number of the key's live blocks.
    ///
    /// # Panics
    /// Where the operation is not pending.
    pub fn completed(&mut self, id: OpId, op: Op, invoked: Time, reply: Reply, at: Time) {
        let (call, now) = (tick(invoked), tick(at));
        self.findings.steps += 1;
        let is_lie =
            matches!((op, reply), (Op::CompareAndSet { expected, .. }, Reply::Mismatch(seen)) if seen == expected);
        let step = |register: &mut Register, path: &mut Vec<u64>| match reply {
            Reply::Read(seen) => register.saw(number(seen), call, now, path),
            Reply::Written => register.wrote(number(op.written()), now, path),
            Reply::Mismatch(_) if is_lie => Err(Broken),
            Reply::Mismatch(seen) => {
                register.failed(number(op.written()))?;
                register.saw(number(seen), call, now, path)
            }
            // More than a register shows: nothing is said of it.
            Reply::Amount(_) | Reply::Short(_) | Reply::Items(_) | Reply::Several(_) | Reply::Row(_) => Ok(()),
        };
        if is_lie {
            // It is one whatever else was written.
            let of_key = self.keys.meet(op.key());
            if of_key.standing == Standing::Unclear {
                of_key.standing = Standing::Sound;
                self.findings.keys_inconclusive -= 1;
            }
        }
        self.ended(id, op, at, Outcome::Ok, step);
    }

    /// The operation did not and will not take effect. `O(1)`, amortised.
    ///
    /// # Panics
    /// Where the operation is not pending.
    pub fn failed(&mut self, id: OpId, op: Op, _invoked: Time, at: Time) {
        self.ended(id, op, at, Outcome::Fail, |register, _| {
            op.written().map_or(Ok(()), |value| register.failed(number(Some(value))))
        });
    }

    /// The client waits no longer: nobody will ever tell whether the operation took effect, or yet will. `O(1)`,
    /// amortised.
    ///
    /// # Panics
    /// Where the operation is not pending.
    pub fn gave_up(&mut self, id: OpId, op: Op, _invoked: Time, at: Time) {
        self.findings.steps += u64::from(op.kind().writes());
        self.ended(id, op, at, Outcome::Unknown, |register, _| {
            if let Some(value) = op.written() {
                register.gave_up(number(Some(value)));
            }
            Ok(())
        });
    }

    /// An operation ended so, with this step of its key's register.
    #[inline]
    fn ended(
        &mut self,
        id: OpId,
        op: Op,
        at: Time,
        outcome: Outcome,
        step: impl FnOnce(&mut Register, &mut Vec<u64>) -> Result<(), Broken>,
    ) {
        let key = op.key();
        let of_key = self.keys.meet(key);
        if outcome == Outcome::Ok || (outcome == Outcome::Unknown && op.kind().writes()) {
            of_key.judged(&mut self.findings);
        }
        self.pending.remove(&mut of_key.pending, id);
        if of_key.standing != Standing::Sound {
            return;
        }
        if step(&mut of_key.register, &mut self.path).is_err() {
            of_key.standing = Standing::Failed;
            of_key.register.clear();
            of_key.judged(&mut self.findings);
            self.findings.keys_failed += 1;
            self.findings.first.get_or_insert(Violation { key, operation: id, at });
            return;
        }
        of_key.register.forget(self.pending.first(&of_key.pending).unwrap_or(u64::MAX).min(tick(at)));
    }

    /// What was found so far. What is pending counts as unknown. `O(keys)`.
    pub fn finish(&self) -> Findings {
        let begun = |of_key: &&OfKey| !of_key.is_judged && of_key.register.has_pending();
        Findings { keys: self.findings.keys + self.keys.iter().filter(begun).count() as u64, ..self.findings }
    }

    /// Whether this key is known not to be linearizable.
    pub fn is_failed(&self, key: Key) -> bool {
        self.keys.get(key).is_some_and(|of_key| of_key.standing == Standing::Failed)
    }
}

impl OfKey {
    fn judged(&mut self, findings: &mut Findings) {
        findings.keys += u64::from(!self.is_judged);
        self.is_judged = true;
    }
}
