//! A protocol inside another one: [`Embedded`] calls the inner one's handlers as the world would, and hands what they want
//! to the outer one, which does it in its own name with [`Context::carry`], or makes something else of it.
//!
//! ```text
//! outer.on_message(from, Message::Store(inner), cx)
//!    └► store.call(cx, |raft, cx| raft.on_message(from, inner, cx))      the inner handler, with a context of its own
//!    └► while let Some(effect) = store.next()                            what it wants, in order
//!          Effect::Reply { .. }  => …                                    the outer one's business
//!          effect                => cx.carry(effect)                     sent, set, persisted as a message, timer, record
//! ```
//!
//! What the inner one observes is about its own group. Where that is another than the outer one's, it is told by
//! [`Context::observe_inside`], so that nobody takes the inner leader for the outer one, and its log is watched all the same.
//!
//! The inner protocol knows nothing of that: its members are those it is told of, its clock and its chance are the node's.
//! Its code is the same in a world of its own. The queues are kept, so that an event costs no allocation.

use std::collections::VecDeque;
use std::fmt::{self, Debug};
use std::hash::{Hash, Hasher};

use super::outbox::{Letter, Outbox};
use super::{Context, Effect, Member, Protocol, Request};

/// One node of an inner protocol, as a part of an outer one's node.
pub struct Embedded<P: Protocol> {
    protocol: P,
    members: Vec<Member>,
    me: usize,
    /// What the handler that is being called wants: empty between calls.
    wanted: Outbox<P>,
    /// What the outer protocol has not looked at yet: empty between events.
    left: VecDeque<Effect<P>>,
}

impl<P: Protocol> Embedded<P> {
    /// Starts the inner node in a group of these members, of which this node is one, with what the disk kept of its records.
    ///
    /// # Panics
    /// Where this node is not among the members.
    pub fn start<O: Protocol>(
        options: &P::Options,
        recovered: Vec<P::Record>,
        members: Vec<Member>,
        cx: &mut Context<O>,
    ) -> Embedded<P> {
        let me = members.iter().position(|member| member.node == cx.me()).expect("a node is a member of its own group");
        let (mut wanted, mut left) = (Outbox::default(), VecDeque::new());
        let protocol = P::start(options, recovered, &mut inner(&members, me, &mut wanted, cx));
        take_over(&mut wanted, &members, me, &mut left);
        Embedded { protocol, members, me, wanted, left }
    }

    /// Calls a handler of the inner node. What it wants is [`next`](Embedded::next).
    pub fn call<O: Protocol>(&mut self, cx: &mut Context<O>, handler: impl FnOnce(&mut P, &mut Context<P>)) {
        handler(&mut self.protocol, &mut inner(&self.members, self.me, &mut self.wanted, cx));
        take_over(&mut self.wanted, &self.members, self.me, &mut self.left);
    }

    /// The next thing that the inner node wants, in order. A broadcast comes as a message to each of its peers.
    #[expect(clippy::should_implement_trait, reason = "it is a queue that handlers fill again, not an iterator")]
    pub fn next(&mut self) -> Option<Effect<P>> {
        self.left.pop_front()
    }

    /// The inner node.
    pub fn get(&self) -> &P {
        &self.protocol
    }
}

/// The inner node's context: its own members and effects, the rest from the outer one.
fn inner<'c, P: Protocol, O: Protocol>(
    members: &'c [Member],
    me: usize,
    wanted: &'c mut Outbox<P>,
    cx: &'c mut Context<O>,
) -> Context<'c, P> {
    let (now, uncertainty) = (cx.now, cx.uncertainty);
    Context { me: &members[me], members, now, uncertainty, stream: &mut *cx.stream, outbox: wanted }
}

fn take_over<P: Protocol>(wanted: &mut Outbox<P>, members: &[Member], me: usize, left: &mut VecDeque<Effect<P>>) {
    for effect in wanted.drain() {
        let Effect::Broadcast { message } = effect else {
            left.push_back(effect);
            continue;
        };
        let peers = members.iter().enumerate().filter(|(place, _)| *place != me);
        left.extend(peers.map(|(_, peer)| Effect::Send { to: peer.node, message: message.clone(), unsynced: false }));
    }
}

impl<O: Protocol> Context<'_, O> {
    /// Does what an inner protocol wants, in the outer one's name: its messages, timers and records become those of the outer
    /// one, its answers go to the outer one's clients.
    ///
    /// [`Effect::Compact`] replaces the whole log on disk: where the outer protocol has records of its own, it must make its own
    /// of that.
    pub fn carry<P>(&mut self, effect: Effect<P>)
    where
        P: Protocol<Session = O::Session>,
        O: Protocol<Message: From<P::Message>, Timer: From<P::Timer>, Record: From<P::Record>>,
    {
        self.outbox.push(match effect {
            Effect::Send { to, message, unsynced } => {
                return self.outbox.send(Letter::new(message.into(), self.me.node, to), unsynced);
            }
            Effect::Broadcast { message } => return self.broadcast(message.into()),
            Effect::Reply { request, reply, session, unsynced } => Effect::Reply { request, reply, session, unsynced },
            Effect::Refuse { request, refusal } => Effect::Refuse { request, refusal },
            Effect::Forward { to, request: Request { id, op, session } } => {
                Effect::Forward { to, request: Request { id, op, session } }
            }
            Effect::SetTimer { timer, after } => Effect::SetTimer { timer: timer.into(), after },
            Effect::CancelTimer { timer } => Effect::CancelTimer { timer: timer.into() },
            Effect::Persist { record } => Effect::Persist { record: record.into() },
            Effect::Compact { records } => Effect::Compact { records: records.into_iter().map(Into::into).collect() },
            Effect::Observe(observation) => return self.outbox.observe(observation),
            Effect::ObserveInside(observation) => Effect::ObserveInside(observation),
        });
    }
}

