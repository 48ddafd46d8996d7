//! What reports are about: one run, or many seeds; and what each comes to.
//!
//! Next: `fault.rs`.

use crate::check::{Verdict, level};
use crate::explore::compare::{Comparison, DesignSummary};
use crate::explore::expect::Judgement;
use crate::explore::levels;
use crate::protocol::{Claim, Guarantee};
use crate::scenario::{Bound, Design, Expectation, Over, Scenario};
use crate::sim::{LedgerEntry, Run};
use crate::trace::Digest;

/// What a report comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Conclusion {
    /// Everything expected held.
    Held,
    /// A budget was spent before a verdict, and nothing else is wrong.
    Inconclusive,
    /// An expectation, a claim or an invariant was broken, or a fault hit nothing.
    Broken,
}

impl Conclusion {
    /// The word in reports: `pass`, `inconclusive` or `fail`.
    pub const fn name(self) -> &'static str {
        match self {
            Conclusion::Held => "pass",
            Conclusion::Inconclusive => "inconclusive",
            Conclusion::Broken => "fail",
        }
    }
}

/// One run of one design, to be reported.
#[derive(Debug)]
pub struct RunReport<'a> {
    /// The scenario's file, as the user named it.
    pub file: &'a str,
    /// The scenario.
    pub scenario: &'a Scenario,
    /// The design that ran.
    pub design: &'a Design,
    /// What happened.
    pub run: &'a Run,
    /// The expectations that one run decides, judged.
    pub judgements: Vec<Judgement>,
    /// The levels of consistency that are expected of the design, judged.
    pub expected_levels: Vec<level::Judged>,
    /// Every level of consistency, judged; empty where nobody asked.
    pub levels: Vec<level::Judged>,
}

impl<'a> RunReport<'a> {
    /// The report of this run, which must have kept [the rows](levels::rows) that the design's expectations need.
    pub fn new(file: &'a str, scenario: &'a Scenario, design: &'a Design, run: &'a Run) -> RunReport<'a> {
        let decided = design.expectations.iter().filter(|expectation| expectation.over == Over::Every);
        let expected_levels = levels::judge_expected(design, run);
        let judged = |expectation: &Expectation| expectation.judge(&[expectation.measure(run, &expected_levels)]);
        let judgements = decided.map(judged).collect();
        RunReport { file, scenario, design, run, judgements, expected_levels, levels: Vec::new() }
    }

    /// Faults that were planned and hit nothing.
    pub fn void_faults(&self) -> impl Iterator<Item = (usize, &LedgerEntry)> {
        self.run.ledger.iter().enumerate().filter(|(_, entry)| entry.is_void())
    }

    /// What the run comes to.
    pub fn conclusion(&self) -> Conclusion {
        let broken = self.judgements.iter().filter(|judgement| !judgement.held).map(|judgement| {
            let verdict = self.verdict(&judgement.expectation.name);
            if verdict.is_some_and(is_undecided) { Conclusion::Inconclusive } else { Conclusion::Broken }
        });
        let claims = self
            .run
            .broken_claims()
            .map(|judged| if is_undecided(&judged.verdict) { Conclusion::Inconclusive } else { Conclusion::Broken });
        let void = self.void_faults().map(|_| Conclusion::Broken);
        let breaches = self.run.breaches.iter().map(|_| Conclusion::Broken);
        broken.chain(claims).chain(void).chain(breaches).max().unwrap_or(Conclusion::Held)
    }

    /// The verdict on a guarantee or an expected level of this name.
    fn verdict(&self, name: &str) -> Option<&Verdict> {
        let level = || self.expected_levels.iter().find(|judged| judged.level.to_string() == name);
        let guarantee = Guarantee::from_name(name).map(|guarantee| &self.run.verdict(guarantee).verdict);
        guarantee.or_else(|| level().map(|judged| &judged.verdict))
    }

    /// The verdict that the scenario expects of a guarantee or a level of this name.
    pub fn said(&self, name: &str) -> Option<&'static str> {
        self.design.expectations.iter().filter(|expectation| expectation.name == name).find_map(|e| match e.bound {
            Bound::Verdict(verdict) => Some(verdict),
            Bound::Range { .. } => None,
        })
    }

    /// The verdict that is expected of a guarantee: what the scenario says, else `pass` where the design claims it for
    /// faults like this run's.
    pub fn expected(&self, guarantee: Guarantee) -> Option<&'static str> {
        let said = self.said(guarantee.name());
        said.or_else(|| self.claims(guarantee).then_some("pass"))
    }

    /// Whether the design claims a guarantee for faults like this run's.
    pub fn claims(&self, guarantee: Guarantee) -> bool {
        let covered =
            |claim: &Claim| self.run.ledger.iter().filter(|entry| entry.fired).all(|entry| claim.covers(entry.kind));
        self.run.claims.iter().any(|claim| claim.guarantee == guarantee && covered(claim))
    }

    /// The command line that runs it again.
    pub fn replay(&self) -> String {
        replay(self.file, &self.design.name, self.run.seed, self.run.digest)
    }
}

