//! Commits of segments: each counts once, in its latest form.
//!
//! What a segment added is kept for a while. When it comes again after a crash
//! it is recognised; when a late span changed it, what it added is taken out
//! and the new form added. How, is in `batch`.

use hotspan_model::time::NANOS_PER_SECOND;
use hotspan_model::{AgentReport, SegmentRecord, UnixNanos};
use rusqlite::{OptionalExtension, Transaction, params};
use twox_hash::XxHash3_128;

use super::agents;
use super::batch::Batch;
use super::connection::Book;
use super::manifest::move_commit_point;
use super::rows::{CommitOutcome, SegmentKey};
use super::{BookError, During};

/// How long a segment is recognised when the same spans are sent again: the
/// minute for which assembly waits for late spans, and another. What assembly
/// still holds is kept longer, because the log is not done with it.
const REPLACEABLE_NS: i64 = 2 * hotspan_model::time::NANOS_PER_MINUTE;
/// Old segments dropped in one commit, so that no commit takes long.
const PRUNED_MAX: i64 = 20_000;

/// Segments to keep in one transaction, with the WAL position they complete.
#[derive(Debug, Clone, Copy)]
pub struct SegmentCommit<'a> {
    /// Every segment with a span at or before this position is durable after
    /// this commit: replay starts here.
    pub covered: u64,
    /// The highest position that spans in `records` can come from; a replay
    /// from before it may send them again.
    pub reached: u64,
    /// New and changed segments.
    pub records: &'a [SegmentRecord],
    /// Segments that are none any more, because a late span showed that their
    /// entry span belongs to another segment.
    pub retracted: &'a [SegmentKey],
    /// What agents told in the same stretch of the log.
    pub reports: &'a [AgentReport],
    /// The time of the commit.
    pub now: UnixNanos,
}

impl Book {
    /// Adds segments to roll-ups, profiles and issues; see [`SegmentCommit`].
    /// A segment that is known already replaces its earlier form.
    ///
    /// # Errors
    /// When the commit fails; then nothing of it happened.
    pub fn commit_segments(&self, commit: SegmentCommit<'_>) -> Result<CommitOutcome, BookError> {
        self.write("commit segments", |transaction, interned| {
            interned.trim();
            let mut batch = Batch::new(transaction, interned, &commit);
            for record in commit.records {
                batch.put(record)?;
            }
            for key in commit.retracted {
                batch.retract(key)?;
            }
            let outcome = batch.finish()?;
            agents::keep(transaction, commit.reports)?;
            move_commit_point(transaction, "segments", commit.covered, Some(commit.now))
                .and_then(|()| prune(transaction, &commit))
                .during("move the commit point of the segments")?;
            Ok(outcome)
        })
    }
}

/// What is kept of a segment that came before.
#[derive(Debug, Clone)]
pub(super) struct Stored {
    /// Its row; any number for one that has none yet.
    pub(super) id: i64,
    /// Spans of the whole trace it was made from.
    pub(super) trace_spans: u32,
    pub(super) digest: [u8; 16],
    pub(super) contribution: Vec<u8>,
}

/// Where a segment is looked up. Different segments may share it. The second
/// comes first, so that segments of one commit lie together in the index: at
/// random places, each would cost a page of the file.
fn place_of(key: &SegmentKey) -> i64 {
    let mut bytes = [&key.trace_id.0[..], &key.entry_span.0[..]].concat();
    bytes.extend_from_slice(&key.start.0.to_le_bytes());
    bytes.extend_from_slice(key.project.as_bytes());
    let hash = XxHash3_128::oneshot(&bytes) as u32;
    let second = key.start.0.div_euclid(NANOS_PER_SECOND);
    second.wrapping_shl(u32::BITS) | i64::from(hash)
}

/// What is kept of a segment, if anything.
pub(super) fn find(
    transaction: &Transaction<'_>,
    key: &SegmentKey,
) -> rusqlite::Result<Option<Stored>> {
    transaction
        .prepare_cached(
            "SELECT id, trace_spans, digest, contribution FROM segment \
             WHERE key = ?1 AND project = ?2 AND trace_id = ?3 AND entry_span = ?4",
        )?
        .query_row(params![place_of(key), key.project, key.trace_id.0, key.entry_span.0], |row| {
            Ok(Stored {
                id: row.get(0)?,
                trace_spans: row.get(1)?,
                digest: row.get(2)?,
                contribution: row.get(3)?,
            })
        })
        .optional()
}

/// Keeps what a segment added.
pub(super) fn insert(
    transaction: &Transaction<'_>,
    commit: &SegmentCommit<'_>,
    key: &SegmentKey,
    segment: &Stored,
) -> rusqlite::Result<()> {
    transaction
        .prepare_cached(
            "INSERT INTO segment (key, project, trace_id, entry_span, reached, committed_at, \
             trace_spans, digest, contribution) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
        )?
        .execute(params![
            place_of(key),
            key.project,
            key.trace_id.0,
            key.entry_span.0,
            commit.reached as i64,
            commit.now.0,
            segment.trace_spans,
            segment.digest,
            segment.contribution,
        ])?;
    Ok(())
}

/// Removes what was kept of a segment.
pub(super) fn delete(transaction: &Transaction<'_>, stored: &Stored) -> rusqlite::Result<()> {
    transaction.prepare_cached("DELETE FROM segment WHERE id = ?1")?.execute([stored.id])?;
    Ok(())
}

/// Drops segments, oldest first, that neither a replay nor a late span can
/// bring again. Rows are in the order of their commits.
fn prune(transaction: &Transaction<'_>, commit: &SegmentCommit<'_>) -> rusqlite::Result<()> {
    let oldest: Option<i64> = transaction
        .prepare_cached("SELECT min(id) FROM segment")?
        .query_row([], |row| row.get(0))?;
    let Some(oldest) = oldest else { return Ok(()) };
    transaction
        .prepare_cached(
            "DELETE FROM segment WHERE id >= ?1 AND id < ?2 AND id < coalesce( \
               (SELECT id FROM segment WHERE id >= ?1 AND id < ?2 \
                AND (reached > ?3 OR committed_at > ?4) ORDER BY id LIMIT 1), ?2)",
        )?
        .execute(params![
            oldest,
            oldest + PRUNED_MAX,
            commit.covered as i64,
            commit.now.plus(-REPLACEABLE_NS).0,
        ])?;
    Ok(())
}
