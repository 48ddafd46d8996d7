//! The loop: pop an event, let its node or client handle it, carry out what it wanted.

use std::collections::VecDeque;
use std::sync::Arc;

use crate::check::monitor::{Failovers, Leaders, Lineage, Writers};
use crate::id::{ClientId, GroupId, NodeId, RegionId, RequestId, Value};
use crate::metrics::Measures;
use crate::model::clock::Clock;
use crate::op::{Op, OpKind, Refusal, Reply};
use crate::protocol::{Context, Effect, Member, OptionsError, Payload, Protocol, Request, Role};
use crate::rng::Stream;
use crate::time::{Duration, Time};
use crate::trace::{Digest, Observation, Trace};

use super::clients::Clients;
use super::disk::Disk;
use super::faults::Faults;
use super::network::{Network, Place, PlaceInfo};
use super::queue::Queue;
use super::record::Record;
use super::setup::{Placement, Setup};

/// The size of a request or an answer between nodes: addresses, ids, a key, a value and a token.
const REQUEST_BYTES: u32 = 96;

/// The width of an entry of the availability timeline.
const TIMELINE_BUCKET: Duration = Duration::secs(1);

/// Everything that is in one run.
pub(super) struct World<'s, P: Protocol> {
    pub(super) setup: &'s Setup,
    pub(super) options: &'s P::Options,
    pub(super) seed: u64,
    pub(super) now: Time,
    pub(super) events: u64,
    pub(super) queue: Queue<Event<P>>,
    pub(super) network: Network,
    pub(super) nodes: Vec<Node<P>>,
    pub(super) groups: Vec<Vec<Member>>,
    pub(super) clients: Clients<P::Session>,
    pub(super) faults: Faults,
    pub(super) digest: Digest,
    pub(super) trace: Trace,
    pub(super) record: Record,
    pub(super) measures: Measures,
    pub(super) leaders: Leaders,
    pub(super) writers: Writers,
    pub(super) lineage: Lineage,
    pub(super) failovers: Failovers,
    /// The value that the request being handled would write.
    asked: Option<Value>,
    /// What the handler under way wants; empty between events, and never given back to the allocator.
    effects: Vec<Effect<P>>,
}

/// Something that will happen.
pub(super) enum Event<P: Protocol> {
    Message {
        from: NodeId,
        to: NodeId,
        message: P::Message,
    },
    Request {
        from: Place,
        to: NodeId,
        request: Request<P>,
    },
    Relay {
        from: NodeId,
        to: NodeId,
        answer: Answer<P::Session>,
    },
    Answer {
        from: NodeId,
        answer: Answer<P::Session>,
    },
    Timer {
        node: NodeId,
        timer: P::Timer,
        id: u32,
    },
    Synced {
        node: NodeId,
        incarnation: u32,
        mark: u64,
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
    FaultBegins(usize),
    FaultEnds(usize),
    Settle,
}

/// What becomes of something that reaches a node.
enum Fate {
    /// The node handles it now.
    Handled,
    /// The node is paused.
    Waits,
    /// The node is down, or the link has been cut meanwhile.
    Lost,
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

/// One node.
pub(super) struct Node<P: Protocol> {
    pub(super) group: GroupId,
    pub(super) seat: usize,
    pub(super) region: RegionId,
    pub(super) role: Role,
    /// `None` while the node is down.
    pub(super) protocol: Option<P>,
    pub(super) incarnation: u32,
    /// How many faults keep it paused, and what waits for the end of them.
    pub(super) pauses: u32,
    pub(super) backlog: Vec<Event<P>>,
    /// How many faults keep it down.
    pub(super) crashes: u32,
    /// The epoch that it leads, as it said itself.
    pub(super) epoch: Option<u64>,
    pub(super) timers: Vec<Armed<P::Timer>>,
    next_timer: u32,
    pub(super) disk: Disk<P::Record>,
    /// What must wait for the disk, with the mark it waits for.
    held: VecDeque<(u64, Effect<P>)>,
    clock: Clock,
    stream: Stream,
}

/// A timer that is set. One queued event may stand for several settings: when it comes too early it is queued again.
#[derive(Debug)]
pub(super) struct Armed<T> {
    timer: T,
    deadline: Time,
    queued: Time,
    id: u32,
}

impl<'s, P: Protocol> World<'s, P> {
    pub(super) fn new(
        setup: &'s Setup,
        placement: &Placement,
        options: &'s P::Options,
        seed: u64,
        trace: Trace,
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
                let clock = setup.clocks.get(region.index()).copied().unwrap_or_default();
                nodes.push(Node::new(
                    GroupId(group),
                    seat,
                    region,
                    wanted.role,
                    clock,
                    Stream::new(seed, &format!("node {name}")),
                ));
                places.push(PlaceInfo::new(name.into(), region));
            }
            groups.push(members);
        }
        for (place, name) in names.iter().enumerate() {
            places.push(PlaceInfo::new(format!("{name} clients").into(), RegionId(place as u16)));
        }
        let routes = OpKind::ALL.map(|kind| P::serves(options, kind));
        Ok(World {
            clients: Clients::new(setup, seed, &groups, routes),
            network: Network::new(seed, &setup.topology, places),
            faults: Faults::new(&setup.faults),
            measures: Measures::new(names.len(), TIMELINE_BUCKET),
            lineage: Lineage::new(nodes.len()),
            failovers: Failovers::new(groups.len()),
            record: Record::new(
                trace.rows().clone(),
                setup.workload.keys.keys() as usize,
                names.len(),
                setup.workload.warm_up,
                setup.workload.timeout,
            ),
            setup,
            options,
            seed,
            now: Time::ZERO,
            events: 0,
            queue: Queue::default(),
            nodes,
            groups,
            digest: Digest::EMPTY,
            trace,
            leaders: Leaders::default(),
            writers: Writers::default(),
            asked: None,
            effects: Vec::new(),
        })
    }

