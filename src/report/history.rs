//! A history as JSON lines: an operation a line, in the order of invocation.
//!
//! `judge/lines.rs` documents the format, and reads it. Next: `counterexample/mod.rs`.

use serde_json::{Value, json};

use crate::history::{Operation, Outcome};
use crate::op::{Op, Reply};
use crate::sim::Run;
use crate::time::Time;

/// The history of a run, a JSON object a line.
pub fn lines(run: &Run) -> String {
    run.history.iter().map(|op| format!("{}\n", operation(&op, run))).collect()
}

/// One operation. Instants are true simulated time in whole nanoseconds; an answer that never came is `null`.
pub fn operation(op: &Operation, run: &Run) -> Value {
    let mut row = json!({
        "id": op.id.0,
        "client": op.client.0,
        "region": &*run.regions[run.client_regions[op.client.index()].index()],
        "op": op.op.kind().name(),
        "key": op.op.key().0,
        "invoked_ns": op.invoked.as_nanos(),
        "completed_ns": (op.completed != Time::NEVER).then(|| op.completed.as_nanos()),
        "outcome": match op.outcome {
            Outcome::Ok => "ok",
            Outcome::Fail => "fail",
            Outcome::Unknown => "unknown",
        },
        "server": op.server.map(|server| run.nodes[server.index()].name.to_string()),
    });
    let mut tell = |name: &str, value: Value| row[name] = value;
    match op.op {
        Op::Read(_) => {}
        Op::ReadRow { columns, .. } => tell("columns", columns.iter().collect()),
        Op::Write(_, value) => tell("value", value.0.into()),
        Op::CompareAndSet { expected, new, .. } => {
            tell("expected", json!(expected));
            tell("value", new.0.into());
        }
        Op::Add { amount, name, .. } => {
            tell("amount", amount.into());
            tell("value", name.0.into());
        }
        Op::Next { name, .. } => tell("value", name.0.into()),
        Op::Put { columns, name, .. } => {
            tell("columns", columns.iter().collect());
            tell("value", name.0.into());
        }
        Op::Insert { item, name, .. } | Op::Remove { item, name, .. } => {
            tell("item", item.0.into());
            tell("value", name.0.into());
        }
    }
    match op.reply {
        Some(Reply::Row(seen)) => tell("seen", row_of(seen)),
        Some(Reply::Read(seen)) => tell("seen", json!(seen)),
        Some(Reply::Mismatch(seen)) => {
            tell("matched", false.into());
            tell("seen", json!(seen));
        }
        Some(Reply::Written) if matches!(op.op, Op::CompareAndSet { .. }) => tell("matched", true.into()),
        Some(Reply::Amount(amount)) => tell("seen", amount.into()),
        Some(Reply::Short(amount)) => {
            tell("matched", false.into());
            tell("seen", amount.into());
        }
        Some(Reply::Items(items)) => tell("seen", items.iter().map(|item| item.0).collect()),
        Some(Reply::Several(several)) => {
            tell("seen", several.named().map(|value| value.0).collect());
            tell("count", several.count().into());
        }
        Some(Reply::Written) | None => {}
    }
    row
}

/// What each column of a row held, by its number.
fn row_of(seen: crate::op::Row) -> Value {
    seen.iter().map(|(column, value)| (column.to_string(), json!(value.0))).collect::<serde_json::Map<_, _>>().into()
}
