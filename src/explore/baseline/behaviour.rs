//! What changed in behaviour: verdicts, expectations, claims, invariants, and faults that hit nothing.
//!
//! Next: `diff.rs`.

use super::paired::sign_test;
use super::{DesignBaseline, Misses};

/// Below this probability, what changed on some seeds is not chance.
const CHANCE: f64 = 0.05;

/// Something that holds on other seeds than it did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BehaviourChange {
    /// What kind of thing it is.
    pub kind: Kind,
    /// The guarantee, level or invariant by its name, or the expectation in words.
    pub what: String,
    /// On how many seeds (of an expectation, which is of all of them: whether) it did not hold.
    pub before: usize,
    /// On how many it does not hold now.
    pub after: usize,
    /// On how many of those it could not be decided now, which it was not before.
    pub undecided: usize,
    /// The first seed on which it changed; `None` for an expectation.
    pub seed: Option<u64>,
    /// Whether it is worse: it held on every seed and does not now, or holds on fewer than by chance.
    pub is_worse: bool,
}

/// A kind of thing that holds or does not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// The verdict on a guarantee or a level.
    Verdict,
    /// An expectation of the scenario.
    Expectation,
    /// A claim of the protocol.
    Claim,
    /// An invariant.
    Invariant,
    /// A planned fault that hits something.
    Fault,
}

impl Kind {
    /// The word in reports.
    pub const fn name(self) -> &'static str {
        match self {
            Kind::Verdict => "verdict",
            Kind::Expectation => "expectation",
            Kind::Claim => "claim",
            Kind::Invariant => "invariant",
            Kind::Fault => "fault",
        }
    }
}

impl BehaviourChange {
    /// Whether all that is worse about it is that it could not be decided.
    pub fn is_undecided(&self) -> bool {
        self.is_worse && self.undecided > 0 && self.after - self.undecided <= self.before
    }
}

/// What changed on these seeds from the one to the other. What only one of them has, such as a level that was not expected,
/// is no change.
pub(super) fn changes(before: &DesignBaseline, after: &DesignBaseline, seeds: &[u64]) -> Vec<BehaviourChange> {
    let mut found = Vec::new();
    for (name, now) in &after.verdicts {
        let Some((_, was)) = before.verdicts.iter().find(|(of, _)| of == name) else { continue };
        found.extend(change(Kind::Verdict, name, was, now, seeds));
    }
    for (words, holds) in &after.expectations {
        match before.expectations.iter().find(|(of, _)| of == words) {
            Some((_, held)) if held != holds => found.push(BehaviourChange {
                kind: Kind::Expectation,
                what: words.clone(),
                before: usize::from(!held),
                after: usize::from(!holds),
                undecided: 0,
                seed: None,
                is_worse: *held,
            }),
            _ => {}
        }
    }
    for (kind, was, now) in [
        (Kind::Claim, &before.broken_claims, &after.broken_claims),
        (Kind::Invariant, &before.breaches, &after.breaches),
    ] {
        let mut names: Vec<&String> = was.iter().chain(now).map(|(name, _)| name).collect();
        names.sort_unstable();
        names.dedup();
        let of = |list: &[(String, Vec<u64>)], name: &String| {
            let fail = list.iter().find(|(of, _)| of == name).map_or(Vec::new(), |(_, seeds)| seeds.clone());
            Misses { fail, inconclusive: Vec::new() }
        };
        found.extend(names.into_iter().filter_map(|name| change(kind, name, &of(was, name), &of(now, name), seeds)));
    }
    let void = |design: &DesignBaseline| Misses { fail: design.void_seeds.clone(), inconclusive: Vec::new() };
    found.extend(change(Kind::Fault, "every fault touches something", &void(before), &void(after), seeds));
    found
}

fn change(kind: Kind, what: &str, was: &Misses, now: &Misses, seeds: &[u64]) -> Option<BehaviourChange> {
    let missed = |misses: &Misses, seed: &u64| misses.fail.contains(seed) || misses.inconclusive.contains(seed);
    let verdict = |misses: &Misses, seed: &u64| (misses.fail.contains(seed), misses.inconclusive.contains(seed));
    let changed: Vec<&u64> = seeds.iter().filter(|seed| verdict(was, seed) != verdict(now, seed)).collect();
    let first = **changed.first()?;
    let count = |misses: &Misses| seeds.iter().filter(|seed| missed(misses, seed)).count();
    let more = changed.iter().filter(|seed| !missed(was, seed) && missed(now, seed)).count();
    let fewer = changed.iter().filter(|seed| missed(was, seed) && !missed(now, seed)).count();
    let hardened = changed.iter().filter(|seed| was.inconclusive.contains(seed) && now.fail.contains(seed)).count();
    let (before, after) = (count(was), count(now));
    // What held everywhere has no chance in it; what did not is worse where that is more than a coin's throw.
    let is_more = more > fewer && (before == 0 || sign_test(more, fewer) < CHANCE);
    let undecided =
        changed.iter().filter(|seed| !was.inconclusive.contains(seed) && now.inconclusive.contains(seed)).count();
    let softened = was.fail.is_empty() && hardened > 0;
    Some(BehaviourChange {
        kind,
        what: what.to_string(),
        before,
        after,
        undecided,
        seed: Some(first),
        is_worse: is_more || softened,
    })
}
