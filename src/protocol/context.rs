//! What a handler can see and do.

use std::fmt::{self, Debug};

use crate::id::{NodeId, RegionId, RequestId};
use crate::op::{Refusal, Reply};
use crate::rng::Stream;
use crate::time::{Duration, Time};
use crate::trace::Observation;

use super::outbox::{Letter, Outbox, Said};
use super::{Interval, Member, Protocol, Request, Role};

/// What a handler wants done. Effects are carried out in order, after the handler has returned.
pub enum Effect<P: Protocol> {
    /// Send to one node.
    Send {
        /// Whither.
        to: NodeId,
        /// What.
        message: P::Message,
        /// Leave at once, whatever the disk still has to sync.
        unsynced: bool,
    },
    /// Send to every other member of the group.
    Broadcast {
        /// What.
        message: P::Message,
    },
    /// Answer a client.
    Reply {
        /// Which request.
        request: RequestId,
        /// The answer.
        reply: Reply,
        /// The token that the client carries from now on; `None` keeps the one it has.
        session: Option<P::Session>,
        /// Leave at once, whatever the disk still has to sync.
        unsynced: bool,
    },
    /// Tell a client no.
    Refuse {
        /// Which request.
        request: RequestId,
        /// Why not.
        refusal: Refusal,
    },
    /// Hand a client's request to another node, whose answer goes back by way of the node that the client asked.
    Forward {
        /// Whither.
        to: NodeId,
        /// Which request.
        request: Request<P>,
    },
    /// Set a timer.
    SetTimer {
        /// Its tag.
        timer: P::Timer,
        /// How long from now, by the node's own clock.
        after: Duration,
    },
    /// Forget a timer.
    CancelTimer {
        /// Its tag.
        timer: P::Timer,
    },
    /// Append a record to the disk.
    Persist {
        /// The record.
        record: P::Record,
    },
    /// Replace the whole log on disk.
    Compact {
        /// What the log holds from now on.
        records: Vec<P::Record>,
    },
    /// Tell the monitors.
    Observe(Observation),
    /// Tell them of a group inside this design, of which this node is one.
    ObserveInside(Observation),
}

// A derive would ask `Debug` of the protocol itself.
impl<P: Protocol> Debug for Effect<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Effect::Send { to, message, unsynced: false } => write!(f, "Send({to}, {message:?})"),
            Effect::Send { to, message, unsynced: true } => write!(f, "SendUnsynced({to}, {message:?})"),
            Effect::Broadcast { message } => write!(f, "Broadcast({message:?})"),
            Effect::Reply { request, reply, session, unsynced } => {
                let law = if *unsynced { "Unsynced" } else { "" };
                write!(f, "Reply{law}({}, {reply:?}, {session:?})", request.client)
            }
            Effect::Refuse { request, refusal } => write!(f, "Refuse({}, {refusal:?})", request.client),
            Effect::Forward { to, request } => write!(f, "Forward({to}, {request:?})"),
            Effect::SetTimer { timer, after } => write!(f, "SetTimer({timer:?}, {after})"),
            Effect::CancelTimer { timer } => write!(f, "CancelTimer({timer:?})"),
            Effect::Persist { record } => write!(f, "Persist({record:?})"),
            Effect::Compact { records } => write!(f, "Compact({records:?})"),
            Effect::Observe(observation) => write!(f, "Observe({observation:?})"),
            Effect::ObserveInside(observation) => write!(f, "ObserveInside({observation:?})"),
        }
    }
}

/// A handler's view of the world, and its only way to act on it.
pub struct Context<'a, P: Protocol> {
    pub(crate) me: &'a Member,
    pub(crate) members: &'a [Member],
    pub(crate) now: Time,
    pub(crate) uncertainty: Duration,
    pub(crate) stream: &'a mut Stream,
    pub(crate) outbox: &'a mut Outbox<P>,
}

impl<'a, P: Protocol> Context<'a, P> {
    /// This node.
    pub fn me(&self) -> NodeId {
        self.me.node
    }

    /// The region this node is in.
    pub fn region(&self) -> RegionId {
        self.me.region
    }

    /// What this node is for.
    pub fn role(&self) -> Role {
        self.me.role
    }

