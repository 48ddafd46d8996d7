//! Owners that are not heard any more, and who takes over from them.
//!
//! The keys of a region at first are its *home*; a home has one owner, by the votes of most regions, in a term. Each owner signals what
//! it owns, and those who hear it support it; it serves while most have supported it for a signal that it sent less than
//! `silent-after` ago. A region that has not heard a home's owner for `take-over-after` asks for votes in a new term; who has heard it
//! within `silent-after` votes for nobody else, and who has voted supports no earlier term. So no two regions serve a home at once, as
//! far as their clocks run alike, and what an owner writes has its term for its epoch: it comes after all that owners before it wrote,
//! known or not. What of that the new owner does not know, and overwrites, is lost. Next: `bound.rs`.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::{Context, HomeRegion, Message, Options, OptionsError, Record};
use crate::id::{Key, NodeId};
use crate::time::{Duration, Time};

/// What becomes of the keys of a region that nobody hears.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
pub enum OwnerUnreachable {
    /// Requests for them are refused until it is back.
    #[default]
    Refuse,
    /// Another region takes over, by the votes of most.
    TakeOver,
}

/// What a node knows of a home: of the keys that one region had at first. The first two are on disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Home {
    /// The last term in which this node voted for an owner, or heard of one.
    pub voted: u64,
    /// For whom.
    pub heir: NodeId,
    /// The latest term of an owner that this node knows.
    pub term: u64,
    /// That owner.
    pub owner: NodeId,
    /// When the heir last signalled that it owns the home, or got this node's vote.
    pub signalled: Time,
}

/// A set of homes, by the seats of their regions.
pub type Homes = u64;

/// At most so many regions have homes.
const HOMES_MAX: usize = 64;

/// What a node knows of all homes, and of those who support it.
#[derive(Clone, Debug, Default, Hash)]
pub(super) struct Succession {
    /// By seat; none where nobody takes over.
    homes: Vec<Home>,
    /// By seat: since when this node owns it.
    since: Vec<Time>,
    /// Of each other, the last signal of this node that it supports: when that was sent, and the terms in which it has voted.
    supports: BTreeMap<NodeId, (Time, Vec<u64>)>,
    /// The term and the votes of this node's campaign, by seat.
    campaign: (u64, Vec<Vec<NodeId>>),
    /// No campaign begins before this.
    rests_until: Time,
}

impl Options {
    /// Whether regions can take over from each other.
    pub(super) fn can_take_over(&self, regions: usize) -> Result<(), OptionsError> {
        let why = if self.moves != super::Moves::Never {
            "keys that move one by one have no home to take over; leave out `moves`".to_string()
        } else if self.bound.is_some() {
            "a copy is bounded by what its owner says, and one that is lost says nothing; leave out `bound`".to_string()
        } else if !(3..=HOMES_MAX).contains(&regions) {
            format!("most of {regions} regions do not go on without one; there must be 3 to {HOMES_MAX}")
        } else if self.take_over_after <= self.silent_after {
            let why = format!("an owner serves for {} after it was heard; write a longer span", self.silent_after);
            return Err(OptionsError { option: "take-over-after", why });
        } else {
            return Ok(());
        };
        Err(OptionsError { option: "owner-unreachable", why })
    }
}

/// The seats in a set of homes.
fn seats(homes: Homes) -> impl Iterator<Item = usize> {
    (0..HOMES_MAX).filter(move |seat| homes >> seat & 1 == 1)
}

impl HomeRegion {
    pub(super) fn takes_over(&self) -> bool {
        self.options.owner_unreachable == OwnerUnreachable::TakeOver
    }

