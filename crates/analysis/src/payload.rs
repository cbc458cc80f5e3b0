//! How many bytes a call moved, by whichever attribute tells. What is large is
//! not decided here.

use hotspan_knowledge::knowledge;
use hotspan_model::ValueRef;

use crate::conventions::{Key, Told};

/// Sizes of what came back, then of what was sent; the body before the body
/// with its headers, what an instrumentation measured before what a header says.
const SIZES: [Key; 14] = [
    Key::HttpResponseBodySize,
    Key::HttpResponseContentLength,
    Key::HttpResponseHeaderContentLength,
    Key::HttpResponseHeaderContentLengthFlat,
    Key::HttpResponseTransferSize,
    Key::CacheItemSize,
    Key::MessagingMessageBodySize,
    Key::MessagingMessagePayloadSize,
    Key::MessagingPayloadSize,
    Key::MessagingMessageEnvelopeSize,
    Key::HttpRequestBodySize,
    Key::HttpRequestContentLength,
    Key::HttpRequestHeaderContentLength,
    Key::HttpRequestHeaderContentLengthFlat,
];

/// Media types of what came back.
const TYPES: [Key; 3] = [
    Key::HttpResponseHeaderContentType,
    Key::HttpResponseHeaderContentTypeFlat,
    Key::HttpResponseContentType,
];

/// Bytes of the answer's body, else of the message or the request; 0 when
/// nothing is told or the answer is a file, [`u32::MAX`] for anything beyond.
pub(crate) fn payload_bytes(told: &Told<'_>) -> u32 {
    let bytes = SIZES.iter().find_map(|&key| whole(told, key).filter(|bytes| *bytes > 0));
    let is_file = || {
        let media_type = told.first_listed(&TYPES);
        media_type.is_some_and(|media_type| knowledge().natural.is_file_type(media_type))
    };
    let bytes = bytes.filter(|_| !is_file());
    u32::try_from(bytes.unwrap_or(0)).unwrap_or(u32::MAX)
}

/// A number, digits, or a header's value: a list of one text.
fn whole(told: &Told<'_>, key: Key) -> Option<i64> {
    match told.get(key)? {
        ValueRef::Json(_) => told.first_listed(&[key])?.trim().parse().ok(),
        value => value.as_int(),
    }
}
