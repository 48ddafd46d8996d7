//! Rows as they happen: whether a read showed some part of a put without the rest, and whether two reads showed two puts in opposite
//! orders. The first from what clients are told alone.
//!
//! A read of a row is *fractured* where no order of whole puts explains it. Whoever shows a put's value in one column and something else
//! in another that this put wrote, has to have put that something later. So each put that is shown comes before whatever is
//! shown in the other columns that it wrote; nothing at all is no later put, and a circle of puts is no order. Two puts of the same
//! two columns of which each shows one are the least of these circles: a row that mixes two writers.
//!
//! These are the *fractured reads* of Bailis et al., *Scalable Atomic Visibility with RAMP Transactions*, SIGMOD 2014, section 3.1, as far as
//! it shows in one read without the order of versions: a read of an old value beside a put that wrote over it is not found out
//! where the old one's put left out the column that gives the later away.
//!
//! Two reads of a row *fork* where each shows in some column a later value than the other. That one value is later than another
//! is told by the store: each is one higher than what it replaced where it was first taken. So reads of a store that has one
//! order are all one above the other, and two that fork are the *long fork* of Sovran et al., *Transactional Storage for
//! Geo-Replicated Systems*, SOSP 2011, section 3. The last [`READS`] different reads of a row are kept to be compared with. Next:
//! `level/mod.rs`.

use std::collections::BTreeMap;

use crate::column::Column;
use crate::id::{Key, Value};
use crate::op::{COLUMNS_MAX, Columns, Op, Row};

const PLACES: usize = COLUMNS_MAX as usize;

/// Every put of a run: which columns it wrote. A byte for each number that values have.
#[derive(Clone, Debug, Default)]
pub struct Rows {
    /// By the number that names a put.
    puts: Vec<Columns>,
    fractured: u64,
    /// By value: how many were in its cell before it, and itself.
    heights: Column<u32>,
    /// By row: how high its columns were in the last reads that were not alike.
    reads: BTreeMap<Key, Vec<Heights>>,
    forked: u64,
}

/// How many reads of a row are kept, those of the highest columns.
pub const READS: usize = 64;

/// How high the columns of a row were that were read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Heights {
    columns: Columns,
    of: [u32; PLACES],
}

impl Heights {
    /// Whether each has a column that is higher than the other's.
    fn forks_from(&self, other: &Heights) -> bool {
        let above = |a: &Heights, b: &Heights| a.of.iter().zip(&b.of).any(|(a, b)| a > b);
        self.columns == other.columns && above(self, other) && above(other, self)
    }

    fn sum(&self) -> u64 {
        self.of.iter().map(|height| u64::from(*height)).sum()
    }
}

/// A part of a put without the rest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fracture {
    /// The cell that shows the put.
    pub shown: (Key, Value),
    /// A cell that it wrote too, with what is shown there in its place.
    pub beside: (Key, Option<Value>),
}

impl Rows {
    /// Forgets everything, and begins anew with the memory it has.
    pub fn clear(&mut self) {
        self.puts.clear();
        self.heights.clear();
        self.reads.clear();
        (self.fractured, self.forked) = (0, 0);
    }

    /// A client asks for `op`. Whatever is no put is passed over.
    pub fn invoked(&mut self, op: Op) {
        if let Op::Put { columns, name, .. } = op {
            if name.index() >= self.puts.len() {
                self.puts.resize(name.index() + 1, Columns::default());
            }
            self.puts[name.index()] = columns;
        }
    }

    /// A client was shown these columns of a row: tells the first part of a put without the rest, and counts the read. Values that nobody
    /// put there are passed over. `O(1)`.
    pub fn saw(&mut self, key: Key, columns: Columns, row: Row) -> Option<Fracture> {
        let fractured = self.fractured(key, columns, row);
        self.fractured += u64::from(fractured.is_some());
        fractured
    }

    /// How many reads were fractured.
    pub fn fractured_reads(&self) -> u64 {
        self.fractured
    }

    /// A copy that held `before` took this value. The first copy to do so tells how high it is.
    pub fn placed(&mut self, value: Value, before: Option<Value>) {
        let height = 1 + before.map_or(0, |before| self.height(before));
        self.heights.change(value.index(), |known| {
            if *known == 0 {
                *known = height;
            }
        });
    }

    fn height(&self, value: Value) -> u32 {
        self.heights.at(value.index())
    }

