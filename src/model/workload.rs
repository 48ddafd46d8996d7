//! What clients do: how often they ask, for what, and how long they wait.

use crate::id::{Key, RegionId};
use crate::op::{COLUMNS_MAX, Object};
use crate::rng::Stream;
use crate::time::Duration;

use super::retry::Retry;

/// The clients of every region.
#[derive(Clone, Debug)]
pub struct Workload {
    /// How many clients each region has, by [`RegionId`]. In an open loop more join when all are busy.
    pub clients: Vec<u32>,
    /// When operations begin.
    pub arrivals: Arrivals,
    /// Which keys, and how often each.
    pub keys: KeyChooser,
    /// Which operations, and how often each.
    pub mix: Mix,
    /// What the keys are, and what is asked of them beside that.
    pub objects: Objects,
    /// How long a client waits for an operation, retries included.
    pub timeout: Duration,
    /// How long a client waits for one node before it asks another; `None`: as long as `timeout`.
    pub retry_after: Option<Duration>,
    /// How long a client waits after a node said that it cannot serve.
    pub backoff: Duration,
    /// When the first operation may begin: the designs have time to elect their leaders.
    pub warm_up: Duration,
    /// How many operations each client makes before it stops; `None`: until the end.
    pub operations_per_client: Option<u32>,
    /// How operations are asked again, in place of `retry_after` and `backoff`; `None`: by those.
    pub retry: Option<Retry>,
    /// Whether all attempts of an operation carry one request id, by which a protocol can tell them from a new one.
    pub idempotency: bool,
}

/// When operations begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Arrivals {
    /// Open loop, in each region: a Poisson process with this mean gap, whatever the answers do.
    Poisson(Duration),
    /// Open loop, in each region: exactly this gap.
    Paced(Duration),
    /// Closed loop: each client thinks so long after an answer before it asks again.
    Closed(Duration),
}

/// How often each kind of operation is asked, relative to the others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mix {
    /// Reads.
    pub read: u32,
    /// Writes.
    pub write: u32,
    /// Compare-and-sets, which expect the value that the client's region last saw.
    pub compare_and_set: u32,
}

impl Mix {
    /// All parts together.
    pub fn total(&self) -> u64 {
        u64::from(self.read) + u64::from(self.write) + u64::from(self.compare_and_set)
    }
}

/// What all keys are, and how often each of their own operations is asked, relative to those of the [`Mix`], of which all have reads, and registers
/// alone writes and compare-and-sets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Objects {
    /// Registers.
    Registers {
        /// Reads that the same client follows up at once, where it is answered, by a write of the key.
        read_modify_write: u32,
    },
    /// Counters.
    Counters {
        /// Additions of 1.
        add: u32,
        /// Additions of -1.
        subtract: u32,
    },
    /// Sets.
    Sets {
        /// Insertions.
        insert: u32,
        /// Removals.
        remove: u32,
        /// Of how many items, from 1 to [`ITEMS_MAX`](crate::op::ITEMS_MAX).
        items: u8,
    },
    /// Lists.
    Lists {
        /// Insertions, at some place.
        insert: u32,
        /// Removals, from some place.
        remove: u32,
    },
    /// Rows.
    Rows {
        /// Of how many columns, from 1 to [`COLUMNS_MAX`]. All are read together.
        columns: u8,
        /// Puts of all columns at once.
        put: u32,
        /// Puts of one of them.
        put_column: u32,
    },
    /// Sequences.
    Sequences {
        /// Takings of the next number.
        next: u32,
    },
}

impl Default for Objects {
    fn default() -> Objects {
        Objects::Registers { read_modify_write: 0 }
    }
}

impl Objects {
    /// What each key is.
    pub const fn object(self) -> Object {
        match self {
            Objects::Registers { .. } => Object::Register,
            Objects::Counters { .. } => Object::Counter,
            Objects::Sets { .. } => Object::Set,
            Objects::Lists { .. } => Object::List,
            Objects::Rows { .. } => Object::Row,
            Objects::Sequences { .. } => Object::Sequence,
        }
    }

    /// How many values an operation takes that changes data: see [`Op::Put`](crate::op::Op::Put).
    pub const fn values_each(self) -> u64 {
        match self {
            Objects::Rows { .. } => COLUMNS_MAX as u64,
            _ => 1,
        }
    }

    /// Its parts, in order.
    pub const fn parts(self) -> [u32; 2] {
        match self {
            Objects::Registers { read_modify_write } => [read_modify_write, 0],
            Objects::Counters { add, subtract } => [add, subtract],
            Objects::Rows { put, put_column, .. } => [put, put_column],
            Objects::Sequences { next } => [next, 0],
            Objects::Sets { insert, remove, .. } | Objects::Lists { insert, remove } => [insert, remove],
        }
    }
}

impl Workload {
    /// All parts of the mix together.
    pub fn parts(&self) -> u64 {
        let own = self.objects.parts().map(u64::from);
        self.mix.total() + own[0] + own[1]
    }
}

/// Chooses keys by popularity, with one draw and integers alone.
#[derive(Clone, Debug)]
pub struct KeyChooser {
    keys: u32,
    /// For each key but the last, the 64-bit draw at which the next begins; empty where all are alike.
    bounds: Vec<u64>,
    affinity: Option<Affinity>,
}

