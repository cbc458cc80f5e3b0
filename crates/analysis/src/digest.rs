//! The digest: what trace assembly keeps of a span until its segment is analysed.
//!
//! A span with attributes weighs a kilobyte or more; assembly holds every open
//! segment in memory, so it keeps only what analysis reads. Building a digest
//! from a span stands here; what it is used for stands in the other modules.

use std::sync::Arc;

use hotspan_model::{
    Call, CallKind, Door, Endpoint, EntryHint, Language, Sdk, Span, SpanId, SpanKind, Status,
    UnixNanos, ValueRef,
};

use crate::address::values_of;
use crate::classify;
use crate::conventions::{Key, Told, ToldSpan};
use crate::endpoint::endpoint_of;
use crate::failure::timed_out;
use crate::form::{StatementForm, form_of};
use crate::payload::payload_bytes;
use crate::statement::{Traits, traits_of};

/// What analysis knows of one span.
#[derive(Debug, Clone, PartialEq)]
pub struct SpanDigest {
    /// Its id.
    pub span_id: SpanId,
    /// Its parent as received.
    pub parent: Option<SpanId>,
    /// When it began.
    pub start: UnixNanos,
    /// When it ended; never before `start`.
    pub end: UnixNanos,
    /// Its name with values taken out; empty when it has none.
    pub name: Arc<str>,
    /// The service that made it.
    pub service: Arc<str>,
    /// The call it makes, if it is an exit span.
    pub call: Option<Arc<Call>>,
    /// What only entry spans need kept.
    pub entry_facts: Option<Arc<EntryFacts>>,
    /// What the call asked for, values included, as
    /// [`asked`](crate::asked()) hashes it, folded to half its bits: calls of one
    /// trace are few enough to be told apart by them. 0 when the span does not
    /// tell.
    pub asked: u32,
    /// The values that the address names which it calls or, for an entry span,
    /// was called by, three bits each; all bits when there are too many.
    pub values: u64,
    /// What its operation does not show.
    pub traits: Traits,
    /// What its statement looks like, when it took long.
    pub form: Option<Box<StatementForm>>,
    /// Bytes of the answer's body as told, else of the request's, else of the
    /// message; 0 when not told or of a file, and [`u32::MAX`] stands for
    /// anything beyond.
    pub payload_bytes: u32,
    /// HTTP status of the answer; 0 when not told.
    pub http_status: u16,
    /// Which attempt after the first this is, as the client tells; 0 when it
    /// is the first or nothing is told, 255 for anything beyond.
    pub resend_count: u8,
    /// Its role.
    pub kind: SpanKind,
    /// How it ended.
    pub status: Status,
    /// Whether it says it is an entry span.
    pub entry: EntryHint,
    /// What else it says of itself.
    pub remark: Remark,
}

/// What a span says of itself beside its figures. One of them is enough: an
/// error event takes no time that could be over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Remark {
    /// Nothing.
    #[default]
    None,
    /// It is an error event in the shape of a span, not a stretch of time.
    ErrorEvent,
    /// It ended because time was over.
    TimedOut,
}

// Assembly holds one of these for every open span, so its size is a promise.
const _: () = assert!(size_of::<SpanDigest>() <= 120);

impl SpanDigest {
    /// Wall time in nanoseconds; never negative.
    pub fn duration_ns(&self) -> i64 {
        self.end.since(self.start).max(0)
    }

    /// True when the span leaves the service: a call, or a client or producer span.
    pub fn is_exit(&self) -> bool {
        self.call.is_some() || matches!(self.kind, SpanKind::Client | SpanKind::Producer)
    }

    /// True for a client span that does not say what it called.
    pub fn is_nameless(&self) -> bool {
        self.name.is_empty() && self.kind == SpanKind::Client
    }

    /// Whether this call asked for the same as `other`, values included. `None`
    /// when a span does not tell, and when only the address is known to be the
    /// same: bodies of requests are in no span.
    pub fn asks_same(&self, other: &Self) -> Option<bool> {
        if self.asked == 0 || other.asked == 0 {
            return None;
        }
        let same = self.asked == other.asked;
        (!same || !self.sends_body()).then_some(same)
    }

    /// True for HTTP requests whose body says what they ask for.
    fn sends_body(&self) -> bool {
        let call = self.call.as_deref().filter(|call| call.kind == CallKind::Http);
        let method = call.and_then(|call| call.operation.split(' ').next());
        matches!(method, Some("POST" | "PUT" | "PATCH" | "QUERY"))
    }

    /// True for an error event in the shape of a span.
    pub fn is_error_event(&self) -> bool {
        self.remark == Remark::ErrorEvent
    }

    /// True when the call is known to have failed.
    pub fn failed(&self) -> bool {
        self.status == Status::Error || self.http_status >= 400
    }
}

/// What an entry span tells about its whole segment.
#[derive(Debug, Clone, PartialEq)]
pub struct EntryFacts {
    /// The endpoint it serves.
    pub endpoint: Endpoint,
    /// `deployment.environment.name`; empty when not told.
    pub environment: Arc<str>,
    /// `service.version` or Sentry's release; empty when not told.
    pub release: Arc<str>,
    /// The SDK that sent it.
    pub sdk: Arc<Sdk>,
    /// How many requests it stands for.
    pub weight: f64,
    /// It ended in error (status, or HTTP 5xx).
    pub error: bool,
    /// The door it came through.
    pub door: Door,
    /// Its spans come one by one, so the SDK's span cap does not apply.
    pub streamed: bool,
}

