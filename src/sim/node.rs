//! A node: calling its protocol, its timers, its disk, and what is left of it after a crash.
//!
//! Next: `stops.rs`, how nodes stop.

use std::collections::VecDeque;

use crate::id::{GroupId, NodeId, RegionId};
use crate::model::clock::Clock;
use crate::model::disk::{DiskModel, SyncPolicy};
use crate::protocol::{Context, Effect, Protocol, Role};
use crate::rng::Stream;
use crate::time::{Duration, Time};

use super::disk::Disk;
use super::future::{Event, Plain};
use super::world::{Fate, World};

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
    pub(super) next_timer: u32,
    pub(super) disk: Disk<P::Record>,
    /// What must wait for the disk, with the mark it waits for.
    pub(super) held: VecDeque<(u64, Effect<P>)>,
    /// Its clock as it is now.
    pub(super) clock: Clock,
    /// Its clock as it is while no fault disturbs it.
    pub(super) own_clock: Clock,
    stream: Stream,
    /// The dice of its disk, where a sync's time is drawn.
    disk_dice: Option<Box<Stream>>,
}

/// A timer that is set. One queued event may stand for several settings: when it comes too early it is queued again.
#[derive(Debug)]
pub(super) struct Armed<T> {
    pub(super) timer: T,
    pub(super) deadline: Time,
    pub(super) queued: Time,
    pub(super) id: u32,
}

