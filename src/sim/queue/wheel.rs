//! Where keys wait: a calendar of buckets, sorted one at a time, with coarser calendars above it for what is later.
//!
//! Time is cut into *days* of `2^shift` nanoseconds. A day is a number with digits to the base 1,024. A key waits in the
//! bucket of the highest digit in which its day differs from the open one: tier 0 has a bucket for each of the days next
//! to come, tier 1 one for each 1,024 of them, and so on. When a bucket of a higher tier has its turn, its keys are
//! dealt to the tiers below; when a day has its turn, its keys are sorted, once. This is a radix heap (Ahuja, Mehlhorn,
//! Orlin & Tarjan, *Faster Algorithms for the Shortest Path Problem*, J. ACM 37(2), 1990) on a calendar queue (Brown,
//! *Calendar Queues*, Comm. ACM 31(10), 1988): a far-future key is moved once a digit, whatever else is pending, and
//! between events there are no ticks, for a bitmap names the next bucket that is not empty.
//!
//! A day is as long as a dozen events take on average. It is measured again from time to time, by counts and simulated
//! time alone; no order depends on it.

use crate::slab::grow;

use super::heap::Heap;
use super::time_of;

const DIGIT_BITS: u32 = 10;
const DIGITS: usize = 1 << DIGIT_BITS;
/// A 64-bit time has six digits to the base 1,024, with days of at least 16 ns. A power of two spares a check.
const TIERS: usize = 8;
const SHIFT_MIN: u32 = 4;
const SHIFT_MAX: u32 = 40;
/// The length of a day before anything is known: 131 µs.
const SHIFT_BEGIN: u32 = 17;
/// How many keys a day shall have on average.
const KEYS_PER_DAY: u64 = 12;
/// A day's length is measured over at least so many keys.
const MEASURED_MIN: u64 = 1024;
/// Quiet times count as this many days at most.
const QUIET_DAYS_MAX: u64 = 64;
/// A block has so many places: the first holds the number of the next block, the others keys. 512 bytes.
const BLOCK: usize = 32;

/// A day of at most so many keys is sorted by counting, where it is not too long.
const COUNTED_MAX: usize = 32;
/// The bits of a place among those keys.
const PLACE_BITS: u32 = 5;
/// The longest day in which a time and a place have 31 bits together: 67 ms.
const COUNTED_SHIFT_MAX: u32 = 31 - PLACE_BITS;

/// Keys by time; see the file's doc.
#[derive(Debug)]
pub(super) struct Wheel {
    shift: u32,
    /// The open day: keys of this day and before are in `bucket` or `late`, all others in chains.
    day: u64,
    /// The open day's keys, latest first.
    bucket: Vec<u128>,
    /// The same before they are sorted: in the order in which they came. Empty between two days.
    dealt: Vec<u128>,
    /// Keys that came for the open day after it was opened.
    late: Heap,
    /// By tier and digit.
    chains: Box<[Chain; TIERS * DIGITS]>,
    occupied: [Occupied; TIERS],
    /// Blocks. Number 0 is never used, so that 0 means none.
    blocks: Vec<u128>,
    free_block: u32,
    /// How many keys are in chains.
    waiting: usize,
    /// Keys and days since the day's length was measured.
    measured_keys: u64,
    measured_days: u64,
}

/// The blocks of one bucket, in the order in which keys came.
#[derive(Clone, Copy, Debug)]
struct Chain {
    /// The first block; 0: none.
    first: u32,
    /// Where in `blocks` the next key goes; where that is the beginning of a block, a new one is needed.
    next: u32,
}

const EMPTY: Chain = Chain { first: 0, next: 0 };

/// Which buckets of a tier are not empty.
#[derive(Clone, Debug)]
struct Occupied {
    digits: [u64; DIGITS / 64],
    words: u64,
}

impl Occupied {
    const NONE: Occupied = Occupied { digits: [0; DIGITS / 64], words: 0 };

    fn insert(&mut self, digit: usize) {
        self.digits[digit / 64] |= 1 << (digit % 64);
        self.words |= 1 << (digit / 64);
    }

    fn pop_first(&mut self) -> Option<usize> {
        if self.words == 0 {
            return None;
        }
        let word = self.words.trailing_zeros() as usize;
        let bits = &mut self.digits[word];
        let digit = word * 64 + bits.trailing_zeros() as usize;
        *bits &= *bits - 1;
        if *bits == 0 {
            self.words &= self.words - 1;
        }
        Some(digit)
    }
}

impl Default for Wheel {
    fn default() -> Wheel {
        Wheel {
            shift: SHIFT_BEGIN,
            day: 0,
            bucket: Vec::new(),
            dealt: Vec::new(),
            late: Heap::default(),
            chains: Box::new([EMPTY; TIERS * DIGITS]),
            occupied: [Occupied::NONE; TIERS],
            blocks: vec![0; BLOCK],
            free_block: 0,
            waiting: 0,
            measured_keys: 0,
            measured_days: 0,
        }
    }
}

