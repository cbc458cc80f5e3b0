//! An endpoint's requests as the endpoint form of detectors reads them.

use hotspan_model::{EndpointProfile, ProfileUse, Sdk};
use rusqlite::Transaction;

use super::super::codec::words::language_of;
use super::super::connection::Book;
use super::super::grain::{MINUTE, cover};
use super::super::rows::TimeWindow;
use super::super::{BookError, During};
use super::class_uses::totals_over;
use super::endpoint_of;
use super::figures::{count, volume};

impl Book {
    /// What the requests of an endpoint did of each watched class; `None` when
    /// there is no such endpoint. Without requests its figures are zero.
    ///
    /// # Errors
    /// When the database cannot be read or holds something damaged.
    pub fn endpoint_profile(
        &self,
        id: i64,
        window: TimeWindow,
    ) -> Result<Option<EndpointProfile>, BookError> {
        let stretches = cover(window, MINUTE, self.minutes_from());
        self.read("read a profile", |transaction| {
            let Some(endpoint) = endpoint_of(transaction, id)? else {
                return Ok(None);
            };
            let volume = volume(transaction, id, &stretches)?;
            let uses = totals_over(transaction, id, &stretches)?;
            let uses = uses.into_iter().map(|((class, family), total)| ProfileUse {
                class,
                family,
                requests_affected: count(total.sums.requests),
                samples_affected: total.sums.samples.max(0) as u64,
                lookups: count(total.sums.lookups),
                calls: count(total.sums.calls),
                wall_ns: total.sums.wall_ns,
                hidden_ns: total.sums.hidden_ns,
                templates: total.templates(),
                evidence: total
                    .detail
                    .witnesses
                    .into_iter()
                    .map(|witness| (witness.trace_id, witness.entry_span, witness.spans))
                    .collect(),
            });
            Ok(Some(EndpointProfile {
                endpoint,
                sdk: sdk_of(transaction, id).during("read an SDK")?,
                requests: count(volume.requests),
                samples: volume.samples.max(0) as u64,
                entry_wall_ns: volume.wall_ns,
                window: volume.seen.unwrap_or((window.from, window.to)),
                uses: uses.collect(),
            }))
        })
    }
}

pub(super) fn sdk_of(transaction: &Transaction<'_>, endpoint_id: i64) -> rusqlite::Result<Sdk> {
    transaction
        .prepare_cached("SELECT sdk_name, sdk_version, sdk_language FROM endpoint WHERE id = ?1")?
        .query_row([endpoint_id], |row| {
            Ok(Sdk {
                name: row.get(0)?,
                version: row.get(1)?,
                language: language_of(&row.get::<_, String>(2)?),
            })
        })
}
