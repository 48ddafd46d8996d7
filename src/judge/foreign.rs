//! What kind of object a recording is about: [`Foreign`]. Next: `verdict.rs`.

use std::collections::{BTreeMap, BTreeSet};

use super::datum::Datum;
use super::recording::{Numbers, Recorded, Recording, refusal};
use crate::check::wgl::model::{
    Counter, CounterInput, CounterOutput, List, ListInput, ListOutput, Mutex, MutexInput, MutexOutput, Queue,
    QueueInput, QueueOutput, Register, RegisterInput, RegisterOutput, Set, SetInput, SetOutput, Text, TextInput,
    TextOutput,
};
use crate::check::wgl::{Call, CallOf, Model};
use crate::history::{OpId, Outcome};
use crate::time::Time;

/// A recording, read as operations on objects.
#[derive(Clone, Debug)]
pub struct Foreign {
    /// What was recorded.
    pub recording: Recording,
    /// The objects, one for each key.
    pub objects: Objects,
    /// What the numbers in the objects stand for.
    pub(super) values: Values,
}

/// The objects of a recording, by what they are asked.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Objects {
    /// `read`, `write`, `cas`
    Registers(Vec<Object<Register>>),
    /// `get`, `put`, `append`, with strings
    Texts(Vec<Object<Text>>),
    /// `add`, `remove`, `contains`, and `read` of all
    Sets(Vec<Object<Set>>),
    /// `enqueue`, `dequeue`
    Queues(Vec<Object<Queue>>),
    /// `add`, `increment`, `decrement`, and `read` of a number
    Counters(Vec<Object<Counter>>),
    /// `append`, and `read` of all
    Lists(Vec<Object<List>>),
    /// `acquire`, `release`
    Mutexes(Vec<Object<Mutex>>),
}

/// The operations on one key. Failed ones are not among them: they did nothing.
#[derive(Clone, Debug)]
pub struct Object<M: Model> {
    /// Its name; nil where there is only one.
    pub key: Datum,
    /// The operations, with their places in the recording as names.
    pub calls: Vec<CallOf<M>>,
}

/// What numbers stand for.
#[derive(Clone, Debug)]
pub(super) struct Values {
    pub numbers: Numbers,
    /// By number; empty where each is its own.
    data: Vec<Datum>,
}

impl Values {
    /// Of everything that was asked or answered. A register holds a sequence as a whole; other objects hold its parts.
    fn of(recording: &Recording, are_registers: bool) -> Values {
        let parts_of = |datum: &'_ Datum, is_compared: bool| match datum.parts() {
            Some(parts) if is_compared || !are_registers => parts.to_vec(),
            _ => vec![datum.clone()],
        };
        let mut data = BTreeSet::new();
        for operation in &recording.operations {
            let is_compared = operation.is_compare_and_set();
            data.extend(parts_of(&operation.input, is_compared));
            data.extend(operation.output.iter().flat_map(|output| parts_of(output, is_compared)));
        }
        data.retain(|datum| *datum != Datum::Nil && refusal(datum).is_none());
        let numbers = Numbers::of(data.iter(), u64::MAX - 1);
        let data = if numbers.are_own() { Vec::new() } else { data.into_iter().collect() };
        Values { numbers, data }
    }

    fn some(&self, datum: &Datum) -> Option<u64> {
        (*datum != Datum::Nil).then(|| self.numbers.of_datum(datum))
    }

    fn all(&self, datum: &Datum) -> Option<Vec<u64>> {
        let parts = match datum {
            Datum::Nil => &[],
            datum => datum.parts()?,
        };
        Some(parts.iter().map(|part| self.numbers.of_datum(part)).collect())
    }

    /// As the file has it.
    pub fn show(&self, number: u64) -> String {
        self.data.get(number as usize).map_or_else(|| number.to_string(), Datum::to_string)
    }
}

