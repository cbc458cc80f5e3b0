//! From what a detector decided to a whole finding: endpoint, trace, figures of
//! all requests, and the fingerprint.

use hotspan_model::segment::ProfileUse;
use hotspan_model::{Cause, Class, EndpointProfile, Finding, FindingScope, Fix, SpanId};

use crate::fingerprint::fingerprint;
use crate::history::Change;
use crate::study::Study;

/// Spans that a finding lists as evidence.
pub(crate) const EVIDENCE_MAX: usize = 24;

/// What only the detector knows of a finding.
#[derive(Debug)]
pub(crate) struct Draft {
    /// The detector's slug.
    pub(crate) detector: &'static str,
    /// What the time is lost to.
    pub(crate) class: Class,
    /// The knowledge family of the calls; without one what sets this issue
    /// apart from others of its class at the endpoint, since time is counted
    /// once for a class and family.
    pub(crate) family: String,
    /// What is wrong in a few words: `N+1 query: SELECT order_items`.
    pub(crate) subject: String,
    /// Why.
    pub(crate) cause: Cause,
    /// What to do, best first.
    pub(crate) fixes: Vec<Fix>,
    /// Operation templates of the calls, in order, as people read them.
    pub(crate) templates: Vec<String>,
    /// What makes two findings of this detector, class and endpoint the same
    /// issue: texts that do not change with trace, host or release.
    pub(crate) identity: Vec<String>,
}

/// How much of it there is in one segment.
#[derive(Debug, Default)]
pub(crate) struct Amount {
    /// Lookups, or times that something is repeated.
    pub(crate) lookups: f64,
    /// Calls in all of them.
    pub(crate) calls: f64,
    /// Time on the critical path, hidden time included.
    pub(crate) wall_ns: i64,
    /// The part of it that no well-named span shows.
    pub(crate) hidden_ns: i64,
    /// Spans to show; those beyond [`EVIDENCE_MAX`] are left out.
    pub(crate) evidence: Vec<SpanId>,
}

impl Draft {
    /// The finding inside one segment.
    pub(crate) fn in_trace(self, study: &Study<'_>, amount: Amount) -> Finding {
        let segment = study.segment;
        let entry = segment.entry_span();
        let mut evidence = amount.evidence;
        evidence.truncate(EVIDENCE_MAX);
        Finding {
            scope: FindingScope::Trace,
            trace_id: segment.trace_id,
            entry_span: entry.span_id,
            start: entry.start,
            requests: 1.0,
            requests_affected: 1.0,
            lookups: amount.lookups,
            calls: amount.calls,
            at_least: study.cut_at.is_some(),
            wall_ns: amount.wall_ns,
            hidden_ns: amount.hidden_ns,
            entry_wall_ns: entry.duration_ns(),
            evidence,
            fingerprint: self.fingerprint(&segment.facts.endpoint),
            endpoint: segment.facts.endpoint.clone(),
            detector: self.detector.to_owned(),
            class: self.class,
            family: self.family,
            subject: self.subject,
            cause: self.cause,
            fixes: self.fixes,
            templates: self.templates,
        }
    }

    /// The finding over the requests of an endpoint that used what
    /// `profile_use` sums up.
    pub(crate) fn over_requests(
        self,
        profile: &EndpointProfile,
        profile_use: &ProfileUse,
    ) -> Finding {
        let example = profile_use.evidence.first();
        Finding {
            scope: FindingScope::Endpoint,
            trace_id: example.map(|(trace, _, _)| *trace).unwrap_or_default(),
            entry_span: example.map(|(_, entry, _)| *entry).unwrap_or_default(),
            start: profile.window.1,
            requests: profile.requests,
            requests_affected: profile_use.requests_affected,
            lookups: profile_use.lookups,
            calls: profile_use.calls,
            at_least: false,
            wall_ns: profile_use.wall_ns,
            hidden_ns: profile_use.hidden_ns,
            entry_wall_ns: profile.entry_wall_ns,
            evidence: example.map_or_else(Vec::new, |(_, _, spans)| spans.clone()),
            fingerprint: self.fingerprint(&profile.endpoint),
            endpoint: profile.endpoint.clone(),
            detector: self.detector.to_owned(),
            class: self.class,
            family: self.family,
            subject: self.subject,
            cause: self.cause,
            fixes: self.fixes,
            templates: self.templates,
        }
    }

    /// The finding over the requests of an endpoint since a moment.
    pub(crate) fn over_time(self, change: &Change<'_>, amount: Amount) -> Finding {
        let endpoint = &change.history.endpoint;
        let example = change.history.example;
        let (requests, entry_wall_ns) = change.since.volume();
        Finding {
            scope: FindingScope::Endpoint,
            trace_id: example.map(|example| example.trace_id).unwrap_or_default(),
            entry_span: example.map(|example| example.entry_span).unwrap_or_default(),
            start: change.last_seen(),
            requests,
            requests_affected: requests,
            lookups: amount.lookups,
            calls: amount.calls,
            at_least: false,
            wall_ns: amount.wall_ns.clamp(0, entry_wall_ns.max(0)),
            hidden_ns: amount.hidden_ns,
            entry_wall_ns,
            evidence: amount.evidence,
            fingerprint: self.fingerprint(endpoint),
            endpoint: endpoint.clone(),
            detector: self.detector.to_owned(),
            class: self.class,
            family: self.family,
            subject: self.subject,
            cause: self.cause,
            fixes: self.fixes,
            templates: self.templates,
        }
    }

    fn fingerprint(&self, endpoint: &hotspan_model::Endpoint) -> String {
        fingerprint(self.detector, endpoint, self.class, &self.identity)
    }
}
