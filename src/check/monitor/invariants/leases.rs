//! Lease exclusivity: in true time, the spans in which a node may serve on its own do not overlap another's.

use crate::id::NodeId;
use crate::time::Time;

use super::breaches::Breaches;
use super::{Invariant, Seen};

/// The lease of one group: who has it, and until when.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Lease(Option<(NodeId, Time)>);

impl Lease {
    /// A node has the lease from now `until` then, in true time. `O(1)`.
    pub fn granted(&mut self, seen: Seen, until: Time, into: &mut Breaches) {
        if let Some((holder, end)) = self.0
            && holder != seen.node()
            && seen.at < end
            && seen.at < until
        {
            into.note(Invariant::LeaseExclusivity, seen.at, &[holder, seen.node()], |names| {
                let [holder, node] = [holder, seen.node()].map(|node| names.name(node));
                format!("{node} has a lease until {until}, while that of {holder} lasts until {end}")
            });
            if end > until {
                return; // the longer one is what the next must wait for
            }
        }
        self.0 = Some((seen.node(), until));
    }

    /// It gave its lease up, or is down.
    pub fn ended(&mut self, node: NodeId) {
        self.0.take_if(|(holder, _)| *holder == node);
    }
}
