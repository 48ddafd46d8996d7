//! A reader of EDN, the data format of Clojure (<https://github.com/edn-format/edn>).
//!
//! Commas are blanks, `;` begins a comment, `#_` hides the next datum, and tags are kept. It takes what real files have
//! beyond the format: ratios, namespaced maps, and any number of data one after another. It nests at most
//! [`DEPTH_MAX`] deep, so that no input can overflow the stack. Next: `jepsen.rs`.

use super::datum::Datum;
use super::error::Malformed;

/// How deep data may nest.
pub const DEPTH_MAX: usize = 100;

/// Reads data from a text, one after another.
#[derive(Clone, Debug)]
pub struct Reader<'a> {
    text: &'a str,
    /// The byte that is read next.
    at: usize,
}

impl<'a> Reader<'a> {
    /// From the beginning of this text.
    pub fn new(text: &'a str) -> Reader<'a> {
        Reader { text, at: 0 }
    }

    /// The byte at which the next datum begins, or the text ends.
    ///
    /// # Errors
    /// Where a hidden datum is malformed.
    pub fn position(&mut self) -> Result<usize, Malformed> {
        self.blanks(0)?;
        Ok(self.at)
    }

    /// The next datum; `None` at the end.
    ///
    /// # Errors
    /// Where it is malformed.
    pub fn read(&mut self) -> Result<Option<Datum>, Malformed> {
        self.datum(0)
    }

    /// Steps into a list, a vector or a set that begins here, to read its parts one by one.
    ///
    /// # Errors
    /// Where a hidden datum before it is malformed.
    pub fn enter(&mut self) -> Result<Option<char>, Malformed> {
        self.blanks(0)?;
        let closing = match self.peek() {
            Some('(') => ')',
            Some('[') => ']',
            _ => return Ok(None),
        };
        self.at += 1;
        Ok(Some(closing))
    }

    /// Steps over `closing`, if it is next.
    ///
    /// # Errors
    /// Where a hidden datum before it is malformed.
    pub fn leave(&mut self, closing: char) -> Result<bool, Malformed> {
        self.blanks(0)?;
        let is_there = self.peek() == Some(closing);
        if is_there {
            self.at += 1;
        }
        Ok(is_there)
    }

    fn peek(&self) -> Option<char> {
        self.text[self.at..].chars().next()
    }

    fn error<T>(&self, at: usize, why: impl Into<String>) -> Result<T, Malformed> {
        Err(Malformed::at(self.text, at, why))
    }

    /// Steps over blanks, comments and hidden data.
    fn blanks(&mut self, depth: usize) -> Result<(), Malformed> {
        while let Some(c) = self.peek() {
            if c == ',' || c.is_whitespace() || c == '\u{feff}' {
                self.at += c.len_utf8();
            } else if c == ';' {
                self.at += self.text[self.at..].find('\n').unwrap_or(self.text.len() - self.at);
            } else if self.text[self.at..].starts_with("#_") {
                let from = self.at;
                self.at += 2;
                if self.datum(depth + 1)?.is_none() {
                    return self.error(from, "`#_` hides nothing");
                }
            } else {
                break;
            }
        }
        Ok(())
    }

    fn datum(&mut self, depth: usize) -> Result<Option<Datum>, Malformed> {
        if depth > DEPTH_MAX {
            return self.error(self.at, format!("data nest deeper than {DEPTH_MAX}"));
        }
        self.blanks(depth)?;
        let Some(c) = self.peek() else { return Ok(None) };
        let from = self.at;
        let datum = match c {
            '(' => Datum::List(self.parts(')', depth)?),
            '[' => Datum::Vector(self.parts(']', depth)?),
            '{' => self.map(depth)?,
            '"' => self.string()?,
            '\\' => self.character()?,
            ')' | ']' | '}' => return self.error(from, format!("`{c}` closes nothing")),
            '#' if self.text[from..].starts_with("#{") => {
                self.at += 1;
                Datum::Set(self.parts('}', depth)?)
            }
            '#' => self.tagged(depth)?,
            _ => self.atom()?,
        };
        Ok(Some(datum))
    }

    /// The parts up to `closing`, from the bracket that opens.
    fn parts(&mut self, closing: char, depth: usize) -> Result<Vec<Datum>, Malformed> {
        let from = self.at;
        self.at += 1;
        let mut parts = Vec::new();
        loop {
            self.blanks(depth)?;
            if self.peek() == Some(closing) {
                self.at += 1;
                return Ok(parts);
            }
            match self.datum(depth + 1)? {
                Some(part) => parts.push(part),
                None => return self.error(from, format!("this is not closed: `{closing}` is missing")),
            }
        }
    }

    fn map(&mut self, depth: usize) -> Result<Datum, Malformed> {
        let from = self.at;
        let parts = self.parts('}', depth)?;
        if !parts.len().is_multiple_of(2) {
            return self.error(from, "a map has a value for every key, and this one has not");
        }
        let mut parts = parts.into_iter();
        let mut entries = Vec::with_capacity(parts.len() / 2);
        while let (Some(key), Some(value)) = (parts.next(), parts.next()) {
            entries.push((key, value));
        }
        Ok(Datum::Map(entries))
    }

    fn tagged(&mut self, depth: usize) -> Result<Datum, Malformed> {
        let from = self.at;
        self.at += 1;
        let tag = self.word();
        if tag.is_empty() {
            return self.error(from, "`#` is followed by a tag, `{` or `_`");
        }
        let tag = tag.to_string();
        match self.datum(depth + 1)? {
            Some(inner) => Ok(Datum::Tagged(tag, Box::new(inner))),
            None => self.error(from, format!("`#{tag}` tags nothing")),
        }
    }

    /// What comes up to a blank, a bracket or a quote.
    fn word(&mut self) -> &'a str {
        let rest = &self.text[self.at..];
        let ends = |c: char| c.is_whitespace() || matches!(c, ',' | ';' | '(' | ')' | '[' | ']' | '{' | '}' | '"');
        let word = &rest[..rest.find(ends).unwrap_or(rest.len())];
        self.at += word.len();
        word
    }

