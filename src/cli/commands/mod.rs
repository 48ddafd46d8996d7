//! The commands: what each reads, runs, prints and exits with.
//!
//! Next: `run.rs`.

pub mod bless;
pub mod check;
pub mod compare;
pub mod diff;
pub mod explore;
pub mod files;
pub mod hunt;
pub mod judge;
pub mod latency;
pub mod replay;
pub mod run;
pub mod zoo;
