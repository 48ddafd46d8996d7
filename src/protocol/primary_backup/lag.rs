//! Read replicas that know how far they lag: a copy that may be older than the bound is not read.
//!
//! A backup asks the primary, each `ask-every`, how far its log goes. Once the backup has that much, its copy holds all that was acknowledged
//! before it asked: by its own clock alone, whatever others show. So old as the latest such question its copy may be, and no older. While that is
//! within the bound it answers reads; else it sends who reads to the primary.
//!
//! Source: Terry et al., *Consistency-Based Service Level Agreements for Cloud Storage*, SOSP 2013, section 4.4 (a replica serves reads with
//! bounded staleness while its *high timestamp* is recent enough). Departure: there times are the primary's, and clocks agree nearly;
//! here no two clocks are compared.

use std::collections::VecDeque;

use crate::id::NodeId;
use crate::protocol::mutant::Mutant;
use crate::protocol::{Context, OptionsError};
use crate::time::{Duration, Time};

use super::options::Reads;
use super::replica::{Duty, Replica};
use super::{Message, PrimaryBackup, Timer};

/// How far a copy may lag that is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
pub struct MaxLag {
    /// What a read shows was overwritten for no longer than this when it was asked for. Longer than two of `ask-every`. Default: `"5s"`.
    pub time: Duration,
    /// How often each backup asks the primary how far its log goes, 1ms or longer. Default: `"500ms"`.
    pub ask_every: Duration,
}

impl Default for MaxLag {
    fn default() -> MaxLag {
        MaxLag { time: Duration::secs(5), ask_every: Duration::millis(500) }
    }
}

impl MaxLag {
    /// Whether it can be kept where these answer reads.
    pub(super) fn fits(&self, reads: Reads) -> Result<(), OptionsError> {
        let why = if reads == Reads::Primary {
            "what the primary reads does not lag; write `reads = \"nearest\"` with it".to_string()
        } else if self.ask_every < Duration::SHORTEST_PERIOD {
            format!("nodes cannot ask all the time; write `ask-every` as {} or longer", Duration::SHORTEST_PERIOD)
        } else if self.time <= self.ask_every * 2 {
            format!("one lost answer would stop every read; write a `time` of more than two of {}", self.ask_every)
        } else {
            return Ok(());
        };
        Err(OptionsError { option: "max-lag", why })
    }
}

/// What a backup knows of how old its copy is.
#[derive(Clone, Debug, Default, Hash)]
pub(super) struct Lag {
    /// What it does not have yet: the primary's log went at least so far when this clock showed that. Both grow.
    ends: VecDeque<(u64, Time)>,
    /// It has all that was acknowledged when this clock showed that.
    whole: Option<Time>,
}

impl Lag {
    /// Another is primary: what the last one said of its log is not about the new one's.
    pub fn begin_anew(&mut self) {
        *self = Lag::default();
    }

    /// The primary's log went so far when it was asked at `at`.
    fn heard(&mut self, at: Time, index: u64) {
        // A later question may have a smaller answer, where a crash cut the primary's log short. It tells all that an earlier one does.
        while self.ends.back().is_some_and(|(end, asked)| *end >= index && *asked <= at) {
            self.ends.pop_back();
        }
        // An answer that was overtaken is left out.
        if self.ends.back().is_none_or(|(_, asked)| *asked < at) && self.whole < Some(at) {
            self.ends.push_back((index, at));
        }
    }

    /// The log equals the primary's up to here.
    fn reached(&mut self, index: u64) {
        while let Some((_, at)) = self.ends.front().filter(|(end, _)| *end <= index) {
            self.whole = Some(*at);
            self.ends.pop_front();
        }
    }
}

impl Replica {
    /// Begins to ask, each node at its own moments.
    pub(super) fn begin_to_ask(&mut self, cx: &mut Context<PrimaryBackup>) {
        if let Some(MaxLag { ask_every, .. }) = self.plan.max_lag {
            let first = cx.random_between(Duration::ZERO, ask_every);
            cx.set_timer(Timer::AskEnd, first);
        }
    }

