//! What findings about fetched tokens, keys and secrets have in common: what is
//! added up over requests, how a finding is measured, and its words.

use hotspan_knowledge::{Family, knowledge};
use hotspan_model::segment::{ClassUse, ProfileUse};
use hotspan_model::{Class, Confidence, EndpointProfile, Finding, UnixNanos};

use super::Detector;
use super::finding::{Amount, Draft, EVIDENCE_MAX};
use super::repetition::order;
use super::scene::Scene;
use super::spread::{Demand, share_of, widespread};
use crate::fetches::FamilyFetches;
use crate::fingerprint::identity_of;
use crate::lookups::family_name;
use crate::repeats::{Series, is_polling};
use crate::study::Study;
use crate::thresholds::Thresholds;
use crate::{figures, wording};

/// Fetches of `class` in a segment, for roll-ups and the endpoint form.
pub(super) fn uses_of(study: &Study<'_>, class: Class) -> Vec<ClassUse> {
    let families = study.fetches.iter().filter(|found| found.class == class);
    families.map(|found| use_of(study, found)).collect()
}

fn use_of(study: &Study<'_>, found: &FamilyFetches) -> ClassUse {
    let spans = &study.segment.spans;
    let evidence = found.calls.iter().take(EVIDENCE_MAX);
    ClassUse {
        class: found.class,
        family: family_name(found.family),
        lookups: found.count(),
        calls: found.calls.len() as u32,
        wall_ns: study.paths.of_set_ns(found.calls.iter().map(|fetch| fetch.span)),
        hidden_ns: 0,
        evidence: evidence.map(|fetch| spans[fetch.span].span_id).collect(),
        templates: found.templates(spans),
    }
}

/// Fetches that no detector has explained.
pub(super) fn free(scene: &Scene<'_, '_>, calls: impl Iterator<Item = usize>) -> Vec<usize> {
    calls.filter(|&call| scene.is_free(call)).collect()
}

/// Calls that ask for what an earlier one of `calls` (by start) was told, where
/// spans tell it; those asked for at least `same_min` times. Somebody who asks
/// and waits until the answer changes does so in one place, and does nothing
/// else meanwhile.
pub(super) fn asked_again(scene: &Scene<'_, '_>, calls: &[usize], same_min: usize) -> Vec<usize> {
    let (study, spans) = (scene.study, &scene.study.segment.spans);
    let mut asked: Vec<(u64, usize, usize)> =
        calls.iter().enumerate().map(|(nth, &call)| (study.asked(call), nth, call)).collect();
    asked.sort_unstable();
    let (mut again, mut starts) = (Vec::new(), None);
    for same in asked.chunk_by(|one, other| one.0 == other.0) {
        if same[0].0 == 0 || same.len() < same_min {
            continue;
        }
        let same: Vec<usize> = same.iter().map(|(_, _, call)| *call).collect();
        let waits = is_polling(spans, &same)
            && is_alone(study, &same, starts.get_or_insert_with(|| starts_of_calls(study)));
        if !waits {
            again.extend_from_slice(&same[1..]);
        }
    }
    again.sort_unstable_by_key(|&call| (spans[call].start, call));
    again
}

/// True for calls in one place with pauses between them, and nothing else
/// meanwhile: somebody who asks until the answer changes.
pub(super) fn waits_for_a_change(study: &Study<'_>, calls: &[usize]) -> bool {
    is_polling(&study.segment.spans, calls) && is_alone(study, calls, &starts_of_calls(study))
}

/// When the calls of a request begin, in order.
fn starts_of_calls(study: &Study<'_>) -> Vec<UnixNanos> {
    let calls = study.segment.spans.iter().filter(|span| span.call.is_some());
    let mut starts: Vec<UnixNanos> = calls.map(|span| span.start).collect();
    starts.sort_unstable();
    starts
}

/// True when they are in one place, and nothing else is called between the
/// first and the last.
fn is_alone(study: &Study<'_>, calls: &[usize], starts: &[UnixNanos]) -> bool {
    let spans = &study.segment.spans;
    let (Some(&first), Some(&last)) = (calls.first(), calls.last()) else {
        return false;
    };
    let before = starts.partition_point(|start| *start < spans[first].start);
    let until = starts.partition_point(|start| *start <= spans[last].start);
    until - before <= calls.len() && Series::new(study, calls).parents() == 1
}

