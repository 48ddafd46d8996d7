//! An input: a well-formed text, and how it is broken.

use bolero::TypeGenerator;

/// What is likely to trip a reader.
const TRAPS: &[&str] = &[
    "nil",
    "null",
    "?",
    "-1",
    "0",
    "1",
    "2",
    "7",
    "9",
    "18446744073709551615",
    "-9223372036854775808",
    "99999999999999999999999999",
    "1e999",
    "[",
    "]",
    "{",
    "}",
    "#{",
    "(",
    ")",
    "\"",
    "\\",
    "\\ud800",
    "#_",
    "#t ",
    ";",
    ":",
    ",",
    " ",
    "\t",
    "\n",
    "\r\n",
    "\u{feff}",
    "é",
    "\u{0}",
    "!",
    "=",
    "==",
    ":=",
    "---\n",
    "=====\n",
    "//",
    "-",
    ".",
    "_",
    ":info",
    ":fail",
    ":ok",
    ":invoke",
    ":process",
    ":f",
    ":value",
    ":time",
    ":key",
    ":error :mismatch",
    ":txn",
    ":append",
    ":r",
    ":w",
    ":cas",
    ":read",
    ":write",
    "[1 [2 [3]]]",
    "[:append 1 2]",
    "[:r 1 [1 2]]",
    "[\"r\",1,[1,2]]",
    "\"invoked_ns\"",
    "\"ok\"",
    "\"fail\"",
    "\"info\"",
    "jepsen.util - ",
    ":timed-out",
    "w(1,1,1,1)\n",
    "r(1,1,1,-1)\n",
    "w 1 1\n",
    "[x:=1]",
    "true",
    "inf",
    "nan",
    "0.5",
    "100%",
    "1ms",
    "18446744073709551615ns",
    "\"1us\"",
    "[[fault]]\n",
    "[expect]\n",
    "'''",
    "= 0\n",
];

/// A text, as a fuzzer has it.
#[derive(Clone, Debug, TypeGenerator)]
pub struct Script {
    /// Which text it begins with.
    pub text: u8,
    /// What is done to it, one after another.
    #[generator(bolero::generator::produce_with::<Vec<Edit>>().len(0usize..12))]
    pub edits: Vec<Edit>,
}

/// One way to break a text. A place is a part of its length, in 65,536ths, and so is the number of a line.
#[derive(Clone, Debug, TypeGenerator)]
pub enum Edit {
    /// Another byte.
    Byte(u16, u8),
    /// The end is missing.
    Cut(u16),
    /// So many bytes are missing.
    Remove(u16, u8),
    /// So many bytes from here come again there.
    Repeat(u16, u16, u8),
    /// One of the words that trip readers is there.
    Trap(u16, u8),
    /// A number is there.
    Number(u16, i64),
    /// A small number is in the place of a digit.
    Digit(u16, u8),
    /// Bytes are there.
    Insert(u16, [u8; 4]),
    /// A line is missing.
    DropLine(u16),
    /// A line comes again there.
    RepeatLine(u16, u16),
    /// Two lines have changed places.
    SwapLines(u16, u16),
    /// A line of another text is there.
    Splice(u8, u16, u16),
}

/// No text grows beyond so many bytes.
const LENGTH_MAX: usize = 20_000;

fn place(part: u16, of: usize) -> usize {
    usize::from(part) * of / 65_536
}

impl Script {
    /// The text, in which whatever is not UTF-8 is replaced.
    pub fn text(&self, texts: &[String]) -> String {
        let mut text = texts[usize::from(self.text) % texts.len()].as_bytes().to_vec();
        for edit in &self.edits {
            edit.apply(&mut text, texts);
            text.truncate(LENGTH_MAX);
        }
        String::from_utf8_lossy(&text).into_owned()
    }
}

impl Edit {
    fn apply(&self, text: &mut Vec<u8>, texts: &[String]) {
        let n = text.len();
        let mut insert = |at: u16, bytes: &[u8]| {
            let at = place(at, n + 1);
            text.splice(at..at, bytes.iter().copied());
        };
        match *self {
            Edit::Trap(at, which) => insert(at, TRAPS[usize::from(which) % TRAPS.len()].as_bytes()),
            Edit::Number(at, number) => insert(at, number.to_string().as_bytes()),
            Edit::Insert(at, bytes) => insert(at, &bytes),
            Edit::Splice(other, line, at) => {
                let other = &texts[usize::from(other) % texts.len()];
                let all: Vec<&str> = other.split_inclusive('\n').collect();
                if let Some(line) = all.get(place(line, all.len())) {
                    lines(text, |lines| lines.insert(place(at, lines.len() + 1), line.as_bytes().to_vec()));
                }
            }
            Edit::DropLine(at) => lines(text, |lines| {
                if !lines.is_empty() {
                    lines.remove(place(at, lines.len()));
                }
            }),
            Edit::RepeatLine(from, to) => lines(text, |lines| {
                if let Some(line) = lines.get(place(from, lines.len())).cloned() {
                    lines.insert(place(to, lines.len() + 1), line);
                }
            }),
            Edit::SwapLines(one, other) => lines(text, |lines| {
                let n = lines.len();
                if n > 0 {
                    lines.swap(place(one, n), place(other, n));
                }
            }),
            Edit::Cut(at) => text.truncate(place(at, n + 1)),
            _ if n == 0 => {}
            Edit::Byte(at, byte) => text[place(at, n)] = byte,
            Edit::Digit(at, digit) => {
                let at = place(at, n);
                if let Some(found) = text[at..].iter_mut().find(|byte| byte.is_ascii_digit()) {
                    *found = b'0' + digit % 10;
                }
            }
            Edit::Remove(at, length) => {
                let at = place(at, n);
                text.drain(at..(at + usize::from(length)).min(n));
            }
            Edit::Repeat(from, to, length) => {
                let from = place(from, n);
                let part = text[from..(from + usize::from(length)).min(n)].to_vec();
                let to = place(to, n + 1);
                text.splice(to..to, part);
            }
        }
    }
}

fn lines(text: &mut Vec<u8>, change: impl FnOnce(&mut Vec<Vec<u8>>)) {
    let mut lines: Vec<Vec<u8>> = text.split_inclusive(|byte| *byte == b'\n').map(<[u8]>::to_vec).collect();
    change(&mut lines);
    *text = lines.concat();
}
