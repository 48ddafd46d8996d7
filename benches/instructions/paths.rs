//! What is counted. Setting up is not, where a function of its own does the work.

use std::hint::black_box;

use riftzone::check::linearizable::linearizable;
use riftzone::history::History;
use riftzone::rng::Stream;
use riftzone::sim::Queue;
use riftzone::time::{Duration, Time};

use crate::workloads::{DELAY_MAX, fpaxos, register, ring};

/// One path.
pub struct Path {
    /// Its name.
    pub name: &'static str,
    /// How many units it does.
    pub units: u64,
    /// Which.
    pub unit: &'static str,
}

const PENDING: u64 = 10_000;
const HOLDS: u64 = 100_000;
const TOKENS: u32 = 1_000;
const HOPS: u32 = 100;
const CLIENTS: u32 = 16;
const OPERATIONS: u32 = 1_000;
const COMMANDS: u32 = 50;

/// Every path.
pub const PATHS: &[Path] = &[
    Path { name: "hold", units: HOLDS, unit: "holds, 10,000 events pending" },
    Path { name: "ring", units: (TOKENS * HOPS) as u64, unit: "hops through the whole engine, 1,000 tokens" },
    Path { name: "judge", units: (CLIENTS * OPERATIONS) as u64, unit: "operations judged linearizable, 16 clients" },
    Path { name: "fpaxos", units: 32 * 5 * COMMANDS as u64, unit: "commands of Flexible Paxos, whole engine" },
];

/// The function that is counted for a path: not inlined, and found by its name.
pub fn counted(name: &str) -> String {
    format!("instructions::paths::{name}")
}

/// Does the work of a path; whether there is one of this name.
pub fn run(name: &str) -> bool {
    match name {
        "hold" => {
            let mut stream = Stream::new(1, "delays");
            let delays: Vec<Duration> = (0..4096).map(|_| delay(&mut stream)).collect();
            let mut queue = Queue::default();
            (0..PENDING).for_each(|event| queue.push(Time::from_nanos(stream.below(100_000_000)), [event; 4]));
            turn(&mut queue, &delays, 2 * PENDING);
            black_box(hold(&mut queue, &delays));
        }
        "ring" => assert_eq!(ring(), u64::from(TOKENS * HOPS), "every token makes its hops"),
        "judge" => assert!(judge(&register::history(&register::steps(CLIENTS, OPERATIONS))), "it is linearizable"),
        "fpaxos" => assert_eq!(fpaxos(), 32 * 5 * u64::from(COMMANDS), "every command is answered"),
        _ => return false,
    }
    true
}

fn delay(stream: &mut Stream) -> Duration {
    match stream.below(32) {
        0..27 => Duration::nanos(30_000_000 + stream.below(70_000_000)),
        27..30 => Duration::millis(10),
        _ => Duration::millis(500),
    }
}

#[inline(always)]
fn turn(queue: &mut Queue<[u64; 4]>, delays: &[Duration], holds: u64) -> u64 {
    let mut order = 0_u64;
    for step in 0..holds as usize {
        let (at, event) = queue.pop().expect("there are always as many");
        order = order.rotate_left(5) ^ event[0] ^ at.as_nanos();
        queue.push(at + delays[step % delays.len()], event);
    }
    order
}

#[inline(never)]
fn hold(queue: &mut Queue<[u64; 4]>, delays: &[Duration]) -> u64 {
    turn(queue, delays, HOLDS)
}

#[inline(never)]
fn ring() -> u64 {
    ring::run(TOKENS, HOPS, DELAY_MAX * u64::from(HOPS)).traffic.messages
}

#[inline(never)]
fn judge(history: &History) -> bool {
    linearizable(history).is_pass()
}

#[inline(never)]
fn fpaxos() -> u64 {
    fpaxos::run(32, COMMANDS).measures.outcomes(None).ok
}
