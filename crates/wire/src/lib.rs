//! Bytes to spans: every wire format that Hotspan reads, and the answers it
//! writes back.
//!
//! A body is decompressed ([`encoding`]), decoded ([`otlp`], [`sentry`], and for
//! files [`jaeger`] and [`zipkin`]) into a [`Decoded`]: the spans that are fine
//! and the reasons why others are not. Only this crate names protobuf fields,
//! JSON keys and envelope grammar. [`retime`] moves recorded bodies to another
//! time, [`content_hash`] tells whether two spans say the same.
//!
//! What must not live here: sockets, files, clocks, storage, the meaning of
//! spans.

pub mod encoding;
pub mod jaeger;
pub mod otlp;
pub mod retime;
pub mod sentry;
pub mod zipkin;

mod decoded;
mod hash;
mod json;
mod limits;
mod micros;
mod opentracing;
mod padded;
mod shape;
mod tags;
mod value;

pub use decoded::{Decoded, Reason, Rejection, RequestError};
pub use hash::{content_hash, content_hashes};
pub use shape::{Shape, shape_of};

/// Grows whenever the same bytes may decode to other spans or rejections than
/// before. Recorded with every stored request, so that a replay knows which
/// rules accepted it.
pub const DECODER_VERSION: u16 = 2;
