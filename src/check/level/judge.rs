//! Everything at once: one history, every level of single operations, and the strongest that it meets.
//!
//! The levels are not independent, and the lattice of [`Level`] is used: a level that fails makes every level fail that
//! implies it, with the same counterexample; one that passes makes every level pass that it implies. This settles some
//! that alone would be inconclusive. It also settles one matter of definition: linearizability takes operations whose
//! times touch as concurrent, also where one client made both, and the levels that know sessions do not. Where a client
//! begins an operation at the very time at which its last one ended, or before, a history may be linearizable by time
//! alone and break its sessions. It then counts as failed here.

use super::Level;
use crate::check::causal::{self, Convergence, Judgement};
use crate::check::order::VersionOrder;
use crate::check::session::{Guarantee, sessions};
use crate::check::staleness::{delta, delta_atomic, k_atomic, versions_behind, versions_behind_in};
use crate::check::{Verdict, linearizable, sequential};
use crate::history::History;
use crate::time::Duration;

/// A level, judged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Judged {
    /// Which level. For bounded staleness and k-atomicity, the tightest bound that is met; where none is, the loosest.
    pub level: Level,
    /// Whether it is met.
    pub verdict: Verdict,
    /// What a pass leaves open, in words.
    pub note: Option<&'static str>,
    /// The cost: 0 where another level settled it.
    pub steps: u64,
}

/// What a pass of causal convergence leaves open.
pub const SWAPS_UNCHECKED: &str = "that nothing came between what a compare-and-set saw and what it wrote was not \
                                   checked, for it needs the version order";

impl Judged {
    fn new(level: Level, Judgement { verdict, steps }: Judgement) -> Judged {
        Judged { level, verdict, note: None, steps }
    }

    /// Causal convergence.
    fn converging(Convergence { convergence, swaps_unchecked, .. }: Convergence) -> Judged {
        let open = swaps_unchecked && convergence.verdict.is_pass();
        Judged { note: open.then_some(SWAPS_UNCHECKED), ..Judged::new(Level::CausalConvergence, convergence) }
    }
}

/// Judges one level of single operations, with the store's version order where it is given. None for levels of
/// transactions and of copies, which no history of single operations shows.
pub fn judge(history: &History, level: Level, order: Option<&VersionOrder>) -> Option<Judged> {
    let judgement = match level {
        Level::Linearizable => linearizable_in(history, order),
        Level::Sequential => sequential::judge(history, order),
        Level::CausalConvergence => return Some(Judged::converging(causal::convergence(history, order))),
        Level::Causal => causal::convergence(history, order).causal,
        Level::CausalMemory => causal::memory(history, order),
        Level::Pram => causal::pram(history, order),
        Level::BoundedStaleness(bound) => {
            let (verdict, steps) = delta_atomic(history, bound);
            Judgement { verdict, steps }
        }
        Level::KAtomic(k) => k_atomic(history, k, order),
        _ => {
            let guarantee = Guarantee::ALL.into_iter().find(|guarantee| Level::of(*guarantee) == level)?;
            let tally = sessions(history, order).tallies.into_iter().find(|tally| tally.guarantee == guarantee)?;
            Judgement { verdict: tally.verdict, steps: tally.steps }
        }
    };
    Some(Judged::new(level, judgement))
}

/// Linearizability, by the store's version order where it is given.
fn linearizable_in(history: &History, order: Option<&VersionOrder>) -> Judgement {
    let found = linearizable::judge(history);
    if order.is_none() || !found.verdict.is_pass() {
        return Judgement { verdict: found.verdict, steps: found.steps };
    }
    let in_order = k_atomic(history, 1, order);
    Judgement { steps: found.steps + in_order.steps, ..in_order }
}

