//! From a cgroup's id to its path. The id is the inode of a folder, so folders
//! are looked through; that takes a while and happens only on the threads of the
//! audit log and of the reports.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// A host with thousands of containers.
const FOLDERS_MAX: usize = 20_000;
const DEPTH_MAX: usize = 16;
/// An id that is not there is not looked for again at once.
const LOOK_PAUSE: Duration = Duration::from_secs(10);

/// Paths that were found.
pub(crate) struct Cgroups {
    root: PathBuf,
    found: BTreeMap<u64, String>,
    looked: Option<Instant>,
}

impl Cgroups {
    pub(crate) fn new() -> Self {
        // Beside the older hierarchies the unified one has a folder of its own.
        let unified = Path::new("/sys/fs/cgroup/unified");
        let root = if unified.is_dir() { unified } else { Path::new("/sys/fs/cgroup") };
        Self::below(root)
    }

    fn below(root: &Path) -> Self {
        Self { root: root.to_owned(), found: BTreeMap::new(), looked: None }
    }

    /// The path of a cgroup, as `/proc/PID/cgroup` writes it.
    pub(crate) fn path(&mut self, id: u64) -> Option<&str> {
        let is_time = self.looked.is_none_or(|looked| looked.elapsed() >= LOOK_PAUSE);
        if !self.found.contains_key(&id) && is_time {
            self.looked = Some(Instant::now());
            self.found.clear();
            let root = self.root.clone();
            self.look(&root, 0);
        }
        self.found.get(&id).map(String::as_str)
    }

    fn look(&mut self, folder: &Path, depth: usize) {
        if self.found.len() >= FOLDERS_MAX || depth > DEPTH_MAX {
            return;
        }
        let Ok(metadata) = folder.metadata() else { return };
        if let Ok(below) = folder.strip_prefix(&self.root) {
            self.found.insert(metadata.ino(), format!("/{}", below.display()));
        }
        let Ok(entries) = fs::read_dir(folder) else { return };
        for entry in entries.flatten() {
            // A link has a type of its own, so none is followed.
            if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                self.look(&entry.path(), depth + 1);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_of_folders() {
        let root = tempfile::tempdir().expect("a folder");
        let web = root.path().join("system.slice/web.service");
        fs::create_dir_all(&web).expect("to make");
        let ino = |path: &Path| path.metadata().expect("there").ino();
        let mut cgroups = Cgroups::below(root.path());
        assert_eq!(cgroups.path(ino(&web)), Some("/system.slice/web.service"));
        assert_eq!(cgroups.path(ino(root.path())), Some("/"));
        assert_eq!(cgroups.path(1), None);
    }
}
