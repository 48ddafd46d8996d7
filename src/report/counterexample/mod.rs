//! A counterexample as a picture: a lane for every client, an interval for every operation, and how far an order of
//! them can go; or, of transactions, the cycle that they are in.
//!
//! [`Picture`] is laid out once, in units that fit its texts; `lanes.rs` draws it in characters, `svg.rs` as SVG. Equal
//! pictures are equal bytes. Next: `arrows.rs`.

mod arrows;
mod lanes;
mod svg;

pub use arrows::Arrow;
pub use lanes::lanes;
pub(in crate::report) use svg::escaped;
pub use svg::svg;

use std::collections::BTreeMap;

use crate::check::transactions::{MicroOp, TransactionCounterexample, TransactionId};
use crate::history::OpId;
use crate::id::Key;
use crate::judge::{Finding, Foreign, ForeignTransactions};
use crate::time::Time;

use super::number::instant;

/// An operation to draw.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Interval {
    /// Which operation.
    pub id: OpId,
    /// Who asked: the name of its lane.
    pub lane: String,
    /// What was asked and answered.
    pub text: String,
    /// When it was asked.
    pub invoked: Time,
    /// When it was answered; [`Time::NEVER`] where nobody knows.
    pub completed: Time,
}

/// What a picture shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Picture {
    /// What is broken: `not linearizable`.
    pub title: String,
    /// Why, in words.
    pub why: String,
    /// Whether instants are nanoseconds.
    pub is_timed: bool,
    /// The operations, in the order of invocation.
    intervals: Vec<Interval>,
    marks: Vec<Mark>,
    /// What comes before what, where that is the reason.
    arrows: Vec<Arrow>,
}

/// What an operation is in the impossible order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mark {
    /// It has this place, from 1.
    Placed(usize),
    /// It would have to be next, or one of several, and cannot be.
    Stuck,
    /// It is not come to.
    Plain,
}

/// Where everything is, in the units of the width that texts were measured in.
struct Layout {
    /// The name of each lane, and on how many rows it is.
    lanes: Vec<(String, usize)>,
    /// For every operation: the row, where it begins, and where it ends; `None` where it is open.
    bars: Vec<(usize, u32, Option<u32>)>,
    /// Every instant, and where it is.
    instants: Vec<(Time, u32)>,
    /// How wide all is, without an open operation's end.
    width: u32,
}

impl Picture {
    /// A picture of these operations: those of `placed` in this order, then one of `stuck`, which is impossible.
    pub fn new(
        title: impl Into<String>,
        why: impl Into<String>,
        mut intervals: Vec<Interval>,
        placed: &[OpId],
        stuck: &[OpId],
    ) -> Picture {
        intervals.sort_by_key(|interval| (interval.invoked, interval.id));
        let places: BTreeMap<OpId, usize> = placed.iter().copied().zip(1..).collect();
        let mark = |interval: &Interval| match places.get(&interval.id) {
            Some(place) => Mark::Placed(*place),
            None if stuck.contains(&interval.id) => Mark::Stuck,
            None => Mark::Plain,
        };
        let marks = intervals.iter().map(mark).collect();
        Picture { title: title.into(), why: why.into(), is_timed: true, intervals, marks, arrows: Vec::new() }
    }

    /// The counterexample of a finding; `None` where it has none.
    pub fn of(foreign: &Foreign, finding: &Finding) -> Option<Picture> {
        let crate::check::Verdict::Fail(counterexample) = &finding.verdict else { return None };
        let interval = |id: &OpId| {
            let operation = &foreign.recording.operations[id.0 as usize];
            let answer = operation.answer();
            let arrow = if answer.is_empty() { "" } else { " ⇒ " };
            Interval {
                id: *id,
                lane: format!("process {}", operation.client.0),
                text: format!("{}{arrow}{answer}", operation.question()),
                invoked: operation.invoked,
                completed: operation.completed,
            }
        };
        let intervals = counterexample.operations.iter().map(interval).collect();
        let title = format!("not {}", finding.level.name());
        let mut picture = Picture::new(title, &counterexample.why, intervals, &finding.placed, &finding.stuck);
        picture.is_timed = foreign.recording.is_timed;
        Some(picture)
    }

