//! Borrowed views of OTLP's common messages: attributes and their values.
//! Spans, events and links are put together by `protobuf`.

use std::borrow::Cow;

use hotspan_model::Value;

use super::fields::{Fields, WireError};
use crate::decoded::Reason;
use crate::limits::DEPTH_MAX;
use crate::value::{self, Collected, Json, Outcome};

/// A value that may be left out, inside a message that may be broken.
type Checked = Result<Outcome, WireError>;

/// Why writing a nested value stopped.
enum Stop {
    Broken(WireError),
    LeftOut(Reason),
}

impl From<WireError> for Stop {
    fn from(error: WireError) -> Self {
        Self::Broken(error)
    }
}

impl From<Reason> for Stop {
    fn from(reason: Reason) -> Self {
        Self::LeftOut(reason)
    }
}

/// `KeyValue`.
struct KeyValue<'a> {
    key: &'a str,
    /// `AnyValue`, still encoded.
    value: Cow<'a, [u8]>,
}

impl<'a> KeyValue<'a> {
    #[inline]
    fn parse(message: &'a [u8]) -> Result<Self, WireError> {
        let mut pair = Self { key: "", value: Cow::Borrowed(&[]) };
        let mut fields = Fields::of(message);
        while let Some((number, payload)) = fields.next()? {
            match number {
                1 => pair.key = payload.text()?,
                2 => append(&mut pair.value, payload.bytes()?),
                // An index into a table that only profiles have.
                3 => drop(payload.varint()?),
                _ => {}
            }
        }
        Ok(pair)
    }
}

/// Adds one `KeyValue` message to the attributes collected so far.
pub(super) fn collect(message: &[u8], collected: &mut Collected) -> Result<(), WireError> {
    if collected.is_full() {
        collected.left_out.note(Reason::TooManyParts, 1);
        return Ok(());
    }
    let pair = KeyValue::parse(message)?;
    let value = match scalar(&pair.value)? {
        Some(value) => value,
        None => value_of(&pair.value)?,
    };
    collected.push(pair.key, value);
    Ok(())
}

/// The value of an `AnyValue` with a single field that holds no others, which
/// nearly all are. `None` for the rest.
#[inline]
fn scalar(message: &[u8]) -> Result<Option<Outcome>, WireError> {
    let mut fields = Fields::of(message);
    let Some((number, payload)) = fields.next()? else {
        return Ok(None);
    };
    if fields.remaining() > 0 {
        return Ok(None);
    }
    Ok(match number {
        1 => Some(value::text(payload.text()?)),
        2 => Some(Ok(Value::Bool(payload.varint()? != 0))),
        3 => Some(Ok(Value::Int(payload.varint()? as i64))),
        4 => Some(Ok(Value::Float(f64::from_bits(payload.fixed64()?)))),
        _ => None,
    })
}

/// A message field that is sent twice means the merge of both, and the merge
/// of two messages is what their concatenation decodes to. That each piece is
/// well-formed by itself is not checked: nested repeats would double the work
/// at every level.
fn append<'a>(message: &mut Cow<'a, [u8]>, piece: &'a [u8]) {
    if message.is_empty() {
        *message = Cow::Borrowed(piece);
    } else {
        message.to_mut().extend_from_slice(piece);
    }
}

