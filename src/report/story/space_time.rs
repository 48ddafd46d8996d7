//! A story as a space-time diagram: a lane for every node and every region's clients, time from left to right, messages as
//! slanted lines. Lamport's, CACM 21(7), 1978, turned on its side.
//!
//! Time is not to scale: each instant that something happens at has room for what it says.

use std::collections::BTreeMap;
use std::fmt::Write;

use crate::time::Time;
use crate::trace::Flight;

use super::super::counterexample::escaped;
use super::super::number::instant;
use super::super::table::{width, wrap};
use super::{Kind, Line, Story, moment, sentence};

const MARGIN: u32 = 24;
const LANE_HEIGHT: u32 = 58;
/// A character of the small font, in pixels.
const CHARACTER: f64 = 6.7;
/// Between two instants at least.
const STEP: u32 = 16;
/// So many messages are drawn at most: those of the rarest kinds, of which something is to be learnt.
const FLIGHTS_MAX: usize = 48;
const LINE_HEIGHT: u32 = 19;

/// Colours of light ground, and then of dark.
const STYLE: &str = "\
text{font:12px ui-monospace,'DejaVu Sans Mono',Menlo,Consolas,monospace;fill:#1f2933}\
.title{font:600 17px system-ui,-apple-system,'Segoe UI','DejaVu Sans',sans-serif}\
.why,.lane{font:13px system-ui,-apple-system,'Segoe UI','DejaVu Sans',sans-serif;fill:#52606d}\
.time{font:10px system-ui,-apple-system,'Segoe UI','DejaVu Sans',sans-serif;fill:#7b8794;text-anchor:middle}\
.said{font-size:11px;paint-order:stroke;stroke:#ffffff;stroke-width:3;stroke-opacity:.85;stroke-linejoin:round}.ground{fill:#ffffff}\
.line{stroke:#9aa5b1;stroke-width:1.25}\
.fault{fill:#fdeaea;stroke:none}.fault-name{font-size:11px;fill:#a61b1b}\
.message{stroke:#7b8794;stroke-width:1;opacity:.75}.lost{stroke:#d23b3b;stroke-dasharray:4 3}\
.reign{fill:#2f7cc0;opacity:.18}.office{fill:#2f7cc0}.loss{fill:#c77700}.client{fill:#52606d}.broke{stroke:#d23b3b;stroke-width:2}\
.broke-name{font-weight:600;fill:#a61b1b}.span{stroke:#2f7cc0;stroke-width:5;stroke-linecap:round;opacity:.55}\
.open{stroke-dasharray:6 6}\
@media (prefers-color-scheme:dark){text{fill:#e4e7eb}.said{stroke:#14181d}.why,.lane{fill:#9aa5b1}.time{fill:#7b8794}.ground{fill:#14181d}\
.line{stroke:#52606d}.fault{fill:#431b1e}.fault-name,.broke-name{fill:#ffb4b4}.message{stroke:#9aa5b1}.lost{stroke:#f16a6a}\
.office,.client{fill:#58a6e8}.loss{fill:#f0b429}.broke{stroke:#f16a6a}.span{stroke:#58a6e8}}";

/// The diagram as an SVG document.
pub fn space_time(story: &Story) -> String {
    let flights = flights(story);
    let columns = Columns::of(story, &flights);
    let total = (columns.right + MARGIN).max(640);
    let why =
        wrap(&format!("{}. Here: {}.", sentence(&story.meaning), story.why), "", (total - 2 * MARGIN) as usize / 7);
    let why: Vec<&str> = why.lines().collect();
    let top = MARGIN + 34 + LINE_HEIGHT * why.len() as u32 + 22;
    let bottom = top + story.lanes.len() as u32 * LANE_HEIGHT;
    let height = bottom + 34;
    let mut svg = String::new();
    let _ = write!(
        svg,
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{total}\" height=\"{height}\" viewBox=\"0 0 {total} {height}\" \
         role=\"img\" aria-label=\"{title}\">\n<title>{title}</title>\n<style>{STYLE}</style>\n\
         <rect class=\"ground\" width=\"{total}\" height=\"{height}\" rx=\"8\"/>\n\
         <text class=\"title\" x=\"{MARGIN}\" y=\"{y}\">{title}</text>\n",
        title = escaped(&story.title),
        y = MARGIN + 14,
    );
    for (line, words) in (0..).zip(&why) {
        let y = MARGIN + 36 + LINE_HEIGHT * line;
        let _ = writeln!(svg, "<text class=\"why\" x=\"{MARGIN}\" y=\"{y}\">{}</text>", escaped(words));
    }
    let canvas = Canvas { story, columns, top, bottom };
    canvas.faults(&mut svg);
    canvas.reigns(&mut svg);
    canvas.lanes(&mut svg);
    canvas.flights(&mut svg, &flights);
    canvas.breaks(&mut svg);
    canvas.spans(&mut svg);
    canvas.events(&mut svg);
    svg.push_str("</svg>\n");
    svg
}