const fn is_undecided(verdict: &Verdict) -> bool {
    !verdict.is_pass() && !verdict.is_fail()
}

/// Designs over many seeds, to be reported.
#[derive(Clone, Copy, Debug)]
pub struct SweepReport<'a> {
    /// The scenario's file, as the user named it.
    pub file: &'a str,
    /// The scenario.
    pub scenario: &'a Scenario,
    /// What was found.
    pub comparison: &'a Comparison,
    /// How many seeds were asked for; fewer are finished where somebody interrupted.
    pub asked: usize,
}

impl SweepReport<'_> {
    /// What the sweep comes to.
    pub fn conclusion(&self) -> Conclusion {
        self.comparison.designs.iter().map(conclusion_of).max().unwrap_or(Conclusion::Held)
    }

    /// Whether somebody interrupted.
    pub fn is_cut_short(&self) -> bool {
        self.comparison.seeds.len() < self.asked
    }

    /// The command line that runs a design's first failure again.
    pub fn replay(&self, design: &DesignSummary) -> Option<String> {
        design.first_failure.map(|(seed, digest)| replay(self.file, &design.name, seed, digest))
    }

    /// The guarantees that a design claims for the faults of the scenario.
    pub fn claims(&self, design: &DesignSummary) -> Vec<Guarantee> {
        let Some(design) = self.scenario.designs.iter().find(|d| d.name == design.name) else { return Vec::new() };
        let (claims, setup) = (design.configured.claims(), design.setup(&self.scenario.setup));
        let made = claims.iter().filter(|claim| setup.admits(claim));
        made.filter(|claim| setup.fault_kinds().all(|kind| claim.covers(kind))).map(|claim| claim.guarantee).collect()
    }

    /// The places of the faults that hit nothing in some seed of a design, each with the first such seed.
    pub fn void_faults(&self, design: &DesignSummary) -> Vec<(usize, u64)> {
        let faults = &self.scenario.setup.faults;
        let is_void = |place: usize, entry: &LedgerEntry| {
            (entry.at, entry.kind) == (faults[place].at, faults[place].action.kind())
        };
        let first = |place: usize| {
            let of = |result: &&crate::explore::seeds::SeedResult| result.void_faults.iter().any(|e| is_void(place, e));
            Some((place, design.results.iter().find(of)?.seed))
        };
        (0..faults.len()).filter_map(first).collect()
    }
}

/// What one design comes to.
pub fn conclusion_of(design: &DesignSummary) -> Conclusion {
    if design.is_good() {
        Conclusion::Held
    } else if design.is_inconclusive() {
        Conclusion::Inconclusive
    } else {
        Conclusion::Broken
    }
}

/// How many seeds of a design show nothing wrong by themselves.
pub fn good_seeds(scenario: &Scenario, design: &DesignSummary) -> usize {
    let Some(of) = scenario.designs.iter().find(|d| d.name == design.name) else { return 0 };
    design.results.iter().filter(|result| !result.is_bad(of)).count()
}

/// The command line that runs a seed again.
pub fn replay(file: &str, design: &str, seed: u64, digest: Digest) -> String {
    format!("riftzone replay {} {seed}:{digest} --design {}", quoted(file), quoted(design))
}

/// A word of a command line, in quotes where a shell would break it up.
pub fn quoted(word: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_./:=@%+,".contains(c);
    if !word.is_empty() && word.chars().all(is_plain) {
        word.into()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_line_survives_a_shell() {
        let line = replay("my scenarios/x.toml", "it's", 3, Digest(1));
        assert_eq!(line, r"riftzone replay 'my scenarios/x.toml' 3:0000000000000001 --design 'it'\''s'");
        assert_eq!(quoted("a-b/c.toml"), "a-b/c.toml");
    }

    #[test]
    fn broken_is_worse_than_inconclusive() {
        assert!(Conclusion::Broken > Conclusion::Inconclusive && Conclusion::Inconclusive > Conclusion::Held);
    }
}