    /// Runs to the end.
    pub(super) fn run(&mut self) {
        let settle_at = Time::ZERO + self.setup.duration;
        let end = settle_at + self.setup.settle;
        self.queue.push(settle_at, Event::Settle);
        self.schedule_faults();
        (0..self.nodes.len()).for_each(|node| self.start(NodeId(node as u16)));
        self.schedule_clients();
        while let Some((at, event)) = self.queue.pop() {
            if at > end {
                break;
            }
            debug_assert!(at >= self.now, "time does not go back");
            self.now = at;
            self.events += 1;
            self.step(event);
        }
        self.now = end;
    }

    #[inline(always)]
    fn step(&mut self, event: Event<P>) {
        self.digest.mix(self.now.as_nanos());
        match event {
            Event::Message { from, to, message } => {
                self.note(1, from.index(), to.index());
                match self.fate(from.index(), to) {
                    Fate::Handled => {
                        self.line(|world| format!("{} got {message:?} from {}", world.name(to), world.name(from)));
                        self.handle(to, |protocol, cx| protocol.on_message(from, message, cx));
                    }
                    Fate::Waits => self.wait(to, Event::Message { from, to, message }),
                    Fate::Lost => {}
                }
            }
            Event::Request { from, to, request } => {
                self.note(2, from, to.index());
                match self.fate(from, to) {
                    Fate::Handled => {
                        self.line(|world| {
                            format!("{} is asked {:?} by {}", world.name(to), request.op, request.id.client)
                        });
                        self.asked = request.op.written();
                        self.handle(to, |protocol, cx| protocol.on_request(request, cx));
                        self.asked = None;
                    }
                    Fate::Waits => self.wait(to, Event::Request { from, to, request }),
                    Fate::Lost => {}
                }
            }
            Event::Relay { from, to, answer } => {
                self.note(3, from.index(), to.index());
                match self.fate(from.index(), to) {
                    Fate::Handled => self.answer_client(to, answer),
                    Fate::Waits => self.wait(to, Event::Relay { from, to, answer }),
                    Fate::Lost => {}
                }
            }
            Event::Answer { from, answer } => {
                let site = self.site(self.clients.region(answer.request.client));
                self.note(4, from.index(), site);
                if !self.network.is_cut(from.index(), site) {
                    self.answered(from, answer);
                }
            }
            Event::Timer { node, timer, id } => {
                self.note(5, node.index(), node.index());
                self.timer(node, timer, id);
            }
            Event::Synced { node, incarnation, mark } => {
                self.note(6, node.index(), node.index());
                self.synced(node, incarnation, mark);
            }
            Event::Arrival { region } => {
                self.note(7, self.site(region), 0);
                self.arrival(region);
            }
            Event::Ask { client } => {
                self.note(8, self.site(self.clients.region(client)), 0);
                self.ask_again(client);
            }
            Event::Alarm { client, sequence, attempt } => self.alarm(client, sequence, attempt),
            Event::Deadline => self.deadline(),
            Event::FaultBegins(fault) => self.fault_begins(fault),
            Event::FaultEnds(fault) => self.fault_ends(fault),
            Event::Settle => self.settle(),
        }
    }

