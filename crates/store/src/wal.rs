//! The write-ahead log: requests as they were received, durable before they
//! are answered. What is in a request is not known here.
//!
//! Forms on disk are in [`frame`] and [`segment`], writing in [`writer`],
//! reading back in [`replay`].

mod frame;
mod replay;
mod segment;
#[cfg(test)]
mod tests;
mod writer;

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::disk::Disk;
use crate::{Meters, StoreError};

pub(crate) use frame::EncodedFrame;
pub use frame::{Frame, FrameDoor};
pub use replay::Replay;
pub(crate) use writer::{WalWriter, WriteFault};

/// A place in the log: the END of a frame. Everything at or below it is
/// covered. Positions grow by the bytes of frames over all segment files, so
/// they order frames across files and never repeat.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct WalPosition(pub u64);

/// The log's directory.
#[derive(Debug, Clone)]
pub(crate) struct Wal {
    disk: Arc<dyn Disk>,
    dir: PathBuf,
    meters: Arc<Meters>,
}

/// A segment file as a directory listing tells it.
#[derive(Debug, Clone, Copy)]
struct SegmentFile {
    first: WalPosition,
    len: u64,
}

impl Wal {
    pub(crate) fn new(disk: Arc<dyn Disk>, dir: PathBuf) -> Self {
        Self { disk, dir, meters: Arc::default() }
    }

    /// The same, measured by meters of the caller's.
    pub(crate) fn measured_by(self, meters: Arc<Meters>) -> Self {
        Self { meters, ..self }
    }

    /// Frames above `from` up to `to`, in order.
    pub(crate) fn replay(&self, from: WalPosition, to: WalPosition) -> Replay {
        Replay::new(self.clone(), from, to)
    }

    /// Removes segments wholly at or below `lowest`; the last one stays, since
    /// it is written to. The directory is not synced: a segment that a crash
    /// brings back is removed again, and replay begins above it anyway.
    pub(crate) fn reclaim(&self, lowest: WalPosition) -> Result<usize, StoreError> {
        let segments = self.segments()?;
        let covered: Vec<_> = segments
            .windows(2)
            .filter(|pair| pair[1].first <= lowest)
            .map(|pair| segment::path(&self.dir, pair[0].first))
            .collect();
        for path in &covered {
            self.disk.remove(path).map_err(StoreError::disk("remove", path))?;
        }
        Ok(covered.len())
    }

    /// Files and their bytes.
    pub(crate) fn size(&self) -> Result<(u64, u64), StoreError> {
        let segments = self.segments()?;
        Ok((segments.len() as u64, segments.iter().map(|segment| segment.len).sum()))
    }

    /// Every segment file, in the order of the log.
    fn segments(&self) -> Result<Vec<SegmentFile>, StoreError> {
        let entries = self.disk.list(&self.dir).map_err(StoreError::disk("list", &self.dir))?;
        let mut segments: Vec<_> = entries
            .iter()
            .filter_map(|entry| {
                let first = segment::first_of_name(&entry.name)?;
                Some(SegmentFile { first, len: entry.len })
            })
            .collect();
        segments.sort_by_key(|segment| segment.first);
        Ok(segments)
    }

    /// Where each segment file begins, in the order of the log.
    pub(crate) fn firsts(&self) -> Result<Vec<WalPosition>, StoreError> {
        Ok(self.segments()?.iter().map(|segment| segment.first).collect())
    }

    fn load(&self, first: WalPosition) -> Result<segment::Segment, StoreError> {
        let path = self.path_of(first);
        let bytes = self.disk.read(&path).map_err(StoreError::disk("read", &path))?;
        Ok(segment::Segment { first, bytes })
    }

    pub(crate) fn path_of(&self, first: WalPosition) -> PathBuf {
        segment::path(&self.dir, first)
    }

    fn sync_dir(&self) -> io::Result<()> {
        self.disk.sync_dir(&self.dir)
    }

    fn damage(&self, first: WalPosition, offset: u64, reason: impl ToString) -> StoreError {
        StoreError::WalDamage { path: self.path_of(first), offset, reason: reason.to_string() }
    }

    /// Where the log is.
    pub(crate) fn dir(&self) -> &Path {
        &self.dir
    }
}
