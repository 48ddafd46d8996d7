//! What an exploration came to, for people and for programs.

use serde_json::{Value, json};

use crate::explore::exhaustive::{Bounds, Cut, Explored, Found, Tiny};

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
    /// Good where everything was seen and nothing is broken.
    pub fn conclusion(&self) -> Conclusion {
        match (&self.explored.broken, self.explored.is_complete()) {
            (Some(_), _) => Conclusion::Broken,
            (None, true) => Conclusion::Held,
            (None, false) => Conclusion::Inconclusive,
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
            "{} states, {} steps between them, {} deep",
            grouped(explored.states),
            grouped(explored.transitions),
            explored.depth
        );
        let (style, how) = match explored.cut {
            None => (Style::Good, "all of them, and nothing is broken".to_string()),
            Some(Cut::Broken) => (Style::Bad, "something is broken".to_string()),
            Some(Cut::Depth) => (Style::Doubt, format!("cut off: ways go on after {} steps", tiny.bounds.depth)),
            Some(Cut::States) => (Style::Doubt, "cut off: there are more states".to_string()),
        };
        text.push_str(&format!("  {far}: {}\n", paint.paint(style, how)));
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
            "cut": explored.cut.map(|cut| match cut {
                Cut::Depth => "depth",
                Cut::States => "states",
                Cut::Broken => "broken",
            }),
            "broken": explored.broken.as_ref().map(story),
        })
    }
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
