//! `KeyValue` and `AnyValue` in JSON, read straight into the model's values.

use std::borrow::Cow;
use std::fmt;

use base64::Engine;
use base64::alphabet::{STANDARD, URL_SAFE};
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use hotspan_model::ValueRef;
use serde::Deserialize;
use serde::de::{DeserializeSeed, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::scalar::{Double, Signed};
use crate::decoded::Reason;
use crate::json::{Held, HeldOutcome, Text, held_text};
use crate::limits::DEPTH_MAX;
use crate::value::{Collected, Json};

/// Protobuf's JSON mapping lets senders choose alphabet and padding.
const LENIENT: GeneralPurposeConfig =
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
const BASE64: GeneralPurpose = GeneralPurpose::new(&STANDARD, LENIENT);
const BASE64_URL: GeneralPurpose = GeneralPurpose::new(&URL_SAFE, LENIENT);

/// A list of `KeyValue`s, within the limits.
#[derive(Debug, Default)]
pub(super) struct KeyValues(pub(super) Collected);

impl<'de> Deserialize<'de> for KeyValues {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(KeyValuesVisitor)
    }
}

struct KeyValuesVisitor;

impl<'de> Visitor<'de> for KeyValuesVisitor {
    type Value = KeyValues;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list")
    }

    fn visit_unit<E: Error>(self) -> Result<KeyValues, E> {
        Ok(KeyValues::default())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<KeyValues, A::Error> {
        let mut collected = Collected::default();
        while !collected.is_full() {
            match list.next_element_seed(Pair { depth: 0 })? {
                Some((key, value)) => {
                    collected.push(&key, value.as_ref().map_err(|reason| *reason));
                }
                None => return Ok(KeyValues(collected)),
            }
        }
        while list.next_element::<IgnoredAny>()?.is_some() {
            collected.left_out.note(Reason::TooManyParts, 1);
        }
        Ok(KeyValues(collected))
    }
}

/// What an `AnyValue` is of which nothing is set.
fn unset<'de>() -> HeldOutcome<'de> {
    Ok(Held::Json(Cow::Borrowed("null")))
}

/// Reads an `AnyValue` that lies `depth` lists and maps deep.
#[derive(Clone, Copy)]
struct Any {
    depth: usize,
}

impl<'de> DeserializeSeed<'de> for Any {
    type Value = HeldOutcome<'de>;

    fn deserialize<D: serde::Deserializer<'de>>(
        self,
        deserializer: D,
    ) -> Result<HeldOutcome<'de>, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Any {
    type Value = HeldOutcome<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an AnyValue object")
    }

    fn visit_unit<E: Error>(self) -> Result<HeldOutcome<'de>, E> {
        Ok(unset())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<HeldOutcome<'de>, A::Error> {
        let mut outcome = unset();
        while let Some(field) = map.next_key::<Field>()? {
            let known = match field {
                Field::StringValue => {
                    map.next_value::<Option<Text<'de>>>()?.map(|text| held_text(text.0))
                }
                Field::BoolValue => {
                    map.next_value::<Option<bool>>()?.map(ValueRef::Bool).map(scalar)
                }
                Field::IntValue => map
                    .next_value::<Option<Signed>>()?
                    .map(|number| scalar(ValueRef::Int(number.0))),
                Field::DoubleValue => map
                    .next_value::<Option<Double>>()?
                    .map(|number| scalar(ValueRef::Float(number.0))),
                Field::BytesValue => map
                    .next_value::<Option<Text<'de>>>()?
                    .map(|text| decode_base64(&text.0))
                    .transpose()?,
                Field::ArrayValue => self.nested(&mut map, Shape::List)?,
                Field::KvlistValue => self.nested(&mut map, Shape::Map)?,
                Field::Unknown => {
                    map.next_value::<IgnoredAny>()?;
                    None
                }
            };
            outcome = known.unwrap_or(outcome);
        }
        Ok(outcome)
    }
}

impl Any {
    fn nested<'de, A: MapAccess<'de>>(
        self,
        map: &mut A,
        shape: Shape,
    ) -> Result<Option<HeldOutcome<'de>>, A::Error> {
        let depth = self.depth + 1;
        if depth > DEPTH_MAX {
            map.next_value::<IgnoredAny>()?;
            return Ok(Some(Err(Reason::TooDeep)));
        }
        map.next_value_seed(Nested { shape, depth })
    }
}

fn scalar<'de>(value: ValueRef<'de>) -> HeldOutcome<'de> {
    Ok(Held::Scalar(value))
}

fn written<'de>(json: Result<Json, Reason>) -> HeldOutcome<'de> {
    json.map(|json| Held::Json(Cow::Owned(json.into_text())))
}

