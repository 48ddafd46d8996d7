//! What a property test found, made small.

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};

use crate::explore::hunt::Watcher;
use crate::explore::property::Property;
use crate::explore::shrink::{Case, Runs, shrink};
use crate::explore::strategies::World;
use crate::report::Paint;
use crate::report::story::{Plot, Story, space_time, told};
use crate::time::{Duration, Time};
use crate::trace::{Digest, Rows, Trace};

/// A failure of a property test.
#[derive(Clone, Debug)]
pub struct Failed {
    /// What was broken.
    pub property: Property,
    /// How.
    pub why: String,
    /// The scenario, with the only design standing for what was tested.
    pub scenario: String,
    /// The seed.
    pub seed: u64,
    /// The digest of the run.
    pub digest: Digest,
    /// How many faults there are.
    pub faults: usize,
    /// How many operations there were.
    pub operations: u64,
    /// What happened, in words.
    pub story: String,
    /// Where the scenario was written; beside it are the story and its picture.
    pub file: Option<PathBuf>,
    title: String,
    meaning: String,
    /// Why nothing was written, where it was to be.
    unwritten: Option<String>,
}

impl Failed {
    /// Makes what this world broke small, and tells it.
    pub(super) fn of(
        name: &str,
        world: World,
        property: Property,
        runs: &Runs,
        steps: u64,
        folder: Option<&Path>,
    ) -> Failed {
        let case =
            Case { document: world.document, seed: world.seed, property: property.clone(), is_planned_so: false };
        let shrunk = shrink(&case, runs, steps, &Watcher::default()).expect("it failed, and a run is the same again");
        let trace = Trace::up_to(Time::NEVER, Duration::MAX).filmed().keeping(Rows::All);
        let (scenario, run) = shrunk.case.run(runs, trace).expect("it was run just now");
        let plot = Plot {
            design: name,
            topology: &scenario.setup.topology,
            faults: &scenario.setup.faults,
            run: &run,
            broken: &shrunk.broken,
            at: shrunk.case.instant(runs, &shrunk.broken),
        };
        let story = Story::of(&plot);
        let mut failed = Failed {
            property,
            why: shrunk.broken.why.clone(),
            scenario: shrunk.case.document.text(),
            seed: shrunk.case.seed,
            digest: shrunk.digest,
            faults: shrunk.after.faults,
            operations: shrunk.after.operations,
            story: told(&story, 2, Paint::Off),
            file: None,
            title: story.title.clone(),
            meaning: story.meaning.clone(),
            unwritten: None,
        };
        if let Some(folder) = folder {
            let file = folder.join(format!("{name}.{}.toml", failed.property.name().replace([':', '/'], "-")));
            match failed.write(&file, &space_time(&story)) {
                Ok(()) => failed.file = Some(file),
                Err(error) => failed.unwritten = Some(format!("{}: {error}", file.display())),
            }
        }
        failed
    }

    fn write(&self, file: &Path, picture: &str) -> std::io::Result<()> {
        file.parent().map_or(Ok(()), fs::create_dir_all)?;
        let head = format!(
            "# {}: {}.\n# Seed {}, digest {}. The design stands for the protocol that was tested.\n\n",
            self.title, self.meaning, self.seed, self.digest
        );
        fs::write(file, head + &self.scenario)?;
        fs::write(file.with_extension("txt"), self.to_string())?;
        fs::write(file.with_extension("svg"), picture)
    }
}

impl fmt::Display for Failed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}: {}", self.title, self.meaning)?;
        writeln!(f, "  seed {}, digest {}, made small:\n\n{}", self.seed, self.digest, self.story)?;
        for line in self.scenario.lines() {
            writeln!(f, "    {line}")?;
        }
        if let Some(file) = &self.file {
            writeln!(f, "\n  written to {}", file.display())?;
        }
        self.unwritten.iter().try_for_each(|why| writeln!(f, "\n  not written: {why}"))
    }
}

impl std::error::Error for Failed {}
