//! A story as a Mermaid sequence diagram, which GitHub and many editors draw. Next: `space_time.rs`.

use std::fmt::Write;

use super::{Kind, Story, moment};

/// More lines than this are no picture any more.
const LINES_MAX: usize = 40;

/// The diagram; `None` where the story is too long for one.
pub fn mermaid(story: &Story) -> Option<String> {
    let told = story.lines.iter().filter(|line| line.kind != Kind::Client).count() + story.operations.len() * 2;
    if told > LINES_MAX {
        return None;
    }
    let mut text = String::from("sequenceDiagram\n");
    for (place, lane) in story.lanes.iter().enumerate() {
        let kind = if place < story.run.nodes.len() { "participant" } else { "actor" };
        let _ = writeln!(text, "    {kind} L{place} as {}", plain(lane));
    }
    let last = story.lanes.len() - 1;
    let mut lines: Vec<(crate::time::Time, String)> = Vec::new();
    for line in story.lines.iter().filter(|line| line.kind != Kind::Client) {
        let over = line
            .lane
            .map_or_else(|| if last == 0 { "L0".into() } else { format!("L0,L{last}") }, |lane| format!("L{lane}"));
        let mark = if line.kind == Kind::Broke { "✗ " } else { "" };
        let words = if line.kind == Kind::Broke { &line.text } else { &line.short };
        lines.push((line.at, format!("    Note over {over}: {} {mark}{}", moment(line.at), plain(words))));
    }
    for id in &story.operations {
        let operation = story.run.history.get(*id);
        let (Some(client), Some(line)) = (
            story.lane_of(&operation),
            story.lines.iter().find(|line| {
                line.kind == Kind::Client
                    && line.short.starts_with(&format!("{} ", operation.client))
                    && line.at >= operation.invoked
                    && (line.at == operation.completed || line.at == operation.invoked)
            }),
        ) else {
            continue;
        };
        let (asks, hears) = line.short.rsplit_once(": ").unwrap_or((&line.short, ""));
        match operation.server {
            Some(server) => {
                let asked = format!("    L{client}->>L{}: {}", server.0, plain(asks));
                lines.push((operation.invoked, asked));
                lines.push((operation.completed, format!("    L{}-->>L{client}: {}", server.0, plain(hears))));
            }
            None => lines.push((
                operation.invoked,
                format!("    Note over L{client}: {} {}", moment(operation.invoked), plain(&line.short)),
            )),
        }
    }
    lines.sort_by_key(|(at, _)| *at);
    lines.iter().for_each(|(_, line)| text.push_str(&format!("{line}\n")));
    Some(text)
}

/// Text without what has a meaning in a diagram.
fn plain(text: &str) -> String {
    text.chars().map(|c| if matches!(c, ';' | '#' | '\n' | '\r') { ',' } else { c }).collect()
}
