//! The span as received, the same whatever door it came through.

use std::sync::Arc;

use crate::attribute::Attributes;
use crate::ids::{SpanId, TraceId};
use crate::time::UnixNanos;

/// The door a span came through. Kept because SDK limits differ by door.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Door {
    /// OTLP over gRPC or HTTP.
    Otlp,
    /// A Sentry envelope or store request.
    Sentry,
}

/// What made a set of spans: OpenTelemetry's resource. A Sentry event's
/// release, environment, server name and SDK become resource attributes
/// (`service.version`, `deployment.environment.name`, `host.name`,
/// `telemetry.sdk.name`/`.version`/`.language`).
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Resource {
    /// Attributes as received.
    pub attributes: Attributes,
}

/// The instrumentation that made a span.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Scope {
    /// E.g. `opentelemetry.instrumentation.urllib3`; Sentry: the span's `origin`.
    pub name: String,
    /// As received; may be empty.
    pub version: String,
    /// Attributes as received.
    pub attributes: Attributes,
}

/// The role of a span in a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum SpanKind {
    /// Work inside the service.
    #[default]
    Internal,
    /// A request received.
    Server,
    /// A request sent.
    Client,
    /// A message sent.
    Producer,
    /// A message received.
    Consumer,
}

impl SpanKind {
    /// OpenTelemetry's lower-case name.
    pub fn slug(self) -> &'static str {
        match self {
            Self::Internal => "internal",
            Self::Server => "server",
            Self::Client => "client",
            Self::Producer => "producer",
            Self::Consumer => "consumer",
        }
    }

    /// Reads [`Self::slug`].
    pub fn from_slug(slug: &str) -> Option<Self> {
        [Self::Internal, Self::Server, Self::Client, Self::Producer, Self::Consumer]
            .into_iter()
            .find(|kind| kind.slug() == slug)
    }
}

/// How a span ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum Status {
    /// Not told.
    #[default]
    Unset,
    /// Told to be fine.
    Ok,
    /// Told to have failed.
    Error,
}

impl Status {
    /// OpenTelemetry's lower-case name.
    pub fn slug(self) -> &'static str {
        match self {
            Self::Unset => "unset",
            Self::Ok => "ok",
            Self::Error => "error",
        }
    }

    /// Reads [`Self::slug`].
    pub fn from_slug(slug: &str) -> Option<Self> {
        [Self::Unset, Self::Ok, Self::Error].into_iter().find(|status| status.slug() == slug)
    }
}

/// Something that happened at one moment of a span.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Event {
    /// When.
    pub time: UnixNanos,
    /// E.g. `exception`.
    pub name: String,
    /// Attributes as received.
    pub attributes: Attributes,
    /// Attributes the SDK dropped.
    pub dropped_attributes: u32,
}

/// A span of this or another trace that this one has to do with.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Link {
    /// The linked span's trace.
    pub trace_id: TraceId,
    /// The linked span.
    pub span_id: SpanId,
    /// W3C trace state of the link; often empty.
    pub trace_state: String,
    /// Attributes as received.
    pub attributes: Attributes,
    /// Attributes the SDK dropped.
    pub dropped_attributes: u32,
}

/// Whether a span is an entry span, as far as the span alone can tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum EntryHint {
    /// It is: a Sentry transaction or segment, no parent, a remote parent, or
    /// a server or consumer span.
    Yes,
    /// It is not: its parent is local.
    No,
    /// Only the parent could tell.
    #[default]
    Unknown,
}

impl EntryHint {
    /// OTLP's `SpanFlags` bit that says the next bit is meaningful.
    pub const FLAG_HAS_IS_REMOTE: u32 = 0x100;
    /// OTLP's `SpanFlags` bit that says the parent is in another process.
    pub const FLAG_IS_REMOTE: u32 = 0x200;

    /// What an OTLP span tells (opentelemetry-proto trace.proto, `SpanFlags`).
    pub fn of_otlp(parent: Option<SpanId>, kind: SpanKind, flags: u32) -> Self {
        match (parent, kind) {
            (None, _) | (_, SpanKind::Server | SpanKind::Consumer) => Self::Yes,
            _ if flags & Self::FLAG_HAS_IS_REMOTE == 0 => Self::Unknown,
            _ if flags & Self::FLAG_IS_REMOTE == 0 => Self::No,
            _ => Self::Yes,
        }
    }
}

/// One span, owned, with what it shares with its neighbours behind `Arc`.
#[derive(Debug, Clone, PartialEq)]
pub struct Span {
    /// The trace it belongs to.
    pub trace_id: TraceId,
    /// Its id within the trace.
    pub span_id: SpanId,
    /// Its parent; `None` at the root of the trace.
    pub parent: Option<SpanId>,
    /// Its name; a Sentry span's description. Empty for a span that has none.
    pub name: String,
    /// Its role; derived from `op` for Sentry spans.
    pub kind: SpanKind,
    /// When it began.
    pub start: UnixNanos,
    /// When it ended; never before `start`.
    pub end: UnixNanos,
    /// How it ended.
    pub status: Status,
    /// A message that came with the status.
    pub status_message: String,
    /// Attributes. Sentry's `op` is `sentry.op`, its `data` and `tags` are flattened in.
    pub attributes: Attributes,
    /// Events in it.
    pub events: Vec<Event>,
    /// Links from it.
    pub links: Vec<Link>,
    /// W3C trace flags and OTLP span flags.
    pub flags: u32,
    /// W3C trace state.
    pub trace_state: String,
    /// Attributes the SDK dropped.
    pub dropped_attributes: u32,
    /// Events the SDK dropped.
    pub dropped_events: u32,
    /// Links the SDK dropped.
    pub dropped_links: u32,
    /// What made it.
    pub resource: Arc<Resource>,
    /// The instrumentation that made it.
    pub scope: Arc<Scope>,
    /// `service.name`; for Sentry the project's name; `unknown` when not told.
    pub service: Arc<str>,
    /// How many requests it stands for after sampling; 1.0 when not sampled.
    pub weight: f64,
    /// Whether it is an entry span as far as it can tell itself.
    pub entry: EntryHint,
    /// The door it came through.
    pub door: Door,
}

impl Span {
    /// Wall time from start to end in nanoseconds; never negative.
    pub fn duration_ns(&self) -> i64 {
        self.end.since(self.start).max(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entry_hints_of_otlp() {
        let parent = Some(SpanId([1; 8]));
        for (parent, kind, flags, hint) in [
            (None, SpanKind::Internal, 0, EntryHint::Yes),
            (parent, SpanKind::Server, 0x100, EntryHint::Yes),
            (parent, SpanKind::Client, 0x100, EntryHint::No),
            (parent, SpanKind::Internal, 0x300, EntryHint::Yes),
            (parent, SpanKind::Internal, 0, EntryHint::Unknown),
        ] {
            assert_eq!(EntryHint::of_otlp(parent, kind, flags), hint, "{kind:?} {flags:x}");
        }
    }
}
