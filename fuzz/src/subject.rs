//! What is fuzzed: a reader, and the well-formed texts that its inputs begin with.

use std::fs;
use std::path::{Path, PathBuf};

use riftzone::judge::{Format, TransactionFormat};

/// A reader of files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Subject {
    /// Of histories of operations. Porcupine's `kv` is Jepsen's EDN with other questions.
    Operations(Format),
    /// Of histories of transactions.
    Transactions(TransactionFormat),
    /// Of histories of either kind, which finds out the format itself.
    Any,
    /// Of scenarios.
    Scenario,
}

impl Subject {
    /// The well-formed texts, the empty one first.
    ///
    /// # Panics
    /// Where there are none, or they cannot be read.
    pub fn texts(self) -> Vec<String> {
        let mut texts = vec![String::new()];
        for (folder, name) in self.places() {
            let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
            let entries = fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
            let paths = entries.filter_map(|entry| Some(entry.ok()?.path()));
            let is_seed = |path: &PathBuf| {
                let path = path.to_string_lossy();
                path.ends_with(name) && !path.ends_with(".md")
            };
            let mut paths: Vec<PathBuf> = paths.filter(is_seed).collect();
            paths.sort();
            texts.extend(paths.iter().map(|path| fs::read_to_string(path).expect("a seed can be read")));
        }
        assert!(texts.len() > 1, "{self:?} has no well-formed text");
        texts
    }

    /// Folders, and how the names of files in them end.
    fn places(self) -> &'static [(&'static str, &'static str)] {
        const HISTORIES: &str = "../tests/histories";
        const TRANSACTIONS: &str = "../tests/transactions";
        match self {
            Subject::Operations(Format::JepsenEdn) => &[(HISTORIES, ".edn")],
            Subject::Operations(Format::JepsenJson) => &[(HISTORIES, ".json")],
            Subject::Operations(Format::JepsenLog) => &[(HISTORIES, ".log")],
            Subject::Operations(Format::JsonLines) => &[(HISTORIES, ".jsonl")],
            Subject::Transactions(TransactionFormat::ElleEdn) => &[(TRANSACTIONS, ".edn"), ("seeds", "elle.edn")],
            Subject::Transactions(TransactionFormat::ElleJson) => &[("seeds", "elle.json")],
            Subject::Transactions(TransactionFormat::Plume) => &[("seeds", "plume.txt")],
            Subject::Transactions(TransactionFormat::Awdit) => &[("seeds", "awdit.txt")],
            Subject::Transactions(TransactionFormat::Dbcop) => &[("seeds", "dbcop.txt")],
            Subject::Any => &[(HISTORIES, ""), (TRANSACTIONS, ""), ("seeds", "")],
            Subject::Scenario => &[("../scenarios", ".toml")],
        }
    }
}
