//! Endpoints, environments and releases as numbers, within their caps.
//!
//! The writer looks each up once and remembers it in [`Interned`]. Beyond a cap
//! everything new shares the number of `(other)`.

use std::collections::HashMap;
use std::sync::Arc;

use hotspan_model::{Endpoint, EndpointKind, Sdk, UnixNanos};
use rusqlite::{OptionalExtension, Row, Transaction, params};

use super::summaries::KnownRows;

/// Endpoints of one service; more share one `(other)` for each kind.
pub(super) const ENDPOINTS_MAX: usize = 2_000;
/// Releases, and environments, of one service that are live at once.
pub(super) const LABELS_LIVE_MAX: usize = 20;
/// A release without requests for this long makes room for a new one.
const LABEL_LIVE_HOURS: i64 = 24;
/// Number of the empty label.
pub(super) const LABEL_NONE: i64 = 0;
/// Number of the label that collects those beyond the cap.
pub(super) const LABEL_OTHER: i64 = 1;
/// Remembered entries of a kind; beyond it they are looked up again.
const REMEMBERED_MAX: usize = 50_000;

/// What a label names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum LabelKind {
    Environment,
    Release,
}

impl LabelKind {
    fn slug(self) -> &'static str {
        match self {
            Self::Environment => "environment",
            Self::Release => "release",
        }
    }
}

type LabelKey = (Arc<str>, Arc<str>, LabelKind, Arc<str>);

#[derive(Debug, Clone, Copy)]
struct Label {
    id: i64,
    last_hour: i64,
}

/// Project, service and release.
type ReleaseKey = (Arc<str>, Arc<str>, Arc<str>);

/// Numbers that the writer has looked up, and what it need not write again.
#[derive(Debug, Default)]
pub(super) struct Interned {
    endpoints: HashMap<Endpoint, i64>,
    endpoint_counts: HashMap<(Arc<str>, Arc<str>), usize>,
    labels: HashMap<LabelKey, Label>,
    sdks: HashMap<i64, Arc<Sdk>>,
    /// When releases were first seen, by project, service and release.
    pub(super) releases: HashMap<ReleaseKey, UnixNanos>,
    /// Issues by project and fingerprint.
    pub(super) issues: HashMap<(Arc<str>, String), i64>,
    /// Lists of fixes by their digest.
    pub(super) fix_sets: HashMap<u128, i64>,
    /// Rows of trace summaries.
    pub(super) summaries: KnownRows,
    /// Occurrences added to an issue since its old ones were pruned.
    pub(super) unpruned: HashMap<i64, usize>,
}

impl Interned {
    /// Forgets what grew too large; everything can be looked up again.
    pub(super) fn trim(&mut self) {
        if self.endpoints.len() > REMEMBERED_MAX {
            self.endpoints.clear();
            self.sdks.clear();
        }
        if self.endpoint_counts.len() > REMEMBERED_MAX {
            self.endpoint_counts.clear();
        }
        if self.labels.len() > REMEMBERED_MAX {
            self.labels.clear();
        }
        if self.releases.len() > REMEMBERED_MAX {
            self.releases.clear();
        }
        if self.issues.len() > REMEMBERED_MAX {
            self.issues.clear();
        }
        if self.fix_sets.len() > REMEMBERED_MAX {
            self.fix_sets.clear();
        }
    }

    /// The number of an endpoint, new or known; `(other)` beyond the cap, and
    /// then `true`.
    pub(super) fn endpoint(
        &mut self,
        transaction: &Transaction<'_>,
        endpoint: &Endpoint,
    ) -> rusqlite::Result<(i64, bool)> {
        if let Some(id) = self.known_endpoint(transaction, endpoint)? {
            return Ok((id, false));
        }
        let count = self.endpoint_count(transaction, endpoint)?;
        if *count < ENDPOINTS_MAX {
            *count += 1;
            return Ok((self.insert_endpoint(transaction, endpoint)?, false));
        }
        let other = Endpoint { name: Arc::from(Endpoint::OTHER), ..endpoint.clone() };
        let id = match self.known_endpoint(transaction, &other)? {
            Some(id) => id,
            None => self.insert_endpoint(transaction, &other)?,
        };
        Ok((id, true))
    }

    fn known_endpoint(
        &mut self,
        transaction: &Transaction<'_>,
        endpoint: &Endpoint,
    ) -> rusqlite::Result<Option<i64>> {
        if let Some(id) = self.endpoints.get(endpoint) {
            return Ok(Some(*id));
        }
        let known = transaction
            .prepare_cached(
                "SELECT id FROM endpoint \
                 WHERE project = ?1 AND service = ?2 AND kind = ?3 AND name = ?4",
            )?
            .query_row(
                params![endpoint.project, endpoint.service, endpoint.kind.slug(), endpoint.name],
                |row| row.get(0),
            )
            .optional()?;
        if let Some(id) = known {
            self.endpoints.insert(endpoint.clone(), id);
        }
        Ok(known)
    }

