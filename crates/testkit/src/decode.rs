//! Recorded requests as spans, the way the server decodes them.

use hotspan_model::Span;
use hotspan_wire::{otlp, sentry};

use crate::fixtures::{BodyFormat, RecordedRequest, case};

/// The service name that recorded Sentry projects get.
pub const SENTRY_PROJECT: &str = "recorded";

/// The spans of all requests of a case, in the order they arrived.
pub fn spans_of_case(name: &str) -> Vec<Span> {
    case(name).iter().flat_map(spans_of).collect()
}

/// The spans of one request. A recording that does not decode is a fault of
/// the decoder or of the checkout, so it panics.
pub fn spans_of(request: &RecordedRequest) -> Vec<Span> {
    let body = request.plain_body();
    let decoded = match request.format() {
        BodyFormat::OtlpProtobuf => otlp::decode_protobuf(&body),
        BodyFormat::OtlpJson => otlp::decode_json(&body),
        BodyFormat::SentryEnvelope => sentry::decode_envelope(&body, SENTRY_PROJECT),
    };
    decoded.unwrap_or_else(|error| panic!("recorded request {}: {error}", request.path)).spans
}