/// How many of a region's operations are on keys of its own.
#[derive(Clone, Copy, Debug)]
struct Affinity {
    parts: u32,
    whole: u32,
    regions: u32,
}

impl KeyChooser {
    /// `keys` keys, all alike.
    ///
    /// # Panics
    /// Where there are none.
    pub fn uniform(keys: u32) -> KeyChooser {
        assert!(keys > 0, "a workload needs a key");
        KeyChooser { keys, bounds: Vec::new(), affinity: None }
    }

    /// `keys` keys, the i-th (from 1) with weight `1 / i^exponent` (Zipf; YCSB uses 0.99).
    ///
    /// The table is made with `libm`, which gives the same bits on every platform; draws are integers.
    ///
    /// # Panics
    /// Where there are no keys, or the exponent is not a number of at least zero.
    pub fn zipf(keys: u32, exponent: f64) -> KeyChooser {
        assert!(keys > 0, "a workload needs a key");
        assert!(exponent >= 0.0 && exponent.is_finite(), "a Zipf exponent is at least zero");
        let weights: Vec<f64> = (1..=keys).map(|rank| libm::pow(f64::from(rank), -exponent)).collect();
        let total: f64 = weights.iter().sum();
        let mut sum = 0.0;
        let bounds = weights[..weights.len() - 1].iter().map(|weight| {
            sum += weight;
            (sum / total * 18_446_744_073_709_551_615.0) as u64
        });
        KeyChooser { keys, bounds: bounds.collect(), affinity: None }
    }

    /// The same, but `parts` of `whole` of a region's operations are on keys of its own: of `regions` regions the (k mod regions)-th
    /// has key k. Which of its own is by popularity still.
    ///
    /// # Panics
    /// Where some region would have no key, or there are more parts than the whole.
    pub fn with_affinity(self, parts: u32, whole: u32, regions: u32) -> KeyChooser {
        assert!((1..=self.keys).contains(&regions), "each region has a key of its own");
        assert!(parts <= whole && whole > 0, "a part is no more than the whole");
        KeyChooser { affinity: Some(Affinity { parts, whole, regions }), ..self }
    }

    /// How many keys there are.
    pub fn keys(&self) -> u32 {
        self.keys
    }

    /// The next key of a client in this region.
    pub fn choose_in(&self, region: RegionId, stream: &mut Stream) -> Key {
        let key = self.choose(stream);
        match self.affinity {
            Some(Affinity { parts, whole, regions }) if stream.chance(parts.into(), whole.into()) => {
                let own = key.0 - key.0 % regions + u32::from(region.0) % regions;
                Key(if own < self.keys { own } else { own - regions })
            }
            _ => key,
        }
    }

    /// The next key, whoever asks.
    pub fn choose(&self, stream: &mut Stream) -> Key {
        if self.bounds.is_empty() {
            return Key(stream.below(u64::from(self.keys)) as u32);
        }
        let draw = stream.bits();
        Key(self.bounds.partition_point(|bound| *bound <= draw) as u32)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn share_of_first(chooser: &KeyChooser) -> f64 {
        let mut stream = Stream::new(1, "keys");
        let n = 100_000;
        (0..n).filter(|_| chooser.choose(&mut stream) == Key(0)).count() as f64 / f64::from(n)
    }

    #[test]
    fn zipf_gives_the_first_key_its_share() {
        // 1 / H_{100, 0.99}
        let harmonic: f64 = (1..=100).map(|i| libm::pow(f64::from(i), -0.99)).sum();
        let share = share_of_first(&KeyChooser::zipf(100, 0.99));
        assert!((share - 1.0 / harmonic).abs() < 0.005, "{share} for {}", 1.0 / harmonic);
        assert!((share_of_first(&KeyChooser::zipf(4, 0.0)) - 0.25).abs() < 0.01);
        assert!((share_of_first(&KeyChooser::uniform(4)) - 0.25).abs() < 0.01);
    }

    #[test]
    fn a_region_has_its_part_of_its_own_keys() {
        let chooser = KeyChooser::uniform(10).with_affinity(9, 10, 3);
        let mut stream = Stream::new(1, "keys");
        for region in 0..3_u32 {
            let n = 30_000;
            let mut seen = [0; 10];
            (0..n).for_each(|_| seen[chooser.choose_in(RegionId(region as u16), &mut stream).index()] += 1);
            assert!(seen.iter().all(|times| *times > 0));
            let own: i32 = (0..10).filter(|key| key % 3 == region).map(|key| seen[key as usize]).sum();
            let others = (0..10).filter(|key| key % 3 == region).count() as f64 / 10.0;
            let (share, expected) = (f64::from(own) / f64::from(n), 0.9 + 0.1 * others);
            assert!((share - expected).abs() < 0.01, "{share} for {expected}");
        }
    }

    #[test]
    fn every_key_can_come() {
        let chooser = KeyChooser::zipf(3, 1.0);
        let mut stream = Stream::new(1, "keys");
        let mut seen = [false; 3];
        (0..1_000).for_each(|_| seen[chooser.choose(&mut stream).index()] = true);
        assert_eq!(seen, [true; 3]);
    }
}
