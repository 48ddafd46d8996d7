//! A counterexample as SVG: self-contained, and readable on light and on dark ground.

use std::fmt::Write;

use super::super::table::{width, wrap};
use super::arrows::BarBox;
use super::{Layout, Mark, Picture};

/// A character of the monospaced font, in pixels.
pub(super) const CHARACTER: f64 = 7.85;
const BAR_HEIGHT: u32 = 30;
const ROW_HEIGHT: u32 = 56;
/// Where arrows run between the rows.
const ROW_HEIGHT_ARROWS: u32 = 96;
const MARGIN: u32 = 24;
/// How far an unanswered operation reaches past everything else.
const OPEN_END: u32 = 64;
const LINE_HEIGHT: u32 = 19;
const WIDTH_MIN: u32 = 560;

/// Colours of light ground, and then of dark.
const STYLE: &str = "\
text{font:13px ui-monospace,'DejaVu Sans Mono',Menlo,Consolas,monospace;fill:#1f2933}\
.title{font:600 17px system-ui,-apple-system,'Segoe UI','DejaVu Sans',sans-serif}\
.why{font:13px system-ui,-apple-system,'Segoe UI','DejaVu Sans',sans-serif;fill:#52606d}\
.lane{font:12px system-ui,-apple-system,'Segoe UI','DejaVu Sans',sans-serif;fill:#52606d}\
.time{font:11px system-ui,-apple-system,'Segoe UI','DejaVu Sans',sans-serif;fill:#7b8794}\
.ground{fill:#ffffff}.band{fill:#f5f7fa}.tick{stroke:#cbd2d9;stroke-dasharray:2 4}\
.bar{fill:#edf0f3;stroke:#9aa5b1;stroke-width:1.25}.placed .bar{fill:#e3f0fb;stroke:#2f7cc0}\
.stuck .bar{fill:#fdeaea;stroke:#d23b3b;stroke-width:1.75}.open .bar{stroke-dasharray:5 4}\
.order{fill:none;stroke:#2f7cc0;stroke-width:1.5}.never{fill:none;stroke:#d23b3b;stroke-width:1.5;stroke-dasharray:4 4}\
.dot{fill:#2f7cc0}.cross{fill:#d23b3b}.number{font:600 11px system-ui,'DejaVu Sans',sans-serif;fill:#ffffff;text-anchor:middle}\
.stuck .said{fill:#a61b1b}.edge{fill:none;stroke:#b4472f;stroke-width:1.6}.head{fill:#b4472f}\
.tag{fill:#ffffff;stroke:#e0b1a6}.edge-label{font:600 11px ui-monospace,'DejaVu Sans Mono',Menlo,monospace;fill:#8a2f1b;\
text-anchor:middle}\
@media (prefers-color-scheme:dark){text{fill:#e4e7eb}.why,.lane{fill:#9aa5b1}.time{fill:#7b8794}\
.ground{fill:#14181d}.band{fill:#1b2128}.tick{stroke:#3e4c59}.bar{fill:#262e37;stroke:#616e7c}\
.placed .bar{fill:#173048;stroke:#58a6e8}.stuck .bar{fill:#431b1e;stroke:#f16a6a}.order{stroke:#58a6e8}\
.never{stroke:#f16a6a}.dot{fill:#3d8bd0}.cross{fill:#e05252}.stuck .said{fill:#ffb4b4}\
.edge{stroke:#f0957f}.head{fill:#f0957f}.tag{fill:#14181d;stroke:#7a4a3f}.edge-label{fill:#ffc2b3}}";

