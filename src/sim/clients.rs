//! Clients: who they are, when they ask, and whom. Next: `answers.rs`, what they make of what comes back.

use std::collections::VecDeque;

use crate::id::{ClientId, Key, NodeId, RegionId, RequestId, Value};
use crate::model::clock::{Clock, Whose};
use crate::model::workload::{Arrivals, Objects};
use crate::op::{Columns, ITEMS_MAX, Item, Op, OpKind, Reply};
use crate::protocol::{Member, Protocol, Request, Role, Serves};
use crate::rng::Stream;
use crate::time::{Duration, Time};

use super::docket::Told;
use super::effects::REQUEST_BYTES;
use super::future::{Event, Plain};
use super::setup::Setup;
use super::world::World;

/// More attempts than an operation makes.
const DOUBTED: u32 = u32::MAX / 2;

/// All clients of a run.
#[derive(Debug)]
pub(super) struct Clients<S> {
    pub(super) clients: Vec<Client<S>>,
    pub(super) sites: Vec<Site>,
    routes: [Serves; OpKind::ALL.len()],
    last_value: u64,
    /// When the operations under way, and some that have ended, take too long; in that order, for every operation may
    /// take as long. One event stands for all of them.
    pub(super) deadlines: VecDeque<(Time, ClientId, u32)>,
}

/// The clients of one region, and what they share: a load balancer's memory of who leads, a cache of what was seen.
#[derive(Debug)]
pub(super) struct Site {
    stream: Stream,
    /// What shows its clients the time.
    clock: Clock,
    pub(super) idle: VecDeque<ClientId>,
    /// By group: the replicas from the nearest to the farthest.
    nearest: Vec<Vec<NodeId>>,
    /// By group: whom they believe to lead.
    leader: Vec<Option<NodeId>>,
    /// By key: the value seen last, which the next compare-and-set expects. Empty where no client makes one.
    seen: Vec<Option<Value>>,
}

#[derive(Debug)]
pub(super) struct Client<S> {
    pub(super) region: RegionId,
    pub(super) sequence: u32,
    /// The number of its last request.
    pub(super) asked: u32,
    pub(super) session: S,
    pub(super) active: Option<Active>,
    /// The key that it reads to write it next.
    pub(super) modifies: Option<Key>,
    /// A closed loop's own dice; in an open loop the region throws them.
    pub(super) stream: Option<Stream>,
}

/// An operation under way.
#[derive(Clone, Copy, Debug)]
pub(super) struct Active {
    pub(super) op: Op,
    pub(super) invoked: Time,
    pub(super) target: NodeId,
    pub(super) attempt: u32,
    pub(super) redirects: u32,
    /// How many attempts may still take effect: sent, and not refused.
    pub(super) unresolved: u32,
    /// The number of its first request.
    pub(super) first: u32,
    /// By a policy: the retries so far, whether it waits before the next, and the node asked beside `target`.
    pub(super) tries: u32,
    pub(super) backs_off: bool,
    pub(super) hedged: Option<NodeId>,
    /// Whether the attempt under way was refused.
    pub(super) refused: bool,
    /// Whether the same node is asked again: it serves, but for what is under way.
    pub(super) stays: bool,
}

impl Active {
    /// Whether more than one node was asked.
    pub(super) fn is_repeated(&self) -> bool {
        self.attempt > 1 || self.tries > 0 || self.hedged.is_some()
    }
}

impl<S: Default> Clients<S> {
    pub(super) fn new(
        setup: &Setup,
        seed: u64,
        groups: &[Vec<Member>],
        routes: [Serves; OpKind::ALL.len()],
    ) -> Clients<S> {
        let mut clients = Vec::new();
        let sites = setup.topology.regions().iter().enumerate().map(|(place, name)| {
            let region = RegionId(place as u16);
            let mut idle = VecDeque::new();
            for nth in 0..setup.workload.clients.get(place).copied().unwrap_or(0) {
                idle.push_back(ClientId(clients.len() as u32));
                let closed = matches!(setup.workload.arrivals, Arrivals::Closed(_));
                let stream = closed.then(|| Stream::new(seed, &format!("client {name} {nth}")));
                clients.push(Client {
                    region,
                    sequence: 0,
                    asked: 0,
                    session: S::default(),
                    active: None,
                    modifies: None,
                    stream,
                });
            }
            let nearest = groups.iter().map(|members| by_distance(setup, region, members)).collect();
            Site {
                stream: Stream::new(seed, &format!("clients {name}")),
                clock: setup
                    .clocks
                    .of_clients(region, || Stream::new(seed, &format!("clock {name}/{}", Whose::CLIENTS))),
                idle,
                nearest,
                leader: vec![None; groups.len()],
                seen: Vec::new(),
            }
        });
        let sites = sites.collect();
        Clients { clients, sites, routes, last_value: 0, deadlines: VecDeque::new() }
    }

