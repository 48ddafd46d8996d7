//! Memory: no allocation for an event, once a run is under way, and few bytes for what is pending and what is recorded.
//!
//! Counted, not timed. A run twice as long as another, in memory that a still longer one has left, must allocate no more
//! than the short one, whatever the number of its events. The protocols' own logs and copies may grow, by doubling.
//! Those that merge, crdt and siblings, do allocate: for an update (its record, what is told of it, its past), for what is shipped each
//! so often, and for what a read gathers. That is counted by the update, with few reads between and with many: at most so many blocks.

use riftzone::history::Operation;
use riftzone::id::{NodeId, RegionId, Value};
use riftzone::model::clock::ClockModel;
use riftzone::model::disk::DiskModel;
use riftzone::model::latency::Delay;
use riftzone::model::topology::Topology;
use riftzone::model::workload::{Arrivals, KeyChooser, Mix, Objects, Workload};
use riftzone::op::{Op, Refusal, Reply};
use riftzone::protocol::caspaxos::{self, CasPaxos};
use riftzone::protocol::crdt::{self, Crdt, Transport, Type};
use riftzone::protocol::hub::{self, Hub};
use riftzone::protocol::lease_store::{self, LeaseStore};
use riftzone::protocol::orchestrated::{self, Orchestrated};
use riftzone::protocol::primary_backup::Acknowledge;
use riftzone::protocol::siblings::{self, Siblings};
use riftzone::protocol::{Context, Payload, Protocol, Request, State};
use riftzone::sim::{Placement, Queue, Setup, Simulator};
use riftzone::time::{Duration, Time};
use riftzone::trace::{Rows, Trace};

#[global_allocator]
static ALLOCATOR: dhat::Alloc = dhat::Alloc;

/// A message that is handed on from node to node.
#[derive(Clone, Debug)]
struct Token {
    hops: u64,
    words: [u64; 3],
}

impl Payload for Token {
    fn bytes(&self) -> u32 {
        32
    }
}

struct Ring {
    next: NodeId,
    sum: u64,
}

impl Protocol for Ring {
    type Message = Token;
    type Timer = ();
    type Record = ();
    type Session = ();
    /// How many tokens each node sends out.
    type Options = u32;

    fn start(tokens: &u32, _: Vec<()>, cx: &mut Context<Self>) -> Ring {
        let next = NodeId((cx.me().0 + 1) % cx.members().len() as u16);
        (0..*tokens).for_each(|_| cx.send(next, Token { hops: 0, words: [0; 3] }));
        Ring { next, sum: 0 }
    }

    fn on_request(&mut self, request: Request<Self>, cx: &mut Context<Self>) {
        cx.refuse(request.id, Refusal::Unsupported);
    }

    fn on_message(&mut self, _: NodeId, token: Token, cx: &mut Context<Self>) {
        self.sum = self.sum.wrapping_add(token.hops ^ token.words[0]);
        cx.send(self.next, Token { hops: token.hops + 1, words: [self.sum; 3] });
    }

    fn on_timer(&mut self, (): (), _: &mut Context<Self>) {}

    fn state(&self) -> State {
        State::no_data()
    }
}

/// One node holds everything, and the others ask it.
struct Single {
    copy: [Option<Value>; 50],
}

impl Protocol for Single {
    type Message = Token;
    type Timer = ();
    type Record = ();
    type Session = ();
    type Options = ();

    fn start((): &(), _: Vec<()>, _: &mut Context<Self>) -> Single {
        Single { copy: [None; 50] }
    }

    fn on_request(&mut self, request: Request<Self>, cx: &mut Context<Self>) {
        if cx.me() != NodeId(0) {
            return cx.forward(NodeId(0), request);
        }
        let held = &mut self.copy[request.op.key().index()];
        match request.op {
            Op::Read(_) => cx.reply(request.id, Reply::Read(*held)),
            Op::Write(_, value) => {
                *held = Some(value);
                cx.reply(request.id, Reply::Written);
            }
            _ => cx.refuse(request.id, Refusal::Unsupported),
        }
    }

    fn on_message(&mut self, _: NodeId, _: Token, _: &mut Context<Self>) {}

    fn on_timer(&mut self, (): (), _: &mut Context<Self>) {}

    fn state(&self) -> State {
        State::no_data()
    }
}

