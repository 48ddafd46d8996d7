//! A tiny deterministic world for this protocol's trials: a network that delays, drops, reorders and is cut; nodes that
//! crash, pause and restart with what their disks synced; clients that retry.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::id::{ClientId, Key, NodeId, RegionId, RequestId, Value};
use crate::op::{Op, Refusal, Reply};
use crate::protocol::outbox::Outbox;
use crate::protocol::{Context, Effect, Member, Protocol, Request, Role, State};
use crate::rng::Stream;
use crate::time::{Duration, Time};
use crate::trace::Observation;

use super::replica::Duty;
use super::{Entry, Message, Node, Options, PrimaryBackup, Record, Timer};

/// Regions of a bed; the first few have replicas, as the options say.
pub(super) const REGIONS: [&str; 5] = ["a", "b", "c", "d", "e"];

/// What goes wrong at an instant.
#[derive(Clone, Debug)]
pub(super) enum Fault {
    Crash(usize),
    Restart(usize),
    Pause(usize),
    Resume(usize),
    /// Messages from the first to the second are lost.
    Cut(Vec<(usize, usize)>),
    /// Each message is lost this often in a thousand.
    Loss(u64),
    /// Every link works.
    Mend,
}

#[derive(Debug)]
enum Event {
    Message { from: NodeId, to: NodeId, message: Message },
    Request { to: NodeId, request: Request<PrimaryBackup> },
    Answer { from: NodeId, id: RequestId, says: Result<Reply, Refusal> },
    Timer { node: usize, timer: Timer, id: u64 },
    Departs { node: usize, incarnation: u32, effect: Effect<PrimaryBackup> },
    Ask(usize),
    Impatient { client: usize, sequence: u32, attempt: u32 },
    GivesUp { client: usize, sequence: u32 },
    Fault(Fault),
}

#[derive(Debug)]
struct Machine {
    node: Option<PrimaryBackup>,
    incarnation: u32,
    paused: bool,
    backlog: Vec<Event>,
    /// Each record with the time at which it is synced; and when all is.
    disk: Vec<(Time, Record)>,
    synced_at: Time,
    timers: Vec<(Timer, u64)>,
    offset: Duration,
    stream: Stream,
    epoch: Option<u64>,
}

#[derive(Debug)]
struct Client {
    sequence: u32,
    target: NodeId,
    attempt: u32,
    /// Its operation under way, by place in the history.
    under_way: Option<usize>,
    seen: BTreeMap<Key, Value>,
}

/// One operation of a client.
#[derive(Clone, Debug)]
pub(super) struct Call {
    pub op: Op,
    pub invoked: Time,
    pub returned: Option<(Time, Reply)>,
}

/// A bed, and what was seen in it.
pub(super) struct Bed {
    pub now: Time,
    queue: BTreeMap<(Time, u64), Event>,
    sequence: u64,
    options: Options,
    members: Vec<Member>,
    machines: Vec<Machine>,
    cut: BTreeSet<(usize, usize)>,
    loss: u64,
    disk_takes: Duration,
    stream: Stream,
    clients: Vec<Client>,
    clients_until: Time,
    last_value: u64,
    pub history: Vec<Call>,
    /// Who took office, by epoch.
    pub leaders: BTreeMap<u64, BTreeSet<NodeId>>,
    /// The latest epoch that was ready so far.
    pub ready: u64,
    /// Each answer to a write or a primary's read: the server's epoch, and the latest epoch that was ready by then.
    pub answers: Vec<(Option<u64>, u64)>,
    pub observed: Vec<(Time, NodeId, Observation)>,
    /// Each node's copy as told by its observations.
    pub told: Vec<BTreeMap<Key, Vec<Value>>>,
    pub rolled_back: BTreeSet<Value>,
    outbox: Outbox<PrimaryBackup>,
}

