//! Loops that do the work of a workload and nothing else: no contract, no faults, no dice by link, no digest. Ceilings.

pub mod fpaxos;
pub mod ring;
