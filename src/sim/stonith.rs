//! Cluster managers that shoot: heartbeats, tickets, shots that are lost or come late, and machines without power.
//!
//! A manager is beside its replica, on the same links, and stands still while that is down or paused. Next: `clients.rs`.

use std::collections::BTreeMap;

use crate::id::{NodeId, RegionId};
use crate::model::stonith::Stonith;
use crate::protocol::{Member, Protocol, Role};
use crate::rng::Stream;
use crate::time::{Duration, Time};

use super::disk::Stop;
use super::future::Plain;
use super::setup::Setup;
use super::world::World;

/// The size of what managers send each other.
const BYTES: u32 = 64;

/// A machine lost its power.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PowerOff {
    /// When.
    pub at: Time,
    /// The replica on it.
    pub node: NodeId,
    /// The replica whose manager shot first.
    pub by: NodeId,
}

/// What managers and machines do.
#[derive(Clone, Copy, Debug)]
pub(super) enum Move {
    /// A manager says that it is there, and looks who else is.
    Beat(NodeId),
    /// Somebody else is there.
    Heard {
        from: NodeId,
        to: NodeId,
    },
    /// A manager wants to be the one who may shoot, and may.
    Asked {
        by: NodeId,
        victim: NodeId,
    },
    Ticket {
        by: NodeId,
        victim: NodeId,
    },
    /// A shot reaches a machine, its power is gone, and who shot hears of that.
    Shot {
        by: NodeId,
        victim: NodeId,
    },
    Off {
        by: NodeId,
        victim: NodeId,
    },
    Done {
        by: NodeId,
        victim: NodeId,
    },
    /// A person switches the machine on.
    On(NodeId),
}

/// All managers.
#[derive(Debug)]
pub(super) struct Managers {
    plan: Stonith,
    /// By group.
    replicas: Vec<Vec<NodeId>>,
    managers: BTreeMap<NodeId, Manager>,
    /// Who may shoot, of two.
    tickets: BTreeMap<(NodeId, NodeId), NodeId>,
    /// The replicas whose machines have no power.
    dark: Vec<NodeId>,
    pub(super) offs: Vec<PowerOff>,
}

/// One manager.
#[derive(Debug)]
struct Manager {
    group: usize,
    /// When it last heard of each peer; never, where it knows that peer to be off and has not heard of it since.
    heard: BTreeMap<NodeId, Time>,
    /// When it was last among the few. Who comes back to the many misses nobody before `detect` has passed again.
    among_few: Time,
    /// The peers that it wants shot, and whether it may.
    wanted: BTreeMap<NodeId, bool>,
}

impl Manager {
    /// It begins anew, and misses nobody.
    fn reset(&mut self, now: Time) {
        self.wanted.clear();
        self.heard.values_mut().for_each(|at| *at = now);
    }
}

impl Managers {
    pub(super) fn new(setup: &Setup, groups: &[Vec<Member>]) -> Option<Box<Managers>> {
        let plan = setup.stonith?;
        let of = |group: &Vec<Member>| group.iter().filter(|m| m.role == Role::Replica).map(|m| m.node).collect();
        let replicas: Vec<Vec<NodeId>> = groups.iter().map(of).collect();
        let mut managers = BTreeMap::new();
        for (group, nodes) in replicas.iter().enumerate() {
            for node in nodes {
                let heard = nodes.iter().filter(|peer| *peer != node).map(|peer| (*peer, Time::ZERO)).collect();
                managers.insert(*node, Manager { group, heard, among_few: Time::ZERO, wanted: BTreeMap::new() });
            }
        }
        Some(Box::new(Managers {
            plan,
            replicas,
            managers,
            tickets: BTreeMap::new(),
            dark: Vec::new(),
            offs: Vec::new(),
        }))
    }

    pub(super) fn is_everything_on(&self) -> bool {
        self.dark.is_empty()
    }

