//! JSON as the decoders read it: lists one element at a time, values without
//! a tree of them in between. No message of a wire format is known here.

use std::fmt;
use std::marker::PhantomData;

use hotspan_model::Value;
use serde::Deserializer as _;
use serde::de::{Deserialize, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

use crate::decoded::Reason;
use crate::limits::{PER_LIST_MAX, VALUE_BYTES_MAX};
use crate::value::{self, Collected, Outcome};

/// Calls `each` with the text of every element of a list. The list is not held
/// in memory, so its length costs nothing. A `null` is an empty list.
pub(crate) fn for_each_raw<'a, E>(
    list: &'a RawValue,
    malformed: impl FnOnce(serde_json::Error) -> E,
    each: impl FnMut(&'a RawValue) -> Result<(), E>,
) -> Result<(), E> {
    let mut failure = None;
    let visitor = EachRaw { each, failure: &mut failure, lifetime: PhantomData };
    let result = serde_json::Deserializer::from_str(list.get()).deserialize_any(visitor);
    match (failure, result) {
        (Some(error), _) => Err(error),
        (None, Err(error)) => Err(malformed(error)),
        (None, Ok(())) => Ok(()),
    }
}

struct EachRaw<'f, 'a, E, F> {
    each: F,
    failure: &'f mut Option<E>,
    lifetime: PhantomData<&'a RawValue>,
}

impl<'de: 'a, 'a, E, F> Visitor<'de> for EachRaw<'_, 'a, E, F>
where
    F: FnMut(&'a RawValue) -> Result<(), E>,
{
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list")
    }

    fn visit_unit<X: Error>(self) -> Result<(), X> {
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(mut self, mut list: A) -> Result<(), A::Error> {
        while let Some(element) = list.next_element::<&'de RawValue>()? {
            if let Err(error) = (self.each)(element) {
                *self.failure = Some(error);
                return Err(A::Error::custom("stopped"));
            }
        }
        Ok(())
    }
}

/// The first [`PER_LIST_MAX`] elements of a list, and how many there were beyond.
#[derive(Debug)]
pub(crate) struct Capped<T> {
    pub(crate) items: Vec<T>,
    pub(crate) beyond: u32,
}

impl<T> Default for Capped<T> {
    fn default() -> Self {
        Self { items: Vec::new(), beyond: 0 }
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Capped<T> {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(CappedVisitor(PhantomData))
    }
}

struct CappedVisitor<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for CappedVisitor<T> {
    type Value = Capped<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list")
    }

    fn visit_unit<E: Error>(self) -> Result<Self::Value, E> {
        Ok(Capped::default())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
        let mut capped = Capped::default();
        while capped.items.len() < PER_LIST_MAX {
            match list.next_element()? {
                Some(item) => capped.items.push(item),
                None => return Ok(capped),
            }
        }
        while list.next_element::<IgnoredAny>()?.is_some() {
            capped.beyond = capped.beyond.saturating_add(1);
        }
        Ok(capped)
    }
}

/// Adds up what the elements of a list count for, without keeping them.
#[derive(Debug)]
pub(crate) struct Sum<T>(u64, PhantomData<T>);

/// Counts the elements of a list.
pub(crate) type Count = Sum<IgnoredAny>;

/// What one element of a list counts for.
pub(crate) trait Counted {
    fn count(&self) -> u64;
}

impl<T> Counted for Sum<T> {
    fn count(&self) -> u64 {
        self.0
    }
}

impl Counted for IgnoredAny {
    fn count(&self) -> u64 {
        1
    }
}

impl<'de, T: Deserialize<'de> + Counted> Deserialize<'de> for Sum<T> {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let total = deserializer.deserialize_any(SumVisitor::<T>(PhantomData))?;
        Ok(Self(total, PhantomData))
    }
}

struct SumVisitor<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de> + Counted> Visitor<'de> for SumVisitor<T> {
    type Value = u64;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list")
    }

    fn visit_unit<E: Error>(self) -> Result<u64, E> {
        Ok(0)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<u64, A::Error> {
        let mut total = 0u64;
        while let Some(element) = list.next_element::<T>()? {
            total = total.saturating_add(element.count());
        }
        Ok(total)
    }
}

/// The value of any JSON text: typed where the model has a type, JSON text for
/// lists and objects. `None` for `null`.
pub(crate) fn value_of_raw(raw: &RawValue) -> Option<Outcome> {
    let json = raw.get();
    match json.as_bytes().first()? {
        b'n' => None,
        b't' => Some(Ok(Value::Bool(true))),
        b'f' => Some(Ok(Value::Bool(false))),
        b'"' => Some(match serde_json::from_str::<String>(json) {
            Ok(text) => value::text(text),
            // A lone surrogate: valid JSON that is no text.
            Err(_) => Ok(Value::Json(json.to_owned())),
        }),
        b'[' | b'{' if json.len() > VALUE_BYTES_MAX => Some(Err(Reason::AttributeTooLarge)),
        b'[' | b'{' => Some(Ok(Value::Json(json.to_owned()))),
        _ => Some(Ok(match json.parse::<i64>() {
            Ok(number) => Value::Int(number),
            Err(_) => Value::Float(json.parse().unwrap_or(f64::NAN)),
        })),
    }
}

/// An object of any values as attributes; `null` values are left out, and
/// anything that is no object counts as an empty one.
#[derive(Debug, Default)]
pub(crate) struct Flat(pub(crate) Collected);

impl<'de> Deserialize<'de> for Flat {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let raw = <&RawValue>::deserialize(deserializer)?;
        if !raw.get().starts_with('{') {
            return Ok(Self::default());
        }
        serde_json::Deserializer::from_str(raw.get())
            .deserialize_map(FlatVisitor)
            .map_err(D::Error::custom)
    }
}

struct FlatVisitor;

impl<'de> Visitor<'de> for FlatVisitor {
    type Value = Flat;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Flat, A::Error> {
        let mut collected = Collected::default();
        while let Some(key) = map.next_key::<String>()? {
            if let Some(value) = value_of_raw(map.next_value()?) {
                collected.push(key, value);
            }
        }
        Ok(Flat(collected))
    }
}

/// Reads a field whose wrong type must not cost the item it is in: such a
/// field counts as not sent.
pub(crate) fn lenient<'de, D, T>(deserializer: D) -> Result<Option<T>, D::Error>
where
    D: serde::Deserializer<'de>,
    T: Deserialize<'de>,
{
    let raw = <&RawValue>::deserialize(deserializer)?;
    Ok(serde_json::from_str(raw.get()).unwrap_or_default())
}
