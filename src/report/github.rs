//! Annotations in the form that GitHub Actions shows beside the file.
//!
//! Next: `history.rs`.

use super::number::counted;
use super::subject::{Conclusion, SweepReport, conclusion_of};
use super::text::problems_in_words;

/// An annotation for each thing that broke, at its design's place in the scenario's `source`.
pub fn annotations(report: &SweepReport, source: &str) -> String {
    let mut text = String::new();
    for design in &report.comparison.designs {
        let level = if conclusion_of(design) == Conclusion::Inconclusive { "warning" } else { "error" };
        let line = line_of(source, &design.name);
        let seeds = counted(report.comparison.seeds.len(), "seed");
        let title = format!("{}: {}", report.scenario.name, design.name);
        let again = report.replay(design).map_or(String::new(), |replay| format!("\n{replay}"));
        for problem in problems_in_words(report, design) {
            let (file, title) = (property(report.file), property(&title));
            let message = message(&format!("{problem} ({seeds}){again}"));
            text.push_str(&format!("::{level} file={file},line={line},title={title}::{message}\n"));
        }
    }
    text
}

/// The line of a design's table, from 1; the first line where its header is written in a way of its own.
fn line_of(source: &str, design: &str) -> usize {
    let headers = [format!("[design.{design}]"), format!("[design.\"{design}\"]"), format!("[design.'{design}']")];
    source
        .lines()
        .position(|line| headers.iter().any(|header| line.trim_start().starts_with(header)))
        .map_or(1, |at| at + 1)
}

fn message(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

fn property(text: &str) -> String {
    message(text).replace(':', "%3A").replace(',', "%2C")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_annotation_stands_at_the_design() {
        let source = "name = \"x\"\n\n[design.a]\nprotocol = \"raft\"\n[design.\"b c\"]\n";
        assert_eq!((line_of(source, "a"), line_of(source, "b c"), line_of(source, "d")), (3, 5, 1));
    }

    #[test]
    fn a_message_stays_one_line() {
        assert_eq!(message("99 %\nagain"), "99 %25%0Aagain");
        assert_eq!(property("a: b, c"), "a%3A b%2C c");
    }
}
