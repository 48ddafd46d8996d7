//! What may happen next in a state, and what comes of it. Next: `watch.rs`.

use std::collections::VecDeque;
use std::rc::Rc;

use crate::id::{ClientId, NodeId, RequestId};
use crate::op::{Refusal, Reply};
use crate::protocol::{Context, Effect, Request, Role};
use crate::time::{Duration, Time};
use crate::trace::Observation;

use super::Explorable;
use super::watch::Watch;
use super::world::{Client, Held, Left, Letter, Node, Post, Rules, State, Write};

/// Something that may happen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// The message in this place arrives.
    Deliver(usize),
    /// It arrives, and will arrive again.
    Repeat(usize),
    /// The earliest timer of this node fires.
    Fire(usize),
    /// The oldest record of this node's disk is synced.
    Sync(usize),
    Crash(usize),
    Restart(usize),
    /// The client of this operation asks this node.
    Ask(usize, usize),
}

/// What is told of a step, if anybody wants to know.
pub(super) type Notes = Option<Vec<String>>;

impl<P: Explorable> Rules<'_, P> {
    /// The state in which everything begins.
    pub fn first(&self, notes: &mut Notes) -> State<P> {
        let bounds = &self.tiny.bounds;
        let node = || Node {
            protocol: None,
            disk: Vec::new(),
            unsynced: VecDeque::new(),
            held: VecDeque::new(),
            timers: Vec::new(),
            clock: Time::ZERO,
            prints: [0; 3],
        };
        let mut state = State {
            nodes: self.members.iter().map(|_| Rc::new(node())).collect(),
            mail: Vec::new(),
            clients: vec![Client::Idle; self.tiny.operations.len()],
            left: Left {
                timeouts: bounds.timeouts,
                crashes: bounds.crashes,
                duplicates: bounds.duplicates,
                retries: bounds.retries,
            },
            watch: Rc::new(Watch::new(&self.names, &self.asked)),
        };
        (0..self.members.len()).for_each(|at| self.start(&mut state, at, notes));
        state
    }

    /// All that may happen, in an order that a state decides. Of equal messages one arrives.
    pub fn steps(&self, state: &State<P>, steps: &mut Vec<Step>) {
        steps.clear();
        let is_up = |at: usize| state.nodes[at].protocol.is_some();
        for (place, letter) in state.mail.iter().enumerate() {
            let is_other = place == 0 || state.mail[place - 1].print != letter.print;
            if is_other && is_up(letter.to.index()) {
                steps.push(Step::Deliver(place));
                if state.left.duplicates > 0 {
                    steps.push(Step::Repeat(place));
                }
            }
        }
        for (at, node) in state.nodes.iter().enumerate() {
            if node.protocol.is_none() {
                steps.push(Step::Restart(at));
                continue;
            }
            if state.left.timeouts > 0 && earliest(node).is_some() {
                steps.push(Step::Fire(at));
            }
            if !node.unsynced.is_empty() {
                steps.push(Step::Sync(at));
            }
            if state.left.crashes > 0 {
                steps.push(Step::Crash(at));
            }
        }
        for (operation, client) in state.clients.iter().enumerate() {
            let asks = match client {
                Client::Idle => true,
                Client::Waiting(_) => state.left.retries > 0,
                Client::Told(_) => false,
            };
            let replicas = self.members.iter().filter(|member| member.role == Role::Replica);
            let replicas = replicas.map(|member| member.node.index()).filter(|at| asks && is_up(*at));
            steps.extend(replicas.map(|at| Step::Ask(operation, at)));
        }
    }

    /// The state after a step, which `state` has.
    pub fn after(&self, state: &State<P>, step: Step, notes: &mut Notes) -> State<P> {
        let mut state = state.clone();
        if state.watch.is_news {
            Rc::make_mut(&mut state.watch).is_news = false;
        }
        match step {
            Step::Deliver(place) => {
                let letter = state.mail.remove(place);
                self.deliver(&mut state, &letter, notes);
            }
            Step::Repeat(place) => {
                state.left.duplicates -= 1;
                let letter = state.mail[place].clone();
                if let Post::Request(request) = &letter.post
                    && let Client::Waiting(under_way) = &mut state.clients[request.id.client.index()]
                {
                    *under_way += 1;
                }
                self.deliver(&mut state, &letter, notes);
            }
            Step::Fire(at) => {
                state.left.timeouts -= 1;
                let node = Rc::make_mut(&mut state.nodes[at]);
                let place = earliest(node).expect("a timer is set");
                let (timer, due) = node.timers.remove(place);
                node.clock = node.clock.max(due);
                self.handle(&mut state, at, notes, |protocol, cx| protocol.on_timer(timer, cx));
            }
            Step::Sync(at) => self.sync(&mut state, at, notes),
            Step::Crash(at) => {
                state.left.crashes -= 1;
                let node = Rc::make_mut(&mut state.nodes[at]);
                node.protocol = None;
                node.unsynced.clear();
                node.held.clear();
                node.timers.clear();
                node.counted();
                Rc::make_mut(&mut state.watch).crashed(at);
            }
            Step::Restart(at) => self.start(&mut state, at, notes),
            Step::Ask(operation, at) => {
                let under_way = match state.clients[operation] {
                    Client::Waiting(under_way) => {
                        state.left.retries -= 1;
                        under_way
                    }
                    _ => {
                        Rc::make_mut(&mut state.watch).asked(self, operation);
                        0
                    }
                };
                state.clients[operation] = Client::Waiting(under_way + 1);
                let request =
                    Request { id: self.id(operation, at), op: self.op(operation), session: P::Session::default() };
                self.handle(&mut state, at, notes, |protocol, cx| protocol.on_request(request, cx));
            }
        }
        state
    }

    fn id(&self, operation: usize, at: usize) -> RequestId {
        RequestId { client: ClientId(operation as u32), sequence: 1, entry: NodeId(at as u16) }
    }

    fn start(&self, state: &mut State<P>, at: usize, notes: &mut Notes) {
        let node = Rc::make_mut(&mut state.nodes[at]);
        let (mut stream, mut effects) = (self.stream.clone(), Vec::new());
        let mut cx = self.context(at, node.clock, &mut stream, &mut effects);
        node.protocol = Some(P::start(self.options, node.disk.clone(), &mut cx));
        self.carry_out(state, at, effects, notes);
    }

    fn context<'c>(
        &'c self,
        at: usize,
        now: Time,
        stream: &'c mut crate::rng::Stream,
        effects: &'c mut Vec<Effect<P>>,
    ) -> Context<'c, P> {
        Context { me: &self.members[at], members: &self.members, now, uncertainty: Duration::ZERO, stream, effects }
    }

    fn deliver(&self, state: &mut State<P>, letter: &Letter<P>, notes: &mut Notes) {
        let at = letter.to.index();
        match letter.post.clone() {
            Post::Message(message) => {
                self.handle(state, at, notes, |protocol, cx| protocol.on_message(letter.from, message, cx));
            }
            Post::Request(request) => {
                self.handle(state, at, notes, |protocol, cx| protocol.on_request(request, cx));
            }
        }
    }

    /// Calls a handler, and carries out what it wants.
    fn handle(&self, state: &mut State<P>, at: usize, notes: &mut Notes, call: impl FnOnce(&mut P, &mut Context<P>)) {
        let node = Rc::make_mut(&mut state.nodes[at]);
        let (mut stream, mut effects) = (self.stream.clone(), Vec::new());
        let mut cx = self.context(at, node.clock, &mut stream, &mut effects);
        call(node.protocol.as_mut().expect("only nodes that are up handle anything"), &mut cx);
        self.carry_out(state, at, effects, notes);
    }

    /// Carries out effects, and those of the messages that the node sends itself.
    fn carry_out(&self, state: &mut State<P>, at: usize, effects: Vec<Effect<P>>, notes: &mut Notes) {
        let mut own = VecDeque::new();
        for effect in effects {
            self.effect(state, at, effect, &mut own, notes);
        }
        self.settle(state, at, own, notes);
    }

    /// The node handles what it sent itself. What a handler sends itself then waits for the others.
    fn settle(&self, state: &mut State<P>, at: usize, mut own: VecDeque<Post<P>>, notes: &mut Notes) {
        let me = NodeId(at as u16);
        while let Some(post) = own.pop_front() {
            let node = Rc::make_mut(&mut state.nodes[at]);
            let (mut stream, mut effects) = (self.stream.clone(), Vec::new());
            let mut cx = self.context(at, node.clock, &mut stream, &mut effects);
            let protocol = node.protocol.as_mut().expect("it has just sent");
            match post {
                Post::Message(message) => protocol.on_message(me, message, &mut cx),
                Post::Request(request) => protocol.on_request(request, &mut cx),
            }
            effects.into_iter().for_each(|effect| self.effect(state, at, effect, &mut own, notes));
        }
        Rc::make_mut(&mut state.nodes[at]).counted();
    }

    fn effect(
        &self,
        state: &mut State<P>,
        at: usize,
        effect: Effect<P>,
        own: &mut VecDeque<Post<P>>,
        notes: &mut Notes,
    ) {
        match effect {
            Effect::Send { to, message, unsynced } => {
                self.release(state, at, Held::Post(to, Post::Message(message)), unsynced, own, notes);
            }
            Effect::Broadcast { message } => {
                for to in 0..self.members.len() {
                    if to != at {
                        let post = Held::Post(NodeId(to as u16), Post::Message(message.clone()));
                        self.release(state, at, post, false, own, notes);
                    }
                }
            }
            Effect::Reply { request, reply, unsynced, .. } => {
                self.release(state, at, Held::Answer(request.client.index(), Ok(reply)), unsynced, own, notes);
            }
            Effect::Refuse { request, refusal } => {
                let refused = Held::Answer(request.client.index(), Err(()));
                note(notes, || self.refused(at, request.client, refusal));
                self.release(state, at, refused, false, own, notes);
            }
            Effect::Forward { to, request } => {
                self.release(state, at, Held::Post(to, Post::Request(request)), false, own, notes);
            }
            Effect::SetTimer { timer, after } => {
                let node = Rc::make_mut(&mut state.nodes[at]);
                node.timers.retain(|(set, _)| *set != timer);
                let due = node.clock + after;
                let place = node.timers.partition_point(|(_, other)| *other <= due);
                node.timers.insert(place, (timer, due));
            }
            Effect::CancelTimer { timer } => {
                Rc::make_mut(&mut state.nodes[at]).timers.retain(|(set, _)| *set != timer);
            }
            Effect::Persist { record } => self.write(state, at, Write::Append(record)),
            Effect::Compact { records } => self.write(state, at, Write::Replace(records)),
            Effect::Observe(observation) => {
                let unsynced = !observation.is_durable();
                self.release(state, at, Held::Observe(observation), unsynced, own, notes);
            }
        }
    }

    fn write(&self, state: &mut State<P>, at: usize, write: Write<P::Record>) {
        let node = Rc::make_mut(&mut state.nodes[at]);
        if self.tiny.slow_disks {
            node.unsynced.push_back(write);
        } else {
            settle_write(&mut node.disk, write);
        }
    }

    /// The oldest record is safe, and what waited for it leaves.
    fn sync(&self, state: &mut State<P>, at: usize, notes: &mut Notes) {
        let node = Rc::make_mut(&mut state.nodes[at]);
        let write = node.unsynced.pop_front().expect("something is not synced");
        settle_write(&mut node.disk, write);
        node.held.iter_mut().for_each(|(after, _)| *after -= 1);
        let mut own = VecDeque::new();
        while let Some((0, _)) = state.nodes[at].held.front() {
            let (_, held) = Rc::make_mut(&mut state.nodes[at]).held.pop_front().expect("it was looked at");
            self.release(state, at, held, true, &mut own, notes);
        }
        self.settle(state, at, own, notes);
    }

    /// Lets something leave, now or when what was written so far is synced.
    fn release(
        &self,
        state: &mut State<P>,
        at: usize,
        held: Held<P>,
        now: bool,
        own: &mut VecDeque<Post<P>>,
        notes: &mut Notes,
    ) {
        let pending = state.nodes[at].unsynced.len();
        if !now && pending > 0 {
            Rc::make_mut(&mut state.nodes[at]).held.push_back((pending, held));
            return;
        }
        match held {
            Held::Post(to, post) if to.index() == at => own.push_back(post),
            Held::Post(to, post) => {
                let letter = Letter::new(NodeId(at as u16), to, post);
                let place = state.mail.partition_point(|other| other.print < letter.print);
                state.mail.insert(place, Rc::new(letter));
            }
            Held::Answer(operation, says) => self.answered(state, at, operation, says, notes),
            Held::Observe(observation) => {
                self.note_observation(notes, at, observation);
                Rc::make_mut(&mut state.watch).observed(at, observation);
            }
        }
    }

    /// A client hears. One that has heard before does not listen.
    fn answered(&self, state: &mut State<P>, at: usize, operation: usize, says: Result<Reply, ()>, notes: &mut Notes) {
        let Client::Waiting(under_way) = state.clients[operation] else { return };
        match says {
            Ok(reply) => {
                state.clients[operation] = Client::Told(reply);
                note(notes, || format!("c{operation} is told by {}: {}", self.names[at], in_words(reply)));
                Rc::make_mut(&mut state.watch).told(self, at, operation, reply, &state.clients);
            }
            Err(()) if under_way > 1 => state.clients[operation] = Client::Waiting(under_way - 1),
            Err(()) => {
                // None of its requests will have an effect any more: it is as if it had never asked.
                state.clients[operation] = Client::Idle;
                Rc::make_mut(&mut state.watch).refused(operation);
            }
        }
    }

    fn refused(&self, at: usize, client: ClientId, refusal: Refusal) -> String {
        format!("{} refuses {client}: {refusal:?}", self.names[at])
    }

    /// Of what a node says of itself, a reader wants to know who leads and what copies hold.
    fn note_observation(&self, notes: &mut Notes, at: usize, observation: Observation) {
        let name = &self.names[at];
        let words = match observation {
            Observation::Leader { epoch } => format!("{name} leads epoch {epoch}"),
            Observation::SteppedDown { epoch } => format!("{name} no longer leads epoch {epoch}"),
            Observation::Voted { epoch, candidate } => {
                format!("{name} votes for {} in epoch {epoch}", self.names[candidate.index()])
            }
            Observation::Committed { index, epoch } => {
                format!("{name} knows entry {index} of epoch {epoch} to be committed")
            }
            Observation::Applied { key, value } => format!("{name} takes {value} into {key}"),
            Observation::RolledBack { key, value, .. } => format!("{name} takes {value} out of {key} again"),
            Observation::Conflict { key, lost, kept } => format!("{name} discards {lost} to {key} for {kept}"),
            _ => return,
        };
        note(notes, || words);
    }

    /// A step in words.
    pub fn describe(&self, state: &State<P>, step: Step) -> String {
        let name = |at: usize| &self.names[at];
        let post = |place: usize| {
            let Letter { from, to, post, .. } = &*state.mail[place];
            let what = match post {
                Post::Message(message) => format!("{message:?}"),
                Post::Request(request) => format!("{:?} of {}", request.op, request.id.client),
            };
            format!("{} gets {what} from {}", name(to.index()), name(from.index()))
        };
        match step {
            Step::Deliver(place) => post(place),
            Step::Repeat(place) => format!("{}, and will get it again", post(place)),
            Step::Fire(at) => {
                let timer = earliest(&state.nodes[at]).map(|place| state.nodes[at].timers[place].0);
                timer.map_or(String::new(), |timer| format!("{}: its timer {timer:?} fires", name(at)))
            }
            Step::Sync(at) => format!("{}: its disk has synced a record", name(at)),
            Step::Crash(at) => format!("{} crashes", name(at)),
            Step::Restart(at) => format!("{} starts again", name(at)),
            Step::Ask(operation, at) => format!("c{operation} asks {}: {:?}", name(at), self.op(operation)),
        }
    }
}

fn settle_write<R>(disk: &mut Vec<R>, write: Write<R>) {
    match write {
        Write::Append(record) => disk.push(record),
        Write::Replace(records) => *disk = records,
    }
}

/// The place of the timer that fires next; none where nothing is set, or only for ever.
fn earliest<P: Explorable>(node: &Node<P>) -> Option<usize> {
    (0..node.timers.len()).min_by_key(|place| node.timers[*place].1).filter(|place| node.timers[*place].1 < Time::NEVER)
}

fn note(notes: &mut Notes, words: impl FnOnce() -> String) {
    if let Some(notes) = notes {
        notes.push(words());
    }
}

fn in_words(reply: Reply) -> String {
    let value = |value: Option<crate::id::Value>| value.map_or("nothing".to_string(), |value| value.to_string());
    match reply {
        Reply::Read(found) => value(found),
        Reply::Written => "ok".into(),
        Reply::Mismatch(found) => format!("no, it holds {}", value(found)),
        other => format!("{other:?}"),
    }
}
