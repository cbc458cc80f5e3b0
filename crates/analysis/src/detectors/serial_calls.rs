//! Looks for requests that run one after the other although none needs what
//! another brought.
//!
//! ```text
//! GET /users/7/dashboard
//!   GET profiles/users/7    ├── 120 ms ──┤
//!   GET orders?user=7                     ├─── 180 ms ───┤
//!   GET points/users/7                                    ├── 90 ms ──┤
//! ```
//!
//! That an address names only what was known before the first of them shows
//! that it needs no other's answer: the values are those of the request served
//! or of the first call. What a body, a header or a decision takes from an
//! answer is not seen, so nothing here is more than likely. Left alone are
//! writes and what follows them, calls that decide about others (logins,
//! permissions, flags), lookups, tokens and secrets, databases, whose one
//! connection runs one statement at a time, and remote procedures, whose
//! arguments no span tells.

use hotspan_knowledge::knowledge;
use hotspan_model::{CallKind, Class, Confidence, Finding};

use super::Detector;
use super::finding::{Amount, Draft};
use super::repetition::{class_of, name_of_call};
use super::scene::Scene;
use crate::digest::SpanDigest;
use crate::repeats::{SLACK_NS, is_write};
use crate::study::Study;
use crate::{figures, wording};

pub(super) const DETECTOR: Detector = Detector {
    slug: "serial-calls",
    title: "Independent calls one after the other",
    unit: ("call", "calls"),
    in_segment,
    uses: None,
    in_profile: None,
};

/// Where so many bits of known values are set, too little is told by them.
const KNOWN_BITS_MAX: u32 = 20;

fn in_segment(scene: &mut Scene<'_, '_>) {
    for run in runs(scene) {
        for calls in independent(scene, &run) {
            if let Some(finding) = finding(scene, &calls) {
                scene.report(finding, calls.iter().copied());
            }
        }
    }
}

/// Calls of a segment that follow each other at once, at most quick reads in
/// between.
fn runs(scene: &Scene<'_, '_>) -> Vec<Vec<usize>> {
    let (study, limits) = (scene.study, &scene.thresholds.order);
    let spans = &study.segment.spans;
    let mut runs: Vec<Vec<usize>> = Vec::new();
    // The call after which the last run may go on: one of it or one aside.
    let mut open: Option<usize> = None;
    for call in outermost(study) {
        let follows = open.is_some_and(|last| {
            let gap = spans[call].start.since(spans[last].end);
            (-SLACK_NS..=limits.gap_ns_max).contains(&gap)
        });
        let fits = is_candidate(scene, call);
        match runs.last_mut().filter(|_| follows) {
            Some(run) if fits => run.push(call),
            _ if fits => runs.push(vec![call]),
            _ => {}
        }
        let goes_on = fits || (follows && is_aside(scene, call));
        open = goes_on.then_some(call);
    }
    runs.retain(|run| run.len() >= limits.calls_min);
    runs
}

/// True for a read that is over so soon that it belongs to the work between
/// two requests. What it brings and a request names is no known value.
fn is_aside(scene: &Scene<'_, '_>, call: usize) -> bool {
    const CACHE_READS: [&str; 6] = ["GET", "MGET", "HGET", "HMGET", "HGETALL", "EXISTS"];
    let span = &scene.study.segment.spans[call];
    let quick = span.duration_ns() <= scene.thresholds.order.aside_ns_max && !span.failed();
    quick
        && span.call.as_ref().is_some_and(|known| {
            let first = known.operation.split(' ').next().unwrap_or_default();
            match known.class {
                Class::Database => !is_write(span),
                Class::Cache => CACHE_READS.contains(&first),
                Class::Http => !is_write(span) && !knowledge().order.is_gate(&known.operation),
                _ => false,
            }
        })
}

/// Every call that is not part of another, by start.
fn outermost(study: &Study<'_>) -> Vec<usize> {
    let spans = &study.segment.spans;
    let mut inside = vec![false; spans.len()];
    let mut calls = Vec::new();
    for &span in &study.tree.order {
        let parent = study.tree.parents[span];
        inside[span] = parent.is_some_and(|parent| inside[parent]);
        if !inside[span] && spans[span].call.is_some() {
            inside[span] = true;
            calls.push(span);
        }
    }
    calls.sort_unstable_by_key(|&call| (spans[call].start, call));
    calls
}

/// True for a request that reads, was answered, and was waited for.
fn is_candidate(scene: &Scene<'_, '_>, call: usize) -> bool {
    let (study, limits) = (scene.study, &scene.thresholds.order);
    let span = &study.segment.spans[call];
    let nanos = span.duration_ns();
    scene.is_free(call)
        && nanos >= limits.call_ns_min
        && (200..300).contains(&span.http_status)
        && span.asked != 0
        && span.traits.page == 0
        && study.paths.of_set_ns([call]) as f64 >= nanos as f64 * limits.waited_share_min
        && span.call.as_ref().is_some_and(|known| {
            let method = known.operation.split(' ').next().unwrap_or_default();
            known.kind == CallKind::Http
                && known.class == Class::Http
                && matches!(method, "GET" | "HEAD")
                // GraphQL asks by its body.
                && !known.operation.contains('(')
                && !knowledge().timeouts.waits_by_nature(&known.operation)
                && !knowledge().order.is_gate(&known.operation)
        })
}

