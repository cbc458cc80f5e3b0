//! Sorted span files into one, row by row in their order, without copies.
//!
//! Of each file a batch of rows is in memory at a time, so that merging takes
//! the same memory whatever the size of the files.

use std::collections::HashSet;
use std::fs::File;
use std::sync::Arc;

use datafusion::arrow::array::{Array, FixedSizeBinaryArray, RecordBatch};
use datafusion::arrow::compute::interleave_record_batch;
use datafusion::parquet::arrow::ProjectionMask;
use datafusion::parquet::arrow::arrow_reader::{
    ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder,
};
use hotspan_model::TraceId;
use twox_hash::XxHash64;

use super::copies::Seen;
use super::file::FileWriter;
use super::files::SpanFile;
use super::lookup::{Unreadable, conform};
use super::order::{KeyColumns, Place};
use super::rows;
use crate::StoreError;

/// Rows of a file in memory at once.
const READ_ROWS: usize = 1_024;
/// Rows written at once.
const WRITE_ROWS: usize = 4_096;
/// Neighbours in one file that are written as they lie: files follow each other
/// in time, so most rows need not be gathered one by one.
const RUN_ROWS_MIN: usize = 256;

/// Why files could not be merged.
#[derive(Debug)]
pub(super) enum MergeError {
    /// One of them cannot be read: which, and why.
    Input(usize, Unreadable),
    /// The result cannot be written, or nobody wants it any more.
    Other(StoreError),
}

impl From<StoreError> for MergeError {
    fn from(error: StoreError) -> Self {
        Self::Other(error)
    }
}

/// Which rows are taken over.
#[derive(Debug, Clone, Copy, Default)]
pub(super) enum Keep<'a> {
    #[default]
    All,
    /// Those of some traces.
    Traces(&'a HashSet<TraceId>),
}

/// What became of the rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Merged {
    pub(super) kept: u64,
    /// Left out because the same span was there already.
    pub(super) copies: u64,
    /// Left out because nobody keeps their trace.
    pub(super) expired: u64,
}

/// Writes the rows of `files` to `out`. Calls `pause` between parts of the
/// work; an error from it ends the work.
pub(super) fn merge(
    files: &[Arc<SpanFile>],
    keep: Keep<'_>,
    out: &mut FileWriter<'_>,
    pause: &mut dyn FnMut() -> Result<(), StoreError>,
) -> Result<Merged, MergeError> {
    let suspects = suspects(files, pause)?;
    let inputs = files.iter().enumerate();
    let inputs = inputs
        .map(|(nth, file)| Input::open(file).map_err(|error| MergeError::Input(nth, error)))
        .collect::<Result<Vec<_>, _>>()?;
    let mut merging = Merging { inputs, keep, suspects, ..Merging::default() };
    merging.hold_all()?;
    while let Some(least) = merging.least() {
        merging.take_part(least)?;
        if merging.places.len() >= WRITE_ROWS {
            merging.write(out)?;
            pause()?;
        }
    }
    merging.write(out)?;
    Ok(merging.merged)
}

/// One file as it is read.
struct Input {
    reader: ParquetRecordBatchReader,
    /// `None` at the end.
    at: Option<At>,
}

/// Where an input stands.
struct At {
    batch: RecordBatch,
    keys: KeyColumns,
    row: usize,
    /// When the part of a trace began that the row is in.
    part_start: i64,
    /// The batch's number among those held.
    held: usize,
}

impl Input {
    fn open(file: &SpanFile) -> Result<Self, Unreadable> {
        let file = File::open(file.full_path())?;
        let reader =
            ParquetRecordBatchReaderBuilder::try_new(file)?.with_batch_size(READ_ROWS).build()?;
        let mut input = Self { reader, at: None };
        input.next_batch()?;
        Ok(input)
    }

    fn next_batch(&mut self) -> Result<(), Unreadable> {
        let before = self.at.take();
        for batch in self.reader.by_ref() {
            let batch = conform(&batch?)?;
            if batch.num_rows() == 0 {
                continue;
            }
            let keys = KeyColumns::of(&batch).map_err(|error| Unreadable(error.to_string()))?;
            // A part of a trace may go on across batches.
            let goes_on = before
                .as_ref()
                .filter(|before| keys.is_same_part(0, &before.keys, before.batch.num_rows() - 1));
            let part_start = goes_on.map_or(keys.start.value(0), |before| before.part_start);
            self.at = Some(At { batch, keys, row: 0, part_start, held: 0 });
            break;
        }
        Ok(())
    }
}

