//! Histories made elsewhere: reading them, and judging them by the same checkers as our own.
//!
//! Every reader takes a text and gives a history or a [`Malformed`] with line and column; none panics on input.

mod error;

pub use error::Malformed;
