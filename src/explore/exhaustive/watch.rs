//! What must hold in every state: the invariants of every run, one leader an epoch, and linearizability. Next: `known.rs`.

use std::collections::BTreeMap;
use std::hash::Hash;

use crate::check::Verdict;
use crate::check::linearizable::linearizable;
use crate::check::monitor::{Invariant, Invariants, Origin, Seen, Watched};
use crate::history::History;
use crate::id::{ClientId, GroupId, Key, NodeId, Renaming, Value};
use crate::op::Reply;
use crate::protocol::Guarantee;
use crate::time::Time;
use crate::trace::Observation;

use super::Explorable;
use super::seen::Print;
use super::world::{Client, Rules};

/// What the invariants remember of the way to a state.
#[derive(Clone, Debug)]
pub(super) struct Watch {
    invariants: Invariants,
    /// Who led which epoch first.
    leaders: BTreeMap<u64, NodeId>,
    /// The epoch that each node leads.
    leads: Vec<Option<u64>>,
    /// What each node's copy holds.
    copies: BTreeMap<(usize, Key), Value>,
    /// What clients did, in order: asked, or were told.
    heard: Vec<(usize, Option<Reply>)>,
    /// Whether a client heard something in the last step.
    pub is_news: bool,
}

impl Watch {
    pub fn new(names: &[String], asked: &[Invariant]) -> Watch {
        let watched = |(seat, name): (usize, &String)| Watched { name: name.as_str().into(), group: GroupId(0), seat };
        let nodes: Vec<Watched> = names.iter().enumerate().map(watched).collect();
        let mut invariants = Invariants::new(&nodes);
        asked.iter().for_each(|invariant| invariants.ask(*invariant));
        Watch {
            invariants,
            leaders: BTreeMap::new(),
            leads: vec![None; names.len()],
            copies: BTreeMap::new(),
            heard: Vec::new(),
            is_news: false,
        }
    }

    /// The fingerprint of what later breaches depend on.
    pub fn print(&self) -> u64 {
        let mut print = Print::default();
        self.invariants.hash_memory(&mut print);
        self.invariants.is_broken().hash(&mut print);
        (&self.leaders, &self.leads, &self.copies, &self.heard).hash(&mut print);
        std::hash::Hasher::finish(&print)
    }

    /// Calls the nodes otherwise.
    pub fn rename(&mut self, renaming: &Renaming) {
        self.invariants.rename(renaming);
        self.leaders.values_mut().for_each(|leader| renaming.rename(leader));
        renaming.reorder(&mut self.leads);
        let copies = std::mem::take(&mut self.copies).into_iter();
        let renamed = |at: usize| renaming.of(NodeId(at as u16)).index();
        self.copies = copies.map(|((at, key), value)| ((renamed(at), key), value)).collect();
    }

    fn seen(&self, at: usize) -> Seen {
        Seen::new(Time::ZERO, NodeId(at as u16), GroupId(0), self.leads[at].is_some())
    }

    /// A node says something of itself.
    pub fn observed(&mut self, at: usize, observation: Observation) {
        let seen = self.seen(at);
        match observation {
            Observation::Leader { epoch } => {
                let first = *self.leaders.entry(epoch).or_insert(seen.node());
                self.invariants.took_office(seen, epoch, (first != seen.node()).then_some(first));
                self.leads[at] = Some(epoch);
            }
            Observation::SteppedDown { epoch } => {
                self.leads[at].take_if(|led| *led == epoch);
            }
            Observation::Applied { key, value } => {
                let before = self.copies.insert((at, key), value);
                self.invariants.applied(seen, key, value, before);
            }
            Observation::RolledBack { key, value, now } => {
                self.copies.remove(&(at, key));
                self.copies.extend(now.map(|now| ((at, key), now)));
                self.invariants.rolled_back(seen, value);
            }
            Observation::Merged { key, update } => {
                let held = self.copies.get(&(at, key)).copied();
                self.invariants.merged(seen, key, update, held);
            }
            other => self.invariants.observed(seen, &other),
        }
    }

    /// A node is down, and its copy gone.
    pub fn crashed(&mut self, at: usize) {
        self.leads[at] = None;
        self.copies.retain(|(node, _), _| *node != at);
        self.invariants.crashed(GroupId(0), NodeId(at as u16));
    }

    /// A client asks for the first time, or after it was refused.
    pub fn asked<P: Explorable>(&mut self, rules: &Rules<P>, operation: usize) {
        self.heard.extend(rules.is_linearizable.then_some((operation, None)));
    }

    /// A client was refused for good, and nothing came of what it asked.
    pub fn refused(&mut self, operation: usize) {
        self.heard.retain(|heard| *heard != (operation, None));
    }

    /// A node answers, and the client hears.
    pub fn told<P: Explorable>(
        &mut self,
        rules: &Rules<P>,
        at: usize,
        operation: usize,
        reply: Reply,
        clients: &[Client],
    ) {
        let (seen, op, client) = (self.seen(at), rules.op(operation), ClientId(operation as u32));
        let key = op.key();
        if reply == Reply::Written
            && let Some(value) = op.written()
        {
            self.invariants.acknowledged(seen, key, value);
        }
        match reply {
            Reply::Read(value) | Reply::Mismatch(value) => {
                let writes = |place: &usize| rules.op(*place).key() == key && rules.op(*place).written() == value;
                let origin = match (value, (0..clients.len()).find(writes).map(|place| clients[place])) {
                    (None, _) | (_, Some(Client::Waiting(_))) => Origin::Asked,
                    (_, Some(Client::Told(Reply::Mismatch(_)))) => Origin::Denied,
                    (_, Some(Client::Told(_))) => Origin::Asked,
                    (_, Some(Client::Idle)) => Origin::Failed,
                    (_, None) => Origin::Nowhere,
                };
                self.invariants.read(Time::ZERO, seen.node(), client, key, value, origin);
            }
            Reply::Written => self.invariants.told(Time::ZERO, seen.node(), client, key, op.written()),
            _ => {}
        }
        if rules.is_linearizable {
            self.heard.push((operation, Some(reply)));
            self.is_news = true;
        }
    }

    /// What is broken, and how.
    pub fn broken<P: Explorable>(&self, rules: &Rules<P>) -> Option<(String, String)> {
        if self.invariants.is_broken()
            && let Some(breach) = self.invariants.breaches().into_iter().next()
        {
            return Some((breach.invariant.name().into(), breach.why));
        }
        if !self.is_news {
            return None;
        }
        match linearizable(&self.history(rules)) {
            Verdict::Fail(counterexample) => Some((Guarantee::Linearizable.name().into(), counterexample.why)),
            _ => None,
        }
    }

    /// What clients saw, an instant apart each.
    fn history<P: Explorable>(&self, rules: &Rules<P>) -> History {
        let (mut history, mut ids) = (History::new(), BTreeMap::new());
        for (instant, (operation, told)) in self.heard.iter().enumerate() {
            let at = Time::from_nanos(instant as u64);
            match told {
                None => {
                    let id = history.invoke(ClientId(*operation as u32), rules.op(*operation), at);
                    ids.insert(*operation, id);
                }
                Some(reply) => history.complete(ids[operation], *reply, NodeId(0), at),
            }
        }
        history
    }
}
