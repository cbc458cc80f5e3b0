//! Looks for connections that are opened again and again.
//!
//! ```text
//! in a trace                           over an endpoint's requests
//! GET /page                            GET /price   ×200
//!   resolve api ─ connect ─ TLS          connect api     in nearly every one
//!   GET api/items/1                      GET api/items/1
//!   resolve api ─ connect ─ TLS
//!   GET api/items/2
//!   …
//! ```
//!
//! The steps of one connection count together, and connections that are needed
//! at one time do not count as repeated. What is opened for credential lookups
//! belongs to them. An endpoint with few requests opens connections rightly:
//! idle ones are closed between them.

mod opened;

use std::collections::BTreeSet;
use std::sync::Arc;

use hotspan_model::normalise::url;
use hotspan_model::segment::{ClassUse, ProfileUse};
use hotspan_model::{CallKind, Class, Confidence, EndpointProfile, Finding};

use self::opened::{Opened, needed, opened};
use super::Detector;
use super::finding::{Amount, Draft, EVIDENCE_MAX};
use super::scene::Scene;
use crate::study::Study;
use crate::thresholds::Thresholds;
use crate::{figures, wording};

pub(super) const DETECTOR: Detector = Detector {
    slug: "connection-setup",
    title: "Connections opened again and again",
    unit: ("connection", "connections"),
    in_segment,
    uses: Some(uses),
    in_profile: Some(in_profile),
};

/// What profiles keep apart: so many rows at most for an endpoint, however
/// many hosts it talks to.
const ROWS_MAX: u64 = 32;
/// Hosts of one request that profiles are told of, the dearest first.
const USES_MAX: usize = 4;

/// Uses of connections in a segment, for roll-ups and the endpoint form.
fn uses(study: &Study<'_>) -> Vec<ClassUse> {
    let spans = &study.segment.spans;
    let mut uses: Vec<ClassUse> = opened(study)
        .into_iter()
        .map(|(host, opened)| ClassUse {
            class: class_of(study, &opened),
            family: family_of(host),
            lookups: opened.connections.len() as u32,
            calls: opened.spans.len() as u32,
            wall_ns: study.paths.of_set_ns(opened.spans.iter().copied()),
            hidden_ns: 0,
            evidence: opened.spans.iter().take(EVIDENCE_MAX).map(|&s| spans[s].span_id).collect(),
            templates: vec![url::path_template(host)],
        })
        .collect();
    uses.sort_by_key(|class_use| -class_use.wall_ns);
    uses.truncate(USES_MAX);
    // A request counts once for a row.
    let mut rows = BTreeSet::new();
    uses.retain(|class_use| rows.insert((class_use.class, Arc::clone(&class_use.family))));
    uses
}

/// Names that are resolved, without anything being connected, are DNS's.
fn class_of(study: &Study<'_>, opened: &Opened) -> Class {
    let call = |span: &usize| study.segment.spans[*span].call.as_ref();
    let connects = opened.spans.iter().filter_map(call).any(|call| call.kind == CallKind::Connect);
    if connects { Class::ConnectionSetup } else { Class::Dns }
}

/// Hosts that fall into one row only by chance are told apart by their
/// templates, of which the commonest counts.
fn family_of(host: &str) -> Arc<str> {
    let row = crate::repeats::without_numbers(host) % ROWS_MAX;
    Arc::from(format!("{} {row}", DETECTOR.slug))
}

/// Findings inside one segment.
fn in_segment(scene: &mut Scene<'_, '_>) {
    let (study, limits) = (scene.study, scene.thresholds.connections);
    for (host, opened) in opened(study) {
        let wall_ns = study.paths.of_set_ns(opened.spans.iter().copied());
        let count = opened.connections.len();
        if count < limits.opened_min
            || !scene.is_worth(wall_ns)
            || count < needed(study, host, &opened) + limits.spare_min
        {
            continue;
        }
        let finding = finding(scene, host, &opened, wall_ns);
        scene.report(finding, opened.spans.iter().copied());
    }
}

