//! Attribute values as every decoder builds them: size limits, and JSON text
//! for what the model does not type. No message of a wire format is known here.

use std::fmt::Write;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hotspan_model::{Attributes, AttributesBuilder, Scalar, ValueRef};

use crate::decoded::{Decoded, Reason};
use crate::limits::{PER_LIST_MAX, VALUE_BYTES_MAX};

/// Text within the size limit.
pub(crate) fn text(text: &str) -> Result<ValueRef<'_>, Reason> {
    if text.len() > VALUE_BYTES_MAX { Err(Reason::AttributeTooLarge) } else { Ok(text.into()) }
}

/// What is left out of a span that is kept, by reason.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct LeftOut(Vec<(Reason, u64)>);

impl LeftOut {
    /// Notes `quantity` more parts.
    pub(crate) fn note(&mut self, reason: Reason, quantity: u64) {
        match self.0.iter_mut().find(|(known, _)| *known == reason) {
            Some((_, total)) => *total = total.saturating_add(quantity),
            None if quantity > 0 => self.0.push((reason, quantity)),
            None => {}
        }
    }

    /// Notes everything that `other` has.
    pub(crate) fn merge(&mut self, other: &Self) {
        for (reason, quantity) in &other.0 {
            self.note(*reason, *quantity);
        }
    }

    /// All parts together, as wide as a dropped count of the model.
    pub(crate) fn total(&self) -> u32 {
        let total = self.0.iter().fold(0u64, |sum, (_, quantity)| sum.saturating_add(*quantity));
        u32::try_from(total).unwrap_or(u32::MAX)
    }

    /// Moves the notes into the request's result.
    pub(crate) fn report(&self, decoded: &mut Decoded) {
        for (reason, quantity) in &self.0 {
            decoded.drop_parts(*reason, *quantity);
        }
    }
}

/// Attributes being collected within the limits.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Collected {
    /// What is kept.
    pub(crate) attributes: Attributes,
    /// What is not.
    pub(crate) left_out: LeftOut,
}

impl Collected {
    /// Adds one pair, or notes why not.
    pub(crate) fn push<'v>(&mut self, key: &str, value: Result<impl Into<ValueRef<'v>>, Reason>) {
        match value {
            _ if self.is_full() => self.left_out.note(Reason::TooManyParts, 1),
            Ok(value) => self.attributes.push(key, value),
            Err(reason) => self.left_out.note(reason, 1),
        }
    }

    /// True when no further pair is kept.
    pub(crate) fn is_full(&self) -> bool {
        self.attributes.len() >= PER_LIST_MAX
    }
}

/// Attributes being gathered within the limits from bytes that are not known
/// to be UTF-8 yet.
#[derive(Debug, Default)]
pub(crate) struct Gathered {
    pairs: AttributesBuilder,
    left_out: LeftOut,
}

impl Gathered {
    /// Nothing yet, with room for as much as `like` has.
    pub(crate) fn with_room(like: Room) -> Self {
        let pairs = AttributesBuilder::with_capacity(like.pairs, like.text_bytes);
        Self { pairs, left_out: LeftOut::default() }
    }

    /// Adds one pair; the text is within the limit.
    #[inline]
    pub(crate) fn push(&mut self, key: &[u8], scalar: Scalar, text: &[u8]) {
        self.pairs.push(key, scalar, text);
    }

    /// Notes a pair that is not kept.
    pub(crate) fn leave_out(&mut self, reason: Reason) {
        self.left_out.note(reason, 1);
    }

    /// True when no further pair is kept.
    #[inline]
    pub(crate) fn is_full(&self) -> bool {
        self.pairs.len() >= PER_LIST_MAX
    }

    /// What was gathered; `None` when a text of it is not UTF-8.
    pub(crate) fn finish(self) -> Option<Collected> {
        let attributes = self.pairs.finish()?;
        Some(Collected { attributes, left_out: self.left_out })
    }
}

/// How large a list of attributes is: a good guess for the next one.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Room {
    pairs: usize,
    text_bytes: usize,
}

impl Room {
    pub(crate) fn of(attributes: &Attributes) -> Self {
        Self { pairs: attributes.len(), text_bytes: attributes.text_bytes() }
    }
}

/// JSON text being written, up to the size limit.
#[derive(Default)]
pub(crate) struct Json {
    text: String,
}

impl Json {
    /// The text.
    pub(crate) fn into_text(self) -> String {
        self.text
    }

