//! The JSON Schema of scenario files, for editors. What has types is derived from them; tables whose keys depend on
//! protocols and metrics are put together here.

use schemars::generate::SchemaSettings;
use schemars::{Schema, SchemaGenerator};
use serde_json::{Map, Value, json};

use super::budget::EVERY;
use super::disk::Disk;
use super::network::Transport;
use super::retry::RetryPolicy;
use super::service::Service;
use super::written::{Chaos, Fault, Head, Topology, Workload};
use super::{design, routing, stonith};
use crate::check::level::{COPIES, SINGLE};
use crate::explore::metric::METRICS;
use crate::protocol::Guarantee;
use crate::registry::{Entry, PRESETS, PROTOCOLS};

/// What `bounds.rs` reads, roughly: units are not checked against the metric.
const BOUND: &str =
    r"^\s*((>=|<=|>|<|=)?\s*[0-9.]+\s*[%a-zA-Zµ]*|[0-9.]+\s*[%a-zA-Zµ]*\s*\.\.\s*[0-9.]+\s*[%a-zA-Zµ]*)\s*$";

/// What `budget.rs` reads, roughly.
const ALLOWANCE: &str = r"^\s*[0-9.]+\s*[%a-zA-Zµ]*\s*$";

/// The JSON Schema (draft 2020-12) of scenario files, with the options of every protocol.
pub fn schema() -> Value {
    let mut generator = SchemaSettings::draft2020_12().for_deserialize().into_generator();
    let mut root = generator.root_schema_for::<Head>().to_value();
    let tables = [
        ("topology", generator.subschema_for::<Topology>().to_value()),
        ("disk", generator.subschema_for::<Disk>().to_value()),
        ("service", generator.subschema_for::<Service>().to_value()),
        ("transport", generator.subschema_for::<Transport>().to_value()),
        ("workload", generator.subschema_for::<Workload>().to_value()),
        (
            "fault",
            json!({ "type": "array", "items": generator.subschema_for::<Fault>(), "description": "What breaks." }),
        ),
        ("chaos", generator.subschema_for::<Chaos>().to_value()),
        ("routing", generator.subschema_for::<routing::Written>().to_value()),
        ("design", designs(&mut generator)),
        ("expect", expectations(&mut generator)),
        ("budget", budgets(&mut generator)),
    ];
    root["title"] = json!("a riftzone scenario");
    root["description"] = json!("A world of regions and clients, what breaks in it, and the designs that meet it.");
    root["properties"]
        .as_object_mut()
        .expect("a table has keys")
        .extend(tables.map(|(key, table)| (key.to_string(), table)));
    let required = root["required"].as_array_mut().expect("some keys are required");
    required.extend(["topology", "workload", "design"].map(Value::from));
    root["$defs"] = Value::Object(generator.take_definitions(true));
    without_null(&mut root);
    root
}

/// The table of designs: in each, the options of its protocol.
fn designs(generator: &mut SchemaGenerator) -> Value {
    let mut each: Vec<Value> = PROTOCOLS.iter().map(|entry| design(generator, entry)).collect();
    for preset in &PRESETS {
        // The options are those of its protocol, whose schema is among those made already.
        let of = |schema: &&Value| schema["title"] == preset.protocol;
        let mut schema = each.iter().find(of).expect("a preset is of a protocol").clone();
        schema["title"] = json!(preset.name);
        schema["description"] = json!(preset.idea);
        schema["properties"]["protocol"] = json!({ "const": preset.name, "description": preset.idea });
        each.push(schema);
    }
    let names = PROTOCOLS.iter().map(|entry| entry.about.name).chain(PRESETS.iter().map(|preset| preset.name));
    let names: Vec<&str> = names.collect();
    json!({
        "type": "object",
        "description": "The designs, by name: a protocol, where it runs, and its options.",
        "minProperties": 1,
        "additionalProperties": {
            "type": "object",
            "required": ["protocol"],
            "properties": { "protocol": { "enum": names } },
            "oneOf": each
        }
    })
}

