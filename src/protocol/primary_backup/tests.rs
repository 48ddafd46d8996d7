//! Handlers in, effects out.

use crate::id::{ClientId, Key, NodeId, RegionId, RequestId, Value};
use crate::op::{Op, Refusal, Reply};
use crate::protocol::{Claim, Effect, Guarantee, Harness, OptionsError, Protocol, Request, Role, Serves, Standing};
use crate::time::{Duration, Time};
use crate::trace::Observation;

use super::*;

const KEY: Key = Key(7);
const A: NodeId = NodeId(0);
const B: NodeId = NodeId(1);
const C: NodeId = NodeId(2);
/// The monitors of [`watched`].
const M: [NodeId; 3] = [NodeId(3), NodeId(4), NodeId(5)];

fn toml(text: &str) -> Options {
    toml::from_str(text).unwrap()
}

fn watched(me: u16) -> Harness<PrimaryBackup> {
    let monitor = Role::Monitor;
    let replica = Role::Replica;
    Harness::with_roles(
        &[("a", replica), ("b", replica), ("c", replica), ("a", monitor), ("b", monitor), ("c", monitor)],
        me,
    )
}

fn start(harness: &mut Harness<PrimaryBackup>, options: &Options) -> PrimaryBackup {
    PrimaryBackup::start(options, Vec::new(), &mut harness.context())
}

fn request(client: u32, sequence: u32, op: Op) -> Request<PrimaryBackup> {
    Request { id: RequestId { client: ClientId(client), sequence, entry: A }, op, session: () }
}

fn write(client: u32, sequence: u32, value: u64) -> Request<PrimaryBackup> {
    request(client, sequence, Op::Write(KEY, Value(value)))
}

/// Lets a lone primary's records sync, and returns everything else it wanted.
fn settle(node: &mut PrimaryBackup, harness: &mut Harness<PrimaryBackup>) -> Vec<Effect<PrimaryBackup>> {
    let mut all = Vec::new();
    loop {
        let me = harness.context().me();
        let (own, rest): (Vec<_>, Vec<_>) =
            harness.effects().into_iter().partition(|effect| matches!(effect, Effect::Send { to, .. } if *to == me));
        all.extend(rest);
        if own.is_empty() {
            return all;
        }
        for effect in own {
            let Effect::Send { message, .. } = effect else { unreachable!() };
            node.on_message(me, message, &mut harness.context());
        }
    }
}

fn replies(effects: &[Effect<PrimaryBackup>]) -> Vec<(u32, Reply)> {
    let reply = |effect: &Effect<_>| match effect {
        Effect::Reply { request, reply, .. } => Some((request.client.0, *reply)),
        _ => None,
    };
    effects.iter().filter_map(reply).collect()
}

fn sent(effects: &[Effect<PrimaryBackup>]) -> Vec<(NodeId, &Message)> {
    let send = |effect: &'_ Effect<PrimaryBackup>| matches!(effect, Effect::Send { .. });
    let parts = effects.iter().filter(|effect| send(effect)).map(|effect| match effect {
        Effect::Send { to, message, .. } => (*to, message),
        _ => unreachable!(),
    });
    parts.collect()
}

fn observed(effects: &[Effect<PrimaryBackup>]) -> Vec<Observation> {
    let observation = |effect: &Effect<_>| match effect {
        Effect::Observe(observation) => Some(*observation),
        _ => None,
    };
    effects.iter().filter_map(observation).collect()
}

fn sets(effects: &[Effect<PrimaryBackup>], wanted: Timer, span: Duration) -> bool {
    effects.iter().any(|e| matches!(e, Effect::SetTimer { timer, after } if *timer == wanted && *after == span))
}

fn entry(epoch: u64, value: u64) -> Entry {
    Entry { epoch, client: ClientId(9), sequence: value as u32, change: Change::Set(KEY, Value(value)) }
}

/// The entries that follow `after` in a log of one write an index.
fn append(epoch: u64, after: (u64, u64), entries: &[Entry]) -> Message {
    let after = Position { epoch: after.0, index: after.1 };
    let length = after.index + entries.len() as u64;
    Message::Append { epoch, stretch: Stretch { after, entries: entries.into(), length } }
}

