//! The store's settings and their defaults. Nothing here reads the environment.

use std::path::PathBuf;
use std::time::Duration;

/// How the store keeps its data.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoreConfig {
    /// The data directory; made if it is not there.
    pub data_dir: PathBuf,
    /// Spans in memory after which they are written to Parquet.
    pub flush_spans: usize,
    /// Bytes of spans in memory after which they are written to Parquet.
    pub flush_bytes: usize,
    /// The longest a span stays in memory only (the log has it in any case).
    pub flush_age: Duration,
    /// Small span files of one hour that are put together into one; 0 for none.
    pub compact_files: usize,
    /// Spans that files are put together to; one with half as many stays.
    pub compact_spans: u64,
    /// How long spans, lists of traces and call trees are kept; `None` for
    /// ever, and then nothing below is let go either.
    pub retention: Option<Duration>,
    /// Bytes that span files may take, the oldest go first; 0 for no limit.
    pub retention_bytes: u64,
    /// How long figures by hour are kept.
    pub rollup_retention: Duration,
    /// Bytes after which the log goes on in a new file.
    pub wal_segment_bytes: u64,
    /// Bytes of requests (uncompressed) that may wait for the disk or for the
    /// applier; more is refused as [`crate::AppendError::Full`].
    pub queue_bytes: usize,
    /// Memory that all span queries together may use.
    pub query_memory_bytes: usize,
    /// The longest a span query may take.
    pub query_timeout: Duration,
    /// Spans of one trace that are read at most; a larger trace is cut and says so.
    pub trace_spans_max: usize,
}

impl Default for StoreConfig {
    fn default() -> Self {
        Self {
            data_dir: PathBuf::from("hotspan-data"),
            flush_spans: 100_000,
            flush_bytes: 64 << 20,
            flush_age: Duration::from_secs(600),
            compact_files: 8,
            compact_spans: 500_000,
            retention: None,
            retention_bytes: 0,
            rollup_retention: Duration::from_secs(400 * 24 * 3_600),
            wal_segment_bytes: 64 << 20,
            queue_bytes: 32 << 20,
            query_memory_bytes: 256 << 20,
            query_timeout: Duration::from_secs(30),
            trace_spans_max: 200_000,
        }
    }
}
