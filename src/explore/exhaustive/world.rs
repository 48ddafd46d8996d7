//! A state of a tiny world: nodes with their disks, messages under way, clients, what is left of the bounds, and what the
//! invariants remember. Next: `step.rs`.

use std::collections::VecDeque;
use std::hash::{Hash, Hasher};
use std::rc::Rc;

use crate::check::monitor::Invariant;
use crate::id::{NodeId, RegionId};
use crate::op::{Op, Reply};
use crate::protocol::{Claim, Guarantee, Member, OptionsError, Protocol, Request, Role};
use crate::rng::Stream;
use crate::time::Time;
use crate::trace::{FaultKind, FaultKinds, Observation};

use super::seen::Print;
use super::watch::Watch;
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

/// Where a world is.
#[derive(Clone)]
pub(super) struct State<P: Protocol> {
    pub nodes: Vec<Rc<Node<P>>>,
    /// In the order of their fingerprints.
    pub mail: Vec<Rc<Letter<P>>>,
    /// By operation.
    pub clients: Vec<Client>,
    pub left: Left,
    pub watch: Rc<Watch>,
}

/// A node, up or down.
pub(super) struct Node<P: Protocol> {
    pub protocol: Option<P>,
    pub disk: Vec<P::Record>,
    /// Written, and not synced.
    pub unsynced: VecDeque<Write<P::Record>>,
    /// What waits for syncs: after so many of them from now.
    pub held: VecDeque<(usize, Held<P>)>,
    /// When each timer fires, by the node's clock.
    pub timers: Vec<(P::Timer, Time)>,
    pub clock: Time,
    /// The fingerprint of what it is and of what it waits for; of its timers and its clock; and of its disk.
    pub prints: [u64; 3],
}

impl<P: Explorable> Clone for Node<P> {
    fn clone(&self) -> Node<P> {
        Node {
            protocol: self.protocol.clone(),
            disk: self.disk.clone(),
            unsynced: self.unsynced.clone(),
            held: self.held.clone(),
            timers: self.timers.clone(),
            clock: self.clock,
            prints: self.prints,
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
    Answer(usize, Result<Reply, ()>),
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
    pub print: u64,
}

impl<P: Explorable> Letter<P> {
    pub fn new(from: NodeId, to: NodeId, post: Post<P>) -> Letter<P> {
        let print = Print::of(&(from, to, &post));
        Letter { from, to, post, print }
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

impl<P: Explorable> Node<P> {
    /// Counts the fingerprint anew, after a change.
    pub fn counted(&mut self) {
        let mut held: Vec<u64> = Vec::with_capacity(self.held.len());
        held.extend(self.held.iter().map(|(after, held)| match held {
            Held::Post(to, post) => Print::of(&(*after, 0_u8, to, post)),
            Held::Answer(operation, says) => Print::of(&(*after, 1_u8, operation, says)),
            Held::Observe(observation) => Print::of(&(*after, 2_u8, observation)),
        }));
        let itself = Print::of(&(&self.protocol, self.unsynced.len(), held));
        let time = Print::of(&(&self.timers, self.clock));
        self.prints = [itself, time, Print::of(&(&self.disk, &self.unsynced))];
    }
}

impl<P: Explorable> State<P> {
    /// The fingerprint of all that decides what comes next. No timer does when none may fire any more, and no disk where nobody
    /// will start again from it.
    pub fn print(&self) -> u64 {
        let (mut nodes, mut mail) = (Print::default(), Print::default());
        for node in &self.nodes {
            let [itself, time, disk] = node.prints;
            itself.hash(&mut nodes);
            (self.left.timeouts > 0).then_some(time).hash(&mut nodes);
            (self.left.crashes > 0 || node.protocol.is_none()).then_some(disk).hash(&mut nodes);
        }
        self.mail.iter().for_each(|letter| letter.print.hash(&mut mail));
        Print::of(&(nodes.finish(), mail.finish(), &self.clients, self.left, self.watch.print()))
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

    /// What the operation writes, and asks.
    pub fn op(&self, operation: usize) -> Op {
        self.tiny.operations[operation]
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
