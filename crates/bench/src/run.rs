//! The measurements, one a file.

pub(crate) mod ingest;
pub(crate) mod query;
pub(crate) mod size;
pub(crate) mod wal;

use std::path::Path;

use tempfile::TempDir;

use crate::Common;
use crate::template::Template;

/// Different requests that are sent in turn.
const TEMPLATES: u64 = 32;

fn templates(common: &Common) -> Vec<Template> {
    (0..TEMPLATES).map(|seed| Template::new(common.shape, seed, common.batch)).collect()
}

/// A data directory that goes when the measurement ends.
fn data_dir(folder: &Path) -> anyhow::Result<TempDir> {
    std::fs::create_dir_all(folder)?;
    Ok(tempfile::Builder::new().prefix("data-").tempdir_in(folder)?)
}
