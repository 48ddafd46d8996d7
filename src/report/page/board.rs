//! Many seeds on a page: the board of verdicts, the table of metrics, and what each design trades for what.
//!
//! Next: `strips.rs`.

use super::draw::{Svg, badge, card, command, escaped, table};
use crate::explore::compare::DesignSummary;
use crate::explore::metric::{Better, METRICS, Metric, OCCASIONAL};
use crate::explore::seeds::SeedResult;
use crate::metrics::statistics::Estimate;
use crate::protocol::Guarantee;

use super::super::label::{label, regional_label};
use super::super::number::{counted, estimate, trimmed};
use super::super::subject::{SweepReport, conclusion_of, good_seeds};
use super::super::text::problems_in_words;

/// With more seeds, a cell of the board stands for several.
const COLUMNS: usize = 100;
const CELL: f64 = 11.0;
const NAMES: f64 = 230.0;

/// Every section. `path` is where the sweep is in the page's JSON.
pub fn sections(report: &SweepReport, path: &str) -> String {
    let designs = &report.comparison.designs;
    let boards: String = designs.iter().map(|design| board(report, design)).collect();
    let legend = "<p class=\"hint\"><span class=\"dot s-pass\"></span>holds <span class=\"dot s-expected\"></span>fails, as is expected or \
                  not claimed otherwise <span class=\"dot s-fail\"></span>broken <span class=\"dot s-inconclusive\"></span>undecided. A \
                  column is a seed.</p>";
    let mut html = format!("<h2>Verdicts, seed by seed</h2>\n{legend}<div class=\"grid\">{boards}</div>\n");
    if designs.len() > 1 {
        html.push_str("<h2>What each design trades</h2>\n<div class=\"grid\">");
        html.push_str(&trade(report, "write_latency_ms_p99", "availability"));
        html.push_str(&trade(report, "rto_s", "lost_acknowledged_writes"));
        html.push_str("</div>\n");
    }
    html + "<h2>Metrics</h2>\n" + &metrics(report, path)
}

/// A row for each guarantee, level and expectation, a column for each seed, and what broke.
fn board(report: &SweepReport, design: &DesignSummary) -> String {
    let rows = rows(report, design);
    let results = &design.results;
    let each = results.len().div_ceil(COLUMNS).max(1);
    let columns = results.len().div_ceil(each);
    let (width, height) =
        (NAMES + (columns as f64 * (CELL + 1.0)).max(60.0) + 8.0, rows.len() as f64 * (CELL + 7.0) + 24.0);
    let good = good_seeds(report.scenario, design);
    let label = format!("{}: {good} of {} hold", design.name, counted(results.len(), "seed"));
    let mut svg = Svg::new(width as u32, height as u32, &label);
    for (place, (name, verdicts)) in rows.iter().enumerate() {
        let y = place as f64 * (CELL + 7.0) + 2.0;
        svg.text("", (0.0, y + CELL - 1.0), "start", name);
        for (column, of) in verdicts.chunks(each).enumerate() {
            let (worst, seed) = of
                .iter()
                .zip(&results[column * each..])
                .max_by_key(|(state, _)| **state)
                .map_or((State::Pass, 0), |(state, result)| (*state, result.seed));
            let x = NAMES + column as f64 * (CELL + 1.0);
            svg.rect(worst.class(), (x, y), (CELL, CELL), &format!("{name}, seed {seed}: {}", worst.words()));
        }
    }
    if let (Some(first), Some(last)) = (results.first(), results.last()) {
        let y = height - 6.0;
        svg.text("t-soft", (NAMES, y), "start", &format!("seed {}", first.seed));
        if columns > 10 {
            svg.text("t-soft", (NAMES + columns as f64 * (CELL + 1.0), y), "end", &last.seed.to_string());
        }
    }
    let problems: String = problems_in_words(report, design)
        .iter()
        .map(|problem| format!("<li>{}</li>", escaped(&problem.words)))
        .collect();
    let problems = if problems.is_empty() { problems } else { format!("<ul class=\"problems\">{problems}</ul>") };
    let replay = report.replay(design).map_or(String::new(), |line| command(&line));
    let head = format!(
        "<h3>{} {} <span class=\"soft\">{}, {good} of {} hold</span></h3>",
        escaped(&design.name),
        badge(conclusion_of(design).name()),
        escaped(design.protocol),
        counted(results.len(), "seed")
    );
    format!("<section class=\"card\">{head}{}{problems}{replay}</section>\n", svg.finish())
}

