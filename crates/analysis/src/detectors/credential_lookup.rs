//! Looks for credentials that are looked up again and again.
//!
//! ```text
//! in a trace                        over an endpoint's requests
//! POST /reports                     GET /thumbnail   ×200
//!   PUT token ─ GET ─ GET             PUT token ─ GET ─ GET     in nearly every one
//!   PUT object
//!   PUT token ─ GET ─ GET
//!   PUT object
//!   …
//! ```
//!
//! A process may look up once, so one lookup in a trace is none of its
//! business; the same lookup in most requests is.

use hotspan_knowledge::{Family, knowledge};
use hotspan_model::segment::{ClassUse, ProfileUse};
use hotspan_model::time::NANOS_PER_MILLI;
use hotspan_model::{
    Class, Confidence, EndpointProfile, Finding, FindingScope, LookupStep, SpanId,
};

use crate::cause::{self, Evidence, Spread};
use crate::fingerprint::fingerprint;
use crate::lookups::{FamilyLookups, TokenAnswer, family_name};
use crate::study::Study;

/// Its stable name.
pub(crate) const DETECTOR: &str = "credential-lookup";

/// Lookups in one segment that are a repeat beyond doubt.
const LOOKUPS_MIN: u32 = 3;
/// Two lookups may be two clients that a process makes when it starts. They
/// are reported only when they cost this share of the request.
const LOOKUPS_COSTLY_MIN: u32 = 2;
const SHARE_COSTLY_MIN: f64 = 0.05;
/// Below this share or time a finding is not worth anybody's attention.
const SHARE_MIN: f64 = 0.01;
const WALL_NS_MIN: i64 = 20 * NANOS_PER_MILLI;

/// Requests that the endpoint form needs to have seen.
const REQUESTS_MIN: u64 = 30;
/// Share of them that must have a lookup. Processes that start and warm up stay
/// far below it.
const REQUESTS_SHARE_MIN: f64 = 0.5;
/// Share of time in the endpoint form. Lower than in a trace: a lookup in every
/// request is a defect at any price, because all processes of a host share one
/// small budget of metadata calls. It only keeps out what rounds to nothing.
const PROFILE_SHARE_MIN: f64 = 0.001;
/// From this share of requests on, no other explanation is left.
const REQUESTS_SHARE_SURE: f64 = 0.9;

/// Spans that a finding lists as evidence.
const EVIDENCE_MAX: usize = 24;

/// Uses of credential lookups in a segment, for roll-ups and the endpoint form.
pub(crate) fn uses(study: &Study<'_>) -> Vec<ClassUse> {
    let families = study.lookups.families.iter().enumerate();
    families
        .map(|(index, found)| use_of(study, index, found))
        .filter(|class_use| class_use.lookups > 0)
        .collect()
}

fn use_of(study: &Study<'_>, index: usize, found: &FamilyLookups) -> ClassUse {
    let spans = &study.segment.spans;
    let slices = study.slices.iter().filter(|slice| slice.family == Some(index));
    let (mut wall_ns, mut hidden_ns) = (0_i64, 0_i64);
    for slice in slices {
        wall_ns = slice.duration_ns().saturating_add(wall_ns);
        let hidden = if slice.hidden { slice.duration_ns() } else { 0 };
        hidden_ns = hidden_ns.saturating_add(hidden);
    }
    let evidence = found.calls.iter().take(EVIDENCE_MAX);
    ClassUse {
        class: Class::CredentialLookup,
        family: family_name(found.family),
        lookups: found.lookups_total(),
        calls: found.calls_total(),
        wall_ns,
        hidden_ns,
        evidence: evidence.map(|call| spans[call.span].span_id).collect(),
        templates: found.templates(spans),
    }
}

/// Findings inside one segment.
pub(crate) fn in_segment(
    study: &Study<'_>,
    uses: &[ClassUse],
    cut_at: Option<u32>,
) -> Vec<Finding> {
    let entry_wall_ns = study.segment.entry_span().duration_ns();
    let worth_it = |class_use: &&ClassUse| {
        let share = class_use.wall_ns as f64 / entry_wall_ns.max(1) as f64;
        let repeated = class_use.lookups >= LOOKUPS_MIN && share >= SHARE_MIN;
        let costly = class_use.lookups >= LOOKUPS_COSTLY_MIN && share >= SHARE_COSTLY_MIN;
        class_use.wall_ns >= WALL_NS_MIN && (repeated || costly)
    };
    uses.iter()
        .filter(worth_it)
        .filter_map(|class_use| {
            let mut families = study.lookups.families.iter();
            let found = families.find(|found| found.family.id == *class_use.family)?;
            Some(finding(study, found, class_use, cut_at))
        })
        .collect()
}

fn finding(
    study: &Study<'_>,
    found: &FamilyLookups,
    class_use: &ClassUse,
    cut_at: Option<u32>,
) -> Finding {
    let segment = study.segment;
    let entry = segment.entry_span();
    let endpoint = &segment.facts.endpoint;
    let evidence = evidence(study, found, class_use, cut_at);
    let cause = cause::explain(&evidence);
    let fixes = cause::fixes(&cause.code, found.family, evidence.language);
    Finding {
        scope: FindingScope::Trace,
        detector: DETECTOR.to_owned(),
        class: class_use.class,
        family: found.family.id.clone(),
        subject: found.family.subject.clone(),
        endpoint: endpoint.clone(),
        trace_id: segment.trace_id,
        entry_span: entry.span_id,
        start: entry.start,
        requests: 1.0,
        requests_affected: 1.0,
        lookups: f64::from(class_use.lookups),
        calls: f64::from(class_use.calls),
        at_least: cut_at.is_some(),
        wall_ns: class_use.wall_ns,
        hidden_ns: class_use.hidden_ns,
        entry_wall_ns: entry.duration_ns(),
        cause,
        fixes,
        evidence: class_use.evidence.clone(),
        templates: class_use.templates.clone(),
        fingerprint: fingerprint(DETECTOR, endpoint, class_use.class, found.family),
    }
}

