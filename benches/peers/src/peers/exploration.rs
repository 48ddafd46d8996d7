//! [stateright](https://crates.io/crates/stateright) 0.31.0, which visits every state: the same protocol, through an adapter.
//!
//! **Measured.** Every state of raft's first election, with one fixed leader and no timeout, and with each message arriving
//! in any order or never; riftzone's `explore::exhaustive` visits the same. An actor of stateright calls the handlers of
//! riftzone's own [`Raft`], so both explore one piece of code, and must come to the same number of states. One unit is one state.
//!
//! That both find the same violation by as few steps, and visit as many states where there is none, is a test:
//! `cd benches/peers && cargo test --release`.
//!
//! **Not comparable.** riftzone watches its invariants in every state and keeps what they remember, and can tell disks and
//! crashes; stateright checks one property here, and is called through an adapter that makes a context for each handler. What is
//! sent to oneself arrives at once in both.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::collections::VecDeque;
use std::fmt::Debug;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Mutex;
use std::time::Instant;

use riftzone::explore::exhaustive::Explorable;
use riftzone::id::NodeId;
use riftzone::protocol::raft::{Options, Raft};
use riftzone::protocol::{Context, Effect, Harness, Protocol};
use riftzone::trace::Observation;
use stateright::actor::{Actor, ActorModel, ActorModelState, Id, Network, Out};
use stateright::{Checker, Expectation, Model};

use crate::ballot::{self, Ballot};
use crate::contest::Sample;

/// Visits every state of an election among so many nodes.
///
/// # Panics
/// Where two lead one term.
pub fn elect(regions: &[&'static str], options: &Options) -> Sample {
    let begun = Instant::now();
    let checker = search::<Raft>(regions, options);
    checker.assert_no_discovery(ONE_LEADER);
    let states = checker.unique_state_count() as u64;
    Sample { note: format!("{} steps", checker.state_count()), ..Sample::of(states, begun, states) }
}

/// How many states of a ballot among so many nodes were visited, and how few steps it takes until two lead.
pub fn ballot(regions: &[&'static str], options: &ballot::Options) -> (u64, Option<u64>) {
    let checker = search::<Ballot>(regions, options);
    let path = checker.discovery(ONE_LEADER);
    (checker.unique_state_count() as u64, path.map(|path| path.into_actions().len() as u64))
}

const ONE_LEADER: &str = "one leader";

/// Breadth first, on one thread, until there is nothing left or two lead one epoch.
fn search<P>(regions: &[&'static str], options: &P::Options) -> impl Checker<ActorModel<Machine<P>>> + use<P>
where
    P: Explorable<Message: Send + Sync + 'static> + Debug + Send + Sync + 'static,
    P::Options: Send + Sync,
    Machine<P>:
        Actor<State = Process<P>, Msg = Letter<P::Message>, Timer = (), Storage = (), Random = ()> + Send + Sync,
{
    let nodes = 0..regions.len() as u16;
    let machine = |me| Machine::<P> { options: options.clone(), harness: Mutex::new(Harness::new(regions, me)) };
    let is_safe = |_: &ActorModel<Machine<P>>, state: &ActorModelState<Machine<P>>| {
        let leads: Vec<u64> = state.actor_states.iter().filter_map(|process| process.leads).collect();
        (1..leads.len()).all(|place| !leads[..place].contains(&leads[place]))
    };
    let model = ActorModel::new((), ())
        .actors(nodes.map(machine))
        .init_network(Network::new_unordered_nonduplicating([]))
        .property(Expectation::Always, ONE_LEADER, is_safe);
    model.checker().threads(1).spawn_bfs().join()
}

/// A node of a protocol as an actor. Timers never fire, and disks are at once what they are told.
struct Machine<P: Protocol> {
    options: P::Options,
    harness: Mutex<Harness<P>>,
}

/// A node's state.
#[derive(Clone, Debug, Hash)]
struct Process<P> {
    protocol: P,
    leads: Option<u64>,
}

impl<P: Hash> PartialEq for Process<P> {
    fn eq(&self, other: &Process<P>) -> bool {
        print(self) == print(other)
    }
}

/// A message, which is known by its fingerprint.
#[derive(Clone, Debug)]
struct Letter<M> {
    message: M,
    print: u64,
}

impl<M> Hash for Letter<M> {
    fn hash<H: Hasher>(&self, into: &mut H) {
        self.print.hash(into);
    }
}

impl<M> PartialEq for Letter<M> {
    fn eq(&self, other: &Letter<M>) -> bool {
        self.print == other.print
    }
}

impl<M> Eq for Letter<M> {}

impl<M> PartialOrd for Letter<M> {
    fn partial_cmp(&self, other: &Letter<M>) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl<M> Ord for Letter<M> {
    fn cmp(&self, other: &Letter<M>) -> Ordering {
        self.print.cmp(&other.print)
    }
}

fn print(thing: &impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    thing.hash(&mut hasher);
    hasher.finish()
}

impl<P: Explorable + Debug> Machine<P> {
    /// Calls a handler, and those for what the node then sends itself.
    fn call<T>(
        &self,
        process: &mut Option<Process<P>>,
        out: &mut Out<Self>,
        handler: impl FnOnce(&mut Option<Process<P>>, &mut Context<P>) -> T,
    ) -> T {
        let mut harness = self.harness.lock().expect("no handler panics");
        harness.begin_anew();
        let done = handler(process, &mut harness.context());
        let mut own = VecDeque::new();
        let me = harness.context().me();
        loop {
            let peers: Vec<NodeId> = harness.context().peers().map(|peer| peer.node).collect();
            let mut send = |to: NodeId, message: P::Message, own: &mut VecDeque<P::Message>| {
                if to == me {
                    return own.push_back(message);
                }
                let print = print(&message);
                out.send(Id::from(to.index()), Letter { message, print });
            };
            for effect in harness.effects() {
                match effect {
                    Effect::Send { to, message, .. } => send(to, message, &mut own),
                    Effect::Broadcast { message } => peers.iter().for_each(|to| send(*to, message.clone(), &mut own)),
                    Effect::Observe(Observation::Leader { epoch }) => {
                        process.iter_mut().for_each(|process| process.leads = Some(epoch));
                    }
                    Effect::Observe(Observation::SteppedDown { .. }) => {
                        process.iter_mut().for_each(|process| process.leads = None);
                    }
                    _ => {}
                }
            }
            let Some(message) = own.pop_front() else { return done };
            let process = process.as_mut().expect("it has started");
            harness.begin_anew();
            process.protocol.on_message(me, message, &mut harness.context());
        }
    }
}

impl<P> Actor for Machine<P>
where
    P: Explorable + Debug,
{
    type Msg = Letter<P::Message>;
    type Timer = ();
    type State = Process<P>;
    type Storage = ();
    type Random = ();

    fn on_start(&self, _: Id, _: &Option<()>, out: &mut Out<Self>) -> Process<P> {
        let mut process = None;
        self.call(&mut process, out, |process, cx| {
            let protocol = P::start(&self.options, Vec::new(), cx);
            *process = Some(Process { protocol, leads: None });
        });
        process.expect("it was just made")
    }

    fn on_msg(&self, _: Id, state: &mut Cow<Process<P>>, from: Id, letter: Letter<P::Message>, out: &mut Out<Self>) {
        let mut process = Some(state.to_mut().clone());
        let from = NodeId(usize::from(from) as u16);
        self.call(&mut process, out, |process, cx| {
            process.as_mut().expect("it has started").protocol.on_message(from, letter.message, cx);
        });
        *state = Cow::Owned(process.expect("it is still there"));
    }
}
