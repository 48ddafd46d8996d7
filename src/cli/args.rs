//! What may be asked, as clap reads it. The doc comments are the help texts.
//!
//! Next: `values.rs`.

use clap::builder::Styles;
use clap::builder::styling::{AnsiColor, Effects};
use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::check::wgl::Effort;
use crate::time::Duration;

use super::values::{Between, SeedDigest, Seeds, Shard};

const EXIT_CODES: &str = "Exit codes:
  0    everything that the scenario expects held
  1    an expectation or a claim was broken, or a fault touched nothing
  2    bad usage, bad scenario, bad file
  3    inconclusive: a budget was spent before a verdict
  4    nondeterminism, a digest that does not replay, or an internal fault
  130  interrupted; what was finished is still reported";

const WHEN: &str = "auto|always|never";
const FORMAT: &str = "text|json";
const EXPORTS: [&str; 2] = ["FORMAT", "FILE"];
const HISTORY_FORMAT: &str = "jepsen-edn|jepsen-json|jepsen-log|json-lines|elle-edn|elle-json|plume|awdit|dbcop";

const STYLES: Styles = Styles::styled()
    .header(AnsiColor::White.on_default().effects(Effects::BOLD))
    .usage(AnsiColor::White.on_default().effects(Effects::BOLD))
    .literal(AnsiColor::Green.on_default())
    .placeholder(AnsiColor::White.on_default().effects(Effects::DIMMED));

/// Simulates data replicated across regions: compares designs, and holds protocols to their claims.
///
/// The same scenario, seed and version give the same bits. Every result has a digest, and SEED:DIGEST replays it.
#[derive(Debug, Parser)]
#[command(name = "riftzone", version, after_help = EXIT_CODES, styles = STYLES, max_term_width = 110)]
pub struct Arguments {
    /// When to use colors: `auto` is on a terminal, unless NO_COLOR is set.
    #[arg(long, global = true, value_enum, default_value_t, value_name = WHEN, hide_possible_values = true)]
    pub color: Color,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// When to use colors.
#[derive(Clone, Copy, Debug, Default, ValueEnum)]
pub enum Color {
    /// On a terminal.
    #[default]
    Auto,
    /// Also in pipes and files.
    Always,
    /// Not at all.
    Never,
}

/// How to report.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For people.
    #[default]
    Text,
    /// For programs: one document.
    Json,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Runs one design once: summary, verdicts, digest.
    Run(Run),
    /// Runs designs on the same seeds and puts them in one table.
    Compare(Compare),
    /// Holds scenarios to what they expect, and designs to what they claim, over many seeds.
    Check(Check),
    /// Runs scenarios, and keeps what they gave beside them as their baselines.
    Bless(Bless),
    /// Runs scenarios on the seeds of their baselines, and says what changed.
    Diff(Diff),
    /// Searches random faults for a run that breaks something, and makes what it finds small.
    Hunt(Hunt),
    /// Sees every order of what may happen to a design in a tiny world.
    Explore(Explore),
    /// Runs a seed again, verifies its digest, and shows the events around an instant.
    Replay(Replay),
    /// Judges histories that were made elsewhere: Jepsen's, Porcupine's, or what `run --history` writes.
    Judge(Judge),
    /// Shows the protocols: options, claims, costs, sources; or what can break.
    Zoo(Zoo),
    /// Shows the bundled latency matrices, or reads one's own.
    Latency(Latency),
    /// Prints the JSON Schema of scenario files.
    Schema,
    /// Prints the completions of a shell.
    Completions(Completions),
    /// Writes the manual: a page of man(1) for the program and for each command.
    Man(Man),
    /// Writes a commented scenario to begin with.
    New(New),
}

