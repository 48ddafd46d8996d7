//! What is wrong with a scenario file, where, and what was meant.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

/// Below this likeness (Jaro and Winkler, from 0 to 1) a word is no typing error of another.
const LIKENESS_MIN: f64 = 0.7;

/// Longer lists of words are cut short.
const WORDS_MAX: usize = 24;

/// What is wrong with a scenario file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScenarioError {
    /// The file's name, as the reader was told it.
    pub file: Arc<str>,
    /// The line, from 1.
    pub line: usize,
    /// The column in characters, from 1.
    pub column: usize,
    /// The place in the text, in bytes.
    pub span: Range<usize>,
    /// What is wrong.
    pub message: String,
    /// What was expected, or the word that was probably meant.
    pub help: Option<String>,
    /// What else is wrong in the same file, in the file's order.
    pub also: Vec<ScenarioError>,
}

impl fmt::Display for ScenarioError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}: {}", self.file, self.line, self.column, self.message)?;
        if let Some(help) = &self.help {
            write!(f, "\n  help: {help}")?;
        }
        self.also.iter().try_for_each(|also| write!(f, "\n{also}"))
    }
}

impl std::error::Error for ScenarioError {}

/// What is wrong at one place.
#[derive(Clone, Debug)]
pub(super) struct Problem {
    pub span: Range<usize>,
    pub message: String,
    pub help: Option<String>,
}

impl Problem {
    pub fn new(span: &Range<usize>, message: impl Into<String>) -> Problem {
        Problem { span: span.clone(), message: message.into(), help: None }
    }

    /// Adds what was expected.
    #[must_use]
    pub fn help(self, help: impl Into<String>) -> Problem {
        Problem { help: Some(help.into()), ..self }
    }

    /// A word that is none of those that may stand here; `kind` is what they are, in the plural.
    pub fn unknown<'a>(
        span: &Range<usize>,
        message: impl Into<String>,
        word: &str,
        kind: &str,
        allowed: impl IntoIterator<Item = &'a str>,
    ) -> Problem {
        let allowed: Vec<&str> = allowed.into_iter().collect();
        let mut help =
            nearest(word, allowed.iter().copied()).map_or(String::new(), |w| format!("did you mean `{w}`? "));
        if allowed.is_empty() {
            help += &format!("there are no {kind} here");
        } else {
            let listed: Vec<String> = allowed.iter().take(WORDS_MAX).map(|word| format!("`{word}`")).collect();
            let more = if allowed.len() > WORDS_MAX {
                format!(" and {} more", allowed.len() - WORDS_MAX)
            } else {
                String::new()
            };
            help += &format!("the {kind} are {}{more}", listed.join(", "));
        }
        Problem::new(span, message).help(help)
    }

    /// What the TOML reader found, in the words of this one. `fallback` is where, if it does not say.
    pub fn from_toml(error: &toml::de::Error, fallback: &Range<usize>) -> Problem {
        let span = error.span().unwrap_or_else(|| fallback.clone());
        let text = error.message();
        for (start, what, kind) in [("unknown field `", "key", "keys"), ("unknown variant `", "word", "words")] {
            if let Some((word, expected)) = text.strip_prefix(start).and_then(|rest| rest.split_once("`, ")) {
                return Problem::unknown(&span, format!("unknown {what} `{word}`"), word, kind, quoted(expected));
            }
        }
        if let Some(field) = text.strip_prefix("missing field `").and_then(|rest| rest.strip_suffix('`')) {
            return Problem::new(&span, format!("`{field}` is missing"));
        }
        let wrong =
            ["invalid type: ", "invalid value: ", "invalid length "].iter().find_map(|start| text.strip_prefix(start));
        let Some((found, expected)) = wrong.and_then(|rest| rest.rsplit_once(", expected ")) else {
            let problem = Problem::new(&span, plain(text));
            let is_name = text.starts_with("invalid unquoted key");
            return if is_name { problem.help("write it in quotes: `\"k-atomic:2\" = \"pass\"`") } else { problem };
        };
        let expected = plain(expected);
        let problem = Problem::new(&span, format!("expected {expected}, found {}", plain(found)));
        if expected == "a string" && (found.starts_with("integer") || found.starts_with("floating")) {
            return problem
                .help("write it in quotes and with its unit: a duration as \"30s\" or \"1.5ms\", a rate as \"50/s\"");
        }
        problem
    }
}

