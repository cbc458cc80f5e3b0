//! Columns back into spans.

use std::sync::Arc;

use datafusion::arrow::array::{
    Array, ArrayRef, BooleanArray, FixedSizeBinaryArray, Float64Array, Int16Array, Int64Array,
    ListArray, MapArray, RecordBatch, StringArray, StructArray, TimestampMicrosecondArray,
};
use hotspan_model::{
    EntryHint, Event, Link, Resource, Scope, Span, SpanId, SpanKind, Status, TraceId, UnixNanos,
};

use super::attributes::AttributeReader;
use super::columns::door_of_slug;
use crate::StoreError;

/// One row: the span, and whose it is.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Row {
    pub(super) project: Arc<str>,
    pub(super) span: Span,
}

/// Every row of a batch.
pub(super) fn read(batch: &RecordBatch) -> Result<Vec<Row>, StoreError> {
    let reader = Reader::new(batch)?;
    let mut rows: Vec<Row> = Vec::with_capacity(batch.num_rows());
    for at in 0..batch.num_rows() {
        let row = reader.row(at, rows.last())?;
        rows.push(row);
    }
    Ok(rows)
}

/// Finds columns by name: of a batch, or of a struct.
trait Columns {
    fn column(&self, name: &str) -> Option<&ArrayRef>;

    fn typed<T: Array + 'static>(&self, name: &str) -> Result<&T, StoreError> {
        self.column(name).and_then(|column| column.as_any().downcast_ref()).ok_or_else(|| {
            StoreError::Table(format!("column {name} is missing or of another type"))
        })
    }

    fn attributes(&self, prefix: &str, kinds: &[&str]) -> Result<AttributeReader<'_>, StoreError> {
        let maps = kinds.iter().map(|kind| self.typed::<MapArray>(&format!("{prefix}_{kind}")));
        Ok(AttributeReader::new(maps.collect::<Result<_, _>>()?))
    }
}

impl Columns for RecordBatch {
    fn column(&self, name: &str) -> Option<&ArrayRef> {
        self.column_by_name(name)
    }
}

impl Columns for StructArray {
    fn column(&self, name: &str) -> Option<&ArrayRef> {
        self.column_by_name(name)
    }
}

const KINDS: &[&str] = &["str", "int", "float", "json"];
const PLAIN_KINDS: &[&str] = &["str", "json"];

struct Reader<'a> {
    project: &'a StringArray,
    service: &'a StringArray,
    trace_id: &'a FixedSizeBinaryArray,
    span_id: &'a FixedSizeBinaryArray,
    parent: &'a FixedSizeBinaryArray,
    name: &'a StringArray,
    kind: &'a StringArray,
    status: &'a StringArray,
    status_message: &'a StringArray,
    start: Instants<'a>,
    duration_ns: &'a Int64Array,
    weight: &'a Float64Array,
    is_entry: &'a BooleanArray,
    attributes: AttributeReader<'a>,
    resource: AttributeReader<'a>,
    scope_name: &'a StringArray,
    scope_version: &'a StringArray,
    scope: AttributeReader<'a>,
    events: &'a ListArray,
    links: &'a ListArray,
    flags: &'a Int64Array,
    trace_state: &'a StringArray,
    dropped_attributes: &'a Int64Array,
    dropped_events: &'a Int64Array,
    dropped_links: &'a Int64Array,
    door: &'a StringArray,
}

impl<'a> Reader<'a> {
    fn new(batch: &'a RecordBatch) -> Result<Self, StoreError> {
        Ok(Self {
            project: batch.typed("project")?,
            service: batch.typed("service")?,
            trace_id: batch.typed("trace_id")?,
            span_id: batch.typed("span_id")?,
            parent: batch.typed("parent_span_id")?,
            name: batch.typed("name")?,
            kind: batch.typed("kind")?,
            status: batch.typed("status")?,
            status_message: batch.typed("status_message")?,
            start: Instants::new(batch, "start")?,
            duration_ns: batch.typed("duration_ns")?,
            weight: batch.typed("weight")?,
            is_entry: batch.typed("is_entry")?,
            attributes: batch.attributes("attributes", KINDS)?,
            resource: batch.attributes("resource", KINDS)?,
            scope_name: batch.typed("scope_name")?,
            scope_version: batch.typed("scope_version")?,
            scope: batch.attributes("scope", KINDS)?,
            events: batch.typed("events")?,
            links: batch.typed("links")?,
            flags: batch.typed("flags")?,
            trace_state: batch.typed("trace_state")?,
            dropped_attributes: batch.typed("dropped_attributes")?,
            dropped_events: batch.typed("dropped_events")?,
            dropped_links: batch.typed("dropped_links")?,
            door: batch.typed("door")?,
        })
    }

