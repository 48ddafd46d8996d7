//! What is claimed is not too little either: of each form the next stronger claim is hunted, and broken. (That a request which comes
//! late brings an old write back takes a schedule of its own: `tests/claims/cases.rs` has it.)

use super::forms::Form;
use super::{forms, hunted};

/// So many runs must be enough to break what is not claimed.
const RUNS: u64 = 256;

const CUTS: &str = "isolate = {}, partition = {}, crash = {}";
const CLOCKS: &str = "clock-step = {}";
const WIPES: &str = "wipe = {}, crash = {}";

/// Forms, by how their names begin; what breaks; and what is then expected and does not hold.
const STRONGER: &[(&str, &str, &str)] = &[
    // Both sides of a cut go on, and reads tell what has arrived.
    ("last-writer-wins", CUTS, "linearizable = \"pass\""),
    ("causal", CUTS, "linearizable = \"pass\""),
    ("crdt lww-register", CUTS, "linearizable = \"pass\""),
    // Causal, and no more: one order for all would take somebody to ask.
    ("causal", CUTS, "sequential = \"pass\""),
    // A client that moves on in time goes back in what it reads only where it asks another node, and there are cuts.
    ("last-writer-wins hybrid", CUTS, "causal-convergence = \"pass\""),
    // Items that go one by one arrive one by one. (That a row mixes two writers where values decide between equal times takes two clients that
    // begin at the same nanosecond: a unit test has it.)
    ("last-writer-wins rows item-by-item", CUTS, "fractured_reads = 0"),
    // Who changes one column of a row that has one stamp writes over what others change in the next.
    ("last-writer-wins rows whole", CUTS, "conflicts = 0"),
    // Who owns a key is alone with it: its region's cut is the key's.
    ("home-region never", CUTS, "availability = \"= 100%\""),
    ("home-region on-use", CUTS, "availability = \"= 100%\""),
    ("home-region take-over", CUTS, "no-acknowledged-write-lost = \"pass\""),
    ("home-region take-over", CUTS, "linearizable = \"pass\""),
    ("home-region bounded", CUTS, "stale_reads = 0"),
    // Of what is chosen a copy may not have heard, and who is cut off gets no majority.
    ("caspaxos local", CUTS, "linearizable = \"pass\""),
    ("caspaxos strong retry", CUTS, "availability = \"= 100%\""),
    // A region shows its own writes before it knows of others, or waits for the hub, and then shows what has arrived.
    ("hub tentative", CUTS, "sequential = \"pass\""),
    ("hub confirmed", CUTS, "linearizable = \"pass\""),
    ("hub confirmed", CUTS, "availability = \"= 100%\""),
    ("crdt bounded-counter", CUTS, "availability = \"= 100%\""),
    // Without rights each side of a cut takes what is there.
    ("crdt pn-counter", CUTS, "reads_below_zero = 0"),
    // One number for each server does not tell two clients of it apart.
    ("siblings server", CUTS, "no-acknowledged-write-lost = \"pass\""),
    // Whoever is ahead is believed.
    ("last-writer-wins wall", CLOCKS, "no-acknowledged-write-lost = \"pass\""),
    // A client that is behind writes under what it has read, at a node that thanks it.
    ("last-writer-wins client node", CUTS, "no-acknowledged-write-lost = \"pass\""),
    ("last-writer-wins client value", CUTS, "no-acknowledged-write-lost = \"pass\""),
    ("last-writer-wins client believed node", CLOCKS, "no-acknowledged-write-lost = \"pass\""),
    // A disk that forgets takes with it what nobody else had yet.
    ("home-region never", WIPES, "no-acknowledged-write-lost = \"pass\""),
    ("caspaxos strong reject", WIPES, "linearizable = \"pass\""),
    ("last-writer-wins hybrid", WIPES, "no-acknowledged-write-lost = \"pass\""),
    ("hub tentative", WIPES, "no-acknowledged-write-lost = \"pass\""),
    ("hub confirmed", WIPES, "no-acknowledged-write-lost = \"pass\""),
    ("siblings dotted client", WIPES, "no-acknowledged-write-lost = \"pass\""),
    ("crdt g-counter", WIPES, "no-acknowledged-write-lost = \"pass\""),
    ("crdt or-set", WIPES, "no-acknowledged-write-lost = \"pass\""),
];

#[test]
fn the_next_stronger_claim_does_not_hold() {
    let forms = forms::all();
    let mut too_weak = Vec::new();
    for (begins, kinds, expect) in STRONGER {
        let form: &Form = forms.iter().find(|form| form.name.starts_with(begins)).expect("the form is there");
        let (_, hunted) = hunted(&form.text_under("20s", kinds, expect), RUNS, false);
        let broken = hunted.failures.first().map(|failure| failure.broken.property.to_string());
        println!("{}: {expect}: {} of {} runs: {broken:?}", form.name, hunted.failing, hunted.runs);
        let expected = expect.split(' ').next().unwrap_or_default();
        if hunted.failures.iter().all(|failure| failure.broken.property.name() != expected) {
            too_weak.push(format!("{}: {expect} held in {} runs: claim it, or see why not", form.name, hunted.runs));
        }
    }
    assert!(too_weak.is_empty(), "{}", too_weak.join("\n"));
}

#[test]
fn something_stronger_is_hunted_of_every_protocol() {
    for form in forms::all() {
        let protocol = form.name.split(' ').next().unwrap_or_default();
        assert!(STRONGER.iter().any(|(begins, ..)| begins.starts_with(protocol)), "{}", form.name);
    }
}
