//! What the world's own actors did in a run: health checkers and the managers that shoot.

use serde_json::{Value, json};

use super::paint::{Paint, Style};
use super::subject::RunReport;
use crate::sim::Run;

/// More changes than this are not read one by one.
const LISTED: usize = 20;

/// The section of one run's report; empty where nobody checked or shot anything.
pub fn section(report: &RunReport, paint: Paint) -> String {
    let run = report.run;
    let name = |node: crate::id::NodeId| &run.nodes[node.index()].name;
    let health = run.health.iter().map(|change| {
        let word = if change.healthy { "healthy again" } else { "unhealthy" };
        (change.at, format!("  {:<8} checkers find {} {word}\n", change.at.to_string(), name(change.node)))
    });
    let power = run.powered_off.iter().map(|off| {
        (off.at, format!("  {:<8} {} loses its power: shot by {}\n", off.at.to_string(), name(off.node), name(off.by)))
    });
    let mut lines: Vec<_> = health.chain(power).collect();
    if lines.is_empty() {
        return String::new();
    }
    lines.sort_by_key(|(at, _)| *at);
    let more = lines.len().saturating_sub(LISTED);
    let listed: String = lines.into_iter().take(LISTED).map(|(_, line)| line).collect();
    let rest = if more > 0 { format!("  and {more} more\n") } else { String::new() };
    format!("{}\n{listed}{rest}", paint.paint(Style::Strong, "checkers and power"))
}

/// The changes of health, as JSON.
pub fn health(run: &Run) -> Value {
    let change = |change: &crate::sim::HealthChange| {
        let node = &run.nodes[change.node.index()].name;
        json!({ "at_s": change.at.as_secs_f64(), "node": &**node, "healthy": change.healthy })
    };
    run.health.iter().map(change).collect()
}

/// The machines that lost their power, as JSON.
pub fn powered_off(run: &Run) -> Value {
    let name = |node: crate::id::NodeId| run.nodes[node.index()].name.to_string();
    let off = |off: &crate::sim::PowerOff| json!({ "at_s": off.at.as_secs_f64(), "node": name(off.node), "shot_by": name(off.by) });
    run.powered_off.iter().map(off).collect()
}
