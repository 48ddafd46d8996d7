//! Nodes that take time: work waits for a core in the order in which it comes, and is done when its time is over.
//!
//! A request, a message or a timer that reaches such a node is put in its queue; when a core is free, its service time is
//! drawn; when that is over, its handler runs, and what it wants is carried out. Answers that pass through a node, its disk,
//! and what it sends to itself take none of its time. A node that is paused ends what is in service when it goes on; one that
//! crashes loses it, and its queue. Nothing of this file is called in a world without service times. Next: `burdens.rs`.

use std::collections::VecDeque;

use crate::id::NodeId;
use crate::model::service::{Capacity, WhenFull};
use crate::op::Refusal;
use crate::protocol::Protocol;
use crate::rng::Stream;
use crate::time::{Duration, Time};

use super::future::{Event, Plain};
use super::setup::Setup;
use super::world::World;

/// What the nodes of a run are doing, by node.
pub(super) struct Service<P: Protocol> {
    desks: Vec<Desk<P>>,
}

/// One node's cores and queue.
struct Desk<P: Protocol> {
    capacity: Capacity,
    stream: Stream,
    /// By core.
    in_service: Vec<Option<Event<P>>>,
    queue: VecDeque<Event<P>>,
    /// How many in the queue are clients' requests.
    requests: u32,
    /// Since when its cache warms, and how far it had before that.
    cold: Option<(Time, Duration)>,
    /// When it last lost its office.
    left: Option<Time>,
    /// When it first took office: where it stood by until then, it has had ever more of its capacity since.
    scales_since: Option<Time>,
    load: NodeLoad,
}

/// What the work of a run was to one node.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct NodeLoad {
    /// How many cores it has.
    pub cores: u32,
    /// How long they worked, together, on what they began while clients asked.
    pub busy: Duration,
    /// How much work waited at once, at most.
    pub queue_max: u64,
    /// Requests for which there was no room.
    pub turned_away: u64,
    /// How long cores were kept running for it while clients asked, together, at work or not: what they cost.
    pub kept: Duration,
}

impl NodeLoad {
    /// The part of this time, in which clients asked, that a core worked: from 0 to 1; a little more where work was under way
    /// at the end.
    pub fn utilization(&self, asked: Duration) -> f64 {
        self.busy.as_secs_f64() / (asked.as_secs_f64() * f64::from(self.cores)).max(f64::MIN_POSITIVE)
    }
}

impl<P: Protocol> Service<P> {
    /// For nodes of these regions and names; `None` where they take no time.
    pub(super) fn new<'a>(
        setup: &Setup,
        seed: u64,
        nodes: impl Iterator<Item = (crate::id::RegionId, &'a str)>,
    ) -> Option<Box<Service<P>>> {
        let model = setup.service.as_ref()?;
        let desks = nodes.map(|(region, name)| {
            let capacity = model.of(region);
            let cores = capacity.cores.max(1);
            Desk {
                capacity,
                stream: Stream::new(seed, &format!("service {name}")),
                in_service: (0..cores).map(|_| None).collect(),
                queue: VecDeque::new(),
                requests: 0,
                cold: None,
                left: None,
                scales_since: None,
                load: NodeLoad { cores, ..NodeLoad::default() },
            }
        });
        Some(Box::new(Service { desks: desks.collect() }))
    }

    /// What the work was to each node, where clients asked until `end`.
    pub(super) fn loads(&self, end: Time) -> Vec<NodeLoad> {
        let of = |desk: &Desk<P>| NodeLoad { kept: desk.kept(end), ..desk.load };
        self.desks.iter().map(of).collect()
    }

    /// A node took office: if it stood by, it gets the rest of its capacity from now on.
    fn scale_up(&mut self, node: NodeId, now: Time) {
        self.desks[node.index()].scales_since.get_or_insert(now);
    }

