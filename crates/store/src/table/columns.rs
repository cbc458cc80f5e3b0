//! Spans into columns.

use datafusion::arrow::array::builder::{
    ArrayBuilder, BooleanBuilder, FixedSizeBinaryBuilder, Float64Builder, Int16Builder,
    Int32Builder, Int64Builder, StringBuilder, TimestampMicrosecondBuilder,
};
use datafusion::arrow::array::{Array, ArrayRef, RecordBatch};
use hotspan_model::{Door, EntryHint, Span, UnixNanos};

use super::attributes::AttributeColumns;
use super::lists::{EventColumns, LinkColumns};
use super::schema::{SPAN_ID_BYTES, TRACE_ID_BYTES, schema};
use crate::StoreError;

/// Attribute names of the environment, newest first.
const ENVIRONMENT_KEYS: &[&str] = &["deployment.environment.name", "deployment.environment"];
/// Attribute names of the release.
const RELEASE_KEYS: &[&str] = &["service.version"];
/// Attribute names of the HTTP status, newest first.
const HTTP_STATUS_KEYS: &[&str] = &["http.response.status_code", "http.status_code"];

/// Grows a batch of the span table.
#[derive(Debug)]
pub(super) struct SpanColumns {
    project: StringBuilder,
    service: StringBuilder,
    trace_id: FixedSizeBinaryBuilder,
    span_id: FixedSizeBinaryBuilder,
    parent_span_id: FixedSizeBinaryBuilder,
    name: StringBuilder,
    kind: StringBuilder,
    status: StringBuilder,
    status_message: StringBuilder,
    start: InstantColumns,
    duration_ns: Int64Builder,
    weight: Float64Builder,
    is_entry: BooleanBuilder,
    environment: StringBuilder,
    release: StringBuilder,
    http_status: Int32Builder,
    attributes: AttributeColumns,
    resource: AttributeColumns,
    scope_name: StringBuilder,
    scope_version: StringBuilder,
    scope: AttributeColumns,
    events: EventColumns,
    links: LinkColumns,
    flags: Int64Builder,
    trace_state: StringBuilder,
    dropped_attributes: Int64Builder,
    dropped_events: Int64Builder,
    dropped_links: Int64Builder,
    door: StringBuilder,
    received_at: TimestampMicrosecondBuilder,
}

impl Default for SpanColumns {
    fn default() -> Self {
        Self {
            project: StringBuilder::new(),
            service: StringBuilder::new(),
            trace_id: FixedSizeBinaryBuilder::new(TRACE_ID_BYTES),
            span_id: FixedSizeBinaryBuilder::new(SPAN_ID_BYTES),
            parent_span_id: FixedSizeBinaryBuilder::new(SPAN_ID_BYTES),
            name: StringBuilder::new(),
            kind: StringBuilder::new(),
            status: StringBuilder::new(),
            status_message: StringBuilder::new(),
            start: InstantColumns::default(),
            duration_ns: Int64Builder::new(),
            weight: Float64Builder::new(),
            is_entry: BooleanBuilder::new(),
            environment: StringBuilder::new(),
            release: StringBuilder::new(),
            http_status: Int32Builder::new(),
            attributes: AttributeColumns::default(),
            resource: AttributeColumns::default(),
            scope_name: StringBuilder::new(),
            scope_version: StringBuilder::new(),
            scope: AttributeColumns::default(),
            events: EventColumns::default(),
            links: LinkColumns::default(),
            flags: Int64Builder::new(),
            trace_state: StringBuilder::new(),
            dropped_attributes: Int64Builder::new(),
            dropped_events: Int64Builder::new(),
            dropped_links: Int64Builder::new(),
            door: StringBuilder::new(),
            received_at: utc(TimestampMicrosecondBuilder::new()),
        }
    }
}

impl SpanColumns {
    pub(super) fn append(
        &mut self,
        project: &str,
        received_at: UnixNanos,
        span: &Span,
    ) -> Result<(), StoreError> {
        self.project.append_value(project);
        self.append_identity(span)?;
        self.append_measures(span);
        self.attributes.append(&span.attributes);
        self.resource.append(&span.resource.attributes);
        self.scope_name.append_value(&span.scope.name);
        self.scope_version.append_value(&span.scope.version);
        self.scope.append(&span.scope.attributes);
        self.events.append(&span.events);
        self.links.append(&span.links)?;
        self.flags.append_value(span.flags.into());
        self.trace_state.append_value(&span.trace_state);
        self.dropped_attributes.append_value(span.dropped_attributes.into());
        self.dropped_events.append_value(span.dropped_events.into());
        self.dropped_links.append_value(span.dropped_links.into());
        self.door.append_value(door_slug(span.door));
        self.received_at.append_value(received_at.micros());
        Ok(())
    }

