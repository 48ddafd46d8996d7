//! Many runs: every design over many seeds, put together.
//!
//! Next: `seeds.rs`.

pub mod compare;
pub mod expect;
pub mod metric;
pub mod seeds;
