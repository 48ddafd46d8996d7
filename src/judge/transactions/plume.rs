//! The text of Plume and PolySI: a micro-operation a line, with its session and its transaction.
//!
//! ```text
//! w(0,1,0,0)
//! r(0,1,1,4)
//! ```
//!
//! Key, value, session, transaction. The order of lines is that of the session. Transaction -1 is aborted: neighbours of
//! one session are taken as one. Zero is the initial state where no transaction wrote it.

use std::collections::BTreeMap;

use super::ForeignTransactions;
use super::draft::{Access, Draft, lines};
use crate::check::transactions::Status;
use crate::judge::Malformed;

/// In the place of the number of a transaction: it was aborted.
const ABORTED: i64 = -1;

/// Reads it.
///
/// # Errors
/// Where a line is no such micro-operation, or a transaction is in two sessions or is left and taken up again.
pub(super) fn read(text: &str) -> Result<ForeignTransactions, Malformed> {
    let mut draft = Draft::default();
    let mut known: BTreeMap<i64, u64> = BTreeMap::new(); // the session of each transaction
    let mut open: BTreeMap<u64, (i64, usize)> = BTreeMap::new(); // by session
    for (at, line) in lines(text) {
        let wrong = |why: &str| Malformed::at(text, at, why);
        let (is_write, [key, value, session, transaction]) = parts(line).ok_or_else(|| wrong(EXPECTED))?;
        let value: u64 = value.parse().map_err(|_| wrong("a value is a whole number, not negative"))?;
        let session: u64 = session.parse().map_err(|_| wrong("a session is a whole number, not negative"))?;
        let number: i64 = transaction.parse().map_err(|_| wrong("a transaction is a whole number, or -1"))?;
        let place = match open.get(&session) {
            Some((same, place)) if *same == number => *place,
            _ => {
                if number != ABORTED && known.insert(number, session).is_some() {
                    return Err(wrong("this transaction was in another session, or another one came in between"));
                }
                let status = if number == ABORTED { Status::Aborted } else { Status::Committed };
                let place = draft.begin(session, status);
                open.insert(session, (number, place));
                place
            }
        };
        draft.push(place, key, if is_write { Access::Write(value) } else { Access::Read(Some(value)) });
    }
    Ok(draft.finish(true))
}

const EXPECTED: &str = "a line is `w(key,value,session,transaction)` or `r(...)`";

/// Whether a line writes, and its four parts.
fn parts(line: &str) -> Option<(bool, [&str; 4])> {
    let (is_write, rest) = match line.strip_prefix("w(") {
        Some(rest) => (true, rest),
        None => (false, line.strip_prefix("r(")?),
    };
    let mut parts = rest.strip_suffix(')')?.split(',').map(str::trim);
    let four = [parts.next()?, parts.next()?, parts.next()?, parts.next()?];
    (parts.next().is_none() && !four[0].is_empty()).then_some((is_write, four))
}
