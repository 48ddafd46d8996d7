//! A tiny world: what does not change, and what nodes, messages and clients are at a moment. Next: `step.rs`.

use std::collections::VecDeque;
use std::hash::{Hash, Hasher};

use crate::check::monitor::Invariant;
use crate::id::{ClientId, NodeId, RegionId, RequestId};
use crate::op::{Op, Refusal, Reply};
use crate::protocol::{Claim, Guarantee, Member, OptionsError, Protocol, Request, Role};
use crate::rng::Stream;
use crate::time::Time;
use crate::trace::{FaultKind, FaultKinds, Observation};

use super::seen::Print;
use super::{Explorable, Tiny};

/// What does not change.
pub(super) struct Rules<'o, P: Protocol> {
    pub options: &'o P::Options,
    pub members: Vec<Member>,
    pub names: Vec<String>,
    pub tiny: &'o Tiny,
    /// Copied for every call of a handler: chance is the same in all of them.
    pub stream: Stream,
    /// What the invariants hold the design to, beside what it promises.
    pub asked: Vec<Invariant>,
    pub is_linearizable: bool,
}

/// A node, up or down, and all that it will ever do by itself.
pub(super) struct Node<P: Protocol> {
    pub seat: usize,
    pub protocol: Option<P>,
    pub disk: Vec<P::Record>,
    /// Written, and not synced.
    pub unsynced: VecDeque<Write<P::Record>>,
    /// What waits for syncs: after so many of them from now.
    pub held: VecDeque<(usize, Held<P>)>,
    /// When each timer fires, by the node's clock.
    pub timers: Vec<(P::Timer, Time)>,
    pub clock: Time,
}

impl<P: Explorable> Clone for Node<P> {
    fn clone(&self) -> Node<P> {
        Node {
            seat: self.seat,
            protocol: self.protocol.clone(),
            disk: self.disk.clone(),
            unsynced: self.unsynced.clone(),
            held: self.held.clone(),
            timers: self.timers.clone(),
            clock: self.clock,
        }
    }
}

/// What is written to a disk.
#[derive(Clone, Hash)]
pub(super) enum Write<R> {
    Append(R),
    Replace(Vec<R>),
}

/// What the law of persist-before-send holds back.
pub(super) enum Held<P: Protocol> {
    Post(NodeId, Post<P>),
    Answer(usize, Result<Reply, Refusal>),
    Observe(Observation),
}

impl<P: Protocol> Clone for Held<P> {
    fn clone(&self) -> Held<P> {
        match self {
            Held::Post(to, post) => Held::Post(*to, post.clone()),
            Held::Answer(operation, says) => Held::Answer(*operation, *says),
            Held::Observe(observation) => Held::Observe(*observation),
        }
    }
}

impl<P: Explorable> Hash for Held<P> {
    fn hash<H: Hasher>(&self, into: &mut H) {
        match self {
            Held::Post(to, post) => (0_u8, to, post).hash(into),
            // Where a refusal sends the client is nothing to it: it asks whom it likes.
            Held::Answer(operation, says) => (1_u8, operation, says.map_err(drop)).hash(into),
            Held::Observe(observation) => (2_u8, observation).hash(into),
        }
    }
}

/// What one node sends another.
pub(super) enum Post<P: Protocol> {
    Message(P::Message),
    /// A client's request, handed on.
    Request(Request<P>),
}

impl<P: Protocol> Clone for Post<P> {
    fn clone(&self) -> Post<P> {
        match self {
            Post::Message(message) => Post::Message(message.clone()),
            Post::Request(request) => Post::Request(request.clone()),
        }
    }
}

impl<P: Explorable> Hash for Post<P> {
    fn hash<H: Hasher>(&self, into: &mut H) {
        match self {
            Post::Message(message) => (0_u8, message).hash(into),
            Post::Request(Request { id, op, session }) => (1_u8, id, op, session).hash(into),
        }
    }
}

/// A message under way.
pub(super) struct Letter<P: Protocol> {
    pub from: NodeId,
    pub to: NodeId,
    pub post: Post<P>,
}

impl<P: Explorable> Letter<P> {
    pub fn print(&self) -> u64 {
        Print::of(&(self.from, self.to, &self.post))
    }
}

/// How far a client is with its operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Client {
    /// It has not asked, or was refused.
    Idle,
    /// It has asked, and so many of its requests may yet be answered, or have an effect.
    Waiting(u32),
    /// It was told.
    Told(Reply),
}

/// What is left of the bounds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Left {
    pub timeouts: u32,
    pub crashes: u32,
    pub duplicates: u32,
    pub retries: u32,
}

/// In how many ways a state's fingerprint looks at its nodes.
pub(super) const VIEWS: usize = 4;

