//! What the requests of an endpoint did of each watched class, by minute and
//! hour: what a batch of segments adds or takes out. Sums over a window are in
//! `queries::class_uses`.

use std::collections::BTreeMap;
use std::sync::Arc;

use hotspan_model::{Class, ClassUse, SpanId, TraceId};
use rusqlite::{OptionalExtension, Row, Transaction, params};

use super::codec::contribution::Contribution;
use super::codec::words::{
    TemplateCount, UseDetail, Witness, decode_use_detail, encode_use_detail,
};
use super::grain::{HOUR, MINUTE, bucket_of};
use super::rollups::{weighted, weighted_count};
use super::{BookError, DamagedIn, During};

/// Affected segments kept in a row, the dearest first.
pub(super) const WITNESSES_MAX: usize = 5;
/// Operation templates kept in a row, the commonest first.
const TEMPLATES_MAX: usize = 64;

/// Which row: endpoint, bucket, class, family.
type Key = (i64, i64, Class, Arc<str>);

/// Sums over uses of one class and family.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct UseSums {
    /// Segments with any call of it.
    pub(super) segments: i64,
    /// Segments with a lookup.
    pub(super) samples: i64,
    /// Segments that an SDK's cap cut.
    pub(super) truncated: i64,
    /// Weighted segments with a lookup, in thousandths, as the next two.
    pub(super) requests: i64,
    pub(super) lookups: i64,
    pub(super) calls: i64,
    pub(super) wall_ns: i64,
    pub(super) hidden_ns: i64,
}

impl UseSums {
    pub(super) fn add(&mut self, other: &Self) {
        self.segments += other.segments;
        self.samples += other.samples;
        self.truncated += other.truncated;
        self.requests = self.requests.saturating_add(other.requests);
        self.lookups = self.lookups.saturating_add(other.lookups);
        self.calls = self.calls.saturating_add(other.calls);
        self.wall_ns = self.wall_ns.saturating_add(other.wall_ns);
        self.hidden_ns = self.hidden_ns.saturating_add(other.hidden_ns);
    }

    /// What has to be added to `other` to make it this.
    pub(super) fn minus(&self, other: &Self) -> Self {
        Self {
            segments: self.segments - other.segments,
            samples: self.samples - other.samples,
            truncated: self.truncated - other.truncated,
            requests: self.requests.saturating_sub(other.requests),
            lookups: self.lookups.saturating_sub(other.lookups),
            calls: self.calls.saturating_sub(other.calls),
            wall_ns: self.wall_ns.saturating_sub(other.wall_ns),
            hidden_ns: self.hidden_ns.saturating_sub(other.hidden_ns),
        }
    }

    /// Reads the sums from eight columns that begin at `first`.
    pub(super) fn at(row: &Row<'_>, first: usize) -> rusqlite::Result<Self> {
        Ok(Self {
            segments: row.get(first)?,
            samples: row.get(first + 1)?,
            truncated: row.get(first + 2)?,
            requests: row.get(first + 3)?,
            lookups: row.get(first + 4)?,
            calls: row.get(first + 5)?,
            wall_ns: row.get(first + 6)?,
            hidden_ns: row.get(first + 7)?,
        })
    }

    fn of(segment: &Contribution, class_use: &ClassUse, sign: i64) -> Self {
        let units = sign * segment.units;
        let affected = class_use.lookups > 0;
        Self {
            segments: sign,
            samples: if affected { sign } else { 0 },
            truncated: if segment.truncated { sign } else { 0 },
            requests: if affected { units } else { 0 },
            lookups: weighted_count(f64::from(class_use.lookups), units),
            calls: weighted_count(f64::from(class_use.calls), units),
            wall_ns: weighted(class_use.wall_ns, units),
            hidden_ns: weighted(class_use.hidden_ns, units),
        }
    }
}

#[derive(Debug, Clone, Default)]
struct Delta {
    sums: UseSums,
    added: Vec<Witness>,
    removed: Vec<(TraceId, SpanId)>,
    /// Segments and places by template, as in [`TemplateCount`].
    templates: BTreeMap<String, (i64, i64)>,
}

impl Delta {
    fn add(&mut self, other: &Self) {
        self.sums.add(&other.sums);
        self.removed.extend_from_slice(&other.removed);
        self.added.extend_from_slice(&other.added);
        for (template, (segments, places)) in &other.templates {
            let count = self.templates.entry(template.clone()).or_default();
            count.0 += segments;
            count.1 += places;
        }
    }
}

/// What a batch of segments changes, by minute.
#[derive(Debug, Default)]
pub(super) struct UseDeltas(BTreeMap<Key, Delta>);

impl UseDeltas {
    /// Adds the uses of a segment (`sign` 1) or takes them out (`sign` -1).
    pub(super) fn add(&mut self, id: (TraceId, SpanId), segment: &Contribution, sign: i64) {
        let minute = bucket_of(segment.start, MINUTE);
        for class_use in &segment.uses {
            let family = Arc::clone(&class_use.family);
            let key = (segment.endpoint_id, minute, class_use.class, family);
            let delta = self.0.entry(key).or_default();
            delta.sums.add(&UseSums::of(segment, class_use, sign));
            for (place, template) in class_use.templates.iter().enumerate() {
                let count = delta.templates.entry(template.clone()).or_default();
                count.0 += sign;
                count.1 += sign * place as i64;
            }
            // Whatever was said of this segment before is out of date.
            delta.added.retain(|witness| (witness.trace_id, witness.entry_span) != id);
            if sign < 0 {
                delta.removed.push(id);
            } else {
                delta.added.push(witness_of(id, segment, class_use));
                keep_dearest(&mut delta.added);
            }
        }
    }

