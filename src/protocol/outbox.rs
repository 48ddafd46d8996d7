//! Where a [`Context`](super::Context) puts what a handler wants, until it is carried out.
//!
//! What is wanted most is written once, where it stays: a message among the letters, until it arrives; an observation among the observations,
//! until the monitors have looked at it; and so does an answer. What was just written in small pieces and is read at once in large ones, as a copy does, a processor
//! cannot pass on from its stores, and has to wait for.

use std::cell::Cell;
use std::collections::VecDeque;

use crate::id::{NodeId, RequestId};
use crate::op::Reply;
use crate::slab::Slab;
use crate::trace::Observation;

use super::{Effect, Protocol};

/// What handlers want, in order.
pub(crate) struct Outbox<P: Protocol> {
    pub(crate) wishes: Vec<Wish>,
    pub(crate) observations: Vec<Observation>,
    pub(crate) replies: Vec<Said<P::Session>>,
    /// Everything else.
    pub(crate) others: VecDeque<Effect<P>>,
    pub(crate) letters: Letters<P::Message>,
}

/// What kind of thing is wanted, and where it lies.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Wish {
    /// A letter is to leave.
    Send(u32),
    /// A letter is to leave at once, whatever the disk still has to sync.
    SendUnsynced(u32),
    /// A letter is to leave for every other member.
    Broadcast(u32),
    /// An observation is to be told.
    Observe(u32),
    /// A client is to be answered.
    Reply(u32),
    /// The next of the others.
    Other,
}

/// An answer to a client.
#[derive(Debug)]
pub(crate) struct Said<S> {
    pub(crate) request: RequestId,
    pub(crate) reply: Reply,
    pub(crate) session: Option<S>,
    pub(crate) unsynced: bool,
}

/// A message on its way.
///
/// The cell is there for what it is made into: without it an empty slot would be marked in one of the message's own tags, and
/// taking the message out would move the tag and the rest apart, in pieces that a processor cannot pass on from its stores.
pub(crate) struct Letter<M> {
    pub(crate) message: Cell<M>,
    pub(crate) from: NodeId,
    pub(crate) to: NodeId,
}

/// Messages by slot.
pub(crate) type Letters<M> = Slab<Letter<M>>;

impl<M> Letter<M> {
    #[inline(always)]
    pub(crate) fn new(message: M, from: NodeId, to: NodeId) -> Letter<M> {
        Letter { message: Cell::new(message), from, to }
    }
}

impl<P: Protocol> Default for Outbox<P> {
    fn default() -> Outbox<P> {
        Outbox {
            wishes: Vec::new(),
            observations: Vec::new(),
            replies: Vec::new(),
            others: VecDeque::new(),
            letters: Slab::default(),
        }
    }
}

impl<P: Protocol> Outbox<P> {
    /// One more message, for one node.
    #[inline(always)]
    pub(crate) fn send(&mut self, letter: Letter<P::Message>, unsynced: bool) {
        let slot = self.letters.insert(letter);
        self.wishes.push(if unsynced { Wish::SendUnsynced(slot) } else { Wish::Send(slot) });
    }

    /// One more message, for all but its sender.
    #[inline]
    pub(crate) fn broadcast(&mut self, letter: Letter<P::Message>) {
        let slot = self.letters.insert(letter);
        self.wishes.push(Wish::Broadcast(slot));
    }

    /// One more observation.
    #[inline(always)]
    pub(crate) fn observe(&mut self, observation: Observation) {
        self.wishes.push(Wish::Observe(self.observations.len() as u32));
        self.observations.push(observation);
    }

    /// One more answer.
    #[inline(always)]
    pub(crate) fn reply(&mut self, said: Said<P::Session>) {
        self.wishes.push(Wish::Reply(self.replies.len() as u32));
        self.replies.push(said);
    }

    /// One more of everything else.
    #[inline]
    pub(crate) fn push(&mut self, effect: Effect<P>) {
        self.wishes.push(Wish::Other);
        self.others.push_back(effect);
    }

