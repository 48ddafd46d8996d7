//! A small network for tests: datagrams with their own delays, disks that hold back what is not synced, crashes and
//! pauses. Every schedule is a function of its seed.

use std::collections::{BTreeMap, VecDeque};

use crate::id::{ClientId, NodeId, RegionId, RequestId};
use crate::op::{Op, Refusal, Reply};
use crate::rng::Stream;
use crate::time::{Duration, Time};
use crate::trace::Observation;

use super::super::{Message, Options, Raft, Record, Timer};
use super::judge::Judge;
use crate::protocol::outbox::Outbox;
use crate::protocol::{Context, Effect, Member, Protocol, Request, Role};

/// How messages and disks fare.
pub(super) struct Weather {
    /// The shortest and the longest delay from one node to another, in milliseconds.
    pub(super) delay_ms: fn(usize, usize) -> (u64, u64),
    /// Messages lost, in a thousand.
    pub(super) lost: u64,
    /// Messages that come twice, in a thousand.
    pub(super) doubled: u64,
    /// The longest time a disk takes to sync.
    pub(super) sync: Duration,
}

impl Weather {
    /// No loss, and disks that take no time.
    pub(super) fn fair(delay_ms: fn(usize, usize) -> (u64, u64)) -> Weather {
        Weather { delay_ms, lost: 0, doubled: 0, sync: Duration::ZERO }
    }
}

/// What happens at an instant. What concerns one life of a node is void in the next.
enum Event {
    Deliver { to: usize, from: NodeId, message: Message },
    Request { to: usize, request: Request<Raft> },
    Fire { to: usize, life: u32, timer: Timer, setting: u64 },
    Synced { to: usize, life: u32 },
    Answer { id: RequestId, answer: Result<Reply, Refusal> },
    Wake { client: ClientId, sequence: u32, attempt: u32 },
}

/// What reaches the test.
pub(super) enum Heard {
    Answer {
        id: RequestId,
        answer: Result<Reply, Refusal>,
    },
    /// The alarm that a client set.
    Wake {
        client: ClientId,
        sequence: u32,
        attempt: u32,
    },
}

enum Outgoing {
    Message { to: NodeId, message: Message },
    Reply { id: RequestId, reply: Reply },
}

enum Write {
    Record(Record),
    Whole(Vec<Record>),
}

pub(super) struct Node {
    stream: Stream,
    pub(super) raft: Option<Raft>,
    life: u32,
    /// What a crash does not take.
    disk: Vec<Record>,
    writes: VecDeque<Write>,
    issued: u64,
    synced: u64,
    disk_free: Time,
    /// What waits for the disk, with the number of writes that it waits for.
    held: VecDeque<(u64, Outgoing)>,
    settings: [u64; 3],
    paused_until: Time,
    checked: u64,
}

pub(super) struct Cluster {
    pub(super) now: Time,
    pub(super) nodes: Vec<Node>,
    pub(super) judge: Judge,
    pub(super) chance: Stream,
    pub(super) weather: Weather,
    /// `cut[from][to]`.
    pub(super) cut: [[bool; 5]; 5],
    /// Messages sent between nodes.
    pub(super) sent: u64,
    pub(super) observed: Vec<(Time, usize, Observation)>,
    options: Options,
    members: Vec<Member>,
    queue: BTreeMap<(Time, u64), Event>,
    sequence: u64,
}

impl Cluster {
    pub(super) fn new(n: usize, seed: u64, options: Options, weather: Weather) -> Cluster {
        let member = |place: u16| Member {
            node: NodeId(place),
            region: RegionId(place),
            region_name: format!("r{place}").into(),
            role: Role::Replica,
        };
        let node = |me: usize| Node {
            stream: Stream::new(seed, &format!("node {me}")),
            raft: None,
            life: 0,
            disk: Vec::new(),
            writes: VecDeque::new(),
            issued: 0,
            synced: 0,
            disk_free: Time::ZERO,
            held: VecDeque::new(),
            settings: [0; 3],
            paused_until: Time::ZERO,
            checked: 0,
        };
        Cluster {
            now: Time::ZERO,
            nodes: (0..n).map(node).collect(),
            judge: Judge::default(),
            chance: Stream::new(seed, "cluster"),
            weather,
            cut: [[false; 5]; 5],
            sent: 0,
            observed: Vec::new(),
            options,
            members: (0..n as u16).map(member).collect(),
            queue: BTreeMap::new(),
            sequence: 0,
        }
    }

