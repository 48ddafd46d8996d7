//! A story in words: at most a page. Next: `mermaid.rs`.

use super::super::paint::{Paint, Style};
use super::super::table::wrap;
use super::{Kind, Line, Story, moment};

/// A page.
const LINES_MAX: usize = 40;
const COLUMNS: usize = 110;

/// Tells a story, each line moved in by so many blanks.
pub fn told(story: &Story, indent: usize, paint: Paint) -> String {
    let (lines, left_out) = chosen(&story.lines);
    let instants: Vec<String> = lines.iter().map(|line| moment(line.at)).collect();
    let widest = instants.iter().map(String::len).max().unwrap_or(0);
    let blanks = " ".repeat(indent);
    let mut text = String::new();
    for (place, (line, at)) in lines.iter().zip(&instants).enumerate() {
        if left_out.is_some_and(|(before, _)| before == place) {
            let (_, count) = left_out.expect("it was just looked at");
            let words = format!("… {count} more …");
            text.push_str(&format!("{blanks}{:>widest$}  {}\n", "", paint.paint(Style::Faint, words)));
        }
        let style = match line.kind {
            Kind::Broke => Style::Bad,
            Kind::Fault => Style::Strong,
            Kind::Loss => Style::Doubt,
            Kind::Office | Kind::Client => Style::Plain,
        };
        let mark = if line.kind == Kind::Broke { "✗ " } else { "" };
        let hanging = " ".repeat(indent + widest + 2);
        let words = wrap(&format!("{mark}{}", line.text), &hanging, COLUMNS);
        let at = paint.paint(Style::Faint, format_args!("{at:>widest$}"));
        for (nth, words) in words.lines().enumerate() {
            let before = if nth == 0 { format!("{blanks}{at}  ") } else { hanging.clone() };
            text.push_str(&format!("{before}{}\n", paint.paint(style, words.trim_start())));
        }
    }
    text
}

/// The first lines and the last: who led at first and what broke, and what led to the end. And where how many are left out.
fn chosen(lines: &[Line]) -> (Vec<&Line>, Option<(usize, usize)>) {
    if lines.len() <= LINES_MAX {
        return (lines.iter().collect(), None);
    }
    let broke = lines.iter().rposition(|line| line.kind == Kind::Broke).map_or(lines.len(), |place| place + 1);
    let (first, last) = (LINES_MAX / 4, LINES_MAX - LINES_MAX / 4);
    let from = broke.saturating_sub(last).max(first.min(broke));
    let kept = lines[..first.min(from)].iter().chain(&lines[from..broke]);
    (kept.collect(), (from > first).then_some((first, from - first)))
}