    fn insert_endpoint(
        &mut self,
        transaction: &Transaction<'_>,
        endpoint: &Endpoint,
    ) -> rusqlite::Result<i64> {
        transaction
            .prepare_cached(
                "INSERT INTO endpoint (project, service, kind, name) VALUES (?1, ?2, ?3, ?4)",
            )?
            .execute(params![
                endpoint.project,
                endpoint.service,
                endpoint.kind.slug(),
                endpoint.name
            ])?;
        let id = transaction.last_insert_rowid();
        self.endpoints.insert(endpoint.clone(), id);
        Ok(id)
    }

    fn endpoint_count(
        &mut self,
        transaction: &Transaction<'_>,
        endpoint: &Endpoint,
    ) -> rusqlite::Result<&mut usize> {
        let service = (Arc::clone(&endpoint.project), Arc::clone(&endpoint.service));
        if !self.endpoint_counts.contains_key(&service) {
            let count: i64 = transaction
                .prepare_cached(
                    "SELECT count(*) FROM endpoint \
                     WHERE project = ?1 AND service = ?2 AND name <> ?3",
                )?
                .query_row(params![service.0, service.1, Endpoint::OTHER], |row| row.get(0))?;
            self.endpoint_counts.insert(service.clone(), count as usize);
        }
        Ok(self.endpoint_counts.entry(service).or_default())
    }

    /// The number of an environment or release, new or known; [`LABEL_OTHER`]
    /// while too many others of the service are live.
    pub(super) fn label(
        &mut self,
        transaction: &Transaction<'_>,
        endpoint: &Endpoint,
        kind: LabelKind,
        name: &Arc<str>,
        hour: i64,
    ) -> rusqlite::Result<i64> {
        if name.is_empty() {
            return Ok(LABEL_NONE);
        }
        let key: LabelKey =
            (Arc::clone(&endpoint.project), Arc::clone(&endpoint.service), kind, Arc::clone(name));
        let Some(label) = self.known_label(transaction, &key)? else {
            return self.new_label(transaction, key, hour);
        };
        if label.last_hour < hour {
            transaction
                .prepare_cached("UPDATE label SET last_hour = ?2 WHERE id = ?1")?
                .execute([label.id, hour])?;
            self.labels.insert(key, Label { last_hour: hour, ..label });
        }
        Ok(label.id)
    }

    fn known_label(
        &mut self,
        transaction: &Transaction<'_>,
        key: &LabelKey,
    ) -> rusqlite::Result<Option<Label>> {
        if let Some(label) = self.labels.get(key) {
            return Ok(Some(*label));
        }
        let known = transaction
            .prepare_cached(
                "SELECT id, last_hour FROM label \
                 WHERE project = ?1 AND service = ?2 AND kind = ?3 AND name = ?4",
            )?
            .query_row(params![key.0, key.1, key.2.slug(), key.3], |row| {
                Ok(Label { id: row.get(0)?, last_hour: row.get(1)? })
            })
            .optional()?;
        if let Some(label) = known {
            self.labels.insert(key.clone(), label);
        }
        Ok(known)
    }

    fn new_label(
        &mut self,
        transaction: &Transaction<'_>,
        key: LabelKey,
        hour: i64,
    ) -> rusqlite::Result<i64> {
        let live: i64 = transaction
            .prepare_cached(
                "SELECT count(*) FROM label \
                 WHERE project = ?1 AND service = ?2 AND kind = ?3 AND last_hour > ?4",
            )?
            .query_row(params![key.0, key.1, key.2.slug(), hour - LABEL_LIVE_HOURS], |row| {
                row.get(0)
            })?;
        if live as usize >= LABELS_LIVE_MAX {
            return Ok(LABEL_OTHER);
        }
        transaction
            .prepare_cached(
                "INSERT INTO label (project, service, kind, name, last_hour) \
                 VALUES (?1, ?2, ?3, ?4, ?5)",
            )?
            .execute(params![key.0, key.1, key.2.slug(), key.3, hour])?;
        let id = transaction.last_insert_rowid();
        self.labels.insert(key, Label { id, last_hour: hour });
        Ok(id)
    }

    /// Keeps the SDK seen last at an endpoint: fixes are written for it.
    pub(super) fn keep_sdk(
        &mut self,
        transaction: &Transaction<'_>,
        endpoint_id: i64,
        sdk: &Arc<Sdk>,
    ) -> rusqlite::Result<()> {
        if self.sdks.get(&endpoint_id).is_some_and(|known| known == sdk) {
            return Ok(());
        }
        transaction
            .prepare_cached(
                "UPDATE endpoint SET sdk_name = ?2, sdk_version = ?3, sdk_language = ?4 \
                 WHERE id = ?1",
            )?
            .execute(params![endpoint_id, sdk.name, sdk.version, sdk.language.slug()])?;
        self.sdks.insert(endpoint_id, Arc::clone(sdk));
        Ok(())
    }
}

/// Reads an endpoint from four columns that begin at `first`.
pub(super) fn endpoint_at(row: &Row<'_>, first: usize) -> rusqlite::Result<Endpoint> {
    let kind: String = row.get(first + 2)?;
    Ok(Endpoint {
        project: row.get(first)?,
        service: row.get(first + 1)?,
        // A kind that a newer version added reads as the most general one.
        kind: EndpointKind::from_slug(&kind).unwrap_or(EndpointKind::Job),
        name: row.get(first + 3)?,
    })
}
