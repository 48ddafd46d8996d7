//! The search: breadth first, each state once. What comes of a step is looked up, its fingerprint is that of the state before with
//! what changed exchanged in it, and only a state that is new is written down. Next: `known.rs`.
//!
//! A fingerprint is a sum, modulo 2^64, of those of the nodes, of each message under way, of the ledger and of what is left of the
//! bounds; with symmetry, the least of those sums over all ways to call the nodes.
//!
//! **What need not be looked at**, if [`Reduction`](super::Reduction) says so:
//!
//! - *Orders.* After a step `t` from `s` to `s'`, a step `u` of another node is left out if it could be taken in `s`, too, both ledgers are the
//!   same in the end, and `u` ranks before `t`: `s` has `u` and then `t`, which comes to the same state. It is not left out there for the same reason, for ranks
//!   only grow; so of all steps into a state from states that are one step nearer, one with the greatest rank is
//!   always taken, and every state is found, by as few steps as before. (Sleep sets, of the last step only and without
//!   memory: Godefroid, *Partial-Order Methods for the Verification of Concurrent Systems*, 1996.) A rank is the same whatever nodes are
//!   called, so that this holds of states that count as one, too.
//! - *Idle messages.* A message that changes nothing and says nothing is not delivered: a message may always stay under way for
//!   ever, so what can be broken after it can be broken without it, by fewer steps.
//! - *Symmetry.* See [`Symmetry`](crate::protocol::Symmetry).

use super::known::{Deed, Known};
use super::level::{Last, Level, NONE, State};
use super::seen::{Print, Seen};
use super::step::{Event, Step};
use super::world::{Client, Left, Rules};
use super::{Cut, Explorable, Explored, Found, Sight, Spared, Told};

/// The way to a state: the state before, and the step.
#[derive(Clone, Copy, Debug)]
struct Way {
    before: u32,
    step: Step,
}

/// So many states apart it is told how far the search is.
const TOLD_EVERY: u64 = 1 << 16;

/// A search that goes on.
pub(super) struct Search<'r, 'o, P: Explorable> {
    pub known: Known<'r, 'o, P>,
    seen: Seen,
    ways: Vec<Way>,
    replicas: Vec<usize>,
    /// States one step further than those that are looked at.
    next: Level,
    explored: Explored,
    /// The fingerprints of the state that is looked at, by renaming.
    sums: Vec<u64>,
    /// What may happen in it.
    steps: Vec<Step>,
    nodes: Vec<u32>,
    mail: Vec<u32>,
}

impl<'r, 'o, P: Explorable> Search<'r, 'o, P> {
    pub fn new(rules: &'r Rules<'o, P>) -> Search<'r, 'o, P> {
        let known = Known::new(rules);
        let spared = Spared { orders: 0, idle: 0, symmetries: known.names() as u32 };
        Search {
            replicas: known.replicas(),
            known,
            seen: Seen::default(),
            ways: Vec::new(),
            next: Level::default(),
            explored: Explored { states: 1, transitions: 0, depth: 0, cut: None, broken: None, spared },
            sums: Vec::new(),
            steps: Vec::new(),
            nodes: Vec::new(),
            mail: Vec::new(),
        }
    }

    /// Looks at all of it.
    pub fn all(mut self, sight: &mut dyn FnMut(Sight)) -> Explored {
        self.run(sight);
        self.explored
    }

    /// Goes on until there is nothing more to look at, or nobody need look.
    pub fn run(&mut self, sight: &mut dyn FnMut(Sight)) {
        let mut level = Level::default();
        self.first();
        while !self.next.is_empty() && self.explored.cut.is_none() {
            std::mem::swap(&mut level, &mut self.next);
            self.next.clear();
            self.expand(&level, sight);
            self.explored.depth += u32::from(!self.next.is_empty());
        }
    }

    /// Everything starts, in one step of which nobody sees the parts.
    fn first(&mut self) {
        let (nodes, mail, ledger) = self.begun();
        let last = Last { deed: NONE, seat: 0, ledger };
        let left = self.known.rules.left();
        let state = State { number: 0, ledger, last, left, nodes: &nodes, mail: &mail };
        self.sum(&state);
        self.seen.add(*self.sums.iter().min().expect("there is one way to call them"));
        self.ways.push(Way { before: 0, step: Step(0) });
        self.next.push(state);
        self.judge(ledger, 0);
    }

    fn begun(&mut self) -> (Vec<u32>, Vec<u32>, u32) {
        let (mut nodes, mut mail, mut ledger) = (self.known.unborn(), Vec::new(), 0);
        for (at, node) in nodes.iter_mut().enumerate() {
            let deed = self.known.deed(*node, Step::of(Event::Start(at)));
            let deed = self.known.get(deed);
            *node = deed.node;
            mail.extend_from_slice(self.known.sent(deed));
            ledger = self.known.hear(ledger, deed.news);
        }
        mail.sort_unstable();
        (nodes, mail, ledger)
    }

