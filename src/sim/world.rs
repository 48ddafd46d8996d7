//! The loop: pop an event, let its node or client handle it, carry out what it wanted. Next: `node.rs`.

use std::sync::Arc;

use crate::check::monitor::{Inside, Mail, Watched};
use crate::id::{GroupId, NodeId, RegionId, Value};
use crate::op::{Op, OpKind};
use crate::protocol::outbox::{Letter, Outbox};
use crate::protocol::{Member, OptionsError, Protocol, Role};
use crate::rng::Stream;
use crate::time::Time;
use crate::trace::{Digest, Trace};

use super::burdens::Burdens;
use super::clients::Clients;
use super::clocks::Skew;
use super::docket::{Docket, Judging};
use super::duplicates::Duplicates;
use super::faults::Faults;
use super::future::{Event, Future, Plain};
use super::in_flight::InFlight;
use super::invariants::claimed;
use super::judges::Judges;
use super::network::{Network, Place, PlaceInfo};
use super::node::Node;
use super::retries::Retries;
use super::routing::Router;
use super::service::Service;
use super::setup::{Placement, Setup};
use super::stonith::Managers;
use super::stream::Streams;

/// Everything that is in one run.
pub(super) struct World<'s, P: Protocol> {
    pub(super) setup: &'s Setup,
    pub(super) options: &'s P::Options,
    pub(super) seed: u64,
    pub(super) now: Time,
    pub(super) events: u64,
    pub(super) future: Future<P>,
    pub(super) network: Network,
    pub(super) nodes: Vec<Node<P>>,
    pub(super) groups: Vec<Vec<Member>>,
    pub(super) clients: Clients<P::Session>,
    /// How clients find a region, where a scenario says so.
    pub(super) router: Option<Box<Router>>,
    /// Managers that shoot, where a design has them.
    pub(super) managers: Option<Box<Managers>>,
    pub(super) faults: Faults,
    pub(super) digest: Digest,
    pub(super) trace: Trace,
    /// Who looks on, and what they are yet to hear.
    pub(super) docket: Docket,
    /// The monitors of groups inside the design.
    pub(super) inside: Inside,
    /// What became of the messages between nodes, so far.
    pub(super) mail: Mail,
    /// The value that the request being handled would write.
    pub(super) asked: Option<Value>,
    /// What the handler under way wants; empty between events.
    pub(super) outbox: Outbox<P>,
    pub(super) in_flight: InFlight<P>,
    /// What nodes can do in a second, where that is limited.
    pub(super) service: Option<Box<Service<P>>>,
    /// Connections, in a world of streams.
    pub(super) streams: Option<Box<Streams<P>>>,
    /// Faults under way that stop no node and no message.
    pub(super) burdens: Burdens,
    /// What faults under way do to clocks.
    pub(super) skews: Vec<Skew>,
    /// Whether a record is safe as soon as it is written.
    pub(super) is_disk_instant: bool,
    /// How clients ask again, where they do so by a policy.
    pub(super) retries: Option<Retries>,
    /// Writes that took effect more than once, where that may be.
    pub(super) duplicates: Option<Duplicates>,
}

/// The memory that one run leaves to the next. What is in it of a run is cleared before the next begins.
pub(super) struct Arena<P: Protocol> {
    pub(super) future: Future<P>,
    pub(super) outbox: Outbox<P>,
    pub(super) in_flight: InFlight<P>,
    pub(super) docket: Docket,
    pub(super) inside: Inside,
}

impl<P: Protocol> Default for Arena<P> {
    fn default() -> Arena<P> {
        Arena {
            future: Future::default(),
            outbox: Outbox::default(),
            in_flight: InFlight::default(),
            docket: Docket::default(),
            inside: Inside::default(),
        }
    }
}

/// What becomes of something that reaches a node.
pub(super) enum Fate {
    /// The node handles it now.
    Handled,
    /// The node takes it when it has done what came before.
    Queues,
    /// The node is paused.
    Waits,
    /// The node is down, or the link has been cut meanwhile.
    Lost,
}

