//! Causal consistency in its three variants, and PRAM: by the patterns that must not be there.
//!
//! Bouajjani, Enea, Guerraoui & Hamza, *On Verifying Causal Consistency*, POPL 2017 (arXiv 1611.00580): where every value
//! names its write, a history is right iff it has none of a few *bad patterns*. Let `co` be the transitive closure of
//! session order and reads-from, the *causal past*.
//!
//! | level | has none of |
//! |---|---|
//! | causal (CC) | `ThinAirRead`, `CyclicCO`, `WriteCOInitRead`, `WriteCORead` |
//! | causal convergence (CCv) | these, and `CyclicCF` |
//! | causal memory (CM) | those of CC, and for each session `WriteHBInitRead` and `CyclicHB` |
//! | PRAM | the patterns of CM with session order in place of `co` |
//!
//! - `ThinAirRead`: a read of a value that nobody wrote. `CyclicCO`: `co` has a cycle.
//! - `WriteCOInitRead`: a read of the initial value with a write of the key in its past. `WriteCORead`: a read of `w1`
//!   with a write `w2` of the key between: `w1 co w2 co r`.
//! - `CyclicCF`: for a read of `w1` every other write `w2` of the key in its past must be arbitrated before `w1`; these
//!   edges and `co` have a cycle.
//! - `CyclicHB`: for one session, its reads `r` of `w1` in turn put every other write of the key that happens before `r`
//!   before `w1`; the least fixpoint has a cycle. `WriteHBInitRead`: it puts a write before a read of the initial value.
//!
//! A pattern that only the store's version order shows is called `CyclicVO` here: with the order, CCv demands that it is
//! the arbitration. CC, CM and PRAM know no order of versions, so it changes nothing for them, but that unknown writes
//! that the store has did happen.
//!
//! # Compare-and-sets
//!
//! One that took effect is a read and a write at once; that nothing takes effect in between is no matter of these levels
//! but of the sequential ones: two clients may both replace a value in each other's absence. Under CCv one may demand it
//! nevertheless, of the arbitration. The edges above are then necessary and not sufficient, and to decide it is NP-hard
//! without a version order. So a pass of CCv without one says nothing about it ([`Convergence::swaps_unchecked`]); with
//! one it is demanded, and its pattern is `NonAtomicSwap`. One that was refused because of the very value that it
//! expected is wrong on its own: `Lie`.
//!
//! # Cost
//!
//! CC and CCv take `O(n k)` for `n` operations and `k` sessions, as in Møldrup & Pavlogiannis, *AWDIT*, PLDI 2025 (arXiv
//! 2504.06975): one vector clock a write, and for each reading session and key a pointer into each session's writes that
//! only moves forward. CM and PRAM take a fixpoint for each session (`saturation.rs`), under a budget of steps.
//!
//! # Certificates
//!
//! A pass of CCv is given after the arbitration was replayed, a pass of CM or PRAM after the order of each session was.
//! A pass of CC alone is given after an order of everything was played, and no write that a read saw was found in the
//! past of another one of its key in the past of that read.
//!
//! Next: `past.rs`, the clocks.

pub(super) mod arbitration;
pub(super) mod past;
pub(super) mod patterns;
mod replay;
pub(super) mod saturation;

use super::Verdict;
use super::execution::witness::{Violation, minimise};
use super::execution::{Execution, Unfit};
use super::order::VersionOrder;
use crate::history::History;

/// How many steps CM and PRAM may take for a whole history: some seconds.
pub const BUDGET: u64 = 2_000_000_000;

/// A verdict and its cost.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Judgement {
    /// What was found.
    pub verdict: Verdict,
    /// How many clock entries and edges were examined: the same on every machine.
    pub steps: u64,
}

/// CC and CCv, which share their work.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Convergence {
    /// Causal consistency (CC).
    pub causal: Judgement,
    /// Causal convergence (CCv).
    pub convergence: Judgement,
    /// Whether the history has compare-and-sets that took effect, and no version order tells whether anything came
    /// between what they saw and what they wrote.
    pub swaps_unchecked: bool,
}

impl Judgement {
    pub(super) fn inconclusive(why: String) -> Judgement {
        Judgement { verdict: Verdict::Inconclusive { why }, steps: 0 }
    }
}

/// What a check of a level has to say before it is cut down.
pub(super) enum Found {
    Nothing,
    Violation(Violation),
    /// The steps or the memory were spent: how far it came, in words.
    Spent(String),
    /// The certificate does not hold.
    Broken(String),
}

impl Found {
    pub(super) fn violation(self) -> Option<Violation> {
        match self {
            Found::Violation(violation) => Some(violation),
            _ => None,
        }
    }

