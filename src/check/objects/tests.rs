//! Each method against the definition: a hundred thousand random small histories, and every order of each.
//!
//! `RIFTZONE_ROUNDS` sets another number of histories for each object.

use std::fmt::Debug;

use super::counter::Filled;
use super::*;
use crate::check::wgl::Call;
use crate::check::wgl::model::*;
use crate::rng::Stream;
use crate::time::Time;

/// Whether there is an order of all answered and some unknown operations in which each does what it reported, and none
/// comes after one that began when it had ended.
fn by_definition<M: Model>(model: &M, calls: &[CallOf<M>], left: u32, state: &M::State) -> bool {
    let members = || (0..calls.len()).filter(|place| left & (1 << place) != 0);
    if members().all(|place| calls[place].output.is_none()) {
        return true;
    }
    let first_end = members().map(|place| calls[place].completed).min().expect("some are left");
    members().filter(|place| calls[*place].invoked <= first_end).any(|place| {
        let call = &calls[place];
        let next = model.step(state, &call.input, call.output.as_ref());
        next.is_some_and(|next| by_definition(model, calls, left & !(1 << place), &next))
    })
}

fn holds<M: Model>(model: &M, calls: &[CallOf<M>]) -> bool {
    by_definition(model, calls, (1 << calls.len()) - 1, &model.initial())
}

/// How histories of an object are made.
struct Maker<M: Model> {
    model: M,
    name: &'static str,
    /// What a client asks next, if anything: its number, and the state.
    ask: fn(&mut Stream, u64, &M::State) -> Option<M::Input>,
    /// What the object answers in this state.
    answer: fn(&mut Stream, &M::State, &M::Input) -> M::Output,
    /// What the object holds after that, where the model does not say.
    force: fn(&M::State, &M::Input) -> M::State,
}

impl<M: Model> Maker<M> {
    /// Clients that wait for their answers, short times with many ties. In half of the histories some operations take
    /// effect outside their times; in a quarter some answers are those of an earlier state.
    fn history(&self, seed: u64) -> Vec<CallOf<M>> {
        let mut stream = Stream::new(seed, self.name);
        let clients = 2 + stream.below(3);
        let (shifted, stale) = [(0, 0), (30, 0), (60, 0), (0, 30)][stream.below(4) as usize];
        let unknown = [0, 0, 20][stream.below(3) as usize];
        let mut free = vec![0; clients as usize];
        let mut drafts: Vec<(u64, u64, u64, u64)> = Vec::new(); // effect, begin, end, client
        for _ in 0..1 + stream.below(7) {
            let client = stream.below(clients);
            let begin = free[client as usize] + stream.below(4);
            let end = begin + stream.below(6);
            let is_shifted = stream.chance(shifted, 100);
            let effect = if is_shifted { stream.below(16) } else { begin + stream.below(end - begin + 1) };
            drafts.push((effect, begin, end, client));
            free[client as usize] = end + 1;
        }
        drafts.sort_unstable();
        let (mut states, mut calls) = (vec![self.model.initial()], Vec::new());
        // A client whose question has no answer asks no more.
        let mut gone = vec![false; clients as usize];
        for (id, (_, begin, end, client)) in (0..).map(OpId).zip(drafts) {
            let state = states.last().expect("there is a first").clone();
            let Some(input) = (self.ask)(&mut stream, client, &state).filter(|_| !gone[client as usize]) else {
                continue;
            };
            let (begin, end) = (Time::from_nanos(begin), Time::from_nanos(end));
            if stream.chance(unknown, 100) {
                gone[client as usize] = true;
                calls.push(Call::unknown(id, input.clone(), begin));
                if stream.chance(1, 2) {
                    states.push((self.force)(&state, &input));
                }
                continue;
            }
            let seen = match stream.chance(stale, 100) {
                true => &states[stream.below(states.len() as u64) as usize],
                false => &state,
            };
            let output = (self.answer)(&mut stream, seen, &input);
            calls.push(Call::answered(id, input.clone(), output, begin, end));
            states.push((self.force)(&state, &input));
        }
        calls
    }

