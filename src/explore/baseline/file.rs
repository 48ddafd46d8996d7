//! A baseline's file: JSON of which each line is one thing, so that a reviewer sees what moved.
//!
//! Numbers are written with the fewest digits that read back to the same bits. Next: `paired.rs`.

use std::collections::BTreeMap;
use std::fmt;
use std::marker::PhantomData;

use serde::de::{Error as _, MapAccess, Visitor};
use serde::ser::SerializeMap;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;

use super::{Baseline, DesignBaseline, Misses};
use crate::scenario::Fingerprint;
use crate::trace::Digest;

/// The number of this form of the file. A file with another one is not read.
pub const SCHEMA: u32 = 1;

/// The longest object that is written on one line.
const LINE: usize = 100;

/// What is wrong with a baseline's file, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BaselineError {
    /// The line, from 1.
    pub line: usize,
    /// The column, from 1.
    pub column: usize,
    /// What is wrong.
    pub message: String,
}

impl fmt::Display for BaselineError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.line, self.column, self.message)
    }
}

impl std::error::Error for BaselineError {}

impl From<serde_json::Error> for BaselineError {
    fn from(error: serde_json::Error) -> BaselineError {
        let whole = error.to_string();
        let message = whole.rsplit_once(" at line ").map_or(&*whole, |(message, _)| message).to_string();
        BaselineError { line: error.line().max(1), column: error.column().max(1), message }
    }
}

impl Baseline {
    /// The file's text.
    pub fn to_json(&self) -> String {
        let world = self.fingerprint.world.iter().map(|(table, digest)| (table.clone(), Hex(*digest))).collect();
        let design = |design: &DesignBaseline| (design.name.clone(), written(design, &self.fingerprint));
        let written = Written {
            schema: SCHEMA,
            version: self.version.clone(),
            scenario: self.scenario.clone(),
            seeds: self.seeds.clone(),
            world: Ordered(world),
            designs: Ordered(self.designs.iter().map(design).collect()),
        };
        let value = serde_json::to_value(written).expect("names and finite numbers are JSON");
        let mut text = String::new();
        pretty(&value, 0, &mut text);
        text + "\n"
    }

    /// Reads a file's text.
    ///
    /// # Errors
    /// Where it is no baseline, is one of another form, or does not agree with itself.
    pub fn from_json(text: &str) -> Result<Baseline, BaselineError> {
        let Header { schema } = serde_json::from_str(text)?;
        if schema != SCHEMA {
            let (line, column) = place_of(text, &["schema"]);
            let message = format!("this baseline has the form {schema}, and this riftzone reads form {SCHEMA}");
            return Err(BaselineError { line, column, message });
        }
        let written: Written = serde_json::from_str(text)?;
        agrees(&written).map_err(|(path, message)| {
            let (line, column) = place_of(text, &path);
            BaselineError { line, column, message }
        })?;
        let designs = &written.designs.0;
        let fingerprint = Fingerprint {
            world: written.world.0.into_iter().map(|(table, Hex(digest))| (table, digest)).collect(),
            designs: designs.iter().map(|(name, design)| (name.clone(), design.written.0)).collect(),
        };
        let designs = written.designs.0.into_iter().map(read).collect();
        Ok(Baseline {
            version: written.version,
            scenario: written.scenario,
            fingerprint,
            seeds: written.seeds,
            designs,
        })
    }
}

