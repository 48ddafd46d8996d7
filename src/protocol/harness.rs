//! A handler in, its effects out, no world: for the unit tests of protocols.

use std::sync::Arc;

use crate::id::{NodeId, RegionId};
use crate::rng::Stream;
use crate::time::{Duration, Time};

use super::outbox::Outbox;
use super::{Context, Effect, Member, Protocol, Role};

/// One node outside any world. Call a handler with [`context`](Harness::context), then look at what it wanted.
pub struct Harness<P: Protocol> {
    members: Vec<Member>,
    me: usize,
    now: Time,
    stream: Stream,
    outbox: Outbox<P>,
}

impl<P: Protocol> Harness<P> {
    /// Node `me` of a group with one replica in each of these regions.
    ///
    /// # Panics
    /// Where `me` is not among them.
    pub fn new(regions: &[&str], me: u16) -> Harness<P> {
        let roles: Vec<_> = regions.iter().map(|region| (*region, Role::Replica)).collect();
        Harness::with_roles(&roles, me)
    }

    /// Node `me` of a group with these members.
    ///
    /// # Panics
    /// Where `me` is not among them.
    pub fn with_roles(seats: &[(&str, Role)], me: u16) -> Harness<P> {
        assert!(usize::from(me) < seats.len(), "node {me} is not among {} members", seats.len());
        let members = seats.iter().enumerate().map(|(place, (region, role))| Member {
            node: NodeId(place as u16),
            region: RegionId(place as u16),
            region_name: Arc::from(*region),
            role: *role,
        });
        Harness {
            members: members.collect(),
            me: me.into(),
            now: Time::ZERO,
            stream: Stream::new(0, "harness"),
            outbox: Outbox::default(),
        }
    }

    /// Lets the node's clock run.
    pub fn pass(&mut self, span: Duration) {
        self.now += span;
    }

    /// Sets the clock and chance back to where they began: the next handler is called as the first one was.
    pub fn begin_anew(&mut self) {
        (self.now, self.stream) = (Time::ZERO, Stream::new(0, "harness"));
    }

    /// The context for one handler call.
    pub fn context(&mut self) -> Context<'_, P> {
        Context {
            me: &self.members[self.me],
            members: &self.members,
            now: self.now,
            uncertainty: Duration::ZERO,
            stream: &mut self.stream,
            outbox: &mut self.outbox,
        }
    }

    /// What the handlers have wanted since the last look, but for what they told the invariants alone.
    pub fn effects(&mut self) -> Vec<Effect<P>> {
        let is_shown = |effect: &Effect<P>| match effect {
            Effect::Observe(observation) => !observation.is_aside(),
            Effect::ObserveInside(_) => false,
            _ => true,
        };
        self.outbox.drain().filter(is_shown).collect()
    }
}