    /// A client was shown these columns of a row: tells whether an earlier read was shown two puts in the opposite order, and counts that.
    /// `O(READS)`.
    pub fn forks(&mut self, key: Key, columns: Columns, row: Row) -> bool {
        let mut of = [0; PLACES];
        row.iter().for_each(|(column, value)| of[usize::from(column)] = self.height(value));
        let (read, reads) = (Heights { columns, of }, self.reads.entry(key).or_default());
        let forks = reads.iter().any(|other| read.forks_from(other));
        if !reads.contains(&read) {
            reads.push(read);
            if reads.len() > READS {
                let lowest = (0..reads.len()).min_by_key(|place| reads[*place].sum()).unwrap_or(0);
                reads.remove(lowest);
            }
        }
        self.forked += u64::from(forks);
        forks
    }

    /// How many reads forked from an earlier one.
    pub fn long_forks(&self) -> u64 {
        self.forked
    }

    fn fractured(&self, key: Key, columns: Columns, row: Row) -> Option<Fracture> {
        let mut shown = [None; PLACES];
        for (column, value) in row.iter() {
            shown[usize::from(column)] = self.put(column, value);
        }
        // A put goes by the first column that shows it.
        let alias = |column: usize| shown.iter().position(|put| *put == shown[column]).unwrap_or(column);
        let mut edges = Vec::new();
        let mut before = [[false; PLACES]; PLACES];
        for column in columns.iter() {
            let Some((name, wrote)) = shown[usize::from(column)] else { continue };
            for other in columns.iter().filter(|other| wrote.contains(*other)) {
                match shown[usize::from(other)] {
                    Some((same, _)) if same == name => {}
                    Some(_) => {
                        before[alias(column.into())][alias(other.into())] = true;
                        edges.push((column, other));
                    }
                    None if row.get(other).is_some() => {} // nobody put it there, and that is told
                    None => return Some(Fracture::at(key, row, column, other)),
                }
            }
        }
        for by in 0..PLACES {
            for from in (0..PLACES).filter(|_| edges.len() > 1) {
                for to in 0..PLACES {
                    before[from][to] |= before[from][by] && before[by][to];
                }
            }
        }
        let in_a_circle = |(column, other): &(u8, u8)| before[alias((*other).into())][alias((*column).into())];
        edges.into_iter().find(in_a_circle).map(|(column, other)| Fracture::at(key, row, column, other))
    }

    /// The put that wrote this value into this column: its name and all its columns.
    fn put(&self, column: u8, value: Value) -> Option<(Value, Columns)> {
        let name = Value(value.0.checked_sub(column.into())?);
        let columns = *self.puts.get(name.index())?;
        columns.contains(column).then_some((name, columns))
    }
}