    /// The span of a row. What it shares with the row before, it shares in
    /// memory: neighbours mostly come from the same process.
    fn row(&self, at: usize, before: Option<&Row>) -> Result<Row, StoreError> {
        let before_span = before.map(|row| &row.span);
        let resource = Resource { attributes: self.resource.read(at) };
        let scope = Scope {
            name: self.scope_name.value(at).to_owned(),
            version: self.scope_version.value(at).to_owned(),
            attributes: self.scope.read(at),
        };
        let start = self.start.read(at);
        let span = Span {
            trace_id: TraceId(id(self.trace_id.value(at))?),
            span_id: SpanId(id(self.span_id.value(at))?),
            parent: if self.parent.is_null(at) {
                None
            } else {
                Some(SpanId(id(self.parent.value(at))?))
            },
            name: self.name.value(at).to_owned(),
            kind: word("kind", self.kind.value(at), SpanKind::from_slug)?,
            start,
            end: start.plus(self.duration_ns.value(at)),
            status: word("status", self.status.value(at), Status::from_slug)?,
            status_message: self.status_message.value(at).to_owned(),
            attributes: self.attributes.read(at),
            events: read_events(&self.events.value(at))?,
            links: read_links(&self.links.value(at))?,
            flags: count(self.flags, at),
            trace_state: self.trace_state.value(at).to_owned(),
            dropped_attributes: count(self.dropped_attributes, at),
            dropped_events: count(self.dropped_events, at),
            dropped_links: count(self.dropped_links, at),
            resource: shared(before_span.map(|span| &span.resource), resource),
            scope: shared(before_span.map(|span| &span.scope), scope),
            service: shared_text(before_span.map(|span| &span.service), self.service.value(at)),
            weight: self.weight.value(at),
            entry: match self.is_entry.is_null(at) {
                true => EntryHint::Unknown,
                false if self.is_entry.value(at) => EntryHint::Yes,
                false => EntryHint::No,
            },
            door: word("door", self.door.value(at), door_of_slug)?,
        };
        Ok(Row {
            project: shared_text(before.map(|row| &row.project), self.project.value(at)),
            span,
        })
    }
}

fn read_events(items: &ArrayRef) -> Result<Vec<Event>, StoreError> {
    let items = structs("events", items)?;
    if items.is_empty() {
        return Ok(Vec::new());
    }
    let time = Instants::new(items, "time")?;
    let name: &StringArray = items.typed("name")?;
    let attributes = items.attributes("attributes", PLAIN_KINDS)?;
    let dropped: &Int64Array = items.typed("dropped_attributes")?;
    let event = |at| Event {
        time: time.read(at),
        name: name.value(at).to_owned(),
        attributes: attributes.read(at),
        dropped_attributes: count(dropped, at),
    };
    Ok((0..items.len()).map(event).collect())
}

fn read_links(items: &ArrayRef) -> Result<Vec<Link>, StoreError> {
    let items = structs("links", items)?;
    if items.is_empty() {
        return Ok(Vec::new());
    }
    let trace_id: &FixedSizeBinaryArray = items.typed("trace_id")?;
    let span_id: &FixedSizeBinaryArray = items.typed("span_id")?;
    let trace_state: &StringArray = items.typed("trace_state")?;
    let attributes = items.attributes("attributes", PLAIN_KINDS)?;
    let dropped: &Int64Array = items.typed("dropped_attributes")?;
    let link = |at| {
        Ok(Link {
            trace_id: TraceId(id(trace_id.value(at))?),
            span_id: SpanId(id(span_id.value(at))?),
            trace_state: trace_state.value(at).to_owned(),
            attributes: attributes.read(at),
            dropped_attributes: count(dropped, at),
        })
    };
    (0..items.len()).map(link).collect()
}

/// Points in time from microseconds and remainder.
struct Instants<'a> {
    micros: &'a TimestampMicrosecondArray,
    remainder: &'a Int16Array,
}

impl<'a> Instants<'a> {
    fn new(columns: &'a impl Columns, name: &str) -> Result<Self, StoreError> {
        Ok(Self { micros: columns.typed(name)?, remainder: columns.typed(&format!("{name}_ns"))? })
    }

    fn read(&self, at: usize) -> UnixNanos {
        let nanos =
            i128::from(self.micros.value(at)) * 1_000 + i128::from(self.remainder.value(at));
        UnixNanos(nanos.clamp(i64::MIN.into(), i64::MAX.into()) as i64)
    }
}

fn structs<'a>(name: &str, items: &'a ArrayRef) -> Result<&'a StructArray, StoreError> {
    items
        .as_any()
        .downcast_ref()
        .ok_or_else(|| StoreError::Table(format!("column {name} does not hold structs")))
}

fn id<const N: usize>(bytes: &[u8]) -> Result<[u8; N], StoreError> {
    bytes.try_into().map_err(|_| StoreError::Table(format!("an id has {} bytes", bytes.len())))
}

fn word<T>(column: &str, slug: &str, read: fn(&str) -> Option<T>) -> Result<T, StoreError> {
    read(slug).ok_or_else(|| StoreError::Table(format!("column {column} holds {slug:?}")))
}

fn count(column: &Int64Array, at: usize) -> u32 {
    u32::try_from(column.value(at)).unwrap_or(u32::MAX)
}

fn shared<T: PartialEq>(before: Option<&Arc<T>>, value: T) -> Arc<T> {
    match before {
        Some(before) if **before == value => Arc::clone(before),
        _ => Arc::new(value),
    }
}

fn shared_text(before: Option<&Arc<str>>, text: &str) -> Arc<str> {
    match before {
        Some(before) if **before == *text => Arc::clone(before),
        _ => text.into(),
    }
}