/// `riftzone run`
#[derive(Debug, Args)]
pub struct Run {
    /// The scenario file.
    #[arg(value_name = "SCENARIO")]
    pub file: String,
    /// Which design; the file's first if left out.
    #[arg(long, value_name = "NAME")]
    pub design: Option<String>,
    /// The seed of everything random.
    #[arg(long, default_value_t = 1, value_name = "N")]
    pub seed: u64,
    /// Also writes what clients saw: JSON, an operation a line.
    #[arg(long, value_name = "FILE")]
    pub history: Option<String>,
    /// Also writes the run for other tools: perfetto, operations-csv, operations-parquet, metrics-csv, metrics-parquet,
    /// prometheus, jepsen-edn or json-lines. It may be given several times.
    #[arg(long, num_args = 2, value_names = EXPORTS)]
    pub export: Vec<String>,
    /// Of a trace for Perfetto, only what happens in this time, such as `29s..36s`.
    #[arg(long, value_name = "FROM..UNTIL", requires = "export")]
    pub between: Option<Between>,
    /// Also writes a page: HTML in one file, for a browser.
    #[arg(long, value_name = "FILE")]
    pub html: Option<String>,
    /// Opens that page.
    #[arg(long, requires = "html")]
    pub open: bool,
    /// Also judges every level of consistency, by what clients saw and the store's versions, and names the strongest met.
    #[arg(long)]
    pub levels: bool,
    /// How to report.
    #[arg(long, value_enum, default_value_t, value_name = FORMAT, hide_possible_values = true)]
    pub format: Format,
}

/// `riftzone compare`
#[derive(Debug, Args)]
pub struct Compare {
    /// The scenario file.
    #[arg(value_name = "SCENARIO")]
    pub file: String,
    /// Which designs, in this order; all of the file's if left out.
    #[arg(long, value_delimiter = ',', value_name = "NAMES")]
    pub designs: Vec<String>,
    /// Which seeds.
    #[command(flatten)]
    pub sweep: Sweep<20>,
    /// What the Pareto front is about, such as availability,rto_s,replica_cores; every metric that has a better way if left out.
    #[arg(long, value_delimiter = ',', value_name = "METRICS")]
    pub objectives: Vec<String>,
    /// Reports in Markdown, for a page or a pull request.
    #[arg(long, conflicts_with = "format")]
    pub markdown: bool,
    /// Also writes every metric of every design and seed: metrics-csv or metrics-parquet. It may be given several times.
    #[arg(long, num_args = 2, value_names = EXPORTS)]
    pub export: Vec<String>,
    /// Also writes a page: HTML in one file, for a browser.
    #[arg(long, value_name = "FILE")]
    pub html: Option<String>,
    /// Opens that page.
    #[arg(long, requires = "html")]
    pub open: bool,
    /// How to report.
    #[arg(long, value_enum, default_value_t, value_name = FORMAT, hide_possible_values = true)]
    pub format: Format,
}

/// `riftzone check`
#[derive(Debug, Args)]
pub struct Check {
    /// The scenario files, or folders of them.
    #[arg(required = true, value_name = "SCENARIO")]
    pub files: Vec<String>,
    /// Which seeds.
    #[command(flatten)]
    pub sweep: Sweep<1000>,
    /// Only this part of the seeds: `2/4` is the second of four, which are dealt out in turn.
    #[arg(long, value_name = "I/N")]
    pub shard: Option<Shard>,
    /// Also writes a page: HTML in one file, for a browser.
    #[arg(long, value_name = "FILE")]
    pub html: Option<String>,
    /// Opens that page.
    #[arg(long, requires = "html")]
    pub open: bool,
    /// Also writes JUnit XML.
    #[arg(long, value_name = "FILE")]
    pub junit: Option<String>,
    /// Also prints annotations for GitHub Actions: after the text, or on stderr beside JSON. Where GITHUB_STEP_SUMMARY
    /// names a file, a summary is added to it.
    #[arg(long)]
    pub github: bool,
    /// How to report; with several files, JSON is an array.
    #[arg(long, value_enum, default_value_t, value_name = FORMAT, hide_possible_values = true)]
    pub format: Format,
}