    pub(super) fn ask_end(&mut self, cx: &mut Context<PrimaryBackup>) {
        let Some(MaxLag { ask_every, .. }) = self.plan.max_lag else { return };
        if matches!(self.duty, Duty::Backup) && self.office.primary != cx.me() {
            cx.send_unsynced(self.office.primary, Message::AskEnd { epoch: self.office.epoch, at: cx.now() });
        }
        cx.set_timer(Timer::AskEnd, ask_every);
    }

    /// A backup asks how far this log goes: what was acknowledged is in it, synced or not.
    pub(super) fn on_ask_end(&self, from: NodeId, epoch: u64, at: Time, cx: &mut Context<PrimaryBackup>) {
        if matches!(self.duty, Duty::Leading(_)) && self.office.epoch == epoch {
            cx.send_unsynced(from, Message::End { epoch, at, index: self.log.len() });
        }
    }

    /// The primary's log went so far after this clock had shown `at`.
    pub(super) fn on_end(
        &mut self,
        from: NodeId,
        (epoch, at, index): (u64, Time, u64),
        cx: &mut Context<PrimaryBackup>,
    ) {
        if epoch != self.office.epoch || !matches!(self.duty, Duty::Backup) {
            return;
        }
        self.lag.heard(at, index);
        self.lag.reached(self.matched);
        if self.matched == 0 && index > 0 {
            self.fetch(from, cx); // how far the two logs are equal nobody has said yet
        }
    }

    /// Whether reads are not answered from this copy as it is, but as the primary answers them, or by it: a primary's own copy may be read while it
    /// serves, and a backup's while it does not lag too far.
    pub(super) fn leaves_reads(&mut self, now: Time) -> bool {
        let Some(MaxLag { time, .. }) = self.plan.max_lag else { return false };
        self.lag.reached(self.matched);
        let lags = self.lag.whole.is_none_or(|whole| now.since(whole) > time);
        let is_blind = self.plan.mutated(Mutant::F24) && self.lag.ends.is_empty();
        !matches!(self.duty, Duty::Backup) || (lags && !is_blind)
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Change, Entry, Options, Position, Stretch};
    use super::*;

    use crate::id::{ClientId, Key, RequestId, Value};
    use crate::op::{Op, Refusal, Reply};
    use crate::protocol::{Effect, Harness, Protocol, Request};
    use crate::rng::Stream;

    const A: NodeId = NodeId(0);
    const KEY: Key = Key(7);

    #[test]
    fn a_copy_is_as_old_as_the_latest_question_whose_answer_it_has() {
        let ms = Duration::millis;
        for seed in 0..2_000 {
            let mut stream = Stream::new(seed, "lag");
            let (mut lag, mut told) = (Lag::default(), Vec::new());
            let mut reached = 0;
            for question in 1..20 {
                let (at, index) = (Time::ZERO + ms(question), reached + stream.below(4));
                told.push((index, at));
                lag.heard(at, index);
                reached += stream.below(3);
                lag.reached(reached);
                let whole = told.iter().filter(|(end, _)| *end <= reached).map(|(_, at)| *at).max();
                assert_eq!(lag.whole, whole, "seed {seed}: {told:?}, up to {reached}");
                assert!(lag.ends.iter().all(|(end, _)| *end > reached));
            }
        }
    }

