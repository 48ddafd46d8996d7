//! One page that holds everything: verdicts, comparison, and each run over its time. No file beside it, and no network.
//!
//! Tables and diagrams are made here, and equal reports are equal bytes. Lines that one can zoom into are drawn by uPlot
//! (`assets/`, MIT) from data in the page. The page's JSON is that of `--format json`, under `#report`; each number of the table
//! of metrics names its place there. In order: `draw.rs`, `board.rs`, `strips.rs`, `network.rs`, `lanes.rs`, `keys.rs`, `charts.rs`. Next: `draw.rs`.

mod board;
mod charts;
mod draw;
mod keys;
mod lanes;
mod network;
mod strips;

pub use lanes::window;

use serde_json::{Value, json};

use charts::Chart;
use draw::{badge, card, command, escaped};

use super::counterexample::{Interval, Picture, svg};
use super::json::{self, VERSION};
use super::number::{counted, grouped, percent, seconds};
use super::paint::Paint;
use super::story::{self, Story};
use super::subject::{Conclusion, RunReport, SweepReport};
use super::text::{answer, question};
use crate::check::Verdict;

const STYLE: &str = include_str!("assets/page.css");
const SCRIPT: &str = include_str!("assets/page.js");
const PLOT: &str = include_str!("assets/uPlot.iife.min.js");
const PLOT_STYLE: &str = include_str!("assets/uPlot.min.css");

/// A longer counterexample is not drawn: the report in text lists it.
const DRAWN: usize = 40;

/// A scenario on a page.
#[derive(Debug)]
pub struct Part<'a> {
    /// Many seeds; `None` for the page of one run.
    pub sweep: Option<SweepReport<'a>>,
    /// Runs in full, at most one of each design. Each must have kept every row of its history.
    pub runs: Vec<RunReport<'a>>,
    /// What happened in the run, where something was hunted down.
    pub story: Option<Story<'a>>,
}

impl Part<'_> {
    fn conclusion(&self) -> Conclusion {
        match &self.sweep {
            Some(sweep) => sweep.conclusion(),
            None => self.runs.iter().map(RunReport::conclusion).max().unwrap_or(Conclusion::Held),
        }
    }

    fn scenario(&self) -> Option<(&crate::scenario::Scenario, &str)> {
        let sweep = self.sweep.as_ref().map(|sweep| (sweep.scenario, sweep.file));
        sweep.or_else(|| self.runs.first().map(|run| (run.scenario, run.file)))
    }
}

/// The page.
pub fn html(parts: &[Part]) -> String {
    let mut drawn: Vec<Chart> = Vec::new();
    let body: String = parts.iter().enumerate().map(|(place, of)| part(of, place, parts.len(), &mut drawn)).collect();
    let name = |part: &Part| part.scenario().map_or("riftzone", |(scenario, _)| &scenario.name).to_string();
    let title = if let [only] = parts { name(only) } else { counted(parts.len(), "scenario") };
    let document = |part: &Part| json!({ "sweep": part.sweep.as_ref().map(json::sweep), "runs": part.runs.iter().map(json::run).collect::<Value>() });
    let documents: Value = parts.iter().map(document).collect();
    let data: Value = drawn.into_iter().map(|chart| chart.data).collect();
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>{title} – riftzone</title>\n\
         <link rel=\"icon\" href=\"data:,\">\n<style>{PLOT_STYLE}\n{STYLE}</style>\n</head>\n<body>\n\
         <a class=\"skip\" href=\"#content\">to the content</a>\n<main id=\"content\">\n{body}\
         <noscript><p>Charts over time are drawn by a script; everything else is here.</p></noscript>\n\
         <footer>riftzone {VERSION}. Same scenario, same seed, same version: the same bits. Charts: drag to zoom, double-click for \
         all; with the keyboard <kbd>+</kbd> <kbd>-</kbd> <kbd>←</kbd> <kbd>→</kbd> <kbd>0</kbd>.</footer>\n</main>\n\
         <script type=\"application/json\" id=\"report\">{documents}</script>\n\
         <script type=\"application/json\" id=\"charts\">{data}</script>\n\
         <script>{PLOT}</script>\n<script>{SCRIPT}</script>\n</body>\n</html>\n",
        title = escaped(&title),
        documents = in_script(&documents),
        data = in_script(&data),
    )
}

/// Text whose lines were broken elsewhere.
fn prose(text: &str) -> String {
    escaped(&text.split_whitespace().collect::<Vec<_>>().join(" "))
}