/// Parts of a run whose addresses name nothing that an answer in it brought.
fn independent(scene: &Scene<'_, '_>, run: &[usize]) -> Vec<Vec<usize>> {
    let (study, calls_max) = (scene.study, scene.thresholds.order.calls_max);
    let spans = &study.segment.spans;
    let fits = |part: &[usize], call| part.len() < calls_max && is_another(study, part, call);
    let served = study.segment.entry_span().values;
    // A request that names too much tells nothing.
    let served = if served == u64::MAX { 0 } else { served };
    let mut parts: Vec<(u64, Vec<usize>)> = Vec::new();
    for &call in run {
        let values = spans[call].values;
        match parts.last_mut() {
            Some((known, part)) if values & !*known == 0 && fits(part, call) => {
                part.push(call);
            }
            _ => parts.push((served | values, vec![call])),
        }
    }
    parts.retain(|(known, _)| known.count_ones() <= KNOWN_BITS_MAX);
    parts.into_iter().map(|(_, part)| part).collect()
}

/// False for a call that asks for the same as one before it: the answer can be
/// kept, or is expected to change.
fn is_another(study: &Study<'_>, part: &[usize], call: usize) -> bool {
    part.iter().all(|&other| study.asked(other) != study.asked(call))
}

fn finding(scene: &Scene<'_, '_>, calls: &[usize]) -> Option<Finding> {
    let (study, limits) = (scene.study, &scene.thresholds.order);
    let spans = &study.segment.spans;
    let (&first, others) = calls.split_first()?;
    let nanos = |call: &usize| study.paths.of_set_ns([*call]);
    let longest = calls.iter().map(nanos).max().unwrap_or(0);
    let all_ns = study.paths.of_set_ns(calls.iter().copied());
    let saved_ns = all_ns - longest;
    let share = scene.share_of(saved_ns);
    let enough = calls.len() >= limits.calls_min
        && saved_ns >= limits.saved_ns_min
        && share >= limits.saved_share_min
        && scene.is_worth(saved_ns);
    if !enough {
        return None;
    }
    // An address without a value may still name what an answer brought.
    let named = others.iter().filter(|&&call| spans[call].values != 0).count();
    let confidence = if named == others.len() { Confidence::Likely } else { Confidence::Possible };
    let names = names_of(spans, calls);
    let told = [
        ("at_least", study.cut_at.map_or("", |_| "at least ").to_owned()),
        ("calls", figures::count(calls.len() as u64)),
        ("names", names.join(", ")),
        ("shown", shown(named == others.len(), &name_of_call(&spans[first]))),
        ("time", figures::duration(all_ns)),
        ("saved", figures::duration(saved_ns)),
        ("share", figures::percent(share)),
    ];
    let facts = vec![
        (figures::duration(all_ns), "all of them together".to_owned()),
        (figures::duration(saved_ns), "of it beside the longest".to_owned()),
        (
            format!("{named} of {}", others.len()),
            "of the others name values, all of which were known before the first".to_owned(),
        ),
    ];
    // Which calls are long enough changes from request to request.
    let place = place_of(study, calls);
    let draft = Draft {
        detector: DETECTOR.slug,
        class: class_of(&spans[first]),
        family: format!("{} {place}", DETECTOR.slug),
        subject: format!("One after the other: {}", enough_of(&names)),
        cause: wording::cause("independent_in_turn", confidence, &told, facts),
        fixes: wording::fixes("independent_in_turn", "", study.segment.facts.sdk.language),
        templates: names,
        identity: vec![place],
    };
    let amount = Amount {
        lookups: others.len() as f64,
        calls: calls.len() as f64,
        wall_ns: saved_ns,
        hidden_ns: 0,
        evidence: calls.iter().map(|&call| spans[call].span_id).collect(),
    };
    Some(draft.in_trace(study, amount))
}

fn shown(all_named: bool, first: &str) -> String {
    match all_named {
        true => format!(
            "What their addresses name was known before {first} began, so none of them takes its \
             address from another's answer."
        ),
        false => "Not all of their addresses name a value, so nothing shows that one takes its \
                  address from another's answer."
            .to_owned(),
    }
}

/// The first of the names, and how many more there are.
fn enough_of(names: &[String]) -> String {
    const NAMES_MAX: usize = 3;
    match names.len().checked_sub(NAMES_MAX).filter(|more| *more > 0) {
        Some(more) => format!("{} and {more} more", names[..NAMES_MAX].join(", ")),
        None => names.join(", "),
    }
}

/// The name of the span that all calls lie under.
fn place_of(study: &Study<'_>, calls: &[usize]) -> String {
    let holds = |span: usize| {
        let below = &study.tree.order[study.paths.below(span)];
        calls.iter().all(|call| below.contains(call))
    };
    let mut at = calls.first().and_then(|&call| study.tree.parents[call]);
    while let Some(span) = at.filter(|&span| span != study.segment.entry && !holds(span)) {
        at = study.tree.parents[span];
    }
    match at.filter(|&span| span != study.segment.entry) {
        Some(span) => study.segment.spans[span].name.to_string(),
        None => study.segment.facts.endpoint.name.to_string(),
    }
}

/// The names of calls, each once, in order.
fn names_of(spans: &[SpanDigest], calls: &[usize]) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for name in calls.iter().map(|&call| name_of_call(&spans[call])) {
        if !names.contains(&name) {
            names.push(name);
        }
    }
    names
}
