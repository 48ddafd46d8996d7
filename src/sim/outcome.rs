//! What a run gave: the record of one run, judged.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::check::linearizable::{self, Violation};
use crate::check::monitor::{Breach, Durability, Failover, Invariant, Office, Stint, Versions};
use crate::check::{Counterexample, NOT_REGISTERS, Verdict};
use crate::history::History;
use crate::id::{ClientId, GroupId, Key, NodeId, RegionId, Role, Value};
use crate::metrics::{Latencies, Measures};
use crate::model::fault::{Action, Fault};
use crate::op::Object;
use crate::protocol::{Claim, Content, Guarantee, Protocol, Standing, State, Table};
use crate::time::{Duration, Time};
use crate::trace::{Digest, FaultKind, Rows, Trace};

use super::checkers::HealthChange;
use super::duplicates::Duplicates;
use super::judges::Judges;
use super::network::Traffic;
use super::objects::Miscount;
use super::record::{Acknowledged, Writes};
use super::service::NodeLoad;
use super::stonith::PowerOff;
use super::world::{Arena, World};

/// One run of one design, measured and judged.
#[derive(Clone, Debug)]
pub struct Run {
    /// The seed.
    pub seed: u64,
    /// The digest of everything that happened.
    pub digest: Digest,
    /// How much time was simulated, the quiet end included.
    pub simulated: Duration,
    /// How many events there were.
    pub events: u64,
    /// The names of the topology's regions.
    pub regions: Vec<Arc<str>>,
    /// The nodes.
    pub nodes: Vec<NodeInfo>,
    /// Whether each region has clients.
    pub has_clients: Vec<bool>,
    /// What clients saw: the rows that were asked for.
    pub history: History,
    /// The order in which the store had the versions of each key; `None` where not every row of the history is kept.
    pub versions: Option<Versions>,
    /// Keys whose rows show what is wrong: with them, a failed verdict comes with its operations. See [`explained`].
    ///
    /// [`explained`]: super::explained
    pub suspects: Vec<Key>,
    /// The region of each client, by id.
    pub client_regions: Vec<RegionId>,
    /// What clients went through.
    pub measures: Measures,
    /// Retries and hedges that clients sent by a policy.
    pub retries: u64,
    /// Effects of writes beyond the first of each, where clients ask by a policy or without request ids.
    pub duplicate_effects: u64,
    /// What the work was to each node; empty where work takes no time.
    pub loads: Vec<NodeLoad>,
    /// How many cores were kept running in the mean, while clients asked, for nodes with a copy; where work takes no time,
    /// one for each of them.
    pub replica_cores: f64,
    /// What nodes sent each other.
    pub traffic: Traffic,
    /// Acknowledged writes that were lost, diverged, or discarded by rule.
    pub durability: Durability,
    /// Writes whose clients never heard.
    pub unanswered_writes: u64,
    /// Those of them that took effect all the same.
    pub unanswered_but_applied: u64,
    /// How much acknowledged time the worst loss covers: from the first to the last lost write that one node acknowledged.
    pub rpo: Duration,
    /// Changes of leader.
    pub failovers: Vec<Failover>,
    /// Who led, by group and epoch.
    pub offices: Vec<Office>,
    /// When each of them acknowledged writes.
    pub stints: Vec<Stint>,
    /// How long two leaders both acknowledged writes.
    pub dual_writer: Duration,
    /// When a leader took office for the first time; `None` where nobody ever led.
    pub first_leader: Option<Time>,
    /// The most leaders that one epoch had.
    pub leaders_per_epoch_max: usize,
    /// How far the counters are from what clients were told, all together: each by the copy that is farthest.
    pub miscounted: u64,
    /// Reads of counters that showed less than zero.
    pub reads_below_zero: u64,
    /// The most values that one read of a register showed, where it showed several; else 0.
    pub siblings_max: u32,
    /// How many reads of rows showed some part of a put without the rest.
    pub fractured_reads: u64,
    /// How many reads of rows showed two puts in another order than an earlier read.
    pub long_forks: u64,
    /// How many numbers of sequences were given to a client that another had.
    pub numbers_given_twice: u64,
    /// Reads that returned a value which had been overwritten, and for how long it had.
    pub stale_reads: Latencies,
    /// How many reads there were.
    pub reads: u64,
    /// The longest time in which the clients of every region were out at once, as below.
    pub outage: Duration,
    /// The longest time between two acknowledged writes of a region's clients in which a write failed or went without an
    /// answer, from the fault where one came between.
    pub outage_by_region: Vec<Duration>,
    /// From the end of the last fault, the longest time until a region's clients could write again, as above.
    pub recovery_after_heal: Duration,
    /// What each fault did.
    pub ledger: Vec<LedgerEntry>,
    /// When health checkers agreed that a node was healthy or not, other than before.
    pub health: Vec<HealthChange>,
    /// The machines that lost their power to managers who missed them.
    pub powered_off: Vec<PowerOff>,
    /// Every guarantee, judged, whether or not the design claims it.
    pub verdicts: Vec<Judged>,
    /// What the design claims in such a world.
    pub claims: Vec<Claim>,
    /// The invariants that the run was held to.
    pub invariants: Vec<Invariant>,
    /// Those that were broken. Whatever the scenario expects, such a run is not good.
    pub breaches: Vec<Breach>,
    /// The lines that were asked for.
    pub trace: Trace,
}

