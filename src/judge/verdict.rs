//! Judging a [`Foreign`] history: which method takes which object, and what its ruling says in words.
//!
//! A register of which every value names its write is judged by the method of zones, in `O(n log n)`; counters, sets,
//! queues, lists and locks by the methods of [`objects`] where these take them; every other object by search. Next:
//! `levels.rs`.

use super::datum::Datum;
use super::foreign::{Foreign, Object, Objects};
use super::recording::Recorded;
use crate::check::level::Level;
use crate::check::wgl::model::{Register, RegisterInput, RegisterOutput};
use crate::check::wgl::{self, Effort, Judgement, Model, Refutation, Ruling};
use crate::check::{Counterexample, Verdict, linearizable, objects};
use crate::history::{History, OpId, Outcome};
use crate::id::{Key, NodeId, Value};
use crate::op::{Op, Reply};

/// How many operations are named one by one in a sentence.
const NAMED: usize = 6;

/// What was found about one level of consistency.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The level.
    pub level: Level,
    /// The verdict: it fails where any object fails, with the smallest counterexample of any.
    pub verdict: Verdict,
    /// What a pass leaves open, in words.
    pub note: Option<&'static str>,
    /// How many operations were examined or tried.
    pub steps: u64,
    /// The keys of the objects that fail.
    pub keys_failed: Vec<Datum>,
    /// The keys of those that could not be judged.
    pub keys_inconclusive: Vec<Datum>,
    /// How far an order of the counterexample's operations can go: these.
    pub placed: Vec<OpId>,
    /// Those of which one would have to be next, and none can be.
    pub stuck: Vec<OpId>,
    /// For each object that passed, by its place, an order of its operations that was replayed.
    pub orders: Vec<(usize, Vec<OpId>)>,
}

impl Foreign {
    /// Whether every object is linearizable.
    pub fn linearizable(&self, effort: Effort) -> Finding {
        let mut finding = Finding::new(Level::Linearizable);
        match &self.objects {
            Objects::Registers(objects) => self.registers(objects, effort, &mut finding),
            Objects::Texts(objects) => {
                self.each(
                    objects,
                    &mut finding,
                    |calls| wgl::judge(&wgl::model::Text, calls, effort),
                    |text| format!("{text:?}"),
                );
            }
            Objects::Sets(objects) => {
                let show = |state: &Vec<u64>| self.sequence("{", state.iter(), "}");
                self.each(objects, &mut finding, |calls| objects::set::judge(calls, effort), show);
            }
            Objects::Queues(objects) => {
                let show = |state: &std::collections::VecDeque<u64>| self.sequence("[", state.iter(), "]");
                self.each(objects, &mut finding, |calls| objects::queue::judge(calls, effort), show);
            }
            Objects::Counters(objects) => {
                self.each(objects, &mut finding, |calls| objects::counter::judge(calls, effort), i64::to_string);
            }
            Objects::Lists(objects) => {
                let show = |state: &Vec<u64>| self.sequence("[", state.iter(), "]");
                self.each(objects, &mut finding, |calls| objects::list::judge(calls, effort), show);
            }
            Objects::Mutexes(objects) => {
                let show = |state: &wgl::model::MutexState| match state.holder {
                    Some(client) => format!("the lock held by {client}"),
                    None => "the lock free".to_string(),
                };
                self.each(objects, &mut finding, |calls| objects::lock::judge(calls, effort), show);
            }
        }
        finding
    }

    /// The register operations as a history, for the checkers that take one: where these are registers, every value
    /// names its write, and every answer tells what it saw. The numbers of operations are those of the recording.
    pub fn history(&self) -> Option<History> {
        let Objects::Registers(objects) = &self.objects else { return None };
        let all: Vec<usize> = (0..objects.len()).collect();
        objects.iter().all(|object| ambiguity(object).is_none()).then(|| self.history_of(objects, &all))
    }

    fn registers(&self, objects: &[Object<Register>], effort: Effort, finding: &mut Finding) {
        let takes = |place: &usize| ambiguity(&objects[*place]).is_none();
        let (by_zones, by_search): (Vec<usize>, Vec<usize>) = (0..objects.len()).partition(takes);
        let history = self.history_of(objects, &by_zones);
        for place in by_zones {
            let (key, object) = (self.key_of(place, objects), &objects[place]);
            let judged = linearizable::judge_key(&history, key);
            finding.steps += judged.steps;
            match judged.verdict {
                Verdict::Pass => {
                    finding.orders.push((place, linearizable::linearization(&history, key).unwrap_or_default()));
                }
                Verdict::Inconclusive { why } => finding.inconclusive(&object.key, why),
                Verdict::Fail(counterexample) => self.verified(&history, key, object, counterexample, effort, finding),
            }
        }
        for place in by_search {
            let object = &objects[place];
            let show = |state: &Option<u64>| state.map_or("nil".into(), |value| self.values.show(value));
            self.one(place, object, wgl::judge(&Register, &object.calls, effort), show, finding);
        }
    }

