//! How nodes stop and come back: crashes of every kind, pauses, restarts in turn, and disks that lie until a crash tells.
//!
//! Next: `effects.rs`, what becomes of a handler's effects.

use crate::id::NodeId;
use crate::model::fault::{Action, Target};
use crate::protocol::{Effect, Protocol};
use crate::rng::Stream;

use super::disk::Stop;
use super::faults::Grip;
use super::future::{Event, Plain};
use super::world::World;

impl<P: Protocol> World<'_, P> {
    /// A fault takes hold of nodes.
    pub(super) fn grip(&mut self, place: usize, action: &Action) {
        match action {
            Action::Crash(targets) => self.stop_nodes(place, targets, |_, _| Stop::Crash),
            Action::Wipe(targets) => self.stop_nodes(place, targets, |_, _| Stop::Wipe),
            Action::TornCrash(targets) => self.stop_nodes(place, targets, World::tear),
            Action::RollingRestart { .. } => self.roll_on(place),
            Action::Pause(targets) => {
                let nodes = self.hold(place, targets, Grip::Paused);
                nodes.into_iter().for_each(|node| self.nodes[node.index()].pauses += 1);
            }
            Action::LyingDisk(targets) => {
                let nodes = self.hold(place, targets, Grip::Lying);
                nodes.into_iter().for_each(|node| self.nodes[node.index()].disk.lie());
            }
            _ => {}
        }
    }

    /// Notes which nodes a fault has a grip on, each once.
    fn hold(&mut self, place: usize, targets: &[Target], grip: Grip) -> Vec<NodeId> {
        let mut nodes: Vec<NodeId> = targets.iter().flat_map(|target| self.nodes_of(*target)).collect();
        nodes.sort_unstable();
        nodes.dedup();
        let state = &mut self.faults.states[place];
        (state.nodes, state.grip) = (nodes.clone(), grip);
        nodes
    }

    fn stop_nodes(&mut self, place: usize, targets: &[Target], how: impl Fn(&mut Self, (usize, NodeId)) -> Stop) {
        for node in self.hold(place, targets, Grip::Down) {
            let stop = how(self, (place, node));
            let state = &mut self.nodes[node.index()];
            state.crashes += 1;
            if state.crashes == 1 {
                self.stop(node, stop);
                self.faults.states[place].touched += 1;
            } else if stop == Stop::Wipe {
                self.strip(node, stop);
                self.faults.states[place].touched += 1;
            }
        }
    }

    /// How much of the sync under way is there when the power goes: any number of its records is as likely, but not all.
    /// Each of them is touched.
    fn tear(&mut self, (place, node): (usize, NodeId)) -> Stop {
        let records = self.nodes[node.index()].disk.under_sync();
        let (state, seed) = (&mut self.faults.states[place], self.seed);
        state.touched += records;
        let stream = state.stream.get_or_insert_with(|| Stream::new(seed, &format!("tear {place}")));
        Stop::Fracture(if records == 0 { 0 } else { stream.below(records) })
    }

    /// A turn of a rolling restart: the next place goes down, or the one that is down comes back.
    pub(super) fn roll_on(&mut self, place: usize) {
        let Action::RollingRestart { places, down, gap } = &self.setup.faults[place].action else { return };
        let turn = self.faults.states[place].turn;
        let before = self.standings();
        let lasts = if turn.is_multiple_of(2) {
            let next = &places[turn as usize / 2..][..1];
            self.stop_nodes(place, next, |_, _| Stop::Orderly);
            *down
        } else {
            self.let_go(place);
            *gap
        };
        self.compare_standings(&before);
        if turn as usize + 1 == 2 * places.len() {
            return self.fault_ends(place);
        }
        self.later(self.now + lasts, Plain::FaultTurns { fault: place as u32, turn });
    }

    /// A fault lets go of its nodes.
    pub(super) fn let_go(&mut self, place: usize) {
        let grip = self.faults.states[place].grip;
        for node in std::mem::take(&mut self.faults.states[place].nodes) {
            let state = &mut self.nodes[node.index()];
            match grip {
                Grip::Lying => {
                    state.disk.stop_lying();
                    continue;
                }
                Grip::Down => state.crashes -= 1,
                Grip::Paused => state.pauses -= 1,
            }
            if state.crashes > 0 || state.pauses > 0 {
                continue; // another fault still holds it: a node that is paused does not start either
            }
            if state.protocol.is_none() {
                self.start(node);
            } else {
                let backlog = std::mem::take(&mut state.backlog);
                backlog.into_iter().for_each(|event| self.again(event));
            }
        }
    }

    /// The node stops, and with it all that it had in memory.
    pub(super) fn stop(&mut self, node: NodeId, stop: Stop) {
        let state = &mut self.nodes[node.index()];
        for event in state.backlog.drain(..) {
            self.mail.lost += u64::from(matches!(event, Event::Message { .. }));
            self.in_flight.discard(&event);
        }
        self.lose_work(node);
        if self.streams.is_some() {
            self.hang_up_all(node.index() as u32);
        }
        self.strip(node, stop);
        let state = &mut self.nodes[node.index()];
        state.protocol = None;
        state.incarnation += 1;
        state.timers.clear();
        state.epoch = None;
        let group = state.group;
        if let Some(duplicates) = &mut self.duplicates {
            duplicates.crashed(node);
        }
        self.docket.ask().crashed(group, node);
        self.inside.crashed(group, node);
    }

    /// What a stop does to the disk; and what waited for that disk never leaves. What the disk does have, though nobody was
    /// told yet, is told.
    fn strip(&mut self, node: NodeId, stop: Stop) {
        let state = &mut self.nodes[node.index()];
        let held = std::mem::take(&mut state.held);
        let (loss, group) = (state.disk.stop(stop), state.group);
        for (mark, effect) in held {
            if matches!(effect, Effect::Observe(_) | Effect::ObserveInside(_)) && mark <= loss.kept {
                self.carry_out_one(node, effect);
            }
        }
        self.faults.touch(node, Grip::Lying, loss.lied);
        if loss.forgot {
            self.docket.ask().invariants.forgot(group);
            self.inside.forgot(group);
        }
    }
}
