//! A [`Foreign`] history at every level of consistency over single keys.
//!
//! Any object is judged for linearizability. The other levels take registers of which every value names its write; the
//! session of a process is the order of its operations. Next: `export.rs`.

use super::datum::Datum;
use super::foreign::{Foreign, Objects};
use super::verdict::Finding;
use crate::check::level::{self, Judged, Level};
use crate::check::wgl::Effort;
use crate::check::{Counterexample, Verdict};
use crate::history::History;

/// A history, judged at several levels.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Findings {
    /// One for each level.
    pub all: Vec<Finding>,
    /// Where every level was asked for: why some are not among them, in words.
    pub left_out: Option<String>,
}

impl Findings {
    /// The levels that were met and that no other met one implies.
    pub fn strongest(&self) -> Vec<Level> {
        let met: Vec<Level> = self.all.iter().filter(|of| of.verdict.is_pass()).map(|of| of.level).collect();
        Level::strongest(&met)
    }

    /// The weakest level that fails and makes this one fail, where there is one: that one tells why.
    pub fn weaker(&self, finding: &Finding) -> Option<&Finding> {
        let implied = |of: &&Finding| of.level != finding.level && finding.level.implies(of.level);
        self.all.iter().filter(|of| of.verdict.is_fail()).rfind(implied)
    }
}

impl Foreign {
    /// Judges it at these levels, which are of single operations; at every one where none is named. `effort` bounds the
    /// search for linearizability; each other level has a bound of its own.
    pub fn judge(&self, asked: &[Level], effort: Effort) -> Findings {
        let history = self.whole();
        if asked.is_empty() {
            return self.judge_all(history, effort);
        }
        let judge = |asked: &Level| match (*asked, &history) {
            (Level::Linearizable, _) => self.linearizable(effort),
            (level, Err(why)) => undecided(level, why),
            (level @ Level::BoundedStaleness(_), _) if !self.recording.is_timed => undecided(level, UNTIMED),
            (level, Ok(history)) => match level::judge(history, level, None) {
                Some(judged) => self.finding(judged),
                None => undecided(level, "operations on single keys do not show it"),
            },
        };
        Findings { all: asked.iter().map(judge).collect(), left_out: None }
    }

    fn judge_all(&self, history: Result<History, String>, effort: Effort) -> Findings {
        let mut linearizable = self.linearizable(effort);
        let history = match history {
            Ok(history) => history,
            Err(why) => return Findings { all: vec![linearizable], left_out: Some(why) },
        };
        let mut all = Vec::new();
        for judged in level::judge_all(&history, None) {
            match judged.level {
                // What is linearizable by time alone, and breaks a session, is told as that.
                Level::Linearizable if linearizable.verdict.is_pass() && !judged.verdict.is_pass() => {
                    linearizable = self.finding(judged);
                }
                Level::Linearizable => {}
                Level::BoundedStaleness(_) if !self.recording.is_timed => {}
                _ => all.push(self.finding(judged)),
            }
        }
        all.insert(0, linearizable);
        let left_out = (!self.recording.is_timed).then(|| format!("bounded-staleness is not judged: {UNTIMED}"));
        Findings { all, left_out }
    }

    /// The register operations as a history, or why the levels beside linearizability cannot be judged.
    fn whole(&self) -> Result<History, String> {
        let wanted = "the levels beside linearizable are judged of registers, each value of which names its write";
        let Objects::Registers(objects) = &self.objects else {
            return Err(format!("{wanted}; this is a {}", self.kind()));
        };
        match objects.iter().find_map(|object| Some((&object.key, super::verdict::ambiguity(object)?))) {
            None => Ok(self.history().expect("every object was found fit")),
            Some((Datum::Nil, why)) => Err(format!("{wanted}; here {why}")),
            Some((key, why)) => Err(format!("{wanted}; of key {key}, {why}")),
        }
    }

    fn finding(&self, judged: Judged) -> Finding {
        let verdict = match judged.verdict {
            Verdict::Fail(counterexample) => Verdict::Fail(self.retold(judged.level, counterexample)),
            verdict => verdict,
        };
        Finding { verdict, steps: judged.steps, note: judged.note, ..Finding::new(judged.level) }
    }

    /// A counterexample in the words of the file, where its keys and values are not the checker's numbers.
    fn retold(&self, level: Level, counterexample: Counterexample) -> Counterexample {
        let keys = self.keys();
        let are_own = keys.iter().all(|key| key.natural().is_some_and(|key| u32::try_from(key).is_ok()));
        if self.values.numbers.are_own() && (are_own || matches!(keys.as_slice(), [Datum::Nil])) {
            return counterexample;
        }
        let named = self.named(&counterexample.operations);
        Counterexample { why: format!("under {} these cannot all be: {named}", level.name()), ..counterexample }
    }
}

/// Why the staleness of an untimed history has no bound.
const UNTIMED: &str = "the history does not tell when anything was";

fn undecided(level: Level, why: &str) -> Finding {
    Finding { verdict: Verdict::Inconclusive { why: why.to_string() }, ..Finding::new(level) }
}
