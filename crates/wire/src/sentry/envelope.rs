//! The grammar of envelopes: a header line, then items of a header line and a
//! payload. What an item means is not known here.
//!
//! ```text
//! Envelope = Header { "\n" Item } [ "\n" ]
//! Item     = Header "\n" Payload
//! ```
//!
//! An item header may tell its payload's `length`; without it the payload ends
//! at the next newline. Carriage returns belong to the payload.

use hotspan_model::ValueRef;
use serde::Deserialize;

use crate::decoded::RequestError;
use crate::json::{Held, lenient, value_of_raw};

/// The first line.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct EnvelopeHeader {
    #[serde(deserialize_with = "lenient")]
    pub(super) event_id: Option<String>,
    #[serde(deserialize_with = "lenient")]
    pub(super) dsn: Option<String>,
    #[serde(deserialize_with = "lenient")]
    pub(super) sdk: Option<SdkInfo>,
    /// The dynamic sampling context: what the head of the trace decided.
    #[serde(deserialize_with = "lenient")]
    pub(super) trace: Option<TraceHeader>,
}

/// What made the payload.
#[derive(Debug, Default, Clone, Deserialize)]
#[serde(default)]
pub(super) struct SdkInfo {
    #[serde(deserialize_with = "lenient")]
    pub(super) name: Option<String>,
    #[serde(deserialize_with = "lenient")]
    pub(super) version: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct TraceHeader {
    /// A number or a number as text.
    sample_rate: Option<Box<serde_json::value::RawValue>>,
    #[serde(deserialize_with = "lenient")]
    pub(super) release: Option<String>,
    #[serde(deserialize_with = "lenient")]
    pub(super) environment: Option<String>,
}

impl TraceHeader {
    /// The share of traces that are kept.
    pub(super) fn sample_rate(&self) -> Option<f64> {
        match value_of_raw(self.sample_rate.as_deref()?)?.ok()? {
            Held::Str(text) => text.parse().ok(),
            Held::Scalar(ValueRef::Float(number)) => Some(number),
            Held::Scalar(ValueRef::Int(number)) => Some(number as f64),
            _ => None,
        }
    }
}

/// The first line of an item.
#[derive(Debug, Deserialize)]
pub(crate) struct ItemHeader {
    #[serde(rename = "type")]
    pub(super) kind: String,
    length: Option<u64>,
    #[serde(default, deserialize_with = "lenient")]
    pub(super) content_type: Option<String>,
}

/// One item, borrowed from the body.
#[derive(Debug)]
pub(crate) struct Item<'a> {
    pub(super) header: ItemHeader,
    /// The header line as sent.
    pub(crate) header_line: &'a [u8],
    pub(crate) payload: &'a [u8],
    /// True when the header told the payload's length.
    pub(crate) has_length: bool,
}

/// Splits a body into the envelope's header line and its items.
pub(crate) fn open(body: &[u8]) -> Result<(&[u8], Items<'_>), RequestError> {
    let (line, rest) = split_line(body);
    let header: Result<serde::de::IgnoredAny, _> = serde_json::from_slice(line);
    if let Err(error) = header {
        return Err(RequestError::malformed("Sentry envelope header", error));
    }
    if !line.trim_ascii_start().starts_with(b"{") {
        let detail = "the first line is not a JSON object";
        return Err(RequestError::malformed("Sentry envelope header", detail));
    }
    Ok((line, Items { rest }))
}

/// Reads the header of an envelope; fields of a wrong type count as not sent.
pub(super) fn header(line: &[u8]) -> EnvelopeHeader {
    serde_json::from_slice(line).unwrap_or_default()
}

/// The items of an envelope, in order. An item that is broken yields a text
/// that says how; reading goes on after it where that is possible.
#[derive(Debug)]
pub(crate) struct Items<'a> {
    rest: &'a [u8],
}

impl<'a> Iterator for Items<'a> {
    type Item = Result<Item<'a>, String>;

    fn next(&mut self) -> Option<Self::Item> {
        // Empty lines between items are not in the grammar, but SDKs that end
        // a payload of known length with two newlines make them.
        while let Some(rest) = self.rest.strip_prefix(b"\n") {
            self.rest = rest;
        }
        if self.rest.is_empty() {
            return None;
        }
        let (header_line, after) = split_line(self.rest);
        self.rest = after;
        let header: ItemHeader = match serde_json::from_slice(header_line) {
            Ok(header) => header,
            Err(error) => {
                // What follows is the payload of an unknown item.
                (_, self.rest) = split_line(after);
                return Some(Err(format!("item header is unreadable: {error}")));
            }
        };
        Some(self.payload(header, header_line))
    }
}

