//! The columns of the span table, the same in memory and in Parquet.
//!
//! The files are meant to be opened by other engines, so the types are those
//! that all of them read: microseconds beside a remainder, signed integers,
//! plain text, ids of fixed length; no dictionaries, nothing unsigned. Columns
//! are found by name, so a new one may be added: in older files it is null.

use std::sync::{Arc, LazyLock};

use datafusion::arrow::datatypes::{
    DataType, Field, FieldRef, Fields, Schema, SchemaRef, TimeUnit,
};

/// The version that files carry in their metadata. Raised when a column
/// changes its meaning or type, not when one is added.
pub(crate) const SCHEMA_VERSION: u32 = 1;
/// The metadata key of [`SCHEMA_VERSION`] in a Parquet file.
pub(crate) const SCHEMA_VERSION_KEY: &str = "hotspan.schema_version";

/// Bytes of a trace id.
pub(crate) const TRACE_ID_BYTES: i32 = 16;
/// Bytes of a span id.
pub(crate) const SPAN_ID_BYTES: i32 = 8;

/// The span table's schema.
pub(crate) fn schema() -> SchemaRef {
    static SCHEMA: LazyLock<SchemaRef> = LazyLock::new(|| Arc::new(Schema::new(columns())));
    Arc::clone(&SCHEMA)
}

/// The type of a point in time.
pub(super) fn instant() -> DataType {
    DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()))
}

fn columns() -> Vec<Field> {
    let mut columns = vec![
        // Who and what: the first columns of every question.
        required("project", DataType::Utf8),
        required("service", DataType::Utf8),
        required("trace_id", DataType::FixedSizeBinary(TRACE_ID_BYTES)),
        required("span_id", DataType::FixedSizeBinary(SPAN_ID_BYTES)),
        optional("parent_span_id", DataType::FixedSizeBinary(SPAN_ID_BYTES)),
        required("name", DataType::Utf8),
        required("kind", DataType::Utf8),
        required("status", DataType::Utf8),
        required("status_message", DataType::Utf8),
        required("start", instant()),
        // Nanoseconds of the start beyond its microseconds, 0..=999.
        required("start_ns", DataType::Int16),
        required("duration_ns", DataType::Int64),
        required("weight", DataType::Float64),
        // True: it is one; false: its parent is local; null: only the parent could tell.
        optional("is_entry", DataType::Boolean),
        // Filtered so often that they are worth a column beside the maps.
        optional("environment", DataType::Utf8),
        optional("release", DataType::Utf8),
        optional("http_status", DataType::Int32),
    ];
    columns.extend(attribute_columns("attributes"));
    columns.extend(attribute_columns("resource"));
    columns.extend([
        required("scope_name", DataType::Utf8),
        required("scope_version", DataType::Utf8),
    ]);
    columns.extend(attribute_columns("scope"));
    columns.extend([
        required("events", DataType::List(list_item(event_fields()))),
        required("links", DataType::List(list_item(link_fields()))),
        required("flags", DataType::Int64),
        required("trace_state", DataType::Utf8),
        required("dropped_attributes", DataType::Int64),
        required("dropped_events", DataType::Int64),
        required("dropped_links", DataType::Int64),
        required("door", DataType::Utf8),
        required("received_at", instant()),
    ]);
    columns
}

/// The four columns that hold one set of attributes.
fn attribute_columns(prefix: &str) -> [Field; 4] {
    [
        required(&format!("{prefix}_str"), map_type(DataType::Utf8)),
        required(&format!("{prefix}_int"), map_type(DataType::Int64)),
        required(&format!("{prefix}_float"), map_type(DataType::Float64)),
        // Truth values, arrays, maps and bytes.
        required(&format!("{prefix}_json"), map_type(DataType::Utf8)),
    ]
}

/// The fields of one event. Few have attributes, so two maps are enough.
pub(super) fn event_fields() -> Fields {
    Fields::from(vec![
        required("time", instant()),
        required("time_ns", DataType::Int16),
        required("name", DataType::Utf8),
        required("attributes_str", map_type(DataType::Utf8)),
        required("attributes_json", map_type(DataType::Utf8)),
        required("dropped_attributes", DataType::Int64),
    ])
}

/// The fields of one link.
pub(super) fn link_fields() -> Fields {
    Fields::from(vec![
        required("trace_id", DataType::FixedSizeBinary(TRACE_ID_BYTES)),
        required("span_id", DataType::FixedSizeBinary(SPAN_ID_BYTES)),
        required("trace_state", DataType::Utf8),
        required("attributes_str", map_type(DataType::Utf8)),
        required("attributes_json", map_type(DataType::Utf8)),
        required("dropped_attributes", DataType::Int64),
    ])
}

/// The item of a list of structs, by the name Parquet gives it.
pub(super) fn list_item(fields: Fields) -> FieldRef {
    Arc::new(required("element", DataType::Struct(fields)))
}

/// The key field of a map, by the name Parquet gives it.
pub(super) fn map_key() -> FieldRef {
    Arc::new(required("key", DataType::Utf8))
}

/// The value field of a map, by the name Parquet gives it.
pub(super) fn map_value(values: DataType) -> FieldRef {
    Arc::new(required("value", values))
}

fn map_type(values: DataType) -> DataType {
    let pair = Fields::from(vec![map_key(), map_value(values)]);
    DataType::Map(Arc::new(required("key_value", DataType::Struct(pair))), false)
}

fn required(name: &str, data_type: DataType) -> Field {
    Field::new(name, data_type, false)
}

fn optional(name: &str, data_type: DataType) -> Field {
    Field::new(name, data_type, true)
}
