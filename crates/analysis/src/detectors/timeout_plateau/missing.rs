//! Time-outs without a span: where a telemetry SDK drops the spans of calls
//! that timed out, the same gap stands again and again before the next call.
//!
//! Only where the SDK is known to do so, and only for gaps of one length that
//! is a time-out or a multiple of it. Gaps before credential lookups are not
//! among them: they are the lookups' own.

use hotspan_knowledge::{Timeout, knowledge};
use hotspan_model::time::NANOS_PER_MILLI;
use hotspan_model::{Class, Confidence, UnixNanos};

use super::super::finding::{Amount, Draft};
use super::super::repetition::name_of_call;
use super::super::scene::Scene;
use super::decision::{is_at, known_sentence};
use super::{DETECTOR, longest_equal};
use crate::repeats::operation_key;
use crate::study::Study;
use crate::{figures, wording};

/// So many attempts may have timed out before the next call.
const ATTEMPTS_MAX: i64 = 3;

/// A stretch without a span, and the call behind it.
struct Gap {
    from: UnixNanos,
    to: UnixNanos,
    before: usize,
}

impl Gap {
    fn nanos(&self) -> i64 {
        self.to.since(self.from)
    }
}

/// Reports gaps that are time-outs.
pub(super) fn report(scene: &mut Scene<'_, '_>) {
    let mut gaps = gaps(scene);
    gaps.sort_by_key(Gap::nanos);
    let spread = scene.thresholds.timeouts.spread_max;
    let mut rest = gaps.as_slice();
    while let Some(first) = rest.first() {
        let longest = longest_equal(first.nanos(), spread);
        let equal = rest.partition_point(|gap| gap.nanos() <= longest);
        if equal >= scene.thresholds.timeouts.calls_min {
            report_equal(scene, &rest[..equal]);
        }
        rest = &rest[equal..];
    }
}

/// Long stretches between two children of a span that do different things:
/// whoever asks for the same after a pause has waited on purpose.
fn gaps(scene: &Scene<'_, '_>) -> Vec<Gap> {
    let study = scene.study;
    let spans = &study.segment.spans;
    let waited_ns_min = scene.thresholds.timeouts.waited_ns_min;
    let gap = |slice: &&crate::study::Slice| {
        let children = &study.tree.children[slice.span];
        let next = children.partition_point(|&child| spans[child].start < slice.end);
        let (&before, last) = (children.get(next)?, next.checked_sub(1).map(|at| children[at]));
        let again = |last: usize| operation_key(&spans[last]) == operation_key(&spans[before]);
        let fetches = spans[before].call.is_some() && study.lookups.owners[before].is_none();
        (fetches && !last.is_some_and(again)).then_some(Gap {
            from: slice.start,
            to: slice.end,
            before,
        })
    };
    let long = study.slices.iter().filter(|slice| {
        slice.family.is_none()
            && slice.duration_ns() >= waited_ns_min
            && spans[slice.span].call.is_none()
    });
    long.filter_map(|slice| gap(&slice)).collect()
}

fn report_equal(scene: &mut Scene<'_, '_>, gaps: &[Gap]) {
    let study = scene.study;
    let length_ns = gaps[gaps.len() / 2].nanos();
    let Some((timeout_ms, attempts, known)) = time_out(study, length_ns) else {
        return;
    };
    let wall_ns = timeout_ms * NANOS_PER_MILLI * attempts * gaps.len() as i64;
    if !scene.is_worth(wall_ns) {
        return;
    }
    let finding = draft(scene, gaps, wall_ns, (timeout_ms, attempts, known));
    scene.report(finding, []);
    for gap in gaps {
        scene.claim(gap.from, gap.to);
    }
}

/// The time-out that a gap consists of, and how often.
fn time_out(study: &Study<'_>, gap_ns: i64) -> Option<(i64, i64, Option<&'static Timeout>)> {
    let language = study.segment.facts.sdk.language.slug();
    let timeouts = &knowledge().timeouts;
    let kinds = ["http", "cache", "connect"];
    let known = |attempts: i64| {
        let fits = |ms: i64| is_at(gap_ns / attempts, ms);
        let found = kinds.iter().find_map(|kind| timeouts.find(language, kind, false, fits))?;
        Some((found.ms, attempts, Some(found)))
    };
    known(1)
        .or_else(|| timeouts.round(|ms| is_at(gap_ns, ms)).map(|ms| (ms, 1, None)))
        .or_else(|| (2..=ATTEMPTS_MAX).find_map(known))
}

fn draft(
    scene: &Scene<'_, '_>,
    gaps: &[Gap],
    wall_ns: i64,
    (timeout_ms, attempts, known): (i64, i64, Option<&Timeout>),
) -> hotspan_model::Finding {
    const CODE: &str = "timeouts_without_spans";
    let study = scene.study;
    let spans = &study.segment.spans;
    let mut next: Vec<String> = gaps.iter().map(|gap| name_of_call(&spans[gap.before])).collect();
    next.sort_unstable();
    next.dedup();
    let length = figures::duration(gaps[gaps.len() / 2].nanos());
    let count = figures::count(gaps.len() as u64);
    let told = [
        ("at_least", study.cut_at.map_or("", |_| "at least ").to_owned()),
        ("calls", count.clone()),
        ("length", length.clone()),
        ("call", next.join(", ")),
        ("known", known_sentence(timeout_ms * NANOS_PER_MILLI, known, true)),
        ("time", figures::duration(wall_ns)),
        ("share", figures::percent(scene.share_of(wall_ns))),
    ];
    let facts = vec![
        (format!("{count} × {length}"), "gaps of one length on the critical path".to_owned()),
        (figures::count(attempts as u64), "time-outs that fit into each".to_owned()),
    ];
    let draft = Draft {
        detector: DETECTOR.slug,
        class: Class::Own,
        family: format!("{} without a span", DETECTOR.slug),
        subject: format!("Time-outs without a span: before {}", next.join(", ")),
        cause: wording::cause(CODE, Confidence::Possible, &told, facts),
        fixes: wording::fixes(CODE, "", study.segment.facts.sdk.language),
        templates: next,
        identity: vec!["without a span".to_owned()],
    };
    let amount = Amount {
        lookups: gaps.len() as f64,
        calls: gaps.len() as f64 * attempts as f64,
        wall_ns,
        hidden_ns: wall_ns,
        evidence: gaps.iter().map(|gap| spans[gap.before].span_id).collect(),
    };
    draft.in_trace(study, amount)
}
