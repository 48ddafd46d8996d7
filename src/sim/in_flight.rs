//! Requests and answers on their way. They are larger than what nodes send each other and far fewer, so they lie here, and
//! their events name the place: an event is as small as a protocol's own messages allow.

use crate::id::{NodeId, RequestId};
use crate::op::{Refusal, Reply};
use crate::protocol::{Protocol, Request};
use crate::slab::Slab;
use crate::time::Time;

use super::future::{Event, Plain};

/// Every request and answer under way.
pub(super) struct InFlight<P: Protocol> {
    pub(super) requests: Slab<Request<P>>,
    pub(super) answers: Slab<Answer<P::Session>>,
}

impl<P: Protocol> Default for InFlight<P> {
    fn default() -> InFlight<P> {
        InFlight { requests: Slab::default(), answers: Slab::default() }
    }
}

impl<P: Protocol> InFlight<P> {
    pub(super) fn clear(&mut self) {
        self.requests.clear();
        self.answers.clear();
    }

    /// Forgets what an event that will not happen stood for.
    pub(super) fn discard(&mut self, event: &Event<P>) {
        match *event {
            Event::Plain(Plain::Request { slot, .. }) => drop(self.requests.remove(slot)),
            Event::Plain(Plain::Relay { slot, .. } | Plain::Answer { slot, .. }) => drop(self.answers.remove(slot)),
            _ => {}
        }
    }
}

/// What a node tells a client.
#[derive(Clone, Debug)]
pub(super) struct Answer<S> {
    pub(super) request: RequestId,
    pub(super) says: Result<Reply, Refusal>,
    pub(super) session: Option<S>,
    /// The node that decided, as the leader of which epoch, and when.
    pub(super) server: NodeId,
    pub(super) epoch: Option<u64>,
    pub(super) decided: Time,
}
