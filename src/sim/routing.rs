//! How clients find a region: caches of names, balancers, routes, connections, and clients that move.
//!
//! A run without a [`Routing`] has no router, and asks one question an operation: whether there is one. Next: `roaming.rs`.

use crate::id::{ClientId, NodeId, RegionId};
use crate::model::routing::{Dns, Keep, Policy, Routing};
use crate::op::Op;
use crate::protocol::{Member, Protocol, Request, Role};
use crate::rng::Stream;
use crate::time::{Duration, Time};

use super::checkers::Checkers;
use super::effects::REQUEST_BYTES;
use super::future::Plain;
use super::setup::Setup;
use super::world::World;

/// What routing has to do.
#[derive(Clone, Copy, Debug)]
pub(super) enum Step {
    /// A checker asks again.
    Probe(u32),
    /// A shallow probe reaches its node, and what its machine says to that reaches the checker.
    Knock {
        probe: u32,
        number: u32,
    },
    Echo {
        probe: u32,
        number: u32,
    },
    /// A checker has waited long enough for the answer.
    Late {
        probe: u32,
        number: u32,
    },
    /// What the checkers agreed on takes effect.
    Publish {
        node: NodeId,
        healthy: bool,
    },
    /// A request reaches a balancer.
    Hop {
        slot: u32,
        at: RegionId,
    },
    /// Clients move.
    Roam,
}

/// Everything that decides where clients go.
#[derive(Debug)]
pub(super) struct Router {
    plan: Routing,
    seed: u64,
    /// By group: its replicas and their regions.
    replicas: Vec<Vec<(RegionId, NodeId)>>,
    /// By the clients' region: the regions with a replica, in the order in which they are wanted.
    orders: Vec<Vec<RegionId>>,
    pub(super) checkers: Checkers,
    /// By the clients' region, then by region: what requests that failed led to.
    ejections: Vec<Vec<Ejection>>,
    /// By client.
    holds: Vec<Hold>,
}

/// What one client keeps.
#[derive(Clone, Copy, Debug, Default)]
struct Hold {
    /// The region that its resolver named, and until when that counts.
    answer: Option<(RegionId, Time)>,
    /// The region that it is connected to.
    connected: Option<RegionId>,
    /// How long it keeps answers; drawn when it first asks.
    keeps: Option<Keep>,
    /// It moves as soon as it has no request under way.
    leaves: bool,
}

/// What one region's clients think of another region.
#[derive(Clone, Copy, Debug, Default)]
struct Ejection {
    failures: u32,
    times: u32,
    until: Time,
}

impl Router {
    pub(super) fn new(setup: &Setup, seed: u64, groups: &[Vec<Member>]) -> Option<Box<Router>> {
        let plan = setup.routing.clone()?;
        let is_replica = |member: &&Member| member.role == Role::Replica;
        let replicas: Vec<Vec<_>> =
            groups.iter().map(|group| group.iter().filter(is_replica).map(|m| (m.region, m.node)).collect()).collect();
        let mut served: Vec<RegionId> = replicas.iter().flatten().map(|(region, _)| *region).collect();
        served.sort_unstable();
        served.dedup();
        let regions = (0..setup.topology.regions().len()).map(|place| RegionId(place as u16));
        let order = |from: RegionId| {
            let mut order = served.clone();
            // Its own region first, then the one that it fails over to, then the others by distance.
            let rank = |to: RegionId| match to {
                _ if to == from => 0,
                _ if plan.failover.contains(&(from, to)) => 1,
                _ => 2,
            };
            order.sort_by_key(|to| (rank(*to), setup.topology.delay(from, *to).median(), *to));
            order
        };
        let orders: Vec<Vec<RegionId>> = regions.map(order).collect();
        let ejections = vec![vec![Ejection::default(); orders.len()]; orders.len()];
        let checkers = Checkers::new(plan.check, setup, groups);
        Some(Box::new(Router { plan, seed, replicas, orders, checkers, ejections, holds: Vec::new() }))
    }

    /// From a verdict of the checkers to its effect.
    pub(super) fn spread(&self) -> Duration {
        match self.plan.policy {
            Policy::Dns(Dns { publish: spread, .. }) | Policy::Anycast { convergence: spread } => spread,
            _ => Duration::ZERO,
        }
    }

    fn hold(&mut self, client: ClientId) -> &mut Hold {
        if self.holds.len() <= client.index() {
            self.holds.resize(client.index() + 1, Hold::default());
        }
        &mut self.holds[client.index()]
    }

