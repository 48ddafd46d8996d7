//! The zoo: every protocol in a line, and a page for each.

use serde_json::{Value, json};

use crate::protocol::Claim;
use crate::registry::{Entry, Preset};
use crate::trace::FaultKind;

use super::paint::{Paint, Style};
use super::table::{Align, Cell, Table, width, wrap};

const COLUMNS: usize = 110;

/// Every protocol: its name and its idea.
pub fn list(protocols: &[Entry], paint: Paint) -> String {
    let widest = protocols.iter().map(|entry| width(entry.about.name)).max().unwrap_or(0);
    let mut text = String::new();
    for entry in protocols {
        let idea = wrap(entry.about.idea, &" ".repeat(widest + 3), COLUMNS);
        let name = paint.paint(Style::Strong, format_args!("{:<widest$}", entry.about.name));
        text.push_str(&format!("{name}   {}", idea.trim_start()));
    }
    text
}

/// Every preset: its name, its protocol and its idea.
pub fn presets(presets: &[Preset], paint: Paint) -> String {
    let widest = presets.iter().map(|preset| width(preset.name)).max().unwrap_or(0);
    let mut text = format!("\n{}\n", paint.paint(Style::Strong, "presets"));
    for preset in presets {
        let idea = wrap(preset.idea, &" ".repeat(widest + 5), COLUMNS);
        let name = paint.paint(Style::Strong, format_args!("{:<widest$}", preset.name));
        text.push_str(&format!("  {name}   {}", idea.trim_start()));
    }
    text
}

/// A preset's page.
pub fn preset_page(preset: &Preset, paint: Paint) -> String {
    let mut text = format!("{}\n{}", paint.paint(Style::Strong, preset.name), wrap(preset.idea, "  ", COLUMNS));
    let mut section = |name: &str, body: String| {
        text.push_str(&format!("\n{}\n{body}", paint.paint(Style::Strong, name)));
    };
    section("protocol", format!("  {}\n", preset.protocol));
    let options: String = preset.options.lines().map(|line| format!("  {line}\n")).collect();
    section("options", if options.is_empty() { "  the protocol's defaults\n".into() } else { options });
    section("source", wrap(preset.source, "  ", COLUMNS));
    section("assumed", preset.assumed.iter().map(|line| wrap(line, "  ", COLUMNS)).collect());
    text
}

/// A preset's page, as JSON.
pub fn preset_json(preset: &Preset) -> Value {
    json!({
        "name": preset.name, "protocol": preset.protocol, "options": preset.options, "idea": preset.idea,
        "source": preset.source, "assumed": preset.assumed,
    })
}

/// A protocol's page.
pub fn page(entry: &Entry, paint: Paint) -> String {
    let about = entry.about;
    let mut text = format!("{}\n{}", paint.paint(Style::Strong, about.name), wrap(about.idea, "  ", COLUMNS));
    let mut section = |name: &str, body: String| {
        text.push_str(&format!("\n{}\n{body}", paint.paint(Style::Strong, name)));
    };
    section("claims", claims(entry, paint));
    section("does not claim", wrap(about.does_not_claim, "  ", COLUMNS));
    section("cost", wrap(about.cost, "  ", COLUMNS));
    section("options", described(entry, paint));
    section("source", wrap(about.source, "  ", COLUMNS));
    section("at its worst", format!("  {}\n", about.worst));
    text
}

/// Every protocol and every preset, as JSON.
pub fn list_json(protocols: &[Entry], presets: &[Preset]) -> Value {
    let entry = |entry: &Entry| json!({ "name": entry.about.name, "idea": entry.about.idea });
    let preset = |preset: &Preset| json!({ "name": preset.name, "idea": preset.idea, "protocol": preset.protocol });
    protocols.iter().map(entry).chain(presets.iter().map(preset)).collect()
}

/// A protocol's page, as JSON. The options have their JSON Schema.
pub fn page_json(entry: &Entry) -> Value {
    let about = entry.about;
    let claim = |claim: &Claim| {
        let under: Vec<&str> = claim.faults().map(FaultKind::name).collect();
        json!({ "level": claim.guarantee.name(), "under": under })
    };
    json!({
        "name": about.name, "idea": about.idea, "does_not_claim": about.does_not_claim, "cost": about.cost,
        "source": about.source, "worst": about.worst,
        "claims": entry.defaults().claims().iter().map(claim).collect::<Value>(),
        "options": options(entry).into_iter().map(option_json).collect::<Value>(),
        "schema": schema(entry),
    })
}

