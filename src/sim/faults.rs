//! Faults as they happen, and the ledger of what each touched. Next: `clocks.rs` and `stops.rs`, those that
//! have a grip on nodes.

use crate::id::{GroupId, NodeId};
use crate::model::fault::{Action, Fault, Slow, Target};
use crate::protocol::Protocol;
use crate::rng::Stream;
use crate::time::Time;

use super::future::Plain;
use super::impairment::{Share, Way};
use super::network::{Condition, Place, PlaceInfo};
use super::outcome::LedgerEntry;
use super::world::World;

/// The faults of a run.
#[derive(Debug)]
pub(super) struct Faults {
    pub(super) states: Vec<FaultState>,
}

#[derive(Clone, Debug, Default)]
pub(super) struct FaultState {
    fired: bool,
    pub(super) active: bool,
    pub(super) touched: u64,
    /// The nodes that it has a grip on.
    pub(super) nodes: Vec<NodeId>,
    pub(super) grip: Grip,
    /// The turns so far of what comes and goes: even while something is down.
    pub(super) turn: u32,
    /// Its dice.
    pub(super) stream: Option<Stream>,
}

/// What a fault does to nodes for as long as it lasts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Grip {
    /// They are down.
    #[default]
    Down,
    /// They wait.
    Paused,
    /// Their disks lie.
    Lying,
}

/// What there is to say about a leader's health from outside it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Standing {
    leader: NodeId,
    runs: bool,
    goes_on: bool,
    links: Vec<Condition>,
    burdens: usize,
}

impl Faults {
    pub(super) fn new(planned: &[Fault]) -> Faults {
        Faults { states: vec![FaultState::default(); planned.len()] }
    }

    /// Something happened to a node that is down.
    pub(super) fn touch_crashed(&mut self, node: NodeId) {
        self.touch(node, Grip::Down, 1);
    }

    /// Something had to wait for a node that is paused.
    pub(super) fn touch_paused(&mut self, node: NodeId) {
        self.touch(node, Grip::Paused, 1);
    }

    /// Something happened to a node that these faults have a grip on.
    pub(super) fn touch(&mut self, node: NodeId, grip: Grip, times: u64) {
        for state in self.states.iter_mut().filter(|s| s.active && s.grip == grip && s.nodes.contains(&node)) {
            state.touched += times;
        }
    }

    /// The ledger.
    pub(super) fn ledger(&self, planned: &[Fault]) -> Vec<LedgerEntry> {
        let entry = |(fault, state): (&Fault, &FaultState)| LedgerEntry {
            kind: fault.action.kind(),
            at: fault.at,
            fired: state.fired,
            touched: state.touched,
            may_touch_nothing: fault.may_touch_nothing,
        };
        planned.iter().zip(&self.states).map(entry).collect()
    }
}

