//! What will happen: events of two shapes, in slabs, in the order of one queue. Next: `world.rs`, which takes them out.

use crate::id::{ClientId, NodeId, RegionId};
use crate::protocol::Protocol;
use crate::protocol::outbox::Letters;
use crate::slab::Slab;
use crate::time::Time;

use super::queue::Agenda;
use super::routing::Step;
use super::stonith::Move;
use super::stream;

/// Everything that will happen, in order.
///
/// Messages lie in a slab of their own: they are larger than everything else, and far more. Which slab a ticket is of is told by
/// its last bit.
pub(super) struct Future<P: Protocol> {
    agenda: Agenda,
    pub(super) plain: Slab<Plain<P::Timer>>,
}

/// Something that happens.
pub(super) enum Event<P: Protocol> {
    Message { from: NodeId, to: NodeId, message: P::Message },
    Plain(Plain<P::Timer>),
}

impl<P: Protocol> Default for Future<P> {
    fn default() -> Future<P> {
        Future { agenda: Agenda::default(), plain: Slab::default() }
    }
}

impl<P: Protocol> Future<P> {
    /// A letter will arrive.
    #[inline(always)]
    pub(super) fn post(&mut self, at: Time, slot: u32) {
        self.agenda.push(at, slot << 1);
    }

    /// Something else will happen.
    #[inline(always)]
    pub(super) fn push(&mut self, at: Time, event: Plain<P::Timer>) {
        let slot = self.plain.insert(event);
        self.agenda.push(at, slot << 1 | 1);
    }

    #[inline]
    pub(super) fn pop(&mut self, letters: &Letters<P::Message>) -> Option<(Time, u32)> {
        let plain = &self.plain;
        let look = |ticket: u32| if ticket & 1 == 0 { letters.look(ticket >> 1) } else { plain.look(ticket >> 1) };
        self.agenda.pop(look)
    }

    pub(super) fn clear(&mut self) {
        self.agenda.clear();
        self.plain.clear();
    }
}

/// An event that is nothing but numbers.
#[derive(Clone, Copy, Debug)]
pub(super) enum Plain<T> {
    /// A client's request reaches a node, from the client or by way of another node. The slot is that of what is in flight.
    Request {
        from: u32,
        to: NodeId,
        slot: u32,
    },
    /// An answer reaches the node that took the request.
    Relay {
        from: NodeId,
        to: NodeId,
        slot: u32,
    },
    /// An answer reaches its client.
    Answer {
        from: NodeId,
        slot: u32,
    },
    Timer {
        node: NodeId,
        timer: T,
        id: u32,
    },
    Synced {
        node: NodeId,
        incarnation: u32,
        mark: u64,
    },
    /// A planned sync is to begin.
    SyncDue {
        node: NodeId,
        incarnation: u32,
    },
    Arrival {
        region: RegionId,
    },
    Ask {
        client: ClientId,
    },
    /// A client has waited long enough: for a node to answer, or after a no.
    Alarm {
        client: ClientId,
        sequence: u32,
        attempt: u32,
    },
    Deadline,
    /// A core of a node has worked long enough on what it has in service.
    Served {
        node: NodeId,
        incarnation: u32,
        core: u32,
    },
    /// An attempt has no answer for long enough that a second node is asked.
    Hedge {
        client: ClientId,
        sequence: u32,
        attempt: u32,
    },
    FaultBegins(usize),
    FaultEnds(usize),
    /// A fault that comes and goes does so.
    FaultTurns {
        fault: u32,
        turn: u32,
    },
    Settle,
    /// Something that routing has to do.
    Routing(Step),
    /// Something that happens to a connection.
    Stream(stream::Step),
    /// Something that managers, or the power of machines, have to do.
    Stonith(Move),
}