impl Left {
    /// What decides what comes next, of these [`VIEWS`]: no timer does when none may fire any more, and no disk where nobody
    /// will start again from it. A clock always does, for handlers read it.
    #[inline]
    pub fn view(self) -> usize {
        usize::from(self.timeouts > 0) | usize::from(self.crashes > 0) << 1
    }
}

impl<P: Explorable> Node<P> {
    /// Its fingerprint in each view; in the last, that of all of it.
    pub fn prints(&self) -> [u64; VIEWS] {
        let itself = Print::of(&(self.seat, &self.protocol, self.clock, self.unsynced.len(), self.held_print()));
        let (time, disk) = (Print::of(&self.timers), Print::of(&(&self.disk, &self.unsynced)));
        std::array::from_fn(|view| {
            let sees = [view & 1 != 0, view & 2 != 0 || self.protocol.is_none()];
            Print::of(&(itself, sees[0].then_some(time), sees[1].then_some(disk)))
        })
    }

    /// The fingerprint of what waits for syncs. In which order messages leave for others at one moment is nothing to anybody.
    fn held_print(&self) -> u64 {
        let (mut sent, mut rest) = (0_u64, Print::default());
        for held in &self.held {
            match held {
                (_, Held::Post(to, _)) if to.index() != self.seat => sent = sent.wrapping_add(Print::of(held)),
                _ => held.hash(&mut rest),
            }
        }
        Print::of(&(sent, rest.finish()))
    }

    /// The place of the timer that fires next; none where nothing is set, or only for ever.
    pub fn earliest(&self) -> Option<usize> {
        let first = (0..self.timers.len()).min_by_key(|place| self.timers[*place].1);
        first.filter(|place| self.timers[*place].1 < Time::NEVER)
    }
}

impl<'o, P: Explorable> Rules<'o, P> {
    pub fn new(tiny: &'o Tiny, options: &'o P::Options, regions: &[&str]) -> Result<Rules<'o, P>, OptionsError> {
        let seats = P::seats(options, regions)?;
        let mut members: Vec<Member> = Vec::with_capacity(seats.len());
        for (place, seat) in seats.iter().enumerate() {
            members.push(Member {
                node: NodeId(place as u16),
                region: RegionId(seat.region.0),
                region_name: regions[seat.region.index()].into(),
                role: seat.role,
            });
        }
        let name = |member: &Member| match member.role {
            Role::Replica => member.region_name.to_string(),
            role => format!("{} {}", member.region_name, role.name()),
        };
        let claims = P::claims(options);
        let claims = |guarantee| is_claimed(&claims, guarantee, tiny);
        let mut asked = Vec::new();
        if claims(Guarantee::Linearizable) {
            asked.extend([Invariant::ConflictingAcks, Invariant::Session]);
        }
        if claims(Guarantee::NoAcknowledgedWriteLost) {
            asked.push(Invariant::DivergentBranches);
        }
        Ok(Rules {
            options,
            names: members.iter().map(name).collect(),
            members,
            tiny,
            stream: Stream::new(0, "explore"),
            asked,
            is_linearizable: claims(Guarantee::Linearizable),
        })
    }

    /// What is left of the bounds at the beginning.
    pub fn left(&self) -> Left {
        let bounds = &self.tiny.bounds;
        Left {
            timeouts: bounds.timeouts,
            crashes: bounds.crashes,
            duplicates: bounds.duplicates,
            retries: bounds.retries,
        }
    }

    /// What the operation writes, and asks.
    pub fn op(&self, operation: usize) -> Op {
        self.tiny.operations[operation]
    }

    /// The request with which it is asked of a node.
    pub fn request(&self, operation: usize, at: usize) -> Request<P> {
        let id = RequestId { client: ClientId(operation as u32), sequence: 1, entry: NodeId(at as u16) };
        Request { id, op: self.op(operation), session: P::Session::default() }
    }
}

/// Whether a design claims this in a world in which all that happens here happens.
fn is_claimed(claims: &[Claim], guarantee: Guarantee, tiny: &Tiny) -> bool {
    let mut kinds = vec![
        FaultKind::Loss,
        FaultKind::Delay,
        FaultKind::Reorder,
        FaultKind::Partition,
        FaultKind::OneWayPartition,
        FaultKind::Pause,
    ];
    kinds.extend((tiny.bounds.crashes > 0).then_some(FaultKind::Crash));
    kinds.extend((tiny.bounds.duplicates > 0 || tiny.bounds.retries > 0).then_some(FaultKind::Duplicate));
    let happens = FaultKinds::of(&kinds);
    let holds = |claim: &&Claim| claim.guarantee == guarantee && happens.iter().all(|kind| claim.covers(kind));
    claims.iter().any(|claim| holds(&claim))
}
