//! What changed, as a comment on a pull request: the verdict in the first line, sentences in sight, tables folded away.

use std::fmt::Write;

use super::super::github::escaped;
use super::super::number::counted;
use super::super::subject::Conclusion;
use super::text::{allowed, difference};
use super::{DiffReport, conclusion, label_of, sentence, share, shown};
use crate::explore::baseline::{Change, DesignDiff, NumberChange};

const IN_MEMORY: &str = "a string takes all";

/// The comment. It begins with a mark by which a program finds it again, to update it in place.
pub fn markdown(report: &DiffReport) -> String {
    let diff = report.diff;
    let mut text = format!("<!-- riftzone diff {} -->\n", comment(report.file));
    let verdict = match report.conclusion() {
        Conclusion::Held => "✅",
        Conclusion::Inconclusive => "⚠️",
        Conclusion::Broken => "❌",
    };
    writeln!(text, "### {verdict} {}\n", escaped(&report.scenario.name)).expect(IN_MEMORY);
    writeln!(text, "`{}` against `{}`, {}\n", report.file, report.baseline, counted(diff.seeds.len(), "paired seed"))
        .expect(IN_MEMORY);
    for note in report.notes() {
        writeln!(text, "> {note}\n").expect(IN_MEMORY);
    }
    for design in &diff.designs {
        let mark = match conclusion(design.standing) {
            Conclusion::Held if design.change == Change::Unchanged => "▫️",
            Conclusion::Held => "🟢",
            Conclusion::Inconclusive => "🟡",
            Conclusion::Broken => "🔴",
        };
        writeln!(text, "- {mark} **{}**: {}", escaped(&design.name), sentence(design, diff.seeds.len()))
            .expect(IN_MEMORY);
    }
    for design in diff.designs.iter().filter(|design| !design.numbers.is_empty()) {
        table(&mut text, report, design);
    }
    if report.conclusion() != Conclusion::Held {
        writeln!(text, "\nIf this is meant, {} makes it the baseline.", report.bless()).expect(IN_MEMORY);
    }
    text
}

fn table(text: &mut String, report: &DiffReport, design: &DesignDiff) {
    let numbers = counted(design.numbers.len(), "number");
    writeln!(text, "\n<details><summary>{}: {numbers} changed</summary>\n", escaped(&design.name)).expect(IN_MEMORY);
    text.push_str("| | before | now | change | seeds up/down | sign test p | allowed | |\n");
    text.push_str("|---|---:|---:|---:|---:|---:|---:|---|\n");
    for number in &design.numbers {
        row(text, number);
    }
    if let Some(replay) = report.replay(design) {
        writeln!(text, "\n```sh\n{replay}\n```").expect(IN_MEMORY);
    }
    text.push_str("\n</details>\n");
}

fn row(text: &mut String, number: &NumberChange) {
    let paired = &number.paired;
    let label = label_of(number, paired.before.abs().max(paired.after.abs()));
    let word = match (number.is_regressed, number.worse_by > 0.0, number.worse_by < 0.0) {
        (true, ..) => "🔴 worse",
        (_, true, _) => "worse, allowed",
        (_, _, true) => "better",
        _ => "same mean",
    };
    writeln!(
        text,
        "| {} | {} | {} | {}{} | {}/{} | {} | {} | {word} |",
        escaped(label.words.trim_start()),
        shown(paired.before / label.scale),
        shown(paired.after / label.scale),
        difference(number),
        share(number).map_or(String::new(), |share| format!(" ({share})")),
        paired.rose,
        paired.fell,
        if paired.sign_test_p < 0.001 { "< 0.001".to_string() } else { format!("{:.3}", paired.sign_test_p) },
        allowed(number),
    )
    .expect(IN_MEMORY);
}

/// A name inside of a comment, which two hyphens would end.
fn comment(name: &str) -> String {
    name.replace("--", "-\u{200b}-").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_ends_no_comment() {
        assert!(!comment("a-->b").contains("-->"));
    }
}