fn finding(scene: &Scene<'_, '_>, host: &str, opened: &Opened, wall_ns: i64) -> Finding {
    let study = scene.study;
    let spans = &study.segment.spans;
    let count = opened.connections.len();
    let template = url::path_template(host);
    let each_ns = opened.spans.iter().map(|&span| spans[span].duration_ns());
    let each_ns = each_ns.fold(0, |sum: i64, nanos| sum.saturating_add(nanos)) / count as i64;
    let class = class_of(study, opened);
    let code = if class == Class::Dns { "name_resolved_per_call" } else { "connection_per_call" };
    let told = [
        ("at_least", study.cut_at.map_or("", |_| "at least ").to_owned()),
        ("connections", figures::count(count as u64)),
        ("host", template.clone()),
        ("each", figures::duration(each_ns)),
        ("time", figures::duration(wall_ns)),
        ("share", figures::percent(scene.share_of(wall_ns))),
    ];
    let facts = vec![(
        format!("{} × {}", figures::count(count as u64), figures::duration(each_ns)),
        "connections and the mean of all steps of one".to_owned(),
    )];
    let cause = wording::cause(code, Confidence::Likely, &told, facts);
    let amount = Amount {
        lookups: count as f64,
        calls: opened.spans.len() as f64,
        wall_ns,
        hidden_ns: 0,
        evidence: opened.spans.iter().map(|&span| spans[span].span_id).collect(),
    };
    draft(class, host, template, cause, study.segment.facts.sdk.language).in_trace(study, amount)
}

fn draft(
    class: Class,
    host: &str,
    template: String,
    cause: hotspan_model::Cause,
    language: hotspan_model::Language,
) -> Draft {
    let what = if class == Class::Dns { "Name resolved again" } else { "New connections" };
    Draft {
        detector: DETECTOR.slug,
        class,
        family: family_of(host).to_string(),
        subject: format!("{what}: {template}"),
        fixes: wording::fixes(&cause.code, "", language),
        cause,
        templates: vec![template.clone()],
        identity: vec![template],
    }
}

/// Findings over an endpoint's requests: most of them open a connection,
/// although none opens many.
fn in_profile(profile: &EndpointProfile, thresholds: &Thresholds) -> Vec<Finding> {
    let limits = &thresholds.connections;
    let window_ns = profile.window.1.since(profile.window.0);
    let busy = window_ns as f64 <= profile.requests * limits.request_gap_ns_max as f64;
    if profile.samples < limits.requests_min || !busy {
        return Vec::new();
    }
    let worth_it = |profile_use: &&ProfileUse| {
        let requests = profile_use.requests_affected.max(f64::MIN_POSITIVE);
        let each_ns = profile_use.wall_ns as f64 / requests;
        let affected = profile_use.samples_affected as f64 / profile.samples as f64;
        let share = profile_use.wall_ns as f64 / profile.entry_wall_ns.max(1) as f64;
        let shown_by_traces = profile_use.lookups / requests >= limits.opened_min as f64
            && each_ns >= thresholds.floor.wall_ns_min as f64;
        profile_use.family.starts_with(DETECTOR.slug)
            && affected >= limits.requests_share_min
            && share >= limits.profile_share_min
            && each_ns >= limits.request_ns_min as f64
            && !shown_by_traces
    };
    let uses = profile.uses.iter().filter(worth_it);
    uses.filter_map(|profile_use| profile_finding(profile, profile_use)).collect()
}

fn profile_finding(profile: &EndpointProfile, profile_use: &ProfileUse) -> Option<Finding> {
    let host = profile_use.templates.first()?;
    let told = [
        ("affected", figures::weighted(profile_use.requests_affected)),
        ("requests", figures::weighted(profile.requests)),
        ("connections", figures::weighted(profile_use.lookups)),
        ("host", host.clone()),
        (
            "each",
            figures::duration((profile_use.wall_ns as f64 / profile_use.lookups.max(1.0)) as i64),
        ),
    ];
    let facts = vec![(
        format!("{} of {}", told[0].1, told[1].1),
        "requests opened a connection of their own".to_owned(),
    )];
    let dns = profile_use.class == Class::Dns;
    let code = if dns { "name_resolved_per_request" } else { "connection_per_request" };
    let cause = wording::cause(code, Confidence::Likely, &told, facts);
    let draft = Draft {
        family: profile_use.family.to_string(),
        ..draft(profile_use.class, host, host.clone(), cause, profile.sdk.language)
    };
    Some(draft.over_requests(profile, profile_use))
}
