//! Flexible Paxos as the simulator *fantoch* runs it: five regions, one fault tolerated, a leader that stays.
//!
//! ```text
//! client      its process         leader (0)          acceptor (3)      the others
//!   │──write──────►│──── Forward ────►│ next slot            │               │
//!   │              │                  │────── Accept ───────►│               │
//!   │              │                  │◄───── Accepted ──────│               │
//!   │              │◄──── Chosen ─────│────── Chosen ───────►│── and to all ►│
//!   │◄─────ok──────│ executes in the order of slots, and answers its own clients
//! ```
//!
//! **What is the same as in fantoch.** The message pattern: the phase-2 quorum is the leader and the one acceptor that is
//! closest to it (f + 1 = 2), a chosen command goes to all four others, a client is answered by its own process when that
//! executes the command. Every 10 ms each process notes what it has executed, and every 10 ms it tells the others, which
//! forget what everybody has executed. The links: half of the round trip, cut to whole milliseconds, without jitter. The
//! clients: closed loop, no thinking, one key an operation, writes alone. Mean latency is 188.0 ms in both, for it is
//! arithmetic: (72 + 212 + 258 + 144 + 254) / 5.
//!
//! **What differs.** A client here is asked to begin by an event of its own, which fantoch folds into the reply: one event
//! more a command. The world runs on for [`SETTLE`], so that copies can be compared; fantoch stops at the last reply. The
//! timeouts of clients are one event at a time for all of them, a few in a run. fantoch gives 2 % of commands to one key,
//! and every other command to a key of its client's own; here all keys are [`KEYS`] alike, with the same chance that two
//! commands meet (0.02 ² = 1 / 2500). The protocol looks at no key, so no message moves; the judges see more keys that
//! several clients write. There is one ballot, so no message carries it, and no election: as in fantoch's simulator,
//! where nothing fails.
//!
//! **Source.** Howard, Malkhi and Spiegelman, *Flexible Paxos: Quorum Intersection Revisited*, OPODIS 2016; Enes et al.,
//! *Efficient Replication via Timestamp Stability*, EuroSys 2021 (fantoch, the framework of its evaluation).

use std::collections::VecDeque;

use riftzone::id::{Key, NodeId, RegionId, RequestId, Value};
use riftzone::model::latency::Delay;
use riftzone::model::topology::Topology;
use riftzone::model::workload::{Arrivals, KeyChooser, Mix, Objects, Workload};
use riftzone::op::{Op, Refusal, Reply};
use riftzone::protocol::{Claim, Context, Guarantee, Payload, Protocol, Request, State};
use riftzone::sim::{Judging, Placement, Run, Setup, Simulator};
use riftzone::time::Duration;
use riftzone::trace::{FaultKinds, Observation, Trace};

use super::{NODES, quiet_world};

/// The regions, in the order of processes.
pub const REGIONS: [&str; 5] = ["eu-west-1", "us-west-1", "ap-southeast-1", "ca-central-1", "sa-east-1"];

/// One-way delays in milliseconds: half of fantoch's pings, cut to whole ones.
pub const ONE_WAY_MS: [[u64; 5]; 5] =
    [[0, 70, 93, 36, 91], [70, 0, 90, 39, 95], [93, 90, 0, 110, 169], [36, 39, 110, 0, 61], [91, 95, 169, 61, 0]];

/// The process that leads.
pub const LEADER: NodeId = NodeId(0);

/// The other member of the phase-2 quorum: the process closest to the leader.
pub const ACCEPTOR: NodeId = NodeId(3);

/// How often a process notes what it has executed, and how often it tells.
pub const PERIOD: Duration = Duration::millis(10);

/// How many keys there are, all alike.
pub const KEYS: u32 = 2500;

/// How long the world runs on after the last reply: longer than the longest link.
pub const SETTLE: Duration = Duration::millis(200);

/// The latency of the slowest clients, those of `ap-southeast-1`: 93 to the leader, 72 to the acceptor and back, 93 home.
const LATENCY_MAX: Duration = Duration::millis(258);

/// f + 1.
const QUORUM: u8 = 2;