    /// Begins with what the disk has of the homes, if anything.
    pub(super) fn begin_to_succeed(&mut self, recovered: Option<Vec<Home>>, cx: &mut Context<Self>) {
        if !self.takes_over() {
            return;
        }
        let now = cx.now();
        let first = |node| Home { voted: 0, heir: node, term: 0, owner: node, signalled: now };
        let mut homes = recovered.unwrap_or_else(|| cx.members().iter().map(|member| first(member.node)).collect());
        homes.iter_mut().for_each(|home| home.signalled = now);
        let (since, votes) = (vec![now; homes.len()], vec![Vec::new(); homes.len()]);
        let rests_until = now + self.options.take_over_after;
        self.succession = Succession { homes, since, campaign: (0, votes), rests_until, ..Succession::default() };
        self.signal(cx);
    }

    /// The seat of the region at which a key is at home.
    pub(super) fn seat(key: Key, cx: &Context<Self>) -> usize {
        key.index() % cx.members().len()
    }

    /// The owner of a key's home, where somebody may take over, and its term.
    pub(super) fn successor(&self, key: Key, cx: &Context<Self>) -> Option<(u64, NodeId)> {
        self.succession.homes.get(HomeRegion::seat(key, cx)).map(|home| (home.term, home.owner))
    }

    /// Whether this node, the owner of a key's home as far as it knows, may serve: most support it.
    pub(super) fn is_supported(&self, key: Key, cx: &Context<Self>) -> bool {
        let seat = HomeRegion::seat(key, cx);
        let Succession { homes, since, supports, .. } = &self.succession;
        let Some(home) = homes.get(seat) else { return true };
        let supports_it = |(at, voted): &&(Time, Vec<u64>)| {
            *at >= since[seat] && cx.now().since(*at) < self.options.silent_after && voted[seat] <= home.term
        };
        let others = supports.values().filter(supports_it).count();
        home.voted <= home.term && 1 + others > cx.members().len() / 2
    }

    /// Tells everybody what this node owns.
    pub(super) fn signal(&mut self, cx: &mut Context<Self>) {
        let me = cx.me();
        let own = self.succession.homes.iter().enumerate().filter(|(_, home)| home.owner == me);
        let owns = own.map(|(seat, home)| (seat as u16, home.term)).collect();
        cx.broadcast(Message::Signal { at: cx.now(), owns });
    }

    /// A node owns these homes, in these terms. It is supported from here on where no later vote was given.
    pub(super) fn signalled(&mut self, from: NodeId, at: Time, owns: &[(u16, u64)], cx: &mut Context<Self>) {
        let before = self.on_disk();
        for (seat, term) in owns {
            let Some(home) = self.succession.homes.get_mut(usize::from(*seat)) else { return };
            if *term >= home.term {
                (home.term, home.owner) = (*term, from);
            }
            if *term >= home.voted {
                (home.voted, home.heir, home.signalled) = (*term, from, cx.now());
            }
        }
        self.persist_homes(&before, cx);
        let voted = self.succession.homes.iter().map(|home| home.voted).collect();
        cx.send(from, Message::Support { at, voted });
    }

    /// A node supports this one, for a signal that was sent then.
    pub(super) fn supported(&mut self, from: NodeId, at: Time, voted: Vec<u64>) {
        let support = self.succession.supports.entry(from).or_default();
        if at >= support.0 {
            *support = (at, voted);
        }
    }

