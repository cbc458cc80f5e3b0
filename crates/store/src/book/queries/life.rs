//! What an issue has lived through, as pages and the API show it.

use hotspan_model::life::{
    ChangeReason, Ignored, IssueLife, Origin, Progress, StateChange, Verification,
};
use hotspan_model::{Comparison, IssueStatus, UnixNanos};
use rusqlite::{OptionalExtension, Row, Transaction};

use super::super::codec::life::{decode_comparison, decode_progress};
use super::super::{BookError, DamagedIn, During};

/// Changes that are shown, the newest ones.
const SHOWN_MAX: i64 = 50;

/// Columns that [`verification_at`] reads, of a table called `v`.
pub(super) const VERIFICATION_COLUMNS: &str =
    "v.origin, v.release, v.before_to, v.started, v.checked, v.progress, v.comparison";

/// Columns that [`ignored_at`] reads, of a table called `g`.
pub(super) const IGNORED_COLUMNS: &str = "g.issue_id, g.until, g.day_wall_ns";

/// Everything about the life of an issue.
pub(super) fn life_of(
    transaction: &Transaction<'_>,
    id: i64,
    since: UnixNanos,
) -> Result<IssueLife, BookError> {
    Ok(IssueLife {
        since,
        history: history(transaction, id)?,
        verification: verification(transaction, id)?,
        ignored: ignored(transaction, id)?,
    })
}

fn history(transaction: &Transaction<'_>, id: i64) -> Result<Vec<StateChange>, BookError> {
    let rows: Vec<(StateChange, Option<Vec<u8>>)> = transaction
        .prepare_cached(
            "SELECT at, from_status, to_status, reason, actor, release, comparison \
             FROM issue_change WHERE issue_id = ?1 ORDER BY id DESC LIMIT ?2",
        )
        .and_then(|mut statement| statement.query_map([id, SHOWN_MAX], change_of)?.collect())
        .during("list changes of state")?;
    rows.into_iter()
        .map(|(change, comparison)| Ok(StateChange { comparison: decoded(comparison)?, ..change }))
        .collect()
}

fn change_of(row: &Row<'_>) -> rusqlite::Result<(StateChange, Option<Vec<u8>>)> {
    let status = |column: usize| -> rusqlite::Result<IssueStatus> {
        let slug: String = row.get(column)?;
        Ok(IssueStatus::from_slug(&slug).unwrap_or(IssueStatus::Open))
    };
    let reason: String = row.get(3)?;
    let change = StateChange {
        at: UnixNanos(row.get(0)?),
        from: status(1)?,
        to: status(2)?,
        // A reason that a newer version added is one that was measured.
        reason: ChangeReason::from_slug(&reason).unwrap_or(ChangeReason::Measured),
        actor: row.get(4)?,
        release: row.get(5)?,
        comparison: None,
    };
    Ok((change, row.get(6)?))
}

fn decoded(comparison: Option<Vec<u8>>) -> Result<Option<Comparison>, BookError> {
    comparison.map(|bytes| decode_comparison(&bytes).damaged_in("comparison")).transpose()
}

fn verification(transaction: &Transaction<'_>, id: i64) -> Result<Option<Verification>, BookError> {
    let row = transaction
        .prepare_cached(&format!(
            "SELECT {VERIFICATION_COLUMNS} FROM verification v WHERE v.issue_id = ?1"
        ))
        .and_then(|mut statement| {
            statement.query_row([id], |row| verification_at(row, 0)).optional()
        })
        .during("read a comparison")?;
    row.flatten().map(StoredVerification::decode).transpose()
}

/// A verification whose blobs are not decoded yet.
pub(super) struct StoredVerification {
    verification: Verification,
    progress: Vec<u8>,
    comparison: Option<Vec<u8>>,
}

impl StoredVerification {
    /// Decodes the blobs.
    pub(super) fn decode(self) -> Result<Verification, BookError> {
        Ok(Verification {
            progress: decode_progress(&self.progress).damaged_in("progress of a comparison")?,
            comparison: decoded(self.comparison)?,
            ..self.verification
        })
    }
}

/// Reads seven columns that begin at `first`; `None` where a join found none.
pub(super) fn verification_at(
    row: &Row<'_>,
    first: usize,
) -> rusqlite::Result<Option<StoredVerification>> {
    let Some(origin) = row.get::<_, Option<String>>(first)? else { return Ok(None) };
    let verification = Verification {
        origin: Origin::from_slug(&origin).unwrap_or(Origin::Release),
        release: row.get(first + 1)?,
        before_to: UnixNanos(row.get(first + 2)?),
        started: UnixNanos(row.get(first + 3)?),
        checked: UnixNanos(row.get(first + 4)?),
        progress: Progress::Lapsed,
        comparison: None,
    };
    Ok(Some(StoredVerification {
        verification,
        progress: row.get(first + 5)?,
        comparison: row.get(first + 6)?,
    }))
}

fn ignored(transaction: &Transaction<'_>, id: i64) -> Result<Option<Ignored>, BookError> {
    transaction
        .prepare_cached(&format!(
            "SELECT {IGNORED_COLUMNS} FROM issue_ignored g WHERE g.issue_id = ?1"
        ))
        .and_then(|mut statement| statement.query_row([id], |row| ignored_at(row, 0)).optional())
        .map(Option::flatten)
        .during("read how long an issue is ignored")
}

/// Reads three columns that begin at `first`; `None` where a join found none.
pub(super) fn ignored_at(row: &Row<'_>, first: usize) -> rusqlite::Result<Option<Ignored>> {
    if row.get::<_, Option<i64>>(first)?.is_none() {
        return Ok(None);
    }
    let until: Option<i64> = row.get(first + 1)?;
    let day_wall_ns: Option<i64> = row.get(first + 2)?;
    Ok(Some(match (until, day_wall_ns) {
        (Some(until), _) => Ignored::Until(UnixNanos(until)),
        (None, Some(day_wall_ns)) => Ignored::UntilGrown { day_wall_ns },
        (None, None) => Ignored::Forever,
    }))
}