/// A node, for reports.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodeInfo {
    /// Its name.
    pub name: Arc<str>,
    /// Where it is.
    pub region: RegionId,
    /// In which zone of that, by its place.
    pub zone: Option<u8>,
    /// What it is for.
    pub role: Role,
}

/// A guarantee and what was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Judged {
    /// What was asked.
    pub guarantee: Guarantee,
    /// What was found.
    pub verdict: Verdict,
    /// How many steps the checker took.
    pub steps: u64,
}

/// What a planned fault did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LedgerEntry {
    /// Its kind.
    pub kind: FaultKind,
    /// When it was to begin.
    pub at: Time,
    /// Whether it began.
    pub fired: bool,
    /// How many messages, nodes or events it touched; see [`Action`](crate::model::fault::Action) for what each counts.
    pub touched: u64,
    /// Whether the run is still good where it touched nothing.
    pub may_touch_nothing: bool,
}

impl LedgerEntry {
    /// Whether this fault makes the run's results suspect: it was planned, and hit nothing.
    pub fn is_void(&self) -> bool {
        self.touched == 0 && !self.may_touch_nothing
    }
}

impl Run {
    /// What was found about one guarantee.
    pub fn verdict(&self, guarantee: Guarantee) -> &Judged {
        self.verdicts.iter().find(|judged| judged.guarantee == guarantee).expect("every guarantee is judged")
    }

    /// Claims of the design that were made for faults like this run's, and do not hold here.
    pub fn broken_claims(&self) -> impl Iterator<Item = &Judged> {
        let kinds: BTreeSet<FaultKind> =
            self.ledger.iter().filter(|entry| entry.fired).map(|entry| entry.kind).collect();
        let made = move |claim: &&Claim| kinds.iter().all(|kind| claim.covers(*kind));
        self.claims
            .iter()
            .filter(made)
            .map(|claim| self.verdict(claim.guarantee))
            .filter(|judged| !judged.verdict.is_pass())
    }

    /// The recovery time: the longest failover, or the longest outage of every region at once if that is longer.
    pub fn recovery(&self) -> Duration {
        self.failovers.iter().filter_map(Failover::total).max().unwrap_or_default().max(self.outage)
    }
}