/// One process.
#[derive(Debug)]
pub struct FPaxos {
    me: NodeId,
    /// The leader's: the slot of its next proposal.
    next: u32,
    /// The leader's and the acceptor's: what it has accepted and not everybody has executed, from slot `stable` on.
    accepted: VecDeque<Accepted>,
    /// Every process has executed the slots before this one.
    stable: u32,
    /// Chosen commands from slot `executed` on; `None` where another is missing.
    chosen: VecDeque<Option<Command>>,
    /// How many slots this process has executed, and what it last noted of that.
    executed: u32,
    noted: u32,
    /// What each process has told that it executed.
    told: [u32; NODES as usize],
    /// The data, by key.
    copy: Vec<Option<Value>>,
}

/// A client's write on its way.
#[derive(Clone, Copy, Debug)]
pub struct Command {
    /// Whose.
    pub request: RequestId,
    /// The key.
    pub key: Key,
    /// The value it gets.
    pub value: Value,
}

#[derive(Clone, Copy, Debug)]
struct Accepted {
    command: Command,
    votes: u8,
}

/// What processes send each other.
#[derive(Clone, Copy, Debug)]
pub enum Message {
    /// To the leader: a client asks this.
    Forward(Command),
    /// Phase 2a.
    Accept {
        /// The slot.
        slot: u32,
        /// What the leader proposes for it.
        command: Command,
    },
    /// Phase 2b.
    Accepted {
        /// The slot.
        slot: u32,
    },
    /// A slot is decided.
    Chosen {
        /// The slot.
        slot: u32,
        /// What it holds.
        command: Command,
    },
    /// The sender has executed the slots before this one.
    Executed {
        /// The slot.
        slot: u32,
    },
}

impl Payload for Message {
    fn bytes(&self) -> u32 {
        match self {
            Message::Forward(_) => 40,
            Message::Accept { .. } | Message::Chosen { .. } => 44,
            Message::Accepted { .. } | Message::Executed { .. } => 20,
        }
    }
}

/// What a process waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Timer {
    /// Note what was executed.
    Note,
    /// Tell the others.
    Collect,
}

impl Protocol for FPaxos {
    type Message = Message;
    type Timer = Timer;
    type Record = ();
    type Session = ();
    type Options = ();

    fn claims((): &()) -> Vec<Claim> {
        // Nothing is persisted, as in fantoch: no claim for any fault, these without one.
        [Guarantee::Linearizable, Guarantee::Convergence, Guarantee::NoAcknowledgedWriteLost]
            .map(|guarantee| Claim { guarantee, under: FaultKinds::NONE })
            .into()
    }

    fn start((): &(), _: Vec<()>, cx: &mut Context<Self>) -> Self {
        let me = cx.me();
        if me == LEADER {
            cx.observe(Observation::Leader { epoch: 1 });
        }
        cx.set_timer(Timer::Note, PERIOD);
        cx.set_timer(Timer::Collect, PERIOD);
        FPaxos {
            me,
            next: 0,
            accepted: VecDeque::new(),
            stable: 0,
            chosen: VecDeque::new(),
            executed: 0,
            noted: 0,
            told: [0; NODES as usize],
            copy: Vec::new(),
        }
    }

    fn on_request(&mut self, request: Request<Self>, cx: &mut Context<Self>) {
        let Op::Write(key, value) = request.op else { return cx.refuse(request.id, Refusal::Unsupported) };
        let command = Command { request: request.id, key, value };
        if self.me == LEADER {
            self.propose(command, cx);
        } else {
            cx.send(LEADER, Message::Forward(command));
        }
    }

    fn on_message(&mut self, from: NodeId, message: Message, cx: &mut Context<Self>) {
        match message {
            Message::Forward(command) => self.propose(command, cx),
            Message::Accept { slot, command } => {
                self.accept(slot, command);
                cx.send(from, Message::Accepted { slot });
            }
            Message::Accepted { slot } => self.count(slot, cx),
            Message::Chosen { slot, command } => self.learn(slot, command, cx),
            Message::Executed { slot } => {
                self.told[from.index()] = slot;
                self.collect();
            }
        }
    }

    fn on_timer(&mut self, timer: Timer, cx: &mut Context<Self>) {
        match timer {
            Timer::Note => self.noted = self.executed,
            Timer::Collect => {
                self.told[self.me.index()] = self.noted;
                cx.broadcast(Message::Executed { slot: self.noted });
                self.collect();
            }
        }
        cx.set_timer(timer, PERIOD);
    }

    fn state(&self) -> State {
        State::serving((0..).zip(&self.copy).filter_map(|(key, value)| Some((Key(key), (*value)?))))
    }
}

