//! A link's dice: thrown where the world goes on, or ahead of it on a [second thread](super::aside), for what they show depends on
//! nothing that happens.
//!
//! What they show is the same: each link has a stream of its own, and its delays are used in the order of it. Next: `impairment.rs`.

use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

use crate::model::latency::Delay;
use crate::rng::Stream;
use crate::time::Duration;

use super::aside::{Case, Helper};

/// Where a link's delays come from.
#[derive(Debug)]
pub(super) enum Source {
    /// From here. So many times were they thrown.
    Here(Box<Dice>, u32),
    /// From the second thread.
    Ahead(Ahead),
}

/// A link's chance. Nothing else is drawn from it, so that each message has the delay that it would have by itself.
#[derive(Clone, Debug)]
pub(super) struct Dice {
    delay: Delay,
    stream: Stream,
}

/// So many delays lie ready, and as many are being thrown meanwhile.
const READY: usize = 512;

/// Dice that were thrown here so many times will be again: it is worth the trouble to have it done.
const BUSY: u32 = 64;

/// So many links at most have it done: the way to the second thread holds an errand of each.
pub(super) const ERRANDS: usize = 64;

/// Delays that were thrown ahead.
#[derive(Debug)]
pub(super) struct Ahead {
    ready: Vec<Duration>,
    used: usize,
    /// From where the dice come back.
    home: Receiver<Box<Errand>>,
}

/// Dice on their way to the second thread or back.
#[derive(Debug)]
pub(super) struct Errand {
    dice: Box<Dice>,
    thrown: Vec<Duration>,
    home: SyncSender<Box<Errand>>,
}

impl Source {
    pub(super) fn new(delay: Delay, stream: Stream) -> Source {
        Source::Here(Box::new(Dice { delay, stream }), 0)
    }

    /// The next delays. Where there is a helper with time, it throws them from some time on.
    pub(super) fn throw(&mut self, next: &mut [Duration], helper: &mut Option<Helper>) {
        match self {
            Source::Here(dice, times) => {
                dice.throw(next);
                *times = times.saturating_add(1);
                if *times == BUSY
                    && let Some(helper) = helper
                    && helper.takes_another()
                {
                    *self = Source::Ahead(Ahead::new(dice.clone(), helper));
                }
            }
            Source::Ahead(ahead) => ahead.take(next, helper.as_mut().expect("it was there when they were sent to it")),
        }
    }
}

impl Dice {
    fn throw(&mut self, next: &mut [Duration]) {
        next.iter_mut().for_each(|next| *next = self.delay.sample(&mut self.stream));
    }
}

impl Ahead {
    fn new(dice: Box<Dice>, helper: &mut Helper) -> Ahead {
        let (to, home) = sync_channel(1);
        helper.say(Case::Errand(Box::new(Errand { dice, thrown: vec![Duration::ZERO; READY], home: to })));
        let ready = vec![Duration::ZERO; READY];
        Ahead { used: ready.len(), ready, home }
    }

    fn take(&mut self, next: &mut [Duration], helper: &mut Helper) {
        if self.used == self.ready.len() {
            let mut errand = self.home.recv().unwrap_or_else(|_| helper.has_panicked());
            std::mem::swap(&mut self.ready, &mut errand.thrown);
            self.used = 0;
            helper.say(Case::Errand(errand));
        }
        let end = self.used + next.len();
        next.copy_from_slice(&self.ready[self.used..end]);
        self.used = end;
    }
}

impl Errand {
    /// What the second thread does.
    pub(super) fn run(mut self: Box<Self>) {
        self.dice.throw(&mut self.thrown);
        let home = self.home.clone();
        // Nobody is at home where the run is over.
        let _ = home.send(self);
    }
}

#[cfg(test)]
mod tests {
    use super::super::aside::Aside;
    use super::super::docket::Told;
    use super::*;
    use crate::id::{ClientId, Key, RegionId};
    use crate::op::Op;
    use crate::time::Time;

    #[test]
    fn dice_show_the_same_wherever_they_are_thrown() {
        let aside = Aside::new().expect("there are threads");
        let delay = Delay::uniform(Duration::millis(10), Duration::millis(90));
        let (mut helper, mut nobody) = (Some(aside.helper()), None);
        let new = |link: usize| Source::new(delay, Stream::new(link as u64, "dice"));
        let mut here: Vec<Source> = (0..ERRANDS + 2).map(new).collect();
        let mut there: Vec<Source> = (0..ERRANDS + 2).map(new).collect();
        for time in 0..BUSY as usize + 3 * READY / 16 {
            for (link, (here, there)) in here.iter_mut().zip(&mut there).enumerate() {
                let (mut one, mut other) = ([Duration::ZERO; 16], [Duration::ZERO; 16]);
                here.throw(&mut one, &mut nobody);
                there.throw(&mut other, &mut helper);
                assert_eq!(one, other, "time {time} of link {link}");
            }
        }
        assert!(here.iter().all(|source| matches!(source, Source::Here(..))));
        let ahead = there.iter().filter(|source| matches!(source, Source::Ahead(_))).count();
        assert_eq!(ahead, ERRANDS, "and no more than there is room for");
    }

    #[test]
    #[should_panic(expected = "what ends was asked for")]
    fn who_waits_for_dice_hears_of_a_judge_that_panics() {
        let mut aside = Aside::new().expect("there are threads");
        let mut helper = Some(aside.helper());
        let asked = Told::Asked { client: ClientId(1), op: Op::Read(Key(0)), at: Time::ZERO };
        let failed = Told::Failed { client: ClientId(0), at: Time::ZERO, region: RegionId(0) };
        aside.pass_on(Some(Box::default()), &mut vec![asked, failed]);
        let delay = Delay::uniform(Duration::millis(10), Duration::millis(90));
        let mut source = Source::new(delay, Stream::new(1, "dice"));
        for _ in 0..BUSY as usize + READY {
            source.throw(&mut [Duration::ZERO; 16], &mut helper);
        }
    }
}