/// `riftzone bless`
#[derive(Debug, Args)]
pub struct Bless {
    /// The scenario files, or folders of them. The baseline of S.toml is S.baseline.json.
    #[arg(required = true, value_name = "SCENARIO")]
    pub files: Vec<String>,
    /// Which seeds.
    #[command(flatten)]
    pub sweep: Sweep<20>,
}

/// `riftzone diff`
#[derive(Debug, Args)]
pub struct Diff {
    /// The scenario files, or folders of them.
    #[arg(required = true, value_name = "SCENARIO")]
    pub files: Vec<String>,
    /// The baseline, where it is not S.baseline.json beside S.toml; of one scenario.
    #[arg(long, value_name = "FILE")]
    pub baseline: Option<String>,
    /// Reports in Markdown, for a comment on a pull request.
    #[arg(long, conflicts_with = "format")]
    pub markdown: bool,
    /// How many threads; all cores if left out. Results do not depend on it.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    pub threads: Option<u16>,
    /// How to report; with several files, JSON is an array.
    #[arg(long, value_enum, default_value_t, value_name = FORMAT, hide_possible_values = true)]
    pub format: Format,
}

/// Which seeds, and on how many threads.
#[derive(Debug, Args)]
pub struct Sweep<const COUNT: u64> {
    /// How many seeds from the first, or which: `20`, `5..25` (25 excluded), `5..=25`.
    #[arg(long, default_value_t = Seeds::Count(COUNT), value_name = "SEEDS")]
    pub seeds: Seeds,
    /// The first seed.
    #[arg(long, default_value_t = 1, value_name = "N")]
    pub first_seed: u64,
    /// How many threads; all cores if left out. Results do not depend on it.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    pub threads: Option<u16>,
}

/// `riftzone hunt`
///
/// Looks for a run that breaks what a design claims under such faults, an invariant, or what the scenario expects of every
/// seed. Faults are drawn by the scenario's own `[chaos]`, or as failures of real systems suggest.
#[derive(Debug, Args)]
pub struct Hunt {
    /// The scenario file.
    #[arg(value_name = "SCENARIO")]
    pub file: String,
    /// Which design; every one if left out.
    #[arg(long, value_name = "NAME")]
    pub design: Option<String>,
    /// How many runs of each design at most.
    #[arg(long, default_value_t = 1000, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub runs: u64,
    /// How many events of each design at most: no 64 runs begin after so many.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub steps: Option<u64>,
    /// Asks for more than is claimed: `single-writer`, `no-lost-writes`, `recovery=10s` (after the last fault has ended), the
    /// name of a guarantee or of a level, or a metric with a bound, such as `'stale_reads=0'`.
    #[arg(long, value_delimiter = ',', value_name = "WHAT")]
    pub require: Vec<String>,
    /// Goes on after something was found, and keeps each kind of failure.
    #[arg(long)]
    pub keep_going: bool,
    /// How many runs may be spent on making each failure small.
    #[arg(long, default_value_t = 10_000, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub shrink_runs: u64,
    /// Where to write the scenarios that break; here if left out.
    #[arg(long, value_name = "DIR")]
    pub out: Option<String>,
    /// Also writes a page of what was found: HTML in one file, for a browser.
    #[arg(long, value_name = "FILE")]
    pub html: Option<String>,
    /// Opens that page.
    #[arg(long, requires = "html")]
    pub open: bool,
    /// How many threads; all cores if left out. Results do not depend on it.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    pub threads: Option<u16>,
    /// How to report.
    #[arg(long, value_enum, default_value_t, value_name = FORMAT, hide_possible_values = true)]
    pub format: Format,
}

