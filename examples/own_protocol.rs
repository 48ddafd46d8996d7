//! **Write all, read nearest.** Every region answers reads from its own copy; a write is acknowledged once every region
//! has it on disk. With one region out of reach nobody can write: compare that with raft.

use riftzone::id::{Key, NodeId, RequestId, Value};
use riftzone::op::{Op, Refusal, Reply};
use riftzone::protocol::{Claim, Context, Guarantee, Harness, Payload, Protocol, Request, State};
use std::collections::BTreeMap;

type Write = (u64, NodeId, Value); // the highest version of a key wins, and of equal versions the highest node

#[derive(Default)]
struct WriteAll {
    copy: BTreeMap<Key, Write>,
    waiting: BTreeMap<Write, (RequestId, usize)>, // how many nodes have yet to answer
}

#[derive(Clone, Debug)]
enum Message {
    Store(Key, Write),
    Stored(Write),
}
impl Payload for Message {
    fn bytes(&self) -> u32 {
        38
    }
}

impl Protocol for WriteAll {
    type Message = Message;
    type Timer = ();
    type Record = (Key, Write);
    type Session = ();
    type Options = ();

    fn claims(_: &()) -> Vec<Claim> {
        vec![Claim { guarantee: Guarantee::NoAcknowledgedWriteLost, under: Claim::ANY_FAULT }]
    }
    fn start(_: &(), recovered: Vec<(Key, Write)>, _: &mut Context<Self>) -> Self {
        let mut node = WriteAll::default();
        recovered.into_iter().for_each(|(key, write)| node.keep(key, write));
        node
    }
    fn on_request(&mut self, request: Request<Self>, cx: &mut Context<Self>) {
        match request.op {
            Op::Read(key) => cx.reply(request.id, Reply::Read(self.copy.get(&key).map(|write| write.2))),
            Op::Write(key, value) => {
                let write = (self.copy.get(&key).map_or(1, |held| held.0 + 1), cx.me(), value);
                self.waiting.insert(write, (request.id, cx.peers().count()));
                self.on_message(cx.me(), Message::Store(key, write), cx);
                cx.broadcast(Message::Store(key, write)); // the world holds it until the record is synced
            }
            _ => cx.refuse(request.id, Refusal::Unsupported),
        }
    }
    fn on_message(&mut self, from: NodeId, message: Message, cx: &mut Context<Self>) {
        match message {
            Message::Store(key, write) => {
                self.keep(key, write);
                cx.persist((key, write));
                cx.send(from, Message::Stored(write));
            }
            Message::Stored(write) => {
                let Some((request, missing)) = self.waiting.get_mut(&write) else { return };
                *missing -= 1;
                if *missing == 0 {
                    cx.reply(*request, Reply::Written);
                }
            }
        }
    }
    fn on_timer(&mut self, (): (), _: &mut Context<Self>) {}
    fn state(&self) -> State {
        State::serving(self.copy.iter().map(|(key, write)| (*key, write.2)))
    }
}
