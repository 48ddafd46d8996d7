//! [turmoil](https://crates.io/crates/turmoil) 0.7.2: requests and their echoes between five hosts, over UDP.
//!
//! **Measured.** On each host a server that sends back what it gets, and clients, each with a socket of its own, that ask
//! one other host again as soon as the echo has come, so many times. One unit is one datagram received, one way. The
//! tick is turmoil's default, 1 ms.
//!
//! **Not comparable.** turmoil runs real tokio code, every host in a runtime of its own; riftzone runs handlers. Its
//! latency is 30 ms and an exponential excess, cut at 100 ms: the curve is set so that the mean is 65 ms, as elsewhere, but
//! the shape is not uniform, and a fifth of all messages take 100 ms exactly. Delays are whole milliseconds, and delivery
//! is at a tick. A longer tick makes turmoil faster and its latencies coarser.

use std::cell::Cell;
use std::net::{Ipv4Addr, SocketAddr};
use std::rc::Rc;
use std::time::{Duration, Instant};

use turmoil::net::UdpSocket;

use crate::contest::Sample;
use crate::workloads::{DELAY_MAX, DELAY_MIN, NODES, echo::peer};

const PORT: u16 = 9000;

/// The rate of the exponential of which a draw, cut at one, is the part of the range that is added. Its mean is
/// `(1 - e^-r) / r`: 0.507, which is a half once whole milliseconds are what is left.
const CURVE: f64 = 1.556;

/// What all hosts count.
#[derive(Default)]
struct Counts {
    requests: Cell<u64>,
    echoes: Cell<u64>,
    sum: Cell<u64>,
}

/// So many clients a host ask so often each, or as often as there is time for in so many simulated seconds.
///
/// Time ends with the last echo: an idle second costs turmoil five milliseconds, which is not what is measured.
pub fn echo(clients: u32, rounds: u32, seconds: u64) -> Sample {
    let begun = Instant::now();
    let simulated = Duration::from_secs(seconds);
    let mut simulation = turmoil::Builder::new()
        .simulation_duration(simulated * 2)
        .tick_duration(Duration::from_millis(1))
        .min_message_latency(Duration::from_nanos(DELAY_MIN.as_nanos()))
        .max_message_latency(Duration::from_nanos(DELAY_MAX.as_nanos()))
        .udp_capacity(1 << 16)
        .rng_seed(1)
        .build();
    simulation.set_message_latency_curve(CURVE);
    let counts = Rc::new(Counts::default());
    for node in 0..NODES {
        let counts = counts.clone();
        simulation.host(name(node), move || host(node, clients, rounds, counts.clone()));
    }
    let expected = u64::from(clients) * u64::from(NODES) * u64::from(rounds);
    while simulation.elapsed() < simulated && counts.echoes.get() < expected {
        simulation.step().expect("no host fails");
    }
    let (requests, echoes, check) = (counts.requests.get(), counts.echoes.get(), counts.sum.get());
    drop(simulation);
    Sample::of(requests + echoes, begun, check)
}

fn name(node: u16) -> String {
    format!("host-{node}")
}

async fn host(node: u16, clients: u32, rounds: u32, counts: Rc<Counts>) -> turmoil::Result {
    let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, PORT)).await?;
    for client in 0..clients {
        let server = SocketAddr::new(turmoil::lookup(name(peer(node, client))), PORT);
        let counts = counts.clone();
        tokio::task::spawn_local(async move { ask(server, client, rounds, &counts).await.expect("the network is up") });
    }
    let mut buffer = [0; 8];
    loop {
        let (length, from) = socket.recv_from(&mut buffer).await?;
        counts.requests.set(counts.requests.get() + 1);
        socket.send_to(&buffer[..length], from).await?;
    }
}

async fn ask(server: SocketAddr, client: u32, rounds: u32, counts: &Counts) -> std::io::Result<()> {
    let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)).await?;
    let mut buffer = [0; 8];
    for _ in 0..rounds {
        socket.send_to(&u64::from(client).to_le_bytes(), server).await?;
        socket.recv_from(&mut buffer).await?;
        assert_eq!(u64::from_le_bytes(buffer), u64::from(client), "an echo is what was sent");
        counts.echoes.set(counts.echoes.get() + 1);
        counts.sum.set(counts.sum.get().rotate_left(3) ^ u64::from(client));
    }
    Ok(())
}
