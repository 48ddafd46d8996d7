//! The certificates of CC and CCv: an order of everything, played against every read.
//!
//! The replay trusts no pointer and no cycle search. It goes through the events in the order given, makes every clock
//! again, and looks at what each read had to find. Next: `saturation.rs`.

use super::past::{Clock, Pasts, Written, holds, include, join};
use crate::check::execution::{Execution, NONE, UNPLACED};

/// What a read has to find among the writes of its key in its past.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Finds {
    /// CCv: the last one, by the order that is played. That must respect the version order, where there is one.
    TheLast,
    /// CC: one that no other has in its own past.
    NoneReplaced,
}

/// Whether every event has a place in `order` after its past, and every read finds what it must. `O(n k)`.
///
/// # Errors
/// Where it is not so, in words.
pub(super) fn arbitration(
    execution: &Execution,
    pasts: &Pasts,
    order: &[u32],
    finds: Finds,
    steps: &mut u64,
) -> Result<(), String> {
    let n = execution.events.len();
    let mut at = vec![NONE; n];
    let mut clocks: Vec<(u32, Clock)> = vec![(NONE, vec![0; execution.sessions]); execution.sessions];
    let mut written: Written = execution.keys.iter().map(|_| Vec::new()).collect();
    let mut versions = vec![0; execution.keys.len()];
    let mut tops = vec![NONE; pasts.chains];
    // Hints where to look in `written`, right or not.
    let (group, groups) = execution.groups();
    let mut hints: Vec<Vec<u32>> = vec![Vec::new(); groups];
    for (place, number) in order.iter().copied().enumerate() {
        let event = execution.event(number);
        let wrong = |what: &str| Err(format!("operation {} {what}", event.row.0));
        for before in [event.before, event.source().unwrap_or(NONE)] {
            if before != NONE && at[before as usize] == NONE {
                return wrong("comes before its past");
            }
        }
        if std::mem::replace(&mut at[number as usize], place as u32) != NONE {
            return wrong("comes twice");
        }
        let (last, clock) = &mut clocks[event.session as usize];
        let mut past =
            if *last == event.before && event.known { std::mem::take(clock) } else { pasts.past(execution, number) };
        if let Some(source) = event.source() {
            join(&mut past, pasts.of(source));
            include(&mut past, pasts.places[source as usize]);
        }
        let top = std::mem::replace(&mut tops[pasts.places[number as usize].chain as usize], number);
        if top != NONE && !holds(&past, pasts.places[top as usize]) {
            return wrong("is on a chain of events that are not in its past");
        }
        let key = event.key as usize;
        if event.reads() {
            let seen_past = event.source().map_or(&[][..], |source| pasts.of(source));
            let hints = &mut hints[group[number as usize] as usize];
            hints.resize(written[key].len(), 0);
            *steps += hints.len() as u64;
            for ((chain, writes), hint) in written[key].iter().zip(hints) {
                let count = past.get(*chain as usize).copied().unwrap_or(0);
                // What was in the past of what it saw was placed before that.
                if seen_past.get(*chain as usize).is_some_and(|seen| *seen >= count) {
                    continue;
                }
                let ahead = |hint: u32| writes.get(hint as usize).is_some_and(|write| write.0 <= count);
                while ahead(*hint) {
                    *hint += 1;
                }
                while *hint > 0 && !ahead(*hint - 1) {
                    *hint -= 1;
                }
                let Some(newest) = hint.checked_sub(1).map(|last| writes[last as usize].1) else { continue };
                let replaced = match (event.source(), finds) {
                    (None, _) => true,
                    (Some(source), Finds::TheLast) => at[newest as usize] > at[source as usize],
                    (Some(source), Finds::NoneReplaced) => pasts.precedes(source, newest),
                };
                if replaced {
                    return wrong("does not find what it must in its past");
                }
            }
        }
        if event.writes {
            if past != pasts.of(number) {
                return wrong("has another past");
            }
            let of = pasts.places[number as usize];
            let slot = written[key].iter().position(|(chain, _)| *chain == of.chain).unwrap_or_else(|| {
                written[key].push((of.chain, Vec::new()));
                written[key].len() - 1
            });
            written[key][slot].1.push((of.place, number));
            let rank = execution.rank.get(number as usize).copied().unwrap_or(UNPLACED);
            let ordered = finds == Finds::TheLast && rank != UNPLACED;
            if ordered && std::mem::replace(&mut versions[key], rank) >= rank {
                return wrong("is against the version order");
            }
        }
        if event.known {
            include(&mut past, pasts.places[number as usize]);
            clocks[event.session as usize] = (number, past);
        }
    }
    if order.len() == n { Ok(()) } else { Err(format!("{} of {n} operations are placed", order.len())) }
}