    /// Takes every step of every state of a level.
    fn expand(&mut self, level: &Level, sight: &mut dyn FnMut(Sight)) {
        let (mut at, mut told) = (0, 0);
        let rules = self.known.rules;
        while let Some((state, next)) = level.get(at, rules.members.len()) {
            if at == 0 || self.explored.states - told >= TOLD_EVERY {
                told = self.explored.states;
                sight(Sight { states: told, depth: self.explored.depth, frontier: level.len() });
            }
            at = next;
            self.enumerate(&state);
            if self.explored.depth == rules.tiny.bounds.depth && !self.steps.is_empty() {
                self.explored.cut = Some(Cut::Depth);
                return;
            }
            self.sum(&state);
            for nth in 0..self.steps.len() {
                self.take(&state, self.steps[nth]);
                if self.explored.cut.is_some() {
                    return;
                }
            }
        }
    }

    /// All that may happen in a state. Of equal messages one arrives.
    fn enumerate(&mut self, state: &State) {
        let (known, steps, left) = (&self.known, &mut self.steps, state.left);
        let is_up = |at: usize| known.looks(state.nodes[at]).is_up;
        steps.clear();
        for (place, letter) in state.mail.iter().enumerate() {
            let is_other = place == 0 || state.mail[place - 1] != *letter;
            if is_other && is_up(known.letter_to(*letter)) {
                steps.push(Step::of(Event::Deliver(*letter)));
                if left.duplicates > 0 {
                    steps.push(Step::of(Event::Repeat(*letter)));
                }
            }
        }
        for (at, node) in state.nodes.iter().enumerate() {
            let looks = known.looks(*node);
            if !looks.is_up {
                steps.push(Step::of(Event::Start(at)));
                continue;
            }
            steps.extend((left.timeouts > 0 && looks.waits).then(|| Step::of(Event::Fire(at))));
            steps.extend(looks.writes.then(|| Step::of(Event::Sync(at))));
            steps.extend((left.crashes > 0).then(|| Step::of(Event::Crash(at))));
        }
        for (operation, client) in known.clients(state.ledger).iter().enumerate() {
            if asks(*client, left) {
                let replicas = self.replicas.iter().filter(|at| is_up(**at));
                steps.extend(replicas.map(|at| Step::of(Event::Ask(operation, *at))));
            }
        }
    }

    /// Takes a step, and notes the state after it if it is new.
    fn take(&mut self, state: &State, step: Step) {
        let event = step.event();
        let seat = self.known.seat(event);
        let number = self.known.deed(state.nodes[seat], step);
        let deed = self.known.get(number);
        let ledger = self.known.hear(state.ledger, deed.news);
        let reduction = self.known.rules.tiny.reduction;
        let is_delivery = matches!(event, Event::Deliver(_) | Event::Repeat(_));
        if reduction.idle && is_delivery && self.is_idle(state.nodes[seat], deed) {
            self.explored.spared.idle += 1;
            return;
        }
        if reduction.orders && self.was_before(state, event, seat, deed, ledger) {
            self.explored.spared.orders += 1;
            return;
        }
        self.explored.transitions += 1;
        let left = spent(state, event, self.known.clients(state.ledger));
        let print = self.print(state, event, seat, deed, ledger, left);
        if !self.seen.is_new(print) {
            return;
        }
        if self.explored.states == self.known.rules.tiny.bounds.states {
            self.explored.cut = Some(Cut::States);
            return;
        }
        self.seen.add(print);
        self.explored.states += 1;
        let here = u32::try_from(self.ways.len()).expect("there are fewer states");
        self.ways.push(Way { before: state.number, step });
        self.after(state, event, seat, deed);
        let last = Last { deed: number, seat: seat as u32, ledger: state.ledger };
        self.next.push(State { number: here, ledger, last, left, nodes: &self.nodes, mail: &self.mail });
        self.judge(ledger, here);
    }

    /// Whether nothing comes of a message.
    fn is_idle(&self, node: u32, deed: Deed) -> bool {
        deed.node == node && deed.news == 0 && self.known.sent(deed).is_empty()
    }

    /// Whether this step could as well have come before the last one, and is taken there.
    fn was_before(&mut self, state: &State, event: Event, seat: usize, deed: Deed, ledger: u32) -> bool {
        let last = state.last;
        if last.deed == NONE || last.seat == seat as u32 {
            return false;
        }
        let before = self.known.get(last.deed);
        if deed.rank >= before.rank {
            return false;
        }
        let could_be = match event {
            Event::Deliver(letter) | Event::Repeat(letter) => {
                let count = |mail: &[u32]| mail.iter().filter(|other| **other == letter).count();
                count(state.mail) > count(self.known.sent(before))
            }
            Event::Ask(operation, _) => {
                self.known.clients(last.ledger)[operation] == self.known.clients(state.ledger)[operation]
            }
            _ => true,
        };
        if !could_be || before.news == 0 || deed.news == 0 {
            return could_be;
        }
        let other = self.known.hear(last.ledger, deed.news);
        self.known.hear(other, before.news) == ledger
    }

