//! Footers of span files, kept in memory: reading one takes longer than
//! looking into its file.

use std::collections::HashMap;
use std::fs::File;
use std::sync::{Arc, Mutex, PoisonError};

use datafusion::parquet::arrow::arrow_reader::{ArrowReaderMetadata, ArrowReaderOptions};
use datafusion::parquet::errors::ParquetError;
use datafusion::parquet::file::metadata::{PageIndexPolicy, ParquetMetaData};

/// Bytes of footers kept.
const FOOTERS_BYTES_MAX: usize = 64 << 20;

/// Footers by the path of their file; files never change.
#[derive(Debug, Default)]
pub(super) struct Footers {
    kept: Mutex<Kept>,
}

#[derive(Debug, Default)]
struct Kept {
    footers: HashMap<String, Arc<ParquetMetaData>>,
    bytes: usize,
}

impl Footers {
    /// The footer of a file, with its page index.
    pub(super) fn of(&self, path: &str, file: &File) -> Result<Arc<ParquetMetaData>, ParquetError> {
        if let Some(footer) = self.lock().footers.get(path) {
            return Ok(Arc::clone(footer));
        }
        let options = ArrowReaderOptions::new()
            .with_skip_arrow_metadata(true)
            .with_offset_index_policy(PageIndexPolicy::Optional);
        let footer = Arc::clone(ArrowReaderMetadata::load(file, options)?.metadata());
        let mut kept = self.lock();
        if kept.bytes > FOOTERS_BYTES_MAX {
            // Rare, and what is needed comes back soon.
            *kept = Kept::default();
        }
        kept.bytes += footer.memory_size();
        kept.footers.insert(path.to_owned(), Arc::clone(&footer));
        Ok(footer)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
