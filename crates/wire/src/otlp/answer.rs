//! The bodies of answers: success, partial success, `google.rpc.Status`.
//! Status codes and headers belong to whoever speaks HTTP or gRPC.

use std::time::Duration;

use serde::Serialize;

use super::Format;

const RETRY_INFO_TYPE: &str = "type.googleapis.com/google.rpc.RetryInfo";

/// `ExportTraceServiceResponse` for a request that was accepted whole: the
/// partial success is unset, as the specification demands. Fits the answers
/// to metrics and logs as well.
pub fn success(format: Format) -> Vec<u8> {
    match format {
        Format::Protobuf => Vec::new(),
        Format::Json => b"{}".to_vec(),
    }
}

/// `ExportTraceServiceResponse` for a request of which `rejected` spans were
/// not kept, or that carries a warning when `rejected` is 0.
pub fn partial(rejected: i64, message: &str, format: Format) -> Vec<u8> {
    match format {
        Format::Protobuf => {
            let mut partial = Message::default();
            partial.varint(1, rejected as u64);
            partial.text(2, message);
            let mut response = Message::default();
            response.bytes(1, &partial.0);
            response.0
        }
        Format::Json => json(&Response {
            partial_success: PartialSuccess {
                // Protobuf's JSON mapping writes 64-bit numbers as text.
                rejected_spans: rejected.to_string(),
                error_message: message,
            },
        }),
    }
}

/// `google.rpc.Status` with a gRPC `code`, and `RetryInfo` when the sender may
/// try again after `retry`.
pub fn status(code: i32, message: &str, retry: Option<Duration>, format: Format) -> Vec<u8> {
    match format {
        Format::Protobuf => {
            let mut status = Message::default();
            status.varint(1, code as u64);
            status.text(2, message);
            if let Some(delay) = retry {
                status.bytes(3, &retry_info(delay).0);
            }
            status.0
        }
        Format::Json => {
            json(&Status { code, message, details: retry.map(retry_detail).into_iter().collect() })
        }
    }
}

/// `google.protobuf.Any` around a `google.rpc.RetryInfo`.
fn retry_info(delay: Duration) -> Message {
    let mut duration = Message::default();
    duration.varint(1, delay.as_secs());
    duration.varint(2, u64::from(delay.subsec_nanos()));
    let mut info = Message::default();
    info.bytes(1, &duration.0);
    let mut any = Message::default();
    any.text(1, RETRY_INFO_TYPE);
    any.bytes(2, &info.0);
    any
}

fn retry_detail(delay: Duration) -> Detail {
    let seconds = match delay.subsec_nanos() {
        0 => delay.as_secs().to_string(),
        nanos => format!("{}.{nanos:09}", delay.as_secs()),
    };
    Detail { type_url: RETRY_INFO_TYPE, retry_delay: format!("{seconds}s") }
}

/// These structs hold text and numbers only, which always serialise.
fn json(answer: &impl Serialize) -> Vec<u8> {
    serde_json::to_vec(answer).unwrap_or_default()
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Response<'a> {
    partial_success: PartialSuccess<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct PartialSuccess<'a> {
    rejected_spans: String,
    error_message: &'a str,
}

#[derive(Serialize)]
struct Status<'a> {
    code: i32,
    message: &'a str,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    details: Vec<Detail>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Detail {
    #[serde(rename = "@type")]
    type_url: &'static str,
    retry_delay: String,
}

/// A protobuf message being written; zero and empty fields are left out.
#[derive(Default)]
struct Message(Vec<u8>);

impl Message {
    fn varint(&mut self, field: u8, number: u64) {
        if number != 0 {
            self.0.push(field << 3);
            self.raw_varint(number);
        }
    }

    fn text(&mut self, field: u8, text: &str) {
        if !text.is_empty() {
            self.bytes(field, text.as_bytes());
        }
    }

    fn bytes(&mut self, field: u8, bytes: &[u8]) {
        self.0.push(field << 3 | 2);
        self.raw_varint(bytes.len() as u64);
        self.0.extend_from_slice(bytes);
    }

    fn raw_varint(&mut self, mut number: u64) {
        while number >= 0x80 {
            self.0.push(number as u8 | 0x80);
            number >>= 7;
        }
        self.0.push(number as u8);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceResponse;
    use prost::Message as _;

    fn text(answer: Vec<u8>) -> String {
        String::from_utf8(answer).expect("JSON is UTF-8")
    }

    #[test]
    fn success_leaves_the_partial_success_unset() {
        let response = ExportTraceServiceResponse::decode(&*success(Format::Protobuf));
        assert_eq!(response.expect("decodes").partial_success, None);
        assert_eq!(text(success(Format::Json)), "{}");
    }

    #[test]
    fn partial_success() {
        let answer = partial(300, "3 spans: zero_trace_id", Format::Protobuf);
        let response = ExportTraceServiceResponse::decode(&*answer).expect("decodes");
        let partial_success = response.partial_success.expect("is set");
        assert_eq!(partial_success.rejected_spans, 300);
        assert_eq!(partial_success.error_message, "3 spans: zero_trace_id");
        assert_eq!(
            text(partial(300, "\"quoted\"", Format::Json)),
            r#"{"partialSuccess":{"rejectedSpans":"300","errorMessage":"\"quoted\""}}"#
        );
    }

    #[test]
    fn statuses() {
        assert_eq!(status(3, "bad", None, Format::Protobuf), b"\x08\x03\x12\x03bad");
        let delayed = status(14, "", Some(Duration::from_millis(1_500)), Format::Protobuf);
        let mut expected = b"\x08\x0e\x1a\x36\x0a\x28".to_vec();
        expected.extend(RETRY_INFO_TYPE.as_bytes());
        expected.extend(b"\x12\x0a\x0a\x08\x08\x01\x10\x80\xca\xb5\xee\x01");
        assert_eq!(delayed, expected);
        assert_eq!(
            text(status(14, "busy", Some(Duration::from_secs(30)), Format::Json)),
            r#"{"code":14,"message":"busy","details":[{"@type":"type.googleapis.com/google.rpc.RetryInfo","retryDelay":"30s"}]}"#
        );
        assert_eq!(text(status(3, "bad", None, Format::Json)), r#"{"code":3,"message":"bad"}"#);
    }
}