impl Bed {
    pub fn new(options: Options, regions: usize, disk_takes: Duration, seed: u64) -> Bed {
        let seats = PrimaryBackup::seats(&options, &REGIONS[..regions]).expect("a trial's options fit");
        let member = |(place, seat): (usize, &crate::protocol::Seat)| Member {
            node: NodeId(place as u16),
            region: seat.region,
            region_name: Arc::from(REGIONS[seat.region.index()]),
            role: seat.role,
        };
        let members: Vec<Member> = seats.iter().enumerate().map(member).collect();
        let mut stream = Stream::new(seed, "bed");
        let machines = (0..members.len()).map(|place| Machine {
            node: None,
            incarnation: 0,
            paused: false,
            backlog: Vec::new(),
            disk: Vec::new(),
            synced_at: Time::ZERO,
            timers: Vec::new(),
            offset: stream.between(Duration::ZERO, Duration::secs(100)),
            stream: Stream::new(seed, &format!("node {place}")),
            epoch: None,
        });
        let machines: Vec<Machine> = machines.collect();
        let mut bed = Bed {
            now: Time::ZERO,
            queue: BTreeMap::new(),
            sequence: 0,
            told: vec![BTreeMap::new(); members.len()],
            options,
            members,
            machines,
            cut: BTreeSet::new(),
            loss: 0,
            disk_takes,
            stream,
            clients: Vec::new(),
            clients_until: Time::ZERO,
            last_value: 0,
            history: Vec::new(),
            leaders: BTreeMap::new(),
            ready: 0,
            answers: Vec::new(),
            observed: Vec::new(),
            rolled_back: BTreeSet::new(),
            outbox: Outbox::default(),
        };
        (0..bed.machines.len()).for_each(|node| bed.start(node));
        bed
    }

    pub fn nodes(&self) -> usize {
        self.machines.len()
    }

    pub fn replicas(&self) -> usize {
        self.members.iter().filter(|member| member.role == Role::Replica).count()
    }

    pub fn chance(&mut self, n: u64) -> u64 {
        self.stream.below(n)
    }

    pub fn at(&mut self, at: Time, fault: Fault) {
        self.push(at, Event::Fault(fault));
    }

    /// Clients ask from now until then.
    pub fn ask(&mut self, clients: usize, until: Time) {
        self.clients_until = until;
        for client in 0..clients {
            let target = NodeId(self.chance(self.replicas() as u64) as u16);
            self.clients.push(Client { sequence: 0, target, attempt: 0, under_way: None, seen: BTreeMap::new() });
            self.push(self.now, Event::Ask(client));
        }
    }

    pub fn run_until(&mut self, end: Time) {
        while let Some(entry) = self.queue.first_entry()
            && entry.key().0 <= end
        {
            let ((at, _), event) = entry.remove_entry();
            self.now = at;
            self.step(event);
        }
        self.now = end;
    }

    fn push(&mut self, at: Time, event: Event) {
        self.sequence += 1;
        self.queue.insert((at, self.sequence), event);
    }

    fn step(&mut self, event: Event) {
        let node = match &event {
            Event::Message { from, to, .. } if from != to && self.cut.contains(&(from.index(), to.index())) => return,
            Event::Message { to, .. } | Event::Request { to, .. } => Some(to.index()),
            Event::Timer { node, timer, id } if self.machines[*node].timers.contains(&(*timer, *id)) => Some(*node),
            Event::Timer { .. } => return,
            _ => None,
        };
        if let Some(node) = node {
            if self.machines[node].node.is_none() {
                return;
            }
            if self.machines[node].paused {
                self.machines[node].backlog.push(event);
                return;
            }
        }
        match event {
            Event::Message { from, to, message } => {
                self.handle(to.index(), |node, cx| node.on_message(from, message, cx))
            }
            Event::Request { to, request } => self.handle(to.index(), |node, cx| node.on_request(request, cx)),
            Event::Timer { node, timer, .. } => {
                self.machines[node].timers.retain(|(set, _)| *set != timer);
                self.handle(node, |protocol, cx| protocol.on_timer(timer, cx));
            }
            Event::Departs { node, incarnation, effect } if self.machines[node].incarnation == incarnation => {
                self.leave(node, effect);
            }
            Event::Departs { .. } => {}
            Event::Answer { from, id, says } => self.answered(from, id, says),
            Event::Ask(client) => self.invoke(client),
            Event::Impatient { client, sequence, attempt } => self.impatient(client, sequence, attempt),
            Event::GivesUp { client, sequence } => {
                if self.clients[client].sequence == sequence && self.clients[client].under_way.is_some() {
                    self.next(client);
                }
            }
            Event::Fault(fault) => self.fault(fault),
        }
    }

    fn fault(&mut self, fault: Fault) {
        match fault {
            Fault::Crash(node) => {
                let machine = &mut self.machines[node];
                machine.disk.retain(|(synced, _)| *synced <= self.now);
                (machine.node, machine.epoch, machine.synced_at) = (None, None, self.now);
                machine.incarnation += 1;
                machine.timers.clear();
                machine.backlog.clear();
                self.told[node].clear();
            }
            Fault::Restart(node) if self.machines[node].node.is_none() => self.start(node),
            Fault::Restart(_) => {}
            Fault::Pause(node) => self.machines[node].paused = true,
            Fault::Resume(node) => {
                self.machines[node].paused = false;
                let backlog = std::mem::take(&mut self.machines[node].backlog);
                backlog.into_iter().for_each(|event| self.push(self.now, event));
            }
            Fault::Cut(links) => self.cut.extend(links),
            Fault::Loss(parts) => self.loss = parts,
            Fault::Mend => {
                self.cut.clear();
                self.loss = 0;
            }
        }
    }