impl At {
    /// The first row of the batch behind the part that the current row is in.
    fn part_end(&self) -> usize {
        let rows = self.row + 1..self.batch.num_rows();
        let is_next = |row: &usize| !self.keys.is_same_part(*row, &self.keys, self.row);
        rows.into_iter().find(is_next).unwrap_or(self.batch.num_rows())
    }
}

#[derive(Default)]
struct Merging<'a> {
    inputs: Vec<Input>,
    keep: Keep<'a>,
    /// Hashes of what is there more than once, see [`suspects`].
    suspects: HashSet<u64>,
    seen: Seen,
    held: Vec<RecordBatch>,
    places: Vec<Place>,
    merged: Merged,
}

impl Merging<'_> {
    /// The input whose row comes next.
    fn least(&self) -> Option<usize> {
        let standing = self.inputs.iter().enumerate();
        let standing = standing.filter_map(|(nth, input)| Some((nth, input.at.as_ref()?)));
        let least = standing.min_by(|(_, a), (_, b)| {
            a.keys.compare_parts((a.row, a.part_start), &b.keys, (b.row, b.part_start))
        });
        least.map(|(nth, _)| nth)
    }

    /// Takes the part of a trace over that an input stands at.
    fn take_part(&mut self, nth: usize) -> Result<(), MergeError> {
        let Some(at) = self.inputs[nth].at.as_mut() else { return Ok(()) };
        let rows = at.row..at.part_end();
        at.row = rows.end;
        let is_kept = match self.keep {
            Keep::All => true,
            Keep::Traces(traces) => traces.contains(&TraceId(at.keys.trace_id(rows.start))),
        };
        if is_kept && self.suspects.is_empty() {
            self.merged.kept += rows.len() as u64;
            self.places.extend(rows.map(|row| (at.held, row)));
        } else if is_kept {
            for row in rows {
                let is_copy = is_copy(&self.suspects, &mut self.seen, at, row)
                    .map_err(|error| MergeError::Input(nth, error))?;
                if is_copy {
                    self.merged.copies += 1;
                } else {
                    self.merged.kept += 1;
                    self.places.push((at.held, row));
                }
            }
        } else {
            self.merged.expired += rows.len() as u64;
        }
        self.go_on(nth)
    }

    /// Moves an input to its next batch, or to the start of the next part.
    fn go_on(&mut self, nth: usize) -> Result<(), MergeError> {
        let input = &mut self.inputs[nth];
        match input.at.as_mut() {
            Some(at) if at.row < at.batch.num_rows() => {
                at.part_start = at.keys.start.value(at.row);
            }
            _ => {
                input.next_batch().map_err(|error| MergeError::Input(nth, error))?;
                if let Some(at) = input.at.as_mut() {
                    at.held = self.held.len();
                    self.held.push(at.batch.clone());
                }
            }
        }
        Ok(())
    }

    /// Holds the batches that inputs stand in, and no others.
    fn hold_all(&mut self) -> Result<(), MergeError> {
        self.held.clear();
        for at in self.inputs.iter_mut().filter_map(|input| input.at.as_mut()) {
            at.held = self.held.len();
            self.held.push(at.batch.clone());
        }
        Ok(())
    }

    fn write(&mut self, out: &mut FileWriter<'_>) -> Result<(), MergeError> {
        let batches: Vec<&RecordBatch> = self.held.iter().collect();
        let mut gathered = 0;
        for (from, to) in runs(&self.places) {
            gather(out, &batches, &self.places[gathered..from])?;
            let (held, row) = self.places[from];
            out.write(&batches[held].slice(row, to - from))?;
            gathered = to;
        }
        gather(out, &batches, &self.places[gathered..])?;
        self.places.clear();
        self.hold_all()
    }
}

/// Writes rows from here and there.
fn gather(
    out: &mut FileWriter<'_>,
    batches: &[&RecordBatch],
    places: &[Place],
) -> Result<(), StoreError> {
    if places.is_empty() {
        return Ok(());
    }
    out.write(&interleave_record_batch(batches, places)?)
}

