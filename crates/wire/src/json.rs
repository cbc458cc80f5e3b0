//! JSON as the decoders read it: lists one element at a time, values without
//! a tree of them in between. No message of a wire format is known here.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

use hotspan_model::ValueRef;
use serde::Deserializer as _;
use serde::de::{Deserialize, DeserializeSeed, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

use crate::decoded::Reason;
use crate::limits::{PER_LIST_MAX, VALUE_BYTES_MAX};
use crate::value::Collected;

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

/// Calls `each` with every element of a list whose JSON is known to be sound,
/// read as a `T`, or with why it is none. A `null` is an empty list.
///
/// Elements are read where they stand. The first that is no `T` ends that,
/// because a parser cannot go on behind what it did not understand; from there
/// on the text of each element is cut out first.
pub(crate) fn for_each<'a, T: Deserialize<'a>, E>(
    list: &'a RawValue,
    malformed: impl FnOnce(serde_json::Error) -> E,
    mut each: impl FnMut(serde_json::Result<T>) -> Result<(), E>,
) -> Result<(), E> {
    struct Typed<'f, T, E, F> {
        each: F,
        read: usize,
        failure: &'f mut Option<E>,
        element: PhantomData<T>,
    }
    impl<'de, T: Deserialize<'de>, E, F> Element<'de> for Typed<'_, T, E, F>
    where
        F: FnMut(serde_json::Result<T>) -> Result<(), E>,
    {
        fn read<D: serde::Deserializer<'de>>(&mut self, element: D) -> Result<(), D::Error> {
            let element = T::deserialize(element)?;
            self.read += 1;
            (self.each)(Ok(element)).map_err(|failure| {
                *self.failure = Some(failure);
                D::Error::custom("stopped")
            })
        }
    }
    let mut failure = None;
    let mut typed = Typed { each: &mut each, read: 0, failure: &mut failure, element: PhantomData };
    let result = Elements(&mut typed).deserialize(list);
    let mut skip = typed.read;
    match (failure, result) {
        (Some(failure), _) => Err(failure),
        (None, Ok(())) => Ok(()),
        (None, Err(_)) => for_each_raw(list, malformed, |raw| match skip.checked_sub(1) {
            Some(left) => {
                skip = left;
                Ok(())
            }
            None => each(serde_json::from_str(raw.get())),
        }),
    }
}

/// Reads one element of a list where it stands, without a copy of its text.
pub(crate) trait Element<'de> {
    /// Reads the next element.
    fn read<D: serde::Deserializer<'de>>(&mut self, element: D) -> Result<(), D::Error>;
}

/// Reads every element of a list; a `null` is an empty list.
pub(crate) struct Elements<'e, E>(pub(crate) &'e mut E);

impl<'de, E: Element<'de>> DeserializeSeed<'de> for Elements<'_, E> {
    type Value = ();

    fn deserialize<D: serde::Deserializer<'de>>(self, list: D) -> Result<(), D::Error> {
        list.deserialize_any(self)
    }
}

impl<'de, E: Element<'de>> Visitor<'de> for Elements<'_, E> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list")
    }

    fn visit_unit<X: Error>(self) -> Result<(), X> {
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
        struct Next<'e, E>(&'e mut E);
        impl<'de, E: Element<'de>> DeserializeSeed<'de> for Next<'_, E> {
            type Value = ();

            fn deserialize<D: serde::Deserializer<'de>>(self, next: D) -> Result<(), D::Error> {
                self.0.read(next)
            }
        }
        while list.next_element_seed(Next(&mut *self.0))?.is_some() {}
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

/// A value that was read, borrowed where the body allows it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Held<'a> {
    /// Text.
    Str(Cow<'a, str>),
    /// JSON text of a list or an object.
    Json(Cow<'a, str>),
    /// A number or a truth value.
    Scalar(ValueRef<'a>),
}

impl Held<'_> {
    pub(crate) fn as_ref(&self) -> ValueRef<'_> {
        match self {
            Self::Str(text) => ValueRef::Str(text),
            Self::Json(text) => ValueRef::Json(text),
            Self::Scalar(value) => *value,
        }
    }
}

impl<'h> From<&'h Held<'_>> for ValueRef<'h> {
    fn from(held: &'h Held<'_>) -> Self {
        held.as_ref()
    }
}

