//! Which versions must not be newer than which: the demands of a guarantee, told to whoever judges them.
//!
//! Next: `within.rs`, with the version order, and `outside.rs`, without.

use super::Guarantee;
use crate::check::execution::{Event, Execution, THIN_AIR};

/// A judge of demands. A floor stands for a set of versions, none of which may be newer than what is demanded.
pub(super) trait Judge {
    type Floor: Copy;

    /// The floor, and this version too, because of the operation `by`.
    fn raise(&mut self, floor: Option<Self::Floor>, version: u32, by: u32) -> Self::Floor;

    /// Both floors.
    fn merge(&mut self, floor: Option<Self::Floor>, other: Self::Floor) -> Self::Floor;

    /// Demands, because of `by`, that the floor is not newer than the version; `strictly`: older.
    fn demand(&mut self, floor: Self::Floor, version: u32, by: u32, strictly: bool);

    /// The operation saw what its own session writes later.
    fn future(&mut self, by: u32, version: u32);

    /// An operation is bound by something.
    fn bound(&mut self);
}

/// The events by key and session, each group in session order.
pub(super) struct Groups {
    events: Vec<u32>,
    /// Where each group begins, and the end.
    from: Vec<u32>,
    /// The first group of every key, and the end.
    of_key: Vec<u32>,
    /// The group of every event.
    of_event: Vec<u32>,
    /// The session of every group.
    session: Vec<u32>,
    /// The events of every session, in session order.
    sessions: Vec<Vec<u32>>,
}

impl Groups {
    pub fn new(execution: &Execution) -> Groups {
        let place = |event: &u32| {
            let event = execution.event(*event);
            (event.key, event.session)
        };
        let mut events: Vec<u32> = execution.numbers().collect();
        events.sort_by_key(place); // stable: session order stays
        let mut groups = Groups {
            from: Vec::new(),
            of_key: vec![0; execution.keys.len() + 1],
            of_event: vec![0; events.len()],
            session: Vec::new(),
            sessions: vec![Vec::new(); execution.sessions],
            events: Vec::new(),
        };
        for (at, event) in events.iter().enumerate() {
            if at == 0 || place(&events[at - 1]) != place(event) {
                groups.from.push(at as u32);
                groups.session.push(place(event).1);
                groups.of_key[place(event).0 as usize + 1] = groups.from.len() as u32;
            }
            groups.of_event[*event as usize] = groups.from.len() as u32 - 1;
        }
        groups.from.push(events.len() as u32);
        for key in 1..groups.of_key.len() {
            groups.of_key[key] = groups.of_key[key].max(groups.of_key[key - 1]);
        }
        for event in execution.numbers() {
            groups.sessions[execution.event(event).session as usize].push(event);
        }
        groups.events = events;
        groups
    }

    fn len(&self) -> usize {
        self.from.len() - 1
    }

    fn events(&self, group: usize) -> &[u32] {
        &self.events[self.from[group] as usize..self.from[group + 1] as usize]
    }

    fn of_key(&self, key: u32) -> std::ops::Range<usize> {
        self.of_key[key as usize] as usize..self.of_key[key as usize + 1] as usize
    }
}

/// Tells every demand of the guarantee on the keys that are wanted: each key's are a matter of its own. Returns the steps.
pub(super) fn tell<J: Judge>(
    execution: &Execution,
    groups: &Groups,
    guarantee: Guarantee,
    wanted: &[bool],
    judge: &mut J,
) -> u64 {
    let across = matches!(guarantee, Guarantee::MonotonicWrites | Guarantee::WritesFollowReads);
    let mut floors: Vec<Vec<(u32, J::Floor)>> = Vec::new();
    for group in 0..groups.len() {
        let mut of_group = Vec::new();
        let events = groups.events(group);
        if wanted[execution.event(events[0]).key as usize] {
            own(execution, events, guarantee, judge, &mut of_group);
        }
        if across {
            floors.push(of_group);
        }
    }
    let mut steps = execution.events.len() as u64;
    if across {
        for session in 0..execution.sessions {
            others(execution, groups, session, &floors, wanted, judge, &mut steps);
        }
    }
    steps
}

