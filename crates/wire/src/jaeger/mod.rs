//! Jaeger: traces as its interface downloads them and its query service
//! answers them, in JSON. Its other formats are not read here: what Jaeger
//! receives is OTLP today.
//!
//! A trace's processes stand behind its spans as a rule, so the text of both
//! is cut out first and the processes are read before the spans.

mod process;
mod span;

use serde::Deserialize;
use serde_json::value::RawValue;

use self::process::Processes;
use self::span::SpanMessage;
use crate::decoded::{Decoded, Reason, RequestError};
use crate::json::for_each;
use crate::limits::Budget;

/// What these bodies are called in messages.
const FORMAT: &str = "Jaeger JSON";

/// What the body holds at its top level: an answer with traces, or one trace.
#[derive(Deserialize)]
struct Body<'a> {
    #[serde(borrow)]
    data: Option<&'a RawValue>,
    #[serde(borrow)]
    errors: Option<&'a RawValue>,
    #[serde(borrow)]
    spans: Option<&'a RawValue>,
    #[serde(borrow)]
    processes: Option<&'a RawValue>,
}

/// One trace.
#[derive(Deserialize)]
struct TraceMessage<'a> {
    #[serde(borrow)]
    spans: Option<&'a RawValue>,
    #[serde(borrow)]
    processes: Option<&'a RawValue>,
}

/// Decodes an answer (`{"data":[…]}`), a list of traces or a single one.
pub fn decode_json(body: &[u8]) -> Result<Decoded, RequestError> {
    let text = std::str::from_utf8(body).map_err(malformed)?;
    let mut reader = Reader { decoded: Decoded::default(), budget: Budget::new() };
    if text.trim_start().starts_with('[') {
        reader.traces(serde_json::from_str(text).map_err(malformed)?)?;
        return Ok(reader.decoded);
    }
    let body: Body<'_> = serde_json::from_str(text).map_err(malformed)?;
    match (body.data, body.spans) {
        (Some(data), _) if data.get().starts_with('{') => {
            reader.trace(serde_json::from_str(data.get()))?;
        }
        (Some(data), _) => reader.traces(data)?,
        (None, Some(spans)) => {
            reader.trace(Ok(TraceMessage { spans: Some(spans), processes: body.processes }))?;
        }
        (None, None) => return Err(malformed(nothing(body.errors))),
    }
    Ok(reader.decoded)
}

/// Why a body without traces has none.
fn nothing(errors: Option<&RawValue>) -> String {
    match errors {
        Some(errors) => format!("it holds no trace but the errors {errors}"),
        None => "it has neither a field data nor a field spans".to_owned(),
    }
}

fn malformed(error: impl std::fmt::Display) -> RequestError {
    RequestError::malformed(FORMAT, error)
}

struct Reader {
    decoded: Decoded,
    budget: Budget,
}

impl Reader {
    fn traces(&mut self, list: &RawValue) -> Result<(), RequestError> {
        for_each(list, malformed, |sent| self.trace(sent))
    }

    /// Reads one trace; one that is none costs only itself.
    fn trace(&mut self, sent: serde_json::Result<TraceMessage<'_>>) -> Result<(), RequestError> {
        let sent = match sent {
            Ok(sent) => sent,
            Err(error) => return self.reject(&format!("trace is unreadable: {error}")),
        };
        let mut processes = match Processes::read(sent.processes, &mut self.decoded) {
            Ok(processes) => processes,
            Err(error) => return self.reject(&format!("processes are unreadable: {error}")),
        };
        self.budget.pay_parts(processes.parts())?;
        let Some(spans) = sent.spans else { return Ok(()) };
        if !spans.get().starts_with('[') {
            return self.reject("the field spans of a trace is not a list");
        }
        let before = self.decoded.spans.len();
        let mut weight = None;
        for_each(spans, malformed, |sent: serde_json::Result<SpanMessage<'_>>| {
            self.budget.pay_item()?;
            let told = match sent {
                Ok(sent) => sent.deliver(&mut processes, &mut self.decoded, &mut self.budget)?,
                Err(error) => {
                    let message = format!("span is unreadable: {error}; send it as Jaeger JSON");
                    self.decoded.reject(Reason::MalformedItem, message);
                    None
                }
            };
            weight = weight.or(told);
            Ok(())
        })?;
        // Jaeger's clients decide for a whole trace and say so on its first span.
        if let Some(weight) = weight {
            self.decoded.spans[before..].iter_mut().for_each(|span| span.weight = weight);
        }
        Ok(())
    }

    fn reject(&mut self, problem: &str) -> Result<(), RequestError> {
        self.budget.pay_item()?;
        let message = format!("{problem}; save the trace again from Jaeger as JSON");
        self.decoded.reject(Reason::MalformedItem, message);
        Ok(())
    }
}
