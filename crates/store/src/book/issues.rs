//! The issue book: findings of one fingerprint share an issue.
//!
//! An issue lives as long as it has occurrences, was raised by the endpoint
//! form of a detector, or somebody decided about it. Its figures are read from
//! `issue_rollup` and `class_use`, so there is nothing to keep in step here.

use std::collections::BTreeSet;
use std::sync::Arc;

use hotspan_model::{Finding, Fix, IssueStatus};
use rusqlite::{OptionalExtension, Transaction, params};
use twox_hash::XxHash3_128;

use super::codec::words;
use super::connection::Book;
use super::endpoints::Interned;
use super::{BookError, During};

/// Issues of one project; findings of further ones are counted and dropped.
pub(super) const ISSUES_MAX: i64 = 5_000;

impl Book {
    /// Keeps what the endpoint form of detectors found at an endpoint. A cause
    /// that the trace form found is still the one that is shown: it saw the
    /// calls one by one.
    ///
    /// # Errors
    /// When the commit fails.
    pub fn record_endpoint_findings(
        &self,
        endpoint_id: i64,
        findings: &[Finding],
    ) -> Result<(), BookError> {
        if findings.is_empty() {
            return Ok(());
        }
        self.write("keep findings of an endpoint", |transaction, interned| {
            for finding in findings {
                keep_endpoint_finding(transaction, interned, endpoint_id, finding)?;
            }
            Ok(())
        })
    }
}

/// Opens the issue of a finding of the endpoint form, or adds to it; `None`
/// beyond the cap of issues.
pub(super) fn keep_endpoint_finding(
    transaction: &Transaction<'_>,
    interned: &mut Interned,
    endpoint_id: i64,
    finding: &Finding,
) -> Result<Option<i64>, BookError> {
    let Some(issue) = interned.issue(transaction, endpoint_id, finding)? else {
        return Ok(None);
    };
    let fixes = interned.fix_set(transaction, &finding.fixes).during("keep fixes")?;
    transaction
        .prepare_cached(
            "UPDATE issue SET endpoint_cause = ?2, endpoint_fixes_id = ?3, \
             endpoint_first = min(coalesce(endpoint_first, ?4), ?4), \
             endpoint_last = max(coalesce(endpoint_last, ?4), ?4) WHERE id = ?1",
        )
        .and_then(|mut statement| {
            let cause = words::encode_cause(&finding.cause, &finding.templates);
            statement.execute(params![issue, cause, fixes, finding.start.0])
        })
        .during("keep a finding")?;
    Ok(Some(issue))
}

impl Interned {
    /// The issue that a finding belongs to, new or known; `None` beyond the cap.
    pub(super) fn issue(
        &mut self,
        transaction: &Transaction<'_>,
        endpoint_id: i64,
        finding: &Finding,
    ) -> Result<Option<i64>, BookError> {
        let key = (Arc::clone(&finding.endpoint.project), finding.fingerprint.clone());
        if let Some(id) = self.issues.get(&key) {
            return Ok(Some(*id));
        }
        let known: Option<i64> = transaction
            .prepare_cached("SELECT id FROM issue WHERE project = ?1 AND fingerprint = ?2")
            .and_then(|mut statement| {
                statement.query_row(params![key.0, key.1], |row| row.get(0)).optional()
            })
            .during("find an issue")?;
        let id = match known {
            Some(id) => id,
            None if is_full(transaction, &key.0).during("count issues")? => return Ok(None),
            None => insert(transaction, endpoint_id, finding).during("open an issue")?,
        };
        self.issues.insert(key, id);
        Ok(Some(id))
    }

    /// The number of a list of fixes, new or known.
    pub(super) fn fix_set(
        &mut self,
        transaction: &Transaction<'_>,
        fixes: &[Fix],
    ) -> rusqlite::Result<i64> {
        let encoded = words::encode_fixes(fixes);
        let digest = XxHash3_128::oneshot(&encoded);
        if let Some(id) = self.fix_sets.get(&digest) {
            return Ok(*id);
        }
        let known: Option<i64> = transaction
            .prepare_cached("SELECT id FROM fix_set WHERE digest = ?1")?
            .query_row([digest.to_be_bytes()], |row| row.get(0))
            .optional()?;
        let id = match known {
            Some(id) => id,
            None => {
                transaction
                    .prepare_cached("INSERT INTO fix_set (digest, fixes) VALUES (?1, ?2)")?
                    .execute(params![digest.to_be_bytes(), encoded])?;
                transaction.last_insert_rowid()
            }
        };
        self.fix_sets.insert(digest, id);
        Ok(id)
    }

    /// Closes those of `candidates` that nothing speaks for any more.
    pub(super) fn close_empty_issues(
        &mut self,
        transaction: &Transaction<'_>,
        candidates: &BTreeSet<i64>,
    ) -> rusqlite::Result<()> {
        for id in candidates {
            let gone = transaction
                .prepare_cached(
                    "DELETE FROM issue WHERE id = ?1 AND endpoint_first IS NULL AND status = ?2 \
                     AND NOT EXISTS (SELECT 1 FROM issue_rollup WHERE issue_id = ?1)",
                )?
                .execute(params![id, IssueStatus::Open.slug()])?;
            if gone > 0 {
                self.issues.retain(|_, known| known != id);
                self.unpruned.remove(id);
            }
        }
        Ok(())
    }
}

fn is_full(transaction: &Transaction<'_>, project: &str) -> rusqlite::Result<bool> {
    let issues: i64 = transaction
        .prepare_cached("SELECT count(*) FROM issue WHERE project = ?1")?
        .query_row([project], |row| row.get(0))?;
    Ok(issues >= ISSUES_MAX)
}

fn insert(
    transaction: &Transaction<'_>,
    endpoint_id: i64,
    finding: &Finding,
) -> rusqlite::Result<i64> {
    transaction
        .prepare_cached(
            "INSERT INTO issue (project, fingerprint, endpoint_id, detector, class, family, \
             subject, status, status_since) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
        )?
        .execute(params![
            finding.endpoint.project,
            finding.fingerprint,
            endpoint_id,
            finding.detector,
            finding.class.slug(),
            finding.family,
            finding.subject,
            IssueStatus::Open.slug(),
            finding.start.0,
        ])?;
    Ok(transaction.last_insert_rowid())
}