    pub(super) fn region(&self, client: ClientId) -> RegionId {
        self.clients[client.index()].region
    }

    /// The region of every client that ever was, by id.
    pub(super) fn regions(&self) -> Vec<RegionId> {
        self.clients.iter().map(|client| client.region).collect()
    }

    /// A request or an answer of this operation is on its way more than once: as many refusals as there were attempts no
    /// longer tell that nothing took effect, so nothing does before an answer.
    pub(super) fn doubt(&mut self, request: RequestId) {
        let state = &mut self.clients[request.client.index()];
        let asked = state.asked;
        if let Some(active) = &mut state.active
            && (active.first..=asked).contains(&request.sequence)
        {
            active.unresolved = DOUBTED;
        }
    }

    /// An idle client of a region, or a new one where all are busy.
    fn take_idle(&mut self, region: RegionId) -> ClientId {
        if let Some(client) = self.sites[region.index()].idle.pop_front() {
            return client;
        }
        self.clients.push(Client {
            region,
            sequence: 0,
            asked: 0,
            session: S::default(),
            active: None,
            modifies: None,
            stream: None,
        });
        ClientId(u32::try_from(self.clients.len() - 1).expect("at most 2^32 clients"))
    }

    fn next_op(&mut self, setup: &Setup, client: ClientId) -> Op {
        let Client { region, stream, modifies, .. } = &mut self.clients[client.index()];
        let site = &mut self.sites[region.index()];
        let stream = stream.as_mut().unwrap_or(&mut site.stream);
        let mix = &setup.workload.mix;
        if let Some(key) = modifies.take() {
            self.last_value += 1;
            return Op::Write(key, Value(self.last_value));
        }
        let key = setup.workload.keys.choose_in(*region, stream);
        let draw = stream.below(setup.workload.parts());
        if draw < u64::from(mix.read) {
            return read_of(setup.workload.objects, key);
        }
        let beyond = draw.checked_sub(mix.total());
        if let (Some(_), Objects::Registers { .. }) = (beyond, setup.workload.objects) {
            *modifies = Some(key);
            return Op::Read(key);
        }
        let new = Value(self.last_value + 1);
        self.last_value += setup.workload.objects.values_each();
        if let Some(place) = beyond {
            return of_object(setup.workload.objects, key, new, place, stream);
        }
        if draw < u64::from(mix.read) + u64::from(mix.write) {
            return Op::Write(key, new);
        }
        Op::CompareAndSet { key, expected: site.seen.get(key.index()).copied().flatten(), new }
    }

    /// The replica after `tried`, in order of distance.
    pub(super) fn next_nearest(&self, region: RegionId, group: usize, tried: NodeId) -> NodeId {
        let nearest = &self.sites[region.index()].nearest[group];
        let place = nearest.iter().position(|node| *node == tried).map_or(0, |place| place + 1);
        nearest[place % nearest.len()]
    }

    fn first_target(&self, region: RegionId, group: usize, kind: OpKind, members: &[Member]) -> NodeId {
        let site = &self.sites[region.index()];
        let nearest = site.nearest[group][0];
        match &self.routes[kind as usize] {
            Serves::AnyReplica => nearest,
            Serves::Leader(first) => site.leader[group].unwrap_or_else(|| {
                let first = first.as_deref().and_then(|name| {
                    members.iter().find(|m| m.role == Role::Replica && &*m.region_name == name).map(|m| m.node)
                });
                first.unwrap_or(nearest)
            }),
        }
    }

    /// What was just learned about who leads; nothing where any replica serves.
    pub(super) fn believe(&mut self, region: RegionId, group: usize, kind: OpKind, leader: NodeId) {
        if matches!(self.routes[kind as usize], Serves::Leader(_)) {
            self.sites[region.index()].leader[group] = Some(leader);
        }
    }
}

