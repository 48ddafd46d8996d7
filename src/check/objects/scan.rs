//! Operations whose places are forced. Next: `set.rs`.

use crate::check::wgl::Call;
use crate::history::OpId;

/// An operation and its place. Those that share a place may be in any order.
pub(super) struct Placed<'a, I, O> {
    pub call: &'a Call<I, O>,
    pub place: usize,
}

/// Two operations that real time has the other way round: the earlier place first.
pub(super) type Misplaced<'a, I, O> = (Placed<'a, I, O>, Placed<'a, I, O>);

/// Puts operations in the order of their places. `O(n log n)`.
///
/// # Errors
/// Where real time has two the other way round: the one with the later place ended before the one with the earlier place
/// began.
pub(super) fn in_order<I, O>(mut placed: Vec<Placed<I, O>>) -> Result<Vec<OpId>, Misplaced<I, O>> {
    placed.sort_by_key(|one| (one.place, one.call.invoked, one.call.id));
    // The latest call at strictly earlier places, and at this one.
    let (mut before, mut here): (Option<usize>, Option<usize>) = (None, None);
    for now in 0..placed.len() {
        if now > 0 && placed[now - 1].place < placed[now].place {
            let is_later = |one: usize, other: usize| placed[one].call.invoked > placed[other].call.invoked;
            before = match (before, here) {
                (Some(before), Some(here)) => Some(if is_later(here, before) { here } else { before }),
                (before, here) => before.or(here),
            };
        }
        here = Some(now);
        if let Some(before) = before
            && placed[now].call.completed < placed[before].call.invoked
        {
            let later = placed.swap_remove(now);
            let earlier = placed.swap_remove(before);
            return Err((earlier, later));
        }
    }
    Ok(placed.iter().map(|one| one.call.id).collect())
}
