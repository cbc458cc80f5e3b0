//! The tags of Jaeger's and Zipkin's spans. Both carry in tags what other
//! formats have fields for: role, status, instrumentation, trace state. Those
//! are taken out here; what is left are attributes.
//!
//! What older conventions call their attributes is known in `opentracing`.

use std::borrow::Cow;

use hotspan_model::ValueRef;

use crate::decoded::Reason;
use crate::json::{Held, HeldOutcome};
use crate::limits::{DEPTH_MAX, weight_of};
use crate::opentracing;
use crate::otlp::Draft;
use crate::value::Collected;

/// Tags that are whole numbers in OpenTelemetry. Zipkin writes every tag as
/// text, and so do some OpenTracing instrumentations.
const WHOLE_NUMBERS: [&str; 19] = [
    "code.line.number",
    "code.lineno",
    "db.operation.batch.size",
    "http.request.body.size",
    "http.request.resend_count",
    "http.request_content_length",
    "http.resend_count",
    "http.response.body.size",
    "http.response.status_code",
    "http.response_content_length",
    "http.status_code",
    "messaging.batch.message_count",
    "net.host.port",
    "net.peer.port",
    "network.peer.port",
    "peer.port",
    "process.pid",
    "rpc.grpc.status_code",
    "server.port",
];

/// The tags of one span while they are read.
#[derive(Debug, Default)]
pub(crate) struct Tags {
    /// What is left as attributes.
    pub(crate) collected: Collected,
    /// OTLP's number of the role, if it was told.
    kind: Option<i32>,
    failed: bool,
    /// OTLP's number of `otel.status_code`.
    status_code: i32,
    status_message: String,
    error_text: String,
    trace_state: String,
    scope_name: String,
    scope_version: String,
    sampler: String,
    sampler_parameter: f64,
}

/// What a span's tags tell about more than the span.
#[derive(Debug, Default)]
pub(crate) struct Told {
    /// Name and version of the instrumentation; empty when not told.
    pub(crate) scope: (String, String),
    /// How many requests the trace stands for, if a sampler says so.
    pub(crate) weight: Option<f64>,
}

impl Tags {
    /// Adds one tag.
    pub(crate) fn add(&mut self, key: &str, value: HeldOutcome<'_>) {
        let value = value.and_then(checked).map(|value| typed(key, value));
        let text = match &value {
            Ok(Held::Str(text)) => text.as_ref(),
            _ => "",
        };
        match key {
            "span.kind" => self.tell_kind(text),
            "error" => match &value {
                Ok(value) => self.tell_error(value.as_ref()),
                Err(_) => self.failed = true,
            },
            "otel.status_code" => self.status_code = status_number(text),
            "otel.status_description" => self.status_message = text.to_owned(),
            "otel.scope.name" | "otel.library.name" => self.scope_name = text.to_owned(),
            "otel.scope.version" | "otel.library.version" => self.scope_version = text.to_owned(),
            "w3c.tracestate" => self.trace_state = text.to_owned(),
            _ => {
                self.note_sampler(key, &value);
                self.collected.push(key, value.as_ref().map_err(|reason| *reason));
            }
        }
    }

    /// The role, in Jaeger's lower or Zipkin's upper case.
    pub(crate) fn tell_kind(&mut self, kind: &str) {
        self.kind = match () {
            () if kind.eq_ignore_ascii_case("internal") => Some(1),
            () if kind.eq_ignore_ascii_case("server") => Some(2),
            () if kind.eq_ignore_ascii_case("client") => Some(3),
            () if kind.eq_ignore_ascii_case("producer") => Some(4),
            () if kind.eq_ignore_ascii_case("consumer") => Some(5),
            () => self.kind,
        };
    }

    /// True when an attribute of this name is there.
    pub(crate) fn has(&self, key: &str) -> bool {
        self.collected.attributes.get(key).is_some()
    }

    /// True when the span is a server's side of a request.
    pub(crate) fn is_server(&self) -> bool {
        self.kind == Some(2)
    }

    /// Jaeger writes a truth value, Zipkin a message that may be empty; only an
    /// explicit no means that nothing failed.
    fn tell_error(&mut self, value: ValueRef<'_>) {
        self.failed = match value {
            ValueRef::Bool(failed) => failed,
            ValueRef::Str(text) if text.eq_ignore_ascii_case("false") => false,
            ValueRef::Str(text) => {
                if !text.eq_ignore_ascii_case("true") {
                    self.error_text = text.to_owned();
                }
                true
            }
            _ => true,
        };
    }

