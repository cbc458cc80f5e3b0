//! Segment files: their names and headers, and the frames found in one.
//!
//! A segment is named by the position it begins at, so a position tells both
//! the file and the place in it. A bad frame is judged by what follows it: if
//! a later *group* is whole, the bad frame was durable once and has been
//! damaged; if nothing but the same group follows, the group was being written
//! when the machine stopped, nobody was told that it was safe, and it is cut.

use std::ops::Range;
use std::path::{Path, PathBuf};

use super::WalPosition;
use super::frame::{FoundFrame, FrameFault, HEADER_LEN, MAGIC};

/// Bytes before the first frame of a segment.
pub(super) const SEGMENT_HEADER_LEN: u64 = 24;
const SEGMENT_MAGIC: [u8; 8] = *b"HSPNWAL\n";
const SEGMENT_VERSION: u32 = 1;
const NAME_DIGITS: usize = 20;

/// The file of the segment that begins at `first`.
pub(super) fn path(dir: &Path, first: WalPosition) -> PathBuf {
    dir.join(format!("{:0NAME_DIGITS$}.wal", first.0))
}

/// The position in a segment's file name; `None` for another kind of file.
pub(super) fn first_of_name(name: &str) -> Option<WalPosition> {
    let digits = name.strip_suffix(".wal").filter(|digits| digits.len() == NAME_DIGITS)?;
    digits.parse().ok().map(WalPosition)
}

/// What a segment that begins at `first` begins with.
pub(super) fn header(first: WalPosition) -> [u8; SEGMENT_HEADER_LEN as usize] {
    let mut header = [0; SEGMENT_HEADER_LEN as usize];
    header[..8].copy_from_slice(&SEGMENT_MAGIC);
    header[8..12].copy_from_slice(&SEGMENT_VERSION.to_le_bytes());
    header[12..20].copy_from_slice(&first.0.to_le_bytes());
    let sum = crc32fast::hash(&header[..20]);
    header[20..].copy_from_slice(&sum.to_le_bytes());
    header
}

/// A segment's bytes in memory.
#[derive(Debug)]
pub(super) struct Segment {
    pub(super) first: WalPosition,
    pub(super) bytes: Vec<u8>,
}

/// One thing found in a segment, with where it lies in the file.
#[derive(Debug)]
pub(super) enum Found<'a> {
    /// A good frame.
    Frame(FoundFrame<'a>, Range<u64>),
    /// Bytes that are no frame, up to the next one or the end of the file.
    Bad(FrameFault, Range<u64>),
}

impl Segment {
    /// True when the file begins as this segment must.
    pub(super) fn header_is_good(&self) -> bool {
        self.bytes.starts_with(&header(self.first))
    }

    /// The position of a place in the file.
    pub(super) fn position_of(&self, offset: u64) -> WalPosition {
        WalPosition(self.first.0 + offset.saturating_sub(SEGMENT_HEADER_LEN))
    }

    /// The place in the file of a position.
    pub(super) fn offset_of(&self, position: WalPosition) -> u64 {
        SEGMENT_HEADER_LEN + position.0.saturating_sub(self.first.0)
    }

    /// What lies at `offset`; `None` at the end of the file.
    pub(super) fn find(&self, offset: u64) -> Option<Found<'_>> {
        let at = usize::try_from(offset).ok().filter(|at| *at < self.bytes.len())?;
        match FoundFrame::at_start_of(&self.bytes[at..]) {
            Ok(frame) => Some(Found::Frame(frame, offset..offset + frame.len() as u64)),
            Err(fault) => {
                let next = self.next_good(at + 1).map_or(self.bytes.len(), |(next, _)| next);
                Some(Found::Bad(fault, offset..next as u64))
            }
        }
    }

    /// Where a write that never finished begins, or the end of the file. Only
    /// the last segment can hold one: a new one is begun after a good sync.
    pub(super) fn good_len(&self) -> u64 {
        let mut offset = SEGMENT_HEADER_LEN;
        while let Some(found) = self.find(offset) {
            match found {
                Found::Frame(_, range) => offset = range.end,
                Found::Bad(_, range) if self.was_durable(offset) => offset = range.end,
                Found::Bad(..) => return offset,
            }
        }
        offset
    }

    /// True when a group that was begun after `offset` is in the file: then
    /// what lay at `offset` had been synced before.
    fn was_durable(&self, offset: u64) -> bool {
        let mut from = offset as usize + 1;
        while let Some((at, frame)) = self.next_good(from) {
            if (at as u64).saturating_sub(frame.group_offset()) > offset {
                return true;
            }
            from = at + frame.len();
        }
        false
    }

    fn next_good(&self, mut from: usize) -> Option<(usize, FoundFrame<'_>)> {
        while from + HEADER_LEN <= self.bytes.len() {
            let skip = self.bytes[from..].windows(MAGIC.len()).position(|bytes| bytes == MAGIC)?;
            from += skip;
            if let Ok(frame) = FoundFrame::at_start_of(&self.bytes[from..]) {
                return Some((from, frame));
            }
            from += 1;
        }
        None
    }
}
