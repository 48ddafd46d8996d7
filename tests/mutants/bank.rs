//! The bank: each flaw with a world in which it shows, and the same design without it.
//!
//! `docs/mutants.md` has the same rows in words, and those that wait for protocols that are not there yet.

use super::worlds::{
    COUNTERS, CRASHING_COUNTER, DISKS, FIVE, LISTS, LOSSY, LOSSY_DISKS, LOST_ON_DISKS, MOVING, NUMBERS, ONE_AHEAD,
    PAIR, READ_FIRST, ROAMING, ROWS, ROWS_APART, SETS, SHORT, SHORT_ON_DISKS, THREE,
};

/// A flaw and where to look for it.
pub struct Row {
    /// Its id.
    pub id: &'static str,
    /// What is wrong, in a few words.
    pub what: &'static str,
    /// The world.
    pub world: &'static str,
    /// Faults that are planned, each a `[[fault]]`.
    pub faults: &'static str,
    /// What both designs have.
    pub design: &'static str,
    /// What the wrong one has besides: a flaw on purpose, or an option that real systems have.
    pub wrong: &'static str,
    /// What the right one has instead.
    pub right: &'static str,
    /// What is expected of both, beside what they claim.
    pub expect: &'static str,
    /// How it is looked for.
    pub how: How,
}

/// How a flaw is looked for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum How {
    /// Random faults, until a run breaks something.
    Hunt,
    /// The planned faults alone, with so many seeds: what is expected is that it goes on, which a schedule has to put in doubt.
    Planned(u64),
}

impl Row {
    /// Whether it takes the feature `mutants`.
    pub fn is_mutant(&self) -> bool {
        self.wrong.contains("mutant")
    }

    /// The scenario, with the designs `wrong` and `right`.
    pub fn text(&self) -> String {
        let Row { id, what, world, faults, design, wrong, right, expect, .. } = self;
        format!(
            "name = \"{id}: {what}\"\n{world}\n{faults}\n[design.wrong]\n{design}\n{wrong}\n[design.right]\n{design}\n{right}\n\
             [expect]\n{expect}\n"
        )
    }
}

const RAFT: &str = r#"protocol = "raft""#;
/// With few heartbeats between elections, so that a leader is soon told from one that was.
const SLOW: &str = r#"
protocol = "raft"
heartbeat = "450ms"
pre-vote = false
"#;
/// The same, and each node answers the reads that it is asked for.
const ASKING: &str = r#"
protocol = "raft"
heartbeat = "450ms"
pre-vote = false
reads = "follower-read-index"
"#;
/// With fewer still, and a first leader at once.
const LED: &str = r#"
protocol = "raft"
leader = "us"
heartbeat = "900ms"
pre-vote = false
"#;
/// With nothing that keeps elections apart, a heartbeat or two in a term, and one entry a message.
const RESTIVE: &str = r#"
protocol = "raft"
heartbeat = "590ms"
election-timeout = "600ms"
pre-vote = false
check-quorum = false
batch = 1
"#;
/// The same, and quick to suspect.
const NERVOUS: &str = r#"
protocol = "raft"
heartbeat = "190ms"
election-timeout = "200ms"
pre-vote = false
check-quorum = false
batch = 1
"#;
const FAILOVER: &str = r#"
protocol = "primary-backup"
failover = { detect = "3s", heartbeat = "500ms", promote = "1s" }
"#;
const FENCED: &str = r#"
protocol = "primary-backup"
failover = { detect = "3s", heartbeat = "500ms", promote = "1s" }
fencing = "epoch"
lease = "2s"
"#;
const FENCED_ONE: &str = r#"
protocol = "primary-backup"
failover = { detect = "3s", heartbeat = "500ms", promote = "1s" }
fencing = "epoch"
lease = "2s"
acknowledge = "one"
"#;
/// A primary and two backups; the store has its majority with one of these.
const LEASED: &str = r#"
protocol = "lease-store"
primary = "s1"
backups = ["s2", "s3"]
store = { regions = ["s3", "s4", "s5"], leader = "s4" }
ttl = "3s"
loop-wait = "500ms"
retry-timeout = "1s"
safety-margin = "100ms"
poll = "100ms"
"#;
/// A primary whose store is quick to suspect, and has less that keeps elections apart.
const STORED: &str = r#"
protocol = "lease-store"
store = { heartbeat = "190ms", election-timeout = "200ms", pre-vote = false }
ttl = "3s"
loop-wait = "500ms"
retry-timeout = "1s"
safety-margin = "100ms"
poll = "100ms"
"#;
const PAIRED: &str = r#"
protocol = "primary-backup"
primary = "left"
backups = ["right"]
"#;

