//! A disk for tests that keeps its promises and nothing more: after a crash
//! only what was synced is there, names included. What the program sees lies
//! in a real directory, so that DataFusion and SQLite work on it as usual.
//!
//! Files it was not told about (SQLite's, the lock) are left alone by a crash:
//! their owners have their own promises.

use std::collections::{BTreeMap, HashMap};
use std::fs::{self, File};
use std::io::{self, Seek, SeekFrom, Write};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::{Disk, DiskFile, Entry, RealDisk};

/// What a crash does to that which was not synced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Loss {
    /// All of it is gone.
    Everything,
    /// Some of it is there: each directory has its unsynced names or not, each
    /// file a part of its unsynced bytes, some of them zero.
    Some(u64),
}

/// The disk. Clones share it.
#[derive(Debug, Clone)]
pub(crate) struct SimDisk {
    state: Arc<Mutex<State>>,
}

#[derive(Debug, Default)]
struct State {
    visible: Names,
    durable: Names,
    synced: HashMap<u64, Vec<u8>>,
    inodes: u64,
    steps: u64,
    crash_at: Option<u64>,
    dead: bool,
    failing_syncs: Vec<&'static str>,
    room: Option<u64>,
}

type Names = BTreeMap<PathBuf, Node>;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Node {
    Dir,
    File(u64),
}

impl SimDisk {
    pub(crate) fn new() -> Self {
        Self { state: Arc::default() }
    }

    /// The power goes at the `step`th change from now: it does not happen, and
    /// nothing works afterwards.
    pub(crate) fn crash_at(&self, step: u64) {
        let mut state = self.lock();
        state.crash_at = Some(state.steps + step);
    }

    /// True after the power went.
    pub(crate) fn is_dead(&self) -> bool {
        self.lock().dead
    }

    /// The next sync of a file whose path contains `part` fails.
    pub(crate) fn fail_next_sync_of(&self, part: &'static str) {
        self.lock().failing_syncs.push(part);
    }

    /// Only so many more bytes can be written; `None` lifts the limit.
    pub(crate) fn set_room(&self, room: Option<u64>) {
        self.lock().room = room;
    }

