//! Looks for calls that end at a time-out: for durations that are a wait.
//!
//! ```text
//! GET stock/items/1  ├──────── 5.00 s ────────┤ ✗
//! GET stock/items/2  ├──────── 5.01 s ────────┤ ✗    equal, and no answer
//! GET stock/items/3  ├──────── 5.00 s ────────┤ ✗
//!
//! POST pay/charges   ├─────────────── 60.0 s ───────────────┤ ✗   one, at a
//!                                                   client's known time-out
//! GET api/a  ├ 5.01 s ┤   GET api/b  ┤├   GET api/c  ├ 5.01 s ┤
//!                     answered all the same, but only after a wait of the
//!                     resolver or the kernel, while others take milliseconds
//!    5.0 s   GET …      5.0 s   GET …      gaps of one length, where the
//!                                          telemetry SDK drops spans of calls
//!                                          that timed out; or one of whole
//!                                          seconds, when nothing lies between
//! ```
//!
//! What is waited for by its nature is left alone: long polling, blocking
//! commands, streams. So are calls of credential lookups, which have a
//! detector, and attempts that retries are reported for.

mod at_once;
mod decision;
mod missing;

use hotspan_knowledge::knowledge;
use hotspan_model::normalise::url;
use hotspan_model::time::NANOS_PER_MILLI;
use hotspan_model::{CallKind, Status};

use self::decision::{Verdict, decide};
use super::Detector;
use super::finding::{Amount, Draft};
use super::repetition::{class_of, name_of_call};
use super::scene::Scene;
use crate::classify::set_up::ACQUIRE;
use crate::digest::{Remark, SpanDigest};
use crate::repeats::without_numbers;
use crate::study::Study;
use crate::{figures, wording};

pub(super) const DETECTOR: Detector = Detector {
    slug: "timeout-plateau",
    title: "Calls that end at a time-out",
    unit: ("call", "calls"),
    in_segment,
    uses: None,
    in_profile: None,
};

/// Timers are exact to this; shorter differences say nothing.
const SLACK_NS: i64 = 20 * NANOS_PER_MILLI;
/// No time-out is shorter.
const ANSWERS_NS: i64 = 100 * NANOS_PER_MILLI;

fn in_segment(scene: &mut Scene<'_, '_>) {
    let study = scene.study;
    let silence = tells_every_answer(study);
    let mut waits: Vec<(u64, bool, i64, usize)> = long_calls(scene)
        .into_iter()
        .map(|call| {
            let span = &study.segment.spans[call];
            let unanswered = is_unanswered(span) || (silence && tells_no_answer(span));
            (target_of(span), unanswered, span.duration_ns(), call)
        })
        .collect();
    waits.sort_unstable();
    for target in waits.chunk_by(|one, other| (one.0, one.1) == (other.0, other.1)) {
        for calls in of_equal_length(target, scene.thresholds.timeouts.spread_max) {
            if let Some(verdict) = decide(scene, &calls, target[0].1) {
                report(scene, &calls, &verdict);
            }
        }
    }
    if drops_timed_out(study) {
        missing::report(scene);
        at_once::report(scene);
    }
}

/// True when the telemetry SDK leaves out spans of calls that timed out.
fn drops_timed_out(study: &Study<'_>) -> bool {
    let sdk = &study.segment.facts.sdk;
    let known = knowledge().sdks.telemetry(&sdk.name);
    known.is_some_and(|known| known.drops_timed_out(&sdk.version))
}

/// Calls that took long and that nothing else explains. Of a call that lies in
/// another, the inner one: it is nearer to what is waited for.
fn long_calls(scene: &Scene<'_, '_>) -> Vec<usize> {
    let study = scene.study;
    let spans = &study.segment.spans;
    let waited_ns_min = scene.thresholds.timeouts.waited_ns_min;
    let is_long = |call: &usize| {
        let span = &spans[*call];
        span.duration_ns() >= waited_ns_min
            && span.call.as_ref().is_some_and(|call| {
                // Who waits for a pool has a detector.
                let acquires = call.kind == CallKind::Connect && call.operation == ACQUIRE;
                !acquires && !knowledge().timeouts.waits_by_nature(&call.operation)
            })
            && study.lookups.owners[*call].is_none()
            && !scene.is_reported(*call)
    };
    let calls: Vec<usize> = (0..spans.len()).filter(is_long).collect();
    let mut outer = vec![false; if calls.is_empty() { 0 } else { spans.len() }];
    for &call in &calls {
        let mut above = study.tree.parents[call];
        while let Some(parent) = above.filter(|&parent| !outer[parent]) {
            outer[parent] = true;
            above = study.tree.parents[parent];
        }
    }
    calls.into_iter().filter(|&call| !outer[call]).collect()
}

fn target_of(span: &SpanDigest) -> u64 {
    let target = span.call.as_ref().map_or("", |call| &call.target);
    without_numbers(target).wrapping_mul(31).wrapping_add(class_of(span).index() as u64)
}