fn option_json(option: OptionPage) -> Value {
    let OptionPage { name, kind, default, about } = option;
    json!({ "name": name, "type": kind, "default": default, "about": about })
}

fn claims(entry: &Entry, paint: Paint) -> String {
    let claims = entry.defaults().claims();
    if claims.is_empty() {
        return "  nothing\n".into();
    }
    let first = paint.paint(Style::Faint, "  with every option at its default\n");
    let mut table = Table::new(2, [Align::Left, Align::Left]);
    let widest = claims.iter().map(|claim| width(claim.guarantee.name())).max().unwrap_or(0);
    for claim in claims {
        let mut name = claim.guarantee.name();
        for line in wrap(&under(&claim), "", COLUMNS - widest - 5).lines() {
            table.row([std::mem::take(&mut name).into(), Cell::new(Style::Faint, line.to_string())]);
        }
    }
    format!("{first}{}", table.render(paint))
}

/// Under which faults a claim is made: the shorter list of those that it names and those that it leaves out.
fn under(claim: &Claim) -> String {
    let names = |kinds: Vec<FaultKind>| kinds.iter().map(|kind| kind.name()).collect::<Vec<_>>().join(", ");
    let (covered, not): (Vec<_>, Vec<_>) =
        Claim::ANY_FAULT.iter().filter(|kind| *kind != FaultKind::Heal).partition(|kind| claim.covers(*kind));
    match (covered.len(), not.len()) {
        (0, _) => "where nothing fails".into(),
        (_, 0) => "under any fault".into(),
        (yes, no) if no < yes => format!("under any fault but {}", names(not)),
        _ => format!("under {}", names(covered)),
    }
}

fn described(entry: &Entry, paint: Paint) -> String {
    let options = options(entry);
    if options.is_empty() {
        return "  none\n".into();
    }
    let page = |option: &OptionPage| {
        let default = option.default.as_ref().map_or(String::new(), |default| format!(", by default {default}"));
        let kind = paint.paint(Style::Faint, format_args!("{}{default}", option.kind));
        format!("  {}   {kind}\n{}", option.name, wrap(&option.about, "    ", COLUMNS))
    };
    options.iter().map(page).collect()
}

/// One option of a protocol, in words.
struct OptionPage {
    name: String,
    kind: String,
    default: Option<String>,
    about: String,
}

/// The JSON Schema of a protocol's options, whole in itself.
fn schema(entry: &Entry) -> Value {
    let settings =
        schemars::generate::SchemaSettings::draft2020_12().with(|settings| settings.inline_subschemas = true);
    (entry.schema)(&mut settings.into_generator()).to_value()
}

fn options(entry: &Entry) -> Vec<OptionPage> {
    let schema = schema(entry);
    let defaults = fields(&format!("{:?}", entry.defaults()));
    let Some(properties) = schema["properties"].as_object() else { return Vec::new() };
    let page = |(name, schema): (&String, &Value)| {
        let field = name.replace('-', "_");
        let about = schema["description"].as_str().unwrap_or("").split_whitespace().collect::<Vec<_>>().join(" ");
        let kind = kind(schema);
        // `None` is an option that is left out, unless it is a word of the option's own.
        let default = defaults.iter().find(|(of, _)| *of == field).map(|(_, value)| value.clone());
        let default = default.filter(|default| default != NOTHING || kind.split(" or ").any(|word| word == "\"none\""));
        let about = default.as_ref().map_or(&*about, |default| without_default(&about, default)).into();
        OptionPage { name: name.clone(), kind, default, about }
    };
    properties.iter().map(page).collect()
}

/// A type in words. What a schema says in several ways is joined by `or`.
fn kind(schema: &Value) -> String {
    let join = |kinds: &mut dyn Iterator<Item = String>| {
        let mut words: Vec<String> = Vec::new();
        for word in kinds.filter(|word| !words_of_nothing(word)) {
            if !words.contains(&word) {
                words.push(word);
            }
        }
        words.join(" or ")
    };
    if let Some(value) = schema.get("const") {
        return value.to_string();
    }
    if let Some(values) = schema["enum"].as_array() {
        return join(&mut values.iter().map(ToString::to_string));
    }
    if let Some(ways) = schema["anyOf"].as_array().or(schema["oneOf"].as_array()) {
        return join(&mut ways.iter().map(kind));
    }
    match &schema["type"] {
        Value::String(name) if name == "array" => format!("list of {}", kind(&schema["items"])),
        Value::String(name) if name == "object" => "table".into(),
        Value::String(name) => name.clone(),
        Value::Array(names) => join(&mut names.iter().filter_map(|name| Some(name.as_str()?.to_string()))),
        _ => "any".into(),
    }
}

