//! OTLP: export requests in, spans out, and the answers that exporters expect.
//!
//! Nothing of HTTP or gRPC but the bodies is known here.

pub mod answer;

mod any;
mod count;
mod draft;
mod fields;
mod json;
mod protobuf;
mod scalar;
mod view;

pub use count::{count_logs, count_metrics};
pub use json::decode_json;
pub use protobuf::decode_protobuf;

pub(crate) use draft::{
    Draft, Origin, Refused, check_order, checked_parent, checked_span_id, checked_trace_id,
};
pub(crate) use fields::{Fields, Payload, WireError};
pub(crate) use json::decode_span;
pub(crate) use scalar::Unsigned;

/// The two forms every OTLP message has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// Binary protobuf: gRPC, and HTTP with `application/x-protobuf`.
    Protobuf,
    /// JSON: HTTP with `application/json`.
    Json,
}