/// `AnyValue`, one level deep.
enum Any<'a> {
    Unset,
    Text(&'a str),
    Bool(bool),
    Int(i64),
    Float(f64),
    /// `ArrayValue`, still encoded.
    Array(Cow<'a, [u8]>),
    /// `KeyValueList`, still encoded.
    Map(Cow<'a, [u8]>),
    Bytes(&'a [u8]),
}

impl<'a> Any<'a> {
    fn parse(message: &'a [u8]) -> Result<Self, WireError> {
        let mut any = Self::Unset;
        let mut fields = Fields::of(message);
        while let Some((number, payload)) = fields.next()? {
            any = match (number, any) {
                (1, _) => Self::Text(payload.text()?),
                (2, _) => Self::Bool(payload.varint()? != 0),
                (3, _) => Self::Int(payload.varint()? as i64),
                (4, _) => Self::Float(f64::from_bits(payload.fixed64()?)),
                (5, Self::Array(mut list)) => {
                    append(&mut list, payload.bytes()?);
                    Self::Array(list)
                }
                (5, _) => Self::Array(Cow::Borrowed(payload.bytes()?)),
                (6, Self::Map(mut map)) => {
                    append(&mut map, payload.bytes()?);
                    Self::Map(map)
                }
                (6, _) => Self::Map(Cow::Borrowed(payload.bytes()?)),
                (7, _) => Self::Bytes(payload.bytes()?),
                // An index into a table that only profiles have.
                (8, _) => {
                    payload.varint()?;
                    Self::Unset
                }
                (_, known) => known,
            };
        }
        Ok(any)
    }
}

fn value_of(message: &[u8]) -> Checked {
    let written = match Any::parse(message)? {
        Any::Text(text) => return Ok(value::text(text)),
        Any::Bool(truth) => return Ok(Ok(Value::Bool(truth))),
        Any::Int(number) => return Ok(Ok(Value::Int(number))),
        Any::Float(number) => return Ok(Ok(Value::Float(number))),
        Any::Bytes(bytes) => return Ok(value::bytes(bytes)),
        Any::Unset => return Ok(Ok(Value::Json("null".to_owned()))),
        Any::Array(list) => written(|json| write_list(&list, 1, json)),
        Any::Map(map) => written(|json| write_map(&map, 1, json)),
    };
    match written {
        Ok(json) => Ok(Ok(json.finish())),
        Err(Stop::LeftOut(reason)) => Ok(Err(reason)),
        Err(Stop::Broken(error)) => Err(error),
    }
}

fn written(write: impl FnOnce(&mut Json) -> Result<(), Stop>) -> Result<Json, Stop> {
    let mut json = Json::default();
    write(&mut json)?;
    Ok(json)
}

/// Writes an `ArrayValue`.
fn write_list(message: &[u8], depth: usize, json: &mut Json) -> Result<(), Stop> {
    json.raw("[")?;
    let mut fields = Fields::of(message);
    let mut separator = "";
    while let Some((number, payload)) = fields.next()? {
        if number == 1 {
            json.raw(separator)?;
            separator = ",";
            write_any(payload.bytes()?, depth, json)?;
        }
    }
    Ok(json.raw("]")?)
}

/// Writes a `KeyValueList`.
fn write_map(message: &[u8], depth: usize, json: &mut Json) -> Result<(), Stop> {
    json.raw("{")?;
    let mut fields = Fields::of(message);
    let mut separator = "";
    while let Some((number, payload)) = fields.next()? {
        if number == 1 {
            let pair = KeyValue::parse(payload.bytes()?)?;
            json.raw(separator)?;
            separator = ",";
            json.string(pair.key)?;
            json.raw(":")?;
            write_any(&pair.value, depth, json)?;
        }
    }
    Ok(json.raw("}")?)
}

fn write_any(message: &[u8], depth: usize, json: &mut Json) -> Result<(), Stop> {
    match Any::parse(message)? {
        Any::Unset => json.raw("null")?,
        Any::Text(text) => json.string(text)?,
        Any::Bool(truth) => json.value(&Value::Bool(truth))?,
        Any::Int(number) => json.int(number)?,
        Any::Float(number) => json.float(number)?,
        Any::Bytes(bytes) => json.bytes(bytes)?,
        Any::Array(_) | Any::Map(_) if depth >= DEPTH_MAX => return Err(Reason::TooDeep.into()),
        Any::Array(list) => write_list(&list, depth + 1, json)?,
        Any::Map(map) => write_map(&map, depth + 1, json)?,
    }
    Ok(())
}
