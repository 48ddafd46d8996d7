//! Isolation of multi-key transactions: every level from read uncommitted to strict serializable, and the anomalies by
//! name.
//!
//! A history is judged as its clients saw it (black box), or with the store's own version orders (white box,
//! [`Transactions::set_version_order`]). What each level means is said at [`Level`]; sessions, real time and transactions
//! of unknown outcome at [`Transactions`].
//!
//! # The method
//!
//! **Facts.** Every value names its write, so every read names the transaction that it read from. Thin air, aborted,
//! intermediate, future, internal and non-repeatable reads are found by this alone, in `O(n)`.
//!
//! **Versions.** Lists show the order of their versions when they are read; of registers only what is given or
//! declared is known ([`Assumptions`]). A register whose every write follows a read of the version before (as with
//! compare-and-sets) has a total order.
//!
//! **Dependencies.** ww, wr, rw, session and real-time edges between transactions: `O(n)` of them.
//!
//! | level | decided by | time |
//! |---|---|---|
//! | read uncommitted, read committed | no cycle of ww; of ww and wr | `O(n)` |
//! | session read committed, read atomic | saturating the commit order | `O(n^1.5)` |
//! | causal | saturating the commit order, by clocks of `k` sessions | `O(n k)` |
//! | prefix, snapshot isolation, serializable, their session and real-time variants | a schedule, from a topological order | `O(n log n)` |
//! | the same, where the order of versions is known in part | saturation, then a search with a budget | exponential |
//!
//! All of them are exact, black box too; only the last row can be inconclusive. A level that fails fails all that imply
//! it, with the same counterexample, and one that passes passes all that it implies: no level passes while a weaker one
//! fails.
//!
//! # Certificates
//!
//! A pass is given only after its certificate was replayed. For the weak levels that is a commit order, held against
//! every session, read and version order and every obligation of the level. For the others it is a schedule of begins
//! and commits that is run against a store, micro-operation by micro-operation.
//!
//! A failure comes with a [`TransactionCounterexample`]: transactions that break the level on their own ([`excerpt`]),
//! of which none can be spared, and where it is a cycle each step of it in one sentence.
//!
//! # Differences from Elle
//!
//! What was appended and never read comes after everything that was read; Elle gives it no order. A list that was read
//! after own appends tells of other transactions only what is before these. The version order of a register never
//! passes through values that a transaction overwrote itself. [`AnomalyKind::NonRepeatable`] is part of Elle's internal.
//!
//! Next: `history.rs`, the columns.

mod anomaly;
mod certificate;
mod cores;
mod cycles;
mod dependencies;
mod exact;
mod excerpt;
mod facts;
mod graph;
mod history;
mod index;
mod level;
mod registers;
mod saturate;
mod search;
#[cfg(test)]
mod tests;
mod verdict;
mod versions;
mod weak;
mod words;

pub use anomaly::{Anomaly, AnomalyKind, Variant};
pub use history::{MicroOp, SessionId, Status, TransactionId, Transactions};
pub use level::Level;
pub use verdict::{Dependency, Step, TransactionCounterexample, TransactionVerdict};

use dependencies::Dependencies;
use facts::{Facts, Problem};
use graph::{Edge, Graph, Mask, WR, WW};
use search::Meter;
use versions::Versions;
use words::{Names, Words};

/// What is declared of the order of the versions of registers, where the store did not give it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Assumptions {
    /// What a transaction read from a key is older than what it then wrote to it. Follows by itself at read committed
    /// and above.
    pub writes_follow_reads: bool,
    /// In a session each key only moves forward.
    pub session_keys: bool,
    /// In real time each key only moves forward.
    pub linearizable_keys: bool,
}

impl Default for Assumptions {
    fn default() -> Assumptions {
        Assumptions { writes_follow_reads: true, session_keys: false, linearizable_keys: false }
    }
}

/// How a history is judged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Options {
    /// What is declared of registers.
    pub assumptions: Assumptions,
    /// How many steps each search for a schedule may take before the level is inconclusive.
    pub search_steps: u64,
}

impl Default for Options {
    fn default() -> Options {
        Options { assumptions: Assumptions::default(), search_steps: 20_000_000 }
    }
}

/// The verdict on every level.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TransactionJudgement {
    /// Every level of [`Level::ALL`], in that order.
    pub levels: Vec<(Level, TransactionVerdict)>,
    /// The anomalies that were found, gravest first.
    pub anomalies: Vec<Anomaly>,
    /// How many steps were taken: the cost of the judgement, the same on every machine.
    pub steps: u64,
}

impl TransactionJudgement {
    /// The verdict on one level.
    pub fn verdict(&self, level: Level) -> &TransactionVerdict {
        let place = Level::ALL.iter().position(|other| *other == level).unwrap_or(0);
        &self.levels[place].1
    }

    /// The strongest levels that are met: those that no other met level implies.
    pub fn strongest(&self) -> Vec<Level> {
        let met: Vec<Level> =
            self.levels.iter().filter(|(_, verdict)| verdict.is_pass()).map(|(level, _)| *level).collect();
        let is_implied = |level: &Level| met.iter().any(|other| other != level && other.implies(*level));
        met.iter().copied().filter(|level| !is_implied(level)).collect()
    }
}

