//! The network: a link from every place to every place, each message with a delay of its own.
//!
//! A link is not a pipe: messages on it do not wait for each other, but for the line where one carries only so much a second
//! (`line.rs`). A message on a link that is cut when it is sent, or when it would arrive, is lost.

use std::sync::Arc;

use crate::id::RegionId;
use crate::model::latency::Delay;
use crate::model::topology::Topology;
use crate::rng::{Stream, name_hash};
use crate::time::{Duration, Time};
use crate::trace::Passage;

use super::aside::Helper;
use super::dice::Source;
use super::impairment::{Hazard, Impairment, Way};
use super::line::Lines;

/// A place that messages come from and go to: a node, or the clients of a region.
pub(super) type Place = usize;

/// Places, links, and what is wrong with them.
#[derive(Debug)]
pub(super) struct Network {
    places: Vec<PlaceInfo>,
    /// By sender, then by receiver.
    links: Vec<Link>,
    weather: Vec<Weather>,
    /// Who throws dice ahead, if somebody has time to.
    helper: Option<Helper>,
    seed: u64,
    impairments: Vec<Impairment>,
    lines: Lines,
    /// The delays of the copies of the message sent last, where it was repeated.
    copies: Vec<Duration>,
    /// What was named at the instant in which something was named last.
    sent_now: Vec<Passage>,
    /// What got through in spite of losses, and of which fault; where somebody wants to know.
    pub(super) passages: Option<Vec<(usize, Passage)>>,
    pub(super) traffic: Traffic,
    /// How many delays were thrown that are shorter than their links allow: none, or one is wrong.
    pub(super) outran: u64,
}

#[derive(Debug)]
pub(super) struct PlaceInfo {
    pub(super) name: Arc<str>,
    pub(super) region: RegionId,
    /// The zone of a node; clients are in none.
    pub(super) zone: Option<u8>,
    pub(super) hash: u64,
}

impl PlaceInfo {
    pub(super) fn new(name: Arc<str>, region: RegionId, zone: Option<u8>) -> PlaceInfo {
        PlaceInfo { hash: name_hash(&name), name, region, zone }
    }
}

/// What every message meets on its way, in one place.
#[derive(Clone, Copy, Debug)]
struct Link {
    /// What its ends are in a digest.
    hash: u64,
    /// How many impairments touch it, and one more where it carries only so much a second: almost always none, so almost always
    /// one comparison.
    impaired: u16,
    crosses_regions: bool,
    /// How many of the delays that were thrown are used.
    used: u8,
    /// The delays of the next messages: several are thrown at a time, for the work of one has to wait for itself and that of several
    /// overlaps.
    thrown: [Duration; THROWN],
}

/// So many delays are thrown at a time.
const THROWN: usize = 16;

/// What a link's delays are like.
#[derive(Debug)]
struct Weather {
    delay: Delay,
    /// The least that a message takes.
    floor: Duration,
    /// Where delays come from, once one was needed; none, where they do not differ.
    source: Option<Source>,
}

/// How well a link does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Condition {
    /// Nothing passes.
    Cut,
    /// So many faults each take, damage, repeat or hold up some of what passes; none: it is whole.
    Impaired(usize),
}

/// What nodes sent each other.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Traffic {
    /// Messages between nodes, forwarded requests and their answers included, a node's messages to itself not.
    pub messages: u64,
    /// Their bytes.
    pub bytes: u64,
    /// The bytes of those that went from one region to another.
    pub cross_region_bytes: u64,
    /// Messages lost to cuts and loss, clients' messages included.
    pub lost: u64,
    /// Messages found damaged and dropped, clients' messages included.
    pub corrupted: u64,
    /// Messages that the network delivered once more than they were sent, clients' messages included.
    pub duplicated: u64,
    /// What streams sent again, copies of what had arrived included; it counts among neither messages nor bytes.
    pub retransmitted: u64,
    /// Connections that were opened.
    pub connections: u64,
    /// The longest that a message took to leave over its line, what was sent before it included: zero where lines carry whatever
    /// is sent.
    pub queued_max: Duration,
}