/// The messages to draw: none of a kind of which there are too many.
fn flights<'s>(story: &'s Story) -> Vec<&'s Flight> {
    let Some(film) = story.run.trace.film() else { return Vec::new() };
    let first = story.lines.first().map_or(Time::ZERO, |line| line.at);
    let shown: Vec<&Flight> =
        film.flights.iter().filter(|flight| first <= flight.sent && flight.sent <= story.end).collect();
    let mut kinds: BTreeMap<&str, usize> = BTreeMap::new();
    shown.iter().for_each(|flight| *kinds.entry(&flight.what).or_default() += 1);
    let mut by_count: Vec<(usize, &str)> = kinds.into_iter().map(|(kind, count)| (count, kind)).collect();
    by_count.sort_unstable();
    let mut room = FLIGHTS_MAX;
    let mut kept = Vec::new();
    for (count, kind) in by_count {
        if count > room {
            break;
        }
        room -= count;
        kept.push(kind);
    }
    shown.into_iter().filter(|flight| kept.contains(&flight.what.as_str())).collect()
}

/// Where every instant is.
struct Columns {
    left: u32,
    right: u32,
    at: BTreeMap<Time, u32>,
}

impl Columns {
    fn of(story: &Story, flights: &[&Flight]) -> Columns {
        let names = story.lanes.iter().map(|lane| width(lane)).max().unwrap_or(0);
        let left = MARGIN + (names as f64 * 7.4) as u32 + 20;
        // How much room what is said at an instant needs to its right, lane by lane.
        let mut instants: BTreeMap<Time, u32> = BTreeMap::new();
        let mut room = |at: Time, pixels: u32| {
            let widest = instants.entry(at).or_default();
            *widest = (*widest).max(pixels);
        };
        for line in &story.lines {
            let words = if line.lane.is_some() { width(&line.short) } else { 0 };
            room(line.at, (words as f64 * CHARACTER) as u32 + STEP);
        }
        for id in &story.operations {
            room(story.run.history.get(*id).invoked, STEP);
        }
        for flight in flights {
            room(flight.sent, STEP);
            flight.arrives.into_iter().for_each(|at| room(at, STEP));
        }
        for (begins, ends, _) in &story.faults {
            room(*begins, STEP);
            if *ends <= story.end {
                room(*ends, STEP);
            }
        }
        // What is said on other lanes may share the room: only texts of one lane push each other on.
        let mut ends = vec![left; story.lanes.len()];
        let (mut x, mut at) = (left, BTreeMap::new());
        for instant in instants.keys() {
            let said = story.lines.iter().filter(|line| line.at == *instant);
            let lanes: Vec<(usize, u32)> = said
                .filter_map(|line| Some((line.lane?, (width(&line.short) as f64 * CHARACTER) as u32 + STEP)))
                .collect();
            let free = lanes.iter().map(|(lane, _)| ends[*lane]).max().unwrap_or(left);
            x = (x + STEP).max(free);
            lanes.iter().for_each(|(lane, wide)| ends[*lane] = x + wide);
            at.insert(*instant, x);
        }
        let right = ends.into_iter().max().unwrap_or(left).max(x + STEP);
        Columns { left, right, at }
    }

    /// Where an instant is; between two that are there, at the earlier one; after all, at the end.
    fn x(&self, at: Time) -> u32 {
        if self.at.keys().next_back().is_some_and(|last| at > *last) {
            return self.right;
        }
        self.at.range(..=at).next_back().map_or(self.left, |(_, x)| *x)
    }
}

struct Canvas<'s> {
    story: &'s Story<'s>,
    columns: Columns,
    top: u32,
    bottom: u32,
}

