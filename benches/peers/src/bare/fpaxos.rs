//! Flexible Paxos bare: fantoch's run, event for event, in one loop.
//!
//! Same regions, delays, leader, quorum, timers and closed-loop clients as fantoch's simulator (revision aea6e324) on its
//! five AWS regions, 2 % of commands on one key and the others on the client's own. It reproduces that run: [the same
//! number of events](EVENTS) as fantoch counts, and the same mean latency of 188.0 ms, or the program stops. Each process
//! keeps its log and its data, and each operation leaves a record of 32 bytes and a latency in a histogram. Nothing is
//! ever taken off a log.
//!
//! [`workloads::fpaxos`](crate::workloads::fpaxos) is the same protocol on riftzone; its module says what differs.

use std::num::NonZeroU32;
use std::time::Instant;

use crate::chance::Chance;
use crate::contest::Sample;
use crate::queues::Pending;
use crate::workloads::fpaxos::{ACCEPTOR, LEADER, ONE_WAY_MS, REGIONS};

const MS: u64 = 1_000_000;
const PROCESSES: usize = REGIONS.len();
const PERIOD: u64 = 10 * MS;

/// How many events fantoch's run has, by clients a region and commands a client.
const EVENTS: [((u32, u32), u64); 2] = [((32, 200), 436_222), ((512, 50), 1_164_922)];

/// A client's command: four words without padding, and with room for "none", so that a copy is one move.
#[derive(Clone, Copy, Debug)]
pub struct Command {
    client: u32,
    key: u32,
    /// From 1.
    number: NonZeroU32,
    /// The process that its client asked, and that answers it.
    home: u32,
}

/// What happens.
#[derive(Clone, Copy, Debug)]
pub enum Event {
    /// A client's command reaches its process.
    Submit(Command),
    /// It reaches the leader.
    Forward(Command),
    /// Phase 2a reaches the acceptor.
    Accept(u32, Command),
    /// Phase 2b reaches the leader.
    Accepted(u32, Command),
    /// A decided slot reaches a process.
    Chosen(u8, u32, Command),
    /// A reply reaches its client.
    Reply(Command),
    /// A process is to tell the others what it executed.
    Collect(u8),
    /// It reaches one of them: from, to, slots.
    Executed(u8, u8, u32),
    /// A process is to note what it executed: here it has, and is only due again.
    Note,
}

#[derive(Default)]
struct Process {
    log: Vec<Option<Command>>,
    executed: u32,
    data: Vec<u64>,
    told: [u32; PROCESSES],
    stable: u32,
}

struct Client {
    begun: u64,
    finished: u32,
}

struct Loop<Q> {
    queue: Q,
    now: u64,
    processes: [Process; PROCESSES],
    /// The leader's votes, by slot.
    votes: Vec<u8>,
    clients: Vec<Client>,
    clients_per_region: u32,
    commands: u32,
    chance: Chance,
    finished: usize,
    latency_ms: Vec<u64>,
    history: Vec<[u64; 4]>,
    check: u64,
}

/// So many clients a region make so many commands each, over queue `Q`.
///
/// # Panics
/// Where the run is not fantoch's.
pub fn fpaxos<Q: Pending<Event>>(clients_per_region: u32, commands: u32) -> Sample {
    let begun = Instant::now();
    let count = clients_per_region as usize * PROCESSES;
    let mut run = Loop {
        queue: Q::with_capacity(count * 2),
        now: 0,
        processes: Default::default(),
        votes: Vec::new(),
        clients: (0..count).map(|_| Client { begun: 0, finished: 0 }).collect(),
        clients_per_region,
        commands,
        chance: Chance::new(99),
        finished: 0,
        latency_ms: vec![0; 2048],
        history: Vec::with_capacity(count * commands as usize),
        check: 0,
    };
    let events = run.run();
    let commands_all = count * commands as usize;
    assert_eq!(run.votes.len(), commands_all, "each command was proposed once: forwarded, accepted, voted for");
    assert_eq!(run.processes[LEADER.index()].executed as usize, commands_all, "and told to the others, once");
    let total: u64 = run.latency_ms.iter().sum();
    assert_eq!(total, commands_all as u64, "and answered");
    let sum_ms: u64 = (0..).zip(&run.latency_ms).map(|(ms, count)| ms * count).sum();
    let data = run.processes[0].data.iter().fold(0, |check, value| check ^ value);
    let check = run.check ^ data ^ run.history.len() as u64;
    drop(run);
    let took = begun.elapsed().as_secs_f64();
    let mean = sum_ms as f64 / total as f64;
    if let Some((_, expected)) = EVENTS.iter().find(|(load, _)| *load == (clients_per_region, commands)) {
        assert_eq!(events, *expected, "as many events as fantoch's run has");
        assert_eq!(format!("{mean:.1}"), "188.0", "as long as fantoch's commands take, in milliseconds");
    }
    let note = format!("{events} events, {:.2} a command, mean {mean:.1} ms", events as f64 / total as f64);
    Sample { units: total, seconds: took, check, note }
}