    /// The power goes now and comes back: rolls the directory back to what the
    /// disk promised, and works again.
    pub(crate) fn power_cycle(&self, loss: Loss) {
        let mut state = self.lock();
        let names = state.names_after(loss);
        let contents: Vec<_> = names
            .iter()
            .filter_map(|(path, node)| match node {
                Node::Dir => None,
                Node::File(inode) => {
                    Some((path.clone(), *inode, state.content_after(*inode, path, loss)))
                }
            })
            .collect();
        for (path, node) in state.visible.iter().rev() {
            match node {
                Node::Dir => drop(fs::remove_dir(path)),
                Node::File(_) => fs::remove_file(path).expect("a visible file is there"),
            }
        }
        for path in names.iter().filter(|(_, node)| **node == Node::Dir).map(|(path, _)| path) {
            RealDisk.create_dir(path).expect("its parent was made before");
        }
        for (path, inode, content) in contents {
            fs::write(&path, &content).expect("the directory is there");
            state.synced.insert(inode, content);
        }
        state.visible = names.clone();
        state.durable = names;
        (state.dead, state.crash_at, state.room) = (false, None, None);
        state.failing_syncs.clear();
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn power_is_off() -> io::Error {
    io::Error::other("the power is off")
}

/// A number that looks random and is the same for the same words.
fn dice(seed: u64, path: &Path) -> u64 {
    let sum = crc32fast::hash(path.as_os_str().as_encoded_bytes());
    let mixed = (seed ^ u64::from(sum)).wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    (mixed ^ (mixed >> 29)).wrapping_mul(0xbf58_476d_1ce4_e5b9) >> 16
}

impl State {
    /// Counts a change; fails when the power is off or goes now.
    fn step(&mut self) -> io::Result<()> {
        self.steps += 1;
        if self.crash_at.is_some_and(|at| self.steps >= at) {
            self.dead = true;
        }
        if self.dead { Err(power_is_off()) } else { Ok(()) }
    }

    fn new_file(&mut self, path: &Path) -> u64 {
        self.inodes += 1;
        self.visible.insert(path.to_owned(), Node::File(self.inodes));
        self.inodes
    }

    fn alive(&self) -> io::Result<()> {
        if self.dead { Err(power_is_off()) } else { Ok(()) }
    }

    /// The names there are after a crash: those of a directory that was not
    /// itself durable are lost with it.
    fn names_after(&self, loss: Loss) -> Names {
        let mut names = Names::new();
        let dirs: Vec<_> = self.visible.keys().chain(self.durable.keys()).cloned().collect();
        let all: std::collections::BTreeSet<PathBuf> = dirs.into_iter().collect();
        for path in all {
            let parent = path.parent().unwrap_or(Path::new(""));
            let parent_known =
                self.visible.contains_key(parent) || self.durable.contains_key(parent);
            if parent_known && !names.contains_key(parent) {
                continue;
            }
            let lucky = matches!(loss, Loss::Some(seed) if dice(seed, parent).is_multiple_of(2));
            let source = if lucky { &self.visible } else { &self.durable };
            if let Some(node) = source.get(&path) {
                names.insert(path, *node);
            }
        }
        names
    }

    fn content_after(&self, inode: u64, path: &Path, loss: Loss) -> Vec<u8> {
        let durable = self.synced.get(&inode).cloned().unwrap_or_default();
        let Loss::Some(seed) = loss else { return durable };
        let visible_path = self
            .visible
            .iter()
            .find(|(_, node)| **node == Node::File(inode))
            .map(|(path, _)| path.clone());
        let Some(visible) = visible_path.and_then(|path| fs::read(path).ok()) else {
            return durable;
        };
        // Only bytes added at the end are at stake: nothing here overwrites.
        let Some(extra) = visible.len().checked_sub(durable.len()).filter(|extra| *extra > 0)
        else {
            return durable;
        };
        let dice = dice(seed, path);
        let kept = (dice >> 8) as usize % (extra + 1);
        let mut content = visible[..durable.len() + kept].to_vec();
        if kept > 0 && dice.is_multiple_of(3) {
            let hole = durable.len() + (dice >> 20) as usize % kept;
            let hole_end = content.len().min(hole + 512);
            content[hole..hole_end].fill(0);
        }
        content
    }
}

impl Disk for SimDisk {
    fn create(&self, path: &Path) -> io::Result<Box<dyn DiskFile>> {
        let mut state = self.lock();
        state.step()?;
        let file = File::options().read(true).write(true).create(true).truncate(true).open(path)?;
        let inode = state.new_file(path);
        Ok(Box::new(SimFile { disk: self.clone(), path: path.to_owned(), inode, file }))
    }

    fn open_end(&self, path: &Path) -> io::Result<Box<dyn DiskFile>> {
        let mut state = self.lock();
        state.alive()?;
        let mut file = File::options().read(true).write(true).open(path)?;
        file.seek(SeekFrom::End(0))?;
        let inode = match state.visible.get(path) {
            Some(Node::File(inode)) => *inode,
            // A test put it there behind the disk's back.
            _ => state.new_file(path),
        };
        Ok(Box::new(SimFile { disk: self.clone(), path: path.to_owned(), inode, file }))
    }

    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        self.lock().alive()?;
        RealDisk.read(path)
    }

    fn list(&self, dir: &Path) -> io::Result<Vec<Entry>> {
        self.lock().alive()?;
        RealDisk.list(dir)
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        let mut state = self.lock();
        state.step()?;
        RealDisk.rename(from, to)?;
        if let Some(node) = state.visible.remove(from) {
            state.visible.insert(to.to_owned(), node);
        }
        Ok(())
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        let mut state = self.lock();
        state.step()?;
        RealDisk.remove(path)?;
        state.visible.remove(path);
        Ok(())
    }

    fn create_dir(&self, path: &Path) -> io::Result<()> {
        let mut state = self.lock();
        state.step()?;
        RealDisk.create_dir(path)?;
        state.visible.insert(path.to_owned(), Node::Dir);
        Ok(())
    }

    fn remove_dir(&self, path: &Path) -> io::Result<()> {
        let mut state = self.lock();
        state.step()?;
        RealDisk.remove_dir(path)?;
        state.visible.remove(path);
        Ok(())
    }

    fn sync_dir(&self, path: &Path) -> io::Result<()> {
        let mut state = self.lock();
        state.step()?;
        let inside = |name: &PathBuf| name.parent() == Some(path);
        state.durable.retain(|name, _| !inside(name));
        let names: Vec<_> = state
            .visible
            .iter()
            .filter(|(name, _)| inside(name))
            .map(|(name, node)| (name.clone(), *node))
            .collect();
        state.durable.extend(names);
        Ok(())
    }
}

#[derive(Debug)]
struct SimFile {
    disk: SimDisk,
    path: PathBuf,
    inode: u64,
    file: File,
}

impl Write for SimFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut state = self.disk.lock();
        state.step()?;
        let fits = match &mut state.room {
            None => bytes.len(),
            Some(0) if !bytes.is_empty() => return Err(io::ErrorKind::StorageFull.into()),
            Some(room) => {
                let fits = bytes.len().min(*room as usize);
                *room -= fits as u64;
                fits
            }
        };
        self.file.write_all(&bytes[..fits])?;
        Ok(fits)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl DiskFile for SimFile {
    fn sync(&mut self) -> io::Result<()> {
        let mut state = self.disk.lock();
        state.step()?;
        let path = self.path.to_string_lossy();
        if let Some(at) = state.failing_syncs.iter().position(|part| path.contains(part)) {
            state.failing_syncs.remove(at);
            return Err(io::Error::other("the disk did not take it"));
        }
        let mut content = vec![0; self.file.metadata()?.len() as usize];
        self.file.read_exact_at(&mut content, 0)?;
        state.synced.insert(self.inode, content);
        Ok(())
    }

    fn set_len(&mut self, len: u64) -> io::Result<()> {
        self.disk.lock().step()?;
        self.file.set_len(len)?;
        self.file.seek(SeekFrom::End(0)).map(|_| ())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is there after a crash, by what was done before it.
    #[test]
    fn only_what_was_synced_survives() {
        let root = tempfile::tempdir().expect("a temporary directory");
        let disk = SimDisk::new();
        let at = |name: &str| root.path().join(name);
        let write = |name: &str, sync: bool| {
            let mut file = disk.create(&at(name)).expect("alive");
            file.write_all(b"kept").expect("alive");
            if sync {
                file.sync().expect("alive");
            }
            file.write_all(b" lost").expect("alive");
        };
        for dir in ["named", "unnamed"] {
            disk.create_dir(&at(dir)).expect("alive");
        }
        write("named/synced", true);
        write("named/unsynced", false);
        write("unnamed/synced", true);
        write("named/old", true);
        disk.sync_dir(root.path()).expect("alive");
        disk.sync_dir(&at("named")).expect("alive");
        disk.rename(&at("named/old"), &at("named/new")).expect("alive");

        disk.power_cycle(Loss::Everything);

        let contents = |name: &str| fs::read_to_string(at(name)).ok();
        for (name, content) in [
            ("named/synced", Some("kept")),
            ("named/unsynced", Some("")),
            ("unnamed/synced", None),
            ("named/old", Some("kept")),
            ("named/new", None),
        ] {
            assert_eq!(contents(name).as_deref(), content, "{name}");
        }
    }
}
