//! What clients make of the answers, and of having none. Next: `retries.rs`, how they ask again by a policy.

use crate::history::Outcome;
use crate::id::{ClientId, NodeId};
use crate::model::workload::Arrivals;
use crate::op::{Op, Refusal, Reply};
use crate::protocol::Protocol;

use super::clients::Active;
use super::docket::Told;
use super::future::Plain;
use super::in_flight::Answer;
use super::world::World;

/// How many redirects a client follows at once before it backs off.
const REDIRECTS_MAX: u32 = 4;

impl<P: Protocol> World<'_, P> {
    /// An answer, or a no, reaches its client.
    pub(super) fn answered(&mut self, from: NodeId, answer: Answer<P::Session>) {
        let client = answer.request.client;
        let state = &mut self.clients.clients[client.index()];
        let Some(mut active) = state.active else { return self.probe_answered(&answer) };
        if !(active.first..=state.asked).contains(&answer.request.sequence) {
            return; // too late: the client has given up and asked something else
        }
        let (region, kind) = (state.region, active.op.kind());
        let group = self.group_of(&active.op).index();
        match answer.says {
            Ok(reply) => {
                if let Some(session) = answer.session {
                    self.clients.clients[client.index()].session = session;
                }
                self.clients.believe(region, group, kind, from);
                if self.router.is_some() {
                    self.served_there(client, active.target);
                }
                if kind.writes()
                    && reply.is_done(&active.op)
                    && let Some(epoch) = answer.epoch
                {
                    let (at, decided, server) = (self.now, answer.decided, answer.server);
                    let (group, is_abroad) = {
                        let server = &self.nodes[server.index()];
                        (server.group, server.region != region)
                    };
                    self.docket.tell(Told::Decided { client, at, epoch, decided, server, group, is_abroad });
                }
                let (at, server, is_repeated) = (self.now, answer.server, active.is_repeated());
                self.docket.tell(Told::Heard { client, at, reply, server, region, is_repeated });
                self.digest.mix(reply_word(reply));
                if self.setup.workload.mix.compare_and_set > 0 {
                    self.clients.remember(region, &active.op, reply);
                }
                self.finish(client, Outcome::Ok);
            }
            Err(_) if active.hedged.is_some() && (from == active.target || Some(from) == active.hedged) => {
                self.one_of_two_refused(client, active, from);
            }
            Err(_) if from != active.target => {} // a no from a node that is not waited for any more
            Err(refusal) => {
                active.unresolved = active.unresolved.saturating_sub(1);
                self.clients.clients[client.index()].active = Some(active);
                // Who heard a no already waits to ask again: where messages arrive more than once, each further one would
                // otherwise be followed at once, and those that follow from it, too.
                if !active.refused {
                    self.refused(client, refusal);
                }
            }
        }
    }

    fn refused(&mut self, client: ClientId, refusal: Refusal) {
        let state = &mut self.clients.clients[client.index()];
        let (region, sequence) = (state.region, state.sequence);
        let active = state.active.as_mut().expect("only an operation under way is refused");
        match refusal {
            Refusal::Redirect(leader) if active.redirects < REDIRECTS_MAX && leader != active.target => {
                active.redirects += 1;
                let op = active.op;
                let group = self.group_of(&op).index();
                self.clients.believe(region, group, op.kind(), leader);
                self.attempt(client, leader);
            }
            Refusal::Unsupported => {
                self.docket.tell(Told::Failed { client, at: self.now, region });
                self.finish(client, Outcome::Fail);
            }
            Refusal::Redirect(_) | Refusal::Unavailable | Refusal::Conflict => {
                active.redirects = 0;
                (active.refused, active.stays) = (true, refusal == Refusal::Conflict);
                let (attempt, target, active) = (active.attempt, active.target, *active);
                if self.router.is_some() && !active.stays {
                    self.failed_there(client, target, false);
                }
                if self.retries.is_some() {
                    return self.try_again(client, active);
                }
                let at = self.now + self.setup.workload.backoff;
                self.later(at, Plain::Alarm { client, sequence, attempt });
            }
        }
    }

    /// Some operation may have taken too long.
    pub(super) fn deadline(&mut self) {
        while let Some((at, client, sequence)) = self.clients.deadlines.front().copied() {
            let state = &self.clients.clients[client.index()];
            let active = state.active.filter(|_| state.sequence == sequence);
            if active.is_some() && at > self.now {
                self.later(at, Plain::Deadline);
                return;
            }
            self.clients.deadlines.pop_front();
            if let Some(active) = active {
                self.give_up(client, active);
            }
        }
    }

    pub(super) fn give_up(&mut self, client: ClientId, active: Active) {
        // Whoever was asked last did not help: the next operation begins elsewhere.
        let region = self.clients.region(client);
        self.turn_to_next(client, &active);
        if self.router.is_some() && !active.refused {
            self.failed_there(client, active.target, true);
        }
        if self.streams.is_some() && !active.refused {
            self.client_hangs_up(client, active.target);
        }
        let at = self.now;
        self.docket.tell(Told::Unanswered { client, at });
        if active.unresolved == 0 {
            self.docket.tell(Told::Failed { client, at, region });
            self.finish(client, Outcome::Fail);
        } else if active.op.kind().writes()
            && !matches!(active.op, Op::Next { .. })
            && self.setup.workload.retry.is_some_and(|retry| retry.hides_errors)
        {
            let (server, is_repeated) = (active.target, active.is_repeated());
            self.docket.tell(Told::Presumed { client, at, server, region, is_repeated });
            self.finish(client, Outcome::Ok);
        } else {
            self.docket.tell(Told::GaveUp { client, at, region });
            self.finish(client, Outcome::Unknown);
        }
    }

    /// The run is over: nobody will tell what became of the operations under way.
    pub(super) fn give_up_all(&mut self) {
        for (place, client) in self.clients.clients.iter().enumerate().filter(|(_, client)| client.active.is_some()) {
            self.docket.tell(Told::Left { client: ClientId(place as u32), at: self.now, region: client.region });
        }
    }

    pub(super) fn alarm(&mut self, client: ClientId, sequence: u32, attempt: u32) {
        let Some(active) = self.clients.under_way(client, sequence, attempt) else { return };
        if self.retries.is_some() {
            return self.retry_alarm(client, active);
        }
        if self.streams.is_some() && !active.refused {
            self.client_hangs_up(client, active.target);
        }
        self.ask_next(client, &active);
    }

    /// Whom a client, and others of its region, will ask after the node that it asked last: the next nearest, but for one that serves
    /// and had another change of the same data under way.
    fn turn_to_next(&mut self, client: ClientId, active: &Active) -> NodeId {
        let (region, group) = (self.clients.region(client), self.group_of(&active.op).index());
        let next = if active.stays { active.target } else { self.clients.next_nearest(region, group, active.target) };
        self.clients.believe(region, group, active.op.kind(), next);
        next
    }

    /// A client asks again.
    pub(super) fn ask_next(&mut self, client: ClientId, active: &Active) {
        let next = self.turn_to_next(client, active);
        if self.router.is_some() && !active.stays {
            return self.ask_elsewhere(client, active, next);
        }
        self.attempt(client, next);
    }

    /// A client asks again, and routing says whom.
    #[cold]
    fn ask_elsewhere(&mut self, client: ClientId, active: &Active, next: NodeId) {
        if !active.refused {
            self.failed_there(client, active.target, true);
        }
        let target = self.routed(client, &active.op).unwrap_or(next);
        if let Some(active) = &mut self.clients.clients[client.index()].active {
            active.redirects = 0;
        }
        self.attempt(client, target);
    }

    fn finish(&mut self, client: ClientId, outcome: Outcome) {
        let state = &mut self.clients.clients[client.index()];
        let active = state.active.take().expect("only an operation under way ends");
        let region = state.region;
        self.digest.mix(outcome as u64 + 1);
        let latency = self.now.since(active.invoked);
        self.line(|world| {
            format!(
                "{client} in {}: {:?} is {outcome:?} after {latency}",
                world.setup.topology.regions()[region.index()],
                active.op
            )
        });
        if self.clients.clients[client.index()].modifies.is_some() {
            if outcome == Outcome::Ok && !self.is_over() {
                return self.invoke(client);
            }
            self.clients.clients[client.index()].modifies = None;
        }
        let region = if self.router.is_some() { self.moved(client) } else { region };
        match self.setup.workload.arrivals {
            Arrivals::Closed(think) => self.later(self.now + think, Plain::Ask { client }),
            Arrivals::Poisson(_) | Arrivals::Paced(_) => self.clients.sites[region.index()].idle.push_back(client),
        }
    }
}

fn reply_word(reply: Reply) -> u64 {
    match reply {
        Reply::Read(None) => 1,
        Reply::Written => 2,
        Reply::Mismatch(None) => 3,
        Reply::Read(Some(value)) => 4 + (value.0 << 3),
        Reply::Mismatch(Some(value)) => 5 + (value.0 << 3),
        Reply::Amount(amount) => 6 + ((amount as u64) << 3),
        Reply::Short(amount) => 7 + ((amount as u64) << 3),
        Reply::Row(row) => row.word().rotate_left(16),
        Reply::Items(items) => items.bits().rotate_left(32),
        Reply::Several(several) => {
            let named = several.named().fold(u64::from(several.count()), |word, value| (word << 20) ^ value.0);
            named.rotate_left(8)
        }
    }
}