impl Fracture {
    fn at(key: Key, row: Row, column: u8, other: u8) -> Fracture {
        let value = row.get(column).expect("a put is shown in this column");
        Fracture { shown: (key.cell(column), value), beside: (key.cell(other), row.get(other)) }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::rng::Stream;

    const KEY: Key = Key(5);

    fn rows(puts: &[(u64, Columns)]) -> Rows {
        let mut rows = Rows::default();
        puts.iter()
            .for_each(|(name, columns)| rows.invoked(Op::Put { key: KEY, columns: *columns, name: Value(*name) }));
        rows
    }

    /// The row that shows in each column the put of that name; 0: none.
    fn row(names: &[u64]) -> Row {
        let shown = (0..).zip(names).filter(|(_, name)| **name > 0);
        shown.fold(Row::default(), |row, (column, name)| row.with(column, Value(*name).of_column(column)))
    }

    #[test]
    fn part_of_a_put_without_the_rest_is_torn() {
        let both = Columns::first(2);
        let mut rows = rows(&[(10, both), (20, both), (30, Columns::only(1)), (40, Columns::only(0))]);
        for whole in [[0, 0], [10, 10], [20, 20], [10, 30], [40, 20], [40, 30], [0, 30], [40, 0]] {
            assert_eq!(rows.saw(KEY, both, row(&whole)), None, "{whole:?}");
        }
        for fractured in [[10, 0], [0, 10], [10, 20], [20, 10]] {
            assert!(rows.saw(KEY, both, row(&fractured)).is_some(), "{fractured:?}");
        }
        assert_eq!(rows.fractured_reads(), 4);
        let fractured = rows.fractured(KEY, both, row(&[10, 0]));
        assert_eq!(fractured, Some(Fracture { shown: (KEY.cell(0), Value(10)), beside: (KEY.cell(1), None) }));
        assert_eq!(rows.fractured(KEY, Columns::only(0), row(&[10])), None, "the other column was not asked for");
    }

    #[test]
    fn three_puts_in_a_circle_are_no_order() {
        let of = |a, b| Columns::only(a).with(Columns::only(b));
        let rows = rows(&[(10, of(0, 1)), (20, of(1, 2)), (30, of(2, 0)), (40, of(0, 2))]);
        assert!(rows.fractured(KEY, Columns::first(3), row(&[10, 20, 30])).is_some());
        assert_eq!(rows.fractured(KEY, Columns::first(3), row(&[40, 20, 40])), None, "20 and then 40");
        assert_eq!(rows.fractured(KEY, Columns::first(3), row(&[40, 20, 20])), None, "40 and then 20");
    }

    #[test]
    fn two_puts_that_two_reads_show_in_opposite_orders_are_a_fork() {
        let (both, one, other) = (Columns::first(2), Columns::only(0), Columns::only(1));
        let mut rows = rows(&[(10, both), (20, one), (30, other), (40, one)]);
        for (value, before) in [(10, None), (20, Some(10)), (40, Some(20))] {
            rows.placed(Value(value), before.map(Value));
        }
        for (value, before) in [(11, None), (31, Some(11))] {
            rows.placed(Value(value), before.map(Value));
            rows.placed(Value(value), Some(Value(40))); // another copy tells nothing new
        }
        let mut forks = |names: [u64; 2]| rows.forks(KEY, both, row(&names));
        for in_one_order in [[0, 0], [10, 10], [20, 10], [20, 30], [10, 10], [40, 30]] {
            assert!(!forks(in_one_order), "{in_one_order:?}");
        }
        assert!(forks([10, 30]), "20 without 30, and 30 without 20");
        assert!(!rows.forks(KEY, other, row(&[0, 30])), "of one column there is always an order");
        assert!(!rows.forks(Key(1), both, row(&[10, 30])), "another row");
        assert_eq!(rows.long_forks(), 1);
    }

    #[test]
    fn few_reads_are_kept_and_they_are_the_latest() {
        let both = Columns::first(2);
        let names: Vec<u64> = (1..=200).map(|nth| nth * 4).collect();
        let mut rows = rows(&names.iter().map(|name| (*name, both)).collect::<Vec<_>>());
        for (nth, name) in names.iter().enumerate() {
            let before = nth.checked_sub(1).map(|before| names[before]);
            for column in 0..2 {
                rows.placed(Value(name + column), before.map(|before| Value(before + column)));
            }
            assert!(!rows.forks(KEY, both, row(&[*name, *name])));
        }
        assert_eq!(rows.reads[&KEY].len(), READS);
        assert!(rows.forks(KEY, both, row(&[names[198], names[0]])));
        assert!(rows.forks(KEY, both, row(&[names[150], names[199]])));
    }

    /// Whether some order of some of the puts, each whole, leaves this row.
    fn is_explained(puts: &[(u64, Columns)], columns: Columns, seen: Row) -> bool {
        fn go(left: &[(u64, Columns)], now: Row, columns: Columns, seen: Row) -> bool {
            let is_seen = columns.iter().all(|column| now.get(column) == seen.get(column));
            is_seen
                || (0..left.len()).any(|next| {
                    let (name, wrote) = left[next];
                    let after = wrote.iter().fold(now, |row, column| row.with(column, Value(name).of_column(column)));
                    let left: Vec<_> = left.iter().copied().filter(|(other, _)| *other != name).collect();
                    go(&left, after, columns, seen)
                })
        }
        go(puts, Row::default(), columns, seen)
    }

    proptest! {
        #[test]
        fn whatever_no_order_of_whole_puts_explains_is_torn_and_nothing_else(seed in any::<u64>()) {
            let mut stream = Stream::new(seed, "rows");
            let some = |stream: &mut Stream| {
                let all = (0..3).filter(|_| stream.below(2) == 0).fold(Columns::default(), |all, c| all.with(Columns::only(c)));
                if all.count() == 0 { Columns::first(3) } else { all }
            };
            let puts: Vec<_> = (1..=4).map(|nth| (nth * 10, some(&mut stream))).collect();
            let rows = rows(&puts);
            for _ in 0..16 {
                let mut seen = Row::default();
                for column in 0..3 {
                    let nth = stream.below(5) as usize;
                    if let Some((name, _)) = puts.get(nth).filter(|(_, wrote)| wrote.contains(column)) {
                        seen = seen.with(column, Value(*name).of_column(column));
                    }
                }
                let columns = some(&mut stream);
                let is_torn = rows.fractured(KEY, columns, seen).is_some();
                prop_assert_eq!(is_torn, !is_explained(&puts, columns, seen), "{:?} of {:?} in {:?}", columns, puts, seen);
            }
        }
    }
}
