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
//! business; the same lookup in most requests is. Neither are two, each followed
//! by a call to another service: two clients that are used for the first time.

mod first_use;

use hotspan_knowledge::{Family, knowledge};
use hotspan_model::segment::{ClassUse, ProfileUse};
use hotspan_model::{Class, Confidence, EndpointProfile, Finding, LookupStep};

use super::Detector;
use super::finding::{Amount, Draft, EVIDENCE_MAX};
use super::scene::Scene;
use super::spread::{Demand, share_of, widespread};
use crate::cause::spread::Spread;
use crate::cause::{self, Evidence};
use crate::fingerprint::identity_of;
use crate::lookups::{FamilyLookups, TokenAnswer, family_name};
use crate::study::Study;
use crate::thresholds::Thresholds;
use crate::wording;

pub(super) const DETECTOR: Detector = Detector {
    slug: "credential-lookup",
    title: "Credentials looked up again and again",
    unit: ("lookup", "lookups"),
    in_segment,
    uses: Some(uses),
    in_profile: Some(in_profile),
};

/// Uses of credential lookups in a segment, for roll-ups and the endpoint form.
fn uses(study: &Study<'_>) -> Vec<ClassUse> {
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
fn in_segment(scene: &mut Scene<'_, '_>) {
    let (study, uses) = (scene.study, scene.uses);
    for class_use in uses.iter().filter(|class_use| class_use.class == Class::CredentialLookup) {
        let families = &study.lookups.families;
        let found = families.iter().position(|found| found.family.id == *class_use.family);
        let Some(index) = found.filter(|_| is_worth_it(scene, class_use)) else {
            continue;
        };
        let few = class_use.lookups < scene.thresholds.credentials.lookups_min;
        if few && first_use::of_each(study, index) {
            continue;
        }
        let owners = study.lookups.owners.iter().enumerate();
        let owned = owners.filter(|(_, owner)| **owner == Some(index)).map(|(span, _)| span);
        scene.report(finding(study, &families[index], class_use), owned);
    }
}

fn is_worth_it(scene: &Scene<'_, '_>, class_use: &ClassUse) -> bool {
    let (thresholds, floor) = (&scene.thresholds.credentials, &scene.thresholds.floor);
    let share = scene.share_of(class_use.wall_ns);
    let repeated = class_use.lookups >= thresholds.lookups_min && share >= floor.share_min;
    let costly =
        class_use.lookups >= thresholds.lookups_costly_min && share >= thresholds.share_costly_min;
    class_use.wall_ns >= floor.wall_ns_min && (repeated || costly)
}

fn finding(study: &Study<'_>, found: &FamilyLookups, class_use: &ClassUse) -> Finding {
    let evidence = evidence(study, found, class_use);
    let cause = cause::explain(&evidence);
    let draft = Draft {
        detector: DETECTOR.slug,
        class: class_use.class,
        family: found.family.id.clone(),
        subject: found.family.subject.clone(),
        fixes: wording::fixes(&cause.code, &found.family.id, evidence.language),
        cause,
        templates: class_use.templates.clone(),
        identity: identity_of(found.family),
    };
    let amount = Amount {
        lookups: f64::from(class_use.lookups),
        calls: f64::from(class_use.calls),
        wall_ns: class_use.wall_ns,
        hidden_ns: class_use.hidden_ns,
        evidence: class_use.evidence.clone(),
    };
    draft.in_trace(study, amount)
}

fn evidence(study: &Study<'_>, found: &FamilyLookups, class_use: &ClassUse) -> Evidence {
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
        cut_at: study.cut_at,
        timeout_ns: found.median_timeout_ns(spans).unwrap_or(0),
    }
}

/// Findings over an endpoint's requests: lookups in most of them, although
/// none repeats them at a cost. What a single trace shows is left to the trace
/// form.
fn in_profile(profile: &EndpointProfile, thresholds: &Thresholds) -> Vec<Finding> {
    let limits = &thresholds.credentials;
    let demand = Demand {
        share_min: limits.profile_share_min,
        interval_ns_max: limits.interval_ns_max,
        once_is_fine: true,
    };
    let uses = widespread(profile, thresholds, Class::CredentialLookup, demand);
    let found = uses.filter_map(|(profile_use, confidence)| {
        let family = knowledge().families.get(&profile_use.family)?;
        let is_login = family.of_callers && knowledge().logins.is_login(&profile.endpoint.name);
        (!is_login && !shown_by_traces(profile, profile_use, thresholds))
            .then(|| profile_finding(profile, profile_use, family, confidence))
    });
    found.collect()
}

/// True when the average affected request raises a finding of its own. Two
/// lookups do not always, so they are told here as well.
fn shown_by_traces(
    profile: &EndpointProfile,
    profile_use: &ProfileUse,
    thresholds: &Thresholds,
) -> bool {
    let (limits, floor) = (&thresholds.credentials, &thresholds.floor);
    let requests = profile_use.requests_affected.max(f64::MIN_POSITIVE);
    let lookups = profile_use.lookups / requests;
    let wall_ns = profile_use.wall_ns as f64 / requests;
    let share = share_of(profile, profile_use);
    let repeated = lookups >= f64::from(limits.lookups_min) && share >= floor.share_min;
    wall_ns >= floor.wall_ns_min as f64 && repeated
}

fn profile_finding(
    profile: &EndpointProfile,
    profile_use: &ProfileUse,
    family: &'static Family,
    confidence: Confidence,
) -> Finding {
    let spread = Spread {
        family,
        language: profile.sdk.language,
        requests: profile.requests,
        affected: profile_use.requests_affected,
        lookups: profile_use.lookups,
        calls: profile_use.calls,
        wall_ns: profile_use.wall_ns,
    };
    let cause = spread.explain(confidence);
    let draft = Draft {
        detector: DETECTOR.slug,
        class: profile_use.class,
        family: family.id.clone(),
        subject: family.subject.clone(),
        fixes: wording::fixes(&cause.code, &family.id, spread.language),
        cause,
        templates: profile_use.templates.clone(),
        identity: identity_of(family),
    };
    draft.over_requests(profile, profile_use)
}