    /// The region in which a client that is in `from` begins a request.
    fn choose(&mut self, client: ClientId, from: RegionId, now: Time) -> RegionId {
        if self.plan.long_lived
            && let Some(region) = self.hold(client).connected
        {
            return region;
        }
        let chosen = match self.plan.policy {
            Policy::Home | Policy::Nearest => self.orders[from.index()][0],
            Policy::NearestHealthy => self.first(from, |router, region| {
                let ejected = router.ejections[from.index()][region.index()].until > now;
                !ejected && router.checkers.is_healthy_seen_from(from, region)
            }),
            Policy::Dns(dns) => self.resolve(dns, client, from, now),
            Policy::Balancer { .. } | Policy::Anycast { .. } => self.published(from),
        };
        self.hold(client).connected = Some(chosen);
        chosen
    }

    /// The first region that is good; where none is, the first of all: nobody is turned away because nobody is well.
    fn first(&self, from: RegionId, is_good: impl Fn(&Router, RegionId) -> bool) -> RegionId {
        let order = &self.orders[from.index()];
        order.iter().copied().find(|region| is_good(self, *region)).unwrap_or(order[0])
    }

    fn published(&self, from: RegionId) -> RegionId {
        self.first(from, |router, region| router.checkers.is_published(region))
    }

    /// What the client's resolver says: what it has kept, or what the name's servers say now.
    fn resolve(&mut self, dns: Dns, client: ClientId, from: RegionId, now: Time) -> RegionId {
        if let Some((region, until)) = self.hold(client).answer
            && now < until
        {
            return region;
        }
        let region = self.published(from);
        let seed = self.seed;
        let hold = self.hold(client);
        let is_first = hold.keeps.is_none();
        let mut stream = is_first.then(|| Stream::new(seed, &format!("resolver of {client}")));
        let keeps = *hold.keeps.get_or_insert_with(|| {
            let stream = stream.as_mut().expect("it is the first time");
            let stubborn = dns.ignore.filter(|ignore| stream.chance(ignore.parts.into(), ignore.whole.into()));
            stubborn.map_or(Keep::For(dns.ttl), |ignore| ignore.keep)
        });
        let until = match (keeps, &mut stream) {
            (Keep::For(span), Some(stream)) => now + stream.between(Duration::ZERO, span),
            (Keep::For(span), None) => now + span,
            (Keep::UntilBroken | Keep::Forever, _) => Time::NEVER,
        };
        hold.answer = Some((region, until));
        region
    }

    /// A replica of the group in that region: one that is healthy, if there is one.
    fn node_in(&self, region: RegionId, group: usize) -> NodeId {
        let here = || self.replicas[group].iter().filter(|(of, _)| *of == region).map(|(_, node)| *node);
        let healthy = here().find(|node| self.checkers.is_published_node(*node));
        healthy.or_else(|| here().next()).unwrap_or(self.replicas[group][0].1)
    }

    /// A request of these clients to a node of that region failed; `broken`: it had no answer.
    fn failed(&mut self, client: ClientId, from: RegionId, region: RegionId, broken: bool, now: Time) {
        if broken {
            let hold = self.hold(client);
            hold.connected = None;
            if hold.keeps == Some(Keep::UntilBroken) {
                hold.answer = None;
            }
        }
        let Some(outlier) = self.plan.outlier else { return };
        let ejection = &mut self.ejections[from.index()][region.index()];
        ejection.failures += 1;
        if ejection.failures < outlier.failures || ejection.until > now {
            return;
        }
        if now.since(ejection.until) > outlier.longest {
            ejection.times = 0; // it did well for long enough to begin anew
        }
        ejection.times += 1;
        ejection.failures = 0;
        ejection.until = now + (outlier.base * u64::from(ejection.times)).min(outlier.longest);
    }
}