/// TOML has no null: an option that may be one may be left out.
fn words_of_nothing(word: &str) -> bool {
    word == "null"
}

/// A description without its last sentence, where that only tells the default.
fn without_default<'a>(about: &'a str, default: &str) -> &'a str {
    match about.rsplit_once(" Default: ") {
        Some((rest, tail)) if tail.trim_matches(['`', '"', '.']) == default.trim_matches('"') => rest,
        _ => about,
    }
}

/// What an absent value reads as.
const NOTHING: &str = "none";

/// The fields of a struct in its derived `Debug` form: name and value. An absent value (`None`) is [`NOTHING`].
fn fields(debug: &str) -> Vec<(String, String)> {
    let Some((_, body)) = debug.split_once('{') else { return Vec::new() };
    let body = body.trim_end().trim_end_matches('}');
    let (mut depth, mut in_text, mut parts) = (0_i32, false, vec![String::new()]);
    for c in body.chars() {
        match c {
            '"' => in_text = !in_text,
            '{' | '(' | '[' if !in_text => depth += 1,
            '}' | ')' | ']' if !in_text => depth -= 1,
            ',' if depth == 0 && !in_text => {
                parts.push(String::new());
                continue;
            }
            _ => {}
        }
        parts.last_mut().expect("there is one").push(c);
    }
    let field = |part: &String| {
        let (name, value) = part.split_once(": ")?;
        let value = value.trim();
        let value = value.strip_prefix("Some(").and_then(|inner| inner.strip_suffix(')')).unwrap_or(value);
        Some((name.trim().to_string(), in_a_file(value)))
    };
    parts.iter().filter_map(field).collect()
}

/// A unit variant (`Majority`) or a struct as scenario files write it; anything else as it is.
fn in_a_file(value: &str) -> String {
    if value.ends_with('}') && value.starts_with(|c: char| c.is_ascii_uppercase()) {
        let said = fields(value).into_iter().filter(|(_, value)| value != NOTHING);
        let said: Vec<String> = said.map(|(name, value)| format!("{} = {value}", name.replace('_', "-"))).collect();
        return format!("{{ {} }}", said.join(", "));
    }
    let is_variant = value.starts_with(|c: char| c.is_ascii_uppercase()) && value.chars().all(char::is_alphanumeric);
    if !is_variant {
        return value.into();
    }
    let mut word = String::new();
    for c in value.chars() {
        if c.is_ascii_uppercase() && !word.is_empty() {
            word.push('-');
        }
        word.extend(c.to_lowercase());
    }
    word
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::registry::PROTOCOLS;

    #[test]
    fn defaults_are_read_from_their_debug_form() {
        let debug = r#"Options { every: 1s, name: Some("a, b"), way: BestEffort, pair: Pair { a: 1, b_c: 2s, none: None }, none: None }"#;
        let expected = [
            ("every", "1s"),
            ("name", "\"a, b\""),
            ("way", "best-effort"),
            ("pair", "{ a = 1, b-c = 2s }"),
            ("none", NOTHING),
        ];
        assert_eq!(fields(debug), expected.map(|(name, value)| (name.to_string(), value.to_string())));
        assert_eq!(fields("Options"), []);
    }

    #[test]
    fn a_description_does_not_tell_the_default_twice() {
        assert_eq!(without_default("How often. Default: `\"1s\"`.", "1s"), "How often.");
        assert_eq!(without_default("How often. Default: 1s.", "1s"), "How often.");
        assert_eq!(without_default("How often. Default: `a`, or `b`.", "a"), "How often. Default: `a`, or `b`.");
    }

    #[test]
    fn every_protocol_has_a_page_with_all_its_options() {
        for entry in &PROTOCOLS {
            let options = options(entry);
            assert!(options.iter().all(|option| !option.about.is_empty() && option.kind != "any"), "{entry:?}");
            let page = page(entry, Paint::Off);
            let fencing = options.iter().find(|option| option.name == "fencing");
            assert!(fencing.is_none_or(|option| option.default.as_deref() == Some("none")), "{page}");
            let primary = options.iter().find(|option| option.name == "primary");
            assert!(primary.is_none_or(|option| option.default.is_none()), "{page}");
            assert!(page.lines().all(|line| width(line) <= COLUMNS + 10), "{page}");
        }
    }
}
