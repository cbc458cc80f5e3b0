//! The protobuf wire format: fields of a message, one by one, borrowed from
//! the body. Which message it is, the views know.

use thiserror::Error;

/// Groups inside each other in a field that is skipped. OTLP has none, so this
/// only bounds what a hostile body can make the reader remember.
const GROUP_DEPTH_MAX: usize = 32;

/// Why bytes are not the message they should be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub(crate) enum WireError {
    /// The bytes do not follow the wire format, or a known field has another
    /// type. Where the next field begins is then unknown.
    #[error("{0}")]
    Structure(&'static str),
    /// A text field is not UTF-8; the message around it can still be skipped.
    #[error("text is not UTF-8")]
    Utf8,
}

/// One field's value by wire type.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Payload<'a> {
    Varint(u64),
    Fixed64(u64),
    Bytes(&'a [u8]),
    Fixed32(u32),
    /// A group, skipped: no field of OTLP is one.
    Group,
}

const MISMATCH: WireError = WireError::Structure("a field has an unexpected wire type");

impl<'a> Payload<'a> {
    pub(crate) fn varint(self) -> Result<u64, WireError> {
        match self {
            Self::Varint(number) => Ok(number),
            _ => Err(MISMATCH),
        }
    }

    pub(crate) fn fixed64(self) -> Result<u64, WireError> {
        match self {
            Self::Fixed64(number) => Ok(number),
            _ => Err(MISMATCH),
        }
    }

    pub(crate) fn fixed32(self) -> Result<u32, WireError> {
        match self {
            Self::Fixed32(number) => Ok(number),
            _ => Err(MISMATCH),
        }
    }

    pub(crate) fn bytes(self) -> Result<&'a [u8], WireError> {
        match self {
            Self::Bytes(bytes) => Ok(bytes),
            _ => Err(MISMATCH),
        }
    }

    pub(crate) fn text(self) -> Result<&'a str, WireError> {
        std::str::from_utf8(self.bytes()?).map_err(|_| WireError::Utf8)
    }
}

/// The fields of a message in the order they were written.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Fields<'a> {
    rest: &'a [u8],
}

impl<'a> Fields<'a> {
    pub(crate) fn of(message: &'a [u8]) -> Self {
        Self { rest: message }
    }

    /// Bytes of the message that were not read yet.
    pub(crate) fn remaining(&self) -> usize {
        self.rest.len()
    }

    /// The next field's number and value; `None` at the end of the message.
    #[inline(always)]
    pub(crate) fn next(&mut self) -> Result<Option<(u32, Payload<'a>)>, WireError> {
        if self.rest.is_empty() {
            return Ok(None);
        }
        let (number, wire_type) = self.tag()?;
        let payload = match wire_type {
            0 => Payload::Varint(self.varint()?),
            1 => Payload::Fixed64(u64::from_le_bytes(*self.array()?)),
            2 => {
                let length = self.varint()?;
                Payload::Bytes(self.take(length)?)
            }
            3 => {
                self.skip_group(number)?;
                Payload::Group
            }
            5 => Payload::Fixed32(u32::from_le_bytes(*self.array()?)),
            _ => return Err(WireError::Structure("a group ends that did not begin")),
        };
        Ok(Some((number, payload)))
    }

    #[inline]
    fn tag(&mut self) -> Result<(u32, u8), WireError> {
        let key = u32::try_from(self.varint()?)
            .map_err(|_| WireError::Structure("a field number is out of range"))?;
        let (number, wire_type) = (key >> 3, (key & 7) as u8);
        if number == 0 {
            return Err(WireError::Structure("a field has number 0"));
        }
        if wire_type > 5 {
            return Err(WireError::Structure("a field has an unknown wire type"));
        }
        Ok((number, wire_type))
    }

    #[inline]
    fn varint(&mut self) -> Result<u64, WireError> {
        // Nearly every tag and length fits one byte.
        if let [byte @ 0..=0x7f, rest @ ..] = self.rest {
            self.rest = rest;
            return Ok(u64::from(*byte));
        }
        self.long_varint()
    }