/// An operation that only such objects have, by its place among the parts of the mix that are theirs.
fn of_object(objects: Objects, key: Key, name: Value, place: u64, stream: &mut Stream) -> Op {
    let is_first = place < u64::from(objects.parts()[0]);
    let items = match objects {
        Objects::Registers { .. } => unreachable!("what is asked of registers is no part of this"),
        Objects::Rows { columns, .. } if is_first => return Op::Put { key, columns: Columns::first(columns), name },
        Objects::Rows { columns, .. } => {
            let columns = Columns::only(stream.below(columns.into()) as u8);
            return Op::Put { key, columns, name };
        }
        Objects::Sequences { .. } => return Op::Next { key, name },
        Objects::Counters { .. } => return Op::Add { key, amount: if is_first { 1 } else { -1 }, name },
        Objects::Sets { items, .. } => items,
        Objects::Lists { .. } => ITEMS_MAX,
    };
    let item = Item(stream.below(items.into()) as u8);
    if is_first { Op::Insert { key, item, name } } else { Op::Remove { key, item, name } }
}

/// A read of what such a key is.
fn read_of(objects: Objects, key: Key) -> Op {
    match objects {
        Objects::Rows { columns, .. } => Op::ReadRow { key, columns: Columns::first(columns) },
        _ => Op::Read(key),
    }
}

fn by_distance(setup: &Setup, from: RegionId, members: &[Member]) -> Vec<NodeId> {
    let mut replicas: Vec<_> = members
        .iter()
        .filter(|member| member.role == Role::Replica)
        .map(|member| (setup.topology.delay(from, member.region).median(), member.node))
        .collect();
    assert!(!replicas.is_empty(), "a design has at least one replica");
    replicas.sort_unstable();
    replicas.into_iter().map(|(_, node)| node).collect()
}

impl<P: Protocol> World<'_, P> {
    pub(super) fn schedule_clients(&mut self) {
        let begin = Time::ZERO + self.setup.workload.warm_up;
        match self.setup.workload.arrivals {
            Arrivals::Closed(_) => {
                for client in 0..self.clients.clients.len() as u32 {
                    self.later(begin, Plain::Ask { client: ClientId(client) });
                }
            }
            Arrivals::Poisson(_) | Arrivals::Paced(_) => {
                for (place, site) in self.clients.sites.iter_mut().enumerate() {
                    if site.idle.is_empty() {
                        continue; // a region without clients
                    }
                    let first = match self.setup.workload.arrivals {
                        Arrivals::Poisson(mean) => site.stream.exponential(mean),
                        Arrivals::Paced(gap) | Arrivals::Closed(gap) => site.stream.between(Duration::ZERO, gap),
                    };
                    self.future.push(begin + first, Plain::Arrival { region: RegionId(place as u16) });
                }
            }
        }
    }

    /// An operation arrives in an open loop.
    pub(super) fn arrival(&mut self, region: RegionId) {
        if self.is_over() {
            return;
        }
        let stream = &mut self.clients.sites[region.index()].stream;
        let gap = match self.setup.workload.arrivals {
            Arrivals::Poisson(mean) => stream.exponential(mean),
            Arrivals::Paced(gap) | Arrivals::Closed(gap) => gap,
        };
        let gap = if self.burdens.is_empty() { gap } else { self.burdens.loaded(region, gap, self.now) };
        self.later(self.now + gap, Plain::Arrival { region });
        if !self.burdens.is_empty() && self.burdens.is_quiet(region, None) {
            return;
        }
        let client = self.clients.take_idle(region);
        self.invoke(client);
    }

    /// A client of a closed loop has thought enough.
    pub(super) fn ask_again(&mut self, client: ClientId) {
        let asked = self.clients.clients[client.index()].sequence;
        let is_done = self.is_over() || self.setup.workload.operations_per_client.is_some_and(|most| asked >= most);
        let region = self.clients.region(client);
        if !is_done && (self.burdens.is_empty() || !self.burdens.is_quiet(region, Some(client))) {
            self.invoke(client);
        }
    }

    /// Whether clients begin nothing any more.
    pub(super) fn is_over(&self) -> bool {
        self.now >= Time::ZERO + self.setup.duration
    }

    pub(super) fn invoke(&mut self, client: ClientId) {
        let op = self.clients.next_op(self.setup, client);
        let (region, group) = (self.clients.region(client), self.group_of(&op).index());
        let routed = if self.router.is_some() { self.routed(client, &op) } else { None };
        let target = routed.unwrap_or_else(|| self.clients.first_target(region, group, op.kind(), &self.groups[group]));
        self.docket.tell(Told::Asked { client, op, at: self.now });
        let shown = self.clients.sites[region.index()].clock.reading(self.now);
        let state = &mut self.clients.clients[client.index()];
        P::begins(self.options, &mut state.session, shown);
        state.sequence += 1;
        let sequence = state.sequence;
        state.asked = if self.setup.workload.idempotency { sequence } else { state.asked + 1 };
        state.active = Some(Active {
            op,
            invoked: self.now,
            target,
            attempt: 0,
            redirects: 0,
            unresolved: 0,
            first: state.asked,
            tries: 0,
            backs_off: false,
            hedged: None,
            refused: false,
            stays: false,
        });
        let deadline = self.now + self.setup.workload.timeout;
        if self.clients.deadlines.is_empty() {
            self.later(deadline, Plain::Deadline);
        }
        self.clients.deadlines.push_back((deadline, client, sequence));
        if let Some(retries) = &mut self.retries {
            retries.deposit(region);
        }
        self.attempt(client, target);
    }

    /// Asks one node.
    pub(super) fn attempt(&mut self, client: ClientId, target: NodeId) {
        let state = &mut self.clients.clients[client.index()];
        let sequence = state.sequence;
        let active = state.active.as_mut().expect("an attempt belongs to an operation");
        active.target = target;
        active.attempt += 1;
        (active.backs_off, active.hedged) = (false, None);
        let attempt = active.attempt;
        self.ask(client, target);
        if let Some(patience) = self.setup.workload.retry_after {
            self.later(self.now + patience, Plain::Alarm { client, sequence, attempt });
        }
        if self.retries.is_some() {
            self.watch_attempt(client, sequence, attempt);
        }
    }

    /// Sends a request for the operation under way.
    pub(super) fn ask(&mut self, client: ClientId, target: NodeId) {
        let state = &mut self.clients.clients[client.index()];
        let (region, session) = (state.region, state.session.clone());
        let active = state.active.as_mut().expect("a request belongs to an operation");
        if !self.setup.workload.idempotency && (active.attempt > 1 || active.hedged.is_some()) {
            state.asked += 1;
        }
        if active.unresolved > 0 {
            self.docket.tell(Told::AskedAgain { client });
        }
        active.unresolved += 1;
        (active.refused, active.stays) = (false, false);
        let (op, sequence, redirects) = (active.op, state.asked, active.redirects);
        let site = self.site(region);
        let request = Request { id: RequestId { client, sequence, entry: target }, op, session };
        if self.streams.is_some() && self.is_connected(client) {
            let (from, slot) = (self.client_end(client), self.in_flight.requests.insert(request));
            let event = Event::Plain(Plain::Request { from: site as u32, to: target, slot });
            return self.stream(from, target.index() as u32, event, REQUEST_BYTES);
        }
        // A redirect is followed without a detour.
        if self.router.is_none() || redirects > 0 || !self.sent_by_balancer(&request) {
            match self.network.send(site, target.index(), REQUEST_BYTES, self.now) {
                Some(delay) => {
                    let slot = self.in_flight.requests.insert(request);
                    self.later(self.now + delay, Plain::Request { from: site as u32, to: target, slot });
                }
                None => self.repeat_request(site as u32, target, &request),
            }
        }
    }
}

