//! OTLP's JSON form, as far as reports need it. Ids are hexadecimal, and whole
//! numbers of 64 bits are texts: its specification says so, because JavaScript
//! cannot hold them.

use serde::Serialize;

/// Longer texts come from upstream or the kernel, and are cut.
const TEXT_CHARS_MAX: usize = 512;

/// One report: the body of `POST /v1/traces`.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Export {
    resource_spans: [ResourceSpans; 1],
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ResourceSpans {
    resource: Resource,
    scope_spans: [ScopeSpans; 1],
}

#[derive(Serialize)]
struct Resource {
    attributes: Vec<Attribute>,
}

#[derive(Serialize)]
struct ScopeSpans {
    scope: Scope,
    spans: Vec<Span>,
}

#[derive(Serialize)]
struct Scope {
    name: &'static str,
    version: &'static str,
}

/// A span without a parent.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Span {
    trace_id: String,
    span_id: String,
    name: &'static str,
    kind: u8,
    start_time_unix_nano: String,
    end_time_unix_nano: String,
    attributes: Vec<Attribute>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    links: Vec<SpanLink>,
    #[serde(skip_serializing_if = "is_zero")]
    dropped_links_count: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<Status>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct SpanLink {
    trace_id: String,
    span_id: String,
    attributes: Vec<Attribute>,
}

#[derive(Serialize)]
struct Status {
    code: u8,
}

#[derive(Serialize)]
struct Attribute {
    key: &'static str,
    value: Value,
}

#[derive(Serialize)]
enum Value {
    #[serde(rename = "stringValue")]
    Text(String),
    #[serde(rename = "intValue")]
    Whole(String),
}

/// Attributes, in the order in which they are added.
#[derive(Default)]
pub(super) struct Attributes(Vec<Attribute>);

/// A kind that is no call to or from elsewhere.
const INTERNAL: u8 = 1;
const ERROR: u8 = 2;

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it so")]
fn is_zero(number: &u32) -> bool {
    *number == 0
}

impl Export {
    /// Spans of one scope and one resource.
    pub(super) fn new(
        resource: Attributes,
        scope: (&'static str, &'static str),
        spans: Vec<Span>,
    ) -> Self {
        let (name, version) = scope;
        Self {
            resource_spans: [ResourceSpans {
                resource: Resource { attributes: resource.0 },
                scope_spans: [ScopeSpans { scope: Scope { name, version }, spans }],
            }],
        }
    }

    /// How many spans there are.
    pub(super) fn spans(&self) -> u64 {
        self.resource_spans[0].scope_spans[0].spans.len().try_into().unwrap_or(u64::MAX)
    }
}

impl Span {
    /// A span with ids of its own; times in nanoseconds since 1970.
    pub(super) fn new(name: &'static str, start: u64, end: u64, attributes: Attributes) -> Self {
        let (trace_id, span_id) = (random(), random() as u64);
        Self {
            trace_id: format!("{trace_id:032x}"),
            span_id: format!("{span_id:016x}"),
            name,
            kind: INTERNAL,
            start_time_unix_nano: start.to_string(),
            end_time_unix_nano: end.to_string(),
            attributes: attributes.0,
            links: Vec::new(),
            dropped_links_count: 0,
            status: None,
        }
    }

    /// Says that it went wrong, if it did.
    pub(super) fn wrong_if(mut self, is_wrong: bool) -> Self {
        self.status = is_wrong.then_some(Status { code: ERROR });
        self
    }

    /// Says that there were more links than there are.
    pub(super) fn with_dropped_links(mut self, count: u32) -> Self {
        self.dropped_links_count = count;
        self
    }

    /// Adds a link to another span.
    pub(super) fn link(&mut self, trace_id: u128, span_id: u64, attributes: Attributes) {
        self.links.push(SpanLink {
            trace_id: format!("{trace_id:032x}"),
            span_id: format!("{span_id:016x}"),
            attributes: attributes.0,
        });
    }
}

impl Attributes {
    pub(super) fn text(mut self, key: &'static str, text: &str) -> Self {
        let text = text.chars().take(TEXT_CHARS_MAX).collect();
        self.0.push(Attribute { key, value: Value::Text(text) });
        self
    }

    pub(super) fn text_if(self, key: &'static str, text: Option<&str>) -> Self {
        match text {
            Some(text) => self.text(key, text),
            None => self,
        }
    }

    /// Numbers beyond OTLP's range become its end.
    pub(super) fn whole(mut self, key: &'static str, number: impl TryInto<i64>) -> Self {
        let number = number.try_into().unwrap_or(i64::MAX);
        self.0.push(Attribute { key, value: Value::Whole(number.to_string()) });
        self
    }

    pub(super) fn whole_if(self, key: &'static str, number: Option<impl TryInto<i64>>) -> Self {
        match number {
            Some(number) => self.whole(key, number),
            None => self,
        }
    }
}

/// Never zero, which would be no id.
pub(super) fn random() -> u128 {
    let mut bytes = [0; 16];
    // Without randomness ids repeat, and nothing worse follows from that.
    let _ = getrandom::fill(&mut bytes);
    // So that each half of it is an id too.
    u128::from_ne_bytes(bytes) | (1 << 64) | 1
}
