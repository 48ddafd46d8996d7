//! Monitors: what is watched while a run goes on, from what protocols observe and what clients are told.
//!
//! Each sees every observation and every acknowledged write at the event itself, in true time. None of them changes
//! anything. What must hold in every run is in `invariants/`; the same of a group inside a design, in `inside.rs`. Next: `leaders.rs`.

mod failovers;
mod inside;
pub mod invariants;
mod leaders;
mod lineage;
mod writers;

pub use failovers::{Failover, Failovers};
pub use inside::Inside;
pub use invariants::{Breach, Invariant, Invariants, Mail, Origin, Seen, Watched};
pub use leaders::{Leaders, Office};
pub use lineage::{Durability, Lineage, Versions};
pub use writers::{Stint, Writers};