impl<P: Protocol> World<'_, P> {
    pub(super) fn schedule_faults(&mut self) {
        for (place, fault) in self.setup.faults.iter().enumerate() {
            self.later(fault.at, Plain::FaultBegins(place));
            if let Some(lasts) = fault.lasts {
                self.later(fault.at + lasts, Plain::FaultEnds(place));
            }
        }
    }

    pub(super) fn fault_begins(&mut self, place: usize) {
        if self.now >= Time::ZERO + self.setup.duration {
            return; // too late to hit anything: it stays in the ledger as not fired
        }
        let action = &self.setup.faults[place].action;
        self.digest.mix(0xfa17_0000 + place as u64);
        self.line(|_| format!("fault begins: {}", action.kind().name()));
        let state = &mut self.faults.states[place];
        (state.fired, state.active) = (true, true);
        self.docket.ask().invariants.broke();
        let before = self.standings();
        match action {
            Action::Crash(_)
            | Action::Pause(_)
            | Action::TornCrash(_)
            | Action::Wipe(_)
            | Action::RollingRestart { .. }
            | Action::LyingDisk(_) => self.grip(place, action),
            Action::Isolate(targets) => {
                let inside: Vec<Place> = targets.iter().flat_map(|target| self.places_of(*target)).collect();
                let outside = (0..self.network.places().len()).filter(|place| !inside.contains(place));
                let links: Vec<_> = outside.flat_map(|o| inside.iter().flat_map(move |i| [(*i, o), (o, *i)])).collect();
                self.network.impair(place, &links, Way::Cut);
            }
            Action::GatewayDown(targets) => {
                let links = self.links_through_gateways(targets);
                self.network.impair(place, &links, Way::Cut);
            }
            Action::Cut { links, .. } => self.cut(place, links),
            Action::Shape { shape, places } => self.cut(place, &shape.links(places)),
            Action::Flap { links, .. } => {
                self.cut(place, links);
                self.turn_later(place);
            }
            Action::Loss { links, parts, whole } => {
                self.impair(place, links, Way::Loss(self.share("loss", place, *parts, *whole)));
            }
            Action::LossBut(these) => {
                let mut these = these.clone();
                these.sort_unstable();
                self.impair(place, &[], Way::LossBut(these));
            }
            Action::Corrupt { links, parts, whole } => {
                self.impair(place, links, Way::Corrupt(self.share("corrupt", place, *parts, *whole)));
            }
            Action::Duplicate { links, parts, whole } => {
                self.impair(place, links, Way::Duplicate(self.share("duplicate", place, *parts, *whole)));
            }
            Action::Reorder { links, parts, whole, extra } => {
                self.impair(place, links, Way::Reorder(self.share("reorder", place, *parts, *whole), *extra));
            }
            Action::Delay { links, slow, ramp } => {
                self.impair(place, links, Way::Delay { slow: *slow, ramp: *ramp, since: self.now });
            }
            Action::Throttle { links, bandwidth, patience } => {
                let mut links = if links.is_empty() { self.all_links() } else { self.links_of(links) };
                links.retain(|(from, to)| self.network.place(*from).region != self.network.place(*to).region);
                self.network.impair(place, &links, Way::Throttle(*bandwidth, *patience));
            }
            Action::Slow { .. }
            | Action::SlowDisk { .. }
            | Action::Gray(_)
            | Action::Load { .. }
            | Action::Quiesce(_) => {
                self.burden(place, action);
            }
            Action::ClockStep { .. }
            | Action::ClockDrift { .. }
            | Action::ClockStrobe { .. }
            | Action::ClockLeap { .. } => self.skew(place, action),
            Action::Heal => {
                let others = (0..self.faults.states.len()).filter(|other| *other != place);
                let active: Vec<usize> = others.filter(|other| self.faults.states[*other].active).collect();
                self.faults.states[place].touched = active.len() as u64;
                self.faults.states[place].active = false;
                active.into_iter().for_each(|other| self.fault_ends(other));
                self.look_if_healed();
            }
        }
        self.compare_standings(&before);
    }

    /// These links are cut.
    fn cut(&mut self, place: usize, links: &[(Target, Target)]) {
        let links = self.links_of(links);
        self.network.impair(place, &links, Way::Cut);
    }

    /// Something is wrong with these links; with none named, with every one.
    fn impair(&mut self, place: usize, links: &[(Target, Target)], way: Way) {
        let links = if links.is_empty() { self.all_links() } else { self.links_of(links) };
        self.network.impair(place, &links, way);
    }

    /// A part of the messages, by dice that this fault alone throws.
    fn share(&self, kind: &str, place: usize, parts: u32, whole: u32) -> Share {
        Share::new(parts, whole, Stream::new(self.seed, &format!("{kind} {place}")))
    }

    /// When a flap's turn is over.
    fn turn_later(&mut self, place: usize) {
        let Action::Flap { up, down, jitter, .. } = &self.setup.faults[place].action else { return };
        let state = &mut self.faults.states[place];
        let usual = if state.turn.is_multiple_of(2) { *down } else { *up };
        let lasts = jitter.map_or(usual, |(parts, whole)| {
            let stream = state.stream.get_or_insert_with(|| Stream::new(self.seed, &format!("flap {place}")));
            let off = Slow::Times { parts, whole }.of(usual);
            stream.between(usual - off, usual + off)
        });
        let turn = state.turn;
        self.later(self.now + lasts, Plain::FaultTurns { fault: place as u32, turn });
    }

    /// A flap's turn is over, unless the fault is.
    pub(super) fn fault_turns(&mut self, place: usize, turn: u32) {
        let state = &mut self.faults.states[place];
        if !state.active || state.turn != turn {
            return;
        }
        state.turn += 1;
        match &self.setup.faults[place].action {
            Action::RollingRestart { .. } => {
                self.digest.mix(0x2011_0000 + place as u64);
                return self.roll_on(place);
            }
            Action::ClockStrobe { .. } | Action::ClockLeap { .. } => {
                self.digest.mix(0xc10c_0000 + place as u64);
                return self.turn_clocks(place);
            }
            _ => {}
        }
        let is_down = state.turn.is_multiple_of(2);
        self.digest.mix(0xf1a9_0000 + place as u64);
        self.line(|_| format!("flap: {}", if is_down { "down" } else { "up" }));
        let before = self.standings();
        self.network.turn(place, is_down);
        self.turn_later(place);
        self.compare_standings(&before);
    }

    pub(super) fn fault_ends(&mut self, place: usize) {
        if !std::mem::replace(&mut self.faults.states[place].active, false) {
            return;
        }
        self.digest.mix(0xe4d0_0000 + place as u64);
        self.line(|world| format!("fault ends: {}", world.setup.faults[place].action.kind().name()));
        let before = self.standings();
        self.faults.states[place].touched += self.network.repair(place) + self.unburden(place);
        self.let_go(place);
        self.set_right(place);
        self.compare_standings(&before);
        self.look_if_healed();
    }

    /// Tells when nothing is broken any more.
    pub(super) fn look_if_healed(&mut self) {
        let is_on = self.managers.as_ref().is_none_or(|managers| managers.is_everything_on());
        if is_on && self.faults.states.iter().all(|state| !state.active) {
            self.docket.ask().invariants.healed(self.now);
        }
    }

    /// How well each group's leader stands: whether it runs, and what is wrong with its links to the other members.
    pub(super) fn standings(&mut self) -> Vec<Option<Standing>> {
        let failovers = &self.docket.ask().failovers;
        let of = |group: usize| {
            let leader = failovers.leader(GroupId(group as u16))?;
            let node = &self.nodes[leader.index()];
            let members = self.groups[group].iter().map(|member| member.node.index());
            let ways = members.flat_map(|member| [(leader.index(), member), (member, leader.index())]);
            let links = ways.map(|(from, to)| self.network.condition(from, to)).collect();
            let burdens = self.burdens.on(leader);
            Some(Standing { leader, runs: node.crashes == 0, goes_on: node.pauses == 0, links, burdens })
        };
        (0..self.groups.len()).map(of).collect()
    }

    /// Tells which leaders' standing is another than `before`.
    pub(super) fn compare_standings(&mut self, before: &[Option<Standing>]) {
        for (group, (before, after)) in before.iter().zip(self.standings()).enumerate() {
            if *before != after {
                self.docket.ask().failovers.touched(GroupId(group as u16), self.now);
            }
        }
    }

    /// The end of the clients' time: everything is healed.
    pub(super) fn settle(&mut self) {
        self.docket.ask().failovers.close();
        (0..self.faults.states.len()).for_each(|place| self.fault_ends(place));
        if self.managers.is_some() {
            self.power_on_all();
        }
        if self.streams.is_some() {
            self.wake_streams();
        }
    }

    pub(super) fn nodes_of(&mut self, target: Target) -> Vec<NodeId> {
        let all = (0..self.nodes.len()).map(|place| NodeId(place as u16));
        match target {
            Target::Region(region) => all.filter(|node| self.nodes[node.index()].region == region).collect(),
            Target::Role(region, role) => all
                .filter(|node| (self.nodes[node.index()].region, self.nodes[node.index()].role) == (region, role))
                .collect(),
            Target::Zone(region, zone) => {
                let is_there = |place: &PlaceInfo| (place.region, place.zone) == (region, Some(zone));
                all.filter(|node| is_there(self.network.place(node.index()))).collect()
            }
            Target::Leader => {
                (0..self.groups.len()).filter_map(|g| self.docket.ask().leaders.current(GroupId(g as u16))).collect()
            }
        }
    }

    /// The places that a target stands for on links: a region is its nodes and its clients, the leader its whole region.
    fn places_of(&mut self, target: Target) -> Vec<Place> {
        match target {
            Target::Region(region) => {
                (0..self.network.places().len()).filter(|place| self.network.place(*place).region == region).collect()
            }
            Target::Role(..) | Target::Zone(..) => self.nodes_of(target).into_iter().map(NodeId::index).collect(),
            Target::Leader => {
                let leaders = self.nodes_of(target);
                let regions: Vec<_> = leaders.iter().map(|leader| self.nodes[leader.index()].region).collect();
                regions.into_iter().flat_map(|region| self.places_of(Target::Region(region))).collect()
            }
        }
    }

    fn links_of(&mut self, pairs: &[(Target, Target)]) -> Vec<(Place, Place)> {
        let mut links = Vec::new();
        for (from, to) in pairs {
            let to = self.places_of(*to);
            links.extend(self.places_of(*from).into_iter().flat_map(|from| to.iter().map(move |to| (from, *to))));
        }
        links
    }

    /// The links between nodes of these regions and nodes of others, both ways.
    fn links_through_gateways(&mut self, targets: &[Target]) -> Vec<(Place, Place)> {
        let places: Vec<Place> = targets.iter().flat_map(|target| self.places_of(*target)).collect();
        let nodes = 0..self.nodes.len();
        let crosses = |a: Place, b: Place| self.network.place(a).region != self.network.place(b).region;
        let pairs = nodes.clone().flat_map(|a| nodes.clone().map(move |b| (a, b)));
        pairs.filter(|(a, b)| crosses(*a, *b) && (places.contains(a) || places.contains(b))).collect()
    }

    fn all_links(&self) -> Vec<(Place, Place)> {
        let n = self.network.places().len();
        (0..n).flat_map(|from| (0..n).filter(move |to| *to != from).map(move |to| (from, to))).collect()
    }
}