/// True for a call that failed and got no answer that its span tells.
fn is_unanswered(span: &SpanDigest) -> bool {
    let no_status = span.http_status == 0 || span.is_nameless();
    span.remark == Remark::TimedOut || (span.status == Status::Error && no_status)
}

/// True when the telemetry SDK writes a status for every answer: then a request
/// without one got none. Short ones without are spans that the program made
/// itself, and those tell nothing.
fn tells_every_answer(study: &Study<'_>) -> bool {
    let known = knowledge().sdks.telemetry(&study.segment.facts.sdk.name);
    let is_short = |span: &SpanDigest| span.duration_ns() < ANSWERS_NS;
    known.is_some_and(|known| known.tells_every_answer)
        && !study.segment.spans.iter().any(|span| is_short(span) && tells_no_answer(span))
}

/// True for a request whose span says neither what came back nor that it failed.
fn tells_no_answer(span: &SpanDigest) -> bool {
    let is_request = span.call.as_ref().is_some_and(|call| call.kind == CallKind::Http);
    is_request && span.http_status == 0 && span.status != Status::Error
}

/// Cuts calls (by duration) where the next is longer than the first by more
/// than the spread.
fn of_equal_length(calls: &[(u64, bool, i64, usize)], spread: f64) -> Vec<Vec<usize>> {
    let mut lengths: Vec<(i64, Vec<usize>)> = Vec::new();
    for &(_, _, nanos, call) in calls {
        let equals = |first: i64| nanos <= longest_equal(first, spread);
        match lengths.last_mut().filter(|(first, _)| equals(*first)) {
            Some((_, calls)) => calls.push(call),
            None => lengths.push((nanos, vec![call])),
        }
    }
    lengths.into_iter().map(|(_, calls)| calls).collect()
}

/// The longest of what counts as equal to the shortest.
fn longest_equal(shortest_ns: i64, spread: f64) -> i64 {
    shortest_ns.saturating_add((shortest_ns as f64 * spread) as i64).saturating_add(SLACK_NS)
}

/// What the time-out of a call is called in the knowledge tables.
fn kind_of(span: &SpanDigest) -> &'static str {
    match span.call.as_ref().map(|call| call.kind) {
        Some(CallKind::Rpc) => "rpc",
        Some(CallKind::Database) => "database",
        Some(CallKind::Cache) => "cache",
        Some(CallKind::Message) => "queue",
        Some(CallKind::Dns) => "dns",
        Some(CallKind::Connect) => "connect",
        Some(CallKind::Http) | None => "http",
    }
}

fn report(scene: &mut Scene<'_, '_>, calls: &[usize], verdict: &Verdict) {
    let study = scene.study;
    let spans = &study.segment.spans;
    let wall_ns = study.paths.of_set_ns(calls.iter().copied());
    let first = &spans[calls[0]];
    let name = name_of(study, calls);
    let target = first.call.as_ref().map_or("", |call| &call.target);
    let identity = vec![if target.is_empty() { name.clone() } else { url::path_template(target) }];
    let mut told = verdict.figures.clone();
    told.extend([
        ("at_least", study.cut_at.map_or("", |_| "at least ").to_owned()),
        ("call", name.clone()),
        ("calls", figures::count(calls.len() as u64)),
        ("time", figures::duration(wall_ns)),
        ("share", figures::percent(scene.share_of(wall_ns))),
    ]);
    let draft = Draft {
        detector: DETECTOR.slug,
        class: class_of(first),
        family: format!("{} {}", DETECTOR.slug, identity[0]),
        subject: format!("Time-outs: {name}"),
        cause: wording::cause(verdict.code, verdict.confidence, &told, verdict.facts.clone()),
        fixes: wording::fixes(verdict.code, "", study.segment.facts.sdk.language),
        templates: vec![name],
        identity,
    };
    let nameless = calls.iter().copied().filter(|&call| spans[call].is_nameless());
    let amount = Amount {
        lookups: calls.len() as f64,
        calls: calls.len() as f64,
        wall_ns,
        hidden_ns: study.paths.of_set_ns(nameless),
        evidence: calls.iter().map(|&call| spans[call].span_id).collect(),
    };
    let finding = draft.in_trace(study, amount);
    scene.report(finding, calls.iter().copied());
    // The call that one of them is a part of took as long for the same reason.
    let around = |call: &usize| study.tree.parents[*call];
    let around = calls.iter().filter_map(around).filter(|&span| spans[span].call.is_some());
    scene.explain(around);
}

/// The operation when all calls have one, else whom they call.
fn name_of(study: &Study<'_>, calls: &[usize]) -> String {
    let spans = &study.segment.spans;
    let first = &spans[calls[0]];
    let same = |call: &usize| spans[*call].name == first.name;
    let target = first.call.as_ref().map_or("", |call| &call.target);
    let sets_up = matches!(kind_of(first), "connect" | "dns");
    match name_of_call(first) {
        name if sets_up => format!("{name} {target}").trim_end().to_owned(),
        _ if first.is_nameless() => "a call without a name".to_owned(),
        name if calls.iter().all(same) || target.is_empty() => name,
        _ => format!("a call to {target}"),
    }
}