    /// Starts a node, or starts it again with what its disk kept.
    pub(super) fn start(&mut self, at: usize) {
        let (options, records) = (self.options.clone(), self.nodes[at].disk.clone());
        self.handle(at, |raft, cx| *raft = Some(Raft::start(&options, records, cx)));
    }

    /// Takes all but the disk.
    pub(super) fn crash(&mut self, at: usize) {
        let node = &mut self.nodes[at];
        node.raft = None;
        node.life += 1;
        node.writes.clear();
        node.held.clear();
        (node.issued, node.synced, node.checked) = (0, 0, 0);
        node.paused_until = Time::ZERO;
    }

    pub(super) fn pause(&mut self, at: usize, span: Duration) {
        self.nodes[at].paused_until = self.now + span;
    }

    pub(super) fn request(&mut self, at: usize, client: ClientId, sequence: u32, op: Op) {
        let id = RequestId { client, sequence, entry: NodeId(at as u16) };
        self.schedule(Duration::ZERO, Event::Request { to: at, request: Request { id, op, session: () } });
    }

    pub(super) fn wake(&mut self, after: Duration, client: ClientId, sequence: u32, attempt: u32) {
        self.schedule(after, Event::Wake { client, sequence, attempt });
    }

    fn schedule(&mut self, after: Duration, event: Event) {
        self.sequence += 1;
        self.queue.insert((self.now + after, self.sequence), event);
    }

    /// The node that leads the highest term, if one does.
    pub(super) fn leader(&self) -> Option<usize> {
        let terms = self.nodes.iter().enumerate().filter_map(|(at, node)| {
            let raft = node.raft.as_ref()?;
            (raft.leader == Some(NodeId(at as u16))).then_some((raft.term, at))
        });
        terms.max().map(|(_, at)| at)
    }

    /// Goes on until the test hears something, or until `end`.
    pub(super) fn run(&mut self, end: Time) -> Option<Heard> {
        while let Some(entry) = self.queue.first_entry() {
            let (at, _) = *entry.key();
            if at > end {
                break;
            }
            let event = entry.remove();
            self.now = at;
            match event {
                Event::Answer { id, answer } => return Some(Heard::Answer { id, answer }),
                Event::Wake { client, sequence, attempt } => return Some(Heard::Wake { client, sequence, attempt }),
                event => self.happen(event),
            }
        }
        self.now = end;
        None
    }

    fn happen(&mut self, event: Event) {
        let to = match event {
            Event::Deliver { to, .. } | Event::Request { to, .. } => to,
            Event::Fire { to, .. } | Event::Synced { to, .. } => to,
            Event::Answer { .. } | Event::Wake { .. } => return,
        };
        let node = &self.nodes[to];
        let Some(_) = node.raft else { return };
        if self.now < node.paused_until && !matches!(event, Event::Synced { .. }) {
            self.schedule(node.paused_until.since(self.now), event);
            return;
        }
        let (life, settings) = (node.life, node.settings);
        match event {
            Event::Deliver { from, message, .. } => {
                self.handle(to, |raft, cx| raft.as_mut().expect("up").on_message(from, message, cx));
            }
            Event::Request { request, .. } => {
                self.handle(to, |raft, cx| raft.as_mut().expect("up").on_request(request, cx));
            }
            Event::Fire { life: set_in, timer, setting, .. }
                if (set_in, setting) == (life, settings[timer as usize]) =>
            {
                self.handle(to, |raft, cx| raft.as_mut().expect("up").on_timer(timer, cx));
            }
            Event::Synced { life: written_in, .. } if written_in == life => self.sync_one(to),
            _ => {}
        }
    }

    /// Calls a handler of a node that is up, carries out what it wants, and lets the judge look.
    fn handle(&mut self, at: usize, call: impl FnOnce(&mut Option<Raft>, &mut Context<Raft>)) {
        let node = &mut self.nodes[at];
        let mut outbox = Outbox::default();
        let mut cx = Context {
            me: &self.members[at],
            members: &self.members,
            now: self.now,
            uncertainty: Duration::ZERO,
            stream: &mut node.stream,
            outbox: &mut outbox,
        };
        call(&mut node.raft, &mut cx);
        for effect in outbox.drain() {
            self.carry_out(at, effect);
        }
        let node = &mut self.nodes[at];
        let raft = node.raft.as_ref().expect("a handler leaves a node");
        node.checked = self.judge.look(NodeId(at as u16), raft, node.checked);
    }

