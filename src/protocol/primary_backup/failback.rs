//! Failback: the office goes back to where it was at first, by a hand-over that loses nothing and stops the service once more.
//!
//! The monitors watch for the first primary to be well again: it is heard, and its log has entries of the office at
//! hand. After `failback` the first of them, or, if that is not there, the next in turn, asks the primary to hand over: no new request is taken, what is under way is answered, and once the
//! successor has the whole log the primary is done and says so. Then there is an election like any other, in which monitors vote
//! that suspect nobody. Where it comes to nothing the primary goes on. Next: `election.rs`.

use std::collections::BTreeSet;
use std::fmt;

use serde::de::{self, Deserialize, Deserializer, MapAccess, Visitor, value::MapAccessDeserializer};

use crate::id::NodeId;
use crate::protocol::Context;
use crate::time::Duration;
use crate::trace::Observation;

use super::election::Election;
use super::monitor::Monitor;
use super::replica::{Duty, Replica};
use super::{Message, PrimaryBackup, Sign, Timer};

/// Whether the office goes back to the first primary once that is well again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Failback {
    /// Never: whoever was promoted stays.
    #[default]
    Never,
    /// As soon as it has kept up for three heartbeats.
    Automatic,
    /// When a person has decided so.
    ByHand {
        /// How long that takes from when it is well again: at least and at most; each time in between is as likely.
        reaction: [Duration; 2],
    },
}

/// How it is written where it is no word.
#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    reaction: [Duration; 2],
}

impl<'de> Deserialize<'de> for Failback {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Failback, D::Error> {
        struct WordOrPerson;

        impl<'de> Visitor<'de> for WordOrPerson {
            type Value = Failback;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(r#""never", "automatic" or a table such as { reaction = ["10min", "40min"] }"#)
            }

            fn visit_str<E: de::Error>(self, word: &str) -> Result<Failback, E> {
                match word {
                    "never" => Ok(Failback::Never),
                    "automatic" => Ok(Failback::Automatic),
                    other => Err(E::invalid_value(de::Unexpected::Str(other), &self)),
                }
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Failback, A::Error> {
                let Written { reaction } = Written::deserialize(MapAccessDeserializer::new(map))?;
                Ok(Failback::ByHand { reaction })
            }
        }

        deserializer.deserialize_any(WordOrPerson)
    }
}

#[cfg(feature = "cli")]
impl schemars::JsonSchema for Failback {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Failback".into()
    }

    fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        let duration = generator.subschema_for::<Duration>();
        schemars::json_schema!({
            "anyOf": [
                { "type": "string", "enum": ["never", "automatic"] },
                {
                    "type": "object",
                    "properties": { "reaction": { "type": "array", "items": duration, "minItems": 2, "maxItems": 2 } },
                    "required": ["reaction"],
                    "additionalProperties": false
                }
            ]
        })
    }
}

/// How far a monitor is with bringing the office back.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(super) enum Return {
    /// There is nothing to be brought back, or not yet.
    #[default]
    None,
    /// The first primary is well again: it is waited for a while.
    Waiting,
    /// The primary was asked to hand over.
    Asked,
}

impl Monitor {
    /// A replica gave a sign of life: perhaps it is the first primary, and could have the office again.
    pub(super) fn look_home(&mut self, from: NodeId, sign: &Sign, cx: &mut Context<PrimaryBackup>) {
        let is_away = self.plan.failback != Failback::Never && self.office.primary != self.plan.replicas[0];
        if !is_away || from != self.plan.replicas[0] || self.home != Return::None {
            return;
        }
        let keeps_up = !sign.stranded && sign.office == self.office && sign.last.epoch == self.office.epoch;
        if keeps_up && !self.suspects {
            self.home = Return::Waiting;
            let after = self.turn(cx);
            cx.set_timer(Timer::Failback, after);
        }
    }

