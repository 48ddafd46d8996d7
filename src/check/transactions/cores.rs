//! Where a counterexample is looked for: the transactions that an obstacle names, and those that give evidence for it.
//!
//! This only proposes. What is proposed is judged on its own, and reduced, in `excerpt.rs`.

use super::facts::INITIAL;
use super::graph::{Edge, Kind, SESSION, WR, Walk};
use super::history::MicroOp;
use super::level::Level;
use super::search::Meter;
use super::{Case, Obstacle};

impl Case<'_> {
    /// Sets of transactions that may break the level on their own, the smallest first and the whole last.
    pub(super) fn cores(&self, obstacle: &Obstacle, level: Level, meter: &mut Meter) -> Vec<Vec<u32>> {
        let facts = &self.facts;
        let all: Vec<u32> = (0..facts.history.len() as u32).collect();
        let (mut core, mut keys) = (Vec::new(), Vec::new());
        match obstacle {
            Obstacle::Problem(problem) => {
                core.push(problem.transaction);
                for row in [Some(problem.row), problem.other].into_iter().flatten() {
                    core.push(facts.history.owner(row as usize) as u32);
                    self.writers_seen(row as usize, &mut core);
                }
                keys.push(facts.history.key_at(problem.row as usize) as u32);
            }
            Obstacle::Cycle(cycle) => {
                cycle.iter().for_each(|edge| self.support(edge, level, &mut core, &mut keys, meter))
            }
            Obstacle::Stale { writer, read } => self.visible(*writer, *read, level, &mut core, meter),
            _ => {}
        }
        if core.is_empty() {
            return vec![all];
        }
        core.retain(|id| (*id as usize) < facts.history.len());
        keys.sort_unstable();
        keys.dedup();
        let touches = |id: &u32| {
            let mut rows = facts.history.rows(*id as usize);
            rows.any(|row| keys.binary_search(&(facts.history.key_at(row) as u32)).is_ok())
        };
        let mut wide: Vec<u32> = core.iter().copied().chain(all.iter().copied().filter(touches)).collect();
        for core in [&mut core, &mut wide] {
            core.sort_unstable();
            core.dedup();
        }
        vec![core, wide, all]
    }

    /// Everyone who wrote something that this read shows.
    fn writers_seen(&self, row: usize, core: &mut Vec<u32>) {
        let history = self.facts.history;
        let key = history.key_at(row);
        let mut seen = |value| {
            let row = self.facts.index.find(history, key, value);
            core.extend(row.map(|row| history.owner(row) as u32));
        };
        match history.op(row) {
            MicroOp::Read(_, Some(value)) => seen(value),
            MicroOp::ReadList(_, list) => list.iter().for_each(|value| seen(*value)),
            _ => {}
        }
    }

    /// The ends of an edge, and whoever gives the evidence for it.
    fn support(&self, edge: &Edge, level: Level, core: &mut Vec<u32>, keys: &mut Vec<u32>, meter: &mut Meter) {
        let facts = &self.facts;
        core.extend([edge.from, edge.to]);
        match edge.kind {
            Kind::WriteWrite => {
                let (_, later) = self.versions.edges[edge.about as usize];
                let key = facts.history.key_at(self.versions.row[later as usize] as usize);
                self.order_shown(key, core);
                keys.push(key as u32);
            }
            Kind::Visibility => self.visible(edge.from, edge.about, level, core, meter),
            Kind::ReadWrite | Kind::WriteRead => {
                let read = facts.reads[edge.about as usize];
                core.extend((read.from != INITIAL).then_some(read.from));
                self.order_shown(read.key as usize, core);
                keys.push(read.key);
            }
            _ => {}
        }
    }

    /// Who read the longest list of a key, and who wrote the end of what it shows of others.
    fn order_shown(&self, key: usize, core: &mut Vec<u32>) {
        let history = self.facts.history;
        let Some((row, length)) = self.facts.longest[key] else { return };
        core.push(history.owner(row as usize) as u32);
        let last = history.list_at(row as usize)[..length as usize].last();
        let last = last.and_then(|value| self.facts.index.find(history, key, *value));
        core.extend(last.map(|row| history.owner(row) as u32));
    }

    /// The reader to which a writer is visible, and the way from one to the other.
    fn visible(&self, writer: u32, read: u32, level: Level, core: &mut Vec<u32>, meter: &mut Meter) {
        let read = self.facts.reads[read as usize];
        let reader = self.facts.history.owner(read.row as usize) as u32;
        core.extend([writer, reader]);
        core.extend((read.from != INITIAL).then_some(read.from));
        if level == Level::Causal {
            let mut walk = Walk::new(self.graph.nodes());
            let path = walk.path(&self.graph, SESSION | WR, writer, reader, |_| true, meter);
            core.extend(path.into_iter().flatten().map(|edge| edge.to));
        }
    }
}