#[test]
fn options_read_as_written_in_a_scenario() {
    for (text, wanted) in [
        (r#""local""#, Acknowledge::Local),
        (r#""one""#, Acknowledge::One),
        (r#""majority""#, Acknowledge::Majority),
        (r#""all""#, Acknowledge::All),
        (r#""first""#, Acknowledge::First),
        ("2", Acknowledge::Backups(2)),
    ] {
        assert_eq!(toml(&format!("acknowledge = {text}")).acknowledge, wanted);
    }
    let error = toml::from_str::<Options>(r#"acknowledge = "most""#).unwrap_err().to_string();
    assert!(error.contains(r#""local", "one", "majority", "all", "first" or a number of backups"#), "{error}");
    assert!(toml::from_str::<Options>("acknowledge = -1").is_err());
    let options = toml(r#"failover = { detect = "5s", promote = "10s" }"#);
    assert_eq!(options.failover, Some(Failover::default()));
    assert_eq!([2, 3, 4, 5].map(|copies| Acknowledge::Majority.count(copies - 1)), [1, 1, 2, 2]);
}

#[test]
fn seats_begin_with_the_primary_and_end_with_the_monitors() {
    let options = toml(r#"primary = "b""#);
    let seats = PrimaryBackup::seats(&options, &["a", "b", "c"]).unwrap();
    assert_eq!(seats, [1, 0, 2].map(|region| Seat::replica(RegionId(region))));
    assert_eq!(PrimaryBackup::serves(&options, OpKind::Read), Serves::Leader(Some("b".into())));
    let options = toml("primary = 'a'\nbackups = ['b']\nreads = 'nearest'\nfailover = {}");
    let seats = PrimaryBackup::seats(&options, &["a", "b", "c"]).unwrap();
    assert_eq!(
        seats.iter().map(|seat| (seat.region.0, seat.role)).collect::<Vec<_>>()[1..3],
        [(1, Role::Replica), (0, Role::Monitor)]
    );
    assert_eq!(seats.len(), 5, "a monitor in each region");
    assert_eq!(PrimaryBackup::serves(&options, OpKind::Read), Serves::AnyReplica);
}

#[test]
fn what_cannot_be_names_its_option() {
    for (text, option) in [
        ("primary = 'x'", "primary"),
        ("backups = ['a']", "backups"),
        ("backups = ['b', 'b']", "backups"),
        ("acknowledge = 3", "acknowledge"),
        ("backups = []\nacknowledge = 'one'", "acknowledge"),
        ("repair = '0s'", "repair"),
        ("acknowledge = 'one'\nsender-timeout = '5s'", "sender-timeout"),
        ("fencing = 'epoch'\nfailover = { demote-after = '1s' }", "failover.demote-after"),
        ("acknowledge = 'one'\nfailover = { probe = 'shallow' }", "failover.probe"),
        ("fencing = 'epoch'", "fencing"),
        ("fencing = 'epoch'\nlease = '6s'\nfailover = {}", "lease"),
        ("fencing = 'epoch'\nlease = '1s'\nfailover = {}", "lease"),
        ("fencing = 'epoch'\nlease = '2s'\nfailover = {}", "lease"),
        ("failover = { detect = '2s' }", "failover.detect"),
        ("failover = { heartbeat = '0s' }", "failover.heartbeat"),
        ("failover = { monitors = [] }", "failover.monitors"),
        ("failover = { quorum = 1 }", "failover.quorum"),
        ("failover = { quorum = 4 }", "failover.quorum"),
        ("failover = { candidates = ['b'] }", "failover.candidates"),
        ("backups = ['b']\nfailover = { candidates = ['a', 'c'] }", "failover.candidates"),
    ] {
        let OptionsError { option: named, why } = PrimaryBackup::seats(&toml(text), &["a", "b", "c"]).unwrap_err();
        assert_eq!(named, option, "{text}: {why}");
    }
}

#[test]
fn claims_depend_on_what_is_asked_for() {
    let claimed = |text: &str| -> Vec<&str> {
        let claims = PrimaryBackup::claims(&toml(text));
        let timeless = Claim::DISKS_KEEP.without(&FaultKind::OF_CLOCKS);
        assert!(claims.iter().all(|claim| [Claim::DISKS_KEEP, timeless].contains(&claim.under)));
        claims.iter().map(|claim| claim.guarantee.name()).collect()
    };
    let all: Vec<&str> = Guarantee::ALL.iter().map(|guarantee| guarantee.name()).collect();
    let sorted = |text| {
        let mut names = claimed(text);
        names.sort_by_key(|name| all.iter().position(|known| known == name));
        names
    };
    assert_eq!(sorted(""), all);
    assert_eq!(sorted("failover = {}"), ["convergence", "one-leader-per-epoch"]);
    assert_eq!(sorted("failover = {}\nreturning = 'refuse'"), ["convergence", "one-leader-per-epoch"]);
    assert_eq!(sorted("failover = {}\nacknowledge = 'all'"), all);
    assert_eq!(sorted("failover = {}\nacknowledge = 'all'\ncancel-wait-after = '1s'").len(), 2);
    assert_eq!(sorted("failover = {}\nfencing = 'epoch'\nacknowledge = 'one'"), all);
    assert_eq!(sorted("failover = {}\nacknowledge = 'one'").len(), 3);
    assert_eq!(sorted("failover = {}\nfencing = 'epoch'").last(), Some(&"single-writer"));
}

#[test]
fn a_write_waits_for_as_many_backups_as_it_must() {
    for (acknowledge, needed) in [("'local'", 0), ("'one'", 1), ("'all'", 2)] {
        let mut harness = Harness::new(&["a", "b", "c"], 0);
        let mut primary = start(&mut harness, &toml(&format!("acknowledge = {acknowledge}")));
        primary.on_request(write(1, 1, 5), &mut harness.context());
        let mut effects = settle(&mut primary, &mut harness);
        assert_eq!(sent(&effects).len(), 2, "it goes to both at once");
        for (acks, backup) in [B, C].into_iter().enumerate() {
            assert_eq!(replies(&effects), if acks == needed { vec![(1, Reply::Written)] } else { vec![] });
            primary.on_message(backup, Message::Ack { epoch: 1, index: 1 }, &mut harness.context());
            effects = settle(&mut primary, &mut harness);
        }
        assert_eq!(replies(&effects).len(), usize::from(needed == 2));
    }
}

#[test]
fn nobody_reads_what_may_yet_be_lost_but_a_compare_and_set_sees_it() {
    let mut harness = Harness::new(&["a", "b"], 0);
    let mut primary = start(&mut harness, &toml("acknowledge = 'one'"));
    primary.on_request(write(1, 1, 5), &mut harness.context());
    primary.on_request(request(2, 1, Op::Read(KEY)), &mut harness.context());
    let swap = Op::CompareAndSet { key: KEY, expected: Some(Value(5)), new: Value(6) };
    primary.on_request(request(3, 1, swap), &mut harness.context());
    primary.on_request(
        request(4, 1, Op::CompareAndSet { key: KEY, expected: None, new: Value(7) }),
        &mut harness.context(),
    );
    assert_eq!(replies(&settle(&mut primary, &mut harness)), [(2, Reply::Read(None))]);
    primary.on_message(B, Message::Ack { epoch: 1, index: 3 }, &mut harness.context());
    let effects = settle(&mut primary, &mut harness);
    assert_eq!(replies(&effects), [(1, Reply::Written), (3, Reply::Written), (4, Reply::Mismatch(Some(Value(6))))]);
    assert_eq!(primary.state().copy[&KEY], Value(6));
    // A retry is told the same, though it would find otherwise by now; one that was given up is not done at all.
    primary.on_request(
        request(4, 1, Op::CompareAndSet { key: KEY, expected: None, new: Value(7) }),
        &mut harness.context(),
    );
    primary.on_request(write(1, 1, 5), &mut harness.context());
    primary.on_request(write(1, 0, 4), &mut harness.context());
    let effects = settle(&mut primary, &mut harness);
    assert_eq!(replies(&effects), [(4, Reply::Mismatch(Some(Value(6)))), (1, Reply::Written)]);
    assert!(sent(&effects).is_empty());
}

#[test]
fn a_backup_takes_entries_in_order_however_they_come() {
    let mut harness = Harness::new(&["a", "b"], 1);
    let mut backup = start(&mut harness, &Options::default());
    backup.on_message(A, append(1, (1, 1), &[entry(1, 2)]), &mut harness.context());
    let effects = harness.effects();
    assert!(matches!(sent(&effects)[..], [(A, Message::Fetch { epoch: 1, .. })]), "the first word of its primary: ask");
    backup.on_message(A, append(1, (1, 2), &[entry(1, 3)]), &mut harness.context());
    assert!(harness.effects().is_empty(), "it waits for what was overtaken");
    backup.on_message(A, append(1, (0, 0), &[entry(1, 1)]), &mut harness.context());
    let effects = harness.effects();
    assert!(matches!(sent(&effects)[..], [(A, Message::Ack { epoch: 1, index: 3 })]));
    let applied = |value| Observation::Applied { key: KEY, value: Value(value) };
    assert_eq!(observed(&effects), [applied(1), applied(2), applied(3)]);
    backup.on_message(A, append(1, (1, 1), &[entry(1, 2)]), &mut harness.context());
    assert!(matches!(sent(&harness.effects())[..], [(A, Message::Ack { index: 3, .. })]), "again: it has it");
}

#[test]
fn a_backup_redirects_and_a_nearest_read_does_not_need_to() {
    let mut harness = Harness::new(&["a", "b"], 1);
    let mut backup = start(&mut harness, &toml("reads = 'nearest'"));
    backup.on_message(A, append(1, (0, 0), &[entry(1, 1)]), &mut harness.context());
    harness.effects();
    backup.on_request(write(1, 1, 5), &mut harness.context());
    backup.on_request(request(2, 1, Op::Read(KEY)), &mut harness.context());
    let effects = harness.effects();
    assert!(matches!(effects[0], Effect::Refuse { refusal: Refusal::Redirect(A), .. }));
    assert_eq!(replies(&effects), [(2, Reply::Read(Some(Value(1))))]);
}

/// An old primary with one write of its own, to which the primary of epoch 2 speaks.
fn an_old_primary_hears_of_its_successor(options: &Options) -> (PrimaryBackup, Vec<Effect<PrimaryBackup>>) {
    let mut harness = watched(0);
    let mut old = start(&mut harness, options);
    old.on_request(write(1, 1, 5), &mut harness.context());
    settle(&mut old, &mut harness);
    let opening = Entry { epoch: 2, client: ClientId(0), sequence: 0, change: Change::Open };
    old.on_message(B, append(2, (0, 0), &[opening, entry(2, 8)]), &mut harness.context());
    old.on_request(write(2, 1, 6), &mut harness.context());
    (old, harness.effects())
}

#[test]
fn who_returns_discards_or_is_refused() {
    let rolled_back = Observation::RolledBack { key: KEY, value: Value(5), now: None };
    let (discards, effects) = an_old_primary_hears_of_its_successor(&toml("failover = {}"));
    assert_eq!(observed(&effects)[..2], [Observation::SteppedDown { epoch: 1 }, rolled_back]);
    assert_eq!((discards.state().copy[&KEY], discards.state().standing), (Value(8), Standing::Serving));
    assert!(effects.iter().any(|e| matches!(e, Effect::Refuse { refusal: Refusal::Redirect(B), .. })));

    let (refused, effects) = an_old_primary_hears_of_its_successor(&toml("failover = {}\nreturning = 'refuse'"));
    assert_eq!(observed(&effects), [Observation::SteppedDown { epoch: 1 }]);
    assert_eq!((refused.state().copy[&KEY], refused.state().standing), (Value(5), Standing::Stranded));
    assert!(effects.iter().any(|e| matches!(e, Effect::Refuse { refusal: Refusal::Unavailable, .. })));
    assert!(
        effects.iter().any(|e| matches!(e, Effect::Persist { record: Record::Stranded })),
        "a restart changes nothing"
    );
}

#[test]
fn a_shallow_answer_does_not_wait_for_the_disk() {
    for (text, at_once) in [("failover = {}", false), ("failover = { probe = 'shallow' }", true)] {
        let mut harness = watched(1);
        let mut backup = start(&mut harness, &toml(text));
        harness.effects();
        backup.on_message(
            M[0],
            Message::Ping { office: Office { epoch: 1, primary: A }, grant: None },
            &mut harness.context(),
        );
        backup.on_message(M[0], Message::Collect { epoch: 2, source: None }, &mut harness.context());
        let answers: Vec<bool> = harness
            .effects()
            .iter()
            .filter_map(|effect| match effect {
                Effect::Send { message: Message::Pong(_) | Message::Report { .. }, unsynced, .. } => Some(*unsynced),
                _ => None,
            })
            .collect();
        assert_eq!(answers, [at_once; 2], "{text}");
    }
}

#[test]
fn nothing_of_an_older_epoch_is_taken_after_a_report() {
    let mut harness = watched(1);
    let mut backup = start(&mut harness, &toml("failover = {}"));
    harness.effects();
    backup.on_message(M[0], Message::Collect { epoch: 2, source: None }, &mut harness.context());
    let effects = harness.effects();
    assert!(matches!(effects[0], Effect::Persist { record: Record::Promise(2) }), "before it reports");
    assert!(matches!(sent(&effects)[..], [(to, Message::Report { epoch: 2, .. })] if to == M[0]));
    backup.on_message(A, append(1, (0, 0), &[entry(1, 1)]), &mut harness.context());
    assert!(matches!(sent(&harness.effects())[..], [(A, Message::Stale { epoch: 2 })]));
    assert!(backup.state().copy.is_empty());
    backup.on_request(write(1, 1, 5), &mut harness.context());
    assert!(matches!(harness.effects()[..], [Effect::Refuse { refusal: Refusal::Unavailable, .. }]), "nobody to ask");
}

#[test]
fn who_is_chosen_leads_after_its_promotion_and_is_ready_when_its_opening_is_held() {
    let mut harness = watched(1);
    let mut chosen = start(&mut harness, &toml("failover = { promote = '10s' }\nacknowledge = 'one'"));
    chosen.on_message(A, append(1, (0, 0), &[entry(1, 1)]), &mut harness.context());
    harness.effects();
    let office = Office { epoch: 2, primary: B };
    chosen.on_message(M[0], Message::Ping { office, grant: None }, &mut harness.context());
    let effects = harness.effects();
    assert!(sets(&effects, Timer::Promote, Duration::secs(10)) && observed(&effects).is_empty());
    chosen.on_timer(Timer::Promote, &mut harness.context());
    chosen.on_request(request(1, 1, Op::Read(KEY)), &mut harness.context());
    let effects = settle(&mut chosen, &mut harness);
    assert_eq!(observed(&effects), [Observation::Leader { epoch: 2 }]);
    assert!(replies(&effects).is_empty(), "what it has may not be held by enough");
    chosen.on_message(C, Message::Ack { epoch: 2, index: 2 }, &mut harness.context());
    let effects = settle(&mut chosen, &mut harness);
    assert_eq!(observed(&effects), [Observation::Ready { epoch: 2 }]);
    assert_eq!(replies(&effects), [(1, Reply::Read(Some(Value(1))))]);
}

#[test]
fn a_fenced_primary_serves_only_while_its_lease_lasts() {
    let mut harness = watched(0);
    let mut primary = start(&mut harness, &toml("fencing = 'epoch'\nfailover = {}"));
    primary.on_request(write(1, 1, 5), &mut harness.context());
    let office = Office { epoch: 1, primary: A };
    let grant = |from| Message::Ping { office, grant: Some(Time::ZERO + from) };
    primary.on_message(M[0], grant(Duration::ZERO), &mut harness.context());
    let effects = settle(&mut primary, &mut harness);
    assert_eq!(
        (observed(&effects), replies(&effects)),
        (vec![Observation::Leader { epoch: 1 }], vec![]),
        "one is no quorum"
    );
    primary.on_message(M[1], grant(Duration::secs(1)), &mut harness.context());
    let effects = settle(&mut primary, &mut harness);
    assert_eq!(replies(&effects), [(1, Reply::Written)]);
    assert_eq!(observed(&effects)[0], Observation::Ready { epoch: 1 });
    // The lease of 4 s counts from the second latest grant: 0 s. A pause may swallow its timer.
    harness.pass(Duration::secs(4));
    primary.on_request(request(2, 1, Op::Read(KEY)), &mut harness.context());
    let effects = settle(&mut primary, &mut harness);
    assert_eq!(observed(&effects), [Observation::SteppedDown { epoch: 1 }]);
    assert!(replies(&effects).is_empty());
    assert!(effects.iter().any(|e| matches!(e, Effect::Refuse { refusal: Refusal::Unavailable, .. })));
    primary.on_message(M[2], grant(Duration::secs(2)), &mut harness.context());
    let effects = settle(&mut primary, &mut harness);
    assert_eq!(observed(&effects), [Observation::Leader { epoch: 1 }, Observation::Ready { epoch: 1 }]);
}

#[test]
fn a_restarted_primary_asks_before_it_serves() {
    let disk = vec![Record::Boot, Record::Entry(entry(1, 1))];
    let mut harness = watched(0);
    let mut primary = PrimaryBackup::start(&toml("failover = {}"), disk.clone(), &mut harness.context());
    primary.on_request(request(1, 1, Op::Read(KEY)), &mut harness.context());
    let effects = settle(&mut primary, &mut harness);
    assert_eq!(observed(&effects), [Observation::Applied { key: KEY, value: Value(1) }]);
    assert!(matches!(effects.last(), Some(Effect::Refuse { .. })));
    for (monitor, leads) in [(M[0], false), (M[0], false), (M[1], true)] {
        let office = Office { epoch: 1, primary: A };
        primary.on_message(monitor, Message::Ping { office, grant: None }, &mut harness.context());
        let ready = observed(&settle(&mut primary, &mut harness)).contains(&Observation::Ready { epoch: 1 });
        assert_eq!(ready, leads, "two different monitors are a quorum");
    }
    let mut alone = Harness::new(&["a", "b"], 0);
    let mut primary = PrimaryBackup::start(&Options::default(), disk, &mut alone.context());
    assert!(observed(&settle(&mut primary, &mut alone)).contains(&Observation::Ready { epoch: 1 }), "who else should?");
}

/// A monitor that hears from the replicas at `a` and `b`, then no more from `a`, until it suspects.
fn a_suspicious_monitor(options: &Options) -> (PrimaryBackup, Harness<PrimaryBackup>) {
    let mut harness = watched(3);
    let mut monitor = start(&mut harness, options);
    let office = Office { epoch: 1, primary: A };
    harness.pass(Duration::secs(3));
    let sign =
        Sign { office, last: Position::default(), leads: true, leased: false, stranded: false, clock: Time::ZERO };
    monitor.on_message(A, Message::Pong(sign), &mut harness.context());
    let effects = harness.effects();
    assert!(sets(&effects, Timer::Suspect, Duration::secs(5)), "patience begins anew when a sign of life arrives");
    harness.pass(Duration::secs(5));
    monitor.on_message(B, Message::Pong(Sign { leads: false, ..sign }), &mut harness.context());
    monitor.on_timer(Timer::Suspect, &mut harness.context());
    let effects = harness.effects();
    assert_eq!(observed(&effects), [Observation::Suspected]);
    assert_eq!(sent(&effects).len(), 2, "it asks the other monitors");
    (monitor, harness)
}

#[test]
fn two_suspicions_of_three_elect_the_most_advanced_replica() {
    let (mut monitor, mut harness) = a_suspicious_monitor(&toml("failover = {}"));
    monitor.on_message(M[1], Message::Suspicion { epoch: 1 }, &mut harness.context());
    let effects = harness.effects();
    assert!(matches!(effects[0], Effect::Persist { record: Record::Promise(2) }), "its own vote is on disk first");
    assert_eq!(sent(&effects).iter().filter(|(_, m)| matches!(m, Message::Candidacy { epoch: 2 })).count(), 2);
    let vote = Message::Vote { epoch: 2, granted: true, highest: 2, lease_left: Duration::secs(9) };
    monitor.on_message(M[1], vote, &mut harness.context());
    assert_eq!(observed(&harness.effects()), [Observation::Decided { epoch: 2 }], "a voter's lease has not run out");
    monitor.on_timer(Timer::Fence, &mut harness.context());
    assert_eq!(observed(&harness.effects()), [Observation::Fenced { epoch: 2 }]);
    for (replica, index) in [(B, 11), (C, 10)] {
        let last = Position { epoch: 1, index };
        monitor.on_message(replica, Message::Report { epoch: 2, last }, &mut harness.context());
    }
    let effects = harness.effects();
    let office = Office { epoch: 2, primary: B };
    assert!(effects.iter().any(|e| matches!(e, Effect::Persist { record: Record::Office(o) } if *o == office)));
    let told =
        sent(&effects).iter().filter(|(_, m)| matches!(m, Message::Ping { office: o, .. } if *o == office)).count();
    assert_eq!(told, 5, "everybody hears of it");
}

#[test]
fn a_monitor_that_hears_the_primary_gives_no_vote() {
    let mut harness = watched(3);
    let mut monitor = start(&mut harness, &toml("failover = {}"));
    harness.effects();
    monitor.on_message(M[1], Message::Candidacy { epoch: 2 }, &mut harness.context());
    assert!(matches!(sent(&harness.effects())[..], [(_, Message::Vote { granted: false, .. })]));
    let (mut monitor, mut harness) = a_suspicious_monitor(&toml("failover = {}"));
    for (from, given) in [(M[1], true), (M[2], false)] {
        monitor.on_message(from, Message::Candidacy { epoch: 2 }, &mut harness.context());
        let effects = harness.effects();
        assert!(
            matches!(sent(&effects)[..], [(_, Message::Vote { granted, .. })] if *granted == given),
            "one vote an epoch"
        );
    }
}

/// A clock that may be off by 1 s measures a span with an error of up to 2 s; so may the primary's.
#[test]
fn a_monitor_that_forgot_its_leases_waits_for_the_longest_it_can_have_granted() {
    let options = toml("fencing = 'epoch'\nfailover = {}");
    let mut harness = watched(3);
    let start = |cx: &mut Context<_>| PrimaryBackup::start(&options, vec![Record::Boot], cx);
    let mut context = harness.context();
    context.uncertainty = Duration::secs(1);
    let mut monitor = start(&mut context);
    harness.pass(Duration::secs(5));
    monitor.on_timer(Timer::Suspect, &mut harness.context());
    harness.effects();
    monitor.on_message(M[1], Message::Candidacy { epoch: 2 }, &mut harness.context());
    let effects = harness.effects();
    let Message::Vote { granted, lease_left, .. } = sent(&effects)[0].1 else { panic!("no vote: {effects:?}") };
    assert_eq!((*granted, *lease_left), (true, Duration::secs(4 + 4 - 5)));
}

/// With one replica and nobody to watch it, it is a single copy on a disk.
#[test]
fn a_primary_needs_nobody() {
    let mut harness = Harness::new(&["a"], 0);
    let mut alone = start(&mut harness, &Options::default());
    alone.on_request(write(1, 1, 5), &mut harness.context());
    let effects = settle(&mut alone, &mut harness);
    assert_eq!(replies(&effects), [(1, Reply::Written)]);
    assert!(!effects.iter().any(|effect| matches!(effect, Effect::SetTimer { .. })));
}
