//! A lock that gives a fencing token with each acquisition.
//!
//! Tokens grow, so they order the holders: acquisition, release, acquisition, release, with each release that of the
//! holder before it. A client asks one thing at a time, so its release is the one that it asks next. Every operation has
//! its place, and the history is linearizable iff nothing ended before something at an earlier place began and only the
//! last holder has not asked to release. An acquisition without an answer is left out: nobody needs it, since
//! what it would do is to hold the lock for ever. A release without an answer is kept where another holder follows.
//!
//! Locks without tokens, clients that release what they did not acquire or that do two things at once go to the search.
//! The tokens are the versions of Kleppmann's fencing (*How to do distributed locking*, 2016), read as a chain of
//! compare-and-sets as in [`linearizable`](crate::check::linearizable). `O(n log n)`.

use std::collections::BTreeMap;

use super::scan::{Placed, in_order};
use super::{Proposal, certified};
use crate::check::wgl::model::{Mutex, MutexInput, MutexOutput};
use crate::check::wgl::{CallOf, Effort, Judgement};

/// Whether the operations on one lock are linearizable.
pub fn judge(calls: &[CallOf<Mutex>], effort: Effort) -> Judgement<Mutex> {
    certified(&Mutex, calls, propose(calls).unwrap_or(Proposal::Outside), effort)
}

/// One holder: what it did.
struct Held<'a> {
    token: u64,
    acquire: &'a CallOf<Mutex>,
    release: Option<&'a CallOf<Mutex>>,
}

/// `None` where the method does not take it.
pub(super) fn propose(calls: &[CallOf<Mutex>]) -> Option<Proposal<Mutex>> {
    let mut held = holders(calls)?;
    held.sort_by_key(|held| held.token);
    if held.windows(2).any(|pair| pair[0].token == pair[1].token) {
        return None;
    }
    let mut placed = Vec::new();
    for (place, now) in held.iter().enumerate() {
        let is_last = place + 1 == held.len();
        placed.push(Placed { call: now.acquire, place: 2 * place });
        match now.release {
            Some(release) if !is_last || release.output.is_some() => {
                placed.push(Placed { call: release, place: 2 * place + 1 });
            }
            None if !is_last => return Some(core(&[now, &held[place + 1]])),
            _ => {}
        }
    }
    Some(match in_order(placed) {
        Ok(order) => Proposal::Order(order),
        Err((earlier, later)) => core(&[&held[earlier.place / 2], &held[later.place / 2]]),
    })
}

/// Who held the lock, client by client.
fn holders(calls: &[CallOf<Mutex>]) -> Option<Vec<Held<'_>>> {
    let mut clients: BTreeMap<u64, Vec<&CallOf<Mutex>>> = BTreeMap::new();
    for call in calls {
        let (MutexInput::Acquire(client) | MutexInput::Release(client)) = call.input;
        clients.entry(client).or_default().push(call);
    }
    let mut held = Vec::new();
    for calls in clients.values_mut() {
        calls.sort_by_key(|call| (call.invoked, call.id));
        if calls.windows(2).any(|pair| pair[0].completed >= pair[1].invoked) {
            return None;
        }
        let mut calls = calls.iter().peekable();
        while let Some(call) = calls.next() {
            match (call.input, call.output) {
                (MutexInput::Acquire(_), Some(MutexOutput::Token(token))) => {
                    let release = calls.next_if(|next| matches!(next.input, MutexInput::Release(_)));
                    held.push(Held { token, acquire: call, release: release.copied() });
                }
                (MutexInput::Acquire(_), None) if calls.peek().is_none() => {}
                _ => return None,
            }
        }
    }
    Some(held)
}

/// These holders alone: to take out a holder whole only loosens.
fn core(held: &[&Held]) -> Proposal<Mutex> {
    Proposal::Core(held.iter().flat_map(|held| [Some(held.acquire), held.release]).flatten().cloned().collect())
}