    /// The members of this node's group, itself among them, in the order of [`Protocol::seats`].
    pub fn members(&self) -> &'a [Member] {
        self.members
    }

    /// The members of this group but for this node.
    pub fn peers(&self) -> impl Iterator<Item = &'a Member> + use<'a, P> {
        let me = self.me.node;
        self.members.iter().filter(move |member| member.node != me)
    }

    /// The member with this role in the region of this name, if there is one.
    pub fn member_in(&self, region_name: &str, role: Role) -> Option<NodeId> {
        self.members.iter().find(|m| m.role == role && &*m.region_name == region_name).map(|m| m.node)
    }

    /// This node's own clock, with its offset and drift. It is not true time, and may differ from every other node's.
    pub fn now(&self) -> Time {
        self.now
    }

    /// A bound on how far [`now`](Context::now) may be from true time, as the deployment declares it.
    pub fn uncertainty(&self) -> Duration {
        self.uncertainty
    }

    /// What the clock and its bound say of true time together, as TrueTime does.
    pub fn interval(&self) -> Interval {
        Interval::around(self.now, self.uncertainty)
    }

    /// A uniform draw from `0..n` of this node's own stream of chance.
    ///
    /// # Panics
    /// Where `n` is zero.
    pub fn random(&mut self, n: u64) -> u64 {
        self.stream.below(n)
    }

    /// A uniform draw from `low..=high`, as for an election timeout.
    pub fn random_between(&mut self, low: Duration, high: Duration) -> Duration {
        self.stream.between(low, high)
    }

    /// Sends `message` once every record persisted so far is synced. To itself it arrives without delay.
    #[inline(always)]
    pub fn send(&mut self, to: NodeId, message: P::Message) {
        self.outbox.send(Letter::new(message, self.me.node, to), false);
    }

    /// Sends `message` at once, whatever the disk still has to sync.
    #[inline(always)]
    pub fn send_unsynced(&mut self, to: NodeId, message: P::Message) {
        self.outbox.send(Letter::new(message, self.me.node, to), true);
    }

    /// Sends `message` to every other member of the group, monitors and witnesses too.
    pub fn broadcast(&mut self, message: P::Message) {
        self.outbox.broadcast(Letter::new(message, self.me.node, self.me.node));
    }

    /// Answers a request once every record persisted so far is synced.
    pub fn reply(&mut self, request: RequestId, reply: Reply) {
        self.outbox.reply(Said { request, reply, session: None, unsynced: false });
    }

    /// Answers a request, and gives the client a new session token.
    pub fn reply_with(&mut self, request: RequestId, reply: Reply, session: P::Session) {
        self.outbox.reply(Said { request, reply, session: Some(session), unsynced: false });
    }

    /// Answers at once, whatever the disk still has to sync: for a read that shows no unsynced state.
    pub fn reply_unsynced(&mut self, request: RequestId, reply: Reply) {
        self.outbox.reply(Said { request, reply, session: None, unsynced: true });
    }

    /// Tells the client a definite no. It may try another node while its timeout lasts.
    pub fn refuse(&mut self, request: RequestId, refusal: Refusal) {
        self.outbox.push(Effect::Refuse { request, refusal });
    }

    /// Hands the request to `to`, whose [`on_request`](Protocol::on_request) gets it and whose answer goes back by way of
    /// the node that the client asked. Lost like any message where a link is cut.
    pub fn forward(&mut self, to: NodeId, request: Request<P>) {
        self.outbox.push(Effect::Forward { to, request });
    }

    /// Sets `timer` to fire `after` from now by this node's own clock; replaces the one with the same tag.
    pub fn set_timer(&mut self, timer: P::Timer, after: Duration) {
        self.outbox.push(Effect::SetTimer { timer, after });
    }

    /// Forgets `timer`; nothing happens where it is not set.
    pub fn cancel_timer(&mut self, timer: P::Timer) {
        self.outbox.push(Effect::CancelTimer { timer });
    }

    /// Appends a record to this node's disk. It survives a crash once synced; until then, what this node sends waits.
    pub fn persist(&mut self, record: P::Record) {
        self.outbox.push(Effect::Persist { record });
    }

    /// Replaces the whole log on this node's disk by `records`, in one step that a crash does not tear.
    pub fn compact(&mut self, records: Vec<P::Record>) {
        self.outbox.push(Effect::Compact { records });
    }

    /// Tells the monitors what this node believes or did. It changes nothing.
    #[inline(always)]
    pub fn observe(&mut self, observation: Observation) {
        self.outbox.observe(observation);
    }

    /// Tells the monitors what a protocol inside this one believes or did, which has epochs and a log of its own: see
    /// [`Embedded`](super::Embedded). It changes nothing, and is part of no digest.
    pub fn observe_inside(&mut self, observation: Observation) {
        self.outbox.push(Effect::ObserveInside(observation));
    }
}
