//! Borrowed views of OTLP's common messages: attributes and their values.
//! Spans, events and links are put together by `protobuf`.

use std::borrow::Cow;

use hotspan_model::{Scalar, ValueRef};

use super::fields::{Fields, WireError};
use crate::decoded::Reason;
use crate::limits::{DEPTH_MAX, VALUE_BYTES_MAX};
use crate::value::{Gathered, Json};

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

/// Adds one `KeyValue` message to the attributes gathered so far.
#[inline]
pub(super) fn collect(message: &[u8], gathered: &mut Gathered) -> Result<(), WireError> {
    if gathered.is_full() {
        gathered.leave_out(Reason::TooManyParts);
        return Ok(());
    }
    match plain_pair(message) {
        Some((key, scalar, text)) => {
            gathered.push(key, scalar, text);
            Ok(())
        }
        None => collect_any(message, gathered),
    }
}

// Tags of `KeyValue` and `AnyValue`, each a field number and a wire type.
const KEY: u8 = 1 << 3 | 2;
const VALUE: u8 = 2 << 3 | 2;
const STRING_VALUE: u8 = 1 << 3 | 2;
const BOOL_VALUE: u8 = 2 << 3;
const INT_VALUE: u8 = 3 << 3;

/// The pair that nearly every `KeyValue` is: a key and then one text, whole
/// number or truth value, with lengths of a byte. `None` for all others, which
/// [`KeyValue`] reads.
#[inline]
fn plain_pair(message: &[u8]) -> Option<(&[u8], Scalar, &[u8])> {
    let [KEY, key_len @ 0..=0x7f, rest @ ..] = message else { return None };
    let (key, rest) = rest.split_at_checked(usize::from(*key_len))?;
    let [VALUE, value_len @ 0..=0x7f, value @ ..] = rest else { return None };
    if value.len() != usize::from(*value_len) {
        return None;
    }
    match value {
        [STRING_VALUE, len, text @ ..] if text.len() == usize::from(*len) => {
            Some((key, Scalar::Str, text))
        }
        [BOOL_VALUE, truth @ 0..=1] => Some((key, Scalar::Bool(*truth == 1), &[])),
        [INT_VALUE, ..] => {
            let mut fields = Fields::of(value);
            let (_, number) = fields.next().ok()??;
            let alone = fields.remaining() == 0;
            alone.then_some((key, Scalar::Int(number.varint().ok()? as i64), &[]))
        }
        _ => None,
    }
}

fn collect_any(message: &[u8], gathered: &mut Gathered) -> Result<(), WireError> {
    let pair = KeyValue::parse(message)?;
    let key = pair.key.as_bytes();
    let value = Any::parse(&pair.value)?;
    let (scalar, json) = match value {
        Any::Text(text) if text.len() > VALUE_BYTES_MAX => {
            gathered.leave_out(Reason::AttributeTooLarge);
            return Ok(());
        }
        Any::Text(text) => {
            gathered.push(key, Scalar::Str, text.as_bytes());
            return Ok(());
        }
        Any::Bool(truth) => (Scalar::Bool(truth), Ok(Json::default())),
        Any::Int(number) => (Scalar::Int(number), Ok(Json::default())),
        Any::Float(number) => (Scalar::Float(number), Ok(Json::default())),
        nested => (Scalar::Json, written(|json| write_any(nested, 0, json))),
    };
    match json {
        Ok(json) => gathered.push(key, scalar, json.as_str().as_bytes()),
        Err(Stop::LeftOut(reason)) => gathered.leave_out(reason),
        Err(Stop::Broken(error)) => return Err(error),
    }
    Ok(())
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
            write_any(Any::parse(payload.bytes()?)?, depth, json)?;
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
            write_any(Any::parse(&pair.value)?, depth, json)?;
        }
    }
    Ok(json.raw("}")?)
}

/// Writes a value that lies `depth` lists and maps deep.
fn write_any(value: Any<'_>, depth: usize, json: &mut Json) -> Result<(), Stop> {
    match value {
        Any::Unset => json.raw("null")?,
        Any::Text(text) => json.string(text)?,
        Any::Bool(truth) => json.value(ValueRef::Bool(truth))?,
        Any::Int(number) => json.int(number)?,
        Any::Float(number) => json.float(number)?,
        Any::Bytes(bytes) => json.bytes(bytes)?,
        Any::Array(_) | Any::Map(_) if depth >= DEPTH_MAX => return Err(Reason::TooDeep.into()),
        Any::Array(list) => write_list(&list, depth + 1, json)?,
        Any::Map(map) => write_map(&map, depth + 1, json)?,
    }
    Ok(())
}
