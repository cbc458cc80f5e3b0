//! Content encodings: what `Content-Encoding` names, undone under a hard limit.
//!
//! No format of what is inside is known here.

use std::io::Read;

use bytes::Bytes;
use flate2::{Decompress, FlushDecompress, Status};
use thiserror::Error;

/// How much is decompressed at a time; bounds what is produced beyond the limit.
const CHUNK_BYTES: usize = 16 * 1024;

/// The largest window a Zstandard frame may ask for, as a power of two. RFC 9659
/// allows 8 MiB for the `zstd` content coding; a frame that asks for more would
/// make the decoder allocate it before the first byte of output.
const ZSTD_WINDOW_LOG_MAX: u32 = 23;

/// A content encoding that is understood.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encoding {
    /// As it is.
    Identity,
    /// One or more gzip members.
    Gzip,
    /// zlib, or the bare deflate stream that some clients send under this name.
    Deflate,
    /// Brotli.
    Brotli,
    /// One or more Zstandard frames.
    Zstd,
}

/// Why a body could not be decompressed.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum EncodingError {
    /// The body is larger than the limit once decompressed.
    #[error("body is over {limit} bytes after decompression; send smaller batches")]
    TooLarge {
        /// Bytes a body may have.
        limit: usize,
    },
    /// The body is not what the header says, or is cut off.
    #[error(
        "body is not valid {encoding:?}: {detail}; check Content-Encoding and that the whole body was sent"
    )]
    Corrupt {
        /// What the header named.
        encoding: Encoding,
        /// What is wrong.
        detail: String,
    },
    /// The header names something else.
    #[error("content encoding {0:?} is not supported; use gzip, deflate, br, zstd or identity")]
    Unknown(String),
}

impl Encoding {
    /// Reads a `Content-Encoding` header. Empty means identity because some
    /// SDKs send the header without a value.
    pub fn from_header(value: &str) -> Result<Self, EncodingError> {
        let mut found = Self::Identity;
        for name in value.split(',').map(str::trim) {
            let named = match name.to_ascii_lowercase().as_str() {
                "" | "identity" => continue,
                "gzip" | "x-gzip" => Self::Gzip,
                "deflate" => Self::Deflate,
                "br" => Self::Brotli,
                "zstd" => Self::Zstd,
                _ => return Err(EncodingError::Unknown(name.to_owned())),
            };
            if found != Self::Identity {
                // Nobody sends two layers but those who look for bombs.
                return Err(EncodingError::Unknown(value.to_owned()));
            }
            found = named;
        }
        Ok(found)
    }

    /// What the first bytes of a file say, for bodies that come without a
    /// header. Only gzip and Zstandard mark theirs.
    pub fn of_magic(body: &[u8]) -> Self {
        match body {
            [0x1f, 0x8b, ..] => Self::Gzip,
            [0x28, 0xb5, 0x2f, 0xfd, ..] => Self::Zstd,
            _ => Self::Identity,
        }
    }
}

/// Undoes `encoding`. Never holds more than `limit` bytes of output, however
/// small the body is. An empty body is empty in every encoding.
pub fn decompress(body: Bytes, encoding: Encoding, limit: usize) -> Result<Bytes, EncodingError> {
    if encoding == Encoding::Identity || body.is_empty() {
        return if body.len() > limit { Err(EncodingError::TooLarge { limit }) } else { Ok(body) };
    }
    let mut output = Output::new(encoding, limit);
    match encoding {
        Encoding::Identity => {}
        Encoding::Gzip => output.read_all(flate2::read::MultiGzDecoder::new(body.as_ref()))?,
        Encoding::Deflate => output.inflate(&body)?,
        Encoding::Brotli => {
            output.read_all(brotli::Decompressor::new(body.as_ref(), CHUNK_BYTES))?;
        }
        Encoding::Zstd => output.read_all(zstd_reader(&body, encoding)?)?,
    }
    Ok(output.bytes.into())
}

fn zstd_reader(body: &[u8], encoding: Encoding) -> Result<impl Read + '_, EncodingError> {
    let corrupt =
        |error: std::io::Error| EncodingError::Corrupt { encoding, detail: error.to_string() };
    let mut decoder = zstd::stream::read::Decoder::with_buffer(body).map_err(corrupt)?;
    decoder.window_log_max(ZSTD_WINDOW_LOG_MAX).map_err(corrupt)?;
    Ok(decoder)
}

/// Collects decompressed bytes and refuses the one past the limit.
struct Output {
    bytes: Vec<u8>,
    encoding: Encoding,
    limit: usize,
}

impl Output {
    fn new(encoding: Encoding, limit: usize) -> Self {
        Self { bytes: Vec::new(), encoding, limit }
    }

    fn corrupt(&self, detail: impl std::fmt::Display) -> EncodingError {
        EncodingError::Corrupt { encoding: self.encoding, detail: detail.to_string() }
    }

    /// Doubles like `Vec` does, but never reserves beyond the limit.
    fn push(&mut self, chunk: &[u8]) -> Result<(), EncodingError> {
        let needed = self.bytes.len() + chunk.len();
        if needed > self.limit {
            return Err(EncodingError::TooLarge { limit: self.limit });
        }
        if needed > self.bytes.capacity() {
            let capacity = needed.max(self.bytes.capacity() * 2).min(self.limit);
            self.bytes.reserve_exact(capacity - self.bytes.len());
        }
        self.bytes.extend_from_slice(chunk);
        Ok(())
    }

    fn read_all(&mut self, mut reader: impl Read) -> Result<(), EncodingError> {
        let mut chunk = [0; CHUNK_BYTES];
        loop {
            match reader.read(&mut chunk) {
                Ok(0) => return Ok(()),
                Ok(length) => self.push(&chunk[..length])?,
                Err(error) => return Err(self.corrupt(error)),
            }
        }
    }

    /// zlib when the first two bytes say so, else bare deflate. A bare stream
    /// can look like zlib by chance, so a failure as zlib is tried as bare too.
    fn inflate(&mut self, body: &[u8]) -> Result<(), EncodingError> {
        if !looks_like_zlib(body) {
            return self.inflate_as(body, false);
        }
        match self.inflate_as(body, true) {
            Err(error @ EncodingError::Corrupt { .. }) => {
                self.bytes.clear();
                self.inflate_as(body, false).map_err(|_| error)
            }
            result => result,
        }
    }

    /// Drives the decompressor by hand because `flate2`'s readers take the end
    /// of the input for the end of the stream and so accept a cut-off body.
    fn inflate_as(&mut self, body: &[u8], zlib: bool) -> Result<(), EncodingError> {
        let mut stream = Decompress::new(zlib);
        let mut chunk = [0; CHUNK_BYTES];
        loop {
            let (read, written) = (stream.total_in(), stream.total_out());
            let rest = &body[read as usize..];
            let status = stream
                .decompress(rest, &mut chunk, FlushDecompress::None)
                .map_err(|error| self.corrupt(error))?;
            let produced = (stream.total_out() - written) as usize;
            self.push(&chunk[..produced])?;
            if status == Status::StreamEnd {
                return Ok(());
            }
            if produced == 0 && stream.total_in() == read {
                return Err(self.corrupt("the stream is cut off"));
            }
        }
    }
}

/// RFC 1950: method 8 and a check value over the first two bytes.
fn looks_like_zlib(body: &[u8]) -> bool {
    match body {
        [method, flags, ..] => {
            method & 0x0f == 8 && (u16::from(*method) << 8 | u16::from(*flags)).is_multiple_of(31)
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests;