impl<Q: Pending<Event>> Loop<Q> {
    /// Runs until the last client is done; how many events that took.
    fn run(&mut self) -> u64 {
        for process in 0..PROCESSES as u8 {
            self.queue.push(PERIOD, Event::Collect(process));
            self.queue.push(PERIOD, Event::Note);
        }
        for client in 0..self.clients.len() as u32 {
            self.submit(client);
        }
        let mut events = 0;
        while self.finished < self.clients.len() {
            let (now, event) = self.queue.pop();
            self.now = now;
            events += 1;
            self.step(event);
        }
        events
    }

    #[inline(always)]
    fn step(&mut self, event: Event) {
        let (leader, acceptor) = (LEADER.index(), ACCEPTOR.index());
        match event {
            Event::Submit(command) if command.home as usize == leader => self.propose(command),
            Event::Submit(command) => self.send(command.home as usize, leader, Event::Forward(command)),
            Event::Forward(command) => self.propose(command),
            Event::Accept(slot, command) => self.send(acceptor, leader, Event::Accepted(slot, command)),
            Event::Accepted(slot, command) => {
                self.votes[slot as usize] += 1;
                if self.votes[slot as usize] == 2 {
                    for to in (0..PROCESSES).filter(|to| *to != leader) {
                        self.send(leader, to, Event::Chosen(to as u8, slot, command));
                    }
                    self.chosen(leader, slot, command);
                }
            }
            Event::Chosen(to, slot, command) => self.chosen(usize::from(to), slot, command),
            Event::Reply(command) => self.reply(command),
            Event::Collect(process) => {
                let slots = self.processes[usize::from(process)].executed;
                for to in (0..PROCESSES as u8).filter(|to| *to != process) {
                    self.send(process.into(), to.into(), Event::Executed(process, to, slots));
                }
                self.queue.push(self.now + PERIOD, event);
            }
            Event::Executed(from, to, slots) => {
                let process = &mut self.processes[usize::from(to)];
                process.told[usize::from(from)] = slots;
                process.told[usize::from(to)] = process.executed;
                process.stable = process.told.into_iter().min().unwrap_or_default();
            }
            Event::Note => self.queue.push(self.now + PERIOD, event),
        }
    }

    #[inline(always)]
    fn send(&mut self, from: usize, to: usize, event: Event) {
        self.queue.push(self.now + ONE_WAY_MS[from][to] * MS, event);
    }

    fn propose(&mut self, command: Command) {
        let slot = self.votes.len() as u32;
        self.votes.push(1);
        self.send(LEADER.index(), ACCEPTOR.index(), Event::Accept(slot, command));
    }

    #[inline(always)]
    fn chosen(&mut self, at: usize, slot: u32, command: Command) {
        let Process { log, executed, data, .. } = &mut self.processes[at];
        if log.len() <= slot as usize {
            log.resize((slot as usize + 1).next_power_of_two(), None);
        }
        log[slot as usize] = Some(command);
        while let Some(Some(command)) = log.get(*executed as usize).copied() {
            *executed += 1;
            let key = command.key as usize;
            if data.len() <= key {
                data.resize(key + 1, 0);
            }
            data[key] = data[key].rotate_left(7) ^ (u64::from(command.client) << 32 | u64::from(command.number.get()));
            if command.home as usize == at {
                self.queue.push(self.now, Event::Reply(command));
            }
        }
    }

    fn reply(&mut self, command: Command) {
        let client = &mut self.clients[command.client as usize];
        self.latency_ms[(((self.now - client.begun) / MS) as usize).min(2047)] += 1;
        self.check = self.check.rotate_left(1) ^ self.now ^ u64::from(command.client);
        let who = u64::from(command.client) << 32 | u64::from(command.key);
        self.history.push([client.begun, self.now, who, command.number.get().into()]);
        client.finished += 1;
        if client.finished < self.commands {
            self.submit(command.client);
        } else {
            self.finished += 1;
        }
    }

    /// A client begins its next command.
    fn submit(&mut self, client: u32) {
        let key = if self.chance.below(100) < 2 { 0 } else { client + 1 };
        let state = &mut self.clients[client as usize];
        state.begun = self.now;
        let number = NonZeroU32::MIN.saturating_add(state.finished);
        let command = Command { client, key, number, home: client / self.clients_per_region };
        self.queue.push(self.now, Event::Submit(command));
    }
}
