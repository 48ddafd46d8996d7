//! [madsim](https://crates.io/crates/madsim) 0.2.34, with `--cfg madsim`: requests and their echoes between five nodes.
//!
//! **Measured.** On each node a server of a few tasks that receive from one `Endpoint` and send back what they get, and
//! clients, each with an endpoint of its own, that ask one other node again as soon as the echo has come, so many
//! times. The network takes 30 to 100 ms a message, uniform nanoseconds. One unit is one message received, one way.
//!
//! **Not comparable.** madsim runs real async Rust, wakers and tasks and all; riftzone runs handlers. Every send and every
//! receive in madsim sleeps 0 to 5 us more, which its timer makes a millisecond: a round trip is about 134 ms and not 130,
//! and a task cannot receive or send more than a thousand times a simulated second. That is why a server has
//! [several](SERVERS) of them: with one, requests would queue in it.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use madsim::Config;
use madsim::net::Endpoint;
use madsim::runtime::Runtime;

use crate::contest::Sample;
use crate::workloads::{DELAY_MAX, DELAY_MIN, NODES, echo::peer};

/// How many tasks serve a node's endpoint.
const SERVERS: usize = 8;

const PORT: u16 = 9000;
const TAG: u64 = 0;

/// What all nodes count.
#[derive(Default)]
struct Counts {
    requests: AtomicU64,
    echoes: AtomicU64,
    sum: AtomicU64,
}

fn address(node: u16, port: u16) -> SocketAddr {
    SocketAddr::new(IpAddr::V4(Ipv4Addr::new(10, 0, 0, node as u8 + 1)), port)
}

/// So many clients a node ask so often each, or as often as there is time for in so many simulated seconds.
pub fn echo(clients: u32, rounds: u32, seconds: u64) -> Sample {
    let begun = Instant::now();
    let mut config = Config::default();
    config.net.send_latency = Duration::from_nanos(DELAY_MIN.as_nanos())..Duration::from_nanos(DELAY_MAX.as_nanos());
    let runtime = Runtime::with_seed_and_config(1, config);
    let counts = Arc::new(Counts::default());
    for node in 0..NODES {
        let place = runtime.create_node().ip(address(node, 0).ip()).build();
        place.spawn(serve(address(node, PORT), counts.clone()));
        for client in 0..clients {
            let (own, server) = (address(node, 10_000 + client as u16), address(peer(node, client), PORT));
            place.spawn(ask(own, server, client, rounds, counts.clone()));
        }
    }
    runtime.block_on(async { madsim::time::sleep(Duration::from_secs(seconds)).await });
    let read = |count: &AtomicU64| count.load(Ordering::Relaxed);
    let (requests, echoes, check) = (read(&counts.requests), read(&counts.echoes), read(&counts.sum));
    drop(runtime);
    Sample::of(requests + echoes, begun, check)
}

async fn serve(own: SocketAddr, counts: Arc<Counts>) {
    let endpoint = Endpoint::bind(own).await.expect("the port is free");
    for _ in 0..SERVERS {
        let (endpoint, counts) = (endpoint.clone(), counts.clone());
        madsim::task::spawn(async move {
            let mut buffer = [0; 8];
            loop {
                let (length, from) = endpoint.recv_from(TAG, &mut buffer).await.expect("the network is up");
                counts.requests.fetch_add(1, Ordering::Relaxed);
                endpoint.send_to(from, TAG, &buffer[..length]).await.expect("the network is up");
            }
        });
    }
    // The port is bound for as long as somebody holds the endpoint.
    std::future::pending::<()>().await;
}

async fn ask(own: SocketAddr, server: SocketAddr, client: u32, rounds: u32, counts: Arc<Counts>) {
    let endpoint = Endpoint::bind(own).await.expect("the port is free");
    let mut buffer = [0; 8];
    for _ in 0..rounds {
        endpoint.send_to(server, TAG, &u64::from(client).to_le_bytes()).await.expect("the network is up");
        endpoint.recv_from(TAG, &mut buffer).await.expect("the network is up");
        assert_eq!(u64::from_le_bytes(buffer), u64::from(client), "an echo is what was sent");
        counts.echoes.fetch_add(1, Ordering::Relaxed);
        let sum = counts.sum.load(Ordering::Relaxed);
        counts.sum.store(sum.rotate_left(3) ^ u64::from(client), Ordering::Relaxed);
    }
}
