//! Health checkers: actors that lie beside a region's clients, ask nodes for signs of life over the same links as everybody, and
//! know no more than what comes back. Next: `faults.rs`.

use crate::id::{ClientId, Key, NodeId, RegionId, RequestId};
use crate::model::routing::{Check, Depth};
use crate::op::{Op, Refusal};
use crate::protocol::{Member, Protocol, Request, Role};
use crate::rng::Stream;
use crate::time::{Duration, Time};

use super::effects::REQUEST_BYTES;
use super::future::Plain;
use super::in_flight::Answer;
use super::routing::Step;
use super::setup::Setup;
use super::world::{Fate, World};

/// The size of a shallow probe and of what comes back: addresses, and no more.
const PROBE_BYTES: u32 = 64;

/// The checkers agreed that a node is healthy, or that it is not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HealthChange {
    /// When.
    pub at: Time,
    /// Which node.
    pub node: NodeId,
    /// Whether it is healthy from now on.
    pub healthy: bool,
}

/// All checkers, what each thinks of each node, and what came of that.
#[derive(Debug)]
pub(super) struct Checkers {
    check: Option<Check>,
    /// A checker's view of a node, for every checker and, for each, every replica.
    probes: Vec<Probe>,
    checkers: usize,
    /// The first of the clients in whose name deep probes ask: as many as there are probes.
    first_client: u32,
    /// By node: what the checkers agree on, and what of that has taken effect.
    agreed: Vec<bool>,
    published: Vec<bool>,
    /// By region: its replicas.
    replicas: Vec<Vec<NodeId>>,
    pub(super) changes: Vec<HealthChange>,
}

/// What one checker thinks of one node.
#[derive(Clone, Copy, Debug)]
struct Probe {
    from: RegionId,
    node: NodeId,
    group: u32,
    /// How many were sent, and the last that is decided.
    number: u32,
    decided: u32,
    healthy: bool,
    /// How many in a row spoke against that.
    against: u32,
}

impl Checkers {
    pub(super) fn new(check: Option<Check>, setup: &Setup, groups: &[Vec<Member>]) -> Checkers {
        let regions = setup.topology.regions().len();
        let mut replicas = vec![Vec::new(); regions];
        let all = groups.iter().enumerate().flat_map(|(group, members)| members.iter().map(move |m| (group, m)));
        let all: Vec<_> = all.filter(|(_, member)| member.role == Role::Replica).collect();
        all.iter().for_each(|(_, member)| replicas[member.region.index()].push(member.node));
        let nodes = groups.iter().map(Vec::len).sum();
        let from: Vec<RegionId> = match check {
            None => Vec::new(),
            Some(Check { from: Some(region), .. }) => vec![region],
            Some(Check { from: None, .. }) => (0..regions).map(|place| RegionId(place as u16)).collect(),
        };
        let probe = |from, (group, member): &(usize, &Member)| Probe {
            from,
            node: member.node,
            group: *group as u32,
            number: 0,
            decided: 0,
            healthy: true,
            against: 0,
        };
        Checkers {
            probes: from.iter().flat_map(|from| all.iter().map(move |of| probe(*from, of))).collect(),
            checkers: from.len(),
            check,
            first_client: u32::MAX,
            agreed: vec![true; nodes],
            published: vec![true; nodes],
            replicas,
            changes: Vec::new(),
        }
    }

    /// Whether a region is healthy by its published state: where any of its replicas is.
    pub(super) fn is_published(&self, region: RegionId) -> bool {
        self.replicas[region.index()].iter().any(|node| self.published[node.index()])
    }

    pub(super) fn is_published_node(&self, node: NodeId) -> bool {
        self.published[node.index()]
    }

    /// Whether a region is healthy as its neighbour's own checker sees it; where that has none, as all agree.
    pub(super) fn is_healthy_seen_from(&self, from: RegionId, region: RegionId) -> bool {
        let mut own = self.probes.iter().filter(|probe| probe.from == from).peekable();
        if own.peek().is_none() {
            return self.is_published(region);
        }
        let nodes = &self.replicas[region.index()];
        own.any(|probe| probe.healthy && nodes.contains(&probe.node))
    }

    /// Whether deep probes ask in this client's name.
    pub(super) fn is_checker(&self, client: ClientId) -> bool {
        client.0.checked_sub(self.first_client).is_some_and(|nth| (nth as usize) < self.probes.len())
    }

    /// Takes a probe's result into account; tells whether the checker changed its mind.
    fn changes_mind(&mut self, probe: u32, ok: bool) -> bool {
        let Some(check) = self.check else { return false };
        let probe = &mut self.probes[probe as usize];
        if ok == probe.healthy {
            probe.against = 0;
            return false;
        }
        probe.against += 1;
        let enough = if ok { check.rise } else { check.fall };
        if probe.against < enough {
            return false;
        }
        (probe.healthy, probe.against) = (ok, 0);
        true
    }

    /// What all checkers together think of a node now, where that is news.
    fn agreement(&mut self, node: NodeId) -> Option<bool> {
        let unhealthy = self.probes.iter().filter(|probe| probe.node == node && !probe.healthy).count();
        let wanted = self.check.and_then(|check| check.agree).map_or(self.checkers / 2 + 1, |agree| agree as usize);
        let healthy = unhealthy < wanted;
        (std::mem::replace(&mut self.agreed[node.index()], healthy) != healthy).then_some(healthy)
    }
}