    fn long_varint(&mut self) -> Result<u64, WireError> {
        let mut number = 0u64;
        for (index, byte) in self.rest.iter().take(10).enumerate() {
            // Ten groups of seven bits are 70: of the tenth only one bit fits.
            if index == 9 && *byte > 1 {
                break;
            }
            number |= u64::from(byte & 0x7f) << (7 * index);
            if byte & 0x80 == 0 {
                self.rest = &self.rest[index + 1..];
                return Ok(number);
            }
        }
        Err(WireError::Structure("a number is cut off or too long"))
    }

    #[inline]
    fn take(&mut self, length: u64) -> Result<&'a [u8], WireError> {
        let taken =
            usize::try_from(length).ok().and_then(|length| self.rest.split_at_checked(length));
        let (taken, rest) = taken.ok_or(WireError::Structure("a field is cut off"))?;
        self.rest = rest;
        Ok(taken)
    }

    #[inline]
    fn array<const N: usize>(&mut self) -> Result<&'a [u8; N], WireError> {
        let (taken, rest) =
            self.rest.split_first_chunk().ok_or(WireError::Structure("a field is cut off"))?;
        self.rest = rest;
        Ok(taken)
    }

    /// Skips to the end of a group whose start was read, without recursion.
    fn skip_group(&mut self, number: u32) -> Result<(), WireError> {
        let mut open = vec![number];
        while let Some(innermost) = open.last().copied() {
            match self.tag()? {
                (_, 0) => drop(self.varint()?),
                (_, 1) => drop(self.array::<8>()?),
                (_, 2) => {
                    let length = self.varint()?;
                    self.take(length)?;
                }
                (inner, 3) if open.len() < GROUP_DEPTH_MAX => open.push(inner),
                (_, 3) => return Err(WireError::Structure("groups are nested too deep")),
                (ended, 4) if ended == innermost => drop(open.pop()),
                (_, 4) => return Err(WireError::Structure("another group ends than began")),
                _ => drop(self.array::<4>()?),
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(message: &[u8], expected: &str) {
        let mut fields = Fields::of(message);
        let mut text = String::new();
        let end = loop {
            match fields.next() {
                Ok(Some((number, payload))) => text += &format!("{number}={payload:?} "),
                Ok(None) => break "end".to_owned(),
                Err(error) => break error.to_string(),
            }
        };
        assert_eq!(text + &end, expected, "{message:?}");
    }

    #[test]
    fn fields() {
        check(&[], "end");
        check(&[0x08, 0x96, 0x01], "1=Varint(150) end");
        check(&[0x12, 2, 7, 8, 0x08, 1], "2=Bytes([7, 8]) 1=Varint(1) end");
        check(&[0x09, 1, 0, 0, 0, 0, 0, 0, 0], "1=Fixed64(1) end");
        check(&[0x85, 0x01, 2, 0, 0, 0], "16=Fixed32(2) end");
        check(&[0x0b, 0x08, 1, 0x13, 0x14, 0x0c, 0x10, 3], "1=Group 2=Varint(3) end");
        let max = [0x08, 255, 255, 255, 255, 255, 255, 255, 255, 255, 1];
        check(&max, "1=Varint(18446744073709551615) end");
    }

    #[test]
    fn broken_fields() {
        check(&[0x08], "a number is cut off or too long");
        check(&[0x08, 0x80], "a number is cut off or too long");
        let over = [0x08, 255, 255, 255, 255, 255, 255, 255, 255, 255, 2];
        check(&over, "a number is cut off or too long");
        check(&[0x12, 3, 7], "a field is cut off");
        check(&[0x09, 1], "a field is cut off");
        check(&[0x00, 1], "a field has number 0");
        check(&[0x0e], "a field has an unknown wire type");
        check(&[0x80, 0x80, 0x80, 0x80, 0x80, 1], "a field number is out of range");
        check(&[0x0c], "a group ends that did not begin");
        check(&[0x0b, 0x14], "another group ends than began");
        check(&[0x0b; 40], "groups are nested too deep");
        check(&[0x0b], "a number is cut off or too long");
    }
}
