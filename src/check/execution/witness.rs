//! What shows a violation of a level: the pattern that was found, its labelled edges, and the reduction to operations of
//! which none can be spared.
//!
//! To take an operation out of a history means: if it wrote a value, the reads of that value go too, and a
//! compare-and-set that replaced that value stays as a plain write ([`excerpt`]). This only loosens every level here: the
//! session order and the reads-from relation of what is left are parts of what they were. So a set of operations that is
//! rejected stays rejected in every larger one, and to try each operation once is enough. Next: `graph.rs`.

use super::Execution;
use crate::check::Counterexample;
use crate::check::linearizable::{excerpt, words::tell};
use crate::history::{History, OpId, Outcome};
use crate::id::{Key, Value};
use crate::op::Reply;

/// How many steps the reduction of one counterexample may take, those of the judges included.
const REDUCTION_STEPS: u64 = 50_000_000;

/// Why one operation must come before another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::check) enum Label {
    /// The same client asked for it before.
    Session,
    /// The second saw what the first wrote.
    ReadsFrom,
    /// The first is a write in the past of this read, which saw the second.
    Conflict(OpId),
    /// The first saw a value that the second replaced.
    AntiDependency,
    /// The store has them in this order.
    Versions,
    /// A session guarantee, for this operation demands it.
    Demanded(OpId),
}

/// An edge of a pattern. Where there is no operation it is the initial value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::check) struct Edge {
    pub from: Option<OpId>,
    pub to: Option<OpId>,
    pub label: Label,
}

/// A pattern that must not be there, and a few operations that have it on their own.
#[derive(Clone, Debug)]
pub(in crate::check) struct Violation {
    /// The name of the pattern, as the literature has it.
    pub pattern: &'static str,
    /// What it means, in words.
    pub meaning: &'static str,
    pub edges: Vec<Edge>,
    pub core: Vec<OpId>,
}

impl Violation {
    /// The same, with those for whose sake the unanswered operations of its core are there.
    pub fn supported(mut self, execution: &Execution) -> Violation {
        let events = self.core.iter().filter_map(|row| execution.number(*row));
        let unanswered: Vec<u32> = events.filter(|event| !execution.event(*event).known).collect();
        if unanswered.is_empty() {
            return self;
        }
        let readers = execution.readers();
        for event in unanswered {
            // The nearest reader that was answered, by way of others that were not.
            let mut met = vec![(event, 0)];
            let mut at = 0;
            while at < met.len() && !execution.event(met[at].0).known {
                for reader in readers.of(met[at].0) {
                    if met.iter().all(|(other, _)| other != reader) {
                        met.push((*reader, at));
                    }
                }
                at += 1;
            }
            while at > 0 && at < met.len() {
                self.core.push(execution.event(met[at].0).row);
                at = met[at].1;
            }
        }
        self
    }

    fn why(&self, history: &History) -> String {
        let mut text = format!("{}: {}", self.pattern, self.meaning);
        for (place, edge) in self.edges.iter().enumerate() {
            text.push_str(if place == 0 { ": " } else { "; " });
            let [from, to] =
                [edge.from, edge.to].map(|end| end.map_or("the initial value".to_string(), |id| tell(history, id)));
            text.push_str(&format!("{from} --{}--> {to}", label(history, edge.label)));
        }
        if self.edges.is_empty() {
            let all: Vec<String> = self.core.iter().map(|id| tell(history, *id)).collect();
            text.push_str(&format!(": {}", all.join(", ")));
        }
        text
    }
}

fn label(history: &History, label: Label) -> String {
    match label {
        Label::Session => "session order".to_string(),
        Label::ReadsFrom => "read by".to_string(),
        Label::Conflict(read) => format!("conflict, for it is in the past of {}", tell(history, read)),
        Label::AntiDependency => "replaced by".to_string(),
        Label::Versions => "version order".to_string(),
        Label::Demanded(by) => format!("for the sake of {}", tell(history, by)),
    }
}