impl Network {
    pub(super) fn new(
        seed: u64,
        topology: &Topology,
        places: Vec<PlaceInfo>,
        is_filmed: bool,
        helper: Option<Helper>,
    ) -> Network {
        let n = places.len();
        let link = |link: usize| {
            let (from, to) = (&places[link / n], &places[link % n]);
            let crosses_zones =
                from.region == to.region && matches!((from.zone, to.zone), (Some(a), Some(b)) if a != b);
            let delay = if crosses_zones { *topology.zone_delay() } else { *topology.delay(from.region, to.region) };
            let weather = Weather { delay, floor: delay.floor(), source: None };
            let link = Link {
                hash: from.hash ^ to.hash.rotate_left(23),
                impaired: u16::from(topology.bandwidth(from.region, to.region).is_some()),
                crosses_regions: from.region != to.region,
                used: THROWN as u8,
                thrown: [Duration::ZERO; THROWN],
            };
            (link, weather)
        };
        let (links, weather) = (0..n * n).map(link).unzip();
        Network {
            links,
            weather,
            helper,
            seed,
            impairments: Vec::new(),
            lines: Lines::new(topology),
            copies: Vec::new(),
            sent_now: Vec::new(),
            passages: is_filmed.then(Vec::new),
            traffic: Traffic::default(),
            outran: 0,
            places,
        }
    }

    #[inline]
    pub(super) fn place(&self, place: Place) -> &PlaceInfo {
        &self.places[place]
    }

    pub(super) fn places(&self) -> &[PlaceInfo] {
        &self.places
    }

    #[inline]
    fn link(&self, from: Place, to: Place) -> usize {
        from * self.places.len() + to
    }

    /// What a link is in a digest.
    #[inline]
    pub(super) fn link_hash(&self, from: Place, to: Place) -> u64 {
        self.links[self.link(from, to)].hash
    }

    /// Counts a message from node to node that a stream takes.
    pub(super) fn count(&mut self, from: Place, to: Place, bytes: u32) {
        let crosses_regions = self.links[self.link(from, to)].crosses_regions;
        self.traffic.messages += 1;
        self.traffic.bytes += u64::from(bytes);
        self.traffic.cross_region_bytes += if crosses_regions { u64::from(bytes) } else { 0 };
    }

    /// Counts a message from node to node, and sends it.
    #[inline]
    pub(super) fn post(&mut self, from: Place, to: Place, bytes: u32, now: Time) -> Option<Duration> {
        let link = self.link(from, to);
        let state = &mut self.links[link];
        self.traffic.messages += 1;
        self.traffic.bytes += u64::from(bytes);
        self.traffic.cross_region_bytes += if state.crosses_regions { u64::from(bytes) } else { 0 };
        state.next_delay().or_else(|| self.send_on((link, from, to), bytes, now))
    }

    /// How long a message sent now will take; `None` where it does not arrive once: see [`copies`](Network::copies).
    #[inline]
    pub(super) fn send(&mut self, from: Place, to: Place, bytes: u32, now: Time) -> Option<Duration> {
        let link = self.link(from, to);
        self.links[link].next_delay().or_else(|| self.send_on((link, from, to), bytes, now))
    }

    #[inline(never)]
    fn send_on(&mut self, (link, from, to): (usize, Place, Place), bytes: u32, now: Time) -> Option<Duration> {
        if self.links[link].impaired > 0 {
            return self.send_over_impaired((link, from, to), bytes, now);
        }
        Some(self.draw(link))
    }

    /// How long the next message on a link takes by itself.
    fn draw(&mut self, link: usize) -> Duration {
        if usize::from(self.links[link].used) == THROWN {
            self.throw(link);
        }
        let state = &mut self.links[link];
        state.used += 1;
        state.thrown[usize::from(state.used) - 1]
    }

