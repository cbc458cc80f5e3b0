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
    /// Traces as Jaeger answers and downloads them.
    JaegerJson,
    /// Spans or traces of Zipkin's second version.
    ZipkinJson,
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
    data: Option<IgnoredAny>,
    errors: Option<IgnoredAny>,
    processes: Option<IgnoredAny>,
    #[serde(rename = "traceID")]
    jaeger_trace: Option<IgnoredAny>,
    #[serde(rename = "traceId")]
    zipkin_trace: Option<IgnoredAny>,
}

/// The format of a decompressed body; `None` when it is like none of them.
pub fn shape_of(body: &[u8]) -> Option<Shape> {
    let text = body.trim_ascii();
    if text.starts_with(b"[") {
        return shape_of_list(text);
    }
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

/// The format of a list, or of a list of lists: what its first object tells.
fn shape_of_list(text: &[u8]) -> Option<Shape> {
    let is_bracket = |byte: &u8| *byte == b'[' || byte.is_ascii_whitespace();
    let first = text.iter().position(|byte| !is_bracket(byte))?;
    match text[first] {
        // What Zipkin answers when it has no trace.
        b']' => Some(Shape::ZipkinJson),
        b'{' => {
            let probe =
                Probe::deserialize(&mut serde_json::Deserializer::from_slice(&text[first..]));
            probe.ok()?.shape_in_list()
        }
        _ => None,
    }
}

impl Probe {
    /// The shape of a body that is a list of such objects.
    fn shape_in_list(&self) -> Option<Shape> {
        if self.jaeger_trace.is_some() && self.spans.is_some() {
            Some(Shape::JaegerJson)
        } else if self.zipkin_trace.is_some() {
            Some(Shape::ZipkinJson)
        } else {
            None
        }
    }

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
        } else if self.processes.is_some() || (self.jaeger_trace.is_some() && self.spans.is_some())
        {
            Shape::JaegerJson
        } else if of_event.iter().any(|field| field.is_some()) {
            Shape::SentryEvent
        } else if self.data.is_some() || self.errors.is_some() {
            Shape::JaegerJson
        } else if self.zipkin_trace.is_some() {
            Shape::ZipkinJson
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
            (b"{\"data\":[]}", Some(Shape::JaegerJson)),
            (b"{\"data\":null,\"errors\":[{\"code\":404}]}", Some(Shape::JaegerJson)),
            (b"{\"traceID\":\"1\",\"spans\":[],\"processes\":{}}", Some(Shape::JaegerJson)),
            (b"[\n{\"traceID\":\"1\",\"spans\":[]}]", Some(Shape::JaegerJson)),
            (b"[{\"traceId\":\"1\",\"id\":\"2\",\"timestamp\":3}]", Some(Shape::ZipkinJson)),
            (b"[ [ {\"traceId\":\"1\"}], [] ]", Some(Shape::ZipkinJson)),
            (b"{\"traceId\":\"1\",\"id\":\"2\"}", Some(Shape::ZipkinJson)),
            (b"[]", Some(Shape::ZipkinJson)),
            (b"[[]]", Some(Shape::ZipkinJson)),
            (b"[{\"resourceSpans\":[]}]", None),
            (b"[7]", None),
            (b"[[[", None),
            (b"hello", None),
            (b"", None),
            (&[0x0a, 6, 0x12, 4, 0x12, 2, 0x2a, 0], Some(Shape::OtlpProtobuf)),
            (&[0x1f, 0x8b, 8], None),
        ] {
            assert_eq!(shape_of(body), shape, "{:?}", String::from_utf8_lossy(body));
        }
    }
}
