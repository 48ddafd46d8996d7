//! Broken invariants: a section for a person, and every invariant that was asked for a program.
//!
//! Next: `counterexample/mod.rs`.

use serde_json::{Value, json};

use crate::check::monitor::{Breach, Invariant};
use crate::sim::Run;
use crate::time::Time;

use super::number::counted;
use super::paint::{Paint, Style};
use super::table::wrap;
use super::text::COLUMNS;

/// What was broken, when first and how; nothing where nothing was.
pub fn section(run: &Run, paint: Paint) -> String {
    if run.breaches.is_empty() {
        return String::new();
    }
    let mut text = format!("{}\n", paint.paint(Style::Strong, "broken invariants"));
    for breach in &run.breaches {
        let name = paint.paint(Style::Bad, breach.invariant.name());
        let meaning = paint.paint(Style::Faint, breach.invariant.meaning());
        text.push_str(&format!("  {name}   {meaning}\n"));
        let times = if breach.count > 1 {
            format!("; {} in all", counted(breach.count as usize, "time"))
        } else {
            String::new()
        };
        text.push_str(&wrap(&format!("at {}: {}{times}", breach.at, breach.why), "    ", COLUMNS));
    }
    text
}

/// Every invariant that the run was held to, in the order of [`Invariant::ALL`].
pub fn document(run: &Run) -> Value {
    let of = |invariant: &Invariant| {
        let breach = run.breaches.iter().find(|breach| breach.invariant == *invariant);
        json!({
            "name": invariant.name(),
            "breached": breach.map_or(0, |breach| breach.count),
            "first_at_s": breach.map(|breach| Time::as_secs_f64(breach.at)),
            "why": breach.map(|breach| &breach.why),
            "nodes": breach.map(|breach| nodes(breach, run)),
        })
    };
    run.invariants.iter().map(of).collect()
}

fn nodes(breach: &Breach, run: &Run) -> Vec<String> {
    let name = |node: &crate::id::NodeId| run.nodes.get(node.index()).map(|node| node.name.to_string());
    breach.nodes.iter().filter_map(name).collect()
}