/// The picture as an SVG document.
///
/// Numbered dots are the longest order that was found; from its last one, dashed lines lead to the operations of which
/// one would have to be next, and none can be. An operation that was never answered has an open end. Arrows say what comes
/// before what: around a cycle, each before itself.
pub fn svg(picture: &Picture) -> String {
    let measure = |text: &str| (width(text) as f64 * CHARACTER) as u32 + 22;
    let widths: Vec<u32> = picture.intervals.iter().map(|interval| measure(&interval.text)).collect();
    let layout = picture.layout(&widths, 26);
    let name_width = layout.lanes.iter().map(|(name, _)| measure(name)).max().unwrap_or(0);
    let left = MARGIN + name_width;
    let total = (left + layout.width + OPEN_END + MARGIN).max(WIDTH_MIN);
    let why = wrap(&picture.why, "", (total - 2 * MARGIN) as usize / 7);
    let why: Vec<&str> = why.lines().collect();
    let top = MARGIN + 26 + LINE_HEIGHT * why.len() as u32 + 14;
    let rows: u32 = layout.lanes.iter().map(|(_, rows)| *rows as u32).sum();
    let row_height = if picture.arrows.is_empty() { ROW_HEIGHT } else { ROW_HEIGHT_ARROWS };
    let bottom = top + rows * row_height;
    let height = bottom + 30 + MARGIN / 2;

    let mut svg = String::new();
    let canvas = Canvas { picture, layout: &layout, row_height, left, top, right: total - MARGIN, bottom };
    let _ = write!(
        svg,
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{total}\" height=\"{height}\" viewBox=\"0 0 {total} {height}\" \
         role=\"img\" aria-label=\"{title}\">\n<title>{title}</title>\n<desc>{desc}</desc>\n<style>{STYLE}</style>\n\
         <rect class=\"ground\" width=\"{total}\" height=\"{height}\" rx=\"8\"/>\n\
         <text class=\"title\" x=\"{MARGIN}\" y=\"{y}\">{title}</text>\n",
        title = escaped(&picture.title),
        desc = escaped(&picture.why),
        y = MARGIN + 14,
    );
    for (line, words) in (0..).zip(&why) {
        let y = MARGIN + 26 + LINE_HEIGHT * line + 14;
        let _ = writeln!(svg, "<text class=\"why\" x=\"{MARGIN}\" y=\"{y}\">{}</text>", escaped(words));
    }
    canvas.lanes(&mut svg);
    canvas.ticks(&mut svg);
    let points = canvas.points();
    canvas.order(&mut svg, &points);
    canvas.bars(&mut svg);
    canvas.dots(&mut svg, &points);
    canvas.arrow_head(&mut svg);
    canvas.arrows(&mut svg);
    svg.push_str("</svg>\n");
    svg
}

/// Where things go.
pub(super) struct Canvas<'a> {
    pub(super) picture: &'a Picture,
    layout: &'a Layout,
    row_height: u32,
    left: u32,
    top: u32,
    right: u32,
    bottom: u32,
}