impl<'a> Items<'a> {
    fn payload(&mut self, header: ItemHeader, header_line: &'a [u8]) -> Result<Item<'a>, String> {
        let Some(length) = header.length else {
            let (payload, rest) = split_line(self.rest);
            self.rest = rest;
            return Ok(Item { header, header_line, payload, has_length: false });
        };
        let split =
            usize::try_from(length).ok().and_then(|length| self.rest.split_at_checked(length));
        let problem = match split {
            None => format!("length is {length} but {} bytes follow", self.rest.len()),
            Some((_, [first, ..])) if *first != b'\n' => {
                format!("length is {length} but the payload does not end there")
            }
            Some((payload, rest)) => {
                self.rest = rest.strip_prefix(b"\n").unwrap_or(rest);
                return Ok(Item { header, header_line, payload, has_length: true });
            }
        };
        // JSON payloads have no newline, so the next one starts another item.
        (_, self.rest) = split_line(self.rest);
        Err(problem)
    }
}

fn split_line(text: &[u8]) -> (&[u8], &[u8]) {
    match text.iter().position(|byte| *byte == b'\n') {
        Some(end) => (&text[..end], &text[end + 1..]),
        None => (text, &[]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(body: &str, expected: &[&str]) {
        let items: Vec<String> = match open(body.as_bytes()) {
            Ok((_, items)) => items.map(show).collect(),
            Err(error) => vec![error.to_string()],
        };
        assert_eq!(items, expected, "{body:?}");
    }

    fn show(item: Result<Item<'_>, String>) -> String {
        match item {
            Ok(item) => format!("{} {:?}", item.header.kind, String::from_utf8_lossy(item.payload)),
            Err(problem) => problem,
        }
    }

    #[test]
    fn grammar() {
        check("{}", &[]);
        check("{}\n", &[]);
        check("{}\n\n\n", &[]);
        check("{\"event_id\":7}\r\n", &[]);
        check("{}\n{\"type\":\"a\"}\nabc", &["a \"abc\""]);
        check("{}\n{\"type\":\"a\"}\nabc\r\n", &["a \"abc\\r\""]);
        check("{}\n{\"type\":\"a\"}", &["a \"\""]);
        check("{}\n{\"type\":\"a\",\"length\":3}\nabc", &["a \"abc\""]);
        check("{}\n{\"type\":\"a\",\"length\":null}\nabc", &["a \"abc\""]);
        check("{}\n{\"type\":\"a\",\"length\":0}\n\n{\"type\":\"b\"}\nx", &["a \"\"", "b \"x\""]);
        check(
            "{}\n{\"type\":\"a\",\"length\":5}\nab\ncd\n\n{\"type\":\"b\"}\nx\n",
            &["a \"ab\\ncd\"", "b \"x\""],
        );
    }

    #[test]
    fn broken_items_do_not_take_the_others_along() {
        check(
            "{}\n{\"type\":\"a\",\"length\":2}\nabc\n{\"type\":\"b\"}\nx",
            &["length is 2 but the payload does not end there", "b \"x\""],
        );
        check(
            "{}\n{\"type\":\"a\",\"length\":99}\nabc\n{\"type\":\"b\"}\nx",
            &["length is 99 but 18 bytes follow", "b \"x\""],
        );
        check(
            "{}\nnonsense\n{\"type\":\"transaction\"}\n{\"type\":\"b\"}\nx",
            &["item header is unreadable: expected ident at line 1 column 2", "b \"x\""],
        );
        check("{}\n{}\nx", &["item header is unreadable: missing field `type` at line 1 column 2"]);
    }

    #[test]
    fn broken_headers_refuse_the_envelope() {
        let prefix = "malformed Sentry envelope header: ";
        let suffix = "; send the body that the content type announces";
        let refused = |detail: &str| format!("{prefix}{detail}{suffix}");
        check("", &[&refused("EOF while parsing a value at line 1 column 0")]);
        check("[]", &[&refused("the first line is not a JSON object")]);
        check("{\"a\"\n", &[&refused("EOF while parsing an object at line 1 column 4")]);
    }

    #[test]
    fn sample_rates() {
        for (json, rate) in [
            (r#"{"trace":{"sample_rate":"0.25"}}"#, Some(0.25)),
            (r#"{"trace":{"sample_rate":0.5}}"#, Some(0.5)),
            (r#"{"trace":{"sample_rate":1}}"#, Some(1.0)),
            (r#"{"trace":{"sample_rate":null}}"#, None),
            (r#"{"trace":{"sample_rate":"often"}}"#, None),
            (r#"{"trace":null}"#, None),
            (r#"{"trace":7,"sdk":[]}"#, None),
            ("{}", None),
        ] {
            let found = header(json.as_bytes()).trace.and_then(|t| t.sample_rate());
            assert_eq!(found, rate, "{json}");
        }
    }
}
