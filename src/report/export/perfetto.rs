//! A run as a trace in Chrome's Trace Event Format, which <https://ui.perfetto.dev> and `chrome://tracing` show.
//!
//! | there | is |
//! |---|---|
//! | a process for each region | its nodes, a thread each |
//! | a slice on a node | what it took and sent at one instant. A step takes no simulated time: it is drawn up to 10 µs long, so that arrows have something to hold on to |
//! | an arrow | a message, from the step that sent it to the one that took it |
//! | an instant on a node | a message that the network lost, or what the protocol said: leads, steps down, suspects |
//! | spans beside the nodes | terms of office, and times of acknowledging writes |
//! | a process for each region's clients | a client a thread, an operation a slice; counters of how operations ended |
//! | the first process | faults |
//!
//! Instants are microseconds with three decimals, so no nanosecond is lost. Next: `prometheus.rs`.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::history::{Operation, Outcome};
use crate::id::{ClientId, NodeId, RegionId};
use crate::sim::Run;
use crate::time::{Duration, Time};
use crate::trace::Flight;

use super::super::fault::{describe, end};
use super::super::json::VERSION;
use super::super::observation::{is_told, words};
use super::super::subject::RunReport;
use super::super::text::{answer, question};
use super::columns::outcome;

/// The process of the faults.
const WORLD: usize = 1;
/// A step is drawn so long at most.
const STEP: Duration = Duration::micros(10);

/// The trace: operations, faults, spans and counters of the whole run as far as they touch `between`, and the film's messages
/// and observations.
pub fn trace(report: &RunReport, between: (Time, Time)) -> String {
    let mut events = Events { report, between, lines: Vec::new(), ids: 0 };
    events.names();
    events.nodes();
    events.operations();
    events.faults();
    events.offices();
    events.counters();
    let run = report.run;
    let about = json!({
        "scenario": report.scenario.name, "design": report.design.name, "protocol": report.design.protocol,
        "seed": run.seed, "digest": run.digest.to_string(), "version": VERSION, "replay": report.replay(),
    });
    format!("{{\"displayTimeUnit\":\"ms\",\"otherData\":{about},\"traceEvents\":[\n{}\n]}}\n", events.lines.join(",\n"))
}

/// The events so far.
struct Events<'a> {
    report: &'a RunReport<'a>,
    between: (Time, Time),
    lines: Vec<String>,
    /// How many arrows and spans there are.
    ids: u64,
}

/// Where an event is shown.
#[derive(Clone, Copy)]
struct Track {
    process: usize,
    thread: usize,
}

/// What a node does at one instant.
#[derive(Default)]
struct Step<'a> {
    takes: Vec<&'a str>,
    sends: Vec<&'a str>,
    says: Vec<String>,
}