    /// Jaeger's own clients say on the first span how it was sampled.
    fn note_sampler(&mut self, key: &str, value: &HeldOutcome<'_>) {
        let Ok(value) = value else { return };
        match (key, value.as_ref()) {
            ("sampler.type", ValueRef::Str(text)) => self.sampler = text.to_owned(),
            ("sampler.param", ValueRef::Float(number)) => self.sampler_parameter = number,
            ("sampler.param", ValueRef::Int(number)) => self.sampler_parameter = number as f64,
            ("sampler.param", ValueRef::Str(text)) => {
                self.sampler_parameter = text.parse().unwrap_or_default();
            }
            _ => {}
        }
    }

    /// Moves everything into the span's fields.
    pub(crate) fn finish(mut self, draft: &mut Draft) -> Told {
        let kind = opentracing::translate(&mut self.collected, self.kind);
        draft.kind = kind.unwrap_or(0);
        draft.status_code = if self.failed { 2 } else { self.status_code };
        draft.status_message = match self.status_message {
            message if message.is_empty() => self.error_text,
            message => message,
        };
        draft.trace_state = self.trace_state;
        let sampled = self.sampler == "probabilistic" && self.sampler_parameter > 0.0;
        if self.scope_name.is_empty() {
            let component = self.collected.attributes.first_str(&["component"]);
            self.scope_name = component.unwrap_or_default().to_owned();
        }
        draft.attributes = self.collected;
        Told {
            scope: (self.scope_name, self.scope_version),
            weight: sampled.then(|| weight_of(self.sampler_parameter)),
        }
    }
}

/// `ERROR` and `STATUS_CODE_ERROR` in either case, as OTLP's number.
fn status_number(text: &str) -> i32 {
    let text = text.to_ascii_uppercase();
    match text.strip_prefix("STATUS_CODE_").unwrap_or(&text) {
        "OK" => 1,
        "ERROR" => 2,
        _ => 0,
    }
}

/// A value whose lists and objects are not nested too deep.
fn checked(value: Held<'_>) -> HeldOutcome<'_> {
    match &value {
        Held::Json(json) if depth_of(json) > DEPTH_MAX => Err(Reason::TooDeep),
        _ => Ok(value),
    }
}

/// How deep lists and objects of a JSON text are nested.
fn depth_of(json: &str) -> usize {
    let (mut depth, mut deepest) = (0usize, 0);
    let (mut in_text, mut escaped) = (false, false);
    for byte in json.bytes() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_text => escaped = true,
            b'"' => in_text = !in_text,
            b'[' | b'{' if !in_text => {
                depth += 1;
                deepest = deepest.max(depth);
            }
            b']' | b'}' if !in_text => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    deepest
}

/// A text as the type that OpenTelemetry gives to `key`.
fn typed<'a>(key: &str, value: Held<'a>) -> Held<'a> {
    let Held::Str(text) = &value else { return value };
    match text.parse() {
        Ok(number) if WHOLE_NUMBERS.contains(&key) => Held::Scalar(ValueRef::Int(number)),
        _ => value,
    }
}

/// A value that was sent as text but said to be of a type.
pub(crate) fn declared<'a>(kind: &str, value: HeldOutcome<'a>) -> HeldOutcome<'a> {
    let text = match value {
        Ok(Held::Str(text)) => text,
        other => return other,
    };
    let scalar = match kind {
        "bool" => text.parse().ok().map(ValueRef::Bool),
        "int64" => text.parse().ok().map(ValueRef::Int),
        "float64" => text.parse().ok().map(ValueRef::Float),
        // Bytes are base64 in JSON, as in OTLP.
        "binary" => return quoted(&text),
        _ => None,
    };
    Ok(scalar.map_or(Held::Str(text), Held::Scalar))
}

fn quoted<'a>(text: &str) -> HeldOutcome<'a> {
    let mut json = crate::value::Json::default();
    json.string(text)?;
    Ok(Held::Json(Cow::Owned(json.into_text())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn depths() {
        for (json, depth) in [
            ("[]", 1),
            ("[[1],{\"a\":[]}]", 3),
            ("{\"[[[\":\"]\\\"[[\"}", 1),
            ("\"[\"", 0),
            ("]]][", 1),
        ] {
            assert_eq!(depth_of(json), depth, "{json}");
        }
    }
}