    /// A counterexample of zones, judged again on its own by search.
    fn verified(
        &self,
        history: &History,
        key: Key,
        object: &Object<Register>,
        mut counterexample: Counterexample,
        effort: Effort,
        finding: &mut Finding,
    ) {
        let excerpt = linearizable::excerpt(history, &counterexample.operations);
        let mut calls = Register::calls(&excerpt, key);
        for call in &mut calls {
            call.id = counterexample.operations[call.id.0 as usize];
        }
        let judged = wgl::judge(&Register, &calls, Effort { reduction_steps: 0, ..effort });
        finding.steps += judged.steps;
        match judged.ruling {
            Ruling::Violation(refutation) => {
                if !self.values.numbers.are_own() {
                    let show = |state: &Option<u64>| state.map_or("nil".into(), |value| self.values.show(value));
                    counterexample.why = self.words(&object.key, &refutation, show);
                }
                finding.failed(&object.key, counterexample, refutation.placed, refutation.stuck);
            }
            Ruling::Linearizable(_) => {
                finding.inconclusive(&object.key, "an error of the checker: its counterexample is linearizable".into());
            }
            Ruling::Inconclusive { .. } => finding.failed(&object.key, counterexample, Vec::new(), Vec::new()),
        }
    }

    /// The operations on these registers as a history.
    fn history_of(&self, objects: &[Object<Register>], places: &[usize]) -> History {
        let mut history = History::new();
        let mut wanted = vec![None; self.recording.operations.len()];
        for place in places {
            for call in &objects[*place].calls {
                wanted[call.id.0 as usize] = Some((*place, Some(call)));
            }
        }
        for (row, operation) in self.recording.operations.iter().enumerate() {
            let key = operation.key.as_ref().unwrap_or(&Datum::Nil);
            let place = objects.partition_point(|object| object.key < *key);
            let is_failed = operation.outcome == Outcome::Fail && operation.f == "write";
            if wanted[row].is_none() && is_failed && places.binary_search(&place).is_ok() {
                wanted[row] = Some((place, None));
            }
        }
        for (row, operation) in self.recording.operations.iter().enumerate() {
            let Some((place, call)) = wanted[row] else { continue };
            let (id, key) = (OpId(row as u32), self.key_of(place, objects));
            let input = call.map_or_else(|| RegisterInput::Write(self.number(&operation.input)), |call| call.input);
            let Some(op) = op(key, input) else { continue };
            history.invoke_as(id, operation.client, op, operation.invoked);
            match call.map(|call| call.output) {
                None => history.fail(id, operation.completed),
                Some(None) => {}
                Some(Some(output)) => {
                    if let Some(reply) = reply(output) {
                        history.complete(id, reply, NodeId(0), operation.completed);
                    }
                }
            }
        }
        history
    }

    fn number(&self, datum: &Datum) -> Option<u64> {
        (*datum != Datum::Nil).then(|| self.values.numbers.of_datum(datum))
    }

    /// The key of an object in a history: its own, where all keys are small numbers; else its place.
    fn key_of<M: Model>(&self, place: usize, objects: &[Object<M>]) -> Key {
        let own = |object: &Object<M>| object.key.natural().and_then(|key| u32::try_from(key).ok());
        let are_own = objects.iter().all(|object| own(object).is_some());
        Key(own(&objects[place]).filter(|_| are_own).unwrap_or(place as u32))
    }

    fn each<M: Model>(
        &self,
        objects: &[Object<M>],
        finding: &mut Finding,
        judge: impl Fn(&[wgl::CallOf<M>]) -> Judgement<M>,
        show: impl Fn(&M::State) -> String,
    ) {
        for (place, object) in objects.iter().enumerate() {
            self.one(place, object, judge(&object.calls), &show, finding);
        }
    }

    fn one<M: Model>(
        &self,
        place: usize,
        object: &Object<M>,
        judged: Judgement<M>,
        show: impl Fn(&M::State) -> String,
        finding: &mut Finding,
    ) {
        finding.steps += judged.steps;
        match judged.ruling {
            Ruling::Linearizable(order) => finding.orders.push((place, order)),
            Ruling::Inconclusive { placed, of } => {
                let why = format!("the budget was spent when at most {placed} of {of} operations were in order");
                finding.inconclusive(&object.key, why);
            }
            Ruling::Violation(refutation) => {
                let why = self.words(&object.key, &refutation, show);
                let operations = refutation.calls.iter().map(|call| call.id).collect();
                finding.failed(&object.key, Counterexample { why, operations }, refutation.placed, refutation.stuck);
            }
        }
    }

