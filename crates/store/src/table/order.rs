//! The order of rows in a span file: by project and service, then trace by
//! trace in the order in which the traces began.
//!
//! A trace's spans lie together, so its id is stored once and one page holds
//! it; times grow steadily, so they compress to a byte or two and a time
//! window touches few pages. No file is touched here.

use std::cmp::Ordering;
use std::collections::HashMap;

use datafusion::arrow::array::{
    Array, FixedSizeBinaryArray, RecordBatch, StringArray, TimestampMicrosecondArray,
};

use crate::StoreError;

const MICROS_PER_HOUR: i64 = 3_600_000_000;

/// The columns that rows are ordered and found by.
#[derive(Debug, Clone)]
pub(super) struct KeyColumns {
    pub(super) project: StringArray,
    pub(super) service: StringArray,
    pub(super) trace_id: FixedSizeBinaryArray,
    pub(super) start: TimestampMicrosecondArray,
}

impl KeyColumns {
    /// Their names.
    pub(super) const NAMES: [&'static str; 4] = ["project", "service", "trace_id", "start"];

    pub(super) fn of(batch: &RecordBatch) -> Result<Self, StoreError> {
        Ok(Self {
            project: typed(batch, "project")?,
            service: typed(batch, "service")?,
            trace_id: typed(batch, "trace_id")?,
            start: typed(batch, "start")?,
        })
    }

    pub(super) fn rows(&self) -> usize {
        self.start.len()
    }

    pub(super) fn trace_id(&self, row: usize) -> [u8; 16] {
        self.trace_id.value(row).try_into().unwrap_or_default()
    }

    /// True when both rows are of one trace in one service.
    pub(super) fn is_same_part(&self, row: usize, other: &Self, other_row: usize) -> bool {
        self.trace_id.value(row) == other.trace_id.value(other_row)
            && self.service.value(row) == other.service.value(other_row)
            && self.project.value(row) == other.project.value(other_row)
    }

    /// Compares the places of two parts of traces: `start` and `other_start`
    /// are when their first spans began.
    pub(super) fn compare_parts(
        &self,
        (row, start): (usize, i64),
        other: &Self,
        (other_row, other_start): (usize, i64),
    ) -> Ordering {
        self.project
            .value(row)
            .cmp(other.project.value(other_row))
            .then_with(|| self.service.value(row).cmp(other.service.value(other_row)))
            .then(start.cmp(&other_start))
            .then_with(|| self.trace_id.value(row).cmp(other.trace_id.value(other_row)))
    }
}

/// The start hour of a time in microseconds, hours since 1970-01-01.
pub(super) fn hour_of(micros: i64) -> i64 {
    micros.div_euclid(MICROS_PER_HOUR)
}

/// The batch and the row in it of a row over all.
pub(super) type Place = (usize, usize);

/// The places of all rows in their order, hour by hour.
pub(super) fn by_hour(batches: &[RecordBatch]) -> Result<Vec<(i64, Vec<Place>)>, StoreError> {
    let keys = batches.iter().map(KeyColumns::of).collect::<Result<Vec<_>, _>>()?;
    let mut rows = Sorting::default().rows(&keys);
    rows.sort_unstable();
    let hours = rows.chunk_by(|a, b| a.hour == b.hour).filter_map(|rows| {
        let places = rows.iter().map(|row| (row.place.0 as usize, row.place.1 as usize));
        Some((rows.first()?.hour, places.collect()))
    });
    Ok(hours.collect())
}

/// A row as it is sorted; the order of the fields is the order of rows.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Row {
    hour: i64,
    /// Of the project and service.
    rank: u32,
    part_start: i64,
    trace_id: [u8; 16],
    start: i64,
    place: (u32, u32),
}

/// Gives each row what it is sorted by.
#[derive(Debug, Default)]
struct Sorting<'a> {
    sources: HashMap<(&'a str, &'a str), u32>,
    /// When the part of a trace in an hour and a service began.
    parts: HashMap<(i64, u32, [u8; 16]), i64>,
}

impl<'a> Sorting<'a> {
    fn rows(mut self, batches: &'a [KeyColumns]) -> Vec<Row> {
        let mut rows = Vec::with_capacity(batches.iter().map(KeyColumns::rows).sum());
        for (nth, keys) in batches.iter().enumerate() {
            for at in 0..keys.rows() {
                rows.push(self.row(nth, keys, at));
            }
        }
        let ranks = self.ranks();
        for row in &mut rows {
            let part = (row.hour, row.rank, row.trace_id);
            row.part_start = self.parts.get(&part).copied().unwrap_or(row.start);
            row.rank = ranks.get(row.rank as usize).copied().unwrap_or_default();
        }
        rows
    }

    /// A row whose rank is still the number of its source.
    fn row(&mut self, nth: usize, keys: &'a KeyColumns, at: usize) -> Row {
        let source = (keys.project.value(at), keys.service.value(at));
        let known = self.sources.len() as u32;
        let rank = *self.sources.entry(source).or_insert(known);
        let (start, trace_id) = (keys.start.value(at), keys.trace_id(at));
        let hour = hour_of(start);
        let first = self.parts.entry((hour, rank, trace_id)).or_insert(start);
        *first = start.min(*first);
        Row { hour, rank, part_start: start, trace_id, start, place: (nth as u32, at as u32) }
    }

    /// The rank of each source, by its number.
    fn ranks(&self) -> Vec<u32> {
        let mut sorted: Vec<_> = self.sources.iter().collect();
        sorted.sort_unstable();
        let mut ranks = vec![0; sorted.len()];
        for (rank, (_, number)) in sorted.into_iter().enumerate() {
            ranks[*number as usize] = rank as u32;
        }
        ranks
    }
}

fn typed<T: Array + Clone + 'static>(batch: &RecordBatch, name: &str) -> Result<T, StoreError> {
    batch
        .column_by_name(name)
        .and_then(|column| column.as_any().downcast_ref::<T>())
        .cloned()
        .ok_or_else(|| StoreError::Table(format!("column {name} is missing or of another type")))
}
