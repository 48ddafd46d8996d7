//! The states that are so many steps away from the first, each in a few numbers of 32 bits, one after the other. Next: `search.rs`.

use super::world::Left;

/// States.
#[derive(Debug, Default)]
pub(super) struct Level {
    words: Vec<u32>,
    len: u64,
}

/// A state, with the step by which it was first come to.
#[derive(Clone, Copy, Debug)]
pub(super) struct State<'l> {
    /// Its number among all that were visited.
    pub number: u32,
    /// What was heard.
    pub ledger: u32,
    /// The step that led here, the deed that it was, and what had been heard before.
    pub last: Last,
    pub left: Left,
    /// By seat.
    pub nodes: &'l [u32],
    /// The messages under way, by number.
    pub mail: &'l [u32],
}

/// How a state was first come to.
#[derive(Clone, Copy, Debug)]
pub(super) struct Last {
    /// The deed; [`NONE`] in the first state.
    pub deed: u32,
    /// Whose.
    pub seat: u32,
    /// The ledger before it.
    pub ledger: u32,
}

/// No deed.
pub(super) const NONE: u32 = u32::MAX;

/// So many words are before the nodes.
const HEAD: usize = 10;

impl Level {
    pub fn len(&self) -> u64 {
        self.len
    }

    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    pub fn clear(&mut self) {
        self.words.clear();
        self.len = 0;
    }

    /// Adds a state.
    pub fn push(&mut self, state: State) {
        let State { number, ledger, last, left, nodes, mail } = state;
        let head: [u32; HEAD] = [
            mail.len() as u32,
            number,
            ledger,
            last.deed,
            last.seat,
            last.ledger,
            left.timeouts,
            left.crashes,
            left.duplicates,
            left.retries,
        ];
        self.words.extend_from_slice(&head);
        self.words.extend_from_slice(nodes);
        self.words.extend_from_slice(mail);
        self.len += 1;
    }

    /// The state that begins at this word, and where the next one begins. Each has so many nodes.
    pub fn get(&self, at: usize, nodes: usize) -> Option<(State<'_>, usize)> {
        let rest = self.words.get(at..).filter(|rest| !rest.is_empty())?;
        let (head, rest) = rest.split_first_chunk::<HEAD>().expect("a state begins with its head");
        let &[mail, number, ledger, deed, seat, before, timeouts, crashes, duplicates, retries] = head;
        let (nodes, rest) = rest.split_at(nodes);
        let mail = &rest[..mail as usize];
        let last = Last { deed, seat, ledger: before };
        let left = Left { timeouts, crashes, duplicates, retries };
        let next = at + HEAD + nodes.len() + mail.len();
        Some((State { number, ledger, last, left, nodes, mail }, next))
    }
}