fn decode_base64<'de, E: Error>(text: &str) -> Result<HeldOutcome<'de>, E> {
    let decoded = BASE64.decode(text).or_else(|_| BASE64_URL.decode(text));
    match decoded {
        Ok(bytes) => {
            let mut json = Json::default();
            Ok(written(json.bytes(&bytes).map(|()| json)))
        }
        Err(error) => Err(E::custom(format!("bytesValue is not base64: {error}"))),
    }
}

#[derive(Deserialize)]
#[serde(field_identifier, rename_all = "camelCase")]
enum Field {
    #[serde(alias = "string_value")]
    StringValue,
    #[serde(alias = "bool_value")]
    BoolValue,
    #[serde(alias = "int_value")]
    IntValue,
    #[serde(alias = "double_value")]
    DoubleValue,
    #[serde(alias = "array_value")]
    ArrayValue,
    #[serde(alias = "kvlist_value")]
    KvlistValue,
    #[serde(alias = "bytes_value")]
    BytesValue,
    #[serde(other)]
    Unknown,
}

#[derive(Clone, Copy, PartialEq)]
enum Shape {
    List,
    Map,
}

/// Reads an `ArrayValue` or a `KeyValueList`: an object with a list `values`.
struct Nested {
    shape: Shape,
    depth: usize,
}

impl<'de> DeserializeSeed<'de> for Nested {
    type Value = Option<HeldOutcome<'de>>;

    fn deserialize<D: serde::Deserializer<'de>>(
        self,
        deserializer: D,
    ) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Nested {
    type Value = Option<HeldOutcome<'de>>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object with a list of values")
    }

    fn visit_unit<E: Error>(self) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let empty = if self.shape == Shape::List { "[]" } else { "{}" };
        let mut outcome = Ok(Held::Json(Cow::Borrowed(empty)));
        while let Some(Text(key)) = map.next_key()? {
            if key == "values" {
                outcome = map.next_value_seed(Values(&self))?.unwrap_or(outcome);
            } else {
                map.next_value::<IgnoredAny>()?;
            }
        }
        Ok(Some(outcome))
    }
}

/// Reads the list itself and writes it as plain JSON.
struct Values<'n>(&'n Nested);

impl<'de> DeserializeSeed<'de> for Values<'_> {
    type Value = Option<HeldOutcome<'de>>;

    fn deserialize<D: serde::Deserializer<'de>>(
        self,
        deserializer: D,
    ) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Values<'_> {
    type Value = Option<HeldOutcome<'de>>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list")
    }

    fn visit_unit<E: Error>(self) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
        let mut writer = Writer { shape: self.0.shape, json: Ok(Json::default()), separator: "" };
        let depth = self.0.depth;
        match self.0.shape {
            Shape::List => {
                while let Some(value) = list.next_element_seed(Any { depth })? {
                    writer.add(None, value);
                }
            }
            Shape::Map => {
                while let Some(pair) = list.next_element_seed(Pair { depth })? {
                    writer.add(Some(&pair.0), pair.1);
                }
            }
        }
        Ok(Some(written(writer.finish())))
    }
}

/// Plain JSON being written; the first reason to leave it out stays.
struct Writer {
    shape: Shape,
    json: Result<Json, Reason>,
    separator: &'static str,
}

impl Writer {
    fn add(&mut self, key: Option<&str>, value: HeldOutcome<'_>) {
        let open = match self.shape {
            Shape::List => "[",
            Shape::Map => "{",
        };
        let separator = if self.separator.is_empty() { open } else { self.separator };
        self.separator = ",";
        let Ok(json) = &mut self.json else {
            return;
        };
        let written = value.and_then(|value| {
            json.raw(separator)?;
            if let Some(key) = key {
                json.string(key)?;
                json.raw(":")?;
            }
            json.value(value.as_ref())
        });
        if let Err(reason) = written {
            self.json = Err(reason);
        }
    }

    fn finish(self) -> Result<Json, Reason> {
        let mut json = self.json?;
        json.raw(match (self.shape, self.separator) {
            (Shape::List, "") => "[]",
            (Shape::List, _) => "]",
            (Shape::Map, "") => "{}",
            (Shape::Map, _) => "}",
        })?;
        Ok(json)
    }
}

/// Reads a `KeyValue` that lies `depth` lists and maps deep.
struct Pair {
    depth: usize,
}

impl<'de> DeserializeSeed<'de> for Pair {
    type Value = (Cow<'de, str>, HeldOutcome<'de>);

    fn deserialize<D: serde::Deserializer<'de>>(
        self,
        deserializer: D,
    ) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Pair {
    type Value = (Cow<'de, str>, HeldOutcome<'de>);

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a KeyValue object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut pair = (Cow::Borrowed(""), unset());
        while let Some(Text(field)) = map.next_key()? {
            match field.as_ref() {
                "key" => pair.0 = map.next_value::<Option<Text<'de>>>()?.unwrap_or_default().0,
                "value" => pair.1 = map.next_value_seed(Any { depth: self.depth })?,
                _ => drop(map.next_value::<IgnoredAny>()?),
            }
        }
        Ok(pair)
    }
}
