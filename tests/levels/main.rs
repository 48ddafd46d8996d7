//! The levels of consistency against their definitions, against each other, and on histories made by hand.
//!
//! `HISTORIES=10000000 cargo test --release --test levels` tries each property on ten million random ones, for a night.

mod brute_force;
mod by_hand;
mod definitions;
mod lattice;
mod random;
#[path = "../support/size.rs"]
mod size;
mod staleness;
