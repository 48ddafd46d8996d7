//! What a node does at a step: the node that it is then, what it sends, and what is to be heard of it. Nothing else decides that
//! but the node and the step, so each deed is done once, however many states it is part of. Next: `ledger.rs`.

use std::collections::VecDeque;

use crate::id::NodeId;
use crate::op::{Refusal, Reply};
use crate::protocol::outbox::Outbox;
use crate::protocol::{Context, Effect};
use crate::rng::Stream;
use crate::time::Duration;
use crate::trace::Observation;

use super::Explorable;
use super::step::Event;
use super::world::{Held, Letter, Node, Post, Rules, Write};

/// What is to be heard of a deed, by clients and by the invariants.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum News {
    /// The client of this operation asks.
    Asked(usize),
    /// A request of this operation is under way once more.
    Again(usize),
    /// A node is down.
    Crashed,
    /// A client is told this, or refused.
    Told(usize, Result<Reply, Refusal>),
    /// A node says something of itself.
    Observed(Observation),
}

/// A deed while it is done, and when it is.
pub(super) struct Doing<'r, 'o, P: Explorable> {
    rules: &'r Rules<'o, P>,
    pub node: Node<P>,
    pub sent: Vec<Letter<P>>,
    pub news: Vec<News>,
    /// What the node sent itself and has not handled.
    own: VecDeque<Post<P>>,
}

/// What a node does at a step that concerns it; `letter` is the message that arrives, if one does.
pub(super) fn deed<'r, 'o, P: Explorable>(
    rules: &'r Rules<'o, P>,
    node: &Node<P>,
    event: Event,
    letter: Option<&Letter<P>>,
) -> Doing<'r, 'o, P> {
    let (sent, news, own) = (Vec::new(), Vec::new(), VecDeque::new());
    let mut doing = Doing { rules, node: node.clone(), sent, news, own };
    match event {
        Event::Deliver(_) => doing.deliver(letter.expect("a message arrives")),
        Event::Repeat(_) => {
            let letter = letter.expect("a message arrives");
            if let Post::Request(request) = &letter.post {
                doing.news.push(News::Again(request.id.client.index()));
            }
            doing.deliver(letter);
        }
        Event::Fire(_) => {
            let place = doing.node.earliest().expect("a timer is set");
            let (timer, due) = doing.node.timers.remove(place);
            doing.node.clock = doing.node.clock.max(due);
            doing.handle(|protocol, cx| protocol.on_timer(timer, cx));
        }
        Event::Sync(_) => doing.sync(),
        Event::Crash(_) => {
            doing.news.push(News::Crashed);
            let Node { protocol, unsynced, held, timers, .. } = &mut doing.node;
            *protocol = None;
            unsynced.clear();
            held.clear();
            timers.clear();
        }
        Event::Start(_) => doing.start(),
        Event::Ask(operation, at) => {
            doing.news.push(News::Asked(operation));
            let request = rules.request(operation, at);
            doing.handle(|protocol, cx| protocol.on_request(request, cx));
        }
    }
    doing
}

impl<P: Explorable> Doing<'_, '_, P> {
    fn me(&self) -> NodeId {
        NodeId(self.node.seat as u16)
    }

    fn deliver(&mut self, letter: &Letter<P>) {
        match letter.post.clone() {
            Post::Message(message) => self.handle(|protocol, cx| protocol.on_message(letter.from, message, cx)),
            Post::Request(request) => self.handle(|protocol, cx| protocol.on_request(request, cx)),
        }
    }

    fn start(&mut self) {
        let (mut stream, mut outbox) = (self.rules.stream.clone(), Outbox::default());
        let (rules, disk) = (self.rules, self.node.disk.clone());
        let mut cx = context(rules, &self.node, &mut stream, &mut outbox);
        let protocol = P::start(rules.options, disk, &mut cx);
        self.node.protocol = Some(protocol);
        self.carry_out(outbox);
        self.settle();
    }

    /// Calls a handler, and carries out what it wants.
    fn handle(&mut self, call: impl FnOnce(&mut P, &mut Context<P>)) {
        self.call(call);
        self.settle();
    }

    fn call(&mut self, call: impl FnOnce(&mut P, &mut Context<P>)) {
        let (mut stream, mut outbox) = (self.rules.stream.clone(), Outbox::default());
        let mut protocol = self.node.protocol.take().expect("only nodes that are up handle anything");
        call(&mut protocol, &mut context(self.rules, &self.node, &mut stream, &mut outbox));
        self.node.protocol = Some(protocol);
        self.carry_out(outbox);
    }

