//! The four session guarantees: read-your-writes, monotonic reads, monotonic writes, writes-follow-reads.
//!
//! Terry, Demers, Petersen, Spreitzer, Theimer & Welch, *Session Guarantees for Weakly Consistent Replicated Data*,
//! PDIS 1994. Each says of pairs of operations of a session, on one key, that the version of the first is not newer than
//! that of the second:
//!
//! | guarantee | first | second | demands |
//! |---|---|---|---|
//! | read-your-writes | own write of `v` | read of `w` | `v <= w` |
//! | monotonic reads | read of `v` | read of `w` | `v <= w` |
//! | monotonic writes | own write of `v` | own write of `w` | `v < w` |
//! | writes-follow-reads | read of `v` | own write of `w` | `v < w` |
//!
//! The last two also bind others: who has read a write `w` of a session, on any key, and then reads `x`, must not find a
//! version of `x` older than one that this session wrote (monotonic writes), or read (writes-follow-reads), before `w`.
//! Only what `w` depends on directly is meant; the causal levels close this transitively. A compare-and-set that took
//! effect is a read and then a write. Reads of values that nobody wrote are counted apart: they break no guarantee here.
//! An operation without an answer is bound by those before it and binds none after it.
//!
//! # Two ways
//!
//! **White box**: compare the places in the version order. `O(n)` but for sorting, plus for the last two one step for
//! every session of which a client has seen something new.
//!
//! **Black box**: a guarantee holds iff there is *some* order of the versions of each key, the initial one first, that
//! fulfils every demand. Each demand is an edge between two writes of a key; such an order exists iff no cycle goes
//! through two of them. To keep the number of edges linear, "all own writes so far" and "all versions read so far" are
//! nodes of their own, which are joins: an edge from each member, an edge to each version that must not be older. Joins
//! are no versions and a cycle through one version and joins alone demands `v <= v`, so a violation is a strongly
//! connected component that holds two versions. `<` differs from `<=` in one case only: a session that reads what it
//! writes later.
//!
//! # Certificates
//!
//! A pass of the black box is given only after the white box has passed the order that was found. A counterexample is
//! rejected on its own and none of its operations can be spared ([`excerpt`](super::linearizable::excerpt) says how one
//! is taken out).
//!
//! Next: `demands.rs`.

mod demands;
mod outside;
mod within;

use super::Verdict;
use super::causal::Found;
use super::execution::witness::{Edge, Label, Violation};
use super::execution::{Execution, THIN_AIR, Unfit};
use super::order::VersionOrder;
use crate::history::History;
use demands::Groups;

/// One of the four.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Guarantee {
    /// A client's read is not older than what it wrote.
    ReadYourWrites,
    /// A client's read is not older than its reads before.
    MonotonicReads,
    /// A client's writes are versions in the order in which it wrote.
    MonotonicWrites,
    /// A client's write is a newer version than what it had read.
    WritesFollowReads,
}

impl Guarantee {
    /// Every one, in the order of reports.
    pub const ALL: [Guarantee; 4] = [
        Guarantee::ReadYourWrites,
        Guarantee::MonotonicReads,
        Guarantee::MonotonicWrites,
        Guarantee::WritesFollowReads,
    ];

    /// The name in reports and JSON.
    pub const fn name(self) -> &'static str {
        match self {
            Guarantee::ReadYourWrites => "read-your-writes",
            Guarantee::MonotonicReads => "monotonic-reads",
            Guarantee::MonotonicWrites => "monotonic-writes",
            Guarantee::WritesFollowReads => "writes-follow-reads",
        }
    }

    const fn meaning(self) -> &'static str {
        match self {
            Guarantee::ReadYourWrites => "a read is older than a write of its client",
            Guarantee::MonotonicReads => "a read is older than an earlier one of its client",
            Guarantee::MonotonicWrites => "a later write of a client is older than one before",
            Guarantee::WritesFollowReads => "a write is older than what its client had read",
        }
    }
}

/// What became of a guarantee.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tally {
    /// Which one.
    pub guarantee: Guarantee,
    /// Whether it holds; a failure carries the first violation.
    pub verdict: Verdict,
    /// How many operations it bound.
    pub bound: u64,
    /// How many of them broke it. Without a version order: how many are part of a contradiction.
    pub broken: u64,
    /// How many operations and demands were examined.
    pub steps: u64,
}

impl Tally {
    /// How many operations in a million of those that were bound broke the guarantee; 0 where none was bound.
    pub fn broken_per_million(&self) -> u64 {
        (u128::from(self.broken) * 1_000_000).checked_div(u128::from(self.bound)).unwrap_or_default() as u64
    }
}

/// The four guarantees, judged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sessions {
    /// In the order of [`Guarantee::ALL`].
    pub tallies: [Tally; 4],
    /// Reads of values that nobody wrote.
    pub unattributed: u64,
}

/// What a judge of demands found.
struct Findings {
    bound: u64,
    /// The operations that broke a demand, or are part of a contradiction: sorted, each once.
    broken: Vec<u32>,
    steps: u64,
    first: Option<Violation>,
    /// Whether a pass is certified.
    certified: bool,
}

