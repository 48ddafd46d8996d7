//! Histories with known verdicts: every one must be judged as known.
//!
//! Those of `tests/histories` always: they have every shape that is read. Those that others recorded are not part of the
//! product: their folder is found by `RIFTZONE_HISTORIES`, and where that is not set, the test says on stderr that it was
//! skipped. Its layout:
//!
//! | folder | verdict |
//! |---|---|
//! | `etcd/` | `EXPECTED`: the number of a file, and `true` where it is linearizable |
//! | `kv/` | in the name: `-ok`, `-bad` |
//! | `knossos-good/`, `knossos-bad/` | by folder |

use std::fs;
use std::path::{Path, PathBuf};

use riftzone::check::Verdict;
use riftzone::check::wgl::Effort;
use riftzone::judge::read;

/// A set of files, whether each passes, and who judges it.
struct Set {
    name: &'static str,
    files: Vec<(PathBuf, bool)>,
    judge: fn(&str) -> Result<Verdict, String>,
}

#[test]
fn histories_of_every_shape_are_judged_as_known() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/histories");
    let is_history = |path: &PathBuf| path.extension().is_some_and(|extension| extension != "md");
    let verdict = |path: &PathBuf| (path.clone(), path.file_stem().unwrap().to_str().unwrap().ends_with("-ok"));
    let files: Vec<(PathBuf, bool)> = files(&root).iter().filter(|path| is_history(path)).map(verdict).collect();
    assert_eq!(files.len(), 26, "every kind is there, once right and once wrong");
    assert_eq!(files.iter().filter(|file| file.1).count(), 13);
    assert_all_known(&[Set { name: "every shape", files, judge: linearizable }]);
}

#[test]
fn histories_of_others_are_judged_as_known() {
    let Some(root) = std::env::var_os("RIFTZONE_HISTORIES").map(PathBuf::from) else {
        eprintln!("SKIPPED: histories of others were NOT judged: RIFTZONE_HISTORIES does not name their folder");
        return;
    };
    assert_all_known(&[
        Set { name: "etcd", files: etcd(&root.join("etcd")), judge: linearizable },
        Set { name: "kv", files: kv(&root.join("kv")), judge: linearizable },
        Set { name: "knossos-good", files: all(&root.join("knossos-good"), true), judge: linearizable },
        Set { name: "knossos-bad", files: all(&root.join("knossos-bad"), false), judge: linearizable },
    ]);
}

/// Counts them, and fails on any difference.
fn assert_all_known(sets: &[Set]) {
    let mut wrong = Vec::new();
    for set in sets {
        assert!(!set.files.is_empty(), "{} has no files", set.name);
        let mut right = 0;
        for (path, passes) in &set.files {
            let text = fs::read_to_string(path).unwrap();
            match (set.judge)(&text) {
                Ok(verdict) if (verdict.is_pass(), verdict.is_fail()) == (*passes, !*passes) => right += 1,
                other => wrong.push(format!("{}: expected {passes}, but {other:?}", path.display())),
            }
        }
        eprintln!("{}: {right} of {} judged as known", set.name, set.files.len());
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

fn linearizable(text: &str) -> Result<Verdict, String> {
    let foreign = read(text, None).map_err(|error| error.to_string())?;
    Ok(foreign.linearizable(Effort::default()).verdict)
}

/// The files of a folder, by name.
fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths
}

fn all(folder: &Path, passes: bool) -> Vec<(PathBuf, bool)> {
    files(folder).into_iter().map(|path| (path, passes)).collect()
}

fn kv(folder: &Path) -> Vec<(PathBuf, bool)> {
    let passes = |path: &PathBuf| path.file_stem().unwrap().to_str().unwrap().ends_with("-ok");
    files(folder).into_iter().map(|path| (path.clone(), passes(&path))).collect()
}

fn etcd(folder: &Path) -> Vec<(PathBuf, bool)> {
    let expected = fs::read_to_string(folder.join("EXPECTED")).unwrap();
    let file = |line: &str| {
        let (number, passes) = line.split_once(' ').unwrap();
        (folder.join(format!("etcd_{number:0>3}.log")), passes.trim().parse().unwrap())
    };
    let files: Vec<(PathBuf, bool)> = expected.lines().map(file).collect();
    let logs = self::files(folder).iter().filter(|path| path.extension().is_some_and(|e| e == "log")).count();
    assert_eq!(files.len(), logs, "every log has its verdict");
    files
}
