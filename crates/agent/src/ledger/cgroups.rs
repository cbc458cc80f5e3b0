//! From a cgroup's id to its path. The id is the inode of a folder, so folders
//! are looked through; that takes a while and happens on the threads of the
//! audit log and of the reports, or, for rules at the doors, beside the doors' own.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use crate::owners::cgroup_root;

/// A host with thousands of containers.
const FOLDERS_MAX: usize = 20_000;
const DEPTH_MAX: usize = 16;
/// An id that is not there is not looked for again at once.
const LOOK_PAUSE: Duration = Duration::from_secs(10);

/// Paths that were found.
pub(crate) struct Cgroups {
    root: PathBuf,
    /// None for those that were looked for and are nowhere: a cgroup that is
    /// made later has another id.
    found: BTreeMap<u64, Option<String>>,
    looked: Option<Instant>,
}

impl Cgroups {
    pub(crate) fn new() -> Self {
        Self::below(&cgroup_root())
    }

    pub(crate) fn below(root: &Path) -> Self {
        Self { root: root.to_owned(), found: BTreeMap::new(), looked: None }
    }

    /// The path of a cgroup, as `/proc/PID/cgroup` writes it.
    pub(crate) fn path(&mut self, id: u64) -> Option<&str> {
        let is_time = self.looked.is_none_or(|looked| looked.elapsed() >= LOOK_PAUSE);
        if !self.found.contains_key(&id) && is_time {
            self.look_for(id);
        }
        self.known(id).flatten()
    }

    /// What is known without looking; the path is none when there is no such
    /// cgroup, or none that can be seen.
    pub(crate) fn known(&self, id: u64) -> Option<Option<&str>> {
        self.found.get(&id).map(Option::as_deref)
    }

    /// Looks through the folders. After it, something is known of the id.
    pub(crate) fn look_for(&mut self, id: u64) {
        self.looked = Some(Instant::now());
        self.found.clear();
        let root = self.root.clone();
        self.look(&root, 0);
        self.found.entry(id).or_default();
    }

    fn look(&mut self, folder: &Path, depth: usize) {
        if self.found.len() >= FOLDERS_MAX || depth > DEPTH_MAX {
            return;
        }
        let Ok(metadata) = folder.metadata() else { return };
        if let Ok(below) = folder.strip_prefix(&self.root) {
            self.found.insert(metadata.ino(), Some(format!("/{}", below.display())));
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