    /// What a wish is for, taken out: of the others, the next.
    #[inline]
    pub(crate) fn take(&mut self, wish: Wish) -> Effect<P> {
        let mut take = |slot| {
            let Letter { message, to, .. } = self.letters.remove(slot);
            (to, message.into_inner())
        };
        match wish {
            Wish::Send(slot) | Wish::SendUnsynced(slot) => {
                let (to, message) = take(slot);
                Effect::Send { to, message, unsynced: matches!(wish, Wish::SendUnsynced(_)) }
            }
            Wish::Broadcast(slot) => Effect::Broadcast { message: take(slot).1 },
            Wish::Observe(place) => Effect::Observe(self.observations[place as usize]),
            Wish::Reply(place) => {
                let Said { request, reply, ref mut session, unsynced } = self.replies[place as usize];
                Effect::Reply { request, reply, session: session.take(), unsynced }
            }
            Wish::Other => self.others.pop_front().expect("there are as many as are wished for"),
        }
    }

    /// Forgets what was wanted, which is done. Letters stay.
    #[inline]
    pub(crate) fn finish(&mut self) {
        self.wishes.clear();
        self.observations.clear();
        self.replies.clear();
    }

    /// Forgets everything, letters among it.
    pub(crate) fn clear(&mut self) {
        self.finish();
        self.others.clear();
        self.letters.clear();
    }

    /// Takes out all that is wanted, in order.
    pub(crate) fn drain(&mut self) -> impl Iterator<Item = Effect<P>> + '_ {
        let mut place = 0;
        std::iter::from_fn(move || {
            let Some(wish) = self.wishes.get(place).copied() else {
                self.finish();
                return None;
            };
            place += 1;
            Some(self.take(wish))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::{ClientId, Key, Value};
    use crate::protocol::{Context, Payload, Request, State};
    use crate::time::Duration;

    #[derive(Debug)]
    struct Quiet;

    #[derive(Clone, Debug)]
    struct Word(&'static str);

    impl Payload for Word {
        fn bytes(&self) -> u32 {
            self.0.len() as u32
        }
    }

    impl Protocol for Quiet {
        type Message = Word;
        type Timer = u8;
        type Record = u8;
        type Session = ();
        type Options = ();

        fn start(_: &(), _: Vec<u8>, _: &mut Context<Self>) -> Quiet {
            Quiet
        }

        fn on_request(&mut self, _: Request<Self>, _: &mut Context<Self>) {}
        fn on_message(&mut self, _: NodeId, _: Word, _: &mut Context<Self>) {}
        fn on_timer(&mut self, _: u8, _: &mut Context<Self>) {}

        fn state(&self) -> State {
            State::no_data()
        }
    }

    #[test]
    fn everything_comes_out_in_the_order_in_which_it_was_wanted() {
        let (me, to) = (NodeId(0), NodeId(1));
        let mut outbox = Outbox::<Quiet>::default();
        for round in 0..2 {
            outbox.push(Effect::Persist { record: round });
            outbox.send(Letter::new(Word("first"), me, to), true);
            outbox.observe(Observation::Suspected);
            outbox.broadcast(Letter::new(Word("second"), me, me));
            outbox.push(Effect::SetTimer { timer: round, after: Duration::secs(1) });
            outbox.observe(Observation::Applied { key: Key(2), value: Value(3) });
            let request = RequestId { client: ClientId(4), sequence: 1, entry: me };
            outbox.reply(Said { request, reply: Reply::Written, session: Some(()), unsynced: true });
            outbox.send(Letter::new(Word("third"), me, to), false);
            let wanted: Vec<String> = outbox.drain().map(|effect| format!("{effect:?}")).collect();
            let applied = format!("Observe({:?})", Observation::Applied { key: Key(2), value: Value(3) });
            let expected = [
                &format!("Persist({round})"),
                "SendUnsynced(n1, Word(\"first\"))",
                "Observe(Suspected)",
                "Broadcast(Word(\"second\"))",
                &format!("SetTimer({round}, 1s)"),
                &applied,
                "ReplyUnsynced(c4, Written, Some(()))",
                "Send(n1, Word(\"third\"))",
            ];
            assert_eq!(wanted, expected);
            assert!(outbox.wishes.is_empty() && outbox.observations.is_empty());
            assert!(outbox.replies.is_empty() && outbox.others.is_empty());
            assert_eq!(outbox.letters.len(), 0, "what was taken out lies nowhere");
        }
    }
}
