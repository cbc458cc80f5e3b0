//! Looks for one long stretch of the critical path that no span covers.
//!
//! ```text
//! GET /report
//!   SELECT items   ├─┤
//!                      ····· 1.8 s, nothing ·····
//!   PUT store/{id}                                ├──┤
//! ```
//!
//! Own time in many short stretches is work, and work needs no span. One long
//! stretch may be work as well, or a call, a lock, a garbage collection or a
//! sleep: the trace does not tell, so the cause stays undetermined, and what
//! stood before and after is said. Left alone are requests with few calls,
//! where spans are missing everywhere; streams and those who wait for news; what follows the last call of the entry
//! span, where an answer is written or streamed; pauses between equal calls and
//! before another attempt; and requests that look up credentials, which are
//! mostly the first of their process and load code.

use hotspan_knowledge::knowledge;
use hotspan_model::{Class, Confidence, Finding};

use super::Detector;
use super::finding::{Amount, Draft};
use super::repetition::name_of_call;
use super::scene::Scene;
use crate::repeats::operation_key;
use crate::study::{Slice, Study};
use crate::{figures, wording};

pub(super) const DETECTOR: Detector = Detector {
    slug: "unexplained-gap",
    title: "Time that no span covers",
    unit: ("gap", "gaps"),
    in_segment,
    uses: None,
    in_profile: None,
};

/// What stands beside a stretch, among the children of its span.
struct Beside {
    before: Option<usize>,
    after: Option<usize>,
}

fn in_segment(scene: &mut Scene<'_, '_>) {
    let (study, limits) = (scene.study, &scene.thresholds.gaps);
    let is_long =
        |slice: &&Slice| slice.family.is_none() && slice.duration_ns() >= limits.stretch_ns_min;
    if !study.slices.iter().any(|slice| is_long(&slice)) || !can_tell(scene) {
        return;
    }
    let opened = opened(study);
    let uncovered = || study.slices.iter().filter(|slice| is_uncovered(&opened, slice));
    let Some(longest) = uncovered().filter(is_long).max_by_key(|slice| slice.duration_ns()) else {
        return;
    };
    let own_ns = uncovered().fold(0, |sum: i64, slice| sum.saturating_add(slice.duration_ns()));
    let beside = beside(study, longest);
    if is_long_enough(scene, longest, own_ns, &beside) && !is_explained(scene, longest, &beside) {
        let finding = finding(scene, longest, &beside);
        scene.report(finding, []);
    }
}

/// Time of a span that is known to have children, while none of them ran.
fn is_uncovered(opened: &[bool], slice: &Slice) -> bool {
    slice.family.is_none() && opened[slice.span]
}

/// For each span whether it is one that others were opened in. A span without
/// any is a name for what happens in it, and so is one that calls only happen
/// to lie in, unless its SDK hangs all spans beside those they were opened in.
fn opened(study: &Study<'_>) -> Vec<bool> {
    let (spans, tree) = (&study.segment.spans, &study.tree);
    let sdk = &study.segment.facts.sdk;
    let known = knowledge().sdks.telemetry(&sdk.name);
    let flat = known.is_some_and(|known| known.is_flat(&sdk.version));
    let mut opened = vec![false; spans.len()];
    for &span in &tree.order {
        if let Some(parent) = tree.parents[span].filter(|_| flat || !tree.inferred[span]) {
            opened[parent] = spans[parent].call.is_none();
        }
    }
    opened
}

fn can_tell(scene: &Scene<'_, '_>) -> bool {
    let study = scene.study;
    let calls = study.segment.spans.iter().filter(|span| span.call.is_some()).count();
    let endpoint = &study.segment.facts.endpoint.name;
    // The method says nothing about who is asked.
    let path = endpoint.split_once(' ').map_or(endpoint.as_ref(), |(_, path)| path);
    !knowledge().natural.is_request("", path)
        && !knowledge().timeouts.waits_by_nature(endpoint)
        && calls >= scene.thresholds.gaps.calls_min
        && study.lookups.families.is_empty()
        && study.cut_at.is_none()
}