/// `riftzone explore`
///
/// Every order in which messages arrive (or never do), timers fire, disks sync, nodes crash and clients ask, within bounds.
/// What is broken is broken in as few steps as possible.
#[derive(Debug, Args)]
pub struct Explore {
    /// The scenario file, of which the design and its regions count.
    #[arg(value_name = "SCENARIO")]
    pub file: String,
    /// Which design; the file's first if left out.
    #[arg(long, value_name = "NAME")]
    pub design: Option<String>,
    /// How many clients write, each once, to one key.
    #[arg(long, default_value_t = 1, value_name = "N", value_parser = clap::value_parser!(u16).range(..=16))]
    pub writes: u16,
    /// How many clients read that key, each once.
    #[arg(long, default_value_t = 0, value_name = "N", value_parser = clap::value_parser!(u16).range(..=16))]
    pub reads: u16,
    /// How many timers fire, in all nodes together.
    #[arg(long, default_value_t = 2, value_name = "N")]
    pub timeouts: u32,
    /// How many crashes there are.
    #[arg(long, default_value_t = 0, value_name = "N")]
    pub crashes: u32,
    /// How many messages arrive twice.
    #[arg(long, default_value_t = 0, value_name = "N")]
    pub duplicates: u32,
    /// How many times a client asks again that was not answered.
    #[arg(long, default_value_t = 0, value_name = "N")]
    pub retries: u32,
    /// Disks sync at any moment after they were written to, and not at once.
    #[arg(long)]
    pub slow_disks: bool,
    /// How many steps a way has at most; as many as there are if left out.
    #[arg(long, value_name = "N")]
    pub depth: Option<u32>,
    /// How many states at most.
    #[arg(long, default_value_t = 1_000_000, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=u64::from(u32::MAX)))]
    pub states: u64,
    /// Look at everything: both orders of steps that do not touch each other, messages that change nothing, and states that differ only
    /// in the names of nodes. It finds nothing more, and takes longer.
    #[arg(long)]
    pub full: bool,
    /// How to report.
    #[arg(long, value_enum, default_value_t, value_name = FORMAT, hide_possible_values = true)]
    pub format: Format,
}

/// `riftzone replay`
#[derive(Debug, Args)]
pub struct Replay {
    /// The scenario file.
    #[arg(value_name = "SCENARIO")]
    pub file: String,
    /// What to run again, as reports print it.
    #[arg(value_name = "SEED:DIGEST")]
    pub of: SeedDigest,
    /// Which design; every one is tried if left out.
    #[arg(long, value_name = "NAME")]
    pub design: Option<String>,
    /// Prints the events that lead up to this instant, such as `31.2s`.
    #[arg(long, value_name = "INSTANT")]
    pub until: Option<Duration>,
    /// How long before that instant to begin.
    #[arg(long, value_name = "SPAN", default_value = "500ms", requires = "until")]
    pub before: Duration,
    /// How to report.
    #[arg(long, value_enum, default_value_t, value_name = FORMAT, hide_possible_values = true)]
    pub format: Format,
}

/// `riftzone judge`
#[derive(Debug, Args)]
pub struct Judge {
    /// The history files; `-` for standard input.
    #[arg(value_name = "HISTORY", required = true)]
    pub files: Vec<String>,
    /// Which levels of consistency; all that the history can be judged at if left out.
    #[arg(long, value_delimiter = ',', value_name = "LEVELS")]
    pub level: Vec<String>,
    /// The format of the file; its content shows it if left out.
    #[arg(long = "as", value_enum, value_name = HISTORY_FORMAT, hide_possible_values = true)]
    pub as_format: Option<HistoryFormat>,
    /// Also writes the history in another format: jepsen-edn, json-lines or porcupine-json.
    #[arg(long, num_args = 2, value_names = ["FORMAT", "FILE"])]
    pub export: Vec<String>,
    /// Also draws the counterexample.
    #[arg(long, value_name = "FILE")]
    pub svg: Option<String>,
    /// How many steps a search may make before it gives up on an object.
    #[arg(long, value_name = "N", default_value_t = Effort::default().steps)]
    pub steps: u64,
    /// How to report.
    #[arg(long, value_enum, default_value_t, value_name = FORMAT, hide_possible_values = true)]
    pub format: Format,
}