/// Fetches that are too many in one request.
pub(super) struct Waste<'a> {
    pub(super) fetches: &'a FamilyFetches,
    /// The calls, by start.
    pub(super) calls: &'a [usize],
    /// Those of them that are too many.
    pub(super) again: &'a [usize],
    pub(super) cause: (&'static str, Confidence),
    /// Share of the request that they must take, 0..=1.
    pub(super) share_min: f64,
    /// Figures that only this cause has.
    pub(super) figures: Vec<(&'static str, String)>,
}

impl Waste<'_> {
    /// Reports it, when it costs enough.
    pub(super) fn report(self, scene: &mut Scene<'_, '_>, detector: &Detector) {
        let study = scene.study;
        let wall_ns = study.paths.of_set_ns(self.again.iter().copied());
        if !scene.is_worth(wall_ns) || scene.share_of(wall_ns) < self.share_min {
            return;
        }
        let spans = &study.segment.spans;
        let family = self.fetches.family;
        let series = Series::new(study, self.calls);
        let number = |count: usize| figures::count(count as u64);
        let target = self.calls.first().and_then(|&call| spans[call].call.as_ref());
        let mut told = vec![
            ("at_least", study.cut_at.map_or("", |_| "at least ").to_owned()),
            ("fetches", number(self.calls.len())),
            ("again", number(self.again.len())),
            ("target", target.map_or(String::new(), |call| call.target.clone())),
            ("subject", family.subject.clone()),
            ("endpoint", family.endpoint.clone()),
            ("per_call", figures::duration(series.median_ns())),
            ("time", figures::duration(wall_ns)),
            ("share", figures::percent(scene.share_of(wall_ns))),
            ("order", order(series.at_once())),
        ];
        told.extend(self.figures);
        let (code, confidence) = self.cause;
        let facts = vec![
            (
                format!("{} × {}", number(self.calls.len()), figures::duration(series.median_ns())),
                "fetches and their median".to_owned(),
            ),
            (number(self.again.len()), "of them too many".to_owned()),
        ];
        let draft = Draft {
            detector: detector.slug,
            class: self.fetches.class,
            family: family.id.clone(),
            subject: family.subject.clone(),
            cause: wording::cause(code, confidence, &told, facts),
            fixes: wording::fixes(code, &family.id, study.segment.facts.sdk.language),
            templates: self.fetches.templates(spans),
            identity: identity_of(family),
        };
        let evidence = self.calls.iter().take(EVIDENCE_MAX);
        let amount = Amount {
            lookups: f64::from(self.fetches.count()).min(self.calls.len() as f64),
            calls: self.calls.len() as f64,
            wall_ns,
            hidden_ns: 0,
            evidence: evidence.map(|&call| spans[call].span_id).collect(),
        };
        scene.report(draft.in_trace(study, amount), self.calls.iter().copied());
    }
}

/// Findings over an endpoint's requests: something of `class` is fetched in most
/// of them. `cause_of` names the cause for a family, or says that it is meant.
pub(super) fn in_profile(
    profile: &EndpointProfile,
    thresholds: &Thresholds,
    detector: &Detector,
    class: Class,
    cause_of: impl Fn(&Family) -> Option<(&'static str, Confidence)>,
) -> Vec<Finding> {
    let limits = &thresholds.fetches;
    let demand = Demand {
        share_min: limits.profile_share_min,
        interval_ns_max: limits.interval_ns_max,
        once_is_fine: true,
    };
    let uses = widespread(profile, thresholds, class, demand);
    let found = uses.filter_map(|(profile_use, sure)| {
        let family = knowledge().families.get(&profile_use.family)?;
        let (code, confidence) = cause_of(family)?;
        let cause = (code, confidence.min(sure));
        Some(over_requests(profile, profile_use, detector, family, cause))
    });
    found.collect()
}

fn over_requests(
    profile: &EndpointProfile,
    profile_use: &ProfileUse,
    detector: &Detector,
    family: &Family,
    (code, confidence): (&'static str, Confidence),
) -> Finding {
    let wall_ns = profile_use.wall_ns as f64;
    let [requests, affected, fetches] =
        [profile.requests, profile_use.requests_affected, profile_use.lookups]
            .map(figures::weighted);
    let per_request = profile_use.lookups / profile_use.requests_affected.max(f64::MIN_POSITIVE);
    let facts = vec![(
        format!("{affected} of {requests}"),
        format!("requests do so, {} times each", figures::weighted(per_request)),
    )];
    let told = [
        ("subject", family.subject.clone()),
        ("endpoint", family.endpoint.clone()),
        ("requests", requests),
        ("affected", affected),
        ("fetches", fetches),
        ("per_request", figures::weighted(per_request)),
        ("per_call", figures::duration((wall_ns / profile_use.calls.max(1.0)) as i64)),
        ("share", figures::percent(share_of(profile, profile_use))),
    ];
    let draft = Draft {
        detector: detector.slug,
        class: profile_use.class,
        family: family.id.clone(),
        subject: family.subject.clone(),
        cause: wording::cause(code, confidence, &told, facts),
        fixes: wording::fixes(code, &family.id, profile.sdk.language),
        templates: profile_use.templates.clone(),
        identity: identity_of(family),
    };
    draft.over_requests(profile, profile_use)
}