/// What a session demands of its own operations on one key. Every floor is noted with the event that raised it.
fn own<J: Judge>(
    execution: &Execution,
    events: &[u32],
    guarantee: Guarantee,
    judge: &mut J,
    floors: &mut Vec<(u32, J::Floor)>,
) {
    let of_reads = matches!(guarantee, Guarantee::MonotonicReads | Guarantee::WritesFollowReads);
    let on_reads = matches!(guarantee, Guarantee::MonotonicReads | Guarantee::ReadYourWrites);
    let mut floor: Option<J::Floor> = None;
    for number in events.iter().copied() {
        let event = execution.event(number);
        let sees = (event.reads() && event.sees != THIN_AIR).then_some(event.sees);
        let demand = |judge: &mut J, floor: Option<J::Floor>| {
            let Some(floor) = floor else { return };
            if let (true, Some(version)) = (on_reads, sees) {
                judge.bound();
                judge.demand(floor, version, number, false);
            } else if !on_reads && event.writes {
                judge.bound();
                judge.demand(floor, number, number, true);
            }
        };
        let mut here = floor;
        let reads_first = guarantee == Guarantee::WritesFollowReads;
        if !reads_first {
            demand(judge, here);
        }
        if let (true, Some(version)) = (of_reads, sees) {
            if reads_first && future(execution, event, number) {
                judge.future(number, version);
            }
            here = Some(judge.raise(here, version, number));
        } else if !of_reads && event.writes {
            here = Some(judge.raise(here, number, number));
        }
        if reads_first {
            demand(judge, here);
        }
        if event.known {
            let raised = (of_reads && sees.is_some()) || (!of_reads && event.writes);
            floors.extend(here.filter(|_| raised).map(|floor| (number, floor)));
            floor = here;
        }
    }
}

/// Whether the event sees what its own session writes later.
fn future(execution: &Execution, event: &Event, number: u32) -> bool {
    event.source().is_some_and(|source| source >= number && execution.event(source).session == event.session)
}

/// What a session must find because of what it has seen of others: floors across keys.
fn others<J: Judge>(
    execution: &Execution,
    groups: &Groups,
    session: usize,
    floors: &[Vec<(u32, J::Floor)>],
    wanted: &[bool],
    judge: &mut J,
    steps: &mut u64,
) {
    let events = &groups.sessions[session];
    // For every session the latest of its writes that was seen, and the order in which these became later.
    let mut latest: Vec<Option<u32>> = vec![None; execution.sessions];
    let mut news: Vec<u32> = Vec::new();
    // For every group of this session: how much of the news it knows, and its floor.
    let mut known: Vec<(usize, Option<J::Floor>)> = Vec::new();
    let mut own: Vec<u32> = events.iter().map(|event| groups.of_event[*event as usize]).collect();
    own.sort_unstable();
    own.dedup();
    known.resize(own.len(), (0, None));
    for number in events.iter().copied() {
        let event = execution.event(number);
        if !event.reads() || event.sees == THIN_AIR {
            continue;
        }
        if wanted[event.key as usize] {
            let place = own.binary_search(&groups.of_event[number as usize]).expect("it has a group");
            let (at, floor) = &mut known[place];
            let of_key = groups.of_key(event.key);
            let mut see = |group: usize, seen: u32| {
                *steps += 1;
                let end = floors[group].partition_point(|(by, _)| *by < seen);
                if let Some((_, other)) = end.checked_sub(1).map(|last| floors[group][last]) {
                    *floor = Some(judge.merge(*floor, other));
                }
            };
            if news.len() - *at < of_key.len() {
                for other in &news[*at..] {
                    let group = of_key.start + groups.session[of_key.clone()].partition_point(|one| one < other);
                    if group < of_key.end && groups.session[group] == *other {
                        see(group, latest[*other as usize].expect("it is in the news"));
                    }
                }
            } else {
                for group in of_key {
                    if let Some(seen) = latest[groups.session[group] as usize] {
                        see(group, seen);
                    }
                }
            }
            *at = news.len();
            if let Some(floor) = *floor {
                judge.bound();
                judge.demand(floor, event.sees, number, false);
            }
        }
        if let (true, Some(source)) = (event.known, event.source()) {
            let of = execution.event(source).session;
            let latest = &mut latest[of as usize];
            if latest.is_none_or(|latest| latest < source) {
                *latest = Some(source);
                news.push(of);
            }
        }
    }
}
