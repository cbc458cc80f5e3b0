//! One request in the log, and its bytes.
//!
//! A frame is a header of [`HEADER_LEN`] bytes, then the words (project,
//! content type, rejected indexes), then the body as one zstd frame; numbers
//! are little-endian. Header and payload have a checksum each, because the
//! payload is checked and compressed by the caller while the header is
//! completed by the journal, which alone knows the group: all frames that one
//! fsync makes durable. Where in its group a frame lies tells a torn write
//! from damage; see [`super::segment`].

use std::cell::RefCell;
use std::io;

use bytes::Bytes;
use hotspan_model::UnixNanos;

/// Bytes before the words of a frame.
pub(super) const HEADER_LEN: usize = 40;
/// What a frame begins with.
pub(super) const MAGIC: [u8; 4] = *b"HSfr";
/// The version of the frame's form.
const VERSION: u8 = 1;
/// The largest body a frame may claim to unpack to. Doors accept less.
const BODY_BYTES_MAX: usize = 1 << 30;
/// zstd's fastest regular level: halves the bytes at a cost far below the decoder's.
const ZSTD_LEVEL: i32 = 1;

/// The door and wire form a request came through: what its decoder needs to know.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum FrameDoor {
    /// OTLP as protobuf, over gRPC or HTTP.
    OtlpProtobuf,
    /// OTLP as JSON.
    OtlpJson,
    /// A Sentry envelope.
    SentryEnvelope,
    /// A Sentry store request.
    SentryStore,
}

impl FrameDoor {
    /// Every door. The place in this list is the number on disk.
    pub const ALL: [Self; 4] =
        [Self::OtlpProtobuf, Self::OtlpJson, Self::SentryEnvelope, Self::SentryStore];

    /// The stable name.
    pub fn slug(self) -> &'static str {
        match self {
            Self::OtlpProtobuf => "otlp_protobuf",
            Self::OtlpJson => "otlp_json",
            Self::SentryEnvelope => "sentry_envelope",
            Self::SentryStore => "sentry_store",
        }
    }

    fn code(self) -> u8 {
        match self {
            Self::OtlpProtobuf => 0,
            Self::OtlpJson => 1,
            Self::SentryEnvelope => 2,
            Self::SentryStore => 3,
        }
    }
}

/// A request as received, with what was answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frame {
    /// When it came in.
    pub received_at: UnixNanos,
    /// Its door and wire form.
    pub door: FrameDoor,
    /// The project whose key it carried.
    pub project: String,
    /// Its content type as sent.
    pub content_type: String,
    /// The decoder that judged it.
    pub decoder_version: u16,
    /// Items that were refused, by index in reading order: replay refuses the same.
    pub rejected: Vec<u32>,
    /// The body after decompression. The log compresses it again.
    pub body: Bytes,
}

/// Why bytes are not a frame.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum FrameFault {
    #[error("the file ends inside a frame")]
    Short,
    #[error("no frame begins here")]
    Magic,
    #[error("the frame has version {0}, this version reads {VERSION}")]
    Version(u8),
    #[error("the frame's header does not match its checksum")]
    Header,
    #[error("the frame's content does not match its checksum")]
    Payload,
    #[error("the frame's {0} cannot be read")]
    Content(&'static str),
}

/// A frame's bytes, complete but for its place in the group.
#[derive(Debug)]
pub(crate) struct EncodedFrame(Vec<u8>);

impl EncodedFrame {
    /// Compresses and checksums a frame.
    ///
    /// # Errors
    /// When a part is too long for its length field, or zstd fails.
    pub(crate) fn new(frame: &Frame) -> io::Result<Self> {
        let mut bytes = vec![0; HEADER_LEN];
        put_words(&mut bytes, frame)?;
        let words_len = bytes.len() - HEADER_LEN;
        compress_onto(&mut bytes, &frame.body)?;
        let body_len = bytes.len() - HEADER_LEN - words_len;
        let payload_sum = crc32fast::hash(&bytes[HEADER_LEN..]);

        bytes[0..4].copy_from_slice(&MAGIC);
        bytes[4] = VERSION;
        bytes[5] = frame.door.code();
        bytes[6..8].copy_from_slice(&frame.decoder_version.to_le_bytes());
        bytes[8..16].copy_from_slice(&frame.received_at.0.to_le_bytes());
        bytes[16..20].copy_from_slice(&length(words_len)?.to_le_bytes());
        bytes[20..24].copy_from_slice(&length(body_len)?.to_le_bytes());
        bytes[24..28].copy_from_slice(&length(frame.body.len())?.to_le_bytes());
        bytes[28..32].copy_from_slice(&payload_sum.to_le_bytes());
        Ok(Self(bytes))
    }

