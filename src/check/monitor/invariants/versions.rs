//! The invariants of a key's versions: exactly once, no resurrection, conflicting acknowledgements, sessions.
//!
//! Each write has a place in the order of its key's versions: what it replaced in the copy that applied it by the latest
//! leader's order (that leader's own where it did so itself, or of whoever applied it first where nobody leads), and how
//! many came before. Only designs that promise one order are asked. A place in it is a hint, for a branch that was rolled
//! back may have given a write another place before; so a version counts as earlier only if it is found on the way back
//! from the later one, which is walked when a hint says so.

use crate::column::{Changed, Column, Packs};
use crate::id::{ClientId, Key, NodeId, Renaming, Value};
use crate::time::Time;

use super::breaches::Breaches;
use super::sessions::Sessions;
use super::{Invariant, Seat, Seen};

/// The versions of a run.
#[derive(Clone, Debug, Default, Hash)]
pub(super) struct Versions {
    /// By value.
    versions: Column<Version>,
    /// By value: the seats whose copies took it since they started, and who did not roll it back.
    takers: Column<u64>,
    /// By key: the acknowledged write that replaced nothing.
    first_acknowledged: Vec<u32>,
    /// By key: the version with the last place of all, which precedes none.
    latest: Vec<Latest>,
    sessions: Sessions,
}

/// One version of a key.
#[derive(Clone, Copy, Debug, Default, Hash)]
struct Version {
    /// One more than what it replaced; 0 where it is a key's first, or unknown.
    before: u32,
    /// How many versions it follows, itself counted; 0 where it is unknown.
    place: u32,
    /// One more than the acknowledged write that replaced it.
    next: u32,
    /// By whose order it has its place.
    order: Order,
}

impl Packs for Version {
    const LANES: usize = 4;

    fn lane(&self, which: usize) -> u64 {
        let number = match which {
            0 => self.before,
            1 => self.place,
            2 => self.next,
            _ => self.order.0,
        };
        number.into()
    }

    fn of_lanes(lane: impl Fn(usize) -> u64) -> Version {
        let [before, place, next, order] = std::array::from_fn(|which| lane(which) as u32);
        Version { before, place, next, order: Order(order) }
    }
}

/// Whose copy takes a write.
#[derive(Clone, Copy, Debug)]
pub(super) struct Taker {
    pub seen: Seen,
    pub seat: Seat,
    pub order: Order,
}

/// By whose order a copy takes a write: of two, the later epoch's counts, and of one epoch, its leader's own.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Order(u32);

impl Order {
    /// That of a node which follows the leader of this epoch, or leads it.
    #[inline]
    pub fn of(epoch: u64, leads: bool) -> Order {
        let epoch = u32::try_from(epoch).unwrap_or(u32::MAX).min(u32::MAX >> 1);
        Order((epoch << 1) | u32::from(leads))
    }

    /// Every other is known where this one is.
    const LATEST: Order = Order(u32::MAX);

    /// Whether it is of a later epoch.
    const fn is_after(self, other: Order) -> bool {
        self.0 >> 1 > other.0 >> 1
    }

    /// Whether it is a leader's own.
    const fn is_led(self) -> bool {
        self.0 & 1 == 1
    }
}

/// The last of a key's versions.
#[derive(Clone, Copy, Debug, Default, Hash)]
struct Latest {
    /// One more than the version; 0 where it has moved to an earlier place.
    version: u32,
    /// No version has a later place than this.
    place: u32,
}

fn index(value: Value) -> usize {
    usize::try_from(value.0).unwrap_or(usize::MAX)
}

/// The entry in this place, which is made.
fn entry<T: Clone + Default>(table: &mut Vec<T>, place: usize) -> &mut T {
    if place >= table.len() {
        table.resize(place + 1, T::default());
    }
    &mut table[place]
}

impl Version {
    /// Forgets its place, and not what was acknowledged over it.
    fn begin_anew(&mut self) {
        *self = Version { next: self.next, ..Version::default() };
    }
}

impl Versions {
    pub fn begin_anew(&mut self) {
        self.versions.clear();
        self.takers.clear();
        self.first_acknowledged.clear();
        self.latest.clear();
        self.sessions.begin_anew();
    }

    /// Calls the nodes otherwise, each of which has the seat of its number.
    pub fn rename(&mut self, renaming: &Renaming) {
        self.takers.change_each(|_, takers| {
            *takers = renaming.bits(*takers);
            Changed::Yes
        });
    }

    fn version(&self, value: Value) -> Version {
        self.versions.at(index(value))
    }

    /// Whether `earlier` was replaced by `later`, directly or by others, by orders up to `known`: who follows an old leader
    /// knows nothing of what a later one put elsewhere. Not looked into where their places say no.
    fn precedes(&self, earlier: Value, later: Value, known: Order) -> bool {
        let (early, late) = (self.version(earlier).place, self.version(later).place);
        if early == 0 || early >= late {
            return false;
        }
        let mut at = later;
        for _ in early..late {
            let version = self.version(at);
            match version.before.checked_sub(1) {
                _ if version.order.is_after(known) => return false,
                Some(before) if u64::from(before) == earlier.0 => return true,
                Some(before) => at = Value(before.into()),
                None => return false,
            }
        }
        false
    }