fn evidence(
    study: &Study<'_>,
    found: &FamilyLookups,
    class_use: &ClassUse,
    cut_at: Option<u32>,
) -> Evidence {
    let spans = &study.segment.spans;
    let answered = |answer| found.lookups.iter().filter(move |l| l.token == answer).count() as u32;
    let missing = found.missing.len() as u32;
    let nameless = found.calls.iter().filter(|call| call.nameless).count() as u32;
    Evidence {
        family: found.family,
        language: study.segment.facts.sdk.language,
        lookups: class_use.lookups,
        calls: class_use.calls,
        tokens: found.count(LookupStep::Token),
        lists: found.count(LookupStep::List),
        credentials: found.count(LookupStep::Credentials),
        succeeded: found.any_succeeded(),
        timed_out: answered(TokenAnswer::TimedOut) + missing,
        nameless,
        missing,
        refused: answered(TokenAnswer::Refused),
        per_call_ns: found.median_call_ns(spans),
        templates: class_use.templates.clone(),
        cut_at,
        timeout_ns: found.median_timeout_ns(spans).unwrap_or(0),
    }
}

/// Findings over an endpoint's requests: lookups in most of them, although
/// none repeats them. What a single trace shows is left to the trace form.
pub(crate) fn in_profile(profile: &EndpointProfile) -> Vec<Finding> {
    let affected = |profile_use: &&ProfileUse| {
        let share = profile_use.samples_affected as f64 / profile.samples.max(1) as f64;
        profile_use.class == Class::CredentialLookup
            && profile.samples >= REQUESTS_MIN
            && share >= REQUESTS_SHARE_MIN
    };
    let worth_it = |profile_use: &&ProfileUse| {
        share_of(profile, profile_use) >= PROFILE_SHARE_MIN
            && !shown_by_traces(profile, profile_use)
    };
    profile
        .uses
        .iter()
        .filter(affected)
        .filter(worth_it)
        .filter_map(|profile_use| profile_finding(profile, profile_use))
        .collect()
}

fn share_of(profile: &EndpointProfile, profile_use: &ProfileUse) -> f64 {
    profile_use.wall_ns as f64 / profile.entry_wall_ns.max(1) as f64
}

/// True when the average affected request raises a finding of its own.
fn shown_by_traces(profile: &EndpointProfile, profile_use: &ProfileUse) -> bool {
    let requests = profile_use.requests_affected.max(f64::MIN_POSITIVE);
    let lookups = profile_use.lookups / requests;
    let wall_ns = profile_use.wall_ns as f64 / requests;
    let share = share_of(profile, profile_use);
    let repeated = lookups >= f64::from(LOOKUPS_MIN) && share >= SHARE_MIN;
    let costly = lookups >= f64::from(LOOKUPS_COSTLY_MIN) && share >= SHARE_COSTLY_MIN;
    wall_ns >= WALL_NS_MIN as f64 && (repeated || costly)
}

fn profile_finding(profile: &EndpointProfile, profile_use: &ProfileUse) -> Option<Finding> {
    let family = knowledge().families.get(&profile_use.family)?;
    let affected_share = profile_use.samples_affected as f64 / profile.samples.max(1) as f64;
    let confidence = if affected_share >= REQUESTS_SHARE_SURE {
        Confidence::VeryLikely
    } else {
        Confidence::Likely
    };
    let spread = spread(profile, profile_use, family);
    let cause = cause::explain_not_shared(&spread, confidence);
    let example = profile_use.evidence.first();
    let fixes = cause::fixes_not_shared(&spread);
    Some(Finding {
        scope: FindingScope::Endpoint,
        detector: DETECTOR.to_owned(),
        class: profile_use.class,
        family: family.id.clone(),
        subject: family.subject.clone(),
        endpoint: profile.endpoint.clone(),
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
        cause,
        fixes,
        evidence: example.map_or_else(Vec::<SpanId>::new, |(_, _, spans)| spans.clone()),
        templates: profile_use.templates.clone(),
        fingerprint: fingerprint(DETECTOR, &profile.endpoint, profile_use.class, family),
    })
}

/// Means, since a profile keeps sums.
fn spread(profile: &EndpointProfile, profile_use: &ProfileUse, family: &'static Family) -> Spread {
    let wall_ns = profile_use.wall_ns as f64;
    let language = profile.sdk.language;
    let per_lookup_ns = (wall_ns / profile_use.lookups.max(1.0)) as i64;
    let has_token = family.steps.iter().any(|step| step == "token");
    let waits = has_token
        && cause::lost_token_ns(language).is_some_and(|timeout_ns| per_lookup_ns >= timeout_ns);
    Spread {
        family,
        language,
        requests: profile.requests,
        affected: profile_use.requests_affected,
        lookups: profile_use.lookups,
        per_call_ns: (!waits).then(|| (wall_ns / profile_use.calls.max(1.0)) as i64),
        waited_ns: waits.then_some(per_lookup_ns),
    }
}