    /// Bytes on disk.
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// Completes the header: the frame begins `group_offset` bytes after the
    /// first frame of its group.
    pub(super) fn seal(&mut self, group_offset: u32) -> &[u8] {
        self.0[32..36].copy_from_slice(&group_offset.to_le_bytes());
        let sum = crc32fast::hash(&self.0[..36]);
        self.0[36..40].copy_from_slice(&sum.to_le_bytes());
        &self.0
    }
}

/// A frame found in a file, checked but not unpacked.
#[derive(Debug, Clone, Copy)]
pub(super) struct FoundFrame<'a> {
    bytes: &'a [u8],
}

impl<'a> FoundFrame<'a> {
    /// The frame that `bytes` begin with; both checksums hold.
    pub(super) fn at_start_of(bytes: &'a [u8]) -> Result<Self, FrameFault> {
        if bytes.get(..4).is_some_and(|magic| magic != MAGIC) {
            return Err(FrameFault::Magic);
        }
        let header = bytes.get(..HEADER_LEN).ok_or(FrameFault::Short)?;
        if crc32fast::hash(&header[..36]) != number(header, 36) {
            return Err(FrameFault::Header);
        }
        if header[4] != VERSION {
            return Err(FrameFault::Version(header[4]));
        }
        let end = HEADER_LEN + number(header, 16) as usize + number(header, 20) as usize;
        let bytes = bytes.get(..end).ok_or(FrameFault::Short)?;
        if crc32fast::hash(&bytes[HEADER_LEN..]) != number(header, 28) {
            return Err(FrameFault::Payload);
        }
        Ok(Self { bytes })
    }

    /// Bytes on disk.
    pub(super) fn len(&self) -> usize {
        self.bytes.len()
    }

    /// Bytes between the first frame of its group and this one.
    pub(super) fn group_offset(&self) -> u64 {
        number(self.bytes, 32).into()
    }

    /// Unpacks it.
    pub(super) fn frame(&self) -> Result<Frame, FrameFault> {
        let header = &self.bytes[..HEADER_LEN];
        let (words, body) = self.bytes[HEADER_LEN..].split_at(number(header, 16) as usize);
        let mut words = Words(words);
        let door = FrameDoor::ALL
            .into_iter()
            .find(|door| door.code() == header[5])
            .ok_or(FrameFault::Content("door"))?;
        let body_len = number(header, 24) as usize;
        if body_len > BODY_BYTES_MAX {
            return Err(FrameFault::Content("body length"));
        }
        let body = zstd::bulk::decompress(body, body_len)
            .ok()
            .filter(|body| body.len() == body_len)
            .ok_or(FrameFault::Content("body"))?;
        Ok(Frame {
            received_at: UnixNanos(wide(header, 8)),
            door,
            project: words.text().ok_or(FrameFault::Content("project"))?,
            content_type: words.text().ok_or(FrameFault::Content("content type"))?,
            decoder_version: u16::from_le_bytes([header[6], header[7]]),
            rejected: words.numbers().ok_or(FrameFault::Content("rejected indexes"))?,
            body: body.into(),
        })
    }
}

fn put_words(bytes: &mut Vec<u8>, frame: &Frame) -> io::Result<()> {
    for text in [&frame.project, &frame.content_type] {
        bytes.extend_from_slice(&length(text.len())?.to_le_bytes());
        bytes.extend_from_slice(text.as_bytes());
    }
    bytes.extend_from_slice(&length(frame.rejected.len())?.to_le_bytes());
    frame.rejected.iter().for_each(|index| bytes.extend_from_slice(&index.to_le_bytes()));
    Ok(())
}

