//! The lines of a story, put in order. Next: `told.rs`.

use std::collections::BTreeMap;

use crate::history::{Operation, Outcome};
use crate::id::{NodeId, Value};
use crate::model::fault::{Action, Target};
use crate::op::{Op, Reply};
use crate::protocol::Role;
use crate::sim::Run;
use crate::time::Time;
use crate::trace::Observation;

use super::super::fault::{describe, end};
use super::super::text::other_answer;
use super::{Kind, Line, Plot, Story};

/// Everything that is told, in order of time; what happens at one instant in the order of causes.
pub(super) fn lines(plot: &Plot, story: &Story) -> Vec<Line> {
    let mut lines: Vec<Line> = fault_lines(plot);
    lines.extend(offices(plot));
    lines.extend(story.operations.iter().map(|id| client(&plot.run.history.get(*id), plot.run, story)));
    let last = lines.iter().map(|line| line.at).max().unwrap_or(Time::ZERO);
    let at = plot.at.unwrap_or(last);
    lines.retain(|line| line.at <= at || line.kind != Kind::Office);
    lines.push(Line {
        at,
        kind: Kind::Broke,
        lane: None,
        text: plot.broken.why.clone(),
        short: plot.broken.property.name().to_string(),
    });
    let rank = |kind: Kind| match kind {
        Kind::Fault => 0,
        Kind::Office => 1,
        Kind::Loss => 2,
        Kind::Client => 3,
        Kind::Broke => 4,
    };
    lines.sort_by_key(|line| (line.at, rank(line.kind)));
    lines
}

/// When each fault begins and ends, and what it does.
pub(super) fn faults(plot: &Plot) -> Vec<(Time, Time, String)> {
    let duration = plot.run.simulated;
    let told =
        plot.faults.iter().map(|fault| (fault.at, end(fault, plot.faults, duration), describe(fault, plot.topology)));
    told.collect()
}

fn fault_lines(plot: &Plot) -> Vec<Line> {
    let line = |at, text: String, short: String| Line { at, kind: Kind::Fault, lane: None, text, short };
    let mut lines = Vec::new();
    for (begins, ends, what) in faults(plot) {
        lines.push(line(begins, format!("fault: {what}"), what.clone()));
        if ends < Time::ZERO + plot.run.simulated && ends > begins {
            let kind = what.split(' ').next().unwrap_or_default();
            lines.push(line(ends, format!("the {kind} ends"), format!("the {kind} ends")));
        }
    }
    lines
}

/// Who takes and leaves office, who is suspected, who rolls writes back.
fn offices(plot: &Plot) -> Vec<Line> {
    let run = plot.run;
    let Some(film) = run.trace.film() else { return Vec::new() };
    let name = |node: NodeId| &*run.nodes[node.index()].name;
    let mut lines: Vec<Line> = Vec::new();
    let mut led: BTreeMap<NodeId, u64> = BTreeMap::new();
    let mut crashes = crashes(plot).into_iter().peekable();
    for sighting in &film.sightings {
        while let Some((_, target)) = crashes.next_if(|(at, _)| *at <= sighting.at) {
            let leader = led.iter().max_by_key(|(_, epoch)| **epoch).map(|(node, _)| *node);
            led.retain(|node, _| !is_hit(run, *node, target, leader));
        }
        let node = sighting.node;
        let (kind, text, short) = match sighting.observation {
            Observation::Leader { epoch } => {
                let others: Vec<String> = led
                    .iter()
                    .filter(|(other, _)| **other != node)
                    .map(|(other, epoch)| format!("{} still believes to lead epoch {epoch}", name(*other)))
                    .collect();
                let aside = if others.is_empty() { String::new() } else { format!("; {}", others.join(", ")) };
                led.insert(node, epoch);
                (Kind::Office, format!("{} leads epoch {epoch}{aside}", name(node)), format!("leads epoch {epoch}"))
            }
            Observation::SteppedDown { epoch } => {
                led.remove(&node);
                (Kind::Office, format!("{} no longer leads epoch {epoch}", name(node)), "steps down".to_string())
            }
            Observation::Suspected => {
                let text = format!("{} believes that the leader is gone", name(node));
                (Kind::Office, text, "suspects".to_string())
            }
            Observation::RolledBack { key, value, now } => {
                let now = now.map_or("nothing".to_string(), |value| value.to_string());
                let text = format!("{} takes {value} out of {key} again, which holds {now}", name(node));
                (Kind::Loss, text, format!("{value} rolled back"))
            }
            Observation::Conflict { key, lost, kept } => {
                let text = format!("{} discards {lost} to {key} for {kept}, by rule", name(node));
                (Kind::Loss, text, format!("{lost} discarded"))
            }
            _ => continue,
        };
        lines.push(Line { at: sighting.at, kind, lane: Some(node.index()), text, short });
    }
    lines
}

