//! Many runs: every design over many seeds, put together.
//!
//! In order: `seeds.rs`, `levels.rs` (of consistency), `expect.rs`, `compare.rs`, `metric.rs`. Next: `seeds.rs`.

pub mod compare;
pub mod expect;
pub mod levels;
pub mod metric;
pub mod seeds;