impl Canvas<'_> {
    fn y(&self, lane: usize) -> u32 {
        self.top + lane as u32 * LANE_HEIGHT + LANE_HEIGHT / 2
    }

    fn faults(&self, svg: &mut String) {
        for (nth, (begins, ends, what)) in self.story.faults.iter().enumerate() {
            if *begins > self.story.end {
                continue;
            }
            let (from, to) = (self.columns.x(*begins), self.columns.x(*ends).max(self.columns.x(*begins) + 2));
            let (y, name) = (self.top - 4, self.top - 9 - 12 * (nth as u32 % 2));
            let _ = writeln!(
                svg,
                "<rect class=\"fault\" x=\"{from}\" y=\"{y}\" width=\"{}\" height=\"{}\"><title>{what}</title></rect>\
                 <text class=\"fault-name\" x=\"{from}\" y=\"{name}\">{what}</text>",
                to - from,
                self.bottom - y,
                what = escaped(what),
            );
        }
    }

    /// How long each leader leads, or believes to: two at once are two bars.
    fn reigns(&self, svg: &mut String) {
        let offices = self.story.lines.iter().filter(|line| line.kind == Kind::Office);
        for (nth, begins) in offices.clone().enumerate().filter(|(_, line)| line.short.starts_with("leads")) {
            let Some(lane) = begins.lane else { continue };
            let ends = offices.clone().skip(nth + 1).find(|line| line.lane == Some(lane) && line.short == "steps down");
            let (from, to) =
                (self.columns.x(begins.at), ends.map_or(self.columns.right, |line| self.columns.x(line.at)));
            let (y, width) = (self.y(lane) - 7, to - from);
            let _ = writeln!(
                svg,
                "<rect class=\"reign\" x=\"{from}\" y=\"{y}\" width=\"{width}\" height=\"14\" rx=\"4\"/>"
            );
        }
    }

    fn lanes(&self, svg: &mut String) {
        for (lane, name) in self.story.lanes.iter().enumerate() {
            let y = self.y(lane);
            let _ = writeln!(
                svg,
                "<text class=\"lane\" x=\"{MARGIN}\" y=\"{}\">{}</text>\
                 <line class=\"line\" x1=\"{}\" y1=\"{y}\" x2=\"{}\" y2=\"{y}\"/>",
                y + 4,
                escaped(name),
                self.columns.left,
                self.columns.right,
            );
        }
    }

    fn flights(&self, svg: &mut String, flights: &[&Flight]) {
        for flight in flights {
            let (from, to) = (self.y(flight.from.index()), self.y(flight.to.index()));
            let x = self.columns.x(flight.sent);
            let hint = escaped(&flight.what);
            let _ = match flight.arrives {
                Some(at) => writeln!(
                    svg,
                    "<line class=\"message\" x1=\"{x}\" y1=\"{from}\" x2=\"{}\" y2=\"{to}\"><title>{hint}</title></line>",
                    self.columns.x(at)
                ),
                None => writeln!(
                    svg,
                    "<line class=\"message lost\" x1=\"{x}\" y1=\"{from}\" x2=\"{}\" y2=\"{}\"><title>{hint}, lost</title></line>",
                    x + STEP,
                    from.midpoint(to)
                ),
            };
        }
    }

    /// Operations, from asking to hearing.
    fn spans(&self, svg: &mut String) {
        for id in &self.story.operations {
            let operation = self.story.run.history.get(*id);
            let Some(lane) = self.story.lane_of(&operation) else { continue };
            let is_open = operation.completed == Time::NEVER;
            let (from, y) = (self.columns.x(operation.invoked), self.y(lane));
            let to = if is_open { from + 3 * STEP } else { self.columns.x(operation.completed).max(from + 2) };
            let open = if is_open { " open" } else { "" };
            let _ = writeln!(svg, "<line class=\"span{open}\" x1=\"{from}\" y1=\"{y}\" x2=\"{to}\" y2=\"{y}\"/>");
        }
    }

    /// When something broke, from top to bottom.
    fn breaks(&self, svg: &mut String) {
        for line in self.story.lines.iter().filter(|line| line.kind == Kind::Broke) {
            let (x, top, bottom) = (self.columns.x(line.at), self.top - 4, self.bottom);
            let _ = writeln!(
                svg,
                "<line class=\"broke\" x1=\"{x}\" y1=\"{top}\" x2=\"{x}\" y2=\"{bottom}\"><title>{}</title></line>",
                hint(line)
            );
        }
    }

    fn events(&self, svg: &mut String) {
        let mut last_time = 0;
        for line in &self.story.lines {
            let x = self.columns.x(line.at);
            let at = moment(line.at);
            if x >= last_time + (width(&at) as f64 * 6.2) as u32 + 10 || last_time == 0 {
                let _ = writeln!(svg, "<text class=\"time\" x=\"{x}\" y=\"{}\">{at}</text>", self.bottom + 18);
                last_time = x;
            }
            let Some(lane) = line.lane.filter(|_| line.kind != Kind::Broke) else { continue };
            let class = match line.kind {
                Kind::Office => "office",
                Kind::Loss => "loss",
                _ => "client",
            };
            let y = self.y(lane);
            let _ = writeln!(
                svg,
                "<g><title>{}</title><circle class=\"{class}\" cx=\"{x}\" cy=\"{y}\" r=\"4.5\"/>\
                 <text class=\"said\" x=\"{}\" y=\"{}\">{}</text></g>",
                hint(line),
                x + 2,
                y - 9,
                escaped(&line.short)
            );
        }
    }
}

/// What a pointer shows: all that is told of it, and exactly when.
fn hint(line: &Line) -> String {
    escaped(&format!("{}: {}", instant(line.at), line.text))
}