impl FPaxos {
    /// The leader gives the command the next slot, and accepts it itself.
    fn propose(&mut self, command: Command, cx: &mut Context<Self>) {
        let slot = self.next;
        self.next += 1;
        self.accept(slot, command);
        cx.send(ACCEPTOR, Message::Accept { slot, command });
    }

    /// Slots are accepted in their order: the links have constant delays, so that none overtakes another.
    fn accept(&mut self, slot: u32, command: Command) {
        assert_eq!(slot, self.stable + self.accepted.len() as u32, "slots are accepted in order");
        self.accepted.push_back(Accepted { command, votes: 1 });
    }

    /// The leader hears of a vote.
    fn count(&mut self, slot: u32, cx: &mut Context<Self>) {
        let accepted = &mut self.accepted[(slot - self.stable) as usize];
        accepted.votes += 1;
        if accepted.votes == QUORUM {
            let command = accepted.command;
            cx.broadcast(Message::Chosen { slot, command });
            self.learn(slot, command, cx);
        }
    }

    /// A slot is decided: execute whatever has no gap before it.
    fn learn(&mut self, slot: u32, command: Command, cx: &mut Context<Self>) {
        let place = (slot - self.executed) as usize;
        if place > 0 {
            self.chosen.resize(self.chosen.len().max(place + 1), None);
            self.chosen[place] = Some(command);
            return;
        }
        self.chosen.pop_front();
        self.executed += 1;
        self.execute(command, cx);
        while let Some(Some(command)) = self.chosen.front().copied() {
            self.chosen.pop_front();
            self.executed += 1;
            self.execute(command, cx);
        }
    }

    fn execute(&mut self, Command { request, key, value }: Command, cx: &mut Context<Self>) {
        if self.copy.len() <= key.index() {
            self.copy.resize(key.index() + 1, None);
        }
        self.copy[key.index()] = Some(value);
        cx.observe(Observation::Applied { key, value });
        if request.entry == self.me {
            cx.reply(request, Reply::Written);
        }
    }

    /// Forgets what everybody has executed.
    fn collect(&mut self) {
        let stable = self.told.into_iter().min().unwrap_or_default();
        let gone = (stable - self.stable) as usize;
        self.accepted.drain(..gone.min(self.accepted.len()));
        self.stable = stable;
    }
}

/// How many messages between processes the commands take: one more where the process is not the leader.
///
/// What processes tell each other every [`PERIOD`] comes on top.
pub fn messages(clients: u32, operations: u32) -> u64 {
    let (forward, accept, accepted, chosen) = (1, 1, 1, u64::from(NODES) - 1);
    let by_region = u64::from(clients) * u64::from(operations);
    by_region * (u64::from(NODES) * (accept + accepted + chosen) + (u64::from(NODES) - 1) * forward)
}

/// The world of one comparison: `clients` a region, each with so many `operations`.
pub fn world(clients: u32, operations: u32) -> Setup {
    let mut topology = Topology::new(&REGIONS);
    for (from, row) in (0..).zip(ONE_WAY_MS) {
        for (to, ms) in (0..).zip(row) {
            topology.set_delay(RegionId(from), RegionId(to), Delay::constant(Duration::millis(ms)));
        }
    }
    let workload = Workload {
        clients: vec![clients; REGIONS.len()],
        arrivals: Arrivals::Closed(Duration::ZERO),
        keys: KeyChooser::uniform(KEYS),
        mix: Mix { read: 0, write: 1, compare_and_set: 0 },
        objects: Objects::default(),
        timeout: Duration::secs(2),
        retry_after: None,
        backoff: Duration::secs(1),
        warm_up: Duration::ZERO,
        operations_per_client: Some(operations),
        retry: None,
        idempotency: true,
    };
    Setup { settle: SETTLE, ..quiet_world(topology, workload, LATENCY_MAX * u64::from(operations)) }
}

/// `clients` a region make so many `operations` each.
pub fn run(clients: u32, operations: u32) -> Run {
    run_judged(Judging::AtOnce, clients, operations)
}

/// The same, judged by whom and when this says.
pub fn run_judged(judging: Judging, clients: u32, operations: u32) -> Run {
    let setup = world(clients, operations);
    let everywhere = Placement::everywhere(&setup.topology);
    let run = Simulator::<FPaxos>::new(judging).run(&setup, &everywhere, &(), 1, Trace::off());
    run.expect("it has no options to refuse")
}
