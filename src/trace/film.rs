//! What is kept of a run to draw it: who observed what, and which messages flew from where to where.

use crate::id::{NodeId, RegionId};
use crate::time::Time;

use super::Observation;

/// An observation of a node, in true time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sighting {
    /// When.
    pub at: Time,
    /// Whose.
    pub node: NodeId,
    /// What.
    pub observation: Observation,
}

/// A message between two nodes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Flight {
    /// Who sent it.
    pub from: NodeId,
    /// To whom.
    pub to: NodeId,
    /// When.
    pub sent: Time,
    /// When it arrives, whether or not somebody is there to take it; `None` where the network loses it.
    pub arrives: Option<Time>,
    /// What kind of message: the first word of it.
    pub what: String,
}

/// A message that a loss lets pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Passage {
    /// When it was sent.
    pub at: Time,
    /// From where.
    pub from: RegionId,
    /// To where, which may be the same region.
    pub to: RegionId,
    /// How many were sent before it at that instant, from the one region to the other: 65,535 where there are more.
    pub after: u16,
}

/// Observations and messages, in the order in which they happened.
#[derive(Clone, Debug, Default)]
pub struct Film {
    /// Observations.
    pub sightings: Vec<Sighting>,
    /// Messages between different nodes: by when they were sent, and over streams by when they arrived or were lost.
    pub flights: Vec<Flight>,
    /// What was sent while a fault lost messages, and got through: by the fault's place among the run's; of the whole run.
    pub passages: Vec<(usize, Passage)>,
}
