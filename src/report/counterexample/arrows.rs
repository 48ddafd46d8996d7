//! The edges of a cycle, drawn over the bars of what they join. Next: `lanes.rs`.

use std::fmt::Write;

use crate::history::OpId;

use super::svg::{CHARACTER, Canvas, escaped};

/// One thing comes before another, for a reason.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Arrow {
    /// What comes before.
    pub from: OpId,
    /// What comes after.
    pub to: OpId,
    /// The kind of dependency, and what it is about: `rw k0`.
    pub label: String,
    /// The reason in a sentence, shown when pointed at.
    pub because: String,
}

/// How far an arrow swings out of the way of bars.
const SWING: i64 = 26;

impl Canvas<'_> {
    /// The head that every arrow ends with, once for all of them.
    pub(super) fn arrow_head(&self, svg: &mut String) {
        if !self.picture.arrows.is_empty() {
            svg.push_str(
                "<defs><marker id=\"head\" viewBox=\"0 0 8 8\" refX=\"7\" refY=\"4\" markerWidth=\"7\" markerHeight=\"7\" \
                 orient=\"auto-start-reverse\"><path class=\"head\" d=\"M0 0L8 4L0 8Z\"/></marker></defs>\n",
            );
        }
    }

    /// Every arrow, and its label on it.
    pub(super) fn arrows(&self, svg: &mut String) {
        for arrow in &self.picture.arrows {
            let find = |id: OpId| self.picture.intervals.iter().position(|interval| interval.id == id);
            let (Some(from), Some(to)) = (find(arrow.from), find(arrow.to)) else { continue };
            let [from, to] = [from, to].map(|place| self.bar_box(place));
            let goes_down = to.top > from.top;
            let same_row = to.top == from.top;
            // Those that lead down keep to the right, and those that lead up to the left: they seldom cross.
            let (leaves, arrives) = if same_row {
                (3, 1)
            } else if goes_down {
                (3, 3)
            } else {
                (1, 1)
            };
            let (x1, x2) = (from.at(leaves, 4), to.at(arrives, 4));
            let (y1, y2, bend1, bend2) = if same_row {
                (from.bottom, to.bottom, SWING + 10, SWING + 10)
            } else if goes_down {
                (from.bottom, to.top, SWING, -SWING)
            } else {
                (from.top, to.bottom, -SWING, SWING)
            };
            let because = escaped(&arrow.because);
            let _ = write!(
                svg,
                "<g class=\"arrow\"><title>{because}</title>\
                 <path class=\"edge\" marker-end=\"url(#head)\" d=\"M{x1} {y1}C{x1} {} {x2} {} {x2} {y2}\"/>",
                y1 + bend1,
                y2 + bend2,
            );
            // The middle of the curve.
            let on = |a: i64, b: i64, c: i64, d: i64| (a + 3 * b + 3 * c + d) / 8;
            let (x, y) = (on(x1, x1, x2, x2), on(y1, y1 + bend1, y2 + bend2, y2));
            let width = (super::super::table::width(&arrow.label) as f64 * CHARACTER * 0.9) as i64 + 12;
            let _ = writeln!(
                svg,
                "<rect class=\"tag\" x=\"{}\" y=\"{}\" width=\"{width}\" height=\"18\" rx=\"9\"/>\
                 <text class=\"edge-label\" x=\"{x}\" y=\"{}\">{}</text></g>",
                x - width / 2,
                y - 9,
                y + 4,
                escaped(&arrow.label),
            );
        }
    }
}

/// Where a bar is.
#[derive(Clone, Copy, Debug)]
pub(super) struct BarBox {
    pub(super) left: i64,
    pub(super) right: i64,
    pub(super) top: i64,
    pub(super) bottom: i64,
}

impl BarBox {
    /// So many parts of its width from its left.
    fn at(self, parts: i64, whole: i64) -> i64 {
        self.left + (self.right - self.left) * parts / whole
    }
}