    /// Asks for votes for the homes whose owners are not heard, and for its own which others have voted about.
    pub(super) fn campaign(&mut self, cx: &mut Context<Self>) {
        let (me, now) = (cx.me(), cx.now());
        let (after, silent) = (self.options.take_over_after, self.options.silent_after);
        if !self.takes_over() || now < self.succession.rests_until {
            return;
        }
        let is_doubted = |seat: usize, term: u64| {
            self.succession.supports.values().any(|(_, voted)| voted.get(seat).is_some_and(|voted| *voted > term))
        };
        let wants = |(seat, home): (usize, &Home)| {
            let is_candidate = home.heir == me || home.heir == home.owner || self.is_unheard(home.heir, silent, now);
            let is_lost = home.owner != me && self.is_unheard(home.owner, after, now) && is_candidate;
            let is_own = home.owner == me && (home.voted > home.term || is_doubted(seat, home.term));
            if is_lost || is_own { 1 << seat } else { 0 }
        };
        let wanted: Homes = self.succession.homes.iter().enumerate().map(wants).fold(0, |all, home| all | home);
        if wanted == 0 {
            return;
        }
        let heard = self.succession.supports.values().flat_map(|(_, voted)| voted).copied().max().unwrap_or(0);
        let voted = self.succession.homes.iter().map(|home| home.voted.max(home.term)).max().unwrap_or(0);
        let term = 1 + heard.max(voted).max(self.succession.campaign.0);
        self.succession.campaign = (term, vec![Vec::new(); self.succession.homes.len()]);
        // Two that begin at once do not begin at once again.
        self.succession.rests_until = now + cx.random_between(self.options.heartbeat, self.options.heartbeat * 4);
        let granted = self.vote_for(me, term, wanted, cx);
        self.voted(me, term, granted, cx);
        cx.broadcast(Message::Campaign { term, homes: wanted });
    }

    /// Gives this node's vote for each of these homes to a candidate, where it may; on disk too.
    fn vote_for(&mut self, candidate: NodeId, term: u64, homes: Homes, cx: &mut Context<Self>) -> Homes {
        let (before, me, now) = (self.on_disk(), cx.me(), cx.now());
        let silent_after = self.options.silent_after;
        let mut granted = 0;
        for seat in seats(homes) {
            let Some(home) = self.succession.homes.get_mut(seat) else { continue };
            // Who owns it itself votes for nobody else.
            let is_own = home.owner == me && home.heir == me;
            let is_free = home.heir == candidate || (!is_own && now.since(home.signalled) >= silent_after);
            if term > home.voted && is_free {
                (home.voted, home.heir, home.signalled) = (term, candidate, now);
                granted |= 1 << seat;
            }
        }
        self.persist_homes(&before, cx);
        granted
    }

    /// A candidate asks for this node's vote.
    pub(super) fn asked_to_vote(&mut self, from: NodeId, term: u64, homes: Homes, cx: &mut Context<Self>) {
        let homes = self.vote_for(from, term, homes, cx);
        cx.send(from, Message::Vote { term, homes });
    }

    /// A node votes for this one; whoever most vote for owns a home.
    pub(super) fn voted(&mut self, from: NodeId, term: u64, homes: Homes, cx: &mut Context<Self>) {
        if term != self.succession.campaign.0 {
            return;
        }
        let (before, me, now) = (self.on_disk(), cx.me(), cx.now());
        let mut won = false;
        for seat in seats(homes) {
            let Succession { homes, since, campaign: (_, votes), .. } = &mut self.succession;
            let (Some(home), Some(votes)) = (homes.get_mut(seat), votes.get_mut(seat)) else { continue };
            if !votes.contains(&from) {
                votes.push(from);
            }
            if votes.len() > cx.members().len() / 2 && home.term < term {
                (home.term, home.owner, since[seat]) = (term, me, now);
                won = true;
            }
        }
        self.persist_homes(&before, cx);
        if won {
            self.signal(cx);
        }
    }

    #[cfg(test)]
    pub(super) fn succession_of(&self, key: Key) -> (u64, NodeId) {
        let home = &self.succession.homes[key.index() % self.succession.homes.len()];
        (home.term, home.owner)
    }

    /// What of the homes is on disk.
    pub(super) fn on_disk(&self) -> Vec<Home> {
        self.succession.homes.iter().map(|home| Home { signalled: Time::ZERO, ..*home }).collect()
    }

    fn persist_homes(&mut self, before: &[Home], cx: &mut Context<Self>) {
        let homes = self.on_disk();
        if homes != before {
            cx.persist(Record::Homes(homes));
            self.logged += 1;
        }
    }
}

/// How long an owner goes unheard before another asks for votes, if nothing else is said.
pub(super) const TAKE_OVER_AFTER: Duration = Duration::secs(10);
