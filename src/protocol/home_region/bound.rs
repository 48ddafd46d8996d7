//! Copies that are bounded in how stale they may be: who reads knows until when its copy is whole, and who owns writes no more than
//! others may lack.
//!
//! Every node asks every other, each `probe-every`, for what it may lack, and says what of that it has by now. The answer has all that
//! its sender has written and the asker is not known to have. So whoever has an answer has all that was acknowledged there before it
//! asked; by its own clock alone, whatever others show. It reads its copy as long as no answer is older than `time`. And an owner that
//! counts what it wrote since knows how much another can lack. Next: `tests.rs`.

use std::collections::{BTreeMap, VecDeque};

use serde::Deserialize;

use super::{Context, HomeRegion, Message, OptionsError, Reads, Request, Timer, Version};
use crate::id::{Key, NodeId};
use crate::op::{Op, Refusal};
use crate::protocol::Role;
use crate::time::{Duration, Time};

/// How stale a copy may be that is read.
#[derive(Clone, Copy, Debug, Hash, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
pub struct Bound {
    /// So many acknowledged writes a copy may lack at most, of all regions together: each of n regions that write gets the (n-1)-th part
    /// of that, and waits when it has used it up. Default: 100.
    pub operations: u64,
    /// For so long at most what a read shows was overwritten when it was asked for: a node that cannot know that waits. Default: `"5s"`.
    pub time: Duration,
    /// How often each node asks each other for what it may lack, 1ms or longer. Default: `"250ms"`.
    pub probe_every: Duration,
    /// How long a request waits before it is refused, 1ms or longer. Default: `"2s"`.
    pub patience: Duration,
}

impl Default for Bound {
    fn default() -> Bound {
        Bound {
            operations: 100,
            time: Duration::secs(5),
            probe_every: Duration::millis(250),
            patience: Duration::secs(2),
        }
    }
}

impl Bound {
    /// Whether it can be kept among so many regions, with reads answered there.
    pub(super) fn fits(&self, reads: Reads, regions: usize) -> Result<(), OptionsError> {
        let why = if reads == Reads::Owner {
            "what the owner reads is never stale; write `reads = \"nearest\"` with it".to_string()
        } else if self.probe_every < Duration::SHORTEST_PERIOD || self.patience < Duration::SHORTEST_PERIOD {
            "nodes cannot ask all the time; write `probe-every` and `patience` as 1ms or longer".to_string()
        } else if self.time <= self.probe_every * 2 {
            format!("one lost answer would stop every read; write a `time` of more than two of {}", self.probe_every)
        } else if self.operations < (regions as u64).saturating_sub(1) {
            format!(
                "each region may write at least one that others lack; write `operations` as {} or more",
                regions - 1
            )
        } else {
            return Ok(());
        };
        Err(OptionsError { option: "bound", why })
    }
}

/// What a node knows of what it and each other lack.
#[derive(Clone, Debug, Default, Hash)]
pub(super) struct Lacks {
    /// A number of this node's present life: a restart counts anew.
    life: u64,
    /// How many writes it has made in it.
    made: u64,
    peers: BTreeMap<NodeId, Peer>,
    /// Requests that wait, and until when.
    waiting: VecDeque<(Time, Request<HomeRegion>)>,
}

/// What a node knows of one other.
#[derive(Clone, Debug, Default, Hash)]
struct Peer {
    /// So many of this node's writes it has on disk.
    has: u64,
    /// The keys that it may lack a version of, with the number of the last.
    lacks: BTreeMap<Key, u64>,
    /// Its life, as it said last, and how many of its writes in that life this node has on disk.
    life: u64,
    got: u64,
    /// This node has all that the other had acknowledged when this node's clock showed that.
    whole: Option<Time>,
}

impl HomeRegion {
    /// Begins to count; what is on disk may be lacking anywhere.
    pub(super) fn begin_to_bound(&mut self, cx: &mut Context<Self>) {
        let Some(bound) = self.options.bound else { return };
        self.lacks.life = 1 + cx.random(u64::MAX);
        self.lacks.made = self.entries.len() as u64;
        let numbered = self.entries.iter().zip(1..).map(|(entry, number)| (entry.key, number));
        let peer = Peer { lacks: numbered.collect(), ..Peer::default() };
        let replicas = cx.peers().filter(|peer| peer.role == Role::Replica);
        self.lacks.peers = replicas.map(|replica| (replica.node, peer.clone())).collect();
        let first = cx.random_between(Duration::ZERO, bound.probe_every);
        cx.set_timer(Timer::Probe, first);
    }

