//! Pieces of a history, and the smallest piece that still breaks a level.
//!
//! To take a transaction out means: what it wrote goes, also from the lists and the version orders that have it, and so
//! do the reads of its versions: of a list, those whose last element of others it appended. A transaction of unknown
//! outcome that has been seen stays as a committed one without reads. From read committed upwards this only loosens: a
//! history that meets a level still does, so that a piece that breaks it is a counterexample to the whole.
//!
//! A history that breaks a level may meet it without one transaction, and break it again without a second one: so the
//! reduction goes over what is left until each was tried and none could be spared.

use super::history::{MicroOp, Status, TransactionId, Transactions};
use super::index::WriteIndex;
use super::level::Level;
use super::search::Meter;
use super::{Case, Obstacle, Options, decide};
use crate::id::{Key, Value};

/// How much the reduction of one counterexample may examine.
const REDUCTION_STEPS: u64 = 20_000_000;
/// How much of that one search may take.
const SEARCH_STEPS: u64 = 500_000;

/// What [`excerpt`](super::excerpt) needs to know of the whole.
pub(super) struct Source<'h> {
    pub(super) history: &'h Transactions,
    pub(super) index: &'h WriteIndex,
    pub(super) alive: &'h [bool],
}

impl Source<'_> {
    /// The piece of these transactions, ascending.
    pub(super) fn piece(&self, ids: &[u32]) -> Transactions {
        let history = self.history;
        let is_here = |key: Key, value: Value| match self.index.find(history, key.index(), value) {
            Some(row) => ids.binary_search(&(history.owner(row) as u32)).is_ok(),
            None => true,
        };
        let mut piece = Transactions::new();
        let (mut list, mut own) = (Vec::new(), Vec::new());
        for id in ids.iter().map(|id| TransactionId(*id)) {
            let committed = history.status(id) == Status::Committed;
            let seen = self.alive[id.index()] && !committed;
            let new = piece.begin(history.session(id), if seen { Status::Committed } else { history.status(id) });
            if history.is_timed() {
                piece.set_times(new, history.invoked(id), history.completed(id));
            }
            own.clear();
            for op in history.ops(id) {
                match op {
                    MicroOp::Write(key, value) => piece.write(key, value),
                    MicroOp::Append(key, value) => {
                        own.push((key, value));
                        piece.append(key, value);
                    }
                    _ if !committed => {}
                    MicroOp::Read(key, None) => piece.read(key, None),
                    MicroOp::Read(key, Some(value)) if is_here(key, value) => piece.read(key, Some(value)),
                    MicroOp::Read(..) => {}
                    MicroOp::ReadList(key, seen) => {
                        let shown = last_of_others(&own, key, seen);
                        if shown.is_none_or(|value| is_here(key, value)) {
                            list.clear();
                            list.extend(seen.iter().copied().filter(|value| is_here(key, *value)));
                            piece.read_list(key, &list);
                        }
                    }
                }
            }
        }
        for (key, order) in history.orders() {
            let order: Vec<Value> = order.iter().copied().filter(|value| is_here(*key, *value)).collect();
            piece.set_version_order(*key, &order);
        }
        piece
    }
}

/// The last element of a list that is there without the reader's own appends at its end.
fn last_of_others(own: &[(Key, Value)], key: Key, seen: &[Value]) -> Option<Value> {
    let mut others = seen;
    for (_, mine) in own.iter().rev().filter(|(at, _)| *at == key) {
        match others.split_last() {
            Some((last, rest)) if last == mine => others = rest,
            _ => return seen.last().copied(),
        }
    }
    others.last().copied()
}

