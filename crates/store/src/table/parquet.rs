//! Spans in memory into Parquet files, one per start hour.

use std::path::Path;

use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::compute::interleave_record_batch;

use super::file::{EXTENSION, FileWriter, Target};
use super::order::{self, Place};
use crate::StoreError;
use crate::book::rows::ManifestFile;
use crate::disk::Disk;
use crate::wal::WalPosition;

/// Rows handed to the Parquet writer at once.
const WRITE_ROWS: usize = 4_096;

/// Writes `batches` into files that hold everything up to `position`, and
/// makes them durable. Their names come from the position, so that trying
/// again after a failure replaces what the failure left.
pub(super) fn write(
    disk: &dyn Disk,
    data_dir: &Path,
    position: WalPosition,
    batches: &[RecordBatch],
) -> Result<Vec<ManifestFile>, StoreError> {
    let mut written = Vec::new();
    for (hour, places) in order::by_hour(batches)? {
        let target = Target::in_hour(hour, format!("{:020}{EXTENSION}", position.0));
        let mut file = FileWriter::create(disk, data_dir, target)?;
        match write_rows(&mut file, batches, &places) {
            Ok(()) => written.extend(file.finish()?),
            Err(error) => {
                file.abandon();
                return Err(error);
            }
        }
    }
    Ok(written)
}

fn write_rows(
    file: &mut FileWriter<'_>,
    batches: &[RecordBatch],
    places: &[Place],
) -> Result<(), StoreError> {
    let batches: Vec<&RecordBatch> = batches.iter().collect();
    for places in places.chunks(WRITE_ROWS) {
        file.write(&interleave_record_batch(&batches, places)?)?;
    }
    Ok(())
}
