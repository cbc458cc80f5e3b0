//! The issue: findings of one fingerprint, with a life of its own.

use crate::call::Class;
use crate::endpoint::Endpoint;
use crate::finding::{Cause, Fix};
use crate::ids::{SpanId, TraceId};
use crate::life::IssueLife;
use crate::time::UnixNanos;

/// Where an issue is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum IssueStatus {
    /// Seen and not dealt with.
    Open,
    /// Someone says a fix is deployed.
    FixClaimed,
    /// Gone, with before and after measured.
    Verified,
    /// Claimed fixed and still there.
    NotFixed,
    /// Back after it was verified.
    Regressed,
    /// Somebody chose not to see it.
    Ignored,
}

impl IssueStatus {
    /// Every status.
    pub const ALL: [Self; 6] = [
        Self::Open,
        Self::FixClaimed,
        Self::Verified,
        Self::NotFixed,
        Self::Regressed,
        Self::Ignored,
    ];

    /// The stable name.
    pub fn slug(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::FixClaimed => "fix_claimed",
            Self::Verified => "verified",
            Self::NotFixed => "not_fixed",
            Self::Regressed => "regressed",
            Self::Ignored => "ignored",
        }
    }

    /// Reads [`Self::slug`].
    pub fn from_slug(slug: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.slug() == slug)
    }
}

/// One occurrence that can be opened: an affected segment.
#[derive(Debug, Clone, PartialEq)]
pub struct Occurrence {
    /// The trace.
    pub trace_id: TraceId,
    /// The entry span of the affected segment.
    pub entry_span: SpanId,
    /// When it began.
    pub start: UnixNanos,
    /// Wall time of its entry span.
    pub duration_ns: i64,
    /// Wall time lost in it.
    pub wall_ns: i64,
    /// Lookups in it.
    pub lookups: f64,
    /// Calls in it.
    pub calls: f64,
    /// Offending spans to mark.
    pub evidence: Vec<SpanId>,
}

/// Time lost to an issue in one day (UTC).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct DayLoss {
    /// Days since 1970-01-01.
    pub day: i64,
    /// Weighted time lost.
    pub wall_ns: i64,
    /// Weighted occurrences.
    pub occurrences: f64,
}

/// An issue with its figures over the window that was asked for.
#[derive(Debug, Clone, PartialEq)]
pub struct Issue {
    /// Number within this server; pages show `HS-<id>`.
    pub id: i64,
    /// What groups its findings.
    pub fingerprint: String,
    /// The detector that raised it.
    pub detector: String,
    /// What the time is lost to.
    pub class: Class,
    /// The knowledge family of its calls.
    pub family: String,
    /// What is wrong in a few words.
    pub subject: String,
    /// Where.
    pub endpoint: Endpoint,
    /// The endpoint's number, for links.
    pub endpoint_id: i64,
    /// Where it is in its life.
    pub status: IssueStatus,
    /// How it came there.
    pub life: IssueLife,
    /// Segments that had it, since it was first seen.
    pub occurrences: u64,
    /// Weighted requests of the endpoint in the window.
    pub requests: f64,
    /// Weighted requests that have it in the window.
    pub requests_affected: f64,
    /// Weighted lookups in the window.
    pub lookups: f64,
    /// Weighted calls in the window.
    pub calls: f64,
    /// Counts are lower bounds: an SDK cut a trace.
    pub at_least: bool,
    /// Weighted wall time lost in the window.
    pub wall_ns: i64,
    /// The part of it that no well-named span shows.
    pub hidden_ns: i64,
    /// Weighted wall time of all the endpoint's requests in the window.
    pub entry_wall_ns: i64,
    /// Why, as of the latest finding.
    pub cause: Cause,
    /// What to do, best first.
    pub fixes: Vec<Fix>,
    /// Operation templates of the calls.
    pub templates: Vec<String>,
    /// First occurrence.
    pub first_seen: UnixNanos,
    /// Last occurrence.
    pub last_seen: UnixNanos,
}

impl Issue {
    /// Share of the endpoint's wall time that is lost, 0..=1.
    pub fn share_of_wall(&self) -> f64 {
        ratio(self.wall_ns as f64, self.entry_wall_ns as f64).clamp(0.0, 1.0)
    }

    /// Lookups per affected request.
    pub fn lookups_per_request(&self) -> f64 {
        ratio(self.lookups, self.requests_affected)
    }

    /// Calls per affected request.
    pub fn calls_per_request(&self) -> f64 {
        ratio(self.calls, self.requests_affected)
    }
}

fn ratio(part: f64, whole: f64) -> f64 {
    if whole > 0.0 { part / whole } else { 0.0 }
}