fn beside(study: &Study<'_>, slice: &Slice) -> Beside {
    let spans = &study.segment.spans;
    let children = &study.tree.children[slice.span];
    let behind = children.partition_point(|&child| spans[child].start < slice.end);
    let ended = children[..behind].iter().copied().filter(|&child| spans[child].end <= slice.end);
    Beside {
        before: ended.max_by_key(|&child| (spans[child].end, child)),
        after: children.get(behind).copied(),
    }
}

fn is_long_enough(scene: &Scene<'_, '_>, slice: &Slice, own_ns: i64, beside: &Beside) -> bool {
    let (study, limits) = (scene.study, &scene.thresholds.gaps);
    let nanos = slice.duration_ns();
    let share = scene.share_of(nanos);
    let of_own = nanos as f64 / own_ns.max(1) as f64;
    let at_edge = beside.before.is_none() || beside.after.is_none();
    let (stretch_ns_min, share_min) = match at_edge {
        true => (limits.edge_ns_min, limits.edge_share_min),
        false => (limits.stretch_ns_min, limits.share_min),
    };
    let writes_answer = beside.after.is_none() && slice.span == study.segment.entry;
    !writes_answer
        && nanos >= stretch_ns_min
        && share >= share_min
        && of_own >= limits.own_share_min
}

/// True when something else has said what the time is, or when it lies between
/// equal calls: a pause before the next look, or before another attempt.
fn is_explained(scene: &Scene<'_, '_>, slice: &Slice, beside: &Beside) -> bool {
    let spans = &scene.study.segment.spans;
    let again = match (beside.before, beside.after) {
        (Some(before), Some(after)) => {
            let (before, after) = (&spans[before], &spans[after]);
            let calls = before.call.is_some() && after.call.is_some();
            let same = operation_key(before) == operation_key(after);
            before.name == after.name || (calls && same) || before.failed()
        }
        _ => false,
    };
    again || scene.is_claimed(slice.start, slice.end)
}

fn finding(scene: &Scene<'_, '_>, slice: &Slice, beside: &Beside) -> Finding {
    let study = scene.study;
    let spans = &study.segment.spans;
    let nanos = slice.duration_ns();
    let name = |span: Option<usize>, none: &str| {
        span.map_or_else(|| none.to_owned(), |span| name_of_call(&spans[span]))
    };
    let before = name(beside.before, "the beginning of it");
    let after = name(beside.after, "the end of it");
    let parent = match slice.span == study.segment.entry {
        true => study.segment.facts.endpoint.name.to_string(),
        false => spans[slice.span].name.to_string(),
    };
    let at = figures::duration(slice.start.since(study.segment.entry_span().start).max(0));
    let told = [
        ("time", figures::duration(nanos)),
        ("share", figures::percent(scene.share_of(nanos))),
        ("parent", parent.clone()),
        ("before", before.clone()),
        ("after", after.clone()),
        ("at", at.clone()),
    ];
    let facts = vec![
        (before, "is what ended before it".to_owned()),
        (after, "is what began after it".to_owned()),
        (at, "from the beginning of the request on".to_owned()),
    ];
    let draft = Draft {
        detector: DETECTOR.slug,
        class: Class::Own,
        family: format!("{} {parent}", DETECTOR.slug),
        subject: format!("Time without a span: {parent}"),
        cause: wording::cause("time_without_span", Confidence::Undetermined, &told, facts),
        fixes: wording::fixes("time_without_span", "", study.segment.facts.sdk.language),
        templates: vec![parent.clone()],
        // Where in it the stretch lies changes from request to request.
        identity: vec![parent],
    };
    let evidence = [beside.before, Some(slice.span), beside.after].into_iter().flatten();
    let amount = Amount {
        lookups: 1.0,
        calls: 1.0,
        wall_ns: nanos,
        hidden_ns: nanos,
        evidence: evidence.map(|span| spans[span].span_id).collect(),
    };
    draft.in_trace(study, amount)
}
