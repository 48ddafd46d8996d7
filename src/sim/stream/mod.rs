//! Streams: connections that deliver everything once and in order, or break.
//!
//! What two ends send each other goes over one connection. Whoever speaks first opens it, which takes a round trip, and tries
//! again where that fails. What is lost is sent again after a timeout that doubles each time, and what was sent after it waits:
//! a cut leaves a connection hanging for longer than the cut. Nothing acknowledged for long enough, and it breaks: what had not
//! arrived is lost, and the next message opens another.
//!
//! A node's connections are with other nodes and with single clients. A client that has waited long enough for an answer hangs
//! up. A node that crashes takes its connections with it. Both ends of one that is closed or broken know at once. Probes, what
//! managers send and what passes a balancer are no streams. In a world of datagrams nothing of this is called.
//! In order: `half.rs` (one direction), `rto.rs` (how long it waits). Next: `line.rs`.

mod half;
mod rto;

use std::collections::BTreeMap;

use crate::id::{ClientId, NodeId};
use crate::model::routing::Policy;
use crate::model::transport::StreamTransport;
use crate::protocol::Protocol;
use crate::time::{Duration, Time};

use super::future::{Event, Plain};
use super::network::Place;
use super::setup::Setup;
use super::world::{Fate, World};
use half::{Alarm, Dispatch, Half};

/// The size of what opens a connection, and of an acknowledgement that carries nothing: addresses, ports and numbers.
const HEADER_BYTES: u32 = 40;

/// How long until an end that opens a connection tries again, at first (RFC 6298).
const DIAL_AGAIN: Duration = Duration::secs(1);

/// An end of a connection: a node, by its id, or a client, by its id after all nodes.
pub(super) type End = u32;

/// Something that happens to a connection. A channel is a connection's direction: twice its number, and one more for what goes
/// to the end that opened it.
#[derive(Clone, Copy, Debug)]
pub(super) enum Step {
    /// Somebody wants to open a connection, is let, and waits for that no longer.
    Asked(u32),
    Opened(u32),
    Redial {
        connection: u32,
        dialled: u32,
    },
    Arrives {
        channel: u32,
        number: u32,
    },
    /// Everything before this number has arrived.
    Acknowledged {
        channel: u32,
        upto: u32,
    },
    Timeout(u32),
}

/// Every connection of a run.
pub(super) struct Streams<P: Protocol> {
    transport: StreamTransport,
    by_ends: BTreeMap<(End, End), u32>,
    connections: BTreeMap<u32, Connection<P>>,
    /// The number of the next; none is given twice.
    next: u32,
}

struct Connection<P: Protocol> {
    /// Who opened it, and the other.
    ends: [End; 2],
    /// Whether each may send.
    is_open: [bool; 2],
    /// How often its opener tried, since when, and when last.
    dialled: u32,
    since: Time,
    dialled_at: Time,
    /// What each sends.
    halves: [Half<Event<P>>; 2],
}

impl<P: Protocol> Streams<P> {
    /// `None` in a world of datagrams.
    pub(super) fn new(setup: &Setup) -> Option<Box<Streams<P>>> {
        let transport = setup.transport?;
        Some(Box::new(Streams { transport, by_ends: BTreeMap::new(), connections: BTreeMap::new(), next: 0 }))
    }

    /// How many messages between nodes wait or are under way.
    pub(super) fn messages(&self) -> u64 {
        let is_message = |event: &&Event<P>| matches!(event, Event::Message { .. });
        self.undelivered().filter(is_message).count() as u64
    }

    /// How much waits or is under way.
    pub(super) fn left(&self) -> u64 {
        self.undelivered().count() as u64
    }

    fn undelivered(&self) -> impl Iterator<Item = &Event<P>> {
        self.connections.values().flat_map(|connection| &connection.halves).flat_map(Half::undelivered)
    }

    fn find(&self, a: End, b: End) -> Option<u32> {
        self.by_ends.get(&sorted(a, b)).copied()
    }

    fn remove(&mut self, id: u32) -> Option<Connection<P>> {
        let connection = self.connections.remove(&id)?;
        self.by_ends.remove(&sorted(connection.ends[0], connection.ends[1]));
        Some(connection)
    }
}

fn sorted(a: End, b: End) -> (End, End) {
    (a.min(b), a.max(b))
}

