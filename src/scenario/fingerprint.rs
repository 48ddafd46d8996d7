//! What a scenario file says, in a few words: by which a baseline knows that it is of the same world.

use std::collections::BTreeMap;

use toml::de::{DeTable, DeValue};

use crate::rng::name_hash;
use crate::trace::Digest;

/// Keys that change no run.
const ASIDE: [&str; 8] = ["schema", "name", "lesson", "source", "assumed", "design", "expect", "budget"];

/// Digests of what a file says, table by table. Comments, the order of keys and what is only told or expected are no part
/// of it; a value that is written in another way (`60s` for `1min`) is another value.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Fingerprint {
    /// Of every key at the top of the file that runs depend on, but for the designs.
    pub world: BTreeMap<String, Digest>,
    /// Of every design.
    pub designs: BTreeMap<String, Digest>,
}

impl Fingerprint {
    pub(super) fn of(root: &DeTable<'_>) -> Fingerprint {
        let mut found = Fingerprint::default();
        for (key, value) in root {
            let key: &str = key.get_ref();
            match value.get_ref() {
                DeValue::Table(designs) if key == "design" => {
                    let each =
                        designs.iter().map(|(name, design)| (name.get_ref().to_string(), digest(design.get_ref())));
                    found.designs = each.collect();
                }
                value if !ASIDE.contains(&key) => drop(found.world.insert(key.to_string(), digest(value))),
                _ => {}
            }
        }
        found
    }
}

fn digest(value: &DeValue<'_>) -> Digest {
    let mut digest = Digest::EMPTY;
    mix(&mut digest, value);
    digest
}

/// Every value begins with a number of its kind, and what has parts with how many.
fn mix(digest: &mut Digest, value: &DeValue<'_>) {
    let mut words = |kind: u64, text: &str| {
        digest.mix(kind);
        digest.mix(name_hash(text));
    };
    match value {
        DeValue::String(text) => words(1, text),
        DeValue::Integer(number) => words(2 + (u64::from(number.radix()) << 8), number.as_str()),
        DeValue::Float(number) => words(3, number.as_str()),
        DeValue::Boolean(is) => words(4, if *is { "true" } else { "false" }),
        DeValue::Datetime(at) => words(5, &at.to_string()),
        DeValue::Array(list) => {
            digest.mix(6 + ((list.len() as u64) << 8));
            list.iter().for_each(|value| mix(digest, value.get_ref()));
        }
        DeValue::Table(table) => {
            let mut entries: Vec<(&str, &DeValue<'_>)> =
                table.iter().map(|(key, value)| (&**key.get_ref(), value.get_ref())).collect();
            entries.sort_unstable_by_key(|(key, _)| *key);
            digest.mix(7 + ((entries.len() as u64) << 8));
            for (key, value) in entries {
                digest.mix(name_hash(key));
                mix(digest, value);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> Fingerprint {
        Fingerprint::of(DeTable::parse(text).unwrap().get_ref())
    }

    #[test]
    fn only_what_runs_depend_on_counts() {
        let text =
            "name = 'a'\nduration = '1min'\n[disk]\nsync = '1ms'\n[design.x]\nprotocol = 'raft'\npeers = [1, 2]\n";
        let told = "# other\nduration = '1min'\nlesson = 'b'\nname = 'c'\n[design]\nx = { peers = [1,2], protocol = 'raft' }\n\
                    [expect]\nrto_s = 0\n[budget]\nrto_s = 1\n[disk]\nsync = '1ms'\n";
        assert_eq!(of(text), of(told));
        let keys: Vec<_> = of(text).world.into_keys().collect();
        assert_eq!(keys, ["disk", "duration"]);
    }

    #[test]
    fn what_changed_is_known_by_its_table() {
        let was = of("duration = '1min'\n[disk]\nsync = '1ms'\n[design.x]\npeers = [1, 2]\n[design.y]\n");
        let is = of("duration = '1min'\n[disk]\nsync = '2ms'\n[design.x]\npeers = [[1], 2]\n[design.y]\n");
        assert_ne!(was.world["disk"], is.world["disk"]);
        assert_eq!(was.world["duration"], is.world["duration"]);
        assert_ne!(was.designs["x"], is.designs["x"]);
        assert_eq!(was.designs["y"], is.designs["y"]);
    }
}
