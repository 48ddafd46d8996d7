//! Many runs: every design over many seeds, put together.
//!
//! In order: `seeds.rs`, `levels.rs` (of consistency), `expect.rs`, `compare.rs`, `metric.rs`, `baseline/`. Next: `seeds.rs`.

pub mod baseline;
pub mod compare;
pub mod expect;
pub mod levels;
pub mod metric;
pub mod seeds;