    /// How many messages wait or are in service.
    pub(super) fn messages(&self) -> u64 {
        let work = self.desks.iter().flat_map(|desk| desk.queue.iter().chain(desk.in_service.iter().flatten()));
        work.filter(|event| matches!(event, Event::Message { .. })).count() as u64
    }

    /// How much work waits or is in service.
    pub(super) fn left(&self) -> u64 {
        let of = |desk: &Desk<P>| desk.queue.len() + desk.in_service.iter().flatten().count();
        self.desks.iter().map(|desk| of(desk) as u64).sum()
    }

    /// This node just came back: its cache is empty.
    pub(super) fn chill(&mut self, node: NodeId, now: Time) {
        let desk = &mut self.desks[node.index()];
        (desk.cold, desk.left) = (Some((now, Duration::ZERO)), None);
    }

    /// A node took office in place of another. A cache cools as it warms: who led lately has most of what clients want, and who
    /// never did has nothing of it.
    fn promote(&mut self, node: NodeId, former: NodeId, warms_in: Duration, now: Time) {
        self.desks[former.index()].left = Some(now);
        let desk = &mut self.desks[node.index()];
        let kept = desk.left.take().map(|left| {
            let at_leaving = desk.cold.map_or(warms_in, |(since, before)| (left.since(since) + before).min(warms_in));
            at_leaving - now.since(left)
        });
        desk.cold = Some((now, kept.unwrap_or_default()));
    }
}

impl<P: Protocol> Desk<P> {
    fn kept(&self, end: Time) -> Duration {
        let span = end.since(Time::ZERO);
        let of_one = self.capacity.standby.map_or(span, |standby| {
            standby.kept(span, self.scales_since.filter(|at| *at < end).map(|at| end.since(at)))
        });
        of_one * u64::from(self.capacity.cores.max(1))
    }

    fn free_core(&self) -> Option<usize> {
        self.in_service.iter().position(Option::is_none)
    }

    /// Whether there is room for one more request: at a free core, or in the queue.
    fn has_room(&self) -> bool {
        self.capacity.queue.is_none_or(|most| self.requests < most || self.free_core().is_some())
    }
}

