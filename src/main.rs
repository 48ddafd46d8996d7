//! The program. What it does is in the library: see `cli/mod.rs`.

use std::process::ExitCode;

fn main() -> ExitCode {
    riftzone::cli::run()
}
