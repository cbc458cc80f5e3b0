//! The finding: one occurrence of a wasteful shape, with its cause and fixes.

use crate::call::Class;
use crate::endpoint::Endpoint;
use crate::ids::{SpanId, TraceId};
use crate::sdk::Language;
use crate::time::UnixNanos;

/// Where a finding was seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum FindingScope {
    /// Inside one segment of one trace.
    Trace,
    /// Over an endpoint's requests.
    Endpoint,
}

impl FindingScope {
    /// The stable name.
    pub fn slug(self) -> &'static str {
        match self {
            Self::Trace => "trace",
            Self::Endpoint => "endpoint",
        }
    }
}

/// How sure a cause is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Confidence {
    /// The evidence does not decide.
    Undetermined,
    /// It fits, and other causes fit too.
    Possible,
    /// It fits better than every other known cause.
    Likely,
    /// The evidence rules out the other known causes.
    VeryLikely,
}

impl Confidence {
    /// The stable name, also read by people.
    pub fn slug(self) -> &'static str {
        match self {
            Self::Undetermined => "undetermined",
            Self::Possible => "possible",
            Self::Likely => "likely",
            Self::VeryLikely => "very likely",
        }
    }

    /// Reads [`Self::slug`].
    pub fn from_slug(slug: &str) -> Option<Self> {
        [Self::Undetermined, Self::Possible, Self::Likely, Self::VeryLikely]
            .into_iter()
            .find(|confidence| confidence.slug() == slug)
    }
}

/// Why it happens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cause {
    /// Stable code, e.g. `new_provider_per_use`.
    pub code: String,
    /// How sure.
    pub confidence: Confidence,
    /// Whole sentences with the measured numbers in them.
    pub text: String,
    /// Figures that support it, each with what it says: (`365 : 365 : 365`,
    /// `every lookup starts with a new token`).
    pub facts: Vec<(String, String)>,
}

/// What kind of change a fix is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum FixKind {
    /// A change of the application's code.
    Code,
    /// A setting of the SDK, the instance or the platform.
    Configuration,
    /// Running `hotspan-agent` on the host.
    Broker,
}

impl FixKind {
    /// The stable name.
    pub fn slug(self) -> &'static str {
        match self {
            Self::Code => "code",
            Self::Configuration => "configuration",
            Self::Broker => "broker",
        }
    }

    /// Reads [`Self::slug`].
    pub fn from_slug(slug: &str) -> Option<Self> {
        [Self::Code, Self::Configuration, Self::Broker].into_iter().find(|kind| kind.slug() == slug)
    }
}

/// One way to remove the cause.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fix {
    /// What kind of change.
    pub kind: FixKind,
    /// The language it is written for; `Unknown` fits any.
    pub language: Language,
    /// A short imperative line.
    pub title: String,
    /// Code or commands to copy; empty when there is none.
    pub snippet: String,
    /// What it costs, risks, and how it was checked.
    pub note: String,
}

/// One occurrence of a wasteful shape.
#[derive(Debug, Clone, PartialEq)]
pub struct Finding {
    /// Inside a trace or over an endpoint.
    pub scope: FindingScope,
    /// Stable detector name, e.g. `credential-lookup`.
    pub detector: String,
    /// What the time is lost to.
    pub class: Class,
    /// The knowledge family of the calls (`aws-imds`, …).
    pub family: String,
    /// What is wrong in a few words, e.g. `AWS credential lookups`.
    pub subject: String,
    /// Where.
    pub endpoint: Endpoint,
    /// The trace (scope trace) or an example (scope endpoint).
    pub trace_id: TraceId,
    /// The entry span in that trace.
    pub entry_span: SpanId,
    /// When the (example) entry span began.
    pub start: UnixNanos,
    /// Requests looked at: 1 in scope trace, weighted in scope endpoint.
    pub requests: f64,
    /// Requests that have it.
    pub requests_affected: f64,
    /// Lookups or repeats in all of them.
    pub lookups: f64,
    /// Calls in all of them.
    pub calls: f64,
    /// Counts are lower bounds: the SDK cut the trace.
    pub at_least: bool,
    /// Critical-path wall time lost in all of them, hidden time included.
    pub wall_ns: i64,
    /// The part of `wall_ns` that no well-named span shows.
    pub hidden_ns: i64,
    /// Wall time of the entry spans of all requests looked at.
    pub entry_wall_ns: i64,
    /// Why.
    pub cause: Cause,
    /// What to do, best first.
    pub fixes: Vec<Fix>,
    /// Offending spans, the first ones of many.
    pub evidence: Vec<SpanId>,
    /// Operation templates of the calls, in order.
    pub templates: Vec<String>,
    /// Groups findings into issues: stable across traces, hosts and releases.
    pub fingerprint: String,
}

impl Finding {
    /// Share of the entry spans' wall time that is lost, 0..=1.
    pub fn share_of_wall(&self) -> f64 {
        if self.entry_wall_ns <= 0 {
            return 0.0;
        }
        (self.wall_ns as f64 / self.entry_wall_ns as f64).clamp(0.0, 1.0)
    }
}