/// Judges every level, and names the anomalies. See the module's documentation for how, and how long it takes.
///
/// ```
/// use riftzone::check::transactions::{Level, Options, SessionId, Status, Transactions, judge};
/// use riftzone::id::{Key, Value};
///
/// // Write skew: each reads what the other overwrites.
/// let mut history = Transactions::new();
/// for (session, seen, written) in [(0, Key(0), Key(1)), (1, Key(1), Key(0))] {
///     history.begin(SessionId(session), Status::Committed);
///     history.read(seen, None);
///     history.write(written, Value(1));
/// }
/// let judgement = judge(&history, &Options::default());
/// assert!(judgement.verdict(Level::SessionSnapshotIsolation).is_pass());
/// assert!(judgement.verdict(Level::Serializable).is_fail());
/// assert_eq!(judgement.anomalies[0].name(), "G2-item");
/// ```
pub fn judge(history: &Transactions, options: &Options) -> TransactionJudgement {
    let case = Case::new(history, options);
    let mut meter = Meter { steps: history.micro_ops() as u64, budget: 0 };
    let mut levels: Vec<Option<TransactionVerdict>> = vec![None; Level::ALL.len()];
    let place = |level: Level| Level::ALL.iter().position(|other| *other == level).unwrap_or(0);
    // The weak levels from below, and then the others from above: what passes there passes what it implies.
    let (weak, strong) = Level::ALL.split_at(place(Level::Causal) + 1);
    for level in weak.iter().chain(strong.iter().rev()) {
        if levels[place(*level)].is_some() {
            continue;
        }
        let broken = Level::ALL.iter().filter(|weaker| *weaker != level && level.implies(**weaker));
        let broken = broken.filter_map(|weaker| levels[place(*weaker)].as_ref()).find(|verdict| verdict.is_fail());
        let verdict = match broken {
            Some(verdict) => verdict.clone(),
            None => case.verdict(*level, options, &mut meter),
        };
        if verdict.is_pass() {
            for weaker in Level::ALL.into_iter().filter(|weaker| level.implies(*weaker)) {
                levels[place(weaker)] = Some(TransactionVerdict::Pass);
            }
        }
        levels[place(*level)] = Some(verdict);
    }
    fail_upwards(&mut levels);
    let levels = Level::ALL.into_iter().zip(levels.into_iter().flatten()).collect();
    let anomalies = case.anomalies(&mut meter);
    TransactionJudgement { levels, anomalies, steps: meter.steps }
}

/// What fails a level fails every stronger one, also where that was judged before, or could not be.
fn fail_upwards(levels: &mut [Option<TransactionVerdict>]) {
    for at in 0..Level::ALL.len() {
        let weaker = (0..at).filter(|other| Level::ALL[at].implies(Level::ALL[*other]));
        let broken = weaker.filter_map(|other| levels[other].clone()).find(TransactionVerdict::is_fail);
        if let (Some(broken), false) = (broken, levels[at].as_ref().is_some_and(TransactionVerdict::is_fail)) {
            levels[at] = Some(broken);
        }
    }
}

/// Judges one level.
pub fn check(history: &Transactions, level: Level, options: &Options) -> TransactionVerdict {
    Case::new(history, options).verdict(level, options, &mut Meter::default())
}

/// The anomalies of a history by name, without judging its levels. `O(n log n)`, and for G-single what `cycles.rs` says.
pub fn anomalies(history: &Transactions, options: &Options) -> Vec<Anomaly> {
    Case::new(history, options).anomalies(&mut Meter::default())
}

/// These transactions as a history of their own: what a [`TransactionCounterexample`] is judged by.
///
/// What the others wrote is gone, also from lists and version orders, and so are the reads of their versions. A transaction of
/// unknown outcome that somebody saw has become a committed one without reads. `O(n)`.
///
/// # Panics
/// Where a transaction is not in the history.
pub fn excerpt(history: &Transactions, transactions: &[TransactionId]) -> Transactions {
    let facts = Facts::new(history);
    let mut ids: Vec<u32> = transactions.iter().map(|id| id.0).collect();
    ids.sort_unstable();
    ids.dedup();
    excerpt::Source { history, index: &facts.index, alive: &facts.alive }.piece(&ids)
}

/// A history, and all that was made of it.
struct Case<'h> {
    facts: Facts<'h>,
    versions: Versions,
    dependencies: Dependencies,
    graph: Graph,
}

/// Why a level is not met, or not judged.
enum Obstacle {
    Problem(Problem),
    /// Edges of the graph of dependencies, in a circle.
    Cycle(Vec<Edge>),
    /// A read of the initial state, though a write of the key was visible.
    Stale {
        writer: u32,
        read: u32,
    },
    /// Every order of the writes was tried.
    NoOrder,
    Spent(String),
    Unjudgeable(String),
}