    /// Takes an event into the digest by the *names* of its places, so that an idle node moves no digest.
    fn note(&mut self, kind: u64, from: Place, to: Place) {
        let (from, to) = (self.network.place(from).hash, self.network.place(to).hash);
        self.digest.mix(kind ^ from ^ to.rotate_left(23));
    }

    /// Keeps a line for a reader, if somebody wants this instant.
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

    /// What becomes of something that reaches a node now.
    fn fate(&mut self, from: Place, to: NodeId) -> Fate {
        if from != to.index() && self.network.is_cut(from, to.index()) {
            return Fate::Lost;
        }
        let node = &self.nodes[to.index()];
        if node.protocol.is_none() {
            self.faults.touch_crashed(to);
            return Fate::Lost;
        }
        if node.pauses > 0 {
            self.faults.touch_paused(to);
            return Fate::Waits;
        }
        Fate::Handled
    }

    /// Something waits until a node goes on.
    fn wait(&mut self, node: NodeId, event: Event<P>) {
        self.nodes[node.index()].backlog.push(event);
    }

    /// Starts a node, for the first time or after a crash.
    pub(super) fn start(&mut self, node: NodeId) {
        let recovered = self.nodes[node.index()].disk.recover();
        let options = self.options;
        self.call(node, |protocol, cx| *protocol = Some(P::start(options, recovered, cx)));
    }

    /// Calls a handler, and carries out what it wants.
    fn handle(&mut self, node: NodeId, handler: impl FnOnce(&mut P, &mut Context<P>)) {
        self.call(node, |protocol, cx| {
            handler(protocol.as_mut().expect("only a node that is up handles events"), cx);
        });
    }

    fn call(&mut self, node: NodeId, handler: impl FnOnce(&mut Option<P>, &mut Context<P>)) {
        let Node { group, seat, clock, stream, protocol, .. } = &mut self.nodes[node.index()];
        let members = &self.groups[group.index()];
        let mut cx = Context {
            me: &members[*seat],
            members,
            now: clock.reading(self.now),
            uncertainty: clock.uncertainty,
            stream,
            effects: &mut self.effects,
        };
        handler(protocol, &mut cx);
        self.carry_out(node);
    }

    fn carry_out(&mut self, node: NodeId) {
        let mut effects = std::mem::take(&mut self.effects);
        for effect in effects.drain(..) {
            let state = &mut self.nodes[node.index()];
            match (must_wait(&effect).then(|| state.disk.wait_for()).flatten(), effect) {
                (Some(mark), effect) => state.held.push_back((mark, effect)),
                (None, effect) => self.carry_out_one(node, effect),
            }
        }
        self.effects = effects;
        self.sync(node);
    }

    #[inline]
    fn carry_out_one(&mut self, node: NodeId, effect: Effect<P>) {
        match effect {
            Effect::Send { to, message, .. } => self.send(node, to, message),
            Effect::Broadcast { message } => {
                let group = self.nodes[node.index()].group.index();
                for place in 0..self.groups[group].len() {
                    let to = self.groups[group][place].node;
                    if to != node {
                        self.send(node, to, message.clone());
                    }
                }
            }
            Effect::Reply { request, reply, session, .. } => self.answer(node, request, Ok(reply), session),
            Effect::Refuse { request, refusal } => self.answer(node, request, Err(refusal), None),
            Effect::Forward { to, request } => {
                self.network.count(node.index(), to.index(), REQUEST_BYTES);
                self.line(|world| format!("{} forwards {:?} to {}", world.name(node), request.op, world.name(to)));
                if let Some(delay) = self.network.send(node.index(), to.index()) {
                    self.queue.push(self.now + delay, Event::Request { from: node.index(), to, request });
                }
            }
            Effect::SetTimer { timer, after } => self.set_timer(node, timer, after),
            Effect::CancelTimer { timer } => self.nodes[node.index()].timers.retain(|armed| armed.timer != timer),
            Effect::Persist { record } => {
                self.nodes[node.index()].disk.append(record);
                self.sync_at_once(node);
            }
            Effect::Compact { records } => {
                self.nodes[node.index()].disk.replace(records);
                self.sync_at_once(node);
            }
            Effect::Observe(observation) => self.observe(node, observation),
        }
    }