/// What a seed is on the board; the greater, the worse.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum State {
    Pass,
    /// A fail that nobody promised would be none.
    Expected,
    Undecided,
    Broken,
}

impl State {
    const fn class(self) -> &'static str {
        match self {
            State::Pass => "s-pass",
            State::Expected => "s-expected",
            State::Undecided => "s-inconclusive",
            State::Broken => "s-fail",
        }
    }

    const fn words(self) -> &'static str {
        match self {
            State::Pass => "pass",
            State::Expected => "fails, which is not promised otherwise",
            State::Undecided => "inconclusive",
            State::Broken => "broken",
        }
    }
}

fn rows(report: &SweepReport, design: &DesignSummary) -> Vec<(String, Vec<State>)> {
    let of_scenario = report.scenario.designs.iter().find(|of| of.name == design.name);
    let judgements = |result: &SeedResult| of_scenario.map_or(Vec::new(), |design| result.judgements(design));
    let state = |result: &SeedResult, name: &str, verdict: &str| {
        let is_broken = result.broken_claims.iter().any(|(of, ..)| of.name() == name)
            || judgements(result).iter().any(|judgement| !judgement.held && judgement.expectation.name == name);
        match verdict {
            "pass" if !is_broken => State::Pass,
            "inconclusive" => State::Undecided,
            _ if is_broken => State::Broken,
            _ => State::Expected,
        }
    };
    let each = |name: &str, verdict: &dyn Fn(&SeedResult) -> &'static str| {
        let states = design.results.iter().map(|result| state(result, name, verdict(result))).collect();
        (name.to_string(), states)
    };
    let mut rows: Vec<(String, Vec<State>)> = Vec::new();
    for (place, guarantee) in Guarantee::ALL.iter().enumerate() {
        rows.push(each(guarantee.name(), &|result| result.verdicts[place]));
    }
    for (place, (level, _)) in design.levels.iter().enumerate() {
        let name = level.to_string();
        if rows.iter().all(|(known, _)| *known != name) {
            rows.push(each(&name, &|result| result.levels[place].verdict));
        }
    }
    let all = |holds: &dyn Fn(&SeedResult) -> bool| {
        design.results.iter().map(|r| if holds(r) { State::Pass } else { State::Broken }).collect::<Vec<_>>()
    };
    rows.push(("invariants".into(), all(&|result| result.breaches.is_empty())));
    rows.push(("expectations".into(), all(&|result| judgements(result).iter().all(|judgement| judgement.held))));
    rows.push(("faults touch something".into(), all(&|result| result.void_faults.is_empty())));
    rows
}