impl<P: Protocol> World<'_, P> {
    /// Every checker begins at a moment of its own within one interval.
    pub(super) fn schedule_probes(&mut self) {
        let Some(router) = self.router.as_mut() else { return };
        let Some(check) = router.checkers.check else { return };
        let probes = router.checkers.probes.clone();
        for (place, probe) in probes.iter().enumerate() {
            let (from, to) = (&self.network.place(self.site(probe.from)).name, self.name(probe.node));
            let phase = Stream::new(self.seed, &format!("checker beside {from} of {to}"))
                .between(Duration::ZERO, check.interval);
            self.later(Time::ZERO + phase, Plain::Routing(Step::Probe(place as u32)));
        }
        if check.depth == Depth::Deep {
            let first = probes.iter().map(|probe| self.clients.join(probe.from)).min();
            if let (Some(router), Some(first)) = (self.router.as_mut(), first) {
                router.checkers.first_client = first.0;
            }
        }
    }

    /// A checker asks a node, and will ask again.
    pub(super) fn probe(&mut self, place: u32) {
        if self.now >= Time::ZERO + self.setup.duration {
            return; // the clients' time is over
        }
        let Some(router) = self.router.as_mut() else { return };
        let Some(check) = router.checkers.check else { return };
        let first_client = router.checkers.first_client;
        let probe = &mut router.checkers.probes[place as usize];
        probe.number += 1;
        let Probe { from, node, group, number, .. } = *probe;
        self.later(self.now + check.interval, Plain::Routing(Step::Probe(place)));
        self.later(self.now + check.timeout, Plain::Routing(Step::Late { probe: place, number }));
        let site = self.site(from);
        match check.depth {
            Depth::Shallow => self.travel(site, node.index(), Step::Knock { probe: place, number }),
            Depth::Deep => {
                let client = ClientId(first_client + place);
                self.clients.begin_probe(client, number);
                let id = RequestId { client, sequence: number, entry: node };
                let request = Request { id, op: Op::Read(Key(group)), session: P::Session::default() };
                match self.network.send(site, node.index(), REQUEST_BYTES, self.now) {
                    Some(delay) => {
                        let slot = self.in_flight.requests.insert(request);
                        self.later(self.now + delay, Plain::Request { from: site as u32, to: node, slot });
                    }
                    None => self.repeat_request(site as u32, node, &request),
                }
            }
        }
    }

    /// A shallow probe, or the answer to one, sets out.
    fn travel(&mut self, from: usize, to: usize, step: Step) {
        let delays = self.network.send(from, to, PROBE_BYTES, self.now);
        let delays = delays.map_or_else(|| self.network.copies(), |delay| vec![delay]);
        delays.into_iter().for_each(|delay| self.later(self.now + delay, Plain::Routing(step)));
    }

    fn ends(&self, probe: u32) -> (usize, NodeId) {
        let router = self.router.as_ref().expect("only a router probes");
        let Probe { from, node, .. } = router.checkers.probes[probe as usize];
        (self.site(from), node)
    }

    /// A shallow probe reaches its node: where that is up or paused, its machine answers.
    pub(super) fn knocked(&mut self, probe: u32, number: u32) {
        let (site, node) = self.ends(probe);
        self.digest.mix(10 ^ self.network.link_hash(site, node.index()));
        let is_up = self.nodes[node.index()].protocol.is_some();
        if self.network.is_cut(site, node.index()) || (!is_up && matches!(self.fate(node), Fate::Lost)) {
            return;
        }
        self.travel(node.index(), site, Step::Echo { probe, number });
    }

    /// The answer to a shallow probe is back.
    pub(super) fn echoed(&mut self, probe: u32, number: u32) {
        let (site, node) = self.ends(probe);
        self.digest.mix(11 ^ self.network.link_hash(node.index(), site));
        if !self.network.is_cut(node.index(), site) {
            self.probed(probe, number, true);
        }
    }

    /// Somebody who asked nothing that the clients know of has an answer: a deep probe.
    #[cold]
    pub(super) fn probe_answered(&mut self, answer: &Answer<P::Session>) {
        let client = answer.request.client;
        let Some(router) = self.router.as_ref().filter(|router| router.checkers.is_checker(client)) else { return };
        let probe = client.0 - router.checkers.first_client;
        let serves = matches!(answer.says, Ok(_) | Err(Refusal::Redirect(_)));
        self.probed(probe, answer.request.sequence, serves);
    }

    /// A checker knows what became of a probe, or has stopped waiting for it.
    pub(super) fn probed(&mut self, place: u32, number: u32, ok: bool) {
        let Some(router) = self.router.as_mut() else { return };
        let probe = &mut router.checkers.probes[place as usize];
        if number <= probe.decided {
            return; // it is known already
        }
        probe.decided = number;
        let node = probe.node;
        if !router.checkers.changes_mind(place, ok) {
            return;
        }
        let Some(healthy) = router.checkers.agreement(node) else { return };
        router.checkers.changes.push(HealthChange { at: self.now, node, healthy });
        let spread = router.spread();
        self.digest.mix(12 ^ (u64::from(healthy) << 8) ^ self.network.place(node.index()).hash);
        let word = if healthy { "healthy" } else { "unhealthy" };
        self.line(|world| format!("checkers: {} is {word}", world.name(node)));
        if spread.is_zero() {
            self.publish(node, healthy);
        } else {
            self.later(self.now + spread, Plain::Routing(Step::Publish { node, healthy }));
        }
    }

    /// What the checkers agreed on takes effect.
    pub(super) fn publish(&mut self, node: NodeId, healthy: bool) {
        if let Some(router) = self.router.as_mut() {
            router.checkers.published[node.index()] = healthy;
        }
    }
}
