//! Which issues the server has to look at again by itself.

use hotspan_model::{Endpoint, IssueStatus, UnixNanos};
use rusqlite::{OptionalExtension, Row, Transaction, params};

use super::super::connection::Book;
use super::super::deploys::deploy_at;
use super::super::rows::WatchedIssue;
use super::super::{BookError, During};
use super::issue_row::{self, Wanted};
use super::life::{
    IGNORED_COLUMNS, StoredVerification, VERIFICATION_COLUMNS, ignored_at, verification_at,
};

/// Columns before those of the verification.
const FIRST_COLUMNS: &str = "i.id, i.endpoint_id, i.status, i.status_since";

impl Book {
    /// Issues whose state may change without anybody doing anything: claimed,
    /// not fixed and verified ones, ignored ones with an end, and open ones
    /// whose service had a release since, or whose comparison is under way.
    ///
    /// # Errors
    /// When the database cannot be read or holds something damaged.
    pub fn watched_issues(&self, now: UnixNanos) -> Result<Vec<WatchedIssue>, BookError> {
        self.read("list issues to look at", |transaction| {
            let mut statement = transaction
                .prepare_cached(&format!(
                    "SELECT {FIRST_COLUMNS}, {VERIFICATION_COLUMNS}, {IGNORED_COLUMNS}, \
                     d.project, d.service, d.release, d.environment, d.at, d.source \
                     FROM issue i JOIN endpoint e ON e.id = i.endpoint_id \
                     LEFT JOIN verification v ON v.issue_id = i.id \
                     LEFT JOIN issue_ignored g ON g.issue_id = i.id \
                     LEFT JOIN deploy d ON d.id = ( \
                       SELECT id FROM deploy WHERE project = i.project AND service = e.service \
                       AND at <= ?1 ORDER BY at DESC, id DESC LIMIT 1) \
                     WHERE i.status IN ('fix_claimed', 'not_fixed', 'verified') \
                     OR (i.status = 'ignored' \
                         AND coalesce(g.until, g.day_wall_ns) IS NOT NULL) \
                     OR (i.status IN ('open', 'regressed') \
                         AND (v.issue_id IS NOT NULL OR d.at > i.status_since)) \
                     ORDER BY i.id"
                ))
                .during("list issues to look at")?;
            let rows: Vec<Listed> = statement
                .query_map([now.0], Listed::of)
                .and_then(|rows| rows.collect())
                .during("list issues to look at")?;
            rows.into_iter().map(|listed| listed.complete(transaction)).collect()
        })
    }
}

/// A row before its blobs are decoded.
struct Listed {
    issue: WatchedIssue,
    verification: Option<StoredVerification>,
}

impl Listed {
    fn of(row: &Row<'_>) -> rusqlite::Result<Self> {
        let status: String = row.get(2)?;
        let deploy = match row.get::<_, Option<String>>(14)? {
            Some(_) => Some(deploy_at(row, 14)?),
            None => None,
        };
        Ok(Self {
            issue: WatchedIssue {
                id: row.get(0)?,
                endpoint_id: row.get(1)?,
                status: IssueStatus::from_slug(&status).unwrap_or(IssueStatus::Open),
                since: UnixNanos(row.get(3)?),
                last_seen: UnixNanos::default(),
                verification: None,
                ignored: ignored_at(row, 11)?,
                deploy,
                awaited: None,
            },
            verification: verification_at(row, 4)?,
        })
    }

    fn complete(self, transaction: &Transaction<'_>) -> Result<WatchedIssue, BookError> {
        let verification = self.verification.map(StoredVerification::decode).transpose()?;
        let wanted = Wanted { id: Some(self.issue.id), ..Wanted::default() };
        // None for a class that only a newer version knows.
        let found = issue_row::find(transaction, &wanted)?.pop();
        let mut issue = WatchedIssue { verification, ..self.issue };
        if let Some(found) = found {
            let (_, last) = issue_row::seen(transaction, &found).during("date an issue")?;
            issue.last_seen = UnixNanos(last);
            let release = issue.verification.as_ref().map(|pending| pending.release.as_str());
            if let Some(release) = release.filter(|release| !release.is_empty()) {
                issue.awaited =
                    went_out(transaction, &found.endpoint, release).during("find a release")?;
            }
        }
        Ok(issue)
    }
}

/// When a release went out: at its first request, or else when somebody told.
fn went_out(
    transaction: &Transaction<'_>,
    endpoint: &Endpoint,
    release: &str,
) -> rusqlite::Result<Option<UnixNanos>> {
    transaction
        .prepare_cached(
            "SELECT at FROM deploy WHERE project = ?1 AND service = ?2 AND release = ?3 \
             ORDER BY source = 'seen' DESC, at DESC LIMIT 1",
        )?
        .query_row(params![endpoint.project, endpoint.service, release], |row| {
            Ok(UnixNanos(row.get(0)?))
        })
        .optional()
}
