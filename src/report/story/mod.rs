//! What happened in a run that broke something, as a story: who led and who believed to lead, what broke, what clients were
//! told, and what became of it.
//!
//! A [`Story`] is made of a run that was [filmed](crate::trace::Trace::filmed) and kept every row of its history. `told.rs`
//! tells it in at most a page; `space_time.rs` draws it as SVG, and `mermaid.rs` as a sequence diagram where it is short.
//! Equal runs give equal bytes. Next: `lines.rs`.

mod lines;
mod mermaid;
mod space_time;
mod told;

pub use mermaid::mermaid;
pub use space_time::space_time;
pub use told::told;

use std::collections::BTreeSet;

use crate::check::Verdict;
use crate::explore::property::{Broken, Property};
use crate::history::{OpId, Operation};
use crate::id::Key;
use crate::model::topology::Topology;
use crate::protocol::Guarantee;
use crate::sim::Run;
use crate::time::Time;

use crate::model::fault::Fault;

use super::number::instant;

/// So many operations are all told; of more, those that matter.
const OPERATIONS_MAX: usize = 16;

/// Something that happened, in a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// When.
    pub at: Time,
    /// What kind of thing.
    pub kind: Kind,
    /// The lane that it is on: a node, or a region's clients; `None` where it is the whole world's.
    pub lane: Option<usize>,
    /// What happened.
    pub text: String,
    /// The same in a few words, for a picture.
    pub short: String,
}

/// What kind of thing happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A fault began or ended.
    Fault,
    /// Who leads changed.
    Office,
    /// A client asked and heard.
    Client,
    /// A copy lost a write that it had.
    Loss,
    /// What is broken, broke.
    Broke,
}

/// A run, told.
#[derive(Debug)]
pub struct Story<'a> {
    /// What is broken, and of what: `unfenced breaks single-writer`.
    pub title: String,
    /// What it says.
    pub meaning: String,
    /// How it was broken.
    pub why: String,
    /// What happened, in order.
    pub lines: Vec<Line>,
    /// The run.
    pub run: &'a Run,
    /// The operations that are told.
    operations: Vec<OpId>,
    /// The lanes: each node, then the clients of each region that has any in the story.
    lanes: Vec<String>,
    /// The faults, and when each ends.
    faults: Vec<(Time, Time, String)>,
    /// When it broke, or the last instant of the story.
    end: Time,
}

/// What a story is about.
#[derive(Debug)]
pub struct Plot<'a> {
    /// The design's name.
    pub design: &'a str,
    /// Where.
    pub topology: &'a Topology,
    /// What was planned to break.
    pub faults: &'a [Fault],
    /// The run.
    pub run: &'a Run,
    /// What it broke.
    pub broken: &'a Broken,
    /// When, as far as is known.
    pub at: Option<Time>,
}

impl<'a> Story<'a> {
    /// Tells a run.
    pub fn of(plot: &Plot<'a>) -> Story<'a> {
        let Plot { design, run, broken, .. } = plot;
        let operations = operations(plot);
        let regions: BTreeSet<usize> =
            operations.iter().map(|id| run.client_regions[run.history.get(*id).client.index()].index()).collect();
        let nodes = run.nodes.iter().map(|node| node.name.to_string());
        let lanes = nodes.chain(regions.iter().map(|region| format!("clients in {}", run.regions[*region])));
        let mut story = Story {
            title: format!("{design} breaks {}", broken.property),
            meaning: broken.property.meaning(),
            why: broken.why.clone(),
            lines: Vec::new(),
            run,
            lanes: lanes.collect(),
            operations,
            faults: Vec::new(),
            end: Time::ZERO,
        };
        story.lines = lines::lines(plot, &story);
        story.faults = lines::faults(plot);
        story.end = story.lines.last().map_or(Time::ZERO, |line| line.at);
        story
    }

    /// The lane of a client's region.
    fn lane_of(&self, operation: &Operation) -> Option<usize> {
        let region = self.run.client_regions[operation.client.index()];
        let name = format!("clients in {}", self.run.regions[region.index()]);
        self.lanes.iter().position(|lane| *lane == name)
    }
}

/// A clause as a sentence begins.
pub fn sentence(clause: &str) -> String {
    let mut letters = clause.chars();
    letters.next().map_or(String::new(), |first| first.to_uppercase().chain(letters).collect())
}

/// An instant to the millisecond, which is what a reader compares; pictures' hints and the replay have the rest.
fn moment(at: Time) -> String {
    let exact = instant(at);
    exact
        .get(..exact.len().saturating_sub(7))
        .filter(|_| at != Time::NEVER)
        .map_or(exact.clone(), |cut| format!("{cut}s"))
}

/// The operations to tell: all where they are few; else those that show what is broken, and others on their keys.
fn operations(plot: &Plot) -> Vec<OpId> {
    let run = plot.run;
    if run.history.len() <= OPERATIONS_MAX {
        return run.history.ids().collect();
    }
    let guarantee = match &plot.broken.property {
        Property::Guarantee(guarantee) => Some(*guarantee),
        Property::Invariant(_) | Property::Expectation(_) => {
            let lost = !run.durability.lost.is_empty();
            lost.then_some(Guarantee::NoAcknowledgedWriteLost)
        }
    };
    let mut shown: BTreeSet<OpId> = BTreeSet::new();
    if let Some(Verdict::Fail(counterexample)) = guarantee.map(|guarantee| &run.verdict(guarantee).verdict) {
        shown.extend(counterexample.operations.iter().take(OPERATIONS_MAX));
    }
    let keys: Vec<Key> = shown.iter().map(|id| run.history.get(*id).op.key()).collect();
    // The nearest to what broke come first.
    let near = plot.at.unwrap_or(Time::ZERO + run.simulated);
    let mut others: Vec<Operation> = run.history.iter().filter(|operation| !shown.contains(&operation.id)).collect();
    others.sort_by_key(|operation| {
        let far = if operation.invoked > near { operation.invoked.since(near) } else { near.since(operation.invoked) };
        (!keys.contains(&operation.op.key()), operation.invoked > near, far, operation.id)
    });
    let room = OPERATIONS_MAX.saturating_sub(shown.len());
    shown.extend(others.into_iter().take(room).map(|operation| operation.id));
    shown.into_iter().collect()
}

#[cfg(test)]
mod tests;
