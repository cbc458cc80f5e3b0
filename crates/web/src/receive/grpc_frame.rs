//! gRPC's framing of one message each way, over HTTP/2.
//!
//! Written out here, and not left to a gRPC server, for three reasons: the log
//! keeps the message as received, bodies are decompressed away from the async
//! threads under the same limits as everywhere, and a message that is too
//! large must answer RESOURCE_EXHAUSTED, which exporters do not send again.

use axum::body::{Body, Bytes};
use axum::http::{HeaderMap, HeaderName, HeaderValue, header};
use axum::response::{IntoResponse, Response};
use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use bytes::{BufMut, BytesMut};
use http_body_util::{BodyExt, Full};

use super::denial::Denial;

/// A flag and a length stand before every message.
pub(crate) const PREFIX_BYTES: usize = 5;
/// What a gRPC request's content type begins with.
const CONTENT_TYPE: &str = "application/grpc";
/// What may be announced in `grpc-encoding`.
const ACCEPTED: &str = "gzip,zstd,deflate,identity";

const STATUS: HeaderName = HeaderName::from_static("grpc-status");
const MESSAGE: HeaderName = HeaderName::from_static("grpc-message");
const DETAILS: HeaderName = HeaderName::from_static("grpc-status-details-bin");
const ACCEPT_ENCODING: HeaderName = HeaderName::from_static("grpc-accept-encoding");
/// How the request's message is compressed, when its flag says so.
pub(crate) const ENCODING: HeaderName = HeaderName::from_static("grpc-encoding");

/// The one message of a request.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Message {
    pub(crate) compressed: bool,
    pub(crate) bytes: Bytes,
}

/// True when a request is gRPC at all.
pub(crate) fn is_grpc(headers: &HeaderMap) -> bool {
    headers
        .get(header::CONTENT_TYPE)
        .is_some_and(|value| value.as_bytes().starts_with(CONTENT_TYPE.as_bytes()))
}

/// Reads the frame of a unary request.
pub(crate) fn parse(mut body: Bytes) -> Result<Message, Denial> {
    let malformed = |what: &str| Err(Denial::Malformed(format!("malformed gRPC frame: {what}")));
    if body.len() < PREFIX_BYTES {
        return malformed("no whole message");
    }
    let prefix = body.split_to(PREFIX_BYTES);
    let length = u32::from_be_bytes([prefix[1], prefix[2], prefix[3], prefix[4]]) as usize;
    let compressed = match prefix[0] {
        0 => false,
        1 => true,
        _ => return malformed("the compressed flag is neither 0 nor 1"),
    };
    match body.len() {
        got if got < length => malformed("the message is shorter than announced"),
        got if got > length => malformed("bytes after the message; Export takes one message"),
        _ => Ok(Message { compressed, bytes: body }),
    }
}

/// An answer with a message.
pub(crate) fn success(message: &[u8]) -> Response {
    let mut frame = BytesMut::with_capacity(PREFIX_BYTES + message.len());
    frame.put_u8(0);
    frame.put_u32(u32::try_from(message.len()).unwrap_or(u32::MAX));
    frame.put_slice(message);
    let trailers = HeaderMap::from_iter([(STATUS, HeaderValue::from_static("0"))]);
    let body = Full::new(frame.freeze()).with_trailers(std::future::ready(Some(Ok(trailers))));
    (common_headers(), Body::new(body)).into_response()
}

/// An answer without one: the status stands in the headers. `details` is an
/// encoded `google.rpc.Status`.
pub(crate) fn failure(code: i32, message: &str, details: &[u8]) -> Response {
    let mut response = common_headers().into_response();
    let headers = response.headers_mut();
    headers.insert(STATUS, HeaderValue::from(code));
    for (name, text) in
        [(MESSAGE, percent_encode(message)), (DETAILS, STANDARD_NO_PAD.encode(details))]
    {
        if let Ok(value) = HeaderValue::from_str(&text)
            && !text.is_empty()
        {
            headers.insert(name, value);
        }
    }
    response
}

fn common_headers() -> [(HeaderName, &'static str); 2] {
    [(header::CONTENT_TYPE, CONTENT_TYPE), (ACCEPT_ENCODING, ACCEPTED)]
}

/// The encoding that gRPC prescribes for status messages.
fn percent_encode(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b' '..=b'~' if byte != b'%' => encoded.push(char::from(byte)),
            _ => encoded.push_str(&format!("%{byte:02X}")),
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames() {
        let reason = |body: &'static [u8]| match parse(Bytes::from_static(body)) {
            Ok(message) => format!("{} {:?}", message.compressed, message.bytes),
            Err(denial) => denial.to_string(),
        };
        for (body, expected) in [
            (&b"\0\0\0\0\x02hi"[..], "false b\"hi\""),
            (b"\x01\0\0\0\x02hi", "true b\"hi\""),
            (b"\0\0\0\0\0", "false b\"\""),
            (b"", "malformed gRPC frame: no whole message"),
            (b"\0\0\0", "malformed gRPC frame: no whole message"),
            (b"\x02\0\0\0\0", "malformed gRPC frame: the compressed flag is neither 0 nor 1"),
            (
                b"\0\xff\xff\xff\xffhi",
                "malformed gRPC frame: the message is shorter than announced",
            ),
            (
                b"\0\0\0\0\x01hi",
                "malformed gRPC frame: bytes after the message; Export takes one message",
            ),
        ] {
            assert_eq!(reason(body), expected, "{body:?}");
        }
    }

    #[test]
    fn messages_are_percent_encoded() {
        assert_eq!(percent_encode("50% of µs\n"), "50%25 of %C2%B5s%0A");
    }
}
