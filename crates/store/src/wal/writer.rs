//! Writing the log: groups of frames, one sync a group, segment after segment.

use std::io;
use std::time::Instant;

use tracing::{info, warn};

use super::segment::{self, SEGMENT_HEADER_LEN};
use super::{EncodedFrame, Wal, WalPosition};
use crate::StoreError;
use crate::disk::DiskFile;

/// Bytes gathered before they are handed to the file.
const GATHER_BYTES: usize = 1 << 20;

/// The end of the log.
#[derive(Debug)]
pub(crate) struct WalWriter {
    wal: Wal,
    segment_bytes: u64,
    file: Box<dyn DiskFile>,
    first: WalPosition,
    /// Bytes of the current file that are known to be durable.
    len: u64,
    gathered: Vec<u8>,
}

/// Why a group was not made durable. No frame of it will be replayed.
#[derive(Debug)]
pub(crate) enum WriteFault {
    /// The file is as it was before; a later group may succeed.
    Refused(io::Error),
    /// What the disk holds is not known any more: nothing may be written until
    /// the log is opened again.
    Halted(io::Error),
}

impl WalWriter {
    /// Opens the log at its end, cutting a write that never finished. Positions
    /// go on above `at_least`, which matters only when the log was lost while
    /// what was made of it was not.
    pub(crate) fn open(
        wal: Wal,
        at_least: WalPosition,
        segment_bytes: u64,
    ) -> Result<Self, StoreError> {
        let last = open_last(&wal)?;
        if let Some((_, first, len)) = &last
            && end_of(*first, *len) < at_least
        {
            warn!(end = end_of(*first, *len).0, covered = at_least.0, "the log is behind the book");
        }
        let (file, first, len) = match last {
            Some(last) if end_of(last.1, last.2) >= at_least => last,
            _ => start_segment(&wal, at_least)
                .map_err(|fault| StoreError::disk("create", wal.dir())(fault.into_error()))?,
        };
        Ok(Self { wal, segment_bytes, file, first, len, gathered: Vec::new() })
    }

    /// The end of the last durable frame.
    pub(crate) fn position(&self) -> WalPosition {
        end_of(self.first, self.len)
    }

    /// Writes frames and makes them durable together. Returns the position of each.
    pub(crate) fn write_group(
        &mut self,
        group: &mut [EncodedFrame],
    ) -> Result<Vec<WalPosition>, WriteFault> {
        if self.len >= self.segment_bytes.max(SEGMENT_HEADER_LEN + 1) {
            self.go_on_in_new_segment()?;
        }
        let ends = match self.write(group) {
            Ok(ends) => ends,
            Err(error) => return Err(self.cut_back(error)),
        };
        if let Err(error) = self.sync() {
            // Best effort: the frames were refused, so they should not come
            // back. Whether the cut itself lasts is unknown after this.
            if let Err(error) = self.file.set_len(self.len) {
                warn!(%error, "a frame that was refused could not be cut off the log");
            }
            return Err(WriteFault::Halted(error));
        }
        let len = ends.last().copied().unwrap_or(self.len);
        self.wal.meters.wal.group.observe(group.len() as u64);
        self.wal.meters.wal.bytes.add(len - self.len);
        self.len = len;
        Ok(ends.into_iter().map(|end| end_of(self.first, end)).collect())
    }

    fn sync(&mut self) -> io::Result<()> {
        let began = Instant::now();
        let synced = self.file.sync();
        self.wal.meters.wal.sync.observe_duration(began.elapsed());
        if synced.is_err() {
            self.wal.meters.wal.sync_failures.add(1);
        }
        synced
    }

    /// Writes frames after each other; returns where in the file each ends.
    fn write(&mut self, group: &mut [EncodedFrame]) -> io::Result<Vec<u64>> {
        let mut ends = Vec::with_capacity(group.len());
        let mut end = self.len;
        self.gathered.clear();
        for frame in group {
            let offset = u32::try_from(end - self.len)
                .map_err(|_| io::Error::new(io::ErrorKind::InvalidInput, "group over 4 GiB"))?;
            let bytes = frame.seal(offset);
            if self.gathered.len() + bytes.len() > GATHER_BYTES {
                self.file.write_all(&self.gathered)?;
                self.gathered.clear();
            }
            if bytes.len() >= GATHER_BYTES {
                self.file.write_all(bytes)?;
            } else {
                self.gathered.extend_from_slice(bytes);
            }
            end += bytes.len() as u64;
            ends.push(end);
        }
        self.file.write_all(&self.gathered)?;
        Ok(ends)
    }

    /// Takes a half-written group off the file, durably: whole frames of it may
    /// be on disk already, and their senders are about to hear that they failed.
    fn cut_back(&mut self, error: io::Error) -> WriteFault {
        match self.file.set_len(self.len).and_then(|()| self.file.sync()) {
            Ok(()) => WriteFault::Refused(error),
            Err(cut) => {
                warn!(%error, "the log could not be written, nor cut back");
                WriteFault::Halted(cut)
            }
        }
    }

    fn go_on_in_new_segment(&mut self) -> Result<(), WriteFault> {
        (self.file, self.first, self.len) = start_segment(&self.wal, self.position())?;
        Ok(())
    }
}

impl WriteFault {
    fn into_error(self) -> io::Error {
        match self {
            Self::Refused(error) | Self::Halted(error) => error,
        }
    }
}

type OpenSegment = (Box<dyn DiskFile>, WalPosition, u64);

fn end_of(first: WalPosition, len: u64) -> WalPosition {
    WalPosition(first.0 + len.saturating_sub(SEGMENT_HEADER_LEN))
}

/// Makes an empty segment, durable with its name. A file that is there
/// already is what an earlier try left, and is replaced.
fn start_segment(wal: &Wal, first: WalPosition) -> Result<OpenSegment, WriteFault> {
    let path = wal.path_of(first);
    let mut file = wal.disk.create(&path).map_err(WriteFault::Refused)?;
    file.write_all(&segment::header(first)).map_err(WriteFault::Refused)?;
    // A failed sync may be the disk's last honest word about this directory.
    file.sync().and_then(|()| wal.sync_dir()).map_err(WriteFault::Halted)?;
    Ok((file, first, SEGMENT_HEADER_LEN))
}

/// Opens the last segment behind its last good frame.
fn open_last(wal: &Wal) -> Result<Option<OpenSegment>, StoreError> {
    while let Some(last) = wal.segments()?.last().copied() {
        let path = wal.path_of(last.first);
        let segment = wal.load(last.first)?;
        if !segment.header_is_good() && segment.bytes.len() as u64 <= SEGMENT_HEADER_LEN {
            info!(path = %path.display(), "removing a log file that was never begun");
            wal.disk.remove(&path).map_err(StoreError::disk("remove", &path))?;
            continue;
        }
        let len = segment.good_len();
        let mut file = wal.disk.open_end(&path).map_err(StoreError::disk("open", &path))?;
        if len < segment.bytes.len() as u64 {
            let cut = segment.bytes.len() as u64 - len;
            warn!(path = %path.display(), bytes = cut, "cutting an unfinished write off the log");
            file.set_len(len).map_err(StoreError::disk("cut", &path))?;
        }
        // Frames that were written but not synced before a crash of the
        // process are about to be replayed, and must not vanish after that.
        file.sync().map_err(StoreError::disk("sync", &path))?;
        wal.sync_dir().map_err(StoreError::disk("sync", wal.dir()))?;
        return Ok(Some((file, last.first, len)));
    }
    Ok(None)
}