    /// How long it waits with the first primary well again. Who is later in the list waits until those before it have tried, or would
    /// have: they may be gone.
    fn turn(&self, cx: &mut Context<PrimaryBackup>) -> Duration {
        let me = cx.me();
        let before = self.plan.monitors.iter().take_while(|monitor| **monitor != me).count() as u64;
        let first = match self.plan.failback {
            Failback::ByHand { reaction: [least, most] } if before == 0 => cx.random_between(least, most),
            Failback::ByHand { reaction: [_, most] } => most,
            Failback::Never | Failback::Automatic => self.plan.heartbeat * 3,
        };
        first + (self.plan.detect * 2 + self.plan.heartbeat) * before
    }

    /// It was waited for long enough: for a decision, or for a hand-over that has not come.
    pub(super) fn bring_home(&mut self, cx: &mut Context<PrimaryBackup>) {
        let home = self.plan.replicas[0];
        let is_time = self.home == Return::Waiting && !self.suspects && self.election == Election::None;
        if is_time && self.is_heard(home, cx) {
            self.home = Return::Asked;
            cx.send(self.office.primary, Message::HandOver { epoch: self.office.epoch, to: home });
            cx.set_timer(Timer::Failback, self.plan.detect * 2);
            return;
        }
        if self.home == Return::Asked && matches!(self.election, Election::Asking { .. }) && !self.suspects {
            self.election = Election::None; // too late: by now the primary goes on
        }
        self.home = Return::None;
    }

    /// The primary takes no more requests, and the first one has all that it took.
    pub(super) fn on_handed_over(&mut self, epoch: u64, cx: &mut Context<PrimaryBackup>) {
        if self.home != Return::Asked || epoch != self.office.epoch || self.election != Election::None {
            return;
        }
        let next = self.next_epoch();
        self.vote(next, cx.me(), cx);
        let leases_end = cx.now() + self.lease_left(cx);
        self.election = Election::Asking { votes: BTreeSet::from([cx.me()]), leases_end };
        self.tell_monitors(&Message::Succession { epoch: next }, cx);
        self.tally(cx);
    }
}

/// A primary that is to hand over.
#[derive(Clone, Copy, Debug, Hash)]
pub(super) struct Handing {
    to: NodeId,
    /// Which monitor is told.
    monitor: NodeId,
    /// Whether it was.
    is_done: bool,
}

impl Replica {
    /// A monitor wants the office to go to another replica.
    pub(super) fn on_hand_over(&mut self, monitor: NodeId, epoch: u64, to: NodeId, cx: &mut Context<PrimaryBackup>) {
        let lasts = self.plan.detect;
        if let Duty::Leading(primary) = &mut self.duty
            && epoch == self.office.epoch
            && primary.serves
            && to != cx.me()
        {
            primary.handing = Some(Handing { to, monitor, is_done: false });
            cx.set_timer(Timer::HandOver, lasts);
            self.advance(cx);
        }
    }

    /// Whether all that was taken is answered, and the successor has it: then this primary is done.
    pub(super) fn review_hand_over(&mut self, cx: &mut Context<PrimaryBackup>) {
        let (epoch, length) = (self.office.epoch, self.log.len());
        let Duty::Leading(primary) = &mut self.duty else { return };
        let Some(handing) = primary.handing.as_mut().filter(|handing| !handing.is_done) else { return };
        let has_all = primary.acked.get(&handing.to).is_some_and(|acked| acked.now >= length);
        if has_all && primary.held_by_enough >= length && primary.serves {
            handing.is_done = true;
            (primary.serves, primary.leads) = (false, false);
            cx.observe(Observation::SteppedDown { epoch });
            cx.send(handing.monitor, Message::HandedOver { epoch });
        }
    }

    /// Nobody has taken the office over: it goes on.
    pub(super) fn take_back(&mut self, cx: &mut Context<PrimaryBackup>) {
        if let Duty::Leading(primary) = &mut self.duty {
            primary.handing = None;
            self.advance(cx);
        }
    }
}