    /// Holds a method and its judge to the definition. `takes` says which histories the method must take.
    fn differential(
        &self,
        propose: impl Fn(&[CallOf<M>]) -> Proposal<M>,
        judge: impl Fn(&[CallOf<M>], Effort) -> Judgement<M>,
        takes: impl Fn(&[CallOf<M>]) -> bool,
    ) where
        M: Debug + PartialEq,
    {
        let rounds = std::env::var("RIFTZONE_ROUNDS").map_or(100_000, |rounds| rounds.parse().expect("a number"));
        let (mut wrong, mut taken) = (0, 0);
        for seed in 0..rounds {
            let calls = self.history(seed);
            let expected = holds(&self.model, &calls);
            let context = || format!("{} {seed}: {calls:#?}", self.name);
            match propose(&calls) {
                Proposal::Order(order) => {
                    assert_eq!(replay(&self.model, &calls, &order), Ok(()), "{}", context());
                    assert!(expected, "{}", context());
                    taken += 1;
                }
                Proposal::Core(core) => {
                    assert!(!expected && !holds(&self.model, &core), "{}", context());
                    taken += 1;
                }
                Proposal::Outside => assert!(!takes(&calls), "{}", context()),
            }
            match judge(&calls, Effort::default()).ruling {
                Ruling::Linearizable(order) => {
                    assert!(expected, "{}", context());
                    assert_eq!(replay(&self.model, &calls, &order), Ok(()), "{}", context());
                }
                Ruling::Violation(refutation) => {
                    assert!(!expected && refutation.minimal, "{}", context());
                    assert!(!holds(&self.model, &refutation.calls), "{}: {refutation:#?}", context());
                    for index in 0..refutation.calls.len() {
                        let fewer = self.model.without(&refutation.calls, index);
                        assert!(fewer.is_none_or(|fewer| holds(&self.model, &fewer)), "{}: {refutation:#?}", context());
                    }
                }
                other => panic!("{}: {other:?}", context()),
            }
            wrong += u64::from(!expected);
        }
        eprintln!("{}: {rounds} histories, {taken} taken, {wrong} not linearizable, 0 differences", self.name);
        assert!(wrong > rounds / 25 && wrong < rounds / 25 * 24, "{}: {wrong} of {rounds} are wrong", self.name);
        assert!(taken > rounds / 2, "{}: {taken} of {rounds} are taken", self.name);
    }
}

/// A value that was not asked with before, nearly always.
fn fresh(stream: &mut Stream) -> u64 {
    stream.below(400)
}

fn is_unique<T: Ord>(mut values: Vec<T>) -> bool {
    values.sort_unstable();
    values.windows(2).all(|pair| pair[0] != pair[1])
}

#[test]
fn counters() {
    let maker = |name, ask| Maker {
        model: Counter,
        name,
        ask,
        answer: |_, state, input| match input {
            CounterInput::Read => CounterOutput::Read(*state),
            CounterInput::Add(_) => CounterOutput::Done,
        },
        force: |state, input| match input {
            CounterInput::Read => *state,
            CounterInput::Add(more) => state.wrapping_add(*more),
        },
    };
    let propose = |calls: &[CallOf<Counter>]| match counter::order(calls) {
        Filled::Order(order) => Proposal::Order(order),
        Filled::Nowhere => Proposal::Core(calls.to_vec()),
        Filled::Outside => Proposal::Outside,
    };
    let ones = |stream: &mut Stream, _, _: &i64| {
        Some(if stream.chance(1, 2) { CounterInput::Read } else { CounterInput::Add(1) })
    };
    let threes = |stream: &mut Stream, _, _: &i64| {
        Some(if stream.chance(2, 5) { CounterInput::Read } else { CounterInput::Add(-3) })
    };
    maker("counters of one", ones).differential(propose, counter::judge, |_| true);
    maker("counters down by three", threes).differential(propose, counter::judge, |_| true);
}

#[test]
fn a_counter_that_can_overflow_is_left_to_the_search() {
    let at = Time::from_nanos;
    let calls = [
        Call::answered(OpId(0), CounterInput::Add(i64::MAX), CounterOutput::Done, at(0), at(1)),
        Call::answered(OpId(1), CounterInput::Add(i64::MAX), CounterOutput::Done, at(0), at(1)),
        Call::answered(OpId(2), CounterInput::Read, CounterOutput::Read(-2), at(2), at(3)),
    ];
    assert_eq!(counter::order(&calls), Filled::Outside);
    assert!(matches!(counter::judge(&calls, Effort::default()).ruling, Ruling::Linearizable(_)));
    let lowest = Call::answered(OpId(0), CounterInput::Read, CounterOutput::Read(i64::MIN), at(0), at(1));
    let down = Call::answered(OpId(1), CounterInput::Add(-1), CounterOutput::Done, at(0), at(1));
    assert_eq!(counter::order(&[lowest, down]), Filled::Nowhere);
}

#[test]
fn sets() {
    let maker = |name, ask| Maker {
        model: Set,
        name,
        ask,
        answer: |_, state, input| match input {
            SetInput::Read => SetOutput::Elements(state.clone()),
            SetInput::Contains(element) => SetOutput::Is(state.contains(element)),
            _ => SetOutput::Done,
        },
        force: |state, input| Set.step(state, input, None).expect("it takes all"),
    };
    let grows = |stream: &mut Stream, _, _: &Vec<u64>| {
        Some(if stream.chance(1, 2) { SetInput::Read } else { SetInput::Add(fresh(stream)) })
    };
    let is_once = |calls: &[CallOf<Set>]| {
        is_unique(calls.iter().map(|call| call.input).filter(|input| *input != SetInput::Read).collect())
    };
    maker("sets that grow", grows).differential(set::propose, set::judge, is_once);
    let elements = |stream: &mut Stream, _, _: &Vec<u64>| {
        let element = stream.below(2);
        Some(match stream.below(4) {
            0 => SetInput::Remove(element),
            1 => SetInput::Add(element),
            _ => SetInput::Contains(element),
        })
    };
    let by_element = |calls: &[CallOf<Set>]| match set::by_element(calls, Effort::default()) {
        Ok((order, _)) => Proposal::Order(order),
        Err(_) => Proposal::Core(calls.to_vec()),
    };
    maker("sets by element", elements).differential(by_element, set::judge, |_| true);
}

