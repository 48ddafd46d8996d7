//! What was found, for people and for programs: text, JSON, JUnit, annotations.
//!
//! A report takes results and gives text; it runs nothing and prints nothing. [`RunReport`] is one run of one design,
//! [`SweepReport`] many seeds of several. In order: `paint.rs`, `table.rs`, `number.rs` (the means), `subject.rs` (what
//! is reported), `fault.rs` and `label.rs` (words), `rows.rs` (of a comparison), `text/` (for people), `side_by_side.rs` (Markdown), `json.rs`, `junit.rs` and `github.rs` (for
//! programs), `diff/` (against a baseline), `export/` (for other tools), `history.rs`, `hunt.rs`, `exploration.rs`, `invariants.rs`, `actors.rs`, `counterexample/`, `judge.rs`, `transactions.rs`, `latency.rs`, `zoo.rs`,
//! `fault_zoo.rs` and `page/` (HTML). Next: `paint.rs`.

pub mod actors;
pub mod counterexample;
pub mod diff;
pub mod exploration;
pub mod export;
pub mod fault;
#[cfg(feature = "cli")]
pub mod fault_zoo;
pub mod github;
pub mod history;
pub mod hunt;
pub mod invariants;
pub mod json;
pub mod judge;
#[cfg(feature = "cli")]
pub mod junit;
pub mod label;
pub mod latency;
pub mod number;
mod observation;
#[cfg(feature = "cli")]
pub mod page;
pub mod paint;
mod rows;
pub mod side_by_side;
pub mod story;
pub mod subject;
pub mod table;
pub mod text;
mod transactions;
#[cfg(feature = "cli")]
pub mod zoo;

pub use paint::{Paint, Style};
pub use subject::{Conclusion, RunReport, SweepReport};