// Derives would ask the same of effects, of which there are none between events.
impl<P: Protocol + Clone> Clone for Embedded<P> {
    fn clone(&self) -> Embedded<P> {
        assert!(self.left.is_empty(), "a node is copied between events");
        Embedded {
            protocol: self.protocol.clone(),
            members: self.members.clone(),
            me: self.me,
            wanted: Outbox::default(),
            left: VecDeque::new(),
        }
    }
}

impl<P: Protocol + Hash> Hash for Embedded<P> {
    /// The node's state: who its members are does not change.
    fn hash<H: Hasher>(&self, into: &mut H) {
        self.protocol.hash(into);
    }
}

impl<P: Protocol + Debug> Debug for Embedded<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.protocol.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::{NodeId, RequestId};
    use crate::op::Reply;
    use crate::protocol::{Harness, Payload, Role, State};
    use crate::time::Duration;

    /// What both say, so that a test can tell whose it was.
    #[derive(Clone, Debug, PartialEq)]
    struct Word(&'static str);

    impl Payload for Word {
        fn bytes(&self) -> u32 {
            1
        }
    }

    /// Does one of each when a timer fires.
    struct Inner;

    impl Protocol for Inner {
        type Message = Word;
        type Timer = u8;
        type Record = u8;
        type Session = ();
        type Options = ();

        fn start(_: &(), recovered: Vec<u8>, cx: &mut Context<Self>) -> Inner {
            cx.set_timer(recovered.len() as u8, Duration::secs(1));
            Inner
        }

        fn on_request(&mut self, request: Request<Self>, cx: &mut Context<Self>) {
            cx.reply(request.id, Reply::Written);
        }

        fn on_message(&mut self, from: NodeId, message: Word, cx: &mut Context<Self>) {
            cx.send_unsynced(from, message);
        }

        fn on_timer(&mut self, timer: u8, cx: &mut Context<Self>) {
            cx.persist(timer);
            cx.broadcast(Word("to all"));
            cx.cancel_timer(timer);
        }

        fn state(&self) -> State {
            State::no_data()
        }
    }

    struct Outer;

    #[derive(Clone, Debug, PartialEq)]
    struct Wrapped(Word);

    impl Payload for Wrapped {
        fn bytes(&self) -> u32 {
            self.0.bytes()
        }
    }

    impl From<Word> for Wrapped {
        fn from(word: Word) -> Wrapped {
            Wrapped(word)
        }
    }

    impl Protocol for Outer {
        type Message = Wrapped;
        type Timer = u16;
        type Record = u16;
        type Session = ();
        type Options = ();

        fn start(_: &(), _: Vec<u16>, _: &mut Context<Self>) -> Outer {
            Outer
        }

        fn on_request(&mut self, _: Request<Self>, _: &mut Context<Self>) {}
        fn on_message(&mut self, _: NodeId, _: Wrapped, _: &mut Context<Self>) {}
        fn on_timer(&mut self, _: u16, _: &mut Context<Self>) {}

        fn state(&self) -> State {
            State::no_data()
        }
    }

    #[test]
    fn what_the_inner_one_wants_is_done_in_order_among_its_own_members() {
        let mut harness = Harness::<Outer>::with_roles(
            &[("a", Role::Replica), ("b", Role::Monitor), ("c", Role::Replica), ("d", Role::Replica)],
            2,
        );
        let members = harness.context().members().iter().filter(|member| member.role == Role::Replica);
        let members: Vec<Member> = members.cloned().collect();
        let mut inner = Embedded::<Inner>::start(&(), vec![7, 7], members, &mut harness.context());
        let carry_all = |inner: &mut Embedded<Inner>, harness: &mut Harness<Outer>| {
            while let Some(effect) = inner.next() {
                harness.context().carry(effect);
            }
            format!("{:?}", harness.effects())
        };
        assert_eq!(carry_all(&mut inner, &mut harness), "[SetTimer(2, 1s)]");
        inner.call(&mut harness.context(), |inner, cx| inner.on_timer(5, cx));
        assert_eq!(
            carry_all(&mut inner, &mut harness),
            "[Persist(5), Send(n0, Wrapped(Word(\"to all\"))), Send(n3, Wrapped(Word(\"to all\"))), CancelTimer(5)]"
        );
        let request = Request { id: RequestId::default(), op: crate::op::Op::Read(crate::id::Key(0)), session: () };
        inner.call(&mut harness.context(), |inner, cx| inner.on_request(request, cx));
        inner.call(&mut harness.context(), |inner, cx| inner.on_message(NodeId(0), Word("back"), cx));
        assert_eq!(
            carry_all(&mut inner, &mut harness),
            "[Reply(c0, Written, None), SendUnsynced(n0, Wrapped(Word(\"back\")))]"
        );
    }
}