impl Canvas<'_> {
    /// The upper edge of the bars in this row.
    fn y(&self, row: usize) -> u32 {
        self.top + row as u32 * self.row_height + (self.row_height - BAR_HEIGHT) / 2 - 3
    }

    /// Where the bar of this operation is.
    pub(super) fn bar_box(&self, place: usize) -> BarBox {
        let (row, begin, end) = self.layout.bars[place];
        let top = i64::from(self.y(row));
        BarBox {
            left: i64::from(self.left + begin),
            right: end.map_or(i64::from(self.right), |end| i64::from(self.left + end)),
            top,
            bottom: top + i64::from(BAR_HEIGHT),
        }
    }

    fn lanes(&self, svg: &mut String) {
        let mut row = 0;
        for (place, (name, rows)) in self.layout.lanes.iter().enumerate() {
            let (y, height) = (self.top + row as u32 * self.row_height, *rows as u32 * self.row_height);
            if place % 2 == 0 {
                let (x, width) = (MARGIN / 2, self.right + MARGIN / 2 - MARGIN / 2);
                let _ = writeln!(
                    svg,
                    "<rect class=\"band\" x=\"{x}\" y=\"{y}\" width=\"{width}\" height=\"{height}\" rx=\"6\"/>"
                );
            }
            let middle = self.y(row) + BAR_HEIGHT / 2 + 4;
            let _ = writeln!(svg, "<text class=\"lane\" x=\"{MARGIN}\" y=\"{middle}\">{}</text>", escaped(name));
            row += rows;
        }
    }

    /// A line for every instant, and the first and the last in words.
    fn ticks(&self, svg: &mut String) {
        for (_, at) in &self.layout.instants {
            let x = self.left + at;
            let _ = writeln!(
                svg,
                "<line class=\"tick\" x1=\"{x}\" y1=\"{}\" x2=\"{x}\" y2=\"{}\"/>",
                self.top, self.bottom
            );
        }
        let mut named: Vec<(&str, &(crate::time::Time, u32))> = Vec::new();
        if let [first, .., last] = self.layout.instants.as_slice() {
            named = vec![("start", first), ("end", last)];
        }
        for (anchor, (at, x)) in named {
            let (x, y) = (self.left + x, self.bottom + 20);
            let words = escaped(&self.picture.instant(*at));
            let _ = writeln!(svg, "<text class=\"time\" x=\"{x}\" y=\"{y}\" text-anchor=\"{anchor}\">{words}</text>");
        }
    }

    fn bars(&self, svg: &mut String) {
        for (interval, (mark, (row, begin, end))) in
            self.picture.intervals.iter().zip(self.picture.marks.iter().zip(&self.layout.bars))
        {
            let (x, y) = (self.left + begin, self.y(*row));
            let class = match mark {
                Mark::Placed(_) => "placed",
                Mark::Stuck => "stuck",
                Mark::Plain => "plain",
            };
            let hint = format!(
                "{}: {}, {} to {}",
                interval.lane,
                interval.text,
                self.picture.instant(interval.invoked),
                self.picture.instant(interval.completed)
            );
            let open = if end.is_some() { "" } else { " open" };
            let _ = write!(svg, "<g class=\"{class}{open}\"><title>{}</title>", escaped(&hint));
            let _ = match end {
                Some(end) => write!(
                    svg,
                    "<rect class=\"bar\" x=\"{x}\" y=\"{y}\" width=\"{}\" height=\"{BAR_HEIGHT}\" rx=\"5\"/>",
                    end - begin
                ),
                None => write!(
                    svg,
                    "<path class=\"bar\" d=\"M{r} {y}H{left}Q{x} {y} {x} {a}V{b}Q{x} {c} {left} {c}H{r}\"/>",
                    r = self.right,
                    left = x + 5,
                    a = y + 5,
                    b = y + BAR_HEIGHT - 5,
                    c = y + BAR_HEIGHT,
                ),
            };
            let _ = writeln!(
                svg,
                "<text class=\"said\" x=\"{}\" y=\"{}\">{}</text></g>",
                x + 11,
                y + BAR_HEIGHT / 2 + 4,
                escaped(&interval.text)
            );
        }
    }

    /// Where each operation of the order takes effect: `(x, y, place)`, in the order; then the stuck ones, with no place.
    fn points(&self) -> Vec<(u32, u32, Option<usize>)> {
        let mut placed: Vec<(usize, usize)> = Vec::new();
        for (index, mark) in self.picture.marks.iter().enumerate() {
            if let Mark::Placed(place) = mark {
                placed.push((*place, index));
            }
        }
        placed.sort_unstable();
        let mut points = Vec::new();
        let mut last = 0;
        for (place, index) in placed {
            let (row, begin, end) = self.layout.bars[index];
            let latest = end.unwrap_or(self.layout.width).saturating_sub(12).max(begin);
            last = (begin + 12).max(last + 6).min(latest).max(last);
            points.push((self.left + last, self.y(row) + BAR_HEIGHT, Some(place)));
        }
        for (index, _) in self.picture.marks.iter().enumerate().filter(|(_, mark)| **mark == Mark::Stuck) {
            let (row, begin, end) = self.layout.bars[index];
            let latest = end.unwrap_or(self.layout.width).saturating_sub(12).max(begin);
            points.push((self.left + (begin + 12).max(last + 6).min(latest), self.y(row) + BAR_HEIGHT, None));
        }
        points
    }

    /// The lines of the order, behind the bars.
    fn order(&self, svg: &mut String, points: &[(u32, u32, Option<usize>)]) {
        let placed: Vec<_> = points.iter().filter(|point| point.2.is_some()).collect();
        let curve = |from: &(u32, u32, Option<usize>), to: &(u32, u32, Option<usize>)| {
            let bend = from.0.midpoint(to.0);
            format!("M{} {}C{bend} {} {bend} {} {} {}", from.0, from.1, from.1, to.1, to.0, to.1)
        };
        for pair in placed.windows(2) {
            let _ = writeln!(svg, "<path class=\"order\" d=\"{}\"/>", curve(pair[0], pair[1]));
        }
        let Some(last) = placed.last() else { return };
        for stuck in points.iter().filter(|point| point.2.is_none()) {
            let _ = writeln!(svg, "<path class=\"never\" d=\"{}\"/>", curve(last, stuck));
        }
    }

    fn dots(&self, svg: &mut String, points: &[(u32, u32, Option<usize>)]) {
        for (x, y, place) in points {
            let (class, sign) = match place {
                Some(place) => ("dot", place.to_string()),
                None => ("cross", "×".to_string()),
            };
            let _ = writeln!(
                svg,
                "<circle class=\"{class}\" cx=\"{x}\" cy=\"{y}\" r=\"9\"/><text class=\"number\" x=\"{x}\" y=\"{}\">{sign}</text>",
                y + 4
            );
        }
    }
}

/// Text for XML: what has a meaning there, and characters that may not be there at all.
pub(in crate::report) fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\u{fffe}' | '\u{ffff}' => escaped.push('\u{fffd}'),
            c if c.is_control() => escaped.push('\u{fffd}'),
            c => escaped.push(c),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::super::Interval;
    use super::*;
    use crate::history::OpId;
    use crate::time::Time;

    #[test]
    fn whatever_is_written_stays_text() {
        let interval = Interval {
            id: OpId(0),
            lane: "<script>".into(),
            text: "put \"a&b\"\u{0}".into(),
            invoked: Time::ZERO,
            completed: Time::ZERO,
        };
        let picture = Picture::new("a < b", "x > y", vec![interval], &[], &[OpId(0)]);
        let drawn = svg(&picture);
        assert_eq!(drawn, svg(&picture));
        assert!(drawn.contains("&lt;script&gt;") && drawn.contains("put &quot;a&amp;b&quot;\u{fffd}"), "{drawn}");
        assert_eq!((drawn.matches("<svg").count(), drawn.matches("class=\"cross\"").count()), (1, 1));
    }
}