    /// The counterexample of transactions: a lane for each session, and an arrow for each step of the cycle.
    ///
    /// Where nobody knows when they were, they are one after another in the order of the file.
    pub fn of_transactions(foreign: &ForeignTransactions, found: &TransactionCounterexample) -> Picture {
        let history = &foreign.history;
        let is_timed = history.is_timed();
        let interval = |id: &TransactionId| {
            let (invoked, completed) = if is_timed {
                (history.invoked(*id), history.completed(*id))
            } else {
                (Time::from_nanos(2 * u64::from(id.0)), Time::from_nanos(2 * u64::from(id.0) + 1))
            };
            Interval {
                id: OpId(id.0),
                lane: format!("session {}", history.session(*id).0),
                text: format!("{id}: {}", said(foreign, *id, found)),
                invoked,
                completed,
            }
        };
        let intervals = found.transactions.iter().map(interval).collect();
        let why = format!("{} {}", found.why, super::transactions::keys(foreign, found));
        let mut picture = Picture::new(format!("not {}", found.level.name()), why.trim_end(), intervals, &[], &[]);
        picture.is_timed = is_timed;
        let arrow = |step: &crate::check::transactions::Step| {
            let about = step.key.map_or(String::new(), |key| format!(" {}", key_name(foreign, key)));
            Arrow {
                from: OpId(step.from.0),
                to: OpId(step.to.0),
                label: format!("{}{about}", step.dependency.name()),
                because: step.because.clone(),
            }
        };
        picture.arrows = found.steps.iter().map(arrow).collect();
        picture
    }

    /// Where everything goes if each text needs so much width and instants are `gap` apart. `O(n log n)`, but for clients
    /// with many open operations.
    fn layout(&self, widths: &[u32], gap: u32) -> Layout {
        let instants = self.instants(widths, gap);
        let x = |time: Time| instants[instants.partition_point(|other| other.0 < time)].1;
        let mut lanes: Vec<Lane> = Vec::new();
        let mut lane_of: BTreeMap<&str, usize> = BTreeMap::new();
        let mut places: Vec<(usize, usize)> = Vec::with_capacity(widths.len());
        let mut bars = Vec::with_capacity(widths.len());
        let mut all = 0;
        for (interval, width) in self.intervals.iter().zip(widths) {
            let begin = x(interval.invoked);
            let end = (interval.completed != Time::NEVER).then(|| x(interval.completed).max(begin + width));
            let lane = *lane_of.entry(&interval.lane).or_insert(lanes.len());
            if lane == lanes.len() {
                lanes.push(Lane { name: interval.lane.clone(), ends: Vec::new() });
            }
            // A client that goes on beside an open operation, or at the very instant of an end, gets a further row.
            let ends = &mut lanes[lane].ends;
            let is_free = |end: &Option<u32>| end.is_some_and(|end| end < begin);
            let row = ends.iter().position(is_free).unwrap_or(ends.len());
            ends.resize((row + 1).max(ends.len()), None);
            ends[row] = end;
            places.push((lane, row));
            bars.push((0, begin, end));
            all = all.max(end.unwrap_or(begin + width));
        }
        let mut order: Vec<usize> = (0..lanes.len()).collect();
        order.sort_by_key(|lane| by_number(&lanes[*lane].name));
        let mut first = vec![0; lanes.len()];
        let mut next = 0;
        for lane in &order {
            first[*lane] = next;
            next += lanes[*lane].ends.len();
        }
        for (bar, (lane, row)) in bars.iter_mut().zip(&places) {
            bar.0 = first[*lane] + row;
        }
        let lanes = order.iter().map(|lane| (lanes[*lane].name.clone(), lanes[*lane].ends.len())).collect();
        Layout { lanes, bars, instants, width: all }
    }

