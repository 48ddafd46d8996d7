//! Transactional histories that others recorded, with verdicts that others found: every one must be judged as known.
//!
//! The folder is not part of the product. It is found by `RIFTZONE_HISTORIES`; where that is not set, this test says on
//! stderr that it was skipped. Its layout: `awdit/<level>/`, where the folder is the strongest of `none`,
//! `read-committed`, `read-atomic` and `causal` that holds, in the sense of AWDIT (that is, with sessions).

use std::fs;
use std::path::{Path, PathBuf};

use riftzone::check::transactions::{Level, Options, TransactionVerdict, Transactions, excerpt, judge};
use riftzone::judge::transactions::read_transactions;

/// The levels that AWDIT knows, from below, each with the folder of what meets no stronger one.
const AWDIT: [(&str, Option<Level>); 4] = [
    ("none", None),
    ("read-committed", Some(Level::SessionReadCommitted)),
    ("read-atomic", Some(Level::ReadAtomic)),
    ("causal", Some(Level::Causal)),
];

/// What is wrong with the judgement of a history that meets just the first `met` of these levels.
fn difference(history: &Transactions, levels: &[Level], met: usize) -> Option<String> {
    let judgement = judge(history, &Options::default());
    levels.iter().enumerate().find_map(|(place, level)| match judgement.verdict(*level) {
        TransactionVerdict::Pass if place < met => None,
        TransactionVerdict::Fail(found) if place >= met => {
            let piece = judge(&excerpt(history, &found.transactions), &Options::default());
            let is_none = !piece.verdict(found.level).is_fail();
            is_none.then(|| format!("{level}: the counterexample breaks nothing: {found:?}"))
        }
        other => Some(format!("{level}: {other:?}")),
    })
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths
}

#[test]
fn every_transactional_history_is_judged_as_known() {
    let Some(root) = std::env::var_os("RIFTZONE_HISTORIES").map(PathBuf::from) else {
        eprintln!("SKIPPED: histories of others were NOT judged: RIFTZONE_HISTORIES does not name their folder");
        return;
    };
    let levels: Vec<Level> = AWDIT.iter().filter_map(|(_, level)| *level).collect();
    let folder = root.join("awdit");
    let known = |path: &PathBuf| AWDIT.iter().any(|(name, _)| path.ends_with(name));
    assert!(files(&folder).iter().all(known), "a folder of {} names no level", folder.display());
    let (mut right, mut all, mut wrong) = (0, 0, Vec::new());
    for (met, (name, _)) in AWDIT.iter().enumerate() {
        for path in files(&folder.join(name)) {
            all += 1;
            let foreign = read_transactions(&fs::read_to_string(&path).unwrap(), None);
            match foreign.map(|foreign| difference(&foreign.history, &levels, met)) {
                Ok(None) => right += 1,
                other => wrong.push(format!("{}: {other:?}", path.display())),
            }
        }
    }
    eprintln!("awdit: {right} of {all} judged as known");
    assert!(all > 0, "no files in {}", folder.display());
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