impl Events<'_> {
    fn run(&self) -> &Run {
        self.report.run
    }

    fn region(region: RegionId) -> usize {
        WORLD + 1 + 2 * region.index()
    }

    fn node(&self, node: NodeId) -> Track {
        Track { process: Events::region(self.run().nodes[node.index()].region), thread: 1 + node.index() }
    }

    fn client(&self, client: ClientId) -> Track {
        let process = Events::region(self.run().client_regions[client.index()]) + 1;
        Track { process, thread: 1 + self.run().nodes.len() + client.index() }
    }

    /// Writes an event: what every event has, and `more`.
    fn event(&mut self, phase: &str, name: &str, track: Track, at: Time, more: Value) {
        let nanos = at.as_nanos();
        let Value::Object(more) = more else { unreachable!("more is an object") };
        let more: String = more.iter().map(|(key, value)| format!(",{}:{value}", json!(key))).collect();
        self.lines.push(format!(
            "{{\"ph\":\"{phase}\",\"name\":{},\"pid\":{},\"tid\":{},\"ts\":{}.{:03}{more}}}",
            json!(name),
            track.process,
            track.thread,
            nanos / 1000,
            nanos % 1000
        ));
    }

    fn slice(&mut self, name: &str, category: &str, track: Track, (from, to): (Time, Time), args: Value) {
        self.event("X", name, track, from, json!({ "dur": micros(to.since(from)), "cat": category, "args": args }));
    }

    /// A span that may overlap others of its process.
    fn span(&mut self, name: &str, category: &str, track: Track, (from, to): (Time, Time), args: Value) {
        if to < self.between.0 || from > self.between.1 {
            return;
        }
        self.ids += 1;
        let id = format!("0x{:x}", self.ids);
        self.event("b", name, track, from, json!({ "cat": category, "id": id, "args": args }));
        self.event("e", name, track, to, json!({ "cat": category, "id": id }));
    }

    fn names(&mut self) {
        let run = self.report.run;
        let mut processes = vec![(WORLD, "faults".to_string())];
        for (place, region) in run.regions.iter().enumerate() {
            let process = Events::region(RegionId(place as u16));
            processes.push((process, region.to_string()));
            if run.has_clients[place] {
                processes.push((process + 1, format!("clients in {region}")));
            }
        }
        for (process, name) in processes {
            let track = Track { process, thread: 0 };
            self.event("M", "process_name", track, Time::ZERO, json!({ "args": { "name": name } }));
            self.event("M", "process_sort_index", track, Time::ZERO, json!({ "args": { "sort_index": process } }));
        }
        for (place, node) in run.nodes.iter().enumerate() {
            let track = self.node(NodeId(place as u16));
            self.event("M", "thread_name", track, Time::ZERO, json!({ "args": { "name": &*node.name } }));
        }
        for place in 0..run.client_regions.len() {
            let client = ClientId(place as u32);
            let track = self.client(client);
            self.event("M", "thread_name", track, Time::ZERO, json!({ "args": { "name": client.to_string() } }));
        }
    }

    /// Steps, then the arrows between them, then what was lost and said.
    fn nodes(&mut self) {
        let report = self.report;
        let Some(film) = report.run.trace.film() else { return };
        let over = Time::ZERO + report.run.simulated;
        let arrived = |flight: &Flight| flight.arrives.filter(|at| *at <= over);
        let mut steps: BTreeMap<(NodeId, Time), Step> = BTreeMap::new();
        for flight in &film.flights {
            steps.entry((flight.from, flight.sent)).or_default().sends.push(&flight.what);
            if let Some(at) = arrived(flight) {
                steps.entry((flight.to, at)).or_default().takes.push(&flight.what);
            }
        }
        for sighting in film.sightings.iter().filter(|sighting| !sighting.observation.is_aside()) {
            let step = steps.entry((sighting.node, sighting.at)).or_default();
            step.says.push(words(&sighting.observation, report.run));
        }
        let mut next = steps.keys().skip(1);
        for ((node, at), step) in &steps {
            let gap = next.next().filter(|(other, _)| other == node).map_or(STEP, |(_, next)| next.since(*at));
            let mut args = json!({});
            let told = [("takes", json!(step.takes)), ("sends", json!(step.sends)), ("says", json!(step.says))];
            for (name, all) in told.into_iter().filter(|(_, all)| all.as_array().is_some_and(|all| !all.is_empty())) {
                args[name] = all;
            }
            let track = self.node(*node);
            self.slice(&step.name(), "step", track, (*at, *at + gap.min(STEP)), args);
        }
        for flight in &film.flights {
            let (from, to) = (self.node(flight.from), self.node(flight.to));
            if let Some(at) = arrived(flight) {
                self.ids += 1;
                let id = self.ids;
                self.event("s", &flight.what, from, flight.sent, json!({ "cat": "message", "id": id }));
                self.event("f", &flight.what, to, at, json!({ "cat": "message", "id": id, "bp": "e" }));
            } else if flight.arrives.is_none() {
                let name = format!("{} to {} is lost", flight.what, report.run.nodes[flight.to.index()].name);
                self.event("i", &name, from, flight.sent, json!({ "s": "t", "cat": "lost" }));
            }
        }
        for sighting in film.sightings.iter().filter(|sighting| is_told(&sighting.observation)) {
            let track = self.node(sighting.node);
            let name = words(&sighting.observation, report.run);
            self.event("i", &name, track, sighting.at, json!({ "s": "t", "cat": "observation" }));
        }
    }

    /// A client has one operation under way at most. Where it never heard, it waited until its time was up.
    fn operations(&mut self) {
        let run = self.report.run;
        let over = Time::ZERO + run.simulated;
        let timeout = self.report.scenario.setup.workload.timeout;
        let mut next: Vec<Time> = vec![over; run.client_regions.len()];
        let mut shown: Vec<(Operation, Time)> = Vec::new();
        let operations: Vec<Operation> = run.history.iter().collect();
        for op in operations.into_iter().rev() {
            let waited = (op.invoked + timeout).min(next[op.client.index()]);
            let end = if op.completed == Time::NEVER { waited } else { op.completed };
            next[op.client.index()] = op.invoked;
            if op.invoked <= self.between.1 && end >= self.between.0 {
                shown.push((op, end));
            }
        }
        for (op, end) in shown.into_iter().rev() {
            let track = self.client(op.client);
            let server = op.server.map(|server| run.nodes[server.index()].name.to_string());
            let args = json!({
                "id": op.id.0, "outcome": outcome(op.outcome), "answer": answer(&op), "server": server,
                "latency_ms": end.since(op.invoked).as_millis_f64(),
            });
            let ended = if op.outcome == Outcome::Ok { "" } else { outcome(op.outcome) };
            let name = [question(&op.op).as_str(), ended].join(if ended.is_empty() { "" } else { ": " });
            self.slice(&name, "operation", track, (op.invoked, end), args);
        }
    }

    fn faults(&mut self) {
        let setup = &self.report.scenario.setup;
        for (fault, entry) in setup.faults.iter().zip(&self.report.run.ledger) {
            let until = end(fault, &setup.faults, setup.duration);
            let args = json!({ "fired": entry.fired, "touched": entry.touched });
            let what = describe(fault, &setup.topology);
            self.span(&what, "fault", Track { process: WORLD, thread: 0 }, (fault.at, until.max(fault.at)), args);
        }
    }

    fn offices(&mut self) {
        let run = self.report.run;
        let over = Time::ZERO + run.simulated;
        for office in &run.offices {
            let later = run.offices.iter().filter(|other| other.group == office.group && other.at > office.at);
            let until = later.map(|other| other.at).min().unwrap_or(over);
            let name = format!("{} leads epoch {}", run.nodes[office.node.index()].name, office.epoch);
            let (track, args) = (self.node(office.node), json!({ "epoch": office.epoch, "group": office.group.0 }));
            self.span(&name, "office", track, (office.at, until), args);
        }
        for stint in &run.stints {
            let name = format!("{} acknowledges writes", run.nodes[stint.node.index()].name);
            let (track, args) = (self.node(stint.node), json!({ "epoch": stint.epoch, "group": stint.group.0 }));
            self.span(&name, "writer", track, (stint.first, stint.last), args);
        }
    }

    /// How operations ended, by when they began.
    fn counters(&mut self) {
        let run = self.report.run;
        let bucket = run.measures.bucket();
        for place in (0..run.regions.len()).filter(|place| run.has_clients[*place]) {
            let region = RegionId(place as u16);
            let track = Track { process: Events::region(region) + 1, thread: 0 };
            for (nth, of) in (0..).zip(run.measures.timeline(region)) {
                let at = Time::ZERO + bucket * nth;
                if at + bucket < self.between.0 || at > self.between.1 {
                    continue;
                }
                let rate = |count: u64| count as f64 / bucket.as_secs_f64();
                let args = json!({ "ok": rate(of.ok), "fail": rate(of.fail), "unknown": rate(of.unknown) });
                self.event("C", "operations per second", track, at, json!({ "args": args }));
            }
        }
    }
}

impl Step<'_> {
    /// What came, else what went, else what was said; where there are several of a kind, the first and how many.
    fn name(&self) -> String {
        let several = |all: &[&str]| match all {
            [only] => only.to_string(),
            [first, rest @ ..] if rest.iter().all(|other| other == first) => format!("{first} ×{}", all.len()),
            all => format!("{} and {} more", all[0], all.len() - 1),
        };
        match (&self.takes[..], &self.sends[..]) {
            ([], []) => self.says.first().cloned().unwrap_or_default(),
            ([], sends) => format!("sends {}", several(sends)),
            (takes, _) => format!("{} arrives", several(takes)),
        }
    }
}

/// Microseconds, which the format counts in.
fn micros(span: Duration) -> f64 {
    span.as_nanos() as f64 / 1e3
}
