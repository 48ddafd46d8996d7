//! The text of dbcop (Biswas & Enea, OOPSLA 2019): transactions in brackets.
//!
//! ```text
//! // the first session
//! [x:=1 y==2] [z==?]
//! ---
//! [x:=3]!
//! ```
//!
//! `:=` writes and `==` reads; `?` is the initial state, and so is zero where no transaction wrote it. `!` follows a
//! transaction that did not commit, a line of dashes ends a session, and `//` begins a comment.

use super::ForeignTransactions;
use super::draft::{Access, Draft, lines};
use crate::check::transactions::Status;
use crate::judge::Malformed;

/// Reads it.
///
/// # Errors
/// Where a line is not as above.
pub(super) fn read(text: &str) -> Result<ForeignTransactions, Malformed> {
    let mut draft = Draft::default();
    let mut session = 0;
    for (at, line) in lines(text) {
        if line.starts_with("//") {
            continue;
        }
        if line.chars().all(|c| c == '-') {
            session += 1;
            continue;
        }
        let mut rest = line;
        while !rest.is_empty() {
            let here = at + (line.len() - rest.len());
            rest = transaction(text, here, rest, session, &mut draft)?.trim_start();
        }
    }
    Ok(draft.finish(true))
}

/// Reads the transaction at the beginning of `line`, and gives what comes after it.
fn transaction<'a>(
    text: &str,
    at: usize,
    line: &'a str,
    session: u64,
    draft: &mut Draft,
) -> Result<&'a str, Malformed> {
    let inside = line.strip_prefix('[').ok_or_else(|| Malformed::at(text, at, "a transaction begins with `[`"))?;
    let (inside, rest) =
        inside.split_once(']').ok_or_else(|| Malformed::at(text, at, "this transaction has no `]` on its line"))?;
    let place = draft.begin(session, Status::Committed);
    for word in inside.split_whitespace() {
        let why = || Malformed::at(text, at, format!("`{word}` is not `x:=1`, `x==1` or `x==?`"));
        let (key, access) = access(word).ok_or_else(why)?;
        draft.push(place, key, access);
    }
    match rest.strip_prefix('!') {
        Some(rest) => {
            draft.end(place, Status::Aborted);
            Ok(rest)
        }
        None => Ok(rest),
    }
}

fn access(word: &str) -> Option<(&str, Access)> {
    let (key, access) = match word.split_once(":=") {
        Some((key, value)) => (key, Access::Write(value.parse().ok()?)),
        None => match word.split_once("==")? {
            (key, "?") => (key, Access::Read(None)),
            (key, value) => (key, Access::Read(Some(value.parse().ok()?))),
        },
    };
    (!key.is_empty()).then_some((key, access))
}