    /// Why these operations cannot be put in order.
    fn words<M: Model>(&self, key: &Datum, refutation: &Refutation<M>, show: impl Fn(&M::State) -> String) -> String {
        let named = |ids: &[OpId]| self.named(ids);
        let key = if *key == Datum::Nil { String::new() } else { format!("key {key}: ") };
        let of = count(refutation.calls.len());
        if refutation.stuck.is_empty() {
            return format!("{key}no order of these {of} is right{}", given_up(refutation.minimal));
        }
        let order = match refutation.placed.len() {
            0 => "at the beginning".to_string(),
            placed => format!("the longest found has {placed}, {}, and then", named(&refutation.placed)),
        };
        let next = match refutation.stuck.as_slice() {
            [only] => format!("`{}`, which has to be next, cannot be", self.recorded(*only)),
            stuck => format!("one of {} has to be next, and none can be", named(stuck)),
        };
        let state = show(&refutation.state);
        format!("{key}no order of these {of} is right: {order}, with {state}, {next}{}", given_up(refutation.minimal))
    }

    /// The last of these operations, one by one.
    pub(super) fn named(&self, ids: &[OpId]) -> String {
        let skipped = ids.len().saturating_sub(NAMED);
        let name = |id: &OpId| format!("`{}`", self.recorded(*id));
        let mut names: Vec<String> = ids[skipped..].iter().map(name).collect();
        if skipped > 0 {
            names.insert(0, format!("{skipped} more"));
        }
        names.join(", ")
    }

    fn recorded(&self, id: OpId) -> &Recorded {
        &self.recording.operations[id.0 as usize]
    }

    fn sequence<'a>(&self, open: &str, values: impl Iterator<Item = &'a u64>, close: &str) -> String {
        let values: Vec<String> = values.map(|value| self.values.show(*value)).collect();
        format!("{open}{}{close}", values.join(" "))
    }
}

const fn given_up(is_minimal: bool) -> &'static str {
    match is_minimal {
        true => "",
        false => " (perhaps fewer operations would do: reducing them further was given up)",
    }
}

fn count(operations: usize) -> String {
    format!("{operations} operation{}", if operations == 1 { "" } else { "s" })
}

impl Finding {
    /// Nothing found yet: it passes.
    pub fn new(level: Level) -> Finding {
        Finding {
            level,
            verdict: Verdict::Pass,
            note: None,
            steps: 0,
            keys_failed: Vec::new(),
            keys_inconclusive: Vec::new(),
            placed: Vec::new(),
            stuck: Vec::new(),
            orders: Vec::new(),
        }
    }

    fn failed(&mut self, key: &Datum, counterexample: Counterexample, placed: Vec<OpId>, stuck: Vec<OpId>) {
        self.keys_failed.push(key.clone());
        let is_smaller = match &self.verdict {
            Verdict::Fail(other) => counterexample.operations.len() < other.operations.len(),
            _ => true,
        };
        if is_smaller {
            (self.verdict, self.placed, self.stuck) = (Verdict::Fail(counterexample), placed, stuck);
        }
    }

    fn inconclusive(&mut self, key: &Datum, why: String) {
        self.keys_inconclusive.push(key.clone());
        if self.verdict.is_pass() {
            let key = if *key == Datum::Nil { String::new() } else { format!("key {key}: ") };
            self.verdict = Verdict::Inconclusive { why: format!("{key}{why}") };
        }
    }
}

/// Why it is not so, in words, that every value names its write here and every answer tells what it saw.
pub(super) fn ambiguity(object: &Object<Register>) -> Option<&'static str> {
    let mut written = Vec::new();
    for call in &object.calls {
        match (call.input, call.output) {
            (RegisterInput::Write(None) | RegisterInput::CompareAndSet(_, None), _) => {
                return Some("nil is written");
            }
            (_, Some(RegisterOutput::Refused)) => {
                return Some("a refused compare-and-set does not tell what it saw");
            }
            (_, Some(RegisterOutput::RefusedFor(_))) => {}
            (RegisterInput::Write(value) | RegisterInput::CompareAndSet(_, value), _) => written.push(value),
            (RegisterInput::Read, _) => {}
        }
    }
    written.sort_unstable();
    written.windows(2).any(|pair| pair[0] == pair[1]).then_some("a value is written twice")
}

fn op(key: Key, input: RegisterInput) -> Option<Op> {
    Some(match input {
        RegisterInput::Read => Op::Read(key),
        RegisterInput::Write(value) => Op::Write(key, Value(value?)),
        RegisterInput::CompareAndSet(expected, new) => {
            Op::CompareAndSet { key, expected: expected.map(Value), new: Value(new?) }
        }
    })
}

fn reply(output: RegisterOutput) -> Option<Reply> {
    match output {
        RegisterOutput::Read(seen) => Some(Reply::Read(seen.map(Value))),
        RegisterOutput::Written => Some(Reply::Written),
        RegisterOutput::RefusedFor(seen) => Some(Reply::Mismatch(seen.map(Value))),
        RegisterOutput::Refused => None,
    }
}