    /// What a manager does at a heartbeat: whom it asks the arbiter about, and whom it shoots.
    fn look(&mut self, node: NodeId, now: Time) -> (Vec<NodeId>, Vec<NodeId>) {
        let Stonith { detect, arbiter, .. } = self.plan;
        let Some(manager) = self.managers.get_mut(&node) else { return (Vec::new(), Vec::new()) };
        let all = self.replicas[manager.group].len();
        let heard = 1 + manager.heard.values().filter(|at| **at <= now && now.since(**at) < detect).count();
        if all > 2 && heard * 2 <= all {
            manager.wanted.clear();
            manager.among_few = now;
        }
        for (peer, at) in &manager.heard {
            if now.since(manager.among_few.max(*at)) >= detect {
                manager.wanted.entry(*peer).or_insert(false);
            }
        }
        let peers = |may: bool| manager.wanted.iter().filter(move |(_, of)| **of == may).map(|(peer, _)| *peer);
        match arbiter {
            Some(_) => (peers(false).collect(), peers(true).collect()),
            None => (Vec::new(), manager.wanted.keys().copied().collect()),
        }
    }
}

fn pair(a: NodeId, b: NodeId) -> (NodeId, NodeId) {
    (a.min(b), a.max(b))
}

impl<P: Protocol> World<'_, P> {
    /// Every manager begins at a moment of its own within one heartbeat.
    #[cold]
    pub(super) fn schedule_managers(&mut self) {
        let Some(managers) = &self.managers else { return };
        let (heartbeat, nodes) = (managers.plan.heartbeat, managers.managers.keys().copied().collect::<Vec<_>>());
        for node in nodes {
            let mut stream = Stream::new(self.seed, &format!("manager of {}", self.name(node)));
            let phase = stream.between(Duration::ZERO, heartbeat);
            self.later(Time::ZERO + phase, Plain::Stonith(Move::Beat(node)));
        }
    }

    #[cold]
    pub(super) fn stonith(&mut self, step: Move) {
        match step {
            Move::Beat(node) => self.beat(node),
            Move::Heard { from, to } => {
                if self.reaches(from.index(), to.index())
                    && self.runs(to)
                    && let Some(manager) = self.manager(to)
                {
                    let now = manager.1;
                    manager.0.heard.insert(from, now);
                }
            }
            Move::Asked { by, victim } => self.asked_for_ticket(by, victim),
            Move::Ticket { by, victim } => {
                if let Some(arbiter) = self.arbiter()
                    && self.reaches(arbiter, by.index())
                    && self.runs(by)
                    && let Some((manager, _)) = self.manager(by)
                    && let Some(may) = manager.wanted.get_mut(&victim)
                {
                    *may = true;
                }
            }
            Move::Shot { by, victim } => {
                if self.reaches(by.index(), victim.index())
                    && let Some(managers) = &self.managers
                {
                    let at = self.now + managers.plan.takes;
                    self.later(at, Plain::Stonith(Move::Off { by, victim }));
                }
            }
            Move::Off { by, victim } => self.power_off(by, victim),
            Move::Done { by, victim } => {
                if self.reaches(victim.index(), by.index())
                    && let Some((manager, _)) = self.manager(by)
                {
                    manager.wanted.remove(&victim);
                    manager.heard.insert(victim, Time::NEVER);
                }
            }
            Move::On(node) => self.power_on(node),
        }
    }

    /// A manager, and what time it is.
    fn manager(&mut self, node: NodeId) -> Option<(&mut Manager, Time)> {
        Some((self.managers.as_mut()?.managers.get_mut(&node)?, self.now))
    }

    fn runs(&self, node: NodeId) -> bool {
        let node = &self.nodes[node.index()];
        node.protocol.is_some() && node.pauses == 0
    }

    /// The place of the arbiter.
    fn arbiter(&self) -> Option<usize> {
        let region: RegionId = self.managers.as_ref()?.plan.arbiter?;
        Some(self.site(region))
    }

    /// What was sent arrives now, or is lost in a cut.
    fn reaches(&mut self, from: usize, to: usize) -> bool {
        self.digest.mix(13 ^ self.network.link_hash(from, to));
        !self.network.is_cut(from, to)
    }

    fn dispatch(&mut self, from: usize, to: usize, step: Move) {
        let delays =
            self.network.post(from, to, BYTES, self.now).map_or_else(|| self.network.copies(), |delay| vec![delay]);
        delays.into_iter().for_each(|delay| self.later(self.now + delay, Plain::Stonith(step)));
    }

    fn beat(&mut self, node: NodeId) {
        let now = self.now;
        if now >= Time::ZERO + self.setup.duration {
            return; // the clients' time is over
        }
        let Some(managers) = self.managers.as_mut() else { return };
        self.future.push(now + managers.plan.heartbeat, Plain::Stonith(Move::Beat(node)));
        let Some(manager) = managers.managers.get_mut(&node) else { return };
        let state = &self.nodes[node.index()];
        if state.protocol.is_none() || state.pauses > 0 {
            return manager.reset(now);
        }
        let peers: Vec<NodeId> = manager.heard.keys().copied().collect();
        let (asked, shot) = managers.look(node, now);
        for to in peers {
            self.dispatch(node.index(), to.index(), Move::Heard { from: node, to });
        }
        if let Some(arbiter) = self.arbiter() {
            for victim in asked {
                self.dispatch(node.index(), arbiter, Move::Asked { by: node, victim });
            }
        }
        for victim in shot {
            self.line(|world| format!("{} shoots {}", world.name(node), world.name(victim)));
            self.dispatch(node.index(), victim.index(), Move::Shot { by: node, victim });
        }
    }

    /// The arbiter lets the first of two shoot.
    fn asked_for_ticket(&mut self, by: NodeId, victim: NodeId) {
        let Some(arbiter) = self.arbiter() else { return };
        if !self.reaches(by.index(), arbiter) {
            return;
        }
        let Some(managers) = self.managers.as_mut() else { return };
        if *managers.tickets.entry(pair(by, victim)).or_insert(by) == by {
            self.dispatch(arbiter, by.index(), Move::Ticket { by, victim });
        }
    }

    /// The nodes on a replica's machine: those of its group in its region.
    fn machine(&self, node: NodeId) -> Vec<NodeId> {
        let state = &self.nodes[node.index()];
        let members = &self.groups[state.group.index()];
        members.iter().filter(|member| member.region == state.region).map(|member| member.node).collect()
    }

    /// A machine's power is gone; who shot is told, also where it was gone already.
    fn power_off(&mut self, by: NodeId, victim: NodeId) {
        let now = self.now;
        if now >= Time::ZERO + self.setup.duration {
            return;
        }
        let Some(managers) = self.managers.as_mut() else { return };
        if !managers.dark.contains(&victim) {
            managers.dark.push(victim);
            managers.offs.push(PowerOff { at: now, node: victim, by });
            let power_on = managers.plan.power_on;
            self.digest.mix(14 ^ self.network.place(victim.index()).hash);
            self.line(|world| format!("{} has no power: shot by {}", world.name(victim), world.name(by)));
            self.docket.ask().invariants.broke();
            let before = self.standings();
            for node in self.machine(victim) {
                self.nodes[node.index()].crashes += 1;
                if self.nodes[node.index()].crashes == 1 {
                    self.stop(node, Stop::Crash);
                }
            }
            self.compare_standings(&before);
            if let Some(after) = power_on {
                self.later(now + after, Plain::Stonith(Move::On(victim)));
            }
        }
        self.dispatch(victim.index(), by.index(), Move::Done { by, victim });
    }

    /// A machine has power again.
    fn power_on(&mut self, victim: NodeId) {
        let now = self.now;
        let Some(managers) = self.managers.as_mut() else { return };
        let Some(place) = managers.dark.iter().position(|node| *node == victim) else { return };
        managers.dark.remove(place);
        managers.tickets.retain(|(a, b), _| ![*a, *b].contains(&victim));
        if let Some(manager) = managers.managers.get_mut(&victim) {
            manager.reset(now);
        }
        self.line(|world| format!("{} has power again", world.name(victim)));
        let before = self.standings();
        for node in self.machine(victim) {
            let state = &mut self.nodes[node.index()];
            state.crashes -= 1;
            if state.crashes == 0 && state.pauses == 0 && state.protocol.is_none() {
                self.start(node);
            }
        }
        self.compare_standings(&before);
        self.look_if_healed();
    }

    /// The end of the clients' time: every machine has power.
    #[cold]
    pub(super) fn power_on_all(&mut self) {
        let dark = self.managers.as_ref().map_or(Vec::new(), |managers| managers.dark.clone());
        dark.into_iter().for_each(|node| self.power_on(node));
    }
}