/// What is read first: whether the rest can be.
#[derive(Deserialize)]
struct Header {
    schema: u32,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    schema: u32,
    version: String,
    scenario: String,
    seeds: Vec<u64>,
    world: Ordered<Hex>,
    designs: Ordered<WrittenDesign>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenDesign {
    protocol: String,
    written: Hex,
    expectations: Ordered<bool>,
    verdicts: Ordered<WrittenMisses>,
    broken_claims: Ordered<Vec<u64>>,
    broken_invariants: Ordered<Vec<u64>>,
    void_seeds: Vec<u64>,
    digests: Vec<Hex>,
    metrics: Ordered<Vec<f64>>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenMisses {
    fail: Vec<u64>,
    inconclusive: Vec<u64>,
}

fn written(design: &DesignBaseline, fingerprint: &Fingerprint) -> WrittenDesign {
    let misses = |of: &Misses| WrittenMisses { fail: of.fail.clone(), inconclusive: of.inconclusive.clone() };
    WrittenDesign {
        protocol: design.protocol.clone(),
        written: Hex(fingerprint.designs.get(&design.name).copied().unwrap_or(Digest::EMPTY)),
        expectations: Ordered(design.expectations.clone()),
        verdicts: Ordered(design.verdicts.iter().map(|(name, of)| (name.clone(), misses(of))).collect()),
        broken_claims: Ordered(design.broken_claims.clone()),
        broken_invariants: Ordered(design.breaches.clone()),
        void_seeds: design.void_seeds.clone(),
        digests: design.digests.iter().copied().map(Hex).collect(),
        metrics: Ordered(design.metrics.clone()),
    }
}

fn read((name, design): (String, WrittenDesign)) -> DesignBaseline {
    let misses = |of: WrittenMisses| Misses { fail: of.fail, inconclusive: of.inconclusive };
    DesignBaseline {
        name,
        protocol: design.protocol,
        digests: design.digests.into_iter().map(|Hex(digest)| digest).collect(),
        metrics: design.metrics.0,
        verdicts: design.verdicts.0.into_iter().map(|(name, of)| (name, misses(of))).collect(),
        expectations: design.expectations.0,
        broken_claims: design.broken_claims.0,
        breaches: design.broken_invariants.0,
        void_seeds: design.void_seeds,
    }
}

/// Whether there is a value for each seed, and no word of another seed. Else where it is not so, as keys from the outermost.
fn agrees(written: &Written) -> Result<(), (Vec<&str>, String)> {
    let seeds = &written.seeds;
    if seeds.is_empty() {
        return Err((vec!["seeds"], "a baseline has at least one seed".into()));
    }
    if let Some(pair) = seeds.windows(2).find(|pair| pair[0] >= pair[1]) {
        return Err((
            vec!["seeds"],
            format!("seeds are in order, each once, and {} comes before {}", pair[0], pair[1]),
        ));
    }
    for (name, design) in &written.designs.0 {
        let path =
            |keys: &[&'static str]| ["designs", name.as_str()].iter().chain(keys).copied().collect::<Vec<&str>>();
        let counted = |count: usize, what: &str| {
            let wrong = format!("there are {} seeds, and {count} {what}", seeds.len());
            if count == seeds.len() { Ok(()) } else { Err(wrong) }
        };
        counted(design.digests.len(), "digests").map_err(|why| (path(&["digests"]), why))?;
        for (metric, values) in &design.metrics.0 {
            counted(values.len(), "values").map_err(|why| ([path(&["metrics"]), vec![metric]].concat(), why))?;
        }
        let known = |list: &[u64]| match list.iter().find(|seed| seeds.binary_search(seed).is_err()) {
            Some(seed) => Err(format!("seed {seed} is not among the seeds of this baseline")),
            None => Ok(()),
        };
        known(&design.void_seeds).map_err(|why| (path(&["void_seeds"]), why))?;
        for (verdict, misses) in &design.verdicts.0 {
            let both = known(&misses.fail).and_then(|()| known(&misses.inconclusive));
            both.map_err(|why| ([path(&["verdicts"]), vec![verdict]].concat(), why))?;
        }
        for (key, lists) in [("broken_claims", &design.broken_claims), ("broken_invariants", &design.broken_invariants)]
        {
            for (what, list) in &lists.0 {
                known(list).map_err(|why| ([path(&[key]), vec![what]].concat(), why))?;
            }
        }
    }
    Ok(())
}

/// Line and column of the innermost of these keys, each looked for behind the one before it.
fn place_of(text: &str, path: &[&str]) -> (usize, usize) {
    let mut at = 0;
    for key in path {
        let quoted = Value::from(*key).to_string();
        let colon = |found: &usize| text[found + quoted.len()..].trim_start().starts_with(':');
        let place = text[at..].match_indices(&quoted).map(|(found, _)| at + found).find(colon);
        at = place.unwrap_or(at);
    }
    let before = &text[..at];
    let column = before.rsplit('\n').next().map_or(0, |line| line.chars().count()) + 1;
    (before.matches('\n').count() + 1, column)
}

/// An object that is short and has none inside is on one line, and so is an array; else each key has its own.
fn pretty(value: &Value, indent: usize, text: &mut String) {
    let line = value.to_string();
    let Value::Object(object) = value else { return text.push_str(&line) };
    if line.len() <= LINE && !object.values().any(Value::is_object) {
        return text.push_str(&line);
    }
    text.push_str("{\n");
    for (place, (key, value)) in object.iter().enumerate() {
        text.push_str(&format!("{}{}: ", " ".repeat(indent + 1), Value::from(key.as_str())));
        pretty(value, indent + 1, text);
        text.push_str(if place + 1 < object.len() { ",\n" } else { "\n" });
    }
    text.push_str(&format!("{}}}", " ".repeat(indent)));
}

/// A digest in sixteen hexadecimal digits.
struct Hex(Digest);

impl Serialize for Hex {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Hex {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Hex, D::Error> {
        let text = String::deserialize(deserializer)?;
        let is_whole = text.len() == 16 && text.chars().all(|c| c.is_ascii_hexdigit());
        let digest = if is_whole { text.parse().ok() } else { None };
        digest.map(Hex).ok_or_else(|| D::Error::custom(format!("`{text}` is not a digest: 16 hexadecimal digits")))
    }
}

/// An object whose keys are names and keep their order; no name is there twice.
struct Ordered<T>(Vec<(String, T)>);

impl<T: Serialize> Serialize for Ordered<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        self.0.iter().try_for_each(|(key, value)| map.serialize_entry(key, value))?;
        map.end()
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Ordered<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Ordered<T>, D::Error> {
        struct Entries<T>(PhantomData<T>);

        impl<'de, T: Deserialize<'de>> Visitor<'de> for Entries<T> {
            type Value = Ordered<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Ordered<T>, A::Error> {
                let mut known: BTreeMap<String, ()> = BTreeMap::new();
                let mut entries = Vec::new();
                while let Some(key) = map.next_key::<String>()? {
                    if known.insert(key.clone(), ()).is_some() {
                        return Err(A::Error::custom(format!("`{key}` is there twice")));
                    }
                    entries.push((key, map.next_value()?));
                }
                Ok(Ordered(entries))
            }
        }

        deserializer.deserialize_map(Entries(PhantomData))
    }
}