    /// This node wrote a key.
    pub(super) fn count(&mut self, key: Key) {
        if self.options.bound.is_some() {
            self.lacks.made += 1;
            let made = self.lacks.made;
            for peer in self.lacks.peers.values_mut() {
                peer.lacks.insert(key, made);
            }
        }
    }

    /// Whether what this node has of a key may be older than the bound lets it; never of a key that it owns.
    pub(super) fn may_be_stale(&self, key: Key, cx: &Context<Self>) -> bool {
        let Some(bound) = self.options.bound else { return false };
        if self.owner(key, cx) == cx.me() && self.entries.get(key).is_none_or(|entry| entry.gives.is_none()) {
            return false;
        }
        let now = cx.now();
        let is_old = |peer: &Peer| peer.whole.is_none_or(|whole| now.since(whole) > bound.time);
        self.lacks.peers.values().any(is_old)
    }

    /// Whether others may lack as many of this node's writes as they may.
    pub(super) fn is_far_ahead(&self) -> bool {
        let Some(bound) = self.options.bound else { return false };
        let share = bound.operations / (self.lacks.peers.len() as u64).max(1);
        self.lacks.peers.values().any(|peer| self.lacks.made + 1 > peer.has + share)
    }

    /// Lets a request wait.
    pub(super) fn wait(&mut self, request: Request<Self>, cx: &mut Context<Self>) {
        let Some(bound) = self.options.bound else { return };
        if self.lacks.waiting.is_empty() {
            cx.set_timer(Timer::Patience, bound.patience);
        }
        self.lacks.waiting.push_back((cx.now() + bound.patience, request));
    }

    fn must_wait(&self, op: &Op, cx: &Context<Self>) -> bool {
        if let Op::Read(key) = op { self.may_be_stale(*key, cx) } else { self.is_far_ahead() }
    }

    /// Serves those who need not wait any more, in the order in which they came.
    fn serve_waiting(&mut self, cx: &mut Context<Self>) {
        for (until, request) in std::mem::take(&mut self.lacks.waiting) {
            if self.must_wait(&request.op, cx) {
                self.lacks.waiting.push_back((until, request));
            } else {
                self.attend(request, cx);
            }
        }
        if self.lacks.waiting.is_empty() {
            cx.cancel_timer(Timer::Patience);
        }
    }

    /// Refuses what has waited for long enough.
    pub(super) fn give_up(&mut self, cx: &mut Context<Self>) {
        let Some(bound) = self.options.bound else { return };
        while let Some((until, request)) = self.lacks.waiting.pop_front() {
            if until > cx.now() {
                cx.set_timer(Timer::Patience, until.since(cx.now()).min(bound.patience));
                self.lacks.waiting.push_front((until, request));
                return;
            }
            cx.refuse(request.id, Refusal::Unavailable);
        }
    }

    /// Asks everybody for what this node may lack.
    pub(super) fn probe(&mut self, cx: &mut Context<Self>) {
        let Some(bound) = self.options.bound else { return };
        let at = cx.now();
        for (node, Peer { life, got, .. }) in &self.lacks.peers {
            cx.send(*node, Message::Probe { at, life: *life, got: *got });
        }
        cx.set_timer(Timer::Probe, bound.probe_every);
    }

    /// A node has so many of this one's writes, if they are of this life, and asks for the rest.
    pub(super) fn probed(&mut self, from: NodeId, at: Time, life: u64, got: u64, cx: &mut Context<Self>) {
        let Lacks { life: own, made, .. } = self.lacks;
        let Some(peer) = self.lacks.peers.get_mut(&from) else { return };
        if life == own && got > peer.has {
            peer.has = got;
            peer.lacks.retain(|_, number| *number > got);
        }
        let version = |key: &Key| Some((*key, self.entries.get(*key)?.version));
        let newer = peer.lacks.keys().filter_map(version).collect();
        cx.send(from, Message::Whole { at, life: own, made, newer });
        self.serve_waiting(cx);
    }

    /// A node's answer: with these versions this node has all that the other had acknowledged when it asked.
    pub(super) fn made_whole(
        &mut self,
        from: NodeId,
        (at, life, made): (Time, u64, u64),
        newer: Vec<(Key, Version)>,
        cx: &mut Context<Self>,
    ) {
        newer.into_iter().for_each(|(key, version)| self.learn(key, version, cx));
        let Some(peer) = self.lacks.peers.get_mut(&from) else { return };
        peer.got = if peer.life == life { peer.got.max(made) } else { made };
        peer.life = life;
        peer.whole = peer.whole.max(Some(at));
        self.serve_waiting(cx);
    }
}