    #[inline]
    fn send(&mut self, from: NodeId, to: NodeId, message: P::Message) {
        if from == to {
            self.queue.push(self.now, Event::Message { from, to, message });
            return;
        }
        let bytes = message.bytes();
        self.network.count(from.index(), to.index(), bytes);
        self.digest.mix(u64::from(bytes));
        match self.network.send(from.index(), to.index()) {
            Some(delay) => self.queue.push(self.now + delay, Event::Message { from, to, message }),
            None => self.line(|world| format!("{} loses {message:?} to {}", world.name(from), world.name(to))),
        }
    }

    fn answer(&mut self, node: NodeId, request: RequestId, says: Result<Reply, Refusal>, session: Option<P::Session>) {
        let epoch = self.nodes[node.index()].epoch;
        let answer = Answer { request, says, session, server: node, epoch, decided: self.now };
        self.line(|world| format!("{} answers {}: {says:?}", world.name(node), request.client));
        if request.entry == node {
            self.answer_client(node, answer);
        } else {
            self.network.count(node.index(), request.entry.index(), REQUEST_BYTES);
            if let Some(delay) = self.network.send(node.index(), request.entry.index()) {
                self.queue.push(self.now + delay, Event::Relay { from: node, to: request.entry, answer });
            }
        }
    }

    fn answer_client(&mut self, from: NodeId, answer: Answer<P::Session>) {
        let site = self.site(self.clients.region(answer.request.client));
        if let Some(delay) = self.network.send(from.index(), site) {
            self.queue.push(self.now + delay, Event::Answer { from, answer });
        }
    }

    fn set_timer(&mut self, node: NodeId, timer: P::Timer, after: Duration) {
        let state = &mut self.nodes[node.index()];
        let deadline = self.now + state.clock.true_span(after);
        if let Some(armed) = state.timers.iter_mut().find(|armed| armed.timer == timer) {
            armed.deadline = deadline;
            if armed.queued <= deadline {
                return; // the event that is queued will come first, and be queued again
            }
        } else {
            state.timers.push(Armed { timer, deadline, queued: deadline, id: 0 });
        }
        state.next_timer = state.next_timer.wrapping_add(1);
        let id = state.next_timer;
        let armed = state.timers.iter_mut().find(|armed| armed.timer == timer).expect("it was just set");
        (armed.queued, armed.id) = (deadline, id);
        if deadline < Time::NEVER {
            self.queue.push(deadline, Event::Timer { node, timer, id });
        }
    }

    fn timer(&mut self, node: NodeId, timer: P::Timer, id: u32) {
        let state = &mut self.nodes[node.index()];
        let Some(place) = state.timers.iter().position(|armed| armed.id == id && armed.timer == timer) else {
            return; // it was set anew or cancelled, or belongs to the time before a crash
        };
        if state.timers[place].deadline > self.now {
            state.timers[place].queued = state.timers[place].deadline;
            if state.timers[place].deadline < Time::NEVER {
                self.queue.push(state.timers[place].deadline, Event::Timer { node, timer, id });
            }
            return;
        }
        match self.fate(node.index(), node) {
            Fate::Handled => {
                self.nodes[node.index()].timers.swap_remove(place);
                self.line(|world| format!("{}: timer {timer:?}", world.name(node)));
                self.handle(node, |protocol, cx| protocol.on_timer(timer, cx));
            }
            Fate::Waits => self.wait(node, Event::Timer { node, timer, id }),
            Fate::Lost => {}
        }
    }

    /// With a disk that takes no time, what is written is safe at once.
    fn sync_at_once(&mut self, node: NodeId) {
        if self.setup.disk.sync.is_zero() {
            let disk = &mut self.nodes[node.index()].disk;
            if let Some(mark) = disk.begin_sync() {
                disk.synced(mark);
            }
        }
    }