    fn start(&mut self, node: usize) {
        let recovered = self.machines[node].disk.iter().map(|(_, record)| *record).collect();
        let options = self.options.clone();
        let mut started = None;
        self.with_context(node, |cx| started = Some(PrimaryBackup::start(&options, recovered, cx)));
        self.machines[node].node = started;
        self.carry_out(node);
    }

    fn handle(&mut self, node: usize, call: impl FnOnce(&mut PrimaryBackup, &mut Context<PrimaryBackup>)) {
        let mut protocol = self.machines[node].node.take().expect("only nodes that are up handle");
        self.with_context(node, |cx| call(&mut protocol, cx));
        self.machines[node].node = Some(protocol);
        self.carry_out(node);
    }

    fn with_context(&mut self, node: usize, call: impl FnOnce(&mut Context<PrimaryBackup>)) {
        let machine = &mut self.machines[node];
        call(&mut Context {
            me: &self.members[node],
            members: &self.members,
            now: self.now + machine.offset,
            uncertainty: Duration::ZERO,
            stream: &mut machine.stream,
            outbox: &mut self.outbox,
        });
    }

    fn carry_out(&mut self, node: usize) {
        let wanted: Vec<_> = self.outbox.drain().collect();
        for effect in wanted {
            let unsynced = matches!(effect, Effect::Reply { unsynced: true, .. } | Effect::Send { unsynced: true, .. });
            match effect {
                Effect::Persist { record } => {
                    let machine = &mut self.machines[node];
                    machine.synced_at = machine.synced_at.max(self.now) + self.disk_takes;
                    machine.disk.push((machine.synced_at, record));
                }
                Effect::SetTimer { timer, after } => {
                    self.sequence += 1;
                    let id = self.sequence;
                    self.machines[node].timers.retain(|(set, _)| *set != timer);
                    self.machines[node].timers.push((timer, id));
                    self.push(self.now + after, Event::Timer { node, timer, id });
                }
                Effect::CancelTimer { timer } => self.machines[node].timers.retain(|(set, _)| *set != timer),
                Effect::Observe(observation) => self.observe(node, observation),
                effect if unsynced || self.machines[node].synced_at <= self.now => self.leave(node, effect),
                effect => {
                    let (at, incarnation) = (self.machines[node].synced_at, self.machines[node].incarnation);
                    self.push(at, Event::Departs { node, incarnation, effect });
                }
            }
        }
    }

    fn leave(&mut self, node: usize, effect: Effect<PrimaryBackup>) {
        let from = NodeId(node as u16);
        match effect {
            Effect::Send { to, message, .. } if to == from => self.push(self.now, Event::Message { from, to, message }),
            Effect::Send { to, message, .. } => {
                assert!(crate::protocol::Payload::bytes(&message) >= 16);
                if !self.stream.chance(self.loss, 1000) && !self.cut.contains(&(node, to.index())) {
                    let at = self.now + self.delay();
                    self.push(at, Event::Message { from, to, message });
                }
            }
            Effect::Reply { request, reply, .. } => self.answer(from, request, Ok(reply)),
            Effect::Refuse { request, refusal } => self.answer(from, request, Err(refusal)),
            other => panic!("this protocol has no use for {other:?}"),
        }
    }

    fn answer(&mut self, from: NodeId, id: RequestId, says: Result<Reply, Refusal>) {
        if says.is_ok() {
            self.answers.push((self.machines[from.index()].epoch, self.ready));
        }
        let at = self.now + self.delay();
        self.push(at, Event::Answer { from, id, says });
    }

    /// A few milliseconds, and now and then many.
    fn delay(&mut self) -> Duration {
        let most = if self.stream.chance(1, 50) { 400 } else { 40 };
        self.stream.between(Duration::millis(2), Duration::millis(most))
    }