impl<P: Protocol> World<'_, P> {
    /// Judges what happened.
    pub(super) fn judge(mut self) -> (Run, Arena<P>) {
        self.give_up_all();
        self.docket.ask(); // from here on they have heard everything
        let states = self.states();
        let copies = |standing: Standing| {
            let values = states.iter().filter(move |(_, s)| s.standing == standing).flat_map(|(_, s)| s.values());
            values.flat_map(|(_, values)| values.iter().copied())
        };
        // Which values are there is asked only where some write has been put an end to.
        let serving =
            if self.judges().lineage.has_ended() { copies(Standing::Serving).collect() } else { BTreeSet::new() };
        let overtaken = self.overtaken(&states, &serving);
        let durability =
            self.judges().lineage.durability(copies(Standing::Serving), copies(Standing::Stranded), overtaken);
        let unanswered = self.judges().record.writes.open();
        let (unanswered, applied) = unanswered.fold((0, 0), |(all, applied), value| {
            (all + 1, applied + u64::from(self.judges().lineage.is_applied(value)))
        });
        let regions = self.setup.topology.regions();
        let faults: Vec<Time> = self.setup.faults.iter().map(|fault| fault.at).collect();
        let end = Time::ZERO + self.setup.duration;
        let healed = healed(&self.setup.faults, end);
        let outages: Vec<_> = self.judges().record.outages.iter().map(|outages| outages.finish(end, &faults)).collect();
        let client_regions = self.clients.regions();
        let asks = |(id, _): &(usize, &RegionId)| !self.is_checker(ClientId(*id as u32));
        let with_clients: BTreeSet<usize> =
            client_regions.iter().enumerate().filter(asks).map(|(_, region)| region.index()).collect();
        let for_everyone = with_clients.iter().map(|place| outages[*place].clone()).reduce(|a, b| shared(&a, &b));
        let miscounts = self.miscounts(&states);
        let mut suspects = BTreeSet::new();
        let verdicts = vec![
            self.judge_linearizability(&mut suspects),
            self.judge_convergence(&states, &mut suspects),
            self.judge_loss(&durability, &miscounts, &mut suspects),
            self.judge_leaders(),
            self.judge_writers(),
        ];
        let keeps_all = *self.trace.rows() == Rows::All;
        self.conclude_invariants(&durability);
        let infos = self.node_infos();
        let loads = self.service.as_ref().map_or(Vec::new(), |service| service.loads(end));
        self.conclude_counters(&states);
        let Judges { lineage, record, .. } = self.judges();
        let versions = keeps_all.then(|| lineage.versions(&record.history));
        let run = Run {
            replica_cores: replica_cores(&infos, &loads, self.setup.duration),
            loads,
            invariants: self.asked_invariants(),
            breaches: self.breaches(),
            seed: self.seed,
            digest: self.digest,
            simulated: self.now.since(Time::ZERO),
            events: self.events,
            regions: regions.to_vec(),
            nodes: infos,
            has_clients: (0..regions.len())
                .map(|r| self.setup.workload.clients.get(r).is_some_and(|n| *n > 0))
                .collect(),
            suspects: suspects.into_iter().collect(),
            unanswered_writes: unanswered,
            unanswered_but_applied: applied,
            rpo: self.rpo(&durability),
            outage: longest(&for_everyone.unwrap_or_default()),
            outage_by_region: outages.iter().map(|outages| longest(outages)).collect(),
            recovery_after_heal: longest(
                &outages.iter().flat_map(|outages| after(healed, outages)).collect::<Vec<_>>(),
            ),
            client_regions,
            traffic: self.network.traffic,
            durability,
            failovers: self.judges().failovers.all().to_vec(),
            offices: self.judges().leaders.offices().collect(),
            stints: self.judges().writers.stints().to_vec(),
            dual_writer: self.judges().writers.overlap(),
            first_leader: self.judges().leaders.first(),
            leaders_per_epoch_max: self.judges().leaders.per_epoch_max(),
            miscounted: miscounts.iter().map(|miscount| miscount.by).sum(),
            reads_below_zero: self.judges().record.counts.below_zero(),
            siblings_max: self.judges().record.siblings_max,
            stale_reads: std::mem::take(&mut self.docket.ask().record.stale_reads),
            reads: self.judges().record.reads(),
            fractured_reads: self.judges().record.rows_seen.fractured_reads(),
            numbers_given_twice: self.judges().record.numbers.given_twice(),
            long_forks: self.judges().record.rows_seen.long_forks(),
            ledger: self.faults.ledger(&self.setup.faults),
            health: self.router.map_or(Vec::new(), |router| router.checkers.changes),
            powered_off: self.managers.map_or(Vec::new(), |managers| managers.offs),
            verdicts,
            claims: P::claims(self.options).into_iter().filter(|claim| self.setup.admits(claim)).collect(),
            retries: self.retries.as_ref().map_or(0, |retries| retries.sent),
            duplicate_effects: self.duplicates.as_ref().map_or(0, Duplicates::total),
            versions,
            measures: std::mem::take(&mut self.docket.ask().measures),
            history: std::mem::take(&mut self.docket.ask().record.history),
            trace: self.trace.with_passages(self.network.passages.unwrap_or_default()),
        };
        let World { future, outbox, in_flight, docket, inside, .. } = self;
        (run, Arena { future, outbox, in_flight, docket, inside })
    }

    /// With every row at hand the smallest counterexample of all keys; with those of the key that failed first, its own;
    /// else what was seen as it happened.
    fn judge_linearizability(&self, suspects: &mut BTreeSet<Key>) -> Judged {
        let guarantee = Guarantee::Linearizable;
        let found = self.judges().record.linearizable.finish();
        let judged = |verdict| Judged { guarantee, verdict, steps: found.steps };
        match self.setup.workload.objects.object() {
            Object::Row => return self.judge_columns(found, suspects),
            Object::Sequence => return self.judge_numbers(),
            Object::Register | Object::Counter | Object::Set | Object::List => {}
        }
        if found.first.is_none() && !self.judges().record.is_of_registers() {
            return judged(Verdict::Inconclusive { why: NOT_REGISTERS.to_string() });
        }
        let Some(first) = found.first else {
            return judged(match found.keys_inconclusive {
                0 => Verdict::Pass,
                keys => Verdict::Inconclusive { why: format!("{keys} keys could not be judged") },
            });
        };
        suspects.insert(first.key);
        match self.trace.rows() {
            Rows::All if self.judges().record.is_of_registers() => {
                judged(linearizable::linearizable(&self.judges().record.history))
            }
            rows if rows.keeps(first.key) && self.judges().record.is_of_registers() => {
                judged(linearizable::judge_key(&self.judges().record.history, first.key).verdict)
            }
            _ => {
                let Violation { key, operation, at } = first;
                let why = format!("{key}: operation {} had no place in any order when it ended, at {at}", operation.0);
                judged(Verdict::Fail(Counterexample { why, operations: Vec::new() }))
            }
        }
    }

    fn node_infos(&self) -> Vec<NodeInfo> {
        let info = |(place, node): (usize, &super::node::Node<P>)| NodeInfo {
            name: self.network.place(place).name.clone(),
            region: node.region,
            zone: self.network.place(place).zone,
            role: node.role,
        };
        self.nodes.iter().enumerate().map(info).collect()
    }

    /// The copies of the nodes that are up.
    fn states(&self) -> Vec<(NodeId, State)> {
        let up = self.nodes.iter().enumerate().filter_map(|(place, node)| Some((place, node.protocol.as_ref()?)));
        up.map(|(place, protocol)| (NodeId(place as u16), protocol.state())).collect()
    }

    fn judge_convergence(&self, states: &[(NodeId, State)], suspects: &mut BTreeSet<Key>) -> Judged {
        let mut steps = 0;
        for group in 0..self.groups.len() {
            let in_group = |node: &NodeId| self.nodes[node.index()].group == GroupId(group as u16);
            let mut serving = states.iter().filter(|(node, s)| in_group(node) && s.standing == Standing::Serving);
            let Some((first, reference)) = serving.next() else { continue };
            for (node, state) in serving {
                steps += state.copy.len().max(reference.copy.len()) as u64;
                if let Some(difference) = first_difference(reference, state) {
                    suspects.insert(difference.0);
                    let left = self.service.as_ref().map_or(0, |service| service.left());
                    let left = left + self.streams.as_ref().map_or(0, |streams| streams.left());
                    let verdict = match left {
                        0 => self.fail_convergence(*first, *node, difference),
                        left => Verdict::Inconclusive {
                            why: format!(
                                "{left} pieces of work or messages still waited at the end: with a longer `settle` none would"
                            ),
                        },
                    };
                    return Judged { guarantee: Guarantee::Convergence, verdict, steps };
                }
            }
        }
        Judged { guarantee: Guarantee::Convergence, verdict: Verdict::Pass, steps }
    }

    fn fail_convergence(&self, a: NodeId, b: NodeId, (key, at_a, at_b): Difference) -> Verdict {
        let shown = |held: &Option<Content>| match held {
            None => "nothing".to_string(),
            Some(Content::Values(values)) if let [value] = values[..] => value.to_string(),
            Some(content) => content.to_string(),
        };
        let why = format!(
            "{} after the heal, {key} holds {} in {} and {} in {}",
            self.setup.settle,
            shown(&at_a),
            self.name(a),
            shown(&at_b),
            self.name(b)
        );
        let names = |held: &Option<Content>| match held {
            Some(Content::Values(values)) => values.clone(),
            _ => Vec::new(),
        };
        let (in_a, in_b) = (names(&at_a), names(&at_b));
        let written = |op: &crate::history::Operation| {
            op.op.name().is_some_and(|name| in_a.contains(&name) != in_b.contains(&name))
        };
        let operations = self.judges().record.history.iter().filter(written).map(|op| op.id).collect();
        Verdict::Fail(Counterexample { why, operations })
    }

    fn judge_loss(&self, durability: &Durability, miscounts: &[Miscount], suspects: &mut BTreeSet<Key>) -> Judged {
        let guarantee = Guarantee::NoAcknowledgedWriteLost;
        let steps = self.judges().record.linearizable.finish().steps;
        if let Some(miscount) = miscounts.first() {
            suspects.insert(miscount.key);
            let counterexample = Counterexample { why: self.miscount_in_words(miscount), operations: Vec::new() };
            return Judged { guarantee, verdict: Verdict::Fail(counterexample), steps };
        }
        let Some(first) = durability.lost.first() else { return Judged { guarantee, verdict: Verdict::Pass, steps } };
        suspects.extend(self.judges().record.writes.get(*first).map(|write| write.key));
        let why = self.loss_in_words(*first, durability.lost.len());
        let is_it = |op: &crate::history::Operation| op.acknowledged_write() == Some(*first);
        let operations = self.judges().record.history.iter().filter(is_it).map(|op| op.id).collect();
        Judged { guarantee, verdict: Verdict::Fail(Counterexample { why, operations }), steps }
    }

    pub(super) fn loss_in_words(&self, first: Value, lost: usize) -> String {
        let write = self.judges().record.writes.get(first).expect("it was acknowledged");
        let place = format!("{first} to {}, acknowledged at {} by {}", write.key, write.ended, self.name(write.server));
        match lost {
            1 => format!("one acknowledged write is gone: {place}"),
            lost => format!("{lost} acknowledged writes are gone; the first: {place}"),
        }
    }

    fn judge_leaders(&self) -> Judged {
        let verdict = match self.judges().leaders.violation() {
            None => Verdict::Pass,
            Some((epoch, holders)) => {
                let holders: Vec<String> =
                    holders.iter().map(|(node, at)| format!("{} from {at}", self.name(*node))).collect();
                let why = format!("epoch {epoch} had {} leaders: {}", holders.len(), holders.join(", "));
                Verdict::Fail(Counterexample { why, operations: Vec::new() })
            }
        };
        Judged { guarantee: Guarantee::OneLeaderPerEpoch, verdict, steps: self.judges().leaders.terms() as u64 }
    }

    fn judge_writers(&self) -> Judged {
        let overlap = self.judges().writers.overlap();
        let verdict = if overlap.is_zero() {
            Verdict::Pass
        } else {
            let why = format!("two leaders both acknowledged writes for {overlap}");
            Verdict::Fail(Counterexample { why, operations: Vec::new() })
        };
        Judged { guarantee: Guarantee::SingleWriter, verdict, steps: self.judges().leaders.terms() as u64 }
    }

    /// From the first to the last of the lost writes that one node acknowledged, for the node where that is longest.
    fn rpo(&self, durability: &Durability) -> Duration {
        let mut lost: BTreeMap<NodeId, (Time, Time)> = BTreeMap::new();
        for write in durability.lost.iter().filter_map(|value| self.judges().record.writes.get(*value)) {
            let (first, last) = lost.entry(write.server).or_insert((write.ended, write.ended));
            (*first, *last) = ((*first).min(write.ended), (*last).max(write.ended));
        }
        lost.values().map(|(first, last)| last.since(*first)).max().unwrap_or_default()
    }
}