/// A row in which nothing is said that most do not say.
const USUAL: Row =
    Row { id: "", what: "", world: THREE, faults: "", design: RAFT, wrong: "", right: "", expect: "", how: How::Hunt };

/// Every row that the protocols of today can express.
pub const BANK: &[Row] = &[
    Row {
        id: "R1",
        what: "an entry of an earlier term is committed by counting copies",
        world: LOSSY,
        design: RESTIVE,
        wrong: "mutant = \"R1\"",
        ..USUAL
    },
    Row {
        id: "R2",
        what: "a vote is not on disk",
        world: LOSSY_DISKS,
        design: NERVOUS,
        wrong: "mutant = \"R2\"",
        ..USUAL
    },
    Row {
        id: "R2-store",
        what: "the same in a store inside another design",
        world: LOSSY_DISKS,
        design: STORED,
        wrong: "mutant = \"R2\"",
        ..USUAL
    },
    Row { id: "R4", what: "a follower answers before its sync", world: DISKS, wrong: "mutant = \"R4\"", ..USUAL },
    Row { id: "R5", what: "a leader counts itself before its sync", world: DISKS, wrong: "mutant = \"R5\"", ..USUAL },
    Row {
        id: "R10",
        what: "reads without a round of heartbeats",
        world: SHORT,
        design: SLOW,
        wrong: "mutant = \"R10\"",
        ..USUAL
    },
    Row {
        id: "R11",
        what: "a read index before the first commit of a term",
        world: SHORT_ON_DISKS,
        design: SLOW,
        wrong: "mutant = \"R11\"",
        ..USUAL
    },
    Row {
        id: "R15",
        what: "no pre-vote, and a node comes back",
        world: FIVE,
        faults: "[[fault]]\nat = \"10s\"\nfor = \"20s\"\nisolate = [\"s3\"]",
        design: "protocol = \"raft\"\nleader = \"s1\"",
        wrong: "pre-vote = false",
        right: "pre-vote = true",
        expect: "leader_changes = 0",
        how: How::Planned(20),
    },
    Row {
        id: "R16",
        what: "no pre-vote in a partial partition",
        world: FIVE,
        faults: "[[fault]]\nat = \"10s\"\nfor = \"40s\"\n\
                 cut = [[\"s1\", \"s4\"], [\"s1\", \"s5\"], [\"s2\", \"s5\"], [\"s3\", \"s4\"], [\"s4\", \"s5\"]]",
        design: "protocol = \"raft\"\nleader = \"s1\"\ncheck-quorum = false",
        wrong: "pre-vote = false",
        right: "pre-vote = true",
        expect: "availability = \">= 98%\"",
        how: How::Planned(20),
    },
    Row {
        id: "R17",
        what: "pre-vote without check-quorum: a leader who leads nobody",
        world: FIVE,
        faults: "[[fault]]\nat = \"10s\"\nfor = \"40s\"\ncut = [[\"s4\", \"s1\"], [\"s4\", \"s3\"], [\"s4\", \"s5\"]]\n\
                 [[fault]]\nat = \"10s\"\nfor = \"40s\"\ncrash = [\"s5\"]",
        design: "protocol = \"raft\"\nleader = \"s4\"",
        wrong: "check-quorum = false",
        right: "check-quorum = true",
        expect: "rto_s = \"<= 15s\"",
        how: How::Planned(20),
    },
    Row {
        id: "R21",
        what: "election timeouts are all the same",
        world: FIVE,
        wrong: "mutant = \"R21\"",
        how: How::Planned(20),
        ..USUAL
    },
    Row { id: "R23", what: "a success means all that the leader has", wrong: "mutant = \"R23\"", ..USUAL },
    Row { id: "R25", what: "a retry is applied again", design: LED, wrong: "mutant = \"R25\"", ..USUAL },
    Row {
        id: "R30",
        what: "a restart knows how far it was, and not the state",
        design: LED,
        wrong: "snapshot-every = 3\nmutant = \"R30\"",
        right: "snapshot-every = 3",
        ..USUAL
    },
    Row {
        id: "R31",
        what: "a leader whose disk is slow stays in office",
        world: FIVE,
        faults: "[disk]\nsync = \"2ms\"\n[[fault]]\nat = \"10s\"\nfor = \"40s\"\n\
                 slow_disk = { nodes = [\"leader\"], add = \"20s\" }",
        design: "protocol = \"raft\"\nleader = \"s1\"\nappend = \"disk-first\"",
        wrong: "",
        right: "commit-timeout = \"2s\"",
        expect: "rto_s = \"<= 15s\"",
        how: How::Planned(20),
    },
    Row {
        id: "R32",
        what: "a read joins a question that was asked before it came",
        world: SHORT,
        design: ASKING,
        wrong: "mutant = \"R32\"",
        ..USUAL
    },
    Row {
        id: "F1",
        what: "failover without fencing",
        design: FAILOVER,
        wrong: "fencing = \"none\"",
        right: "fencing = \"epoch\"\nlease = \"2s\"",
        expect: "single-writer = \"pass\"",
        ..USUAL
    },
    Row {
        id: "F2",
        what: "a paused primary goes on, and nobody looks at its epoch",
        design: FENCED,
        wrong: "mutant = \"F2\"",
        ..USUAL
    },
    Row {
        id: "F4",
        what: "what an old primary had alone is discarded",
        design: FENCED,
        wrong: "returning = \"discard\"\nacknowledge = \"local\"",
        right: "returning = \"discard\"\nacknowledge = \"one\"",
        expect: "no-acknowledged-write-lost = \"pass\"",
        ..USUAL
    },
    Row { id: "F5", what: "promotion by place in a list", design: FENCED_ONE, wrong: "mutant = \"F5\"", ..USUAL },
    Row {
        id: "F6",
        what: "semi-synchronous, and asynchronous when it matters",
        design: FENCED_ONE,
        wrong: "degrade-after = \"1s\"",
        expect: "no-acknowledged-write-lost = \"pass\"",
        ..USUAL
    },
    Row { id: "F9", what: "a lease lasts longer for who has it", design: FENCED, wrong: "mutant = \"F9\"", ..USUAL },
    Row {
        id: "F10",
        what: "failsafe by most replicas, and not by all",
        world: FIVE,
        faults: "[[fault]]\nat = \"10s\"\nfor = \"30s\"\npartition = [[\"s1\", \"s2\"], [\"s3\", \"s4\", \"s5\"]]",
        design: LEASED,
        wrong: "failsafe = true\nmutant = \"F10\"",
        right: "failsafe = true",
        how: How::Planned(20),
        ..USUAL
    },
    Row {
        id: "F11",
        what: "two nodes shoot each other",
        world: PAIR,
        faults: "[[fault]]\nat = \"60s\"\nfor = \"90s\"\ncut = [[\"left\", \"right\"]]",
        design: PAIRED,
        wrong: "failover = { detect = \"10s\", promote = \"5s\", monitors = [\"left\", \"right\"] }\n\
                stonith = { detect = \"10s\", power_on = \"3min\" }",
        right: "failover = { detect = \"10s\", promote = \"5s\", monitors = [\"left\", \"right\", \"third\"] }\n\
                stonith = { detect = \"10s\", power_on = \"3min\", arbiter = \"third\" }",
        expect: "rto_s = \"< 60s\"",
        how: How::Planned(10),
    },
    Row {
        id: "F13",
        what: "a probe that does not see whether a replica can write",
        world: FIVE,
        faults: "[disk]\nsync = \"2ms\"\n\
                 [[fault]]\nat = \"10s\"\nfor = \"40s\"\nslow_disk = { nodes = [\"s3/replica\", \"s4/replica\"], add = \"20s\" }\n\
                 [[fault]]\nat = \"15s\"\nfor = \"40s\"\ncrash = [\"s1\"]",
        design: "protocol = \"primary-backup\"\nbackups = [\"s2\", \"s3\", \"s4\"]",
        wrong: "failover = { detect = \"3s\", heartbeat = \"500ms\", promote = \"1s\", probe = \"shallow\" }",
        right: "failover = { detect = \"3s\", heartbeat = \"500ms\", promote = \"1s\", probe = \"deep\" }",
        expect: "rto_s = \"<= 15s\"",
        how: How::Planned(20),
    },
    Row {
        id: "F14",
        what: "automatic promotion across regions",
        design: "protocol = \"primary-backup\"",
        wrong: "failover = { detect = \"3s\", heartbeat = \"500ms\", promote = \"1s\" }",
        right: "failover = { detect = \"3s\", heartbeat = \"500ms\", promote = \"1s\", \
                operator = { reaction = [\"1s\", \"2s\"], rule = \"never-across-regions\" } }",
        expect: "no-acknowledged-write-lost = \"pass\"",
        ..USUAL
    },
    Row { id: "F16", what: "one monitor is a quorum", design: FAILOVER, wrong: "mutant = \"F16\"", ..USUAL },
    Row {
        id: "F17",
        what: "a stale replica is promoted, and gives numbers again",
        world: NUMBERS,
        design: FENCED,
        wrong: "acknowledge = \"local\"",
        right: "acknowledge = \"one\"",
        expect: "linearizable = \"pass\"",
        ..USUAL
    },
    Row {
        id: "F18",
        what: "a client takes a write without an answer for done",
        world: SHORT,
        design: "protocol = \"primary-backup\"",
        wrong: "retry = { mutant = \"F18\" }",
        right: "retry = {}",
        ..USUAL
    },
    Row {
        id: "F20",
        what: "backups show commits in another order than the primary",
        world: ROWS_APART,
        design: "protocol = \"primary-backup\"\nreads = \"nearest\"",
        wrong: "mutant = \"F20\"",
        ..USUAL
    },
    Row {
        id: "F22",
        what: "copies are acknowledged before they are synced",
        world: DISKS,
        design: FENCED_ONE,
        wrong: "mutant = \"F22\"",
        ..USUAL
    },
    Row {
        id: "F24",
        what: "lag is that behind what was sent",
        design: "protocol = \"primary-backup\"\nreads = \"nearest\"\nmax-lag = { time = \"1s\", ask-every = \"200ms\" }",
        wrong: "mutant = \"F24\"",
        ..USUAL
    },
    Row {
        id: "L1",
        what: "the last writer by a wall clock that is ahead",
        faults: "[[fault]]\nat = \"5s\"\nfor = \"25s\"\nclock_step = { nodes = [\"ap\"], by = \"5s\" }",
        design: "protocol = \"last-writer-wins\"\nmax-offset = \"10s\"",
        wrong: "clock = \"wall\"",
        right: "clock = \"hybrid\"",
        expect: "lost_acknowledged_writes = 0",
        how: How::Planned(20),
        ..USUAL
    },
    Row {
        id: "L3",
        what: "what is compared is stamped by another clock",
        world: ONE_AHEAD,
        design: "protocol = \"last-writer-wins\"",
        wrong: "mutant = \"L3\"",
        ..USUAL
    },
    Row {
        id: "L5",
        what: "the items of a transaction are sent one by one",
        world: ROWS,
        design: "protocol = \"last-writer-wins\"",
        wrong: "mutant = \"L5\"",
        ..USUAL
    },
    Row {
        id: "H2",
        what: "the counter of a hybrid clock begins again",
        world: ONE_AHEAD,
        design: "protocol = \"last-writer-wins\"",
        wrong: "mutant = \"H2\"",
        ..USUAL
    },
    Row {
        id: "H4",
        what: "a stamp from the future takes all hybrid clocks along",
        world: MOVING,
        faults: "[[fault]]\nat = \"100ms\"\nfor = \"800ms\"\nclock_step = { nodes = [\"third\"], by = \"1h\" }\n\
                 [[fault]]\nat = \"900ms\"\nquiesce = [\"third\"]\n\
                 [[fault]]\nat = \"50ms\"\nfor = \"10s\"\nisolate = [\"there\"]",
        design: "protocol = \"last-writer-wins\"\nrouting = { policy = \"nearest\", roam = { ratio = \"100%\", to = \"there\", at = \"2s\" } }",
        wrong: "max-offset = \"10h\"",
        right: "max-offset = \"500ms\"",
        expect: "\"bounded-staleness:4s\" = \"pass\"",
        how: How::Planned(20),
    },
    Row {
        id: "W1",
        what: "a version's past is pruned",
        world: READ_FIRST,
        design: "protocol = \"siblings\"",
        wrong: "mutant = \"W1\"",
        ..USUAL
    },
    Row {
        id: "W3",
        what: "a write without a context overwrites",
        world: READ_FIRST,
        design: "protocol = \"siblings\"",
        wrong: "mutant = \"W3\"",
        ..USUAL
    },
    Row {
        id: "K3",
        what: "a removal takes out insertions that it has not seen",
        world: SETS,
        design: "protocol = \"crdt\"\ntype = \"or-set\"\nship = \"operation\"",
        wrong: "mutant = \"K3\"",
        ..USUAL
    },
    Row {
        id: "K5",
        what: "a delta is joined after a gap",
        world: COUNTERS,
        design: "protocol = \"crdt\"\ntype = \"pn-counter\"",
        wrong: "mutant = \"K5\"",
        ..USUAL
    },
    Row {
        id: "K6",
        what: "tombstones go before their removal is stable",
        world: LISTS,
        design: "protocol = \"crdt\"\ntype = \"rga\"\nship-every = \"1s\"",
        wrong: "mutant = \"K6\"",
        ..USUAL
    },
    Row {
        id: "K7",
        what: "rights are given before the disk knows",
        world: CRASHING_COUNTER,
        design: "protocol = \"crdt\"\ntype = \"bounded-counter\"\nship-every = \"1s\"\ngossip-every = \"5s\"",
        wrong: "mutant = \"K7\"",
        ..USUAL
    },
    Row {
        id: "K8",
        what: "elements at one place are in the order in which they came",
        world: LISTS,
        design: "protocol = \"crdt\"\ntype = \"rga\"\nship = \"operation\"",
        wrong: "mutant = \"K8\"",
        ..USUAL
    },
    Row {
        id: "S2",
        what: "a session's token is lost with its region",
        world: ROAMING,
        faults: "[[fault]]\nat = \"500ms\"\ndelay = { add = \"400ms\", links = [[\"here\", \"there\"]] }",
        design: "protocol = \"causal\"",
        wrong: "routing = { policy = \"nearest\", roam = { ratio = \"100%\", to = \"there\", at = \"2s\", token = \"lost\" } }",
        right: "routing = { policy = \"nearest\", roam = { ratio = \"100%\", to = \"there\", at = \"2s\", token = \"kept\" } }",
        expect: "read-your-writes = \"pass\"",
        how: How::Planned(20),
    },
    Row {
        id: "S3",
        what: "a tentative write is taken for confirmed",
        world: SHORT,
        design: "protocol = \"hub\"\nacknowledge = \"confirmed\"\nreport-every = \"4s\"\nsilent-after = \"9s\"",
        wrong: "mutant = \"S3\"",
        ..USUAL
    },
    Row {
        id: "P1",
        what: "an acceptor's promise is not on disk",
        world: LOST_ON_DISKS,
        faults: "[[fault]]\nat = \"600ms\"\nfor = \"20ms\"\ncrash = [\"s2\"]\n\
                 [[fault]]\nat = \"1200ms\"\nfor = \"20ms\"\ncrash = [\"s3\"]\n\
                 [[fault]]\nat = \"1800ms\"\nfor = \"20ms\"\ncrash = [\"s2\"]",
        design: "protocol = \"caspaxos\"\nhold = \"1ms\"\npiggyback = false\nbackoff = \"20ms\"\nresend-after = \"200ms\"",
        wrong: "mutant = \"P1\"",
        how: How::Planned(100),
        ..USUAL
    },
    Row {
        id: "P2",
        what: "a proposer does not go on from what may be chosen",
        world: SHORT_ON_DISKS,
        design: "protocol = \"caspaxos\"",
        wrong: "mutant = \"P2\"",
        how: How::Planned(100),
        ..USUAL
    },
    Row {
        id: "P5",
        what: "a read tells what no majority may have",
        world: SHORT_ON_DISKS,
        design: "protocol = \"caspaxos\"",
        wrong: "mutant = \"P5\"",
        how: How::Planned(100),
        ..USUAL
    },
    Row {
        id: "P6",
        what: "a write is refused that was sent to acceptors",
        world: SHORT_ON_DISKS,
        faults: "[[fault]]\nat = \"500ms\"\nfor = \"2s\"\nisolate = [\"us\"]\n",
        design: "protocol = \"caspaxos\"\nconflict = \"reject\"",
        wrong: "mutant = \"P6\"",
        how: How::Planned(1_000),
        ..USUAL
    },
];