    fn atom(&mut self) -> Result<Datum, Malformed> {
        let from = self.at;
        let word = self.word();
        let is_number = {
            let digits = word.strip_prefix(['+', '-']).unwrap_or(word);
            digits.starts_with(|c: char| c.is_ascii_digit())
        };
        Ok(match word {
            "nil" => Datum::Nil,
            "true" => Datum::Bool(true),
            "false" => Datum::Bool(false),
            _ if is_number => match word.strip_suffix('N').unwrap_or(word).parse() {
                Ok(number) => Datum::Int(number),
                Err(_) => Datum::Number(word.to_string()),
            },
            _ => match word.strip_prefix(':') {
                Some("") => return self.error(from, "a keyword has a name after its colon"),
                Some(name) => Datum::Keyword(name.to_string()),
                None => Datum::Symbol(word.to_string()),
            },
        })
    }

    fn character(&mut self) -> Result<Datum, Malformed> {
        let from = self.at;
        self.at += 1;
        let Some(c) = self.peek() else { return self.error(from, "a character follows `\\`") };
        self.at += c.len_utf8();
        let rest = if c.is_alphanumeric() { self.word().len() } else { 0 };
        Ok(Datum::Symbol(self.text[from..from + 1 + c.len_utf8() + rest].to_string()))
    }

    fn string(&mut self) -> Result<Datum, Malformed> {
        let from = self.at;
        self.at += 1;
        let mut string = String::new();
        loop {
            let rest = &self.text[self.at..];
            let Some(plain) = rest.find(['"', '\\']) else {
                return self.error(from, "this string is not closed");
            };
            string.push_str(&rest[..plain]);
            self.at += plain + 1;
            if rest[plain..].starts_with('"') {
                return Ok(Datum::Text(string));
            }
            string.push(self.escaped()?);
        }
    }

    /// The character that an escape stands for, after its backslash.
    fn escaped(&mut self) -> Result<char, Malformed> {
        let from = self.at.saturating_sub(1);
        let Some(c) = self.peek() else { return self.error(from, "this string is not closed") };
        self.at += c.len_utf8();
        Ok(match c {
            'n' => '\n',
            't' => '\t',
            'r' => '\r',
            'b' => '\u{8}',
            'f' => '\u{c}',
            '"' | '\\' | '/' | '\'' => c,
            'u' => {
                let digits =
                    self.text[self.at..].get(..4).filter(|digits| digits.chars().all(|c| c.is_ascii_hexdigit()));
                let Some(code) = digits.and_then(|digits| u32::from_str_radix(digits, 16).ok()) else {
                    return self.error(from, "`\\u` is followed by four hexadecimal digits");
                };
                self.at += 4;
                // Half of a surrogate pair is no character.
                char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER)
            }
            _ => return self.error(from, format!("`\\{c}` stands for nothing")),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(text: &str) -> Result<Vec<String>, String> {
        let mut reader = Reader::new(text);
        let mut data = Vec::new();
        while let Some(datum) = reader.read().map_err(|error| error.to_string())? {
            data.push(datum.to_string());
        }
        Ok(data)
    }

    #[test]
    fn data_of_every_kind_are_read() {
        for (text, expected) in [
            ("{:a 1 :b nil}", "{:a 1, :b nil}"),
            ("; only a comment\n(1, 2,,3) ; and one more", "(1 2 3)"),
            ("#{1 [2 \"x\\n\\u0041\"]}", "#{1 [2 \"x\\nA\"]}"),
            ("#jepsen.history.Op{:index 0}", "#jepsen.history.Op {:index 0}"),
            ("#_ hidden #_#_ a b :seen", ":seen"),
            ("-7 12N 1.5e3 3/4 \\a sym/bol true", "-7|12|1.5e3|3/4|\\a|sym/bol|true"),
            ("#:a{:b 1}", "#:a {:b 1}"),
            ("", ""),
        ] {
            assert_eq!(all(text).unwrap().join("|"), expected, "{text}");
        }
    }

    #[test]
    fn what_is_wrong_has_its_place() {
        for (text, error) in [
            ("\n  (1 2", "2:3: this is not closed: `)` is missing"),
            ("[1]]", "1:4: `]` closes nothing"),
            ("(1]", "1:3: `]` closes nothing"),
            ("{:a 1 :b}", "1:1: a map has a value for every key, and this one has not"),
            ("\"é", "1:1: this string is not closed"),
            ("é \"\\q\"", "1:4: `\\q` stands for nothing"),
            ("\"\\u12\"", "1:2: `\\u` is followed by four hexadecimal digits"),
            ("# ", "1:1: `#` is followed by a tag, `{` or `_`"),
            ("#inst", "1:1: `#inst` tags nothing"),
            ("#_", "1:1: `#_` hides nothing"),
            (":", "1:1: a keyword has a name after its colon"),
        ] {
            assert_eq!(all(text).unwrap_err(), error, "{text}");
        }
    }

    #[test]
    fn depth_is_bounded() {
        for nesting in ["[", "#t ", "#_ ", "{"] {
            let error = all(&nesting.repeat(100_000)).unwrap_err();
            assert!(error.contains("nest deeper than 100"), "{nesting}: {error}");
        }
        assert!(all(&("[".repeat(100) + &"]".repeat(100))).is_ok());
    }
}
