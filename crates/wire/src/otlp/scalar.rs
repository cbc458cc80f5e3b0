//! Scalars of OTLP's JSON form, which writes 64-bit numbers as text, ids as
//! hex and enums as numbers, and whose senders do not all agree.

use std::fmt;

use hotspan_model::{SpanId, TraceId};
use serde::Deserialize;
use serde::de::{Error, Visitor};

macro_rules! hex_id {
    ($(#[$doc:meta])* $name:ident, $id:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy)]
        pub(super) struct $name(pub(super) Option<$id>);

        impl Default for $name {
            fn default() -> Self {
                Self(Some($id::default()))
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                struct Hex;
                impl Visitor<'_> for Hex {
                    type Value = $name;

                    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                        f.write_str("hex digits")
                    }

                    fn visit_str<E: Error>(self, text: &str) -> Result<$name, E> {
                        Ok(match text {
                            "" => $name::default(),
                            text => $name(text.parse().ok()),
                        })
                    }
                }
                deserializer.deserialize_str(Hex)
            }
        }
    };
}

hex_id!(
    /// A trace id: `None` when it is none, zero when not sent.
    HexTraceId,
    TraceId
);
hex_id!(
    /// A span id: `None` when it is none, zero when not sent.
    HexSpanId,
    SpanId
);

/// An unsigned number, as a number or as text.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Unsigned(pub(crate) u64);

/// A signed number, as a number or as text.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Signed(pub(super) i64);

/// A floating-point number, as a number or as text: JSON has no infinities.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Double(pub(super) f64);

/// An enum's number, sent as such or by its name.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct EnumNumber(pub(super) i32);

/// Reads numbers in every form; `from_*` say what becomes of each.
trait Number: Sized {
    fn from_int(number: i128) -> Option<Self>;
    fn from_float(number: f64) -> Option<Self>;
    fn from_text(text: &str) -> Option<Self>;
}

impl Number for Unsigned {
    fn from_int(number: i128) -> Option<Self> {
        u64::try_from(number).ok().map(Self)
    }

    fn from_float(number: f64) -> Option<Self> {
        whole(number).and_then(Self::from_int)
    }

    fn from_text(text: &str) -> Option<Self> {
        text.parse().ok().map(Self)
    }
}

impl Number for Signed {
    fn from_int(number: i128) -> Option<Self> {
        i64::try_from(number).ok().map(Self)
    }

    fn from_float(number: f64) -> Option<Self> {
        whole(number).and_then(Self::from_int)
    }

    fn from_text(text: &str) -> Option<Self> {
        text.parse().ok().map(Self)
    }
}

impl Number for Double {
    fn from_int(number: i128) -> Option<Self> {
        Some(Self(number as f64))
    }

    fn from_float(number: f64) -> Option<Self> {
        Some(Self(number))
    }

    fn from_text(text: &str) -> Option<Self> {
        text.parse().ok().map(Self)
    }
}

impl Number for EnumNumber {
    fn from_int(number: i128) -> Option<Self> {
        i32::try_from(number).ok().map(Self)
    }

    fn from_float(number: f64) -> Option<Self> {
        whole(number).and_then(Self::from_int)
    }

    fn from_text(text: &str) -> Option<Self> {
        let number = match text {
            "SPAN_KIND_UNSPECIFIED" | "STATUS_CODE_UNSET" => 0,
            "SPAN_KIND_INTERNAL" | "STATUS_CODE_OK" => 1,
            "SPAN_KIND_SERVER" | "STATUS_CODE_ERROR" => 2,
            "SPAN_KIND_CLIENT" => 3,
            "SPAN_KIND_PRODUCER" => 4,
            "SPAN_KIND_CONSUMER" => 5,
            digits => digits.parse().ok()?,
        };
        Some(Self(number))
    }
}

fn whole(number: f64) -> Option<i128> {
    (number.fract() == 0.0 && number.abs() < 1e19).then_some(number as i128)
}

struct NumberVisitor<T>(std::marker::PhantomData<T>);

impl<T: Number> Visitor<'_> for NumberVisitor<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a number in range")
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<T, E> {
        T::from_int(number.into()).ok_or_else(|| E::custom(format!("{number} is out of range")))
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<T, E> {
        T::from_int(number.into()).ok_or_else(|| E::custom(format!("{number} is out of range")))
    }

    fn visit_f64<E: Error>(self, number: f64) -> Result<T, E> {
        T::from_float(number).ok_or_else(|| E::custom(format!("{number} is not a whole number")))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<T, E> {
        T::from_text(text).ok_or_else(|| E::custom(format!("{text:?} is not a number in range")))
    }
}

macro_rules! number {
    ($($name:ident)+) => {
        $(impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                deserializer.deserialize_any(NumberVisitor(std::marker::PhantomData))
            }
        })+
    };
}

number!(Unsigned Signed Double EnumNumber);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers() {
        let unsigned = |json| serde_json::from_str::<Unsigned>(json).ok().map(|n| n.0);
        let signed = |json| serde_json::from_str::<Signed>(json).ok().map(|n| n.0);
        let double = |json| serde_json::from_str::<Double>(json).ok().map(|n| n.0);
        let number = |json| serde_json::from_str::<EnumNumber>(json).ok().map(|n| n.0);
        assert_eq!(unsigned("1795404618937100000"), Some(1_795_404_618_937_100_000));
        assert_eq!(unsigned("\"18446744073709551615\""), Some(u64::MAX));
        assert_eq!(unsigned("-1"), None);
        assert_eq!(unsigned("1.5"), None);
        assert_eq!(unsigned("{}"), None);
        assert_eq!(signed("\"-9223372036854775808\""), Some(i64::MIN));
        assert_eq!(signed("5.0"), Some(5));
        assert_eq!(signed("18446744073709551615"), None);
        assert_eq!(double("\"-Infinity\""), Some(f64::NEG_INFINITY));
        assert_eq!(double("3"), Some(3.0));
        assert_eq!(number("\"SPAN_KIND_CLIENT\""), Some(3));
        assert_eq!(number("2"), Some(2));
        assert_eq!(number("\"2\""), Some(2));
        assert_eq!(number("\"CLIENT\""), None);
    }

    #[test]
    fn ids() {
        let id = |json| serde_json::from_str::<HexSpanId>(json).ok().map(|id| id.0);
        assert_eq!(id("\"00F067AA0BA902b7\""), Some("00f067aa0ba902b7".parse().ok()));
        assert_eq!(id("\"\""), Some(Some(SpanId::default())));
        assert_eq!(id("\"APBnqgupArc=\""), Some(None));
        assert_eq!(id("7"), None);
    }
}
