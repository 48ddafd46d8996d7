//! A replica whose copy parted from the primary's gets it anew: the blocks that differ, or all of it. It serves nobody, votes for
//! nothing and is promoted by nobody until it has.
//!
//! It asks for part after part, none before the time is over that the one before takes at its `rate`; a line that carries less
//! slows it further. What the log holds beside that is streamed as ever. Next: `aside.rs`.

use std::fmt;
use std::str::FromStr;

use serde::de::{self, Deserialize, Deserializer, Visitor};

use crate::id::NodeId;
use crate::protocol::Context;
use crate::time::Duration;

use super::replica::{Duty, Replica};
use super::{Message, Office, PrimaryBackup, Record, Timer};

/// A copy comes in about so many parts, or in more where those would be too large.
const PARTS: u64 = 64;

/// No part is larger.
const PART_MAX: u64 = 1 << 30;

/// So many bytes: `"8KB"`, `"500MB"`, `"5GB"`, `"5TB"`, in steps of a thousand.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Size(pub u64);

impl FromStr for Size {
    type Err = String;

    fn from_str(text: &str) -> Result<Size, String> {
        let wrong = || format!("`{text}` is not a size: write for example \"500MB\" or \"5GB\"");
        let digits = text.len() - text.trim_start_matches(|c: char| c.is_ascii_digit()).len();
        let unit = match &text[digits..] {
            "B" => 1,
            "KB" => 1_000,
            "MB" => 1_000_000,
            "GB" => 1_000_000_000,
            "TB" => 1_000_000_000_000_u64,
            _ => return Err(wrong()),
        };
        let bytes = text[..digits].parse::<u64>().ok().and_then(|number| number.checked_mul(unit)).ok_or_else(wrong)?;
        if bytes == 0 { Err(format!("`{text}` is nothing")) } else { Ok(Size(bytes)) }
    }
}

impl<'de> Deserialize<'de> for Size {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Size, D::Error> {
        struct Text;

        impl Visitor<'_> for Text {
            type Value = Size;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a size such as \"5GB\"")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Size, E> {
                text.parse().map_err(E::custom)
            }
        }

        deserializer.deserialize_str(Text)
    }
}

#[cfg(feature = "cli")]
impl schemars::JsonSchema for Size {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Size".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({ "type": "string", "pattern": "^[0-9]+(B|KB|MB|GB|TB)$", "examples": ["5GB"] })
    }
}

/// What getting a copy anew takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
pub struct Copying {
    /// How much a whole copy is, for `returning = "rebuild"`. Default: 10GB.
    pub size: Size,
    /// How much a second is copied at most. Default: 100MB.
    pub per_second: Size,
    /// How much is copied for each key that was written in vain, for `returning = "rewind"`: the block that it is in. Default:
    /// 8KB.
    pub block: Size,
}

impl Default for Copying {
    fn default() -> Copying {
        Copying { size: Size(10_000_000_000), per_second: Size(100_000_000), block: Size(8_000) }
    }
}

/// A copy that is under way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Progress {
    /// How much is still to come.
    left: u64,
    /// How much is asked for at a time.
    part: u64,
    /// Whether the part that was asked for last has come, and whether its time is over.
    has_come: bool,
    is_time: bool,
}

impl Progress {
    pub fn of(bytes: u64) -> Progress {
        let part = bytes.div_ceil(PARTS).clamp(1, PART_MAX);
        Progress { left: bytes, part, has_come: false, is_time: false }
    }

    fn next(&self) -> u64 {
        self.part.min(self.left)
    }
}

impl Replica {
    /// From now on it gets so many bytes anew before it is a replica again.
    pub(super) fn copy_anew(&mut self, bytes: u64, cx: &mut Context<PrimaryBackup>) {
        cx.persist(Record::Copying(bytes));
        self.duty = Duty::Copying(Progress::of(bytes));
        self.ask_for_part(cx);
    }

    pub(super) fn ask_for_part(&mut self, cx: &mut Context<PrimaryBackup>) {
        let (office, rate) = (self.office, self.plan.copying.per_second.0);
        let Duty::Copying(progress) = &mut self.duty else { return };
        (progress.has_come, progress.is_time) = (false, false);
        let bytes = progress.next();
        let nanos = u128::from(bytes) * 1_000_000_000 / u128::from(rate.max(1));
        if office.primary != cx.me() {
            cx.send(office.primary, Message::AskPart { left: progress.left, bytes: bytes as u32 });
        }
        cx.set_timer(Timer::Copy, Duration::nanos(u64::try_from(nanos).unwrap_or(u64::MAX).max(1)));
    }