/// Appends `body` as one zstd frame. A context costs more to make than a
/// usual body to compress, so each thread keeps one.
fn compress_onto(bytes: &mut Vec<u8>, body: &[u8]) -> io::Result<()> {
    thread_local! {
        static COMPRESSOR: RefCell<Option<zstd::bulk::Compressor<'static>>> =
            const { RefCell::new(None) };
    }
    let start = bytes.len();
    bytes.resize(start + zstd::zstd_safe::compress_bound(body.len()), 0);
    let written = COMPRESSOR.with_borrow_mut(|kept| {
        let compressor = match kept {
            Some(compressor) => compressor,
            None => kept.insert(zstd::bulk::Compressor::new(ZSTD_LEVEL)?),
        };
        compressor.compress_to_buffer(body, &mut bytes[start..])
    })?;
    bytes.truncate(start + written);
    // The bound is for bytes that do not compress; most bodies shrink tenfold,
    // and a queue full of frames should hold what it counts.
    bytes.shrink_to_fit();
    Ok(())
}

fn length(len: usize) -> io::Result<u32> {
    u32::try_from(len).map_err(|_| {
        io::Error::new(io::ErrorKind::InvalidInput, "a part of the request is longer than 4 GiB")
    })
}

fn number(bytes: &[u8], at: usize) -> u32 {
    bytes[at..at + 4].iter().rev().fold(0, |number, byte| number << 8 | u32::from(*byte))
}

fn wide(bytes: &[u8], at: usize) -> i64 {
    i64::from(number(bytes, at)) | i64::from(number(bytes, at + 4)) << 32
}

/// Reads what [`put_words`] wrote.
struct Words<'a>(&'a [u8]);

impl Words<'_> {
    fn number(&mut self) -> Option<u32> {
        let (number, rest) = self.0.split_first_chunk::<4>()?;
        self.0 = rest;
        Some(u32::from_le_bytes(*number))
    }

    fn text(&mut self) -> Option<String> {
        let len = self.number()? as usize;
        let (text, rest) = self.0.split_at_checked(len)?;
        self.0 = rest;
        String::from_utf8(text.to_vec()).ok()
    }

    fn numbers(&mut self) -> Option<Vec<u32>> {
        let len = self.number()?;
        (0..len).map(|_| self.number()).collect()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn frames() -> impl Strategy<Value = Frame> {
        let words =
            ("[a-z]{0,8}", ".{0,12}", any::<u16>(), prop::collection::vec(any::<u32>(), 0..4));
        let body = prop::collection::vec(any::<u8>(), 0..400);
        (any::<i64>(), 0..FrameDoor::ALL.len(), words, body).prop_map(
            |(received_at, door, (project, content_type, decoder_version, rejected), body)| Frame {
                received_at: UnixNanos(received_at),
                door: FrameDoor::ALL[door],
                project,
                content_type,
                decoder_version,
                rejected,
                body: body.into(),
            },
        )
    }

    proptest! {
        #[test]
        fn every_frame_survives(frame in frames(), group_offset: u32) {
            let mut encoded = EncodedFrame::new(&frame).expect("small parts");
            let found = FoundFrame::at_start_of(encoded.seal(group_offset)).expect("just sealed");
            prop_assert_eq!(found.group_offset(), u64::from(group_offset));
            prop_assert_eq!(found.frame().expect("just encoded"), frame);
        }

        #[test]
        fn no_flipped_bit_goes_unseen(frame in frames(), at: prop::sample::Index, bit in 0..8u32) {
            let mut encoded = EncodedFrame::new(&frame).expect("small parts");
            let mut bytes = encoded.seal(7).to_vec();
            let at = at.index(bytes.len());
            bytes[at] ^= 1u8 << bit;
            prop_assert!(FoundFrame::at_start_of(&bytes).is_err(), "byte {at}");
        }
    }
}
