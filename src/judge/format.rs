//! The formats of history files, and how one is recognised. Next: `jepsen.rs`.

use super::error::Malformed;
use super::recording::Recording;
use super::{jepsen, lines, log};

/// A format of history files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// Jepsen's `history.edn`, and Porcupine's `kv`: an operation is a map. See `jepsen.rs`.
    JepsenEdn,
    /// The same in JSON.
    JepsenJson,
    /// The log lines of Jepsen, as Porcupine has them of etcd. See `log.rs`.
    JepsenLog,
    /// What `riftzone run --history` writes. See `lines.rs`.
    JsonLines,
}

impl Format {
    /// All of them.
    pub const ALL: [Format; 4] = [Format::JepsenEdn, Format::JepsenJson, Format::JepsenLog, Format::JsonLines];

    /// The name on the command line.
    pub const fn name(self) -> &'static str {
        match self {
            Format::JepsenEdn => "jepsen-edn",
            Format::JepsenJson => "jepsen-json",
            Format::JepsenLog => "jepsen-log",
            Format::JsonLines => "json-lines",
        }
    }

    /// The format that the content shows; EDN where it shows none.
    pub fn of(text: &str) -> Format {
        let start = text.trim_start_matches(|c: char| c.is_whitespace() || c == '\u{feff}' || c == '[');
        // In JSON a name follows the brace; EDN has keywords there.
        let is_json = start.strip_prefix('{').is_some_and(|rest| rest.trim_start().starts_with(['"', '}']));
        let first_line = start.lines().next().unwrap_or("");
        if is_json && first_line.contains("\"invoked_ns\"") {
            Format::JsonLines
        } else if is_json {
            Format::JepsenJson
        } else if !start.starts_with(['{', '(', '#', ';']) && text.lines().any(|line| line.contains(log::MARK)) {
            Format::JepsenLog
        } else {
            Format::JepsenEdn
        }
    }

    /// Reads a text in this format.
    ///
    /// # Errors
    /// Where it is not one, with the place.
    pub fn read(self, text: &str) -> Result<Recording, Malformed> {
        match self {
            Format::JepsenEdn => jepsen::read_edn(text),
            Format::JepsenJson => jepsen::read_json(text),
            Format::JepsenLog => log::read(text),
            Format::JsonLines => lines::read(text),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_log_has_is_no_log_where_data_say_it() {
        let line = "INFO  jepsen.util - 0\t:invoke\t:read\tnil";
        assert_eq!(Format::of(line), Format::JepsenLog);
        for data in [
            "{:process 0, :type :info, :f :read, :error \"INFO jepsen.util - gone\"}".to_string(),
            "[#jepsen.history.Op{:process 0, :error \"jepsen.util - gone\"}]".to_string(),
            format!("; {line}\n{{:process 0}}"),
        ] {
            assert_eq!(Format::of(&data), Format::JepsenEdn, "{data}");
        }
        assert_eq!(Format::of("{\"process\": 0, \"error\": \"jepsen.util - gone\"}"), Format::JepsenJson);
    }
}
