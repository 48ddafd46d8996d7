//! What diagrams and pages are drawn with: elements with their text escaped, numbers with as many digits as pixels need.
//!
//! Equal diagrams are equal bytes. Next: `board.rs`.

use std::fmt::Write;

pub(in crate::report) use super::super::counterexample::escaped;

/// A diagram in pixels. Colours are classes of the page.
#[derive(Debug)]
pub struct Svg {
    body: String,
    width: u32,
    height: u32,
    label: String,
}

impl Svg {
    /// An empty one; `label` is what it shows, for who does not see it.
    pub fn new(width: u32, height: u32, label: impl Into<String>) -> Svg {
        Svg { body: String::new(), width, height, label: label.into() }
    }

    /// A rectangle, which says `hint` when pointed at.
    pub fn rect(&mut self, class: &str, (x, y): (f64, f64), (width, height): (f64, f64), hint: &str) {
        let (x, y, width, height) = (px(x), px(y), px(width), px(height));
        let _ = write!(
            self.body,
            "<rect class=\"{class}\" x=\"{x}\" y=\"{y}\" width=\"{width}\" height=\"{height}\" rx=\"2\""
        );
        self.end("rect", hint);
    }

    /// A circle, which says `hint` when pointed at.
    pub fn circle(&mut self, class: &str, (x, y): (f64, f64), radius: f64, hint: &str) {
        let (x, y, radius) = (px(x), px(y), px(radius));
        let _ = write!(self.body, "<circle class=\"{class}\" cx=\"{x}\" cy=\"{y}\" r=\"{radius}\"");
        self.end("circle", hint);
    }

    /// Dots, in one element: there may be thousands.
    pub fn dots(&mut self, class: &str, places: &[(f64, f64)]) {
        if places.is_empty() {
            return;
        }
        let path: String = places.iter().map(|(x, y)| format!("M{} {}h0", px(*x), px(*y))).collect();
        let _ = write!(self.body, "<path class=\"dots {class}\" d=\"{path}\"/>");
    }

    fn end(&mut self, element: &str, hint: &str) {
        let _ = match hint {
            "" => self.body.write_str("/>"),
            hint => write!(self.body, "><title>{}</title></{element}>", escaped(hint)),
        };
    }

    /// A line.
    pub fn line(&mut self, class: &str, (x1, y1): (f64, f64), (x2, y2): (f64, f64)) {
        let [x1, y1, x2, y2] = [x1, y1, x2, y2].map(px);
        let _ = write!(self.body, "<line class=\"{class}\" x1=\"{x1}\" y1=\"{y1}\" x2=\"{x2}\" y2=\"{y2}\"/>");
    }

    /// A text, of which `anchor` (`start`, `middle` or `end`) is at the point.
    pub fn text(&mut self, class: &str, (x, y): (f64, f64), anchor: &str, text: &str) {
        let (x, y) = (px(x), px(y));
        let text = escaped(text);
        let _ = write!(self.body, "<text class=\"{class}\" x=\"{x}\" y=\"{y}\" text-anchor=\"{anchor}\">{text}</text>");
    }

    /// The element, in a box that scrolls where it is wider than the page.
    pub fn finish(self) -> String {
        let Svg { body, width, height, label } = self;
        let label = escaped(&label);
        format!(
            "<div class=\"scroll\" tabindex=\"0\" role=\"group\" aria-label=\"{label}\"><svg class=\"diagram\" \
             xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" viewBox=\"0 0 {width} {height}\" \
             role=\"img\" aria-label=\"{label}\">{body}</svg></div>"
        )
    }
}

/// A coordinate to a tenth of a pixel.
fn px(number: f64) -> String {
    super::super::number::trimmed(number, 1)
}

/// A card with a heading.
pub fn card(title: &str, body: &str) -> String {
    format!("<section class=\"card\"><h3>{}</h3>{body}</section>\n", escaped(title))
}

/// A verdict or a conclusion as a coloured word.
pub fn badge(word: &str) -> String {
    let (class, sign) = match word {
        "pass" => ("pass", "✓ "),
        "fail" => ("fail", "✗ "),
        "inconclusive" => ("inconclusive", "? "),
        _ => ("none", ""),
    };
    format!("<span class=\"badge {class}\">{sign}{}</span>", escaped(word))
}

/// A command line to copy.
pub fn command(line: &str) -> String {
    format!("<code class=\"replay\">{}</code>", escaped(line))
}

/// A table: heads, and rows of cells that are HTML already.
pub fn table(heads: &[&str], rows: &[Vec<String>]) -> String {
    let heads: String = heads.iter().map(|head| format!("<th scope=\"col\">{}</th>", escaped(head))).collect();
    let row = |cells: &Vec<String>| {
        let cells: String = cells.iter().map(|cell| format!("<td>{cell}</td>")).collect();
        format!("<tr>{cells}</tr>\n")
    };
    let rows: String = rows.iter().map(row).collect();
    format!(
        "<div class=\"scroll\" tabindex=\"0\"><table><thead><tr>{heads}</tr></thead><tbody>{rows}</tbody></table></div>"
    )
}