    /// Throws a link's dice for its next messages.
    fn throw(&mut self, link: usize) {
        let (Link { thrown, used, .. }, Weather { delay, floor, source }) =
            (&mut self.links[link], &mut self.weather[link]);
        *used = 0;
        if !delay.has_dispersion() {
            return thrown.fill(delay.median());
        }
        let (from, to) = (link / self.places.len(), link % self.places.len());
        let name = || format!("link {} > {}", self.places[from].name, self.places[to].name);
        let source = source.get_or_insert_with(|| Source::new(*delay, Stream::new(self.seed, &name())));
        source.throw(thrown, &mut self.helper);
        self.outran += thrown.iter().filter(|thrown| **thrown < *floor).count() as u64;
    }

    /// Every fault on the link throws its dice, whatever the others did: one fault more moves no other's.
    #[cold]
    fn send_over_impaired(
        &mut self,
        (link, from, to): (usize, Place, Place),
        bytes: u32,
        now: Time,
    ) -> Option<Duration> {
        self.copies.clear();
        let waits = self.leaves_after((link, from, to), bytes, now);
        let message = self.named((link, from, to), now);
        let on_it = self.impairments.iter_mut().filter(|i| i.is_at_work_on(link));
        match on_it.filter_map(|impairment| impairment.hazard(message.as_ref())).max() {
            Some(Hazard::Lost) => self.traffic.lost += 1,
            Some(Hazard::Damaged) => self.traffic.corrupted += 1,
            None if waits.is_none() => self.traffic.lost += 1,
            None => {
                let waits = waits.unwrap_or_default();
                if let Some(message) = message {
                    self.note_passage(link, message);
                }
                let on_it = self.impairments.iter_mut().filter(|i| i.is_at_work_on(link));
                let again = on_it.map(Impairment::repeats).filter(|again| *again).count();
                let delay = waits + self.slowed(link, now);
                if again == 0 {
                    return Some(delay);
                }
                self.traffic.duplicated += again as u64;
                self.copies.push(delay);
                for _ in 0..again {
                    let delay = waits + self.slowed(link, now);
                    self.copies.push(delay);
                }
            }
        }
        None
    }

    /// What a list calls a message that is sent now over a link that loses some; `None` where there is no list, and nobody wants one.
    /// `O(n)` in what was sent at this instant.
    fn named(&mut self, (link, from, to): (usize, Place, Place), now: Time) -> Option<Passage> {
        let is_wanted = self.passages.is_some() || self.impairments.iter().any(Impairment::has_list);
        let mut on_it = self.impairments.iter().filter(|impairment| impairment.is_at_work_on(link));
        if !(is_wanted && on_it.any(|impairment| impairment.sieve().is_some())) {
            return None;
        }
        let (from, to) = (self.places[from].region, self.places[to].region);
        self.sent_now.retain(|passage| passage.at == now);
        let before = self.sent_now.iter().filter(|passage| (passage.from, passage.to) == (from, to)).count();
        let passage = Passage { at: now, from, to, after: u16::try_from(before).unwrap_or(u16::MAX) };
        self.sent_now.push(passage);
        Some(passage)
    }

    /// Keeps what got through in spite of losses, where somebody wants to know.
    fn note_passage(&mut self, link: usize, message: Passage) {
        let Some(passages) = &mut self.passages else { return };
        let on_it = self.impairments.iter().filter(|impairment| impairment.is_at_work_on(link));
        passages.extend(on_it.filter_map(|impairment| Some((impairment.sieve()?, message))));
    }

    /// How long it takes until a message has left, also one that is lost on the way; `None` where the queue is full.
    fn leaves_after(&mut self, (link, from, to): (usize, Place, Place), bytes: u32, now: Time) -> Option<Duration> {
        let ends = (self.places[from].region, self.places[to].region);
        let own = self.lines.bandwidth(ends.0, ends.1);
        let on_it = self.impairments.iter_mut().filter(|i| i.is_at_work_on(link));
        let throttled = on_it.filter_map(|impairment| impairment.throttles(own)).min();
        let Some(line) = throttled.or(own.map(|own| (own, Duration::MAX))) else { return Some(Duration::ZERO) };
        let waits = self.lines.leaves_after(ends, line, bytes, now)?;
        self.traffic.queued_max = self.traffic.queued_max.max(waits);
        Some(waits)
    }