impl Foreign {
    /// Reads the recording as operations on objects of the kind that its questions show.
    ///
    /// # Errors
    /// Where they show none, or are not answered as such; in words.
    pub fn new(recording: Recording) -> Result<Foreign, String> {
        let asked: BTreeSet<&str> = recording.operations.iter().map(|operation| operation.f.as_str()).collect();
        let only = |names: &[&str]| asked.iter().all(|f| names.contains(f));
        let are_registers = only(&["read", "write", "cas", "compare-and-set", "compare_and_set"]);
        let values = Values::of(&recording, are_registers);
        let reads_numbers = recording
            .operations
            .iter()
            .any(|operation| operation.f == "read" && matches!(operation.output, Some(Datum::Int(_))));
        if asked.is_empty() {
            return Err("there is no operation of a client in it".into());
        }
        let objects = if asked.contains("txn") {
            return Err("transactions over several keys are not judged in this format".into());
        } else if are_registers {
            Objects::Registers(each(&recording, |operation| register(operation, &values))?)
        } else if only(&["get", "put", "append"]) && !only(&["append"]) {
            Objects::Texts(each(&recording, text)?)
        } else if only(&["enqueue", "dequeue"]) {
            Objects::Queues(each(&recording, |operation| queue(operation, &values))?)
        } else if only(&["acquire", "release"]) {
            Objects::Mutexes(each(&recording, mutex)?)
        } else if only(&["append", "read"]) {
            Objects::Lists(each(&recording, |operation| list(operation, &values))?)
        } else if only(&["add", "inc", "increment", "dec", "decrement", "read"])
            && (reads_numbers || !only(&["add", "read"]))
        {
            Objects::Counters(each(&recording, counter)?)
        } else if only(&["add", "remove", "contains", "read"]) {
            Objects::Sets(each(&recording, |operation| set(operation, &values))?)
        } else {
            let asked: Vec<&str> = asked.into_iter().collect();
            return Err(format!("no object is known that is asked all of: {}", asked.join(", ")));
        };
        Ok(Foreign { recording, objects, values })
    }

    /// What kind of object it is about.
    pub const fn kind(&self) -> &'static str {
        match &self.objects {
            Objects::Registers(_) => "register",
            Objects::Texts(_) => "string",
            Objects::Sets(_) => "set",
            Objects::Queues(_) => "queue",
            Objects::Counters(_) => "counter",
            Objects::Lists(_) => "list",
            Objects::Mutexes(_) => "lock",
        }
    }

    /// The key of every object, nil where there is only one.
    pub fn keys(&self) -> Vec<&Datum> {
        fn keys<M: Model>(objects: &[Object<M>]) -> Vec<&Datum> {
            objects.iter().map(|object| &object.key).collect()
        }
        match &self.objects {
            Objects::Registers(objects) => keys(objects),
            Objects::Texts(objects) => keys(objects),
            Objects::Sets(objects) => keys(objects),
            Objects::Queues(objects) => keys(objects),
            Objects::Counters(objects) => keys(objects),
            Objects::Lists(objects) => keys(objects),
            Objects::Mutexes(objects) => keys(objects),
        }
    }
}

/// A question and its answer; `None` where it is not one of this kind of object.
type Said<M> = Option<(<M as Model>::Input, Option<<M as Model>::Output>)>;

/// The objects, in the order of their keys.
fn each<M: Model>(recording: &Recording, say: impl Fn(&Recorded) -> Said<M>) -> Result<Vec<Object<M>>, String> {
    let mut objects: BTreeMap<&Datum, Vec<CallOf<M>>> = BTreeMap::new();
    for (id, operation) in (0..).map(OpId).zip(&recording.operations) {
        let calls = objects.entry(operation.key.as_ref().unwrap_or(&Datum::Nil)).or_default();
        if operation.outcome == Outcome::Fail {
            continue;
        }
        let Some((input, output)) = say(operation) else {
            return Err(format!("operation {}: `{operation}` is not what its kind of object is asked", id.0));
        };
        let completed = if output.is_some() { operation.completed } else { Time::NEVER };
        calls.push(Call { id, input, output, invoked: operation.invoked, completed });
    }
    Ok(objects.into_iter().map(|(key, calls)| Object { key: key.clone(), calls }).collect())
}