/// A value, or why it is left out.
pub(crate) type HeldOutcome<'a> = Result<Held<'a>, Reason>;

/// Text within the size limit.
pub(crate) fn held_text(text: Cow<'_, str>) -> HeldOutcome<'_> {
    if text.len() > VALUE_BYTES_MAX { Err(Reason::AttributeTooLarge) } else { Ok(Held::Str(text)) }
}

/// The value of any JSON text: typed where the model has a type, JSON text for
/// lists and objects. `None` for `null`.
pub(crate) fn value_of_raw(raw: &RawValue) -> Option<HeldOutcome<'_>> {
    let json = raw.get();
    Some(match json.as_bytes().first()? {
        b'n' => return None,
        b't' => Ok(Held::Scalar(ValueRef::Bool(true))),
        b'f' => Ok(Held::Scalar(ValueRef::Bool(false))),
        b'"' => match text_of_raw(json) {
            Some(text) => held_text(text),
            // A lone surrogate: valid JSON that is no text.
            None => Ok(Held::Json(Cow::Borrowed(json))),
        },
        b'[' | b'{' if json.len() > VALUE_BYTES_MAX => Err(Reason::AttributeTooLarge),
        b'[' | b'{' => Ok(Held::Json(Cow::Borrowed(json))),
        _ => Ok(Held::Scalar(match json.parse::<i64>() {
            Ok(number) => ValueRef::Int(number),
            Err(_) => ValueRef::Float(json.parse().unwrap_or(f64::NAN)),
        })),
    })
}

/// The text of a JSON string that was read as a whole; `None` when it is none.
fn text_of_raw(json: &str) -> Option<Cow<'_, str>> {
    let inner = json.strip_prefix('"')?.strip_suffix('"')?;
    // Without escapes the text stands there as it is.
    if !inner.as_bytes().contains(&b'\\') {
        return Some(Cow::Borrowed(inner));
    }
    serde_json::from_str(json).ok().map(Cow::Owned)
}

/// A text, borrowed unless it has escapes.
#[derive(Debug, Default)]
pub(crate) struct Text<'a>(pub(crate) Cow<'a, str>);

/// The text of a field, if it was sent.
pub(crate) fn text_of<'t>(field: &'t Option<Text<'_>>) -> Option<&'t str> {
    field.as_ref().map(|text| &*text.0)
}

impl<'de: 'a, 'a> Deserialize<'de> for Text<'a> {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(TextVisitor(PhantomData))
    }
}

struct TextVisitor<'a>(PhantomData<&'a str>);

impl<'de: 'a, 'a> Visitor<'de> for TextVisitor<'a> {
    type Value = Text<'a>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string")
    }

    fn visit_borrowed_str<E: Error>(self, text: &'de str) -> Result<Self::Value, E> {
        Ok(Text(Cow::Borrowed(text)))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Self::Value, E> {
        Ok(Text(Cow::Owned(text.to_owned())))
    }
}

/// An object of any values as attributes; `null` values are left out, and
/// anything that is no object counts as an empty one.
#[derive(Debug, Default)]
pub(crate) struct Flat(pub(crate) Collected);

impl<'de> Deserialize<'de> for Flat {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(FlatVisitor)
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
        while let Some(Text(key)) = map.next_key()? {
            if let Some(value) = value_of_raw(map.next_value()?) {
                collected.push(&key, value.as_ref().map_err(|reason| *reason));
            }
        }
        Ok(Flat(collected))
    }

    fn visit_bool<E: Error>(self, _: bool) -> Result<Flat, E> {
        Ok(Flat::default())
    }

    fn visit_i64<E: Error>(self, _: i64) -> Result<Flat, E> {
        Ok(Flat::default())
    }

    fn visit_u64<E: Error>(self, _: u64) -> Result<Flat, E> {
        Ok(Flat::default())
    }

    fn visit_f64<E: Error>(self, _: f64) -> Result<Flat, E> {
        Ok(Flat::default())
    }

    fn visit_str<E: Error>(self, _: &str) -> Result<Flat, E> {
        Ok(Flat::default())
    }

    fn visit_unit<E: Error>(self) -> Result<Flat, E> {
        Ok(Flat::default())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Flat, A::Error> {
        while list.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Flat::default())
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
