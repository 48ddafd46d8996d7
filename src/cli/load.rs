//! Files, and what is chosen from them.
//!
//! Next: `sweep.rs`.

use std::fs;
use std::io::Write;
use std::path::Path;

use crate::scenario::{Design, Scenario};

use super::exit::Failure;

/// A scenario and the text that it was read from.
#[derive(Debug)]
pub struct Loaded {
    /// The file, as the user named it.
    pub file: String,
    /// Its text.
    pub text: String,
    /// What it says.
    pub scenario: Scenario,
}

impl Loaded {
    /// Reads a scenario file.
    pub fn read(file: &str) -> Result<Loaded, Failure> {
        let text = read(file)?;
        match Scenario::parse(&text, file) {
            Ok(scenario) => Ok(Loaded { file: file.into(), text, scenario }),
            Err(error) => Err(Failure::Scenario { error: Box::new(error), text }),
        }
    }

    /// Reads a scenario file for a run of one seed: what the seed breaks is planned.
    pub fn read_for(file: &str, seed: u64) -> Result<Loaded, Failure> {
        let mut loaded = Loaded::read(file)?;
        if loaded.scenario.setup.chaos.is_some() {
            loaded.scenario.setup = loaded.scenario.setup.settled(seed);
        }
        Ok(loaded)
    }

    /// The design of this name; the file's first where none is asked for.
    pub fn design(&self, name: Option<&str>) -> Result<&Design, Failure> {
        match name {
            None => Ok(&self.scenario.designs[0]),
            Some(name) => self.scenario.designs.iter().find(|design| design.name == name).ok_or_else(|| {
                let names: Vec<&str> = self.scenario.designs.iter().map(|design| design.name.as_str()).collect();
                Failure::unknown("design", name, &names)
            }),
        }
    }

    /// The designs of these names, each once; all of the file's where none is asked for.
    pub fn designs(&self, names: &[String]) -> Result<Vec<&Design>, Failure> {
        if names.is_empty() {
            return Ok(self.scenario.designs.iter().collect());
        }
        let mut designs: Vec<&Design> = Vec::new();
        for name in names {
            let design = self.design(Some(name.trim()))?;
            if designs.iter().all(|chosen| chosen.name != design.name) {
                designs.push(design);
            }
        }
        Ok(designs)
    }
}

/// Scenario files: those named, and of each folder named those in it, by name. A folder of a project may hold other TOML:
/// what has no `[topology]` and no `[design]` is not taken from a folder.
pub fn scenario_files(named: &[String]) -> Result<Vec<String>, Failure> {
    let mut files = Vec::new();
    for path in named {
        if !Path::new(path).is_dir() {
            files.push(path.clone());
            continue;
        }
        let failed = |error| Failure::File { action: "read", path: path.clone(), error };
        let mut found = Vec::new();
        for entry in fs::read_dir(path).map_err(failed)? {
            let file = entry.map_err(failed)?.path();
            let is_toml = file.extension().is_some_and(|ending| ending == "toml");
            if is_toml && file.is_file() && is_scenario(&fs::read_to_string(&file).map_err(failed)?) {
                found.push(file.to_string_lossy().into_owned());
            }
        }
        if found.is_empty() {
            let help = Some("scenarios end in `.toml`, and have a `[topology]` and a `[design.NAME]`".into());
            return Err(Failure::Usage { message: format!("there is no scenario in the folder {path}"), help });
        }
        found.sort();
        files.extend(found);
    }
    Ok(files)
}

fn is_scenario(text: &str) -> bool {
    ["[topology", "[design"].iter().all(|table| text.lines().any(|line| line.trim_start().starts_with(table)))
}

/// Where the baseline of a scenario is: `S.baseline.json` beside `S.toml`.
pub fn baseline_path(file: &str) -> String {
    format!("{}.baseline.json", file.strip_suffix(".toml").unwrap_or(file))
}

/// Reads a text file.
pub fn read(path: &str) -> Result<String, Failure> {
    let bytes = fs::read(path).map_err(|error| Failure::File { action: "read", path: path.into(), error })?;
    String::from_utf8(bytes).map_err(|error| {
        let before = String::from_utf8_lossy(&error.as_bytes()[..error.utf8_error().valid_up_to()]);
        let line = before.matches('\n').count() + 1;
        let column = before.rsplit('\n').next().map_or(0, |last| last.chars().count()) + 1;
        let message = format!("{path}:{line}:{column}: this is not text in UTF-8");
        Failure::Usage { message, help: None }
    })
}

/// Adds to the end of a file, which need not be there yet.
pub fn append(path: &str, text: &str) -> Result<(), Failure> {
    let write = |mut file: fs::File| file.write_all(text.as_bytes());
    let file = fs::OpenOptions::new().create(true).append(true).open(path);
    file.and_then(write).map_err(|error| Failure::File { action: "write", path: path.into(), error })
}

/// Writes a file, in place of one that may be there.
pub fn write(path: &str, text: &str) -> Result<(), Failure> {
    write_bytes(path, text.as_bytes())
}

/// The same, of what is no text.
pub fn write_bytes(path: &str, bytes: &[u8]) -> Result<(), Failure> {
    fs::write(path, bytes).map_err(|error| Failure::File { action: "write", path: path.into(), error })
}