impl<S> Clients<S> {
    /// What the client that asked this is writing, where it still waits for the answer.
    pub(super) fn writing(&self, request: &RequestId) -> Option<(Key, Value)> {
        let client = &self.clients[request.client.index()];
        let active = client.active.as_ref()?;
        if !(active.first..=client.asked).contains(&request.sequence) {
            return None;
        }
        match active.op {
            Op::Put { .. } => active.op.writes().next(),
            op => Some((op.key(), op.name()?)),
        }
    }

    /// The operation of which this is the last attempt, if it is under way.
    pub(super) fn under_way(&self, client: ClientId, sequence: u32, attempt: u32) -> Option<Active> {
        let state = &self.clients[client.index()];
        state.active.filter(|active| state.sequence == sequence && active.attempt == attempt)
    }

    /// What became of a client's operation under way; returns its number.
    pub(super) fn put_back(&mut self, client: ClientId, active: Active) -> u32 {
        let state = &mut self.clients[client.index()];
        state.active = Some(active);
        state.sequence
    }

    /// What a region has seen of a key: what its next compare-and-set will expect.
    pub(super) fn remember(&mut self, region: RegionId, op: &Op, reply: Reply) {
        let seen = &mut self.sites[region.index()].seen;
        let key = op.key().index();
        if seen.len() <= key {
            seen.resize(key + 1, None);
        }
        seen[key] = match reply {
            Reply::Written => op.written(),
            Reply::Read(value) | Reply::Mismatch(value) => value,
            Reply::Several(several) => several.named().next(),
            Reply::Amount(_) | Reply::Short(_) | Reply::Items(_) | Reply::Row(_) => None,
        };
    }
}
