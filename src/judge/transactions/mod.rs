//! Transactional histories made elsewhere: reading them as [`Transactions`].
//!
//! | format | reader | sessions, outcomes, times |
//! |---|---|---|
//! | Elle's list-append and rw-register, Jepsen's EDN or JSON | `elle.rs` | processes; ok, fail, info; times of the file |
//! | Plume and PolySI | `plume.rs` | named; -1 is aborted; no times |
//! | AWDIT's tests | `awdit.rs` | in order; all committed; no times |
//! | dbcop's text | `dbcop.rs` | in order; `!` is aborted; no times |
//!
//! Keys are numbered in the order in which they come; values keep their own number where all are whole numbers that are
//! not negative, else they are numbered by rank. No reader panics on input.
//!
//! ```
//! use riftzone::check::transactions::{Level, Options, judge};
//! use riftzone::judge::transactions::read_transactions;
//!
//! let text = "w x 1\nw y 1\n=====\nr x 1\n-----\nr y 1";
//! let foreign = read_transactions(text, None)?;
//! assert_eq!((foreign.history.len(), foreign.key_name(riftzone::id::Key(1))), (3, "y"));
//! assert!(judge(&foreign.history, &Options::default()).verdict(Level::SessionSerializable).is_pass());
//! # Ok::<(), riftzone::judge::Malformed>(())
//! ```
//!
//! Next: `draft.rs`, what the readers of text fill.

mod awdit;
mod dbcop;
mod draft;
mod elle;
mod plume;
#[cfg(test)]
mod tests;

use super::error::Malformed;
use super::{Format, Recording, jepsen};
use crate::check::transactions::Transactions;
use crate::id::Key;

/// A transactional history of others.
#[derive(Clone, Debug, PartialEq)]
pub struct ForeignTransactions {
    /// The history.
    pub history: Transactions,
    /// By key: its name in the file.
    keys: Vec<String>,
}

impl ForeignTransactions {
    /// What a key is called in the file; empty where it has none.
    pub fn key_name(&self, key: Key) -> &str {
        self.keys.get(key.index()).map_or("", String::as_str)
    }
}

/// A format of files with transactional histories.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TransactionFormat {
    /// Jepsen's `history.edn` with `:f :txn`, as Elle reads it.
    ElleEdn,
    /// The same in JSON.
    ElleJson,
    /// A micro-operation a line: `r(key,value,session,transaction)`.
    Plume,
    /// A micro-operation a line: `r key value`, with lines of dashes and of equals signs between them.
    Awdit,
    /// A transaction in brackets: `[x:=1 y==2]`, with lines of dashes between sessions.
    Dbcop,
}

impl TransactionFormat {
    /// All of them.
    pub const ALL: [TransactionFormat; 5] = [
        TransactionFormat::ElleEdn,
        TransactionFormat::ElleJson,
        TransactionFormat::Plume,
        TransactionFormat::Awdit,
        TransactionFormat::Dbcop,
    ];

    /// The name on the command line.
    pub const fn name(self) -> &'static str {
        match self {
            TransactionFormat::ElleEdn => "elle-edn",
            TransactionFormat::ElleJson => "elle-json",
            TransactionFormat::Plume => "plume",
            TransactionFormat::Awdit => "awdit",
            TransactionFormat::Dbcop => "dbcop",
        }
    }

    /// The format that the first line with content shows; Elle's where it shows none.
    pub fn of(text: &str) -> TransactionFormat {
        let lines = text.trim_start_matches('\u{feff}').lines().map(str::trim);
        let first = lines.clone().find(|line| !line.is_empty() && !line.starts_with("//") && !line.starts_with('-'));
        let Some(first) = first else { return TransactionFormat::ElleEdn };
        let is_op = |after: char| first.starts_with(['r', 'w']) && first[1..].starts_with(after);
        if is_op('(') {
            TransactionFormat::Plume
        } else if is_op(' ') || is_op('\t') || first.starts_with('=') {
            TransactionFormat::Awdit
        } else if first.starts_with('[') && !first.contains('{') && (first.contains(":=") || first.contains("==")) {
            TransactionFormat::Dbcop
        } else if Format::of(text) == Format::JepsenJson {
            TransactionFormat::ElleJson
        } else {
            TransactionFormat::ElleEdn
        }
    }
}

/// The transactions of a recording that asks for nothing else.
pub(super) fn of_recording(text: &str, recording: &Recording) -> Result<ForeignTransactions, Malformed> {
    elle::transactions(text, recording)
}

/// Reads a transactional history, in the format that its content shows, or in this one. `O(n log n)`.
///
/// # Errors
/// Where it is malformed, with the place; or where a micro-operation is of a kind that is not known.
pub fn read_transactions(text: &str, format: Option<TransactionFormat>) -> Result<ForeignTransactions, Malformed> {
    match format.unwrap_or_else(|| TransactionFormat::of(text)) {
        TransactionFormat::ElleEdn => elle::transactions(text, &jepsen::read_edn(text)?),
        TransactionFormat::ElleJson => elle::transactions(text, &jepsen::read_json(text)?),
        TransactionFormat::Plume => plume::read(text),
        TransactionFormat::Awdit => awdit::read(text),
        TransactionFormat::Dbcop => dbcop::read(text),
    }
}