impl<P: Protocol> World<'_, P> {
    /// What routing does by itself begins.
    #[cold]
    pub(super) fn schedule_routing(&mut self) {
        let Some(router) = &self.router else { return };
        if let Some(roam) = router.plan.roam {
            self.later(roam.at, Plain::Routing(Step::Roam));
        }
        self.schedule_probes();
    }

    #[cold]
    pub(super) fn routing_step(&mut self, step: Step) {
        match step {
            Step::Probe(probe) => self.probe(probe),
            Step::Knock { probe, number } => self.knocked(probe, number),
            Step::Echo { probe, number } => self.echoed(probe, number),
            Step::Late { probe, number } => self.probed(probe, number, false),
            Step::Publish { node, healthy } => self.publish(node, healthy),
            Step::Hop { slot, at } => self.hopped(slot, at),
            Step::Roam => self.roam(),
        }
    }

    /// The node that a client's request goes to first; `None` where the policy leaves that to the client's region.
    #[cold]
    pub(super) fn routed(&mut self, client: ClientId, op: &Op) -> Option<NodeId> {
        let (region, group) = (self.clients.region(client), self.group_of(op).index());
        let router = self.router.as_mut()?;
        if router.plan.policy == Policy::Nearest {
            return None;
        }
        let from = match router.plan.policy {
            Policy::Balancer { at: Some(at) } => at,
            _ => region,
        };
        let chosen = router.choose(client, from, self.now);
        Some(router.node_in(chosen, group))
    }

    /// Sends a request by way of a balancer, if there is one that it should pass: then the balancer says to whom it goes.
    #[cold]
    pub(super) fn sent_by_balancer(&mut self, request: &Request<P>) -> bool {
        let Some(Policy::Balancer { at }) = self.router.as_ref().map(|router| router.plan.policy) else { return false };
        let region = self.clients.region(request.id.client);
        let at = at.unwrap_or(region);
        let (from, to) = (self.site(region), self.site(at));
        match self.network.send(from, to, REQUEST_BYTES, self.now) {
            Some(delay) => {
                let slot = self.in_flight.requests.insert(request.clone());
                self.later(self.now + delay, Plain::Routing(Step::Hop { slot, at }));
            }
            None => {
                for delay in self.network.copies() {
                    self.clients.doubt(request.id);
                    let slot = self.in_flight.requests.insert(request.clone());
                    self.later(self.now + delay, Plain::Routing(Step::Hop { slot, at }));
                }
            }
        }
        true
    }

    /// A request has reached a balancer.
    fn hopped(&mut self, slot: u32, at: RegionId) {
        let mut request = self.in_flight.requests.remove(slot);
        let client = request.id.client;
        let (from, site) = (self.site(self.clients.region(client)), self.site(at));
        self.digest.mix(9 ^ self.network.link_hash(from, site));
        if self.network.is_cut(from, site) {
            return;
        }
        let group = self.group_of(&request.op).index();
        let Some(router) = self.router.as_mut() else { return };
        let chosen = router.choose(client, at, self.now);
        let target = router.node_in(chosen, group);
        request.id.entry = target;
        self.clients.asks(&request.id, target);
        match self.network.send(site, target.index(), REQUEST_BYTES, self.now) {
            Some(delay) => {
                let slot = self.in_flight.requests.insert(request);
                self.later(self.now + delay, Plain::Request { from: site as u32, to: target, slot });
            }
            None => self.repeat_request(site as u32, target, &request),
        }
    }

    /// A client's request to a node was served.
    #[cold]
    pub(super) fn served_there(&mut self, client: ClientId, by: NodeId) {
        let (from, region) = (self.clients.region(client), self.nodes[by.index()].region);
        let Some(router) = self.router.as_mut() else { return };
        router.ejections[from.index()][region.index()].failures = 0;
    }

    /// A client's request to a node was refused or, if `broken`, not answered.
    #[cold]
    pub(super) fn failed_there(&mut self, client: ClientId, at: NodeId, broken: bool) {
        let (from, region) = (self.clients.region(client), self.nodes[at.index()].region);
        let Some(router) = self.router.as_mut() else { return };
        router.failed(client, from, region, broken, self.now);
    }

    /// Some clients set out for another region.
    fn roam(&mut self) {
        let Some(router) = self.router.as_mut() else { return };
        let Some(roam) = router.plan.roam else { return };
        self.digest.mix(9);
        let mut stream = Stream::new(self.seed, "roam");
        let movers: Vec<ClientId> = self
            .clients
            .all()
            .filter(|client| !router.checkers.is_checker(*client) && self.clients.region(*client) != roam.to)
            .filter(|_| stream.chance(roam.parts.into(), roam.whole.into()))
            .collect();
        for client in movers {
            let Some(router) = self.router.as_mut() else { return };
            router.hold(client).leaves = true;
            if self.clients.is_idle(client) {
                let before = self.clients.region(client);
                let after = self.moved(client);
                self.clients.change_pool(client, before, after);
            }
        }
    }

    /// The region in which a client is that has just ended a request, or was idle.
    #[cold]
    pub(super) fn moved(&mut self, client: ClientId) -> RegionId {
        let before = self.clients.region(client);
        let Some(router) = self.router.as_mut() else { return before };
        let Some(roam) = router.plan.roam else { return before };
        if !std::mem::take(&mut router.hold(client).leaves) {
            return before;
        }
        *router.hold(client) = Hold::default();
        if self.streams.is_some() {
            self.hang_up_all(self.client_end(client));
        }
        self.clients.move_to(client, roam.to, roam.token_kept);
        self.line(|world| format!("{client} moves to {}", world.setup.topology.regions()[roam.to.index()]));
        roam.to
    }

    /// Whether a client is a checker's.
    pub(super) fn is_checker(&self, client: ClientId) -> bool {
        self.router.as_ref().is_some_and(|router| router.checkers.is_checker(client))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_routing_has_to_do_makes_no_event_larger() {
        assert!(size_of::<Step>() <= 12);
        assert_eq!(size_of::<Plain<()>>(), 16, "as large as the mark of a sync and who made it");
    }
}
