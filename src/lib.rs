//! riftzone: a deterministic simulator of data replicated across regions.
#![warn(missing_docs)]

pub mod check;
#[cfg(feature = "cli")]
pub mod cli;
pub mod explore;
pub mod history;
pub mod id;
pub mod metrics;
pub mod model;
pub mod op;
pub mod protocol;
pub mod registry;
pub mod report;
pub mod rng;
pub mod scenario;
pub mod sim;
pub mod time;
pub mod trace;