/// JSON that ends no element around it.
fn in_script(value: &Value) -> String {
    value.to_string().replace('<', "\\u003c")
}

fn part(part: &Part, place: usize, of: usize, drawn: &mut Vec<Chart>) -> String {
    let Some((scenario, file)) = part.scenario() else { return String::new() };
    let heading = format!(
        "<header><div class=\"eyebrow\">{}{}</div><h1>{} {}</h1>",
        escaped(file),
        if of > 1 { format!(" · {} of {of}", place + 1) } else { String::new() },
        escaped(&scenario.name),
        badge(part.conclusion().name()),
    );
    let lesson = scenario.lesson.as_ref().map_or(String::new(), |lesson| format!("<p>{}</p>", prose(lesson)));
    let source = scenario.source.as_ref();
    let source = source.map_or(String::new(), |of| format!("<p class=\"soft\">Source: {}</p>", prose(of)));
    let assumed: String = scenario.assumed.iter().map(|of| format!("<li>{}</li>", prose(of))).collect();
    let assumed = if assumed.is_empty() {
        assumed
    } else {
        format!("<details class=\"soft\"><summary>What it had to assume</summary><ul>{assumed}</ul></details>")
    };
    let mut html = format!("{heading}{lesson}{source}{assumed}</header>\n");
    if let Some(sweep) = part.sweep.as_ref().filter(|sweep| !sweep.comparison.designs.is_empty()) {
        html.push_str(&board::sections(sweep, &format!("/{place}/sweep")));
    }
    if let Some(story) = &part.story {
        html.push_str(&told(story));
    }
    if part.runs.len() > 1 {
        html.push_str("<h2>Designs over time</h2>\n");
        html.push_str(&grid(charts::of_designs(&part.runs, &format!("designs-{place}")), drawn));
    }
    html + &runs(part, place, drawn)
}

/// A story, in lines and drawn.
fn told(story: &Story) -> String {
    let why = format!("<p>{}. Here: {}.</p>", escaped(&story::sentence(&story.meaning)), escaped(&story.why));
    let lines: Vec<String> = story::told(story, 0, Paint::Off).lines().map(escaped).collect();
    let lines = format!("<pre class=\"told\">{}</pre>", lines.join("\n"));
    format!(
        "<h2>What happened</h2>\n{}{}",
        card(&story.title, &(why + &lines)),
        card("The same, drawn", &image(&story::space_time(story), &story.why)),
    )
}

/// A drawing as an image: its own styles stay its own.
fn image(svg: &str, words: &str) -> String {
    let source: String = svg.chars().map(in_url).collect();
    format!(
        "<div class=\"scroll\" tabindex=\"0\" role=\"group\" aria-label=\"drawing\"><img class=\"counterexample\" alt=\"{}\" \
         src=\"data:image/svg+xml,{source}\"></div>",
        escaped(words)
    )
}

/// Each run in full; where there are several, a tab each.
fn runs(part: &Part, place: usize, drawn: &mut Vec<Chart>) -> String {
    let [first, ..] = &part.runs[..] else { return String::new() };
    if part.runs.len() == 1 {
        return format!("<h2>The run of {}</h2>\n{}", escaped(&first.design.name), run(first, place, 0, drawn));
    }
    let mut tabs = String::new();
    let mut panels = String::new();
    for (at, report) in part.runs.iter().enumerate() {
        let (id, is_first) = (format!("{place}-{at}"), at == 0);
        let name = escaped(&report.design.name);
        let index = if is_first { "0" } else { "-1" };
        tabs.push_str(&format!(
            "<button role=\"tab\" type=\"button\" id=\"tab-{id}\" aria-controls=\"panel-{id}\" aria-selected=\"{is_first}\" \
             tabindex=\"{index}\">{name}</button>"
        ));
        let hidden = if is_first { "" } else { " hidden" };
        let body = run(report, place, at, drawn);
        panels.push_str(&format!(
            "<div role=\"tabpanel\" id=\"panel-{id}\" aria-labelledby=\"tab-{id}\"{hidden}>\n{body}</div>\n"
        ));
    }
    format!("<h2>One run of each design</h2>\n<div role=\"tablist\" aria-label=\"designs\">{tabs}</div>\n{panels}")
}