impl<P: Protocol> World<'_, P> {
    /// The end of a connection that a client is.
    pub(super) fn client_end(&self, client: ClientId) -> End {
        self.nodes.len() as u32 + client.0
    }

    /// Whether this client talks to nodes by streams.
    pub(super) fn is_connected(&self, client: ClientId) -> bool {
        let passes_balancer =
            || matches!(self.setup.routing, Some(ref routing) if matches!(routing.policy, Policy::Balancer { .. }));
        self.streams.is_some() && !self.is_checker(client) && !passes_balancer()
    }

    fn place_of_end(&self, end: End) -> Place {
        match (end as usize).checked_sub(self.nodes.len()) {
            None => end as usize,
            Some(client) => self.site(self.clients.region(ClientId(client as u32))),
        }
    }

    fn streams(&mut self) -> &mut Streams<P> {
        self.streams.as_mut().expect("streams are asked for where there are some")
    }

    fn connection(&mut self, id: u32) -> Option<&mut Connection<P>> {
        self.streams.as_mut()?.connections.get_mut(&id)
    }

    /// Something goes from end to end, over the connection that they have or a new one. Only nodes and clients that ask open one:
    /// an answer to a client that has hung up is lost.
    #[inline(never)]
    pub(super) fn stream(&mut self, from: End, to: End, event: Event<P>, bytes: u32) {
        let nodes = self.nodes.len() as u32;
        let id = match self.streams().find(from, to) {
            Some(id) => id,
            None if to >= nodes => return self.lose(self.now, event),
            None => self.dial(from, to),
        };
        let (now, buffer) = (self.now, self.streams().transport.buffer);
        let connection = self.connection(id).expect("it was just found");
        let side = usize::from(connection.ends[0] != from);
        let half = &mut connection.halves[side];
        if half.len() >= buffer as usize {
            return self.lose(now, event);
        }
        half.push(event, bytes, now);
        self.pump(id, side);
    }

    /// What was to be sent then does not arrive.
    fn lose(&mut self, sent: Time, event: Event<P>) {
        if let Event::Message { from, to, message } = &event {
            self.mail.lost += 1;
            if self.trace.has_film() {
                self.film(*from, *to, (sent, None), message);
            }
        }
        self.in_flight.discard(&event);
    }

    /// A new connection, which is not open yet.
    fn dial(&mut self, from: End, to: End) -> u32 {
        let now = self.now;
        let streams = self.streams();
        let id = streams.next;
        streams.next = id.checked_add(1).filter(|next| next >> 31 == 0).expect("a run has at most 2^31 connections");
        let halves = [Half::new(&streams.transport), Half::new(&streams.transport)];
        let ends = [from, to];
        let connection = Connection { ends, is_open: [false; 2], dialled: 0, since: now, dialled_at: now, halves };
        streams.connections.insert(id, connection);
        streams.by_ends.insert(sorted(from, to), id);
        self.ask_to_open(id);
        id
    }

    fn ask_to_open(&mut self, id: u32) {
        let (now, patience) = (self.now, self.streams().transport.dial);
        let Some(connection) = self.connection(id) else { return };
        let again = now + DIAL_AGAIN * 2_u64.saturating_pow(connection.dialled);
        let again = again.min(connection.since + patience);
        connection.dialled += 1;
        connection.dialled_at = now;
        let ([from, to], dialled) = (connection.ends, connection.dialled);
        self.later(again, Plain::Stream(Step::Redial { connection: id, dialled }));
        self.transmit(from, to, HEADER_BYTES, Step::Asked(id));
    }

    /// Something goes over the network, and perhaps it arrives.
    fn transmit(&mut self, from: End, to: End, bytes: u32, step: Step) {
        let (from, to) = (self.place_of_end(from), self.place_of_end(to));
        let delays = self.network.send(from, to, bytes, self.now);
        let delays = delays.map_or_else(|| self.network.copies(), |delay| vec![delay]);
        delays.into_iter().for_each(|delay| self.later(self.now + delay, Plain::Stream(step)));
    }

    /// Whether what arrives between these ends has not been lost in a cut.
    fn gets_through(&mut self, from: End, to: End) -> bool {
        let (from, to) = (self.place_of_end(from), self.place_of_end(to));
        self.digest.mix(15 ^ self.network.link_hash(from, to));
        !self.network.is_cut(from, to)
    }

    #[inline(never)]
    pub(super) fn stream_step(&mut self, step: Step) {
        match step {
            Step::Asked(id) => self.asked_to_open(id),
            Step::Opened(id) => {
                if let Some([from, to]) = self.connection(id).map(|connection| connection.ends)
                    && self.gets_through(to, from)
                {
                    self.opened(id, 0);
                }
            }
            Step::Redial { connection, dialled } => self.redial(connection, dialled),
            Step::Arrives { channel, number } => self.arrives(channel, number),
            Step::Acknowledged { channel, upto } => {
                let (id, side, now) = (channel >> 1, (channel & 1) as usize, self.now);
                if let Some(ends) = self.connection(id).map(|connection| connection.ends)
                    && self.gets_through(ends[1 - side], ends[side])
                    && let Some(connection) = self.connection(id)
                {
                    connection.halves[side].acknowledged(upto, now);
                    self.pump(id, side);
                }
            }
            Step::Timeout(channel) => self.timed_out(channel >> 1, (channel & 1) as usize),
        }
    }

    /// Somebody wants to open a connection: a node that is up or paused lets it.
    fn asked_to_open(&mut self, id: u32) {
        let Some([from, to]) = self.connection(id).map(|connection| connection.ends) else { return };
        if !self.gets_through(from, to) {
            return;
        }
        let node = NodeId(to as u16);
        if self.nodes[node.index()].protocol.is_none() {
            return self.faults.touch_crashed(node);
        }
        self.transmit(to, from, HEADER_BYTES, Step::Opened(id));
        self.opened(id, 1);
    }

    /// An end may send from now on.
    fn opened(&mut self, id: u32, side: usize) {
        let now = self.now;
        let Some(connection) = self.connection(id) else { return };
        if std::mem::replace(&mut connection.is_open[side], true) {
            return;
        }
        if side == 0 {
            // Whoever opened it saw a round trip, unless it is unclear of which try.
            let round_trip = Some(now.since(connection.dialled_at)).filter(|_| connection.dialled == 1);
            round_trip.into_iter().for_each(|span| connection.halves.iter_mut().for_each(|half| half.rto.saw(span)));
            self.network.traffic.connections += 1;
        }
        self.pump(id, side);
    }

    fn redial(&mut self, id: u32, dialled: u32) {
        let (now, patience) = (self.now, self.streams().transport.dial);
        let Some(connection) = self.connection(id) else { return };
        if connection.is_open[0] || connection.dialled != dialled {
            return;
        }
        if now.since(connection.since) >= patience {
            self.hang_up(id);
        } else {
            self.ask_to_open(id);
        }
    }

    /// Sends what may be sent.
    fn pump(&mut self, id: u32, side: usize) {
        let (now, window) = (self.now, self.streams().transport.window);
        loop {
            let Some(connection) = self.connection(id).filter(|connection| connection.is_open[side]) else { return };
            let (from, to) = (connection.ends[side], connection.ends[1 - side]);
            let Some(Dispatch { number, bytes, again }) = connection.halves[side].next(window, now) else { break };
            self.network.traffic.retransmitted += u64::from(again);
            self.transmit(from, to, bytes, Step::Arrives { channel: id << 1 | side as u32, number });
        }
        self.arm(id, side);
    }

    fn arm(&mut self, id: u32, side: usize) {
        let (now, give_up) = (self.now, self.streams().transport.give_up);
        if let Some(at) = self.connection(id).and_then(|connection| connection.halves[side].arm(give_up, now)) {
            self.later(at, Plain::Stream(Step::Timeout(id << 1 | side as u32)));
        }
    }

    fn timed_out(&mut self, id: u32, side: usize) {
        let (now, give_up) = (self.now, self.streams().transport.give_up);
        let Some(connection) = self.connection(id) else { return };
        match connection.halves[side].alarm(give_up, now) {
            Alarm::Stale => self.arm(id, side),
            Alarm::Again => self.pump(id, side),
            Alarm::Broken => self.hang_up(id),
        }
    }

    /// Something arrives: the receiver takes what it can take, and says how far it is.
    fn arrives(&mut self, channel: u32, number: u32) {
        let (id, side) = (channel >> 1, (channel & 1) as usize);
        let Some(ends) = self.connection(id).map(|connection| connection.ends) else { return };
        let (from, to) = (ends[side], ends[1 - side]);
        if !self.gets_through(from, to) {
            return;
        }
        let Some(connection) = self.connection(id) else { return };
        let taken = connection.halves[side].arrived(number);
        let upto = connection.halves[side].expected();
        self.transmit(to, from, HEADER_BYTES, Step::Acknowledged { channel, upto });
        self.opened(id, 1 - side); // what opens it may be lost, and this not
        taken.into_iter().for_each(|(sent, event)| self.take(sent, event));
    }

    /// What came over a stream happens.
    fn take(&mut self, sent: Time, event: Event<P>) {
        if let Event::Message { from, to, message } = &event
            && self.trace.has_film()
        {
            self.film(*from, *to, (sent, Some(self.now)), message);
        }
        match event {
            Event::Message { from, to, message } => match self.comes(1, from.index(), to) {
                Fate::Handled => self.deliver(from, to, message),
                Fate::Queues => self.enqueue(to, Event::Message { from, to, message }),
                Fate::Waits => self.wait(to, Event::Message { from, to, message }),
                Fate::Lost => self.mail.lost += 1,
            },
            Event::Plain(Plain::Request { from, to, slot }) => match self.comes(2, from as usize, to) {
                Fate::Handled | Fate::Queues => self.take_request(from, to, slot),
                Fate::Waits => self.wait(to, event),
                Fate::Lost => self.in_flight.discard(&event),
            },
            Event::Plain(Plain::Relay { from, to, slot }) => match self.comes(3, from.index(), to) {
                Fate::Handled | Fate::Queues => self.post_answer(to, slot),
                Fate::Waits => self.wait(to, event),
                Fate::Lost => self.in_flight.discard(&event),
            },
            Event::Plain(Plain::Answer { from, slot }) => {
                let answer = self.in_flight.answers.remove(slot);
                self.answered(from, answer);
            }
            Event::Plain(other) => self.later(self.now, other),
        }
    }

    fn comes(&mut self, kind: u64, from: Place, to: NodeId) -> Fate {
        self.digest.mix(kind ^ self.network.link_hash(from, to.index()));
        self.fate(to)
    }

    /// A connection is no more, and what had not arrived is lost.
    fn hang_up(&mut self, id: u32) {
        let Some(connection) = self.streams().remove(id) else { return };
        let [a, b] = connection.ends.map(|end| self.place_of_end(end));
        self.digest.mix(16 ^ self.network.link_hash(a, b));
        self.line(|world| format!("{} and {} lose their connection", world.place_name(a), world.place_name(b)));
        connection.halves.into_iter().flat_map(Half::into_undelivered).for_each(|(sent, event)| self.lose(sent, event));
    }

    fn place_name(&self, place: Place) -> &str {
        &self.network.place(place).name
    }

    /// A client has waited long enough for a node: it hangs up, and its next request opens another connection.
    #[cold]
    pub(super) fn client_hangs_up(&mut self, client: ClientId, node: NodeId) {
        let end = self.client_end(client);
        if let Some(id) = self.streams().find(end, node.index() as u32) {
            self.hang_up(id);
        }
    }

    /// Everything that this end is connected by is no more: a node is down, a client has left for another region.
    #[cold]
    pub(super) fn hang_up_all(&mut self, end: End) {
        let with_it = self.streams().by_ends.iter().filter(|((a, b), _)| *a == end || *b == end);
        let ids: Vec<u32> = with_it.map(|(_, id)| *id).collect();
        ids.into_iter().for_each(|id| self.hang_up(id));
    }

    /// Everything works from now on, and connections that hang do not wait for their timers: the time that is left is for
    /// replicas to agree.
    #[cold]
    pub(super) fn wake_streams(&mut self) {
        let now = self.now;
        let ids: Vec<u32> = self.streams().connections.keys().copied().collect();
        for id in ids {
            let Some(connection) = self.connection(id) else { continue };
            connection.halves.iter_mut().for_each(|half| half.hurry(now));
            if connection.is_open[0] {
                (0..2).for_each(|side| self.arm(id, side));
            } else {
                connection.dialled = 0;
                self.ask_to_open(id);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_happens_to_connections_makes_no_event_larger() {
        assert!(size_of::<Step>() <= 12);
        assert_eq!(size_of::<Plain<()>>(), 16, "as large as the mark of a sync and who made it");
    }
}
