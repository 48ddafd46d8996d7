//! Many runs: every design over many seeds, put together; and the hunt for a seed that breaks something.
//!
//! In order: `seeds.rs`, `levels.rs` (of consistency), `expect.rs`, `compare.rs`, `metric.rs`, `baseline/`, `property.rs`,
//! `hunt/`, `shrink/`. Next: `seeds.rs`.

pub mod baseline;
pub mod compare;
pub mod exhaustive;
pub mod expect;
pub mod hunt;
pub mod levels;
pub mod metric;
pub mod pareto;
pub mod property;
pub mod seeds;
pub mod shrink;
#[cfg(feature = "proptest")]
pub mod strategies;