/// Two metrics against each other: a point a design, with the intervals of both.
fn trade(report: &SweepReport, x_name: &str, y_name: &str) -> String {
    let place = |name: &str| METRICS.iter().position(|metric| metric.name == name).expect("a metric has this name");
    let (x, y) = (place(x_name), place(y_name));
    let designs = &report.comparison.designs;
    let scale = |place: usize| {
        let largest = designs.iter().map(|design| design.metrics[place].high).fold(0.0, f64::max);
        let label = label(&METRICS[place], largest);
        let least = designs.iter().map(|design| design.metrics[place].low).fold(f64::INFINITY, f64::min);
        let floor =
            if METRICS[place].better == Some(Better::More) { least - (largest - least).max(1e-9) * 0.15 } else { 0.0 };
        let top = floor + (largest - floor).max(1e-9) * 1.1;
        // A part of a whole ends at the whole.
        let top = if METRICS[place].name == "availability" { top.min(1.0).max(floor + 1e-9) } else { top };
        (label, floor, top)
    };
    let ((x_label, x_low, x_high), (y_label, y_low, y_high)) = (scale(x), scale(y));
    let at_x = |value: f64| 70.0 + 400.0 * (value - x_low) / (x_high - x_low);
    let at_y = |value: f64| 250.0 - 220.0 * (value - y_low) / (y_high - y_low);
    let title = format!("{} against {}", y_label.words, x_label.words);
    let mut svg = Svg::new(520, 300, &title);
    for step in 0..=4 {
        let part = f64::from(step) / 4.0;
        let (vx, vy) = (x_low + part * (x_high - x_low), y_low + part * (y_high - y_low));
        svg.line("grid-line", (at_x(vx), 30.0), (at_x(vx), 250.0));
        svg.line("grid-line", (70.0, at_y(vy)), (470.0, at_y(vy)));
        svg.text("t-soft", (at_x(vx), 268.0), "middle", &tick(vx / x_label.scale));
        svg.text("t-soft", (62.0, at_y(vy) + 4.0), "end", &tick(vy / y_label.scale));
    }
    svg.text("t-soft", (270.0, 292.0), "middle", &x_label.words);
    svg.text("t-soft", (8.0, 16.0), "start", &y_label.words);
    let mut points: Vec<(f64, f64)> = Vec::new();
    for (colour, design) in designs.iter().enumerate() {
        let (a, b) = (design.metrics[x], design.metrics[y]);
        let point = (at_x(a.mean), at_y(b.mean));
        svg.line("axis", (at_x(a.low), point.1), (at_x(a.high), point.1));
        svg.line("axis", (point.0, at_y(b.low)), (point.0, at_y(b.high)));
        let front = if report.comparison.front.has(&design.name) { ", on the Pareto front" } else { "" };
        let (a, b) = (tick(a.mean / x_label.scale), tick(b.mean / y_label.scale));
        let hint = format!("{}: {} {a}, {} {b}{front}", design.name, x_label.words, y_label.words);
        if !front.is_empty() {
            svg.circle("front", point, 9.0, "");
        }
        svg.circle(&format!("k{}", colour % 8), point, 5.5, &hint);
        points.push(point);
    }
    for (design, (x, y, anchor)) in designs.iter().zip(places(&points, designs)) {
        svg.text("", (x, y), anchor, &design.name);
    }
    let hint = "<p class=\"hint\">A ring: on the Pareto front of all metrics.</p>";
    card(&title, &format!("<div class=\"trade\">{}</div>{hint}", svg.finish()))
}

/// Where the names of points stand, so that none covers a point, a scale, or another name: beside their points, and where that
/// is taken, above.
fn places(points: &[(f64, f64)], designs: &[DesignSummary]) -> Vec<(f64, f64, &'static str)> {
    const BESIDE: [(f64, f64, &str); 8] = [
        (13.0, -6.0, "start"),
        (13.0, 15.0, "start"),
        (-13.0, -6.0, "end"),
        (-13.0, 15.0, "end"),
        (13.0, -21.0, "start"),
        (-13.0, -21.0, "end"),
        (13.0, -36.0, "start"),
        (-13.0, -36.0, "end"),
    ];
    let mut taken: Vec<[f64; 4]> = points.iter().map(|(x, y)| [x - 9.0, y - 9.0, x + 9.0, y + 9.0]).collect();
    let mut placed = Vec::new();
    for ((x, y), design) in points.iter().zip(designs) {
        let width = 6.9 * design.name.chars().count() as f64;
        let boxed = |(dx, dy, anchor): &(f64, f64, &str)| {
            let left = if *anchor == "end" { x + dx - width } else { x + dx };
            [left, y + dy - 10.0, left + width, y + dy + 3.0]
        };
        let meets = |a: &[f64; 4], b: &[f64; 4]| a[0] < b[2] && b[0] < a[2] && a[1] < b[3] && b[1] < a[3];
        let is_free = |place: &&(f64, f64, &str)| {
            let own = boxed(place);
            own[0] > 72.0 && own[2] < 515.0 && own[1] > 18.0 && own[3] < 250.0 && !taken.iter().any(|b| meets(&own, b))
        };
        let place = BESIDE.iter().find(is_free).unwrap_or(&BESIDE[0]);
        taken.push(boxed(place));
        placed.push((x + place.0, y + place.1, place.2));
    }
    placed
}

fn tick(value: f64) -> String {
    let size = value.abs();
    trimmed(
        value,
        if size >= 100.0 {
            0
        } else if size >= 10.0 {
            1
        } else {
            2
        },
    )
}