fn design(generator: &mut SchemaGenerator, entry: &Entry) -> Value {
    let options = resolved((entry.schema)(generator), generator);
    let mut properties = common(generator, entry);
    if let Some(Value::Object(own)) = options.get("properties") {
        properties.extend(own.clone());
    }
    json!({
        "type": "object",
        "title": entry.about.name,
        "description": entry.about.idea,
        "properties": properties,
        "required": ["protocol"],
        "additionalProperties": false
    })
}

/// The keys of every design.
fn common(generator: &mut SchemaGenerator, entry: &Entry) -> Map<String, Value> {
    let mut describe = |key: &str| match key {
        "disk" => generator.subschema_for::<Disk>().to_value(),
        "service" => generator.subschema_for::<Service>().to_value(),
        "transport" => generator.subschema_for::<Transport>().to_value(),
        "retry" => generator.subschema_for::<RetryPolicy>().to_value(),
        "protocol" => json!({ "const": entry.about.name, "description": entry.about.idea }),
        "replicas" => json!({
            "type": "array", "items": { "type": "string" }, "minItems": 1,
            "description": "The regions that the design uses, in its order. Default: all."
        }),
        "groups" => json!({
            "type": "integer", "minimum": 1, "maximum": 65535,
            "description": "Replication groups, each with all nodes; key k is in group k mod groups. Default: 1."
        }),
        "routing" => generator.subschema_for::<routing::Written>().to_value(),
        "stonith" => generator.subschema_for::<stonith::Written>().to_value(),
        other => unreachable!("`{other}` has no description"),
    };
    design::COMMON.iter().map(|key| (key.to_string(), describe(key))).collect()
}

/// A schema in place of a reference to it; nothing else refers to it.
fn resolved(schema: Schema, generator: &mut SchemaGenerator) -> Value {
    let name = schema.get("$ref").and_then(Value::as_str).and_then(|path| path.rsplit('/').next());
    let definition = name.and_then(|name| generator.definitions_mut().shift_remove(name));
    definition.unwrap_or_else(|| schema.to_value())
}

/// The table of expectations: metrics, metrics of a region, guarantees, levels of consistency, and designs.
fn expectations(generator: &mut SchemaGenerator) -> Value {
    let mut all = expectation_keys(generator);
    let mut each = all.clone();
    each["additionalProperties"] = json!(false);
    each["description"] = json!("What is expected of one design.");
    all["additionalProperties"] = define(generator, "ExpectationsOfOne", each);
    all["description"] = json!("What is expected of every design; and by a design's name, of that one.");
    all
}

/// The table of budgets: metrics, metrics of a region, and designs.
fn budgets(generator: &mut SchemaGenerator) -> Value {
    let allowance = json!({
        "description": "How much worse than the baseline: a percentage of it such as \"2%\", or an amount such as \"5ms\" or 10.",
        "anyOf": [{ "type": "number", "minimum": 0 }, { "type": "string", "pattern": ALLOWANCE }]
    });
    let allowance = define(generator, "Allowance", allowance);
    let with = |about: &str| {
        let mut schema = allowance.clone();
        schema["description"] = json!(about);
        schema
    };
    let every = json!({
        "type": "string", "pattern": r"^\s*[0-9.]+\s*%\s*$",
        "description": "Of every metric of which nothing else is said: a percentage."
    });
    let metrics = METRICS.iter().map(|metric| (metric.name.to_string(), with(metric.about)));
    let properties: Map<String, Value> = std::iter::once((EVERY.to_string(), every)).chain(metrics).collect();
    let mut all = json!({
        "type": "object",
        "properties": properties,
        "patternProperties": { regional_names(): with("Of one region.") }
    });
    let mut each = all.clone();
    each["additionalProperties"] = json!(false);
    each["description"] = json!("How much worse than its baseline one design may become.");
    all["additionalProperties"] = define(generator, "BudgetOfOne", each);
    all["description"] =
        json!("How much worse than its baseline every design may become before `riftzone diff` fails.");
    all
}

