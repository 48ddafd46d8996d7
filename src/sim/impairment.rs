//! What is wrong with links while a fault lasts, and what it does to a message. All of it is off the path of a message on a
//! link that nothing touches.

use crate::model::fault::Slow;
use crate::model::transport::Bandwidth;
use crate::rng::Stream;
use crate::time::{Duration, Time};
use crate::trace::Passage;

/// Something wrong with some links, while it lasts.
#[derive(Debug)]
pub(super) struct Impairment {
    pub(super) fault: usize,
    /// By link, whether it is touched.
    pub(super) links: Vec<bool>,
    /// A flap's turn: whether it is at work now.
    pub(super) is_on: bool,
    pub(super) touched: u64,
    way: Way,
}

/// In which way.
#[derive(Debug)]
pub(super) enum Way {
    /// Everything is lost.
    Cut,
    /// Some messages are lost.
    Loss(Share),
    /// All messages are lost but these, in order.
    LossBut(Vec<Passage>),
    /// Some are damaged, which is seen.
    Corrupt(Share),
    /// Some come again.
    Duplicate(Share),
    /// Some take up to so much longer.
    Reorder(Share, Duration),
    /// All take longer, by and by since then.
    Delay { slow: Slow, ramp: Duration, since: Time },
    /// Only so much leaves in a second, and nothing waits longer than so.
    Throttle(Bandwidth, Duration),
}

/// `parts` of `whole` messages, by dice of the fault's own.
#[derive(Debug)]
pub(super) struct Share {
    parts: u32,
    whole: u32,
    stream: Stream,
}

impl Share {
    pub(super) fn new(parts: u32, whole: u32, stream: Stream) -> Share {
        Share { parts, whole, stream }
    }

    fn hits(&mut self) -> bool {
        self.stream.chance(u64::from(self.parts), u64::from(self.whole))
    }
}

/// What keeps a message from arriving.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Hazard {
    Damaged,
    Lost,
}

impl Impairment {
    pub(super) fn new(fault: usize, links: Vec<bool>, way: Way) -> Impairment {
        Impairment { fault, links, is_on: true, touched: 0, way }
    }

    pub(super) fn is_at_work_on(&self, link: usize) -> bool {
        self.is_on && self.links[link]
    }

    pub(super) fn is_cut(&self) -> bool {
        matches!(self.way, Way::Cut)
    }

    /// Whether a message sent now is kept from arriving, which is called this where somebody has a list.
    pub(super) fn hazard(&mut self, message: Option<&Passage>) -> Option<Hazard> {
        let hazard = match &mut self.way {
            Way::Cut => Some(Hazard::Lost),
            Way::Loss(share) => share.hits().then_some(Hazard::Lost),
            Way::LossBut(these) => {
                let passes = message.is_some_and(|message| these.binary_search(message).is_ok());
                (!passes).then_some(Hazard::Lost)
            }
            Way::Corrupt(share) => share.hits().then_some(Hazard::Damaged),
            Way::Duplicate(_) | Way::Reorder(..) | Way::Delay { .. } | Way::Throttle(..) => None,
        };
        self.touched += u64::from(hazard.is_some());
        hazard
    }

    /// Whether it goes by a list of messages.
    pub(super) fn has_list(&self) -> bool {
        matches!(self.way, Way::LossBut(_))
    }

    /// The fault, if it loses some messages and not others.
    pub(super) fn sieve(&self) -> Option<usize> {
        matches!(self.way, Way::Loss(_) | Way::LossBut(_)).then_some(self.fault)
    }

    /// Whether a message that arrives does so once more.
    pub(super) fn repeats(&mut self) -> bool {
        let Way::Duplicate(share) = &mut self.way else { return false };
        let again = share.hits();
        self.touched += u64::from(again);
        again
    }

    /// What the line of a message sent now carries because of this, where that is less than its `own`, and how long a message
    /// waits at most.
    pub(super) fn throttles(&mut self, own: Option<Bandwidth>) -> Option<(Bandwidth, Duration)> {
        let Way::Throttle(bandwidth, patience) = self.way else { return None };
        let is_less = own.is_none_or(|own| bandwidth < own);
        self.touched += u64::from(is_less);
        is_less.then_some((bandwidth, patience))
    }

    /// How long a message takes that would have taken `delay`.
    pub(super) fn slowed(&mut self, delay: Duration, now: Time) -> Duration {
        let longer = match &mut self.way {
            Way::Reorder(share, extra) => {
                share.hits().then(|| delay + share.stream.between(Duration::nanos(1), *extra))
            }
            Way::Delay { slow, ramp, since } => Some(slow.grown(delay, now.since(*since), *ramp)),
            Way::Cut | Way::Loss(_) | Way::LossBut(_) | Way::Corrupt(_) | Way::Duplicate(_) | Way::Throttle(..) => None,
        };
        self.touched += u64::from(longer.is_some());
        longer.unwrap_or(delay)
    }
}
