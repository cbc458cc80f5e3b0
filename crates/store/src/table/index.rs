//! The trace index of a span file: trace id to rows, in a file beside it.
//!
//! Entries are sorted by a fingerprint of the trace id, in blocks; memory
//! holds the first fingerprint of each block only, so that looking a trace up
//! reads one block of some kilobytes. A wrong fingerprint is harmless: who
//! reads the rows compares the id. An index that is missing, damaged or not
//! of this file is made again from the file.

use std::fs::File;
use std::io;
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::path::Path;

use hotspan_model::TraceId;
use twox_hash::XxHash64;

use super::order::KeyColumns;

/// What an index begins with; the digit is its version.
const MAGIC: &[u8; 8] = b"HSTRACE1";
/// Entries of a block.
const BLOCK_ENTRIES: usize = 512;
/// Fingerprint, first row and number of rows, four bytes each.
const ENTRY_BYTES: usize = 12;
/// Magic, the subject's three numbers, the number of entries, their checksum.
const HEADER_BYTES: usize = 8 + 3 * 8 + 4 + 4;
/// First fingerprint and checksum of a block.
const FENCE_BYTES: usize = 8;

/// The name of the index of a span file.
pub(super) fn index_name(file_name: &str) -> String {
    format!("{}.traces", file_name.strip_suffix(super::file::EXTENSION).unwrap_or(file_name))
}

/// The span file an index belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Subject {
    pub(super) bytes: u64,
    /// Of the whole file; 0 when not known.
    pub(super) checksum: u64,
    pub(super) rows: u64,
}

/// Rows that follow one another and belong to one trace.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Run {
    fingerprint: u32,
    row: u32,
    rows: u32,
}

/// Collects the runs of a file as it is written.
#[derive(Debug, Default)]
pub(super) struct IndexBuilder {
    runs: Vec<Run>,
    last: Option<[u8; 16]>,
    rows: u64,
}

impl IndexBuilder {
    /// Goes on with the next rows of the file.
    pub(super) fn add(&mut self, keys: &KeyColumns) {
        (0..keys.rows()).for_each(|row| self.add_row(keys.trace_id(row)));
    }

    pub(super) fn add_row(&mut self, trace_id: [u8; 16]) {
        match self.runs.last_mut() {
            Some(run) if self.last == Some(trace_id) => run.rows += 1,
            _ => {
                let fingerprint = fingerprint_of(TraceId(trace_id));
                self.runs.push(Run { fingerprint, row: self.rows as u32, rows: 1 });
                self.last = Some(trace_id);
            }
        }
        self.rows += 1;
    }

    pub(super) fn rows(&self) -> u64 {
        self.rows
    }

    /// Rows that may be of the trace, in order.
    pub(super) fn rows_of(&self, trace_id: TraceId) -> Vec<Range<usize>> {
        let fingerprint = fingerprint_of(trace_id);
        let runs = self.runs.iter().filter(|run| run.fingerprint == fingerprint);
        runs.map(|run| run.row as usize..run.row as usize + run.rows as usize).collect()
    }

    /// The index as it is written.
    pub(super) fn encode(mut self, subject: &Subject) -> Vec<u8> {
        self.runs.sort_unstable();
        let (mut fences, mut blocks) = (Vec::new(), Vec::new());
        for block in self.runs.chunks(BLOCK_ENTRIES) {
            let begin = blocks.len();
            for run in block {
                for number in [run.fingerprint, run.row, run.rows] {
                    blocks.extend_from_slice(&number.to_le_bytes());
                }
            }
            let first = block.first().map_or(0, |run| run.fingerprint);
            fences.extend_from_slice(&first.to_le_bytes());
            fences.extend_from_slice(&crc32fast::hash(&blocks[begin..]).to_le_bytes());
        }
        let mut head = Vec::with_capacity(HEADER_BYTES + fences.len() + blocks.len());
        head.extend_from_slice(MAGIC);
        for number in [subject.bytes, subject.checksum, subject.rows] {
            head.extend_from_slice(&number.to_le_bytes());
        }
        head.extend_from_slice(&(self.runs.len() as u32).to_le_bytes());
        let mut sum = crc32fast::Hasher::new();
        sum.update(&head);
        sum.update(&fences);
        head.extend_from_slice(&sum.finalize().to_le_bytes());
        head.extend_from_slice(&fences);
        head.extend_from_slice(&blocks);
        head
    }
}

/// What memory holds of an index.
#[derive(Debug)]
pub(super) struct TraceIndex {
    subject: Subject,
    entries: usize,
    fences: Vec<Fence>,
}

#[derive(Debug, Clone, Copy)]
struct Fence {
    first: u32,
    checksum: u32,
}

