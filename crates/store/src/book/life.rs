//! Changes in the life of issues: what people do, and what measurements say.
//!
//! None of it comes from the log, so no commit point moves here. What the
//! server decides by itself is written only while the issue is still as it was
//! when the server looked: a decision that a person overtook, or that was made
//! twice, changes nothing.

use hotspan_model::comparison::Needs;
use hotspan_model::life::{Action, Ignore, Ignored, Origin, Progress, StateChange, Verification};
use hotspan_model::time::NANOS_PER_MINUTE;
use hotspan_model::{IssueStatus, UnixNanos};
use rusqlite::{OptionalExtension, Transaction, params};

use super::codec::life::{encode_comparison, encode_progress};
use super::connection::Book;
use super::grain::{MINUTE, cover};
use super::queries::day_wall_ns;
use super::rows::{Acted, Check, TimeWindow};
use super::{BookError, During};

/// Changes kept of one issue; the oldest beyond it go.
const CHANGES_MAX: i64 = 500;
/// The stretch that tells how much an issue costs a day.
pub(super) const DAY_NS: i64 = 24 * 60 * NANOS_PER_MINUTE;

impl Book {
    /// Does what a person asks for.
    ///
    /// # Errors
    /// When the commit fails.
    pub fn act_on_issue(
        &self,
        id: i64,
        action: &Action,
        actor: &str,
        now: UnixNanos,
    ) -> Result<Acted, BookError> {
        self.write("change the state of an issue", |transaction, _| {
            let Some((from, _)) = state_of(transaction, id)? else { return Ok(Acted::NoSuchIssue) };
            if !action.is_possible_from(from) {
                return Ok(Acted::NotFrom(from));
            }
            forget_plans(transaction, id).during("end what was planned for an issue")?;
            let release = match action {
                Action::ClaimFix { release } => {
                    let verification = claimed(release, now);
                    keep_verification(transaction, id, &verification)
                        .during("begin a comparison")?;
                    release.as_str()
                }
                Action::Ignore(ignore) => {
                    self.keep_ignored(transaction, id, *ignore, now)?;
                    ""
                }
                Action::Reopen => "",
            };
            let change = StateChange {
                at: now,
                from,
                to: action.target(),
                reason: action.reason(),
                actor: actor.to_owned(),
                release: release.to_owned(),
                comparison: None,
            };
            keep_change(transaction, id, &change).during("keep a change of state")?;
            Ok(Acted::Done)
        })
    }

    /// Writes what the server found out about an issue; false when the issue
    /// is not any more as it was when the server looked.
    ///
    /// # Errors
    /// When the commit fails.
    pub fn keep_check(&self, check: &Check) -> Result<bool, BookError> {
        self.write("keep what was found out about an issue", |transaction, _| {
            let found = state_of(transaction, check.issue_id)?;
            if found != Some((check.status, check.since)) {
                return Ok(false);
            }
            if let Some(verification) = &check.verification {
                keep_verification(transaction, check.issue_id, verification)
                    .during("keep a comparison")?;
            }
            if let Some(change) = &check.change {
                if change.from == IssueStatus::Ignored {
                    forget_plans(transaction, check.issue_id).during("end ignoring an issue")?;
                }
                keep_change(transaction, check.issue_id, change)
                    .during("keep a change of state")?;
            }
            Ok(true)
        })
    }

    fn keep_ignored(
        &self,
        transaction: &Transaction<'_>,
        id: i64,
        ignore: Ignore,
        now: UnixNanos,
    ) -> Result<(), BookError> {
        let ignored = match ignore {
            Ignore::Forever => Ignored::Forever,
            Ignore::Until(at) => Ignored::Until(at),
            Ignore::UntilGrown => {
                let day = TimeWindow { from: now.plus(-DAY_NS), to: now };
                let stretches = cover(day, MINUTE, self.minutes_from());
                Ignored::UntilGrown { day_wall_ns: day_wall_ns(transaction, id, &stretches)? }
            }
        };
        let (until, day_wall_ns) = match ignored {
            Ignored::Forever => (None, None),
            Ignored::Until(at) => (Some(at.0), None),
            Ignored::UntilGrown { day_wall_ns } => (None, Some(day_wall_ns)),
        };
        transaction
            .prepare_cached("INSERT OR REPLACE INTO issue_ignored VALUES (?1, ?2, ?3)")
            .and_then(|mut statement| statement.execute(params![id, until, day_wall_ns]))
            .map(|_| ())
            .during("ignore an issue")
    }
}

/// A comparison that begins with somebody's word.
fn claimed(release: &str, now: UnixNanos) -> Verification {
    let progress = match release {
        "" => Progress::Waiting(Needs::default()),
        _ => Progress::AwaitingRelease,
    };
    Verification {
        origin: Origin::Claim,
        release: release.to_owned(),
        before_to: now,
        started: now,
        checked: now,
        progress,
        comparison: None,
    }
}

/// The state of an issue, and since when.
fn state_of(
    transaction: &Transaction<'_>,
    id: i64,
) -> Result<Option<(IssueStatus, UnixNanos)>, BookError> {
    transaction
        .prepare_cached("SELECT status, status_since FROM issue WHERE id = ?1")
        .and_then(|mut statement| {
            statement
                .query_row([id], |row| {
                    let status: String = row.get(0)?;
                    let status = IssueStatus::from_slug(&status).unwrap_or(IssueStatus::Open);
                    Ok((status, UnixNanos(row.get(1)?)))
                })
                .optional()
        })
        .during("read the state of an issue")
}

/// Ends a comparison whose answer is out, and ignoring: a person decided anew.
fn forget_plans(transaction: &Transaction<'_>, id: i64) -> rusqlite::Result<()> {
    transaction.prepare_cached("DELETE FROM issue_ignored WHERE issue_id = ?1")?.execute([id])?;
    transaction.prepare_cached("DELETE FROM verification WHERE issue_id = ?1")?.execute([id])?;
    Ok(())
}

fn keep_verification(
    transaction: &Transaction<'_>,
    id: i64,
    verification: &Verification,
) -> rusqlite::Result<()> {
    transaction
        .prepare_cached(
            "INSERT OR REPLACE INTO verification VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
        )?
        .execute(params![
            id,
            verification.origin.slug(),
            verification.release,
            verification.before_to.0,
            verification.started.0,
            verification.checked.0,
            encode_progress(verification.progress),
            verification.comparison.as_ref().map(encode_comparison),
        ])?;
    Ok(())
}

fn keep_change(
    transaction: &Transaction<'_>,
    id: i64,
    change: &StateChange,
) -> rusqlite::Result<()> {
    transaction
        .prepare_cached("UPDATE issue SET status = ?2, status_since = ?3 WHERE id = ?1")?
        .execute(params![id, change.to.slug(), change.at.0])?;
    transaction
        .prepare_cached(
            "INSERT INTO issue_change \
             (issue_id, at, from_status, to_status, reason, actor, release, comparison) \
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
        )?
        .execute(params![
            id,
            change.at.0,
            change.from.slug(),
            change.to.slug(),
            change.reason.slug(),
            change.actor,
            change.release,
            change.comparison.as_ref().map(encode_comparison),
        ])?;
    transaction
        .prepare_cached(
            "DELETE FROM issue_change WHERE issue_id = ?1 AND id <= (SELECT id FROM issue_change \
             WHERE issue_id = ?1 ORDER BY id DESC LIMIT 1 OFFSET ?2)",
        )?
        .execute([id, CHANGES_MAX])?;
    Ok(())
}
