//! Rows: several columns that are read and put together. Each column is a [cell](crate::id::Key::cell), with a version of its own; what
//! holds those together that one put wrote is that they are taken, sent and logged as one.

use std::sync::Arc;

use crate::id::{Key, Value};
use crate::op::{COLUMNS_MAX, Columns, Refusal, Reply, Row};
use crate::protocol::{Context, Entries, Request};
use crate::trace::Observation;

use super::copy::{NOTHING, Version};
use super::options::Granularity;
use super::{LastWriterWins, Message};

impl LastWriterWins {
    /// What these columns of a row hold.
    pub(super) fn row(&self, key: Key, columns: Columns) -> Row {
        columns.iter().fold(Row::default(), |row, column| match self.copy.get(key.cell(column)) {
            Some(held) if !held.is_nothing() => row.with(column, held.value),
            _ => row,
        })
    }

    /// Puts these columns of this node's row, tells the others, and thanks the client.
    pub(super) fn put(
        &mut self,
        request: &Request<Self>,
        key: Key,
        columns: Columns,
        name: Value,
        cx: &mut Context<Self>,
    ) {
        let id = request.id;
        let is_there =
            |column: u8| self.copy.get(key.cell(column)).is_some_and(|held| held.value == name.of_column(column));
        if columns.iter().any(is_there) {
            return cx.reply(id, Reply::Written);
        }
        let Some(stamp) = self.stamp_for(request, self.options.clock, cx) else {
            return cx.refuse(id, Refusal::Unavailable);
        };
        let written = match self.options.granularity {
            Granularity::Column => columns,
            Granularity::Row => Columns::first(COLUMNS_MAX),
        };
        let cell = |column: u8| {
            let (cell, held) = (key.cell(column), self.copy.get(key.cell(column)));
            let known = || held.map_or(NOTHING, |held| held.value);
            let value = if columns.contains(column) { name.of_column(column) } else { known() };
            let version = Version::replacing(held, stamp, value);
            (cell, version.with(if self.options.ships_together() { written } else { Columns::only(column) }))
        };
        let cells: Arc<[(Key, Version)]> = written.iter().map(cell).collect();
        for value in self.take_together(&cells, true, cx) {
            if columns.iter().any(|column| name.of_column(column) == value) {
                cx.observe(Observation::Stored { value });
            }
        }
        match (self.options.ships_together(), &cells[..]) {
            (true, _) => cx.broadcast(Message::Put(cells)),
            (false, cells) => {
                cells.iter().cloned().for_each(|(key, version)| cx.broadcast(Message::Update { key, version }))
            }
        }
        cx.reply(id, Reply::Written);
    }

    /// Takes what another node sent. Of a row of which several columns were put together it takes all or, where some stamp is too far
    /// ahead, nothing. Keys ascend.
    pub(super) fn receive_all(&mut self, cells: &[(Key, Version)], cx: &mut Context<Self>) {
        let row = |(key, version): &(Key, Version)| (version.together.count() > 0).then_some(key.of_cell().0);
        for row in cells.chunk_by(|a, b| row(a).is_some() && row(a) == row(b)) {
            if row.iter().all(|(_, version)| version.together.count() < 2) {
                row.iter().for_each(|(key, version)| self.receive(*key, version.clone(), cx));
            } else if row.iter().all(|(_, version)| self.accepts(version.stamp.physical, cx.now())) {
                self.take_together(row, false, cx);
            }
        }
    }

    /// Takes of these versions those that are higher than what is held, and logs them as one. Returns what it took.
    fn take_together(&mut self, cells: &[(Key, Version)], ordered: bool, cx: &mut Context<Self>) -> Vec<Value> {
        let (mut taken, mut told) = (Vec::new(), Vec::new());
        for (key, version) in cells {
            let told_of = (*key, self.copy.rank(version));
            if ordered {
                cx.observe(Observation::Ordered { value: version.value });
            }
            let is_taken = self.take(*key, version, cx);
            if is_taken {
                taken.push((*key, version.clone()));
            }
            told.push((told_of, is_taken));
        }
        let values = taken.iter().map(|(_, version)| version.value).collect();
        if !taken.is_empty() {
            self.log(Entries::from(taken), cx);
        }
        told.into_iter().for_each(|(told_of, is_taken)| self.tell_merged(told_of, is_taken, cx));
        values
    }
}