impl TraceIndex {
    /// Reads the head of an index.
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        let file = File::open(path)?;
        let mut head = [0; HEADER_BYTES];
        file.read_exact_at(&mut head, 0)?;
        if !head.starts_with(MAGIC) {
            return Err(damaged("it does not begin as an index does"));
        }
        let entries = number_at(&head, 32) as usize;
        let blocks = entries.div_ceil(BLOCK_ENTRIES);
        let expected = HEADER_BYTES + blocks * FENCE_BYTES + entries * ENTRY_BYTES;
        if file.metadata()?.len() != expected as u64 {
            return Err(damaged("its length is not what it says"));
        }
        let mut fences = vec![0; blocks * FENCE_BYTES];
        file.read_exact_at(&mut fences, HEADER_BYTES as u64)?;
        let mut sum = crc32fast::Hasher::new();
        sum.update(&head[..HEADER_BYTES - 4]);
        sum.update(&fences);
        if sum.finalize() != number_at(&head, HEADER_BYTES - 4) {
            return Err(damaged("the checksum of its head is wrong"));
        }
        let subject = Subject {
            bytes: long_at(&head, 8),
            checksum: long_at(&head, 16),
            rows: long_at(&head, 24),
        };
        let fence =
            |bytes: &[u8]| Fence { first: number_at(bytes, 0), checksum: number_at(bytes, 4) };
        Ok(Self { subject, entries, fences: fences.chunks_exact(FENCE_BYTES).map(fence).collect() })
    }

    /// The file it says it belongs to.
    pub(super) fn subject(&self) -> &Subject {
        &self.subject
    }

    /// Rows that may be of the trace, in order.
    pub(super) fn rows_of(&self, path: &Path, trace_id: TraceId) -> io::Result<Vec<Range<usize>>> {
        let fingerprint = fingerprint_of(trace_id);
        // Entries of one fingerprint may begin at the end of the block before.
        let end = self.fences.partition_point(|fence| fence.first <= fingerprint);
        let begin = self.fences.partition_point(|fence| fence.first < fingerprint);
        let blocks = begin.saturating_sub(1)..end;
        let mut rows = Vec::new();
        if blocks.is_empty() {
            return Ok(rows);
        }
        let file = File::open(path)?;
        for nth in blocks {
            let entries = BLOCK_ENTRIES.min(self.entries - nth * BLOCK_ENTRIES);
            let mut block = vec![0; entries * ENTRY_BYTES];
            let at =
                HEADER_BYTES + self.fences.len() * FENCE_BYTES + nth * BLOCK_ENTRIES * ENTRY_BYTES;
            file.read_exact_at(&mut block, at as u64)?;
            if crc32fast::hash(&block) != self.fences[nth].checksum {
                return Err(damaged("the checksum of a block is wrong"));
            }
            for entry in block.chunks_exact(ENTRY_BYTES) {
                if number_at(entry, 0) == fingerprint {
                    let row = number_at(entry, 4) as usize;
                    rows.push(row..row + number_at(entry, 8) as usize);
                }
            }
        }
        rows.sort_unstable_by_key(|rows| rows.start);
        Ok(rows)
    }
}

fn fingerprint_of(trace_id: TraceId) -> u32 {
    (XxHash64::oneshot(0, &trace_id.0) >> 32) as u32
}

fn damaged(reason: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, reason)
}

fn number_at(bytes: &[u8], at: usize) -> u32 {
    let number = bytes.get(at..at + 4).and_then(|bytes| bytes.try_into().ok());
    number.map(u32::from_le_bytes).unwrap_or_default()
}

fn long_at(bytes: &[u8], at: usize) -> u64 {
    let number = bytes.get(at..at + 8).and_then(|bytes| bytes.try_into().ok());
    number.map(u64::from_le_bytes).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const SUBJECT: Subject = Subject { bytes: 9, checksum: 8, rows: 0 };

    fn id(number: u16) -> [u8; 16] {
        let mut id = [0; 16];
        id[..2].copy_from_slice(&number.to_be_bytes());
        id
    }

    fn index_of(traces: &[u16]) -> (tempfile::TempDir, std::path::PathBuf) {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let path = dir.path().join("a.traces");
        let mut builder = IndexBuilder::default();
        traces.iter().for_each(|trace| builder.add_row(id(*trace)));
        std::fs::write(&path, builder.encode(&SUBJECT)).expect("writable");
        (dir, path)
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]
        #[test]
        fn every_row_is_found(traces in prop::collection::vec(0u16..1_500, 0..4_000)) {
            let (_dir, path) = index_of(&traces);
            let index = TraceIndex::open(&path).expect("whole");
            for trace in 0..1_500 {
                let found = index.rows_of(&path, TraceId(id(trace))).expect("whole");
                let found: Vec<_> = found.into_iter().flatten().collect();
                let expected: Vec<_> =
                    (0..traces.len()).filter(|row| traces[*row] == trace).collect();
                prop_assert_eq!(found, expected);
            }
        }

        /// Whatever byte is wrong: it is said, or does not matter.
        #[test]
        fn damage_is_noticed(byte in 0usize..7_000, bit in 0u8..8) {
            let traces: Vec<u16> = (0..550).collect();
            let (_dir, path) = index_of(&traces);
            let mut content = std::fs::read(&path).expect("readable");
            let byte = byte % content.len();
            content[byte] ^= 1 << bit;
            std::fs::write(&path, content).expect("writable");
            let Ok(index) = TraceIndex::open(&path) else { return Ok(()) };
            let mut noticed = false;
            for trace in traces {
                match index.rows_of(&path, TraceId(id(trace))) {
                    Ok(rows) => prop_assert_eq!(rows.into_iter().flatten().count(), 1),
                    Err(_) => noticed = true,
                }
            }
            prop_assert!(noticed);
        }
    }
}
