//! What a crash left: span files that the manifest does not name.

use std::collections::HashSet;
use std::path::Path;

use tracing::{error, info};

use super::parquet::SPANS_DIR;
use crate::StoreError;
use crate::book::rows::ManifestFile;
use crate::disk::Disk;

/// Removes every file under `spans/` that `manifest` does not name, and tells
/// which of the named ones are there, whole as far as their size tells.
pub(crate) fn remove_unknown(
    disk: &dyn Disk,
    data_dir: &Path,
    manifest: Vec<ManifestFile>,
) -> Result<(Vec<ManifestFile>, u64), StoreError> {
    let named: HashSet<&str> = manifest.iter().map(|file| file.path.as_str()).collect();
    let mut present = HashSet::new();
    let spans_dir = data_dir.join(SPANS_DIR);
    for hour in list(disk, &spans_dir)?.into_iter().filter(|entry| entry.is_dir) {
        let hour_dir = spans_dir.join(&hour.name);
        for entry in list(disk, &hour_dir)?.into_iter().filter(|entry| !entry.is_dir) {
            let name = format!("{SPANS_DIR}/{}/{}", hour.name, entry.name);
            if named.contains(name.as_str()) {
                present.insert((name, entry.len));
                continue;
            }
            let path = hour_dir.join(&entry.name);
            info!(path = %path.display(), "removing a span file that was never finished");
            disk.remove(&path).map_err(StoreError::disk("remove", &path))?;
        }
    }
    let named = manifest.len();
    let is_present = |file: &ManifestFile| {
        let there = present.contains(&(file.path.clone(), file.bytes));
        if !there {
            error!(
                path = file.path,
                "a span file is missing or cut short; its spans are not shown"
            );
        }
        there
    };
    let files: Vec<_> = manifest.into_iter().filter(is_present).collect();
    let missing = named - files.len();
    Ok((files, missing as u64))
}

fn list(disk: &dyn Disk, dir: &Path) -> Result<Vec<crate::disk::Entry>, StoreError> {
    disk.list(dir).map_err(StoreError::disk("list", dir))
}
