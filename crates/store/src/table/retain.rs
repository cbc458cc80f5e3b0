//! Retention: span files that are too old, or for which there is no room, go.
//! The traces that issues name as evidence are taken over into a file of
//! their own first.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use hotspan_model::{TraceId, UnixNanos};
use tracing::info;

use super::SpanTable;
use super::compact::INPUTS_MAX;
use super::file::Target;
use super::files::{EVIDENCE_DIR, SpanFile};
use super::merge::Keep;
use crate::StoreError;
use crate::book::{Horizons, removed};

/// How long figures by minute are kept: a week's window has them at its edges.
const MINUTES_KEPT: Duration = Duration::from_secs(8 * 24 * 3_600);

/// How long things are kept.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Retention {
    /// Spans, lists of traces, call trees.
    pub(crate) spans: Duration,
    /// Figures by hour.
    pub(crate) hours: Duration,
    /// Bytes that span files may take; 0 for no limit.
    pub(crate) bytes: u64,
}

impl Retention {
    /// What is kept of span files.
    pub(super) fn keeping(&self, at: UnixNanos) -> Keeping {
        Keeping { from: before(at, self.spans), bytes: self.bytes }
    }

    /// What the book keeps.
    pub(super) fn horizons(&self, at: UnixNanos) -> Horizons {
        let traces = before(at, self.spans);
        let minutes = before(at, MINUTES_KEPT).max(traces);
        Horizons { minutes, traces, hours: before(at, self.hours.max(self.spans)) }
    }
}

fn before(at: UnixNanos, kept: Duration) -> UnixNanos {
    at.plus(-i64::try_from(kept.as_nanos()).unwrap_or(i64::MAX))
}

/// Which span files are kept.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Keeping {
    /// Spans that began before this go.
    pub(crate) from: UnixNanos,
    /// Bytes that span files may take; 0 for no limit.
    pub(crate) bytes: u64,
}

impl SpanTable {
    /// Lets some of the files go that need not be kept; false when none are
    /// left.
    pub(crate) async fn retain_once(
        self: &Arc<Self>,
        keeping: &Keeping,
    ) -> Result<bool, StoreError> {
        self.let_damaged_go(keeping).await?;
        let files = self.lock().files.clone();
        let Some((going, why)) = going(&files, keeping) else { return Ok(false) };
        let evidence_files: Vec<_> = files.into_iter().filter(|file| file.is_evidence()).collect();
        let table = Arc::clone(self);
        tokio::task::spawn_blocking(move || table.let_go(going, evidence_files, why)).await??;
        Ok(true)
    }

    /// Files that cannot be read go when they are too old, like the others.
    async fn let_damaged_go(self: &Arc<Self>, keeping: &Keeping) -> Result<(), StoreError> {
        let old: Vec<_> = {
            let state = self.lock();
            let files = state.damaged.iter().map(|aside| &aside.file);
            files.filter(|file| file.start_max < keeping.from).map(Arc::clone).collect()
        };
        if old.is_empty() {
            return Ok(());
        }
        let spans = old.iter().map(|file| file.rows).sum();
        let table = Arc::clone(self);
        tokio::task::spawn_blocking(move || {
            table.replace(&old, Vec::new(), &[(removed::EXPIRED, spans)])
        })
        .await?
    }

    fn let_go(
        self: &Arc<Self>,
        going: Vec<Arc<SpanFile>>,
        evidence_files: Vec<Arc<SpanFile>>,
        why: &'static str,
    ) -> Result<(), StoreError> {
        let evidence = self.book.evidence_traces()?;
        let (mut read, unread): (Vec<_>, Vec<_>) =
            going.into_iter().partition(|file| may_hold(file, &evidence));
        let mut expired: u64 = unread.iter().map(|file| file.rows).sum();
        let mut added = Vec::new();
        if !read.is_empty() {
            read.extend(evidence_files);
            let hour = read.iter().map(|file| file.hour).min().unwrap_or_default();
            let name = self.fresh_name("e");
            let target = Target { hour, folder: EVIDENCE_DIR.to_owned(), name };
            let Some((file, merged)) = self.rewrite(&read, Keep::Traces(&evidence), target)? else {
                // A damaged file was set aside; the rest goes the next time.
                return Ok(());
            };
            expired += merged.expired;
            added = file;
        }
        let gone: Vec<_> = read.into_iter().chain(unread).collect();
        info!(files = gone.len(), spans = expired, why, "let span files go");
        self.replace(&gone, added, &[(why, expired)])?;
        let meters = &self.place.meters.retention;
        meters.files.add(gone.len() as u64);
        meters.spans.add(expired);
        meters.bytes.add(gone.iter().map(|file| file.bytes).sum());
        Ok(())
    }
}

/// The files that go next, oldest first, and what that is counted as.
fn going(files: &[Arc<SpanFile>], keeping: &Keeping) -> Option<(Vec<Arc<SpanFile>>, &'static str)> {
    let mut kept: Vec<_> = files.iter().filter(|file| !file.is_evidence()).collect();
    kept.sort_by_key(|file| (file.start_max, file.path.clone()));
    let few = |files: Vec<&Arc<SpanFile>>| -> Vec<Arc<SpanFile>> {
        // One place is left for the evidence kept before.
        files.into_iter().take(INPUTS_MAX - 1).cloned().collect()
    };
    let expired: Vec<_> =
        kept.iter().copied().filter(|file| file.start_max < keeping.from).collect();
    if !expired.is_empty() {
        return Some((few(expired), removed::EXPIRED));
    }
    if keeping.bytes == 0 {
        return None;
    }
    let mut bytes: u64 = files.iter().map(|file| file.bytes).sum();
    let mut too_much = Vec::new();
    for file in kept {
        if bytes <= keeping.bytes {
            break;
        }
        bytes -= file.bytes;
        too_much.push(file);
    }
    (!too_much.is_empty()).then(|| (few(too_much), removed::FOR_ROOM))
}

/// True unless the file's index shows that none of the traces is in it.
fn may_hold(file: &SpanFile, traces: &HashSet<TraceId>) -> bool {
    traces.iter().any(|trace| file.rows_of(*trace).map_or(true, |rows| !rows.is_empty()))
}
