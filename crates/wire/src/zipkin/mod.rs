//! Zipkin: spans of its second version in JSON, a list of them as its
//! instrumentations send it and its interface downloads it, or a list of
//! traces as its API answers. Version one and protobuf are not read here.

mod resource;
mod span;

use serde_json::value::RawValue;

use self::resource::Resources;
use self::span::SpanMessage;
use crate::decoded::{Decoded, Reason, RequestError};
use crate::json::{for_each, for_each_raw};
use crate::limits::Budget;

/// What these bodies are called in messages.
const FORMAT: &str = "Zipkin JSON";

/// Decodes a list of spans, a list of such lists, or a single span.
pub fn decode_json(body: &[u8]) -> Result<Decoded, RequestError> {
    let text = std::str::from_utf8(body).map_err(malformed)?;
    let whole: &RawValue = serde_json::from_str(text).map_err(malformed)?;
    let mut reader = Reader {
        decoded: Decoded::default(),
        budget: Budget::new(),
        resources: Resources::default(),
    };
    match whole.get().as_bytes() {
        [b'[', rest @ ..] if rest.trim_ascii_start().starts_with(b"[") => {
            for_each_raw(whole, malformed, |trace| reader.trace_or_span(trace))?;
        }
        [b'[', ..] => reader.spans(whole)?,
        _ => reader.span(serde_json::from_str(whole.get()))?,
    }
    Ok(reader.decoded)
}

fn malformed(error: impl std::fmt::Display) -> RequestError {
    RequestError::malformed(FORMAT, error)
}

struct Reader {
    decoded: Decoded,
    budget: Budget,
    resources: Resources,
}

impl Reader {
    fn trace_or_span(&mut self, sent: &RawValue) -> Result<(), RequestError> {
        if sent.get().starts_with('[') {
            self.spans(sent)
        } else {
            self.span(serde_json::from_str(sent.get()))
        }
    }

    fn spans(&mut self, list: &RawValue) -> Result<(), RequestError> {
        for_each(list, malformed, |sent| self.span(sent))
    }

    /// Reads one span; one that is none costs only itself.
    fn span(&mut self, sent: serde_json::Result<SpanMessage<'_>>) -> Result<(), RequestError> {
        self.budget.pay_item()?;
        match sent {
            Ok(sent) => sent.deliver(&mut self.resources, &mut self.decoded, &mut self.budget),
            Err(error) => {
                let message = format!("span is unreadable: {error}; send it as Zipkin v2 JSON");
                self.decoded.reject(Reason::MalformedItem, message);
                Ok(())
            }
        }
    }
}