    /// Another replica wants a part of the copy.
    pub(super) fn on_ask_part(&mut self, from: NodeId, left: u64, bytes: u32, cx: &mut Context<PrimaryBackup>) {
        if matches!(self.duty, Duty::Leading(_)) {
            cx.send(from, Message::Part { left, bytes });
        }
    }

    pub(super) fn on_part(&mut self, left: u64, bytes: u32, cx: &mut Context<PrimaryBackup>) {
        if let Duty::Copying(progress) = &mut self.duty
            && progress.left == left
            && !progress.has_come
        {
            progress.has_come = true;
            progress.left -= u64::from(bytes).min(left);
            self.go_on_copying(cx);
        }
    }

    /// A part's time is over; or it has not come for long, and is asked for again.
    pub(super) fn copy_timer(&mut self, cx: &mut Context<PrimaryBackup>) {
        let Duty::Copying(progress) = &mut self.duty else { return };
        let was_time = std::mem::replace(&mut progress.is_time, true);
        if was_time {
            self.ask_for_part(cx);
        } else if progress.has_come {
            self.go_on_copying(cx);
        } else {
            // On a slow line a part takes longer than its sender needs: a lost one is asked for again much later.
            let nanos = u128::from(progress.next()) * 4_000_000_000 / u128::from(self.plan.copying.per_second.0.max(1));
            let patience = Duration::nanos(u64::try_from(nanos).unwrap_or(u64::MAX));
            cx.set_timer(Timer::Copy, patience.max(self.plan.repair * 2));
        }
    }

    fn go_on_copying(&mut self, cx: &mut Context<PrimaryBackup>) {
        let Duty::Copying(progress) = &self.duty else { return };
        if !progress.has_come || !progress.is_time {
            return;
        }
        if progress.left > 0 {
            return self.ask_for_part(cx);
        }
        cx.persist(Record::Copied);
        self.duty = Duty::Backup;
        (self.matched, self.since) = (0, cx.now());
        self.early.clear();
        self.lag.begin_anew();
        self.apply(self.log.len(), cx);
        if self.office.primary != cx.me() {
            cx.send(self.office.primary, Message::Fetch { epoch: self.promised, last: self.log.last() });
        }
    }

    /// A later office, while it copies: it goes on with the new primary's copy, from the start.
    pub(super) fn copy_from(&mut self, office: Office, cx: &mut Context<PrimaryBackup>) {
        if office.epoch > self.office.epoch && office.primary != cx.me() {
            cx.persist(Record::Office(office));
            (self.office, self.promised) = (office, office.epoch);
            if let Duty::Copying(progress) = &mut self.duty {
                progress.has_come = false;
            }
            self.ask_for_part(cx);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_size_has_its_unit() {
        let sizes = ["1B", "8KB", "500MB", "5GB", "2TB"].map(|text| text.parse::<Size>().unwrap().0);
        assert_eq!(sizes, [1, 8_000, 500_000_000, 5_000_000_000, 2_000_000_000_000]);
        for wrong in ["5", "GB", "", "5gb", "5.5GB", "99999999999TB", "-1GB"] {
            assert!(wrong.parse::<Size>().unwrap_err().contains("is not a size"), "{wrong}");
        }
        assert_eq!("0GB".parse::<Size>().unwrap_err(), "`0GB` is nothing");
    }

    #[test]
    fn a_copy_comes_in_parts_that_are_no_larger_than_a_message_may_be() {
        for bytes in [1, 63, 64, 1_000, 10_000_000_000, 20_000_000_000_000] {
            let mut progress = Progress::of(bytes);
            let mut parts = 0;
            while progress.left > 0 {
                assert!((1..=PART_MAX).contains(&progress.next()));
                progress.left -= progress.next();
                parts += 1;
            }
            assert!(parts <= PARTS.max(bytes.div_ceil(PART_MAX)), "{bytes}: {parts}");
        }
    }
}