/// A row a metric, a column a design. Each number says where it is in the JSON.
fn metrics(report: &SweepReport, path: &str) -> String {
    let designs = &report.comparison.designs;
    let mut rows = String::new();
    let mut row = |name: &str, metric: &Metric, region: Option<&str>, estimates: &[Estimate]| {
        let largest = estimates.iter().map(|estimate| estimate.mean).fold(0.0, f64::max);
        if OCCASIONAL.contains(&name) && largest == 0.0 {
            return;
        }
        let label = region.map_or_else(|| label(metric, largest), |region| regional_label(metric, region));
        let cells = designs.iter().zip(estimates).map(|(design, of)| {
            let (mean, half) = estimate(of, label.scale);
            let half = if half.is_empty() { half } else { format!(" <span class=\"pm\">± {half}</span>") };
            let class = if is_best(metric, of, estimates) { " best" } else { "" };
            let pointer = format!("{path}/designs/{}/metrics/{}/mean", token(&design.name), token(name));
            format!(
                "<td class=\"num{class}\" data-json=\"{}\" data-value=\"{:?}\">{mean}{half}</td>",
                escaped(&pointer),
                of.mean
            )
        });
        let cells: String = cells.collect();
        rows.push_str(&format!(
            "<tr><th scope=\"row\" title=\"{}\">{}</th>{cells}<td><code class=\"soft\">{}</code></td></tr>\n",
            escaped(metric.about),
            escaped(label.words.trim_start()),
            escaped(name)
        ));
    };
    for (place, metric) in METRICS.iter().enumerate() {
        row(metric.name, metric, None, &designs.iter().map(|design| design.metrics[place]).collect::<Vec<_>>());
    }
    for (place, of) in designs[0].regional.iter().enumerate() {
        let estimates: Vec<Estimate> = designs.iter().map(|design| design.regional[place].estimate).collect();
        row(&of.name(), of.metric, Some(&of.region), &estimates);
    }
    let heads: String = designs
        .iter()
        .map(|design| {
            let front = if report.comparison.front.has(&design.name) { " *" } else { "" };
            format!("<th scope=\"col\" class=\"num\">{}{front}</th>", escaped(&design.name))
        })
        .collect();
    let legend = format!(
        "<p class=\"hint\">± is half of the 95 % t interval of the mean over {}; none where every seed gave the same. * is on the \
         Pareto front. Green is the best of its row.</p>",
        counted(report.comparison.seeds.len(), "paired seed")
    );
    format!(
        "<section class=\"card\"><div class=\"scroll\" tabindex=\"0\"><table><thead><tr><th></th>{heads}<th>name in \
         scenarios</th></tr></thead><tbody>{rows}</tbody></table></div>{legend}</section>\n"
    )
}

fn is_best(metric: &Metric, of: &Estimate, all: &[Estimate]) -> bool {
    let Some(better) = metric.better else { return false };
    let worse = |other: &Estimate| if better == Better::Less { other.mean > of.mean } else { other.mean < of.mean };
    all.iter().all(|other| other.mean == of.mean || worse(other)) && all.iter().any(worse)
}

/// A key as a part of a JSON pointer.
pub fn token(key: &str) -> String {
    key.replace('~', "~0").replace('/', "~1")
}

/// The claims and expectations of a run's design, judged: a table.
pub fn verdicts(report: &super::super::subject::RunReport) -> String {
    let judged = report.run.verdicts.iter().map(|judged| {
        let name = judged.guarantee.name();
        (name.to_string(), judged.verdict.name(), report.expected(judged.guarantee), why(&judged.verdict))
    });
    let levels = report.expected_levels.iter().map(|judged| {
        let name = judged.level.to_string();
        let expected = report.said(&name);
        (name, judged.verdict.name(), expected, why(&judged.verdict))
    });
    let row = |(name, verdict, expected, why): (String, &str, Option<&str>, String)| {
        vec![escaped(&name), badge(verdict), expected.map_or("–".into(), escaped), escaped(&why)]
    };
    let verdicts = table(&["", "verdict", "expected", "why"], &judged.chain(levels).map(row).collect::<Vec<_>>());
    let row = |of: &crate::explore::expect::Judgement| {
        vec![escaped(&of.expectation.to_string()), badge(if of.held { "pass" } else { "fail" }), escaped(&of.measured)]
    };
    let expected: Vec<Vec<String>> = report.judgements.iter().map(row).collect();
    if expected.is_empty() { verdicts } else { verdicts + &table(&["expected", "", "measured"], &expected) }
}

fn why(verdict: &crate::check::Verdict) -> String {
    match verdict {
        crate::check::Verdict::Pass => String::new(),
        crate::check::Verdict::Fail(counterexample) => counterexample.why.clone(),
        crate::check::Verdict::Inconclusive { why } => why.clone(),
    }
}
