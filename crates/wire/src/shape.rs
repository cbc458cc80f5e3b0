//! Which wire format a body has, for files that come without a content type.
//! Nothing is decoded here beyond what tells the formats apart.

use serde::Deserialize;
use serde::de::IgnoredAny;

use crate::otlp;
use crate::sentry;

/// A wire format.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// OTLP in JSON.
    OtlpJson,
    /// OTLP in protobuf.
    OtlpProtobuf,
    /// A Sentry envelope.
    SentryEnvelope,
    /// A single Sentry event or transaction in JSON.
    SentryEvent,
}

/// Fields that only one of the JSON formats has at its top level.
#[derive(Deserialize)]
struct Probe {
    #[serde(rename = "resourceSpans", alias = "resource_spans")]
    resource_spans: Option<IgnoredAny>,
    contexts: Option<IgnoredAny>,
    exception: Option<IgnoredAny>,
    transaction: Option<IgnoredAny>,
    spans: Option<IgnoredAny>,
    platform: Option<IgnoredAny>,
    timestamp: Option<IgnoredAny>,
}

/// The format of a decompressed body; `None` when it is like none of them.
pub fn shape_of(body: &[u8]) -> Option<Shape> {
    let text = body.trim_ascii();
    if !text.starts_with(b"{") {
        let decoded = otlp::decode_protobuf(body).ok()?;
        let has_spans = !decoded.spans.is_empty() || !decoded.rejections.is_empty();
        return has_spans.then_some(Shape::OtlpProtobuf);
    }
    match serde_json::from_slice::<Probe>(text) {
        Ok(probe) => Some(probe.shape()),
        Err(_) => sentry::open(text).ok().map(|_| Shape::SentryEnvelope),
    }
}

impl Probe {
    /// The shape of a body that is one JSON object.
    fn shape(&self) -> Shape {
        let of_event = [
            &self.contexts,
            &self.exception,
            &self.transaction,
            &self.spans,
            &self.platform,
            &self.timestamp,
        ];
        if self.resource_spans.is_some() {
            Shape::OtlpJson
        } else if of_event.iter().any(|field| field.is_some()) {
            Shape::SentryEvent
        } else {
            // An envelope without items is its header alone.
            Shape::SentryEnvelope
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shapes() {
        for (body, shape) in [
            (&b"{\"resourceSpans\":[]}"[..], Some(Shape::OtlpJson)),
            (b" {\n\"resource_spans\": [] }\n", Some(Shape::OtlpJson)),
            (b"{}", Some(Shape::SentryEnvelope)),
            (b"{\"event_id\":\"a\"}\n{\"type\":\"session\"}\n{}", Some(Shape::SentryEnvelope)),
            (b"{\"type\":\"transaction\",\"contexts\":{}}", Some(Shape::SentryEvent)),
            (b"{\n\"exception\": null, \"timestamp\": 1\n}", Some(Shape::SentryEvent)),
            (b"{\"a\":", None),
            (b"[]", None),
            (b"hello", None),
            (b"", None),
            (&[0x0a, 6, 0x12, 4, 0x12, 2, 0x2a, 0], Some(Shape::OtlpProtobuf)),
            (&[0x1f, 0x8b, 8], None),
        ] {
            assert_eq!(shape_of(body), shape, "{:?}", String::from_utf8_lossy(body));
        }
    }
}
