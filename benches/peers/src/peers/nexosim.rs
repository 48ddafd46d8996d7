//! [nexosim](https://crates.io/crates/nexosim) 1.0.0: tokens round a ring of five models.
//!
//! **Measured.** A model that gets a token schedules itself an event 30 to 100 ms later (uniform nanoseconds, by
//! splitmix64 in the model), and then sends the token through its output port to the next model: one hop is one timed
//! event and one message to a mailbox, which is how nexosim delays a message. One thread: with two, nexosim is far slower
//! on work as fine as this. The number of hops is asked of the models at the end, by a query port, which costs nothing
//! before that.
//!
//! **Not comparable.** nexosim's models run truly concurrently where there are many and heavy ones; here they are five
//! and light. Its models can be serialised and its events saved; riftzone runs a seed again instead. riftzone's hop is
//! one event and not two, for there the link has the delay.

use std::time::{Duration, Instant};

use nexosim::model::{Context, Model, schedulable};
use nexosim::ports::{Output, QuerySource};
use nexosim::simulation::{Mailbox, SimInit};
use nexosim::time::MonotonicTime;
use serde::{Deserialize, Serialize};

use crate::chance::Chance;
use crate::contest::Sample;
use crate::workloads::{DELAY_MAX, DELAY_MIN, NODES};

/// What goes round.
#[derive(Clone, Copy, Serialize, Deserialize)]
pub struct Token {
    name: u32,
    hops: u32,
}

/// One place of the ring.
#[derive(Serialize, Deserialize)]
pub struct Place {
    me: u32,
    tokens: u32,
    hops: u32,
    chance: Chance,
    seen: u64,
    sum: u64,
    next: Output<Token>,
}

#[Model]
impl Place {
    #[nexosim(init)]
    async fn init(&mut self, cx: &Context<Self>, _: &mut ()) {
        for name in (self.me..self.tokens).step_by(usize::from(NODES)) {
            self.delay(Token { name, hops: 0 }, cx);
        }
    }

    /// A token arrives: a hop is made.
    pub fn token(&mut self, token: Token, cx: &Context<Self>) {
        if token.hops < self.hops {
            self.delay(token, cx);
        }
    }

    #[nexosim(schedulable)]
    async fn pass(&mut self, token: Token, cx: &Context<Self>) {
        let now = cx.time().duration_since(MonotonicTime::EPOCH).as_nanos() as u64;
        self.seen += 1;
        self.sum = self.sum.rotate_left(3) ^ u64::from(token.name) ^ now;
        self.next.send(Token { hops: token.hops + 1, ..token }).await;
    }

    /// How many tokens have gone through, and the sum of them.
    pub async fn seen(&mut self, (): ()) -> (u64, u64) {
        (self.seen, self.sum)
    }
}

impl Place {
    fn delay(&mut self, token: Token, cx: &Context<Self>) {
        let delay = self.chance.between(DELAY_MIN.as_nanos(), DELAY_MAX.as_nanos());
        cx.schedule_event(Duration::from_nanos(delay), schedulable!(Self::pass), token)
            .expect("a delay is in the future");
    }
}

/// So many tokens make so many hops each, or as many as there is time for in so many simulated seconds.
pub fn ring(tokens: u32, hops: u32, seconds: u64) -> Sample {
    let begun = Instant::now();
    let mut places: Vec<Place> = (0..u32::from(NODES))
        .map(|me| Place {
            me,
            tokens,
            hops,
            chance: Chance::new(u64::from(me)),
            seen: 0,
            sum: 0,
            next: Output::default(),
        })
        .collect();
    let mailboxes: Vec<Mailbox<Place>> = places.iter().map(|_| Mailbox::new()).collect();
    let count = places.len();
    for (me, place) in places.iter_mut().enumerate() {
        place.next.connect(Place::token, &mailboxes[(me + 1) % count]);
    }
    let mut bench = SimInit::with_num_threads(1);
    let seen: Vec<_> =
        mailboxes.iter().map(|mailbox| QuerySource::new().connect(Place::seen, mailbox).register(&mut bench)).collect();
    for ((me, place), mailbox) in places.into_iter().enumerate().zip(mailboxes) {
        bench = bench.add_model(place, mailbox, &format!("place {me}"));
    }
    let mut simulation = bench.init(MonotonicTime::EPOCH).expect("the bench is complete");
    simulation.step_until(Duration::from_secs(seconds)).expect("no model fails");
    let (mut made, mut check) = (0, 0_u64);
    for query in &seen {
        let (seen, sum) = simulation.process_query(query, ()).expect("a model answers");
        made += seen;
        check = check.rotate_left(1) ^ sum;
    }
    drop(simulation);
    Sample::of(made, begun, check)
}
