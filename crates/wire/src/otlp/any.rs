//! `KeyValue` and `AnyValue` in JSON, read straight into the model's values.

use std::fmt;

use base64::Engine;
use base64::alphabet::{STANDARD, URL_SAFE};
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use hotspan_model::Value;
use serde::Deserialize;
use serde::de::{DeserializeSeed, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::scalar::{Double, Signed};
use crate::decoded::Reason;
use crate::json::Capped;
use crate::limits::DEPTH_MAX;
use crate::value::{self, Collected, Json, Outcome};

/// Protobuf's JSON mapping lets senders choose alphabet and padding.
const LENIENT: GeneralPurposeConfig =
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
const BASE64: GeneralPurpose = GeneralPurpose::new(&STANDARD, LENIENT);
const BASE64_URL: GeneralPurpose = GeneralPurpose::new(&URL_SAFE, LENIENT);

/// `KeyValue`.
#[derive(Debug, Deserialize)]
pub(super) struct KeyValue {
    key: Option<String>,
    value: Option<AnyValue>,
}

/// Attributes of a list that was read, within the limits.
pub(super) fn collect(list: Capped<KeyValue>) -> Collected {
    let mut collected = Collected::default();
    for pair in list.items {
        let value = pair.value.unwrap_or_default();
        collected.push(pair.key.unwrap_or_default(), value.0);
    }
    let beyond = u64::from(list.beyond);
    collected.left_out.note(Reason::TooManyParts, beyond);
    collected
}

/// `AnyValue`, or why it is left out.
#[derive(Debug)]
struct AnyValue(Outcome);

impl Default for AnyValue {
    fn default() -> Self {
        Self(Ok(Value::Json("null".to_owned())))
    }
}

impl<'de> Deserialize<'de> for AnyValue {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Any { depth: 0 }.deserialize(deserializer).map(Self)
    }
}

/// Reads an `AnyValue` that lies `depth` lists and maps deep.
#[derive(Clone, Copy)]
struct Any {
    depth: usize,
}

impl<'de> DeserializeSeed<'de> for Any {
    type Value = Outcome;

    fn deserialize<D: serde::Deserializer<'de>>(
        self,
        deserializer: D,
    ) -> Result<Outcome, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Any {
    type Value = Outcome;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an AnyValue object")
    }

    fn visit_unit<E: Error>(self) -> Result<Outcome, E> {
        Ok(AnyValue::default().0)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Outcome, A::Error> {
        let mut outcome = AnyValue::default().0;
        while let Some(field) = map.next_key::<Field>()? {
            let known = match field {
                Field::StringValue => map.next_value::<Option<String>>()?.map(value::text),
                Field::BoolValue => map.next_value::<Option<bool>>()?.map(Value::Bool).map(Ok),
                Field::IntValue => {
                    map.next_value::<Option<Signed>>()?.map(|number| Ok(Value::Int(number.0)))
                }
                Field::DoubleValue => {
                    map.next_value::<Option<Double>>()?.map(|number| Ok(Value::Float(number.0)))
                }
                Field::BytesValue => map
                    .next_value::<Option<String>>()?
                    .map(|text| decode_base64(&text))
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
    ) -> Result<Option<Outcome>, A::Error> {
        let depth = self.depth + 1;
        if depth > DEPTH_MAX {
            map.next_value::<IgnoredAny>()?;
            return Ok(Some(Err(Reason::TooDeep)));
        }
        map.next_value_seed(Nested { shape, depth })
    }
}

fn decode_base64<E: Error>(text: &str) -> Result<Outcome, E> {
    let decoded = BASE64.decode(text).or_else(|_| BASE64_URL.decode(text));
    match decoded {
        Ok(bytes) => Ok(value::bytes(&bytes)),
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
    type Value = Option<Outcome>;

    fn deserialize<D: serde::Deserializer<'de>>(
        self,
        deserializer: D,
    ) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Nested {
    type Value = Option<Outcome>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object with a list of values")
    }

    fn visit_unit<E: Error>(self) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let empty = if self.shape == Shape::List { "[]" } else { "{}" };
        let mut outcome = Ok(Value::Json(empty.to_owned()));
        while let Some(key) = map.next_key::<String>()? {
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
    type Value = Option<Outcome>;

    fn deserialize<D: serde::Deserializer<'de>>(
        self,
        deserializer: D,
    ) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Values<'_> {
    type Value = Option<Outcome>;

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
        Ok(Some(writer.finish()))
    }
}

/// Plain JSON being written; the first reason to leave it out stays.
struct Writer {
    shape: Shape,
    json: Result<Json, Reason>,
    separator: &'static str,
}

impl Writer {
    fn add(&mut self, key: Option<&str>, value: Outcome) {
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
            json.value(&value)
        });
        if let Err(reason) = written {
            self.json = Err(reason);
        }
    }

    fn finish(self) -> Outcome {
        let mut json = self.json?;
        json.raw(match (self.shape, self.separator) {
            (Shape::List, "") => "[]",
            (Shape::List, _) => "]",
            (Shape::Map, "") => "{}",
            (Shape::Map, _) => "}",
        })?;
        Ok(json.finish())
    }
}

/// Reads a `KeyValue` that lies `depth` lists and maps deep.
struct Pair {
    depth: usize,
}

impl<'de> DeserializeSeed<'de> for Pair {
    type Value = (String, Outcome);

    fn deserialize<D: serde::Deserializer<'de>>(
        self,
        deserializer: D,
    ) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Pair {
    type Value = (String, Outcome);

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a KeyValue object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut pair = (String::new(), AnyValue::default().0);
        while let Some(field) = map.next_key::<String>()? {
            match field.as_str() {
                "key" => pair.0 = map.next_value::<Option<String>>()?.unwrap_or_default(),
                "value" => pair.1 = map.next_value_seed(Any { depth: self.depth })?,
                _ => drop(map.next_value::<IgnoredAny>()?),
            }
        }
        Ok(pair)
    }
}
