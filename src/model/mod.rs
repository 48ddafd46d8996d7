//! The physics of the world: what a simulation is told about regions, links, faults, clocks and disks.
//!
//! A model holds data and draws chance from the stream it is handed; it never sees the event queue. Next:
//! `latency/mod.rs`.

pub mod latency;