/// The digest of `span`, received for `project`. `asked` is what
/// [`asked`](crate::asked()) said of the span before its values were taken out.
pub fn digest(project: &Arc<str>, span: &Span, asked: u64) -> SpanDigest {
    let span = &ToldSpan::of(span);
    let error_event = span.attributes.get(Key::HotspanErrorEvent) == Some(ValueRef::Bool(true));
    let entry_facts = (span.entry == EntryHint::Yes && !error_event)
        .then(|| Arc::new(entry_facts(project, span)));
    // An entry span is the work itself, whatever it is called; only a client
    // span without a parent is both.
    let exit = span.entry != EntryHint::Yes
        || (span.door == Door::Otlp && matches!(span.kind, SpanKind::Client | SpanKind::Producer));
    let call = (exit && !error_event).then(|| classify::call_of(span)).flatten();
    let values = values_of(span, call.as_ref());
    SpanDigest {
        span_id: span.span_id,
        parent: span.parent,
        start: span.start,
        end: span.end.max(span.start),
        name: classify::name_of(span, call.as_ref()),
        service: Arc::clone(&span.service),
        form: call.as_ref().and_then(|call| form_of(span, call.kind)),
        traits: call.as_ref().map_or(Traits::default(), |call| traits_of(span, call.kind)),
        call: call.map(Arc::new),
        entry_facts,
        asked: folded(asked),
        values,
        payload_bytes: payload_bytes(&span.attributes),
        http_status: http_status(span),
        resend_count: resend_count(&span.attributes),
        kind: span.kind,
        status: span.status,
        entry: span.entry,
        remark: remark(error_event, timed_out(span, http_status(span))),
    }
}

fn remark(error_event: bool, timed_out: bool) -> Remark {
    match (error_event, timed_out) {
        (true, _) => Remark::ErrorEvent,
        (_, true) => Remark::TimedOut,
        _ => Remark::None,
    }
}

/// Half the bits of a hash; 0 stays what only nothing is.
fn folded(hash: u64) -> u32 {
    let folded = (hash >> u32::BITS) as u32 ^ hash as u32;
    if hash == 0 { 0 } else { folded.max(1) }
}

/// `status` is what sentry-ruby 5 calls the HTTP status in a span's data.
fn http_status(span: &ToldSpan<'_>) -> u16 {
    const KEYS: [Key; 4] =
        [Key::HttpResponseStatusCode, Key::HttpStatusCode, Key::StatusCode, Key::Status];
    span.attributes
        .first_int(&KEYS)
        .and_then(|code| u16::try_from(code).ok())
        .filter(|code| (100..600).contains(code))
        .unwrap_or(0)
}

fn resend_count(attributes: &Told<'_>) -> u8 {
    let count = attributes.first_int(&[Key::HttpRequestResendCount, Key::HttpResendCount]);
    u8::try_from(count.unwrap_or(0).max(0)).unwrap_or(u8::MAX)
}

fn entry_facts(project: &Arc<str>, span: &ToldSpan<'_>) -> EntryFacts {
    let resource = &span.resource.attributes;
    let text = |keys: &[&str]| Arc::from(resource.first_str(keys).unwrap_or_default());
    let weight = if span.weight.is_finite() && span.weight > 0.0 { span.weight } else { 1.0 };
    EntryFacts {
        endpoint: endpoint_of(project, span),
        environment: text(&["deployment.environment.name", "deployment.environment"]),
        release: text(&["service.version"]),
        sdk: Arc::new(sdk_of(span)),
        weight,
        error: span.status == Status::Error || http_status(span) >= 500,
        door: span.door,
        streamed: span.attributes.first_str(&[Key::SentryTraceLifecycle]) == Some("stream"),
    }
}

fn sdk_of(span: &Span) -> Sdk {
    let resource = &span.resource.attributes;
    let text = |key| resource.first_str(&[key]).unwrap_or_default();
    let name = text("telemetry.sdk.name");
    // The language as told, else what the SDK, the instrumentation or the
    // runtime give away.
    let language = [
        text("telemetry.sdk.language"),
        name,
        language_of_scope(&span.scope.name),
        text("process.runtime.name"),
    ]
    .into_iter()
    .map(Language::from_sdk_name)
    .find(|language| *language != Language::Unknown)
    .unwrap_or_default();
    Sdk { name: name.to_owned(), version: text("telemetry.sdk.version").to_owned(), language }
}

/// Instrumentations name themselves in the manner of their language.
fn language_of_scope(scope: &str) -> &'static str {
    const PREFIXES: [(&str, &str); 6] = [
        ("OpenTelemetry::", "ruby"),
        ("opentelemetry.instrumentation.", "python"),
        ("@opentelemetry/", "javascript"),
        ("io.opentelemetry.", "java"),
        ("go.opentelemetry.io/", "go"),
        ("OpenTelemetry.", "dotnet"),
    ];
    PREFIXES
        .into_iter()
        .find(|(prefix, _)| scope.starts_with(prefix))
        .map_or("", |(_, language)| language)
}