    fn carry_out(&mut self, at: usize, effect: Effect<Raft>) {
        let me = NodeId(at as u16);
        match effect {
            Effect::Send { to, message, unsynced } => self.send(at, unsynced, Outgoing::Message { to, message }),
            Effect::Reply { request: id, reply, unsynced, .. } => {
                self.send(at, unsynced, Outgoing::Reply { id, reply })
            }
            Effect::Broadcast { .. } | Effect::ObserveInside(_) => unreachable!("not used"),
            Effect::Refuse { request: id, refusal } => self.answer(at, id, Err(refusal)),
            Effect::Forward { to, request } => {
                if let Some(delay) = self.delay(at, to.index()) {
                    self.schedule(delay, Event::Request { to: to.index(), request });
                }
            }
            Effect::SetTimer { timer, after } => {
                let node = &mut self.nodes[at];
                node.settings[timer as usize] += 1;
                let (life, setting) = (node.life, node.settings[timer as usize]);
                self.schedule(after, Event::Fire { to: at, life, timer, setting });
            }
            Effect::CancelTimer { timer } => self.nodes[at].settings[timer as usize] += 1,
            Effect::Persist { record } => self.write(at, Write::Record(record)),
            Effect::Compact { records } => self.write(at, Write::Whole(records)),
            Effect::Observe(observation) => {
                self.judge.observe(me, observation);
                if !matches!(observation, Observation::Applied { .. }) {
                    self.observed.push((self.now, at, observation));
                }
            }
        }
    }

    fn write(&mut self, at: usize, write: Write) {
        let longest = self.weather.sync;
        let node = &mut self.nodes[at];
        node.writes.push_back(write);
        node.issued += 1;
        if longest.is_zero() {
            return self.sync_one(at);
        }
        let takes = self.chance.between(Duration::ZERO, longest);
        node.disk_free = node.disk_free.max(self.now) + takes;
        let (after, life) = (node.disk_free.since(self.now), node.life);
        self.schedule(after, Event::Synced { to: at, life });
    }

    fn sync_one(&mut self, at: usize) {
        let node = &mut self.nodes[at];
        node.synced += 1;
        match node.writes.pop_front().expect("a write is under way") {
            Write::Record(record) => node.disk.push(record),
            Write::Whole(records) => node.disk = records,
        }
        let synced = node.synced;
        while self.nodes[at].held.front().is_some_and(|(needs, _)| *needs <= synced) {
            let (_, outgoing) = self.nodes[at].held.pop_front().expect("it was looked at");
            self.leave(at, outgoing);
        }
    }

    fn send(&mut self, at: usize, unsynced: bool, outgoing: Outgoing) {
        let node = &mut self.nodes[at];
        if unsynced || node.synced == node.issued {
            self.leave(at, outgoing);
        } else {
            node.held.push_back((node.issued, outgoing));
        }
    }

    fn leave(&mut self, at: usize, outgoing: Outgoing) {
        let (to, message) = match outgoing {
            Outgoing::Reply { id, reply } => return self.answer(at, id, Ok(reply)),
            Outgoing::Message { to, message } => (to.index(), message),
        };
        let from = NodeId(at as u16);
        self.sent += u64::from(at != to);
        let copies = 1 + u64::from(at != to && self.chance.chance(self.weather.doubled, 1000));
        for _ in 0..copies {
            if let Some(delay) = self.delay(at, to) {
                self.schedule(delay, Event::Deliver { to, from, message: message.clone() });
            }
        }
    }

    fn answer(&mut self, at: usize, id: RequestId, answer: Result<Reply, Refusal>) {
        if let Some(delay) = self.delay(at, id.entry.index()) {
            self.schedule(delay, Event::Answer { id, answer });
        }
    }

    /// How long a message takes, if it arrives. To oneself it takes no time.
    fn delay(&mut self, from: usize, to: usize) -> Option<Duration> {
        if from == to {
            return Some(Duration::ZERO);
        }
        let (low, high) = (self.weather.delay_ms)(from, to);
        let delay = self.chance.between(Duration::millis(low), Duration::millis(high));
        (!self.cut[from][to] && !self.chance.chance(self.weather.lost, 1000)).then_some(delay)
    }
}
