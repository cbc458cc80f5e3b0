//! Every row of one trace, out of memory and out of files, without a query plan.

use std::num::NonZero;
use std::sync::Arc;
use std::thread::{self, ScopedJoinHandle};
use std::time::{Duration, Instant};

use hotspan_model::TraceId;

use super::files::SpanFile;
use super::lookup::{self, Footers, Unreadable};
use super::rows::{self, Row};
use super::{Snapshot, SpanTable};
use crate::StoreError;

/// Threads that ask files at most; each may hold the rows of a whole trace.
const ASKERS_MAX: usize = 4;
/// Fewer files than this are not worth a thread.
const FILES_AN_ASKER_MIN: usize = 64;

/// The rows of a trace, at most `rows_max`, and whether every file could be
/// read.
pub(super) fn rows_of(
    table: &SpanTable,
    snapshot: &Snapshot,
    footers: &Footers,
    trace_id: TraceId,
    (rows_max, timeout): (usize, Duration),
) -> Result<(Vec<Row>, bool), StoreError> {
    let begun = Instant::now();
    let (mut rows, mut whole) = (Vec::new(), snapshot.missing_files == 0);
    for batch in &snapshot.batches {
        let batch = lookup::only(batch, trace_id)
            .map_err(|Unreadable(reason)| StoreError::Table(reason))?;
        rows.extend(rows::read(&batch)?);
    }
    let may_have = |file: &&Arc<SpanFile>| (file.trace_min..=file.trace_max).contains(&trace_id);
    let candidates: Vec<_> = snapshot.files.iter().filter(may_have).collect();
    // Most files are opened only to learn that the trace is not in them, and
    // there may be thousands, so several are asked at once.
    let room = rows_max.saturating_sub(rows.len());
    let ask = |files: &[&Arc<SpanFile>]| {
        let (mut found, mut whole) = (Vec::new(), true);
        for file in files {
            if begun.elapsed() > timeout {
                return Err(StoreError::QueryTimeout(timeout));
            }
            let room = room.saturating_sub(found.len());
            if room == 0 {
                break;
            }
            match rows_in(file, footers, trace_id, room) {
                Ok(some) => found.extend(some),
                Err(Unreadable(reason)) => {
                    table.set_aside(file, reason);
                    whole = false;
                }
            }
        }
        Ok((found, whole))
    };
    let askers = thread::available_parallelism().map_or(1, NonZero::get).min(ASKERS_MAX);
    let share = candidates.len().div_ceil(askers).max(FILES_AN_ASKER_MIN);
    let answers: Vec<_> = thread::scope(|scope| {
        let asked: Vec<_> =
            candidates.chunks(share).map(|files| scope.spawn(move || ask(files))).collect();
        asked.into_iter().map(ScopedJoinHandle::join).collect()
    });
    for answer in answers {
        let (found, read) = answer.unwrap_or_else(|panic| std::panic::resume_unwind(panic))?;
        rows.extend(found);
        whole &= read;
    }
    rows.truncate(rows_max);
    Ok((rows, whole))
}

fn rows_in(
    file: &SpanFile,
    footers: &Footers,
    trace_id: TraceId,
    rows_max: usize,
) -> Result<Vec<Row>, Unreadable> {
    let mut rows = Vec::new();
    for batch in lookup::rows_of(file, footers, trace_id, rows_max)? {
        rows.extend(rows::read(&batch).map_err(|error| Unreadable(error.to_string()))?);
    }
    Ok(rows)
}
