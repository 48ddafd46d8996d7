//! The plan of the house, held: a file imports only from lower floors, no file outgrows its reader, and a few words are
//! not written at all.

use std::fs;
use std::path::{Path, PathBuf};

/// Rooms by floor. A file may import from its own room and from every room of a lower floor; on the floors marked so,
/// not from its neighbours.
const FLOORS: &[(&[&str], bool)] = &[
    (&["time", "id", "rng", "op"], true),
    (&["history", "trace", "column", "by_key", "slab"], false),
    (&["protocol", "model", "check", "metrics"], false),
    (&["protocol/", "sim"], false),
    (&["scenario", "explore", "registry", "judge"], true),
    (&["report", "testing", "cli", "main"], true),
];

/// The files that are the contract, floor 2; the rest of `protocol/` are protocols, floor 3.
const CONTRACT: &[&str] = &[
    "mod.rs",
    "context.rs",
    "about.rs",
    "embed.rs",
    "harness.rs",
    "outbox.rs",
    "hybrid_clock.rs",
    "mutant.rs",
    "symmetry.rs",
];

/// What protocols may import from the crate: floor 0, the observations, and the contract.
const FOR_PROTOCOLS: &[&str] = &["time", "id", "rng", "op", "trace", "protocol"];

/// The protocols that are made of others, which alone they may import.
const MADE_OF: &[(&str, &[&str])] =
    &[("lease_store", &["primary_backup", "raft"]), ("orchestrated", &["primary_backup", "raft"])];

/// What no code of the product says, and why.
const BANNED: &[(&str, &str)] = &[
    ("HashMap", "its order differs from run to run"),
    ("HashSet", "its order differs from run to run"),
    ("SystemTime", "a run knows no wall clock"),
    ("Instant::now", "a run knows no wall clock"),
    ("thread_rng", "chance comes from named streams"),
    ("rand::random", "chance comes from named streams"),
    ("rand_distr", "its floats differ between platforms"),
    ("dyn Any", "messages have types"),
    ("todo!", "nothing is left undone"),
    ("unimplemented!", "nothing is left undone"),
];

const LINES_MAX: usize = 700;

fn sources() -> Vec<(PathBuf, String)> {
    fn walk(folder: &Path, found: &mut Vec<(PathBuf, String)>) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                walk(&path, found);
            } else if path.extension().is_some_and(|e| e == "rs") {
                let text = fs::read_to_string(&path).unwrap();
                found.push((path, text));
            }
        }
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut found = Vec::new();
    walk(&root, &mut found);
    found.iter_mut().for_each(|(path, _)| *path = path.strip_prefix(&root).unwrap().to_path_buf());
    found.sort();
    assert!(found.len() > 30, "the sources were found");
    found
}

/// The room of a file, as [`FLOORS`] names it.
fn room(path: &Path) -> String {
    let mut parts = path.iter().map(|part| part.to_str().unwrap());
    let first = parts.next().unwrap().trim_end_matches(".rs").to_string();
    match parts.next() {
        Some(second) if first == "protocol" && !CONTRACT.contains(&second) => "protocol/".to_string(),
        _ => first,
    }
}

fn floor(room: &str) -> usize {
    let floor = FLOORS.iter().position(|(rooms, _)| rooms.contains(&room));
    floor.unwrap_or_else(|| panic!("`{room}` is on no floor: give it one in tests/layers.rs"))
}

/// The rooms that a file's code imports or names by `crate::`.
fn imports(text: &str) -> Vec<&str> {
    let code = text.split("\n#[cfg(test)]").next().unwrap();
    let lines = code.lines().filter(|line| !line.trim_start().starts_with("//"));
    let after = lines.flat_map(|line| line.split("crate::").skip(1));
    after.map(|rest| rest.split(|c: char| !c.is_alphanumeric() && c != '_').next().unwrap()).collect()
}

#[test]
fn imports_go_downstairs() {
    let mut wrong = Vec::new();
    for (path, text) in sources() {
        let from = room(&path);
        if from == "lib" {
            continue;
        }
        for to in imports(&text) {
            let is_own = to == from || (from == "protocol/" && to == "protocol");
            if is_own || to == "riftzone" || to.is_empty() {
                continue;
            }
            let (here, there) = (floor(&from), floor(to));
            let may = here > there || (here == there && FLOORS[here].1);
            let named_protocol = from == "sim" && to == "protocol/";
            if !may || named_protocol || (from == "protocol/" && !FOR_PROTOCOLS.contains(&to)) {
                wrong.push(format!("{}: imports `{to}`", path.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "against the plan:\n{}", wrong.join("\n"));
}

#[test]
fn the_world_knows_no_protocol_by_name() {
    for (path, text) in sources().into_iter().filter(|(path, _)| room(path) == "sim") {
        for name in ["raft", "last_writer_wins", "primary_backup"] {
            assert!(!text.contains(&format!("protocol::{name}")), "{} names {name}", path.display());
        }
    }
}

#[test]
fn a_protocol_knows_no_other_but_those_that_it_is_made_of() {
    let sources = sources();
    let name = |path: &Path| path.iter().nth(1).unwrap().to_str().unwrap().trim_end_matches(".rs").to_string();
    let files = || sources.iter().filter(|(path, _)| room(path) == "protocol/");
    let folders = files().filter(|(path, _)| path.iter().count() > 2);
    let names: std::collections::BTreeSet<String> = folders.map(|(path, _)| name(path)).collect();
    let mut composed = 0;
    for (path, text) in files() {
        let own = name(path);
        let parts = MADE_OF.iter().find(|(whole, _)| *whole == own).map_or(&[][..], |(_, parts)| parts);
        for other in names.iter().filter(|other| **other != own) {
            let said = ["crate::protocol::", "super::", "super::super::"].iter();
            if said.into_iter().any(|way| text.contains(&format!("use {way}{other}"))) {
                assert!(parts.contains(&&**other), "{} imports {other}", path.display());
                composed += 1;
            }
        }
    }
    assert!(composed > 0, "the imports were found");
}

#[test]
fn reports_do_not_run_worlds() {
    for (path, text) in sources().into_iter().filter(|(path, _)| room(path) == "report") {
        let runs = ["simulate(", "simulate::", "::simulate"].iter().any(|call| text.contains(call));
        assert!(!runs, "{} runs a world", path.display());
    }
}

#[test]
fn banned_words_are_not_written() {
    let mut wrong = Vec::new();
    for (path, text) in sources() {
        for (line, code) in text.lines().enumerate().filter(|(_, line)| !line.trim_start().starts_with("//")) {
            for (word, why) in BANNED.iter().filter(|(word, _)| code.contains(word)) {
                wrong.push(format!("{}:{}: `{word}`: {why}", path.display(), line + 1));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn no_file_outgrows_its_reader() {
    let long = sources().into_iter().filter(|(_, text)| text.lines().count() > LINES_MAX);
    let long: Vec<_> = long.map(|(path, text)| format!("{}: {} lines", path.display(), text.lines().count())).collect();
    assert!(long.is_empty(), "more than {LINES_MAX} lines:\n{}", long.join("\n"));
}

#[test]
fn every_file_says_what_it_is_for() {
    for (path, text) in sources() {
        assert!(text.starts_with("//!"), "{} does not begin with its purpose", path.display());
    }
}
