//! The bad patterns with the operations that have them. Off the fast path. Next: `saturation.rs`.

use std::collections::VecDeque;

use crate::check::execution::graph::Graph;
use crate::check::execution::witness::{Edge, Label, Violation};
use crate::check::execution::{Execution, NONE, THIN_AIR};

/// An edge between two events.
pub(in crate::check) type Step = (u32, u32, Label);

/// The order that a path may use beside session order.
pub(super) trait Extra {
    /// Whether what this event sees is before it here.
    fn sees(&self, event: u32) -> bool;
    /// What else is before this event, and why.
    fn before(&self, event: u32) -> Vec<(u32, Label)>;
}

/// `co`: nothing else.
pub(super) struct Causal;

impl Extra for Causal {
    fn sees(&self, _: u32) -> bool {
        true
    }

    fn before(&self, _: u32) -> Vec<(u32, Label)> {
        Vec::new()
    }
}

fn violation(
    execution: &Execution,
    pattern: &'static str,
    meaning: &'static str,
    steps: &[Step],
    others: &[u32],
) -> Violation {
    let row = |event: u32| execution.event(event).row;
    let edge = |(from, to, label): &Step| Edge { from: Some(row(*from)), to: Some(row(*to)), label: *label };
    let ends = steps.iter().flat_map(|(from, to, _)| [*from, *to]);
    let core = ends.chain(others.iter().copied()).map(row).collect();
    Violation { pattern, meaning, edges: steps.iter().map(edge).collect(), core }
}

/// Runs of session order as one step each.
fn compressed(steps: Vec<Step>) -> Vec<Step> {
    let mut short: Vec<Step> = Vec::new();
    for step in steps {
        match short.last_mut() {
            Some(last) if last.2 == Label::Session && step.2 == Label::Session => last.1 = step.1,
            _ => short.push(step),
        }
    }
    short
}

/// A shortest path from one event to another, where session order costs nothing; of at least one step.
pub(super) fn path(execution: &Execution, from: u32, to: u32, extra: &impl Extra) -> Option<Vec<Step>> {
    let n = execution.events.len();
    let mut came: Vec<Option<(u32, Label)>> = vec![None; n];
    let mut distance = vec![u32::MAX; n];
    let mut done = vec![false; n];
    let mut queue = VecDeque::from([(to, 0)]);
    let mut begun = false;
    while let Some((here, far)) = queue.pop_front() {
        if here == from && came[here as usize].is_some() {
            break;
        }
        // The end is looked at once as such, and once more where a path leads back to it.
        if std::mem::replace(&mut begun, true) && std::mem::replace(&mut done[here as usize], true) {
            continue;
        }
        let event = execution.event(here);
        let mut before = extra.before(here);
        before.extend((event.before != NONE).then_some((event.before, Label::Session)));
        before.extend(event.source().filter(|_| extra.sees(here)).map(|source| (source, Label::ReadsFrom)));
        for (earlier, label) in before {
            let cost = far + u32::from(label != Label::Session);
            if cost < distance[earlier as usize] {
                distance[earlier as usize] = cost;
                came[earlier as usize] = Some((here, label));
                if label == Label::Session {
                    queue.push_front((earlier, cost))
                } else {
                    queue.push_back((earlier, cost))
                }
            }
        }
    }
    let mut steps = Vec::new();
    let mut at = from;
    loop {
        let (next, label) = came[at as usize]?;
        steps.push((at, next, label));
        at = next;
        if at == to {
            return Some(compressed(steps));
        }
    }
}

/// What is wrong with single operations: a read of a value that nobody wrote, or a refusal that lies.
pub(in crate::check) fn alone(execution: &Execution) -> Option<Violation> {
    if let Some(lie) = execution.lies.first() {
        let meaning = "a compare-and-set was refused because of the very value that it expected";
        return Some(violation(execution, "Lie", meaning, &[], &[*lie]));
    }
    let reader = execution.numbers().find(|event| execution.event(*event).sees == THIN_AIR)?;
    Some(violation(execution, "ThinAirRead", "a value was seen that nobody wrote", &[], &[reader]))
}

