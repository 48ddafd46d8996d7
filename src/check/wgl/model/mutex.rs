//! A mutex that one client holds at a time, with or without fencing tokens.

use crate::check::wgl::{CallOf, Model};

/// A mutex, free at first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Mutex;

/// What a mutex is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum MutexInput {
    /// This client wants it.
    Acquire(u64),
    /// This client has done with it.
    Release(u64),
}

/// What a mutex answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum MutexOutput {
    /// Acquired or released.
    Done,
    /// Acquired with this fencing token, which is greater than all before it.
    Token(u64),
}

/// Who holds a mutex, and the greatest token given.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct MutexState {
    /// The client that holds it.
    pub holder: Option<u64>,
    /// The greatest token given so far.
    pub token: Option<u64>,
}

impl Model for Mutex {
    type State = MutexState;
    type Input = MutexInput;
    type Output = MutexOutput;

    fn initial(&self) -> MutexState {
        MutexState::default()
    }

    /// An acquisition without an answer takes a token that nobody ever sees: as small a one as can be.
    fn step(&self, state: &MutexState, input: &MutexInput, output: Option<&MutexOutput>) -> Option<MutexState> {
        match (*input, output) {
            (MutexInput::Acquire(client), output) if state.holder.is_none() => match output {
                Some(MutexOutput::Token(token)) => state
                    .token
                    .is_none_or(|last| last < *token)
                    .then_some(MutexState { holder: Some(client), token: Some(*token) }),
                _ => Some(MutexState { holder: Some(client), ..*state }),
            },
            (MutexInput::Acquire(_), None) => Some(*state),
            (MutexInput::Release(client), Some(MutexOutput::Done)) => {
                (state.holder == Some(client)).then_some(MutexState { holder: None, ..*state })
            }
            (MutexInput::Release(client), None) => match state.holder == Some(client) {
                true => Some(MutexState { holder: None, ..*state }),
                false => Some(*state),
            },
            _ => None,
        }
    }

    fn observes(&self, _: &MutexInput, _: Option<&MutexOutput>) -> bool {
        false
    }

    /// An acquisition can go with the release that its client asks next: the mutex is free before it and after. Not so
    /// where a client does two things at once, so that nobody knows which release is whose.
    fn without(&self, calls: &[CallOf<Self>], index: usize) -> Option<Vec<CallOf<Self>>> {
        let client = |call: &CallOf<Self>| match call.input {
            MutexInput::Acquire(client) | MutexInput::Release(client) => client,
        };
        let mut own: Vec<&CallOf<Self>> = calls.iter().filter(|call| client(call) == client(&calls[index])).collect();
        own.sort_by_key(|call| (call.invoked, call.id));
        if own.windows(2).any(|pair| pair[0].completed >= pair[1].invoked) {
            return None;
        }
        let is_acquire = |call: &&CallOf<Self>| matches!(call.input, MutexInput::Acquire(_));
        let here = own.iter().position(|call| call.id == calls[index].id)?;
        let from = if is_acquire(&own[here]) { here } else { here.checked_sub(1)? };
        let acquire = own.get(from).filter(|call| is_acquire(call))?.id;
        let release = own.get(from + 1).filter(|call| !is_acquire(call)).map(|call| call.id);
        let stays = |call: &&CallOf<Self>| call.id != acquire && Some(call.id) != release;
        Some(calls.iter().filter(stays).cloned().collect())
    }
}