    fn slowed(&mut self, link: usize, now: Time) -> Duration {
        let delay = self.draw(link);
        let on_it = self.impairments.iter_mut().filter(|i| i.is_at_work_on(link));
        on_it.fold(delay, |delay, impairment| impairment.slowed(delay, now))
    }

    /// How long each copy takes of the message for which [`send`](Network::send) just gave no delay: none, where it is lost.
    pub(super) fn copies(&mut self) -> Vec<Duration> {
        std::mem::take(&mut self.copies)
    }

    /// Whether a message that would arrive now is lost, because its link has been cut on the way.
    #[inline]
    pub(super) fn is_cut(&mut self, from: Place, to: Place) -> bool {
        self.arrival(from, to).1
    }

    /// What the link of a message is in a digest, and whether the message that would arrive now is lost, because that has been cut on
    /// the way.
    #[inline(always)]
    pub(super) fn arrival(&mut self, from: Place, to: Place) -> (u64, bool) {
        let link = self.link(from, to);
        let Link { hash, impaired, .. } = self.links[link];
        (hash, impaired > 0 && from != to && self.is_link_cut(link))
    }

    #[cold]
    fn is_link_cut(&mut self, link: usize) -> bool {
        let mut cut = false;
        for impairment in self.impairments.iter_mut().filter(|i| i.is_cut() && i.is_at_work_on(link)) {
            impairment.touched += 1;
            cut = true;
        }
        self.traffic.lost += u64::from(cut);
        cut
    }

    /// How well a link does now.
    pub(super) fn condition(&self, from: Place, to: Place) -> Condition {
        let link = self.link(from, to);
        let on_it = || self.impairments.iter().filter(|impairment| impairment.is_at_work_on(link));
        if on_it().any(Impairment::is_cut) { Condition::Cut } else { Condition::Impaired(on_it().count()) }
    }

    /// From now on, something is wrong with these links.
    pub(super) fn impair(&mut self, fault: usize, links: &[(Place, Place)], way: Way) {
        let mut set = vec![false; self.links.len()];
        for (from, to) in links {
            let link = self.link(*from, *to);
            self.links[link].impaired += u16::from(!std::mem::replace(&mut set[link], true));
        }
        self.impairments.push(Impairment::new(fault, set, way));
    }

    /// What this fault does to links comes to work, or rests.
    pub(super) fn turn(&mut self, fault: usize, on: bool) {
        let Some(place) = self.impairments.iter().position(|i| i.fault == fault) else { return };
        let impairment = &mut self.impairments[place];
        if std::mem::replace(&mut impairment.is_on, on) == on {
            return;
        }
        for (link, _) in self.links.iter_mut().zip(&impairment.links).filter(|(_, touched)| **touched) {
            link.impaired = if on { link.impaired + 1 } else { link.impaired - 1 };
        }
    }

    /// The impairment of this fault ends; returns how many messages it touched.
    pub(super) fn repair(&mut self, fault: usize) -> u64 {
        self.turn(fault, false);
        let Some(place) = self.impairments.iter().position(|i| i.fault == fault) else { return 0 };
        self.impairments.remove(place).touched
    }
}

impl Link {
    /// How long the next message takes, where nothing is wrong with the link and that is thrown already.
    #[inline(always)]
    fn next_delay(&mut self) -> Option<Duration> {
        let delay = *self.thrown.get(usize::from(self.used)).filter(|_| self.impaired == 0)?;
        self.used += 1;
        Some(delay)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_message_has_the_delay_that_the_links_stream_gives_it() {
        let mut topology = Topology::new(&["a", "b"]);
        let delay = Delay::uniform(Duration::millis(10), Duration::millis(90));
        topology.set_delay(RegionId(0), RegionId(1), delay);
        let places = ["a", "b"].into_iter().enumerate();
        let places = places.map(|(region, name)| PlaceInfo::new(name.into(), RegionId(region as u16), None)).collect();
        let mut network = Network::new(7, &topology, places, false, None);
        let mut stream = Stream::new(7, "link a > b");
        for message in 0..3 * THROWN {
            assert_eq!(network.post(0, 1, 1, Time::ZERO), Some(delay.sample(&mut stream)), "message {message}");
        }
        assert_eq!(network.outran, 0);
    }
}
