//! A hunt: what is reported, the scenario files of what was found, and JSON. Next: `text/hunt.rs`.

use serde_json::{Map, Value, json as object};

use crate::explore::hunt::{Hunted, Trophy};
use crate::explore::shrink::{Shrunk, Size};
use crate::scenario::Scenario;

use super::json::VERSION;
use super::number::{counted, instant};
use super::paint::Paint;
use super::story::{Story, mermaid, sentence, told};
use super::subject::{Conclusion, quoted, replay};
use super::table::wrap;

/// How wide a comment in a scenario file gets.
const COLUMNS: usize = 100;

/// What a hunt through a scenario's designs came to.
#[derive(Debug)]
pub struct HuntReport<'a> {
    /// The scenario's file, as the user named it.
    pub file: &'a str,
    /// The scenario.
    pub scenario: &'a Scenario,
    /// How many runs of each design were asked for.
    pub asked: u64,
    /// The designs that were hunted in.
    pub designs: Vec<DesignHunt>,
}

/// What it came to for one design.
#[derive(Debug)]
pub struct DesignHunt {
    /// The runs.
    pub hunted: Hunted,
    /// What was found, and where it was written.
    pub found: Vec<Written>,
}

/// A finding and its scenario file.
#[derive(Debug)]
pub struct Written {
    /// What was found.
    pub trophy: Trophy,
    /// The path of the file; where the finding could not be made a file of its own, none is there.
    pub path: String,
    /// What happened, in words for a terminal without colors.
    pub told: String,
}

impl HuntReport<'_> {
    /// What the hunt comes to: something is broken, or a verdict was missing, or nothing was found.
    pub fn conclusion(&self) -> Conclusion {
        if self.designs.iter().any(|design| design.hunted.failing > 0) {
            Conclusion::Broken
        } else if self.designs.iter().any(|design| design.hunted.inconclusive > 0) {
            Conclusion::Inconclusive
        } else {
            Conclusion::Held
        }
    }
}

impl Written {
    /// The command line that runs it again.
    pub fn replay(&self, design: &str) -> Option<String> {
        let shrunk = self.trophy.shrunk.as_ref()?;
        Some(replay(&self.path, design, shrunk.case.seed, shrunk.digest))
    }
}

/// How much there is, in words: `2 faults, 3 regions, 14 operations`.
pub fn size_in_words(size: &Size) -> String {
    let [faults, regions] =
        [(size.faults, "fault"), (size.regions, "region")].map(|(count, thing)| counted(count, thing));
    format!("{faults}, {regions}, {}", counted(size.operations as usize, "operation"))
}

/// The path of another file of the same finding: `.svg` in place of `.toml`.
pub fn beside(path: &str, ending: &str) -> String {
    format!("{}.{ending}", path.strip_suffix(".toml").unwrap_or(path))
}

/// The page of a finding, in Markdown: the story, and its diagram where it is short.
pub fn page(story: &Story, written: &str, command: &str) -> String {
    let told = told(story, 0, Paint::Off);
    let name = std::path::Path::new(written).file_name().map_or_else(String::new, |name| name.to_string_lossy().into());
    let svg = beside(&name, "svg");
    let diagram = mermaid(story).map_or(String::new(), |text| format!("\n```mermaid\n{text}```\n"));
    let (title, meaning, why) = (&story.title, sentence(&story.meaning), &story.why);
    format!(
        "# {title}\n\n{meaning}. Here: {why}.\n\n```text\n{told}```\n\n![{title}]({svg})\n{diagram}\nAgain: `{command}`\n"
    )
}

/// The scenario file of a finding: comments that tell what it shows and how to see it, and the scenario.
pub fn file_text(hunted_in: &str, design: &str, trophy: &Trophy, path: &str) -> Option<String> {
    let Shrunk { case, broken, digest, after, is_minimal, .. } = trophy.shrunk.as_ref()?;
    let seed = case.seed;
    let property = &case.property;
    let end = if *is_minimal {
        "Leaving out any one thing breaks it no longer."
    } else {
        "It may get smaller still: the runs allowed for that were spent."
    };
    let found = format!(
        "Found by `riftzone hunt {} --design {}` (riftzone {VERSION}) in run {}, and made small: {}. {end}",
        quoted(hunted_in),
        quoted(design),
        trophy.failure.seed,
        size_in_words(after),
    );
    let breaks = format!("Breaks {property}: {}.", property.meaning());
    let at = broken.at.map_or(String::new(), |at| format!(" at {}", instant(at)));
    let seen = format!("Seed {seed}, digest {digest}{at}: {}", broken.why);
    let mut lines: Vec<String> = [found, breaks, seen].iter().map(|text| wrap(text, "# ", COLUMNS)).collect();
    lines.push("#\n".into());
    lines.push(format!("#   {}\n", replay(path, design, seed, *digest)));
    if let Some(at) = broken.at {
        lines.push(format!("#   {} --until {at}\n", replay(path, design, seed, *digest)));
    }
    lines.push(format!("#   riftzone check {} --seeds {seed}..={seed}\n\n", quoted(path)));
    let mut document = case.document.clone();
    document.root.insert("name".into(), format!("{design} breaks {property}").into());
    Some(lines.concat() + &document.text())
}

/// The hunt as JSON.
pub fn json(report: &HuntReport) -> Value {
    let designs = report.designs.iter().map(|design| (design.hunted.design.clone(), design_json(&design.hunted)));
    let findings = report.designs.iter().flat_map(|design| design.found.iter().map(|found| finding(design, found)));
    object!({
        "scenario": report.scenario.name,
        "file": report.file,
        "version": VERSION,
        "conclusion": report.conclusion().name(),
        "asked_runs": report.asked,
        "designs": designs.collect::<Map<String, Value>>(),
        "findings": findings.collect::<Value>(),
    })
}

fn design_json(hunted: &Hunted) -> Value {
    object!({
        "runs": hunted.runs,
        "events": hunted.steps,
        "features": hunted.features,
        "novel_runs": hunted.novel,
        "failing_runs": hunted.failing,
        "inconclusive_runs": hunted.inconclusive,
    })
}

fn finding(design: &DesignHunt, written: &Written) -> Value {
    let Trophy { failure, shrunk, alike } = &written.trophy;
    let kinds: Vec<&str> = written.trophy.kinds().iter().map(|kind| kind.name()).collect();
    object!({
        "design": design.hunted.design,
        "property": failure.broken.property.name(),
        "why": failure.broken.why,
        "run": failure.seed,
        "digest": failure.digest.to_string(),
        "fault_kinds": kinds,
        "alike": alike,
        "shrunk": shrunk.as_ref().map(|shrunk| object!({
            "file": written.path,
            "seed": shrunk.case.seed,
            "digest": shrunk.digest.to_string(),
            "why": shrunk.broken.why,
            "at_s": shrunk.broken.at.map(crate::time::Time::as_secs_f64),
            "faults": shrunk.after.faults,
            "regions": shrunk.after.regions,
            "operations": shrunk.after.operations,
            "steps": shrunk.steps,
            "minimal": shrunk.is_minimal,
            "story": written.told,
        })),
        "replay": written.replay(&design.hunted.design),
    })
}
