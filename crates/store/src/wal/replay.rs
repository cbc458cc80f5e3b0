//! Reading the log back after a start.

use std::collections::VecDeque;

use super::segment::{Found, SEGMENT_HEADER_LEN, Segment};
use super::{Frame, SegmentFile, Wal, WalPosition};
use crate::StoreError;

/// Frames above a position, in order. After an error it goes on with the next
/// frame that can be read: what to do about damage is the caller's choice.
#[derive(Debug)]
pub struct Replay {
    wal: Wal,
    /// Segments still to read; `None` before the directory was listed.
    waiting: Option<VecDeque<SegmentFile>>,
    current: Option<(Segment, u64)>,
    /// Everything at or below was yielded, or was asked to be left out.
    next: WalPosition,
    /// Where the log ended when it was opened; later frames have not been lost.
    to: WalPosition,
    /// The last thing read was damage, so what follows it may begin anywhere.
    after_damage: bool,
}

impl Replay {
    pub(super) fn new(wal: Wal, from: WalPosition, to: WalPosition) -> Self {
        Self { wal, waiting: None, current: None, next: from, to, after_damage: false }
    }

    /// Loads the segment that `next` lies in. `Ok(false)` at the end.
    fn advance(&mut self) -> Result<bool, StoreError> {
        if self.waiting.is_none() {
            let mut segments = VecDeque::from(self.wal.segments()?);
            while segments.get(1).is_some_and(|second| second.first <= self.next) {
                segments.pop_front();
            }
            self.waiting = Some(segments);
        }
        let Some(file) = self.waiting.as_mut().and_then(VecDeque::pop_front) else {
            return Ok(false);
        };
        let missing = file.first > self.next && !self.after_damage;
        let expected = self.next;
        self.next = expected.max(file.first);
        let segment = self.wal.load(file.first)?;
        let header_is_good = segment.header_is_good();
        let offset = segment.offset_of(self.next).max(SEGMENT_HEADER_LEN);
        self.current = Some((segment, offset));
        if missing {
            let reason =
                format!("the log before this file is missing from position {}", expected.0);
            return Err(self.wal.damage(file.first, 0, reason));
        }
        if !header_is_good {
            return Err(self.wal.damage(file.first, 0, "the file's header is not a log's"));
        }
        Ok(true)
    }

    /// What comes next in the current segment; `None` at its end.
    fn read(&mut self) -> Option<Result<(WalPosition, Frame), StoreError>> {
        let (segment, offset) = self.current.as_mut()?;
        let first = segment.first;
        let (end, read) = match segment.find(*offset)? {
            Found::Frame(found, range) => {
                let frame = found.frame().map_err(|fault| (range.start, fault));
                (range.end, frame)
            }
            Found::Bad(fault, range) => (range.end, Err((range.start, fault))),
        };
        *offset = end;
        self.next = segment.position_of(end);
        self.after_damage = read.is_err();
        Some(match read {
            Ok(frame) => Ok((self.next, frame)),
            Err((at, fault)) => Err(self.wal.damage(first, at, fault)),
        })
    }
}

impl Iterator for Replay {
    type Item = Result<(WalPosition, Frame), StoreError>;

    fn next(&mut self) -> Option<Self::Item> {
        while self.next < self.to {
            if let Some(item) = self.read() {
                return Some(item);
            }
            self.current = None;
            match self.advance() {
                Ok(true) => {}
                Ok(false) => return None,
                Err(error) => return Some(Err(error)),
            }
        }
        None
    }
}
