//! The text of AWDIT's tests (Møldrup & Pavlogiannis, PLDI 2025).
//!
//! ```text
//! w 0 1
//! r 1 2
//! -----
//! r 0 1
//! =====
//! w 1 2
//! ```
//!
//! A line of dashes ends a transaction, one of equals signs a session. A key, then a value; the initial state is never
//! read: what it was, a transaction of its own wrote.

use super::ForeignTransactions;
use super::draft::{Access, Draft, lines};
use crate::check::transactions::Status;
use crate::judge::Malformed;

/// Reads it.
///
/// # Errors
/// Where a line is none of the above.
pub(super) fn read(text: &str) -> Result<ForeignTransactions, Malformed> {
    let mut draft = Draft::default();
    let (mut session, mut open) = (0, None);
    for (at, line) in lines(text) {
        if is_rule(line, '-') {
            open = None;
        } else if is_rule(line, '=') {
            (session, open) = (session + 1, None);
        } else {
            let (key, access) = access(line).ok_or_else(|| Malformed::at(text, at, EXPECTED))?;
            let transaction = *open.get_or_insert_with(|| draft.begin(session, Status::Committed));
            draft.push(transaction, key, access);
        }
    }
    Ok(draft.finish(false))
}

const EXPECTED: &str = "a line is `w key value`, `r key value`, `-----` or `=====`";

fn is_rule(line: &str, mark: char) -> bool {
    line.chars().all(|c| c == mark)
}

fn access(line: &str) -> Option<(&str, Access)> {
    let mut words = line.split_whitespace();
    let (kind, key, value) = (words.next()?, words.next()?, words.next()?.parse().ok()?);
    let access = match kind {
        "w" => Access::Write(value),
        "r" => Access::Read(Some(value)),
        _ => return None,
    };
    words.next().is_none().then_some((key, access))
}
