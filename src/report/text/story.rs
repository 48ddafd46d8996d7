//! Why a verdict is what it is: the counterexample's operations, as a small listing; and the lines of a trace.
//!
//! Next: `compare.rs`.

use crate::check::Verdict;
use crate::history::{Operation, Outcome};
use crate::id::Value;
use crate::op::{Op, Reply};
use crate::sim::Run;
use crate::time::Time;
use crate::trace::Trace;

use super::super::number::{counted, instant};
use super::super::paint::{Paint, Style};
use super::super::table::{Align, Cell, Table, wrap};
use super::COLUMNS;

/// How many operations of a counterexample are listed; JSON has all.
const LISTED: usize = 24;

/// A line of a list, and further lines under it.
pub fn bullet(text: &str) -> String {
    text.lines().map(|line| format!("  {line}\n")).collect()
}

/// Why it is so; nothing where it passed.
pub fn of(verdict: &Verdict, run: &Run, paint: Paint) -> String {
    match verdict {
        Verdict::Pass => String::new(),
        Verdict::Inconclusive { why } => wrap(why, "    ", COLUMNS),
        Verdict::Fail(counterexample) => {
            let mut table = Table::new(4, [Align::Left; 6]);
            for id in counterexample.operations.iter().take(LISTED) {
                table.row(operation(&run.history.get(*id), run));
            }
            let hidden = counterexample.operations.len().saturating_sub(LISTED);
            let more =
                if hidden > 0 { format!("    and {} more\n", counted(hidden, "operation")) } else { String::new() };
            wrap(&counterexample.why, "    ", COLUMNS) + &table.render(paint) + &more
        }
    }
}

fn operation(op: &Operation, run: &Run) -> [Cell; 6] {
    let region = &run.regions[run.client_regions[op.client.index()].index()];
    let ended = if op.completed == Time::NEVER { "no answer".into() } else { instant(op.completed) };
    let by = op.server.map_or(String::new(), |server| format!("by {}", run.nodes[server.index()].name));
    [
        op.client.to_string().into(),
        Cell::new(Style::Faint, &**region),
        question(&op.op).into(),
        Cell::new(Style::Strong, answer(op)),
        format!("{} .. {ended}", instant(op.invoked)).into(),
        Cell::new(Style::Faint, by),
    ]
}

/// What was asked: `write k3 = v7`.
pub fn question(op: &Op) -> String {
    match *op {
        Op::Add { key, amount, .. } => format!("add {amount} to {key}"),
        Op::Insert { key, item, name } => format!("insert {item} into {key} ({name})"),
        Op::Remove { key, item, name } => format!("remove {item} from {key} ({name})"),
        Op::Read(key) => format!("read {key}"),
        Op::ReadRow { key, columns } => format!("read {columns} of {key}"),
        Op::Next { key, name } => format!("next of {key} ({name})"),
        Op::Put { key, columns, name } => format!("put {columns} of {key} ({name})"),
        Op::Write(key, value) => format!("write {key} = {value}"),
        Op::CompareAndSet { key, expected, new } => format!("set {key} from {} to {new}", value(expected)),
    }
}

/// What was answered, if anything.
pub fn answer(op: &Operation) -> String {
    match (op.outcome, op.reply) {
        (Outcome::Fail, _) => "failed".into(),
        (Outcome::Unknown, _) => "unknown".into(),
        (_, Some(Reply::Read(seen))) => value(seen),
        (_, Some(Reply::Mismatch(seen))) => format!("no: {}", value(seen)),
        (_, Some(Reply::Short(left))) => format!("no: {left}"),
        (_, Some(reply)) => other_answer(reply).unwrap_or("ok".into()),
        (Outcome::Ok, _) => "ok".into(),
    }
}

/// What a counter, a set, a list or siblings show.
pub fn other_answer(reply: Reply) -> Option<String> {
    match reply {
        Reply::Amount(amount) | Reply::Short(amount) => Some(amount.to_string()),
        Reply::Items(items) => Some(items.to_string()),
        Reply::Several(several) => Some(several.to_string()),
        Reply::Row(row) => Some(row.to_string()),
        Reply::Read(_) | Reply::Written | Reply::Mismatch(_) => None,
    }
}

fn value(value: Option<Value>) -> String {
    value.map_or("nothing".into(), |value| value.to_string())
}

/// The lines of a trace, each with its instant.
pub fn trace(trace: &Trace, paint: Paint) -> String {
    let instants: Vec<String> = trace.lines().iter().map(|(at, _)| instant(*at)).collect();
    let widest = instants.iter().map(String::len).max().unwrap_or(0);
    let lines = instants.iter().zip(trace.lines());
    lines
        .map(|(at, (_, line))| format!("{}  {line}\n", paint.paint(Style::Faint, format_args!("{at:>widest$}"))))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::Duration;

    #[test]
    fn a_trace_is_aligned_at_its_instants() {
        let mut kept = Trace::up_to(Time::ZERO + Duration::secs(20), Duration::secs(20));
        kept.line(Time::from_nanos(5), "one".into());
        kept.line(Time::ZERO + Duration::secs(12), "two".into());
        assert_eq!(trace(&kept, Paint::Off), " 0.000000005s  one\n12.000000000s  two\n");
    }
}