impl<P: Protocol> World<'_, P> {
    /// Starts a node, for the first time or after a crash.
    pub(super) fn start(&mut self, node: NodeId) {
        let recovered = self.nodes[node.index()].disk.recover();
        let options = self.options;
        let (protocol, mut cx) = self.stage(node);
        *protocol = Some(P::start(options, recovered, &mut cx));
        self.carry_out(node);
        if let Some(service) = &mut self.service
            && self.nodes[node.index()].incarnation > 0
        {
            service.chill(node, self.now);
        }
    }

    /// A node that is up, and what a handler of its protocol is called with. What that wants is to be carried out after.
    #[inline(always)]
    pub(super) fn on_stage(&mut self, node: NodeId) -> (&mut P, Context<'_, P>) {
        let (protocol, cx) = self.stage(node);
        (protocol.as_mut().expect("only a node that is up handles events"), cx)
    }

    #[inline(always)]
    fn stage(&mut self, node: NodeId) -> (&mut Option<P>, Context<'_, P>) {
        let Node { group, seat, clock, stream, protocol, .. } = &mut self.nodes[node.index()];
        let members = &self.groups[group.index()];
        let cx = Context {
            me: &members[*seat],
            members,
            now: clock.reading(self.now),
            uncertainty: clock.uncertainty,
            stream,
            outbox: &mut self.outbox,
        };
        (protocol, cx)
    }

    pub(super) fn cancel_timer(&mut self, node: NodeId, timer: P::Timer) {
        self.nodes[node.index()].timers.retain(|armed| armed.timer != timer);
    }

    pub(super) fn set_timer(&mut self, node: NodeId, timer: P::Timer, after: Duration) {
        let state = &mut self.nodes[node.index()];
        let deadline = self.now + state.clock.true_span(after);
        state.next_timer = state.next_timer.wrapping_add(1);
        let id = state.next_timer;
        match state.timers.iter_mut().find(|armed| armed.timer == timer) {
            Some(armed) if armed.queued <= deadline => {
                // The event that is queued will come first, and be queued again.
                armed.deadline = deadline;
                return;
            }
            Some(armed) => *armed = Armed { timer, deadline, queued: deadline, id },
            None => state.timers.push(Armed { timer, deadline, queued: deadline, id }),
        }
        if deadline < Time::NEVER {
            self.later(deadline, Plain::Timer { node, timer, id });
        }
    }

    pub(super) fn timer(&mut self, node: NodeId, timer: P::Timer, id: u32) {
        let state = &mut self.nodes[node.index()];
        let Some(place) = state.timers.iter().position(|armed| armed.id == id && armed.timer == timer) else {
            return; // it was set anew or cancelled, or belongs to the time before a crash
        };
        if state.timers[place].deadline > self.now {
            let deadline = state.timers[place].deadline;
            state.timers[place].queued = deadline;
            if deadline < Time::NEVER {
                self.later(deadline, Plain::Timer { node, timer, id });
            }
            return;
        }
        match self.fate(node) {
            Fate::Handled => self.fire_at(node, timer, place),
            Fate::Queues => self.enqueue(node, Event::Plain(Plain::Timer { node, timer, id })),
            Fate::Waits => self.wait(node, Event::Plain(Plain::Timer { node, timer, id })),
            Fate::Lost => {}
        }
    }

    /// A timer that is due fires.
    pub(super) fn fire(&mut self, node: NodeId, timer: P::Timer, id: u32) {
        let place = self.nodes[node.index()].timers.iter().position(|armed| armed.id == id && armed.timer == timer);
        if let Some(place) = place {
            self.fire_at(node, timer, place);
        }
    }

    #[inline]
    fn fire_at(&mut self, node: NodeId, timer: P::Timer, place: usize) {
        self.nodes[node.index()].timers.swap_remove(place);
        self.line(|world| format!("{}: timer {timer:?}", world.name(node)));
        let (protocol, mut cx) = self.on_stage(node);
        protocol.on_timer(timer, &mut cx);
        self.carry_out(node);
    }

    /// With a disk that takes no time, what is written is safe at once.
    pub(super) fn sync_at_once(&mut self, node: NodeId) {
        if self.is_disk_instant && (self.burdens.is_empty() || !self.burdens.slow_the_disk_of(node)) {
            let disk = &mut self.nodes[node.index()].disk;
            if let Some(mark) = disk.begin_sync() {
                disk.synced(mark);
            }
        }
    }

    /// Sees to it that what was written is synced, as the policy says.
    #[inline]
    pub(super) fn sync(&mut self, node: NodeId) {
        if self.nodes[node.index()].disk.wants_sync() {
            self.sync_by_policy(node);
        }
    }

    #[inline(never)]
    fn sync_by_policy(&mut self, node: NodeId) {
        let state = &mut self.nodes[node.index()];
        match self.setup.disk.policy {
            SyncPolicy::Always => self.begin_sync(node),
            SyncPolicy::Interval(every) => {
                state.disk.plan_sync();
                let incarnation = state.incarnation;
                self.later(self.now + every, Plain::SyncDue { node, incarnation });
            }
            SyncPolicy::Never => {}
        }
    }

    fn begin_sync(&mut self, node: NodeId) {
        let (state, disk) = (&mut self.nodes[node.index()], &self.setup.disk);
        let Some(mark) = state.disk.begin_sync() else { return };
        let incarnation = state.incarnation;
        let mut lasts = state.disk_dice.as_mut().map_or_else(|| disk.sync.median(), |dice| disk.sync.sample(dice));
        if !self.burdens.is_empty() {
            lasts = self.burdens.slowed_sync(node, lasts, self.now);
        }
        self.later(self.now + lasts, Plain::Synced { node, incarnation, mark });
    }

    /// A sync that was planned is due.
    pub(super) fn sync_due(&mut self, node: NodeId, incarnation: u32) {
        let state = &mut self.nodes[node.index()];
        if state.incarnation != incarnation {
            return;
        }
        if state.pauses > 0 {
            state.backlog.push(Event::Plain(Plain::SyncDue { node, incarnation }));
            return;
        }
        self.begin_sync(node);
    }

    /// A sync is done: what waited for it leaves.
    pub(super) fn synced(&mut self, node: NodeId, incarnation: u32, mark: u64) {
        let state = &mut self.nodes[node.index()];
        if state.incarnation != incarnation {
            return;
        }
        if state.pauses > 0 {
            state.backlog.push(Event::Plain(Plain::Synced { node, incarnation, mark }));
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
}

impl<P: Protocol> Node<P> {
    /// Whether this setting of a timer has come to its time.
    pub(super) fn is_due(&self, timer: P::Timer, id: u32, now: Time) -> bool {
        self.timers.iter().any(|armed| armed.id == id && armed.timer == timer && armed.deadline <= now)
    }

    /// How long in true time until this node's clock has gone on by `span`.
    pub(super) fn true_span(&self, span: Duration) -> Duration {
        self.clock.true_span(span)
    }

    pub(super) fn new(
        group: GroupId,
        seat: usize,
        region: RegionId,
        role: Role,
        clock: Clock,
        disk: &DiskModel,
        dice: impl Fn(&str) -> Stream,
    ) -> Node<P> {
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
            disk: Disk::new(disk.is_synced_first()),
            held: VecDeque::new(),
            clock,
            own_clock: clock,
            stream: dice("node"),
            disk_dice: disk.sync.has_dispersion().then(|| Box::new(dice("disk"))),
        }
    }
}