    fn sync(&mut self, node: NodeId) {
        let state = &mut self.nodes[node.index()];
        if let Some(mark) = state.disk.begin_sync() {
            let incarnation = state.incarnation;
            self.queue.push(self.now + self.setup.disk.sync, Event::Synced { node, incarnation, mark });
        }
    }

    fn synced(&mut self, node: NodeId, incarnation: u32, mark: u64) {
        let state = &mut self.nodes[node.index()];
        if state.incarnation != incarnation {
            return;
        }
        if state.pauses > 0 {
            state.backlog.push(Event::Synced { node, incarnation, mark });
            return;
        }
        state.disk.synced(mark);
        while let Some((mark, _)) = self.nodes[node.index()].held.front()
            && self.nodes[node.index()].disk.is_synced(*mark)
        {
            let (_, effect) = self.nodes[node.index()].held.pop_front().expect("there is one in front");
            self.carry_out_one(node, effect);
        }
        self.sync(node);
    }

    fn observe(&mut self, node: NodeId, observation: Observation) {
        let group = self.nodes[node.index()].group;
        self.line(|world| format!("{} observes {observation:?}", world.name(node)));
        self.digest.mix(self.network.place(node.index()).hash ^ observation_word(observation));
        match observation {
            Observation::Leader { epoch } => {
                self.leaders.took_office(group, epoch, node, self.now);
                self.nodes[node.index()].epoch = Some(epoch);
            }
            Observation::SteppedDown { epoch } if self.nodes[node.index()].epoch == Some(epoch) => {
                self.nodes[node.index()].epoch = None;
            }
            Observation::Applied { key, value } => self.lineage.applied(node, key, value, self.asked == Some(value)),
            Observation::RolledBack { key, value } => self.lineage.rolled_back(node, key, value),
            Observation::Conflict { lost, .. } => self.lineage.conflict(lost),
            _ => {}
        }
        self.failovers.observed(group, node, observation, self.now);
    }

    /// The node stops, and loses all but its synced records.
    pub(super) fn crash(&mut self, node: NodeId) {
        let state = &mut self.nodes[node.index()];
        state.protocol = None;
        state.incarnation += 1;
        state.timers.clear();
        state.backlog.clear();
        state.held.clear();
        state.disk.crash();
        state.epoch = None;
        self.lineage.crashed(node);
    }

    /// The group that serves a key.
    pub(super) fn group_of(&self, op: &Op) -> GroupId {
        GroupId((op.key().0 % self.groups.len() as u32) as u16)
    }
}

impl<P: Protocol> Node<P> {
    fn new(group: GroupId, seat: usize, region: RegionId, role: Role, clock: Clock, stream: Stream) -> Node<P> {
        Node {
            group,
            seat,
            region,
            role,
            protocol: None,
            incarnation: 0,
            pauses: 0,
            backlog: Vec::new(),
            crashes: 0,
            epoch: None,
            timers: Vec::new(),
            next_timer: 0,
            disk: Disk::new(),
            held: VecDeque::new(),
            clock,
            stream,
        }
    }
}

/// Whether the law of persist-before-send is about this effect.
fn must_wait<P: Protocol>(effect: &Effect<P>) -> bool {
    match effect {
        Effect::Send { unsynced, .. } | Effect::Reply { unsynced, .. } => !unsynced,
        Effect::Broadcast { .. } | Effect::Refuse { .. } | Effect::Forward { .. } => true,
        _ => false,
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

fn observation_word(observation: Observation) -> u64 {
    match observation {
        Observation::Suspected => 1,
        Observation::Decided { epoch } => 2 + (epoch << 4),
        Observation::Fenced { epoch } => 3 + (epoch << 4),
        Observation::Leader { epoch } => 4 + (epoch << 4),
        Observation::Ready { epoch } => 5 + (epoch << 4),
        Observation::SteppedDown { epoch } => 6 + (epoch << 4),
        Observation::Applied { value, .. } => 7 + (value.0 << 4),
        Observation::RolledBack { value, .. } => 8 + (value.0 << 4),
        Observation::Conflict { lost, kept, .. } => 9 + (lost.0 << 4) + (kept.0 << 34),
    }
}