impl Wheel {
    #[inline]
    pub(super) fn push(&mut self, key: u128) {
        let day = time_of(key) >> self.shift;
        if day <= self.day {
            self.late.push(key);
        } else {
            self.waiting += 1;
            self.file(key, day);
        }
    }

    /// Puts a key of a later day into its bucket.
    #[inline]
    fn file(&mut self, key: u128, day: u64) {
        let tier = ((63 - (day ^ self.day).leading_zeros()) / DIGIT_BITS) as usize;
        let digit = (day >> (tier as u32 * DIGIT_BITS)) as usize % DIGITS;
        let chain = &mut self.chains[(tier * DIGITS + digit) % (TIERS * DIGITS)];
        let place = chain.next as usize;
        if !place.is_multiple_of(BLOCK) {
            chain.next += 1;
            self.blocks[place] = key;
        } else {
            self.add_block(tier, digit, key);
        }
    }

    #[inline(never)]
    fn add_block(&mut self, tier: usize, digit: usize, key: u128) {
        let mut new = self.free_block;
        if new == 0 {
            new = u32::try_from(self.blocks.len() / BLOCK).expect("a slot has fewer bits than a block's number");
            grow(&mut self.blocks, BLOCK);
            self.blocks.resize(self.blocks.len() + BLOCK, 0);
        }
        let begin = new as usize * BLOCK;
        self.free_block = std::mem::replace(&mut self.blocks[begin], 0) as u32;
        self.blocks[begin + 1] = key;
        let chain = &mut self.chains[tier * DIGITS + digit];
        if chain.first == 0 {
            chain.first = new;
            self.occupied[tier].insert(digit);
        } else {
            self.blocks[chain.next as usize - BLOCK] = u128::from(new);
        }
        chain.next = begin as u32 + 2;
    }

    /// Whether the open day has no more keys.
    #[inline]
    pub(super) fn is_bucket_done(&self) -> bool {
        self.bucket.is_empty() && self.late.peek().is_none()
    }

    /// How many keys there are, but for those that came late for the open day.
    pub(super) fn len(&self) -> usize {
        self.waiting + self.bucket.len()
    }

    /// The open day's keys that were there when it was opened and are left, latest first.
    pub(super) fn bucket(&self) -> &[u128] {
        &self.bucket
    }

    /// The time of the next key of the open day.
    #[inline]
    pub(super) fn next_time(&self) -> Option<u64> {
        match (self.bucket.last(), self.late.peek()) {
            (Some(key), Some(late)) => Some(time_of(late.min(*key))),
            (Some(key), None) => Some(time_of(*key)),
            (None, late) => late.map(time_of),
        }
    }

    /// The next key of the open day.
    #[inline(always)]
    pub(super) fn pop(&mut self) -> Option<u128> {
        if self.late.is_empty() { self.bucket.pop() } else { self.pop_among_late() }
    }

    #[inline(never)]
    fn pop_among_late(&mut self) -> Option<u128> {
        match self.late.peek() {
            Some(late) if self.bucket.last().is_none_or(|key| late < *key) => self.late.pop(),
            _ => self.bucket.pop(),
        }
    }

    /// Opens the next day that has keys. The day before must be done.
    pub(super) fn open_bucket(&mut self) {
        debug_assert!(self.is_bucket_done());
        if self.measured_keys >= MEASURED_MIN.max(self.waiting as u64) {
            self.measure();
        }
        let before = self.day;
        while self.dealt.is_empty() && self.waiting > 0 {
            let first = self.occupied.iter_mut().enumerate().find_map(|(tier, set)| Some((tier, set.pop_first()?)));
            let (tier, digit) = first.expect("a key that waits is in a bucket");
            let position = tier as u32 * DIGIT_BITS;
            self.day = ((self.day >> position >> DIGIT_BITS << DIGIT_BITS) | digit as u64) << position;
            self.deal(tier * DIGITS + digit);
        }
        self.measured_keys += self.dealt.len() as u64;
        self.measured_days += (self.day - before).min(QUIET_DAYS_MAX);
        self.sort();
    }

    /// Sorts the open day's keys, latest first.
    #[inline]
    fn sort(&mut self) {
        let n = self.dealt.len();
        if n > COUNTED_MAX || self.shift > COUNTED_SHIFT_MAX {
            std::mem::swap(&mut self.bucket, &mut self.dealt);
            return self.bucket.sort_unstable_by(|one, other| other.cmp(one));
        }
        if self.dealt.windows(2).all(|pair| pair[0] < pair[1]) {
            self.bucket.extend(self.dealt.drain(..).rev());
        } else if n <= COUNTED_MAX / 4 {
            self.count::<{ COUNTED_MAX / 4 }>();
        } else if n <= COUNTED_MAX / 2 {
            self.count::<{ COUNTED_MAX / 2 }>();
        } else {
            self.count::<COUNTED_MAX>();
        }
    }

