//! A counterexample in characters, for terminals. Next: `svg.rs`.

use super::super::paint::{Paint, Style};
use super::super::table::{Align, Cell, Table, width};
use super::{Mark, Picture};

/// The picture in lanes, moved in by `indent`, if it fits in so many columns; else a table of the operations.
///
/// A number is an operation's place in the longest order, `✗` is one that would have to be next and cannot be. An
/// operation that was never answered has no right end.
pub fn lanes(picture: &Picture, indent: usize, columns: usize, paint: Paint) -> String {
    let labels: Vec<String> =
        picture.intervals.iter().zip(&picture.marks).map(|(interval, mark)| label(*mark, &interval.text)).collect();
    // Each needs a column at least.
    if labels.len() > columns {
        return table(picture, &labels, indent, paint);
    }
    let widths: Vec<u32> = labels.iter().map(|label| width(label) as u32 + 3).collect();
    let layout = picture.layout(&widths, 2);
    let name_width = layout.lanes.iter().map(|(name, _)| width(name)).max().unwrap_or(0);
    let left = indent + name_width + 2;
    let right = layout.width as usize + 2;
    if left + right > columns {
        return table(picture, &labels, indent, paint);
    }
    let mut text = String::new();
    let mut row = 0;
    for (name, rows) in &layout.lanes {
        for line in 0..*rows {
            let name = if line == 0 { name.as_str() } else { "" };
            text.extend(std::iter::repeat_n(' ', indent));
            text.push_str(&paint.paint(Style::Faint, format_args!("{name:<name_width$}")));
            let mut at = 0;
            let mut blanks = 2;
            for (place, (_, begin, end)) in layout.bars.iter().enumerate().filter(|(_, bar)| bar.0 == row) {
                let end_or_open = end.map_or(right, |end| end as usize);
                text.extend(std::iter::repeat_n(' ', blanks + *begin as usize - at));
                text.push_str(&paint.paint(
                    style(picture.marks[place]),
                    bar(&labels[place], end_or_open - *begin as usize, end.is_some()),
                ));
                (at, blanks) = (end_or_open + 1, 0);
            }
            text.push('\n');
            row += 1;
        }
    }
    text
}

/// `├ 1 write 4 ───┤` over `width + 1` columns.
fn bar(label: &str, length: usize, is_closed: bool) -> String {
    let mut bar = format!("├ {label} ");
    let filled = super::super::table::width(&bar);
    let (line, end) = if is_closed { ("─", "┤") } else { ("╌", "╌") };
    bar.extend(std::iter::repeat_n(line, length.saturating_sub(filled)));
    bar.push_str(end);
    bar
}

fn label(mark: Mark, text: &str) -> String {
    match mark {
        Mark::Placed(place) => format!("{place}. {text}"),
        Mark::Stuck => format!("✗ {text}"),
        Mark::Plain => text.to_string(),
    }
}

const fn style(mark: Mark) -> Style {
    match mark {
        Mark::Placed(_) => Style::Plain,
        Mark::Stuck => Style::Bad,
        Mark::Plain => Style::Faint,
    }
}

/// How many operations a table lists; JSON has all.
const LISTED: usize = 24;

fn table(picture: &Picture, labels: &[String], indent: usize, paint: Paint) -> String {
    let mut table = Table::new(indent, [Align::Left; 3]);
    for ((interval, label), mark) in picture.intervals.iter().zip(labels).zip(&picture.marks).take(LISTED) {
        table.row([
            Cell::new(Style::Faint, &*interval.lane),
            Cell::new(style(*mark), &**label),
            format!("{} .. {}", picture.instant(interval.invoked), picture.instant(interval.completed)).into(),
        ]);
    }
    let hidden = picture.intervals.len().saturating_sub(LISTED);
    let more = if hidden > 0 { format!("{:indent$}and {hidden} more\n", "") } else { String::new() };
    table.render(paint) + &more
}

#[cfg(test)]
mod tests {
    use super::super::Interval;
    use super::*;
    use crate::history::OpId;
    use crate::time::Time;

    fn example() -> Picture {
        let interval = |id, lane: &str, text: &str, from, to: Option<u64>| Interval {
            id: OpId(id),
            lane: lane.into(),
            text: text.into(),
            invoked: Time::from_nanos(from),
            completed: to.map_or(Time::NEVER, Time::from_nanos),
        };
        let intervals = vec![
            interval(0, "process 0", "write 0", 0, Some(1)),
            interval(1, "process 10", "read ⇒ 3", 2, Some(4)),
            interval(2, "process 2", "write 4", 3, Some(5)),
            interval(3, "process 2", "write 7", 6, None),
        ];
        Picture::new("not linearizable", "because", intervals, &[OpId(0), OpId(2)], &[OpId(1)])
    }

    #[test]
    fn operations_are_drawn_in_lanes() {
        let expected = "\
process 0   ├ 1. write 0 ┤
process 2                    ├ 2. write 4 ┤ ├ write 7 ╌╌╌
process 10                 ├ ✗ read ⇒ 3 ┤
";
        let drawn = lanes(&example(), 0, 120, Paint::Off);
        assert_eq!(drawn, expected, "\n{drawn}");
    }

    #[test]
    fn what_is_too_wide_is_a_table() {
        let drawn = lanes(&example(), 2, 40, Paint::Off);
        assert!(drawn.starts_with("  process 0    1. write 0"), "{drawn}");
        assert_eq!(drawn.lines().count(), 4);
    }

    #[test]
    fn what_touches_is_on_two_rows() {
        let interval = |id, from, to| Interval {
            id: OpId(id),
            lane: "process 0".into(),
            text: "read".into(),
            invoked: Time::from_nanos(from),
            completed: Time::from_nanos(to),
        };
        let touching = vec![interval(0, 0, 1), interval(1, 1, 1), interval(2, 1, 2), interval(3, 5, 6)];
        let drawn = lanes(&Picture::new("t", "w", touching, &[], &[]), 0, 120, Paint::Off);
        let expected = "\
process 0  ├ read ┤        ├ read ┤
                  ├ read ┤
                  ├ read ┤
";
        assert_eq!(drawn, expected, "\n{drawn}");
    }

    #[test]
    fn a_long_counterexample_is_a_short_table() {
        let interval = |id: u32| Interval {
            id: OpId(id),
            lane: format!("process {}", id % 3),
            text: "add 1".into(),
            invoked: Time::from_nanos(id.into()),
            completed: Time::NEVER,
        };
        let picture = Picture::new("t", "w", (0..20_000).map(interval).collect(), &[], &[]);
        let drawn = lanes(&picture, 2, 110, Paint::Off);
        assert_eq!(drawn.lines().count(), LISTED + 1);
        assert!(drawn.ends_with("  and 19976 more\n"), "{drawn}");
    }
}