fn run(report: &RunReport, place: usize, at: usize, drawn: &mut Vec<Chart>) -> String {
    let head = format!(
        "<p>{} <b>{}</b> <span class=\"soft\">({}), seed {}, digest <code>{}</code>, {} of simulated time, {} events</span></p>{}",
        badge(report.conclusion().name()),
        escaped(&report.design.name),
        escaped(report.design.protocol),
        report.run.seed,
        report.run.digest,
        seconds(report.run.simulated),
        grouped(report.run.events),
        command(&report.replay()),
    );
    let mut html = format!("<section class=\"card\">{head}</section>\n{}", tiles(report));
    html.push_str(&grid(charts::of_run(report, &format!("run-{place}-{at}")), drawn));
    if let Some((chart, hint)) = lanes::lanes(report) {
        html.push_str(&one(chart, &hint, drawn));
    }
    html.push_str(&strips::leaders(report));
    html.push_str(&strips::failovers(report));
    html.push_str(&network::network(report));
    html.push_str(&keys::gone(report));
    html.push_str(&strips::ledger(report));
    html.push_str(&card("Verdicts", &board::verdicts(report)));
    html + &counterexamples(report)
}

/// The numbers to look at first.
fn tiles(report: &RunReport) -> String {
    let run = report.run;
    let outcomes = run.measures.outcomes(None);
    let latency = |writes: bool| {
        let all = run.measures.latency_overall(writes);
        if all.count() == 0 { "–".to_string() } else { format!("{} ms", super::number::millis(all.quantile(0.99))) }
    };
    let tiles = [
        ("availability", format!("{} %", percent(outcomes.availability()))),
        ("write latency p99", latency(true)),
        ("read latency p99", latency(false)),
        ("recovery time", seconds(run.recovery())),
        ("acknowledged writes lost", grouped(run.durability.lost.len() as u64)),
        ("two leaders writing", seconds(run.dual_writer)),
        ("stale reads", if run.reads == 0 { "–".to_string() } else { grouped(run.stale_reads.count()) }),
        ("conflicting writes dropped", grouped(run.durability.conflicts.len() as u64)),
    ];
    let tile = |(name, value): &(&str, String)| {
        format!("<div class=\"tile\"><dt>{name}</dt><dd>{}</dd></div>", escaped(value))
    };
    format!("<dl class=\"tiles\">{}</dl>\n", tiles.iter().map(tile).collect::<String>())
}

/// Charts in cards, whose data is put behind that of those before.
fn grid(charts: Vec<Chart>, drawn: &mut Vec<Chart>) -> String {
    let cards: String = charts.into_iter().map(|chart| one(chart, "", drawn)).collect();
    format!("<div class=\"grid\">{cards}</div>\n")
}

/// A chart in a card, and what stands below it.
fn one(chart: Chart, below: &str, drawn: &mut Vec<Chart>) -> String {
    let title = escaped(chart.title);
    let place = drawn.len();
    let body = format!(
        "<div class=\"chart\" data-chart=\"{place}\" tabindex=\"0\" role=\"img\" aria-label=\"{title}\"></div>{below}"
    );
    let card = card(chart.title, &body);
    drawn.push(chart);
    card
}

/// A drawing of each broken guarantee whose operations are known.
fn counterexamples(report: &RunReport) -> String {
    let guarantees = report.run.verdicts.iter().map(|judged| (judged.guarantee.name().to_string(), &judged.verdict));
    let levels = report.expected_levels.iter().map(|judged| (judged.level.to_string(), &judged.verdict));
    let drawing = |(name, verdict): (String, &Verdict)| {
        let Verdict::Fail(counterexample) = verdict else { return String::new() };
        if counterexample.operations.is_empty() || counterexample.operations.len() > DRAWN {
            return String::new();
        }
        let interval = |id: &crate::history::OpId| {
            let op = report.run.history.get(*id);
            let region = &report.run.regions[report.run.client_regions[op.client.index()].index()];
            Interval {
                id: *id,
                lane: format!("{} {region}", op.client),
                text: format!("{} ⇒ {}", question(&op.op), answer(&op)),
                invoked: op.invoked,
                completed: op.completed,
            }
        };
        let intervals = counterexample.operations.iter().map(interval).collect();
        let stuck = counterexample.operations.last().copied();
        let picture = Picture::new(format!("not {name}"), &counterexample.why, intervals, &[], stuck.as_slice());
        let image = image(&svg(&picture), &counterexample.why);
        card(&format!("Counterexample: {name}"), &image)
    };
    guarantees.chain(levels).map(drawing).collect()
}

/// A character of a data URL.
fn in_url(c: char) -> String {
    match c {
        '%' | '#' | '<' | '>' | '"' | '\'' | '&' | '\n' => format!("%{:02X}", c as u32),
        c => c.to_string(),
    }
}
