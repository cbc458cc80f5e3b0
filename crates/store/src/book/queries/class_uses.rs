//! What the requests of an endpoint did of watched classes in a window: sums
//! for issues, and the profile that the endpoint form of detectors reads.

use std::collections::BTreeMap;
use std::sync::Arc;

use hotspan_model::Class;
use rusqlite::{Row, Transaction, params};

use super::super::codec::words::{TemplateCount, UseDetail, decode_use_detail};
use super::super::grain::Stretch;
use super::super::uses::{UseSums, add_detail};
use super::super::{BookError, DamagedIn, During};

/// Sums of one class and family over a window's stretches.
pub(super) fn sums_over(
    transaction: &Transaction<'_>,
    endpoint_id: i64,
    class: Class,
    family: &str,
    stretches: &[Stretch],
) -> Result<UseSums, BookError> {
    let mut sums = UseSums::default();
    for stretch in stretches {
        let part = transaction
            .prepare_cached(
                "SELECT total(segments), total(samples), total(truncated), total(requests), \
                 total(lookups), total(calls), total(wall_ns), total(hidden_ns) \
                 FROM class_use WHERE grain = ?1 AND endpoint_id = ?2 \
                 AND bucket >= ?3 AND bucket < ?4 AND class = ?5 AND family = ?6",
            )
            .and_then(|mut statement| {
                statement.query_row(
                    params![
                        stretch.grain,
                        endpoint_id,
                        stretch.from,
                        stretch.to,
                        class.slug(),
                        family
                    ],
                    total_at,
                )
            })
            .during("sum class uses")?;
        sums.add(&part);
    }
    Ok(sums)
}

/// Reads eight `total()`s: SQLite's `sum()` fails when it leaves the range.
pub(super) fn total_at(row: &Row<'_>) -> rusqlite::Result<UseSums> {
    let total = |column: usize| row.get::<_, f64>(column).map(|value| value as i64);
    Ok(UseSums {
        segments: total(0)?,
        samples: total(1)?,
        truncated: total(2)?,
        requests: total(3)?,
        lookups: total(4)?,
        calls: total(5)?,
        wall_ns: total(6)?,
        hidden_ns: total(7)?,
    })
}

/// Everything the requests of an endpoint did of one class and family.
#[derive(Debug, Clone, Default)]
pub(super) struct UseTotal {
    pub(super) sums: UseSums,
    pub(super) detail: UseDetail,
}

impl UseTotal {
    /// Templates by their average place in a segment, then by name.
    pub(super) fn templates(&self) -> Vec<String> {
        let mut counts: Vec<&TemplateCount> = self.detail.templates.iter().collect();
        counts.sort_by(|left, right| {
            // left.places / left.segments < right.places / right.segments
            let cross = |a: &TemplateCount, b: &TemplateCount| {
                i128::from(a.places) * i128::from(b.segments)
            };
            cross(left, right).cmp(&cross(right, left)).then(left.template.cmp(&right.template))
        });
        counts.into_iter().map(|count| count.template.clone()).collect()
    }
}

/// Every class and family that requests of an endpoint used in a window.
pub(super) fn totals_over(
    transaction: &Transaction<'_>,
    endpoint_id: i64,
    stretches: &[Stretch],
) -> Result<BTreeMap<(Class, Arc<str>), UseTotal>, BookError> {
    let mut totals: BTreeMap<(Class, Arc<str>), UseTotal> = BTreeMap::new();
    let mut statement = transaction
        .prepare_cached(
            "SELECT segments, samples, truncated, requests, lookups, calls, wall_ns, hidden_ns, \
             class, family, detail FROM class_use \
             WHERE grain = ?1 AND endpoint_id = ?2 AND bucket >= ?3 AND bucket < ?4",
        )
        .during("read class uses")?;
    for stretch in stretches {
        let mut rows = statement
            .query([stretch.grain, endpoint_id, stretch.from, stretch.to])
            .during("read class uses")?;
        while let Some(row) = rows.next().during("read class uses")? {
            let (class, family): (String, Arc<str>) =
                (row.get(8).during("read class uses")?, row.get(9).during("read class uses")?);
            // A class that only a newer version knows cannot be shown.
            let Some(class) = Class::from_slug(&class) else { continue };
            let detail: Vec<u8> = row.get(10).during("read class uses")?;
            let total = totals.entry((class, family)).or_default();
            total.sums.add(&UseSums::at(row, 0).during("read class uses")?);
            add_detail(&mut total.detail, decode_use_detail(&detail).damaged_in("class use")?);
        }
    }
    Ok(totals)
}