/// Names of metrics with a region's.
fn regional_names() -> String {
    let names: Vec<&str> = METRICS.iter().map(|metric| metric.name).collect();
    format!("^({})/.+$", names.join("|"))
}

/// Gives a schema a name; a reference to it stands in its place.
fn define(generator: &mut SchemaGenerator, name: &str, schema: Value) -> Value {
    generator.definitions_mut().insert(name.to_string(), schema);
    json!({ "$ref": format!("#/$defs/{name}") })
}

fn expectation_keys(generator: &mut SchemaGenerator) -> Value {
    let bound = json!({
        "description": "A bound such as \">= 99%\", \"< 30s\", \"10..20\"; or a number, exactly.",
        "anyOf": [{ "type": "number", "minimum": 0 }, { "type": "string", "pattern": BOUND }]
    });
    let bound = define(generator, "Bound", bound);
    let number = json!({ "anyOf": [bound, over(&bound, &["every", "mean", "median", "min", "max", "some"])] });
    let number = define(generator, "Number", number);
    let verdict = json!({ "enum": ["pass", "fail"] });
    let verdict = json!({ "anyOf": [verdict, over(&verdict, &["every", "some"])] });
    let verdict = define(generator, "Verdict", verdict);
    let with = |schema: &Value, about: &str| {
        let mut schema = schema.clone();
        schema["description"] = json!(about);
        schema
    };
    let metrics = METRICS.iter().map(|metric| (metric.name.to_string(), with(&number, metric.about)));
    let guarantees = Guarantee::ALL.iter().flat_map(|guarantee| {
        let name = guarantee.name();
        let about = "The verdict that this guarantee gets.";
        [name.to_string(), name.replace('-', "_")].map(|name| (name, with(&verdict, about)))
    });
    let levels =
        SINGLE.into_iter().chain(COPIES).filter(|name| Guarantee::from_name(name).is_none()).flat_map(|name| {
            let about = "Whether runs meet this level of consistency.";
            [name.to_string(), name.replace('-', "_")].map(|name| (name, with(&verdict, about)))
        });
    let regional = regional_names();
    json!({
        "type": "object",
        "properties": metrics.chain(guarantees).chain(levels).collect::<Map<String, Value>>(),
        "patternProperties": {
            regional: with(&number, "Of one region."),
            r"^bounded[-_]staleness:[0-9.]+\s*[a-zµ]+$": with(&verdict, "Whether reads are at most so stale."),
            r"^k[-_]atomic:[1-9][0-9]*$": with(&verdict, "Whether reads find one of the last so many versions.")
        }
    })
}

/// A table that says which of several seeds' values are meant.
fn over(schema: &Value, keys: &[&str]) -> Value {
    let properties: Map<String, Value> = keys.iter().map(|key| (key.to_string(), schema.clone())).collect();
    json!({ "type": "object", "properties": properties, "additionalProperties": false, "minProperties": 1 })
}

/// TOML has no null: an optional key is left out. A choice of one is no choice.
fn without_null(schema: &mut Value) {
    match schema {
        Value::Object(object) => {
            if object.get("default") == Some(&Value::Null) {
                object.shift_remove("default");
            }
            for key in ["type", "enum"] {
                if let Some(Value::Array(words)) = object.get_mut(key) {
                    words.retain(|word| !word.is_null() && word != "null");
                    if let ("type", [only]) = (key, &words[..]) {
                        let only = only.clone();
                        object.insert(key.to_string(), only);
                    }
                }
            }
            if let Some(Value::Array(mut options)) = object.shift_remove("anyOf") {
                options.retain(|option| option != &json!({ "type": "null" }));
                match (&mut options[..], object.contains_key("$ref")) {
                    ([Value::Object(only)], false) => object.extend(std::mem::take(only)),
                    _ => drop(object.insert("anyOf".to_string(), Value::Array(options))),
                }
            }
            object.values_mut().for_each(without_null);
        }
        Value::Array(list) => list.iter_mut().for_each(without_null),
        _ => {}
    }
}
