//! What GitHub Actions shows: annotations beside the scenario's lines, and the summary of a step.
//!
//! Next: `history.rs`.

use std::fmt::Write;

use super::number::{counted, grouped};
use super::subject::{Conclusion, SweepReport, conclusion_of, good_seeds};
use super::text::{About, problems_in_words};

/// An annotation for each thing that broke, at its line of the scenario's `source`: the expectation's, the fault's, or the
/// design's.
pub fn annotations(report: &SweepReport, source: &str) -> String {
    let mut text = String::new();
    for design in &report.comparison.designs {
        let level = if conclusion_of(design) == Conclusion::Inconclusive { "warning" } else { "error" };
        let title = format!("{}: {}", report.scenario.name, design.name);
        let again = report.replay(design).map_or(String::new(), |replay| format!("\n{replay}"));
        for problem in problems_in_words(report, design) {
            let line = place_of(source, &design.name, &problem.about, report.scenario.setup.faults.len());
            let (file, title) = (property(report.file), property(&title));
            let message = message(&format!("{}{again}", problem.words));
            text.push_str(&format!("::{level} file={file},line={line},title={title}::{message}\n"));
        }
    }
    text
}

/// The line of what a problem is about, from 1.
fn place_of(source: &str, design: &str, about: &About, faults: usize) -> usize {
    let own = match about {
        About::Expectation(name) => expectation_line(source, design, name),
        About::Fault(place) => fault_line(source, *place, faults),
        About::Design => None,
    };
    own.unwrap_or_else(|| design_line(source, design))
}

/// The line of a design's table; the first line where its header is written in a way of its own.
fn design_line(source: &str, design: &str) -> usize {
    source.lines().position(|line| is_header(line, "design", design)).map_or(1, |at| at + 1)
}

fn is_header(line: &str, table: &str, name: &str) -> bool {
    let line = line.trim_start();
    [format!("[{table}.{name}]"), format!("[{table}.\"{name}\"]"), format!("[{table}.'{name}']")]
        .iter()
        .any(|header| line.starts_with(header))
}

/// The line of an expectation's key: in the design's own table, else in that of every design.
fn expectation_line(source: &str, design: &str, name: &str) -> Option<usize> {
    let is_key = |line: &str| {
        let key = line.split('=').next().unwrap_or("").trim().trim_matches(['"', '\'']);
        line.contains('=') && key.replace('_', "-") == name.replace('_', "-")
    };
    let (mut in_own, mut in_common, mut common) = (false, false, None);
    for (place, line) in source.lines().enumerate() {
        if line.trim_start().starts_with('[') {
            in_own = is_header(line, "expect", design);
            in_common = line.trim_start().starts_with("[expect]");
        } else if in_own && is_key(line) {
            return Some(place + 1);
        } else if in_common && is_key(line) {
            common = common.or(Some(place + 1));
        }
    }
    common
}

/// The line of a fault's table, where each table is one fault.
fn fault_line(source: &str, place: usize, faults: usize) -> Option<usize> {
    let is_fault = |(_, line): &(usize, &str)| line.trim_start().starts_with("[[fault]]");
    let lines: Vec<usize> = source.lines().enumerate().filter(is_fault).map(|(at, _)| at + 1).collect();
    lines.get(place).copied().filter(|_| lines.len() == faults)
}

fn message(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

fn property(text: &str) -> String {
    message(text).replace(':', "%3A").replace(',', "%2C")
}

const IN_MEMORY: &str = "a string takes all";

/// The summary of a step in Markdown: a row for every design of every scenario, and under it what broke.
pub fn summary(reports: &[SweepReport]) -> String {
    let all = || reports.iter().flat_map(|report| report.comparison.designs.iter().map(move |design| (report, design)));
    let mark = |conclusion| match conclusion {
        Conclusion::Held => "✅ pass",
        Conclusion::Inconclusive => "⚠️ inconclusive",
        Conclusion::Broken => "❌ fail",
    };
    let worst = all().map(|(_, design)| conclusion_of(design)).max().unwrap_or(Conclusion::Held);
    let mut text = format!("### riftzone: {}\n\n", mark(worst));
    text.push_str("| scenario | design | | seeds that hold |\n|---|---|---|---:|\n");
    for (report, design) in all() {
        let (good, seeds) = (good_seeds(report.scenario, design), report.comparison.seeds.len());
        let (good, seeds) = (grouped(good as u64), grouped(seeds as u64));
        let (name, verdict) = (escaped(&design.name), mark(conclusion_of(design)));
        let scenario = escaped(&report.scenario.name);
        writeln!(text, "| {scenario} | {name} | {verdict} | {good} of {seeds} |").expect(IN_MEMORY);
    }
    for (report, design) in all().filter(|(_, design)| conclusion_of(design) != Conclusion::Held) {
        let problems = problems_in_words(report, design);
        let (name, scenario) = (escaped(&design.name), escaped(&report.scenario.name));
        let count = counted(problems.len(), "problem");
        writeln!(text, "\n<details><summary><b>{name}</b> in {scenario}: {count}</summary>\n").expect(IN_MEMORY);
        problems.iter().for_each(|problem| writeln!(text, "- {}", escaped(&problem.words)).expect(IN_MEMORY));
        if let Some(replay) = report.replay(design) {
            writeln!(text, "\n```sh\n{replay}\n```").expect(IN_MEMORY);
        }
        text.push_str("\n</details>\n");
    }
    text
}

/// Text in which nothing is Markdown or HTML.
pub(super) fn escaped(text: &str) -> String {
    let mut escaped = String::new();
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '\\' | '`' | '*' | '_' | '[' | ']' | '|' | '#' => escaped.extend(['\\', c]),
            c if c.is_control() => escaped.push(' '),
            c => escaped.push(c),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOURCE: &str = "name = \"x\"\n[[fault]]\nat = \"1s\"\n[[fault]]\n[design.a]\nprotocol = \"raft\"\n[design.\"b c\"]\n\
                          [expect]\nrto_s = 1\n\"availability/eu\" = \"> 9%\"\n[expect.a]\nrto_s = 2\nsingle_writer = \"pass\"\n";

    #[test]
    fn the_annotation_stands_at_what_it_is_about() {
        let line = |design, about: &About| place_of(SOURCE, design, about, 2);
        let expected = |name: &str| About::Expectation(name.into());
        assert_eq!([line("a", &About::Design), line("b c", &About::Design), line("d", &About::Design)], [5, 7, 1]);
        assert_eq!([line("a", &expected("rto_s")), line("b c", &expected("rto_s"))], [12, 9]);
        assert_eq!([line("a", &expected("single-writer")), line("a", &expected("availability/eu"))], [13, 10]);
        assert_eq!([line("a", &expected("conflicts")), line("a", &About::Fault(1))], [5, 4]);
        assert_eq!(place_of(SOURCE, "a", &About::Fault(1), 3), 5, "a fault that comes again is several");
    }

    #[test]
    fn a_message_stays_one_line() {
        assert_eq!(message("99 %\nagain"), "99 %25%0Aagain");
        assert_eq!(property("a: b, c"), "a%3A b%2C c");
        assert_eq!(escaped("a|b <c> *d* `e`\n"), "a\\|b &lt;c&gt; \\*d\\* \\`e\\` ");
    }
}
