//! With an order of the versions: the graph of session order, reads-from, version order and anti-dependency. Next:
//! `saturation.rs`.

use crate::check::causal::patterns;
use crate::check::execution::witness::{Label, Violation};
use crate::check::execution::{Execution, INITIAL, NONE, Readers, UNPLACED};

/// What must come before an event, by these places of the versions.
struct Before<'a> {
    execution: &'a Execution<'a>,
    rank: &'a [u32],
    readers: Readers,
    /// By key, the readers of the initial value.
    initial: Vec<Vec<u32>>,
    /// By key, the writes from the oldest to the newest.
    versions: Vec<Vec<u32>>,
}

impl Before<'_> {
    fn version_before(&self, event: u32) -> Option<u32> {
        let rank = self.rank[event as usize];
        let before = (rank != UNPLACED).then(|| rank.checked_sub(2)).flatten()?;
        self.versions[self.execution.event(event).key as usize].get(before as usize).copied()
    }

    /// Who saw the version that this event replaced.
    fn replaced(&self, event: u32) -> &[u32] {
        let of = self.execution.event(event);
        match (of.writes, self.rank[event as usize]) {
            (false, _) | (_, UNPLACED) => &[],
            (true, 1) => &self.initial[of.key as usize],
            (true, _) => self.version_before(event).map_or(&[], |version| self.readers.of(version)),
        }
    }

    /// What must come before, one after another: [`NONE`] where there is nothing in this place, nothing after the last.
    fn get(&self, event: u32, place: u32) -> Option<u32> {
        match place {
            0 => Some(self.execution.event(event).before),
            1 => Some(self.execution.event(event).source().unwrap_or(NONE)),
            2 => Some(self.version_before(event).unwrap_or(NONE)),
            _ => {
                let reader = *self.replaced(event).get(place as usize - 3)?;
                Some(if reader == event { NONE } else { reader })
            }
        }
    }

    fn all(&self, event: u32) -> Vec<(u32, Label)> {
        let labels = [Label::Session, Label::ReadsFrom, Label::Versions];
        let label = |place: usize| labels.get(place).copied().unwrap_or(Label::AntiDependency);
        let all = (0..).map_while(|place| self.get(event, place));
        all.enumerate().filter(|(_, before)| *before != NONE).map(|(place, before)| (before, label(place))).collect()
    }
}

/// An order of all events that respects all of it. A write without a place is held by the other two relations only.
/// `O(n)`.
///
/// # Errors
/// A cycle.
pub(super) fn ordered(execution: &Execution, rank: &[u32]) -> Result<Vec<u32>, Violation> {
    let mut initial = vec![Vec::new(); execution.keys.len()];
    let mut versions: Vec<Vec<u32>> = vec![Vec::new(); execution.keys.len()];
    for number in execution.numbers() {
        let event = execution.event(number);
        if event.sees == INITIAL {
            initial[event.key as usize].push(number);
        }
        if event.writes && rank[number as usize] != UNPLACED {
            versions[event.key as usize].push(number);
        }
    }
    versions.iter_mut().for_each(|writes| writes.sort_unstable_by_key(|write| rank[*write as usize]));
    let before = Before { execution, rank, readers: execution.readers(), initial, versions };
    depth_first(&before)
        .map_err(|cycle| patterns::not_sequential(execution, &patterns::shortest(&cycle, |event| before.all(event))))
}

fn depth_first(before: &Before) -> Result<Vec<u32>, Vec<u32>> {
    const NEW: u8 = 0;
    const OPEN: u8 = 1;
    const DONE: u8 = 2;
    let n = before.execution.events.len();
    let (mut color, mut order) = (vec![NEW; n], Vec::with_capacity(n));
    let mut path: Vec<(u32, u32)> = Vec::new();
    for root in before.execution.numbers() {
        if color[root as usize] != NEW {
            continue;
        }
        path.push((root, 0));
        color[root as usize] = OPEN;
        while let Some((event, next)) = path.last_mut() {
            let (event, place) = (*event, *next);
            *next += 1;
            let Some(earlier) = before.get(event, place) else {
                color[event as usize] = DONE;
                order.push(event);
                path.pop();
                continue;
            };
            if earlier == NONE {
                continue;
            }
            match color[earlier as usize] {
                NEW => {
                    color[earlier as usize] = OPEN;
                    path.push((earlier, 0));
                }
                OPEN => {
                    let from = path.iter().rposition(|(event, _)| *event == earlier).unwrap_or(0);
                    return Err(path[from..].iter().map(|(event, _)| *event).collect());
                }
                _ => {}
            }
        }
    }
    Ok(order)
}
