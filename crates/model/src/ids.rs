//! Trace and span ids: fixed bytes, lower-case hex outside.

use std::fmt;
use std::str::FromStr;

use thiserror::Error;

/// Why a text is not an id.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum IdError {
    /// The text has another length than the id's hex form.
    #[error("expected {expected} hex digits, got {got}")]
    Length {
        /// Hex digits an id of this kind has.
        expected: usize,
        /// Characters the text has.
        got: usize,
    },
    /// A character is not a hex digit.
    #[error("character {0:?} is not a hex digit")]
    Digit(char),
}

macro_rules! id {
    ($(#[$doc:meta])* $name:ident, $bytes:expr) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
        pub struct $name(pub [u8; $bytes]);

        impl $name {
            /// The id of these bytes, or `None` when the length differs.
            pub fn from_slice(bytes: &[u8]) -> Option<Self> {
                bytes.try_into().ok().map(Self)
            }

            /// True when every byte is zero, which W3C Trace Context calls invalid.
            pub fn is_zero(&self) -> bool {
                self.0.iter().all(|byte| *byte == 0)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }

        impl FromStr for $name {
            type Err = IdError;

            /// Reads hex of either case. Dashes are skipped because Sentry
            /// sends ids as UUIDs now and then.
            fn from_str(text: &str) -> Result<Self, IdError> {
                if let Some(bytes) = plain_hex(text) {
                    return Ok(Self(bytes));
                }
                let mut bytes = [0u8; $bytes];
                let mut digits = 0;
                for character in text.chars().filter(|c| *c != '-') {
                    let digit = character.to_digit(16).ok_or(IdError::Digit(character))? as u8;
                    if let Some(byte) = bytes.get_mut(digits / 2) {
                        *byte = *byte << 4 | digit;
                    }
                    digits += 1;
                }
                if digits == $bytes * 2 {
                    Ok(Self(bytes))
                } else {
                    Err(IdError::Length { expected: $bytes * 2, got: digits })
                }
            }
        }
    };
}

/// Values of hex digits of either case; no other byte's is below 16.
const DIGITS: [u8; 256] = {
    let mut digits = [0xff; 256];
    let mut value = 0;
    while value < 16 {
        digits[b"0123456789abcdef"[value] as usize] = value as u8;
        digits[b"0123456789ABCDEF"[value] as usize] = value as u8;
        value += 1;
    }
    digits
};

/// What nearly every id is: digits alone, in the right number.
fn plain_hex<const N: usize>(text: &str) -> Option<[u8; N]> {
    let (pairs, rest) = text.as_bytes().as_chunks::<2>();
    if pairs.len() != N || !rest.is_empty() {
        return None;
    }
    let mut bytes = [0; N];
    let mut seen = 0;
    for (byte, [high, low]) in bytes.iter_mut().zip(pairs) {
        let (high, low) = (DIGITS[usize::from(*high)], DIGITS[usize::from(*low)]);
        seen |= high | low;
        *byte = high << 4 | (low & 0x0f);
    }
    (seen < 16).then_some(bytes)
}

id!(
    /// Names one trace: 16 bytes, shared by every span of a request.
    TraceId,
    16
);
id!(
    /// Names one span inside its trace: 8 bytes.
    SpanId,
    8
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hex_round_trip() {
        let id: TraceId = "4BF92F35-77B34DA6A3CE929D0E0E4736".parse().expect("valid");
        assert_eq!(id.to_string(), "4bf92f3577b34da6a3ce929d0e0e4736");
        assert!(!id.is_zero() && SpanId::default().is_zero());
    }

    #[test]
    fn wrong_texts_say_what_is_wrong() {
        let short = "abc".parse::<SpanId>().expect_err("too short");
        assert_eq!(short.to_string(), "expected 16 hex digits, got 3");
        let letter = "zz00000000000000".parse::<SpanId>().expect_err("not hex");
        assert_eq!(letter.to_string(), "character 'z' is not a hex digit");
    }
}
