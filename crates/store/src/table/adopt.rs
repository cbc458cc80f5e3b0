//! A data directory whose `hotspan.db` is new but whose span files are not:
//! somebody moved a damaged database away. The files are taken into the new
//! manifest instead of being removed as leftovers.

use std::fs::File;
use std::path::Path;

use datafusion::parquet::arrow::ProjectionMask;
use datafusion::parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use hotspan_model::{TraceId, UnixNanos};
use tracing::{error, info};

use super::file::{EXTENSION, SPANS_DIR};
use super::lookup::Unreadable;
use super::order::{KeyColumns, hour_of};
use super::schema::SCHEMA_VERSION;
use crate::StoreError;
use crate::book::rows::ManifestFile;
use crate::clock::now;
use crate::disk::Disk;

/// What an unreadable file is called from then on, so that nothing removes it.
const DAMAGED: &str = ".damaged";

/// Finds finished span files and gives them names that no flush will give
/// again. One that cannot be read is moved out of the way, next to the
/// directory of span files.
pub(crate) fn adopt(disk: &dyn Disk, data_dir: &Path) -> Result<Vec<ManifestFile>, StoreError> {
    let spans_dir = data_dir.join(SPANS_DIR);
    let list = |dir: &Path| disk.list(dir).map_err(StoreError::disk("list", dir));
    let mut adopted = Vec::new();
    for folder in list(&spans_dir)?.into_iter().filter(|entry| entry.is_dir) {
        let dir = spans_dir.join(&folder.name);
        for entry in list(&dir)?.into_iter().filter(|entry| entry.name.ends_with(EXTENSION)) {
            let path = dir.join(&entry.name);
            let rename =
                |to: &Path| disk.rename(&path, to).map_err(StoreError::disk("rename", &path));
            match describe(&path, entry.len) {
                Ok(file) => {
                    let name = format!("a{:020}{EXTENSION}", now().0 + adopted.len() as i64);
                    rename(&dir.join(&name))?;
                    let path = format!("{SPANS_DIR}/{}/{name}", folder.name);
                    adopted.push(ManifestFile { path, ..file });
                }
                Err(Unreadable(reason)) => {
                    error!(path = %path.display(), reason, "a span file cannot be taken over");
                    rename(&data_dir.join(format!("{}-{}{DAMAGED}", folder.name, entry.name)))?;
                }
            }
        }
        disk.sync_dir(&dir).map_err(StoreError::disk("sync", &dir))?;
    }
    if !adopted.is_empty() {
        info!(files = adopted.len(), "hotspan.db is new: took the span files over that are there");
    }
    Ok(adopted)
}

/// What the manifest says of a file, read from its rows; without its path.
fn describe(path: &Path, bytes: u64) -> Result<ManifestFile, Unreadable> {
    let reader = ParquetRecordBatchReaderBuilder::try_new(File::open(path)?)?;
    let mask = ProjectionMask::columns(reader.parquet_schema(), KeyColumns::NAMES);
    let (mut rows, mut starts, mut traces) = (0, None, None);
    for batch in reader.with_projection(mask).build()? {
        let batch = batch?;
        let keys = KeyColumns::of(&batch).map_err(|error| Unreadable(error.to_string()))?;
        for row in 0..keys.rows() {
            extend(&mut starts, keys.start.value(row));
            extend(&mut traces, keys.trace_id(row));
        }
        rows += batch.num_rows() as u64;
    }
    let empty = || Unreadable("it has no rows".to_owned());
    let ((first, last), (low, high)) = (starts.ok_or_else(empty)?, traces.ok_or_else(empty)?);
    Ok(ManifestFile {
        path: String::new(),
        hour: hour_of(first),
        rows,
        bytes,
        start_min: UnixNanos(first.saturating_mul(1_000)),
        start_max: UnixNanos(last.saturating_mul(1_000).saturating_add(999)),
        trace_min: TraceId(low),
        trace_max: TraceId(high),
        created: now(),
        schema_version: SCHEMA_VERSION,
    })
}

fn extend<T: Ord + Copy>(bounds: &mut Option<(T, T)>, value: T) {
    let (low, high) = bounds.unwrap_or((value, value));
    *bounds = Some((low.min(value), high.max(value)));
}
