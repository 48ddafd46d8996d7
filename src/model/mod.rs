//! The physics: where regions are, how long messages take, what clients do, what breaks.
//!
//! These are descriptions, without behaviour of their own: the world (`sim`) reads them. Next: `topology.rs`.

pub mod chaos;
pub mod clock;
pub mod disk;
pub mod fault;
pub mod fault_page;
pub mod latency;
pub mod retry;
pub mod routing;
pub mod service;
pub mod stonith;
pub mod topology;
pub mod transport;
pub mod workload;