    #[test]
    fn a_backup_answers_what_is_young_enough_and_sends_the_rest_to_the_primary() {
        let max_lag = MaxLag { time: Duration::secs(2), ask_every: Duration::millis(500) };
        let options = Options { reads: Reads::Nearest, max_lag: Some(max_lag), ..Options::default() };
        let mut harness = Harness::new(&["a", "b"], 1);
        let mut backup = PrimaryBackup::start(&options, Vec::new(), &mut harness.context());
        let mut sequence = 0;
        let mut read = |backup: &mut PrimaryBackup, harness: &mut Harness<PrimaryBackup>| {
            harness.effects();
            sequence += 1;
            let id = RequestId { client: ClientId(1), sequence, entry: NodeId(1) };
            backup.on_request(Request { id, op: Op::Read(KEY), session: () }, &mut harness.context());
            harness.effects().pop().expect("it says something")
        };
        let is_sent_on =
            |effect: &Effect<PrimaryBackup>| matches!(effect, Effect::Refuse { refusal: Refusal::Redirect(A), .. });
        let shows = |effect: &Effect<PrimaryBackup>, value: u64| matches!(effect, Effect::Reply { reply: Reply::Read(Some(Value(seen))), .. } if *seen == value);
        assert!(is_sent_on(&read(&mut backup, &mut harness)), "it knows nothing yet");

        harness.pass(Duration::secs(1));
        let asked = harness.context().now();
        backup.on_timer(Timer::AskEnd, &mut harness.context());
        let asks = |effect: &Effect<PrimaryBackup>| matches!(effect, Effect::Send { to: A, message: Message::AskEnd { epoch: 1, at }, .. } if *at == asked);
        assert!(harness.effects().iter().any(asks));
        harness.pass(Duration::millis(300));
        backup.on_message(A, Message::End { epoch: 1, at: asked, index: 2 }, &mut harness.context());
        assert!(is_sent_on(&read(&mut backup, &mut harness)), "it has not what the primary had");

        let entry = |value| Entry {
            epoch: 1,
            client: ClientId(9),
            sequence: value as u32,
            change: Change::Set(KEY, Value(value)),
        };
        let append = |index: u64| {
            let after = Position { epoch: index.min(1), index };
            let stretch = Stretch { after, entries: (&[entry(index + 1)][..]).into(), length: index + 1 };
            Message::Append { epoch: 1, stretch }
        };
        backup.on_message(A, append(0), &mut harness.context());
        assert!(is_sent_on(&read(&mut backup, &mut harness)), "one of two");
        backup.on_message(A, append(1), &mut harness.context());
        assert!(shows(&read(&mut backup, &mut harness), 2));
        harness.pass(Duration::millis(1_700));
        assert!(shows(&read(&mut backup, &mut harness), 2), "two seconds after it asked");
        harness.pass(Duration::millis(1));
        assert!(is_sent_on(&read(&mut backup, &mut harness)), "and no longer");

        let asked = harness.context().now();
        backup.on_message(A, Message::End { epoch: 2, at: asked, index: 2 }, &mut harness.context());
        assert!(is_sent_on(&read(&mut backup, &mut harness)), "it is of another epoch");
        backup.on_message(A, Message::End { epoch: 1, at: asked, index: 2 }, &mut harness.context());
        assert!(shows(&read(&mut backup, &mut harness), 2));
    }

    #[test]
    fn who_does_not_know_how_far_logs_are_equal_asks_for_what_follows() {
        let options = Options { reads: Reads::Nearest, max_lag: Some(MaxLag::default()), ..Options::default() };
        let mut harness = Harness::new(&["a", "b"], 1);
        let mut backup = PrimaryBackup::start(&options, Vec::new(), &mut harness.context());
        harness.effects();
        let asked = harness.context().now();
        backup.on_message(A, Message::End { epoch: 1, at: asked, index: 3 }, &mut harness.context());
        let fetches = |effect: &Effect<PrimaryBackup>| {
            matches!(effect, Effect::Send { to: A, message: Message::Fetch { .. }, .. })
        };
        assert!(harness.effects().iter().any(fetches), "after a restart nothing else may come for long");
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
        let fits = |reads, time, ask_every| {
            let (time, ask_every) = (Duration::millis(time), Duration::millis(ask_every));
            MaxLag { time, ask_every }.fits(reads).is_ok()
        };
        assert!(fits(Reads::Nearest, 1_000, 499));
        assert!(
            !fits(Reads::Nearest, 1_000, 500) && !fits(Reads::Nearest, 1_000, 0) && !fits(Reads::Primary, 1_000, 1)
        );
    }
}
