//! Every format read, and every malformed line told by its place.

use super::*;
use crate::check::transactions::{MicroOp, Status, TransactionId};
use crate::id::Value;

fn read(text: &str) -> ForeignTransactions {
    read_transactions(text, None).unwrap_or_else(|error| panic!("{error}\n{text}"))
}

/// Each transaction as session, status and micro-operations.
fn shown(foreign: &ForeignTransactions) -> Vec<String> {
    let history = &foreign.history;
    let shown = |id: TransactionId| {
        let ops: Vec<String> = history.ops(id).map(|op| format!("{op:?}")).collect();
        format!("{} {:?} {}", history.session(id).0, history.status(id), ops.join(" "))
    };
    history.ids().map(shown).collect()
}

fn error(text: &str, format: TransactionFormat) -> String {
    read_transactions(text, Some(format)).expect_err(text).to_string()
}

#[test]
fn awdit_has_transactions_and_sessions_between_rules() {
    let foreign = read("\nw a 0\nr b 1\n-----\nr a 0\n=====\nw b 1\n");
    assert_eq!(TransactionFormat::of("w 0 1"), TransactionFormat::Awdit);
    assert_eq!(
        shown(&foreign),
        ["0 Committed Write(k0, v0) Read(k1, Some(v1))", "0 Committed Read(k0, Some(v0))", "1 Committed Write(k1, v1)"]
    );
    assert_eq!((foreign.key_name(Key(0)), foreign.key_name(Key(1)), foreign.key_name(Key(2))), ("a", "b", ""));
}

#[test]
fn plume_names_sessions_and_transactions_and_minus_one_is_aborted() {
    let foreign = read("w(7,1,5,0)\nr(7,1,9,1)\nr(8,0,9,1)\nw(7,2,5,-1)\nw(7,3,5,-1)\nr(7,3,5,4)\n");
    assert_eq!(
        shown(&foreign),
        [
            "0 Committed Write(k0, v1)",
            "1 Committed Read(k0, Some(v1)) Read(k1, None)",
            "0 Aborted Write(k0, v2) Write(k0, v3)",
            "0 Committed Read(k0, Some(v3))"
        ]
    );
    assert_eq!(shown(&read("w(7,0,0,0)\nr(7,0,1,1)\nr(8,0,1,1)"))[1], "1 Committed Read(k0, Some(v0)) Read(k1, None)");
}

#[test]
fn dbcop_has_brackets() {
    let foreign = read("// one\n[x:=1 y==2] [z==?]\n---\n---\n[y:=2 x==0]!\n");
    assert_eq!(
        shown(&foreign),
        [
            "0 Committed Write(k0, v1) Read(k1, Some(v2))",
            "0 Committed Read(k2, None)",
            "1 Aborted Write(k1, v2) Read(k0, None)"
        ]
    );
}

#[test]
fn elle_has_lists_and_registers() {
    let foreign = read(
        "{:process 0, :type :invoke, :f :txn, :value [[:append :x 1] [:r :x nil] [:r :y nil]], :time 5}
         {:process 3, :type :invoke, :f :txn, :value [[:w :y 7] [:r :x]], :time 6}
         {:process 0, :type :ok, :f :txn, :value [[:append :x 1] [:r :x [1]] [:r :y nil]], :time 8}
         {:process :nemesis, :type :info, :f :kill, :value nil, :time 9}
         {:process 3, :type :info, :f :txn, :value [[:w :y 7] [:r :x nil]], :time 9}
         {:process 1, :type :invoke, :f :txn, :value [[:append :x 2]], :time 10}
         {:process 1, :type :fail, :f :txn, :value [[:append :x 2]], :time 11}",
    );
    assert_eq!(
        shown(&foreign),
        [
            "0 Committed Append(k0, v1) ReadList(k0, [v1]) Read(k1, None)",
            "1 Unknown Write(k1, v7) ReadList(k0, [])",
            "2 Aborted Append(k0, v2)"
        ]
    );
    let history = &foreign.history;
    let times = |id| (history.invoked(TransactionId(id)).as_nanos(), history.completed(TransactionId(id)).as_nanos());
    assert_eq!((times(0), times(1).0, times(2)), ((5, 8), 6, (10, 11)));
    assert_eq!(history.completed(TransactionId(1)), crate::time::Time::NEVER);
}

