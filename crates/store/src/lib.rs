//! What Hotspan keeps: the write-ahead log, the span table and the book.
//!
//! A request that was accepted travels like this: [`Journal::append`] makes
//! its bytes durable in the log ([`wal`]), the [`Committed`] stream hands the
//! decoded spans to the one applier, [`Store::apply_spans`] puts them into the
//! span table ([`table`]: memory first, Parquet later) and
//! [`Store::commit_segments`] puts what analysis made of them into the book
//! ([`book`]: SQLite with roll-ups, issues and the manifest of files). Both
//! consumers write how far they have come in the same transaction as their
//! output, so that [`Store::replay`] after a crash repeats nothing and skips
//! nothing.
//!
//! [`search`] finds spans by a filter in words, [`sql`] answers SQL over the
//! files beside a running server.
//!
//! Arrow, Parquet, DataFusion and SQL are named in this crate only. HTTP, HTML
//! and detectors must not be.

mod backup;
mod batch;
pub mod book;
mod catalogue;
mod clock;
mod config;
mod disk;
mod effort;
mod error;
mod format;
mod journal;
mod life;
pub mod meters;
mod open;
mod questions;
#[cfg(test)]
mod sample;
pub mod search;
mod space;
pub mod sql;
mod store;
mod table;
#[cfg(test)]
mod tests;
mod wal;
mod window;

pub use backup::{BackupFiles, BackupSummary};
pub use batch::Batch;
pub use book::agent_rows::{AgentCallerRow, AgentRoleRow, AgentTotals, AgentTraceRow, AgentsAsked};
pub use book::rows::{
    Acted, BookStats, Bucket, Check, CommitOutcome, EndpointDetail, EndpointList, EndpointRow,
    IssueDetail, IssueFilter, Project, ReleaseRow, SegmentKey, SparkPoint, TraceFilter,
    TraceSummary, WatchedIssue,
};
pub use book::{BookError, DEFAULT_PROJECT, DEFAULT_PROJECT_ID};
pub use catalogue::Catalogue;
pub use config::StoreConfig;
pub use effort::{Effort, Part};
pub use error::StoreError;
pub use journal::{AppendError, Committed, Journal, LogFault, Place};
pub use meters::{Meters, QueryKind};
pub use open::{Opened, ReplayStart};
pub use questions::SegmentChanges;
pub use search::{Coverage, Cut, SearchCursor, SearchHit, SearchMode, SearchPage, SearchRequest};
pub use space::DiskSpace;
pub use store::{CommitPoints, DayStorage, StorageStats, Store, TraceSpans};
pub use table::{DamagedFile, EntryOrder};
pub use wal::{Frame, FrameDoor, Replay, WalPosition};
pub use window::{Filter, TimeWindow};