    /// Every instant and where it is: so far apart that the text of each operation fits between its ends. One that is
    /// over at once needs its width up to the next instant.
    fn instants(&self, widths: &[u32], gap: u32) -> Vec<(Time, u32)> {
        let both = self.intervals.iter().flat_map(|one| [one.invoked, one.completed]);
        let mut times: Vec<Time> = both.filter(|at| *at != Time::NEVER).collect();
        times.sort_unstable();
        times.dedup();
        let place = |time: Time| times.partition_point(|other| *other < time);
        // For every instant, what has to fit before it: from where, and how wide.
        let mut fits: Vec<Vec<(usize, u32)>> = vec![Vec::new(); times.len() + 1];
        for (interval, width) in self.intervals.iter().zip(widths).filter(|(one, _)| one.completed != Time::NEVER) {
            let begin = place(interval.invoked);
            fits[place(interval.completed).max(begin + 1)].push((begin, *width));
        }
        let mut instants: Vec<(Time, u32)> = Vec::with_capacity(times.len());
        for (time, fits) in times.iter().zip(&fits) {
            let after_last = instants.last().map_or(0, |last| last.1 + gap);
            let needed = fits.iter().map(|(begin, width)| instants[*begin].1 + width).max();
            instants.push((*time, needed.unwrap_or(0).max(after_last)));
        }
        instants
    }

    /// An instant as people read it.
    fn instant(&self, at: Time) -> String {
        match (at, self.is_timed) {
            (Time::NEVER, _) => "never".into(),
            (at, true) => instant(at),
            (at, false) => format!("event {}", at.as_nanos()),
        }
    }
}

/// What the file calls a key; but `k1` where that is a number, which values are too.
fn key_name(foreign: &ForeignTransactions, key: Key) -> String {
    let name = foreign.key_name(key);
    if name.parse::<i64>().is_ok() || name.is_empty() { key.to_string() } else { name.to_string() }
}

/// How many operations of a transaction are shown.
const SHOWN: usize = 6;

/// What a transaction did, as far as the counterexample is about it: all of it where that is short.
fn said(foreign: &ForeignTransactions, id: TransactionId, found: &TransactionCounterexample) -> String {
    let is_about = |key| found.steps.iter().any(|step| step.key == Some(key)) || found.steps.is_empty();
    let key_of = |op: &MicroOp| match *op {
        MicroOp::Read(key, _) | MicroOp::Write(key, _) | MicroOp::Append(key, _) | MicroOp::ReadList(key, _) => key,
    };
    let all: Vec<MicroOp> = foreign.history.ops(id).collect();
    let shown: Vec<&MicroOp> = match all.len() {
        0..=SHOWN => all.iter().collect(),
        _ => all.iter().filter(|op| is_about(key_of(op))).take(SHOWN).collect(),
    };
    let words = shown.iter().map(|op| {
        let key = key_name(foreign, key_of(op));
        match **op {
            MicroOp::Write(_, value) => format!("{key} = {value}"),
            MicroOp::Append(_, value) => format!("{key} += {value}"),
            MicroOp::Read(_, None) => format!("{key} ⇒ nothing"),
            MicroOp::Read(_, Some(value)) => format!("{key} ⇒ {value}"),
            MicroOp::ReadList(_, seen) => {
                let first = seen.len().saturating_sub(3);
                let mut last: Vec<String> = seen[first..].iter().map(ToString::to_string).collect();
                if first > 0 {
                    last.insert(0, "…".into());
                }
                format!("{key} ⇒ [{}]", last.join(" "))
            }
        }
    });
    let mut text = words.collect::<Vec<_>>().join(", ");
    if shown.len() < all.len() {
        text.push_str(", …");
    }
    text
}

/// The rows of one client.
struct Lane {
    name: String,
    /// Where the last bar of each row ends; `None` where it is open.
    ends: Vec<Option<u32>>,
}

/// Names by what is before their number, then by the number.
fn by_number(name: &str) -> (&str, Option<u64>, &str) {
    let digits = name.trim_start_matches(|c: char| !c.is_ascii_digit());
    (&name[..name.len() - digits.len()], digits.parse().ok(), name)
}
