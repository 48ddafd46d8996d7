//! riftzone: a deterministic simulator of data replicated across regions.
#![warn(missing_docs)]

pub mod check;
pub mod history;
pub mod id;
pub mod op;
pub mod protocol;
pub mod rng;
pub mod time;
pub mod trace;
