//! **Write all, read nearest**: a write is acknowledged once every region has it on disk; reads are local.
use riftzone::id::{Key, NodeId, RequestId, Value};
use riftzone::op::{Op, Refusal, Reply};
use riftzone::protocol::{Claim, Context, Guarantee, Payload, Protocol, Request, State};
use riftzone::{scenario::Scenario, sim::Placement, sim::simulate, trace::Trace};
use std::collections::BTreeMap;

type Write = (u64, NodeId, Value); // the highest version of a key wins, and of equal versions the highest node
#[derive(Debug)]
/// One node.
pub struct WriteAll {
    copy: BTreeMap<Key, Write>,
    waiting: BTreeMap<Write, (RequestId, usize)>, // and how many nodes have yet to answer
}

#[derive(Clone, Debug)]
/// A write under way.
pub struct Store(Key, Write); // sent back to the node that wrote, it is the answer
impl Payload for Store {
    fn bytes(&self) -> u32 {
        38
    }
}

impl Protocol for WriteAll {
    type Message = Store;
    type Timer = ();
    type Record = (Key, Write);
    type Session = ();
    type Options = ();

    fn claims(_: &()) -> Vec<Claim> {
        vec![Claim { guarantee: Guarantee::NoAcknowledgedWriteLost, under: Claim::DISKS_KEEP }]
    }
    fn start(_: &(), recovered: Vec<(Key, Write)>, _: &mut Context<Self>) -> Self {
        WriteAll { copy: recovered.into_iter().collect(), waiting: BTreeMap::new() }
    }
    fn on_request(&mut self, request: Request<Self>, cx: &mut Context<Self>) {
        match request.op {
            Op::Read(key) => cx.reply(request.id, Reply::Read(self.copy.get(&key).map(|held| held.2))),
            Op::Write(key, value) => {
                let write = (self.copy.get(&key).map_or(1, |held| held.0 + 1), cx.me(), value);
                self.waiting.insert(write, (request.id, cx.members().len()));
                self.on_message(cx.me(), Store(key, write), cx);
                cx.broadcast(Store(key, write));
            }
            _ => cx.refuse(request.id, Refusal::Unsupported),
        }
    }
    fn on_message(&mut self, from: NodeId, Store(key, write): Store, cx: &mut Context<Self>) {
        if self.copy.get(&key) < Some(&write) {
            self.copy.insert(key, write);
            cx.persist((key, write)); // what is sent from here on waits for the disk
        }
        match self.waiting.remove(&write) {
            Some((request, 1)) => cx.reply(request, Reply::Written),
            Some((request, missing)) => drop(self.waiting.insert(write, (request, missing - 1))),
            None if write.1 != cx.me() => cx.send(from, Store(key, write)),
            None => {} // the answer to a write from before a crash
        }
    }
    fn on_timer(&mut self, (): (), _: &mut Context<Self>) {}
    fn state(&self) -> State {
        State::serving(self.copy.iter().map(|(key, held)| (*key, held.2)))
    }
}

/// One run.
pub fn main() {
    let hello = Scenario::parse(include_str!("../scenarios/hello.toml"), "hello.toml").expect("it is a scenario");
    let everywhere = Placement::everywhere(&hello.setup.topology);
    let run = simulate::<WriteAll>(&hello.setup, &everywhere, &(), 1, Trace::off()).expect("there are no options");
    println!(
        "available {:.1} %, {} writes lost",
        100.0 * run.measures.outcomes(None).availability(),
        run.durability.lost.len()
    );
}