    /// The fingerprints of a state.
    fn sum(&mut self, state: &State) {
        let (known, sums) = (&self.known, &mut self.sums);
        let left = Print::of(&state.left);
        sums.clear();
        sums.extend(known.ledger_prints(state.ledger).iter().map(|print| print.wrapping_add(left)));
        let nodes = state.nodes.iter().map(|node| known.node_prints(*node, state.left.view()));
        for prints in nodes.chain(state.mail.iter().map(|letter| known.letter_prints(*letter))) {
            sums.iter_mut().zip(prints).for_each(|(sum, print)| *sum = sum.wrapping_add(*print));
        }
    }

    /// The fingerprint of the state after a step.
    fn print(&self, state: &State, event: Event, seat: usize, deed: Deed, ledger: u32, left: Left) -> u64 {
        let (known, view) = (&self.known, left.view());
        let is_seen_so = view == state.left.view();
        let spent = match left == state.left {
            true => 0,
            false => Print::of(&left).wrapping_sub(Print::of(&state.left)),
        };
        let arrived = match event {
            Event::Deliver(letter) => Some(known.letter_prints(letter)),
            _ => None,
        };
        let (old, new) = (known.node_prints(state.nodes[seat], view), known.node_prints(deed.node, view));
        let (unheard, heard) = (known.ledger_prints(state.ledger), known.ledger_prints(ledger));
        let print = |name: usize| {
            let mut sum = self.sums[name].wrapping_add(spent);
            if !is_seen_so {
                for node in state.nodes {
                    let [before, now] = [state.left.view(), view].map(|view| known.node_prints(*node, view)[name]);
                    sum = sum.wrapping_sub(before).wrapping_add(now);
                }
            }
            sum = sum.wrapping_sub(old[name]).wrapping_add(new[name]);
            sum = sum.wrapping_sub(unheard[name]).wrapping_add(heard[name]);
            sum = sum.wrapping_sub(arrived.map_or(0, |prints| prints[name]));
            let sent = known.sent(deed).iter().map(|letter| known.letter_prints(*letter)[name]);
            sent.fold(sum, u64::wrapping_add)
        };
        (0..known.names()).map(print).min().expect("there is one way to call them")
    }

    /// Writes down nodes and mail after a step.
    fn after(&mut self, state: &State, event: Event, seat: usize, deed: Deed) {
        self.nodes.clear();
        self.nodes.extend_from_slice(state.nodes);
        self.nodes[seat] = deed.node;
        self.mail.clear();
        self.mail.extend_from_slice(state.mail);
        if let Event::Deliver(letter) = event {
            let place = state.mail.iter().position(|other| *other == letter).expect("what arrives was under way");
            self.mail.remove(place);
        }
        for letter in self.known.sent(deed) {
            let place = self.mail.partition_point(|other| other < letter);
            self.mail.insert(place, *letter);
        }
    }

    /// Ends the search where something is broken.
    fn judge(&mut self, ledger: u32, here: u32) {
        if let Some((property, why)) = self.known.broken(ledger).cloned() {
            self.explored.cut = Some(Cut::Broken);
            self.explored.broken = Some(Found { property, why, story: self.story(here) });
        }
    }

    /// The way to a state, told from the first one on.
    fn story(&mut self, mut here: u32) -> Vec<Told> {
        let mut path = Vec::new();
        while here > 0 {
            let Way { before, step } = self.ways[here as usize];
            path.push(step);
            here = before;
        }
        let (mut nodes, _, mut ledger) = self.begun();
        let mut story = Vec::new();
        for step in path.into_iter().rev() {
            let seat = self.known.seat(step.event());
            let deed = self.known.deed(nodes[seat], step);
            let deed = self.known.get(deed);
            let (step, notes) = self.known.tell(nodes[seat], step, ledger, deed.news);
            story.push(Told { step, notes });
            nodes[seat] = deed.node;
            ledger = self.known.hear(ledger, deed.news);
        }
        story
    }
}

/// Whether a client asks, or asks again.
fn asks(client: Client, left: Left) -> bool {
    match client {
        Client::Idle => true,
        Client::Waiting(_) => left.retries > 0,
        Client::Told(_) => false,
    }
}

/// What a step leaves of the bounds.
fn spent(state: &State, event: Event, clients: &[Client]) -> Left {
    let mut left = state.left;
    match event {
        Event::Fire(_) => left.timeouts -= 1,
        Event::Crash(_) => left.crashes -= 1,
        Event::Repeat(_) => left.duplicates -= 1,
        Event::Ask(operation, _) if matches!(clients[operation], Client::Waiting(_)) => left.retries -= 1,
        Event::Ask(..) | Event::Deliver(_) | Event::Sync(_) | Event::Start(_) => {}
    }
    left
}
