//! The invariants that the world itself knows about: which it asks for, and what it tells them at the end.
//!
//! What they are told as it happens is in `judges.rs` (observations, what clients hear), `faults.rs` and `stops.rs`.
//! Next: `outcome.rs`.

use crate::check::monitor::{Breach, Durability, Invariant, Mail};
use crate::protocol::{Claim, Guarantee, Protocol};

use super::future::Event;
use super::setup::Setup;
use super::world::World;

/// The guarantee that a design must claim, for the faults of the run, to be asked for these invariants. The others are
/// asked of whoever tells what they are about, or promises them.
const CLAIMED: [(Guarantee, &[Invariant]); 3] = [
    (Guarantee::SingleWriter, &[Invariant::DualServing]),
    (Guarantee::Linearizable, &[Invariant::ConflictingAcks, Invariant::Session]),
    (Guarantee::NoAcknowledgedWriteLost, &[Invariant::DivergentBranches, Invariant::AckedWriteLost]),
];

/// The invariants that follow from what a design claims in this world.
pub(super) fn claimed(claims: &[Claim], setup: &Setup) -> impl Iterator<Item = Invariant> {
    let is_made = |claim: &&Claim| setup.faults.iter().all(|fault| claim.covers(fault.action.kind()));
    let made: Vec<Guarantee> = claims.iter().filter(is_made).map(|claim| claim.guarantee).collect();
    let asked = CLAIMED.into_iter().filter(move |(guarantee, _)| made.contains(guarantee));
    asked.flat_map(|(_, invariants)| invariants.iter().copied())
}

impl<P: Protocol> World<'_, P> {
    /// Tells the invariants what is known only at the end.
    pub(super) fn conclude_invariants(&mut self, durability: &Durability) {
        let end = self.now;
        if let Some(first) = durability.lost.first()
            && self.judges().invariants.asks(Invariant::AckedWriteLost)
        {
            let why = self.loss_in_words(*first, durability.lost.len());
            self.docket.ask().invariants.lost(end, || why);
        }
        if self.judges().invariants.is_whole(Invariant::DualServing) {
            let overlap = self.judges().writers.overlap();
            self.docket.ask().invariants.overlapped(end, None, overlap);
        }
        let waiting = self.nodes.iter().flat_map(|node| &node.backlog);
        let waiting = waiting.filter(|event| matches!(event, Event::Message { .. })).count() as u64;
        let queued = self.service.as_ref().map_or(0, |service| service.messages());
        let streamed = self.streams.as_ref().map_or(0, |streams| streams.messages());
        let mail = Mail { left: self.outbox.letters.len() as u64 + waiting + queued + streamed, ..self.mail };
        self.docket.ask().invariants.mail(end, mail);
        self.docket.ask().invariants.outran(end, self.network.outran);
    }

    /// The invariants that the run was held to, its groups or those inside them.
    pub(super) fn asked_invariants(&self) -> Vec<Invariant> {
        let asks = |invariant: &Invariant| self.judges().invariants.asks(*invariant) || self.inside.asks(*invariant);
        Invariant::ALL.into_iter().filter(asks).collect()
    }

    /// What was broken, in the order of [`Invariant::ALL`]; of its groups before those inside them.
    pub(super) fn breaches(&self) -> Vec<Breach> {
        let mut breaches = self.judges().invariants.breaches();
        breaches.extend(self.inside.breaches());
        breaches.sort_by_key(|breach| breach.invariant);
        breaches
    }
}
