//! An orchestrator and a replica, one node at a time.

use crate::id::NodeId;
use crate::protocol::primary_backup::{self, Office, Position, Sign};
use crate::protocol::raft::Group;
use crate::protocol::{Effect, Harness, Protocol, Role};
use crate::time::{Duration, Time};
use crate::trace::Observation;

use super::{Message, Options, Orchestrated, Timer};

const SEATS: [(&str, Role); 4] =
    [("a", Role::Replica), ("b", Role::Replica), ("c", Role::Replica), ("d", Role::Monitor)];
const A: NodeId = NodeId(0);
const B: NodeId = NodeId(1);
const C: NodeId = NodeId(2);
const D: NodeId = NodeId(3);
const FIRST: Office = Office { epoch: 1, primary: A };

/// One node of the group: replicas in a, b and c, the only orchestrator in d.
struct Lone {
    harness: Harness<Orchestrated>,
    node: Orchestrated,
}

impl Lone {
    fn start(me: NodeId, options: Options) -> Lone {
        let orchestrators = Group { leader: Some("d".into()), ..Group::default() };
        let options = Options { orchestrators, ..options };
        let mut harness = Harness::with_roles(&SEATS, me.0);
        let node = Orchestrated::start(&options, Vec::new(), &mut harness.context());
        let mut lone = Lone { harness, node };
        lone.wants();
        lone
    }

    fn hear(&mut self, from: NodeId, message: Message) {
        self.node.on_message(from, message, &mut self.harness.context());
    }

    fn wake(&mut self, timer: Timer) {
        self.node.on_timer(timer, &mut self.harness.context());
    }

    /// What it wants; what it sends itself has arrived.
    fn wants(&mut self) -> Vec<Effect<Orchestrated>> {
        let mut all = Vec::new();
        loop {
            let wanted = self.harness.effects();
            if wanted.is_empty() {
                return all;
            }
            let me = self.harness.context().me();
            for effect in wanted {
                match effect {
                    Effect::Send { to, message, .. } if to == me => self.hear(me, message),
                    effect => all.push(effect),
                }
            }
        }
    }

    fn observes(&mut self) -> Vec<Observation> {
        let told = self.wants().into_iter().filter_map(|effect| match effect {
            Effect::Observe(observation) => Some(observation),
            _ => None,
        });
        told.collect()
    }

    /// A replica is there, with so many entries.
    fn is_told_by(&mut self, replica: NodeId, entries: u64, hears: bool) {
        let last = Position { epoch: entries.min(1), index: entries };
        let leads = replica == A;
        let sign = Sign { office: FIRST, last, leads, leased: true, stranded: false, clock: Time::ZERO };
        self.hear(replica, Message::Sign { sign, hears });
    }

    /// Whom it tells to be the primary of the second epoch.
    fn promotes(&mut self) -> Option<NodeId> {
        self.wants().into_iter().find_map(|effect| match effect {
            Effect::Send { to, message: Message::Database(primary_backup::Message::Ping { office, .. }), .. } => {
                (office == Office { epoch: 2, primary: to }).then_some(to)
            }
            _ => None,
        })
    }
}

/// An orchestrator that has not heard the primary for `detect`, and the others lately.
fn without_a_primary(options: Options, hears: bool) -> Lone {
    let mut d = Lone::start(D, options);
    d.is_told_by(A, 9, false);
    d.harness.pass(Duration::secs(4));
    d.is_told_by(B, 7, hears);
    d.is_told_by(C, 8, false);
    d.wake(Timer::Poll);
    assert!(!d.observes().contains(&Observation::Suspected), "4 s are not yet 5");
    d.harness.pass(Duration::secs(1));
    d.wake(Timer::Poll);
    assert!(d.observes().contains(&Observation::Suspected));
    d
}

#[test]
fn the_most_advanced_is_promoted_once_nobody_hears_the_primary() {
    let mut d = without_a_primary(Options::default(), false);
    d.is_told_by(C, 8, false);
    assert_eq!(d.promotes(), None, "b was asked, too");
    d.is_told_by(B, 8, false);
    assert_eq!(d.promotes(), Some(B), "the first of equals");

    let mut d = without_a_primary(Options::default(), false);
    d.is_told_by(C, 8, false);
    d.wake(Timer::Choose);
    assert_eq!(d.promotes(), Some(C), "who is silent is not waited for");
    d.wake(Timer::Poll);
    assert!(d.observes().is_empty(), "it has `promote` and `detect` to show itself");
}

#[test]
fn a_primary_that_a_replica_hears_is_left_alone() {
    let mut d = without_a_primary(Options::default(), true);
    d.is_told_by(B, 8, true);
    d.is_told_by(C, 8, false);
    d.wake(Timer::Choose);
    assert_eq!(d.promotes(), None);
}

#[test]
fn nobody_is_promoted_who_may_not_be() {
    let mut d = without_a_primary(Options { candidates: Some(vec!["a".into()]), ..Options::default() }, false);
    d.is_told_by(B, 8, false);
    d.is_told_by(C, 8, false);
    assert_eq!(d.promotes(), None);
}

#[test]
fn a_replica_hears_its_primary_for_detect_after_its_last_word() {
    let mut b = Lone::start(B, Options::default());
    let ping = || Message::Database(primary_backup::Message::Ping { office: FIRST, grant: None });
    let hears = |b: &mut Lone| {
        b.hear(D, ping());
        let sign = b.wants().into_iter().find_map(|effect| match effect {
            Effect::Send { to: D, message: Message::Sign { hears, .. }, .. } => Some(hears),
            _ => None,
        });
        sign.expect("it answers")
    };
    assert!(!hears(&mut b));
    b.hear(A, Message::Beat);
    assert!(hears(&mut b));
    b.hear(C, Message::Beat); // no primary of its
    b.harness.pass(Duration::secs(5) - Duration::nanos(1));
    assert!(hears(&mut b));
    b.harness.pass(Duration::nanos(1));
    assert!(!hears(&mut b));
}

#[test]
fn a_primary_gives_signs_and_a_backup_none() {
    let beats = |me: NodeId| {
        let mut lone = Lone::start(me, Options::default());
        lone.wake(Timer::Beat);
        let to = lone.wants().into_iter().filter_map(|effect| match effect {
            Effect::Send { to, message: Message::Beat, .. } => Some(to),
            _ => None,
        });
        to.collect::<Vec<_>>()
    };
    assert_eq!((beats(A), beats(B)), (vec![B, C], Vec::new()));
}

#[test]
fn options_that_contradict_each_other_are_refused() {
    let wrong = |options: Options| Orchestrated::seats(&options, &["a", "b", "c"]).unwrap_err().option;
    assert_eq!(wrong(Options { detect: Duration::secs(2), ..Options::default() }), "detect");
    assert_eq!(wrong(Options { candidates: Some(vec!["b".into()]), ..Options::default() }), "candidates");
    let group = |orchestrators| Options { orchestrators, ..Options::default() };
    let elsewhere = Group { regions: Some(vec!["z".into()]), ..Group::default() };
    assert_eq!(wrong(group(elsewhere)), "orchestrators.regions");
    assert_eq!(wrong(group(Group { leader: Some("z".into()), ..Group::default() })), "orchestrators.leader");
    assert_eq!(wrong(Options { acknowledge: primary_backup::Acknowledge::First, ..Options::default() }), "acknowledge");
}
