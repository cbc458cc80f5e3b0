//! What a crash left: span files that the manifest does not name.

use std::collections::{HashMap, HashSet};
use std::path::Path;

use tracing::{error, info};

use super::file::SPANS_DIR;
use super::index::index_name;
use crate::StoreError;
use crate::book::rows::ManifestFile;
use crate::disk::Disk;

/// Files that can be used, and those that cannot with the reason.
pub(crate) type FoundFiles = (Vec<ManifestFile>, Vec<(ManifestFile, String)>);

/// Removes every file under `spans/` that `manifest` does not name, and tells
/// which of the named ones are there, whole as far as their size tells.
pub(crate) fn remove_unknown(
    disk: &dyn Disk,
    data_dir: &Path,
    manifest: Vec<ManifestFile>,
) -> Result<FoundFiles, StoreError> {
    let files = manifest.iter().map(|file| file.path.as_str());
    let named: HashSet<String> =
        files.flat_map(|path| [path.to_owned(), index_name(path)]).collect();
    let mut present = HashMap::new();
    let spans_dir = data_dir.join(SPANS_DIR);
    for hour in list(disk, &spans_dir)?.into_iter().filter(|entry| entry.is_dir) {
        let hour_dir = spans_dir.join(&hour.name);
        let entries = list(disk, &hour_dir)?;
        let mut is_empty = entries.iter().all(|entry| !entry.is_dir);
        for entry in entries.into_iter().filter(|entry| !entry.is_dir) {
            let name = format!("{SPANS_DIR}/{}/{}", hour.name, entry.name);
            if named.contains(&name) {
                present.insert(name, entry.len);
                is_empty = false;
                continue;
            }
            let path = hour_dir.join(&entry.name);
            info!(path = %path.display(), "removing a span file that was never finished");
            disk.remove(&path).map_err(StoreError::disk("remove", &path))?;
        }
        if is_empty {
            disk.remove_dir(&hour_dir).map_err(StoreError::disk("remove", &hour_dir))?;
        }
    }
    let (mut files, mut damaged) = (Vec::new(), Vec::new());
    for file in manifest {
        let reason = match present.get(&file.path) {
            Some(bytes) if *bytes == file.bytes => {
                files.push(file);
                continue;
            }
            Some(bytes) => format!("it has {bytes} bytes instead of {}", file.bytes),
            None => "it is missing".to_owned(),
        };
        error!(path = file.path, reason, "a span file cannot be used; its spans are not shown");
        damaged.push((file, reason));
    }
    Ok((files, damaged))
}

fn list(disk: &dyn Disk, dir: &Path) -> Result<Vec<crate::disk::Entry>, StoreError> {
    disk.list(dir).map_err(StoreError::disk("list", dir))
}
