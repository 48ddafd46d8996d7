//! How many instructions the hottest paths take, counted by valgrind's callgrind: a figure without noise, for CI.
//!
//! ```text
//! cargo bench --bench instructions                   compares with expected.txt; 1 where a path takes over 3 % more
//! cargo bench --bench instructions -- --bless        writes what is counted to expected.txt
//! cargo bench --bench instructions -- --rooms PATH   where a path's instructions are: what recording costs
//! ```
//!
//! Counts are the same from run to run, but not from compiler to compiler, nor quite from one C library to another: the
//! file says which compiler it was made with. Instructions are not time. Next: `paths.rs`, what is counted.

#[allow(dead_code, reason = "each bench uses its own part")]
#[path = "../workloads/mod.rs"]
mod workloads;

mod callgrind;
mod paths;

use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::{env, fs};

use paths::PATHS;

/// A path may take so many percent more instructions than expected.
const TOLERANCE_PERCENT: f64 = 3.0;

const USAGE: &str = "usage: instructions [--bless | --rooms PATH]";

/// A path, and how many instructions it took.
struct Count {
    name: String,
    instructions: u64,
}

fn main() -> ExitCode {
    // Cargo calls a bench with `--bench`.
    let words: Vec<String> = env::args().skip(1).filter(|word| word != "--bench").collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let done = match words[..] {
        [] => compare(),
        ["--bless"] => bless(),
        ["--rooms", path] => rooms(path),
        ["--run", path] => return if paths::run(path) { ExitCode::SUCCESS } else { ExitCode::from(2) },
        _ => Err(USAGE.to_string()),
    };
    done.unwrap_or_else(|why| {
        eprintln!("{why}");
        ExitCode::from(2)
    })
}

fn expected_file() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/instructions/expected.txt")
}

fn compiler() -> String {
    let rustc = env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let output = Command::new(rustc).arg("--version").output();
    output.map_or("an unknown compiler".into(), |output| String::from_utf8_lossy(&output.stdout).trim().to_string())
}

fn count_all() -> Result<Vec<Count>, String> {
    let count = |path: &paths::Path| {
        let instructions = callgrind::profile(path.name)?.collected;
        Ok(Count { name: path.name.to_string(), instructions })
    };
    PATHS.iter().map(count).collect()
}

fn bless() -> Result<ExitCode, String> {
    let mut text = format!("# Instructions by path. Counted with {}; written by --bless.\n", compiler());
    for Count { name, instructions } in count_all()? {
        writeln!(text, "{name} {instructions}").expect("a string takes everything");
    }
    fs::write(expected_file(), &text).map_err(|error| error.to_string())?;
    print!("{text}");
    Ok(ExitCode::SUCCESS)
}

/// What the file expects, and what it says of itself.
fn expected() -> Result<(String, Vec<Count>), String> {
    let file = expected_file();
    let text = fs::read_to_string(&file).map_err(|error| format!("{}: {error}", file.display()))?;
    let (comments, lines): (Vec<&str>, Vec<&str>) = text.lines().partition(|line| line.starts_with('#'));
    let read = |line: &str| {
        let (name, count) = line.split_once(' ')?;
        Some(Count { name: name.to_string(), instructions: count.parse().ok()? })
    };
    let counts: Option<Vec<Count>> = lines.into_iter().map(read).collect();
    Ok((comments.join("\n"), counts.ok_or(format!("{}: a line is a name and a count", file.display()))?))
}

fn compare() -> Result<ExitCode, String> {
    let (about, expected) = expected()?;
    println!("{about}\n# Now: {}.", compiler());
    println!("{:<8} {:>12} {:>12} {:>9} {:>8}", "path", "expected", "now", "a unit", "more");
    let mut is_over = false;
    let counts = count_all()?;
    if expected.len() != counts.len() {
        return Err("the file expects other paths than there are: count anew with --bless".into());
    }
    for (path, Count { name, instructions: now }) in PATHS.iter().zip(counts) {
        let before = expected.iter().find(|count| count.name == name);
        let before = before.ok_or(format!("nothing is expected of {name}: count anew with --bless"))?.instructions;
        let more = 100.0 * (now as f64 / before as f64 - 1.0);
        let a_unit = now as f64 / path.units as f64;
        let verdict = match () {
            () if more >= TOLERANCE_PERCENT => "  TOO MANY",
            () if more <= -TOLERANCE_PERCENT => "  fewer: keep it with --bless",
            () => "",
        };
        println!("{name:<8} {before:>12} {now:>12} {a_unit:>9.1} {more:>+7.2}%  ({}){verdict}", path.unit);
        is_over |= more >= TOLERANCE_PERCENT;
    }
    Ok(if is_over { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

/// Rooms whose work is to record as a run goes on: history, digest, monitors, judges on line, measures, and the columns and tables that these keep.
const RECORDING: &[&str] = &[
    "by_key",
    "check",
    "column",
    "history",
    "metrics",
    "sim/docket",
    "sim/judges",
    "sim/outages",
    "sim/record",
    "trace",
];

/// The verdicts at the end of a run, which are no part of recording.
const VERDICTS: &str = "sim/outcome";

fn rooms(name: &str) -> Result<ExitCode, String> {
    let profile = callgrind::profile(name)?;
    let all: u64 = profile.rooms.values().sum();
    let percent = |part: u64| 100.0 * part as f64 / all as f64;
    let mut rooms: Vec<(&String, u64)> = profile.rooms.iter().map(|(room, cost)| (room, *cost)).collect();
    rooms.sort_by_key(|(_, cost)| std::cmp::Reverse(*cost));
    println!("{:<28} {:>12} {:>6}", name, "instructions", "%");
    let mut recording = 0;
    for (room, cost) in rooms {
        let does = match room.as_str() {
            room if RECORDING.contains(&room) => "  records",
            VERDICTS => "  judges at the end",
            _ => "",
        };
        recording += if RECORDING.contains(&room.as_str()) { cost } else { 0 };
        println!("{room:<28} {cost:>12} {:>6.1}{does}", percent(cost));
    }
    let on_over_off = 100.0 * recording as f64 / (all - recording) as f64;
    println!("recording: {:.1} % of all, {on_over_off:.1} % more than a run without it", percent(recording));
    println!("(all rooms are {:.1} % of what was collected)", 100.0 * all as f64 / profile.collected as f64);
    Ok(ExitCode::SUCCESS)
}
