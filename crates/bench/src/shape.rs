//! What spans look like: two shapes, each a generator of whole traces.
//!
//! Times are offsets from the trace's start; where in the day a trace lies is
//! decided when it is sent.

mod jaeger;
mod realistic;

use clap::ValueEnum;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue, any_value::Value};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span, TracesData};

use crate::random::Random;

/// What spans look like.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Shape {
    /// As in Jaeger's storage benchmark: traces of 10 spans, 11 attributes a
    /// span out of 97 keys and 1,000 values; 10 services with 20 operations each.
    Jaeger,
    /// Web requests with SQL, cache and HTTP calls; few services have most of
    /// the traffic; URLs and statements as applications write them.
    Realistic,
}

impl Shape {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Jaeger => "jaeger",
            Self::Realistic => "realistic",
        }
    }

    /// One trace: its service and spans, with times from 0.
    fn trace(self, random: &mut Random) -> (Resource, Vec<Span>) {
        match self {
            Self::Jaeger => jaeger::trace(random),
            Self::Realistic => realistic::trace(random),
        }
    }

    /// A request of whole traces with at least `spans` spans; the traces of a
    /// service share one resource, as a collector's batches do.
    pub(crate) fn request(self, random: &mut Random, spans: usize) -> ExportTraceServiceRequest {
        let mut data = TracesData::default();
        let mut count = 0;
        while count < spans {
            let (resource, trace) = self.trace(random);
            count += trace.len();
            let known =
                data.resource_spans.iter_mut().find(|of| of.resource.as_ref() == Some(&resource));
            match known.and_then(|of| of.scope_spans.first_mut()) {
                Some(scope) => scope.spans.extend(trace),
                None => data.resource_spans.push(of_service(resource, trace)),
            }
        }
        ExportTraceServiceRequest { resource_spans: data.resource_spans }
    }
}

fn of_service(resource: Resource, spans: Vec<Span>) -> ResourceSpans {
    let scope = opentelemetry_proto::tonic::common::v1::InstrumentationScope {
        name: "hotspan-bench".to_owned(),
        version: "1".to_owned(),
        ..Default::default()
    };
    ResourceSpans {
        resource: Some(resource),
        scope_spans: vec![ScopeSpans { scope: Some(scope), spans, ..Default::default() }],
        ..Default::default()
    }
}

fn text(key: &str, value: impl Into<String>) -> KeyValue {
    pair(key, Value::StringValue(value.into()))
}

fn number(key: &str, value: i64) -> KeyValue {
    pair(key, Value::IntValue(value))
}

fn pair(key: &str, value: Value) -> KeyValue {
    KeyValue {
        key: key.to_owned(),
        value: Some(AnyValue { value: Some(value) }),
        ..Default::default()
    }
}

fn resource(attributes: Vec<KeyValue>) -> Resource {
    Resource { attributes, ..Default::default() }
}

/// Ids that no other span of a run has by chance.
fn trace_id(random: &mut Random) -> Vec<u8> {
    [random.next().to_be_bytes(), random.next().to_be_bytes()].concat()
}

fn span_id(random: &mut Random) -> Vec<u8> {
    (random.next() | 1).to_be_bytes().to_vec()
}