/// A short cycle among these events, which are on one, by what is before each: where session order costs nothing.
/// `O(e log e)` for `e` edges.
pub(in crate::check) fn shortest(events: &[u32], before: impl Fn(u32) -> Vec<(u32, Label)>) -> Vec<Step> {
    let mut sorted = events.to_vec();
    sorted.sort_unstable();
    sorted.dedup();
    let mut graph = Graph::new(sorted.len() as u32);
    let mut labels = Vec::new();
    for (to, event) in sorted.iter().enumerate() {
        for (earlier, label) in before(*event) {
            if let Ok(from) = sorted.binary_search(&earlier) {
                graph.edge(from as u32, to as u32, labels.len() as u32);
                labels.push(label);
            }
        }
    }
    let graph = graph.indexed();
    let cost = |_, _, tag: u32| labels[tag as usize] != Label::Session;
    // Every event is on the cycle that was found, so the shortest one through a few of them will do.
    let starts = (0..graph.nodes()).take(8);
    let found = starts.filter_map(|start| graph.cycle(start, |_| true, |_| true, cost));
    let shortest = found.min_by_key(|cycle| cycle.iter().filter(|(a, b, tag)| cost(*a, *b, *tag)).count());
    let number = |node: u32| sorted[node as usize];
    let steps = shortest.unwrap_or_default().into_iter();
    let steps: Vec<Step> = steps.map(|(from, to, tag)| (number(from), number(to), labels[tag as usize])).collect();
    let mut steps = compressed(steps);
    // Where the walk began inside a session, its two ends are one run.
    if steps.len() > 2
        && let (Some(first), Some(last)) = (steps.first().copied(), steps.last().copied())
        && (first.2, last.2) == (Label::Session, Label::Session)
    {
        steps.pop();
        steps[0] = (last.0, first.1, Label::Session);
    }
    steps
}

/// A cycle of `co`, arbitration and version order, named by what is in it; with the events that support its edges.
pub(in crate::check) fn cyclic(execution: &Execution, steps: &[Step], support: &[u32]) -> Violation {
    let (pattern, meaning) = if steps.iter().any(|step| step.2 == Label::Versions) {
        ("CyclicVO", "the version order contradicts the causal past")
    } else if steps.iter().any(|step| matches!(step.2, Label::Conflict(_))) {
        ("CyclicCF", "no order of the conflicting writes fits all who saw them")
    } else {
        ("CyclicCO", "an operation is in its own causal past")
    };
    violation(execution, pattern, meaning, steps, support)
}

/// A cycle of session order, reads-from, version order and anti-dependency.
pub(in crate::check) fn not_sequential(execution: &Execution, steps: &[Step]) -> Violation {
    // With the writes that its operations saw.
    let sources: Vec<u32> = steps.iter().filter_map(|step| execution.event(step.0).source()).collect();
    let meaning = "session order, reads and the version order form a cycle";
    violation(execution, "NotSequential", meaning, steps, &sources)
}

/// `WriteCOInitRead`.
pub(super) fn init_read(execution: &Execution, write: u32, read: u32) -> Violation {
    let steps = path(execution, write, read, &Causal).unwrap_or_default();
    let meaning = "a read found the initial value with a write in its causal past";
    violation(execution, "WriteCOInitRead", meaning, &steps, &[write, read])
}

/// `WriteCORead`.
pub(super) fn read_over(execution: &Execution, old: u32, new: u32, read: u32) -> Violation {
    let mut steps = path(execution, old, new, &Causal).unwrap_or_default();
    steps.extend(path(execution, new, read, &Causal).unwrap_or_default());
    steps.push((old, read, Label::ReadsFrom));
    violation(execution, "WriteCORead", "a read found a value that was replaced in its causal past", &steps, &[read])
}

/// `NonAtomicSwap`.
pub(super) fn swap_apart(execution: &Execution, seen: Option<u32>, between: u32, swap: u32) -> Violation {
    let mut steps: Vec<Step> = seen.map(|seen| (seen, between, Label::Versions)).into_iter().collect();
    steps.push((between, swap, Label::Versions));
    let meaning = "the store has a version between what a compare-and-set saw and what it wrote";
    violation(execution, "NonAtomicSwap", meaning, &steps, &[])
}

/// A pattern of happens-before, from its steps and all that support them.
pub(super) fn happens_before(execution: &Execution, init: bool, steps: &[Step], others: &[u32]) -> Violation {
    let (pattern, meaning) = if init {
        ("WriteHBInitRead", "a read found the initial value with a write that happened before it")
    } else {
        ("CyclicHB", "no order of the writes fits the reads of one session")
    };
    violation(execution, pattern, meaning, steps, others)
}