    /// The text so far.
    pub(crate) fn as_str(&self) -> &str {
        &self.text
    }

    /// Writes punctuation, `true`, `null` and other text that is JSON already.
    pub(crate) fn raw(&mut self, json: &str) -> Result<(), Reason> {
        self.reserve(json.len())?;
        self.text.push_str(json);
        Ok(())
    }

    pub(crate) fn int(&mut self, number: i64) -> Result<(), Reason> {
        self.reserve(0)?;
        // Writing to a `String` cannot fail.
        let _ = write!(self.text, "{number}");
        Ok(())
    }

    /// Numbers that JSON does not have are written as text, as protobuf does.
    pub(crate) fn float(&mut self, number: f64) -> Result<(), Reason> {
        self.reserve(0)?;
        let _ = match number {
            _ if number.is_finite() => write!(self.text, "{number:?}"),
            _ if number.is_nan() => write!(self.text, "\"NaN\""),
            _ if number > 0.0 => write!(self.text, "\"Infinity\""),
            _ => write!(self.text, "\"-Infinity\""),
        };
        Ok(())
    }

    pub(crate) fn string(&mut self, text: &str) -> Result<(), Reason> {
        self.reserve(text.len())?;
        self.text.push('"');
        for character in text.chars() {
            match character {
                '"' => self.text.push_str("\\\""),
                '\\' => self.text.push_str("\\\\"),
                '\n' => self.text.push_str("\\n"),
                '\r' => self.text.push_str("\\r"),
                '\t' => self.text.push_str("\\t"),
                control if control < ' ' => {
                    let _ = write!(self.text, "\\u{:04x}", control as u32);
                }
                other => self.text.push(other),
            }
        }
        self.text.push('"');
        // Escapes make the text longer than it was.
        self.reserve(0)
    }

    pub(crate) fn bytes(&mut self, bytes: &[u8]) -> Result<(), Reason> {
        self.reserve(bytes.len().div_ceil(3) * 4 + 2)?;
        self.text.push('"');
        STANDARD.encode_string(bytes, &mut self.text);
        self.text.push('"');
        Ok(())
    }

    /// Any value that was built on its own.
    pub(crate) fn value(&mut self, value: ValueRef<'_>) -> Result<(), Reason> {
        match value {
            ValueRef::Str(text) => self.string(text),
            ValueRef::Int(number) => self.int(number),
            ValueRef::Float(number) => self.float(number),
            ValueRef::Bool(truth) => self.raw(if truth { "true" } else { "false" }),
            ValueRef::Json(text) => self.raw(text),
        }
    }

    fn reserve(&self, more: usize) -> Result<(), Reason> {
        if self.text.len() + more > VALUE_BYTES_MAX {
            Err(Reason::AttributeTooLarge)
        } else {
            Ok(())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_text_is_json() {
        let mut json = Json::default();
        let mut write = || {
            json.raw("[")?;
            json.string("a\"\\\n\r\t\u{1}é")?;
            json.raw(",")?;
            json.float(1e300)?;
            json.raw(",")?;
            json.float(f64::NEG_INFINITY)?;
            json.raw(",")?;
            json.bytes(&[1, 2, 255])?;
            json.raw(",")?;
            json.value(ValueRef::Bool(true))?;
            json.raw("]")
        };
        assert_eq!(write(), Ok(()));
        let expected = r#"["a\"\\\n\r\t\u0001é",1e300,"-Infinity","AQL/",true]"#;
        assert_eq!(json.into_text(), expected);
        serde_json::from_str::<serde::de::IgnoredAny>(expected).expect("is JSON");
    }

    #[test]
    fn too_much_is_noted_and_not_kept() {
        let mut collected = Collected::default();
        collected.push("big", text(&"x".repeat(VALUE_BYTES_MAX + 1)));
        collected.push("fits", text(&"x".repeat(VALUE_BYTES_MAX)));
        for number in 0..PER_LIST_MAX {
            collected.push(&number.to_string(), Ok(ValueRef::Bool(true)));
        }
        assert_eq!(collected.attributes.len(), PER_LIST_MAX);
        let mut expected = LeftOut::default();
        expected.note(Reason::AttributeTooLarge, 1);
        expected.note(Reason::TooManyParts, 1);
        assert_eq!(collected.left_out, expected);
        assert_eq!(expected.total(), 2);
    }
}