fn setup(clients: u32, duration: Duration) -> Setup {
    let names = ["a", "b", "c", "d", "e"];
    let mut topology = Topology::new(&names);
    let pairs = (0..5).flat_map(|from| (0..5).map(move |to| (from, to))).filter(|(from, to)| from != to);
    for (from, to) in pairs {
        let delay = Delay::uniform(Duration::millis(30 + from * 9 + to), Duration::millis(55 + from * 9 + to));
        topology.set_delay(RegionId(from as u16), RegionId(to as u16), delay);
    }
    let workload = Workload {
        clients: vec![clients; names.len()],
        arrivals: Arrivals::Poisson(Duration::millis(10)),
        keys: KeyChooser::uniform(50),
        mix: Mix { read: 8, write: 2, compare_and_set: 0 },
        objects: Objects::default(),
        timeout: Duration::secs(2),
        retry_after: None,
        backoff: Duration::millis(100),
        warm_up: Duration::ZERO,
        operations_per_client: None,
        retry: None,
        idempotency: true,
    };
    Setup {
        chaos: None,
        topology,
        workload,
        faults: vec![],
        duration,
        settle: Duration::ZERO,
        disk: DiskModel::default(),
        transport: None,
        clocks: ClockModel::default(),
        routing: None,
        stonith: None,
        service: None,
    }
}

/// The blocks allocated by a run of this length, and its events.
fn blocks<P: Protocol>(
    simulator: &mut Simulator<P>,
    clients: u32,
    options: &P::Options,
    duration: Duration,
) -> (u64, u64) {
    let setup = setup(clients, duration);
    let placement = Placement::everywhere(&setup.topology);
    let before = dhat::HeapStats::get().total_blocks;
    let run = simulator.run(&setup, &placement, options, 1, Trace::off()).unwrap();
    (dhat::HeapStats::get().total_blocks - before, run.events)
}

fn long_and_short<P: Protocol>(clients: u32, options: &P::Options) -> [(u64, u64); 2] {
    let mut simulator = Simulator::<P>::default();
    blocks(&mut simulator, clients, options, Duration::secs(100));
    [40, 80].map(|seconds| blocks(&mut simulator, clients, options, Duration::secs(seconds)))
}

/// One test, for the counter counts whatever happens in the process.
#[test]
fn events_allocate_nothing_and_records_are_small() {
    let _profiler = dhat::Profiler::builder().testing().build();

    // First: who runs the tests allocates a little to say so when they have taken a minute, which is more than nothing.
    merging_protocols_allocate_for_what_they_keep();

    let [(short, few), (long, many)] = long_and_short::<Ring>(0, &200);
    assert!(many > few + 500_000, "the longer run has {many} events, the shorter {few}");
    assert_eq!(long, short, "of a ring of messages, {} more events", many - few);

    // Timelines get a row a second and per region, and histograms may meet a new longest latency: by doubling.
    let [(short, few), (long, many)] = long_and_short::<Single>(4, &());
    assert!(many > few + 50_000, "the longer run has {many} events, the shorter {few}");
    assert!(long <= short + 64, "with clients, {} more events allocate {short} and {long} blocks", many - few);

    // Logs, copies and disks of ten nodes grow by doubling, and what is known of each write; Raft rounds begin and end.
    let acknowledge = Acknowledge::One;
    replicated_writes_allocate_nothing::<LeaseStore>(&lease_store::Options { acknowledge, ..Default::default() });
    replicated_writes_allocate_nothing::<Orchestrated>(&orchestrated::Options { acknowledge, ..Default::default() });
    for acknowledge in [hub::Acknowledge::Tentative, hub::Acknowledge::Confirmed] {
        replicated_writes_allocate_nothing::<Hub>(&hub::Options { acknowledge, ..Default::default() });
    }

    pending_events_are_small();
    operations_are_small();
}

fn replicated_writes_allocate_nothing<P: Protocol>(options: &P::Options) {
    let [(short, few), (long, many)] = long_and_short::<P>(1, options);
    println!("{short} blocks for {few} events, {long} for {many}");
    assert!(many > few + 50_000, "the longer run has {many} events, the shorter {few}");
    assert!(long <= short + 100, "{} more events allocate {short} and {long} blocks", many - few);
}

