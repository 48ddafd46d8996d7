//! Closed forms of links: what leaves a line when, and what a quorum waits for where delays scatter.

mod support;

use std::collections::BTreeMap;

use riftzone::id::{Key, NodeId, RegionId, RequestId};
use riftzone::model::latency::Delay;
use riftzone::model::topology::Topology;
use riftzone::model::transport::{Bandwidth, StreamTransport};
use riftzone::model::workload::{Arrivals, Mix};
use riftzone::op::{OpKind, Refusal, Reply};
use riftzone::protocol::{Context, Payload, Protocol, Request, State};
use riftzone::sim::{Placement, Run, Setup, simulate};
use riftzone::time::{Duration, Time};
use riftzone::trace::Trace;

use support::{after, constant_world, setup};

/// The first node sends everybody many messages at once, one second after the start.
struct Burst;

#[derive(Clone, Debug)]
struct Block(#[allow(dead_code, reason = "the trace shows it")] u32);

const BLOCK_BYTES: u32 = 8_192;
const BLOCKS: u32 = 400;

impl Payload for Block {
    fn bytes(&self) -> u32 {
        BLOCK_BYTES
    }
}

impl Protocol for Burst {
    type Message = Block;
    type Timer = ();
    type Record = ();
    type Session = ();
    type Options = ();

    fn start((): &(), _: Vec<()>, cx: &mut Context<Self>) -> Self {
        if cx.me() == NodeId(0) {
            cx.set_timer((), Duration::secs(1));
        }
        Burst
    }

    fn on_request(&mut self, request: Request<Self>, cx: &mut Context<Self>) {
        cx.refuse(request.id, Refusal::Unavailable);
    }

    fn on_message(&mut self, _: NodeId, _: Block, _: &mut Context<Self>) {}

    fn on_timer(&mut self, (): (), cx: &mut Context<Self>) {
        (1..=BLOCKS).for_each(|block| cx.broadcast(Block(block)));
    }

    fn state(&self) -> State {
        State::serving(BTreeMap::new())
    }
}

/// When each block of a burst reached a region.
fn burst(setup: &Setup, to: &str) -> Vec<Time> {
    let trace = Trace::up_to(after(200_000), Duration::secs(200));
    let run = simulate::<Burst>(setup, &Placement::everywhere(&setup.topology), &(), 1, trace).unwrap();
    let got = |(at, line): &(Time, String)| line.starts_with(&format!("{to} got Block(")).then_some(*at);
    run.trace.lines().iter().filter_map(got).collect()
}

/// The n-th message arrives when n of them have left, and a delay later: while some are under way, others leave.
#[test]
fn messages_leave_a_line_one_after_another_and_travel_together() {
    let mut setup = constant_world(&["a", "b", "c"], 80, 10);
    setup.workload.clients = vec![0; 3];
    let bandwidth = Bandwidth::bits_per_second(65_536_000);
    setup.topology.set_bandwidth(RegionId(0), RegionId(1), Some(bandwidth));
    let each = Duration::millis(1); // 8,192 bytes at 65.536 Mbit/s
    let arrived = burst(&setup, "b");
    let expected: Vec<Time> = (1..=u64::from(BLOCKS)).map(|n| after(1_000) + each * n + Duration::millis(40)).collect();
    assert_eq!(arrived, expected);
    assert_eq!(burst(&setup, "c"), vec![after(1_040); BLOCKS as usize], "another line carries whatever is sent");
}

/// F18: a window of 64 KiB over a round trip of 80 ms is 6.5536 Mbit/s, however much is sent.
#[test]
fn f18_a_window_passes_once_a_round_trip() {
    let mut setup = constant_world(&["a", "b"], 80, 10);
    setup.workload.clients = vec![0; 2];
    setup.transport = Some(StreamTransport { window: Some(64 * 1_024), ..StreamTransport::default() });
    let arrived = burst(&setup, "b");
    assert_eq!(arrived.len(), BLOCKS as usize);
    // A round trip opens the connection; then eight blocks a round trip.
    let expected: Vec<Time> = (0..u64::from(BLOCKS)).map(|n| after(1_000 + 80 + n / 8 * 80 + 40)).collect();
    assert_eq!(arrived, expected);
    let (bits, took) = (u64::from((BLOCKS - 8) * BLOCK_BYTES) * 8, arrived[BLOCKS as usize - 8].since(arrived[0]));
    assert_eq!(bits * 1_000_000_000 / took.as_nanos(), 6_553_600, "bits a second");
}

/// A line behind a window: whichever is less.
#[test]
fn f18_a_line_that_carries_less_than_the_window_is_full() {
    let mut setup = constant_world(&["a", "b"], 80, 20);
    setup.workload.clients = vec![0; 2];
    setup.transport = Some(StreamTransport { window: Some(64 * 1_024), ..StreamTransport::default() });
    let bandwidth = Bandwidth::bits_per_second(3_276_800); // 20 ms a block: eight are under way for 160 ms
    setup.topology.set_bandwidth(RegionId(0), RegionId(1), Some(bandwidth));
    let arrived = burst(&setup, "b");
    let gaps: Vec<Duration> = arrived.windows(2).map(|pair| pair[1].since(pair[0])).collect();
    assert_eq!(gaps.len(), BLOCKS as usize - 1);
    assert!(gaps.iter().all(|gap| *gap == Duration::millis(20)), "{gaps:?}");
}

/// A coordinator asks everybody, and answers its client when so many have answered.
struct Quorum {
    size: u8,
    waiting: BTreeMap<u64, (RequestId, u8)>,
    asked: u64,
}

#[derive(Clone, Debug)]
enum Word {
    Ask(u64),
    Yes(u64),
}

impl Payload for Word {
    fn bytes(&self) -> u32 {
        16
    }
}

impl Protocol for Quorum {
    type Message = Word;
    type Timer = ();
    type Record = ();
    type Session = ();
    type Options = u8;

    fn start(size: &u8, _: Vec<()>, _: &mut Context<Self>) -> Self {
        Quorum { size: *size, waiting: BTreeMap::new(), asked: 0 }
    }

    fn on_request(&mut self, request: Request<Self>, cx: &mut Context<Self>) {
        self.asked += 1;
        self.waiting.insert(self.asked, (request.id, 0));
        cx.broadcast(Word::Ask(self.asked));
    }

    fn on_message(&mut self, from: NodeId, word: Word, cx: &mut Context<Self>) {
        match word {
            Word::Ask(number) => cx.send(from, Word::Yes(number)),
            Word::Yes(number) => {
                let Some((request, answers)) = self.waiting.get_mut(&number) else { return };
                *answers += 1;
                if *answers == self.size {
                    let request = *request;
                    self.waiting.remove(&number);
                    cx.reply(request, Reply::Written);
                }
            }
        }
    }

    fn on_timer(&mut self, (): (), _: &mut Context<Self>) {}

    fn state(&self) -> State {
        State::serving(BTreeMap::<Key, _>::new())
    }
}

/// The mean time until `size` of `of` have answered, each after a delay of its own.
fn quorum_ms(size: u8, of: u16, delay: Delay) -> f64 {
    const OPERATIONS: u32 = 40_000;
    let names: Vec<String> = (0..=of).map(|region| format!("r{region}")).collect();
    let mut topology = Topology::new(&names);
    (1..=of).for_each(|from| topology.set_delay(RegionId(from), RegionId(0), delay));
    let mut setup = setup(topology, 8_000);
    setup.workload.clients = vec![0; names.len()];
    setup.workload.clients[0] = 1;
    setup.workload.arrivals = Arrivals::Closed(Duration::millis(1));
    setup.workload.mix = Mix { read: 0, write: 1, compare_and_set: 0 };
    setup.workload.operations_per_client = Some(OPERATIONS);
    let placement = Placement::everywhere(&setup.topology);
    let run: Run = simulate::<Quorum>(&setup, &placement, &size, 1, Trace::off()).unwrap();
    let latency = run.measures.latency(RegionId(0), OpKind::Write);
    assert_eq!(latency.count(), u64::from(OPERATIONS), "every operation was answered");
    latency.mean().as_millis_f64()
}

/// F7: the k-th of n independent delays. The standard error is below a half of a percent.
#[test]
fn x4_a_quorum_waits_for_the_kth_of_n_independent_delays() {
    let ms = Duration::millis;
    let exponential = Delay::exponential(ms(100));
    let uniform = Delay::uniform(ms(30), ms(100));
    for (size, of, delay, expected) in
        [(2, 3, exponential, 83.33), (3, 5, exponential, 78.33), (3, 5, uniform, 65.0), (2, 4, uniform, 58.0)]
    {
        let mean = quorum_ms(size, of, delay);
        assert!((mean / expected - 1.0).abs() < 0.01, "{size} of {of}, {delay:?}: {mean} ms, expected {expected}");
    }
}
