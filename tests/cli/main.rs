//! The command line, from outside: exit codes, streams, and the keys that others rely on.

mod commands;
mod comparing;
mod judging;
mod runs;

use std::fs;
use std::path::PathBuf;
use std::process::{Command, Output};

use serde_json::Value;
use tempfile::TempDir;

/// Twenty seconds of last-writer-wins in two regions, one of which is cut off for five; `more` is added at the end.
fn scenario(more: &str) -> String {
    format!(
        r#"name = "a short cut"
duration = "20s"
settle = "5s"

[topology]
matrix = "aws-2025-07"
regions = ["us-east-1", "eu-west-1"]
jitter = "none"

[workload]
clients_per_region = 2
rate = "10/s"
keys = 10
mix = {{ read = 1, write = 1 }}
timeout = "1s"
warm_up = "1s"

[[fault]]
at = "8s"
isolate = ["us-east-1"]
for = "5s"

[design.active-active]
protocol = "last-writer-wins"

[design.slow-gossip]
protocol = "last-writer-wins"
gossip-every = "3s"
{more}"#
    )
}

const HOLDS: &str = "\n[expect]\nconvergence = \"pass\"\navailability = \">= 99%\"\n";
const BREAKS: &str = "\n[expect.slow-gossip]\nstale_reads = 0\n";

/// A folder with scenarios, in which the program runs.
struct Desk(TempDir);

impl Desk {
    fn new() -> Desk {
        let desk = Desk(tempfile::tempdir().unwrap());
        desk.put("good.toml", &scenario(HOLDS));
        desk.put("bad.toml", &scenario(BREAKS));
        desk
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn put(&self, name: &str, text: &str) {
        fs::write(self.path(name), text).unwrap();
    }

    fn command(&self, line: &str) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_riftzone"));
        command
            .args(line.split_whitespace())
            .current_dir(self.0.path())
            .env_remove("NO_COLOR")
            .env_remove("RUST_BACKTRACE");
        command
    }

    fn run(&self, line: &str) -> Ran {
        Ran::of(self.command(line).output().unwrap())
    }
}

/// What a run of the program gave.
#[derive(Debug)]
struct Ran {
    code: i32,
    out: String,
    err: String,
}

impl Ran {
    fn of(output: Output) -> Ran {
        let text = |bytes| String::from_utf8(bytes).unwrap();
        Ran { code: output.status.code().unwrap(), out: text(output.stdout), err: text(output.stderr) }
    }

    #[track_caller]
    fn exits(self, code: i32) -> Ran {
        assert_eq!(self.code, code, "{self:#?}");
        self
    }

    /// Data on stdout, and nothing beside it.
    #[track_caller]
    fn reports(self, code: i32) -> Ran {
        let ran = self.exits(code);
        assert!(ran.err.is_empty() && !ran.out.is_empty(), "{ran:#?}");
        ran
    }

    /// A diagnostic on stderr that has these words, and no data.
    #[track_caller]
    fn complains(self, code: i32, words: &[&str]) -> Ran {
        let ran = self.exits(code);
        assert!(ran.out.is_empty(), "{ran:#?}");
        words.iter().for_each(|word| assert!(ran.err.contains(word), "`{word}` is not in {}", ran.err));
        ran
    }

    #[track_caller]
    fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap()
    }
}