impl Obstacle {
    fn cycle(graph: &Graph, mask: Mask, meter: &mut Meter) -> Obstacle {
        match graph.short_cycle(mask, meter) {
            Some(cycle) => Obstacle::Cycle(cycle),
            None => Obstacle::error("no order, and no cycle".to_string()),
        }
    }

    /// A certificate did not replay: that is not the history's fault, and no pass.
    fn error(wrong: String) -> Obstacle {
        Obstacle::Unjudgeable(format!("an error of the checker: {wrong}"))
    }
}

/// Whether a case meets a level.
fn decide(case: &Case, level: Level, meter: &mut Meter) -> Result<(), Obstacle> {
    let facts = &case.facts;
    if let Some(problem) = facts.problems.iter().find(|problem| level.is_ruled_out_by(problem.kind, Variant::Plain)) {
        return Err(Obstacle::Problem(*problem));
    }
    if let Some(why) = &facts.unjudgeable {
        return Err(Obstacle::Unjudgeable(why.clone()));
    }
    let mask = match level {
        Level::ReadUncommitted => WW,
        Level::ReadCommitted => WW | WR,
        Level::SessionReadCommitted | Level::ReadAtomic | Level::Causal => return weak::decide(case, level, meter),
        _ => return exact::decide(case, level, meter),
    };
    let Some(mut order) = case.graph.order(mask, u64::from) else {
        return Err(Obstacle::cycle(&case.graph, mask, meter));
    };
    order.retain(|node| (*node as usize) < facts.history.len());
    certificate::follow(case, level, &order).map(|_| ()).map_err(Obstacle::error)
}

impl<'h> Case<'h> {
    fn new(history: &'h Transactions, options: &Options) -> Case<'h> {
        let mut facts = Facts::new(history);
        let versions = Versions::new(&mut facts, options.assumptions);
        let dependencies = Dependencies::new(&facts, &versions);
        let graph = Graph::new(dependencies.nodes, &dependencies.edges);
        Case { facts, versions, dependencies, graph }
    }

    fn verdict(&self, level: Level, options: &Options, meter: &mut Meter) -> TransactionVerdict {
        meter.budget = options.search_steps;
        let obstacle = match decide(self, level, meter) {
            Ok(()) => return TransactionVerdict::Pass,
            Err(Obstacle::Spent(why) | Obstacle::Unjudgeable(why)) => return TransactionVerdict::Inconclusive { why },
            Err(obstacle) => obstacle,
        };
        let cores = self.cores(&obstacle, level, meter);
        let Some(minimal) = excerpt::minimise(self, level, &cores, options, meter) else {
            let why = "an error of the checker: its counterexample breaks nothing".to_string();
            return TransactionVerdict::Inconclusive { why };
        };
        let case = Case::new(&minimal.piece, options);
        let mut own = Meter { steps: 0, budget: options.search_steps };
        let names = Names { transactions: Some(&minimal.transactions), keys: Some(&minimal.keys) };
        let (mut why, steps) = match decide(&case, level, &mut own) {
            Err(obstacle) => Words { case: &case, names }.obstacle(&obstacle),
            Ok(()) => (String::new(), Vec::new()),
        };
        if !minimal.is_minimal {
            why.push_str(" (perhaps fewer transactions would do: reducing them further was given up)");
        }
        let transactions = minimal.transactions.iter().map(|id| TransactionId(*id)).collect();
        TransactionVerdict::Fail(TransactionCounterexample { level, why, transactions, steps })
    }

    fn anomalies(&self, meter: &mut Meter) -> Vec<Anomaly> {
        let words = Words { case: self, names: Names::default() };
        let mut found: Vec<Anomaly> = Vec::new();
        for problem in &self.facts.problems {
            if let Some(same) = found.iter_mut().find(|anomaly| anomaly.kind == problem.kind) {
                same.count += 1;
                continue;
            }
            let other = problem.other.map(|row| self.facts.history.owner(row as usize) as u32);
            let mut transactions = vec![TransactionId(problem.transaction)];
            transactions.extend(other.map(TransactionId).filter(|other| other.0 != problem.transaction));
            let (kind, why) = (problem.kind, words.problem(problem));
            found.push(Anomaly { kind, variant: Variant::Plain, count: 1, why, transactions, steps: Vec::new() });
        }
        if let Some((one, other)) = self.dependencies.lost_updates.first() {
            let owner = |read: u32| self.facts.history.owner(self.facts.reads[read as usize].row as usize) as u32;
            found.push(Anomaly {
                kind: AnomalyKind::LostUpdate,
                variant: Variant::Plain,
                count: self.dependencies.lost_updates.len() as u64,
                why: words.lost_update(*one, *other),
                transactions: vec![TransactionId(owner(*one)), TransactionId(owner(*other))],
                steps: Vec::new(),
            });
        }
        for cycles::Found { kind, variant, count, cycle } in cycles::find(&self.graph, meter) {
            let steps = words.steps(&cycle);
            let (why, transactions) = (words.cycle(&steps), steps.iter().map(|step| step.from).collect());
            found.push(Anomaly { kind, variant, count, why, transactions, steps });
        }
        found.sort_by_key(|anomaly| (anomaly.variant, anomaly.kind));
        found
    }
}
