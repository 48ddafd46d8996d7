//! The command line: reads arguments, runs what they ask, prints the report, and says by its exit code how it went.
//!
//! In order: `args.rs` and `values.rs` (what may be asked), `exit.rs` (how it can go), `panics.rs`, `output.rs`, `load.rs`, `sweep.rs`,
//! `pages.rs`, `exports.rs` (means), `commands/` (one a file). Next: `args.rs`.

mod args;
mod commands;
mod exit;
mod exports;
mod load;
mod output;
mod pages;
mod panics;
mod sweep;
mod values;

use std::process::ExitCode;

use clap::Parser;

use args::{Arguments, Command};
use exit::{Exit, Failure};
use output::Output;

/// The program, from arguments to exit code.
pub fn run() -> ExitCode {
    panics::caught(|| {
        let arguments = Arguments::parse();
        let output = Output::new(arguments.color);
        obey(arguments.command, &output).unwrap_or_else(|failure| output.fail(&failure))
    })
}

fn obey(command: Command, output: &Output) -> Result<Exit, Failure> {
    match command {
        Command::Run(asked) => commands::run::run(&asked, output),
        Command::Compare(asked) => commands::compare::compare(&asked, output),
        Command::Check(asked) => commands::check::check(&asked, output),
        Command::Bless(asked) => commands::bless::bless(&asked, output),
        Command::Diff(asked) => commands::diff::diff(&asked, output),
        Command::Hunt(asked) => commands::hunt::hunt(&asked, output),
        Command::Explore(asked) => commands::explore::explore(&asked, output),
        Command::Replay(asked) => commands::replay::replay(&asked, output),
        Command::Judge(asked) => commands::judge::judge(&asked, output),
        Command::Zoo(asked) => commands::zoo::zoo(&asked, output),
        Command::Latency(asked) => commands::latency::latency(&asked, output),
        Command::Schema => commands::files::schema(output),
        Command::Completions(asked) => commands::files::completions(&asked, output),
        Command::Man(asked) => commands::files::man(&asked, output),
        Command::New(asked) => commands::files::new(&asked, output),
    }
}
