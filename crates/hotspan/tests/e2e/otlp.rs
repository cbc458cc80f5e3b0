//! Builds OTLP requests in the shape SDKs send, for trials that need spans of
//! their own making.

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::{AnyValue, InstrumentationScope, KeyValue, any_value};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span};
use prost::Message;

/// OTLP's number for a server span.
pub(crate) const SERVER: i32 = 2;
/// OTLP's number for a client span.
pub(crate) const CLIENT: i32 = 3;

/// One trace in the making. Ids are derived from the trace's number, so that a
/// trial can say later which spans must be there.
pub(crate) struct Trace {
    number: u64,
    first_span: u64,
    start_ns: i64,
    spans: Vec<Span>,
}

impl Trace {
    /// A trace whose entry span `name` begins at `start_ns`.
    pub(crate) fn new(number: u64, name: &str, start_ns: i64, duration_ns: i64) -> Self {
        Self::request_in(number, 1, name, start_ns, duration_ns)
    }

    /// One request of a trace that has others: its entry span has the id
    /// `first_span`, its calls have the ids after it.
    pub(crate) fn request_in(
        number: u64,
        first_span: u64,
        name: &str,
        start_ns: i64,
        duration_ns: i64,
    ) -> Self {
        let mut trace = Self { number, first_span, start_ns, spans: Vec::new() };
        let route = name.split(' ').next_back().unwrap_or(name);
        let method = name.split(' ').next().unwrap_or("GET");
        trace.push(
            name,
            SERVER,
            0,
            duration_ns,
            &[("http.request.method", method), ("http.route", route)],
        );
        trace
    }

    /// The trace id in hex.
    pub(crate) fn id(&self) -> String {
        self.trace_id().iter().map(|byte| format!("{byte:02x}")).collect()
    }

    fn trace_id(&self) -> Vec<u8> {
        // A fixed half keeps the id from being zero for number 0.
        (0x4853_0000_0000_0000_u64.to_be_bytes().into_iter())
            .chain(self.number.to_be_bytes())
            .collect()
    }

    /// Adds a child of the entry span.
    pub(crate) fn push(
        &mut self,
        name: &str,
        kind: i32,
        at_ns: i64,
        duration_ns: i64,
        attributes: &[(&str, &str)],
    ) {
        let index = self.first_span + self.spans.len() as u64;
        let start = u64::try_from(self.start_ns + at_ns).expect("times are after 1970");
        let parent =
            if self.spans.is_empty() { Vec::new() } else { self.first_span.to_be_bytes().to_vec() };
        self.spans.push(Span {
            trace_id: self.trace_id(),
            span_id: index.to_be_bytes().to_vec(),
            parent_span_id: parent,
            name: name.to_owned(),
            kind,
            start_time_unix_nano: start,
            end_time_unix_nano: start + duration_ns.unsigned_abs(),
            attributes: attributes.iter().map(|(key, value)| text(key, value)).collect(),
            ..Default::default()
        });
    }

    /// Adds one credential lookup of three calls, each `call_ns` long; gives
    /// back where it ends.
    pub(crate) fn push_lookup(&mut self, at_ns: i64, call_ns: i64) -> i64 {
        let base = "http://169.254.169.254/latest";
        let role = format!("{base}/meta-data/iam/security-credentials/app-role");
        let calls = [
            ("PUT", format!("{base}/api/token")),
            ("GET", format!("{base}/meta-data/iam/security-credentials/")),
            ("GET", role),
        ];
        for (index, (method, url)) in calls.iter().enumerate() {
            let attributes = [("http.request.method", *method), ("url.full", url.as_str())];
            self.push(method, CLIENT, at_ns + index as i64 * call_ns, call_ns, &attributes);
        }
        at_ns + 3 * call_ns
    }
}

/// An export request of these traces as one service of one language.
pub(crate) fn request(service: &str, language: &str, traces: Vec<Trace>) -> Vec<u8> {
    let resource = Resource {
        attributes: vec![text("service.name", service), text("telemetry.sdk.language", language)],
        ..Default::default()
    };
    let scope = InstrumentationScope { name: "e2e".to_owned(), ..Default::default() };
    let spans = traces.into_iter().flat_map(|trace| trace.spans).collect();
    let scope_spans = vec![ScopeSpans { scope: Some(scope), spans, ..Default::default() }];
    ExportTraceServiceRequest {
        resource_spans: vec![ResourceSpans {
            resource: Some(resource),
            scope_spans,
            ..Default::default()
        }],
    }
    .encode_to_vec()
}

fn text(key: &str, value: &str) -> KeyValue {
    let value = AnyValue { value: Some(any_value::Value::StringValue(value.to_owned())) };
    KeyValue { key: key.to_owned(), value: Some(value), ..Default::default() }
}
