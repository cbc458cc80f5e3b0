//! What one analysed segment contributes to everything that outlives it.
//!
//! A segment is an entry span and its descendants in the same service. Its
//! record is keyed (project, trace, entry span): a later record of the same key
//! *replaces* the earlier one, which makes late spans and replays harmless.

use std::sync::Arc;

use crate::call::Class;
use crate::calltree::CallTree;
use crate::endpoint::Endpoint;
use crate::finding::Finding;
use crate::ids::{SpanId, TraceId};
use crate::sdk::Sdk;
use crate::time::UnixNanos;

/// Wall time of entry spans by what it was spent on; sums to their duration.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct TimeByClass([i64; Class::ALL.len()]);

impl TimeByClass {
    /// Adds nanoseconds to a class; negative to take them out. Sums stop at
    /// the ends of the range: durations and weights come from outside.
    pub fn add(&mut self, class: Class, nanos: i64) {
        let sum = &mut self.0[class.index()];
        *sum = sum.saturating_add(nanos);
    }

    /// Nanoseconds of a class.
    pub fn get(&self, class: Class) -> i64 {
        self.0[class.index()]
    }

    /// Adds every class of `other`, `sign` times.
    pub fn merge(&mut self, other: &Self, sign: i64) {
        Class::ALL
            .into_iter()
            .for_each(|class| self.add(class, other.get(class).saturating_mul(sign)));
    }

    /// Nanoseconds of all classes.
    pub fn total(&self) -> i64 {
        self.0.iter().fold(0, |sum: i64, nanos| sum.saturating_add(*nanos))
    }
}

/// What a segment did of one class that detectors watch over many requests.
#[derive(Debug, Clone, PartialEq)]
pub struct ClassUse {
    /// The class.
    pub class: Class,
    /// The knowledge family of its calls (`aws-imds`, …).
    pub family: Arc<str>,
    /// Complete lookups: for credentials, one per credential resolution.
    pub lookups: u32,
    /// Calls those lookups took.
    pub calls: u32,
    /// Wall time on the critical path of the entry span, hidden time included.
    pub wall_ns: i64,
    /// The part of `wall_ns` that no well-named span shows.
    pub hidden_ns: i64,
    /// Spans to show, at most a few.
    pub evidence: Vec<SpanId>,
    /// Operation templates of the calls, in the order of their first use.
    pub templates: Vec<String>,
}

/// Everything one analysed segment adds to roll-ups, profiles and issues.
#[derive(Debug, Clone, PartialEq)]
pub struct SegmentRecord {
    /// The endpoint, which names the project too.
    pub endpoint: Endpoint,
    /// The trace it is part of.
    pub trace_id: TraceId,
    /// Its entry span.
    pub entry_span: SpanId,
    /// `deployment.environment.name`; empty when not told.
    pub environment: Arc<str>,
    /// `service.version` or Sentry's release; empty when not told.
    pub release: Arc<str>,
    /// The SDK that sent the entry span.
    pub sdk: Arc<Sdk>,
    /// When the entry span began.
    pub start: UnixNanos,
    /// Wall time of the entry span.
    pub duration_ns: i64,
    /// The entry span ended in error (status, or HTTP 5xx).
    pub error: bool,
    /// How many requests it stands for.
    pub weight: f64,
    /// Spans in the segment, the entry span included.
    pub spans: u32,
    /// Spans of the whole trace that were there when it was analysed. A record
    /// never replaces one of its key that had more: a replay may see only the
    /// end of a trace that was complete before. Set by assembly; analysis
    /// itself puts `spans` here.
    pub trace_spans: u32,
    /// The SDK's span cap cut it: counts are lower bounds.
    pub truncated: bool,
    /// Where the wall time of the entry span went.
    pub time: TimeByClass,
    /// Uses of watched classes, for the endpoint form of detectors.
    pub uses: Vec<ClassUse>,
    /// Its call tree, weighted.
    pub tree: CallTree,
    /// Findings inside this segment (scope trace).
    pub findings: Vec<Finding>,
}

/// An endpoint's requests over a window, as detectors see them.
#[derive(Debug, Clone, PartialEq)]
pub struct EndpointProfile {
    /// The endpoint.
    pub endpoint: Endpoint,
    /// The SDK seen last.
    pub sdk: Sdk,
    /// Weighted requests in the window.
    pub requests: f64,
    /// Segments seen, unweighted: what statistics rest on.
    pub samples: u64,
    /// Weighted wall time of all entry spans.
    pub entry_wall_ns: i64,
    /// Start of the first and the last request.
    pub window: (UnixNanos, UnixNanos),
    /// Watched classes that at least one request used.
    pub uses: Vec<ProfileUse>,
}

/// What the requests of an endpoint did of one class.
#[derive(Debug, Clone, PartialEq)]
pub struct ProfileUse {
    /// The class.
    pub class: Class,
    /// The knowledge family of its calls.
    pub family: Arc<str>,
    /// Weighted requests with at least one lookup.
    pub requests_affected: f64,
    /// Segments with at least one lookup, unweighted.
    pub samples_affected: u64,
    /// Weighted lookups.
    pub lookups: f64,
    /// Weighted calls.
    pub calls: f64,
    /// Weighted wall time, hidden time included.
    pub wall_ns: i64,
    /// Weighted hidden part of `wall_ns`.
    pub hidden_ns: i64,
    /// A few affected segments: trace, entry span, evidence spans.
    pub evidence: Vec<(TraceId, SpanId, Vec<SpanId>)>,
    /// Operation templates of the calls.
    pub templates: Vec<String>,
}