/// Long runs of places that lie side by side in one batch: from and to.
fn runs(places: &[Place]) -> Vec<(usize, usize)> {
    let goes_on = |one: &Place, next: &Place| (one.0, one.1 + 1) == *next;
    let mut from = 0;
    let runs = places.chunk_by(goes_on).map(|run| {
        from += run.len();
        (from - run.len(), from)
    });
    runs.filter(|(from, to)| to - from >= RUN_ROWS_MIN).collect()
}

fn is_copy(
    suspects: &HashSet<u64>,
    seen: &mut Seen,
    at: &At,
    row: usize,
) -> Result<bool, Unreadable> {
    let span_ids = span_ids(&at.batch)?;
    let likeness =
        likeness(at.keys.trace_id.value(row), span_ids.value(row), at.keys.start.value(row));
    if !suspects.contains(&likeness) {
        return Ok(false);
    }
    let read =
        rows::read(&at.batch.slice(row, 1)).map_err(|error| Unreadable(error.to_string()))?;
    Ok(read.first().is_some_and(|row| !seen.is_new(row)))
}

/// Hashes of trace, span and start that are there more than once: copies, and
/// now and then spans that only look like them. Usually there are none.
fn suspects(
    files: &[Arc<SpanFile>],
    pause: &mut dyn FnMut() -> Result<(), StoreError>,
) -> Result<HashSet<u64>, MergeError> {
    let rows: u64 = files.iter().map(|file| file.rows).sum();
    let mut all = Vec::with_capacity(rows as usize);
    for (nth, file) in files.iter().enumerate() {
        add_likenesses(file, &mut all).map_err(|error| MergeError::Input(nth, error))?;
        pause()?;
    }
    all.sort_unstable();
    Ok(all.windows(2).filter(|pair| pair[0] == pair[1]).map(|pair| pair[0]).collect())
}

fn add_likenesses(file: &SpanFile, all: &mut Vec<u64>) -> Result<(), Unreadable> {
    let reader = ParquetRecordBatchReaderBuilder::try_new(File::open(file.full_path())?)?;
    let mut columns = KeyColumns::NAMES.to_vec();
    columns.push("span_id");
    let mask = ProjectionMask::columns(reader.parquet_schema(), columns);
    for batch in reader.with_projection(mask).build()? {
        let batch = batch?;
        let keys = KeyColumns::of(&batch).map_err(|error| Unreadable(error.to_string()))?;
        let span_ids = span_ids(&batch)?;
        all.extend((0..batch.num_rows()).map(|row| {
            likeness(keys.trace_id.value(row), span_ids.value(row), keys.start.value(row))
        }));
    }
    Ok(())
}

fn span_ids(batch: &RecordBatch) -> Result<&FixedSizeBinaryArray, Unreadable> {
    let ids = batch.column_by_name("span_id").and_then(|column| column.as_any().downcast_ref());
    ids.ok_or_else(|| Unreadable("it has no column span_id".to_owned()))
}

fn likeness(trace_id: &[u8], span_id: &[u8], start: i64) -> u64 {
    let mut bytes = [0; 32];
    bytes[..16].copy_from_slice(&trace_id[..16]);
    bytes[16..24].copy_from_slice(&span_id[..8]);
    bytes[24..].copy_from_slice(&start.to_le_bytes());
    XxHash64::oneshot(0, &bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_runs_are_found() {
        let run = |batch: usize, from: usize, rows: usize| {
            (from..from + rows).map(move |row| (batch, row))
        };
        let many = RUN_ROWS_MIN;
        for (places, expected) in [
            (run(0, 5, many).collect::<Vec<_>>(), vec![(0, many)]),
            (run(0, 5, many - 1).collect(), vec![]),
            (run(0, 0, 3).chain(run(1, 9, many)).collect(), vec![(3, 3 + many)]),
            (
                run(0, 0, many).chain(run(0, many + 1, many)).collect(),
                vec![(0, many), (many, 2 * many)],
            ),
            (
                run(0, 0, many).chain(run(1, many, many)).collect(),
                vec![(0, many), (many, 2 * many)],
            ),
            (vec![], vec![]),
        ] {
            assert_eq!(runs(&places), expected, "{}", places.len());
        }
    }
}