    fn append_identity(&mut self, span: &Span) -> Result<(), StoreError> {
        self.service.append_value(&*span.service);
        self.trace_id.append_value(span.trace_id.0)?;
        self.span_id.append_value(span.span_id.0)?;
        match span.parent {
            Some(parent) => self.parent_span_id.append_value(parent.0)?,
            None => self.parent_span_id.append_null(),
        }
        self.name.append_value(&span.name);
        self.kind.append_value(span.kind.slug());
        self.status.append_value(span.status.slug());
        self.status_message.append_value(&span.status_message);
        Ok(())
    }

    fn append_measures(&mut self, span: &Span) {
        self.start.append(span.start);
        self.duration_ns.append_value(span.end.since(span.start));
        self.weight.append_value(span.weight);
        self.is_entry.append_option(match span.entry {
            EntryHint::Yes => Some(true),
            EntryHint::No => Some(false),
            EntryHint::Unknown => None,
        });
        let resource = &span.resource.attributes;
        self.environment.append_option(resource.first_str(ENVIRONMENT_KEYS));
        self.release.append_option(resource.first_str(RELEASE_KEYS));
        let http_status = span.attributes.first_int(HTTP_STATUS_KEYS);
        self.http_status.append_option(http_status.and_then(|status| status.try_into().ok()));
    }

    /// Rows so far.
    pub(super) fn len(&self) -> usize {
        self.duration_ns.len()
    }

    /// The rows so far as a batch. With `keep` they stay for the next one too.
    pub(super) fn batch(&mut self, keep: bool) -> Result<RecordBatch, StoreError> {
        let mut columns: Vec<ArrayRef> = Vec::with_capacity(schema().fields().len());
        columns.extend([
            take(&mut self.project, keep),
            take(&mut self.service, keep),
            take(&mut self.trace_id, keep),
            take(&mut self.span_id, keep),
            take(&mut self.parent_span_id, keep),
            take(&mut self.name, keep),
            take(&mut self.kind, keep),
            take(&mut self.status, keep),
            take(&mut self.status_message, keep),
        ]);
        columns.extend(self.start.arrays(keep));
        columns.extend([
            take(&mut self.duration_ns, keep),
            take(&mut self.weight, keep),
            take(&mut self.is_entry, keep),
            take(&mut self.environment, keep),
            take(&mut self.release, keep),
            take(&mut self.http_status, keep),
        ]);
        columns.extend(self.attributes.arrays(keep));
        columns.extend(self.resource.arrays(keep));
        columns.extend([take(&mut self.scope_name, keep), take(&mut self.scope_version, keep)]);
        columns.extend(self.scope.arrays(keep));
        columns.extend([self.events.array(keep)?, self.links.array(keep)?]);
        columns.extend([
            take(&mut self.flags, keep),
            take(&mut self.trace_state, keep),
            take(&mut self.dropped_attributes, keep),
            take(&mut self.dropped_events, keep),
            take(&mut self.dropped_links, keep),
            take(&mut self.door, keep),
            take(&mut self.received_at, keep),
        ]);
        // Builders grow by doubling; what they took too much is given back.
        columns.iter_mut().for_each(Array::shrink_to_fit);
        Ok(RecordBatch::try_new(schema(), columns)?)
    }
}

/// A point in time as microseconds and a remainder.
#[derive(Debug)]
pub(super) struct InstantColumns {
    micros: TimestampMicrosecondBuilder,
    remainder: Int16Builder,
}

impl Default for InstantColumns {
    fn default() -> Self {
        Self { micros: utc(TimestampMicrosecondBuilder::new()), remainder: Int16Builder::new() }
    }
}

impl InstantColumns {
    pub(super) fn append(&mut self, time: UnixNanos) {
        self.micros.append_value(time.micros());
        // Below 1,000, so it fits.
        self.remainder.append_value(time.0.rem_euclid(1_000) as i16);
    }

    pub(super) fn arrays(&mut self, keep: bool) -> [ArrayRef; 2] {
        [take(&mut self.micros, keep), take(&mut self.remainder, keep)]
    }
}

fn utc(builder: TimestampMicrosecondBuilder) -> TimestampMicrosecondBuilder {
    builder.with_timezone("UTC")
}

/// What a builder holds: a copy with `keep`, else all of it.
pub(super) fn take(builder: &mut dyn ArrayBuilder, keep: bool) -> ArrayRef {
    if keep { builder.finish_cloned() } else { builder.finish() }
}

fn door_slug(door: Door) -> &'static str {
    match door {
        Door::Otlp => "otlp",
        Door::Sentry => "sentry",
    }
}

/// Reads [`door_slug`].
pub(super) fn door_of_slug(slug: &str) -> Option<Door> {
    [Door::Otlp, Door::Sentry].into_iter().find(|door| door_slug(*door) == slug)
}
