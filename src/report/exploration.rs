//! What an exploration came to, for people and for programs.

use serde_json::{Value, json};

use crate::explore::exhaustive::{Bounds, Cut, Explored, Found, Spared, Tiny};

use super::number::{counted, grouped};
use super::paint::{Paint, Style};
use super::subject::Conclusion;
use super::table::wrap;

/// The widest that a line of prose gets.
const COLUMNS: usize = 110;

/// An exploration of one design.
#[derive(Debug)]
pub struct ExplorationReport<'a> {
    /// The scenario's file.
    pub file: &'a str,
    /// The scenario's name.
    pub scenario: &'a str,
    /// The design.
    pub design: &'a str,
    /// The regions.
    pub regions: Vec<&'a str>,
    /// What there was.
    pub tiny: &'a Tiny,
    /// What it came to.
    pub explored: &'a Explored,
}

impl ExplorationReport<'_> {
    /// Good where there was something to see, everything was seen, and nothing is broken.
    pub fn conclusion(&self) -> Conclusion {
        match &self.explored.broken {
            Some(_) => Conclusion::Broken,
            None if self.explored.is_complete() && !self.explored.is_vacuous() => Conclusion::Held,
            None => Conclusion::Inconclusive,
        }
    }

    /// The report for people.
    pub fn text(&self, paint: Paint) -> String {
        let ExplorationReport { file, scenario, design, explored, tiny, .. } = self;
        let mut text = format!("{}   {}\n", paint.paint(Style::Strong, scenario), paint.paint(Style::Faint, file));
        let Bounds { timeouts, crashes, duplicates, retries, .. } = tiny.bounds;
        let world = format!(
            "{design} in {}: {}, {}, {}, {}, {}{}",
            self.regions.join(", "),
            counted(tiny.operations.len(), "operation"),
            counted(timeouts as usize, "timeout"),
            counted_es(crashes, "crash"),
            counted(duplicates as usize, "duplicate"),
            if retries == 1 { "1 retry".into() } else { format!("{retries} retries") },
            if tiny.slow_disks { "; disks sync at any moment" } else { "" },
        );
        text.push_str(&wrap(&world, "  ", COLUMNS));
        let far = format!(
            "{}, {} between them, {} deep",
            counted(explored.states as usize, "state"),
            counted(explored.transitions as usize, "step"),
            explored.depth
        );
        let (style, how) = match explored.cut {
            None if explored.is_vacuous() => {
                (Style::Doubt, "nothing can happen in this world, which shows nothing".to_string())
            }
            None => (Style::Good, "all of them, and nothing is broken".to_string()),
            Some(Cut::Broken) => (Style::Bad, "something is broken".to_string()),
            Some(Cut::Depth) => (Style::Doubt, format!("cut off: ways go on after {} steps", tiny.bounds.depth)),
            Some(Cut::States) => (Style::Doubt, "cut off: there are more states".to_string()),
        };
        text.push_str(&format!("  {far}: {}\n", paint.paint(style, how)));
        if let Some(spared) = spared(explored.spared) {
            text.push_str(&paint.paint(Style::Faint, wrap(&spared, "  ", COLUMNS).trim_end()));
            text.push('\n');
        }
        if let Some(found) = &explored.broken {
            text.push_str(&story(design, found, paint));
        }
        text
    }

    /// The report for programs.
    pub fn json(&self) -> Value {
        let ExplorationReport { scenario, design, regions, tiny, explored, .. } = self;
        let Bounds { timeouts, crashes, duplicates, retries, depth, states } = tiny.bounds;
        let operations: Vec<String> = tiny.operations.iter().map(|op| format!("{op:?}")).collect();
        let story = |found: &Found| {
            let told = |told: &crate::explore::exhaustive::Told| json!({ "step": told.step, "notes": told.notes });
            let steps: Vec<Value> = found.story.iter().map(told).collect();
            json!({ "property": found.property, "why": found.why, "steps": steps })
        };
        json!({
            "scenario": scenario,
            "design": design,
            "regions": regions,
            "operations": operations,
            "slow_disks": tiny.slow_disks,
            "bounds": {
                "timeouts": timeouts, "crashes": crashes, "duplicates": duplicates, "retries": retries,
                "depth": (depth < u32::MAX).then_some(depth), "states": states,
            },
            "states": explored.states,
            "transitions": explored.transitions,
            "depth": explored.depth,
            "complete": explored.is_complete(),
            "vacuous": explored.is_vacuous(),
            "left_out": {
                "steps_in_another_order": explored.spared.orders,
                "messages_without_effect": explored.spared.idle,
                "names_of_one_state_max": explored.spared.symmetries,
            },
            "cut": explored.cut.map(|cut| match cut {
                Cut::Depth => "depth",
                Cut::States => "states",
                Cut::Broken => "broken",
            }),
            "broken": explored.broken.as_ref().map(story),
        })
    }
}

/// What was left out, if anything was, for it would have told nothing more.
fn spared(Spared { orders, idle, symmetries }: Spared) -> Option<String> {
    let parts = [
        (orders > 0).then(|| format!("{} steps in another order", grouped(orders))),
        (idle > 0).then(|| format!("{} messages that change nothing", grouped(idle))),
        (symmetries > 1)
            .then(|| format!("states that differ in names alone, of which up to {symmetries} count as one")),
    ];
    let parts: Vec<String> = parts.into_iter().flatten().collect();
    (!parts.is_empty()).then(|| format!("left out, for nothing else could come of it: {}", parts.join("; ")))
}

fn counted_es(count: u32, thing: &str) -> String {
    if count == 1 { format!("1 {thing}") } else { format!("{count} {thing}es") }
}

/// The way to what is broken: each step with its number, and below it what came of it.
fn story(design: &str, found: &Found, paint: Paint) -> String {
    let Found { property, why, story } = found;
    let mut text = format!("\n{}\n\n", paint.paint(Style::Bad, format_args!("{design} breaks {property}")));
    for (nth, told) in story.iter().enumerate() {
        let hanging = " ".repeat(6);
        let step = wrap(&told.step, &hanging, COLUMNS);
        text.push_str(&format!("  {:>2}  {}\n", nth + 1, step.trim()));
        for note in &told.notes {
            text.push_str(&paint.paint(Style::Faint, wrap(note, "        ", COLUMNS).trim_end()));
            text.push('\n');
        }
    }
    let why = wrap(&format!("✗ {why}"), "      ", COLUMNS);
    text + &format!("{}\n", paint.paint(Style::Bad, why.trim_end()))
}
