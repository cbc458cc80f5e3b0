//! The rows of hits, read by their places: only the columns that a list shows,
//! and of these only the pages that hold the rows.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use datafusion::arrow::array::{
    Array, BooleanArray, FixedSizeBinaryArray, Int32Array, Int64Array, RecordBatch, StringArray,
};
use datafusion::parquet::arrow::arrow_reader::RowSelection;
use hotspan_model::{SpanId, SpanKind, Status};

use super::SearchHit;
use super::file::{ROW_NUMBER, SpanFile, column};
use super::found::{Found, Rank, RowPlace};
use super::row_groups::broken;
use super::scan::Scan;
use crate::StoreError;

const COLUMNS: [&str; 9] = [
    "service",
    "span_id",
    "name",
    "kind",
    "status",
    "duration_ns",
    "is_entry",
    "environment",
    "http_status",
];

/// What a list shows of each hit, in the order of `hits`.
pub(super) fn hits(scan: &Scan, hits: &[(Rank, Found)]) -> Result<Vec<SearchHit>, StoreError> {
    let mut wanted: BTreeMap<usize, BTreeSet<u64>> = BTreeMap::new();
    for (_, found) in hits {
        if let RowPlace::File(file, row) = found.place {
            wanted.entry(file).or_default().insert(row);
        }
    }
    let mut rows: BTreeMap<RowPlace, (Arc<RecordBatch>, usize)> = BTreeMap::new();
    for (file, numbers) in &wanted {
        for batch in of_file(scan, *file, numbers)? {
            let batch = Arc::new(batch);
            let numbers: &Int64Array = column(&batch, ROW_NUMBER)?;
            for row in 0..batch.num_rows() {
                let place = RowPlace::File(*file, numbers.value(row) as u64);
                rows.insert(place, (Arc::clone(&batch), row));
            }
        }
    }
    let gone = || StoreError::Table("a row that was found is not there any more".to_owned());
    let read = |(rank, found): &(Rank, Found)| match found.place {
        RowPlace::Memory(batch, row) => {
            hit(rank, found, scan.snapshot.batches.get(batch).ok_or_else(gone)?, row)
        }
        place => {
            rows.get(&place).ok_or_else(gone).and_then(|(batch, row)| hit(rank, found, batch, *row))
        }
    };
    hits.iter().map(read).collect()
}

fn of_file(scan: &Scan, nth: usize, rows: &BTreeSet<u64>) -> Result<Vec<RecordBatch>, StoreError> {
    let Some(manifest) = scan.snapshot.files.get(nth) else { return Ok(Vec::new()) };
    let file = SpanFile::open(&scan.data_dir.join(&manifest.path), &manifest.path, &scan.footers)?;
    let ranges = rows.iter().map(|row| *row as usize..*row as usize + 1);
    let selection = RowSelection::from_consecutive_ranges(ranges, file.rows());
    let reader = file.reader(&COLUMNS)?.with_row_selection(selection).build().map_err(broken)?;
    reader.map(|batch| Ok(batch?)).collect()
}

fn hit(
    rank: &Rank,
    found: &Found,
    batch: &RecordBatch,
    row: usize,
) -> Result<SearchHit, StoreError> {
    let text = |name: &str| column::<StringArray>(batch, name).map(|texts| texts.value(row));
    let ids: &FixedSizeBinaryArray = column(batch, "span_id")?;
    let entries: &BooleanArray = column(batch, "is_entry")?;
    let statuses: &Int32Array = column(batch, "http_status")?;
    let environments: &StringArray = column(batch, "environment")?;
    Ok(SearchHit {
        project: Arc::clone(&rank.project),
        trace_id: found.trace_id,
        span_id: SpanId::from_slice(ids.value(row)).unwrap_or_default(),
        service: text("service")?.to_owned(),
        name: text("name")?.to_owned(),
        kind: SpanKind::from_slug(text("kind")?).unwrap_or_default(),
        status: Status::from_slug(text("status")?).unwrap_or_default(),
        start: rank.start,
        duration_ns: column::<Int64Array>(batch, "duration_ns")?.value(row),
        is_entry: entries.is_valid(row) && entries.value(row),
        environment: environments.is_valid(row).then(|| environments.value(row).to_owned()),
        http_status: statuses.is_valid(row).then(|| statuses.value(row)),
    })
}