/// The formats of history files.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum HistoryFormat {
    /// Jepsen's `history.edn`, and Porcupine's kv logs.
    #[value(alias = "porcupine-kv")]
    JepsenEdn,
    /// Jepsen's operations in JSON.
    JepsenJson,
    /// Jepsen's log lines, as in Porcupine's etcd data.
    #[value(alias = "etcd-log")]
    JepsenLog,
    /// What `riftzone run --history` writes.
    JsonLines,
    /// Elle's transactions in Jepsen's `history.edn`.
    ElleEdn,
    /// The same in JSON.
    ElleJson,
    /// Plume's and PolySI's text.
    Plume,
    /// AWDIT's text.
    Awdit,
    /// dbcop's text.
    Dbcop,
}

impl From<HistoryFormat> for crate::judge::AnyFormat {
    fn from(format: HistoryFormat) -> Self {
        use crate::judge::{Format, TransactionFormat};
        match format {
            HistoryFormat::JepsenEdn => Self::Operations(Format::JepsenEdn),
            HistoryFormat::JepsenJson => Self::Operations(Format::JepsenJson),
            HistoryFormat::JepsenLog => Self::Operations(Format::JepsenLog),
            HistoryFormat::JsonLines => Self::Operations(Format::JsonLines),
            HistoryFormat::ElleEdn => Self::Transactions(TransactionFormat::ElleEdn),
            HistoryFormat::ElleJson => Self::Transactions(TransactionFormat::ElleJson),
            HistoryFormat::Plume => Self::Transactions(TransactionFormat::Plume),
            HistoryFormat::Awdit => Self::Transactions(TransactionFormat::Awdit),
            HistoryFormat::Dbcop => Self::Transactions(TransactionFormat::Dbcop),
        }
    }
}

/// `riftzone zoo`
#[derive(Debug, Args)]
pub struct Zoo {
    /// The protocol, or with `--faults` the fault, to tell about; a list of all if left out.
    #[arg(value_name = "NAME")]
    pub name: Option<String>,
    /// Tells of faults: what each touches, what it stands for, and how to write it.
    #[arg(long)]
    pub faults: bool,
    /// How to report.
    #[arg(long, value_enum, default_value_t, value_name = FORMAT, hide_possible_values = true)]
    pub format: Format,
}

/// `riftzone latency`
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub struct Latency {
    /// The matrix to show; a list of all if left out.
    #[arg(value_name = "MATRIX")]
    pub matrix: Option<String>,
    /// Only these regions of it, in this order.
    #[arg(long, value_delimiter = ',', value_name = "NAMES", requires = "matrix")]
    pub regions: Vec<String>,
    /// How to report.
    #[arg(long, value_enum, default_value_t, value_name = FORMAT, hide_possible_values = true)]
    pub format: Format,
    /// Or what to do instead.
    #[command(subcommand)]
    pub command: Option<LatencyCommand>,
}

/// What `riftzone latency` can do besides showing.
#[derive(Debug, Subcommand)]
pub enum LatencyCommand {
    /// Reads round trips in ms from a CSV file and prints them as links of a scenario, in TOML.
    ///
    /// The file is a square: a header `from\to,us,eu`, then a row for each region, with an empty field where nothing
    /// was measured.
    Import {
        /// The CSV file.
        #[arg(value_name = "FILE")]
        file: String,
        /// How to report.
        #[arg(long, value_enum, default_value_t, value_name = FORMAT, hide_possible_values = true)]
        format: Format,
    },
}

/// `riftzone completions`
#[derive(Debug, Args)]
pub struct Completions {
    /// The shell.
    #[arg(value_enum, value_name = "SHELL")]
    pub shell: clap_complete::Shell,
}

/// `riftzone man`
#[derive(Debug, Args)]
pub struct Man {
    /// The folder to write to, as riftzone.1, riftzone-run.1 and so on.
    #[arg(value_name = "FOLDER")]
    pub folder: String,
}

/// `riftzone new`
#[derive(Debug, Args)]
pub struct New {
    /// The scenario's name; the file is NAME.toml.
    #[arg(value_name = "NAME")]
    pub name: String,
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_definition_is_consistent() {
        Arguments::command().debug_assert();
    }
}
