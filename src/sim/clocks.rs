//! Clocks that faults disturb: steps, drifts, strobes and leaps, and what that is to timers.
//!
//! A timer runs on its node's clock: how fast that goes counts, as for a timer of an operating system, and not where its hands
//! are set. Faults are nodes': clients' clocks stay as the setup has them. Next: `stops.rs`.

use crate::id::NodeId;
use crate::model::clock::Clock;
use crate::model::fault::Action;
use crate::protocol::Protocol;
use crate::time::{Duration, Time};

use super::future::Plain;
use super::world::World;

const SECOND_NS: i128 = 1_000_000_000;

/// What a fault under way adds to some nodes' clocks.
#[derive(Debug)]
pub(super) struct Skew {
    fault: usize,
    nodes: Vec<NodeId>,
    /// So far ahead.
    offset_ns: i128,
    /// And so much further in each second since then.
    drift_ns_per_s: i128,
    since: Time,
}

impl Skew {
    fn offset_at(&self, now: Time) -> i128 {
        self.offset_ns + i128::from(now.since(self.since).as_nanos()) * self.drift_ns_per_s / SECOND_NS
    }
}

impl<P: Protocol> World<'_, P> {
    /// A fault begins to disturb clocks.
    pub(super) fn skew(&mut self, fault: usize, action: &Action) {
        let second = -SECOND_NS;
        let (targets, offset_ns, drift_ns_per_s) = match action {
            Action::ClockStep { nodes, by_ns } => (nodes, i128::from(*by_ns), 0),
            Action::ClockStrobe { nodes, by_ns, every } => {
                self.turn_clocks_after(fault, *every);
                (nodes, i128::from(*by_ns), 0)
            }
            Action::ClockDrift { nodes, ns_per_s } => (nodes, 0, i128::from(*ns_per_s)),
            Action::ClockLeap { nodes, smear: None } => (nodes, second, 0),
            Action::ClockLeap { nodes, smear: Some(smear) } => {
                self.turn_clocks_after(fault, *smear);
                let per_second = second * SECOND_NS / i128::from(smear.as_nanos().max(1));
                (nodes, 0, per_second)
            }
            _ => return,
        };
        let mut nodes: Vec<NodeId> = targets.iter().flat_map(|target| self.nodes_of(*target)).collect();
        nodes.sort_unstable();
        nodes.dedup();
        self.skews.push(Skew { fault, nodes: nodes.clone(), offset_ns, drift_ns_per_s, since: self.now });
        self.set_clocks(fault, &nodes);
    }

    fn turn_clocks_after(&mut self, fault: usize, span: Duration) {
        let turn = self.faults.states[fault].turn;
        self.later(self.now + span, Plain::FaultTurns { fault: fault as u32, turn });
    }

    /// A strobe's turn is over, or a leap is wholly smeared.
    pub(super) fn turn_clocks(&mut self, fault: usize) {
        let turn = self.faults.states[fault].turn;
        let offset_ns = match &self.setup.faults[fault].action {
            Action::ClockStrobe { by_ns, every, .. } => {
                self.turn_clocks_after(fault, *every);
                if turn.is_multiple_of(2) { i128::from(*by_ns) } else { 0 }
            }
            Action::ClockLeap { .. } => -SECOND_NS,
            _ => return,
        };
        let Some(skew) = self.skews.iter_mut().find(|skew| skew.fault == fault) else { return };
        (skew.offset_ns, skew.drift_ns_per_s, skew.since) = (offset_ns, 0, self.now);
        let nodes = skew.nodes.clone();
        self.set_clocks(fault, &nodes);
    }

    /// A fault disturbs clocks no more: they show what they would show without it.
    pub(super) fn set_right(&mut self, fault: usize) {
        let Some(place) = self.skews.iter().position(|skew| skew.fault == fault) else { return };
        let nodes = self.skews.remove(place).nodes;
        nodes.into_iter().for_each(|node| self.set_clock(node));
    }

    /// A fault sets these clocks, and is counted for each.
    fn set_clocks(&mut self, fault: usize, nodes: &[NodeId]) {
        self.faults.states[fault].touched += nodes.len() as u64;
        for node in nodes {
            self.set_clock(*node);
            self.docket.ask().invariants.lost_its_time(self.nodes[node.index()].group);
        }
    }

    /// Gives a node the clock that all faults under way make of its own.
    fn set_clock(&mut self, node: NodeId) {
        let now = self.now;
        let under_way: Vec<&Skew> = self.skews.iter().filter(|skew| skew.nodes.contains(&node)).collect();
        let offset_ns = under_way.iter().map(|skew| skew.offset_at(now)).sum();
        let drift_ns_per_s = under_way.iter().map(|skew| skew.drift_ns_per_s).sum();
        let is_its_own = under_way.is_empty();
        let state = &mut self.nodes[node.index()];
        let own = state.own_clock;
        let clock = if is_its_own { own } else { own.disturbed(now, offset_ns, drift_ns_per_s) };
        let before = std::mem::replace(&mut state.clock, clock);
        if before.drift_ns_per_s != clock.drift_ns_per_s {
            self.time_anew(node, &before);
        }
    }

    /// What is left of a node's timers takes as long as its clock takes now.
    fn time_anew(&mut self, node: NodeId, before: &Clock) {
        let now = self.now;
        let state = &mut self.nodes[node.index()];
        let mut sooner = Vec::new();
        for armed in state.timers.iter_mut().filter(|armed| armed.deadline < Time::NEVER && armed.deadline > now) {
            armed.deadline = now + state.clock.true_span(before.shown_span(armed.deadline.since(now)));
            if armed.deadline < armed.queued {
                state.next_timer = state.next_timer.wrapping_add(1);
                (armed.queued, armed.id) = (armed.deadline, state.next_timer);
                sooner.push((armed.deadline, Plain::Timer { node, timer: armed.timer, id: armed.id }));
            }
        }
        sooner.into_iter().for_each(|(at, event)| self.later(at, event));
    }
}
