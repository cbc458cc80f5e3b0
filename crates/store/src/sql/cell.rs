//! Values of an answer without the columns they came in: ids in hex, moments
//! as RFC 3339, maps, lists and structs as JSON.

use std::fmt::Write;

use datafusion::arrow::array::{
    Array, AsArray, BinaryArray, FixedSizeBinaryArray, ListArray, MapArray, RecordBatch,
    StructArray,
};
use datafusion::arrow::datatypes::{
    DataType, Float32Type, Float64Type, Int8Type, Int16Type, Int32Type, Int64Type, TimeUnit,
    TimestampMicrosecondType, UInt8Type, UInt16Type, UInt32Type, UInt64Type,
};
use datafusion::arrow::util::display::array_value_to_string;
use hotspan_model::UnixNanos;

use crate::StoreError;

/// One value.
#[derive(Debug, Clone, PartialEq)]
pub enum SqlValue {
    /// Nothing.
    Null,
    /// True or false.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// Any other number.
    Float(f64),
    /// Text; ids are hex, moments RFC 3339.
    Text(String),
    /// A map, a list or a struct, as JSON text.
    Json(String),
}

/// The rows of a batch.
pub(super) fn rows(batch: &RecordBatch) -> Result<Vec<Vec<SqlValue>>, StoreError> {
    let row = |row: usize| batch.columns().iter().map(|column| value(column, row)).collect();
    (0..batch.num_rows()).map(row).collect()
}

fn value(column: &dyn Array, row: usize) -> Result<SqlValue, StoreError> {
    if column.is_null(row) {
        return Ok(SqlValue::Null);
    }
    Ok(match column.data_type() {
        DataType::Null => SqlValue::Null,
        DataType::Boolean => SqlValue::Bool(column.as_boolean().value(row)),
        DataType::Int8 => SqlValue::Int(column.as_primitive::<Int8Type>().value(row).into()),
        DataType::Int16 => SqlValue::Int(column.as_primitive::<Int16Type>().value(row).into()),
        DataType::Int32 => SqlValue::Int(column.as_primitive::<Int32Type>().value(row).into()),
        DataType::Int64 => SqlValue::Int(column.as_primitive::<Int64Type>().value(row)),
        DataType::UInt8 => SqlValue::Int(column.as_primitive::<UInt8Type>().value(row).into()),
        DataType::UInt16 => SqlValue::Int(column.as_primitive::<UInt16Type>().value(row).into()),
        DataType::UInt32 => SqlValue::Int(column.as_primitive::<UInt32Type>().value(row).into()),
        DataType::UInt64 => match i64::try_from(column.as_primitive::<UInt64Type>().value(row)) {
            Ok(number) => SqlValue::Int(number),
            Err(_) => SqlValue::Text(array_value_to_string(column, row)?),
        },
        DataType::Float32 => {
            SqlValue::Float(column.as_primitive::<Float32Type>().value(row).into())
        }
        DataType::Float64 => SqlValue::Float(column.as_primitive::<Float64Type>().value(row)),
        DataType::Utf8 => SqlValue::Text(column.as_string::<i32>().value(row).to_owned()),
        DataType::Timestamp(TimeUnit::Microsecond, _) => {
            SqlValue::Text(moment(column.as_primitive::<TimestampMicrosecondType>().value(row)))
        }
        DataType::FixedSizeBinary(_) => {
            match column.as_any().downcast_ref::<FixedSizeBinaryArray>() {
                Some(ids) => SqlValue::Text(hex(ids.value(row))),
                None => SqlValue::Null,
            }
        }
        DataType::Binary => match column.as_any().downcast_ref::<BinaryArray>() {
            Some(bytes) => SqlValue::Text(hex(bytes.value(row))),
            None => SqlValue::Null,
        },
        DataType::Map(..) | DataType::List(_) | DataType::Struct(_) => {
            let mut json = String::new();
            write_json(&mut json, column, row)?;
            SqlValue::Json(json)
        }
        _ => SqlValue::Text(array_value_to_string(column, row)?),
    })
}

fn write_json(json: &mut String, column: &dyn Array, row: usize) -> Result<(), StoreError> {
    let any = column.as_any();
    if column.is_null(row) {
        json.push_str("null");
    } else if let Some(map) = any.downcast_ref::<MapArray>() {
        let offsets = map.value_offsets();
        let entries = offsets[row] as usize..offsets[row + 1] as usize;
        write_list(json, ('{', '}'), entries, |json, at| {
            quote(json, &array_value_to_string(map.keys(), at)?);
            json.push(':');
            write_json(json, map.values(), at)
        })?;
    } else if let Some(list) = any.downcast_ref::<ListArray>() {
        let items = list.value(row);
        write_list(json, ('[', ']'), 0..items.len(), |json, at| write_json(json, &items, at))?;
    } else if let Some(fields) = any.downcast_ref::<StructArray>() {
        write_list(json, ('{', '}'), 0..fields.num_columns(), |json, at| {
            quote(json, fields.column_names()[at]);
            json.push(':');
            write_json(json, fields.column(at), row)
        })?;
    } else {
        write_plain(json, &value(column, row)?);
    }
    Ok(())
}

fn write_list(
    json: &mut String,
    (open, close): (char, char),
    places: std::ops::Range<usize>,
    mut write: impl FnMut(&mut String, usize) -> Result<(), StoreError>,
) -> Result<(), StoreError> {
    json.push(open);
    let first = places.start;
    for at in places {
        if at > first {
            json.push(',');
        }
        write(json, at)?;
    }
    json.push(close);
    Ok(())
}

fn write_plain(json: &mut String, value: &SqlValue) {
    // Writing to a string cannot fail.
    let _ = match value {
        SqlValue::Null => write!(json, "null"),
        SqlValue::Bool(truth) => write!(json, "{truth}"),
        SqlValue::Int(number) => write!(json, "{number}"),
        SqlValue::Float(number) if number.is_finite() => write!(json, "{number}"),
        SqlValue::Float(number) => {
            quote(json, &number.to_string());
            Ok(())
        }
        SqlValue::Text(text) => {
            quote(json, text);
            Ok(())
        }
        SqlValue::Json(text) => write!(json, "{text}"),
    };
}

fn quote(json: &mut String, text: &str) {
    json.push('"');
    for letter in text.chars() {
        match letter {
            '"' | '\\' => json.extend(['\\', letter]),
            letter if u32::from(letter) < 0x20 => {
                // Writing to a string cannot fail.
                let _ = write!(json, "\\u{:04x}", u32::from(letter));
            }
            letter => json.push(letter),
        }
    }
    json.push('"');
}

/// RFC 3339 with all microseconds.
fn moment(micros: i64) -> String {
    let text = UnixNanos(micros.saturating_mul(1_000)).to_string();
    let seconds = text.get(..text.len().saturating_sub(5)).unwrap_or(&text);
    format!("{seconds}.{:06}Z", micros.rem_euclid(1_000_000))
}

/// Bytes as lower-case hex.
pub(super) fn hex(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        // Writing to a string cannot fail.
        let _ = write!(text, "{byte:02x}");
    }
    text
}