impl<'s, P: Protocol> World<'s, P> {
    pub(super) fn new(
        setup: &'s Setup,
        placement: &Placement,
        options: &'s P::Options,
        seed: u64,
        trace: Trace,
        judging: Judging,
        mut arena: Arena<P>,
    ) -> Result<World<'s, P>, OptionsError> {
        let names = setup.topology.regions();
        let used: Vec<&str> = placement.regions.iter().map(|region| &*names[region.index()]).collect();
        let seats = P::seats(options, &used)?;
        let (mut nodes, mut groups, mut places) = (Vec::new(), Vec::new(), Vec::new());
        for group in 0..placement.groups.max(1) {
            let mut members: Vec<Member> = Vec::with_capacity(seats.len());
            for (seat, wanted) in seats.iter().enumerate() {
                let region = placement.regions[wanted.region.index()];
                let twins = members.iter().filter(|m| (m.region, m.role) == (region, wanted.role)).count();
                let name = node_name(&names[region.index()], wanted.role, twins, group);
                let node = NodeId(u16::try_from(nodes.len()).expect("a world has at most 65,536 nodes"));
                members.push(Member { node, region, region_name: names[region.index()].clone(), role: wanted.role });
                let clock = setup.clocks.of(region, wanted.role, || Stream::new(seed, &format!("clock {name}")));
                nodes.push(Node::new(GroupId(group), seat, region, wanted.role, clock, &setup.disk, |of| {
                    Stream::new(seed, &format!("{of} {name}"))
                }));
                let before = places.iter().filter(|place: &&PlaceInfo| place.region == region).count();
                let zone = (before % usize::from(setup.topology.zones())) as u8;
                places.push(PlaceInfo::new(name.into(), region, Some(zone)));
            }
            groups.push(members);
        }
        for (place, name) in names.iter().enumerate() {
            places.push(PlaceInfo::new(format!("{name} clients").into(), RegionId(place as u16), None));
        }
        arena.future.clear();
        arena.outbox.clear();
        arena.in_flight.clear();
        let begin = |judges: &mut Judges| judges.begin_anew(trace.rows(), setup, nodes.len(), groups.len());
        let mut docket = arena.docket.begun_anew(judging, begin);
        let invariants = &mut docket.ask().invariants;
        let watch = |(place, node): (usize, &Node<P>)| Watched {
            name: places[place].name.clone(),
            group: node.group,
            seat: node.seat,
        };
        invariants.begin_anew(&nodes.iter().enumerate().map(watch).collect::<Vec<_>>());
        arena.inside.begin_anew();
        let claims: Vec<_> = P::claims(options).into_iter().filter(|claim| setup.admits(claim)).collect();
        claimed(&claims, setup).for_each(|invariant| invariants.ask(invariant));
        let routes = OpKind::ALL.map(|kind| P::serves(options, kind));
        let named = nodes.iter().enumerate().map(|(place, node)| (node.region, &*places[place].name));
        let service = Service::new(setup, seed, named);
        Ok(World {
            service,
            streams: Streams::new(setup),
            burdens: Burdens::default(),
            skews: Vec::new(),
            is_disk_instant: setup.disk.is_instant(),
            retries: Retries::new(setup, seed),
            duplicates: Duplicates::new(setup, nodes.len()),
            clients: Clients::new(setup, seed, &groups, routes),
            router: Router::new(setup, seed, &groups),
            managers: Managers::new(setup, &groups),
            network: Network::new(seed, &setup.topology, places, trace.has_film(), docket.helper()),
            faults: Faults::new(&setup.faults),
            docket,
            inside: arena.inside,
            mail: Mail::default(),
            setup,
            options,
            seed,
            now: Time::ZERO,
            events: 0,
            future: arena.future,
            nodes,
            groups,
            digest: Digest::EMPTY,
            trace,
            asked: None,
            outbox: arena.outbox,
            in_flight: arena.in_flight,
        })
    }

    /// Runs to the end.
    pub(super) fn run(&mut self) {
        let settle_at = Time::ZERO + self.setup.duration;
        let end = settle_at + self.setup.settle;
        self.later(settle_at, Plain::Settle);
        self.docket.ask().invariants.healed(Time::ZERO);
        self.schedule_faults();
        (0..self.nodes.len()).for_each(|node| self.start(NodeId(node as u16)));
        self.schedule_clients();
        if self.router.is_some() {
            self.schedule_routing();
        }
        if self.managers.is_some() {
            self.schedule_managers();
        }
        while let Some((at, ticket)) = self.future.pop(&self.outbox.letters) {
            if at > end {
                break;
            }
            if at < self.now {
                self.docket.ask().invariants.went_back(self.now, at);
            }
            self.now = at;
            self.events += 1;
            self.step(ticket);
        }
        self.now = end;
    }

    #[inline(always)]
    fn step(&mut self, ticket: u32) {
        self.digest.mix(self.now.as_nanos());
        if ticket & 1 == 0 {
            let Letter { message, from, to } = self.outbox.letters.remove(ticket >> 1);
            self.message(from, to, message.into_inner());
        } else {
            let event = self.future.plain.remove(ticket >> 1);
            self.happen(event);
        }
    }

    #[inline(always)]
    fn message(&mut self, from: NodeId, to: NodeId, message: P::Message) {
        match self.arrive(1, from.index(), to) {
            Fate::Handled => self.deliver(from, to, message),
            Fate::Queues => self.enqueue(to, Event::Message { from, to, message }),
            Fate::Waits => self.wait(to, Event::Message { from, to, message }),
            Fate::Lost => self.mail.lost += 1,
        }
    }

    #[inline(always)]
    pub(super) fn deliver(&mut self, from: NodeId, to: NodeId, message: P::Message) {
        self.mail.delivered += 1;
        self.line(|world| format!("{} got {message:?} from {}", world.name(to), world.name(from)));
        let (protocol, mut cx) = self.on_stage(to);
        protocol.on_message(from, message, &mut cx);
        self.carry_out(to);
    }

    #[inline]
    fn happen(&mut self, event: Plain<P::Timer>) {
        match event {
            Plain::Request { from, to, slot } => match self.arrive(2, from as usize, to) {
                Fate::Handled if self.burdens.is_empty() => self.request(to, slot),
                Fate::Handled | Fate::Queues => self.take_request(from, to, slot),
                Fate::Waits => self.wait(to, Event::Plain(Plain::Request { from, to, slot })),
                Fate::Lost => drop(self.in_flight.requests.remove(slot)),
            },
            Plain::Relay { from, to, slot } => match self.arrive(3, from.index(), to) {
                Fate::Handled | Fate::Queues => self.post_answer(to, slot),
                Fate::Waits => self.wait(to, Event::Plain(Plain::Relay { from, to, slot })),
                Fate::Lost => drop(self.in_flight.answers.remove(slot)),
            },
            Plain::Answer { from, slot } => {
                let answer = self.in_flight.answers.remove(slot);
                let site = self.site(self.clients.region(answer.request.client));
                let (hash, is_lost) = self.network.arrival(from.index(), site);
                self.digest.mix(4 ^ hash);
                if !is_lost {
                    self.answered(from, answer);
                }
            }
            Plain::Timer { node, timer, id } => {
                self.digest.mix(5 ^ self.network.link_hash(node.index(), node.index()));
                self.timer(node, timer, id);
            }
            Plain::Synced { node, incarnation, mark } => {
                self.digest.mix(6 ^ self.network.link_hash(node.index(), node.index()));
                self.synced(node, incarnation, mark);
            }
            Plain::SyncDue { node, incarnation } => {
                self.digest.mix(10 ^ self.network.link_hash(node.index(), node.index()));
                self.sync_due(node, incarnation);
            }
            Plain::Arrival { region } => {
                self.digest.mix(7 ^ self.network.link_hash(self.site(region), 0));
                self.arrival(region);
            }
            Plain::Ask { client } => {
                self.digest.mix(8 ^ self.network.link_hash(self.site(self.clients.region(client)), 0));
                self.ask_again(client);
            }
            Plain::Alarm { client, sequence, attempt } => self.alarm(client, sequence, attempt),
            Plain::Deadline => self.deadline(),
            Plain::Served { node, incarnation, core } => {
                self.digest.mix(9 ^ self.network.link_hash(node.index(), node.index()));
                self.served(node, incarnation, core);
            }
            Plain::Hedge { client, sequence, attempt } => self.hedge(client, sequence, attempt),
            Plain::FaultBegins(fault) => self.fault_begins(fault),
            Plain::FaultEnds(fault) => self.fault_ends(fault),
            Plain::FaultTurns { fault, turn } => self.fault_turns(fault as usize, turn),
            Plain::Settle => self.settle(),
            Plain::Routing(step) => self.routing_step(step),
            Plain::Stonith(step) => self.stonith(step),
            Plain::Stream(step) => self.stream_step(step),
        }
    }

    /// Something sent reaches a node. It goes into the digest by the *names* of its places, so that an idle node moves no
    /// digest.
    #[inline(always)]
    fn arrive(&mut self, kind: u64, from: Place, to: NodeId) -> Fate {
        let (hash, is_lost) = self.network.arrival(from, to.index());
        self.digest.mix(kind ^ hash);
        if is_lost {
            return Fate::Lost;
        }
        self.fate(to)
    }

    pub(super) fn request(&mut self, to: NodeId, slot: u32) {
        let request = self.in_flight.requests.remove(slot);
        self.line(|world| format!("{} is asked {:?} by {}", world.name(to), request.op, request.id.client));
        self.asked = request.op.written();
        let (protocol, mut cx) = self.on_stage(to);
        protocol.on_request(request, &mut cx);
        self.carry_out(to);
        self.asked = None;
    }

    /// Something will happen. Messages between nodes, which are most of what happens, are queued where they are sent.
    #[inline(always)]
    pub(super) fn later(&mut self, at: Time, event: Plain<P::Timer>) {
        self.future.push(at, event);
    }

    /// What waited for a node happens now.
    pub(super) fn again(&mut self, event: Event<P>) {
        match event {
            Event::Message { from, to, message } => {
                let slot = self.outbox.letters.insert(Letter::new(message, from, to));
                self.future.post(self.now, slot);
            }
            Event::Plain(event) => self.later(self.now, event),
        }
    }

    /// Keeps a line for a reader, if somebody wants this instant.
    #[inline(always)]
    pub(super) fn line(&mut self, make: impl FnOnce(&Self) -> String) {
        if self.trace.wants(self.now) {
            let line = make(self);
            self.trace.line(self.now, line);
        }
    }

    pub(super) fn name(&self, node: NodeId) -> Arc<str> {
        self.network.place(node.index()).name.clone()
    }

    /// The place of a region's clients.
    pub(super) fn site(&self, region: RegionId) -> Place {
        self.nodes.len() + region.index()
    }

    /// What becomes of something that happens at a node now.
    #[inline(always)]
    pub(super) fn fate(&mut self, node: NodeId) -> Fate {
        let state = &self.nodes[node.index()];
        if state.protocol.is_some() && state.pauses == 0 {
            return if self.service.is_none() { Fate::Handled } else { Fate::Queues };
        }
        self.fate_of_stopped(node)
    }

    #[cold]
    fn fate_of_stopped(&mut self, node: NodeId) -> Fate {
        if self.nodes[node.index()].protocol.is_none() {
            self.faults.touch_crashed(node);
            return Fate::Lost;
        }
        self.faults.touch_paused(node);
        Fate::Waits
    }

    /// Something waits until a node goes on.
    #[cold]
    pub(super) fn wait(&mut self, node: NodeId, event: Event<P>) {
        self.nodes[node.index()].backlog.push(event);
    }

    /// Those who look on, once they have heard everything: at the end.
    pub(super) fn judges(&self) -> &Judges {
        self.docket.judges()
    }

    /// The group that serves a key.
    pub(super) fn group_of(&self, op: &Op) -> GroupId {
        GroupId((op.key().0 % self.groups.len() as u32) as u16)
    }
}

/// `eu-west-1`, `eu-west-1/2`, `eu-west-1/monitor`, with `#g` where there are several groups.
fn node_name(region: &str, role: Role, twins: usize, group: u16) -> String {
    let mut name = region.to_string();
    if role != Role::Replica {
        name = format!("{name}/{}", role.name());
    }
    if twins > 0 {
        name = format!("{name}/{}", twins + 1);
    }
    if group > 0 {
        name = format!("{name}#{group}");
    }
    name
}
