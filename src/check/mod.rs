//! What is right: checkers that judge a history, and the monitors that watch a run.
//!
//! A checker sees a [`History`](crate::history::History) and no protocol, so a history from a real cluster is judged by
//! the same code. There are three verdicts, and inconclusive is never a pass. Next: `linearizable/mod.rs`, one level in
//! full; then `level/mod.rs`, all of them and which implies which.

pub mod causal;
mod components;
pub mod convergence;
pub mod counts;
mod execution;
pub mod level;
pub mod linearizable;
pub mod monitor;
pub mod numbers;
pub mod objects;
pub mod order;
pub mod rows;
pub mod sequential;
pub mod session;
pub mod sets;
pub mod staleness;
pub mod transactions;
pub mod wgl;

use crate::history::OpId;

/// Why a history with more than registers is not judged by what is defined for these.
pub const NOT_REGISTERS: &str =
    "there are counters, sets, lists, rows, sequences or siblings, and this is defined for single values";

/// What a checker found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It holds; the checker has verified its own certificate.
    Pass,
    /// It does not hold, and this shows why.
    Fail(Counterexample),
    /// The budget was spent, or the history is outside what the checker can judge.
    Inconclusive {
        /// What stopped it, in words.
        why: String,
    },
}

impl Verdict {
    /// Whether it is [`Verdict::Pass`].
    pub const fn is_pass(&self) -> bool {
        matches!(self, Verdict::Pass)
    }

    /// Whether it is [`Verdict::Fail`].
    pub const fn is_fail(&self) -> bool {
        matches!(self, Verdict::Fail(_))
    }

    /// The name in reports and JSON: `pass`, `fail` or `inconclusive`.
    pub const fn name(&self) -> &'static str {
        match self {
            Verdict::Pass => "pass",
            Verdict::Fail(_) => "fail",
            Verdict::Inconclusive { .. } => "inconclusive",
        }
    }
}

/// A witness of a violation: operations that cannot all be right.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Counterexample {
    /// Why they cannot, in one sentence.
    pub why: String,
    /// The operations, in the order of invocation. Removing any one of them removes the contradiction; what removing
    /// means is said by the checker.
    pub operations: Vec<OpId>,
}
