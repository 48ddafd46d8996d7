//! What becomes of a handler's effects: messages leave, answers travel, observations are told to the monitors.
//!
//! Here the law of persist-before-send is held: what must wait for the disk is put aside until the disk has synced.
//! Next: `network.rs`; `docket.rs`, how those who look on hear of it.

use crate::check::monitor::{Seen, Watched};
use crate::id::{Key, NodeId, RequestId, Value};
use crate::op::{Refusal, Reply};
use crate::protocol::outbox::{Letter, Said, Wish};
use crate::protocol::{Effect, Payload, Protocol, Request};
use crate::time::{Duration, Time};
use crate::trace::{Flight, Observation, Sighting};

use super::docket::Told;
use super::future::{Event, Plain};
use super::in_flight::Answer;
use super::node::Node;
use super::world::World;

/// The size of a request or an answer: addresses, ids, a key, a value and a token.
pub(super) const REQUEST_BYTES: u32 = 96;

impl<P: Protocol> World<'_, P> {
    /// Carries out everything that the handler just called wants, in order.
    #[inline(always)]
    pub(super) fn carry_out(&mut self, node: NodeId) {
        if !self.outbox.wishes.is_empty() {
            self.carry_out_all(node);
        }
    }

    /// Messages are most of what nodes want, and what they observe is most of the rest: neither pays for what else there is, nor is it
    /// moved.
    #[inline(never)]
    fn carry_out_all(&mut self, node: NodeId) {
        let mut waits = self.nodes[node.index()].disk.wait_for();
        let (mut place, mut touches_disk) = (0, false);
        while let Some(wish) = self.outbox.wishes.get(place).copied() {
            place += 1;
            match wish {
                Wish::SendUnsynced(slot) => self.send(node, slot),
                Wish::Send(slot) if waits.is_none() => self.send(node, slot),
                Wish::Observe(place) if waits.is_none() || !self.outbox.observations[place as usize].is_durable() => {
                    self.observe(node, place as usize);
                }
                Wish::Reply(place) if waits.is_none() || self.outbox.replies[place as usize].unsynced => {
                    let Said { request, reply, ref mut session, .. } = self.outbox.replies[place as usize];
                    let session = session.take();
                    self.answer(node, request, Ok(reply), session);
                }
                Wish::Broadcast(slot) if waits.is_none() => {
                    let message = self.outbox.letters.remove(slot).message.into_inner();
                    self.broadcast(node, &message);
                }
                Wish::Other if self.is_disk_instant && self.write_through(node) => {}
                wish => {
                    self.carry_out_or_hold(node, wish, waits);
                    waits = self.nodes[node.index()].disk.wait_for();
                    touches_disk = true;
                }
            }
        }
        self.outbox.finish();
        if touches_disk {
            self.sync(node);
        }
    }

    /// Writes the record that is wanted next, if it is a record and the disk has it at once.
    #[inline]
    fn write_through(&mut self, node: NodeId) -> bool {
        let disk = &mut self.nodes[node.index()].disk;
        let is_record = matches!(self.outbox.others.front(), Some(Effect::Persist { .. }));
        if !is_record || !self.burdens.is_empty() || !disk.is_idle() {
            return false;
        }
        if let Some(Effect::Persist { record }) = self.outbox.others.pop_front() {
            disk.write_through(record);
        }
        true
    }

    #[inline(never)]
    fn carry_out_or_hold(&mut self, node: NodeId, wish: Wish, waits: Option<u64>) {
        let effect = self.outbox.take(wish);
        match waits {
            Some(mark) if must_wait(&effect) => self.nodes[node.index()].held.push_back((mark, effect)),
            _ => self.carry_out_one(node, effect),
        }
    }

    /// Carries out one effect, which was taken out or waited for the disk.
    #[inline(never)]
    pub(super) fn carry_out_one(&mut self, node: NodeId, effect: Effect<P>) {
        match effect {
            Effect::Send { to, message, .. } => {
                let slot = self.outbox.letters.insert(Letter::new(message, node, to));
                self.send(node, slot);
            }
            Effect::Observe(observation) => {
                self.outbox.observations.push(observation);
                self.observe(node, self.outbox.observations.len() - 1);
                self.outbox.observations.pop();
            }
            Effect::Broadcast { message } => self.broadcast(node, &message),
            Effect::Reply { request, reply, session, .. } => self.answer(node, request, Ok(reply), session),
            Effect::Refuse { request, refusal } => self.answer(node, request, Err(refusal), None),
            Effect::Forward { to, request } => {
                self.line(|world| format!("{} forwards {:?} to {}", world.name(node), request.op, world.name(to)));
                let from = node.index() as u32;
                if self.streams.is_some() {
                    return self.forward_by_stream(node, to, request);
                }
                match self.network.post(node.index(), to.index(), REQUEST_BYTES, self.now) {
                    Some(delay) => {
                        let slot = self.in_flight.requests.insert(request);
                        self.later(self.now + delay, Plain::Request { from, to, slot });
                    }
                    None => self.repeat_request(from, to, &request),
                }
            }
            Effect::SetTimer { timer, after } => self.set_timer(node, timer, after),
            Effect::CancelTimer { timer } => self.cancel_timer(node, timer),
            Effect::Persist { record } => {
                self.nodes[node.index()].disk.append(record);
                self.sync_at_once(node);
            }
            Effect::Compact { records } => {
                self.nodes[node.index()].disk.replace(records);
                self.sync_at_once(node);
            }
            Effect::ObserveInside(observation) => self.observe_inside(node, observation),
        }
    }

    #[inline(never)]
    fn broadcast(&mut self, from: NodeId, message: &P::Message) {
        let group = self.nodes[from.index()].group.index();
        for place in 0..self.groups[group].len() {
            let to = self.groups[group][place].node;
            if to != from {
                let slot = self.outbox.letters.insert(Letter::new(message.clone(), from, to));
                self.send(from, slot);
            }
        }
    }

    /// A letter leaves. It lies where it will until it arrives.
    #[inline(always)]
    fn send(&mut self, from: NodeId, slot: u32) {
        self.mail.sent += 1;
        let letter = self.outbox.letters.get_mut(slot);
        let to = letter.to;
        if from == to {
            self.future.post(self.now, slot);
            return;
        }
        let bytes = letter.message.get_mut().bytes();
        self.digest.mix(u64::from(bytes));
        if self.streams.is_some() {
            return self.send_by_stream(from, to, slot, bytes);
        }
        match self.network.post(from.index(), to.index(), bytes, self.now) {
            Some(delay) => {
                self.future.post(self.now + delay, slot);
                if self.trace.has_film() {
                    self.shoot_posted(from, to, delay, slot);
                }
            }
            None => self.repeat(from, to, slot),
        }
    }

    pub(super) fn answer(
        &mut self,
        node: NodeId,
        request: RequestId,
        says: Result<Reply, Refusal>,
        session: Option<P::Session>,
    ) {
        let epoch = self.nodes[node.index()].epoch;
        self.line(|world| format!("{} answers {}: {says:?}", world.name(node), request.client));
        if says == Ok(Reply::Written)
            && let Some((key, value)) = self.clients.writing(&request)
        {
            let seen = self.seen(node);
            self.docket.tell(Told::Acknowledged { seen, key, value });
        }
        let answer = Answer { request, says, session, server: node, epoch, decided: self.now };
        if request.entry == node {
            let slot = self.in_flight.answers.insert(answer);
            self.post_answer(node, slot);
            return;
        }
        if self.streams.is_some() {
            return self.relay_by_stream(node, answer);
        }
        match self.network.post(node.index(), request.entry.index(), REQUEST_BYTES, self.now) {
            Some(delay) => {
                let slot = self.in_flight.answers.insert(answer);
                self.later(self.now + delay, Plain::Relay { from: node, to: request.entry, slot });
            }
            None => self.repeat_answer(&answer, |slot| Plain::Relay { from: node, to: request.entry, slot }),
        }
    }

    /// An answer sets out from the node that took the request to its client.
    pub(super) fn post_answer(&mut self, from: NodeId, slot: u32) {
        let client = self.in_flight.answers.get(slot).request.client;
        if self.streams.is_some() && self.is_connected(client) {
            let (to, event) = (self.client_end(client), Event::Plain(Plain::Answer { from, slot }));
            return self.stream(from.index() as u32, to, event, REQUEST_BYTES);
        }
        let site = self.site(self.clients.region(client));
        match self.network.send(from.index(), site, REQUEST_BYTES, self.now) {
            Some(delay) => self.later(self.now + delay, Plain::Answer { from, slot }),
            None => {
                let answer = self.in_flight.answers.remove(slot);
                self.repeat_answer(&answer, |slot| Plain::Answer { from, slot });
            }
        }
    }

    #[inline(never)]
    fn send_by_stream(&mut self, from: NodeId, to: NodeId, slot: u32, bytes: u32) {
        let message = self.outbox.letters.remove(slot).message.into_inner();
        self.network.count(from.index(), to.index(), bytes);
        self.stream(from.index() as u32, to.index() as u32, Event::Message { from, to, message }, bytes);
    }

    #[cold]
    fn forward_by_stream(&mut self, node: NodeId, to: NodeId, request: Request<P>) {
        self.network.count(node.index(), to.index(), REQUEST_BYTES);
        let (from, slot) = (node.index() as u32, self.in_flight.requests.insert(request));
        self.stream(from, to.index() as u32, Event::Plain(Plain::Request { from, to, slot }), REQUEST_BYTES);
    }

    #[cold]
    fn relay_by_stream(&mut self, from: NodeId, answer: Answer<P::Session>) {
        let to = answer.request.entry;
        self.network.count(from.index(), to.index(), REQUEST_BYTES);
        let slot = self.in_flight.answers.insert(answer);
        let event = Event::Plain(Plain::Relay { from, to, slot });
        self.stream(from.index() as u32, to.index() as u32, event, REQUEST_BYTES);
    }

    /// A message does not arrive once: it is lost, or it arrives several times.
    #[cold]
    fn repeat(&mut self, from: NodeId, to: NodeId, slot: u32) {
        let message = self.outbox.letters.remove(slot).message.into_inner();
        let copies = self.network.copies();
        match copies.len() as u64 {
            0 => self.mail.lost += 1,
            times => self.mail.sent += times - 1,
        }
        let fate = if copies.is_empty() { "loses" } else { "sends more than once" };
        self.line(|world| format!("{} {fate} {message:?} to {}", world.name(from), world.name(to)));
        if copies.is_empty() {
            self.shoot(from, to, None, &message);
        }
        for delay in copies {
            self.shoot(from, to, Some(delay), &message);
            let slot = self.outbox.letters.insert(Letter::new(message.clone(), from, to));
            self.future.post(self.now + delay, slot);
        }
    }

    /// The same of a message that lies where it waits by now: one that is looked at before is moved twice.
    #[cold]
    fn shoot_posted(&mut self, from: NodeId, to: NodeId, delay: Duration, slot: u32) {
        let message = self.outbox.letters.get_mut(slot).message.get_mut().clone();
        self.shoot(from, to, Some(delay), &message);
    }

    /// Keeps a message for the film, if there is one.
    #[cold]
    fn shoot(&mut self, from: NodeId, to: NodeId, delay: Option<Duration>, message: &P::Message) {
        self.film(from, to, (self.now, delay.map(|delay| self.now + delay)), message);
    }

    /// The same, where it is told when it arrived, or that it never does.
    #[cold]
    pub(super) fn film(
        &mut self,
        from: NodeId,
        to: NodeId,
        (sent, arrives): (Time, Option<Time>),
        message: &P::Message,
    ) {
        self.trace.shoot(sent, |film| {
            let word = format!("{message:?}");
            let what = word.split(|c: char| !c.is_alphanumeric()).next().unwrap_or_default().to_string();
            film.flights.push(Flight { from, to, sent, arrives, what });
        });
    }

    /// A request does not arrive once. From `from`, which is a node or a region's clients.
    #[cold]
    pub(super) fn repeat_request(&mut self, from: u32, to: NodeId, request: &Request<P>) {
        for delay in self.network.copies() {
            self.clients.doubt(request.id);
            let slot = self.in_flight.requests.insert(request.clone());
            self.later(self.now + delay, Plain::Request { from, to, slot });
        }
    }

    /// An answer does not arrive once.
    #[cold]
    fn repeat_answer(&mut self, answer: &Answer<P::Session>, arrival: impl Fn(u32) -> Plain<P::Timer>) {
        for delay in self.network.copies() {
            self.clients.doubt(answer.request);
            let slot = self.in_flight.answers.insert(answer.clone());
            self.later(self.now + delay, arrival(slot));
        }
    }

    /// Tells the monitors of the observation in this place.
    #[inline]
    fn observe(&mut self, node: NodeId, place: usize) {
        if self.trace.wants(self.now) || self.trace.has_film() {
            self.show(node, self.outbox.observations[place]);
        }
        if let Observation::Applied { key, value } = self.outbox.observations[place] {
            return self.observe_applied(node, key, value);
        }
        self.observe_other(node, place);
    }

    /// Keeps an observation for a reader.
    #[cold]
    fn show(&mut self, node: NodeId, observation: Observation) {
        self.line(|world| format!("{} observes {observation:?}", world.name(node)));
        let at = self.now;
        self.trace.shoot(at, |film| film.sightings.push(Sighting { at, node, observation }));
    }

    /// A copy took a write: what is observed most.
    fn observe_applied(&mut self, node: NodeId, key: Key, value: Value) {
        let seen = self.seen(node);
        self.digest.mix(self.network.place(node.index()).hash ^ word(7, value.0));
        // Who leads puts writes in their order, also where it applies them later than it is asked.
        let is_ordered = seen.leads() || self.asked.take_if(|asked| *asked == value).is_some();
        self.docket.tell(Told::Applied { seen, key, value, is_ordered });
        if let Some(duplicates) = &mut self.duplicates {
            duplicates.applied(node, value);
        }
    }

    #[inline(never)]
    fn observe_other(&mut self, node: NodeId, place: usize) {
        let seen = self.seen(node);
        if let Observation::Leader { .. } = self.outbox.observations[place]
            && self.service.is_some()
        {
            self.chill_if_promoted(node);
        }
        let Some(word) = observation_word(&self.outbox.observations[place]) else {
            return self.observe_for_invariants(seen, place);
        };
        self.digest.mix(self.network.place(node.index()).hash ^ word);
        let observation = self.outbox.observations[place];
        self.docket.tell(Told::Observed { seen, observation });
        match observation {
            Observation::Leader { epoch } => self.nodes[node.index()].epoch = Some(epoch),
            Observation::SteppedDown { epoch } => drop(self.nodes[node.index()].epoch.take_if(|led| *led == epoch)),
            Observation::RolledBack { value, .. } => {
                if let Some(duplicates) = &mut self.duplicates {
                    duplicates.rolled_back(node, value);
                }
            }
            _ => {}
        }
    }

    /// Tells what only the invariants want to know.
    #[inline]
    fn observe_for_invariants(&mut self, seen: Seen, place: usize) {
        match self.outbox.observations[place] {
            Observation::Ordered { value } => self.asked = Some(value),
            Observation::Leased { epoch, lasts } => {
                let lasts = self.nodes[seen.node().index()].true_span(lasts);
                self.docket.tell(Told::Observed { seen, observation: Observation::Leased { epoch, lasts } });
            }
            Observation::Promised(promise) if !self.setup.holds_to(promise) => {}
            observation => self.docket.tell(Told::Observed { seen, observation }),
        }
    }

    /// Tells the monitors of a group inside the design.
    #[inline(never)]
    fn observe_inside(&mut self, node: NodeId, observation: Observation) {
        self.line(|world| format!("{} observes inside {observation:?}", world.name(node)));
        let seen = Seen::new(self.now, node, self.nodes[node.index()].group, false);
        let (nodes, network) = (&self.nodes, &self.network);
        let watched = |(place, node): (usize, &Node<P>)| Watched {
            name: network.place(place).name.clone(),
            group: node.group,
            seat: node.seat,
        };
        self.inside.observed(seen, observation, || nodes.iter().enumerate().map(watched).collect());
    }

    /// This node, now.
    #[inline]
    fn seen(&self, node: NodeId) -> Seen {
        let state = &self.nodes[node.index()];
        Seen::new(self.now, node, state.group, state.epoch.is_some())
    }
}