    /// The judgement, with the violation cut down by `judge`.
    pub(super) fn judgement(
        self,
        execution: &Execution,
        mut steps: u64,
        judge: impl Fn(&Execution, &mut u64) -> Option<Violation>,
    ) -> Judgement {
        let broken = |why: &str| Verdict::Inconclusive { why: format!("an error of the checker: {why}") };
        let verdict = match self {
            Found::Nothing => Verdict::Pass,
            Found::Spent(how_far) => Verdict::Inconclusive { why: format!("gave up after {steps} steps, {how_far}") },
            Found::Broken(why) => broken(&why),
            Found::Violation(violation) => match minimise(execution, violation, &mut steps, judge) {
                Some(counterexample) => Verdict::Fail(counterexample),
                None => broken("its counterexample is right"),
            },
        };
        Judgement { verdict, steps }
    }
}

/// Judges CC and CCv. `O(n k)` time, and memory for a clock of `k` numbers a write.
///
/// ```
/// use riftzone::check::causal::convergence;
/// use riftzone::history::History;
/// use riftzone::id::{ClientId, Key, NodeId, Value};
/// use riftzone::op::{Op, Reply};
/// use riftzone::time::Time;
///
/// // Two clients write, and each goes on to read what the other wrote: no order of the two writes fits both.
/// let (at, node, key) = (Time::from_nanos, NodeId(0), Key(0));
/// let mut history = History::new();
/// for (client, value, begin) in [(0, 1, 0), (1, 2, 1)] {
///     let write = history.invoke(ClientId(client), Op::Write(key, Value(value)), at(begin));
///     history.complete(write, Reply::Written, node, at(5));
/// }
/// for (client, value, begin) in [(0, 2, 10), (1, 1, 11)] {
///     let read = history.invoke(ClientId(client), Op::Read(key), at(begin));
///     history.complete(read, Reply::Read(Some(Value(value))), node, at(15));
/// }
/// let found = convergence(&history, None);
/// assert!(found.causal.verdict.is_pass() && found.convergence.verdict.is_fail());
/// ```
pub fn convergence(history: &History, order: Option<&VersionOrder>) -> Convergence {
    let execution = match Execution::new(history, order) {
        Ok(execution) => execution,
        Err(Unfit(why)) => {
            let judgement = Judgement::inconclusive(why);
            return Convergence { causal: judgement.clone(), convergence: judgement, swaps_unchecked: false };
        }
    };
    let mut steps = 0;
    let (causal, convergence) = arbitration::judge(&execution, &mut steps);
    let causal = causal.judgement(&execution, steps, |piece, steps| arbitration::judge(piece, steps).0.violation());
    let mut convergence =
        convergence.judgement(&execution, steps, |piece, steps| arbitration::judge(piece, steps).1.violation());
    if convergence.verdict.is_pass()
        && let Some(why) = &execution.lacking
    {
        // The places that it has only add to what reads demand, so nothing more is to be found without them.
        convergence.verdict = Verdict::Inconclusive { why: why.clone() };
    }
    let swaps = execution.events.iter().any(|event| event.writes && event.reads());
    Convergence { causal, convergence, swaps_unchecked: swaps && !execution.is_ordered() }
}

/// Judges CM within [`BUDGET`] steps. See [`memory_within`].
pub fn memory(history: &History, order: Option<&VersionOrder>) -> Judgement {
    memory_within(history, order, BUDGET)
}

/// Judges CM: `O(n k)` for each of `k` sessions and each round of its fixpoint. Inconclusive after `budget` steps.
pub fn memory_within(history: &History, order: Option<&VersionOrder>, budget: u64) -> Judgement {
    saturated(history, order, budget, saturation::Base::Causal)
}

/// Judges PRAM within [`BUDGET`] steps. See [`pram_within`].
pub fn pram(history: &History, order: Option<&VersionOrder>) -> Judgement {
    pram_within(history, order, BUDGET)
}

/// Judges PRAM (Lipton & Sandberg, 1988), also called FIFO consistency: for each session there is an order of its own
/// operations and of everybody's writes that respects every session and explains its reads. Cost as of
/// [`memory_within`].
pub fn pram_within(history: &History, order: Option<&VersionOrder>, budget: u64) -> Judgement {
    saturated(history, order, budget, saturation::Base::Session)
}

fn saturated(history: &History, order: Option<&VersionOrder>, budget: u64, base: saturation::Base) -> Judgement {
    let execution = match Execution::new(history, order) {
        Ok(execution) => execution,
        Err(Unfit(why)) => return Judgement::inconclusive(why),
    };
    let mut steps = 0;
    let found = saturation::judge(&execution, base, &mut steps, budget);
    found.judgement(&execution, steps, |piece, steps| {
        saturation::judge(piece, base, steps, steps.saturating_add(budget)).violation()
    })
}