    fn observe(&mut self, node: usize, observation: Observation) {
        let at = NodeId(node as u16);
        self.observed.push((self.now, at, observation));
        match observation {
            Observation::Leader { epoch } => {
                self.leaders.entry(epoch).or_default().insert(at);
                self.machines[node].epoch = Some(epoch);
            }
            Observation::Ready { epoch } => self.ready = self.ready.max(epoch),
            Observation::SteppedDown { epoch } => {
                assert_eq!(self.machines[node].epoch.take(), Some(epoch), "only who leads steps down");
            }
            Observation::Applied { key, value } => self.told[node].entry(key).or_default().push(value),
            Observation::RolledBack { key, value, now } => {
                let told = self.told[node].entry(key).or_default();
                assert_eq!(told.pop(), Some(value), "the latest goes first");
                assert_eq!(told.last().copied(), now, "what is left is what was before");
                self.rolled_back.insert(value);
            }
            _ => {}
        }
    }

    fn invoke(&mut self, client: usize) {
        if self.now >= self.clients_until {
            return;
        }
        let key = Key(self.stream.below(3) as u32);
        self.last_value += 1;
        let new = Value(self.last_value);
        let op = match self.stream.below(20) {
            0..10 => Op::Read(key),
            10..17 => Op::Write(key, new),
            _ => Op::CompareAndSet { key, expected: self.clients[client].seen.get(&key).copied(), new },
        };
        let state = &mut self.clients[client];
        state.sequence += 1;
        state.under_way = Some(self.history.len());
        let sequence = state.sequence;
        self.history.push(Call { op, invoked: self.now, returned: None });
        self.push(self.now + Duration::millis(1500), Event::GivesUp { client, sequence });
        self.attempt(client);
    }

    fn attempt(&mut self, client: usize) {
        let state = &mut self.clients[client];
        let Some(call) = state.under_way else { return };
        state.attempt += 1;
        let (to, sequence, attempt) = (state.target, state.sequence, state.attempt);
        let id = RequestId { client: ClientId(client as u32), sequence, entry: to };
        let request = Request { id, op: self.history[call].op, session: () };
        let at = self.now + self.delay();
        self.push(at, Event::Request { to, request });
        self.push(self.now + Duration::millis(500), Event::Impatient { client, sequence, attempt });
    }

    fn impatient(&mut self, client: usize, sequence: u32, attempt: u32) {
        let replicas = self.replicas() as u64;
        if (self.clients[client].sequence, self.clients[client].attempt) == (sequence, attempt) {
            self.clients[client].target = NodeId(self.stream.below(replicas) as u16);
            self.attempt(client);
        }
    }

    fn answered(&mut self, from: NodeId, id: RequestId, says: Result<Reply, Refusal>) {
        let client = id.client.index();
        let state = &mut self.clients[client];
        let Some(call) = state.under_way.filter(|_| state.sequence == id.sequence) else { return };
        match says {
            Ok(reply) => {
                self.history[call].returned = Some((self.now, reply));
                let key = self.history[call].op.key();
                match (reply, self.history[call].op.written()) {
                    (Reply::Read(Some(value)) | Reply::Mismatch(Some(value)), _) => drop(state.seen.insert(key, value)),
                    (Reply::Written, Some(value)) => drop(state.seen.insert(key, value)),
                    _ => {}
                }
                state.target = from;
                self.next(client);
            }
            Err(Refusal::Redirect(to)) if from == state.target => {
                state.target = to;
                self.attempt(client);
            }
            Err(_) => {} // it tries another when its patience ends
        }
    }

    fn next(&mut self, client: usize) {
        self.clients[client].under_way = None;
        let after = self.stream.between(Duration::ZERO, Duration::millis(60));
        self.push(self.now + after, Event::Ask(client));
    }

    /// Each node's copy.
    pub fn states(&self) -> Vec<State> {
        self.machines.iter().map(|machine| machine.node.as_ref().expect("all are up at the end").state()).collect()
    }

    /// The log of the primary with the latest epoch, and who that is.
    pub fn final_log(&self) -> Option<(usize, Vec<Entry>)> {
        let leading = |place: usize| match &self.machines[place].node.as_ref()?.0 {
            Node::Replica(replica) if matches!(replica.duty, Duty::Leading(_)) => Some((replica.office.epoch, place)),
            _ => None,
        };
        let (_, primary) = (0..self.machines.len()).filter_map(leading).max()?;
        let Some(PrimaryBackup(Node::Replica(replica))) = &self.machines[primary].node else { return None };
        Some((primary, (1..=replica.log.len()).filter_map(|index| replica.log.get(index).copied()).collect()))
    }

    /// The nodes in these regions, monitors too.
    pub fn nodes_in(&self, regions: &[RegionId]) -> Vec<usize> {
        (0..self.members.len()).filter(|place| regions.contains(&self.members[*place].region)).collect()
    }
}