/// Judges every level of single operations, with the store's version order where it is given: in the order of
/// [`Level::ALL`]. Causal memory and PRAM, which may take long, are judged only where nothing has settled them.
///
/// ```
/// use riftzone::check::level::{Level, judge_all, strongest};
/// use riftzone::history::History;
/// use riftzone::id::{ClientId, Key, NodeId, Value};
/// use riftzone::op::{Op, Reply};
/// use riftzone::time::{Duration, Time};
///
/// let (at, node, key) = (Time::from_nanos, NodeId(0), Key(0));
/// let mut history = History::new();
/// let write = history.invoke(ClientId(0), Op::Write(key, Value(1)), at(0));
/// history.complete(write, Reply::Written, node, at(10));
/// let stale = history.invoke(ClientId(1), Op::Read(key), at(25));
/// history.complete(stale, Reply::Read(None), node, at(30));
/// let met = strongest(&judge_all(&history, None));
/// assert_eq!(met, [Level::Sequential, Level::BoundedStaleness(Duration::nanos(15)), Level::KAtomic(2)]);
/// ```
pub fn judge_all(history: &History, order: Option<&VersionOrder>) -> Vec<Judged> {
    let linearizable = Judged::new(Level::Linearizable, linearizable_in(history, order));
    let sequential = Judged::new(Level::Sequential, sequential::judge(history, order));
    let convergence = causal::convergence(history, order);
    let causal = Judged::new(Level::Causal, convergence.causal.clone());
    let convergence = Judged::converging(convergence);

    let unsettled = |level, judge: &dyn Fn() -> Judgement, passes: &Judged| {
        let settled = Judgement { verdict: Verdict::Pass, steps: 0 };
        Judged::new(level, if passes.verdict.is_pass() { settled } else { judge() })
    };
    let memory = unsettled(Level::CausalMemory, &|| causal::memory(history, order), &sequential);
    let pram = unsettled(Level::Pram, &|| causal::pram(history, order), &memory);

    let mut all = vec![linearizable, sequential, convergence, memory, causal, pram];
    for tally in sessions(history, order).tallies {
        let judgement = Judgement { verdict: tally.verdict, steps: tally.steps };
        all.push(Judged::new(Level::of(tally.guarantee), judgement));
    }
    all.push(least_delta(history));
    all.push(least_k(history, order));
    close(&mut all);
    all
}

fn least_delta(history: &History) -> Judged {
    let (bound, steps) = match delta(history) {
        Ok(found) => (found.least.unwrap_or(Duration::MAX), found.steps),
        Err(_) => (Duration::MAX, 0),
    };
    let (verdict, more) = delta_atomic(history, bound);
    Judged::new(Level::BoundedStaleness(bound), Judgement { verdict, steps: steps + more })
}

fn least_k(history: &History, order: Option<&VersionOrder>) -> Judged {
    let found = match order {
        Some(order) => versions_behind_in(history, order),
        None => versions_behind(history),
    };
    let judged = |k, verdict, steps| Judged::new(Level::KAtomic(k), Judgement { verdict, steps });
    match found {
        Ok(found) => {
            let k = found.at_most.unwrap_or(u64::MAX);
            let Judgement { verdict, steps } = k_atomic(history, k, order);
            let open = verdict.is_pass() && found.exact().is_none();
            let note = open.then_some("a bound: a smaller k may be enough");
            Judged { note, ..judged(k, verdict, found.steps + steps) }
        }
        Err(verdict) => judged(u64::MAX, verdict, history.len() as u64),
    }
}

/// Carries failures up the lattice and passes down.
fn close(all: &mut [Judged]) {
    for at in 0..all.len() {
        let implied = |other: &&Judged| other.level != all[at].level && all[at].level.implies(other.level);
        let fails = all.iter().filter(|other| other.verdict.is_fail()).find(implied);
        if let (Some(weaker), false) = (fails.cloned(), all[at].verdict.is_fail()) {
            all[at].verdict = weaker.verdict;
            all[at].note = None;
        }
    }
    for at in 0..all.len() {
        let implies = |other: &Judged| other.level != all[at].level && other.level.implies(all[at].level);
        if all.iter().any(|other| other.verdict.is_pass() && implies(other)) {
            all[at].verdict = Verdict::Pass;
            all[at].note = all[at].note.filter(|note| *note != SWAPS_UNCHECKED);
        }
    }
}

/// The levels that were met and that no other met one implies.
pub fn strongest(all: &[Judged]) -> Vec<Level> {
    let met: Vec<Level> = all.iter().filter(|judged| judged.verdict.is_pass()).map(|judged| judged.level).collect();
    Level::strongest(&met)
}
