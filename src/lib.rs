//! # riftzone
//!
//! A deterministic simulator for data that lives in several regions. It runs pluggable replication protocols over
//! measured inter-region latency, breaks the world on purpose, and reports what each design gave in consistency,
//! latency, availability, durability and traffic. Same scenario, same seed, same version: the same bits, everywhere.
//!
//! Two narrow necks hold it together. A [`Protocol`](protocol::Protocol) sees no simulator: no clock but its own node's,
//! no I/O, no chance but its context's. A checker sees no protocol: it judges a [`History`](history::History), from here
//! or from a real cluster.
//!
//! ```
//! use riftzone::explore::seeds::{Progress, sweep};
//! use riftzone::scenario::Scenario;
//!
//! let text = r#"
//!     name = "two copies, one cut"
//!     duration = "20s"
//!
//!     [topology]
//!     matrix = "aws-2025-07"
//!     regions = ["us-east-1", "eu-west-1"]
//!
//!     [workload]
//!     rate = "50/s"
//!
//!     [[fault]]
//!     at = "10s"
//!     for = "5s"
//!     isolate = ["us-east-1"]
//!
//!     [design.active-active]
//!     protocol = "last-writer-wins"
//! "#;
//! let scenario = Scenario::parse(text, "two.toml")?;
//! let results = sweep(&scenario, &[&scenario.designs[0]], &[1, 2, 3], &Progress::default());
//! assert_eq!(results[0].len(), 3);
//! # Ok::<(), riftzone::scenario::ScenarioError>(())
//! ```
//!
//! # Where to read
//!
//! Floors, from the ground; a file imports only from lower ones:
//!
//! | floor | modules |
//! |---|---|
//! | words | [`time`], [`id`], [`rng`], [`op`] |
//! | records | [`history`], [`trace`] |
//! | contracts and physics | [`protocol`] (the trait), [`model`], [`check`], [`metrics`] |
//! | machines | the protocols, [`sim`] |
//! | experiments | [`scenario`], [`explore`], [`registry`], [`judge`] |
//! | faces | [`report`], `testing` (behind the feature `proptest`), `cli` |
//!
//! A newcomer reads the README, a file of `scenarios/`, then [`op`], [`history`], [`protocol`],
//! [`protocol::last_writer_wins`], [`sim`], [`check`] and [`model::fault`]. Each file's doc names the next one.
#![warn(missing_docs)]

mod by_key;
pub mod check;
#[cfg(feature = "cli")]
pub mod cli;
mod column;
pub mod explore;
pub mod history;
pub mod id;
pub mod judge;
pub mod metrics;
pub mod model;
pub mod op;
pub mod protocol;
pub mod registry;
pub mod report;
pub mod rng;
pub mod scenario;
pub mod sim;
mod slab;
#[cfg(feature = "proptest")]
pub mod testing;
pub mod time;
pub mod trace;