    /// Writes the changes to the rows of minutes and hours.
    pub(super) fn apply(self, transaction: &Transaction<'_>) -> Result<(), BookError> {
        let mut hours: BTreeMap<Key, Delta> = BTreeMap::new();
        for ((endpoint, minute, class, family), delta) in &self.0 {
            let key = (*endpoint, minute.div_euclid(HOUR), *class, Arc::clone(family));
            hours.entry(key).or_default().add(delta);
        }
        for (grain, rows) in [(MINUTE, self.0), (HOUR, hours)] {
            for (key, delta) in rows {
                apply_row(transaction, grain, &key, delta)?;
            }
        }
        Ok(())
    }
}

fn witness_of(id: (TraceId, SpanId), segment: &Contribution, class_use: &ClassUse) -> Witness {
    Witness {
        trace_id: id.0,
        entry_span: id.1,
        start: segment.start,
        duration_ns: segment.duration_ns,
        wall_ns: class_use.wall_ns,
        lookups: class_use.lookups,
        calls: class_use.calls,
        spans: class_use.evidence.clone(),
    }
}

fn keep_dearest(witnesses: &mut Vec<Witness>) {
    witnesses.sort_by(|left, right| {
        let rank = |witness: &Witness| (-witness.wall_ns, witness.trace_id, witness.entry_span);
        rank(left).cmp(&rank(right))
    });
    witnesses.dedup_by_key(|witness| (witness.trace_id, witness.entry_span));
    witnesses.truncate(WITNESSES_MAX);
}

fn apply_row(
    transaction: &Transaction<'_>,
    grain: i64,
    key: &Key,
    delta: Delta,
) -> Result<(), BookError> {
    let (mut sums, mut detail) = read_row(transaction, grain, key)?.unwrap_or_default();
    sums.add(&delta.sums);
    if sums.segments <= 0 {
        return delete_row(transaction, grain, key).during("remove a class use");
    }
    apply_witnesses(&mut detail, &delta);
    apply_templates(&mut detail, &delta);
    let (endpoint, bucket, class, family) = key;
    transaction
        .prepare_cached(
            "INSERT OR REPLACE INTO class_use \
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14)",
        )
        .and_then(|mut statement| {
            statement.execute(params![
                grain,
                endpoint,
                bucket,
                class.slug(),
                family,
                sums.segments,
                sums.samples,
                sums.truncated,
                sums.requests,
                sums.lookups,
                sums.calls,
                sums.wall_ns,
                sums.hidden_ns,
                encode_use_detail(&detail),
            ])
        })
        .map(|_| ())
        .during("write a class use")
}

fn apply_witnesses(detail: &mut UseDetail, delta: &Delta) {
    let witnesses = &mut detail.witnesses;
    witnesses.retain(|witness| !delta.removed.contains(&(witness.trace_id, witness.entry_span)));
    witnesses.extend_from_slice(&delta.added);
    keep_dearest(witnesses);
}

fn apply_templates(detail: &mut UseDetail, delta: &Delta) {
    let counts = &mut detail.templates;
    for (template, (segments, places)) in &delta.templates {
        match counts.iter_mut().find(|count| count.template == *template) {
            Some(count) => {
                count.segments += segments;
                count.places += places;
            }
            None => counts.push(TemplateCount {
                template: template.clone(),
                segments: *segments,
                places: *places,
            }),
        }
    }
    // Below zero: it was beyond the cap when it was added.
    counts.retain(|count| count.segments > 0);
    counts.sort_by(|left, right| {
        (right.segments, &left.template).cmp(&(left.segments, &right.template))
    });
    counts.truncate(TEMPLATES_MAX);
}

fn delete_row(transaction: &Transaction<'_>, grain: i64, key: &Key) -> rusqlite::Result<()> {
    transaction
        .prepare_cached(
            "DELETE FROM class_use WHERE grain = ?1 AND endpoint_id = ?2 AND bucket = ?3 \
             AND class = ?4 AND family = ?5",
        )?
        .execute(params![grain, key.0, key.1, key.2.slug(), key.3])?;
    Ok(())
}

fn read_row(
    transaction: &Transaction<'_>,
    grain: i64,
    key: &Key,
) -> Result<Option<(UseSums, UseDetail)>, BookError> {
    let stored = transaction
        .prepare_cached(
            "SELECT segments, samples, truncated, requests, lookups, calls, wall_ns, hidden_ns, \
             detail FROM class_use WHERE grain = ?1 AND endpoint_id = ?2 AND bucket = ?3 \
             AND class = ?4 AND family = ?5",
        )
        .and_then(|mut statement| {
            statement
                .query_row(params![grain, key.0, key.1, key.2.slug(), key.3], |row| {
                    Ok((UseSums::at(row, 0)?, row.get::<_, Vec<u8>>(8)?))
                })
                .optional()
        })
        .during("read a class use")?;
    let Some((sums, detail)) = stored else {
        return Ok(None);
    };
    Ok(Some((sums, decode_use_detail(&detail).damaged_in("class use")?)))
}

/// Adds the lists of one row to those of others.
pub(super) fn add_detail(into: &mut UseDetail, from: UseDetail) {
    let templates = from
        .templates
        .into_iter()
        .map(|count| (count.template, (count.segments, count.places)))
        .collect();
    let delta = Delta { added: from.witnesses, templates, ..Delta::default() };
    apply_witnesses(into, &delta);
    apply_templates(into, &delta);
}
