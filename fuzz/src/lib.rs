//! Fuzzing of everything that reads a file: each format of histories, and scenarios.
//!
//! ```sh
//! cargo test --manifest-path fuzz/Cargo.toml                  # each reader for a second, on random scripts
//! BOLERO_RANDOM_TEST_TIME_MS=60000 BOLERO_RANDOM_ITERATIONS=10000000 cargo test --manifest-path fuzz/Cargo.toml plume
//! cargo install cargo-bolero                                  # then, guided by coverage, until it is stopped:
//! cd fuzz && cargo +nightly bolero test --sanitizer NONE jepsen_edn
//! ```
//!
//! An input is a [`Script`]: one of the format's well-formed texts (those of `tests/histories`, `tests/transactions`,
//! `fuzz/seeds` and `scenarios`), and how it is broken. [`exercise`] reads it, and does with what can be read all that
//! `riftzone judge` does: judge, tell, draw, export. It must not panic, and what was written must be readable.
//!
//! What fails is printed, made smaller, with a `BOLERO_RANDOM_SEED` that repeats it. The library is built with checks of
//! overflow here.

mod exercise;
mod script;
mod subject;

pub use exercise::exercise;
pub use script::{Edit, Script};
pub use subject::Subject;
