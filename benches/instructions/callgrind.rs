//! This program under callgrind, and what its profile says.
//!
//! A profile gives the cost of every source line, where inlined code keeps its own file; so a room's share does not depend
//! on what the compiler inlined into what. What is inlined from the standard library or another crate counts for the
//! product's file that was last before it in the same function, and a call of a function that is not the product's counts
//! for its caller, all that it does included.

use std::collections::BTreeMap;
use std::process::Command;
use std::{env, fs, process};

use crate::paths;

/// What callgrind counted.
pub struct Profile {
    /// Instructions, all together.
    pub collected: u64,
    /// Instructions by room: a file or folder of the product's sources, or `protocol` for those of the bench.
    pub rooms: BTreeMap<String, u64>,
}

/// Counts one path.
///
/// # Errors
/// Where there is no such path, or valgrind is missing or fails.
pub fn profile(name: &str) -> Result<Profile, String> {
    if !paths::PATHS.iter().any(|path| path.name == name) {
        let names: Vec<&str> = paths::PATHS.iter().map(|path| path.name).collect();
        return Err(format!("no path is called `{name}`; there are {}", names.join(", ")));
    }
    let own = env::current_exe().map_err(|error| error.to_string())?;
    let file = env::temp_dir().join(format!("riftzone-callgrind-{}-{name}", process::id()));
    let output = Command::new("valgrind")
        .args(["--tool=callgrind", "--compress-strings=no", "--compress-pos=no", "--dump-line=yes"])
        .arg(format!("--toggle-collect={}", paths::counted(name)))
        .arg(format!("--callgrind-out-file={}", file.display()))
        .arg(own)
        .args(["--run", name])
        // As many in every environment: the loader and the stack see nothing else.
        .env_clear()
        .output()
        .map_err(|error| format!("valgrind cannot be called, and nothing was counted: {error}"))?;
    if !output.status.success() {
        return Err(format!("valgrind failed:\n{}", String::from_utf8_lossy(&output.stderr)));
    }
    let text = fs::read_to_string(&file).map_err(|error| format!("{}: {error}", file.display()));
    let _ = fs::remove_file(&file);
    read(&text?).filter(|profile| profile.collected > 0).ok_or("callgrind's profile cannot be read".into())
}

/// Reads a profile without compression.
fn read(text: &str) -> Option<Profile> {
    let mut profile = Profile { collected: 0, rooms: BTreeMap::new() };
    // The room that the line at hand belongs to; none in a function that is not the product's.
    let mut here: Option<String> = None;
    // The room of the file that the last `fl=` named: its functions follow.
    let mut own: Option<String> = None;
    let mut called_file = None;
    let mut is_call = false;
    let mut add = |room: &Option<String>, cost: u64| {
        if let Some(room) = room {
            *profile.rooms.entry(room.clone()).or_insert(0) += cost;
        }
    };
    for line in text.lines() {
        if let Some(file) = line.strip_prefix("fl=") {
            own = room(file);
            here.clone_from(&own);
        } else if let Some(file) = line.strip_prefix("fi=").or(line.strip_prefix("fe=")) {
            // In a function of another crate, a file of the product's is one that was inlined there, by a closure say.
            here = room(file).or(if own.is_some() { here } else { None });
        } else if line.starts_with("fn=") {
            here.clone_from(&own);
        } else if let Some(file) = line.strip_prefix("cfi=").or(line.strip_prefix("cfl=")) {
            called_file = Some(file);
        } else if line.starts_with("calls=") {
            is_call = true;
        } else if let Some(total) = line.strip_prefix("summary: ").or(line.strip_prefix("totals: ")) {
            profile.collected = total.trim().parse().ok()?;
        } else if line.starts_with(|first: char| first.is_ascii_digit()) {
            let cost = line.split_whitespace().nth(1)?.parse().ok()?;
            // A called function of the product's has lines of its own. Where no file is named, it is in this one.
            let is_counted_there = is_call && called_file.map_or(own.is_some(), |file| room(file).is_some());
            if !is_counted_there {
                add(&here, cost);
            }
            if is_call {
                (is_call, called_file) = (false, None);
            }
        }
    }
    Some(profile)
}

/// The room of a source file of the product's.
fn room(file: &str) -> Option<String> {
    let root = env!("CARGO_MANIFEST_DIR");
    let path = file.strip_prefix(root).map_or(file, |rest| rest.trim_start_matches('/'));
    if path.starts_with("benches/") {
        return Some("protocol".to_string());
    }
    let path = path.strip_prefix("src/").filter(|_| !path.contains("library/"))?;
    let mut parts = path.trim_end_matches(".rs").split('/');
    match (parts.next()?, parts.next()) {
        ("sim", Some(second)) => Some(format!("sim/{second}")),
        (first, _) => Some(first.to_string()),
    }
}
