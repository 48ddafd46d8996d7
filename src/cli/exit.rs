//! How a command can go: the exit codes, and what keeps it from giving one by itself.
//!
//! Next: `panics.rs`.

use std::io;
use std::process::ExitCode;

use crate::report::Conclusion;
use crate::scenario::ScenarioError;

/// The exit codes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Exit {
    /// Everything expected held.
    Held,
    /// A budget was spent before a verdict.
    Inconclusive,
    /// An expectation or a claim was broken, or a fault touched nothing.
    Broken,
    /// Bad usage, bad scenario, bad file.
    Usage,
    /// The simulator caught itself being nondeterministic, a digest does not replay, or an internal fault.
    Internal,
    /// Interrupted.
    Interrupted,
}

impl From<Conclusion> for Exit {
    fn from(conclusion: Conclusion) -> Exit {
        match conclusion {
            Conclusion::Held => Exit::Held,
            Conclusion::Inconclusive => Exit::Inconclusive,
            Conclusion::Broken => Exit::Broken,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> ExitCode {
        ExitCode::from(match exit {
            Exit::Held => 0,
            Exit::Broken => 1,
            Exit::Usage => 2,
            Exit::Inconclusive => 3,
            Exit::Internal => 4,
            Exit::Interrupted => 130,
        })
    }
}

/// Why a command gave no result.
#[derive(Debug)]
pub enum Failure {
    /// The scenario is wrong at some place of its text.
    Scenario {
        /// What is wrong, and where.
        error: Box<ScenarioError>,
        /// The file's text.
        text: String,
    },
    /// A file cannot be read or written.
    File {
        /// What was tried: `read` or `write`.
        action: &'static str,
        /// Its path.
        path: String,
        /// Why not.
        error: io::Error,
    },
    /// What was asked for does not exist, or makes no sense.
    Usage {
        /// What is wrong.
        message: String,
        /// What to do instead.
        help: Option<String>,
    },
    /// A digest does not replay.
    Replay {
        /// What is wrong.
        message: String,
        /// What to do about it.
        help: String,
    },
    /// Output cannot be written.
    Output(io::Error),
}

impl Failure {
    /// What was asked for does not exist; `names` are what exist.
    pub fn unknown(kind: &str, asked: &str, names: &[&str]) -> Failure {
        let nearest = names.iter().max_by(|a, b| likeness(asked, a).total_cmp(&likeness(asked, b)));
        let meant = nearest.filter(|name| likeness(asked, name) > LIKENESS_MIN);
        let meant = meant.map_or(String::new(), |name| format!("did you mean `{name}`? "));
        let help = format!("{meant}there {} {}", if names.len() == 1 { "is" } else { "are" }, names.join(", "));
        Failure::Usage { message: format!("no {kind} is called `{asked}`"), help: Some(help) }
    }

    /// The exit code.
    pub fn exit(&self) -> Exit {
        match self {
            Failure::Scenario { .. } | Failure::File { .. } | Failure::Usage { .. } => Exit::Usage,
            Failure::Replay { .. } | Failure::Output(_) => Exit::Internal,
        }
    }
}

/// Below this likeness (Jaro and Winkler, from 0 to 1) a word is no typing error of another.
const LIKENESS_MIN: f64 = 0.7;

fn likeness(asked: &str, name: &str) -> f64 {
    strsim::jaro_winkler(asked, name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_name_is_suggested_where_one_is_near() {
        let help = |asked| match Failure::unknown("design", asked, &["consensus", "active-passive"]) {
            Failure::Usage { help: Some(help), .. } => help,
            other => panic!("{other:?}"),
        };
        assert_eq!(help("consenus"), "did you mean `consensus`? there are consensus, active-passive");
        assert_eq!(help("zzz"), "there are consensus, active-passive");
    }
}
