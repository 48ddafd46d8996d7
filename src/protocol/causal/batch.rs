//! Writes that are shipped in batches, of which each waits until all others have the one before. So a write waits for what is left of
//! a round trip to the farthest, and then for a whole one (Sovran et al., *Transactional Storage for Geo-Replicated Systems*, SOSP 2011,
//! section 5.3). Next: `tests.rs`.

use std::sync::Arc;

use serde::Deserialize;

use super::store::Write;
use super::{Causal, Context, Message, Timer};
use crate::id::NodeId;

/// When a write is sent to the others.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
pub enum Ship {
    /// By itself, as soon as it is made.
    #[default]
    AtOnce,
    /// With all that was made meanwhile, when everybody has acknowledged the batch before.
    AfterPrevious,
}

/// What is to be sent, and who has not acknowledged what was.
#[derive(Clone, Debug, Default, Hash)]
pub(super) struct Batches {
    next: Vec<Arc<Write>>,
    /// The number of the last batch that was sent.
    sent: u64,
    /// Who has not acknowledged it.
    missing: Vec<NodeId>,
}

impl Causal {
    /// Sends a write of this node's own to the others, now or with the next batch.
    pub(super) fn ship(&mut self, write: Arc<Write>, cx: &mut Context<Self>) {
        match self.options.ship {
            Ship::AtOnce => cx.broadcast(Message::Write(write)),
            Ship::AfterPrevious => {
                self.batches.next.push(write);
                self.send_batch(cx);
            }
        }
    }

    /// Sends what has gathered, if the batch before is everywhere.
    fn send_batch(&mut self, cx: &mut Context<Self>) {
        if !self.batches.missing.is_empty() || self.batches.next.is_empty() {
            return;
        }
        self.batches.sent += 1;
        self.batches.missing = cx.peers().map(|peer| peer.node).collect();
        let writes = std::mem::take(&mut self.batches.next);
        cx.broadcast(Message::Batch { number: self.batches.sent, writes });
        // Who has not acknowledged it by then gets it by gossip.
        cx.set_timer(Timer::Batch, self.options.gossip_every);
    }

    /// A batch came. Once its writes are on disk its sender hears of it; where some wait for their past, gossip settles it.
    pub(super) fn take_batch(&mut self, from: NodeId, number: u64, writes: Vec<Arc<Write>>, cx: &mut Context<Self>) {
        self.receive(writes.iter().cloned(), cx);
        if writes.iter().all(|write| self.store.has(write)) {
            cx.send(from, Message::Got(number));
        }
    }

    /// A node has a batch on disk.
    pub(super) fn got_batch(&mut self, from: NodeId, number: u64, cx: &mut Context<Self>) {
        if number == self.batches.sent {
            self.batches.missing.retain(|node| *node != from);
            self.send_batch(cx);
        }
    }

    /// Who has not acknowledged the last batch is not waited for any more.
    pub(super) fn leave_batch(&mut self, cx: &mut Context<Self>) {
        self.batches.missing.clear();
        self.send_batch(cx);
    }
}