#[test]
fn queues() {
    let maker = Maker {
        model: Queue,
        name: "queues",
        ask: |stream, _, _| {
            Some(if stream.chance(1, 2) { QueueInput::Dequeue } else { QueueInput::Enqueue(fresh(stream)) })
        },
        answer: |_, state, input| match input {
            QueueInput::Dequeue => QueueOutput::Dequeued(state.front().copied()),
            QueueInput::Enqueue(_) => QueueOutput::Done,
        },
        force: |state, input| Queue.step(state, input, None).expect("it takes all"),
    };
    let takes = |calls: &[CallOf<Queue>]| {
        let is_open = |call: &CallOf<Queue>| call.input == QueueInput::Dequeue && call.output.is_none();
        let enqueued = calls.iter().map(|call| call.input).filter(|input| *input != QueueInput::Dequeue).collect();
        !calls.iter().any(is_open) && is_unique(enqueued)
    };
    maker.differential(queue::propose, queue::judge, takes);
}

#[test]
fn lists() {
    let maker = Maker {
        model: List,
        name: "lists",
        ask: |stream, _, _| Some(if stream.chance(1, 2) { ListInput::Read } else { ListInput::Append(fresh(stream)) }),
        answer: |stream, state, input| match input {
            ListInput::Read => {
                let mut seen = state.clone();
                if seen.len() > 1 && stream.chance(1, 30) {
                    seen.swap(0, 1);
                }
                ListOutput::Elements(seen)
            }
            ListInput::Append(_) => ListOutput::Done,
        },
        force: |state, input| List.step(state, input, None).expect("it takes all"),
    };
    let is_once = |calls: &[CallOf<List>]| {
        is_unique(calls.iter().map(|call| call.input).filter(|input| *input != ListInput::Read).collect())
    };
    maker.differential(list::propose, list::judge, is_once);
}

#[test]
fn locks() {
    let maker = Maker {
        model: Mutex,
        name: "locks",
        // Who holds it releases; some try without looking.
        ask: |stream, client, state| match state.holder {
            Some(holder) if holder == client => Some(MutexInput::Release(client)),
            Some(_) if stream.chance(2, 3) => None,
            _ => Some(MutexInput::Acquire(client)),
        },
        answer: |stream, state, input| match input {
            MutexInput::Acquire(_) if stream.chance(1, 60) => MutexOutput::Token(stream.below(4)),
            MutexInput::Acquire(_) => MutexOutput::Token(state.token.map_or(1, |token| token + 1)),
            MutexInput::Release(_) => MutexOutput::Done,
        },
        force: |state, input| match *input {
            MutexInput::Acquire(client) => {
                MutexState { holder: Some(client), token: Some(state.token.map_or(1, |token| token + 1)) }
            }
            MutexInput::Release(_) => MutexState { holder: None, ..*state },
        },
    };
    // The method's own words for what it takes are tested here only by how many that is.
    maker.differential(|calls| lock::propose(calls).unwrap_or(Proposal::Outside), lock::judge, |_| false);
}

/// Large histories: the methods must stay near-linear, and whole ones must pass.
#[test]
fn fifty_thousand_operations_are_judged_without_search() {
    let span = |id: u64| (Time::from_nanos(10 * id), Time::from_nanos(10 * id + 95));
    let n = 50_000;
    let counter: Vec<CallOf<Counter>> = (0..n)
        .map(|id| {
            let (from, to) = span(id);
            let (input, output) = match id % 2 {
                0 => (CounterInput::Add(1), CounterOutput::Done),
                _ => (CounterInput::Read, CounterOutput::Read((id / 2) as i64 + 1)),
            };
            Call::answered(OpId(id as u32), input, output, from, to)
        })
        .collect();
    let judged = counter::judge(&counter, Effort::default());
    assert!(matches!(judged.ruling, Ruling::Linearizable(_)) && judged.steps == n, "{}", judged.steps);
    let queue: Vec<CallOf<Queue>> = (0..n)
        .map(|id| {
            let (from, to) = span(id);
            let (input, output) = match id % 2 {
                0 => (QueueInput::Enqueue(id), QueueOutput::Done),
                _ => (QueueInput::Dequeue, QueueOutput::Dequeued(Some(id - 1))),
            };
            Call::answered(OpId(id as u32), input, output, from, to)
        })
        .collect();
    let judged = queue::judge(&queue, Effort::default());
    assert!(matches!(judged.ruling, Ruling::Linearizable(_)) && judged.steps == n, "{}", judged.steps);
    let mut late = queue;
    late[40_001].output = Some(QueueOutput::Dequeued(Some(44_000)));
    late[44_001].output = Some(QueueOutput::Dequeued(Some(40_000)));
    let Ruling::Violation(refutation) = queue::judge(&late, Effort::default()).ruling else { panic!("it passes") };
    assert!(refutation.minimal && refutation.calls.len() <= 4, "{refutation:?}");
}
