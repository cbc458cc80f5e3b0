//! Time lost to issues: what each cost in a window, and what they cost an
//! endpoint together.

use std::collections::BTreeSet;

use hotspan_model::{Class, IssueStatus};
use rusqlite::{Transaction, params};

use super::super::grain::Stretch;
use super::super::uses::UseSums;
use super::super::{BookError, During};
use super::class_uses;

/// The parts of an issue that its figures depend on.
#[derive(Debug, Clone)]
pub(super) struct IssueKey {
    pub(super) id: i64,
    pub(super) endpoint_id: i64,
    pub(super) class: Class,
    pub(super) family: String,
    pub(super) status: IssueStatus,
}

/// What an issue cost in the stretches. Where detectors watch its class, that
/// is everything the endpoint's requests did of it, below the threshold of a
/// finding too; else what its occurrences cost.
pub(super) fn sums_of(
    transaction: &Transaction<'_>,
    issue: &IssueKey,
    stretches: &[Stretch],
) -> Result<UseSums, BookError> {
    let uses = class_uses::sums_over(
        transaction,
        issue.endpoint_id,
        issue.class,
        &issue.family,
        stretches,
    )?;
    if uses.segments > 0 {
        return Ok(uses);
    }
    let mut sums = UseSums::default();
    for stretch in stretches {
        let part = transaction
            .prepare_cached(
                "SELECT total(samples), total(samples), total(truncated), total(requests), \
                 total(lookups), total(calls), total(wall_ns), total(hidden_ns) \
                 FROM issue_rollup \
                 WHERE issue_id = ?1 AND grain = ?2 AND bucket >= ?3 AND bucket < ?4",
            )
            .and_then(|mut statement| {
                statement.query_row(
                    [issue.id, stretch.grain, stretch.from, stretch.to],
                    class_uses::total_at,
                )
            })
            .during("sum occurrences")?;
        sums.add(&part);
    }
    Ok(sums)
}

/// What issues cost one endpoint.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Lost {
    pub(super) wall_ns: i64,
    /// Issues somebody should look at.
    pub(super) issues: u32,
}

/// Sums what the issues of an endpoint cost. Issues of one class and family
/// share its time; ignored ones are left out because somebody said so.
pub(super) fn lost(
    transaction: &Transaction<'_>,
    endpoint_id: i64,
    stretches: &[Stretch],
) -> Result<Lost, BookError> {
    let (mut lost, mut counted) = (Lost::default(), BTreeSet::new());
    for issue in issues_at(transaction, endpoint_id)? {
        if issue.status == IssueStatus::Ignored {
            continue;
        }
        let sums = sums_of(transaction, &issue, stretches)?;
        let seen = sums.segments > 0;
        if seen && counted.insert((issue.class, issue.family)) {
            lost.wall_ns = lost.wall_ns.saturating_add(sums.wall_ns);
        }
        lost.issues += u32::from(seen && issue.status != IssueStatus::Verified);
    }
    Ok(lost)
}

fn issues_at(transaction: &Transaction<'_>, endpoint_id: i64) -> Result<Vec<IssueKey>, BookError> {
    let rows: Vec<(i64, String, String, String)> = transaction
        .prepare_cached(
            "SELECT id, class, family, status FROM issue WHERE endpoint_id = ?1 ORDER BY id",
        )
        .and_then(|mut statement| {
            statement
                .query_map(params![endpoint_id], |row| {
                    Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?))
                })?
                .collect()
        })
        .during("list issues")?;
    let keys = rows.into_iter().filter_map(|(id, class, family, status)| {
        Some(IssueKey {
            id,
            endpoint_id,
            class: Class::from_slug(&class)?,
            family,
            status: IssueStatus::from_slug(&status).unwrap_or(IssueStatus::Open),
        })
    });
    Ok(keys.collect())
}
