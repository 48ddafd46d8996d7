//! Which disks hold which writes: the durability contract, and divergent branches.

use crate::column::{Changed, Column};
use crate::id::{Renaming, Value};

use super::breaches::Breaches;
use super::{Invariant, Seat, Seen};

/// The seats whose disks hold each write, by value; with [`ACKNOWLEDGED`].
#[derive(Clone, Debug, Default, Hash)]
pub(super) struct Copies(Column<u64>);

/// A client was told that the write is done. No seat has this bit.
const ACKNOWLEDGED: u64 = 1 << 63;

impl Copies {
    pub fn begin_anew(&mut self) {
        self.0.clear();
    }

    /// Calls the nodes otherwise, each of which has the seat of its number.
    pub fn rename(&mut self, renaming: &Renaming) {
        self.0.change_each(|_, holders| {
            *holders = renaming.bits(*holders);
            Changed::Yes
        });
    }

    /// A disk holds this write.
    #[inline]
    pub fn stored(&mut self, seat: Seat, value: Value) {
        self.0.change(value.index(), |holders| *holders |= seat.bit);
    }

    /// Whether some disk holds this write.
    pub fn is_on_a_disk(&self, value: Value) -> bool {
        self.0.at(value.index()) & !ACKNOWLEDGED != 0
    }

    /// A node answers that a write is done, and promises this many copies.
    pub fn acknowledged(&mut self, seen: Seen, value: Value, promised: u16, into: &mut Breaches) {
        let copies = self.0.change(value.index(), |holders| {
            *holders |= ACKNOWLEDGED;
            (*holders & !ACKNOWLEDGED).count_ones()
        });
        if copies < u32::from(promised) {
            into.note(Invariant::DurabilityContract, seen.at, &[seen.node()], |names| {
                let node = names.name(seen.node());
                format!("{node} acknowledges {value}, which {copies} of {promised} promised disks hold")
            });
        }
    }

    /// A node took a write out of its copy again.
    pub fn rolled_back(&mut self, seen: Seen, seat: Seat, value: Value, into: &mut Breaches) {
        let (had, left) = self.0.change(value.index(), |holders| {
            let had = *holders & seat.bit != 0;
            *holders &= !seat.bit;
            (had, *holders)
        });
        if had && left == ACKNOWLEDGED {
            into.note(Invariant::DivergentBranches, seen.at, &[seen.node()], |names| {
                format!(
                    "{} rolls {value} back, which was acknowledged, and nobody else has it",
                    names.name(seen.node())
                )
            });
        }
    }
}