/// The same history with its keys and sessions renumbered without gaps, and the old numbers of the keys.
fn compact(history: &Transactions) -> (Transactions, Vec<u32>) {
    let mut keys: Vec<u32> = (0..history.micro_ops()).map(|row| history.key_at(row) as u32).collect();
    let mut sessions: Vec<u32> = history.ids().map(|id| history.session(id).0).collect();
    for numbers in [&mut keys, &mut sessions] {
        numbers.sort_unstable();
        numbers.dedup();
    }
    let place = |numbers: &[u32], number: u32| numbers.binary_search(&number).unwrap_or(0) as u32;
    let mut small = Transactions::new();
    for id in history.ids() {
        let session = place(&sessions, history.session(id).0);
        let new = small.begin(super::SessionId(session), history.status(id));
        if history.is_timed() {
            small.set_times(new, history.invoked(id), history.completed(id));
        }
        for op in history.ops(id) {
            let key = Key(place(&keys, op.key().0));
            match op {
                MicroOp::Write(_, value) => small.write(key, value),
                MicroOp::Append(_, value) => small.append(key, value),
                MicroOp::Read(_, seen) => small.read(key, seen),
                MicroOp::ReadList(_, seen) => small.read_list(key, seen),
            }
        }
    }
    for (key, order) in history.orders() {
        if keys.binary_search(&key.0).is_ok() {
            small.set_version_order(Key(place(&keys, key.0)), order);
        }
    }
    (small, keys)
}

/// A smallest piece that breaks a level.
pub(super) struct Minimal {
    /// The piece; its keys are renumbered.
    pub(super) piece: Transactions,
    /// By transaction and by key of the piece: the number in the whole.
    pub(super) transactions: Vec<u32>,
    pub(super) keys: Vec<u32>,
    /// False where the budget did not allow to try everything.
    pub(super) is_minimal: bool,
}

/// Reduces the first of these sets of transactions that breaks the level; none where none does.
pub(super) fn minimise(
    case: &Case,
    level: Level,
    cores: &[Vec<u32>],
    options: &Options,
    meter: &mut Meter,
) -> Option<Minimal> {
    let facts = &case.facts;
    let source = Source { history: facts.history, index: &facts.index, alive: &facts.alive };
    let mut left = REDUCTION_STEPS;
    let fails = |history: &Transactions, budget: u64, left: &mut u64, meter: &mut Meter| {
        let mut own = Meter { steps: 0, budget };
        let case = Case::new(history, options);
        let verdict = decide(&case, level, &mut own);
        let steps = own.steps + history.micro_ops() as u64 + history.len() as u64;
        meter.steps += steps;
        *left = left.saturating_sub(steps);
        match verdict {
            Ok(()) => Some(false),
            Err(Obstacle::Spent(_) | Obstacle::Unjudgeable(_)) => None,
            Err(_) => Some(true),
        }
    };
    let (core, whole, keys) = cores.iter().find_map(|core| {
        let (small, keys) = compact(&source.piece(core));
        (fails(&small, options.search_steps, &mut left, meter) == Some(true)).then(|| (core.clone(), small, keys))
    })?;
    let budget = SEARCH_STEPS.min(options.search_steps);
    let index = WriteIndex::new(&whole);
    let alive: Vec<bool> = whole.ids().map(|id| whole.status(id) == Status::Committed).collect();
    let small = Source { history: &whole, index: &index, alive: &alive };
    let mut kept: Vec<u32> = (0..whole.len() as u32).collect();
    let mut is_minimal;
    let mut chunk = (kept.len() / 2).max(1);
    loop {
        let (mut at, before) = (0, kept.len());
        is_minimal = true;
        while at < kept.len() {
            if left == 0 {
                is_minimal = false;
                break;
            }
            let end = (at + chunk).min(kept.len());
            let rest: Vec<u32> = kept[..at].iter().chain(&kept[end..]).copied().collect();
            match fails(&small.piece(&rest), budget, &mut left, meter) {
                Some(true) => kept = rest,
                Some(false) => at = end,
                None => {
                    is_minimal = false;
                    at = end;
                }
            }
        }
        if left == 0 || (chunk == 1 && kept.len() == before) {
            break;
        }
        chunk = (chunk / 2).max(1);
    }
    let transactions = kept.iter().map(|place| core[*place as usize]).collect();
    Some(Minimal { piece: small.piece(&kept), transactions, keys, is_minimal })
}
