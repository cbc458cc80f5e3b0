//! Sentry: envelopes and store requests in, spans out.
//!
//! Sentry's words (envelope, item, transaction, event) end here: what leaves
//! is spans. Rate limits, answers and the query string belong to the HTTP door.

mod auth;
mod body;
mod client_report;
mod envelope;
mod event;
mod op;
mod origin;
mod span_v2;
mod timestamp;
mod transaction;

use std::sync::Arc;

use hotspan_model::{Door, Scope, Span};

pub use auth::{Auth, Dsn, parse_auth_header};
pub(crate) use envelope::{Item, open};
pub(crate) use timestamp::{parse_date, parse_seconds};

use self::body::Body;
use self::envelope::EnvelopeHeader;
use self::origin::{Facts, Maker};
use crate::decoded::{Decoded, Reason, RequestError};
use crate::limits::{Budget, ITEM_BYTES_MAX};
use crate::otlp::{Origin, decode_span};
use crate::value::Collected;

/// Item types that are accepted and counted by their name. Whatever else is
/// sent counts as `unknown`, so that senders cannot invent counters.
const COUNTED_TYPES: &[&str] = &[
    "attachment",
    "check_in",
    "feedback",
    "form_data",
    "integration",
    "log",
    "metric_buckets",
    "nel",
    "otel_traces_data",
    "profile",
    "profile_chunk",
    "raw_security",
    "replay_event",
    "replay_recording",
    "replay_video",
    "security",
    "session",
    "sessions",
    "statsd",
    "trace_metric",
    "unreal_report",
    "user_report",
];

/// Decodes an envelope. `project_name` becomes every span's service.
pub fn decode_envelope(body: &[u8], project_name: &str) -> Result<Decoded, RequestError> {
    let (line, items) = open(body)?;
    let header = envelope::header(line);
    let mut reading = Reading::new(&header, project_name);
    reading.decoded.event_id = header.event_id.clone();
    for item in items {
        match item {
            Ok(item) => reading.item(&item)?,
            Err(problem) => {
                let message = format!("{problem}; make every length the payload's size in bytes");
                reading.reject_item(Reason::MalformedItem, message)?;
            }
        }
    }
    Ok(reading.decoded)
}

/// Decodes the body of a store request: one event or transaction as JSON.
pub fn decode_store(body: &[u8], project_name: &str) -> Result<Decoded, RequestError> {
    let event: Body<'_> = serde_json::from_slice(body)
        .map_err(|error| RequestError::malformed("Sentry event", error))?;
    let header = EnvelopeHeader::default();
    let mut reading = Reading::new(&header, project_name);
    reading.body(event)?;
    Ok(reading.decoded)
}

/// The public key in the DSN of an envelope's header, if it has one.
pub fn envelope_key(body: &[u8]) -> Option<String> {
    let (line, _) = open(body).ok()?;
    Dsn::parse(&envelope::header(line).dsn?).map(|dsn| dsn.key)
}

/// A request being read.
struct Reading<'a> {
    header: &'a EnvelopeHeader,
    service: Arc<str>,
    decoded: Decoded,
    budget: Budget,
}

impl<'a> Reading<'a> {
    fn new(header: &'a EnvelopeHeader, project_name: &str) -> Self {
        Self {
            header,
            service: Arc::from(project_name),
            decoded: Decoded::default(),
            budget: Budget::new(),
        }
    }

    /// The share of traces that are kept, as the head of the trace decided.
    fn sample_rate(&self) -> Option<f64> {
        self.header.trace.as_ref()?.sample_rate()
    }

    fn item(&mut self, item: &Item<'_>) -> Result<(), RequestError> {
        let kind = item.header.kind.as_str();
        if !matches!(kind, "transaction" | "event" | "span" | "otel_span" | "client_report") {
            let known = COUNTED_TYPES.contains(&kind);
            let name = if known { kind } else { "unknown" };
            self.decoded.count(&format!("sentry_item.{name}"), 1);
            return Ok(());
        }
        if item.payload.len() > ITEM_BYTES_MAX {
            let message = format!("{kind} is over {ITEM_BYTES_MAX} bytes; attach less to it");
            return self.reject_item(Reason::ItemTooLarge, message);
        }
        let Ok(json) = std::str::from_utf8(item.payload) else {
            let message = format!("{kind} is not UTF-8; send JSON as UTF-8");
            return self.reject_item(Reason::InvalidUtf8, message);
        };
        let content_type = item.header.content_type.as_deref().unwrap_or_default();
        match kind {
            "client_report" => client_report::decode(json, self),
            "otel_span" => self.otel_span(json),
            "span" if content_type.starts_with(span_v2::CONTENT_TYPE) => {
                span_v2::decode(json, self)
            }
            "span" => transaction::decode_standalone(json, self),
            _ => match serde_json::from_str(json) {
                Ok(body) => self.body(body),
                Err(error) => {
                    let message = format!("{kind} is unreadable: {error}; send it as JSON");
                    self.reject_item(Reason::MalformedItem, message)
                }
            },
        }
    }

    /// Events and transactions share a schema; the payload tells which it is
    /// even where no item header does.
    fn body(&mut self, body: Body<'_>) -> Result<(), RequestError> {
        if self.decoded.event_id.is_none() {
            self.decoded.event_id = body.event_id.clone();
        }
        let is_transaction = match body.kind.as_deref() {
            Some(kind) => kind == "transaction",
            None => body.spans.is_some() && body.start_timestamp.is_some(),
        };
        if is_transaction { transaction::decode(body, self) } else { event::decode(body, self) }
    }

    /// One span in OTLP's JSON form.
    fn otel_span(&mut self, json: &str) -> Result<(), RequestError> {
        let facts = Facts::of_header(self.header);
        let maker = Maker::new(facts, self.service.clone(), None);
        let origin = Origin {
            resource: maker.resource,
            scope: Arc::new(Scope::default()),
            service: maker.service,
            door: Door::Sentry,
        };
        decode_span(json, &origin, &mut self.decoded, &mut self.budget)
    }

    /// Hands over a span with its attributes.
    fn deliver(&mut self, mut span: Span, collected: Collected) -> Result<(), RequestError> {
        span.dropped_attributes = collected.left_out.total();
        span.attributes = collected.attributes;
        self.budget.pay_span(&span)?;
        collected.left_out.report(&mut self.decoded);
        self.decoded.spans.push(span);
        Ok(())
    }

    /// Refuses an item of which nothing was read.
    fn reject_item(
        &mut self,
        reason: Reason,
        message: impl Into<String>,
    ) -> Result<(), RequestError> {
        self.budget.pay_item()?;
        self.decoded.reject(reason, message);
        Ok(())
    }
}