/// Whether the law of persist-before-send is about this effect.
fn must_wait<P: Protocol>(effect: &Effect<P>) -> bool {
    match effect {
        Effect::Send { unsynced, .. } | Effect::Reply { unsynced, .. } => !unsynced,
        Effect::Broadcast { .. } | Effect::Refuse { .. } | Effect::Forward { .. } => true,
        Effect::Observe(observation) | Effect::ObserveInside(observation) => observation.is_durable(),
        _ => false,
    }
}

/// A kind of observation, and what it is about, in a digest.
#[inline]
fn word(kind: u64, about: u64) -> u64 {
    kind + (about << 4)
}

/// What an observation is in a digest; nothing, where only the invariants want to know, nor of a write that a copy took, which has its own
/// path.
#[inline]
fn observation_word(observation: &Observation) -> Option<u64> {
    Some(match *observation {
        Observation::Suspected => 1,
        Observation::Decided { epoch } => word(2, epoch),
        Observation::Fenced { epoch } => word(3, epoch),
        Observation::Leader { epoch } => word(4, epoch),
        Observation::Ready { epoch } => word(5, epoch),
        Observation::SteppedDown { epoch } => word(6, epoch),
        Observation::RolledBack { value, .. } => word(8, value.0),
        Observation::Provisioned { epoch } => word(10, epoch),
        Observation::Conflict { lost, kept, .. } => word(9, lost.0) + (kept.0 << 34),
        Observation::Added { value, .. } => word(10, value.0),
        Observation::Replaced { value, by, .. } => word(11, value.0) + (by.0 << 34),
        Observation::Removed { value, by, .. } => word(12, value.0) + (by.0 << 34),
        _ => return None,
    })
}
