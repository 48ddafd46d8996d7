//! Our own JSON lines: what `riftzone run --history` writes, an operation a line, in the order of invocation.
//!
//! ```json
//! {"id":0,"client":3,"region":"eu-west-1","op":"compare_and_set","key":7,"invoked_ns":5,"completed_ns":9,"outcome":"ok","server":"eu-west-1","expected":null,"value":12,"matched":false,"seen":4}
//! ```
//!
//! | name | is |
//! |---|---|
//! | `id` | the operation's number; skipped, lines are numbered from 0 |
//! | `client` | who asked, a number |
//! | `op` | `read`, `write` or `compare_and_set` |
//! | `key` | a number |
//! | `invoked_ns`, `completed_ns` | whole nanoseconds; `completed_ns` is null iff the outcome is unknown |
//! | `outcome` | `ok`, `fail` or `unknown` |
//! | `value` | what a write or compare-and-set writes, a number |
//! | `expected` | what a compare-and-set expects, a number, or null for a key that was never written |
//! | `seen` | what was read, or found by a compare-and-set that did not match; null where the key was never written |
//! | `matched` | whether a compare-and-set found what it expected |
//! | `region`, `server` | where the client was and which node decided; they may be null or missing |
//!
//! Next: `foreign.rs`.

use serde_json::Value as Json;

use super::datum::Datum;
use super::error::Malformed;
use super::jepsen::json_values;
use super::recording::{Recorded, Recording, refused};
use crate::history::Outcome;
use crate::id::ClientId;
use crate::time::Time;

/// Reads JSON lines.
///
/// # Errors
/// Where a line is not as above.
pub fn read(text: &str) -> Result<Recording, Malformed> {
    let mut operations = Vec::new();
    for (at, json) in json_values(text)? {
        operations.push(operation(&json).map_err(|why| Malformed::at(text, at, why))?);
    }
    operations.sort_by_key(|operation| operation.invoked);
    Ok(Recording { operations, is_timed: true })
}

fn operation(json: &Json) -> Result<Recorded, String> {
    let number = |name: &str| json[name].as_u64().ok_or_else(|| format!("`{name}` is a whole number"));
    let text = |name: &str| json[name].as_str().ok_or_else(|| format!("`{name}` is a string"));
    let data = |name: &str| Datum::from_json(&json[name]);
    let f = text("op")?;
    let (input, is_cas) = match f {
        "read" => (Datum::Nil, false),
        "write" => (Datum::Int(number("value")?.into()), false),
        "compare_and_set" => {
            if !json["expected"].is_null() {
                number("expected")?;
            }
            (Datum::Vector(vec![data("expected"), Datum::Int(number("value")?.into())]), true)
        }
        _ => return Err(format!("`op` is read, write or compare_and_set, not {f}")),
    };
    if !json["seen"].is_null() {
        number("seen")?;
    }
    let outcome = match text("outcome")? {
        "ok" => Outcome::Ok,
        "fail" => Outcome::Fail,
        "unknown" => Outcome::Unknown,
        other => return Err(format!("`outcome` is ok, fail or unknown, not {other}")),
    };
    let invoked = number("invoked_ns")?;
    let completed = match (outcome, json["completed_ns"].is_null()) {
        (Outcome::Unknown, true) => Time::NEVER,
        (Outcome::Unknown, false) => return Err("an operation with unknown outcome did not complete".into()),
        _ => Time::from_nanos(number("completed_ns")?),
    };
    let is_whole = invoked < u64::MAX && (completed != Time::NEVER || outcome == Outcome::Unknown);
    if completed < Time::from_nanos(invoked) || !is_whole {
        return Err("an operation completes after it was invoked, and before the end of time".into());
    }
    let output = match outcome {
        Outcome::Ok if f == "read" => Some(data("seen")),
        Outcome::Ok if is_cas && json["matched"] == Json::Bool(false) => Some(refused(Some(data("seen")))),
        Outcome::Ok => Some(input.clone()),
        _ => None,
    };
    let client = u32::try_from(number("client")?).map_err(|_| "`client` has at most 32 bits".to_string())?;
    let name = |name: &str| json[name].as_str().map(str::to_string);
    Ok(Recorded {
        client: ClientId(client),
        f: if is_cas { "cas".into() } else { f.into() },
        key: Some(Datum::Int(number("key")?.into())),
        input,
        output,
        outcome,
        invoked: Time::from_nanos(invoked),
        completed,
        region: name("region"),
        server: name("server"),
    })
}
