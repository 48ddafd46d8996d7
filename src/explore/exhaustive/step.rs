//! What may happen next in a state, as a number. Next: `deed.rs`, what comes of it.

use super::Explorable;
use super::world::{Letter, Node, Post, Rules};

/// Something that may happen, in 32 bits: its kind, and where.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Step(pub u32);

/// The same, to be looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Event {
    /// This message arrives.
    Deliver(u32),
    /// It arrives, and will arrive again.
    Repeat(u32),
    /// The earliest timer of this node fires.
    Fire(usize),
    /// The oldest record of this node's disk is synced.
    Sync(usize),
    Crash(usize),
    /// It starts, or starts again.
    Start(usize),
    /// The client of this operation asks this node.
    Ask(usize, usize),
}

/// So many bits say where.
const WHERE: u32 = 28;

/// So many of them say at which node, where a client asks.
const AT: u32 = 16;

impl Step {
    /// # Panics
    /// Where there are 2^28 different messages.
    #[inline]
    pub fn of(event: Event) -> Step {
        let (kind, place) = match event {
            Event::Deliver(letter) => (0, letter),
            Event::Repeat(letter) => (1, letter),
            Event::Fire(at) => (2, at as u32),
            Event::Sync(at) => (3, at as u32),
            Event::Crash(at) => (4, at as u32),
            Event::Start(at) => (5, at as u32),
            Event::Ask(operation, at) => (6, (operation as u32) << AT | at as u32),
        };
        assert!(place < 1 << WHERE, "more messages than a step can name");
        Step(kind << WHERE | place)
    }

    #[inline]
    pub fn event(self) -> Event {
        let place = self.0 & ((1 << WHERE) - 1);
        let at = (place & ((1 << AT) - 1)) as usize;
        match self.0 >> WHERE {
            0 => Event::Deliver(place),
            1 => Event::Repeat(place),
            2 => Event::Fire(at),
            3 => Event::Sync(at),
            4 => Event::Crash(at),
            5 => Event::Start(at),
            _ => Event::Ask((place >> AT) as usize, at),
        }
    }
}

impl<P: Explorable> Rules<'_, P> {
    /// A step in words.
    pub fn describe(&self, event: Event, node: &Node<P>, letter: Option<&Letter<P>>) -> String {
        let name = |at: usize| &self.names[at];
        let arrives = || {
            let Some(Letter { from, to, post }) = letter else { return String::new() };
            let what = match post {
                Post::Message(message) => format!("{message:?}"),
                Post::Request(request) => format!("{:?} of {}", request.op, request.id.client),
            };
            format!("{} gets {what} from {}", name(to.index()), name(from.index()))
        };
        match event {
            Event::Deliver(_) => arrives(),
            Event::Repeat(_) => format!("{}, and will get it again", arrives()),
            Event::Fire(at) => {
                let timer = node.earliest().map(|place| node.timers[place].0);
                timer.map_or(String::new(), |timer| format!("{}: its timer {timer:?} fires", name(at)))
            }
            Event::Sync(at) => format!("{}: its disk has synced a record", name(at)),
            Event::Crash(at) => format!("{} crashes", name(at)),
            Event::Start(at) => format!("{} starts again", name(at)),
            Event::Ask(operation, at) => format!("c{operation} asks {}: {:?}", name(at), self.op(operation)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_is_a_number_and_back() {
        let most = (1 << WHERE) - 1;
        let events = [
            Event::Deliver(0),
            Event::Deliver(most),
            Event::Repeat(7),
            Event::Fire(3),
            Event::Sync(2),
            Event::Crash(1),
            Event::Start(60_000),
            Event::Ask(4_095, 65_535),
        ];
        events.into_iter().for_each(|event| assert_eq!(Step::of(event).event(), event));
    }
}
