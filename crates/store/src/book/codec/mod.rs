//! The binary forms of what columns of `hotspan.db` hold as blobs: a version
//! byte, then varints. Written by hand because they are read by the thousand
//! for one page, and because their layout must stay readable for years.
//!
//! [`shapes`] has sketches, times and call trees, [`words`] what people read
//! of a finding, [`contribution`] what a segment added, [`life`] what was measured
//! before and after a fix. No SQL is here.

pub(super) mod contribution;
pub(super) mod life;
pub(super) mod shapes;
pub(super) mod words;

use thiserror::Error;

/// Version byte of every form so far.
const VERSION: u8 = 1;

/// Why a stored value does not decode.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum CodecError {
    /// It ends before it is complete.
    #[error("it ends too early")]
    Short,
    /// Bytes are left over.
    #[error("{0} bytes follow its end")]
    Trailing(usize),
    /// It has another version.
    #[error("it has version {0}, which this hotspan does not read")]
    Version(u8),
    /// A number does not fit its type, or names nothing.
    #[error("its {0} is out of range")]
    Range(&'static str),
    /// A text is not UTF-8.
    #[error("a text in it is not UTF-8")]
    Utf8,
}

/// Builds one stored value.
#[derive(Debug)]
pub(super) struct Encoder(Vec<u8>);

impl Encoder {
    /// An empty value of the newest version.
    pub(super) fn new() -> Self {
        Self(vec![VERSION])
    }

    /// A number that is never negative.
    pub(super) fn unsigned(&mut self, mut value: u64) {
        while value >= 0x80 {
            self.0.push(value as u8 | 0x80);
            value >>= 7;
        }
        self.0.push(value as u8);
    }

    /// A number that may be negative; small ones of either sign stay short.
    pub(super) fn signed(&mut self, value: i64) {
        self.unsigned((value << 1 ^ value >> 63) as u64);
    }

    /// How many elements follow.
    pub(super) fn count(&mut self, count: usize) {
        self.unsigned(count as u64);
    }

    /// A number that may have a fraction.
    pub(super) fn float(&mut self, value: f64) {
        self.0.extend_from_slice(&value.to_le_bytes());
    }

    /// Bytes whose number is known when reading.
    pub(super) fn fixed(&mut self, bytes: &[u8]) {
        self.0.extend_from_slice(bytes);
    }

    /// A text with its length.
    pub(super) fn text(&mut self, text: &str) {
        self.count(text.len());
        self.0.extend_from_slice(text.as_bytes());
    }

    /// The finished value.
    pub(super) fn finish(self) -> Vec<u8> {
        self.0
    }
}

/// Reads one stored value.
#[derive(Debug)]
pub(super) struct Decoder<'a> {
    rest: &'a [u8],
}

impl<'a> Decoder<'a> {
    /// Begins after the version byte.
    pub(super) fn new(bytes: &'a [u8]) -> Result<Self, CodecError> {
        match bytes.split_first() {
            Some((&VERSION, rest)) => Ok(Self { rest }),
            Some((other, _)) => Err(CodecError::Version(*other)),
            None => Err(CodecError::Short),
        }
    }

    pub(super) fn unsigned(&mut self) -> Result<u64, CodecError> {
        let mut value = 0u64;
        for shift in (0..64).step_by(7) {
            let (byte, rest) = self.rest.split_first().ok_or(CodecError::Short)?;
            self.rest = rest;
            let bits = u64::from(byte & 0x7f);
            if shift == 63 && bits > 1 {
                break;
            }
            value |= bits << shift;
            if byte & 0x80 == 0 {
                return Ok(value);
            }
        }
        Err(CodecError::Range("number"))
    }

    pub(super) fn signed(&mut self) -> Result<i64, CodecError> {
        let value = self.unsigned()?;
        Ok((value >> 1) as i64 ^ -((value & 1) as i64))
    }

    /// How many elements follow. Each takes a byte at least, so that a damaged
    /// count cannot reserve memory beyond the value's own size.
    pub(super) fn count(&mut self) -> Result<usize, CodecError> {
        let count = self.unsigned()?;
        if count > self.rest.len() as u64 {
            return Err(CodecError::Short);
        }
        Ok(count as usize)
    }

    pub(super) fn small<T: TryFrom<u64>>(&mut self, what: &'static str) -> Result<T, CodecError> {
        T::try_from(self.unsigned()?).map_err(|_| CodecError::Range(what))
    }

    pub(super) fn float(&mut self) -> Result<f64, CodecError> {
        self.fixed().map(f64::from_le_bytes)
    }

    pub(super) fn fixed<const N: usize>(&mut self) -> Result<[u8; N], CodecError> {
        let (bytes, rest) = self.rest.split_first_chunk().ok_or(CodecError::Short)?;
        self.rest = rest;
        Ok(*bytes)
    }

    pub(super) fn text(&mut self) -> Result<&'a str, CodecError> {
        let length = self.count()?;
        let (bytes, rest) = self.rest.split_at_checked(length).ok_or(CodecError::Short)?;
        self.rest = rest;
        std::str::from_utf8(bytes).map_err(|_| CodecError::Utf8)
    }

    /// Reads `count` elements, then gives them all.
    pub(super) fn list<T>(
        &mut self,
        mut element: impl FnMut(&mut Self) -> Result<T, CodecError>,
    ) -> Result<Vec<T>, CodecError> {
        let count = self.count()?;
        (0..count).map(|_| element(self)).collect()
    }

    /// Nothing may follow.
    pub(super) fn finish(self) -> Result<(), CodecError> {
        match self.rest.len() {
            0 => Ok(()),
            left => Err(CodecError::Trailing(left)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn numbers_come_back(unsigned: u64, signed: i64, float: f64, text: String) {
            let mut encoder = Encoder::new();
            encoder.unsigned(unsigned);
            encoder.signed(signed);
            encoder.float(float);
            encoder.text(&text);
            let bytes = encoder.finish();
            let mut decoder = Decoder::new(&bytes).expect("version");
            prop_assert_eq!(decoder.unsigned(), Ok(unsigned));
            prop_assert_eq!(decoder.signed(), Ok(signed));
            prop_assert_eq!(decoder.float().map(f64::to_bits), Ok(float.to_bits()));
            prop_assert_eq!(decoder.text(), Ok(text.as_str()));
            prop_assert_eq!(decoder.finish(), Ok(()));
        }

        #[test]
        fn any_bytes_are_refused_or_read_without_a_panic(bytes: Vec<u8>) {
            let mut value = vec![VERSION];
            value.extend(&bytes);
            let _ = shapes::decode_tree(&value);
            let _ = shapes::decode_time(&value);
            let _ = shapes::for_each_bucket(&value, |_, _| {});
            let _ = words::decode_cause(&value);
            let _ = words::decode_fixes(&value);
            let _ = words::decode_use_detail(&value);
            let _ = contribution::decode(&value);
            let _ = life::decode_comparison(&value);
            let _ = life::decode_progress(&value);
        }
    }

    #[test]
    fn damage_is_named() {
        for (bytes, error) in [
            (&[][..], CodecError::Short),
            (&[9, 0][..], CodecError::Version(9)),
            (&[VERSION, 0, 7][..], CodecError::Trailing(1)),
            (&[VERSION, 0xff][..], CodecError::Short),
            (&[VERSION, 1, 1, 0xff, 0][..], CodecError::Utf8),
        ] {
            assert_eq!(shapes::decode_tree(bytes), Err(error), "{bytes:?}");
        }
    }
}