/// The nodes that each crash hits, in order.
fn crashes<'p>(plot: &Plot<'p>) -> Vec<(Time, &'p [Target])> {
    let crash = |fault: &'p crate::model::fault::Fault| match &fault.action {
        Action::Crash(targets) | Action::TornCrash(targets) | Action::Wipe(targets) => {
            Some((fault.at, targets.as_slice()))
        }
        _ => None,
    };
    let mut crashes: Vec<_> = plot.faults.iter().filter_map(crash).collect();
    crashes.sort_by_key(|(at, _)| *at);
    crashes
}

fn is_hit(run: &Run, node: NodeId, targets: &[Target], leader: Option<NodeId>) -> bool {
    let (region, role): (_, Role) = (run.nodes[node.index()].region, run.nodes[node.index()].role);
    targets.iter().any(|target| match target {
        Target::Region(hit) => *hit == region,
        Target::Role(hit, of) => *hit == region && *of == role,
        Target::Zone(hit, zone) => *hit == region && run.nodes[node.index()].zone == Some(*zone),
        Target::Leader => leader == Some(node),
    })
}

/// What a client asked, and what it heard when.
fn client(operation: &Operation, run: &Run, story: &Story) -> Line {
    let region = &run.regions[run.client_regions[operation.client.index()].index()];
    let value = |value: Option<Value>| value.map_or("nothing".to_string(), |value| value.to_string());
    let (asks, short) = match operation.op {
        Op::Read(key) => (format!("reads {key}"), format!("read {key}")),
        Op::Write(key, written) => (format!("writes {written} to {key}"), format!("write {written}")),
        Op::CompareAndSet { key, expected, new } => {
            (format!("sets {key} from {} to {new}", value(expected)), format!("set {new}"))
        }
        Op::Add { key, amount, .. } => (format!("adds {amount} to {key}"), format!("add {amount}")),
        Op::Insert { key, item, name } => (format!("inserts {item} into {key} ({name})"), format!("insert {item}")),
        Op::Remove { key, item, name } => (format!("removes {item} from {key} ({name})"), format!("remove {item}")),
        Op::ReadRow { key, columns } => (format!("reads {columns} of {key}"), format!("read {key}")),
        Op::Next { key, name } => (format!("takes the next number of {key} ({name})"), format!("next of {key}")),
        Op::Put { key, columns, name } => (format!("puts {columns} of {key} ({name})"), format!("put {name}")),
    };
    let by = operation.server.map_or(String::new(), |server| format!(" by {}", run.nodes[server.index()].name));
    let took = operation.completed.since(operation.invoked);
    let (hears, heard) = match (operation.outcome, operation.reply) {
        (Outcome::Fail, _) => ("it failed".to_string(), "failed".to_string()),
        (Outcome::Unknown, _) => ("no answer".to_string(), "?".to_string()),
        (Outcome::Ok, Some(Reply::Read(seen))) => (format!("{}, told{by} after {took}", value(seen)), value(seen)),
        (Outcome::Ok, Some(Reply::Mismatch(seen))) => (format!("no, it holds {}, told{by}", value(seen)), "no".into()),
        (Outcome::Ok, Some(Reply::Short(left))) => (format!("no, {left} is too little, told{by}"), "no".into()),
        (Outcome::Ok, Some(reply)) if other_answer(reply).is_some() => {
            let seen = other_answer(reply).unwrap_or_default();
            (format!("{seen}, told{by} after {took}"), seen)
        }
        (Outcome::Ok, _) => (format!("acknowledged{by} after {took}"), "ok".to_string()),
    };
    let is_lost = operation.acknowledged_write().is_some_and(|value| run.durability.lost.contains(&value));
    let fate = if is_lost { ", and lost in the end" } else { "" };
    let at = if operation.completed == Time::NEVER { operation.invoked } else { operation.completed };
    Line {
        at,
        kind: Kind::Client,
        lane: story.lane_of(operation),
        text: format!("{} in {region} {asks}: {hears}{fate}", operation.client),
        short: format!("{} {short}: {heard}", operation.client),
    }
}