    /// A copy that held `before` took a write. `O(1)`, amortised.
    pub fn applied(&mut self, by: &Taker, key: Key, value: Value, before: Option<Value>, into: &mut Breaches) {
        let Taker { seat, order, .. } = *by;
        if into.asks(Invariant::ExactlyOnce) {
            let had = self.takers.change(index(value), |takers| std::mem::replace(takers, *takers | seat.bit));
            if had & seat.bit != 0 {
                into.note(Invariant::ExactlyOnce, by.seen.at, &[by.seen.node()], |names| {
                    format!("{} takes {value} of {key} for the second time", names.name(by.seen.node()))
                });
                return;
            }
            if let Some(later) = before
                && self.precedes(value, later, order)
            {
                into.note(Invariant::NoResurrection, by.seen.at, &[by.seen.node()], |names| {
                    let node = names.name(by.seen.node());
                    format!("{key} goes back from {later} to {value} in {node}, which {later} had replaced")
                });
                return;
            }
        }
        let known = self.version(value);
        // Most copies take it in an order that is known: what they held before, which is seldom near, is not looked at.
        if known.place == 0 || order > known.order || (order == known.order && order.is_led()) {
            let place = before.map_or(0, |before| self.version(before).place) + 1;
            let before = before.and_then(|before| u32::try_from(before.0 + 1).ok()).unwrap_or(0);
            self.versions.change(index(value), |version| *version = Version { before, place, order, ..known });
            self.placed(key, value, place);
        }
    }

    /// A version has this place in its key's order from now on.
    #[inline]
    fn placed(&mut self, key: Key, value: Value, place: u32) {
        let version = u32::try_from(value.0 + 1).unwrap_or(0);
        let latest = entry(&mut self.latest, key.index());
        if place >= latest.place {
            *latest = Latest { version, place };
        } else if latest.version == version {
            latest.version = 0;
        }
    }

    /// Whether no version of this key has a later place than this. Some who are last are not known to be.
    #[inline]
    fn is_latest(&self, key: Key, value: Value) -> bool {
        self.latest.get(key.index()).is_some_and(|latest| u64::from(latest.version) == value.0 + 1)
    }

    /// A copy gave a write back. Its place was one on a branch that has ended: where it is asked for again, it may get
    /// another, and followers may hear of that before the leader has applied it.
    pub fn rolled_back(&mut self, seat: Seat, value: Value) {
        if index(value) < self.takers.len() {
            self.takers.change(index(value), |takers| *takers &= !seat.bit);
        }
        if index(value) < self.versions.len() {
            self.versions.change(index(value), Version::begin_anew);
        }
    }

    /// A node is down, and its copy gone. A write that no other copy took and no disk holds never was: where it is asked for again, it may
    /// get another place. `O(n)` in the writes so far.
    pub fn crashed(&mut self, seat: Seat, is_on_a_disk: impl Fn(Value) -> bool) {
        let versions = &mut self.versions;
        self.takers.change_each(|place, takers| {
            if *takers & seat.bit == 0 {
                return Changed::No;
            }
            *takers &= !seat.bit;
            if *takers == 0 && place < versions.len() && !is_on_a_disk(Value(place as u64)) {
                versions.change(place, Version::begin_anew);
            }
            Changed::Yes
        });
    }

    /// A leader answers that a write is done.
    pub fn acknowledged(&mut self, seen: Seen, key: Key, value: Value, into: &mut Breaches) {
        let version = self.version(value);
        if !seen.leads() || !version.order.is_led() {
            return;
        }
        let mine = u32::try_from(value.0 + 1).unwrap_or(0);
        // The first of those that replaced it counts.
        let keep = |next: &mut u32| match *next {
            0 => std::mem::replace(next, mine),
            known => known,
        };
        let known = match version.before.checked_sub(1) {
            Some(before) => self.versions.change(before as usize, |version| keep(&mut version.next)),
            None => keep(entry(&mut self.first_acknowledged, key.index())),
        };
        match known.checked_sub(1).map(|other| Value(other.into())) {
            Some(other) if other != value => {
                into.note(Invariant::ConflictingAcks, seen.at, &[seen.node()], |names| {
                    let node = names.name(seen.node());
                    let over = version.before.checked_sub(1).map_or("nothing".into(), |before| format!("v{before}"));
                    format!(
                        "{node} acknowledges {value} of {key} over {over}, over which {other} was acknowledged already"
                    )
                });
            }
            _ => {}
        }
    }

    /// A client was told of this version of a key: it read it, or its write of it is done. `O(1)`, amortised.
    pub fn told(
        &mut self,
        at: Time,
        node: NodeId,
        client: ClientId,
        key: Key,
        value: Option<Value>,
        into: &mut Breaches,
    ) {
        // Most are told of the latest version there is: what they were told before, which is seldom near, is not looked at.
        if let Some(value) = value
            && self.is_latest(key, value)
        {
            return self.sessions.tell(client, key, value);
        }
        let last = self.sessions.told(client, key);
        let is_earlier = |value: Value, last: Value| value != last && self.precedes(value, last, Order::LATEST);
        let goes_back = last.is_some_and(|last| value.is_none_or(|value| is_earlier(value, last)));
        if goes_back {
            into.note(Invariant::Session, at, &[node], |names| {
                let node = names.name(node);
                let [last, value] =
                    [last, value].map(|value| value.map_or("nothing".into(), |value| value.to_string()));
                format!("{node} tells {client} of {value} for {key}, after it was told of {last}")
            });
        } else if let Some(value) = value {
            self.sessions.tell(client, key, value);
        }
    }
}
