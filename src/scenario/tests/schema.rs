//! The schema knows what the reader knows.

use serde_json::Value;

use super::WHOLE;
use crate::registry::{PRESETS, PROTOCOLS};
use crate::scenario::{design, read, schema};

/// The schema that a reference stands for.
fn follow<'a>(root: &'a Value, schema: &'a Value) -> &'a Value {
    let options = schema.get("anyOf").and_then(Value::as_array);
    let inner = schema.get("$ref").and_then(Value::as_str).map(|path| root.pointer(&path[1..]).unwrap());
    inner.or_else(|| options.filter(|o| o.len() == 1).map(|o| &o[0])).map_or(schema, |inner| follow(root, inner))
}

/// Whether some schema that may stand here knows the table's keys, and those within.
fn knows(root: &Value, schema: &Value, value: &toml::Value) -> bool {
    let schema = follow(root, schema);
    for several in ["anyOf", "oneOf"] {
        if let Some(options) = schema.get(several).and_then(Value::as_array) {
            return options.iter().any(|option| knows(root, option, value));
        }
    }
    match value {
        toml::Value::Table(table) => table.iter().all(|(key, value)| {
            let known = schema.get("properties").and_then(|properties| properties.get(key));
            let pattern = schema.get("patternProperties").and_then(Value::as_object);
            let pattern = pattern.filter(|_| key.contains('/')).and_then(|patterns| patterns.values().next());
            let other = schema.get("additionalProperties").filter(|other| other.is_object());
            known.or(pattern).or(other).is_some_and(|schema| knows(root, schema, value))
        }),
        toml::Value::Array(list) => match schema.get("items") {
            Some(items) if items.is_object() => list.iter().all(|value| knows(root, items, value)),
            _ => schema.get("type").is_some_and(|kind| kind == "array"),
        },
        _ => schema.get("type").is_none_or(|kind| kind != "object" && kind != "array"),
    }
}

#[test]
fn it_has_every_key_that_the_reader_knows() {
    let schema = schema();
    assert_eq!(schema["$schema"], "https://json-schema.org/draft/2020-12/schema");
    assert_eq!(schema["additionalProperties"], false);
    let keys: Vec<&str> = schema["properties"].as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(keys, read::TOP);
    let whole: toml::Value = toml::from_str(WHOLE).unwrap();
    for (key, value) in whole.as_table().unwrap() {
        assert!(knows(&schema, &schema["properties"][key], value), "{key}");
    }
    let wrong = toml::toml! { kys = 1 };
    assert!(!knows(&schema, &schema["properties"]["workload"], &toml::Value::Table(wrong)));
}

#[test]
fn it_has_every_protocol_with_its_options() {
    let schema = schema();
    let designs = schema["properties"]["design"]["additionalProperties"]["oneOf"].as_array().unwrap();
    assert_eq!(designs.len(), PROTOCOLS.len() + PRESETS.len());
    for (schema, preset) in designs[PROTOCOLS.len()..].iter().zip(&PRESETS) {
        assert_eq!(schema["properties"]["protocol"]["const"], preset.name);
        let of = designs.iter().find(|design| design["title"] == preset.protocol).unwrap();
        let keys = |schema: &Value| schema["properties"].as_object().unwrap().keys().cloned().collect::<Vec<_>>();
        assert_eq!(keys(schema), keys(of), "{}", preset.name);
    }
    for (schema, entry) in designs.iter().zip(&PROTOCOLS) {
        assert_eq!(schema["properties"]["protocol"]["const"], entry.about.name);
        assert!(design::COMMON.iter().all(|key| schema["properties"].get(key).is_some()));
        assert_eq!(schema["additionalProperties"], false);
        for (option, schema) in schema["properties"].as_object().unwrap() {
            let is_told = schema.get("description").is_some() || schema.get("$ref").is_some();
            assert!(is_told, "{} says nothing of `{option}`", entry.about.name);
        }
    }
    let lww = designs.iter().find(|design| design["title"] == "last-writer-wins").unwrap();
    assert_eq!(lww["properties"]["gossip-every"]["$ref"], "#/$defs/Duration");
}

#[test]
fn every_reference_leads_somewhere_and_nothing_is_null() {
    fn walk(root: &Value, value: &Value) {
        match value {
            Value::Object(object) => {
                if let Some(path) = object.get("$ref").and_then(Value::as_str) {
                    assert!(root.pointer(&path[1..]).is_some(), "{path}");
                }
                object.values().for_each(|value| walk(root, value));
            }
            Value::Array(list) => list.iter().for_each(|value| walk(root, value)),
            other => assert!(*other != Value::Null && other != "null"),
        }
    }
    let schema = schema();
    walk(&schema, &schema);
}
