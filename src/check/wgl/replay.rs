//! The certificate of a linearization: its replay, which knows nothing of the search. Next: `reduce.rs`.

use super::{CallOf, Model};
use crate::history::OpId;
use crate::time::Time;

/// Whether `order` is a linearization of `calls`: every operation is there at most once, and once if it was answered,
/// each can give its answer in the state that those before it leave, and none ended before an earlier one began.
/// `O(n log n)` and as many steps of the model.
///
/// # Errors
/// Where it is not, in words.
pub fn replay<M: Model>(model: &M, calls: &[CallOf<M>], order: &[OpId]) -> Result<(), String> {
    let mut by_id: Vec<&CallOf<M>> = calls.iter().collect();
    by_id.sort_unstable_by_key(|call| call.id);
    let mut placed = vec![false; by_id.len()];
    let (mut state, mut last_call) = (model.initial(), Time::ZERO);
    for id in order {
        let Ok(place) = by_id.binary_search_by_key(id, |call| call.id) else {
            return Err(format!("operation {} is not in the history", id.0));
        };
        let call = by_id[place];
        if std::mem::replace(&mut placed[place], true) {
            return Err(format!("operation {} is placed twice", id.0));
        }
        if call.completed < last_call {
            return Err(format!("operation {} ended before an earlier one began", id.0));
        }
        last_call = last_call.max(call.invoked);
        if model.observes(&call.input, call.output.as_ref()) {
            if !model.can_answer(&state, &call.input, call.output.as_ref()) {
                return Err(format!("operation {} does not answer as it did", id.0));
            }
            continue;
        }
        match model.step(&state, &call.input, call.output.as_ref()) {
            Some(next) => state = next,
            None => return Err(format!("operation {} does not answer as it did", id.0)),
        }
    }
    match by_id.iter().zip(&placed).find(|(call, placed)| call.output.is_some() && !**placed) {
        Some((call, _)) => Err(format!("operation {} is not placed", call.id.0)),
        None => Ok(()),
    }
}