    /// The same for at most `N` keys: how many are later than each says where it goes. That is more comparisons than a sort makes,
    /// but no branch hangs on any, several are one instruction, and keys to the nanosecond are in no order that a processor could
    /// guess.
    ///
    /// What is compared is narrow: the time within the day, and the place, for keys of one time are in their order already: they
    /// have always been in one chain, to which keys are added at the end.
    #[inline(always)]
    fn count<const N: usize>(&mut self) {
        let of_day = (1 << self.shift) - 1;
        // What is none of the keys is later than none of them.
        let mut narrow = [i32::MIN; N];
        for (place, (narrow, key)) in narrow.iter_mut().zip(&self.dealt).enumerate() {
            debug_assert_eq!(time_of(*key) >> self.shift, self.day, "a bucket has the keys of one day");
            *narrow = ((time_of(*key) & of_day) << PLACE_BITS) as i32 | place as i32;
        }
        let n = self.dealt.len().min(N);
        let later = later(&narrow, n);
        self.bucket.resize(n, 0);
        for (key, later) in self.dealt.iter().zip(later) {
            self.bucket[later as usize] = *key;
        }
        self.dealt.clear();
    }

    /// Deals the keys of a chain to the open day and to the tiers below.
    fn deal(&mut self, chain: usize) {
        let Chain { first: mut block, next } = std::mem::replace(&mut self.chains[chain], EMPTY);
        while block != 0 {
            let begin = block as usize * BLOCK;
            let end = (begin + BLOCK).min(if self.blocks[begin] == 0 { next as usize } else { usize::MAX });
            if chain < DIGITS {
                self.dealt.extend_from_slice(&self.blocks[begin + 1..end]);
                self.waiting -= end - begin - 1;
            } else {
                for place in begin + 1..end {
                    self.file_again(self.blocks[place]);
                }
            }
            let after = std::mem::replace(&mut self.blocks[begin], u128::from(self.free_block));
            self.free_block = std::mem::replace(&mut block, after as u32);
        }
    }

    #[inline]
    fn file_again(&mut self, key: u128) {
        let day = time_of(key) >> self.shift;
        if day <= self.day {
            self.dealt.push(key);
            self.waiting -= 1;
        } else {
            self.file(key, day);
        }
    }

    /// Measures how long a day should be, and where it is off by more than a factor of two files every key anew.
    #[inline(never)]
    fn measure(&mut self) {
        let span = u128::from(self.measured_days) << self.shift;
        let ideal = (span * u128::from(KEYS_PER_DAY) / u128::from(self.measured_keys)).max(1).ilog2();
        (self.measured_keys, self.measured_days) = (0, 0);
        let shift = ideal.clamp(SHIFT_MIN, SHIFT_MAX);
        if shift.abs_diff(self.shift) < 2 {
            return;
        }
        let mut keys = Vec::with_capacity(self.waiting);
        for chain in self.chains.iter_mut() {
            let Chain { first: mut block, next } = std::mem::replace(chain, EMPTY);
            while block != 0 {
                let begin = block as usize * BLOCK;
                block = self.blocks[begin] as u32;
                let end = if block == 0 { next as usize } else { begin + BLOCK };
                keys.extend_from_slice(&self.blocks[begin + 1..end]);
            }
        }
        self.blocks.truncate(BLOCK);
        self.free_block = 0;
        self.occupied = [Occupied::NONE; TIERS];
        let last_of_day = (self.day << self.shift) | ((1 << self.shift) - 1);
        (self.shift, self.day) = (shift, last_of_day >> shift);
        keys.into_iter().for_each(|key| self.file_again(key));
    }

    pub(super) fn clear(&mut self) {
        self.bucket.clear();
        self.late.clear();
        self.chains.fill(EMPTY);
        self.occupied = [Occupied::NONE; TIERS];
        self.blocks.truncate(BLOCK);
        (self.shift, self.day, self.free_block, self.waiting) = (SHIFT_BEGIN, 0, 0, 0);
        (self.measured_keys, self.measured_days) = (0, 0);
    }
}

/// How many of the first `n` are later than each: in one pass over all that fits into registers, for each of them.
#[inline(never)]
fn later<const N: usize>(narrow: &[i32; N], n: usize) -> [i32; N] {
    let mut later = [0; N];
    for other in &narrow[..n] {
        // Left alone, compilers turn the two loops inside out, and what is counted no longer fits.
        let other = std::hint::black_box(*other);
        for (later, one) in later.iter_mut().zip(narrow) {
            *later += i32::from(other > *one);
        }
    }
    later
}
