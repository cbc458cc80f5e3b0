//! Span files that turn out to be damaged: each is named and set aside, and
//! everything else stays readable.

use std::fs::File;
use std::io::{BufReader, Read};
use std::sync::Arc;

use datafusion::parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use tracing::error;

use super::file::Checksum;
use super::files::{SetAside, SpanFile};
use super::lookup::{Unreadable, conform};
use super::{SpanTable, rows};

/// Bytes read at once to sum up a file.
const READ_BYTES: usize = 256 << 10;

impl SpanTable {
    /// Leaves a file out from now on. It stays on disk and in the manifest: a
    /// restart looks at it again, and somebody may put it right.
    pub(super) fn set_aside(&self, file: &SpanFile, reason: String) {
        let mut state = self.lock();
        let known = state.files.iter().position(|known| known.path == file.path);
        // Else somebody noticed before, or it was replaced meanwhile.
        let Some(known) = known else { return };
        let file = state.files.remove(known);
        error!(path = file.path, reason, "a span file cannot be read; its spans are not shown");
        state.damaged.push(SetAside { file, reason });
    }

    /// Sets aside those of the files that are damaged; false when none is.
    pub(super) fn set_damaged_aside(&self, files: &[Arc<SpanFile>]) -> bool {
        let mut found = false;
        for file in files {
            if let Err(Unreadable(reason)) = verify(file) {
                self.set_aside(file, reason);
                found = true;
            }
        }
        found
    }
}

/// Reads a whole file: by its checksum, where that is known, else row by row.
pub(super) fn verify(file: &SpanFile) -> Result<(), Unreadable> {
    match file.checksum() {
        Some(checksum) if checksum != sum_of(file)? => {
            Err(Unreadable("its checksum is wrong".to_owned()))
        }
        Some(_) => Ok(()),
        None => {
            let reader = ParquetRecordBatchReaderBuilder::try_new(File::open(file.full_path())?)?;
            for batch in reader.build()? {
                let batch = conform(&batch?)?;
                rows::read(&batch).map_err(|error| Unreadable(error.to_string()))?;
            }
            Ok(())
        }
    }
}

fn sum_of(file: &SpanFile) -> Result<u64, Unreadable> {
    let mut reader = BufReader::with_capacity(READ_BYTES, File::open(file.full_path())?);
    let (mut sum, mut bytes) = (Checksum::default(), vec![0; READ_BYTES]);
    loop {
        let read = reader.read(&mut bytes)?;
        if read == 0 {
            return Ok(sum.finish_64());
        }
        sum.add(&bytes[..read]);
    }
}