/// What the longer run allocates more, for each update that it has more: everywhere together, at all five nodes.
fn blocks_an_update<P: Protocol>(options: &P::Options, objects: Objects, reads: u32) -> f64 {
    let mut simulator = Simulator::<P>::default();
    let mut of = |seconds| {
        let mut setup = setup(4, Duration::secs(seconds));
        (setup.workload.objects, setup.workload.mix) = (objects, Mix { read: reads, write: 0, compare_and_set: 0 });
        let shares = 2; // additions and subtractions, or writes
        setup.workload.mix.write = if matches!(objects, Objects::Registers { .. }) { shares } else { 0 };
        let placement = Placement::everywhere(&setup.topology);
        let before = dhat::HeapStats::get().total_blocks;
        let run = simulator.run(&setup, &placement, options, 1, Trace::off()).unwrap();
        let updates = run.measures.outcomes(None).ok * u64::from(shares) / u64::from(reads + shares);
        (dhat::HeapStats::get().total_blocks - before, updates)
    };
    of(12);
    let [(short, few), (long, many)] = [5, 10].map(of);
    assert!(many > few + 200, "the longer run has {many} updates, the shorter {few}");
    long.saturating_sub(short) as f64 / (many - few) as f64
}

/// Five nodes keep an update each, with its past, and tell each other; so many blocks are allocated for that at most.
fn merging_protocols_allocate_for_what_they_keep() {
    let counters = Objects::Counters { add: 1, subtract: 1 };
    let sets = Objects::Sets { insert: 1, remove: 1, items: 8 };
    let registers = Objects::Registers { read_modify_write: 0 };
    for (what, transport, objects, most) in [
        (Type::PnCounter, Transport::Operation, counters, 12.0),
        (Type::PnCounter, Transport::Delta, counters, 75.0),
        (Type::BoundedCounter, Transport::Operation, counters, 18.0),
        (Type::OrSet, Transport::Operation, sets, 24.0),
        (Type::LwwRegister, Transport::Operation, registers, 30.0),
        (Type::MvRegister, Transport::Delta, registers, 90.0),
    ] {
        let options = crdt::Options { what, transport, ..crdt::Options::default() };
        let [few, many] = [2, 20].map(|reads| blocks_an_update::<Crdt>(&options, objects, reads));
        println!("{what:?} by {transport:?}: {few:.1} blocks an update with 2 reads, {many:.1} with 20");
        assert!(few <= most && many <= most, "{what:?} by {transport:?}: {few} and {many} blocks an update");
    }
    // One for the list of clients in the new state, and what logs on disk and gossip take: nothing for a read or any other event.
    let options = caspaxos::Options::default();
    let [few, many] = [2, 20].map(|reads| blocks_an_update::<CasPaxos>(&options, registers, reads));
    println!("caspaxos: {few:.1} blocks an update with 2 reads, {many:.1} with 20");
    assert!(few <= 3.0 && many <= 3.0, "caspaxos: {few} and {many} blocks an update");
    let options = siblings::Options::default();
    let [few, many] = [2, 20].map(|reads| blocks_an_update::<Siblings>(&options, registers, reads));
    println!("siblings: {few:.1} blocks an update with 2 reads, {many:.1} with 20");
    assert!(few <= 190.0 && many <= 190.0, "siblings: {few} and {many} blocks an update");
}

/// At most 64 bytes for an event that carries 32, with its key and the queue's own tables.
fn pending_events_are_small() {
    const PENDING: u64 = 1_000_000;
    let before = dhat::HeapStats::get().curr_bytes;
    let mut queue = Queue::<[u64; 4]>::default();
    (0..PENDING).for_each(|nth| queue.push(Time::from_nanos(30_000_000 + nth * 67), [nth; 4]));
    let each = (dhat::HeapStats::get().curr_bytes - before) as f64 / PENDING as f64;
    println!("{each:.1} bytes for a pending event with a payload of 32 bytes");
    assert!(each <= 64.0, "{each} bytes for a pending event");
}

/// At most 40 bytes a row.
fn operations_are_small() {
    let setup = setup(4, Duration::secs(1000));
    let placement = Placement::everywhere(&setup.topology);
    let run = Simulator::<Single>::default().run(&setup, &placement, &(), 1, Trace::off().keeping(Rows::All)).unwrap();
    let rows = run.history.iter().count();
    let before = dhat::HeapStats::get().curr_bytes;
    let copy = run.history.clone();
    let each = (dhat::HeapStats::get().curr_bytes - before) as f64 / rows as f64;
    println!("{each:.1} bytes for each of {rows} operations; as a struct it has {}", size_of::<Operation>());
    assert!(each <= 40.0, "{each} bytes for an operation");
    drop(copy);
}
