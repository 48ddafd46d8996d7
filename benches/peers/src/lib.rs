//! riftzone beside other simulators: the same workloads, in turns, in one process, on one thread where a
//! contestant does not say otherwise.
//!
//! ```text
//! cargo run --release --manifest-path benches/peers/Cargo.toml [-- [--rounds N] [--json] [--list] [CONTEST...]]
//! ```
//!
//! A contest is named by the beginning of its name: `hold`, `ring`, `echo`, `fpaxos`, `judge`, `explore`,
//! `verdict`, `flaw`. The table of ratios goes to standard output, in Markdown; the figures of every contestant go to
//! standard error, as they come. This package is no member of riftzone's workspace, so that the product's tree stays clean
//! of what is measured here; and it reads a wall clock, which the product never does. Next: `contests.rs`, what is measured, then `contest.rs`, how.
//!
//! All of it needs `--cfg madsim`, without which madsim is a thin cover over tokio: see `main.rs`.
#![cfg(madsim)]
#![forbid(unsafe_code)]
#![warn(missing_docs)]

mod ballot;
mod bare;
mod chance;
mod contest;
mod contests;
mod hold;
#[cfg(test)]
mod little;
mod ours;
mod peers;
mod queues;
mod table;
#[path = "../../workloads/mod.rs"]
mod workloads;

use std::process::ExitCode;

/// How many rounds, where nobody says.
const ROUNDS: usize = 7;

const USAGE: &str = "usage: riftzone-peers [--rounds N] [--json] [--list] [CONTEST...]";

/// What was asked on the command line.
struct Arguments {
    rounds: usize,
    json: bool,
    list: bool,
    names: Vec<String>,
}

/// Does what the command line asks.
pub fn main() -> ExitCode {
    match Arguments::read(std::env::args().skip(1)).and_then(run) {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            eprintln!("{why}\n{USAGE}");
            ExitCode::from(2)
        }
    }
}

impl Arguments {
    fn read(mut words: impl Iterator<Item = String>) -> Result<Arguments, String> {
        let mut arguments = Arguments { rounds: ROUNDS, json: false, list: false, names: Vec::new() };
        while let Some(word) = words.next() {
            match word.as_str() {
                "--json" => arguments.json = true,
                "--list" => arguments.list = true,
                "--rounds" => {
                    let rounds = words.next().and_then(|rounds| rounds.parse().ok()).filter(|rounds| *rounds > 0);
                    arguments.rounds = rounds.ok_or("`--rounds` wants a whole number above zero")?;
                }
                flag if flag.starts_with('-') => return Err(format!("there is no `{flag}`")),
                _ => arguments.names.push(word),
            }
        }
        Ok(arguments)
    }
}

fn run(Arguments { rounds, json, list, names }: Arguments) -> Result<(), String> {
    let all = contests::all();
    if let Some(unknown) = names.iter().find(|name| !all.iter().any(|contest| contest.name.starts_with(*name))) {
        let known: Vec<&str> = all.iter().map(|contest| &*contest.name).collect();
        return Err(format!("no contest is called `{unknown}`; there are {}", known.join(", ")));
    }
    let mut outcomes = Vec::new();
    for contest in all {
        if !names.is_empty() && !names.iter().any(|name| contest.name.starts_with(name)) {
            continue;
        }
        if list {
            println!("{:<20} {}", contest.name, contest.what);
            continue;
        }
        let outcome = contest.hold(rounds);
        eprintln!("{}", table::details(&outcome));
        outcomes.push(outcome);
    }
    match (list, json) {
        (true, _) => {}
        (false, true) => println!("{}", serde_json::to_string_pretty(&outcomes).map_err(|error| error.to_string())?),
        (false, false) => print!("{}", table::markdown(&outcomes, rounds)),
    }
    Ok(())
}