#[test]
fn elle_reads_json_and_numbers_values_that_have_no_number() {
    let foreign = read(
        r#"[{"process":0,"type":"invoke","f":"txn","value":[["w","x","b"]]},
            {"process":0,"type":"ok","f":"txn","value":[["w","x","b"]]},
            {"process":0,"type":"invoke","f":"txn","value":[["r","x",null]]},
            {"process":0,"type":"ok","f":"txn","value":[["r","x","a"]]}]"#,
    );
    let ops: Vec<MicroOp> = foreign.history.ids().flat_map(|id| foreign.history.ops(id)).collect();
    assert_eq!(ops, [MicroOp::Write(Key(0), Value(1)), MicroOp::Read(Key(0), Some(Value(0)))]);
    assert_eq!(foreign.history.status(TransactionId(1)), Status::Committed);
}

#[test]
fn what_is_malformed_is_told_with_its_place() {
    use TransactionFormat::*;
    assert_eq!(error("w 0 1\nx 0 1", Awdit), "2:1: a line is `w key value`, `r key value`, `-----` or `=====`");
    for text in ["w 0", "w 0 -1", "w 0 1 2", "w 0 x"] {
        assert!(error(text, Awdit).starts_with("1:1"), "{text}");
    }
    for text in ["w(1,2,3)", "w(1,2,3,4,5)", "w(1,-2,3,4)", "w(1,2,x,4)", "w(1,2,3,4", "w(,2,3,4)", "é"] {
        assert!(error(&format!("w(0,0,0,0)\n  {text}"), Plume).starts_with("2:3"), "{text}");
    }
    assert!(error("w(1,1,0,0)\nw(1,2,0,1)\nw(1,3,0,0)", Plume).starts_with("3:1"));
    for text in ["x:=1", "[x:=1", "[x=1]", "[x==]", "[:=1]", "[x:=-1]"] {
        assert!(error(&format!("[x:=1]  {text}"), Dbcop).starts_with("1:9"), "{text}: {}", error(text, Dbcop));
    }
    let event = |value: &str| format!("{{:process 0, :type :invoke, :f :txn, :value {value}}}");
    for value in ["7", "[7]", "[[:w :x]]", "[[:inc :x 1]]", "[[:append :x 1] [:r :x 3]]"] {
        assert!(error(&event(value), ElleEdn).contains("operation 0"), "{value}");
    }
}

#[test]
fn no_text_makes_a_reader_panic() {
    let seeds = [
        "w(7,1,5,0)\nr(7,1,9,-1)\n",
        "w 0 1\n-----\nr 0 1\n=====\n",
        "[x:=1 y==2]! [z==?]\n---\n// c\n",
        "{:process 0, :type :invoke, :f :txn, :value [[:append 1 1] [:r 1 [1 2]]]}\n",
    ];
    let mut stream = crate::rng::Stream::new(7, "malformed");
    let alphabet: Vec<char> = "()[]{}:=-?!/,# \n\"0123456789rwxé\u{feff}".chars().collect();
    let mut read_well = 0;
    for round in 0..20_000 {
        let mut text: Vec<char> = seeds[round % seeds.len()].repeat(2).chars().collect();
        for _ in 0..stream.below(4) {
            let at = stream.below(text.len() as u64) as usize;
            match stream.below(3) {
                0 => text[at] = alphabet[stream.below(alphabet.len() as u64) as usize],
                1 => text.insert(at, alphabet[stream.below(alphabet.len() as u64) as usize]),
                _ => text.truncate(at.max(1)),
            }
        }
        let text: String = text.into_iter().collect();
        read_well +=
            TransactionFormat::ALL.iter().filter(|format| read_transactions(&text, Some(**format)).is_ok()).count();
    }
    assert!(read_well > 1_000, "{read_well}");
}