/// The mean number of cores that were kept running for nodes with a copy, in so much time.
fn replica_cores(nodes: &[NodeInfo], loads: &[NodeLoad], asked: Duration) -> f64 {
    let replicas = || nodes.iter().enumerate().filter(|(_, node)| node.role == Role::Replica);
    if loads.is_empty() {
        return replicas().count() as f64;
    }
    let kept: f64 = replicas().map(|(place, _)| loads[place].kept.as_secs_f64()).sum();
    kept / asked.as_secs_f64().max(f64::MIN_POSITIVE)
}

fn longest(outages: &[(Time, Time)]) -> Duration {
    outages.iter().map(|(from, to)| to.since(*from)).max().unwrap_or_default()
}

/// When the last of these faults ends, by itself, by a heal or with the clients' time; the start, where there is none.
fn healed(faults: &[Fault], end: Time) -> Time {
    let heals = |fault: &Fault| {
        let after =
            faults.iter().filter(|other| other.action == Action::Heal && other.at >= fault.at).map(|heal| heal.at);
        after.chain([fault.lasts.map_or(end, |lasts| fault.at + lasts), end]).min()
    };
    faults.iter().filter(|fault| fault.at < end).filter_map(heals).max().unwrap_or(Time::ZERO)
}

/// The parts of these times that are after an instant.
fn after(instant: Time, times: &[(Time, Time)]) -> Vec<(Time, Time)> {
    times.iter().filter(|(_, to)| *to > instant).map(|(from, to)| ((*from).max(instant), *to)).collect()
}

