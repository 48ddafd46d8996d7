//! A bare ring: five nodes in an array, a message with a name and a count, a sum, one draw a hop.
//!
//! The same work as [`workloads::ring`](crate::workloads::ring), whose world draws from ChaCha8 by link, where this draws
//! from one splitmix64.

use std::time::Instant;

use crate::chance::Chance;
use crate::contest::Sample;
use crate::queues::Pending;
use crate::workloads::{DELAY_MAX, DELAY_MIN, NODES};

/// A message on its way.
#[derive(Clone, Copy, Debug)]
pub enum Event {
    /// A token reaches a node.
    Token {
        /// Which node.
        to: u16,
        /// Which token.
        name: u32,
        /// How many hops it made before this one.
        hops: u32,
    },
    /// The end.
    Stop,
}

#[derive(Clone, Copy, Default)]
struct Node {
    seen: u64,
    sum: u64,
}

/// So many tokens make so many hops each, or as many as there is time for in so many simulated seconds, over queue `Q`.
pub fn ring<Q: Pending<Event>>(tokens: u32, hops_max: u32, seconds: u64) -> Sample {
    let begun = Instant::now();
    let mut queue = Q::with_capacity(tokens as usize);
    let mut chance = Chance::new(7);
    let mut nodes = [Node::default(); NODES as usize];
    let mut delay = || chance.between(DELAY_MIN.as_nanos(), DELAY_MAX.as_nanos());
    queue.push(seconds * 1_000_000_000, Event::Stop);
    for name in 0..tokens {
        let to = (name as u16 + 1) % NODES;
        queue.push(delay(), Event::Token { to, name, hops: 0 });
    }
    while let (now, Event::Token { to, name, hops }) = queue.pop() {
        let node = &mut nodes[usize::from(to)];
        node.seen += 1;
        node.sum = node.sum.rotate_left(3) ^ u64::from(name) ^ now;
        let hops = hops + 1;
        if hops < hops_max {
            queue.push(now + delay(), Event::Token { to: (to + 1) % NODES, name, hops });
        }
    }
    let (mut hops, mut check) = (0, 0_u64);
    for node in nodes {
        hops += node.seen;
        check = check.rotate_left(1) ^ node.sum;
    }
    drop(queue);
    Sample::of(hops, begun, check)
}
