//! Data as history files have it: [`Datum`], of EDN and of JSON alike. Next: `edn.rs`.

use std::fmt;

use serde_json::Value as Json;

/// A piece of data.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Datum {
    /// Nothing: `nil` or `null`.
    Nil,
    /// True or false.
    Bool(bool),
    /// A whole number.
    Int(i128),
    /// Another number, as it is written: no decision is made on it but whether it is the same.
    Number(String),
    /// A string.
    Text(String),
    /// A keyword, without its colon.
    Keyword(String),
    /// A symbol or a character, as it is written.
    Symbol(String),
    /// `(...)`
    List(Vec<Datum>),
    /// `[...]`
    Vector(Vec<Datum>),
    /// `#{...}`
    Set(Vec<Datum>),
    /// `{...}`, in the order of the text.
    Map(Vec<(Datum, Datum)>),
    /// `#tag ...`
    Tagged(String, Box<Datum>),
}

impl Datum {
    /// What a map has under this keyword or string.
    pub fn get(&self, key: &str) -> Option<&Datum> {
        let Datum::Map(entries) = self.untagged() else { return None };
        let is_key = |datum: &Datum| matches!(datum, Datum::Keyword(name) | Datum::Text(name) if name == key);
        entries.iter().find(|(name, _)| is_key(name)).map(|(_, value)| value)
    }

    /// The datum without its tags.
    pub fn untagged(&self) -> &Datum {
        let mut datum = self;
        while let Datum::Tagged(_, inner) = datum {
            datum = inner;
        }
        datum
    }

    /// The parts of a list, a vector or a set.
    pub fn parts(&self) -> Option<&[Datum]> {
        match self.untagged() {
            Datum::List(parts) | Datum::Vector(parts) | Datum::Set(parts) => Some(parts),
            _ => None,
        }
    }

    /// The two parts of a sequence of two.
    pub fn pair(&self) -> Option<(&Datum, &Datum)> {
        match self.untagged() {
            Datum::List(parts) | Datum::Vector(parts) if parts.len() == 2 => Some((&parts[0], &parts[1])),
            _ => None,
        }
    }

    /// A name: of a keyword, a string or a symbol.
    pub fn name(&self) -> Option<&str> {
        match self {
            Datum::Keyword(name) | Datum::Text(name) | Datum::Symbol(name) => Some(name),
            _ => None,
        }
    }

    /// A whole number that is not negative.
    pub fn natural(&self) -> Option<u64> {
        match self {
            Datum::Int(number) => u64::try_from(*number).ok(),
            _ => None,
        }
    }

    /// From JSON. Objects are maps with strings for keys.
    pub fn from_json(json: &Json) -> Datum {
        match json {
            Json::Null => Datum::Nil,
            Json::Bool(is) => Datum::Bool(*is),
            Json::Number(number) => match (number.as_i64(), number.as_u64()) {
                (Some(number), _) => Datum::Int(number.into()),
                (_, Some(number)) => Datum::Int(number.into()),
                _ => Datum::Number(number.to_string()),
            },
            Json::String(text) => Datum::Text(text.clone()),
            Json::Array(parts) => Datum::Vector(parts.iter().map(Datum::from_json).collect()),
            Json::Object(entries) => {
                let entry = |(key, value): (&String, &Json)| (Datum::Text(key.clone()), Datum::from_json(value));
                Datum::Map(entries.iter().map(entry).collect())
            }
        }
    }

    /// As JSON: keywords and symbols are strings, sets are arrays, a tag is left out, and a key that is no string is
    /// written as one.
    pub fn to_json(&self) -> Json {
        let all = |parts: &[Datum]| parts.iter().map(Datum::to_json).collect();
        match self {
            Datum::Nil => Json::Null,
            Datum::Bool(is) => (*is).into(),
            Datum::Int(number) => match (i64::try_from(*number), u64::try_from(*number)) {
                (Ok(number), _) => number.into(),
                (_, Ok(number)) => number.into(),
                _ => number.to_string().into(),
            },
            Datum::Number(text) => text.parse::<f64>().map_or_else(|_| text.clone().into(), Json::from),
            Datum::Text(text) | Datum::Keyword(text) | Datum::Symbol(text) => text.clone().into(),
            Datum::List(parts) | Datum::Vector(parts) | Datum::Set(parts) => all(parts),
            Datum::Map(entries) => {
                let entry = |(key, value): &(Datum, Datum)| {
                    (key.name().map_or_else(|| key.to_string(), str::to_string), value.to_json())
                };
                Json::Object(entries.iter().map(entry).collect())
            }
            Datum::Tagged(_, inner) => inner.to_json(),
        }
    }
}

impl fmt::Display for Datum {
    /// As EDN.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let between = |f: &mut fmt::Formatter<'_>, open: &str, parts: &[Datum], close: &str| {
            f.write_str(open)?;
            for (place, part) in parts.iter().enumerate() {
                f.write_str(if place == 0 { "" } else { " " })?;
                part.fmt(f)?;
            }
            f.write_str(close)
        };
        match self {
            Datum::Nil => f.write_str("nil"),
            Datum::Bool(is) => is.fmt(f),
            Datum::Int(number) => number.fmt(f),
            Datum::Number(text) | Datum::Symbol(text) => f.write_str(text),
            Datum::Text(text) => quoted(f, text),
            Datum::Keyword(name) => write!(f, ":{name}"),
            Datum::List(parts) => between(f, "(", parts, ")"),
            Datum::Vector(parts) => between(f, "[", parts, "]"),
            Datum::Set(parts) => between(f, "#{", parts, "}"),
            Datum::Map(entries) => {
                f.write_str("{")?;
                for (place, (key, value)) in entries.iter().enumerate() {
                    write!(f, "{}{key} {value}", if place == 0 { "" } else { ", " })?;
                }
                f.write_str("}")
            }
            Datum::Tagged(tag, inner) => write!(f, "#{tag} {inner}"),
        }
    }
}

fn quoted(f: &mut fmt::Formatter<'_>, text: &str) -> fmt::Result {
    f.write_str("\"")?;
    for c in text.chars() {
        match c {
            '"' => f.write_str("\\\"")?,
            '\\' => f.write_str("\\\\")?,
            '\n' => f.write_str("\\n")?,
            '\r' => f.write_str("\\r")?,
            '\t' => f.write_str("\\t")?,
            c if c.is_control() && u32::from(c) < 0x1_0000 => write!(f, "\\u{:04x}", u32::from(c))?,
            c => write!(f, "{c}")?,
        }
    }
    f.write_str("\"")
}