    /// The node handles what it sent itself. What a handler sends itself then waits for the others.
    fn settle(&mut self) {
        let me = self.me();
        while let Some(post) = self.own.pop_front() {
            match post {
                Post::Message(message) => self.call(|protocol, cx| protocol.on_message(me, message, cx)),
                Post::Request(request) => self.call(|protocol, cx| protocol.on_request(request, cx)),
            }
        }
    }

    fn carry_out(&mut self, mut outbox: Outbox<P>) {
        outbox.drain().for_each(|effect| self.effect(effect));
    }

    fn effect(&mut self, effect: Effect<P>) {
        match effect {
            Effect::Send { to, message, unsynced } => self.release(Held::Post(to, Post::Message(message)), unsynced),
            Effect::Broadcast { message } => {
                let me = self.me();
                for to in (0..self.rules.members.len()).map(|to| NodeId(to as u16)).filter(|to| *to != me) {
                    self.release(Held::Post(to, Post::Message(message.clone())), false);
                }
            }
            Effect::Reply { request, reply, unsynced, .. } => {
                self.release(Held::Answer(request.client.index(), Ok(reply)), unsynced);
            }
            Effect::Refuse { request, refusal } => {
                self.release(Held::Answer(request.client.index(), Err(refusal)), false);
            }
            Effect::Forward { to, request } => self.release(Held::Post(to, Post::Request(request)), false),
            Effect::SetTimer { timer, after } => {
                let timers = &mut self.node.timers;
                timers.retain(|(set, _)| *set != timer);
                let due = self.node.clock + after;
                let place = timers.partition_point(|(_, other)| *other <= due);
                timers.insert(place, (timer, due));
            }
            Effect::CancelTimer { timer } => self.node.timers.retain(|(set, _)| *set != timer),
            Effect::Persist { record } => self.write(Write::Append(record)),
            Effect::Compact { records } => self.write(Write::Replace(records)),
            Effect::Observe(observation) => {
                let unsynced = !observation.is_durable();
                self.release(Held::Observe(observation), unsynced);
            }
            Effect::ObserveInside(_) => {} // of a group inside, which is no part of what a state is
        }
    }

    fn write(&mut self, write: Write<P::Record>) {
        if self.rules.tiny.slow_disks {
            self.node.unsynced.push_back(write);
        } else {
            settle_write(&mut self.node.disk, write);
        }
    }

    /// The oldest record is safe, and what waited for it leaves.
    fn sync(&mut self) {
        let write = self.node.unsynced.pop_front().expect("something is not synced");
        settle_write(&mut self.node.disk, write);
        self.node.held.iter_mut().for_each(|(after, _)| *after -= 1);
        while let Some((0, _)) = self.node.held.front() {
            let (_, held) = self.node.held.pop_front().expect("it was looked at");
            self.release(held, true);
        }
        self.settle();
    }

    /// Lets something leave, now or when what was written so far is synced.
    fn release(&mut self, held: Held<P>, now: bool) {
        let pending = self.node.unsynced.len();
        if !now && pending > 0 {
            self.node.held.push_back((pending, held));
            return;
        }
        let me = self.me();
        match held {
            Held::Post(to, post) if to == me => self.own.push_back(post),
            Held::Post(to, post) => self.sent.push(Letter { from: me, to, post }),
            Held::Answer(operation, says) => self.news.push(News::Told(operation, says)),
            Held::Observe(observation) => self.news.extend(is_news(observation).then_some(News::Observed(observation))),
        }
    }
}

fn context<'c, P: Explorable>(
    rules: &'c Rules<P>,
    node: &Node<P>,
    stream: &'c mut Stream,
    outbox: &'c mut Outbox<P>,
) -> Context<'c, P> {
    let (me, members, now) = (&rules.members[node.seat], &*rules.members, node.clock);
    Context { me, members, now, uncertainty: Duration::ZERO, stream, outbox }
}

/// Whether anybody hears of it here: not of what is measured in true time, which is not known, leases among it.
const fn is_news(observation: Observation) -> bool {
    !matches!(
        observation,
        Observation::Suspected
            | Observation::Decided { .. }
            | Observation::Fenced { .. }
            | Observation::Ready { .. }
            | Observation::Leased { .. }
    )
}

fn settle_write<R>(disk: &mut Vec<R>, write: Write<R>) {
    match write {
        Write::Append(record) => disk.push(record),
        Write::Replace(records) => *disk = records,
    }
}
