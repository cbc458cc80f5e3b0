//! Deploys: releases of services that went out, as somebody told or as the
//! first request of a release showed.
//!
//! A release that was seen is written in the commit of the segment that showed
//! it, at the earliest start of its segments, so that neither the order of
//! commits nor a replay matters.

use std::collections::hash_map::Entry;
use std::sync::Arc;

use hotspan_model::life::{Deploy, DeploySource};
use hotspan_model::time::NANOS_PER_MINUTE;
use hotspan_model::{Endpoint, UnixNanos};
use rusqlite::{OptionalExtension, Row, Transaction, params};

use super::connection::Book;
use super::endpoints::Interned;
use super::rows::TimeWindow;
use super::{BookError, During};

/// Deploys of one service that are told within this time of each other with
/// one release and environment are one: a pipeline that tries again.
const SAME_DEPLOY_NS: i64 = 10 * NANOS_PER_MINUTE;
/// Deploys of one service that can be told; more are refused until old ones go.
const TOLD_MAX: i64 = 10_000;
/// Deploys shown for one window, the newest ones.
const SHOWN_MAX: i64 = 200;

/// Columns that [`deploy_at`] reads.
const COLUMNS: &str = "project, service, release, environment, at, source";

impl Book {
    /// Keeps a deploy that somebody told. False when it is known already.
    ///
    /// # Errors
    /// When the service has too many, or the commit fails.
    pub fn add_deploy(&self, deploy: &Deploy) -> Result<bool, BookError> {
        self.write("keep a deploy", |transaction, _| {
            let Deploy { project, service, release, environment, at, .. } = deploy;
            let count = |sql: &str, bounds: &[&dyn rusqlite::ToSql]| {
                transaction
                    .prepare_cached(sql)
                    .and_then(|mut statement| {
                        statement.query_row(bounds, |row| row.get::<_, i64>(0))
                    })
                    .during("count deploys")
            };
            let known = count(
                "SELECT count(*) FROM deploy WHERE project = ?1 AND service = ?2 \
                 AND release = ?3 AND environment = ?4 AND source = 'told' \
                 AND at BETWEEN ?5 AND ?6",
                params![
                    project,
                    service,
                    release,
                    environment,
                    at.plus(-SAME_DEPLOY_NS).0,
                    at.plus(SAME_DEPLOY_NS).0
                ],
            )?;
            if known > 0 {
                return Ok(false);
            }
            let told = count(
                "SELECT count(*) FROM deploy WHERE project = ?1 AND service = ?2 \
                 AND source = 'told'",
                params![project, service],
            )?;
            if told >= TOLD_MAX {
                return Err(BookError::Refused(format!(
                    "service {service} has {TOLD_MAX} deploys already: old ones go with the figures by hour"
                )));
            }
            insert(transaction, deploy).during("keep a deploy")?;
            Ok(true)
        })
    }

    /// Deploys of a service in a window, oldest first; the newest of many.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn deploys(
        &self,
        project: &str,
        service: &str,
        window: TimeWindow,
    ) -> Result<Vec<Deploy>, BookError> {
        self.read("list deploys", |transaction| deploys_in(transaction, project, service, window))
    }
}

/// Deploys of a service in a window, oldest first.
pub(super) fn deploys_in(
    transaction: &Transaction<'_>,
    project: &str,
    service: &str,
    window: TimeWindow,
) -> Result<Vec<Deploy>, BookError> {
    let newest_first: Vec<Deploy> = transaction
        .prepare_cached(&format!(
            "SELECT {COLUMNS} FROM deploy WHERE project = ?1 AND service = ?2 \
             AND at >= ?3 AND at < ?4 ORDER BY at DESC, id DESC LIMIT ?5"
        ))
        .and_then(|mut statement| {
            let bounds = params![project, service, window.from.0, window.to.0, SHOWN_MAX];
            statement.query_map(bounds, |row| deploy_at(row, 0))?.collect()
        })
        .during("list deploys")?;
    Ok(newest_first.into_iter().rev().collect())
}

/// Reads a deploy from six columns that begin at `first`.
pub(super) fn deploy_at(row: &Row<'_>, first: usize) -> rusqlite::Result<Deploy> {
    let source: String = row.get(first + 5)?;
    Ok(Deploy {
        project: row.get(first)?,
        service: row.get(first + 1)?,
        release: row.get(first + 2)?,
        environment: row.get(first + 3)?,
        at: UnixNanos(row.get(first + 4)?),
        source: DeploySource::from_slug(&source).unwrap_or(DeploySource::Told),
    })
}

fn insert(transaction: &Transaction<'_>, deploy: &Deploy) -> rusqlite::Result<()> {
    transaction
        .prepare_cached(&format!("INSERT INTO deploy ({COLUMNS}) VALUES (?1, ?2, ?3, ?4, ?5, ?6)"))?
        .execute(params![
            deploy.project,
            deploy.service,
            deploy.release,
            deploy.environment,
            deploy.at.0,
            deploy.source.slug(),
        ])?;
    Ok(())
}

/// Lets go of deploys that were told before figures by hour end. Those that
/// were seen stay: without them a release would be seen a second time.
pub(super) fn expire(transaction: &Transaction<'_>, before: UnixNanos) -> rusqlite::Result<u64> {
    let gone = transaction
        .prepare_cached("DELETE FROM deploy WHERE source = 'told' AND at < ?1")?
        .execute([before.0])?;
    Ok(gone as u64)
}

impl Interned {
    /// Remembers when a release was first seen.
    pub(super) fn see_release(
        &mut self,
        transaction: &Transaction<'_>,
        endpoint: &Endpoint,
        release: &Arc<str>,
        start: UnixNanos,
    ) -> rusqlite::Result<()> {
        let key =
            (Arc::clone(&endpoint.project), Arc::clone(&endpoint.service), Arc::clone(release));
        let place = params![endpoint.project, endpoint.service, release];
        let first = match self.releases.entry(key) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(vacant) => {
                let known: Option<i64> = transaction
                    .prepare_cached(
                        "SELECT at FROM deploy WHERE project = ?1 AND service = ?2 \
                         AND release = ?3 AND source = 'seen'",
                    )?
                    .query_row(place, |row| row.get(0))
                    .optional()?;
                if known.is_none() {
                    insert(transaction, &seen(endpoint, release, start))?;
                }
                vacant.insert(known.map_or(start, UnixNanos))
            }
        };
        if start < *first {
            *first = start;
            transaction
                .prepare_cached(
                    "UPDATE deploy SET at = ?4 WHERE project = ?1 AND service = ?2 \
                     AND release = ?3 AND source = 'seen'",
                )?
                .execute(params![endpoint.project, endpoint.service, release, start.0])?;
        }
        Ok(())
    }
}

fn seen(endpoint: &Endpoint, release: &str, at: UnixNanos) -> Deploy {
    Deploy {
        project: endpoint.project.to_string(),
        service: endpoint.service.to_string(),
        release: release.to_owned(),
        environment: String::new(),
        at,
        source: DeploySource::Seen,
    }
}
