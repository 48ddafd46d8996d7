//! riftzone: a deterministic simulator of data replicated across regions.
#![warn(missing_docs)]

pub mod check;
pub mod explore;
pub mod history;
pub mod id;
pub mod metrics;
pub mod model;
pub mod op;
pub mod protocol;
pub mod registry;
pub mod rng;
pub mod scenario;
pub mod sim;
pub mod time;
pub mod trace;