/// The times that are in both lists, each in order and without overlap.
fn shared(a: &[(Time, Time)], b: &[(Time, Time)]) -> Vec<(Time, Time)> {
    let pairs = a.iter().flat_map(|(from, to)| b.iter().map(move |(f, t)| (*from.max(f), *to.min(t))));
    pairs.filter(|(from, to)| from < to).collect()
}

type Difference = (Key, Option<Content>, Option<Content>);

fn first_difference(a: &State, b: &State) -> Option<Difference> {
    if a.copy == b.copy && a.contents == b.contents {
        return None; // by far the usual case, and a tenth of the work
    }
    let held = |state: &State, key: &Key| {
        let single = state.copy.get(key).map(|value| Content::Values(vec![*value]));
        single.or_else(|| state.contents.get(key).cloned())
    };
    let all = [a, b].into_iter().flat_map(|state| state.copy.keys().chain(state.contents.keys()));
    let keys: BTreeSet<Key> = all.copied().collect();
    keys.into_iter().map(|key| (key, held(a, &key), held(b, &key))).find(|(_, x, y)| x != y)
}

/// Acknowledged writes that the serving copies show to be gone, whatever the protocol observed: their key holds values alone
/// whose writes had ended before they began. A check on the observations.
pub(super) fn overtaken(writes: &Writes, states: &[(NodeId, State)], groups: usize) -> Vec<Value> {
    let serving: Vec<_> = states.iter().filter(|(_, state)| state.standing == Standing::Serving).collect();
    if serving.is_empty() || groups > 1 {
        return Vec::new(); // with several groups each replica holds a part, and lineage alone judges
    }
    // By key: when the last of the writes that are held ended; never, where one has no answer.
    let mut held: Table<Key, Time> = Table::default();
    for (_, state) in &serving {
        for (key, values) in state.values() {
            for value in values {
                let ended = writes.get(*value).map_or(Time::NEVER, |write| write.ended);
                match held.get_mut(key) {
                    Some(last) => *last = (*last).max(ended),
                    None => drop(held.insert(key, ended)),
                }
            }
        }
    }
    let is_gone = |write: &Acknowledged| held.get(write.key).is_none_or(|ended| *ended < write.begun);
    writes.all_acknowledged().filter(is_gone).map(|write| write.value).collect()
}