fn register(operation: &Recorded, values: &Values) -> Said<Register> {
    let input = match operation.f.as_str() {
        "read" => RegisterInput::Read,
        "write" => RegisterInput::Write(values.some(&operation.input)),
        _ => {
            let (expected, new) = operation.input.pair()?;
            RegisterInput::CompareAndSet(values.some(expected), values.some(new))
        }
    };
    let output = operation.output.as_ref().map(|output| match input {
        RegisterInput::Read => RegisterOutput::Read(values.some(output)),
        RegisterInput::CompareAndSet(..) => match refusal(output) {
            Some(None) => RegisterOutput::Refused,
            Some(Some(seen)) => RegisterOutput::RefusedFor(values.some(seen)),
            None => RegisterOutput::Written,
        },
        RegisterInput::Write(_) => RegisterOutput::Written,
    });
    Some((input, output))
}

fn text(operation: &Recorded) -> Said<Text> {
    let string = |datum: &Datum| match datum {
        Datum::Text(text) => Some(text.clone()),
        Datum::Nil => Some(String::new()),
        _ => None,
    };
    Some(match operation.f.as_str() {
        "get" => match &operation.output {
            Some(seen) => (TextInput::Get, Some(TextOutput::Got(string(seen)?))),
            None => (TextInput::Get, None),
        },
        f => {
            let asked = string(&operation.input)?;
            let input = if f == "put" { TextInput::Put(asked) } else { TextInput::Append(asked) };
            (input, operation.output.as_ref().map(|_| TextOutput::Done))
        }
    })
}

fn set(operation: &Recorded, values: &Values) -> Said<Set> {
    let element = values.some(&operation.input);
    let output = operation.output.as_ref();
    Some(match operation.f.as_str() {
        "read" => {
            let elements = match output {
                Some(output) => {
                    let mut elements = values.all(output)?;
                    elements.sort_unstable();
                    elements.dedup();
                    Some(SetOutput::Elements(elements))
                }
                None => None,
            };
            (SetInput::Read, elements)
        }
        "contains" => {
            let is = match output {
                Some(Datum::Bool(is)) => Some(SetOutput::Is(*is)),
                Some(_) => return None,
                None => None,
            };
            (SetInput::Contains(element?), is)
        }
        "add" => (SetInput::Add(element?), output.map(|_| SetOutput::Done)),
        _ => (SetInput::Remove(element?), output.map(|_| SetOutput::Done)),
    })
}

fn queue(operation: &Recorded, values: &Values) -> Said<Queue> {
    let output = operation.output.as_ref();
    Some(match operation.f.as_str() {
        "enqueue" => (QueueInput::Enqueue(values.some(&operation.input)?), output.map(|_| QueueOutput::Done)),
        _ => (QueueInput::Dequeue, output.map(|output| QueueOutput::Dequeued(values.some(output)))),
    })
}

fn counter(operation: &Recorded) -> Said<Counter> {
    let number = |datum: &Datum| match datum {
        Datum::Int(number) => i64::try_from(*number).ok(),
        Datum::Nil => Some(1),
        _ => None,
    };
    let done = operation.output.as_ref().map(|_| CounterOutput::Done);
    Some(match operation.f.as_str() {
        "read" => match &operation.output {
            Some(Datum::Nil) | None => (CounterInput::Read, None),
            Some(output) => (CounterInput::Read, Some(CounterOutput::Read(number(output)?))),
        },
        "dec" | "decrement" => (CounterInput::Add(number(&operation.input)?.checked_neg()?), done),
        _ => (CounterInput::Add(number(&operation.input)?), done),
    })
}

fn list(operation: &Recorded, values: &Values) -> Said<List> {
    let output = operation.output.as_ref();
    Some(match operation.f.as_str() {
        "append" => (ListInput::Append(values.some(&operation.input)?), output.map(|_| ListOutput::Done)),
        _ => match output {
            Some(output) => (ListInput::Read, Some(ListOutput::Elements(values.all(output)?))),
            None => (ListInput::Read, None),
        },
    })
}

/// A number as the answer to `acquire` is a fencing token.
fn mutex(operation: &Recorded) -> Said<Mutex> {
    let client = u64::from(operation.client.0);
    let output = operation.output.as_ref();
    Some(match operation.f.as_str() {
        "acquire" => {
            let granted = |output: &Datum| match output.natural() {
                Some(token) if *output != operation.input => MutexOutput::Token(token),
                _ => MutexOutput::Done,
            };
            (MutexInput::Acquire(client), output.map(granted))
        }
        _ => (MutexInput::Release(client), output.map(|_| MutexOutput::Done)),
    })
}