/// Judges all four, with the store's version order where it is given: in `O(n log n)` time without what the last two
/// demand across keys, else in `O(n (log n + k))` for `k` sessions.
///
/// ```
/// use riftzone::check::session::{Guarantee, sessions};
/// use riftzone::history::History;
/// use riftzone::id::{ClientId, Key, NodeId, Value};
/// use riftzone::op::{Op, Reply};
/// use riftzone::time::Time;
///
/// let (at, node, key) = (Time::from_nanos, NodeId(0), Key(0));
/// let mut history = History::new();
/// let write = history.invoke(ClientId(0), Op::Write(key, Value(1)), at(0));
/// history.complete(write, Reply::Written, node, at(10));
/// let read = history.invoke(ClientId(0), Op::Read(key), at(20));
/// history.complete(read, Reply::Read(None), node, at(30));
/// let found = sessions(&history, None);
/// let broken = found.tallies.iter().filter(|tally| tally.verdict.is_fail());
/// assert_eq!(broken.map(|tally| tally.guarantee).collect::<Vec<_>>(), [Guarantee::ReadYourWrites]);
/// ```
pub fn sessions(history: &History, order: Option<&VersionOrder>) -> Sessions {
    let execution = match Execution::new(history, order) {
        Ok(execution) => execution,
        Err(Unfit(why)) => {
            let verdict = Verdict::Inconclusive { why };
            let tally = |guarantee| Tally { guarantee, verdict: verdict.clone(), bound: 0, broken: 0, steps: 0 };
            return Sessions { tallies: Guarantee::ALL.map(tally), unattributed: 0 };
        }
    };
    let unattributed = execution.events.iter().filter(|event| event.sees == THIN_AIR).count() as u64;
    let groups = Groups::new(&execution);
    let tallies = Guarantee::ALL.map(|guarantee| tally(&execution, &groups, guarantee));
    Sessions { tallies, unattributed }
}

fn tally(execution: &Execution, groups: &Groups, guarantee: Guarantee) -> Tally {
    let Findings { bound, broken, steps, first, certified } = find(execution, groups, guarantee);
    let found = match first {
        Some(violation) => Found::Violation(violation),
        None if certified => Found::Nothing,
        None => Found::Broken("the order that was found does not hold".to_string()),
    };
    let mut judgement = found.judgement(execution, steps, |piece, steps| {
        let findings = find(piece, &Groups::new(piece), guarantee);
        *steps += findings.steps;
        findings.first
    });
    if let (true, Some(why)) = (judgement.verdict.is_pass(), &execution.lacking) {
        let outside = Execution::new(execution.history, None);
        let outside = outside.map(|outside| tally(&outside, &Groups::new(&outside), guarantee).verdict);
        judgement.verdict = outside.unwrap_or(Verdict::Pass).or_lacking(why);
    }
    let broken = broken.len() as u64;
    Tally { guarantee, verdict: judgement.verdict, bound, broken, steps: judgement.steps }
}

fn find(execution: &Execution, groups: &Groups, guarantee: Guarantee) -> Findings {
    if execution.is_ordered() {
        within::judge(execution, groups, &execution.rank, guarantee)
    } else {
        outside::judge(execution, groups, guarantee)
    }
}

/// A violation: the demands of these hops cannot all be met.
fn violation(execution: &Execution, guarantee: Guarantee, hops: &[Hop]) -> Violation {
    let row = |event: u32| execution.event(event).row;
    let mut core = Vec::new();
    let mut edges = Vec::new();
    for hop in hops {
        let [raised, demanded] = hop.by;
        core.extend([hop.from, hop.to, raised, demanded].iter().filter(|event| **event < THIN_AIR).map(|e| row(*e)));
        if hop.to != demanded {
            core.extend(sight(execution, raised, demanded).into_iter().flatten().map(row));
        }
        let [from, to] = [hop.from, hop.to].map(|version| (version < THIN_AIR).then(|| row(version)));
        edges.push(Edge { from, to, label: Label::Demanded(row(demanded)) });
    }
    Violation { pattern: guarantee.name(), meaning: guarantee.meaning(), edges, core }
}

/// By what the session of `demanded` has seen, before it, that `raised` was before: a read, and the write that it saw.
fn sight(execution: &Execution, raised: u32, demanded: u32) -> Option<[u32; 2]> {
    let (of, to) = (execution.event(raised).session, execution.event(demanded).session);
    (0..demanded).rev().find_map(|number| {
        let event = execution.event(number);
        let source = event.source().filter(|_| event.session == to && event.known)?;
        (source > raised && execution.event(source).session == of).then_some([number, source])
    })
}

/// A demand between two versions: `from` must not be newer than `to`.
struct Hop {
    /// The write, or [`INITIAL`](super::execution::INITIAL).
    from: u32,
    to: u32,
    /// The operations that demand it; or [`NONE`].
    by: [u32; 2],
}
