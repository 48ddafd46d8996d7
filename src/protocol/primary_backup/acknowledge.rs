//! How many backups a write waits for. Next: `failback.rs`.

use std::fmt;

use serde::de::{self, Deserialize, Deserializer, Visitor};

/// How many backups must hold a write before it is acknowledged.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Acknowledge {
    /// None: the primary's own disk is enough.
    #[default]
    Local,
    /// One.
    One,
    /// So many that with the primary they are a majority of the copies.
    Majority,
    /// Every one.
    All,
    /// The first of them that can be reached.
    First,
    /// So many.
    Backups(u32),
}

impl Acknowledge {
    /// The number of backups that must hold a write, where there are `backups`.
    pub fn count(self, backups: usize) -> usize {
        match self {
            Acknowledge::Local => 0,
            Acknowledge::One | Acknowledge::First => 1,
            Acknowledge::Majority => backups.div_ceil(2),
            Acknowledge::All => backups,
            Acknowledge::Backups(count) => count as usize,
        }
    }
}

impl<'de> Deserialize<'de> for Acknowledge {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Acknowledge, D::Error> {
        struct NameOrCount;

        impl Visitor<'_> for NameOrCount {
            type Value = Acknowledge;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(r#""local", "one", "majority", "all", "first" or a number of backups"#)
            }

            fn visit_str<E: de::Error>(self, name: &str) -> Result<Acknowledge, E> {
                match name {
                    "local" => Ok(Acknowledge::Local),
                    "one" => Ok(Acknowledge::One),
                    "majority" => Ok(Acknowledge::Majority),
                    "all" => Ok(Acknowledge::All),
                    "first" => Ok(Acknowledge::First),
                    other => Err(E::invalid_value(de::Unexpected::Str(other), &self)),
                }
            }

            fn visit_u64<E: de::Error>(self, count: u64) -> Result<Acknowledge, E> {
                let count = u32::try_from(count);
                count.map(Acknowledge::Backups).map_err(|_| E::custom("a count of backups has at most 32 bits"))
            }

            fn visit_i64<E: de::Error>(self, count: i64) -> Result<Acknowledge, E> {
                match u64::try_from(count) {
                    Ok(count) => self.visit_u64(count),
                    Err(_) => Err(E::invalid_value(de::Unexpected::Signed(count), &self)),
                }
            }
        }

        deserializer.deserialize_any(NameOrCount)
    }
}

#[cfg(feature = "cli")]
impl schemars::JsonSchema for Acknowledge {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Acknowledge".into()
    }
    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({
            "description": "How many backups must hold a write before it is acknowledged.",
            "anyOf": [
                { "enum": ["local", "one", "majority", "all", "first"] },
                { "type": "integer", "minimum": 0, "maximum": u32::MAX }
            ]
        })
    }
}