impl<P: Protocol> World<'_, P> {
    fn desk(&mut self, node: NodeId) -> &mut Desk<P> {
        &mut self.service.as_mut().expect("work is queued where it takes time").desks[node.index()]
    }

    /// Work reaches a node that takes time.
    #[inline(never)]
    pub(super) fn enqueue(&mut self, node: NodeId, event: Event<P>) {
        if matches!(event, Event::Message { from, to, .. } if from == to) {
            return self.work(node, event);
        }
        let is_request = matches!(event, Event::Plain(Plain::Request { .. }));
        let desk = self.desk(node);
        if let Event::Plain(Plain::Request { slot, .. }) = event
            && !desk.has_room()
        {
            return self.turn_away(node, slot);
        }
        desk.requests += u32::from(is_request);
        desk.queue.push_back(event);
        self.begin_work(node);
        let desk = self.desk(node);
        desk.load.queue_max = desk.load.queue_max.max(desk.queue.len() as u64);
    }

    fn turn_away(&mut self, node: NodeId, slot: u32) {
        let request = self.in_flight.requests.remove(slot);
        let desk = self.desk(node);
        desk.load.turned_away += 1;
        if desk.capacity.when_full == WhenFull::Refuse {
            self.answer(node, request.id, Err(Refusal::Unavailable), None);
        }
    }

    /// Begins as much of what waits as there are cores.
    fn begin_work(&mut self, node: NodeId) {
        loop {
            let desk = self.desk(node);
            let Some(core) = desk.free_core() else { return };
            let Some(event) = desk.queue.pop_front() else { return };
            desk.requests -= u32::from(matches!(event, Event::Plain(Plain::Request { .. })));
            if let Event::Plain(Plain::Timer { timer, id, .. }) = event
                && !self.nodes[node.index()].is_due(timer, id, self.now)
            {
                self.timer(node, timer, id); // set anew, or cancelled, while it waited: that is no work
                continue;
            }
            let lasts = self.service_time(node, &event);
            if lasts.is_zero() {
                self.work(node, event);
                continue;
            }
            let is_over = self.is_over();
            let desk = self.desk(node);
            if !is_over {
                desk.load.busy += lasts;
            }
            desk.in_service[core] = Some(event);
            let incarnation = self.nodes[node.index()].incarnation;
            self.later(self.now + lasts, Plain::Served { node, incarnation, core: core as u32 });
        }
    }

    fn service_time(&mut self, node: NodeId, event: &Event<P>) -> Duration {
        let Capacity { read, write, message, timer, is_exponential, standby, .. } = self.desk(node).capacity;
        let usual = match event {
            Event::Message { .. } => message,
            Event::Plain(Plain::Request { slot, .. }) => {
                if self.in_flight.requests.get(*slot).op.kind().writes() {
                    write
                } else {
                    read
                }
            }
            Event::Plain(_) => timer,
        };
        let (now, model) = (self.now, self.setup.service.as_ref().expect("this world has service times"));
        let desk = self.desk(node);
        let mut lasts = if is_exponential { desk.stream.exponential(usual) } else { usual };
        if let (Some((since, before)), Some(cold)) = (desk.cold, model.cold) {
            lasts = cold.of(lasts, now.since(since) + before);
        }
        if let Some(standby) = standby {
            lasts = standby.of(lasts, desk.scales_since.map(|at| now.since(at)));
        }
        self.burdens.slowed(node, lasts)
    }

    /// A core's time for its piece of work is over.
    pub(super) fn served(&mut self, node: NodeId, incarnation: u32, core: u32) {
        let state = &self.nodes[node.index()];
        if state.incarnation != incarnation {
            return;
        }
        if state.pauses > 0 {
            return self.wait(node, Event::Plain(Plain::Served { node, incarnation, core }));
        }
        if let Some(event) = self.desk(node).in_service[core as usize].take() {
            self.work(node, event);
        }
        self.begin_work(node);
    }

    /// Handles what was in service.
    fn work(&mut self, node: NodeId, event: Event<P>) {
        match event {
            Event::Message { from, to, message } => self.deliver(from, to, message),
            Event::Plain(Plain::Request { slot, .. }) => self.request(node, slot),
            Event::Plain(Plain::Timer { timer, id, .. }) => {
                if self.nodes[node.index()].is_due(timer, id, self.now) {
                    self.fire(node, timer, id);
                } else {
                    self.timer(node, timer, id);
                }
            }
            Event::Plain(_) => {}
        }
    }

    /// The node is down: what waited for it, and what it was at, is gone.
    pub(super) fn lose_work(&mut self, node: NodeId) {
        if self.service.is_none() {
            return;
        }
        let desk = self.desk(node);
        let lost: Vec<Event<P>> =
            desk.queue.drain(..).chain(desk.in_service.iter_mut().filter_map(Option::take)).collect();
        desk.requests = 0;
        for event in lost {
            self.mail.lost += u64::from(matches!(event, Event::Message { .. }));
            self.in_flight.discard(&event);
        }
    }

    /// A node took office, perhaps in place of another.
    pub(super) fn chill_if_promoted(&mut self, node: NodeId) {
        let (group, now) = (self.nodes[node.index()].group, self.now);
        let warms_in = self.setup.service.as_ref().and_then(|model| model.cold).map(|cold| cold.warms_in);
        let former = self.docket.ask().leaders.current(group).filter(|former| *former != node);
        if let Some(service) = &mut self.service {
            service.scale_up(node, now);
        }
        if let (Some(service), Some(warms_in), Some(former)) = (&mut self.service, warms_in, former) {
            service.promote(node, former, warms_in, now);
        }
    }
}