/// The words in backticks.
fn quoted(text: &str) -> Vec<&str> {
    text.split('`').skip(1).step_by(2).collect()
}

/// The words of TOML for those of Rust.
fn plain(text: &str) -> &str {
    match text {
        "a sequence" | "sequence" => "an array",
        "map" => "a table",
        "a boolean" => "true or false",
        "f32" | "f64" => "a number",
        "u8" => "a whole number from 0 to 255",
        "u16" => "a whole number from 0 to 65535",
        "u32" => "a whole number from 0 to 4294967295",
        "u64" | "usize" => "a whole number from 0",
        "unit variant" => "the word alone",
        "newtype variant" => "a table with a value for the word",
        "wanted string or table" => "expected a word or a table",
        "wanted exactly 1 element, found 0 elements" => "expected a table with one key, found an empty one",
        "wanted exactly 1 element, more than 1 element" => "expected a table with one key, found more",
        other => other.strip_suffix(" as i128").unwrap_or(other),
    }
}

/// The word most like `word`; `None` where none is like it at all.
pub(super) fn nearest<'a>(word: &str, words: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let mut best = (LIKENESS_MIN, None);
    for candidate in words {
        let likeness = strsim::jaro_winkler(word, candidate);
        if likeness > best.0 {
            best = (likeness, Some(candidate));
        }
    }
    best.1
}

/// Everything that is wrong, as it is found.
#[derive(Debug, Default)]
pub(super) struct Problems {
    list: Vec<Problem>,
}

impl Problems {
    pub fn add(&mut self, problem: Problem) {
        self.list.push(problem);
    }

    /// How much is wrong so far.
    pub fn count(&self) -> usize {
        self.list.len()
    }

    /// The value, or a note of why there is none.
    pub fn keep<T>(&mut self, result: Result<T, Problem>) -> Option<T> {
        result.map_err(|problem| self.add(problem)).ok()
    }

    /// All of it as one error, in the order of the text; `None` where nothing is wrong.
    pub fn into_error(mut self, text: &str, file: &str) -> Option<ScenarioError> {
        self.list.sort_by_key(|problem| problem.span.start);
        let file: Arc<str> = file.into();
        let mut errors = self.list.into_iter().map(|problem| {
            let (line, column) = place(text, problem.span.start);
            let Problem { span, message, help } = problem;
            ScenarioError { file: file.clone(), line, column, span, message, help, also: Vec::new() }
        });
        let first = errors.next()?;
        Some(ScenarioError { also: errors.collect(), ..first })
    }
}

/// Line and column of a byte of the text, from 1.
fn place(text: &str, byte: usize) -> (usize, usize) {
    let mut end = byte.min(text.len());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    let before = &text[..end];
    let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
    (before.matches('\n').count() + 1, before[line_start..].chars().count() + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_count_characters() {
        assert_eq!(place("a\nπ = x", "a\nπ = ".len()), (2, 5));
        assert_eq!(place("a\nπ", 3), (2, 1), "inside a character");
        assert_eq!(place("", 9), (1, 1));
    }

    #[test]
    fn a_word_that_is_like_none_gets_the_list_alone() {
        let problem = Problem::unknown(&(0..1), "no", "xyzzy", "colours", ["red", "blue"]);
        assert_eq!(problem.help.unwrap(), "the colours are `red`, `blue`");
        let many: Vec<String> = (0..30).map(|n| format!("w{n}")).collect();
        let help = Problem::unknown(&(0..1), "no", "?", "words", many.iter().map(String::as_str)).help.unwrap();
        assert!(help.ends_with("`w23` and 6 more"), "{help}");
    }

    #[test]
    fn everything_is_told_in_the_order_of_the_text() {
        let mut problems = Problems::default();
        problems.add(Problem::new(&(2..3), "second"));
        problems.add(Problem::new(&(0..1), "first").help("so"));
        let error = problems.into_error("a\nb", "x.toml").unwrap();
        assert_eq!(error.to_string(), "x.toml:1:1: first\n  help: so\nx.toml:2:1: second");
        assert!(Problems::default().into_error("", "x.toml").is_none());
    }
}
