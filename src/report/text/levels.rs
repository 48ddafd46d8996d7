//! The levels of consistency that a run met, for a person. Next: `story.rs`.

use crate::check::Verdict;
use crate::check::level::{Judged, strongest};
use crate::explore::levels::BRANCHED;

use super::super::number::counted;
use super::super::paint::{Paint, Style};
use super::super::subject::RunReport;
use super::super::table::wrap;
use super::{COLUMNS, story};

/// Every level with its verdict, under those that are the strongest met; nothing where nobody asked. A level that fails
/// because a weaker one does is not told again: the weaker one tells why.
pub fn levels(report: &RunReport, paint: Paint) -> String {
    let all = &report.levels;
    if all.is_empty() {
        return String::new();
    }
    let strongest: Vec<String> = strongest(all).iter().map(ToString::to_string).collect();
    let strongest = if strongest.is_empty() { "none".to_string() } else { strongest.join(", ") };
    let mut text = format!("{}\n", paint.paint(Style::Strong, "levels"));
    text.push_str(&wrap(&format!("strongest met: {strongest}"), "  ", COLUMNS));
    text.push_str(&wrap(&sources(report), "  ", COLUMNS));
    let name = |judged: &Judged| {
        if judged.verdict.is_pass() { judged.level.to_string() } else { judged.level.name().to_string() }
    };
    let widest = all.iter().map(|judged| name(judged).chars().count()).max().unwrap_or(0);
    for judged in all {
        let weaker = all
            .iter()
            .find(|other| other.level != judged.level && judged.level.implies(other.level) && other.verdict.is_fail());
        let style = match judged.verdict {
            Verdict::Pass => Style::Good,
            Verdict::Fail(_) => Style::Plain,
            Verdict::Inconclusive { .. } => Style::Doubt,
        };
        let verdict = paint.paint(style, format_args!("{:<12}", judged.verdict.name()));
        let aside = match (weaker, judged.note) {
            (Some(weaker), _) => format!("as {} does", weaker.level.name()),
            // Said once, above.
            (None, Some(BRANCHED) | None) => String::new(),
            (None, Some(note)) => note.to_string(),
        };
        let line = format!("  {:<widest$}   {verdict}   {}", name(judged), paint.paint(Style::Faint, aside));
        text.push_str(line.trim_end());
        text.push('\n');
        if weaker.is_none() {
            text.push_str(&story::of(&judged.verdict, report.run, paint));
        }
    }
    text
}

/// What was judged by: always what clients saw, and the order of versions where the store had one.
fn sources(report: &RunReport) -> String {
    let Some(versions) = &report.run.versions else { return String::new() };
    let (ordered, branched) = (versions.order.iter().count(), versions.branched.len());
    let keys = ordered + branched;
    match (ordered, branched) {
        (0, 0) => "judged by what clients saw: nothing was written".into(),
        (0, _) => format!("judged by what clients saw: the store's versions of {} branch", all_of(keys)),
        (_, 0) => format!("judged by what clients saw, and by the store's order of the versions of {}", all_of(keys)),
        _ => format!(
            "judged by what clients saw, and by the store's order of the versions of {ordered} of {} (those of the others \
             branch)",
            counted(keys, "key")
        ),
    }
}

fn all_of(keys: usize) -> String {
    if keys == 1 { "its key".into() } else { format!("all {}", counted(keys, "key")) }
}
