//! Reports for people: aligned, calm, and no wider than 120 columns.
//!
//! Next: `run.rs`.

mod check;
mod compare;
mod hunt;
mod levels;
mod panel;
mod run;
mod story;
mod timeline;

pub use check::{About, Problem, check, first_why, problems_in_words, summary};
pub use compare::compare;
pub use hunt::hunt;
pub use run::run;
pub use story::{answer, other_answer, question, trace};

/// The widest that a line of prose gets.
pub(super) const COLUMNS: usize = 110;