/// These operations as a history of their own, under their own numbers.
fn piece(history: &History, operations: &[OpId]) -> History {
    let renumbered = excerpt(history, operations);
    let mut piece = History::new();
    for (operation, id) in renumbered.iter().zip(operations) {
        piece.invoke_as(*id, operation.client, operation.op, operation.invoked);
        match (operation.outcome, operation.reply) {
            (Outcome::Ok, Some(reply)) => {
                piece.complete(*id, reply, operation.server.unwrap_or_default(), operation.completed);
            }
            (Outcome::Fail, _) => piece.fail(*id, operation.completed),
            _ => {}
        }
    }
    piece
}

/// The operations, sorted, without a run of them and without the pure reads of what those wrote. `O(n log n)`.
fn without(history: &History, operations: &[OpId], gone: std::ops::Range<usize>) -> Vec<OpId> {
    let wrote = |id: &OpId| {
        let operation = history.get(*id);
        let refused = matches!(operation.reply, Some(Reply::Mismatch(_)));
        operation.op.written().filter(|_| !refused).map(|value| (operation.op.key(), value))
    };
    let mut lost: Vec<(Key, Value)> = operations[gone.clone()].iter().filter_map(wrote).collect();
    lost.sort_unstable();
    let orphan = |id: &OpId| match history.get(*id).reply {
        Some(Reply::Read(Some(seen)) | Reply::Mismatch(Some(seen))) => {
            lost.binary_search(&(history.get(*id).op.key(), seen)).is_ok()
        }
        _ => false,
    };
    let left = operations[..gone.start].iter().chain(&operations[gone.end..]);
    left.copied().filter(|id| !orphan(id)).collect()
}

/// Cuts the operations of a violation down until none can be spared, judging every piece by `judge`, which counts its
/// steps.
///
/// Returns nothing where the operations are not rejected on their own, which would be an error of the checker. Where the
/// reduction would take too many steps, the counterexample says so.
pub(in crate::check) fn minimise(
    execution: &Execution,
    violation: Violation,
    steps: &mut u64,
    judge: impl Fn(&Execution, &mut u64) -> Option<Violation>,
) -> Option<Counterexample> {
    let history = execution.history;
    let end = steps.saturating_add(REDUCTION_STEPS);
    let mut reduction = Reduction { execution, judge, steps };
    let (mut operations, mut found) = reduction.alone(violation.supported(execution))?;
    let mut size = (operations.len() / 4).max(1);
    let mut given_up = false;
    loop {
        // In the last round what is before `at` cannot be spared, so it stays in every smaller set, and stays in front.
        let mut at = 0;
        while at < operations.len() && !given_up {
            let gone = at..(at + size).min(operations.len());
            match reduction.reject(&without(history, &operations, gone)) {
                None => at += size,
                Some(smaller) => (operations, found) = reduction.alone(smaller)?,
            }
            given_up = *reduction.steps > end;
        }
        if size == 1 || given_up {
            break;
        }
        size = (size / 4).max(1);
    }
    let mut why = found.why(history);
    if given_up {
        why.push_str(" (perhaps fewer operations would do: reducing them further was given up)");
    }
    Some(Counterexample { why, operations })
}

struct Reduction<'a, J> {
    execution: &'a Execution<'a>,
    judge: J,
    steps: &'a mut u64,
}

impl<J: Fn(&Execution, &mut u64) -> Option<Violation>> Reduction<'_, J> {
    /// A violation among these operations, if they are rejected.
    fn reject(&mut self, operations: &[OpId]) -> Option<Violation> {
        *self.steps += operations.len() as u64;
        let piece = piece(self.execution.history, operations);
        let part = Execution::new(&piece, self.execution.order_of(&piece).as_ref()).ok()?;
        (self.judge)(&part, self.steps).map(|found| found.supported(&part))
    }

    /// The core of a violation, sorted, and a violation among its operations alone.
    fn alone(&mut self, violation: Violation) -> Option<(Vec<OpId>, Violation)> {
        let mut operations = violation.core;
        operations.sort_unstable();
        operations.dedup();
        let found = self.reject(&operations)?;
        Some((operations, found))
    }
}
