//! Histories made elsewhere: reading them, and judging them by the same checkers as our own.
//!
//! Every reader takes a text and gives a history or a [`Malformed`] with line and column; none panics on input.
//!
//! ```
//! use riftzone::check::wgl::Effort;
//! use riftzone::judge::read;
//!
//! let text = "
//!     {:process 0, :type :invoke, :f :write, :value 1}
//!     {:process 0, :type :ok,     :f :write, :value 1}
//!     {:process 1, :type :invoke, :f :read,  :value nil}
//!     {:process 1, :type :ok,     :f :read,  :value nil}";
//! let foreign = read(text, None)?;
//! assert!(foreign.linearizable(Effort::default()).verdict.is_fail());
//! # Ok::<(), riftzone::judge::Malformed>(())
//! ```
//!
//! In order: `error.rs`, `datum.rs` and `edn.rs` (data), `recording.rs` (operations, whatever the object), `format.rs`
//! with `jepsen.rs`, `log.rs` and `lines.rs` (the readers), `foreign.rs` (what kind of object it is), `verdict.rs`
//! and `levels.rs` (judging), `export.rs` (the writers). Next: `datum.rs`.

mod datum;
pub mod edn;
mod error;
mod export;
mod foreign;
mod format;
mod jepsen;
mod levels;
mod lines;
mod log;
mod recording;
pub mod transactions;
mod verdict;

pub use datum::Datum;
pub use error::Malformed;
pub use export::{Export, export};
pub use foreign::{Foreign, Object, Objects};
pub use format::Format;
pub use levels::Findings;
pub use recording::{Recorded, Recording};
pub use transactions::{ForeignTransactions, TransactionFormat, read_transactions};
pub use verdict::Finding;

/// A history of either kind.
#[derive(Clone, Debug)]
pub enum Elsewhere {
    /// Of operations on one object each.
    Operations(Foreign),
    /// Of transactions over several keys.
    Transactions(ForeignTransactions),
}

/// A format of history files of either kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AnyFormat {
    /// Of operations.
    Operations(Format),
    /// Of transactions.
    Transactions(TransactionFormat),
}

/// Reads a history of either kind, in the format that its content shows, or in this one.
///
/// # Errors
/// Where it is malformed, with the place; or where it is not about a kind of object that is known.
pub fn read_any(text: &str, format: Option<AnyFormat>) -> Result<Elsewhere, Malformed> {
    match format {
        Some(AnyFormat::Transactions(format)) => read_transactions(text, Some(format)).map(Elsewhere::Transactions),
        Some(AnyFormat::Operations(format)) => read(text, Some(format)).map(Elsewhere::Operations),
        None => match TransactionFormat::of(text) {
            // Elle's files are Jepsen's, and what they ask tells that they are about transactions.
            TransactionFormat::ElleEdn | TransactionFormat::ElleJson => {
                let recording = Format::of(text).read(text)?;
                if recording.operations.iter().any(|operation| operation.f == "txn") {
                    return transactions::of_recording(text, &recording).map(Elsewhere::Transactions);
                }
                Foreign::new(recording).map(Elsewhere::Operations).map_err(|why| Malformed::at(text, 0, why))
            }
            format => read_transactions(text, Some(format)).map(Elsewhere::Transactions),
        },
    }
}

/// Reads a history of operations, in the format that its content shows, or in this one.
///
/// # Errors
/// Where it is malformed, with the place; or where it is not about a kind of object that is known.
pub fn read(text: &str, format: Option<Format>) -> Result<Foreign, Malformed> {
    let recording = format.unwrap_or_else(|| Format::of(text)).read(text)?;
    Foreign::new(recording).map_err(|why| Malformed::at(text, 0, why))
}
