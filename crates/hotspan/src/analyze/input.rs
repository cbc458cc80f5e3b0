//! Finds out what a file holds and decodes it. Files have no headers, so
//! content decides: magic bytes for compression, the first line for the rest.

use std::path::Path;

use anyhow::{Context, bail};
use hotspan_wire::encoding::{self, Encoding};
use hotspan_wire::{Decoded, Shape, jaeger, otlp, sentry, shape_of, zipkin};

/// Bytes a file may have once decompressed.
const FILE_BYTES_MAX: usize = 1 << 30;

/// Where an OTLP request in JSON has its only field.
const HEAD_BYTES: usize = 256;

/// What the bytes of a file look like.
#[derive(Debug, PartialEq, Eq)]
enum Kind {
    /// One OTLP request in JSON.
    OtlpJson,
    /// An OTLP request in JSON on each line.
    OtlpJsonLines,
    /// An OTLP request in protobuf.
    OtlpProtobuf,
    /// A Sentry envelope.
    Envelope,
    /// One Sentry event.
    Event,
    /// Traces from Jaeger.
    Jaeger,
    /// Spans or traces from Zipkin.
    Zipkin,
    /// JSON that is none of these.
    OtherJson,
}

/// Reads and decodes a file. Fails when it cannot be read or holds nothing
/// that is known; single bad spans are rejections of the result.
pub(super) fn read(path: &Path, project: &str) -> anyhow::Result<Decoded> {
    let bytes = std::fs::read(path).context("cannot be read")?;
    let encoding = Encoding::of_magic(&bytes);
    let body = encoding::decompress(bytes.into(), encoding, FILE_BYTES_MAX)?;
    if body.is_empty() {
        bail!("is empty");
    }
    decode(&body, project)
}

fn decode(body: &[u8], project: &str) -> anyhow::Result<Decoded> {
    Ok(match kind_of(body) {
        Kind::OtlpJson => otlp::decode_json(body)?,
        Kind::OtlpJsonLines => decode_lines(body)?,
        Kind::OtlpProtobuf => otlp::decode_protobuf(body)
            .context("is neither JSON nor an envelope, and cannot be read as OTLP protobuf")?,
        Kind::Jaeger => jaeger::decode_json(body)?,
        Kind::Zipkin => zipkin::decode_json(body)?,
        Kind::OtherJson => bail!(
            "is JSON, but neither OTLP (resourceSpans) nor Jaeger (data, spans) nor Zipkin v2 \
             (a list of spans); export the traces in one of these formats"
        ),
        Kind::Envelope => sentry::decode_envelope(body, project)?,
        Kind::Event => sentry::decode_store(body, project)?,
    })
}

fn kind_of(body: &[u8]) -> Kind {
    match (body.trim_ascii_start().first(), shape_of_json(body)) {
        (_, Some(Shape::JaegerJson)) => return Kind::Jaeger,
        (_, Some(Shape::ZipkinJson)) => return Kind::Zipkin,
        (Some(b'['), _) => return Kind::OtherJson,
        (Some(b'{'), _) => {}
        _ => return Kind::OtlpProtobuf,
    }
    let mut lines = body.split(|byte| *byte == b'\n').filter(|line| !line.trim_ascii().is_empty());
    let first = lines.next().unwrap_or_default();
    let second = lines.next();
    if says(body, b"\"resourceSpans\"") && !says_type(second) {
        let whole = first.trim_ascii_end().ends_with(b"}") && second.is_some();
        return if whole && says(first, b"\"resourceSpans\"") {
            Kind::OtlpJsonLines
        } else {
            Kind::OtlpJson
        };
    }
    // An envelope's header and item headers are lines of their own; an event
    // that was printed over several lines breaks inside its first object.
    let header_ends = first.trim_ascii_end().ends_with(b"}");
    if header_ends && (says_type(second) || (second.is_none() && !says(first, b"\"timestamp\""))) {
        Kind::Envelope
    } else {
        Kind::Event
    }
}

/// The format of JSON that is not OTLP, which says so in its first lines.
fn shape_of_json(body: &[u8]) -> Option<Shape> {
    let text = body.trim_ascii_start();
    let is_json = matches!(text.first(), Some(b'{' | b'['));
    let head = &text[..text.len().min(HEAD_BYTES)];
    (is_json && !says(head, b"\"resourceSpans\"")).then(|| shape_of(body)).flatten()
}

fn says_type(line: Option<&[u8]>) -> bool {
    line.is_some_and(|line| line.trim_ascii().starts_with(b"{") && says(line, b"\"type\""))
}

fn says(text: &[u8], word: &[u8]) -> bool {
    text.windows(word.len()).any(|window| window == word)
}

fn decode_lines(body: &[u8]) -> anyhow::Result<Decoded> {
    let mut all = Decoded::default();
    for (index, line) in body.split(|byte| *byte == b'\n').enumerate() {
        if line.trim_ascii().is_empty() {
            continue;
        }
        let decoded = otlp::decode_json(line).with_context(|| format!("line {}", index + 1))?;
        all.spans.extend(decoded.spans);
        all.rejections.extend(decoded.rejections);
    }
    Ok(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds() {
        let otlp = r#"{"resourceSpans":[]}"#;
        for (body, kind) in [
            (otlp.to_owned(), Kind::OtlpJson),
            (format!("{otlp}\n"), Kind::OtlpJson),
            (format!("{otlp}\n{otlp}\n"), Kind::OtlpJsonLines),
            ("{\n  \"resourceSpans\": []\n}".to_owned(), Kind::OtlpJson),
            ("{\"event_id\":\"1\"}\n{\"type\":\"transaction\"}\n{}".to_owned(), Kind::Envelope),
            ("{}\n{\"type\":\"session\"}\n{}".to_owned(), Kind::Envelope),
            ("{\"type\":\"transaction\",\"timestamp\":1}".to_owned(), Kind::Event),
            ("{\n\"type\": \"transaction\",\n\"spans\": []}".to_owned(), Kind::Event),
            ("\u{a}\u{2}".to_owned(), Kind::OtlpProtobuf),
            ("{\"data\":[{\"traceID\":\"1\",\"spans\":[]}]}".to_owned(), Kind::Jaeger),
            ("{\n \"data\": null,\n \"errors\": []\n}".to_owned(), Kind::Jaeger),
            ("[{\"traceID\":\"1\",\"spans\":[]}]".to_owned(), Kind::Jaeger),
            ("[[{\"traceId\":\"1\",\"id\":\"1\"}]]".to_owned(), Kind::Zipkin),
            ("\n[]\n".to_owned(), Kind::Zipkin),
            (format!("[{otlp}]"), Kind::OtherJson),
            ("[{".to_owned(), Kind::OtherJson),
        ] {
            assert_eq!(kind_of(body.as_bytes()), kind, "{body}");
        }
    }
}
