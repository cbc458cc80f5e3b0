//! Room on the disk of the data directory.
//!
//! A disk that is filled to its last byte leaves no room for writing memory
//! out, for merging files or for SQLite, and so no way back. Requests are
//! therefore refused while there still is some.

use std::io;
use std::path::Path;

/// Bytes of the disk that requests leave to the rest of the store, at most.
const RESERVE_BYTES_MAX: u64 = 256 << 20;
/// On a small disk the reserve is this part of it.
const RESERVE_PART: u64 = 20;

/// Room on a disk, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DiskSpace {
    /// What this process may still write.
    pub free: u64,
    /// The whole disk.
    pub total: u64,
}

impl DiskSpace {
    /// Asks the system.
    pub(crate) fn of(path: &Path) -> io::Result<Self> {
        let said = rustix::fs::statvfs(path)?;
        let bytes = |blocks: u64| blocks.saturating_mul(said.f_frsize);
        Ok(Self { free: bytes(said.f_bavail), total: bytes(said.f_blocks) })
    }

    /// What is kept free of requests.
    pub fn reserve(&self) -> u64 {
        RESERVE_BYTES_MAX.min(self.total / RESERVE_PART)
    }

    /// True when no more requests should be taken. A disk that does not tell
    /// its size is taken at its word when it refuses.
    pub fn is_low(&self) -> bool {
        self.total > 0 && self.free < self.reserve()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn some_room_is_left() {
        const GIB: u64 = 1 << 30;
        for (free, total, low) in [
            (300 << 20, 100 * GIB, false),
            (200 << 20, 100 * GIB, true),
            (0, 100 * GIB, true),
            (4 << 20, 64 << 20, false),
            (3 << 20, 64 << 20, true),
            (0, 0, false),
        ] {
            assert_eq!(DiskSpace { free, total }.is_low(), low, "{free} of {total}");
        }
        let here = DiskSpace::of(Path::new(".")).expect("a disk");
        assert!(here.total > 0 && here.free <= here.total, "{here:?}");
    }
}
