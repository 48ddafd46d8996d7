//! The readers of histories against broken files, and the writers against the readers.

use std::fs;
use std::path::{Path, PathBuf};

use proptest::prelude::*;
use proptest::sample::Index;
use riftzone::check::wgl::Effort;
use riftzone::judge::{Export, Foreign, Format, Recorded, export, read};
use riftzone::time::Time;

/// The texts of `tests/histories`.
fn texts() -> Vec<(PathBuf, String)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/histories");
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut paths: Vec<PathBuf> = entries.filter(|path| path.extension().is_some_and(|e| e != "md")).collect();
    paths.sort();
    paths.into_iter().map(|path| (path.clone(), fs::read_to_string(path).unwrap())).collect()
}

/// One way to break a text. Places are parts of its length.
#[derive(Clone, Debug)]
enum Break {
    Byte(Index, u8),
    Cut(Index),
    Remove(Index, u8),
    Repeat(Index, Index, u8),
    Swap(Index, Index),
    Insert(Index, &'static str),
}

/// What is likely to trip a reader.
const TRAPS: &[&str] = &[
    "nil",
    "[",
    "]",
    "{",
    "}",
    "#{",
    "(",
    ")",
    "\"",
    "\\",
    "#_",
    "#t ",
    ";",
    ":",
    ":info",
    ":fail",
    ":process -1",
    "null",
    "99999999999999999999999999999999999999999999",
    "18446744073709551615",
    "-9223372036854775808",
    "1e999",
    "\u{feff}",
    "é",
    "\u{0}",
    "[1 [2 [3]]]",
    ":error :mismatch",
    "\\ud800",
    "jepsen.util - ",
    "\"invoked_ns\"",
    "\n",
    ",",
];

fn a_break() -> impl Strategy<Value = Break> {
    let at = any::<Index>;
    prop_oneof![
        (at(), any::<u8>()).prop_map(|(at, byte)| Break::Byte(at, byte)),
        at().prop_map(Break::Cut),
        (at(), any::<u8>()).prop_map(|(at, length)| Break::Remove(at, length)),
        (at(), at(), any::<u8>()).prop_map(|(from, to, length)| Break::Repeat(from, to, length)),
        (at(), at()).prop_map(|(one, other)| Break::Swap(one, other)),
        (at(), proptest::sample::select(TRAPS)).prop_map(|(at, trap)| Break::Insert(at, trap)),
    ]
}

fn broken(text: &str, breaks: &[Break]) -> String {
    let mut bytes = text.as_bytes().to_vec();
    for one in breaks {
        if bytes.is_empty() {
            break;
        }
        let n = bytes.len();
        match one {
            Break::Byte(at, byte) => bytes[at.index(n)] = *byte,
            Break::Cut(at) => bytes.truncate(at.index(n)),
            Break::Remove(at, length) => {
                let at = at.index(n);
                bytes.drain(at..(at + usize::from(*length)).min(n));
            }
            Break::Repeat(from, to, length) => {
                let from = from.index(n);
                let part = bytes[from..(from + usize::from(*length)).min(n)].to_vec();
                let to = to.index(n);
                bytes.splice(to..to, part);
            }
            Break::Swap(one, other) => bytes.swap(one.index(n), other.index(n)),
            Break::Insert(at, trap) => {
                let at = at.index(n);
                bytes.splice(at..at, trap.bytes());
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// Reads in every format; what can be read is judged, shown and written. The result is that nothing panics.
fn use_all(text: &str) -> usize {
    let mut read_as = 0;
    for format in [None].into_iter().chain(Format::ALL.map(Some)) {
        let Ok(foreign) = read(text, format) else { continue };
        read_as += 1;
        let effort = Effort { steps: 2_000, reduction_steps: 2_000, ..Effort::default() };
        let findings = foreign.judge(&[], effort);
        for format in Export::ALL {
            let _ = export(&foreign, findings.all.first(), format);
        }
        shown(foreign, findings);
    }
    read_as
}

fn shown(foreign: Foreign, findings: riftzone::judge::Findings) {
    use riftzone::report::counterexample::{Picture, svg};
    use riftzone::report::judge::{Judged, json, text};
    use riftzone::report::paint::Paint;
    for finding in &findings.all {
        let picture = Picture::of(&foreign, finding);
        assert!(picture.is_none_or(|picture| svg(&picture).ends_with("</svg>\n")));
    }
    let judged = [Judged::Operations { file: "history".into(), foreign, findings }];
    assert!(text(&judged, Paint::Off).starts_with("history\n"));
    assert!(json(&judged)["verdicts"].is_array());
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_broken_file_is_an_error_or_a_history(
        file in any::<Index>(),
        breaks in proptest::collection::vec(a_break(), 0..8),
    ) {
        let texts = texts();
        let (_, text) = &texts[file.index(texts.len())];
        let read_as = use_all(&broken(text, &breaks));
        prop_assert!(read_as > 0 || !breaks.is_empty(), "what is not broken can be read");
    }

    #[test]
    fn any_text_is_an_error_or_a_history(text in "\\PC{0,200}") {
        use_all(&text);
    }
}

/// What a recorded operation says, without its instants and its client, which goes on under a new number beside an open
/// operation.
fn said(operation: &Recorded) -> impl PartialEq + std::fmt::Debug {
    let Recorded { f, key, input, output, outcome, .. } = operation.clone();
    (f, key, input, output, outcome)
}

#[test]
fn what_is_written_is_read_back() {
    let mut written = [0, 0];
    for (path, text) in texts() {
        let foreign = read(&text, None).unwrap();
        for (format, written) in [Export::JepsenEdn, Export::JsonLines].into_iter().zip(&mut written) {
            let Ok(exported) = export(&foreign, None, format) else { continue };
            let back = read(&exported, None).unwrap_or_else(|error| panic!("{}: {error}\n{exported}", path.display()));
            let all = |foreign: &Foreign| foreign.recording.operations.clone();
            let (before, after) = (all(&foreign), all(&back));
            assert_eq!(before.len(), after.len(), "{}", path.display());
            for (before, after) in before.iter().zip(&after) {
                let (mut before, after) = (before.clone(), after.clone());
                // JSON lines always have a key.
                before.key = before.key.or(after.key.clone());
                assert_eq!(said(&before), said(&after), "{}", path.display());
                assert_eq!(before.completed == Time::NEVER, after.completed == Time::NEVER, "{}", path.display());
                if foreign.recording.is_timed {
                    let times = |operation: &Recorded| (operation.invoked, operation.completed);
                    assert_eq!(times(&before), times(&after), "{}", path.display());
                }
            }
            let verdict = |foreign: &Foreign| foreign.linearizable(Effort::default()).verdict.name();
            assert_eq!(verdict(&foreign), verdict(&back), "{}", path.display());
            *written += 1;
        }
    }
    assert_eq!(written, [26, 6], "every history is written as EDN, those of numbers also as JSON lines");
}

#[test]
fn the_page_of_porcupine_gets_every_operation() {
    for (path, text) in texts() {
        let foreign = read(&text, None).unwrap();
        let finding = foreign.linearizable(Effort::default());
        let page = export(&foreign, Some(&finding), Export::Porcupine).unwrap();
        let page: serde_json::Value = serde_json::from_str(&page).unwrap();
        let partitions = page["Partitions"].as_array().unwrap();
        let operations: usize = partitions.iter().map(|one| one["History"].as_array().unwrap().len()).sum();
        assert_eq!(operations, foreign.recording.operations.len(), "{}", path.display());
        for partition in partitions {
            let history = partition["History"].as_array().unwrap();
            for one in history {
                assert!(one["Start"].as_u64() <= one["End"].as_u64(), "{}: {one}", path.display());
            }
            for step in
                partition["PartialLinearizations"].as_array().unwrap().iter().flat_map(|l| l.as_array().unwrap())
            {
                assert!((step["Index"].as_u64().unwrap() as usize) < history.len(), "{}: {step}", path.display());
            }
            let is_whole = finding.verdict.is_pass();
            let shown = partition["Largest"].as_object().unwrap().len();
            assert!(!is_whole || history.is_empty() || shown > 0, "{}: no order is shown", path.display());
        }
    }
}
