//! A second thread, for a run that has a core to spare: there the judges hear what was told while the world goes on, and links' dice
//! are thrown ahead of it. Next: `record.rs`; `dice.rs`.

use std::panic::resume_unwind;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use super::dice::{ERRANDS, Errand};
use super::docket::Told;
use super::judges::Judges;

/// How much is passed on at once: so much that waking the other thread costs little of it.
pub(super) const FULL: usize = 1024;

/// How many lists there are, the one being written to among them. Where all the others wait to be heard, the world waits, too.
const LISTS: usize = 4;

/// A second thread with the judges.
#[derive(Debug)]
pub(super) struct Aside {
    helper: Helper,
    back: Receiver<Back>,
    /// Lists that nobody uses.
    idle: Vec<Vec<Told>>,
}

/// The way to a second thread.
#[derive(Debug)]
pub(super) struct Helper {
    to: SyncSender<Case>,
    thread: Arc<Mutex<Option<JoinHandle<()>>>>,
    /// How many more may send it [errands](Errand).
    places: usize,
}

/// What the thread is given.
#[derive(Debug)]
pub(super) enum Case {
    Judges(Box<Judges>),
    Told(Vec<Told>),
    CallBack,
    Errand(Box<Errand>),
}

/// What it gives back.
enum Back {
    Judges(Option<Box<Judges>>),
    Heard(Vec<Told>),
}

impl Aside {
    /// `None` where no thread can be started.
    pub(super) fn new() -> Option<Aside> {
        // Every list, the judges, that they are called back, and every errand: nobody ever waits to say something.
        let (to, cases) = sync_channel(LISTS + 2 + ERRANDS);
        let (said, back) = sync_channel(LISTS + 2);
        let thread = std::thread::Builder::new().name("judges".into()).spawn(move || attend(&cases, &said)).ok()?;
        let idle = (1..LISTS).map(|_| Vec::with_capacity(FULL)).collect();
        let helper = Helper { to, thread: Arc::new(Mutex::new(Some(thread))), places: 0 };
        Some(Aside { helper, back, idle })
    }

    /// The way to the thread, for whoever has other things to be done there.
    pub(super) fn helper(&self) -> Helper {
        Helper { to: self.helper.to.clone(), thread: self.helper.thread.clone(), places: ERRANDS }
    }

    /// Passes on what was told, and the judges if they are here; leaves an empty list.
    pub(super) fn pass_on(&mut self, judges: Option<Box<Judges>>, told: &mut Vec<Told>) {
        if let Some(judges) = judges {
            self.helper.say(Case::Judges(judges));
        }
        while self.idle.is_empty() {
            if let Back::Heard(told) = self.wait() {
                self.idle.push(told);
            }
        }
        let empty = self.idle.pop().expect("it is not empty");
        self.helper.say(Case::Told(std::mem::replace(told, empty)));
    }

    /// The judges, who have heard everything that was passed on.
    pub(super) fn call_back(&mut self) -> Box<Judges> {
        self.helper.say(Case::CallBack);
        loop {
            match self.wait() {
                Back::Judges(judges) => return judges.expect("they were passed on, and not called back since"),
                Back::Heard(told) => self.idle.push(told),
            }
        }
    }

    fn wait(&mut self) -> Back {
        self.back.recv().unwrap_or_else(|_| self.helper.has_panicked())
    }
}

impl Helper {
    pub(super) fn say(&self, case: Case) {
        if self.to.send(case).is_err() {
            self.has_panicked();
        }
    }

    /// Whether one more may send it errands, and from now on does.
    pub(super) fn takes_another(&mut self) -> bool {
        let is_free = self.places > 0;
        self.places -= usize::from(is_free);
        is_free
    }

    /// The thread ends before its time only where a judge panics; and so does this one.
    pub(super) fn has_panicked(&self) -> ! {
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        match thread.map(JoinHandle::join) {
            Some(Err(panic)) => resume_unwind(panic),
            _ => unreachable!("the second thread ends when nobody speaks to it any more"),
        }
    }
}

/// What the thread does: hears what it is told, until nobody is there to tell.
fn attend(cases: &Receiver<Case>, said: &SyncSender<Back>) {
    let mut judges: Option<Box<Judges>> = None;
    for case in cases {
        let back = match case {
            Case::Judges(new) => {
                judges = Some(new);
                continue;
            }
            Case::Told(mut told) => {
                judges.as_mut().expect("judges came before what they are told").hear_all(&mut told);
                Back::Heard(told)
            }
            Case::CallBack => Back::Judges(judges.take()),
            Case::Errand(errand) => {
                errand.run();
                continue;
            }
        };
        if said.send(back).is_err() {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::{ClientId, Key, RegionId};
    use crate::op::Op;
    use crate::time::Time;

    fn asked(nth: u64) -> Told {
        Told::Asked { client: ClientId(nth as u32), op: Op::Read(Key(0)), at: Time::from_nanos(nth) }
    }

    #[test]
    fn judges_who_are_called_back_have_heard_everything() {
        let mut aside = Aside::new().expect("there are threads");
        let mut judges = Some(Box::<Judges>::default());
        for round in 0..3 {
            for _ in 0..3 * LISTS {
                let mut told: Vec<Told> = (0..FULL as u64).map(asked).collect();
                aside.pass_on(judges.take(), &mut told);
                assert!(told.is_empty());
            }
            let back = aside.call_back();
            assert_eq!(back.record.begun(), (3 * LISTS * FULL * (round + 1)) as u32);
            judges = Some(back);
        }
    }

    #[test]
    #[should_panic(expected = "what ends was asked for")]
    fn a_judge_that_panics_is_heard_of() {
        let mut aside = Aside::new().expect("there are threads");
        let failed = Told::Failed { client: ClientId(0), at: Time::ZERO, region: RegionId(0) };
        aside.pass_on(Some(Box::default()), &mut vec![asked(1), failed]);
        aside.call_back();
    }
}
