//! **Naive failover**: the primary ships its writes to the others, and the next in line, missing it for long enough, takes over.
//! What is wrong with that, a property test of ten lines finds by itself: `cargo run --example naive_failover --features proptest`.
use riftzone::id::{Key, NodeId, Value};
use riftzone::op::{Op, Refusal, Reply};
use riftzone::protocol::{Context, Guarantee, Payload, Protocol, Request, Serves, State};
use riftzone::testing::{Failed, PropertyTest};
use riftzone::time::{Duration, Time};
use riftzone::trace::Observation;
use std::collections::BTreeMap;

const BEAT: Duration = Duration::millis(300);
const PATIENCE: Duration = Duration::secs(2);

/// A node: who it takes for the primary, in which epoch, and since when that one has been silent.
#[derive(Debug)]
pub struct Naive {
    primary: NodeId,
    epoch: u64,
    heard: Time,
    copy: BTreeMap<Key, Value>,
}

/// From the primary of an epoch to the others: I am here, and perhaps a write.
#[derive(Clone, Debug)]
pub struct Beat(u64, Option<(Key, Value)>);
impl Payload for Beat {
    fn bytes(&self) -> u32 {
        32
    }
}

impl Naive {
    fn apply(&mut self, key: Key, value: Value, cx: &mut Context<Self>) {
        self.copy.insert(key, value);
        cx.persist((key, value));
        cx.observe(Observation::Applied { key, value });
    }
}

impl Protocol for Naive {
    type Message = Beat;
    type Timer = ();
    type Record = (Key, Value);
    type Session = ();
    type Options = ();

    fn serves(_: &(), _: riftzone::op::OpKind) -> Serves {
        Serves::Leader(None)
    }
    fn start(_: &(), recovered: Vec<(Key, Value)>, cx: &mut Context<Self>) -> Self {
        let primary = cx.members()[0].node;
        if cx.me() == primary {
            cx.observe(Observation::Leader { epoch: 1 });
        }
        cx.set_timer((), BEAT);
        Naive { primary, epoch: 1, heard: cx.now(), copy: recovered.into_iter().collect() }
    }
    fn on_request(&mut self, request: Request<Self>, cx: &mut Context<Self>) {
        match request.op {
            _ if self.primary != cx.me() => cx.refuse(request.id, Refusal::Redirect(self.primary)),
            Op::Read(key) => cx.reply(request.id, Reply::Read(self.copy.get(&key).copied())),
            Op::Write(key, value) => {
                self.apply(key, value, cx);
                cx.broadcast(Beat(self.epoch, Some((key, value))));
                cx.reply(request.id, Reply::Written); // the others will have it soon
            }
            _ => cx.refuse(request.id, Refusal::Unsupported),
        }
    }
    fn on_message(&mut self, from: NodeId, Beat(epoch, write): Beat, cx: &mut Context<Self>) {
        if epoch < self.epoch {
            return; // of one that was thought dead
        }
        if self.primary == cx.me() && epoch > self.epoch {
            cx.observe(Observation::SteppedDown { epoch: self.epoch });
        }
        (self.primary, self.epoch, self.heard) = (from, epoch, cx.now());
        if let Some((key, value)) = write {
            self.apply(key, value, cx);
        }
    }
    fn on_timer(&mut self, (): (), cx: &mut Context<Self>) {
        let members = cx.members();
        let at = members.iter().position(|member| member.node == self.primary).expect("it is one of them");
        let is_next = members[(at + 1) % members.len()].node == cx.me() && self.primary != cx.me();
        if is_next && cx.now().since(self.heard) > PATIENCE {
            (self.primary, self.epoch) = (cx.me(), self.epoch + 1); // it must be dead
            cx.observe(Observation::Leader { epoch: self.epoch });
        }
        if self.primary == cx.me() {
            cx.broadcast(Beat(self.epoch, None));
        }
        cx.set_timer((), BEAT);
    }
    fn state(&self) -> State {
        State::serving(self.copy.clone())
    }
}

/// The property test: no two nodes acknowledge writes at the same time.
pub fn split_brain() -> Result<(), Box<Failed>> {
    PropertyTest::<Naive>::new("naive-failover")
        .require(Guarantee::SingleWriter)
        .must_have("a write that was acknowledged", 200, |run| run.measures.outcomes(None).ok > 0)
        .run()
        .map(drop)
}

/// Finds what is wrong, and tells it.
pub fn main() {
    match split_brain() {
        Err(failed) => println!("{failed}"),
        Ok(()) => println!("nothing found"),
    }
}
